package controller_test

import (
	"net/http"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// acknowledge lets a person decide about all that the issuer reports.
func acknowledge(w *harness.World, issuer *v1alpha1.ClusterTokenIssuer) {
	w.Refresh(issuer)
	orphans := issuer.Status.PossibleOrphans
	harness.Change(w, issuer, func(issuer *v1alpha1.ClusterTokenIssuer) {
		said := ""
		for _, orphan := range orphans {
			said += v1alpha1.AcknowledgeOrphan(orphan.ID+orphan.Name) + ", "
		}
		issuer.Annotations = map[string]string{v1alpha1.AnnotationAcknowledge: said}
	})
}

// Born, kept over a restart, and revoked: as everywhere, although nothing lists the token. Nothing is called meanwhile but the check
// of the credentials.
func TestExistingLife(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtCauseloopExisting()))
	w.Watch()
	issuer, object := w.Publish()
	w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonCredentialsAccepted)
	w.Restart()
	w.Settle()
	before := w.AllCalls()
	w.Advance(time.Hour)
	w.WantReady(object)
	w.WantCreates(1)
	for route := range w.CallsSince(before) {
		if route != causeloop.RouteScopes {
			t.Errorf("%s was called at rest", route)
		}
	}
	w.CheckRest()
	w.Remove(object)
	w.Advance(5 * time.Minute)
	if !w.Gone(object) {
		t.Error("it is not gone")
	}
	w.WantActive(0)
}

// The answer to a create is lost, or the process dies before it can be published: the next one is published, and the first told by
// the name that it has at the vendor, until a person says that it has been looked after.
func TestExistingLostAnswer(t *testing.T) {
	lost := func(w *harness.World) { w.Fault(causeloop.RouteIssue, stage.CutAfterCommit) }
	killed := func(w *harness.World) {
		after, _ := once(func(e harness.Effect) bool { return e.Is(harness.Mint, harness.VendorToken) }, harness.Kill)
		w.Interfere(harness.Interference{After: after})
	}
	for name, goWrong := range map[string]func(*harness.World){"answer lost": lost, "killed": killed} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.At(harness.AtCauseloopExisting()))
			w.Watch()
			goWrong(w)
			issuer, object := w.Ask(hour)
			w.Settle()
			w.Interfere(harness.Interference{})
			if w.Dead() {
				w.Restart()
			}
			w.Advance(time.Hour)
			w.WantReady(object)
			w.WantActive(2)
			w.Refresh(issuer)
			if told := issuer.Status.PossibleOrphans; len(told) != 1 || told[0].Name != w.Tokens()[0].Name || told[0].ID != "" {
				t.Fatalf("reported: %+v, want %s", told, w.Tokens()[0].Name)
			}
			w.Remove(object)
			w.Advance(10 * time.Minute)
			if !w.Gone(object) {
				t.Error("it is not gone")
			}
			w.WantActive(1)
			w.RevokeByHand(w.Tokens()[0].ID)
			acknowledge(w, issuer)
			w.Advance(time.Minute)
			wantNoneReported(t, w, issuer)
		})
	}
}

// wantNoneReported: the issuer reports nothing that may be left, or nothing any more.
func wantNoneReported(t *testing.T, w *harness.World, issuer *v1alpha1.ClusterTokenIssuer) {
	t.Helper()
	w.Refresh(issuer)
	if told := issuer.Status.PossibleOrphans; len(told) != 0 {
		t.Errorf("reported: %+v", told)
	}
}

// The answer is lost, and somebody wipes the status that told of the create, or has it tell of another: the process that asked knows of it
// still.
func TestExistingStatusWrittenAfterLostAnswer(t *testing.T) {
	wiped := func(w *harness.World, object *v1alpha1.GatewayToken) { w.WipeStatus(object) }
	forged := func(attempt v1alpha1.IssueAttempt) func(*harness.World, *v1alpha1.GatewayToken) {
		return func(w *harness.World, object *v1alpha1.GatewayToken) {
			written := object.DeepCopy()
			w.Refresh(written)
			written.Status.Attempt = &attempt
			w.RestoreStatus(written)
		}
	}
	for name, write := range map[string]func(*harness.World, *v1alpha1.GatewayToken){
		"wiped": wiped, "of the same number": forged(v1alpha1.IssueAttempt{Name: "x", Sequence: 2}), "of a higher one": forged(v1alpha1.IssueAttempt{Name: "x", Sequence: 9, Pool: "sa-1", MAC: "x"}),
	} {
		t.Run(name, func(t *testing.T) { tellExistingStatusWritten(t, write) })
	}
}

func tellExistingStatusWritten(t *testing.T, write func(*harness.World, *v1alpha1.GatewayToken)) {
	t.Helper()
	w := newWorld(t, harness.At(harness.AtCauseloopExisting()))
	issuer, object := w.Publish(hour)
	w.Advance(time.Minute)
	w.Fault(causeloop.RouteIssue, stage.CutAfterCommit)
	answered := func(e harness.Effect) bool { return e.Verb == harness.Status && len(w.Tokens()) == 2 }
	before, wiped := once(answered, func() { write(w, object) })
	w.Interfere(harness.Interference{Before: before})
	rotateNow(w, object)
	w.Advance(2 * time.Hour)
	wantHappened(t, wiped)
	w.WantReady(object)
	w.Refresh(issuer)
	if told := issuer.Status.PossibleOrphans; len(told) != 1 || told[0].Name != w.Tokens()[1].Name {
		t.Fatalf("reported: %+v, want %s", told, w.Tokens()[1].Name)
	}
}

// A create is refused, and the status that says so cannot be written: nothing was left, and nobody is told that something may have been.
func TestExistingRefusedAndNotWritten(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtCauseloopExisting()))
	issuer, object := w.Publish(hour)
	w.Advance(time.Minute)
	w.Fault(causeloop.RouteIssue, stage.Status, func(f *simulator.Fault) { f.Status = http.StatusForbidden })
	refused := false
	w.Interfere(harness.Interference{
		Before: func(e harness.Effect) error {
			if refused && e.Verb == harness.Status && e.Kind == v1alpha1.KindGatewayToken {
				refused = false
				return harness.ErrLost
			}
			refused = refused || e.Is(harness.Mint, harness.VendorToken)
			return nil
		},
	})
	rotateNow(w, object)
	w.Advance(3 * time.Hour)
	w.WantReady(object)
	w.WantActive(1)
	wantNoneReported(t, w, issuer)
}

// Two answers in a row are lost: nothing is issued until a person has looked, and then at once.
func TestExistingTwoAnswersLost(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtCauseloopExisting()))
	w.Fault(causeloop.RouteIssue, stage.CutAfterCommit, func(f *simulator.Fault) { f.Times = 2 })
	issuer, object := w.Ask()
	w.Advance(3 * time.Hour)
	w.Want(object, v1alpha1.ConditionStalled, metav1.ConditionTrue, string(lifecycle.ReasonPossibleOrphans))
	w.WantActive(2)
	w.Restart()
	w.Advance(time.Hour)
	w.WantActive(2)
	acknowledge(w, issuer)
	w.Settle()
	w.WantReady(object)
	w.WantActive(3)
}

// An answer is lost, and the next create refused: what the first may have left is not forgotten over that, and its name is given to no
// other token. Whoever revokes what is reported would revoke that one, too.
func TestExistingRefusedAfterLostAnswer(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtCauseloopExisting()))
	w.Fault(causeloop.RouteIssue, stage.CutAfterCommit)
	issuer, object := w.Ask()
	w.Settle()
	w.Fault(causeloop.RouteIssue, stage.Status, func(f *simulator.Fault) { f.Status = http.StatusForbidden })
	w.Advance(3 * time.Hour)
	w.WantReady(object)
	w.WantActive(2)
	w.Refresh(issuer)
	w.Refresh(object)
	if told := issuer.Status.PossibleOrphans; len(told) != 1 || told[0].Name == object.Status.Current.Name {
		t.Errorf("reported: %+v, in use is %s", told, object.Status.Current.Name)
	}
}

// A process that was held up publishes its token after all, when another has reported it already. It is in use: nobody is told any more
// to revoke it.
func TestExistingReportedAndPublished(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtCauseloopExisting()))
	issuer, object := w.Ask(hour)
	zombie := w.Park(time.Minute, func(e harness.Effect) bool { return e.Is(harness.Mint, harness.VendorToken) })
	w.Fault(causeloop.RouteIssue, stage.Status, func(f *simulator.Fault) { f.Status = http.StatusForbidden })
	w.Advance(10 * time.Second)
	w.Refresh(issuer)
	if len(issuer.Status.PossibleOrphans) != 1 {
		t.Fatalf("reported: %+v", issuer.Status.PossibleOrphans)
	}
	w.Heal()
	w.Resume(zombie)
	w.Advance(10 * time.Minute)
	w.WantReady(object)
	w.WantActive(1)
	wantNoneReported(t, w, issuer)
}

// The Secret is deleted, and with it the ledger: whose the old token is, is told by the copy in the status. It retires, and is asked
// for no more once it is revoked.
func TestExistingSecretDeleted(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtCauseloopExisting()))
	_, object := w.Publish(hour)
	w.Remove(w.SecretIn(object.Namespace, object.SecretName()))
	w.Advance(3 * time.Hour)
	w.WantReady(object)
	w.WantActive(1)
	revocations := w.Calls(causeloop.RouteWithdraw)
	w.Restart()
	w.Advance(time.Hour)
	w.WantReady(object)
	if got := w.Calls(causeloop.RouteWithdraw); got != revocations {
		t.Errorf("%d revocations after a restart, want none", got-revocations)
	}
}

// A refused revocation proves nothing where no list does: whatever the vendor refused it for, it is tried again until the vendor says that
// there is no such token.
func TestExistingRefusedRevocation(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtCauseloopExisting()))
	_, object := w.Publish()
	w.Fault(w.Route(harness.RouteRevoke), stage.Status, func(f *simulator.Fault) { f.Status = http.StatusConflict })
	w.Remove(object)
	w.Settle()
	w.Want(object, v1alpha1.ConditionRevocationPending, metav1.ConditionTrue, "WaitingForVendor")
	w.Advance(10 * time.Minute)
	if !w.Gone(object) {
		t.Error("it is not gone")
	}
	w.WantActive(0)
}

// Somebody deletes the service account: no token can be made of it, and none is left to be revoked.
func TestExistingAccountDeleted(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtCauseloopExisting()))
	_, object := w.Publish()
	if err := w.Vendor.Causeloop().DeleteServiceAccount(object.Spec.Causeloop.ServiceAccount.ID); err != nil {
		t.Fatal(err)
	}
	w.Remove(w.SecretIn(object.Namespace, object.SecretName()))
	w.Advance(time.Hour)
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonCreateRefused)
	w.Remove(object)
	w.Advance(10 * time.Minute)
	if !w.Gone(object) {
		t.Error("it is not gone")
	}
}

// A process that no longer leads finishes a create, and finds another's token published: it revokes its own, which nobody else can.
func TestExistingZombie(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtCauseloopExisting()))
	w.Watch()
	_, object := w.Ask(hour)
	zombie := w.Park(time.Minute, func(e harness.Effect) bool { return e.Is(harness.Mint, harness.VendorToken) })
	w.Advance(10 * time.Minute)
	w.WantReady(object)
	w.Resume(zombie)
	w.Advance(3 * time.Hour)
	w.WantReady(object)
	w.WantActive(1)
}
