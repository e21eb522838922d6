package token

import "time"

// ID is a vendor's identifier of a token record. It is not secret.
type ID string

// State is what a vendor says of a token.
type State string

const (
	// Active tokens are accepted by the vendor.
	Active State = "active"
	// Revoked tokens are refused by the vendor for ever.
	Revoked State = "revoked"
)

// Token is one row of a vendor's list: everything but the value.
type Token struct {
	ID   ID
	Name string
	// State is Active or Revoked. A state a vendor invents later is read as Active: nothing may depend on its being gone.
	State State
	// Account is the vendor account that the row says it belongs to; empty where rows do not say.
	Account string
	// IssuedAt is the vendor's own time of creation; zero where it is not shown.
	IssuedAt time.Time
	// ExpiresAt is zero for a token without an expiry.
	ExpiresAt time.Time
	// RevokedAt is zero where the token is active or the vendor does not say.
	RevokedAt time.Time
	// LastUsedAt is zero where the token was never used or the vendor does not say.
	LastUsedAt time.Time
	// Rights are the permissions or scopes of the token, sorted; nil where rows do not say.
	Rights []string
	// AuditID is what the vendor's audit log calls the token; empty where that is its ID.
	AuditID string
	// MediatorID is the Causely mediator the token is tied to; empty for other vendors.
	MediatorID string
}

// Marker reads the operator's marker from the token's name.
func (t Token) Marker() (Marker, bool) {
	_, marker, ok := ParseName(t.Name)
	return marker, ok
}

// UnusedAfter is how long nobody must have used a token for it to count as unused.
const UnusedAfter = 90 * 24 * time.Hour

// Unused tells whether nobody is known to have used the token for that long. One that was never used counts from its creation.
func (t Token) Unused(now time.Time) bool {
	since := t.LastUsedAt
	if t.IssuedAt.After(since) {
		since = t.IssuedAt
	}
	return !since.IsZero() && now.Sub(since) >= UnusedAfter
}

// Issued is what a successful create answers: the row and its value.
type Issued struct {
	Token
	Value Value
}

// Snapshot is what one list of a vendor's tokens showed.
//
// The presence of a row is evidence, whatever else is wrong with the list. The absence of one is evidence only if the
// list was Complete and Anchored and began later than the token's own creation was acknowledged.
type Snapshot struct {
	// Account is the vendor account that the rows belong to; empty where the list is empty or rows do not say.
	Account string
	// StartedAt is our own clock when the list was asked for; Duration is how long it took.
	StartedAt time.Time
	Duration  time.Duration
	// VendorTime is the Date of the vendor's answer; zero where there was none.
	VendorTime time.Time
	// Complete is false where paging broke off.
	Complete bool
	// Anchored is true where the list shows the right account and at least one row of the latest list that was anchored itself, or
	// of the first.
	Anchored bool
	// Rows are the tokens with a marker of this installation, by ID.
	Rows map[ID]Token
	// ByObject are the IDs of the rows by the object of their marker, so that each GatewayToken need not read the names of all; nil where
	// nobody sorted them.
	ByObject map[string][]ID
	// Before is the list before this one; nil where there was none, or where it proves nothing by what it lacks.
	Before *Snapshot
	// Unmanaged counts active rows without a marker of this installation; Active counts all active rows.
	Unmanaged int
	Active    int
	// UnmanagedUnused counts those of the unmanaged that are unused; none where the vendor does not show that.
	UnmanagedUnused int
	// Early: when the list before it began, a process before this one may still have had a create under way, so that a row which is new in
	// it is nothing strange.
	Early bool
	// Foreign are the tokens with this installation's marker that somebody else made, Missed those in use that are gone together with so
	// many others that nothing follows from it, until a person has looked. Neither map is changed once it is here.
	Foreign, Missed map[ID]bool
}

// Taken tells whether there is a snapshot at all.
func (s Snapshot) Taken() bool { return !s.StartedAt.IsZero() }

// BegunAfter tells whether the list was asked for later than an instant of our own clock.
func (s Snapshot) BegunAfter(t time.Time) bool { return s.Taken() && s.StartedAt.After(t) }

// Of gives the rows with the marker of the very object, whatever their sequence, in no order.
func (s Snapshot) Of(object Marker) []Token {
	var of []Token
	note := func(row Token) {
		if marker, ok := row.Marker(); ok && marker.SameIncarnation(object) {
			of = append(of, row)
		}
	}
	if s.ByObject != nil {
		for _, id := range s.ByObject[object.Object] {
			note(s.Rows[id])
		}
		return of
	}
	for _, row := range s.Rows {
		note(row)
	}
	return of
}

// LackedTwice tells whether this list and the one before it prove, by not showing it, that a token is gone. Both began later than
// an instant at which it certainly was there.
func (s Snapshot) LackedTwice(id ID, there time.Time) bool {
	if s.Before == nil || !s.Complete || !s.Anchored || !s.Before.BegunAfter(there) {
		return false
	}
	_, now := s.Rows[id]
	_, before := s.Before.Rows[id]
	return !now && !before
}

// Capabilities are what the planner may rely on at a vendor. It reads these and never a vendor's name.
type Capabilities struct {
	// Named: a token carries a name of our choice, and a list shows it.
	Named bool
	// UniqueNames: the vendor refuses a second token of the same name.
	UniqueNames bool
	// Listable: all tokens of the scope can be listed.
	Listable bool
	// ValueReadable: the value of an active token can be read again.
	ValueReadable bool
	// KeepsRevoked: revoked tokens stay in the list, so that absence is never revocation.
	KeepsRevoked bool
	// GetByID: one token can be asked for by its ID.
	GetByID bool
	// ShowsLastUse: rows tell when the token was last used.
	ShowsLastUse bool
	// UpdateInPlace: permissions can be changed without a new value.
	UpdateInPlace bool
	// Roll: the vendor can replace the value of a token; the old one dies at once.
	Roll bool
	// Expires: the vendor ends tokens by itself.
	Expires bool
	// RevokeConfirms: the answer to a revocation says that the token is revoked, by the vendor's own document.
	RevokeConfirms bool
	// MaxNameLength in bytes.
	MaxNameLength int
	// Slots bounds the active tokens of a scope; 0 for no bound.
	Slots int
	// ListLag is how much later than its creation a token may first appear in a list.
	ListLag time.Duration
}
