package lifecycle

import (
	"cmp"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// A token is replaced because it ends, because a person asks for it, or by its age. What can wait does so for the maintenance window,
// for the predecessor, as at most one replaced token is in use at a time, and for its turn, where many are due: that alone which is due
// by age.

// turnLasts is how long a turn is good for. Whoever could not go ahead by then asks anew: else all who could not would do so at once.
const turnLasts = time.Minute

// rotation is why a token that works is to be replaced, and what that waits for.
type rotation struct {
	// why is empty where it is not to be replaced now.
	why string
	// overrides: the maintenance window is not waited for. routine: it is due by age, and takes a turn.
	overrides, routine bool
	// waits is why it is not replaced although it is due; nil where it is replaced, or not due.
	waits *Problem
	// next is when it is to be replaced, by the API server's clock; zero for never.
	next time.Time
}

// rotation looks at everything that has to do with time and requests. The token in use works.
func (v *view) rotation() rotation {
	ends := v.renewal()
	switch {
	case ends.why != "":
		return ends
	case v.requested():
		return v.afterPredecessor(rotation{why: "a rotation was requested", next: v.Object.Request.At}, v.Object.Request.Revoke)
	case ends.waits != nil:
		return ends
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

// answered tells whether a person's request, if there is one, was answered: by the token that was made for it, or by a later one. Where
// the ledger is lost, what the list and the status tell of tokens counts: an old request is not taken for a new one.
func (v *view) answered() bool {
	asked := v.Object.Request
	if v.proof != nil {
		return asked.Text == v.proof.HandledRotateRequest || !asked.At.After(v.madeAt())
	}
	if v.answeredByHint() != "" || v.Object.HintIssuedAt.Add(v.Settings.MaxSkew).After(asked.At) {
		return true
	}
	return slices.ContainsFunc(v.Snapshot.Of(v.Object.Marker), func(row token.Token) bool {
		return row.IssuedAt.Add(v.Settings.MaxSkew).After(asked.At)
	})
}

// answeredByHint is the person's request where the status, or a ledger that cannot be believed, says that it was answered; empty where
// neither does. That can only spare a token.
func (v *view) answeredByHint() string {
	asked := v.Object.Request.Text
	if asked != "" && (asked == v.Object.HintHandled || (v.hint != nil && asked == v.hint.HandledRotateRequest)) {
		return asked
	}
	return ""
}

// madeAt is when the value in use was made: by the vendor's clock, or when it was published where the vendor does not say. What is said
// of a token whose value was replaced in place is when the token was made.
func (v *view) madeAt() time.Time {
	if made := v.proof.Current.IssuedAt; !made.IsZero() && v.proof.Current.Cut != ledger.CutInPlace {
		return made
	}
	return v.since(v.proof.Current)
}

// leaked tells whether a token that was replaced is to be revoked without overlap, since a person says so of what there was before his
// request: what was replaced for it or, where a later token had answered it already, what was made before it.
func (v *view) leaked(entry ledger.Entry) bool {
	asked := v.Object.Request
	switch {
	case !asked.Revoke || asked.Text == "" || v.proof == nil:
		return false
	case asked.Text == v.proof.HandledRotateRequest && v.proof.RotatedBy > 0:
		return 0 < entry.Sequence && entry.Sequence < v.proof.RotatedBy
	case asked.At.After(v.madeAt()) && asked.Text != v.proof.HandledRotateRequest:
		// Not answered yet. What goes with it anyway makes room for what answers it.
		return v.full() && v.olderThan(entry, asked.At)
	default:
		return v.olderThan(entry, asked.At)
	}
}

// olderThan tells whether the value of a token that was replaced is older than a time for certain, whoever's clock that is of.
func (v *view) olderThan(entry ledger.Entry, at time.Time) bool {
	known := entry.IssuedAt
	if entry.Cut == ledger.CutInPlace {
		// It is younger than its token, and older than its successor.
		known = entry.Since
	}
	return !known.IsZero() && known.Add(v.Settings.MaxSkew).Before(at)
}

// handled tells whether nothing is left to be done for a person's request.
func (v *view) handled() bool {
	return v.answered() && !slices.ContainsFunc(v.proof.Retiring, func(e ledger.Entry) bool { return v.leaked(e) && !v.revoked(e.ID) })
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
	due := v.afterPredecessor(rotation{why: "the token has reached its age", next: next, routine: true}, false)
	if due.why != "" && v.Settings.TakesTurns() && v.Memory.Turn.After(v.Now) {
		return rotation{next: next, waits: waitingForTurn(v.Memory.Turn)}
	}
	return due
}

// bornAged tells whether a token is to be replaced by its age long before the Secret has held it for so long: the vendor's clock is wrong,
// and its successor would be no better. That is nobody's plan.
func (v *view) bornAged() bool {
	return v.rotation().routine && v.byTime() && v.tooYoung()
}

// tooYoung tells whether the Secret has held the token for a small part of the interval alone.
func (v *view) tooYoung() bool {
	return v.Object.RotateEvery > 0 && v.ServerNow.Sub(v.since(v.proof.Current)) < v.Object.RotateEvery/2
}

// lacksTurn tells whether the token is to be replaced for its age alone, and has no turn.
func (v *view) lacksTurn() bool {
	if !v.Settings.TakesTurns() || !v.usable() {
		return false
	}
	return v.rotation().routine && v.byTime() && v.Now.Sub(v.Memory.Turn) >= turnLasts
}

// WantsTurn tells whether the token would be replaced by age now if it had a turn. Whoever could not go ahead takes none from others.
func WantsTurn(o Observation) bool {
	if o.Object.Deleting || !newView(o).lacksTurn() {
		return false
	}
	o.Memory.Turn = o.Now
	switch d := Plan(o).Decision.(type) { //nolint:gochecksumtype // nothing else replaces a token
	case Issue, Roll:
		return true
	case Publish:
		return d.Ledger.Rolling != nil || d.Ledger.Vacating
	case Revoke:
		return d.Cuts
	default:
		return false
	}
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

func waitingForTurn(turn time.Time) *Problem {
	return &Problem{ReasonWaitingForTurn, "Many tokens are to be replaced, and that is spread: this one's turn is at " + turn.UTC().Format(time.RFC3339) +
		". It goes on working; to have it replaced now, request a rotation."}
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
	due := v.rotation()
	if due.waits != nil && due.waits.Reason == ReasonWaitingForTurn {
		return v.Memory.Turn
	}
	at := due.next
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
