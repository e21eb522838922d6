package lifecycle

import (
	"maps"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/sabotage"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// unprotected: without the finalizer nothing was ever done for this object, or all is done already.
func unprotected(v *view) Decision {
	if v.Object.Protected {
		return nil
	}
	return Rest{}
}

// skipRevocation: a person accepts that tokens may be left at the vendor.
func skipRevocation(v *view) Decision {
	if !v.Object.SkipRevocation {
		return nil
	}
	if v.Secret.Presence == Owned && !v.Object.Retain && !v.Secret.Terminating {
		return DeleteSecret{}
	}
	return Release{Unrevoked: true}
}

// neverIssued: an issuer stays as long as a protected object refers to it. One that is gone although this object is protected was
// gone before anything could be issued, if nothing is known of a token either. Of one that cannot be read nobody knows that it is gone:
// what protected this object could read it, and may have had a token made.
func neverIssued(v *view) Decision {
	nothing := v.Secret.Presence != Owned && v.Object.HintID == "" && !v.Object.HintIssued &&
		v.Memory.InHand == nil && len(v.Memory.Doubted) == 0 && v.Memory.LastCreateEnded.IsZero()
	if !v.Issuer.Known || v.Issuer.Found || v.Issuer.OutOfReach || !nothing {
		return nil
	}
	return Release{}
}

// issuerNeeded: nothing is released that could not be revoked.
func issuerNeeded(v *view) Decision {
	if v.Issuer.Found && v.Issuer.CanList && v.Issuer.CanRevoke {
		return nil
	}
	if sabotage.DropFinalizer {
		return Release{}
	}
	return Wait{Problem: v.Issuer.Problem}
}

// condemnBeforeRetaining: what is left behind must be one token, and listed.
func condemnBeforeRetaining(v *view) Decision {
	if !v.Object.Retain {
		return nil
	}
	return condemnStrays(v)
}

// revokeDueBeforeRetaining: a retained token's predecessors go on retiring; nobody would revoke them later.
func revokeDueBeforeRetaining(v *view) Decision {
	if !v.Object.Retain {
		return nil
	}
	if revoke := revokeDue(v); revoke != nil {
		return revoke
	}
	if wait := v.heldBack(); wait != nil {
		return wait
	}
	for _, retirement := range v.retirements() {
		if !v.mayLive(retirement.ID) {
			continue
		}
		until := v.whenDue(retirement)
		if retirement.WaitingFor == WaitsForConsumers {
			return Wait{Problem: v.heldByPods(retirement), Until: until}
		}
		return Wait{Problem: Problem{ReasonRetiring, "Token " + string(retirement.ID) + " was replaced and stays valid until its overlap has passed; then this GatewayToken is released."}, Until: until}
	}
	return nil
}

// whenDue is when a token that was replaced is looked at again. As long as clocks differ nothing is due.
func (v *view) whenDue(retirement Retirement) time.Time {
	least := time.Second
	if v.skewed() {
		least = skewedPause
	}
	return v.Now.Add(max(retirement.Due.Sub(v.ServerNow), least))
}

// heldByPods says who keeps a deletion that retains its token waiting.
func (v *view) heldByPods(retirement Retirement) Problem {
	reason := ReasonWaitingForConsumers
	if retirement.Consumers.Unknown {
		reason = ReasonConsumersUnknown
	}
	return Problem{reason, "Token " + string(retirement.ID) + " was replaced and stays valid while pods hold it: " + retirement.Consumers.Text +
		". This GatewayToken is released after they are gone and the overlap has passed."}
}

// revokeShown: every active token that is proved to be this object's, by its name or by its ledger.
func revokeShown(v *view) Decision {
	doomed, ok := v.firstShown()
	if !ok {
		return nil
	}
	if wait := v.heldBack(); wait != nil {
		return wait
	}
	return Revoke{ID: doomed.ID, Name: doomed.Name, Why: "the GatewayToken is deleted"}
}

func (v *view) firstShown() (token.Token, bool) {
	for _, row := range v.mine {
		if !v.kept(row.ID) && (!v.disputed() || v.holdsOrHeld(row.ID)) {
			return row, true
		}
	}
	for _, id := range v.doomedIDs() {
		if row, listed := v.Snapshot.Rows[id]; listed && v.active(row) && !v.kept(id) && (!v.disputed() || v.holdsOrHeld(id)) {
			return row, true
		}
	}
	return token.Token{}, false
}

// kept tells whether deletion leaves the token alone: the one that the Secret holds or, where no ledger says which that
// is, the best candidate.
func (v *view) kept(id token.ID) bool { return id != "" && v.keeps() == id }

// keeps is the token that deletion leaves alone; empty for none.
func (v *view) keeps() token.ID {
	switch {
	case !v.Object.Retain:
		return ""
	case v.proof != nil:
		return v.proof.Current.ID
	case len(v.mine) > 0:
		return v.mine[0].ID
	default:
		return ""
	}
}

// doomedIDs are the tokens that a signed ledger names and that are this cluster's to revoke.
func (v *view) doomedIDs() []token.ID {
	ids := v.ledgerIDs()
	if v.proof != nil && v.lent(v.proof.Current) {
		ids = slices.DeleteFunc(ids, func(id token.ID) bool { return id == v.proof.Current.ID })
	}
	return ids
}

// ledgerIDs are the tokens a signed ledger names.
func (v *view) ledgerIDs() []token.ID {
	if v.proof == nil {
		return nil
	}
	ids := []token.ID{v.proof.Current.ID}
	retiring, condemned := v.putBack()
	for _, entry := range slices.Concat(v.proof.Retiring, v.proof.Condemned, retiring, condemned) {
		ids = append(ids, entry.ID)
	}
	return ids
}

// awaitFirstList: a list that is too old to show the last create is of no use here; one that shows it need not be the last.
func awaitFirstList(v *view) Decision {
	if v.unlisted() || v.Snapshot.BegunAfter(v.latestUncertainty()) || sabotage.ReleaseAtOnce {
		return nil
	}
	return Relist{After: v.latestUncertainty(), Purpose: "see which tokens are left"}
}

// awaitLastList: a create whose answer was lost may be committed up to Settle later. Only a list that begins after that
// can tell that nothing is left, and it must have begun after the last revocation, too.
func awaitLastList(v *view) Decision {
	if v.unlisted() || sabotage.ReleaseAtOnce {
		return nil
	}
	after := later(later(v.latestUncertainty().Add(v.Settings.Settle), v.attemptSettled()), v.lastRevocation())
	if v.Snapshot.BegunAfter(after) && v.Snapshot.Complete {
		return nil
	}
	return Relist{After: after, Purpose: "see that no token is left"}
}

// lastRevocation is when the vendor confirmed a revocation last; zero for never.
func (v *view) lastRevocation() time.Time {
	var last time.Time
	for _, at := range v.Memory.Revoked {
		last = later(last, at)
	}
	return last
}

// saidEnded tells whether the vendor has said of the token itself that it has ended. What lists lack may be there all the same: to
// ask once more costs one call. Where the answer to that says nothing, two lists have to do.
func (v *view) saidEnded(id token.ID) bool {
	_, confirmed := v.Memory.Revoked[id]
	row, listed := v.Snapshot.Rows[id]
	confirmed = confirmed || (v.Memory.Contested[id] && v.endedUnseen(id))
	return v.revokedSince(id) || v.Memory.Gone[id] || (listed && row.State == token.Revoked) || (confirmed && !v.Issuer.Capabilities.KeepsRevoked && !listed)
}

// dropsRevoked tells whether lists show tokens as long as they live.
func (v *view) dropsRevoked() bool {
	return v.Issuer.Capabilities.Listable && !v.Issuer.Capabilities.KeepsRevoked
}

// revokeUnlisted: the ledger knows a token that the list does not show. Where lists show every token there ever was, such a list
// is of another account; elsewhere the vendor is asked for the token by its ID.
func revokeUnlisted(v *view) Decision {
	if id, missing := v.missing(); missing {
		return Wait{Problem: notListed(id)}
	}
	for _, id := range v.doomedIDs() {
		if _, listed := v.Snapshot.Rows[id]; listed || v.kept(id) || v.saidEnded(id) {
			continue
		}
		if v.Memory.Contested[id] && v.dropsRevoked() {
			return Relist{After: v.Snapshot.StartedAt, Purpose: "see whether a token has ended whose revocation was refused"}
		}
		if wait := v.heldBack(); wait != nil {
			return wait
		}
		return Revoke{ID: id, Why: "the GatewayToken is deleted"}
	}
	return nil
}

// confirmEnded: the Secret is lost, the status names tokens, and a list lacks them. One such list proves nothing: each is asked for or, where
// that cannot be, another list is. An account that is empty now has nothing to tell it by. Nothing is revoked for the word of a status; a
// list that shows such a token shows its marker, too.
func confirmEnded(v *view) Decision {
	if !v.named() || v.Issuer.Capabilities.KeepsRevoked {
		return nil
	}
	for _, id := range v.hintedIDs() {
		_, listed := v.Snapshot.Rows[id]
		if listed || v.kept(id) || v.proof.Knows(id) || v.saidEnded(id) {
			continue
		}
		if decision := v.confirmLacked(id); decision != nil {
			return decision
		}
	}
	return nil
}

// confirmLacked finds out about one of them. What the vendor says of a token itself counts for more than what lists lack.
func (v *view) confirmLacked(id token.ID) Decision {
	switch {
	case !v.Issuer.Capabilities.GetByID && v.lackedTwice(id):
		return nil
	case !v.Issuer.Capabilities.GetByID:
		return Relist{After: v.Snapshot.StartedAt, Purpose: "see that no token is left"}
	case !v.Snapshot.BegunAfter(v.Memory.There[id]):
		return Wait{Problem: Problem{ReasonTokenNotListed, "The vendor knows token " + string(id) + ", and its list lacks it: it is looked for in the next list, and revoked when that shows it."}, Until: v.Now.Add(time.Minute)}
	}
	if wait := v.heldBack(); wait != nil {
		return wait
	}
	return Confirm{ID: id}
}

// lackedTwice tells whether this list and the one before it lack a token, both begun since nothing else can have been made.
func (v *view) lackedTwice(id token.ID) bool {
	before := v.Snapshot.Before
	if before == nil || !before.BegunAfter(v.latestUncertainty()) {
		return false
	}
	_, now := v.Snapshot.Rows[id]
	_, then := before.Rows[id]
	return !now && !then
}

// hintedIDs are the tokens that the status names.
func (v *view) hintedIDs() []token.ID {
	ids := slices.Sorted(maps.Keys(v.Object.HintRetiring))
	if v.Object.HintID != "" {
		ids = append(ids, v.Object.HintID)
	}
	return ids
}

// retain: whoever finds the Secret later sees that it was left on purpose, and the audit counts its token as owned. One that is gone has
// nothing to be left.
func retain(v *view) Decision {
	if !v.Object.Retain || v.Secret.Presence != Owned || v.proof == nil || v.proof.Retained || v.revoked(v.proof.Current.ID) {
		return nil
	}
	record := v.nextLedger(v.proof.Current)
	record.Retained = true
	return Retain{Ledger: record}
}

// deleteSecret: the Secret is deleted when its token is gone, never before. One that was to be retained but holds a revoked token
// is of no use to anybody.
func deleteSecret(v *view) Decision {
	ended := v.proof != nil && v.revoked(v.proof.Current.ID)
	if v.Secret.Presence != Owned || (v.Object.Retain && !ended) {
		return nil
	}
	if v.Secret.Terminating {
		return Wait{Problem: Problem{ReasonSecretTerminating, "The Secret is deleted, but stays for a finalizer that somebody else put on it. Have it removed by whoever put it there."}, Until: v.Now.Add(time.Minute)}
	}
	return DeleteSecret{}
}

func release(v *view) Decision { return Release{Kept: v.keeps()} }
