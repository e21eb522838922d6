package gatewaytoken

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
)

// collect deletes a Secret that a process which no longer leads wrote for an object that this process has released. Its token is
// swept by the issuer or, where no list tells whose it is, reported. Only what this process itself released is touched: any other
// Secret without its GatewayToken may be waiting for a restore.
func (r *Reconciler) collect(ctx context.Context, name types.NamespacedName) error {
	var secrets corev1.SecretList
	if err := r.Client.List(ctx, &secrets, client.InNamespace(name.Namespace), client.MatchingLabels{v1alpha1.LabelGatewayToken: name.Name}); err != nil {
		return fmt.Errorf("list the Secrets of a GatewayToken that is gone: %w", err)
	}
	for i := range secrets.Items {
		if err := r.collectOne(ctx, name, &secrets.Items[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) collectOne(ctx context.Context, name types.NamespacedName, secret *corev1.Secret) error {
	owner := ledger.Owner{ClusterID: r.Identity.ClusterID, Namespace: name.Namespace, GatewayToken: name.Name, Secret: secret.Name}
	record, trust := r.Sealer.Open(owner, secret.Annotations[v1alpha1.AnnotationLedger])
	if trust != ledger.Proof || record.Retained || secret.DeletionTimestamp != nil {
		return nil
	}
	marker := r.Identity.Marker(name.Namespace, name.Name, "")
	marker.Incarnation = record.Incarnation
	if !r.Book.Gone(marker, record.Current.ID, r.Clock.Now()) {
		return nil
	}
	if from, unnamed := r.Book.ReleasedFrom(marker); unnamed {
		why := "It was made for GatewayToken " + name.String() + ", by an operator that led no more, when that was deleted already."
		if told, err := r.reportLeft(ctx, from, record.Current, why); err != nil || !told {
			// The Secret stays meanwhile: it is all that tells of the token.
			return client.IgnoreNotFound(err)
		}
	}
	preconditions := client.Preconditions{UID: &secret.UID, ResourceVersion: &secret.ResourceVersion}
	if err := r.Client.Delete(ctx, secret, preconditions); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete the Secret of a GatewayToken that is gone: %w", err)
	}
	log.FromContext(ctx).Info("deleted a Secret that was written after its GatewayToken was gone", "secret", secret.Name)
	return nil
}
