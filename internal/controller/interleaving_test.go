package controller_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// once lets something happen at the first effect that fits.
func once(fits func(harness.Effect) bool, happen func()) (func(harness.Effect) error, *bool) {
	done := new(bool)
	return func(effect harness.Effect) error {
		if !*done && fits(effect) {
			*done = true
			happen()
		}
		return nil
	}, done
}

func wantHappened(t *testing.T, happened *bool) {
	t.Helper()
	if !*happened {
		t.Fatal("the effect that was waited for never came")
	}
}

// Another GatewayToken is created, and looked at by another worker, while the issuer is being prepared: it is not forgotten.
func TestNoWakeIsLost(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Vendor.Causely().Create(causely.DemoClientID, "somebody else's"); err != nil {
		t.Fatal(err)
	}
	second := w.Token("second")
	meanwhile, happened := once(func(e harness.Effect) bool { return e.Is(harness.Apply, "Secret") }, func() {
		w.Create(second)
		w.Meanwhile(v1alpha1.KindGatewayToken, second)
	})
	w.Interfere(harness.Interference{After: meanwhile})
	_, first := w.Ask()
	w.Advance(2 * time.Minute)
	wantHappened(t, happened)
	w.WantReady(first)
	w.WantReady(second)
	w.CheckRest()
}

// A GatewayToken is created and served while the issuer is let go because the last one went, and then the issuer is
// deleted: the new token is not stranded.
func TestMintWhileIssuerIsReleased(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Vendor.Causely().Create(causely.DemoClientID, "somebody else's"); err != nil {
		t.Fatal(err)
	}
	issuer, first := w.Publish()
	w.Advance(time.Minute)
	second := w.Token("second")
	release := func(e harness.Effect) bool { return e.Is(harness.PatchVerb, v1alpha1.KindClusterTokenIssuer) }
	meanwhile, happened := once(release, func() {
		w.Create(second)
		for range 4 {
			w.Meanwhile(v1alpha1.KindGatewayToken, second)
		}
	})
	deleted, _ := once(release, func() {
		if !w.Gone(issuer) {
			w.Remove(issuer)
		}
	})
	w.Interfere(harness.Interference{Before: meanwhile, After: deleted})
	w.Remove(first)
	w.Advance(5 * time.Minute)
	wantHappened(t, happened)
	w.Remove(second)
	w.Advance(time.Hour)
	if !w.Gone(second) {
		t.Error("it is not gone")
	}
	w.WantActive(1)
	w.CheckRest()
}

// The issuer is deleted between the look of a GatewayToken's worker and its finalizer: the object never had a token, and goes.
func TestProtectedWithoutIssuer(t *testing.T) {
	w := newWorld(t)
	w.Provide(w.System)
	issuer, object := w.ClusterIssuer(), w.Token("mediator")
	meanwhile, happened := once(func(e harness.Effect) bool { return e.Is(harness.PatchVerb, v1alpha1.KindGatewayToken) }, func() {
		w.Remove(issuer)
		w.Meanwhile(v1alpha1.KindClusterTokenIssuer, issuer)
	})
	w.Interfere(harness.Interference{Before: meanwhile})
	w.Create(issuer, object)
	w.Advance(5 * time.Minute)
	wantHappened(t, happened)
	w.Remove(object)
	w.Advance(time.Hour)
	if !w.Gone(object) {
		t.Errorf("it hangs: %+v", w.Condition(object, v1alpha1.ConditionRevocationPending))
	}
	w.WantCreates(0)
}

// Whoever edits the object all the time so that no status can be written does not get around the back-off.
func TestBackOffWithoutStatus(t *testing.T) {
	w := newWorld(t)
	w.Fault(causely.RouteCreate, stage.Status, harness.Always, func(f *simulator.Fault) { f.Status = 403 })
	edits := 0
	w.Interfere(harness.Interference{Before: func(e harness.Effect) error {
		if e.Is(harness.Status, v1alpha1.KindGatewayToken) && edits < 50 {
			edits++
			harness.Change(w, w.Token("mediator"), func(o *v1alpha1.GatewayToken) {
				o.Annotations = map[string]string{"edits": fmt.Sprint(edits)}
			})
		}
		return nil
	}})
	w.Ask()
	w.Advance(2 * time.Minute)
	if got := w.Calls(causely.RouteCreate); got > 4 {
		t.Errorf("%d creates within two minutes", got)
	}
	if len(w.Events) > 5 {
		t.Errorf("%d events, want one: nothing changed", len(w.Events))
	}
}

// The issuer's cached copy is old: what it says of failures is not written over what is newer.
func TestStaleIssuer(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Vendor.Causely().Create(causely.DemoClientID, "somebody else's"); err != nil {
		t.Fatal(err)
	}
	issuer, _ := w.Publish()
	w.Advance(4 * time.Minute)
	w.Fault(causely.RouteList, stage.Status)
	w.FreezeCache(v1alpha1.KindClusterTokenIssuer)
	w.Advance(62 * time.Second)
	w.Look(v1alpha1.KindClusterTokenIssuer, issuer)
	w.Settle()
	w.ThawCache()
	second := w.Token("second")
	w.Create(second)
	w.Advance(2 * time.Minute)
	w.WantReady(second)
	w.Want(issuer, v1alpha1.ConditionVendorReachable, metav1.ConditionTrue, v1alpha1.ReasonVendorAnswered)
	w.Advance(6 * time.Minute)
	w.Refresh(issuer)
	if issuer.Status.Failure != nil {
		t.Errorf("failure %+v of a vendor that is well", issuer.Status.Failure)
	}
}

// A tenant who damages his Secret again and again makes neither the vendor's nor the API server's day.
func TestDamageAgainAndAgain(t *testing.T) {
	damages := map[string]func(*harness.World){
		"value": func(w *harness.World) {
			harness.Change(w, w.Secret("mediator"), func(s *corev1.Secret) { s.Data["token"] = []byte("by hand") })
		},
		"label": func(w *harness.World) {
			harness.Change(w, w.Secret("mediator"), func(s *corev1.Secret) { delete(s.Labels, v1alpha1.LabelManagedBy) })
		},
		"all of it": func(w *harness.World) {
			if secret := w.Secret("mediator"); secret != nil {
				w.Remove(secret)
			}
		},
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			_, object := w.Publish()
			w.Advance(time.Minute)
			w.Forget()
			before := w.Calls(causely.RouteList)
			for range 60 {
				damage(w)
				w.Advance(time.Second)
			}
			if got := w.Calls(causely.RouteList) - before; got > 12 {
				t.Errorf("%d lists in a minute of edits", got)
			}
			if got := len(w.Effects()); got > 70 {
				t.Errorf("%d effects in a minute of edits", got)
			}
			w.Advance(30 * time.Minute)
			w.WantReady(object)
			w.WantCreates(1)
			w.CheckRest()
		})
	}
}

// Creates that the vendor puts off without saying for how long are not asked for every second.
func TestCreatesLimitedWithoutTime(t *testing.T) {
	w := newWorld(t)
	w.Fault(causely.RouteCreate, stage.Status, harness.Always, func(f *simulator.Fault) { f.Status = 429 })
	w.Ask()
	for _, name := range []string{"b", "c", "d", "e", "f", "g", "h", "i"} {
		w.Create(w.Token(name))
	}
	w.Advance(time.Minute)
	before := w.Calls(causely.RouteCreate)
	w.Advance(10 * time.Minute)
	if got := w.Calls(causely.RouteCreate) - before; got > 60 {
		t.Errorf("%d creates within ten minutes, all refused", got)
	}
	w.Heal()
	w.Advance(30 * time.Minute)
	for _, name := range []string{"mediator", "b", "i"} {
		w.WantReady(w.Token(name))
	}
	w.WantCreates(9)
	w.CheckRest()
}

// The cache shows a GatewayToken as it was before this process wrote that the vendor is away. When the vendor is back, what was read says so
// already, and what was written does not.
func TestStatusWrittenBehindTheCache(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish()
	w.FreezeCache(v1alpha1.KindGatewayToken)
	w.Fault(causely.RouteList, stage.Status, harness.Always)
	w.Advance(6 * time.Minute)
	w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionFalse, v1alpha1.ReasonVendorUnavailable)
	w.Heal()
	w.Advance(6 * time.Minute)
	w.ThawCache()
	w.Advance(2 * time.Second)
	w.WantReady(object)
	if reachable := w.Condition(object, v1alpha1.ConditionVendorReachable); reachable.Status != metav1.ConditionTrue {
		t.Errorf("the vendor is back, and the status says %+v", reachable)
	}
	w.CheckRest()
}
