package lifecycle

import (
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// rule is one named step of the order in which things are considered. It returns nil where it has no opinion.
type rule struct {
	name   string
	decide func(*view) Decision
}

// living are the rules for an object that is to have a token. The order is the meaning: what stands above is settled
// when what stands below is asked.
var living = []rule{
	{"another object has the same marker", identityClash},
	{"a token that could never be found again goes first", undo},
	{"what has a token is protected, whatever else is said of it", protectOwner},
	{"what a create may have left and nothing lists is told by its name", reportUnlisted},
	{"what was replaced in place is published also while suspended: the value before it is dead", publishRolled},
	{"suspended", suspended},
	{"the spec cannot be carried out", invalidSpec},
	{"somebody else's Secret is in the way", secretConflict},
	{"the finalizer comes before the first effect", protect},
	{"a minted value is published before anything else", publishInHand},
	{"a drifted Secret is repaired with the value it holds", repairFromSecret},
	{"whoever uses the Secret is restarted for another value, once", restartConsumers},
	{"that all were restarted is written down", noteRestarts},
	{"since when no pod holds what was replaced is written down, where that is waited for long", noteFree},
	{"nothing is said of an issuer that was not looked at", issuerUnknown},
	{"an issuer that this operator cannot read is none that comes by itself", issuerOutOfReach},
	{"nothing new without a grant", notGranted},
	{"without a usable issuer a usable Secret is left alone", issuerUnusable},
	{"another account is never touched", accountChanged},
	{"nothing first issued from an issuer that goes away", issuerTerminating},
	{"a token that a list lacks is asked for", confirmGone},
	{"a revocation by somebody else is reported, where that is wanted", reportRevocation},
	{"what the list must tell, a list begun late enough tells", awaitList},
	{"what a create may have left is looked for when it must be there", awaitAttempt},
	{"a ledger that lost its signature is signed again", signAgain},
	{"a token that exists already is used", adopt},
	{"what is gone together with many others is not replaced before a person has looked", missedTogether},
	{"a list that lacks a known token proves nothing", doubtList},
	{"what may be ours and cannot be told for certain is reported", reportStrangers},
	{"what the status names and nothing proves is reported, where no list tells whose it is", reportUnproved},
	{"while a token works, what is due is done before another is minted", dueFirst},
	{"what is not to be replaced in place after all is not written down any more", withdrawRoll},
	{"nor what is not to be revoked first after all", withdrawVacating},
	{"where it is to be replaced in place, its value is", rollInPlace},
	{"where there is no room, and the spec says so, it is revoked first", revokeFirst},
	{"else one is minted", mint},
	{"other rights are given to the token that is there", changeRights},
	{"rights that were given are written down", noteRights},
	{"a stray is listed before it is revoked", condemnStrays},
	{"what is replaced is revoked when its time has come", revokeDue},
	{"what was replaced and a list lacks is looked for once more", confirmReplacedGone},
	{"what is revoked and nothing lists is struck off", strikeOff},
	{"what could never be found again is revoked, though that was refused", undoContested},
	{"rest", rest},
}

// deleting are the rules for an object with a deletion timestamp.
var deleting = []rule{
	{"without the finalizer there is nothing to do", unprotected},
	{"a person broke the glass", skipRevocation},
	{"a token that could never be found again goes first", undo},
	{"where nothing was ever issued, nothing holds the object", neverIssued},
	{"nothing is said of an issuer that was not looked at", issuerUnknown},
	{"what held the tokens is gone, and they with it", placeGone},
	{"without a usable issuer nothing can be revoked", issuerNeeded},
	{"another account is never touched", accountChanged},
	{"a stray is listed before it is revoked, where the token is retained", condemnBeforeRetaining},
	{"since when no pod holds what was replaced is written down, where the token is retained", noteFreeBeforeRetaining},
	{"what is replaced is revoked when its time has come, where the token is retained", revokeDueBeforeRetaining},
	{"what was replaced in place is published, where the token is retained", publishRolledBeforeRetaining},
	{"every token that a list shows is revoked", revokeShown},
	{"what may be somebody else's is left alone, and keeps the object", leaveClaimed},
	{"what was made and never published is revoked", revokeInHand},
	{"nothing is released on the word of a list that lacks many tokens at once", doubtedList},
	{"what was made last is seen and revoked before any waiting", awaitFirstList},
	{"the last list begins when nothing can be in flight any more", awaitLastList},
	{"a token that the ledger knows and no list shows is revoked by its ID", revokeUnlisted},
	{"a token that the status names and a list lacks is gone only when that is certain", confirmEnded},
	{"what a create may have left, and nobody else can have made, is revoked", revokeStranger},
	{"what a create may have left and nothing lists is told by its name", reportUnlisted},
	{"what may be ours and cannot be told for certain is reported", reportStrangers},
	{"what is retained and no Secret holds is reported, where no list tells whose it is", reportKept},
	{"what the status names and nothing proves is reported, where no list tells whose it is", reportUnproved},
	{"what could never be found again is revoked, though that was refused", undoContested},
	{"a retained Secret is marked", retain},
	{"the Secret goes after its token", deleteSecret},
	{"nothing is left: release", release},
}

// Plan decides what happens next.
func Plan(o Observation) Planned {
	v := newView(o)
	rules := living
	if o.Object.Deleting {
		rules = deleting
	}
	plan := Planned{
		Usable: v.usable(), Proof: v.proof,
		Fulfilled: v.usable() && v.unlike() == "" && !v.rightsDiffer(), Settled: v.settled() && !v.rightsDiffer(), Hindrance: v.hindrance(),
		Consumers: v.consumersProblem(), ConsumersUnseen: v.consumersUnseen(), Retiring: v.retirements(), Trouble: v.trouble(),
	}
	if plan.Usable && !o.Object.Deleting {
		plan.NextRotation, plan.Rotating, plan.Handled = v.rotation().next, v.rotating(), v.handled()
	} else if !o.Object.Deleting {
		plan.Rotating = v.cutOff()
	}
	for _, r := range rules {
		if decision := r.decide(v); decision != nil {
			plan.Decision, plan.Rule = decision, r.name
			return plan
		}
	}
	plan.Decision, plan.Rule = Rest{}, "nothing to do"
	return plan
}

// Published gives the plan for an object whose Secret has just been written with a ledger: what is told of it afterwards.
func Published(o Observation, record ledger.Ledger) Planned {
	before, worked := o.Secret.Ledger.Current, newView(o).usable()
	o.Secret.Presence, o.Secret.Trust, o.Secret.Ledger = Owned, ledger.Proof, record
	o.Secret.ValueIntact, o.Secret.Drifted, o.Secret.WrittenAt = true, false, o.ServerNow
	o.Memory.InHand = nil
	if !worked || record.Current.ID != before.ID || record.Current.Sequence != before.Sequence {
		// Nobody has looked at pods for this value.
		o.Stale = Consumers{Early: true}
	}
	return Plan(o)
}

// Next is the number of the object's next token, and tells whether it wants one, or waits for one.
func Next(o Observation) (sequence int, wanted bool) {
	v := newView(o)
	return v.nextSequence(), !v.settled()
}

// HandSpent tells whether a minted value that is still in memory has lost its use: it was published, or somebody else
// published another token, or it is revoked. What is left of it at the vendor is a stray like any other, but where tokens have no
// names: lost says that this process alone knows whose it is. What the vendor's tokens are like must be known for that.
func HandSpent(o Observation) (spent, lost bool) {
	v, hand := newView(o), o.Memory.InHand
	if hand == nil || v.handFits() || o.Issuer.Capabilities == (token.Capabilities{}) {
		return false, false
	}
	id := hand.Token.ID
	lost = !v.named() && !v.hint.Knows(id) && !v.proof.Knows(id) && !v.revoked(id) && !v.Memory.Published[id]
	return true, lost
}
