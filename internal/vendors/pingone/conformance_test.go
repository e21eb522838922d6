package pingone_test

import (
	"cmp"
	"context"
	"crypto/x509"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	simulated "github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/conformance"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/login"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/pacing"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

// TestConformance runs the suite with the likely answers to what PingOne's documents leave open, and with the others.
func TestConformance(t *testing.T) {
	answers := map[string]func(*simulated.Switches){"Likely": func(*simulated.Switches) {}, "Otherwise": otherwise}
	for name, set := range answers {
		t.Run(name, func(t *testing.T) {
			conformance.Run(t, conformance.Harness{
				Start:  func(t *testing.T) *conformance.Bench { t.Helper(); return startSimulated(t, set) },
				Except: except(),
			})
		})
	}
}

// otherwise is every other answer with which all cases of the suite make sense.
func otherwise(s *simulated.Switches) {
	s.ValueField, s.Claims, s.HALContentType = simulated.FieldToken, simulated.ClaimsLong, true
	s.DeleteStatus, s.LoginRefusedStatus = http.StatusOK, http.StatusBadRequest
	s.TooManyStatus, s.PageSize = http.StatusConflict, 1
}

// except are the cases that PingOne cannot have.
func except() map[string]string {
	return map[string]string{"ListHuge": "a gateway has five credentials at most; TestPagesWithoutEnd bounds what a list may be"}
}

// TestConformanceRealAccount makes and deletes a few credentials of the gateway that the environment names. It needs two free
// places there.
func TestConformanceRealAccount(t *testing.T) {
	account := realAccount(t)
	if account.url == "" || account.authURL == "" || account.id == "" || account.secret == "" || account.pool == "" {
		t.Skip("PINGONE_CONFORMANCE_REGION and _ENVIRONMENT_ID (or _URL and _AUTH_URL), _CLIENT_ID, _CLIENT_SECRET and _POOL name no account")
	}
	bench := benchOf(account)
	conformance.Run(t, conformance.Harness{Start: func(*testing.T) *conformance.Bench { return bench }, Except: except()})
}

func realAccount(t *testing.T) account {
	t.Helper()
	named := account{
		url: os.Getenv("PINGONE_CONFORMANCE_URL"), authURL: os.Getenv("PINGONE_CONFORMANCE_AUTH_URL"),
		id: os.Getenv("PINGONE_CONFORMANCE_CLIENT_ID"), secret: os.Getenv("PINGONE_CONFORMANCE_CLIENT_SECRET"),
		method: pingone.AuthMethod(os.Getenv("PINGONE_CONFORMANCE_AUTH_METHOD")), pool: os.Getenv("PINGONE_CONFORMANCE_POOL"),
	}
	region := os.Getenv("PINGONE_CONFORMANCE_REGION")
	if region == "" {
		return named
	}
	var err error
	if named.url, named.authURL, err = pingone.Endpoints(region, os.Getenv("PINGONE_CONFORMANCE_ENVIRONMENT_ID")); err != nil {
		t.Fatal(err)
	}
	return named
}

// benchOf is what may be asked for in any pool: nothing.
func benchOf(account account) *conformance.Bench {
	return &conformance.Bench{
		Open: opener(account),
		Refused: map[string]vendors.Request{
			"Role":   {Role: "admin"},
			"Rights": {Rights: []string{"read"}},
			"Expiry": {ExpiresAt: time.Date(2126, 5, 26, 12, 0, 0, 0, time.UTC)},
		},
	}
}

// account is where a client connects, as whom, and which gateway it takes there.
type account struct {
	url, authURL, id, secret string
	method                   pingone.AuthMethod
	pool                     string
	ca                       []byte
}

// changed is the account as a setup wants to reach it.
func (a account) changed(setup conformance.Setup) account {
	if setup.Through != nil {
		a.authURL = setup.Through.URL + strings.TrimPrefix(a.authURL, strings.TrimSuffix(a.url, "/v1"))
		a.url, a.ca = setup.Through.URL+"/v1", setup.Through.CAPEM
	}
	if setup.PlainHTTP {
		a.url, a.authURL = "http"+strings.TrimPrefix(a.url, "https"), "http"+strings.TrimPrefix(a.authURL, "https")
	}
	if setup.WrongCredentials {
		a.secret = "not-the-secret"
	}
	return a
}

func (a account) options(now func() time.Time) pingone.Options {
	return pingone.Options{
		URL: a.url, AuthURL: a.authURL, AuthMethod: a.method, RequestsPerSecond: 10,
		ClientID: token.NewValue(a.id), ClientSecret: token.NewValue(a.secret),
		HTTP: rest.Options{RootCAs: roots(a.ca), UserAgent: "conformance", Clock: now},
	}
}

// opener makes pools of one account that share what the operator shares: logins and paces.
func opener(account account) func(conformance.Setup) (vendors.Vendor, error) {
	clock := noon
	now := func() time.Time { return clock() }
	logins := login.NewCache(now)
	paces := pacing.New(pacing.Options{Clock: now, Sleep: func(context.Context, time.Duration) error { return nil }})
	return func(setup conformance.Setup) (vendors.Vendor, error) {
		if setup.Clock != nil {
			clock = setup.Clock
		}
		account := account.changed(setup)
		options := account.options(now)
		options.Logins, options.HTTP.Timeout = logins, cmp.Or(setup.Timeout, time.Minute)
		if setup.Paced {
			options.Pacing = paces
		}
		if setup.WrongCA {
			options.HTTP.RootCAs = x509.NewCertPool()
		}
		if !setup.Guarded {
			options.HTTP.Guard = loopback()
		}
		client, err := pingone.New(options)
		if err != nil {
			return nil, err
		}
		return client.Pool(account.pool)
	}
}

// noon is a clock that stands still.
func noon() time.Time { return time.Date(2026, 5, 26, 12, 0, 0, 0, time.UTC) }

// loopback is where simulators are.
func loopback() rest.Guard {
	return rest.Guard{AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
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

func startSimulated(t *testing.T, set func(*simulated.Switches)) *conformance.Bench {
	t.Helper()
	vendor := simulate(t, set)
	if strings.HasSuffix(t.Name(), "/Redaction") {
		// It lets more go wrong than five can bear.
		vendor.set(func(s *simulated.Switches) { s.MaxCredentials = 50 })()
	}
	bench := benchOf(vendor.account())
	bench.Simulation = &conformance.Simulation{
		URL: vendor.server.URL(), CAPEM: vendor.server.CAPEM(),
		Truth: vendor.truth, Inject: vendor.inject, CommitLate: vendor.server.Faults().CommitLate,
		Seed: vendor.seed, Withdraw: vendor.withdraw, Accepts: vendor.accepts, Use: vendor.use,
		ExpireLogins: vendor.vendor.ExpireBearers, LoginLife: time.Hour,
		SecondRevokes: []conformance.Variant{
			{Name: "notFound", Set: vendor.set(func(s *simulated.Switches) { s.SecondDeleteStatus = http.StatusNotFound })},
			{Name: "same", Set: vendor.set(func(s *simulated.Switches) { s.SecondDeleteStatus = http.StatusNoContent })},
		},
		SecretFields: []string{"credential", "token", "access_token", "client_secret"},
	}
	return bench
}

// simulate starts a vendor with one gateway, which has no credential yet. Where somebody waits for the other answers, its worker
// application is also set to the other way of logging in.
func simulate(t *testing.T, set func(*simulated.Switches)) *simulation {
	t.Helper()
	server, err := simulator.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	s := &simulation{T: t, server: server, vendor: server.PingOne(), method: pingone.ClientSecretBasic}
	s.set(set)()
	if s.vendor.Switches().ValueField == simulated.FieldToken {
		s.method = pingone.ClientSecretPost
		application := simulated.DemoAccount()
		application.AuthMethod = simulated.ClientSecretPost
		if err := s.vendor.AddAccount(application); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// simulation translates between the suite's words and the simulator's.
type simulation struct {
	*testing.T
	server *simulator.Server
	vendor *simulated.Vendor
	method pingone.AuthMethod
}

func (s *simulation) account() account {
	return account{
		url: s.server.URL() + "/v1", authURL: s.server.URL() + "/" + simulated.DemoEnvironmentID + "/as/token",
		id: simulated.DemoClientID, secret: simulated.DemoSecret, method: s.method,
		pool: simulated.DemoEnvironmentID + "/" + simulated.DemoGatewayID, ca: s.server.CAPEM(),
	}
}

// open gives the pool of the gateway, or of another one.
func (s *simulation) open(pool string) vendors.Vendor {
	s.Helper()
	account := s.account()
	account.pool = cmp.Or(pool, account.pool)
	opened, err := opener(account)(conformance.Setup{})
	if err != nil {
		s.Fatal(err)
	}
	return opened
}

// routes are the simulator's names of the suite's routes.
func routes() map[conformance.Route]string {
	return map[conformance.Route]string{
		conformance.Login: simulated.RouteLogin, conformance.Create: simulated.RouteCreate, conformance.List: simulated.RouteList,
		conformance.Revoke: simulated.RouteRevoke, conformance.Find: simulated.RouteGet,
	}
}

// truth leaves out what is deleted: PingOne does not keep it.
func (s *simulation) truth() conformance.Truth {
	known := s.vendor.Truth()
	truth := conformance.Truth{Account: simulated.DemoEnvironmentID, Calls: map[conformance.Route]int{}, Logins: known.Logins}
	for _, environment := range known.Environments {
		for _, gateway := range environment.Gateways {
			for _, row := range gateway.Credentials {
				if row.State == simulated.Active {
					truth.Tokens = append(truth.Tokens, conformance.TrueToken{ID: token.ID(row.ID), Active: true})
				}
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

// seed makes as many as there are names: there is no place to put a name.
func (s *simulation) seed(names ...string) {
	s.Helper()
	for range names {
		s.console()
	}
}

// console makes a credential as a person does, and gives its ID.
func (s *simulation) console() token.ID {
	s.Helper()
	id, err := s.vendor.Create(simulated.DemoEnvironmentID, simulated.DemoGatewayID)
	if err != nil {
		s.Fatal(err)
	}
	return token.ID(id)
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
		s.Fatal("the platform does not let the value in")
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
