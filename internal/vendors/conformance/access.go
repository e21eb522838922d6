package conformance

import (
	"cmp"
	"net/http"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

// accessCases: logins, refused credentials, rate limits.
func accessCases() []testCase {
	return []testCase{
		{name: "WrongCredentials", run: wrongCredentials},
		{name: "UnauthorizedOnce", run: unauthorizedOnce},
		{name: "UnauthorizedForGood", run: unauthorizedForGood},
		{name: "LoginExpires", run: loginExpires},
		{name: "LoginIsRenewedEarly", run: loginIsRenewedEarly},
		{name: "LoginIsShared", run: loginIsShared},
		{name: "LoginSpellings", run: loginSpellings},
		{name: "LoginFails", run: loginFails},
		{name: "RateLimited", run: rateLimited},
		{name: "RateLimitIsKept", run: rateLimitIsKept},
		{name: "RateLimitOfZero", run: rateLimitOfZero},
		{name: "PacedByItself", run: pacedByItself},
	}
}

// loggedIn skips where the vendor has no login.
func (t *trial) loggedIn() {
	t.Helper()
	if t.sim.ExpireLogins == nil {
		t.Skip("does not apply: the vendor has no login")
	}
}

func wrongCredentials(t *trial) {
	client := t.open(Setup{WrongCredentials: true})
	cause := token.CauseStatus
	if t.sim.ExpireLogins != nil {
		cause = token.CauseLogin
	}
	_, err := client.Create(t.Context(), t.request(t.name()))
	t.expect(err, token.Unauthorized, cause)
	t.expect(listError(t.Context(), client), token.Unauthorized, cause)
	t.expect(client.Revoke(t.Context(), noSuchToken), token.Unauthorized, cause)
	t.expectTokens(0, 0)
}

// unauthorizedOnce: one new login, one repetition, and not one token too many.
func unauthorizedOnce(t *trial) {
	t.loggedIn()
	client := t.open(Setup{})
	t.warm(client)
	for _, route := range []Route{Create, List, Revoke} {
		t.inject(Fault{Route: route, Kind: Unauthorized})
	}
	issued := t.create(client)
	t.warm(client)
	if err := client.Revoke(t.Context(), issued.ID); err != nil {
		t.Fatalf("revoke: %v", err)
	}
	t.expectCalls(Create, 2)
	t.expectCalls(Revoke, 2)
	t.expectCalls(Login, 4)
	t.expectTokens(count(client.Capabilities().KeepsRevoked), 0)
}

func unauthorizedForGood(t *trial) {
	client := t.open(Setup{})
	t.inject(Fault{Route: Create, Kind: Unauthorized, Every: true})
	_, err := client.Create(t.Context(), t.request(t.name()))
	t.expect(err, token.Unauthorized, token.CauseStatus)
	calls := 1
	if t.sim.ExpireLogins != nil {
		calls = 2
		t.expectCalls(Login, 2)
	}
	t.expectCalls(Create, calls)
	t.expectTokens(0, 0)
}

func loginExpires(t *trial) {
	t.loggedIn()
	client := t.open(Setup{})
	first := t.create(client)
	t.sim.ExpireLogins()
	t.create(client)
	t.sim.ExpireLogins()
	if err := client.Revoke(t.Context(), first.ID); err != nil {
		t.Fatalf("revoke: %v", err)
	}
	t.expectTokens(1+count(client.Capabilities().KeepsRevoked), 1)
	t.expectCalls(Login, 3)
}

func loginIsRenewedEarly(t *trial) {
	t.loggedIn()
	now := time.Date(2026, 5, 26, 12, 0, 0, 0, time.UTC)
	client := t.open(Setup{Clock: func() time.Time { return now }})
	half := cmp.Or(t.sim.LoginLife, 24*time.Hour) / 2
	t.warm(client)
	now = now.Add(half)
	t.warm(client)
	t.expectCalls(Login, 1)
	now = now.Add(half - time.Minute)
	t.warm(client)
	t.expectCalls(Login, 2)
	t.expectCalls(List, 3)
}

// loginIsShared: the number of logins that a credential may have is limited.
func loginIsShared(t *trial) {
	t.loggedIn()
	t.warm(t.open(Setup{}))
	t.warm(t.open(Setup{}))
	t.expectCalls(Login, 1)
}

func loginSpellings(t *trial) {
	t.loggedIn()
	if len(t.sim.LoginSpellings) == 0 {
		t.Skip("does not apply: the login's answer is spelled in one way")
	}
	client := t.open(Setup{})
	for i, spelling := range t.sim.LoginSpellings {
		spelling.Set()
		t.sim.ExpireLogins()
		t.warm(client)
		if got := t.sim.Truth().Logins; got != i+1 {
			t.Errorf("%s: %d logins, want %d", spelling.Name, got, i+1)
		}
	}
}

// loginFails: whatever a login answers, nothing is known of a token, and the next call tries again.
func loginFails(t *trial) {
	t.loggedIn()
	client := t.open(Setup{})
	for _, tc := range []struct {
		fault Fault
		class token.Class
		cause token.Cause
	}{
		{Fault{Kind: Status, StatusCode: http.StatusBadRequest}, token.Unauthorized, token.CauseLogin},
		{Fault{Kind: Status, StatusCode: http.StatusForbidden}, token.Forbidden, token.CauseLogin},
		{Fault{Kind: Status, StatusCode: http.StatusNotFound}, token.Unavailable, token.CauseLogin},
		{Fault{Kind: Status, StatusCode: http.StatusConflict}, token.Unavailable, token.CauseLogin},
		{Fault{Kind: Status, StatusCode: http.StatusTooManyRequests}, token.RateLimited, token.CauseLogin},
		{Fault{Kind: Status, StatusCode: http.StatusInternalServerError}, token.Unavailable, token.CauseLogin},
		{Fault{Kind: CutAfterCommit}, token.Unavailable, token.CauseBroken},
		{Fault{Kind: Redirect}, token.Unavailable, token.CauseRedirect},
		{Fault{Kind: HTML}, token.Unavailable, token.CauseUnexpected},
		{Fault{Kind: MalformedJSON}, token.Unavailable, token.CauseUnexpected},
		{Fault{Kind: EmptyValue}, token.Unavailable, token.CauseUnexpected},
		{Fault{Kind: HugeBody}, token.Unavailable, token.CauseTooLarge},
	} {
		tc.fault.Route, tc.fault.Every = Login, false
		t.inject(tc.fault)
		_, err := client.Create(t.Context(), t.request(t.name()))
		t.expect(err, tc.class, tc.cause)
	}
	t.inject(Fault{Route: Login, Kind: Status, StatusCode: http.StatusNotFound})
	t.expect(client.Revoke(t.Context(), noSuchToken), token.Unavailable, token.CauseLogin)
	t.expectCalls(Create, 0)
	t.expectCalls(Revoke, 0)
	t.create(client)
	t.expectTokens(1, 1)
}

func rateLimited(t *trial) {
	client := t.open(Setup{})
	listing, err := client.List(t.Context(), func(token.Token) error { return nil })
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	inAMinute := listing.VendorTime.Add(time.Minute).UTC().Format(http.TimeFormat)
	for _, tc := range []struct {
		header      string
		least, most time.Duration
	}{
		{"", 0, 0},
		{"0", time.Second, time.Second},
		{"7", 7 * time.Second, 7 * time.Second},
		{"86400", time.Hour, time.Hour},
		{inAMinute, time.Second, time.Minute},
	} {
		t.inject(Fault{Route: Create, Kind: Status, StatusCode: http.StatusTooManyRequests, RetryAfter: tc.header})
		_, err := client.Create(t.Context(), t.request(t.name()))
		failure := t.failure(err, token.RateLimited, token.CauseStatus)
		if failure.RetryAfter < tc.least || failure.RetryAfter > tc.most {
			t.Errorf("Retry-After %q: come back after %s, want %s to %s", tc.header, failure.RetryAfter, tc.least, tc.most)
		}
	}
	t.expectTokens(0, 0)
}

// rateLimitIsKept: a vendor that asked for a pause is not called before it is over, by any client of the account.
func rateLimitIsKept(t *trial) {
	now := time.Date(2026, 5, 26, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	one, other := t.open(Setup{Paced: true, Clock: clock}), t.open(Setup{Paced: true, Clock: clock})
	t.warm(one)
	t.inject(Fault{Route: List, Kind: Status, StatusCode: http.StatusTooManyRequests, RetryAfter: "7"})
	t.expect(listError(t.Context(), one), token.RateLimited, token.CauseStatus)
	for _, client := range []vendors.Vendor{one, other} {
		failure := t.failure(listError(t.Context(), client), token.RateLimited, token.CausePaced)
		if failure.RetryAfter != 7*time.Second {
			t.Errorf("come back after %s, want 7s", failure.RetryAfter)
		}
		_, err := client.Create(t.Context(), t.request(t.name()))
		t.expect(err, token.RateLimited, token.CausePaced)
	}
	t.expectCalls(List, 2)
	t.expectCalls(Create, 0)
	now = now.Add(7 * time.Second)
	t.warm(one)
	t.create(other)
}

// rateLimitOfZero: a vendor that sends callers away and asks them to come back at once is given a rest all the same.
func rateLimitOfZero(t *trial) {
	now := time.Date(2026, 5, 26, 12, 0, 0, 0, time.UTC)
	client := t.open(Setup{Paced: true, Clock: func() time.Time { return now }})
	t.warm(client)
	t.inject(Fault{Route: Create, Kind: Status, StatusCode: http.StatusTooManyRequests, RetryAfter: "0"})
	for _, cause := range []token.Cause{token.CauseStatus, token.CausePaced} {
		_, err := client.Create(t.Context(), t.request(t.name()))
		if failure := t.failure(err, token.RateLimited, cause); failure.RetryAfter != time.Second {
			t.Errorf("come back after %s, want 1s", failure.RetryAfter)
		}
	}
	t.expectCalls(Create, 1)
	now = now.Add(time.Second)
	t.create(client)
	t.expectTokens(1, 1)
}

// pacedByItself: no more calls than the issuer's rate allows reach the vendor, and nobody is kept waiting for long.
func pacedByItself(t *trial) {
	now := time.Date(2026, 5, 26, 12, 0, 0, 0, time.UTC)
	client := t.open(Setup{Paced: true, Clock: func() time.Time { return now }})
	refused := 0
	for range 30 {
		if err := listError(t.Context(), client); err != nil {
			t.expect(err, token.RateLimited, token.CausePaced)
			refused++
		}
	}
	if made := t.sim.Truth().Calls[List]; made+refused != 30 || made > 21 || made < 10 {
		t.Errorf("%d of 30 calls were made, %d refused; want a second's worth and a second's wait", made, refused)
	}
}
