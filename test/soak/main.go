// Command soak kills the operator again and again at random moments of issue and deletion, while people and the vendor
// do their worst, and compares vendor and cluster at the end: no token may be lost, none made needlessly, no value that
// is in use refused.
//
// Everything is real but the vendor: a control plane, the chart, the operator's binary as a process, SIGKILL. The same
// seed gives the same workload; what happens at the same time is up to the machine.
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

// run returns the exit code: 0 when vendor and cluster agree.
func run(ctx context.Context, args []string, out io.Writer) int {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	rounds := flags.Int("rounds", 50, "how often the operator is killed")
	seed := flags.Uint64("seed", uint64(time.Now().UnixNano()), "seed of the workload")
	keep := flags.Bool("keep", false, "keep logs and all else that was put out, also when all is well")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	running, err := stack.New("soak")
	if err != nil {
		fmt.Fprintln(out, "soak:", err)
		return 1
	}
	defer func() { _ = running.Stop() }() // if something goes so wrong that the end is not reached
	s := newSoak(running, out, *rounds, *seed)
	s.run(ctx)
	return s.end(*keep)
}

// soak is the state of a run.
type soak struct {
	stack    *stack.Stack
	vendor   *stack.Simulator
	operator *stack.Operator
	out      io.Writer
	random   *rand.Rand
	began    time.Time
	seed     uint64

	rounds, kills, sequence int
	// revoked are the IDs of tokens that a person revoked.
	revoked map[string]bool
	// lost counts the creates that the vendor carried out and whose answer a fault has eaten.
	lost int
	// refused are values that were in a Secret and not accepted, although nobody but the operator could have ended them.
	refused []string
	// exits are the times that the operator ended by itself.
	exits []string

	passed, failed int
}

func newSoak(running *stack.Stack, out io.Writer, rounds int, seed uint64) *soak {
	return &soak{
		stack: running, out: out, rounds: rounds, seed: seed, began: time.Now(), revoked: map[string]bool{},
		random: rand.New(rand.NewPCG(seed, 0)), //nolint:gosec // a workload has to be repeatable, not secret
	}
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
}

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
	s.verdict("everything that was started ends well", s.stack.Stop())
	if s.failed == 0 && !keep {
		if err := s.stack.RemoveDir(); err != nil {
			s.verdict("the directory of the run is removed", err)
		}
	} else {
		fmt.Fprintf(s.out, "Logs, and all else that was put out, are in %s; repeat it with --seed %d\n", s.stack.Dir(), s.seed)
	}
	fmt.Fprintf(s.out, "%.0f seconds\n", time.Since(s.began).Seconds())
	fmt.Fprintf(s.out, "soak: %d passed, %d failed\n", s.passed, s.failed)
	if s.failed > 0 {
		return 1
	}
	return 0
}
