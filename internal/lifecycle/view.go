package lifecycle

import (
	"cmp"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/sabotage"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// view is the observation with what the rules ask of it again and again.
type view struct {
	Observation
	// proof is the ledger where it can be believed; nil otherwise.
	proof *ledger.Ledger
	// hint is the ledger where there is one at all.
	hint *ledger.Ledger
	// mine are the active rows with the full marker of this very object that nobody else is known to have made, best first.
	mine []token.Token
}

func newView(o Observation) *view {
	v := &view{Observation: o}
	if o.Secret.Presence == Owned && o.Secret.Trust >= ledger.Hint {
		v.hint = &o.Secret.Ledger
	}
	if o.Secret.Presence == Owned && (o.Secret.Trust == ledger.Proof || sabotage.BelieveHints) {
		v.proof = &o.Secret.Ledger
	}
	if v.proof == nil && o.Object.Record != nil && !v.named() {
		v.proof, v.hint = o.Object.Record, o.Object.Record
		if v.Secret.Ledger.ValueDigest != v.proof.ValueDigest {
			// It was judged by a ledger that is no proof: an older Secret was put back, and its ledger forged.
			v.Secret.ValueIntact = false
		}
	}
	if v.proof != nil && v.contradicted() {
		v.proof = nil
	}
	v.leaveLent()
	for _, row := range o.Snapshot.Of(o.Object.Marker) {
		if v.active(row) && !v.foreign(row) {
			v.mine = append(v.mine, row)
		}
	}
	slices.SortFunc(v.mine, v.better)
	return v
}

// lent tells whether a token was made in another cluster and is not this one's to revoke or to change: that cluster may go on using it.
func (v *view) lent(entry ledger.Entry) bool {
	return entry.From != "" && !slices.Contains(v.Settings.FormerClusters, entry.From)
}

// leaveLent leaves out of the ledger what is lent and was replaced: nobody here waits for its end. A lent token in use stays until its
// successor is published; nothing about it is changed at the vendor.
func (v *view) leaveLent() {
	if v.hint == nil {
		return
	}
	kept := *v.hint
	kept.Retiring = slices.DeleteFunc(slices.Clone(kept.Retiring), v.lent)
	kept.Condemned = slices.DeleteFunc(slices.Clone(kept.Condemned), v.lent)
	if v.proof != nil {
		v.proof = &kept
	}
	v.hint = &kept
	if v.lent(kept.Current) {
		v.Issuer.Capabilities.UpdateInPlace, v.Object.Strategy = false, StrategyOverlap
	}
}

// Lent is the token in use, where it was made in another cluster and is not this one's to revoke; without an ID otherwise.
func Lent(o Observation) ledger.Entry {
	v := newView(o)
	if v.proof == nil || !v.lent(v.proof.Current) {
		return ledger.Entry{}
	}
	return v.proof.Current
}

// contradicted tells whether the list shows a token that the ledger names under the marker of another object. Whoever had it signed, the
// vendor knows better: it is read out for nobody else, and revoked by nobody else.
func (v *view) contradicted() bool {
	if !v.named() {
		return false
	}
	entries := slices.Concat([]ledger.Entry{v.proof.Current}, v.proof.Retiring, v.proof.Condemned)
	return slices.ContainsFunc(entries, func(entry ledger.Entry) bool {
		row, listed := v.Snapshot.Rows[entry.ID]
		marker, marked := row.Marker()
		// What was made in another cluster has that cluster's marker.
		return entry.From == "" && listed && marked && !marker.SameObject(v.Object.Marker)
	})
}

// better orders the tokens that could be used: the one the status or the ledger names, then the latest.
func (v *view) better(a, b token.Token) int {
	named := func(t token.Token) int {
		if t.ID == v.Object.HintID || (v.hint != nil && t.ID == v.hint.Current.ID) {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(named(a), named(b)),
		cmp.Compare(sequenceOf(b), sequenceOf(a)),
		b.IssuedAt.Compare(a.IssuedAt),
		cmp.Compare(a.ID, b.ID),
	)
}

func sequenceOf(t token.Token) int {
	marker, _ := t.Marker()
	return marker.Sequence
}

// active tells whether a row counts as a living token: the list says so, and the vendor has not said otherwise since.
func (v *view) active(row token.Token) bool {
	return row.State != token.Revoked && !v.revokedSince(row.ID)
}

// revokedSince tells whether the vendor confirmed the revocation later than the list began.
func (v *view) revokedSince(id token.ID) bool {
	at, confirmed := v.Memory.Revoked[id]
	return confirmed && !v.Snapshot.BegunAfter(at)
}

// standing is what is known about a token at the vendor.
type standing int

const (
	// standingUnknown: no list settles it.
	standingUnknown standing = iota
	// standingActive: a list shows it as active.
	standingActive
	// standingRevoked: a list shows it as revoked, the vendor confirmed it, or it does not know the token.
	standingRevoked
	// standingUnlisted: a complete list of the right account does not show it.
	standingUnlisted
)

// standing tells what is known about a token at the vendor.
func (v *view) standing(id token.ID) standing {
	if v.revokedSince(id) {
		return standingRevoked
	}
	if !v.Snapshot.Taken() {
		return standingUnknown
	}
	row, listed := v.Snapshot.Rows[id]
	switch {
	case listed && row.State == token.Revoked:
		return standingRevoked
	case listed:
		return standingActive
	case v.Snapshot.Missed[id]:
		// So many are gone that the list proves nothing, nor does whoever says that he knows no such token.
		return standingUnknown
	case v.Memory.Gone[id], v.endedUnseen(id):
		return standingRevoked
	case sabotage.BelieveAbsence:
		return standingRevoked
	case v.Snapshot.Complete && v.Snapshot.Anchored && v.absenceCounts() && v.Snapshot.BegunAfter(v.Memory.There[id]):
		return standingUnlisted
	default:
		return standingUnknown
	}
}

// endedUnseen tells whether a token that lists show only while it lives has ended: the vendor confirmed its revocation, or two
// lists lack it.
func (v *view) endedUnseen(id token.ID) bool {
	if v.Issuer.Capabilities.KeepsRevoked {
		return false
	}
	_, confirmed := v.Memory.Revoked[id]
	return confirmed || (v.absenceCounts() && v.Snapshot.LackedTwice(id, v.thereFor(id)))
}

// thereFor is an instant of the operator's clock at which the token certainly was at the vendor.
func (v *view) thereFor(id token.ID) time.Time {
	there := later(v.latestUncertainty(), v.Memory.There[id])
	if v.proof.Knows(id) {
		there = later(there, v.Secret.WrittenAt.Add(-v.skew()))
	}
	return there
}

// absenceCounts tells whether a token that the list does not show would have had to be in it: it began after the last create
// had ended and the Secret was written.
func (v *view) absenceCounts() bool {
	return v.Snapshot.BegunAfter(v.latestUncertainty()) && v.Snapshot.StartedAt.Add(v.skew()).After(v.Secret.WrittenAt)
}

// missing finds a token that this object is known to have had and that the list does not show, at a vendor that keeps showing
// every token. Such a list is not what it should be, and proves nothing.
func (v *view) missing() (token.ID, bool) {
	if !v.Issuer.Capabilities.KeepsRevoked {
		return "", false
	}
	known := v.ledgerIDs()
	if v.Object.HintID != "" {
		known = append(known, v.Object.HintID)
	}
	for _, id := range known {
		if _, listed := v.Snapshot.Rows[id]; !listed && !v.revokedSince(id) {
			return id, true
		}
	}
	return "", false
}

func notListed(id token.ID) Problem {
	return Problem{ReasonTokenNotListed, "The vendor's list does not show token " + string(id) +
		" although it shows revoked tokens, too: nothing is issued or released on the word of such a list. Check that the issuer's credentials belong to the account the token was issued in. If that account is gone for good, delete the GatewayToken, annotate it with gatewaytoken.io/skip-revocation, and create it again."}
}

// revoked tells whether a token has ended for certain, so that nothing needs to be done about it any more.
func (v *view) revoked(id token.ID) bool { return v.standing(id) == standingRevoked }

// usable tells whether the Secret holds a token that, as far as is known, works.
func (v *view) usable() bool {
	if sabotage.BelieveStatus && v.proof != nil && v.Object.HintID != v.proof.Current.ID {
		return false
	}
	return v.proof != nil && v.Secret.ValueIntact && !v.Issuer.Gone && !v.revoked(v.proof.Current.ID) && !v.expired() && !v.rollDoubted() && !v.vacating() && !v.struckOff()
}

// expired tells whether the current token's time is over.
func (v *view) expired() bool {
	end := v.proof.Current.ExpiresAt
	return !end.IsZero() && !v.skewed() && !v.ServerNow.Before(end)
}

// endsAt is when the token in use ends, by the operator's clock: then the Secret holds one no more. Zero where it does not end. As long as
// clocks differ it does not, and it is looked again.
func (v *view) endsAt() time.Time {
	if !v.usable() || v.proof.Current.ExpiresAt.IsZero() {
		return time.Time{}
	}
	if v.skewed() {
		return v.Now.Add(skewedPause)
	}
	return v.Now.Add(v.proof.Current.ExpiresAt.Sub(v.ServerNow))
}

// settled tells whether the Secret holds a token that works and does what the spec asks for, for some time yet.
func (v *view) settled() bool { return v.usable() && v.successor() == "" }

// successor tells why a token that works needs one; empty where it does not.
func (v *view) successor() string {
	switch {
	case v.unlike() != "":
		return v.unlike()
	case !v.Issuer.Found:
		return ""
	default:
		return v.rotation().why
	}
}

// unlike tells what the spec asks for that the token which works has not; empty for nothing.
func (v *view) unlike() string {
	switch {
	case !v.Issuer.Found:
		// What the spec asks of the vendor is told by the issuer, too.
		return ""
	case v.proof.Inputs != v.Object.Inputs && !v.Issuer.Capabilities.UpdateInPlace:
		return "the spec asks for other rights"
	case v.Object.ExpiresAfter > 0 && (v.proof.ExpiresAfter == 0 || v.Object.ExpiresAfter < v.proof.ExpiresAfter):
		return "the spec asks for a shorter life"
	default:
		return ""
	}
}

// renewAt is when the current token is to be replaced because it ends; zero where it does not.
func (v *view) renewAt() time.Time {
	end, begin := v.proof.Current.ExpiresAt, v.proof.Current.IssuedAt
	if end.IsZero() {
		return time.Time{}
	}
	if begin.IsZero() {
		// The vendor does not say when it made the token: its life is what was asked for.
		begin = end.Add(-v.proof.ExpiresAfter)
	}
	before := v.Object.RenewBefore
	if life := end.Sub(begin); before <= 0 || before >= life {
		before = life / 3
	}
	return end.Add(-before)
}

// handFits tells whether the minted token in memory may still be published.
func (v *view) handFits() bool {
	hand := v.Memory.InHand
	if hand == nil || v.revoked(hand.Token.ID) {
		return false
	}
	if v.hint == nil {
		return true
	}
	if hand.Cut == ledger.CutInPlace {
		return v.rolledFits()
	}
	if v.hint.Lists(hand.Token.ID) || v.hint.Current.ID == hand.Token.ID {
		return false
	}
	return v.hint.Current.ID == hand.Replaces
}

// strays are active tokens of this object that nobody needs and no ledger lists. While somebody else makes tokens with our marker, none
// is known to be.
func (v *view) strays() []token.Token {
	if sabotage.LeaveStrays || v.disputed() {
		return nil
	}
	strays := v.namelessStrays()
	for _, row := range v.mine {
		if !v.proof.Knows(row.ID) {
			strays = append(strays, row)
		}
	}
	return strays
}

// retirements are the tokens the ledger lists that are not revoked yet.
func (v *view) retirements() []Retirement {
	if v.proof == nil {
		return nil
	}
	var retirements []Retirement
	for _, entry := range v.proof.Retiring {
		if !v.revoked(entry.ID) {
			waits, due := v.retires(entry)
			retirements = append(retirements, Retirement{Entry: entry, WaitingFor: waits, Due: due, Consumers: v.Consumers[entry.ID]})
		}
	}
	for _, entry := range v.proof.Condemned {
		if !v.revoked(entry.ID) {
			waits := WaitsForRevocation
			if v.surrendered(entry) {
				waits = WaitsForOwner
			}
			retirements = append(retirements, Retirement{Entry: entry, WaitingFor: waits, Due: v.since(entry)})
		}
	}
	return retirements
}

// Since is the API server's time from which on an entry of the ledger is what it is.
func (o Observation) Since(entry ledger.Entry) time.Time { return newView(o).since(entry) }

// since is the API server's time of the write that put the entry where it is. Where the Secret is gone, and with it that time, the
// entry's time begins when it is listed again.
func (v *view) since(entry ledger.Entry) time.Time {
	switch {
	case !entry.Since.IsZero():
		return entry.Since
	case v.Secret.Presence != Owned:
		return v.ServerNow
	default:
		return v.Secret.WrittenAt
	}
}

// overlap is how long a replaced token stays valid.
func (v *view) overlap() time.Duration { return max(v.Object.Overlap, v.Settings.OverlapFloor) }

// skew is how far the API server's clock is ahead of the operator's.
func (v *view) skew() time.Duration { return v.ServerNow.Sub(v.Now) }

// skewedPause is how long to wait for clocks to agree before it is looked again.
const skewedPause = time.Minute

// skewed tells whether the operator's clock is too far off for time to trigger anything.
func (v *view) skewed() bool { return v.skew().Abs() > v.Settings.MaxSkew }

// heldBack tells whether earlier failures of this object forbid a vendor call for now.
func (v *view) heldBack() Decision {
	if v.Object.HeldBackUntil.After(v.Now) {
		return Wait{Problem: v.Object.HeldBack, Until: v.Object.HeldBackUntil}
	}
	return nil
}

// latestUncertainty is the last instant at which a create for this object may have been under way: a list that begins
// later shows whatever came of it, provided the vendor does not commit late.
func (v *view) latestUncertainty() time.Time {
	latest := v.Memory.LeaderSince
	if v.Memory.LastCreateEnded.After(latest) {
		latest = v.Memory.LastCreateEnded
	}
	return latest.Add(v.Issuer.Capabilities.ListLag)
}

// trouble tells what keeps the vendor from being used.
func (v *view) trouble() *Problem {
	switch {
	case !v.Issuer.Known:
		return nil
	case v.Issuer.Found && !v.Issuer.Granted:
		return &Problem{ReasonNotGranted, v.Issuer.NotGranted}
	case !v.Issuer.Found, !v.Issuer.CanList:
		return &v.Issuer.Problem
	case v.otherAccount():
		return &Problem{ReasonAccountChanged, accountChangedMessage(v.hint.Account, v.Issuer.Account)}
	case v.gone():
		return v.missed()
	case v.skewed():
		return &Problem{ReasonClockSkew, "The operator's clock and the API server's differ by " + v.skew().Abs().Round(time.Second).String() +
			": nothing is triggered by time until they agree. Check the time synchronisation of the nodes."}
	case v.usable() && (!v.settled() || v.rightsDiffer()) && v.heldBack() != nil:
		return &v.Object.HeldBack
	case v.hint != nil && v.Issuer.Capabilities.KeepsRevoked && v.standing(v.hint.Current.ID) == standingUnlisted:
		problem := notListed(v.hint.Current.ID)
		return &problem
	default:
		return nil
	}
}

// hindrance is what keeps the spec from being carried out while a token works that is not what it asks for; nil where nothing does.
func (v *view) hindrance() *Problem {
	if !v.usable() || v.Object.Deleting || (v.unlike() == "" && !v.rightsDiffer()) {
		return nil
	}
	gates := []func(*view) Decision{issuerMints, notMissed, (*view).heldBack}
	if v.unlike() != "" {
		gates = append(gates, slots, unresolved, budget)
	}
	gate := v.firstWait(gates...)
	if wait, waits := gate.(Wait); waits {
		return &wait.Problem
	}
	if stall, stalls := gate.(Stall); stalls {
		return &stall.Problem
	}
	return nil
}

// gone tells whether this object's token is among those that are gone at once.
func (v *view) gone() bool {
	return v.hint != nil && v.missed() != nil && v.standing(v.hint.Current.ID) != standingActive
}

// otherAccount tells whether the issuer leads to another vendor account than the one the token belongs to.
func (v *view) otherAccount() bool {
	return v.hint != nil && v.hint.Account != "" && v.Issuer.Account != "" && v.hint.Account != v.Issuer.Account
}

func accountChangedMessage(want, have string) string {
	return "The issuer's credentials lead to the vendor account " + have + ", but the token belongs to " + want +
		". Nothing is created or revoked until the issuer uses credentials of " + want + " again."
}
