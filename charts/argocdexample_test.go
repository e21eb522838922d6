package charts_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// TestArgoCDExampleFits holds that the parts of the example for Argo CD name each other, and that all of them come before the chart, which
// has no wave and so is in wave 0. `make e2e-argocd` runs it.
func TestArgoCDExampleFits(t *testing.T) {
	var (
		token                  v1alpha1.GatewayToken
		issuer                 v1alpha1.ClusterTokenIssuer
		namespace, application unstructured.Unstructured
		kustomization          struct {
			APIVersion string   `json:"apiVersion"`
			Kind       string   `json:"kind"`
			Resources  []string `json:"resources"`
		}
	)
	for path, into := range map[string]any{
		"application.yaml": &application.Object, "token/kustomization.yaml": &kustomization, "token/namespace.yaml": &namespace.Object,
		"token/issuer.yaml": &issuer, "token/gatewaytoken.yaml": &token,
	} {
		content, err := os.ReadFile(filepath.Join("../examples/argocd", path))
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(content, into); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}

	if len(kustomization.Resources) != 3 {
		t.Errorf("expected the three manifests to be synced, found %v", kustomization.Resources)
	}
	if token.IssuerRef() != issuer.Ref() {
		t.Errorf("the GatewayToken names %s, not %s", token.IssuerRef(), issuer.Ref())
	}
	granted, err := v1alpha1.Granted(issuer.Grants(), &namespace)
	if err != nil || !granted || token.Namespace != namespace.GetName() {
		t.Errorf("the issuer does not grant %s: %v", token.Namespace, err)
	}

	previous := -3
	for _, object := range []interface{ GetAnnotations() map[string]string }{&namespace, &issuer, &token} {
		wave, err := strconv.Atoi(object.GetAnnotations()["argocd.argoproj.io/sync-wave"])
		if err != nil || wave < previous || wave >= 0 {
			t.Errorf("expected waves that go up and end before 0, found %d of %T: %v", wave, object, err)
		}
		previous = wave
	}

	sources, _, err := unstructured.NestedSlice(application.Object, "spec", "sources")
	if err != nil || len(sources) != 2 {
		t.Fatalf("the Application has %d sources: %v", len(sources), err)
	}
	chart := sources[1].(map[string]any)
	if _, err := os.Stat(filepath.Join("..", chart["path"].(string), "Chart.yaml")); err != nil {
		t.Error(err)
	}
	secret, _, err := unstructured.NestedString(chart, "helm", "valuesObject", "mediator", "secretName")
	if err != nil || secret != token.SecretName() {
		t.Errorf("the chart is given the Secret %q, not %q: %v", secret, token.SecretName(), err)
	}
	if _, ok := token.SecretData()["CAUSELY_GATEWAY_TOKEN"]; !ok {
		t.Error("the chart's key is not in the Secret")
	}
	if into, _, err := unstructured.NestedString(application.Object, "spec", "destination", "namespace"); err != nil || into != token.Namespace {
		t.Errorf("the chart is installed in %q, not in %q: %v", into, token.Namespace, err)
	}
}
