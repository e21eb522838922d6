package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/gatewaytoken"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/issuer"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/wake"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/inventory"
)

// More than maxLooks, and mostLooks at each object that there is, are a livelock: a bound for what Settle does.
const (
	maxLooks  = 500
	mostLooks = 10
)

// Process is one operator process: all that is lost when it is killed.
type Process struct {
	world       *World
	number      int
	gate        *gate
	cache       *cache
	agenda      *agenda
	named       *namedObjects
	reconcilers map[string]reconcile.Reconciler
	began       time.Time
	// stale is what the cache may be behind of.
	stale []entry
	// frozen kinds stay in the cache as they are.
	frozen []string
	// retired: the process does nothing more after what it is doing; terminated: because it was told to end.
	retired, terminated bool
	// breaks tells, where it is not nil, whether the process has done enough for now.
	breaks func() bool
	// context ends when the process is told to end.
	context context.Context
	end     context.CancelFunc
	// looks counts the reconciles by kind.
	looks map[string]int
}

// start starts a process: it becomes leader now, knows nothing, and looks at everything once.
func (w *World) start() *Process {
	w.started++
	p := &Process{
		world: w, number: w.started, cache: newCache(), agenda: newAgenda(w.Clock), began: w.Clock.Now(),
		gate: &gate{world: w, process: w.started}, looks: map[string]int{},
	}
	p.lifetime(w.ctx())
	p.named = newNamedObjects(p)
	w.note("process %d starts", p.number)
	book := accounts.NewBook()
	lists := inventory.New(w.Identity.Install(), w.Clock.Now, w.Identity.FormerInstalls()...)
	live := p.reader(w.operator)
	writer := p.writer(w.operator)
	tokens, issuers := p.queue(v1alpha1.KindGatewayToken), map[string]*wake.Queue{}
	for _, kind := range []string{v1alpha1.KindTokenIssuer, v1alpha1.KindClusterTokenIssuer} {
		issuers[kind] = p.queue(kind)
	}
	if err := accounts.SetupIndexes(w.ctx(), p.cache, w.Identity); err != nil {
		w.t.Fatal(err)
	}
	leaderSince := func() time.Time { return p.began }
	config := issuer.Config{
		Client: writer, Live: live, Clock: w.Clock, Connect: p.connect(), Book: book, Inventory: lists, Tokens: tokens, Named: p.named,
		LeaderSince: leaderSince, Identity: w.Identity, Sealer: w.Sealer, ClusterResourceNamespace: w.System, Settle: w.Settings.Settle,
		OrphanRest: w.Settings.OrphanRest, Recorder: w, FormerClusters: w.Settings.FormerClusters, Halted: w.Halted,
		Metrics: w.metrics, AllowHTTP: strings.HasPrefix(w.Vendor.URL(), "http:"),
	}
	p.reconcilers = map[string]reconcile.Reconciler{
		v1alpha1.KindGatewayToken: &gatewaytoken.Reconciler{
			Client: writer, Live: live, Clock: w.Clock, Server: &w.server, Recorder: w, Metrics: w.metrics, Book: book, Inventory: lists,
			Issuers: issuers, Identity: w.Identity, Sealer: w.Sealer, Settings: w.Settings, LeaderSince: leaderSince,
			Namespaced: w.Namespaced,
		},
		v1alpha1.KindTokenIssuer:        &issuer.Reconciler{Config: config, New: func() v1alpha1.Issuer { return &v1alpha1.TokenIssuer{} }},
		v1alpha1.KindClusterTokenIssuer: &issuer.Reconciler{Config: config, New: func() v1alpha1.Issuer { return &v1alpha1.ClusterTokenIssuer{} }},
	}
	if w.Namespaced {
		// Nobody looks at them.
		p.reconcilers[v1alpha1.KindClusterTokenIssuer] = reconcile.Func(func(context.Context, reconcile.Request) (reconcile.Result, error) { return reconcile.Result{}, nil })
	}
	p.stale = slices.Clone(w.tracked)
	return p
}

// queue connects a wake queue with the agenda.
func (p *Process) queue(kind string) *wake.Queue {
	queue := &wake.Queue{}
	if err := queue.Source().Start(p.world.ctx(), workqueueOf(p.agenda, kind)); err != nil {
		p.world.t.Fatal(err)
	}
	return queue
}

// connect makes vendors' clients as the test says, whose effects pass the gate.
func (p *Process) connect() issuer.Connect {
	connect := p.world.connector(Wire{Now: p.world.Clock.Now, Sleep: p.world.Clock.wait, Timeout: p.world.timeout})
	return func(to issuer.Connection) (vendors.Vendor, error) {
		made, err := connect(to)
		if err != nil {
			return nil, err
		}
		return p.gate.around(made)
	}
}

// run does all that is due until nothing is. It returns early when the process is killed or retired.
func (p *Process) run() error {
	for looks := 0; ; looks++ {
		if p.pauses() {
			return nil
		}
		if looks > p.bound() {
			return fmt.Errorf("process %d looked %d times and finds no rest", p.number, looks)
		}
		if err := p.refresh(); err != nil {
			return err
		}
		next, due := p.agenda.take()
		if !due {
			at, waits := p.agenda.next()
			if !waits || at.After(p.world.Clock.Now().Add(horizon)) {
				return nil
			}
			p.world.Clock.SetTime(at)
			continue
		}
		p.lookAt(next)
	}
}

// pauses tells whether the process does nothing more for now.
func (p *Process) pauses() bool { return p.gate.dead || p.retired || (p.breaks != nil && p.breaks()) }

func (p *Process) bound() int { return maxLooks + mostLooks*len(p.world.tracked) }

// Looks tells how often this process has looked at objects of a kind.
func (p *Process) Looks(kind string) int { return p.looks[kind] }

// advance lets time pass, and does on the way what becomes due.
func (p *Process) advance(d time.Duration) error {
	clock := p.world.Clock
	until := clock.Now().Add(d)
	for range p.bound() {
		if err := p.run(); err != nil {
			return err
		}
		at, waits := p.agenda.next()
		if p.pauses() || !waits || at.After(until) {
			if clock.Now().Before(until) && !p.retired && (p.breaks == nil || !p.breaks()) && (!p.gate.dead || !p.world.attended) {
				clock.SetTime(until)
			}
			return p.run()
		}
		clock.SetTime(at)
	}
	return fmt.Errorf("process %d finds no rest within %s", p.number, d)
}

// refresh brings the cache up to date.
func (p *Process) refresh() error {
	if len(p.stale) == 0 {
		return nil
	}
	return p.observe(p.world.ctx())
}

// lookAt is one reconcile.
func (p *Process) lookAt(next item) {
	w := p.world
	defer func() {
		switch ended := recover(); {
		case ended == nil:
		case isKilled(ended):
			p.gate.dead = true
			w.note("process %d is killed", p.number)
		default:
			panic(ended)
		}
	}()
	w.Clock.Step(stride)
	p.looks[next.kind]++
	result, err := p.reconcilers[next.kind].Reconcile(log.IntoContext(p.context, w.logger(next)), next.request)
	switch {
	case err != nil:
		w.note("%s %s: %v", next.kind, next.request, err)
		w.Errors = append(w.Errors, err)
		p.agenda.addFailed(next)
	case result.RequeueAfter > 0:
		p.agenda.limiter.Forget(next)
		p.agenda.addAfter(next, result.RequeueAfter)
	default:
		p.agenda.limiter.Forget(next)
	}
}

func isKilled(ended any) bool {
	err, ok := ended.(error)
	return ok && errors.Is(err, errKilled)
}

// verbosity is the most that the operator logs (above it, client-go would log the content of Secrets).
const verbosity = 5

// logger keeps what is logged, at every level, with the story.
func (w *World) logger(of item) logr.Logger {
	return funcr.New(func(prefix, args string) {
		w.logs = append(w.logs, prefix+" "+args)
		w.note("  log: %s", args)
	}, funcr.Options{Verbosity: verbosity}).WithName(of.kind + " " + of.request.String())
}

// Event is one that the operator told.
type Event struct{ Type, Reason, Note string }

// Forbid takes from the operator the right to list objects, by the kind of their list.
func (w *World) Forbid(list string) { w.forbidden = map[string]bool{list: true} }

// Eventf implements events.EventRecorder.
func (w *World) Eventf(_, _ runtime.Object, kind, reason, _, note string, args ...any) {
	told := Event{Type: kind, Reason: reason, Note: fmt.Sprintf(note, args...)}
	w.Events = append(w.Events, told)
	w.note("  event: %s %s: %s", told.Type, told.Reason, told.Note)
}
