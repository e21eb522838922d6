package harness

import (
	"context"
	"time"
)

// Overtake lets a second process take over while the first is in the middle of an effect, for so long that it comes to rest. Then the
// first finishes what it was doing, and believes that it still leads: a zombie. It is for Interference.
func (w *World) Overtake(rest time.Duration) {
	w.t.Helper()
	w.OvertakeUntil(rest, func() bool { return false })
}

// OvertakeUntil is Overtake, but for that the first process goes on already when something has happened, which is asked after each look of the
// second.
func (w *World) OvertakeUntil(rest time.Duration, happened func() bool) {
	w.t.Helper()
	first := w.Process
	first.retired = true
	w.note("process %d is parked", first.number)
	w.Clock.Step(stride)
	w.Process = w.start()
	w.Process.breaks = happened
	w.Await(rest)
	w.Process.breaks = nil
	w.note("process %d goes on", first.number)
}

// SideBySide has a second process work beside the one that there is, for so long: each believes that it leads, and they take turns. Then the
// first one ends.
func (w *World) SideBySide(d, turn time.Duration) {
	w.t.Helper()
	w.Clock.Step(stride)
	both := []*Process{w.Process, w.start()}
	for until := w.Clock.Now().Add(d); w.Clock.Now().Before(until); {
		for i := range both {
			w.Process = both[i]
			w.Await(turn)
			both[i] = w.Process
		}
	}
	w.note("process %d ends", both[0].number)
	both[0].gate.dead = true
	w.Process = both[1]
}

// Await lets time pass, and starts another process at once for one that ends meanwhile.
func (w *World) Await(d time.Duration) {
	w.t.Helper()
	before := w.attended
	w.attended = true
	defer func() { w.attended = before }()
	for until := w.Clock.Now().Add(d); ; {
		w.Advance(max(until.Sub(w.Clock.Now()), 0))
		if !w.Ended() {
			return
		}
		breaks := w.Process.breaks
		w.Restart()
		w.Process.breaks = breaks
	}
}

// Terminate tells the process to end, as the kubelet does: what it is doing may come to its end where it does not heed its context. It is for
// Interference.
func (w *World) Terminate() {
	p := w.Process
	w.note("process %d is to end", p.number)
	p.terminated, p.retired = true, true
	p.end()
}

// Ended tells whether the process was killed, or has ended as it was told to.
func (w *World) Ended() bool { return w.Process.gate.dead || w.Process.terminated }

// lifetime is the context of a process: what it does is told by it to end.
func (p *Process) lifetime(from context.Context) { p.context, p.end = context.WithCancel(from) }
