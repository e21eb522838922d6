package simulator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/rackgateway"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

// play is one route of a vendor, ready to be called.
type play struct {
	// ready makes what the call needs, and the call.
	ready func(*bench) *http.Request
	// ok is the status of the usual answer.
	ok int
	// state is what the call changes; nil for a route that changes nothing.
	state func(*bench) any
}

func (p play) stateOf(b *bench) string {
	if p.state == nil {
		return ""
	}
	return fmt.Sprint(p.state(b))
}

// plays are the routes of all vendors but Causely, which TestFaults is about.
func plays() map[string]play {
	rackTokens := func(b *bench) any { return b.rackTokens() }
	rack := func(method, suffix, body string) func(*bench) *http.Request {
		return func(b *bench) *http.Request {
			b.bearer = rackgateway.DemoValue
			id := b.rackCreate("old").APIToken.PublicID
			return b.request(b.t.Context(), method, rackPath+strings.Replace(suffix, "ID", id, 1), body)
		}
	}
	loops := func(b *bench) any {
		truth := b.server.Causeloop().Truth()
		return fmt.Sprint(truth.Accounts, truth.ServiceAccounts)
	}
	loop := func(method, path, body string) func(*bench) *http.Request {
		return func(b *bench) *http.Request {
			b.bearer = causeloop.DemoValue
			token, machine := b.loopCreate("old").ID, b.machineCreate("old").ID
			ids := strings.NewReplacer("TOKEN", token, "MACHINE", machine, "ISSUED", b.issue(machine, "old").ID)
			return b.request(b.t.Context(), method, ids.Replace(path), body)
		}
	}
	pings := func(b *bench) any { return b.pingCredentials() }
	ping := func(method, path string) func(*bench) *http.Request {
		return func(b *bench) *http.Request {
			b.pingLogin(pingone.DemoAccount())
			return b.request(b.t.Context(), method, strings.Replace(path, "ID", b.pingCreate().ID, 1), "")
		}
	}
	return map[string]play{
		rackgateway.RouteList:        {ready: rack("GET", "", ""), ok: 200},
		rackgateway.RouteCreate:      {ready: rack("POST", "", rackBody("new")), ok: 200, state: rackTokens},
		rackgateway.RouteGet:         {ready: rack("GET", "/ID", ""), ok: 200},
		rackgateway.RouteUpdate:      {ready: rack("PUT", "/ID", `{"name":"new"}`), ok: 200, state: rackTokens},
		rackgateway.RouteRevoke:      {ready: rack("DELETE", "/ID", ""), ok: 204, state: rackTokens},
		rackgateway.RoutePermissions: {ready: rack("GET", "/permissions", ""), ok: 200},

		causeloop.RouteList:          {ready: loop("GET", loopPath, ""), ok: 200},
		causeloop.RouteCreate:        {ready: loop("POST", loopPath, loopBody("new")), ok: 201, state: loops},
		causeloop.RouteRoll:          {ready: loop("POST", loopPath+"/TOKEN/roll", ""), ok: 200, state: loops},
		causeloop.RouteRevoke:        {ready: loop("DELETE", loopPath+"/TOKEN", ""), ok: 204, state: loops},
		causeloop.RouteScopes:        {ready: loop("GET", loopPath+"/scopes", ""), ok: 200},
		causeloop.RouteListAccounts:  {ready: loop("GET", machinesPath, ""), ok: 200},
		causeloop.RouteCreateAccount: {ready: loop("POST", machinesPath, loopBody("new")), ok: 201, state: loops},
		causeloop.RouteDeleteAccount: {ready: loop("DELETE", machinesPath+"/MACHINE", ""), ok: 204, state: loops},
		causeloop.RouteIssue:         {ready: loop("POST", machinesPath+"/MACHINE/tokens", nameBody("new")), ok: 201, state: loops},
		causeloop.RouteWithdraw:      {ready: loop("DELETE", machinesPath+"/MACHINE/tokens/ISSUED", ""), ok: 204, state: loops},

		pingone.RouteLogin: {
			ready: func(b *bench) *http.Request { return b.pingLoginRequest(pingone.DemoAccount()) }, ok: 200,
			state: func(b *bench) any { return b.server.PingOne().Truth().Logins },
		},
		pingone.RouteList:        {ready: ping("GET", pingPath), ok: 200},
		pingone.RouteCreate:      {ready: ping("POST", pingPath), ok: 201, state: pings},
		pingone.RouteGet:         {ready: ping("GET", pingPath+"/ID"), ok: 200},
		pingone.RouteRevoke:      {ready: ping("DELETE", pingPath+"/ID"), ok: 204, state: pings},
		pingone.RouteEnvironment: {ready: ping("GET", pingEnvironmentPath), ok: 200},
		pingone.RouteGateways:    {ready: ping("GET", pingEnvironmentPath+"/gateways"), ok: 200},
		pingone.RouteGateway:     {ready: ping("GET", pingGatewayPath), ok: 200},
	}
}

// outcome is what a fault makes of a call.
type outcome struct {
	status  int // 0 is a call without an answer; -1 the usual status, or 200 where that has no body
	cut     bool
	changed bool
	huge    bool
}

func outcomes() map[stage.Kind]outcome {
	const usual = -1
	return map[stage.Kind]outcome{
		stage.Status:            {status: 503},
		stage.StatusAfterCommit: {status: 503, changed: true},
		stage.CutBeforeCommit:   {cut: true},
		stage.CutAfterCommit:    {cut: true, changed: true},
		stage.TruncatedBody:     {status: usual, cut: true, changed: true},
		stage.HugeBody:          {status: usual, changed: true, huge: true},
		stage.HugeRow:           {status: usual, changed: true, huge: true},
		stage.MalformedJSON:     {status: usual, changed: true},
		stage.HTML:              {status: 200},
		stage.Unauthorized:      {status: 401},
		stage.Redirect:          {status: 302},
		stage.ClockSkew:         {status: usual, changed: true},
		stage.WrongContentType:  {status: usual, changed: true},
	}
}

// Every fault that needs no time to pass hits every route of every vendor, each in the same way.
func TestEveryFaultOnEveryRoute(t *testing.T) {
	for route, p := range plays() {
		for kind, want := range outcomes() {
			t.Run(route+"/"+string(kind), func(t *testing.T) {
				b := newBench(t)
				request := p.ready(b)
				fault := simulator.Fault{Route: route, Kind: kind, Times: 1}
				if kind == stage.ClockSkew {
					fault.Delay = time.Hour
				}
				b.fault(fault)
				before := p.stateOf(b)
				// A new connection: on one that was used Go's client would repeat a GET that got no answer.
				b.client = newClient(t, b.server, true)
				status, size, err := b.weigh(request)
				if want.status < 0 {
					want.status = p.ok
					if bodiless := p.ok == 204; bodiless && kind != stage.ClockSkew && kind != stage.WrongContentType {
						want.status = 200
					}
				}
				if status != want.status || (err != nil) != want.cut || (size >= hugeEnough) != want.huge {
					t.Errorf("status %d, %d bytes (%v), want %+v", status, size, err, want)
				}
				if changed := p.stateOf(b) != before; changed != (want.changed && p.state != nil) {
					t.Errorf("changed: %t, want %t", changed, want.changed)
				}
				if entry := b.lastEntry(); entry.Fault != kind || entry.Route != route || entry.Status != want.status {
					t.Errorf("the transcript says %+v", entry)
				}
			})
		}
	}
}

// hugeEnough is how much of an answer is read; no usual one has so much.
const hugeEnough = 1 << 20

// weigh makes a call and says how much came back, up to hugeEnough.
func (b *bench) weigh(request *http.Request) (status int, size int64, err error) {
	b.t.Helper()
	response, err := b.client.Do(request)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = response.Body.Close() }()
	size, err = io.CopyN(io.Discard, response.Body, hugeEnough)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return response.StatusCode, size, err
}

// Faults that take their time: what is changed meanwhile, and what is in the end.
func TestEveryDelayOnEveryRoute(t *testing.T) {
	cases := map[stage.Kind]struct {
		during bool // the change is there while the fault waits
		cut    bool
	}{
		stage.Latency:         {},
		stage.HangAfterCommit: {during: true},
		stage.LateCommit:      {cut: true},
	}
	for route, p := range plays() {
		for kind, tc := range cases {
			t.Run(route+"/"+string(kind), func(t *testing.T) {
				clock := newFakeClock()
				b := newBench(t, simulator.WithClock(clock))
				request := p.ready(b)
				b.fault(simulator.Fault{Route: route, Kind: kind, Delay: time.Minute, Times: 1})
				before := p.stateOf(b)
				b.client = newClient(t, b.server, true)
				answered := make(chan reply, 1)
				go func() { answered <- b.send(request) }()
				until(t, "the fault waits", clock.HasWaiters)
				if changed := p.stateOf(b) != before; changed != (tc.during && p.state != nil) {
					t.Errorf("changed meanwhile: %t", changed)
				}
				if tc.cut {
					if got := <-answered; got.err == nil {
						t.Errorf("status %d, want a cut", got.status)
					}
				}
				clock.Step(time.Minute)
				if !tc.cut {
					if got := <-answered; got.err != nil || got.status != p.ok {
						t.Errorf("status %d (%v), want %d", got.status, got.err, p.ok)
					}
				}
				if p.state != nil {
					until(t, "the change is there", func() bool { return p.stateOf(b) != before })
				}
			})
		}
	}
}

// ledger is a list of a vendor where what is deleted is gone, and how it changes.
type ledger struct {
	route string
	enter func(*bench)
	make  func(*bench, string)
	// drop deletes the thing that was made as the nth, from 0.
	drop func(b *bench, nth int)
	// rows are what the list shows, sorted as the things were made.
	rows func(*bench) []string
}

// ledgers are the lists of the vendors where what is deleted is gone.
func ledgers() map[string]ledger {
	return map[string]ledger{
		"RackGateway": {
			route: rackgateway.RouteList,
			enter: func(b *bench) { b.bearer = rackgateway.DemoValue },
			make:  func(b *bench, name string) { b.rackCreate(name) },
			drop: func(b *bench, nth int) {
				if err := b.server.RackGateway().Revoke(b.rackTokens()[nth].ID); err != nil {
					b.t.Fatal(err)
				}
			},
			rows: func(b *bench) []string {
				found := []string{}
				for _, row := range slices.Backward(b.rackList()) {
					found = append(found, row.Name)
				}
				return found
			},
		},
		"CauseloopTokens": {
			route: causeloop.RouteList,
			enter: func(b *bench) { b.bearer = causeloop.DemoValue },
			make:  func(b *bench, name string) { b.loopCreate(name) },
			drop: func(b *bench, nth int) {
				if err := b.server.Causeloop().Revoke(b.loopTokens()[nth].ID); err != nil {
					b.t.Fatal(err)
				}
			},
			rows: func(b *bench) []string {
				found := []string{}
				for _, row := range slices.Backward(loopList[loopRow](b, loopPath)) {
					found = append(found, row.Name)
				}
				return found
			},
		},
		"CauseloopServiceAccounts": {
			route: causeloop.RouteListAccounts,
			enter: func(b *bench) { b.bearer = causeloop.DemoMachineValue },
			make:  func(b *bench, name string) { b.machineCreate(name) },
			drop: func(b *bench, nth int) {
				if err := b.server.Causeloop().DeleteServiceAccount(b.server.Causeloop().Truth().ServiceAccounts[nth].ID); err != nil {
					b.t.Fatal(err)
				}
			},
			rows: func(b *bench) []string {
				found := []string{}
				for _, row := range slices.Backward(loopList[machineRow](b, machinesPath)) {
					found = append(found, row.Name)
				}
				return found
			},
		},
		"PingOne": pingLedger(),
	}
}

// pingLedger gives credentials the names that the vendor has no place for.
func pingLedger() ledger {
	named := map[string]string{}
	return ledger{
		route: pingone.RouteList,
		enter: func(b *bench) { b.pingLogin(pingone.DemoAccount()) },
		make:  func(b *bench, name string) { named[b.pingCreate().ID] = name },
		drop: func(b *bench, nth int) {
			if err := b.server.PingOne().Revoke(b.pingCredentials()[nth].ID); err != nil {
				b.t.Fatal(err)
			}
		},
		rows: func(b *bench) []string {
			found := []string{}
			rows, _ := b.pingRows()
			for _, row := range rows {
				found = append(found, named[row.ID])
			}
			return found
		},
	}
}

// a, b and c are made a minute apart; then b is dropped, and a minute later the list is read.
func TestEveryListOfThePast(t *testing.T) {
	cases := map[string]struct {
		reason string
		kind   stage.Kind
		delay  time.Duration
		want   []string
	}{
		"Right":       {reason: "what there is", want: []string{"a", "c"}},
		"Empty":       {reason: "nothing", kind: stage.EmptyList, want: []string{}},
		"Eventual":    {reason: "what is younger than two minutes is not listed yet", kind: stage.EventualList, delay: 2 * time.Minute, want: []string{"a"}},
		"EventualNow": {reason: "after a while everything is", kind: stage.EventualList, delay: time.Second, want: []string{"a", "c"}},
		"Stale":       {reason: "as it was before b was dropped", kind: stage.StaleList, delay: 90 * time.Second, want: []string{"a", "b"}},
		"StaleLong":   {reason: "as it was before anything was made", kind: stage.StaleList, delay: time.Hour, want: []string{}},
		"SinceSet":    {reason: "as it was when the fault was set, after b", kind: stage.StaleList, want: []string{"a", "b"}},
	}
	for vendor, l := range ledgers() {
		for name, tc := range cases {
			t.Run(vendor+"/"+name, func(t *testing.T) {
				clock := newFakeClock()
				b := newBench(t, simulator.WithClock(clock))
				l.enter(b)
				l.make(b, "a")
				clock.Step(time.Minute)
				l.make(b, "b")
				if tc.kind != stage.None {
					b.fault(simulator.Fault{Route: l.route, Kind: tc.kind, Delay: tc.delay})
				}
				clock.Step(time.Minute)
				l.make(b, "c")
				l.drop(b, 1)
				clock.Step(time.Minute)
				if diff := cmp.Diff(tc.want, l.rows(b)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
				}
			})
		}
	}
}

// A huge list is JSON, with rows or without.
func TestEveryHugeListIsJSON(t *testing.T) {
	for vendor, l := range ledgers() {
		for kind, rows := range map[stage.Kind]int{stage.HugeBody: 0, stage.HugeRow: 2} {
			t.Run(vendor+"/"+string(kind), func(t *testing.T) {
				b := newBench(t)
				l.enter(b)
				for i := range rows {
					l.make(b, strconv.Itoa(i))
				}
				l.rows(b)
				b.fault(simulator.Fault{Route: l.route, Kind: kind, Times: 1})
				response := b.open("GET", b.lastEntry().Path, "")
				defer func() { _ = response.Body.Close() }()
				size, rest := withoutFiller(t, response.Body)
				if !json.Valid(rest) || size < stage.HugeSize {
					t.Errorf("%d bytes, of the form %.200s", size, rest)
				}
				if inRow := matches(`\[{"labels":\[`, rest); inRow != (kind == stage.HugeRow) {
					t.Errorf("a row is what is huge: %t: %.200s", inRow, rest)
				}
			})
		}
	}
}
