package controller_test

import (
	"net/http"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// useToken puts another API token into the Secret that the issuer names.
func useToken(w *harness.World, value string) {
	harness.Change(w, w.SecretIn(w.System, harness.CredentialsName), func(s *corev1.Secret) {
		s.Data[v1alpha1.DefaultTokenKey] = []byte(value)
	})
}

// switches are the ways in which an issuer comes to lead to another account, whose rows do not tell which it is, and back.
func switches() map[string]struct {
	at   harness.Flavour
	lead func(*testing.T, *harness.World, *v1alpha1.ClusterTokenIssuer) (there, back func())
} {
	workspace := func(t *testing.T, w *harness.World, _ *v1alpha1.ClusterTokenIssuer) (there, back func()) {
		other := causeloop.Account{Name: "other", Value: "clp_pat_other-0123456789abcdef0123456789ab", WorkspaceID: "ws_other", Admin: true}
		if err := w.Vendor.Causeloop().AddAccount(other); err != nil {
			t.Fatal(err)
		}
		return func() { useToken(w, other.Value) }, func() { useToken(w, causeloop.DemoValue) }
	}
	gateway := func(t *testing.T, w *harness.World, issuer *v1alpha1.ClusterTokenIssuer) (there, back func()) {
		other, err := simulator.NewServer(simulator.WithClock(w.Clock))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(other.Close)
		lead := func(to *simulator.Server) {
			harness.Change(w, w.CA(w.System), func(c *corev1.ConfigMap) { c.Data[v1alpha1.DefaultCABundleKey] = string(to.CAPEM()) })
			harness.Change(w, issuer, func(i *v1alpha1.ClusterTokenIssuer) { i.Spec.RackGateway.URL = to.URL() })
		}
		return func() { lead(other) }, func() { lead(w.Vendor) }
	}
	return map[string]struct {
		at   harness.Flavour
		lead func(*testing.T, *harness.World, *v1alpha1.ClusterTokenIssuer) (there, back func())
	}{
		"Causeloop, personal":  {harness.AtCauseloop(v1alpha1.CauseloopKindPersonal), workspace},
		"Causeloop, dedicated": {harness.AtCauseloop(v1alpha1.CauseloopKindDedicated), workspace},
		"Causeloop, existing":  {harness.AtCauseloopExisting(), workspace},
		"Rack Gateway":         {harness.AtRackGateway(), gateway},
	}
}

// Somebody leads the issuer to another account, while the operator is there or while it is down. Nothing is issued or revoked there,
// no Secret is touched, what is deleted waits, and it heals.
func TestAccountSwitched(t *testing.T) {
	for name, tc := range switches() {
		for when, down := range map[string]bool{"operator there": false, "operator down": true} {
			t.Run(name+", "+when, func(t *testing.T) {
				w := newWorldAt(t, tc.at)
				issuer, object := w.Publish()
				doomed, waiting := w.Token("doomed"), w.Token("waiting", harness.Suspended)
				w.Create(doomed, waiting)
				w.Settle()
				w.WantReady(doomed)
				there, back := tc.lead(t, w, issuer)
				there()
				if down {
					w.Restart()
				}
				w.Advance(10 * time.Minute)
				w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonAccountChanged)
				w.WantReady(object)
				harness.Change(w, waiting, func(o *v1alpha1.GatewayToken) { o.Spec.Suspend = false })
				w.Remove(doomed)
				w.Advance(2 * time.Hour)
				w.Want(waiting, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonAccountChanged)
				if w.Gone(doomed) {
					t.Error("released, though its token could not be revoked")
				}
				w.WantActive(2)
				back()
				w.Advance(20 * time.Minute)
				if !w.Gone(doomed) {
					t.Error("not released after the account was right again")
				}
				w.WantReady(object)
				w.WantReady(waiting)
				w.WantActive(2)
				w.WantCreates(3)
				w.CheckRest()
			})
		}
	}
}

// Other credentials of the same account are taken at once: they lead to a token that was there before or, where nothing lists it, to
// what it is a token of.
func TestOtherCredentialsOfTheAccount(t *testing.T) {
	for name, at := range map[string]harness.Flavour{
		"dedicated": harness.AtCauseloop(v1alpha1.CauseloopKindDedicated), "existing": harness.AtCauseloopExisting(),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.At(at))
			issuer, object := w.Publish()
			colleague := causeloop.Account{Name: "colleague", Value: "clp_pat_colleague-0123456789abcdef012345678", WorkspaceID: causeloop.DemoWorkspaceID, Admin: true}
			if err := w.Vendor.Causeloop().AddAccount(colleague); err != nil {
				t.Fatal(err)
			}
			useToken(w, colleague.Value)
			w.Restart()
			w.Settle()
			w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonCredentialsAccepted)
			if kept := string(copyOf(w, issuer).Data["token"]); kept != colleague.Value {
				t.Error("the copy does not have the new credentials")
			}
			w.WantReady(object)
			w.WantCreates(1)
			w.Remove(object)
			w.Advance(10 * time.Minute)
			w.WantActive(0)
		})
	}
}

// Credentials that lead to somebody else's tokens, and with which none could be issued, were wrong ones: whatever is put in their place is
// taken, in the same process, too.
func TestAccountSwitchedBeforeTheFirstToken(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtCauseloop(v1alpha1.CauseloopKindDedicated)))
	w.CreateByHand("somebody's")
	w.Fault(causeloop.RouteCreateAccount, stage.Status, harness.Always, func(f *simulator.Fault) { f.Status = http.StatusForbidden })
	issuer, object := w.Ask()
	w.Advance(time.Minute)
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonCreateRefused)
	right := causeloop.Account{Name: "right", Value: "clp_pat_right-0123456789abcdef0123456789ab", WorkspaceID: "ws_right", Admin: true}
	if err := w.Vendor.Causeloop().AddAccount(right); err != nil {
		t.Fatal(err)
	}
	w.Heal()
	useToken(w, right.Value)
	w.Advance(time.Minute)
	w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonCredentialsAccepted)
	w.WantReady(object)
	w.WantCreates(1)
}

// An answer was lost, so that there may be a token: other credentials are not taken, as long as that is not known.
func TestAccountSwitchedAfterALostAnswer(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtCauseloop(v1alpha1.CauseloopKindDedicated)))
	w.CreateByHand("somebody's")
	w.Fault(causeloop.RouteCreateAccount, stage.CutAfterCommit)
	issuer, object := w.Ask()
	w.Settle()
	other := causeloop.Account{Name: "other", Value: "clp_pat_other-0123456789abcdef0123456789ab", WorkspaceID: "ws_other", Admin: true}
	if err := w.Vendor.Causeloop().AddAccount(other); err != nil {
		t.Fatal(err)
	}
	useToken(w, other.Value)
	w.Advance(10 * time.Minute)
	w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonAccountChanged)
	useToken(w, causeloop.DemoValue)
	w.Advance(3 * time.Hour)
	w.WantReady(object)
	// One is somebody's.
	w.WantActive(2)
}

// The only token of an account is revoked by somebody, so that the list is empty: that is noticed, at once where the vendor can be
// asked for the token, else when lists have been empty for an hour.
func TestOnlyTokenRevokedByHand(t *testing.T) {
	tests := map[string]struct {
		at     harness.Flavour
		within time.Duration
	}{
		"Rack Gateway":         {harness.AtRackGateway(), 10 * time.Minute},
		"PingOne":              {harness.AtPingOne(false), 10 * time.Minute},
		"Causeloop, personal":  {harness.AtCauseloop(v1alpha1.CauseloopKindPersonal), 75 * time.Minute},
		"Causeloop, dedicated": {harness.AtCauseloop(v1alpha1.CauseloopKindDedicated), 75 * time.Minute},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.At(tc.at))
			_, object := w.Publish()
			w.Advance(time.Minute)
			w.RevokeByHand(w.Active()[0].ID)
			w.Advance(tc.within)
			w.WantReady(object)
			w.WantActive(1)
			if made := len(w.Tokens()); made != 2 {
				t.Errorf("%d tokens were made, want 2", made)
			}
			w.CheckRest()
		})
	}
}

// Credentials that the vendor accepts, and that cannot see the issuer's tokens, do not take the place of those that can: with them
// tokens are revoked.
func TestCredentialsThatSeeNothing(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtCauseloop(v1alpha1.CauseloopKindDedicated)))
	issuer, object := w.Publish()
	intern := causeloop.Account{Name: "intern", Value: "clp_pat_intern-0123456789abcdef0123456789a", WorkspaceID: causeloop.DemoWorkspaceID}
	if err := w.Vendor.Causeloop().AddAccount(intern); err != nil {
		t.Fatal(err)
	}
	useToken(w, intern.Value)
	w.Advance(10 * time.Minute)
	if kept := string(copyOf(w, issuer).Data["token"]); kept != causeloop.DemoValue {
		t.Error("the copy has credentials that see nothing")
	}
	w.WantReady(object)
	w.Remove(w.SecretIn(w.System, harness.CredentialsName))
	w.Remove(object)
	w.Advance(30 * time.Minute)
	if !w.Gone(object) {
		t.Error("it is not gone: the credentials that were accepted before can revoke its token")
	}
	w.WantActive(0)
}
