package lifecycle

import (
	"cmp"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/sabotage"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// nextLedger is what the ledger says once current is what the Secret holds: whatever was current before retires, strays
// are listed, what is revoked is dropped, and everything else is carried over.
func (v *view) nextLedger(current ledger.Entry) ledger.Ledger {
	next := ledger.Ledger{
		Incarnation: v.Object.Marker.Incarnation,
		Inputs:      v.Object.Inputs, ExpiresAfter: v.Object.ExpiresAfter,
		Account: v.Issuer.Account,
		Current: current,
	}
	next.Current.Published = v.publishedAgain(current)
	if v.proof != nil {
		v.carryOver(&next)
	} else {
		next.HandledRotateRequest = v.answeredByHint()
	}
	v.listPutBack(&next)
	for _, stray := range v.strays() {
		if stray.ID != current.ID {
			v.list(&next, stray)
		}
	}
	return next
}

// publishedAgain tells whether the Secret has held a token already, and was lost since.
func (v *view) publishedAgain(current ledger.Entry) bool {
	if v.Secret.Presence == Owned {
		return v.proof != nil && v.proof.Current.ID == current.ID && v.proof.Current.Published
	}
	return v.heldOnce(token.Token{ID: current.ID})
}

// carryOver takes what a signed ledger said into the next one.
func (v *view) carryOver(next *ledger.Ledger) {
	before := v.proof
	next.URL, next.RestartedFor = before.URL, before.RestartedFor
	next.HandledRotateRequest, next.RotatedBy = before.HandledRotateRequest, before.RotatedBy
	next.Account = cmp.Or(before.Account, next.Account)
	if before.Incarnation == next.Incarnation {
		next.Mints = slices.Clone(before.Mints)
	}
	if sabotage.ForgetPredecessors {
		return
	}
	next.Retiring = v.stillListed(before.Retiring, next.Current.ID)
	next.Condemned = v.stillListed(before.Condemned, next.Current.ID)
	if before.Current.ID == next.Current.ID {
		next.Inputs, next.Changing, next.ExpiresAfter = before.Inputs, before.Changing, before.ExpiresAfter
		if before.Current.Sequence == next.Current.Sequence {
			next.Current.Since = v.since(before.Current)
			next.Rolling, next.Vacating = before.Rolling, before.Vacating
		}
		return
	}
	if !v.lent(before.Current) && !v.revoked(before.Current.ID) && !v.struckOff() && !v.endedBeforeMint(before.Current.ID) && !next.Lists(before.Current.ID) {
		retired := before.Current
		retired.Since, retired.Published = time.Time{}, true
		// Where there is no room, the first entry goes: its token is found again as a stray, and waits once more.
		next.Retiring = append(next.Retiring[max(len(next.Retiring)-ledger.MaxEntries+1, 0):], retired)
	}
}

// endedBeforeMint tells whether a token had ended when the one in hand was minted. The lists that showed it are too old to show
// it once more: they began before that mint.
func (v *view) endedBeforeMint(id token.ID) bool {
	hand := v.Memory.InHand
	return hand != nil && hand.Ended && hand.Replaces == id
}

// stillListed keeps the entries that are not revoked, with the time since when.
func (v *view) stillListed(entries []ledger.Entry, current token.ID) []ledger.Entry {
	var kept []ledger.Entry
	for _, entry := range entries {
		if entry.ID == current || v.revoked(entry.ID) {
			continue
		}
		entry.Since = v.since(entry)
		kept = append(kept, entry)
	}
	return kept
}

// list puts a stray where it belongs: one that this process asked for and never published may go at once; any other may
// have been published by a process that is no more, so that it retires like a replaced token. What finds no room waits
// for the next write.
func (v *view) list(next *ledger.Ledger, stray token.Token) {
	entry := entryOf(stray)
	entry.Published = v.heldOnce(stray)
	if v.neverPublished(stray) {
		if len(next.Condemned) < ledger.MaxEntries {
			next.Condemned = append(next.Condemned, entry)
		}
		return
	}
	if len(next.Retiring) < ledger.MaxEntries-1 {
		next.Retiring = append(next.Retiring, entry)
	}
}

// heldOnce tells whether the Secret is known to have held a stray, though no ledger that can be believed says so: by the memory of this
// process, or by a hint, which can only make the stray wait for pods.
func (v *view) heldOnce(stray token.Token) bool {
	id := stray.ID
	if v.Memory.Published[id] || id == v.Object.HintID || v.Object.HintRetiring[id] {
		return true
	}
	if v.hint == nil {
		return false
	}
	return v.hint.Current.ID == id || slices.ContainsFunc(v.hint.Retiring, func(e ledger.Entry) bool { return e.ID == id && e.Published })
}

// neverPublished tells whether nobody can hold a stray's value: this process asked for it in vain, or the vendor, which would
// know, never saw it used.
func (v *view) neverPublished(stray token.Token) bool {
	if !v.named() || v.heldOnce(stray) {
		return false
	}
	unused := v.Issuer.Capabilities.ShowsLastUse && stray.LastUsedAt.IsZero() && !stray.IssuedAt.IsZero() &&
		v.ServerNow.Sub(stray.IssuedAt) > v.Settings.OverlapFloor
	return v.Memory.Doubted[stray.Name] || unused
}

func entryOf(t token.Token) ledger.Entry {
	return ledger.Entry{ID: t.ID, Name: t.Name, Sequence: sequenceOf(t), IssuedAt: t.IssuedAt, ExpiresAt: t.ExpiresAt}
}

// remember keeps the latest mints.
func remember(mints []ledger.Mint, made ledger.Mint) []ledger.Mint {
	mints = append(slices.Clone(mints), made)
	return mints[max(len(mints)-ledger.MaxMints, 0):]
}

// mintTime is the vendor's own time of creation, or ours where it shows none.
func mintTime(t token.Token, now time.Time) time.Time {
	if t.IssuedAt.IsZero() {
		return now
	}
	return t.IssuedAt
}
