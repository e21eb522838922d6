package rackgateway

import (
	"crypto/x509"
	"encoding/json"
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

// canary is in everything that a server of these tests says, and must be in nothing that an error shows.
const canary = "canary-5b4c3d2e1f0a"

// uuid is the ID of the token that these tests are about, otherUUID that of another.
const (
	uuid      = "0b5c8a52-6f0e-4a53-9d0c-0f6a3f1f7b11"
	otherUUID = "0b5c8a52-6f0e-4a53-9d0c-0f6a3f1f7b12"
)

func noon() time.Time { return time.Date(2026, 5, 26, 12, 0, 0, 0, time.UTC) }

// scripted gives one answer to everything.
type scripted struct {
	mu          sync.Mutex
	status      int
	contentType string
	body        string
	asked       []string
	host        string
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	s.asked = append(s.asked, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Authorization")+" "+string(body))
	s.host = r.Host
	if s.status != http.StatusNoContent {
		w.Header().Set("Content-Type", s.contentType)
	}
	w.WriteHeader(s.status)
	_, _ = io.WriteString(w, s.body)
}

func (s *scripted) answer(status int, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.body = status, body
}

func start(t *testing.T, status int, body string, changes ...func(*Options)) (*Client, *scripted) {
	t.Helper()
	script := &scripted{status: status, contentType: "application/json; charset=utf-8", body: body}
	server := httptest.NewTLSServer(script)
	t.Cleanup(server.Close)
	options := Options{
		URL: server.URL, APIToken: token.NewValue("rgw_admin"),
		HTTP: rest.Options{
			RootCAs: x509.NewCertPool(), Clock: noon,
			Guard: rest.Guard{AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		},
	}
	options.HTTP.RootCAs.AddCert(server.Certificate())
	for _, change := range changes {
		change(&options)
	}
	client, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return client, script
}

const goodRow = `{"id":7,"public_id":"` + uuid + `","name":"n","permissions":["b","a"]}`

// The requests are the gateway's, to the letter.
func TestRequests(t *testing.T) {
	client, script := start(t, 200, `{"token":"rgw_v","api_token":`+goodRow+`}`)
	for _, request := range []vendors.Request{
		{Name: "n", Role: "cicd"}, {Name: "n", Role: "cicd", Rights: []string{"a", "b:<*>"}}, {Name: "n"},
	} {
		if _, err := client.Create(t.Context(), request); err != nil {
			t.Fatal(err)
		}
	}
	script.answer(200, goodRow)
	if _, err := client.Find(t.Context(), uuid); err != nil {
		t.Fatal(err)
	}
	if err := client.Update(t.Context(), uuid, []string{"a", "b"}); err != nil {
		t.Fatal(err)
	}
	script.answer(200, `[]`)
	if _, err := client.List(t.Context(), func(token.Token) error { return nil }); err != nil {
		t.Fatal(err)
	}
	script.answer(200, `{"permissions":["a"]}`)
	if _, err := client.Catalogue(t.Context()); err != nil {
		t.Fatal(err)
	}
	script.answer(204, ``)
	if err := client.Revoke(t.Context(), uuid); err != nil {
		t.Fatal(err)
	}
	const tokens = " /api/v1/api-tokens"
	want := []string{
		"POST" + tokens + ` Bearer rgw_admin {"name":"n","role":"cicd"}`,
		"POST" + tokens + ` Bearer rgw_admin {"name":"n","permissions":["a","b:\u003c*\u003e"]}`,
		"POST" + tokens + ` Bearer rgw_admin {"name":"n"}`,
		"GET" + tokens + "/" + uuid + " Bearer rgw_admin ",
		"PUT" + tokens + "/" + uuid + ` Bearer rgw_admin {"permissions":["a","b"]}`,
		"GET" + tokens + " Bearer rgw_admin ",
		"GET" + tokens + "/permissions Bearer rgw_admin ",
		"DELETE" + tokens + "/" + uuid + " Bearer rgw_admin ",
	}
	if diff := cmp.Diff(want, script.asked); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestURLAndHost(t *testing.T) {
	tests := map[string]struct{ reason, below, host, wantPath, wantHost string }{
		"Root":      {reason: "as the gateway's own command line takes it", wantPath: "/api/v1/api-tokens"},
		"Slash":     {reason: "the same root", below: "/", wantPath: "/api/v1/api-tokens"},
		"API":       {reason: "where the API is", below: "/api/v1", wantPath: "/api/v1/api-tokens"},
		"APISlash":  {reason: "where the API is", below: "/api/v1/", wantPath: "/api/v1/api-tokens"},
		"Below":     {reason: "a gateway below a path", below: "/rack/one", wantPath: "/rack/one/api/v1/api-tokens"},
		"BelowAPI":  {reason: "a gateway below a path", below: "/rack/api/v1", wantPath: "/rack/api/v1/api-tokens"},
		"LooksAPI":  {reason: "only a whole path is meant", below: "/v1", wantPath: "/v1/api/v1/api-tokens"},
		"OtherHost": {reason: "a gateway that answers to one name", host: "gateway.example.com", wantPath: "/api/v1/api-tokens", wantHost: "gateway.example.com"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			client, script := start(t, 200, `null`, func(o *Options) { o.URL += tc.below; o.Host = tc.host })
			if _, err := client.List(t.Context(), func(token.Token) error { return nil }); err != nil {
				t.Fatal(err)
			}
			if got := strings.Fields(script.asked[0])[1]; got != tc.wantPath {
				t.Errorf("%s: %s, want %s", tc.reason, got, tc.wantPath)
			}
			if tc.wantHost != "" && script.host != tc.wantHost {
				t.Errorf("%s: Host %s, want %s", tc.reason, script.host, tc.wantHost)
			}
		})
	}
}

// Answers that the simulator has no reason to give.
func TestOddAnswers(t *testing.T) {
	create := func(t *testing.T, c *Client) error {
		_, err := c.Create(t.Context(), vendors.Request{Name: "n", Role: "viewer"})
		return err
	}
	revoke := func(t *testing.T, c *Client) error { return c.Revoke(t.Context(), uuid) }
	list := func(t *testing.T, c *Client) error {
		_, err := c.List(t.Context(), func(token.Token) error { return nil })
		return err
	}
	find := func(t *testing.T, c *Client) error {
		_, err := c.Find(t.Context(), uuid)
		return err
	}
	update := func(t *testing.T, c *Client) error { return c.Update(t.Context(), uuid, []string{"a", "b"}) }
	catalogue := func(t *testing.T, c *Client) error {
		_, err := c.Catalogue(t.Context())
		return err
	}
	const other = `{"public_id":"` + otherUUID + `","permissions":["a","b"]}`
	tests := map[string]struct {
		reason string
		status int
		// html answers as something that stands before the gateway.
		html  bool
		body  string
		call  func(*testing.T, *Client) error
		class token.Class
		cause token.Cause
	}{
		"CreateCreated":     {reason: "the gateway says 200", status: 201, body: `{"token":"rgw_v","api_token":` + goodRow + `}`, call: create, class: token.Ambiguous, cause: token.CauseUnexpected},
		"CreateNoBody":      {reason: "success without a token", status: 204, call: create, class: token.Ambiguous, cause: token.CauseUnexpected},
		"CreateNull":        {reason: "success without a token", status: 200, body: `null`, call: create, class: token.Ambiguous, cause: token.CauseUnexpected},
		"CreateNoRow":       {reason: "the number is no ID", status: 200, body: `{"token":"rgw_v","id":7,"name":"n"}`, call: create, class: token.Ambiguous, cause: token.CauseUnexpected},
		"CreateTwo":         {reason: "two answers in one", status: 200, body: `{"token":"rgw_v","api_token":` + goodRow + `}{}`, call: create, class: token.Ambiguous, cause: token.CauseUnexpected},
		"CreateTaken":       {reason: "the name is taken", status: 400, body: `{"error":"token name already exists"}`, call: create, class: token.Conflict},
		"CreateReworded":    {reason: "a refusal all the same", status: 400, body: `{"error":"a token of this name already exists"}`, call: create, class: token.Invalid},
		"CreateTakenInPart": {reason: "only these words are known", status: 400, body: `{"error":"token name already exists, or not"}`, call: create, class: token.Invalid},
		"CreateTakenHTML":   {reason: "not the gateway's words", status: 400, html: true, body: `{"error":"token name already exists"}`, call: create, class: token.Invalid},
		"CreateTakenCrash":  {reason: "a doubt stays one", status: 500, body: `{"error":"token name already exists"}`, call: create, class: token.Ambiguous},
		"CreateCrash":       {reason: "two at a time asked for the name", status: 500, body: `{"error":"failed to create token"}`, call: create, class: token.Ambiguous},
		"CreateForbidden":   {reason: "words say nothing beyond 403", status: 403, body: `{"error":"token name already exists"}`, call: create, class: token.Forbidden},
		"CreateMFA":         {reason: "not an API token's", status: 401, body: `{"error":"mfa_required"}`, call: create, class: token.Unauthorized},
		"CreateWrongHost":   {reason: "the gateway has another name", status: 400, body: `{"error":"invalid host"}`, call: create, class: token.Invalid},
		"RevokeOK":          {reason: "the gateway says 204", status: 200, body: `{}`, call: revoke, class: token.Unavailable, cause: token.CauseUnexpected},
		"RevokeAccepted":    {reason: "later is not now", status: 202, body: `{}`, call: revoke, class: token.Unavailable, cause: token.CauseUnexpected},
		"RevokeGone":        {reason: "unknown", status: 404, body: `{"error":"token not found"}`, call: revoke, class: token.NotFound},
		"RevokeNoRoute":     {reason: "who stands before the gateway knows nothing of tokens", status: 404, html: true, body: `default backend - 404`, call: revoke, class: token.Unavailable, cause: token.CauseUnexpected},
		"RevokeOtherShape":  {reason: "not how the gateway refuses", status: 404, body: `{"message":"no Route matched"}`, call: revoke, class: token.Unavailable, cause: token.CauseUnexpected},
		"RevokeEmpty404":    {reason: "not how the gateway refuses", status: 404, call: revoke, class: token.Unavailable, cause: token.CauseUnexpected},
		"FindGone":          {reason: "unknown", status: 404, body: `{"error":"token not found"}`, call: find, class: token.NotFound},
		"FindNull":          {reason: "unknown", status: 200, body: `null`, call: find, class: token.NotFound},
		"FindNoRoute":       {reason: "no proof", status: 404, html: true, body: `404 page not found`, call: find, class: token.Unavailable, cause: token.CauseUnexpected},
		"FindErrorList":     {reason: "no proof", status: 404, body: `[]`, call: find, class: token.Unavailable, cause: token.CauseUnexpected},
		"FindErrorNumber":   {reason: "no proof", status: 404, body: `{"error":404}`, call: find, class: token.Unavailable, cause: token.CauseUnexpected},
		"FindEmpty":         {reason: "neither a token nor none", status: 200, body: `{}`, call: find, class: token.Unavailable, cause: token.CauseUnexpected},
		"FindNothing":       {reason: "neither a token nor none", status: 200, call: find, class: token.Unavailable, cause: token.CauseUnexpected},
		"FindNullTwice":     {reason: "two answers in one", status: 200, body: `null{}`, call: find, class: token.Unavailable, cause: token.CauseUnexpected},
		"FindOther":         {reason: "another token", status: 200, body: other, call: find, class: token.Unavailable, cause: token.CauseUnexpected},
		"FindList":          {reason: "another shape", status: 200, body: `[]`, call: find, class: token.Unavailable, cause: token.CauseUnexpected},
		"UpdateOther":       {reason: "another token", status: 200, body: other, call: update, class: token.Unavailable, cause: token.CauseUnexpected},
		"UpdateNull":        {reason: "nothing was changed", status: 200, body: `null`, call: update, class: token.Unavailable, cause: token.CauseUnexpected},
		"UpdateFewer":       {reason: "not what was asked for", status: 200, body: `{"public_id":"` + uuid + `","permissions":["a"]}`, call: update, class: token.Unavailable, cause: token.CauseUnexpected},
		"UpdateMore":        {reason: "not what was asked for", status: 200, body: `{"public_id":"` + uuid + `","permissions":["a","b","c"]}`, call: update, class: token.Unavailable, cause: token.CauseUnexpected},
		"UpdateUnshown":     {reason: "nobody knows", status: 200, body: `{"public_id":"` + uuid + `"}`, call: update, class: token.Unavailable, cause: token.CauseUnexpected},
		"UpdateGone":        {reason: "unknown", status: 404, body: `{"error":"token not found"}`, call: update, class: token.NotFound},
		"UpdateNoRoute":     {reason: "who stands before the gateway knows nothing of tokens", status: 404, html: true, body: `404`, call: update, class: token.Unavailable, cause: token.CauseUnexpected},
		"ListBadRow":        {reason: "a row without an ID", status: 200, body: `[{"name":"n","id":7}]`, call: list, class: token.Unavailable, cause: token.CauseUnexpected},
		"ListNullRow":       {reason: "a row without an ID", status: 200, body: `[null]`, call: list, class: token.Unavailable, cause: token.CauseUnexpected},
		"ListObject":        {reason: "an envelope that nobody described", status: 200, body: `{"data":[]}`, call: list, class: token.Unavailable, cause: token.CauseUnexpected},
		"ListNullMore":      {reason: "two answers in one", status: 200, body: `null[]`, call: list, class: token.Unavailable, cause: token.CauseUnexpected},
		"ListNothing":       {reason: "nothing is not an empty list", status: 200, call: list, class: token.Unavailable, cause: token.CauseUnexpected},
		"ListNoContent":     {reason: "nothing is not an empty list", status: 204, call: list, class: token.Unavailable, cause: token.CauseUnexpected},
		"ListNoAPI":         {reason: "the URL leads elsewhere", status: 404, html: true, body: `404`, call: list, class: token.NotFound},
		"CatalogueEmpty":    {reason: "everything would be unknown", status: 200, body: `{}`, call: catalogue, class: token.Unavailable, cause: token.CauseUnexpected},
		"CatalogueList":     {reason: "another shape", status: 200, body: `["a"]`, call: catalogue, class: token.Unavailable, cause: token.CauseUnexpected},
		"CatalogueTwice":    {reason: "which one is it?", status: 200, body: `{"permissions":["a"],"roles":[{"name":"r","permissions":["a"]},{"name":"r","permissions":["b"]}]}`, call: catalogue, class: token.Unavailable, cause: token.CauseUnexpected},
		"CatalogueNoName":   {reason: "a role of no name", status: 200, body: `{"permissions":["a"],"roles":[{"permissions":["a"]}]}`, call: catalogue, class: token.Unavailable, cause: token.CauseUnexpected},
		"CatalogueNoRights": {reason: "a role that may nothing", status: 200, body: `{"permissions":["a"],"roles":[{"name":"r"}]}`, call: catalogue, class: token.Unavailable, cause: token.CauseUnexpected},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			client, script := start(t, tc.status, tc.body)
			if tc.html {
				script.contentType = "text/html"
			}
			err := tc.call(t, client)
			failure := token.AsFailure(err)
			if err == nil || failure.Class != tc.class || failure.Cause != tc.cause || failure.Stray != "" {
				t.Errorf("%s: %v, %+v, want class %s, cause %d", tc.reason, err, failure, tc.class, tc.cause)
			}
			if len(script.asked) != 1 {
				t.Errorf("%s: %q, want one call", tc.reason, script.asked)
			}
		})
	}
}

// What the gateway would refuse, at worst without a clear word, is not sent.
func TestNeverSent(t *testing.T) {
	client, script := start(t, 500, ``)
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf("convox:thing%02d:%s", i, strings.Repeat("x", 25))
	}
	create := func(request vendors.Request) func() error {
		return func() error {
			_, err := client.Create(t.Context(), request)
			return err
		}
	}
	tests := map[string]struct {
		reason string
		call   func() error
	}{
		"NoName":       {"a token has a name", create(vendors.Request{Role: "viewer"})},
		"LongName":     {"a 500 would leave a doubt", create(vendors.Request{Name: strings.Repeat("ü", 151), Role: "viewer"})},
		"SpaceBefore":  {"the gateway would drop it, and store another name", create(vendors.Request{Name: " n", Role: "viewer"})},
		"SpaceBehind":  {"the gateway would drop it, and store another name", create(vendors.Request{Name: "n\u00a0", Role: "viewer"})},
		"NotText":      {"JSON cannot carry it", create(vendors.Request{Name: "n\xff", Role: "viewer"})},
		"ManyRights":   {"a 500 would leave a doubt", create(vendors.Request{Name: "n", Rights: many})},
		"Expiry":       {"the gateway would ignore it", create(vendors.Request{Name: "n", Role: "viewer", ExpiresAt: noon()})},
		"UpdateNone":   {"the gateway would leave all there is", func() error { return client.Update(t.Context(), uuid, nil) }},
		"UpdateMany":   {"a 500 says nothing", func() error { return client.Update(t.Context(), uuid, many) }},
		"UpdateNumber": {"the number of the log is no ID", func() error { return client.Update(t.Context(), "7", []string{"a"}) }},
		"RevokeNumber": {"the number of the log is no ID", func() error { return client.Revoke(t.Context(), "7") }},
		"RevokeUpper":  {"the gateway writes lower case", func() error { return client.Revoke(t.Context(), token.ID(strings.ToUpper(uuid))) }},
		"FindNumber": {"the number of the log is no ID", func() error {
			_, err := client.Find(t.Context(), "7")
			return err
		}},
		"FindPermissions": {"another route of the gateway", func() error {
			_, err := client.Find(t.Context(), "permissions")
			return err
		}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if class := token.ClassOf(tc.call()); class != token.Invalid {
				t.Errorf("%s: %s, want Invalid", tc.reason, class)
			}
		})
	}
	if len(script.asked) != 0 {
		t.Errorf("the gateway was asked %q", script.asked)
	}
}

func TestNewRefuses(t *testing.T) {
	tests := map[string]struct {
		reason string
		change func(*Options)
		want   error
	}{
		"Good":      {reason: "all there is to say", change: func(*Options) {}},
		"Paced":     {reason: "with a pace", change: func(o *Options) { o.Pacing = pacing.New(pacing.Options{Clock: noon}) }},
		"NoToken":   {reason: "a key is missing in the Secret", change: func(o *Options) { o.APIToken = token.Value{} }, want: ErrCredentials},
		"NewLine":   {reason: "echo put it there", change: func(o *Options) { o.APIToken = token.NewValue("rgw_x\n") }, want: ErrCredentials},
		"Other":     {reason: "another vendor's", change: func(o *Options) { o.APIToken = token.NewValue("eyJ.x.y") }, want: ErrCredentials},
		"OnlyBegun": {reason: "nothing behind it", change: func(o *Options) { o.APIToken = token.NewValue("rgw_") }, want: ErrCredentials},
		"PlainHTTP": {reason: "in clear", change: func(o *Options) { o.URL = "http://gateway.example.com" }, want: rest.ErrPlainHTTP},
		"NoURL":     {reason: "every gateway is its own", change: func(o *Options) { o.URL = "" }, want: rest.ErrURL},
		"BadURL":    {reason: "no URL", change: func(o *Options) { o.URL = "https://gateway example/" + canary }, want: rest.ErrURL},
		"Query":     {reason: "would be lost", change: func(o *Options) { o.URL = "https://gateway.example.com?x=/api/v1" }, want: rest.ErrURL},
		"Host":      {reason: "no host", change: func(o *Options) { o.Host = "gateway\r\nX-Other: x" }, want: rest.ErrHost},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			options := Options{URL: "https://gateway.example.com", APIToken: token.NewValue("rgw_x")}
			options.HTTP.Clock = noon
			tc.change(&options)
			_, err := New(options)
			if !errors.Is(err, tc.want) || (err != nil && strings.Contains(err.Error(), canary)) {
				t.Errorf("%s: New = %v, want %v", tc.reason, err, tc.want)
			}
		})
	}
}

// What the gateway says decides between classes and is shown nowhere.
func TestErrorsShowNothing(t *testing.T) {
	for _, status := range []int{200, 400, 401, 403, 404, 409, 429, 500} {
		client, _ := start(t, status, `{"error":"`+canary+`","token":"rgw_`+canary+`"}`)
		_, created := client.Create(t.Context(), vendors.Request{Name: "n", Role: "viewer"})
		_, found := client.Find(t.Context(), uuid)
		for _, err := range []error{created, found, client.Revoke(t.Context(), uuid), client.Update(t.Context(), uuid, []string{"a"})} {
			marshalled, _ := json.Marshal(err)
			text := fmt.Sprintf("%v %+v %#v %s %+v", err, err, err, marshalled, errors.Unwrap(err))
			if err == nil || strings.Contains(text, canary) {
				t.Errorf("%d: %s", status, text)
			}
		}
	}
}

func TestPrintingShowsNothing(t *testing.T) {
	options := Options{URL: "https://gateway.example.com", APIToken: token.NewValue("rgw_" + canary)}
	options.HTTP.Clock = noon
	client, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	holder := struct{ client *Client }{client}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		for _, of := range []any{client, *client, options, holder} {
			if strings.Contains(fmt.Sprintf(verb, of), canary) {
				t.Errorf("%s of a %T shows the API token", verb, of)
			}
		}
	}
}
