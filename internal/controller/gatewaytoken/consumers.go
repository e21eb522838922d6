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

// takenUpBy tells the planner what the spec says of consumers.
func takenUpBy(asked *v1alpha1.Consumers) lifecycle.Handover {
	switch {
	case asked == nil:
		return lifecycle.NoHandover
	case asked.Restarts():
		return lifecycle.Restarted
	default:
		return lifecycle.ByThemselves
	}
}

// observeConsumers looks at the pods that may hold older values than the Secret's. While there can be none, pods are nobody's business.
func (r *Reconciler) observeConsumers(ctx context.Context, s *scene) {
	o := &s.observation
	if !o.WatchesPods() {
		s.memory.free, s.memory.found = nil, nil
		r.handovers.leave(client.ObjectKeyFromObject(s.object))
		return
	}
	pods, unknown := r.pods(ctx, s)
	free, found := map[token.ID]time.Time{}, map[token.ID]bool{}
	look := func(entry ledger.Entry) lifecycle.Consumers {
		// What the list does not show did not exist at this time.
		holding := r.publication(s, entry).HeldBy(pods, o.ServerNow)
		if found[entry.ID] = holding.Users > 0 || s.memory.found[entry.ID]; holding.Over() {
			free[entry.ID] = o.ServerNow
		}
		if since, known := s.memory.free[entry.ID]; known && holding.Over() {
			free[entry.ID] = since
		} else if !entry.Free.IsZero() && holding.Over() {
			free[entry.ID] = entry.Free
		}
		return lifecycle.Consumers{Gone: holding.Over(), Found: found[entry.ID], Unknown: holding.Unknown, Text: cmp.Or(unknown, holding.Text())}
	}
	o.Consumers = map[token.ID]lifecycle.Consumers{}
	for _, entry := range o.PublishedBefore() {
		o.Consumers[entry.ID] = look(entry)
	}
	o.Memory.Free = free
	s.memory.free, s.memory.found = free, found
	o.Stale = look(o.Secret.Ledger.Current)
	if o.Restarts() {
		r.handovers.join(r.handoverOf(s))
	} else {
		r.handovers.leave(client.ObjectKeyFromObject(s.object))
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

// publication is when an entry of the ledger became what it is: current, so that older values were replaced, or replaced.
func (r *Reconciler) publication(s *scene, entry ledger.Entry) consumers.Publication {
	at := entry.Since
	if at.IsZero() {
		at = s.observation.Secret.WrittenAt
	}
	reloads := s.object.Spec.Consumers != nil && s.object.Spec.Consumers.Action == v1alpha1.ConsumersReloadFile
	return consumers.Publication{Secret: s.object.SecretName(), At: at, Margin: r.Settings.PodMargin, Reloads: reloads}
}
