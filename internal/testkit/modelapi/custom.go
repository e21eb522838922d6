package modelapi

import (
	"context"
	"fmt"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	schemavalidation "k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apiextensions-apiserver/pkg/generated/openapi"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/common"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/controller-runtime/pkg/client"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// custom are the rules of a kind that a CRD defines. Objects are unstructured.
type custom struct {
	kind         schema.GroupVersionKind
	namespaced   bool
	structural   *structuralschema.Structural
	schema       schemavalidation.SchemaValidator
	statusSchema schemavalidation.SchemaValidator
	expressions  *cel.Validator
}

// customKind makes a kind from a CRD, which has one version and a status.
func customKind(crd *apiextensionsv1.CustomResourceDefinition) (*kind, error) {
	if len(crd.Spec.Versions) != 1 || crd.Spec.Versions[0].Subresources == nil || crd.Spec.Versions[0].Subresources.Status == nil {
		return nil, fmt.Errorf("CRD %s: the model wants one version with a status", crd.Name)
	}
	version := crd.Spec.Versions[0]
	c := &custom{
		kind:       schema.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.Kind},
		namespaced: crd.Spec.Scope == apiextensionsv1.NamespaceScoped,
	}
	if err := c.compile(version.Schema); err != nil {
		return nil, fmt.Errorf("CRD %s: %w", crd.Name, err)
	}
	managers, err := c.managers()
	if err != nil {
		return nil, fmt.Errorf("CRD %s: %w", crd.Name, err)
	}
	return &kind{
		GroupVersionKind: c.kind, resource: c.kind.GroupVersion().WithResource(crd.Spec.Names.Plural), namespaced: c.namespaced,
		rules: c, managers: managers,
	}, nil
}

// compile makes the validators.
func (c *custom) compile(from *apiextensionsv1.CustomResourceValidation) error {
	var internal apiextensions.CustomResourceValidation
	if err := apiextensionsv1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(from, &internal, nil); err != nil {
		return err
	}
	structural, err := structuralschema.NewStructural(internal.OpenAPIV3Schema)
	if err != nil {
		return err
	}
	c.structural = structural.DeepCopy()
	if err := defaulting.PruneDefaults(c.structural); err != nil {
		return err
	}
	if c.schema, _, err = schemavalidation.NewSchemaValidator(internal.OpenAPIV3Schema); err != nil {
		return err
	}
	statusSchema := internal.OpenAPIV3Schema.Properties[status]
	if c.statusSchema, _, err = schemavalidation.NewSchemaValidator(&statusSchema); err != nil {
		return err
	}
	c.expressions = cel.NewValidator(c.structural, true, celconfig.PerCallLimit)
	return nil
}

func (c *custom) managers() (map[string]*managedfields.FieldManager, error) {
	types, err := managedfields.NewTypeConverter(c.models(), false)
	if err != nil {
		return nil, err
	}
	version := fieldpath.APIVersion(c.kind.GroupVersion().String())
	made := map[string]*managedfields.FieldManager{}
	for sub, reset := range map[string]*fieldpath.Set{
		"":     fieldpath.NewSet(fieldpath.MakePathOrDie(status)),
		status: fieldpath.NewSet(fieldpath.MakePathOrDie("metadata"), fieldpath.MakePathOrDie("spec")),
	} {
		filter := fieldpath.NewExcludeFilterSetMap(map[fieldpath.APIVersion]*fieldpath.Set{version: reset})
		if made[sub], err = managedfields.NewDefaultCRDFieldManager(types, asItIs{}, c, c, c.kind, c.kind.GroupVersion(), sub, filter); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// models are the kind's schema and those that it refers to, in which field managers read what a list or a map is.
func (c *custom) models() map[string]*spec.Schema {
	models := map[string]*spec.Schema{}
	reference := func(name string) spec.Ref { return spec.MustCreateRef("#/definitions/" + name) }
	for name, definition := range openapi.GetOpenAPIDefinitions(reference) {
		models[name] = &definition.Schema
	}
	own := c.structural.ToKubeOpenAPI()
	own.Properties["apiVersion"], own.Properties["kind"] = *spec.StringProperty(), *spec.StringProperty()
	own.Properties["metadata"] = spec.Schema{SchemaProps: spec.SchemaProps{Ref: reference(metav1.ObjectMeta{}.OpenAPIModelName())}}
	own.AddExtension("x-kubernetes-group-version-kind", []any{map[string]any{
		"group": c.kind.Group, "version": c.kind.Version, "kind": c.kind.Kind,
	}})
	models[c.kind.Kind] = own
	return models
}

// asItIs converts nothing: there is one version.
type asItIs struct{}

// Convert implements runtime.ObjectConvertor.
func (asItIs) Convert(_, _, _ any) error {
	return fmt.Errorf("objects of a CRD are converted as a whole")
}

// ConvertToVersion implements runtime.ObjectConvertor.
func (asItIs) ConvertToVersion(in runtime.Object, _ runtime.GroupVersioner) (runtime.Object, error) {
	return in, nil
}

// ConvertFieldLabel implements runtime.ObjectConvertor.
func (asItIs) ConvertFieldLabel(_ schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}

// New implements runtime.ObjectCreater.
func (*custom) New(of schema.GroupVersionKind) (runtime.Object, error) {
	made := &unstructured.Unstructured{}
	made.SetGroupVersionKind(of)
	return made, nil
}

// Default implements runtime.ObjectDefaulter.
func (c *custom) Default(object runtime.Object) {
	if u, ok := object.(*unstructured.Unstructured); ok {
		defaulting.Default(u.UnstructuredContent(), c.structural)
	}
}

// read implements rules.
func (c *custom) read(data []byte) (client.Object, error) {
	object := &unstructured.Unstructured{Object: map[string]any{}}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(data, &object.Object); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	meta, found, err := objectmeta.GetObjectMeta(object.Object, false)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	pruning.Prune(object.Object, c.structural, true)
	defaulting.PruneNonNullableNullsWithoutDefaults(object.Object, c.structural)
	if wrong := objectmeta.Coerce(nil, object.Object, c.structural, false, false); wrong != nil {
		return nil, apierrors.NewBadRequest(wrong.Error())
	}
	object.SetGroupVersionKind(c.kind)
	if found {
		if err := objectmeta.SetObjectMeta(object.Object, meta); err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
	}
	c.Default(object)
	return object, nil
}

func content(object client.Object) map[string]any {
	u, ok := object.(*unstructured.Unstructured)
	if !ok {
		panic(fmt.Sprintf("a %T is not unstructured", object))
	}
	return u.Object
}

// prepareCreate implements rules.
func (*custom) prepareCreate(object client.Object) {
	delete(content(object), status)
	object.SetGeneration(1)
}

// prepareUpdate implements rules.
func (*custom) prepareUpdate(sub string, object, old client.Object) {
	if sub == status {
		takeStatus(object, old)
		return
	}
	after, before := content(object), content(old)
	delete(after, status)
	if have, ok := before[status]; ok {
		after[status] = have
	}
	if !equality.Semantic.DeepEqual(withoutMetadata(after), withoutMetadata(before)) {
		object.SetGeneration(old.GetGeneration() + 1)
	}
}

// takeStatus leaves of an object its status and its managed fields; the rest is as it was.
func takeStatus(object, old client.Object) {
	fields := object.GetManagedFields()
	after, ok := content(object)[status]
	if u, is := object.(*unstructured.Unstructured); is {
		u.Object = content(copyOf(old))
	}
	object.SetManagedFields(fields)
	delete(content(object), status)
	if ok {
		content(object)[status] = after
	}
}

func withoutMetadata(of map[string]any) map[string]any {
	rest := map[string]any{}
	for key, value := range of {
		if key != "metadata" {
			rest[key] = value
		}
	}
	return rest
}

// validate implements rules.
func (c *custom) validate(object client.Object) field.ErrorList {
	errs := validation.ValidateObjectMetaAccessor(object, c.namespaced, validation.NameIsDNSSubdomain, field.NewPath("metadata"))
	errs = append(errs, schemavalidation.ValidateCustomResource(nil, content(object), c.schema)...)
	errs = append(errs, objectmeta.Validate(context.Background(), nil, content(object), c.structural, false)...)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, c.structural, content(object))...)
	return append(errs, c.evaluate(object, nil, errs)...)
}

// validateUpdate implements rules.
func (c *custom) validateUpdate(sub string, object, old client.Object) field.ErrorList {
	correlated := common.NewCorrelatedObject(content(object), content(old), &model.Structural{Structural: c.structural})
	var errs field.ErrorList
	if sub == status {
		if after, ok := content(object)[status]; ok {
			errs = append(errs, schemavalidation.ValidateCustomResourceUpdate(field.NewPath(status), after, content(old)[status], c.statusSchema,
				schemavalidation.WithRatcheting(correlated.Key(status)))...)
		}
	} else {
		errs = append(errs, schemavalidation.ValidateCustomResourceUpdate(nil, content(object), content(old), c.schema,
			schemavalidation.WithRatcheting(correlated))...)
		errs = append(errs, objectmeta.Validate(context.Background(), nil, content(object), c.structural, false)...)
	}
	if len(listtype.ValidateListSetsAndMaps(nil, c.structural, content(old))) == 0 {
		errs = append(errs, listtype.ValidateListSetsAndMaps(nil, c.structural, content(object))...)
	}
	return append(errs, c.evaluate(object, content(old), errs, cel.WithRatcheting(correlated))...)
}

// evaluate evaluates the rules of the schema, unless the object is so wrong that they could not be.
func (c *custom) evaluate(object client.Object, old map[string]any, errs field.ErrorList, options ...cel.Option) field.ErrorList {
	for _, err := range errs {
		switch err.Type {
		case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
			return nil
		default:
		}
	}
	var before any
	if old != nil {
		before = old
	}
	found, _ := c.expressions.Validate(context.Background(), nil, c.structural, content(object), before, celconfig.RuntimeCELCostBudget, options...)
	return found
}
