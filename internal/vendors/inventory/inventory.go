// Package inventory keeps one list of a vendor's tokens per scope, however many GatewayTokens ask for it.
//
// It owns no goroutine and no timer. Whoever reconciles the issuer asks when the next list is due, and takes it.
package inventory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

// paceFactor spaces lists by a multiple of their own duration, so that a slow vendor is not kept busy by us.
const paceFactor = 20

const (
	// maxRows bounds the rows of one list.
	maxRows = 100_000
	// maxOwnName is longer than any name the operator gives: a longer one is not kept in memory.
	maxOwnName = 256
	// maxNameless bounds the rows without names that are kept.
	maxNameless = 256
)

// emptiness is how long lists of the account must show nothing that was known before they prove that it is gone, where no token can be
// asked for by its ID: a vendor in trouble may answer with a list that lacks everything.
const emptiness = time.Hour

// Expectation is what is known beforehand of the account that a list is to be of.
type Expectation struct {
	// Pin is the account that the rows must belong to, where they tell; empty while none is known.
	Pin string
	// Untold: rows do not tell the account. It is known by what it is reached with, or by a row that was there before.
	Untold bool
	// Same: the list is taken with what an earlier one was taken with, and so of the same account.
	Same bool
	// Known are tokens of which somebody else than this inventory knows that they were in the account.
	Known []token.ID
	// Doubt: a create may have left a token in the account that nobody has seen.
	Doubt bool

	// Calm is when whatever a process before this one asked for must have been made.
	Calm time.Time
	// Foreign are the tokens of which a process before this one found that somebody else made them.
	Foreign []token.ID
	// Uses are the tokens in use that the list is to show.
	Uses Uses
}

// Scope names what one list covers: an issuer or, where the vendor's tokens are in pools, one pool of it.
type Scope string

// Inventory is safe for concurrent use, provided that one scope is refreshed by one goroutine at a time.
type Inventory struct {
	install string
	former  []string
	now     func() time.Time

	mu      sync.Mutex
	scopes  map[Scope]*scope
	origins origins
	// ending tells when this process asked the vendor to revoke a token, born when it was told that one was made.
	ending, born map[token.ID]time.Time
}

// New makes an inventory of the tokens of one installation, and of what it was called in former clusters.
func New(install string, now func() time.Time, former ...string) *Inventory {
	return &Inventory{
		install: install, former: former, now: now, scopes: map[Scope]*scope{}, origins: newOrigins(),
		ending: map[token.ID]time.Time{}, born: map[token.ID]time.Time{},
	}
}

// scope is what is known of one list.
type scope struct {
	latest token.Snapshot
	// known are the IDs of all rows of the latest list that was anchored, unmanaged ones included, but for those that were revoked
	// since. A list without any of them may be another account's: it does not take that one's place.
	known map[token.ID]struct{}
	// lacking is since when lists of the account have shown none of what was known.
	lacking time.Time
	// prints tell per object whether its rows changed.
	prints map[string]string
	// ended tells when the vendor said that it had revoked a token, until a list that began later has been read.
	ended map[token.ID]time.Time
	// wanted are the instants after which somebody needs a list to begin, earliest first.
	wanted []time.Time
	// seen are the rows with our marker that any list has shown, foreign those that somebody else made, and settled those of the latter
	// that a person has decided about.
	seen    map[token.ID]bool
	foreign map[token.ID]token.Token
	settled map[token.ID]bool
	uses    uses
}

func (i *Inventory) scope(name Scope) *scope {
	s := i.scopes[name]
	if s == nil {
		s = &scope{ended: map[token.ID]time.Time{}, seen: map[token.ID]bool{}, foreign: map[token.ID]token.Token{}, settled: map[token.ID]bool{}}
		i.scopes[name] = s
	}
	return s
}

// Latest gives the last complete list; the zero Snapshot before the first.
func (i *Inventory) Latest(name Scope) token.Snapshot {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.scope(name).latest
}

// Answer is what came of asking for a list.
type Answer int

const (
	// Fresh: the latest list is late enough already.
	Fresh Answer = iota + 1
	// Pending: a list was asked for that will do; whoever takes it knows.
	Pending
	// Sooner: the next list is due earlier than before; whoever takes it is to be woken.
	Sooner
)

// Want asks for a list that begins after an instant.
func (i *Inventory) Want(name Scope, after time.Time) Answer {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := i.scope(name)
	if s.latest.BegunAfter(after) {
		return Fresh
	}
	at, found := slices.BinarySearchFunc(s.wanted, after, time.Time.Compare)
	if found {
		return Pending
	}
	s.wanted = slices.Insert(s.wanted, at, after)
	if at == 0 {
		return Sooner
	}
	return Pending
}

// Due tells when the next list is to begin: when somebody wants one or the interval has passed, but never sooner after
// the last one than a multiple of its duration.
func (i *Inventory) Due(name Scope, interval time.Duration) time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := i.scope(name)
	if !s.latest.Taken() {
		return i.now()
	}
	pause := s.latest.Duration * paceFactor
	due := s.latest.StartedAt.Add(max(interval, pause))
	if len(s.wanted) > 0 {
		asked := s.wanted[0].Add(time.Nanosecond)
		if earliest := s.latest.StartedAt.Add(pause); earliest.After(asked) {
			asked = earliest
		}
		if asked.Before(due) {
			due = asked
		}
	}
	return due
}

// Ended notes that a token was revoked: that later lists lack it tells nothing of whose they are, and one that shows it as active is news.
func (i *Inventory) Ended(name Scope, id token.ID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := i.scope(name)
	delete(s.known, id)
	if s.latest.Taken() {
		s.ended[id] = i.now()
	}
}

// Forget drops what is known of a scope.
func (i *Inventory) Forget(name Scope) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.scopes, name)
}

// Refresh takes a list. It returns the new snapshot and the marker objects whose rows changed since the last list; an empty one where
// rows have no names. After an error the last snapshot stays.
func (i *Inventory) Refresh(ctx context.Context, name Scope, from vendors.Vendor, expect Expectation) (token.Snapshot, []string, error) {
	started := i.now()
	list := &listing{installs: append([]string{i.install}, i.former...), pin: expect.Pin, nameless: !from.Capabilities().Named, rows: map[token.ID]token.Token{}, ids: map[token.ID]struct{}{}}
	if from.Capabilities().ShowsLastUse {
		list.judges = started
	}
	told, err := from.List(ctx, list.add)
	if err != nil {
		return token.Snapshot{}, nil, fmt.Errorf("refresh inventory: %w", err)
	}
	if !list.sameAccount(from.Capabilities().KeepsRevoked) {
		return token.Snapshot{}, nil, &OtherAccountError{Account: list.account}
	}
	gone := expect.Uses.gone(list.rows)
	i.mu.Lock()
	defer i.mu.Unlock()
	s := i.scope(name)
	anchored, other := s.anchor(list, expect, from.Capabilities().GetByID, started)
	if other {
		return token.Snapshot{}, nil, &OtherAccountError{Account: list.account}
	}
	snapshot := token.Snapshot{
		Account: list.account, StartedAt: started, Duration: i.now().Sub(started), VendorTime: told.VendorTime,
		Complete: true, Anchored: anchored,
		Rows: list.rows, ByObject: list.byObject(), Unmanaged: list.unmanaged, Active: list.active, UnmanagedUnused: list.unused,
	}
	if s.latest.Taken() {
		before := s.latest
		before.Before = nil
		snapshot.Before = &before
	}
	lag := from.Capabilities().ListLag
	snapshot.Early = snapshot.Before == nil || !snapshot.Before.BegunAfter(expect.Calm.Add(lag))
	i.forget(started)
	snapshot.Foreign = s.judge(i.install, &i.origins, snapshot, expect.Foreign)
	changed := s.replace(snapshot, list)
	i.miss(name, gone, expect.Uses, lag)
	return s.latest, changed, nil
}

// anchor tells whether what the list lacks is gone, or whether it is another account's.
func (s *scope) anchor(list *listing, expect Expectation, asks bool, now time.Time) (anchored, other bool) {
	if intersect(s.known, list.ids) || slices.ContainsFunc(expect.Known, list.has) {
		s.lacking = time.Time{}
		return true, false
	}
	switch known := len(s.known)+len(expect.Known) > 0; {
	case !expect.Untold:
		return false, false
	case !expect.Same && (len(expect.Known) > 0 || s.showedOurs() || (known && expect.Doubt)):
		return false, true
	case !expect.Same:
		// Nothing of ours is at stake: what was known is of no account that matters any more.
		s.known, s.lacking = nil, time.Time{}
		return false, false
	case !known, asks:
		s.lacking = time.Time{}
		return true, false
	}
	if s.lacking.IsZero() {
		s.lacking = now
	}
	return now.Sub(s.lacking) >= emptiness, false
}

// showedOurs tells whether the latest list showed a token of this installation that has not been revoked since.
func (s *scope) showedOurs() bool {
	for id := range s.latest.Rows {
		if _, lives := s.known[id]; lives && s.latest.Rows[id].State != token.Revoked {
			return true
		}
	}
	return false
}

// replace takes the new list in place of the old one and gives the objects whose rows changed.
func (s *scope) replace(snapshot token.Snapshot, list *listing) []string {
	prints := list.prints()
	var changed []string
	for object, fingerprint := range prints {
		if s.prints[object] != fingerprint {
			changed = append(changed, object)
		}
	}
	for object := range s.prints {
		if _, still := prints[object]; !still {
			changed = append(changed, object)
		}
	}
	for id, at := range s.ended {
		if !snapshot.BegunAfter(at) {
			continue
		}
		delete(s.ended, id)
		if row, listed := list.rows[id]; listed && row.State != token.Revoked {
			marker, _ := row.Marker()
			changed = append(changed, marker.Object)
		}
	}
	s.latest, s.prints = snapshot, prints
	if snapshot.Anchored || len(s.known) == 0 {
		s.known = list.ids
	}
	s.wanted = slices.DeleteFunc(s.wanted, func(after time.Time) bool { return snapshot.BegunAfter(after) })
	slices.Sort(changed)
	return slices.Compact(changed)
}

// OtherAccountError says that a list shows another vendor account than the one it was to show, or nothing that was in that one. Such a list is not kept: what
// is missing in it proves nothing, and what is in it is not ours.
type OtherAccountError struct{ Account string }

// Error implements error.
func (*OtherAccountError) Error() string { return "the list shows another vendor account" }

// listing collects the rows of one list.
type listing struct {
	installs     []string
	pin, account string
	// nameless: rows have no names, so that none of them can be told to be nobody's.
	nameless          bool
	rows              map[token.ID]token.Token
	ids               map[token.ID]struct{}
	active, unmanaged int
	// unused are those of the unmanaged that are so at judges, which is zero where the vendor does not show it.
	unused int
	judges time.Time
}

func (l *listing) has(id token.ID) bool {
	_, listed := l.ids[id]
	return listed
}

var errTooManyRows = errors.New("the vendor's list has more rows than are read")

func (l *listing) add(row token.Token) error {
	if len(l.ids) >= maxRows {
		return &token.Failure{Operation: "list tokens", Class: token.Unavailable, Cause: token.CauseTooLarge, Err: errTooManyRows}
	}
	l.ids[row.ID] = struct{}{}
	l.noteAccount(row.Account)
	if row.State != token.Revoked {
		l.active++
	}
	marker, ok := row.Marker()
	switch {
	case l.nameless && len(l.rows) < maxNameless, ok && slices.Contains(l.installs, marker.Install) && len(row.Name) <= maxOwnName:
		l.rows[row.ID] = row
	case row.State != token.Revoked:
		l.unmanaged++
		if !l.judges.IsZero() && row.Unused(l.judges) {
			l.unused++
		}
	}
	return nil
}

// noteAccount keeps the account of the rows, and among several one that is not the right one.
func (l *listing) noteAccount(account string) {
	if account != "" && (l.account == "" || account != l.pin) {
		l.account = account
	}
}

// sameAccount: no row said otherwise. Where the vendor keeps revoked rows, an account that had a row once always has one: a
// list without any is not of that account.
func (l *listing) sameAccount(keepsRevoked bool) bool {
	return l.pin == "" || l.account == l.pin || (l.account == "" && !keepsRevoked)
}

// byObject sorts the rows that have a marker.
func (l *listing) byObject() map[string][]token.ID {
	sorted := map[string][]token.ID{}
	for _, id := range slices.Sorted(maps.Keys(l.rows)) {
		if marker, ok := l.rows[id].Marker(); ok {
			sorted[marker.Object] = append(sorted[marker.Object], id)
		}
	}
	return sorted
}

// prints gives per marker object what its rows look like.
func (l *listing) prints() map[string]string {
	lines := map[string][]string{}
	for _, row := range l.rows {
		if marker, ok := row.Marker(); ok || l.nameless {
			lines[marker.Object] = append(lines[marker.Object], fmt.Sprintln(row.ID, row.State, row.Rights))
		}
	}
	prints := make(map[string]string, len(lines))
	for object, of := range lines {
		slices.Sort(of)
		prints[object] = fmt.Sprint(of)
	}
	return prints
}

func intersect(a, b map[token.ID]struct{}) bool {
	for id := range a {
		if _, both := b[id]; both {
			return true
		}
	}
	return false
}
