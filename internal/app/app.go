package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/gatewaytoken"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/issuer"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/wake"
	"github.com/gatewaytoken/gateway-token-operator/internal/metrics"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/inventory"
)

// shutdownTimeout is how long workers may take to finish after SIGTERM. It is longer than a mint with its publication, and
// the Pod's terminationGracePeriodSeconds (75) is longer than it.
const shutdownTimeout = gatewaytoken.EffectTimeout + gatewaytoken.PublishTimeout + 10*time.Second

// leaseName is the Lease of the leader election, for the instance without a name.
const leaseName = "gateway-token-operator"

// Run runs the operator until the context ends, or the lease is lost, which is an error.
func Run(ctx context.Context, config *rest.Config, options Options) error {
	scheme, err := newScheme()
	if err != nil {
		return err
	}
	realClock := clock.RealClock{}
	server := newServerClock(realClock)
	config = rest.CopyConfig(config)
	config.Wrap(server.wrap)
	config.UserAgent = v1alpha1.OperatorName
	manager, err := ctrl.NewManager(config, managerOptions(scheme, options))
	if err != nil {
		return fmt.Errorf("make the manager: %w", err)
	}
	parts, err := assemble(ctx, manager, options, realClock)
	if err != nil {
		return err
	}
	if err := parts.setup(ctx, manager, options, server); err != nil {
		return err
	}
	for name, add := range map[string]func(string, healthz.Checker) error{"ping": manager.AddHealthzCheck, "cache": manager.AddReadyzCheck} {
		if err := add(name, checker(name, manager)); err != nil {
			return fmt.Errorf("add the probe %s: %w", name, err)
		}
	}
	if err := manager.Start(ctx); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return nil
}

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("make the scheme: %w", err)
		}
	}
	return scheme, nil
}

func managerOptions(scheme *runtime.Scheme, options Options) ctrl.Options {
	id := leaseName
	if options.Instance != "" {
		id += "-" + options.Instance
	}
	namespace := options.LeaderElectionNamespace
	if namespace == "" {
		namespace = options.ClusterResourceNamespace
	}
	return ctrl.Options{
		Scheme:                        scheme,
		Metrics:                       metricsserver.Options{BindAddress: options.MetricsAddress},
		HealthProbeBindAddress:        options.ProbeAddress,
		LeaderElection:                options.LeaderElect,
		LeaderElectionID:              id,
		LeaderElectionNamespace:       namespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &options.LeaseDuration,
		RenewDeadline:                 &options.RenewDeadline,
		RetryPeriod:                   &options.RetryPeriod,
		GracefulShutdownTimeout:       ptr.To(shutdownTimeout),
		Cache:                         cacheOptions(),
		Client: client.Options{Cache: &client.CacheOptions{
			// Nobody else's ConfigMaps are cached.
			DisableFor: []client.Object{&corev1.ConfigMap{}},
		}},
	}
}

// cacheOptions keep only what is ours: of all the cluster's Secrets those that carry the operator's label.
func cacheOptions() cache.Options {
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Secret{}: {
				Label: labels.SelectorFromSet(labels.Set{v1alpha1.LabelManagedBy: v1alpha1.OperatorName}),
				// Managed fields tell when the operator wrote a Secret last.
				Transform: func(o any) (any, error) { return o, nil },
			},
		},
	}
}

// checker answers a probe: alive as long as it answers, ready once the caches are filled.
func checker(name string, manager ctrl.Manager) healthz.Checker {
	if name == "ping" {
		return healthz.Ping
	}
	return func(request *http.Request) error {
		ctx, cancel := context.WithTimeout(request.Context(), time.Second)
		defer cancel()
		if !manager.GetCache().WaitForCacheSync(ctx) {
			return errors.New("the caches are not filled yet")
		}
		return nil
	}
}

// parts are what the controllers share.
type parts struct {
	config  issuer.Config
	metrics *metrics.Metrics
	clock   clock.PassiveClock
	leader  *leadership
	tokens  *wake.Queue
	issuers map[string]*wake.Queue
}

// assemble reads who we are, and makes what the controllers share.
func assemble(ctx context.Context, manager ctrl.Manager, options Options, passive clock.PassiveClock) (*parts, error) {
	live := manager.GetAPIReader()
	identity, err := readIdentity(ctx, live, options)
	if err != nil {
		return nil, err
	}
	sealer, err := readSealer(ctx, live, manager.GetClient(), options.ClusterResourceNamespace)
	if err != nil {
		return nil, err
	}
	counters, err := metrics.New(ctrlmetrics.Registry)
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	if err := accounts.SetupIndexes(ctx, manager.GetFieldIndexer(), identity); err != nil {
		return nil, err
	}
	p := &parts{
		metrics: counters, clock: passive, leader: &leadership{clock: passive}, tokens: &wake.Queue{},
		issuers: map[string]*wake.Queue{v1alpha1.KindTokenIssuer: {}, v1alpha1.KindClusterTokenIssuer: {}},
	}
	p.config = issuer.Config{
		Client: manager.GetClient(), Live: live, Clock: passive,
		Connect: newConnector(options, passive.Now).connect, Book: accounts.NewBook(),
		Inventory: inventory.New(identity.Install(), passive.Now), Tokens: p.tokens, LeaderSince: p.leader.since,
		Identity: identity, Sealer: sealer, Metrics: counters,
		ClusterResourceNamespace: options.ClusterResourceNamespace, AllowHTTP: options.AllowHTTP,
	}
	return p, nil
}

// setup registers the controllers.
func (p *parts) setup(ctx context.Context, manager ctrl.Manager, options Options, server *serverClock) error {
	if err := issuer.Setup(manager, p.config, options.IssuerWorkers, p.issuers); err != nil {
		return err
	}
	tokens := &gatewaytoken.Reconciler{
		Client: p.config.Client, Live: p.config.Live, Clock: p.clock, Server: server,
		Recorder: manager.GetEventRecorder(v1alpha1.OperatorName), Metrics: p.metrics,
		Book: p.config.Book, Inventory: p.config.Inventory, Issuers: p.issuers,
		Identity: p.config.Identity, Sealer: p.config.Sealer, Settings: options.Lifecycle, LeaderSince: p.leader.since,
	}
	ctrl.LoggerFrom(ctx).Info("starting", "cluster", p.config.Identity.ClusterID, "install", p.config.Identity.Install(), "instance", options.Instance)
	return gatewaytoken.Setup(manager, tokens, options.TokenWorkers, p.tokens)
}
