// Package controller_test tests the controllers together, as they work in the operator: on a real API server, with the
// real client of the vendor and a simulated vendor over TLS, step by step on a clock that is moved by hand.
package controller_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"testing"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/issuer"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/login"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/pacing"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rackgateway"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

// plane is shared by all tests of this package; it is set before any of them runs.
var plane *harness.Plane

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	var err error
	if plane, err = harness.Start(context.Background(), "../.."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := plane.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}()
	return m.Run()
}

// newWorld makes a world of its own for a test, which may run beside others.
func newWorld(t *testing.T, options ...harness.Option) *harness.World {
	t.Helper()
	t.Parallel()
	return harness.New(t, plane, connect, options...)
}

// connect makes clients as internal/app does, allowed to call loopback addresses.
func connect(wire harness.Wire) issuer.Connect {
	logins := login.NewCache(wire.Now)
	pace := pacing.New(pacing.Options{Clock: wire.Now, Sleep: wire.Sleep, HostPerSecond: 50})
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	return func(to issuer.Connection) (vendors.Vendor, error) {
		http := rest.Options{
			RootCAs: to.RootCAs, Timeout: wire.Timeout, UserAgent: v1alpha1.OperatorName, Clock: wire.Now,
			Guard: rest.Guard{RefusePrivate: to.Namespaced, AllowCIDRs: loopback},
		}
		rate := float64(to.Spec.RequestRate())
		switch to.Spec.Vendor() {
		case v1alpha1.VendorCausely:
			return causely.New(causely.Options{
				URL: to.Spec.Causely.APIURL(), AuthURL: to.Spec.Causely.LoginURL(),
				ClientID: to.Credentials[issuer.ClientID], ClientSecret: to.Credentials[issuer.ClientSecret],
				RequestsPerSecond: rate, HTTP: http, Logins: logins, Pacing: pace,
			})
		case v1alpha1.VendorCauseloop:
			return causeloop.New(causeloop.Options{
				URL: to.Spec.Causeloop.APIURL(), Token: to.Credentials[issuer.Token], RequestsPerSecond: rate, HTTP: http, Pacing: pace,
			})
		case v1alpha1.VendorPingOne:
			return pingone.New(pingone.Options{
				URL: to.Spec.PingOne.APIURL(), AuthURL: to.Spec.PingOne.LoginURL(), AuthMethod: pingone.AuthMethod(to.Spec.PingOne.AuthMethod()),
				ClientID: to.Credentials[issuer.ClientID], ClientSecret: to.Credentials[issuer.ClientSecret],
				RequestsPerSecond: rate, HTTP: http, Logins: logins, Pacing: pace,
			})
		case v1alpha1.VendorRackGateway:
			return rackgateway.New(rackgateway.Options{
				URL: to.Spec.RackGateway.URL, Host: to.Spec.RackGateway.Host, APIToken: to.Credentials[issuer.Token],
				RequestsPerSecond: rate, HTTP: http, Pacing: pace,
			})
		default:
			return nil, errors.New("no client for this vendor")
		}
	}
}
