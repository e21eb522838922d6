package ledger

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// KeyBytes is the length of the signing key.
const KeyBytes = 32

// maxSealedBytes bounds what is parsed.
const maxSealedBytes = 64 << 10

// Owner is the place a ledger is bound to: a copy of the Secret elsewhere does not verify.
type Owner struct {
	ClusterID string
	Namespace string
	// GatewayToken is the name of the resource, Secret that of its Secret.
	GatewayToken string
	Secret       string
}

// Trust says how much of a ledger can be believed.
type Trust int

const (
	// Absent: there is no ledger, or nothing that can be read as one of this owner.
	Absent Trust = iota
	// Hint: it names this owner, but its signature does not verify (the key was lost, or somebody edited it). It may
	// spare a mint; it never causes a revocation and never causes a value to be read.
	Hint
	// Proof: the operator wrote exactly this for this owner.
	Proof
)

// Sealer signs and verifies ledgers and makes keyed digests. The key lives in a Secret of the operator's own namespace.
type Sealer struct {
	key []byte
	// former are clusters whose ledgers are believed, too: what is in the cluster came from them.
	former []string
}

// NewSealer takes the signing key, which must have KeyBytes bytes.
func NewSealer(key []byte) (Sealer, error) {
	if len(key) != KeyBytes {
		return Sealer{}, fmt.Errorf("the ledger key has %d bytes, want %d", len(key), KeyBytes)
	}
	return Sealer{key: key}, nil
}

// WithFormer gives a sealer that also believes what was signed with the same key for other clusters. It signs for none of them.
func (s Sealer) WithFormer(clusterIDs ...string) Sealer {
	s.former = slices.Clone(clusterIDs)
	return s
}

// sealed is the annotation: the payload as it was signed, whom it is for, and the signature.
type sealed struct {
	Payload json.RawMessage `json:"ledger"`
	Owner   string          `json:"owner"`
	MAC     string          `json:"mac"`
}

// ownerName is what a ledger says of its owner in clear, so that one whose key was lost still names it.
func ownerName(o Owner) string { return o.Namespace + "/" + o.GatewayToken + "/" + o.Secret }

// Seal gives the annotation's text.
func (s Sealer) Seal(owner Owner, l Ledger) (string, error) {
	l.Version = Version
	if !l.bounded() {
		return "", errBounds
	}
	payload, err := json.Marshal(l)
	if err != nil {
		return "", fmt.Errorf("marshal ledger: %w", err)
	}
	text, err := json.Marshal(sealed{Payload: payload, Owner: ownerName(owner), MAC: s.mac("ledger", owner.ClusterID, ownerName(owner), string(payload))})
	if err != nil {
		return "", fmt.Errorf("marshal sealed ledger: %w", err)
	}
	return string(text), nil
}

var errBounds = errors.New("the ledger has more entries than can be read again")

// bounded: what is written can be read again.
func (l *Ledger) bounded() bool {
	return len(l.Retiring) <= MaxEntries && len(l.Condemned) <= MaxEntries && len(l.Mints) <= MaxMints
}

var errNotOurs = errors.New("not a ledger of this owner")

// Open reads the annotation's text. What cannot be read, or belongs to another owner, is Absent.
func (s Sealer) Open(owner Owner, text string) (Ledger, Trust) {
	envelope, l, err := parse(owner, text)
	if err != nil {
		return Ledger{}, Absent
	}
	cluster, signed := s.signedFor(owner, envelope)
	if !signed {
		return l, Hint
	}
	if cluster != owner.ClusterID {
		l.cameFrom(cluster)
	}
	return l, Proof
}

// signedFor finds the cluster that a ledger was signed for.
func (s Sealer) signedFor(owner Owner, envelope sealed) (cluster string, signed bool) {
	for _, cluster := range append([]string{owner.ClusterID}, s.former...) {
		want := s.mac("ledger", cluster, ownerName(owner), string(envelope.Payload))
		if hmac.Equal([]byte(want), []byte(envelope.MAC)) {
			return cluster, true
		}
	}
	return "", false
}

// Former tells whether a ledger was signed for a former cluster, and not for this one.
func (s Sealer) Former(owner Owner, text string) bool {
	envelope, _, err := parse(owner, text)
	if err != nil {
		return false
	}
	cluster, signed := s.signedFor(owner, envelope)
	return signed && cluster != owner.ClusterID
}

// cameFrom notes of all tokens in a ledger where they were made, if it does not say so already.
func (l *Ledger) cameFrom(cluster string) {
	l.Current.From = cmp.Or(l.Current.From, cluster)
	for _, entries := range [][]Entry{l.Retiring, l.Condemned} {
		for i := range entries {
			entries[i].From = cmp.Or(entries[i].From, cluster)
		}
	}
}

func parse(owner Owner, text string) (sealed, Ledger, error) {
	var envelope sealed
	var l Ledger
	if len(text) == 0 || len(text) > maxSealedBytes {
		return envelope, l, errNotOurs
	}
	if err := json.Unmarshal([]byte(text), &envelope); err != nil {
		return envelope, l, fmt.Errorf("sealed ledger: %w", err)
	}
	if envelope.Owner != ownerName(owner) {
		return envelope, l, errNotOurs
	}
	if err := json.Unmarshal(envelope.Payload, &l); err != nil {
		return envelope, l, fmt.Errorf("ledger: %w", err)
	}
	if l.Version < 1 || !l.bounded() {
		return envelope, l, errNotOurs
	}
	return envelope, l, nil
}

// Digest is a keyed digest: it tells whether a content is what it was, and nothing else to whoever lacks the key.
// The purpose keeps a digest of one kind from being used as one of another.
func (s Sealer) Digest(owner Owner, purpose, content string) string {
	return s.mac("digest", owner.ClusterID, ownerName(owner), purpose, content)
}

// Matches tells whether a digest is the content's.
func (s Sealer) Matches(owner Owner, purpose, content, digest string) bool {
	for _, cluster := range append([]string{owner.ClusterID}, s.former...) {
		owner.ClusterID = cluster
		if hmac.Equal([]byte(s.Digest(owner, purpose, content)), []byte(digest)) {
			return true
		}
	}
	return false
}

// mac is HMAC-SHA-256 over the NUL-separated fields; none but the last may contain a NUL.
// Sign gives the signature of a text that is bound to a purpose and an owner, and is not a ledger.
func (s Sealer) Sign(purpose string, owner Owner, text string) string {
	return s.mac(purpose, owner.ClusterID, ownerName(owner), text)
}

// Signed tells whether a signature is the operator's.
func (s Sealer) Signed(purpose string, owner Owner, text, signature string) bool {
	return hmac.Equal([]byte(s.Sign(purpose, owner, text)), []byte(signature))
}

func (s Sealer) mac(fields ...string) string {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(strings.Join(fields, "\x00")))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
}

// NamedOwner reads which GatewayToken a ledger says it belongs to. It proves nothing: it is for finding whom to ask.
func NamedOwner(text string) (gatewayToken string, ok bool) {
	if len(text) > maxSealedBytes {
		return "", false
	}
	var envelope sealed
	if err := json.Unmarshal([]byte(text), &envelope); err != nil {
		return "", false
	}
	parts := strings.Split(envelope.Owner, "/")
	if len(parts) != 3 {
		return "", false
	}
	return parts[1], true
}
