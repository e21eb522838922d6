package gatewaytoken

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/sabotage"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/inventory"
)

// act carries out a decision: at most one effect, but for a mint, which is followed by its publication.
func (r *Reconciler) act(ctx context.Context, s *scene, decision lifecycle.Decision) (outcome, error) {
	if lifecycle.IsEffect(decision) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), EffectTimeout)
		defer cancel()
	}
	switch d := decision.(type) {
	case lifecycle.Rest, lifecycle.Wait, lifecycle.Stall:
		return outcome{}, nil
	case lifecycle.Relist:
		return outcome{again: r.relist(s, d) == inventory.Fresh}, nil
	case lifecycle.Protect:
		return outcome{}, r.patchFinalizer(ctx, s.object, controllerutil.AddFinalizer)
	case lifecycle.Issue:
		return r.issue(ctx, s, d)
	case lifecycle.Change:
		return r.change(ctx, s, d)
	case lifecycle.Roll:
		return r.roll(ctx, s, d)
	case lifecycle.Confirm:
		return r.confirm(ctx, s, d)
	case lifecycle.Report:
		return r.report(ctx, s, d)
	case lifecycle.Publish:
		return r.publish(ctx, s, d)
	case lifecycle.Restart:
		return r.restart(ctx, s, d)
	case lifecycle.Retain:
		return r.retain(ctx, s, d)
	case lifecycle.Revoke:
		return r.revoke(ctx, s, d)
	case lifecycle.DeleteSecret:
		err := r.deleteSecret(ctx, s)
		if err == nil {
			r.tellLeft(s, lifecycle.Lent(s.observation).ID)
		}
		return outcome{again: true}, err
	case lifecycle.Release:
		return r.release(ctx, s, d)
	default:
		return outcome{}, fmt.Errorf("no way to carry out %T", decision)
	}
}

// relist asks the issuer for a list, and to be told when it is there. One may have come since the object was looked at.
func (r *Reconciler) relist(s *scene, d lifecycle.Relist) inventory.Answer {
	r.Book.AddWaiting(s.key, client.ObjectKeyFromObject(s.object))
	answer := r.Inventory.Want(s.scope, d.After)
	if answer == inventory.Sooner {
		r.Issuers[s.key.Kind].Add(s.key.Request())
	}
	return answer
}

// issue mints a token and publishes it. Whatever happens in between, the value is in memory and the name at the vendor.
func (r *Reconciler) issue(ctx context.Context, s *scene, d lifecycle.Issue) (outcome, error) {
	probe, err := s.target.Probe()
	if err != nil {
		return outcome{}, fmt.Errorf("rehearse the publication: %w", err)
	}
	// A Secret that cannot be written must not cost a token.
	if err := r.write(ctx, s, probe, client.DryRunAll); err != nil {
		return unwritten(ctx, err), nil
	}
	if _, refused := r.judgeRights(ctx, s, d.Role, d.Rights); refused != nil {
		return *refused, nil
	}
	if early, err := r.prepare(ctx, s, d); early != nil || err != nil {
		return *cmp.Or(early, &outcome{}), err
	}
	started := metav1.NewTime(r.Clock.Now())
	log.FromContext(ctx).Info("asking the vendor for a token", "tokenName", d.Name, "why", d.Why)
	if d.Overrides {
		r.warn(s.object, "WindowOverridden", "The token is replaced outside its maintenance window: it ends before the window would do. Make the window open more often, or renewBefore longer.")
	}
	r.Inventory.Asking(d.Name)
	issued, err := s.account.Vendor.Create(ctx, vendors.Request{Name: d.Name, Role: d.Role, Rights: d.Rights, ExpiresAt: d.ExpiresAt})
	if sabotage.RepeatCreates && err != nil {
		issued, err = s.account.Vendor.Create(ctx, vendors.Request{Name: d.Name, Role: d.Role, Rights: d.Rights, ExpiresAt: d.ExpiresAt})
	}
	f := token.AsFailure(err)
	r.noteAnswer(d.Name, issued.ID, f)
	r.noteCreate(s, d, f)
	r.useTurn(s)
	if f != nil {
		return r.createFailed(ctx, s, d, started, f), nil
	}
	r.Metrics.Issued(s.key.Kind, s.key.Namespace, s.key.Name)
	pinned := s.account.ID
	if pinned == "" {
		// The first token of an account tells which it is: the issuer is pinned to it, before credentials can be switched.
		pinned = r.Book.Pin(s.key, issued.Account)
		r.wantList(s)
	}
	if pinned != "" && issued.Account != "" && issued.Account != pinned {
		return r.wrongAccount(ctx, s, issued.ID, attempt(d, started, issued.ID)), nil
	}
	s.memory.hand = &hand{
		InHand: lifecycle.InHand{Token: issued.Token, Replaces: d.Replaces, Sequence: d.Sequence, Ended: d.Ended, Inputs: d.Inputs, ExpiresAfter: d.ExpiresAfter, Planned: d.Planned, Request: d.Request, Cut: d.Cut},
		value:  issued.Value,
	}
	s.observation.Memory.InHand = &s.memory.hand.InHand
	publish, ok := lifecycle.Plan(s.observation).Decision.(lifecycle.Publish)
	if !ok {
		return outcome{again: true}, nil
	}
	came, err := r.publish(ctx, s, publish)
	r.giveUp(ctx, s)
	return came, err
}

// noteAnswer has the inventory know what the vendor made of what it was asked for. Of a lost answer nobody knows.
func (r *Reconciler) noteAnswer(name string, made token.ID, f *token.Failure) {
	switch {
	case f == nil:
		r.Inventory.Answered(name, made)
	case f.Stray != "" || f.Class != token.Ambiguous:
		r.Inventory.Answered(name, f.Stray)
	}
}

// noteCreate remembers that the vendor was asked for a token, and may have made one.
func (r *Reconciler) noteCreate(s *scene, d lifecycle.Issue, f *token.Failure) {
	now := r.Clock.Now()
	if d.Attempt != nil {
		r.Book.NoteCreate(s.scope, now)
	}
	if !d.Planned && (f == nil || f.Class == token.Ambiguous) {
		s.memory.noteCreate(now)
	}
	if f == nil || f.Class == token.Ambiguous || f.Class == token.Conflict || f.Stray != "" {
		s.memory.lastCreateEnded, s.observation.Memory.LastCreateEnded = now, now
	}
}

// giveUp revokes at once what could not be published and never will be, where this process alone knows whose it is: it may be one
// that leads no more, and have no other look.
func (r *Reconciler) giveUp(ctx context.Context, s *scene) {
	hand := s.memory.hand
	if hand == nil || s.account.Vendor.Capabilities().Named {
		return
	}
	now, err := r.observe(ctx, client.ObjectKeyFromObject(s.object), r.Live)
	if err != nil {
		return
	}
	lost := now == nil || now.object.UID != s.object.UID
	if !lost {
		_, lost = lifecycle.HandSpent(now.observation)
	}
	if lost {
		s.memory.answered, s.memory.hand = hand.Sequence, nil
		r.undo(ctx, s, hand.Token.ID)
	}
}

// createFailed notes a create that gave no token, and what must be known about it.
func (r *Reconciler) createFailed(ctx context.Context, s *scene, d lifecycle.Issue, started metav1.Time, f *token.Failure) outcome {
	if can := s.account.Vendor.Capabilities(); f.Class == token.Conflict && !can.UniqueNames && can.Listable {
		// No name can be taken: the vendor just refuses.
		refused := *f
		refused.Class = token.Invalid
		f = &refused
	}
	log.FromContext(ctx).Info("the vendor gave no token", "failure", f.Error(), "class", f.Class.String())
	r.Metrics.CreateFailed(s.key.Kind, s.key.Namespace, s.key.Name, f.Class)
	failed := vendorFailed(f, status.CreateProblem(f))
	switch uncertain := f.Class == token.Ambiguous || f.Stray != ""; {
	case d.Attempt != nil && uncertain:
		// What was written down before stays.
	case d.Attempt != nil:
		r.Book.Unhold(s.scope, s.object.UID)
		// It made nothing. What the one before it may have left is as open as it was.
		failed.Refused, failed.Attempt = true, s.attemptBefore
		s.memory.answered, s.memory.attempt = d.Sequence, r.ownAttempt(s.object, s.attemptBefore)
	case uncertain:
		failed.Attempt = attempt(d, started, f.Stray)
	}
	if f.Cause == token.CauseNameAltered {
		return r.nameAltered(ctx, s, f, failed)
	}
	if f.Class == token.Ambiguous && d.Attempt == nil {
		s.memory.doubted[d.Name] = true
	}
	if f.Class == token.Conflict {
		// Whose it is, a list tells. If none does, the next name is free.
		s.memory.taken[d.Sequence] = true
		if len(s.memory.taken) > status.MostTaken {
			// So many names are not taken by chance.
			failed.Kind = status.Refusal
		}
	}
	r.alarm(s, f)
	return failed
}

// alarm has the issuer look at the vendor again when a call met trouble that concerns all its tokens.
func (r *Reconciler) alarm(s *scene, f *token.Failure) {
	if status.ConcernsIssuer(f) && f.Class != token.RateLimited {
		r.wantList(s)
	}
}

// wantList has the issuer take a list at once.
func (r *Reconciler) wantList(s *scene) {
	r.Inventory.Want(s.scope, r.Clock.Now())
	r.Issuers[s.key.Kind].Add(s.key.Request())
}

// nameAltered: a token whose name is not ours could never be found again, so that it goes at once, and none follows.
func (r *Reconciler) nameAltered(ctx context.Context, s *scene, f *token.Failure, failed outcome) outcome {
	r.Book.NoteAltered(types.UID(s.issuerUID), s.issuerGeneration)
	r.undo(ctx, s, f.Stray)
	r.Issuers[s.key.Kind].Add(s.key.Request())
	return failed
}

// wrongAccount: the credentials were switched between list and create. The token just made goes at once.
func (r *Reconciler) wrongAccount(ctx context.Context, s *scene, made token.ID, attempt *v1alpha1.IssueAttempt) outcome {
	r.undo(ctx, s, made)
	problem := lifecycle.Problem{Reason: lifecycle.ReasonAccountChanged, Message: "The vendor created the token in another account than the issuer's; it was revoked again. Put back credentials of the issuer's account."}
	r.wantList(s)
	return outcome{Outcome: status.Outcome{Problem: &problem, Kind: status.Refusal, Attempt: attempt}}
}

// attempt is what the status tells of a create that may have happened; id is that of a token that certainly exists.
func attempt(d lifecycle.Issue, started metav1.Time, id token.ID) *v1alpha1.IssueAttempt {
	return &v1alpha1.IssueAttempt{Name: d.Name, Sequence: int64(d.Sequence), StartedAt: &started, ID: printable(string(id))}
}

// undo revokes a token that this process has just made and nobody has seen.
func (r *Reconciler) undo(ctx context.Context, s *scene, id token.ID) {
	if id == "" {
		return
	}
	r.Inventory.Ending(id)
	if err := s.account.Vendor.Revoke(ctx, id); err != nil {
		s.memory.undo = append(s.memory.undo, id)
		log.FromContext(ctx).Error(err, "a token that cannot be used could not be revoked: revoke it at the vendor", "id", id)
		r.warn(s.object, v1alpha1.ReasonRevoking, "Token "+printable(string(id))+" cannot be used and could not be revoked yet: it is tried again; if that does not help, revoke it at the vendor.")
	}
}

// revoke ends a token at the vendor. It counts as revoked once the vendor's document says that the answer means it, or a list shows it.
func (r *Reconciler) revoke(ctx context.Context, s *scene, d lifecycle.Revoke) (outcome, error) {
	if d.Cuts && !r.takePlace(s) {
		return outcome{after: time.Second}, nil
	}
	log.FromContext(ctx).Info("revoking a token", "id", d.ID, "tokenName", d.Name, "why", d.Why)
	r.Inventory.Ending(d.ID)
	err := s.account.Vendor.Revoke(ctx, d.ID)
	f := token.AsFailure(err)
	// A conflict may mean that it had ended before, or anything else: a list tells.
	if f != nil && f.Class != token.NotFound {
		if f.Class == token.Conflict {
			s.memory.contested[d.ID] = true
		}
		r.alarm(s, f)
		return vendorFailed(f, status.RevokeProblem(f)), nil
	}
	r.Inventory.Ended(s.scope, d.ID)
	s.memory.undo = slices.DeleteFunc(s.memory.undo, func(id token.ID) bool { return id == d.ID })
	if d.Cuts {
		r.warn(s.object, EventConsumersCut, "Token "+string(d.ID)+" was revoked to make room for its successor: whatever holds its value is cut off until it has the next one.")
	}
	_, again := s.memory.revoked[d.ID]
	s.memory.revoked[d.ID] = r.Clock.Now()
	switch {
	case again:
		// It was revoked before, and a later list still showed it: not at once a third time.
		unheeded := &token.Failure{Operation: "revoke token", Class: token.Ambiguous, Cause: token.CauseUnexpected}
		return vendorFailed(unheeded, status.RevokeProblem(unheeded)), nil
	case f == nil:
		r.Metrics.Revoked(s.key.Kind, s.key.Namespace, s.key.Name)
		r.tell(s.object, "Revoked", "Token "+string(d.ID)+" was revoked: "+d.Why+".")
	case f.Class == token.NotFound:
		s.memory.gone[d.ID] = true
	}
	return outcome{again: true, Outcome: status.Outcome{Done: true}}, nil
}

// vendorFailed is the outcome of a vendor call that failed. A call that was only too early is nobody's fault and no news: the
// issuer tells of it where it lasts.
func vendorFailed(f *token.Failure, problem lifecycle.Problem) outcome {
	if f.Class == token.RateLimited {
		return outcome{after: max(f.RetryAfter, time.Second)}
	}
	return outcome{Outcome: status.Outcome{Problem: &problem, Kind: status.BackOffKindOf(f), AtLeast: f.RetryAfter}}
}

// deleteSecret deletes the very Secret that was looked at.
func (r *Reconciler) deleteSecret(ctx context.Context, s *scene) error {
	preconditions := client.Preconditions{UID: &s.secret.UID, ResourceVersion: &s.secret.ResourceVersion}
	if err := r.Client.Delete(ctx, s.secret, preconditions); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete Secret: %w", err)
	}
	return nil
}

// release lets the object go, and remembers it for a while.
func (r *Reconciler) release(ctx context.Context, s *scene, d lifecycle.Release) (outcome, error) {
	marker, place, scope, uid := s.observation.Object.Marker, s.unnamedPlace(), s.scope, s.object.UID
	s.memory.released = func() {
		if !d.Unrevoked {
			r.Book.Release(marker, d.Kept, place, r.Clock.Now())
		}
		r.Book.Unhold(scope, uid)
	}
	if err := r.patchFinalizer(ctx, s.object, controllerutil.RemoveFinalizer); err != nil {
		return outcome{}, err
	}
	if d.Unrevoked {
		left := leftBehind(s.object)
		r.warn(s.object, EventRevocationSkipped, "Released on a person's word without a revocation. "+left)
		// The event may be refused, where the namespace is in deletion, too.
		log.FromContext(ctx).Info("released without a revocation", "left", left)
	}
	r.useTurn(s)
	r.memories.gone(s.object.UID)
	log.FromContext(ctx).Info("released the GatewayToken", "unrevoked", d.Unrevoked)
	return outcome{released: true}, nil
}

// tellLeft tells of a token of a former cluster that was in use here and is left at the vendor; without an ID there is none.
func (r *Reconciler) tellLeft(s *scene, id token.ID) {
	if id != "" {
		r.warn(s.object, EventFormerTokenLeft, "Token "+printable(string(id))+" was made in another cluster and is left at the vendor. Where that cluster is gone, revoke it there; --former-cluster-ids has the operator revoke others.")
	}
}

// EventRevocationSkipped is the reason of the event that tells of a broken glass.
const EventRevocationSkipped = "RevocationSkipped"

// leftBehind says which tokens may be active at the vendor when nobody knows them any more.
func leftBehind(object *v1alpha1.GatewayToken) string {
	var left []string
	name := func(id, name string) {
		if name != "" {
			id += " (" + name + ")"
		}
		left = append(left, id)
	}
	if current := object.Status.Current; current != nil {
		name(current.ID, current.Name)
	}
	for _, retiring := range object.Status.Retiring {
		name(retiring.ID, retiring.Name)
	}
	if len(left) == 0 {
		return "No token of it is known; one whose create was not answered may be left at the vendor."
	}
	return "Left at the vendor, unless somebody revoked it there: " + strings.Join(left, ", ") + "."
}

// patchFinalizer changes the finalizer, provided that the object is still the one that was read.
func (r *Reconciler) patchFinalizer(ctx context.Context, object *v1alpha1.GatewayToken, change func(client.Object, string) bool) error {
	before := object.DeepCopy()
	change(object, v1alpha1.FinalizerRevoke)
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Patch(ctx, object, patch, client.FieldOwner(v1alpha1.OperatorName)); err != nil {
		return fmt.Errorf("patch finalizer: %w", err)
	}
	return nil
}

// tell and warn write events. Their texts are our own words.
func (r *Reconciler) tell(object *v1alpha1.GatewayToken, reason, message string) {
	r.Recorder.Eventf(object, nil, corev1.EventTypeNormal, reason, reason, "%s", status.Cut(message))
}

func (r *Reconciler) warn(object *v1alpha1.GatewayToken, reason, message string) {
	r.Recorder.Eventf(object, nil, corev1.EventTypeWarning, reason, reason, "%s", status.Cut(message))
}
