package lifecycle

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

var update = flag.Bool("update", false, "write the golden stories anew")

// start is when every story begins.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// story is a world in which decisions are carried out as a controller would, and told as they come. It is the least that
// can be told: the vendor's rows, the Secret, the clock, and what the process remembers.
type story struct {
	t    *testing.T
	text strings.Builder

	now         time.Time
	skew        time.Duration
	observation Observation
	rows        map[token.ID]token.Token
	values      map[token.ID]string
	inSecret    string
	serial      int
	// createFault and revokeFault befall the next call.
	createFault, revokeFault string
	late                     []token.Token
	creates, revokes         int
	// restarts counts restarts of the workload that uses the Secret; paused: its owner has paused it.
	restarts int
	paused   bool
	// rollFault befalls the next replacement in place; otherID: what is rolled gets another ID. processes counts the processes there were.
	rollFault string
	otherID   bool
	// rollLife is the life of what is rolled, by the vendor's answer; zero where its end stays.
	rollLife         time.Duration
	rolls, processes int
	// vendorBehind is how far the vendor's clock is behind.
	vendorBehind time.Duration
	// holder is the pod that holds whatever was replaced; empty for none. unknown: pods cannot be listed.
	holder string
	// older is the pod that had started before the first value was published; empty for none.
	older   string
	unknown bool
	// wakes is when the last look said that it would look again.
	wakes time.Time
	// foreign are tokens that somebody else made, missed those that are gone with many others.
	foreign, missed map[token.ID]bool
	// queue is how far away a turn is that is asked for now.
	queue time.Duration
}

// tell begins a story.
func tell(t *testing.T, options ...func(*story)) *story {
	t.Helper()
	s := &story{t: t, now: start, rows: map[token.ID]token.Token{}, values: map[token.ID]string{}}
	s.observation = Observation{
		Object: Object{
			Marker: token.Identity{ClusterID: "cluster"}.Marker("causely", "mediator", "uid-1"), BaseName: "mediator", Overlap: time.Hour, OverlapOfPods: time.Hour,
		},
		Issuer: Issuer{
			Known: true, Found: true, Protected: true, CanMint: true, CanList: true, CanRevoke: true, Granted: true, Account: "project",
			Capabilities: token.Capabilities{Named: true, Listable: true, ValueReadable: true, KeepsRevoked: true, RevokeConfirms: true, MaxNameLength: 64},
		},
		Settings: DefaultSettings(),
	}
	s.forget()
	for _, option := range options {
		option(s)
	}
	return s
}

// unreadable makes the vendor one that shows values once and drops revoked rows.
func unreadable(s *story) {
	s.observation.Issuer.Capabilities.ValueReadable = false
}

// dropping makes the vendor one that shows values once, drops revoked rows, shows one token by its ID and when it was used, and
// changes rights in place.
func dropping(s *story) {
	s.observation.Issuer.Capabilities = token.Capabilities{
		Named: true, UniqueNames: true, Listable: true, GetByID: true, ShowsLastUse: true, UpdateInPlace: true, RevokeConfirms: true, MaxNameLength: 64,
	}
	s.observation.Object.Inputs, s.observation.Object.Rights = "deploy", []string{"deploy"}
}

// nameless makes the vendor one whose tokens have no names, five at most, which shows values once and drops what is revoked.
func nameless(s *story) {
	s.observation.Issuer.Capabilities = token.Capabilities{Listable: true, GetByID: true, ShowsLastUse: true, Slots: 5}
	s.observation.Issuer.Reported = map[token.ID]bool{}
}

// unlisted makes the vendor one that lists no tokens, and shows values once.
func unlisted(s *story) {
	s.observation.Issuer.Capabilities = token.Capabilities{RevokeConfirms: true, MaxNameLength: 64}
	s.observation.Issuer.ReportedNames = map[string]bool{}
}

// ending makes the vendor one that shows values once, drops revoked rows, shows no single token, and lets tokens end.
func ending(s *story) {
	s.observation.Issuer.Capabilities = token.Capabilities{
		Named: true, UniqueNames: true, Listable: true, Expires: true, RevokeConfirms: true, MaxNameLength: 64,
	}
	s.observation.Object.Inputs, s.observation.Object.Rights = "read", []string{"read"}
}

func (s *story) forget() {
	s.processes++
	s.observation.Memory = Memory{
		Process: fmt.Sprint("process ", s.processes), LeaderSince: s.now, Doubted: map[string]bool{}, Published: map[token.ID]bool{},
		Revoked: map[token.ID]time.Time{}, Gone: map[token.ID]bool{}, Taken: map[int]bool{}, Free: map[token.ID]time.Time{},
	}
	s.observation.Snapshot = token.Snapshot{}
}

func (s *story) note(format string, args ...any) {
	fmt.Fprintf(&s.text, "%10s  %s\n", "+"+s.now.Sub(start).String(), fmt.Sprintf(format, args...))
}

// says writes what happens in the story's own words.
func (s *story) says(format string, args ...any) *story {
	s.note("* "+format, args...)
	return s
}

func (s *story) passes(d time.Duration) *story {
	s.now = s.now.Add(d)
	var kept []token.Token
	for _, row := range s.late {
		if row.IssuedAt.After(s.now) {
			kept = append(kept, row)
			continue
		}
		s.rows[row.ID] = row
		s.note("* the vendor commits %s late", row.ID)
	}
	s.late = kept
	return s
}

func (s *story) dies() *story {
	s.says("the process dies; another one begins")
	s.passes(time.Second)
	s.forget()
	return s
}

// lives lets time pass as it does for an operator: it looks when it said that it would, and at every interval of lists.
func (s *story) lives(d time.Duration) *story {
	s.t.Helper()
	for until := s.now.Add(d); s.now.Before(until); {
		next := until
		for _, at := range []time.Time{s.now.Add(maxSleep), s.wakes} {
			if at.After(s.now) && at.Before(next) {
				next = at
			}
		}
		s.passes(next.Sub(s.now)).lists()
		before := s.text.Len()
		s.settles()
		if text := s.text.String(); s.quiet(text[before:]) {
			s.text.Reset()
			s.text.WriteString(text[:before])
		}
	}
	return s
}

// maxSleep is how long nothing may happen in lives before somebody looks.
const maxSleep = 24 * time.Hour

// quiet tells whether a look found nothing to do.
func (s *story) quiet(told string) bool { return strings.Count(told, "\n") <= 2 }

// lists takes a list, as the inventory does by itself from time to time.
func (s *story) lists() *story {
	if !s.observation.Issuer.Capabilities.Listable {
		return s
	}
	var before *token.Snapshot
	if latest := s.observation.Snapshot; latest.Taken() {
		latest.Before = nil
		before = &latest
	}
	s.observation.Snapshot = token.Snapshot{
		Account: "project", StartedAt: s.now, Complete: true, Anchored: true, Rows: maps.Clone(s.rows), VendorTime: s.now, Before: before,
		Foreign: maps.Clone(s.foreign), Missed: maps.Clone(s.missed),
	}
	for _, row := range s.rows {
		if row.State == token.Active {
			s.observation.Snapshot.Active++
		}
	}
	s.now = s.now.Add(time.Millisecond)
	return s
}

// settles carries out decisions until there is nothing more to do now.
func (s *story) settles() *story {
	s.t.Helper()
	return s.settlesUntil("")
}

// settlesUntil does the same, but ends with the first decision that begins with some word.
func (s *story) settlesUntil(word string) *story {
	s.t.Helper()
	for range 40 {
		planned := s.plans()
		s.note("%s: %s", planned.Rule, describe(planned.Decision))
		if !s.performs(planned.Decision) {
			s.wakes = time.Time{}
			if rest, ok := planned.Decision.(Rest); ok {
				s.wakes = rest.Next
			}
			if wait, ok := planned.Decision.(Wait); ok {
				s.wakes = wait.Until
			}
			s.tellState(planned)
			return s
		}
		s.now = s.now.Add(time.Millisecond)
		if word != "" && strings.HasPrefix(describe(planned.Decision), word) {
			return s
		}
	}
	s.t.Fatalf("the story never comes to rest:\n%s", s.text.String())
	return s
}

// watchesPods looks at the pods that may hold older values, as a controller does where it is told to.
func (s *story) watchesPods() {
	o := &s.observation
	o.Consumers, o.Stale = map[token.ID]Consumers{}, Consumers{}
	if !o.WatchesPods() {
		o.Memory.Free = map[token.ID]time.Time{}
		return
	}
	gone := s.holder == "" && !s.unknown
	replaced := Consumers{Gone: gone, Unknown: s.unknown, Text: s.holder, Found: s.holder != ""}
	if o.Stale = replaced; o.FirstValue() {
		o.Stale = Consumers{Gone: s.older == "" && !s.unknown, Unknown: s.unknown, Text: s.older, Found: s.older != ""}
	}
	for _, entry := range o.PublishedBefore() {
		o.Consumers[entry.ID] = replaced
		if _, known := o.Memory.Free[entry.ID]; gone && !known {
			o.Memory.Free[entry.ID] = o.ServerNow
			if !entry.Free.IsZero() {
				o.Memory.Free[entry.ID] = entry.Free
			}
		} else if !gone {
			delete(o.Memory.Free, entry.ID)
		}
	}
}

// plans gives up a minted value that has lost its use, as a controller does, and plans.
func (s *story) plans() Planned {
	s.observation.Now, s.observation.ServerNow = s.now, s.now.Add(s.skew)
	s.watchesPods()
	if WantsTurn(s.observation) {
		s.observation.Memory.Turn = s.now.Add(s.queue)
	}
	spent, lost := HandSpent(s.observation)
	if !spent {
		return Plan(s.observation)
	}
	planned, hand := Plan(s.observation), s.observation.Memory.InHand
	s.observation.Memory.Answered = hand.Sequence
	if s.observation.Memory.InHand = nil; lost {
		s.observation.Memory.Undo = append(s.observation.Memory.Undo, hand.Token.ID)
		return Plan(s.observation)
	}
	s.observation.Memory.Doubted[hand.Token.Name] = true
	return planned
}

// publishedBySomebody has another process write the first Secret.
func (s *story) publishedBySomebody(id token.ID, sequence int) {
	s.says("another process publishes %s", id)
	s.inSecret = s.values[id]
	s.observation.Secret = Secret{
		Presence: Owned, Trust: ledger.Proof, WrittenAt: s.now, ValueIntact: true,
		Ledger: ledger.Ledger{Incarnation: s.observation.Object.Marker.Incarnation, Current: ledger.Entry{ID: id, Sequence: sequence}},
	}
}

func (s *story) tellState(planned Planned) {
	holds := "nothing"
	if s.observation.Secret.Presence == Owned {
		holds = string(s.observation.Secret.Ledger.Current.ID)
	}
	line := "Secret holds " + holds
	s.observation.Object.HintRetiring = map[token.ID]bool{}
	for _, retirement := range planned.Retiring {
		s.observation.Object.HintRetiring[retirement.ID] = true
	}
	if planned.Handled {
		s.observation.Object.HintHandled = s.observation.Object.Request.Text
	}
	for _, retirement := range planned.Retiring {
		line += fmt.Sprintf("; %s waits for %s", retirement.ID, retirement.WaitingFor)
	}
	if planned.Trouble != nil {
		line += "; trouble: " + string(planned.Trouble.Reason)
	}
	if planned.Rotating != nil {
		line += "; rotating: " + string(planned.Rotating.Reason)
	}
	if planned.Consumers != nil {
		line += "; consumers: " + string(planned.Consumers.Reason)
	}
	if s.observation.Object.Consumers != NoConsumersAction {
		s.observation.Object.HintConsumersReady = planned.Consumers == nil
	}
	if !planned.NextRotation.IsZero() {
		line += "; next rotation " + planned.NextRotation.UTC().Format(time.DateTime)
	}
	var alive []string
	for _, id := range slices.Sorted(maps.Keys(s.rows)) {
		if s.rows[id].State == token.Active {
			alive = append(alive, string(id))
		}
	}
	s.note("= %s; active at the vendor: %s", line, strings.Join(alive, " "))
}

func describe(d Decision) string {
	switch d := d.(type) {
	case Wait:
		return "Wait " + string(d.Reason)
	case Stall:
		return "Stall " + string(d.Reason)
	case Issue:
		return fmt.Sprintf("Issue #%d (%s)", d.Sequence, d.Why)
	case Publish:
		listed := ""
		for _, entry := range d.Ledger.Retiring {
			listed += " retiring " + string(entry.ID)
		}
		for _, entry := range d.Ledger.Condemned {
			listed += " condemned " + string(entry.ID)
		}
		if d.Ledger.Changing != "" {
			listed += ", changing"
		}
		if d.Ledger.Rolling != nil {
			listed += fmt.Sprintf(", rolling to #%d", d.Ledger.Rolling.Sequence)
		}
		if d.Ledger.Vacating {
			listed += ", vacating"
		}
		if d.Ledger.Current.Cut != "" {
			listed += fmt.Sprintf(", #%d cut off %s", d.Ledger.Current.Sequence, d.Ledger.Current.Cut)
		}
		source := map[Source]string{FromHand: "from hand", FromSecret: "from the Secret", FromVendor: "from the vendor"}[d.Source]
		return fmt.Sprintf("Publish %s %s%s", d.Ledger.Current.ID, source, listed)
	case Revoke:
		return "Revoke " + string(d.ID)
	case Relist:
		return "Relist to " + d.Purpose
	case Report:
		if d.Kept != nil {
			return "Report that " + string(d.Kept.ID) + " is kept"
		}
		if d.Unlisted != nil {
			return "Report " + d.Unlisted.Name
		}
		return fmt.Sprintf("Report %s", d.IDs)
	case Confirm:
		return "Confirm " + string(d.ID)
	case Roll:
		return fmt.Sprintf("Roll %s to #%d (%s)", d.ID, d.Sequence, d.Why)
	case Change:
		return fmt.Sprintf("Change %s to %s", d.ID, d.Rights)
	case Restart:
		return fmt.Sprintf("Restart for #%d", d.Sequence)
	case Rest, Protect, DeleteSecret, Retain, Release:
		return strings.TrimPrefix(fmt.Sprintf("%T", d), "lifecycle.")
	default:
		return fmt.Sprintf("unknown %T", d)
	}
}

// performs carries out one decision, and tells whether there may be more to do at once.
func (s *story) performs(d Decision) bool {
	switch d := d.(type) {
	case Rest, Wait, Stall:
		return false
	case Relist:
		if !s.now.After(d.After) {
			s.passes(d.After.Sub(s.now) + time.Millisecond)
		}
		s.lists()
	case Protect:
		s.observation.Object.Protected = true
	case Issue:
		return s.creates1(d)
	case Roll:
		return s.rolls1(d)
	case Publish:
		if d.Ledger.Changing != s.observation.Secret.Ledger.Changing {
			s.observation.Memory.Intended = d.Ledger.Changing
		}
		s.observation.Object.HintConsumersReady = Published(s.observation, d.Ledger).Consumers == nil
		s.writes(d.Source, d.Ledger)
	case Restart:
		s.restarts++
		if s.paused {
			s.note("  the workload is paused")
			s.observation.Memory.Restarts = RestartProgress{Sequence: d.Sequence, Next: s.now.Add(time.Minute), Text: "Deployment/mediator is paused"}
			return true
		}
		s.observation.Memory.Restarts = RestartProgress{Sequence: d.Sequence, Done: true}
	case Retain:
		s.writes(FromSecret, d.Ledger)
	case Revoke:
		return s.revokes1(d)
	case Report:
		s.reports(d)
	case Confirm:
		if _, there := s.rows[d.ID]; !there {
			s.note("  the vendor does not know it")
			s.observation.Memory.Gone[d.ID] = true
			return true
		}
		return false
	case Change:
		row := s.rows[d.ID]
		row.Rights = d.Rights
		s.rows[d.ID] = row
		s.observation.Memory.Changed, s.observation.Memory.ChangedAt = d.Inputs, s.now
	case DeleteSecret:
		s.observation.Secret = Secret{}
	case Release:
		s.observation.Object.Protected = false
	}
	return true
}

func (s *story) reports(d Report) {
	for _, id := range d.IDs {
		s.observation.Issuer.Reported[id] = true
	}
	if d.Kept != nil && s.observation.Issuer.Capabilities.Listable {
		s.observation.Issuer.Reported[d.Kept.ID] = true
	} else if d.Kept != nil {
		s.observation.Issuer.ReportedNames[d.Kept.Name] = true
	}
	if d.Unlisted != nil {
		s.observation.Issuer.ReportedNames[d.Unlisted.Name] = true
		attempt := *d.Unlisted
		attempt.Reported = true
		s.observation.Object.Attempt = &attempt
	}
}

func (s *story) creates1(d Issue) bool {
	s.creates++
	s.serial++
	fault := s.createFault
	s.createFault = ""
	made := token.Token{
		ID: token.ID(fmt.Sprintf("T%d", s.serial)), Name: d.Name, State: token.Active, Account: "project",
		IssuedAt: s.now.Add(-s.vendorBehind).Truncate(time.Second), ExpiresAt: d.ExpiresAt, Rights: d.Rights,
	}
	s.values[made.ID] = "value of " + string(made.ID)
	s.observation.Memory.Turn = time.Time{}
	s.observation.Memory.LastCreateEnded = s.now
	if !d.Planned {
		s.observation.Memory.Creates = append(s.observation.Memory.Creates, s.now)
	}
	s.observation.Object.Attempt = d.Attempt
	switch fault {
	case "refused":
		s.observation.Object.Attempt = nil
		s.note("  the vendor refuses")
		s.observation.Object.HeldBackUntil, s.observation.Object.HeldBack = s.now.Add(time.Minute), Problem{Reason: "CreateRefused"}
		return true
	case "taken":
		s.note("  the vendor has a token of that name")
		s.observation.Memory.Taken[d.Sequence] = true
		return true
	case "lost":
		s.note("  the vendor commits %s, and the answer is lost", made.ID)
		s.rows[made.ID] = made
		s.observation.Memory.Doubted[made.Name] = made.Name != ""
		return true
	case "late":
		s.note("  no answer, and nothing committed yet")
		made.IssuedAt = s.now.Add(20 * time.Second)
		s.late = append(s.late, made)
		s.observation.Memory.Doubted[made.Name] = true
		return true
	case "dies":
		s.rows[made.ID] = made
		s.note("  the vendor commits %s", made.ID)
		s.dies()
		return true
	}
	s.rows[made.ID] = made
	s.note("  the vendor commits %s", made.ID)
	s.observation.Memory.InHand = &InHand{Token: made, Replaces: d.Replaces, Sequence: d.Sequence, Ended: d.Ended, Inputs: d.Inputs, ExpiresAfter: d.ExpiresAfter, Planned: d.Planned, Request: d.Request, Cut: d.Cut}
	return true
}

func (s *story) writes(source Source, record ledger.Ledger) {
	switch source {
	case FromHand, FromVendor:
		s.inSecret = s.values[record.Current.ID]
	case FromSecret:
	}
	if hand := s.observation.Memory.InHand; hand != nil && hand.Token.ID == record.Current.ID {
		s.observation.Memory.InHand = nil
	}
	s.observation.Memory.Published[record.Current.ID], s.observation.Memory.RollRefused = true, 0
	s.observation.Secret = Secret{Presence: Owned, Trust: ledger.Proof, Ledger: record, WrittenAt: s.now, ValueIntact: s.inSecret == s.values[record.Current.ID]}
	object := &s.observation.Object
	object.HintID, object.HintSequence, object.HintIssuedAt = record.Current.ID, record.Current.Sequence, record.Current.IssuedAt
	if !s.observation.Issuer.Capabilities.Named {
		dated, _ := record.Dated(s.now)
		s.observation.Object.Record = &dated
	}
}

func (s *story) revokes1(d Revoke) bool {
	s.revokes++
	fault := s.revokeFault
	s.revokeFault = ""
	if fault == "down" {
		s.note("  the vendor does not answer")
		s.observation.Object.HeldBackUntil, s.observation.Object.HeldBack = s.now.Add(time.Minute), Problem{Reason: "WaitingForVendor"}
		return true
	}
	s.revokedBySomebody(d.ID)
	s.observation.Memory.Revoked[d.ID] = s.now
	s.observation.Memory.Undo = slices.DeleteFunc(s.observation.Memory.Undo, func(id token.ID) bool { return id == d.ID })
	return true
}

func (s *story) revokedBySomebody(id token.ID) {
	if !s.observation.Issuer.Capabilities.KeepsRevoked {
		delete(s.rows, id)
		return
	}
	row := s.rows[id]
	row.State, row.RevokedAt = token.Revoked, s.now
	s.rows[id] = row
}

// ends compares the story with its golden text, and checks what no story may break.
func (s *story) ends() {
	s.t.Helper()
	path := filepath.Join("testdata", strings.ReplaceAll(s.t.Name(), "/", "_")+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(s.text.String()), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(s.text.String(), "\n")); diff != "" {
		s.t.Errorf("the story changed (-want +got):\n%s", diff)
	}
}

// hasCreates checks how many tokens the story cost.
func (s *story) hasCreates(want int) *story {
	s.t.Helper()
	if s.creates != want {
		s.t.Errorf("the story cost %d creates, want %d:\n%s", s.creates, want, s.text.String())
	}
	return s
}

// hasRestarts checks how often the workload was restarted.
func (s *story) hasRestarts(want int) *story {
	s.t.Helper()
	if s.restarts != want {
		s.t.Errorf("the story has %d restarts, want %d:\n%s", s.restarts, want, s.text.String())
	}
	return s
}

// revokedByHand has somebody revoke a token at the vendor.
func (s *story) revokedByHand(id token.ID) *story {
	row := s.rows[id]
	row.State = token.Revoked
	s.rows[id] = row
	return s.says("somebody revokes %s at the vendor", id)
}

// leaves checks which tokens are active at the vendor.
func (s *story) leaves(want ...token.ID) *story {
	s.t.Helper()
	var got []token.ID
	for id, row := range s.rows {
		if row.State == token.Active {
			got = append(got, id)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("active at the vendor (-want +got):\n%s\n%s", diff, s.text.String())
	}
	return s
}
