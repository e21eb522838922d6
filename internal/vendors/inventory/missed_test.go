package inventory_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/inventory"
)

// uses is a bench with tokens in use, numbered from 1, and a row that anchors its lists.
type uses struct {
	*bench
	expect inventory.Uses
}

func newUses(t *testing.T, count int) *uses {
	t.Helper()
	u := &uses{bench: newBench(t), expect: inventory.Uses{Here: map[token.ID]bool{}}}
	u.rows = []token.Token{row("anchor", "by hand")}
	for n := range count {
		id := fmt.Sprint(n + 1)
		u.rows = append(u.rows, row(id, u.name(id, 1)))
		u.expect.Here[token.ID(id)] = true
	}
	return u
}

// without takes rows from the vendor's list.
func (u *uses) without(ids ...token.ID) {
	u.rows = slices.DeleteFunc(slices.Clone(u.rows), func(r token.Token) bool { return slices.Contains(ids, r.ID) })
}

// missed takes a list, and gives what is missed.
func (u *uses) missed(of inventory.Scope) []token.ID {
	u.t.Helper()
	u.now = u.now.Add(time.Minute)
	snapshot, _, err := u.Refresh(u.t.Context(), of, &u.list, inventory.Expectation{Uses: u.expect})
	if err != nil {
		u.t.Fatal(err)
	}
	missing := u.Missing(of).Missed
	if len(missing) != len(snapshot.Missed) {
		u.t.Errorf("the list says that %v are missed, the inventory %v", snapshot.Missed, missing)
	}
	return missing
}

// How many tokens must be gone at once.
func TestMissed(t *testing.T) {
	tests := map[string]struct {
		reason string
		uses   int
		change func(*uses)
		want   []token.ID
	}{
		"two of three":   {reason: "they are few", uses: 3, change: func(u *uses) { u.without("1", "2") }},
		"three of three": {reason: "all are gone", uses: 3, change: func(u *uses) { u.without("1", "2", "3") }, want: []token.ID{"1", "2", "3"}},
		"three of 15":    {reason: "a fifth is gone", uses: 15, change: func(u *uses) { u.without("1", "2", "3") }, want: []token.ID{"1", "2", "3"}},
		"three of 16":    {reason: "less than a fifth is gone", uses: 16, change: func(u *uses) { u.without("1", "2", "3") }},
		"said to be in use since": {reason: "no list has shown them: older Secrets were put back", uses: 3, change: func(u *uses) {
			for _, id := range []token.ID{"4", "5", "6"} {
				u.expect.Here[id] = true
			}
		}},
		"three, and more elsewhere": {reason: "all of the issuer's count", uses: 3, change: func(u *uses) {
			u.without("1", "2", "3")
			u.expect.Elsewhere = 13
		}},
		"revoked": {reason: "that they are revoked is a reason, too", uses: 3, change: func(u *uses) {
			for i := range u.rows[1:] {
				u.rows[i+1].State = token.Revoked
			}
		}, want: []token.ID{"1", "2", "3"}},
		"by ourselves": {reason: "nobody misses what he revoked himself", uses: 4, change: func(u *uses) {
			u.Ending("1")
			u.Ending("2")
			u.without("1", "2", "3", "4")
		}},
		"made just now": {reason: "a list that began before does not show it", uses: 4, change: func(u *uses) {
			u.Answered("", "1")
			u.Answered("", "2")
			u.without("1", "2", "3", "4")
			u.now = u.now.Add(-2 * time.Minute)
		}},
		"long since idle": {reason: "they are no news", uses: 3, change: func(u *uses) {
			u.expect.Here["1"] = false
			u.without("1", "2", "3")
		}},
		"not vouched for": {reason: "what only a status says keeps nobody waiting", uses: 3, change: func(u *uses) {
			u.expect.Vouch = func(ids []token.ID) []token.ID {
				return slices.DeleteFunc(ids, func(id token.ID) bool { return id == "1" })
			}
			u.without("1", "2", "3")
		}},
		"one after the other": {reason: "they are not gone at once", uses: 3, change: func(u *uses) {
			for _, id := range []token.ID{"1", "2", "3"} {
				u.without(id)
				u.missed(scope)
			}
		}},
		"a list without an anchor": {reason: "it proves nothing at all", uses: 3, change: func(u *uses) { u.without("anchor", "1", "2", "3") }},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			u := newUses(t, tc.uses)
			u.missed(scope)
			u.missed(scope)
			tc.change(u)
			if diff := cmp.Diff(tc.want, u.missed(scope)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// They are missed until most are there again, or a person has decided.
func TestMissedUntil(t *testing.T) {
	gone := []token.ID{"1", "2", "3"}
	begin := func(t *testing.T) (*uses, []token.Token) {
		t.Helper()
		u := newUses(t, 5)
		all := u.rows
		u.missed(scope)
		u.missed(scope)
		u.without(gone...)
		for range 3 {
			if diff := cmp.Diff(gone, u.missed(scope)); diff != "" {
				t.Fatalf("missed (-want +got):\n%s", diff)
			}
		}
		return u, all
	}
	t.Run("there again", func(t *testing.T) {
		u, all := begin(t)
		u.rows = all
		u.without("1")
		if missed := u.missed(scope); len(missed) > 0 {
			t.Errorf("%v are missed, and one is nothing strange", missed)
		}
	})
	t.Run("gone again", func(t *testing.T) {
		u, all := begin(t)
		u.rows = all
		u.missed(scope)
		u.without(gone...)
		if diff := cmp.Diff(gone, u.missed(scope)); diff != "" {
			t.Errorf("missed (-want +got):\n%s", diff)
		}
	})
	t.Run("replaced", func(t *testing.T) {
		u, _ := begin(t)
		delete(u.expect.Here, "1")
		if missed := u.missed(scope); len(missed) > 0 {
			t.Errorf("%v are missed, and are too few", missed)
		}
	})
	t.Run("conceded", func(t *testing.T) {
		u, _ := begin(t)
		u.Concede(scope)
		if len(u.Latest(scope).Missed) > 0 {
			t.Error("the latest list says that some are missed")
		}
		if missed := u.missed(scope); len(missed) > 0 {
			t.Errorf("%v are missed, and a person has decided", missed)
		}
	})
}

// What a process before this one missed is missed in the first list of the next, however few they are by then, unless a person has decided.
func TestMissedByTheProcessBefore(t *testing.T) {
	tests := map[string]struct {
		reason string
		before func(*inventory.Uses)
		count  int
		want   []token.ID
	}{
		"nothing was missed":   {reason: "they are few", before: func(*inventory.Uses) {}, count: 50},
		"nothing was, of five": {reason: "they are many", before: func(*inventory.Uses) {}, count: 5, want: []token.ID{"1", "2", "3"}},
		"they were":            {reason: "a person has not decided", before: func(u *inventory.Uses) { u.Missed = true }, count: 50, want: []token.ID{"1", "2", "3"}},
		"a person has decided": {reason: "they are about to be replaced", before: func(u *inventory.Uses) { u.Conceded = true }, count: 5},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			u := newUses(t, tc.count)
			tc.before(&u.expect)
			u.without("1", "2", "3")
			// The first list of a process has no anchor.
			u.missed(scope)
			if diff := cmp.Diff(tc.want, u.missed(scope)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// Where an issuer has several lists, what all of them lack counts together.
func TestMissedInSeveralLists(t *testing.T) {
	u := newUses(t, 0)
	pools := []inventory.Scope{"uid/a", "uid/b", "uid/c", "another/a"}
	all := map[inventory.Scope][]token.Token{}
	for _, pool := range pools {
		id := token.ID("of " + pool)
		all[pool] = []token.Token{row("anchor", "by hand"), row(string(id), u.name(string(pool), 1))}
		u.rows, u.expect.Here, u.expect.Elsewhere = all[pool], map[token.ID]bool{id: true}, 2
		u.missed(pool)
		u.missed(pool)
	}
	for _, pool := range pools {
		u.rows, u.expect.Here = all[pool][:1], map[token.ID]bool{token.ID("of " + pool): true}
		u.missed(pool)
	}
	for _, pool := range pools[:3] {
		if missed := u.Latest(pool).Missed; len(missed) != 1 {
			t.Errorf("%s: %v are missed, want one", pool, missed)
		}
	}
	if missed := u.Latest(pools[3]).Missed; len(missed) > 0 {
		t.Errorf("another issuer misses %v", missed)
	}
}
