package traffic_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// mostBeyond is how many calls more than a healthy hour an hour of outage may cost per issuer.
const mostBeyond = 10

// hour is twelve intervals.
const hour = 12 * interval

// outages are fleets whose vendor will be in trouble.
func outages() map[string]fleet {
	return map[string]fleet{
		// A list is tried ever later.
		"Causely":      atCausely(10),
		"Rack Gateway": atRackGateway(10),
		// The login fails, too, and then no list is asked for.
		"Causely, short bearer": atCausely(10).living(15 * time.Minute),
		// Whether the credentials are accepted is asked by another call.
		"Causeloop, dedicated": atCauseloop(10),
		// Each gateway could be the only one in trouble.
		"PingOne": atPingOne(8, 2).living(24 * time.Hour),
		// Once the bearer has ended, it is the login that fails, for all gateways.
		"PingOne, short bearer": atPingOne(8, 2),
	}
}

// An hour in which the vendor answers 500 to everything costs hardly more calls than one in which it is well. When it is over,
// everything is as before, by itself: no token is made or revoked for it, and no Secret is written.
func TestOutage(t *testing.T) {
	t.Parallel()
	for name, fleet := range outages() {
		t.Run(name, func(t *testing.T) {
			r := launch(t, fleet)
			healthy, secrets := r.during(hour), r.secrets()
			r.fail()
			r.wantHardlyMore(t, healthy, r.during(hour))
			r.Heal()
			r.wantHealed(t)
			if revoked := r.Calls(r.Route(harness.RouteRevoke)); revoked != 0 {
				t.Errorf("%d revocations", revoked)
			}
			if diff := cmp.Diff(secrets, r.secrets()); diff != "" {
				t.Errorf("Secrets were written (-before +after):\n%s", diff)
			}
		})
	}
}

// Those who want something of a vendor in trouble wait for the issuer, however many they are. When it is over, each gets it, once.
func TestOutageWithWork(t *testing.T) {
	t.Parallel()
	for name, fleet := range outages() {
		t.Run(name, func(t *testing.T) {
			r := launch(t, fleet)
			healthy := r.during(hour)
			r.fail()
			before := r.AllCalls()
			r.Advance(2 * interval)
			r.add(r.size)
			last := r.objects[r.size-1]
			r.objects = slices.Delete(r.objects, r.size-1, r.size)
			r.Remove(last)
			r.Advance(hour - 2*interval)
			r.wantHardlyMore(t, healthy, r.CallsSince(before))
			r.Heal()
			r.Advance(2 * interval)
			if revoked := r.Calls(r.Route(harness.RouteRevoke)); !r.Gone(last) || revoked != 1 {
				t.Errorf("%s is gone: %t, after %d revocations, want one", last.Name, r.Gone(last), revoked)
			}
			for _, object := range r.objects {
				r.WantReady(object)
			}
			r.WantActive(len(r.objects))
			if created := r.Calls(r.Route(harness.RouteCreate)); created != 2*r.size {
				t.Errorf("the vendor was asked for %d tokens, want %d", created, 2*r.size)
			}
			r.CheckRest()
		})
	}
}

func (r *running) wantHardlyMore(t *testing.T, healthy, outage map[string]int) {
	t.Helper()
	if got, most := sum(outage), sum(healthy)+mostBeyond; got > most {
		t.Errorf("%d calls in an hour of outage, want %d at most: %v", got, most, outage)
	}
	t.Logf("%d GatewayTokens: %d calls in a healthy hour, %d in an hour of outage", len(r.objects), sum(healthy), sum(outage))
}

// wantHealed checks that all is as it was, and that lists are taken as they were.
func (r *running) wantHealed(t *testing.T) {
	t.Helper()
	r.Advance(2 * interval)
	r.wantHealthy(t)
	r.betweenLists()
	since := r.Clock.Now()
	r.Advance(4 * interval)
	r.wantEachScope(t, since, 4)
	r.CheckRest()
}

// during counts the calls of a while.
func (r *running) during(d time.Duration) map[string]int {
	before := r.AllCalls()
	r.Advance(d)
	return r.CallsSince(before)
}

// fail has the vendor answer 500 to everything.
func (r *running) fail() {
	for _, route := range r.routes {
		r.Fault(route, stage.Status, harness.Always, func(f *simulator.Fault) { f.Status = 500 })
	}
}

// secrets are the versions of the tokens' Secrets.
func (r *running) secrets() map[string]string {
	versions := map[string]string{}
	for _, object := range r.objects {
		versions[object.Name] = r.SecretIn(object.Namespace, object.SecretName()).ResourceVersion
	}
	return versions
}

func sum(calls map[string]int) int {
	total := 0
	for _, count := range calls {
		total += count
	}
	return total
}
