package named

import (
	"context"
	"os"
	"testing"

	"k8s.io/client-go/kubernetes"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/controlplane"
)

// plane and admin, who may do everything, are shared by all tests of this package; they are set before any of them runs.
var (
	plane *controlplane.ControlPlane
	admin kubernetes.Interface
)

func TestMain(m *testing.M) { os.Exit(controlplane.Main(m, start)) }

// start starts what the tests share.
func start(ctx context.Context) (stop func() error, err error) {
	if plane, err = controlplane.Start(ctx, controlplane.Options{}); err != nil {
		return nil, err
	}
	admin, err = kubernetes.NewForConfig(plane.RESTConfig())
	return plane.Stop, err
}
