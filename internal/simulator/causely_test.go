package simulator_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
)

func TestRefusals(t *testing.T) {
	const id = "7c0f3f4e-0000-4000-8000-000000000000"
	cases := map[string]struct {
		reason  string
		account causely.Account
		bearer  string
		method  string
		path    string
		body    string
		want    int
		shape   string
	}{
		"WrongSecret": {
			reason: "a login needs the account's secret", method: "POST", path: loginPath,
			body: loginBody(causely.DemoClientID, "wrong"), want: 401, shape: "errors",
		},
		"UnknownClient": {
			reason: "a login needs a known client ID", method: "POST", path: loginPath,
			body: loginBody("nobody", causely.DemoSecret), want: 401, shape: "errors",
		},
		"LoginIsNoJSON": {
			reason: "a login is JSON", method: "POST", path: loginPath, body: `{"clientId":`, want: 400, shape: "errors",
		},
		"LoginHasNoBody": {
			reason: "a login without a body has no content type either", method: "POST", path: loginPath,
			want: 400, shape: "errors",
		},
		"NoBearer": {
			reason: "token routes need a bearer", method: "GET", path: "/api/tokens", want: 401, shape: "error",
		},
		"UnknownBearer": {
			reason: "token routes need a bearer that was given out", bearer: "made-up",
			method: "POST", path: "/api/tokens", body: nameBody("a"), want: 401, shape: "error",
		},
		"CreateByNonAdmin": {
			reason: "creating needs the admin role", account: reader(),
			method: "POST", path: "/api/tokens", body: nameBody("a"), want: 403, shape: "error",
		},
		"ListByNonAdmin": {
			reason: "listing needs the admin role", account: reader(),
			method: "GET", path: "/api/tokens", want: 403, shape: "error",
		},
		"RevokeByNonAdmin": {
			reason: "revoking needs the admin role", account: reader(),
			method: "POST", path: revokePath(id), want: 403, shape: "error",
		},
		"EmptyName": {
			reason: "a token needs a name", account: causely.DemoAccount(),
			method: "POST", path: "/api/tokens", body: nameBody(""), want: 400, shape: "error",
		},
		"CreateIsNoJSON": {
			reason: "a create is JSON", account: causely.DemoAccount(),
			method: "POST", path: "/api/tokens", body: "name=a", want: 400, shape: "error",
		},
		"UnknownID": {
			reason: "only a token can be revoked", account: causely.DemoAccount(),
			method: "POST", path: revokePath(id), want: 404, shape: "error",
		},
		"NoTokenID": {
			reason: "the document repeats the ID in the query", account: causely.DemoAccount(),
			method: "POST", path: "/api/tokens/" + id + "/revoke", want: 400, shape: "error",
		},
		"NoDefaultToken": {
			reason: "a project without a token has no default one", account: causely.DemoAccount(),
			method: "GET", path: "/api/tokens/default", want: 404, shape: "error",
		},
		"UnknownRoute": {
			reason: "there is no route for one token", account: causely.DemoAccount(),
			method: "GET", path: "/api/tokens/" + id, want: 404, shape: "error",
		},
		"UnknownMethod": {
			reason: "tokens are revoked, not deleted", account: causely.DemoAccount(),
			method: "DELETE", path: "/api/tokens", want: 404, shape: "error",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, withEverybody())
			if tc.account.ClientID != "" {
				b.login(tc.account)
			}
			if tc.bearer != "" {
				b.bearer = tc.bearer
			}
			got := b.call(tc.method, tc.path, tc.body)
			var shape map[string]json.RawMessage
			parse(t, got, tc.want, &shape)
			if _, ok := shape[tc.shape]; !ok || len(shape) != 1 {
				t.Errorf("%s: the body is %s, want one field %q", tc.reason, got.body, tc.shape)
			}
			if tokens := b.tokens(); len(tokens) != 0 {
				t.Errorf("%s: the refusal left tokens: %+v", tc.reason, tokens)
			}
			entry := b.lastEntry()
			_, refused := b.server.Causely().Truth().Refused[entry.Route]
			if entry.Status != tc.want || (refused != (entry.Route != simulator.RouteUnknown)) {
				t.Errorf("%s: entry %+v, refused %v", tc.reason, entry, refused)
			}
		})
	}
}

func TestLogin(t *testing.T) {
	fields := map[string][]string{
		causely.SpellingSnake: {"access_token", "expires", "expires_in", "refresh_token"},
		causely.SpellingCamel: {"accessToken", "expires", "expiresIn", "refreshToken"},
	}
	for spelling, want := range fields {
		for _, path := range []string{loginPath, strings.TrimPrefix(loginPath, "/frontegg")} {
			t.Run(spelling+path, func(t *testing.T) {
				b := newBench(t, simulator.WithClock(newFakeClock()))
				switches := causely.DefaultSwitches()
				switches.LoginSpelling = spelling
				switches.BearerSeconds = 60
				if err := b.server.Causely().SetSwitches(switches); err != nil {
					t.Fatal(err)
				}
				var answer map[string]any
				got := b.call("POST", path, loginBody(causely.DemoClientID, causely.DemoSecret))
				parse(t, got, http.StatusOK, &answer)
				var found []string
				for field := range answer {
					found = append(found, field)
				}
				slices.Sort(found)
				if diff := cmp.Diff(want, found); diff != "" {
					t.Errorf("fields (-want +got):\n%s", diff)
				}
				if answer["expires"] != "Tue, 26 May 2026 19:17:45 GMT" || answer[want[2]] != 60.0 {
					t.Errorf("expires %v in %v, want a minute after the clock", answer["expires"], answer[want[2]])
				}
				if date := got.header.Get("Date"); date != "Tue, 26 May 2026 19:16:45 GMT" {
					t.Errorf("Date is %q, want the simulator's clock", date)
				}
			})
		}
	}
}

func TestBearerEnds(t *testing.T) {
	cases := map[string]struct {
		reason string
		end    func(*bench, *fakeClock)
		again  int
	}{
		"Lifetime": {
			reason: "a bearer dies when its time is over, and a new login helps",
			end: func(b *bench, c *fakeClock) {
				c.Step(86399 * time.Second)
				b.list()
				c.Step(time.Second)
			},
			again: 200,
		},
		"Expired": {
			reason: "all bearers can be ended at once, and a new login helps",
			end:    func(b *bench, _ *fakeClock) { b.server.Causely().ExpireBearers() }, again: 200,
		},
		"Disabled": {
			reason: "a disabled credential takes its bearers with it and cannot log in again",
			end: func(b *bench, _ *fakeClock) {
				if err := b.server.Causely().DisableAccount(causely.DemoClientID); err != nil {
					b.t.Fatal(err)
				}
			},
			again: 401,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			clock := newFakeClock()
			b := newBench(t, simulator.WithClock(clock))
			b.login(causely.DemoAccount())
			b.list()
			tc.end(b, clock)
			if got := b.call("GET", "/api/tokens", ""); got.status != 401 {
				t.Errorf("%s: status %d, want 401", tc.reason, got.status)
			}
			again := b.call("POST", loginPath, loginBody(causely.DemoClientID, causely.DemoSecret))
			if again.status != tc.again {
				t.Errorf("%s: login again got %d, want %d", tc.reason, again.status, tc.again)
			}
		})
	}
}

func TestTokenLife(t *testing.T) {
	clock := newFakeClock()
	b := newBench(t, simulator.WithClock(clock), withEverybody())
	b.login(causely.DemoAccount())

	first := b.create("mediator")
	jwt := regexp.MustCompile(`^eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9\.eyJ[\w-]+\.[\w-]{342}$`)
	id := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	if first.TokenValue == nil || !jwt.MatchString(*first.TokenValue) || !id.MatchString(first.ID) {
		t.Fatalf("created %+v, want a UUID and a JWT", first)
	}
	want := row{
		ID: first.ID, Name: "mediator", TokenValue: first.TokenValue, MediatorID: first.MediatorID,
		ProjectID: causely.DemoProjectID, CreatedBy: first.CreatedBy, State: "active", CreatedAt: "2026-05-26T19:16:45Z",
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}

	clock.Step(time.Minute)
	second := b.create("mediator")
	if second.MediatorID != first.MediatorID || *second.TokenValue == *first.TokenValue || second.ID == first.ID {
		t.Errorf("second %+v shares more, or less, than the mediator with the first %+v", second, first)
	}
	if diff := cmp.Diff([]row{second, first}, b.list()); diff != "" {
		t.Errorf("list, newest first, with values (-want +got):\n%s", diff)
	}
	var byDefault struct {
		TokenValue string `json:"tokenValue"`
	}
	parse(t, b.call("GET", "/api/tokens/default?mediator="+first.MediatorID, ""), 200, &byDefault)
	if byDefault.TokenValue != *first.TokenValue {
		t.Error("the default token is not the oldest active one")
	}

	clock.Step(time.Minute)
	var revoked row
	parse(t, b.revoke(first.ID), http.StatusOK, &revoked)
	want.State, want.TokenValue = "revoked", nil
	want.RevokedAt, want.RevokedBy = "2026-05-26T19:18:45Z", first.CreatedBy
	if diff := cmp.Diff(want, revoked); diff != "" {
		t.Errorf("revoked (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]row{second, revoked}, b.list()); diff != "" {
		t.Errorf("revoked rows stay, without their value (-want +got):\n%s", diff)
	}

	digest := sha256.Sum256([]byte(*first.TokenValue))
	wantTruth := causely.TokenTruth{
		ID: first.ID, Name: "mediator", ProjectID: causely.DemoProjectID, State: causely.Revoked,
		CreatedAt: testTime().Truncate(time.Second), RevokedAt: testTime().Truncate(time.Second).Add(2 * time.Minute),
		RevokedBy: first.CreatedBy, ValueSHA256: hex.EncodeToString(digest[:]),
	}
	if diff := cmp.Diff(wantTruth, b.tokens()[0]); diff != "" {
		t.Errorf("truth (-want +got):\n%s", diff)
	}
	connections := map[string]causely.Connection{
		*first.TokenValue:  {Known: true, ID: first.ID, Name: "mediator"},
		*second.TokenValue: {Known: true, Active: true, ID: second.ID, Name: "mediator"},
		"made-up":          {},
		"":                 {},
	}
	for value, connection := range connections {
		if diff := cmp.Diff(connection, b.server.Causely().Check(value)); diff != "" {
			t.Errorf("Check (-want +got):\n%s", diff)
		}
	}

	b.login(stranger())
	if rows := b.list(); len(rows) != 0 {
		t.Errorf("another project's credential sees %v", names(rows))
	}
	if got := b.revoke(second.ID); got.status != 404 {
		t.Errorf("another project's credential revokes: %d", got.status)
	}
}

func TestSwitches(t *testing.T) {
	second := func(b *bench) reply { return b.revoke(b.tokens()[0].ID) }
	revokedTwice := func(b *bench) reply {
		if got := second(b); got.status != 200 {
			b.t.Fatalf("first revocation: %d", got.status)
		}
		return second(b)
	}
	create := func(name string) func(*bench) reply {
		return func(b *bench) reply { return b.call("POST", "/api/tokens", nameBody(name)) }
	}
	asReader := func(b *bench) reply {
		b.login(reader())
		return b.call("GET", "/api/tokens/default", "")
	}
	withoutQuery := func(b *bench) reply {
		return b.call("POST", "/api/tokens/"+b.tokens()[0].ID+"/revoke", "")
	}
	otherQuery := func(b *bench) reply {
		return b.call("POST", "/api/tokens/"+b.tokens()[0].ID+"/revoke?tokenId=other", "")
	}
	list := func(b *bench) reply {
		b.create("second")
		return b.call("GET", "/api/tokens", "")
	}
	// Each case begins with one active token "first" of the demo account.
	cases := map[string]struct {
		reason   string
		turn     func(*causely.Switches)
		call     func(*bench) reply
		want     int
		wantBody string // a regular expression
	}{
		"SecondRevokeSame": {
			reason: "a second revocation gets the same object", call: revokedTwice, want: 200, wantBody: `"revokedAt"`,
		},
		"SecondRevokeConflict": {
			reason: "a second revocation is a conflict",
			turn:   func(s *causely.Switches) { s.SecondRevoke = causely.SecondRevokeConflict }, call: revokedTwice, want: 409,
		},
		"SecondRevokeNotFound": {
			reason: "a second revocation finds nothing",
			turn:   func(s *causely.Switches) { s.SecondRevoke = causely.SecondRevokeNotFound }, call: revokedTwice, want: 404,
		},
		"NamesNotUnique": {reason: "names may repeat", call: create("first"), want: 201},
		"NamesUnique": {
			reason: "an active name is taken",
			turn:   func(s *causely.Switches) { s.NamesUnique = true }, call: create("first"), want: 409,
		},
		"NamesUniqueOther": {
			reason: "another name is free",
			turn:   func(s *causely.Switches) { s.NamesUnique = true }, call: create("other"), want: 201,
		},
		"NamesUniqueRevoked": {
			reason: "a revoked name is free",
			turn:   func(s *causely.Switches) { s.NamesUnique = true },
			call:   func(b *bench) reply { second(b); return create("first")(b) }, want: 201,
		},
		"TwoActive": {reason: "two tokens may be active", call: create("other"), want: 201},
		"OneActive": {
			reason: "one active token is all",
			turn:   func(s *causely.Switches) { s.TwoActivePerMediator = false }, call: create("other"), want: 409,
		},
		"OneActiveAfterRevoke": {
			reason: "a revoked token leaves its place",
			turn:   func(s *causely.Switches) { s.TwoActivePerMediator = false },
			call:   func(b *bench) reply { second(b); return create("other")(b) }, want: 201,
		},
		"NewestFirst": {reason: "the newest row is first", call: list, want: 200, wantBody: `(?s)"second".*"first"`},
		"OldestFirst": {
			reason: "the oldest row is first",
			turn:   func(s *causely.Switches) { s.ListOrder = causely.OldestFirst }, call: list, want: 200,
			wantBody: `(?s)"first".*"second"`,
		},
		"EmptyValueForNonAdmin": {
			reason: "without the role the default token is empty", call: asReader, want: 200, wantBody: `^{"tokenValue":""}$`,
		},
		"ForbiddenForNonAdmin": {
			reason: "without the role the default token is refused",
			turn:   func(s *causely.Switches) { s.EmptyValueForNonAdmin = false }, call: asReader, want: 403,
		},
		"QueryNeeded": {reason: "the query is needed", call: withoutQuery, want: 400},
		"QueryNotNeeded": {
			reason: "the path is enough",
			turn:   func(s *causely.Switches) { s.RevokeNeedsQuery = false }, call: withoutQuery, want: 200,
		},
		"QueryOfAnother": {
			reason: "a query that names another token is never right",
			turn:   func(s *causely.Switches) { s.RevokeNeedsQuery = false }, call: otherQuery, want: 400,
		},
		"NoNameLimit": {reason: "long names are fine", call: create(strings.Repeat("n", 300)), want: 201},
		"NameLimit": {
			reason: "a name is too long",
			turn:   func(s *causely.Switches) { s.MaxNameLength = 64 }, call: create(strings.Repeat("n", 65)), want: 400,
		},
		"NameAtLimit": {
			reason: "a name just fits",
			turn:   func(s *causely.Switches) { s.MaxNameLength = 64 }, call: create(strings.Repeat("n", 64)), want: 201,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, withEverybody())
			b.login(causely.DemoAccount())
			b.create("first")
			switches := causely.DefaultSwitches()
			if tc.turn != nil {
				tc.turn(&switches)
			}
			if err := b.server.Causely().SetSwitches(switches); err != nil {
				t.Fatal(err)
			}
			got := tc.call(b)
			if got.err != nil || got.status != tc.want {
				t.Fatalf("%s: status %d (%v), want %d: %s", tc.reason, got.status, got.err, tc.want, got.body)
			}
			if !regexp.MustCompile(tc.wantBody).Match(got.body) {
				t.Errorf("%s: body %s does not match %s", tc.reason, got.body, tc.wantBody)
			}
		})
	}
}

func TestConsole(t *testing.T) {
	b := newBench(t, withEverybody())
	vendor := b.server.Causely()
	b.login(causely.DemoAccount())

	id, err := vendor.Create(causely.DemoClientID, "by hand")
	if err != nil {
		t.Fatal(err)
	}
	rows := b.list()
	if len(rows) != 1 || rows[0].ID != id || rows[0].TokenValue == nil {
		t.Fatalf("rows %+v, want the token made by hand", rows)
	}
	if err := vendor.Revoke(id); err != nil {
		t.Fatal(err)
	}
	if rows = b.list(); rows[0].State != "revoked" || rows[0].RevokedBy != rows[0].CreatedBy {
		t.Errorf("row %+v, want it revoked by the person who made it", rows[0])
	}

	if err := vendor.SwitchProject(causely.DemoClientID, "moved"); err != nil {
		t.Fatal(err)
	}
	if rows = b.list(); len(rows) != 0 {
		t.Errorf("the switched account still shows %v", names(rows))
	}
	if created := b.create("there"); created.ProjectID != "moved" || created.MediatorID == "" {
		t.Errorf("created %+v, want it in the other project", created)
	}
	projects := []string{}
	for _, token := range b.tokens() {
		projects = append(projects, token.ProjectID)
	}
	if diff := cmp.Diff([]string{causely.DemoProjectID, "moved"}, projects); diff != "" {
		t.Errorf("the truth forgets no token (-want +got):\n%s", diff)
	}

	for what, err := range map[string]error{
		"Revoke":         vendor.Revoke("nothing"),
		"DisableAccount": vendor.DisableAccount("nobody"),
		"SwitchProject":  vendor.SwitchProject(causely.DemoClientID, ""),
		"AddAccount":     vendor.AddAccount(causely.Account{ClientID: "half"}),
		"SetSwitches":    vendor.SetSwitches(causely.Switches{}),
	} {
		if err == nil {
			t.Errorf("%s: no error for bad input", what)
		}
	}
}
