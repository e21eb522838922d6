package controller_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// A deletion revokes, sees that it is revoked, deletes the Secret and lets go: two writes of the object's own.
func TestDeletion(t *testing.T) {
	w := newWorld(t)
	issuer, object := w.Publish()
	w.Forget()
	w.Remove(object)
	w.Advance(time.Minute)
	if !w.Gone(object) || w.Secret("mediator") != nil {
		t.Fatal("it is not gone")
	}
	w.WantActive(0)
	w.WantCreates(1)
	var own []string
	for _, effect := range w.Effects() {
		if effect.Kind != "Secret" || effect.Name == w.Tenant+"/mediator" {
			own = append(own, effect.Verb+" "+effect.Kind)
		}
	}
	want := []string{
		"revoke token", "status GatewayToken", "status ClusterTokenIssuer",
		"delete Secret", "patch GatewayToken", "patch ClusterTokenIssuer", "status ClusterTokenIssuer",
	}
	if diff := cmp.Diff(want, own); diff != "" {
		t.Errorf("effects of a deletion (-want +got):\n%s", diff)
	}
	w.Want(issuer, v1alpha1.ConditionInUse, metav1.ConditionFalse, v1alpha1.ReasonNotInUse)
	w.CheckRest()
}

// While it goes, an object says so and nothing else.
func TestDeletionConditions(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish()
	w.Remove(object)
	w.Advance(10 * time.Second)
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDeleting)
	w.Want(object, v1alpha1.ConditionRevocationPending, metav1.ConditionTrue, v1alpha1.ReasonRevoking)
	w.WantNo(object, v1alpha1.ConditionReconciling)
	w.WantNo(object, v1alpha1.ConditionStalled)
	if object.Status.ObservedGeneration != object.Generation {
		t.Errorf("observedGeneration %d of %d", object.Status.ObservedGeneration, object.Generation)
	}
}

// The value goes from the cluster after it went from the vendor, never before.
func TestSecretGoesAfterToken(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish()
	w.Fault(causely.RouteRevoke, stage.Status, harness.Always)
	w.Remove(object)
	w.Advance(time.Hour)
	if w.Secret("mediator") == nil {
		t.Error("the Secret is gone while its token is active")
	}
	w.Want(object, v1alpha1.ConditionRevocationPending, metav1.ConditionTrue, v1alpha1.ReasonVendorUnavailable)
	if got := w.Calls(causely.RouteRevoke); got > 30 {
		t.Errorf("%d revocations within an hour", got)
	}
	w.Heal()
	w.Advance(10 * time.Minute)
	if !w.Gone(object) || w.Secret("mediator") != nil {
		t.Error("it is not gone")
	}
	w.WantActive(0)
	w.CheckRest()
}

// A vendor that is down holds a deletion up, says so, is not hammered, and lets it go when it is well again.
func TestDeletionWhileVendorIsDown(t *testing.T) {
	tests := map[string]struct {
		reason  string
		restart bool
	}{
		"all the time":             {reason: "the process remembers the outage"},
		"across a restart as well": {reason: "the back-off is in the issuer's status", restart: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			_, object := w.Publish()
			for _, route := range []string{causely.RouteList, causely.RouteRevoke, causely.RouteLogin} {
				w.Fault(route, stage.CutBeforeCommit, harness.Always)
			}
			w.Remove(object)
			for range 3 {
				w.Advance(20 * time.Minute)
				if tc.restart {
					w.Restart()
				}
			}
			if w.Gone(object) {
				t.Fatal("released without a revocation")
			}
			pending := w.Condition(object, v1alpha1.ConditionRevocationPending)
			if pending.Status != metav1.ConditionTrue {
				t.Errorf("RevocationPending: %+v", pending)
			}
			w.WantActive(1)
			if got := w.Calls(causely.RouteRevoke) + w.Calls(causely.RouteList); got > 40 {
				t.Errorf("%d calls within an hour of outage", got)
			}
			w.Heal()
			w.Advance(10 * time.Minute)
			if !w.Gone(object) {
				t.Error("it is not gone")
			}
			w.WantActive(0)
			w.WantCreates(1)
			w.CheckRest()
		})
	}
}

// Never issued, an object goes at once, and without any call.
func TestDeletionOfNothing(t *testing.T) {
	w := newWorld(t)
	object := w.Token("mediator")
	w.Create(object)
	w.Settle()
	w.Remove(object)
	w.Settle()
	if !w.Gone(object) {
		t.Error("it is not gone")
	}
	if got := w.Calls(causely.RouteList); got != 0 {
		t.Errorf("%d lists", got)
	}
}

// The Secret was deleted by hand, its token is still found, by its name.
func TestDeletionWithoutSecret(t *testing.T) {
	for name, restart := range map[string]bool{"same process": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			_, object := w.Publish()
			w.Remove(object, w.Secret("mediator"))
			if restart {
				w.Restart()
			}
			w.Advance(time.Minute)
			if !w.Gone(object) || w.Secret("mediator") != nil {
				t.Error("it is not gone, or its Secret was made anew")
			}
			w.WantActive(0)
			w.WantCreates(1)
			w.CheckRest()
		})
	}
}

// Somebody put a Secret of his own in its place while it was being deleted: it stays.
func TestDeletionLeavesForeignSecret(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish()
	w.Remove(object, w.Secret("mediator"))
	w.Create(somebodys(w))
	w.Advance(2 * time.Minute)
	if !w.Gone(object) {
		t.Error("it is not gone")
	}
	if w.Secret("mediator") == nil {
		t.Error("somebody else's Secret was deleted")
	}
	w.WantActive(0)
}

// Retained, token and Secret stay: labelled, counted, and taken over by the next object of the name.
func TestRetain(t *testing.T) {
	w := newWorld(t)
	issuer, object := w.Publish(harness.Retained)
	before := w.Current(w.Secret("mediator"), "token")
	w.Remove(object)
	w.Advance(time.Minute)
	if !w.Gone(object) {
		t.Fatal("it is not gone")
	}
	w.WantActive(1)
	secret := w.Secret("mediator")
	if secret == nil || secret.Labels[v1alpha1.LabelRetained] != "true" {
		t.Fatalf("the Secret is not labelled as retained: %+v", secret)
	}
	if after := w.Current(secret, "token"); after != before {
		t.Errorf("the Secret holds %+v, want %+v", after, before)
	}
	if record, trust := ledgerOf(w, object); trust != ledger.Proof || !record.Retained {
		t.Errorf("the ledger does not say that the token was left on purpose: %+v", record)
	}
	other := w.Token("other")
	w.Create(other)
	w.Advance(10 * time.Minute)
	w.Refresh(issuer)
	if got, want := *issuer.Status.Inventory, (v1alpha1.Inventory{Active: 2, Owned: 2}); got != want {
		t.Errorf("inventory: %+v, want %+v", got, want)
	}

	again := w.Token("mediator")
	w.Create(again)
	w.Advance(time.Minute)
	w.WantReady(again)
	w.WantCreates(2)
	if after := w.Current(w.Secret("mediator"), "token"); after != before {
		t.Errorf("the next object has %+v, want the retained %+v", after, before)
	}
	if w.Secret("mediator").Labels[v1alpha1.LabelRetained] != "" {
		t.Error("the Secret is still labelled as retained")
	}
	w.Remove(again)
	w.Advance(time.Minute)
	if !w.Gone(again) {
		t.Error("it is not gone")
	}
	w.WantActive(1)
	w.CheckRest()
}

// A retained token's strays do not stay with it.
func TestRetainRevokesStrays(t *testing.T) {
	w := newWorld(t)
	w.Fault(causely.RouteCreate, stage.LateCommit, func(f *simulator.Fault) { f.Delay = 24 * time.Hour })
	_, object := w.Ask(harness.Retained)
	w.Advance(5 * time.Second)
	w.WantReady(object)
	w.Vendor.Faults().CommitLate()
	w.Remove(object)
	w.Advance(10 * time.Minute)
	if !w.Gone(object) {
		t.Error("it is not gone")
	}
	w.WantActive(1)
	if current := w.Current(w.Secret("mediator"), "token"); !current.Active {
		t.Error("the retained Secret holds a revoked token")
	}
	w.CheckRest()
}

// What is retained is what is there: a spec that cannot be rendered any more does not empty the Secret.
func TestRetainWithInvalidTemplate(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish(harness.Retained, harness.WithSecret(func(s *v1alpha1.SecretTemplate) {
		s.Data = map[string]v1alpha1.DataTemplate{"token": "{{ .Token }}", "id": "{{ .ID }}"}
	}))
	w.Advance(time.Minute)
	before := w.Secret("mediator")
	harness.Change(w, object, func(o *v1alpha1.GatewayToken) { o.Spec.Secret.Data["id"] = "{{ .Nope }}" })
	w.Advance(time.Minute)
	w.Want(object, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonInvalidTemplate)
	w.Remove(object)
	w.Advance(2 * time.Minute)
	if !w.Gone(object) {
		t.Error("it is not gone")
	}
	after := w.Secret("mediator")
	if after == nil || string(after.Data["token"]) != string(before.Data["token"]) || string(after.Data["id"]) != string(before.Data["id"]) {
		t.Error("the Secret is not what it was")
	}
	w.WantActive(1)
}

// Whoever wants to retain a token that the deletion has revoked comes too late: no Secret with a dead token stays.
func TestRetainedTooLate(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish()
	w.Remove(object)
	w.Advance(time.Second)
	w.WantActive(0)
	harness.Change(w, object, harness.Retained)
	w.Advance(2 * time.Minute)
	if !w.Gone(object) || w.Secret("mediator") != nil {
		t.Error("it is not gone")
	}
}

// A value that was edited while nothing was repaired cannot be retained as it is: it ends, and not in a loop.
func TestRetainWithEditedValue(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish(harness.Retained)
	harness.Change(w, object, harness.Suspended)
	w.Settle()
	harness.Change(w, w.Secret("mediator"), func(s *corev1.Secret) { s.Data["token"] = []byte("by hand") })
	w.Settle()
	w.Remove(object)
	w.Advance(5 * time.Minute)
	if !w.Gone(object) {
		t.Errorf("it hangs: %+v", w.Condition(object, v1alpha1.ConditionRevocationPending))
	}
	w.WantActive(1)
}

// Somebody's finalizer holds the Secret: the deletion waits for it without asking all the time.
func TestSecretHeldByFinalizer(t *testing.T) {
	hold := func(on bool) func(*corev1.Secret) {
		return func(s *corev1.Secret) {
			s.Finalizers = nil
			if on {
				s.Finalizers = []string{"example.com/hold"}
			}
		}
	}
	t.Run("of a deleted object", func(t *testing.T) {
		w := newWorld(t)
		_, object := w.Publish()
		harness.Change(w, w.Secret("mediator"), hold(true))
		w.Remove(object)
		w.Forget()
		w.Advance(5 * time.Minute)
		if got := len(w.Effects()); got > 15 {
			t.Errorf("%d effects within five minutes: %v", got, w.Effects())
		}
		harness.Change(w, w.Secret("mediator"), hold(false))
		w.Advance(5 * time.Minute)
		if !w.Gone(object) || w.Secret("mediator") != nil {
			t.Error("it is not gone")
		}
		w.WantActive(0)
	})
	t.Run("of a living object", func(t *testing.T) {
		w := newWorld(t)
		_, object := w.Publish()
		harness.Change(w, w.Secret("mediator"), hold(true))
		w.Settle()
		w.Remove(w.Secret("mediator"))
		w.Forget()
		w.Advance(5 * time.Minute)
		if got := len(w.Effects()); got > 15 {
			t.Errorf("%d effects within five minutes: %v", got, w.Effects())
		}
		harness.Change(w, w.Secret("mediator"), hold(false))
		w.Advance(2 * time.Minute)
		w.WantReady(object)
		w.WantCreates(1)
	})
}

// Restored from a backup, suspended, and with its Secret, an object is protected before it can be deleted.
func TestSuspendedAndRestored(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish()
	w.FreezeCache(v1alpha1.KindGatewayToken, "Secret")
	deleteByForce(t, w, object)
	again := w.Token("mediator", harness.Suspended)
	w.Create(again)
	w.Restart()
	w.Advance(6 * time.Minute)
	w.Refresh(again)
	if !cmp.Equal(again.Finalizers, []string{v1alpha1.FinalizerRevoke}) {
		t.Errorf("finalizers %v", again.Finalizers)
	}
	w.Remove(again)
	w.Advance(6 * time.Minute)
	if !w.Gone(again) || w.Secret("mediator") != nil {
		t.Error("it is not gone")
	}
	w.WantActive(0)
	w.WantCreates(1)
}

// The glass is broken by the UID of the very object, and by nothing else.
func TestSkipRevocation(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish()
	w.Fault(causely.RouteRevoke, stage.Status, harness.Always)
	annotate := func(uid string) {
		harness.Change(w, object, func(o *v1alpha1.GatewayToken) {
			o.Annotations = map[string]string{v1alpha1.AnnotationSkipRevocation: uid}
		})
	}
	annotate("true")
	w.Remove(object)
	w.Advance(10 * time.Minute)
	if w.Gone(object) {
		t.Fatal("released by a wrong UID")
	}
	annotate(string(object.UID))
	w.Advance(10 * time.Second)
	if !w.Gone(object) || w.Secret("mediator") != nil {
		t.Error("it is not gone")
	}
	w.WantActive(1)
	warned := false
	for _, event := range w.Events {
		warned = warned || (event.Type == corev1.EventTypeWarning && event.Reason == "RevocationSkipped")
	}
	if !warned {
		t.Errorf("no warning: %+v", w.Events)
	}
}

// Everything is deleted at once, in whatever order: issuer, credentials, CA and token.
func TestDeletionOfEverything(t *testing.T) {
	orders := map[string]func(*harness.World, *v1alpha1.ClusterTokenIssuer, *v1alpha1.GatewayToken){
		"issuer first": func(w *harness.World, i *v1alpha1.ClusterTokenIssuer, o *v1alpha1.GatewayToken) { w.Remove(i, o) },
		"token first":  func(w *harness.World, i *v1alpha1.ClusterTokenIssuer, o *v1alpha1.GatewayToken) { w.Remove(o, i) },
		"credentials first": func(w *harness.World, i *v1alpha1.ClusterTokenIssuer, o *v1alpha1.GatewayToken) {
			w.Remove(w.SecretIn(w.System, harness.CredentialsName), w.CA(w.System), o, i)
		},
		"issuer, seen, then the rest": func(w *harness.World, i *v1alpha1.ClusterTokenIssuer, o *v1alpha1.GatewayToken) {
			w.Remove(i)
			w.Advance(time.Minute)
			w.Remove(w.SecretIn(w.System, harness.CredentialsName), w.CA(w.System))
			w.Advance(10 * time.Minute)
			w.Remove(w.Secret("mediator"), o)
		},
		"and the operator restarts": func(w *harness.World, i *v1alpha1.ClusterTokenIssuer, o *v1alpha1.GatewayToken) {
			w.Remove(w.SecretIn(w.System, harness.CredentialsName), w.CA(w.System), i, o)
			w.Restart()
		},
	}
	for name, remove := range orders {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			issuer, object := w.Publish()
			remove(w, issuer, object)
			w.Advance(2 * time.Minute)
			if !w.Gone(object) || !w.Gone(issuer) || w.Secret("mediator") != nil {
				t.Error("they are not gone")
			}
			if kept := w.SecretIn(w.System, v1alpha1.LastGoodSecretPrefix+"clustertokenissuer-"+issuer.Name); kept != nil {
				t.Error("the kept credentials are left behind")
			}
			w.WantActive(0)
			w.WantCreates(1)
			w.CheckRest()
		})
	}
}

// A whole namespace is deleted at once, by the real namespace controller: issuer, credentials, CA, token and Secret. The
// kept credentials revoke the token, and nothing holds the namespace up after that.
func TestDeletionOfNamespace(t *testing.T) {
	tests := map[string]struct {
		reason  string
		down    bool
		restart bool
	}{
		"vendor well":                {reason: "the common case"},
		"vendor down":                {reason: "the namespace waits for the vendor", down: true},
		"operator away meanwhile":    {reason: "the next process knows nothing but what is in the cluster", restart: true},
		"vendor down, operator away": {reason: "the worst of it", down: true, restart: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Provide(w.Tenant)
			issuer := w.NamespacedIssuer()
			first, second := w.Token("first", harness.FromNamespacedIssuer), w.Token("second", harness.FromNamespacedIssuer)
			w.Create(issuer, first, second)
			w.Settle()
			w.WantReady(first)
			w.WantReady(second)
			if tc.down {
				for _, route := range []string{causely.RouteList, causely.RouteRevoke, causely.RouteLogin} {
					w.Fault(route, stage.Status, harness.Always)
				}
			}
			namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.Tenant}}
			w.Remove(namespace)
			// From here on the namespace controller works beside us, in true time.
			gone := func(what ...*corev1.Secret) error {
				for _, secret := range what {
					if !w.Gone(secret) {
						return errors.New(secret.Name + " is still there")
					}
				}
				return nil
			}
			w.Eventually("the user's credentials are deleted", func() error { return gone(w.Credentials(w.Tenant)) })
			if tc.restart {
				w.Restart()
			}
			w.Advance(2 * time.Minute)
			if tc.down {
				w.WantActive(2)
				w.Heal()
			}
			w.Eventually("the namespace is gone", func() error {
				w.Advance(30 * time.Second)
				if !w.Gone(namespace) {
					return errors.New("it is still there")
				}
				return nil
			})
			w.WantActive(0)
			w.WantCreates(2)
			w.CheckRest()
		})
	}
}

// The garbage collector never removes our Secret: it has no owner, not even when the GatewayToken is deleted by force.
func TestGarbageCollectorLeavesSecret(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish()
	// What the garbage collector does remove, when it has seen that the object is gone.
	dependent := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.Tenant, Name: "dependent", OwnerReferences: []metav1.OwnerReference{{
		APIVersion: v1alpha1.GroupVersion().String(), Kind: v1alpha1.KindGatewayToken, Name: object.Name, UID: object.UID,
	}}}}
	w.Create(dependent)
	before := w.Secret("mediator")
	w.FreezeCache(v1alpha1.KindGatewayToken, "Secret")
	deleteByForce(t, w, object)
	w.Eventually("the garbage collector removes what the object owns", func() error {
		if !w.Gone(dependent) {
			return errors.New("it is still there")
		}
		return nil
	})
	after := w.Secret("mediator")
	if after == nil || after.UID != before.UID || after.DeletionTimestamp != nil || len(after.OwnerReferences) != 0 {
		t.Errorf("the Secret did not stay as it was: %+v", after)
	}
	w.WantActive(1)
	w.ThawCache()
	w.Advance(10 * time.Minute)
	if w.Secret("mediator") == nil {
		t.Error("the operator removed a Secret whose object it no longer knows")
	}
}

// What was deleted by force leaves an orphan: counted, and not revoked without a person's word.
func TestDeletionByForce(t *testing.T) {
	w := newWorld(t)
	issuer, object := w.Publish()
	deleteByForce(t, w, object)
	w.Advance(time.Hour)
	w.Refresh(issuer)
	w.WantActive(1)
	if inventory := issuer.Status.Inventory; inventory == nil || inventory.Orphaned != 1 {
		t.Errorf("inventory: %+v, want one orphan", inventory)
	}
}

// Nothing is made again while it is being deleted.
func TestNothingIsRepairedDuringDeletion(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish()
	w.Fault(causely.RouteRevoke, stage.Status, harness.Always)
	w.Remove(object)
	w.Settle()
	w.Remove(w.Secret("mediator"))
	w.Advance(10 * time.Minute)
	if w.Secret("mediator") != nil {
		t.Error("the Secret was made again")
	}
	w.Heal()
	w.Advance(10 * time.Minute)
	if !w.Gone(object) {
		t.Error("it is not gone")
	}
	w.WantActive(0)
	w.WantCreates(1)
}

// Deleted and created again under the same name: the new one has a token of its own, the old one's is revoked.
func TestDeletedAndCreatedAgain(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish()
	w.Remove(object)
	w.Advance(time.Minute)
	again := w.Token("mediator")
	w.Create(again)
	w.Advance(time.Minute)
	w.WantReady(again)
	w.WantCreates(2)
	w.WantActive(1)
	w.CheckRest()
}
