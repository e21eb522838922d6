package pacing

import (
	"testing"
	"time"
)

// way is a gate whose calls are made by hand.
type way struct {
	t     *testing.T
	clock *timeline
	gate  *Gate
}

func newWay(t *testing.T) *way {
	t.Helper()
	clock := newTimeline()
	return &way{t, clock, clock.limiter(0).Gate("api.example.com", alice, 1000)}
}

func (w *way) admit(harmless bool) time.Duration {
	w.t.Helper()
	comeBack, err := w.gate.Admit(w.t.Context(), harmless)
	if err != nil {
		w.t.Fatal(err)
	}
	return comeBack
}

// call makes one call, and tells whether it was admitted.
func (w *way) call(harmless, outage bool) bool {
	w.t.Helper()
	if w.admit(harmless) > 0 {
		return false
	}
	w.gate.Done(outage)
	return true
}

// breaks lets as many calls fail as the vendor is forgiven.
func (w *way) breaks() {
	w.t.Helper()
	for i := range maxFailures {
		if !w.call(false, true) {
			w.t.Fatalf("call %d is not admitted", i)
		}
	}
}

// A vendor that does not answer is left alone, then tried by one call that changes nothing, and each time for longer.
func TestBreaker(t *testing.T) {
	w := newWay(t)
	w.breaks()
	rest := firstRest
	for range 10 {
		if comeBack := w.admit(true); comeBack != rest {
			t.Fatalf("come back after %s, want %s", comeBack, rest)
		}
		w.clock.advance(rest)
		if w.call(false, false) {
			t.Fatal("a call that changes something is the first after a rest")
		}
		if w.admit(true) > 0 {
			t.Fatal("nothing is tried after a rest")
		}
		if w.call(true, false) {
			t.Fatal("a second call is made while one tries")
		}
		w.gate.Done(true)
		rest = min(2*rest, maxRest)
	}
	w.clock.advance(rest)
	if !w.call(true, false) || !w.call(false, false) {
		t.Error("the vendor answers, and is left alone")
	}
	w.breaks()
	if comeBack := w.admit(true); comeBack != firstRest {
		t.Errorf("come back after %s, want %s: the earlier outage is over", comeBack, firstRest)
	}
}

// Failures count only in a row, and those of calls that began before the rest do not make it longer.
func TestBreakerCountsInARow(t *testing.T) {
	w := newWay(t)
	for range 3 {
		for range maxFailures - 1 {
			w.call(false, true)
		}
		w.call(false, false)
	}
	for range maxFailures + 2 {
		if w.admit(false) > 0 {
			t.Fatal("not admitted after failures that were not in a row")
		}
	}
	for range maxFailures + 2 {
		w.gate.Done(true)
	}
	if comeBack := w.admit(true); comeBack != firstRest {
		t.Errorf("come back after %s, want %s", comeBack, firstRest)
	}
}

// So many calls of an account are under way at most; one for which something at the vendor waits is made all the same.
func TestUnderWay(t *testing.T) {
	w := newWay(t)
	for i := range maxUnderWay {
		if w.admit(true) > 0 {
			t.Fatalf("call %d is not admitted", i)
		}
	}
	if w.admit(true) == 0 {
		t.Error("one too many is admitted")
	}
	w.gate.Enter()
	w.gate.Done(false)
	if w.admit(true) == 0 {
		t.Error("the end of a call that was let in beside the others made room")
	}
	w.gate.Done(false)
	if w.admit(true) > 0 {
		t.Error("there is room, and a call is not admitted")
	}
}

// A try that is not made, for its turn has not come, lets another one try.
func TestTryPutOff(t *testing.T) {
	w := newWay(t)
	w.breaks()
	w.clock.advance(firstRest)
	w.gate.Hold(time.Minute)
	if w.admit(true) != time.Minute {
		t.Fatal("the vendor's word is not kept")
	}
	w.clock.advance(time.Minute)
	if !w.call(true, false) {
		t.Error("nothing may try any more")
	}
}
