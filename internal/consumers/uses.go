package consumers

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Uses tells whether a pod, or the pods of a template, use the Secret of this name in their namespace: by
//
//   - an environment variable, one (valueFrom.secretKeyRef) or all keys (envFrom);
//   - a volume, of its own (secret) or as one source of several (projected), mounted or not;
//   - imagePullSecrets;
//   - a volume whose driver logs in with it: csi (nodePublishSecretRef), azureFile, cephfs, cinder, flexVolume, iscsi, rbd,
//     scaleIO and storageos. These are all the volumes of a pod that name a Secret of the pod's namespace. PersistentVolumes name
//     Secrets, too, but of whatever namespace their administrator likes, and a pod does not show them.
//
// Containers, init containers and ephemeral containers count alike. A reference counts even if it is optional. The API server
// puts the imagePullSecrets of a ServiceAccount into pods and not into templates: with these a pod tells more than its template.
func Uses(spec *corev1.PodSpec, secret string) bool { return usageOf(spec, secret).any() }

// usage is how a pod comes by a Secret.
type usage struct {
	// files: as files, which the kubelet replaces by itself when the Secret changes.
	files bool
	// fixed: in a way that nothing updates while the pod lives.
	fixed bool
}

func (u usage) any() bool { return u.files || u.fixed }

func usageOf(spec *corev1.PodSpec, secret string) usage {
	if secret == "" { // no Secret has this name, but many a reference that was left out
		return usage{}
	}
	files := volumesWith(spec, secret)
	found := usage{files: len(files) > 0}
	for i := range spec.Volumes {
		volume := &spec.Volumes[i]
		// A driver is given the Secret when it mounts the volume, and keeps its login.
		found.fixed = found.fixed || driverSecret(&volume.VolumeSource) == secret
	}
	for _, reference := range spec.ImagePullSecrets {
		found.fixed = found.fixed || reference.Name == secret
	}
	for _, container := range containersOf(spec) {
		found.fixed = found.fixed || inEnvironment(container, secret) || mountsPart(container, files)
	}
	return found
}

// volumesWith names the volumes with files of a Secret.
func volumesWith(spec *corev1.PodSpec, secret string) map[string]bool {
	names := map[string]bool{}
	for i := range spec.Volumes {
		if holdsFiles(&spec.Volumes[i].VolumeSource, secret) {
			names[spec.Volumes[i].Name] = true
		}
	}
	return names
}

// containersWith names the containers that have a Secret in their environment or as files; none where the pod has it in another way.
func containersWith(spec *corev1.PodSpec, secret string) []string {
	files := volumesWith(spec, secret)
	var names []string
	for _, container := range containersOf(spec) {
		mounted := slices.ContainsFunc(container.VolumeMounts, func(mount corev1.VolumeMount) bool { return files[mount.Name] })
		if mounted || inEnvironment(container, secret) {
			names = append(names, container.Name)
		}
	}
	return names
}

// containersOf gives the containers of all three sorts. An init container counts even after it has ended: it may have left what
// it read where the others find it.
func containersOf(spec *corev1.PodSpec) []*corev1.Container {
	all := make([]*corev1.Container, 0, len(spec.InitContainers)+len(spec.Containers)+len(spec.EphemeralContainers))
	for i := range spec.InitContainers {
		all = append(all, &spec.InitContainers[i])
	}
	for i := range spec.Containers {
		all = append(all, &spec.Containers[i])
	}
	for i := range spec.EphemeralContainers {
		all = append(all, (*corev1.Container)(&spec.EphemeralContainers[i].EphemeralContainerCommon))
	}
	return all
}

func inEnvironment(container *corev1.Container, secret string) bool {
	return slices.ContainsFunc(container.Env, func(variable corev1.EnvVar) bool {
		from := variable.ValueFrom
		return from != nil && from.SecretKeyRef != nil && from.SecretKeyRef.Name == secret
	}) || slices.ContainsFunc(container.EnvFrom, func(from corev1.EnvFromSource) bool {
		return from.SecretRef != nil && from.SecretRef.Name == secret
	})
}

// mountsPart: a mount of a part of a volume is bound to the files that were there when the container started. The kubelet
// replaces files beside it, and the container never sees the new ones.
func mountsPart(container *corev1.Container, volumes map[string]bool) bool {
	return slices.ContainsFunc(container.VolumeMounts, func(mount corev1.VolumeMount) bool {
		return volumes[mount.Name] && (mount.SubPath != "" || mount.SubPathExpr != "")
	})
}

func holdsFiles(volume *corev1.VolumeSource, secret string) bool {
	if volume.Secret != nil && volume.Secret.SecretName == secret {
		return true
	}
	return volume.Projected != nil && slices.ContainsFunc(volume.Projected.Sources, func(source corev1.VolumeProjection) bool {
		return source.Secret != nil && source.Secret.Name == secret
	})
}

// driverSecret gives the name of the Secret that the driver of a volume logs in with; empty for none. The API server lets a
// volume have one source only.
func driverSecret(volume *corev1.VolumeSource) string {
	var reference *corev1.LocalObjectReference
	switch {
	case volume.AzureFile != nil:
		return volume.AzureFile.SecretName
	case volume.CSI != nil:
		reference = volume.CSI.NodePublishSecretRef
	case volume.CephFS != nil:
		reference = volume.CephFS.SecretRef
	case volume.Cinder != nil:
		reference = volume.Cinder.SecretRef
	case volume.FlexVolume != nil:
		reference = volume.FlexVolume.SecretRef
	case volume.ISCSI != nil:
		reference = volume.ISCSI.SecretRef
	case volume.RBD != nil:
		reference = volume.RBD.SecretRef
	case volume.ScaleIO != nil:
		reference = volume.ScaleIO.SecretRef
	case volume.StorageOS != nil:
		reference = volume.StorageOS.SecretRef
	}
	if reference == nil {
		return ""
	}
	return reference.Name
}
