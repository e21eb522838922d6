package ledger

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What ledgers say of replacements that cut consumers off: the words cannot change, and a ledger without them says nothing of it.
func TestCutWords(t *testing.T) {
	record := Ledger{
		Version: 1, Current: Entry{ID: "id-1", Sequence: 4, Cut: CutInPlace}, Rolling: &Rolling{Sequence: 5, By: "process"}, Vacating: true,
	}
	const words = `{"v":1,"incarnation":"","current":{"id":"id-1","sequence":4,"cut":"inPlace"},"value":"","keys":null,` +
		`"rolling":{"sequence":5,"by":"process"},"vacating":true}`
	text, err := json.Marshal(record)
	if err != nil || string(text) != words {
		t.Errorf("written as %s, want %s: %v", text, words, err)
	}
	s := sealer(t, goldenKey())
	read, trust := s.Open(goldenOwner(), seal(t, s, goldenOwner(), record))
	if diff := cmp.Diff(record, read); trust != Proof || diff != "" {
		t.Errorf("trust %v, read (-want +got):\n%s", trust, diff)
	}
	if CutRevokeFirst != "revokeFirst" {
		t.Errorf("the word is %q", CutRevokeFirst)
	}
	if got := record.LastSequence(); got != 5 {
		t.Errorf("last sequence %d: one that is about to be used is used", got)
	}
}
