// Package named has issuers looked at again at once when one of the few objects changes that they name: the Secret with their
// credentials, the ConfigMap with their CA bundle. Each is watched by its name, and nothing of it is kept but its version: what is
// in it is read from the API server by whoever needs it.
package named

import (
	"context"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"

	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/wake"
)

// Object names one object.
type Object struct {
	Resource        schema.GroupVersionResource
	Namespace, Name string
}

// Secret names a Secret.
func Secret(namespace, name string) Object {
	return Object{Resource: corev1.SchemeGroupVersion.WithResource("secrets"), Namespace: namespace, Name: name}
}

// ConfigMap names a ConfigMap.
func ConfigMap(namespace, name string) Object {
	return Object{Resource: corev1.SchemeGroupVersion.WithResource("configmaps"), Namespace: namespace, Name: name}
}

// Watches are the watches of all objects that issuers refer to: one of each, however many issuers refer to it. They are safe for
// concurrent use.
type Watches struct {
	client metadata.Interface
	// queues, by kind, wake issuers.
	queues map[string]*wake.Queue

	mu      sync.Mutex
	watches map[Object]*watch
	// begin begins a watch in the background, and gives what ends it; nil as long as none is to be begun.
	begin func(*watch) context.CancelFunc
}

// watch is that of one object.
type watch struct {
	object Object
	// What follows is guarded by Watches.mu. works: changes are told of.
	issuers map[accounts.Key]struct{}
	works   bool
	end     context.CancelFunc
}

// New makes watches that wake issuers by the queues of their kinds. Nothing is watched before Start.
func New(client metadata.Interface, queues map[string]*wake.Queue) *Watches {
	return &Watches{client: client, queues: queues, watches: map[Object]*watch{}}
}

// Refer notes what an issuer refers to now; what it referred to before, it does so no more. Whoever refers to an object before
// reading it misses no change: one that comes after the reading wakes the issuer.
func (w *Watches) Refer(issuer accounts.Key, objects ...Object) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for object, one := range w.watches {
		if slices.Contains(objects, object) {
			continue
		}
		delete(one.issuers, issuer)
		if len(one.issuers) == 0 {
			delete(w.watches, object)
			one.stop()
		}
	}
	for _, object := range objects {
		one := w.watches[object]
		if one == nil {
			one = &watch{object: object, issuers: map[accounts.Key]struct{}{}}
			w.watches[object] = one
			w.start(one)
		}
		one.issuers[issuer] = struct{}{}
	}
}

// Watched tells whether a change of any of the objects wakes who refers to it. Where it does not, it must be looked for.
func (w *Watches) Watched(objects ...Object) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !slices.ContainsFunc(objects, func(object Object) bool {
		one := w.watches[object]
		return one == nil || !one.works
	})
}

// NeedLeaderElection implements manager.LeaderElectionRunnable: who does not lead looks at no issuer.
func (w *Watches) NeedLeaderElection() bool { return true }

// Start implements manager.Runnable: it watches until the context ends, and returns when every watch has ended.
func (w *Watches) Start(ctx context.Context) error {
	var running sync.WaitGroup
	w.open(func(one *watch) context.CancelFunc {
		ctx, end := context.WithCancel(ctx)
		running.Go(func() { w.follow(ctx, one) })
		return end
	})
	<-ctx.Done()
	w.open(nil)
	running.Wait()
	return nil
}

// open lets watches begin, or none any more.
func (w *Watches) open(begin func(*watch) context.CancelFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begin = begin
	for _, one := range w.watches {
		one.stop()
		w.start(one)
	}
}

// start and stop are called with the lock held.
func (w *Watches) start(one *watch) {
	if w.begin != nil {
		one.end = w.begin(one)
	}
}

func (one *watch) stop() {
	one.works = false
	if one.end != nil {
		one.end()
		one.end = nil
	}
}

// changed wakes those who refer to the object.
func (w *Watches) changed(one *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wake(one)
}

// note notes whether changes are told of now, and tells whether that is new. Then those who refer to the object look again: it may
// have changed before it was watched, and from now on they wait for an event in the place of looking, or the other way round.
func (w *Watches) note(ctx context.Context, one *watch, works bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if one.works == works || ctx.Err() != nil {
		return false
	}
	one.works = works
	w.wake(one)
	return true
}

func (w *Watches) wake(one *watch) {
	for issuer := range one.issuers {
		if queue := w.queues[issuer.Kind]; queue != nil {
			queue.Add(issuer.Request())
		}
	}
}
