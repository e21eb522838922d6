package conformance

import (
	"net/http"
	"strings"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

// wireCases: connections, and what is said about them.
func wireCases() []testCase {
	return []testCase{
		{name: "WrongCA", anywhere: true, run: wrongCA},
		{name: "PlainHTTP", anywhere: true, run: plainHTTP},
		{name: "GuardedAddress", run: guarded},
		{name: "Redaction", run: redaction},
	}
}

func wrongCA(t *trial) {
	client := t.open(Setup{WrongCA: true})
	_, err := client.Create(t.Context(), t.request(t.name()))
	t.expect(err, token.Unavailable, token.CauseCertificate)
	t.expect(listError(t.Context(), client), token.Unavailable, token.CauseCertificate)
	t.untouched()
}

func plainHTTP(t *trial) {
	if _, err := t.bench.Open(Setup{PlainHTTP: true}); err == nil {
		t.Error("a URL without TLS is accepted")
	}
	t.untouched()
}

func guarded(t *trial) {
	client := t.open(Setup{Guarded: true})
	_, err := client.Create(t.Context(), t.request(t.name()))
	t.expect(err, token.Unavailable, token.CauseAddressRefused)
	t.untouched()
}

// untouched fails if the vendor saw anything.
func (t *trial) untouched() {
	t.Helper()
	if t.sim == nil {
		return
	}
	for route, calls := range t.sim.Truth().Calls {
		if calls != 0 {
			t.Errorf("the vendor saw %d calls of %s", calls, route)
		}
	}
}

// redaction: everything goes wrong, and nothing that passed over the wire can be read in what comes of it.
func redaction(t *trial) {
	tap := NewTap(t.T, t.sim.URL, t.sim.CAPEM, t.sim.SecretFields...)
	client := t.open(Setup{Through: tap})
	results := []any{client, t.create(client)}
	t.sim.Seed("by-hand")
	for _, kind := range []Kind{
		Status, StatusAfterCommit, CutAfterCommit, TruncatedBody, HugeBody, HugeRow, MalformedJSON, HTML, EmptyValue,
		AlteredName, Unauthorized, Redirect, WrongContentType,
	} {
		results = append(results, t.failures(client, kind)...)
	}
	secrets := tap.Secrets()
	if len(secrets) < 3 {
		t.Fatalf("only %d secrets passed the tap: it does not see them", len(secrets))
	}
	for _, secret := range secrets {
		if !leaks(shown("planted: "+secret), secret) {
			t.Fatal("the search does not find a planted secret")
		}
		for _, result := range results {
			if leaks(shown(result), secret) {
				t.Errorf("a %T shows a secret of %d characters", result, len(secret))
			}
		}
	}
}

// failures are the errors and answers of all calls while they go wrong in one way. Not every route has every kind.
func (t *trial) failures(client vendors.Vendor, kind Kind) []any {
	t.Helper()
	for _, route := range []Route{Create, List, Revoke} {
		if hasKind(client, route, kind) {
			t.inject(Fault{Route: route, Kind: kind, StatusCode: http.StatusInternalServerError})
		}
	}
	issued, createErr := client.Create(t.Context(), t.request(t.name()))
	rows := map[token.ID]token.Token{}
	_, listErr := client.List(t.Context(), collect(rows))
	revokeErr := client.Revoke(t.Context(), t.sim.Truth().Tokens[0].ID)
	return []any{issued, createErr, rows, listErr, revokeErr}
}

// hasKind tells whether a route can go wrong in one way: not every answer has a name or a value.
func hasKind(client vendors.Vendor, route Route, kind Kind) bool {
	can := client.Capabilities()
	if kind == EmptyValue {
		return route == Create || (route == List && can.ValueReadable)
	}
	return kind != AlteredName || (route == Create && can.Named)
}

// fragment is the length from which a part of a secret is a leak.
const fragment = 16

// leaks tells whether one of the texts has a part of the secret in it. The header of a JWT is the same for all and no
// secret.
func leaks(texts []string, secret string) bool {
	if jwt := strings.Split(secret, "."); len(jwt) == 3 {
		return leaks(texts, jwt[1]) || leaks(texts, jwt[2])
	}
	step := min(fragment, len(secret))
	for begin := 0; begin+step <= len(secret); begin++ {
		for _, text := range texts {
			if strings.Contains(text, secret[begin:begin+step]) {
				return true
			}
		}
	}
	return false
}
