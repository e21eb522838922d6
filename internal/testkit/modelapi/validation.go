package modelapi

import (
	"encoding/json"
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// What follows is what the API server checks of built-in kinds, as far as it can come up here: names, Secrets and ConfigMaps in full, and
// of pods and workloads that they have containers and that their selectors fit.

// validate implements rules.
func (b *builtin) validate(object client.Object) field.ErrorList {
	name := validation.NameIsDNSSubdomain
	if b.kind.Kind == "Namespace" {
		name = validation.ValidateNamespaceName
	}
	errs := validation.ValidateObjectMetaAccessor(object, b.kind.namespaced, name, field.NewPath("metadata"))
	return append(errs, validateContent(object)...)
}

func validateContent(object client.Object) field.ErrorList {
	spec := field.NewPath("spec")
	switch of := object.(type) {
	case *corev1.Secret:
		return validateSecret(of)
	case *corev1.ConfigMap:
		return validateConfigMap(of)
	case *corev1.Pod:
		return validatePod(&of.Spec, spec)
	case *appsv1.Deployment:
		return validateWorkload(of.Spec.Selector, &of.Spec.Template, spec)
	case *appsv1.StatefulSet:
		return validateWorkload(of.Spec.Selector, &of.Spec.Template, spec)
	case *appsv1.DaemonSet:
		return validateWorkload(of.Spec.Selector, &of.Spec.Template, spec)
	case *appsv1.ReplicaSet:
		return validateWorkload(of.Spec.Selector, &of.Spec.Template, spec)
	default:
		return nil
	}
}

// validateUpdate implements rules.
func (b *builtin) validateUpdate(_ string, object, old client.Object) field.ErrorList {
	errs := validateContent(object)
	switch of := object.(type) {
	case *corev1.Secret:
		if before, ok := old.(*corev1.Secret); ok {
			errs = append(errs, validation.ValidateImmutableField(of.Type, before.Type, field.NewPath("type"))...)
			errs = append(errs, kept(before.Immutable, of.Immutable, equality.Semantic.DeepEqual(of.Data, before.Data))...)
		}
	case *corev1.ConfigMap:
		if before, ok := old.(*corev1.ConfigMap); ok {
			same := maps.Equal(of.Data, before.Data) && equality.Semantic.DeepEqual(of.BinaryData, before.BinaryData)
			errs = append(errs, kept(before.Immutable, of.Immutable, same)...)
		}
	case *corev1.Pod:
		if before, ok := old.(*corev1.Pod); ok && !equality.Semantic.DeepEqual(withoutImages(of), withoutImages(before)) {
			errs = append(errs, field.Forbidden(field.NewPath("spec"), "pod updates may not change fields other than images"))
		}
	case *appsv1.Deployment:
		if before, ok := old.(*appsv1.Deployment); ok {
			errs = append(errs, validation.ValidateImmutableField(of.Spec.Selector, before.Spec.Selector, field.NewPath("spec", "selector"))...)
		}
	}
	return errs
}

// kept: what is immutable stays, and stays immutable.
func kept(before, after *bool, same bool) field.ErrorList {
	if before == nil || !*before {
		return nil
	}
	if after == nil || !*after || !same {
		return field.ErrorList{field.Forbidden(field.NewPath("data"), "field is immutable when `immutable` is set")}
	}
	return nil
}

func withoutImages(pod *corev1.Pod) corev1.PodSpec {
	spec := pod.Spec.DeepCopy()
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			containers[i].Image = ""
		}
	}
	return *spec
}

// maxData is how much a Secret or a ConfigMap holds.
const maxData = corev1.MaxSecretSize

func validateSecret(secret *corev1.Secret) field.ErrorList {
	data := field.NewPath("data")
	size := 0
	var errs field.ErrorList
	for key, value := range secret.Data {
		size += len(value)
		errs = append(errs, validateKey(data, key)...)
	}
	if size > maxData {
		errs = append(errs, field.TooLong(data, "", maxData))
	}
	return append(errs, validateType(secret, data)...)
}

// validateType checks the keys that a type of Secret must have.
func validateType(secret *corev1.Secret, data *field.Path) (errs field.ErrorList) {
	required := func(keys ...string) {
		for _, key := range keys {
			if _, has := secret.Data[key]; !has {
				errs = append(errs, field.Required(data.Key(key), ""))
			}
		}
	}
	configuration := func(key string) {
		required(key)
		var content map[string]any
		if value, has := secret.Data[key]; has && json.Unmarshal(value, &content) != nil {
			errs = append(errs, field.Invalid(data.Key(key), "", "is no JSON object"))
		}
	}
	switch secret.Type {
	case corev1.SecretTypeDockercfg:
		configuration(corev1.DockerConfigKey)
	case corev1.SecretTypeDockerConfigJson:
		configuration(corev1.DockerConfigJsonKey)
	case corev1.SecretTypeBasicAuth:
		if _, has := secret.Data[corev1.BasicAuthUsernameKey]; !has {
			required(corev1.BasicAuthPasswordKey)
		}
	case corev1.SecretTypeSSHAuth:
		required(corev1.SSHAuthPrivateKey)
	case corev1.SecretTypeTLS:
		required(corev1.TLSCertKey, corev1.TLSPrivateKeyKey)
	case corev1.SecretTypeServiceAccountToken:
		if secret.Annotations[corev1.ServiceAccountNameKey] == "" {
			errs = append(errs, field.Required(field.NewPath("metadata", "annotations").Key(corev1.ServiceAccountNameKey), ""))
		}
	default:
	}
	return errs
}

func validateConfigMap(config *corev1.ConfigMap) field.ErrorList {
	data := field.NewPath("data")
	size := 0
	var errs field.ErrorList
	for key, value := range config.Data {
		size += len(value)
		errs = append(errs, validateKey(data, key)...)
		if _, twice := config.BinaryData[key]; twice {
			errs = append(errs, field.Invalid(data.Key(key), key, "duplicate of key present in binaryData"))
		}
	}
	for key, value := range config.BinaryData {
		size += len(value)
		errs = append(errs, validateKey(field.NewPath("binaryData"), key)...)
	}
	if size > maxData {
		errs = append(errs, field.TooLong(data, "", maxData))
	}
	return errs
}

func validateKey(data *field.Path, key string) (errs field.ErrorList) {
	for _, wrong := range utilvalidation.IsConfigMapKey(key) {
		errs = append(errs, field.Invalid(data.Key(key), key, wrong))
	}
	return errs
}

func validatePod(spec *corev1.PodSpec, path *field.Path) (errs field.ErrorList) {
	containers := path.Child("containers")
	if len(spec.Containers) == 0 {
		errs = append(errs, field.Required(containers, ""))
	}
	for i := range spec.Containers {
		if spec.Containers[i].Name == "" {
			errs = append(errs, field.Required(containers.Index(i).Child("name"), ""))
		}
		if spec.Containers[i].Image == "" {
			errs = append(errs, field.Required(containers.Index(i).Child("image"), ""))
		}
	}
	return errs
}

func validateWorkload(selector *metav1.LabelSelector, template *corev1.PodTemplateSpec, path *field.Path) field.ErrorList {
	errs := validatePod(&template.Spec, path.Child("template", "spec"))
	if selector == nil {
		return append(errs, field.Required(path.Child("selector"), ""))
	}
	chosen, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil || chosen.Empty() || !chosen.Matches(labels.Set(template.Labels)) {
		errs = append(errs, field.Invalid(path.Child("template", "metadata", "labels"), template.Labels, "`selector` does not match template `labels`"))
	}
	return errs
}
