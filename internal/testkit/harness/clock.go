package harness

import (
	"context"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// beginning is when every world begins. It is no whole second, since real clocks hardly ever show one.
func beginning() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 250_000_000, time.UTC) }

const (
	// stride is how long one look at one object takes: no two begin at the same instant.
	stride = time.Millisecond
	// horizon is how far Settle lets time pass for what is due very soon, such as a second look.
	horizon = 20 * time.Millisecond
)

// Clock is the world's: it stands still until it is moved. Everything shares it, the vendor and the API server's own
// times included.
type Clock struct{ *clocktesting.FakeClock }

func newClock() Clock { return Clock{clocktesting.NewFakeClock(beginning())} }

// wait is how a pace waits in a world: time passes.
func (c Clock) wait(_ context.Context, d time.Duration) error {
	c.Step(d)
	return nil
}

// serverClock is the API server's clock as the operator knows it.
type serverClock struct{ ahead time.Duration }

// Offset implements the controllers' ServerClock.
func (s *serverClock) Offset() time.Duration { return s.ahead }
