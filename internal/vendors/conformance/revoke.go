package conformance

import (
	"net/http"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// revokeCases: nil means that the vendor said so, and a repetition does no harm.
func revokeCases() []testCase {
	cases := []testCase{
		{name: "RevokeUnknown", anywhere: true, run: revokeUnknown},
		{name: "RevokeTwice", run: revokeTwice},
		{name: "RevokeOddID", run: revokeOddID},
	}
	for _, tc := range []struct {
		name  string
		fault Fault
		class token.Class
		cause token.Cause
	}{
		{"CutBeforeCommit", Fault{Kind: CutBeforeCommit}, token.Unavailable, token.CauseBroken},
		{"CutAfterCommit", Fault{Kind: CutAfterCommit}, token.Unavailable, token.CauseBroken},
		{"Status500AfterCommit", Fault{Kind: StatusAfterCommit, StatusCode: http.StatusInternalServerError}, token.Unavailable, token.CauseStatus},
		{"Status503", Fault{Kind: Status, StatusCode: http.StatusServiceUnavailable}, token.Unavailable, token.CauseStatus},
		{"Forbidden", Fault{Kind: Status, StatusCode: http.StatusForbidden}, token.Forbidden, token.CauseStatus},
		{"Conflict", Fault{Kind: Status, StatusCode: http.StatusConflict}, token.Conflict, token.CauseStatus},
		{"Redirect", Fault{Kind: Redirect}, token.Unavailable, token.CauseRedirect},
		{"Truncated", Fault{Kind: TruncatedBody}, token.Unavailable, token.CauseBroken},
		{"HTML", Fault{Kind: HTML}, token.Unavailable, token.CauseUnexpected},
		{"Malformed", Fault{Kind: MalformedJSON}, token.Unavailable, token.CauseUnexpected},
		{"HugeAnswer", Fault{Kind: HugeRow}, token.Unavailable, token.CauseTooLarge},
	} {
		cases = append(cases, testCase{name: "Revoke" + tc.name, run: func(t *trial) {
			client := t.open(Setup{})
			issued := t.create(client)
			tc.fault.Route = Revoke
			t.inject(tc.fault)
			t.expect(client.Revoke(t.Context(), issued.ID), tc.class, tc.cause)
			t.expectCalls(Revoke, 1)
			t.revokedAgain(client.Revoke(t.Context(), issued.ID))
			t.expectTokens(count(client.Capabilities().KeepsRevoked), 0)
		}})
	}
	return cases
}

func revokeUnknown(t *trial) {
	client := t.open(Setup{})
	t.expect(client.Revoke(t.Context(), noSuchToken), token.NotFound, token.CauseStatus)
}

func revokeTwice(t *trial) {
	variants := t.sim.SecondRevokes
	if len(variants) == 0 {
		variants = []Variant{{Name: "documented", Set: func() {}}}
	}
	client := t.open(Setup{})
	for _, variant := range variants {
		variant.Set()
		issued := t.create(client)
		if err := client.Revoke(t.Context(), issued.ID); err != nil {
			t.Fatalf("%s: revoke: %v", variant.Name, err)
		}
		t.Logf("%s: %v", variant.Name, client.Revoke(t.Context(), issued.ID))
		t.revokedAgain(client.Revoke(t.Context(), issued.ID))
		for _, row := range t.sim.Truth().Tokens {
			if row.Active {
				t.Errorf("%s: %s is active", variant.Name, row.ID)
			}
		}
	}
}

// revokedAgain fails unless the answer to a revocation that may be the second is one that the list can decide: done, not there, or in
// another state.
func (t *trial) revokedAgain(err error) {
	t.Helper()
	if class := token.ClassOf(err); err != nil && class != token.NotFound && class != token.Conflict {
		t.Errorf("a revocation that may be the second: %v", err)
	}
}

// revokeOddID: what is no ID makes no call, wherever its path would lead.
func revokeOddID(t *trial) {
	client := t.open(Setup{})
	t.warm(client)
	for _, id := range oddIDs() {
		t.expect(client.Revoke(t.Context(), id), token.Invalid, token.CauseUnexpected)
	}
	t.expectCalls(Revoke, 0)
}
