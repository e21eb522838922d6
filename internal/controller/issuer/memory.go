package issuer

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

// memory is what this process knows of one issuer object beyond what the API server keeps. One look at a time has it.
type memory struct {
	uid        types.UID
	generation int64
	looked     bool
	// lastOwn tells the user's credentials, CA bundle and spec of the last look from others; empty where they were missing.
	lastOwn string
	turns   turns
	// vendor is the client that serves; where none does, the one tried last.
	vendor vendors.Vendor
	// trouble is why the user's own credentials do not serve.
	trouble lifecycle.Problem

	own, kept connected
}

// connected is a client and what it was made from.
type connected struct {
	madeFrom string
	vendor   vendors.Vendor
}

// remember gives the memory of the issuer that is looked at: of this very object, and of its present spec.
func (r *Reconciler) remember(s *scene) *memory {
	r.mu.Lock()
	defer r.mu.Unlock()
	have := r.memories[s.key]
	uid, generation := s.issuer.GetUID(), s.issuer.GetGeneration()
	if have != nil && have.uid == uid && have.generation == generation {
		return have
	}
	m := &memory{uid: uid, generation: generation}
	if have != nil && have.uid == uid {
		// Clients are known by what they were made from, of which the spec is a part.
		m.own, m.kept = have.own, have.kept
	}
	if failure := s.issuer.IssuerStatus().Failure; failure != nil && failure.Generation == generation && failure.NextAttemptTime != nil {
		// Back-off outlives the process.
		m.turns.ownHeld, m.turns.keptHeld = failure.NextAttemptTime.Time, failure.NextAttemptTime.Time
		m.trouble = lifecycle.Problem{Reason: lifecycle.Reason(failure.Reason), Message: failure.Message}
	}
	if r.memories == nil {
		r.memories = map[accounts.Key]*memory{}
	}
	r.memories[s.key] = m
	return m
}

func (r *Reconciler) dropMemory(key accounts.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.memories, key)
}

// note compares what there is to ask with to what there was at the last look.
func (m *memory) note(s *scene) {
	madeFrom := ""
	if s.ownProblem == nil {
		madeFrom = fingerprint(s.issuer.IssuerSpec(), s.own)
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
	m.looked, m.lastOwn = true, madeFrom
}
