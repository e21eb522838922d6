package causely_test

import (
	"context"
	"crypto/x509"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	simulated "github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/conformance"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/login"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/pacing"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

const loginPath = "/frontegg/identity/resources/auth/v2/api-token"

func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.Harness{Start: startSimulated})
}

// TestConformanceRealAccount makes and revokes a few tokens in the account that the environment names.
func TestConformanceRealAccount(t *testing.T) {
	account := realAccount()
	if account.url == "" || account.authURL == "" || account.id == "" || account.secret == "" {
		t.Skip("CAUSELY_CONFORMANCE_URL, _AUTH_URL, _CLIENT_ID and _CLIENT_SECRET name no account")
	}
	bench := &conformance.Bench{Open: opener(account)}
	conformance.Run(t, conformance.Harness{Start: func(*testing.T) *conformance.Bench { return bench }})
}

func realAccount() account {
	return account{
		url: os.Getenv("CAUSELY_CONFORMANCE_URL"), authURL: os.Getenv("CAUSELY_CONFORMANCE_AUTH_URL"),
		id: os.Getenv("CAUSELY_CONFORMANCE_CLIENT_ID"), secret: os.Getenv("CAUSELY_CONFORMANCE_CLIENT_SECRET"),
	}
}

// account is where a client connects and as whom.
type account struct {
	url, authURL, id, secret string
	ca                       []byte
}

// through leads to the same account by way of a tap.
func (a account) through(tap *conformance.Tap) account {
	a.authURL = strings.Replace(a.authURL, a.url, tap.URL, 1)
	a.url, a.ca = tap.URL, tap.CAPEM
	return a
}

func (a account) plain() account {
	a.url, a.authURL = "http"+strings.TrimPrefix(a.url, "https"), "http"+strings.TrimPrefix(a.authURL, "https")
	return a
}

// opener makes clients of one account that share what the operator shares: logins and paces.
func opener(account account) func(conformance.Setup) (vendors.Vendor, error) {
	clock := func() time.Time { return time.Date(2026, 5, 26, 12, 0, 0, 0, time.UTC) }
	now := func() time.Time { return clock() }
	logins := login.NewCache(now)
	paces := pacing.New(pacing.Options{Clock: now, Sleep: func(context.Context, time.Duration) error { return nil }})
	return func(setup conformance.Setup) (vendors.Vendor, error) {
		if setup.Clock != nil {
			clock = setup.Clock
		}
		account := account
		if setup.Through != nil {
			account = account.through(setup.Through)
		}
		if setup.PlainHTTP {
			account = account.plain()
		}
		if setup.WrongCredentials {
			account.secret = "not-the-secret"
		}
		options := causely.Options{
			URL: account.url, AuthURL: account.authURL, RequestsPerSecond: 10, Logins: logins,
			ClientID: token.NewValue(account.id), ClientSecret: token.NewValue(account.secret),
			HTTP: rest.Options{RootCAs: roots(account.ca), Timeout: setup.Timeout, UserAgent: "conformance", Clock: now},
		}
		if setup.Timeout == 0 {
			options.HTTP.Timeout = time.Minute
		}
		if setup.Paced {
			options.Pacing = paces
		}
		if setup.WrongCA {
			options.HTTP.RootCAs = x509.NewCertPool()
		}
		if !setup.Guarded {
			options.HTTP.Guard.AllowCIDRs = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		}
		client, err := causely.New(options)
		if err != nil {
			return nil, err
		}
		return client, nil
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
	server, err := simulator.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	demo := simulated.DemoAccount()
	vendor := &simulation{T: t, server: server, vendor: server.Causely(), clientID: demo.ClientID}
	return &conformance.Bench{
		Open: opener(account{
			url: server.URL(), authURL: server.URL() + loginPath, id: demo.ClientID, secret: demo.Secret, ca: server.CAPEM(),
		}),
		Simulation: &conformance.Simulation{
			URL: server.URL(), CAPEM: server.CAPEM(),
			Truth: vendor.truth, Inject: vendor.inject, CommitLate: server.Faults().CommitLate,
			Seed: vendor.seed, Withdraw: vendor.withdraw, Accepts: vendor.accepts,
			ExpireLogins: server.Causely().ExpireBearers,
			LoginSpellings: []conformance.Variant{
				{Name: "snake", Set: vendor.set(func(s *simulated.Switches) { s.LoginSpelling = simulated.SpellingSnake })},
				{Name: "camel", Set: vendor.set(func(s *simulated.Switches) { s.LoginSpelling = simulated.SpellingCamel })},
			},
			SecondRevokes: []conformance.Variant{
				{Name: "same", Set: vendor.set(func(s *simulated.Switches) { s.SecondRevoke = simulated.SecondRevokeSame })},
				{Name: "conflict", Set: vendor.set(func(s *simulated.Switches) { s.SecondRevoke = simulated.SecondRevokeConflict })},
				{Name: "notFound", Set: vendor.set(func(s *simulated.Switches) { s.SecondRevoke = simulated.SecondRevokeNotFound })},
			},
			SecretFields: []string{"tokenValue", "access_token", "accessToken", "refresh_token", "refreshToken", "secret"},
		},
	}
}

// simulation translates between the suite's words and the simulator's.
type simulation struct {
	*testing.T
	server   *simulator.Server
	vendor   *simulated.Vendor
	clientID string
}

func (s *simulation) truth() conformance.Truth {
	known := s.vendor.Truth()
	truth := conformance.Truth{Calls: map[conformance.Route]int{}, Logins: known.Logins}
	for _, account := range known.Accounts {
		truth.Account = account.ProjectID
		for _, row := range account.Tokens {
			truth.Tokens = append(truth.Tokens, conformance.TrueToken{
				ID: token.ID(row.ID), Name: row.Name, Active: row.State == simulated.Active,
			})
		}
	}
	for route, count := range known.Calls {
		truth.Calls[conformance.Route(strings.TrimPrefix(route, "causely."))] = count
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
		Route: "causely." + string(fault.Route), Kind: stage.Kind(fault.Kind), Times: times, Delay: fault.Delay,
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
		if _, err := s.vendor.Create(s.clientID, name); err != nil {
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
