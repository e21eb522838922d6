package simulator_test

import (
	"slices"
	"sync"
	"time"
)

// testTime is when fake clocks begin; not a whole second, since the vendor's times are.
func testTime() time.Time { return time.Date(2026, time.May, 26, 19, 16, 45, 123, time.UTC) }

// fakeClock stands still until it is moved.
type fakeClock struct {
	mu      sync.Mutex
	now     time.Time
	waiters []waiter
}

type waiter struct {
	until time.Time
	fire  chan time.Time
}

func newFakeClock() *fakeClock { return &fakeClock{now: testTime()} }

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := waiter{until: c.now.Add(d), fire: make(chan time.Time, 1)}
	c.waiters = append(c.waiters, w)
	return w.fire
}

// Step moves the clock and wakes whoever has waited long enough.
func (c *fakeClock) Step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.waiters = slices.DeleteFunc(c.waiters, func(w waiter) bool {
		due := !w.until.After(c.now)
		if due {
			w.fire <- c.now
		}
		return due
	})
}

// HasWaiters says whether somebody waits.
func (c *fakeClock) HasWaiters() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiters) > 0
}
