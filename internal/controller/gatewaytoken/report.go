package gatewaytoken

import (
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// maxOrphans is how many an issuer's status holds.
const maxOrphans = 128

// report has the issuer say of tokens that they may be ours. It outlives this object.
func (r *Reconciler) report(ctx context.Context, s *scene, d lifecycle.Report) (outcome, error) {
	issuer := emptyIssuer(s.key.Kind)
	if err := r.Live.Get(ctx, client.ObjectKey{Namespace: s.key.Namespace, Name: s.key.Name}, issuer); err != nil {
		return outcome{}, fmt.Errorf("get issuer: %w", err)
	}
	before, ok := issuer.DeepCopyObject().(client.Object)
	if !ok {
		return outcome{}, fmt.Errorf("issuer %s is not an object", s.key)
	}
	if !s.tellOrphans(issuer.IssuerStatus(), d, r.Clock.Now()) {
		problem := lifecycle.Problem{Reason: lifecycle.ReasonPossibleOrphans, Message: "A create was not answered, and may have left a token, but status.possibleOrphans of " +
			s.object.IssuerRef().String() + " is full. Decide about the tokens in it; work goes on by itself."}
		return outcome{Outcome: status.Outcome{Problem: &problem, Kind: status.Refusal}}, nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Status().Patch(ctx, issuer, patch, client.FieldOwner(v1alpha1.OperatorName)); err != nil {
		return outcome{}, fmt.Errorf("report possible orphans: %w", err)
	}
	if d.Unlisted != nil {
		// Only now: a report that is repeated does no harm, one that is left out does.
		attempt := *d.Unlisted
		attempt.Reported = true
		if err := r.writeAttempt(ctx, s, &attempt); err != nil {
			return outcome{}, err
		}
	}
	log.FromContext(ctx).Info("reported tokens that may be ours", "ids", d.IDs, "unlisted", d.Unlisted != nil)
	r.warn(s.object, v1alpha1.ReasonPossibleOrphans, "A create was not answered, and may have left a token: see status.possibleOrphans of "+s.object.IssuerRef().String()+".")
	return outcome{after: time.Second, Outcome: status.Outcome{}}, nil
}

// tellOrphans adds what is not told yet; false where there is no room for it.
func (s *scene) tellOrphans(to *v1alpha1.TokenIssuerStatus, d lifecycle.Report, now time.Time) bool {
	known, since := told(to, s.demand.Pool), metav1.NewTime(now.Truncate(time.Second))
	created := "A create for GatewayToken " + s.object.Namespace + "/" + s.object.Name + " was not answered"
	for _, id := range d.IDs {
		if known.ids[id] {
			continue
		}
		orphan := v1alpha1.PossibleOrphan{
			ID: string(id), Pool: s.demand.Pool, Since: since,
			Message: created + "; this was not there before. Delete it at the vendor if nobody else made it, else annotate the issuer with " + acknowledgement(string(id)) + ".",
		}
		if row, listed := s.observation.Snapshot.Rows[id]; listed && !row.IssuedAt.IsZero() {
			made := metav1.NewTime(row.IssuedAt)
			orphan.CreatedAt = &made
		}
		to.PossibleOrphans = append(to.PossibleOrphans, orphan)
	}
	if unlisted := d.Unlisted; unlisted != nil && !known.names[unlisted.Name] {
		to.PossibleOrphans = append(to.PossibleOrphans, v1alpha1.PossibleOrphan{
			Name: unlisted.Name, Pool: s.demand.Pool, Since: since,
			Message: created + ", and no call of the vendor lists what it may have left. Look at the vendor for a token of this name, revoke it, and annotate the issuer with " +
				acknowledgement(unlisted.Name) + ".",
		})
	}
	return len(to.PossibleOrphans) <= maxOrphans
}

func acknowledgement(what string) string {
	return v1alpha1.AnnotationAcknowledge + ": " + v1alpha1.AcknowledgeOrphan(what)
}

// toldOrphans are the tokens of one pool of which the issuer's status says that they may be ours.
type toldOrphans struct {
	ids, acknowledged map[token.ID]bool
	names             map[string]bool
}

func told(by *v1alpha1.TokenIssuerStatus, pool string) toldOrphans {
	all := toldOrphans{ids: map[token.ID]bool{}, acknowledged: map[token.ID]bool{}, names: map[string]bool{}}
	ofPool := slices.DeleteFunc(slices.Clone(by.PossibleOrphans), func(o v1alpha1.PossibleOrphan) bool { return o.Pool != pool })
	for _, orphan := range ofPool {
		if orphan.ID == "" {
			all.names[orphan.Name] = true
			continue
		}
		all.ids[token.ID(orphan.ID)], all.acknowledged[token.ID(orphan.ID)] = true, orphan.Acknowledged
	}
	return all
}
