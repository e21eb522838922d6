package modelapi

import (
	"encoding/json"
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// encode is an object as a client sends it.
func encode(object client.Object) ([]byte, error) {
	data, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return data, nil
}

// decoded is an object as a Go type.
type decoded struct{ of, as client.Object }

// fill puts what the server has into an object of the caller's, of which nothing stays as it was.
func (s *Server) fill(into, object client.Object) error {
	switch to := into.(type) {
	case *metav1.PartialObjectMetadata:
		kind := to.GroupVersionKind()
		*to = *meta.AsPartialObjectMetadata(copyOf(object))
		to.SetGroupVersionKind(kind)
		return nil
	case *unstructured.Unstructured:
		return fillUnstructured(to, object)
	}
	from, ok := object.(*unstructured.Unstructured)
	if !ok {
		copied := reflect.ValueOf(copyOf(object))
		if copied.Type() != reflect.TypeOf(into) {
			return fmt.Errorf("a %T is no %T", into, object)
		}
		reflect.ValueOf(into).Elem().Set(copied.Elem())
		into.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
		return nil
	}
	return s.decode(into, from)
}

// decode decodes an object once for all who ask for it as the same type.
func (s *Server) decode(into client.Object, from *unstructured.Unstructured) error {
	s.decoding.Lock()
	defer s.decoding.Unlock()
	known := s.decoded[from.GetUID()]
	if known.of != from || reflect.TypeOf(known.as) != reflect.TypeOf(into) {
		reflect.ValueOf(into).Elem().SetZero()
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(from.Object, into); err != nil {
			return fmt.Errorf("decode: %w", err)
		}
		into.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
		s.decoded[from.GetUID()] = decoded{from, copyOf(into)}
		return nil
	}
	reflect.ValueOf(into).Elem().Set(reflect.ValueOf(copyOf(known.as)).Elem())
	return nil
}

func fillUnstructured(to *unstructured.Unstructured, object client.Object) error {
	if from, ok := object.(*unstructured.Unstructured); ok {
		to.Object = from.DeepCopy().Object
		return nil
	}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	to.Object = fields
	return nil
}

// itemOf is an empty item for a list.
func itemOf(list client.ObjectList, k *kind) (client.Object, error) {
	switch list.(type) {
	case *metav1.PartialObjectMetadataList:
		item := &metav1.PartialObjectMetadata{}
		item.SetGroupVersionKind(k.GroupVersionKind)
		return item, nil
	case *unstructured.UnstructuredList:
		return &unstructured.Unstructured{}, nil
	}
	items := reflect.ValueOf(list).Elem().FieldByName("Items")
	if !items.IsValid() {
		return nil, fmt.Errorf("a %T has no items", list)
	}
	item, ok := reflect.New(items.Type().Elem()).Interface().(client.Object)
	if !ok {
		return nil, fmt.Errorf("the items of a %T are no objects", list)
	}
	return item, nil
}
