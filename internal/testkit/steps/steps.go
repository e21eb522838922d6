// Package steps plays what a program does and checks, one thing after the other, and prints each check with a number: the demo, and the
// end-to-end tests with tools that the operator meets.
package steps

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// Chapter is a part of the story: what is done and checked, one after the other, until something fails.
type Chapter struct {
	Title string
	// Aside: the story goes on when something fails here.
	Aside bool
	Steps []Step
}

// Step does something or checks something.
type Step struct {
	text string
	run  func(context.Context) error
	// counts: it is a check, with a number of its own.
	counts bool
}

// Do is a step of the story.
func Do(text string, run func(context.Context) error) Step { return Step{text: text, run: run} }

// Check is something that must hold. Its error says what was expected and what was found.
func Check(text string, run func(context.Context) error) Step {
	return Step{text: text, run: run, counts: true}
}

// Both holds when all conditions do, which are tried in turn.
func Both(conditions ...func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, condition := range conditions {
			if err := condition(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// Report prints the story and keeps the score.
type Report struct {
	Out io.Writer
	// Began is when the program was started.
	Began time.Time

	name           string
	stack          *stack.Stack
	number         int
	passed, failed int
}

// NewReport prints to the writer, and among the things that the run puts out to the channel <name>.txt.
func NewReport(name string, running *stack.Stack, to io.Writer) *Report {
	return &Report{Out: &teller{to: to, stack: running, channel: name + ".txt"}, Began: now(), name: name, stack: running}
}

// teller prints the story and keeps it among the things that were put out.
type teller struct {
	to      io.Writer
	stack   *stack.Stack
	channel string
}

// Write implements io.Writer.
func (t *teller) Write(text []byte) (int, error) {
	// The directory may be gone when the last lines are printed.
	_ = t.stack.Append(t.channel, string(text))
	return t.to.Write(text)
}

// Play goes through chapters and tells whether all of them went well.
func (r *Report) Play(ctx context.Context, chapters ...Chapter) bool {
	well := true
	for _, c := range chapters {
		if r.chapter(ctx, c) {
			continue
		}
		well = false
		if !c.Aside || ctx.Err() != nil {
			return false
		}
	}
	return well
}

func (r *Report) chapter(ctx context.Context, c Chapter) bool {
	if c.Title != "" {
		fmt.Fprintf(r.Out, "\n== %s (%.0f s)\n", c.Title, now().Sub(r.Began).Seconds())
	}
	for _, s := range c.Steps {
		if !s.counts {
			fmt.Fprintf(r.Out, "        %s\n", s.text)
		}
		err := s.run(ctx)
		switch {
		case err != nil:
			r.fail(s.text, err)
			return false
		case s.counts:
			r.number++
			r.passed++
			fmt.Fprintf(r.Out, "ok   %02d %s\n", r.number, s.text)
		}
	}
	return true
}

// fail reports what was expected, what was found and where to look.
func (r *Report) fail(text string, err error) {
	r.number++
	r.failed++
	fmt.Fprintf(r.Out, "FAIL %02d %s\n", r.number, text)
	fmt.Fprintf(r.Out, "        %s\n", strings.ReplaceAll(err.Error(), "\n", "\n        "))
	fmt.Fprintf(r.Out, "        logs: %s\n", r.stack.Dir())
}

// End stops everything, says where to look after a failure or where it is to be kept, and has the last word. It returns the exit code: 0
// when all checks passed.
func (r *Report) End(keep bool) int {
	if err := r.stack.Stop(); err != nil {
		r.fail("everything that was started ends well", err)
	}
	if r.failed == 0 && !keep {
		if err := r.stack.RemoveDir(); err != nil {
			r.fail("the directory of the run is removed", err)
		}
	} else {
		fmt.Fprintf(r.Out, "\nLogs, and all else that was put out, are in %s\n", r.stack.Dir())
	}
	fmt.Fprintf(r.Out, "\n%.0f seconds\n", now().Sub(r.Began).Seconds())
	fmt.Fprintf(r.Out, "%s: %d passed, %d failed\n", r.name, r.passed, r.failed)
	if r.failed > 0 {
		return 1
	}
	return 0
}
