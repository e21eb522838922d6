package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// scrapeEvery is how often the metrics are read.
const scrapeEvery = time.Second

// observer writes down, while the story goes on, everything that the operator lets be seen: each version of each object
// with its status, events, the Lease, and the metrics.
type observer struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func observe(ctx context.Context, from *stack.Stack, operator *stack.Operator) *observer {
	ctx, cancel := context.WithCancel(ctx)
	o := &observer{cancel: cancel}
	for channel, list := range map[string]client.ObjectList{
		"gatewaytokens.json": &v1alpha1.GatewayTokenList{}, "tokenissuers.json": &v1alpha1.TokenIssuerList{},
		"clustertokenissuers.json": &v1alpha1.ClusterTokenIssuerList{}, "events.json": &corev1.EventList{},
		"leases.json": &coordinationv1.LeaseList{},
	} {
		o.done.Go(func() { keepWatching(ctx, from, channel, list) })
	}
	o.done.Go(func() { keepScraping(ctx, from, operator) })
	return o
}

func (o *observer) stop() {
	o.cancel()
	o.done.Wait()
}

// keepWatching writes down every change of the objects. A watch that ends is begun anew; what is there then is told
// again.
func keepWatching(ctx context.Context, from *stack.Stack, channel string, list client.ObjectList) {
	for ctx.Err() == nil {
		watched, err := from.Client.Watch(ctx, list)
		if err != nil {
			pause(ctx, scrapeEvery)
			continue
		}
		for event := range watched.ResultChan() {
			writeDown(from, channel, event)
		}
		watched.Stop()
	}
}

func writeDown(from *stack.Stack, channel string, event watch.Event) {
	text, err := json.Marshal(event.Object)
	if err == nil {
		err = from.Append(channel, string(text)+"\n")
	}
	// What cannot be written down is missed at the end, where every channel must have something in it.
	_ = err
}

func keepScraping(ctx context.Context, from *stack.Stack, operator *stack.Operator) {
	for ctx.Err() == nil {
		// While the operator is dead nobody answers.
		if text, err := operator.Metrics(ctx); err == nil {
			_ = from.Append("metrics.txt", text)
		}
		pause(ctx, scrapeEvery)
	}
}

func pause(ctx context.Context, length time.Duration) {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

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
