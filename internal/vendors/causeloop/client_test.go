package causeloop

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/pacing"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

// noon is a clock that stands still.
func noon() time.Time { return time.Date(2026, 5, 26, 12, 0, 0, 0, time.UTC) }

// said is one answer.
type said struct {
	status int
	body   string
}

// scripted gives its answers in their order, the last one for ever.
type scripted struct {
	mu      sync.Mutex
	answers []said
	asked   []string
	header  http.Header
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	s.asked = append(s.asked, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
	s.header = r.Header
	answer := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	if answer.status != http.StatusNoContent {
		w.Header().Set("Content-Type", "application/json")
	}
	if answer.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "7")
	}
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.body)
}

func start(t *testing.T, answers ...said) (*Client, *scripted) {
	t.Helper()
	return startWith(t, func(*Options) {}, answers...)
}

func startWith(t *testing.T, change func(*Options), answers ...said) (*Client, *scripted) {
	t.Helper()
	script := &scripted{answers: answers}
	server := httptest.NewTLSServer(script)
	t.Cleanup(server.Close)
	options := Options{
		URL: server.URL, Token: token.NewValue("bearer"),
		HTTP: rest.Options{
			RootCAs: x509.NewCertPool(), Clock: noon,
			Guard: rest.Guard{AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		},
	}
	options.HTTP.RootCAs.AddCert(server.Certificate())
	change(&options)
	client, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return client, script
}

func poolOf(t *testing.T, client *Client, name string) vendors.Vendor {
	t.Helper()
	vendor, err := client.Pool(name)
	if err != nil {
		t.Fatal(err)
	}
	return vendor
}

const (
	goodToken   = `{"id":"tok_1","name":"n","scopes":["issues:read"],"expires_at":null,"created_at":"2026-05-26T12:00:00Z","secret":"v"}`
	notFound    = `{"error":{"code":"not_found","message":"There is no such token.","trace_id":"t"}}`
	goodAccount = `{"id":"sa_1","name":"n","description":"d","scopes":["issues:read"],"created_at":"2026-05-26T12:00:00Z"}`
)

func asking() vendors.Request {
	return vendors.Request{Name: "n", Rights: []string{"issues:read", "patterns:read"}}
}

// The requests are the documented ones, to the letter, and nothing lets a transport repeat them.
func TestRequests(t *testing.T) {
	expiring := asking()
	expiring.ExpiresAt = time.Date(2026, 6, 26, 12, 0, 0, 5, time.FixedZone("", 3600))
	tests := map[string]struct {
		reason, pool string
		answers      []said
		call         func(*testing.T, vendors.Vendor) error
		want         []string
	}{
		"PersonalCreate": {
			reason: "a token without an expiry", pool: Personal, answers: []said{{201, goodToken}}, call: createOf(asking()),
			want: []string{`POST /v1/api-tokens {"name":"n","scopes":["issues:read","patterns:read"]}`},
		},
		"PersonalCreateExpiring": {
			reason: "a token with an expiry", pool: Personal, answers: []said{{200, goodToken}}, call: createOf(expiring),
			want: []string{`POST /v1/api-tokens {"name":"n","scopes":["issues:read","patterns:read"],"expires_at":"2026-06-26T11:00:00Z"}`},
		},
		"PersonalList": {
			reason: "in pages", pool: Personal, call: listOf, answers: []said{
				{200, `{"data":[{"id":"a"}],"page":{"next_cursor":"x/y&z","has_more":true}}`},
				{200, `{"data":[{"id":"b"}],"page":{"next_cursor":null,"has_more":false}}`},
			},
			want: []string{`GET /v1/api-tokens?limit=100`, `GET /v1/api-tokens?cursor=x%2Fy%26z&limit=100`},
		},
		"PersonalRevoke": {
			reason: "nothing is sent along", pool: Personal, answers: []said{{204, ""}}, call: revokeOf("tok_1"),
			want: []string{`DELETE /v1/api-tokens/tok_1`},
		},
		"DedicatedCreate": {
			reason: "the account has scopes and no expiry, its token has neither", pool: Dedicated,
			answers: []said{{201, goodAccount}, {201, goodToken}}, call: createOf(expiring),
			want: []string{
				`POST /v1/service-accounts {"name":"n","description":"` + description + `","scopes":["issues:read","patterns:read"]}`,
				`POST /v1/service-accounts/sa_1/tokens {"name":"n"}`,
			},
		},
		"DedicatedList": {
			reason: "of accounts", pool: Dedicated, answers: []said{{200, `[]`}}, call: listOf,
			want: []string{`GET /v1/service-accounts?limit=100`},
		},
		"DedicatedRevoke": {
			reason: "the account goes", pool: Dedicated, answers: []said{{204, ""}}, call: revokeOf("sa_1"),
			want: []string{`DELETE /v1/service-accounts/sa_1`},
		},
		"ExistingCreate": {
			reason: "a name for people; scopes are the account's", pool: "existing/sa_9", answers: []said{{201, goodToken}},
			call: createOf(vendors.Request{}),
			want: []string{`POST /v1/service-accounts/sa_9/tokens {"name":"gateway-token-operator 2026-05-26T12:00:00Z"}`},
		},
		"ExistingCreateNamed": {
			reason: "whoever gives a name gets it", pool: "existing/sa_9", answers: []said{{201, goodToken}},
			call: createOf(vendors.Request{Name: "n"}), want: []string{`POST /v1/service-accounts/sa_9/tokens {"name":"n"}`},
		},
		"ExistingRevoke": {
			reason: "one token of the account", pool: "existing/sa_9", answers: []said{{204, ""}}, call: revokeOf("sat_1"),
			want: []string{`DELETE /v1/service-accounts/sa_9/tokens/sat_1`},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			client, script := start(t, tc.answers...)
			if err := tc.call(t, poolOf(t, client, tc.pool)); err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			if diff := cmp.Diff(tc.want, script.asked); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.reason, diff)
			}
			if script.header.Get("Authorization") != "Bearer bearer" || script.header.Get("Idempotency-Key") != "" {
				t.Errorf("%s: %d headers, one of them wrong", tc.reason, len(script.header))
			}
		})
	}
}

func createOf(request vendors.Request) func(*testing.T, vendors.Vendor) error {
	return func(t *testing.T, v vendors.Vendor) error {
		_, err := v.Create(t.Context(), request)
		return err
	}
}

func revokeOf(id token.ID) func(*testing.T, vendors.Vendor) error {
	return func(t *testing.T, v vendors.Vendor) error { return v.Revoke(t.Context(), id) }
}

func listOf(t *testing.T, v vendors.Vendor) error {
	_, err := v.List(t.Context(), func(token.Token) error { return nil })
	return err
}

// What is issued is what the answers say, of the thing that the pool counts.
func TestIssued(t *testing.T) {
	expiring := strings.Replace(goodToken, `"expires_at":null`, `"expires_at":"2026-06-26T12:00:00Z"`, 1)
	expires := time.Date(2026, 6, 26, 12, 0, 0, 0, time.UTC)
	asked := asking()
	asked.ExpiresAt = expires
	tests := map[string]struct {
		reason, pool string
		request      vendors.Request
		answers      []said
		want         token.Token
	}{
		"Personal": {
			reason: "an expiry that the vendor confirms", pool: Personal, request: asked, answers: []said{{201, expiring}},
			want: token.Token{ID: "tok_1", Name: "n", State: token.Active, IssuedAt: noon(), ExpiresAt: expires, Rights: []string{"issues:read"}},
		},
		"PersonalUnconfirmed": {
			reason: "an expiry that the vendor does not confirm is none", pool: Personal, request: asked, answers: []said{{201, goodToken}},
			want: token.Token{ID: "tok_1", Name: "n", State: token.Active, IssuedAt: noon(), Rights: []string{"issues:read"}},
		},
		"Dedicated": {
			reason: "the account's ID and name; its scopes may change, its token's do not", pool: Dedicated, request: asked,
			answers: []said{{201, goodAccount}, {201, strings.Replace(goodToken, `"n"`, `"other"`, 1)}},
			want:    token.Token{ID: "sa_1", Name: "n", State: token.Active, IssuedAt: noon()},
		},
		"DedicatedExpiring": {
			reason: "an expiry that the vendor gives by itself", pool: Dedicated, request: asking(),
			answers: []said{{201, goodAccount}, {201, expiring}},
			want:    token.Token{ID: "sa_1", Name: "n", State: token.Active, IssuedAt: noon(), ExpiresAt: expires},
		},
		"Existing": {
			reason: "a token without a name of ours", pool: "existing/sa_9", answers: []said{{200, expiring}},
			want: token.Token{ID: "tok_1", State: token.Active, IssuedAt: noon(), ExpiresAt: expires, Rights: []string{"issues:read"}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			client, _ := start(t, tc.answers...)
			issued, err := poolOf(t, client, tc.pool).Create(t.Context(), tc.request)
			if err != nil || issued.Value.Reveal() != "v" {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			if diff := cmp.Diff(tc.want, issued.Token); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// Once there is an account, whatever happens to its token leaves a doubt, and names the account.
func TestDedicatedIsLeftWithoutAToken(t *testing.T) {
	tests := map[string]struct {
		reason string
		issue  said
		cause  token.Cause
		status int
	}{
		"Refused":   {"the scopes were taken away meanwhile", said{400, `{}`}, token.CauseStatus, 400},
		"Unknown":   {"somebody deleted the account", said{404, `{}`}, token.CauseStatus, 404},
		"Forbidden": {"the rights were taken away meanwhile", said{403, `{}`}, token.CauseStatus, 403},
		"Conflict":  {"in another state", said{409, `{}`}, token.CauseStatus, 409},
		"Later":     {"too many calls", said{429, `{}`}, token.CauseStatus, 429},
		"Broken":    {"carried out or not", said{500, `{}`}, token.CauseStatus, 500},
		"Redirect":  {"elsewhere", said{302, `{}`}, token.CauseRedirect, 302},
		"NoContent": {"nothing is said", said{204, ``}, token.CauseUnexpected, 204},
		"NoValue":   {"the value is called otherwise", said{201, `{"id":"sat_1"}`}, token.CauseEmptyValue, 201},
		"Null":      {"nothing is said", said{201, `null`}, token.CauseEmptyValue, 201},
		"Revoked":   {"dead on arrival", said{200, `{"id":"sat_1","secret":"v","revoked_at":"2026-05-26T12:00:00Z"}`}, token.CauseUnexpected, 200},
		"List":      {"another shape", said{201, `[]`}, token.CauseUnexpected, 201},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			client, script := start(t, said{201, goodAccount}, tc.issue)
			issued, err := poolOf(t, client, Dedicated).Create(t.Context(), asking())
			failure := token.AsFailure(err)
			if err == nil || failure.Class != token.Ambiguous || failure.Stray != "sa_1" || failure.Cause != tc.cause || failure.Status != tc.status {
				t.Errorf("%s: %v (%s, stray %q)", tc.reason, err, failure.Class, failure.Stray)
			}
			if tc.status == 429 && failure.RetryAfter != 7*time.Second {
				t.Errorf("%s: come back after %s", tc.reason, failure.RetryAfter)
			}
			if !issued.Value.Empty() || len(script.asked) != 2 {
				t.Errorf("%s: %q, want one call of each", tc.reason, script.asked)
			}
		})
	}
}

// Answers that the simulator has no reason to give.
func TestOddAnswers(t *testing.T) {
	create := createOf(asking())
	tests := map[string]struct {
		reason, pool string
		status       int
		body         string
		call         func(*testing.T, vendors.Vendor) error
		class        token.Class
		cause        token.Cause
		stray        token.ID
	}{
		"CreateNoContent":    {"success without a token", Personal, 204, ``, create, token.Ambiguous, token.CauseUnexpected, ""},
		"CreateAccepted":     {"neither status", Personal, 202, goodToken, create, token.Ambiguous, token.CauseUnexpected, ""},
		"CreateNull":         {"success without a token", Personal, 201, `null`, create, token.Ambiguous, token.CauseUnexpected, ""},
		"CreateList":         {"another shape", Personal, 201, `[]`, create, token.Ambiguous, token.CauseUnexpected, ""},
		"CreateWrapped":      {"another shape", Personal, 201, `{"data":` + goodToken + `}`, create, token.Ambiguous, token.CauseUnexpected, ""},
		"CreateTrailing":     {"two answers in one", Personal, 201, goodToken + `{}`, create, token.Ambiguous, token.CauseUnexpected, ""},
		"CreateNoValue":      {"called otherwise", Personal, 201, goodAccount, create, token.Ambiguous, token.CauseEmptyValue, "sa_1"},
		"CreateTaken":        {"the name is taken", Personal, 409, `{}`, create, token.Conflict, token.CauseStatus, ""},
		"CreateScope":        {"no such scope", Personal, 422, `{}`, create, token.Invalid, token.CauseStatus, ""},
		"AccountTaken":       {"the name is taken, in whatever case", Dedicated, 409, `{}`, create, token.Conflict, token.CauseStatus, ""},
		"AccountNoContent":   {"success without an account", Dedicated, 204, ``, create, token.Ambiguous, token.CauseUnexpected, ""},
		"AccountRenamed":     {"the marker is lost", Dedicated, 201, `{"id":"sa_1","name":"N"}`, create, token.Invalid, token.CauseNameAltered, "sa_1"},
		"AccountNoID":        {"no token can be issued for it", Dedicated, 201, `{"name":"n"}`, create, token.Ambiguous, token.CauseUnexpected, ""},
		"ExistingNoValue":    {"called otherwise", "existing/sa_9", 201, goodAccount, createOf(vendors.Request{}), token.Ambiguous, token.CauseEmptyValue, "sa_1"},
		"ExistingNoID":       {"it could not be revoked", "existing/sa_9", 201, `{"secret":"v"}`, createOf(vendors.Request{}), token.Ambiguous, token.CauseUnexpected, ""},
		"ExistingGone":       {"no such account", "existing/sa_9", 404, `{}`, createOf(vendors.Request{}), token.NotFound, token.CauseStatus, ""},
		"RevokeOther":        {"another token is revoked", Personal, 200, `{"id":"b"}`, revokeOf("a"), token.Unavailable, token.CauseUnexpected, ""},
		"RevokeList":         {"another shape", Personal, 200, `[]`, revokeOf("a"), token.Unavailable, token.CauseUnexpected, ""},
		"RevokeNothing":      {"nothing is said", Personal, 200, ``, revokeOf("a"), token.Unavailable, token.CauseUnexpected, ""},
		"RevokeAccepted":     {"later is not now", Personal, 202, `{}`, revokeOf("a"), token.Unavailable, token.CauseUnexpected, ""},
		"RevokeGone":         {"unknown", Dedicated, 404, notFound, revokeOf("a"), token.NotFound, token.CauseStatus, ""},
		"RevokeExistingGone": {"unknown", "existing/sa_9", 404, notFound, revokeOf("a"), token.NotFound, token.CauseStatus, ""},
		"RevokeNoRoute":      {"the path is unknown, which says nothing of the token", "existing/sa_9", 404, `{"detail":"Not Found"}`, revokeOf("a"), token.Unavailable, token.CauseUnexpected, ""},
		"RevokeNoVendor":     {"somebody else's page", Personal, 404, `<html>`, revokeOf("a"), token.Unavailable, token.CauseUnexpected, ""},
		"RevokeConflict":     {"revoked already", Personal, 409, `{}`, revokeOf("a"), token.Conflict, token.CauseStatus, ""},
		"ListBadRow":         {"a row without an ID", Personal, 200, `[{"name":"n"}]`, listOf, token.Unavailable, token.CauseUnexpected, ""},
		"ListNull":           {"nothing is not an empty list", Personal, 200, `null`, listOf, token.Unavailable, token.CauseUnexpected, ""},
		"ListNullData":       {"nothing is not an empty list", Dedicated, 200, `{"data":null}`, listOf, token.Unavailable, token.CauseUnexpected, ""},
		"ListOther":          {"an envelope that nobody described", Dedicated, 200, `{"items":[]}`, listOf, token.Unavailable, token.CauseUnexpected, ""},
		"ListCreated":        {"not the status of a list", Dedicated, 201, `[]`, listOf, token.Unavailable, token.CauseUnexpected, ""},
		"ListBadPage":        {"nobody knows whether there is more", Dedicated, 200, `{"data":[],"page":7}`, listOf, token.Unavailable, token.CauseUnexpected, ""},
		"ListNowhere":        {"there is more, nobody knows where", Personal, 200, `{"data":[],"page":{"has_more":true}}`, listOf, token.Unavailable, token.CauseUnexpected, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			client, script := start(t, said{tc.status, tc.body})
			err := tc.call(t, poolOf(t, client, tc.pool))
			failure := token.AsFailure(err)
			if err == nil || failure.Class != tc.class || failure.Cause != tc.cause || failure.Stray != tc.stray {
				t.Errorf("%s: %v (%s, stray %q), want class %s, cause %d", tc.reason, err, failure.Class, failure.Stray, tc.class, tc.cause)
			}
			if len(script.asked) != 1 {
				t.Errorf("%s: %q, want one call", tc.reason, script.asked)
			}
		})
	}
}

// What ends something says so with a body or without.
func TestRevokeAnswers(t *testing.T) {
	for _, answer := range []said{{204, ``}, {200, `{"id":"a","revoked_at":"2026-05-26T12:00:00Z"}`}, {200, `{}`}, {200, `null`}} {
		client, _ := start(t, answer)
		if err := poolOf(t, client, Personal).Revoke(t.Context(), "a"); err != nil {
			t.Errorf("%d %s: %v", answer.status, answer.body, err)
		}
	}
}

func TestLists(t *testing.T) {
	more := func(next string, ids ...string) said {
		var rows []string
		for _, id := range ids {
			rows = append(rows, `{"id":"`+id+`"}`)
		}
		return said{200, fmt.Sprintf(`{"data":[%s],"page":{"next_cursor":%q,"has_more":true}}`, strings.Join(rows, ","), next)}
	}
	tests := map[string]struct {
		reason  string
		answers []said
		want    []token.ID
		class   token.Class
		calls   int
	}{
		"Array":   {reason: "nothing around the rows", answers: []said{{200, `[{"id":"a"},{"id":"b"}]`}}, want: []token.ID{"a", "b"}, calls: 1},
		"Data":    {reason: "no page", answers: []said{{200, `{"data":[{"id":"a"}]}`}}, want: []token.ID{"a"}, calls: 1},
		"Pages":   {reason: "three pages, one of them empty", answers: []said{more("1", "a"), more("2"), {200, `{"data":[{"id":"b"}],"page":{"has_more":false}}`}}, want: []token.ID{"a", "b"}, calls: 3},
		"ToData":  {reason: "what says nothing is the end", answers: []said{more("1", "a"), {200, `{"data":[{"id":"b"}]}`}}, want: []token.ID{"a", "b"}, calls: 2},
		"Circle":  {reason: "the same cursor again", answers: []said{more("1", "a"), more("1", "b")}, want: []token.ID{"a", "b"}, class: token.Unavailable, calls: 2},
		"Circles": {reason: "a cursor of before", answers: []said{more("1", "a"), more("2", "b"), more("1", "c")}, want: []token.ID{"a", "b", "c"}, class: token.Unavailable, calls: 3},
		"Broken":  {reason: "the second page fails", answers: []said{more("1", "a"), {500, `{}`}}, want: []token.ID{"a"}, class: token.Unavailable, calls: 2},
		"Refused": {reason: "a cursor that is not taken", answers: []said{more("1", "a"), {400, `{}`}}, want: []token.ID{"a"}, class: token.Invalid, calls: 2},
		"BadRow":  {reason: "on the second page", answers: []said{more("1", "a"), {200, `{"data":[{"id":""}]}`}}, want: []token.ID{"a"}, class: token.Unavailable, calls: 2},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			client, script := start(t, tc.answers...)
			var got []token.ID
			told, err := poolOf(t, client, Personal).List(t.Context(), func(row token.Token) error { got = append(got, row.ID); return nil })
			if token.ClassOf(err) != tc.class || told.VendorTime.IsZero() {
				t.Errorf("%s: %v, %v", tc.reason, told, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: rows -want +got:\n%s", tc.reason, diff)
			}
			if len(script.asked) != tc.calls {
				t.Errorf("%s: %q, want %d calls", tc.reason, script.asked, tc.calls)
			}
		})
	}
}

// A vendor that goes on for ever is not followed for ever, whether its pages have rows or not.
func TestListIsBounded(t *testing.T) {
	count, full := 0, strings.TrimSuffix(strings.Repeat(`{"id":"a"},`, 50_000), ",")
	rows := ""
	// Without TLS, for the sake of the many connections.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		count++
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"data":[%s],"page":{"next_cursor":"%d","has_more":true}}`, rows, count)
	}))
	t.Cleanup(server.Close)
	client, _ := startWith(t, func(o *Options) { o.URL = server.URL; o.HTTP.Guard.AllowPlainHTTP = true })
	vendor := poolOf(t, client, Personal)

	rows = full
	failure := token.AsFailure(listOf(t, vendor))
	if failure == nil || failure.Class != token.Unavailable || failure.Cause != token.CauseTooLarge || count != 3 {
		t.Errorf("more rows than are read: %v after %d calls", failure, count)
	}
	if testing.Short() {
		t.Skip("as many calls as a list has pages at most")
	}
	rows, count = "", 0
	failure = token.AsFailure(listOf(t, vendor))
	if failure == nil || failure.Class != token.Unavailable || failure.Cause != token.CauseUnexpected || count != maxPages+1 {
		t.Errorf("more pages than are read: %v after %d calls", failure, count)
	}
}

func TestListStopsWithTheCaller(t *testing.T) {
	enough := errors.New("enough")
	client, script := start(t, said{200, `{"data":[{"id":"a"}],"page":{"next_cursor":"1","has_more":true}}`})
	_, err := poolOf(t, client, Dedicated).List(t.Context(), func(token.Token) error { return enough })
	if !errors.Is(err, enough) || len(script.asked) != 1 {
		t.Errorf("%v after %d calls", err, len(script.asked))
	}
}

func TestListOfAccountsSaysNothingOfTokens(t *testing.T) {
	client, _ := start(t, said{200, `[{"id":"sa_1","name":"n","scopes":["issues:read"],"created_at":"2026-05-26T12:00:00Z","tokens":[{"id":"sat_1","revoked_at":"2026-05-26T12:00:00Z"}]}]`})
	var got []token.Token
	if _, err := poolOf(t, client, Dedicated).List(t.Context(), func(row token.Token) error { got = append(got, row); return nil }); err != nil {
		t.Fatal(err)
	}
	want := []token.Token{{ID: "sa_1", Name: "n", State: token.Active, IssuedAt: noon()}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What cannot be meant makes no call.
func TestSenselessCalls(t *testing.T) {
	client, script := start(t, said{500, `{}`})
	noRights := createOf(vendors.Request{Name: "n"})
	tests := map[string]struct {
		reason string
		vendor vendors.Vendor
		call   func(*testing.T, vendors.Vendor) error
	}{
		"List":              {"outside of a pool", client, listOf},
		"Create":            {"outside of a pool", client, createOf(asking())},
		"Revoke":            {"outside of a pool", client, revokeOf("a")},
		"PersonalNoRights":  {"nothing, or everything?", poolOf(t, client, Personal), noRights},
		"DedicatedNoRights": {"nothing, or everything?", poolOf(t, client, Dedicated), noRights},
		"ExistingRights":    {"they are the account's", poolOf(t, client, "existing/sa_9"), createOf(asking())},
		"ExistingList":      {"there is no such list", poolOf(t, client, "existing/sa_9"), listOf},
		"OddID":             {"it would lead elsewhere", poolOf(t, client, Personal), revokeOf("../x")},
		"OddAccount":        {"it would lead elsewhere", poolOf(t, client, Dedicated), revokeOf("..")},
		"OddExisting":       {"it would lead elsewhere", poolOf(t, client, "existing/sa_9"), revokeOf("")},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if failure := token.AsFailure(tc.call(t, tc.vendor)); failure == nil || failure.Class != token.Invalid {
				t.Errorf("%s: %v", tc.reason, failure)
			}
		})
	}
	if diff := cmp.Diff(token.Capabilities{}, client.Capabilities()); diff != "" {
		t.Errorf("capabilities without a pool:\n%s", diff)
	}
	if len(script.asked) != 0 {
		t.Errorf("%q was asked", script.asked)
	}
}

func TestPool(t *testing.T) {
	client, _ := start(t, said{500, `{}`})
	tests := map[string]struct {
		reason, name string
		want         error
	}{
		"Personal":  {reason: "the person's own", name: "personal"},
		"Dedicated": {reason: "an account per token", name: "dedicated"},
		"Existing":  {reason: "an account of somebody", name: "existing/sa_0123"},
		"UUID":      {reason: "another form of ID", name: "existing/019070f0-0000-7000-8000-000000000000"},
		"Empty":     {reason: "no pool", name: "", want: ErrPool},
		"Other":     {reason: "no pool", name: "Personal", want: ErrPool},
		"NoSlash":   {reason: "no pool", name: "existing", want: ErrPool},
		"NoAccount": {reason: "no account", name: "existing/", want: ErrServiceAccount},
		"Deeper":    {reason: "it would lead elsewhere", name: "existing/a/tokens", want: ErrServiceAccount},
		"Upwards":   {reason: "it would lead elsewhere", name: "existing/..", want: ErrServiceAccount},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			vendor, err := client.Pool(tc.name)
			if !errors.Is(err, tc.want) || (vendor == nil) != (err != nil) {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			if _, pooled := vendor.(vendors.Pooled); pooled {
				t.Errorf("%s: a pool has pools", tc.reason)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	tests := map[string]struct {
		reason string
		answer said
		class  token.Class
	}{
		"Known":     {"the credentials are taken", said{200, `{"data":["issues:read"]}`}, 0},
		"Any":       {"whatever the scopes look like", said{200, `{"issues:read":{}}`}, 0},
		"Unknown":   {"the credentials are not taken", said{401, `{}`}, token.Unauthorized},
		"Forbidden": {"they may not do this", said{403, `{}`}, token.Forbidden},
		"Later":     {"too many calls", said{429, `{}`}, token.RateLimited},
		"Down":      {"nobody knows", said{503, `{}`}, token.Unavailable},
		"Page":      {"somebody else's", said{200, `<html>`}, token.Unavailable},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			client, script := start(t, tc.answer)
			if err := client.Check(t.Context()); token.ClassOf(err) != tc.class {
				t.Errorf("%s: %v", tc.reason, err)
			}
			if diff := cmp.Diff([]string{"GET /v1/api-tokens/scopes"}, script.asked); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestCatalogue(t *testing.T) {
	want := []string{"issues:read", "patterns:write"}
	tests := map[string]struct {
		reason  string
		answers []said
		class   token.Class
	}{
		"Texts":    {"names alone", []said{{200, `{"data":["patterns:write","issues:read"]}`}}, 0},
		"Objects":  {"with a description, one of them twice", []said{{200, `[{"name":"patterns:write"},{"name":"issues:read","description":"Read"},{"name":"issues:read"}]`}}, 0},
		"Pages":    {"a list as others", []said{{200, `{"data":["patterns:write"],"page":{"next_cursor":"1","has_more":true}}`}, {200, `{"data":["issues:read"]}`}}, 0},
		"Nameless": {"half a catalogue is none", []said{{200, `[{"name":"issues:read"},{"key":"patterns:write"}]`}}, token.Unavailable},
		"Odd":      {"it is shown to people", []said{{200, `["<b>"]`}}, token.Unavailable},
		"Map":      {"another shape", []said{{200, `{"issues:read":"Read"}`}}, token.Unavailable},
		"Unknown":  {"the credentials are not taken", []said{{401, `{}`}}, token.Unauthorized},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			for _, pool := range []string{Personal, Dedicated, "existing/sa_9"} {
				client, _ := start(t, tc.answers...)
				cataloguer, ok := poolOf(t, client, pool).(vendors.Cataloguer)
				if !ok {
					t.Fatalf("%s has no catalogue", pool)
				}
				got, err := cataloguer.Catalogue(t.Context())
				if token.ClassOf(err) != tc.class {
					t.Fatalf("%s: %v", tc.reason, err)
				}
				if diff := cmp.Diff(vendors.Catalogue{Rights: want}, got); err == nil && diff != "" {
					t.Errorf("%s: -want +got:\n%s", tc.reason, diff)
				}
			}
		})
	}
}

// An account whose token would have to wait is not made: both turns are taken before the first call.
func TestDedicatedTakesBothTurns(t *testing.T) {
	paces := pacing.New(pacing.Options{Clock: noon, Sleep: func(context.Context, time.Duration) error { return nil }})
	client, script := startWith(t, func(o *Options) { o.Pacing, o.RequestsPerSecond = paces, 5 },
		said{201, goodAccount}, said{201, goodToken}, said{201, goodAccount}, said{201, goodToken}, said{201, goodAccount}, said{201, goodToken},
		said{201, goodAccount}, said{201, goodToken}, said{201, goodAccount}, said{201, goodToken}, said{201, goodAccount}, said{201, goodToken})
	vendor := poolOf(t, client, Dedicated)
	issued := 0
	for range 10 {
		err := createOf(asking())(t, vendor)
		if failure := token.AsFailure(err); failure != nil && (failure.Class != token.RateLimited || failure.Cause != token.CausePaced || failure.RetryAfter <= 0) {
			t.Fatal(err)
		}
		if err == nil {
			issued++
		}
	}
	if issued == 0 || issued == 10 || len(script.asked) != 2*issued {
		t.Errorf("%d tokens after %d calls, want two calls for each, and some put off", issued, len(script.asked))
	}
}

// Whoever gives up while it waits for its turns, the second or the first, has asked for nothing.
func TestDedicatedGivesUpWaiting(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	paces := pacing.New(pacing.Options{Clock: noon})
	client, script := startWith(t, func(o *Options) { o.Pacing, o.RequestsPerSecond = paces, 1 }, said{201, goodAccount})
	for range 2 {
		_, err := poolOf(t, client, Dedicated).Create(over, asking())
		if failure := token.AsFailure(err); failure == nil || failure.Class != token.Unavailable || failure.Cause != token.CauseTimeout {
			t.Errorf("given up: %v", err)
		}
	}
	if len(script.asked) != 0 {
		t.Errorf("%q was asked", script.asked)
	}
}

func TestNewRefuses(t *testing.T) {
	tests := map[string]struct {
		reason string
		change func(*Options)
		want   error
	}{
		"Defaults":  {reason: "the vendor's own URL", change: func(*Options) {}},
		"NoToken":   {reason: "a key is missing in the Secret", change: func(o *Options) { o.Token = token.Value{} }, want: ErrCredentials},
		"NewLine":   {reason: "echo put it there", change: func(o *Options) { o.Token = token.NewValue("token\n") }, want: ErrCredentials},
		"PlainHTTP": {reason: "in clear", change: func(o *Options) { o.URL = "http://api.example.com" }, want: rest.ErrPlainHTTP},
		"NoURL":     {reason: "no URL", change: func(o *Options) { o.URL = "api.example.com" }, want: rest.ErrURL},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			options := Options{Token: token.NewValue("token"), HTTP: rest.Options{Clock: noon}}
			tc.change(&options)
			if _, err := New(options); !errors.Is(err, tc.want) {
				t.Errorf("%s: %v, want %v", tc.reason, err, tc.want)
			}
		})
	}
}
