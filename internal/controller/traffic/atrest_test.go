package traffic_test

import (
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// At rest, a vendor gets one list per scope and interval, the logins that this needs, and nothing else. The API server gets no write.
// How many GatewayTokens there are makes no difference, and a restart costs one list more.
func TestAtRest(t *testing.T) {
	t.Parallel() // with the tests below: the largest fleet takes as long as all others together
	tests := map[string]struct {
		reason string
		fleet  fleet
		// logins is how many there must be within ten intervals.
		logins int
	}{
		"Causely":               {"a bearer lives for a day", atCausely(1000), 0},
		"Causely, short bearer": {"one that lives for 15 minutes is renewed a tenth of that before: at every third list", atCausely(20).living(15 * time.Minute), 3},
		"Causeloop, dedicated":  {"two pages are one list", atCauseloop(200), 0},
		"Rack Gateway":          {"nobody logs in", atRackGateway(200), 0},
		"PingOne":               {"each gateway has a list, and one login serves all of them", atPingOne(20, 5), 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := launch(t, tc.fleet)
			if looks := r.looks(); looks > mostLooks*r.size {
				t.Errorf("%d looks at %d GatewayTokens until all was at rest, want %d at each at most", looks, r.size, mostLooks)
			}
			before := r.remember()
			r.Advance(5 * interval)
			if looks := r.looks() - before.looks; looks != 0 {
				t.Errorf("%d looks at GatewayTokens that nothing happened to", looks)
			}
			r.lookAtEach()
			r.Advance(5 * interval)
			t.Logf("%d GatewayTokens, %d lists to be taken: %v in ten intervals; %d looks at GatewayTokens until all was at rest",
				r.size, r.scopes, r.CallsSince(before.calls), before.looks)
			if diff := cmp.Diff(r.atRest(10, tc.logins), r.CallsSince(before.calls)); diff != "" {
				t.Errorf("%s: calls within ten intervals (-want +got):\n%s", tc.reason, diff)
			}
			r.wantEachScope(t, before.at, 10)
			r.wantLogins(t)
			r.wantUntouched(t, before)

			before = r.remember()
			r.Restart()
			r.Advance(interval / 2)
			if diff := cmp.Diff(r.atStart(), r.CallsSince(before.calls)); diff != "" {
				t.Errorf("calls after a restart (-want +got):\n%s", diff)
			}
			if looks := r.looks(); looks > mostLooks*r.size {
				t.Errorf("%d looks at %d GatewayTokens after a restart, want %d at each at most", looks, r.size, mostLooks)
			}
			r.wantUntouched(t, before)
			r.CheckRest()
		})
	}
}

// mostLooks is how often a GatewayToken is looked at until it is at rest, at most. It does not depend on how many there are beside it.
const mostLooks = 9

// looks counts those at GatewayTokens.
func (r *running) looks() int { return r.Process.Looks(v1alpha1.KindGatewayToken) }

// moment is what a world at rest was at an instant.
type moment struct {
	at                             time.Time
	calls                          map[string]int
	versions                       map[string]string
	looks, dryRuns, errors, events int
}

// remember notes it, and has the world count effects anew.
func (r *running) remember() moment {
	r.Forget()
	return moment{
		at: r.Clock.Now(), calls: r.AllCalls(), versions: r.Versions(), looks: r.looks(), dryRuns: r.DryRuns, errors: len(r.Errors),
		events: len(r.Events),
	}
}

// wantUntouched checks that nothing was written since, nor anything said.
func (r *running) wantUntouched(t *testing.T, since moment) {
	t.Helper()
	if diff := cmp.Diff(since.versions, r.Versions()); diff != "" {
		t.Errorf("something was written at rest (-before +after):\n%s", diff)
	}
	if effects := r.Effects(); len(effects) != 0 || r.DryRuns != since.dryRuns {
		t.Errorf("effects at rest: %v, and %d dry runs", effects, r.DryRuns-since.dryRuns)
	}
	if len(r.Errors) != since.errors || len(r.Events) != since.events {
		t.Errorf("errors at rest: %v; events: %v", r.Errors[since.errors:], r.Events[since.events:])
	}
}

// lookAtEach has everything looked at once more, as when the operator's watches begin anew.
func (r *running) lookAtEach() {
	r.Look(v1alpha1.KindClusterTokenIssuer, r.issuer)
	for _, object := range r.objects {
		r.Look(v1alpha1.KindGatewayToken, object)
	}
}

// atRest are the calls that a number of intervals make.
func (r *running) atRest(intervals, logins int) map[string]int {
	calls := map[string]int{r.Route(harness.RouteList): intervals * r.scopes * r.pages}
	if logins > 0 {
		calls[r.login] = logins
	}
	return calls
}

// atStart are the calls that a process makes to know what there is.
func (r *running) atStart() map[string]int {
	calls := r.atRest(1, 0)
	if r.first != "" {
		calls[r.first] = 1
	}
	return calls
}

// wantEachScope checks that each scope was listed as often as the others.
func (r *running) wantEachScope(t *testing.T, since time.Time, times int) {
	t.Helper()
	lists := map[string]int{}
	for _, call := range r.since(since).of(r.Route(harness.RouteList)) {
		lists[call.Path]++
	}
	wrong := maps.Clone(lists)
	maps.DeleteFunc(wrong, func(_ string, count int) bool { return count == times*r.pages })
	if len(lists) != r.scopes || len(wrong) > 0 {
		t.Errorf("%d scopes were listed, want %d; not %d times: %v", len(lists), r.scopes, times, wrong)
	}
}
