package app

import (
	"context"
	"crypto/rand"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// ledgerKey is the key within the Secret that holds the ledger key.
const ledgerKey = "key"

// readIdentity tells who signs the markers.
func readIdentity(ctx context.Context, live client.Reader, options Options) (token.Identity, error) {
	identity := token.Identity{ClusterID: options.ClusterID, Instance: options.Instance}
	if identity.ClusterID != "" {
		return identity, nil
	}
	var namespace corev1.Namespace
	if err := live.Get(ctx, client.ObjectKey{Name: metav1.NamespaceSystem}, &namespace); err != nil {
		return identity, fmt.Errorf("read the UID of namespace %s, which identifies the cluster (or set --cluster-id): %w", metav1.NamespaceSystem, err)
	}
	identity.ClusterID = string(namespace.UID)
	return identity, nil
}

// readSealer reads the key that signs ledgers, and makes one on the first start.
func readSealer(ctx context.Context, live client.Reader, writer client.Writer, namespace string) (ledger.Sealer, error) {
	name := client.ObjectKey{Namespace: namespace, Name: v1alpha1.LedgerKeySecretName}
	secret := &corev1.Secret{}
	err := live.Get(ctx, name, secret)
	if apierrors.IsNotFound(err) {
		secret = newLedgerKey(name)
		err = writer.Create(ctx, secret, client.FieldOwner(v1alpha1.OperatorName))
		if apierrors.IsAlreadyExists(err) {
			err = live.Get(ctx, name, secret)
		}
	}
	if err != nil {
		return ledger.Sealer{}, fmt.Errorf("read or make the ledger key, Secret %s: %w", name, err)
	}
	sealer, err := ledger.NewSealer(secret.Data[ledgerKey])
	if err != nil {
		return ledger.Sealer{}, fmt.Errorf("the ledger key, Secret %s, is unusable: restore it from a backup, or delete it to have ledgers signed anew: %w", name, err)
	}
	return sealer, nil
}

func newLedgerKey(name client.ObjectKey) *corev1.Secret {
	key := make([]byte, ledger.KeyBytes)
	// crypto/rand.Read never returns an error.
	_, _ = rand.Read(key)
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: name.Namespace, Name: name.Name,
			Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.OperatorName, v1alpha1.LabelRole: v1alpha1.RoleLedgerKey},
		},
		Type: corev1.SecretTypeOpaque,
		Data: map[string][]byte{ledgerKey: key},
	}
}
