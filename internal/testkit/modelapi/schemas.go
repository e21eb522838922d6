package modelapi

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/yaml"
)

// status is the one subresource that there is.
const status = "status"

// Schemas are the kinds that a server has. They are expensive to make, never change, and serve any number of servers. They remember writes.
type Schemas struct {
	scheme *runtime.Scheme
	mapper meta.RESTMapper
	// kinds are in a fixed order, in which whatever concerns several of them is done.
	kinds []*kind
	// updates are what writes made of objects before, forms how those are stored; nil where nothing is remembered.
	updates, forms *lru.Cache
}

// kind is what a server knows of one kind.
type kind struct {
	schema.GroupVersionKind
	resource   schema.GroupVersionResource
	namespaced bool
	// unconditional: an update need not say which version it is of.
	unconditional bool
	rules         rules
	// managers keep the managed fields, by subresource. Without one for status there is no such subresource.
	managers map[string]*managedfields.FieldManager
}

func (k *kind) group() schema.GroupResource { return k.resource.GroupResource() }

// rules are what a kind adds to what is common to all. What they are given may be changed, but for old objects.
type rules interface {
	// read makes an object from JSON: of the right type, without what the kind does not have, and with defaults.
	read(data []byte) (client.Object, error)
	prepareCreate(object client.Object)
	prepareUpdate(sub string, object, old client.Object)
	validate(object client.Object) field.ErrorList
	validateUpdate(sub string, object, old client.Object) field.ErrorList
}

// Load makes the schemas of the built-in kinds that this project has to do with, and of the CRDs in a directory. The scheme must have
// the Go types of all of them.
func Load(scheme *runtime.Scheme, crds string) (*Schemas, error) {
	s := &Schemas{scheme: scheme, updates: lru.New(remembered), forms: lru.New(remembered)}
	if err := s.addBuiltins(); err != nil {
		return nil, err
	}
	paths, err := filepath.Glob(filepath.Join(crds, "*.yaml"))
	if err != nil || len(paths) == 0 {
		return nil, errors.Join(fmt.Errorf("no CRDs in %s", crds), err)
	}
	slices.Sort(paths)
	for _, path := range paths {
		if err := s.addFile(path); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	mapper := meta.NewDefaultRESTMapper(nil)
	for _, k := range s.kinds {
		scope := meta.RESTScopeRoot
		if k.namespaced {
			scope = meta.RESTScopeNamespace
		}
		mapper.AddSpecific(k.GroupVersionKind, k.resource, k.resource, scope)
	}
	s.mapper = mapper
	return s, nil
}

func (s *Schemas) addBuiltins() error {
	types := applyconfigurations.NewTypeConverter(s.scheme)
	for _, of := range []struct {
		example  client.Object
		resource string
		// noStatus: there is no such subresource.
		noStatus bool
	}{
		// Pods come first: a namespace that is deleted is emptied of them before anything else.
		{example: &corev1.Pod{}, resource: "pods"},
		{example: &corev1.ConfigMap{}, resource: "configmaps", noStatus: true},
		{example: &corev1.Secret{}, resource: "secrets", noStatus: true},
		{example: &appsv1.DaemonSet{}, resource: "daemonsets"},
		{example: &appsv1.Deployment{}, resource: "deployments"},
		{example: &appsv1.ReplicaSet{}, resource: "replicasets"},
		{example: &appsv1.StatefulSet{}, resource: "statefulsets"},
		{example: &corev1.Namespace{}, resource: "namespaces"},
	} {
		gvk, err := apiutil.GVKForObject(of.example, s.scheme)
		if err != nil {
			return fmt.Errorf("scheme: %w", err)
		}
		_, isNamespace := of.example.(*corev1.Namespace)
		k := &kind{
			GroupVersionKind: gvk, resource: gvk.GroupVersion().WithResource(of.resource), namespaced: !isNamespace, unconditional: true,
		}
		rules := &builtin{kind: k, scheme: s.scheme, hasStatus: !of.noStatus}
		k.rules = rules
		if k.managers, err = rules.managers(types); err != nil {
			return err
		}
		s.kinds = append(s.kinds, k)
	}
	return nil
}

func (s *Schemas) addFile(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(content, &crd); err != nil {
		return err
	}
	k, err := customKind(&crd)
	if err != nil {
		return err
	}
	s.kinds = append(s.kinds, k)
	return nil
}

// kindOf finds the kind of an object or a list.
func (s *Schemas) kindOf(object runtime.Object) (*kind, error) {
	gvk, err := apiutil.GVKForObject(object, s.scheme)
	if err != nil {
		return nil, fmt.Errorf("model API server: %w", err)
	}
	if _, isList := object.(client.ObjectList); isList {
		gvk.Kind = strings.TrimSuffix(gvk.Kind, "List")
	}
	return s.kind(gvk)
}

func (s *Schemas) kind(gvk schema.GroupVersionKind) (*kind, error) {
	at := slices.IndexFunc(s.kinds, func(k *kind) bool { return k.GroupVersionKind == gvk })
	if at < 0 {
		return nil, fmt.Errorf("the model API server has no %s", gvk)
	}
	return s.kinds[at], nil
}

// copyOf is an object that can be changed.
func copyOf(object client.Object) client.Object {
	copied, ok := object.DeepCopyObject().(client.Object)
	if !ok {
		panic(fmt.Sprintf("the copy of a %T is no object", object))
	}
	return copied
}
