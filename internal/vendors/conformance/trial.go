package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

// trial is a case under way.
type trial struct {
	*testing.T
	bench *Bench
	sim   *Simulation
	named int
}

// needs skips where a vendor cannot have a case; otherwise says why.
func (t *trial) needs(has bool, otherwise string) {
	t.Helper()
	if !has {
		t.Skip("does not apply: " + otherwise)
	}
}

func (t *trial) open(setup Setup) vendors.Vendor {
	t.Helper()
	client, err := t.bench.Open(setup)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return client
}

// name gives a name as the operator makes them, another one at each call.
func (t *trial) name() string {
	t.named++
	marker := token.Identity{ClusterID: "conformance"}.Marker("conformance", t.Name(), "1").WithSequence(t.named)
	return marker.Name("conformance", 64)
}

// request asks for a token of a name.
func (t *trial) request(name string) vendors.Request {
	request := t.bench.Request
	request.Name = name
	return request
}

func (t *trial) create(client vendors.Vendor) token.Issued {
	t.Helper()
	return t.ask(client, t.request(t.name()))
}

func (t *trial) ask(client vendors.Vendor, request vendors.Request) token.Issued {
	t.Helper()
	issued, err := client.Create(t.Context(), request)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	t.tidy(client, issued.ID)
	return issued
}

// tidy leaves nothing behind at a real account.
func (t *trial) tidy(client vendors.Vendor, id token.ID) {
	t.Cleanup(func() {
		if t.sim == nil {
			t.revokedAgain(client.Revoke(context.WithoutCancel(t.Context()), id))
		}
	})
}

// list gives all rows by ID.
func (t *trial) list(client vendors.Vendor) map[token.ID]token.Token {
	t.Helper()
	rows := map[token.ID]token.Token{}
	if _, err := client.List(t.Context(), collect(rows)); err != nil {
		t.Fatalf("list: %v", err)
	}
	return rows
}

func collect(rows map[token.ID]token.Token) func(token.Token) error {
	return func(row token.Token) error {
		rows[row.ID] = row
		return nil
	}
}

func listError(ctx context.Context, client vendors.Vendor) error {
	_, err := client.List(ctx, func(token.Token) error { return nil })
	return err
}

func (t *trial) inject(fault Fault) {
	t.Helper()
	t.sim.Inject(fault)
}

// expect fails unless the error is a Failure of that class and cause.
func (t *trial) expect(err error, class token.Class, cause token.Cause) {
	t.Helper()
	_ = t.failure(err, class, cause)
}

// failure is expect for those who want to look closer.
func (t *trial) failure(err error, class token.Class, cause token.Cause) *token.Failure {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", class)
	}
	failure := token.AsFailure(err)
	if failure.Class != class || failure.Cause != cause {
		t.Fatalf("%v: class %s, cause %d; want class %s, cause %d", err, failure.Class, failure.Cause, class, cause)
	}
	return failure
}

// expectCalls fails unless the vendor saw exactly that many calls of a route.
func (t *trial) expectCalls(route Route, want int) {
	t.Helper()
	if got := t.sim.Truth().Calls[route]; got != want {
		t.Errorf("the vendor saw %d calls of %s, want %d", got, route, want)
	}
}

// expectTokens fails unless the vendor has exactly that many tokens, and that many active ones.
func (t *trial) expectTokens(all, active int) {
	t.Helper()
	truth := t.sim.Truth()
	count := 0
	for _, known := range truth.Tokens {
		if known.Active {
			count++
		}
	}
	if len(truth.Tokens) != all || count != active {
		t.Errorf("the vendor has %d tokens, %d of them active; want %d and %d", len(truth.Tokens), count, all, active)
	}
}

// found gives the row of a name, which is how a doubt is resolved.
func found(rows map[token.ID]token.Token, name string) (token.Token, bool) {
	for _, row := range rows {
		if row.Name == name {
			return row, true
		}
	}
	return token.Token{}, false
}

// warm makes a call that succeeds, so that what follows needs no login.
func (t *trial) warm(client vendors.Vendor) {
	t.Helper()
	if err := listError(t.Context(), client); err != nil {
		t.Fatalf("list: %v", err)
	}
}

// shown is every way in which a program shows a value or an error.
func shown(of any) []string {
	var texts []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		texts = append(texts, fmt.Sprintf(verb, of))
	}
	if marshalled, err := json.Marshal(of); err == nil {
		texts = append(texts, string(marshalled))
	}
	if err, ok := of.(error); ok {
		if inner := errors.Unwrap(err); inner != nil {
			texts = append(texts, shown(inner)...)
		}
	}
	return slices.Compact(texts)
}
