package lifecycle

import (
	"cmp"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/sabotage"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// maxHintLead bounds how far a status or an unsigned ledger, which people can write, may push the sequence ahead of what a
// signed ledger and the vendor know.
const maxHintLead = 10_000

// firstSequence is that of an object's first token: the one create that its spec causes, so that it does not count against
// the mint budget.
const firstSequence = 1

// identityClash: two objects with one marker could not tell their tokens apart.
func identityClash(v *view) Decision {
	if v.Object.Twin == "" {
		return nil
	}
	return Stall{Problem{ReasonIdentityClash, "This GatewayToken and " + v.Object.Twin +
		" would carry the same marker at the vendor. Delete one of them and create it under another name."}}
}

// undo: a token under another name, or in another account, than the one asked for is in no list that is looked at.
func undo(v *view) Decision { return v.undo(false) }

// undoContested: nothing else waits for what the vendor refused to revoke.
func undoContested(v *view) Decision {
	if v.heldBack() != nil && !v.Object.Deleting {
		return nil
	}
	return v.undo(true)
}

// undo revokes a token that can never be used: one whose revocation the vendor has refused as a conflict, or one of the others.
func (v *view) undo(contested bool) Decision {
	at := slices.IndexFunc(v.Memory.Undo, func(id token.ID) bool { return v.Memory.Contested[id] == contested })
	if at < 0 || !v.Issuer.CanRevoke {
		return nil
	}
	if wait := v.heldBack(); wait != nil {
		return wait
	}
	return Revoke{ID: v.Memory.Undo[at], Why: "it was made and can never be used"}
}

// protectOwner: a restored object has its Secret and lacks its finalizer.
func protectOwner(v *view) Decision {
	if v.Object.Protected || v.Secret.Presence != Owned {
		return nil
	}
	return Protect{}
}

// suspended: everything but deletion stands still.
func suspended(v *view) Decision {
	if !v.Object.Suspended {
		return nil
	}
	return Rest{Next: v.meanwhile()}
}

// invalidSpec: what CEL cannot see. A Secret that is in use stays as it is.
func invalidSpec(v *view) Decision {
	if v.Object.Invalid == nil {
		return nil
	}
	return Stall{*v.Object.Invalid}
}

// secretConflict: a Secret that is not ours is never overwritten, and no token is minted for which there is no place.
func secretConflict(v *view) Decision {
	if v.Secret.Presence != Foreign {
		return nil
	}
	return Stall{Problem{ReasonSecretConflict, "A Secret of this name exists that this GatewayToken does not own; it is left untouched. " +
		"Delete or rename it, choose another GatewayToken name or secret.name, or set secret.adopt: IfUnowned to take it over."}}
}

// protect: the finalizer is there before anything exists that it must outlive.
func protect(v *view) Decision {
	if v.Object.Protected {
		return nil
	}
	if v.Issuer.Known && v.Issuer.Found && v.Issuer.Protected && v.Issuer.CanMint && v.Issuer.Granted && !v.Issuer.Terminating {
		return Protect{}
	}
	return nil
}

// publishInHand: a minted value exists nowhere but in memory. If only the write failed, only the write is repeated.
func publishInHand(v *view) Decision {
	if !v.handFits() {
		return nil
	}
	hand := v.Memory.InHand
	entry := v.handEntry()
	record := v.nextLedger(entry)
	record.Account = cmp.Or(hand.Token.Account, v.Issuer.Account)
	if hand.Request != "" {
		record.HandledRotateRequest, record.RotatedBy = hand.Request, record.Current.Sequence
	}
	record.Inputs, record.ExpiresAfter = hand.Inputs, hand.ExpiresAfter
	made := ledger.Mint{Sequence: record.Current.Sequence, At: v.handMade(), BySpec: hand.Planned}
	record.Mints = remember(record.Mints, made)
	return Publish{Source: FromHand, Ledger: record, Why: "a new token was issued"}
}

// repairFromSecret: labels, annotations and other keys are put right with the value in hand. No vendor is needed.
func repairFromSecret(v *view) Decision {
	if !v.usable() || v.Memory.RepairAfter.After(v.Now) {
		return nil
	}
	if v.previousOver() {
		return rewrite(v.nextLedger(v.proof.Current), "the value before is of no use any more")
	}
	if v.Secret.Drifted {
		return Publish{Source: FromSecret, Ledger: v.nextLedger(v.proof.Current), Why: "the Secret was not as the spec wants it"}
	}
	if v.Secret.Trust != ledger.Proof && v.Secret.Ledger.ValueDigest == v.proof.ValueDigest {
		return Publish{Source: FromSecret, Ledger: v.nextLedger(v.proof.Current), Why: "its ledger was not the one that was written"}
	}
	return nil
}

// issuerUnknown: after a start, conditions stay as they are until the issuer has been looked at.
func issuerUnknown(v *view) Decision {
	if v.Issuer.Known {
		return nil
	}
	return Rest{}
}

// issuerOutOfReach: what the Secret already holds goes on being used. For anything new a person must choose another issuer, or run the
// operator another way.
func issuerOutOfReach(v *view) Decision {
	switch {
	case !v.Issuer.OutOfReach:
		return nil
	case v.usable():
		return Rest{Next: v.meanwhile()}
	default:
		return Stall{v.Issuer.Problem}
	}
}

// issuerUnusable: an issuer that is missing or in trouble does not lower what the Secret already holds.
func issuerUnusable(v *view) Decision {
	if v.Issuer.Found && v.Issuer.CanList {
		return nil
	}
	if v.usable() {
		return Rest{Next: v.meanwhile()}
	}
	return Wait{Problem: v.Issuer.Problem}
}

// accountChanged: in another vendor account our tokens are not there to be seen, and its tokens are not ours.
func accountChanged(v *view) Decision {
	if !v.otherAccount() {
		return nil
	}
	if v.usable() && !v.Object.Deleting {
		return Rest{Next: v.meanwhile()}
	}
	return Wait{Problem: Problem{ReasonAccountChanged, accountChangedMessage(v.hint.Account, v.Issuer.Account)}}
}

// notGranted: without a grant there is no vendor call for anything new, and no word of the issuer's own troubles. A usable
// Secret stays, and so does its revocation.
func notGranted(v *view) Decision {
	if v.usable() || !v.Issuer.Found || v.Issuer.Granted {
		return nil
	}
	return Stall{Problem{ReasonNotGranted, v.Issuer.NotGranted}}
}

// issuerTerminating: an issuer that is being deleted issues no first token. It goes on serving those who have one.
func issuerTerminating(v *view) Decision {
	if !v.Issuer.Terminating || v.hint != nil || len(v.mine) > 0 {
		return nil
	}
	return Stall{Problem{ReasonIssuerTerminating, "The issuer is being deleted: no token is issued from it. Use another issuer."}}
}

// confirmGone: a list of a vendor that drops what is revoked is a reason to ask, not yet an answer.
func confirmGone(v *view) Decision {
	if v.proof == nil || v.rollDoubted() || v.Issuer.Capabilities.KeepsRevoked || v.standing(v.proof.Current.ID) != standingUnlisted {
		return nil
	}
	if !v.Issuer.Capabilities.GetByID {
		return Relist{After: v.Snapshot.StartedAt, Purpose: "see whether the token is gone"}
	}
	if v.heldBack() != nil {
		return nil
	}
	return Confirm{ID: v.proof.Current.ID}
}

// reportRevocation: the owner wants to decide what follows a revocation by somebody else.
func reportRevocation(v *view) Decision {
	if !v.Object.ReportRevocation || v.proof == nil || v.Snapshot.Missed[v.proof.Current.ID] || v.ownDoing() || v.expired() || !v.revoked(v.proof.Current.ID) {
		return nil
	}
	return Stall{Problem{ReasonRevokedAtVendor, "Token " + string(v.proof.Current.ID) + " was revoked at the vendor by somebody else, and onRemoteRevocation is Report. " +
		"Set it to Reissue, or delete the Secret, to have a new token issued."}}
}

// awaitList: whether a token exists already is told only by a list that began after every earlier attempt had ended. Of tokens without
// names, also that of any other object at the same place: what came of it was there before the next.
func awaitList(v *view) Decision {
	after := v.latestUncertainty()
	if !v.named() {
		after = later(after, v.Issuer.LastCreateEnded)
	}
	if v.settled() || v.unlisted() || v.Snapshot.BegunAfter(after) || sabotage.MintUnseen {
		return nil
	}
	return Relist{After: after, Purpose: "see whether a token exists already"}
}

// signAgain: the key was lost or the ledger edited, but the value is the one it was and the token is alive.
func signAgain(v *view) Decision {
	if v.proof != nil || v.hint == nil || v.hint.Rolling != nil || !v.Secret.ValueIntact || !slices.ContainsFunc(v.mine, hasID(v.hint.Current.ID)) {
		return nil
	}
	row := v.Snapshot.Rows[v.hint.Current.ID]
	record := v.nextLedger(v.knownEntry(row))
	record.Current.Since = earlier(v.since(v.hint.Current), v.Secret.WrittenAt)
	record.Account = cmp.Or(row.Account, v.Issuer.Account)
	return Publish{Source: FromSecret, Ledger: record, Why: "the Secret's ledger had no valid signature"}
}

func hasID(id token.ID) func(token.Token) bool {
	return func(t token.Token) bool { return t.ID == id }
}

// adopt: a token of ours that exists, whose value can be read, and that would do, is used rather than another minted:
// the answer to its create was lost, or the Secret was.
func adopt(v *view) Decision {
	if v.settled() || !v.Issuer.Capabilities.ValueReadable {
		return nil
	}
	chosen, ok := v.adoptable()
	if !ok {
		return nil
	}
	if wait := v.heldBack(); wait != nil {
		return wait
	}
	if v.Memory.ReadAfter.After(v.Now) {
		return Wait{Problem: Problem{ReasonRepairPaced, "The Secret had to be restored from the vendor again and again; the next time waits. Find who deletes or edits it."}, Until: v.Memory.ReadAfter}
	}
	record := v.nextLedger(v.knownEntry(chosen))
	record.Account = cmp.Or(chosen.Account, v.Issuer.Account)
	if v.usable() {
		made := ledger.Mint{Sequence: record.Current.Sequence, At: mintTime(chosen, v.Now), BySpec: true}
		record.Mints = remember(record.Mints, made)
		if v.requested() {
			record.HandledRotateRequest, record.RotatedBy = v.Object.Request.Text, record.Current.Sequence
		}
	}
	return Publish{Source: FromVendor, Ledger: record, Why: "the token exists already and its value can be read again"}
}

// adoptable chooses the token to use: the one the Secret should hold if it lives, else the best that no ledger lists. Where a token
// works, its successor must have been made since it was due.
func (v *view) adoptable() (token.Token, bool) {
	if v.usable() {
		return v.successorMade()
	}
	if v.proof != nil {
		if row, listed := v.Snapshot.Rows[v.proof.Current.ID]; listed && v.active(row) {
			return row, true
		}
	}
	for _, row := range v.mine {
		if !v.proof.Lists(row.ID) {
			return row, true
		}
	}
	return token.Token{}, false
}

// successorMade finds what a create left that was not answered, at a vendor whose tokens are all alike.
func (v *view) successorMade() (token.Token, bool) {
	due := v.rotation()
	for _, row := range v.mine {
		if due.why != "" && !v.proof.Knows(row.ID) && sequenceOf(row) > v.proof.Current.Sequence && !row.IssuedAt.Before(due.next.Truncate(time.Second)) {
			return row, true
		}
	}
	return token.Token{}, false
}

// doubtList: before a mint, the list must show every token that is known of.
func doubtList(v *view) Decision {
	if v.settled() {
		return nil
	}
	if id, missing := v.missing(); missing {
		return Wait{Problem: notListed(id)}
	}
	return nil
}

// mint: nothing that exists would do.
func mint(v *view) Decision {
	if v.settled() || v.rollsInPlace() {
		return nil
	}
	switch wait := v.firstWait(issuerMints, notMissed, (*view).heldBack, slots, unresolved, budget, inTurn); {
	case wait == nil && sabotage.RevokeFirst && v.usable():
		return Revoke{ID: v.proof.Current.ID, Name: v.proof.Current.Name, Why: "it is to be replaced"}
	case wait == nil:
		return v.nextIssue()
	case v.usable():
		// The token that is there goes on working meanwhile, and so does everything else that is to be done.
		return nil
	default:
		return wait
	}
}

// inTurn: many that are due by age are not all replaced at once.
func inTurn(v *view) Decision {
	if !v.lacksTurn() {
		return nil
	}
	return Wait{Problem: Problem{ReasonWaitingForTurn, "The token is replaced when it is its turn."}}
}

// shortLife is less than any life that can be asked for.
const shortLife = 10 * time.Minute

// nextIssue is the create of the next token.
func (v *view) nextIssue() Issue {
	sequence := v.nextSequence()
	issue := Issue{
		Name:     v.nameOf(sequence),
		Sequence: sequence,
		Role:     v.Object.Role, Rights: v.Object.Rights, Inputs: v.Object.Inputs, ExpiresAfter: v.Object.ExpiresAfter,
		Planned: sequence == firstSequence,
		Why:     "there is no token yet",
		Attempt: v.nextAttempt(sequence),
	}
	if issue.Attempt != nil {
		issue.Name = issue.Attempt.Name
	}
	if v.requested() {
		issue.Request = v.Object.Request.Text
	}
	if v.Object.ExpiresAfter > 0 {
		issue.ExpiresAt = v.ServerNow.Add(v.Object.ExpiresAfter).Truncate(time.Second)
	}
	if v.hint == nil {
		return issue
	}
	issue.Replaces = v.hint.Current.ID
	switch {
	case v.proof != nil && v.expired():
		// A token that had ended when it was made is nobody's plan.
		issue.Why, issue.Planned = "the token has ended", v.ServerNow.Sub(v.since(v.proof.Current)) > shortLife
	case v.revoked(v.hint.Current.ID):
		issue.Why, issue.Ended = "the token was revoked at the vendor", true
	case v.usable():
		issue.Why, issue.Planned, issue.Overrides = v.successor(), !v.bornAged(), v.rotation().overrides
	default:
		issue.Why = "the value is lost and the vendor does not show it again"
	}
	v.ofOwnDoing(&issue)
	return issue
}

// nameOf is the name of the token with that sequence at the vendor.
func (v *view) nameOf(sequence int) string {
	return v.Object.Marker.WithSequence(sequence).Name(v.Object.BaseName, v.Issuer.Capabilities.MaxNameLength)
}

// driftPause is how long rights that somebody else changes again and again are left as they are.
const driftPause = time.Hour

// changeRights: where the vendor can, the token that is there is allowed something else: because the spec asks for it, or because
// somebody has changed it at the vendor.
func changeRights(v *view) Decision {
	asked := v.rightsDiffer() && v.Memory.Changed != v.Object.Inputs
	if !asked && (!v.rightsDrifted() || v.Now.Before(v.Memory.ChangedAt.Add(driftPause))) {
		return nil
	}
	if v.standing(v.proof.Current.ID) != standingActive || !v.Issuer.CanMint || !v.Issuer.Granted || v.heldBack() != nil {
		return nil
	}
	if asked && v.proof.Changing != v.Object.Inputs {
		if v.changesCalm().After(v.Now) {
			return nil
		}
		// Whoever comes next must know what was asked for, should the spec be another by then.
		record := v.nextLedger(v.proof.Current)
		record.Changing = v.Object.Inputs
		return Publish{Source: FromSecret, Ledger: record, Why: "the token is about to be given other rights"}
	}
	return Change{ID: v.proof.Current.ID, Role: v.Object.Role, Rights: v.Object.Rights, Inputs: v.Object.Inputs}
}

// changesCalm is when the vendor can carry out no more changes whose answers were lost. As long as it can, the token is not asked to be
// changed to something else, which would be undone, nor is it forgotten what was asked for. Zero where none is open.
func (v *view) changesCalm() time.Time {
	open := v.Memory.ChangeDoubted
	if v.proof != nil && v.proof.Changing != v.Memory.Intended {
		// A process before this one may have asked for it.
		open = later(open, v.Memory.LeaderSince)
	}
	if open.IsZero() {
		return open
	}
	return open.Add(v.Settings.Settle)
}

// noteRights: once the vendor has changed them, the ledger says what they are. Before that, they would be changed again, which
// does no harm.
func noteRights(v *view) Decision {
	if !v.rightsDiffer() || v.Memory.Changed != v.Object.Inputs || v.changesCalm().After(v.Now) {
		return nil
	}
	record := v.nextLedger(v.proof.Current)
	record.Inputs, record.Changing = v.Object.Inputs, ""
	return Publish{Source: FromSecret, Ledger: record, Why: "the token was given other rights"}
}

// rightsDiffer tells whether the token in use has other rights than the spec asks for, and can be given them.
func (v *view) rightsDiffer() bool {
	if !v.usable() || !v.Issuer.Capabilities.UpdateInPlace {
		return false
	}
	// A spec that is again what the ledger says does not undo what the vendor was asked for meanwhile.
	changed := v.Memory.Changed
	return v.proof.Inputs != v.Object.Inputs || v.proof.Changing != "" || (changed != "" && changed != v.Object.Inputs)
}

// rightsDrifted tells whether a list shows other rights of the token in use than were asked for. What a role stands for is the
// vendor's to say.
func (v *view) rightsDrifted() bool {
	if !v.usable() || !v.Issuer.Capabilities.UpdateInPlace || len(v.Object.Rights) == 0 || !v.Snapshot.BegunAfter(v.Memory.ChangedAt) {
		return false
	}
	row, listed := v.Snapshot.Rows[v.proof.Current.ID]
	return listed && len(row.Rights) > 0 && !slices.Equal(row.Rights, v.Object.Rights)
}

// issuerMints: creates need the user's own credentials, accepted, and an issuer that cannot go away under the token.
func issuerMints(v *view) Decision {
	if v.usable() && !v.Issuer.Granted {
		return Wait{Problem: Problem{ReasonNotGranted, v.Issuer.NotGranted}}
	}
	if v.Issuer.CanMint && v.Issuer.Protected {
		return nil
	}
	if v.Issuer.CanMint {
		return Wait{Problem: Problem{ReasonIssuerNotReady, "The issuer is about to be protected from deletion while this token needs it."}}
	}
	return Wait{Problem: v.Issuer.Problem}
}

// nextSequence follows everything that may have been used: ledger, list (revoked rows included) and status. What people can
// write counts within bounds: a sequence that no name can carry, or the same one again and again, would defeat list and budget.
func (v *view) nextSequence() int {
	// Of two ledgers that are proof the older one may have been put back.
	last := max(v.proof.LastSequence(), v.Object.Record.LastSequence())
	for _, row := range v.Snapshot.Of(v.Object.Marker) {
		last = max(last, sequenceOf(row))
	}
	known := last
	hints := []int{v.hint.LastSequence(), v.Object.HintSequence}
	if attempt := v.Object.Attempt; attempt != nil {
		// Whether a name may be used twice is not known. Without names, the number tells attempts apart.
		hints = append(hints, attempt.Sequence)
	}
	for _, hint := range hints {
		if hint <= known+maxHintLead {
			last = max(last, hint)
		}
	}
	for v.Memory.Taken[last+1] {
		last++
	}
	return min(last+1, token.MaxSequence)
}

// budget: whatever goes wrong, creates that no spec caused are bounded. They are counted from the vendor's list and the
// ledger, so that a restart does not reset the count.
func budget(v *view) Decision {
	for _, limit := range []struct {
		count int
		per   time.Duration
		text  string
	}{{v.Settings.MintsPerHour, time.Hour, "hour"}, {v.Settings.MintsPerDay, 24 * time.Hour, "day"}} {
		within := v.mintsWithin(limit.per)
		if limit.count > 0 && len(within) >= limit.count {
			until := within[len(within)-limit.count].Add(limit.per)
			return Wait{Problem: Problem{ReasonMintBudgetSpent, "Too many tokens were issued for this GatewayToken within one " + limit.text +
				" without the spec asking for them; the next is issued when that has passed. Look for whoever revokes the tokens or deletes their values."}, Until: until}
		}
	}
	return nil
}

// mintsWithin are the times of the latest creates that no spec caused. What a vendor drops from its list, or dates wrongly, this process
// remembers.
func (v *view) mintsWithin(per time.Duration) []time.Time {
	long := func(at time.Time) bool { return !at.After(v.Now.Add(-per)) }
	listed := slices.DeleteFunc(v.unplannedMints(), long)
	remembered := slices.DeleteFunc(slices.Clone(v.Memory.Creates), long)
	if len(remembered) > len(listed) {
		return remembered
	}
	return listed
}

// unplannedMints are the times of creates that no spec caused, earliest first.
func (v *view) unplannedMints() []time.Time {
	at := map[int]time.Time{}
	planned := map[int]bool{firstSequence: true}
	for _, row := range v.Snapshot.Of(v.Object.Marker) {
		if !v.foreign(row) {
			at[sequenceOf(row)] = row.IssuedAt
		}
	}
	if v.proof != nil && v.proof.Incarnation == v.Object.Marker.Incarnation {
		for _, made := range v.proof.Mints {
			at[made.Sequence] = made.At
			planned[made.Sequence] = planned[made.Sequence] || made.BySpec
		}
	}
	var times []time.Time
	for sequence, issued := range at {
		if !planned[sequence] {
			times = append(times, issued)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	return times
}

// condemnStrays: a stray is revoked only after the Secret lists it. From then on no process can publish it: one that
// read the Secret before has its write refused, one that reads it after sees the entry.
func condemnStrays(v *view) Decision {
	if !v.usable() && !v.crowded() {
		return nil
	}
	next := v.nextLedger(v.proof.Current)
	for _, stray := range v.strays() {
		if sabotage.RevokeUnlisted {
			return Revoke{ID: stray.ID, Name: stray.Name, Why: "nobody needs it"}
		}
		if next.Lists(stray.ID) {
			return Publish{Source: FromSecret, Ledger: next, Why: "tokens of this object were found that nobody needs"}
		}
	}
	retiring, condemned := v.putBack()
	for _, entry := range slices.Concat(retiring, condemned) {
		if next.Lists(entry.ID) {
			return Publish{Source: FromSecret, Ledger: next, Why: "the Secret was put back, and its ledger lacks what was made since"}
		}
	}
	return nil
}

// dueFirst: what is to be done about tokens that nobody needs waits for no further token, which may not come for long.
func dueFirst(v *view) Decision {
	if !v.usable() || (v.settled() && !v.rightsDiffer()) {
		return nil
	}
	if condemn := condemnStrays(v); condemn != nil {
		return condemn
	}
	return revokeDue(v)
}

// holdsRevocation tells whether what failed last has to do with revocations: a create or a change that the vendor refuses has not.
func (v *view) holdsRevocation() bool {
	switch v.Object.HeldBack.Reason { //nolint:exhaustive // those of creates and changes
	case "WriteFailed", "CreateRefused", "CreateAmbiguous", "ChangeRefused", "InvalidScope", "InvalidRole", "NameTaken", "RollRefused", "RollAmbiguous", ReasonQuotaExceeded:
		return false
	default:
		return v.heldBack() != nil
	}
}

// revokeDue: one after the other, those that were never published first.
func revokeDue(v *view) Decision {
	entry, due := v.firstDue()
	if !due || !v.Issuer.CanRevoke || v.holdsRevocation() {
		return nil
	}
	return Revoke{ID: entry.ID, Name: entry.Name, Why: "it was replaced and its overlap has passed"}
}

// confirmReplacedGone: that one list lacks a token which was replaced proves little, as when another process has revoked it and died. No
// event would tell of the next list.
func confirmReplacedGone(v *view) Decision {
	if v.proof == nil || v.Issuer.Capabilities.KeepsRevoked || !v.Snapshot.Complete || !v.Snapshot.Anchored {
		return nil
	}
	for _, entry := range slices.Concat(v.proof.Retiring, v.proof.Condemned) {
		if _, listed := v.Snapshot.Rows[entry.ID]; listed || v.revoked(entry.ID) {
			continue
		}
		after := v.thereFor(entry.ID)
		if v.Snapshot.BegunAfter(after) {
			after = v.Snapshot.StartedAt
		}
		return Relist{After: after, Purpose: "see whether a token that was replaced is gone"}
	}
	return nil
}

// firstDue finds a listed token whose time has come and that may live.
func (v *view) firstDue() (ledger.Entry, bool) {
	if v.proof == nil {
		return ledger.Entry{}, false
	}
	for _, entry := range v.proof.Condemned {
		if v.mayLive(entry.ID) && !v.surrendered(entry) {
			return entry, true
		}
	}
	return v.firstRetired()
}

// rest: until the next retirement is due, the next try allowed, or the token to be replaced or at its end.
func rest(v *view) Decision { return Rest{Next: earlier(v.nextTry(), v.nextRetirement())} }

// nextRetirement is when a token that was replaced may be revoked; zero for none that is not due yet.
func (v *view) nextRetirement() time.Time {
	var next time.Time
	for _, retirement := range v.retirements() {
		wait := max(retirement.Due.Sub(v.ServerNow), 0)
		at := v.Now.Add(wait)
		if v.Object.HeldBackUntil.After(at) {
			at = v.Object.HeldBackUntil
		}
		if wait > 0 || at.After(v.Now) {
			next = earlier(next, at)
		}
	}
	return next
}

// nextTry is when something may be tried again, or is due, beside retirements; zero for nothing.
func (v *view) nextTry() time.Time {
	var next time.Time
	for _, at := range []struct {
		counts bool
		time   time.Time
	}{
		{true, v.endsAt()},
		{true, v.Memory.RepairAfter},
		{true, v.rotationTry()},
		{true, v.nextConsumersLook()},
		{v.rightsDrifted(), v.Memory.ChangedAt.Add(driftPause)},
		{v.rightsDiffer() || !v.settled() || len(v.Memory.Undo) > 0, v.Object.HeldBackUntil},
		{v.rightsDiffer(), v.changesCalm()},
		{v.skewed(), v.Now.Add(skewedPause)},
	} {
		if at.counts && at.time.After(v.Now) {
			next = earlier(next, at.time)
		}
	}
	return next
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
