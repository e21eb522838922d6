package simulator_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

func TestAdminAPI(t *testing.T) {
	b := newBench(t)
	b.login(causely.DemoAccount())
	token := b.create("mediator")
	disabled := `{"clientID":"c2","projectID":"p3","admin":true,"disabled":true,"tokens":\[\]}`

	// The steps follow one another; want is a regular expression for the body.
	steps := []struct {
		reason, method, path, body string
		status                     int
		want                       string
	}{
		{"it is alive", "GET", "/sim/healthz", "", 200, `^{}$`},
		{"there is nothing else", "GET", "/sim/nothing", "", 404, `^{"error":".*not found"}$`},
		{"the truth has tokens without values", "GET", "/sim/causely/truth", "", 200,
			`"tokens":\[{"id":"` + token.ID + `","name":"mediator","projectID":"[^"]+","state":"active",` +
				`"createdAt":"[^".]+Z","valueSHA256":"[0-9a-f]{64}"}\]}\],"calls":{"causely.create":1,"causely.login":1},` +
				`"refused":{},"logins":1}$`},
		{"a value opens the gateway", "POST", "/sim/causely/check", `{"value":"` + *token.TokenValue + `"}`, 200,
			`^{"known":true,"active":true,"id":"` + token.ID + `","name":"mediator"}$`},
		{"another does not", "POST", "/sim/causely/check", `{"value":"x"}`, 200, `"known":false,"active":false`},
		{"a person revokes", "POST", "/sim/causely/tokens/" + token.ID + "/revoke", "", 200, `^{}$`},
		{"but not what is not there", "POST", "/sim/causely/tokens/none/revoke", "", 404, `"error"`},
		{"a person creates", "POST", "/sim/causely/tokens", `{"clientID":"demo-client","name":"x"}`, 200, `^{"id":"[^"]+"}$`},
		{"with a name", "POST", "/sim/causely/tokens", `{"clientID":"demo-client"}`, 400, `"error"`},
		{"for somebody", "POST", "/sim/causely/tokens", `{"clientID":"nobody","name":"x"}`, 404, `"error"`},
		{"an account is added", "POST", "/sim/causely/accounts",
			`{"clientID":"c2","secret":"s2","projectID":"p2","admin":true}`, 200, `^{}$`},
		{"it logs in", "POST", loginPath, loginBody("c2", "s2"), 200, `"access_token"`},
		{"it is switched", "POST", "/sim/causely/accounts/c2/project", `{"projectID":"p3"}`, 200, `^{}$`},
		{"it is disabled", "DELETE", "/sim/causely/accounts/c2", "", 200, `^{}$`},
		{"the truth says so", "GET", "/sim/causely/truth", "", 200, disabled},
		{"it logs in no more", "POST", loginPath, loginBody("c2", "s2"), 401, `"errors"`},
		{"nobody cannot be disabled", "DELETE", "/sim/causely/accounts/nobody", "", 404, `"error"`},
		{"bearers end", "POST", "/sim/causely/expire-bearers", "", 200, `^{}$`},
		{"all of them", "GET", "/api/tokens", "", 401, `"error"`},
		{"switches show", "GET", "/sim/causely/switches", "", 200, `"loginSpelling":"snake".*"bearerSeconds":86400`},
		{"one is turned", "PUT", "/sim/causely/switches", `{"loginSpelling":"camel"}`, 200, `"camel".*"bearerSeconds":86400`},
		{"the others stay", "GET", "/sim/causely/switches", "", 200, `"camel".*"bearerSeconds":86400`},
		{"a typing error is one", "PUT", "/sim/causely/switches", `{"loginSpeling":"camel"}`, 400, `loginSpeling`},
		{"so is a wrong value", "PUT", "/sim/causely/switches", `{"secondRevoke":"never"}`, 400, `conflict`},
		{"and a lifetime of nothing", "PUT", "/sim/causely/switches", `{"bearerSeconds":0}`, 400, `bearerSeconds`},
		{"a fault is set", "POST", "/sim/faults",
			`{"route":"causely.list","kind":"status","times":0,"status":429,"retryAfter":"7","after":1}`, 200, `^{"id":"1"}$`},
		{"another, once", "POST", "/sim/faults", `{"route":"causely.list","kind":"clockSkew","delay":"-2m"}`, 200, `^{"id":"2"}$`},
		{"a kind must exist", "POST", "/sim/faults", `{"route":"causely.list","kind":"meteor"}`, 400, `meteor`},
		{"a delay must be one", "POST", "/sim/faults", `{"route":"causely.list","kind":"latency","delay":"soon"}`, 400, `delay`},
		{"a body must be JSON", "POST", "/sim/faults", `{`, 400, `"error"`},
		{"and one value", "POST", "/sim/faults", `{"route":"causely.list","kind":"html"}{}`, 400, `"error"`},
		{"the second is due first", "GET", "/api/tokens", "", 401, `"error"`},
		{"then the first", "GET", "/api/tokens", "", 429, `"error"`},
		{"hits are counted", "GET", "/sim/faults", "", 200,
			`^\[{"id":"1","route":"causely.list","kind":"status","times":0,"after":1,"status":429,"retryAfter":"7","hits":1},` +
				`{"id":"2","route":"causely.list","kind":"clockSkew","times":1,"after":0,"delay":"-2m0s","hits":1}\]$`},
		{"one is removed", "DELETE", "/sim/faults/1", "", 200, `^{}$`},
		{"and is gone", "DELETE", "/sim/faults/1", "", 404, `"error"`},
		{"all are removed", "DELETE", "/sim/faults", "", 200, `^{}$`},
		{"none is left", "GET", "/sim/faults", "", 200, `^\[\]$`},
		{"the transcript knows the faults", "GET", "/sim/transcript", "", 200,
			`"route":"causely.list","method":"GET","path":"/api/tokens","status":429,"fault":"status"}\]$`},
	}
	for _, step := range steps {
		got := b.call(step.method, step.path, step.body)
		if got.err != nil || got.status != step.status {
			t.Errorf("%s: status %d (%v), want %d: %s", step.reason, got.status, got.err, step.status, got.body)
		}
		if !matches(step.want, got.body) {
			t.Errorf("%s: body %s does not match %s", step.reason, got.body, step.want)
		}
		checkSilence(t, step.path, got.body, *token.TokenValue, b.bearer)
	}
}

func TestHTTP2IsSpoken(t *testing.T) {
	for http2, want := range map[bool]string{true: "HTTP/2.0", false: "HTTP/1.1"} {
		b := newBench(t)
		response, err := newClient(t, b.server, http2).Get(strings.Replace(b.server.URL(), "127.0.0.1", "localhost", 1) + "/sim/healthz")
		if err != nil {
			t.Fatalf("the certificate must be good for localhost: %v", err)
		}
		_ = response.Body.Close()
		if response.Proto != want {
			t.Errorf("spoke %s, want %s", response.Proto, want)
		}
	}
}

func TestListen(t *testing.T) {
	cases := map[string]struct {
		reason, address string
		good            bool
	}{
		"IPv4":      {reason: "loopback", address: "127.0.0.1:0", good: true},
		"Name":      {reason: "loopback by name", address: "localhost:0", good: true},
		"Any":       {reason: "all addresses are too many", address: "0.0.0.0:0"},
		"Nothing":   {reason: "no address means all", address: ":0"},
		"Any6":      {reason: "all addresses are too many", address: "[::]:0"},
		"Elsewhere": {reason: "a documentation address is not loopback", address: "192.0.2.1:0"},
		"NoPort":    {reason: "a port is needed", address: "127.0.0.1"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server, err := simulator.NewServer(simulator.WithListen(tc.address))
			if (err == nil) != tc.good {
				t.Errorf("%s: error %v", tc.reason, err)
			}
			if err == nil {
				server.Close()
				server.Close() // a second time does no harm
			}
		})
	}
	if _, err := simulator.NewServer(simulator.WithCauselyAccounts(causely.Account{ClientID: "half"})); err == nil {
		t.Error("an account without secret and project is no account")
	}
}

func TestCloseReleasesWhatHangs(t *testing.T) {
	for _, kind := range []stage.Kind{stage.HangAfterCommit, stage.Latency, stage.LateCommit} {
		t.Run(string(kind), func(t *testing.T) {
			b := newBench(t)
			b.login(causely.DemoAccount())
			b.fault(simulator.Fault{Route: causely.RouteCreate, Kind: kind, Delay: time.Hour})
			answered := make(chan reply, 1)
			go func() { answered <- b.call("POST", "/api/tokens", nameBody("stuck")) }()
			until(t, "the call has come", func() bool { return b.lastEntry().Route == causely.RouteCreate })
			b.server.Close()
			if got := <-answered; got.err == nil {
				t.Errorf("got %d from a closed server", got.status)
			}
			if got := b.call("GET", "/sim/healthz", ""); got.err == nil {
				t.Error("a closed server answers")
			}
		})
	}
}

func TestTenThousandTokens(t *testing.T) {
	const count = 10_000
	b := newBench(t)
	b.login(causely.DemoAccount())
	for i := range count {
		id, err := b.server.Causely().Create(causely.DemoClientID, "token-"+strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			continue
		}
		if err := b.server.Causely().Revoke(id); err != nil {
			t.Fatal(err)
		}
	}
	response := b.open("GET", "/api/tokens", "")
	defer func() { _ = response.Body.Close() }()
	decoder := json.NewDecoder(response.Body)
	if _, err := decoder.Token(); err != nil {
		t.Fatal(err)
	}
	// The client reads slowly: the vendor goes on meanwhile, and the list shows its beginning.
	b.create("meanwhile")
	rows, active := 0, 0
	for decoder.More() {
		var r row
		if err := decoder.Decode(&r); err != nil {
			t.Fatal(err)
		}
		if want := "token-" + strconv.Itoa(count-1-rows); r.Name != want {
			t.Fatalf("row %d is %s, want %s", rows, r.Name, want)
		}
		rows++
		if r.State == "active" {
			active++
		}
	}
	if rows != count || active != count/2 {
		t.Errorf("%d rows, %d active", rows, active)
	}
}

func TestTranscriptIsBounded(t *testing.T) {
	b := newBench(t)
	b.call("GET", "/first", "")
	for range stage.TranscriptLimit {
		b.call("GET", "/api/tokens", "")
	}
	b.call("GET", "/last?secret=s3cr3t", "")
	entries := b.server.Transcript()
	if len(entries) != stage.TranscriptLimit || entries[0].Path != "/api/tokens" {
		t.Errorf("%d entries, the first %+v", len(entries), entries[0])
	}
	want := simulator.Entry{Route: simulator.RouteUnknown, Method: "GET", Path: "/last", Status: 404}
	last := entries[len(entries)-1]
	last.Time = time.Time{}
	if diff := cmp.Diff(want, last); diff != "" {
		t.Errorf("last entry (-want +got):\n%s", diff)
	}
}

// Many clients at once, faults coming and going, and somebody who looks at the truth: at the end the books balance.
func TestConcurrentUse(t *testing.T) {
	b := newBench(t)
	b.login(causely.DemoAccount())
	kinds := []stage.Kind{stage.CutAfterCommit, stage.CutBeforeCommit, stage.StatusAfterCommit, stage.LateCommit}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 20 {
				b.fault(simulator.Fault{Route: causely.RouteCreate, Kind: kinds[(worker+i)%len(kinds)], Times: 1, After: 1})
				got := b.call("POST", "/api/tokens", nameBody("n"))
				var created row
				if got.err == nil && got.status == 201 && json.Unmarshal(got.body, &created) == nil {
					b.revoke(created.ID)
				}
				b.list()
				b.server.Causely().Truth()
				b.server.Transcript()
			}
		})
	}
	wg.Wait()
	b.server.Faults().CommitLate()
	notCommitted := 0
	for _, state := range b.server.Faults().List() {
		if state.Kind == stage.CutBeforeCommit {
			notCommitted += state.Hits
		}
	}
	truth := b.server.Causely().Truth()
	if calls, tokens := truth.Calls[causely.RouteCreate], len(b.tokens()); calls != tokens+notCommitted {
		t.Errorf("%d creates, %d tokens, %d not committed", calls, tokens, notCommitted)
	}
}

// Clients are killed in the middle of creating and listing; the simulator goes on and knows every token it committed.
func TestKilledClients(t *testing.T) {
	b := newBench(t)
	b.login(causely.DemoAccount())
	for i := range 1000 {
		if _, err := b.server.Causely().Create(causely.DemoClientID, strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	b.fault(simulator.Fault{Route: causely.RouteCreate, Kind: stage.HangAfterCommit, After: 10})
	ca, err := os.CreateTemp(t.TempDir(), "ca")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ca.Write(b.server.CAPEM()); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		killAtWork(t, url.Values{"base": {b.server.URL()}, "ca": {ca.Name()}, "bearer": {b.bearer}})
	}
	rows := len(b.list())
	if tokens := len(b.tokens()); rows != tokens || rows <= 1000 {
		t.Errorf("the list has %d rows, the truth %d tokens", rows, tokens)
	}
	if calls := b.server.Causely().Truth().Calls[causely.RouteCreate]; calls != rows-1000 {
		t.Errorf("%d calls made %d tokens", calls, rows-1000)
	}
	b.server.Close()
}

// killAtWork starts this test binary as a client (TestClientProcess) and kills it once it is at work.
func killAtWork(t *testing.T, config url.Values) {
	t.Helper()
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	client := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestClientProcess$")
	client.Env = append(os.Environ(), "SIMULATOR_TEST_CLIENT="+config.Encode())
	output, err := client.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	for range 6 {
		if !lines.Scan() {
			t.Fatal("the client ended by itself")
		}
	}
	kill() // SIGKILL
	if err := client.Wait(); err == nil {
		t.Error("the client was not killed")
	}
}

// TestClientProcess is no test but the client that TestKilledClients kills: it creates and lists until then.
func TestClientProcess(t *testing.T) {
	encoded, asked := os.LookupEnv("SIMULATOR_TEST_CLIENT")
	if !asked {
		t.Skip("only for a process that TestKilledClients starts")
	}
	runClientProcess(t, encoded)
}

func TestRevealedSecrets(t *testing.T) {
	const path = "/sim/causely/secrets"
	if got := newBench(t).call("GET", path, ""); got.status != 404 {
		t.Errorf("a simulator that was not asked to reveals secrets: status %d", got.status)
	}

	b := newBench(t, simulator.WithRevealedSecrets())
	b.login(causely.DemoAccount())
	token := b.create("mediator")
	bearer := b.bearer
	if err := b.server.Causely().Revoke(token.ID); err != nil {
		t.Fatal(err)
	}
	b.server.Causely().ExpireBearers()
	got := b.call("GET", path, "")
	var told struct {
		Secrets []string `json:"secrets"`
	}
	if err := json.Unmarshal(got.body, &told); err != nil {
		t.Fatalf("%s: %v", got.body, err)
	}
	// The refresh token, which nobody else sees, is the last.
	if diff := cmp.Diff([]string{causely.DemoSecret, *token.TokenValue, bearer}, told.Secrets[:len(told.Secrets)-1]); diff != "" {
		t.Errorf("secrets, what is over included (-want +got):\n%s", diff)
	}
}
