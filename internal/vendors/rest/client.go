package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

const (
	// DefaultTimeout bounds one call, from the connection to the last byte of the answer.
	DefaultTimeout = 15 * time.Second
	connectTimeout = 10 * time.Second
	// sessions is how many TLS sessions are kept, by the server's name.
	sessions  = 8
	maxHeader = 64 << 10
	maxURL    = 2048
	maxHost   = 260 // a name of 253 characters, and a port
)

var (
	// ErrURL: the URL cannot be used.
	ErrURL = errors.New("not an absolute https URL without user, query and fragment")
	// ErrPlainHTTP: the URL has no TLS, and that is not allowed.
	ErrPlainHTTP = errors.New("plain http is not allowed, use https")
	// ErrProxy: the environment names a proxy that cannot be used.
	ErrProxy = errors.New("the proxy of the environment (HTTPS_PROXY) cannot be used")
	// ErrHost: the Host header cannot be sent.
	ErrHost = errors.New("not a host name with or without a port, or one to be sent to a proxy without TLS")
)

// Limiter paces the calls of one account.
type Limiter interface {
	// Admit waits for a short time until the call may be made. Where that is not enough it does not wait at all and says
	// after which time to come back. The error is the context's. harmless: the call changes nothing at the vendor.
	Admit(ctx context.Context, harmless bool) (comeBack time.Duration, err error)
	// Done follows every call that was admitted. outage: the vendor did not answer, or that it is in trouble itself.
	Done(outage bool)
	// Hold refuses every call for a time: the vendor said so.
	Hold(pause time.Duration)
}

// Options of a Client. Only BaseURL and Clock are required.
type Options struct {
	// BaseURL is what the path of a call is put behind.
	BaseURL string
	// Host is sent as the Host header in place of the URL's: for a server that answers to one name only and is reached by
	// another. Connection, guard, certificate and pace go by the URL all the same.
	Host string
	// RootCAs are trusted in place of the system's.
	RootCAs *x509.CertPool
	Guard   Guard
	// Timeout bounds one call; DefaultTimeout when 0.
	Timeout   time.Duration
	UserAgent string
	// Clock is used where the vendor does not say the time.
	Clock   func() time.Time
	Limiter Limiter
	// Proxy is http.ProxyFromEnvironment when nil. It is asked once.
	Proxy func(*http.Request) (*url.URL, error)
	// Resolve is the system's resolver when nil. It is used for hosts behind a proxy only.
	Resolve func(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Client calls one base URL. It is safe for concurrent use.
type Client struct {
	options   Options
	base      *url.URL
	transport *http.Transport
	proxied   bool
}

// New makes a Client. Its error is ErrURL, ErrPlainHTTP, ErrProxy or ErrHost.
func New(options Options) (*Client, error) {
	base, err := parseURL(options.BaseURL, options.Guard.AllowPlainHTTP)
	if err != nil {
		return nil, err
	}
	if options.Timeout <= 0 {
		options.Timeout = DefaultTimeout
	}
	if options.Proxy == nil {
		options.Proxy = http.ProxyFromEnvironment
	}
	if options.Resolve == nil {
		options.Resolve = net.DefaultResolver.LookupNetIP
	}
	proxy, err := options.Proxy(&http.Request{URL: base})
	if err != nil {
		return nil, ErrProxy
	}
	if !sendable(options.Host, base, proxy) {
		return nil, ErrHost
	}
	return &Client{options: options, base: base, transport: newTransport(options, proxy), proxied: proxy != nil}, nil
}

func parseURL(text string, plain bool) (*url.URL, error) {
	base, err := url.Parse(text)
	if err != nil || len(text) > maxURL || base.Hostname() == "" {
		return nil, ErrURL
	}
	if base.User != nil || base.RawQuery != "" || base.ForceQuery || base.Fragment != "" {
		return nil, ErrURL
	}
	if base.Path == "" {
		base.Path = "/" // JoinPath makes a relative path of an empty one
	}
	switch {
	case base.Scheme == "https", base.Scheme == "http" && plain:
		return base, nil
	case base.Scheme == "http":
		return nil, ErrPlainHTTP
	}
	return nil, ErrURL
}

// sendable tells whether a Host header may be sent. Without TLS a proxy is told the target by nothing but that header, and would
// go where the guard has not looked.
func sendable(host string, base, proxy *url.URL) bool {
	if host == "" {
		return true
	}
	return plainHost(host) && (proxy == nil || base.Scheme == "https")
}

func plainHost(host string) bool {
	read, err := url.Parse("//" + host)
	return err == nil && read.Host == host && read.Hostname() != "" && len(host) <= maxHost &&
		strings.Trim(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") == ""
}

// newTransport speaks HTTP/1.1 over TLS, each request on a connection of its own. Where a proxy makes the connections, the
// guard cannot look at them, and the proxy itself, which the operator's own environment names, is not its business: then
// the host is checked before it is handed over.
func newTransport(options Options, proxy *url.URL) *http.Transport {
	dialer := &net.Dialer{Timeout: connectTimeout}
	transport := &http.Transport{
		DialContext: dialer.DialContext,
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, RootCAs: options.RootCAs,
			// Each call has a connection of its own; those that follow the first resume its session.
			ClientSessionCache: tls.NewLRUClientSessionCache(sessions),
		},
		TLSHandshakeTimeout:    connectTimeout,
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: maxHeader,
		Protocols:              new(http.Protocols),
	}
	transport.Protocols.SetHTTP1(true)
	if proxy != nil {
		transport.Proxy = http.ProxyURL(proxy)
	} else {
		dialer.Control = options.Guard.control
	}
	return transport
}

// Call is one request.
type Call struct {
	// Operation names the call in errors, such as "create token".
	Operation string
	Method    string
	// Path are the segments behind the base URL, unescaped.
	Path  []string
	Query url.Values
	// Bearer is sent as the Authorization; none when empty.
	Bearer token.Value
	// Basic is sent as the Authorization where there is no Bearer; none when its User is empty.
	Basic Basic
	// Body is what ContentType says, JSON when that is empty; none when nil. A ContentType is sent without a body, too: some
	// vendors describe their calls so.
	Body        []byte
	ContentType string
	// Want is the one status that means success.
	Want int
	// Creates: the request must not be done twice, so that an answer that does not come leaves a doubt.
	Creates bool
	// Harmless: the call changes nothing at the vendor though its method is not GET.
	Harmless bool
	// Refusal, where set, tells apart refusals that have one status. It is given the class of the status and the body, which is
	// nil unless it is JSON of at most MaxRefusal bytes, and gives the class and the cause that the failure has. It is not
	// asked where the status leaves a doubt. What it is given must not be shown.
	Refusal func(class token.Class, body []byte) (token.Class, token.Cause)
	// WantAlso is another status that means success, where the vendor's document leaves a choice; none when 0.
	WantAlso int
}

// Form is the ContentType of url.Values.
const Form = "application/x-www-form-urlencoded"

// Basic are the credentials of HTTP's Basic scheme, exactly as they are to be encoded.
type Basic struct{ User, Password token.Value }

// Answer is what every answer tells beside its content.
type Answer struct {
	// Status is the HTTP status code; 0 where there was no answer.
	Status int
	// VendorTime is the Date header; zero where there was none.
	VendorTime time.Time
}

// Object makes a call whose answer is one JSON object of at most MaxRow bytes. An answer of status 204 has no body: its
// object is zero.
func Object[T any](ctx context.Context, c *Client, call Call) (T, Answer, error) {
	var object T
	answer, err := c.do(ctx, call, MaxRow, func(m *meter) error { return decodeObject(m, &object) })
	return object, answer, err
}

// Rows makes a call whose answer is a JSON array, and yields its rows as they come. It stops at the first error of yield,
// which is then found in its own error by errors.Is.
func Rows[T any](ctx context.Context, c *Client, call Call, yield func(T) error) (Answer, error) {
	return c.do(ctx, call, MaxBody, func(m *meter) error { return decodeRows(m, yield) })
}

// RowsOrNull is Rows for a vendor that may write null in place of an empty list.
func RowsOrNull[T any](ctx context.Context, c *Client, call Call, yield func(T) error) (Answer, error) {
	return c.do(ctx, call, MaxBody, func(m *meter) error { return decodeRowsOrNull(m, yield) })
}

func (c *Client) do(ctx context.Context, call Call, limit int, decode func(*meter) error) (Answer, error) {
	if err := c.admit(ctx, call); err != nil {
		return Answer{}, err
	}
	answer, err := c.make(ctx, call, limit, decode)
	if c.options.Limiter != nil {
		c.options.Limiter.Done(outage(answer, err))
	}
	return answer, err
}

// outage tells whether a call says that the vendor is away or in trouble: whatever it would be asked next, it would not do.
func outage(answer Answer, err error) bool {
	failure := token.AsFailure(err)
	switch {
	case failure == nil, errors.Is(err, context.Canceled):
		return false
	case answer.Status != 0:
		return answer.Status >= http.StatusInternalServerError || failure.Cause == token.CauseTimeout
	default:
		return failure.Cause == token.CauseConnect || failure.Cause == token.CauseTimeout || failure.Cause == token.CauseBroken
	}
}

// make makes a call that was admitted.
func (c *Client) make(ctx context.Context, call Call, limit int, decode func(*meter) error) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	response, err := c.send(ctx, call)
	if err != nil {
		return Answer{}, err
	}
	// What is left of the body goes unread with the connection: nobody has to wait for the end of an error page.
	defer func() { _ = response.Body.Close() }()
	answer := Answer{Status: response.StatusCode, VendorTime: vendorTime(response.Header)}
	if err := c.accept(call, response); err != nil || answer.Status == http.StatusNoContent {
		return answer, err
	}
	return answer, call.read(ctx, newMeter(response.Body, limit), response.StatusCode, decode)
}

// admit asks the limiter. A call that is not admitted is not made.
func (c *Client) admit(ctx context.Context, call Call) error {
	if c.options.Limiter == nil {
		return nil
	}
	comeBack, err := c.options.Limiter.Admit(ctx, call.Harmless || call.Method == http.MethodGet)
	switch {
	case err != nil:
		return call.failure(token.Unavailable, token.CauseTimeout, 0, err)
	case comeBack > 0:
		failure := call.failure(token.RateLimited, token.CausePaced, 0, nil)
		failure.RetryAfter = comeBack
		return failure
	}
	return nil
}

// send makes the request, once, and tells a request that never left from one that may have arrived.
func (c *Client) send(ctx context.Context, call Call) (*http.Response, error) {
	if c.proxied {
		if err := c.options.Guard.checkHost(ctx, c.options.Resolve, c.base.Hostname()); err != nil {
			return nil, call.failure(token.Unavailable, unsent(err), 0, err)
		}
	}
	var left atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// The transport calls both from the goroutine that writes, which has ended when RoundTrip returns an error; the
		// first of them before the first byte is flushed.
		WroteHeaderField: func(string, []string) { left.Store(true) },
		WroteHeaders:     func() { left.Store(true) },
	})
	response, err := c.transport.RoundTrip(c.request(ctx, call))
	switch {
	case err == nil:
		return response, nil
	case left.Load():
		err = overtime(ctx, err)
		return nil, call.failure(doubt(call.Creates), broken(err), 0, err)
	default:
		return nil, call.failure(token.Unavailable, unsent(err), 0, err)
	}
}

// request is built without GetBody and without an Idempotency-Key: with either the transport may send it again.
func (c *Client) request(ctx context.Context, call Call) *http.Request {
	target := c.base
	if len(call.Path) > 0 {
		escaped := make([]string, 0, len(call.Path))
		for _, segment := range call.Path {
			escaped = append(escaped, url.PathEscape(segment))
		}
		target = c.base.JoinPath(escaped...)
	}
	if len(call.Query) > 0 {
		withQuery := *target
		withQuery.RawQuery = call.Query.Encode()
		target = &withQuery
	}
	request := &http.Request{Method: call.Method, URL: target, Host: target.Host, Header: c.header(call)}
	if c.options.Host != "" {
		request.Host = c.options.Host
	}
	if call.Body != nil {
		request.Body = io.NopCloser(bytes.NewReader(call.Body))
		request.ContentLength = int64(len(call.Body))
	}
	return request.WithContext(ctx)
}

func (c *Client) header(call Call) http.Header {
	header := http.Header{"Accept": {"application/json"}, "User-Agent": {c.options.UserAgent}}
	switch {
	case !call.Bearer.Empty():
		header.Set("Authorization", "Bearer "+call.Bearer.Reveal())
	case !call.Basic.User.Empty():
		pair := call.Basic.User.Reveal() + ":" + call.Basic.Password.Reveal()
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	switch {
	case call.ContentType != "":
		header.Set("Content-Type", call.ContentType)
	case call.Body != nil:
		header.Set("Content-Type", "application/json")
	}
	return header
}

// accept judges status and content type, and keeps the pause that the vendor asked for.
func (c *Client) accept(call Call, response *http.Response) error {
	status := response.StatusCode
	pause := c.pause(response)
	if status != call.Want && (call.WantAlso == 0 || status != call.WantAlso) {
		class, cause := call.refusal(response)
		failure := call.failure(class, cause, status, nil)
		failure.RetryAfter = pause
		return failure
	}
	if status != http.StatusNoContent && !isJSON(response.Header.Get("Content-Type")) {
		return call.failure(doubt(call.Creates), token.CauseUnexpected, status, nil)
	}
	return nil
}

// refusal judges by the status, and lets the call look closer where that is no doubt.
func (call Call) refusal(response *http.Response) (token.Class, token.Cause) {
	class, cause := Classify(response.StatusCode, call.Creates)
	if call.Refusal == nil || class == token.Ambiguous || class == token.Unavailable {
		return class, cause
	}
	return call.Refusal(class, refusalBody(response))
}

// refusalBody is nil where nothing can be made of the body.
func refusalBody(response *http.Response) []byte {
	if !isJSON(response.Header.Get("Content-Type")) {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxRefusal+1))
	if err != nil || len(body) > MaxRefusal || !json.Valid(body) {
		return nil
	}
	return body
}

// pause reads Retry-After where it says when to come back, and tells the limiter. A 429 without one is a pause, too.
func (c *Client) pause(response *http.Response) time.Duration {
	limited := response.StatusCode == http.StatusTooManyRequests
	if !limited && response.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	pause := retryAfter(response.Header, c.options.Clock())
	if c.options.Limiter != nil && (limited || pause > 0) {
		c.options.Limiter.Hold(max(pause, RetryAfterFloor))
	}
	return pause
}

// read decodes the wanted answer. What cannot be read leaves the same doubt as an answer that did not come.
func (call Call) read(ctx context.Context, m *meter, status int, decode func(*meter) error) error {
	err := decode(m)
	if err == nil {
		return nil
	}
	if stop := (*stopped)(nil); errors.As(err, &stop) {
		failure := call.failure(token.Unavailable, token.CauseBroken, status, nil)
		failure.Err = stop.error
		return failure
	}
	if m.err != nil {
		err = m.err
	}
	err = overtime(ctx, err)
	cause := token.CauseUnexpected
	if m.err != nil || ctx.Err() != nil || errors.Is(err, errTooLarge) {
		cause = broken(err)
	}
	return call.failure(doubt(call.Creates), cause, status, err)
}

// overtime is the context's error once the time is up. The connection is closed then, and what the server makes of that,
// such as a proper end of half an answer, may be seen before it.
func overtime(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (call Call) failure(class token.Class, cause token.Cause, status int, err error) *token.Failure {
	return &token.Failure{Operation: call.Operation, Class: class, Cause: cause, Status: status, Err: known(err)}
}
