package stack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// PollInterval is how often a condition is asked for: what is waited for takes milliseconds when all goes well.
const PollInterval = 100 * time.Millisecond

// ErrNever ends a wait at once: what is waited for cannot come any more.
var ErrNever = errors.New("cannot come any more")

// Await asks until the condition holds, that is until it returns nil, for at most the patience. Its error is the
// condition's last, which says what was expected and what was found.
func Await(ctx context.Context, patience time.Duration, condition func(context.Context) error) error {
	return AwaitEvery(ctx, PollInterval, patience, condition)
}

// AwaitEvery is Await with an interval of the caller's.
func AwaitEvery(ctx context.Context, interval, patience time.Duration, condition func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, interval, patience, true, func(ctx context.Context) (bool, error) {
		found := condition(ctx)
		// When the wait is over, what was found before says more than "deadline exceeded".
		if found == nil || last == nil || ctx.Err() == nil {
			last = found
		}
		return last == nil || errors.Is(last, ErrNever), nil
	})
	switch {
	case err == nil:
		return last // nil, or that it can never come
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		return fmt.Errorf("not within %s: %w", patience, errors.Join(last, onlyIfNil(last, err)))
	}
}

func onlyIfNil(first, second error) error {
	if first == nil {
		return second
	}
	return nil
}
