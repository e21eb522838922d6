// Package gitops_test holds what GitOps tools go by: that there is a recorded object for everything that a condition may say, and that for
// each of them it is said what a tool shall make of it. What the tools do make of it is tested with their own libraries in the modules below.
package gitops_test

import (
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

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

const root = "../.."

// kinds are ours.
func kinds() []string { return []string{"GatewayToken", "TokenIssuer", "ClusterTokenIssuer"} }

// unrecorded are reasons that no recorded object has, and why.
func unrecorded() map[string]string {
	reserved := "no release sets it yet"
	return map[string]string{
		"Expired": reserved, "Expiring": reserved, "ServiceAccountNotFound": reserved,
		"IdentityClash": "two objects would need names of which 80 bits of a hash are the same; internal/lifecycle tests the rule",
		"InvalidRole":   "the simulated vendor has all roles that the API allows; internal/controller/gatewaytoken and internal/status test it",
	}
}

// recording is what the tests want to know of a recorded object.
type recording struct {
	Metadata struct {
		Generation        int64  `json:"generation"`
		DeletionTimestamp string `json:"deletionTimestamp"`
	} `json:"metadata"`
	Spec struct {
		Suspend bool `json:"suspend"`
	} `json:"spec"`
	Status struct {
		ObservedGeneration int64              `json:"observedGeneration"`
		Conditions         []metav1.Condition `json:"conditions"`
	} `json:"status"`
}

func (r recording) behind() bool { return r.Status.ObservedGeneration != r.Metadata.Generation }

func (r recording) is(name string, status metav1.ConditionStatus) bool {
	return slices.ContainsFunc(r.Status.Conditions, func(c metav1.Condition) bool { return c.Type == name && c.Status == status })
}

// recorded reads all recorded objects of a kind, by the names of their states.
func recorded(t *testing.T, kind string) map[string]recording {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "states", kind, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("recorded states of %s: %d, %v", kind, len(files), err)
	}
	all := map[string]recording{}
	for _, file := range files {
		var one recording
		decode(t, file, &one)
		all[strings.TrimSuffix(filepath.Base(file), ".yaml")] = one
	}
	return all
}

func decode(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// reasons are all documented reasons, and what their comments say of where they are seen.
func reasons(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "api", "v1alpha1", "conditions.go"), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	where := regexp.MustCompile(`^Reason\w+ \(([^)]*)\):`)
	found := map[string]string{}
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		value, err := strconv.Unquote(literal.Value)
		said := where.FindStringSubmatch(strings.Join(strings.Fields(spec.Doc.Text()), " "))
		if err != nil || said == nil {
			t.Fatalf("%s: %v", spec.Names[0].Name, err)
		}
		found[value] = said[1]
		return true
	})
	if len(found) < 60 {
		t.Fatalf("%d reasons", len(found))
	}
	return found
}

// TestEveryReasonIsRecorded holds that no reason is without a recorded object in which it is seen, but for those of which it is said why.
func TestEveryReasonIsRecorded(t *testing.T) {
	seen := map[string]bool{}
	for _, kind := range kinds() {
		for _, one := range recorded(t, kind) {
			for _, condition := range one.Status.Conditions {
				seen[condition.Reason] = true
			}
		}
	}
	documented, excused := reasons(t), unrecorded()
	for _, reason := range slices.Sorted(maps.Keys(documented)) {
		switch why, excused := excused[reason]; {
		case !seen[reason] && !excused:
			t.Errorf("%s (%s) is seen in no recorded object: let a test of internal/controller bring it about, then run `make states`", reason, documented[reason])
		case seen[reason] && excused:
			t.Errorf("%s is recorded, although %q", reason, why)
		}
	}
	for reason := range excused {
		if _, told := documented[reason]; !told {
			t.Errorf("%s is no reason any more", reason)
		}
	}
	for reason := range seen {
		if _, told := documented[reason]; !told {
			t.Errorf("%s is not documented", reason)
		}
	}
}

// TestStatesThatMatter holds that the recordings have what decides with GitOps tools, for each kind that can have it.
func TestStatesThatMatter(t *testing.T) {
	for name, test := range map[string]struct {
		only string
		is   func(recording) bool
	}{
		"just created, without a status": {is: func(r recording) bool { return len(r.Status.Conditions) == 0 }},
		"the spec is newer than what was observed": {is: func(r recording) bool {
			return r.behind() && r.is("Ready", metav1.ConditionTrue)
		}},
		"ready":         {is: func(r recording) bool { return r.is("Ready", metav1.ConditionTrue) && !r.behind() }},
		"not ready":     {is: func(r recording) bool { return r.is("Ready", metav1.ConditionFalse) && !r.behind() }},
		"being deleted": {is: func(r recording) bool { return r.Metadata.DeletionTimestamp != "" }},
		"stalled":       {"GatewayToken", func(r recording) bool { return r.is("Stalled", metav1.ConditionTrue) }},
		"stalled, with a token in use": {"GatewayToken", func(r recording) bool {
			return r.is("Stalled", metav1.ConditionTrue) && r.is("Ready", metav1.ConditionTrue)
		}},
		"reconciling with a token": {"GatewayToken", func(r recording) bool {
			return r.is("Reconciling", metav1.ConditionTrue) && r.is("Ready", metav1.ConditionTrue)
		}},
		"suspended and ready":        {"GatewayToken", func(r recording) bool { return r.Spec.Suspend && r.is("Ready", metav1.ConditionTrue) && !r.behind() }},
		"suspended and never issued": {"GatewayToken", func(r recording) bool { return r.Spec.Suspend && r.is("Ready", metav1.ConditionFalse) && !r.behind() }},
		"ready during an outage": {is: func(r recording) bool {
			return r.is("Ready", metav1.ConditionTrue) && r.is("VendorReachable", metav1.ConditionFalse)
		}},
		"ready while another retires": {"GatewayToken", func(r recording) bool {
			return r.is("Ready", metav1.ConditionTrue) && r.is("RevocationPending", metav1.ConditionTrue)
		}},
		"another operator is about":    {"ClusterTokenIssuer", func(r recording) bool { return r.is("IdentityConflict", metav1.ConditionTrue) }},
		"many tokens are gone at once": {"ClusterTokenIssuer", func(r recording) bool { return r.is("MassDisappearance", metav1.ConditionTrue) }},
		"there are orphans":            {"ClusterTokenIssuer", func(r recording) bool { return r.is("Orphaned", metav1.ConditionTrue) }},
	} {
		for _, kind := range kinds() {
			if test.only != "" && test.only != kind {
				continue
			}
			found := false
			for _, one := range recorded(t, kind) {
				found = found || test.is(one)
			}
			if !found {
				t.Errorf("no recorded %s: %s", kind, name)
			}
		}
	}
	for _, part := range []string{"leak-requested", "rotation-requested", "deleting-.*waiting-for-vendor", "deleting-.*waiting-for-consumers", "deleting-.*revoking"} {
		if found := slices.ContainsFunc(slices.Collect(maps.Keys(recorded(t, "GatewayToken"))), regexp.MustCompile(part).MatchString); !found {
			t.Errorf("no recorded GatewayToken is %s", part)
		}
	}
}

// TestTableIsComplete holds that health.yaml has a row for every recorded state and for no other.
func TestTableIsComplete(t *testing.T) {
	var table map[string]map[string]struct{ Argo, Kstatus, Why string }
	decode(t, "health.yaml", &table)
	for _, kind := range kinds() {
		known := recorded(t, kind)
		for state := range known {
			if row, told := table[kind][state]; !told || row.Argo == "" || row.Kstatus == "" {
				t.Errorf("health.yaml does not say what is wanted of %s %s", kind, state)
			}
		}
		for state, row := range table[kind] {
			if _, told := known[state]; !told {
				t.Errorf("%s %s is not recorded", kind, state)
			}
			if differ := !agree(row.Argo, row.Kstatus); differ != (row.Why != "") {
				t.Errorf("%s %s: Argo CD says %s and kstatus %s, because %q", kind, state, row.Argo, row.Kstatus, row.Why)
			}
		}
	}
}

// agree tells whether two tools wait, go on or give up alike. Argo CD calls a deletion progressing.
func agree(argo, kstatus string) bool {
	return map[string]string{"Healthy": "Current", "Progressing": "InProgress", "Degraded": "Failed"}[argo] == kstatus ||
		(argo == "Progressing" && kstatus == "Terminating")
}

// notReady finds in the comment of a reason that Ready may be False for it.
var notReady = regexp.MustCompile(`\bReady (and VendorReachable )?False`)

var mender = regexp.MustCompile(`(?m)^  (\w+) = "(person|time|arrival)",$`)

// menders are who mends what, as health.lua has it.
func menders(t *testing.T) map[string]string {
	t.Helper()
	script, err := os.ReadFile(filepath.Join(root, "config", "argocd", "health.lua"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, match := range mender.FindAllStringSubmatch(string(script), -1) {
		found[match[1]] = match[2]
	}
	return found
}

// TestEveryReasonHasAMender holds that it was thought about every reason for which an object may not be Ready: with none left out, and none
// that cannot be.
func TestEveryReasonHasAMender(t *testing.T) {
	known := menders(t)
	possible := map[string]bool{}
	for _, kind := range kinds() {
		for _, one := range recorded(t, kind) {
			for _, condition := range one.Status.Conditions {
				if (condition.Type == "Ready" && condition.Status == metav1.ConditionFalse) || (condition.Type == "Reconciling" && condition.Status == metav1.ConditionTrue) {
					possible[condition.Reason] = true
				}
			}
		}
	}
	for reason, where := range reasons(t) {
		if notReady.MatchString(where) {
			possible[reason] = true
		}
	}
	for reason := range possible {
		if known[reason] == "" {
			t.Errorf("health.lua does not say who mends %s", reason)
		}
	}
	for reason := range known {
		if !possible[reason] {
			t.Errorf("health.lua says who mends %s, for which nothing is ever not Ready", reason)
		}
	}
}

// TestPageSaysWhoMends holds that docs/argocd.md lists the same.
func TestPageSaysWhoMends(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "argocd.md"))
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\| (a person|time|what is to arrive) \| (.*?) \|`)
	word := regexp.MustCompile("`(\\w+)`")
	said := map[string]string{}
	for _, match := range row.FindAllStringSubmatch(string(page), -1) {
		for _, reason := range word.FindAllStringSubmatch(match[2], -1) {
			said[reason[1]] = map[string]string{"a person": "person", "time": "time", "what is to arrive": "arrival"}[match[1]]
		}
	}
	if want := menders(t); !maps.Equal(said, want) {
		for reason := range want {
			if said[reason] != want[reason] {
				t.Errorf("%s: the page says %q, the script %q", reason, said[reason], want[reason])
			}
		}
		t.Errorf("the page has %d reasons, the script %d", len(said), len(want))
	}
}
