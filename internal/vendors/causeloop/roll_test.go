package causeloop

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

func roller(t *testing.T, client *Client) vendors.Roller {
	t.Helper()
	found, ok := poolOf(t, client, Personal).(vendors.Roller)
	if !ok {
		t.Fatal("personal tokens cannot be rolled")
	}
	return found
}

// Whether the ID stays is the vendor's to say. Nothing is sent but the call, and nothing lets a transport repeat it.
func TestRoll(t *testing.T) {
	tests := map[string]struct {
		reason string
		answer said
		want   token.ID
	}{
		"SameID":  {"the likely answer", said{200, goodToken}, "tok_1"},
		"OtherID": {"another token of that name", said{201, strings.Replace(goodToken, "tok_1", "tok_2", 1)}, "tok_2"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			client, script := start(t, tc.answer)
			rolled, err := roller(t, client).Roll(t.Context(), "tok_1", "n")
			if err != nil || rolled.ID != tc.want || rolled.Name != "n" || rolled.Value.Reveal() != "v" {
				t.Errorf("%s: %+v, %v", tc.reason, rolled.Token, err)
			}
			if diff := cmp.Diff([]string{"POST /v1/api-tokens/tok_1/roll"}, script.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			if key := script.header.Get("Idempotency-Key"); key != "" {
				t.Errorf("a transport may repeat it: %q", key)
			}
		})
	}
}

// An answer that says that the value was replaced, and is of no use, is no refusal: the value that there was is gone.
func TestRollOddAnswers(t *testing.T) {
	without := func(part string) string { return strings.Replace(goodToken, part, "", 1) }
	tests := map[string]struct {
		reason string
		answer said
		class  token.Class
		cause  token.Cause
		stray  token.ID
	}{
		"NoValue":     {"nobody learns it", said{200, without(`,"secret":"v"`)}, token.Ambiguous, token.CauseEmptyValue, "tok_1"},
		"NoID":        {"of what is it?", said{200, without(`"id":"tok_1",`)}, token.Ambiguous, token.CauseUnexpected, ""},
		"Empty":       {"nothing is told", said{200, `{}`}, token.Ambiguous, token.CauseUnexpected, ""},
		"NoBody":      {"nothing is told", said{200, ``}, token.Ambiguous, token.CauseUnexpected, ""},
		"NoContent":   {"that is no answer to this call", said{204, ``}, token.Ambiguous, token.CauseUnexpected, ""},
		"Accepted":    {"it may happen later", said{202, goodToken}, token.Ambiguous, token.CauseUnexpected, ""},
		"OtherName":   {"no list would tell whose it is", said{200, strings.Replace(goodToken, `"n"`, `"other"`, 1)}, token.Ambiguous, token.CauseNameAltered, "tok_1"},
		"Revoked":     {"it has ended", said{200, strings.Replace(goodToken, `"secret"`, `"revoked_at":"2026-05-26T12:00:00Z","secret"`, 1)}, token.Ambiguous, token.CauseUnexpected, "tok_1"},
		"NotFound":    {"the vendor's own word", said{404, notFound}, token.NotFound, token.CauseStatus, ""},
		"NoSuchPath":  {"an ingress whose API is away", said{404, `{}`}, token.Unavailable, token.CauseUnexpected, ""},
		"Forbidden":   {"it is refused", said{403, `{}`}, token.Forbidden, token.CauseStatus, ""},
		"RateLimited": {"it is too early", said{429, `{}`}, token.RateLimited, token.CauseStatus, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			client, script := start(t, tc.answer)
			_, err := roller(t, client).Roll(t.Context(), "tok_1", "n")
			f := token.AsFailure(err)
			if f == nil || f.Class != tc.class || f.Cause != tc.cause || f.Stray != tc.stray {
				t.Errorf("%s: %+v, want %s, cause %d, of %q", tc.reason, f, tc.class, tc.cause, tc.stray)
			}
			if len(script.asked) != 1 {
				t.Errorf("%q was asked", script.asked)
			}
		})
	}
}
