package modelapi

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// setDefaults sets what the API server sets where a manifest says nothing, of the fields that this project meets.
func setDefaults(object runtime.Object) {
	switch of := object.(type) {
	case *corev1.Namespace:
		if of.Name != "" {
			if of.Labels == nil {
				of.Labels = map[string]string{}
			}
			of.Labels[corev1.LabelMetadataName] = of.Name
		}
	case *corev1.Secret:
		defaultSecret(of)
	case *corev1.Pod:
		defaultPod(&of.Spec)
		fallBack(&of.Spec.EnableServiceLinks, corev1.DefaultEnableServiceLinks)
	case *appsv1.Deployment:
		defaultDeployment(&of.Spec)
	case *appsv1.ReplicaSet:
		fallBack(&of.Spec.Replicas, 1)
		defaultPod(&of.Spec.Template.Spec)
	case *appsv1.StatefulSet:
		defaultStatefulSet(&of.Spec)
	case *appsv1.DaemonSet:
		defaultDaemonSet(&of.Spec)
	}
}

// fallBack sets a pointer that is nil.
func fallBack[T any](to **T, value T) {
	if *to == nil {
		*to = ptr.To(value)
	}
}

// orElse sets a value that is zero.
func orElse[T comparable](to *T, value T) {
	var zero T
	if *to == zero {
		*to = value
	}
}

func defaultSecret(secret *corev1.Secret) {
	orElse(&secret.Type, corev1.SecretTypeOpaque)
	for key, value := range secret.StringData {
		if secret.Data == nil {
			secret.Data = map[string][]byte{}
		}
		secret.Data[key] = []byte(value)
	}
	secret.StringData = nil
}

func defaultPod(spec *corev1.PodSpec) {
	orElse(&spec.RestartPolicy, corev1.RestartPolicyAlways)
	orElse(&spec.DNSPolicy, corev1.DNSClusterFirst)
	orElse(&spec.SchedulerName, corev1.DefaultSchedulerName)
	fallBack(&spec.TerminationGracePeriodSeconds, corev1.DefaultTerminationGracePeriodSeconds)
	fallBack(&spec.SecurityContext, corev1.PodSecurityContext{})
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			defaultContainer(&containers[i])
		}
	}
	for i := range spec.Volumes {
		defaultVolume(&spec.Volumes[i])
	}
}

func defaultContainer(container *corev1.Container) {
	orElse(&container.TerminationMessagePath, corev1.TerminationMessagePathDefault)
	orElse(&container.TerminationMessagePolicy, corev1.TerminationMessageReadFile)
	orElse(&container.ImagePullPolicy, corev1.PullAlways)
}

func defaultVolume(volume *corev1.Volume) {
	switch source := &volume.VolumeSource; {
	case source.Secret != nil:
		fallBack(&source.Secret.DefaultMode, corev1.SecretVolumeSourceDefaultMode)
	case source.ConfigMap != nil:
		fallBack(&source.ConfigMap.DefaultMode, corev1.ConfigMapVolumeSourceDefaultMode)
	case source.Projected != nil:
		fallBack(&source.Projected.DefaultMode, corev1.ProjectedVolumeSourceDefaultMode)
	}
}

const (
	defaultHistory  = 10
	defaultProgress = 600
)

func defaultDeployment(spec *appsv1.DeploymentSpec) {
	fallBack(&spec.Replicas, 1)
	fallBack(&spec.RevisionHistoryLimit, defaultHistory)
	fallBack(&spec.ProgressDeadlineSeconds, defaultProgress)
	orElse(&spec.Strategy.Type, appsv1.RollingUpdateDeploymentStrategyType)
	if spec.Strategy.Type == appsv1.RollingUpdateDeploymentStrategyType {
		fallBack(&spec.Strategy.RollingUpdate, appsv1.RollingUpdateDeployment{})
		fallBack(&spec.Strategy.RollingUpdate.MaxUnavailable, intstr.FromString("25%"))
		fallBack(&spec.Strategy.RollingUpdate.MaxSurge, intstr.FromString("25%"))
	}
	defaultPod(&spec.Template.Spec)
}

func defaultStatefulSet(spec *appsv1.StatefulSetSpec) {
	fallBack(&spec.Replicas, 1)
	fallBack(&spec.RevisionHistoryLimit, defaultHistory)
	orElse(&spec.PodManagementPolicy, appsv1.OrderedReadyPodManagement)
	orElse(&spec.UpdateStrategy.Type, appsv1.RollingUpdateStatefulSetStrategyType)
	if spec.UpdateStrategy.Type == appsv1.RollingUpdateStatefulSetStrategyType {
		fallBack(&spec.UpdateStrategy.RollingUpdate, appsv1.RollingUpdateStatefulSetStrategy{})
		fallBack(&spec.UpdateStrategy.RollingUpdate.Partition, 0)
	}
	fallBack(&spec.PersistentVolumeClaimRetentionPolicy, appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{})
	orElse(&spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted, appsv1.RetainPersistentVolumeClaimRetentionPolicyType)
	orElse(&spec.PersistentVolumeClaimRetentionPolicy.WhenScaled, appsv1.RetainPersistentVolumeClaimRetentionPolicyType)
	defaultPod(&spec.Template.Spec)
}

func defaultDaemonSet(spec *appsv1.DaemonSetSpec) {
	fallBack(&spec.RevisionHistoryLimit, defaultHistory)
	orElse(&spec.UpdateStrategy.Type, appsv1.RollingUpdateDaemonSetStrategyType)
	if spec.UpdateStrategy.Type == appsv1.RollingUpdateDaemonSetStrategyType {
		fallBack(&spec.UpdateStrategy.RollingUpdate, appsv1.RollingUpdateDaemonSet{})
		fallBack(&spec.UpdateStrategy.RollingUpdate.MaxUnavailable, intstr.FromInt32(1))
		fallBack(&spec.UpdateStrategy.RollingUpdate.MaxSurge, intstr.FromInt32(0))
	}
	defaultPod(&spec.Template.Spec)
}
