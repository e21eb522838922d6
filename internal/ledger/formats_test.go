package ledger

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// formats are the fields that Secrets in clusters may carry: each file in testdata/formats was written by the operator as it was when it
// knew these fields and no others, with every one of them filled.
const formats = "testdata/formats/*.json"

// TestEveryFormatSoFar holds that whatever the operator ever wrote is believed, and nothing of it is lost when it is read and written
// again.
func TestEveryFormatSoFar(t *testing.T) {
	paths, err := filepath.Glob(formats)
	if err != nil || len(paths) < 7 {
		t.Fatalf("%d formats: %v", len(paths), err)
	}
	s := sealer(t, goldenKey())
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text := strings.TrimSpace(readFile(t, path))
			got, trust := s.Open(goldenOwner(), text)
			if trust != Proof {
				t.Fatalf("trust %d, want proof", trust)
			}
			if diff := cmp.Diff(payload(t, text), payload(t, seal(t, s, goldenOwner(), got))); diff != "" {
				t.Errorf("written again (-before +after):\n%s", diff)
			}
			other, trust := sealer(t, make([]byte, KeyBytes)).Open(goldenOwner(), text)
			if diff := cmp.Diff(got, other); trust != Hint || diff != "" {
				t.Errorf("without the key that it was signed with: trust %d, want a hint (-signed +hint):\n%s", trust, diff)
			}
		})
	}
}

// TestEveryFieldIsInAFormat holds that a field which is new comes with a file that has it.
func TestEveryFieldIsInAFormat(t *testing.T) {
	paths, err := filepath.Glob(formats)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, path := range paths {
		collect(known, "", payload(t, readFile(t, path)))
	}
	for _, of := range []any{everything(), everything().Current, everything().Mints[0], *everything().Rolling} {
		value := reflect.ValueOf(of)
		for i := range value.NumField() {
			if value.Field(i).IsZero() {
				t.Fatalf("the test has no value for %s.%s", value.Type().Name(), value.Type().Field(i).Name)
			}
		}
	}
	whole := map[string]bool{}
	collect(whole, "", payload(t, seal(t, sealer(t, goldenKey()), goldenOwner(), everything())))
	if diff := cmp.Diff(slices.Sorted(maps.Keys(whole)), slices.Sorted(maps.Keys(known))); diff != "" {
		t.Errorf("fields (-of a ledger +in testdata/formats):\n%s", diff)
	}
}

// everything is a ledger with every field filled.
func everything() Ledger {
	l := goldenLedger()
	entry := l.Current
	entry.Published, entry.Free, entry.Cut, entry.From = true, entry.IssuedAt, CutInPlace, "former-cluster"
	l.Issuer = "ClusterTokenIssuer/causely"
	l.Current, l.Retiring, l.Condemned = entry, []Entry{entry}, []Entry{entry}
	l.PreviousDigest, l.Changing, l.ExpiresAfter, l.RotatedBy, l.Vacating = "previous", "changing", 1, 1, true
	l.Rolling = &Rolling{Sequence: 4, By: "process"}
	return l
}

// collect adds the paths of all fields, those of lists without a number.
func collect(into map[string]bool, path string, of any) {
	switch of := of.(type) {
	case map[string]any:
		for name, value := range of {
			into[path+"."+name] = true
			collect(into, path+"."+name, value)
		}
	case []any:
		for _, value := range of {
			collect(into, path, value)
		}
	}
}

func payload(t *testing.T, text string) any {
	t.Helper()
	var envelope sealed
	var content any
	if err := json.Unmarshal([]byte(text), &envelope); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(envelope.Payload, &content); err != nil {
		t.Fatal(err)
	}
	return content
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
