package harness

import (
	"slices"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// item is one object that one controller is to look at.
type item struct {
	kind    string
	request reconcile.Request
}

// agenda is what a process is to look at, and when: the work queues of its controllers in one, so that their order is
// always the same.
type agenda struct {
	clock Clock
	// ready are due, in the order in which they were asked for; waiting are due later.
	ready   []item
	waiting map[item]time.Time
	// order tells which of two that are due at the same time was asked for first.
	order  []item
	failed map[item]int
}

func newAgenda(clock Clock) *agenda {
	return &agenda{clock: clock, waiting: map[item]time.Time{}, failed: map[item]int{}}
}

// add asks for a look at once. Asked for twice, it is taken once.
func (a *agenda) add(wanted item) {
	if !slices.Contains(a.ready, wanted) {
		a.ready = append(a.ready, wanted)
	}
}

// drop forgets what is asked for at once.
func (a *agenda) drop(unwanted item) {
	a.ready = slices.DeleteFunc(a.ready, func(have item) bool { return have == unwanted })
}

// addAfter asks for a look later. Of two times the earlier counts.
func (a *agenda) addAfter(wanted item, after time.Duration) {
	if after <= 0 {
		a.add(wanted)
		return
	}
	due := a.clock.Now().Add(after)
	have, waits := a.waiting[wanted]
	if !waits {
		a.order = append(a.order, wanted)
	}
	if !waits || due.Before(have) {
		a.waiting[wanted] = due
	}
}

// addFailed asks for another look after an error, each time later, as controller-runtime does.
func (a *agenda) addFailed(wanted item) {
	const first, most = 5 * time.Millisecond, 1000 * time.Second
	after := first << min(a.failed[wanted], 20)
	a.failed[wanted]++
	a.addAfter(wanted, min(after, most))
}

// take gives the next item that is due.
func (a *agenda) take() (item, bool) {
	now := a.clock.Now()
	kept := a.order[:0]
	for _, waits := range a.order {
		if a.waiting[waits].After(now) {
			kept = append(kept, waits)
			continue
		}
		delete(a.waiting, waits)
		a.add(waits)
	}
	a.order = kept
	if len(a.ready) == 0 {
		return item{}, false
	}
	next := a.ready[0]
	a.ready = a.ready[1:]
	return next, true
}

// next tells when the next item that is not due yet will be.
func (a *agenda) next() (time.Time, bool) {
	var earliest time.Time
	for _, due := range a.waiting {
		if earliest.IsZero() || due.Before(earliest) {
			earliest = due
		}
	}
	return earliest, !earliest.IsZero()
}

// workqueueOf shows the agenda to the controllers as the work queue of one kind.
func workqueueOf(a *agenda, kind string) workqueue.TypedRateLimitingInterface[reconcile.Request] {
	return &queue{agenda: a, kind: kind}
}

// queue has of a work queue what one controller uses to wake another.
type queue struct {
	workqueue.TypedRateLimitingInterface[reconcile.Request]
	agenda *agenda
	kind   string
}

// Add implements workqueue.TypedInterface.
func (q *queue) Add(request reconcile.Request) { q.agenda.add(item{q.kind, request}) }

// AddAfter implements workqueue.TypedDelayingInterface.
func (q *queue) AddAfter(request reconcile.Request, after time.Duration) {
	q.agenda.addAfter(item{q.kind, request}, after)
}
