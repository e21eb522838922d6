package inventory

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/sabotage"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// A row with our marker that no list had and that the next one has was asked for by this process, by one before it, or by somebody else
// who has our identity: a second operator with the same cluster ID, or a copy of the cluster. What this process asked for it knows. What
// can have come of a process before it is told by the row's number:
//
//   - A process counts on from the highest number that it finds in the ledger, the status and the list. Whoever led before this process
//     has seen nothing of what came later, so that it asked for no number above the one that was next when this process began, and for
//     that one only for an object that wanted a token then.
//   - A number up to the highest that was known then is of the object's own past: an answer was lost, and the vendor was late. Nobody
//     who counts asks for it anew.
//
// And a token that a ledger of ours names is ours, whatever lists have shown of it: those that went before may have been behind.
// Everything else was made by somebody else.

// origins tell who can have made a row.
type origins struct {
	// asked is what this process asked the vendor for, by name.
	asked map[string]*asked
	// pasts are what this process found of each object when it began, by marker without a sequence.
	pasts map[token.Marker]*past
	// again are rows that were taken for what a create had left, which then turned out to be another.
	again map[token.ID]bool
}

func newOrigins() origins {
	return origins{asked: map[string]*asked{}, pasts: map[token.Marker]*past{}, again: map[token.ID]bool{}}
}

// answerMemory is how long it is remembered what the vendor answered: by then every list has shown it.
const answerMemory = 24 * time.Hour

// asked is what came of creates under one name.
type asked struct {
	at time.Time
	// open is how many of them have no answer, late what is taken for their tokens.
	open int
	late map[token.ID]bool
	made map[token.ID]bool
}

// explains tells whether a token of that name can have come of these creates.
func (a *asked) explains(id token.ID) bool {
	if a.made[id] || a.late[id] {
		return true
	}
	if len(a.late) == a.open {
		return false
	}
	a.late[id] = true
	return true
}

// past is what this process found of an object when it began.
type past struct {
	looked bool
	// last is the highest number that was known then. next is the one after it, where a token was wanted: a process before this one may
	// have asked for it, once; zero where none was. held is what came of that.
	last, next int
	held       token.ID
}

func (o *origins) past(object token.Marker) *past {
	object = object.WithSequence(0)
	if o.pasts[object] == nil {
		o.pasts[object] = &past{}
	}
	return o.pasts[object]
}

// explain tells whether this process, or one before it, can have made a row.
func (o *origins) explain(row token.Token, marker token.Marker) bool {
	if of := o.asked[row.Name]; of != nil && of.explains(row.ID) {
		return true
	}
	of := o.past(marker)
	if marker.Sequence <= of.last {
		return true
	}
	if marker.Sequence != of.next || (of.held != "" && of.held != row.ID) {
		return false
	}
	of.held = row.ID
	return true
}

// forget drops what lists have shown long ago. Of two issuers of one account one may not have been able to list since.
func (i *Inventory) forget(now time.Time) {
	old := func(at time.Time) bool { return now.Sub(at) > answerMemory }
	shown := func(at time.Time) bool {
		for _, s := range i.scopes {
			if s.latest.Taken() && !s.latest.BegunAfter(at) {
				return false
			}
		}
		return true
	}
	maps.DeleteFunc(i.origins.asked, func(_ string, of *asked) bool { return of.open == 0 && old(of.at) && shown(of.at) })
	maps.DeleteFunc(i.ending, func(_ token.ID, at time.Time) bool { return old(at) })
	maps.DeleteFunc(i.born, func(_ token.ID, at time.Time) bool { return old(at) })
}

// judge finds the rows that somebody else made. As long as a process before this one may have had creates under way, whatever is there
// is taken as it is.
func (s *scope) judge(install string, by *origins, snapshot token.Snapshot, told []token.ID) map[token.ID]bool {
	if sabotage.TrustEverybody {
		return nil
	}
	judges := !snapshot.Early && snapshot.Anchored && s.latest.Anchored
	for id, row := range snapshot.Rows {
		marker, ok := row.Marker()
		if !ok || marker.Install != install {
			// What a former cluster goes on making is its own.
			continue
		}
		known := s.seen[id] && !by.again[id]
		s.seen[id] = true
		switch {
		case s.settled[id]:
		case slices.Contains(told, id):
			s.foreign[id] = row
		case known:
		case !judges:
			if snapshot.Early {
				of := by.past(marker)
				of.last = max(of.last, marker.Sequence)
			}
		case !by.explain(row, marker):
			s.foreign[id] = row
		}
	}
	return s.foreigners()
}

func (s *scope) foreigners() map[token.ID]bool {
	if len(s.foreign) == 0 {
		return nil
	}
	ids := make(map[token.ID]bool, len(s.foreign))
	for id := range s.foreign {
		ids[id] = true
	}
	return ids
}

// Asking notes that the vendor is about to be asked for a token, or for another value of one, under a name. Of tokens without names
// nothing is judged.
func (i *Inventory) Asking(name string) {
	if name == "" {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	of := i.origins.asked[name]
	if of == nil {
		of = &asked{late: map[token.ID]bool{}, made: map[token.ID]bool{}}
		i.origins.asked[name] = of
	}
	of.open++
	of.at = i.now()
}

// Answered notes what the vendor made of that: a token or, where the ID is empty, nothing. Where no answer says so, nothing is noted.
func (i *Inventory) Answered(name string, id token.ID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if id != "" {
		i.born[id] = i.now()
	}
	of := i.origins.asked[name]
	if of == nil || of.open == 0 {
		return
	}
	of.open--
	if id != "" {
		of.made[id] = true
		delete(of.late, id)
	}
	for other := range of.late {
		if len(of.late) <= of.open {
			break
		}
		// A list showed it while the answer was on its way, and it is not what was answered.
		delete(of.late, other)
		i.origins.again[other] = true
	}
}

// Find notes what is known of an object: next is the number of its next token, wants tells whether it wants one. early tells whether a
// process before this one can have found the same.
func (i *Inventory) Find(object token.Marker, next int, wants, early bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	of := i.origins.past(object)
	if !of.looked {
		of.looked, of.last = true, max(of.last, next-1)
	}
	if early && wants && of.next == 0 {
		of.next = next
	}
}

// Recognize notes tokens that a ledger which is believed names.
func (i *Inventory) Recognize(name Scope, ids ...token.ID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, id := range ids {
		i.scope(name).seen[id] = true
	}
}

// Foreign gives the tokens that somebody else made, in the order of their IDs.
func (i *Inventory) Foreign(name Scope) []token.Token {
	i.mu.Lock()
	defer i.mu.Unlock()
	var rows []token.Token
	for _, row := range i.scope(name).foreign {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b token.Token) int { return cmp.Compare(a.ID, b.ID) })
	return rows
}

// Absolve notes that a person has decided about the tokens that somebody else made: they are like any other.
func (i *Inventory) Absolve(name Scope) {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := i.scope(name)
	for id := range s.foreign {
		s.settled[id] = true
	}
	s.foreign = map[token.ID]token.Token{}
	s.latest.Foreign = nil
}
