package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// chapter is a part of the story: what is done and checked, one after the other, until something fails.
type chapter struct {
	title string
	// aside: the story goes on when something fails here.
	aside bool
	steps []step
}

// step does something or checks something.
type step struct {
	text string
	run  func(context.Context) error
	// counts: it is a check, with a number of its own.
	counts bool
}

// do is a step of the story.
func do(text string, run func(context.Context) error) step { return step{text: text, run: run} }

// check is something that must hold. Its error says what was expected and what was found.
func check(text string, run func(context.Context) error) step {
	return step{text: text, run: run, counts: true}
}

// report prints the story and keeps the score.
type report struct {
	out            io.Writer
	began          time.Time
	logs           string
	number         int
	passed, failed int
}

// play goes through chapters and tells whether all of them went well.
func (r *report) play(ctx context.Context, chapters ...chapter) bool {
	well := true
	for _, c := range chapters {
		if r.chapter(ctx, c) {
			continue
		}
		well = false
		if !c.aside || ctx.Err() != nil {
			return false
		}
	}
	return well
}

func (r *report) chapter(ctx context.Context, c chapter) bool {
	if c.title != "" {
		fmt.Fprintf(r.out, "\n== %s (%.0f s)\n", c.title, time.Since(r.began).Seconds())
	}
	for _, s := range c.steps {
		if !s.counts {
			fmt.Fprintf(r.out, "        %s\n", s.text)
		}
		err := s.run(ctx)
		switch {
		case err != nil:
			r.fail(s.text, err)
			return false
		case s.counts:
			r.number++
			r.passed++
			fmt.Fprintf(r.out, "ok   %02d %s\n", r.number, s.text)
		}
	}
	return true
}

// fail reports what was expected, what was found and where to look.
func (r *report) fail(text string, err error) {
	r.number++
	r.failed++
	fmt.Fprintf(r.out, "FAIL %02d %s\n", r.number, text)
	fmt.Fprintf(r.out, "        %s\n", strings.ReplaceAll(err.Error(), "\n", "\n        "))
	fmt.Fprintf(r.out, "        logs: %s\n", r.logs)
}
