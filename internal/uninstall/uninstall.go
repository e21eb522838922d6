// Package uninstall is what is done before the operator goes. What carries its finalizers can be released by the operator alone, so that
// an uninstall either does not begin while there is any, or releases it first.
package uninstall

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// pageSize is how many objects of a kind are asked for at once.
const pageSize = 500

// named is how many namespaces, or objects, a message names.
const named = 10

// managedKind is one of the operator's own kinds.
type managedKind struct {
	singular string
	// list gives an empty list of the kind.
	list func() client.ObjectList
	// finalizers are the operator's. Who carries none of them needs no operator to go.
	finalizers []string
}

func gatewayTokens() managedKind {
	return managedKind{v1alpha1.KindGatewayToken, func() client.ObjectList { return &v1alpha1.GatewayTokenList{} }, []string{v1alpha1.FinalizerRevoke}}
}

// kinds are those that an operator serves, in the order in which they go. One that works in named namespaces serves no
// ClusterTokenIssuer.
func kinds(namespaces []string) []managedKind {
	all := []managedKind{
		gatewayTokens(),
		{v1alpha1.KindTokenIssuer, func() client.ObjectList { return &v1alpha1.TokenIssuerList{} }, []string{v1alpha1.FinalizerProtect}},
	}
	if len(namespaces) > 0 {
		return all
	}
	return append(all, managedKind{v1alpha1.KindClusterTokenIssuer, func() client.ObjectList { return &v1alpha1.ClusterTokenIssuerList{} }, []string{v1alpha1.FinalizerProtect}})
}

// NeededError says that there is what only the operator can release.
type NeededError struct {
	// needs are sentences: how many of a kind, and where.
	needs []string
	// namespaces are those that were looked at; none for the whole cluster.
	namespaces []string
}

// Error implements error. It is for the person who uninstalls, and says what to do.
func (e *NeededError) Error() string {
	return "the operator is still needed: " + strings.Join(e.needs, ", ") + `.
Nobody else revokes their tokens and lets them go. Without the operator they stay as they are, and in deletion for ever once somebody
deletes them or their namespace.
Delete the GatewayTokens whose tokens shall be revoked, then the issuers, and wait until they are gone. All of them:
` + e.commands() + `
Then uninstall again. With the chart's value uninstall.policy=Drain the uninstall does that by itself. To uninstall the operator all the
same, such as to install it again: helm uninstall --no-hooks`
}

// commands delete everything.
func (e *NeededError) commands() string {
	if len(e.namespaces) == 0 {
		return `  kubectl delete gatewaytokens --all --all-namespaces
  kubectl delete tokenissuers --all --all-namespaces
  kubectl delete clustertokenissuers --all`
	}
	var lines []string
	for _, resource := range []string{"gatewaytokens", "tokenissuers"} {
		for _, namespace := range e.namespaces {
			lines = append(lines, "  kubectl delete "+resource+" --all --namespace "+namespace)
		}
	}
	return strings.Join(lines, "\n")
}

// Check returns a NeededError if anything carries a finalizer of the operator: in these namespaces, or in the whole cluster.
func Check(ctx context.Context, reader client.Reader, namespaces ...string) error {
	var needs []string
	for _, kind := range kinds(namespaces) {
		objects, err := all(ctx, reader, kind, namespaces)
		if err != nil {
			return err
		}
		objects = slices.DeleteFunc(objects, func(o client.Object) bool { return !held(o, kind) })
		if len(objects) > 0 {
			needs = append(needs, count(kind, objects))
		}
	}
	if len(needs) > 0 {
		return &NeededError{needs: needs, namespaces: namespaces}
	}
	return nil
}

// held tells whether an object waits for the operator when it is deleted.
func held(object client.Object, kind managedKind) bool {
	return slices.ContainsFunc(object.GetFinalizers(), func(name string) bool { return slices.Contains(kind.finalizers, name) })
}

// all gives the objects of a kind, in some namespaces or, where none is named, in all. Where the kind does not exist there are none.
func all(ctx context.Context, reader client.Reader, kind managedKind, namespaces []string) ([]client.Object, error) {
	if len(namespaces) == 0 {
		return allIn(ctx, reader, kind, metav1.NamespaceAll)
	}
	var objects []client.Object
	for _, namespace := range namespaces {
		there, err := allIn(ctx, reader, kind, namespace)
		if err != nil {
			return nil, err
		}
		objects = append(objects, there...)
	}
	return objects, nil
}

func allIn(ctx context.Context, reader client.Reader, kind managedKind, namespace string) ([]client.Object, error) {
	var objects []client.Object
	for from := ""; ; {
		list := kind.list()
		err := reader.List(ctx, list, client.InNamespace(namespace), client.Limit(pageSize), client.Continue(from))
		if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list %ss: %w", kind.singular, err)
		}
		if err := meta.EachListItem(list, func(item runtime.Object) error {
			object, ok := item.(client.Object)
			if !ok {
				return fmt.Errorf("%T is no object", item)
			}
			objects = append(objects, object)
			return nil
		}); err != nil {
			return nil, fmt.Errorf("list %ss: %w", kind.singular, err)
		}
		if from = list.GetContinue(); from == "" {
			return objects, nil
		}
	}
}

// count says how many objects of a kind there are, and in which namespaces.
func count(kind managedKind, objects []client.Object) string {
	in := map[string]int{}
	for _, object := range objects {
		if namespace := object.GetNamespace(); namespace != "" {
			in[namespace]++
		}
	}
	text := number(len(objects), kind.singular)
	if len(in) == 0 {
		return text
	}
	var places []string
	for _, namespace := range slices.Sorted(maps.Keys(in)) {
		places = append(places, fmt.Sprintf("%s: %d", namespace, in[namespace]))
	}
	return fmt.Sprintf("%s in %s (%s)", text, number(len(in), "namespace"), some(places))
}

func number(count int, what string) string {
	if count == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", count, what)
}

// some names the first of many.
func some(names []string) string {
	if more := len(names) - named; more > 0 {
		return strings.Join(names[:named], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}
