package lifecycle

import (
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// Two things are not decided without a person. Somebody else makes tokens with our marker: then what no ledger names may be in use by
// those who have it from there. And many tokens are gone at once: then the list, or whoever revoked them, may be wrong, and to replace
// them all would be the worst answer to either.

// disputed tells whether somebody else makes tokens with our marker. The list may be newer than what the issuer says of it.
func (v *view) disputed() bool { return v.Issuer.Disputed || len(v.Snapshot.Foreign) > 0 }

// conflict is what is told of that.
func conflict() Problem {
	return Problem{ReasonIdentityConflict, "Another operator makes tokens with the same marker: what no ledger names is left alone until a person has acknowledged it on the issuer, whose condition IdentityConflict says how."}
}

// foreign tells whether somebody else made a row, as far as is known.
func (v *view) foreign(row token.Token) bool { return v.Snapshot.Foreign[row.ID] }

// surrendered tells whether a listed token is left alone while somebody else makes tokens with our marker: one that the Secret is not
// known to have held may be in use there.
func (v *view) surrendered(entry ledger.Entry) bool { return v.disputed() && !entry.Published }

// claimed are the tokens of this object that no ledger names, and that are left alone while somebody else makes tokens with our marker.
func (v *view) claimed() []token.Token {
	if !v.disputed() {
		return nil
	}
	var claimed []token.Token
	for _, row := range v.Snapshot.Of(v.Object.Marker) {
		if v.active(row) && !v.holdsOrHeld(row.ID) {
			claimed = append(claimed, row)
		}
	}
	return claimed
}

// holdsOrHeld tells whether the ledger says of a token that the Secret has it, or had it before.
func (v *view) holdsOrHeld(id token.ID) bool {
	if v.proof == nil {
		return false
	}
	if v.proof.Current.ID == id {
		return true
	}
	for _, entry := range v.proof.Retiring {
		if entry.ID == id {
			return entry.Published
		}
	}
	return false
}

// leaveClaimed: what may be somebody else's is not revoked, and as long as it is there this object is not released.
func leaveClaimed(v *view) Decision {
	if len(v.claimed()) == 0 {
		return nil
	}
	return Wait{Problem: conflict()}
}

// missed tells what is said of tokens that are gone at once; nil where none are. The list may be newer than what the issuer says.
func (v *view) missed() *Problem {
	if !v.Issuer.Missing && len(v.Snapshot.Missed) == 0 {
		return nil
	}
	return &Problem{ReasonMassDisappearance, "Many tokens of the issuer are gone at once: none is replaced until they are there again, or a person has acknowledged it on the issuer, whose condition MassDisappearance says how."}
}

// listDoubted tells whether lists just do not show tokens that are missed: then they may lack others, too.
func (v *view) listDoubted() bool {
	for id := range v.Snapshot.Missed {
		if _, listed := v.Snapshot.Rows[id]; !listed {
			return true
		}
	}
	return v.Issuer.ListDoubted
}

// notMissed: a token that the list shows at work is replaced as ever. No other is, and where the list is in doubt none is made at all.
func notMissed(v *view) Decision {
	problem := v.missed()
	if problem == nil || (v.usable() && v.standing(v.proof.Current.ID) == standingActive) {
		return nil
	}
	first := v.hint == nil && v.Object.HintID == ""
	if first && !v.listDoubted() {
		return nil
	}
	return Wait{Problem: *problem}
}

// missedTogether: what is gone together with many others is not replaced before a person has looked.
func missedTogether(v *view) Decision {
	if v.settled() || v.usable() {
		return nil
	}
	return notMissed(v)
}

// doubtedList: nothing is released on the word of a list that lacks many tokens at once.
func doubtedList(v *view) Decision {
	problem := v.missed()
	if problem == nil || !v.listDoubted() {
		return nil
	}
	return Wait{Problem: *problem}
}
