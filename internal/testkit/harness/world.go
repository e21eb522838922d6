package harness

import (
	"context"
	"crypto/sha256"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/internal/controller/issuer"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/metrics"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/modelapi"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// Wire is what a test makes its vendors' clients with.
type Wire struct {
	// Now is the world's clock, Sleep lets it pass.
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
	// Timeout of one call, in true time.
	Timeout time.Duration
}

// Connector makes what makes vendors' clients: once for every process, so that nothing outlives it.
type Connector func(Wire) issuer.Connect

// World is one installation of the operator, one tenant and one vendor, apart from all others.
type World struct {
	t        T
	plane    *Plane
	admin    client.WithWatch
	operator client.WithWatch
	// model is the world's own API server, nil where the plane is real.
	model     *modelapi.Server
	connector Connector
	flavour   Flavour
	timeout   time.Duration
	server    serverClock
	times     *times

	// Name is part of every name in this world.
	Name string
	// Tenant is where GatewayTokens are, System the operator's own namespace.
	Tenant, System string
	// tracked is what the operator would see of this world, in the order in which it came.
	tracked   []entry
	isTracked map[entry]bool
	// restless are namespaces that somebody changed or is deleting.
	restless map[entry]bool

	Clock    Clock
	Vendor   *simulator.Server
	Identity token.Identity
	Sealer   ledger.Sealer
	Settings lifecycle.Settings
	// Halted is why the next process is not to call the vendor; empty for nothing.
	Halted string

	// Namespaced: the next process works in named namespaces only.
	Namespaced bool

	// Process is the operator.
	Process *Process
	started int

	// Errors are what reconciles returned, Events what they told, DryRuns how often they only asked, PodLists how often they listed pods.
	Errors   []error
	Events   []Event
	DryRuns  int
	PodLists int
	logs     []string
	// keys are those that ledgers were signed with.
	keys []string
	// registry has what was measured, by all processes.
	registry *prometheus.Registry
	metrics  *metrics.Metrics

	interference Interference
	effects      []Effect
	count, lists int
	story        []string

	watching bool
	// attended: somebody starts another process as soon as one is dead, so that time does not pass without any.
	attended bool
	excused  map[string]bool
	// forbidden are the kinds of lists that the operator may not ask for.
	forbidden map[string]bool
	// foreign are tokens that somebody made by hand, under another name than the operator's.
	foreign []string
	// original is the world that this one began as a copy of; nil for none.
	original *World
	// disputed: somebody else has the identity of this installation.
	disputed bool
	// hidden are tokens that the vendor does not show, though they are there.
	hidden map[token.ID]bool
	// host is where the vendor is served; nil for a place of its own.
	host *simulator.Host
	// beside is the world that this one shares its vendor with; nil for none.
	beside *World
}

// Option changes a world before it begins.
type Option func(*World)

// WithSettings changes the operator's settings.
func WithSettings(change func(*lifecycle.Settings)) Option {
	return func(w *World) { change(&w.Settings) }
}

// Beside lets the world share the vendor's account and the clock of another: a second cluster with an operator of its own.
func Beside(other *World) Option {
	return func(w *World) {
		w.beside, w.Clock, w.flavour = other, other.Clock, other.flavour
		if w.plane.IsModel() {
			// Worlds on models share one name, and these two are to be told apart.
			w.call(other.Name + "-beside")
		}
	}
}

// As gives the world the identity of another: somebody gave both the same --cluster-id.
func As(other *World) Option {
	return func(w *World) { w.Identity, w.disputed, other.disputed = other.Identity, true, true }
}

// CopyOf makes the world a copy of another as that is now: it has all its objects, its identity and its ledger key, and an API server and an
// operator of its own. Both have the same vendor. Only models can be copied.
func CopyOf(other *World) Option {
	return func(w *World) {
		w.original, w.beside, w.Clock, w.flavour, w.host = other, other, other.Clock, other.flavour, other.host
		w.Name, w.Tenant, w.System, w.Identity, w.Settings = other.Name, other.Tenant, other.System, other.Identity, other.Settings
		w.Sealer, w.keys = other.Sealer, slices.Clone(other.keys)
		w.tracked, w.isTracked = slices.Clone(other.tracked), maps.Clone(other.isTracked)
	}
}

// HaltedBy has the operator call no vendor, for a reason that is told.
func HaltedBy(why string) Option { return func(w *World) { w.Halted = why } }

// WithTimeout sets the time-out of a vendor call, in true time: only a test of it waits for it.
func WithTimeout(timeout time.Duration) Option { return func(w *World) { w.timeout = timeout } }

// ServedBy has the vendor served by a host, which serves one world at a time. What is told there twice has the same tokens twice, to the last byte.
func ServedBy(host *simulator.Host) Option { return func(w *World) { w.host = host } }

// New makes a world with its namespaces, its vendor and a first process. The connector makes the vendor's clients.
func New(t T, plane *Plane, connector Connector, options ...Option) *World {
	t.Helper()
	w := &World{
		t: t, plane: plane, admin: plane.Admin, connector: connector, flavour: AtCausely(), timeout: time.Minute,
		Name: plane.next(), Clock: newClock(), Settings: lifecycle.DefaultSettings(),
		excused: map[string]bool{}, isTracked: map[entry]bool{}, restless: map[entry]bool{},
	}
	w.call(w.Name)
	for _, option := range options {
		option(w)
	}
	switch {
	case w.original != nil:
		w.model = w.original.model.Copy(w.Name + "-copy")
		w.admin = w.model.Connect(agent())
	case plane.IsModel():
		w.model = plane.schemas.NewServer(w.Clock, w.Name)
		w.admin = w.model.Connect(agent())
	}
	w.times = &times{clock: w.Clock, of: map[types.UID]*written{}, pods: map[types.UID]metav1.Time{}}
	w.registry = prometheus.NewRegistry()
	var err error
	if w.metrics, err = metrics.New(w.registry); err != nil {
		t.Fatal(err)
	}
	if w.original == nil {
		w.RotateLedgerKey("first")
		w.Namespace(w.System)
		w.Namespace(w.Tenant)
	}
	w.connect()
	w.found()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what happened in %s:\n%s", w.Name, w.Story())
		}
	})
	w.Process = w.start()
	return w
}

// call gives the world its name, and what is called after it. An identity that is another world's stays.
func (w *World) call(name string) {
	w.Name, w.Tenant, w.System = name, name+"-tenant", name+"-system"
	if !w.disputed {
		w.Identity = token.Identity{ClusterID: "cluster-of-" + name}
	}
}

// agent is who writes where nothing else is said: whom a real API server reads from the name of the program.
func agent() string { return filepath.Base(os.Args[0]) }

// found makes the world's vendor, or takes that of the world beside.
func (w *World) found() {
	w.t.Helper()
	if w.beside != nil {
		w.Vendor = w.beside.Vendor
		return
	}
	options := []simulator.Option{simulator.WithClock(w.Clock), simulator.WithRevealedSecrets()}
	if w.host != nil {
		options = append(options, simulator.WithHost(w.host))
	}
	if w.host != nil || w.plane.Seen != nil {
		options = append(options, simulator.WithSeed(1))
	}
	var err error
	if w.Vendor, err = simulator.NewServer(options...); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.Vendor.Close)
	if preparer, ok := w.flavour.(Preparer); ok {
		if w.flavour, err = preparer.Prepare(w.Vendor); err != nil {
			w.t.Fatal(err)
		}
	}
}

// connect gives the operator a connection of its own: with the administrator's rights, unless Act says otherwise.
func (w *World) connect() {
	w.t.Helper()
	if w.model != nil {
		w.operator = w.model.Connect(agent())
		return
	}
	w.Act(w.plane.RESTConfig())
}

// Admin is a client that may do everything and is not seen by the gate.
func (w *World) Admin() client.WithWatch { return w.admin }

// Act lets the operator act with a configuration from the next start on. On a model everybody may do everything.
func (w *World) Act(as *rest.Config) {
	w.t.Helper()
	if w.model != nil {
		w.t.Fatal("a model knows no rights: this test needs a real API server")
	}
	connected, err := w.plane.connect(as)
	if err != nil {
		w.t.Fatal(err)
	}
	w.operator = connected
}

// RotateLedgerKey gives the operator another key from the next start on: the old one was lost.
func (w *World) RotateLedgerKey(seed string) {
	w.t.Helper()
	key := sha256.Sum256([]byte(seed))
	sealer, err := ledger.NewSealer(key[:])
	if err != nil {
		w.t.Fatal(err)
	}
	w.Sealer, w.keys = sealer, append(w.keys, string(key[:]))
}

func (w *World) ctx() context.Context { return w.t.Context() }

// Namespace makes a namespace.
func (w *World) Namespace(name string) {
	w.t.Helper()
	w.Create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
}

// outdate has the process look at everything anew: anybody may have changed anything.
// Namespaces are left alone by everybody but those who change or delete them here.
func (w *World) outdate() {
	before := w.Process.stale
	w.Process.stale = slices.DeleteFunc(slices.Clone(w.tracked), func(key entry) bool {
		return key.kind == "Namespace" && !w.restless[key] && !slices.Contains(before, key)
	})
}

// Settle does all that is due, and what follows from it at once.
func (w *World) Settle() {
	w.t.Helper()
	w.outdate()
	if err := w.Process.run(); err != nil {
		w.t.Fatal(err)
	}
}

// Advance lets time pass, and does on the way what becomes due.
func (w *World) Advance(d time.Duration) {
	w.t.Helper()
	w.outdate()
	if err := w.Process.advance(d); err != nil {
		w.t.Fatal(err)
	}
}

// Restart kills the process, if it is not dead already, and starts another.
func (w *World) Restart() {
	w.t.Helper()
	w.Process.gate.dead = true
	w.Clock.Step(stride)
	w.Process = w.start()
}

// Dead tells whether the process was killed.
func (w *World) Dead() bool { return w.Process.gate.dead }

// FreezeCache keeps what the process' cache has of some kinds as it is, as if their watches had stopped; ThawCache ends that.
func (w *World) FreezeCache(kinds ...string) { w.Process.frozen = kinds }

// ThawCache lets the cache catch up.
func (w *World) ThawCache() { w.Process.frozen = nil }

// RefreshCache lets the cache catch up without anything being done about it.
func (w *World) RefreshCache() {
	w.t.Helper()
	w.outdate()
	if err := w.Process.refresh(); err != nil {
		w.t.Fatal(err)
	}
}

// Look asks the process to look at an object of a kind once more, as an event does that tells nothing new.
func (w *World) Look(kind string, at client.Object) {
	w.Process.agenda.add(item{kind, requestFor(at)})
}

// Meanwhile lets another worker of the same process look at an object at once. It is for Interference: while one worker is
// in the middle of an effect, the others go on.
func (w *World) Meanwhile(kind string, at client.Object) {
	w.t.Helper()
	if err := w.Process.refresh(); err != nil {
		w.t.Fatal(err)
	}
	wanted := item{kind, requestFor(at)}
	w.Process.agenda.drop(wanted)
	w.note("meanwhile another worker looks at %s %s", kind, at.GetName())
	w.Process.lookAt(wanted)
}

// SkewServer puts the API server's clock ahead of the operator's.
func (w *World) SkewServer(by time.Duration) { w.server.ahead = by }

// Zombie is a process that was parked in the middle of an effect and believes that it leads.
type Zombie struct {
	process *Process
	resume  chan struct{}
	ended   chan error
}

// Park lets time pass and the process run until it is about to carry out the first effect that fits, and holds it there.
// A second process takes over the world; the first goes on when it is resumed. Without such an effect the test fails.
func (w *World) Park(within time.Duration, fits func(Effect) bool) *Zombie {
	w.t.Helper()
	z := w.TryPark(within, fits)
	if z == nil {
		w.t.Fatal("no effect came at which the process could be parked")
	}
	return z
}

// TryPark is Park, but for that it returns nil where no such effect came: then the process goes on as before.
func (w *World) TryPark(within time.Duration, fits func(Effect) bool) *Zombie {
	w.t.Helper()
	z := &Zombie{process: w.Process, resume: make(chan struct{}), ended: make(chan error, 1)}
	parked := make(chan struct{})
	w.Interfere(Interference{Before: func(effect Effect) error {
		if effect.Process == z.process.number && !z.process.retired && fits(effect) {
			z.process.retired = true
			w.note("process %d is parked before %s", z.process.number, effect)
			close(parked)
			<-z.resume
		}
		return nil
	}})
	w.outdate()
	go func() { z.ended <- z.process.advance(within) }()
	select {
	case <-parked:
	case err := <-z.ended:
		if err != nil {
			w.t.Fatal(err)
		}
		w.Interfere(Interference{})
		return nil
	}
	w.Interfere(Interference{})
	w.Clock.Step(stride)
	w.Process = w.start()
	return z
}

// Resume lets the parked process finish what it was doing, and waits for it.
func (w *World) Resume(z *Zombie) {
	w.t.Helper()
	w.note("process %d goes on", z.process.number)
	close(z.resume)
	if err := <-z.ended; err != nil {
		w.t.Fatal(err)
	}
	w.outdate()
}

// Bury kills the parked process where it is: it never goes on.
func (w *World) Bury(z *Zombie) {
	w.t.Helper()
	z.process.gate.dead = true
	w.Resume(z)
}
