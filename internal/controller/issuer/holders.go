package issuer

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/secretdata"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// pageSize bounds what one answer of the API server holds.
const pageSize = 500

// holders asks the API server itself what in the cluster has some tokens, whichever issuer it names: a GatewayToken, or a Secret whose
// GatewayToken is gone. What claims a token that is not its own spares it, and no more.
func (r *Reconciler) holders(ctx context.Context, rows []orphanRow) (map[string]string, error) {
	found := map[string]string{}
	options := &client.ListOptions{Limit: pageSize}
	for {
		var page v1alpha1.GatewayTokenList
		if err := r.Live.List(ctx, &page, options); err != nil {
			return nil, fmt.Errorf("list GatewayTokens: %w", err)
		}
		for i := range page.Items {
			if err := r.heldBy(ctx, &page.Items[i], rows, found); err != nil {
				return nil, err
			}
		}
		if options.Continue = page.Continue; options.Continue == "" {
			return found, r.heldBySecrets(ctx, rows, found)
		}
	}
}

// heldBy notes which of the tokens a GatewayToken has.
func (r *Reconciler) heldBy(ctx context.Context, object *v1alpha1.GatewayToken, rows []orphanRow, found map[string]string) error {
	own := r.Identity.Marker(object.Namespace, object.Name, string(object.UID))
	for _, row := range rows {
		marker, _ := row.Marker()
		if own.SameIncarnation(marker) || tellsOf(&object.Status, row.Token) {
			found[row.where()] = ownerOf(object)
		}
		if found[row.where()] != "" || !own.SameObject(marker) {
			continue
		}
		// Whoever removes the operator's label from its Secret does not remove the token from it.
		secret := metadataOfSecret()
		err := r.Live.Get(ctx, client.ObjectKey{Namespace: object.Namespace, Name: object.SecretName()}, secret)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("get Secret: %w", err)
		}
		r.noteHolder(secret, rows, found)
	}
	return nil
}

// tellsOf tells whether a status names a token.
func tellsOf(of *v1alpha1.GatewayTokenStatus, row token.Token) bool {
	if current := of.Current; current != nil && current.ID == string(row.ID) && (current.Name == "" || current.Name == row.Name) {
		return true
	}
	for _, retiring := range of.Retiring {
		if retiring.ID == string(row.ID) && (retiring.Name == "" || retiring.Name == row.Name) {
			return true
		}
	}
	return false
}

// heldBySecrets notes which of the tokens the ledgers of Secrets tell of. Of the Secrets themselves nothing is read.
func (r *Reconciler) heldBySecrets(ctx context.Context, rows []orphanRow, found map[string]string) error {
	options := []client.ListOption{client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.OperatorName}, client.Limit(pageSize)}
	page := &metav1.PartialObjectMetadataList{}
	page.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("SecretList"))
	for {
		if err := r.Live.List(ctx, page, append(options, client.Continue(page.Continue))...); err != nil {
			return fmt.Errorf("list the operator's Secrets: %w", err)
		}
		for i := range page.Items {
			r.noteHolder(&page.Items[i], rows, found)
		}
		if page.Continue == "" {
			return nil
		}
	}
}

// noteHolder notes which of the tokens a Secret's ledger tells of, whoever signed it.
func (r *Reconciler) noteHolder(secret *metav1.PartialObjectMetadata, rows []orphanRow, found map[string]string) {
	name, named := secretdata.OwnerOf(secret)
	if !named {
		return
	}
	owner := ledger.Owner{ClusterID: r.Identity.ClusterID, Namespace: secret.Namespace, GatewayToken: name.Name, Secret: secret.Name}
	record, trust := r.Sealer.Open(owner, secret.Annotations[v1alpha1.AnnotationLedger])
	if trust == ledger.Absent {
		return
	}
	for _, row := range rows {
		if found[row.where()] == "" && records(&record, row.Token) {
			found[row.where()] = "Secret " + client.ObjectKeyFromObject(secret).String()
		}
	}
}

// records tells whether a ledger names a token.
func records(in *ledger.Ledger, row token.Token) bool {
	return slices.ContainsFunc(slices.Concat([]ledger.Entry{in.Current}, in.Retiring, in.Condemned), func(entry ledger.Entry) bool {
		return entry.ID == row.ID && (entry.Name == "" || entry.Name == row.Name)
	})
}

func metadataOfSecret() *metav1.PartialObjectMetadata {
	secret := &metav1.PartialObjectMetadata{}
	secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	return secret
}
