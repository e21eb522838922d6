package gatewaytoken

import (
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// memory is what this process alone knows of one object. All of it may be lost at any time.
type memory struct {
	lastCreateEnded time.Time
	hand            *hand
	doubted         map[string]bool
	published       map[token.ID]bool
	revoked         map[token.ID]time.Time
	gone            map[token.ID]bool
	mediatorID      string
}

// hand is a minted token that is not published yet, with its value.
type hand struct {
	lifecycle.InHand
	value token.Value
}

// memories of all objects, by UID. An object is reconciled by one worker at a time, so that only the map needs a lock.
type memories struct {
	mu   sync.Mutex
	byID map[types.UID]*memory
}

func (m *memories) of(uid types.UID) *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byID == nil {
		m.byID = map[types.UID]*memory{}
	}
	found := m.byID[uid]
	if found == nil {
		found = &memory{
			doubted: map[string]bool{}, published: map[token.ID]bool{}, revoked: map[token.ID]time.Time{}, gone: map[token.ID]bool{},
		}
		m.byID[uid] = found
	}
	return found
}

func (m *memories) forget(uid types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.byID, uid)
}

// observed is what the planner may know of it.
func (m *memory) observed(leaderSince time.Time) lifecycle.Memory {
	seen := lifecycle.Memory{
		LeaderSince: leaderSince, LastCreateEnded: m.lastCreateEnded,
		Doubted: maps.Clone(m.doubted), Published: maps.Clone(m.published), Revoked: maps.Clone(m.revoked), Gone: maps.Clone(m.gone),
	}
	if m.hand != nil {
		inHand := m.hand.InHand
		seen.InHand = &inHand
	}
	return seen
}

// drop gives up a minted value. What is left of it at the vendor was never published.
func (m *memory) drop() {
	if m.hand != nil {
		m.doubted[m.hand.Token.Name] = true
		m.hand = nil
	}
}
