package inventory_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/inventory"
)

// settle is how long a vendor may take to make what it was asked for.
const settle = 30 * time.Second

// looks takes a list as a process does that began with the bench, after some time, and gives what it takes for somebody else's.
func (b *bench) looks(after time.Duration) []token.ID {
	b.t.Helper()
	b.now = b.now.Add(after)
	snapshot, _, err := b.Refresh(b.t.Context(), scope, &b.list, inventory.Expectation{Calm: start().Add(settle)})
	if err != nil {
		b.t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(snapshot.Foreign))
}

func (b *bench) marker(object string) token.Marker {
	return b.ours.Marker("causely", object, "uid-"+object)
}

// A row that no list had: who can have made it.
func TestForeign(t *testing.T) {
	const lost = token.ID("")
	tests := map[string]struct {
		reason string
		// before comes before the list in which a row with the ID new is for the first time.
		before func(*bench)
		row    string
		want   []token.ID
	}{
		"the next token of an object that wanted none": {
			reason: "nobody here asked for it", row: "a 3", want: []token.ID{"new"},
		},
		"an object that is not here": {reason: "nobody here has it", row: "other 1", want: []token.ID{"new"}},
		"asked for and answered": {
			reason: "this process made it", row: "a 3",
			before: func(b *bench) { b.Asking(b.name("a", 3)); b.Answered(b.name("a", 3), "new") },
		},
		"asked for, and the answer is lost": {
			reason: "this process may have made it", row: "a 3",
			before: func(b *bench) { b.Asking(b.name("a", 3)) },
		},
		"asked for days ago, and the answer is lost": {
			reason: "a vendor may be late by any time", row: "a 3",
			before: func(b *bench) { b.Asking(b.name("a", 3)); b.looks(72 * time.Hour) },
		},
		"asked for, and answered with another": {
			reason: "two have asked for the same name", row: "a 3", want: []token.ID{"new"},
			before: func(b *bench) { b.Asking(b.name("a", 3)); b.Answered(b.name("a", 3), "mine") },
		},
		"asked for, and refused": {
			reason: "somebody else has the name", row: "a 3", want: []token.ID{"new"},
			before: func(b *bench) { b.Asking(b.name("a", 3)); b.Answered(b.name("a", 3), lost) },
		},
		"asked for in vain, and found with another": {
			reason: "one create makes one token", row: "a 3", want: []token.ID{"new"},
			before: func(b *bench) {
				b.Asking(b.name("a", 3))
				b.rows = append(b.rows, row("late", b.name("a", 3)))
				b.looks(time.Minute)
			},
		},
		"a number of the object's past": {reason: "an answer was lost, and the vendor is late", row: "a 1"},
		"a number that the ledger knew": {
			reason: "so it is where lists drop what is revoked", row: "b 7",
			before: func(b *bench) { b.Find(b.marker("b"), 8, false, true) },
		},
		"the next token of an object that wanted one when this process began": {
			reason: "the process before it may have asked, and been held up", row: "a 3",
			before: func(b *bench) { b.Find(b.marker("a"), 3, true, true) },
		},
		"a second one": {
			reason: "it was one process, and asked once", row: "a 3", want: []token.ID{"new"},
			before: func(b *bench) {
				b.Find(b.marker("a"), 3, true, true)
				b.rows = append(b.rows, row("held up", b.name("a", 3)))
				b.looks(time.Minute)
			},
		},
		"the one after it": {
			reason: "whoever asks for that has seen more than was there then", row: "a 4", want: []token.ID{"new"},
			before: func(b *bench) { b.Find(b.marker("a"), 3, true, true) },
		},
		"the next token of an object that wants one only now": {
			reason: "no process before this one can have known", row: "a 3", want: []token.ID{"new"},
			before: func(b *bench) {
				b.Find(b.marker("a"), 3, false, true)
				b.Find(b.marker("a"), 3, true, false)
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.rows = []token.Token{row("1", b.name("a", 2)), row("2", "by hand")}
			for range 3 {
				if foreign := b.looks(time.Minute); len(foreign) > 0 {
					t.Fatalf("before anything happened %v is strange", foreign)
				}
			}
			if tc.before != nil {
				tc.before(b)
			}
			var object string
			var sequence int
			if _, err := fmt.Sscan(tc.row, &object, &sequence); err != nil {
				t.Fatal(err)
			}
			b.rows = append(b.rows, row("new", b.name(object, sequence)))
			if diff := cmp.Diff(tc.want, b.looks(time.Minute)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.want, b.looks(time.Minute)); diff != "" {
				t.Errorf("the next list tells otherwise (-want +got):\n%s", diff)
			}
		})
	}
}

// What comes while a process before this one may have asked is taken as it is, and so is what a list had lacked for a while.
func TestNotForeign(t *testing.T) {
	t.Run("early", func(t *testing.T) {
		b := newBench(t)
		b.rows = []token.Token{row("1", b.name("a", 1))}
		b.looks(time.Second)
		b.rows = append(b.rows, row("2", b.name("a", 2)))
		// The list before began within the time in which the vendor may be late.
		if foreign := b.looks(time.Hour); len(foreign) > 0 {
			t.Errorf("%v is strange", foreign)
		}
	})
	t.Run("seen before", func(t *testing.T) {
		b := newBench(t)
		all := []token.Token{row("1", b.name("a", 1)), row("2", b.name("b", 5))}
		b.rows = all
		b.looks(time.Minute)
		b.looks(time.Minute)
		b.rows = all[:1]
		b.looks(time.Minute)
		b.rows = all
		if foreign := b.looks(time.Minute); len(foreign) > 0 {
			t.Errorf("%v is strange, and was there before", foreign)
		}
	})
	t.Run("named by a ledger", func(t *testing.T) {
		b := newBench(t)
		b.rows = []token.Token{row("1", b.name("a", 1))}
		b.looks(time.Minute)
		b.looks(time.Minute)
		b.Recognize(scope, "2")
		b.rows = append(b.rows, row("2", b.name("b", 1)))
		if foreign := b.looks(time.Minute); len(foreign) > 0 {
			t.Errorf("%v is strange, and a ledger names it", foreign)
		}
	})
	t.Run("a list without an anchor", func(t *testing.T) {
		b := newBench(t)
		b.rows = []token.Token{row("1", b.name("a", 1))}
		b.looks(time.Minute)
		b.looks(time.Minute)
		b.rows = []token.Token{row("9", b.name("b", 1))}
		if foreign := b.looks(time.Minute); len(foreign) > 0 {
			t.Errorf("%v is strange, and the list shows nothing that was known", foreign)
		}
	})
}

// Two issuers lead to one account, and one of them cannot list for days: what the operator made meanwhile through the other is its own.
func TestNotForeignThroughAnotherIssuer(t *testing.T) {
	b := newBench(t)
	b.rows = []token.Token{row("1", b.name("a", 1))}
	through := func() {
		if _, _, err := b.Refresh(t.Context(), "another", &b.list, inventory.Expectation{Calm: start().Add(settle)}); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		b.looks(time.Minute)
		through()
	}
	b.Asking(b.name("a", 2))
	b.Answered(b.name("a", 2), "2")
	b.rows = append(b.rows, row("2", b.name("a", 2)))
	through()
	b.now = b.now.Add(50 * time.Hour)
	through()
	if foreign := b.looks(time.Minute); len(foreign) > 0 {
		t.Errorf("%v is strange", foreign)
	}
}

// The answer comes after a list has shown another token of the same name.
func TestForeignBesideACreateUnderWay(t *testing.T) {
	b := newBench(t)
	b.rows = []token.Token{row("1", b.name("a", 1))}
	for range 3 {
		b.looks(time.Minute)
	}
	b.Asking(b.name("a", 2))
	b.rows = append(b.rows, row("theirs", b.name("a", 2)))
	if foreign := b.looks(time.Minute); len(foreign) > 0 {
		t.Errorf("%v is strange, and may be what was asked for", foreign)
	}
	b.Answered(b.name("a", 2), "mine")
	b.rows = append(b.rows, row("mine", b.name("a", 2)))
	if diff := cmp.Diff([]token.ID{"theirs"}, b.looks(time.Minute)); diff != "" {
		t.Errorf("strange (-want +got):\n%s", diff)
	}
}

// What a process before this one found is told to it, and what a person has decided about is like any other.
func TestForeignIsToldAndAbsolved(t *testing.T) {
	b := newBench(t)
	b.rows = []token.Token{row("1", b.name("a", 1)), row("2", b.name("a", 2))}
	told := inventory.Expectation{Calm: start().Add(settle), Foreign: []token.ID{"2"}}
	snapshot, _, err := b.Refresh(t.Context(), scope, &b.list, told)
	if err != nil {
		t.Fatal(err)
	}
	if !snapshot.Foreign["2"] || len(b.Foreign(scope)) != 1 {
		t.Errorf("it is not strange: %v", snapshot.Foreign)
	}
	b.Absolve(scope)
	if len(b.Latest(scope).Foreign) > 0 || len(b.Foreign(scope)) > 0 {
		t.Error("it is strange though a person has decided")
	}
	// A status that is read late says so still.
	if snapshot, _, err = b.Refresh(t.Context(), scope, &b.list, told); err != nil || len(snapshot.Foreign) > 0 {
		t.Errorf("it is strange again: %v, %v", snapshot.Foreign, err)
	}
}
