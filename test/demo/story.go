package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// story is what is told of one vendor.
type story struct {
	vendor   stack.Vendor
	chapters func(*demo) []chapter
	// namespaces are where its GatewayTokens are, issuer is its ClusterTokenIssuer.
	namespaces []string
	issuer     string
	// creates is how many tokens the simulator of the stories is asked for: one more would have been needless.
	creates int
}

// everything is all that can be told, in order.
func everything() []story {
	return []story{
		{vendor: stack.Causely, chapters: (*demo).ofCausely, namespaces: []string{storyNamespace, rollNamespace, badNamespace}, issuer: storyIssuer, creates: 7 + rollCreates},
		{vendor: stack.RackGateway, chapters: (*demo).ofRackGateway, namespaces: []string{rackNamespace}, issuer: rackIssuer, creates: 4},
		{vendor: stack.Causeloop, chapters: (*demo).ofCauseloop, namespaces: []string{loopNamespace}, issuer: loopIssuer, creates: 8},
		{vendor: stack.PingOne, chapters: (*demo).ofPingOne, namespaces: []string{pingNamespace}, issuer: pingIssuer, creates: 8},
	}
}

// choose gives what is to be told: the story of one vendor, or all stories when none is named.
func choose(vendor string) ([]story, error) {
	all := everything()
	if vendor == "" {
		return all, nil
	}
	var names []string
	for _, s := range all {
		if string(s.vendor) == vendor {
			return []story{s}, nil
		}
		names = append(names, string(s.vendor))
	}
	return nil, fmt.Errorf("there is no story of a vendor %q: choose one of %s, or none for all", vendor, strings.Join(names, ", "))
}

// isTold tells whether the story of a vendor is among those that are told.
func (d *demo) isTold(vendor stack.Vendor) bool {
	return slices.ContainsFunc(d.stories, func(s story) bool { return s.vendor == vendor })
}

// tell tells the stories, and judges them together.
func (d *demo) tell(ctx context.Context) {
	chapters := []chapter{d.beginning()}
	for _, s := range d.stories {
		chapters = append(chapters, s.chapters(d)...)
	}
	if !d.report.Play(ctx, append(chapters, d.ending(), d.silence())...) && ctx.Err() != nil {
		fmt.Fprintln(d.report.Out, "interrupted")
	}
}

// ofCausely is the longest story: all that does not depend on the vendor is told of this one.
func (d *demo) ofCausely() []chapter {
	return slices.Concat([]chapter{
		d.firstToken(), d.mediator(), d.revokedByHand(), d.secretTouched(), d.specEdited(),
		d.killed(), d.outage(), d.stopped(), d.tenant(), d.deleted(), d.issuerInUse(),
	}, d.rollouts(), d.badInput())
}

// all gives something of all stories that are told.
func (d *demo) all(of func(story) []string) []string {
	var all []string
	for _, s := range d.stories {
		all = append(all, of(s)...)
	}
	return all
}

// platformOf is the vendor that the GatewayTokens of a namespace are about.
func (d *demo) platformOf(namespace string) (stack.Platform, error) {
	for _, s := range d.stories {
		if slices.Contains(s.namespaces, namespace) {
			if namespace == badNamespace {
				return d.misfit.Platform(s.vendor), nil
			}
			return d.vendor.Platform(s.vendor), nil
		}
	}
	return stack.Platform{}, fmt.Errorf("expected GatewayTokens in the namespaces of the stories only, found one in %s", namespace)
}

// simulators are all that were started.
func (d *demo) simulators() []*stack.Simulator {
	if d.misfit == nil {
		return []*stack.Simulator{d.vendor}
	}
	return []*stack.Simulator{d.vendor, d.misfit}
}

// platforms are all vendors of all simulators.
func (d *demo) platforms() []stack.Platform {
	var platforms []stack.Platform
	for _, simulator := range d.simulators() {
		for _, vendor := range stack.Vendors() {
			platforms = append(platforms, simulator.Platform(vendor))
		}
	}
	return platforms
}
