// Package wake has objects looked at again: by another controller that asks for it, or after a write that met a newer object.
package wake

import (
	"context"
	"sync"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// Queue is the work queue of another controller. Until that has started, and after it has stopped, what is asked for is
// dropped: a controller looks at everything when it starts.
type Queue struct {
	mu    sync.RWMutex
	queue workqueue.TypedRateLimitingInterface[reconcile.Request]
}

// Source connects the queue; it is to be watched by the controller that is to be woken.
func (q *Queue) Source() source.Source {
	return source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.queue = queue
		return nil
	})
}

// Add asks for a look at once. Requests for the same object are taken together.
func (q *Queue) Add(requests ...reconcile.Request) {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.queue == nil {
		return
	}
	for _, request := range requests {
		q.queue.Add(request)
	}
}
