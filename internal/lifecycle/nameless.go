package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// A token without a name cannot be found again by it. What was there before a create is written down before the vendor is asked,
// in the status, signed. What is there afterwards and was not before is a stranger: it came of that create, or somebody else made
// it meanwhile. Only where nobody else does is it revoked; else a person decides.
//
// Where nothing lists the tokens, not even a stranger can be seen. The name that was asked for is written down, too, and is all
// that a person is told when the answer is lost.

// Attempt is a create of a token without a name, as it was written down before the vendor was asked.
type Attempt struct {
	Sequence int
	// Name is what was asked for, where nothing lists the token that may have come of it.
	Name string
	// Before are the tokens that were there: none of them came of it.
	Before []token.ID
	// VendorTime is the vendor's clock, StartedAt the operator's, when it was written.
	VendorTime, StartedAt time.Time
	// Earlier are tokens that creates before this one left, where nobody else makes any.
	Earlier []token.ID
	// Further: strangers of an earlier create were there already. There is no third.
	Further bool
	// Reported: a person has been told of the token that may have come of it. Only where nothing lists it.
	Reported bool
	// Proved: the operator wrote it.
	Proved bool
}

const (
	// createTime is the longest that a create takes, from the writing of the attempt on.
	createTime = time.Minute
	// clockGrain is how coarse a vendor's clock may be.
	clockGrain = 2 * time.Second
)

// AttemptWindow is how long after an attempt its token may have been made. Nobody else's create at the same place begins within.
func AttemptWindow(settle time.Duration) time.Duration { return createTime + settle + 2*clockGrain }

// Outlived tells whether too much time has passed since the attempt was written for the vendor to be asked now: what came of that would be
// taken for somebody else's.
func (a *Attempt) Outlived(now time.Time) bool { return now.Sub(a.StartedAt) > createTime/2 }

// named tells whether tokens have names that a list shows.
func (v *view) named() bool { return v.Issuer.Capabilities.Named }

// unlisted tells whether nothing lists the tokens. Of a vendor that was not looked at nobody knows.
func (v *view) unlisted() bool { return v.Issuer.CanList && !v.Issuer.Capabilities.Listable }

// mayLive tells whether a token has to be revoked: a list shows it as active or, where there is none, nobody has said that it ended.
func (v *view) mayLive(id token.ID) bool {
	return v.standing(id) == standingActive || (v.unlisted() && !v.revoked(id))
}

// openAttempt is the create of which nothing was published; nil for none.
func (v *view) openAttempt() *Attempt {
	attempt := v.Object.Attempt
	if attempt == nil || v.named() || (v.proof != nil && v.proof.Current.Sequence >= attempt.Sequence) {
		return nil
	}
	return attempt
}

// unanswered is the open attempt where nobody knows what came of it; nil where this process does.
func (v *view) unanswered() *Attempt {
	attempt, hand := v.openAttempt(), v.Memory.InHand
	if attempt == nil || (hand != nil && hand.Sequence == attempt.Sequence) || (attempt.Proved && attempt.Sequence == v.Memory.Answered) {
		return nil
	}
	return attempt
}

// attemptSettled is when whatever came of the open attempt is in every list that begins later; zero where none is open.
func (v *view) attemptSettled() time.Time {
	attempt := v.openAttempt()
	if attempt == nil {
		return time.Time{}
	}
	return later(attempt.StartedAt, v.latestUncertainty()).Add(v.Settings.Settle)
}

// strangers are the tokens that may have come of the open attempt, oldest first.
func (v *view) strangers() []token.Token {
	attempt := v.unanswered()
	if attempt == nil {
		return nil
	}
	var strangers []token.Token
	for _, row := range v.Snapshot.Rows {
		if !v.active(row) || v.proof.Knows(row.ID) || slices.Contains(attempt.Before, row.ID) || v.Issuer.Acknowledged[row.ID] {
			continue
		}
		early := row.IssuedAt.Before(attempt.VendorTime.Add(-clockGrain))
		late := row.IssuedAt.After(attempt.VendorTime.Add(createTime + v.Settings.Settle))
		if row.IssuedAt.IsZero() || attempt.VendorTime.IsZero() || (!early && !late) {
			strangers = append(strangers, row)
		}
	}
	slices.SortFunc(strangers, func(a, b token.Token) int { return a.IssuedAt.Compare(b.IssuedAt) })
	return strangers
}

// ours is the stranger that nobody else can have made; false where that cannot be told.
func (v *view) ours() (token.Token, bool) {
	strangers, attempt := v.strangers(), v.openAttempt()
	if len(strangers) != 1 || !v.Snapshot.BegunAfter(v.attemptSettled()) || !attempt.Proved || !v.Issuer.Exclusive || attempt.VendorTime.IsZero() || strangers[0].IssuedAt.IsZero() {
		return token.Token{}, false
	}
	return strangers[0], unused(strangers[0], v.Issuer.Capabilities)
}

func unused(row token.Token, capabilities token.Capabilities) bool {
	return capabilities.ShowsLastUse && row.LastUsedAt.IsZero()
}

// namelessStrays are what creates left that nobody else can have made: they are listed with the next publication. What a person has
// decided about stays.
func (v *view) namelessStrays() []token.Token {
	attempt := v.openAttempt()
	if attempt == nil || !attempt.Proved || !v.Issuer.Exclusive {
		return nil
	}
	var strays []token.Token
	for _, id := range attempt.Earlier {
		row, listed := v.Snapshot.Rows[id]
		if listed && v.active(row) && !v.proof.Knows(id) && !v.Issuer.Acknowledged[id] && unused(row, v.Issuer.Capabilities) {
			strays = append(strays, row)
		}
	}
	if stray, certain := v.ours(); certain {
		strays = append(strays, stray)
	}
	return strays
}

// usedStranger tells whether a stray without a name has been used after all: somebody has its value.
func (v *view) usedStranger(entry ledger.Entry) bool {
	row, listed := v.Snapshot.Rows[entry.ID]
	return !v.named() && entry.Sequence == 0 && listed && !unused(row, v.Issuer.Capabilities)
}

// nextAttempt is what is to be written down before the next create; nil where its name tells it all.
func (v *view) nextAttempt(sequence int) *Attempt {
	if v.named() {
		return nil
	}
	attempt := &Attempt{Sequence: sequence, StartedAt: v.Now, Proved: true, Further: len(v.strangers()) > 0}
	if v.unlisted() {
		attempt.Name, attempt.Further = v.nameOf(sequence), v.undecided()
	}
	for id := range v.Snapshot.Rows {
		attempt.Before = append(attempt.Before, id)
	}
	slices.Sort(attempt.Before)
	if !v.Snapshot.VendorTime.IsZero() {
		attempt.VendorTime = v.Snapshot.VendorTime.Add(v.Now.Sub(v.Snapshot.StartedAt))
	}
	for _, stray := range v.namelessStrays() {
		attempt.Earlier = append(attempt.Earlier, stray.ID)
	}
	return attempt
}

// awaitAttempt: what a create may have left is in a list that begins when the vendor must have committed it. That another process has
// published a token meanwhile does not end the search.
func awaitAttempt(v *view) Decision {
	after := v.attemptSettled()
	if after.IsZero() || v.unlisted() || v.Snapshot.BegunAfter(after) {
		return nil
	}
	return Relist{After: after, Purpose: "see what the last create left"}
}

// reportUnlisted: what nothing lists is told to a person at once, by the name that was asked for. No waiting tells more.
func reportUnlisted(v *view) Decision {
	attempt := v.unanswered()
	if attempt == nil || !v.unlisted() || (attempt.Reported && attempt.Proved) {
		return nil
	}
	told := *attempt
	if !told.Proved {
		// Whoever else can write a status has no word in the issuer's.
		told.Name = v.nameOf(max(told.Sequence, firstSequence))
	}
	return Report{Unlisted: &told}
}

// undecided tells whether a token that may have come of an earlier create for this object waits for a person's word.
func (v *view) undecided() bool {
	for name := range v.Issuer.ReportedNames {
		if _, marker, ok := token.ParseName(name); ok && marker.SameIncarnation(v.Object.Marker) {
			return true
		}
	}
	return false
}

// reportStrangers: a person decides what becomes of tokens that may be ours, also when this object is gone. Where nothing is issued
// any more without a person, nothing lists what is certainly ours, either.
func reportStrangers(v *view) Decision {
	if v.unlisted() {
		return nil
	}
	told := v.strangers()
	if _, certain := v.ours(); certain {
		told = nil
	}
	if (v.stuck() || v.blocked()) && !v.usable() && !v.Object.Deleting {
		told = append(told, v.namelessStrays()...)
	}
	var ids []token.ID
	for _, stranger := range told {
		if !v.Issuer.Reported[stranger.ID] {
			ids = append(ids, stranger.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return Report{IDs: ids}
}

// blocked tells whether there is no room for the token that would list what creates have left, and no Secret that can do so without it.
func (v *view) blocked() bool { return v.full() && !v.crowded() }

// stuck tells whether two creates in a row were not answered, and the second left something, too.
func (v *view) stuck() bool {
	attempt := v.openAttempt()
	return attempt != nil && attempt.Further && len(v.strangers()) > 0
}

// revokeStranger: at a deletion nothing is published any more that could list it first.
func revokeStranger(v *view) Decision {
	for _, stray := range v.namelessStrays() {
		return Revoke{ID: stray.ID, Why: "the GatewayToken is deleted, and a create that was not answered left it"}
	}
	return nil
}

// reportKept: what is retained and no Secret holds is in nobody's hands, and no list tells whose it is.
func reportKept(v *view) Decision {
	if v.named() || v.keeps() == "" || v.Secret.Presence == Owned || v.revoked(v.keeps()) {
		return nil
	}
	kept := v.proof.Current
	if v.Issuer.Reported[kept.ID] || v.Issuer.ReportedNames[kept.Name] {
		return nil
	}
	return Report{Kept: &kept}
}

// slots: where the vendor has room for a few only, it is not asked in vain. What this object had before makes room when its time has
// come, and nobody else's token does.
func slots(v *view) Decision {
	if !v.full() {
		return nil
	}
	if revoke := revokeDue(v); revoke != nil {
		return revoke
	}
	if last := v.lastRevocation(); !last.IsZero() && !v.Snapshot.BegunAfter(last) {
		return Relist{After: last, Purpose: "see whether there is room"}
	}
	if v.crowded() {
		if condemn := condemnStrays(v); condemn != nil {
			return condemn
		}
	}
	return Wait{Until: v.nextRetirement(), Problem: Problem{ReasonQuotaExceeded, fmt.Sprintf("The vendor has %d tokens there, and room for %d. Delete one at the vendor that nobody uses; work goes on by itself.",
		v.Snapshot.Active, v.Issuer.Capabilities.Slots)}}
}

// unresolved: creates of tokens without names follow one another, and stop when two in a row left what cannot be told.
func unresolved(v *view) Decision {
	if v.named() {
		return nil
	}
	if v.unlisted() {
		return v.undecidedTwice()
	}
	if v.Issuer.HeldUntil.After(v.Now) {
		return Wait{Problem: Problem{ReasonIssuerNotReady, "Another token is being issued at the same place; tokens without names are issued one after the other."}, Until: v.Issuer.HeldUntil}
	}
	if v.stuck() {
		return Stall{Problem{ReasonPossibleOrphans, "Two creates in a row were not answered, and each may have left a token that cannot be told from somebody else's. " +
			"See status.possibleOrphans of the issuer: delete at the vendor what nobody uses. Nothing is issued until then."}}
	}
	return nil
}

// undecidedTwice: where nothing lists what creates leave, one more is made than were answered, and none after that.
func (v *view) undecidedTwice() Decision {
	if attempt := v.openAttempt(); attempt == nil || !attempt.Further || !v.undecided() {
		return nil
	}
	return Stall{Problem{ReasonPossibleOrphans, "Two creates in a row were not answered, and each may have left a token that nothing lists. " +
		"See status.possibleOrphans of the issuer: revoke at the vendor what is there under those names, and acknowledge each. Nothing is issued until then."}}
}

// revokeInHand: a token that was made and never published is known to nobody else, and to no list by its name.
func revokeInHand(v *view) Decision {
	hand := v.Memory.InHand
	if hand == nil || v.named() || v.proof.Knows(hand.Token.ID) || v.revoked(hand.Token.ID) {
		return nil
	}
	if wait := v.heldBack(); wait != nil {
		return wait
	}
	return Revoke{ID: hand.Token.ID, Why: "the GatewayToken is deleted, and this was not published yet"}
}

// strikeOff: what is revoked, and nothing lists, would be taken for active again by a process that was not there.
func strikeOff(v *view) Decision {
	if !v.unlisted() || !v.usable() {
		return nil
	}
	for _, entry := range slices.Concat(v.proof.Retiring, v.proof.Condemned) {
		if v.revoked(entry.ID) {
			return Publish{Source: FromSecret, Ledger: v.nextLedger(v.proof.Current), Why: "a token that was replaced is revoked"}
		}
	}
	return nil
}

// placeGone: a gateway that was deleted has taken its tokens with it.
func placeGone(v *view) Decision {
	if !v.Issuer.Gone {
		return nil
	}
	if v.Secret.Presence == Owned && !v.Secret.Terminating {
		return DeleteSecret{}
	}
	return Release{}
}
