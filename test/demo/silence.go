package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/canary"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// silence searches everything that was put out for everything that is secret.
func (d *demo) silence() chapter {
	var secrets []canary.Secret
	var search *canary.Search
	var channels []string
	return chapter{title: "Nothing secret was put out", steps: []step{
		do("the search: token values, credentials and bearers, plain, in base64, URL- and JSON-escaped, and every fragment of 16 characters", func(ctx context.Context) (err error) {
			if secrets, err = d.secrets(ctx); err != nil {
				return err
			}
			search = canary.New(secrets...)
			channels, err = d.stack.Channels()
			fmt.Fprintf(d.report.out, "        %d secrets, %d fragments, %d channels\n", len(secrets), search.Fragments(), len(channels))
			return err
		}),
		check("every channel has something in it: logs at the highest level, events, status, metrics, Lease, what kubectl and helm print", func(context.Context) error {
			return heard(channels, d.quiet()...)
		}),
		check("no secret is in any of them", func(context.Context) error {
			hits, size, err := search.Files(channels...)
			fmt.Fprintf(d.report.out, "        %.1f MB searched\n", float64(size)/1e6)
			for _, hit := range hits {
				err = errors.Join(err, fmt.Errorf("expected no secret in %s, found %s (%s) at byte %d", hit.File, hit.Secret, hit.Encoding, hit.Offset))
			}
			return err
		}),
		check("planted into a copy of the log, each of them is found, in every form", func(context.Context) error {
			return d.plant(search, secrets)
		}),
	}}
}

// secrets are all that must not be seen.
func (d *demo) secrets(ctx context.Context) ([]canary.Secret, error) {
	var secrets []canary.Secret
	add := func(name string, values ...string) {
		for _, value := range values {
			if !slices.ContainsFunc(secrets, func(s canary.Secret) bool { return s.Value == value }) {
				secrets = append(secrets, canary.Secret{Name: fmt.Sprintf("%s %d", name, len(secrets)+1), Value: value})
			}
		}
	}
	add("value read from a Secret", d.seen...)
	add("client ID", d.accounts.Causely.ClientID, pingone.DemoClientID)
	for _, at := range d.platforms() {
		told, err := at.Secrets(ctx)
		if err != nil {
			return nil, err
		}
		add("secret of "+at.Vendor.Title(), told...)
	}
	config, err := clientcmd.LoadFromFile(d.operator.Kubeconfig())
	if err != nil {
		return nil, err
	}
	for _, user := range config.AuthInfos {
		add("ServiceAccount token", user.Token)
	}
	key, err := d.secret(ctx, stack.ReleaseNamespace, v1alpha1.LedgerKeySecretName)
	if err != nil {
		return nil, err
	}
	add("ledger key", valuesOf(key)...)
	return secrets, nil
}

func valuesOf(secret *corev1.Secret) []string {
	var values []string
	for _, value := range secret.Data {
		values = append(values, string(value))
	}
	return values
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
	var errs []error
	for _, name := range []string{
		"manager.log", "vendorsim.log", "kubectl.txt", "helm*.txt", "demo.txt", "gatewaytokens.json", "tokenissuers.json",
		"clustertokenissuers.json", "events.json", "leases.json", "metrics.txt", "transcript.json", "secrets-metadata.json",
		"kube-apiserver.log", "kube-controller-manager.log", "kube-scheduler.log", "kwok.log",
	} {
		matches := func(path string) bool {
			matched, err := filepath.Match(name, filepath.Base(path))
			return err == nil && matched && sizeOf(path) > 0
		}
		if !slices.Contains(quiet, name) && !slices.ContainsFunc(channels, matches) {
			errs = append(errs, fmt.Errorf("expected something in %s, found nothing", name))
		}
	}
	for _, path := range channels {
		if filepath.Base(path) == "manager.log" && !hasDebugLines(path) {
			errs = append(errs, errors.New("expected lines of a high level in the operator's log, found none"))
		}
	}
	return errors.Join(errs...)
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
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
		// The last part of it: as much as is left of a value that somebody has cut.
		for encoding, text := range canary.Encodings(secret.Value[len(secret.Value)-20:]) {
			planted := slices.Concat(around, []byte(text), around)
			if hits := search.Text("planted", planted); len(hits) == 0 {
				return fmt.Errorf("expected the search to find %s, in the form %s, found nothing", secret.Name, encoding)
			}
		}
	}
	return nil
}
