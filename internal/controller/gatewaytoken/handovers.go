package gatewaytoken

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/gatewaytoken/gateway-token-operator/internal/consumers"
)

// handover is a new value that the workloads of a namespace are to be restarted for.
type handover struct {
	token       types.NamespacedName
	request     consumers.Request
	publication consumers.Publication
	// done: all were restarted, and roll out.
	done bool
}

// handovers are those of all namespaces that this process knows of, until no pod has an older value: so GatewayTokens that are due together
// share one restart, and those that come later wait for the rollouts of others. A process that knows of none restarts for each GatewayToken
// by itself.
type handovers struct {
	mu    sync.Mutex
	known map[types.NamespacedName]handover
}

// join notes a handover.
func (h *handovers) join(what handover) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil {
		h.known = map[types.NamespacedName]handover{}
	}
	h.known[what.token] = what
}

// leave forgets a handover that is over.
func (h *handovers) leave(name types.NamespacedName) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.known, name)
}

// mostCompany is how long a restart that is due waits for others at most.
const mostCompany = 30 * time.Second

// due gives the handovers of the namespace for which workloads may be restarted now, or were, sorted by the name of the GatewayToken. wait
// is how long the first should wait for others that will be due soon; zero for not at all.
func (h *handovers) due(first types.NamespacedName, delay time.Duration, now time.Time) (due []handover, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	latest := h.known[first].publication.At.Add(delay + mostCompany)
	for name, what := range h.known {
		if name.Namespace != first.Namespace {
			continue
		}
		at := what.publication.At.Add(delay)
		switch {
		case !at.After(now):
			due = append(due, what)
		case !at.After(latest):
			wait = max(wait, at.Sub(now))
		}
	}
	slices.SortFunc(due, func(a, b handover) int { return cmp.Compare(a.token.Name, b.token.Name) })
	return due, wait
}
