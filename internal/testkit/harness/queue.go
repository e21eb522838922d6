package harness

import (
	"container/heap"
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
	// ready are due, in the order in which they were asked for; due tells which they are.
	ready []item
	due   map[item]bool
	// waiting are due later, and timers are the same by their time.
	waiting map[item]*timer
	timers  timers
	// asked counts the timers that were set, to tell which of two that are due was asked for first.
	asked int
	// limiter is that of controller-runtime: after errors in a row each look comes later.
	limiter workqueue.TypedRateLimiter[item]
}

func newAgenda(clock Clock) *agenda {
	return &agenda{
		clock: clock, due: map[item]bool{}, waiting: map[item]*timer{},
		limiter: workqueue.NewTypedItemExponentialFailureRateLimiter[item](5*time.Millisecond, 1000*time.Second),
	}
}

// add asks for a look at once. Asked for twice, it is taken once.
func (a *agenda) add(wanted item) {
	if !a.due[wanted] {
		a.due[wanted] = true
		a.ready = append(a.ready, wanted)
	}
}

// drop forgets what is asked for at once.
func (a *agenda) drop(unwanted item) {
	delete(a.due, unwanted)
	a.ready = slices.DeleteFunc(a.ready, func(have item) bool { return have == unwanted })
}

// addAfter asks for a look later. Of two times the earlier counts.
func (a *agenda) addAfter(wanted item, after time.Duration) {
	if after <= 0 {
		a.add(wanted)
		return
	}
	at := a.clock.Now().Add(after)
	have := a.waiting[wanted]
	switch {
	case have == nil:
		a.asked++
		have = &timer{item: wanted, at: at, asked: a.asked}
		a.waiting[wanted] = have
		heap.Push(&a.timers, have)
	case at.Before(have.at):
		have.at = at
		heap.Fix(&a.timers, have.place)
	}
}

// addFailed asks for another look after an error, each time later.
func (a *agenda) addFailed(wanted item) { a.addAfter(wanted, a.limiter.When(wanted)) }

// take gives the next item that is due.
func (a *agenda) take() (item, bool) {
	a.ring()
	if len(a.ready) == 0 {
		return item{}, false
	}
	next := a.ready[0]
	a.ready = a.ready[1:]
	delete(a.due, next)
	return next, true
}

// ring makes ready what has become due, in the order in which it was asked for.
func (a *agenda) ring() {
	now := a.clock.Now()
	var rung []*timer
	for next := a.timers.first(); next != nil && !next.at.After(now); next = a.timers.first() {
		heap.Pop(&a.timers)
		delete(a.waiting, next.item)
		rung = append(rung, next)
	}
	slices.SortFunc(rung, func(x, y *timer) int { return x.asked - y.asked })
	for _, next := range rung {
		a.add(next.item)
	}
}

// next tells when the next item that is not due yet will be.
func (a *agenda) next() (time.Time, bool) {
	first := a.timers.first()
	if first == nil {
		return time.Time{}, false
	}
	return first.at, true
}

// timer is one item that is due later.
type timer struct {
	item  item
	at    time.Time
	asked int
	// place is where the timer is in the heap.
	place int
}

// timers is a heap with the earliest on top: an agenda of thousands is taken from as fast as one of a few.
type timers struct{ heap []*timer }

// Len implements heap.Interface.
func (t *timers) Len() int { return len(t.heap) }

// Less implements heap.Interface.
func (t *timers) Less(i, j int) bool { return t.heap[i].at.Before(t.heap[j].at) }

// Swap implements heap.Interface.
func (t *timers) Swap(i, j int) {
	t.heap[i], t.heap[j] = t.heap[j], t.heap[i]
	t.heap[i].place, t.heap[j].place = i, j
}

// Push implements heap.Interface.
func (t *timers) Push(pushed any) {
	if next, ok := pushed.(*timer); ok {
		next.place = len(t.heap)
		t.heap = append(t.heap, next)
	}
}

// Pop implements heap.Interface.
func (t *timers) Pop() any {
	last := t.heap[len(t.heap)-1]
	t.heap = t.heap[:len(t.heap)-1]
	return last
}

// first is the timer that ends first; nil where there is none.
func (t *timers) first() *timer {
	if len(t.heap) == 0 {
		return nil
	}
	return t.heap[0]
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
