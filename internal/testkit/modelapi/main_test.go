package modelapi

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/controlplane"
)

// actual is a client of a real control plane, and schemas are those of the models. Both are set before any test runs.
var (
	actual  client.WithWatch
	schemas *Schemas
)

// agent is who writes where a call does not say.
const agent = "script"

func TestMain(m *testing.M) { os.Exit(controlplane.Main(m, start)) }

// start starts what the tests share.
func start(ctx context.Context) (stop func() error, err error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("scheme: %w", err)
		}
	}
	crds := filepath.Join("..", "..", "..", "config", "crd", "bases")
	if schemas, err = Load(scheme, crds); err != nil {
		return nil, err
	}
	plane, err := controlplane.Start(ctx, controlplane.Options{CRDs: []string{crds}, Bare: true})
	if err != nil {
		return nil, err
	}
	config := plane.RESTConfig()
	config.UserAgent, config.WarningHandler = agent+"/test", rest.NoWarnings{}
	actual, err = client.NewWithWatch(config, client.Options{Scheme: scheme})
	return plane.Stop, err
}
