package conformance

import (
	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

// rollCases: a value is replaced once, the one before it ends, and what is not known of it is said.
func rollCases() []testCase {
	cases := []testCase{
		{name: "Roll", anywhere: true, run: roll},
		{name: "RollUnknown", anywhere: true, run: rollUnknown},
		{name: "RollOddID", run: rollOddID},
		{name: "RollRevoked", anywhere: true, run: rollRevoked},
		{name: "RollEmptyValue", run: rollEmptyValue},
		{name: "RollHangs", run: rollHangs},
		{name: "RollIsNotRepeated", run: rollIsNotRepeated},
	}
	for _, lost := range lostCreates() {
		cases = append(cases, testCase{name: "Roll" + lost.name, run: func(t *trial) {
			client := t.open(Setup{})
			roller, issued := t.roller(client), t.create(client)
			lost.fault.Route = Roll
			t.inject(lost.fault)
			_, err := roller.Roll(t.Context(), issued.ID, issued.Name)
			t.expect(err, lost.class, lost.cause)
			t.rolledOnce(issued, lost.committed)
		}})
	}
	return cases
}

func (t *trial) roller(client vendors.Vendor) vendors.Roller {
	t.Helper()
	roller, ok := client.(vendors.Roller)
	t.needs(ok, "the vendor gives no token another value")
	return roller
}

// rolledOnce fails unless the vendor was asked once and, if it has done so, takes the value that there was no more. One token is
// active all the same.
func (t *trial) rolledOnce(issued token.Issued, committed bool) {
	t.Helper()
	t.expectCalls(Roll, 1)
	t.expectTokens(1, 1)
	if t.sim.Accepts == nil {
		return
	}
	if _, live := t.sim.Accepts(issued.Value); live == committed {
		t.Errorf("the value that there was is accepted: %t; the vendor replaced it: %t", live, committed)
	}
}

// roll: name and rights stay, and so does the end unless the answer says otherwise. The ID need not.
func roll(t *trial) {
	client := t.open(Setup{})
	roller, issued := t.roller(client), t.create(client)
	rolled, err := roller.Roll(t.Context(), issued.ID, issued.Name)
	if err != nil {
		t.Fatalf("roll: %v", err)
	}
	if rolled.ID != issued.ID {
		t.tidy(client, rolled.ID)
	}
	if !rolled.Value.Usable() || rolled.Value.Equal(issued.Value) {
		t.Error("there is no other value")
	}
	if rolled.Name != issued.Name || rolled.State != token.Active || rolled.ExpiresAt != issued.ExpiresAt {
		t.Errorf("rolled %+v, was %+v", rolled.Token, issued.Token)
	}
	rows := t.list(client)
	if diff := cmp.Diff(rolled.Token, rows[rolled.ID]); diff != "" {
		t.Errorf("row as rolled -listed +rolled:\n%s", diff)
	}
	if diff := cmp.Diff(issued.Rights, rolled.Rights); diff != "" {
		t.Errorf("rights -before +after:\n%s", diff)
	}
	if was, listed := rows[issued.ID]; rolled.ID != issued.ID && listed && was.State != token.Revoked {
		t.Errorf("the token that was rolled is listed as %s", was.State)
	}
	if t.sim != nil {
		t.rolledOnce(issued, true)
		t.accepted(rolled)
	}
}

func rollUnknown(t *trial) {
	roller := t.roller(t.open(Setup{}))
	_, err := roller.Roll(t.Context(), noSuchToken, "conformance")
	t.expect(err, token.NotFound, token.CauseStatus)
}

// rollOddID: what cannot be an ID is not put into a path.
func rollOddID(t *trial) {
	roller := t.roller(t.open(Setup{}))
	for _, id := range []token.ID{"", "..", "a/b", "a?b", "a b"} {
		if _, err := roller.Roll(t.Context(), id, "conformance"); token.ClassOf(err) != token.Invalid {
			t.Errorf("%q: %v, want Invalid", id, err)
		}
	}
	t.expectCalls(Roll, 0)
}

// rollRevoked: what has ended does not come back.
func rollRevoked(t *trial) {
	client := t.open(Setup{})
	roller, issued := t.roller(client), t.create(client)
	if err := client.Revoke(t.Context(), issued.ID); err != nil {
		t.Fatalf("revoke: %v", err)
	}
	_, err := roller.Roll(t.Context(), issued.ID, issued.Name)
	t.expect(err, token.NotFound, token.CauseStatus)
}

// rollEmptyValue: nobody will ever learn the value. Whose it would be, the failure tells.
func rollEmptyValue(t *trial) {
	client := t.open(Setup{})
	roller, issued := t.roller(client), t.create(client)
	t.inject(Fault{Route: Roll, Kind: EmptyValue})
	_, err := roller.Roll(t.Context(), issued.ID, issued.Name)
	failure := t.failure(err, token.Ambiguous, token.CauseEmptyValue)
	t.rolledOnce(issued, true)
	if active := t.sim.Truth().Tokens[0].ID; failure.Stray != active {
		t.Errorf("the failure names %q, want %q", failure.Stray, active)
	}
}

// rollHangs: the vendor has replaced the value and says nothing.
func rollHangs(t *trial) {
	client := t.open(Setup{})
	_, issued := t.roller(client), t.create(client)
	t.inject(Fault{Route: Roll, Kind: HangAfterCommit})
	_, err := t.roller(t.open(Setup{Timeout: shortTimeout})).Roll(t.Context(), issued.ID, issued.Name)
	t.expect(err, token.Ambiguous, token.CauseTimeout)
	t.rolledOnce(issued, true)
}

// rollIsNotRepeated: neither client nor transport asks again, however often it is cut.
func rollIsNotRepeated(t *trial) {
	client := t.open(Setup{})
	roller := t.roller(client)
	t.warm(client)
	t.inject(Fault{Route: Roll, Kind: CutAfterCommit, Every: true})
	for made := 1; made <= 3; made++ {
		issued := t.create(client)
		_, err := roller.Roll(t.Context(), issued.ID, issued.Name)
		t.expect(err, token.Ambiguous, token.CauseBroken)
		t.expectCalls(Roll, made)
	}
}
