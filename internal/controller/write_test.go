package controller_test

import (
	"context"
	"errors"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// A Secret that cannot be written costs no token: the API server is asked before the vendor is.
func TestSecretCannotBeWritten(t *testing.T) {
	needsReal(t, "quotas and policies")
	tests := map[string]struct {
		reason string
		forbid func(*testing.T, *harness.World) client.Object
	}{
		"quota": {
			reason: "the namespace may have no Secret",
			forbid: func(t *testing.T, w *harness.World) client.Object {
				quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: w.Tenant, Name: "none"}}
				quota.Spec.Hard = corev1.ResourceList{"count/secrets": resource.MustParse("0")}
				w.Create(quota)
				quota.Status = corev1.ResourceQuotaStatus{Hard: quota.Spec.Hard, Used: quota.Spec.Hard}
				if err := w.Admin().Status().Update(t.Context(), quota); err != nil {
					t.Fatal(err)
				}
				return quota
			},
		},
		"policy": {
			reason: "an admission policy denies it",
			forbid: denySecrets,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Provide(w.System)
			forbidden := tc.forbid(t, w)
			awaitSecrets(t, w, false)
			object := w.Token("mediator")
			w.Create(w.ClusterIssuer(), object)
			w.Advance(30 * time.Minute)

			w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWriteFailed)
			w.WantCreates(0)
			if got := w.Calls(causely.RouteCreate); got != 0 {
				t.Errorf("the vendor was asked %d times", got)
			}
			if w.DryRuns > 20 {
				t.Errorf("%d dry runs within half an hour", w.DryRuns)
			}
			w.Remove(forbidden)
			awaitSecrets(t, w, true)
			w.Advance(10 * time.Minute)
			w.WantReady(object)
			w.WantCreates(1)
			w.CheckRest()
		})
	}
}

// denySecrets denies Secrets in the tenant's namespace.
func denySecrets(t *testing.T, w *harness.World) client.Object {
	t.Helper()
	policy := &admissionregistrationv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: w.Name},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: ptr.To(admissionregistrationv1.Fail),
			MatchConstraints: &admissionregistrationv1.MatchResources{
				ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{RuleWithOperations: admissionregistrationv1.RuleWithOperations{
					Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.OperationAll},
					Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"secrets"}},
				}}},
			},
			Validations: []admissionregistrationv1.Validation{{Expression: "false", Message: "no Secrets here"}},
		},
	}
	binding := &admissionregistrationv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: w.Name},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName:        w.Name,
			ValidationActions: []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny},
			MatchResources: &admissionregistrationv1.MatchResources{
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: w.Tenant}},
			},
		},
	}
	w.Create(policy, binding)
	return binding
}

// awaitSecrets waits until the API server's own caches know whether Secrets may be written.
func awaitSecrets(t *testing.T, w *harness.World, allowed bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.Tenant, Name: "probe"}}
		err := w.Admin().Create(ctx, secret, client.DryRunAll)
		return (err == nil) == allowed, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Only the write fails, after the mint: the value stays in memory, and only the write is repeated.
func TestWriteFailsAfterMint(t *testing.T) {
	failures := map[string]error{
		"forbidden":   apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "mediator", errors.New("no")),
		"unavailable": apierrors.NewServiceUnavailable("no"),
		"no answer":   harness.ErrLost,
		"time-out":    context.DeadlineExceeded,
		"terminating": apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "mediator", errors.New("because it is being terminated")),
	}
	for name, failure := range failures {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Interfere(harness.Interference{Before: func(effect harness.Effect) error {
				if effect.Is(harness.Create, "Secret") {
					return failure
				}
				return nil
			}})
			_, object := w.Ask()
			w.Advance(20 * time.Minute)
			w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWriteFailed)
			w.WantCreates(1)
			lists := w.Calls(causely.RouteList)
			w.Interfere(harness.Interference{})
			w.Forget()
			w.Advance(6 * time.Minute)
			w.WantReady(object)
			w.WantCreates(1)
			if got := w.Did(harness.Create, "Secret"); got != 1 {
				t.Errorf("%d Secrets written, want one", got)
			}
			if got := w.Calls(causely.RouteList) - lists; got > 2 {
				t.Errorf("%d lists, want the value to come from memory", got)
			}
			w.CheckRest()
		})
	}
}

// The write never succeeds and the object is deleted: the token that was never published is revoked.
func TestDeletionAfterFailedWrite(t *testing.T) {
	w := newWorld(t)
	w.Interfere(harness.Interference{Before: func(effect harness.Effect) error {
		if effect.Is(harness.Create, "Secret") {
			return apierrors.NewServiceUnavailable("no")
		}
		return nil
	}})
	_, object := w.Ask()
	w.Advance(time.Minute)
	w.WantActive(1)
	w.Remove(object)
	w.Advance(2 * time.Minute)
	if !w.Gone(object) {
		t.Error("it is not gone")
	}
	w.WantActive(0)
	w.WantCreates(1)
	w.CheckRest()
}

// Between dry run and write somebody puts a Secret of his own there: it stays, and the token is not published over it.
func TestSecretAppearsBetween(t *testing.T) {
	w := newWorld(t)
	w.Interfere(harness.Interference{After: func(effect harness.Effect) error {
		if effect.Is(harness.Mint, harness.VendorToken) {
			w.Create(somebodys(w))
		}
		return nil
	}})
	_, object := w.Ask()
	w.Advance(5 * time.Minute)
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSecretConflict)
	w.WantCreates(1)
	w.Interfere(harness.Interference{})
	w.Remove(w.Secret("mediator"))
	w.Advance(5 * time.Minute)
	w.WantReady(object)
	w.WantCreates(1)
	w.WantActive(1)
	w.CheckRest()
}

// A cache that is behind costs nothing: whatever is about to be done is planned anew on what the API server says.
func TestStaleCache(t *testing.T) {
	tests := map[string]struct {
		reason string
		// before is in the cache, after is not.
		before, after func(*harness.World, *v1alpha1.GatewayToken)
		ready         bool
	}{
		"Secret written, cache without it": {
			reason: "it looks as if there were none",
			before: func(*harness.World, *v1alpha1.GatewayToken) {},
			after:  func(w *harness.World, _ *v1alpha1.GatewayToken) { w.Settle() },
			ready:  true,
		},
		"Secret repaired, cache with the damage": {
			reason: "it looks as if it were to be repaired again",
			before: func(w *harness.World, _ *v1alpha1.GatewayToken) {
				w.Settle()
				harness.Change(w, w.Secret("mediator"), func(s *corev1.Secret) { s.Data = nil })
				w.RefreshCache()
			},
			after: func(w *harness.World, _ *v1alpha1.GatewayToken) { w.Settle() },
			ready: true,
		},
		"object deleted, cache with it": {
			reason: "it looks as if it wanted a token",
			before: func(*harness.World, *v1alpha1.GatewayToken) {},
			after: func(w *harness.World, o *v1alpha1.GatewayToken) {
				w.Remove(o)
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			issuer, object := w.Ask()
			w.RefreshCache()
			tc.before(w, object)
			w.FreezeCache(v1alpha1.KindGatewayToken, "Secret")
			tc.after(w, object)
			for range 3 {
				w.Look(v1alpha1.KindClusterTokenIssuer, issuer)
				w.Look(v1alpha1.KindGatewayToken, object)
				w.Advance(time.Minute)
			}
			if got := len(w.Tokens()); got > 1 {
				t.Errorf("%d tokens were made on what the cache says", got)
			}
			w.ThawCache()
			w.Advance(10 * time.Minute)
			if tc.ready {
				w.WantReady(object)
				w.WantCreates(1)
			} else {
				w.WantCreates(0)
			}
			w.CheckRest()
		})
	}
}

// A status that somebody wrote is a hint: it costs no token, publishes none and revokes none.
func TestForgedStatus(t *testing.T) {
	w := newWorld(t)
	stranger, err := w.Vendor.Causely().Create(causely.DemoClientID, "somebody else's")
	if err != nil {
		t.Fatal(err)
	}
	_, object := w.Publish()
	w.Refresh(object)
	object.Status.Current = &v1alpha1.CurrentToken{ID: stranger, Sequence: 900_000_000}
	object.Status.Retiring = []v1alpha1.RetiringToken{{ID: stranger}}
	if err := w.Admin().Status().Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	w.Remove(w.Secret("mediator"))
	w.Restart()
	w.Advance(10 * time.Minute)
	w.WantReady(object)
	w.WantCreates(1)
	w.WantActive(2)
	w.Remove(object)
	w.Advance(2 * time.Minute)
	if !w.Gone(object) {
		t.Error("it is not gone")
	}
	if active := w.Active(); len(active) != 1 || active[0].ID != stranger {
		t.Errorf("active: %+v, want the stranger's alone", active)
	}
}

// A ledger copied from another object's Secret is not believed: a tenant cannot have another's token read out for him.
func TestCopiedLedger(t *testing.T) {
	w := newWorld(t)
	w.Provide(w.System)
	victim, thief := w.Token("victim"), w.Token("thief")
	w.Create(w.ClusterIssuer(), victim, thief)
	w.Settle()
	w.WantReady(victim)
	stolen := w.Secret("victim")
	theirs := w.Current(stolen, "token")
	harness.Change(w, w.Secret("thief"), func(s *corev1.Secret) {
		s.Annotations[v1alpha1.AnnotationLedger] = stolen.Annotations[v1alpha1.AnnotationLedger]
		s.Data = nil
	})
	w.Advance(10 * time.Minute)
	if s := w.Secret("thief"); len(s.Data) > 0 && w.Current(s, "token").ID == theirs.ID {
		t.Error("the token of another object was published")
	}
	w.Remove(thief)
	w.Advance(5 * time.Minute)
	w.WantReady(victim)
	w.WantActive(1)
}

// The operator's clock is off: nothing is triggered by time, and it says so.
func TestClockSkew(t *testing.T) {
	w := newWorld(t)
	w.Fault(causely.RouteCreate, stage.LateCommit, func(f *simulator.Fault) { f.Delay = 24 * time.Hour })
	_, object := w.Ask(harness.Overlapping(10 * time.Minute))
	w.Advance(5 * time.Second)
	w.Restart()
	w.Vendor.Faults().CommitLate()
	w.Advance(6 * time.Minute)
	w.Want(object, v1alpha1.ConditionRevocationPending, metav1.ConditionTrue, v1alpha1.ReasonRetiring)
	w.SkewServer(6 * time.Hour)
	w.Advance(time.Hour)
	w.WantReady(object)
	w.WantActive(2)
	w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionFalse, v1alpha1.ReasonClockSkew)
	w.SkewServer(0)
	w.Advance(10 * time.Minute)
	w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionTrue, v1alpha1.ReasonVendorAnswered)
	w.WantActive(1)
	w.CheckRest()
}
