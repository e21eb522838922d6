package lifecycle

import (
	"testing"
	"time"
	_ "time/tzdata" // the machine may have none

	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

const day = 24 * time.Hour

// quarterly has the token replaced each quarter.
func quarterly(s *story) { s.observation.Object.RotateEvery = 90 * day }

// onSaturdays opens a window on Saturdays from two to five, by the clock of a place.
func onSaturdays(place string) func(*story) {
	return func(s *story) {
		zone, err := time.LoadLocation(place)
		if err != nil {
			s.t.Fatal(err)
		}
		s.observation.Object.Window = func(at time.Time) (open bool, next time.Time) {
			local := at.In(zone)
			for days := -1; ; days++ {
				opens := time.Date(local.Year(), local.Month(), local.Day()+days, 2, 0, 0, 0, zone)
				switch {
				case opens.Weekday() != time.Saturday:
				case !at.Before(opens) && at.Before(opens.Add(3*time.Hour)):
					open = true
				case opens.After(at):
					return open, opens
				}
			}
		}
	}
}

// asks lets a person ask for another token now.
func (s *story) asks(revoke bool) *story {
	s.says("a person asks for a rotation")
	s.observation.Object.Request = RotateRequest{Text: s.now.Format(time.RFC3339Nano), At: s.now, Revoke: revoke}
	return s
}

// uses lets somebody use a token now.
func (s *story) uses(id token.ID) *story {
	if row, there := s.rows[id]; there {
		s.says("somebody uses %s", id)
		row.LastUsedAt = s.now
		s.rows[id] = row
		s.lists()
	}
	return s
}

func (s *story) goesDown(down bool) *story {
	s.observation.Issuer.CanList, s.observation.Issuer.CanMint, s.observation.Issuer.CanRevoke = !down, !down, !down
	s.observation.Issuer.Problem = Problem{Reason: "VendorUnreachable"}
	return s
}

// livesUnderAClockBehind has tokens replaced at an age, by a vendor whose clock is behind by more than that, for most of an hour.
func (s *story) livesUnderAClockBehind() *story {
	s.observation.Object.RotateEvery, s.vendorBehind = 2*time.Hour, 3*time.Hour
	s.observation.Object.Overlap, s.observation.Object.OverlapOfPods = 2*time.Minute, 2*time.Minute
	s.settles()
	for range 50 {
		s.passes(time.Minute).lists().settles()
	}
	return s
}

// TestRotations tells how tokens are replaced by age and on request.
func TestRotations(t *testing.T) {
	stories := map[string]func(*story){
		"a year of quarters": func(s *story) {
			quarterly(s)
			s.settles().lives(365 * day).hasCreates(5).leaves("T5")
		},
		"a share of the interval earlier": func(s *story) {
			quarterly(s)
			s.observation.Object.RotateEarlier = 4 * day
			s.settles().lives(85 * day).hasCreates(1).lives(2 * day).hasCreates(2).leaves("T2")
		},
		"in a window, over the end of summer time": func(s *story) {
			quarterly(s)
			onSaturdays("Europe/Berlin")(s)
			s.settles().lives(300 * day).hasCreates(4).leaves("T4")
		},
		"requested": func(s *story) {
			s.settles().lives(day).asks(false).settles().hasCreates(2).leaves("T1", "T2")
			s.lives(2 * day).hasCreates(2).leaves("T2")
			s.dies().settles().hasCreates(2).leaves("T2")
		},
		"requested in the middle of a rotation": func(s *story) {
			quarterly(s)
			s.settles().lives(90*day).hasCreates(2).leaves("T1", "T2")
			s.passes(time.Minute).asks(false).settles().hasCreates(2).leaves("T1", "T2")
			s.lives(3 * time.Hour).hasCreates(3).leaves("T3")
		},
		"requested before there is a token": func(s *story) {
			s.asks(false).settles().lives(day).hasCreates(1).leaves("T1")
		},
		"requested for a time to come": func(s *story) {
			s.settles().lives(day)
			s.says("a person's clock is wrong: the request is of next year")
			s.observation.Object.Request = RotateRequest{Text: "next year", At: s.now.Add(365 * day)}
			s.settles().lives(2 * day).hasCreates(2).leaves("T2")
			s.dies().lives(2 * day).hasCreates(2).leaves("T2")
		},
		"a request to revoke that stays": func(s *story) {
			quarterly(s)
			s.settles().lives(day).asks(true).settles().hasCreates(2).leaves("T2").lives(80 * day)
			s.holder = "a pod of the mediator"
			s.lives(11*day).hasCreates(3).leaves("T2", "T3")
		},
		"a request to revoke that stays, and other rights": func(s *story) {
			ending(s)
			s.settles().lives(day).asks(true).settles().hasCreates(2).leaves("T2").lives(8 * day)
			s.holder = "a pod of the mediator"
			s.says("the spec asks for other rights")
			s.observation.Object.Inputs, s.observation.Object.Rights = "read and write", []string{"read", "write"}
			s.settles().hasCreates(3).leaves("T2", "T3")
		},
		"a request to revoke that stays, and a lost value": func(s *story) {
			unreadable(s)
			s.settles().lives(day).asks(true).settles().hasCreates(2).leaves("T2").lives(80 * day)
			s.holder = "a pod of the mediator"
			s.says("somebody deletes the Secret")
			s.observation.Secret = Secret{}
			s.settles().hasCreates(3).leaves("T2", "T3").lives(day).leaves("T2", "T3")
		},
		"the one before it leaked": func(s *story) {
			quarterly(s)
			s.holder = "a pod of the mediator"
			s.settles().lives(91*day).hasCreates(2).leaves("T1", "T2")
			s.says("a person says that what there was two days ago has leaked")
			at := s.now.Add(-2 * day)
			s.observation.Object.Request = RotateRequest{Text: at.Format(time.RFC3339), At: at, Revoke: true}
			s.settles().lives(day).hasCreates(2).leaves("T2")
		},
		"leaked while the clock is wrong": func(s *story) {
			s.settles().lives(day)
			s.skew = 6 * time.Minute
			s.asks(true).settles().hasCreates(2).leaves("T2")
		},
		"leaked while its successor waits for the window": func(s *story) {
			ending(s)
			onSaturdays("UTC")(s)
			s.observation.Object.ExpiresAfter, s.observation.Object.RenewBefore = 30*day, 10*day
			s.settles().lives(20*day + time.Hour).hasCreates(1)
			s.asks(true).settles().hasCreates(2).leaves("T2")
		},
		"a lost value while pods hold it": func(s *story) {
			unreadable(s)
			s.holder = "a pod of the mediator"
			s.settles().lives(day).says("somebody deletes the Secret")
			s.observation.Secret = Secret{}
			s.settles().hasCreates(2).lives(day).leaves("T1", "T2")
		},
		"the Secret is deleted in the middle of a rotation": func(s *story) {
			quarterly(s)
			s.holder = "a pod of the mediator"
			s.settles().lives(91*day).leaves("T1", "T2").says("somebody deletes the Secret")
			s.observation.Secret = Secret{}
			s.settles().lives(day).hasCreates(2).leaves("T1", "T2")
		},
		"the ledger's key is lost in the middle of a rotation": func(s *story) {
			quarterly(s)
			s.holder = "a pod of the mediator"
			s.settles().lives(91*day).leaves("T1", "T2").says("the key of ledgers is lost")
			s.observation.Secret.Trust = ledger.Hint
			s.settles().lives(day).hasCreates(2).leaves("T1", "T2")
		},
		"a long overlap and a process that never lives for as long": func(s *story) {
			quarterly(s)
			s.observation.Object.Overlap, s.observation.Object.OverlapOfPods = 48*time.Hour, 48*time.Hour
			s.settles().lives(90 * day)
			for range 4 {
				s.lives(20 * time.Hour).dies()
			}
			s.hasCreates(2).leaves("T2")
		},
		"a long overlap and a pod that comes back": func(s *story) {
			quarterly(s)
			s.observation.Object.Overlap, s.observation.Object.OverlapOfPods = 48*time.Hour, 48*time.Hour
			s.settles().lives(91 * day)
			s.holder = "a pod of the mediator"
			s.says("a pod has the old value after all").dies().lives(2*day).leaves("T1", "T2")
			s.holder = ""
			s.says("it ends").dies().lives(day).leaves("T1", "T2").lives(2 * day).leaves("T2")
		},
		"deleted and retained while suspended": func(s *story) {
			quarterly(s)
			s.settles().lives(90*day).leaves("T1", "T2").says("it is suspended, and deleted but for its token")
			s.observation.Object.Suspended, s.observation.Object.Retain = true, true
			s.settles()
			s.observation.Object.Deleting = true
			s.lives(3 * day).leaves("T2")
		},
		"deleted and retained while a pod holds the old value": func(s *story) {
			quarterly(s)
			s.holder = "a pod of the mediator"
			s.settles().lives(90*day).leaves("T1", "T2").says("it is deleted but for its token")
			s.observation.Object.Retain, s.observation.Object.Deleting = true, true
			s.settles().lives(3*day).leaves("T1", "T2")
			s.holder = ""
			s.says("the pod ends").lives(3 * day).leaves("T2")
		},
		"the vendor's clock is behind by more than the interval": func(s *story) {
			s.livesUnderAClockBehind().hasCreates(4)
		},
		"consumers are restarted": func(s *story) {
			quarterly(s)
			s.observation.Object.Consumers, s.holder = RestartConsumers, "a pod of the mediator"
			s.settles().hasRestarts(0).lives(90*day + time.Second).hasCreates(2).hasRestarts(0)
			s.lives(day).hasRestarts(1).leaves("T1", "T2")
			s.says("somebody takes the restart back").dies().lives(day).hasRestarts(1).leaves("T1", "T2")
			s.holder = ""
			s.says("the rollout finishes").lives(2 * time.Hour).hasRestarts(1).leaves("T2")
			s.dies().lives(day).hasRestarts(1)
		},
		"consumers had started before the first token": func(s *story) {
			s.observation.Object.Consumers, s.older = RestartConsumers, "a pod with the value of a GatewayToken that was deleted"
			s.settles().hasRestarts(0).lives(time.Minute).hasRestarts(1)
			s.says("somebody takes the restart back").dies().lives(day).hasRestarts(1)
			s.older = ""
			s.says("the rollout finishes").lives(time.Hour).hasRestarts(1).leaves("T1")
		},
		"consumers are restarted while the vendor is down": func(s *story) {
			s.observation.Object.Consumers, s.holder = RestartConsumers, "a pod of the mediator"
			s.settles().lives(day).asks(false).settles().hasCreates(2).says("the vendor is down").goesDown(true)
			s.lives(time.Hour).hasRestarts(1).leaves("T1", "T2")
		},
		"the workload is paused": func(s *story) {
			s.observation.Object.Consumers, s.holder, s.paused = RestartConsumers, "a pod of the mediator", true
			s.settles().lives(day).asks(false).settles().lives(2*time.Minute).leaves("T1", "T2")
			s.says("its owner resumes it")
			s.paused, s.restarts = false, 0
			s.lives(2 * time.Minute).hasRestarts(1)
		},
		"consumers are restarted after a revocation by somebody else": func(s *story) {
			s.observation.Object.Consumers, s.holder = RestartConsumers, "a pod of the mediator"
			s.settles().lives(day).revokedByHand("T1").lists().settles().hasCreates(2)
			s.lives(time.Hour).hasRestarts(1).leaves("T2")
		},
		"somebody else restarts consumers": func(s *story) {
			s.observation.Object.Consumers, s.holder = AwaitConsumers, "a pod of the mediator"
			s.settles().lives(day).asks(false).settles().lives(day).hasRestarts(0).leaves("T1", "T2")
			s.holder = ""
			s.says("somebody restarts it").lives(2 * time.Hour).hasRestarts(0).leaves("T2")
		},
		"leaked": func(s *story) {
			s.settles().lives(day).asks(true).settles().hasCreates(2).leaves("T2")
		},
		"leaked in the middle of a rotation": func(s *story) {
			quarterly(s)
			s.settles().lives(90*day).hasCreates(2).leaves("T1", "T2")
			s.passes(time.Minute).asks(true).settles().hasCreates(3).leaves("T3")
		},
		"found to have leaked after it was rotated": func(s *story) {
			s.settles().lives(day).asks(false).settles().hasCreates(2).leaves("T1", "T2")
			s.says("it has leaked").passes(time.Minute)
			s.observation.Object.Request.Revoke = true
			s.settles().hasCreates(2).leaves("T2")
		},
		"leaked while the vendor is down": func(s *story) {
			s.settles().lives(day).goesDown(true).asks(true).settles().lives(day).hasCreates(1).leaves("T1")
			s.says("the vendor is back").goesDown(false).lists().settles().hasCreates(2).leaves("T2")
		},
		"vendor down for a day when it is due": func(s *story) {
			quarterly(s)
			s.settles().lives(89 * day).says("the vendor is down").goesDown(true).lives(2 * day).hasCreates(1).leaves("T1")
			s.says("the vendor is back").goesDown(false).lists().settles().lives(day).hasCreates(2).leaves("T2")
		},
		"answer lost when it is due": func(s *story) {
			quarterly(s)
			s.settles().lives(89 * day)
			s.createFault = "lost"
			s.lives(2 * day).hasCreates(2).leaves("T2")
		},
		"answer lost where no value is shown twice": func(s *story) {
			ending(s)
			quarterly(s)
			s.settles().lives(89 * day)
			s.createFault = "lost"
			s.lives(day + time.Hour).hasCreates(3).lives(day).leaves("T3")
		},
		"spec edited in the middle of a rotation": func(s *story) {
			ending(s)
			quarterly(s)
			s.settles().lives(90*day).hasCreates(2).leaves("T1", "T2")
			s.says("the spec asks for other rights").passes(time.Minute)
			s.observation.Object.Inputs, s.observation.Object.Rights = "read and write", []string{"read", "write"}
			s.settles().lives(day).hasCreates(3).leaves("T3")
		},
		"five slots full": func(s *story) {
			nameless(s)
			quarterly(s)
			for _, id := range []token.ID{"A", "B", "C", "D"} {
				s.rows[id] = token.Token{ID: id, State: token.Active, IssuedAt: start.Add(-time.Hour)}
			}
			s.settles().lives(91 * day).hasCreates(1)
			s.says("a person deletes one").revokedBySomebody("C")
			s.lives(2*day).hasCreates(2).leaves("A", "B", "D", "T2")
		},
		"an end before the next window": func(s *story) {
			ending(s)
			onSaturdays("UTC")(s)
			s.observation.Object.ExpiresAfter, s.observation.Object.RenewBefore = 3*day, 12*time.Hour
			s.settles().lives(4 * day).hasCreates(2).leaves("T2")
		},
		"an end after the next window": func(s *story) {
			ending(s)
			onSaturdays("UTC")(s)
			s.observation.Object.ExpiresAfter, s.observation.Object.RenewBefore = 30*day, 10*day
			s.settles().lives(32 * day).hasCreates(2).leaves("T2")
		},
		"clock put back": func(s *story) {
			quarterly(s)
			s.settles().lives(90 * day).hasCreates(2)
			s.says("both clocks are put back by a week").passes(-7 * day).lists().settles().lives(6 * day).hasCreates(2)
			s.lives(day + 2*time.Hour).hasCreates(2).leaves("T2")
		},
		"operator away for a month": func(s *story) {
			quarterly(s)
			s.settles().lives(80 * day).says("the operator is away for a month").passes(30 * day).dies().settles()
			s.lives(2 * day).hasCreates(2).leaves("T2")
		},
		"four minutes behind the API server": func(s *story) {
			quarterly(s)
			s.skew = 4 * time.Minute
			s.settles().lives(91 * day).hasCreates(2).leaves("T2")
		},
		"six minutes behind the API server": func(s *story) {
			quarterly(s)
			s.skew = 6 * time.Minute
			s.settles().lives(91 * day).hasCreates(1).leaves("T1")
			s.says("the clocks agree again")
			s.skew = 0
			s.lists().settles().lives(day).hasCreates(2).leaves("T2")
		},
		"a pod holds the old value": func(s *story) {
			quarterly(s)
			s.holder = "Deployment/mediator (mediator-1)"
			s.settles().lives(92*day).hasCreates(2).leaves("T1", "T2")
			s.says("the rollout finishes")
			s.holder = ""
			s.settles().leaves("T1", "T2").lives(2 * time.Hour).leaves("T2")
		},
		"a pod that never lets go": func(s *story) {
			quarterly(s)
			s.holder = "Pod/by-hand"
			s.settles().lives(300*day).hasCreates(2).leaves("T1", "T2")
		},
		"a pod comes back with the old value": func(s *story) {
			quarterly(s)
			s.settles().lives(90*day).hasCreates(2).leaves("T1", "T2")
			s.says("a kubelet was behind").passes(30 * time.Minute)
			s.holder = "Deployment/mediator (mediator-2)"
			s.settles().lives(2*time.Hour).leaves("T1", "T2")
			s.says("it is gone")
			s.holder = ""
			s.settles().passes(50*time.Minute).settles().leaves("T1", "T2").passes(11 * time.Minute).settles().leaves("T2")
		},
		"pods cannot be listed": func(s *story) {
			quarterly(s)
			s.unknown = true
			s.settles().lives(92*day).hasCreates(2).leaves("T1", "T2")
			s.says("the right is given")
			s.unknown = false
			s.lives(2 * time.Hour).leaves("T2")
		},
		"somebody else uses the old value": func(s *story) {
			dropping(s)
			quarterly(s)
			s.settles().lives(90 * day).hasCreates(2)
			s.says("it is used outside the cluster").passes(50*time.Minute).uses("T1").lives(50*time.Minute).leaves("T1", "T2")
			s.uses("T1").lives(50*time.Minute).leaves("T1", "T2").lives(20 * time.Minute).leaves("T2")
		},
		"somebody else uses the old value for too long": func(s *story) {
			dropping(s)
			quarterly(s)
			s.observation.Object.MaxOverlap = 3 * time.Hour
			s.settles().lives(90 * day)
			for range 5 {
				s.passes(30 * time.Minute).uses("T1").lives(10 * time.Minute)
			}
			s.hasCreates(2).leaves("T2")
		},
		"leaked, and a pod holds it": func(s *story) {
			s.holder = "Deployment/mediator (mediator-1)"
			s.settles().lives(day).asks(true).settles().hasCreates(2).leaves("T2")
		},
		"deleted while a pod holds the old value": func(s *story) {
			quarterly(s)
			s.holder = "Deployment/mediator (mediator-1)"
			s.settles().lives(91*day).leaves("T1", "T2")
			s.says("it is deleted")
			s.observation.Object.Deleting = true
			s.settles().leaves()
		},
		"many at once": func(s *story) {
			quarterly(s)
			s.queue = 90 * time.Minute
			s.settles().lives(90 * day).hasCreates(1).leaves("T1")
			s.passes(time.Hour).settles().hasCreates(1).lives(30*time.Minute).hasCreates(2).leaves("T1", "T2")
			s.lives(2 * time.Hour).leaves("T2")
		},
		"many at once, and one is urgent": func(s *story) {
			quarterly(s)
			s.queue = 90 * time.Minute
			s.settles().lives(90 * day).hasCreates(1)
			s.asks(false).settles().hasCreates(2).leaves("T1", "T2")
			s.lives(2 * day).hasCreates(2).leaves("T2")
		},
		"many at once, and the spec is edited": func(s *story) {
			ending(s)
			quarterly(s)
			s.queue = 90 * time.Minute
			s.settles().lives(90 * day).hasCreates(1)
			s.says("the spec asks for other rights").passes(time.Minute)
			s.observation.Object.Inputs, s.observation.Object.Rights = "read and write", []string{"read", "write"}
			s.settles().hasCreates(2).lives(2 * day).hasCreates(2).leaves("T2")
		},
		"many at once, and one ends": func(s *story) {
			ending(s)
			s.queue = 90 * day
			s.observation.Object.RotateEvery = 20 * day
			s.observation.Object.ExpiresAfter, s.observation.Object.RenewBefore = 30*day, 7*day
			s.settles().lives(22 * day).hasCreates(1).lives(2 * day).hasCreates(2).leaves("T2")
		},
		"many at once, and the window closes before it is its turn": func(s *story) {
			quarterly(s)
			onSaturdays("UTC")(s)
			s.queue = 4 * time.Hour
			s.settles().lives(97 * day).hasCreates(1)
			s.says("there are fewer")
			s.queue = time.Hour
			s.lives(7 * day).hasCreates(2).leaves("T2")
		},
		"many at once, and the vendor is down when it is its turn": func(s *story) {
			quarterly(s)
			s.queue = 90 * time.Minute
			s.settles().lives(90 * day).hasCreates(1)
			s.says("the vendor is down").goesDown(true).lives(2 * time.Hour).hasCreates(1)
			s.says("the vendor is back").goesDown(false).lists().settles().hasCreates(1)
			s.lives(90*time.Minute).hasCreates(2).leaves("T1", "T2")
		},
		"many at once, and the process dies": func(s *story) {
			quarterly(s)
			s.queue = 90 * time.Minute
			s.settles().lives(90*day).dies().settles().hasCreates(1).lives(2*time.Hour).hasCreates(2).leaves("T1", "T2")
		},
		"many at once, and the answer is lost": func(s *story) {
			quarterly(s)
			s.queue = 90 * time.Minute
			s.settles().lives(90 * day)
			s.createFault = "lost"
			s.lives(2*time.Hour).hasCreates(2).leaves("T1", "T2")
		},
		"suspended when it is due": func(s *story) {
			quarterly(s)
			s.settles()
			s.observation.Object.Suspended = true
			s.lives(100 * day).hasCreates(1)
			s.says("it goes on")
			s.observation.Object.Suspended = false
			s.settles().lives(day).hasCreates(2).leaves("T2")
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
