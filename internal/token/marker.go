package token

import (
	"crypto/sha256"
	"encoding/base32"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The marker is the operator's signature in a token's name at the vendor. It makes the vendor's own list the
// ledger of last resort: whatever else is lost, the list tells whose token a row is.
//
//	<base>-gwt-<install>-<object>-<incarnation>-<sequence>
//
// Tokens carry it for as long as they live, so THE FORMAT CANNOT CHANGE once tokens exist. It is golden-tested.
const (
	installLength     = 8
	objectLength      = 16 // 80 bits: no tenant can grind a second object with the same hash
	incarnationLength = 6
	// MaxSequence is the largest sequence a name can carry.
	MaxSequence = 999_999_999
)

// DefaultMaxNameLength bounds a name where the vendor states a limit above it or none is known to be lower.
const DefaultMaxNameLength = 100

var markerPattern = regexp.MustCompile(`^(.*)-gwt-([a-z2-7]{8})-([a-z2-7]{16})-([a-z2-7]{6})-([1-9][0-9]{0,8})$`)

// Marker says whose token it is.
type Marker struct {
	// Install names the operator installation: cluster and instance.
	Install string
	// Object names the GatewayToken by cluster, namespace and name: the same after it is deleted and created again.
	Object string
	// Incarnation names the GatewayToken's UID: another one after it is deleted and created again.
	Incarnation string
	// Sequence counts the tokens of an incarnation, from 1.
	Sequence int
}

// Identity is the installation that mints: it signs every marker.
type Identity struct {
	// ClusterID is the UID of the namespace kube-system, or what --cluster-id says.
	ClusterID string
	// Instance tells apart several operators in one cluster; empty for the only one.
	Instance string
	// Former are the IDs of clusters that what is in this one came from. No marker is signed for them.
	Former []string
}

// Install gives the marker part of the installation.
func (i Identity) Install() string { return hashed(installLength, i.ClusterID, i.Instance) }

// FormerInstalls are the marker parts of this installation in former clusters.
func (i Identity) FormerInstalls() []string {
	var installs []string
	for _, cluster := range i.Former {
		installs = append(installs, Identity{ClusterID: cluster, Instance: i.Instance}.Install())
	}
	return installs
}

// Objects are the object parts of a GatewayToken's marker: the one that it has, and those that it had in former clusters.
func (i Identity) Objects(namespace, name string) []string {
	objects := []string{i.Marker(namespace, name, "").Object}
	for _, cluster := range i.Former {
		objects = append(objects, Identity{ClusterID: cluster}.Marker(namespace, name, "").Object)
	}
	return objects
}

// Marker gives the marker of a GatewayToken without a sequence.
func (i Identity) Marker(namespace, name, uid string) Marker {
	return Marker{
		Install:     i.Install(),
		Object:      hashed(objectLength, i.ClusterID, namespace, name),
		Incarnation: hashed(incarnationLength, uid),
	}
}

// hashed gives the leading characters of the lower-case base32 of SHA-256 over the NUL-separated fields.
func hashed(length int, fields ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(fields, "\x00")))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:length]
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// WithSequence gives the marker of one token.
func (m Marker) WithSequence(sequence int) Marker {
	m.Sequence = sequence
	return m
}

// SameObject tells whether both belong to the same GatewayToken name of the same installation, in whatever incarnation.
func (m Marker) SameObject(other Marker) bool {
	return m.Install == other.Install && m.Object == other.Object
}

// SameIncarnation tells whether both belong to the very same GatewayToken.
func (m Marker) SameIncarnation(other Marker) bool {
	return m.SameObject(other) && m.Incarnation == other.Incarnation
}

// String gives the marker as it ends a name, without the base.
func (m Marker) String() string {
	return "gwt-" + m.Install + "-" + m.Object + "-" + m.Incarnation + "-" + strconv.Itoa(m.Sequence)
}

// Name puts the marker behind a base. The base is decoration for people: it is what gets shortened where the name
// would exceed maxLength characters (bytes; the base is cut between characters).
func (m Marker) Name(base string, maxLength int) string {
	suffix := "-" + m.String()
	room := max(maxLength-len(suffix), 0)
	if len(base) > room {
		base = base[:room]
		for base != "" && !utf8.ValidString(base) {
			base = base[:len(base)-1]
		}
	}
	return strings.TrimRight(base, " -._") + suffix
}

// maxParsedName is more than any name of ours has.
const maxParsedName = 255

// ParseName reads the marker from the end of a name. A name without one is somebody else's, and so is one that nobody could have asked
// for: names come from the vendor, and go into messages and status.
func ParseName(name string) (base string, marker Marker, ok bool) {
	if len(name) > maxParsedName || !utf8.ValidString(name) || strings.ContainsFunc(name, unprintable) {
		return "", Marker{}, false
	}
	parts := markerPattern.FindStringSubmatch(name)
	if parts == nil {
		return "", Marker{}, false
	}
	sequence, err := strconv.Atoi(parts[5])
	if err != nil {
		return "", Marker{}, false
	}
	return parts[1], Marker{Install: parts[2], Object: parts[3], Incarnation: parts[4], Sequence: sequence}, true
}
