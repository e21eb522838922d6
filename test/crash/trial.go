package main

import (
	"context"
	"fmt"
	"slices"
)

// trial is what a world of one run has in place of a test: it keeps what was found.
type trial struct {
	context    context.Context //nolint:containedctx // as testing.T has it
	violations []string
	notes      []string
	cleanups   []func()
}

// abandoned ends a run that cannot go on.
type abandoned struct{}

func (*trial) Helper() {}

func (t *trial) Error(args ...any) { t.violations = append(t.violations, fmt.Sprint(args...)) }

func (t *trial) Errorf(format string, args ...any) { t.Error(fmt.Sprintf(format, args...)) }

func (t *trial) Fatal(args ...any) {
	t.Error(args...)
	panic(abandoned{})
}

func (t *trial) Fatalf(format string, args ...any) { t.Fatal(fmt.Sprintf(format, args...)) }

// Logf keeps what a failed world tells of itself at its end: the story.
func (t *trial) Logf(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

func (t *trial) Failed() bool { return len(t.violations) > 0 }

// holds tells whether a judgement finds nothing, and forgets what it finds.
func (t *trial) holds(judgement func()) (held bool) {
	before := len(t.violations)
	defer func() {
		held = len(t.violations) == before
		t.violations = t.violations[:before]
		if ended := recover(); ended != nil && ended != any(abandoned{}) {
			panic(ended)
		}
	}()
	judgement()
	return held
}

func (t *trial) Cleanup(do func()) { t.cleanups = append(t.cleanups, do) }

func (t *trial) Context() context.Context { return t.context }

// run plays something to its end, or until it cannot go on, and cleans up.
func (t *trial) run(play func()) {
	defer func() {
		for _, do := range slices.Backward(t.cleanups) {
			do()
		}
	}()
	defer func() {
		if ended := recover(); ended != nil {
			if _, knows := ended.(abandoned); !knows {
				t.Errorf("panic: %v\n%s", ended, stack())
			}
		}
	}()
	play()
}
