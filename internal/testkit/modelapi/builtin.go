package modelapi

import (
	"encoding/json"
	"fmt"
	"reflect"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/controller-runtime/pkg/client"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// builtin are the rules of a built-in kind. Objects have their Go type.
type builtin struct {
	kind      *kind
	scheme    *runtime.Scheme
	hasStatus bool
}

func (b *builtin) managers(types managedfields.TypeConverter) (map[string]*managedfields.FieldManager, error) {
	gv := b.kind.GroupVersion()
	reset := map[string]*fieldpath.Set{"": fieldpath.NewSet()}
	if b.hasStatus {
		reset[""] = fieldpath.NewSet(fieldpath.MakePathOrDie(status))
		reset[status] = fieldpath.NewSet(resetByStatus(b.kind.Kind)...)
	}
	made := map[string]*managedfields.FieldManager{}
	for sub, fields := range reset {
		filter := fieldpath.NewExcludeFilterSetMap(map[fieldpath.APIVersion]*fieldpath.Set{fieldpath.APIVersion(gv.String()): fields})
		manager, err := managedfields.NewDefaultFieldManager(types, b, b, b, b.kind.GroupVersionKind, gv, sub, filter)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b.kind.Kind, err)
		}
		made[sub] = manager
	}
	return made, nil
}

// resetByStatus are the fields that a write of the status of a kind leaves alone.
func resetByStatus(kind string) []fieldpath.Path {
	spec := fieldpath.MakePathOrDie("spec")
	switch kind {
	case "Pod":
		return []fieldpath.Path{spec, fieldpath.MakePathOrDie("metadata", "deletionTimestamp"), fieldpath.MakePathOrDie("metadata", "ownerReferences")}
	case "Deployment":
		return []fieldpath.Path{spec, fieldpath.MakePathOrDie("metadata", "labels")}
	default:
		return []fieldpath.Path{spec}
	}
}

// Convert implements runtime.ObjectConvertor.
func (*builtin) Convert(_, _, _ any) error { return fmt.Errorf("objects are converted as a whole") }

// ConvertToVersion implements runtime.ObjectConvertor: there is one version, and what server-side apply merged gets its Go type.
func (b *builtin) ConvertToVersion(in runtime.Object, _ runtime.GroupVersioner) (runtime.Object, error) {
	u, ok := in.(*unstructured.Unstructured)
	if !ok {
		return in, nil
	}
	object, err := b.New(b.kind.GroupVersionKind)
	if err != nil {
		return nil, err
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, object); err != nil {
		return nil, fmt.Errorf("convert: %w", err)
	}
	return object, nil
}

// ConvertFieldLabel implements runtime.ObjectConvertor.
func (*builtin) ConvertFieldLabel(_ schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}

// New implements runtime.ObjectCreater.
func (b *builtin) New(of schema.GroupVersionKind) (runtime.Object, error) {
	made, err := b.scheme.New(of)
	if err != nil {
		return nil, fmt.Errorf("scheme: %w", err)
	}
	made.GetObjectKind().SetGroupVersionKind(of)
	return made, nil
}

// Default implements runtime.ObjectDefaulter.
func (*builtin) Default(object runtime.Object) { setDefaults(object) }

// read implements rules.
func (b *builtin) read(data []byte) (client.Object, error) {
	made, err := b.New(b.kind.GroupVersionKind)
	if err != nil {
		return nil, err
	}
	object, ok := made.(client.Object)
	if !ok {
		return nil, fmt.Errorf("a %T is no object", made)
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(data, object); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	object.GetObjectKind().SetGroupVersionKind(b.kind.GroupVersionKind)
	setDefaults(object)
	return object, nil
}

// canonical is an object as it comes back from a store: with defaults once more, and nothing is empty that can be absent.
func canonical(k *kind, object client.Object) (client.Object, error) {
	if by, ok := k.rules.(runtime.ObjectDefaulter); ok {
		by.Default(object)
	}
	if _, ok := object.(*unstructured.Unstructured); ok {
		return object, nil
	}
	data, err := json.Marshal(object)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	fresh, ok := reflect.New(reflect.TypeOf(object).Elem()).Interface().(client.Object)
	if !ok {
		return nil, apierrors.NewInternalError(fmt.Errorf("a %T is no object", object))
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(data, fresh); err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	return fresh, nil
}

// part is a field of an object: its spec or its status.
func part(object client.Object, name string) reflect.Value {
	return reflect.ValueOf(object).Elem().FieldByName(name)
}

// prepareCreate implements rules.
func (b *builtin) prepareCreate(object client.Object) {
	if b.hasStatus {
		part(object, "Status").SetZero()
		object.SetGeneration(1)
	} else {
		object.SetGeneration(0)
	}
	switch of := object.(type) {
	case *corev1.Namespace:
		of.Generation = 0
		of.Status.Phase = corev1.NamespaceActive
		of.Spec.Finalizers = []corev1.FinalizerName{corev1.FinalizerKubernetes}
	case *corev1.Pod:
		of.Status.Phase, of.Status.QOSClass = corev1.PodPending, corev1.PodQOSBestEffort
	}
}

// prepareUpdate implements rules.
func (b *builtin) prepareUpdate(sub string, object, old client.Object) {
	if sub == status {
		b.prepareStatus(object, old)
		return
	}
	if b.hasStatus {
		part(object, "Status").Set(part(copyOf(old), "Status"))
	}
	if of, ok := object.(*corev1.Namespace); ok {
		if before, ok := old.(*corev1.Namespace); ok {
			of.Spec = *before.Spec.DeepCopy()
		}
		return
	}
	if b.hasStatus && differs(object, old) {
		object.SetGeneration(old.GetGeneration() + 1)
	}
}

// differs tells whether an update makes another generation. Of Deployments, annotations count.
func differs(object, old client.Object) bool {
	if !equality.Semantic.DeepEqual(part(object, "Spec").Interface(), part(old, "Spec").Interface()) {
		return true
	}
	_, isDeployment := object.(*appsv1.Deployment)
	return isDeployment && !equality.Semantic.DeepEqual(object.GetAnnotations(), old.GetAnnotations())
}

// prepareStatus leaves alone what a write of the status does not write.
func (*builtin) prepareStatus(object, old client.Object) {
	before := copyOf(old)
	part(object, "Spec").Set(part(before, "Spec"))
	switch of := object.(type) {
	case *corev1.Pod:
		if pod, ok := before.(*corev1.Pod); ok {
			orElse(&of.Status.QOSClass, pod.Status.QOSClass)
		}
		object.SetDeletionTimestamp(before.GetDeletionTimestamp())
		object.SetOwnerReferences(before.GetOwnerReferences())
	case *appsv1.Deployment:
		object.SetLabels(before.GetLabels())
	}
}
