// Package lifecycle decides what happens next to one GatewayToken.
//
// It is pure: Plan takes everything that is known (Observation) and gives the one thing to do (Decision). It reads no
// clock, calls nobody and keeps nothing. Its rules are two ordered lists of small functions, one for a living object and
// one for an object that is being deleted; the first rule that has an opinion decides.
//
// What the rules uphold, at whatever instant the process dies and whatever answer gets lost:
//
//   - a token that may exist is never forgotten: nothing is released before a list shows that it is gone, unless a person says so;
//   - a token that consumers may hold is never revoked before its successor is published and the overlap has passed, unless the
//     object is deleted;
//   - a token is minted only if a list, begun after every earlier attempt ended, shows none that would do;
//   - nothing is revoked that is not proved to be ours.
package lifecycle

import (
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// Observation is all that is known about one GatewayToken at one instant. That something is absent is data, too; a failed read gives no Observation.
type Observation struct {
	// Now is the operator's clock, ServerNow what the API server's says at the same instant.
	Now, ServerNow time.Time

	Object   Object
	Issuer   Issuer
	Secret   Secret
	Snapshot token.Snapshot
	// Consumers are the pods that may hold tokens which were replaced, by the token's ID: of those alone that the ledger lists as having
	// been published.
	Consumers map[token.ID]Consumers
	// Stale are the pods that may hold any value from before the one that the Secret has now. They are looked at where WatchesPods says so.
	Stale    Consumers
	Memory   Memory
	Settings Settings
}

// Consumers are the pods that may hold a token which was replaced.
type Consumers struct {
	// Gone: no pod holds it any more, for certain.
	Gone bool
	// Early: none is known to hold it, and it is too early to be certain.
	Early bool
	// Found: pods were found to use the Secret, with whatever value.
	Found bool
	// Unknown: the operator may not ask.
	Unknown bool
	// Text says who holds it, or why that is not known.
	Text string
}

// Object is the GatewayToken.
type Object struct {
	// Marker is the object's marker without a sequence.
	Marker token.Marker
	// BaseName is the human part of the token's name.
	BaseName string
	// Deleting: it has a deletion timestamp.
	Deleting bool
	// Protected: it carries the operator's finalizer.
	Protected bool
	// SkipRevocation: a person asked to release it without a revocation.
	SkipRevocation bool
	// Suspended: no mint, no repair, no retirement; deletion goes on.
	Suspended bool
	// Retain: deletion leaves token and Secret in place.
	Retain bool
	// ReportRevocation: a token revoked by somebody else is reported and not replaced.
	ReportRevocation bool
	// Overlap is how long a replaced token stays valid after no pod holds it any more, OverlapOfPods the same where pods were found to
	// use the Secret; MaxOverlap how long its use by somebody else may delay that, without end where it is zero.
	Overlap, OverlapOfPods, MaxOverlap time.Duration
	// Consumers is what the spec says of those who use the Secret.
	Consumers ConsumersAction
	// Role and Rights are what the token is to be allowed; none at a vendor without rights. Inputs is the digest of what the spec
	// asks of the vendor.
	Role   string
	Rights []string
	Inputs string
	// ExpiresAfter is how long a token is to live; zero for no end.
	ExpiresAfter time.Duration
	// RenewBefore is how long before its end a token is replaced; a third of its life when zero.
	RenewBefore time.Duration
	// RotateEvery is the age at which a token is replaced, and RotateEarlier how much earlier this object's is; zero for never.
	RotateEvery, RotateEarlier time.Duration
	// Window tells whether tokens may be replaced by age at an instant, and from when on they may next; nil for at any time.
	Window func(at time.Time) (open bool, next time.Time)
	// Strategy is what becomes of the token in use when it is replaced by time or on request.
	Strategy Strategy
	// Request is a person's request for another token; without a text where there is none.
	Request RotateRequest
	// Attempt is a create that was written down before the vendor was asked, and Record the last ledger that is known of, both
	// from the status and signed: only where tokens have no names. Nil for none.
	Attempt *Attempt
	Record  *ledger.Ledger
	// Twin names another GatewayToken with the same marker; empty for none.
	Twin string
	// Invalid tells what is wrong with the spec; nil where nothing is.
	Invalid *Problem
	// HintID and HintSequence are what the status says of the current token: hints, since people can write a status.
	HintID       token.ID
	HintSequence int
	// HintIssuedAt is when it says that the token was issued, HintHandled the request for a rotation that was answered, and HintRetiring are
	// the tokens that wait for their revocation.
	HintIssuedAt time.Time
	HintHandled  string
	HintRetiring map[token.ID]bool
	// HintConsumersReady: it says that every pod has taken up that token.
	HintConsumersReady bool
	// HintIssued: the status says that a create may have happened, or that tokens are retiring.
	HintIssued bool
	// HeldBackUntil is when the next try is due after failures of this object's own; zero for now.
	HeldBackUntil time.Time
	// HeldBack is what failed.
	HeldBack Problem
}

// ConsumersAction is how consumers take up another value.
type ConsumersAction int

const (
	// NoConsumersAction: nothing is said of it. A replaced token waits for its pods all the same.
	NoConsumersAction ConsumersAction = iota
	// RestartConsumers: the operator restarts workloads.
	RestartConsumers
	// AwaitConsumers: somebody else restarts them, or they read files again.
	AwaitConsumers
)

// RotateRequest is a request for another token.
type RotateRequest struct {
	// Text is the request as it was written: each is answered once.
	Text string
	At   time.Time
	// Revoke: what is replaced is to be revoked as soon as the successor is published.
	Revoke bool
	// Invalid tells what is wrong with what was written; nil where nothing is.
	Invalid *Problem
}

// Issuer is the vendor account, as far as this object is concerned.
type Issuer struct {
	// Known: this process has looked at the issuer as its spec is now, or there is none. Until then nothing is said about it.
	Known bool
	// Found: the issuer exists.
	Found bool
	// OutOfReach: the issuer is of a kind that this operator cannot read. It is Known and not Found, and that says nothing of whether it
	// exists, nor of what was issued through it; Problem says so.
	OutOfReach bool
	// Protected: the issuer carries the operator's finalizer, so that it outlives the tokens that need it.
	Protected bool
	// Terminating: the issuer has a deletion timestamp. Nothing is first issued from it.
	Terminating bool
	// CanMint, CanList and CanRevoke are false where the issuer's state forbids it; Problem says why.
	CanMint, CanList, CanRevoke bool
	Problem                     Problem
	// Granted: the issuer grants this namespace what the spec asks for; NotGranted says what is missing.
	Granted    bool
	NotGranted string
	// Exclusive: nobody else makes tokens where this object's are. Gone: the place does not exist any more, and its tokens with it.
	Exclusive, Gone bool
	// LastCreateEnded is when the latest create at that place ended that this process knows of, for whichever object.
	LastCreateEnded time.Time
	// HeldUntil is when no create for another object can be under way at the place where this object's tokens are.
	HeldUntil time.Time
	// Reported are the tokens of which the issuer says that they may be ours, Acknowledged those of them that a person has decided
	// about, ReportedNames the names of those that nothing lists.
	Reported, Acknowledged map[token.ID]bool
	ReportedNames          map[string]bool
	// Disputed: somebody else makes tokens with our marker. Missing: many of the issuer's tokens are gone at once. ListDoubted: lists just do
	// not show some of these. None of it is so once a person has decided about it.
	Disputed, Missing, ListDoubted bool
	// Account is the vendor account the issuer is pinned to; empty while none is known.
	Account      string
	Capabilities token.Capabilities
}

// Presence tells what is at the place where the Secret belongs.
type Presence int

const (
	// Absent: there is no Secret of that name.
	Absent Presence = iota
	// Owned: it is this object's Secret, by a signed ledger, or by its label and one that is not.
	Owned
	// Foreign: somebody else's Secret is there.
	Foreign
	// Adoptable: somebody's Secret is there, and the spec says that it may be taken over.
	Adoptable
)

// Secret is the Secret that holds the token's value.
type Secret struct {
	Presence Presence
	// Trust and Ledger: what its ledger says and how much of it can be believed.
	Trust  ledger.Trust
	Ledger ledger.Ledger
	// WrittenAt is the API server's own time of the operator's last write to it.
	WrittenAt time.Time
	// ValueIntact: the value is the one that the ledger has the digest of.
	ValueIntact bool
	// Terminating: it has a deletion timestamp, and stays for somebody else's finalizer.
	Terminating bool
	// HoldsPrevious: it has the value of the token that was replaced last, beside the one in use.
	HoldsPrevious bool
	// Drifted: something other than the value is not as the spec wants it: another key, a label, an annotation.
	Drifted bool
}

// Memory is what this process alone knows. All of it may be lost at any time: the rules only ever wait longer, or revoke
// later, for not knowing it. Undo alone is then left to a person.
type Memory struct {
	// LeaderSince is when this process became leader.
	LeaderSince time.Time
	// LastCreateEnded is when the latest create for this object ended, however it did; zero for none.
	LastCreateEnded time.Time
	// InHand is a token that was minted and is not published yet.
	InHand *InHand
	// Answered is the sequence of the latest create whose token this process had in hand and gave up: what came of it is known. Zero
	// for none.
	Answered int
	// Doubted are the names this process asked for without having published the answer, Published the tokens it published.
	Doubted   map[string]bool
	Published map[token.ID]bool
	// Revoked tells when the vendor confirmed a revocation, for tokens an older list may still show as active.
	Revoked map[token.ID]time.Time
	// Contested are tokens whose revocation the vendor refused as a conflict: they may have ended before, or not.
	Contested map[token.ID]bool
	// Undo are tokens that were made under a name or in an account where they could never be found again.
	Undo []token.ID
	// RepairAfter and ReadAfter hold back what somebody makes necessary again and again; zero for now.
	RepairAfter, ReadAfter time.Time
	// Gone are tokens of which the vendor said that it does not know them.
	Gone map[token.ID]bool
	// There tells when the vendor showed a token that a list lacked.
	There map[token.ID]time.Time
	// Creates are the times of this process's creates that neither spec nor expiry caused, earliest first.
	Creates []time.Time
	// Free tells since when, by the API server's clock, no pod holds a token that was replaced.
	Free map[token.ID]time.Time
	// Restarts is what this process knows of the restarts for the token in use.
	Restarts RestartProgress
	// Taken are sequences whose name the vendor refused because there is a token of that name.
	Taken map[int]bool
	// Changed is the digest of what the vendor has said that it changed the current token to since its ledger was written; empty for
	// nothing.
	Changed string
	// ChangedAt is when it was asked last.
	ChangedAt time.Time
	// Intended is what this process wrote down to have the token changed to; empty for nothing.
	Intended string
	// ChangeDoubted is when the latest change ended whose answer was lost.
	ChangeDoubted time.Time
	// Process tells this process from all others.
	Process string
	// RollAsked is the sequence of the latest replacement in place that the vendor was asked for, and may have carried out. RollRefused is
	// that of one which it certainly has not, and which is still written down. Zero for none.
	RollAsked, RollRefused int
	// Turn is when the token may be replaced by age, by the operator's clock; zero while none was asked for.
	Turn time.Time
}

// RestartProgress is what came of restarting workloads for a token.
type RestartProgress struct {
	// Sequence is the token's.
	Sequence int
	// Done: all were restarted that were to be.
	Done bool
	// Next is when the others are looked at again; zero for now.
	Next time.Time
	// Refused: some cannot be restarted by the operator.
	Refused bool
	// Text says for people what stands in the way; empty for nothing.
	Text string
}

// InHand is a minted token whose value exists nowhere else but here.
type InHand struct {
	Token token.Token
	// Replaces is the token that was current when it was minted; empty for none.
	Replaces token.ID
	// Sequence, Ended, Inputs, ExpiresAfter, Planned and Request are those of the Issue it was minted by.
	Sequence     int
	Ended        bool
	Inputs       string
	ExpiresAfter time.Duration
	Planned      bool
	Request      string
	// Cut tells that whoever had the value before it is cut off, and how. Where the value was replaced in place, that has happened already.
	Cut ledger.Cut
}

// Settings are the operator's, not the object's.
type Settings struct {
	// OverlapFloor is the shortest overlap that is honoured.
	OverlapFloor time.Duration
	// Settle is how long a vendor may take to commit a request whose answer was lost.
	Settle time.Duration
	// PodMargin is how much later than a publication a pod must have been created to have the new value for certain.
	PodMargin time.Duration
	// RestartDelay is how long after a publication workloads are restarted at the earliest. It is longer than PodMargin: a pod that was
	// made within that would pass for an old one for as long as it lives.
	RestartDelay time.Duration
	// RestartsAtOnce is how many workloads of a namespace are being restarted at the same time; zero for no limit.
	RestartsAtOnce int
	// WatchPause is the shortest pause between two looks at the pods that hold a token which was replaced.
	WatchPause time.Duration
	// StrangerRest is how long a token without a name that a create may have left stays before it is revoked: whoever has its value
	// has that long to be seen using it.
	StrangerRest time.Duration
	// FormerClusters are those whose tokens are this installation's to revoke. Those of others are used, and left when they are replaced.
	FormerClusters []string
	// OrphanRest is how long a token that nothing accounts for must have been seen before a person is told to look, and may have it revoked.
	OrphanRest time.Duration
	// MaxSkew is how far the operator's clock may be off before time triggers nothing.
	MaxSkew time.Duration
	// MintsPerHour and MintsPerDay bound the creates that no spec caused.
	MintsPerHour, MintsPerDay int
	// IssuerRotationsPerMinute and NamespaceRotationsPerMinute bound the replacements by age, of an issuer's tokens and of a namespace's;
	// zero for no bound.
	IssuerRotationsPerMinute, NamespaceRotationsPerMinute int
}

// TakesTurns tells whether what is due by age waits for its turn.
func (s Settings) TakesTurns() bool {
	return s.IssuerRotationsPerMinute > 0 || s.NamespaceRotationsPerMinute > 0
}

// DefaultSettings are the documented defaults.
func DefaultSettings() Settings {
	return Settings{
		OverlapFloor:   2 * time.Minute,
		Settle:         30 * time.Second,
		PodMargin:      10 * time.Second,
		RestartDelay:   15 * time.Second,
		RestartsAtOnce: 10,
		StrangerRest:   15 * time.Minute,
		OrphanRest:     24 * time.Hour,
		MaxSkew:        5 * time.Minute,
		MintsPerHour:   3,
		MintsPerDay:    10,
		WatchPause:     30 * time.Second,

		IssuerRotationsPerMinute:    10,
		NamespaceRotationsPerMinute: 5,
	}
}

// Problem says why something is not done and what to do about it.
type Problem struct {
	Reason  Reason
	Message string
}
