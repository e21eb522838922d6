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
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/controlplane"
)

// Plane is the control plane that the worlds of one test binary share. Each world has namespaces and names of its own.
type Plane struct {
	*controlplane.ControlPlane

	// Admin may do everything and is not seen by the worlds' gates.
	Admin  client.WithWatch
	scheme *runtime.Scheme
	// mapper is shared: whoever else asks the API server for its kinds gets the same answer.
	mapper meta.RESTMapper
	worlds atomic.Int64
}

// Start starts a control plane with the operator's kinds. root is the way to the root of this repository.
func Start(ctx context.Context, root string) (*Plane, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("scheme: %w", err)
		}
	}
	started, err := controlplane.Start(ctx, controlplane.Options{
		CRDs: []string{filepath.Join(root, "config", "crd", "bases")}, Bare: true,
	})
	if err != nil {
		return nil, err
	}
	plane := &Plane{ControlPlane: started, scheme: scheme}
	if plane.Admin, err = plane.connect(started.RESTConfig()); err != nil {
		_ = started.Stop() // the error that matters is the first
		return nil, err
	}
	plane.mapper = plane.Admin.RESTMapper()
	return plane, nil
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

// next gives the name of the next world: short, and good for a namespace.
func (p *Plane) next() string { return fmt.Sprintf("w%d", p.worlds.Add(1)) }

func kindOf(object any) string {
	name := fmt.Sprintf("%T", object)
	return strings.TrimSuffix(name[strings.LastIndex(name, ".")+1:], "ApplyConfiguration")
}
