package gatewaytoken

import (
	"context"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/consumers"
	"github.com/gatewaytoken/gateway-token-operator/internal/consumers/cluster"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// observeConsumers looks at the pods that may hold tokens which were replaced. While there are none, pods are nobody's business.
func (r *Reconciler) observeConsumers(ctx context.Context, s *scene) error {
	waiting := s.observation.PublishedBefore()
	if len(waiting) == 0 || s.observation.Object.Suspended {
		s.memory.free = nil
		return nil
	}
	// What the list does not show did not exist at this time.
	now := s.observation.ServerNow
	reader := cluster.Reader{Lister: r.Live}
	pods, err := reader.Pods(ctx, s.object.Namespace, s.object.SecretName())
	if err != nil {
		return err //nolint:wrapcheck // it says what failed
	}
	seen, free := map[token.ID]lifecycle.Consumers{}, map[token.ID]time.Time{}
	for _, entry := range waiting {
		since := entry.Since
		if since.IsZero() {
			since = s.observation.Secret.WrittenAt
		}
		holding := consumers.Publication{Secret: s.object.SecretName(), At: since, Margin: r.Settings.PodMargin}.HeldBy(pods, now)
		seen[entry.ID] = lifecycle.Consumers{Gone: holding.Over(), Unknown: holding.Unknown, Text: holding.Text()}
		if !holding.Over() {
			continue
		}
		if free[entry.ID] = now; !s.memory.free[entry.ID].IsZero() {
			free[entry.ID] = s.memory.free[entry.ID]
		}
	}
	s.observation.Consumers, s.observation.Memory.Free, s.memory.free = seen, free, free
	return nil
}
