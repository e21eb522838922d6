package gatewaytoken

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/wake"
	"github.com/gatewaytoken/gateway-token-operator/internal/secretdata"
)

// Setup registers the controller. woken is the queue by which it can be woken.
func Setup(manager ctrl.Manager, r *Reconciler, workers int, woken *wake.Queue) error {
	tokens := ctrl.NewControllerManagedBy(manager).
		Named("gatewaytoken").
		For(&v1alpha1.GatewayToken{}, builder.WithPredicates(predicate.Or(
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, finalizersChanged(), r.statusChanged()))).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(ownerOf)).
		Watches(&v1alpha1.TokenIssuer{}, handler.EnqueueRequestsFromMapFunc(r.tokensOf), builder.WithPredicates(issuerChanged())).
		WatchesRawSource(woken.Source()).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers, UsePriorityQueue: ptr.To(false)})
	if !r.Namespaced {
		tokens = tokens.
			Watches(&v1alpha1.ClusterTokenIssuer{}, handler.EnqueueRequestsFromMapFunc(r.tokensOf), builder.WithPredicates(issuerChanged())).
			WatchesMetadata(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.tokensIn), builder.WithPredicates(predicate.LabelChangedPredicate{}))
	}
	if err := tokens.Complete(r); err != nil {
		return fmt.Errorf("set up the controller of GatewayTokens: %w", err)
	}
	return nil
}

// ownerOf maps one of the operator's Secrets to the GatewayToken it belongs to.
func ownerOf(_ context.Context, o client.Object) []reconcile.Request {
	if o.GetLabels()[v1alpha1.LabelRole] != v1alpha1.RoleToken {
		return nil
	}
	owner, ok := secretdata.OwnerOf(o)
	if !ok {
		owner = client.ObjectKey{Namespace: o.GetNamespace(), Name: o.GetLabels()[v1alpha1.LabelGatewayToken]}
	}
	return []reconcile.Request{{NamespacedName: owner}}
}

// tokensOf maps an issuer to the GatewayTokens that refer to it.
func (r *Reconciler) tokensOf(ctx context.Context, o client.Object) []reconcile.Request {
	issuer, ok := o.(v1alpha1.Issuer)
	if !ok {
		return nil
	}
	tokens, err := accounts.TokensOf(ctx, r.Client, accounts.KeyOf(issuer))
	if err != nil {
		log.FromContext(ctx).Error(err, "the GatewayTokens of an issuer cannot be found")
	}
	return accounts.Requests(tokens)
}

// tokensIn maps a namespace to its GatewayTokens: labels decide about grants.
func (r *Reconciler) tokensIn(ctx context.Context, o client.Object) []reconcile.Request {
	var list v1alpha1.GatewayTokenList
	if err := r.Client.List(ctx, &list, client.InNamespace(o.GetName())); err != nil {
		log.FromContext(ctx).Error(err, "the GatewayTokens of a namespace cannot be found")
	}
	return accounts.Requests(list.Items)
}

// issuerChanged lets through what matters to GatewayTokens: the spec, the deletion and the protection. What the vendor says is
// told through the accounts' book.
func issuerChanged() predicate.Predicate {
	return predicate.Or(predicate.GenerationChangedPredicate{}, finalizersChanged())
}

func finalizersChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return !slices.Equal(e.ObjectOld.GetFinalizers(), e.ObjectNew.GetFinalizers())
	}}
}

// statusChanged lets through a status that somebody else wrote: a restore, a person, or a process that leads no more and does not know it.
func (r *Reconciler) statusChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool { return r.StatusChangedElsewhere(e.ObjectOld, e.ObjectNew) }}
}

// StatusChangedElsewhere tells whether a GatewayToken's status is another one and not of this process's writing.
func (r *Reconciler) StatusChangedElsewhere(before, after client.Object) bool {
	was, ok := before.(*v1alpha1.GatewayToken)
	is, same := after.(*v1alpha1.GatewayToken)
	return ok && same && !r.memories.wroteStatus(is) && !equality.Semantic.DeepEqual(was.Status, is.Status)
}
