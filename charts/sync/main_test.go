package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestChartIsUpToDate fails when somebody changed config/ or a copy in the chart,
// and did not run this command.
func TestChartIsUpToDate(t *testing.T) {
	const root = "../.."
	want, err := wanted(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]byte{}
	schema, err := os.ReadFile(filepath.Join(root, tokensSchema))
	if err != nil {
		t.Fatal(err)
	}
	got[tokensSchema] = schema
	for _, dir := range []string{chartCRDs, chartRules} {
		paths, err := filepath.Glob(filepath.Join(root, dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got[target(dir, path)] = content
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("run `make generate`: files of the chart (-want +got):\n%s", diff)
	}
	for path := range want {
		if diff := cmp.Diff(string(want[path]), string(got[path])); diff != "" {
			t.Errorf("run `make generate`: %s differs from config/ (-want +got):\n%s", path, diff)
		}
	}
}

func TestRulesOf(t *testing.T) {
	cases := map[string]struct {
		reason  string
		role    string
		want    string
		wantErr string
	}{
		"role": {
			reason: "comments stay",
			role:   "# About.\nkind: Role\nrules:\n  # Why.\n  - verbs: [get]\n",
			want:   "  # Why.\n  - verbs: [get]\n",
		},
		"no rules":       {reason: "a role without rules is a mistake", role: "kind: Role\n", wantErr: "is missing"},
		"rules not last": {reason: "the rest would be taken for rules", role: "kind: Role\nrules:\n  - verbs: [get]\nmetadata: {}\n", wantErr: "last field"},
		"not indented":   {reason: "the chart could not include it", role: "kind: Role\nrules:\n- verbs: [get]\n", wantErr: "indented"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := rulesOf([]byte(tc.role))
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Fatalf("%s: the error %q is wanted, not %v", tc.reason, tc.wantErr, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestWantedNeedsARepository(t *testing.T) {
	if _, err := wanted(fstest.MapFS{}); err == nil {
		t.Error("an empty directory would empty the chart")
	}
}

const crd = `kind: CustomResourceDefinition
spec:
  names: {kind: GatewayToken}
  versions:
    - schema:
        openAPIV3Schema:
          properties:
            spec:
              type: object
              required: [issuerRef]
              properties:
                issuerRef: {type: string, default: a, x-kubernetes-validations: [{rule: "true"}]}
                count: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}
                data: {type: object, additionalProperties: {type: string}}
`

// What a CRD says of a spec, a schema of values says in its own words: nothing is asked for that may come from the defaults, and nothing is
// taken that the API does not have.
func TestSchemaOfTokens(t *testing.T) {
	text, err := schemaOfTokens(fstest.MapFS{"a.yaml": {Data: []byte(crd)}}, []string{"a.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Definitions map[string]any `json:"definitions"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"GatewayToken": map[string]any{
		"type": "object", "additionalProperties": false, "properties": map[string]any{
			"issuerRef": map[string]any{"type": "string"},
			"count":     map[string]any{"type": []any{"integer", "string"}},
			"data":      map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}},
		},
	}}
	if diff := cmp.Diff(want, schema.Definitions); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := schemaOfTokens(fstest.MapFS{}, nil); err == nil {
		t.Error("without GatewayTokens there is nothing that the chart could render")
	}
}

func TestRunWritesAndRemoves(t *testing.T) {
	root := t.TempDir()
	for path, content := range map[string]string{
		"config/crd/bases/a.yaml":       "---\n" + crd,
		"config/rbac/manager_role.yaml": "kind: ClusterRole\nrules:\n  - verbs: [get]\n",
		chartCRDs + "/gone.yaml":        "kind: CustomResourceDefinition\n",
	} {
		if err := write(filepath.Join(root, path), []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(root); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, chartCRDs, "gone.yaml")); !os.IsNotExist(err) {
		t.Errorf("a CRD that config/ no longer has stays in the chart: %v", err)
	}
	content, err := os.ReadFile(filepath.Join(root, chartRules, "manager_role.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := "# Copied from config/rbac/manager_role.yaml by `go run ./charts/sync`; edit it there.\n  - verbs: [get]\n"
	if diff := cmp.Diff(want, string(content)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
