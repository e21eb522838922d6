package causely

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/pacing"
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
		"Plain":      {reason: "the shortest spelling", body: `{"token":"b"}`, bearer: "b", life: unstatedLife},
		"Both":       {reason: "the documented one wins", body: `{"accessToken":"c","access_token":"b","expiresIn":1,"expires_in":2}`, bearer: "b", life: 2 * time.Second},
		"Text":       {reason: "a number in quotes is a number", body: `{"access_token":"b","expires_in":"60"}`, bearer: "b", life: time.Minute},
		"Fraction":   {reason: "a number", body: `{"access_token":"b","expires_in":1.5}`, bearer: "b", life: 1500 * time.Millisecond},
		"Null":       {reason: "as good as missing", body: `{"access_token":"b","expires_in":null}`, bearer: "b", life: unstatedLife},
		"Zero":       {reason: "nothing lives for no time", body: `{"access_token":"b","expires_in":0}`, bearer: "b", life: unstatedLife},
		"Negative":   {reason: "nothing lives for less", body: `{"access_token":"b","expires_in":-5}`, bearer: "b", life: unstatedLife},
		"Endless":    {reason: "not believed", body: `{"access_token":"b","expires_in":1e300}`, bearer: "b", life: maxLife},
		"OutOfRange": {reason: "no number of ours", body: `{"access_token":"b","expires_in":1e999}`, bearer: "b", life: unstatedLife},
		"Nothing":    {reason: "no bearer", body: `{}`, life: unstatedLife},
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
		if life := answer.life(); life < 0 || life > maxLife || margin(life) < 0 || margin(life) > life {
			t.Errorf("a life of %s with a margin of %s", life, margin(life))
		}
		if answer.bearer().Usable() && strings.ContainsAny(answer.bearer().Reveal(), "\r\n\x00 ") {
			t.Errorf("%q is taken for a bearer", answer.bearer().Reveal())
		}
	})
}

// fakeLogin is a login that counts.
type fakeLogin struct {
	count atomic.Int32
	life  time.Duration
	err   error
	hold  chan struct{}
}

func (f *fakeLogin) login(ctx context.Context) (token.Value, time.Duration, error) {
	n := f.count.Add(1)
	if f.hold != nil {
		select {
		case <-f.hold:
		case <-ctx.Done():
			return token.Value{}, 0, ctx.Err()
		}
	}
	return token.NewValue(fmt.Sprintf("bearer-%d", n)), f.life, f.err
}

func testKey(name string) loginKey {
	return loginKey{authURL: "https://auth.example.com", credential: pacing.Fingerprint(token.NewValue(name))}
}

func TestLoginsRenewEarly(t *testing.T) {
	tests := map[string]struct {
		reason string
		life   time.Duration
		// good is the last moment at which the bearer is used.
		good time.Duration
	}{
		"Day":    {reason: "five minutes before its end", life: 24 * time.Hour, good: 24*time.Hour - 5*time.Minute - 1},
		"Minute": {reason: "a tenth of its life before its end", life: time.Minute, good: 54*time.Second - 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			now := noon()
			logins, account := NewLogins(func() time.Time { return now }), &fakeLogin{life: tc.life}
			for _, step := range []struct {
				advance time.Duration
				want    string
			}{{0, "bearer-1"}, {tc.good, "bearer-1"}, {1, "bearer-2"}} {
				now = now.Add(step.advance)
				got, err := logins.bearer(t.Context(), testKey("a"), account.login)
				if err != nil || got.Reveal() != step.want {
					t.Errorf("%s: after %s %q, %v; want %q", tc.reason, step.advance, got.Reveal(), err, step.want)
				}
			}
		})
	}
}

func TestLoginsAreSharedAndApart(t *testing.T) {
	logins, account := NewLogins(noon), &fakeLogin{life: time.Hour}
	for _, step := range []struct {
		key  loginKey
		want string
	}{
		{testKey("a"), "bearer-1"}, {testKey("a"), "bearer-1"}, {testKey("b"), "bearer-2"}, {testKey("a"), "bearer-1"},
		{loginKey{authURL: "https://other.example.com", credential: testKey("a").credential}, "bearer-3"},
	} {
		if got, err := logins.bearer(t.Context(), step.key, account.login); err != nil || got.Reveal() != step.want {
			t.Errorf("%q, %v; want %q", got.Reveal(), err, step.want)
		}
	}
}

func TestLoginsDrop(t *testing.T) {
	logins, account := NewLogins(noon), &fakeLogin{life: time.Hour}
	first, _ := logins.bearer(t.Context(), testKey("a"), account.login)
	logins.drop(testKey("a"), first)
	second, _ := logins.bearer(t.Context(), testKey("a"), account.login)
	logins.drop(testKey("a"), first) // late: somebody has logged in since
	third, _ := logins.bearer(t.Context(), testKey("a"), account.login)
	if second.Reveal() != "bearer-2" || third.Reveal() != "bearer-2" {
		t.Errorf("%q, then %q, want bearer-2 twice", second.Reveal(), third.Reveal())
	}
	logins.drop(testKey("unknown"), first)
}

// However many ask, one logs in; a failure is everybody's who waited, and nobody's who comes later.
func TestLoginsFlyOnce(t *testing.T) {
	refused := errors.New("refused")
	for name, fails := range map[string]error{"Done": nil, "Failed": refused} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logins, account := NewLogins(noon), &fakeLogin{life: time.Hour, err: fails, hold: make(chan struct{})}
				var group sync.WaitGroup
				for range 20 {
					group.Go(func() {
						if _, err := logins.bearer(t.Context(), testKey("a"), account.login); !errors.Is(err, fails) {
							t.Errorf("bearer: %v, want %v", err, fails)
						}
					})
				}
				synctest.Wait()
				close(account.hold)
				group.Wait()
				if got := account.count.Load(); got != 1 {
					t.Errorf("%d logins, want 1", got)
				}
				account.err = nil
				if _, err := logins.bearer(t.Context(), testKey("a"), account.login); err != nil {
					t.Errorf("a failure is remembered: %v", err)
				}
			})
		})
	}
}

// Who gives up takes nobody along: another one who waits logs in instead.
func TestLoginsTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logins, account := NewLogins(noon), &fakeLogin{life: time.Hour, hold: make(chan struct{})}
		impatient, giveUp := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := logins.bearer(impatient, testKey("a"), account.login); !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up: %v", err)
			}
		})
		synctest.Wait()
		group.Go(func() {
			if got, err := logins.bearer(t.Context(), testKey("a"), account.login); err != nil || got.Reveal() != "bearer-2" {
				t.Errorf("who waited: %q, %v", got.Reveal(), err)
			}
		})
		group.Go(func() {
			_, err := logins.bearer(impatient, testKey("a"), account.login)
			if failure := token.AsFailure(err); failure.Class != token.Unavailable || !errors.Is(err, context.Canceled) {
				t.Errorf("who waited and gave up: %v", err)
			}
		})
		synctest.Wait()
		giveUp()
		synctest.Wait()
		close(account.hold)
		group.Wait()
	})
}

func TestLoginsSurviveAPanic(t *testing.T) {
	logins, account := NewLogins(noon), &fakeLogin{life: time.Hour}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is swallowed")
			}
		}()
		_, _ = logins.bearer(t.Context(), testKey("a"), func(context.Context) (token.Value, time.Duration, error) { panic("login") })
	}()
	if got, err := logins.bearer(t.Context(), testKey("a"), account.login); err != nil || got.Empty() {
		t.Errorf("after a panic: %v", err)
	}
}

func TestLoginsForget(t *testing.T) {
	now := noon()
	logins, account := NewLogins(func() time.Time { return now }), &fakeLogin{life: time.Minute}
	for i := range 100 {
		if _, err := logins.bearer(t.Context(), testKey(fmt.Sprint(i)), account.login); err != nil {
			t.Fatal(err)
		}
		now = now.Add(30 * time.Second)
	}
	if len(logins.bearers) > 2 || len(logins.flights) != 0 {
		t.Errorf("%d bearers and %d flights are kept", len(logins.bearers), len(logins.flights))
	}
}

// Secrets are not shown by printing what holds them, not even by a verb that does not fit.
func TestPrintingShowsNothing(t *testing.T) {
	const canary = "canary-0123456789abcdef"
	logins := NewLogins(noon)
	if _, err := logins.bearer(t.Context(), testKey("a"), func(context.Context) (token.Value, time.Duration, error) {
		return token.NewValue(canary), time.Hour, nil
	}); err != nil {
		t.Fatal(err)
	}
	options := Options{ClientID: token.NewValue(canary), ClientSecret: token.NewValue(canary), Logins: logins}
	options.HTTP.Clock = noon
	client, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	holder := struct{ client *Client }{client}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		for _, of := range []any{client, logins, options, holder} {
			if strings.Contains(fmt.Sprintf(verb, of), canary) {
				t.Errorf("%s of a %T shows a secret", verb, of)
			}
		}
	}
}
