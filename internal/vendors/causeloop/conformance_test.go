package causeloop_test

import (
	"cmp"
	"context"
	"crypto/x509"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	simulated "github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/conformance"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/pacing"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

// TestConformance runs each pool with the likely answers to what the vendor's document leaves open, and with the others.
func TestConformance(t *testing.T) {
	answers := map[string]func(*simulated.Switches){"Likely": func(*simulated.Switches) {}, "Otherwise": otherwise}
	for name, set := range answers {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []string{causeloop.Personal, causeloop.Dedicated, causeloop.Existing} {
				t.Run(strings.TrimSuffix(kind, "/"), func(t *testing.T) {
					conformance.Run(t, conformance.Harness{
						Start:  func(t *testing.T) *conformance.Bench { t.Helper(); return startSimulated(t, kind, set) },
						Except: except(kind),
					})
				})
			}
		})
	}
}

// otherwise is every other answer with which all cases of the suite make sense.
func otherwise(s *simulated.Switches) {
	s.SecretField, s.CreateStatus, s.DeleteStatus = simulated.FieldToken, 200, 200
	s.ListShape, s.ScopesAs, s.IDs = simulated.ListArray, simulated.ScopesAsStrings, simulated.IDsUUID
	s.RevokedListed, s.ExpiredListed, s.OthersListed = true, false, true
	s.RevokedNameFree, s.NamesFold, s.RollKeepsID = false, true, false
	s.AccountTokensEmbedded, s.AccountTokenNamesUnique = false, true
	s.AccountTokenExpiry, s.ExpiryField = simulated.ExpiryRefused, simulated.ExpiresInDays
	s.LimitPer = simulated.LimitPerToken
}

// except are the cases that a pool cannot have.
func except(kind string) map[string]string {
	switch kind {
	case causeloop.Dedicated:
		return map[string]string{
			"RightsAreShown": "a list shows the scopes of the account, which can be changed while its token keeps its own",
		}
	case causeloop.Existing:
		return unlisted()
	}
	return nil
}

// unlisted are the cases that look at a list, and one that looks at a name.
func unlisted() map[string]string {
	cases := map[string]string{"CreateAlteredName": "the name of a token is for people only"}
	for _, name := range []string{
		"CreateListRevoke", "RowsSayTheAccount", "ListShowsWhatOthersMade", "CreateLateCommit", "CreateIsNotRepeated", "ListEmpty",
		"ListHuge", "ListStopsWithTheCaller", "ListVendorTime", "ListHugeRow", "ListCut", "ListTruncated", "ListMalformed", "ListHTML",
		"ListWrongContentType", "ListRedirect", "ListStatus403", "ListStatus404", "ListStatus500", "RevokeOddID",
		"WrongRightsAreRefused", "WrongCredentials", "RateLimited", "RateLimitIsKept", "RateLimitOfZero", "PacedByItself", "WrongCA",
		"Redaction",
	} {
		cases[name] = "nothing lists the tokens of a service account; TestExisting looks at what is left of the case"
	}
	return cases
}

// TestConformanceRealAccount makes and revokes a few tokens in the pool that the environment names. They may read issues
// unless it names other scopes.
func TestConformanceRealAccount(t *testing.T) {
	kind := os.Getenv("CAUSELOOP_CONFORMANCE_POOL")
	workspace := workspace{url: os.Getenv("CAUSELOOP_CONFORMANCE_URL"), token: os.Getenv("CAUSELOOP_CONFORMANCE_TOKEN"), pool: kind}
	if workspace.url == "" || workspace.token == "" || workspace.pool == "" {
		t.Skip("CAUSELOOP_CONFORMANCE_URL, _TOKEN and _POOL name no account")
	}
	if strings.HasPrefix(kind, causeloop.Existing) {
		kind = causeloop.Existing
	}
	bench := benchOf(workspace, kind)
	if scopes := os.Getenv("CAUSELOOP_CONFORMANCE_SCOPES"); scopes != "" && kind != causeloop.Existing {
		bench.Request.Rights = strings.Split(scopes, ",")
	}
	conformance.Run(t, conformance.Harness{Start: func(*testing.T) *conformance.Bench { return bench }, Except: except(kind)})
}

// benchOf is what may be asked for in a pool.
func benchOf(workspace workspace, kind string) *conformance.Bench {
	bench := &conformance.Bench{Open: opener(workspace)}
	if kind == causeloop.Existing {
		bench.Refused = map[string]vendors.Request{"Scopes": {Rights: []string{"issues:read"}}}
		return bench
	}
	bench.Request = vendors.Request{Rights: []string{"issues:read"}}
	bench.Refused = map[string]vendors.Request{"NoScopes": {}, "UnknownScope": {Rights: []string{"conformance:no-such-scope"}}}
	return bench
}

// workspace is where a client connects, with what, and which pool it takes there.
type workspace struct {
	url, token, pool string
	ca               []byte
}

// opener makes clients of one workspace that share what the operator shares: paces.
func opener(workspace workspace) func(conformance.Setup) (vendors.Vendor, error) {
	clock := func() time.Time { return time.Date(2026, 5, 26, 12, 0, 0, 0, time.UTC) }
	now := func() time.Time { return clock() }
	paces := pacing.New(pacing.Options{Clock: now, Sleep: func(context.Context, time.Duration) error { return nil }})
	return func(setup conformance.Setup) (vendors.Vendor, error) {
		if setup.Clock != nil {
			clock = setup.Clock
		}
		workspace := workspace.changed(setup)
		options := workspace.options(now)
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
		client, err := causeloop.New(options)
		if err != nil {
			return nil, err
		}
		return client.Pool(workspace.pool)
	}
}

// changed is the workspace as a setup wants to reach it.
func (w workspace) changed(setup conformance.Setup) workspace {
	if setup.Through != nil {
		w.url, w.ca = setup.Through.URL, setup.Through.CAPEM
	}
	if setup.PlainHTTP {
		w.url = "http" + strings.TrimPrefix(w.url, "https")
	}
	if setup.WrongCredentials {
		w.token = "clp_nobodys"
	}
	return w
}

func (w workspace) options(now func() time.Time) causeloop.Options {
	return causeloop.Options{
		URL: w.url, Token: token.NewValue(w.token), RequestsPerSecond: 10,
		HTTP: rest.Options{RootCAs: roots(w.ca), UserAgent: "conformance", Clock: now},
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

func startSimulated(t *testing.T, kind string, set func(*simulated.Switches)) *conformance.Bench {
	t.Helper()
	vendor := simulate(t, kind, set)
	bench := benchOf(vendor.workspace(), kind)
	bench.Simulation = &conformance.Simulation{
		URL: vendor.server.URL(), CAPEM: vendor.server.CAPEM(),
		Truth: vendor.truth, Inject: vendor.inject, CommitLate: vendor.server.Faults().CommitLate,
		Seed: vendor.seed, Withdraw: vendor.withdraw, Accepts: vendor.accepts,
		SecondRevokes: []conformance.Variant{
			{Name: "same", Set: vendor.set(func(s *simulated.Switches) { s.SecondRevoke = simulated.SecondRevokeSame })},
			{Name: "conflict", Set: vendor.set(func(s *simulated.Switches) { s.SecondRevoke = simulated.SecondRevokeConflict })},
			{Name: "notFound", Set: vendor.set(func(s *simulated.Switches) { s.SecondRevoke = simulated.SecondRevokeNotFound })},
		},
		SecretFields: []string{"secret", "token"},
	}
	return bench
}

// simulate starts a vendor whose pool of a kind is there and empty.
func simulate(t *testing.T, kind string, set func(*simulated.Switches)) *simulation {
	t.Helper()
	server, err := simulator.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	s := &simulation{T: t, server: server, vendor: server.Causeloop(), kind: kind, pool: kind}
	s.set(set)()
	if kind == causeloop.Existing {
		if s.account, err = s.vendor.CreateServiceAccount(simulated.DemoWorkspaceID, "somebody's"); err != nil {
			t.Fatal(err)
		}
		s.pool += s.account
	}
	return s
}

// simulation translates between the suite's words and the simulator's.
type simulation struct {
	*testing.T
	server     *simulator.Server
	vendor     *simulated.Vendor
	kind, pool string
	// account is the service account of the pool, where it is of one.
	account string
}

func (s *simulation) workspace() workspace {
	return workspace{url: s.server.URL(), token: simulated.DemoValue, pool: s.pool, ca: s.server.CAPEM()}
}

// client opens the pool with a credential.
func (s *simulation) client(credential string) vendors.Vendor {
	s.Helper()
	workspace := s.workspace()
	workspace.token = credential
	vendor, err := opener(workspace)(conformance.Setup{})
	if err != nil {
		s.Fatal(err)
	}
	return vendor
}

// routes are the simulator's names of the suite's routes.
func (s *simulation) routes() map[conformance.Route]string {
	routes := map[conformance.Route]string{conformance.Catalogue: simulated.RouteScopes}
	switch s.kind {
	case causeloop.Personal:
		routes[conformance.Create] = simulated.RouteCreate
		routes[conformance.List] = simulated.RouteList
		routes[conformance.Revoke] = simulated.RouteRevoke
		routes[conformance.Roll] = simulated.RouteRoll
	case causeloop.Dedicated:
		routes[conformance.Create] = simulated.RouteCreateAccount
		routes[conformance.List] = simulated.RouteListAccounts
		routes[conformance.Revoke] = simulated.RouteDeleteAccount
	case causeloop.Existing:
		routes[conformance.Create] = simulated.RouteIssue
		routes[conformance.Revoke] = simulated.RouteWithdraw
	}
	return routes
}

// truth leaves out what is revoked: the suite counts what a vendor that promises nothing else must have.
func (s *simulation) truth() conformance.Truth {
	known := s.vendor.Truth()
	truth := conformance.Truth{Calls: map[conformance.Route]int{}}
	for _, there := range s.tokens(known) {
		if there.Active {
			truth.Tokens = append(truth.Tokens, there)
		}
	}
	for route, name := range s.routes() {
		truth.Calls[route] = known.Calls[name]
	}
	return truth
}

// tokens are those of the pool.
func (s *simulation) tokens(known simulated.Truth) []conformance.TrueToken {
	switch s.kind {
	case causeloop.Personal:
		for _, account := range known.Accounts {
			if account.Name == simulated.DemoName {
				return tokensOf(account.Tokens)
			}
		}
	case causeloop.Existing:
		for _, account := range known.ServiceAccounts {
			if account.ID == s.account {
				return tokensOf(account.Tokens)
			}
		}
	case causeloop.Dedicated:
		var all []conformance.TrueToken
		for _, account := range known.ServiceAccounts {
			all = append(all, conformance.TrueToken{ID: token.ID(account.ID), Name: account.Name, Active: account.State == simulated.Active})
		}
		return all
	}
	s.Fatal("the pool is gone")
	return nil
}

func tokensOf(known []simulated.TokenTruth) []conformance.TrueToken {
	var all []conformance.TrueToken
	for _, row := range known {
		all = append(all, conformance.TrueToken{ID: token.ID(row.ID), Name: row.Name, Active: row.State == simulated.Active})
	}
	return all
}

// inject lets a call go wrong. Of the two calls that a dedicated account takes it is the first, unless what goes wrong is
// with an answer that has a value in it. TestDedicatedFaults lets either go wrong in all ways.
func (s *simulation) inject(fault conformance.Fault) {
	s.Helper()
	route := s.routes()[fault.Route]
	if s.kind == causeloop.Dedicated && fault.Route == conformance.Create && slices.Contains(withValue(), fault.Kind) {
		route = simulated.RouteIssue
	}
	s.injectAt(route, fault)
}

func withValue() []conformance.Kind {
	return []conformance.Kind{
		conformance.EmptyValue, conformance.TruncatedBody, conformance.MalformedJSON, conformance.WrongContentType, conformance.HugeBody,
	}
}

func (s *simulation) injectAt(route string, fault conformance.Fault) {
	s.Helper()
	s.injectAfter(route, 0, fault)
}

func (s *simulation) injectAfter(route string, spared int, fault conformance.Fault) {
	s.Helper()
	times := 1
	if fault.Every {
		times = 0
	}
	translated := simulator.Fault{
		Route: route, Kind: stage.Kind(fault.Kind), Times: times, After: spared, Delay: fault.Delay, RetryAfter: fault.RetryAfter,
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
		var err error
		switch s.kind {
		case causeloop.Personal:
			_, err = s.vendor.Create(simulated.DemoName, name)
		case causeloop.Dedicated:
			_, err = s.vendor.CreateServiceAccount(simulated.DemoWorkspaceID, name)
		default:
			_, err = s.vendor.Issue(s.account, name)
		}
		if err != nil {
			s.Fatal(err)
		}
	}
}

func (s *simulation) withdraw(id token.ID) {
	s.Helper()
	end := s.vendor.Revoke
	if s.kind == causeloop.Dedicated {
		end = s.vendor.DeleteServiceAccount
	}
	if err := end(string(id)); err != nil {
		s.Fatal(err)
	}
}

// accepts tells of a dedicated account's token that it is the account's.
func (s *simulation) accepts(value token.Value) (token.ID, bool) {
	connection := s.vendor.Check(value.Reveal())
	if s.kind != causeloop.Dedicated {
		return token.ID(connection.ID), connection.Active
	}
	for _, account := range s.vendor.Truth().ServiceAccounts {
		for _, issued := range account.Tokens {
			if issued.ID == connection.ID {
				return token.ID(account.ID), connection.Active
			}
		}
	}
	return "", false
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
