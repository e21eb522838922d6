package lifecycle

import (
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// Decision is the one thing to do next. The set is closed.
//
//sumtype:decl
type Decision interface{ isDecision() }

// Rest: all is as it should be, until Next (zero: until something changes).
type Rest struct{ Next time.Time }

// Wait: something outside must happen first. Until is when to look again; zero for when it changes.
type Wait struct {
	Problem
	Until time.Time
}

// Stall: a person must act.
type Stall struct{ Problem }

// Relist: a list of the vendor's tokens is needed that begins after an instant of the operator's clock.
type Relist struct {
	After time.Time
	// Purpose says in a few words what the list is for.
	Purpose string
}

// Protect: put the operator's finalizer on the object.
type Protect struct{}

// Issue: create a token at the vendor, and publish it.
type Issue struct {
	Name     string
	Sequence int
	// Role and Rights are what it is to be allowed.
	Role   string
	Rights []string
	// ExpiresAt is zero for a token without an end; ExpiresAfter is the lifetime that the spec asks for.
	ExpiresAt    time.Time
	ExpiresAfter time.Duration
	// Inputs is the digest of what the spec asks of the vendor.
	Inputs string
	// Planned: the spec or the vendor's expiry caused it, so that it does not count against the mint budget.
	Planned bool
	// Replaces is the token that is current now; empty for none. Ended: it has ended for certain.
	Replaces token.ID
	Ended    bool
	Why      string
	// Request is the person's request that it answers; empty for none.
	Request string
	// Overrides: it does not wait for the maintenance window, for the token in use would end before.
	Overrides bool
	// Attempt is to be written down before the vendor is asked; nil where the name tells it all.
	Attempt *Attempt
	// Cut tells that whoever had the value before it is cut off, and how; empty where nobody is.
	Cut ledger.Cut
}

// Report: have the issuer say of tokens that they may be ours, for a person to decide.
type Report struct {
	IDs []token.ID
	// Unlisted is a create whose token nothing lists; nil for none.
	Unlisted *Attempt
	// Kept is a token that a deletion leaves alone although no Secret holds it; nil for none.
	Kept *ledger.Entry
	// Unproved is a token that the status names and no ledger that can be believed; nil for none.
	Unproved *ledger.Entry
}

// Change: have the vendor allow the current token something else, with the value it has.
type Change struct {
	ID     token.ID
	Role   string
	Rights []string
	// Inputs is the digest of what the spec asks for.
	Inputs string
}

// Roll: have the vendor replace the value of the current token, and publish it. That is written down already, by this process.
type Roll struct {
	ID   token.ID
	Name string
	// Sequence is the token's next one.
	Sequence int
	// Inputs and ExpiresAfter are what the token was made with: it keeps them.
	Inputs       string
	ExpiresAfter time.Duration
	Why          string
	// Request is the person's request that it answers; empty for none.
	Request string
}

// Confirm: ask the vendor for one token by its ID, since a list lacks it.
type Confirm struct{ ID token.ID }

// Source tells where the value of a publication comes from.
type Source int

const (
	// FromHand: minted by this process and not published yet.
	FromHand Source = iota + 1
	// FromSecret: the value the Secret holds.
	FromSecret
	// FromVendor: read again at the vendor.
	FromVendor
)

// Publish: write the Secret, with this value and this ledger (digests are added by the writer).
type Publish struct {
	Source Source
	Ledger ledger.Ledger
	Why    string
	// Silent: nothing changes but what the operator has to know, so that it is no news for people.
	Silent bool
}

// Restart: restart the workloads whose pods hold a value from before the one that the Secret has now.
type Restart struct {
	// Sequence is that of the token in use: for each, workloads are restarted once.
	Sequence int
	// Pause is how long those that cannot be restarted yet are left alone.
	Pause time.Duration
}

// Revoke: end one token at the vendor.
type Revoke struct {
	ID   token.ID
	Name string
	Why  string
	// Cuts: it is the token that the Secret holds, so that consumers are cut off.
	Cuts bool
}

// DeleteSecret: delete the object's own Secret.
type DeleteSecret struct{}

// Retain: mark the Secret as retained.
type Retain struct{ Ledger ledger.Ledger }

// Release: remove the operator's finalizer.
type Release struct {
	// Unrevoked: a person asked for it although tokens may be left at the vendor.
	Unrevoked bool
	// Kept is the token that is left at the vendor on purpose; empty for none.
	Kept token.ID
}

func (Rest) isDecision()         {}
func (Wait) isDecision()         {}
func (Stall) isDecision()        {}
func (Relist) isDecision()       {}
func (Protect) isDecision()      {}
func (Issue) isDecision()        {}
func (Change) isDecision()       {}
func (Roll) isDecision()         {}
func (Confirm) isDecision()      {}
func (Report) isDecision()       {}
func (Publish) isDecision()      {}
func (Restart) isDecision()      {}
func (Revoke) isDecision()       {}
func (DeleteSecret) isDecision() {}
func (Retain) isDecision()       {}
func (Release) isDecision()      {}

// IsEffect tells whether carrying out the decision changes anything outside this process, so that it must rest on live
// reads. Protect is left out: it is harmless, and its own answer is the live read.
func IsEffect(d Decision) bool {
	switch d.(type) {
	case Issue, Change, Roll, Report, Publish, Restart, Revoke, DeleteSecret, Retain, Release:
		return true
	case Rest, Wait, Stall, Relist, Confirm, Protect:
		return false
	default:
		return false
	}
}

// Planned is a decision and what was found on the way to it.
type Planned struct {
	Decision Decision
	// Rule names the rule that decided.
	Rule string
	// Usable: the Secret holds a token that, as far as is known, works.
	Usable bool
	// Proof is the ledger that is believed; nil for none.
	Proof *ledger.Ledger
	// Fulfilled: it is what the spec asks for. Settled: and it need not be replaced.
	Fulfilled, Settled bool
	// Hindrance is what keeps the spec from being carried out though a token is usable; nil where nothing does.
	Hindrance *Problem
	// Retiring are the tokens that wait for their revocation.
	Retiring []Retirement
	// NextRotation is when the token in use is to be replaced, by the API server's clock; zero for never. Rotating is why it waits though
	// it is due; nil where it is not.
	NextRotation time.Time
	Rotating     *Problem
	// Consumers is why pods hold older values than the Secret's; nil where none does. ConsumersUnseen: whether any does is not known yet.
	Consumers       *Problem
	ConsumersUnseen bool
	// Handled: the person's request has been answered.
	Handled bool
	// Trouble is what keeps the vendor from being reached or used; nil where nothing does. It says nothing about Ready.
	Trouble *Problem
}

// Retirement is one token that waits for its revocation.
type Retirement struct {
	ledger.Entry
	WaitingFor WaitingFor
	// Consumers are the pods that may hold it.
	Consumers Consumers
	// Due is when it may be revoked at the earliest.
	Due time.Time
}
