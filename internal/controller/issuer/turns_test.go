package issuer

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

var noon = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

func TestWhoseTurn(t *testing.T) {
	t.Parallel()
	due, until, beyond := noon.Add(5*time.Minute), noon.Add(time.Minute), noon.Add(time.Hour)
	// The account is known and the kept credentials are those of the user, as almost always.
	ordinary := means{own: true, pinned: true, due: due}
	both := means{own: true, kept: true, pinned: true, due: due}
	onlyKept := means{kept: true, pinned: true, due: due}

	tests := map[string]struct {
		reason string
		past   func(*turns)
		has    means
		which  source
		// at is zero where the turn has come.
		at time.Time
	}{
		"first look": {
			reason: "nothing was tried, nothing failed", past: func(*turns) {}, has: ordinary, which: own,
		},
		"first look after a restart in trouble": {
			reason: "back-off outlives the process", past: func(tt *turns) { tt.ownHeld, tt.keptHeld = until, until }, has: ordinary, which: own, at: until,
		},
		"nothing to ask with": {
			reason: "no call however long one waits", past: func(*turns) {}, has: means{pinned: true, due: due}, which: nobody,
		},
		"served": {
			reason: "one list an interval", past: func(tt *turns) { tt.listed(own, noon) }, has: ordinary, which: own, at: due,
		},
		"outage": {
			reason: "no list before the back-off is over, wanted or not",
			past:   func(tt *turns) { tt.listed(own, noon); tt.failed(own, false, until) }, has: ordinary, which: own, at: until,
		},
		"outage with other credentials kept": {
			reason: "an outage is not mended by other credentials",
			past:   func(tt *turns) { tt.failed(own, false, until) }, has: both, which: own, at: until,
		},
		"refused": {
			reason: "the kept ones serve at once", past: func(tt *turns) { tt.failed(own, true, until) }, has: both, which: kept,
		},
		"refused, nothing kept": {
			reason: "nothing else to try", past: func(tt *turns) { tt.failed(own, true, until) }, has: ordinary, which: own, at: until,
		},
		"refused, the kept ones serve": {
			reason: "the user's are tried again when their time has come",
			past:   func(tt *turns) { tt.failed(own, true, until); tt.listed(kept, noon) }, has: both, which: own, at: until,
		},
		"refused for long, the kept ones serve": {
			reason: "meanwhile lists go on",
			past:   func(tt *turns) { tt.failed(own, true, beyond); tt.listed(kept, noon) }, has: both, which: kept, at: due,
		},
		"both refused": {
			reason: "each at its time", past: func(tt *turns) { tt.failed(own, true, beyond); tt.failed(kept, true, until) }, has: both, which: kept, at: until,
		},
		"gone": {
			reason: "the kept ones take over at once", past: func(tt *turns) { tt.listed(own, noon); tt.lost(own) }, has: onlyKept, which: kept,
		},
		"gone, the kept ones serve": {
			reason: "one list an interval", past: func(tt *turns) { tt.listed(kept, noon) }, has: onlyKept, which: kept, at: due,
		},
		"gone, the kept ones fail": {
			reason: "back-off is theirs, too", past: func(tt *turns) { tt.listed(kept, noon); tt.failed(kept, false, until) }, has: onlyKept, which: kept, at: until,
		},
		"the copy is gone as well": {
			reason: "it went with the last token", past: func(tt *turns) { tt.listed(kept, noon); tt.lost(kept) }, has: means{pinned: true, due: due}, which: nobody,
		},
		"leads to another account": {
			reason: "nothing is done in any, until that is put right", past: func(tt *turns) { tt.listed(kept, noon); tt.misled(own, until) }, has: both, which: own, at: until,
		},
		"mended while held back": {
			reason: "a person's remedy is tried at once", past: func(tt *turns) { tt.failed(own, true, beyond); tt.listed(kept, noon); tt.renew() }, has: both, which: own,
		},
		"mended and refused again": {
			reason: "and held back again", past: func(tt *turns) { tt.renew(); tt.failed(own, true, until); tt.listed(kept, noon) }, has: both, which: own, at: until,
		},
		"back again, never refused": {
			reason: "the user's come before the kept ones", past: func(tt *turns) { tt.listed(kept, noon); tt.renew() }, has: both, which: own,
		},
		"changed while they served": {
			reason: "changes are picked up at once", past: func(tt *turns) { tt.listed(own, noon); tt.renew() }, has: both, which: own,
		},
		"paced": {
			reason: "our own limits come first", past: func(tt *turns) { tt.wait(until) }, has: ordinary, which: own, at: until,
		},
		"paced, then mended": {
			reason: "the limit is that of the credentials before", past: func(tt *turns) { tt.listed(own, noon); tt.wait(beyond); tt.renew() }, has: both, which: own,
		},
		"paced before a later list": {
			reason: "the later of both", past: func(tt *turns) { tt.listed(own, noon); tt.wait(until) }, has: ordinary, which: own, at: due,
		},
		"unpinned, others kept": {
			reason: "a process that died may have made a token with them in an account that nobody noted",
			past:   func(*turns) {}, has: means{own: true, kept: true, due: due}, which: kept,
		},
		"unpinned, the kept ones tell nothing": {
			reason: "the list was empty", past: func(tt *turns) { tt.listed(kept, noon) }, has: means{own: true, kept: true, due: due}, which: own,
		},
		"unpinned, a create may have been under way when the kept ones told nothing": {
			reason: "they are asked again when it has ended, and the user's wait",
			past:   func(tt *turns) { tt.mayHaveCreated(until); tt.listed(kept, noon) }, has: means{own: true, kept: true, due: due}, which: kept, at: until,
		},
		"unpinned, the kept ones refused": {
			reason: "they will tell nothing more", past: func(tt *turns) { tt.failed(kept, true, until) }, has: means{own: true, kept: true, due: due}, which: own,
		},
		"unpinned, outage": {
			reason: "they will tell later", past: func(tt *turns) { tt.failed(kept, false, until) }, has: means{own: true, kept: true, due: due}, which: kept, at: until,
		},
		"unpinned, nothing else kept": {
			reason: "nothing to learn", past: func(*turns) {}, has: means{own: true, due: due}, which: own,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var past turns
			tt.past(&past)
			which, at := past.next(tt.has)
			if which != tt.which || !at.Equal(tt.at) {
				t.Errorf("turn: %d from %s, want %d from %s: %s", which, at, tt.which, tt.at, tt.reason)
			}
		})
	}
}

func TestWhoServes(t *testing.T) {
	t.Parallel()
	var past turns
	past.listed(own, noon)
	past.renew()
	if past.serves != own {
		t.Error("other credentials stop those that serve before they were tried")
	}
	past.failed(own, true, noon)
	if past.serves != nobody {
		t.Error("refused credentials serve")
	}
	past.listed(kept, noon)
	past.failed(own, false, noon)
	if past.serves != kept {
		t.Error("an outage met by credentials that were refused before ends the service of the kept ones")
	}
	past.misled(own, noon)
	if past.serves != nobody {
		t.Error("credentials of another account, and the kept ones serve")
	}
}

// TestEveryCallMovesTheNext walks at random through what may happen: whatever came of a call, the next one is not at once, but
// for the other credentials and at most as often as one look asks.
func TestEveryCallMovesTheNext(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20_000) {
		random := rand.New(rand.NewPCG(seed, 1))
		var past turns
		now, has := noon, means{own: true, kept: true, due: noon}
		var story []string
		say := func(format string, args ...any) { story = append(story, fmt.Sprintf(format, args...)) }
		for range 40 {
			switch random.IntN(6) {
			case 5:
				past.mayHaveCreated(now.Add(30 * time.Second))
				say("a create may be under way")
			case 0:
				has.own = !has.own
				if !has.own {
					past.lost(own)
				} else {
					past.renew()
				}
				say("own there: %v", has.own)
			case 1:
				has.kept = !has.kept
				if !has.kept {
					past.lost(kept)
				}
				say("kept there: %v", has.kept)
			case 2:
				has.pinned = !has.pinned
				say("pinned: %v", has.pinned)
			case 3:
				if has.own {
					past.renew()
				}
				say("renewed")
			default:
			}
			asked := 0
			for {
				which, at := past.next(has)
				if which == nobody || at.After(now) {
					break
				}
				if asked++; asked > maxAsked {
					t.Fatalf("seed %d: asked %d times in one look\n%v\n%+v", seed, asked, story, past)
				}
				later := now.Add(time.Duration(1+random.IntN(300)) * time.Second)
				switch random.IntN(6) {
				case 0:
					past.failed(which, true, later)
					say("%d refused", which)
				case 1:
					past.failed(which, false, later)
					say("%d outage", which)
				case 4:
					past.misled(which, later)
					say("%d misled", which)
				case 2:
					past.wait(later)
					say("%d paced", which)
				default:
					past.listed(which, now)
					has.due = later
					say("%d listed", which)
				}
			}
			listening := past.mustLearn(has) && past.keptHeld.After(now)
			if past.serves == kept && has.own && !past.refused && !past.paced.After(now) && !listening {
				t.Fatalf("seed %d: the kept credentials serve and are never listed with\n%v\n%+v", seed, story, past)
			}
			if which, at := past.next(has); (which == nobody) == (has.own || has.kept) {
				t.Fatalf("seed %d: %d from %s, though own %v, kept %v", seed, which, at, has.own, has.kept)
			} else if which != nobody {
				now = at
			}
		}
	}
}
