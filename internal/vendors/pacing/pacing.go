// Package pacing keeps the operator from being a burden to a vendor, and a vendor's limits from blocking the operator.
//
// Whoever calls with the same credentials at the same host shares a pace, whatever issuer it comes from, and so does the
// pause that a vendor asks for. A call that would have to wait long is not made at all: its worker is told when to come
// back and does something else. Calls that are under way are bounded, too, and a vendor that does not answer is left alone
// for a while, and then asked by one call that changes nothing.
package pacing

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

const (
	// MaxWait is the longest that Admit waits.
	MaxWait = time.Second
	// DefaultPerSecond is the rate of an issuer that does not say one.
	DefaultPerSecond = 5.0
	// minComeBack keeps a refused worker from coming back at once.
	minComeBack = time.Second
	// maxIdle is how many paces are kept before those at rest are forgotten. A pace at rest is as good as a new one.
	maxIdle = 1024
)

// Credential is a fingerprint of credentials.
type Credential [sha256.Size]byte

// Fingerprint hashes the parts of a credential.
func Fingerprint(parts ...token.Value) Credential {
	hash := sha256.New()
	for _, part := range parts {
		content := part.Reveal()
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(content)))
		hash.Write(length[:])
		hash.Write([]byte(content))
	}
	return Credential(hash.Sum(nil))
}

// Options of a Limiter.
type Options struct {
	// Clock is required.
	Clock func() time.Time
	// Sleep waits for a duration or for the context, whose error it returns; a timer when nil.
	Sleep func(ctx context.Context, d time.Duration) error
	// HostPerSecond bounds the calls to one host over all credentials; no such bound when 0.
	HostPerSecond float64
}

// Limiter holds the paces of all issuers. It is safe for concurrent use.
type Limiter struct {
	options Options

	mu     sync.Mutex
	paces  map[paceKey]*rate.Limiter
	hosts  map[string]*rate.Limiter
	pauses map[accountKey]pause
	lines  map[accountKey]*line
}

type accountKey struct {
	host       string
	credential Credential
}

// paceKey has the rate in it: two issuers of one account that ask for different rates each keep their own.
type paceKey struct {
	accountKey
	perSecond float64
}

// New makes a Limiter.
func New(options Options) *Limiter {
	if options.Sleep == nil {
		options.Sleep = sleep
	}
	return &Limiter{
		options: options,
		paces:   map[paceKey]*rate.Limiter{},
		hosts:   map[string]*rate.Limiter{},
		pauses:  map[accountKey]pause{},
		lines:   map[accountKey]*line{},
	}
}

// Gate gives the way through the limiter for one account. The rate is DefaultPerSecond when perSecond is not positive.
func (l *Limiter) Gate(host string, credential Credential, perSecond float64) *Gate {
	if perSecond <= 0 {
		perSecond = DefaultPerSecond
	}
	account := accountKey{host: strings.ToLower(host), credential: credential}
	return &Gate{limiter: l, key: paceKey{accountKey: account, perSecond: perSecond}}
}

// Gate paces the calls of one account.
type Gate struct {
	limiter *Limiter
	key     paceKey
}

// Admit returns when the call may be made: at once or after at most MaxWait. Where that is not enough, the vendor asked for a pause or
// does not answer, it returns at once with the time after which to come back. The error is the context's. Every call that is admitted
// is followed by Done.
func (g *Gate) Admit(ctx context.Context, harmless bool) (comeBack time.Duration, err error) {
	tries, comeBack := g.limiter.enter(g.key.accountKey, harmless)
	if comeBack > 0 {
		return comeBack, nil
	}
	comeBack, err = g.Book(ctx)
	if comeBack > 0 || err != nil {
		g.limiter.leave(g.key.accountKey, tries)
	}
	return comeBack, err
}

// Book takes the turn of a call that is admitted later, by Enter.
func (g *Gate) Book(ctx context.Context) (comeBack time.Duration, err error) {
	l := g.limiter
	now := l.options.Clock()
	booked, comeBack := l.book(g.key, now)
	if comeBack > 0 {
		return comeBack, nil
	}
	if wait := booked.wait(now); wait > 0 {
		if err := l.options.Sleep(ctx, wait); err != nil {
			booked.cancel(l.options.Clock())
			return 0, err
		}
	}
	// While this call waited, another one may have been told to pause.
	return l.pausedFor(g.key.accountKey, l.options.Clock()), nil
}

// pause is a time in which no calls are made.
type pause struct {
	until  time.Time
	length time.Duration
}

// maxGrown bounds a pause that grows because the vendor goes on asking for one.
const maxGrown = 5 * time.Minute

// tooShort tells whether a pause that begins now follows so closely that the one before was too short.
func (p pause) tooShort(now time.Time) bool {
	return !p.until.IsZero() && !now.Before(p.until) && now.Sub(p.until) <= max(2*p.length, 10*time.Second)
}

// Hold refuses the calls of the account for a time. A shorter pause does not end a longer one. Where the vendor asks again as soon as
// a pause is over, the next one is twice as long, up to maxGrown.
func (g *Gate) Hold(length time.Duration) {
	l := g.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	now, before := l.options.Clock(), l.pauses[g.key.accountKey]
	if before.tooShort(now) {
		length = max(length, min(2*before.length, maxGrown))
	}
	if until := now.Add(length); until.After(before.until) {
		l.pauses[g.key.accountKey] = pause{until: until, length: length}
	}
}

func (l *Limiter) pausedFor(account accountKey, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pauseLeft(account, now)
}

// pauseLeft is called with the lock held.
func (l *Limiter) pauseLeft(account accountKey, now time.Time) time.Duration {
	left := l.pauses[account].until.Sub(now)
	if left <= 0 {
		return 0
	}
	return max(left, minComeBack)
}

// book reserves a call in the paces of account and host, or says when to come back, with nothing reserved.
func (l *Limiter) book(key paceKey, now time.Time) (booking, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if left := l.pauseLeft(key.accountKey, now); left > 0 {
		return nil, left
	}
	l.forget(now)
	booked := booking{pace(l.paces, key, key.perSecond).ReserveN(now, 1)}
	if l.options.HostPerSecond > 0 {
		booked = append(booked, pace(l.hosts, key.host, l.options.HostPerSecond).ReserveN(now, 1))
	}
	if wait := booked.wait(now); wait > MaxWait {
		booked.cancel(now)
		return nil, max(wait, minComeBack)
	}
	return booked, 0
}

// booking is a reservation in every pace that a call has to keep.
type booking []*rate.Reservation

func (b booking) wait(now time.Time) time.Duration {
	var longest time.Duration
	for _, reservation := range b {
		longest = max(longest, reservation.DelayFrom(now))
	}
	return longest
}

func (b booking) cancel(now time.Time) {
	for _, reservation := range b {
		reservation.CancelAt(now)
	}
}

// pace finds or makes a pace: a second's worth of calls may come at once.
func pace[K comparable](paces map[K]*rate.Limiter, key K, perSecond float64) *rate.Limiter {
	found, ok := paces[key]
	if !ok {
		found = rate.NewLimiter(rate.Limit(perSecond), max(1, int(math.Ceil(perSecond))))
		paces[key] = found
	}
	return found
}

// forget drops what is at rest, so that the credentials of long gone issuers take no room. It is called with the lock held.
func (l *Limiter) forget(now time.Time) {
	if len(l.paces) <= maxIdle && len(l.pauses) <= maxIdle && len(l.lines) <= maxIdle {
		return
	}
	dropIdle(l.paces, now)
	dropIdle(l.hosts, now)
	for account, held := range l.pauses {
		if !held.until.After(now) {
			delete(l.pauses, account)
		}
	}
	for account, line := range l.lines {
		if line.rests() {
			delete(l.lines, account)
		}
	}
}

func dropIdle[K comparable](paces map[K]*rate.Limiter, now time.Time) {
	for key, idle := range paces {
		if idle.TokensAt(now) >= float64(idle.Burst()) {
			delete(paces, key)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
