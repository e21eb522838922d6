package causely

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"sync"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/pacing"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

const (
	// unstatedLife is how long a bearer is used whose life the answer does not tell.
	unstatedLife = 5 * time.Minute
	// maxLife bounds what is believed of a stated life.
	maxLife = 7 * 24 * time.Hour
	// maxMargin is how long before its end a bearer is renewed at most; short-lived ones go by a tenth of their life.
	maxMargin = 5 * time.Minute
)

// Logins keeps the bearers of all issuers, so that an account logs in once in its bearer's life and not once a call: the
// number of live logins of a credential is limited at the vendor. It is safe for concurrent use.
type Logins struct {
	clock func() time.Time

	mu      sync.Mutex
	bearers map[loginKey]grant
	flights map[loginKey]*flight
}

// loginKey tells bearers apart: by where they come from and whose they are.
type loginKey struct {
	authURL    string
	credential pacing.Credential
}

// hidden keeps a secret where package fmt, which looks into unexported fields without asking them, sees an address only.
type hidden func() token.Value

func hide(secret token.Value) hidden { return func() token.Value { return secret } }

// grant is a bearer and the time from which it is not used any more.
type grant struct {
	bearer  hidden
	renewAt time.Time
}

// flight is a login under way, for everybody who needs its result.
type flight struct {
	done   chan struct{}
	bearer hidden
	err    error
	// abandoned: its caller gave up, so that the result is nobody else's.
	abandoned bool
}

// NewLogins makes an empty cache.
func NewLogins(clock func() time.Time) *Logins {
	return &Logins{clock: clock, bearers: map[loginKey]grant{}, flights: map[loginKey]*flight{}}
}

// loginFunc logs in and tells the life of the bearer.
type loginFunc func(ctx context.Context) (bearer token.Value, life time.Duration, err error)

// bearer gives the bearer of a credential, from the cache or by one login however many ask. A failed login fails all who
// waited for it and is not remembered; one that was given up by its caller is taken over by another.
func (l *Logins) bearer(ctx context.Context, key loginKey, login loginFunc) (token.Value, error) {
	for {
		cached, joined, leads := l.join(key)
		switch {
		case joined == nil:
			return cached, nil
		case leads:
			l.fly(ctx, key, joined, login)
			return joined.bearer(), joined.err
		}
		select {
		case <-joined.done:
		case <-ctx.Done():
			return token.Value{}, &token.Failure{Operation: "log in", Class: token.Unavailable, Cause: token.CauseTimeout, Err: ctx.Err()}
		}
		if !joined.abandoned {
			return joined.bearer(), joined.err
		}
	}
}

// join gives the cached bearer, or the flight to wait for, or the flight to lead.
func (l *Logins) join(key loginKey) (cached token.Value, joined *flight, leads bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found, ok := l.bearers[key]; ok && l.clock().Before(found.renewAt) {
		return found.bearer(), nil, false
	}
	if joined, ok := l.flights[key]; ok {
		return token.Value{}, joined, false
	}
	joined = &flight{done: make(chan struct{}), bearer: hide(token.Value{}), abandoned: true}
	l.flights[key] = joined
	return token.Value{}, joined, true
}

func (l *Logins) fly(ctx context.Context, key loginKey, own *flight, login loginFunc) {
	// Deferred, so that a panic of the login leaves nobody waiting.
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.flights, key)
		close(own.done)
	}()
	began := l.clock()
	bearer, life, err := login(ctx)
	own.bearer, own.err = hide(bearer), err
	own.abandoned = err != nil && ctx.Err() != nil
	if err == nil {
		l.keep(key, grant{bearer: hide(bearer), renewAt: began.Add(life - margin(life))})
	}
}

func (l *Logins) keep(key loginKey, fresh grant) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock()
	for old, stale := range l.bearers {
		if !now.Before(stale.renewAt) {
			delete(l.bearers, old)
		}
	}
	l.bearers[key] = fresh
}

// drop forgets a bearer that was refused, unless a newer one has taken its place.
func (l *Logins) drop(key loginKey, refused token.Value) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found, ok := l.bearers[key]; ok && found.bearer().Reveal() == refused.Reveal() {
		delete(l.bearers, key)
	}
}

func margin(life time.Duration) time.Duration { return min(life/10, maxMargin) }

// loginRequest is the vendor's wire format. It has the credentials in clear and lives no longer than its encoding.
type loginRequest struct {
	ClientID string `json:"clientId"`
	Secret   string `json:"secret"`
}

// loginAnswer takes the answer in every spelling that the vendor's own clients take.
type loginAnswer struct {
	SnakeToken string      `json:"access_token"`
	CamelToken string      `json:"accessToken"`
	PlainToken string      `json:"token"`
	SnakeLife  json.Number `json:"expires_in"`
	CamelLife  json.Number `json:"expiresIn"`
}

func (a loginAnswer) bearer() token.Value {
	for _, spelled := range []string{a.SnakeToken, a.CamelToken, a.PlainToken} {
		if spelled != "" {
			return token.NewValue(spelled)
		}
	}
	return token.Value{}
}

func (a loginAnswer) life() time.Duration {
	stated := a.SnakeLife
	if stated == "" {
		stated = a.CamelLife
	}
	seconds, err := stated.Float64()
	if err != nil || !(seconds > 0) || math.IsInf(seconds, 0) {
		return unstatedLife
	}
	return time.Duration(min(seconds, maxLife.Seconds()) * float64(time.Second))
}

// login exchanges the client credentials for a bearer.
func (c *Client) login(ctx context.Context) (token.Value, time.Duration, error) {
	body, err := json.Marshal(loginRequest{ClientID: c.clientID().Reveal(), Secret: c.clientSecret().Reveal()})
	if err != nil {
		return token.Value{}, 0, &token.Failure{Operation: "log in", Class: token.Invalid, Cause: token.CauseUnexpected}
	}
	answer, _, err := rest.Object[loginAnswer](ctx, c.auth, rest.Call{
		Operation: "log in", Method: http.MethodPost, Body: body, Want: http.StatusOK,
	})
	if err != nil {
		return token.Value{}, 0, err
	}
	bearer := answer.bearer()
	if !bearer.Usable() {
		return token.Value{}, 0, &token.Failure{
			Operation: "log in", Class: token.Unavailable, Cause: token.CauseUnexpected, Status: http.StatusOK,
		}
	}
	return bearer, answer.life(), nil
}

// loginFailure says that it was the login that failed, and keeps what must be told apart: an answer to the credentials
// from a host that could not be reached or trusted. Nothing a login answers says anything about a token, so that NotFound
// and Conflict cannot come out of it.
func loginFailure(operation string, err error) error {
	cause := token.AsFailure(err)
	failure := &token.Failure{
		Operation: operation + ", logging in", Class: loginClass(cause.Class), Cause: cause.Cause,
		Status: cause.Status, RetryAfter: cause.RetryAfter, Err: cause,
	}
	if cause.Cause == token.CauseStatus {
		failure.Cause = token.CauseLogin
	}
	return failure
}

// loginClass: a login consists of credentials and nothing else, so that a request the vendor finds invalid has invalid
// credentials in it. A place that is not there is a wrong authURL.
func loginClass(class token.Class) token.Class {
	switch class {
	case token.Unauthorized, token.Invalid:
		return token.Unauthorized
	case token.Forbidden, token.RateLimited:
		return class
	case token.NotFound, token.Conflict, token.Quota, token.Unavailable, token.Ambiguous:
		return token.Unavailable
	}
	return token.Unavailable
}
