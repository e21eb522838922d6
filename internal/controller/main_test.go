// Package controller_test tests the controllers together, as they work in the operator: on a real API server, or on a model of it what
// tells one story many times over, with the real client of the vendor and a simulated vendor over TLS, step by step on a clock that is moved
// by hand.
package controller_test

import (
	"context"
	"errors"
	"flag"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/gatewaytoken/gateway-token-operator/internal/app"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/issuer"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/controlplane"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/states"
)

// plane is shared by all tests of this package; it is set before any of them runs. model has models of the API server, for what is told many
// times over.
var plane, model *harness.Plane

func TestMain(m *testing.M) { os.Exit(controlplane.Main(m, start)) }

// onModel has the tests run on a model of the API server instead: faster, and without its rights, policies and quotas.
var onModel = flag.Bool("model", false, "run on the model API server (package modelapi)")

// record names a directory for an object of every state that is seen on models (`make states`).
var record = flag.String("record", "", "with -model: write an object of every state into this `directory`")

// start starts what the tests share.
func start(ctx context.Context) (stop func() error, err error) {
	flag.Parse() //nolint:revive // TestMain is the main function of a test
	if err = drawTheSame(); err != nil {
		return nil, err
	}
	if model, err = harness.Model("../.."); err != nil {
		return nil, err
	}
	// Worlds in memory leave much behind, and little of it at a time.
	debug.SetGCPercent(400)
	if *onModel {
		plane = model
		return recorded(), nil
	}
	if plane, err = harness.Start(ctx, "../.."); err != nil {
		return nil, err
	}
	return plane.Stop, parallel()
}

// recorded has what is seen on models written down at the end, where that is asked for.
func recorded() (stop func() error) {
	if *record == "" {
		return model.Stop
	}
	seen := states.NewRecorder()
	model.Seen = seen.See
	return func() error { return errors.Join(seen.Write(*record), model.Stop()) }
}

// drawTheSame has rapid draw the same tales each time, and write none down, unless its flags say otherwise.
func drawTheSame() error {
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range map[string]string{
		"rapid.seed": "1", "rapid.checks": "12", "rapid.steps": "5", "rapid.shrinktime": "5m", "rapid.nofailfile": "true",
	} {
		if given[name] {
			continue
		}
		if err := flag.Set(name, value); err != nil {
			return err
		}
	}
	return nil
}

// needsReal skips a test that the model API server cannot serve.
func needsReal(t *testing.T, why string) {
	t.Helper()
	if plane.IsModel() {
		t.Skip("needs a real API server: " + why)
	}
}

// parallel has twice as many worlds going as there are processors, unless -parallel says otherwise: a world waits for the API server
// more than it computes.
func parallel() error {
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if asked {
		return nil
	}
	return flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
}

// newWorld makes a world of its own for a test, which may run beside others.
func newWorld(t *testing.T, options ...harness.Option) *harness.World {
	t.Helper()
	t.Parallel()
	return harness.New(t, plane, connect, options...)
}

// newModelWorld makes one with a model of the API server.
func newModelWorld(t *testing.T, options ...harness.Option) *harness.World {
	t.Helper()
	t.Parallel()
	return harness.New(t, model, connect, options...)
}

// newWorldOf makes one for a row of a table that tells one story many times over: on the real API server where the row stands for the others,
// on a model otherwise. What is in the way of the story, such as a vendor's answer, is nothing to the API server.
func newWorldOf(t *testing.T, stands bool, options ...harness.Option) *harness.World {
	t.Helper()
	if stands {
		return newWorld(t, options...)
	}
	return newModelWorld(t, options...)
}

// newWorldAt makes one for a story that is told at each of several vendors.
func newWorldAt(t *testing.T, at harness.Flavour, options ...harness.Option) *harness.World {
	t.Helper()
	t.Parallel()
	return harness.New(t, planeAt(at), connect, append([]harness.Option{harness.At(at)}, options...)...)
}

// planeAt is where such a story is told: at Causely, and at that of places that stands for all, on the real API server, and at others on a model.
func planeAt(at harness.Flavour) *harness.Plane {
	if of, isPlace := at.(place); (isPlace && of.stands) || at == harness.AtCausely() {
		return plane
	}
	return model
}

// connect makes clients as the operator does, allowed to call loopback addresses.
func connect(wire harness.Wire) issuer.Connect {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	return app.Connect(app.Options{AllowCIDRs: loopback, RequestTimeout: wire.Timeout, HostPerSecond: 50}, wire.Now, wire.Sleep)
}
