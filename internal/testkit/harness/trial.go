package harness

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
)

// Trial is what a world has in place of a test where thousands are played: it keeps what was found, and fails nothing.
type Trial struct {
	context    context.Context
	violations []string
	cleanups   []func()
}

// NewTrial makes one.
func NewTrial(ctx context.Context) *Trial { return &Trial{context: ctx} }

// abandoned ends what cannot go on.
type abandoned struct{}

// Helper implements T.
func (*Trial) Helper() {}

// Error implements T.
func (t *Trial) Error(args ...any) { t.violations = append(t.violations, fmt.Sprint(args...)) }

// Errorf implements T.
func (t *Trial) Errorf(format string, args ...any) { t.Error(fmt.Sprintf(format, args...)) }

// Fatal implements T.
func (t *Trial) Fatal(args ...any) {
	t.Error(args...)
	panic(abandoned{})
}

// Fatalf implements T.
func (t *Trial) Fatalf(format string, args ...any) { t.Fatal(fmt.Sprintf(format, args...)) }

// Logf implements T. What a failed world tells of itself at its end is asked of it (World.Story).
func (*Trial) Logf(string, ...any) {}

// Failed tells whether something was found.
func (t *Trial) Failed() bool { return len(t.violations) > 0 }

// Violations are what was found, oldest first.
func (t *Trial) Violations() []string { return t.violations }

// Holds tells whether a judgement finds nothing, and forgets what it finds.
func (t *Trial) Holds(judgement func()) bool {
	before := len(t.violations)
	t.Try(judgement)
	found := t.violations[before:]
	t.violations = t.violations[:before]
	return len(found) == 0
}

// Cleanup implements T.
func (t *Trial) Cleanup(do func()) { t.cleanups = append(t.cleanups, do) }

// Context implements T.
func (t *Trial) Context() context.Context { return t.context }

// Run plays something to its end, or until it cannot go on, and cleans up.
func (t *Trial) Run(play func()) {
	defer t.Clean()
	t.Try(play)
}

// Try plays something to its end, or until it cannot go on. A panic is something that was found.
func (t *Trial) Try(play func()) {
	defer func() {
		if ended := recover(); ended != nil {
			if _, knows := ended.(abandoned); !knows {
				t.Errorf("panic: %v\n%s", ended, debug.Stack())
			}
		}
	}()
	play()
}

// Clean does what Cleanup was told, last first.
func (t *Trial) Clean() {
	for _, do := range slices.Backward(t.cleanups) {
		do()
	}
	t.cleanups = nil
}
