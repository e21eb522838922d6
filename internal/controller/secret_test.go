package controller_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

func adopting(s *v1alpha1.SecretTemplate) { s.Adopt = v1alpha1.AdoptIfUnowned }

// somebodys is a Secret that is not the operator's.
func somebodys(w *harness.World, change ...func(*corev1.Secret)) *corev1.Secret {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Tenant, Name: "mediator", Labels: map[string]string{"team": "edge"}},
		StringData: map[string]string{"password": "by hand"},
	}
	for _, adapt := range change {
		adapt(secret)
	}
	return secret
}

// A Secret that is not ours is never written, and costs no token. When it is gone, work goes on by itself.
func TestSecretConflict(t *testing.T) {
	tests := map[string]struct {
		reason string
		token  func(*v1alpha1.SecretTemplate)
		secret func(*corev1.Secret)
	}{
		"never adopted": {
			reason: "that is what is meant when nothing is said",
			token:  func(*v1alpha1.SecretTemplate) {},
			secret: func(*corev1.Secret) {},
		},
		"with an owner": {
			reason: "what somebody owns is not unowned, and its owner would delete it",
			token:  adopting,
			secret: func(s *corev1.Secret) {
				s.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "owner", UID: "0d6f6f4f-6a0e-4a5e-9a34-7c115f0c2f52"}}
			},
		},
		"credentials of an issuer": {
			reason: "the operator's own Secrets are no token's",
			token:  adopting,
			secret: func(s *corev1.Secret) { s.Labels[v1alpha1.LabelRole] = v1alpha1.RoleLastGood },
		},
		"with a ledger of another object": {
			reason: "it is another GatewayToken's, or was copied from it",
			token:  adopting,
			secret: func(s *corev1.Secret) {
				s.Labels[v1alpha1.LabelManagedBy] = v1alpha1.OperatorName
				s.Annotations = map[string]string{v1alpha1.AnnotationLedger: `{"ledger":{"v":1},"owner":"x/y/z","mac":""}`}
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if len(somebodys(w, tc.secret).OwnerReferences) > 0 {
				// The owner exists, lest the garbage collector take the Secret.
				owner := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.Tenant, Name: "owner"}}
				w.Create(owner)
				own := tc.secret
				tc.secret = func(s *corev1.Secret) {
					own(s)
					s.OwnerReferences[0].UID = owner.UID
				}
			}
			secret := somebodys(w, tc.secret)
			w.Create(secret)
			_, object := w.Ask(harness.WithSecret(tc.token))
			w.Advance(5 * time.Minute)

			w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSecretConflict)
			w.Want(object, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonSecretConflict)
			w.WantCreates(0)
			if after := w.Secret("mediator"); after == nil || after.ResourceVersion != secret.ResourceVersion {
				t.Error("the Secret was touched")
			}
			w.Remove(secret)
			w.Advance(2 * time.Minute)
			w.WantReady(object)
			w.WantNo(object, v1alpha1.ConditionStalled)
			w.WantCreates(1)
			w.CheckRest()
		})
	}
}

// A GatewayToken that meets a foreign Secret and is deleted leaves it alone.
func TestSecretConflictAtDeletion(t *testing.T) {
	w := newWorld(t)
	secret := somebodys(w)
	w.Create(secret)
	_, object := w.Ask()
	w.Advance(time.Minute)
	w.Remove(object)
	w.Advance(2 * time.Minute)
	if !w.Gone(object) {
		t.Error("the GatewayToken stays")
	}
	if after := w.Secret("mediator"); after == nil || after.ResourceVersion != secret.ResourceVersion {
		t.Error("the Secret was touched")
	}
}

// Adopted, a Secret keeps what others put there.
func TestAdoption(t *testing.T) {
	w := newWorld(t)
	w.Watch()
	secret := somebodys(w)
	w.Create(secret)
	w.Publish(harness.WithSecret(adopting))
	after := w.Secret("mediator")
	if after.UID != secret.UID || string(after.Data["password"]) != "by hand" || after.Labels["team"] != "edge" {
		t.Error("the Secret is not the one that was adopted")
	}
	w.WantCreates(1)
	before := w.Versions()
	w.Advance(10 * time.Minute)
	if diff := cmp.Diff(before, w.Versions()); diff != "" {
		t.Errorf("an adopted Secret is written at rest:\n%s", diff)
	}
	w.CheckRest()
}

// A Secret of another type cannot become ours: the API server refuses the dry run, before any mint.
func TestAdoptionOfAnotherType(t *testing.T) {
	w := newWorld(t)
	w.Create(somebodys(w, func(s *corev1.Secret) { s.Type = "example.com/other" }))
	_, object := w.Ask(harness.WithSecret(adopting))
	w.Advance(10 * time.Minute)
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWriteFailed)
	w.WantCreates(0)
	w.CheckRest()
}

// Whatever is done to the Secret, the value comes back, and no token is issued for it.
func TestRepair(t *testing.T) {
	change := func(edit func(*corev1.Secret)) func(*harness.World) {
		return func(w *harness.World) { harness.Change(w, w.Secret("mediator"), edit) }
	}
	tests := map[string]struct {
		reason string
		damage func(*harness.World)
		// extra are labels of somebody else's that stay.
		extra map[string]string
	}{
		"value edited": {
			reason: "the vendor shows the value again",
			damage: change(func(s *corev1.Secret) { s.Data["token"] = []byte("by hand") }),
		},
		"value of one of two keys edited": {
			reason: "the other key still has the value",
			damage: change(func(s *corev1.Secret) { s.Data["copy"] = []byte("by hand") }),
		},
		"all values edited": {
			reason: "the value is nowhere but at the vendor",
			damage: change(func(s *corev1.Secret) { s.Data = map[string][]byte{"token": []byte("x"), "copy": []byte("y")} }),
		},
		"key removed": {
			reason: "the spec asks for it",
			damage: change(func(s *corev1.Secret) { delete(s.Data, "copy") }),
		},
		"all keys removed": {
			reason: "an empty Secret is nobody's wish",
			damage: change(func(s *corev1.Secret) { s.Data = nil }),
		},
		"label of the spec stripped": {
			reason: "the spec asks for it",
			damage: change(func(s *corev1.Secret) { delete(s.Labels, "tier") }),
		},
		"label of the spec edited": {
			reason: "the spec asks for another value",
			damage: change(func(s *corev1.Secret) { s.Labels["tier"] = "other" }),
		},
		"managed-by stripped": {
			reason: "the Secret leaves the operator's cache, which must not look like a deletion",
			damage: change(func(s *corev1.Secret) { delete(s.Labels, v1alpha1.LabelManagedBy) }),
		},
		"role stripped": {
			reason: "the ledger still says whose it is",
			damage: change(func(s *corev1.Secret) { delete(s.Labels, v1alpha1.LabelRole) }),
		},
		"all labels stripped": {
			reason: "the ledger still says whose it is",
			damage: change(func(s *corev1.Secret) { s.Labels = nil }),
		},
		"retained label forged": {
			reason: "what counts is the signed ledger; a label that is somebody else's stays like any other",
			damage: change(func(s *corev1.Secret) { s.Labels[v1alpha1.LabelRetained] = "true" }),
			extra:  map[string]string{v1alpha1.LabelRetained: "true"},
		},
		"annotation of the spec stripped": {
			reason: "the spec asks for it",
			damage: change(func(s *corev1.Secret) { delete(s.Annotations, "example.com/note") }),
		},
		"ledger forged": {
			reason: "its signature does not verify, and the value is the one it was",
			damage: change(func(s *corev1.Secret) {
				s.Annotations[v1alpha1.AnnotationLedger] = strings.Replace(s.Annotations[v1alpha1.AnnotationLedger], `"sequence":1`, `"sequence":7`, 1)
			}),
		},
		"deleted": {
			reason: "the value can be read again at the vendor",
			damage: func(w *harness.World) { w.Remove(w.Secret("mediator")) },
		},
		"deleted and made anew by somebody": {
			reason: "a copy without ledger is somebody else's: it must be gone first",
			damage: func(w *harness.World) {
				w.Remove(w.Secret("mediator"))
				w.Create(somebodys(w))
				w.Advance(2 * time.Minute)
				w.Remove(w.Secret("mediator"))
				w.Advance(2 * time.Minute)
			},
		},
		"deleted and restored from a backup": {
			reason: "ledger and value are what they were, under another UID",
			damage: func(w *harness.World) {
				backup := w.Secret("mediator")
				w.Remove(w.Secret("mediator"))
				backup.ObjectMeta = metav1.ObjectMeta{Namespace: backup.Namespace, Name: backup.Name, Labels: backup.Labels, Annotations: backup.Annotations}
				w.Create(backup)
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			_, object := w.Publish(harness.WithSecret(func(s *v1alpha1.SecretTemplate) {
				s.Labels = map[string]v1alpha1.LabelValue{"tier": "edge"}
				s.Annotations = map[string]v1alpha1.AnnotationValue{"example.com/note": "a note"}
				s.Data = map[string]v1alpha1.DataTemplate{"token": "{{ .Token }}", "copy": "{{ .Token }}"}
			}))
			w.Advance(time.Minute)
			before := w.Secret("mediator")
			tc.damage(w)
			w.Settle()

			after := w.Secret("mediator")
			if after == nil {
				t.Fatal("there is no Secret")
			}
			if !maps.EqualFunc(before.Data, after.Data, func(a, b []byte) bool { return string(a) == string(b) }) {
				t.Error("the keys are not what they were")
			}
			maps.Copy(before.Labels, tc.extra)
			if diff := cmp.Diff(before.Labels, after.Labels); diff != "" {
				t.Errorf("labels:\n%s", diff)
			}
			if after.Annotations["example.com/note"] != "a note" {
				t.Errorf("annotations: %v", after.Annotations)
			}
			if record, trust := ledgerOf(w, object); trust != ledger.Proof || record.Current.Sequence != 1 {
				t.Errorf("ledger: trust %d, %+v", trust, record.Current)
			}
			w.WantReady(object)
			w.WantCreates(1)
			w.WantActive(1)
			rest := w.Versions()
			w.Advance(30 * time.Minute)
			if diff := cmp.Diff(rest, w.Versions()); diff != "" {
				t.Errorf("it finds no rest after the repair:\n%s", diff)
			}
			w.CheckRest()
		})
	}
}

// A ledger that is gone makes the Secret somebody else's by its looks; the label alone is no proof. The value is still
// the vendor's, so that nothing is minted once the Secret may be taken over.
func TestLedgerStripped(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish()
	before := w.Current(w.Secret("mediator"), "token")
	harness.Change(w, w.Secret("mediator"), func(s *corev1.Secret) { delete(s.Annotations, v1alpha1.AnnotationLedger) })
	w.Advance(2 * time.Minute)
	w.WantCreates(1)
	if after := w.Current(w.Secret("mediator"), "token"); after != before {
		t.Errorf("the Secret holds %+v, want %+v", after, before)
	}
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSecretConflict)
	w.Remove(w.Secret("mediator"))
	w.Advance(2 * time.Minute)
	w.WantReady(object)
	w.WantCreates(1)
	w.CheckRest()
}

// The ledger key is lost: values stay, nothing is minted, and the ledgers are signed again from the vendor's list.
func TestLedgerKeyLost(t *testing.T) {
	w := newWorld(t)
	w.Watch()
	_, object := w.Publish()
	before := w.Current(w.Secret("mediator"), "token")
	w.RotateLedgerKey("second")
	w.Restart()
	w.Advance(time.Minute)
	w.WantReady(object)
	w.WantCreates(1)
	if after := w.Current(w.Secret("mediator"), "token"); after != before {
		t.Errorf("the Secret holds %+v, want %+v", after, before)
	}
	if _, trust := ledgerOf(w, object); trust != ledger.Proof {
		t.Error("the ledger was not signed again")
	}
	w.CheckRest()
}

// A repair needs no vendor where the value is in the Secret.
func TestRepairWhileVendorIsDown(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish(harness.WithSecret(func(s *v1alpha1.SecretTemplate) {
		s.Data = map[string]v1alpha1.DataTemplate{"token": "{{ .Token }}", "copy": "{{ .Token }} {{ .URL }}"}
	}))
	before := string(w.Secret("mediator").Data["copy"])
	w.Fault(causely.RouteList, "status", harness.Always)
	w.Fault(causely.RouteLogin, "status", harness.Always)
	w.Advance(10 * time.Minute)
	w.WantReady(object)
	w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionFalse, v1alpha1.ReasonVendorUnavailable)
	harness.Change(w, w.Secret("mediator"), func(s *corev1.Secret) { delete(s.Data, "copy") })
	w.Settle()
	if got := string(w.Secret("mediator").Data["copy"]); got != before {
		t.Error("the key was not put back")
	}
	w.WantReady(object)
	w.WantCreates(1)
}

// A label that is stripped while the vendor is down makes the Secret leave the cache, not the cluster.
func TestLabelStrippedWhileVendorIsDown(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish()
	w.Fault(causely.RouteList, "status", harness.Always)
	w.Fault(causely.RouteLogin, "status", harness.Always)
	w.Advance(6 * time.Minute)
	harness.Change(w, w.Secret("mediator"), func(s *corev1.Secret) { delete(s.Labels, v1alpha1.LabelManagedBy) })
	w.Advance(3 * time.Minute)
	w.WantReady(object)
	if w.Secret("mediator").Labels[v1alpha1.LabelManagedBy] != v1alpha1.OperatorName {
		t.Error("the label was not put back")
	}
}

// An outage that began before the Secret was damaged ends with the same value, too.
func TestRepairAfterOutage(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish()
	before := w.Current(w.Secret("mediator"), "token")
	w.Fault(causely.RouteList, "cutBeforeCommit", harness.Always)
	w.Advance(6 * time.Minute)
	w.Remove(w.Secret("mediator"))
	w.Advance(6 * time.Minute)
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonVendorUnreachable)
	w.Heal()
	w.Advance(11 * time.Minute)
	w.WantReady(object)
	if after := w.Current(w.Secret("mediator"), "token"); after != before {
		t.Errorf("the Secret holds %+v, want %+v", after, before)
	}
	w.WantCreates(1)
	w.CheckRest()
}

// An immutable Secret cannot be repaired. That is said, and it is not hammered.
func TestImmutableSecret(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish()
	harness.Change(w, w.Secret("mediator"), func(s *corev1.Secret) { s.Immutable = ptr.To(true) })
	harness.Change(w, object, func(o *v1alpha1.GatewayToken) {
		harness.WithSecret(func(s *v1alpha1.SecretTemplate) {
			s.Data = map[string]v1alpha1.DataTemplate{"token": "{{ .Token }}", "more": "{{ .ID }}"}
		})(o)
	})
	w.DryRuns = 0
	w.Advance(time.Hour)
	w.WantCreates(1)
	w.Refresh(object)
	if failure := object.Status.Failure; failure == nil || failure.Reason != v1alpha1.ReasonWriteFailed || failure.Count > 25 {
		t.Errorf("failure: %+v, want WriteFailed, tried rarely", failure)
	}
	w.Remove(w.Secret("mediator"))
	w.Advance(10 * time.Minute)
	w.WantReady(object)
	w.WantCreates(1)
	if got := string(w.Secret("mediator").Data["more"]); got != object.Status.Current.ID {
		t.Errorf("the new key has %q", got)
	}
}

// Edits that do not change the token cost no token.
func TestEditsWithoutMint(t *testing.T) {
	tests := map[string]struct {
		reason string
		edit   func(*v1alpha1.GatewayToken)
	}{
		"tokenName":      {"it names the next token", func(o *v1alpha1.GatewayToken) { o.Spec.TokenName = "another" }},
		"overlap":        {"it is about what comes later", harness.Overlapping(time.Hour)},
		"deletionPolicy": {"it is about the end", harness.Retained},
		"reporting":      {"it is about what comes later", harness.Reporting},
		"suspend":        {"it stops things", harness.Suspended},
		"data":           {"the Secret is rewritten with the value in hand", harness.WithSecret(func(s *v1alpha1.SecretTemplate) { s.Data = map[string]v1alpha1.DataTemplate{"other": "{{ .Token }}"} })},
		"labels":         {"the Secret is rewritten with the value in hand", harness.WithSecret(func(s *v1alpha1.SecretTemplate) { s.Labels = map[string]v1alpha1.LabelValue{"a": "b"} })},
		"own labels":     {"they are not the Secret's business", func(o *v1alpha1.GatewayToken) { o.Labels = map[string]string{"a": "b"} }},
		"own annotation": {"it is not the Secret's business", func(o *v1alpha1.GatewayToken) { o.Annotations = map[string]string{"a": "b"} }},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Watch()
			_, object := w.Publish()
			harness.Change(w, object, tc.edit)
			w.Advance(time.Minute)
			w.WantReady(object)
			w.WantCreates(1)
			w.WantActive(1)
			w.Refresh(object)
			if object.Status.ObservedGeneration != object.Generation {
				t.Errorf("observedGeneration %d of %d", object.Status.ObservedGeneration, object.Generation)
			}
			w.CheckRest()
		})
	}
}

// While suspended nothing is repaired; afterwards everything is.
func TestSuspend(t *testing.T) {
	w := newWorld(t)
	_, object := w.Ask(harness.Suspended)
	w.Advance(10 * time.Minute)
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSuspended)
	w.Want(object, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonSuspended)
	w.WantCreates(0)
	suspend := func(on bool) { harness.Change(w, object, func(o *v1alpha1.GatewayToken) { o.Spec.Suspend = on }) }
	suspend(false)
	w.Advance(time.Second)
	w.WantReady(object)
	w.WantNo(object, v1alpha1.ConditionStalled)

	suspend(true)
	w.Settle()
	w.WantReady(object)
	w.WantNo(object, v1alpha1.ConditionStalled)
	w.Remove(w.Secret("mediator"))
	w.Advance(10 * time.Minute)
	if w.Secret("mediator") != nil {
		t.Error("a Secret was repaired while suspended")
	}
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSuspended)
	suspend(false)
	w.Advance(time.Second)
	w.WantReady(object)
	w.WantCreates(1)
	w.CheckRest()
}

// Suspended, a GatewayToken is deleted like any other.
func TestSuspendedDeletion(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish()
	harness.Change(w, object, harness.Suspended)
	w.Settle()
	w.Remove(object)
	w.Advance(time.Minute)
	if !w.Gone(object) || w.Secret("mediator") != nil {
		t.Error("it is not gone")
	}
	w.WantActive(0)
}

// Two objects that want the same Secret: the first has it, the second says so.
func TestTwoForOneSecret(t *testing.T) {
	w := newWorld(t)
	w.Provide(w.System)
	w.Create(w.ClusterIssuer())
	first := w.Token("first", harness.WithSecret(func(s *v1alpha1.SecretTemplate) { s.Name = "shared" }))
	second := w.Token("second", harness.WithSecret(func(s *v1alpha1.SecretTemplate) { s.Name, s.Adopt = "shared", v1alpha1.AdoptIfUnowned }))
	w.Create(first)
	w.Settle()
	w.Create(second)
	w.Advance(5 * time.Minute)
	w.WantReady(first)
	w.Want(second, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSecretConflict)
	w.WantCreates(1)
	w.Remove(first)
	w.Advance(3 * time.Minute)
	w.WantReady(second)
	w.WantCreates(2)
	w.WantActive(1)
	w.CheckRest()
}

func TestStatusNeverHoldsAValue(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish()
	value := string(w.Secret("mediator").Data["token"])
	if found := harness.Disclosed(value, value); found == "" {
		t.Fatal("the search finds nothing even where the value is")
	}
	w.Refresh(object)
	if text := fmt.Sprintf("%+v", *object); harness.Disclosed(text, value) != "" {
		t.Error("the value can be read in the GatewayToken")
	}
}
