package issuer

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/wake"
)

// Setup registers the controllers of both kinds, or of TokenIssuers alone where the operator works in named namespaces only. woken, by kind, are the queues by which they can be woken.
func Setup(manager ctrl.Manager, config Config, workers int, woken map[string]*wake.Queue) error {
	kinds := []func() v1alpha1.Issuer{func() v1alpha1.Issuer { return &v1alpha1.TokenIssuer{} }}
	if len(config.Namespaces) == 0 {
		kinds = append(kinds, func() v1alpha1.Issuer { return &v1alpha1.ClusterTokenIssuer{} })
	}
	for _, fresh := range kinds {
		kind := fresh().Ref().Kind
		reconciler := &Reconciler{Config: config, New: fresh}
		err := ctrl.NewControllerManagedBy(manager).
			Named(strings.ToLower(kind)).
			For(fresh(), builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
			Watches(&v1alpha1.GatewayToken{}, handler.EnqueueRequestsFromMapFunc(issuerOf(kind)), builder.WithPredicates(needChanged())).
			Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(issuerOfCopy(kind, config.ClusterResourceNamespace))).
			WatchesRawSource(woken[kind].Source()).
			WithOptions(controller.Options{MaxConcurrentReconciles: workers, UsePriorityQueue: ptr.To(false)}).
			Complete(reconciler)
		if err != nil {
			return fmt.Errorf("set up the controller of %s: %w", kind, err)
		}
	}
	return nil
}

// issuerOf maps a GatewayToken to its issuer, if that is of the kind.
func issuerOf(kind string) handler.MapFunc {
	return func(_ context.Context, o client.Object) []reconcile.Request {
		object, ok := o.(*v1alpha1.GatewayToken)
		if !ok {
			return nil
		}
		if key := accounts.KeyFor(object); key.Kind == kind {
			return []reconcile.Request{key.Request()}
		}
		return nil
	}
}

// issuerOfCopy maps a copy of credentials to its issuer, which may be gone.
func issuerOfCopy(kind, clusterNamespace string) handler.MapFunc {
	return func(_ context.Context, o client.Object) []reconcile.Request {
		named, name, ok := strings.Cut(o.GetAnnotations()[v1alpha1.AnnotationIssuer], "/")
		if !ok || named != kind || o.GetLabels()[v1alpha1.LabelRole] != v1alpha1.RoleLastGood {
			return nil
		}
		key := accounts.Key{Kind: kind, Name: name, Namespace: o.GetNamespace()}
		if kind == v1alpha1.KindClusterTokenIssuer {
			if o.GetNamespace() != clusterNamespace {
				return nil
			}
			key.Namespace = ""
		}
		return []reconcile.Request{key.Request()}
	}
}

// needChanged lets through the events of a GatewayToken that change whether an issuer is needed.
func needChanged() predicate.Predicate {
	changed := predicate.NewPredicateFuncs(func(client.Object) bool { return true })
	changed.UpdateFunc = finalizersChanged
	return changed
}

func finalizersChanged(e event.UpdateEvent) bool {
	return controllerutil.ContainsFinalizer(e.ObjectOld, v1alpha1.FinalizerRevoke) != controllerutil.ContainsFinalizer(e.ObjectNew, v1alpha1.FinalizerRevoke)
}
