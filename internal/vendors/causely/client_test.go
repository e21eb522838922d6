package causely

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/login"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

// scripted answers the login, and everything else with one answer.
type scripted struct {
	mu     sync.Mutex
	status int
	body   string
	// bearer is what the login gives.
	bearer string
	asked  []string
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	s.asked = append(s.asked, r.Method+" "+r.URL.RequestURI()+" "+string(body))
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == "/login" {
		_, _ = fmt.Fprintf(w, `{"access_token":%q,"expires_in":3600}`, s.bearer)
		return
	}
	w.WriteHeader(s.status)
	_, _ = io.WriteString(w, s.body)
}

func start(t *testing.T, status int, body string) (*Client, *scripted) {
	t.Helper()
	script := &scripted{status: status, body: body, bearer: "bearer"}
	server := httptest.NewTLSServer(script)
	t.Cleanup(server.Close)
	client, err := New(against(server))
	if err != nil {
		t.Fatal(err)
	}
	return client, script
}

// against are the options of a client of a test's server.
func against(server *httptest.Server) Options {
	options := Options{
		URL: server.URL, AuthURL: server.URL + "/login", ClientID: token.NewValue("id"), ClientSecret: token.NewValue("secret"),
		Logins: login.NewCache(noon),
		HTTP: rest.Options{
			RootCAs: x509.NewCertPool(), Clock: noon,
			Guard: rest.Guard{AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		},
	}
	options.HTTP.RootCAs.AddCert(server.Certificate())
	return options
}

// The requests are the documented ones, to the letter.
func TestRequests(t *testing.T) {
	client, script := start(t, 201, `{"id":"a","name":"n","state":"active","tokenValue":"v"}`)
	if _, err := client.Create(t.Context(), vendors.Request{Name: "n"}); err != nil {
		t.Fatal(err)
	}
	script.status, script.body = 200, `{"id":"a","state":"revoked"}`
	if err := client.Revoke(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	script.body = `[]`
	if _, err := client.List(t.Context(), func(token.Token) error { return nil }); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`POST /login {"clientId":"id","secret":"secret"}`, `POST /api/tokens {"name":"n"}`,
		`POST /api/tokens/a/revoke?tokenId=a `, `GET /api/tokens `,
	}
	if diff := cmp.Diff(want, script.asked); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Answers that the simulator has no reason to give.
func TestOddAnswers(t *testing.T) {
	create := func(t *testing.T, c *Client) error {
		_, err := c.Create(t.Context(), vendors.Request{Name: "n"})
		return err
	}
	revoke := func(t *testing.T, c *Client) error { return c.Revoke(t.Context(), "a") }
	list := func(t *testing.T, c *Client) error {
		_, err := c.List(t.Context(), func(token.Token) error { return nil })
		return err
	}
	read := func(t *testing.T, c *Client) error {
		_, err := c.ReadValue(t.Context(), "a")
		return err
	}
	tests := map[string]struct {
		reason string
		status int
		body   string
		call   func(*testing.T, *Client) error
		class  token.Class
		cause  token.Cause
	}{
		"CreateOK":       {"the document says 201", 200, `{"id":"a","name":"n","state":"active","tokenValue":"v"}`, create, token.Ambiguous, token.CauseUnexpected},
		"CreateNoBody":   {"success without a token", 204, ``, create, token.Ambiguous, token.CauseUnexpected},
		"CreateNull":     {"success without a token", 201, `null`, create, token.Ambiguous, token.CauseUnexpected},
		"CreateList":     {"another shape", 201, `[]`, create, token.Ambiguous, token.CauseUnexpected},
		"CreateTrailing": {"two answers in one", 201, `{"id":"a","name":"n","state":"active","tokenValue":"v"}{}`, create, token.Ambiguous, token.CauseUnexpected},
		"RevokeActive":   {"the vendor says that it is not revoked", 200, `{"id":"a","state":"active"}`, revoke, token.Unavailable, token.CauseUnexpected},
		"RevokeOther":    {"another token is revoked", 200, `{"id":"b","state":"revoked"}`, revoke, token.Unavailable, token.CauseUnexpected},
		"RevokeEmpty":    {"the vendor says nothing", 200, `{}`, revoke, token.Unavailable, token.CauseUnexpected},
		"RevokeNoBody":   {"not the documented answer", 204, ``, revoke, token.Unavailable, token.CauseUnexpected},
		"RevokeGone":     {"unknown", 404, `{}`, revoke, token.NotFound, token.CauseStatus},
		"ListBadRow":     {"a row without an ID", 200, `[{"name":"n"}]`, list, token.Unavailable, token.CauseUnexpected},
		"ListObject":     {"an envelope that nobody described", 200, `{"data":[]}`, list, token.Unavailable, token.CauseUnexpected},
		"ListCreated":    {"not the documented status", 201, `[]`, list, token.Unavailable, token.CauseUnexpected},
		"ReadOddValue":   {"no header can carry it", 200, `[{"id":"a","state":"active","tokenValue":"a b"}]`, read, token.Forbidden, token.CauseEmptyValue},
		"ReadNoValue":    {"not shown to these credentials", 200, `[{"id":"a","state":"active"}]`, read, token.Forbidden, token.CauseEmptyValue},
		"ReadRevoked":    {"its value opens nothing", 200, `[{"id":"a","state":"revoked","tokenValue":"v"}]`, read, token.NotFound, token.CauseStatus},
		"ReadAbsent":     {"another token's value is nobody's business", 200, `[{"id":"b","state":"active","tokenValue":"v"}]`, read, token.NotFound, token.CauseStatus},
		"ReadBroken":     {"absence from half a list is no absence", 200, `[{"id":"b"},`, read, token.Unavailable, token.CauseUnexpected},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			client, script := start(t, tc.status, tc.body)
			err := tc.call(t, client)
			failure := token.AsFailure(err)
			if err == nil || failure.Class != tc.class || failure.Cause != tc.cause {
				t.Errorf("%s: %v, want class %s, cause %d", tc.reason, err, tc.class, tc.cause)
			}
			if len(script.asked) != 2 {
				t.Errorf("%s: %q, want a login and one call", tc.reason, script.asked)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	good := func() Options {
		options := Options{ClientID: token.NewValue("id"), ClientSecret: token.NewValue("secret"), Logins: login.NewCache(noon)}
		options.HTTP.Clock = noon
		return options
	}
	tests := map[string]struct {
		reason string
		change func(*Options)
		want   error
	}{
		"Defaults":   {reason: "the vendor's own URLs", change: func(*Options) {}},
		"NoID":       {reason: "a key is missing in the Secret", change: func(o *Options) { o.ClientID = token.Value{} }, want: ErrCredentials},
		"NewLine":    {reason: "echo put it there", change: func(o *Options) { o.ClientSecret = token.NewValue("secret\n") }, want: ErrCredentials},
		"PlainHTTP":  {reason: "in clear", change: func(o *Options) { o.URL = "http://api.example.com" }, want: rest.ErrPlainHTTP},
		"PlainLogin": {reason: "in clear", change: func(o *Options) { o.AuthURL = "http://auth.example.com" }, want: rest.ErrPlainHTTP},
		"NoURL":      {reason: "no URL", change: func(o *Options) { o.URL = "api.example.com" }, want: rest.ErrURL},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			options := good()
			tc.change(&options)
			if _, err := New(options); !errors.Is(err, tc.want) {
				t.Errorf("%s: %v, want %v", tc.reason, err, tc.want)
			}
		})
	}
}
