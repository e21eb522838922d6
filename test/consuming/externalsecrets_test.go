// Package consuming holds what examples/consuming has of other tools' kinds.
package consuming

import (
	"bytes"
	"os"
	"testing"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

// TestExternalSecrets holds that every field of the example is one of External Secrets' API, that the store reads as an account that may get
// the one Secret, and that the ExternalSecret asks for what the GatewayToken publishes.
func TestExternalSecrets(t *testing.T) {
	content, err := os.ReadFile("../../examples/consuming/copies/external-secrets.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var (
		account corev1.ServiceAccount
		role    rbacv1.Role
		binding rbacv1.RoleBinding
		store   esv1.SecretStore
		copied  esv1.ExternalSecret
	)
	documents := bytes.Split(content, []byte("\n---\n"))
	into := []any{&account, &role, &binding, &store, &copied}
	if len(documents) != len(into) {
		t.Fatalf("%d documents, not %d", len(documents), len(into))
	}
	for i, document := range documents {
		if err := yaml.UnmarshalStrict(document, into[i]); err != nil {
			t.Errorf("document %d: %v", i+1, err)
		}
	}
	if t.Failed() {
		return
	}
	if store.APIVersion != esv1.SchemeGroupVersion.String() || store.Kind != esv1.SecretStoreKind || copied.Kind != esv1.ExtSecretKind {
		t.Errorf("kinds %s %s, %s", store.APIVersion, store.Kind, copied.Kind)
	}
	kubernetes := store.Spec.Provider.Kubernetes
	if kubernetes.RemoteNamespace != role.Namespace || kubernetes.Auth.ServiceAccount.Name != account.Name || account.Namespace != store.Namespace {
		t.Errorf("the store reads namespace %s as %s", kubernetes.RemoteNamespace, kubernetes.Auth.ServiceAccount.Name)
	}
	if subject := binding.Subjects[0]; subject.Name != account.Name || subject.Namespace != account.Namespace || binding.RoleRef.Name != role.Name || binding.Namespace != role.Namespace {
		t.Errorf("the binding is of %s to %+v", binding.RoleRef.Name, subject)
	}
	remote := copied.Spec.Data[0].RemoteRef
	if copied.Spec.SecretStoreRef.Name != store.Name || copied.Namespace != store.Namespace || role.Rules[0].ResourceNames[0] != remote.Key {
		t.Errorf("the ExternalSecret reads %s by the store %s, and the role allows %v", remote.Key, copied.Spec.SecretStoreRef.Name, role.Rules[0].ResourceNames)
	}
	token, err := os.ReadFile("../../examples/consuming/manifests/gatewaytoken.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var published struct {
		Spec struct {
			Secret struct {
				Name string            `json:"name"`
				Data map[string]string `json:"data"`
			} `json:"secret"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(token, &published); err != nil {
		t.Fatal(err)
	}
	if published.Spec.Secret.Name != remote.Key || published.Spec.Secret.Data[remote.Property] == "" {
		t.Errorf("Secret %s has no key %s", remote.Key, remote.Property)
	}
}
