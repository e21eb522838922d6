package stage

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Kind is what goes wrong with a call.
type Kind string

// The kinds that any route can have.
const (
	// None is the kind of a call that is not faulty.
	None Kind = ""
	// Latency waits for the delay, then goes on as usual; nothing is committed for a client that has left meanwhile.
	Latency Kind = "latency"
	// Status answers with the status, and Retry-After if one is given, before anything is committed.
	Status Kind = "status"
	// StatusAfterCommit commits, then answers as Status does.
	StatusAfterCommit Kind = "statusAfterCommit"
	// CutBeforeCommit ends the call without an answer and without a commit. Here and below HTTP/1.1 loses the
	// connection; of an HTTP/2 connection only the stream is reset, so that the fault hits no other call.
	CutBeforeCommit Kind = "cutBeforeCommit"
	// CutAfterCommit commits, then ends the call without an answer.
	CutAfterCommit Kind = "cutAfterCommit"
	// HangAfterCommit commits, then holds the answer for the delay, or without one until the client leaves.
	HangAfterCommit Kind = "hangAfterCommit"
	// LateCommit ends the call without an answer at once and commits after the delay.
	LateCommit Kind = "lateCommit"
	// TruncatedBody commits, sends half of the answer's body, then cuts.
	TruncatedBody Kind = "truncatedBody"
	// HugeBody commits and answers with valid JSON in which one string field has HugeSize bytes.
	HugeBody Kind = "hugeBody"
	// HugeRow commits and answers with valid JSON in which one object has HugeSize bytes in a field nobody knows, an
	// array of small strings.
	HugeRow Kind = "hugeRow"
	// MalformedJSON commits and answers without the last bracket, but with a proper end of the body: a decoder that
	// does not insist on the bracket takes it for a whole answer.
	MalformedJSON Kind = "malformedJSON"
	// HTML answers 200 with a web page, as a captive proxy does; nothing is committed.
	HTML Kind = "html"
	// Unauthorized answers 401; nothing is committed.
	Unauthorized Kind = "unauthorized"
	// Redirect answers 302 to the same path under another host name; nothing is committed. The other name is one this
	// server answers to as well, so that a client which follows is seen in the transcript.
	Redirect Kind = "redirect"
	// ClockSkew goes on as usual with a Date header that is off by the delay, which may be negative.
	ClockSkew Kind = "clockSkew"
	// WrongContentType commits and answers as usual, but calls the JSON text/plain.
	WrongContentType Kind = "wrongContentType"
)

// distorts says whether the kind lies in the text of an answer. An answer that has none (204) becomes for it one with
// status 200 and a small text.
func (k Kind) distorts() bool {
	switch k {
	case TruncatedBody, HugeBody, HugeRow, MalformedJSON:
		return true
	default:
		return false
	}
}

// The kinds that only routes have which say so (Route.Kinds).
const (
	// EmptyValue commits and answers with an empty secret value.
	EmptyValue Kind = "emptyValue"
	// AlteredName stores and echoes another name than the one asked for.
	AlteredName Kind = "alteredName"
	// EmptyList answers with no rows.
	EmptyList Kind = "emptyList"
	// EventualList leaves out what was created within the delay.
	EventualList Kind = "eventualList"
	// StaleList shows the list as it was the delay ago, or without a delay as it was when the fault was set.
	StaleList Kind = "staleList"
)

// HugeSize is the number of bytes that HugeBody and HugeRow add.
const HugeSize = 100 << 20

// Fault is an order to let calls of a route go wrong.
type Fault struct {
	Route string
	Kind  Kind
	// Times is how many calls are hit; 0 means until the fault is removed.
	Times int
	// After is how many calls of the route, counted from when the fault was set, are spared first.
	After int
	// Delay is the time that the kind speaks of.
	Delay time.Duration
	// Status is for Status and StatusAfterCommit; 0 means 503.
	Status int
	// RetryAfter is the literal header for Status and StatusAfterCommit; empty means no header.
	RetryAfter string
}

// FaultState is a fault that was set, and how often it was hit so far.
type FaultState struct {
	ID string
	Fault
	Hits int
}

// Hit is the fault that a call met; the zero Hit is a call without a fault.
type Hit struct {
	Fault
	// Since is when the fault was set.
	Since time.Time
}

// Sees is what a list that meets the fault shows of a thing: whether it is listed, and whether as one that has ended.
// ended is zero for what has not.
func (h Hit) Sees(created, ended, now time.Time) (listed, over bool) {
	over = !ended.IsZero()
	switch h.Kind {
	case EmptyList:
		return false, over
	case EventualList:
		return !created.After(now.Add(-h.Delay)), over
	case StaleList:
		asOf := h.Since
		if h.Delay > 0 {
			asOf = now.Add(-h.Delay)
		}
		return !created.After(asOf), over && !ended.After(asOf)
	default:
		return true, over
	}
}

// Faults are the faults of a simulator. A call meets at most one: the first that was set and is due. Used-up faults
// stay visible until they are removed.
type Faults struct {
	stage *Stage
	// The stage's mutex guards these.
	armed []*armedFault
	added int
	late  []*lateCommit
}

type armedFault struct {
	FaultState
	since time.Time
	seen  int
}

// Add sets a fault and returns its ID. A fault that could never hit is an error.
func (f *Faults) Add(fault Fault) (string, error) {
	if fault.Status == 0 && (fault.Kind == Status || fault.Kind == StatusAfterCommit) {
		fault.Status = http.StatusServiceUnavailable
	}
	var id string
	var err error
	f.stage.Do(func(now time.Time) {
		if err = f.check(fault); err != nil {
			return
		}
		f.added++
		id = strconv.Itoa(f.added)
		f.armed = append(f.armed, &armedFault{FaultState: FaultState{ID: id, Fault: fault}, since: now})
	})
	return id, err
}

// Remove takes a fault away; ErrNotFound if there is none of this ID.
func (f *Faults) Remove(id string) error {
	err := fmt.Errorf("fault %q: %w", id, ErrNotFound)
	f.stage.Do(func(time.Time) {
		f.armed = slices.DeleteFunc(f.armed, func(a *armedFault) bool {
			if a.ID == id {
				err = nil
			}
			return a.ID == id
		})
	})
	return err
}

// Clear takes all faults away. Late commits that a fault has caused still come.
func (f *Faults) Clear() {
	f.stage.Do(func(time.Time) { f.armed = nil })
}

// List returns all faults in the order in which they were set.
func (f *Faults) List() []FaultState {
	states := []FaultState{}
	f.stage.Do(func(time.Time) {
		for _, a := range f.armed {
			states = append(states, a.FaultState)
		}
	})
	return states
}

// Kinds are the kinds of faults that calls of a route can meet; none for a route that there is not.
func (f *Faults) Kinds(route string) []Kind {
	var kinds []Kind
	f.stage.Do(func(time.Time) {
		if of, known := f.stage.routes[route]; known {
			kinds = slices.Concat(generalKinds(), of.Kinds)
		}
	})
	return kinds
}

// CommitLate carries out now, in the order of the calls, what LateCommit faults hold back, and says how many that
// were: for tests that own the order of events.
func (f *Faults) CommitLate() int {
	var count int
	f.stage.Do(func(now time.Time) {
		count = len(f.late)
		for _, late := range f.late {
			late.commit(now)
			close(late.overtaken)
		}
		f.late = nil
	})
	return count
}

// lateCommit is what a cut call will still change.
type lateCommit struct {
	commit func(now time.Time) Answer
	// overtaken is closed when CommitLate was quicker than the timer.
	overtaken chan struct{}
}

// later carries out the commit after the delay, unless the stage is closed before. The call that asks for it is still
// under way, so that Close cannot have stopped waiting yet.
func (f *Faults) later(delay time.Duration, commit func(now time.Time) Answer) {
	late := &lateCommit{commit: commit, overtaken: make(chan struct{})}
	f.stage.Do(func(time.Time) { f.late = append(f.late, late) })
	// The timer starts before the client sees its connection cut, so that a fake clock can be moved at once.
	timer := f.stage.clock.After(delay)
	f.stage.running.Go(func() {
		select {
		case <-timer:
			f.stage.Do(func(now time.Time) { f.commitIfPending(late, now) })
		case <-late.overtaken:
		case <-f.stage.done:
		}
	})
}

// commitIfPending commits unless CommitLate has done so. The mutex is held.
func (f *Faults) commitIfPending(late *lateCommit, now time.Time) {
	if at := slices.Index(f.late, late); at >= 0 {
		f.late = slices.Delete(f.late, at, at+1)
		late.commit(now)
	}
}

// take finds the fault that a call of the route meets. The mutex is held.
func (f *Faults) take(route string) Hit {
	var hit Hit
	for _, a := range f.armed {
		if a.Route != route {
			continue
		}
		a.seen++
		due := a.seen > a.After && (a.Times == 0 || a.Hits < a.Times)
		if due && hit.Kind == None {
			a.Hits++
			hit = Hit{Fault: a.Fault, Since: a.since}
		}
	}
	return hit
}

// check refuses faults that mean nothing. The mutex is held.
func (f *Faults) check(fault Fault) error {
	route, known := f.stage.routes[fault.Route]
	switch {
	case !known:
		return fmt.Errorf("no route is called %q", fault.Route)
	case !slices.Contains(generalKinds(), fault.Kind) && !slices.Contains(route.Kinds, fault.Kind):
		return fmt.Errorf("route %s has no fault kind %q", fault.Route, fault.Kind)
	case fault.Times < 0 || fault.After < 0:
		return errors.New("times and after must not be negative")
	case fault.Delay < 0 && fault.Kind != ClockSkew:
		return fmt.Errorf("only %s can have a negative delay", ClockSkew)
	case fault.Delay == 0 && (fault.Kind == EventualList || fault.Kind == ClockSkew || fault.Kind == Latency):
		return fmt.Errorf("%s needs a delay", fault.Kind)
	case fault.Status != 0 && (fault.Status < 200 || fault.Status > 599):
		return errors.New("status must lie between 200 and 599")
	}
	return nil
}

func generalKinds() []Kind {
	return []Kind{
		Latency, Status, StatusAfterCommit, CutBeforeCommit, CutAfterCommit, HangAfterCommit, LateCommit,
		TruncatedBody, HugeBody, HugeRow, MalformedJSON, HTML, Unauthorized, Redirect, ClockSkew, WrongContentType,
	}
}
