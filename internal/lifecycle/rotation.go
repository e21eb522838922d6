package lifecycle

import (
	"cmp"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
)

// A token is replaced because it ends, because a person asks for it, or by its age. What can wait does so for the maintenance window,
// and for the predecessor: at most one replaced token is in use at a time.

// rotation is why a token that works is to be replaced, and what that waits for.
type rotation struct {
	// why is empty where it is not to be replaced now.
	why string
	// overrides: the maintenance window is not waited for.
	overrides bool
	// waits is why it is not replaced although it is due; nil where it is replaced, or not due.
	waits *Problem
	// next is when it is to be replaced, by the API server's clock; zero for never.
	next time.Time
}

// rotation looks at everything that has to do with time and requests. The token in use works.
func (v *view) rotation() rotation {
	if ends := v.renewal(); ends.why != "" || ends.waits != nil {
		return ends
	}
	if v.requested() {
		return v.afterPredecessor(rotation{why: "a rotation was requested", next: v.Object.Request.At}, v.Object.Request.Revoke)
	}
	aged := v.aging()
	if ends := v.renewAt(); !ends.IsZero() {
		aged.next = earlier(aged.next, ends)
	}
	return aged
}

// renewal: a token that ends is replaced before. It waits for a window that opens early enough for the old one to live through its
// overlap, and for no other.
func (v *view) renewal() rotation {
	at := v.renewAt()
	if at.IsZero() || v.skewed() || v.ServerNow.Before(at) {
		return rotation{}
	}
	due := rotation{why: "the token ends soon", next: at}
	if v.Object.Window == nil {
		return due
	}
	open, next := v.Object.Window(v.ServerNow)
	switch {
	case open:
		return due
	case next.IsZero(), next.Add(v.overlap()).After(v.proof.Current.ExpiresAt):
		due.why, due.overrides = "the token ends before the maintenance window would do", true
		return due
	default:
		return rotation{next: next, waits: waitingForWindow(next)}
	}
}

// requested tells whether a person has asked for another token than the one in use.
func (v *view) requested() bool { return v.Object.Request.Text != "" && !v.answered() }

// answered tells whether a person's request, if there is one, was answered: by the token that was made for it, or by a later one.
func (v *view) answered() bool {
	asked := v.Object.Request
	return v.proof != nil && (asked.Text == v.proof.HandledRotateRequest || !asked.At.After(v.madeAt()))
}

// madeAt is when the value in use was made: by the vendor's clock, or when it was published where the vendor does not say. What is said
// of a token whose value was replaced in place is when the token was made.
func (v *view) madeAt() time.Time {
	if made := v.proof.Current.IssuedAt; !made.IsZero() && v.proof.Current.Cut != ledger.CutInPlace {
		return made
	}
	return v.since(v.proof.Current)
}

// leaked tells whether what was replaced last is to be revoked without overlap.
func (v *view) leaked() bool {
	asked := v.Object.Request
	return asked.Revoke && asked.Text != "" && v.proof != nil && asked.Text == v.proof.HandledRotateRequest
}

// aging: a token is replaced at an age, in its window.
func (v *view) aging() rotation {
	if v.Object.RotateEvery <= 0 {
		return rotation{}
	}
	at := v.madeAt().Add(v.Object.RotateEvery - v.Object.RotateEarlier)
	next := at
	if v.Object.Window != nil {
		if open, opens := v.Object.Window(at); !open {
			next = cmp.Or(opens, at)
		}
	}
	if v.skewed() || v.ServerNow.Before(at) {
		return rotation{next: next}
	}
	if v.Object.Window != nil {
		if open, opens := v.Object.Window(v.ServerNow); !open {
			return rotation{next: next, waits: waitingForWindow(opens)}
		}
	}
	return v.afterPredecessor(rotation{why: "the token has reached its age", next: next}, false)
}

// afterPredecessor: no routine while a replaced token may be in use.
func (v *view) afterPredecessor(due rotation, urgent bool) rotation {
	if urgent || !v.predecessorLives() {
		return due
	}
	return rotation{next: due.next, waits: &Problem{ReasonWaitingForRetirement,
		"The token is to be replaced once its predecessor is revoked: at most one replaced token is in use at a time. RevocationPending tells what that waits for."}}
}

// predecessorLives tells whether a token that the Secret has held waits for its revocation. What a lost answer left is none.
func (v *view) predecessorLives() bool {
	return slices.ContainsFunc(v.proof.Retiring, func(e ledger.Entry) bool { return e.Published && !v.revoked(e.ID) })
}

func waitingForWindow(opens time.Time) *Problem {
	text := "The token is to be replaced when the maintenance window opens"
	if !opens.IsZero() {
		text += ", at " + opens.UTC().Format(time.RFC3339)
	}
	return &Problem{ReasonWaitingForWindow, text + ". It goes on working; to have it replaced now, request a rotation."}
}

// rotating says of a token that is to be replaced what that waits for; nil where none is due.
func (v *view) rotating() *Problem {
	if !v.usable() || !v.Issuer.Found || v.Object.Suspended {
		return nil
	}
	switch due := v.rotation(); {
	case due.waits != nil:
		return due.waits
	case due.why != "":
		return v.dueNow(due.why)
	default:
		return nil
	}
}

// rotationTry is when the next look at a rotation is due, by the operator's clock; zero for never.
func (v *view) rotationTry() time.Time {
	if !v.usable() || v.skewed() {
		return time.Time{}
	}
	at := v.rotation().next
	if v.Object.Window != nil && !at.After(v.ServerNow) {
		if open, opens := v.Object.Window(v.ServerNow); !open {
			at = opens
		}
	}
	if !at.After(v.ServerNow) {
		return time.Time{}
	}
	return v.Now.Add(at.Sub(v.ServerNow))
}
