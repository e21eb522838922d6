package conformance

import (
	"net/http"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

// createCases: a create is made once, and what is not known of it is said.
func createCases() []testCase {
	cases := []testCase{
		{name: "CreateLateCommit", run: createLateCommit},
		{name: "CreateAlteredName", run: createAlteredName},
		{name: "CreateEmptyValue", run: createEmptyValue},
		{name: "CreateHangs", run: createHangs},
		{name: "CreateLostThenNext", run: createLostThenNext},
		{name: "CreateNameTaken", anywhere: true, run: createNameTaken},
		{name: "CreateIsNotRepeated", run: createIsNotRepeated},
	}
	for _, tc := range lostCreates() {
		cases = append(cases, testCase{name: "Create" + tc.name, run: tc.run})
	}
	return cases
}

// lostCreate is a create that is not answered as it should be.
type lostCreate struct {
	name  string
	fault Fault
	class token.Class
	cause token.Cause
	// committed: the vendor has made the token all the same.
	committed bool
}

func lostCreates() []lostCreate {
	status := func(kind Kind, code int) Fault { return Fault{Kind: kind, StatusCode: code} }
	return []lostCreate{
		{"CutBeforeCommit", Fault{Kind: CutBeforeCommit}, token.Ambiguous, token.CauseBroken, false},
		{"CutAfterCommit", Fault{Kind: CutAfterCommit}, token.Ambiguous, token.CauseBroken, true},
		{"Status500AfterCommit", status(StatusAfterCommit, http.StatusInternalServerError), token.Ambiguous, token.CauseStatus, true},
		{"Status503BeforeCommit", status(Status, http.StatusServiceUnavailable), token.Ambiguous, token.CauseStatus, false},
		{"Status408AfterCommit", status(StatusAfterCommit, http.StatusRequestTimeout), token.Ambiguous, token.CauseStatus, true},
		{"Truncated", Fault{Kind: TruncatedBody}, token.Ambiguous, token.CauseBroken, true},
		{"Malformed", Fault{Kind: MalformedJSON}, token.Ambiguous, token.CauseUnexpected, true},
		{"WrongContentType", Fault{Kind: WrongContentType}, token.Ambiguous, token.CauseUnexpected, true},
		{"HTML", Fault{Kind: HTML}, token.Ambiguous, token.CauseUnexpected, false},
		{"HugeValue", Fault{Kind: HugeBody}, token.Ambiguous, token.CauseTooLarge, true},
		{"HugeAnswer", Fault{Kind: HugeRow}, token.Ambiguous, token.CauseTooLarge, true},
		{"Redirect", Fault{Kind: Redirect}, token.Unavailable, token.CauseRedirect, false},
		{"Refused400", status(Status, http.StatusBadRequest), token.Invalid, token.CauseStatus, false},
		{"Refused403", status(Status, http.StatusForbidden), token.Forbidden, token.CauseStatus, false},
		{"Refused404", status(Status, http.StatusNotFound), token.NotFound, token.CauseStatus, false},
		{"Refused409", status(Status, http.StatusConflict), token.Conflict, token.CauseStatus, false},
		{"Refused422", status(Status, http.StatusUnprocessableEntity), token.Invalid, token.CauseStatus, false},
		{"Refused429", status(Status, http.StatusTooManyRequests), token.RateLimited, token.CauseStatus, false},
	}
}

// run makes the create, looks that the vendor saw it once, and resolves the doubt by a list, as the operator does.
func (l lostCreate) run(t *trial) {
	client, name := t.open(Setup{}), t.name()
	l.fault.Route = Create
	t.inject(l.fault)
	_, err := client.Create(t.Context(), t.request(name))
	t.expect(err, l.class, l.cause)
	t.expectCalls(Create, 1)
	t.resolved(client, name, l.committed)
}

// resolved fails unless the list tells whether there is a token of the name, and the doubt is over when it is revoked. Where
// tokens have no name, it is the one that was not there before.
func (t *trial) resolved(client vendors.Vendor, name string, committed bool) {
	t.Helper()
	if !client.Capabilities().Listable {
		t.expectTokens(count(committed), count(committed))
		return
	}
	if !client.Capabilities().Named {
		name = ""
	}
	row, there := found(t.list(client), name)
	if there != committed {
		t.Fatalf("the list shows the token: %t, want %t", there, committed)
	}
	if !there {
		t.expectTokens(0, 0)
		return
	}
	if err := client.Revoke(t.Context(), row.ID); err != nil {
		t.Fatalf("revoke: %v", err)
	}
	t.expectTokens(count(client.Capabilities().KeepsRevoked), 0)
}

func count(there bool) int {
	if there {
		return 1
	}
	return 0
}

// createHangs: the vendor has made the token and says nothing.
func createHangs(t *trial) {
	t.inject(Fault{Route: Create, Kind: HangAfterCommit})
	name := t.name()
	_, err := t.open(Setup{Timeout: shortTimeout}).Create(t.Context(), t.request(name))
	t.expect(err, token.Ambiguous, token.CauseTimeout)
	t.expectCalls(Create, 1)
	t.resolved(t.open(Setup{}), name, true)
}

// shortTimeout is waited for in full, and must be long enough for a handshake on a busy machine.
const shortTimeout = 2 * time.Second

func createLateCommit(t *trial) {
	client, name := t.open(Setup{}), t.name()
	t.inject(Fault{Route: Create, Kind: LateCommit, Delay: time.Hour})
	_, err := client.Create(t.Context(), t.request(name))
	t.expect(err, token.Ambiguous, token.CauseBroken)
	if len(t.list(client)) != 0 {
		t.Fatal("the vendor has committed already")
	}
	if committed := t.sim.CommitLate(); committed != 1 {
		t.Fatalf("%d creates were still to come, want 1", committed)
	}
	t.expectCalls(Create, 1)
	t.resolved(client, name, true)
}

func createAlteredName(t *trial) {
	client := t.open(Setup{})
	t.needs(client.Capabilities().Named, "tokens have no name")
	t.inject(Fault{Route: Create, Kind: AlteredName})
	_, err := client.Create(t.Context(), t.request(t.name()))
	t.revokeStray(client, t.failure(err, token.Invalid, token.CauseNameAltered))
}

func createEmptyValue(t *trial) {
	client := t.open(Setup{})
	t.inject(Fault{Route: Create, Kind: EmptyValue})
	_, err := client.Create(t.Context(), t.request(t.name()))
	t.revokeStray(client, t.failure(err, token.Ambiguous, token.CauseEmptyValue))
}

// createLostThenNext: a value that got lost is lost for good. Its token is found by its name and revoked, and the next one made.
func createLostThenNext(t *trial) {
	client := t.open(Setup{})
	can := client.Capabilities()
	t.needs(can.Named && can.Listable, "no list shows a name")
	t.needs(!can.ValueReadable, "the vendor shows the value again")
	name := t.name()
	t.inject(Fault{Route: Create, Kind: CutAfterCommit})
	_, err := client.Create(t.Context(), t.request(name))
	t.expect(err, token.Ambiguous, token.CauseBroken)
	lost, there := found(t.list(client), name)
	if !there {
		t.Fatal("the list does not show the token")
	}
	if err := client.Revoke(t.Context(), lost.ID); err != nil {
		t.Fatalf("revoke: %v", err)
	}
	next := t.create(client)
	rows := t.list(client)
	if row := rows[next.ID]; row.Name != next.Name || row.State != token.Active {
		t.Errorf("the next token is listed as %q, %q; want %q, active", row.Name, row.State, next.Name)
	}
	if row, listed := rows[lost.ID]; listed && row.State != token.Revoked {
		t.Errorf("the lost token is %s", row.State)
	}
	t.accepted(next)
	t.expectCalls(Create, 2)
	t.expectTokens(1+count(can.KeepsRevoked), 1)
}

// createNameTaken: a refusal without a doubt, which leaves the token that has the name alone.
func createNameTaken(t *trial) {
	client := t.open(Setup{})
	t.needs(client.Capabilities().UniqueNames, "names need not be unique")
	first := t.create(client)
	second, err := client.Create(t.Context(), t.request(first.Name))
	if err == nil {
		t.tidy(client, second.ID)
	}
	t.expect(err, token.Conflict, token.CauseStatus)
	if row, there := found(t.list(client), first.Name); !there || row.ID != first.ID {
		t.Errorf("the name is now that of %q, want %q", row.ID, first.ID)
	}
	if t.sim != nil {
		t.accepted(first)
		t.expectTokens(1, 1)
	}
}

// createIsNotRepeated: neither client nor transport sends a create again, however often it is cut.
func createIsNotRepeated(t *trial) {
	client := t.open(Setup{})
	t.warm(client)
	t.inject(Fault{Route: Create, Kind: CutAfterCommit, Every: true})
	for made := 1; made <= 3; made++ {
		_, err := client.Create(t.Context(), t.request(t.name()))
		t.expect(err, token.Ambiguous, token.CauseBroken)
		t.expectCalls(Create, made)
		t.expectTokens(made, made)
	}
}

// accepted fails unless the vendor takes the value for the token's own, where the simulator can tell.
func (t *trial) accepted(issued token.Issued) {
	t.Helper()
	if t.sim.Accepts == nil {
		return
	}
	if id, live := t.sim.Accepts(issued.Value); !live || id != issued.ID {
		t.Errorf("the vendor takes the value of %s for one of %q, live %t", issued.ID, id, live)
	}
}

// revokeStray fails unless the failure names the token that there is all the same.
func (t *trial) revokeStray(client vendors.Vendor, failure *token.Failure) {
	t.Helper()
	truth := t.sim.Truth()
	if len(truth.Tokens) != 1 || truth.Tokens[0].ID != failure.Stray {
		t.Fatalf("the failure names %q, the vendor has %v", failure.Stray, truth.Tokens)
	}
	if err := client.Revoke(t.Context(), failure.Stray); err != nil {
		t.Fatalf("revoke: %v", err)
	}
	t.expectTokens(count(client.Capabilities().KeepsRevoked), 0)
	t.expectCalls(Create, 1)
}
