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

	"github.com/gatewaytoken/gateway-token-operator/internal/status"
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
		ObservedGeneration int64     `json:"observedGeneration"`
		Account            string    `json:"account"`
		Current            *struct{} `json:"current"`
		Failure            struct {
			Count int32 `json:"count"`
		} `json:"failure"`
		Conditions []metav1.Condition `json:"conditions"`
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
		"stalled":       {is: func(r recording) bool { return r.is("Stalled", metav1.ConditionTrue) }},
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

// TestEveryReasonHasAMender holds that it was thought about every reason for which an object may not be Ready: with none left out, and none
// that cannot be. What is documented of Stalled follows from it, and so does what is recorded.
func TestEveryReasonHasAMender(t *testing.T) {
	possible := map[string]bool{}
	for _, kind := range kinds() {
		for name, one := range recorded(t, kind) {
			for _, condition := range one.Status.Conditions {
				if waits(condition) || (condition.Type == "Stalled" && !stallsOtherwise(condition.Reason)) {
					possible[condition.Reason] = true
				}
			}
			stalledByItsMender(t, kind+" "+name, one)
		}
	}
	for reason, where := range reasons(t) {
		possible[reason] = possible[reason] || notReady.MatchString(where)
		by := status.MendedBy(reason)
		if (by != "") != possible[reason] {
			t.Errorf("%s: it keeps an object from being Ready: %t, and is mended by %q", reason, possible[reason], by)
		}
		if stalls := by != "" && by != status.Time; strings.Contains(where, "Stalled True") != stalls && !stallsOtherwise(reason) {
			t.Errorf("%s is mended by %q, and is seen in: %s", reason, by, where)
		}
	}
}

// waits tells whether a condition says that an object is not Ready, or not yet what its spec asks for.
func waits(condition metav1.Condition) bool {
	return (condition.Type == "Ready" && condition.Status == metav1.ConditionFalse) || (condition.Type == "Reconciling" && condition.Status == metav1.ConditionTrue)
}

// stallsOtherwise tells of reasons that Stalled has although they do not keep an object from being Ready, or do not always.
func stallsOtherwise(reason string) bool {
	return slices.Contains([]string{"TokensOfAnother", "TokensMissing", "RevokedAtVendor"}, reason)
}

// stalledByItsMender holds that what is not Ready, or not yet what its spec asks for, is Stalled exactly where a person must act.
func stalledByItsMender(t *testing.T, name string, one recording) {
	t.Helper()
	if one.Metadata.DeletionTimestamp != "" {
		return
	}
	worked := one.Status.Current != nil || one.Status.Account != "" ||
		slices.ContainsFunc(one.Status.Conditions, func(c metav1.Condition) bool { return c.Reason == "UsingLastGoodCredentials" })
	stalled := one.is("Stalled", metav1.ConditionTrue)
	if stalled && one.is("Reconciling", metav1.ConditionTrue) {
		t.Errorf("%s is Stalled and Reconciling", name)
	}
	for _, condition := range one.Status.Conditions {
		if condition.Type == "Stalled" && !status.NeedsPerson(condition.Reason, worked) && !stallsOtherwise(condition.Reason) {
			t.Errorf("%s is Stalled, and mends itself: %s", name, condition.Reason)
		}
		if stalled {
			continue
		}
		if condition.Reason == "NameTaken" && one.Status.Failure.Count <= status.MostTaken {
			continue // the next name is tried
		}
		if waits(condition) && status.NeedsPerson(condition.Reason, worked) {
			t.Errorf("%s is not Stalled, and a person must act: %s %s", name, condition.Type, condition.Reason)
		}
	}
}

// TestPageSaysWhoMends holds that docs/argocd.md lists them all.
func TestPageSaysWhoMends(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "argocd.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]status.Mender{
		"a person": status.Person, "what is to arrive": status.Arrival, "time": status.Time,
	}
	row := regexp.MustCompile(`(?m)^\| ([a-z ]+) \| (.*?) \|`)
	word := regexp.MustCompile("`(\\w+)`")
	said := map[string]status.Mender{}
	for _, match := range row.FindAllStringSubmatch(string(page), -1) {
		if by, told := rows[match[1]]; told {
			for _, reason := range word.FindAllStringSubmatch(match[2], -1) {
				said[reason[1]] = by
			}
		}
	}
	for reason := range reasons(t) {
		if want := status.MendedBy(reason); said[reason] != want {
			t.Errorf("%s: the page says %q, the operator %q", reason, said[reason], want)
		}
	}
}
