package gatewaytoken

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/internal/consumers"
)

// handover is a new value that the workloads of a namespace are to be restarted for.
type handover struct {
	uid         types.UID
	request     consumers.Request
	publication consumers.Publication
}

// handovers are those of all namespaces that this process knows of, so that GatewayTokens which are due together share one restart. A
// process that knows of none restarts for each GatewayToken by itself.
type handovers struct {
	mu   sync.Mutex
	byNS map[string]map[types.UID]handover
}

// join notes a handover that is due, or will be soon.
func (h *handovers) join(namespace string, what handover) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.byNS == nil {
		h.byNS = map[string]map[types.UID]handover{}
	}
	if h.byNS[namespace] == nil {
		h.byNS[namespace] = map[types.UID]handover{}
	}
	h.byNS[namespace][what.uid] = what
}

// leave forgets a handover that is over.
func (h *handovers) leave(object client.Object) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.byNS[object.GetNamespace()], object.GetUID())
	if len(h.byNS[object.GetNamespace()]) == 0 {
		delete(h.byNS, object.GetNamespace())
	}
}

// mostCompany is how long a restart that is due waits for others at most.
const mostCompany = 30 * time.Second

// due gives the handovers of a namespace for which workloads may be restarted now, sorted by the name of the GatewayToken. wait is how
// long the first should wait for others that will be due soon; zero for not at all.
func (h *handovers) due(namespace string, first types.UID, delay time.Duration, now time.Time) (due []handover, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.byNS[namespace]
	latest := all[first].publication.At.Add(delay + mostCompany)
	for _, what := range all {
		at := what.publication.At.Add(delay)
		switch {
		case !at.After(now):
			due = append(due, what)
		case !at.After(latest):
			wait = max(wait, at.Sub(now))
		}
	}
	slices.SortFunc(due, func(a, b handover) int { return cmp.Compare(a.request.For.Token, b.request.For.Token) })
	return due, wait
}
