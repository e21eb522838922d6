package lifecycle

import (
	"fmt"
	"testing"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// inPlace makes the vendor one that gives tokens other values, and the spec one that asks for that.
func inPlace(s *story) {
	ending(s)
	s.observation.Issuer.Capabilities.Roll = true
	s.observation.Object.Strategy = StrategyInPlace
}

// firstOut makes the vendor one with room for five tokens without names, of which others have four, and the spec one that lets the token go
// before its successor comes.
func firstOut(s *story) {
	nameless(s)
	s.observation.Object.Strategy = StrategyRevokeFirst
	for _, id := range []token.ID{"A", "B", "C", "D"} {
		s.rows[id] = token.Token{ID: id, State: token.Active, IssuedAt: start.Add(-time.Hour)}
	}
}

// rolls1 replaces a value at the vendor. What the Secret holds is dead from then on.
func (s *story) rolls1(d Roll) bool {
	s.rolls++
	fault := s.rollFault
	s.rollFault = ""
	s.observation.Memory.RollAsked = d.Sequence
	if was, there := s.rows[d.ID]; fault == "refused" || !there || was.State != token.Active {
		s.note("  the vendor refuses")
		s.observation.Memory.RollAsked, s.observation.Memory.RollRefused = 0, d.Sequence
		s.observation.Object.HeldBackUntil, s.observation.Object.HeldBack = s.now.Add(time.Minute), Problem{Reason: "RollRefused"}
		return true
	}
	if fault == "dies before" {
		s.dies()
		return true
	}
	s.observation.Memory.LastCreateEnded = s.now
	rolled := s.rows[d.ID]
	if s.otherID {
		s.serial++
		s.revokedBySomebody(d.ID)
		rolled.ID, rolled.IssuedAt = token.ID(fmt.Sprintf("T%d", s.serial)), s.now.Truncate(time.Second)
	}
	if s.rollLife > 0 {
		rolled.ExpiresAt = s.now.Add(s.rollLife).Truncate(time.Second)
	}
	s.rows[rolled.ID] = rolled
	s.values[d.ID], s.values[rolled.ID] = "nobody's", fmt.Sprintf("value #%d of %s", d.Sequence, rolled.ID)
	s.note("  the vendor gives %s another value", rolled.ID)
	switch fault {
	case "lost":
		s.note("  the answer is lost")
		s.observation.Object.HeldBackUntil, s.observation.Object.HeldBack = s.now.Add(2*time.Second), Problem{Reason: "RollAmbiguous"}
	case "dies":
		s.dies()
	default:
		s.observation.Memory.InHand = &InHand{
			Token: rolled, Replaces: d.ID, Sequence: d.Sequence, Inputs: d.Inputs, ExpiresAfter: d.ExpiresAfter, Planned: true, Request: d.Request, Cut: ledger.CutInPlace,
		}
	}
	return true
}

// works checks that the Secret holds the value that its token has at the vendor, and how often the vendor was asked for another.
func (s *story) works(id token.ID, sequence, rolls int) *story {
	s.t.Helper()
	current := s.observation.Secret.Ledger.Current
	if current.ID != id || current.Sequence != sequence || s.inSecret != s.values[id] || s.rows[id].State != token.Active {
		s.t.Errorf("the Secret holds %s #%d with %q, which at the vendor is %+v with %q:\n%s", current.ID, current.Sequence, s.inSecret, s.rows[current.ID], s.values[current.ID], s.text.String())
	}
	if s.observation.Secret.Ledger.Rolling != nil {
		s.t.Errorf("it says that it is being replaced:\n%s", s.text.String())
	}
	if s.rolls != rolls {
		s.t.Errorf("the vendor was asked %d times for another value, want %d:\n%s", s.rolls, rolls, s.text.String())
	}
	return s
}

// TestStrategies tells how tokens are replaced in place, and how one goes before its successor comes.
func TestStrategies(t *testing.T) {
	stories := map[string]func(*story){
		"in place by age": func(s *story) {
			inPlace(s)
			quarterly(s)
			s.settles().lives(91*day).hasCreates(1).leaves("T1").works("T1", 2, 1)
			s.lives(90*day).hasCreates(1).leaves("T1").works("T1", 3, 2)
			s.dies().settles().lives(day).hasCreates(1).works("T1", 3, 2)
		},
		"in place on request": func(s *story) {
			inPlace(s)
			s.settles().lives(day).asks(false).settles().hasCreates(1).works("T1", 2, 1)
			s.lives(2*day).hasCreates(1).works("T1", 2, 1).dies().settles().works("T1", 2, 1)
		},
		"in place after a leak": func(s *story) {
			inPlace(s)
			s.settles().lives(day).asks(true).settles().hasCreates(1).leaves("T1").works("T1", 2, 1)
		},
		"in place in a window": func(s *story) {
			inPlace(s)
			quarterly(s)
			onSaturdays("Europe/Berlin")(s)
			s.settles().lives(100*day).hasCreates(1).works("T1", 2, 1)
		},
		"in place, and what ends is replaced by another": func(s *story) {
			inPlace(s)
			s.observation.Object.ExpiresAfter, s.observation.Object.RenewBefore = 30*day, 10*day
			s.settles().lives(10*day).asks(false).settles().hasCreates(1).works("T1", 2, 1)
			s.lives(12*day).hasCreates(2).leaves("T2").works("T2", 3, 1)
		},
		"in place, and the vendor says that it lives longer": func(s *story) {
			inPlace(s)
			s.observation.Object.ExpiresAfter, s.observation.Object.RenewBefore, s.rollLife = 30*day, 10*day, 30*day
			s.settles().lives(10*day).asks(false).settles().hasCreates(1).works("T1", 2, 1)
			s.lives(15*day).hasCreates(1).works("T1", 2, 1).lives(6*day).hasCreates(2).works("T2", 3, 1)
		},
		"in place, and other rights by another token": func(s *story) {
			inPlace(s)
			quarterly(s)
			s.settles().lives(91*day).works("T1", 2, 1)
			s.says("the spec asks for other rights")
			s.observation.Object.Inputs, s.observation.Object.Rights = "read and write", []string{"read", "write"}
			s.settles().lives(day).hasCreates(2).leaves("T2").works("T2", 3, 1)
		},
		"in place, answer lost": func(s *story) {
			inPlace(s)
			s.settles().lives(day).asks(false)
			s.rollFault = "lost"
			s.settles().passes(3*time.Second).settles().hasCreates(2).leaves("T1", "T2").works("T2", 3, 1)
			s.lives(day).hasCreates(2).leaves("T2").works("T2", 3, 1)
		},
		"in place, answers lost again and again": func(s *story) {
			inPlace(s)
			s.settles().lives(day)
			for range 5 {
				s.passes(time.Minute).asks(true)
				s.rollFault = "lost"
				s.settles().passes(3 * time.Second).settles()
			}
			s.hasCreates(4).leaves("T4").works("T4", 7, 3)
			s.rollFault = ""
			s.lives(day).hasCreates(4).works("T4", 8, 4)
		},
		"in place, killed after the vendor did it": func(s *story) {
			inPlace(s)
			s.settles().lives(day).asks(false)
			s.rollFault = "dies"
			s.settles().hasCreates(2).leaves("T1", "T2").works("T2", 3, 1)
			s.lives(day).hasCreates(2).leaves("T2")
		},
		"in place, killed before the vendor was asked": func(s *story) {
			inPlace(s)
			s.settles().lives(day).asks(false)
			s.rollFault = "dies before"
			s.settles().hasCreates(2).leaves("T1", "T2").works("T2", 3, 1)
			s.lives(day).hasCreates(2).leaves("T2")
		},
		"in place, killed before it is written down": func(s *story) {
			inPlace(s)
			s.settles().lives(day).asks(false).dies().settles().hasCreates(1).works("T1", 2, 1)
		},
		"in place, refused": func(s *story) {
			inPlace(s)
			s.settles().lives(day).asks(false)
			s.rollFault = "refused"
			s.settles().hasCreates(1).dies().settles().hasCreates(1).works("T1", 1, 1)
		},
		"in place, refused, and done later": func(s *story) {
			inPlace(s)
			s.settles().lives(day).asks(false)
			s.rollFault = "refused"
			s.settles().passes(2*time.Minute).settles().hasCreates(1).works("T1", 2, 2)
		},
		"in place, refused since somebody has revoked it, to be reported": func(s *story) {
			inPlace(s)
			s.observation.Object.ReportRevocation = true
			s.settles().lives(day).asks(false)
			s.says("somebody revokes T1 at the vendor").revokedBySomebody("T1")
			s.settlesUntil("Roll")
			s.lives(2 * day).hasCreates(1).leaves()
		},
		"in place, with another ID": func(s *story) {
			inPlace(s)
			quarterly(s)
			s.otherID = true
			s.settles().lives(91*day).hasCreates(1).leaves("T2").works("T2", 2, 1)
			s.lives(90*day).hasCreates(1).leaves("T3").works("T3", 3, 2)
		},
		"in place, with another ID, answer lost": func(s *story) {
			inPlace(s)
			s.observation.Object.ReportRevocation, s.otherID = true, true
			s.settles().lives(day).asks(false)
			s.rollFault = "lost"
			s.settles().passes(3*time.Second).settles().hasCreates(2).works("T3", 3, 1)
			s.lives(2 * day).hasCreates(2).leaves("T3")
		},
		"in place, and the Secret cannot be written": func(s *story) {
			inPlace(s)
			s.settles().lives(day).asks(false).settlesUntil("Roll")
			s.says("meanwhile it is suspended")
			s.observation.Object.Suspended = true
			s.settles().works("T1", 2, 1)
		},
		"in place, and deleted with the value in hand": func(s *story) {
			inPlace(s)
			s.settles().lives(day).asks(false).settlesUntil("Roll")
			s.says("it is deleted, but for Secret and token")
			s.observation.Object.Deleting, s.observation.Object.Retain = true, true
			s.settles().leaves("T1").works("T1", 2, 1)
		},
		"in place, and a former leader publishes later": func(s *story) {
			inPlace(s)
			s.settles().lives(day).asks(false).settlesUntil("Roll")
			hand := *s.observation.Memory.InHand
			s.says("another leads").dies().settles().hasCreates(2).works("T2", 3, 1)
			s.says("the former one goes on with what it has in hand")
			s.observation.Memory.InHand = &hand
			s.settles().works("T2", 3, 1)
		},
		"in place, no longer wanted when it is written down": func(s *story) {
			inPlace(s)
			s.settles().lives(day).asks(false).settlesUntil("Publish")
			s.says("the spec is changed")
			s.observation.Object.Strategy = StrategyOverlap
			s.settles().hasCreates(2).works("T2", 2, 0)
		},
		"revoked first": func(s *story) {
			firstOut(s)
			quarterly(s)
			s.observation.Object.ReportRevocation = true
			s.settles().lives(91*day).hasCreates(2).leaves("A", "B", "C", "D", "T2")
			s.lives(90*day).hasCreates(3).leaves("A", "B", "C", "D", "T3")
		},
		"revoked first, killed after the revocation": func(s *story) {
			firstOut(s)
			s.observation.Object.ReportRevocation = true
			s.settles().lives(day).asks(false).settlesUntil("Revoke")
			s.dies().settles().hasCreates(2).leaves("A", "B", "C", "D", "T2")
		},
		"revoked first, killed before the revocation": func(s *story) {
			firstOut(s)
			s.settles().lives(day).asks(false).settlesUntil("Publish")
			s.dies().settles().hasCreates(2).leaves("A", "B", "C", "D", "T2")
		},
		"revoked first, and the vendor is down in the middle": func(s *story) {
			firstOut(s)
			s.observation.Object.ReportRevocation = true
			s.settles().lives(day).asks(false).settlesUntil("Revoke")
			s.says("the vendor is down").goesDown(true).settles().lives(day).dies().settles().hasCreates(1)
			s.says("the vendor is back").goesDown(false).lists().settles().hasCreates(2).leaves("A", "B", "C", "D", "T2")
		},
		"revoked first, and the revocation fails": func(s *story) {
			firstOut(s)
			s.settles().lives(day).asks(false)
			s.revokeFault = "down"
			s.settles().hasCreates(1).passes(2*time.Minute).settles().hasCreates(2).leaves("A", "B", "C", "D", "T2")
		},
		"revoked first, and the answer to the create is lost": func(s *story) {
			firstOut(s)
			s.settles().lives(day).asks(false)
			s.createFault = "lost"
			s.settles().passes(time.Minute).lists().settles().hasCreates(2)
			s.says("a person deletes what was reported").revokedBySomebody("T2")
			s.passes(time.Minute).lists().settles().hasCreates(3).leaves("A", "B", "C", "D", "T3")
		},
		"revoked first, nobody else's, and the answer to the create is lost": func(s *story) {
			firstOut(s)
			s.observation.Issuer.Exclusive, s.observation.Object.Overlap = true, day
			s.settles().lives(day).asks(false)
			s.createFault = "lost"
			s.settles().passes(time.Minute).lists().settles().hasCreates(2)
			s.passes(16*time.Minute).lists().settles().hasCreates(3).leaves("A", "B", "C", "D", "T3")
		},
		"revoked first, again and again": func(s *story) {
			firstOut(s)
			s.settles().lives(day)
			for range 6 {
				s.passes(time.Minute).asks(false).settles()
			}
			s.hasCreates(7).leaves("A", "B", "C", "D", "T7")
		},
		"revoked first, and there is room": func(s *story) {
			firstOut(s)
			s.says("a person deletes one").revokedBySomebody("C")
			s.settles().lives(day).asks(false).settles().hasCreates(2).leaves("A", "B", "D", "T1", "T2")
			s.lives(day).leaves("A", "B", "D", "T2")
		},
		"revoked first, and there is room when it is written down": func(s *story) {
			firstOut(s)
			s.settles().lives(day).asks(false).settlesUntil("Publish")
			s.says("a person deletes one").revokedBySomebody("C")
			s.settles().hasCreates(2).leaves("A", "B", "D", "T1", "T2").lives(day).leaves("A", "B", "D", "T2")
		},
		"revoked first, once what was replaced is": func(s *story) {
			firstOut(s)
			s.says("a person deletes one").revokedBySomebody("C")
			s.settles().lives(day).asks(false).settles().hasCreates(2)
			s.passes(time.Minute).asks(false).settles().hasCreates(2).leaves("A", "B", "D", "T1", "T2")
			s.lives(day).hasCreates(3).leaves("A", "B", "D", "T3")
		},
		"revoked first at once after a leak": func(s *story) {
			firstOut(s)
			s.says("a person deletes one").revokedBySomebody("C")
			s.settles().lives(day).asks(false).settles().hasCreates(2)
			s.passes(time.Minute).asks(true).settles().hasCreates(3).leaves("A", "B", "D", "T3")
		},
		"revoked first where there is always room": func(s *story) {
			ending(s)
			s.observation.Object.Strategy = StrategyRevokeFirst
			s.settles().lives(day).asks(false).settles().hasCreates(2).leaves("T1", "T2")
		},
		"no room for the first, nobody else's, and the answer to the create is lost": func(s *story) {
			firstOut(s)
			s.observation.Issuer.Exclusive = true
			s.createFault = "lost"
			s.settles().passes(time.Hour).lists().settles().hasCreates(1)
			if !s.observation.Issuer.Reported["T1"] {
				s.t.Error("no person is told of T1, which takes the last place, and which nothing lists")
			}
			s.says("a person deletes what was reported").revokedBySomebody("T1")
			s.passes(time.Minute).lists().settles().hasCreates(2).leaves("A", "B", "C", "D", "T2")
		},
		"no room, and nobody says that it may be revoked first": func(s *story) {
			firstOut(s)
			s.observation.Object.Strategy = StrategyOverlap
			s.settles().lives(day).asks(false).settles().hasCreates(1).leaves("A", "B", "C", "D", "T1")
		},
	}
	for name, tells := range stories {
		t.Run(name, func(t *testing.T) {
			s := tell(t)
			tells(s)
			s.ends()
		})
	}
}

// Two have tokens at one place with room for one more: both get another, one after the other.
func TestStrategiesTwoTakeTurns(t *testing.T) {
	first, second := tell(t, nameless), tell(t, nameless)
	second.rows, second.values, second.serial = first.rows, first.values, 100
	second.observation.Object.Marker = token.Identity{ClusterID: "cluster"}.Marker("causely", "other", "uid-2")
	both := []*story{first, second}
	for _, id := range []token.ID{"A", "B"} {
		first.rows[id] = token.Token{ID: id, State: token.Active, IssuedAt: start.Add(-time.Hour)}
	}
	now := start
	turn := func(pause time.Duration) {
		for i, s := range both {
			now = now.Add(pause)
			s.now = now
			s.says("the turn of %s", []string{"one", "the other"}[i]).lists()
			s.observation.Issuer.LastCreateEnded = both[1-i].observation.Memory.LastCreateEnded
			s.settles()
			now = s.now
		}
	}
	turn(time.Minute)
	first.leaves("A", "B", "T1", "T101")
	for _, s := range both {
		s.now = now
		s.asks(false)
	}
	turn(time.Minute)
	first.leaves("A", "B", "T1", "T101", "T2")
	for range 4 {
		turn(time.Hour)
	}
	first.leaves("A", "B", "T102", "T2")
	for _, s := range both {
		s.hasCreates(2)
	}
	first.note("and of the other:\n%s", second.text.String())
	first.ends()
}
