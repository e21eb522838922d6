package simulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

// Each case begins with one token "old" and calls a route once with a fault that needs no time to pass.
func TestFaults(t *testing.T) {
	type want struct {
		status     int    // as the client sees it; 0 is a call without an answer
		cut        bool   // the call or the reading of its body fails
		body       string // a regular expression for the body
		header     http.Header
		tokens     int // afterwards
		transcript int // the status noted there
		refused    int
	}
	create := simulator.Fault{Route: causely.RouteCreate}
	list := simulator.Fault{Route: causely.RouteList}
	with := func(fault simulator.Fault, kind stage.Kind, change ...func(*simulator.Fault)) simulator.Fault {
		fault.Kind, fault.Times = kind, 1
		for _, c := range change {
			c(&fault)
		}
		return fault
	}
	status := func(status int, retryAfter string) func(*simulator.Fault) {
		return func(f *simulator.Fault) { f.Status, f.RetryAfter = status, retryAfter }
	}
	delay := func(d time.Duration) func(*simulator.Fault) { return func(f *simulator.Fault) { f.Delay = d } }

	cases := map[string]struct {
		reason string
		fault  simulator.Fault
		want   want
	}{
		"Status": {
			reason: "nothing is committed before the status", fault: with(create, stage.Status, status(429, "0")),
			want: want{
				status: 429, body: `^{"error":".+"}$`, header: http.Header{"Retry-After": {"0"}},
				tokens: 1, transcript: 429, refused: 1,
			},
		},
		"StatusByDefault": {
			reason: "503 without Retry-After is what one gets who says nothing", fault: with(create, stage.Status),
			want: want{status: 503, header: http.Header{"Retry-After": nil}, tokens: 1, transcript: 503, refused: 1},
		},
		"StatusOfLogin": {
			reason: "each route has its vendor's error shape",
			fault:  with(simulator.Fault{Route: causely.RouteLogin}, stage.Status, status(500, "Tue, 26 May 2026 19:16:45 GMT")),
			want: want{
				status: 500, body: `^{"errors":\[".+"\]}$`, header: http.Header{"Retry-After": {"Tue, 26 May 2026 19:16:45 GMT"}},
				tokens: 1, transcript: 500, refused: 1,
			},
		},
		"StatusWithoutBody": {
			reason: "a status that has no body gets none", fault: with(create, stage.Status, status(204, "")),
			want: want{status: 204, body: `^$`, tokens: 1, transcript: 204},
		},
		"StatusAfterCommit": {
			reason: "the token is there in spite of the status", fault: with(create, stage.StatusAfterCommit, status(502, "7")),
			want: want{
				status: 502, body: `"error"`, header: http.Header{"Retry-After": {"7"}}, tokens: 2, transcript: 502,
			},
		},
		"CutBeforeCommit": {
			reason: "no answer, no token", fault: with(create, stage.CutBeforeCommit), want: want{cut: true, tokens: 1},
		},
		"CutAfterCommit": {
			reason: "no answer, but a token", fault: with(create, stage.CutAfterCommit), want: want{cut: true, tokens: 2},
		},
		"CutList": {
			reason: "a call that changes nothing can be cut as well", fault: with(list, stage.CutAfterCommit),
			want: want{cut: true, tokens: 1},
		},
		"TruncatedBody": {
			reason: "half an answer, and a token", fault: with(create, stage.TruncatedBody),
			want: want{status: 201, cut: true, body: `^{"id":"[^}]+$`, tokens: 2, transcript: 201},
		},
		"TruncatedList": {
			reason: "half a list", fault: with(list, stage.TruncatedBody),
			want: want{status: 200, cut: true, body: `^\[{"id":"[^}]+$`, tokens: 1, transcript: 200},
		},
		"MalformedJSON": {
			reason: "the closing brace is missing, the end of the body is not", fault: with(create, stage.MalformedJSON),
			want: want{status: 201, body: `^{"id":"[^}]+"$`, tokens: 2, transcript: 201},
		},
		"MalformedList": {
			reason: "all rows are whole, and still the list is not", fault: with(list, stage.MalformedJSON),
			want: want{status: 200, body: `^\[{[^}]+}$`, tokens: 1, transcript: 200},
		},
		"HTML": {
			reason: "a web page for whoever takes any 200", fault: with(create, stage.HTML),
			want: want{
				status: 200, body: `^<!DOCTYPE html>`, header: http.Header{"Content-Type": {"text/html; charset=utf-8"}},
				tokens: 1, transcript: 200,
			},
		},
		"WrongContentType": {
			reason: "JSON under another name, and a token", fault: with(create, stage.WrongContentType),
			want: want{
				status: 201, body: `^{"id":.*}$`, header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
				tokens: 2, transcript: 201,
			},
		},
		"Unauthorized": {
			reason: "401 for a bearer that is good", fault: with(create, stage.Unauthorized),
			want: want{status: 401, body: `^{"error":".+"}$`, tokens: 1, transcript: 401, refused: 1},
		},
		"Redirect": {
			reason: "the same path under another host name", fault: with(list, stage.Redirect),
			want: want{status: 302, header: http.Header{"Location": {"https://localhost:PORT/api/tokens"}}, tokens: 1,
				transcript: 302, refused: 1},
		},
		"ClockSkew": {
			reason: "the Date header lags", fault: with(create, stage.ClockSkew, delay(-time.Hour)),
			want: want{
				status: 201, header: http.Header{"Date": {"Tue, 26 May 2026 18:16:45 GMT"}}, tokens: 2, transcript: 201,
			},
		},
		"EmptyValue": {
			reason: "a token, and no way to know its value", fault: with(create, stage.EmptyValue),
			want: want{status: 201, body: `"tokenValue":"",`, tokens: 2, transcript: 201},
		},
		"EmptyValueOfList": {
			reason: "rows that hide their value", fault: with(list, stage.EmptyValue),
			want: want{status: 200, body: `"tokenValue":"",`, tokens: 1, transcript: 200},
		},
		"EmptyValueOfLogin": {
			reason: "a login without a bearer", fault: with(simulator.Fault{Route: causely.RouteLogin}, stage.EmptyValue),
			want: want{status: 200, body: `"access_token":"",`, tokens: 1, transcript: 200},
		},
		"EmptyValueOfDefault": {
			reason: "a default token without a value", fault: with(simulator.Fault{Route: causely.RouteDefault}, stage.EmptyValue),
			want: want{status: 200, body: `^{"tokenValue":""}$`, tokens: 1, transcript: 200},
		},
		"AlteredName": {
			reason: "the name is not the one asked for", fault: with(create, stage.AlteredName),
			want: want{status: 201, body: `"name":"new-altered"`, tokens: 2, transcript: 201},
		},
		"EmptyList": {
			reason: "a list that shows nothing", fault: with(list, stage.EmptyList),
			want: want{status: 200, body: `^\[\]$`, tokens: 1, transcript: 200},
		},
	}
	bodies := map[string]struct{ method, path, body string }{
		causely.RouteLogin:   {"POST", loginPath, loginBody(causely.DemoClientID, causely.DemoSecret)},
		causely.RouteCreate:  {"POST", "/api/tokens", nameBody("new")},
		causely.RouteList:    {"GET", "/api/tokens", ""},
		causely.RouteDefault: {"GET", "/api/tokens/default", ""},
	}
	for name, tc := range cases {
		for _, http2 := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/HTTP2=%v", name, http2), func(t *testing.T) {
				b := newBench(t, simulator.WithClock(newFakeClock()))
				b.client = newClient(t, b.server, http2)
				b.login(causely.DemoAccount())
				b.create("old")
				b.fault(tc.fault)
				// A new connection: on one that was used Go's client would repeat a GET that got no answer.
				b.client = newClient(t, b.server, http2)

				call := bodies[tc.fault.Route]
				got := b.call(call.method, call.path, call.body)
				seen := want{
					status: got.status, cut: got.err != nil, body: tc.want.body, header: tc.want.header,
					tokens: len(b.tokens()), transcript: b.lastEntry().Status,
					refused: b.server.Causely().Truth().Refused[tc.fault.Route],
				}
				if diff := cmp.Diff(tc.want, seen, cmp.AllowUnexported(want{})); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
				}
				if !regexp.MustCompile(tc.want.body).Match(got.body) {
					t.Errorf("%s: body %s does not match %s", tc.reason, got.body, tc.want.body)
				}
				port := b.server.URL()[strings.LastIndex(b.server.URL(), ":"):]
				for key, values := range tc.want.header {
					has := strings.Replace(got.header.Get(key), port, ":PORT", 1)
					if has != strings.Join(values, "") {
						t.Errorf("%s: header %s is %q, want %q", tc.reason, key, has, values)
					}
				}
				if entry := b.lastEntry(); entry.Fault != tc.fault.Kind || entry.Route != tc.fault.Route {
					t.Errorf("%s: the transcript says %+v", tc.reason, entry)
				}
				b.login(causely.DemoAccount())
				b.list() // the fault is used up, and the vendor is well
			})
		}
	}
}

func TestHuge(t *testing.T) {
	cases := map[string]struct {
		reason string
		kind   stage.Kind
		rows   int
		field  string
	}{
		"Field": {reason: "one string of a known field is huge", kind: stage.HugeBody, rows: 1, field: "name"},
		"Row":   {reason: "one unknown array makes its row huge", kind: stage.HugeRow, rows: 1, field: "labels"},
		"None":  {reason: "a huge answer needs no row to begin with", kind: stage.HugeBody, field: "name"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.login(causely.DemoAccount())
			for range tc.rows {
				b.create("name")
			}
			b.fault(forever(causely.RouteList, tc.kind))
			response := b.open("GET", "/api/tokens", "")
			defer func() { _ = response.Body.Close() }()
			size, rest := withoutFiller(t, response.Body)
			var rows []map[string]json.RawMessage
			if err := json.Unmarshal(rest, &rows); err != nil {
				t.Fatalf("%s: not JSON: %v", tc.reason, err)
			}
			if _, found := rows[0][tc.field]; size < stage.HugeSize || len(rows) != 1 || !found {
				t.Errorf("%s: %d bytes, %d rows, field %s %v", tc.reason, size, len(rows), tc.field, found)
			}
		})
	}
}

// withoutFiller reads all and returns how much it was, and what remains without the letter that fills huge answers:
// JSON that is as valid as the whole.
func withoutFiller(t *testing.T, from io.Reader) (size int, rest []byte) {
	t.Helper()
	chunk := make([]byte, 1<<20)
	for {
		n, err := from.Read(chunk)
		size += n
		rest = append(rest, bytes.ReplaceAll(chunk[:n], []byte("x"), nil)...)
		if errors.Is(err, io.EOF) {
			return size, rest
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestHugeForAClientThatLeaves(t *testing.T) {
	b := newBench(t)
	b.login(causely.DemoAccount())
	b.fault(forever(causely.RouteCreate, stage.HugeBody))
	response := b.open("POST", "/api/tokens", nameBody("huge"))
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if tokens := b.tokens(); len(tokens) != 1 {
		t.Errorf("%d tokens, want the one whose answer was too much", len(tokens))
	}
	b.server.Close() // returns only when nobody writes any more
}

func TestDelays(t *testing.T) {
	cases := map[string]struct {
		reason    string
		kind      stage.Kind
		during    int // tokens while the fault waits
		cutAtOnce bool
	}{
		"Latency":         {reason: "the commit waits", kind: stage.Latency, during: 0},
		"HangAfterCommit": {reason: "the answer waits", kind: stage.HangAfterCommit, during: 1},
		"LateCommit":      {reason: "the client does not wait for the commit", kind: stage.LateCommit, cutAtOnce: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			clock := newFakeClock()
			b := newBench(t, simulator.WithClock(clock))
			b.login(causely.DemoAccount())
			b.fault(simulator.Fault{Route: causely.RouteCreate, Kind: tc.kind, Delay: time.Minute})

			answered := make(chan reply, 1)
			go func() { answered <- b.call("POST", "/api/tokens", nameBody("slow")) }()
			until(t, "the fault waits", clock.HasWaiters)
			if tokens := b.tokens(); len(tokens) != tc.during {
				t.Errorf("%s: %d tokens meanwhile, want %d", tc.reason, len(tokens), tc.during)
			}
			if tc.cutAtOnce {
				if got := <-answered; got.err == nil {
					t.Errorf("%s: got %d", tc.reason, got.status)
				}
				b.server.Faults().Clear() // takes back no commit
			}
			clock.Step(time.Minute)
			if !tc.cutAtOnce {
				if got := <-answered; got.err != nil || got.status != 201 {
					t.Errorf("%s: status %d (%v), want 201", tc.reason, got.status, got.err)
				}
			}
			until(t, "the token is there", func() bool { return len(b.tokens()) == 1 })
		})
	}
}

func TestLateCommitOnCommand(t *testing.T) {
	clock := newFakeClock()
	b := newBench(t, simulator.WithClock(clock))
	b.login(causely.DemoAccount())
	b.fault(simulator.Fault{Route: causely.RouteCreate, Kind: stage.LateCommit, Delay: time.Hour})
	for _, name := range []string{"a", "b"} {
		if got := b.call("POST", "/api/tokens", nameBody(name)); got.err == nil {
			t.Fatalf("status %d, want a cut", got.status)
		}
	}
	b.server.Causely().ExpireBearers() // what was accepted stays accepted
	if count := b.server.Faults().CommitLate(); count != 2 {
		t.Errorf("%d late commits, want 2", count)
	}
	clock.Step(time.Hour)
	if count := b.server.Faults().CommitLate(); count != 0 {
		t.Errorf("%d late commits left", count)
	}
	b.server.Close()
	tokens := b.tokens()
	if len(tokens) != 2 || tokens[0].Name != "a" || tokens[1].Name != "b" {
		t.Errorf("tokens %+v, want a and b, once each", tokens)
	}
}

func TestClientLeaves(t *testing.T) {
	cases := map[string]struct {
		reason string
		kind   stage.Kind
		tokens int
	}{
		"Latency":         {reason: "nothing is committed for who has left", kind: stage.Latency, tokens: 0},
		"HangAfterCommit": {reason: "what is committed stays", kind: stage.HangAfterCommit, tokens: 1},
	}
	for name, tc := range cases {
		for _, http2 := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/HTTP2=%v", name, http2), func(t *testing.T) {
				clock := newFakeClock()
				b := newBench(t, simulator.WithClock(clock))
				b.client = newClient(t, b.server, http2)
				b.login(causely.DemoAccount())
				b.fault(simulator.Fault{Route: causely.RouteCreate, Kind: tc.kind, Delay: time.Hour})
				ctx, leave := context.WithCancel(t.Context())
				gone := make(chan reply, 1)
				go func() { gone <- b.do(ctx, "POST", "/api/tokens", nameBody("left")) }()
				until(t, "the fault waits", clock.HasWaiters)
				leave()
				if got := <-gone; got.err == nil {
					t.Errorf("%s: status %d for a client that left", tc.reason, got.status)
				}
				b.server.Close()
				if tokens := b.tokens(); len(tokens) != tc.tokens {
					t.Errorf("%s: %d tokens, want %d", tc.reason, len(tokens), tc.tokens)
				}
				if entry := b.lastEntry(); entry.Status != 0 {
					t.Errorf("%s: the transcript says %+v", tc.reason, entry)
				}
			})
		}
	}
}

func TestListsOfThePast(t *testing.T) {
	cases := map[string]struct {
		reason string
		kind   stage.Kind
		delay  time.Duration
		want   []string
	}{
		"Eventual": {
			reason: "creates of the last two minutes are not listed yet, revocations are",
			kind:   stage.EventualList, delay: 2 * time.Minute, want: []string{"first revoked"},
		},
		"EventualNow": {
			reason: "after a while everything is listed",
			kind:   stage.EventualList, delay: time.Second, want: []string{"second active", "first revoked"},
		},
		"Stale": {
			reason: "the list as it was three minutes ago knows no revocation",
			kind:   stage.StaleList, delay: 3 * time.Minute, want: []string{"first active"},
		},
		"StaleSinceSet": {
			reason: "the list as it was when the fault was set, at the very time of the second create but before it",
			kind:   stage.StaleList, want: []string{"first active"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			clock := newFakeClock()
			b := newBench(t, simulator.WithClock(clock))
			b.login(causely.DemoAccount())
			first := b.create("first")
			clock.Step(4 * time.Minute)
			b.fault(simulator.Fault{Route: causely.RouteList, Kind: tc.kind, Delay: tc.delay})
			b.create("second")
			b.revoke(first.ID)
			clock.Step(time.Minute)
			got := []string{}
			for _, r := range b.list() {
				got = append(got, r.Name+" "+r.State)
				if (r.State == "active") != (r.TokenValue != nil) || (r.State == "revoked") != (r.RevokedAt != "") {
					t.Errorf("%s: row %+v does not fit its state", tc.reason, r)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestFaultsInTurn(t *testing.T) {
	b := newBench(t)
	b.login(causely.DemoAccount())
	add := func(kind stage.Kind, status, times, after int) string {
		return b.fault(simulator.Fault{Route: causely.RouteList, Kind: kind, Status: status, Times: times, After: after})
	}
	add(stage.Status, 500, 2, 1)
	add(stage.Status, 502, 1, 0)
	last := add(stage.Status, 504, 0, 4)
	var got []int
	for range 7 {
		got = append(got, b.call("GET", "/api/tokens", "").status)
	}
	if diff := cmp.Diff([]int{502, 500, 500, 200, 504, 504, 504}, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	hits := []int{}
	for _, state := range b.server.Faults().List() {
		hits = append(hits, state.Hits)
	}
	if diff := cmp.Diff([]int{2, 1, 3}, hits); diff != "" {
		t.Errorf("hits (-want +got):\n%s", diff)
	}
	if err := b.server.Faults().Remove(last); err != nil {
		t.Error(err)
	}
	if err := b.server.Faults().Remove(last); err == nil {
		t.Error("a fault can be removed twice")
	}
	b.list()
	truth := b.server.Causely().Truth()
	wantCalls := map[string]int{causely.RouteLogin: 1, causely.RouteList: 8}
	if diff := cmp.Diff(wantCalls, truth.Calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{causely.RouteList: 6}, truth.Refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}

func TestFaultsThatMeanNothing(t *testing.T) {
	b := newBench(t)
	cases := map[string]simulator.Fault{
		"UnknownRoute":      {Route: "causely.delete", Kind: stage.Latency, Delay: time.Second},
		"UnknownKind":       {Route: causely.RouteList, Kind: "meteor"},
		"NoKind":            {Route: causely.RouteList},
		"KindOfAnother":     {Route: causely.RouteList, Kind: stage.AlteredName},
		"NegativeTimes":     {Route: causely.RouteList, Kind: stage.HTML, Times: -1},
		"NegativeAfter":     {Route: causely.RouteList, Kind: stage.HTML, After: -1},
		"NegativeDelay":     {Route: causely.RouteList, Kind: stage.Latency, Delay: -time.Second},
		"EventualAtOnce":    {Route: causely.RouteList, Kind: stage.EventualList},
		"SkewOfNothing":     {Route: causely.RouteList, Kind: stage.ClockSkew},
		"StatusOutOfBounds": {Route: causely.RouteList, Kind: stage.Status, Status: 100},
	}
	for name, fault := range cases {
		if id, err := b.server.Faults().Add(fault); err == nil {
			t.Errorf("%s: %+v was set as %s", name, fault, id)
		}
	}
	if list := b.server.Faults().List(); len(list) != 0 {
		t.Errorf("faults %+v", list)
	}
}

// Who counts what was made for nothing must know which answers did not get through.
func TestUnheard(t *testing.T) {
	tests := map[stage.Kind]struct {
		reason string
		want   int
	}{
		stage.None:              {reason: "an answer that came"},
		stage.Status:            {reason: "a refusal changed nothing"},
		stage.CutBeforeCommit:   {reason: "nothing was carried out"},
		stage.HTML:              {reason: "somebody else answered, and nothing was carried out"},
		stage.ClockSkew:         {reason: "an answer that came with a strange date"},
		stage.CutAfterCommit:    {reason: "the answer was cut off", want: 1},
		stage.StatusAfterCommit: {reason: "the answer said that it failed", want: 1},
		stage.TruncatedBody:     {reason: "half of the answer", want: 1},
		stage.MalformedJSON:     {reason: "an answer that cannot be read", want: 1},
		stage.LateCommit:        {reason: "carried out after the answer would have come", want: 1},
	}
	for kind, tc := range tests {
		t.Run(string(kind), func(t *testing.T) {
			b := newBench(t)
			b.login(causely.DemoAccount())
			if kind != stage.None {
				b.fault(simulator.Fault{Route: causely.RouteCreate, Kind: kind, Times: 1, Delay: time.Hour})
			}
			b.call("POST", "/api/tokens", nameBody("new"))
			b.server.Faults().CommitLate()
			b.list()
			var counted struct{ Calls, Unheard map[string]int }
			if err := json.Unmarshal(b.call("GET", "/sim/calls", "").body, &counted); err != nil {
				t.Fatal(err)
			}
			want := map[string]int{}
			if tc.want > 0 {
				want[causely.RouteCreate] = tc.want
			}
			if diff := cmp.Diff(want, counted.Unheard); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if counted.Calls[causely.RouteCreate] != 1 || counted.Calls[causely.RouteList] != 1 {
				t.Errorf("%s: counted %v", tc.reason, counted.Calls)
			}
		})
	}
}
