package simulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/rackgateway"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

const rackPath = "/api/v1/api-tokens"

// unknownID is well-formed and nobody's.
const unknownID = "7c0f3f4e-0000-4000-8000-000000000000"

// rackRow is what tests read of one of Rack Gateway's tokens.
type rackRow struct {
	ID             int64    `json:"id"`
	PublicID       string   `json:"public_id"`
	Name           string   `json:"name"`
	UserID         int64    `json:"user_id"`
	CreatedByEmail string   `json:"created_by_email"`
	Permissions    []string `json:"permissions"`
	CreatedAt      string   `json:"created_at"`
	ExpiresAt      *string  `json:"expires_at"`
	LastUsedAt     *string  `json:"last_used_at"`
}

type rackCreated struct {
	Token       string   `json:"token"`
	ID          int64    `json:"id"`
	Name        string   `json:"name"`
	Permissions []string `json:"permissions"`
	APIToken    rackRow  `json:"api_token"`
}

// newRack is a bench whose client is the demo account.
func newRack(t *testing.T, options ...simulator.Option) *bench {
	t.Helper()
	b := newBench(t, options...)
	b.bearer = rackgateway.DemoValue
	return b
}

func withRackUsers() simulator.Option {
	return simulator.WithRackGatewayAccounts(rackgateway.DemoAccount(), rackLooker(), rackgateway.Account{Email: "owner@example.com"})
}

// rackLooker may look at apps, but not touch tokens.
func rackLooker() rackgateway.Account {
	return rackgateway.Account{Email: "looker@example.com", Value: "rgw_looker"}
}

func (b *bench) rackCreate(name string) rackCreated {
	b.t.Helper()
	var created rackCreated
	parse(b.t, b.call("POST", rackPath, rackBody(name)), http.StatusOK, &created)
	return created
}

func (b *bench) rackList() []rackRow {
	b.t.Helper()
	var rows []rackRow
	parse(b.t, b.call("GET", rackPath, ""), http.StatusOK, &rows)
	return rows
}

func (b *bench) rackTokens() []rackgateway.TokenTruth {
	var tokens []rackgateway.TokenTruth
	for _, account := range b.server.RackGateway().Truth().Accounts {
		tokens = append(tokens, account.Tokens...)
	}
	return tokens
}

func (b *bench) rackTurn(turn func(*rackgateway.Switches)) {
	b.t.Helper()
	switches := b.server.RackGateway().Switches()
	turn(&switches)
	if err := b.server.RackGateway().SetSwitches(switches); err != nil {
		b.t.Fatal(err)
	}
}

func rackBody(name string) string { return fmt.Sprintf(`{"name":%q,"role":"viewer"}`, name) }

func TestRackGatewayLife(t *testing.T) {
	clock := newFakeClock()
	b := newRack(t, simulator.WithClock(clock), withRackUsers())
	if got := b.call("GET", rackPath, ""); string(got.body) != "null" {
		t.Errorf("an empty list is %s, want null", got.body)
	}

	var first rackCreated
	parse(t, b.call("POST", rackPath, `{"name":" deploy ","role":" CICD ","expires_at":"2026-05-27T00:00:00Z"}`), 200, &first)
	if !regexp.MustCompile(`^rgw_[\w-]{43}=$`).MatchString(first.Token) {
		t.Errorf("the value has another form: %d characters", len(first.Token))
	}
	cicd := []string{
		"convox:app:list", "convox:app:read", "convox:deploy:deploy_with_approval", "convox:instance:list",
		"convox:instance:read", "convox:process:list", "convox:process:read", "convox:rack:read",
		"gateway:deploy_approval_request:create", "gateway:deploy_approval_request:read",
	}
	row := rackRow{
		ID: first.ID, PublicID: first.APIToken.PublicID, Name: "deploy", UserID: 1, CreatedByEmail: rackgateway.DemoEmail,
		Permissions: cicd, CreatedAt: "2026-05-26T19:16:45Z",
	}
	want := rackCreated{Token: first.Token, ID: row.ID, Name: row.Name, Permissions: cicd, APIToken: row}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("created, the expiry ignored (-want +got):\n%s", diff)
	}

	clock.Step(time.Minute)
	second := b.rackCreate("second")
	if diff := cmp.Diff([]rackRow{second.APIToken, row}, b.rackList()); diff != "" {
		t.Errorf("list, newest first (-want +got):\n%s", diff)
	}

	one := rackPath + "/" + row.PublicID
	clock.Step(time.Minute)
	wantConnection := rackgateway.Connection{Known: true, Active: true, ID: row.PublicID, Name: "deploy"}
	for what, connection := range map[string]rackgateway.Connection{
		"Check": b.server.RackGateway().Check(first.Token), "Connect": b.server.RackGateway().Connect(first.Token),
	} {
		if diff := cmp.Diff(wantConnection, connection); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	row.Name, row.Permissions = "renamed", []string{"convox:*:*"}
	var updated rackRow
	parse(t, b.call("PUT", one, `{"name":" renamed ","permissions":["convox:*:*"]}`), 200, &updated)
	row.LastUsedAt = updated.LastUsedAt
	if diff := cmp.Diff(row, updated); diff != "" || row.LastUsedAt == nil || *row.LastUsedAt != "2026-05-26T19:18:45Z" {
		t.Errorf("updated, used when it connected (-want +got):\n%s", diff)
	}
	var read rackRow
	parse(t, b.call("GET", rackPath+"/"+strings.ToUpper(row.PublicID), ""), 200, &read)
	if diff := cmp.Diff(row, read); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	if connection := b.server.RackGateway().Check(first.Token); !connection.Active {
		t.Error("the value died of an update")
	}

	clock.Step(time.Minute)
	got := b.call("DELETE", one, "")
	if got.status != 204 || len(got.body) != 0 || got.header.Get("Content-Type") != "" {
		t.Errorf("deleted: %d %s (%s)", got.status, got.body, got.header.Get("Content-Type"))
	}
	if diff := cmp.Diff([]rackRow{second.APIToken}, b.rackList()); diff != "" {
		t.Errorf("a deleted row is gone (-want +got):\n%s", diff)
	}
	if connection := b.server.RackGateway().Connect(first.Token); !connection.Known || connection.Active {
		t.Errorf("the value of a deleted token: %+v", connection)
	}
	b.rackCreate("renamed") // the name is free again
	begin := testTime().Truncate(time.Second)
	wantTruth := rackgateway.TokenTruth{
		ID: row.PublicID, Number: row.ID, Name: "renamed", Owner: rackgateway.DemoEmail, Permissions: row.Permissions,
		State: rackgateway.Deleted, CreatedAt: begin, LastUsedAt: begin.Add(2 * time.Minute),
		DeletedAt: begin.Add(3 * time.Minute), ValueSHA256: digest(first.Token),
	}
	if diff := cmp.Diff(wantTruth, b.rackTokens()[0]); diff != "" {
		t.Errorf("truth (-want +got):\n%s", diff)
	}
	wantCalls := map[string]int{
		rackgateway.RouteCreate: 3, rackgateway.RouteList: 3, rackgateway.RouteGet: 1, rackgateway.RouteUpdate: 1,
		rackgateway.RouteRevoke: 1,
	}
	if diff := cmp.Diff(wantCalls, b.server.RackGateway().Truth().Calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestRackGatewayPermissions(t *testing.T) {
	b := newRack(t, withRackUsers())
	type catalogue struct {
		Permissions []string `json:"permissions"`
		Roles       []struct {
			Name        string   `json:"name"`
			Label       string   `json:"label"`
			Description string   `json:"description"`
			Permissions []string `json:"permissions"`
		} `json:"roles"`
		UserRoles          []string `json:"user_roles"`
		UserPermissions    []string `json:"user_permissions"`
		DefaultPermissions []string `json:"default_permissions"`
	}
	var got catalogue
	parse(t, b.call("GET", rackPath+"/permissions", ""), 200, &got)
	sizes := map[string]int{}
	for _, role := range got.Roles {
		sizes[role.Name] = len(role.Permissions)
		if role.Label == "" || role.Description == "" {
			t.Errorf("role %s is not described", role.Name)
		}
	}
	want := map[string]int{"viewer": 10, "ops": 16, "deployer": 25, "cicd": 10, "admin": 2}
	if diff := cmp.Diff(want, sizes); diff != "" {
		t.Errorf("permissions of each role (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"convox:*:*", "gateway:*:*"}, got.UserPermissions); diff != "" || got.UserRoles[0] != "admin" {
		t.Errorf("the demo account is %v, with (-want +got):\n%s", got.UserRoles, diff)
	}
	if len(got.Permissions) != 28 || len(got.DefaultPermissions) != 10 {
		t.Errorf("%d permissions, %d by default", len(got.Permissions), len(got.DefaultPermissions))
	}
	b.bearer = rackLooker().Value
	parse(t, b.call("GET", rackPath+"/permissions", ""), 200, &got)
	if got.UserRoles[0] != "viewer" {
		t.Errorf("the looker is %v", got.UserRoles)
	}
}

func TestRackGatewayRefusals(t *testing.T) {
	const taken = "taken" // there is a token of this name
	cases := map[string]struct {
		reason string
		value  string
		method string
		path   string
		body   string
		want   int
		error  string // a regular expression for the message; empty for no body
	}{
		"NoValue": {reason: "a caller says who he is", value: "-", method: "GET", path: rackPath, want: 401, error: "^missing authorization$"},
		"UnknownValue": {
			reason: "a value must be a token's", value: "rgw_x", method: "POST", path: rackPath, body: rackBody("a"),
			want: 401, error: "^authentication failed: invalid API token: invalid token$",
		},
		"ListByLooker": {
			reason: "listing is a permission", value: rackLooker().Value, method: "GET", path: rackPath,
			want: 403, error: "^insufficient permissions$",
		},
		"CreateByLooker": {
			reason: "creating is a permission", value: rackLooker().Value, method: "POST", path: rackPath, body: rackBody("a"),
			want: 403, error: "^insufficient permissions$",
		},
		"ReadByLooker": {
			reason: "reading is a permission", value: rackLooker().Value, method: "GET", path: rackPath + "/" + unknownID,
			want: 403, error: "^insufficient permissions$",
		},
		"UpdateByLooker": {
			reason: "updating is a permission", value: rackLooker().Value, method: "PUT", path: rackPath + "/" + unknownID,
			body: "{}", want: 403, error: "^insufficient permissions$",
		},
		"RevokeByLooker": {
			reason: "deleting is a permission", value: rackLooker().Value, method: "DELETE", path: rackPath + "/" + unknownID,
			want: 403, error: "^insufficient permissions$",
		},
		"NoBody":   {reason: "a create says what", method: "POST", path: rackPath, want: 400, error: "^EOF$"},
		"NoJSON":   {reason: "a create is JSON", method: "POST", path: rackPath, body: "name=a", want: 400, error: "invalid character"},
		"NoName":   {reason: "a token has a name", method: "POST", path: rackPath, body: `{"role":"ops"}`, want: 400, error: "'required' tag$"},
		"Blank":    {reason: "blanks are no name", method: "POST", path: rackPath, body: rackBody(" "), want: 400, error: "^token name is required$"},
		"NoRole":   {reason: "a token may something", method: "POST", path: rackPath, body: `{"name":"a"}`, want: 400, error: "^permissions required"},
		"BadRole":  {reason: "a role exists", method: "POST", path: rackPath, body: `{"name":"a","role":"King"}`, want: 400, error: "^invalid role: king "},
		"Taken":    {reason: "names are unique, and that is a 400", method: "POST", path: rackPath, body: rackBody(taken), want: 400, error: "^token name already exists$"},
		"Blanked":  {reason: "blanks around a name do not count", method: "POST", path: rackPath, body: rackBody(" taken "), want: 400, error: "^token name already exists$"},
		"LongName": {reason: "the database has room for 150", method: "POST", path: rackPath, body: rackBody(strings.Repeat("n", 151)), want: 500, error: "^failed to create token$"},
		"ManyPermissions": {
			reason: "the database has room for 4000", method: "POST", path: rackPath,
			body: `{"name":"a","permissions":["` + strings.Repeat("p", 4000) + `"]}`, want: 500, error: "^failed to create token$",
		},
		"UnknownOwner": {
			reason: "a user nobody knows makes the gateway stumble", method: "POST", path: rackPath,
			body: `{"name":"a","role":"ops","user_email":"nobody@example.com"}`, want: 500,
		},
		"ReadNoID":   {reason: "an ID is a UUID", method: "GET", path: rackPath + "/17", want: 404, error: "^token not found$"},
		"UpdateNoID": {reason: "an ID is a UUID", method: "PUT", path: rackPath + "/17", body: "{}", want: 500, error: "^failed to load token$"},
		"RevokeNoID": {reason: "an ID is a UUID", method: "DELETE", path: rackPath + "/17", want: 500, error: "^failed to load token$"},
		"UpdateNone": {reason: "a token is there", method: "PUT", path: rackPath + "/" + unknownID, body: "{}", want: 404, error: "^token not found$"},
		"RevokeNone": {reason: "a token is there", method: "DELETE", path: rackPath + "/" + unknownID, want: 404, error: "^token not found$"},
		"UpdateNoJSON": {reason: "an update is JSON", method: "PUT", path: rackPath + "/" + unknownID, body: "{",
			want: 400, error: "unexpected EOF"},
		"UpdateTaken": {reason: "names are unique", method: "PUT", path: rackPath + "/OTHER", body: `{"name":"taken"}`,
			want: 400, error: "^token name already exists$"},
		"UpdateLongName": {reason: "the database has room for 150", method: "PUT", path: rackPath + "/OTHER",
			body: `{"name":"` + strings.Repeat("ü", 151) + `"}`, want: 500, error: "^failed to update token name$"},
		"UpdateManyPermissions": {reason: "the database has room for 4000", method: "PUT", path: rackPath + "/OTHER",
			body: `{"permissions":["` + strings.Repeat("p", 4000) + `"]}`, want: 500, error: "^failed to update token permissions$"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newRack(t, withRackUsers())
			b.rackCreate(taken)
			other := b.rackCreate("other").APIToken
			before := b.rackTokens()
			if tc.value != "" {
				b.bearer = strings.TrimPrefix(tc.value, "-")
			}
			got := b.call(tc.method, strings.Replace(tc.path, "OTHER", other.PublicID, 1), tc.body)
			if got.err != nil || got.status != tc.want {
				t.Fatalf("%s: status %d (%v), want %d: %s", tc.reason, got.status, got.err, tc.want, got.body)
			}
			var shape map[string]string
			_ = json.Unmarshal(got.body, &shape)
			if !matches(tc.error, []byte(shape["error"])) || (len(shape) != 1) != (tc.error == "") {
				t.Errorf("%s: the body is %s, want one error that matches %s", tc.reason, got.body, tc.error)
			}
			if tc.error == "" && (len(got.body) != 0 || got.header.Get("Content-Type") != "") {
				t.Errorf("%s: the body is %q (%s), want none", tc.reason, got.body, got.header.Get("Content-Type"))
			}
			if diff := cmp.Diff(before, b.rackTokens()); diff != "" {
				t.Errorf("%s: the refusal changed (-before +after):\n%s", tc.reason, diff)
			}
			if entry := b.lastEntry(); b.server.RackGateway().Truth().Refused[entry.Route] != 1 {
				t.Errorf("%s: %s is not counted as refused", tc.reason, entry.Route)
			}
		})
	}
}

func TestRackGatewaySwitches(t *testing.T) {
	at := func(host, agent string) func(*bench) reply {
		return func(b *bench) reply {
			request := b.request(b.t.Context(), "GET", rackPath, "")
			request.Host = host
			request.Header.Set("User-Agent", agent)
			return b.send(request)
		}
	}
	calls := func(method, path, body string) func(*bench) reply {
		return func(b *bench) reply { return b.call(method, path, body) }
	}
	lookers := func(b *bench) reply {
		b.bearer = rackLooker().Value
		return b.call("POST", rackPath, `{"name":"a","role":"admin"}`)
	}
	expired := func(b *bench) reply {
		var created rackCreated
		parse(b.t, b.call("POST", rackPath, `{"name":"a","role":"admin","expires_at":"2026-05-26T19:16:00Z"}`), 200, &created)
		b.bearer = created.Token
		return b.call("GET", rackPath, "")
	}
	own := func(method string) func(*bench) reply {
		return func(b *bench) reply {
			b.rackTurn(func(s *rackgateway.Switches) { s.AccountsListed = true })
			id := b.rackList()[0].PublicID
			b.rackTurn(func(s *rackgateway.Switches) { s.AccountsListed = method == "LISTED" })
			if method == "LISTED" {
				b.call("DELETE", rackPath+"/"+id, "")
				return b.call("GET", rackPath, "")
			}
			return b.call(method, rackPath+"/"+id, "")
		}
	}
	unnamed, named := `{"name":"a","role":"ops"}`, `{"name":"a","role":"ops","user_email":"owner@example.com"}`
	nobody := `{"name":"a","role":"ops","user_email":"nobody@example.com"}`
	cases := map[string]struct {
		reason string
		turn   func(*rackgateway.Switches)
		call   func(*bench) reply
		want   int
		body   string // a regular expression
	}{
		"Host":      {reason: "another host is refused", call: at("gateway.svc:8080", ""), want: 400, body: `^{"error":"invalid host"}$`},
		"HostIPv6":  {reason: "this loopback address is no exception", call: at("[::1]:80", ""), want: 400},
		"Domain":    {reason: "the domain is right, whatever its case", call: at("Gateway.example.com:443", ""), want: 200},
		"Localhost": {reason: "localhost is always right", call: at("localhost", ""), want: 200},
		"Probe":     {reason: "probes may come as they like", call: at("10.0.0.1", "kube-probe/1.34"), want: 200},
		"OtherDomain": {
			reason: "the domain is a setting", turn: func(s *rackgateway.Switches) { s.Domain = "gateway.svc" },
			call: at("gateway.svc:8080", ""), want: 200,
		},
		"NoHostCheck": {
			reason: "any host will do", turn: func(s *rackgateway.Switches) { s.HostCheck = false },
			call: at("gateway.svc:8080", ""), want: 200,
		},
		"RolesEnforced": {reason: "without the permission nothing is made", call: lookers, want: 403},
		"RolesIgnored": {
			reason: "any token may do anything", turn: func(s *rackgateway.Switches) { s.RolesEnforced = false },
			call: lookers, want: 200, body: `"gateway:\*:\*"`,
		},
		"UnknownGetNull": {reason: "nothing is a token", call: calls("GET", rackPath+"/"+unknownID, ""), want: 200, body: "^null$"},
		"UnknownGetNotFound": {
			reason: "nothing is nothing", turn: func(s *rackgateway.Switches) { s.UnknownGet = rackgateway.UnknownGetNotFound },
			call: calls("GET", rackPath+"/"+unknownID, ""), want: 404,
		},
		"UnknownOwnerCrash": {reason: "the gateway stumbles", call: calls("POST", rackPath, nobody), want: 500, body: "^$"},
		"UnknownOwnerNotFound": {
			reason: "the gateway says so", turn: func(s *rackgateway.Switches) { s.UnknownOwner = rackgateway.UnknownOwnerNotFound },
			call: calls("POST", rackPath, nobody), want: 404, body: `^{"error":"user not found"}$`,
		},
		"OwnerIsCaller": {reason: "who creates owns", call: calls("POST", rackPath, unnamed), want: 200, body: `"user_id":1,`},
		"OwnerIsNamed": {
			reason: "who is named owns", call: calls("POST", rackPath, named), want: 200,
			body: `"user_id":3,"created_by_user_id":1,`,
		},
		"OwnerMustBeNamed": {
			reason: "nobody is named", turn: func(s *rackgateway.Switches) { s.OwnerMustBeNamed = true },
			call: calls("POST", rackPath, unnamed), want: 404, body: `^{"error":"user not found"}$`,
		},
		"OwnerMustBeNamedAndIs": {
			reason: "somebody is named", turn: func(s *rackgateway.Switches) { s.OwnerMustBeNamed = true },
			call: calls("POST", rackPath, named), want: 200,
		},
		"BeyondOwner": {reason: "a token may more than its owner", call: calls("POST", rackPath, named), want: 200},
		"WithinOwner": {
			reason: "a token may not more than its owner", turn: func(s *rackgateway.Switches) { s.PermissionsWithinOwner = true },
			call: calls("POST", rackPath, named), want: 403, body: "owner's role: convox:app:restart",
		},
		"WithinOwnerAndIs": {
			reason: "an admin may everything", turn: func(s *rackgateway.Switches) { s.PermissionsWithinOwner = true },
			call: calls("POST", rackPath, unnamed), want: 200,
		},
		"ExpiryIgnored": {reason: "tokens do not expire", call: expired, want: 200, body: `"expires_at":null`},
		"ExpiryKept": {
			reason: "tokens expire", turn: func(s *rackgateway.Switches) { s.ExpiresAtKept = true }, call: expired, want: 401,
			body: `invalid API token: token has expired`,
		},
		"AccountsHidden": {reason: "nobody sees the account's own token", call: calls("GET", rackPath, ""), want: 200, body: "^null$"},
		"AccountHidden":  {reason: "nobody deletes what he does not see", call: own("DELETE"), want: 404},
		"AccountsListed": {
			reason: "the account's own token is one like others", turn: func(s *rackgateway.Switches) { s.AccountsListed = true },
			call: calls("GET", rackPath, ""), want: 200, body: `^\[{.*"name":"bootstrap looker@example.com".*"name":"bootstrap operator@`,
		},
		"AccountDeleted": {reason: "who deletes his own token is out", call: func(b *bench) reply {
			b.bearer = rackgateway.DemoValue
			got := own("LISTED")(b)
			if got.status == 200 { // the newest was the looker's
				got = own("LISTED")(b)
			}
			return got
		}, want: 401},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newRack(t, withRackUsers(), simulator.WithClock(newFakeClock()))
			if tc.turn != nil {
				b.rackTurn(tc.turn)
			}
			got := tc.call(b)
			if got.err != nil || got.status != tc.want {
				t.Fatalf("%s: status %d (%v), want %d: %s", tc.reason, got.status, got.err, tc.want, got.body)
			}
			if !matches(tc.body, got.body) {
				t.Errorf("%s: body %s does not match %s", tc.reason, got.body, tc.body)
			}
		})
	}
}

func TestRackGatewayRateLimit(t *testing.T) {
	clock := newFakeClock()
	b := newRack(t, simulator.WithClock(clock))
	b.rackTurn(func(s *rackgateway.Switches) { s.CreatesPerSecond, s.CreateBurst = 10, 2 })
	b.rackCreate("a")
	b.rackCreate("b")
	got := b.call("POST", rackPath, rackBody("c"))
	if got.status != 429 || !matches(`^{"error":"rate limit exceeded","message":"[^"]+"}$`, got.body) {
		t.Errorf("the third create got %d: %s", got.status, got.body)
	}
	for key, want := range map[string]string{
		"Retry-After": "0", "X-RateLimit-Limit": "10", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1779823006",
	} {
		if has := got.header.Get(key); has != want {
			t.Errorf("%s is %q, want %q", key, has, want)
		}
	}
	if rows := b.rackList(); len(rows) != 2 {
		t.Errorf("%d rows: lists are not limited", len(rows))
	}
	clock.Step(101 * time.Millisecond)
	b.rackCreate("c")
	if got := b.call("POST", rackPath, rackBody("d")); got.status != 429 {
		t.Errorf("a tenth of a second brought more than one create: %d", got.status)
	}
}

func TestRackGatewayAnswersThatLie(t *testing.T) {
	b := newRack(t)
	b.fault(simulator.Fault{Route: rackgateway.RouteCreate, Kind: stage.EmptyValue, Times: 1})
	b.fault(simulator.Fault{Route: rackgateway.RouteCreate, Kind: stage.AlteredName, Times: 1})
	if created := b.rackCreate("a"); created.Token != "" || created.Name != "a" {
		t.Errorf("created %+v, want it without a value", created)
	}
	if created := b.rackCreate("b"); created.Token == "" || created.APIToken.Name != "b-altered" {
		t.Errorf("created %+v, want it under another name", created)
	}
	if tokens := b.rackTokens(); len(tokens) != 2 || tokens[1].Name != "b-altered" {
		t.Errorf("tokens %+v, want both", tokens)
	}
}

func TestRackGatewayPeople(t *testing.T) {
	b := newRack(t, withRackUsers())
	vendor := b.server.RackGateway()
	id, err := vendor.Create("owner@example.com", "by hand")
	if err != nil {
		t.Fatal(err)
	}
	created := b.rackCreate("made")
	if err := vendor.Change(id, "by other hand", "convox:*:*"); err != nil {
		t.Fatal(err)
	}
	if row := b.rackList()[1]; row.PublicID != id || row.Name != "by other hand" || row.Permissions[0] != "convox:*:*" {
		t.Errorf("row %+v, want the token made and changed by hand", row)
	}
	basic := b.request(t.Context(), "GET", rackPath, "")
	basic.SetBasicAuth("convox", rackgateway.DemoValue)
	if got := b.send(basic); got.status != 200 {
		t.Errorf("a value as a password gets %d", got.status)
	}

	var admin rackCreated
	parse(t, b.call("POST", rackPath, `{"name":"admin","role":"viewer","permissions":["gateway:api_token:*"],"user_email":"owner@example.com"}`), 200, &admin)
	b.bearer = admin.Token
	if rows := b.rackList(); len(rows) != 3 || rows[0].LastUsedAt == nil {
		t.Errorf("a token with the permission sees %+v, want all and that it is used", rows)
	}
	if err := vendor.DisableAccount("owner@example.com"); err != nil {
		t.Fatal(err)
	}
	if got := b.call("GET", rackPath, ""); got.status != 401 || !matches("token owner is suspended", got.body) {
		t.Errorf("a suspended user's token gets %d: %s", got.status, got.body)
	}
	if vendor.Check(admin.Token).Active {
		t.Error("a suspended user's token opens the gateway")
	}
	if err := vendor.AddAccount(rackgateway.Account{Email: "owner@example.com"}); err != nil {
		t.Fatal(err)
	}
	b.rackList() // he is back
	if err := vendor.DeleteAccount("owner@example.com"); err != nil {
		t.Fatal(err)
	}
	b.bearer = rackgateway.DemoValue
	if rows := b.rackList(); len(rows) != 1 || rows[0].PublicID != created.APIToken.PublicID {
		t.Errorf("rows %+v, want that the deleted user's tokens are gone", rows)
	}
	states := map[string]rackgateway.State{}
	for _, token := range b.rackTokens() {
		states[token.Name] = token.State
	}
	want := map[string]rackgateway.State{
		"by other hand": rackgateway.Deleted, "admin": rackgateway.Deleted, "made": rackgateway.Active,
	}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("the truth forgets no token (-want +got):\n%s", diff)
	}
	if err := vendor.Revoke(created.APIToken.PublicID); err != nil {
		t.Fatal(err)
	}

	// A new value replaces the account's old one, and the old one can come back.
	for _, value := range []string{"rgw_new", rackgateway.DemoValue} {
		if err := vendor.AddAccount(rackgateway.Account{Email: rackgateway.DemoEmail, Value: value, Admin: true}); err != nil {
			t.Fatal(err)
		}
		for candidate, status := range map[string]int{value: 200, rackgateway.DemoValue + "rgw_new": 401} {
			if b.bearer = candidate; b.call("GET", rackPath, "").status != status {
				t.Errorf("want %d for a value of %d characters", status, len(candidate))
			}
		}
		if connection := vendor.Check(value); !connection.Active {
			t.Errorf("the account's value: %+v", connection)
		}
	}
	b.bearer = rackgateway.DemoValue
	b.rackCreate("taken")
	for what, err := range map[string]error{
		"CreateForNobody":       second(vendor.Create("nobody@example.com", "x")),
		"CreateForGone":         second(vendor.Create("owner@example.com", "x")),
		"CreateWithoutName":     second(vendor.Create(rackgateway.DemoEmail, "")),
		"CreateTaken":           second(vendor.Create(rackgateway.DemoEmail, "taken")),
		"Revoke":                vendor.Revoke(id),
		"Change":                vendor.Change(id, "x"),
		"ChangeTaken":           vendor.Change(b.rackList()[0].PublicID, "bootstrap looker@example.com"),
		"DisableAccount":        vendor.DisableAccount("nobody@example.com"),
		"DeleteAccount":         vendor.DeleteAccount("nobody@example.com"),
		"AddAccount":            vendor.AddAccount(rackgateway.Account{Value: "rgw_x"}),
		"AddAccountOfAnother":   vendor.AddAccount(rackgateway.Account{Email: "thief@example.com", Value: rackgateway.DemoValue}),
		"SetSwitches":           vendor.SetSwitches(rackgateway.Switches{}),
		"SetSwitchesOfNoDomain": vendor.SetSwitches(rackgateway.Switches{UnknownGet: "null", UnknownOwner: "crash", CreateBurst: 1}),
	} {
		if err == nil {
			t.Errorf("%s: no error for bad input", what)
		}
	}
}

func TestRackGatewayAdminAPI(t *testing.T) {
	b := newRack(t, simulator.WithRevealedSecrets())
	created := b.rackCreate("one")
	id := created.APIToken.PublicID
	steps := []struct {
		reason, method, path, body string
		status                     int
		want                       string
	}{
		{"the truth has tokens without values", "GET", "/sim/rackgateway/truth", "", 200,
			`^{"accounts":\[{"email":"operator@example.com","userID":1,"admin":true,"tokens":\[{"id":"` + id + `","number":2,` +
				`"name":"one","owner":"operator@example.com","permissions":\[[^]]+\],"state":"active","createdAt":"[^".]+Z",` +
				`"valueSHA256":"[0-9a-f]{64}"}\]}\],"calls":{"rackgateway.create":1},"refused":{}}$`},
		{"a value is good", "POST", "/sim/rackgateway/check", `{"value":"` + created.Token + `"}`, 200, `^{"known":true,"active":true,"id":"` + id},
		{"and used", "POST", "/sim/rackgateway/connect", `{"value":"` + created.Token + `"}`, 200, `"active":true`},
		{"which shows", "GET", "/sim/rackgateway/truth", "", 200, `"lastUsedAt"`},
		{"another is not", "POST", "/sim/rackgateway/connect", `{"value":"x"}`, 200, `"known":false,"active":false`},
		{"a person creates", "POST", "/sim/rackgateway/tokens", `{"email":"operator@example.com","name":"two"}`, 200, `^{"id":"[^"]+"}$`},
		{"a name is taken", "POST", "/sim/rackgateway/tokens", `{"email":"operator@example.com","name":"two"}`, 400, `"error"`},
		{"a person changes", "PUT", "/sim/rackgateway/tokens/" + id, `{"name":"three","permissions":["a:b:c"]}`, 200, `^{}$`},
		{"a person revokes", "POST", "/sim/rackgateway/tokens/" + id + "/revoke", "", 200, `^{}$`},
		{"but once", "POST", "/sim/rackgateway/tokens/" + id + "/revoke", "", 404, `"error"`},
		{"a user is added", "POST", "/sim/rackgateway/accounts", `{"email":"a@b","value":"rgw_s2","admin":true}`, 200, `^{}$`},
		{"suspended", "DELETE", "/sim/rackgateway/accounts/a@b", "", 200, `^{}$`},
		{"and deleted", "POST", "/sim/rackgateway/accounts/a@b/delete", "", 200, `^{}$`},
		{"which cannot be repeated", "POST", "/sim/rackgateway/accounts/a@b/delete", "", 404, `"error"`},
		{"the truth says so", "GET", "/sim/rackgateway/truth", "", 200, `"email":"a@b","userID":2,"admin":true,"disabled":true,"deleted":true`},
		{"switches show", "GET", "/sim/rackgateway/switches", "", 200, `"hostCheck":true.*"createBurst":20`},
		{"one is turned", "PUT", "/sim/rackgateway/switches", `{"rolesEnforced":false}`, 200, `"hostCheck":true.*"rolesEnforced":false`},
		{"a typing error is one", "PUT", "/sim/rackgateway/switches", `{"roles":false}`, 400, `roles`},
		{"so is a wrong value", "PUT", "/sim/rackgateway/switches", `{"unknownGet":"maybe"}`, 400, `notFound`},
	}
	for _, step := range steps {
		got := b.call(step.method, step.path, step.body)
		if got.err != nil || got.status != step.status || !matches(step.want, got.body) {
			t.Errorf("%s: status %d (%v), want %d and %s: %s", step.reason, got.status, got.err, step.status, step.want, got.body)
		}
		checkSilence(t, step.path, got.body, created.Token, rackgateway.DemoValue, "rgw_s2")
	}

	var told struct {
		Secrets []string `json:"secrets"`
	}
	parse(t, b.call("GET", "/sim/rackgateway/secrets", ""), 200, &told)
	want := []string{"rgw_s2", rackgateway.DemoValue, created.Token}
	if diff := cmp.Diff(want, told.Secrets[:len(told.Secrets)-1]); diff != "" {
		t.Errorf("secrets, what is gone included, and one made by hand after them (-want +got):\n%s", diff)
	}
	if secrets := newBench(t).server.RackGateway().Secrets(); len(secrets) != 0 {
		t.Errorf("a simulator that was not asked to reveals %d secrets", len(secrets))
	}
}
