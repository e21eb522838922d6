package pingone_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	simulated "github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/conformance"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/login"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/pingone"
)

func likely(*simulated.Switches) {}

func create(t *testing.T, pool vendors.Vendor) token.Issued {
	t.Helper()
	issued, err := pool.Create(t.Context(), vendors.Request{})
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	return issued
}

func list(t *testing.T, pool vendors.Vendor) map[token.ID]token.Token {
	t.Helper()
	rows := map[token.ID]token.Token{}
	if _, err := pool.List(t.Context(), func(row token.Token) error { rows[row.ID] = row; return nil }); err != nil {
		t.Fatalf("list: %v", err)
	}
	return rows
}

// calls are all calls of a pool about one credential.
func calls(t *testing.T, pool vendors.Vendor, id token.ID) map[string]error {
	t.Helper()
	_, createErr := pool.Create(t.Context(), vendors.Request{})
	_, listErr := pool.List(t.Context(), func(token.Token) error { return nil })
	_, findErr := pool.(vendors.Finder).Find(t.Context(), id)
	return map[string]error{"create": createErr, "list": listErr, "find": findErr, "revoke": pool.Revoke(t.Context(), id)}
}

// expect fails unless the error is a Failure of that class and cause.
func expect(t *testing.T, what string, err error, class token.Class, cause token.Cause) {
	t.Helper()
	if failure := token.AsFailure(err); err == nil || failure.Class != class || failure.Cause != cause {
		t.Errorf("%s: %v, want class %s, cause %d", what, err, class, cause)
	}
}

// A sixth credential is refused for its number, whatever the refusal looks like, and what made it so can be put right.
func TestSixth(t *testing.T) {
	for _, status := range []int{http.StatusBadRequest, http.StatusForbidden, http.StatusConflict} {
		s := simulate(t, func(s *simulated.Switches) { s.TooManyStatus = status })
		pool := s.open("")
		s.seed("a", "b", "c", "d")
		fifth := create(t, pool)
		_, err := pool.Create(t.Context(), vendors.Request{})
		expect(t, "the sixth", err, token.Quota, token.CauseStatus)
		if got := token.AsFailure(err).Status; got != status {
			t.Errorf("status %d, want %d", got, status)
		}
		if got := len(list(t, pool)); got != 5 {
			t.Errorf("%d credentials, want 5", got)
		}
		if err := pool.Revoke(t.Context(), fifth.ID); err != nil {
			t.Fatal(err)
		}
		create(t, pool)
	}
}

// A gateway that has fewer places than we know of says it in a code, or is taken for refusing something else.
func TestFewerPlaces(t *testing.T) {
	for status, want := range map[int]token.Class{
		http.StatusBadRequest: token.Quota, http.StatusForbidden: token.Forbidden, http.StatusConflict: token.Conflict,
	} {
		s := simulate(t, func(s *simulated.Switches) { s.TooManyStatus, s.MaxCredentials = status, 2 })
		s.seed("a", "b")
		_, err := s.open("").Create(t.Context(), vendors.Request{})
		expect(t, "the third", err, want, token.CauseStatus)
	}
}

func TestPagesOfOne(t *testing.T) {
	s := simulate(t, func(s *simulated.Switches) { s.PageSize = 1 })
	s.seed("a", "b", "c", "d", "e")
	rows := list(t, s.open(""))
	for _, want := range s.truth().Tokens {
		if _, listed := rows[want.ID]; !listed {
			t.Errorf("%s is not listed", want.ID)
		}
	}
	if got := s.truth().Calls[conformance.List]; len(rows) != 5 || got != 5 {
		t.Errorf("%d rows in %d calls, want 5 in 5", len(rows), got)
	}
}

// A bearer goes nowhere but to the issuer's own URL.
func TestLinksElsewhere(t *testing.T) {
	s := simulate(t, func(s *simulated.Switches) { s.PageSize, s.LinksTo = 1, "api.example.com" })
	s.seed("a", "b")
	rows := 0
	_, err := s.open("").List(t.Context(), func(token.Token) error { rows++; return nil })
	expect(t, "list", err, token.Unavailable, token.CauseUnexpected)
	if rows != 1 {
		t.Errorf("%d rows, want the first page", rows)
	}
}

// A deleted gateway takes its credentials along, and that is proof.
func TestGatewayDeleted(t *testing.T) {
	s := simulate(t, likely)
	pool := s.open("")
	issued := create(t, pool)
	if err := s.vendor.DeleteGateway(simulated.DemoEnvironmentID, simulated.DemoGatewayID); err != nil {
		t.Fatal(err)
	}
	for what, err := range calls(t, pool, issued.ID) {
		expect(t, what, err, token.NotFound, token.CauseGone)
	}
	if err := s.vendor.AddGateway(simulated.DemoGateway()); err != nil {
		t.Fatal(err)
	}
	_, err := pool.(vendors.Finder).Find(t.Context(), issued.ID)
	expect(t, "find", err, token.NotFound, token.CauseStatus)
	if rows := list(t, pool); len(rows) != 0 {
		t.Errorf("%d rows of a gateway that was made again", len(rows))
	}
}

// A deleted environment answers in many ways, and none of them proves anything.
func TestEnvironmentDeleted(t *testing.T) {
	const environment, gateway = "00000000-1111-4000-8000-000000000001", "00000000-2222-4000-8000-000000000002"
	for status, want := range map[int]token.Class{400: token.Invalid, 401: token.Unauthorized, 403: token.Forbidden, 404: token.Forbidden} {
		s := simulate(t, func(s *simulated.Switches) { s.GoneEnvironmentStatus = status })
		if err := s.vendor.AddGateway(simulated.Gateway{ID: gateway, EnvironmentID: environment}); err != nil {
			t.Fatal(err)
		}
		pool := s.open(environment + "/" + gateway)
		issued := create(t, pool)
		if err := s.vendor.DeleteEnvironment(environment); err != nil {
			t.Fatal(err)
		}
		for what, err := range calls(t, pool, issued.ID) {
			expect(t, what, err, want, token.CauseStatus)
		}
		if rows := list(t, s.open("")); len(rows) != 0 {
			t.Errorf("%d rows of another environment", len(rows))
		}
	}
}

// A mistyped pool is nobody's: neither gone nor empty.
func TestWrongPool(t *testing.T) {
	const nobodys = "00000000-0000-4000-8000-000000000009"
	s := simulate(t, likely)
	for what, err := range calls(t, s.open(nobodys+"/"+simulated.DemoGatewayID), nobodys) {
		expect(t, "wrong environment, "+what, err, token.Forbidden, token.CauseStatus)
	}
	for what, err := range calls(t, s.open(simulated.DemoEnvironmentID+"/"+nobodys), nobodys) {
		expect(t, "wrong gateway, "+what, err, token.NotFound, token.CauseGone)
	}
}

// What looks for the missing may itself fail, and then nothing is known.
func TestNoProof(t *testing.T) {
	for _, route := range []string{simulated.RouteGateway, simulated.RouteEnvironment} {
		s := simulate(t, likely)
		pool := s.open("")
		issued := create(t, pool)
		if err := s.vendor.DeleteGateway(simulated.DemoEnvironmentID, simulated.DemoGatewayID); err != nil {
			t.Fatal(err)
		}
		for status, want := range map[int]token.Class{403: token.Forbidden, 429: token.RateLimited, 500: token.Unavailable} {
			if _, err := s.server.Faults().Add(simulator.Fault{Route: route, Kind: stage.Status, Status: status, Times: 1}); err != nil {
				t.Fatal(err)
			}
			_, err := pool.(vendors.Finder).Find(t.Context(), issued.ID)
			expect(t, route, err, want, token.CauseStatus)
		}
	}
}

// A role takes a while to be known everywhere.
func TestTransientForbidden(t *testing.T) {
	s := simulate(t, func(s *simulated.Switches) { s.TransientForbidden = 2 })
	if err := s.vendor.SetAdmin(simulated.DemoClientID, true); err != nil {
		t.Fatal(err)
	}
	pool := s.open("")
	for range 2 {
		_, err := pool.(vendors.Finder).Find(t.Context(), "00000000-0000-4000-8000-000000000009")
		expect(t, "find", err, token.Forbidden, token.CauseStatus)
	}
	create(t, pool)
}

// Without a role the login is accepted, and nothing else.
func TestWithoutRole(t *testing.T) {
	s := simulate(t, likely)
	id := s.console()
	if err := s.vendor.SetAdmin(simulated.DemoClientID, false); err != nil {
		t.Fatal(err)
	}
	for what, err := range calls(t, s.open(""), id) {
		expect(t, what, err, token.Forbidden, token.CauseStatus)
	}
	if err := s.client().Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
}

// client makes a client of the account.
func (s *simulation) client() *pingone.Client {
	s.Helper()
	account := s.account()
	options := account.options(noon)
	options.Logins = login.NewCache(noon)
	options.HTTP.Guard = loopback()
	client, err := pingone.New(options)
	if err != nil {
		s.Fatal(err)
	}
	return client
}

// Credentials that are withdrawn are seen at the next check, although a bearer is good for an hour.
func TestWithdrawnCredentials(t *testing.T) {
	s := simulate(t, likely)
	client := s.client()
	pool, err := client.Pool(s.account().pool)
	if err != nil {
		t.Fatal(err)
	}
	create(t, pool)
	if err := client.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.vendor.DisableAccount(simulated.DemoClientID); err != nil {
		t.Fatal(err)
	}
	expect(t, "check", client.Check(t.Context()), token.Unauthorized, token.CauseLogin)
	_, err = pool.Create(t.Context(), vendors.Request{})
	expect(t, "create", err, token.Unauthorized, token.CauseLogin)
}

// An application takes the method that it is set to, and no other.
func TestWrongAuthMethod(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusBadRequest} {
		s := simulate(t, func(s *simulated.Switches) { s.LoginRefusedStatus = status })
		s.method = pingone.ClientSecretPost
		expect(t, "check", s.client().Check(t.Context()), token.Unauthorized, token.CauseLogin)
		s.method = pingone.ClientSecretBasic
		if err := s.client().Check(t.Context()); err != nil {
			t.Errorf("check: %v", err)
		}
	}
}

// A list may be behind; one credential is found by its ID all the same.
func TestListLag(t *testing.T) {
	s := simulate(t, func(s *simulated.Switches) { s.ListLagSeconds = 3600 })
	pool := s.open("")
	issued := create(t, pool)
	if rows := list(t, pool); len(rows) != 0 {
		t.Errorf("%d rows, want none yet", len(rows))
	}
	got, err := pool.(vendors.Finder).Find(t.Context(), issued.ID)
	if diff := cmp.Diff(issued.Token, got); err != nil || diff != "" {
		t.Errorf("%v, -created +found:\n%s", err, diff)
	}
}

func TestLastUseHidden(t *testing.T) {
	s := simulate(t, func(s *simulated.Switches) { s.LastUsedShown = false })
	pool := s.open("")
	issued := create(t, pool)
	s.use(issued.Value)
	if at := list(t, pool)[issued.ID].LastUsedAt; !at.IsZero() {
		t.Errorf("last used at %s", at)
	}
}

// A value tells which record it belongs to, without a call and whatever else is in it.
func TestProofOfIssued(t *testing.T) {
	for _, claims := range []string{simulated.ClaimsShort, simulated.ClaimsLong} {
		s := simulate(t, func(s *simulated.Switches) { s.Claims = claims })
		issued := create(t, s.open(""))
		if id, gateway, ok := pingone.Proof(issued.Value); !ok || id != issued.ID || gateway != simulated.DemoGatewayID {
			t.Errorf("%s: %q, %q, %t", claims, id, gateway, ok)
		}
	}
}

// A create whose answer was lost is found by what was not there before, and by nothing else.
func TestLostCreateIsTheDifference(t *testing.T) {
	s := simulate(t, likely)
	pool := s.open("")
	s.seed("by-hand")
	before := list(t, pool)
	s.inject(conformance.Fault{Route: conformance.Create, Kind: conformance.CutAfterCommit})
	_, err := pool.Create(t.Context(), vendors.Request{})
	expect(t, "create", err, token.Ambiguous, token.CauseBroken)
	var strangers []token.Token
	for id, row := range list(t, pool) {
		if _, known := before[id]; !known {
			strangers = append(strangers, row)
		}
	}
	if len(strangers) != 1 || strangers[0].IssuedAt.IsZero() || !strangers[0].LastUsedAt.IsZero() {
		t.Fatalf("%+v, want one that nobody used, with its time", strangers)
	}
	if err := pool.Revoke(t.Context(), strangers[0].ID); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, list(t, pool)); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
}

// The pools of a client share its login.
func TestPoolsShareLogin(t *testing.T) {
	s := simulate(t, likely)
	other := simulated.Gateway{ID: "00000000-2222-4000-8000-000000000002", EnvironmentID: simulated.DemoEnvironmentID}
	if err := s.vendor.AddGateway(other); err != nil {
		t.Fatal(err)
	}
	client := s.client()
	for _, name := range []string{s.account().pool, other.EnvironmentID + "/" + other.ID} {
		pool, err := client.Pool(name)
		if err != nil {
			t.Fatal(err)
		}
		issued := create(t, pool)
		if rows := list(t, pool); len(rows) != 1 || rows[issued.ID].ID == "" {
			t.Errorf("%s: %v, want %s alone", name, rows, issued.ID)
		}
	}
	if got := s.truth().Logins; got != 1 {
		t.Errorf("%d logins, want 1", got)
	}
	if _, err := client.Pool("demo"); !errors.Is(err, pingone.ErrPool) {
		t.Errorf("a pool that cannot be: %v", err)
	}
}
