package controller_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// hour lets a replaced token retire within an hour.
func hour(object *v1alpha1.GatewayToken) { harness.Overlapping(time.Hour)(object) }

// Born, given to consumers, and revoked: as everywhere.
func TestPingOneLife(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtPingOne(false)))
	issuer, object := w.Publish()
	w.Watch()
	w.Advance(time.Hour)
	w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonCredentialsAccepted)
	w.WantActive(1)
	w.Refresh(object)
	if object.Status.Attempt != nil || object.Status.Ledger == "" {
		t.Errorf("attempt %+v, ledger of %d bytes", object.Status.Attempt, len(object.Status.Ledger))
	}
	w.Remove(object)
	w.Advance(5 * time.Minute)
	if !w.Gone(object) {
		t.Error("it is not gone")
	}
	w.WantActive(0)
	w.CheckRest()
}

// Somebody forges the ledger, again and again: its copy in the status is proof, and the Secret gets the true one back.
func TestPingOneLedgerForged(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtPingOne(false)))
	w.Watch()
	_, object := w.Publish()
	for range 5 {
		harness.Change(w, w.Secret("mediator"), func(s *corev1.Secret) {
			s.Annotations[v1alpha1.AnnotationLedger] = strings.Replace(s.Annotations[v1alpha1.AnnotationLedger], `"sequence":1`, `"sequence":7`, 1)
		})
		w.Settle()
		w.WantReady(object)
	}
	w.Advance(time.Hour)
	if ledger := w.Secret("mediator").Annotations[v1alpha1.AnnotationLedger]; strings.Contains(ledger, `"sequence":7`) {
		t.Errorf("the ledger is still forged: %s", ledger)
	}
	w.WantReady(object)
	w.WantCreates(1)
}

// An older Secret is put back, whose token has ended, and its ledger is forged before another token is made: the copy that is believed then
// does not speak of its value.
func TestPingOneOlderSecretForged(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtPingOne(false)))
	_, object := w.Publish(harness.Overlapping(5 * time.Minute))
	older := w.Secret("mediator")
	w.Advance(time.Minute)
	rotateNow(w, object)
	w.Advance(30 * time.Minute)
	w.WantActive(1)
	w.Vanish(w.Secret("mediator"))
	harness.PutBack(w, older)
	before, forged := once(func(harness.Effect) bool { return true }, func() {
		harness.Change(w, w.Secret("mediator"), func(s *corev1.Secret) {
			s.Annotations[v1alpha1.AnnotationLedger] = strings.Replace(s.Annotations[v1alpha1.AnnotationLedger], `"sequence":1`, `"sequence":7`, 1)
		})
	})
	w.Interfere(harness.Interference{Before: before})
	w.Advance(30 * time.Minute)
	wantHappened(t, forged)
	w.WantReady(object)
	w.WantActive(1)
}

// The answer to a create is lost, or the process dies before it can be published. The stranger is reported, or revoked where nobody
// else makes credentials; the object gets its token either way.
func TestPingOneLostAnswer(t *testing.T) {
	lost := func(w *harness.World) { w.Fault(pingone.RouteCreate, stage.CutAfterCommit) }
	killed := func(w *harness.World) {
		after, _ := once(func(e harness.Effect) bool { return e.Is(harness.Mint, harness.VendorToken) }, harness.Kill)
		w.Interfere(harness.Interference{After: after})
	}
	tests := map[string]struct {
		exclusive bool
		goWrong   func(*harness.World)
		left      int
	}{
		"answer lost":                   {goWrong: lost, left: 2},
		"killed":                        {goWrong: killed, left: 2},
		"answer lost, nobody else's":    {goWrong: lost, exclusive: true, left: 1},
		"killed, nobody else's":         {goWrong: killed, exclusive: true, left: 1},
		"committed late":                {goWrong: late, left: 2},
		"committed late, nobody else's": {goWrong: late, exclusive: true, left: 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.At(harness.AtPingOne(tc.exclusive)))
			if _, err := w.Vendor.PingOne().Create(pingone.DemoEnvironmentID, pingone.DemoGatewayID); err != nil {
				t.Fatal(err)
			}
			w.Watch()
			tc.goWrong(w)
			issuer, object := w.Ask(hour)
			w.Settle()
			w.Interfere(harness.Interference{})
			if w.Dead() {
				w.Restart()
			}
			w.Advance(3 * time.Hour)
			w.WantReady(object)
			// One is the console's.
			w.WantActive(tc.left + 1)
			w.Refresh(issuer)
			if reported := len(issuer.Status.PossibleOrphans); (reported == 1) == tc.exclusive {
				t.Errorf("%d tokens are reported as possible orphans", reported)
			}
			w.Remove(object)
			w.Advance(10 * time.Minute)
			if !w.Gone(object) {
				t.Error("it is not gone")
			}
			w.WantActive(tc.left)
			if !tc.exclusive {
				w.Refresh(issuer)
				w.RevokeByHand(issuer.Status.PossibleOrphans[0].ID)
				w.Advance(30 * time.Minute)
				w.Refresh(issuer)
				if len(issuer.Status.PossibleOrphans) != 0 {
					t.Error("a possible orphan that a person deleted is still reported")
				}
			}
		})
	}
}

// An answer is lost, and the next create refused, as happens at PingOne: the stranger that the first left is not forgotten over that.
func TestPingOneRefusedAfterLostAnswer(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtPingOne(true)))
	w.Fault(pingone.RouteCreate, stage.CutAfterCommit)
	_, object := w.Ask(hour)
	w.Settle()
	w.Fault(pingone.RouteCreate, stage.Status, func(f *simulator.Fault) { f.Status = http.StatusForbidden })
	w.Advance(3 * time.Hour)
	w.WantReady(object)
	w.WantActive(1)
}

// A process that was held up publishes its credential after all, when another has reported it already. It is in use: nobody is told any
// more to delete it.
func TestPingOneReportedAndPublished(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtPingOne(false)))
	issuer, object := w.Ask(hour)
	zombie := w.Park(time.Minute, func(e harness.Effect) bool { return e.Is(harness.Create, "Secret") })
	w.Fault(pingone.RouteCreate, stage.Status, harness.Always, func(f *simulator.Fault) { f.Status = http.StatusForbidden })
	w.Advance(5 * time.Minute)
	w.Refresh(issuer)
	if len(issuer.Status.PossibleOrphans) != 1 {
		t.Fatalf("reported: %+v", issuer.Status.PossibleOrphans)
	}
	w.Heal()
	w.Resume(zombie)
	w.Advance(10 * time.Minute)
	w.WantReady(object)
	w.WantActive(1)
	w.Refresh(issuer)
	if told := issuer.Status.PossibleOrphans; len(told) != 1 || !told[0].Acknowledged || strings.Contains(told[0].Message, "Delete") {
		t.Errorf("still to be deleted, though it is in use: %+v", told)
	}
}

func late(w *harness.World) {
	w.Fault(pingone.RouteCreate, stage.LateCommit, func(f *simulator.Fault) { f.Delay = 10 * time.Second })
}

// The machine sleeps while a create is written down, and the answer to it gets lost. What it left is told to a person all the same: it is
// made in the time that was written down, not an hour later.
func TestPingOneSleeps(t *testing.T) {
	w := newModelWorld(t, harness.At(harness.AtPingOne(false)))
	sleeps, slept := once(func(e harness.Effect) bool { return e.Is(harness.Status, v1alpha1.KindGatewayToken) }, func() { w.Clock.Step(time.Hour) })
	w.Interfere(harness.Interference{Before: sleeps})
	w.Fault(pingone.RouteCreate, stage.CutAfterCommit)
	_, object := w.Ask()
	w.Advance(time.Minute)
	w.Advance(time.Hour)
	wantHappened(t, slept)
	w.WantReady(object)
	w.WantActive(2)
	if told := len(w.Reported()); told != 1 {
		t.Errorf("%d tokens are reported, want 1", told)
	}
	w.CheckRest()
}

// The Secret is deleted, and with it the ledger: whose the old credential is, is told by the copy in the status.
func TestPingOneSecretDeleted(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtPingOne(false)))
	_, object := w.Publish(hour)
	w.Remove(w.SecretIn(object.Namespace, object.SecretName()))
	w.Advance(3 * time.Hour)
	w.WantReady(object)
	w.WantActive(1)
}

// A gateway has room for five, whoever made them: the vendor is not asked for a sixth, and nobody's is revoked for it.
func TestPingOneNoRoom(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtPingOne(false)))
	var first string
	for range 5 {
		made, err := w.Vendor.PingOne().Create(pingone.DemoEnvironmentID, pingone.DemoGatewayID)
		if err != nil {
			t.Fatal(err)
		}
		first = made
	}
	_, object := w.Ask()
	w.Advance(time.Hour)
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonQuotaExceeded)
	if calls := w.Calls(pingone.RouteCreate); calls != 0 {
		t.Errorf("the vendor was asked %d times for a sixth", calls)
	}
	if err := w.Vendor.PingOne().Revoke(first); err != nil {
		t.Fatal(err)
	}
	w.Advance(10 * time.Minute)
	w.WantReady(object)
	w.WantActive(5)
}

// Several GatewayTokens of one gateway take turns, so that what a create leaves can be told.
func TestPingOneTakesTurns(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtPingOne(true)))
	w.Fault(pingone.RouteCreate, stage.CutAfterCommit)
	_, first := w.Ask(hour)
	second := w.Token("second", hour)
	w.Create(second)
	w.Advance(3 * time.Hour)
	w.WantReady(first)
	w.WantReady(second)
	w.WantActive(2)
}

// A gateway that was deleted has taken its credentials with it.
func TestPingOneGatewayDeleted(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtPingOne(false)))
	_, object := w.Publish()
	if err := w.Vendor.PingOne().DeleteGateway(pingone.DemoEnvironmentID, pingone.DemoGatewayID); err != nil {
		t.Fatal(err)
	}
	w.Advance(20 * time.Minute)
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, string(lifecycle.ReasonGatewayNotFound))
	w.Remove(object)
	w.Advance(5 * time.Minute)
	if !w.Gone(object) {
		t.Error("it is not gone")
	}
}

// Two answers in a row are lost while somebody else works on the gateway: nothing is issued until a person has decided, which needs
// no deletion.
func TestPingOneAcknowledged(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtPingOne(false)))
	w.Fault(pingone.RouteCreate, stage.CutAfterCommit, func(f *simulator.Fault) { f.Times = 2 })
	issuer, object := w.Ask()
	w.Advance(3 * time.Hour)
	w.Want(object, v1alpha1.ConditionStalled, metav1.ConditionTrue, string(lifecycle.ReasonPossibleOrphans))
	w.WantActive(2)
	acknowledge(w, issuer)
	w.Advance(10 * time.Minute)
	w.WantReady(object)
	w.WantActive(3)
	w.Refresh(issuer)
	for _, orphan := range issuer.Status.PossibleOrphans {
		if !orphan.Acknowledged {
			t.Errorf("%s was acknowledged, and is not so", orphan.ID)
		}
	}
}

// The answer to the second object's create is lost before the vendor has done anything, and the list is older than the first object's
// token: that one is not taken for what the second's create left.
func TestPingOneOfTheOther(t *testing.T) {
	for name, exclusive := range map[string]bool{"somebody else's": false, "nobody else's": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.At(harness.AtPingOne(exclusive)))
			w.Watch()
			fault, happened := once(func(e harness.Effect) bool { return e.Is(harness.Mint, harness.VendorToken) }, func() {
				w.Fault(pingone.RouteCreate, stage.CutBeforeCommit)
			})
			w.Interfere(harness.Interference{After: fault})
			issuer, first := w.Ask(hour)
			second := w.Token("second", hour)
			w.Create(second)
			w.Advance(3 * time.Hour)
			wantHappened(t, happened)
			w.WantReady(first)
			w.WantReady(second)
			w.WantCreates(2)
			w.WantActive(2)
			if w.Refresh(issuer); len(issuer.Status.PossibleOrphans) != 0 {
				t.Errorf("reported: %+v", issuer.Status.PossibleOrphans)
			}
			w.CheckRest()
		})
	}
}

// A process that no longer leads publishes what it made after all, while the next one's create is not answered: what it published is
// nobody's to look after any more, and what came of that create is not forgotten.
func TestPingOneZombiePublishes(t *testing.T) {
	for name, exclusive := range map[string]bool{"somebody else's": false, "nobody else's": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.At(harness.AtPingOne(exclusive)))
			w.Watch()
			_, object := w.Ask(hour)
			zombie := w.Park(time.Minute, func(e harness.Effect) bool { return e.Is(harness.Create, "Secret") })
			w.Fault(pingone.RouteCreate, stage.CutAfterCommit)
			w.Advance(32 * time.Second)
			w.WantCreates(2)
			w.Resume(zombie)
			w.Advance(3 * time.Hour)
			w.WantReady(object)
			w.WantCreates(2)
			w.WantActive(map[bool]int{true: 1, false: 2}[exclusive])
			w.CheckRest()
		})
	}
}

// A process that no longer leads publishes for an object that is gone: the Secret goes, and its token, which nothing else tells of, is
// told to a person.
func TestUnnamedZombieAfterRelease(t *testing.T) {
	for name, at := range corners() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.At(at.flavour()))
			w.Watch()
			_, object := w.Ask(hour)
			zombie := w.Park(time.Minute, func(e harness.Effect) bool { return e.Is(harness.Mint, harness.VendorToken) })
			w.Advance(10 * time.Minute)
			w.Remove(object)
			w.Advance(10 * time.Minute)
			w.WantActive(0)
			w.Resume(zombie)
			w.Advance(30 * time.Minute)
			wantGone(t, w, object)
			w.CheckRest()
			if told := w.Reported(); len(told) != 1 {
				t.Errorf("reported: %+v, want one", told)
			}
			acknowledge(w, w.ClusterIssuer())
			w.RevokeByHand(w.Active()[0].ID)
			w.Advance(30 * time.Minute)
			w.WantActive(0)
		})
	}
}

// What is to stay with its Secret has none: nothing else tells of the token once the object is gone, so that a person is told.
func TestUnnamedRetainedWithoutSecret(t *testing.T) {
	for name, at := range corners() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.At(at.flavour()))
			w.Watch()
			issuer, object := w.Publish(hour, harness.Retained)
			w.Advance(time.Minute)
			kept := w.Active()[0]
			w.Remove(w.Secret("mediator"), object)
			w.Advance(30 * time.Minute)
			wantGone(t, w, object)
			w.CheckRest()
			w.WantActive(1)
			if told := w.Reported(); len(told) != 1 {
				t.Errorf("reported: %+v, want %s", told, kept.ID)
			}
			w.RevokeByHand(kept.ID)
			acknowledge(w, issuer)
			w.Advance(30 * time.Minute)
			if w.Refresh(issuer); len(issuer.Status.PossibleOrphans) != 0 {
				t.Errorf("still reported: %+v", issuer.Status.PossibleOrphans)
			}
		})
	}
}
