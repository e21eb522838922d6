// Command soak kills the operator again and again at random moments of issue, rotation and deletion, while people, vendors and the
// API server do their worst, and compares vendors and cluster at the end: no token may be lost, none made needlessly, no consumer
// cut off.
//
// Everything is real but the vendors and what runs in pods: a control plane, the chart, the operator's binary as a process, SIGKILL. The
// same seed gives the same workload; what happens at the same time is up to the machine.
//
// It is run by `make soak`, which builds what it starts.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout)
	stop()
	os.Exit(code)
}

// run returns the exit code: 0 when vendors and cluster agree.
func run(ctx context.Context, args []string, out io.Writer) int {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	rounds := flags.Int("rounds", 50, "how many rounds are played; in most of them the operator is killed")
	seed := flags.Uint64("seed", uint64(time.Now().UnixNano()), "seed of the workload")
	vendor := flags.String("vendor", "", "have tokens of this vendor only")
	keep := flags.Bool("keep", false, "keep logs and all else that was put out, also when all is well")
	race := flags.Bool("race", false, "have the operator run as bin/manager-race, and fail when that tells of a data race")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	chosen := slices.DeleteFunc(kinds(), func(k *kind) bool { return *vendor != "" && string(k.vendor) != *vendor })
	if len(chosen) == 0 {
		fmt.Fprintf(out, "soak: there is no vendor %q, only %v\n", *vendor, stack.Vendors())
		return 2
	}
	running, err := stack.New("soak")
	if err != nil {
		fmt.Fprintln(out, "soak:", err)
		return 1
	}
	defer func() { _ = running.Stop() }() // if something goes so wrong that the end is not reached
	if *race {
		if err := running.DetectRaces(); err != nil {
			fmt.Fprintln(out, "soak:", err)
			return 1
		}
	}
	s := newSoak(running, out, chosen, *rounds, *seed)
	s.race = *race
	s.run(ctx)
	return s.end(*keep)
}

// soak is the state of a run.
type soak struct {
	stack    *stack.Stack
	vendor   *stack.Simulator
	operator *stack.Operator
	kubelet  *stack.Kubelet
	observer *stack.Observer
	out      io.Writer
	random   *rand.Rand
	began    time.Time
	seed     uint64

	kinds  []*kind
	places []place
	// logins are the accounts of the places, dropped those whose Secret somebody deleted.
	logins  map[string]login
	dropped map[string]bool
	books   *books
	pulse   *pulse

	rounds, kills, outages, issued, leaked, needless int
	// refusedCalls are those of calls that consumers made and that nothing excuses.
	refusedCalls, calls int
	// refused are values that were in a Secret and not accepted, although nobody but the operator could have ended them.
	refused []string
	// exits are the times that the operator ended by itself although the API server answered, excusedExits how often it did not.
	exits        []string
	excusedExits int
	// stopFollowing ends what watches the cluster.
	stopFollowing func()

	// race: the operator is a build that tells of data races.
	race bool

	passed, failed int
}

func newSoak(running *stack.Stack, out io.Writer, chosen []*kind, rounds int, seed uint64) *soak {
	s := &soak{
		stack: running, out: &teller{to: out, stack: running}, rounds: rounds, seed: seed, began: time.Now(), kinds: chosen,
		logins: map[string]login{}, dropped: map[string]bool{}, books: newBooks(), pulse: &pulse{}, stopFollowing: func() {},
		random: rand.New(rand.NewPCG(seed, 0)), //nolint:gosec // a workload has to be repeatable, not secret
	}
	s.places = s.placesOf(chosen)
	return s
}

// teller prints, and keeps it among the things that were put out.
type teller struct {
	to    io.Writer
	stack *stack.Stack
}

// Write implements io.Writer.
func (t *teller) Write(text []byte) (int, error) {
	// The directory may be gone when the last lines are printed.
	_ = t.stack.Append("soak.txt", string(text))
	return t.to.Write(text)
}

// run starts everything, goes through the rounds, and judges.
func (s *soak) run(ctx context.Context) {
	fmt.Fprintf(s.out, "soak: %d rounds, seed %d\n", s.rounds, s.seed)
	if err := s.begin(ctx); err != nil {
		s.verdict("everything starts", err)
		return
	}
	for round := 1; round <= s.rounds; round++ {
		if err := s.round(ctx, round); err != nil {
			s.verdict(fmt.Sprintf("round %d can be played", round), err)
			return
		}
	}
	s.judge(ctx)
	s.summary()
}

// summary is the one line that says it all.
func (s *soak) summary() {
	fmt.Fprintf(s.out, "soak: rounds %d, kills %d, restarts of the API server %d, tokens issued %d, leaked %d, minted needlessly %d, refused calls of consumers %d of %d, seed %d\n",
		s.rounds, s.kills, s.outages, s.issued, s.leaked, s.needless, s.refusedCalls, s.calls, s.seed)
}

// elapsed is how long it has been running, in seconds.
func (s *soak) elapsed() float64 { return time.Since(s.began).Seconds() }

// verdict is one result.
func (s *soak) verdict(text string, err error) {
	if err == nil {
		s.passed++
		fmt.Fprintln(s.out, "ok  ", text)
		return
	}
	s.failed++
	fmt.Fprintf(s.out, "FAIL %s\n     %v\n", text, err)
}

// end stops everything and has the last word.
func (s *soak) end(keep bool) int {
	s.stopWatching()
	s.verdict("everything that was started ends well", s.stack.Stop())
	if s.failed == 0 && !keep {
		if err := s.stack.RemoveDir(); err != nil {
			s.verdict("the directory of the run is removed", err)
		}
	} else {
		fmt.Fprintf(s.out, "Logs, and all else that was put out, are in %s; repeat it with --seed %d\n", s.stack.Dir(), s.seed)
	}
	fmt.Fprintf(s.out, "%.0f seconds\n", s.elapsed())
	fmt.Fprintf(s.out, "soak: %d passed, %d failed\n", s.passed, s.failed)
	if s.failed > 0 {
		return 1
	}
	return 0
}

// stopWatching ends what would keep the API server from ending. It may be called again.
func (s *soak) stopWatching() {
	s.stopFollowing()
	if s.kubelet != nil {
		s.kubelet.Stop()
	}
	if s.observer != nil {
		s.observer.Stop()
	}
}
