package stack

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// Observer writes down, while the story goes on, everything that the operator lets be seen: each version of each object
// with its status, events, the Lease, and the metrics.
type Observer struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// Observe writes down, until Stop is called, each in a channel of its own. The metrics are read once in every interval.
func (s *Stack) Observe(ctx context.Context, operator *Operator, every time.Duration) *Observer {
	ctx, cancel := context.WithCancel(ctx)
	o := &Observer{cancel: cancel}
	for channel, list := range map[string]client.ObjectList{
		"gatewaytokens.json": &v1alpha1.GatewayTokenList{}, "tokenissuers.json": &v1alpha1.TokenIssuerList{},
		"clustertokenissuers.json": &v1alpha1.ClusterTokenIssuerList{}, "events.json": &corev1.EventList{},
		"leases.json": &coordinationv1.LeaseList{},
	} {
		o.done.Go(func() { s.keepWatching(ctx, channel, list) })
	}
	o.done.Go(func() { s.keepScraping(ctx, operator, every) })
	return o
}

// Stop ends it.
func (o *Observer) Stop() {
	o.cancel()
	o.done.Wait()
}

// keepWatching writes down every change of the objects.
func (s *Stack) keepWatching(ctx context.Context, channel string, list client.ObjectList) {
	Follow(ctx, s.Client, list, func(_ watch.EventType, object client.Object) {
		text, err := json.Marshal(object)
		if err == nil {
			err = s.Append(channel, string(text)+"\n")
		}
		// What cannot be written down is missed at the end, where every channel must have something in it.
		_ = err
	})
}

func (s *Stack) keepScraping(ctx context.Context, operator *Operator, every time.Duration) {
	for ctx.Err() == nil {
		// While the operator is dead nobody answers.
		if text, err := operator.Metrics(ctx); err == nil {
			_ = s.Append("metrics.txt", text)
		}
		Pause(ctx, every)
	}
}
