package consumers

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func entries(count int) Note {
	var note Note
	for i := range count {
		note = append(note, Entry{Token: fmt.Sprintf("t%03d", i), Sequence: 1})
	}
	return note
}

func TestParseNote(t *testing.T) {
	mediator := Entry{Token: "mediator", Sequence: 3, Incarnation: "qcjaag"}
	tests := map[string]struct {
		reason string
		value  string
		want   Note
	}{
		"empty":              {reason: "most templates have none"},
		"one":                {reason: "as it is written", value: "mediator=3/qcjaag", want: Note{mediator}},
		"no incarnation":     {reason: "as it is written without one", value: "mediator=3", want: Note{{Token: "mediator", Sequence: 3}}},
		"two":                {reason: "as they are written", value: "mediator=3/qcjaag,shop.eu-1=999999999", want: Note{mediator, {Token: "shop.eu-1", Sequence: 999999999}}},
		"not sorted":         {reason: "a person may have written it", value: "shop=1,mediator=3/qcjaag", want: Note{mediator, {Token: "shop", Sequence: 1}}},
		"twice":              {reason: "one of them is wrong; the first counts", value: "mediator=3/qcjaag,mediator=9", want: Note{mediator}},
		"nonsense between":   {reason: "it costs no more than itself", value: ",=,a,b=,=1,c=x,d=0,e=-1,f=+1,g=01,h= 1,i=1000000000,j=1/,k=1/A,l=1/a/b,m=1=2,N=1,ö=1,mediator=3/qcjaag, o=1", want: Note{mediator}},
		"too long":           {reason: "that is not ours", value: strings.Repeat("a", maxNote-1) + ",a=1"},
		"too many":           {reason: "a note has an end", value: entries(maxEntries + 8).String(), want: entries(maxEntries)},
		"name of any length": {reason: "no object has such a name", value: strings.Repeat("a", 254) + "=1"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, ParseNote(tc.value)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestNoteWith(t *testing.T) {
	tests := map[string]struct {
		reason string
		note   string
		with   string
		want   string
		has    bool // before
	}{
		"first":               {reason: "the note begins", with: "mediator=3/a", want: "mediator=3/a"},
		"another":             {reason: "what others noted stays", note: "shop=1", with: "mediator=3/a", want: "mediator=3/a,shop=1"},
		"the same":            {reason: "it was restarted for this one", note: "mediator=3/a", with: "mediator=3/a", want: "mediator=3/a", has: true},
		"next":                {reason: "one entry for a GatewayToken", note: "mediator=3/a,shop=1", with: "mediator=4/a", want: "mediator=4/a,shop=1"},
		"one before":          {reason: "an older process does not undo what a newer one noted", note: "mediator=4/a", with: "mediator=3/a", want: "mediator=4/a", has: true},
		"another incarnation": {reason: "a GatewayToken that was created again counts from 1 again", note: "mediator=4/a", with: "mediator=1/b", want: "mediator=1/b"},
		"several":             {reason: "one restart serves all", note: "mediator=3/a,old=7", with: "mediator=4/a,shop=1/c", want: "mediator=4/a,old=7,shop=1/c"},
		"some":                {reason: "what is there already is not lost", note: "mediator=4/a", with: "shop=1/c,mediator=4/a", want: "mediator=4/a,shop=1/c"},
		"full":                {reason: "what is asked for now is noted, and the last in the alphabet forgotten", note: entries(maxEntries).String(), with: "zoo=1", want: entries(maxEntries-1).String() + ",zoo=1"},
		"more than it holds":  {reason: "a note has an end, whatever is asked for", with: entries(maxEntries + 1).String(), want: entries(maxEntries).String()},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			note := ParseNote(tc.note)
			var with []Entry
			for part := range strings.SplitSeq(tc.with, ",") {
				entry, ok := parseEntry(part)
				if !ok {
					t.Fatalf("%s is no entry", part)
				}
				with = append(with, entry)
			}
			if got := note.Has(with[0]); got != tc.has {
				t.Errorf("%s: Has is %t", tc.reason, got)
			}
			if got := note.With(with...).String(); got != tc.want {
				t.Errorf("%s:\nwant %s\ngot  %s", tc.reason, tc.want, got)
			}
			if got := note.String(); got != tc.note {
				t.Errorf("the note itself was changed to %s", got)
			}
		})
	}
}

// Two entries of one GatewayToken in one call are one: the later.
func TestNoteWithTwoOfOne(t *testing.T) {
	three, four := Entry{Token: "m", Sequence: 3}, Entry{Token: "m", Sequence: 4}
	for _, order := range [][]Entry{{three, four}, {four, three}} {
		if got := (Note{}).With(order...).String(); got != "m=4" {
			t.Errorf("%v: got %s", order, got)
		}
	}
}

// What cannot be read again is not written.
func TestNoteRefusesInvalid(t *testing.T) {
	for _, entry := range []Entry{
		{}, {Token: "a"}, {Sequence: 1}, {Token: "a=b", Sequence: 1}, {Token: "a,b", Sequence: 1}, {Token: "A", Sequence: 1},
		{Token: "a", Sequence: -1}, {Token: "a", Sequence: 1_000_000_000}, {Token: "a", Sequence: 1, Incarnation: "a/b"},
		{Token: "a", Sequence: 1, Incarnation: strings.Repeat("a", 17)}, {Token: strings.Repeat("a", 254), Sequence: 1},
	} {
		if entry.Valid() {
			t.Errorf("%+v is valid", entry)
		}
		if note := ParseNote("z=1").With(entry); note.String() != "z=1" {
			t.Errorf("%+v was noted: %s", entry, note)
		}
	}
}

// The longest note is read again.
func TestLongestNote(t *testing.T) {
	var note Note
	for i := range maxEntries {
		note = append(note, Entry{Token: fmt.Sprintf("%0253d", i), Sequence: 999_999_999, Incarnation: strings.Repeat("z", maxIncarnation)})
	}
	if diff := cmp.Diff(note, ParseNote(note.String())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whatever a person writes there: what is read is a note that reads the same again, sorted, bounded, and that can be added to.
func FuzzParseNote(f *testing.F) {
	for _, seed := range []string{"", "mediator=3/qcjaag,shop=1", "a=1,a=2", "=,=", "a=1/,b=01", "b=1,a=1", "a=999999999", "ö=1,\x00=1", strings.Repeat("a=1,", 100)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		note := ParseNote(value)
		text := note.String()
		if len(note) > maxEntries || len(text) > maxNote {
			t.Errorf("%d entries, %d bytes", len(note), len(text))
		}
		if !slices.IsSortedFunc(note, func(a, b Entry) int { return strings.Compare(a.Token, b.Token) }) {
			t.Errorf("not sorted: %s", text)
		}
		if diff := cmp.Diff(note, ParseNote(text)); diff != "" {
			t.Errorf("%q reads differently again:\n%s", text, diff)
		}
		for _, entry := range note {
			if !strings.Contains(value, entry.String()) || !note.Has(entry) {
				t.Errorf("%s is not in %q", entry, value)
			}
		}
		added := Entry{Token: "m", Sequence: 999_999_999, Incarnation: "fuzz"}
		more := note.With(added)
		if !more.Has(added) || len(more) > maxEntries || !cmp.Equal(more, ParseNote(more.String())) {
			t.Errorf("%q with %s is %q", text, added, more)
		}
	})
}
