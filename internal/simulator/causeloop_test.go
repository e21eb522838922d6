package simulator_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

const (
	loopPath     = "/v1/api-tokens"
	machinesPath = "/v1/service-accounts"
)

// loopRow is what tests read of one of Causeloop's tokens.
type loopRow struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Scopes     []string `json:"scopes"`
	ExpiresAt  *string  `json:"expires_at"`
	CreatedAt  string   `json:"created_at"`
	LastUsedAt *string  `json:"last_used_at"`
	RevokedAt  *string  `json:"revoked_at"`
	Secret     string   `json:"secret"`
	Token      string   `json:"token"`
}

func (r loopRow) withoutValue() loopRow {
	r.Secret, r.Token = "", ""
	return r
}

// machineRow is what tests read of a service account.
type machineRow struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Description string     `json:"description"`
	Scopes      []string   `json:"scopes"`
	CreatedAt   string     `json:"created_at"`
	Tokens      *[]loopRow `json:"tokens"`
}

type loopPage[T any] struct {
	Data []T `json:"data"`
	Page *struct {
		NextCursor *string `json:"next_cursor"`
		HasMore    bool    `json:"has_more"`
		Total      int     `json:"total"`
	} `json:"page"`
}

type loopError struct {
	Error struct {
		Code    string            `json:"code"`
		Message string            `json:"message"`
		TraceID string            `json:"trace_id"`
		Details map[string]string `json:"details"`
	} `json:"error"`
}

// newLoop is a bench whose client is the demo member.
func newLoop(t *testing.T, options ...simulator.Option) *bench {
	t.Helper()
	b := newBench(t, options...)
	b.bearer = causeloop.DemoValue
	return b
}

// withLoopers are the demo accounts, a member without rights, and somebody in another workspace.
func withLoopers() simulator.Option {
	return simulator.WithCauseloopAccounts(causeloop.DemoAccount(), causeloop.DemoMachine(), looper(), elsewhere())
}

func looper() causeloop.Account {
	return causeloop.Account{Name: "looper", Value: "clp_pat_looper", WorkspaceID: causeloop.DemoWorkspaceID}
}

func elsewhere() causeloop.Account {
	return causeloop.Account{Name: "elsewhere", Value: "clp_pat_elsewhere", WorkspaceID: "ws_elsewhere", Admin: true}
}

func (b *bench) loopCreate(name string) loopRow {
	b.t.Helper()
	var created loopRow
	parse(b.t, b.call("POST", loopPath, loopBody(name)), b.server.Causeloop().Switches().CreateStatus, &created)
	return created
}

func (b *bench) machineCreate(name string) machineRow {
	b.t.Helper()
	var created machineRow
	parse(b.t, b.call("POST", machinesPath, loopBody(name)), b.server.Causeloop().Switches().CreateStatus, &created)
	return created
}

func (b *bench) issue(machine, name string) loopRow {
	b.t.Helper()
	var issued loopRow
	parse(b.t, b.call("POST", issuePath(machine), nameBody(name)), b.server.Causeloop().Switches().CreateStatus, &issued)
	return issued
}

// loopList reads all pages.
func loopList[T any](b *bench, path string) []T {
	b.t.Helper()
	rows, cursor := []T{}, ""
	for {
		var got loopPage[T]
		parse(b.t, b.call("GET", path+"?limit=100&cursor="+cursor, ""), http.StatusOK, &got)
		rows = append(rows, got.Data...)
		if got.Page == nil || got.Page.NextCursor == nil {
			return rows
		}
		cursor = *got.Page.NextCursor
	}
}

// loopTokens are all tokens, the personal ones first.
func (b *bench) loopTokens() []causeloop.TokenTruth {
	var tokens []causeloop.TokenTruth
	truth := b.server.Causeloop().Truth()
	for _, account := range truth.Accounts {
		tokens = append(tokens, account.Tokens...)
	}
	for _, account := range truth.ServiceAccounts {
		tokens = append(tokens, account.Tokens...)
	}
	return tokens
}

func (b *bench) loopTurn(turn func(*causeloop.Switches)) {
	b.t.Helper()
	switches := b.server.Causeloop().Switches()
	turn(&switches)
	if err := b.server.Causeloop().SetSwitches(switches); err != nil {
		b.t.Fatal(err)
	}
}

func loopBody(name string) string { return fmt.Sprintf(`{"name":%q,"scopes":["issues:read"]}`, name) }

func issuePath(machine string) string { return machinesPath + "/" + machine + "/tokens" }

func TestCauseloopPersonalTokens(t *testing.T) {
	clock := newFakeClock()
	b := newLoop(t, simulator.WithClock(clock), withLoopers())
	if got := b.call("GET", loopPath, ""); string(got.body) != `{"data":[],"page":{"next_cursor":null,"has_more":false,"total":0}}` {
		t.Errorf("an empty list is %s", got.body)
	}

	var first loopRow
	got := b.call("POST", loopPath, `{"name":"grafana","scopes":["issues:read","patterns:read"],"expires_at":"2026-05-26T20:16:45Z"}`)
	parse(t, got, http.StatusCreated, &first)
	expires := "2026-05-26T20:16:45Z"
	want := loopRow{
		ID: first.ID, Name: "grafana", Scopes: []string{"issues:read", "patterns:read"}, ExpiresAt: &expires,
		CreatedAt: "2026-05-26T19:16:45Z", Secret: first.Secret,
	}
	if diff := cmp.Diff(want, first); diff != "" || !strings.HasPrefix(first.ID, "tok_") || len(first.Secret) != len("clp_pat_")+43 {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	if got.header.Get("X-Request-Id") == "" || got.header.Get("X-RateLimit-Limit") != "600" || got.header.Get("X-RateLimit-Remaining") != "598" {
		t.Errorf("headers %v", got.header)
	}

	clock.Step(time.Minute)
	second := b.loopCreate("second")
	want.Secret = ""
	if diff := cmp.Diff([]loopRow{second.withoutValue(), want}, loopList[loopRow](b, loopPath)); diff != "" {
		t.Errorf("list, newest first, without values (-want +got):\n%s", diff)
	}
	for what, connection := range map[string]causeloop.Connection{
		"Check": b.server.Causeloop().Check(first.Secret), "Connect": b.server.Causeloop().Connect(first.Secret),
	} {
		if diff := cmp.Diff(causeloop.Connection{Known: true, Active: true, ID: first.ID, Name: "grafana"}, connection); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}

	clock.Step(time.Minute)
	var rolled loopRow
	parse(t, b.call("POST", loopPath+"/"+first.ID+"/roll", ""), http.StatusOK, &rolled)
	used := "2026-05-26T19:17:45.000000Z"
	want.LastUsedAt, want.Secret = rolled.LastUsedAt, rolled.Secret
	if diff := cmp.Diff(want, rolled); diff != "" || rolled.Secret == first.Secret || rolled.LastUsedAt == nil || (*rolled.LastUsedAt)[:16] != used[:16] {
		t.Errorf("rolled (-want +got):\n%s", diff)
	}
	for value, active := range map[string]bool{first.Secret: false, rolled.Secret: true, second.Secret: true} {
		if connection := b.server.Causeloop().Check(value); !connection.Known || connection.Active != active {
			t.Errorf("after the roll: %+v, want active %t", connection, active)
		}
	}

	clock.Step(58 * time.Minute)
	b.bearer = rolled.Secret
	if got := b.call("GET", loopPath+"/scopes", ""); got.status != 401 {
		t.Errorf("an expired value gets %d", got.status)
	}
	b.bearer = causeloop.DemoValue
	if rows := loopList[loopRow](b, loopPath); len(rows) != 2 {
		t.Errorf("%d rows: an expired token is listed", len(rows))
	}

	got = b.call("DELETE", loopPath+"/"+second.ID, "")
	if got.status != 204 || len(got.body) != 0 || got.header.Get("Content-Type") != "" || got.header.Get("X-Request-Id") == "" {
		t.Errorf("revoked: %d %s %v", got.status, got.body, got.header)
	}
	b.bearer = second.Secret
	var refusal loopError
	parse(t, b.call("GET", loopPath, ""), 401, &refusal)
	if refusal.Error.Code != "unauthorized" {
		t.Errorf("a revoked value gets %+v", refusal)
	}
	begin := testTime().Truncate(time.Second)
	wantTruth := []causeloop.TokenTruth{{
		ID: first.ID, Name: "grafana", Scopes: first.Scopes, State: causeloop.Expired, CreatedAt: begin,
		ExpiresAt: begin.Add(time.Hour), LastUsedAt: begin.Add(time.Minute),
		ValueSHA256: digest(rolled.Secret), RolledSHA256: []string{digest(first.Secret)},
	}, {
		ID: second.ID, Name: "second", Scopes: []string{"issues:read"}, State: causeloop.Revoked,
		CreatedAt: begin.Add(time.Minute), RevokedAt: begin.Add(time.Hour), ValueSHA256: digest(second.Secret),
	}}
	if diff := cmp.Diff(wantTruth, b.loopTokens()); diff != "" {
		t.Errorf("truth (-want +got):\n%s", diff)
	}
	wantCalls := map[string]int{
		causeloop.RouteCreate: 2, causeloop.RouteList: 4, causeloop.RouteRoll: 1, causeloop.RouteRevoke: 1, causeloop.RouteScopes: 1,
	}
	if diff := cmp.Diff(wantCalls, b.server.Causeloop().Truth().Calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestCauseloopServiceAccounts(t *testing.T) {
	clock := newFakeClock()
	b := newLoop(t, simulator.WithClock(clock), withLoopers())
	b.bearer = causeloop.DemoMachineValue
	var made machineRow
	parse(t, b.call("POST", machinesPath, `{"name":"CI","description":"builds","scopes":["issues:write"]}`), http.StatusCreated, &made)
	want := machineRow{
		ID: made.ID, Name: "CI", Description: "builds", Scopes: []string{"issues:write"}, CreatedAt: "2026-05-26T19:16:45Z",
		Tokens: &[]loopRow{},
	}
	if diff := cmp.Diff(want, made); diff != "" || !strings.HasPrefix(made.ID, "sa_") {
		t.Errorf("a new service account, without tokens (-want +got):\n%s", diff)
	}

	first := b.issue(made.ID, "token")
	if err := b.server.Causeloop().ChangeScopes(made.ID, "audit:read"); err != nil {
		t.Fatal(err)
	}
	second := b.issue(made.ID, "token") // names may repeat
	if diff := cmp.Diff([][]string{{"issues:write"}, {"audit:read"}}, [][]string{first.Scopes, second.Scopes}); diff != "" {
		t.Errorf("tokens have the scopes of when they were issued (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(first.ID, "sat_") || !strings.HasPrefix(first.Secret, "clp_sat_") {
		t.Errorf("issued %+v", first.withoutValue())
	}
	want.Scopes, want.Tokens = []string{"audit:read"}, &[]loopRow{first.withoutValue(), second.withoutValue()}
	if diff := cmp.Diff([]machineRow{want}, loopList[machineRow](b, machinesPath)); diff != "" {
		t.Errorf("list, tokens embedded (-want +got):\n%s", diff)
	}

	if got := b.call("DELETE", issuePath(made.ID)+"/"+first.ID, ""); got.status != 204 {
		t.Errorf("withdrawn: %d %s", got.status, got.body)
	}
	for value, active := range map[string]bool{first.Secret: false, second.Secret: true} {
		if connection := b.server.Causeloop().Check(value); connection.Active != active {
			t.Errorf("after one was withdrawn: %+v", connection)
		}
	}
	if got := b.call("DELETE", machinesPath+"/"+made.ID, ""); got.status != 204 {
		t.Errorf("deleted: %d %s", got.status, got.body)
	}
	if b.server.Causeloop().Check(second.Secret).Active || len(loopList[machineRow](b, machinesPath)) != 0 {
		t.Error("a deleted service account is listed, or its token is live")
	}
	truth := b.server.Causeloop().Truth().ServiceAccounts[0]
	if truth.State != causeloop.Revoked || truth.DeletedAt.IsZero() || len(truth.Tokens) != 2 || truth.Tokens[1].State != causeloop.Revoked {
		t.Errorf("truth %+v", truth)
	}
	b.machineCreate("ci") // the name is free again
}

func TestCauseloopPages(t *testing.T) {
	b := newLoop(t)
	want := []string{}
	for i := range 60 {
		if _, err := b.server.Causeloop().Create(causeloop.DemoName, strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
		want = append(want, strconv.Itoa(i))
	}
	pages := func(query string) (names []string, sizes []int) {
		cursor := ""
		for {
			var got loopPage[loopRow]
			parse(t, b.call("GET", loopPath+"?"+query+"&cursor="+cursor, ""), 200, &got)
			sizes = append(sizes, len(got.Data))
			for _, row := range got.Data {
				names = append(names, row.Name)
			}
			if got.Page.Total != 60 || got.Page.HasMore != (got.Page.NextCursor != nil) {
				t.Errorf("page %+v", got.Page)
			}
			if !got.Page.HasMore {
				return names, sizes
			}
			cursor = *got.Page.NextCursor
		}
	}
	cases := map[string]struct {
		reason, query string
		turn          func(*causeloop.Switches)
		want          []int
	}{
		"Default":    {reason: "25 when nobody asks", want: []int{25, 25, 10}},
		"Asked":      {reason: "as many as asked for", query: "limit=40", want: []int{40, 20}},
		"All":        {reason: "60 is less than 100", query: "limit=100", want: []int{60}},
		"Exact":      {reason: "the last page may be full", query: "limit=30", want: []int{30, 30}},
		"LessThanIs": {reason: "the vendor may give less", query: "limit=100", turn: func(s *causeloop.Switches) { s.MaxPageSize = 50 }, want: []int{50, 10}},
		"OtherSize":  {reason: "the size is a setting", turn: func(s *causeloop.Switches) { s.PageSize = 20 }, want: []int{20, 20, 20}},
		"Oldest":     {reason: "the order can be asked for", query: "sort=created_at&limit=50", want: []int{50, 10}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := b.server.Causeloop().SetSwitches(causeloop.DefaultSwitches()); err != nil {
				t.Fatal(err)
			}
			if tc.turn != nil {
				b.loopTurn(tc.turn)
			}
			names, sizes := pages(tc.query)
			if diff := cmp.Diff(tc.want, sizes); diff != "" {
				t.Errorf("%s: sizes (-want +got):\n%s", tc.reason, diff)
			}
			ordered := slices.Clone(want)
			if !strings.Contains(tc.query, "sort=created_at") {
				slices.Reverse(ordered)
			}
			if diff := cmp.Diff(ordered, names); diff != "" {
				t.Errorf("%s: rows (-want +got):\n%s", tc.reason, diff)
			}
		})
	}

	// What is made and revoked between two pages moves nothing.
	var first, second loopPage[loopRow]
	parse(t, b.call("GET", loopPath+"?limit=50", ""), 200, &first)
	b.loopCreate("between")
	b.call("DELETE", loopPath+"/"+first.Data[49].ID, "")
	parse(t, b.call("GET", loopPath+"?limit=50&cursor="+*first.Page.NextCursor, ""), 200, &second)
	if len(second.Data) != 10 || second.Data[0].Name != "9" {
		t.Errorf("the second page begins with %+v and has %d rows", second.Data[0], len(second.Data))
	}
}

func TestCauseloopRefusals(t *testing.T) {
	cases := map[string]struct {
		reason  string
		value   string
		method  string
		path    string
		body    string
		want    int
		code    string
		details string // the field that is wrong
	}{
		"NoValue":       {reason: "a caller says who he is", value: "-", method: "GET", path: loopPath, want: 401, code: "unauthorized"},
		"UnknownValue":  {reason: "a value must be a token's", value: "x", method: "GET", path: loopPath + "/scopes", want: 401, code: "unauthorized"},
		"MachineLists":  {reason: "machines have no personal tokens", value: causeloop.DemoMachineValue, method: "GET", path: loopPath, want: 403, code: "forbidden"},
		"MachineMakes":  {reason: "machines have no personal tokens", value: causeloop.DemoMachineValue, method: "POST", path: loopPath, body: loopBody("a"), want: 403, code: "forbidden"},
		"NoAdminLists":  {reason: "service accounts need workspace:admin", value: looper().Value, method: "GET", path: machinesPath, want: 403, code: "forbidden"},
		"NoAdminMakes":  {reason: "service accounts need workspace:admin", value: looper().Value, method: "POST", path: machinesPath, body: loopBody("a"), want: 403, code: "forbidden"},
		"NoAdminEnds":   {reason: "service accounts need workspace:admin", value: looper().Value, method: "DELETE", path: machinesPath + "/MACHINE", want: 403, code: "forbidden"},
		"NoAdminIssues": {reason: "service accounts need workspace:admin", value: looper().Value, method: "POST", path: machinesPath + "/MACHINE/tokens", body: nameBody("a"), want: 403, code: "forbidden"},
		"NoAdminDraws":  {reason: "service accounts need workspace:admin", value: looper().Value, method: "DELETE", path: machinesPath + "/MACHINE/tokens/ISSUED", want: 403, code: "forbidden"},
		"NoBody":        {reason: "a create says what", method: "POST", path: loopPath, want: 400, code: "validation_error"},
		"NoJSON":        {reason: "a create is JSON", method: "POST", path: loopPath, body: "name=a", want: 400, code: "validation_error"},
		"NoName":        {reason: "a token has a name", method: "POST", path: loopPath, body: loopBody(""), want: 400, code: "validation_error", details: "name"},
		"NoScopes":      {reason: "a token may something", method: "POST", path: loopPath, body: nameBody("a"), want: 400, code: "validation_error", details: "scopes"},
		"UnknownScope":  {reason: "a scope exists", method: "POST", path: loopPath, body: `{"name":"a","scopes":["moon:land"]}`, want: 400, code: "validation_error", details: "scopes"},
		"Past":          {reason: "the end lies ahead", method: "POST", path: loopPath, body: `{"name":"a","scopes":["issues:read"],"expires_at":"2000-01-01T00:00:00Z"}`, want: 400, code: "validation_error", details: "expires_at"},
		"TooMuch":       {reason: "nobody grants what he has not", value: looper().Value, method: "POST", path: loopPath, body: `{"name":"a","scopes":["audit:read"]}`, want: 403, code: "forbidden"},
		"Taken":         {reason: "names are unique", method: "POST", path: loopPath, body: loopBody("taken"), want: 409, code: "conflict"},
		"RollNone":      {reason: "a token is there", method: "POST", path: loopPath + "/tok_none/roll", want: 404, code: "not_found"},
		"RevokeNone":    {reason: "a token is there", method: "DELETE", path: loopPath + "/tok_none", want: 404, code: "not_found"},
		"RollAnothers":  {reason: "a token is the caller's", value: looper().Value, method: "POST", path: loopPath + "/TAKEN/roll", want: 404, code: "not_found"},
		"EndAnothers":   {reason: "a token is the caller's", value: looper().Value, method: "DELETE", path: loopPath + "/TAKEN", want: 404, code: "not_found"},
		"Limit":         {reason: "a page has 100 rows at most", method: "GET", path: loopPath + "?limit=101", want: 400, code: "validation_error", details: "limit"},
		"LimitOfNone":   {reason: "a page has a row", method: "GET", path: machinesPath + "?limit=0", want: 400, code: "validation_error", details: "limit"},
		"Sort":          {reason: "there are two orders", method: "GET", path: loopPath + "?sort=name", want: 400, code: "validation_error", details: "sort"},
		"Cursor":        {reason: "a cursor is the vendor's", method: "GET", path: loopPath + "?cursor=abc", want: 400, code: "validation_error"},
		"MachineTaken":  {reason: "case does not make another name", method: "POST", path: machinesPath, body: loopBody("TAKEN"), want: 409, code: "conflict"},
		"MachineNoName": {reason: "a service account has a name", method: "POST", path: machinesPath, body: `{"scopes":["issues:read"]}`, want: 400, code: "validation_error", details: "name"},
		"MachineScopes": {reason: "a service account may something", method: "POST", path: machinesPath, body: nameBody("a"), want: 400, code: "validation_error", details: "scopes"},
		"IssueNoName":   {reason: "an issued token has a name", method: "POST", path: machinesPath + "/MACHINE/tokens", body: `{}`, want: 400, code: "validation_error", details: "name"},
		"IssueForNone":  {reason: "a service account is there", method: "POST", path: machinesPath + "/sa_none/tokens", body: nameBody("a"), want: 404, code: "not_found"},
		"DeleteNone":    {reason: "a service account is there", method: "DELETE", path: machinesPath + "/sa_none", want: 404, code: "not_found"},
		"DrawFromNone":  {reason: "a service account is there", method: "DELETE", path: machinesPath + "/sa_none/tokens/ISSUED", want: 404, code: "not_found"},
		"DrawNone":      {reason: "an issued token is there", method: "DELETE", path: machinesPath + "/MACHINE/tokens/TAKEN", want: 404, code: "not_found"},
		"Elsewhere":     {reason: "another workspace is not seen", value: elsewhere().Value, method: "DELETE", path: machinesPath + "/MACHINE", want: 404, code: "not_found"},
		"DrawElsewhere": {reason: "another workspace is not seen", value: elsewhere().Value, method: "DELETE", path: machinesPath + "/MACHINE/tokens/ISSUED", want: 404, code: "not_found"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newLoop(t, withLoopers())
			taken := b.loopCreate("taken")
			machine := b.machineCreate("taken")
			issued := b.issue(machine.ID, "issued")
			before := b.server.Causeloop().Truth()
			if tc.value != "" {
				b.bearer = strings.TrimPrefix(tc.value, "-")
			}
			path := strings.NewReplacer("TAKEN", taken.ID, "MACHINE", machine.ID, "ISSUED", issued.ID).Replace(tc.path)
			got := b.call(tc.method, path, tc.body)
			var refusal loopError
			parse(t, got, tc.want, &refusal)
			_, named := refusal.Error.Details[tc.details]
			if refusal.Error.Code != tc.code || refusal.Error.Message == "" || named != (tc.details != "") {
				t.Errorf("%s: the body is %s", tc.reason, got.body)
			}
			if id := got.header.Get("X-Request-Id"); id == "" || id != refusal.Error.TraceID {
				t.Errorf("%s: X-Request-Id is %q, trace_id %q", tc.reason, id, refusal.Error.TraceID)
			}
			after := b.server.Causeloop().Truth()
			if diff := cmp.Diff(before.Accounts, after.Accounts); diff != "" {
				t.Errorf("%s: the refusal changed (-before +after):\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(before.ServiceAccounts, after.ServiceAccounts); diff != "" {
				t.Errorf("%s: the refusal changed (-before +after):\n%s", tc.reason, diff)
			}
			if after.Refused[b.lastEntry().Route] != 1 {
				t.Errorf("%s: %s is not counted as refused", tc.reason, b.lastEntry().Route)
			}
		})
	}
}

// loopSituation is a personal token "first", and a service account "machine" with a token "issued".
type loopSituation struct {
	*bench
	clock         *fakeClock
	first, issued loopRow
	machine       machineRow
}

// calls makes the call of a case.
func (s loopSituation) calls(method, path, body string) reply {
	s.t.Helper()
	path = strings.NewReplacer("FIRST", s.first.ID, "MACHINE", s.machine.ID, "ISSUED", s.issued.ID).Replace(path)
	return s.call(method, path, body)
}

func TestCauseloopSwitches(t *testing.T) {
	const (
		first, machine, issued = loopPath + "/FIRST", machinesPath + "/MACHINE", machinesPath + "/MACHINE/tokens/ISSUED"
		begin                  = `{"id":"[^"]+","name":"first","scopes":\["issues:read"\],"expires_at":null,"created_at":"[^"]+","last_used_at":null,`
		embedded               = `"tokens":\[{"id":"[^"]+","name":"issued"`
		onDate                 = `{"name":"a","scopes":["issues:read"],"expires_at":"2026-05-27T00:00:00Z"}`
		inDays                 = `{"name":"a","scopes":["issues:read"],"expires_in_days":2}`
	)
	calls := func(method, path, body string) func(loopSituation) reply {
		return func(s loopSituation) reply { return s.calls(method, path, body) }
	}
	twice := func(method, path, body string) func(loopSituation) reply {
		return func(s loopSituation) reply {
			if got := s.calls(method, path, body); got.status >= 300 {
				s.t.Fatalf("the first time: %d %s", got.status, got.body)
			}
			return s.calls(method, path, body)
		}
	}
	after := func(path string, then func(loopSituation) reply) func(loopSituation) reply {
		return func(s loopSituation) reply {
			if got := s.calls("DELETE", path, ""); got.status >= 300 {
				s.t.Fatalf("%s: %d %s", path, got.status, got.body)
			}
			return then(s)
		}
	}
	as := func(value string, then func(loopSituation) reply) func(loopSituation) reply {
		return func(s loopSituation) reply {
			s.bearer = value
			return then(s)
		}
	}
	listed, machines := calls("GET", loopPath, ""), calls("GET", machinesPath, "")
	create := func(name string) func(loopSituation) reply { return calls("POST", loopPath, loopBody(name)) }
	others := func(s loopSituation) reply {
		s.bearer = looper().Value
		s.loopCreate("others")
		return as(causeloop.DemoValue, listed)(s)
	}
	afterItsTime := func(s loopSituation) reply {
		s.calls("POST", loopPath, onDate)
		s.clock.Step(24 * time.Hour)
		return listed(s)
	}
	repeated := func(s loopSituation) reply {
		request := s.request(s.t.Context(), "POST", loopPath, loopBody("again"))
		request.Header.Set("Idempotency-Key", "key")
		made := s.send(request.Clone(s.t.Context()))
		var row loopRow
		parse(s.t, made, 201, &row)
		request.Body, _ = request.GetBody()
		got := s.send(request)
		if got.status == 201 && string(got.body) != string(made.body) {
			s.t.Errorf("the replay is another answer: %s", got.body)
		}
		return got
	}
	cases := map[string]struct {
		reason string
		turn   func(*causeloop.Switches)
		call   func(loopSituation) reply
		want   int
		body   string // a regular expression
	}{
		"Secret": {reason: "the value is the secret", call: create("a"), want: 201, body: `"secret":"clp_pat_[^"]+"}$`},
		"Token": {
			reason: "the value is the token", turn: func(s *causeloop.Switches) { s.SecretField = causeloop.FieldToken },
			call: create("a"), want: 201, body: `"token":"clp_pat_[^"]+"}$`,
		},
		"RollToken": {
			reason: "and that of a roll", turn: func(s *causeloop.Switches) { s.SecretField = causeloop.FieldToken },
			call: calls("POST", first+"/roll", ""), want: 200, body: `"token":"clp_pat_[^"]+"}$`,
		},
		"IssueToken": {
			reason: "and an issued one", turn: func(s *causeloop.Switches) { s.SecretField = causeloop.FieldToken },
			call: calls("POST", machine+"/tokens", nameBody("a")), want: 201, body: `"token":"clp_sat_[^"]+"}$`,
		},
		"Create200": {
			reason: "what is made is only OK", turn: func(s *causeloop.Switches) { s.CreateStatus = 200 }, call: create("a"), want: 200,
		},
		"CreateMachine200": {
			reason: "what is made is only OK", turn: func(s *causeloop.Switches) { s.CreateStatus = 200 },
			call: calls("POST", machinesPath, loopBody("a")), want: 200,
		},
		"Issue200": {
			reason: "what is made is only OK", turn: func(s *causeloop.Switches) { s.CreateStatus = 200 },
			call: calls("POST", machine+"/tokens", nameBody("a")), want: 200,
		},
		"Delete200": {
			reason: "a delete shows what there was", turn: func(s *causeloop.Switches) { s.DeleteStatus = 200 },
			call: calls("DELETE", first, ""), want: 200, body: "^" + begin + `"revoked_at":"2026-05-26T19:16:45Z"}$`,
		},
		"DeleteMachine200": {
			reason: "a delete shows what there was", turn: func(s *causeloop.Switches) { s.DeleteStatus = 200 },
			call: calls("DELETE", machine, ""), want: 200, body: `"name":"machine"`,
		},
		"Withdraw200": {
			reason: "a delete shows what there was", turn: func(s *causeloop.Switches) { s.DeleteStatus = 200 },
			call: calls("DELETE", issued, ""), want: 200, body: `"name":"issued"`,
		},
		"AgainNotFound":        {reason: "what has ended is not there", call: twice("DELETE", first, ""), want: 404},
		"AgainNotFoundMachine": {reason: "what has ended is not there", call: twice("DELETE", machine, ""), want: 404},
		"AgainNotFoundIssued":  {reason: "what has ended is not there", call: twice("DELETE", issued, ""), want: 404},
		"AgainSame": {
			reason: "it may end again", turn: func(s *causeloop.Switches) { s.SecondRevoke = causeloop.SecondRevokeSame },
			call: twice("DELETE", first, ""), want: 204,
		},
		"AgainSameMachine": {
			reason: "it may end again", turn: func(s *causeloop.Switches) { s.SecondRevoke = causeloop.SecondRevokeSame },
			call: twice("DELETE", machine, ""), want: 204,
		},
		"AgainConflict": {
			reason: "it has ended", turn: func(s *causeloop.Switches) { s.SecondRevoke = causeloop.SecondRevokeConflict },
			call: twice("DELETE", issued, ""), want: 409, body: `"code":"conflict"`,
		},
		"ListPages": {reason: "data and page", call: listed, want: 200, body: `^{"data":\[` + begin + `"revoked_at":null}\],"page":{`},
		"ListData": {
			reason: "data alone", turn: func(s *causeloop.Switches) { s.ListShape = causeloop.ListData }, call: listed, want: 200,
			body: `^{"data":\[` + begin + `"revoked_at":null}\]}$`,
		},
		"ListArray": {
			reason: "rows alone, whatever the query", turn: func(s *causeloop.Switches) { s.ListShape = causeloop.ListArray },
			call: calls("GET", loopPath+"?limit=1000", ""), want: 200, body: `^\[` + begin + `"revoked_at":null}\]$`,
		},
		"RevokedGone": {reason: "what has ended is gone", call: after(first, listed), want: 200, body: `^{"data":\[\]`},
		"RevokedListed": {
			reason: "what has ended stays", turn: func(s *causeloop.Switches) { s.RevokedListed = true }, call: after(first, listed),
			want: 200, body: begin + `"revoked_at":"2026-05-26T19:16:45Z"}`,
		},
		"WithdrawnGone": {reason: "what has ended is gone", call: after(issued, machines), want: 200, body: `"tokens":\[\]`},
		"WithdrawnListed": {
			reason: "what has ended stays", turn: func(s *causeloop.Switches) { s.RevokedListed = true }, call: after(issued, machines),
			want: 200, body: embedded + `[^}]+"revoked_at":"2026`,
		},
		"ExpiredListed": {reason: "what is over stays", call: afterItsTime, want: 200, body: `"total":2`},
		"ExpiredGone": {
			reason: "what is over is gone", turn: func(s *causeloop.Switches) { s.ExpiredListed = false }, call: afterItsTime,
			want: 200, body: `"total":1`,
		},
		"OwnListed": {reason: "a member sees his own", call: others, want: 200, body: `"total":1`},
		"OthersListed": {
			reason: "a member sees all", turn: func(s *causeloop.Switches) { s.OthersListed = true }, call: others, want: 200,
			body: `"total":2`,
		},
		"AccountsListed": {
			reason: "the caller's own token is one like others", turn: func(s *causeloop.Switches) { s.AccountsListed = true },
			call: listed, want: 200, body: `"name":"bootstrap operator".*"total":2`,
		},
		"MachinesListed": {
			reason: "accounts that are service accounts are ones like others",
			turn:   func(s *causeloop.Switches) { s.AccountsListed = true }, call: machines, want: 200,
			body: `"name":"operator-machine".*"name":"bootstrap operator-machine".*"total":2`,
		},
		"RevokedNameFree": {reason: "the name is free", call: after(first, create("first")), want: 201},
		"RevokedNameTaken": {
			reason: "the name is gone for good", turn: func(s *causeloop.Switches) { s.RevokedNameFree = false },
			call: after(first, create("first")), want: 409,
		},
		"DeletedNameFree": {reason: "the name is free", call: after(machine, calls("POST", machinesPath, loopBody("Machine"))), want: 201},
		"DeletedNameTaken": {
			reason: "the name is gone for good", turn: func(s *causeloop.Switches) { s.RevokedNameFree = false },
			call: after(machine, calls("POST", machinesPath, loopBody("Machine"))), want: 409,
		},
		"OthersName":   {reason: "names are each member's", call: as(looper().Value, create("first")), want: 201},
		"CaseCounts":   {reason: "this is another name", call: create("First"), want: 201},
		"NamesFold":    {reason: "this is the same name", turn: func(s *causeloop.Switches) { s.NamesFold = true }, call: create("First"), want: 409},
		"RollKeepsID":  {reason: "the token is the same", call: calls("POST", first+"/roll", ""), want: 200, body: "^" + begin},
		"RollOfRolled": {reason: "the token can be rolled again", call: twice("POST", first+"/roll", ""), want: 200},
		"RollMakesAnother": {
			reason: "the token is another one", turn: func(s *causeloop.Switches) { s.RollKeepsID = false },
			call: twice("POST", first+"/roll", ""), want: 404,
		},
		"ExpiresAt":      {reason: "a date is understood", call: calls("POST", loopPath, onDate), want: 201, body: `"expires_at":"2026-05-27T00:00:00Z"`},
		"NotInDays":      {reason: "days are not", call: calls("POST", loopPath, inDays), want: 201, body: `"expires_at":null`},
		"InDays":         {reason: "days are understood", turn: inDaysOnly, call: calls("POST", loopPath, inDays), want: 201, body: `"expires_at":"2026-05-28T19:16:45Z"`},
		"NotExpiresAt":   {reason: "a date is not", turn: inDaysOnly, call: calls("POST", loopPath, onDate), want: 201, body: `"expires_at":null`},
		"NoDays":         {reason: "a day at least", turn: inDaysOnly, call: calls("POST", loopPath, strings.Replace(inDays, "2", "0", 1)), want: 400},
		"ExpiryAccepted": {reason: "an issued token can end", call: calls("POST", machine+"/tokens", onDate), want: 201, body: `"expires_at":"2026-05-27T00:00:00Z"`},
		"ExpiryIgnored": {
			reason: "an issued token does not end", turn: func(s *causeloop.Switches) { s.AccountTokenExpiry = causeloop.ExpiryIgnored },
			call: calls("POST", machine+"/tokens", onDate), want: 201, body: `"expires_at":null`,
		},
		"ExpiryRefused": {
			reason: "an issued token must not end", turn: func(s *causeloop.Switches) { s.AccountTokenExpiry = causeloop.ExpiryRefused },
			call: calls("POST", machine+"/tokens", onDate), want: 400, body: `"expires_at"`,
		},
		"Embedded": {reason: "tokens are in the list of accounts", call: machines, want: 200, body: embedded},
		"NotEmbedded": {
			reason: "nothing lists them", turn: func(s *causeloop.Switches) { s.AccountTokensEmbedded = false }, call: machines,
			want: 200, body: `^{"data":\[{"id":"[^"]+","name":"machine","description":"","scopes":\["issues:read"\],"created_at":"[^"]+"}\]`,
		},
		"IssuedNamesRepeat": {reason: "names may repeat", call: calls("POST", machine+"/tokens", nameBody("issued")), want: 201},
		"IssuedNamesUnique": {
			reason: "names may not", turn: func(s *causeloop.Switches) { s.AccountTokenNamesUnique = true },
			call: calls("POST", machine+"/tokens", nameBody("issued")), want: 409,
		},
		"IssuedNamesUniqueFree": {
			reason: "a withdrawn name is free", turn: func(s *causeloop.Switches) { s.AccountTokenNamesUnique = true },
			call: after(issued, calls("POST", machine+"/tokens", nameBody("issued"))), want: 201,
		},
		"ScopesBeyond": {
			reason: "anybody may grant anything", turn: func(s *causeloop.Switches) { s.ScopesWithinCaller = false },
			call: as(looper().Value, calls("POST", loopPath, `{"name":"a","scopes":["workspace:admin"]}`)), want: 201,
		},
		"Scopes": {
			reason: "scopes are described", call: calls("GET", loopPath+"/scopes", ""), want: 200,
			body: `^{"data":\[{"name":"issues:read","description":"[^"]+"},.*"workspace:admin"`,
		},
		"ScopeNames": {
			reason: "scopes are names", turn: func(s *causeloop.Switches) { s.ScopesAs = causeloop.ScopesAsStrings },
			call: calls("GET", loopPath+"/scopes", ""), want: 200, body: `^{"data":\["issues:read",.*"workspace:admin"\]}$`,
		},
		"MachineAdmin": {reason: "a machine may manage machines", call: as(causeloop.DemoMachineValue, machines), want: 200},
		"NoMachineAdmin": {
			reason: "only members may", turn: func(s *causeloop.Switches) { s.MachineAdmin = false },
			call: as(causeloop.DemoMachineValue, machines), want: 403, body: `"code":"forbidden"`,
		},
		"MFARequired": {
			reason: "members need a second factor", turn: func(s *causeloop.Switches) { s.MFARequired = true }, call: machines,
			want: 403, body: `"code":"mfa_required"`,
		},
		"MFARequiredOfNoMachine": {
			reason: "machines have none", turn: func(s *causeloop.Switches) { s.MFARequired = true },
			call: as(causeloop.DemoMachineValue, machines), want: 200,
		},
		"KeyIgnored": {reason: "the second create is one", call: repeated, want: 409},
		"KeyReplayed": {
			reason: "the second create is the first", turn: func(s *causeloop.Switches) { s.IdempotencyReplay = true }, call: repeated,
			want: 201,
		},
		"KeyOfAnotherDay": {
			reason: "a day later the key is new", turn: func(s *causeloop.Switches) { s.IdempotencyReplay = true },
			call: func(s loopSituation) reply {
				repeated(s)
				s.clock.Step(25 * time.Hour)
				request := s.request(s.t.Context(), "POST", loopPath, loopBody("again"))
				request.Header.Set("Idempotency-Key", "key")
				return s.send(request)
			}, want: 409,
		},
		"IDs": {
			reason: "IDs are UUIDs", turn: func(s *causeloop.Switches) { s.IDs = causeloop.IDsUUID }, call: create("a"), want: 201,
			body: `^{"id":"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			clock := newFakeClock()
			b := newLoop(t, withLoopers(), simulator.WithClock(clock))
			s := loopSituation{bench: b, clock: clock, first: b.loopCreate("first"), machine: b.machineCreate("machine")}
			s.issued = b.issue(s.machine.ID, "issued")
			if tc.turn != nil {
				b.loopTurn(tc.turn)
			}
			got := tc.call(s)
			if got.err != nil || got.status != tc.want {
				t.Fatalf("%s: status %d (%v), want %d: %s", tc.reason, got.status, got.err, tc.want, got.body)
			}
			if !matches(tc.body, got.body) {
				t.Errorf("%s: body %s does not match %s", tc.reason, got.body, tc.body)
			}
		})
	}
}

func inDaysOnly(s *causeloop.Switches) { s.ExpiryField = causeloop.ExpiresInDays }

func TestCauseloopLimit(t *testing.T) {
	cases := map[string]struct {
		reason string
		turn   func(*causeloop.Switches)
		// want are the statuses of two calls of the member, then one of the machine, then one of the member a minute later.
		want []int
	}{
		"PerClient": {reason: "all calls of an address count", turn: func(s *causeloop.Switches) { s.CallsPerMinute = 1 }, want: []int{200, 429, 429, 200}},
		"PerToken": {
			reason: "each token's calls count for themselves",
			turn:   func(s *causeloop.Switches) { s.CallsPerMinute, s.LimitPer = 1, causeloop.LimitPerToken }, want: []int{200, 429, 200, 200},
		},
		"None": {reason: "nothing counts", turn: func(s *causeloop.Switches) { s.CallsPerMinute = 0 }, want: []int{200, 200, 200, 200}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			clock := newFakeClock()
			b := newLoop(t, simulator.WithClock(clock))
			b.loopTurn(tc.turn)
			var statuses []int
			for i, value := range []string{causeloop.DemoValue, causeloop.DemoValue, causeloop.DemoMachineValue, causeloop.DemoValue} {
				b.bearer = value
				if clock.Step(time.Second); i == 3 {
					clock.Step(time.Minute)
				}
				got := b.call("GET", loopPath+"/scopes", "")
				statuses = append(statuses, got.status)
				if got.status != 429 {
					continue
				}
				if string(got.body) != `{"error":{"code":"rate_limited","message":"Too many requests"}}` {
					t.Errorf("%s: body %s", tc.reason, got.body)
				}
				header := got.header
				if wait, _ := strconv.Atoi(header.Get("Retry-After")); wait < 58 || wait > 60 || header.Get("X-RateLimit-Remaining") != "0" {
					t.Errorf("%s: headers %v", tc.reason, header)
				}
			}
			if diff := cmp.Diff(tc.want, statuses); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}

	// A fault's answer has the vendor's shape and headers.
	b := newLoop(t)
	b.fault(simulator.Fault{Route: causeloop.RouteList, Kind: stage.Status, Status: 429, RetryAfter: "7", Times: 1})
	got := b.call("GET", loopPath, "")
	if string(got.body) != `{"error":{"code":"rate_limited","message":"Too many requests"}}` ||
		got.header.Get("Retry-After") != "7" || got.header.Get("X-RateLimit-Remaining") != "600" {
		t.Errorf("%s %v", got.body, got.header)
	}
	b.fault(simulator.Fault{Route: causeloop.RouteList, Kind: stage.Status, Status: 500, Times: 1})
	var refusal loopError
	parse(t, b.call("GET", loopPath, ""), 500, &refusal)
	if refusal.Error.Code != "internal_error" || refusal.Error.TraceID == "" {
		t.Errorf("%+v", refusal)
	}
}

func TestCauseloopAnswersThatLie(t *testing.T) {
	b := newLoop(t)
	lie := func(route string, kind stage.Kind) {
		b.fault(simulator.Fault{Route: route, Kind: kind, Times: 1})
	}
	lie(causeloop.RouteCreate, stage.EmptyValue)
	lie(causeloop.RouteCreate, stage.AlteredName)
	if created := b.loopCreate("a"); created.Secret != "" {
		t.Error("it has a value")
	}
	if created := b.loopCreate("b"); created.Name != "b-altered" {
		t.Errorf("it is called %s", created.Name)
	}
	lie(causeloop.RouteRoll, stage.EmptyValue)
	if got := b.call("POST", loopPath+"/"+b.loopTokens()[0].ID+"/roll", ""); !matches(`"secret":""`, got.body) {
		t.Errorf("rolled: %d", got.status)
	}
	lie(causeloop.RouteCreateAccount, stage.AlteredName)
	machine := b.machineCreate("m")
	if machine.Name != "m-altered" {
		t.Errorf("the service account is called %s", machine.Name)
	}
	lie(causeloop.RouteIssue, stage.AlteredName)
	lie(causeloop.RouteIssue, stage.EmptyValue)
	if issued := b.issue(machine.ID, "i"); issued.Name != "i-altered" || issued.Secret == "" {
		t.Errorf("issued as %s", issued.Name)
	}
	if issued := b.issue(machine.ID, "i"); issued.Secret != "" {
		t.Error("it has a value")
	}
}

func TestCauseloopPeople(t *testing.T) {
	b := newLoop(t, withLoopers())
	vendor := b.server.Causeloop()
	id, err := vendor.Create(causeloop.DemoName, "by hand")
	if err != nil {
		t.Fatal(err)
	}
	machine, err := vendor.CreateServiceAccount(causeloop.DemoWorkspaceID, "Machine", "issues:write")
	if err != nil {
		t.Fatal(err)
	}
	issued, err := vendor.Issue(machine, "by hand")
	if err != nil {
		t.Fatal(err)
	}
	rows, machines := loopList[loopRow](b, loopPath), loopList[machineRow](b, machinesPath)
	if len(rows) != 1 || rows[0].ID != id || len(machines) != 1 || (*machines[0].Tokens)[0].ID != issued {
		t.Fatalf("rows %+v, machines %+v, want what was made by hand", rows, machines)
	}
	for _, token := range []string{id, issued, id} {
		if err := vendor.Revoke(token); err != nil {
			t.Error(err)
		}
	}
	if left := loopList[loopRow](b, loopPath); len(left) != 0 {
		t.Errorf("rows %+v, want that they are revoked", left)
	}

	// Who has a token of an admin's scopes is an admin; and a member who leaves takes his tokens along, no more.
	var admin loopRow
	parse(t, b.call("POST", loopPath, `{"name":"admin","scopes":["workspace:admin","issues:read"]}`), 201, &admin)
	b.bearer = admin.Secret
	made := b.machineCreate("made by a member")
	value := b.issue(made.ID, "lives on").Secret
	if rows := loopList[loopRow](b, loopPath); rows[0].LastUsedAt == nil {
		t.Error("a value that is used is not known to be")
	}
	if err := vendor.DeleteAccount(causeloop.DemoName); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{admin.Secret, causeloop.DemoValue} {
		if b.bearer = gone; b.call("GET", loopPath, "").status != 401 {
			t.Error("a value of a member who has left is live")
		}
	}
	if !vendor.Check(value).Active {
		t.Error("a service account left with the member who had made it")
	}
	if err := vendor.DeleteServiceAccount(made.ID); err != nil {
		t.Fatal(err)
	}
	if vendor.Check(value).Active {
		t.Error("the value of a deleted service account is live")
	}

	// He comes back, into another workspace: what there was stays where it was.
	back := causeloop.DemoAccount()
	back.WorkspaceID = elsewhere().WorkspaceID
	if err := vendor.AddAccount(back); err != nil {
		t.Fatal(err)
	}
	b.bearer = back.Value
	if rows := loopList[machineRow](b, machinesPath); len(rows) != 0 {
		t.Errorf("another workspace has %+v", rows)
	}
	b.loopCreate("there")
	if err := vendor.AddAccount(causeloop.DemoAccount()); err != nil {
		t.Fatal(err)
	}
	if rows := loopList[loopRow](b, loopPath); len(rows) != 0 {
		t.Errorf("rows %+v came along from another workspace", rows)
	}
	if err := vendor.DisableAccount(causeloop.DemoName); err != nil {
		t.Fatal(err)
	}
	if got := b.call("GET", loopPath, ""); got.status != 401 {
		t.Errorf("a disabled account gets %d", got.status)
	}
	if err := vendor.DeleteAccount(causeloop.DemoMachineName); err != nil {
		t.Fatal(err)
	}
	if b.bearer = causeloop.DemoMachineValue; b.call("GET", machinesPath, "").status != 401 {
		t.Error("a deleted service account calls")
	}

	for what, err := range map[string]error{
		"CreateForNobody":           second(vendor.Create("nobody", "x")),
		"CreateForMachine":          second(vendor.Create(causeloop.DemoMachineName, "x")),
		"CreateWithoutName":         second(vendor.Create("looper", "")),
		"CreateServiceAccountTaken": second(vendor.CreateServiceAccount(causeloop.DemoWorkspaceID, "MACHINE")),
		"CreateServiceAccount":      second(vendor.CreateServiceAccount("", "x")),
		"IssueForNone":              second(vendor.Issue(made.ID, "x")),
		"IssueWithoutName":          second(vendor.Issue(machine, "")),
		"Revoke":                    vendor.Revoke("tok_none"),
		"ChangeScopes":              vendor.ChangeScopes(made.ID, "audit:read"),
		"DeleteServiceAccount":      vendor.DeleteServiceAccount(made.ID),
		"DisableAccount":            vendor.DisableAccount("nobody"),
		"DeleteAccount":             vendor.DeleteAccount("nobody"),
		"AddAccount":                vendor.AddAccount(causeloop.Account{Name: "half"}),
		"AddAccountOfAnother":       vendor.AddAccount(causeloop.Account{Name: "thief", Value: looper().Value, WorkspaceID: "w"}),
		"SetSwitches":               vendor.SetSwitches(causeloop.Switches{}),
		"SetSwitchesCreate":         turned(func(s *causeloop.Switches) { s.CreateStatus = 202 }, vendor),
		"SetSwitchesDelete":         turned(func(s *causeloop.Switches) { s.DeleteStatus = 202 }, vendor),
		"SetSwitchesPage":           turned(func(s *causeloop.Switches) { s.PageSize = 0 }, vendor),
	} {
		if err == nil {
			t.Errorf("%s: no error for bad input", what)
		}
	}
}

func turned(turn func(*causeloop.Switches), vendor *causeloop.Vendor) error {
	switches := causeloop.DefaultSwitches()
	turn(&switches)
	return vendor.SetSwitches(switches)
}

func TestCauseloopAdminAPI(t *testing.T) {
	b := newLoop(t, simulator.WithRevealedSecrets())
	created := b.loopCreate("one")
	machine := b.machineCreate("machine")
	issued := b.issue(machine.ID, "issued")
	var rolled loopRow
	parse(t, b.call("POST", loopPath+"/"+created.ID+"/roll", ""), 200, &rolled)
	token := `"scopes":\["issues:read"\],"state":"active","createdAt":"[^".]+Z","valueSHA256":"[0-9a-f]{64}"`
	steps := []struct {
		reason, method, path, body string
		status                     int
		want                       string
	}{
		{"the truth has tokens without values", "GET", "/sim/causeloop/truth", "", 200,
			`^{"accounts":\[{"name":"operator","id":"mbr_[^"]+","workspaceID":"ws_demo","admin":true,"tokens":\[{"id":"` + created.ID +
				`","name":"one",` + token + `,"rolledSHA256":\["[^"]+"\]}\]},{"name":"operator-machine",.*"tokens":\[\]}\],` +
				`"serviceAccounts":\[{"id":"` + machine.ID + `",.*"tokens":\[{"id":"` + issued.ID + `","name":"issued",` + token + `}\]}\],` +
				`"calls":{"causeloop.create":1,"causeloop.createAccount":1,"causeloop.issue":1,"causeloop.roll":1},"refused":{}}$`},
		{"a value is good", "POST", "/sim/causeloop/check", `{"value":"` + rolled.Secret + `"}`, 200, `^{"known":true,"active":true`},
		{"an older is not", "POST", "/sim/causeloop/check", `{"value":"` + created.Secret + `"}`, 200, `^{"known":true,"active":false`},
		{"a value is used", "POST", "/sim/causeloop/connect", `{"value":"` + issued.Secret + `"}`, 200, `"active":true`},
		{"which shows", "GET", "/sim/causeloop/truth", "", 200, `"lastUsedAt"`},
		{"another is not", "POST", "/sim/causeloop/connect", `{"value":"x"}`, 200, `"known":false,"active":false`},
		{"a member creates", "POST", "/sim/causeloop/tokens", `{"member":"operator","name":"two"}`, 200, `^{"id":"tok_`},
		{"but not twice", "POST", "/sim/causeloop/tokens", `{"member":"operator","name":"two"}`, 400, `"error"`},
		{"an admin issues", "POST", "/sim/causeloop/tokens", `{"serviceAccount":"` + machine.ID + `","name":"two"}`, 200, `^{"id":"sat_`},
		{"and makes", "POST", "/sim/causeloop/service-accounts", `{"workspaceID":"ws_demo","name":"two"}`, 200, `^{"id":"sa_`},
		{"and changes", "PUT", "/sim/causeloop/service-accounts/" + machine.ID, `{"scopes":["audit:read"]}`, 200, `^{}$`},
		{"and deletes", "DELETE", "/sim/causeloop/service-accounts/" + machine.ID, "", 200, `^{}$`},
		{"but once", "DELETE", "/sim/causeloop/service-accounts/" + machine.ID, "", 404, `"error"`},
		{"a member revokes", "POST", "/sim/causeloop/tokens/" + created.ID + "/revoke", "", 200, `^{}$`},
		{"but what there is", "POST", "/sim/causeloop/tokens/none/revoke", "", 404, `"error"`},
		{"an account is added", "POST", "/sim/causeloop/accounts", `{"name":"a","value":"clp_pat_s2","workspaceID":"ws_demo"}`, 200, `^{}$`},
		{"disabled", "DELETE", "/sim/causeloop/accounts/a", "", 200, `^{}$`},
		{"and deleted", "POST", "/sim/causeloop/accounts/a/delete", "", 200, `^{}$`},
		{"the truth says so", "GET", "/sim/causeloop/truth", "", 200, `"name":"a","id":"[^"]+","workspaceID":"ws_demo","admin":false,"disabled":true,"deleted":true`},
		{"switches show", "GET", "/sim/causeloop/switches", "", 200, `"secretField":"secret".*"callsPerMinute":600`},
		{"one is turned", "PUT", "/sim/causeloop/switches", `{"listShape":"array"}`, 200, `"secretField":"secret".*"listShape":"array"`},
		{"a typing error is one", "PUT", "/sim/causeloop/switches", `{"list":"array"}`, 400, `list`},
		{"so is a wrong value", "PUT", "/sim/causeloop/switches", `{"listShape":"tree"}`, 400, `pages`},
	}
	for _, step := range steps {
		got := b.call(step.method, step.path, step.body)
		if got.err != nil || got.status != step.status || !matches(step.want, got.body) {
			t.Errorf("%s: status %d (%v), want %d and %s: %s", step.reason, got.status, got.err, step.status, step.want, got.body)
		}
		checkSilence(t, step.path, got.body, created.Secret, rolled.Secret, issued.Secret, causeloop.DemoValue, "clp_pat_s2")
	}

	var told struct {
		Secrets []string `json:"secrets"`
	}
	parse(t, b.call("GET", "/sim/causeloop/secrets", ""), 200, &told)
	want := []string{"clp_pat_s2", causeloop.DemoValue, causeloop.DemoMachineValue, created.Secret, issued.Secret, rolled.Secret}
	if diff := cmp.Diff(want, told.Secrets[:len(told.Secrets)-2]); diff != "" {
		t.Errorf("secrets, what is gone included, and two made by hand after them (-want +got):\n%s", diff)
	}
	if secrets := newBench(t).server.Causeloop().Secrets(); len(secrets) != 0 {
		t.Errorf("a simulator that was not asked to reveals %d secrets", len(secrets))
	}
}
