package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// Outcome is what came of carrying out a decision.
type Outcome struct {
	// Published is the ledger that the Secret has now; nil where nothing was written.
	Published *ledger.Ledger
	// Problem is why it failed; nil where it did not.
	Problem *lifecycle.Problem
	// Kind and AtLeast say how long to wait before the next try.
	Kind    BackOffKind
	AtLeast time.Duration
	// Attempt is a create that may have happened; nil where none may.
	Attempt *v1alpha1.IssueAttempt
	// Refused tells that the create which was written down has not happened.
	Refused bool
	// Done tells that the effect was carried out, so that earlier failures are over.
	Done bool
	// Told is what the vendor told of the published token beyond its ledger.
	Told token.Token
}

// Scene is all that the status is made from.
type Scene struct {
	Object   *v1alpha1.GatewayToken
	Observed lifecycle.Observation
	Planned  lifecycle.Planned
	Outcome  Outcome
}

// Of gives the status that follows. It changes nothing that has not changed, so that an object at rest is never written.
func Of(s Scene) v1alpha1.GatewayTokenStatus {
	next := *s.Object.Status.DeepCopy()
	if s.quiet() {
		return next
	}
	next.SecretName = s.Object.SecretName()
	next.Issuer = s.Object.IssuerRef().String()
	next.Effective = s.Object.EffectiveSettings(s.Observed.Settings.OverlapFloor)
	s.failure(&next)
	s.tokens(&next)
	s.rotation(&next)
	s.conditions(&next)
	next.ObservedGeneration = s.Object.Generation
	return next
}

// quiet: the issuer has not been looked at yet, which takes but a moment, and there is nothing else to say.
func (s Scene) quiet() bool {
	_, rests := s.Planned.Decision.(lifecycle.Rest)
	return rests && !s.Observed.Issuer.Known && s.Outcome.Published == nil && s.Outcome.Problem == nil
}

// failure counts failures in a row. A new generation starts anew.
func (s Scene) failure(next *v1alpha1.GatewayTokenStatus) {
	if next.Failure != nil && next.Failure.Generation != s.Object.Generation {
		next.Failure = nil
	}
	if s.Outcome.Done {
		next.Failure = nil
	}
	if (s.Outcome.Done && !s.openAttempt(next)) || s.Outcome.Refused {
		next.Attempt = nil
	}
	if s.Outcome.Attempt != nil {
		next.Attempt = s.Outcome.Attempt
	}
	problem := s.Outcome.Problem
	if problem == nil {
		return
	}
	var count int32 = 1
	if next.Failure != nil {
		count = next.Failure.Count + 1
	}
	wait := BackOff(s.Outcome.Kind, count, string(s.Object.UID), s.Outcome.AtLeast)
	at := metav1.NewTime(s.Observed.Now.Add(wait + time.Second).Truncate(time.Second))
	next.Failure = &v1alpha1.Failure{
		Count: count, Reason: string(problem.Reason), Message: Cut(problem.Message), NextAttemptTime: &at, Generation: s.Object.Generation,
	}
}

// tokens copies the ledger for people.
func (s Scene) tokens(next *v1alpha1.GatewayTokenStatus) {
	record := s.record()
	if record == nil {
		return
	}
	entry := record.Current
	current := v1alpha1.CurrentToken{
		ID: string(entry.ID), Name: entry.Name, Sequence: int64(entry.Sequence),
		IssuedAt: timeOf(entry.IssuedAt), ExpiresAt: timeOf(entry.ExpiresAt),
	}
	if before := next.Current; before != nil && before.ID == current.ID {
		current.MediatorID, current.AuditID, current.LastUsedOn = before.MediatorID, before.AuditID, before.LastUsedOn
	}
	for _, told := range []token.Token{s.Outcome.Told, s.Observed.Snapshot.Rows[entry.ID]} {
		current.MediatorID, current.AuditID = cmp.Or(told.MediatorID, current.MediatorID), cmp.Or(told.AuditID, current.AuditID)
		if !told.LastUsedAt.IsZero() {
			current.LastUsedOn = told.LastUsedAt.UTC().Format(time.DateOnly)
		}
	}
	next.Current = &current
	next.Retiring = nil
	for _, retirement := range s.Planned.Retiring {
		if retirement.ID == entry.ID {
			continue
		}
		if len(next.Retiring) == ledger.MaxEntries {
			break
		}
		next.Retiring = append(next.Retiring, v1alpha1.RetiringToken{
			ID: string(retirement.ID), Name: retirement.Name, Sequence: int64(retirement.Sequence),
			Since: timeOf(retirement.Since), WaitingFor: v1alpha1.WaitingFor(retirement.WaitingFor),
		})
	}
}

// rotation tells when the token is replaced, and which request has been answered.
func (s Scene) rotation(next *v1alpha1.GatewayTokenStatus) {
	planned := s.afterwards()
	next.NextRotationTime = timeOf(planned.NextRotation)
	if asked := s.Observed.Object.Request.Text; asked != "" && planned.Handled {
		next.HandledRotateRequest = asked
	}
}

// afterwards is the plan for what the Secret holds now.
func (s Scene) afterwards() lifecycle.Planned {
	if s.Outcome.Published != nil {
		return lifecycle.Published(s.Observed, *s.Outcome.Published)
	}
	return s.Planned
}

// rotating tells what a replacement waits for, or why a request for one is not understood.
func (s Scene) rotating(next *v1alpha1.GatewayTokenStatus) {
	if wrong := s.Observed.Object.Request.Invalid; wrong != nil && s.Object.DeletionTimestamp == nil {
		s.put(next, metav1.Condition{Type: v1alpha1.ConditionRotating, Status: metav1.ConditionFalse, Reason: string(wrong.Reason), Message: wrong.Message})
		return
	}
	s.set(next, v1alpha1.ConditionRotating, s.afterwards().Rotating)
}

// consumersReady tells whether those who use the Secret have its value.
func (s Scene) consumersReady(next *v1alpha1.GatewayTokenStatus) {
	known := meta.FindStatusCondition(next.Conditions, v1alpha1.ConditionConsumersReady)
	if known != nil && s.Object.Spec.Suspend && s.Outcome.Published == nil && sequenceIn(next) == sequenceIn(&s.Object.Status) {
		s.put(next, *known) // nobody has looked
		return
	}
	if s.Object.Spec.Consumers == nil || !s.usable() || s.Object.DeletionTimestamp != nil || s.afterwards().ConsumersUnseen {
		meta.RemoveStatusCondition(&next.Conditions, v1alpha1.ConditionConsumersReady)
		return
	}
	condition := metav1.Condition{
		Type: v1alpha1.ConditionConsumersReady, Status: metav1.ConditionTrue,
		Reason: v1alpha1.ReasonConsumersCurrent, Message: "No pod holds the value of an earlier token of this GatewayToken.",
	}
	if s.Object.Spec.Consumers.Action == v1alpha1.ConsumersReloadFile {
		condition.Reason = v1alpha1.ReasonFilesReloaded
		condition.Message = "No pod holds the value of an earlier token of this GatewayToken, if its program reads files again when they change."
	}
	if problem := s.afterwards().Consumers; problem != nil {
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, string(problem.Reason), problem.Message
	}
	s.put(next, condition)
}

func sequenceIn(of *v1alpha1.GatewayTokenStatus) int64 {
	if of.Current == nil {
		return 0
	}
	return of.Current.Sequence
}

// openAttempt tells whether the status speaks of a create without a name of which nothing was published: other effects do not
// end it.
func (s Scene) openAttempt(next *v1alpha1.GatewayTokenStatus) bool {
	attempt := next.Attempt
	if attempt == nil || attempt.Pool == "" {
		return false
	}
	record := s.record()
	return record == nil || int64(record.Current.Sequence) < attempt.Sequence
}

// record is the ledger that the Secret has now; nil where there is none to be believed.
func (s Scene) record() *ledger.Ledger {
	if s.Outcome.Published != nil {
		return s.Outcome.Published
	}
	if s.Observed.Secret.Presence == lifecycle.Owned && s.Observed.Secret.Trust == ledger.Proof {
		return &s.Observed.Secret.Ledger
	}
	if s.Planned.Usable {
		// What is in the Secret is no proof any more, and its copy in the status still is.
		return s.Planned.Proof
	}
	return nil
}

func timeOf(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	return &metav1.Time{Time: t.UTC().Truncate(time.Second)}
}

// usable tells whether the Secret holds a token that, as far as is known, works.
func (s Scene) usable() bool {
	return s.Outcome.Published != nil || s.Planned.Usable
}

func (s Scene) conditions(next *v1alpha1.GatewayTokenStatus) {
	stalled := s.stalled(next)
	s.ready(next)
	if stalled != nil || !s.unknown() {
		s.reconciling(next, stalled)
		s.set(next, v1alpha1.ConditionStalled, stalled)
	}
	s.vendorReachable(next)
	s.rotating(next)
	s.consumersReady(next)
	s.set(next, v1alpha1.ConditionRevocationPending, s.pending())
}

// ready says what the Secret holds, or why it does not.
func (s Scene) ready(next *v1alpha1.GatewayTokenStatus) {
	condition := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse}
	if s.usable() {
		condition.Status = metav1.ConditionTrue
		condition.Reason = v1alpha1.ReasonPublished
		condition.Message = fmt.Sprintf("Secret %s holds token %s.", s.Object.SecretName(), s.record().Current.ID) + cutOff(s.record().Current)
	} else if problem := s.problem(); problem != nil {
		condition.Reason, condition.Message = string(problem.Reason), problem.Message
	} else {
		condition.Reason, condition.Message = v1alpha1.ReasonProgressing, "Work has begun."
	}
	s.put(next, condition)
}

// cutOff says of a published token whose consumers were cut off by it.
func cutOff(current ledger.Entry) string {
	switch current.Cut {
	case ledger.CutInPlace:
		return " Its value was replaced in place: whatever holds the one before it is cut off until it has this one."
	case ledger.CutRevokeFirst:
		return " The one before it was revoked first: whatever holds that is cut off until it has this one."
	default:
		return ""
	}
}

// problem says what is waited for; nil where nothing is known to be wrong.
func (s Scene) problem() *lifecycle.Problem {
	if s.Outcome.Problem != nil {
		return s.Outcome.Problem
	}
	if s.Object.DeletionTimestamp != nil {
		return &lifecycle.Problem{Reason: v1alpha1.ReasonDeleting, Message: "The GatewayToken is being deleted."}
	}
	if s.Object.Spec.Suspend {
		return &lifecycle.Problem{Reason: lifecycle.ReasonSuspended, Message: "spec.suspend is set: no token is issued and no Secret repaired until it is unset."}
	}
	switch d := s.Planned.Decision.(type) {
	case lifecycle.Wait:
		return &d.Problem
	case lifecycle.Stall:
		return &d.Problem
	case lifecycle.Relist:
		return &lifecycle.Problem{Reason: v1alpha1.ReasonIssuing, Message: "Waiting for a list of the vendor's tokens to " + d.Purpose + "."}
	case lifecycle.Issue, lifecycle.Publish, lifecycle.Protect, lifecycle.Change, lifecycle.Roll, lifecycle.Confirm, lifecycle.Report:
		return &lifecycle.Problem{Reason: v1alpha1.ReasonIssuing, Message: "A token is being issued or written to the Secret."}
	case lifecycle.Rest, lifecycle.Restart, lifecycle.Revoke, lifecycle.DeleteSecret, lifecycle.Retain, lifecycle.Release:
		return s.Planned.Hindrance
	default:
		return nil
	}
}

// unknown: the issuer has not been looked at since the process began, and what was said of this generation stands until then.
func (s Scene) unknown() bool {
	return !s.Observed.Issuer.Known && s.Object.Status.ObservedGeneration == s.Object.Generation && !s.Object.Spec.Suspend && s.Object.DeletionTimestamp == nil
}

// stalled: a person must act.
func (s Scene) stalled(next *v1alpha1.GatewayTokenStatus) *lifecycle.Problem {
	if d, ok := s.Planned.Decision.(lifecycle.Stall); ok {
		return &d.Problem
	}
	if s.Object.DeletionTimestamp != nil || s.done() {
		return nil
	}
	if s.Object.Spec.Suspend {
		return s.problem()
	}
	for _, problem := range []*lifecycle.Problem{s.Outcome.Problem, s.waitsFor(), s.Planned.Hindrance, s.Planned.Trouble} {
		if problem != nil && !renamed(problem, next.Failure) && NeedsPerson(string(problem.Reason), s.Object.Status.Current != nil) {
			return problem
		}
	}
	return nil
}

// MostTaken is how many names in a row that are taken are followed by another soon.
const MostTaken = 3

// renamed tells of a name that is taken, and of which the next list or the next name is the remedy.
func renamed(problem *lifecycle.Problem, failure *v1alpha1.Failure) bool {
	return problem.Reason == v1alpha1.ReasonNameTaken && (failure == nil || failure.Count <= MostTaken)
}

// done tells whether the Secret holds what this generation asks for, or what it is left with while suspended.
func (s Scene) done() bool { return s.usable() && (s.afterwards().Fulfilled || s.Object.Spec.Suspend) }

// waitsFor is what the planner waits for; nil for nothing.
func (s Scene) waitsFor() *lifecycle.Problem {
	if d, ok := s.Planned.Decision.(lifecycle.Wait); ok {
		return &d.Problem
	}
	return nil
}

// reconciling: a new generation is on its way into its Secret, or goes on after a person has acted. Once it was there, nothing else raises
// it.
func (s Scene) reconciling(next *v1alpha1.GatewayTokenStatus, stalled *lifecycle.Problem) {
	fresh := s.Object.Status.ObservedGeneration != s.Object.Generation ||
		meta.IsStatusConditionTrue(s.Object.Status.Conditions, v1alpha1.ConditionReconciling) ||
		meta.IsStatusConditionTrue(s.Object.Status.Conditions, v1alpha1.ConditionStalled)
	if stalled != nil || s.done() || !fresh || s.Object.DeletionTimestamp != nil {
		meta.RemoveStatusCondition(&next.Conditions, v1alpha1.ConditionReconciling)
		return
	}
	problem := s.problem()
	if problem == nil {
		problem = &lifecycle.Problem{Reason: v1alpha1.ReasonProgressing, Message: "Work has begun."}
	}
	s.set(next, v1alpha1.ConditionReconciling, problem)
}

// vendorReachable says whether the vendor can be used; nothing while that is not known.
func (s Scene) vendorReachable(next *v1alpha1.GatewayTokenStatus) {
	if !s.Observed.Issuer.Known {
		return
	}
	condition := metav1.Condition{
		Type: v1alpha1.ConditionVendorReachable, Status: metav1.ConditionTrue,
		Reason: v1alpha1.ReasonVendorAnswered, Message: "The vendor answered when it was last asked.",
	}
	trouble := s.Planned.Trouble
	if trouble == nil && s.usable() && !s.Planned.Settled && s.Outcome.Kind != Write {
		// It keeps the spec from being carried out, and no other condition tells: what the Secret holds works.
		trouble = s.Outcome.Problem
	}
	if trouble != nil {
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, string(trouble.Reason), trouble.Message
	}
	s.put(next, condition)
}

// pending: tokens that are no longer needed are still active at the vendor.
func (s Scene) pending() *lifecycle.Problem {
	if s.Object.DeletionTimestamp != nil {
		return s.pendingDeletion()
	}
	if len(s.Planned.Retiring) == 0 {
		return nil
	}
	reason := lifecycle.ReasonRetiring
	var lines []string
	for _, retirement := range s.Planned.Retiring {
		lines = append(lines, waiting(retirement, s.Observed.ServerNow))
		switch {
		case retirement.Consumers.Unknown:
			reason = v1alpha1.ReasonConsumersUnknown
		case retirement.WaitingFor == lifecycle.WaitsForOwner && reason == lifecycle.ReasonRetiring:
			reason = v1alpha1.ReasonIdentityConflict
		case retirement.WaitingFor == lifecycle.WaitsForConsumers && reason != v1alpha1.ReasonConsumersUnknown:
			reason = v1alpha1.ReasonWaitingForConsumers
		}
	}
	slices.Sort(lines)
	return &lifecycle.Problem{Reason: reason, Message: "Replaced tokens that are still active: " + strings.Join(lines, "; ") + "."}
}

// waiting says what a replaced token waits for.
func waiting(retirement lifecycle.Retirement, now time.Time) string {
	line := fmt.Sprintf("%s waits for %s", retirement.ID, inWords(retirement.WaitingFor))
	if retirement.WaitingFor == lifecycle.WaitsForConsumers {
		return line + ": " + cmp.Or(retirement.Consumers.Text, "nobody looks at pods while it is suspended")
	}
	if retirement.Due.After(now) {
		line += " until " + retirement.Due.UTC().Truncate(time.Second).Format(time.RFC3339)
	}
	return line
}

// inWords says what a replaced token waits for in a sentence.
func inWords(what lifecycle.WaitingFor) string {
	switch what {
	case lifecycle.WaitsForConsumers:
		return "consumers"
	case lifecycle.WaitsForOverlap:
		return "its overlap"
	case lifecycle.WaitsForLastUse:
		return "its last use to be long enough ago"
	case lifecycle.WaitsForPerson:
		return "a person, since it has been used"
	case lifecycle.WaitsForOwner:
		return "a person, since another operator may have made it"
	case lifecycle.WaitsForRevocation:
		return "its revocation"
	default:
		return string(what)
	}
}

func (s Scene) pendingDeletion() *lifecycle.Problem {
	if s.Outcome.Problem != nil {
		return s.Outcome.Problem
	}
	switch d := s.Planned.Decision.(type) {
	case lifecycle.Wait:
		return &lifecycle.Problem{Reason: d.Reason, Message: d.Message +
			" The GatewayToken stays until its token is revoked. If the vendor account is gone for good, annotate it with " +
			v1alpha1.AnnotationSkipRevocation + ": " + string(s.Object.UID) + "."}
	case lifecycle.Revoke, lifecycle.Relist, lifecycle.DeleteSecret, lifecycle.Retain, lifecycle.Release:
		return &lifecycle.Problem{Reason: v1alpha1.ReasonRevoking, Message: "The tokens are being revoked; the GatewayToken goes once the vendor's list shows that none is left."}
	case lifecycle.Rest, lifecycle.Stall, lifecycle.Protect, lifecycle.Issue, lifecycle.Publish, lifecycle.Change, lifecycle.Roll, lifecycle.Confirm, lifecycle.Report, lifecycle.Restart:
		return nil
	default:
		return nil
	}
}

// set puts a condition that is there only while it is true.
func (s Scene) set(next *v1alpha1.GatewayTokenStatus, kind string, problem *lifecycle.Problem) {
	if problem == nil {
		meta.RemoveStatusCondition(&next.Conditions, kind)
		return
	}
	s.put(next, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: string(problem.Reason), Message: problem.Message})
}

// maxMessage bounds a message, in bytes: conditions allow 32 KiB, a failure 2048 characters, an event 1 KiB.
const maxMessage = 1024

// Cut keeps a message within the bounds of conditions, failures and events.
func Cut(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	const more = "…"
	return strings.ToValidUTF8(message[:maxMessage-len(more)], "") + more
}

func (s Scene) put(next *v1alpha1.GatewayTokenStatus, condition metav1.Condition) {
	condition.Message = Cut(condition.Message)
	condition.ObservedGeneration = s.Object.Generation
	condition.LastTransitionTime = metav1.NewTime(s.Observed.Now.Truncate(time.Second))
	meta.SetStatusCondition(&next.Conditions, condition)
}
