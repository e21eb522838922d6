// Package argocd_test runs Argo CD's own engine over the recorded states: with the settings that config/argocd/argocd-cm.yaml makes, read by
// Argo CD's own parser, and with the libraries that Argo CD gives to such scripts.
package argocd_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/argoproj/argo-cd/v3/common"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/argoproj/argo-cd/v3/util/settings"
	"github.com/argoproj/gitops-engine/pkg/health"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/yaml"
)

const (
	config  = "../../../config/argocd"
	layout  = config + "/resource_customizations/gatewaytoken.io"
	states  = "../testdata/states"
	table   = "../health.yaml"
	onToken = layout + "/GatewayToken/actions"
)

var update = flag.Bool("update", false, "write health_test.yaml, with the messages that are given now, and what actions make of objects")

// kinds are ours.
func kinds() []string { return []string{"GatewayToken", "TokenIssuer", "ClusterTokenIssuer"} }

// overrides are what Argo CD reads from the ConfigMap.
func overrides(t *testing.T) map[string]v1alpha1.ResourceOverride {
	t.Helper()
	var given corev1.ConfigMap
	decode(t, filepath.Join(config, "argocd-cm.yaml"), &given)
	if given.Name != common.ArgoCDConfigMapName {
		t.Fatalf("the ConfigMap is called %s", given.Name)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: common.ArgoCDSecretName, Namespace: given.Namespace, Labels: given.Labels}}
	manager := settings.NewSettingsManager(t.Context(), fake.NewClientset(&given, secret), given.Namespace)
	read, err := manager.GetResourceOverrides()
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func decode(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// object reads one as Argo CD has it from the API server.
func object(t *testing.T, path string) *unstructured.Unstructured {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	read := &unstructured.Unstructured{}
	if err := read.UnmarshalJSON(plain); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return read
}

// TestSettings holds that Argo CD finds in the ConfigMap exactly the scripts that are in the files, and gives them no more libraries than
// it gives to everybody.
func TestSettings(t *testing.T) {
	read := overrides(t)
	var values struct {
		Configs struct {
			CM map[string]string `json:"cm"`
		} `json:"configs"`
	}
	var given corev1.ConfigMap
	decode(t, filepath.Join(config, "values.yaml"), &values)
	decode(t, filepath.Join(config, "argocd-cm.yaml"), &given)
	if len(given.Data) != 4 || len(values.Configs.CM) != len(given.Data) {
		t.Errorf("%d settings in the ConfigMap, %d in the values", len(given.Data), len(values.Configs.CM))
	}
	for key, value := range given.Data {
		if values.Configs.CM[key] != value {
			t.Errorf("the values differ from the ConfigMap in %s", key)
		}
	}
	for _, kind := range kinds() {
		override, found := read["gatewaytoken.io/"+kind]
		if !found || override.HealthLua == "" || override.UseOpenLibs {
			t.Fatalf("%s: found %t, with all libraries %t", kind, found, override.UseOpenLibs)
		}
		text, err := os.ReadFile(filepath.Join(layout, kind, "health.lua"))
		if err != nil {
			t.Fatal(err)
		}
		if _, script, _ := strings.Cut(string(text), "\n"); script != override.HealthLua {
			t.Errorf("%s: the ConfigMap has another script than the file", kind)
		}
		actions, err := override.GetActions()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, one := range actions.Definitions {
			names = append(names, one.Name)
		}
		want := map[string]string{"GatewayToken": "resume revoke-now rotate suspend"}[kind]
		if got := strings.Join(names, " "); got != want || (got == "") != (actions.ActionDiscoveryLua == "") {
			t.Errorf("%s has the actions %q, want %q", kind, got, want)
		}
	}
}

// tests is the form of Argo CD's own health_test.yaml.
type tests struct {
	Tests []test `json:"tests"`
}

type test struct {
	InputPath    string              `json:"inputPath"`
	HealthStatus health.HealthStatus `json:"healthStatus"`
}

// want is what is wanted of one recorded state (test/gitops/health.yaml).
type want struct {
	Argo    health.HealthStatusCode `json:"argo"`
	Kstatus string                  `json:"kstatus"`
	Why     string                  `json:"why,omitempty"`
}

// TestHealth holds the health of every recorded state, and of no other: the status by the table, the message by health_test.yaml, which is
// read as Argo CD's own tests read it.
func TestHealth(t *testing.T) {
	var wanted map[string]map[string]want
	decode(t, table, &wanted)
	read := lua.ResourceHealthOverrides(overrides(t))
	for _, kind := range kinds() {
		t.Run(kind, func(t *testing.T) {
			path := filepath.Join(layout, kind, "health_test.yaml")
			if *update {
				write(t, path, told(t, read, kind))
			}
			var asked tests
			decode(t, path, &asked)
			rows, reached := wanted[kind], map[health.HealthStatusCode]bool{}
			seen := map[string]bool{}
			for _, one := range asked.Tests {
				state := strings.TrimSuffix(filepath.Base(one.InputPath), ".yaml")
				seen[state] = true
				t.Run(state, func(t *testing.T) {
					of := object(t, filepath.Join(layout, kind, one.InputPath))
					got := healthOf(t, read, of)
					reached[got.Status] = true
					if got != one.HealthStatus {
						t.Errorf("%+v, want %+v", got, one.HealthStatus)
					}
					if got.Status != rows[state].Argo {
						t.Errorf("%s (%s), and %s says %q", got.Status, got.Message, table, rows[state].Argo)
					}
					if got.Message == "" {
						t.Error("nothing is said")
					}
				})
			}
			every(t, kind, rows, seen)
			must := []health.HealthStatusCode{health.HealthStatusHealthy, health.HealthStatusProgressing, health.HealthStatusDegraded}
			if kind == "GatewayToken" {
				must = append(must, health.HealthStatusSuspended)
			}
			for _, one := range must {
				if !reached[one] {
					t.Errorf("nothing is %s", one)
				}
			}
		})
	}
}

// healthOf is the health by our script: Argo CD has none of its own for these kinds.
func healthOf(t *testing.T, read lua.ResourceHealthOverrides, of *unstructured.Unstructured) health.HealthStatus {
	t.Helper()
	if health.GetHealthCheckFunc(of.GroupVersionKind()) != nil {
		t.Fatal("Argo CD has a health check of its own")
	}
	got, err := patiently(func() (*health.HealthStatus, error) { return read.GetResourceHealth(of) })
	if err != nil || got == nil {
		t.Fatalf("health: %+v, %v", got, err)
	}
	engine, err := patiently(func() (*health.HealthStatus, error) { return health.GetResourceHealth(of, read) })
	if err != nil || engine == nil {
		t.Fatalf("health by the engine: %+v, %v", engine, err)
	}
	// Of what is being deleted Argo CD says the same status in words of its own.
	if engine.Status != got.Status || (of.GetDeletionTimestamp() == nil && *engine != *got) {
		t.Errorf("the engine says %+v, the script %+v", *engine, *got)
	}
	return *got
}

// patiently tries again what ran into the second of true time that Argo CD gives to a script: on a busy machine any script may.
func patiently[T any](do func() (T, error)) (got T, err error) {
	for range 10 {
		if got, err = do(); err == nil || !strings.Contains(err.Error(), context.DeadlineExceeded.Error()) {
			return got, err
		}
	}
	return got, err
}

// every holds that there is a row for every recorded state, and none for another.
func every(t *testing.T, kind string, rows map[string]want, seen map[string]bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(states, kind, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("recorded states: %d, %v", len(files), err)
	}
	recorded := map[string]bool{}
	for _, file := range files {
		state := strings.TrimSuffix(filepath.Base(file), ".yaml")
		recorded[state] = true
		if _, told := rows[state]; !told {
			t.Errorf("%s does not say what is wanted of %s %s", table, kind, state)
		}
		if !seen[state] {
			t.Errorf("health_test.yaml of %s does not have %s: run the test with -update", kind, state)
		}
	}
	for state := range rows {
		if !recorded[state] {
			t.Errorf("%s: %s %s is not recorded", table, kind, state)
		}
	}
}

// told is what health_test.yaml says after an update.
func told(t *testing.T, read lua.ResourceHealthOverrides, kind string) tests {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(states, kind, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var all tests
	for _, file := range files {
		path, err := relative(filepath.Join(layout, kind), file)
		if err != nil {
			t.Fatal(err)
		}
		all.Tests = append(all.Tests, test{InputPath: filepath.ToSlash(path), HealthStatus: healthOf(t, read, object(t, file))})
	}
	return all
}

func write(t *testing.T, path string, content any) {
	t.Helper()
	text, err := yaml.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestGarbage holds that nothing that can stand in an object makes a script fail: then its health would be unknown, which aborts syncs.
func TestGarbage(t *testing.T) {
	read := overrides(t)
	odd := map[string]any{
		"nil": nil, "text": "x", "number": int64(7), "true": true, "list": []any{}, "map": map[string]any{}, "list of odd things": []any{nil, "x", int64(1), []any{}, map[string]any{}},
		"conditions without anything": []any{map[string]any{"type": "Ready"}, map[string]any{"type": int64(1)}, map[string]any{"status": "True"}},
		"odd conditions": []any{
			map[string]any{"type": "Ready", "status": true, "reason": int64(1), "message": []any{}},
			map[string]any{"type": "Stalled", "status": "True", "message": map[string]any{}},
		},
	}
	for _, kind := range kinds() {
		for _, field := range []string{"status", "status.conditions", "status.observedGeneration", "status.current", "status.account", "spec", "metadata.annotations", "metadata.generation"} {
			for name, value := range odd {
				files, err := filepath.Glob(filepath.Join(states, kind, "*ready-*.yaml"))
				if err != nil || len(files) < 2 {
					t.Fatalf("recorded states: %d, %v", len(files), err)
				}
				of := object(t, files[0])
				put(of.Object, strings.Split(field, "."), value)
				vm := lua.VM{ResourceOverrides: read}
				script, _, err := vm.GetHealthScript(of)
				if err != nil {
					t.Fatal(err)
				}
				got, err := patiently(func() (*health.HealthStatus, error) { return vm.ExecuteHealthLua(of, script) })
				if err != nil || !slices.Contains([]health.HealthStatusCode{health.HealthStatusHealthy, health.HealthStatusProgressing, health.HealthStatusDegraded, health.HealthStatusSuspended}, got.Status) {
					t.Errorf("%s, %s is %s: %+v, %v", kind, field, name, got, err)
				}
				if kind == "GatewayToken" {
					discover(t, read, of)
				}
			}
		}
	}
}

// put sets a field, whatever is above it.
func put(in map[string]any, path []string, value any) {
	if len(path) == 1 {
		in[path[0]] = value
		return
	}
	below, ok := in[path[0]].(map[string]any)
	if !ok {
		below = map[string]any{}
		in[path[0]] = below
	}
	put(below, path[1:], value)
}

// relative is the way from a directory to a file.
func relative(from, to string) (string, error) {
	from, err := filepath.Abs(from)
	if err != nil {
		return "", err
	}
	if to, err = filepath.Abs(to); err != nil {
		return "", err
	}
	return filepath.Rel(from, to)
}
