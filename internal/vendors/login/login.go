// Package login exchanges client credentials for bearers as rarely as it can, for vendors that want a bearer with every call.
//
// How a vendor's login looks on the wire is the vendor's own business (Func). What is the same for all of them is here: one
// login in the life of a bearer and not one a call, one login however many ask, one more where a bearer was refused, and what
// a failed login means.
package login

import (
	"context"
	"encoding/json"
	"math"
	"sync"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/pacing"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

const (
	// UnstatedLife is how long a bearer is used whose life the answer does not tell.
	UnstatedLife = 5 * time.Minute
	// MaxLife bounds what is believed of a stated life.
	MaxLife = 7 * 24 * time.Hour
	// maxMargin is how long before its end a bearer is renewed at most; short-lived ones go by a tenth of their life.
	maxMargin = 5 * time.Minute
)

// Cache keeps the bearers of all issuers: the number of live logins of a credential may be limited at the vendor. It is safe
// for concurrent use.
type Cache struct {
	clock func() time.Time

	mu      sync.Mutex
	bearers map[key]grant
	flights map[key]*flight
}

// key tells bearers apart: by where they come from and whose they are.
type key struct {
	authURL    string
	credential pacing.Credential
}

// grant is a bearer and the time from which it is not used any more.
type grant struct {
	bearer  token.Value
	renewAt time.Time
}

// flight is a login under way, for everybody who needs its result.
type flight struct {
	done   chan struct{}
	bearer token.Value
	err    error
	// abandoned: its caller gave up, so that the result is nobody else's.
	abandoned bool
}

// NewCache makes an empty cache.
func NewCache(clock func() time.Time) *Cache {
	return &Cache{clock: clock, bearers: map[key]grant{}, flights: map[key]*flight{}}
}

// Func logs in once and tells the life of the bearer. Its errors are those of package rest.
type Func func(ctx context.Context) (bearer token.Value, life time.Duration, err error)

// Session is one credential at one place to log in. All sessions of a cache that have both in common share their bearer.
type Session struct {
	cache *Cache
	key   key
	login Func
}

// Session makes a Session. It makes no call.
func (c *Cache) Session(authURL string, credential pacing.Credential, login Func) *Session {
	return &Session{cache: c, key: key{authURL: authURL, credential: credential}, login: login}
}

// Authorized makes a call with a bearer. A bearer that is refused is dropped and the call made once more with a new one: a call
// that was answered 401 has done nothing, not even a create.
func (s *Session) Authorized(ctx context.Context, call rest.Call, do func(rest.Call) error) error {
	err := s.withBearer(ctx, &call, do)
	if failure := token.AsFailure(err); err == nil || failure.Class != token.Unauthorized || failure.Cause != token.CauseStatus {
		return err
	}
	s.cache.drop(s.key, call.Bearer)
	return s.withBearer(ctx, &call, do)
}

func (s *Session) withBearer(ctx context.Context, call *rest.Call, do func(rest.Call) error) error {
	bearer, err := s.cache.bearer(ctx, s.key, s.login, cached)
	if err != nil {
		return loginFailure(call.Operation, err)
	}
	call.Bearer = bearer
	return do(*call)
}

// Renew logs in, whatever bearer there is: it tells whether the credentials are accepted now. The new bearer takes the place of
// the old one.
func (s *Session) Renew(ctx context.Context, operation string) error {
	if _, err := s.cache.bearer(ctx, s.key, s.login, fresh); err != nil {
		return loginFailure(operation, err)
	}
	return nil
}

// freshness says which bearers will do.
type freshness bool

const (
	// cached: one that somebody got before.
	cached freshness = false
	// fresh: only that of a login that is answered from now on.
	fresh freshness = true
)

// bearer gives the bearer of a credential, from the cache or by one login however many ask. A failed login fails all who
// waited for it and is not remembered; one that was given up by its caller is taken over by another.
func (c *Cache) bearer(ctx context.Context, of key, login Func, wanted freshness) (token.Value, error) {
	for {
		known, joined, leads := c.join(of, wanted)
		switch {
		case joined == nil:
			return known, nil
		case leads:
			c.fly(ctx, of, joined, login)
			return joined.bearer, joined.err
		}
		select {
		case <-joined.done:
		case <-ctx.Done():
			return token.Value{}, &token.Failure{Operation: "log in", Class: token.Unavailable, Cause: token.CauseTimeout, Err: ctx.Err()}
		}
		if !joined.abandoned {
			return joined.bearer, joined.err
		}
	}
}

// join gives the cached bearer, or the flight to wait for, or the flight to lead.
func (c *Cache) join(of key, wanted freshness) (known token.Value, joined *flight, leads bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found, ok := c.bearers[of]; ok && wanted == cached && c.clock().Before(found.renewAt) {
		return found.bearer, nil, false
	}
	if joined, ok := c.flights[of]; ok {
		return token.Value{}, joined, false
	}
	joined = &flight{done: make(chan struct{}), abandoned: true}
	c.flights[of] = joined
	return token.Value{}, joined, true
}

func (c *Cache) fly(ctx context.Context, of key, own *flight, login Func) {
	// Deferred, so that a panic of the login leaves nobody waiting.
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.flights, of)
		close(own.done)
	}()
	began := c.clock()
	bearer, life, err := login(ctx)
	own.bearer, own.err = bearer, err
	own.abandoned = err != nil && ctx.Err() != nil
	if err == nil {
		c.keep(of, grant{bearer: bearer, renewAt: began.Add(life - margin(life))})
	}
}

func (c *Cache) keep(of key, fresh grant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock()
	for old, stale := range c.bearers {
		if !now.Before(stale.renewAt) {
			delete(c.bearers, old)
		}
	}
	c.bearers[of] = fresh
}

// drop forgets a bearer that was refused, unless a newer one has taken its place.
func (c *Cache) drop(of key, refused token.Value) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found, ok := c.bearers[of]; ok && found.bearer.Equal(refused) {
		delete(c.bearers, of)
	}
}

func margin(life time.Duration) time.Duration { return min(life/10, maxMargin) }

// Life reads the life of a bearer in seconds, as an answer states it: UnstatedLife where it does not, MaxLife at most.
func Life(stated json.Number) time.Duration {
	seconds, err := stated.Float64()
	if err != nil || !(seconds > 0) || math.IsInf(seconds, 0) {
		return UnstatedLife
	}
	return time.Duration(min(seconds, MaxLife.Seconds()) * float64(time.Second))
}

// Unusable is the failure of a login that was answered with success and without a bearer that a header can carry.
func Unusable(status int) error {
	return &token.Failure{Operation: "log in", Class: token.Unavailable, Cause: token.CauseUnexpected, Status: status}
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
