package stage

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"time"
)

// maxRequestBody caps what a vendor reads of a request, in bytes. Token APIs take a few hundred.
const maxRequestBody = 1 << 20

// errCut ends a call without an answer, or in the middle of one.
var errCut = errors.New("connection cut")

// Call is one request to a vendor. Its body was read whole before the call counted.
type Call struct {
	Request *http.Request
	Body    []byte
	// Fault is for the kinds of Route.Kinds; the stage sees to all others.
	Fault Hit
	// Now is when the call arrived.
	Now time.Time
}

// Commit carries a call out, at a moment that a fault may have put off, and says the answer.
type Commit func(now time.Time) Answer

// Always is a commit that changes nothing: the answer is known.
func Always(answer Answer) Commit {
	return func(time.Time) Answer { return answer }
}

// Route is one call of a vendor's API. Prepare and the Commit that it returns run under the stage's mutex.
type Route struct {
	// Name is what faults and counters call the route: "<vendor>.<call>".
	Name string
	// Prepare authenticates and parses the call as of its arrival.
	Prepare func(Call) Commit
	// Refuse is an error answer in the shape that the vendor gives it on this route.
	Refuse func(status int, message string) Answer
	// Grows names the string field of the answer that HugeBody blows up.
	Grows string
	// Row is the text up to and with the brace of the object that HugeRow blows up; the first brace when empty.
	Row string
	// Hollow is the smallest answer with that field and that object, for answers that lack them; a list of one row when
	// empty.
	Hollow string
	// Kinds are the fault kinds beyond the general ones that Prepare and its Commit know.
	Kinds []Kind
}

// Handler serves a route through the faults set on it. A route has one handler, which may have several paths.
func (s *Stage) Handler(route Route) http.Handler {
	s.Do(func(time.Time) { s.routes[route.Name] = route })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBody))
		if err != nil {
			panic(http.ErrAbortHandler) // the client left, or sends what is no call: nobody waits for an answer
		}
		x := &exchange{stage: s, route: route, w: w, call: Call{Request: r, Body: body}}
		if err := x.serve(); err != nil {
			panic(http.ErrAbortHandler) // net/http's way to cut a connection without an answer
		}
	})
}

// exchange is one call on its way through its fault.
type exchange struct {
	stage     *Stage
	route     Route
	w         http.ResponseWriter
	call      Call
	entry     *Entry
	committed bool
}

func (x *exchange) serve() error {
	if !x.begin() {
		return errCut
	}
	defer x.stage.running.Done()
	if answer, refused := x.refusal(); refused {
		return x.send(answer)
	}
	answer, err := x.carryOut()
	if err == nil {
		err = x.send(answer)
	}
	x.count(err)
	return err
}

// count takes note of a call that was carried out and whose client does not know it.
func (x *exchange) count(err error) {
	kind := x.call.Fault.Kind
	if x.committed && (err != nil || kind == StatusAfterCommit || kind.distorts() || x.call.Request.Context().Err() != nil) {
		x.stage.Do(func(time.Time) { x.stage.unheard[x.route.Name]++ })
	}
}

// begin counts the call and finds its fault; false if the stage is closed.
func (x *exchange) begin() bool {
	x.stage.mu.Lock()
	defer x.stage.mu.Unlock()
	if x.stage.closed {
		return false
	}
	x.stage.running.Add(1)
	x.call.Now = x.stage.now()
	x.call.Fault = x.stage.faults.take(x.route.Name)
	x.entry = &Entry{
		Time:   x.call.Now,
		Route:  x.route.Name,
		Method: x.call.Request.Method,
		Path:   x.call.Request.URL.Path,
		Fault:  x.call.Fault.Kind,
	}
	x.stage.record(x.entry)
	return true
}

// refusal is the answer of a fault that answers in the vendor's place.
func (x *exchange) refusal() (Answer, bool) {
	switch x.call.Fault.Kind {
	case Status:
		return x.faultStatus(), true
	case Unauthorized:
		return x.route.Refuse(http.StatusUnauthorized, "simulated failure"), true
	case Redirect:
		return redirect(x.call.Request), true
	case HTML:
		return page(), true
	default:
		return Answer{}, false
	}
}

// carryOut commits the call when its fault lets it; errCut if there will be no answer.
func (x *exchange) carryOut() (Answer, error) {
	var commit Commit
	x.stage.Do(func(time.Time) { commit = x.route.Prepare(x.call) })

	switch x.call.Fault.Kind {
	case CutBeforeCommit:
		return Answer{}, errCut
	case LateCommit:
		x.stage.faults.later(x.call.Fault.Delay, x.unheard(commit))
		return Answer{}, errCut
	case Latency:
		if err := x.wait(); err != nil {
			return Answer{}, err
		}
	default: // nothing goes wrong before the commit
	}

	var answer Answer
	x.stage.Do(func(now time.Time) { answer = commit(now) })
	x.committed = answer.Status < 300

	switch x.call.Fault.Kind {
	case CutAfterCommit:
		return Answer{}, errCut
	case StatusAfterCommit:
		return x.faultStatus(), nil
	case HangAfterCommit:
		return answer, x.wait()
	default:
		return answer, nil
	}
}

// unheard is a commit whose answer nobody waits for. The mutex is held when it is carried out.
func (x *exchange) unheard(commit Commit) Commit {
	return func(now time.Time) Answer {
		answer := commit(now)
		if answer.Status < 300 {
			x.stage.unheard[x.route.Name]++
		}
		return answer
	}
}

// wait returns nil after the fault's delay (without one: never), errCut if the client leaves or the stage is closed.
func (x *exchange) wait() error {
	var timer <-chan time.Time
	if x.call.Fault.Delay > 0 {
		timer = x.stage.clock.After(x.call.Fault.Delay)
	}
	select {
	case <-timer:
		return nil
	case <-x.call.Request.Context().Done():
	case <-x.stage.done:
	}
	return errCut
}

// settle records the status that the client is about to see.
func (x *exchange) settle(status int) (now time.Time) {
	x.stage.Do(func(at time.Time) {
		now = at
		x.entry.Status = status
		if status >= 300 && !x.committed {
			x.stage.refused[x.route.Name]++
		}
	})
	return now
}

func (x *exchange) faultStatus() Answer {
	answer := x.route.Refuse(x.call.Fault.Status, "simulated failure")
	if after := x.call.Fault.RetryAfter; after != "" {
		header := http.Header{"Retry-After": {after}}
		maps.Copy(header, answer.Header)
		answer.Header = header
	}
	return answer
}

func redirect(r *http.Request) Answer {
	name, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		name, port = r.Host, "443"
	}
	other := "localhost"
	if name == other {
		other = "127.0.0.1"
	}
	target := fmt.Sprintf("https://%s%s", net.JoinHostPort(other, port), r.URL.RequestURI())
	answer := page()
	answer.Status = http.StatusFound
	answer.Header.Set("Location", target)
	return answer
}
