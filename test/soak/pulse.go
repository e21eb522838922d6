package main

import (
	"context"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

const (
	// beatEvery is how often the API server is asked for something, beatPatience how long it may take to answer.
	beatEvery, beatPatience = 100 * time.Millisecond, time.Second
	// unwell is how long it must have left somebody without an answer for an operator that could not renew its Lease to be right to end: its
	// deadline is two seconds, and one that has just been renewed is not renewed at once.
	unwell = time.Second
)

// pulse knows when the API server did not answer: it was killed, or the machine is too busy. It is safe for concurrent use.
type pulse struct {
	guard sync.Mutex
	// answered is when it did last, failed when it last turned out that it had not done so for long.
	answered, failed time.Time
}

// beats asks until the context ends.
func (p *pulse) beats(ctx context.Context, from client.Client) {
	p.at(time.Now(), true)
	for ctx.Err() == nil {
		within, cancel := context.WithTimeout(ctx, beatPatience)
		err := from.List(within, &coordinationv1.LeaseList{}, client.InNamespace(stack.ReleaseNamespace))
		cancel()
		p.at(time.Now(), err == nil)
		stack.Pause(ctx, beatEvery)
	}
}

func (p *pulse) at(now time.Time, answered bool) {
	p.guard.Lock()
	defer p.guard.Unlock()
	if !p.answered.IsZero() && now.Sub(p.answered) >= unwell {
		p.failed = now
	}
	if answered {
		p.answered = now
	}
}

// failedSince tells whether there was a time without an answer that did not end before.
func (p *pulse) failedSince(when, now time.Time) bool {
	p.at(now, false)
	p.guard.Lock()
	defer p.guard.Unlock()
	return !p.failed.Before(when)
}
