package issuer

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

// memory is what this process knows of one issuer object beyond what the API server keeps. One look at a time has it.
type memory struct {
	uid    types.UID
	looked bool
	// lastSpec tells the spec of the last look from others; lastOwn the user's credentials and CA bundle, too, and is empty where
	// they were missing.
	lastSpec, lastOwn string
	// acceptedSpec is the one that credentials were accepted with last.
	acceptedSpec string
	turns        turns
	// vendor is the client that serves; where none does, the one tried last.
	vendor vendors.Vendor
	// trouble is why the user's own credentials do not serve.
	trouble lifecycle.Problem
	// checked is when the vendor was last asked for more than a pool, at a vendor with pools.
	checked time.Time
	pools   map[string]*pool
	// needed is when a GatewayToken used a pool last.
	needed map[string]time.Time

	own, kept connected

	word word
}

// pool is one of the lists that GatewayTokens of the issuer need.
type pool struct {
	vendor vendors.Vendor
	// from is the client that it is a pool of.
	from vendors.Pooled
	// listed: the vendor answered the last list, with that client.
	listed bool
	// problem is why it cannot be listed though the credentials are accepted: without a reason where it can. The failures-th time in
	// a row; it is not tried again before held.
	problem  lifecycle.Problem
	gone     bool
	failures int32
	held     time.Time
}

// connected is a client and what it was made from.
type connected struct {
	madeFrom string
	vendor   vendors.Vendor
}

// remember gives the memory of the very issuer that is looked at.
func (r *Reconciler) remember(s *scene) *memory {
	r.mu.Lock()
	defer r.mu.Unlock()
	have := r.memories[s.key]
	if have != nil && have.uid == s.issuer.GetUID() {
		return have
	}
	m := &memory{uid: s.issuer.GetUID(), pools: map[string]*pool{}, needed: map[string]time.Time{}}
	m.turns.mayHaveCreated(s.now.Add(r.Settle))
	if failure := s.issuer.IssuerStatus().Failure; failure != nil && failure.Generation == s.issuer.GetGeneration() && failure.NextAttemptTime != nil {
		m.recall(failure)
	}
	if r.memories == nil {
		r.memories = map[accounts.Key]*memory{}
	}
	r.memories[s.key] = m
	return m
}

// recall goes on with a failure that the status tells of: back-off outlives the process.
func (m *memory) recall(failure *v1alpha1.Failure) {
	m.trouble = lifecycle.Problem{Reason: lifecycle.Reason(failure.Reason), Message: failure.Message}
	m.turns.ownHeld = failure.NextAttemptTime.Time
	switch failure.Reason {
	case v1alpha1.ReasonCredentialsRejected, v1alpha1.ReasonPermissionDenied:
		m.turns.refused = true
	default:
		m.turns.keptHeld = failure.NextAttemptTime.Time
	}
}

func (r *Reconciler) dropMemory(key accounts.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.memories[key]; m != nil {
		for name := range m.pools {
			r.Inventory.Forget(accounts.Scope(m.uid, name))
		}
	}
	delete(r.memories, key)
}

// note compares what there is to ask with to what there was at the last look.
func (m *memory) note(s *scene) {
	spec, madeFrom := fingerprint(s.issuer.IssuerSpec(), bundle{}), ""
	if s.ownProblem == nil {
		madeFrom = fingerprint(s.issuer.IssuerSpec(), s.own)
	}
	if m.looked && spec != m.lastSpec {
		// Another URL may be another vendor's: whoever served does not serve there.
		m.turns = turns{calm: m.turns.calm}
		m.trouble = lifecycle.Problem{}
		for name := range m.pools {
			m.pools[name] = &pool{}
		}
	}
	switch {
	case madeFrom == "":
		m.turns.lost(own)
	case m.looked && madeFrom != m.lastOwn:
		m.turns.renew()
	}
	if !s.kept.found() {
		m.turns.lost(kept)
	}
	m.looked, m.lastSpec, m.lastOwn = true, spec, madeFrom
}
