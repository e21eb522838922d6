package lifecycle

import (
	"cmp"
	"fmt"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// A token that is due may be replaced in place, or revoked before its successor is made, where a person asks for that: whoever has the
// old value is cut off until he has the new one. Either is written into the ledger before the vendor is asked, so that no process takes
// for somebody else's doing what another has begun.
//
// A value that was replaced in place is in the answer and nowhere else. Whether it was replaced is known to the process alone that
// asked. It asks once: if the answer does not come, or the process dies, nobody knows whether the value in the Secret works, and the next
// token is made.

// Strategy is how a token that works is replaced by time or on request.
type Strategy string

// The strategies.
const (
	// StrategyOverlap: both values work for a time.
	StrategyOverlap Strategy = ""
	// StrategyInPlace: the token is given another value.
	StrategyInPlace Strategy = "InPlace"
	// StrategyRevokeFirst: where there is no room for two, the token goes before its successor comes.
	StrategyRevokeFirst Strategy = "RevokeFirst"
)

// byTime tells whether the token in use is due by time or on request, and for no other reason.
func (v *view) byTime() bool {
	why := v.rotation().why
	return why != "" && v.successor() == why
}

// rollsInPlace tells whether the token in use is due and given another value. That makes no token live longer, nor gives it other
// rights: what ends, or is to be allowed something else, is replaced by another token.
func (v *view) rollsInPlace() bool {
	return v.Object.Strategy == StrategyInPlace && v.Issuer.Capabilities.Roll && v.usable() && v.byTime() && v.renewal().why == ""
}

// rollDoubted tells whether the value in the Secret may be dead: the vendor was asked to replace it, or another process may have asked.
func (v *view) rollDoubted() bool {
	if v.proof == nil || v.proof.Rolling == nil {
		return false
	}
	return v.proof.Rolling.By != v.Memory.Process || v.Memory.RollAsked >= v.proof.Rolling.Sequence
}

// RollDoubted tells whether the value in the Secret, as it was read, may be dead. A cache that is behind tells so, too.
func RollDoubted(o Observation) bool { return newView(o).rollDoubted() }

// withdrawRoll: a process that comes later must not take what never happened for something that may have.
func withdrawRoll(v *view) Decision {
	if v.proof == nil || v.proof.Rolling == nil || v.rollDoubted() || v.Secret.Presence != Owned || !v.Secret.ValueIntact {
		return nil
	}
	if v.rollsInPlace() && v.Memory.RollRefused != v.proof.Rolling.Sequence {
		return nil
	}
	record := v.nextLedger(v.proof.Current)
	record.Rolling = nil
	return Publish{Source: FromSecret, Ledger: record, Why: "its value is not replaced in place after all"}
}

// rollInPlace: the value of the token in use is replaced. Should the answer be lost, another token must be allowed.
func rollInPlace(v *view) Decision {
	if !v.rollsInPlace() || v.standing(v.proof.Current.ID) != standingActive || v.firstWait(issuerMints, notMissed, (*view).heldBack, budget, inTurn) != nil {
		return nil
	}
	if v.proof.Rolling == nil {
		record := v.nextLedger(v.proof.Current)
		record.Rolling = &ledger.Rolling{Sequence: v.nextSequence(), By: v.Memory.Process}
		return Publish{Source: FromSecret, Ledger: record, Why: "its value is about to be replaced in place"}
	}
	roll := Roll{
		ID: v.proof.Current.ID, Name: v.proof.Current.Name, Sequence: v.proof.Rolling.Sequence,
		Inputs: v.proof.Inputs, ExpiresAfter: v.proof.ExpiresAfter, Why: v.rotation().why,
	}
	if v.requested() {
		roll.Request = v.Object.Request.Text
	}
	return roll
}

// firstWait is what the first gate that is shut asks for; nil where all are open.
func (v *view) firstWait(gates ...func(*view) Decision) Decision {
	for _, gate := range gates {
		if wait := gate(v); wait != nil {
			return wait
		}
	}
	return nil
}

// rolledFits tells whether a value that was replaced in place may still be published: the Secret holds the value before it, and no token
// came in between. A sequence is never published twice.
func (v *view) rolledFits() bool {
	hand := v.Memory.InHand
	return v.hint.Current.ID == hand.Replaces && v.hint.Current.Sequence < hand.Sequence && !v.hint.Lists(hand.Token.ID)
}

// publishRolled: the Secret holds a value that is dead. Nothing but a Secret that cannot be written keeps the new one from it.
func publishRolled(v *view) Decision {
	hand := v.Memory.InHand
	writable := v.Object.Invalid == nil && v.Secret.Presence != Foreign && v.Object.Protected
	if hand == nil || hand.Cut != ledger.CutInPlace || !v.Object.Suspended || !writable {
		return nil
	}
	return publishInHand(v)
}

// publishRolledBeforeRetaining: what is left behind works.
func publishRolledBeforeRetaining(v *view) Decision {
	hand := v.Memory.InHand
	if !v.Object.Retain || hand == nil || hand.Cut != ledger.CutInPlace || v.Secret.Presence != Owned || v.Object.Invalid != nil {
		return nil
	}
	return publishInHand(v)
}

// handEntry is the ledger's entry of the token in hand. Its marker may have an earlier sequence than its value: restarts of consumers
// go by the ledger's.
func (v *view) handEntry() ledger.Entry {
	hand := v.Memory.InHand
	entry := entryOf(hand.Token)
	entry.Sequence, entry.Cut = cmp.Or(entry.Sequence, hand.Sequence), hand.Cut
	if hand.Cut != ledger.CutInPlace {
		return entry
	}
	entry.Sequence = hand.Sequence
	if v.hint != nil && entry.ExpiresAt.IsZero() {
		// An answer that is silent about its end says nothing of a longer life.
		entry.ExpiresAt = v.hint.Current.ExpiresAt
	}
	return entry
}

// handMade is when the value in hand was made.
func (v *view) handMade() time.Time {
	if v.Memory.InHand.Cut == ledger.CutInPlace {
		return v.Now
	}
	return mintTime(v.Memory.InHand.Token, v.Now)
}

// knownEntry is the ledger's entry of a row. Where values are replaced in place, what the ledger says of the sequence of its value is more
// than the marker tells.
func (v *view) knownEntry(row token.Token) ledger.Entry {
	entry := entryOf(row)
	if v.hint == nil || v.hint.Current.ID != row.ID || !v.Issuer.Capabilities.Roll {
		return entry
	}
	if told := v.hint.Current.Sequence; told > entry.Sequence && told <= entry.Sequence+maxHintLead {
		entry.Sequence, entry.Cut = told, v.hint.Current.Cut
	}
	return entry
}

// full tells whether there is no room for another token.
func (v *view) full() bool {
	most := v.Issuer.Capabilities.Slots
	return most > 0 && v.Snapshot.Active >= most
}

// revokesFirst tells whether the token in use is to be revoked before its successor is made. What was replaced before it makes room, too,
// and is waited for, unless that would be too late.
func (v *view) revokesFirst() bool {
	if v.Object.Strategy != StrategyRevokeFirst || !v.usable() || !v.byTime() || !v.full() {
		return false
	}
	urgent := v.renewal().why != "" || (v.requested() && v.Object.Request.Revoke)
	return urgent || !v.predecessorLives()
}

// revokeFirst: the token in use makes room for its successor, as late as can be: when all that a create needs is there but a place.
func revokeFirst(v *view) Decision {
	if !v.revokesFirst() || v.firstWait(issuerMints, notMissed, (*view).heldBack, unresolved, budget) != nil || !v.Issuer.CanRevoke {
		return nil
	}
	if last := v.lastRevocation(); !v.Snapshot.BegunAfter(last) {
		return Relist{After: last, Purpose: "see whether there is room"}
	}
	if !v.proof.Vacating {
		if v.lacksTurn() {
			return nil
		}
		record := v.nextLedger(v.proof.Current)
		record.Vacating = true
		return Publish{Source: FromSecret, Ledger: record, Why: "it is about to be revoked to make room for its successor"}
	}
	if written := v.Secret.WrittenAt.Add(-v.skew()); !v.Snapshot.BegunAfter(written) {
		return Relist{After: written, Purpose: "see whether there is no room indeed"}
	}
	return Revoke{ID: v.proof.Current.ID, Name: v.proof.Current.Name, Why: "its successor needs its place", Cuts: true}
}

// withdrawVacating: what is not due any more is not taken for the operator's doing when somebody else revokes it.
func withdrawVacating(v *view) Decision {
	if v.proof == nil || !v.proof.Vacating || !v.settled() || v.heldBack() != nil {
		return nil
	}
	record := v.nextLedger(v.proof.Current)
	record.Vacating = false
	return Publish{Source: FromSecret, Ledger: record, Why: "it is not revoked first after all"}
}

// vacated tells whether the operator has revoked the token that the Secret holds, to make room for its successor.
func (v *view) vacated() bool {
	return v.proof != nil && v.proof.Vacating && v.revoked(v.proof.Current.ID)
}

// vacating tells whether the token that the Secret holds may have been revoked by the operator: no list shows it as active since.
func (v *view) vacating() bool {
	return v.proof != nil && v.proof.Vacating && v.standing(v.proof.Current.ID) != standingActive
}

// crowded tells whether what a create has left takes the place that a token made for its successor: the Secret holds nothing of use, and
// lists all the same what is to go, since no publication follows that could.
func (v *view) crowded() bool {
	return v.vacating() && v.full() && v.Secret.Presence == Owned && v.Secret.ValueIntact
}

// strayRest is how long what a create may have left, where tokens have no names, stays before it is revoked. Where consumers wait for its
// place, that is no longer than it takes to see whether anybody uses it.
func (v *view) strayRest() time.Duration {
	if v.crowded() {
		return v.Settings.StrangerRest
	}
	return max(v.overlap(), v.Settings.StrangerRest)
}

// ownDoing tells whether the operator may itself have ended the token that the Secret holds.
func (v *view) ownDoing() bool { return v.proof.Vacating || v.proof.Rolling != nil }

// ofOwnDoing says of the next token that it takes the place of one which the operator has ended, or may have.
func (v *view) ofOwnDoing(issue *Issue) {
	switch {
	case v.vacated():
		issue.Why, issue.Planned, issue.Cut = "the one before it was revoked to make room", !v.tooYoung() || v.requested(), ledger.CutRevokeFirst
	case v.rollDoubted():
		issue.Why, issue.Planned = "it is not known whether the value was replaced in place", false
	}
}

// dueNow says of a token that is due what keeps it, and what comes of its consumers.
func (v *view) dueNow(why string) *Problem {
	due := "The token is to be replaced: " + why + ". "
	const cut = "Whatever holds the value that it has now is cut off then, until it has the new one."
	switch {
	case v.rollsInPlace():
		return &Problem{ReasonInPlace, due + "It is given another value in place. " + cut}
	case v.revokesFirst():
		return &Problem{ReasonRevokeFirst, due + "It is revoked first, since there is no room for two. " + cut}
	case v.full():
		return &Problem{ReasonWaitingForSlot, fmt.Sprintf("%sIt goes on working meanwhile. The vendor has %d tokens there, and room for %d. Delete one at the vendor that nobody uses, "+
			"or set spec.rotation.strategy to RevokeFirst, which cuts consumers off for a moment.", due, v.Snapshot.Active, v.Issuer.Capabilities.Slots)}
	default:
		return &Problem{ReasonRotationDue, due + "It goes on working meanwhile."}
	}
}

// cutOff says why consumers are cut off where the operator has ended the token that they have, or may have; nil where it has not.
func (v *view) cutOff() *Problem {
	switch {
	case !v.Issuer.Found || v.Object.Suspended:
		return nil
	case v.vacated():
		return &Problem{ReasonRevokeFirst, "The token was revoked to make room for its successor. Consumers are cut off until that is published and they have it."}
	case v.vacating():
		return &Problem{ReasonRevokeFirst, "The token was to be revoked to make room for its successor, and it is not known whether it was. Consumers may be cut off until that is published and they have it."}
	case v.rollDoubted():
		return &Problem{ReasonInPlace, "The vendor was asked to replace the token's value, and the new one is not published: consumers may be cut off until it is, or another token's, and they have it."}
	default:
		return nil
	}
}
