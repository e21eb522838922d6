package rackgateway_test

import (
	"cmp"
	"context"
	"crypto/x509"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	simulated "github.com/gatewaytoken/gateway-token-operator/internal/simulator/rackgateway"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/conformance"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/pacing"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rackgateway"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.Harness{Start: startSimulated, Except: noBody()})
}

// noBody are the cases in which something is wrong with the body of the answer to a revocation.
func noBody() map[string]string {
	const reason = "a revocation is answered with no body"
	return map[string]string{"RevokeTruncated": reason, "RevokeHugeAnswer": reason}
}

// TestConformanceRealGateway makes and deletes a few tokens at the gateway that the environment names. They may look at
// apps, and nothing else.
func TestConformanceRealGateway(t *testing.T) {
	gateway := gateway{
		url: os.Getenv("RACK_GATEWAY_CONFORMANCE_URL"), host: os.Getenv("RACK_GATEWAY_CONFORMANCE_HOST"),
		apiToken: os.Getenv("RACK_GATEWAY_CONFORMANCE_API_TOKEN"),
	}
	if gateway.url == "" || gateway.apiToken == "" {
		t.Skip("RACK_GATEWAY_CONFORMANCE_URL and RACK_GATEWAY_CONFORMANCE_API_TOKEN name no gateway")
	}
	bench := benchOf(gateway)
	conformance.Run(t, conformance.Harness{Start: func(*testing.T) *conformance.Bench { return bench }, Except: noBody()})
}

// benchOf is what may be asked for at any gateway.
func benchOf(gateway gateway) *conformance.Bench {
	return &conformance.Bench{
		Open:        opener(gateway),
		Request:     vendors.Request{Rights: []string{"convox:app:list", "convox:app:read"}},
		OtherRights: []string{"convox:app:list"},
		Role:        "viewer",
		Refused: map[string]vendors.Request{
			"UnknownRole": {Role: "conformance-no-such-role"},
			"NoRights":    {},
			"Expiry":      {Rights: []string{"convox:app:list"}, ExpiresAt: time.Date(2126, 5, 26, 12, 0, 0, 0, time.UTC)},
		},
	}
}

// gateway is where a client connects and with what.
type gateway struct {
	url, host, apiToken string
	ca                  []byte
}

// opener makes clients of one gateway that share what the operator shares: paces.
func opener(gateway gateway) func(conformance.Setup) (vendors.Vendor, error) {
	clock := func() time.Time { return time.Date(2026, 5, 26, 12, 0, 0, 0, time.UTC) }
	now := func() time.Time { return clock() }
	paces := pacing.New(pacing.Options{Clock: now, Sleep: func(context.Context, time.Duration) error { return nil }})
	return func(setup conformance.Setup) (vendors.Vendor, error) {
		if setup.Clock != nil {
			clock = setup.Clock
		}
		options := gateway.changed(setup).options(now)
		options.HTTP.Timeout = cmp.Or(setup.Timeout, time.Minute)
		if setup.Paced {
			options.Pacing = paces
		}
		if setup.WrongCA {
			options.HTTP.RootCAs = x509.NewCertPool()
		}
		if !setup.Guarded {
			options.HTTP.Guard.AllowCIDRs = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		}
		client, err := rackgateway.New(options)
		if err != nil {
			return nil, err
		}
		return client, nil
	}
}

// changed is the gateway as a setup wants to reach it.
func (g gateway) changed(setup conformance.Setup) gateway {
	if setup.Through != nil {
		g.url, g.ca = setup.Through.URL, setup.Through.CAPEM
	}
	if setup.PlainHTTP {
		g.url = "http" + strings.TrimPrefix(g.url, "https")
	}
	if setup.WrongCredentials {
		g.apiToken = "rgw_nobodys"
	}
	return g
}

func (g gateway) options(now func() time.Time) rackgateway.Options {
	return rackgateway.Options{
		URL: g.url, Host: g.host, APIToken: token.NewValue(g.apiToken), RequestsPerSecond: 10,
		HTTP: rest.Options{RootCAs: roots(g.ca), UserAgent: "conformance", Clock: now},
	}
}

// roots are the system's where there is no CA.
func roots(ca []byte) *x509.CertPool {
	if ca == nil {
		return nil
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return pool
}

func startSimulated(t *testing.T) *conformance.Bench {
	t.Helper()
	server, vendor := simulate(t)
	bench := benchOf(gateway{url: server.URL(), apiToken: simulated.DemoValue, ca: server.CAPEM()})
	bench.Simulation = &conformance.Simulation{
		URL: server.URL(), CAPEM: server.CAPEM(),
		Truth: vendor.truth, Inject: vendor.inject, CommitLate: server.Faults().CommitLate,
		Seed: vendor.seed, Withdraw: vendor.withdraw, Accepts: vendor.accepts, Use: vendor.use,
		UnknownFinds: []conformance.Variant{
			{Name: "null", Set: vendor.set(func(s *simulated.Switches) { s.UnknownGet = simulated.UnknownGetNull })},
			{Name: "notFound", Set: vendor.set(func(s *simulated.Switches) { s.UnknownGet = simulated.UnknownGetNotFound })},
		},
		SecretFields: []string{"token"},
	}
	return bench
}

func simulate(t *testing.T, options ...simulator.Option) (*simulator.Server, *simulation) {
	t.Helper()
	server, err := simulator.NewServer(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server, &simulation{T: t, server: server, vendor: server.RackGateway()}
}

// simulation translates between the suite's words and the simulator's.
type simulation struct {
	*testing.T
	server *simulator.Server
	vendor *simulated.Vendor
}

// routes are the simulator's names of the suite's routes.
func routes() map[conformance.Route]string {
	return map[conformance.Route]string{
		conformance.Create: simulated.RouteCreate, conformance.List: simulated.RouteList, conformance.Revoke: simulated.RouteRevoke,
		conformance.Find: simulated.RouteGet, conformance.Update: simulated.RouteUpdate,
		conformance.Catalogue: simulated.RoutePermissions, conformance.Login: "", // there is none
	}
}

// truth leaves out what the gateway has deleted: it does not keep it.
func (s *simulation) truth() conformance.Truth {
	known := s.vendor.Truth()
	truth := conformance.Truth{Calls: map[conformance.Route]int{}}
	for _, account := range known.Accounts {
		for _, row := range account.Tokens {
			if row.State == simulated.Active {
				truth.Tokens = append(truth.Tokens, conformance.TrueToken{ID: token.ID(row.ID), Name: row.Name, Active: true})
			}
		}
	}
	for route, name := range routes() {
		truth.Calls[route] = known.Calls[name]
	}
	return truth
}

func (s *simulation) inject(fault conformance.Fault) {
	s.Helper()
	times := 1
	if fault.Every {
		times = 0
	}
	translated := simulator.Fault{
		Route: routes()[fault.Route], Kind: stage.Kind(fault.Kind), Times: times, Delay: fault.Delay,
		RetryAfter: fault.RetryAfter,
	}
	if fault.Kind == conformance.Status || fault.Kind == conformance.StatusAfterCommit {
		translated.Status = fault.StatusCode
	}
	if _, err := s.server.Faults().Add(translated); err != nil {
		s.Fatal(err)
	}
}

func (s *simulation) seed(names ...string) {
	s.Helper()
	for _, name := range names {
		if _, err := s.vendor.Create(simulated.DemoEmail, name); err != nil {
			s.Fatal(err)
		}
	}
}

func (s *simulation) withdraw(id token.ID) {
	s.Helper()
	if err := s.vendor.Revoke(string(id)); err != nil {
		s.Fatal(err)
	}
}

func (s *simulation) accepts(value token.Value) (token.ID, bool) {
	connection := s.vendor.Check(value.Reveal())
	return token.ID(connection.ID), connection.Active
}

func (s *simulation) use(value token.Value) {
	s.Helper()
	if !s.vendor.Connect(value.Reveal()).Active {
		s.Fatal("the gateway does not let the value in")
	}
}

func (s *simulation) set(change func(*simulated.Switches)) func() {
	return func() {
		s.Helper()
		switches := s.vendor.Switches()
		change(&switches)
		if err := s.vendor.SetSwitches(switches); err != nil {
			s.Fatal(err)
		}
	}
}
