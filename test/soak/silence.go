package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/canary"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// searchedAtOnce is how many secrets one search looks for: all pieces of all forms of each are in memory.
const searchedAtOnce = 500

// silence searches everything that was put out for everything that is secret: logs at the highest level, each version of each object with
// its status, events, the Lease, metrics.
func (s *soak) silence(ctx context.Context) error {
	secrets, err := s.secrets(ctx)
	if err != nil {
		return err
	}
	channels, err := s.stack.Channels()
	if err != nil {
		return err
	}
	if err := heard(channels); err != nil {
		return err
	}
	var found []error
	var size int
	for some := range slices.Chunk(secrets, searchedAtOnce) {
		search := canary.New(some...)
		if err := plant(search, some[0]); err != nil {
			return err
		}
		hits, searched, err := search.Files(channels...)
		if err != nil {
			return err
		}
		size = searched
		for _, hit := range hits {
			found = append(found, fmt.Errorf("expected no secret in %s, found %s (%s) at byte %d", hit.File, hit.Secret, hit.Encoding, hit.Offset))
		}
	}
	fmt.Fprintf(s.out, "soak: %d secrets looked for in %d channels of %.1f MB\n", len(secrets), len(channels), float64(size)/1e6)
	return errors.Join(found...)
}

// secrets are all that must not be seen.
func (s *soak) secrets(ctx context.Context) ([]canary.Secret, error) {
	var secrets []canary.Secret
	add := func(name string, values ...string) {
		for _, value := range values {
			secrets = append(secrets, canary.Secret{Name: fmt.Sprintf("%s %d", name, len(secrets)+1), Value: value})
		}
	}
	for _, vendor := range s.vendors() {
		told, err := s.vendor.Platform(vendor).Secrets(ctx)
		if err != nil {
			return nil, err
		}
		add("secret of "+vendor.Title(), told...)
	}
	config, err := clientcmd.LoadFromFile(s.operator.Kubeconfig())
	if err != nil {
		return nil, err
	}
	for _, user := range config.AuthInfos {
		add("ServiceAccount token", user.Token)
	}
	key := &corev1.Secret{}
	if err := s.stack.Client.Get(ctx, client.ObjectKey{Namespace: stack.ReleaseNamespace, Name: v1alpha1.LedgerKeySecretName}, key); err != nil {
		return nil, err
	}
	for _, value := range key.Data {
		add("ledger key", string(value))
	}
	return secrets, nil
}

// heard holds when every channel that is expected is there and has something in it.
func heard(channels []string) error {
	var missing []error
	for _, name := range []string{
		"manager.log", "vendorsim.log", "soak.txt", "gatewaytokens.json", "tokenissuers.json", "clustertokenissuers.json", "events.json",
		"leases.json", "metrics.txt", "kube-apiserver.log", "kube-controller-manager.log",
	} {
		if !slices.ContainsFunc(channels, func(path string) bool {
			info, err := os.Stat(path)
			return filepath.Base(path) == name && err == nil && info.Size() > 0
		}) {
			missing = append(missing, fmt.Errorf("expected something in %s, found nothing", name))
		}
	}
	return errors.Join(missing...)
}

// plant is the control: the search must find what is there.
func plant(search *canary.Search, secret canary.Secret) error {
	for encoding, text := range canary.Encodings(secret.Value[max(0, len(secret.Value)-20):]) {
		if len(text) < canary.FragmentLength {
			continue
		}
		if hits := search.Text("planted", []byte(strings.Repeat("x", 100)+text)); len(hits) == 0 {
			return fmt.Errorf("expected the search to find %s, in the form %s, found nothing", secret.Name, encoding)
		}
	}
	return nil
}
