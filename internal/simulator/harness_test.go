package simulator_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

const loginPath = "/frontegg/identity/resources/auth/v2/api-token"

// patience is how long a test waits for what must happen at once; it is only reached when the test fails.
const patience = 30 * time.Second

// bench is a running simulator and a client that speaks plain HTTP to it, over TLS.
type bench struct {
	t      *testing.T
	server *simulator.Server
	client *http.Client
	bearer string
}

// reply is what the client saw of an answer. err is set when the call or the reading of its body failed.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error
}

// row is what tests read of a token object.
type row struct {
	ID         string  `json:"id"`
	Name       string  `json:"name"`
	TokenValue *string `json:"tokenValue"`
	MediatorID string  `json:"mediatorId"`
	ProjectID  string  `json:"projectId"`
	CreatedBy  string  `json:"createdBy"`
	State      string  `json:"state"`
	RevokedAt  string  `json:"revokedAt"`
	RevokedBy  string  `json:"revokedBy"`
	CreatedAt  string  `json:"createdAt"`
}

func newBench(t *testing.T, options ...simulator.Option) *bench {
	t.Helper()
	server, err := simulator.NewServer(options...)
	if err != nil {
		t.Fatalf("NewServer: %v", err)
	}
	t.Cleanup(server.Close)
	b := &bench{t: t, server: server, client: newClient(t, server, true)}
	return b
}

// newClient trusts the simulator's own authority and nobody else, and follows no redirect.
func newClient(t *testing.T, server *simulator.Server, http2 bool) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(server.CAPEM()) {
		t.Fatal("CAPEM holds no certificate")
	}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: http2,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (b *bench) request(ctx context.Context, method, path, body string) *http.Request {
	b.t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, b.server.URL()+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatalf("request: %v", err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if b.bearer != "" {
		request.Header.Set("Authorization", "Bearer "+b.bearer)
	}
	return request
}

func (b *bench) do(ctx context.Context, method, path, body string) reply {
	b.t.Helper()
	return b.send(b.request(ctx, method, path, body))
}

// send makes a call that differs from the usual ones.
func (b *bench) send(request *http.Request) reply {
	b.t.Helper()
	response, err := b.client.Do(request)
	if err != nil {
		return reply{err: err}
	}
	defer func() { _ = response.Body.Close() }()
	read, err := io.ReadAll(response.Body)
	return reply{status: response.StatusCode, header: response.Header, body: read, err: err}
}

// open makes a call and leaves its answer's body to the caller.
func (b *bench) open(method, path, body string) *http.Response {
	b.t.Helper()
	response, err := b.client.Do(b.request(b.t.Context(), method, path, body))
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	return response
}

func (b *bench) call(method, path, body string) reply {
	b.t.Helper()
	return b.do(b.t.Context(), method, path, body)
}

// login gets a bearer for the account and uses it from now on.
func (b *bench) login(account causely.Account) {
	b.t.Helper()
	got := b.call("POST", loginPath, loginBody(account.ClientID, account.Secret))
	var answer struct {
		Snake string `json:"access_token"`
		Camel string `json:"accessToken"`
	}
	parse(b.t, got, http.StatusOK, &answer)
	b.bearer = answer.Snake + answer.Camel
}

func (b *bench) create(name string) row {
	b.t.Helper()
	var created row
	parse(b.t, b.call("POST", "/api/tokens", nameBody(name)), http.StatusCreated, &created)
	return created
}

func (b *bench) list() []row {
	b.t.Helper()
	var rows []row
	parse(b.t, b.call("GET", "/api/tokens", ""), http.StatusOK, &rows)
	return rows
}

func (b *bench) revoke(id string) reply {
	b.t.Helper()
	return b.call("POST", revokePath(id), "")
}

func (b *bench) fault(fault simulator.Fault) string {
	b.t.Helper()
	id, err := b.server.Faults().Add(fault)
	if err != nil {
		b.t.Fatalf("Add(%+v): %v", fault, err)
	}
	return id
}

// tokens are all tokens of the simulator.
func (b *bench) tokens() []causely.TokenTruth {
	var tokens []causely.TokenTruth
	for _, account := range b.server.Causely().Truth().Accounts {
		tokens = append(tokens, account.Tokens...)
	}
	return tokens
}

func (b *bench) lastEntry() simulator.Entry {
	b.t.Helper()
	entries := b.server.Transcript()
	if len(entries) == 0 {
		b.t.Fatal("the transcript is empty")
	}
	return entries[len(entries)-1]
}

// until waits for a condition that another goroutine brings about.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !condition() {
		if ctx.Err() != nil {
			t.Fatalf("gave up waiting until %s", what)
		}
		runtime.Gosched()
	}
}

func parse(t *testing.T, got reply, status int, into any) {
	t.Helper()
	if got.err != nil || got.status != status {
		t.Fatalf("status %d (%v), want %d: %s", got.status, got.err, status, got.body)
	}
	if err := json.Unmarshal(got.body, into); err != nil {
		t.Fatalf("body %q: %v", got.body, err)
	}
}

func names(rows []row) []string {
	found := []string{}
	for _, r := range rows {
		found = append(found, r.Name)
	}
	return found
}

func loginBody(clientID, secret string) string {
	return fmt.Sprintf(`{"clientId":%q,"secret":%q}`, clientID, secret)
}

func nameBody(name string) string { return fmt.Sprintf(`{"name":%q}`, name) }

func revokePath(id string) string { return "/api/tokens/" + id + "/revoke?tokenId=" + id }

func reader() causely.Account {
	return causely.Account{ClientID: "reader", Secret: "reader-secret", ProjectID: causely.DemoProjectID}
}

func stranger() causely.Account {
	return causely.Account{ClientID: "stranger", Secret: "stranger-secret", ProjectID: "another", Admin: true}
}

func withEverybody() simulator.Option {
	return simulator.WithCauselyAccounts(causely.DemoAccount(), reader(), stranger())
}

func forever(route string, kind stage.Kind) simulator.Fault {
	return simulator.Fault{Route: route, Kind: kind}
}

func matches(pattern string, body []byte) bool { return regexp.MustCompile(pattern).Match(body) }

// checkSilence fails if the admin API shows a secret.
func checkSilence(t *testing.T, path string, body []byte, secrets ...string) {
	t.Helper()
	for _, secret := range append(secrets, causely.DemoSecret) {
		if strings.HasPrefix(path, "/sim/") && bytes.Contains(body, []byte(secret)) {
			t.Errorf("%s shows a secret", path)
		}
	}
}

// runClientProcess creates and lists with several connections, and writes a line per answer, until it is killed.
func runClientProcess(t *testing.T, encoded string) {
	config, err := url.ParseQuery(encoded)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(config.Get("ca"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	var wg sync.WaitGroup
	for worker := range 4 {
		client := &http.Client{Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2: worker%2 == 0,
		}}
		wg.Go(func() {
			for i := 0; ; i++ {
				method, body := "GET", io.Reader(nil)
				if (worker+i)%4 == 0 {
					method, body = "POST", strings.NewReader(nameBody("killed"))
				}
				request, _ := http.NewRequestWithContext(t.Context(), method, config.Get("base")+"/api/tokens", body)
				request.Header = http.Header{
					"Authorization": {"Bearer " + config.Get("bearer")}, "Content-Type": {"application/json"},
				}
				response, err := client.Do(request)
				if err != nil {
					continue
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				fmt.Fprintln(os.Stdout, method, response.StatusCode)
			}
		})
	}
	wg.Wait()
}

func digest(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}

// second is the error of a call that returns two things.
func second[T any](_ T, err error) error { return err }
