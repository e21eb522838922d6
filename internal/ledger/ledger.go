// Package ledger is the record that travels with a token: one annotation on the token's Secret, written in the same
// write as the value, signed so that nobody but the operator can have written it.
//
// The Secret and its ledger cannot disagree, because the API server stores them together or not at all. Everything
// that gates a mint or a revocation is in here; the GatewayToken's status is a copy for people.
//
// THE FORMAT CANNOT CHANGE once Secrets carry it: later versions must go on reading every earlier one. It is golden-tested.
package ledger

import (
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// Version is the format this package writes.
const Version = 1

// Bounds keep the annotation small (a Kubernetes object's annotations share 256 KiB).
const (
	// MaxEntries bounds the tokens that can be waiting for their revocation.
	MaxEntries = 32
	// MaxMints bounds the creates that are remembered for the mint budget.
	MaxMints = 16
)

// Ledger is the record.
type Ledger struct {
	Version int `json:"v"`
	// Account is the vendor account the token belongs to; empty where the vendor does not show it.
	Account string `json:"account,omitempty"`
	// Issuer is that whose vendor said all this, as Kind/name: what one vendor says is worth nothing at another. Ledgers that were written
	// before this field do not have it.
	Issuer string `json:"issuer,omitempty"`
	// Incarnation is that of the GatewayToken which wrote the ledger.
	Incarnation string `json:"incarnation"`
	// Current is the token whose value the Secret holds.
	Current Entry `json:"current"`
	// ValueDigest is the keyed digest of the value.
	ValueDigest string `json:"value"`
	// PreviousDigest is the keyed digest of the value before, where the Secret has it, too; empty where it has not.
	PreviousDigest string `json:"previous,omitempty"`
	// KeyDigests are the keyed digests of every rendered key of the Secret's data.
	KeyDigests map[string]string `json:"keys"`
	// Shape is the digest of what the spec asked of the Secret (templates, labels, annotations) when it was last written.
	Shape string `json:"shape,omitempty"`
	// URL is the issuer's, as it was last rendered, so that the Secret can be repaired while the issuer is away.
	URL string `json:"url,omitempty"`
	// Inputs is the digest of what the spec asked of the vendor when the current token was minted.
	Inputs string `json:"inputs,omitempty"`
	// Changing is the digest of what the vendor is about to be asked to change the current token to: until Inputs has it, the token may
	// have either. Empty for nothing.
	Changing string `json:"changing,omitempty"`
	// ExpiresAfter is the lifetime that was asked for when the current token was minted; zero for none.
	ExpiresAfter time.Duration `json:"expiresAfter,omitempty"`
	// HandledRotateRequest is the last rotate request that a token was minted for.
	HandledRotateRequest string `json:"rotated,omitempty"`
	// RotatedBy is the sequence of that token: what was replaced for the request is older.
	RotatedBy int `json:"rotatedBy,omitempty"`
	// Retiring are the tokens that consumers may hold still.
	Retiring []Entry `json:"retiring,omitempty"`
	// Condemned are the tokens that were never published, for certain.
	Condemned []Entry `json:"condemned,omitempty"`
	// Mints are the latest creates, for the mint budget.
	Mints []Mint `json:"mints,omitempty"`
	// RestartedFor is the sequence that consumers were restarted for last.
	RestartedFor int `json:"restarted,omitempty"`
	// Rolling is the replacement of the current token's value in place that the vendor is about to be asked for: until Current has its
	// sequence, the value in the Secret may be dead. Nil for none.
	Rolling *Rolling `json:"rolling,omitempty"`
	// Vacating says that the operator is about to revoke the current token, whose successor needs its place: that it is revoked is
	// nobody else's doing.
	Vacating bool `json:"vacating,omitempty"`
	// Retained says that the GatewayToken is gone and left its token on purpose.
	Retained bool `json:"retained,omitempty"`
}

// Entry is one token in the record.
type Entry struct {
	ID       token.ID `json:"id"`
	Name     string   `json:"name,omitempty"`
	Sequence int      `json:"sequence"`
	// IssuedAt and ExpiresAt are the vendor's own times.
	IssuedAt  time.Time `json:"issuedAt,omitzero"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// Since is the API server's own time of the write that made the entry what it is (published, retiring, condemned).
	// It is zero in the very write that does so, since no one knows its time before it is done: then the time of the
	// Secret's last write by the operator counts.
	Since time.Time `json:"since,omitzero"`
	// Published: the Secret has held it, so that consumers may. Of the current one: and was lost since.
	Published bool `json:"published,omitempty"`
	// Free is the API server's time from which on no pod holds it; zero while one may, and where nobody wrote it down.
	Free time.Time `json:"free,omitzero"`
	// Cut is empty where both values worked for a time.
	Cut Cut `json:"cut,omitempty"`
	// From is the cluster that the token was made in, where that is another than the one that the ledger is signed for; else empty.
	From string `json:"from,omitempty"`
}

// Rolling is a replacement of a token's value in place.
type Rolling struct {
	// Sequence is the one that the token has with its next value.
	Sequence int `json:"sequence"`
	// By is the process that wrote it. It alone knows whether the vendor has been asked, and nobody else ever asks.
	By string `json:"by"`
}

// Cut tells how a token took the place of the one before it, where whoever had that one's value was cut off.
type Cut string

// Values of Cut.
const (
	// CutInPlace: the token was given another value. Its marker has the sequence that it was made with.
	CutInPlace Cut = "inPlace"
	// CutRevokeFirst: the one before it was revoked first.
	CutRevokeFirst Cut = "revokeFirst"
)

// Mint is one create that succeeded.
type Mint struct {
	Sequence int `json:"sequence"`
	// At is the vendor's own time of creation, or ours where the vendor does not show it.
	At time.Time `json:"at"`
	// BySpec tells that the spec caused it: a first token, a rotation that was due or asked for.
	BySpec bool `json:"bySpec,omitempty"`
}

// OfIssuer tells whether the ledger can be believed where an issuer's tokens are concerned.
func (l *Ledger) OfIssuer(issuer string) bool { return l.Issuer == "" || l.Issuer == issuer }

// Lists tells whether the token is waiting for its revocation here.
func (l *Ledger) Lists(id token.ID) bool {
	return l != nil && (contains(l.Retiring, id) || contains(l.Condemned, id))
}

// Knows tells whether the token is in the record at all.
func (l *Ledger) Knows(id token.ID) bool {
	return l != nil && (l.Current.ID == id || l.Lists(id))
}

// IDs are those of all tokens in the record.
func (l *Ledger) IDs() []token.ID {
	ids := []token.ID{l.Current.ID}
	for _, entry := range slices.Concat(l.Retiring, l.Condemned) {
		ids = append(ids, entry.ID)
	}
	return ids
}

// LastSequence is the highest sequence in the record.
func (l *Ledger) LastSequence() int {
	if l == nil {
		return 0
	}
	last := l.Current.Sequence
	if l.Rolling != nil {
		last = max(last, l.Rolling.Sequence)
	}
	for _, entry := range slices.Concat(l.Retiring, l.Condemned) {
		last = max(last, entry.Sequence)
	}
	for _, mint := range l.Mints {
		last = max(last, mint.Sequence)
	}
	return last
}

// Dated gives every listed token that has no time of its own that of the write which listed it; false where none lacks one.
func (l *Ledger) Dated(written time.Time) (dated Ledger, changed bool) {
	date := func(entries []Entry) []Entry {
		entries = slices.Clone(entries)
		for i := range entries {
			if entries[i].Since.IsZero() {
				entries[i].Since, changed = written, true
			}
		}
		return entries
	}
	dated = *l
	dated.Retiring, dated.Condemned = date(l.Retiring), date(l.Condemned)
	return dated, changed
}

func contains(entries []Entry, id token.ID) bool {
	return slices.ContainsFunc(entries, func(e Entry) bool { return e.ID == id })
}
