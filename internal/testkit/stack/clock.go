package stack

import (
	"context"
	"time"
)

// now is the time by which everything here is noted that happens while processes run.
func now() time.Time { return time.Now() }

// Pause returns after the time, or when the context ends.
func Pause(ctx context.Context, length time.Duration) {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
