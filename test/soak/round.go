package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

const (
	// longest is how long a round waits for its moment to kill.
	longest = 3 * time.Second
	// farthest is the greatest distance of two actions.
	farthest = 100 * time.Millisecond
	// watchEvery is how often the vendors are asked whether the moment has come.
	watchEvery = 5 * time.Millisecond
	// peace is how long the operator is left alone at times, so that it gets to what it must lead some time for.
	peace = 6 * time.Second
)

// end is how a round ends.
type end int

const (
	kill    end = iota // SIGKILL
	stop               // SIGTERM
	restart            // the API server and etcd are killed, and the operator lives or not
)

// String says what is done.
func (e end) String() string { return []string{"killed", "told to stop", "the API server killed"}[e] }

// drawEnd draws how a round ends.
func (s *soak) drawEnd() end {
	switch drawn := s.random.IntN(20); {
	case drawn == 0:
		return restart
	case drawn < 3:
		return stop
	default:
		return kill
	}
}

// round lets the operator lead, lets things happen, ends it, lets more happen, and starts it again.
func (s *soak) round(ctx context.Context, round int) error {
	if err := errors.Join(s.lead(ctx), s.countRefused(ctx)); err != nil {
		return err
	}
	if err := s.restoreCredentials(ctx, func() bool { return s.random.IntN(2) == 0 }); err != nil {
		return err
	}
	faults, how := s.drawFaults(), s.drawEnd()
	if err := s.changeFaults(ctx, faults); err != nil {
		return err
	}
	if s.random.IntN(6) == 0 {
		stack.Pause(ctx, peace)
	}
	acts, before := 5+s.random.IntN(8), 0
	if how == restart {
		// Nobody does anything while the API server is away: what came of it would not be known.
		before = acts - 2
	}
	if err := s.actSome(ctx, before); err != nil {
		return err
	}
	ended, moment := s.endSoon(ctx, how)
	acted := s.actSome(ctx, acts-before)
	if err := errors.Join(acted, <-ended); err != nil {
		return err
	}
	if how == restart {
		if err := s.restartAPIServer(ctx); err != nil {
			return err
		}
	}
	if err := s.actSome(ctx, s.random.IntN(3)); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "round %d of %d: %s; faults: %s (%.0f s)\n", round, s.rounds, moment, named(faults), s.elapsed())
	if how == restart {
		return nil
	}
	return s.start(ctx)
}

func (s *soak) start(ctx context.Context) error {
	s.books.startsSpan(time.Now())
	return s.operator.Start(ctx)
}

// restartAPIServer kills it in the middle of what the operator does. An operator that cannot renew its Lease ends, which is what it must do,
// and loses what it had in hand.
func (s *soak) restartAPIServer(ctx context.Context) error {
	s.outages++
	return s.stack.RestartAPIServer(ctx)
}

// lead returns when the operator leads. One that has ended by itself is started again, as the kubelet would, and counted.
func (s *soak) lead(ctx context.Context) error {
	for {
		if err := s.operator.Ended(); err != nil {
			s.ended(err)
			if err := s.start(ctx); err != nil {
				return err
			}
		}
		err := s.operator.AwaitLeader(ctx)
		if err == nil || !errors.Is(err, stack.ErrNever) {
			return err
		}
	}
}

// ended takes note of an operator that has ended by itself.
func (s *soak) ended(how error) {
	now := time.Now()
	unwell := s.pulse.failedSince(s.books.spanBegan(), now)
	if unwell {
		s.excusedExits++
	} else {
		s.exits = append(s.exits, fmt.Sprintf("at %.0f s: %v", s.elapsed(), how))
	}
	s.books.endsSpan(now, true, unwell)
}

// actSome does random things at random distances, so that the operator is at work in between.
func (s *soak) actSome(ctx context.Context, times int) error {
	for range times {
		if err := s.act(ctx); err != nil {
			return err
		}
		stack.Pause(ctx, time.Duration(s.random.Int64N(int64(farthest))))
	}
	return ctx.Err()
}

// endSoon ends the operator at a random moment: after a while, or right after a vendor was called for something that
// changes its state. It says which; the error comes when it is done.
func (s *soak) endSoon(ctx context.Context, how end) (done <-chan error, moment string) {
	k := s.kinds[s.random.IntN(len(s.kinds))]
	route := []string{"", k.creates, k.creates, k.revokes, k.lists}[s.random.IntN(5)]
	nth, late := 1+s.random.IntN(3), time.Duration(s.random.IntN(40))*time.Millisecond
	moment = fmt.Sprintf("%s %s after call %d of %s", how, late, nth, route)
	if route == "" {
		late = time.Duration(s.random.Int64N(int64(longest)))
		moment = fmt.Sprintf("%s %s after the start of the round", how, late.Round(time.Millisecond))
	}
	ended := make(chan error, 1)
	go func() {
		err := s.awaitMoment(ctx, route, nth, late)
		if err == nil && how != restart {
			err = s.endNow(how)
		}
		ended <- err
	}()
	return ended, moment
}

// awaitMoment waits for the call, if there is one to wait for, then for a little more.
func (s *soak) awaitMoment(ctx context.Context, route string, nth int, late time.Duration) error {
	if route != "" {
		before, err := s.vendor.Calls(ctx)
		if err != nil {
			return err
		}
		// When the call does not come within the time, this is a random moment, too.
		_ = stack.AwaitEvery(ctx, watchEvery, longest, func(ctx context.Context) error {
			now, err := s.vendor.Calls(ctx)
			if err == nil && now.Calls[route] < before.Calls[route]+nth {
				err = errors.New("the call has not come yet")
			}
			return err
		})
	}
	stack.Pause(ctx, late)
	return ctx.Err()
}

// endNow ends the operator.
func (s *soak) endNow(how end) error {
	if err := s.operator.Ended(); err != nil {
		s.ended(err)
		return nil
	}
	if how == stop {
		if err := s.operator.Stop(); err != nil {
			s.exits = append(s.exits, err.Error())
		}
		// What it has in hand is published before it ends.
		s.books.endsSpan(time.Now(), false, false)
		return nil
	}
	s.kills++
	err := s.operator.Kill()
	now := time.Now()
	s.books.endsSpan(now, true, s.pulse.failedSince(s.books.spanBegan(), now))
	return err
}

// changeFaults puts new faults in the place of the old ones. An answer to a create that was to be lost and that no create has met
// yet stays to be lost: it is what the whole thing is about.
func (s *soak) changeFaults(ctx context.Context, faults []stack.Fault) error {
	old, err := s.vendor.Faults(ctx)
	if err != nil {
		return err
	}
	for _, fault := range old {
		creates := slices.ContainsFunc(s.kinds, func(k *kind) bool { return k.creates == fault.Route })
		if creates && answerLost(fault.Kind) && fault.Hits == 0 {
			fault.ID = ""
			faults = append(faults, fault)
		}
	}
	if err := s.vendor.ClearFaults(ctx); err != nil {
		return err
	}
	return s.vendor.AddFaults(ctx, faults...)
}

// answerLost tells whether a call is carried out and its answer eaten.
func answerLost(kind stage.Kind) bool {
	return slices.Contains([]stage.Kind{stage.CutAfterCommit, stage.HangAfterCommit, stage.StatusAfterCommit, stage.LateCommit, stage.TruncatedBody}, kind)
}

// drawFaults draws what goes wrong at the vendors: nothing in some of the rounds.
func (s *soak) drawFaults() []stack.Fault {
	var drawn []stack.Fault
	for range s.random.IntN(5) {
		drawn = append(drawn, s.drawFault())
	}
	return drawn
}

func (s *soak) drawFault() stack.Fault {
	routes := s.kinds[s.random.IntN(len(s.kinds))].routes()
	kinds := []stack.Fault{
		{Kind: stage.CutAfterCommit}, {Kind: stage.HangAfterCommit}, {Kind: stage.StatusAfterCommit, Status: 500}, {Kind: stage.TruncatedBody},
		// Below settle, which is what the operator waits for.
		{Kind: stage.LateCommit, Delay: (500*time.Millisecond + time.Duration(s.random.IntN(1000))*time.Millisecond).String()},
		{Kind: stage.Status, Status: 503}, {Kind: stage.Status, Status: 429, RetryAfter: "1"}, {Kind: stage.CutBeforeCommit},
		{Kind: stage.Latency, Delay: (time.Duration(100+s.random.IntN(1500)) * time.Millisecond).String()},
	}
	fault := kinds[s.random.IntN(len(kinds))]
	fault.Route, fault.Times, fault.After = routes[s.random.IntN(len(routes))], 1+s.random.IntN(3), s.random.IntN(2)
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
