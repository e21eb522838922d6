package ledger

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

var update = flag.Bool("update", false, "write the golden ledger anew: it must never be needed")

// golden is a ledger of version 1 as Secrets in clusters carry it: sealed with goldenKey for goldenOwner.
const golden = "testdata/ledger-v1.json"

func goldenKey() []byte { return bytes.Repeat([]byte{7}, KeyBytes) }

func goldenOwner() Owner {
	return Owner{ClusterID: "cluster", Namespace: "causely", GatewayToken: "mediator", Secret: "causely-token"}
}

func goldenLedger() Ledger {
	at := func(minute int) time.Time { return time.Date(2026, time.March, 1, 12, minute, 0, 0, time.UTC) }
	return Ledger{
		Version: 1, Account: "4877d57d-6789-4838-af52-7fe9af353c9e", Incarnation: "abcdef",
		Current: Entry{
			ID: "id-3", Name: "mediator-gwt-aaaaaaaa-bbbbbbbbbbbbbbbb-abcdef-3", Sequence: 3, IssuedAt: at(3), ExpiresAt: at(59), Since: at(4),
		},
		ValueDigest: "value-digest", KeyDigests: map[string]string{"token": "key-digest", "url": "other-digest"},
		Shape: "shape", URL: "https://api.example.com", Inputs: "inputs", HandledRotateRequest: "2026-03-01T12:00:00Z",
		Retiring:     []Entry{{ID: "id-2", Name: "two", Sequence: 2, IssuedAt: at(2), Since: at(3)}},
		Condemned:    []Entry{{ID: "id-1", Sequence: 1}},
		Mints:        []Mint{{Sequence: 1, At: at(1), BySpec: true}, {Sequence: 3, At: at(3)}},
		RestartedFor: 3, Retained: true,
	}
}

func sealer(tb testing.TB, key []byte) Sealer {
	tb.Helper()
	s, err := NewSealer(key)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func seal(tb testing.TB, s Sealer, owner Owner, l Ledger) string {
	tb.Helper()
	text, err := s.Seal(owner, l)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// The format cannot change: what clusters carry stays readable, and is still written byte for byte.
func TestGoldenLedger(t *testing.T) {
	s := sealer(t, goldenKey())
	if *update {
		if err := os.WriteFile(golden, []byte(seal(t, s, goldenOwner(), goldenLedger())+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(filepath.Clean(golden))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.TrimSpace(string(content))
	got, trust := s.Open(goldenOwner(), text)
	if trust != Proof {
		t.Fatalf("trust is %d, want proof: ledgers in clusters would no longer be believed", trust)
	}
	if diff := cmp.Diff(goldenLedger(), got); diff != "" {
		t.Errorf("the golden ledger is read as something else (-want +got):\n%s", diff)
	}
	if again := seal(t, s, goldenOwner(), goldenLedger()); again != text {
		t.Errorf("the same ledger is written differently:\n%s\nwant\n%s", again, text)
	}
	if name, ok := NamedOwner(text); !ok || name != "mediator" {
		t.Errorf("NamedOwner gives %q, %t", name, ok)
	}
}

// Digests go into ledgers, so that they cannot change either.
func TestGoldenDigests(t *testing.T) {
	s := sealer(t, goldenKey())
	for _, golden := range []struct{ purpose, content, digest string }{
		{"value", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "gXg1nGjD-kcCqU0LpU7xgg"},
		{"key:token", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "9QM9iHyHsRED88MOvVcpkQ"},
		{"value", "", "xgjvFlgOZaym_Ryzqgpw1A"},
	} {
		if got := s.Digest(goldenOwner(), golden.purpose, golden.content); got != golden.digest {
			t.Errorf("digest of %q for %s is %s, want %s", golden.content, golden.purpose, got, golden.digest)
		}
	}
}

// What is believed of a ledger, and of whom.
func TestOpen(t *testing.T) {
	s := sealer(t, goldenKey())
	text := seal(t, s, goldenOwner(), goldenLedger())
	elsewhere := func(change func(*Owner)) Owner {
		owner := goldenOwner()
		change(&owner)
		return owner
	}
	tests := map[string]struct {
		reason string
		owner  Owner
		text   string
		sealer Sealer
		want   Trust
	}{
		"as written":             {"nobody else can have written it", goldenOwner(), text, s, Proof},
		"nothing":                {"a Secret without a ledger", goldenOwner(), "", s, Absent},
		"not JSON":               {"somebody wrote over it", goldenOwner(), "nonsense", s, Absent},
		"another JSON":           {"somebody wrote over it", goldenOwner(), "[]", s, Absent},
		"an empty object":        {"it names nobody", goldenOwner(), "{}", s, Absent},
		"no payload":             {"there is nothing to sign", goldenOwner(), `{"owner":"causely/mediator/causely-token","mac":"x"}`, s, Absent},
		"a null payload":         {"there is nothing to sign", goldenOwner(), `{"ledger":null,"owner":"causely/mediator/causely-token","mac":"x"}`, s, Absent},
		"truncated":              {"half a ledger is none", goldenOwner(), text[:len(text)/2], s, Absent},
		"truncated by a byte":    {"half a ledger is none", goldenOwner(), text[:len(text)-1], s, Absent},
		"too long":               {"it is not even parsed", goldenOwner(), text + strings.Repeat(" ", maxSealedBytes), s, Absent},
		"another namespace":      {"a copy elsewhere proves nothing there", elsewhere(func(o *Owner) { o.Namespace = "other" }), text, s, Absent},
		"another GatewayToken":   {"a copy elsewhere proves nothing there", elsewhere(func(o *Owner) { o.GatewayToken = "other" }), text, s, Absent},
		"another Secret":         {"a copy elsewhere proves nothing there", elsewhere(func(o *Owner) { o.Secret = "other" }), text, s, Absent},
		"another cluster":        {"the signature is bound to the cluster", elsewhere(func(o *Owner) { o.ClusterID = "other" }), text, s, Hint},
		"another key":            {"the key was lost: what it says is a hint", goldenOwner(), text, sealer(t, bytes.Repeat([]byte{8}, KeyBytes)), Hint},
		"edited":                 {"what it says is a hint", goldenOwner(), strings.Replace(text, `"sequence":3`, `"sequence":9`, 1), s, Hint},
		"reformatted":            {"the signature is over the bytes", goldenOwner(), strings.Replace(text, `{"v":1,`, `{ "v":1,`, 1), s, Hint},
		"signature edited":       {"it is another's", goldenOwner(), strings.Replace(text, `"mac":"`, `"mac":"x`, 1), s, Hint},
		"signature stripped":     {"whoever strips it gains a hint", goldenOwner(), text[:strings.Index(text, `,"mac"`)] + "}", s, Hint},
		"owner edited":           {"it names somebody else", goldenOwner(), strings.Replace(text, "causely/mediator/", "causely/other/", 1), s, Absent},
		"a version before any":   {"there is none", goldenOwner(), strings.Replace(text, `"v":1`, `"v":0`, 1), s, Absent},
		"more entries than kept": {"nobody of ours wrote it", goldenOwner(), crowded(t), s, Absent},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, trust := tc.sealer.Open(tc.owner, tc.text)
			if trust != tc.want {
				t.Errorf("trust is %d, want %d, since %s", trust, tc.want, tc.reason)
			}
			if trust == Absent && !cmp.Equal(got, Ledger{}) {
				t.Errorf("something was read from what is no ledger: %+v", got)
			}
		})
	}
}

// crowded is a ledger with more entries than are ever written, by whoever has the key.
func crowded(t *testing.T) string {
	t.Helper()
	l := goldenLedger()
	l.Condemned = make([]Entry, MaxEntries+1)
	payload, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	s, owner := sealer(t, goldenKey()), goldenOwner()
	text, err := json.Marshal(sealed{Payload: payload, Owner: ownerName(owner), MAC: s.mac("ledger", owner.ClusterID, ownerName(owner), string(payload))})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What could not be read again is not written.
func TestSealRefusesWhatCannotBeRead(t *testing.T) {
	l := goldenLedger()
	l.Retiring = make([]Entry, MaxEntries+1)
	if _, err := sealer(t, goldenKey()).Seal(goldenOwner(), l); err == nil {
		t.Error("a ledger with more entries than are read was sealed")
	}
}

// Owners whose names run together are different owners: a signature for one is none for the other.
func TestOwnersDoNotRunTogether(t *testing.T) {
	s := sealer(t, goldenKey())
	text := seal(t, s, Owner{ClusterID: "c", Namespace: "a", GatewayToken: "b", Secret: "d"}, goldenLedger())
	for _, owner := range []Owner{
		{ClusterID: "c", Namespace: "a/b", GatewayToken: "d", Secret: ""},
		{ClusterID: "", Namespace: "c\x00a", GatewayToken: "b", Secret: "d"},
		{ClusterID: "ca", Namespace: "", GatewayToken: "b", Secret: "d"},
	} {
		if _, trust := s.Open(owner, text); trust == Proof {
			t.Errorf("%+v is believed to be the owner", owner)
		}
	}
}

// Digests tell whether a content is what it was, for one purpose, one place and one key.
func TestDigest(t *testing.T) {
	s := sealer(t, goldenKey())
	digest := s.Digest(goldenOwner(), "value", "content")
	if !s.Matches(goldenOwner(), "value", "content", digest) {
		t.Error("a digest does not match its own content")
	}
	other := goldenOwner()
	other.Secret = "other"
	for name, matches := range map[string]bool{
		"another content": s.Matches(goldenOwner(), "value", "contenu", digest),
		"another purpose": s.Matches(goldenOwner(), "key:value", "content", digest),
		"another place":   s.Matches(other, "value", "content", digest),
		"another key":     sealer(t, bytes.Repeat([]byte{8}, KeyBytes)).Matches(goldenOwner(), "value", "content", digest),
		"no digest":       s.Matches(goldenOwner(), "value", "content", ""),
	} {
		if matches {
			t.Errorf("a digest matches with %s", name)
		}
	}
	if strings.Contains(digest, "content") {
		t.Error("a digest shows the content")
	}
}

func TestKeyLength(t *testing.T) {
	for _, length := range []int{0, 1, KeyBytes - 1, KeyBytes + 1} {
		if _, err := NewSealer(make([]byte, length)); err == nil {
			t.Errorf("a key of %d bytes is taken", length)
		}
	}
}

// A full ledger fits well into an annotation.
func TestFullLedgerFits(t *testing.T) {
	l := goldenLedger()
	l.KeyDigests = map[string]string{}
	for i := range 32 {
		l.KeyDigests[strings.Repeat("k", 250)+fmt.Sprint(i)] = "0123456789012345678901"
	}
	name := strings.Repeat("n", 100)
	l.Retiring, l.Condemned = nil, nil
	for i := range MaxEntries {
		entry := Entry{ID: token.ID(fmt.Sprintf("%036d", i)), Name: name, Sequence: token.MaxSequence, IssuedAt: goldenLedger().Current.IssuedAt, ExpiresAt: goldenLedger().Current.IssuedAt, Since: goldenLedger().Current.IssuedAt}
		l.Retiring, l.Condemned = append(l.Retiring, entry), append(l.Condemned, entry)
	}
	for range MaxMints {
		l.Mints = append(l.Mints[:min(len(l.Mints), MaxMints-1)], Mint{Sequence: token.MaxSequence, At: goldenLedger().Current.IssuedAt})
	}
	text := seal(t, sealer(t, goldenKey()), goldenOwner(), l)
	if len(text) > maxSealedBytes {
		t.Errorf("a full ledger has %d bytes, more than %d are not read", len(text), maxSealedBytes)
	}
	if _, trust := sealer(t, goldenKey()).Open(goldenOwner(), text); trust != Proof {
		t.Error("a full ledger is not read")
	}
}

func TestLedgerQuestions(t *testing.T) {
	l := goldenLedger()
	for id, want := range map[token.ID]struct{ lists, knows bool }{
		"id-1": {true, true}, "id-2": {true, true}, "id-3": {false, true}, "id-4": {false, false},
	} {
		if l.Lists(id) != want.lists || l.Knows(id) != want.knows {
			t.Errorf("%s: listed %t, known %t, want %+v", id, l.Lists(id), l.Knows(id), want)
		}
	}
	if got := l.LastSequence(); got != 3 {
		t.Errorf("last sequence %d, want 3", got)
	}
	l.Mints = append(l.Mints, Mint{Sequence: 8})
	if got := l.LastSequence(); got != 8 {
		t.Errorf("last sequence %d, want that of the last mint", got)
	}
	var none *Ledger
	if none.Lists("id") || none.Knows("id") || none.LastSequence() != 0 {
		t.Error("no ledger knows something")
	}
}

func TestNamedOwner(t *testing.T) {
	for text, want := range map[string]string{
		`{"owner":"a/b/c"}`:                   "b",
		`{"owner":"a/b"}`:                     "",
		`{"owner":"a/b/c/d"}`:                 "",
		`{"owner":7}`:                         "",
		`nonsense`:                            "",
		``:                                    "",
		strings.Repeat(" ", maxSealedBytes+1): "",
	} {
		got, ok := NamedOwner(text)
		if got != want || ok != (want != "") {
			t.Errorf("%.40q: %q, %t, want %q", text, got, ok, want)
		}
	}
}

// Whatever a tenant writes into the annotation: no crash, no proof, and nothing larger than what is kept.
func FuzzOpen(f *testing.F) {
	s := sealer(f, goldenKey())
	text := seal(f, s, goldenOwner(), goldenLedger())
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add(`{"ledger":{"v":1,"current":{"sequence":-1}},"owner":"causely/mediator/causely-token","mac":""}`)
	f.Add(`{"ledger":[],"owner":"causely/mediator/causely-token"}`)
	f.Fuzz(func(t *testing.T, text string) {
		l, trust := s.Open(goldenOwner(), text)
		switch {
		case trust == Absent && !cmp.Equal(l, Ledger{}):
			t.Error("something was read from what is no ledger")
		case len(l.Retiring) > MaxEntries || len(l.Condemned) > MaxEntries || len(l.Mints) > MaxMints:
			t.Error("more was read than is kept")
		case trust == Proof:
			// Only what we signed is believed: the payload is one of ours, byte for byte.
			var envelope sealed
			if err := json.Unmarshal([]byte(text), &envelope); err != nil || s.mac("ledger", goldenOwner().ClusterID, ownerName(goldenOwner()), string(envelope.Payload)) != envelope.MAC {
				t.Error("believed without a signature")
			}
		}
		if _, ok := NamedOwner(text); ok && len(text) > maxSealedBytes {
			t.Error("parsed although it is too long")
		}
	})
}
