package rackgateway

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

// prepare is a route behind the gateway's door.
type prepare func(*token, stage.Call) stage.Commit

// entered asks for the right host, a live token and, where one is named, a permission.
func (v *Vendor) entered(permission string, next prepare) func(stage.Call) stage.Commit {
	return func(call stage.Call) stage.Commit {
		if !v.switches.answers(call.Request) {
			return stage.Always(refuse(http.StatusBadRequest, "invalid host"))
		}
		caller, problem := v.caller(call)
		if problem != "" {
			return stage.Always(refuse(http.StatusUnauthorized, problem))
		}
		if v.switches.RolesEnforced && permission != "" && !grant(caller.permissions, permission) {
			return stage.Always(refuse(http.StatusForbidden, "insufficient permissions"))
		}
		return next(caller, call)
	}
}

// answers says whether the gateway takes the call for one of its own: the checks of a cluster's probes are.
func (s Switches) answers(r *http.Request) bool {
	host := strings.ToLower(strings.TrimSuffix(r.Host, "."))
	if at := strings.LastIndex(host, ":"); at >= 0 {
		host = host[:at]
	}
	switch {
	case !s.HostCheck, host == "localhost", host == "127.0.0.1", strings.EqualFold(host, s.Domain):
		return true
	default:
		return strings.Contains(strings.ToLower(r.UserAgent()), "kube-probe")
	}
}

// caller is the token that the call comes with, which is used by that; else why it is nobody's.
func (v *Vendor) caller(call stage.Call) (caller *token, problem string) {
	header := call.Request.Header.Get("Authorization")
	value, isBearer := strings.CutPrefix(header, "Bearer ")
	if !isBearer {
		_, value, _ = call.Request.BasicAuth() // the user name may be anything
	}
	if header == "" {
		return nil, "missing authorization"
	}
	caller = v.live(digestOf(value))
	if caller == nil {
		return nil, "authentication failed: invalid API token: invalid token"
	}
	if problem := caller.problem(call.Now); problem != "" {
		return nil, "authentication failed: " + problem
	}
	caller.lastUsedAt = call.Now
	return caller, ""
}

// bucket limits creates. The zero bucket was never used, and is full.
type bucket struct {
	left float64
	at   time.Time
}

// take takes one create out of the bucket, if there is one left.
func (b *bucket) take(s Switches, now time.Time) bool {
	if b.at.IsZero() {
		b.left, b.at = float64(s.CreateBurst), now
	}
	b.left = min(float64(s.CreateBurst), b.left+now.Sub(b.at).Seconds()*float64(s.CreatesPerSecond))
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// limited counts a create, and says what it is refused with if it is one too many.
func (v *Vendor) limited(now time.Time) (refusal stage.Answer, refused bool) {
	rate := v.switches.CreatesPerSecond
	if rate == 0 || v.creates.take(v.switches, now) {
		return stage.Answer{}, false
	}
	refusal = stage.JSON(http.StatusTooManyRequests, errorObject{
		Error:   "rate limit exceeded",
		Message: "too many authentication attempts, please try again later",
	})
	refusal.Header = http.Header{}
	refusal.Header.Set("Retry-After", strconv.Itoa(1/rate)) // whole seconds: 0 for all rates but the slowest
	refusal.Header.Set("X-Ratelimit-Limit", strconv.Itoa(rate))
	refusal.Header.Set("X-Ratelimit-Remaining", "0")
	refusal.Header.Set("X-Ratelimit-Reset", strconv.FormatInt(now.Add(time.Second).Unix(), 10))
	return refusal, true
}
