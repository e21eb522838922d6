package controller_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/rackgateway"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// permitted asks for permissions in place of a role.
func permitted(permissions ...v1alpha1.RackGatewayPermission) func(*v1alpha1.GatewayToken) {
	return func(o *v1alpha1.GatewayToken) {
		o.Spec.RackGateway = &v1alpha1.RackGatewayToken{Permissions: permissions}
	}
}

// inRole asks for a role.
func inRole(role v1alpha1.RackGatewayRole) func(*v1alpha1.GatewayToken) {
	return func(o *v1alpha1.GatewayToken) { o.Spec.RackGateway = &v1alpha1.RackGatewayToken{Role: role} }
}

// wantRights checks what the current token may do at the vendor.
func wantRights(t *testing.T, w *harness.World, object *v1alpha1.GatewayToken, want ...string) {
	t.Helper()
	w.Refresh(object)
	if diff := cmp.Diff(want, w.TokenByID(object.Status.Current.ID).Rights); diff != "" {
		t.Errorf("rights at the vendor (-want +got):\n%s", diff)
	}
}

// Other permissions are given to the token that is there: its value stays, and nothing is created.
func TestRackChange(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtRackGateway()))
	w.Watch()
	_, object := w.Publish(permitted("convox:app:read"))
	wantRights(t, w, object, "convox:app:read")
	before := string(w.Secret("mediator").Data["token"])
	edits := []struct {
		reason string
		to     func(*v1alpha1.GatewayToken)
		want   []string
	}{
		{"more", permitted("convox:app:read", "convox:app:list"), []string{"convox:app:list", "convox:app:read"}},
		{"with an asterisk, which no catalogue has", permitted("convox:app:*"), []string{"convox:app:*"}},
		{"a role, which stands for permissions", inRole(v1alpha1.RackGatewayViewer), places()["Rack Gateway"].rights},
		{"as at first", permitted("convox:app:read"), []string{"convox:app:read"}},
	}
	for i, edit := range edits {
		w.Forget()
		harness.Change(w, object, edit.to)
		w.Advance(time.Minute)
		w.WantReady(object)
		wantRights(t, w, object, edit.want...)
		if got := w.Did(harness.Update, harness.VendorToken); got != 1 {
			t.Errorf("%s: %d changes at the vendor, want one", edit.reason, got)
		}
		if got := w.Calls(rackgateway.RouteUpdate); got != i+1 {
			t.Errorf("%s: %d calls, want %d", edit.reason, got, i+1)
		}
		if string(w.Secret("mediator").Data["token"]) != before {
			t.Errorf("%s: the Secret has another value", edit.reason)
		}
	}
	w.Advance(time.Hour)
	w.WantCreates(1)
	if got := w.Calls(rackgateway.RouteUpdate); got != len(edits) {
		t.Errorf("%d changes, want %d", got, len(edits))
	}
	w.CheckRest()
}

// A process that is killed between the change and the ledger has it changed once more, which does no harm.
func TestRackChangeGoesWrong(t *testing.T) {
	tests := map[string]struct {
		reason string
		befall func(*harness.World)
		// asked is how often the vendor is asked for the change.
		asked int
	}{
		"killed after the change": {reason: "the ledger does not say it yet", asked: 2, befall: func(w *harness.World) {
			killOnce(w, func(e harness.Effect) bool { return e.Is(harness.Update, harness.VendorToken) })
		}},
		"killed before the change": {reason: "it is written down, and not done", asked: 1, befall: func(w *harness.World) {
			killOnce(w, func(e harness.Effect) bool { return e.Is(harness.Apply, "Secret") })
		}},
		"killed after the ledger": {reason: "all is done", asked: 1, befall: func(w *harness.World) {
			killOnce(w, func(e harness.Effect) bool {
				return e.Is(harness.Apply, "Secret") && w.Calls(rackgateway.RouteUpdate) == 1
			})
		}},
		"answer lost": {reason: "it is asked again", asked: 2, befall: func(w *harness.World) { w.Fault(rackgateway.RouteUpdate, stage.CutAfterCommit) }},
		"not done":    {reason: "it is asked again", asked: 2, befall: func(w *harness.World) { w.Fault(rackgateway.RouteUpdate, stage.CutBeforeCommit) }},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.At(harness.AtRackGateway()))
			w.Watch()
			_, object := w.Publish(permitted("convox:app:read"))
			before := string(w.Secret("mediator").Data["token"])
			w.Advance(time.Minute)
			tc.befall(w)
			harness.Change(w, object, permitted("convox:app:list"))
			w.Advance(time.Minute)
			if w.Dead() {
				w.Interfere(harness.Interference{})
				w.Restart()
			}
			w.Advance(10 * time.Minute)
			w.WantReady(object)
			w.WantCreates(1)
			wantRights(t, w, object, "convox:app:list")
			if got := w.Calls(rackgateway.RouteUpdate); got != tc.asked {
				t.Errorf("%s: the vendor was asked %d times, want %d", tc.reason, got, tc.asked)
			}
			if string(w.Secret("mediator").Data["token"]) != before {
				t.Error("the Secret has another value")
			}
			w.Advance(time.Hour)
			if got := w.Calls(rackgateway.RouteUpdate); got != tc.asked {
				t.Errorf("%d calls an hour later, want %d", got, tc.asked)
			}
			w.CheckRest()
		})
	}
}

// killOnce kills the process right after the first effect that fits.
func killOnce(w *harness.World, fits func(harness.Effect) bool) {
	w.Interfere(harness.Interference{After: func(e harness.Effect) error {
		if fits(e) {
			harness.Kill()
		}
		return nil
	}})
}

// The spec takes back what the vendor has done, or may have done, and the ledger does not say yet: the token does not keep it.
func TestRackChangeTakenBack(t *testing.T) {
	t.Run("before the ledger was written", func(t *testing.T) {
		w := newWorld(t, harness.At(harness.AtRackGateway()))
		_, object := w.Publish(permitted("convox:app:read"))
		w.Advance(time.Minute)
		w.Interfere(harness.Interference{After: func(e harness.Effect) error {
			if e.Is(harness.Update, harness.VendorToken) && w.Calls(rackgateway.RouteUpdate) == 1 {
				harness.Change(w, object, permitted("convox:app:read"))
			}
			return nil
		}})
		harness.Change(w, object, permitted("convox:app:*"))
		w.Advance(10 * time.Minute)
		wantRights(t, w, object, "convox:app:read")
		w.WantReady(object)
		w.WantCreates(1)
		w.CheckRest()
	})
	t.Run("while the operator is down, killed before the ledger was written", func(t *testing.T) {
		w := newWorld(t, harness.At(harness.AtRackGateway()))
		_, object := w.Publish(inRole(v1alpha1.RackGatewayViewer))
		before := w.TokenByID(object.Status.Current.ID).Rights
		w.Advance(time.Minute)
		killOnce(w, func(e harness.Effect) bool { return e.Is(harness.Update, harness.VendorToken) })
		harness.Change(w, object, inRole(v1alpha1.RackGatewayDeployer))
		w.Settle()
		if !w.Dead() {
			t.Fatal("it was not killed")
		}
		harness.Change(w, object, inRole(v1alpha1.RackGatewayViewer))
		w.Interfere(harness.Interference{})
		w.Restart()
		w.Advance(10 * time.Minute)
		wantRights(t, w, object, before...)
		w.WantReady(object)
		w.WantCreates(1)
		w.CheckRest()
	})
	t.Run("while nobody knows whether it was done", func(t *testing.T) {
		w := newWorld(t, harness.At(harness.AtRackGateway()))
		_, object := w.Publish(permitted("convox:app:read"))
		w.Advance(time.Minute)
		w.Fault(rackgateway.RouteUpdate, stage.CutAfterCommit)
		harness.Change(w, object, permitted("convox:app:*"))
		w.Settle()
		wantRights(t, w, object, "convox:app:*")
		harness.Change(w, object, permitted("convox:app:read"))
		w.Advance(10 * time.Minute)
		wantRights(t, w, object, "convox:app:read")
		w.WantReady(object)
		w.WantCreates(1)
		w.CheckRest()
	})
}

// A change of the token before says nothing of the one that followed it.
func TestRackChangeOfSuccessor(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtRackGateway()))
	w.CreateByHand("somebody's")
	_, object := w.Publish(permitted("convox:app:read"))
	w.Advance(time.Minute)
	harness.Change(w, object, permitted("convox:app:list"))
	w.Advance(time.Minute)
	wantRights(t, w, object, "convox:app:list")
	w.RevokeByHand(object.Status.Current.ID)
	harness.Change(w, object, harness.Suspended)
	w.Advance(6 * time.Minute)
	harness.Change(w, object, func(o *v1alpha1.GatewayToken) {
		permitted("convox:app:read")(o)
		o.Spec.Suspend = false
	})
	w.Advance(10 * time.Minute)
	w.WantReady(object)
	w.WantCreates(2)
	wantRights(t, w, object, "convox:app:read")
	harness.Change(w, object, permitted("convox:app:list"))
	w.Advance(10 * time.Minute)
	wantRights(t, w, object, "convox:app:list")
	w.WantCreates(2)
	w.CheckRest()
}

// What is refused, not known or not granted leaves the token as it is, and a condition says so.
func TestRackChangeRefused(t *testing.T) {
	tests := map[string]struct {
		reason, want string
		change       func(*v1alpha1.GatewayToken)
		prepare      func(*harness.World)
	}{
		"refused": {
			reason: "the credentials may not", want: v1alpha1.ReasonChangeRefused, change: permitted("convox:app:list"),
			prepare: func(w *harness.World) {
				w.Fault(rackgateway.RouteUpdate, stage.Status, harness.Always, func(f *simulator.Fault) { f.Status = 403 })
			},
		},
		"not known":   {reason: "misspelt", want: v1alpha1.ReasonInvalidScope, change: permitted("convox:app:raed"), prepare: func(*harness.World) {}},
		"not granted": {reason: "somebody else's to grant", want: v1alpha1.ReasonNotGranted, change: inRole(v1alpha1.RackGatewayAdmin), prepare: func(*harness.World) {}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.At(harness.AtRackGateway()))
			w.Watch()
			_, object := w.Publish(permitted("convox:app:read"))
			w.Advance(time.Minute)
			tc.prepare(w)
			harness.Change(w, object, tc.change)
			before := w.AllCalls()
			w.Advance(24 * time.Hour)
			w.WantReady(object)
			w.WantCreates(1)
			wantRights(t, w, object, "convox:app:read")
			w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionFalse, tc.want)
			calls := w.CallsSince(before)
			if calls[rackgateway.RouteUpdate] > 12 || calls[rackgateway.RoutePermissions] > 12 {
				t.Errorf("%s: calls within a day: %v", tc.reason, calls)
			}
			w.Heal()
			harness.Change(w, object, permitted("convox:app:list", "convox:app:read"))
			w.Advance(time.Minute)
			wantRights(t, w, object, "convox:app:list", "convox:app:read")
			w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionTrue, v1alpha1.ReasonVendorAnswered)
			w.CheckRest()
		})
	}
}

// The vendor can still be asked by the credentials that were accepted last, and gives nothing by them: a person must act, before the next
// process has looked and after it has.
func TestRackChangeWithoutCredentials(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtRackGateway()))
	_, object := w.Publish(permitted("convox:app:read"))
	w.Advance(time.Minute)
	w.Remove(w.SecretIn(w.System, harness.CredentialsName))
	w.Advance(10 * time.Minute)
	w.WantNo(object, v1alpha1.ConditionStalled)
	harness.Change(w, object, permitted("convox:app:list"))
	w.Advance(10 * time.Minute)
	wantRights(t, w, object, "convox:app:read")
	w.WantReady(object)
	w.Want(object, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonCredentialsNotFound)
	w.WantNo(object, v1alpha1.ConditionReconciling)
	before := w.Versions()
	w.Restart()
	w.Advance(10 * time.Minute)
	for name, version := range w.Versions() {
		if before[name] != version {
			t.Errorf("%s was written, though nothing is new", name)
		}
	}
	w.Create(w.Credentials(w.System))
	w.Advance(10 * time.Minute)
	wantRights(t, w, object, "convox:app:list")
	w.WantNo(object, v1alpha1.ConditionStalled)
	w.WantNo(object, v1alpha1.ConditionReconciling)
}

// The next try is in the status: another process makes it, though nothing else tells it to.
func TestRackChangeRefusedBeforeRestart(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtRackGateway()))
	issuer, object := w.Publish(permitted("convox:app:read"))
	harness.Change(w, issuer, func(i *v1alpha1.ClusterTokenIssuer) {
		i.Spec.InventoryInterval = &metav1.Duration{Duration: 24 * time.Hour}
	})
	w.Settle()
	w.Fault(rackgateway.RouteUpdate, stage.Status, func(f *simulator.Fault) { f.Status = 403 })
	harness.Change(w, object, permitted("convox:app:list"))
	w.Settle()
	wantRights(t, w, object, "convox:app:read")
	w.Restart()
	w.Advance(10 * time.Minute)
	wantRights(t, w, object, "convox:app:list")
	w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionTrue, v1alpha1.ReasonVendorAnswered)
	w.CheckRest()
}

// The list is behind, and the question by ID says so: no other token, and the question is not asked again for the same list.
func TestRackListBehind(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtRackGateway()))
	w.Watch()
	w.CreateByHand("somebody's")
	w.Clock.Step(time.Hour)
	_, object := w.Publish()
	w.Advance(time.Minute)
	w.Fault(rackgateway.RouteList, stage.StaleList, harness.Always, func(f *simulator.Fault) { f.Delay = 30 * time.Minute })
	w.Advance(4*v1alpha1.DefaultInventoryInterval + time.Minute)
	w.WantReady(object)
	w.WantCreates(1)
	if got := w.Calls(rackgateway.RouteGet); got < 1 || got > 4 {
		t.Errorf("the vendor was asked for the token %d times within four lists, want at most once for each", got)
	}
	w.CheckRest()
}

// While the vendor cannot be asked whether a token that the list lacks is gone, a second list decides, as at vendors that cannot be
// asked at all.
func TestRackQuestionFails(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtRackGateway()))
	w.CreateByHand("somebody's")
	_, object := w.Publish()
	w.Advance(time.Minute)
	w.Fault(rackgateway.RouteGet, stage.Status, harness.Always)
	w.RevokeByHand(object.Status.Current.ID)
	w.Advance(15 * time.Minute)
	w.WantReady(object)
	w.WantCreates(2)
	if got := w.Calls(rackgateway.RouteGet); got > 4 {
		t.Errorf("%d questions", got)
	}
	w.CheckRest()
}

// A gateway that has never seen our tokens is at the other end: nothing is issued or revoked on the word of its lists.
func TestRackOtherGateway(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtRackGateway()))
	issuer, object := w.Publish()
	w.Advance(10 * time.Minute)
	before := w.Current(w.Secret("mediator"), "token")
	other, err := simulator.NewServer(simulator.WithClock(w.Clock))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	for _, name := range []string{"theirs", "also theirs"} {
		if _, err := other.RackGateway().Create(rackgateway.DemoEmail, name); err != nil {
			t.Fatal(err)
		}
	}
	lead := func(to *simulator.Server) {
		harness.Change(w, w.CA(w.System), func(c *corev1.ConfigMap) { c.Data[v1alpha1.DefaultCABundleKey] = string(to.CAPEM()) })
		harness.Change(w, issuer, func(i *v1alpha1.ClusterTokenIssuer) { i.Spec.RackGateway.URL = to.URL() })
	}
	lead(other)
	w.Advance(time.Hour)
	w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonAccountChanged)
	if got := other.RackGateway().Truth().Calls[rackgateway.RouteCreate]; got != 0 {
		t.Errorf("%d creates at the other gateway, want none", got)
	}
	if after := w.Current(w.Secret("mediator"), "token"); after != before {
		t.Errorf("the Secret holds %+v, want %+v", after, before)
	}
	w.WantActive(1)
	lead(w.Vendor)
	w.Advance(10 * time.Minute)
	w.WantReady(object)
	w.WantCreates(1)
	w.CheckRest()
}

// The answer to a change is lost, the spec is taken back, and then the vendor carries the change out after all: the token has what the
// spec says in the end.
func TestRackChangeCommittedLate(t *testing.T) {
	for name, restarted := range map[string]bool{"same process": false, "another process": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.At(harness.AtRackGateway()))
			_, object := w.Publish()
			w.Fault(rackgateway.RouteUpdate, stage.LateCommit, func(f *simulator.Fault) { f.Delay = 10 * time.Second })
			harness.Change(w, object, inRole(v1alpha1.RackGatewayDeployer))
			w.Settle()
			harness.Change(w, object, inRole(v1alpha1.RackGatewayViewer))
			if restarted {
				w.Restart()
			}
			w.Advance(3 * time.Hour)
			w.WantReady(object)
			wantRights(t, w, object, places()["Rack Gateway"].rights...)
		})
	}
}
