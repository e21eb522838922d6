package harness

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// entry is the key of an object in the cache.
type entry struct {
	kind string
	name client.ObjectKey
}

// cache is what a process' informers hold: what the API server had when the process last looked, of the same kinds and
// with the same selectors as the operator's own.
type cache struct {
	objects map[entry]client.Object
	indexes map[string]client.IndexerFunc
}

func newCache() *cache {
	return &cache{objects: map[entry]client.Object{}, indexes: map[string]client.IndexerFunc{}}
}

// IndexField implements client.FieldIndexer.
func (c *cache) IndexField(_ context.Context, object client.Object, field string, extract client.IndexerFunc) error {
	c.indexes[kindOf(object)+"."+field] = extract
	return nil
}

// holds tells whether objects like this are cached at all.
func (*cache) holds(object client.Object) bool {
	switch object.(type) {
	case *v1alpha1.GatewayToken, *v1alpha1.TokenIssuer, *v1alpha1.ClusterTokenIssuer, *corev1.Secret, *metav1.PartialObjectMetadata:
		return true
	default:
		return false
	}
}

func entryOf(object client.Object) entry {
	return entry{cachedKind(object), client.ObjectKeyFromObject(object)}
}

// cachedKind is Namespace for metadata: the operator caches no other metadata.
func cachedKind(object client.Object) string {
	if _, ok := object.(*metav1.PartialObjectMetadata); ok {
		return "Namespace"
	}
	return kindOf(object)
}

func (c *cache) get(name client.ObjectKey, into client.Object) error {
	found := c.objects[entry{cachedKind(into), name}]
	if found == nil {
		return apierrors.NewNotFound(schema.GroupResource{Resource: cachedKind(into)}, name.Name)
	}
	reflect.ValueOf(into).Elem().Set(reflect.ValueOf(found.DeepCopyObject()).Elem())
	return nil
}

func (c *cache) list(into client.ObjectList, options ...client.ListOption) error {
	var set client.ListOptions
	set.ApplyOptions(options)
	kind := strings.TrimSuffix(kindOf(into), "List")
	var items []runtime.Object
	for _, key := range c.keys() {
		if key.kind != kind || (set.Namespace != "" && key.name.Namespace != set.Namespace) {
			continue
		}
		object := c.objects[key]
		matches, err := c.matches(object, set)
		if err != nil {
			return err
		}
		if matches {
			items = append(items, object.DeepCopyObject())
		}
	}
	return meta.SetList(into, items)
}

// matches applies selectors as the cache of controller-runtime does: one index, and exact matches only.
func (c *cache) matches(object client.Object, set client.ListOptions) (bool, error) {
	if set.LabelSelector != nil && !set.LabelSelector.Matches(labels.Set(object.GetLabels())) {
		return false, nil
	}
	if set.FieldSelector == nil {
		return true, nil
	}
	for _, wanted := range set.FieldSelector.Requirements() {
		extract := c.indexes[kindOf(object)+"."+wanted.Field]
		if extract == nil {
			return false, fmt.Errorf("no index of %s by %s", kindOf(object), wanted.Field)
		}
		if !slices.Contains(extract(object), wanted.Value) {
			return false, nil
		}
	}
	return true, nil
}

// keys are all keys in an order that is always the same.
func (c *cache) keys() []entry {
	keys := make([]entry, 0, len(c.objects))
	for key := range c.objects {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b entry) int {
		return strings.Compare(a.kind+"/"+a.name.String(), b.kind+"/"+b.name.String())
	})
	return keys
}

// change is one object that differs from what the cache had: before is nil for a new one, after for one that is gone.
type change struct{ before, after client.Object }

// replace takes what the API server has of some objects, and tells what changed.
func (c *cache) replace(keys []entry, found map[entry]client.Object) []change {
	var changes []change
	for _, key := range keys {
		before, after := c.objects[key], found[key]
		switch {
		case before == nil && after == nil:
			continue
		case after == nil:
			changes = append(changes, change{before: before})
		case before == nil:
			changes = append(changes, change{after: after})
		case before.GetUID() != after.GetUID():
			changes = append(changes, change{before: before}, change{after: after})
		case before.GetResourceVersion() != after.GetResourceVersion():
			changes = append(changes, change{before, after})
		}
		if after == nil {
			delete(c.objects, key)
		} else {
			c.objects[key] = after
		}
	}
	return changes
}

// track has the world look at an object from now on. Of ConfigMaps the operator caches none, and sees changes of those that issuers
// name.
func (w *World) track(kind string, name client.ObjectKey) {
	key := entry{kind, name}
	if (fresh(kind) != nil || kind == "ConfigMap") && !slices.Contains(w.tracked, key) {
		w.tracked = append(w.tracked, key)
	}
}

// fresh gives an empty object of a kind that the operator caches; nil for other kinds.
func fresh(kind string) client.Object {
	switch kind {
	case v1alpha1.KindGatewayToken:
		return &v1alpha1.GatewayToken{}
	case v1alpha1.KindTokenIssuer:
		return &v1alpha1.TokenIssuer{}
	case v1alpha1.KindClusterTokenIssuer:
		return &v1alpha1.ClusterTokenIssuer{}
	case "Secret":
		return &corev1.Secret{}
	case "Namespace":
		namespace := &metav1.PartialObjectMetadata{}
		namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind))
		return namespace
	default:
		return nil
	}
}

// look reads from the API server what the operator's informers would hold of some objects. It gets one after the other,
// since a list waits for the API server's own cache.
func (w *World) look(ctx context.Context, keys []entry) (map[entry]client.Object, error) {
	found := map[entry]client.Object{}
	for _, key := range keys {
		object := fresh(key.kind)
		if object == nil {
			continue
		}
		err := w.admin.Get(ctx, key.name, object)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if secret, ok := object.(*corev1.Secret); ok {
			if secret.Labels[v1alpha1.LabelManagedBy] != v1alpha1.OperatorName {
				continue
			}
			w.times.show(secret)
		} else {
			object.SetManagedFields(nil)
		}
		found[key] = object
	}
	return found, nil
}

// allOf reads all objects of one kind.
func allOf[T client.Object](w *World) []T {
	w.t.Helper()
	found, err := w.look(w.ctx(), w.tracked)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []T
	for _, key := range w.tracked {
		if one, ok := found[key].(T); ok {
			all = append(all, one)
		}
	}
	return all
}
