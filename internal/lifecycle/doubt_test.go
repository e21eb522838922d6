package lifecycle

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// mintedElsewhere lets a copy of the cluster make the next token of this very object, and the inventory tell that it did.
func (s *story) mintedElsewhere(id token.ID, sequence int) *story {
	s.t.Helper()
	s.rows[id] = token.Token{
		ID: id, Name: s.observation.Object.Marker.WithSequence(sequence).Name("mediator", 64), State: token.Active, Account: "project", IssuedAt: s.now,
	}
	s.values[id] = "value of " + string(id)
	s.foreign = map[token.ID]bool{id: true}
	s.observation.Issuer.Disputed = true
	return s.says("a copy of the cluster makes %s, and the operator notices", id)
}

// missesMany says that this object's token and many others are gone at once.
func (s *story) missesMany(id token.ID) *story {
	s.missed = map[token.ID]bool{id: true, "another": true, "a third": true}
	s.observation.Issuer.Missing = true
	return s.says("%s and many others are gone from the list at once", id)
}

// isAcknowledged has a person decide.
func (s *story) isAcknowledged() *story {
	s.foreign, s.missed = nil, nil
	s.observation.Issuer.Disputed, s.observation.Issuer.Missing = false, false
	return s.says("a person acknowledges it")
}

// What waits for a person.
func TestDoubts(t *testing.T) {
	stories := map[string]func(s *story){
		"a copy of the cluster": func(s *story) {
			s.says("a GatewayToken is created").settles()
			s.passes(time.Hour).mintedElsewhere("theirs", 2).lists().settles().leaves("T1", "theirs")
			s.says("another token is asked for")
			s.observation.Object.Request = RotateRequest{Text: "now", At: s.now}
			s.lists().settles().hasCreates(2)
			s.lives(3*time.Hour).leaves("T2", "theirs")
			s.isAcknowledged().lists().settles().lives(3 * time.Hour).leaves("T2")
		},
		"a copy of the cluster, and the GatewayToken is deleted": func(s *story) {
			s.says("a GatewayToken is created").settles()
			s.passes(time.Hour).mintedElsewhere("theirs", 2).lists().settles()
			s.says("it is deleted")
			s.observation.Object.Deleting = true
			s.settles().lives(25 * time.Hour).leaves("theirs")
			s.isAcknowledged().lists().settles().leaves()
		},
		"a copy of the cluster, and the Secret is deleted": func(s *story) {
			s.says("a GatewayToken is created").settles()
			s.passes(time.Hour).mintedElsewhere("theirs", 2).lists().settles()
			s.says("T1 is revoked by somebody, and the Secret deleted")
			s.revokedBySomebody("T1")
			s.observation.Secret = Secret{}
			s.passes(time.Minute).lists().settles().hasCreates(2).leaves("T2", "theirs")
		},
		"a copy of the cluster, and a stray of our own": func(s *story) {
			s.createFault = "late"
			s.says("a GatewayToken is created").settles()
			s.passes(time.Minute).mintedElsewhere("theirs", 5).lists().settles().leaves("T1", "T2", "theirs")
			s.isAcknowledged().lists().settles().leaves("T2", "theirs")
			s.lives(2 * time.Hour).leaves("T2")
		},
		"many are revoked at once": func(s *story) {
			s.says("a GatewayToken is created").settles()
			s.passes(time.Hour).revokedBySomebody("T1")
			s.missesMany("T1").lists().settles().hasCreates(1)
			s.dies().lists().settles().hasCreates(1)
			s.isAcknowledged().passes(time.Minute).lists().settles().hasCreates(2).leaves("T2")
		},
		"many are revoked at once, to be reported": func(s *story) {
			s.observation.Object.ReportRevocation = true
			s.says("a GatewayToken is created").settles()
			s.passes(time.Hour).revokedBySomebody("T1")
			s.missesMany("T1").lists().settles().hasCreates(1)
			s.isAcknowledged().passes(time.Minute).lists().settles().hasCreates(1)
		},
		"many are gone at once, where lists drop what is revoked": func(s *story) {
			dropping(s)
			s.says("a GatewayToken is created").settles()
			hidden := s.rows["T1"]
			delete(s.rows, "T1")
			s.passes(time.Hour).missesMany("T1").lists().settles().lists().settles().hasCreates(1)
			s.says("another token is asked for")
			s.observation.Object.Request = RotateRequest{Text: "now", At: s.now}
			s.lists().settles().hasCreates(1)
			s.rows["T1"] = hidden
			s.says("T1 and the others are there again").isAcknowledged()
			s.lists().settles().hasCreates(2)
		},
		"many are gone at once, and the GatewayToken is deleted": func(s *story) {
			dropping(s)
			s.says("a GatewayToken is created").settles()
			hidden := s.rows["T1"]
			delete(s.rows, "T1")
			s.passes(time.Hour).missesMany("T1").lists().settles()
			s.says("it is deleted")
			s.observation.Object.Deleting = true
			s.lists().settles().lives(time.Hour)
			s.rows["T1"] = hidden
			s.says("T1 and the others are there again").isAcknowledged().lists().settles().leaves()
		},
	}
	for name, happens := range stories {
		t.Run(name, func(t *testing.T) {
			s := tell(t)
			happens(s)
			s.ends()
		})
	}
}

// What is done and left while somebody else has our identity, or many tokens are gone.
func TestPlanInDoubt(t *testing.T) {
	disputed := func(ids ...token.ID) func(*Observation) {
		return func(o *Observation) {
			o.Issuer.Disputed = true
			o.Snapshot.Foreign = map[token.ID]bool{}
			for _, id := range ids {
				o.Snapshot.Foreign[id] = true
			}
		}
	}
	missed := func(ids ...token.ID) func(*Observation) {
		return func(o *Observation) {
			o.Snapshot.Missed = map[token.ID]bool{}
			for _, id := range ids {
				o.Snapshot.Missed[id] = true
			}
		}
	}
	deleting := func(o *Observation) { o.Object.Deleting = true }
	retiring := func(id token.ID, published bool) func(*Observation) {
		return func(o *Observation) {
			o.Secret.Ledger.Retiring = append(o.Secret.Ledger.Retiring, ledger.Entry{ID: id, Sequence: 1, Since: start.Add(-48 * time.Hour), Published: published})
			o.Consumers = map[token.ID]Consumers{id: {Gone: true}}
			o.Memory.Free[id] = start.Add(-47 * time.Hour)
		}
	}
	due := func(o *Observation) { o.Object.Inputs = "other" }
	tests := map[string]struct {
		reason  string
		changes []func(*Observation)
		want    string
	}{
		"a stray, undisputed": {"it is listed", []func(*Observation){holds("T1", 1), row("T1", 1, token.Active), row("T2", 2, token.Active)}, "Publish T1 from the Secret retiring T2"},
		"a stray, disputed":   {"it may be somebody else's", []func(*Observation){holds("T1", 1), row("T1", 1, token.Active), row("T2", 2, token.Active), disputed("T9")}, "Rest"},
		"the list knows more than the issuer says": {"it is newer", []func(*Observation){
			holds("T1", 1), row("T1", 1, token.Active), row("T2", 2, token.Active), disputed("T2"),
			func(o *Observation) { o.Issuer.Disputed = false },
		}, "Rest"},
		"what the Secret held, disputed":       {"its time has come all the same", []func(*Observation){holds("T2", 2), row("T1", 1, token.Active), row("T2", 2, token.Active), retiring("T1", true), disputed("T9")}, "Revoke T1"},
		"what it never held, disputed":         {"it may be somebody else's", []func(*Observation){holds("T2", 2), row("T1", 1, token.Active), row("T2", 2, token.Active), retiring("T1", false), disputed("T9")}, "Rest"},
		"nothing but theirs":                   {"it is not taken", []func(*Observation){row("T1", 1, token.Active), disputed("T1")}, "Issue #2 (there is no token yet)"},
		"deleted, and theirs is there":         {"its own goes first", []func(*Observation){holds("T1", 1), row("T1", 1, token.Active), row("T2", 2, token.Active), disputed("T2"), deleting}, "Revoke T1"},
		"deleted, and nothing but theirs":      {"what is left may be theirs", []func(*Observation){row("T2", 2, token.Active), disputed("T2"), deleting}, "Wait IdentityConflict"},
		"deleted, and theirs has ended":        {"nothing is left", []func(*Observation){row("T2", 2, token.Revoked), disputed("T2"), deleting, func(o *Observation) { o.Memory.LeaderSince = start.Add(-time.Hour) }}, "Release"},
		"first token, others were revoked":     {"it is no replacement", []func(*Observation){row("X", 1, token.Revoked), missed("X")}, "Issue #2 (there is no token yet)"},
		"first token, others are not listed":   {"nobody knows what the list lacks", []func(*Observation){missed("X")}, "Wait MassDisappearance"},
		"at work and due, others are missed":   {"it is replaced in due course", []func(*Observation){holds("T1", 1), row("T1", 1, token.Active), missed("X"), due}, "Issue #2 (the spec asks for other rights)"},
		"missed and due":                       {"it is not replaced, and nothing else is to be done", []func(*Observation){holds("T1", 1), missed("T1"), due, func(o *Observation) { o.Issuer.Capabilities.KeepsRevoked = false }}, "Rest"},
		"missed, and the vendor knows it not":  {"so it says of all of them", []func(*Observation){holds("T1", 1), missed("T1"), func(o *Observation) { o.Issuer.Capabilities.KeepsRevoked = false; o.Memory.Gone["T1"] = true }}, "Rest"},
		"revoked with others":                  {"a person decides", []func(*Observation){holds("T1", 1), row("T1", 1, token.Revoked), missed("T1")}, "Wait MassDisappearance"},
		"revoked by itself, others are missed": {"a person decides of this one, too", []func(*Observation){holds("T1", 1), row("T1", 1, token.Revoked), row("X", 9, token.Revoked), missed("X")}, "Wait MassDisappearance"},
		"deleted, others were revoked":         {"such a list shows everything", []func(*Observation){holds("T1", 1), row("T1", 1, token.Revoked), missed("T1"), deleting, func(o *Observation) { o.Memory.LeaderSince = start.Add(-time.Hour) }}, "DeleteSecret"},
		"deleted, others are not listed":       {"such a list may lack anything", []func(*Observation){holds("T1", 1), row("T1", 1, token.Revoked), missed("X"), deleting, func(o *Observation) { o.Memory.LeaderSince = start.Add(-time.Hour) }}, "Wait MassDisappearance"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, describe(Plan(observed(t, tc.changes...)).Decision)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// Whatever the list shows of tokens that no ledger names, none of them is revoked or taken while somebody else has our identity, and none
// is made while this object's is missed.
func TestNothingRashInDoubt(t *testing.T) {
	states := []token.State{"", token.Active, token.Revoked}
	for n := range 3 * 3 * 3 * 8 {
		first, second, third, how := states[n%3], states[n/3%3], states[n/9%3], n/27
		changes := []func(*Observation){}
		for i, state := range []token.State{first, second, third} {
			if state != "" {
				changes = append(changes, row(token.ID(fmt.Sprint("T", i+1)), i+1, state))
			}
		}
		if how&1 != 0 {
			changes = append(changes, holds("T1", 1))
		}
		if how&2 != 0 {
			changes = append(changes, func(o *Observation) { o.Object.Deleting = true })
		}
		o := observed(t, changes...)
		disputed := o
		disputed.Issuer.Disputed = true
		disputed.Snapshot.Foreign = map[token.ID]bool{"T2": true}
		allowed := []token.ID{""}
		if how&1 != 0 {
			allowed = append(allowed, "T1")
		}
		decision := Plan(disputed).Decision
		if d, revokes := decision.(Revoke); revokes && !slices.Contains(allowed, d.ID) {
			t.Errorf("case %d: %s is revoked", n, d.ID)
		}
		if d, publishes := decision.(Publish); publishes && (d.Ledger.Current.ID == "T2" || d.Ledger.Lists("T2")) {
			t.Errorf("case %d: theirs is taken: %s", n, describe(d))
		}
		if _, releases := decision.(Release); releases && (third == token.Active || second == token.Active) {
			t.Errorf("case %d: released, and what may be theirs is there", n)
		}
		missed := o
		missed.Snapshot.Missed = map[token.ID]bool{"T1": true, "X": true, "Y": true}
		if issue, made := Plan(missed).Decision.(Issue); made && first != token.Active {
			t.Errorf("case %d: %s", n, describe(issue))
		}
	}
}
