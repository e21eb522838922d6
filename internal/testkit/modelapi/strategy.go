package modelapi

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// strategy is what the API server's library asks of a kind before a create or an update. It asks the rules of the kind.
type strategy struct {
	*kind
	sub string
}

var (
	_ rest.RESTCreateStrategy = strategy{}
	_ rest.RESTUpdateStrategy = strategy{}
)

// both gives the rules two objects with their type.
func (strategy) both(object, old runtime.Object) (client.Object, client.Object) {
	return asObject(object), asObject(old)
}

func asObject(of runtime.Object) client.Object {
	object, ok := of.(client.Object)
	if !ok {
		return nil
	}
	return object
}

// ObjectKinds implements runtime.ObjectTyper.
func (s strategy) ObjectKinds(runtime.Object) ([]schema.GroupVersionKind, bool, error) {
	return []schema.GroupVersionKind{s.GroupVersionKind}, false, nil
}

// Recognizes implements runtime.ObjectTyper.
func (s strategy) Recognizes(gvk schema.GroupVersionKind) bool { return gvk == s.GroupVersionKind }

// GenerateName implements names.NameGenerator. The server has generated it before.
func (strategy) GenerateName(base string) string { return base }

// NamespaceScoped implements both strategies.
func (s strategy) NamespaceScoped() bool { return s.namespaced }

// PrepareForCreate implements rest.RESTCreateStrategy.
func (s strategy) PrepareForCreate(_ context.Context, object runtime.Object) {
	s.rules.prepareCreate(asObject(object))
}

// PrepareForUpdate implements rest.RESTUpdateStrategy.
func (s strategy) PrepareForUpdate(_ context.Context, object, old runtime.Object) {
	after, before := s.both(object, old)
	s.rules.prepareUpdate(s.sub, after, before)
}

// Validate implements rest.RESTCreateStrategy.
func (s strategy) Validate(_ context.Context, object runtime.Object) field.ErrorList {
	return s.rules.validate(asObject(object))
}

// ValidateUpdate implements rest.RESTUpdateStrategy.
func (s strategy) ValidateUpdate(_ context.Context, object, old runtime.Object) field.ErrorList {
	after, before := s.both(object, old)
	return s.rules.validateUpdate(s.sub, after, before)
}

// WarningsOnCreate implements rest.RESTCreateStrategy.
func (strategy) WarningsOnCreate(context.Context, runtime.Object) []string { return nil }

// WarningsOnUpdate implements rest.RESTUpdateStrategy.
func (strategy) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string {
	return nil
}

// Canonicalize implements both strategies.
func (strategy) Canonicalize(object runtime.Object) { setDefaults(object) }

// AllowCreateOnUpdate implements rest.RESTUpdateStrategy.
func (strategy) AllowCreateOnUpdate(context.Context) bool { return false }

// AllowUnconditionalUpdate implements rest.RESTUpdateStrategy.
func (s strategy) AllowUnconditionalUpdate(context.Context) bool { return s.unconditional }
