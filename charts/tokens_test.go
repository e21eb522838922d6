package charts_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tokensChart renders issuers and GatewayTokens from values.
const tokensChart = "gateway-tokens"

const tokenValues = `
commonLabels: {team: edge}
commonAnnotations: {note: common}
gatewayTokenDefaults:
  issuerRef: {kind: ClusterTokenIssuer, name: causely}
  suspend: true
  rotation: {interval: 720h, overlap: 1h}
clusterTokenIssuers:
  causely:
    keep: true
    spec:
      causely: {credentialsSecretRef: {name: causely-api}}
      grants: [{namespaces: {names: [gateway-token-system]}}]
tokenIssuers:
  own:
    spec:
      rackGateway: {url: "https://rack.example.com", tokenSecretRef: {name: rack-api}}
gatewayTokens:
  plain: {}
  other:
    labels: {team: core, a: b}
    annotations: {note: own}
    spec:
      issuerRef: {name: own}
      suspend: false
      rotation: {overlap: 2h}
      rackGateway: {role: viewer}
`

func TestTokensChart(t *testing.T) {
	file := write(t, tokenValues)
	rendered := objects(t, tokensChart, "--values", file)
	tests := map[string]struct {
		reason string
		object string
		field  string
		want   side
	}{
		"defaults":              {"an entry may be empty", "GatewayToken/plain", "spec", map[string]any{"issuerRef": map[string]any{"kind": "ClusterTokenIssuer", "name": "causely"}, "suspend": true, "rotation": map[string]any{"interval": "720h", "overlap": "1h"}}},
		"a field as a whole":    {"what is below a field of the entry is not merged", "GatewayToken/other", "spec.rotation", map[string]any{"overlap": "2h"}},
		"false is something":    {"a merge of Helm's would take it for nothing", "GatewayToken/other", "spec.suspend", false},
		"namespace":             {"it is the release's", "GatewayToken/other", "metadata.namespace", namespace},
		"no namespace":          {"the kind has none", "ClusterTokenIssuer/causely", "metadata.namespace", nil},
		"kept":                  {"the entry says so", "ClusterTokenIssuer/causely", "metadata.annotations.helm\\.sh/resource-policy", "keep"},
		"not kept":              {"a token that nobody asks for is revoked", "GatewayToken/plain", "metadata.annotations.helm\\.sh/resource-policy", nil},
		"common annotations":    {"all objects have them", "TokenIssuer/own", "metadata.annotations.note", "common"},
		"own annotations":       {"the entry wins", "GatewayToken/other", "metadata.annotations.note", "own"},
		"common labels":         {"all objects have them", "TokenIssuer/own", "metadata.labels.team", "edge"},
		"own labels":            {"the entry wins", "GatewayToken/other", "metadata.labels.team", "core"},
		"labels of the chart's": {"tools find a release by them", "GatewayToken/plain", "metadata.labels.app\\.kubernetes\\.io/instance", release},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if problem := compare(tc.want, at(t, rendered[tc.object], tc.field)); problem != "" {
				t.Errorf("%s: %s", tc.reason, problem)
			}
		})
	}
	if len(rendered) != 4 {
		t.Errorf("%d objects are rendered of 4 entries", len(rendered))
	}
	if len(objects(t, tokensChart)) != 0 {
		t.Error("without values there are objects")
	}
}

// TestTokensSchema holds that Helm refuses what the API server would, by name and before anything is sent.
func TestTokensSchema(t *testing.T) {
	tests := map[string]struct {
		reason, set, says string
	}{
		"misspelt":          {"a typing error must be seen", "gatewayTokens.a.spec.rotaton.interval=24h", "at '/gatewayTokens/a/spec': additional properties 'rotaton' not allowed"},
		"misspelt, deep":    {"a typing error must be seen", "tokenIssuers.a.spec.causely.credentialsSecretRef.nam=x", "additional properties 'nam' not allowed"},
		"misspelt entry":    {"a typing error must be seen", "gatewayTokens.a.specs.suspend=true", "additional properties 'specs' not allowed"},
		"misspelt defaults": {"a typing error must be seen", "gatewayTokenDefaults.suspended=true", "additional properties 'suspended' not allowed"},
		"ill-typed":         {"the API server would refuse it", "gatewayTokens.a.spec.suspend=maybe", "at '/gatewayTokens/a/spec/suspend': got string, want boolean"},
		"no such policy":    {"the API server would refuse it", "gatewayTokens.a.spec.deletionPolicy=Forget", "/gatewayTokens/a/spec/deletionPolicy"},
		"no such name":      {"the API server would refuse it", "gatewayTokens.A_B.spec.suspend=true", "A_B"},
		"an issuer of none": {"it would have no vendor", "tokenIssuers.a.keep=true", "missing property 'spec'"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := render(t, tokensChart, "--set", tc.set); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s: an error that says %q is wanted, not %v", tc.reason, tc.says, err)
			}
		})
	}
}

// TestExampleForFluxIsOfThisRelease holds that the example for Flux runs the operator that the chart beside it is made for.
func TestExampleForFluxIsOfThisRelease(t *testing.T) {
	var release struct {
		Spec struct {
			Values struct {
				Image struct {
					Tag string `json:"tag"`
				} `json:"image"`
			} `json:"values"`
		} `json:"spec"`
	}
	read(t, "../examples/causely-mediator/flux/operator/helmrelease.yaml", &release)
	if release.Spec.Values.Image.Tag != appVersion(t) {
		t.Errorf("its image is %s, the chart's %s", release.Spec.Values.Image.Tag, appVersion(t))
	}
}

// TestChartsOfOneRelease holds that the two charts are released together.
func TestChartsOfOneRelease(t *testing.T) {
	var versions []map[string]any
	for _, chart := range []string{operatorChart, tokensChart} {
		about := map[string]any{}
		read(t, filepath.Join(chart, "Chart.yaml"), &about)
		versions = append(versions, map[string]any{"version": about["version"], "appVersion": about["appVersion"], "kubeVersion": about["kubeVersion"]})
	}
	if diff := cmp.Diff(versions[0], versions[1]); diff != "" {
		t.Errorf("(-operator +tokens):\n%s", diff)
	}
}

// write makes a file of values.
func write(t *testing.T, values string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(file, []byte(values), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
