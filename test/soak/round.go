package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

const (
	// longest is how long a round waits for its moment to kill.
	longest = 3 * time.Second
	// farthest is the greatest distance of two actions.
	farthest = 100 * time.Millisecond
	// watchEvery is how often the vendor is asked whether the moment has come.
	watchEvery = 5 * time.Millisecond
)

// round lets the operator lead, lets things happen, kills it, lets more happen, and starts it again.
func (s *soak) round(ctx context.Context, round int) error {
	if err := s.lead(ctx); err != nil {
		return err
	}
	if err := s.countRefused(ctx); err != nil {
		return err
	}
	faults := s.drawFaults()
	if err := s.changeFaults(ctx, faults); err != nil {
		return err
	}
	killed, moment := s.killSoon(ctx)
	acted := s.actSome(ctx, 5+s.random.IntN(8))
	if err := errors.Join(acted, <-killed); err != nil {
		return err
	}
	if err := s.actSome(ctx, s.random.IntN(3)); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "round %d: killed %s; faults: %s (%.0f s)\n", round, moment, named(faults), time.Since(s.began).Seconds())
	return s.operator.Start(ctx)
}

// lead returns when the operator leads. One that has ended by itself is started again, as the kubelet would, and counted.
func (s *soak) lead(ctx context.Context) error {
	if err := s.operator.Ended(); err != nil {
		s.exits = append(s.exits, err.Error())
		if err := s.operator.Start(ctx); err != nil {
			return err
		}
	}
	return s.operator.AwaitLeader(ctx)
}

// actSome does random things at random distances, so that the operator is at work in between.
func (s *soak) actSome(ctx context.Context, times int) error {
	for range times {
		if err := s.act(ctx); err != nil {
			return err
		}
		if err := wait(ctx, time.Duration(s.random.Int64N(int64(farthest)))); err != nil {
			return err
		}
	}
	return nil
}

// wait returns after the time, or with the context's error.
func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// killSoon kills the operator at a random moment: after a while, or right after the vendor was called for something
// that changes its state. It says which; the error comes when it is done.
func (s *soak) killSoon(ctx context.Context) (done <-chan error, moment string) {
	route := []string{"", causely.RouteCreate, causely.RouteCreate, causely.RouteRevoke, causely.RouteList}[s.random.IntN(5)]
	nth, late := 1+s.random.IntN(3), time.Duration(s.random.IntN(40))*time.Millisecond
	moment = fmt.Sprintf("%s after call %d of %s", late, nth, route)
	if route == "" {
		late = time.Duration(s.random.Int64N(int64(longest)))
		moment = late.Round(time.Millisecond).String() + " after the start of the round"
	}
	ended := make(chan error, 1)
	go func() {
		ended <- s.kill(ctx, route, nth, late)
	}()
	return ended, moment
}

// kill waits for the call, if there is one to wait for, then for a little more, and kills.
func (s *soak) kill(ctx context.Context, route string, nth int, late time.Duration) error {
	if route != "" {
		before, err := s.vendor.Truth(ctx)
		if err != nil {
			return err
		}
		// When the call does not come within the time, this is a random moment, too.
		_ = stack.AwaitEvery(ctx, watchEvery, longest, func(ctx context.Context) error {
			now, err := s.vendor.Truth(ctx)
			if err == nil && now.Calls[route] < before.Calls[route]+nth {
				err = errors.New("the call has not come yet")
			}
			return err
		})
	}
	if err := wait(ctx, late); err != nil {
		return err
	}
	if err := s.operator.Ended(); err != nil {
		s.exits = append(s.exits, err.Error())
		return nil
	}
	s.kills++
	return s.operator.Kill()
}

// changeFaults puts new faults in the place of the old ones. An answer to a create that was to be lost and that no create has met
// yet stays to be lost: it is what the whole thing is about.
func (s *soak) changeFaults(ctx context.Context, faults []stack.Fault) error {
	unmet, err := s.clearFaults(ctx)
	return errors.Join(err, s.vendor.AddFaults(ctx, append(faults, unmet...)...))
}

// clearFaults ends all faults, after having counted what they did, and gives the lost answers that no create has met.
func (s *soak) clearFaults(ctx context.Context) (unmet []stack.Fault, err error) {
	old, err := s.vendor.Faults(ctx)
	if err != nil {
		return nil, err
	}
	for _, fault := range old {
		if fault.Route != causely.RouteCreate || !answerLost(fault.Kind) {
			continue
		}
		s.lost += fault.Hits
		if fault.Hits == 0 {
			fault.ID = ""
			unmet = append(unmet, fault)
		}
	}
	return unmet, s.vendor.ClearFaults(ctx)
}

// answerLost tells whether a call is carried out and its answer eaten.
func answerLost(kind stage.Kind) bool {
	return slices.Contains([]stage.Kind{stage.CutAfterCommit, stage.HangAfterCommit, stage.StatusAfterCommit, stage.LateCommit}, kind)
}

// drawFaults draws what goes wrong at the vendor: nothing in a third of the rounds.
func (s *soak) drawFaults() []stack.Fault {
	var drawn []stack.Fault
	for range s.random.IntN(3) {
		drawn = append(drawn, s.drawFault())
	}
	return drawn
}

func (s *soak) drawFault() stack.Fault {
	route := []string{causely.RouteCreate, causely.RouteCreate, causely.RouteRevoke, causely.RouteRevoke, causely.RouteList, causely.RouteLogin}[s.random.IntN(6)]
	kinds := []stack.Fault{
		{Kind: stage.CutAfterCommit}, {Kind: stage.HangAfterCommit}, {Kind: stage.StatusAfterCommit, Status: 500},
		// Below settle, which is what the operator waits for.
		{Kind: stage.LateCommit, Delay: (500*time.Millisecond + time.Duration(s.random.IntN(1000))*time.Millisecond).String()},
		{Kind: stage.Status, Status: 503}, {Kind: stage.Status, Status: 429, RetryAfter: "1"}, {Kind: stage.CutBeforeCommit},
	}
	fault := kinds[s.random.IntN(len(kinds))]
	fault.Route, fault.Times, fault.After = route, 1+s.random.IntN(3), s.random.IntN(2)
	return fault
}

func named(faults []stack.Fault) string {
	if len(faults) == 0 {
		return "none"
	}
	var text string
	for i, fault := range faults {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s %s", fault.Route, fault.Kind)
		if fault.Kind == stage.Status {
			text += fmt.Sprintf(" %d", fault.Status)
		}
		text += fmt.Sprintf(" x%d", fault.Times)
	}
	return text
}
