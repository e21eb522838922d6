package argocd_test

import (
	"cmp"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/argoproj/gitops-engine/pkg/diff"
	jsonpatch "github.com/evanphx/json-patch"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	rotateRequest = "gatewaytoken.io/rotate-requested-at"
	revokeRequest = "gatewaytoken.io/revoke-requested-at"
)

// actionTests is the form of Argo CD's own action_test.yaml.
type actionTests struct {
	DiscoveryTests []struct {
		InputPath string                    `json:"inputPath"`
		Result    []v1alpha1.ResourceAction `json:"result"`
	} `json:"discoveryTests"`
	ActionTests []struct {
		Action             string `json:"action"`
		InputPath          string `json:"inputPath"`
		ExpectedOutputPath string `json:"expectedOutputPath"`
	} `json:"actionTests"`
}

func discover(t *testing.T, read map[string]v1alpha1.ResourceOverride, of *unstructured.Unstructured) []v1alpha1.ResourceAction {
	t.Helper()
	vm := lua.VM{ResourceOverrides: read}
	scripts, err := vm.GetResourceActionDiscovery(of)
	if err != nil {
		t.Fatal(err)
	}
	found, err := patiently(func() ([]v1alpha1.ResourceAction, error) { return vm.ExecuteResourceActionDiscovery(of, scripts) })
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(found, func(a, b v1alpha1.ResourceAction) int { return cmp.Compare(a.Name, b.Name) })
	return found
}

// TestActions runs action_test.yaml as Argo CD's own tests do: every discovery in full, and every action against what it is to make.
func TestActions(t *testing.T) {
	read := overrides(t)
	var asked actionTests
	decode(t, filepath.Join(onToken, "action_test.yaml"), &asked)
	offered := map[string]map[bool]bool{}
	for _, one := range asked.DiscoveryTests {
		t.Run("discovery/"+filepath.Base(one.InputPath), func(t *testing.T) {
			got := discover(t, read, object(t, filepath.Join(onToken, one.InputPath)))
			if len(got) != len(one.Result) {
				t.Errorf("%d actions, want %d", len(got), len(one.Result))
			}
			for _, action := range got {
				if offered[action.Name] == nil {
					offered[action.Name] = map[bool]bool{}
				}
				offered[action.Name][action.Disabled] = true
				same := func(want v1alpha1.ResourceAction) bool {
					return want.Name == action.Name && want.Disabled == action.Disabled
				}
				if !slices.ContainsFunc(one.Result, same) || action.DisplayName == "" || action.IconClass == "" {
					t.Errorf("%+v is not what is wanted", action)
				}
			}
		})
	}
	tried := map[string]bool{}
	for _, one := range asked.ActionTests {
		t.Run(one.Action+"/"+filepath.Base(one.InputPath), func(t *testing.T) {
			tried[one.Action] = true
			got := act(t, read, one.Action, object(t, filepath.Join(onToken, one.InputPath)))
			withoutTime(t, got)
			path := filepath.Join(onToken, one.ExpectedOutputPath)
			if *update {
				write(t, path, got.Object)
			}
			result, err := diff.Diff(object(t, path), got)
			if err != nil || result.Modified {
				t.Errorf("%s makes something else than %s: %v\n%s", one.Action, path, err, result.PredictedLive)
			}
		})
	}
	for _, name := range []string{"rotate", "revoke-now", "suspend", "resume"} {
		if !tried[name] || !offered[name][true] || !offered[name][false] {
			t.Errorf("%s: tried %t, offered and not %v", name, tried[name], offered[name])
		}
	}
}

// act runs an action with the libraries that the API server of Argo CD gives it. It makes one patch of the object itself.
func act(t *testing.T, read map[string]v1alpha1.ResourceOverride, name string, of *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	vm := lua.VM{ResourceOverrides: read}
	action, err := vm.GetResourceAction(of, name)
	if err != nil {
		t.Fatal(err)
	}
	made, err := patiently(func() ([]lua.ImpactedResource, error) { return vm.ExecuteResourceAction(of, action.ActionLua, nil) })
	if err != nil {
		t.Fatal(err)
	}
	if len(made) != 1 || made[0].K8SOperation != lua.PatchOperation {
		t.Fatalf("%+v is not one patch", made)
	}
	return made[0].UnstructuredObj
}

// withoutTime puts a fixed time in place of now. It holds that what is there is a time as the operator reads it.
func withoutTime(t *testing.T, of *unstructured.Unstructured) {
	t.Helper()
	annotations := of.GetAnnotations()
	for _, name := range []string{rotateRequest, revokeRequest} {
		if said, told := annotations[name]; told {
			if _, err := time.Parse(time.RFC3339, said); err != nil || !strings.HasSuffix(said, "Z") {
				t.Errorf("%s: %q is no time as the operator reads it: %v", name, said, err)
			}
			annotations[name] = "2001-01-01T00:00:00Z"
		}
	}
	if len(annotations) > 0 {
		of.SetAnnotations(annotations)
	}
}

// TestRequestsAreOfOneTime holds what the operator asks for: both annotations have the same value, and one that is left from before goes.
func TestRequestsAreOfOneTime(t *testing.T) {
	read := overrides(t)
	files, err := filepath.Glob(filepath.Join(states, "GatewayToken", "ready-published.yaml"))
	if err != nil || len(files) != 1 {
		t.Fatalf("recorded: %q, %v", files, err)
	}
	of := object(t, files[0])
	leaked := act(t, read, "revoke-now", of).GetAnnotations()
	if leaked[rotateRequest] == "" || leaked[rotateRequest] != leaked[revokeRequest] {
		t.Errorf("after a leak: %q", leaked)
	}
	of.SetAnnotations(map[string]string{rotateRequest: "2001-01-01T00:00:00Z", revokeRequest: "2001-01-01T00:00:00Z"})
	if later := act(t, read, "rotate", of).GetAnnotations(); later[rotateRequest] == "2001-01-01T00:00:00Z" || later[revokeRequest] != "" {
		t.Errorf("after a later rotation: %q", later)
	}
}

// TestActionsPatchNothingElse holds for every recorded state that the patch which Argo CD makes of what an action returns has what the action
// is for, and nothing else: on its way through Lua an object could lose the difference between an empty map and an empty list.
func TestActionsPatchNothingElse(t *testing.T) {
	read := overrides(t)
	files, err := filepath.Glob(filepath.Join(states, "GatewayToken", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("recorded states: %d, %v", len(files), err)
	}
	now := regexp.MustCompile(`"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"`)
	want := map[string]string{
		"rotate":     `{"metadata":{"annotations":{"gatewaytoken.io/rotate-requested-at":NOW}}}`,
		"revoke-now": `{"metadata":{"annotations":{"gatewaytoken.io/revoke-requested-at":NOW,"gatewaytoken.io/rotate-requested-at":NOW}}}`,
		"suspend":    `{"spec":{"suspend":true}}`,
		"resume":     `{"spec":{"suspend":null}}`,
	}
	for _, file := range files {
		for _, action := range discover(t, read, object(t, file)) {
			if action.Disabled {
				continue
			}
			before, err := object(t, file).MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			after, err := act(t, read, action.Name, object(t, file)).MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			patch, err := jsonpatch.CreateMergePatch(before, after)
			if err != nil {
				t.Fatal(err)
			}
			got := now.ReplaceAllString(string(patch), "NOW")
			// One that is left from a leak before is taken out.
			if got = strings.Replace(got, `"gatewaytoken.io/revoke-requested-at":null,`, "", 1); got != want[action.Name] {
				t.Errorf("%s of %s: %s, want %s", action.Name, filepath.Base(file), got, want[action.Name])
			}
		}
	}
}

// TestEveryStateOffersSomething holds for every recorded state what is never offered.
func TestEveryStateOffersSomething(t *testing.T) {
	read := overrides(t)
	files, err := filepath.Glob(filepath.Join(states, "GatewayToken", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("recorded states: %d, %v", len(files), err)
	}
	for _, file := range files {
		of := object(t, file)
		_, has, err := unstructured.NestedMap(of.Object, "status", "current")
		if err != nil {
			t.Fatal(err)
		}
		suspended, _, err := unstructured.NestedBool(of.Object, "spec", "suspend")
		if err != nil {
			t.Fatal(err)
		}
		enabled := map[string]bool{}
		for _, action := range discover(t, read, of) {
			enabled[action.Name] = !action.Disabled
		}
		deleting := of.GetDeletionTimestamp() != nil
		if (deleting && (enabled["suspend"] || enabled["resume"])) || ((deleting || suspended || !has) && (enabled["rotate"] || enabled["revoke-now"])) || (enabled["suspend"] && suspended) || (enabled["resume"] && !suspended) {
			t.Errorf("%s offers %v", filepath.Base(file), enabled)
		}
		if enabled["rotate"] && !enabled["revoke-now"] {
			t.Errorf("%s: one that leaked can be rotated and not revoked", filepath.Base(file))
		}
	}
}
