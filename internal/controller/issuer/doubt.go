package issuer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/inventory"
)

// mostTold is how many tokens a status names of each kind.
const mostTold = 64

// fingerprintLength is enough for no two sets of an issuer's tokens to have the same.
const fingerprintLength = 12

// fingerprintOf stands for a set of tokens, and for how many there are where not all are told.
func fingerprintOf(s *scene, kind string, count int, ids []string) string {
	parts := append([]string{string(s.issuer.GetUID()), kind, fmt.Sprint(count)}, ids...)
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])[:fingerprintLength]
}

// alarm is an event that is told once the status says the same.
type alarm struct{ kind, reason, message string }

// sound tells what has just begun or ended.
func (r *Reconciler) sound(s *scene) {
	for _, told := range s.alarms {
		r.Recorder.Eventf(s.issuer, nil, told.kind, told.reason, told.reason, "%s", status.Cut(told.message))
	}
}

// doubt says what a person has to decide before the operator goes on, and takes his word. GatewayTokens are told that it is so, and no
// more: which tokens it is about changes, and would change the status of all of them.
func (r *Reconciler) doubt(s *scene) {
	s.conflict = r.conflict(s)
	s.disappearance = r.disappearance(s)
	s.account.Disputed = s.conflict != nil
	if missing := s.disappearance; missing != nil && !missing.Acknowledged {
		s.account.Missing = true
		s.account.ListDoubted = missing.Revoked < missing.Count
	}
}

// toldForeign are the tokens of which the status says that somebody else made them.
func (s *scene) toldForeign() []token.ID {
	told := s.issuer.IssuerStatus().IdentityConflict
	if told == nil {
		return nil
	}
	ids := make([]token.ID, 0, len(told.Tokens))
	for _, one := range told.Tokens {
		ids = append(ids, token.ID(one.ID))
	}
	return ids
}

// conflict is what is known of tokens that somebody else made; nil for none, or once a person has decided about these very ones. What
// became of them does not matter: whoever made them may go on.
func (r *Reconciler) conflict(s *scene) *v1alpha1.IdentityConflict {
	told := s.issuer.IssuerStatus().IdentityConflict
	next := &v1alpha1.IdentityConflict{Since: metav1.NewTime(s.now.Truncate(time.Second))}
	if told != nil {
		next = told.DeepCopy()
	}
	found := 0
	for _, pool := range s.pools {
		for _, row := range r.Inventory.Foreign(accounts.Scope(s.memory.uid, pool)) {
			found++
			known := slices.ContainsFunc(next.Tokens, func(t v1alpha1.ForeignToken) bool { return t.ID == string(row.ID) && t.Pool == pool })
			if !known && len(next.Tokens) < mostTold {
				next.Tokens = append(next.Tokens, v1alpha1.ForeignToken{ID: status.Cut(string(row.ID)), Name: row.Name, Pool: pool})
			}
		}
	}
	if len(next.Tokens) == 0 {
		return nil
	}
	next.Count = max(next.Count, clamp(found), clamp(len(next.Tokens)))
	slices.SortFunc(next.Tokens, func(a, b v1alpha1.ForeignToken) int { return strings.Compare(a.Pool+"/"+a.ID, b.Pool+"/"+b.ID) })
	ids := make([]string, 0, len(next.Tokens))
	for _, one := range next.Tokens {
		ids = append(ids, one.Pool+"/"+one.ID)
	}
	next.Fingerprint = fingerprintOf(s, v1alpha1.ConditionIdentityConflict, int(next.Count), ids)
	if v1alpha1.ConditionAcknowledged(s.issuer.GetAnnotations(), v1alpha1.ConditionIdentityConflict, next.Fingerprint) {
		for _, pool := range s.pools {
			r.Inventory.Absolve(accounts.Scope(s.memory.uid, pool))
		}
		s.decide(v1alpha1.ConditionIdentityConflict, next.Fingerprint)
		return nil
	}
	return next
}

// decide notes that a person has decided.
func (s *scene) decide(kind, fingerprint string) {
	s.decided = true
	s.alarms = append(s.alarms, alarm{corev1.EventTypeNormal, "Acknowledged", "A person has acknowledged " + v1alpha1.AcknowledgeCondition(kind, fingerprint) + ": work goes on."})
}

func conflictMessage(conflict *v1alpha1.IdentityConflict) string {
	return fmt.Sprintf("Another operator has made %d %s with this installation's marker: it has the same cluster ID and instance, or its cluster is a copy of this one. "+
		"Tokens that no ledger of this cluster names are left alone. See status.identityConflict. Give one of the two another --cluster-id or --instance, or stop it, and then annotate the issuer with %s: %s.",
		conflict.Count, plural(conflict.Count, "token"), v1alpha1.AnnotationAcknowledge,
		v1alpha1.AcknowledgeCondition(v1alpha1.ConditionIdentityConflict, conflict.Fingerprint))
}

// usesIn are the tokens in use that the list of a pool is to show.
func (r *Reconciler) usesIn(ctx context.Context, s *scene, pool string) inventory.Uses {
	uses := inventory.Uses{Here: map[token.ID]bool{}}
	owners := map[token.ID]*v1alpha1.GatewayToken{}
	here := s.tokensIn(pool)
	for i := range here {
		if current := here[i].Status.Current; s.inUseBy(&here[i]) {
			uses.Here[token.ID(current.ID)], owners[token.ID(current.ID)] = atWork(&here[i]), &here[i]
		}
	}
	for i := range s.tokens {
		if s.inUseBy(&s.tokens[i]) {
			uses.Elsewhere++
		}
	}
	uses.Elsewhere = max(uses.Elsewhere-len(uses.Here), 0)
	if told := s.issuer.IssuerStatus().MassDisappearance; told != nil {
		uses.Missed, uses.Conceded = !told.Acknowledged, told.Acknowledged
	}
	uses.Vouch = func(ids []token.ID) []token.ID {
		// A status is for people to read, and they can write it. What it says must not keep others waiting.
		return slices.DeleteFunc(ids, func(id token.ID) bool { return !r.certainlyUsed(ctx, owners[id], id) })
	}
	return uses
}

// inUseBy tells whether the status says that the GatewayToken uses a token that has not ended.
func (s *scene) inUseBy(object *v1alpha1.GatewayToken) bool {
	current := object.Status.Current
	return current != nil && object.DeletionTimestamp == nil && (current.ExpiresAt == nil || current.ExpiresAt.After(s.now))
}

// atWork tells whether the token worked, as far as the status tells: what is gone for long is no news.
func atWork(object *v1alpha1.GatewayToken) bool {
	ready := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionReady)
	return ready == nil || ready.Status != metav1.ConditionFalse || ready.Reason == v1alpha1.ReasonMassDisappearance
}

// certainlyUsed tells whether a signed ledger says that the Secret has the token, and nobody is about to end it.
func (r *Reconciler) certainlyUsed(ctx context.Context, object *v1alpha1.GatewayToken, id token.ID) bool {
	owner := ledger.Owner{ClusterID: r.Identity.ClusterID, Namespace: object.Namespace, GatewayToken: object.Name, Secret: object.SecretName()}
	var secret corev1.Secret
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: object.Namespace, Name: object.SecretName()}, &secret); err != nil {
		return false
	}
	record, trust := r.Sealer.Open(owner, secret.Annotations[v1alpha1.AnnotationLedger])
	return trust == ledger.Proof && record.Current.ID == id && record.Rolling == nil && !record.Vacating
}

// disappearance is what is known of tokens in use that are gone at once; nil for none. What a person has decided about is kept until all
// of them were replaced: a process that begins meanwhile must not begin to miss them anew.
func (r *Reconciler) disappearance(s *scene) *v1alpha1.MassDisappearance {
	told := s.issuer.IssuerStatus().MassDisappearance
	var ids []string
	revoked, idle, judged := 0, 0, true
	for _, pool := range s.pools {
		missing := r.Inventory.Missing(accounts.Scope(s.memory.uid, pool))
		for _, id := range missing.Missed {
			ids = append(ids, strings.TrimPrefix(pool+"/"+string(id), "/"))
		}
		revoked, idle = revoked+len(missing.Missed)-missing.Unseen, idle+missing.Idle
		judged = judged && (missing.Judged || s.memory.pools[pool].mute())
	}
	switch {
	case len(ids) > 0:
	case told != nil && (!judged || (told.Acknowledged && idle > 0)):
		return told.DeepCopy()
	default:
		return nil
	}
	slices.Sort(ids)
	next := &v1alpha1.MassDisappearance{
		Fingerprint: fingerprintOf(s, v1alpha1.ConditionMassDisappearance, len(ids), ids), Since: metav1.NewTime(s.now.Truncate(time.Second)),
		Count: clamp(len(ids)), Revoked: clamp(revoked),
	}
	for _, id := range ids[:min(len(ids), mostTold)] {
		next.IDs = append(next.IDs, status.Cut(id))
	}
	if told != nil && !told.Acknowledged {
		next.Since = told.Since
	}
	if s.acknowledgedMissing(next.Fingerprint, next, told) {
		for _, pool := range s.pools {
			r.Inventory.Concede(accounts.Scope(s.memory.uid, pool))
		}
		next.Acknowledged = true
		s.decide(v1alpha1.ConditionMassDisappearance, next.Fingerprint)
	}
	return next
}

// acknowledgedMissing tells whether a person has decided about these tokens, or about these and others that were missed with them and
// are there again.
func (s *scene) acknowledgedMissing(fingerprint string, next, told *v1alpha1.MassDisappearance) bool {
	annotations := s.issuer.GetAnnotations()
	if v1alpha1.ConditionAcknowledged(annotations, v1alpha1.ConditionMassDisappearance, fingerprint) {
		return true
	}
	if told == nil || int(told.Count) != len(told.IDs) || !v1alpha1.ConditionAcknowledged(annotations, v1alpha1.ConditionMassDisappearance, told.Fingerprint) {
		return false
	}
	return !slices.ContainsFunc(next.IDs, func(id string) bool { return !slices.Contains(told.IDs, id) })
}

func disappearanceMessage(missing *v1alpha1.MassDisappearance) string {
	how := "The vendor's list does not show %d tokens in use that were there before, or shows them as revoked"
	switch missing.Revoked {
	case missing.Count:
		how = "The vendor shows %d tokens in use as revoked, and not by this operator"
	case 0:
		how = "The vendor's list does not show %d tokens in use that were there before"
	}
	return fmt.Sprintf(how+". None is replaced until they are there again. See status.massDisappearance. "+
		"If they are to be replaced, annotate the issuer with %s: %s.", missing.Count, v1alpha1.AnnotationAcknowledge,
		v1alpha1.AcknowledgeCondition(v1alpha1.ConditionMassDisappearance, missing.Fingerprint))
}

// describeDoubt says it in the status.
func (r *Reconciler) describeDoubt(s *scene, next *v1alpha1.TokenIssuerStatus) {
	before := next.DeepCopy()
	next.IdentityConflict, next.MassDisappearance = s.conflict, s.disappearance
	foreign, missing, conflict, disappearance := int32(0), int32(0), "", ""
	if s.conflict != nil {
		foreign, conflict = s.conflict.Count, conflictMessage(s.conflict)
	}
	if s.disappearance != nil && !s.disappearance.Acknowledged {
		missing, disappearance = s.disappearance.Count, disappearanceMessage(s.disappearance)
	}
	s.raise(next, before, v1alpha1.ConditionIdentityConflict, v1alpha1.ReasonTokensOfAnother, conflict)
	s.raise(next, before, v1alpha1.ConditionMassDisappearance, v1alpha1.ReasonTokensMissing, disappearance)
	r.Metrics.Doubtful(s.key.Kind, s.key.Namespace, s.key.Name, foreign, missing)
}

// raise puts a condition that is there only while it is true, and tells when it is raised.
func (s *scene) raise(next, before *v1alpha1.TokenIssuerStatus, kind, reason, message string) {
	if message == "" {
		meta.RemoveStatusCondition(&next.Conditions, kind)
		return
	}
	if !meta.IsStatusConditionTrue(before.Conditions, kind) {
		s.alarms = append(s.alarms, alarm{corev1.EventTypeWarning, kind, message})
	}
	s.put(next, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: reason, Message: message})
}
