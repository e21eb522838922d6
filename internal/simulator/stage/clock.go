package stage

import "time"

// Clock is where a simulator's time comes from. The fake clocks of k8s.io/utils/clock/testing are such clocks, too.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

// SystemClock is the real time.
type SystemClock struct{}

// Now is the time.
func (SystemClock) Now() time.Time { return time.Now() }

// After sends the time once the duration has passed.
func (SystemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
