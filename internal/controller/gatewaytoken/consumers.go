package gatewaytoken

import (
	"cmp"
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/consumers"
	"github.com/gatewaytoken/gateway-token-operator/internal/consumers/cluster"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// consumersAction tells the planner what the spec says of consumers.
func consumersAction(asked *v1alpha1.Consumers) lifecycle.ConsumersAction {
	switch {
	case asked == nil:
		return lifecycle.NoConsumersAction
	case asked.Restarts():
		return lifecycle.RestartConsumers
	default:
		return lifecycle.AwaitConsumers
	}
}

// observeConsumers looks at the pods that may hold older values than the Secret's. While there can be none, pods are nobody's business.
func (r *Reconciler) observeConsumers(ctx context.Context, s *scene) {
	o := &s.observation
	if !o.WatchesPods() {
		s.memory.free, s.memory.found = nil, nil
		r.restartJobs.drop(client.ObjectKeyFromObject(s.object))
		return
	}
	pods, unknown := r.pods(ctx, s)
	// What the list does not show did not exist at this time.
	held := func(entry ledger.Entry) consumers.Holding { return r.publication(s, entry).HeldBy(pods, o.ServerNow) }
	free, found := map[token.ID]time.Time{}, map[token.ID]bool{}
	o.Consumers = map[token.ID]lifecycle.Consumers{}
	for _, entry := range o.PublishedBefore() {
		look := seen(held(entry), unknown)
		look.Found = look.Found || s.memory.found[entry.ID]
		if found[entry.ID] = look.Found; look.Gone {
			free[entry.ID] = o.ServerNow
			if since, known := s.memory.free[entry.ID]; known {
				free[entry.ID] = since
			}
		}
		o.Consumers[entry.ID] = look
	}
	o.Stale = seen(r.latest(s).HeldBy(pods, o.ServerNow), unknown)
	o.Memory.Free, s.memory.free, s.memory.found = free, free, found
	if o.Restarting() {
		r.restartJobs.add(r.restartJobOf(s))
	} else {
		r.restartJobs.drop(client.ObjectKeyFromObject(s.object))
	}
}

// seen tells the planner of pods that may hold a value. unknown says why they could not be listed.
func seen(holding consumers.Holding, unknown string) lifecycle.Consumers {
	return lifecycle.Consumers{
		Gone: holding.Over(), Early: holding.Early && len(holding.Holders) == 0, Found: holding.Users > 0, Unknown: holding.Unknown,
		Text: cmp.Or(unknown, holding.Text()),
	}
}

// pods lists the pods of the namespace that use the Secret. Where that fails nobody knows, which is waited for, and keeps nothing else
// from being done; the text says so.
func (r *Reconciler) pods(ctx context.Context, s *scene) (pods consumers.Pods, unknown string) {
	reader := cluster.Reader{Lister: r.Live}
	pods, err := reader.Pods(ctx, s.object.Namespace, s.object.SecretName())
	if err != nil {
		log.FromContext(ctx).Error(err, "pods cannot be listed: a replaced token stays active")
		return consumers.Pods{Unknown: true}, "the pods of the namespace cannot be listed now"
	}
	return pods, ""
}

// latest is the publication of the value that the Secret has.
func (r *Reconciler) latest(s *scene) consumers.Publication {
	latest := r.publication(s, s.observation.Secret.Ledger.Current)
	latest.First = s.observation.FirstValue()
	return latest
}

// publication is when an entry of the ledger became what it is: current, so that older values were replaced, or replaced.
func (r *Reconciler) publication(s *scene, entry ledger.Entry) consumers.Publication {
	reloads := s.object.Spec.Consumers != nil && s.object.Spec.Consumers.Action == v1alpha1.ConsumersReloadFile
	return consumers.Publication{Secret: s.object.SecretName(), At: s.observation.Since(entry), Margin: r.Settings.PodMargin, Reloads: reloads}
}
