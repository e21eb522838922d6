package controller_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// The answer to a create is lost: the next list shows what came of it, and that very token is used.
func TestLostAnswerOfCreate(t *testing.T) {
	tests := map[string]struct {
		reason string
		kind   stage.Kind
		// asked is how often the vendor is asked for a token, made how many it makes.
		asked, made int
		options     []harness.Option
	}{
		"cut after the commit":       {reason: "the token exists", kind: stage.CutAfterCommit, asked: 1, made: 1},
		"5xx after the commit":       {reason: "a gateway gave up, the vendor did not", kind: stage.StatusAfterCommit, asked: 1, made: 1},
		"half an answer":             {reason: "the token exists", kind: stage.TruncatedBody, asked: 1, made: 1},
		"malformed answer":           {reason: "the token exists", kind: stage.MalformedJSON, asked: 1, made: 1},
		"huge answer":                {reason: "the token exists", kind: stage.HugeBody, asked: 1, made: 1},
		"answer of another type":     {reason: "the token exists", kind: stage.WrongContentType, asked: 1, made: 1},
		"answer without a value":     {reason: "the list has the value", kind: stage.EmptyValue, asked: 1, made: 1},
		"web page in its place":      {reason: "the token does not exist, but who knows", kind: stage.HTML, asked: 2, made: 1},
		"cut before the commit":      {reason: "the token does not exist, and the same name is asked for again", kind: stage.CutBeforeCommit, asked: 2, made: 1},
		"5xx before the commit":      {reason: "the token does not exist, but who knows", kind: stage.Status, asked: 2, made: 1},
		"redirected":                 {reason: "nothing was done", kind: stage.Redirect, asked: 2, made: 1},
		"login forgotten":            {reason: "a new login and the same call once more", kind: stage.Unauthorized, asked: 2, made: 1},
		"hangs, past the time-out":   {reason: "the token exists", kind: stage.HangAfterCommit, asked: 1, made: 1, options: []harness.Option{harness.WithTimeout(2 * time.Second)}},
		"a date off by hours, is ok": {reason: "the vendor's clock decides nothing", kind: stage.ClockSkew, asked: 1, made: 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorldOf(t, tc.kind == stage.CutAfterCommit, tc.options...)
			w.Watch()
			w.Fault(causely.RouteCreate, tc.kind, func(f *simulator.Fault) {
				if tc.kind == stage.ClockSkew {
					f.Delay = 3 * time.Hour
				}
			})
			_, object := w.Ask()
			w.Advance(15 * time.Minute)
			w.WantReady(object)
			w.WantCreates(tc.made)
			w.WantActive(1)
			if got := w.Calls(causely.RouteCreate); got != tc.asked {
				t.Errorf("the vendor was asked %d times, want %d", got, tc.asked)
			}
			w.Refresh(object)
			if object.Status.Current.Sequence != 1 || object.Status.Attempt != nil || object.Status.Failure != nil {
				t.Errorf("status: %+v", object.Status)
			}
			w.CheckRest()
		})
	}
}

// While nobody knows, the status says so, with the name that was asked for.
func TestAttemptInStatus(t *testing.T) {
	w := newWorld(t)
	w.Fault(causely.RouteCreate, stage.CutAfterCommit)
	w.Fault(causely.RouteList, stage.Status, harness.Always, func(f *simulator.Fault) { f.After = 1 })
	_, object := w.Ask()
	w.Settle()
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonCreateAmbiguous)
	w.Want(object, v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonCreateAmbiguous)
	if attempt := object.Status.Attempt; attempt == nil || attempt.Name != w.Tokens()[0].Name || attempt.Sequence != 1 {
		t.Errorf("attempt: %+v, want %s", object.Status.Attempt, w.Tokens()[0].Name)
	}
	w.Advance(20 * time.Minute)
	if got := w.Calls(causely.RouteCreate); got != 1 {
		t.Errorf("asked %d times while no list tells", got)
	}
	w.Heal()
	w.Advance(20 * time.Minute)
	w.WantReady(object)
	w.WantCreates(1)
	w.CheckRest()
}

// The vendor commits late what it seemed to have lost: one stray, condemned by the ledger first and then revoked.
func TestLateCommit(t *testing.T) {
	w := newWorld(t)
	w.Watch()
	w.Fault(causely.RouteCreate, stage.LateCommit, func(f *simulator.Fault) { f.Delay = 24 * time.Hour })
	_, object := w.Ask()
	w.Advance(5 * time.Second)
	w.WantReady(object)
	w.WantCreates(1)
	published := object.Status.Current.ID
	if got := w.Vendor.Faults().CommitLate(); got != 1 {
		t.Fatalf("%d late commits, want 1", got)
	}
	w.WantActive(2)
	var condemnedFirst bool
	w.Interfere(harness.Interference{Before: func(effect harness.Effect) error {
		if effect.Is(harness.Revoke, harness.VendorToken) {
			record, _ := ledgerOf(w, object)
			condemnedFirst = len(record.Condemned) == 1 && string(record.Condemned[0].ID) == effect.Name
		}
		return nil
	}})
	w.Advance(10 * time.Minute)
	if !condemnedFirst {
		t.Error("the stray was revoked without having been condemned in the Secret")
	}
	w.WantReady(object)
	w.WantCreates(2)
	w.WantActive(1)
	if active := w.Active()[0].ID; active != published {
		t.Errorf("%s is active, want %s that is published", active, published)
	}
	w.Advance(10 * time.Minute)
	w.WantNo(object, v1alpha1.ConditionRevocationPending)
	w.CheckRest()
}

// A stray of a process that is no more may have been published by it: it retires like a replaced token.
func TestLateCommitAfterRestart(t *testing.T) {
	w := newWorld(t)
	w.Watch()
	w.Fault(causely.RouteCreate, stage.LateCommit, func(f *simulator.Fault) { f.Delay = 24 * time.Hour })
	_, object := w.Ask(harness.Overlapping(time.Hour))
	w.Advance(5 * time.Second)
	w.WantReady(object)
	w.Restart()
	w.Vendor.Faults().CommitLate()
	w.Advance(10 * time.Minute)
	w.WantActive(2)
	w.Want(object, v1alpha1.ConditionRevocationPending, metav1.ConditionTrue, v1alpha1.ReasonRetiring)
	if len(object.Status.Retiring) != 1 {
		t.Errorf("retiring: %+v, want the stray", object.Status.Retiring)
	}
	w.Advance(40 * time.Minute)
	w.WantActive(2)
	w.Advance(30 * time.Minute)
	w.WantActive(1)
	w.WantReady(object)
	w.WantCreates(2)
	w.Advance(5 * time.Minute)
	w.WantNo(object, v1alpha1.ConditionRevocationPending)
	w.CheckRest()
}

// Deleted right after an answer was lost, an object waits until nothing can come any more: what the vendor commits
// within that time is revoked.
func TestLateCommitDuringDeletion(t *testing.T) {
	w := newWorld(t)
	w.Fault(causely.RouteCreate, stage.LateCommit, func(f *simulator.Fault) { f.Delay = 24 * time.Hour })
	_, object := w.Ask()
	w.Settle()
	w.Remove(object)
	w.Advance(20 * time.Second)
	if w.Gone(object) {
		t.Fatal("released before the vendor can have answered")
	}
	w.Vendor.Faults().CommitLate()
	w.WantActive(1)
	w.Advance(time.Minute)
	if !w.Gone(object) {
		t.Error("it is not released")
	}
	w.WantActive(0)
	w.WantCreates(1)
	w.CheckRest()
}

// Later than that, the process that released the object still revokes it.
func TestLateCommitAfterRelease(t *testing.T) {
	w := newWorld(t)
	w.Fault(causely.RouteCreate, stage.LateCommit, func(f *simulator.Fault) { f.Delay = 24 * time.Hour })
	issuer, object := w.Ask()
	w.Settle()
	w.Remove(object)
	w.Advance(2 * time.Minute)
	if !w.Gone(object) {
		t.Fatal("it is not released")
	}
	w.Vendor.Faults().CommitLate()
	w.WantActive(1)
	w.Advance(10 * time.Minute)
	w.WantActive(0)
	w.Advance(10 * time.Minute)
	w.Refresh(issuer)
	if inventory := issuer.Status.Inventory; inventory == nil || inventory.Orphaned != 0 || inventory.Active != 0 {
		t.Errorf("inventory: %+v", inventory)
	}
	w.CheckRest()
}

// The list lags behind the create whose answer was lost: a second create comes of it, and the sweep finds the first.
func TestEventualList(t *testing.T) {
	w := newWorld(t)
	w.Watch()
	w.Fault(causely.RouteCreate, stage.CutAfterCommit)
	w.Fault(causely.RouteList, stage.EventualList, harness.Always, func(f *simulator.Fault) { f.Delay = 8 * time.Second })
	_, object := w.Ask()
	w.Advance(30 * time.Minute)
	w.WantReady(object)
	w.WantCreates(2)
	w.WantActive(1)
	w.CheckRest()
}

// An answer that was lost once more than another time costs no more than the answers lost.
func TestManyLostAnswers(t *testing.T) {
	w := newWorld(t)
	w.Watch()
	w.Fault(causely.RouteCreate, stage.CutBeforeCommit, func(f *simulator.Fault) { f.Times = 5 })
	_, object := w.Ask()
	w.Advance(10 * time.Second)
	if got := w.Calls(causely.RouteCreate); got > 4 {
		t.Errorf("%d creates within ten seconds", got)
	}
	w.Advance(30 * time.Minute)
	w.WantReady(object)
	w.WantCreates(1)
	if object.Status.Current.Sequence != 1 {
		t.Errorf("sequence %d, want the same name again and again", object.Status.Current.Sequence)
	}
	w.CheckRest()
}

// The answer to a revocation is lost: the list says that it was done.
func TestLostAnswerOfRevocation(t *testing.T) {
	for _, kind := range []stage.Kind{stage.CutAfterCommit, stage.StatusAfterCommit, stage.CutBeforeCommit, stage.Status, stage.HTML, stage.TruncatedBody, stage.Redirect} {
		for _, second := range []string{causely.SecondRevokeSame, causely.SecondRevokeConflict, causely.SecondRevokeNotFound} {
			t.Run(string(kind)+" "+second, func(t *testing.T) {
				w := newWorldOf(t, second == causely.SecondRevokeSame)
				_, object := w.Publish()
				switches := w.Vendor.Causely().Switches()
				switches.SecondRevoke = second
				if err := w.Vendor.Causely().SetSwitches(switches); err != nil {
					t.Fatal(err)
				}
				w.Fault(causely.RouteRevoke, kind)
				w.Remove(object)
				w.Advance(12 * time.Minute)
				if !w.Gone(object) || w.Secret("mediator") != nil {
					t.Error("it is not gone")
				}
				w.WantActive(0)
				w.WantCreates(1)
				if got := w.Calls(causely.RouteRevoke); got > 2 {
					t.Errorf("%d revocations", got)
				}
				w.CheckRest()
			})
		}
	}
}

// The vendor's limit is kept, and is no failure of the token.
func TestRateLimited(t *testing.T) {
	w := newWorld(t)
	w.Fault(causely.RouteCreate, stage.Status, func(f *simulator.Fault) { f.Status, f.RetryAfter = 429, "90" })
	_, object := w.Ask()
	w.Advance(80 * time.Second)
	w.WantCreates(0)
	if got := w.Calls(causely.RouteCreate); got != 1 {
		t.Errorf("%d creates within the time that the vendor asked for", got)
	}
	w.Advance(10 * time.Minute)
	w.WantReady(object)
	w.WantCreates(1)
	w.CheckRest()
}

// A refusal is no doubt: it is said, and tried again rarely or after a change.
func TestCreateRefused(t *testing.T) {
	tests := map[string]struct {
		status int
		reason string
	}{
		"403": {403, v1alpha1.ReasonCreateRefused},
		"400": {400, v1alpha1.ReasonCreateRefused},
		"409": {409, v1alpha1.ReasonCreateRefused},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Fault(causely.RouteCreate, stage.Status, harness.Always, func(f *simulator.Fault) { f.Status = tc.status })
			_, object := w.Ask()
			w.Advance(time.Hour)
			w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, tc.reason)
			if got := w.Calls(causely.RouteCreate); got > 7 {
				t.Errorf("%d creates within an hour", got)
			}
			if object.Status.Attempt != nil {
				t.Errorf("attempt: %+v, want none: nothing can have been made", object.Status.Attempt)
			}
			w.Heal()
			harness.Change(w, object, func(o *v1alpha1.GatewayToken) { o.Spec.TokenName = "another" })
			w.Advance(time.Minute)
			w.WantReady(object)
			w.WantCreates(1)
			w.CheckRest()
		})
	}
}

// A vendor that stores another name gives tokens that could never be found again: the one goes at once, and no other follows.
func TestNameAltered(t *testing.T) {
	w := newWorld(t)
	w.Fault(causely.RouteCreate, stage.AlteredName, harness.Always)
	issuer, object := w.Ask()
	w.Advance(time.Hour)
	w.WantActive(0)
	if got := w.Calls(causely.RouteCreate); got != 1 {
		t.Errorf("%d creates, want one", got)
	}
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNameAltered)
	w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNameAltered)
	w.CheckRest()
}

// Credentials that may not see values: nothing is minted again and again for it.
func TestValueUnreadable(t *testing.T) {
	w := newWorld(t)
	w.Fault(causely.RouteCreate, stage.EmptyValue, harness.Always)
	w.Fault(causely.RouteList, stage.EmptyValue, harness.Always)
	_, object := w.Ask()
	w.Advance(3 * time.Hour)
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonValueUnreadable)
	w.WantCreates(1)
	if w.Secret("mediator") != nil {
		t.Error("a Secret without a value was written")
	}
	w.Heal()
	w.Advance(7 * time.Hour)
	w.WantReady(object)
	w.WantCreates(1)
	w.CheckRest()
}

// A revocation by somebody else is followed by exactly one new token, or reported, as asked for.
func TestRevokedBySomebodyElse(t *testing.T) {
	t.Run("Reissue", func(t *testing.T) {
		w := newWorld(t)
		w.Watch()
		_, object := w.Publish()
		w.RevokeByHand(object.Status.Current.ID)
		w.Advance(6 * time.Minute)
		w.WantReady(object)
		w.WantCreates(2)
		w.WantActive(1)
		if object.Status.Current.Sequence != 2 {
			t.Errorf("sequence %d, want 2", object.Status.Current.Sequence)
		}
		w.Advance(time.Hour)
		w.WantCreates(2)
		w.WantNo(object, v1alpha1.ConditionRevocationPending)
		w.CheckRest()
	})
	t.Run("Report", func(t *testing.T) {
		w := newWorld(t)
		_, object := w.Publish(harness.Reporting)
		w.RevokeByHand(object.Status.Current.ID)
		w.Advance(time.Hour)
		w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRevokedAtVendor)
		w.Want(object, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonRevokedAtVendor)
		w.WantCreates(1)
		harness.Change(w, object, func(o *v1alpha1.GatewayToken) { o.Spec.OnRemoteRevocation = v1alpha1.RemoteRevocationReissue })
		w.Settle()
		w.WantReady(object)
		w.WantNo(object, v1alpha1.ConditionStalled)
		w.WantCreates(2)
		w.CheckRest()
	})
	t.Run("Report, and the Secret deleted", func(t *testing.T) {
		w := newWorld(t)
		_, object := w.Publish(harness.Reporting)
		w.RevokeByHand(object.Status.Current.ID)
		w.Advance(10 * time.Minute)
		w.Remove(w.Secret("mediator"))
		w.Settle()
		w.WantReady(object)
		w.WantCreates(2)
		w.CheckRest()
	})
	t.Run("while the operator is away", func(t *testing.T) {
		w := newWorld(t)
		_, object := w.Publish()
		w.RevokeByHand(object.Status.Current.ID)
		w.Restart()
		w.Settle()
		w.WantReady(object)
		w.WantCreates(2)
		w.CheckRest()
	})
	t.Run("and the Secret deleted", func(t *testing.T) {
		w := newWorld(t)
		_, object := w.Publish()
		w.RevokeByHand(object.Status.Current.ID)
		w.Remove(w.Secret("mediator"))
		w.Advance(10 * time.Minute)
		w.WantReady(object)
		w.WantCreates(2)
		w.CheckRest()
	})
}

// Whoever revokes one token after the other meets the budget, which a restart does not fill again.
func TestMintBudget(t *testing.T) {
	w := newWorld(t, harness.WithSettings(func(s *lifecycle.Settings) { s.MintsPerHour, s.MintsPerDay = 2, 3 }))
	_, object := w.Publish()
	for range 3 {
		w.RevokeByHand(w.Active()[0].ID)
		w.Restart()
		w.Advance(6 * time.Minute)
	}
	w.WantCreates(3)
	w.WantActive(0)
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonMintBudgetSpent)
	w.Advance(10 * time.Minute)
	w.WantCreates(3)
	w.Advance(50 * time.Minute)
	w.WantCreates(4)
	w.WantReady(object)
	w.RevokeByHand(w.Active()[0].ID)
	w.Advance(12 * time.Hour)
	w.WantCreates(4)
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonMintBudgetSpent)
	w.Advance(13 * time.Hour)
	w.WantCreates(5)
	w.WantReady(object)
	w.CheckRest()
}

// Other people's tokens are counted and never touched, whatever they are called.
func TestOtherPeoplesTokens(t *testing.T) {
	w := newWorld(t)
	vendor := w.Vendor.Causely()
	names := []string{
		"by hand", "production",
		"x-gwt-aaaaaaaa-bbbbbbbbbbbbbbbb-cccccc-1", // another installation's
	}
	for _, name := range names {
		if _, err := vendor.Create(causely.DemoClientID, name); err != nil {
			t.Fatal(err)
		}
	}
	issuer, object := w.Publish()
	w.Advance(10 * time.Minute)
	w.Refresh(issuer)
	if got, want := *issuer.Status.Inventory, (v1alpha1.Inventory{Active: 4, Owned: 1, Unmanaged: 3}); got != want {
		t.Errorf("inventory: %+v, want %+v", got, want)
	}
	w.Remove(object)
	w.Advance(2 * time.Minute)
	w.WantActive(3)
	w.CheckRest()
}

// A token with our own marker that somebody made by hand for an object that never was: an orphan, counted and left alone.
func TestOrphan(t *testing.T) {
	w := newWorld(t)
	issuer, object := w.Publish()
	orphan := w.Identity.Marker(w.Tenant, "never", "uid").WithSequence(1).Name("x", 100)
	if _, err := w.Vendor.Causely().Create(causely.DemoClientID, orphan); err != nil {
		t.Fatal(err)
	}
	w.Advance(time.Hour)
	w.Refresh(issuer)
	if got, want := *issuer.Status.Inventory, (v1alpha1.Inventory{Active: 2, Owned: 1, Orphaned: 1}); got != want {
		t.Errorf("inventory: %+v, want %+v", got, want)
	}
	w.WantActive(2)
	w.WantReady(object)
}
