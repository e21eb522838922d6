package causely

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/login"
)

// noon is a clock that stands still.
func noon() time.Time { return time.Date(2026, 5, 26, 12, 0, 0, 0, time.UTC) }

func TestLoginAnswer(t *testing.T) {
	tests := map[string]struct {
		reason, body string
		bearer       string
		life         time.Duration
	}{
		"Snake":      {reason: "as documented", body: `{"access_token":"b","expires_in":86400}`, bearer: "b", life: 24 * time.Hour},
		"Camel":      {reason: "the other spelling", body: `{"accessToken":"b","expiresIn":3600}`, bearer: "b", life: time.Hour},
		"Plain":      {reason: "the shortest spelling", body: `{"token":"b"}`, bearer: "b", life: login.UnstatedLife},
		"Both":       {reason: "the documented one wins", body: `{"accessToken":"c","access_token":"b","expiresIn":1,"expires_in":2}`, bearer: "b", life: 2 * time.Second},
		"Text":       {reason: "a number in quotes is a number", body: `{"access_token":"b","expires_in":"60"}`, bearer: "b", life: time.Minute},
		"Fraction":   {reason: "a number", body: `{"access_token":"b","expires_in":1.5}`, bearer: "b", life: 1500 * time.Millisecond},
		"Null":       {reason: "as good as missing", body: `{"access_token":"b","expires_in":null}`, bearer: "b", life: login.UnstatedLife},
		"Zero":       {reason: "nothing lives for no time", body: `{"access_token":"b","expires_in":0}`, bearer: "b", life: login.UnstatedLife},
		"Negative":   {reason: "nothing lives for less", body: `{"access_token":"b","expires_in":-5}`, bearer: "b", life: login.UnstatedLife},
		"Endless":    {reason: "not believed", body: `{"access_token":"b","expires_in":1e300}`, bearer: "b", life: login.MaxLife},
		"OutOfRange": {reason: "no number of ours", body: `{"access_token":"b","expires_in":1e999}`, bearer: "b", life: login.UnstatedLife},
		"Nothing":    {reason: "no bearer", body: `{}`, life: login.UnstatedLife},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var answer loginAnswer
			if err := json.Unmarshal([]byte(tc.body), &answer); err != nil {
				t.Fatal(err)
			}
			if got := answer.bearer().Reveal(); got != tc.bearer || answer.life() != tc.life {
				t.Errorf("%s: %q for %s, want %q for %s", tc.reason, got, answer.life(), tc.bearer, tc.life)
			}
		})
	}
}

func FuzzLoginAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"access_token":"b","expires_in":86400}`, `{"accessToken":"b","expiresIn":"3600"}`, `{"token":"b"}`, `{"expires_in":1e400}`,
		`{"expires_in":-0}`, `{"access_token":"b\u0000","expires_in":0.0000000001}`, `[]`, `null`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var answer loginAnswer
		if json.Unmarshal(body, &answer) != nil {
			return
		}
		if life := answer.life(); life < 0 || life > login.MaxLife {
			t.Errorf("a life of %s", life)
		}
		if answer.bearer().Usable() && strings.ContainsAny(answer.bearer().Reveal(), "\r\n\x00 ") {
			t.Errorf("%q is taken for a bearer", answer.bearer().Reveal())
		}
	})
}

// Secrets are not shown by printing what holds them, not even by a verb that does not fit.
func TestPrintingShowsNothing(t *testing.T) {
	const canary = "canary-0123456789abcdef"
	script := &scripted{status: 200, body: `[]`, bearer: canary}
	server := httptest.NewTLSServer(script)
	t.Cleanup(server.Close)
	options := against(server)
	options.ClientID, options.ClientSecret = token.NewValue(canary), token.NewValue(canary)
	client, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.List(t.Context(), func(token.Token) error { return nil }); err != nil {
		t.Fatal(err)
	}
	holder := struct{ client *Client }{client}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		for _, of := range []any{client, *client, options, options.Logins, holder} {
			if strings.Contains(fmt.Sprintf(verb, of), canary) {
				t.Errorf("%s of a %T shows a secret", verb, of)
			}
		}
	}
}
