package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// inNamespaces gives a reader that lists in some namespaces only, where there are any: what asks for no namespace gets all that is in these.
func inNamespaces(reader client.Reader, namespaces []string) client.Reader {
	if len(namespaces) == 0 {
		return reader
	}
	return &namespacedReader{Reader: reader, namespaces: namespaces}
}

type namespacedReader struct {
	client.Reader
	namespaces []string
}

// List implements client.Reader. A list of all namespaces is whole, whatever limit is asked for: the pages of several have no common
// continuation.
func (t *namespacedReader) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	asked := (&client.ListOptions{}).ApplyOptions(options)
	if asked.Namespace != "" {
		return t.Reader.List(ctx, list, options...)
	}
	if asked.Continue != "" {
		return errors.New("a list of several namespaces is never continued")
	}
	var all []runtime.Object
	for _, namespace := range t.namespaces {
		there, err := t.listIn(ctx, namespace, list, options)
		if err != nil {
			return err
		}
		all = append(all, there...)
	}
	list.SetContinue("")
	if err := meta.SetList(list, all); err != nil {
		return fmt.Errorf("make a list of several namespaces: %w", err)
	}
	return nil
}

// listIn gives all that is in a namespace, of the kind of a list.
func (t *namespacedReader) listIn(ctx context.Context, namespace string, list client.ObjectList, options []client.ListOption) ([]runtime.Object, error) {
	var all []runtime.Object
	for from := ""; ; {
		page, ok := list.DeepCopyObject().(client.ObjectList)
		if !ok {
			return nil, fmt.Errorf("%T is no list", list)
		}
		if err := t.Reader.List(ctx, page, append(slices.Clone(options), client.InNamespace(namespace), client.Continue(from))...); err != nil {
			return nil, err //nolint:wrapcheck // whoever lists says what for
		}
		items, err := meta.ExtractList(page)
		if err != nil {
			return nil, fmt.Errorf("read a list: %w", err)
		}
		all = append(all, items...)
		if from = page.GetContinue(); from == "" {
			return all, nil
		}
	}
}
