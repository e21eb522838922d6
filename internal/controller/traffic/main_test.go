// Package traffic_test counts what the operator asks of a vendor, and of the API server: at rest with as many GatewayTokens as a large
// installation has, in an hour in which a vendor answers nothing but errors, and where a token's own request is wrong. It is a package of
// its own so that it runs beside the other tests of the controllers.
//
// The worlds are those of the other tests (package harness): the real controllers, a real API server, simulated vendors over TLS, and a
// clock that is moved by hand. What is counted is what the vendor counts.
package traffic_test

import (
	"context"
	"net/netip"
	"os"
	"testing"

	"github.com/gatewaytoken/gateway-token-operator/internal/app"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/issuer"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/controlplane"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// plane is shared by all tests of this package; it is set before any of them runs.
var plane *harness.Plane

func TestMain(m *testing.M) { os.Exit(controlplane.Main(m, start)) }

// start starts what the tests share.
func start(ctx context.Context) (stop func() error, err error) {
	if plane, err = harness.Start(ctx, "../../.."); err != nil {
		return nil, err
	}
	return plane.Stop, nil
}

// newWorld makes a world of its own for a test, which may run beside others.
func newWorld(t *testing.T, options ...harness.Option) *harness.World {
	t.Helper()
	t.Parallel()
	return harness.New(t, plane, connect, options...)
}

// connect makes clients as the operator does, allowed to call loopback addresses.
func connect(wire harness.Wire) issuer.Connect {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	return app.Connect(app.Options{AllowCIDRs: loopback, RequestTimeout: wire.Timeout, HostPerSecond: 50}, wire.Now, wire.Sleep)
}
