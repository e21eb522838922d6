package harness

import (
	"errors"
	"fmt"
	"strings"
)

// Effect is one thing that a process did or was about to do to the world outside: a write to the API server, or a create,
// a revocation or a change of rights at the vendor. Dry runs and reads are none.
type Effect struct {
	// Number counts the effects of a world from 1; Process is 1 for the first process, and one more after each start.
	Number, Process int
	// Verb is create, apply, patch, delete or status at the API server, mint, revoke, update or roll at the vendor.
	Verb string
	// Kind and Name say of what: namespace/name, or a token's name or ID.
	Kind, Name string
}

// String says it in words.
func (e Effect) String() string { return e.Verb + " " + e.Kind + " " + e.Name }

// Is tells whether it is an effect of that verb and kind.
func (e Effect) Is(verb, kind string) bool { return e.Verb == verb && e.Kind == kind }

// Verbs and the kind of what is at the vendor.
const (
	Create      = "create"
	Apply       = "apply"
	PatchVerb   = "patch"
	Delete      = "delete"
	Status      = "status"
	Mint        = "mint"
	Revoke      = "revoke"
	Update      = "update"
	Roll        = "roll"
	VendorToken = "token"
)

// Interference is what a test does to effects.
type Interference struct {
	// Before is asked before an effect; with an error the effect is not carried out, and the error is its answer.
	Before func(Effect) error
	// After is asked after an effect that succeeded; an error becomes its answer, as if the true one had been lost.
	After func(Effect) error
	// List is told of a list of the vendor's tokens that is about to be asked for. Lists are counted from 1.
	List func(number int)
}

// errKilled ends what a killed process was doing.
var errKilled = errors.New("the process was killed")

// Kill ends the process that asks, at this very instant. It is for Interference.
func Kill() { panic(errKilled) }

// ErrLost is an answer that never came.
var ErrLost = errors.New("http2: client connection lost")

// gate is the one way to every effect of a process.
type gate struct {
	world   *World
	process int
	// dead: whatever the process still does fails like everything a dead process does.
	dead bool
}

// pass carries out one effect, counted and interfered with.
func (g *gate) pass(verb, kind, name string, do func() error) error {
	g.alive()
	w := g.world
	w.count++
	effect := Effect{Number: w.count, Process: g.process, Verb: verb, Kind: kind, Name: name}
	if before := w.interference.Before; before != nil {
		if err := before(effect); err != nil {
			return err
		}
	}
	g.alive()
	if err := do(); err != nil {
		w.note("%s: %v", effect, err)
		return err
	}
	w.effects = append(w.effects, effect)
	w.note("%s", effect)
	if w.watching {
		w.watch(effect)
	}
	if after := w.interference.After; after != nil {
		return after(effect)
	}
	return nil
}

// alive ends the caller if its process was killed.
func (g *gate) alive() {
	if g.dead {
		panic(errKilled)
	}
}

// Interfere replaces what is done to effects from now on; none for nothing.
func (w *World) Interfere(with Interference) { w.interference = with }

// Effects are what all processes did since the last Forget, oldest first.
func (w *World) Effects() []Effect { return append([]Effect(nil), w.effects...) }

// Forget lets Effects begin anew.
func (w *World) Forget() { w.effects = nil }

// Did counts the effects of a verb and kind since the last Forget.
func (w *World) Did(verb, kind string) int {
	count := 0
	for _, effect := range w.effects {
		if effect.Is(verb, kind) {
			count++
		}
	}
	return count
}

// Writes are the effects at the API server since the last Forget.
func (w *World) Writes() []Effect {
	var writes []Effect
	for _, effect := range w.effects {
		if effect.Kind != VendorToken {
			writes = append(writes, effect)
		}
	}
	return writes
}

// Story tells what happened so far, for a test that fails.
func (w *World) Story() string { return strings.Join(w.story, "\n") }

func (w *World) note(format string, args ...any) {
	w.story = append(w.story, fmt.Sprintf("%12s  ", "+"+w.Clock.Now().Sub(beginning()).String())+fmt.Sprintf(format, args...))
}
