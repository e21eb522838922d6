package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/pacing"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

// noon is a clock that stands still.
func noon() time.Time { return time.Date(2026, 5, 26, 12, 0, 0, 0, time.UTC) }

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

func testKey(name string) key {
	return key{authURL: "https://auth.example.com", credential: pacing.Fingerprint(token.NewValue(name))}
}

func TestBearersAreRenewedEarly(t *testing.T) {
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
			cache, account := NewCache(func() time.Time { return now }), &fakeLogin{life: tc.life}
			for _, step := range []struct {
				advance time.Duration
				want    string
			}{{0, "bearer-1"}, {tc.good, "bearer-1"}, {1, "bearer-2"}} {
				now = now.Add(step.advance)
				got, err := cache.bearer(t.Context(), testKey("a"), account.login, cached)
				if err != nil || got.Reveal() != step.want {
					t.Errorf("%s: after %s %q, %v; want %q", tc.reason, step.advance, got.Reveal(), err, step.want)
				}
			}
		})
	}
}

func TestBearersAreSharedAndApart(t *testing.T) {
	cache, account := NewCache(noon), &fakeLogin{life: time.Hour}
	for _, step := range []struct {
		key  key
		want string
	}{
		{testKey("a"), "bearer-1"}, {testKey("a"), "bearer-1"}, {testKey("b"), "bearer-2"}, {testKey("a"), "bearer-1"},
		{key{authURL: "https://other.example.com", credential: testKey("a").credential}, "bearer-3"},
	} {
		if got, err := cache.bearer(t.Context(), step.key, account.login, cached); err != nil || got.Reveal() != step.want {
			t.Errorf("%q, %v; want %q", got.Reveal(), err, step.want)
		}
	}
}

func TestDrop(t *testing.T) {
	cache, account := NewCache(noon), &fakeLogin{life: time.Hour}
	first, _ := cache.bearer(t.Context(), testKey("a"), account.login, cached)
	cache.drop(testKey("a"), first)
	second, _ := cache.bearer(t.Context(), testKey("a"), account.login, cached)
	cache.drop(testKey("a"), first) // late: somebody has logged in since
	third, _ := cache.bearer(t.Context(), testKey("a"), account.login, cached)
	if second.Reveal() != "bearer-2" || third.Reveal() != "bearer-2" {
		t.Errorf("%q, then %q, want bearer-2 twice", second.Reveal(), third.Reveal())
	}
	cache.drop(testKey("unknown"), first)
}

// However many ask, one logs in; a failure is everybody's who waited, and nobody's who comes later.
func TestOneLogin(t *testing.T) {
	refused := errors.New("refused")
	for name, fails := range map[string]error{"Done": nil, "Failed": refused} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cache, account := NewCache(noon), &fakeLogin{life: time.Hour, err: fails, hold: make(chan struct{})}
				var group sync.WaitGroup
				for range 20 {
					group.Go(func() {
						if _, err := cache.bearer(t.Context(), testKey("a"), account.login, cached); !errors.Is(err, fails) {
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
				if _, err := cache.bearer(t.Context(), testKey("a"), account.login, cached); err != nil {
					t.Errorf("a failure is remembered: %v", err)
				}
			})
		})
	}
}

// Who gives up takes nobody along: another one who waits logs in instead.
func TestTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache, account := NewCache(noon), &fakeLogin{life: time.Hour, hold: make(chan struct{})}
		impatient, giveUp := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := cache.bearer(impatient, testKey("a"), account.login, cached); !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up: %v", err)
			}
		})
		synctest.Wait()
		group.Go(func() {
			if got, err := cache.bearer(t.Context(), testKey("a"), account.login, cached); err != nil || got.Reveal() != "bearer-2" {
				t.Errorf("who waited: %q, %v", got.Reveal(), err)
			}
		})
		group.Go(func() {
			_, err := cache.bearer(impatient, testKey("a"), account.login, cached)
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

func TestPanic(t *testing.T) {
	cache, account := NewCache(noon), &fakeLogin{life: time.Hour}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is swallowed")
			}
		}()
		_, _ = cache.bearer(t.Context(), testKey("a"), func(context.Context) (token.Value, time.Duration, error) { panic("login") }, cached)
	}()
	if got, err := cache.bearer(t.Context(), testKey("a"), account.login, cached); err != nil || got.Empty() {
		t.Errorf("after a panic: %v", err)
	}
}

func TestForget(t *testing.T) {
	now := noon()
	cache, account := NewCache(func() time.Time { return now }), &fakeLogin{life: time.Minute}
	for i := range 100 {
		if _, err := cache.bearer(t.Context(), testKey(fmt.Sprint(i)), account.login, cached); err != nil {
			t.Fatal(err)
		}
		now = now.Add(30 * time.Second)
	}
	if len(cache.bearers) > 2 || len(cache.flights) != 0 {
		t.Errorf("%d bearers and %d flights are kept", len(cache.bearers), len(cache.flights))
	}
}

// Renewing makes a login while a bearer is still good, and everybody has the new one.
func TestRenew(t *testing.T) {
	cache, account := NewCache(noon), &fakeLogin{life: time.Hour}
	session := cache.Session("https://auth.example.com", testKey("a").credential, account.login)
	for range 2 {
		if err := session.Renew(t.Context(), "check"); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := cache.bearer(t.Context(), testKey("a"), account.login, cached); err != nil || got.Reveal() != "bearer-2" {
		t.Errorf("%q, %v; want bearer-2", got.Reveal(), err)
	}
	account.err = &token.Failure{Operation: "log in", Class: token.Unauthorized, Status: http.StatusUnauthorized}
	failure := token.AsFailure(session.Renew(t.Context(), "check"))
	if failure.Class != token.Unauthorized || failure.Cause != token.CauseLogin || failure.Operation != "check, logging in" {
		t.Errorf("%v, want the login refused", failure)
	}
}

// A call that is refused is made once more, with another bearer.
func TestAuthorized(t *testing.T) {
	unauthorized := &token.Failure{Operation: "list", Class: token.Unauthorized, Cause: token.CauseStatus, Status: http.StatusUnauthorized}
	down := &token.Failure{Operation: "list", Class: token.Unavailable, Cause: token.CauseStatus, Status: http.StatusBadGateway}
	tests := map[string]struct {
		reason  string
		answers []error
		bearers []string
		want    error
	}{
		"Done":         {reason: "one call", answers: []error{nil}, bearers: []string{"bearer-1"}},
		"RefusedOnce":  {reason: "the bearer was withdrawn", answers: []error{unauthorized, nil}, bearers: []string{"bearer-1", "bearer-2"}},
		"RefusedTwice": {reason: "it is not the bearer", answers: []error{unauthorized, unauthorized}, bearers: []string{"bearer-1", "bearer-2"}, want: unauthorized},
		"Failed":       {reason: "no call is repeated that may have been carried out", answers: []error{down}, bearers: []string{"bearer-1"}, want: down},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			session := NewCache(noon).Session("https://auth.example.com", testKey("a").credential, (&fakeLogin{life: time.Hour}).login)
			var bearers []string
			err := session.Authorized(t.Context(), rest.Call{Operation: "list"}, func(call rest.Call) error {
				bearers = append(bearers, call.Bearer.Reveal())
				return tc.answers[len(bearers)-1]
			})
			if !errors.Is(err, tc.want) {
				t.Errorf("%s: %v, want %v", tc.reason, err, tc.want)
			}
			if diff := cmp.Diff(tc.bearers, bearers); diff != "" {
				t.Errorf("%s: bearers -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// Whatever a login answers, nothing is known of a token.
func TestLoginFailure(t *testing.T) {
	for class, want := range map[token.Class]token.Class{
		token.Unauthorized: token.Unauthorized, token.Invalid: token.Unauthorized, token.Forbidden: token.Forbidden,
		token.RateLimited: token.RateLimited, token.NotFound: token.Unavailable, token.Conflict: token.Unavailable,
		token.Quota: token.Unavailable, token.Unavailable: token.Unavailable, token.Ambiguous: token.Unavailable,
	} {
		failing := &fakeLogin{err: &token.Failure{Class: class, Cause: token.CauseStatus, Status: 499, RetryAfter: time.Minute}}
		session := NewCache(noon).Session("https://auth.example.com", testKey("a").credential, failing.login)
		err := session.Authorized(t.Context(), rest.Call{Operation: "create token", Creates: true}, func(rest.Call) error {
			t.Error("a call without a bearer")
			return nil
		})
		failure := token.AsFailure(err)
		if failure.Class != want || failure.Cause != token.CauseLogin || failure.Status != 499 || failure.RetryAfter != time.Minute {
			t.Errorf("a login that fails with %s: %+v, want %s", class, failure, want)
		}
	}
}

func TestLife(t *testing.T) {
	for stated, want := range map[json.Number]time.Duration{
		"3600": time.Hour, "1.5": 1500 * time.Millisecond, "1e300": MaxLife, "1e999": UnstatedLife, "0": UnstatedLife,
		"-5": UnstatedLife, "": UnstatedLife, "NaN": UnstatedLife, "hour": UnstatedLife,
	} {
		if got := Life(stated); got != want {
			t.Errorf("Life(%q) = %s, want %s", stated, got, want)
		}
		if life := Life(stated); margin(life) < 0 || margin(life) > life {
			t.Errorf("a life of %s has a margin of %s", life, margin(life))
		}
	}
}

// Secrets are not shown by printing what holds them, not even by a verb that does not fit.
func TestPrintingShowsNothing(t *testing.T) {
	const canary = "canary-0123456789abcdef"
	cache := NewCache(noon)
	session := cache.Session("https://auth.example.com", testKey("a").credential, func(context.Context) (token.Value, time.Duration, error) {
		return token.NewValue(canary), time.Hour, nil
	})
	if err := session.Renew(t.Context(), "check"); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		for _, of := range []any{cache, session, cache.bearers, cache.bearers[testKey("a")]} {
			if text := fmt.Sprintf(verb, of); strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
				t.Errorf("%s of a %T shows a secret", verb, of)
			}
		}
	}
}
