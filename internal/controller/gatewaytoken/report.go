package gatewaytoken

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// maxOrphans is how many an issuer's status holds.
const maxOrphans = 128

// report has the issuer say of tokens that they may be ours. It outlives this object.
func (r *Reconciler) report(ctx context.Context, s *scene, d lifecycle.Report) (outcome, error) {
	told, err := r.tellReport(ctx, s, d)
	if err != nil {
		return outcome{}, err
	}
	if !told {
		problem := lifecycle.Problem{Reason: lifecycle.ReasonPossibleOrphans, Message: "A create was not answered, and may have left a token, but status.possibleOrphans of " +
			s.object.IssuerRef().String() + " is full. Decide about the tokens in it; work goes on by itself."}
		return outcome{Outcome: status.Outcome{Problem: &problem, Kind: status.Refusal}}, nil
	}
	if d.Unlisted != nil {
		// Only now: a report that is repeated does no harm, one that is left out does.
		attempt := *d.Unlisted
		attempt.Reported = true
		if err := r.writeAttempt(ctx, s, &attempt); err != nil {
			return outcome{}, err
		}
	}
	log.FromContext(ctx).Info("reported tokens that may be ours", "ids", d.IDs, "unlisted", d.Unlisted != nil, "kept", d.Kept != nil, "unproved", d.Unproved != nil)
	what := "A create was not answered, and may have left a token"
	if d.Kept != nil {
		what = "Token " + printable(string(d.Kept.ID)) + " is left, and no Secret holds it"
	}
	if d.Unproved != nil {
		what = "That token " + printable(string(d.Unproved.ID)) + " is of this object cannot be proved any more"
	}
	r.warn(s.object, v1alpha1.ReasonPossibleOrphans, what+": see status.possibleOrphans of "+s.object.IssuerRef().String()+".")
	return outcome{after: time.Second, Outcome: status.Outcome{}}, nil
}

// tellReport has the issuer say what is to be reported; false where there is no room for it.
func (r *Reconciler) tellReport(ctx context.Context, s *scene, d lifecycle.Report) (told bool, err error) {
	of := "GatewayToken " + s.object.Namespace + "/" + s.object.Name
	if d.Unproved != nil {
		return r.reportLeft(ctx, s.unnamedPlace(), *d.Unproved, "The status of "+of+" names it, and no ledger whose signature verifies: was the ledger key lost?")
	}
	if d.Kept == nil {
		return r.tellIssuer(ctx, s.key, func(to *v1alpha1.TokenIssuerStatus) { s.tellOrphans(to, d, r.Clock.Now()) })
	}
	return r.reportLeft(ctx, s.unnamedPlace(), *d.Kept, of+" was to leave it in its Secret, and is gone without one.")
}

// tellIssuer changes what an issuer says of tokens that may be ours, provided that it is still the one that was read; false where there
// is no room for it.
func (r *Reconciler) tellIssuer(ctx context.Context, key accounts.Key, tell func(*v1alpha1.TokenIssuerStatus)) (told bool, err error) {
	issuer := emptyIssuer(key.Kind)
	if err := r.Live.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: key.Name}, issuer); err != nil {
		return false, fmt.Errorf("get issuer: %w", err)
	}
	before, ok := issuer.DeepCopyObject().(client.Object)
	if !ok {
		return false, fmt.Errorf("issuer %s is not an object", key)
	}
	if tell(issuer.IssuerStatus()); len(issuer.IssuerStatus().PossibleOrphans) > maxOrphans {
		return false, nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Status().Patch(ctx, issuer, patch, client.FieldOwner(v1alpha1.OperatorName)); err != nil {
		return false, fmt.Errorf("report possible orphans: %w", err)
	}
	return true, nil
}

// reportLeft has the issuer tell of a token of which soon nothing else tells whose it is: neither a list, nor an object or its Secret.
func (r *Reconciler) reportLeft(ctx context.Context, from accounts.Place, left ledger.Entry, why string) (told bool, err error) {
	return r.tellIssuer(ctx, from.Issuer, func(to *v1alpha1.TokenIssuerStatus) {
		orphan := v1alpha1.PossibleOrphan{ID: string(left.ID), Pool: from.Pool, Since: metav1.NewTime(r.Clock.Now().Truncate(time.Second))}
		if left.Name != "" {
			orphan.ID, orphan.Name = "", left.Name
		}
		orphan.Message = why + " Revoke it at the vendor if nobody uses it, and annotate the issuer with " + acknowledgement(cmp.Or(orphan.ID, orphan.Name)) + "."
		known := func(o v1alpha1.PossibleOrphan) bool { return o.ID == orphan.ID && o.Name == orphan.Name }
		if !slices.ContainsFunc(to.PossibleOrphans, known) {
			to.PossibleOrphans = append(to.PossibleOrphans, orphan)
		}
	})
}

// tellOrphans adds what is not told yet.
func (s *scene) tellOrphans(to *v1alpha1.TokenIssuerStatus, d lifecycle.Report, now time.Time) {
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
