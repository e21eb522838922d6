package issuer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/wake"
	"github.com/gatewaytoken/gateway-token-operator/internal/demand"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/secretdata"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// announce tells the GatewayTokens what was found: all of them where the account can be used for more or less than before, those in a
// pool where that can be, else those that wait for a list, those whose rows changed and those whose token the list lacks.
func (r *Reconciler) announce(ctx context.Context, s *scene) error {
	standing, changed, pools := r.Book.Put(s.key, s.account)
	s.account = standing
	s.accepted = s.accepted && standing.CanList
	r.Tokens.Add(accounts.Requests(s.lacking)...)
	if changed || len(pools) > 0 {
		// A GatewayToken that came since this look began has seen the book as it was.
		tokens, err := accounts.TokensOf(ctx, r.Client, s.key)
		if err != nil {
			return err
		}
		if !changed {
			tokens = within(tokens, s.issuer.IssuerSpec(), pools)
		}
		r.Tokens.Add(accounts.Requests(tokens)...)
	}
	if !s.probed {
		return nil
	}
	if s.account.CanList {
		r.Tokens.Add(r.Book.TakeWaiting(s.key)...)
	}
	for _, changed := range s.changed {
		if changed.object == "" {
			// Rows without names: whose they are, each of them must see for itself.
			r.Tokens.Add(accounts.Requests(s.tokensIn(changed.pool))...)
			continue
		}
		owners, err := accounts.WithMarker(ctx, r.Client, changed.object)
		if err != nil {
			return err
		}
		r.Tokens.Add(accounts.Requests(owners)...)
	}
	return nil
}

// within are those of some GatewayTokens whose tokens are in some pools.
func within(tokens []v1alpha1.GatewayToken, issuer *v1alpha1.TokenIssuerSpec, pools []string) []v1alpha1.GatewayToken {
	var there []v1alpha1.GatewayToken
	for i := range tokens {
		if name, told := demand.PoolOf(&tokens[i], issuer); told && slices.Contains(pools, name) {
			there = append(there, tokens[i])
		}
	}
	return there
}

// tokensIn are the GatewayTokens whose tokens are in a pool.
func (s *scene) tokensIn(pool string) []v1alpha1.GatewayToken {
	return within(s.tokens, s.issuer.IssuerSpec(), []string{pool})
}

// record writes the status if anything in it changed, and says when to look again.
func (r *Reconciler) record(ctx context.Context, s *scene) (ctrl.Result, error) {
	before := s.issuer.IssuerStatus().DeepCopy()
	if err := r.describe(ctx, s); err != nil {
		return ctrl.Result{}, err
	}
	if !equality.Semantic.DeepEqual(before, s.issuer.IssuerStatus()) {
		after := s.issuer.IssuerStatus().DeepCopy()
		*s.issuer.IssuerStatus() = *before
		original, ok := s.issuer.DeepCopyObject().(client.Object)
		if !ok {
			return ctrl.Result{}, fmt.Errorf("issuer %s is not an object", s.key)
		}
		*s.issuer.IssuerStatus() = *after
		if err := r.Client.Status().Patch(ctx, s.issuer, client.MergeFromWithOptions(original, client.MergeFromWithOptimisticLock{}), client.FieldOwner(v1alpha1.OperatorName)); err != nil {
			return wake.AfterError(fmt.Errorf("patch the issuer's status: %w", err))
		}
	}
	r.sound(s)
	if s.decided {
		// Creates may have waited for that.
		r.Tokens.Add(accounts.Requests(s.tokens)...)
	}
	return ctrl.Result{RequeueAfter: r.pause(s)}, nil
}

// pause is how long until the issuer is to be looked at again: when the vendor is to be asked, and soon where a person may mend what
// no event would tell of.
func (r *Reconciler) pause(s *scene) time.Duration {
	if r.Halted != "" {
		return s.issuer.IssuerSpec().ListInterval()
	}
	now := r.Clock.Now()
	which, at := s.memory.turns.next(r.means(s))
	soon := now.Add(max(recheck, s.issuer.IssuerSpec().ListInterval()))
	if s.unwritten || (mendable(string(s.account.Problem.Reason)) && !r.Named.Watched(r.refersTo(s)...)) {
		soon = now.Add(recheck)
	}
	if which == nobody || at.After(soon) {
		at = soon
	}
	if !s.tryAgain.IsZero() && at.After(s.tryAgain) {
		at = s.tryAgain
	}
	return max(at.Sub(now), time.Millisecond)
}

// mendable tells whether a person mends it in the Secret or ConfigMap that the issuer names.
func mendable(reason string) bool {
	switch reason {
	case v1alpha1.ReasonCredentialsNotFound, v1alpha1.ReasonCredentialsKeyMissing, v1alpha1.ReasonCABundleNotFound, v1alpha1.ReasonCABundleInvalid,
		v1alpha1.ReasonCredentialsRejected, v1alpha1.ReasonPermissionDenied, v1alpha1.ReasonCertificateNotTrusted, v1alpha1.ReasonAccountChanged:
		return true
	default:
		return false
	}
}

func (r *Reconciler) describe(ctx context.Context, s *scene) error {
	next := s.issuer.IssuerStatus()
	next.ObservedGeneration = s.issuer.GetGeneration()
	next.Account = s.account.ID
	next.InUse = &s.use
	s.describeFailure(next)
	if s.probed && s.account.CanList {
		counts, unused, err := r.count(ctx, s)
		if err != nil {
			return err
		}
		next.Inventory, next.Unused = &counts, unused.told()
		r.Metrics.Unused(s.key.Kind, s.key.Namespace, s.key.Name, next.Unused)
		r.noteOrphans(s, next)
		next.PossibleOrphans = slices.DeleteFunc(next.PossibleOrphans, func(o v1alpha1.PossibleOrphan) bool { return r.ended(s, o) })
	}
	r.acknowledge(s, next)
	r.describeDoubt(s, next)
	s.put(next, s.ready(next))
	s.stalled(next)
	s.put(next, s.reachable())
	s.put(next, s.inUse())
	return r.describeOrphans(ctx, s, next)
}

// describeFailure counts failures of the vendor in a row, so that back-off outlives a restart.
func (s *scene) describeFailure(next *v1alpha1.TokenIssuerStatus) {
	switch {
	case s.failure != nil:
		at := metav1.NewTime(s.retryAt)
		next.Failure = &v1alpha1.Failure{
			Count: s.failures, Reason: string(s.account.Problem.Reason), Message: status.Cut(s.account.Problem.Message),
			NextAttemptTime: &at, Generation: s.issuer.GetGeneration(),
		}
	case s.accepted, s.probed && s.account.Limited && s.ownProblem != nil:
		next.Failure = nil
	}
}

// ready: the vendor accepts the credentials. An outage later on does not lower it.
func (s *scene) ready(next *v1alpha1.TokenIssuerStatus) metav1.Condition {
	condition := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse}
	problem := s.account.Problem
	if problem.Reason == "" {
		problem = *notAskedYet()
	}
	switch {
	case s.accepted:
		condition.Status, condition.Reason = metav1.ConditionTrue, v1alpha1.ReasonCredentialsAccepted
		condition.Message = "The vendor accepts the credentials."
	case s.outage(next):
		return *meta.FindStatusCondition(next.Conditions, v1alpha1.ConditionReady)
	case s.account.Limited:
		condition.Reason, condition.Message = string(problem.Reason), problem.Message+" Meanwhile tokens are listed and revoked with the credentials that were accepted last; none is issued."
	default:
		condition.Reason, condition.Message = string(problem.Reason), problem.Message
	}
	return condition
}

// stalled: a person must act, in order that the issuer does all that it is there for. The condition that says why is told once more.
func (s *scene) stalled(next *v1alpha1.TokenIssuerStatus) {
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionMassDisappearance, v1alpha1.ConditionIdentityConflict} {
		told := meta.FindStatusCondition(next.Conditions, kind)
		if told != nil && s.issuer.GetDeletionTimestamp() == nil && s.needsPerson(told, next.Account) {
			s.put(next, metav1.Condition{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: told.Reason, Message: told.Message})
			return
		}
	}
	meta.RemoveStatusCondition(&next.Conditions, v1alpha1.ConditionStalled)
}

// needsPerson tells whether a condition is one that stays until a person has acted.
func (s *scene) needsPerson(told *metav1.Condition, account string) bool {
	if told.Type != v1alpha1.ConditionReady {
		return told.Status == metav1.ConditionTrue
	}
	return told.Status == metav1.ConditionFalse && status.NeedsPerson(told.Reason, account != "" || s.account.Limited)
}

// outage: the vendor cannot be asked now, but accepted credentials of this spec before.
func (s *scene) outage(next *v1alpha1.TokenIssuerStatus) bool {
	ready := meta.FindStatusCondition(next.Conditions, v1alpha1.ConditionReady)
	same := s.memory.lastSpec == s.memory.acceptedSpec || (ready != nil && ready.ObservedGeneration == s.issuer.GetGeneration())
	if ready == nil || ready.Status != metav1.ConditionTrue || !same {
		return false
	}
	if s.memory.turns.serves == own {
		// Other credentials wait for their turn; those before them go on.
		return !s.accepted && s.memory.turns.fresh
	}
	switch string(s.account.Problem.Reason) {
	case v1alpha1.ReasonVendorUnreachable, v1alpha1.ReasonVendorUnavailable, v1alpha1.ReasonRateLimited, v1alpha1.ReasonUnexpectedAnswer, v1alpha1.ReasonAnswerTooLarge:
		return true
	default:
		return false
	}
}

func (s *scene) reachable() metav1.Condition {
	condition := metav1.Condition{
		Type: v1alpha1.ConditionVendorReachable, Status: metav1.ConditionTrue,
		Reason: v1alpha1.ReasonVendorAnswered, Message: "The vendor answered when it was last asked.",
	}
	switch {
	case s.account.Limited:
		condition.Reason, condition.Message = v1alpha1.ReasonUsingLastGoodCredentials, "The vendor answered the credentials that were accepted last."
	case !s.account.CanList:
		condition.Status = metav1.ConditionFalse
		condition.Reason, condition.Message = string(s.account.Problem.Reason), s.account.Problem.Message
	}
	return condition
}

func (s *scene) inUse() metav1.Condition {
	condition := metav1.Condition{Type: v1alpha1.ConditionInUse, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonNotInUse, Message: "No token needs this issuer."}
	if s.use.Tokens > 0 {
		condition.Status, condition.Reason = metav1.ConditionTrue, v1alpha1.ReasonTokensRemain
		condition.Message = fmt.Sprintf("%d %s in %d %s.", s.use.Tokens, plural(s.use.Tokens, "token"), s.use.Namespaces, plural(s.use.Namespaces, "namespace"))
		if s.issuer.GetDeletionTimestamp() != nil {
			condition.Message += " The issuer goes once they are deleted; until then it revokes and issues no first token."
		}
	}
	return condition
}

func plural(count int32, word string) string {
	if count == 1 {
		return word
	}
	return word + "s"
}

func (s *scene) put(next *v1alpha1.TokenIssuerStatus, condition metav1.Condition) {
	condition.Message = status.Cut(condition.Message)
	condition.ObservedGeneration = s.issuer.GetGeneration()
	condition.LastTransitionTime = metav1.NewTime(s.now.Truncate(time.Second))
	meta.SetStatusCondition(&next.Conditions, condition)
}

// count tells whose the active tokens are, and which of them nobody uses.
func (r *Reconciler) count(ctx context.Context, s *scene) (v1alpha1.Inventory, unused, error) {
	var counts v1alpha1.Inventory
	unused := unused{now: s.now}
	owned, err := r.ownedMarkers(ctx, s)
	if err != nil {
		return counts, unused, err
	}
	for _, name := range s.pools {
		snapshot := r.Inventory.Latest(accounts.Scope(s.memory.uid, name))
		counts.Active += clamp(snapshot.Active)
		counts.Unmanaged += clamp(snapshot.Unmanaged)
		unused.in(name, s.memory.pools[name], snapshot)
		for _, row := range snapshot.Rows {
			if row.State == token.Revoked {
				continue
			}
			ours, err := r.countRow(ctx, owned, row, &counts, &unused)
			if err != nil {
				return counts, unused, err
			}
			if !ours {
				s.orphaned = append(s.orphaned, orphanRow{row, name})
			}
		}
	}
	return counts, unused, nil
}

// countRow counts one row. It tells of a token of this installation whether something accounts for it.
func (r *Reconciler) countRow(ctx context.Context, owned ownership, row token.Token, counts *v1alpha1.Inventory, unused *unused) (accounted bool, err error) {
	if _, marked := row.Marker(); !marked && owned.ids[row.ID] == "" {
		counts.Unmanaged++
		unused.unmanaged(row)
		return true, nil
	}
	owner, err := r.owns(ctx, owned, row)
	if err != nil {
		return false, err
	}
	switch {
	case owner != "":
		counts.Owned++
	case r.lent(row):
		counts.Unmanaged++
		unused.unmanaged(row)
		return true, nil
	default:
		counts.Orphaned++
	}
	unused.ours(row, owner)
	return owner != "", nil
}

// lent tells whether a token was made in another cluster, and is not this one's to revoke.
func (r *Reconciler) lent(row token.Token) bool {
	marker, _ := row.Marker()
	mine := token.Identity{Instance: r.Identity.Instance, Former: r.FormerClusters}
	return marker.Install != "" && marker.Install != r.Identity.Install() && !slices.Contains(mine.FormerInstalls(), marker.Install)
}

// ended tells whether a token that may be ours is gone: two lists of its place lack it.
func (r *Reconciler) ended(s *scene, orphan v1alpha1.PossibleOrphan) bool {
	p := s.memory.pools[orphan.Pool]
	if p == nil || orphan.ID == "" {
		return false
	}
	latest := r.Inventory.Latest(accounts.Scope(s.memory.uid, orphan.Pool))
	return p.gone || latest.LackedTwice(token.ID(orphan.ID), orphan.Since.Time)
}

// acknowledge takes a person's word about tokens that may be ours. What nothing lists needs no further mention then; nor does it once
// it is known what became of it: a process that was held up may have published it after all, and nobody is to revoke it for our word.
func (r *Reconciler) acknowledge(s *scene, next *v1alpha1.TokenIssuerStatus) {
	var open []v1alpha1.PossibleOrphan
	for _, orphan := range next.PossibleOrphans {
		used := r.inUse(s, orphan)
		if used {
			orphan.Message = "A GatewayToken uses it: leave it."
		}
		if (used || orphan.AcknowledgedBy(s.issuer.GetAnnotations())) && !orphan.Acknowledged {
			orphan.Acknowledged, s.decided = true, true
		}
		if orphan.ID != "" || !orphan.Acknowledged {
			open = append(open, orphan)
		}
	}
	next.PossibleOrphans = open
}

// inUse tells whether a GatewayToken accounts for that token now, by the signed copy of its ledger.
func (r *Reconciler) inUse(s *scene, orphan v1alpha1.PossibleOrphan) bool {
	return slices.ContainsFunc(s.tokens, func(object v1alpha1.GatewayToken) bool {
		owner := ledger.Owner{ClusterID: r.Identity.ClusterID, Namespace: object.Namespace, GatewayToken: object.Name, Secret: object.SecretName()}
		record, trust := r.Sealer.Open(owner, object.Status.Ledger)
		if pool, told := demand.PoolOf(&object, s.issuer.IssuerSpec()); !told || pool != orphan.Pool || trust != ledger.Proof || object.DeletionTimestamp != nil {
			// What is being deleted reports what it leaves.
			return false
		}
		entries := slices.Concat([]ledger.Entry{record.Current}, record.Retiring, record.Condemned)
		return slices.ContainsFunc(entries, func(entry ledger.Entry) bool {
			return string(entry.ID) == orphan.ID || (orphan.ID == "" && entry.Name == orphan.Name)
		})
	})
}

// owns tells what in the cluster accounts for a token; empty for nothing. It may be a GatewayToken of this issuer or, where several issuers
// lead to one account, of another.
func (r *Reconciler) owns(ctx context.Context, owned ownership, row token.Token) (string, error) {
	marker, _ := row.Marker()
	if owner := cmp.Or(owned.markers[marker.WithSequence(0)], owned.ids[row.ID]); owner != "" {
		return owner, nil
	}
	if kept, retained := owned.elsewhere[row.ID]; retained && kept.object == marker.Object {
		return kept.owner, nil
	}
	others, err := accounts.WithMarker(ctx, r.Client, marker.Object)
	if err != nil {
		return "", err
	}
	for i := range others {
		other := r.Identity.Marker(others[i].Namespace, others[i].Name, string(others[i].UID))
		if other.SameIncarnation(marker) || (others[i].Status.Current != nil && others[i].Status.Current.ID == string(row.ID)) {
			return ownerOf(&others[i]), nil
		}
	}
	return "", nil
}

func ownerOf(object *v1alpha1.GatewayToken) string {
	return v1alpha1.KindGatewayToken + " " + client.ObjectKeyFromObject(object).String()
}

// ownership tells of markers and tokens whose they are.
type ownership struct {
	markers map[token.Marker]string
	ids     map[token.ID]string
	// elsewhere are the tokens that a retained Secret has of another issuer. It may lead to the same account; its word alone does not
	// tell: the marker must be that of the Secret's own object.
	elsewhere map[token.ID]keptElsewhere
}

type keptElsewhere struct{ owner, object string }

// ownedMarkers are those of living GatewayTokens, and the tokens that their status or a retained Secret names.
func (r *Reconciler) ownedMarkers(ctx context.Context, s *scene) (ownership, error) {
	owned := ownership{markers: map[token.Marker]string{}, ids: map[token.ID]string{}, elsewhere: map[token.ID]keptElsewhere{}}
	for i := range s.tokens {
		object := &s.tokens[i]
		owner := ownerOf(object)
		owned.markers[r.Identity.Marker(object.Namespace, object.Name, string(object.UID))] = owner
		if object.Status.Current != nil {
			owned.ids[token.ID(object.Status.Current.ID)] = owner
		}
		for _, retiring := range object.Status.Retiring {
			owned.ids[token.ID(retiring.ID)] = owner
		}
	}
	var retained corev1.SecretList
	if err := r.Client.List(ctx, &retained, client.HasLabels{v1alpha1.LabelRetained}); err != nil {
		return owned, fmt.Errorf("list retained Secrets: %w", err)
	}
	for i := range retained.Items {
		secret := &retained.Items[i]
		kept, ok := secretdata.RetainedToken(secret, r.Identity.ClusterID, r.Sealer)
		owner := "Secret " + client.ObjectKeyFromObject(secret).String()
		switch {
		case !ok:
		case kept.OfIssuer(s.issuer.Ref().String()) && (s.key.Namespace == "" || s.key.Namespace == secret.Namespace):
			owned.ids[kept.ID] = cmp.Or(owned.ids[kept.ID], owner)
		default:
			owned.elsewhere[kept.ID] = keptElsewhere{owner, r.Identity.Marker(secret.Namespace, kept.GatewayToken, "").Object}
		}
	}
	return owned, nil
}

func clamp(n int) int32 { return int32(min(n, 1<<30)) } //nolint:gosec // bounded
