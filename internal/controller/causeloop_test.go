package controller_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

func personal() harness.Flavour  { return harness.AtCauseloop(v1alpha1.CauseloopKindPersonal) }
func dedicated() harness.Flavour { return harness.AtCauseloop(v1alpha1.CauseloopKindDedicated) }

// asking makes the object ask for what another flavour asks for.
func asking(flavour harness.Flavour) func(*v1alpha1.GatewayToken) {
	return func(o *v1alpha1.GatewayToken) { flavour.Ask(&o.Spec) }
}

// scoped asks for scopes.
func scoped(scopes ...string) func(*v1alpha1.GatewayToken) {
	return func(o *v1alpha1.GatewayToken) { o.Spec.Causeloop.Scopes = scopes }
}

// ending lets the token end.
func ending(after time.Duration) func(*v1alpha1.GatewayToken) {
	return func(o *v1alpha1.GatewayToken) { o.Spec.Causeloop.ExpiresAfter = &metav1.Duration{Duration: after} }
}

// renewedBefore sets how long before its end a token is replaced, and how long it stays then.
func renewedBefore(before, overlap time.Duration) func(*v1alpha1.GatewayToken) {
	return func(o *v1alpha1.GatewayToken) {
		o.Spec.Rotation = &v1alpha1.Rotation{RenewBefore: &metav1.Duration{Duration: before}, Overlap: &metav1.Duration{Duration: overlap}}
	}
}

// Other scopes are another token: it is published first, and the one before it goes when its overlap has passed.
func TestCauseloopScopes(t *testing.T) {
	for name, flavour := range map[string]harness.Flavour{"personal": personal(), "dedicated": dedicated()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.At(flavour))
			w.Watch()
			_, object := w.Publish(harness.Overlapping(overlap))
			first := object.Status.Current.ID
			w.Advance(10 * time.Minute)
			harness.Change(w, object, scoped("patterns:read", "issues:read"))
			w.Advance(time.Minute)
			w.WantReady(object)
			w.WantCreates(2)
			w.WantActive(2)
			wantRights(t, w, object, "issues:read", "patterns:read")
			w.Want(object, v1alpha1.ConditionRevocationPending, metav1.ConditionTrue, v1alpha1.ReasonRetiring)
			// The order of scopes is of no matter.
			harness.Change(w, object, scoped("issues:read", "patterns:read"))
			w.Advance(overlap - 5*time.Minute)
			w.WantActive(2)
			w.Advance(15 * time.Minute)
			w.WantReady(object)
			w.WantCreates(2)
			w.WantActive(1)
			if w.TokenByID(first).Active {
				t.Error("the wrong one was revoked")
			}
			w.WantNo(object, v1alpha1.ConditionRevocationPending)
			w.CheckRest()
		})
	}
}

// Scopes that are not granted, or not known, leave the token in use as it is, and a condition says so.
func TestCauseloopScopesRefused(t *testing.T) {
	tests := map[string]struct {
		reason, scope, want string
		refuse              bool
	}{
		"not granted": {reason: "somebody else's to grant", scope: "workspace:admin", want: v1alpha1.ReasonNotGranted},
		"refused":     {reason: "the credentials may not give it away", scope: "patterns:read", want: v1alpha1.ReasonCreateRefused, refuse: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.At(personal()))
			w.Watch()
			_, object := w.Publish()
			w.Advance(time.Minute)
			if tc.refuse {
				w.Fault(causeloop.RouteCreate, stage.Status, harness.Always, func(f *simulator.Fault) { f.Status = 403 })
			}
			harness.Change(w, object, scoped(tc.scope))
			before := w.AllCalls()
			w.Advance(24 * time.Hour)
			w.WantReady(object)
			w.WantCreates(1)
			wantRights(t, w, object, "issues:read")
			w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionFalse, tc.want)
			if calls := w.CallsSince(before); calls[causeloop.RouteCreate] > 12 {
				t.Errorf("%s: calls within a day: %v", tc.reason, calls)
			}
			w.Heal()
			harness.Change(w, object, scoped("issues:read"))
			w.Advance(time.Minute)
			w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionTrue, v1alpha1.ReasonVendorAnswered)
			w.WantCreates(1)
			w.CheckRest()
		})
	}
}

// The answer to the create of a successor is lost: the token in use stays, and of the two that were made one is revoked.
func TestCauseloopSuccessorLost(t *testing.T) {
	for name, flavour := range map[string]harness.Flavour{"personal": personal(), "dedicated": dedicated()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.At(flavour))
			w.Watch()
			_, object := w.Publish(harness.Overlapping(overlap))
			w.Advance(10 * time.Minute)
			w.Fault(w.Route(harness.RouteCreate), stage.CutAfterCommit)
			harness.Change(w, object, scoped("issues:write"))
			w.Advance(10 * time.Minute)
			w.WantReady(object)
			w.WantCreates(3)
			wantRights(t, w, object, "issues:write")
			w.Advance(overlap + 10*time.Minute)
			w.WantReady(object)
			w.WantCreates(3)
			w.WantActive(1)
			w.CheckRest()
		})
	}
}

// minted gives the times of the creates from now on, by the world's clock.
func minted(w *harness.World) *[]time.Time {
	var at []time.Time
	w.Interfere(harness.Interference{Before: func(e harness.Effect) error {
		if e.Is(harness.Mint, harness.VendorToken) {
			at = append(at, w.Clock.Now())
		}
		return nil
	}})
	return &at
}

// A token that ends is replaced in time, by a clock and not by the next list that happens to come.
func TestCauseloopRenewal(t *testing.T) {
	const life = 3 * time.Hour
	tests := map[string]struct {
		reason string
		ask    []func(*v1alpha1.GatewayToken)
		after  time.Duration
	}{
		"a third before its end": {reason: "nothing is said", ask: []func(*v1alpha1.GatewayToken){ending(life), harness.Overlapping(30 * time.Minute)}, after: 2 * time.Hour},
		"as the spec says":       {reason: "renewBefore", ask: []func(*v1alpha1.GatewayToken){ending(life), renewedBefore(25*time.Minute, 10*time.Minute)}, after: life - 25*time.Minute},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.At(personal()))
			w.Watch()
			at := minted(w)
			w.Provide(w.System)
			object := w.Token("mediator", tc.ask...)
			w.Create(object, w.ClusterIssuer(func(i *v1alpha1.ClusterTokenIssuer) {
				i.Spec.InventoryInterval = &metav1.Duration{Duration: 24 * time.Hour}
			}))
			w.Settle()
			w.WantReady(object)
			issued := w.Active()[0]
			if got := issued.ExpiresAt.Sub(issued.CreatedAt); got.Round(time.Second) != life {
				t.Errorf("%s: the token lives for %s, want %s", tc.reason, got, life)
			}
			if object.Status.Current.ExpiresAt == nil || !object.Status.Current.ExpiresAt.Time.Equal(issued.ExpiresAt) {
				t.Errorf("status says that it ends at %s, want %s", object.Status.Current.ExpiresAt, issued.ExpiresAt)
			}
			w.Advance(tc.after - time.Minute)
			w.WantCreates(1)
			w.Advance(2 * time.Minute)
			w.WantReady(object)
			w.WantCreates(2)
			if got := (*at)[1].Sub(issued.CreatedAt) - tc.after; got.Abs() > 5*time.Second {
				t.Errorf("%s: replaced %s away from the time that it was due", tc.reason, got)
			}
			if object.Status.Failure != nil {
				t.Errorf("failure: %+v", object.Status.Failure)
			}
			w.Advance(45 * time.Minute)
			w.WantReady(object)
			w.WantCreates(2)
			w.WantActive(1)
			w.WantNo(object, v1alpha1.ConditionRevocationPending)
			w.CheckRest()
		})
	}
}

// It goes on so, and renewals do not count against the mint budget.
func TestCauseloopRenewals(t *testing.T) {
	w := newWorld(t, harness.At(personal()))
	w.Watch()
	_, object := w.Publish(ending(time.Hour), harness.Overlapping(10*time.Minute))
	w.Advance(24*time.Hour + 10*time.Minute)
	w.WantReady(object)
	w.WantCreates(1 + 36)
	w.Advance(12 * time.Minute)
	w.WantActive(1)
	w.CheckRest()
}

// A longer life is no reason for another token, a shorter one is.
func TestCauseloopExpiryEdited(t *testing.T) {
	w := newWorld(t, harness.At(personal()))
	w.Watch()
	_, object := w.Publish(ending(10*time.Hour), harness.Overlapping(10*time.Minute))
	harness.Change(w, object, ending(20*time.Hour))
	w.Advance(time.Hour)
	w.WantCreates(1)
	harness.Change(w, object, ending(5*time.Hour))
	w.Advance(time.Minute)
	w.WantReady(object)
	w.WantCreates(2)
	w.Advance(time.Hour)
	w.WantActive(1)
	w.WantCreates(2)
	w.CheckRest()
}

// Ended while the vendor was down, a token is replaced when the vendor is back; until then the object says so.
func TestCauseloopEndedWhileDown(t *testing.T) {
	for name, restart := range map[string]bool{"same process": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.At(personal()))
			_, object := w.Publish(ending(time.Hour), harness.Overlapping(10*time.Minute))
			w.Advance(30 * time.Minute)
			takeDown(w, places()["Causeloop, personal"])
			w.Advance(25 * time.Minute)
			w.WantReady(object)
			if restart {
				w.Restart()
			}
			w.Advance(30 * time.Minute)
			w.WantActive(0)
			if ready := w.Condition(object, v1alpha1.ConditionReady); ready.Status != metav1.ConditionFalse {
				t.Errorf("Ready is %s %s although the token has ended", ready.Status, ready.Reason)
			}
			w.Heal()
			w.Advance(10 * time.Minute)
			w.WantReady(object)
			w.WantCreates(2)
			w.WantActive(1)
			w.Advance(20 * time.Minute)
			w.WantNo(object, v1alpha1.ConditionRevocationPending)
			w.CheckRest()
		})
	}
}

// Another person's list has none of our tokens: nothing is issued or revoked on the word of it.
func TestCauseloopOtherPerson(t *testing.T) {
	w := newWorld(t, harness.At(personal()))
	other := causeloop.Account{Name: "other", Value: "clp_pat_other-0123456789abcdef0123456789ab", WorkspaceID: causeloop.DemoWorkspaceID, Admin: true}
	if err := w.Vendor.Causeloop().AddAccount(other); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Vendor.Causeloop().Create(other.Name, "theirs", "issues:read"); err != nil {
		t.Fatal(err)
	}
	_, object := w.Publish()
	w.Advance(10 * time.Minute)
	harness.Change(w, w.SecretIn(w.System, harness.CredentialsName), func(s *corev1.Secret) {
		s.Data[v1alpha1.DefaultTokenKey] = []byte(other.Value)
	})
	w.Advance(time.Hour)
	w.WantReady(object)
	w.WantCreates(1)
	harness.Change(w, w.SecretIn(w.System, harness.CredentialsName), func(s *corev1.Secret) {
		s.Data[v1alpha1.DefaultTokenKey] = []byte(causeloop.DemoValue)
	})
	w.Advance(10 * time.Minute)
	w.WantReady(object)
	w.Remove(object)
	w.Advance(2 * time.Minute)
	wantGone(t, w, object)
	w.WantActive(1)
	w.WantCreates(1)
	w.CheckRest()
}

// Two kinds of token from one issuer: a list of each per interval, and nothing else.
func TestCauseloopTwoPools(t *testing.T) {
	w := newWorld(t, harness.At(personal()))
	w.Watch()
	issuer, mine := w.Ask()
	machine := w.Token("machine", asking(dedicated()))
	w.Create(machine)
	w.Advance(10 * time.Minute)
	w.WantReady(mine)
	w.WantReady(machine)
	w.WantCreates(2)
	w.Refresh(issuer)
	if got, want := *issuer.Status.Inventory, (v1alpha1.Inventory{Active: 2, Owned: 2}); got != want {
		t.Errorf("inventory: %+v, want %+v", got, want)
	}
	versions, calls := w.Versions(), w.AllCalls()
	w.Advance(10 * v1alpha1.DefaultInventoryInterval)
	if diff := cmp.Diff(map[string]int{causeloop.RouteList: 10, causeloop.RouteListAccounts: 10}, w.CallsSince(calls)); diff != "" {
		t.Errorf("calls within ten intervals (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(versions, w.Versions()); diff != "" {
		t.Errorf("something was written at rest (-before +after):\n%s", diff)
	}
	w.Remove(machine)
	w.Advance(2 * time.Minute)
	wantGone(t, w, machine)
	w.WantReady(mine)
	w.WantActive(1)
	for _, after := range []struct {
		reason  string
		hours   int
		another int
	}{{"a create may be carried out late", 0, 4}, {"nothing can come any more", 24, 0}} {
		for range after.hours {
			w.Advance(time.Hour)
		}
		calls = w.AllCalls()
		w.Advance(4 * v1alpha1.DefaultInventoryInterval)
		got := w.CallsSince(calls)
		if got[causeloop.RouteList] != 4 || got[causeloop.RouteListAccounts] != after.another || len(got) > 2 {
			t.Errorf("calls of a pool that nobody uses any more: %v, want %d: %s", got, after.another, after.reason)
		}
	}
	w.Remove(mine)
	w.Advance(2 * time.Minute)
	w.WantActive(0)
	w.CheckRest()
}

// What the credentials may not do in one pool does not harm the other, neither its tokens nor new ones.
func TestCauseloopOnePoolFails(t *testing.T) {
	tests := map[string]struct {
		reason       string
		routes       []string
		well, unwell harness.Flavour
	}{
		"service accounts": {
			reason: "a member who may not manage them", well: personal(), unwell: dedicated(),
			routes: []string{causeloop.RouteListAccounts, causeloop.RouteCreateAccount, causeloop.RouteDeleteAccount},
		},
		"personal tokens": {
			reason: "a service account has none", well: dedicated(), unwell: personal(),
			routes: []string{causeloop.RouteList, causeloop.RouteCreate, causeloop.RouteRevoke},
		},
	}
	for name, tc := range tests {
		t.Run(name+", from the beginning", func(t *testing.T) {
			w := newWorld(t, harness.At(tc.well))
			w.Watch()
			forbid(w, tc.routes)
			issuer, well := w.Ask()
			unwell := w.Token("unwell", asking(tc.unwell))
			w.Create(unwell)
			w.Advance(time.Hour)
			w.WantReady(well)
			w.WantCreates(1)
			w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonCredentialsAccepted)
			w.Want(unwell, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonPermissionDenied)
			if got := w.Calls(tc.routes[0]); got > 25 {
				t.Errorf("%s: %d lists of the pool within an hour", tc.reason, got)
			}
			another := w.Token("another")
			w.Create(another)
			w.Advance(time.Minute)
			w.WantReady(another)
			w.Remove(another)
			w.Advance(2 * time.Minute)
			wantGone(t, w, another)
			w.Heal()
			w.Advance(20 * time.Minute)
			w.WantReady(unwell)
			w.WantCreates(3)
			w.CheckRest()
		})
		t.Run(name+", later", func(t *testing.T) {
			w := newWorld(t, harness.At(tc.well))
			w.Watch()
			issuer, well := w.Ask()
			unwell := w.Token("unwell", asking(tc.unwell))
			w.Create(unwell)
			w.Advance(time.Minute)
			w.WantReady(unwell)
			forbid(w, tc.routes)
			w.Advance(time.Hour)
			w.WantReady(well)
			w.WantReady(unwell)
			w.Want(unwell, v1alpha1.ConditionVendorReachable, metav1.ConditionFalse, v1alpha1.ReasonPermissionDenied)
			w.Want(well, v1alpha1.ConditionVendorReachable, metav1.ConditionTrue, v1alpha1.ReasonVendorAnswered)
			w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonCredentialsAccepted)
			w.Remove(unwell, well)
			w.Advance(10 * time.Minute)
			wantGone(t, w, well)
			if w.Gone(unwell) {
				t.Fatal("released without a revocation")
			}
			w.Heal()
			w.Advance(20 * time.Minute)
			wantGone(t, w, unwell)
			w.WantActive(0)
			w.WantCreates(2)
			w.CheckRest()
		})
	}
}

func forbid(w *harness.World, routes []string) {
	for _, route := range routes {
		w.Fault(route, stage.Status, harness.Always, func(f *simulator.Fault) { f.Status = 403 })
	}
}

// The token of a dedicated service account is not issued: the account stands in the way for nothing, and goes.
func TestCauseloopAccountWithoutToken(t *testing.T) {
	for _, kind := range []stage.Kind{stage.CutBeforeCommit, stage.CutAfterCommit, stage.Status, stage.EmptyValue} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t, harness.At(dedicated()))
			w.Watch()
			w.Fault(causeloop.RouteIssue, kind)
			_, object := w.Ask()
			w.Advance(15 * time.Minute)
			w.WantReady(object)
			w.WantCreates(2)
			w.WantActive(1)
			w.CheckRest()
		})
	}
}
