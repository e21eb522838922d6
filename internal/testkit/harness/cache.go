package harness

import (
	"cmp"
	"context"
	"fmt"
	"maps"
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
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// entry is the key of an object in the cache.
type entry struct {
	kind string
	name client.ObjectKey
}

// cache is what a process' informers hold: what the API server had when the process last looked, of the same kinds and
// with the same selectors as the operator's own. It finds by index what the operator finds by index, however much there is.
type cache struct {
	objects map[entry]client.Object
	indexes map[string]*index
	// sorted are the keys of each kind in an order that is always the same; none of a kind of which something came or went since.
	sorted map[string][]entry
}

func newCache() *cache {
	return &cache{objects: map[entry]client.Object{}, indexes: map[string]*index{}, sorted: map[string][]entry{}}
}

// index finds the objects of one kind by what a function extracts from them.
type index struct {
	kind    string
	extract client.IndexerFunc
	found   map[string]map[entry]bool
}

func (i *index) add(key entry, object client.Object) {
	for _, value := range i.extract(object) {
		if i.found[value] == nil {
			i.found[value] = map[entry]bool{}
		}
		i.found[value][key] = true
	}
}

func (i *index) remove(key entry, object client.Object) {
	for _, value := range i.extract(object) {
		delete(i.found[value], key)
	}
}

// IndexField implements client.FieldIndexer. As in the operator, indexes come before objects.
func (c *cache) IndexField(_ context.Context, object client.Object, field string, extract client.IndexerFunc) error {
	c.indexes[kindOf(object)+"."+field] = &index{kind: kindOf(object), extract: extract, found: map[string]map[entry]bool{}}
	return nil
}

// put has the cache hold another object at a key; none for nil.
func (c *cache) put(key entry, after client.Object) {
	before := c.objects[key]
	for _, index := range c.indexes {
		if index.kind != key.kind {
			continue
		}
		if before != nil {
			index.remove(key, before)
		}
		if after != nil {
			index.add(key, after)
		}
	}
	if (before == nil) != (after == nil) {
		delete(c.sorted, key.kind)
	}
	if after == nil {
		delete(c.objects, key)
		return
	}
	c.objects[key] = after
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
	keys, err := c.candidates(strings.TrimSuffix(kindOf(into), "List"), set)
	if err != nil {
		return err
	}
	var items []runtime.Object
	for _, key := range keys {
		object := c.objects[key]
		elsewhere := set.Namespace != "" && key.name.Namespace != set.Namespace
		if elsewhere || (set.LabelSelector != nil && !set.LabelSelector.Matches(labels.Set(object.GetLabels()))) {
			continue
		}
		items = append(items, object.DeepCopyObject())
	}
	return meta.SetList(into, items)
}

// candidates are the keys of a kind, of one index where a field is selected by: as the cache of controller-runtime has it, by
// exact matches only.
func (c *cache) candidates(kind string, set client.ListOptions) ([]entry, error) {
	if set.FieldSelector == nil {
		return c.keys(kind), nil
	}
	wanted := set.FieldSelector.Requirements()
	if len(wanted) != 1 {
		return nil, fmt.Errorf("%d fields to list %s by, want one", len(wanted), kind)
	}
	index := c.indexes[kind+"."+wanted[0].Field]
	if index == nil {
		return nil, fmt.Errorf("no index of %s by %s", kind, wanted[0].Field)
	}
	return slices.SortedFunc(maps.Keys(index.found[wanted[0].Value]), entry.compare), nil
}

// keys are all keys of a kind.
func (c *cache) keys(kind string) []entry {
	if c.sorted[kind] == nil {
		for key := range c.objects {
			if key.kind == kind {
				c.sorted[kind] = append(c.sorted[kind], key)
			}
		}
		slices.SortFunc(c.sorted[kind], entry.compare)
	}
	return c.sorted[kind]
}

// compare orders the keys of one kind.
func (e entry) compare(other entry) int {
	return cmp.Or(strings.Compare(e.name.Namespace, other.name.Namespace), strings.Compare(e.name.Name, other.name.Name))
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
		c.put(key, after)
	}
	return changes
}

// track has the world look at an object from now on. Of ConfigMaps the operator caches none, and sees changes of those that issuers
// name.
func (w *World) track(kind string, name client.ObjectKey) {
	key := entry{kind, name}
	if (fresh(kind) != nil || kind == "ConfigMap") && !w.isTracked[key] {
		w.isTracked[key] = true
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

// many is from how many objects of one kind and namespace on they are read by a list. Fewer are got one after the other, since a
// list waits for the API server's own cache.
const many = 32

// look reads from the API server what the operator's informers would hold of some objects.
func (w *World) look(ctx context.Context, keys []entry) (map[entry]client.Object, error) {
	found := map[entry]client.Object{}
	for where, some := range byPlace(keys) {
		var err error
		if where.namespace != "" && len(some) >= many {
			err = w.lookAtAll(ctx, where, some, found)
		} else {
			err = w.lookAtEach(ctx, some, found)
		}
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// whereabouts are what a list is of.
type whereabouts struct{ kind, namespace string }

func byPlace(keys []entry) map[whereabouts][]entry {
	places := map[whereabouts][]entry{}
	for _, key := range keys {
		where := whereabouts{key.kind, key.name.Namespace}
		places[where] = append(places[where], key)
	}
	return places
}

func (w *World) lookAtEach(ctx context.Context, keys []entry, found map[entry]client.Object) error {
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
			return err
		}
		w.seen(key, object, found)
	}
	return nil
}

// lookAtAll lists, and takes what was asked for: the list of a namespace is as new as each of its objects got now.
func (w *World) lookAtAll(ctx context.Context, where whereabouts, keys []entry, found map[entry]client.Object) error {
	kind, err := apiutil.GVKForObject(fresh(where.kind), w.plane.scheme)
	if err != nil {
		return err
	}
	made, err := w.plane.scheme.New(kind.GroupVersion().WithKind(kind.Kind + "List"))
	if err != nil {
		return err
	}
	list, ok := made.(client.ObjectList)
	if !ok {
		return fmt.Errorf("%T is no list", made)
	}
	if err := w.admin.List(ctx, list, client.InNamespace(where.namespace)); err != nil {
		return err
	}
	wanted := map[entry]bool{}
	for _, key := range keys {
		wanted[key] = true
	}
	return meta.EachListItem(list, func(item runtime.Object) error {
		object, ok := item.(client.Object)
		if !ok {
			return fmt.Errorf("%T is no object", item)
		}
		if key := (entry{where.kind, client.ObjectKeyFromObject(object)}); wanted[key] {
			w.seen(key, object, found)
		}
		return nil
	})
}

// seen keeps of what the API server has what an informer of the operator would.
func (w *World) seen(key entry, object client.Object, found map[entry]client.Object) {
	if w.plane.Seen != nil {
		w.plane.Seen(object)
	}
	if secret, ok := object.(*corev1.Secret); ok {
		if secret.Labels[v1alpha1.LabelManagedBy] != v1alpha1.OperatorName {
			return
		}
		w.times.show(secret)
	} else {
		object.SetManagedFields(nil)
	}
	found[key] = object
}

// allOf reads all objects of one kind.
func allOf[T client.Object](w *World) []T {
	w.t.Helper()
	var keys []entry
	for _, key := range w.tracked {
		if _, fits := fresh(key.kind).(T); fits {
			keys = append(keys, key)
		}
	}
	found, err := w.look(w.ctx(), keys)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []T
	for _, key := range keys {
		if one, ok := found[key].(T); ok {
			all = append(all, one)
		}
	}
	return all
}
