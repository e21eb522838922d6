package main

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// Names of the story's objects; the example has the first three.
const (
	storyNamespace = "causely"
	storyToken     = "mediator"
	storySecret    = "causely-token"
	storyBase      = "my-mediator-token"
	storyIssuer    = "causely"
	storyLogin     = "causely-api"

	caConfigMap = "vendor-ca"
	// interval is how often the vendor's list is read: what happens at the vendor is seen within it.
	interval = "2s"
)

// example reads a manifest of the example and lets the change loose on it.
func (d *demo) example(name string, change func(map[string]any) error) (string, error) {
	text, err := d.readText("examples/causely-mediator/manifests/" + name)
	if err != nil {
		return "", err
	}
	var content map[string]any
	if err := yaml.Unmarshal([]byte(text), &content); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if err := change(content); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	changed, err := yaml.Marshal(content)
	return string(changed), err
}

// setAll sets fields by their dotted paths.
func setAll(content map[string]any, fields map[string]any) error {
	for path, value := range fields {
		if err := unstructured.SetNestedField(content, value, strings.Split(path, ".")...); err != nil {
			return err
		}
	}
	return nil
}

// issuer describes an issuer of a simulated vendor.
type issuer struct {
	kind, namespace, name string
	url, authURL          string
	credentials           string
	// clientIDKey is clientId when empty.
	clientIDKey string
	// ca is the ConfigMap with the vendor's authority.
	ca string
	// interval of its lists; the default of five minutes when empty.
	interval string
	// grants are the namespaces that a ClusterTokenIssuer grants.
	grants string
}

// issuerAt describes an issuer that would work.
func issuerAt(vendor *stack.Simulator, kind, namespace, name string) issuer {
	return issuer{
		kind: kind, namespace: namespace, name: name, url: vendor.URL, authURL: vendor.AuthURL(),
		credentials: storyLogin, ca: caConfigMap,
	}
}

func (i issuer) manifest() string {
	var text strings.Builder
	fmt.Fprintf(&text, "apiVersion: gatewaytoken.io/v1alpha1\nkind: %s\nmetadata:\n  name: %s\n", i.kind, i.name)
	if i.namespace != "" {
		fmt.Fprintf(&text, "  namespace: %s\n", i.namespace)
	}
	fmt.Fprintf(&text, "spec:\n  causely:\n    url: %s\n    authURL: %s\n    credentialsSecretRef:\n      name: %s\n", i.url, i.authURL, i.credentials)
	if i.clientIDKey != "" {
		fmt.Fprintf(&text, "      clientIDKey: %s\n", i.clientIDKey)
	}
	fmt.Fprintf(&text, "  caBundle:\n    configMapRef:\n      name: %s\n", i.ca)
	if i.interval != "" {
		fmt.Fprintf(&text, "  inventoryInterval: %s\n", i.interval)
	}
	if i.grants != "" {
		fmt.Fprintf(&text, "  grants:\n  - namespaces:\n      names: [%s]\n", i.grants)
	}
	return text.String()
}

// tokenManifest is a GatewayToken; more is what else its spec says, with two spaces in front of every line.
func tokenManifest(namespace, name, issuerKind, issuerName, more string) string {
	return fmt.Sprintf(`apiVersion: gatewaytoken.io/v1alpha1
kind: GatewayToken
metadata:
  name: %s
  namespace: %s
spec:
  issuerRef:
    kind: %s
    name: %s
  tokenName: %s
%s`, name, namespace, issuerKind, issuerName, name, more)
}

func namespaceManifest(name string) string {
	return "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: " + name + "\n"
}

// credentialsManifest is a Secret with client credentials.
func credentialsManifest(namespace, name, clientID, clientSecret string) (string, error) {
	return marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"namespace": namespace, "name": name},
		"stringData": map[string]any{"clientId": clientID, "clientSecret": clientSecret},
	})
}

// caManifest is a ConfigMap with certificates.
func caManifest(namespace, name, certificates string) (string, error) {
	return marshal(map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"namespace": namespace, "name": name},
		"data": map[string]any{"ca.crt": certificates},
	})
}

func marshal(content map[string]any) (string, error) {
	text, err := yaml.Marshal(content)
	return string(text), err
}
