package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// describeAll writes down what people see with kubectl and helm, what the vendors wrote down, and the metadata of
// Secrets, which is no secret.
func (d *demo) describeAll(ctx context.Context) error {
	return errors.Join(d.describeCluster(ctx), d.describeSecrets(ctx), d.describeRelease(ctx), d.describeVendors(ctx))
}

func (d *demo) describeCluster(ctx context.Context) error {
	const ours = "gatewaytokens,tokenissuers,clustertokenissuers"
	var errs []error
	for _, args := range [][]string{
		{"get", ours, "-o", "yaml"}, {"get", ours, "-o", "wide"}, {"get", "gwtokens"}, {"describe", ours}, {"describe", "secrets"},
		{"describe", "leases"}, {"get", "leases", "-o", "yaml"}, {"get", "events", "-o", "yaml"}, {"get", "events.v1.events.k8s.io", "-o", "yaml"},
		{"get", "configmaps", "-o", "yaml"}, {"get", "deployments,replicasets,pods", "-o", "yaml"}, {"describe", "deployments,pods"},
	} {
		if slices.Contains(args, "yaml") {
			args = append(args, "--show-managed-fields")
		}
		errs = append(errs, d.kubectl(append(args, "--all-namespaces")...)(ctx))
	}
	return errors.Join(errs...)
}

func (d *demo) describeSecrets(ctx context.Context) error {
	var secrets corev1.SecretList
	if err := d.stack.Client.List(ctx, &secrets); err != nil {
		return err
	}
	for i := range secrets.Items {
		secrets.Items[i].Data = nil
	}
	text, err := json.Marshal(secrets)
	if err != nil {
		return err
	}
	return d.stack.Append("secrets-metadata.json", string(text))
}

func (d *demo) describeRelease(ctx context.Context) error {
	var errs []error
	calls := [][]string{
		{"list", "--all-namespaces"}, {"status", stack.ReleaseName, "--namespace", stack.ReleaseNamespace},
		{"get", "all", stack.ReleaseName, "--namespace", stack.ReleaseNamespace},
	}
	if d.isTold(stack.Causely) {
		calls = append(calls, []string{"get", "all", "mediator", "--namespace", storyNamespace})
	}
	for _, args := range calls {
		_, err := d.stack.Helm.Run(ctx, args...)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (d *demo) describeVendors(ctx context.Context) error {
	for _, simulator := range d.simulators() {
		text, err := simulator.Transcript(ctx)
		if err != nil {
			return err
		}
		if err := d.stack.Append("transcript.json", text+"\n"); err != nil {
			return err
		}
	}
	return nil
}
