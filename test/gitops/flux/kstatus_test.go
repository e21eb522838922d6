// Package flux_test holds what Flux makes of GatewayTokens and issuers, and that it understands the examples.
package flux_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const gitops = ".."

// want is what is wanted of one recorded state (test/gitops/health.yaml).
type want struct {
	Kstatus string `json:"kstatus"`
	Argo    string `json:"argo"`
	Why     string `json:"why,omitempty"`
}

// TestKstatus holds the status that Flux, and whoever else uses kstatus, waits by: of every recorded state, and of no other.
func TestKstatus(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(gitops, "health.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var table map[string]map[string]want
	if err := yaml.UnmarshalStrict(text, &table); err != nil {
		t.Fatal(err)
	}
	reached := map[string]map[status.Status]bool{}
	for kind, rows := range table {
		reached[kind] = map[status.Status]bool{}
		for state, wanted := range rows {
			object := recorded(t, kind, state)
			got, err := status.Compute(object)
			if err != nil {
				t.Errorf("%s %s: %v", kind, state, err)
				continue
			}
			reached[kind][got.Status] = true
			if got.Status.String() != wanted.Kstatus {
				t.Errorf("%s %s: %s (%s), want %s", kind, state, got.Status, got.Message, wanted.Kstatus)
			}
			contract(t, kind+" "+state, object, got.Status)
		}
	}
	for kind, want := range map[string][]status.Status{
		"GatewayToken":       {status.CurrentStatus, status.InProgressStatus, status.FailedStatus, status.TerminatingStatus},
		"TokenIssuer":        {status.CurrentStatus, status.InProgressStatus, status.FailedStatus, status.TerminatingStatus},
		"ClusterTokenIssuer": {status.CurrentStatus, status.InProgressStatus, status.FailedStatus, status.TerminatingStatus},
	} {
		for _, one := range want {
			if !reached[kind][one] {
				t.Errorf("no recorded %s is %s", kind, one)
			}
		}
	}
}

// contract holds what the operator promises to whoever uses kstatus, by the object and not by the table.
func contract(t *testing.T, name string, object *unstructured.Unstructured, got status.Status) {
	t.Helper()
	is := func(condition string) bool {
		conditions, _, err := unstructured.NestedSlice(object.Object, "status", "conditions")
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range conditions {
			if of, ok := one.(map[string]any); ok && of["type"] == condition {
				return of["status"] == "True"
			}
		}
		return false
	}
	observed, _, err := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
	if err != nil {
		t.Fatal(err)
	}
	want := status.InProgressStatus
	switch behind := observed != object.GetGeneration(); {
	case object.GetDeletionTimestamp() != nil:
		want = status.TerminatingStatus
	case behind, is("Reconciling"):
	case is("Stalled"):
		want = status.FailedStatus
	case is("Ready"):
		want = status.CurrentStatus
	}
	if got != want {
		t.Errorf("%s is %s, and the contract says %s", name, got, want)
	}
	if is("Reconciling") && is("Stalled") {
		t.Errorf("%s is reconciling and stalled at the same time", name)
	}
}

func recorded(t *testing.T, kind, state string) *unstructured.Unstructured {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(gitops, "testdata", "states", kind, state+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	// As a client has it: numbers are integers.
	plain, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(plain); err != nil {
		t.Fatalf("%s %s: %v", kind, state, err)
	}
	if object.GetKind() != kind || !strings.HasPrefix(object.GetAPIVersion(), "gatewaytoken.io/") {
		t.Fatalf("%s %s is a %s", kind, state, object.GetKind())
	}
	return object
}
