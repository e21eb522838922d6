package traffic_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// rotating has the token replaced at an age, when a window opens that does so for three hours.
func rotating(interval time.Duration, schedule string) func(*v1alpha1.GatewayToken) {
	return func(o *v1alpha1.GatewayToken) {
		harness.Overlapping(time.Hour)(o)
		o.Spec.Rotation.Interval = &metav1.Duration{Duration: interval}
		o.Spec.Rotation.Window = &v1alpha1.RotationWindow{Schedule: schedule, Duration: &metav1.Duration{Duration: 3 * time.Hour}}
	}
}

// twiceADay opens at two and at fourteen.
const twiceADay = "0 2,14 * * *"

// crowd are GatewayTokens of one issuer in some namespaces, all of which are due when the window opens.
type crowd struct {
	*harness.World
	objects []*v1alpha1.GatewayToken
	// due is when the window opens.
	due time.Time
}

// gather makes them and lets them come to rest, a minute before they are due.
func gather(t *testing.T, namespaces, each int, options ...harness.Option) *crowd {
	t.Helper()
	c := &crowd{World: newWorld(t, options...)}
	c.Provide(c.System)
	issuer := c.ClusterIssuer()
	for n := range namespaces {
		namespace := fmt.Sprintf("%s-%d", c.Tenant, n)
		c.Namespace(namespace)
		issuer.Spec.Grants[0].Namespaces.Names = append(issuer.Spec.Grants[0].Namespaces.Names, namespace)
		for m := range each {
			object := c.Token(fmt.Sprintf("token-%03d", m), rotating(13*time.Hour, twiceADay))
			object.Namespace = namespace
			c.objects = append(c.objects, object)
		}
	}
	c.Create(issuer)
	harness.CreateAll(c.World, c.objects)
	c.Settle()
	c.WantCreates(len(c.objects))
	c.WantActive(len(c.objects))
	now := c.Clock.Now()
	c.due = time.Date(now.Year(), now.Month(), now.Day()+1, 2, 0, 0, 0, time.UTC)
	c.Advance(c.due.Add(-time.Minute).Sub(now))
	c.WantCreates(len(c.objects))
	return c
}

// made are the times at which the vendor made the tokens that fit, since the window opened.
func (c *crowd) made(fits func(*v1alpha1.GatewayToken) bool) []time.Time {
	var times []time.Time
	current := map[string]bool{}
	for _, object := range c.objects {
		current[object.Status.Current.ID] = fits(object)
	}
	for _, token := range c.Tokens() {
		if current[token.ID] && !token.CreatedAt.Before(c.due) {
			times = append(times, token.CreatedAt)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	return times
}

// nearly a minute: looks take a little time, and not all the same.
const nearly = 59 * time.Second

// most is how many of some times there are in any minute.
func most(times []time.Time) int {
	var most int
	for first, from := range times {
		within := slices.IndexFunc(times[first:], func(at time.Time) bool { return !at.Before(from.Add(nearly)) })
		if within < 0 {
			within = len(times) - first
		}
		most = max(most, within)
	}
	return most
}

// namespaces of the crowd.
func (c *crowd) namespaces() []string {
	names := map[string]bool{}
	for _, object := range c.objects {
		names[object.Namespace] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// Many tokens are due in the same minute. They are replaced one after the other, as fast as the limits allow, and what is urgent does not
// wait for its turn. Whoever waits is written once for that.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reason           string
		namespaces, each int
		settings         func(*lifecycle.Settings)
		// issuer and namespace are the most in a minute, within how long all are done.
		issuer, namespace int
		within            time.Duration
	}{
		"of one issuer":     {"ten in a minute", 4, 15, func(*lifecycle.Settings) {}, 10, 5, 8 * time.Minute},
		"of one namespace":  {"five in a minute", 1, 12, func(*lifecycle.Settings) {}, 5, 5, 4 * time.Minute},
		"without any limit": {"it is switched off", 2, 6, func(s *lifecycle.Settings) { s.IssuerRotationsPerMinute, s.NamespaceRotationsPerMinute = 0, 0 }, 12, 6, time.Minute},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c := gather(t, tc.namespaces, tc.each, harness.WithSettings(tc.settings))
			c.Forget()
			c.Advance(time.Minute + 2*time.Second)
			urgent := c.lastToWait(t, tc.issuer < len(c.objects))
			if urgent != nil {
				harness.Change(c.World, urgent, requesting(c.World))
				c.Settle()
				c.wantReplaced(t, urgent)
			}
			c.Advance(tc.within)
			c.wantFewWrites(t)
			c.wantAllReplaced(t)
			c.wantSpread(t, urgent, tc.reason, tc.issuer, tc.namespace)
			// Once the issuer has counted them, all is at rest until the first has waited long enough for its revocation.
			c.Advance(interval)
			before := c.Versions()
			c.Advance(40 * time.Minute)
			if diff := cmp.Diff(before, c.Versions()); diff != "" {
				t.Errorf("something was written at rest (-before +after):\n%s", diff)
			}
			c.WantActive(2 * len(c.objects))
			c.CheckRest()
		})
	}
}

// mostWrites of a status: that it waits for its turn, that it has its token, what the one before waits for, and that no pod holds that.
const mostWrites = 4

func (c *crowd) wantFewWrites(t *testing.T) {
	t.Helper()
	writes := map[string]int{}
	for _, effect := range c.Effects() {
		if effect.Is(harness.Status, v1alpha1.KindGatewayToken) {
			writes[effect.Name]++
		}
	}
	for name, count := range writes {
		if count > mostWrites {
			t.Errorf("the status of %s was written %d times, want %d at most", name, count, mostWrites)
		}
	}
}

// lastToWait finds the one whose turn is the last, if any waits. Each that waits says until when.
func (c *crowd) lastToWait(t *testing.T, some bool) *v1alpha1.GatewayToken {
	t.Helper()
	var last *v1alpha1.GatewayToken
	var latest string
	for _, object := range c.objects {
		waits := c.Condition(object, v1alpha1.ConditionRotating)
		if waits.Type == "" {
			continue
		}
		c.Want(object, v1alpha1.ConditionRotating, metav1.ConditionTrue, v1alpha1.ReasonWaitingForTurn)
		c.WantReady(object)
		if _, until, _ := strings.Cut(waits.Message, "turn is at "); until > latest {
			last, latest = object, until
		}
	}
	if (last != nil) != some {
		t.Fatalf("the last to wait is %v, want one: %t", last, some)
	}
	return last
}

// wantAllReplaced checks that each has its second token, and the vendor made no other.
func (c *crowd) wantAllReplaced(t *testing.T) {
	t.Helper()
	for _, object := range c.objects {
		c.wantReplaced(t, object)
	}
	c.WantCreates(2 * len(c.objects))
}

// wantReplaced checks that one has its second token, and waits for nothing.
func (c *crowd) wantReplaced(t *testing.T, object *v1alpha1.GatewayToken) {
	t.Helper()
	c.WantReady(object)
	c.WantNo(object, v1alpha1.ConditionRotating)
	if sequence := object.Status.Current.Sequence; sequence != 2 {
		t.Errorf("%s/%s has token %d, want the second", object.Namespace, object.Name, sequence)
	}
}

// wantSpread judges by the vendor's own times. What is urgent comes on top.
func (c *crowd) wantSpread(t *testing.T, urgent *v1alpha1.GatewayToken, reason string, issuer, namespace int) {
	t.Helper()
	all := c.made(func(o *v1alpha1.GatewayToken) bool { return o != urgent })
	if got := most(all); got != issuer {
		t.Errorf("%s: %d creates in one minute, want %d at most, and that in one at least", reason, got, issuer)
	}
	for _, name := range c.namespaces() {
		got := most(c.made(func(o *v1alpha1.GatewayToken) bool { return o != urgent && o.Namespace == name }))
		if got > namespace {
			t.Errorf("%s: %d creates for namespace %s in one minute, want %d at most", reason, got, name, namespace)
		}
	}
	t.Logf("%d tokens within %s, %d in a minute at most", len(all), all[len(all)-1].Sub(all[0]), most(all))
}

// Between rotations nothing is written for days, whatever a GatewayToken says of rotation, and no pods are listed.
func TestAtRestBetweenRotations(t *testing.T) {
	w := newWorld(t)
	w.Provide(w.System)
	issuer := w.ClusterIssuer(func(i *v1alpha1.ClusterTokenIssuer) { i.Spec.InventoryInterval = &metav1.Duration{Duration: time.Hour} })
	w.Create(issuer)
	objects := []*v1alpha1.GatewayToken{
		w.Token("by-age", harness.Overlapping(time.Hour), func(o *v1alpha1.GatewayToken) {
			o.Spec.Rotation.Interval = &metav1.Duration{Duration: 240 * time.Hour}
		}),
		w.Token("in-a-window", rotating(240*time.Hour, "0 2 * * 6")),
		w.Token("with-a-late-stranger", rotating(240*time.Hour, twiceADay), func(o *v1alpha1.GatewayToken) {
			o.Spec.Rotation.MaxOverlap = &metav1.Duration{Duration: 72 * time.Hour}
		}),
		w.Token("asked-for", harness.Overlapping(time.Hour), requesting(w)),
		w.Token("not-understood", harness.Overlapping(time.Hour), func(o *v1alpha1.GatewayToken) {
			o.Annotations = map[string]string{v1alpha1.AnnotationRotateRequest: "soon"}
		}),
	}
	harness.CreateAll(w, objects)
	w.Create(consumerOf(w, objects[0]), consumerOf(w, objects[1]))
	w.Settle()
	w.WantCreates(len(objects))
	// While a pod holds a value that was replaced, it is watched.
	w.Advance(time.Minute)
	harness.Change(w, objects[0], requesting(w))
	w.Advance(12 * time.Hour)
	w.Want(objects[0], v1alpha1.ConditionRevocationPending, metav1.ConditionTrue, v1alpha1.ReasonWaitingForConsumers)
	if w.PodLists == 0 {
		t.Fatal("pods are not listed while one holds a token that was replaced")
	}
	if err := w.Admin().Delete(t.Context(), consumerOf(w, objects[0]), client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	w.Advance(3 * time.Hour)
	w.WantNo(objects[0], v1alpha1.ConditionRevocationPending)
	w.WantActive(len(objects))

	w.Forget()
	versions, lists, dryRuns, looks := w.Versions(), w.PodLists, w.DryRuns, w.Process.Looks(v1alpha1.KindGatewayToken)
	const days = 5
	for range 2 * days {
		w.Advance(12 * time.Hour)
		for _, object := range objects {
			w.Look(v1alpha1.KindGatewayToken, object)
		}
		w.Settle()
	}
	if diff := cmp.Diff(versions, w.Versions()); diff != "" {
		t.Errorf("something was written between rotations (-before +after):\n%s", diff)
	}
	if effects := w.Effects(); len(effects) != 0 || w.DryRuns != dryRuns {
		t.Errorf("effects between rotations: %v, and %d dry runs", effects, w.DryRuns-dryRuns)
	}
	if w.PodLists != lists {
		t.Errorf("pods were listed %d times between rotations", w.PodLists-lists)
	}
	t.Logf("%d looks at %d GatewayTokens in %d days", w.Process.Looks(v1alpha1.KindGatewayToken)-looks, len(objects), days)
	w.WantCreates(len(objects) + 1)

	// What is due is due all the same.
	for range 2 * 8 {
		w.Advance(12 * time.Hour)
	}
	w.WantCreates(len(objects) + 1 + 3)
	for _, object := range objects {
		w.WantReady(object)
	}
	w.CheckRest()
}

func requesting(w *harness.World) func(*v1alpha1.GatewayToken) {
	return func(o *v1alpha1.GatewayToken) {
		o.Annotations = map[string]string{v1alpha1.AnnotationRotateRequest: w.Clock.Now().UTC().Format(time.RFC3339)}
	}
}

// consumerOf is a pod that has the Secret in its environment.
func consumerOf(w *harness.World, object *v1alpha1.GatewayToken) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Tenant, Name: "consumer-of-" + object.Name},
		Spec: corev1.PodSpec{
			NodeName: "node",
			Containers: []corev1.Container{{Name: "app", Image: "app", EnvFrom: []corev1.EnvFromSource{{
				SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: object.SecretName()}},
			}}}},
		},
	}
}
