package conformance

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// listCases: a list is complete or an error.
func listCases() []testCase {
	cases := []testCase{
		{name: "ListEmpty", anywhere: false, run: listEmpty},
		{name: "ListHuge", run: listHuge},
		{name: "ListStopsWithTheCaller", run: listStops},
		{name: "ListVendorTime", run: listVendorTime},
		{name: "ListHugeRow", run: listHugeRow},
		{name: "ReadValueHidden", run: readValueHidden},
	}
	for _, tc := range []struct {
		name  string
		fault Fault
		class token.Class
		cause token.Cause
	}{
		{"Cut", Fault{Kind: CutBeforeCommit}, token.Unavailable, token.CauseBroken},
		{"Truncated", Fault{Kind: TruncatedBody}, token.Unavailable, token.CauseBroken},
		{"Malformed", Fault{Kind: MalformedJSON}, token.Unavailable, token.CauseUnexpected},
		{"HTML", Fault{Kind: HTML}, token.Unavailable, token.CauseUnexpected},
		{"WrongContentType", Fault{Kind: WrongContentType}, token.Unavailable, token.CauseUnexpected},
		{"Redirect", Fault{Kind: Redirect}, token.Unavailable, token.CauseRedirect},
		{"Status403", Fault{Kind: Status, StatusCode: http.StatusForbidden}, token.Forbidden, token.CauseStatus},
		{"Status404", Fault{Kind: Status, StatusCode: http.StatusNotFound}, token.NotFound, token.CauseStatus},
		{"Status500", Fault{Kind: Status, StatusCode: http.StatusInternalServerError}, token.Unavailable, token.CauseStatus},
	} {
		cases = append(cases, testCase{name: "List" + tc.name, run: func(t *trial) {
			t.sim.Seed("one", "two", "three")
			client := t.open(Setup{})
			tc.fault.Route = List
			t.inject(tc.fault)
			t.expect(listError(t.Context(), client), tc.class, tc.cause)
			t.expectCalls(List, 1)
			if got := len(t.list(client)); got != 3 {
				t.Errorf("%d rows after it, want 3", got)
			}
		}})
	}
	return cases
}

func listEmpty(t *trial) {
	if rows := t.list(t.open(Setup{})); len(rows) != 0 {
		t.Errorf("%d rows of an account without tokens", len(rows))
	}
}

// hugeList is more than an account has.
const hugeList = 10_000

func listHuge(t *trial) {
	names := make([]string, hugeList)
	for i := range names {
		names[i] = fmt.Sprintf("token-%05d", i)
	}
	t.sim.Seed(names...)
	rows := t.list(t.open(Setup{Timeout: time.Minute}))
	for _, want := range t.sim.Truth().Tokens {
		if rows[want.ID].Name != want.Name {
			t.Fatalf("%s is listed as %q, want %q", want.ID, rows[want.ID].Name, want.Name)
		}
	}
	if len(rows) != hugeList {
		t.Errorf("%d rows, want %d", len(rows), hugeList)
	}
}

func listStops(t *trial) {
	t.sim.Seed("one", "two", "three")
	seen := 0
	_, err := t.open(Setup{}).List(t.Context(), func(token.Token) error { seen++; return errEnough })
	if !errors.Is(err, errEnough) || seen != 1 {
		t.Errorf("%d rows and %v, want the caller's error after the first", seen, err)
	}
}

func listVendorTime(t *trial) {
	const skew = 20 * time.Minute
	client := t.open(Setup{})
	right, err := client.List(t.Context(), func(token.Token) error { return nil })
	if err != nil || right.VendorTime.IsZero() {
		t.Fatalf("the vendor's time is %v, %v", right.VendorTime, err)
	}
	t.inject(Fault{Route: List, Kind: ClockSkew, Delay: skew})
	skewed, err := client.List(t.Context(), func(token.Token) error { return nil })
	if err != nil || skewed.VendorTime.Sub(right.VendorTime) < skew {
		t.Errorf("the vendor's time is %v, then %v, %v; want %s between", right.VendorTime, skewed.VendorTime, err, skew)
	}
}

// listHugeRow: 100 MB in one row are refused, at a fraction of their cost.
func listHugeRow(t *trial) {
	t.sim.Seed("one")
	client := t.open(Setup{})
	t.warm(client)
	for _, kind := range []Kind{HugeRow, HugeBody} {
		t.inject(Fault{Route: List, Kind: kind})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := listError(t.Context(), client)
		runtime.ReadMemStats(&after)
		t.expect(err, token.Unavailable, token.CauseTooLarge)
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 32<<20 {
			t.Errorf("%s: %d bytes were allocated", kind, allocated)
		}
	}
}

// readValueHidden: the row is there, but these credentials are not shown its value.
func readValueHidden(t *trial) {
	client := t.open(Setup{})
	reader := valueReader(t, client)
	issued := t.create(client)
	t.inject(Fault{Route: List, Kind: EmptyValue})
	_, err := reader.ReadValue(t.Context(), issued.ID)
	t.expect(err, token.Forbidden, token.CauseEmptyValue)
}
