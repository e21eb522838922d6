package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
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
	// tokenKey is the key that a Secret has when nothing is said about it.
	tokenKey = "token"
	// interval is how often the vendor's list is read: what happens at the vendor is seen within it.
	interval = "2s"
)

// manifest is a file of an example, and what is set in it, by dotted paths.
type manifest struct {
	file   string
	fields map[string]any
}

// applyExample applies manifests of an example, and the authority that its issuer trusts here.
func (d *demo) applyExample(ctx context.Context, dir string, manifests ...manifest) error {
	ca, err := caManifest(stack.ReleaseNamespace, caConfigMap, d.vendor.CA)
	if err != nil {
		return err
	}
	texts := []string{ca}
	for _, m := range manifests {
		text, err := d.changed(dir+m.file, m.fields)
		if err != nil {
			return fmt.Errorf("%s: %w", m.file, err)
		}
		texts = append(texts, text)
	}
	return d.apply(texts...)(ctx)
}

// changed reads a manifest of the repository and sets fields in it.
func (d *demo) changed(path string, fields map[string]any) (string, error) {
	text, err := os.ReadFile(filepath.Join(d.stack.Root(), path))
	if err != nil {
		return "", err
	}
	var content map[string]any
	if err := yaml.Unmarshal(text, &content); err != nil {
		return "", err
	}
	for field, value := range fields {
		if err := unstructured.SetNestedField(content, value, strings.Split(field, ".")...); err != nil {
			return "", err
		}
	}
	return marshal(content)
}

// grant is spec.grants with one grant of a namespace, and of what is asked of a vendor.
func grant(namespace, vendor string, granted map[string]any) []any {
	return []any{map[string]any{"namespaces": map[string]any{"names": []any{namespace}}, vendor: granted}}
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
