package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// cause is why a GatewayToken needs a token.
type cause string

// Every token that was published needs one of these.
const (
	// first: it has none yet. A GatewayToken that is made anew is another one.
	first cause = "first token"
	// requested: a person asked for another, in whichever way that is then replaced.
	requested cause = "rotation requested"
	// otherRights: the spec asks for what the vendor gives to new tokens only.
	otherRights cause = "other rights"
	// byHand: a person revoked the token that the Secret held.
	byHand cause = "revoked by hand"
	// valueLost: somebody took the value out of the Secret, and the vendor does not show it again.
	valueLost cause = "value lost"
)

// life is a GatewayToken from its creation on.
type life struct {
	kind, name string
	// group is what tokens that were never published are counted by: the incarnation, which their names tell, or the gateway.
	group  string
	causes map[cause]int
	// deleted is when somebody deleted it, cut since when its spec lets consumers be cut off; zero for never.
	deleted, cut time.Time
	// leaks are the times for which a person said that everything older has leaked.
	leaks []time.Time
	// renewAfter is the age from which on it is replaced; zero for never.
	renewAfter time.Duration
}

// caused is how many tokens it needs for what happened to it.
func (l *life) caused() int {
	var all int
	for _, count := range l.causes {
		all += count
	}
	return all
}

// span is the life of a process of the operator.
type span struct {
	began, ended time.Time
	// mortal: what it had in hand went with it, since it was killed, or ended because the API server was away.
	mortal bool
	// unwell: the API server left somebody without an answer meanwhile, so that a value could be in hand for long.
	unwell bool
}

// inHand is how long a value is in hand at most, from the vendor's commit to its publication, where the API server answers.
const inHand = 3 * time.Second

// took tells whether the process may have had a token in hand when it ended. Times are whole seconds.
func (s span) took(m made) bool {
	since := s.began
	if latest := s.ended.Add(-inHand); !s.unwell && latest.After(since) {
		since = latest
	}
	return s.mortal && m.at.After(since.Add(-time.Second)) && !m.at.After(s.ended)
}

// made is a token that the operator had made, whatever became of it.
type made struct {
	id, name, kind string
	// group is the life's; see there.
	group string
	at    time.Time
	// valueless: it has no value that anybody could use.
	valueless bool
}

// books are what is known of what happened, independently of what the operator says: what people did, which token the Secret of whom has held,
// and which processes there were. They are safe for concurrent use.
type books struct {
	guard sync.Mutex
	// lives are by incarnation, published is the incarnation whose Secret held a token, by the token's ID.
	lives     map[string]*life
	published map[string]string
	// revoked are the tokens that a person revoked; unnoted those whose Secret somebody deleted before the status told of them.
	revoked, unnoted map[string]time.Time
	// reported are tokens that an issuer told a person of, also if that issuer is gone since.
	reported map[string]bool
	// garbled are the Secrets into which somebody wrote what is no token.
	garbled map[string]bool
	// makers are the names by which PingOne knows who is the operator.
	makers map[string]bool
	spans  []span
}

func newBooks() *books {
	return &books{
		lives: map[string]*life{}, published: map[string]string{}, revoked: map[string]time.Time{}, unnoted: map[string]time.Time{},
		reported: map[string]bool{}, garbled: map[string]bool{}, makers: map[string]bool{},
	}
}

// incarnationOf is what markers and ledgers say of an object's UID.
func incarnationOf(uid string) string { return token.Identity{}.Marker("", "", uid).Incarnation }

// note changes what is known of a life; one that is not known was not made here.
func (b *books) note(incarnation string, change func(*life)) {
	b.guard.Lock()
	defer b.guard.Unlock()
	if known := b.lives[incarnation]; known != nil {
		change(known)
	}
}

// needs notes that one more token is needed.
func (b *books) needs(incarnation string, why cause) {
	b.note(incarnation, func(l *life) { l.causes[why]++ })
}

func (b *books) begins(incarnation string, l life) {
	b.guard.Lock()
	defer b.guard.Unlock()
	l.causes = make(map[cause]int)
	l.causes[first] = 1
	b.lives[incarnation] = &l
}

// ends notes that somebody deletes what a namespace has, or one GatewayToken of it.
func (b *books) ends(now time.Time, which func(name string) bool) {
	b.guard.Lock()
	defer b.guard.Unlock()
	for _, l := range b.lives {
		if l.deleted.IsZero() && which(l.name) {
			l.deleted = now
		}
	}
}

// reads takes note of a version of a token's Secret, by its ledger: of the token that it holds, and of those that it says it held. What
// is not of a GatewayToken that the soak made does not count.
func (b *books) reads(text string) {
	var sealed struct {
		Ledger ledger.Ledger `json:"ledger"`
	}
	if json.Unmarshal([]byte(text), &sealed) != nil {
		return
	}
	b.guard.Lock()
	defer b.guard.Unlock()
	b.publish(sealed.Ledger.Incarnation, sealed.Ledger.Current.ID)
	for _, entry := range sealed.Ledger.Retiring {
		if entry.Published {
			b.publish(sealed.Ledger.Incarnation, entry.ID)
		}
	}
}

// publish notes for whom a token was published first.
func (b *books) publish(incarnation string, id token.ID) {
	if _, known := b.published[string(id)]; !known && b.lives[incarnation] != nil {
		b.published[string(id)] = incarnation
	}
}

// reports takes note of what an issuer tells a person of: also when the issuer is gone, somebody was told.
func (b *books) reports(orphans []v1alpha1.PossibleOrphan) {
	b.guard.Lock()
	defer b.guard.Unlock()
	for _, orphan := range orphans {
		b.reported[cmp.Or(orphan.ID, orphan.Name)] = true
	}
}

// excuse says why the vendor may refuse a token's value at a time; empty where it must not. The token was made at a time by the vendor's
// clock, which has whole seconds.
func (b *books) excuse(id string, madeAt, at time.Time) string {
	b.guard.Lock()
	defer b.guard.Unlock()
	before := func(when time.Time) bool { return !when.IsZero() && !when.After(at) }
	switch l := b.lives[b.published[id]]; {
	case before(b.revoked[id]):
		return "a person revoked it"
	case before(b.unnoted[id]):
		return "its Secret was deleted before anything else told of it"
	case l == nil:
		return ""
	case before(l.deleted):
		return "its GatewayToken is deleted"
	case before(l.cut):
		return "it is replaced in a way that cuts off"
	case slices.ContainsFunc(l.leaks, func(leak time.Time) bool { return before(leak) && !madeAt.Truncate(time.Second).After(leak) }):
		return "it has leaked"
	default:
		return ""
	}
}

// reckoning says of a kind how many tokens were made, and why.
type reckoning struct {
	made, published, caused int
	// renewed of the causes are ages that were reached.
	renewed int
	// unpublished were never in a Secret; died of them are those that a process may have taken with it, unheard is how many answers got
	// lost.
	unpublished, died, unheard int
	needless                   []string
}

// reckon compares what was made with what there was a cause for:
//
//   - Every token that was published needs a cause of its GatewayToken's.
//   - One that was never published does not need a cause if its answer got lost, which the vendor counts, or if it was in the hands of a
//     process that died: one for each GatewayToken of the group.
//   - Or its GatewayToken was deleted first: it then had a cause that no published token has used.
func (b *books) reckon(all []made, unheard map[string]int) map[string]*reckoning {
	b.guard.Lock()
	defer b.guard.Unlock()
	found := map[string]*reckoning{}
	of := func(kind string) *reckoning {
		if found[kind] == nil {
			found[kind] = &reckoning{unheard: unheard[kind]}
		}
		return found[kind]
	}
	published, unpublished := map[string][]made{}, map[string][]made{}
	for _, m := range all {
		of(m.kind).made++
		if incarnation, held := b.published[m.id]; held {
			published[incarnation] = append(published[incarnation], m)
		} else {
			unpublished[m.group] = append(unpublished[m.group], m)
		}
	}
	groups := map[string]*group{}
	for incarnation, l := range b.lives {
		if groups[l.group] == nil {
			groups[l.group] = &group{}
		}
		groups[l.group].joins(l, of(l.kind), published[incarnation])
	}
	b.reckonUnpublished(unpublished, groups, of)
	return found
}

// group is what is known of the GatewayTokens that tokens which were never published are counted by.
type group struct {
	owners int
	// unused are causes of GatewayTokens that were deleted, for which no token was published.
	unused int
}

// joins counts the tokens that were published for a GatewayToken of the group.
func (g *group) joins(l *life, r *reckoning, had []made) {
	renewed := renewals(l.renewAfter, had)
	causes := l.caused() + renewed
	r.published, r.caused, r.renewed = r.published+len(had), r.caused+causes, r.renewed+renewed
	g.owners++
	if !l.deleted.IsZero() {
		g.unused += max(0, causes-len(had))
	}
	for _, m := range had[min(causes, len(had)):] {
		r.needless = append(r.needless, fmt.Sprintf("%s: %d tokens published, %d had reached their age, other causes %v: %s %s", l.name, len(had), renewed, l.causes, m.name, m.id))
	}
}

func (b *books) reckonUnpublished(unpublished map[string][]made, groups map[string]*group, of func(string) *reckoning) {
	counted := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(unpublished)) {
		left, g := unpublished[name], groups[name]
		if g == nil {
			g = &group{owners: 1}
		}
		r := of(left[0].kind)
		died := b.diedWith(left, g.owners)
		r.unpublished, r.died = r.unpublished+len(left), r.died+died
		for _, m := range left[min(len(left), died+g.unused):] {
			if counted[m.kind] < r.unheard {
				counted[m.kind]++
				continue
			}
			r.needless = append(r.needless, fmt.Sprintf("never published, its answer was not lost, and no process died with it: %s %s at %s", m.name, m.id, m.at.Format(time.TimeOnly)))
		}
	}
}

// renewals are the tokens that had reached their age when the next was made.
func renewals(after time.Duration, had []made) int {
	if after == 0 {
		return 0
	}
	slices.SortFunc(had, func(a, b made) int { return a.at.Compare(b.at) })
	var count int
	for i := range had[min(1, len(had)):] {
		// Times are whole seconds.
		if had[i+1].at.Sub(had[i].at) >= after-2*time.Second {
			count++
		}
	}
	return count
}

// diedWith is how many of the tokens a process may have had in hand when it died: made shortly before, and no more than there are
// GatewayTokens for them.
func (b *books) diedWith(unpublished []made, owners int) int {
	var died int
	left := slices.SortedFunc(slices.Values(unpublished), func(x, y made) int { return cmp.Compare(x.at.Unix(), y.at.Unix()) })
	for _, s := range b.spans {
		room := owners
		left = slices.DeleteFunc(left, func(m made) bool {
			with := room > 0 && s.took(m)
			if with {
				room--
				died++
			}
			return with
		})
	}
	return died
}

func (b *books) garbles(secret string) {
	b.guard.Lock()
	defer b.guard.Unlock()
	b.garbled[secret] = true
}

func (b *books) revokes(id string, now time.Time) {
	b.guard.Lock()
	defer b.guard.Unlock()
	b.revoked[id] = now
}

func (b *books) unnotes(id string, now time.Time) {
	b.guard.Lock()
	defer b.guard.Unlock()
	b.unnoted[id] = now
}

// endsSpan notes the end of the process that was started last, startsSpan the start of the next.
func (b *books) endsSpan(now time.Time, mortal, unwell bool) {
	b.guard.Lock()
	defer b.guard.Unlock()
	last := &b.spans[len(b.spans)-1]
	last.ended, last.mortal, last.unwell = now, mortal, unwell
}

// spanBegan is when the process was started that was started last.
func (b *books) spanBegan() time.Time {
	b.guard.Lock()
	defer b.guard.Unlock()
	return b.spans[len(b.spans)-1].began
}

func (b *books) startsSpan(now time.Time) {
	b.guard.Lock()
	defer b.guard.Unlock()
	b.spans = append(b.spans, span{began: now})
}

// makes notes a name by which PingOne knows who is the operator.
func (b *books) makes(maker string) {
	b.guard.Lock()
	defer b.guard.Unlock()
	b.makers[maker] = true
}

func (b *books) wasGarbled(secret string) bool {
	b.guard.Lock()
	defer b.guard.Unlock()
	return b.garbled[secret]
}

// causes counts all causes.
func (b *books) causes() string {
	b.guard.Lock()
	defer b.guard.Unlock()
	counts := make(map[cause]int)
	for _, l := range b.lives {
		for why, count := range l.causes {
			counts[why] += count
		}
	}
	return fmt.Sprint(counts)
}
