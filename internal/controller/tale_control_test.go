package controller_test

import (
	"flag"
	"fmt"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Who claims what is wrong is shown so, by a tale in which nothing is left that has nothing to do with it: that no second token is ever made is
// refuted by almost anything that happens, and the tale that tells so has one step or two.
func TestTalesAreMadeShort(t *testing.T) {
	always(t, map[string]string{"rapid.seed": "1", "rapid.checks": "100"})
	refuted := func(l *tale) {
		if made := l.Made(); len(made) > 1 {
			l.trial.Errorf("%d tokens were made", len(made))
		}
	}
	found := &recorder{}
	found.check(func(t *rapid.T) { tell(t, scenes()[0], refuted, func(*tale) {}) })
	steps := regexp.MustCompile(`a tale at Causely in (\d+) steps`).FindStringSubmatch(found.text())
	if !found.failed || steps == nil {
		t.Fatalf("nothing was found:\n%s", found.text())
	}
	if count, err := strconv.Atoi(steps[1]); err != nil || count > 2 {
		t.Errorf("a tale in %s steps, want 2 at most:\n%s", steps[1], found.text())
	}
	for _, want := range []string{"[rapid] failed after", ": 2 tokens were made", "what happened in detail", "somebody creates GatewayToken mediator"} {
		if !strings.Contains(found.text(), want) {
			t.Errorf("%q is not told:\n%s", want, found.text())
		}
	}
	t.Log(found.text())
}

// always has flags set for one test, which runs beside no other.
func always(t *testing.T, flags map[string]string) {
	t.Helper()
	for name, value := range flags {
		before := flag.Lookup(name).Value.String()
		t.Cleanup(func() {
			if err := flag.Set(name, before); err != nil {
				t.Error(err)
			}
		})
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
}

// recorder is a test that may fail: what it is told is kept.
type recorder struct {
	rapid.TB
	failed bool
	told   []string
}

// check has rapid check a property, and comes back whatever it finds.
func (r *recorder) check(property func(*rapid.T)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		rapid.Check(r, property)
	}()
	<-done
}

func (r *recorder) text() string { return strings.Join(r.told, "\n") }

// Helper implements rapid.TB, as do the others.
func (*recorder) Helper() {}

func (*recorder) Name() string { return "a test that may fail" }

func (r *recorder) Log(args ...any) { r.told = append(r.told, fmt.Sprint(args...)) }

func (r *recorder) Logf(format string, args ...any) { r.Log(fmt.Sprintf(format, args...)) }

func (r *recorder) Errorf(format string, args ...any) {
	r.Logf(format, args...)
	r.failed = true
}

func (r *recorder) FailNow() {
	r.failed = true
	runtime.Goexit()
}

func (r *recorder) Failed() bool { return r.failed }
