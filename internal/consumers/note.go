package consumers

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// AnnotationRestartedFor is the annotation of a pod template that restarts its workload: a template that changes makes new
// pods. Its value is a Note.
const AnnotationRestartedFor = "gatewaytoken.io/restarted-for"

const (
	// maxEntries bounds a note: it is in the template, and from there in every pod.
	maxEntries     = 32
	maxTokenName   = 253
	maxIncarnation = 16
	maxDigits      = 9 // of a sequence, as in names at the vendor
	// maxNote is more than the longest note has, in bytes.
	maxNote = maxEntries * (maxTokenName + len("=") + maxDigits + len("/") + maxIncarnation + len(","))
)

// Entry is one thing that a workload was restarted for: a token of a GatewayToken.
type Entry struct {
	// Token is the GatewayToken's name, in the namespace of the workload.
	Token string
	// Sequence is the number of the token, from 1 to 999,999,999.
	Sequence int
	// Incarnation tells a GatewayToken from one of the same name before it: at most 16 lower-case letters and digits, as in the
	// marker. When it is empty, a GatewayToken that was deleted and created again is taken for restarted until its sequence passes
	// that of its predecessor.
	Incarnation string
}

// String gives mediator=3/qcjaag, or mediator=3 without an incarnation.
func (e Entry) String() string {
	text := e.Token + "=" + strconv.Itoa(e.Sequence)
	if e.Incarnation != "" {
		text += "/" + e.Incarnation
	}
	return text
}

// Valid tells whether an entry can be noted, and read again.
func (e Entry) Valid() bool {
	return e.Token != "" && len(e.Token) <= maxTokenName && consistsOf(e.Token, "-.") &&
		e.Sequence > 0 && len(strconv.Itoa(e.Sequence)) <= maxDigits &&
		len(e.Incarnation) <= maxIncarnation && consistsOf(e.Incarnation, "")
}

// consistsOf: lower-case letters, digits and these.
func consistsOf(text, others string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune(others, r)
	})
}

// covers: whoever was restarted for e was restarted for the other, too.
func (e Entry) covers(other Entry) bool {
	return e.Token == other.Token && e.Incarnation == other.Incarnation && e.Sequence >= other.Sequence
}

// Note is the value of the annotation: what a workload was last restarted for, one entry per GatewayToken, sorted by name. It
// has at most 32 entries. Several GatewayTokens share one note, so that one restart serves all that are due.
type Note []Entry

// ParseNote reads a value. People can edit it: what is no entry, or names a GatewayToken again, is left out, and so is
// everything where there is too much of it.
func ParseNote(value string) Note {
	if value == "" || len(value) > maxNote {
		return nil
	}
	var note Note
	for part := range strings.SplitSeq(value, ",") {
		if entry, ok := parseEntry(part); ok {
			note = append(note, entry)
		}
	}
	return note.tidy()
}

func parseEntry(text string) (entry Entry, ok bool) {
	name, rest, _ := strings.Cut(text, "=")
	digits, incarnation, _ := strings.Cut(rest, "/")
	sequence, err := strconv.Atoi(digits)
	entry = Entry{Token: name, Sequence: sequence, Incarnation: incarnation}
	// There is one way to write an entry: no signs, no leading zeros, no spaces.
	return entry, err == nil && entry.Valid() && entry.String() == text
}

// tidy sorts, and keeps the first of each name and no more than are allowed.
func (n Note) tidy() Note {
	slices.SortStableFunc(n, func(a, b Entry) int { return cmp.Compare(a.Token, b.Token) })
	n = slices.CompactFunc(n, func(a, b Entry) bool { return a.Token == b.Token })
	return n[:min(len(n), maxEntries)]
}

// Has tells whether the note says that a restart was made for the entry, or for a later one of the same GatewayToken.
func (n Note) Has(entry Entry) bool {
	return slices.ContainsFunc(n, func(noted Entry) bool { return noted.covers(entry) })
}

// With gives the note with more entries. One that is not valid, or older than what is noted, changes nothing. If there are too
// many, those stay that are asked for: of the others, the last in the alphabet are forgotten. Whoever must know beyond that
// what he restarted keeps a record of his own.
func (n Note) With(entries ...Entry) Note {
	var asked Note
	for _, entry := range entries {
		if entry.Valid() && !n.Has(entry) && !asked.Has(entry) {
			asked = slices.DeleteFunc(asked, func(other Entry) bool { return other.Token == entry.Token })
			asked = append(asked, entry)
		}
	}
	asked = asked.tidy()
	others := slices.DeleteFunc(slices.Clone(n), func(noted Entry) bool {
		return slices.ContainsFunc(asked, func(entry Entry) bool { return entry.Token == noted.Token })
	})
	room := max(maxEntries-len(asked), 0)
	return append(asked, others[:min(len(others), room)]...).tidy()
}

// String gives the value: mediator=3/qcjaag,shop=1/k5t2xa.
func (n Note) String() string {
	parts := make([]string, len(n))
	for i, entry := range n {
		parts[i] = entry.String()
	}
	return strings.Join(parts, ",")
}
