package rackgateway_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	simulated "github.com/gatewaytoken/gateway-token-operator/internal/simulator/rackgateway"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rackgateway"
)

// connect makes a client of a simulated gateway, changed as the test wants.
func connect(t *testing.T, server *simulator.Server, change func(*gateway)) *rackgateway.Client {
	t.Helper()
	reached := gateway{url: server.URL(), apiToken: simulated.DemoValue, ca: server.CAPEM()}
	if change != nil {
		change(&reached)
	}
	options := reached.options(func() time.Time { return time.Date(2026, 5, 26, 12, 0, 0, 0, time.UTC) })
	options.HTTP.Guard.AllowCIDRs = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	options.HTTP.Timeout = time.Minute
	client, err := rackgateway.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// What is open at the gateway, either way.
func TestSwitches(t *testing.T) {
	const looker, owner = "rgw_looker", "owner@example.com"
	named := func(host string) func(*gateway) { return func(g *gateway) { g.host = host } }
	as := func(value string) func(*gateway) { return func(g *gateway) { g.apiToken = value } }
	create := func(t *testing.T, c *rackgateway.Client) error {
		_, err := c.Create(t.Context(), vendors.Request{Name: "n", Role: "ops"})
		return err
	}
	list := func(t *testing.T, c *rackgateway.Client) error {
		_, err := c.List(t.Context(), func(token.Token) error { return nil })
		return err
	}
	foreign := func(t *testing.T, c *rackgateway.Client) error {
		rows := 0
		_, err := c.List(t.Context(), func(row token.Token) error {
			if _, ours := row.Marker(); ours {
				t.Errorf("%s is taken for the operator's", row.Name)
			}
			rows++
			return nil
		})
		if rows != 2 {
			t.Errorf("%d rows, want those of two API tokens", rows)
		}
		return err
	}
	tests := map[string]struct {
		reason string
		turn   func(*simulated.Switches)
		change func(*gateway)
		call   func(*testing.T, *rackgateway.Client) error
		want   token.Class
		tokens int
	}{
		"WrongHost":  {reason: "the gateway has another name", change: named("other.example.com"), call: create, want: token.Invalid},
		"RightHost":  {reason: "the gateway's name, wherever the URL leads", change: named(simulated.DemoDomain), call: create, tokens: 1},
		"AnyHost":    {reason: "the gateway does not care", turn: func(s *simulated.Switches) { s.HostCheck = false }, change: named("other.example.com"), call: create, tokens: 1},
		"Looker":     {reason: "tokens are for admins to make", change: as(looker), call: create, want: token.Forbidden},
		"LookerList": {reason: "and to see", change: as(looker), call: list, want: token.Forbidden},
		"NotEnforced": {
			reason: "releases that let any token do anything", turn: func(s *simulated.Switches) { s.RolesEnforced = false },
			change: as(looker), call: create, tokens: 1,
		},
		"BeyondOwner": {
			reason: "a token may not more than its owner",
			turn:   func(s *simulated.Switches) { s.RolesEnforced, s.PermissionsWithinOwner = false, true },
			change: as(looker), call: create, want: token.Forbidden,
		},
		"WithinOwner": {reason: "an admin may everything", turn: func(s *simulated.Switches) { s.PermissionsWithinOwner = true }, call: create, tokens: 1},
		"OwnerMustBeNamed": {
			reason: "a gateway that wants to know for whom is not asked in vain for ever: the answer leaves no doubt",
			turn:   func(s *simulated.Switches) { s.OwnerMustBeNamed = true }, call: create, want: token.NotFound,
		},
		"NoOwnerNamed": {reason: "the API token's owner owns", turn: func(s *simulated.Switches) { s.UnknownOwner = simulated.UnknownOwnerNotFound }, call: create, tokens: 1},
		"ExpiryKept":   {reason: "no expiry is asked for", turn: func(s *simulated.Switches) { s.ExpiresAtKept = true }, call: create, tokens: 1},
		"OwnTokens":    {reason: "API tokens may be in the list, and are nobody's marker", turn: func(s *simulated.Switches) { s.AccountsListed = true }, call: foreign},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			server, vendor := simulate(t)
			for _, account := range []simulated.Account{{Email: "looker@example.com", Value: looker}, {Email: owner}} {
				if err := server.RackGateway().AddAccount(account); err != nil {
					t.Fatal(err)
				}
			}
			if tc.turn != nil {
				vendor.set(tc.turn)()
			}
			err := tc.call(t, connect(t, server, tc.change))
			failure := token.AsFailure(err)
			if token.ClassOf(err) != tc.want || (failure != nil && failure.Stray != "") {
				t.Errorf("%s: %v, want %s", tc.reason, err, tc.want)
			}
			if got := len(vendor.truth().Tokens); got != tc.tokens {
				t.Errorf("%s: %d tokens, want %d", tc.reason, got, tc.tokens)
			}
		})
	}
}

// stopped is a clock that stands still.
type stopped struct{}

func (stopped) Now() time.Time { return time.Date(2026, 5, 26, 12, 0, 0, 0, time.UTC) }

func (stopped) After(time.Duration) <-chan time.Time { return nil }

// The gateway limits creates alone, and its own answer asks callers to come back at once.
func TestRateLimitOfTheGateway(t *testing.T) {
	server, vendor := simulate(t, simulator.WithClock(stopped{}))
	vendor.set(func(s *simulated.Switches) { s.CreatesPerSecond, s.CreateBurst = 10, 1 })()
	client := connect(t, server, nil)
	first, err := client.Create(t.Context(), vendors.Request{Name: "first", Role: "viewer"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Create(t.Context(), vendors.Request{Name: "second", Role: "viewer"})
	if failure := token.AsFailure(err); failure == nil || failure.Class != token.RateLimited || failure.RetryAfter != time.Second {
		t.Errorf("one too many: %v, want it refused for a second", err)
	}
	if err := client.Revoke(t.Context(), first.ID); err != nil || len(vendor.truth().Tokens) != 0 {
		t.Errorf("revoke: %v, %v left", err, vendor.truth().Tokens)
	}
}

// A deleted token leaves its name behind, and a user takes his tokens along.
func TestNamesAndOwners(t *testing.T) {
	server, vendor := simulate(t)
	client := connect(t, server, nil)
	request := vendors.Request{Name: "n", Role: "viewer"}
	first, err := client.Create(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Revoke(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	second, err := client.Create(t.Context(), request)
	if err != nil || second.ID == first.ID || second.AuditID == first.AuditID {
		t.Errorf("the name is not free again: %+v, %v", second, err)
	}
	if err := server.RackGateway().DisableAccount(simulated.DemoEmail); err != nil {
		t.Fatal(err)
	}
	if _, live := vendor.accepts(second.Value); live {
		t.Error("a suspended user's token is let in")
	}
	if class := token.ClassOf(client.Revoke(t.Context(), second.ID)); class != token.Unauthorized {
		t.Errorf("a suspended user's API token: %s", class)
	}
	if err := server.RackGateway().AddAccount(simulated.DemoAccount()); err != nil {
		t.Fatal(err)
	}
	if err := server.RackGateway().DeleteAccount(simulated.DemoEmail); err != nil {
		t.Fatal(err)
	}
	if left := vendor.truth().Tokens; len(left) != 0 {
		t.Errorf("a deleted user leaves %v", left)
	}
}

// What is not sent because the gateway has no room for it is all that it has no room for.
func TestRoom(t *testing.T) {
	server, vendor := simulate(t)
	client := connect(t, server, nil)
	// Quotes, comma and brackets take room, too.
	full := []string{strings.Repeat("a", 1994), strings.Repeat("b", 1999)}
	issued, err := client.Create(t.Context(), vendors.Request{Name: strings.Repeat("ü", 150), Rights: full})
	if err != nil {
		t.Fatalf("as much as there is room for: %v", err)
	}
	if err := client.Update(t.Context(), issued.ID, full); err != nil {
		t.Errorf("as much as there is room for: %v", err)
	}
	full[0] += "a"
	if class := token.ClassOf(client.Update(t.Context(), issued.ID, full)); class != token.Invalid {
		t.Errorf("a byte more: %s", class)
	}
	if calls := vendor.vendor.Truth().Calls[simulated.RouteUpdate]; calls != 1 {
		t.Errorf("%d updates were sent", calls)
	}
}
