package conformance

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// Tap stands between a client and a vendor and notes the secrets that pass, in both directions, so that a test can look
// for them where they must not be.
type Tap struct {
	// URL is what the client calls, CAPEM what the certificate there is signed by.
	URL   string
	CAPEM []byte

	names  []string
	fields *regexp.Regexp

	mu      sync.Mutex
	secrets map[string]bool
}

// maxNoted bounds what is kept of a body.
const maxNoted = 1 << 20

// NewTap starts a tap that takes the values of the fields, in JSON and in forms, and every Authorization for secrets.
func NewTap(t *testing.T, upstream string, caPEM []byte, fields ...string) *Tap {
	t.Helper()
	target, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(caPEM)
	tap := &Tap{
		names:   fields,
		fields:  regexp.MustCompile(`"(?:` + strings.Join(fields, "|") + `)"\s*:\s*"([^"]+)"`),
		secrets: map[string]bool{},
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target); tap.request(r.Out) },
		ModifyResponse: tap.response,
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DisableCompression: true,
		},
		ErrorLog: log.New(io.Discard, "", 0),
		// A cut connection stays one: no polite 502 in its place.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	server := httptest.NewUnstartedServer(proxy)
	server.Config.ErrorLog = proxy.ErrorLog
	server.StartTLS()
	t.Cleanup(server.Close)
	tap.URL = server.URL
	tap.CAPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return tap
}

// Secrets are those that passed so far.
func (tap *Tap) Secrets() []string {
	tap.mu.Lock()
	defer tap.mu.Unlock()
	all := make([]string, 0, len(tap.secrets))
	for secret := range tap.secrets {
		all = append(all, secret)
	}
	return all
}

func (tap *Tap) note(secrets ...string) {
	tap.mu.Lock()
	defer tap.mu.Unlock()
	for _, secret := range secrets {
		tap.secrets[secret] = true
	}
}

func (tap *Tap) request(r *http.Request) {
	r.Header.Del("Accept-Encoding")
	if _, presented, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		tap.note(presented)
	}
	if _, password, ok := r.BasicAuth(); ok {
		tap.note(password)
	}
	if r.Body != nil {
		tap.form(r)
		r.Body = &noting{ReadCloser: r.Body, tap: tap}
	}
}

// form notes the fields of a form, which is small enough to be read before it is passed on.
func (tap *Tap) form(r *http.Request) {
	if r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxNoted))
	if err != nil {
		return // the client left
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return // the vendor will say so
	}
	for _, name := range tap.names {
		tap.note(values[name]...)
	}
}

func (tap *Tap) response(r *http.Response) error {
	r.Body = &noting{ReadCloser: r.Body, tap: tap}
	return nil
}

// noting looks at a body as it passes.
type noting struct {
	io.ReadCloser
	tap  *Tap
	seen bytes.Buffer
}

// Read implements io.Reader. Secrets are noted before the reader has them.
func (n *noting) Read(p []byte) (int, error) {
	read, err := n.ReadCloser.Read(p)
	if n.seen.Len() < maxNoted {
		n.seen.Write(p[:read])
		for _, match := range n.tap.fields.FindAllSubmatch(n.seen.Bytes(), -1) {
			n.tap.note(string(match[1]))
		}
	}
	return read, err
}
