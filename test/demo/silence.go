package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/canary"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// silence searches everything that was put out for everything that is secret.
func (d *demo) silence() chapter {
	var secrets []canary.Secret
	var search *canary.Search
	var channels []string
	return chapter{Title: "Nothing secret was put out", Steps: []step{
		do("the search: token values, credentials and bearers, plain, in base64, URL- and JSON-escaped, and every fragment of 16 characters", func(ctx context.Context) (err error) {
			if secrets, err = d.secrets(ctx); err != nil {
				return err
			}
			search = canary.New(secrets...)
			channels, err = d.stack.Channels()
			fmt.Fprintf(d.report.Out, "        %d secrets, %d fragments, %d channels\n", len(secrets), search.Fragments(), len(channels))
			return err
		}),
		check("every channel has something in it: logs at the highest level, events, status, metrics, Lease, what kubectl and helm print", func(context.Context) error {
			return heard(channels, d.quiet()...)
		}),
		check("no secret is in any of them", func(context.Context) error {
			size, err := search.None(channels...)
			fmt.Fprintf(d.report.Out, "        %.1f MB searched\n", float64(size)/1e6)
			return err
		}),
		check("planted into a copy of the log, each of them is found, in every form", func(context.Context) error {
			return d.plant(search, secrets)
		}),
	}}
}

// secrets are all that must not be seen.
func (d *demo) secrets(ctx context.Context) ([]canary.Secret, error) {
	secrets, err := d.stack.Secrets(ctx, d.operator, d.platforms()...)
	if err != nil {
		return nil, err
	}
	add := func(name string, values ...string) {
		for _, value := range values {
			if !slices.ContainsFunc(secrets, func(s canary.Secret) bool { return s.Value == value }) {
				secrets = append(secrets, canary.Secret{Name: fmt.Sprintf("%s %d", name, len(secrets)+1), Value: value})
			}
		}
	}
	add("value read from a Secret", d.seen...)
	add("client ID", d.accounts.Causely.ClientID, pingone.DemoClientID)
	return secrets, nil
}

// quiet are the channels that the stories that are told have no use for: those of Rack Gateway and PingOne have no TokenIssuer, and
// nodes are in that of Causely.
func (d *demo) quiet() []string {
	var quiet []string
	if !d.isTold(stack.Causely) {
		quiet = append(quiet, "kube-scheduler.log", "kwok.log")
		if !d.isTold(stack.Causeloop) {
			quiet = append(quiet, "tokenissuers.json")
		}
	}
	return quiet
}

// heard holds when every channel that is expected is there and has something in it, but the quiet ones.
func heard(channels []string, quiet ...string) error {
	names := []string{
		"manager.log", "vendorsim.log", "kubectl.txt", "helm*.txt", "demo.txt", "gatewaytokens.json", "tokenissuers.json",
		"clustertokenissuers.json", "events.json", "leases.json", "metrics.txt", "transcript.json", "secrets-metadata.json",
		"kube-apiserver.log", "kube-controller-manager.log", "kube-scheduler.log", "kwok.log",
	}
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(quiet, name) })
	errs := []error{stack.Heard(channels, names...)}
	for _, path := range channels {
		if filepath.Base(path) == "manager.log" && !hasDebugLines(path) {
			errs = append(errs, errors.New("expected lines of a high level in the operator's log, found none"))
		}
	}
	return errors.Join(errs...)
}

// hasDebugLines tells whether the log is one of a high level.
func hasDebugLines(path string) bool {
	text, err := os.ReadFile(path)
	return err == nil && strings.Contains(string(text), `"level":"debug"`) && strings.Contains(string(text), `"level":"Level(-`)
}

// plant is the positive control: the search must find what is there.
func (d *demo) plant(search *canary.Search, secrets []canary.Secret) error {
	log, err := os.ReadFile(d.operator.Log())
	if err != nil {
		return err
	}
	around := log[:min(200, len(log))]
	for _, secret := range secrets {
		if err := search.Control(secret, around); err != nil {
			return err
		}
	}
	return nil
}
