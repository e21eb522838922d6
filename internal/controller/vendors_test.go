package controller_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/rackgateway"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// place is a vendor that drops what is revoked from its list and shows no value twice.
type place struct {
	harness.Flavour
	// rights are those of a token that the flavour asks for.
	rights []string
	// asks: one token can be asked for by its ID.
	asks bool
	// stands: it is this one at which stories of places are told on the real API server.
	stands bool
	// checks is the call that tells whether credentials are accepted, where that is not the list.
	checks string
}

func places() map[string]place {
	return map[string]place{
		"Rack Gateway": {Flavour: harness.AtRackGateway(), asks: true, stands: true, rights: []string{
			"convox:app:list", "convox:app:read", "convox:build:list", "convox:build:read", "convox:instance:list", "convox:instance:read",
			"convox:log:read", "convox:process:list", "convox:process:read", "convox:rack:read",
		}},
		"Causeloop, personal": {
			Flavour: harness.AtCauseloop(v1alpha1.CauseloopKindPersonal), rights: []string{"issues:read"}, checks: causeloop.RouteScopes,
		},
		"Causeloop, dedicated": {
			Flavour: harness.AtCauseloop(v1alpha1.CauseloopKindDedicated), rights: []string{"issues:read"}, checks: causeloop.RouteScopes,
		},
	}
}

// atEach tells a story at each of them.
func atEach(t *testing.T, tell func(*testing.T, place)) {
	t.Helper()
	for name, at := range places() {
		t.Run(name, func(t *testing.T) { tell(t, at) })
	}
}

// overlap is short enough for a test to see its end.
const overlap = time.Hour

func TestVendorIssue(t *testing.T) {
	atEach(t, func(t *testing.T, at place) {
		w := newWorldAt(t, at)
		w.Watch()
		issuer, object := w.Publish()
		w.Advance(time.Minute)
		w.WantReady(object)
		w.WantCreates(1)
		w.WantActive(1)
		if diff := cmp.Diff(at.rights, w.Active()[0].Rights); diff != "" {
			t.Errorf("rights at the vendor (-want +got):\n%s", diff)
		}
		if got := w.Calls(w.Route(harness.RouteCreate)); got != 1 {
			t.Errorf("the vendor was asked for a token %d times, want once", got)
		}
		w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionTrue, v1alpha1.ReasonVendorAnswered)
		w.WantNo(object, v1alpha1.ConditionReconciling)
		w.WantNo(object, v1alpha1.ConditionStalled)
		w.WantNo(object, v1alpha1.ConditionRevocationPending)
		w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonCredentialsAccepted)
		w.Want(issuer, v1alpha1.ConditionInUse, metav1.ConditionTrue, v1alpha1.ReasonTokensRemain)
		if want := (&v1alpha1.Inventory{Active: 1, Owned: 1}); !cmp.Equal(issuer.Status.Inventory, want) {
			t.Errorf("inventory: %+v, want %+v", issuer.Status.Inventory, want)
		}
		if record, trust := ledgerOf(w, object); trust != ledger.Proof || string(record.Current.ID) != w.Active()[0].ID {
			t.Errorf("the ledger says %+v", record.Current)
		}
		w.CheckRest()
	})
}

// A restart finds everything as it was, whatever is lost of the status.
func TestVendorRestart(t *testing.T) {
	atEach(t, func(t *testing.T, at place) {
		w := newWorldAt(t, at)
		_, object := w.Publish()
		before := w.Secret("mediator").ResourceVersion
		w.Refresh(object)
		object.Status = v1alpha1.GatewayTokenStatus{ObservedGeneration: -1}
		if err := w.Admin().Status().Update(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		w.Restart()
		w.Advance(6 * time.Minute)
		w.WantReady(object)
		w.WantCreates(1)
		if w.Secret("mediator").ResourceVersion != before {
			t.Error("the Secret was written again")
		}
		w.CheckRest()
	})
}

// The answer to a create is lost, and with it the value: what came of it is revoked as soon as the Secret lists it, and one
// more token is made.
func TestVendorLostAnswer(t *testing.T) {
	tests := map[string]struct {
		reason string
		kind   stage.Kind
		// lost tells whether a token came of the create whose answer was lost.
		lost bool
	}{
		"cut after the commit":  {reason: "the token exists", kind: stage.CutAfterCommit, lost: true},
		"5xx after the commit":  {reason: "a gateway gave up, the vendor did not", kind: stage.StatusAfterCommit, lost: true},
		"half an answer":        {reason: "the token exists", kind: stage.TruncatedBody, lost: true},
		"malformed answer":      {reason: "the token exists", kind: stage.MalformedJSON, lost: true},
		"web page in its place": {reason: "the token does not exist, but who knows", kind: stage.HTML},
		"cut before the commit": {reason: "the token does not exist, but who knows", kind: stage.CutBeforeCommit},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			atEach(t, func(t *testing.T, at place) {
				w := newWorldAt(t, at)
				w.Watch()
				w.Fault(w.Route(harness.RouteCreate), tc.kind)
				_, object := w.Ask()
				fenced := watchFence(w, object)
				w.Advance(15 * time.Minute)
				creates, revocations := 1, 0
				if tc.lost {
					creates, revocations = 2, 1
				}
				w.WantReady(object)
				w.WantCreates(creates)
				w.WantActive(1)
				if got := w.Calls(w.Route(harness.RouteCreate)); got != 2 {
					t.Errorf("%s: the vendor was asked %d times, want twice", tc.reason, got)
				}
				if got := w.Did(harness.Revoke, harness.VendorToken); got != revocations || *fenced != revocations {
					t.Errorf("%s: %d revocations, %d of them after the Secret listed the stray, want %d", tc.reason, got, *fenced, revocations)
				}
				if object.Status.Attempt != nil || object.Status.Failure != nil {
					t.Errorf("status: %+v", object.Status)
				}
				w.Advance(6 * time.Minute)
				w.WantNo(object, v1alpha1.ConditionRevocationPending)
				w.CheckRest()
			})
		})
	}
}

// watchFence counts the revocations of what the Secret lists at that time.
func watchFence(w *harness.World, object *v1alpha1.GatewayToken) *int {
	fenced := 0
	w.Interfere(harness.Interference{Before: func(effect harness.Effect) error {
		if effect.Is(harness.Revoke, harness.VendorToken) && w.Secret(object.SecretName()) != nil {
			record, trust := ledgerOf(w, object)
			for _, entry := range append(record.Condemned, record.Retiring...) {
				if trust == ledger.Proof && string(entry.ID) == effect.Name {
					fenced++
				}
			}
		}
		return nil
	}})
	return &fenced
}

// Answer without a value: the token is there, and nobody will ever know its value.
func TestVendorEmptyValue(t *testing.T) {
	atEach(t, func(t *testing.T, at place) {
		w := newWorldAt(t, at)
		w.Watch()
		route := w.Route(harness.RouteCreate)
		if route == causeloop.RouteCreateAccount {
			route = causeloop.RouteIssue
		}
		w.Fault(route, stage.EmptyValue)
		_, object := w.Ask()
		w.Advance(15 * time.Minute)
		w.WantReady(object)
		w.WantCreates(2)
		w.WantActive(1)
		w.CheckRest()
	})
}

// Killed between the commit and the Secret: the next process makes another token, and what nobody knows the value of goes when
// nobody can be using it any more.
func TestVendorKilledAfterCommit(t *testing.T) {
	atEach(t, func(t *testing.T, at place) {
		w := newWorldAt(t, at)
		w.Watch()
		w.Interfere(harness.Interference{After: func(effect harness.Effect) error {
			if effect.Is(harness.Mint, harness.VendorToken) {
				harness.Kill()
			}
			return nil
		}})
		_, object := w.Ask(harness.Overlapping(overlap))
		w.Settle()
		if !w.Dead() {
			t.Fatal("it was not killed")
		}
		w.WantActive(1)
		w.Interfere(harness.Interference{})
		w.Restart()
		w.Advance(15 * time.Minute)
		w.WantReady(object)
		w.WantCreates(2)
		if object.Status.Current.Sequence != 2 {
			t.Errorf("sequence %d, want 2", object.Status.Current.Sequence)
		}
		w.Advance(overlap + 6*time.Minute)
		w.WantReady(object)
		w.WantCreates(2)
		w.WantActive(1)
		w.WantNo(object, v1alpha1.ConditionRevocationPending)
		w.CheckRest()
	})
}

// What the vendor commits late has the name that was asked for again meanwhile, which is taken.
func TestVendorLateCommit(t *testing.T) {
	t.Run("after the next create", func(t *testing.T) {
		atEach(t, func(t *testing.T, at place) {
			w := newWorldAt(t, at)
			w.Watch()
			w.Fault(w.Route(harness.RouteCreate), stage.LateCommit, func(f *simulator.Fault) { f.Delay = 24 * time.Hour })
			_, object := w.Ask(harness.Overlapping(overlap))
			w.Advance(time.Minute)
			w.WantReady(object)
			w.Vendor.Faults().CommitLate()
			w.Advance(overlap + 20*time.Minute)
			w.WantReady(object)
			w.WantActive(1)
			w.CheckRest()
		})
	})
	t.Run("between the list and the next create", func(t *testing.T) {
		atEach(t, func(t *testing.T, at place) {
			w := newWorldAt(t, at)
			w.Watch()
			w.Fault(w.Route(harness.RouteCreate), stage.LateCommit, func(f *simulator.Fault) { f.Delay = 24 * time.Hour })
			mints, late := 0, 0
			w.Interfere(harness.Interference{Before: func(effect harness.Effect) error {
				if effect.Is(harness.Mint, harness.VendorToken) {
					if mints++; mints == 2 {
						late = w.Vendor.Faults().CommitLate()
					}
				}
				return nil
			}})
			_, object := w.Ask(harness.Overlapping(overlap))
			w.Advance(15 * time.Minute)
			if late != 1 {
				t.Fatalf("%d late commits, want 1", late)
			}
			w.WantReady(object)
			w.WantCreates(2)
			w.Advance(overlap + 20*time.Minute)
			w.WantReady(object)
			w.WantCreates(2)
			w.WantActive(1)
			w.CheckRest()
		})
	})
	t.Run("after the release", func(t *testing.T) {
		atEach(t, func(t *testing.T, at place) {
			w := newWorldAt(t, at)
			w.Fault(w.Route(harness.RouteCreate), stage.LateCommit, func(f *simulator.Fault) { f.Delay = 24 * time.Hour })
			_, object := w.Ask()
			w.Settle()
			w.Remove(object)
			w.Advance(2 * time.Minute)
			if !w.Gone(object) {
				t.Fatal("it is not released")
			}
			w.Vendor.Faults().CommitLate()
			w.WantActive(1)
			w.Advance(10 * time.Minute)
			w.WantActive(0)
			w.CheckRest()
		})
	})
}

// The value is nowhere but in the Secret: whoever deletes or edits it gets another token, and the one before it retires.
func TestVendorLostValue(t *testing.T) {
	tests := map[string]struct {
		reason  string
		lose    func(*harness.World)
		restart bool
	}{
		"Secret deleted":                {reason: "the value is lost", lose: func(w *harness.World) { w.Remove(w.Secret("mediator")) }},
		"Secret deleted, and a restart": {reason: "the status names the token that was published", lose: func(w *harness.World) { w.Remove(w.Secret("mediator")) }, restart: true},
		"value edited": {reason: "the value is lost", lose: func(w *harness.World) {
			harness.Change(w, w.Secret("mediator"), func(s *corev1.Secret) { s.Data["token"] = []byte("by hand") })
		}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			atEach(t, func(t *testing.T, at place) {
				w := newWorldAt(t, at)
				_, object := w.Publish(harness.Overlapping(overlap))
				first := object.Status.Current.ID
				w.Advance(10 * time.Minute)
				tc.lose(w)
				if tc.restart {
					w.Restart()
				}
				w.Advance(10 * time.Minute)
				w.WantReady(object)
				w.WantCreates(2)
				w.WantActive(2)
				w.Want(object, v1alpha1.ConditionRevocationPending, metav1.ConditionTrue, v1alpha1.ReasonRetiring)
				if len(object.Status.Retiring) != 1 || object.Status.Retiring[0].ID != first {
					t.Errorf("%s: retiring: %+v, want %s", tc.reason, object.Status.Retiring, first)
				}
				w.Advance(overlap - 15*time.Minute)
				w.WantActive(2)
				w.Advance(20 * time.Minute)
				w.WantActive(1)
				w.WantCreates(2)
				w.WantReady(object)
				w.WantNo(object, v1alpha1.ConditionRevocationPending)
				w.CheckRest()
			})
		})
	}
}

// What else is in the Secret is put right with the value that it holds.
func TestVendorRepair(t *testing.T) {
	atEach(t, func(t *testing.T, at place) {
		w := newWorldAt(t, at)
		w.Watch()
		_, object := w.Publish()
		before := w.Secret("mediator")
		harness.Change(w, object, harness.WithSecret(func(s *v1alpha1.SecretTemplate) {
			s.Data = map[string]v1alpha1.DataTemplate{"token": "{{ .Token }}", "id": "{{ .ID }}", "url": "{{ .URL }}"}
		}))
		w.Advance(time.Minute)
		after := w.Secret("mediator")
		if string(after.Data["token"]) != string(before.Data["token"]) || string(after.Data["id"]) != object.Status.Current.ID || string(after.Data["url"]) != w.Vendor.URL() {
			t.Error("the keys of the Secret are not what the templates make") // their content is not for a log
		}
		w.WantReady(object)
		w.WantCreates(1)
		w.CheckRest()
	})
}

// Revoked by somebody, a token is not in the list any more. Where it can be asked for by its ID, one list and the question will do;
// elsewhere two lists. Another row shows that the list is the right one.
func TestVendorRevokedByHand(t *testing.T) {
	t.Run("Reissue", func(t *testing.T) {
		atEach(t, func(t *testing.T, at place) {
			w := newWorldAt(t, at)
			w.Watch()
			w.CreateByHand("somebody's")
			_, object := w.Publish()
			w.Advance(time.Minute)
			w.RevokeByHand(object.Status.Current.ID)
			before := w.AllCalls()
			w.Advance(6 * time.Minute)
			w.WantReady(object)
			w.WantCreates(2)
			w.WantActive(2)
			if object.Status.Current.Sequence != 2 {
				t.Errorf("sequence %d, want 2", object.Status.Current.Sequence)
			}
			calls := w.CallsSince(before)
			if asked := calls[rackgateway.RouteGet]; at.asks != (asked == 1) {
				t.Errorf("the vendor was asked for the token %d times: %v", asked, calls)
			}
			if lists := calls[w.Route(harness.RouteList)]; lists > 3 {
				t.Errorf("%d lists", lists)
			}
			w.Advance(time.Hour)
			w.WantCreates(2)
			w.WantReady(object)
			w.WantNo(object, v1alpha1.ConditionRevocationPending)
			w.CheckRest()
		})
	})
	t.Run("Report", func(t *testing.T) {
		atEach(t, func(t *testing.T, at place) {
			w := newWorldAt(t, at)
			w.CreateByHand("somebody's")
			_, object := w.Publish(harness.Reporting)
			w.Advance(time.Minute)
			w.RevokeByHand(object.Status.Current.ID)
			w.Advance(time.Hour)
			w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRevokedAtVendor)
			w.Want(object, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonRevokedAtVendor)
			w.WantCreates(1)
			harness.Change(w, object, func(o *v1alpha1.GatewayToken) { o.Spec.OnRemoteRevocation = v1alpha1.RemoteRevocationReissue })
			w.Settle()
			w.WantReady(object)
			w.WantNo(object, v1alpha1.ConditionStalled)
			w.WantCreates(2)
			w.CheckRest()
		})
	})
	t.Run("while the operator is away", func(t *testing.T) {
		atEach(t, func(t *testing.T, at place) {
			w := newWorldAt(t, at)
			w.CreateByHand("somebody's")
			_, object := w.Publish()
			w.RevokeByHand(object.Status.Current.ID)
			w.Restart()
			w.Advance(11 * time.Minute)
			w.WantReady(object)
			w.WantCreates(2)
			w.CheckRest()
		})
	})
	t.Run("and the Secret deleted", func(t *testing.T) {
		atEach(t, func(t *testing.T, at place) {
			w := newWorldAt(t, at)
			_, object := w.Publish()
			w.RevokeByHand(object.Status.Current.ID)
			w.Remove(w.Secret("mediator"))
			w.Advance(10 * time.Minute)
			w.WantReady(object)
			w.WantCreates(2)
			w.CheckRest()
		})
	})
}

// An empty list proves nothing, and one that lacks a token for once does not either.
func TestVendorListLacksToken(t *testing.T) {
	tests := map[string]struct {
		reason string
		kind   stage.Kind
		times  int
	}{
		"empty, once":            {"a cache that was just emptied", stage.EmptyList, 1},
		"empty, again and again": {"whoever shows nothing at all may be somebody else", stage.EmptyList, 20},
		"as it was before":       {"a replica that is behind", stage.StaleList, 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			atEach(t, func(t *testing.T, at place) {
				w := newWorldAt(t, at)
				w.Watch()
				w.CreateByHand("somebody's")
				w.Clock.Step(time.Hour)
				_, object := w.Publish()
				w.Advance(time.Minute)
				w.Fault(w.Route(harness.RouteList), tc.kind, func(f *simulator.Fault) { f.Times, f.Delay = tc.times, 30*time.Minute })
				w.Advance(20 * time.Minute)
				w.WantReady(object)
				w.WantCreates(1)
				w.WantActive(2)
				w.CheckRest()
			})
		})
	}
}

func TestVendorDeletion(t *testing.T) {
	atEach(t, func(t *testing.T, at place) {
		w := newWorldAt(t, at)
		w.Watch()
		issuer, object := w.Publish()
		w.Advance(10 * time.Minute)
		w.Forget()
		w.Remove(object)
		w.Advance(time.Minute)
		wantGone(t, w, object)
		w.WantActive(0)
		w.WantCreates(1)
		if got := w.Did(harness.Revoke, harness.VendorToken); got != 1 {
			t.Errorf("%d revocations, want one", got)
		}
		w.Want(issuer, v1alpha1.ConditionInUse, metav1.ConditionFalse, v1alpha1.ReasonNotInUse)
		w.CheckRest()
	})
}

func wantGone(t *testing.T, w *harness.World, object *v1alpha1.GatewayToken) {
	t.Helper()
	if !w.Gone(object) || w.Secret(object.SecretName()) != nil {
		t.Error("it is not gone")
	}
}

// The answer to a revocation is lost: whatever the second one and the list say, the object goes.
func TestVendorLostAnswerOfRevocation(t *testing.T) {
	for _, kind := range []stage.Kind{stage.CutAfterCommit, stage.StatusAfterCommit, stage.CutBeforeCommit, stage.Status, stage.HTML} {
		t.Run(string(kind), func(t *testing.T) {
			atEach(t, func(t *testing.T, at place) {
				w := newWorldAt(t, at)
				_, object := w.Publish()
				w.Fault(w.Route(harness.RouteRevoke), kind)
				w.Remove(object)
				w.Advance(15 * time.Minute)
				wantGone(t, w, object)
				w.WantActive(0)
				w.WantCreates(1)
				if got := w.Calls(w.Route(harness.RouteRevoke)); got > 2 {
					t.Errorf("%d revocations", got)
				}
				w.CheckRest()
			})
		})
	}
}

// A vendor that is down holds a deletion up, also across restarts, and the Secret stays as long as its token.
func TestVendorDeletionWhileDown(t *testing.T) {
	for name, restart := range map[string]bool{"same process": false, "restarts": true} {
		t.Run(name, func(t *testing.T) {
			atEach(t, func(t *testing.T, at place) {
				w := newWorldAt(t, at)
				_, object := w.Publish()
				takeDown(w, at)
				w.Remove(object)
				for range 3 {
					w.Advance(20 * time.Minute)
					if restart {
						w.Restart()
					}
				}
				if w.Gone(object) || w.Secret("mediator") == nil {
					t.Fatal("released without a revocation")
				}
				w.WantActive(1)
				if pending := w.Condition(object, v1alpha1.ConditionRevocationPending); pending.Status != metav1.ConditionTrue {
					t.Errorf("RevocationPending: %+v", pending)
				}
				if got := w.Calls(w.Route(harness.RouteRevoke)) + w.Calls(w.Route(harness.RouteList)); got > 40 {
					t.Errorf("%d calls within an hour of outage", got)
				}
				w.Heal()
				w.Advance(10 * time.Minute)
				wantGone(t, w, object)
				w.WantActive(0)
				w.WantCreates(1)
				w.CheckRest()
			})
		})
	}
}

// takeDown lets every call fail until faults are cleared.
func takeDown(w *harness.World, at place) {
	routes := []string{w.Route(harness.RouteList), w.Route(harness.RouteCreate), w.Route(harness.RouteRevoke)}
	if at.checks != "" {
		routes = append(routes, at.checks)
	}
	for _, route := range routes {
		w.Fault(route, stage.CutBeforeCommit, harness.Always)
	}
}

// Killed at each effect of a deletion, the next process brings it to its end.
func TestVendorRestartDuringDeletion(t *testing.T) {
	steps := map[string]func(harness.Effect) bool{
		"the revocation":             func(e harness.Effect) bool { return e.Is(harness.Revoke, harness.VendorToken) },
		"the deletion of the Secret": func(e harness.Effect) bool { return e.Is(harness.Delete, "Secret") },
		"the release":                func(e harness.Effect) bool { return e.Is(harness.PatchVerb, v1alpha1.KindGatewayToken) },
	}
	for name, fits := range steps {
		for when, kill := range map[string]func(func(harness.Effect) error) harness.Interference{
			"before": func(do func(harness.Effect) error) harness.Interference { return harness.Interference{Before: do} },
			"after":  func(do func(harness.Effect) error) harness.Interference { return harness.Interference{After: do} },
		} {
			t.Run(when+" "+name, func(t *testing.T) {
				atEach(t, func(t *testing.T, at place) {
					w := newWorldAt(t, at)
					_, object := w.Publish()
					w.Advance(10 * time.Minute)
					w.Interfere(kill(func(e harness.Effect) error {
						if fits(e) {
							harness.Kill()
						}
						return nil
					}))
					w.Remove(object)
					w.Advance(time.Minute)
					if !w.Dead() {
						t.Fatal("it was not killed")
					}
					w.Interfere(harness.Interference{})
					w.Restart()
					w.Advance(12 * time.Minute)
					wantGone(t, w, object)
					w.WantActive(0)
					w.WantCreates(1)
					w.CheckRest()
				})
			})
		}
	}
}

// Everything is deleted at once: the kept credentials revoke the token.
func TestVendorDeletionOfEverything(t *testing.T) {
	for name, restart := range map[string]bool{"same process": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			atEach(t, func(t *testing.T, at place) {
				w := newWorldAt(t, at)
				issuer, object := w.Publish()
				w.Remove(w.SecretIn(w.System, harness.CredentialsName), w.CA(w.System), issuer, object)
				if restart {
					w.Restart()
				}
				w.Advance(2 * time.Minute)
				wantGone(t, w, object)
				if !w.Gone(issuer) || w.SecretIn(w.System, v1alpha1.LastGoodSecretPrefix+"clustertokenissuer-"+issuer.Name) != nil {
					t.Error("the issuer or the kept credentials are left behind")
				}
				w.WantActive(0)
				w.WantCreates(1)
				w.CheckRest()
			})
		})
	}
}

// A whole namespace goes, with issuer and credentials at once, by the real namespace controller.
func TestVendorDeletionOfNamespace(t *testing.T) {
	atEach(t, func(t *testing.T, at place) {
		w := newWorld(t, harness.At(at))
		w.Provide(w.Tenant)
		first, second := w.Token("first", harness.FromNamespacedIssuer), w.Token("second", harness.FromNamespacedIssuer)
		w.Create(w.NamespacedIssuer(), first, second)
		w.Settle()
		w.WantReady(first)
		w.WantReady(second)
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.Tenant}}
		w.Remove(namespace)
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

// Retained, token and Secret stay, and the next object of the name takes them over.
func TestVendorRetain(t *testing.T) {
	atEach(t, func(t *testing.T, at place) {
		w := newWorldAt(t, at)
		_, object := w.Publish(harness.Retained)
		before := w.Current(w.Secret("mediator"), "token")
		w.Remove(object)
		w.Advance(2 * time.Minute)
		if !w.Gone(object) {
			t.Fatal("it is not gone")
		}
		w.WantActive(1)
		if secret := w.Secret("mediator"); secret == nil || secret.Labels[v1alpha1.LabelRetained] != "true" || w.Current(secret, "token") != before {
			t.Fatal("the Secret was not retained with its token")
		}
		w.CheckRest()
		again := w.Token("mediator")
		w.Create(again)
		w.Advance(time.Minute)
		w.WantReady(again)
		w.WantCreates(1)
		if after := w.Current(w.Secret("mediator"), "token"); after != before {
			t.Errorf("the next object has %+v, want the retained %+v", after, before)
		}
		w.Remove(again)
		w.Advance(2 * time.Minute)
		wantGone(t, w, again)
		w.WantActive(0)
		w.CheckRest()
	})
}

// Somebody takes the very name between list and create.
func TestVendorDuplicateName(t *testing.T) {
	t.Run("listed afterwards", func(t *testing.T) {
		atEach(t, func(t *testing.T, at place) {
			w := newWorldAt(t, at)
			w.Watch()
			taken := false
			w.Interfere(harness.Interference{Before: func(effect harness.Effect) error {
				if effect.Is(harness.Mint, harness.VendorToken) && !taken {
					taken = true
					w.CreateByHand(effect.Name)
				}
				return nil
			}})
			_, object := w.Ask(harness.Overlapping(overlap))
			w.Advance(10 * time.Minute)
			w.WantReady(object)
			w.WantCreates(2)
			if object.Status.Current.Sequence != 2 {
				t.Errorf("sequence %d, want 2", object.Status.Current.Sequence)
			}
			if got := w.Calls(w.Route(harness.RouteCreate)); got != 2 {
				t.Errorf("%d creates, want two", got)
			}
			w.Advance(overlap + 6*time.Minute)
			w.WantReady(object)
			w.WantActive(1)
			w.CheckRest()
		})
	})
	t.Run("never listed", func(t *testing.T) {
		atEach(t, func(t *testing.T, at place) {
			if at.asks {
				t.Skip("the list of this vendor has the tokens of everybody")
			}
			w := newWorldAt(t, at)
			w.Fault(w.Route(harness.RouteCreate), stage.Status, func(f *simulator.Fault) { f.Status = 409 })
			_, object := w.Ask()
			w.Advance(10 * time.Minute)
			w.WantReady(object)
			w.WantCreates(1)
			if object.Status.Current.Sequence != 2 {
				t.Errorf("sequence %d, want 2", object.Status.Current.Sequence)
			}
			w.CheckRest()
		})
	})
}

// Whoever asks too often is told so with Retry-After: 0, and does not ask all the more often.
func TestVendorRateLimited(t *testing.T) {
	atEach(t, func(t *testing.T, at place) {
		w := newWorldAt(t, at)
		w.Fault(w.Route(harness.RouteCreate), stage.Status, harness.Always, func(f *simulator.Fault) { f.Status, f.RetryAfter = 429, "0" })
		_, object := w.Ask()
		w.Advance(10 * time.Minute)
		w.WantCreates(0)
		if got := w.Calls(w.Route(harness.RouteCreate)); got > 30 {
			t.Errorf("%d creates within ten minutes", got)
		}
		w.Heal()
		w.Advance(10 * time.Minute)
		w.WantReady(object)
		w.WantCreates(1)
		w.CheckRest()
	})
}

// A spec that has no block of the issuer's vendor, or another's, asks for nothing.
func TestVendorMismatch(t *testing.T) {
	blocks := map[string]struct {
		reason string
		change func(*v1alpha1.GatewayToken)
	}{
		"missing": {reason: "nobody knows what the token may do", change: func(o *v1alpha1.GatewayToken) {
			o.Spec.RackGateway, o.Spec.Causeloop = nil, nil
		}},
		"another's": {reason: "it is for PingOne", change: func(o *v1alpha1.GatewayToken) {
			o.Spec.RackGateway, o.Spec.Causeloop = nil, nil
			o.Spec.PingOne = &v1alpha1.PingOneToken{GatewayID: "87e7c1a2-0000-4000-8000-00000000000a"}
		}},
	}
	for name, tc := range blocks {
		t.Run(name, func(t *testing.T) {
			atEach(t, func(t *testing.T, at place) {
				w := newWorldAt(t, at)
				_, object := w.Ask(tc.change)
				w.Advance(time.Hour)
				w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonVendorMismatch)
				w.Want(object, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonVendorMismatch)
				wantUntouched(t, w, at)
				w.Remove(object)
				w.Advance(time.Minute)
				wantGone(t, w, object)
				w.CheckRest()
			})
		})
	}
}

// wantUntouched checks that nothing was asked for but lists, and whether the credentials are accepted.
func wantUntouched(t *testing.T, w *harness.World, at place) {
	t.Helper()
	calls := w.AllCalls()
	delete(calls, w.Route(harness.RouteList))
	delete(calls, at.checks)
	for route, count := range calls {
		if count > 0 {
			t.Errorf("%d calls of %s, want none", count, route)
		}
	}
}

// What the issuer does not grant is not asked for, and the message names it.
func TestVendorNotGranted(t *testing.T) {
	atEach(t, func(t *testing.T, at place) {
		w := newWorldAt(t, at)
		asked := "workspace:admin"
		_, object := w.Ask(func(o *v1alpha1.GatewayToken) {
			if o.Spec.RackGateway != nil {
				asked, o.Spec.RackGateway.Role = "admin", v1alpha1.RackGatewayAdmin
				return
			}
			o.Spec.Causeloop.Scopes = []string{"issues:read", asked}
		})
		w.Advance(time.Hour)
		w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNotGranted)
		if message := w.Condition(object, v1alpha1.ConditionReady).Message; !strings.Contains(message, asked) {
			t.Errorf("the message does not say what is not granted: %s", message)
		}
		wantUntouched(t, w, at)
		w.CheckRest()
	})
}

// What the vendor does not know is told with what it knows, and asked rarely. The spec corrected, all is well.
func TestVendorUnknownRight(t *testing.T) {
	atEach(t, func(t *testing.T, at place) {
		w := newWorldAt(t, at)
		known, ask := "issues:read", func(o *v1alpha1.GatewayToken, right string) { o.Spec.Causeloop.Scopes = []string{right} }
		wrong, right := "issues:raed", "issues:write"
		if at.asks {
			known, wrong, right = "convox:app:read", "convox:app:raed", "convox:app:list"
			ask = func(o *v1alpha1.GatewayToken, right string) {
				o.Spec.RackGateway = &v1alpha1.RackGatewayToken{Permissions: []v1alpha1.RackGatewayPermission{v1alpha1.RackGatewayPermission(right)}}
			}
		}
		w.Provide(w.System)
		issuer := w.ClusterIssuer(func(i *v1alpha1.ClusterTokenIssuer) {
			if grant := i.Spec.Grants[0].Causeloop; grant != nil {
				grant.Scopes = append(grant.Scopes, wrong)
			}
		})
		object := w.Token("mediator", func(o *v1alpha1.GatewayToken) { ask(o, wrong) })
		w.Create(issuer, object)
		before := w.AllCalls()
		w.Advance(24 * time.Hour)
		w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonInvalidScope)
		w.Want(object, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonInvalidScope)
		if message := w.Condition(object, v1alpha1.ConditionReady).Message; !strings.Contains(message, known) || !strings.Contains(message, wrong) {
			t.Errorf("the message does not say what the vendor knows: %s", message)
		}
		w.WantCreates(0)
		calls := w.CallsSince(before)
		if got := calls[rackgateway.RoutePermissions] + calls[causeloop.RouteScopes]; got > 20 {
			t.Errorf("%d calls within a day: %v", got, calls)
		}
		if got := calls[w.Route(harness.RouteCreate)]; got != 0 {
			t.Errorf("%d creates, want none", got)
		}
		harness.Change(w, object, func(o *v1alpha1.GatewayToken) { ask(o, right) })
		w.Advance(time.Minute)
		w.WantReady(object)
		w.WantCreates(1)
		w.WantNo(object, v1alpha1.ConditionStalled)
		w.CheckRest()
	})
}

// At rest, one list is taken per interval, and nothing else is asked of the vendor or written.
func TestVendorAtRest(t *testing.T) {
	atEach(t, func(t *testing.T, at place) {
		w := newWorldAt(t, at)
		issuer, object := w.Publish()
		w.Advance(10 * time.Minute)
		versions, calls := w.Versions(), w.AllCalls()
		w.Forget()
		for range 10 {
			w.Advance(v1alpha1.DefaultInventoryInterval)
			w.Look(v1alpha1.KindGatewayToken, object)
			w.Look(v1alpha1.KindClusterTokenIssuer, issuer)
		}
		if diff := cmp.Diff(map[string]int{w.Route(harness.RouteList): 10}, w.CallsSince(calls)); diff != "" {
			t.Errorf("calls within ten intervals (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(versions, w.Versions()); diff != "" {
			t.Errorf("something was written at rest (-before +after):\n%s", diff)
		}
		if effects := w.Effects(); len(effects) != 0 {
			t.Errorf("effects at rest: %v", effects)
		}
		w.CheckRest()
	})
}
