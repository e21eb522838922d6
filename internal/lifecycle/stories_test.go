package lifecycle

import (
	"testing"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// Each story is told in testdata, to be read by a person. What is asserted here besides is what no wording may change.
func TestStories(t *testing.T) {
	stories := map[string]func(s *story){
		"born and deleted": func(s *story) {
			s.says("a GatewayToken is created").settles().hasCreates(1).leaves("T1")
			s.passes(time.Hour).says("an hour later it is deleted")
			s.observation.Object.Deleting = true
			s.settles().leaves()
		},
		"deleted at once": func(s *story) {
			s.says("a GatewayToken is created").settles()
			s.says("it is deleted within the time a vendor may take to commit")
			s.observation.Object.Deleting = true
			s.settles().leaves()
		},
		"killed between commit and Secret": func(s *story) {
			s.createFault = "dies"
			s.says("a GatewayToken is created").settles().hasCreates(1).leaves("T1")
		},
		"killed between commit and Secret, value shown once": func(s *story) {
			unreadable(s)
			s.createFault = "dies"
			s.says("a GatewayToken is created").settles().hasCreates(2)
			s.passes(2 * time.Hour).says("the overlap passes").lists().settles().leaves("T2")
		},
		"answer lost": func(s *story) {
			s.createFault = "lost"
			s.says("a GatewayToken is created").settles().hasCreates(1).leaves("T1")
		},
		"answer lost, value shown once": func(s *story) {
			unreadable(s)
			s.createFault = "lost"
			s.says("a GatewayToken is created").settles().hasCreates(2).leaves("T2")
		},
		"committed late": func(s *story) {
			s.createFault = "late"
			s.says("a GatewayToken is created").settles().hasCreates(2)
			s.passes(time.Minute).lists().settles().leaves("T2")
		},
		"revoked by somebody": func(s *story) {
			s.says("a GatewayToken is created").settles()
			s.says("somebody revokes T1 at the vendor").revokedBySomebody("T1")
			s.passes(5 * time.Minute).lists().settles().hasCreates(2).leaves("T2")
		},
		"revoked by somebody, to be reported": func(s *story) {
			s.observation.Object.ReportRevocation = true
			s.settles()
			s.says("somebody revokes T1 at the vendor").revokedBySomebody("T1")
			s.passes(5 * time.Minute).lists().settles().hasCreates(1).leaves()
		},
		"revoked again and again": func(s *story) {
			s.says("a GatewayToken is created").settles()
			for range 5 {
				s.says("somebody revokes the token").revokedBySomebody(s.observation.Secret.Ledger.Current.ID)
				s.passes(5 * time.Minute).lists().settles()
			}
			s.hasCreates(4)
			s.passes(time.Hour).says("an hour passes").lists().settles().hasCreates(5)
		},
		"Secret edited": func(s *story) {
			s.settles()
			s.says("somebody edits the value")
			s.inSecret, s.observation.Secret.ValueIntact = "something else", false
			s.passes(time.Minute).settles().hasCreates(1).leaves("T1")
		},
		"Secret deleted": func(s *story) {
			s.settles()
			s.says("somebody deletes the Secret")
			s.observation.Secret = Secret{}
			s.passes(time.Minute).lists().settles().hasCreates(1).leaves("T1")
		},
		"Secret deleted, value shown once": func(s *story) {
			unreadable(s)
			s.settles()
			s.says("somebody deletes the Secret")
			s.observation.Secret = Secret{}
			s.passes(time.Minute).lists().settles().hasCreates(2).leaves("T1", "T2")
			s.passes(2 * time.Hour).says("the overlap passes").lists().settles().leaves("T2")
		},
		"ledger without a valid signature": func(s *story) {
			s.settles()
			s.says("the key of the ledgers is lost")
			s.observation.Secret.Trust, s.observation.Secret.ValueIntact = ledger.Hint, false
			s.dies().settles().hasCreates(1).leaves("T1")
		},
		"label removed": func(s *story) {
			s.settles()
			s.says("somebody removes a label")
			s.observation.Secret.Drifted = true
			s.passes(time.Minute).settles().hasCreates(1)
		},
		"label removed while the issuer is away": func(s *story) {
			s.settles()
			s.says("the issuer is gone, and somebody removes a label")
			s.observation.Issuer = Issuer{Known: true, Problem: Problem{Reason: ReasonIssuerNotFound}}
			s.observation.Secret.Drifted = true
			s.passes(time.Minute).settles().hasCreates(1)
		},
		"vendor down": func(s *story) {
			s.settles()
			s.says("the vendor goes down")
			s.observation.Issuer.CanMint, s.observation.Issuer.CanList, s.observation.Issuer.CanRevoke = false, false, false
			s.observation.Issuer.Problem = Problem{Reason: "VendorUnreachable"}
			s.dies().settles()
			s.says("the GatewayToken is deleted meanwhile")
			s.observation.Object.Deleting = true
			s.settles()
			s.says("the vendor is back")
			s.observation.Issuer.CanMint, s.observation.Issuer.CanList, s.observation.Issuer.CanRevoke = true, true, true
			s.passes(time.Hour).settles().leaves()
		},
		"revocation fails once": func(s *story) {
			s.settles()
			s.passes(time.Hour).says("it is deleted")
			s.observation.Object.Deleting = true
			s.revokeFault = "down"
			s.settles()
			s.passes(2 * time.Minute).settles().leaves()
		},
		"committed late after deletion": func(s *story) {
			s.createFault = "late"
			s.says("a GatewayToken is created")
			s.observation.Issuer.Capabilities.ValueReadable = true
			s.settles()
			s.says("it is deleted before the late commit")
			s.observation.Object.Deleting = true
			s.settles().leaves()
		},
		"revoked by somebody, where lists drop it": func(s *story) {
			dropping(s)
			s.settles()
			s.says("somebody revokes T1 at the vendor").revokedBySomebody("T1")
			s.passes(5 * time.Minute).lists().settles().hasCreates(2).leaves("T2")
			s.passes(48 * time.Hour).lists().settles().leaves("T2")
		},
		"revoked by somebody, where only lists tell": func(s *story) {
			ending(s)
			s.settles()
			s.says("somebody revokes T1 at the vendor").revokedBySomebody("T1")
			s.passes(5 * time.Minute).lists().settles().hasCreates(2).leaves("T2")
		},
		"a list that lacks a token once": func(s *story) {
			ending(s)
			s.settles()
			row := s.rows["T1"]
			delete(s.rows, "T1")
			s.says("the vendor's list is eventual and lacks T1 once")
			s.passes(5 * time.Minute).lists()
			s.rows["T1"] = row
			s.settles().hasCreates(1).leaves("T1")
		},
		"killed between commit and Secret, never used": func(s *story) {
			dropping(s)
			s.createFault = "dies"
			s.says("a GatewayToken is created").settles().hasCreates(2)
			s.passes(2 * time.Hour).says("the overlap passes").lists().settles().leaves("T2")
		},
		"found long after, never used": func(s *story) {
			dropping(s)
			s.createFault = "late"
			s.says("a GatewayToken is created").settles().hasCreates(2)
			s.dies().passes(time.Hour)
			s.says("only another process finds what came late; the vendor would have seen it used").lists().settles().leaves("T2")
		},
		"deleted, where lists drop what is revoked": func(s *story) {
			dropping(s)
			s.settles()
			s.passes(time.Hour).says("it is deleted")
			s.observation.Object.Deleting = true
			s.settles().leaves()
		},
		"deleted and killed after the revocation": func(s *story) {
			ending(s)
			s.settles()
			s.passes(time.Hour).says("it is deleted; its token is revoked, and the process dies")
			s.observation.Object.Deleting = true
			s.revokedBySomebody("T1")
			s.dies().settles().leaves()
		},
		"other rights, given in place": func(s *story) {
			dropping(s)
			s.settles()
			s.says("the spec asks for other rights")
			s.observation.Object.Inputs, s.observation.Object.Rights = "deploy and view", []string{"deploy", "view"}
			s.lists().settles().hasCreates(1).leaves("T1")
			s.passes(time.Hour).lists().settles().hasCreates(1)
		},
		"other rights, given in place, killed before it is written down": func(s *story) {
			dropping(s)
			s.settles()
			s.says("the spec asks for other rights; the vendor has given them when the process dies")
			s.observation.Object.Inputs, s.observation.Object.Rights = "deploy and view", []string{"deploy", "view"}
			s.dies().lists().settles().hasCreates(1).leaves("T1")
		},
		"rights changed by somebody": func(s *story) {
			dropping(s)
			s.settles()
			change := func() {
				row := s.rows["T1"]
				row.Rights = []string{"admin"}
				s.rows["T1"] = row
			}
			s.says("somebody gives T1 other rights at the vendor")
			change()
			s.passes(5 * time.Minute).lists().settles().lists().settles().hasCreates(1)
			s.says("and again")
			change()
			s.passes(5 * time.Minute).lists().settles()
			s.passes(time.Hour).lists().settles().lists().settles().leaves("T1")
			if got := s.rows["T1"].Rights; len(got) != 1 || got[0] != "deploy" {
				s.t.Errorf("rights %q", got)
			}
		},
		"other rights, by another token": func(s *story) {
			ending(s)
			s.settles()
			s.says("the spec asks for other rights")
			s.observation.Object.Inputs, s.observation.Object.Rights = "read and write", []string{"read", "write"}
			s.settles().hasCreates(2).leaves("T1", "T2")
			s.passes(2 * time.Hour).lists().settles().hasCreates(2).leaves("T2")
		},
		"other rights, answer lost": func(s *story) {
			ending(s)
			s.settles()
			s.says("the spec asks for other rights, and the answer to the create is lost")
			s.observation.Object.Inputs, s.observation.Object.Rights = "read and write", []string{"read", "write"}
			s.createFault = "lost"
			s.settles().hasCreates(3)
			s.passes(2 * time.Hour).lists().settles().hasCreates(3).leaves("T3")
		},
		"other rights that are not granted": func(s *story) {
			ending(s)
			s.settles()
			s.says("the spec asks for rights that the issuer does not grant")
			s.observation.Object.Inputs, s.observation.Object.Rights = "all", []string{"admin"}
			s.observation.Issuer.Granted = false
			s.settles().hasCreates(1).leaves("T1")
		},
		"a token that ends": func(s *story) {
			ending(s)
			s.observation.Object.ExpiresAfter = 30 * 24 * time.Hour
			s.settles()
			s.passes(19 * 24 * time.Hour).says("nineteen days later").lists().settles().hasCreates(1)
			s.passes(24*time.Hour+time.Minute).says("a third of its life is left").lists().settles().hasCreates(2).leaves("T1", "T2")
			s.passes(2 * time.Hour).lists().settles().leaves("T2")
		},
		"a token that ends while the vendor is down": func(s *story) {
			ending(s)
			s.observation.Object.ExpiresAfter = time.Hour
			s.settles()
			s.observation.Issuer.CanList, s.observation.Issuer.CanMint, s.observation.Issuer.Problem = false, false, Problem{Reason: "VendorUnreachable"}
			s.passes(50 * time.Minute).says("the vendor is down when it is to be replaced").settles().hasCreates(1)
			s.passes(20 * time.Minute).says("its time is over").settles().hasCreates(1)
			s.observation.Issuer.CanList, s.observation.Issuer.CanMint, s.observation.Issuer.Problem = true, true, Problem{}
			s.says("the vendor is back").lists().settles().hasCreates(2)
		},
		"a shorter life": func(s *story) {
			ending(s)
			s.settles()
			s.says("the spec asks for an end")
			s.observation.Object.ExpiresAfter = 24 * time.Hour
			s.settles().hasCreates(2)
			s.says("the spec asks for a later end")
			s.observation.Object.ExpiresAfter = 48 * time.Hour
			s.settles().hasCreates(2)
		},
		"a name that is taken": func(s *story) {
			ending(s)
			s.createFault = "taken"
			s.says("a token of the name exists that no list shows").settles().hasCreates(2).leaves("T2")
		},
		"without a name": func(s *story) {
			nameless(s)
			s.settles().hasCreates(1).leaves("T1")
			s.passes(time.Hour).says("it is deleted")
			s.observation.Object.Deleting = true
			s.settles().leaves()
		},
		"without a name, answer lost": func(s *story) {
			nameless(s)
			s.createFault = "lost"
			s.says("a GatewayToken is created").settles().hasCreates(2).leaves("T1", "T2")
			s.says("nobody can tell whose T1 is: it is reported, and stays").passes(48*time.Hour).lists().settles().leaves("T1", "T2")
			s.says("a person deletes it").revokedBySomebody("T1")
			s.passes(time.Hour).lists().settles().leaves("T2")
		},
		"without a name, answers lost twice": func(s *story) {
			nameless(s)
			s.createFault = "lost"
			s.settles()
			s.inSecret, s.observation.Secret = "", Secret{}
			s.says("the Secret is deleted, and the answer to the next create is lost, too; and to the one after it")
			s.createFault = "lost"
			s.settles()
			s.says("the Secret is deleted again").passes(time.Minute)
			s.inSecret, s.observation.Secret = "", Secret{}
			s.settles()
		},
		"without a name, nobody else's": func(s *story) {
			nameless(s)
			s.observation.Issuer.Exclusive = true
			s.createFault = "lost"
			s.says("a GatewayToken is created").settles().hasCreates(2).leaves("T1", "T2")
			s.says("nobody else makes tokens there").passes(2 * time.Hour).lists().settles().leaves("T2")
		},
		"without a name, nobody else's, and used": func(s *story) {
			nameless(s)
			s.observation.Issuer.Exclusive = true
			s.createFault = "lost"
			s.settles()
			row := s.rows["T1"]
			row.LastUsedAt = s.now
			s.rows["T1"] = row
			s.says("somebody uses T1 all the same").passes(2*time.Hour).lists().settles().leaves("T1", "T2")
		},
		"without a name, nobody else's, answers lost twice": func(s *story) {
			nameless(s)
			s.observation.Issuer.Exclusive = true
			s.createFault = "lost"
			s.says("a GatewayToken is created").settlesUntil("Issue")
			s.says("the answer to the next create is lost, too")
			s.createFault = "lost"
			s.settles().hasCreates(2).leaves("T1", "T2")
			s.says("a person deletes T1 and says that T2 is looked after").revokedBySomebody("T1")
			s.observation.Issuer.Acknowledged = map[token.ID]bool{"T1": true, "T2": true}
			s.passes(time.Minute).lists().settles().hasCreates(3).leaves("T2", "T3")
			s.passes(2*time.Hour).lists().settles().leaves("T2", "T3")
		},
		"without a name, published by another process meanwhile": func(s *story) {
			nameless(s)
			s.createFault = "dies"
			s.says("a GatewayToken is created, and this process leads no more when T1 is made").settlesUntil("Report")
			s.says("the next process' create is not answered, and the earlier one publishes T1 after all")
			s.createFault = "lost"
			s.settlesUntil("Issue")
			s.publishedBySomebody("T1", 1)
			s.settles().hasCreates(2).leaves("T1", "T2")
			s.says("T2 is reported, and stays").passes(48*time.Hour).lists().settles().leaves("T1", "T2")
		},
		"without a name, nobody else's, published by another process meanwhile": func(s *story) {
			nameless(s)
			s.observation.Issuer.Exclusive = true
			s.createFault = "dies"
			s.says("a GatewayToken is created, and this process leads no more when T1 is made")
			s.settlesUntil("Relist").settlesUntil("Issue")
			s.says("the next process' create is not answered, and the earlier one publishes T1 after all")
			s.createFault = "lost"
			s.settlesUntil("Issue")
			s.publishedBySomebody("T1", 1)
			s.settles().hasCreates(2).leaves("T1", "T2")
			s.passes(2 * time.Hour).lists().settles().leaves("T1")
		},
		"without a name, killed between commit and Secret": func(s *story) {
			nameless(s)
			s.createFault = "dies"
			s.says("a GatewayToken is created").settles().hasCreates(2).leaves("T1", "T2")
		},
		"without a name, Secret deleted": func(s *story) {
			nameless(s)
			s.settles()
			s.says("somebody deletes the Secret, and the ledger with it")
			s.observation.Secret = Secret{}
			s.settles().hasCreates(2).leaves("T1", "T2")
			s.passes(2 * time.Hour).lists().settles().leaves("T2")
		},
		"without a name, no room": func(s *story) {
			nameless(s)
			for _, id := range []token.ID{"A", "B", "C", "D", "E"} {
				s.rows[id] = token.Token{ID: id, State: token.Active, IssuedAt: start.Add(-time.Hour)}
			}
			s.says("five are there already").settles().hasCreates(0)
			s.says("a person deletes one").revokedBySomebody("C")
			s.passes(time.Minute).lists().settles().hasCreates(1)
		},
		"without a name, no room but for what was replaced": func(s *story) {
			nameless(s)
			for _, id := range []token.ID{"A", "B", "C"} {
				s.rows[id] = token.Token{ID: id, State: token.Active, IssuedAt: start.Add(-time.Hour)}
			}
			s.settles()
			s.says("somebody deletes the Secret, and again").passes(time.Minute)
			s.observation.Secret = Secret{}
			s.settles().hasCreates(2).passes(time.Minute)
			s.observation.Secret = Secret{}
			s.settles().hasCreates(2).leaves("A", "B", "C", "T1", "T2")
			s.says("the overlap of T1 passes").passes(2*time.Hour).lists().settles().hasCreates(3).leaves("A", "B", "C", "T2", "T3")
		},
		"without a name, place gone": func(s *story) {
			nameless(s)
			s.settles()
			s.says("the gateway is deleted, and its credentials with it")
			s.rows = map[token.ID]token.Token{}
			s.observation.Issuer.Gone, s.observation.Issuer.CanList, s.observation.Issuer.CanMint = true, false, false
			s.observation.Issuer.Problem = Problem{Reason: ReasonGatewayNotFound}
			s.settles()
			s.says("the GatewayToken is deleted")
			s.observation.Object.Deleting = true
			s.settles().leaves()
		},
		"without a list": func(s *story) {
			unlisted(s)
			s.settles().hasCreates(1).leaves("T1")
			s.dies().settles().hasCreates(1).leaves("T1")
			s.passes(time.Hour).says("it is deleted")
			s.observation.Object.Deleting = true
			s.settles().leaves()
		},
		"without a list, answers lost": func(s *story) {
			unlisted(s)
			s.createFault = "lost"
			s.says("a GatewayToken is created").settles().hasCreates(2).leaves("T1", "T2")
			s.says("the Secret is deleted, and the answer to the next create is lost, too")
			s.inSecret, s.observation.Secret = "", Secret{}
			s.createFault = "lost"
			s.settles().hasCreates(3).leaves("T1", "T2", "T3")
			s.says("a person revokes T1 and T3, and says so").revokedBySomebody("T1")
			s.revokedBySomebody("T3")
			s.observation.Issuer.ReportedNames = map[string]bool{}
			s.settles().hasCreates(4).leaves("T2", "T4")
			s.passes(2 * time.Hour).settles().leaves("T4")
			s.dies().settles().hasCreates(4).leaves("T4")
		},
		"without a list, killed between commit and Secret": func(s *story) {
			unlisted(s)
			s.createFault = "dies"
			s.says("a GatewayToken is created").settles().hasCreates(2).leaves("T1", "T2")
			s.says("it is deleted")
			s.observation.Object.Deleting = true
			s.settles().leaves("T1")
		},
		"without a list, deleted with a lost answer": func(s *story) {
			unlisted(s)
			s.createFault = "lost"
			s.observation.Object.HeldBackUntil = time.Time{}
			s.says("the answer is lost, and the GatewayToken deleted before anything else happens")
			s.observation.Object.Protected = true
			s.observation.Object.Attempt = &Attempt{Sequence: 1, Name: s.observation.Object.Marker.WithSequence(1).Name("mediator", 64), StartedAt: s.now, Proved: true}
			s.observation.Object.Deleting = true
			s.settles().hasCreates(0)
		},
		"without a list, published by another process meanwhile": func(s *story) {
			unlisted(s)
			s.settles()
			s.says("this process holds a token that was minted to replace T1, and finds T9 published")
			s.rows["T2"] = token.Token{ID: "T2", State: token.Active}
			s.observation.Memory.InHand = &InHand{Token: s.rows["T2"], Sequence: 2, Replaces: "T1"}
			s.rows["T9"] = token.Token{ID: "T9", State: token.Active}
			s.values["T9"] = "value of T9"
			s.inSecret = s.values["T9"]
			s.observation.Secret.Ledger.Retiring = []ledger.Entry{s.observation.Secret.Ledger.Current}
			s.observation.Secret.Ledger.Current = ledger.Entry{ID: "T9", Sequence: 2}
			s.settles().hasCreates(1).leaves("T1", "T9")
			s.passes(2 * time.Hour).says("the overlap passes").settles().leaves("T9")
		},
		"without a list, deleted with a token in hand": func(s *story) {
			unlisted(s)
			s.settles()
			s.says("the value in the Secret is edited; T2 was minted and cannot be written into it; then it is deleted")
			s.observation.Secret.ValueIntact = false
			s.rows["T2"] = token.Token{ID: "T2", State: token.Active}
			s.observation.Memory.InHand = &InHand{Token: s.rows["T2"], Sequence: 2, Replaces: "T1"}
			s.observation.Object.Attempt = &Attempt{Sequence: 2, Name: s.observation.Object.Marker.WithSequence(2).Name("mediator", 64), StartedAt: s.now, Proved: true}
			s.observation.Object.Deleting = true
			s.settles().leaves()
			if told := s.observation.Issuer.ReportedNames; len(told) > 0 {
				s.t.Errorf("a person is to look for %v, which was revoked", told)
			}
		},
		"without a name, deleted with a lost answer": func(s *story) {
			nameless(s)
			s.createFault = "late"
			s.says("a GatewayToken is created, and deleted before its vendor commits").settles()
			s.observation.Object.Deleting = true
			s.settles()
		},
		"without a name, retained without its Secret": func(s *story) {
			nameless(s)
			s.settles()
			s.passes(time.Hour).says("the Secret is deleted, and then the object with the policy Retain")
			s.observation.Secret = Secret{}
			s.observation.Object.Deleting, s.observation.Object.Retain = true, true
			s.settles().leaves("T1")
		},
		"without a list, retained without its Secret": func(s *story) {
			unlisted(s)
			s.settles()
			s.passes(time.Hour).says("the Secret is deleted, and then the object with the policy Retain")
			s.observation.Secret = Secret{}
			s.observation.Object.Deleting, s.observation.Object.Retain = true, true
			s.settles().leaves("T1")
		},
		"retained": func(s *story) {
			s.settles()
			s.passes(time.Hour).says("it is deleted with the policy Retain")
			s.observation.Object.Deleting, s.observation.Object.Retain = true, true
			s.settles().leaves("T1")
		},
		"glass broken": func(s *story) {
			s.settles()
			s.observation.Issuer = Issuer{Known: true, Problem: Problem{Reason: ReasonIssuerNotFound}}
			s.observation.Object.Deleting = true
			s.says("it is deleted when the issuer is gone").settles()
			s.observation.Object.SkipRevocation = true
			s.says("a person skips the revocation").settles().leaves("T1")
		},
		"restored from an older backup": func(s *story) {
			s.settles()
			backup := s.observation.Secret
			s.says("T1 is revoked by somebody; T2 follows").revokedBySomebody("T1")
			s.passes(time.Hour).lists().settles()
			s.says("the Secret is restored from a backup with T1")
			s.observation.Secret, s.inSecret = backup, s.values["T1"]
			s.passes(time.Hour).lists().settles().hasCreates(2).leaves("T2")
		},
		"restored under a new UID": func(s *story) {
			s.settles()
			s.says("the cluster's objects are restored: the same Secret, another UID")
			s.observation.Object.Marker = token.Identity{ClusterID: "cluster"}.Marker("causely", "mediator", "uid-2")
			s.observation.Object.Protected, s.observation.Object.HintID, s.observation.Object.HintSequence = false, "", 0
			s.dies().settles().hasCreates(1).leaves("T1")
			s.passes(time.Hour).says("it is deleted")
			s.observation.Object.Deleting = true
			s.settles().leaves()
		},
		"Secret taken": func(s *story) {
			s.observation.Secret = Secret{Presence: Foreign}
			s.says("somebody else's Secret has the name").settles().hasCreates(0)
			s.observation.Secret = Secret{}
			s.says("it is removed").settles().hasCreates(1)
		},
		"Secret taken between mint and publication": func(s *story) {
			s.observation.Object.Protected = true
			s.lists()
			s.observation.Memory.InHand = &InHand{Token: token.Token{ID: "T1", Name: s.observation.Object.Marker.WithSequence(1).Name("m", 64), State: token.Active}}
			s.rows["T1"] = s.observation.Memory.InHand.Token
			s.observation.Secret = Secret{Presence: Foreign}
			s.says("a token is in hand, and somebody else's Secret has the name").settles().hasCreates(0)
			s.observation.Secret = Secret{}
			s.says("it is removed").settles().hasCreates(0).leaves("T1")
		},
		"an older process published something else": func(s *story) {
			s.settles()
			s.says("this process holds a token that was minted to replace T1, and finds T9 published")
			s.observation.Memory.InHand = &InHand{Token: token.Token{ID: "T2", Name: s.observation.Object.Marker.WithSequence(2).Name("m", 64), State: token.Active}, Replaces: "T1"}
			s.rows["T2"] = s.observation.Memory.InHand.Token
			s.rows["T9"] = token.Token{ID: "T9", Name: s.observation.Object.Marker.WithSequence(2).Name("m", 64), State: token.Active}
			s.values["T9"] = "value of T9"
			s.inSecret = s.values["T9"]
			s.observation.Secret.Ledger.Retiring = []ledger.Entry{s.observation.Secret.Ledger.Current}
			s.observation.Secret.Ledger.Current = ledger.Entry{ID: "T9", Name: s.rows["T9"].Name, Sequence: 2}
			s.lists().settles()
			s.passes(2 * time.Hour).says("the overlap passes").lists().settles().leaves("T9")
		},
		"suspended": func(s *story) {
			s.settles()
			s.observation.Object.Suspended = true
			s.says("it is suspended, and the Secret is deleted")
			s.observation.Secret = Secret{}
			s.settles().hasCreates(1)
			s.passes(time.Hour).says("it is deleted all the same")
			s.observation.Object.Deleting = true
			s.settles().leaves()
		},
		"clock off": func(s *story) {
			unreadable(s)
			s.settles()
			s.observation.Secret = Secret{}
			s.says("the Secret is deleted; T1 retires").settles()
			s.skew = 10 * time.Minute
			s.passes(2*time.Hour).says("the overlap passes, with a clock ten minutes off").lists().settles().leaves("T1", "T2")
			s.skew = 0
			s.says("the clock is right again").settles().leaves("T2")
		},
		"grant lost": func(s *story) {
			s.settles()
			s.observation.Issuer.Granted = false
			s.says("the namespace loses its grant").settles()
			s.observation.Secret = Secret{}
			s.says("the Secret is deleted").passes(time.Minute).settles().hasCreates(1)
			s.observation.Object.Deleting = true
			s.says("the GatewayToken is deleted").passes(time.Minute).settles().leaves()
		},
		"another account": func(s *story) {
			s.settles()
			s.observation.Issuer.Account = "another"
			s.says("the issuer leads to another account").settles()
			s.observation.Object.Deleting = true
			s.says("the GatewayToken is deleted").settles().leaves("T1")
		},
		"create refused": func(s *story) {
			s.createFault = "refused"
			s.settles()
			s.passes(2 * time.Minute).settles().hasCreates(2).leaves("T2")
		},
	}
	for name, run := range stories {
		t.Run(name, func(t *testing.T) {
			s := tell(t)
			run(s)
			s.ends()
		})
	}
}
