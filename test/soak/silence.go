package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/canary"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// searchedAtOnce is how many secrets one search looks for: all pieces of all forms of each are in memory.
const searchedAtOnce = 500

// silence searches everything that was put out for everything that is secret: logs at the highest level, each version of each object with
// its status, events, the Lease, metrics.
func (s *soak) silence(ctx context.Context) error {
	var vendors []stack.Platform
	for _, vendor := range s.vendors() {
		vendors = append(vendors, s.vendor.Platform(vendor))
	}
	secrets, err := s.stack.Secrets(ctx, s.operator, vendors...)
	if err != nil {
		return err
	}
	channels, err := s.stack.Channels()
	if err != nil {
		return err
	}
	err = stack.Heard(channels,
		"manager.log", "vendorsim.log", "soak.txt", "gatewaytokens.json", "tokenissuers.json", "clustertokenissuers.json", "events.json",
		"leases.json", "metrics.txt", "kube-apiserver.log", "kube-controller-manager.log")
	if err != nil {
		return err
	}
	var found []error
	var size int
	for some := range slices.Chunk(secrets, searchedAtOnce) {
		search := canary.New(some...)
		if err := search.Control(some[0], []byte(strings.Repeat("x", 100))); err != nil {
			return err
		}
		searched, err := search.None(channels...)
		size, found = searched, append(found, err)
	}
	fmt.Fprintf(s.out, "soak: %d secrets looked for in %d channels of %.1f MB\n", len(secrets), len(channels), float64(size)/1e6)
	return errors.Join(found...)
}
