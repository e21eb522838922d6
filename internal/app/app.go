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
	"k8s.io/client-go/metadata"
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
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/named"
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
	access, err := checkAccess(ctx, config, scheme, options.WatchNamespaces)
	if err != nil {
		return err
	}
	options.WatchNamespaces = access.served()
	manager, err := ctrl.NewManager(config, managerOptions(scheme, options))
	if err != nil {
		return fmt.Errorf("make the manager: %w", err)
	}
	if err := manager.Add(access); err != nil {
		return fmt.Errorf("add the look at namespaces: %w", err)
	}
	shared, err := assemble(ctx, manager, options, realClock)
	if err != nil {
		return err
	}
	if err := setup(ctx, manager, options, shared, server); err != nil {
		return err
	}
	// Alive as long as it answers, ready once the caches are filled.
	if err := errors.Join(manager.AddHealthzCheck("ping", healthz.Ping), manager.AddReadyzCheck("cache", filled(manager.GetCache()))); err != nil {
		return fmt.Errorf("add the probes: %w", err)
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
		Cache:                         cacheOptions(options.WatchNamespaces),
		Client: client.Options{Cache: &client.CacheOptions{
			// Nobody else's ConfigMaps are cached.
			DisableFor: []client.Object{&corev1.ConfigMap{}},
		}},
	}
}

// cacheOptions keep only what is ours: of all Secrets those that carry the operator's label; in these namespaces alone, where there are any.
func cacheOptions(namespaces []string) cache.Options {
	var within map[string]cache.Config
	if len(namespaces) > 0 {
		within = map[string]cache.Config{}
	}
	for _, namespace := range namespaces {
		within[namespace] = cache.Config{}
	}
	return cache.Options{
		DefaultNamespaces: within,
		DefaultTransform:  cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Secret{}: {
				Label: labels.SelectorFromSet(labels.Set{v1alpha1.LabelManagedBy: v1alpha1.OperatorName}),
				// Managed fields tell when the operator wrote a Secret last.
				Transform: func(o any) (any, error) { return o, nil },
			},
		},
	}
}

// filled tells whether the caches are filled.
func filled(caches cache.Cache) healthz.Checker {
	return func(request *http.Request) error {
		ctx, cancel := context.WithTimeout(request.Context(), time.Second)
		defer cancel()
		if !caches.WaitForCacheSync(ctx) {
			return errors.New("the caches are not filled yet")
		}
		return nil
	}
}

// assemble reads who we are, and makes what the controllers share: all that those of the issuers need.
func assemble(ctx context.Context, manager ctrl.Manager, options Options, passive clock.PassiveClock) (issuer.Config, error) {
	shared := issuer.Config{
		Client: manager.GetClient(), Live: inNamespaces(manager.GetAPIReader(), options.WatchNamespaces), Clock: passive, Namespaces: options.WatchNamespaces,
		Connect: Connect(options, passive.Now, nil), Book: accounts.NewBook(),
		Tokens: &wake.Queue{}, LeaderSince: (&leadership{clock: passive}).since,
		ClusterResourceNamespace: options.ClusterResourceNamespace, AllowHTTP: options.AllowHTTP, Settle: options.Lifecycle.Settle,
		OrphanRest: options.Lifecycle.OrphanRest, Recorder: manager.GetEventRecorder(v1alpha1.OperatorName),
	}
	var err error
	if shared.Identity, err = readIdentity(ctx, shared.Live, options); err != nil {
		return shared, err
	}
	if shared.Sealer, err = readSealer(ctx, shared.Live, shared.Client, options.ClusterResourceNamespace); err != nil {
		return shared, err
	}
	if err := know(ctx, manager, options, &shared); err != nil {
		return shared, err
	}
	shared.Inventory = inventory.New(shared.Identity.Install(), passive.Now, shared.Identity.FormerInstalls()...)
	if shared.Metrics, err = metrics.New(ctrlmetrics.Registry); err != nil {
		return shared, fmt.Errorf("register metrics: %w", err)
	}
	shared.Metrics.Cloned(shared.Halted != "")
	return shared, accounts.SetupIndexes(ctx, manager.GetFieldIndexer(), shared.Identity)
}

// know compares the cluster with the one that is recorded, and lets a person be asked where that is another.
func know(ctx context.Context, manager ctrl.Manager, options Options, shared *issuer.Config) error {
	seen := prints(ctx, manager.GetConfig(), manager.GetHTTPClient())
	record, cloned, err := settleCluster(ctx, shared.Live, shared.Client, options.ClusterResourceNamespace, shared.Identity.ClusterID, seen)
	if err != nil {
		return err
	}
	shared.Identity = record.identity(options)
	shared.Sealer, shared.FormerClusters = shared.Sealer.WithFormer(shared.Identity.Former...), options.FormerClusterIDs
	if cloned == nil {
		return nil
	}
	shared.Halted = cloned.text
	asks := &question{clone: cloned, live: shared.Live, recorder: shared.Recorder, namespace: options.ClusterResourceNamespace}
	if err := manager.Add(asks); err != nil {
		return fmt.Errorf("add the question whose the cluster's identity is: %w", err)
	}
	return nil
}

// setup registers the controllers.
func setup(ctx context.Context, manager ctrl.Manager, options Options, shared issuer.Config, server *serverClock) error {
	issuers := map[string]*wake.Queue{v1alpha1.KindTokenIssuer: {}, v1alpha1.KindClusterTokenIssuer: {}}
	watches, err := watchNamed(manager, issuers)
	if err != nil {
		return err
	}
	shared.Named, shared.Recorder = watches, manager.GetEventRecorder(v1alpha1.OperatorName)
	if err := issuer.Setup(manager, shared, options.IssuerWorkers, issuers); err != nil {
		return err
	}
	settings := options.Lifecycle
	settings.FormerClusters = options.FormerClusterIDs
	tokens := &gatewaytoken.Reconciler{
		Client: shared.Client, Live: shared.Live, Clock: shared.Clock, Server: server,
		Recorder: shared.Recorder, Metrics: shared.Metrics,
		Book: shared.Book, Inventory: shared.Inventory, Issuers: issuers,
		Identity: shared.Identity, Sealer: shared.Sealer, Settings: settings, LeaderSince: shared.LeaderSince,
		Namespaced: len(options.WatchNamespaces) > 0,
	}
	ctrl.LoggerFrom(ctx).Info("starting", "cluster", shared.Identity.ClusterID, "install", shared.Identity.Install(), "instance", options.Instance, "namespaces", options.WatchNamespaces)
	return gatewaytoken.Setup(manager, tokens, options.TokenWorkers, shared.Tokens)
}

// watchNamed has the issuers woken by the objects that they name. The cache of the manager cannot: what it watches is said when it
// is made, and one selector for all of a kind is all that it has.
func watchNamed(manager ctrl.Manager, issuers map[string]*wake.Queue) (*named.Watches, error) {
	metadataOnly, err := metadata.NewForConfigAndClient(manager.GetConfig(), manager.GetHTTPClient())
	if err != nil {
		return nil, fmt.Errorf("make the client for metadata: %w", err)
	}
	watches := named.New(metadataOnly, issuers)
	if err := manager.Add(watches); err != nil {
		return nil, fmt.Errorf("add the watches of what issuers name: %w", err)
	}
	return watches, nil
}
