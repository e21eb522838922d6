package uninstall

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/controlplane"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// plane is shared by all tests of this package; it is set before any of them runs. No operator runs on it.
var plane *harness.Plane

func TestMain(m *testing.M) { os.Exit(controlplane.Main(m, start)) }

func start(ctx context.Context) (stop func() error, err error) {
	if plane, err = harness.Start(ctx, "../.."); err != nil {
		return nil, err
	}
	return plane.Stop, nil
}

func account() v1alpha1.TokenIssuerSpec {
	return v1alpha1.TokenIssuerSpec{Causely: &v1alpha1.CauselyIssuer{
		CredentialsSecretRef: v1alpha1.ClientCredentialsReference{Name: "credentials"},
	}}
}

func token(namespace, name string, finalizers ...string) *v1alpha1.GatewayToken {
	return &v1alpha1.GatewayToken{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Finalizers: finalizers},
		Spec:       v1alpha1.GatewayTokenSpec{IssuerRef: v1alpha1.IssuerReference{Name: "causely"}},
	}
}

func clusterIssuer(name string, finalizers ...string) *v1alpha1.ClusterTokenIssuer {
	return &v1alpha1.ClusterTokenIssuer{
		ObjectMeta: metav1.ObjectMeta{Name: name, Finalizers: finalizers}, Spec: v1alpha1.ClusterTokenIssuerSpec{TokenIssuerSpec: account()},
	}
}

func tokenIssuer(namespace, name string, finalizers ...string) *v1alpha1.TokenIssuer {
	return &v1alpha1.TokenIssuer{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Finalizers: finalizers}, Spec: account()}
}

// create makes objects, which are gone after the test whatever holds them.
func create(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := plane.Admin.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { release(t, context.WithoutCancel(t.Context()), object) })
	}
}

// release takes an object away, as the operator does when all is done.
func release(t *testing.T, ctx context.Context, object client.Object) {
	t.Helper()
	free := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))
	for _, err := range []error{plane.Admin.Patch(ctx, object, free), plane.Admin.Delete(ctx, object)} {
		if client.IgnoreNotFound(err) != nil {
			t.Error(err)
		}
	}
}

func namespace(t *testing.T, name string) string {
	t.Helper()
	made := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: name + "-"}}
	if err := plane.Admin.Create(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	return made.Name
}

// What carries a finalizer of the operator's is counted, by kind and namespace. Nothing else holds an uninstall up.
func TestCheck(t *testing.T) {
	a, b := namespace(t, "a"), namespace(t, "b")
	const foreign = "example.com/hold"
	tests := map[string]struct {
		reason  string
		objects []client.Object
		want    []string // nothing for no error
		not     string
	}{
		"nothing": {reason: "nobody needs the operator"},
		"without our finalizers": {
			reason:  "Kubernetes lets them go",
			objects: []client.Object{token(a, "bare"), token(a, "foreign", foreign), tokenIssuer(a, "causely"), clusterIssuer("bare")},
		},
		"tokens": {
			reason:  "their tokens must be revoked",
			objects: []client.Object{token(a, "one", v1alpha1.FinalizerRevoke), token(a, "two", foreign, v1alpha1.FinalizerRevoke), token(b, "three", v1alpha1.FinalizerRevoke), token(b, "bare")},
			want:    []string{"3 GatewayTokens in 2 namespaces (" + a + ": 2, " + b + ": 1)"}, not: "1 TokenIssuer",
		},
		"a TokenIssuer": {
			reason:  "its namespace could not be deleted",
			objects: []client.Object{tokenIssuer(a, "causely", v1alpha1.FinalizerProtect)}, want: []string{"1 TokenIssuer in 1 namespace (" + a + ": 1)"}, not: "GatewayTokens in",
		},
		"a ClusterTokenIssuer": {
			reason:  "it could not be deleted",
			objects: []client.Object{clusterIssuer("held", v1alpha1.FinalizerProtect)}, want: []string{"needed: 1 ClusterTokenIssuer."},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			create(t, tc.objects...)
			err := Check(t.Context(), plane.Admin)
			var needed *NeededError
			if errors.As(err, &needed) != (len(tc.want) > 0) || (len(tc.want) == 0 && err != nil) {
				t.Fatalf("%v: %s", err, tc.reason)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: it says %q, and nothing of %q", tc.reason, err, want)
				}
			}
			if tc.not != "" && strings.Contains(err.Error(), tc.not) {
				t.Errorf("%s: it says %q", tc.reason, err)
			}
		})
	}
}

// pages answers lists with one object a page.
type pages struct {
	client.Client
	of    int
	asked int
}

func (p *pages) List(_ context.Context, list client.ObjectList, options ...client.ListOption) error {
	p.asked++
	var asked client.ListOptions
	asked.ApplyOptions(options)
	tokens, ok := list.(*v1alpha1.GatewayTokenList)
	if !ok {
		return &meta.NoKindMatchError{GroupKind: schema.GroupKind{Kind: "Issuer"}}
	}
	page := 1
	if asked.Continue != "" {
		if _, err := fmt.Sscanf(asked.Continue, "page %d", &page); err != nil {
			return err
		}
	}
	tokens.Items = []v1alpha1.GatewayToken{*token("a", fmt.Sprint(page), v1alpha1.FinalizerRevoke)}
	if page < p.of {
		tokens.Continue = fmt.Sprintf("page %d", page+1)
	}
	return nil
}

// All pages of a list count. A kind that does not exist, as where somebody removed the CRDs, has no objects.
func TestCheckReadsAllPages(t *testing.T) {
	reader := &pages{of: 3}
	err := Check(t.Context(), reader)
	if err == nil || !strings.Contains(err.Error(), "needed: 3 GatewayTokens in 1 namespace (a: 3).") || reader.asked != 5 {
		t.Errorf("after %d lists: %v", reader.asked, err)
	}
}

// What cannot be counted is not taken for nothing.
func TestCheckForbidden(t *testing.T) {
	refused := interceptor.NewClient(plane.Admin, interceptor.Funcs{
		List: func(_ context.Context, _ client.WithWatch, _ client.ObjectList, _ ...client.ListOption) error {
			return apierrors.NewForbidden(schema.GroupResource{Resource: "gatewaytokens"}, "", errors.New("no"))
		},
	})
	var needed *NeededError
	if err := Check(t.Context(), refused); err == nil || errors.As(err, &needed) {
		t.Errorf("error %v", err)
	}
	began := drain(t, refused, time.Hour)
	if err := began.Run(t.Context()); !apierrors.IsForbidden(err) {
		t.Errorf("a drain that may not list: %v, want the refusal and no waiting", err)
	}
}

// Many namespaces are not all named.
func TestManyNamespaces(t *testing.T) {
	var objects []client.Object
	for i := range 12 {
		objects = append(objects, token(fmt.Sprintf("n%02d", i), "x"))
	}
	got := count(gatewayTokens(), objects)
	if !strings.HasPrefix(got, "12 GatewayTokens in 12 namespaces (n00: 1, ") || !strings.HasSuffix(got, "n09: 1 and 2 more)") {
		t.Errorf("it says %q", got)
	}
}

func drain(t *testing.T, c client.Client, timeout time.Duration) Drain {
	t.Helper()
	return Drain{Client: c, Timeout: timeout, Pause: time.Millisecond, Out: &bytes.Buffer{}}
}

// deletions plays the operator: what is in deletion is released after it was looked at, in the order in which it was deleted.
func deletions(order *[]string, after func(client.Object)) client.Client {
	return interceptor.NewClient(plane.Admin, interceptor.Funcs{
		Delete: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.DeleteOption) error {
			var asked client.DeleteOptions
			asked.ApplyOptions(options)
			if asked.Preconditions == nil || asked.Preconditions.UID == nil || *asked.Preconditions.UID != object.GetUID() {
				return errors.New("it does not say which object of that name")
			}
			if err := c.Delete(ctx, object, options...); err != nil {
				return err
			}
			*order = append(*order, object.GetName())
			after(object)
			return nil
		},
	})
}

// GatewayTokens go first, and issuers when the last is gone. What is made anew meanwhile goes, too.
func TestDrainOrder(t *testing.T) {
	in := namespace(t, "drained")
	create(t, token(in, "first", v1alpha1.FinalizerRevoke), tokenIssuer(in, "second", v1alpha1.FinalizerProtect), clusterIssuer("third"))
	var order []string
	again := true
	c := deletions(&order, func(object client.Object) {
		release(t, t.Context(), object)
		if again {
			again = false
			create(t, token(in, "again", v1alpha1.FinalizerRevoke))
		}
	})
	run := drain(t, c, time.Minute)
	if err := run.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, " "); got != "first again second third" {
		t.Errorf("deleted: %s", got)
	}
	if err := Check(t.Context(), plane.Admin); err != nil {
		t.Error(err)
	}
}

// A drain that does not get to its end says what is left and what it waits for, and does not touch issuers.
func TestDrainInTime(t *testing.T) {
	in := namespace(t, "drained")
	object, issuer := token(in, "mediator", v1alpha1.FinalizerRevoke), tokenIssuer(in, "causely", v1alpha1.FinalizerProtect)
	create(t, object, issuer)
	object.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionRevocationPending, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonVendorUnreachable,
		Message: "the vendor does not answer", LastTransitionTime: metav1.Now(),
	}}
	if err := plane.Admin.Status().Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	var order []string
	err := drain(t, deletions(&order, func(client.Object) {}), time.Second).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "GatewayToken "+in+"/mediator: VendorUnreachable: the vendor does not answer") {
		t.Errorf("it says %v", err)
	}
	if got := strings.Join(order, " "); got != "mediator" {
		t.Errorf("deleted: %s", got)
	}
}

// The API server may be away for a while.
func TestDrainTriesAgain(t *testing.T) {
	failures := 3
	c := interceptor.NewClient(plane.Admin, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if failures > 0 {
				failures--
				return apierrors.NewServiceUnavailable("later")
			}
			return c.List(ctx, list, options...)
		},
	})
	if err := drain(t, c, time.Minute).Run(t.Context()); err != nil || failures > 0 {
		t.Errorf("%v, with %d failures to come", err, failures)
	}
}
