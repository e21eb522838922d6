package accounts

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// Names of the cache's indexes of GatewayTokens.
const (
	// indexIssuer is by the issuer's Key.
	indexIssuer = "issuer"
	// indexMarker is by the object part of the marker, also of those that it had in former clusters.
	indexMarker = "marker"
	// indexAttempt is by the issuer's Key and the pool of a create of which nothing was published yet. At rest nothing is in it.
	indexAttempt = "attempt"
	// indexVacating is by the issuer's Key of one whose token has made room for its successor. At rest nothing is in it.
	indexVacating = "vacating"
)

// SetupIndexes lets the cache find GatewayTokens by issuer and by marker.
func SetupIndexes(ctx context.Context, indexer client.FieldIndexer, identity token.Identity) error {
	if err := indexer.IndexField(ctx, &v1alpha1.GatewayToken{}, indexIssuer, func(o client.Object) []string {
		object, ok := o.(*v1alpha1.GatewayToken)
		if !ok {
			return nil
		}
		return []string{KeyFor(object).String()}
	}); err != nil {
		return fmt.Errorf("index GatewayTokens by issuer: %w", err)
	}
	if err := indexer.IndexField(ctx, &v1alpha1.GatewayToken{}, indexMarker, func(o client.Object) []string {
		return identity.Objects(o.GetNamespace(), o.GetName())
	}); err != nil {
		return fmt.Errorf("index GatewayTokens by marker: %w", err)
	}
	if err := indexer.IndexField(ctx, &v1alpha1.GatewayToken{}, indexAttempt, func(o client.Object) []string {
		object, ok := o.(*v1alpha1.GatewayToken)
		if !ok || !attempting(object) {
			return nil
		}
		return []string{attemptAt(KeyFor(object), object.Status.Attempt.Pool)}
	}); err != nil {
		return fmt.Errorf("index GatewayTokens by attempt: %w", err)
	}
	if err := indexer.IndexField(ctx, &v1alpha1.GatewayToken{}, indexVacating, func(o client.Object) []string {
		object, ok := o.(*v1alpha1.GatewayToken)
		if !ok || !IsVacating(object) {
			return nil
		}
		return []string{KeyFor(object).String()}
	}); err != nil {
		return fmt.Errorf("index GatewayTokens by room made: %w", err)
	}
	return nil
}

// IsVacating tells whether the status says that the token has made room for its successor, which is not published yet. Nobody waits for one
// that waits for a person, unless others of the issuer may come to wait for the same.
func IsVacating(object *v1alpha1.GatewayToken) bool {
	conditions := object.Status.Conditions
	rotating := meta.FindStatusCondition(conditions, v1alpha1.ConditionRotating)
	if rotating == nil || rotating.Reason != v1alpha1.ReasonRevokeFirst || !meta.IsStatusConditionFalse(conditions, v1alpha1.ConditionReady) {
		return false
	}
	stalled := meta.FindStatusCondition(conditions, v1alpha1.ConditionStalled)
	return stalled == nil || stalled.Status != metav1.ConditionTrue || !status.OwnFault(stalled.Reason)
}

// Vacating lists the GatewayTokens of an issuer whose token has made room for its successor.
func Vacating(ctx context.Context, from client.Reader, key Key) ([]v1alpha1.GatewayToken, error) {
	var list v1alpha1.GatewayTokenList
	if err := from.List(ctx, &list, client.MatchingFields{indexVacating: key.String()}); err != nil {
		return nil, fmt.Errorf("list the GatewayTokens of %s that have made room: %w", key, err)
	}
	return list.Items, nil
}

// attempting tells whether a create was written down of which nothing was published yet.
func attempting(object *v1alpha1.GatewayToken) bool {
	attempt, current := object.Status.Attempt, object.Status.Current
	return attempt != nil && attempt.Pool != "" && attempt.StartedAt != nil && (current == nil || current.Sequence < attempt.Sequence)
}

func attemptAt(key Key, pool string) string { return key.String() + "/" + pool }

// Attempting lists the GatewayTokens of an issuer with a create of which nothing was published yet, in one pool.
func Attempting(ctx context.Context, from client.Reader, key Key, pool string) ([]v1alpha1.GatewayToken, error) {
	var list v1alpha1.GatewayTokenList
	if err := from.List(ctx, &list, client.MatchingFields{indexAttempt: attemptAt(key, pool)}); err != nil {
		return nil, fmt.Errorf("list the GatewayTokens of %s that ask for a token: %w", key, err)
	}
	return list.Items, nil
}

// TokensOf lists the GatewayTokens that refer to an issuer.
func TokensOf(ctx context.Context, from client.Reader, key Key) ([]v1alpha1.GatewayToken, error) {
	var list v1alpha1.GatewayTokenList
	if err := from.List(ctx, &list, client.MatchingFields{indexIssuer: key.String()}); err != nil {
		return nil, fmt.Errorf("list the GatewayTokens of %s: %w", key, err)
	}
	return list.Items, nil
}

// WithMarker lists the GatewayTokens whose marker has that object part: normally one at most; two that clash are found by it.
func WithMarker(ctx context.Context, from client.Reader, object string) ([]v1alpha1.GatewayToken, error) {
	var list v1alpha1.GatewayTokenList
	if err := from.List(ctx, &list, client.MatchingFields{indexMarker: object}); err != nil {
		return nil, fmt.Errorf("list GatewayTokens by marker: %w", err)
	}
	return list.Items, nil
}

// Requests are what a controller is woken with for these objects.
func Requests(objects []v1alpha1.GatewayToken) []reconcile.Request {
	requests := make([]reconcile.Request, 0, len(objects))
	for i := range objects {
		requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: objects[i].Namespace, Name: objects[i].Name}})
	}
	return requests
}

// Namespace gives a namespace by what an issuer's grants go by: its name and, to a ClusterTokenIssuer, its labels. A TokenIssuer serves its
// own namespace whatever that is labelled with; for it nothing is read.
func Namespace(ctx context.Context, from client.Reader, issuer v1alpha1.Issuer, name string) (*metav1.PartialObjectMetadata, error) {
	namespace := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if issuer.Ref().Kind == v1alpha1.KindTokenIssuer {
		return namespace, nil
	}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := from.Get(ctx, client.ObjectKey{Name: name}, namespace); client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("get namespace: %w", err)
	}
	namespace.Name = name
	return namespace, nil
}
