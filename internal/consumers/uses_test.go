package consumers

import (
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

const secret = "mediator-token"

// local refers to the Secret by name.
func local() corev1.LocalObjectReference { return corev1.LocalObjectReference{Name: secret} }

func fromKey() []corev1.EnvVar {
	return []corev1.EnvVar{{Name: "TOKEN", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: local(), Key: "token"}}}}
}

func fromAll() []corev1.EnvFromSource {
	return []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: local()}}}
}

// inVolume is a pod with a volume that its container mounts in whole, unless a change says otherwise.
func inVolume(source corev1.VolumeSource, changes ...func(*corev1.VolumeMount)) corev1.PodSpec {
	mount := corev1.VolumeMount{Name: "v", MountPath: "/v"}
	for _, change := range changes {
		change(&mount)
	}
	return corev1.PodSpec{
		Volumes:    []corev1.Volume{{Name: "v", VolumeSource: source}},
		Containers: []corev1.Container{{Name: "main", VolumeMounts: []corev1.VolumeMount{mount}}},
	}
}

func inFiles() corev1.VolumeSource {
	return corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: secret}}
}

func projected() corev1.VolumeSource {
	return corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
		{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: local()}},
		{Secret: &corev1.SecretProjection{LocalObjectReference: local()}},
	}}}
}

func TestUsage(t *testing.T) {
	files, fixed := usage{files: true}, usage{fixed: true}
	tests := map[string]struct {
		reason string
		spec   corev1.PodSpec
		secret string // another one than the usual, where it is set
		want   usage
	}{
		"nothing":              {reason: "a pod that names no Secret uses none"},
		"no name":              {reason: "a reference that was left out has an empty name, too", spec: corev1.PodSpec{ImagePullSecrets: []corev1.LocalObjectReference{{}}}, secret: "-"},
		"one key":              {reason: "read when the container starts", spec: corev1.PodSpec{Containers: []corev1.Container{{Env: fromKey()}}}, want: fixed},
		"all keys":             {reason: "read when the container starts", spec: corev1.PodSpec{Containers: []corev1.Container{{EnvFrom: fromAll()}}}, want: fixed},
		"second container":     {reason: "every container is looked at", spec: corev1.PodSpec{Containers: []corev1.Container{{}, {Env: fromKey()}}}, want: fixed},
		"init container":       {reason: "it may have left the value to the others", spec: corev1.PodSpec{InitContainers: []corev1.Container{{Env: fromKey()}}}, want: fixed},
		"ephemeral container":  {reason: "somebody works in it", spec: corev1.PodSpec{EphemeralContainers: []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{EnvFrom: fromAll()}}}}, want: fixed},
		"image":                {reason: "the node keeps what it has pulled with", spec: corev1.PodSpec{ImagePullSecrets: []corev1.LocalObjectReference{{Name: "other"}, local()}}, want: fixed},
		"files":                {reason: "the kubelet replaces them", spec: inVolume(inFiles()), want: files},
		"projected files":      {reason: "the kubelet replaces them", spec: inVolume(projected()), want: files},
		"files, not mounted":   {reason: "the kubelet has written them all the same", spec: corev1.PodSpec{Volumes: []corev1.Volume{{Name: "v", VolumeSource: inFiles()}}}, want: files},
		"one file":             {reason: "a mount of a part never changes", spec: inVolume(inFiles(), func(m *corev1.VolumeMount) { m.SubPath = "token" }), want: usage{files: true, fixed: true}},
		"one file, computed":   {reason: "a mount of a part never changes", spec: inVolume(projected(), func(m *corev1.VolumeMount) { m.SubPathExpr = "$(X)" }), want: usage{files: true, fixed: true}},
		"part of another":      {reason: "what is mounted in part is not the Secret", spec: corev1.PodSpec{Volumes: inVolume(inFiles()).Volumes, Containers: []corev1.Container{{VolumeMounts: []corev1.VolumeMount{{Name: "w", SubPath: "x"}}}}}, want: files},
		"driver":               {reason: "a driver keeps its login", spec: inVolume(corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{NodePublishSecretRef: &corev1.LocalObjectReference{Name: secret}}}), want: fixed},
		"driver without login": {reason: "most have none", spec: inVolume(corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{}})},
		"ConfigMap":            {reason: "another kind may have the same name", spec: inVolume(corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: local()}})},
		"ConfigMap's key":      {reason: "another kind may have the same name", spec: corev1.PodSpec{Containers: []corev1.Container{{Env: []corev1.EnvVar{{Value: secret}, {ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: local()}}}}, EnvFrom: []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: local()}}}}}}},
		"another Secret":       {reason: "not the one that was asked for", spec: inVolume(inFiles()), secret: "other"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			asked := secret
			if tc.secret != "" {
				asked = strings.Trim(tc.secret, "-")
			}
			if got := usageOf(&tc.spec, asked); got != tc.want {
				t.Errorf("%s: want %+v, got %+v", tc.reason, tc.want, got)
			}
			if got := Uses(&tc.spec, asked); got != tc.want.any() {
				t.Errorf("%s: Uses says %t", tc.reason, got)
			}
		})
	}
}

// Whatever field of a pod names a Secret, Uses knows it, also one that a later version of Kubernetes brings: every way through
// the type that leads to a name of a Secret is tried.
func TestUsesKnowsEveryField(t *testing.T) {
	tried := map[string]bool{}
	walk(reflect.TypeFor[corev1.PodSpec](), nil, func(path []int, name string) {
		var spec corev1.PodSpec
		set(reflect.ValueOf(&spec).Elem(), path)
		tried[name] = true
		if !Uses(&spec, secret) {
			t.Errorf("%s names a Secret, and Uses does not know it", name)
		}
	})
	// What the walk must at least have come by, lest it find nothing.
	for _, want := range []string{
		"ImagePullSecrets.Name", "InitContainers.Env.ValueFrom.SecretKeyRef.Name", "EphemeralContainers.EnvFrom.SecretRef.Name",
		"Volumes.Secret.SecretName", "Volumes.Projected.Sources.Secret.Name", "Volumes.CSI.NodePublishSecretRef.Name", "Volumes.AzureFile.SecretName",
	} {
		if !tried[want] {
			t.Errorf("%s was not tried", want)
		}
	}
	if len(tried) != 18 {
		t.Errorf("18 fields named a Secret when the list in the comment of Uses was written; now %d do: %v", len(tried), tried)
	}
}

// walk visits the fields that hold the name of a Secret: those called SecretName, and Name below one that speaks of a Secret.
func walk(in reflect.Type, path []int, visit func([]int, string)) {
	var step func(in reflect.Type, path []int, names []string)
	step = func(in reflect.Type, path []int, names []string) {
		switch in.Kind() {
		case reflect.Pointer, reflect.Slice:
			step(in.Elem(), path, names)
		case reflect.Struct:
			for i := range in.NumField() {
				field := in.Field(i)
				under := names
				if !field.Anonymous {
					under = append(append([]string{}, names...), field.Name)
				}
				step(field.Type, append(append([]int{}, path...), i), under)
			}
		case reflect.String:
			name := strings.Join(names, ".")
			if last := names[len(names)-1]; last == "SecretName" || last == "Name" && strings.Contains(names[max(len(names)-2, 0)], "Secret") {
				visit(path, name)
			}
		}
	}
	step(in, path, nil)
}

// set sets the field at the end of the path, and makes what is on its way.
func set(value reflect.Value, path []int) {
	for {
		switch value.Kind() {
		case reflect.Pointer:
			value.Set(reflect.New(value.Type().Elem()))
			value = value.Elem()
		case reflect.Slice:
			value.Set(reflect.MakeSlice(value.Type(), 1, 1))
			value = value.Index(0)
		case reflect.String:
			value.SetString(secret)
			return
		default:
			value, path = value.Field(path[0]), path[1:]
		}
	}
}
