package gatewaytoken

import (
	"cmp"
	"crypto/rand"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

// memory is what this process alone knows of one object. All of it may be lost at any time.
type memory struct {
	lastCreateEnded time.Time
	hand            *hand
	answered        int
	doubted         map[string]bool
	published       map[token.ID]bool
	revoked         map[token.ID]time.Time
	gone            map[token.ID]bool
	contested       map[token.ID]bool
	there           map[token.ID]time.Time
	creates         []time.Time
	taken           map[int]bool
	changed         string
	changedAt       time.Time
	changeDoubted   time.Time
	intended        string
	undo            []token.ID
	// process tells this memory from that of any other process. rollAsked and rollRefused are those of lifecycle.Memory.
	process                string
	rollAsked, rollRefused int
	// free tells since when no pod holds a token that was replaced.
	free map[token.ID]time.Time
	// found are the replaced tokens whose Secret pods were found to use.
	found map[token.ID]bool
	// restarts is what came of restarting workloads for the token in use.
	restarts       lifecycle.RestartProgress
	repairs, reads repetition
	// failure is the latest, in case the status that tells of it could not be written; failedWith is the client that failed.
	failure    *v1alpha1.Failure
	failedWith vendors.Vendor
	// attempt is what this process wrote of its latest create in the status; nil where that tells of none.
	attempt *v1alpha1.IssueAttempt
	// released is what is to be done once the object is gone, whose finalizer this process has taken away or tried to; nil as long as it has not.
	released func()
	// turn is when it may be replaced by age.
	turn time.Time
}

// repetition holds back what somebody makes necessary again and again: deleting a Secret in a loop must not become a loop of
// vendor calls.
type repetition struct {
	count int32
	last  time.Time
}

// peace is how long it must have been quiet for the count to begin anew.
const peace = 10 * time.Minute

// note counts one more.
func (r *repetition) note(now time.Time) {
	if now.Sub(r.last) > peace {
		r.count = 0
	}
	r.count++
	r.last = now
}

// next is when it may be done again: at once after the first time, ever later after more.
func (r *repetition) next(uid string) time.Time {
	if r.count < 2 {
		return time.Time{}
	}
	return r.last.Add(status.BackOff(status.Write, r.count-1, uid, 0))
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
	// names are the UIDs of the objects that the cache showed last under a name.
	names map[types.NamespacedName]types.UID
	// wrote is the version that each object had when this process had written its status.
	wrote map[types.UID]string
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
			process: rand.Text(),
			doubted: map[string]bool{}, published: map[token.ID]bool{}, revoked: map[token.ID]time.Time{}, gone: map[token.ID]bool{}, contested: map[token.ID]bool{},
			there: map[token.ID]time.Time{}, taken: map[int]bool{},
		}
		m.byID[uid] = found
	}
	return found
}

// name notes which object the cache shows under a name, empty for none any more. The one that it showed before is gone.
func (m *memories) name(name types.NamespacedName, uid types.UID) {
	m.mu.Lock()
	if m.names == nil {
		m.names = map[types.NamespacedName]types.UID{}
	}
	former := m.names[name]
	m.names[name] = uid
	if uid == "" {
		delete(m.names, name)
	}
	m.mu.Unlock()
	if former != uid {
		m.gone(former)
	}
}

// gone forgets an object, and ends what its release had begun.
func (m *memories) gone(uid types.UID) {
	m.mu.Lock()
	left := m.byID[uid]
	delete(m.byID, uid)
	delete(m.wrote, uid)
	m.mu.Unlock()
	if left != nil && left.released != nil {
		left.released()
	}
}

// noteStatus remembers that this process has just written the status of an object.
func (m *memories) noteStatus(object *v1alpha1.GatewayToken) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.wrote == nil {
		m.wrote = map[types.UID]string{}
	}
	m.wrote[object.UID] = object.ResourceVersion
}

// wroteStatus tells whether the status of an object is as this process has just written it.
func (m *memories) wroteStatus(object client.Object) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.wrote[object.GetUID()] == object.GetResourceVersion()
}

// readOutdated tells whether an object was read as it was before this process wrote its status last.
func (m *memories) readOutdated(object client.Object) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	order, err := resourceversion.CompareResourceVersion(object.GetResourceVersion(), cmp.Or(m.wrote[object.GetUID()], "0"))
	return err == nil && order < 0
}

// observed is what the planner may know of it.
func (m *memory) observed(leaderSince time.Time, uid string) lifecycle.Memory {
	seen := lifecycle.Memory{
		LeaderSince: leaderSince, LastCreateEnded: m.lastCreateEnded, Answered: m.answered,
		Doubted: maps.Clone(m.doubted), Published: maps.Clone(m.published), Revoked: maps.Clone(m.revoked), Gone: maps.Clone(m.gone), Contested: maps.Clone(m.contested),
		There: maps.Clone(m.there), Creates: slices.Clone(m.creates), Taken: maps.Clone(m.taken), Changed: m.changed, ChangedAt: m.changedAt, ChangeDoubted: m.changeDoubted, Intended: m.intended,
		Restarts: m.restarts,
		Process:  m.process, RollAsked: m.rollAsked, RollRefused: m.rollRefused,
		Undo: m.undo, RepairAfter: m.repairs.next(uid), ReadAfter: m.reads.next(uid),
		Turn: m.turn,
	}
	if m.hand != nil {
		inHand := m.hand.InHand
		seen.InHand = &inHand
	}
	return seen
}

// drop gives up a minted value. What is left of it at the vendor was never published: a list tells whose it is, or this process
// alone knows, and revokes it.
func (m *memory) drop(lost bool) {
	switch {
	case m.hand == nil:
		return
	case lost:
		m.undo = append(m.undo, m.hand.Token.ID)
	case m.hand.Cut == ledger.CutInPlace:
		// Its name is that of a token which was published.
	default:
		m.doubted[m.hand.Token.Name] = true
	}
	m.answered, m.hand = m.hand.Sequence, nil
}

// noteCreate remembers a create that nobody planned, for a day.
func (m *memory) noteCreate(now time.Time) {
	m.creates = append(slices.DeleteFunc(m.creates, func(at time.Time) bool { return now.Sub(at) > 24*time.Hour }), now)
}
