package lifecycle

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// observed begins with an object that is about to have its first token: protected, granted, a list taken.
func observed(t *testing.T, changes ...func(*Observation)) Observation {
	t.Helper()
	s := tell(t)
	s.observation.Object.Protected = true
	s.passes(time.Second).lists()
	o := s.observation
	o.Now, o.ServerNow = s.now, s.now
	for _, change := range changes {
		change(&o)
	}
	return o
}

// row adds a token of the object to the list.
func row(id token.ID, sequence int, state token.State) func(*Observation) {
	return func(o *Observation) {
		o.Snapshot.Rows[id] = token.Token{
			ID: id, Name: o.Object.Marker.WithSequence(sequence).Name("m", 64), State: state, IssuedAt: start.Add(-48 * time.Hour),
		}
	}
}

// anothers adds a token of another object to the list.
func anothers(id token.ID) func(*Observation) {
	return func(o *Observation) {
		other := token.Identity{ClusterID: "cluster"}.Marker("elsewhere", "mediator", "uid-9").WithSequence(1)
		o.Snapshot.Rows[id] = token.Token{ID: id, Name: other.Name("m", 64), State: token.Active, IssuedAt: start.Add(-48 * time.Hour)}
	}
}

// holds has the Secret hold a token, listed or not.
func holds(id token.ID, sequence int) func(*Observation) {
	return func(o *Observation) {
		o.Secret = Secret{
			Presence: Owned, Trust: ledger.Proof, ValueIntact: true, WrittenAt: start.Add(-24 * time.Hour),
			Ledger: ledger.Ledger{
				Incarnation: o.Object.Marker.Incarnation, Account: "project",
				Current: ledger.Entry{ID: id, Name: o.Object.Marker.WithSequence(sequence).Name("m", 64), Sequence: sequence},
			},
		}
	}
}

// outOfReach: the issuer is of a kind that the operator does not read.
func outOfReach(o *Observation) {
	o.Issuer = Issuer{Known: true, OutOfReach: true, Problem: Problem{Reason: ReasonIssuerOutOfReach}}
}

func TestPlan(t *testing.T) {
	tests := map[string]struct {
		reason  string
		changes []func(*Observation)
		want    string
	}{
		"first token":          {"nothing exists, and a fresh list says so", nil, "Issue #1 (there is no token yet)"},
		"marker clash":         {"tokens of the two could not be told apart", []func(*Observation){func(o *Observation) { o.Object.Twin = "a/b" }}, "Stall IdentityClash"},
		"invalid spec":         {"there is nothing to write the value into", []func(*Observation){func(o *Observation) { o.Object.Invalid = &Problem{Reason: ReasonInvalidTemplate} }}, "Stall InvalidTemplate"},
		"adoptable Secret":     {"it may be taken over, so that a mint is in order", []func(*Observation){func(o *Observation) { o.Secret.Presence = Adoptable }}, "Issue #1 (there is no token yet)"},
		"issuer not looked at": {"nothing is known yet, and nothing said", []func(*Observation){func(o *Observation) { o.Issuer.Known = false }}, "Rest"},
		"issuer missing": {"it may come later", []func(*Observation){func(o *Observation) {
			o.Issuer = Issuer{Known: true, Problem: Problem{Reason: ReasonIssuerNotFound}}
		}}, "Wait IssuerNotFound"},
		"issuer out of reach":                        {"a person must choose another", []func(*Observation){outOfReach}, "Stall IssuerOutOfReach"},
		"issuer out of reach, unprotected":           {"nothing holds what can have no token", []func(*Observation){outOfReach, func(o *Observation) { o.Object.Protected = false }}, "Stall IssuerOutOfReach"},
		"issuer out of reach, token there":           {"it goes on being used", []func(*Observation){holds("T1", 1), outOfReach}, "Rest"},
		"issuer out of reach, Secret drifted":        {"no vendor is needed to put it right", []func(*Observation){holds("T1", 1), outOfReach, func(o *Observation) { o.Secret.Drifted = true }}, "Publish T1 from the Secret"},
		"deleted, issuer out of reach":               {"whoever protected it may have had a token made, of which nothing tells", []func(*Observation){deleted, outOfReach}, "Wait IssuerOutOfReach"},
		"deleted, issuer out of reach, unprotected":  {"nobody ever had", []func(*Observation){deleted, outOfReach, func(o *Observation) { o.Object.Protected = false }}, "Rest"},
		"deleted, issuer out of reach, token there":  {"it is not revoked yet", []func(*Observation){holds("T1", 1), deleted, outOfReach}, "Wait IssuerOutOfReach"},
		"deleted, issuer out of reach, glass broken": {"a person has decided", []func(*Observation){deleted, outOfReach, func(o *Observation) { o.Object.SkipRevocation = true }}, "Release"},
		"issuer terminating":                         {"nothing is first issued from it", []func(*Observation){func(o *Observation) { o.Issuer.Terminating = true }}, "Stall IssuerTerminating"},
		"issuer terminating, token lost": {"it still serves those who have one", []func(*Observation){holds("T1", 1), row("T1", 1, token.Revoked), func(o *Observation) { o.Issuer.Terminating = true }},
			"Issue #2 (the token was revoked at the vendor)"},
		"issuer unprotected": {"it could go away under the token", []func(*Observation){func(o *Observation) { o.Issuer.Protected = false }}, "Wait IssuerNotReady"},
		"issuer may not mint": {"kept credentials only list and revoke", []func(*Observation){func(o *Observation) {
			o.Issuer.CanMint, o.Issuer.Problem = false, Problem{Reason: "CredentialsNotFound"}
		}}, "Wait CredentialsNotFound"},
		"not granted":              {"no vendor call is made", []func(*Observation){func(o *Observation) { o.Issuer.Granted, o.Snapshot = false, token.Snapshot{} }}, "Stall NotGranted"},
		"unprotected, not granted": {"the finalizer would be in the way for nothing", []func(*Observation){func(o *Observation) { o.Object.Protected, o.Issuer.Granted = false, false }}, "Stall NotGranted"},
		"list too old":             {"it may have missed the last attempt", []func(*Observation){func(o *Observation) { o.Memory.LastCreateEnded = o.Snapshot.StartedAt }}, "Relist to see whether a token exists already"},
		"list from before another's create": {"without names, what came of it would look like our own", []func(*Observation){func(o *Observation) {
			o.Issuer.Capabilities = token.Capabilities{Listable: true}
			o.Issuer.LastCreateEnded = o.Snapshot.StartedAt
		}}, "Relist to see whether a token exists already"},
		"list from before another's create, with names": {"its name tells whose it is", []func(*Observation){func(o *Observation) {
			o.Issuer.LastCreateEnded = o.Snapshot.StartedAt
		}}, "Issue #1 (there is no token yet)"},
		"list of a predecessor": {"its last attempt may have come later", []func(*Observation){func(o *Observation) { o.Memory.LeaderSince = o.Snapshot.StartedAt }}, "Relist to see whether a token exists already"},
		"list lag": {"a token may appear later than its creation", []func(*Observation){func(o *Observation) {
			o.Issuer.Capabilities.ListLag = time.Minute
		}}, "Relist to see whether a token exists already"},
		"ledger with another's token":  {"a value is read out for nobody but whose marker it has", []func(*Observation){holds("T1", 1), anothers("T1")}, "Issue #2 (the value is lost and the vendor does not show it again)"},
		"deleted with another's token": {"nobody else's token is revoked, whatever was signed", []func(*Observation){holds("T1", 1), anothers("T1"), deleted}, "DeleteSecret"},
		"two candidates":               {"the one the status names is preferred", []func(*Observation){row("T1", 1, token.Active), row("T2", 2, token.Active), func(o *Observation) { o.Object.HintID = "T1" }}, "Publish T1 from the vendor retiring T2"},
		"two candidates, no hint":      {"the later is preferred", []func(*Observation){row("T1", 1, token.Active), row("T2", 2, token.Active)}, "Publish T2 from the vendor retiring T1"},
		"candidate of another incarnation": {"a recreated object begins anew", []func(*Observation){func(o *Observation) {
			other := token.Identity{ClusterID: "cluster"}.Marker("causely", "mediator", "uid-0").WithSequence(3)
			o.Snapshot.Rows["T0"] = token.Token{ID: "T0", Name: other.Name("m", 64), State: token.Active}
		}}, "Issue #1 (there is no token yet)"},
		"forged hint":     {"a status names a token that no list shows: that only delays", []func(*Observation){func(o *Observation) { o.Object.HintID, o.Object.HintSequence = "X", 5 }}, "Wait TokenNotListed"},
		"hinted sequence": {"a sequence is never used twice", []func(*Observation){func(o *Observation) { o.Object.HintSequence = 5 }}, "Issue #6 (there is no token yet)"},
		"absurd hint":     {"a status cannot use up the sequences", []func(*Observation){func(o *Observation) { o.Object.HintSequence = token.MaxSequence }}, "Issue #1 (there is no token yet)"},
		"absurd ledger, unsigned": {"whoever may edit the Secret cannot use up the sequences, either", []func(*Observation){holds("T1", token.MaxSequence), row("T1", 1, token.Revoked), func(o *Observation) {
			o.Secret.Trust = ledger.Hint
		}}, "Issue #2 (the token was revoked at the vendor)"},
		"negative ledger, unsigned": {"a name with such a sequence could never be found again", []func(*Observation){holds("T1", -1_000_000), func(o *Observation) {
			o.Secret.Trust, o.Secret.ValueIntact = ledger.Hint, false
		}}, "Issue #1 (the value is lost and the vendor does not show it again)"},
		"held back": {"the last failure was a moment ago", []func(*Observation){func(o *Observation) {
			o.Object.HeldBackUntil, o.Object.HeldBack.Reason = o.Now.Add(time.Minute), "CreateRefused"
		}}, "Wait CreateRefused"},
		"held back, candidate": {"reading the value is a vendor call, too", []func(*Observation){row("T1", 1, token.Active), func(o *Observation) {
			o.Object.HeldBackUntil, o.Object.HeldBack.Reason = o.Now.Add(time.Minute), "ValueUnreadable"
		}}, "Wait ValueUnreadable"},
		"signature lost, value intact": {"the value proves itself by its digest, the token by its name", []func(*Observation){holds("T1", 1), row("T1", 1, token.Active), func(o *Observation) { o.Secret.Trust = ledger.Hint }}, "Publish T1 from the Secret"},
		"forged ledger": {"it names a token of somebody else: its value is never read", []func(*Observation){holds("X", 1), func(o *Observation) {
			o.Secret.Trust, o.Secret.ValueIntact = ledger.Hint, false
			o.Snapshot.Rows["X"] = token.Token{ID: "X", Name: token.Identity{ClusterID: "cluster"}.Marker("other", "token", "uid-9").WithSequence(1).Name("m", 64), State: token.Active}
		}}, "Issue #2 (the value is lost and the vendor does not show it again)"},
		"stray":                             {"it is listed before anything is done to it", []func(*Observation){holds("T1", 1), row("T1", 1, token.Active), row("T2", 2, token.Active)}, "Publish T1 from the Secret retiring T2"},
		"retiring, early":                   {"its overlap has not passed", []func(*Observation){holds("T2", 2), row("T1", 1, token.Active), row("T2", 2, token.Active), retiring("T1", start)}, "Rest"},
		"retiring, due":                     {"its overlap has passed", []func(*Observation){holds("T2", 2), row("T1", 1, token.Active), row("T2", 2, token.Active), retiring("T1", start.Add(-2*time.Hour))}, "Revoke T1"},
		"retiring, since the write":         {"an entry without a time counts from the Secret's last write", []func(*Observation){holds("T2", 2), row("T1", 1, token.Active), row("T2", 2, token.Active), retiring("T1", time.Time{})}, "Revoke T1"},
		"retiring, floor":                   {"an overlap of nothing is not honoured", []func(*Observation){holds("T2", 2), row("T1", 1, token.Active), row("T2", 2, token.Active), retiring("T1", start), func(o *Observation) { o.Object.Overlap = 0 }}, "Rest"},
		"retiring, gone":                    {"somebody revoked it: nothing is left to do", []func(*Observation){holds("T2", 2), row("T1", 1, token.Revoked), row("T2", 2, token.Active), retiring("T1", start.Add(-2*time.Hour))}, "Rest"},
		"retiring, no vendor":               {"it waits, and the Secret is not touched", []func(*Observation){holds("T2", 2), row("T1", 1, token.Active), row("T2", 2, token.Active), retiring("T1", start.Add(-2*time.Hour)), func(o *Observation) { o.Issuer.CanRevoke = false }}, "Rest"},
		"unsigned list of the retiring":     {"only a signed ledger causes a revocation", []func(*Observation){holds("T2", 2), row("T1", 1, token.Active), row("T2", 2, token.Active), retiring("T1", start.Add(-2*time.Hour)), func(o *Observation) { o.Secret.Trust = ledger.Hint }}, "Publish T2 from the Secret retiring T1"},
		"deleted, listed nowhere":           {"a list that should show it and does not is of another account", []func(*Observation){holds("T1", 1), deleted}, "Wait TokenNotListed"},
		"deleted, listed nowhere, hint":     {"what the status says can only delay", []func(*Observation){deleted, func(o *Observation) { o.Object.HintID = "T1" }}, "Wait TokenNotListed"},
		"deleted, revoked rows are dropped": {"the vendor is asked by the ID the signed ledger has", []func(*Observation){holds("T1", 1), deleted, func(o *Observation) { o.Issuer.Capabilities.KeepsRevoked = false }}, "Revoke T1"},
		"deleted, issuer gone, nothing issued": {"the issuer outlives whatever was issued from it", []func(*Observation){deleted, func(o *Observation) {
			o.Issuer = Issuer{Known: true, Problem: Problem{Reason: ReasonIssuerNotFound}}
		}}, "Release"},
		"deleted, issuer gone, attempt": {"a token may have been issued", []func(*Observation){deleted, func(o *Observation) {
			o.Object.HintIssued = true
			o.Issuer = Issuer{Known: true, Problem: Problem{Reason: ReasonIssuerNotFound}}
		}}, "Wait IssuerNotFound"},
		"deleted, Secret held by somebody": {"asking again and again would not help", []func(*Observation){holds("T1", 1), row("T1", 1, token.Revoked), deleted, func(o *Observation) { o.Secret.Terminating = true }}, "Wait SecretTerminating"},
		"suspended, restored":              {"what has a token is protected all the same", []func(*Observation){holds("T1", 1), func(o *Observation) { o.Object.Protected, o.Object.Suspended = false, true }}, "Protect"},
		"to be undone, issuer unusable": {"it is tried when the vendor can be called", []func(*Observation){func(o *Observation) {
			o.Memory.Undo, o.Issuer.CanRevoke, o.Issuer.CanList, o.Issuer.Problem.Reason = []token.ID{"X"}, false, false, "VendorUnreachable"
		}}, "Wait VendorUnreachable"},
		"to be undone": {"it is in no list", []func(*Observation){func(o *Observation) { o.Memory.Undo = []token.ID{"X"} }}, "Revoke X"},
		"drift again and again": {"what cannot be repaired does not keep the rest from happening", []func(*Observation){holds("T2", 2), row("T1", 1, token.Active), row("T2", 2, token.Active), retiring("T1", start.Add(-2*time.Hour)), func(o *Observation) {
			o.Secret.Drifted, o.Memory.RepairAfter = true, o.Now.Add(time.Second)
		}}, "Revoke T1"},
		"restored again and again": {"a Secret deleted in a loop is no loop of vendor calls", []func(*Observation){row("T1", 1, token.Active), func(o *Observation) { o.Memory.ReadAfter = o.Now.Add(time.Second) }}, "Wait RepairPaced"},
		"deleted, unsigned ledger": {"a hint never causes a revocation", []func(*Observation){holds("T1", 1), deleted, func(o *Observation) { o.Secret.Trust = ledger.Hint }}, "DeleteSecret"},
		"deleted, foreign Secret":  {"somebody else's Secret stays", []func(*Observation){deleted, func(o *Observation) { o.Secret.Presence = Foreign }}, "Release"},
		"deleted, unprotected":     {"nothing was ever done for it", []func(*Observation){deleted, func(o *Observation) { o.Object.Protected = false }}, "Rest"},
		"deleted, other's token": {"a token of another object stays", []func(*Observation){deleted, func(o *Observation) {
			o.Snapshot.Rows["X"] = token.Token{ID: "X", Name: token.Identity{ClusterID: "cluster"}.Marker("other", "token", "uid-9").WithSequence(1).Name("m", 64), State: token.Active}
		}}, "Release"},
		"deleted within settle":                                          {"a create may be committed yet", []func(*Observation){deleted, func(o *Observation) { o.Snapshot.StartedAt = o.Memory.LeaderSince.Add(time.Second) }}, "Relist to see that no token is left"},
		"deleted, list broken off":                                       {"absence in half a list proves nothing", []func(*Observation){deleted, func(o *Observation) { o.Snapshot.Complete = false }}, "Relist to see that no token is left"},
		"retained with a predecessor":                                    {"nobody would revoke it later", []func(*Observation){holds("T2", 2), row("T1", 1, token.Active), row("T2", 2, token.Active), retiring("T1", start.Add(30*time.Minute)), deleted, retained}, "Wait Retiring"},
		"suspended, an answer lost that no list makes up for":            {"a person is told all the same: the token may be there", []func(*Observation){lostUnlisted, func(o *Observation) { o.Object.Suspended = true }}, "Report m-gwt-n6vxvfh3-ebtj5mudcuvelyh5-jje2z6-1"},
		"not granted any more, an answer lost that no list makes up for": {"nothing new is asked for", []func(*Observation){lostUnlisted, func(o *Observation) { o.Issuer.Granted = false }}, "Report m-gwt-n6vxvfh3-ebtj5mudcuvelyh5-jje2z6-1"},
		"retained without its Secret, no names": {"an empty Secret is of no use to anybody, but nothing else tells of the token", []func(*Observation){deleted, retained, func(o *Observation) {
			o.Issuer.Capabilities = token.Capabilities{RevokeConfirms: true}
			o.Object.Record = &ledger.Ledger{Account: "project", Current: ledger.Entry{ID: "T1", Sequence: 1}}
		}}, "Report that T1 is kept"},
		"retained without its Secret": {"the token that was wanted kept is kept", []func(*Observation){row("T1", 1, token.Active), deleted, retained}, "Release"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			planned := Plan(observed(t, tc.changes...))
			if got := describe(planned.Decision); got != tc.want {
				t.Errorf("%s: got %s by the rule %q, want %s", tc.reason, got, planned.Rule, tc.want)
			}
		})
	}
}

func retiring(id token.ID, since time.Time) func(*Observation) {
	return func(o *Observation) {
		o.Secret.Ledger.Retiring = []ledger.Entry{{ID: id, Sequence: 1, Since: since}}
	}
}

// deleted has the object deleted, with a list that is late enough to let it go.
func deleted(o *Observation) {
	o.Object.Deleting = true
	o.Now, o.ServerNow = o.Now.Add(time.Hour), o.ServerNow.Add(time.Hour)
	o.Snapshot.StartedAt = o.Now
}

func retained(o *Observation) { o.Object.Retain = true }

// A stranger that is listed was never given to anybody, as far as is known: it stays until whoever may have it was seen using it.
func TestStrangerRests(t *testing.T) {
	const rest = 4 * time.Hour // more than the overlap of an hour
	tests := map[string]struct {
		reason            string
		rest, listed, use time.Duration
		want              string
	}{
		"not long enough":             {"whoever has it may use it yet", rest, rest - time.Second, 0, "Rest"},
		"long enough":                 {"nobody has it", rest, rest, 0, "Revoke T1"},
		"used":                        {"somebody has it, and a person decides", rest, 2 * rest, time.Hour, "Rest"},
		"no rest, within the overlap": {"what is replaced does not go earlier, either", 0, time.Hour - time.Second, 0, "Rest"},
		"no rest, after the overlap":  {"the overlap is enough where the setting says so", 0, time.Hour, 0, "Revoke T1"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			o := observed(t, holds("T2", 2))
			o.Issuer.Capabilities = token.Capabilities{Listable: true, GetByID: true, ShowsLastUse: true, Slots: 5}
			o.Settings.StrangerRest = tc.rest
			o.Secret.Ledger.Retiring = []ledger.Entry{{ID: "T1", Since: o.ServerNow.Add(-tc.listed)}}
			for _, id := range []token.ID{"T1", "T2"} {
				o.Snapshot.Rows[id] = token.Token{ID: id, State: token.Active}
			}
			if tc.use > 0 {
				o.Snapshot.Rows["T1"] = token.Token{ID: "T1", State: token.Active, LastUsedAt: o.ServerNow.Add(-tc.use)}
			}
			if got := describe(Plan(o).Decision); got != tc.want {
				t.Errorf("%s: got %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

// What is not known to be wrong is left in use.
func TestUsable(t *testing.T) {
	tests := map[string]struct {
		reason  string
		changes []func(*Observation)
		want    bool
	}{
		"active":            {"a list shows it", []func(*Observation){holds("T1", 1), row("T1", 1, token.Active)}, true},
		"not listed":        {"absence alone proves nothing", []func(*Observation){holds("T1", 1)}, true},
		"nothing known yet": {"no list was seen since the start", []func(*Observation){holds("T1", 1), func(o *Observation) { o.Snapshot = token.Snapshot{} }}, true},
		"revoked":           {"the value does not open the gateway any more", []func(*Observation){holds("T1", 1), row("T1", 1, token.Revoked)}, false},
		"revoked just now": {"the list is older than the vendor's word", []func(*Observation){holds("T1", 1), row("T1", 1, token.Active), func(o *Observation) {
			o.Memory.Revoked = map[token.ID]time.Time{"T1": o.Now}
		}}, false},
		"value edited":      {"the value is another one", []func(*Observation){holds("T1", 1), row("T1", 1, token.Active), func(o *Observation) { o.Secret.ValueIntact = false }}, false},
		"ledger not signed": {"anybody may have written it", []func(*Observation){holds("T1", 1), row("T1", 1, token.Active), func(o *Observation) { o.Secret.Trust = ledger.Hint }}, false},
		"no Secret":         {"there is nothing to use", []func(*Observation){row("T1", 1, token.Active)}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Plan(observed(t, tc.changes...)).Usable; got != tc.want {
				t.Errorf("%s: got %t, want %t", tc.reason, got, tc.want)
			}
		})
	}
}

// The ledger that follows a publication is what the next process will know.
func TestNextLedger(t *testing.T) {
	o := observed(t, holds("T1", 1), row("T1", 1, token.Active), row("T7", 7, token.Active))
	o.Memory.InHand = &InHand{Token: token.Token{ID: "T8", Name: o.Object.Marker.WithSequence(8).Name("m", 64), Account: "project", IssuedAt: start}, Replaces: "T1"}
	o.Memory.Doubted = map[string]bool{o.Snapshot.Rows["T7"].Name: true}
	publish, ok := Plan(o).Decision.(Publish)
	if !ok {
		t.Fatalf("got %T, want Publish", Plan(o).Decision)
	}
	want := ledger.Ledger{
		Account: "project", Incarnation: o.Object.Marker.Incarnation,
		Current:   ledger.Entry{ID: "T8", Name: o.Memory.InHand.Token.Name, Sequence: 8, IssuedAt: start},
		Retiring:  []ledger.Entry{{ID: "T1", Name: o.Snapshot.Rows["T1"].Name, Sequence: 1, Published: true}},
		Condemned: []ledger.Entry{{ID: "T7", Name: o.Snapshot.Rows["T7"].Name, Sequence: 7, IssuedAt: start.Add(-48 * time.Hour)}},
		Mints:     []ledger.Mint{{Sequence: 8, At: start}},
	}
	if diff := cmp.Diff(want, publish.Ledger); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A token that was published is never treated as one that was not, even if its name was once in doubt.
func TestPublishedStrayRetires(t *testing.T) {
	tests := map[string]func(*Observation){
		"by this process": func(o *Observation) { o.Memory.Published = map[token.ID]bool{"T1": true} },
		"by the status":   func(o *Observation) { o.Object.HintRetiring = map[token.ID]bool{"T1": true} },
	}
	for name, known := range tests {
		t.Run(name, func(t *testing.T) {
			o := observed(t, holds("T2", 2), row("T1", 1, token.Active), row("T2", 2, token.Active), known)
			o.Memory.Doubted = map[string]bool{o.Snapshot.Rows["T1"].Name: true}
			if got, want := describe(Plan(o).Decision), "Publish T2 from the Secret retiring T1"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestEntriesAreBounded(t *testing.T) {
	o := observed(t, holds("T1", 1), row("T1", 1, token.Active))
	for sequence := 2; sequence < 100; sequence++ {
		row(token.ID("S"+string(rune('A'+sequence))), sequence, token.Active)(&o)
	}
	publish, ok := Plan(o).Decision.(Publish)
	if !ok || len(publish.Ledger.Retiring) != ledger.MaxEntries-1 {
		t.Errorf("got %d retiring entries, want %d: one place is left for the current token", len(publish.Ledger.Retiring), ledger.MaxEntries-1)
	}
}

// As long as clocks differ nothing is due, and it is looked again now and then: they may be set right without anybody telling.
func TestWhileSkewed(t *testing.T) {
	tests := map[string][]func(*Observation){
		"overlap over":            {row("T1", 1, token.Active), retiring("T1", start.Add(-2*time.Hour))},
		"deleted, to be retained": {row("T1", 1, token.Active), retiring("T1", start.Add(-2*time.Hour)), deleted, retained},
		"token at its end":        {func(o *Observation) { o.Secret.Ledger.Current.ExpiresAt = start.Add(-time.Minute) }},
		"token at its end, suspended": {func(o *Observation) {
			o.Secret.Ledger.Current.ExpiresAt, o.Object.Suspended = start.Add(-time.Minute), true
		}},
		"token at its end, vendor away": {func(o *Observation) {
			o.Secret.Ledger.Current.ExpiresAt, o.Issuer.CanList = start.Add(-time.Minute), false
		}},
		"token of age": {func(o *Observation) {
			o.Object.RotateEvery, o.Secret.Ledger.Current.IssuedAt = time.Hour, start.Add(-3*time.Hour)
		}},
	}
	for name, changes := range tests {
		t.Run(name, func(t *testing.T) {
			o := observed(t, append([]func(*Observation){holds("T2", 2), row("T2", 2, token.Active)}, changes...)...)
			o.ServerNow = o.Now.Add(time.Hour)
			decision, want := Plan(o).Decision, o.Now.Add(time.Minute)
			rests, _ := decision.(Rest)
			waits, _ := decision.(Wait)
			if !rests.Next.Equal(want) && !waits.Until.Equal(want) {
				t.Errorf("%s (%+v), want another look in a minute", describe(decision), decision)
			}
		})
	}
}

// At a full ledger a demotion makes room rather than a ledger that cannot be read again.
func TestDemotionKeepsTheBound(t *testing.T) {
	o := observed(t, holds("T50", 50), row("T50", 50, token.Active))
	for sequence := 1; sequence <= ledger.MaxEntries; sequence++ {
		id := token.ID("R" + string(rune('A'+sequence)))
		row(id, sequence, token.Active)(&o)
		o.Secret.Ledger.Retiring = append(o.Secret.Ledger.Retiring, ledger.Entry{ID: id, Sequence: sequence, Since: start})
	}
	o.Memory.InHand = &InHand{Token: token.Token{ID: "T51", Name: o.Object.Marker.WithSequence(51).Name("m", 64)}, Replaces: "T50"}
	publish, ok := Plan(o).Decision.(Publish)
	if !ok || len(publish.Ledger.Retiring) != ledger.MaxEntries || publish.Ledger.Retiring[ledger.MaxEntries-1].ID != "T50" {
		t.Errorf("got %+v, want T50 as the last of %d entries", publish.Ledger.Retiring, ledger.MaxEntries)
	}
}

// changeable lets rights be changed in place.
func changeable(o *Observation) { o.Issuer.Capabilities.UpdateInPlace = true }

// What the vendor is asked for is written down first, so that it is not forgotten when the spec changes again.
func TestPlanChange(t *testing.T) {
	const intent, note = "Publish T1 from the Secret, changing", "Publish T1 from the Secret"
	with := func(asked, changed, written, changing string) func(*Observation) {
		return func(o *Observation) {
			o.Object.Inputs, o.Memory.Changed, o.Secret.Ledger.Inputs, o.Secret.Ledger.Changing = asked, changed, written, changing
			o.Memory.LeaderSince = o.Now.Add(-time.Hour)
		}
	}
	tests := map[string]struct {
		reason                            string
		asked, changed, written, changing string
		want                              string
	}{
		"as written":                {"nothing to do", "a", "", "a", "", "Rest"},
		"edited":                    {"it is written down first", "b", "", "a", "", intent},
		"written down":              {"the vendor is asked; whoever comes later asks once more", "b", "", "a", "b", "Change T1 to []"},
		"done":                      {"it is written down", "b", "b", "a", "b", note},
		"edited again":              {"it is written down first", "c", "b", "a", "b", intent},
		"edited again, and noted":   {"the vendor is asked once more", "c", "b", "a", "c", "Change T1 to []"},
		"taken back":                {"the ledger is right again, the vendor not yet", "a", "b", "a", "b", intent},
		"taken back, and forgotten": {"the process before may have asked", "a", "", "a", "b", intent},
		"taken back, and noted":     {"the vendor may have done it", "a", "", "a", "a", "Change T1 to []"},
		"taken back, and done":      {"all are of one mind", "a", "a", "a", "a", note},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			o := observed(t, holds("T1", 1), row("T1", 1, token.Active), changeable, with(tc.asked, tc.changed, tc.written, tc.changing))
			if got := describe(Plan(o).Decision); got != tc.want {
				t.Errorf("%s: %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

// An object with a token that ends is looked at when that is over, whatever it rests for.
func TestRestUntilTheEnd(t *testing.T) {
	tests := map[string]struct {
		reason  string
		changes []func(*Observation)
		want    time.Duration
	}{
		"vendor down":     {"nobody else tells", []func(*Observation){func(o *Observation) { o.Issuer.CanList = false }}, time.Hour},
		"suspended":       {"it is not Ready any more then", []func(*Observation){func(o *Observation) { o.Object.Suspended = true }}, time.Hour},
		"another account": {"as if the vendor were down", []func(*Observation){func(o *Observation) { o.Issuer.Account = "another" }}, time.Hour},
		"successor refused": {"the next try comes first", []func(*Observation){func(o *Observation) {
			o.Object.HeldBackUntil = o.Now.Add(10 * time.Minute)
		}}, 10 * time.Minute},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			ends := func(o *Observation) {
				o.Secret.Ledger.Current.IssuedAt, o.Secret.Ledger.Current.ExpiresAt = o.Now.Add(-9*time.Hour), o.Now.Add(time.Hour)
			}
			o := observed(t, append([]func(*Observation){holds("T1", 1), row("T1", 1, token.Active), ends}, tc.changes...)...)
			rest, ok := Plan(o).Decision.(Rest)
			if !ok || rest.Next.Sub(o.Now) != tc.want {
				t.Errorf("%s: %s until %s from now, want %s", tc.reason, describe(Plan(o).Decision), rest.Next.Sub(o.Now), tc.want)
			}
		})
	}
}

// What is in hand is not judged as long as nobody knows what the vendor's tokens are like: where they have names, others may have found
// the token by its own, and use it.
func TestHandAtAnUnknownVendor(t *testing.T) {
	o := observed(t, holds("T9", 2), func(o *Observation) {
		o.Memory.InHand = &InHand{Token: token.Token{ID: "T2", Name: o.Object.Marker.WithSequence(2).Name("m", 64)}, Sequence: 2, Replaces: "T1"}
	})
	if spent, lost := HandSpent(o); !spent || lost {
		t.Errorf("named: spent %t, lost %t", spent, lost)
	}
	o.Issuer = Issuer{}
	if spent, lost := HandSpent(o); spent || lost {
		t.Errorf("unknown: spent %t, lost %t", spent, lost)
	}
}

// lostUnlisted has the answer to a create lost at a vendor that lists no tokens.
func lostUnlisted(o *Observation) {
	o.Issuer.Capabilities, o.Snapshot = token.Capabilities{RevokeConfirms: true, MaxNameLength: 64}, token.Snapshot{}
	o.Object.Attempt = &Attempt{Sequence: 1, Name: o.Object.Marker.WithSequence(1).Name("m", 64), StartedAt: start, Proved: true}
}

// A change whose answer was lost may be carried out yet: until it cannot be, the token is not changed to something else, and what was
// asked for is not forgotten. To repeat it does no harm.
func TestPlanChangeDoubted(t *testing.T) {
	const change = "Change T1 to []"
	tests := map[string]struct {
		reason                            string
		asked, changed, written, changing string
		intended                          string
		doubted, leader                   time.Duration
		want                              string
	}{
		"repeated":                      {"it is the same", "b", "", "a", "b", "b", time.Second, time.Hour, change},
		"taken back":                    {"the vendor may do it after all", "a", "", "a", "b", "b", time.Second, time.Hour, "Rest"},
		"taken back, later":             {"it cannot any more", "a", "", "a", "b", "b", time.Minute, time.Hour, "Publish T1 from the Secret, changing"},
		"repeated with success":         {"the first may be carried out when the spec is another", "b", "b", "a", "b", "b", time.Second, time.Hour, "Rest"},
		"repeated with success, later":  {"it cannot any more", "b", "b", "a", "b", "b", time.Minute, time.Hour, "Publish T1 from the Secret"},
		"taken back, in a new process":  {"the one before may have asked", "a", "", "a", "b", "", 0, time.Second, "Rest"},
		"repeated, in a new process":    {"it is the same", "b", "", "a", "b", "", 0, time.Second, change},
		"taken back, later on":          {"the one before cannot any more", "a", "", "a", "b", "", 0, time.Minute, "Publish T1 from the Secret, changing"},
		"edited, in a new process":      {"nobody asked for anything", "b", "", "a", "", "", 0, time.Second, "Publish T1 from the Secret, changing"},
		"done by the new process alone": {"nobody else asked for it", "b", "b", "a", "b", "b", 0, time.Second, "Publish T1 from the Secret"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			o := observed(t, holds("T1", 1), row("T1", 1, token.Active), changeable)
			o.Object.Inputs, o.Memory.Changed, o.Secret.Ledger.Inputs, o.Secret.Ledger.Changing = tc.asked, tc.changed, tc.written, tc.changing
			o.Memory.Intended, o.Memory.LeaderSince = tc.intended, o.Now.Add(-tc.leader)
			if tc.doubted > 0 {
				o.Memory.ChangeDoubted = o.Now.Add(-tc.doubted)
			}
			got := Plan(o).Decision
			if describe(got) != tc.want {
				t.Errorf("%s: %s, want %s", tc.reason, describe(got), tc.want)
			}
			if rests, ok := got.(Rest); ok && (rests.Next.IsZero() || rests.Next.Sub(o.Now) > o.Settings.Settle) {
				t.Errorf("%s: it rests until %s", tc.reason, rests.Next)
			}
		})
	}
}

// A Secret that went with its namespace leaves the status to say what there was: it proves nothing, and is not ignored either.
func TestReleaseWithoutTheSecret(t *testing.T) {
	const asks, lists = true, false
	hinted := func(byID bool) func(*Observation) {
		return func(o *Observation) {
			deleted(o)
			o.Object.HintID, o.Object.HintSequence = "T1", 1
			o.Issuer.Capabilities.KeepsRevoked, o.Issuer.Capabilities.GetByID = false, byID
			o.Memory.LeaderSince = start.Add(-time.Hour)
			o.Memory.There, o.Memory.Gone = map[token.ID]time.Time{}, map[token.ID]bool{}
		}
	}
	lackedBefore := func(o *Observation) {
		o.Snapshot.Before = &token.Snapshot{StartedAt: o.Snapshot.StartedAt.Add(-time.Minute), Complete: true, Anchored: true}
	}
	there := func(at time.Duration) func(*Observation) {
		return func(o *Observation) { o.Memory.There["T1"] = o.Snapshot.StartedAt.Add(at) }
	}
	gone := func(o *Observation) { o.Memory.Gone["T1"] = true }
	tests := map[string]struct {
		reason  string
		changes []func(*Observation)
		want    string
	}{
		"it is listed":                         {"its name is the proof", []func(*Observation){hinted(asks), row("T1", 1, token.Active)}, "Revoke T1"},
		"a list lacks it":                      {"another list is taken", []func(*Observation){hinted(lists)}, "Relist"},
		"two lists lack it":                    {"nobody can be asked for more", []func(*Observation){hinted(lists), lackedBefore}, "Release"},
		"a list lacks it, and it can be asked": {"one list proves nothing", []func(*Observation){hinted(asks)}, "Confirm T1"},
		"the vendor does not know it":          {"then it is gone", []func(*Observation){hinted(asks), gone}, "Release"},
		"the vendor has it":                    {"the next list may show it", []func(*Observation){hinted(asks), there(time.Second)}, "Wait TokenNotListed"},
		"the vendor has it, whatever lists say": {
			"what it says of the token itself counts for more than what two lists lack", []func(*Observation){hinted(asks), lackedBefore, there(time.Second)}, "Wait TokenNotListed",
		},
		"the vendor had it before that list": {"it is asked again", []func(*Observation){hinted(asks), lackedBefore, there(-time.Second)}, "Confirm T1"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := describe(Plan(observed(t, tc.changes...)).Decision); !strings.HasPrefix(got, tc.want) {
				t.Errorf("%s, want %s: %s", got, tc.want, tc.reason)
			}
		})
	}
}

// What keeps a new spec from being carried out is told although a token works, and nothing is told of what is merely due.
func TestHindrance(t *testing.T) {
	o := observed(t)
	record := ledger.Ledger{Incarnation: o.Object.Marker.Incarnation, Inputs: "others", Current: ledger.Entry{ID: "T1", Sequence: 1}}
	o.Secret = Secret{Presence: Owned, Trust: ledger.Proof, Ledger: record, ValueIntact: true}
	o.Issuer.CanMint, o.Issuer.Problem = false, Problem{"CredentialsRejected", "Put valid credentials there."}
	if planned := Plan(o); !planned.Usable || planned.Fulfilled || planned.Hindrance == nil || planned.Hindrance.Reason != "CredentialsRejected" {
		t.Errorf("%+v", planned)
	}
	o.Secret.Ledger.Inputs = o.Object.Inputs
	if planned := Plan(o); !planned.Fulfilled || planned.Hindrance != nil {
		t.Errorf("%+v", planned)
	}
}
