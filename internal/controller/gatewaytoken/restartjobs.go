package gatewaytoken

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/gatewaytoken/gateway-token-operator/internal/consumers"
)

// restartJob is a new value that the workloads of a namespace are to be restarted for.
type restartJob struct {
	token       types.NamespacedName
	request     consumers.Request
	publication consumers.Publication
	// done: all were restarted, and roll out.
	done bool
}

// restartJobs are those of all namespaces that this process knows of, until no pod has an older value: so GatewayTokens that are due together
// share one restart, and those that come later wait for the rollouts of others. A process that knows of none restarts for each GatewayToken
// by itself.
type restartJobs struct {
	mu    sync.Mutex
	known map[types.NamespacedName]restartJob
}

// add notes a restart.
func (h *restartJobs) add(what restartJob) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil {
		h.known = map[types.NamespacedName]restartJob{}
	}
	h.known[what.token] = what
}

// drop forgets a restart that is over.
func (h *restartJobs) drop(name types.NamespacedName) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.known, name)
}

// mostCompany is how long a restart that is due waits for others at most.
const mostCompany = 30 * time.Second

// due gives the restartJobs of the namespace for which workloads may be restarted now, or were, sorted by the name of the GatewayToken. wait
// is how long the first should wait for others that will be due soon; zero for not at all.
func (h *restartJobs) due(first types.NamespacedName, delay time.Duration, now time.Time) (due []restartJob, wait time.Duration) {
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
	slices.SortFunc(due, func(a, b restartJob) int { return cmp.Compare(a.token.Name, b.token.Name) })
	return due, wait
}
