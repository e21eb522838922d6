package lifecycle

import (
	"slices"
	"testing"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// asksAt lets a person ask for another token, and say that what there was before a time has leaked.
func (s *story) asksAt(at time.Time) *story {
	s.says("a person says that what there was at %s has leaked", at.UTC().Format(time.DateTime))
	s.observation.Object.Request = RotateRequest{Text: at.Format(time.RFC3339), At: at, Revoke: true}
	return s
}

// onTheSecond lets time pass until a second is full: people and vendors write no smaller ones.
func (s *story) onTheSecond() *story {
	s.now = s.now.Truncate(time.Second).Add(time.Second)
	return s
}

// losesKey has the ledger's key lost.
func (s *story) losesKey() *story {
	s.observation.Secret.Trust = ledger.Hint
	return s.says("the key of ledgers is lost")
}

// losesSecret has somebody delete the Secret.
func (s *story) losesSecret() *story {
	s.observation.Secret = Secret{}
	return s.says("somebody deletes the Secret")
}

// withdraws takes a request back.
func (s *story) withdraws() *story {
	s.observation.Object.Request = RotateRequest{}
	return s.says("the request is taken back")
}

// retires checks which tokens are said to wait for their revocation.
func (s *story) retires(want ...token.ID) *story {
	s.t.Helper()
	var got []token.ID
	for _, retirement := range s.plans().Retiring {
		got = append(got, retirement.ID)
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("said to wait for its revocation: %v, want %v:\n%s", got, want, s.text.String())
	}
	return s
}

// TestLosses tells of rotations in which a ledger, a Secret or a process is lost, or a plan changed, at an awkward time.
func TestLosses(t *testing.T) {
	stories := map[string]func(*story){
		"leaked, not revoked yet, and the Secret is deleted": func(s *story) {
			unreadable(s)
			s.holder = "a pod of the mediator"
			s.settles().lives(day).onTheSecond().asks(true)
			s.revokeFault = "down"
			s.settles().hasCreates(2).losesSecret()
			s.passes(2*time.Minute).lists().settles().lives(day).leaves("T2", "T3")
		},
		"leaked, not revoked yet, and the key is lost": func(s *story) {
			s.holder = "a pod of the mediator"
			s.settles().lives(day).onTheSecond().asks(true)
			s.revokeFault = "down"
			s.settles().hasCreates(2).losesKey()
			s.passes(2 * time.Minute).lists().settles().lives(day).hasCreates(2).leaves("T2")
		},
		"rotated, the key is lost, and then it is found to have leaked": func(s *story) {
			s.holder = "a pod of the mediator"
			s.settles().lives(day).onTheSecond().asks(false).settles().hasCreates(2).leaves("T1", "T2")
			s.lives(time.Hour).losesKey().settles().leaves("T1", "T2")
			s.says("it has leaked").passes(time.Minute)
			s.observation.Object.Request.Revoke = true
			s.settles().lives(day).hasCreates(2).leaves("T2")
		},
		"a request for a time to come, and the key is lost": func(s *story) {
			s.settles().lives(day)
			s.says("a person's clock is wrong: the request is of next year")
			s.observation.Object.Request = RotateRequest{Text: "next year", At: s.now.Add(365 * day)}
			s.settles().lives(2 * day).hasCreates(2).leaves("T2").losesKey().settles().lives(2 * day).hasCreates(2)
		},
		"replaced in place, and leaked while the key is lost": func(s *story) {
			inPlace(s)
			s.settles().lives(day).onTheSecond().asks(false).settles().works("T1", 2, 1)
			s.lives(day).onTheSecond().asks(true).losesKey().passes(time.Minute)
			s.dies().settles().lives(day).works("T1", 3, 2)
		},
		"the key is lost, and nobody has used what pods hold": func(s *story) {
			dropping(s)
			quarterly(s)
			s.holder = "a pod of the mediator"
			s.settles().lives(91*day).leaves("T1", "T2").losesKey()
			s.dies().settles().lives(day).hasCreates(2).leaves("T1", "T2")
		},
		"the Secret is deleted, and nobody has used what pods hold": func(s *story) {
			dropping(s)
			quarterly(s)
			s.holder = "a pod of the mediator"
			s.settles().lives(91*day).leaves("T1", "T2").losesSecret()
			s.dies().settles().lives(day).hasCreates(3).leaves("T1", "T2", "T3")
		},
		"what was replaced is revoked, where lists drop it, and the process dies": func(s *story) {
			dropping(s)
			quarterly(s)
			s.settles().lives(91 * day).leaves("T2")
			s.dies().lists().settles().retires()
		},
		"revoked first, and the vendor's clock is behind": func(s *story) {
			firstOut(s)
			s.livesUnderAClockBehind().hasCreates(4)
		},
		"not revoked first after all, and then revoked by somebody": func(s *story) {
			firstOut(s)
			s.observation.Object.ReportRevocation = true
			s.settles().lives(day).asks(false).settlesUntil("Publish")
			s.withdraws().settles().lives(10 * day)
			s.says("somebody revokes T1 at the vendor").revokedBySomebody("T1")
			s.lives(day).hasCreates(1).leaves("A", "B", "C", "D")
		},
		"revoked first, replaced, and then found to have leaked": func(s *story) {
			firstOut(s)
			quarterly(s)
			s.holder = "a pod of the mediator"
			s.settles().lives(91*day).leaves("A", "B", "C", "D", "T2")
			s.says("there is room again").revokedBySomebody("C")
			s.lives(90 * day)
			s.asksAt(s.now.Add(-2*day)).settles().lives(time.Minute).leaves("A", "B", "D", "T3")
		},
		"revoked first, and its turn passes in between": func(s *story) {
			firstOut(s)
			quarterly(s)
			s.queue = 0
			s.settles().lives(90*day - time.Hour)
			s.passes(time.Hour + time.Minute).lists().settlesUntil("Publish")
			s.passes(2 * time.Minute).settles().hasCreates(2)
		},
		"leaked where there is no room, and the one before it is held": func(s *story) {
			firstOut(s)
			s.observation.Object.Strategy = StrategyOverlap
			s.revokedBySomebody("A")
			s.holder = "a pod of the mediator"
			s.settles().lives(day).onTheSecond().asks(false).settles().leaves("B", "C", "D", "T1", "T2")
			s.lives(day).onTheSecond().asks(true).settles().lives(3*day).leaves("B", "C", "D", "T3")
		},
		"deleted and retained, with a long overlap and short processes": func(s *story) {
			quarterly(s)
			s.observation.Object.Overlap, s.observation.Object.OverlapOfPods = 48*time.Hour, 48*time.Hour
			s.holder = "a pod of the mediator"
			s.settles().lives(90*day + time.Minute).says("it is deleted but for its token")
			s.observation.Object.Retain, s.observation.Object.Deleting = true, true
			s.settles()
			s.holder = ""
			for range 4 {
				s.lives(20 * time.Hour).dies()
			}
			s.hasCreates(2).leaves("T2")
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
