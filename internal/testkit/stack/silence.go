package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/canary"
)

// Secrets are all that must not be seen in any channel: what the vendors gave out and are asked with, the token of the operator's
// ServiceAccount, and the key of its ledgers.
func (s *Stack) Secrets(ctx context.Context, operator *Operator, vendors ...Platform) ([]canary.Secret, error) {
	var secrets []canary.Secret
	add := func(name string, values ...string) {
		for _, value := range values {
			secrets = append(secrets, canary.Secret{Name: name + " " + strconv.Itoa(len(secrets)+1), Value: value})
		}
	}
	for _, at := range vendors {
		told, err := at.Secrets(ctx)
		if err != nil {
			return nil, err
		}
		add("secret of "+at.Vendor.Title(), told...)
	}
	config, err := clientcmd.LoadFromFile(operator.Kubeconfig())
	if err != nil {
		return nil, err
	}
	for _, user := range config.AuthInfos {
		add("ServiceAccount token", user.Token)
	}
	key := &corev1.Secret{}
	if err := s.Client.Get(ctx, client.ObjectKey{Namespace: operator.release.Namespace, Name: v1alpha1.LedgerKeySecretName}, key); err != nil {
		return nil, err
	}
	for _, value := range key.Data {
		add("ledger key", string(value))
	}
	return secrets, nil
}

// Heard holds when each of the channels that are named, some by a pattern, is there and has something in it.
func Heard(channels []string, names ...string) error {
	var missing []error
	for _, name := range names {
		if !slices.ContainsFunc(channels, func(path string) bool {
			matched, err := filepath.Match(name, filepath.Base(path))
			if err != nil || !matched {
				return false
			}
			info, err := os.Stat(path)
			return err == nil && info.Size() > 0
		}) {
			missing = append(missing, fmt.Errorf("expected something in %s, found nothing", name))
		}
	}
	return errors.Join(missing...)
}
