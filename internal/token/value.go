package token

import (
	"fmt"
	"io"
	"log/slog"
)

// MaxValueBytes is the longest value that is accepted from a vendor.
const MaxValueBytes = 16 << 10

// redacted is what every way of printing a Value shows.
const redacted = "[redacted]"

// Value is a secret string. However it is printed, logged or marshalled, it shows "[redacted]"; only Reveal
// gives the content, so that a search for Reveal finds every place where a secret leaves its wrapping.
//
// The content is in a closure and not in a field: fmt ignores the methods of a value that sits in an unexported field of
// another, and would print what it finds there.
type Value struct{ reveal func() string }

// NewValue wraps a secret.
func NewValue(content string) Value {
	return Value{reveal: func() string { return content }}
}

// Reveal gives the content. Its callers are the Secret writer, the vendors' request builders and the keyed digest.
func (v Value) Reveal() string {
	if v.reveal == nil {
		return ""
	}
	return v.reveal()
}

// Empty tells whether there is no content.
func (v Value) Empty() bool { return v.Reveal() == "" }

// Equal tells whether both have the same content.
func (v Value) Equal(other Value) bool { return v.Reveal() == other.Reveal() }

// Usable tells whether a vendor's answer may be written into a Secret: not empty, at most MaxValueBytes, and
// printable ASCII without white space, which is what an HTTP header can carry.
func (v Value) Usable() bool {
	content := v.Reveal()
	if content == "" || len(content) > MaxValueBytes {
		return false
	}
	for i := range len(content) {
		if c := content[i]; c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// String implements fmt.Stringer.
func (Value) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (Value) GoString() string { return redacted }

// Format implements fmt.Formatter, so that no verb and no flag shows the content.
func (Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalJSON implements json.Marshaler.
func (Value) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText implements encoding.TextMarshaler.
func (Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer.
func (Value) LogValue() slog.Value { return slog.StringValue(redacted) }
