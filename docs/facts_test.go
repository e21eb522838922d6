package docs_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/app"
	"github.com/gatewaytoken/gateway-token-operator/internal/metrics"
	vocabulary "github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// read reads a file by its path below the repository's root.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestFieldsAreInTheManuals holds that the manuals name every field of a spec, and no other, and every field of a status.
func TestFieldsAreInTheManuals(t *testing.T) {
	tests := map[string]struct{ manual, crd string }{
		"GatewayToken":       {"docs/gatewaytoken.md", "gatewaytokens"},
		"ClusterTokenIssuer": {"docs/tokenissuer.md", "clustertokenissuers"},
		"TokenIssuer":        {"docs/tokenissuer.md", "tokenissuers"},
	}
	for kind, tc := range tests {
		t.Run(kind, func(t *testing.T) {
			manual := read(t, tc.manual)
			var crd apiextensionsv1.CustomResourceDefinition
			if err := yaml.Unmarshal([]byte(read(t, "config/crd/bases/gatewaytoken.io_"+tc.crd+".yaml")), &crd); err != nil {
				t.Fatal(err)
			}
			schema := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties
			fields := append(fieldsOf("spec", schema["spec"]), topFields("status", schema["status"])...)
			for _, field := range fields {
				if !strings.Contains(manual, "`"+field+"`") {
					t.Errorf("%s does not name %s", tc.manual, field)
				}
			}
			if kind == "TokenIssuer" {
				return // the manual names what a ClusterTokenIssuer has beside
			}
			for _, match := range regexp.MustCompile("(?m)^\\| `((?:spec|status)\\.[A-Za-z.\\[\\]]+)`").FindAllStringSubmatch(manual, -1) {
				if !slices.Contains(fields, match[1]) && !strings.HasPrefix(match[1], "status.current.") {
					t.Errorf("%s names %s, which does not exist", tc.manual, match[1])
				}
			}
		})
	}
}

// fieldsOf are the paths of a field's own fields, down to what Kubernetes itself describes.
func fieldsOf(path string, schema apiextensionsv1.JSONSchemaProps) []string {
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		child, below := schema.Properties[name], path+"."+name
		fields = append(fields, below)
		if name == "selector" {
			continue
		}
		fields = append(fields, fieldsOf(below, child)...)
		if child.Items != nil && child.Items.Schema != nil {
			fields = append(fields, fieldsOf(below+"[]", *child.Items.Schema)...)
		}
	}
	return fields
}

// topFields are the paths of a field's own fields, and of those of its current token.
func topFields(path string, schema apiextensionsv1.JSONSchemaProps) []string {
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		fields = append(fields, path+"."+name)
		if name == "current" {
			fields = append(fields, topFields(path+"."+name, schema.Properties[name])...)
		}
	}
	return fields
}

// TestDefaultsAreInTheManuals holds that the defaults that the manuals name are the code's.
func TestDefaultsAreInTheManuals(t *testing.T) {
	for field, want := range map[string]string{
		"spec.secret.type":                                  v1alpha1.DefaultSecretType,
		"spec.secret.data":                                  v1alpha1.DefaultDataKey + `: "` + v1alpha1.DefaultDataTemplate + `"`,
		"spec.secret.adopt":                                 string(v1alpha1.AdoptNever),
		"spec.rotation.overlap":                             "24h",
		"spec.consumers.select":                             string(v1alpha1.SelectAll),
		"spec.deletionPolicy":                               string(v1alpha1.DeletionRevoke),
		"spec.onRemoteRevocation":                           string(v1alpha1.RemoteRevocationReissue),
		"spec.issuerRef.kind":                               v1alpha1.KindTokenIssuer,
		"spec.causely.url":                                  v1alpha1.DefaultCauselyURL,
		"spec.causely.authURL":                              v1alpha1.DefaultCauselyAuthURL,
		"spec.requestsPerSecond":                            strconv.Itoa(int(v1alpha1.DefaultRequestsPerSecond)),
		"spec.inventoryInterval":                            "5m",
		"spec.caBundle.configMapRef.key":                    v1alpha1.DefaultCABundleKey,
		"spec.causely.credentialsSecretRef.clientIDKey":     v1alpha1.DefaultClientIDKey,
		"spec.causely.credentialsSecretRef.clientSecretKey": v1alpha1.DefaultClientSecretKey,
		"spec.causeloop.url":                                v1alpha1.DefaultCauseloopURL,
		"spec.causeloop.tokenSecretRef.key":                 v1alpha1.DefaultTokenKey,
		"spec.rackGateway.tokenSecretRef.key":               v1alpha1.DefaultTokenKey,
		"spec.pingOne.credentialsSecretRef.clientIDKey":     v1alpha1.DefaultClientIDKey,
		"spec.pingOne.credentialsSecretRef.clientSecretKey": v1alpha1.DefaultClientSecretKey,
		"spec.pingOne.tokenEndpointAuthMethod":              string(v1alpha1.DefaultTokenEndpointAuthMethod),
	} {
		row := "| `" + field + "` | `" + want + "` |"
		if !strings.Contains(read(t, "docs/gatewaytoken.md"), row) && !strings.Contains(read(t, "docs/tokenissuer.md"), row) {
			t.Errorf("no manual says %s", row)
		}
	}
	if v1alpha1.DefaultOverlap.Hours() != 24 || v1alpha1.DefaultOverlapOfPods.Hours() != 1 || v1alpha1.DefaultInventoryInterval.Minutes() != 5 {
		t.Error("the manuals name other durations than the code")
	}
}

// TestReasonsExist holds that what the troubleshooting tables call a reason is one.
func TestReasonsExist(t *testing.T) {
	known := constants(t, "api/v1alpha1/conditions.go")
	for _, page := range []string{"README.md", "docs/runbooks/README.md", "docs/runbooks/deletion-hangs.md", "docs/runbooks/vendor-unreachable.md"} {
		for _, line := range strings.Split(read(t, page), "\n") {
			cell, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
			if cell == line {
				continue
			}
			for _, match := range regexp.MustCompile("`([A-Z][A-Za-z]+)`").FindAllStringSubmatch(cell, -1) {
				if name := match[1]; !slices.Contains(known, name) {
					t.Errorf("%s: there is no reason %s", page, name)
				}
			}
		}
	}
}

// constants are the values of the string constants of a file.
func constants(t *testing.T, path string) []string {
	t.Helper()
	var values []string
	ast.Inspect(parse(t, path), func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if value, err := strconv.Unquote(literal.Value); err == nil {
				values = append(values, value)
			}
		}
		return true
	})
	return values
}

func parse(t *testing.T, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, read(t, path), parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestRulesAreNamedRight holds that what the concepts put in italics as a rule's name is one.
func TestRulesAreNamedRight(t *testing.T) {
	known := append(ruleNames(t, "living"), ruleNames(t, "deleting")...)
	prose := codeBlock.ReplaceAllString(read(t, "docs/concepts.md"), "")
	prose = strings.Join(strings.Fields(strings.ReplaceAll(prose, "**", "")), " ")
	found := 0
	for _, match := range regexp.MustCompile(`\*([^*]+)\*`).FindAllStringSubmatch(prose, -1) {
		if len(match[1]) < 12 { // a single word, and not a rule
			continue
		}
		found++
		if !slices.Contains(known, match[1]) {
			t.Errorf("there is no rule %q", match[1])
		}
	}
	if found < 15 {
		t.Errorf("only %d rules are named", found)
	}
}

// ruleNames are the names of one of the planner's lists of rules.
func ruleNames(t *testing.T, variable string) []string {
	t.Helper()
	var names []string
	ast.Inspect(parse(t, "internal/lifecycle/plan.go"), func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != variable {
			return true
		}
		for _, element := range spec.Values[0].(*ast.CompositeLit).Elts {
			name, err := strconv.Unquote(element.(*ast.CompositeLit).Elts[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
		}
		return false
	})
	return names
}

// TestFlagsExist holds that a flag of which the pages speak is one of the operator's, or of the tool that the line is about.
func TestFlagsExist(t *testing.T) {
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	new(app.Options).Bind(flags)
	others := []string{"kubeconfig", "take-ownership", "no-hooks", "timeout", "wait"}
	for page, text := range pages(t) {
		for _, match := range regexp.MustCompile("`--([a-z][a-z-]+)[=`]").FindAllStringSubmatch(text, -1) {
			if flags.Lookup(match[1]) == nil && !slices.Contains(others, match[1]) {
				t.Errorf("%s: there is no flag --%s", page, match[1])
			}
		}
		for _, match := range regexp.MustCompile(`extraArgs=\{([^}]*)\}`).FindAllStringSubmatch(text, -1) {
			for _, argument := range strings.Split(match[1], ",") {
				name, _, _ := strings.Cut(strings.TrimPrefix(argument, "--"), "=")
				if flags.Lookup(name) == nil {
					t.Errorf("%s: there is no flag --%s", page, name)
				}
			}
		}
	}
}

// TestMetricsAreDocumented holds that the page has every metric of the operator with its help, and every label and class.
func TestMetricsAreDocumented(t *testing.T) {
	page := read(t, "docs/reference/metrics.md")
	registry := prometheus.NewRegistry()
	counters, err := metrics.New(registry)
	if err != nil {
		t.Fatal(err)
	}
	counters.Issued("", "", "")
	counters.Adopted("", "", "")
	counters.Revoked("", "", "")
	counters.CreateFailed("", "", "", vocabulary.Ambiguous)
	counters.Unused("", "", "", &v1alpha1.UnusedTokens{})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(families) < 5 {
		t.Fatalf("only %d metrics were found", len(families))
	}
	for _, family := range families {
		if !strings.Contains(page, "| `"+family.GetName()+"` | "+family.GetHelp()+" |") {
			t.Errorf("%s is not documented as %q", family.GetName(), family.GetHelp())
		}
		for _, label := range family.GetMetric()[0].GetLabel() {
			if !strings.Contains(page, "`"+label.GetName()+"`") {
				t.Errorf("the label %s of %s is not documented", label.GetName(), family.GetName())
			}
		}
	}
	for class := vocabulary.NotFound; class.String() != ""; class++ {
		if !strings.Contains(page, "`"+class.String()+"`") {
			t.Errorf("the class %s is not documented", class)
		}
	}
}

// TestValuesAreDocumented holds that the README of the chart, which is generated, has every value.
func TestValuesAreDocumented(t *testing.T) {
	var values map[string]any
	if err := yaml.Unmarshal([]byte(read(t, "charts/gateway-token-operator/values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	page := read(t, "charts/gateway-token-operator/README.md")
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !strings.Contains(page, "`"+name+"`") && !strings.Contains(page, "`"+name+".") {
			t.Errorf("the value %s is not documented", name)
		}
	}
}

// TestManifests holds that every manifest of this API in a page is one: known fields only, and of a kind that exists.
func TestManifests(t *testing.T) {
	found := 0
	for page, text := range pages(t) {
		for _, match := range regexp.MustCompile("(?ms)^[ \t]*```yaml\n(.*?)^[ \t]*```").FindAllStringSubmatch(text, -1) {
			for _, manifest := range strings.Split(match[1], "\n---\n") {
				if !strings.Contains(manifest, "apiVersion: gatewaytoken.io/") {
					continue
				}
				found++
				if err := decode(manifest); err != nil {
					t.Errorf("%s: %v in\n%s", page, err, manifest)
				}
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d manifests were found", found)
	}
}

func decode(manifest string) error {
	var kind struct {
		Kind string `json:"kind"`
	}
	if err := yaml.Unmarshal([]byte(manifest), &kind); err != nil {
		return err
	}
	object, err := yaml.YAMLToJSONStrict([]byte(manifest))
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(object))
	decoder.DisallowUnknownFields()
	switch kind.Kind {
	case v1alpha1.KindGatewayToken:
		return decoder.Decode(&v1alpha1.GatewayToken{})
	case v1alpha1.KindTokenIssuer:
		return decoder.Decode(&v1alpha1.TokenIssuer{})
	default:
		return decoder.Decode(&v1alpha1.ClusterTokenIssuer{})
	}
}

// TestStandsOnItsOwn holds that the pages speak of the operator's own things in words that this repository explains: no
// placeholder and no note to oneself is left.
func TestStandsOnItsOwn(t *testing.T) {
	left := regexp.MustCompile(`(?i)<!-- *figure|\btodo\b|\bfixme\b|\btbd\b|lorem ipsum`)
	for page, text := range pages(t) {
		if match := left.FindString(text); match != "" {
			t.Errorf("%s: %q is left", page, match)
		}
	}
}
