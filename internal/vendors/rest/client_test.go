package rest

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// canary is in everything that a server of these tests says, and must be in nothing that an error shows.
const canary = "canary-9f8e7d6c5b4a"

func TestNewRefusesURLs(t *testing.T) {
	tests := map[string]struct {
		reason, url string
		plain       bool
		want        error
	}{
		"HTTPS":       {reason: "the usual one", url: "https://api.example.com"},
		"Path":        {reason: "a base may have a path and a port", url: "https://api.example.com:8443/base/"},
		"HTTP":        {reason: "credentials in clear", url: "http://api.example.com", want: ErrPlainHTTP},
		"HTTPAllowed": {reason: "a flag says so", url: "http://api.example.com", plain: true},
		"Empty":       {reason: "nothing", url: "", want: ErrURL},
		"Relative":    {reason: "no host", url: "/api", want: ErrURL},
		"NoHost":      {reason: "no host", url: "https://", want: ErrURL},
		"PortOnly":    {reason: "no host", url: "https://:443", want: ErrURL},
		"Scheme":      {reason: "another protocol", url: "file:///etc/passwd", plain: true, want: ErrURL},
		"User":        {reason: "a secret in a URL", url: "https://user:" + canary + "@api.example.com", want: ErrURL},
		"Query":       {reason: "would be lost", url: "https://api.example.com?x=1", want: ErrURL},
		"Fragment":    {reason: "would be lost", url: "https://api.example.com#x", want: ErrURL},
		"Garbage":     {reason: "no URL", url: "https://api example\n" + canary, want: ErrURL},
		"TooLong":     {reason: "bounded", url: "https://api.example.com/" + strings.Repeat("x", maxURL), want: ErrURL},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := New(Options{BaseURL: tc.url, Guard: Guard{AllowPlainHTTP: tc.plain}, Clock: clock})
			if !errors.Is(err, tc.want) || (err != nil && strings.Contains(err.Error(), canary)) {
				t.Errorf("%s: New(%q) = %v, want %v", tc.reason, tc.url, err, tc.want)
			}
		})
	}
	badProxy := func(*http.Request) (*url.URL, error) { return nil, errors.New("http://user:" + canary + "@proxy") }
	if _, err := New(Options{BaseURL: "https://api.example.com", Proxy: badProxy, Clock: clock}); err != ErrProxy { //nolint:errorlint // nothing may be wrapped: it shows the proxy's password
		t.Errorf("a proxy that cannot be used: %v", err)
	}
}

func TestRequestPaths(t *testing.T) {
	tests := map[string]struct {
		reason, base string
		path         []string
		want         string
	}{
		"Bare":          {reason: "no path anywhere", want: "/"},
		"NoBase":        {reason: "the path of the call alone", path: []string{"api", "tokens"}, want: "/api/tokens"},
		"Base":          {reason: "behind the base", base: "/base", path: []string{"tokens"}, want: "/base/tokens"},
		"BaseSlash":     {reason: "one slash between", base: "/base/", path: []string{"tokens"}, want: "/base/tokens"},
		"BaseAlone":     {reason: "exactly as written", base: "/base//x/", want: "/base//x/"},
		"EscapedInBase": {reason: "as written", base: "/a%2Fb", path: []string{"c d"}, want: "/a%2Fb/c%20d"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			client, err := New(Options{BaseURL: "https://api.example.com" + tc.base, Clock: clock})
			if err != nil {
				t.Fatal(err)
			}
			if got := client.request(t.Context(), Call{Method: http.MethodGet, Path: tc.path}).URL.RequestURI(); got != tc.want {
				t.Errorf("%s: %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

// What is sent is what the call says, and nothing by which the transport would send it again.
func TestRequest(t *testing.T) {
	client, err := New(Options{BaseURL: "https://api.example.com/base", UserAgent: "operator/1", Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	request := client.request(t.Context(), Call{
		Method: http.MethodPost, Path: []string{"tokens", "a/b?c", "revoke"}, Query: url.Values{"tokenId": {"a&b"}},
		Bearer: token.NewValue("secret"), Body: []byte(`{}`),
	})
	if got, want := request.URL.String(), "https://api.example.com/base/tokens/a%2Fb%3Fc/revoke?tokenId=a%26b"; got != want {
		t.Errorf("URL %s, want %s", got, want)
	}
	want := http.Header{
		"Accept": {"application/json"}, "User-Agent": {"operator/1"}, "Authorization": {"Bearer secret"}, "Content-Type": {"application/json"},
	}
	if diff := cmp.Diff(want, request.Header); diff != "" {
		t.Errorf("header -want +got:\n%s", diff)
	}
	if request.GetBody != nil {
		t.Error("a body that can be had again is sent again")
	}
	if bare := client.request(t.Context(), Call{Method: http.MethodGet}); bare.URL.String() != "https://api.example.com/base" ||
		bare.Header.Get("Authorization") != "" || bare.Body != nil {
		t.Errorf("a bare call: %s %v", bare.URL, bare.Header)
	}
}

// Who asks, and what a body is, is said by the call; a body that is not there is not made up.
func TestRequestHeader(t *testing.T) {
	client, err := New(Options{BaseURL: "https://api.example.com", UserAgent: "operator/1", Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	basic := Basic{User: token.NewValue("user"), Password: token.NewValue("pass:word")}
	tests := map[string]struct {
		reason string
		call   Call
		want   http.Header
		length int64
	}{
		"Nothing":     {reason: "neither", call: Call{}, want: http.Header{}},
		"Bearer":      {reason: "a bearer alone", call: Call{Bearer: token.NewValue("b")}, want: http.Header{"Authorization": {"Bearer b"}}},
		"Basic":       {reason: "RFC 7617", call: Call{Basic: basic}, want: http.Header{"Authorization": {"Basic dXNlcjpwYXNzOndvcmQ="}}},
		"Both":        {reason: "a bearer was got with the other", call: Call{Bearer: token.NewValue("b"), Basic: basic}, want: http.Header{"Authorization": {"Bearer b"}}},
		"NoUser":      {reason: "a password is nobody's", call: Call{Basic: Basic{Password: token.NewValue("x")}}, want: http.Header{}},
		"JSON":        {reason: "what a body is unless it is said", call: Call{Body: []byte(`{}`)}, want: http.Header{"Content-Type": {"application/json"}}, length: 2},
		"Form":        {reason: "said otherwise", call: Call{Body: []byte(`a=b`), ContentType: Form}, want: http.Header{"Content-Type": {Form}}, length: 3},
		"TypeWithout": {reason: "a type is all that is sent", call: Call{ContentType: "application/json"}, want: http.Header{"Content-Type": {"application/json"}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			tc.call.Method = http.MethodPost
			request := client.request(t.Context(), tc.call)
			tc.want["Accept"], tc.want["User-Agent"] = []string{"application/json"}, []string{"operator/1"}
			if diff := cmp.Diff(tc.want, request.Header); diff != "" {
				t.Errorf("%s: header -want +got:\n%s", tc.reason, diff)
			}
			if request.ContentLength != tc.length || (request.Body == nil) != (tc.length == 0) || request.GetBody != nil {
				t.Errorf("%s: a body of %d bytes, want %d", tc.reason, request.ContentLength, tc.length)
			}
		})
	}
}

func TestOutcomes(t *testing.T) {
	jsonBody := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("X-Canary", canary)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	withHeader := func(status int, key, value string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set(key, value)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"error":"`+canary+`"}`)
		}
	}
	tests := map[string]struct {
		reason  string
		handler http.HandlerFunc
		// create and other are the failures of a create and of a call that may be repeated; other is create when nil.
		create, other *token.Failure
	}{
		"Done":         {reason: "the wanted status", handler: jsonBody(201, `{"id":"a"}`)},
		"OtherSuccess": {reason: "not the documented status", handler: jsonBody(200, `{"id":"a"}`), create: failed(token.Ambiguous, token.CauseUnexpected, 200), other: failed(token.Unavailable, token.CauseUnexpected, 200)},
		"HTML": {
			reason: "somebody else's page", handler: withHeader(201, "Content-Type", "text/html"),
			create: failed(token.Ambiguous, token.CauseUnexpected, 201), other: failed(token.Unavailable, token.CauseUnexpected, 201),
		},
		"Malformed":   {reason: "unreadable", handler: jsonBody(201, `{"id":`+canary+`}`), create: failed(token.Ambiguous, token.CauseUnexpected, 201), other: failed(token.Unavailable, token.CauseUnexpected, 201)},
		"WrongType":   {reason: "the decoder's error quotes the number", handler: jsonBody(201, `{"id":123456}`), create: failed(token.Ambiguous, token.CauseUnexpected, 201), other: failed(token.Unavailable, token.CauseUnexpected, 201)},
		"TooLarge":    {reason: "bounded", handler: jsonBody(201, `{"id":"`+strings.Repeat("x", MaxRow)+`"}`), create: failed(token.Ambiguous, token.CauseTooLarge, 201), other: failed(token.Unavailable, token.CauseTooLarge, 201)},
		"Refused":     {reason: "an error body is not read", handler: jsonBody(400, canary), create: failed(token.Invalid, token.CauseStatus, 400)},
		"ServerError": {reason: "in doubt", handler: jsonBody(500, canary), create: failed(token.Ambiguous, token.CauseStatus, 500), other: failed(token.Unavailable, token.CauseStatus, 500)},
		"Redirect":    {reason: "not followed", handler: withHeader(302, "Location", "https://elsewhere.example/"+canary), create: failed(token.Unavailable, token.CauseRedirect, 302)},
		"RateLimited": {reason: "a pause", handler: withHeader(429, "Retry-After", "7"), create: paused(token.RateLimited, 429, 7*time.Second)},
		"Maintenance": {reason: "a pause, and a doubt", handler: withHeader(503, "Retry-After", "0"), create: paused(token.Ambiguous, 503, time.Second), other: paused(token.Unavailable, 503, time.Second)},
		"BadGateway":  {reason: "Retry-After means nothing here", handler: withHeader(502, "Retry-After", "7"), create: failed(token.Ambiguous, token.CauseStatus, 502), other: failed(token.Unavailable, token.CauseStatus, 502)},
		"Cut": {
			reason:  "no answer",
			handler: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			create:  failed(token.Ambiguous, token.CauseBroken, 0), other: failed(token.Unavailable, token.CauseBroken, 0),
		},
		"CutInBody": {
			reason: "half an answer",
			handler: func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "1000")
				jsonBody(201, `{"id":"`)(w, r)
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			},
			create: failed(token.Ambiguous, token.CauseBroken, 201), other: failed(token.Unavailable, token.CauseBroken, 201),
		},
		"HugeHeader": {
			reason:  "headers are bounded, too",
			handler: withHeader(201, "X-Huge", strings.Repeat("x", 2*maxHeader)),
			create:  failed(token.Ambiguous, token.CauseBroken, 0), other: failed(token.Unavailable, token.CauseBroken, 0),
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			server, calls := serve(t, tc.handler)
			client := connect(t, server, Options{})
			if tc.other == nil {
				tc.other = tc.create
			}
			for _, call := range []struct {
				creates bool
				want    *token.Failure
			}{{true, tc.create}, {false, tc.other}} {
				_, _, err := Object[sample](t.Context(), client, post(call.creates))
				check(t, tc.reason, err, call.want)
			}
			if got := calls.Load(); got != 2 {
				t.Errorf("%s: %d requests for 2 calls", tc.reason, got)
			}
		})
	}
}

// A deletion is answered with nothing, which has no type.
func TestNoContent(t *testing.T) {
	server, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	call := post(true)
	call.Want = http.StatusNoContent
	_, answer, err := Object[sample](t.Context(), connect(t, server, Options{}), call)
	if err != nil || answer.Status != http.StatusNoContent || answer.VendorTime.IsZero() {
		t.Errorf("%+v, %v", answer, err)
	}
	call.Want = http.StatusCreated
	_, _, err = Object[sample](t.Context(), connect(t, server, Options{}), call)
	check(t, "an object was to come", err, failed(token.Ambiguous, token.CauseUnexpected, 204))
}

// Refusals of one status are told apart by their body, where there is one that can be read and no doubt that it is one.
func TestRefusal(t *testing.T) {
	const taken = `{"error":"taken ` + canary + `"}`
	tests := map[string]struct {
		reason, contentType, body string
		status                    int
		want                      *token.Failure
	}{
		"Told":     {reason: "what the call makes of it", contentType: "application/json", body: taken, status: 400, want: failed(token.Conflict, token.CauseStatus, 400)},
		"Other":    {reason: "another refusal", contentType: "application/json", body: `{}`, status: 400, want: failed(token.Invalid, token.CauseUnexpected, 400)},
		"NotFound": {reason: "the class is that of the status", contentType: "application/json", body: `{}`, status: 404, want: failed(token.NotFound, token.CauseUnexpected, 404)},
		"HTML":     {reason: "somebody else's page", contentType: "text/html", body: taken, status: 400, want: failed(token.Quota, token.CauseStatus, 400)},
		"NoJSON":   {reason: "it only says so", contentType: "application/json", body: taken[1:], status: 400, want: failed(token.Quota, token.CauseStatus, 400)},
		"Empty":    {reason: "nothing", contentType: "application/json", status: 400, want: failed(token.Quota, token.CauseStatus, 400)},
		"Huge":     {reason: "bounded", contentType: "application/json", body: strings.Repeat(" ", MaxRefusal) + taken, status: 400, want: failed(token.Quota, token.CauseStatus, 400)},
		"Doubt":    {reason: "a doubt stays one", contentType: "application/json", body: taken, status: 500, want: failed(token.Ambiguous, token.CauseStatus, 500)},
		"TimedOut": {reason: "a doubt stays one", contentType: "application/json", body: taken, status: 408, want: failed(token.Ambiguous, token.CauseStatus, 408)},
		"Redirect": {reason: "no refusal", contentType: "application/json", body: taken, status: 302, want: failed(token.Unavailable, token.CauseRedirect, 302)},
		"Success":  {reason: "no refusal", contentType: "application/json", body: taken, status: 200, want: failed(token.Ambiguous, token.CauseUnexpected, 200)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			server, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tc.contentType)
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			})
			call := post(true)
			call.Refusal = func(class token.Class, body []byte) (token.Class, token.Cause) {
				switch {
				case body == nil:
					return token.Quota, token.CauseStatus
				case strings.Contains(string(body), "taken"):
					return token.Conflict, token.CauseStatus
				}
				return class, token.CauseUnexpected
			}
			_, _, err := Object[sample](t.Context(), connect(t, server, Options{}), call)
			check(t, tc.reason, err, tc.want)
		})
	}
}

// The Host header is another than the URL's, and nothing else is.
func TestHost(t *testing.T) {
	var asked atomic.Value
	server, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Host)
		w.WriteHeader(http.StatusNoContent)
	})
	call := post(false)
	call.Want = http.StatusNoContent
	for host, want := range map[string]string{"": server.Listener.Addr().String(), "gateway.example.com": "gateway.example.com"} {
		if _, _, err := Object[sample](t.Context(), connect(t, server, Options{Host: host}), call); err != nil || asked.Load() != want {
			t.Errorf("%q: %v, the server was asked as %q", host, err, asked.Load())
		}
	}
	proxy := func(*http.Request) (*url.URL, error) { return &url.URL{Scheme: "http", Host: "proxy:3128"}, nil }
	direct := func(*http.Request) (*url.URL, error) { return nil, nil }
	tests := map[string]struct {
		reason, url, host string
		proxy             func(*http.Request) (*url.URL, error)
		want              error
	}{
		"Name":      {reason: "a name", host: "Gateway-1.example_x.com"},
		"Port":      {reason: "a name and a port", host: "gateway.example.com:8443"},
		"IPv6":      {reason: "an address", host: "[2001:db8::1]:443"},
		"Proxied":   {reason: "a proxy is asked for the URL's host", host: "gateway.example.com", proxy: proxy},
		"PlainHTTP": {reason: "nobody is between", url: "http://api.example.com", host: "gateway.example.com"},
		"ProxiedPlainHTTP": {
			reason: "the proxy would go where the header says, past the guard", url: "http://api.example.com",
			host: "gateway.example.com", proxy: proxy, want: ErrHost,
		},
		"Path":     {reason: "no host", host: "gateway.example.com/x", want: ErrHost},
		"User":     {reason: "no host", host: "user@gateway.example.com", want: ErrHost},
		"URL":      {reason: "no host", host: "https://gateway.example.com", want: ErrHost},
		"Space":    {reason: "no host", host: "gateway example", want: ErrHost},
		"NewLine":  {reason: "no host", host: "gateway\r\nX-Other: " + canary, want: ErrHost},
		"NotASCII": {reason: "it would be translated", host: "\u212aateway.example.com", want: ErrHost},
		"PortOnly": {reason: "no host", host: ":443", want: ErrHost},
		"TooLong":  {reason: "bounded", host: strings.Repeat("x", maxHost+1), want: ErrHost},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			options := Options{BaseURL: "https://api.example.com", Host: tc.host, Proxy: direct, Guard: Guard{AllowPlainHTTP: true}, Clock: clock}
			if tc.url != "" {
				options.BaseURL = tc.url
			}
			if tc.proxy != nil {
				options.Proxy = tc.proxy
			}
			if _, err := New(options); !errors.Is(err, tc.want) {
				t.Errorf("%s: New with host %q = %v, want %v", tc.reason, tc.host, err, tc.want)
			}
		})
	}
}

func TestTimeout(t *testing.T) {
	inBody := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	beforeHeader := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	tests := map[string]struct {
		reason  string
		handler http.HandlerFunc
	}{
		"Header": {reason: "no answer", handler: beforeHeader},
		"Body":   {reason: "the time-out is for the whole call", handler: inBody},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			for _, creates := range []bool{true, false} {
				// The call is given up as soon as the server has it, which no time-out could say as exactly.
				ctx, giveUp := context.WithCancel(t.Context())
				defer giveUp()
				server, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
					giveUp()
					tc.handler(w, r)
				})
				_, _, err := Object[sample](ctx, connect(t, server, Options{}), post(creates))
				failure := token.AsFailure(err)
				if failure.Class != doubt(creates) || failure.Cause != token.CauseTimeout || !errors.Is(err, context.Canceled) {
					t.Errorf("%s: %v (%s, cause %d)", tc.reason, err, failure.Class, failure.Cause)
				}
			}
		})
	}
	server, _ := serve(t, inBody)
	_, _, err := Object[sample](t.Context(), connect(t, server, Options{Timeout: 2 * time.Second}), post(true))
	if failure := token.AsFailure(err); failure.Cause != token.CauseTimeout || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the client's own time-out: %v", err)
	}
}

// A server that is hung up on may end its answer properly; half an answer is not the vendor's fault then.
func TestProperEndAfterTheTime(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	var into sample
	half := newMeter(strings.NewReader(`{"id":`), MaxRow)
	err := post(true).read(over, half, http.StatusCreated, func(m *meter) error { return decodeObject(m, &into) })
	check(t, "the time is up", err, failed(token.Ambiguous, token.CauseTimeout, http.StatusCreated))
}

// A request of which nothing left is refused without a doubt, even if it is a create.
func TestNeverSent(t *testing.T) {
	server, calls := serve(t, func(http.ResponseWriter, *http.Request) {})
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	t.Cleanup(plain.Close)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()

	tests := map[string]struct {
		reason  string
		ctx     context.Context
		options Options
		want    token.Cause
	}{
		"Refused":    {reason: "nobody listens", options: Options{BaseURL: "https://" + gone.Addr().String()}, want: token.CauseConnect},
		"NoName":     {reason: "the name does not exist (RFC 6761)", options: Options{BaseURL: "https://nowhere.invalid"}, want: token.CauseConnect},
		"WrongCA":    {reason: "signed by somebody else", options: Options{BaseURL: server.URL, RootCAs: x509.NewCertPool()}, want: token.CauseCertificate},
		"WrongName":  {reason: "the certificate is for other names", options: Options{BaseURL: strings.Replace(server.URL, "127.0.0.1", "localhost", 1)}, want: token.CauseCertificate},
		"NoTLS":      {reason: "plain http on the port", options: Options{BaseURL: strings.Replace(plain.URL, "http:", "https:", 1)}, want: token.CauseConnect},
		"Guard":      {reason: "loopback", options: Options{BaseURL: server.URL, Guard: Guard{RefusePrivate: true}}, want: token.CauseAddressRefused},
		"GuardName":  {reason: "a name that leads to loopback", options: Options{BaseURL: "https://localhost:1", Guard: Guard{RefusePrivate: true}}, want: token.CauseAddressRefused},
		"GivenUp":    {reason: "the context is over", ctx: cancelled, options: Options{BaseURL: server.URL}, want: token.CauseConnect},
		"OldTLS":     {reason: "the server speaks TLS 1.1 at most", options: Options{BaseURL: oldServer(t).URL}, want: token.CauseConnect},
		"Handshake":  {reason: "cut while shaking hands", options: Options{BaseURL: "https://" + cutter(t)}, want: token.CauseConnect},
		"HugeNumber": {reason: "no such port", options: Options{BaseURL: "https://127.0.0.1:99999"}, want: token.CauseConnect},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if tc.ctx == nil {
				tc.ctx = t.Context()
			}
			_, _, err := Object[sample](tc.ctx, connect(t, server, tc.options), post(true))
			check(t, tc.reason, err, failed(token.Unavailable, tc.want, 0))
		})
	}
	if got := calls.Load(); got != 0 {
		t.Errorf("%d requests arrived", got)
	}
}

func TestRowsOverTheWire(t *testing.T) {
	server, calls := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Date", noon.Format(http.TimeFormat))
		_, _ = io.WriteString(w, `[{"id":"a"},{"id":"b"}]`)
	})
	client := connect(t, server, Options{})
	call := Call{Operation: "list", Method: http.MethodGet, Want: http.StatusOK}
	var got []string
	answer, err := Rows(t.Context(), client, call, func(row sample) error { got = append(got, row.ID); return nil })
	if err != nil || !answer.VendorTime.Equal(noon) {
		t.Errorf("%v, %v", answer, err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" {
		t.Errorf("rows -want +got:\n%s", diff)
	}
	enough := errors.New("enough")
	if _, err = Rows(t.Context(), client, call, func(sample) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("stopped by the caller: %v", err)
	}
	if calls.Load() != 2 {
		t.Errorf("%d requests", calls.Load())
	}
}

// Some answers may have one of two statuses, and one of these has no body.
func TestTwoStatuses(t *testing.T) {
	tests := map[string]struct {
		reason      string
		status      int
		contentType string
		body        string
		wanted      sample
		want        *token.Failure
	}{
		"NoContent": {reason: "nothing to decode, and no type of it", status: 204},
		"Object":    {reason: "the other status, with an object", status: 200, contentType: "application/json", body: `{"id":"a"}`, wanted: sample{ID: "a"}},
		"HTML":      {reason: "somebody else's page", status: 200, contentType: "text/html", body: "<html>", want: failed(token.Unavailable, token.CauseUnexpected, 200)},
		"Empty":     {reason: "an object was to come", status: 200, contentType: "application/json", want: failed(token.Unavailable, token.CauseUnexpected, 200)},
		"Neither":   {reason: "not one of the two", status: 202, contentType: "application/json", body: `{}`, want: failed(token.Unavailable, token.CauseUnexpected, 202)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			server, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if tc.contentType != "" {
					w.Header().Set("Content-Type", tc.contentType)
				}
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			})
			call := Call{Operation: "create token", Method: http.MethodDelete, Want: http.StatusNoContent, WantAlso: http.StatusOK}
			got, answer, err := Object[sample](t.Context(), connect(t, server, Options{}), call)
			check(t, tc.reason, err, tc.want)
			if got != tc.wanted || answer.Status != tc.status {
				t.Errorf("%s: %+v, %+v", tc.reason, got, answer)
			}
		})
	}
}

// A 100 MB row costs a fraction of it.
func TestHugeRowIsBounded(t *testing.T) {
	server, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `[{"id":"a"},{"id":"b","x":"`)
		_, _ = io.Copy(w, io.LimitReader(repeat(strings.Repeat("x", 1024), 100<<10), 100<<20))
		_, _ = io.WriteString(w, `"}]`)
	})
	client := connect(t, server, Options{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	count := 0
	_, err := Rows(t.Context(), client, Call{Operation: "list", Method: http.MethodGet, Want: http.StatusOK}, func(sample) error {
		count++
		return nil
	})
	runtime.ReadMemStats(&after)
	if failure := token.AsFailure(err); err == nil || failure.Cause != token.CauseTooLarge || count != 1 {
		t.Errorf("%v after %d rows, want the answer refused after 1", err, count)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 16<<20 {
		t.Errorf("%d bytes were allocated for a refused row", allocated)
	}
}

func TestLimiter(t *testing.T) {
	status, header := http.StatusTooManyRequests, ""
	server, calls := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if header != "" {
			w.Header().Set("Retry-After", header)
		}
		w.WriteHeader(status)
	})
	limiter := &recorder{}
	client := connect(t, server, Options{Limiter: limiter})
	call := func(ctx context.Context) error {
		_, _, err := Object[sample](ctx, client, post(true))
		return err
	}
	check(t, "429 without a header", call(t.Context()), failed(token.RateLimited, token.CauseStatus, 429))
	header = "30"
	check(t, "429 with a header", call(t.Context()), paused(token.RateLimited, 429, 30*time.Second))
	status, header = http.StatusServiceUnavailable, ""
	check(t, "503 without a header is no pause", call(t.Context()), failed(token.Ambiguous, token.CauseStatus, 503))
	header = "2"
	check(t, "503 with a header", call(t.Context()), paused(token.Ambiguous, 503, 2*time.Second))
	if diff := cmp.Diff([]time.Duration{time.Second, 30 * time.Second, 2 * time.Second}, limiter.held); diff != "" {
		t.Errorf("pauses -want +got:\n%s", diff)
	}
	limiter.comeBack = 5 * time.Second
	early := paused(token.RateLimited, 0, 5*time.Second)
	early.Cause = token.CausePaced
	check(t, "not admitted", call(t.Context()), early)
	limiter.comeBack, limiter.err = 0, context.Canceled
	check(t, "given up while waiting", call(t.Context()), failed(token.Unavailable, token.CauseTimeout, 0))
	if calls.Load() != 4 {
		t.Errorf("%d requests, want 4: what is not admitted is not sent", calls.Load())
	}
	if diff := cmp.Diff([]bool{false, false, true, true}, limiter.outages); diff != "" {
		t.Errorf("outages, one for each request -want +got:\n%s", diff)
	}
}

// The limiter learns of every request whether the vendor is away or in trouble, and which would do no harm.
func TestLimiterLearnsOfOutages(t *testing.T) {
	cut := func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = connection.Close()
		}
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	tests := map[string]struct {
		reason string
		answer http.HandlerFunc
		call   Call
		want   bool
	}{
		"Answered":   {reason: "all is well", answer: status(http.StatusNoContent), call: Call{Method: http.MethodGet, Want: http.StatusNoContent}},
		"Refused":    {reason: "the vendor answers", answer: status(http.StatusForbidden), call: Call{Method: http.MethodGet, Want: http.StatusOK}},
		"Unexpected": {reason: "something answers", answer: status(http.StatusOK), call: Call{Method: http.MethodGet, Want: http.StatusOK}},
		"5xx":        {reason: "it says so itself", answer: status(http.StatusBadGateway), call: Call{Method: http.MethodDelete, Want: http.StatusNoContent}, want: true},
		"Cut":        {reason: "no answer", answer: cut, call: Call{Method: http.MethodPost, Creates: true, Want: http.StatusCreated}, want: true},
		"Login":      {reason: "a login changes nothing", answer: status(http.StatusOK), call: Call{Method: http.MethodPost, Harmless: true, Want: http.StatusOK}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			server, _ := serve(t, tc.answer)
			limiter := &recorder{}
			_, _, _ = Object[sample](t.Context(), connect(t, server, Options{Limiter: limiter}), tc.call)
			if diff := cmp.Diff([]bool{tc.want}, limiter.outages); diff != "" {
				t.Errorf("outages -want +got: %s\n%s", tc.reason, diff)
			}
			harmless := tc.call.Method == http.MethodGet || tc.call.Harmless
			if diff := cmp.Diff([]bool{harmless}, limiter.harmless); diff != "" {
				t.Errorf("harmless -want +got: %s\n%s", tc.reason, diff)
			}
		})
	}
}

// Behind a proxy the target is checked before it is handed over, and the proxy, which may be anywhere, is not.
func TestProxy(t *testing.T) {
	server, calls := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":"a"}`)
	})
	var asked atomic.Value
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Method + " " + r.Host)
		tunnel(t, w, server.Listener.Addr().String())
	}))
	t.Cleanup(proxy.Close)
	proxyURL, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	leadsTo := netip.MustParseAddr("93.184.216.34")
	client := connect(t, server, Options{
		BaseURL: "https://example.com/base", Guard: Guard{RefusePrivate: true},
		Proxy:   func(*http.Request) (*url.URL, error) { return proxyURL, nil },
		Resolve: func(context.Context, string, string) ([]netip.Addr, error) { return []netip.Addr{leadsTo}, nil },
	})
	if _, _, err := Object[sample](t.Context(), client, post(true)); err != nil || asked.Load() != "CONNECT example.com:443" {
		t.Errorf("%v, the proxy was asked %q", err, asked.Load())
	}
	leadsTo = netip.MustParseAddr("10.0.0.1")
	_, _, err = Object[sample](t.Context(), client, post(true))
	check(t, "the target is private", err, failed(token.Unavailable, token.CauseAddressRefused, 0))
	if calls.Load() != 1 {
		t.Errorf("%d requests, want 1", calls.Load())
	}
}

// The errors of a transport quote headers, certificates and numbers of the other side; nothing of it stays, however an
// error is shown.
func check(t *testing.T, reason string, err error, want *token.Failure) {
	t.Helper()
	if err == nil || want == nil {
		if err != nil || want != nil {
			t.Errorf("%s: %v, want %v", reason, err, want)
		}
		return
	}
	if diff := cmp.Diff(want, token.AsFailure(err), cmpopts.IgnoreFields(token.Failure{}, "Err")); diff != "" {
		t.Errorf("%s: -want +got:\n%s", reason, diff)
	}
	marshalled, _ := json.Marshal(err)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s %q", err, err, err, err, err), fmt.Sprintf("%+v", errors.Unwrap(err)), string(marshalled)} {
		for _, foreign := range []string{canary, "123456", "elsewhere", "example.com"} {
			if strings.Contains(text, foreign) {
				t.Errorf("%s: %q is shown in %s", reason, foreign, text)
			}
		}
	}
}

func failed(class token.Class, cause token.Cause, status int) *token.Failure {
	return &token.Failure{Operation: "create token", Class: class, Cause: cause, Status: status}
}

func paused(class token.Class, status int, pause time.Duration) *token.Failure {
	failure := failed(class, token.CauseStatus, status)
	failure.RetryAfter = pause
	return failure
}

func post(creates bool) Call {
	return Call{Operation: "create token", Method: http.MethodPost, Body: []byte(`{}`), Want: http.StatusCreated, Creates: creates}
}

func clock() time.Time { return noon }

func serve(t *testing.T, handler http.HandlerFunc) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	calls := new(atomic.Int32)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		handler(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, calls
}

// connect makes a client that trusts the server and may call loopback, unless the options say otherwise.
func connect(t *testing.T, server *httptest.Server, options Options) *Client {
	t.Helper()
	options.Clock = clock
	if options.BaseURL == "" {
		options.BaseURL = server.URL
	}
	if options.RootCAs == nil {
		options.RootCAs = x509.NewCertPool()
		options.RootCAs.AddCert(server.Certificate())
	}
	if !options.Guard.RefusePrivate {
		options.Guard = allow("127.0.0.0/8")
	}
	client, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func oldServer(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// cutter accepts connections and cuts them at the first byte.
func cutter(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = bufio.NewReader(connection).ReadByte()
			_ = connection.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	return listener.Addr().String()
}

// tunnel answers a CONNECT and carries bytes to an address of the test's choice.
func tunnel(t *testing.T, w http.ResponseWriter, address string) {
	t.Helper()
	target, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = target.Close() }()
	connection, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = connection.Close() }()
	_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(target, buffered) }()
	_, _ = io.Copy(connection, target)
}

type recorder struct {
	comeBack time.Duration
	err      error
	held     []time.Duration
	// harmless and outages are what was said of each call.
	harmless, outages []bool
}

func (r *recorder) Admit(_ context.Context, harmless bool) (time.Duration, error) {
	r.harmless = append(r.harmless, harmless)
	return r.comeBack, r.err
}

func (r *recorder) Done(outage bool) { r.outages = append(r.outages, outage) }

func (r *recorder) Hold(pause time.Duration) { r.held = append(r.held, pause) }
