package inventory

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// Tokens in use that are gone from a list, so many at once, are more likely a vendor in trouble, or somebody's mistake, than so many
// wishes. To replace them all at once would be the worst answer to either. They are missed: nothing follows from it until they are
// there again or a person has looked.

// As many tokens in use must be gone at once, and such a share of all of them.
const (
	manyMissed = 3
	shareOfAll = 5
)

// Uses are the tokens in use that a list is to show.
type Uses struct {
	// Here are those of the list's pool, and whether they are at work, as far as was known before. Elsewhere is how many the issuer's other
	// pools have.
	Here      map[token.ID]bool
	Elsewhere int
	// Vouch gives those of some tokens that are in use for certain; nil for all of them.
	Vouch func([]token.ID) []token.ID
	// Missed: a process before this one missed tokens. Conceded: a person has decided about those.
	Missed, Conceded bool
}

// gone are the tokens in use that rows do not show as active.
func (u Uses) gone(rows map[token.ID]token.Token) []token.ID {
	var gone []token.ID
	for id := range u.Here {
		if row, listed := rows[id]; !listed || row.State == token.Revoked {
			gone = append(gone, id)
		}
	}
	if u.Vouch == nil || len(gone) == 0 {
		return gone
	}
	return u.Vouch(gone)
}

// uses is what became of the tokens in use of one list.
type uses struct {
	// judged: some list of this process could be judged. idle is how many of the tokens that the latest of those lacks were at
	// work before. fresh are those of the latter that the list before it showed, missed those that are waited for. rows are what the latest of
	// those lists shows.
	judged        bool
	rows          map[token.ID]token.Token
	idle          int
	fresh, missed map[token.ID]bool
}

// issuer is what the scopes of one issuer have in common.
func (n Scope) issuer() string {
	issuer, _, _ := strings.Cut(string(n), "/")
	return issuer
}

// ofIssuer are the scopes of the same issuer.
func (i *Inventory) ofIssuer(name Scope) []*scope {
	var all []*scope
	for other, s := range i.scopes {
		if other.issuer() == name.issuer() {
			all = append(all, s)
		}
	}
	return all
}

// miss judges the tokens in use that the latest list lacks. A list that proves nothing by what it lacks is not judged.
func (i *Inventory) miss(name Scope, lacks []token.ID, all Uses, lag time.Duration) {
	s := i.scope(name)
	if !s.latest.Anchored && !s.revokedAll(lacks) {
		s.latest.Missed = known(s.uses.missed)
		return
	}
	gone := i.surprising(s, lacks, lag)
	first, before := !s.uses.judged, s.uses.rows
	s.uses.judged, s.uses.rows, s.uses.idle, s.uses.fresh = true, s.latest.Rows, 0, map[token.ID]bool{}
	for id := range gone {
		if !all.Here[id] {
			continue
		}
		s.uses.idle++
		// What no list showed, somebody put back: an older Secret, with a token that has ended.
		row, shown := before[id]
		if (first && !all.Conceded) || (shown && row.State != token.Revoked) {
			s.uses.fresh[id] = true
		}
	}
	maps.DeleteFunc(s.uses.missed, func(id token.ID, _ bool) bool { return !gone[id] })
	i.weigh(name, len(all.Here)+all.Elsewhere, first && all.Missed)
}

// surprising are those of the tokens that the latest list lacks which it would show, had nobody else done anything.
func (i *Inventory) surprising(s *scope, lacks []token.ID, lag time.Duration) map[token.ID]bool {
	gone := map[token.ID]bool{}
	for _, id := range lacks {
		_, ours := i.ending[id]
		if !ours && s.latest.BegunAfter(i.born[id].Add(lag)) {
			gone[id] = true
		}
	}
	return gone
}

// revokedAll tells whether the list shows all that it is said to lack, as revoked: that is more than any absence.
func (s *scope) revokedAll(lacks []token.ID) bool {
	return len(lacks) > 0 && !slices.ContainsFunc(lacks, func(id token.ID) bool { return s.latest.Rows[id].State != token.Revoked })
}

// weigh begins or ends to miss what all lists of an issuer lack.
func (i *Inventory) weigh(name Scope, total int, before bool) {
	count, family := 0, i.ofIssuer(name)
	for _, s := range family {
		count += len(s.uses.together())
	}
	many := count >= manyMissed && count*shareOfAll >= total
	for _, s := range family {
		together := s.uses.together()
		if s.uses.missed = nil; many || before {
			s.uses.missed = together
		}
		s.latest.Missed = known(s.uses.missed)
	}
}

// together are the tokens that are missed, or would be if there were enough of them.
func (u *uses) together() map[token.ID]bool {
	all := map[token.ID]bool{}
	maps.Copy(all, u.missed)
	maps.Copy(all, u.fresh)
	return all
}

// known is a copy that nobody changes; nil for none.
func known(ids map[token.ID]bool) map[token.ID]bool {
	if len(ids) == 0 {
		return nil
	}
	return maps.Clone(ids)
}

// Ending notes that the vendor is about to be asked to revoke a token: that it is gone is no surprise.
func (i *Inventory) Ending(id token.ID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ending[id] = i.now()
}

// Missing is what is known of the tokens in use that a list lacks.
type Missing struct {
	// Judged: a list could be judged since this process began.
	Judged bool
	// Missed are those that are waited for, in the order of their IDs, Unseen is how many of them the list does not show at all.
	Missed []token.ID
	Unseen int
	// Idle is how many tokens that were at work the list lacks, whether or not they are waited for.
	Idle int
}

// Missing tells what a list lacks.
func (i *Inventory) Missing(name Scope) Missing {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := i.scope(name)
	missing := Missing{Judged: s.uses.judged, Idle: s.uses.idle}
	for id := range s.uses.missed {
		missing.Missed = append(missing.Missed, id)
		if _, listed := s.latest.Rows[id]; !listed {
			missing.Unseen++
		}
	}
	slices.Sort(missing.Missed)
	return missing
}

// Concede notes that a person has decided about the tokens that are missed: they are gone like any other that is.
func (i *Inventory) Concede(name Scope) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, s := range i.ofIssuer(name) {
		s.uses.missed, s.uses.fresh, s.latest.Missed = nil, nil, nil
	}
}
