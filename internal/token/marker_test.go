package token

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// The marker is in the names of tokens that live for years: these names must be made and read the same for ever.
func TestMarkerGolden(t *testing.T) {
	identity := Identity{ClusterID: "3f1c3f4e-9f0f-4c53-9f5c-0d3b8f0e8f11", Instance: "blue"}
	marker := identity.Marker("causely", "mediator", "8a0d2a3e-55f5-4c7a-9a51-0d7d5c1c9b10")
	want := map[string]string{
		"first":   "my-mediator-token-gwt-xjqw55nh-epkuzmvwrseeinym-gr6los-1",
		"later":   "my-mediator-token-gwt-xjqw55nh-epkuzmvwrseeinym-gr6los-204",
		"no base": "-gwt-xjqw55nh-epkuzmvwrseeinym-gr6los-7",
	}
	got := map[string]string{
		"first":   marker.WithSequence(1).Name("my-mediator-token", 64),
		"later":   marker.WithSequence(204).Name("my-mediator-token", 64),
		"no base": marker.WithSequence(7).Name("", 64),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the format of names changed (-want +got):\n%s", diff)
	}
}

func TestMarkerIdentity(t *testing.T) {
	base := Identity{ClusterID: "c"}.Marker("ns", "name", "uid")
	tests := map[string]struct {
		reason                      string
		other                       Marker
		sameObject, sameIncarnation bool
	}{
		"itself":           {"the marker does not depend on anything else", Identity{ClusterID: "c"}.Marker("ns", "name", "uid"), true, true},
		"recreated":        {"another UID is another incarnation of the same object", Identity{ClusterID: "c"}.Marker("ns", "name", "uid2"), true, false},
		"other name":       {"another object", Identity{ClusterID: "c"}.Marker("ns", "other", "uid"), false, false},
		"other cluster":    {"another installation", Identity{ClusterID: "d"}.Marker("ns", "name", "uid"), false, false},
		"other instance":   {"another installation in the same cluster", Identity{ClusterID: "c", Instance: "x"}.Marker("ns", "name", "uid"), false, false},
		"shifted boundary": {"fields are separated, so that they cannot run into each other", Identity{ClusterID: "c"}.Marker("nsn", "ame", "uid"), false, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := base.SameObject(tc.other); got != tc.sameObject {
				t.Errorf("SameObject = %t, want %t: %s", got, tc.sameObject, tc.reason)
			}
			if got := base.SameIncarnation(tc.other); got != tc.sameIncarnation {
				t.Errorf("SameIncarnation = %t, want %t: %s", got, tc.sameIncarnation, tc.reason)
			}
		})
	}
}

func TestParseName(t *testing.T) {
	const valid = "-gwt-abcdefgh-abcdefghijklmnop-abcdef-12"
	parsed := Marker{Install: "abcdefgh", Object: "abcdefghijklmnop", Incarnation: "abcdef", Sequence: 12}
	tests := map[string]struct {
		reason, name, base string
		marker             Marker
		ok                 bool
	}{
		"plain":             {"a name of ours", "x" + valid, "x", parsed, true},
		"empty base":        {"the base is decoration", valid, "", parsed, true},
		"base with dashes":  {"the marker is matched from the end", "a-gwt-b-c" + valid, "a-gwt-b-c", parsed, true},
		"imitation in base": {"only what ends the name counts", valid + valid, valid, parsed, true},
		"no separator":      {"a name that only looks similar", "xgwt-abcdefgh-abcdefghijklmnop-abcdef-12", "", Marker{}, false},
		"trailing text":     {"the marker ends the name", "x" + valid + "-copy", "", Marker{}, false},
		"trailing newline":  {"nothing may follow", "x" + valid + "\n", "", Marker{}, false},
		"leading zero":      {"one sequence has one spelling", "x-gwt-abcdefgh-abcdefghijklmnop-abcdef-012", "", Marker{}, false},
		"zero":              {"sequences count from 1", "x-gwt-abcdefgh-abcdefghijklmnop-abcdef-0", "", Marker{}, false},
		"too long sequence": {"a sequence has nine digits at most", "x-gwt-abcdefgh-abcdefghijklmnop-abcdef-1234567890", "", Marker{}, false},
		"upper case":        {"base32 is lower case here", "x-gwt-ABCDEFGH-abcdefghijklmnop-abcdef-1", "", Marker{}, false},
		"not base32":        {"1, 8, 9 and 0 are not in the alphabet", "x-gwt-abcdefg1-abcdefghijklmnop-abcdef-1", "", Marker{}, false},
		"longest":           {"whatever limit a vendor has", strings.Repeat("b", 255-len(valid)) + valid, strings.Repeat("b", 255-len(valid)), parsed, true},
		"too long":          {"a message or a status would have no room for it", strings.Repeat("b", 256-len(valid)) + valid, "", Marker{}, false},
		"control character": {"a terminal would obey it", "\x1b[2J" + valid, "", Marker{}, false},
		"bidirectional":     {"it would be read from the other end", "\u202e" + valid, "", Marker{}, false},
		"not UTF-8":         {"nobody can show it", "\xff" + valid, "", Marker{}, false},
		"somebody else's":   {"no marker at all", "my-mediator-token", "", Marker{}, false},
		"empty":             {"no name at all", "", "", Marker{}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			base, marker, ok := ParseName(tc.name)
			if base != tc.base || marker != tc.marker || ok != tc.ok {
				t.Errorf("ParseName(%q) = %q, %+v, %t; want %q, %+v, %t: %s", tc.name, base, marker, ok, tc.base, tc.marker, tc.ok, tc.reason)
			}
		})
	}
}

func TestNameIsShortenedInTheBase(t *testing.T) {
	marker := Identity{ClusterID: "c"}.Marker("ns", "name", "uid").WithSequence(MaxSequence)
	for name, base := range map[string]string{
		"long":        strings.Repeat("b", 300),
		"multibyte":   strings.Repeat("ü", 100),
		"dash at cut": strings.Repeat("-", 100),
		"empty":       "",
	} {
		t.Run(name, func(t *testing.T) {
			got := marker.Name(base, 64)
			if len(got) > 64 || !utf8.ValidString(got) {
				t.Errorf("Name = %q with %d bytes, want valid UTF-8 of at most 64", got, len(got))
			}
			if _, parsed, ok := ParseName(got); !ok || parsed != marker {
				t.Errorf("ParseName(%q) = %+v, %t; want the marker unharmed", got, parsed, ok)
			}
		})
	}
}

func FuzzParseName(f *testing.F) {
	f.Add("x-gwt-abcdefgh-abcdefghijklmnop-abcdef-12")
	f.Add("-gwt-")
	f.Add("a-gwt-abcdefgh-abcdefghijklmnop-abcdef-999999999\n")
	f.Fuzz(func(t *testing.T, name string) {
		base, marker, ok := ParseName(name)
		if !ok {
			return
		}
		if base+"-"+marker.String() != name {
			t.Errorf("ParseName(%q) = %q and %q, which is not the same name", name, base, marker)
		}
		if marker.Sequence < 1 || marker.Sequence > MaxSequence {
			t.Errorf("ParseName(%q) gave the sequence %d", name, marker.Sequence)
		}
	})
}
