package controller_test

import (
	"net/http"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// What a replacement by age waits for is told, each in a reason of its own.
func TestRotatingTellsWhatItWaitsFor(t *testing.T) {
	rotating := func(change func(*v1alpha1.Rotation)) func(*v1alpha1.GatewayToken) {
		return func(o *v1alpha1.GatewayToken) {
			every(2 * time.Hour)(o)
			change(o.Spec.Rotation)
		}
	}
	tests := map[string]struct {
		want   string
		change func(*v1alpha1.Rotation)
		// halfDays are how many go by until then.
		halfDays int
	}{
		"its window": {v1alpha1.ReasonWaitingForWindow, func(r *v1alpha1.Rotation) {
			r.Interval = &metav1.Duration{Duration: 24 * time.Hour}
			r.Window = &v1alpha1.RotationWindow{Schedule: "0 7 * * *", Duration: &metav1.Duration{Duration: time.Hour}}
		}, 2},
		"its predecessor": {v1alpha1.ReasonWaitingForRetirement, func(r *v1alpha1.Rotation) {
			r.Overlap = &metav1.Duration{Duration: 24 * time.Hour}
		}, 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newModelWorld(t)
			_, object := w.Publish(rotating(tc.change))
			for range tc.halfDays {
				w.Advance(12 * time.Hour)
			}
			// Nobody looks at it just because it is due, while its window is closed.
			w.Look(v1alpha1.KindGatewayToken, object)
			w.Settle()
			w.WantReady(object)
			w.Want(object, v1alpha1.ConditionRotating, metav1.ConditionTrue, tc.want)
		})
	}
}

// Of several that are due at once each waits for its turn.
func TestRotatingInTurns(t *testing.T) {
	w := newModelWorld(t, harness.WithSettings(func(s *lifecycle.Settings) { s.IssuerRotationsPerMinute, s.NamespaceRotationsPerMinute = 1, 1 }))
	_, first := w.Publish()
	objects := []*v1alpha1.GatewayToken{first}
	for _, name := range []string{"second", "third"} {
		object := w.Token(name)
		w.Create(object)
		objects = append(objects, object)
	}
	w.Advance(3 * time.Hour)
	for _, object := range objects {
		harness.Change(w, object, every(time.Hour))
	}
	w.Settle()
	waiting := 0
	for _, object := range objects {
		w.WantReady(object)
		if w.Condition(object, v1alpha1.ConditionRotating).Reason == v1alpha1.ReasonWaitingForTurn {
			waiting++
		}
	}
	if waiting == 0 {
		t.Error("none waits for its turn, and all are due")
	}
	w.Advance(time.Hour)
	w.WantCreates(6)
}

// Whether consumers have the value is told, also where nobody may look.
func TestConsumersTold(t *testing.T) {
	acting := func(action v1alpha1.ConsumersAction) func(*v1alpha1.GatewayToken) {
		return func(o *v1alpha1.GatewayToken) {
			harness.Overlapping(time.Hour)(o)
			o.Spec.Consumers = &v1alpha1.Consumers{Action: action}
		}
	}
	t.Run("files", func(t *testing.T) {
		w := newModelWorld(t)
		_, object := w.Publish(acting(v1alpha1.ConsumersReloadFile))
		w.Advance(time.Minute)
		w.Want(object, v1alpha1.ConditionConsumersReady, metav1.ConditionTrue, v1alpha1.ReasonFilesReloaded)
	})
	t.Run("nobody may list pods", func(t *testing.T) {
		w := newModelWorld(t)
		_, object := w.Publish(acting(v1alpha1.ConsumersWait))
		w.Forbid("PodList")
		w.Advance(time.Minute)
		ask(w, object, false)
		w.Advance(time.Minute)
		w.WantReady(object)
		w.Want(object, v1alpha1.ConditionConsumersReady, metav1.ConditionFalse, v1alpha1.ReasonConsumersUnknown)
		w.Want(object, v1alpha1.ConditionRevocationPending, metav1.ConditionTrue, v1alpha1.ReasonConsumersUnknown)
	})
}

// A GatewayToken whose token is retained goes when those that it replaced are revoked, and they wait for pods.
func TestDeletionWaitsForConsumers(t *testing.T) {
	w := newModelWorld(t)
	_, object := w.Publish(restarting(), harness.Retained)
	old := pod(w, "old", object.SecretName())
	w.Advance(time.Minute)
	ask(w, object, false)
	w.Advance(2 * time.Hour)
	w.WantActive(2)
	w.Remove(object)
	w.Advance(2 * time.Hour)
	w.Want(object, v1alpha1.ConditionRevocationPending, metav1.ConditionTrue, v1alpha1.ReasonWaitingForConsumers)
	w.Finish(old)
	w.Advance(4 * time.Hour)
	if !w.Gone(object) {
		t.Error("it is not gone, and no pod has an old value")
	}
	w.WantActive(1)
}

// An environment that the vendor does not show is told apart from a gateway that it does not show.
func TestPingOneEnvironmentNotFound(t *testing.T) {
	w := newModelWorld(t, harness.At(harness.AtPingOne(false)))
	switches := w.Vendor.PingOne().Switches()
	switches.GoneEnvironmentStatus = http.StatusNotFound
	if err := w.Vendor.PingOne().SetSwitches(switches); err != nil {
		t.Fatal(err)
	}
	w.Provide(w.Tenant)
	object := w.Token("gateway", harness.FromNamespacedIssuer, func(o *v1alpha1.GatewayToken) { o.Spec.PingOne.EnvironmentID = "00000000-0000-4000-8000-00000000000e" })
	w.Create(w.NamespacedIssuer(), object)
	w.Advance(10 * time.Minute)
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonEnvironmentNotFound)
}

// A list that lacks the token, though it shows revoked ones, too, is not believed: nothing is issued, and nothing is released.
func TestTokenNotListedIsTold(t *testing.T) {
	w := newModelWorld(t)
	_, object := w.Publish()
	other := w.Token("other")
	w.Create(other)
	w.Settle()
	w.WantReady(other)
	w.Refresh(object)
	w.Hide(object.Status.Current.ID)
	w.Remove(object)
	w.Advance(time.Hour)
	w.Want(object, v1alpha1.ConditionRevocationPending, metav1.ConditionTrue, v1alpha1.ReasonTokenNotListed)
	w.WantCreates(2)
	w.Hide()
	w.Advance(time.Hour)
	if !w.Gone(object) {
		t.Error("it is not gone, and the vendor shows its token again")
	}
	w.WantActive(1)
}
