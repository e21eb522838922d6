package causeloop

import (
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

// prepare is a route behind the API's door.
type prepare func(*token, stage.Call) stage.Commit

// entered counts the call and asks for a live token.
func (v *Vendor) entered(next prepare) func(stage.Call) stage.Commit {
	return func(call stage.Call) stage.Commit {
		value, _ := strings.CutPrefix(call.Request.Header.Get("Authorization"), "Bearer ")
		whose := v.whose(call.Request, value)
		commit, refused := v.limited(whose, call.Now)
		if !refused {
			commit = v.prepareFor(v.holder(value), call, next)
		}
		return func(now time.Time) stage.Answer { return v.headed(commit(now), whose) }
	}
}

func (v *Vendor) prepareFor(caller *token, call stage.Call, next prepare) stage.Commit {
	if caller == nil || caller.state(call.Now) != Active {
		return stage.Always(refuse(http.StatusUnauthorized, "The token is not valid."))
	}
	caller.lastUsedAt = call.Now
	return v.replayed(caller, call, next(caller, call))
}

// member asks for a person's token.
func member(next prepare) prepare {
	return func(caller *token, call stage.Call) stage.Commit {
		if caller.member == nil {
			return stage.Always(refuse(http.StatusForbidden, "Service accounts have no personal tokens."))
		}
		return next(caller, call)
	}
}

// admin asks for the scope that managing service accounts needs.
func (v *Vendor) admin(next prepare) prepare {
	return func(caller *token, call stage.Call) stage.Commit {
		switch {
		case !slices.Contains(caller.scopes, scopeAdmin), caller.machine != nil && !v.switches.MachineAdmin:
			return stage.Always(refuse(http.StatusForbidden, "The scope workspace:admin is needed."))
		case caller.member != nil && v.switches.MFARequired:
			return stage.Always(refuseAs(http.StatusForbidden, "mfa_required", "A second factor is needed.", nil))
		}
		return next(caller, call)
	}
}

// window counts the calls of a minute.
type window struct {
	began time.Time
	calls int
}

const (
	windowLength = time.Minute
	limitHeader  = "X-Ratelimit-Limit"
	leftHeader   = "X-Ratelimit-Remaining"
)

// whose says in whose window a call counts.
func (v *Vendor) whose(r *http.Request, value string) string {
	if v.switches.LimitPer == LimitPerToken {
		return digestOf(value)
	}
	address, _, _ := net.SplitHostPort(r.RemoteAddr)
	return address
}

// limited counts a call, and says what it is refused with if it is one too many.
func (v *Vendor) limited(whose string, now time.Time) (refusal stage.Commit, refused bool) {
	w := v.windows[whose]
	if now.Sub(w.began) >= windowLength {
		w = window{began: now}
	}
	w.calls++
	v.windows[whose] = w
	if v.switches.CallsPerMinute == 0 || w.calls <= v.switches.CallsPerMinute {
		return nil, false
	}
	answer := refuse(http.StatusTooManyRequests, "")
	wait := w.began.Add(windowLength).Sub(now)
	answer.Header = http.Header{"Retry-After": {strconv.Itoa(int((wait + time.Second - 1) / time.Second))}}
	return stage.Always(answer), true
}

// headed gives an answer the headers that all answers have.
func (v *Vendor) headed(answer stage.Answer, whose string) stage.Answer {
	header := http.Header{}
	if limit := v.switches.CallsPerMinute; limit > 0 {
		header.Set(limitHeader, strconv.Itoa(limit))
		header.Set(leftHeader, strconv.Itoa(max(0, limit-v.windows[whose].calls)))
	}
	header.Set(requestID, uuid.NewString())
	maps.Copy(header, answer.Header)
	answer.Header = header
	return answer
}

// refuseFault is refuse for faults, which do not hold the stage's mutex. Their calls are not counted.
func (v *Vendor) refuseFault(status int, message string) stage.Answer {
	answer := refuse(status, message)
	v.stage.Do(func(time.Time) { answer = v.headed(answer, "") })
	return answer
}

// replay is the answer to a call that had an Idempotency-Key.
type replay struct {
	answer stage.Answer
	given  time.Time
}

const replayLifetime = 24 * time.Hour

// replayed answers a call whose key is known as the first one that had it. Only what was made is remembered.
func (v *Vendor) replayed(caller *token, call stage.Call, commit stage.Commit) stage.Commit {
	key := call.Request.Header.Get("Idempotency-Key")
	if key == "" || call.Request.Method != http.MethodPost {
		return commit
	}
	key = caller.id + " " + call.Request.URL.Path + " " + key
	return func(now time.Time) stage.Answer {
		if !v.switches.IdempotencyReplay {
			return commit(now)
		}
		if first, known := v.replays[key]; known && now.Sub(first.given) < replayLifetime {
			return first.answer
		}
		answer := commit(now)
		if answer.Status < http.StatusMultipleChoices {
			v.replays[key] = replay{answer: answer, given: now}
		}
		return answer
	}
}
