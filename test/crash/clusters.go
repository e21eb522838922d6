package main

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// settleDown makes another cluster at the same vendor, with a token of its own.
func (p *play) settleDown() {
	p.neighbour = harness.New(p.t, p.plane, connect, harness.Beside(p.World), generously())
	p.neighbour.Watch()
	_, p.neighbours = p.neighbour.Ask(harness.Overlapping(overlap))
	p.pass(time.Minute)
}

// copied makes a copy of the cluster, whose operator sees that it is one.
func (p *play) copied() {
	p.neighbour = harness.New(p.t, p.plane, connect, harness.CopyOf(p.World), harness.HaltedBy("it runs in a copy"), generously())
	p.neighbour.Interfere(harness.Interference{Before: func(e harness.Effect) error {
		if e.Kind == harness.VendorToken {
			p.t.Errorf("in the copy of the cluster: %s", e)
		}
		return nil
	}})
	p.neighbours = p.neighbour.Token("mediator")
}

// twinned makes a copy of the cluster that nobody notices. Its GatewayToken is rotated there, and leaves the token that both began with alone.
func (p *play) twinned() {
	p.neighbour = harness.New(p.t, p.plane, connect, harness.CopyOf(p.World), generously())
	p.neighbours = p.neighbour.Token("mediator")
	p.neighbour.Watch()
	p.neighbour.Advance(time.Minute)
	harness.Change(p.neighbour, p.neighbours, func(o *v1alpha1.GatewayToken) {
		harness.Overlapping(48 * time.Hour)(o)
		o.Annotations = map[string]string{v1alpha1.AnnotationRotateRequest: p.Clock.Now().UTC().Format(time.RFC3339)}
	})
	p.pass(10 * time.Minute)
}

// unharmed: the neighbour has the token that it had before.
func unharmed(p *play) {
	p.neighbour.WantReady(p.neighbours)
	if made := len(p.neighbour.Made()); made != 1 {
		p.t.Errorf("the neighbour has had %d tokens, want 1", made)
	}
	p.neighbour.CheckRest()
}

// both is how long two processes work side by side: who leads no more ends when it notices, before a second leader looks for what others make.
const both = 20 * time.Second

// ofClusters are about more than one operator at the same account.
func ofClusters() []scenario {
	// Without names nobody tells the tokens of two clusters apart; the operators go by their ledgers.
	named := func(v vendor) bool { return v.named }
	one := func(vendor) int { return 1 }
	return []scenario{
		{name: "cluster copied unnoticed", at: named, mints: always(3), unknown: one, takes: time.Hour, tell: func(p *play) {
			p.published()
			p.pass(10 * time.Minute)
			p.twinned()
			p.here()
			p.request(false)
		}, ends: func(p *play) {
			p.WantReady(p.object)
			p.neighbour.WantReady(p.neighbours)
			if conflict := p.Condition(p.issuer, v1alpha1.ConditionIdentityConflict); conflict.Status != metav1.ConditionTrue {
				p.t.Errorf("the copy is not noticed: %+v", conflict)
			}
		}},
		{name: "two leaders", mints: always(2), ends: ready, tell: func(p *play) {
			p.begin()
			p.here()
			p.SideBySide(both, time.Second)
		}},
		{name: "two leaders rotate", mints: always(3), takes: time.Hour, ends: ready, tell: func(p *play) {
			p.published()
			p.here()
			p.request(false)
			p.SideBySide(both, time.Second)
		}},
		{name: "two clusters rotate", at: named, mints: always(2), takes: time.Hour, tell: func(p *play) {
			p.published()
			p.settleDown()
			p.here()
			p.request(false)
		}, ends: func(p *play) {
			ready(p)
			unharmed(p)
		}},
		{name: "two clusters, one deletes", at: named, mints: always(1), tell: func(p *play) {
			p.published()
			p.settleDown()
			p.here()
			p.remove()
		}, ends: func(p *play) {
			released(p)
			unharmed(p)
		}},
		{name: "cluster copied", mints: always(2), takes: time.Hour, ends: ready, tell: func(p *play) {
			p.published()
			p.copied()
			p.here()
			p.neighbour.Remove(p.neighbours)
			p.request(false)
		}},
	}
}
