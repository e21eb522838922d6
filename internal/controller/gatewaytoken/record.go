package gatewaytoken

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/wake"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
)

const (
	// soon is for a second look right after an effect that no event tells of.
	soon = time.Millisecond
	// catchUp is how long a cache is given to show what this process has written.
	catchUp = time.Second
	// patience is for states that end by something the operator does not watch, such as somebody else's Secret.
	patience = time.Minute
)

// record writes the status if anything in it changed, and says when to look again.
func (r *Reconciler) record(ctx context.Context, s *scene, planned lifecycle.Planned, came outcome) (ctrl.Result, error) {
	if came.released {
		return ctrl.Result{}, nil
	}
	if passing(s, planned.Decision, came) {
		return ctrl.Result{RequeueAfter: r.pause(s, planned.Decision, came)}, nil
	}
	next := status.Of(status.Scene{Object: s.object, Observed: s.observation, Planned: planned, Outcome: came.Outcome})
	next.Ledger = r.ledgerToKeep(s, next.Ledger, came)
	s.memory.failure = next.Failure
	if came.Problem != nil {
		s.memory.failedWith = s.account.Vendor
	}
	changed := !equality.Semantic.DeepEqual(s.stored, next)
	if changed {
		before := s.object.DeepCopy()
		before.Status = s.stored
		s.object.Status = next
		patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
		if err := r.Client.Status().Patch(ctx, s.object, patch, client.FieldOwner(v1alpha1.OperatorName)); err != nil {
			return wake.AfterError(fmt.Errorf("patch status: %w", err))
		}
		r.memories.noteStatus(s.object)
		s.memory.attempt = r.ownAttempt(s.object, next.Attempt)
		r.warnIfNew(s)
	}
	pause := r.pause(s, planned.Decision, came)
	if !changed && r.memories.readOutdated(s.object) && (pause == 0 || pause > catchUp) {
		// What the status says is not what was read, and no event tells of what this process wrote itself.
		pause = catchUp
	}
	return ctrl.Result{RequeueAfter: pause}, nil
}

// passing tells of a state that is over before anybody could read of it: after the finalizer was set, and between the steps of a
// deletion that nothing holds up.
func passing(s *scene, decision lifecycle.Decision, came outcome) bool {
	if came.Problem != nil {
		return false
	}
	deleting := s.observation.Object.Deleting
	switch d := decision.(type) {
	case lifecycle.Protect:
		return true
	case lifecycle.Relist:
		return deleting && !d.After.After(s.observation.Now)
	case lifecycle.Revoke, lifecycle.DeleteSecret, lifecycle.Retain:
		return deleting
	case lifecycle.Rest, lifecycle.Wait, lifecycle.Stall, lifecycle.Issue, lifecycle.Change, lifecycle.Roll, lifecycle.Confirm, lifecycle.Report, lifecycle.Publish, lifecycle.Restart, lifecycle.Release:
		return false
	default:
		return false
	}
}

// warnIfNew writes an event when something has just begun to be wrong.
func (r *Reconciler) warnIfNew(s *scene) {
	after := meta.FindStatusCondition(s.object.Status.Conditions, v1alpha1.ConditionReady)
	before := meta.FindStatusCondition(s.stored.Conditions, v1alpha1.ConditionReady)
	quiet := after == nil || after.Status == metav1.ConditionTrue || (before != nil && before.Reason == after.Reason)
	if quiet || after.Reason == v1alpha1.ReasonIssuing || after.Reason == v1alpha1.ReasonProgressing || after.Reason == v1alpha1.ReasonIssuerNotReady {
		return
	}
	r.warn(s.object, after.Reason, after.Message)
}

// pause is how long until the object is to be looked at again; zero for when something changes.
func (r *Reconciler) pause(s *scene, decision lifecycle.Decision, came outcome) time.Duration {
	now := r.Clock.Now()
	if came.again {
		return soon
	}
	if came.after > 0 {
		return came.after
	}
	if came.Problem != nil {
		return max(s.memory.failure.NextAttemptTime.Sub(now), soon)
	}
	switch d := decision.(type) {
	case lifecycle.Rest:
		return until(d.Next, now)
	case lifecycle.Wait:
		return until(d.Until, now)
	case lifecycle.Stall:
		return patience
	case lifecycle.Relist, lifecycle.Protect, lifecycle.Issue, lifecycle.Change, lifecycle.Roll, lifecycle.Confirm, lifecycle.Report, lifecycle.Publish, lifecycle.Restart, lifecycle.Revoke,
		lifecycle.DeleteSecret, lifecycle.Retain, lifecycle.Release:
		return 0
	default:
		return 0
	}
}

func until(at, now time.Time) time.Duration {
	if at.IsZero() {
		return 0
	}
	return max(at.Sub(now), soon)
}
