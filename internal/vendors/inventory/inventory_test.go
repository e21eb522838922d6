package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/inventory"
)

const scope = inventory.Scope("issuer")

func start() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// bench is an inventory with a clock that is moved by hand, and a vendor with a list.
type bench struct {
	*inventory.Inventory
	t    *testing.T
	now  time.Time
	ours token.Identity
	list
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, now: start(), ours: token.Identity{ClusterID: "cluster"}}
	b.Inventory = inventory.New(b.ours.Install(), func() time.Time { return b.now })
	b.takes = func() { b.now = b.now.Add(b.duration) }
	b.keepsRevoked = true
	return b
}

// name is that of a token of ours.
func (b *bench) name(object string, sequence int) string {
	return b.ours.Marker("causely", object, "uid-"+object).WithSequence(sequence).Name(object, 100)
}

func (b *bench) object(name string) string { return b.ours.Marker("causely", name, "").Object }

// refresh takes a list, which must succeed.
func (b *bench) refresh(pin string) (token.Snapshot, []string) {
	b.t.Helper()
	snapshot, changed, err := b.Refresh(b.t.Context(), scope, &b.list, inventory.Expectation{Pin: pin})
	if err != nil {
		b.t.Fatal(err)
	}
	return snapshot, changed
}

// list is a vendor that only lists.
type list struct {
	vendors.Vendor
	rows         []token.Token
	err          error
	duration     time.Duration
	keepsRevoked bool
	asks         bool
	showsLastUse bool
	takes        func()
}

func (l *list) Capabilities() token.Capabilities {
	return token.Capabilities{Named: true, Listable: true, KeepsRevoked: l.keepsRevoked, GetByID: l.asks, ShowsLastUse: l.showsLastUse}
}

func (l *list) List(_ context.Context, yield func(token.Token) error) (vendors.Listing, error) {
	l.takes()
	for _, row := range l.rows {
		if err := yield(row); err != nil {
			return vendors.Listing{}, err
		}
	}
	return vendors.Listing{VendorTime: start()}, l.err
}

func row(id, name string, change ...func(*token.Token)) token.Token {
	made := token.Token{ID: token.ID(id), Name: name, State: token.Active, Account: "project"}
	for _, adapt := range change {
		adapt(&made)
	}
	return made
}

func revoked(t *token.Token) { t.State = token.Revoked }

func of(account string) func(*token.Token) { return func(t *token.Token) { t.Account = account } }

// A list keeps what is ours, and counts the rest.
func TestRefresh(t *testing.T) {
	b := newBench(t)
	other := token.Identity{ClusterID: "another"}
	ours, dead := row("1", b.name("a", 1)), row("2", b.name("a", 2), revoked)
	b.rows = []token.Token{
		ours, dead,
		row("3", "by hand"), row("4", "by hand, revoked", revoked),
		row("5", other.Marker("causely", "a", "uid-a").WithSequence(1).Name("a", 100)),
		row("6", strings.Repeat("x", 300)+b.name("b", 1)),
	}
	got, changed := b.refresh("project")
	want := token.Snapshot{
		Account: "project", StartedAt: start(), VendorTime: start(), Complete: true, Early: true,
		Rows: map[token.ID]token.Token{"1": ours, "2": dead}, ByObject: map[string][]token.ID{b.object("a"): {"1", "2"}},
		Active: 4, Unmanaged: 3,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("snapshot (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{b.object("a")}, changed); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, b.Latest(scope)); diff != "" {
		t.Errorf("the latest is another:\n%s", diff)
	}
	if b.Latest("another issuer").Taken() {
		t.Error("another issuer has a list, too")
	}
}

// Of others' tokens it is counted how many nobody uses, where the vendor shows that.
func TestRefreshCountsUnused(t *testing.T) {
	idle := func(r *token.Token) { r.LastUsedAt = start().Add(-token.UnusedAfter) }
	for shows, want := range map[bool]int{true: 2, false: 0} {
		b := newBench(t)
		b.showsLastUse = shows
		b.rows = []token.Token{
			row("1", b.name("a", 1), idle), row("2", "by hand", idle), row("3", "by hand", idle),
			row("4", "by hand, in use", func(r *token.Token) { r.LastUsedAt = start() }), row("5", "by hand, revoked", idle, revoked),
		}
		if got, _ := b.refresh("project"); got.UnmanagedUnused != want {
			t.Errorf("where the vendor shows it (%t), %d are unused, want %d", shows, got.UnmanagedUnused, want)
		}
	}
}

// A list is anchored by a row that the one before showed, whoever's it is.
func TestAnchor(t *testing.T) {
	b := newBench(t)
	b.rows = []token.Token{row("1", "by hand")}
	if first, _ := b.refresh(""); first.Anchored {
		t.Error("the first list is anchored by nothing")
	}
	b.rows = append(b.rows, row("2", "by hand"))
	if second, _ := b.refresh("project"); !second.Anchored {
		t.Error("the second list shows a row of the first and is not anchored")
	}
	b.rows = []token.Token{row("3", "by hand")}
	if third, _ := b.refresh("project"); third.Anchored {
		t.Error("a list of nothing but new rows is anchored")
	}
	if fourth, _ := b.refresh("project"); fourth.Anchored {
		t.Error("another account's list is anchored by that account's list before it")
	}
	b.rows = append(b.rows, row("2", "by hand"))
	if fifth, _ := b.refresh("project"); !fifth.Anchored {
		t.Error("the account's own list is not anchored any more after others'")
	}
}

// Where rows do not tell the account, it is known by what it is reached with, or by a token that was there before.
func TestAnchorWhereRowsDoNotTell(t *testing.T) {
	theirs := row("9", "by hand", of(""))
	tests := map[string]struct {
		reason string
		expect inventory.Expectation
		rows   []token.Token
		asks   bool
		after  time.Duration
		want   bool
		other  bool
	}{
		"nothing known, other credentials": {
			reason: "nothing is at stake, and nothing proved", rows: []token.Token{theirs},
		},
		"nothing known, same credentials": {
			reason: "it is the account that it was", expect: inventory.Expectation{Same: true}, want: true,
		},
		"a known token, other credentials": {
			reason: "they lead to where it is", expect: inventory.Expectation{Known: []token.ID{"8", "9"}}, rows: []token.Token{theirs}, want: true,
		},
		"no known token, other credentials": {
			reason: "they lead elsewhere", expect: inventory.Expectation{Known: []token.ID{"8"}}, rows: []token.Token{theirs}, other: true,
		},
		"empty, other credentials": {
			reason: "they may lead elsewhere", expect: inventory.Expectation{Known: []token.ID{"8"}}, other: true,
		},
		"no known token, same credentials": {
			reason: "a vendor in trouble may answer so", expect: inventory.Expectation{Same: true, Known: []token.ID{"8"}}, after: 59 * time.Minute,
		},
		"no known token for long, same credentials": {
			reason: "it is gone", expect: inventory.Expectation{Same: true, Known: []token.ID{"8"}}, after: time.Hour, want: true,
		},
		"no known token, same credentials, the vendor can be asked": {
			reason: "it is asked for by its ID", expect: inventory.Expectation{Same: true, Known: []token.ID{"8"}}, asks: true, want: true,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.rows, b.keepsRevoked, b.asks = tc.rows, false, tc.asks
			tc.expect.Untold = true
			got, _, err := b.Refresh(t.Context(), scope, &b.list, tc.expect)
			if tc.after > 0 {
				b.now = b.now.Add(tc.after)
				got, _, err = b.Refresh(t.Context(), scope, &b.list, tc.expect)
			}
			if got.Anchored != tc.want || errors.As(err, new(*inventory.OtherAccountError)) != tc.other || (err != nil) != tc.other {
				t.Errorf("anchored %t, error %v, want %t, another account %t: %s", got.Anchored, err, tc.want, tc.other, tc.reason)
			}
		})
	}
}

// Other credentials are those of another account only where a token of ours is at stake: one that a list or a status told of, or one
// that a create may have left.
func TestOtherCredentialsAndWhatIsAtStake(t *testing.T) {
	tests := map[string]struct {
		reason string
		ours   bool
		ended  bool
		doubt  bool
		other  bool
	}{
		"only somebody else's tokens":        {reason: "nothing is at stake: another account is as good"},
		"a token of ours":                    {reason: "it is where these credentials do not lead", ours: true, other: true},
		"a token of ours, revoked":           {reason: "it is gone", ours: true, ended: true},
		"an unanswered create":               {reason: "it may have left a token there", doubt: true, other: true},
		"an unanswered create, and one more": {reason: "the second is known to be gone, the first is not", ours: true, ended: true, doubt: true, other: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.keepsRevoked = false
			b.rows = []token.Token{row("9", "by hand", of(""))}
			if tc.ours {
				b.rows = append(b.rows, row("1", b.name("a", 1), of("")))
			}
			b.refresh("")
			if tc.ended {
				b.Ended(scope, "1")
			}
			b.rows = []token.Token{row("8", "in another account", of(""))}
			expect := inventory.Expectation{Untold: true, Doubt: tc.doubt}
			_, _, err := b.Refresh(t.Context(), scope, &b.list, expect)
			if errors.As(err, new(*inventory.OtherAccountError)) != tc.other {
				t.Fatalf("error %v, want another account %t: %s", err, tc.other, tc.reason)
			}
			if tc.other {
				return
			}
			expect.Same = true
			if next, _, err := b.Refresh(t.Context(), scope, &b.list, expect); err != nil || !next.Anchored {
				t.Errorf("the next list: anchored %t, error %v: it is measured by the account that was left", next.Anchored, err)
			}
		})
	}
}

// Each time that lists begin to lack everything, an hour begins.
func TestEmptinessBeginsAnew(t *testing.T) {
	b := newBench(t)
	expect := inventory.Expectation{Untold: true, Same: true, Known: []token.ID{"1"}}
	anchored := func() bool {
		got, _, err := b.Refresh(t.Context(), scope, &b.list, expect)
		if err != nil {
			t.Fatal(err)
		}
		return got.Anchored
	}
	b.keepsRevoked, b.rows = false, nil
	if anchored() {
		t.Error("an empty list is believed at once")
	}
	b.now, expect.Known = b.now.Add(24*time.Hour), nil
	if !anchored() {
		t.Error("an empty list is not believed, though nothing was there")
	}
	b.now, expect.Known = b.now.Add(24*time.Hour), []token.ID{"2"}
	if anchored() {
		t.Error("an empty list is believed at once, because another was empty long ago")
	}
}

// What we revoked ourselves is missed in no list.
func TestAnchorAfterRevocations(t *testing.T) {
	b := newBench(t)
	b.rows = []token.Token{row("1", b.name("a", 1))}
	b.refresh("")
	b.Ended(scope, "1")
	b.rows = nil
	b.refresh("")
	b.rows = []token.Token{row("2", b.name("a", 2))}
	b.refresh("")
	if later, _ := b.refresh(""); !later.Anchored {
		t.Error("the tokens are others, by our own doing, and lists are not anchored any more")
	}
}

// A revocation that the vendor confirmed and did not carry out is news, though no row has changed: once, in the first list that began later.
func TestEndedAndStillThere(t *testing.T) {
	tests := map[string]struct {
		reason string
		rows   func(*bench) []token.Token
		want   []string
	}{
		"still active":   {"its object must know", func(b *bench) []token.Token { return []token.Token{row("1", b.name("a", 1))} }, []string{"a"}},
		"revoked":        {"its object is told of the other row", func(b *bench) []token.Token { return []token.Token{row("1", b.name("a", 1), revoked)} }, []string{"a"}},
		"somebody's too": {"that one is nobody's of ours", func(b *bench) []token.Token { return []token.Token{row("1", b.name("a", 1)), row("9", "by hand")} }, []string{"a"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.rows = []token.Token{row("1", b.name("a", 1))}
			b.refresh("")
			takes := b.takes
			b.takes = func() { b.now = b.now.Add(time.Second); b.Ended(scope, "1") }
			if _, changed := b.refresh(""); len(changed) > 0 {
				t.Errorf("a list that began before the revocation changed %v", changed)
			}
			b.takes, b.rows = takes, tc.rows(b)
			b.now = b.now.Add(time.Second)
			var want []string
			for _, object := range tc.want {
				want = append(want, b.object(object))
			}
			if _, changed := b.refresh(""); !cmp.Equal(want, changed) {
				t.Errorf("changed %v, want %v: %s", changed, want, tc.reason)
			}
			b.now = b.now.Add(time.Second)
			if _, changed := b.refresh(""); len(changed) > 0 {
				t.Errorf("it is told again: %v", changed)
			}
		})
	}
}

// Only those whose rows differ are woken.
func TestChanged(t *testing.T) {
	b := newBench(t)
	base := []token.Token{row("1", b.name("a", 1)), row("2", b.name("b", 1)), row("3", "by hand")}
	tests := map[string]struct {
		reason string
		rows   []token.Token
		want   []string
	}{
		"the same":       {"nothing to do", base, nil},
		"another order":  {"nothing to do", []token.Token{base[2], base[1], base[0]}, nil},
		"one revoked":    {"its object must know", []token.Token{row("1", b.name("a", 1), revoked), base[1]}, []string{b.object("a")}},
		"one gone":       {"its object must know", []token.Token{base[0], base[2]}, []string{b.object("b")}},
		"one more":       {"its object must know", append([]token.Token{row("4", b.name("b", 2))}, base...), []string{b.object("b")}},
		"one of a third": {"its object may exist", append([]token.Token{row("4", b.name("c", 1))}, base...), []string{b.object("c")}},
		"use":            {"last use is no news", []token.Token{row("1", b.name("a", 1), func(t *token.Token) { t.LastUsedAt = start() }), base[1]}, nil},
		"somebody's":     {"it is nobody's of ours", append([]token.Token{row("9", "by hand")}, base...), nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.rows = base
			b.refresh("")
			b.rows = tc.rows
			if _, changed := b.refresh("project"); !cmp.Equal(tc.want, changed) {
				t.Errorf("changed %v, want %v: %s", changed, tc.want, tc.reason)
			}
		})
	}
}

// A list of another account, or half a list, is none: what was known before stays.
func TestListsThatAreNone(t *testing.T) {
	unavailable := &token.Failure{Operation: "list tokens", Class: token.Unavailable}
	tests := map[string]struct {
		reason  string
		rows    []token.Token
		err     error
		forgets bool
		other   string
		refused bool
	}{
		"an error at the end":             {"half a list proves no absence", []token.Token{row("9", "x")}, unavailable, false, "", true},
		"another account":                 {"its rows are not ours", []token.Token{row("9", "x", of("other"))}, nil, false, "other", true},
		"rows of two accounts":            {"one of them is not ours", []token.Token{row("9", "x"), row("8", "y", of("other"))}, nil, false, "other", true},
		"empty":                           {"where revoked rows stay, an account with a token is never empty", nil, nil, false, "", true},
		"empty, of a vendor that forgets": {"it may be that all were revoked", nil, nil, true, "", false},
		"rows without an account":         {"the vendor does not say", []token.Token{row("9", "x", of(""))}, nil, true, "", false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.rows = []token.Token{row("1", b.name("a", 1))}
			before, _ := b.refresh("")
			b.keepsRevoked = !tc.forgets
			b.rows, b.err = tc.rows, tc.err
			_, changed, err := b.Refresh(t.Context(), scope, &b.list, inventory.Expectation{Pin: "project"})
			if (err != nil) != tc.refused {
				t.Fatalf("error %v, want refused %t: %s", err, tc.refused, tc.reason)
			}
			if !tc.refused {
				return
			}
			var other *inventory.OtherAccountError
			if errors.As(err, &other) != (tc.err == nil) || (other != nil && other.Account != tc.other) {
				t.Errorf("error %v (%+v), want account %q", err, other, tc.other)
			}
			if tc.err != nil && token.ClassOf(err) != token.Unavailable {
				t.Errorf("the class is lost: %v", err)
			}
			if changed != nil || !cmp.Equal(before, b.Latest(scope)) {
				t.Error("what was known before is gone")
			}
		})
	}
}

// A list without end is not read to it.
func TestTooManyRows(t *testing.T) {
	b := newBench(t)
	for i := range 100_001 {
		b.rows = append(b.rows, row(fmt.Sprint(i), "x"))
	}
	_, _, err := b.Refresh(t.Context(), scope, &b.list, inventory.Expectation{})
	if f := token.AsFailure(err); f == nil || f.Cause != token.CauseTooLarge {
		t.Errorf("error %v, want too large", err)
	}
	if b.Latest(scope).Taken() {
		t.Error("it was kept")
	}
}

// Lists come at an interval, sooner where somebody wants one, and never sooner than twenty times what the last one took.
func TestDue(t *testing.T) {
	const interval = 5 * time.Minute
	at := func(d time.Duration) time.Time { return start().Add(d) }
	tests := map[string]struct {
		reason   string
		duration time.Duration
		wants    []time.Duration
		want     time.Time
	}{
		"nobody asks":                      {"the interval", 0, nil, at(interval)},
		"somebody asks":                    {"right after the instant that is asked for", 0, []time.Duration{time.Minute}, at(time.Minute + 1)},
		"several ask":                      {"the earliest counts", 0, []time.Duration{3 * time.Minute, time.Minute, 2 * time.Minute}, at(time.Minute + 1)},
		"somebody asks for much later":     {"the interval comes first", 0, []time.Duration{time.Hour}, at(interval)},
		"a slow vendor":                    {"twenty times as long as it took", time.Minute, nil, at(20 * time.Minute)},
		"a slow vendor, and somebody asks": {"no sooner for that", time.Minute, []time.Duration{2 * time.Minute}, at(20 * time.Minute)},
		"a quick one, and somebody asks":   {"as soon as the pause is over", time.Second, []time.Duration{2 * time.Second}, at(20 * time.Second)},
		"what the list itself serves":      {"it began later than that", 0, []time.Duration{-time.Second}, at(interval)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if got := b.Due(scope, interval); !got.Equal(start()) {
				t.Errorf("the first list is due %s, want at once", got)
			}
			b.rows, b.duration = []token.Token{row("1", "x")}, tc.duration
			b.refresh("")
			for _, after := range tc.wants {
				b.Want(scope, at(after))
			}
			if got := b.Due(scope, interval); !got.Equal(tc.want) {
				t.Errorf("due %s, want %s: %s", got.Sub(start()), tc.want.Sub(start()), tc.reason)
			}
		})
	}
}

// Whoever asks is told whether the one who takes the lists is to be woken for it.
func TestWant(t *testing.T) {
	b := newBench(t)
	b.rows = []token.Token{row("1", "x")}
	b.refresh("")
	at := func(second int) time.Time { return start().Add(time.Duration(second) * time.Second) }
	steps := []struct {
		reason string
		after  time.Time
		want   inventory.Answer
	}{
		{"the latest list is late enough", at(-1), inventory.Fresh},
		{"the list must begin later than that very instant", at(0), inventory.Sooner},
		{"it was asked for already", at(0), inventory.Pending},
		{"a later one is not due sooner", at(9), inventory.Pending},
		{"the earliest of all is", at(-1), inventory.Fresh},
	}
	for _, step := range steps {
		if got := b.Want(scope, step.after); got != step.want {
			t.Errorf("%s: %d, want %d", step.reason, got, step.want)
		}
	}
	b.now = at(5)
	b.refresh("project")
	if got := b.Due(scope, time.Hour); !got.Equal(at(9).Add(1)) {
		t.Errorf("due %s: what was served must be forgotten, and the rest kept", got.Sub(start()))
	}
	b.now = at(10)
	b.refresh("project")
	if got := b.Due(scope, time.Hour); !got.Equal(at(10).Add(time.Hour)) {
		t.Errorf("due %s: all was served", got.Sub(start()))
	}
	if got := b.Want(scope, at(3)); got != inventory.Fresh {
		t.Errorf("an instant before the latest list: %d", got)
	}
}

// A list that fails serves nobody.
func TestFailedListServesNobody(t *testing.T) {
	b := newBench(t)
	b.rows = []token.Token{row("1", "x")}
	b.refresh("")
	b.Want(scope, start().Add(time.Second))
	b.now, b.err = start().Add(time.Minute), errors.New("down")
	if _, _, err := b.Refresh(t.Context(), scope, &b.list, inventory.Expectation{Pin: "project"}); err == nil {
		t.Fatal("no error")
	}
	if got := b.Due(scope, time.Hour); !got.Equal(start().Add(time.Second + 1)) {
		t.Errorf("due %s, want what was asked for still to be wanted", got.Sub(start()))
	}
}

func TestForget(t *testing.T) {
	b := newBench(t)
	b.rows = []token.Token{row("1", b.name("a", 1))}
	b.refresh("")
	b.Forget(scope)
	if b.Latest(scope).Taken() || !b.Due(scope, time.Hour).Equal(start()) {
		t.Error("it is not forgotten")
	}
	if _, changed := b.refresh(""); len(changed) != 1 {
		t.Errorf("changed %v, want all to be new", changed)
	}
}

// Two lists that lack a token prove more than one; the one before is kept for that.
func TestListBefore(t *testing.T) {
	b := newBench(t)
	b.keepsRevoked = false
	mine := token.Token{ID: "1", Name: b.name("a", 1), State: token.Active}
	anchor := token.Token{ID: "2", Name: "somebody's", State: token.Active}
	there := b.now.Add(-time.Second)
	lists := [][]token.Token{{mine, anchor}, {anchor}, {anchor}, {mine, anchor}}
	for at, want := range []bool{false, false, true, false} {
		b.rows = lists[at]
		snapshot, _ := b.refresh("")
		if got := snapshot.LackedTwice("1", there); got != want {
			t.Errorf("list %d: lacked twice %t, want %t", at, got, want)
		}
		if snapshot.Before != nil && snapshot.Before.Before != nil {
			t.Errorf("list %d keeps more than one before it", at)
		}
		b.now = b.now.Add(time.Minute)
	}
}
