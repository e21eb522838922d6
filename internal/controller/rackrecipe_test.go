package controller_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// preset has a token replaced as a sample says.
func preset(t *testing.T, name string) func(*v1alpha1.GatewayToken) {
	t.Helper()
	text, err := os.ReadFile("../../config/samples/gatewaytoken_v1alpha1_gatewaytoken_rackgateway_" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var sample v1alpha1.GatewayToken
	if err := yaml.UnmarshalStrict(text, &sample); err != nil {
		t.Fatal(err)
	}
	return func(o *v1alpha1.GatewayToken) { o.Spec.Rotation = sample.Spec.Rotation }
}

// The samples for Rack Gateway do what its recipe asks for, in that order: another token with the same permissions, at the age that is
// recommended and within the window; the consumers get it; the old one is deleted once none of them has it any more.
func TestRackRecipe(t *testing.T) {
	tests := map[string]struct {
		days, overlap int
		// within is how many days after its age the window opens at the latest.
		within   int
		weekdays []time.Weekday
	}{
		"quarterly":  {90, 3, 7, []time.Weekday{time.Saturday}},
		"halfyearly": {183, 1, 7, []time.Weekday{time.Sunday}},
		"yearly":     {365, 1, 3, []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.At(harness.AtRackGateway()))
			w.Watch()
			w.Provide(w.System)
			object := w.Token("deploy", permitted("convox:app:list", "convox:app:read"), preset(t, name))
			w.Create(w.ClusterIssuer(listingDaily), object)
			w.Settle()
			w.WantReady(object)
			first := *object.Status.Current
			old := pod(w, "old", object.SecretName())
			// Up to a tenth of the interval it is earlier, so that not all are at once.
			pass(w, tc.days*9/10-1)
			w.WantCreates(1)
			w.Forget()
			for half := 2 * (tc.days/10 + 2 + tc.within); len(w.Made()) < 2 && half > 0; half-- {
				w.Advance(aDay / 2)
			}
			// Who starts as soon as it is replaced may still get the old value.
			w.Advance(time.Minute)
			w.WantReady(object)
			w.WantCreates(2)
			second := *object.Status.Current
			rights := [][]string{w.TokenByID(first.ID).Rights, w.TokenByID(second.ID).Rights}
			if diff := cmp.Diff(rights[0], rights[1]); diff != "" {
				t.Errorf("the successor may do something else (-first +second):\n%s", diff)
			}
			berlin, err := time.LoadLocation("Europe/Berlin")
			if err != nil {
				t.Fatal(err)
			}
			if made := second.IssuedAt.In(berlin); !slices.Contains(tc.weekdays, made.Weekday()) {
				t.Errorf("it was replaced at %s", made.Format(time.RFC1123))
			}
			// Consumers are updated and looked at before anything is deleted, however long that takes.
			w.Want(object, v1alpha1.ConditionRevocationPending, metav1.ConditionTrue, v1alpha1.ReasonWaitingForConsumers)
			w.WantActive(2)
			wantOrder(t, w, harness.Mint, harness.Apply)
			pod(w, "new", object.SecretName())
			w.Finish(old)
			w.Advance(time.Duration(tc.overlap)*aDay + time.Hour)
			w.WantActive(1)
			w.WantNo(object, v1alpha1.ConditionRevocationPending)
			w.WantReady(object)
			order := []string{harness.Mint, harness.Apply, harness.Revoke}
			if object.OverlapOfPods() > time.Hour {
				// Since when no pod holds it is written down, where that is waited for long.
				order = slices.Insert(order, 2, harness.Apply)
			}
			wantOrder(t, w, order...)
			w.CheckRest()
		})
	}
}

// pass lets days pass.
func pass(w *harness.World, days int) {
	for ; days > 0; days -= 30 {
		w.Advance(time.Duration(min(days, 30)) * aDay)
	}
}

// wantOrder checks what was done at the vendor and with values, in that order.
func wantOrder(t *testing.T, w *harness.World, want ...string) {
	t.Helper()
	var got []string
	for _, effect := range w.Effects() {
		if effect.Kind == harness.VendorToken || effect.Is(harness.Apply, "Secret") {
			got = append(got, effect.Verb)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("effects (-want +got):\n%s", diff)
	}
}
