package charts_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// TestMediatorExampleFits holds that the parts of the example name each other: the
// Secret and keys that the GatewayToken publishes are those that the chart and the
// HelmRelease read, and the issuer grants the namespace and finds its credentials.
func TestMediatorExampleFits(t *testing.T) {
	var (
		token       v1alpha1.GatewayToken
		issuer      v1alpha1.ClusterTokenIssuer
		credentials unstructured.Unstructured
		flux        unstructured.Unstructured
		values      map[string]any
	)
	for path, into := range map[string]any{
		"manifests/gatewaytoken.yaml": &token,
		"manifests/issuer.yaml":       &issuer,
		"manifests/credentials.yaml":  &credentials.Object,
		"flux/helmrelease.yaml":       &flux.Object,
		"chart/values.yaml":           &values,
	} {
		content, err := os.ReadFile(filepath.Join("../examples/causely-mediator", path))
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(content, into); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}

	if token.IssuerRef() != issuer.Ref() {
		t.Errorf("the GatewayToken names %s, not %s", token.IssuerRef(), issuer.Ref())
	}
	granted, err := v1alpha1.Granted(issuer.Grants(), &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"name": token.Namespace},
	}})
	if err != nil || !granted {
		t.Errorf("the issuer does not grant %s: %v", token.Namespace, err)
	}

	reference := issuer.Spec.Causely.CredentialsSecretRef.Resolved()
	data, _, err := unstructured.NestedStringMap(credentials.Object, "stringData")
	if err != nil || credentials.GetName() != reference.Name || data[reference.ClientIDKey] == "" || data[reference.ClientSecretKey] == "" {
		t.Errorf("the issuer does not find its credentials %+v: %v", reference, err)
	}
	if credentials.GetNamespace() != namespace {
		t.Errorf("the credentials are in %s, where no operator is installed", credentials.GetNamespace())
	}

	if _, ok := token.SecretData()["CAUSELY_GATEWAY_TOKEN"]; !ok {
		t.Error("the chart's key is not in the Secret")
	}
	sources, _, err := unstructured.NestedSlice(flux.Object, "spec", "valuesFrom")
	if err != nil || len(sources) != 1 {
		t.Fatalf("the HelmRelease takes %d values: %v", len(sources), err)
	}
	source := sources[0].(map[string]any)
	if _, ok := token.SecretData()[source["valuesKey"].(string)]; !ok || source["name"] != token.SecretName() || flux.GetNamespace() != token.Namespace {
		t.Errorf("the HelmRelease reads %v, which the GatewayToken does not publish", source)
	}
	if _, found, err := unstructured.NestedFieldNoCopy(values, strings.Split(source["targetPath"].(string), ".")...); !found || err != nil {
		t.Errorf("the chart has no value %s", source["targetPath"])
	}
}
