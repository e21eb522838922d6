package harness

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/canary"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/controlplane"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/modelapi"
)

// Plane is the control plane that the worlds of one test binary share. Each world has namespaces and names of its own.
type Plane struct {
	*controlplane.ControlPlane

	// Admin may do everything and is not seen by the worlds' gates. A model has none: there, each world has its own.
	Admin  client.WithWatch
	scheme *runtime.Scheme
	// schemas are those of a model, nil for a real control plane.
	schemas *modelapi.Schemas
	// mapper is shared: whoever else asks the API server for its kinds gets the same answer.
	mapper meta.RESTMapper
	worlds atomic.Int64
	// searches are those for secrets that were made before, by the secrets: worlds that are alike have the same.
	searches *lru.Cache
	// Seen, where it is not nil, is told of every object that the operator sees, as the API server has it, from several worlds at the same
	// time. It is set before the first world begins. Vendors draw the same IDs each time then.
	Seen func(client.Object)
}

// Start starts a control plane with the operator's kinds. root is the way to the root of this repository.
func Start(ctx context.Context, root string) (*Plane, error) {
	return StartWith(ctx, crds(root))
}

// StartWith starts one with the operator's kinds as the CRDs of a directory describe them, such as those of an earlier release.
func StartWith(ctx context.Context, crds string) (*Plane, error) {
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	started, err := controlplane.Start(ctx, controlplane.Options{CRDs: []string{crds}, Bare: true})
	if err != nil {
		return nil, err
	}
	plane := &Plane{ControlPlane: started, scheme: scheme, searches: lru.New(keptSearches)}
	if plane.Admin, err = plane.connect(started.RESTConfig()); err != nil {
		_ = started.Stop() // the error that matters is the first
		return nil, err
	}
	plane.mapper = plane.Admin.RESTMapper()
	return plane, nil
}

// Model makes a plane of models (package modelapi) instead: each world has an API server of its own, in memory, with the world's clock, and
// is played the same way each time. What needs a real one does not work, and says so: other rights, quotas, policies, watches.
func Model(root string) (*Plane, error) {
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	schemas, err := modelapi.Load(scheme, crds(root))
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return &Plane{scheme: scheme, schemas: schemas, searches: lru.New(keptSearches)}, nil
}

// IsModel tells whether the worlds of this plane have models.
func (p *Plane) IsModel() bool { return p.schemas != nil }

// Stop stops the control plane. Of a model there is nothing to stop.
func (p *Plane) Stop() error {
	if p.IsModel() {
		return nil
	}
	return p.ControlPlane.Stop()
}

func crds(root string) string { return filepath.Join(root, "config", "crd", "bases") }

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("scheme: %w", err)
		}
	}
	return scheme, nil
}

// connect makes a client. It prints no warnings: what a test wants to know it asks for.
func (p *Plane) connect(config *rest.Config) (client.WithWatch, error) {
	config.WarningHandler = rest.NoWarnings{}
	connected, err := client.NewWithWatch(config, client.Options{Scheme: p.scheme, Mapper: p.mapper})
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return connected, nil
}

// next gives the name of the next world: short, and good for a namespace. Worlds with an API server of their own share one name, so that
// each of them is the same whatever else is played beside it.
func (p *Plane) next() string {
	if p.IsModel() {
		return "world"
	}
	return fmt.Sprintf("w%d", p.worlds.Add(1))
}

func kindOf(object any) string {
	name := fmt.Sprintf("%T", object)
	return name[strings.LastIndex(name, ".")+1:]
}

// search makes a search for secrets, or finds it.
func (p *Plane) search(secrets []string) *canary.Search {
	key := strings.Join(secrets, "\x00")
	if known, ok := p.searches.Get(key); ok {
		if search, ok := known.(*canary.Search); ok {
			return search
		}
	}
	search := canary.Of(secrets...)
	p.searches.Add(key, search)
	return search
}

// keptSearches is how many are kept.
const keptSearches = 100
