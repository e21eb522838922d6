package traffic_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
)

// calls are some that a vendor got, oldest first.
type calls []simulator.Entry

// since are the calls after an instant, as far as the vendor remembers them (stage.TranscriptLimit).
func (r *running) since(after time.Time) calls {
	return slices.DeleteFunc(calls(r.Vendor.Transcript()), func(call simulator.Entry) bool { return !call.Time.After(after) })
}

// of are those of one route.
func (c calls) of(route string) calls {
	return slices.DeleteFunc(slices.Clone(c), func(call simulator.Entry) bool { return call.Route != route })
}

// wantLogins checks every login that the vendor remembers: each came when the bearer before it was about to die, which is a tenth of its
// life before its end and five minutes at most, and not earlier.
func (r *running) wantLogins(t *testing.T) {
	t.Helper()
	if r.login == "" {
		return
	}
	logins := r.since(time.Time{}).of(r.login)
	for n := 1; n < len(logins); n++ {
		lived := logins[n].Time.Sub(logins[n-1].Time)
		if lived < r.life-min(r.life/10, 5*time.Minute) {
			t.Errorf("a login %s after the one before it, whose bearer lives for %s", lived, r.life)
		}
	}
}
