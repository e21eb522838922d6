package gatewaytoken

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// attemptPurpose is what signatures of attempts are for.
const attemptPurpose = "attempt"

// owner is what ledgers and attempts of an object are signed for.
func (r *Reconciler) owner(object *v1alpha1.GatewayToken) ledger.Owner {
	return ledger.Owner{ClusterID: r.Identity.ClusterID, Namespace: object.Namespace, GatewayToken: object.Name, Secret: object.SecretName()}
}

// observeNameless reads from the status what a vendor without names makes necessary: the attempt, and the copy of the ledger.
func (r *Reconciler) observeNameless(s *scene, into *lifecycle.Object) {
	if s.account.Vendor == nil || s.account.Vendor.Capabilities().Named {
		return
	}
	if written := s.object.Status.Attempt; written != nil && written.Pool != "" {
		into.Attempt = &lifecycle.Attempt{
			Sequence: int(written.Sequence), Name: written.Name, Before: idsOf(written.IDsBefore), Earlier: idsOf(written.Earlier),
			Further: written.Further, Reported: written.Reported,
			StartedAt: timeOf(written.StartedAt), VendorTime: timeOf(written.VendorTime),
			Proved: written.Pool == s.demand.Pool && r.wroteAttempt(s.object, written),
		}
	}
	if record, trust := r.Sealer.Open(r.owner(s.object), s.object.Status.Ledger); trust == ledger.Proof && record.OfIssuer(s.object.IssuerRef().String()) {
		into.Record = &record
	}
}

// wroteAttempt tells whether this installation wrote an attempt of the object.
func (r *Reconciler) wroteAttempt(object *v1alpha1.GatewayToken, written *v1alpha1.IssueAttempt) bool {
	return r.Sealer.Signed(attemptPurpose, r.owner(object), signable(object.UID, written), written.MAC)
}

// ownAttempt is an attempt that this installation wrote; nil for any other.
func (r *Reconciler) ownAttempt(object *v1alpha1.GatewayToken, written *v1alpha1.IssueAttempt) *v1alpha1.IssueAttempt {
	if written == nil || !r.wroteAttempt(object, written) {
		return nil
	}
	return written.DeepCopy()
}

// unnamedPlace is where the object's tokens are, where no list tells whose they are.
func (s *scene) unnamedPlace() accounts.Place {
	if s.account.Vendor == nil || s.account.Vendor.Capabilities().Named {
		return accounts.Place{}
	}
	return accounts.Place{Issuer: s.key, Pool: s.demand.Pool}
}

// ledgerToKeep is the copy of the ledger in the status, where tokens have no names: with the Secret alone it would be lost whose they
// are. It says since when tokens retire, which else the Secret's own times tell.
func (r *Reconciler) ledgerToKeep(s *scene, kept string, came outcome) string {
	if s.account.Vendor == nil || s.account.Vendor.Capabilities().Named {
		return kept
	}
	if came.sealed != "" {
		return came.sealed
	}
	seen := s.observation.Secret
	if seen.Presence != lifecycle.Owned || seen.Trust != ledger.Proof {
		return kept
	}
	if copied := s.observation.Object.Record; copied != nil && copied.LastSequence() > seen.Ledger.LastSequence() {
		// An older Secret was put back: what was made since is known by the copy alone, until the Secret lists it.
		return kept
	}
	if record, changed := seen.Ledger.Dated(seen.WrittenAt); changed {
		if sealed, err := r.Sealer.Seal(r.owner(s.object), record); err == nil {
			return sealed
		}
	}
	return s.secret.Annotations[v1alpha1.AnnotationLedger]
}

// signable is what is signed of an attempt: all of it, in one spelling.
func signable(uid types.UID, written *v1alpha1.IssueAttempt) string {
	parts := []string{
		string(uid), written.Pool, strconv.FormatInt(written.Sequence, 10), timeOf(written.StartedAt).UTC().Format(time.RFC3339),
		timeOf(written.VendorTime).UTC().Format(time.RFC3339), strings.Join(written.IDsBefore, ","), strings.Join(written.Earlier, ","), strconv.FormatBool(written.Further),
	}
	if written.Name != "" {
		parts = append(parts, written.Name, strconv.FormatBool(written.Reported))
	}
	return strings.Join(parts, "\n")
}

func timeOf(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

func idsOf(texts []string) []token.ID {
	ids := make([]token.ID, 0, len(texts))
	for _, text := range texts {
		ids = append(ids, token.ID(text))
	}
	return ids
}

func textsOf(ids []token.ID) []string {
	var texts []string
	for _, id := range ids {
		texts = append(texts, string(id))
	}
	return texts
}

// writeAttempt writes down what is about to be asked of the vendor, provided that the object is still the one that was read. Without
// it nothing is asked.
func (r *Reconciler) writeAttempt(ctx context.Context, s *scene, planned *lifecycle.Attempt) error {
	started, vendorTime := metav1.NewTime(planned.StartedAt.Truncate(time.Second)), metav1.NewTime(planned.VendorTime.Truncate(time.Second))
	written := &v1alpha1.IssueAttempt{
		Sequence: int64(planned.Sequence), Name: planned.Name, Pool: s.demand.Pool, StartedAt: &started,
		IDsBefore: textsOf(planned.Before), Earlier: textsOf(planned.Earlier), Further: planned.Further, Reported: planned.Reported,
	}
	if !planned.VendorTime.IsZero() {
		written.VendorTime = &vendorTime
	}
	written.MAC = r.Sealer.Sign(attemptPurpose, r.owner(s.object), signable(s.object.UID, written))
	before := s.object.DeepCopy()
	before.Status = s.stored
	s.object.Status = *s.stored.DeepCopy()
	s.object.Status.Attempt = written
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Status().Patch(ctx, s.object, patch, client.FieldOwner(v1alpha1.OperatorName)); err != nil {
		return fmt.Errorf("write the attempt: %w", err)
	}
	r.memories.noteStatus(s.object)
	s.memory.attempt = written.DeepCopy()
	s.stored = *s.object.Status.DeepCopy()
	r.recall(s)
	s.observation.Object.Attempt = planned
	return nil
}

// prepare does what must be done before a token without a name is asked for; an outcome where it is not the time.
func (r *Reconciler) prepare(ctx context.Context, s *scene, d lifecycle.Issue) (*outcome, error) {
	if d.Attempt == nil {
		return nil, nil //nolint:nilnil // nothing to prepare
	}
	s.attemptBefore = s.object.Status.Attempt
	if !s.account.Vendor.Capabilities().Listable {
		// Nothing tells what was there before: nobody has to wait for anybody.
		return nil, r.writeAttempt(ctx, s, d.Attempt)
	}
	now := r.Clock.Now()
	if !r.Book.TryHold(s.scope, s.object.UID, now, now.Add(lifecycle.AttemptWindow(r.Settings.Settle))) {
		return &outcome{after: time.Second}, nil
	}
	if err := r.writeAttempt(ctx, s, d.Attempt); err != nil {
		return nil, err
	}
	if d.Attempt.Outlived(r.Clock.Now()) {
		// The machine slept, or the write took that long. There is another attempt.
		r.Book.Unhold(s.scope, s.object.UID)
		return &outcome{after: time.Second}, nil
	}
	return nil, nil //nolint:nilnil // it is the time
}

// heldUntil tells until when a create for another object may be under way at the place of this one.
func (r *Reconciler) heldUntil(ctx context.Context, s *scene) (time.Time, error) {
	held := r.Book.HeldUntil(s.scope, s.object.UID)
	held, err := r.heldByVacating(ctx, s, held)
	if err != nil {
		return held, err
	}
	others, err := accounts.Attempting(ctx, r.Client, s.key, s.demand.Pool)
	if err != nil {
		return held, err
	}
	for i := range others {
		if others[i].UID == s.object.UID {
			continue
		}
		if until := others[i].Status.Attempt.StartedAt.Add(lifecycle.AttemptWindow(r.Settings.Settle)); until.After(held) {
			held = until
		}
	}
	return held, nil
}
