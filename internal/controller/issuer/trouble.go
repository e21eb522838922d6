package issuer

import (
	"maps"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// poolPause is how long a pool that could not be listed waits for its next try.
//
// A place that does not exist, and at which nothing was issued, is a person's mistake: it is looked for ever more rarely. Of several
// pools in the same trouble one, which has been in it for longest, is tried soon, and the others as often as if they were well. Each
// could be in trouble alone, but a vendor that answers nothing but errors would be asked for more the more pools there are.
func (s *scene) poolPause(name string, failure *token.Failure) time.Duration {
	p, uid := s.memory.pools[name], string(s.memory.uid)+name
	if p.gone && !s.issuedIn(name) {
		return status.BackOff(status.Refusal, p.failures, uid, failure.RetryAfter)
	}
	pause := status.BackOff(status.VendorTrouble, p.failures, uid, failure.RetryAfter)
	if s.memory.outdone(name) {
		pause = max(pause, s.issuer.IssuerSpec().ListInterval())
	}
	return pause
}

// issuedIn tells whether a GatewayToken may have a token in a pool.
func (s *scene) issuedIn(pool string) bool { return useOf(s.tokensIn(pool)).Tokens > 0 }

// outdone tells whether another pool has been in the same trouble for as long as this one.
func (m *memory) outdone(name string) bool {
	mine := m.pools[name]
	for other, p := range m.pools {
		if other != name && p.problem.Reason == mine.problem.Reason && p.failures >= mine.failures {
			return true
		}
	}
	return false
}

// relieve lets one more of the pools in some trouble be tried at once, since one was healed of it: the one that has been in it for the
// shortest time, so that one that will stay in it does not stand before the others.
func (m *memory) relieve(trouble lifecycle.Reason) {
	var next *pool
	for _, name := range slices.Sorted(maps.Keys(m.pools)) {
		p := m.pools[name]
		if p.failures > 0 && p.problem.Reason == trouble && (next == nil || p.failures < next.failures) {
			next = p
		}
	}
	if next != nil {
		next.held = time.Time{}
	}
}
