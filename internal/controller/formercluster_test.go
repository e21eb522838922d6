package controller_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// move gives the world another cluster's identity, as after a restore elsewhere with the ledger key: the GatewayToken comes back with
// another UID, the Secret as it was. named tells whether the operator is told that the tokens of the cluster before are its own.
func move(t *testing.T, w *harness.World, object *v1alpha1.GatewayToken, named bool) *v1alpha1.GatewayToken {
	t.Helper()
	deleteByForce(t, w, object)
	before := w.Identity.ClusterID
	w.Identity.ClusterID, w.Identity.Former = before+"-moved", []string{before}
	w.Sealer = w.Sealer.WithFormer(before)
	if named {
		w.Settings.FormerClusters = []string{before}
	}
	again := object.DeepCopy()
	again.ObjectMeta = metav1.ObjectMeta{Namespace: object.Namespace, Name: object.Name}
	again.Status = v1alpha1.GatewayTokenStatus{}
	w.Restart()
	w.Create(again)
	return again
}

// atAll tells a story at every vendor.
func atAll(t *testing.T, tell func(*testing.T, harness.Flavour)) {
	t.Helper()
	flavours := map[string]harness.Flavour{"Causely": harness.AtCausely(), "PingOne": harness.AtPingOne(true), "Causeloop, existing": harness.AtCauseloopExisting()}
	for name, at := range places() {
		flavours[name] = at.Flavour
	}
	for name, flavour := range flavours {
		t.Run(name, func(t *testing.T) { tell(t, flavour) })
	}
}

// TestFormerCluster: what is restored in another cluster, with the ledger key, goes on with the very tokens. What is replaced or deleted
// there is revoked only where the operator was told that the cluster before is gone.
func TestFormerCluster(t *testing.T) {
	for story, named := range map[string]bool{"named": true, "not named": false} {
		t.Run(story, func(t *testing.T) {
			atAll(t, func(t *testing.T, at harness.Flavour) {
				w := newWorldAt(t, at)
				_, object := w.Publish(harness.Overlapping(overlap))
				first := object.Status.Current.ID
				w.Watch()
				object = move(t, w, object, named)
				w.Advance(20 * time.Minute)
				w.WantReady(object)
				if made := len(w.Tokens()); made != 1 || object.Status.Current.ID != first {
					t.Fatalf("%d tokens, and %s is current: want %s and no other", made, object.Status.Current.ID, first)
				}
				before := w.Versions()
				w.Restart()
				w.Advance(20 * time.Minute)
				for name, version := range w.Versions() {
					if strings.HasPrefix(name, "Secret "+w.Tenant) && before[name] != version {
						t.Errorf("%s was written at rest", name)
					}
				}
				object = harness.Change(w, object, func(o *v1alpha1.GatewayToken) {
					o.Annotations = map[string]string{v1alpha1.AnnotationRotateRequest: w.Clock.Now().UTC().Format(time.RFC3339)}
				})
				w.Advance(6 * time.Hour)
				w.WantReady(object)
				second := object.Status.Current.ID
				if second == first {
					t.Fatal("the token was not replaced")
				}
				if active := w.TokenByID(first).Active; active == named {
					t.Errorf("the token of the former cluster is active: %t", active)
				}
				if told := len(events(w, "FormerTokenLeft")); (told == 1) == named {
					t.Errorf("%d events tell of a token that is left", told)
				}
				w.Remove(object)
				w.Advance(10 * time.Minute)
				if !w.Gone(object) || w.TokenByID(second).Active {
					t.Errorf("gone: %t, its own token active: %t", w.Gone(object), w.TokenByID(second).Active)
				}
				if active := w.TokenByID(first).Active; active == named {
					t.Errorf("after the deletion the token of the former cluster is active: %t", active)
				}
			})
		})
	}
}

// TestFormerClusterDeletion: what is deleted before it was replaced.
func TestFormerClusterDeletion(t *testing.T) {
	for story, named := range map[string]bool{"named": true, "not named": false} {
		t.Run(story, func(t *testing.T) {
			atAll(t, func(t *testing.T, at harness.Flavour) {
				w := newWorldAt(t, at)
				_, object := w.Publish()
				first := object.Status.Current.ID
				object = move(t, w, object, named)
				w.Advance(10 * time.Minute)
				w.Remove(object)
				w.Advance(10 * time.Minute)
				if !w.Gone(object) || w.Secret(object.SecretName()) != nil {
					t.Error("the GatewayToken or its Secret is there still")
				}
				if active := w.TokenByID(first).Active; active == named {
					t.Errorf("the token of the former cluster is active: %t", active)
				}
			})
		})
	}
}

// TestFormerClusterCounts: what a former cluster has and nothing here accounts for is an orphan where that cluster is ours, and somebody else's otherwise.
func TestFormerClusterCounts(t *testing.T) {
	for story, named := range map[string]bool{"named": true, "not named": false} {
		t.Run(story, func(t *testing.T) {
			w := newWorld(t)
			issuer, object := w.Publish()
			orphanAt(w, "never")
			move(t, w, object, named)
			w.Advance(20 * time.Minute)
			w.Refresh(issuer)
			want := v1alpha1.Inventory{Active: 2, Owned: 1, Unmanaged: 1}
			if named {
				want = v1alpha1.Inventory{Active: 2, Owned: 1, Orphaned: 1}
			}
			if got := *issuer.Status.Inventory; got != want {
				t.Errorf("inventory: %+v, want %+v", got, want)
			}
		})
	}
}

// TestClusterCloned: while a person is asked whose the cluster's identity is, no vendor is called, and everything says why. Secrets are
// repaired all the same. Afterwards all that waited is done.
func TestClusterCloned(t *testing.T) {
	w := newWorld(t)
	issuer, object := w.Publish()
	value := string(w.Secret("mediator").Data["token"])
	other := w.Token("other")
	w.Halted = "The control plane is another one."
	w.Restart()
	calls := w.AllCalls()
	w.Create(other)
	label := w.Secret("mediator")
	harness.Change(w, label, func(s *corev1.Secret) { s.Labels["team"] = "x"; s.Labels[v1alpha1.LabelRole] = "none" })
	w.Advance(time.Hour)
	w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonClusterCloned)
	w.Want(issuer, v1alpha1.ConditionVendorReachable, metav1.ConditionFalse, v1alpha1.ReasonClusterCloned)
	w.Want(other, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonClusterCloned)
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonPublished)
	w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionFalse, v1alpha1.ReasonClusterCloned)
	if secret := w.Secret("mediator"); secret.Labels[v1alpha1.LabelRole] != v1alpha1.RoleToken || string(secret.Data["token"]) != value {
		t.Error("the Secret was not repaired")
	}
	w.Remove(object)
	w.Advance(time.Hour)
	if w.Gone(object) {
		t.Error("a GatewayToken was released")
	}
	if asked := w.CallsSince(calls); len(asked) != 0 {
		t.Errorf("the vendor was called: %v", asked)
	}
	w.Halted = ""
	w.Restart()
	w.Advance(10 * time.Minute)
	w.WantReady(other)
	if !w.Gone(object) {
		t.Error("the GatewayToken is there still")
	}
	w.WantActive(1)
	w.CheckRest()
}
