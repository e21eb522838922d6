package stack

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

var errNotYet = errors.New("expected it to be there, found nothing")

func TestAwait(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := map[string]struct {
		reason    string
		ctx       context.Context
		condition func(attempt int) error
		want      error
		attempts  int // 0: does not matter
	}{
		"AtOnce":    {reason: "what holds is not waited for", condition: func(int) error { return nil }, attempts: 1},
		"Later":     {reason: "it is asked again", condition: func(n int) error { return map[bool]error{true: errNotYet}[n < 3] }, attempts: 3},
		"Never":     {reason: "the error says what was missing", condition: func(int) error { return errNotYet }, want: errNotYet},
		"Hopeless":  {reason: "no time is lost on what cannot come", condition: func(int) error { return ErrNever }, want: ErrNever, attempts: 1},
		"Cancelled": {reason: "whoever waits may leave", ctx: cancelled, condition: func(int) error { return errNotYet }, want: context.Canceled},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			ctx := tc.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			patience := time.Hour
			if errors.Is(tc.want, errNotYet) { // it alone is waited for in vain
				patience = 20 * time.Millisecond
			}
			var attempts int
			err := AwaitEvery(ctx, time.Millisecond, patience, func(context.Context) error {
				attempts++
				return tc.condition(attempts)
			})
			if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
				t.Errorf("%s: error %v, want %v", tc.reason, err, tc.want)
			}
			if tc.attempts > 0 && attempts != tc.attempts {
				t.Errorf("%s: %d attempts, want %d", tc.reason, attempts, tc.attempts)
			}
		})
	}
}

// A condition that fails because the wait is over must not hide what it found before.
func TestAwaitKeepsWhatWasFound(t *testing.T) {
	first := true
	err := AwaitEvery(t.Context(), time.Millisecond, 20*time.Millisecond, func(ctx context.Context) error {
		if first {
			first = false
			return errNotYet
		}
		<-ctx.Done()
		return ctx.Err()
	})
	if err == nil || !strings.Contains(err.Error(), errNotYet.Error()) {
		t.Errorf("error %v does not say what was missing", err)
	}
}
