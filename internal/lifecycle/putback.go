package lifecycle

import (
	"maps"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
)

// What no list tells whose it is, is known by the ledger alone, of which the status keeps a copy. After a restore the two may be of
// different days, and after the loss of the key neither is believed.

// newerCopy is the copy in the status where the Secret's ledger is older: somebody put an old Secret back. Nil where it is not.
func (v *view) newerCopy() *ledger.Ledger {
	record := v.Object.Record
	if v.named() || record == nil || v.proof == nil || record.LastSequence() <= v.proof.LastSequence() {
		return nil
	}
	return record
}

// struckOff tells whether the Secret that was put back holds a token which was revoked since, where nothing lists tokens: what is revoked
// is taken out of the ledger then.
func (v *view) struckOff() bool {
	newer := v.newerCopy()
	return newer != nil && v.unlisted() && !newer.Knows(v.proof.Current.ID)
}

// putBack are the tokens that were made after the Secret which was put back, and that may live: none of them is in its ledger.
func (v *view) putBack() (retiring, condemned []ledger.Entry) {
	newer := v.newerCopy()
	if newer == nil {
		return nil, nil
	}
	known := func(entry ledger.Entry) bool { return v.proof.Knows(entry.ID) || !v.mayLive(entry.ID) }
	published := newer.Current
	published.Published = true
	retiring = slices.DeleteFunc(append(slices.Clone(newer.Retiring), published), known)
	for i := range retiring {
		retiring[i].Since = time.Time{} // it begins to wait with the write that lists it
	}
	return retiring, slices.DeleteFunc(slices.Clone(newer.Condemned), known)
}

// listPutBack lists them in the next ledger, where there is room.
func (v *view) listPutBack(next *ledger.Ledger) {
	retiring, condemned := v.putBack()
	add := func(to *[]ledger.Entry, entries []ledger.Entry, room int) {
		for _, entry := range entries {
			if entry.ID != next.Current.ID && !next.Lists(entry.ID) && len(*to) < room {
				*to = append(*to, entry)
			}
		}
	}
	add(&next.Retiring, retiring, ledger.MaxEntries-1)
	add(&next.Condemned, condemned, ledger.MaxEntries)
}

// reportUnproved: the key was lost, and with it the proof that the tokens which the status names are this object's. They are not revoked
// on the word of a status, and not forgotten either.
func reportUnproved(v *view) Decision {
	if v.named() || !v.Issuer.CanList || v.proof != nil {
		return nil
	}
	for _, entry := range v.unproved() {
		if v.mayLive(entry.ID) && !v.Issuer.Reported[entry.ID] && !v.Issuer.Acknowledged[entry.ID] && (entry.Name == "" || !v.Issuer.ReportedNames[entry.Name]) {
			return Report{Unproved: &entry}
		}
	}
	return nil
}

// unproved are the tokens that the status names.
func (v *view) unproved() []ledger.Entry {
	var entries []ledger.Entry
	if v.Object.HintID != "" {
		current := ledger.Entry{ID: v.Object.HintID, Sequence: v.Object.HintSequence}
		if v.unlisted() {
			current.Name = v.nameOf(max(v.Object.HintSequence, firstSequence))
		}
		entries = append(entries, current)
	}
	for _, id := range slices.Sorted(maps.Keys(v.Object.HintRetiring)) {
		entries = append(entries, ledger.Entry{ID: id})
	}
	return entries
}
