package conformance

import (
	"net/http"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

// findCases: one token by its ID. That it is not there is proof, so that nobody but the vendor may say so.
func findCases() []testCase {
	cases := []testCase{
		{name: "Find", anywhere: true, run: find},
		{name: "FindUnknown", anywhere: true, run: findUnknown},
		{name: "FindWithdrawn", run: findWithdrawn},
		{name: "FindOddID", run: findOddID},
	}
	for _, tc := range singleFaults() {
		cases = append(cases, testCase{name: "Find" + tc.name, run: func(t *trial) {
			client := t.open(Setup{})
			finder := t.finder(client)
			issued := t.create(client)
			tc.fault.Route = Find
			t.inject(tc.fault)
			_, err := finder.Find(t.Context(), issued.ID)
			t.expect(err, tc.class, tc.cause)
			t.expectCalls(Find, 1)
			if again, err := finder.Find(t.Context(), issued.ID); err != nil || again.ID != issued.ID {
				t.Errorf("after it: %+v, %v", again, err)
			}
		}})
	}
	return cases
}

// singleFault is a call for one thing that is not answered as it should be. It may be made again.
type singleFault struct {
	name  string
	fault Fault
	class token.Class
	cause token.Cause
}

func singleFaults() []singleFault {
	return []singleFault{
		{"CutBeforeCommit", Fault{Kind: CutBeforeCommit}, token.Unavailable, token.CauseBroken},
		{"CutAfterCommit", Fault{Kind: CutAfterCommit}, token.Unavailable, token.CauseBroken},
		{"Status500", Fault{Kind: StatusAfterCommit, StatusCode: http.StatusInternalServerError}, token.Unavailable, token.CauseStatus},
		{"Status503", Fault{Kind: Status, StatusCode: http.StatusServiceUnavailable}, token.Unavailable, token.CauseStatus},
		{"Forbidden", Fault{Kind: Status, StatusCode: http.StatusForbidden}, token.Forbidden, token.CauseStatus},
		{"RateLimited", Fault{Kind: Status, StatusCode: http.StatusTooManyRequests}, token.RateLimited, token.CauseStatus},
		{"Truncated", Fault{Kind: TruncatedBody}, token.Unavailable, token.CauseBroken},
		{"Malformed", Fault{Kind: MalformedJSON}, token.Unavailable, token.CauseUnexpected},
		{"HTML", Fault{Kind: HTML}, token.Unavailable, token.CauseUnexpected},
		{"WrongContentType", Fault{Kind: WrongContentType}, token.Unavailable, token.CauseUnexpected},
		{"Redirect", Fault{Kind: Redirect}, token.Unavailable, token.CauseRedirect},
		{"HugeAnswer", Fault{Kind: HugeRow}, token.Unavailable, token.CauseTooLarge},
	}
}

func (t *trial) finder(client vendors.Vendor) vendors.Finder {
	t.Helper()
	finder, ok := client.(vendors.Finder)
	t.needs(ok, "the vendor has no call for one token")
	return finder
}

func find(t *trial) {
	client := t.open(Setup{})
	finder := t.finder(client)
	other, issued := t.create(client), t.create(client)
	got, err := finder.Find(t.Context(), issued.ID)
	if err != nil {
		t.Fatalf("find: %v", err)
	}
	if diff := cmp.Diff(issued.Token, got); diff != "" {
		t.Errorf("the token -as created +as found:\n%s", diff)
	}
	if err := client.Revoke(t.Context(), issued.ID); err != nil {
		t.Fatalf("revoke: %v", err)
	}
	t.gone(client, issued.ID)
	if left, err := finder.Find(t.Context(), other.ID); err != nil || left.State != token.Active {
		t.Errorf("the other one: %+v, %v", left, err)
	}
}

// gone fails unless the vendor says that a token is not there any more, or revoked where it keeps such.
func (t *trial) gone(client vendors.Vendor, id token.ID) {
	t.Helper()
	got, err := t.finder(client).Find(t.Context(), id)
	if client.Capabilities().KeepsRevoked {
		if err != nil || got.State != token.Revoked {
			t.Errorf("a revoked token is found as %+v, %v", got, err)
		}
		return
	}
	t.expect(err, token.NotFound, token.CauseStatus)
}

// findUnknown: whichever way the vendor says it.
func findUnknown(t *trial) {
	finder := t.finder(t.open(Setup{}))
	variants := []Variant{{Name: "documented", Set: func() {}}}
	if t.sim != nil && len(t.sim.UnknownFinds) > 0 {
		variants = t.sim.UnknownFinds
	}
	for _, variant := range variants {
		variant.Set()
		got, err := finder.Find(t.Context(), noSuchToken)
		if token.ClassOf(err) != token.NotFound {
			t.Errorf("%s: found %+v, %v", variant.Name, got, err)
		}
	}
}

func findWithdrawn(t *trial) {
	client := t.open(Setup{})
	_ = t.finder(client)
	issued := t.create(client)
	t.sim.Withdraw(issued.ID)
	t.gone(client, issued.ID)
}

func findOddID(t *trial) {
	finder := t.finder(t.open(Setup{}))
	for _, id := range oddIDs() {
		_, err := finder.Find(t.Context(), id)
		t.expect(err, token.Invalid, token.CauseUnexpected)
	}
	t.expectCalls(Find, 0)
}

// oddIDs are no IDs, and lead elsewhere if they are put into a path.
func oddIDs() []token.ID {
	return []token.ID{"", ".", "..", "../../sim/faults", "a/b", "a?b=c", "a%2fb", "a\r\nb", "ä", "a b"}
}
