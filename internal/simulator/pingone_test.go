package simulator_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

const (
	pingLoginPath       = "/" + pingone.DemoEnvironmentID + "/as/token"
	pingEnvironmentPath = "/v1/environments/" + pingone.DemoEnvironmentID
	pingGatewayPath     = pingEnvironmentPath + "/gateways/" + pingone.DemoGatewayID
	pingPath            = pingGatewayPath + "/credentials"
)

// pingRow is what tests read of a credential.
type pingRow struct {
	Links      *pingLinks `json:"_links"`
	ID         string     `json:"id"`
	CreatedAt  string     `json:"createdAt"`
	LastUsedAt string     `json:"lastUsedAt"`
	Credential string     `json:"credential"`
	Token      string     `json:"token"`
}

type pingLinks struct {
	Self struct {
		Href string `json:"href"`
	} `json:"self"`
	Next *struct {
		Href string `json:"href"`
	} `json:"next"`
}

type pingList struct {
	Links    pingLinks `json:"_links"`
	Embedded struct {
		Credentials []pingRow `json:"credentials"`
	} `json:"_embedded"`
	Count int `json:"count"`
	Size  int `json:"size"`
}

type pingError struct {
	ID      string `json:"id"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Details []struct {
		Code    string `json:"code"`
		Target  string `json:"target"`
		Message string `json:"message"`
	} `json:"details"`
}

// newPing is a bench whose client is the demo worker, logged in.
func newPing(t *testing.T, options ...simulator.Option) *bench {
	t.Helper()
	b := newBench(t, options...)
	b.pingLogin(pingone.DemoAccount())
	return b
}

// withPingers are the demo worker, one that says its secret in the body, and one without the role.
func withPingers() simulator.Option {
	return simulator.WithPingOneAccounts(pingone.DemoAccount(), poster(), pinger())
}

func poster() pingone.Account {
	return pingone.Account{
		ClientID: "poster", Secret: "p~o%s+t", EnvironmentID: "workers", AuthMethod: pingone.ClientSecretPost, Admin: true,
	}
}

func pinger() pingone.Account {
	return pingone.Account{ClientID: "pinger", Secret: "p~i%n+g", EnvironmentID: pingone.DemoEnvironmentID}
}

// pingLoginRequest is the login that the account's way of authentication asks for.
func (b *bench) pingLoginRequest(account pingone.Account) *http.Request {
	b.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}}
	if account.AuthMethod == pingone.ClientSecretPost {
		form.Set("client_id", account.ClientID)
		form.Set("client_secret", account.Secret)
	}
	b.bearer = ""
	request := b.request(b.t.Context(), "POST", "/"+account.EnvironmentID+"/as/token", form.Encode())
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if account.AuthMethod != pingone.ClientSecretPost {
		request.SetBasicAuth(account.ClientID, url.QueryEscape(account.Secret))
	}
	return request
}

// pingLogin gets a bearer for the account and uses it from now on.
func (b *bench) pingLogin(account pingone.Account) {
	b.t.Helper()
	var answer struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"`
	}
	parse(b.t, b.send(b.pingLoginRequest(account)), http.StatusOK, &answer)
	if answer.TokenType != "Bearer" || answer.ExpiresIn != b.server.PingOne().Switches().BearerSeconds {
		b.t.Errorf("login: %s for %d seconds", answer.TokenType, answer.ExpiresIn)
	}
	b.bearer = answer.AccessToken
}

func (b *bench) pingCreate() pingRow {
	b.t.Helper()
	var created pingRow
	parse(b.t, b.call("POST", pingPath, ""), http.StatusCreated, &created)
	return created
}

// pingRows reads all pages, and says how large they were.
func (b *bench) pingRows() (rows []pingRow, sizes []int) {
	b.t.Helper()
	for path := pingPath; ; {
		var got pingList
		parse(b.t, b.call("GET", path, ""), http.StatusOK, &got)
		rows, sizes = append(rows, got.Embedded.Credentials...), append(sizes, got.Size)
		if got.Size != len(got.Embedded.Credentials) || got.Links.Self.Href != b.server.URL()+pingPath {
			b.t.Errorf("page %+v", got)
		}
		if got.Links.Next == nil {
			if got.Count != len(rows) {
				b.t.Errorf("%d rows, count %d", len(rows), got.Count)
			}
			return rows, sizes
		}
		next, ours := strings.CutPrefix(got.Links.Next.Href, b.server.URL())
		if !ours {
			b.t.Fatalf("the next page is %s", got.Links.Next.Href)
		}
		path = next
	}
}

// pingCredentials are all credentials, oldest first of each gateway.
func (b *bench) pingCredentials() []pingone.CredentialTruth {
	var credentials []pingone.CredentialTruth
	for _, environment := range b.server.PingOne().Truth().Environments {
		for _, gateway := range environment.Gateways {
			credentials = append(credentials, gateway.Credentials...)
		}
	}
	return credentials
}

func (b *bench) pingTurn(turn func(*pingone.Switches)) {
	b.t.Helper()
	switches := b.server.PingOne().Switches()
	turn(&switches)
	if err := b.server.PingOne().SetSwitches(switches); err != nil {
		b.t.Fatal(err)
	}
}

// claimsOf decodes a value, whose signature must have the length of the key.
func claimsOf(t *testing.T, value string) map[string]any {
	t.Helper()
	if !regexp.MustCompile(`^eyJhbGciOiJSUzI1NiJ9\.[\w-]+\.[\w-]{342}$`).MatchString(value) {
		t.Fatal("it is no JWT signed with RS256")
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(value, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{}
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestPingOneLife(t *testing.T) {
	clock := newFakeClock()
	b := newPing(t, simulator.WithClock(clock), withPingers())
	if got := b.call("GET", pingPath, ""); !matches(`"_embedded":{"credentials":\[\]},"count":0,"size":0}$`, got.body) {
		t.Errorf("an empty list is %s", got.body)
	}
	first := b.pingCreate()
	want := pingRow{ID: first.ID, CreatedAt: "2026-05-26T19:16:45.000Z", Credential: first.Credential}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	wantClaims := map[string]any{
		"aud": "https://lightning.pingone.com/LDAP/" + pingone.DemoGatewayID, "environmentId": pingone.DemoEnvironmentID,
		"gatewayId": pingone.DemoGatewayID, "iat": 1779823005.0, "iss": " NOT_SET", "jti": first.ID,
		"targetClusterEnvironment": "PROD", "targetGeography": "NA",
	}
	if diff := cmp.Diff(wantClaims, claimsOf(t, first.Credential)); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}

	clock.Step(1500 * time.Millisecond)
	second := b.pingCreate()
	rows, _ := b.pingRows()
	seen := []pingRow{}
	for _, row := range rows {
		if row.Links.Self.Href != b.server.URL()+pingPath+"/"+row.ID {
			t.Errorf("%s is at %s", row.ID, row.Links.Self.Href)
		}
		row.Links = nil
		seen = append(seen, row)
	}
	want.Credential = ""
	wantRows := []pingRow{want, {ID: second.ID, CreatedAt: "2026-05-26T19:16:46.500Z"}}
	if diff := cmp.Diff(wantRows, seen); diff != "" {
		t.Errorf("list, without values (-want +got):\n%s", diff)
	}

	for what, connection := range map[string]pingone.Connection{
		"Check": b.server.PingOne().Check(second.Credential), "Connect": b.server.PingOne().Connect(second.Credential),
	} {
		wantConnection := pingone.Connection{Known: true, Active: true, ID: second.ID, GatewayID: pingone.DemoGatewayID}
		if diff := cmp.Diff(wantConnection, connection); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	var one pingRow
	parse(t, b.call("GET", pingPath+"/"+second.ID, ""), 200, &one)
	if one.ID != second.ID || one.LastUsedAt != "2026-05-26T19:16:46.500Z" || one.Credential != "" {
		t.Errorf("one is %+v, want when it was used, and no value", one)
	}
	got := b.call("GET", pingGatewayPath, "")
	if got.status != 200 || !matches(`"id":"`+pingone.DemoGatewayID+`","environment":{"id":"`+pingone.DemoEnvironmentID+`"}.*"credentials":\[{"id":"`+first.ID, got.body) {
		t.Errorf("the gateway is %d %s", got.status, got.body)
	}
	if got := b.call("GET", pingEnvironmentPath+"/gateways", ""); !matches(`"_embedded":{"gateways":\[{.*"count":1,"size":1}`, got.body) {
		t.Errorf("the gateways are %s", got.body)
	}
	if got := b.call("GET", pingEnvironmentPath, ""); got.status != 200 || !matches(`"id":"`+pingone.DemoEnvironmentID, got.body) {
		t.Errorf("the environment is %d %s", got.status, got.body)
	}

	clock.Step(time.Minute)
	got = b.call("DELETE", pingPath+"/"+second.ID, "")
	if got.status != 204 || len(got.body) != 0 || got.header.Get("Content-Type") != "" {
		t.Errorf("deleted: %d %s", got.status, got.body)
	}
	if rows, _ := b.pingRows(); len(rows) != 1 || rows[0].ID != first.ID {
		t.Errorf("rows %+v, want that the deleted one is gone", rows)
	}
	if connection := b.server.PingOne().Connect(second.Credential); !connection.Known || connection.Active {
		t.Errorf("the value of a deleted credential: %+v", connection)
	}
	begin := testTime().Truncate(time.Second)
	wantTruth := []pingone.CredentialTruth{{
		ID: first.ID, State: pingone.Active, CreatedBy: pingone.DemoClientID, CreatedAt: begin, ValueSHA256: digest(first.Credential),
	}, {
		ID: second.ID, State: pingone.Deleted, CreatedBy: pingone.DemoClientID, CreatedAt: begin.Add(1500 * time.Millisecond),
		LastUsedAt: begin.Add(1500 * time.Millisecond), DeletedAt: begin.Add(61500 * time.Millisecond),
		ValueSHA256: digest(second.Credential),
	}}
	if diff := cmp.Diff(wantTruth, b.pingCredentials()); diff != "" {
		t.Errorf("truth (-want +got):\n%s", diff)
	}
	wantCalls := map[string]int{
		pingone.RouteLogin: 1, pingone.RouteList: 3, pingone.RouteCreate: 2, pingone.RouteGet: 1, pingone.RouteRevoke: 1,
		pingone.RouteGateway: 1, pingone.RouteGateways: 1, pingone.RouteEnvironment: 1,
	}
	if diff := cmp.Diff(wantCalls, b.server.PingOne().Truth().Calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestPingOneLogin(t *testing.T) {
	basic, post := pingone.DemoAccount(), poster()
	wrongWay, wrongSecret, nobody, elsewhere := basic, basic, basic, basic
	wrongWay.AuthMethod, wrongSecret.Secret, nobody.ClientID, elsewhere.EnvironmentID = pingone.ClientSecretPost, "x", "x", post.EnvironmentID
	noEnvironment, postedWrong, otherWrongWay := basic, post, post
	noEnvironment.EnvironmentID, postedWrong.Secret, otherWrongWay.AuthMethod = "nowhere", "x", pingone.ClientSecretBasic
	cases := map[string]struct {
		reason  string
		account pingone.Account
		change  func(*http.Request)
		want    int
		body    string // a regular expression
	}{
		"Basic":        {reason: "the secret is in the header", account: basic, want: 200, body: `"token_type":"Bearer","expires_in":3600}$`},
		"BasicEncoded": {reason: "the secret in the header is encoded", account: pinger(), want: 200},
		"BasicRaw": {
			reason: "or it is not, as some clients do", account: pinger(), want: 200,
			change: func(r *http.Request) { r.SetBasicAuth(pinger().ClientID, pinger().Secret) },
		},
		"Post":          {reason: "the secret is in the body, and the application somewhere else", account: post, want: 200},
		"WrongWay":      {reason: "an application has one way", account: wrongWay, want: 401, body: `"error":"invalid_client".*unsupported authentication method`},
		"OtherWrongWay": {reason: "an application has one way", account: otherWrongWay, want: 401, body: `unsupported authentication method`},
		"WrongSecret":   {reason: "a secret is right", account: wrongSecret, want: 401, body: `^{"error":"invalid_client","error_description":"[^"]+"}$`},
		"PostedWrong":   {reason: "a secret is right", account: postedWrong, want: 401},
		"Nobody":        {reason: "an application is there", account: nobody, want: 401, body: `"invalid_client"`},
		"Elsewhere":     {reason: "an application logs in where it is", account: elsewhere, want: 401},
		"NoEnvironment": {reason: "an environment is there", account: noEnvironment, want: 404, body: `"code":"NOT_FOUND"`},
		"NoForm": {
			reason: "a login is a form", account: post, want: 400, body: `"invalid_request"`,
			change: func(r *http.Request) { r.Header.Set("Content-Type", "application/json") },
		},
		"OtherGrant": {
			reason: "workers have client credentials", account: basic, want: 400, body: `"unsupported_grant_type"`,
			change: func(r *http.Request) {
				r.Body, r.ContentLength = http.NoBody, 0
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, withPingers())
			request := b.pingLoginRequest(tc.account)
			if tc.change != nil {
				tc.change(request)
			}
			got := b.send(request)
			if got.err != nil || got.status != tc.want || !matches(tc.body, got.body) {
				t.Errorf("%s: status %d (%v), want %d and %s: %d bytes", tc.reason, got.status, got.err, tc.want, tc.body, len(got.body))
			}
			logins := 0
			if tc.want == 200 {
				logins = 1
			}
			if truth := b.server.PingOne().Truth(); truth.Logins != logins || truth.Refused[pingone.RouteLogin] != 1-logins {
				t.Errorf("%s: %d logins, refused %v", tc.reason, truth.Logins, truth.Refused)
			}
		})
	}

	b := newBench(t, withPingers())
	b.pingLogin(basic)
	claims := claimsOf(t, b.bearer)
	if claims["client_id"] != basic.ClientID || claims["env"] != basic.EnvironmentID || claims["exp"] != claims["iat"].(float64)+3600 {
		t.Errorf("a bearer says %v", claims)
	}
}

func TestPingOneBearerEnds(t *testing.T) {
	cases := map[string]struct {
		reason string
		end    func(*bench, *fakeClock)
		again  int
	}{
		"Lifetime": {
			reason: "a bearer dies when its time is over, and a new login helps",
			end: func(b *bench, c *fakeClock) {
				c.Step(3599 * time.Second)
				b.pingRows()
				c.Step(time.Second)
			},
			again: 200,
		},
		"Expired": {
			reason: "all bearers can be ended at once, and a new login helps",
			end:    func(b *bench, _ *fakeClock) { b.server.PingOne().ExpireBearers() }, again: 200,
		},
		"Disabled": {
			reason: "a disabled application takes its bearers with it and cannot log in again",
			end: func(b *bench, _ *fakeClock) {
				if err := b.server.PingOne().DisableAccount(pingone.DemoClientID); err != nil {
					b.t.Fatal(err)
				}
			},
			again: 401,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			clock := newFakeClock()
			b := newPing(t, simulator.WithClock(clock))
			tc.end(b, clock)
			if got := b.call("GET", pingPath, ""); got.status != 401 || !matches(`"code":"ACCESS_FAILED"`, got.body) {
				t.Errorf("%s: %d %s", tc.reason, got.status, got.body)
			}
			if again := b.send(b.pingLoginRequest(pingone.DemoAccount())); again.status != tc.again {
				t.Errorf("%s: login again got %d, want %d", tc.reason, again.status, tc.again)
			}
		})
	}
}

func TestPingOneRefusals(t *testing.T) {
	const other = pingEnvironmentPath + "/gateways/" + unknownID
	cases := map[string]struct {
		reason, method, path string
		who                  string // "" the demo worker, "pinger", or a bearer
		want                 int
		code                 string
	}{
		"NoBearer":        {reason: "a caller has logged in", who: "-", method: "GET", path: pingPath, want: 401, code: "ACCESS_FAILED"},
		"UnknownBearer":   {reason: "a bearer was given out", who: "x", method: "POST", path: pingPath, want: 401, code: "ACCESS_FAILED"},
		"ListNoRole":      {reason: "the role is needed", who: "pinger", method: "GET", path: pingPath, want: 403, code: "ACCESS_FAILED"},
		"CreateNoRole":    {reason: "the role is needed", who: "pinger", method: "POST", path: pingPath, want: 403, code: "ACCESS_FAILED"},
		"GetNoRole":       {reason: "the role is needed", who: "pinger", method: "GET", path: pingPath + "/FIRST", want: 403, code: "ACCESS_FAILED"},
		"RevokeNoRole":    {reason: "the role is needed", who: "pinger", method: "DELETE", path: pingPath + "/FIRST", want: 403, code: "ACCESS_FAILED"},
		"GatewayNoRole":   {reason: "the role is needed", who: "pinger", method: "GET", path: pingGatewayPath, want: 403, code: "ACCESS_FAILED"},
		"GatewaysNoRole":  {reason: "the role is needed", who: "pinger", method: "GET", path: pingEnvironmentPath + "/gateways", want: 403, code: "ACCESS_FAILED"},
		"EnvironmentNo":   {reason: "the role is needed", who: "pinger", method: "GET", path: pingEnvironmentPath, want: 403, code: "ACCESS_FAILED"},
		"ListNoGateway":   {reason: "a gateway is there", method: "GET", path: other + "/credentials", want: 404, code: "NOT_FOUND"},
		"CreateNoGateway": {reason: "a gateway is there", method: "POST", path: other + "/credentials", want: 404, code: "NOT_FOUND"},
		"GetNoGateway":    {reason: "a gateway is there", method: "GET", path: other + "/credentials/FIRST", want: 404, code: "NOT_FOUND"},
		"RevokeNoGateway": {reason: "a gateway is there", method: "DELETE", path: other + "/credentials/FIRST", want: 404, code: "NOT_FOUND"},
		"GatewayNone":     {reason: "a gateway is there", method: "GET", path: other, want: 404, code: "NOT_FOUND"},
		"GetNone":         {reason: "a credential is there", method: "GET", path: pingPath + "/" + unknownID, want: 404, code: "NOT_FOUND"},
		"RevokeNone":      {reason: "a credential is there", method: "DELETE", path: pingPath + "/" + unknownID, want: 404, code: "NOT_FOUND"},
		"RevokeOther":     {reason: "a credential is the gateway's", method: "DELETE", path: pingEnvironmentPath + "/gateways/second/credentials/FIRST", want: 404, code: "NOT_FOUND"},
		"EnvironmentNone": {reason: "an environment is there", method: "GET", path: "/v1/environments/" + unknownID, want: 404, code: "NOT_FOUND"},
		"InNoEnvironment": {reason: "nothing is in no environment", method: "GET", path: "/v1/environments/" + unknownID + "/gateways", want: 403, code: "ACCESS_FAILED"},
		"Cursor":          {reason: "a cursor is the vendor's", method: "GET", path: pingPath + "?cursor=abc", want: 400, code: "INVALID_DATA"},
		"Limit":           {reason: "a page has a row", method: "GET", path: pingPath + "?limit=0", want: 400, code: "INVALID_DATA"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newPing(t, withPingers(), simulator.WithPingOneGateways(
				pingone.DemoGateway(), pingone.Gateway{ID: "second", EnvironmentID: pingone.DemoEnvironmentID}))
			first := b.pingCreate()
			before := b.server.PingOne().Truth()
			switch tc.who {
			case "":
			case "pinger":
				b.pingLogin(pinger())
			default:
				b.bearer = strings.TrimPrefix(tc.who, "-")
			}
			got := b.call(tc.method, strings.Replace(tc.path, "FIRST", first.ID, 1), "")
			var refusal pingError
			parse(t, got, tc.want, &refusal)
			if refusal.Code != tc.code || refusal.ID == "" || refusal.Message == "" {
				t.Errorf("%s: the body is %s", tc.reason, got.body)
			}
			after := b.server.PingOne().Truth()
			if diff := cmp.Diff(before.Environments, after.Environments); diff != "" {
				t.Errorf("%s: the refusal changed (-before +after):\n%s", tc.reason, diff)
			}
			if after.Refused[b.lastEntry().Route] != 1 {
				t.Errorf("%s: %s is not counted as refused", tc.reason, b.lastEntry().Route)
			}
		})
	}
}

func TestPingOneSwitches(t *testing.T) {
	create := func(b *bench) reply { return b.call("POST", pingPath, "") }
	listed := func(b *bench) reply { return b.call("GET", pingPath, "") }
	six := func(b *bench) reply {
		for range 4 {
			b.pingCreate()
		}
		return create(b)
	}
	dropped := func(times int) func(*bench) reply {
		return func(b *bench) reply {
			id := b.pingCredentials()[0].ID
			for range times - 1 {
				b.call("DELETE", pingPath+"/"+id, "")
			}
			return b.call("DELETE", pingPath+"/"+id, "")
		}
	}
	used := func(b *bench) reply {
		b.server.PingOne().Connect(b.pingCreate().Credential)
		return listed(b)
	}
	gone := func(path string) func(*bench) reply {
		return func(b *bench) reply {
			if err := b.server.PingOne().DeleteEnvironment(pingone.DemoEnvironmentID); err != nil {
				b.t.Fatal(err)
			}
			return b.call("GET", path, "")
		}
	}
	goneAs := func(status int) func(*pingone.Switches) {
		return func(s *pingone.Switches) { s.GoneEnvironmentStatus = status }
	}
	wrong := func(b *bench) reply {
		account := pingone.DemoAccount()
		account.Secret = "wrong"
		return b.send(b.pingLoginRequest(account))
	}
	cases := map[string]struct {
		reason string
		turn   func(*pingone.Switches)
		call   func(*bench) reply
		want   int
		body   string // a regular expression
	}{
		"Credential": {reason: "the value is the credential", call: create, want: 201, body: `"credential":"eyJ[^"]+"}$`},
		"Token": {
			reason: "the value is the token", turn: func(s *pingone.Switches) { s.ValueField = pingone.FieldToken }, call: create,
			want: 201, body: `"token":"eyJ[^"]+"}$`,
		},
		"TooMany": {
			reason: "the sixth is refused", call: six, want: 400,
			body: `"code":"INVALID_DATA".*"details":\[{"code":"CONSTRAINT_VIOLATION"`,
		},
		"TooManyConflict": {reason: "the sixth is a conflict", turn: func(s *pingone.Switches) { s.TooManyStatus = 409 }, call: six, want: 409},
		"TooManyForbidden": {
			reason: "the sixth is forbidden", turn: func(s *pingone.Switches) { s.TooManyStatus = 403 }, call: six, want: 403,
		},
		"More":    {reason: "the sixth is one", turn: func(s *pingone.Switches) { s.MaxCredentials = 6 }, call: six, want: 201},
		"NotUsed": {reason: "what was not used does not say when", call: listed, want: 200, body: `"createdAt":"[^"]+"}\]`},
		"Used":    {reason: "what was used says when", call: used, want: 200, body: `"lastUsedAt":"[^"]+"}\]`},
		"UsedHidden": {
			reason: "nothing says when", turn: func(s *pingone.Switches) { s.LastUsedShown = false }, call: used, want: 200,
			body: `"createdAt":"[^"]+"}\]`,
		},
		"Delete":    {reason: "a delete says nothing", call: dropped(1), want: 204},
		"Delete200": {reason: "a delete says OK", turn: func(s *pingone.Switches) { s.DeleteStatus = 200 }, call: dropped(1), want: 200, body: `^{}$`},
		"Again":     {reason: "what is gone is not there", call: dropped(2), want: 404},
		"AgainSame": {reason: "what is gone may go again", turn: func(s *pingone.Switches) { s.SecondDeleteStatus = 204 }, call: dropped(2), want: 204},

		"GoneForbidden":    {reason: "nobody has a role in what is gone", call: gone(pingPath), want: 403},
		"GoneNotFound":     {reason: "what is gone is not there", turn: goneAs(404), call: gone(pingPath), want: 404},
		"GoneUnauthorized": {reason: "what is gone knows nobody", turn: goneAs(401), call: gone(pingPath), want: 401},
		"GoneInvalid":      {reason: "what is gone is a wrong name", turn: goneAs(400), call: gone(pingGatewayPath), want: 400},
		"GoneItself":       {reason: "itself it is always gone", call: gone(pingEnvironmentPath), want: 404},

		"LoginRefused":    {reason: "a wrong secret is nobody's", call: wrong, want: 401, body: `"invalid_client"`},
		"LoginRefused400": {reason: "a wrong secret is a wrong request", turn: func(s *pingone.Switches) { s.LoginRefusedStatus = 400 }, call: wrong, want: 400, body: `"invalid_client"`},
		"Lag": {
			reason: "what is new is not listed yet", turn: func(s *pingone.Switches) { s.ListLagSeconds = 60 },
			call: func(b *bench) reply { b.pingCreate(); return listed(b) }, want: 200, body: `"credentials":\[\]`,
		},
		"NoLag": {
			reason: "what is new is listed", call: func(b *bench) reply { b.pingCreate(); return listed(b) }, want: 200,
			body: `"count":2,"size":2}`,
		},
		"LinksTo": {
			reason: "links may lead elsewhere", call: listed, want: 200, body: `"href":"https://api.example.com/v1/environments/`,
			turn: func(s *pingone.Switches) { s.LinksTo = "api.example.com" },
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newPing(t)
			b.pingCreate()
			if tc.turn != nil {
				b.pingTurn(tc.turn)
			}
			got := tc.call(b)
			if got.err != nil || got.status != tc.want || !matches(tc.body, got.body) {
				t.Errorf("%s: status %d (%v), want %d and %s: %.300s", tc.reason, got.status, got.err, tc.want, tc.body, got.body)
			}
		})
	}
}

func TestPingOneClaims(t *testing.T) {
	b := newPing(t)
	b.pingTurn(func(s *pingone.Switches) { s.Claims = pingone.ClaimsLong })
	claims := claimsOf(t, b.pingCreate().Credential)
	for _, name := range []string{
		"aud", "authUrl", "consoleUrl", "environmentId", "environmentName", "gatewayId", "gatewayName", "gatewayType", "iat", "iss",
		"jti", "organizationId", "organizationName",
	} {
		if claims[name] == "" || claims[name] == nil {
			t.Errorf("%s is %v", name, claims[name])
		}
	}
	if claims["iss"] != "wss://gateways.pingone.com" || claims["gatewayType"] != "LDAP" {
		t.Errorf("claims %v", claims)
	}
}

func TestPingOnePages(t *testing.T) {
	b := newPing(t)
	var want []string
	for range 5 {
		want = append(want, b.pingCreate().ID)
	}
	for size, sizes := range map[int][]int{1: {1, 1, 1, 1, 1}, 2: {2, 2, 1}, 4: {4, 1}, 5: {5}, 100: {5}} {
		b.pingTurn(func(s *pingone.Switches) { s.PageSize = size })
		rows, got := b.pingRows()
		var ids []string
		for _, row := range rows {
			ids = append(ids, row.ID)
		}
		if diff := cmp.Diff(sizes, got); diff != "" {
			t.Errorf("sizes of pages of %d (-want +got):\n%s", size, diff)
		}
		if diff := cmp.Diff(want, ids); diff != "" {
			t.Errorf("rows of pages of %d (-want +got):\n%s", size, diff)
		}
	}
	b.pingTurn(func(s *pingone.Switches) { s.PageSize = 100 })
	var asked pingList
	parse(t, b.call("GET", pingPath+"?limit=3", ""), 200, &asked)
	if asked.Size != 3 || asked.Count != 5 || asked.Links.Next == nil {
		t.Errorf("page %+v", asked)
	}
}

// What a list lacks for a while is there all the same, and counts.
func TestPingOneListLags(t *testing.T) {
	clock := newFakeClock()
	b := newPing(t, simulator.WithClock(clock))
	b.pingTurn(func(s *pingone.Switches) { s.ListLagSeconds = 60 })
	created := b.pingCreate()
	if got := b.call("GET", pingPath+"/"+created.ID, ""); got.status != 200 {
		t.Errorf("by its ID it is %d", got.status)
	}
	clock.Step(61 * time.Second)
	if rows, _ := b.pingRows(); len(rows) != 1 || rows[0].ID != created.ID {
		t.Errorf("rows %+v after a minute", rows)
	}
}

// A role is not known everywhere at once.
func TestPingOneTransientForbidden(t *testing.T) {
	b := newPing(t, withPingers())
	b.pingTurn(func(s *pingone.Switches) { s.TransientForbidden = 2 })
	statuses := func() (found []int) {
		for range 4 {
			found = append(found, b.call("GET", pingPath, "").status)
		}
		return found
	}
	if diff := cmp.Diff([]int{200, 200, 200, 200}, statuses()); diff != "" {
		t.Errorf("a role that was given before (-want +got):\n%s", diff)
	}
	b.pingLogin(pinger())
	if diff := cmp.Diff([]int{403, 403, 403, 403}, statuses()); diff != "" {
		t.Errorf("without the role (-want +got):\n%s", diff)
	}
	for _, admin := range []bool{true, false, true} {
		if err := b.server.PingOne().SetAdmin(pinger().ClientID, admin); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]int{403, 403, 200, 200}, statuses()); diff != "" {
		t.Errorf("with the role (-want +got):\n%s", diff)
	}
	if err := b.server.PingOne().SetAdmin(pinger().ClientID, false); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{403, 403, 403, 403}, statuses()); diff != "" {
		t.Errorf("without the role again (-want +got):\n%s", diff)
	}
}

func TestPingOneContentType(t *testing.T) {
	for hal, want := range map[bool]string{true: "application/hal+json;charset=UTF-8", false: "application/json"} {
		b := newPing(t)
		b.pingTurn(func(s *pingone.Switches) { s.HALContentType = hal })
		for _, call := range []func() reply{
			func() reply { return b.call("GET", pingPath, "") },
			func() reply { return b.call("POST", pingPath, "") },
		} {
			if got := call(); got.header.Get("Content-Type") != want {
				t.Errorf("Content-Type is %q, want %q", got.header.Get("Content-Type"), want)
			}
		}
	}
}

func TestPingOneAnswersThatLie(t *testing.T) {
	b := newPing(t)
	b.fault(simulator.Fault{Route: pingone.RouteCreate, Kind: stage.EmptyValue, Times: 1})
	if got := b.call("POST", pingPath, ""); got.status != 201 || !matches(`"credential":""}$`, got.body) {
		t.Errorf("created: %d", got.status)
	}
	if credentials := b.pingCredentials(); len(credentials) != 1 {
		t.Errorf("credentials %+v", credentials)
	}
	b.fault(simulator.Fault{Route: pingone.RouteLogin, Kind: stage.EmptyValue, Times: 1})
	if got := b.send(b.pingLoginRequest(pingone.DemoAccount())); got.status != 200 || !matches(`"access_token":""`, got.body) {
		t.Errorf("login: %d", got.status)
	}
	for status, want := range map[int]string{429: `"REQUEST_LIMITED"`, 500: `"UNEXPECTED_ERROR"`, 409: `"UNIQUENESS_VIOLATION"`} {
		b.fault(simulator.Fault{Route: pingone.RouteCreate, Kind: stage.Status, Status: status, Times: 1})
		if got := b.call("POST", pingPath, ""); got.status != status || !matches(want, got.body) {
			t.Errorf("a fault of status %d: %d %s", status, got.status, got.body)
		}
	}
	for status, want := range map[int]string{401: `"invalid_client"`, 403: `"unauthorized_client"`, 429: `"temporarily_unavailable"`, 500: `"invalid_request"`} {
		b.fault(simulator.Fault{Route: pingone.RouteLogin, Kind: stage.Status, Status: status, Times: 1})
		if got := b.send(b.pingLoginRequest(pingone.DemoAccount())); got.status != status || !matches(want, got.body) {
			t.Errorf("a login's fault of status %d: %d %s", status, got.status, got.body)
		}
	}
}

func TestPingOnePeople(t *testing.T) {
	b := newPing(t, withPingers())
	vendor := b.server.PingOne()
	id, err := vendor.Create(pingone.DemoEnvironmentID, pingone.DemoGatewayID)
	if err != nil {
		t.Fatal(err)
	}
	if rows, _ := b.pingRows(); len(rows) != 1 || rows[0].ID != id || b.pingCredentials()[0].CreatedBy != "console" {
		t.Errorf("rows %+v, want the credential made by hand", rows)
	}
	created := b.pingCreate()
	if err := vendor.Revoke(id); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if _, err := vendor.Create(pingone.DemoEnvironmentID, pingone.DemoGatewayID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := vendor.Create(pingone.DemoEnvironmentID, pingone.DemoGatewayID); err == nil {
		t.Error("a person may have more than everybody")
	}

	// A gateway takes its credentials along, and does not bring them back.
	if err := vendor.DeleteGateway(pingone.DemoEnvironmentID, pingone.DemoGatewayID); err != nil {
		t.Fatal(err)
	}
	if got := b.call("DELETE", pingPath+"/"+created.ID, ""); got.status != 404 {
		t.Errorf("a credential of a deleted gateway: %d", got.status)
	}
	if vendor.Check(created.Credential).Active {
		t.Error("a deleted gateway connects")
	}
	if got := b.call("GET", pingEnvironmentPath+"/gateways", ""); !matches(`"gateways":\[\]`, got.body) {
		t.Errorf("gateways %s", got.body)
	}
	if err := vendor.AddGateway(pingone.DemoGateway()); err != nil {
		t.Fatal(err)
	}
	if rows, _ := b.pingRows(); len(rows) != 0 {
		t.Errorf("rows %+v", rows)
	}

	// An environment takes all along; the worker that is elsewhere still logs in.
	last := b.pingCreate()
	b.pingLogin(poster())
	b.pingRows()
	if err := vendor.DeleteEnvironment(pingone.DemoEnvironmentID); err != nil {
		t.Fatal(err)
	}
	if got := b.call("GET", pingPath, ""); got.status != 403 || vendor.Check(last.Credential).Active {
		t.Errorf("a deleted environment: %d", got.status)
	}
	b.pingLogin(poster())
	if got := b.send(b.pingLoginRequest(pingone.DemoAccount())); got.status != 404 {
		t.Errorf("a login in a deleted environment: %d", got.status)
	}
	states := map[pingone.State]int{}
	for _, credential := range b.pingCredentials() {
		states[credential.State]++
	}
	if diff := cmp.Diff(map[pingone.State]int{pingone.Deleted: 7}, states); diff != "" {
		t.Errorf("the truth forgets no credential (-want +got):\n%s", diff)
	}
	truth := vendor.Truth()
	at := slices.IndexFunc(truth.Environments, func(e pingone.EnvironmentTruth) bool { return e.ID == pingone.DemoEnvironmentID })
	if e := truth.Environments[at]; !e.Deleted || !e.Gateways[0].Deleted || len(truth.Environments) != 2 {
		t.Errorf("truth %+v", truth.Environments)
	}

	odd := poster()
	odd.AuthMethod = "NONE"
	bad := func(turn func(*pingone.Switches)) error {
		switches := pingone.DefaultSwitches()
		turn(&switches)
		return vendor.SetSwitches(switches)
	}
	for what, err := range map[string]error{
		"Create":            second(vendor.Create(pingone.DemoEnvironmentID, pingone.DemoGatewayID)),
		"Revoke":            vendor.Revoke(id),
		"AddGateway":        vendor.AddGateway(pingone.Gateway{ID: "half"}),
		"DeleteGateway":     vendor.DeleteGateway("nowhere", pingone.DemoGatewayID),
		"DeleteEnvironment": vendor.DeleteEnvironment(pingone.DemoEnvironmentID),
		"AddAccount":        vendor.AddAccount(pingone.Account{ClientID: "half"}),
		"AddAccountOdd":     vendor.AddAccount(odd),
		"DisableAccount":    vendor.DisableAccount("nobody"),
		"SetAdmin":          vendor.SetAdmin("nobody", true),
		"SetSwitches":       vendor.SetSwitches(pingone.Switches{}),
		"SetSwitchesStatus": bad(func(s *pingone.Switches) { s.DeleteStatus = 202 }),
		"SetSwitchesNumber": bad(func(s *pingone.Switches) { s.PageSize = 0 }),
	} {
		if err == nil {
			t.Errorf("%s: no error for bad input", what)
		}
	}
}

func TestPingOneAdminAPI(t *testing.T) {
	b := newPing(t, simulator.WithRevealedSecrets())
	created := b.pingCreate()
	bearer := b.bearer
	gateway := fmt.Sprintf(`"environmentID":%q`, pingone.DemoEnvironmentID)
	steps := []struct {
		reason, method, path, body string
		status                     int
		want                       string
	}{
		{"the truth has credentials without values", "GET", "/sim/pingone/truth", "", 200,
			`^{"accounts":\[{"clientID":"` + pingone.DemoClientID + `",` + gateway + `,"authMethod":"CLIENT_SECRET_BASIC","admin":true}\],` +
				`"environments":\[{"id":"` + pingone.DemoEnvironmentID + `","gateways":\[{"id":"` + pingone.DemoGatewayID +
				`","name":"LDAP gateway","type":"LDAP","credentials":\[{"id":"` + created.ID + `","state":"active","createdBy":"` +
				pingone.DemoClientID + `","createdAt":"[^"]+Z","valueSHA256":"[0-9a-f]{64}"}\]}\]}\],` +
				`"calls":{"pingone.create":1,"pingone.login":1},"refused":{},"logins":1}$`},
		{"a value is good", "POST", "/sim/pingone/check", `{"value":"` + created.Credential + `"}`, 200, `^{"known":true,"active":true`},
		{"and used", "POST", "/sim/pingone/connect", `{"value":"` + created.Credential + `"}`, 200, `"active":true`},
		{"which shows", "GET", "/sim/pingone/truth", "", 200, `"lastUsedAt"`},
		{"another is not", "POST", "/sim/pingone/connect", `{"value":"x"}`, 200, `"known":false,"active":false`},
		{"a person creates", "POST", "/sim/pingone/credentials", `{` + gateway + `,"gatewayID":"` + pingone.DemoGatewayID + `"}`, 200, `^{"id":"[^"]+"}$`},
		{"where a gateway is", "POST", "/sim/pingone/credentials", `{` + gateway + `,"gatewayID":"x"}`, 404, `"error"`},
		{"a person deletes", "POST", "/sim/pingone/credentials/" + created.ID + "/revoke", "", 200, `^{}$`},
		{"but once", "POST", "/sim/pingone/credentials/" + created.ID + "/revoke", "", 404, `"error"`},
		{"a gateway is added", "POST", "/sim/pingone/gateways", `{"id":"g2","environmentID":"e2","type":"RADIUS"}`, 200, `^{}$`},
		{"and deleted", "DELETE", "/sim/pingone/environments/e2/gateways/g2", "", 200, `^{}$`},
		{"with its environment", "DELETE", "/sim/pingone/environments/e2", "", 200, `^{}$`},
		{"the truth says so", "GET", "/sim/pingone/truth", "", 200, `"id":"e2","deleted":true,"gateways":\[{"id":"g2","name":"LDAP gateway","type":"RADIUS","deleted":true`},
		{"an account is added", "POST", "/sim/pingone/accounts", `{"clientID":"c2","secret":"s2-secret","environmentID":"e3"}`, 200, `^{}$`},
		{"gets a role", "POST", "/sim/pingone/accounts/c2/role", `{"admin":true}`, 200, `^{}$`},
		{"and is disabled", "DELETE", "/sim/pingone/accounts/c2", "", 200, `^{}$`},
		{"the truth says so", "GET", "/sim/pingone/truth", "", 200, `"clientID":"c2","environmentID":"e3","authMethod":"CLIENT_SECRET_BASIC","admin":true,"disabled":true`},
		{"bearers end", "POST", "/sim/pingone/expire-bearers", "", 200, `^{}$`},
		{"all of them", "GET", pingPath, "", 401, `"code"`},
		{"switches show", "GET", "/sim/pingone/switches", "", 200, `"valueField":"credential".*"maxCredentials":5.*"bearerSeconds":3600`},
		{"one is turned", "PUT", "/sim/pingone/switches", `{"pageSize":2}`, 200, `"maxCredentials":5.*"pageSize":2`},
		{"a typing error is one", "PUT", "/sim/pingone/switches", `{"page":2}`, 400, `page`},
		{"so is a wrong value", "PUT", "/sim/pingone/switches", `{"claims":"none"}`, 400, `short`},
	}
	for _, step := range steps {
		got := b.call(step.method, step.path, step.body)
		if got.err != nil || got.status != step.status || !matches(step.want, got.body) {
			t.Errorf("%s: status %d (%v), want %d and %s: %s", step.reason, got.status, got.err, step.status, step.want, got.body)
		}
		checkSilence(t, step.path, got.body, created.Credential, bearer, pingone.DemoSecret, "s2-secret")
	}

	var told struct {
		Secrets []string `json:"secrets"`
	}
	parse(t, b.call("GET", "/sim/pingone/secrets", ""), 200, &told)
	want := []string{pingone.DemoSecret, "s2-secret", bearer, created.Credential}
	if diff := cmp.Diff(want, told.Secrets[:len(told.Secrets)-1]); diff != "" {
		t.Errorf("secrets, what is gone included, and one made by hand after them (-want +got):\n%s", diff)
	}
	if secrets := newBench(t).server.PingOne().Secrets(); len(secrets) != 0 {
		t.Errorf("a simulator that was not asked to reveals %d secrets", len(secrets))
	}
}
