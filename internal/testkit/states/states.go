// Package states records what GatewayTokens and issuers look like: one object of every state that the controllers bring about in their
// tests, as the API server has it. What a GitOps tool makes of them is tested with these (test/gitops).
//
// Of all objects in one state the one that says least is kept, so that it does not matter in which order they are seen. What differs from
// one run to the next, such as a port, is replaced.
package states

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// Recorder keeps an object of every state. Many may show it objects at the same time.
type Recorder struct {
	mutex sync.Mutex
	kept  map[string]map[State]string
	errs  []error
}

// NewRecorder makes a recorder that has seen nothing.
func NewRecorder() *Recorder { return &Recorder{kept: map[string]map[State]string{}} }

// See looks at an object as the API server has it, with its managed fields. Objects of other kinds are passed over, and so are those whose
// status somebody else than the operator has written: tests put things there that no controller would.
func (r *Recorder) See(object client.Object) {
	kind, conditions, seen := statusOf(object)
	if kind == "" || foreign(object) {
		return
	}
	state := stateOf(object, conditions, seen)
	text, err := normal(kind, object)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if err != nil {
		r.errs = append(r.errs, fmt.Errorf("%s %s: %w", kind, object.GetName(), err))
		return
	}
	if r.kept[kind] == nil {
		r.kept[kind] = map[State]string{}
	}
	if best, known := r.kept[kind][state]; !known || less(text, best) {
		r.kept[kind][state] = text
	}
}

// less: the shorter text says less; of two as long one is taken, always the same.
func less(a, b string) bool { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) < 0 }

// Write writes what was seen: <Kind>/<state>.yaml in a directory, in which nothing else stays of these kinds.
func (r *Recorder) Write(dir string) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if err := errors.Join(r.errs...); err != nil {
		return err
	}
	for kind, kept := range r.kept {
		under := filepath.Join(dir, kind)
		if err := os.RemoveAll(under); err != nil {
			return fmt.Errorf("recorded states: %w", err)
		}
		if err := os.MkdirAll(under, 0o755); err != nil {
			return fmt.Errorf("recorded states: %w", err)
		}
		for name, text := range choose(kept) {
			if err := os.WriteFile(filepath.Join(under, name+".yaml"), []byte(text), 0o644); err != nil {
				return fmt.Errorf("recorded states: %w", err)
			}
		}
	}
	return nil
}

// choose takes of each core of a state the object that has least beside it, and one for each thing that was seen beside it. All that may
// come together would be thousands.
func choose(kept map[State]string) map[string]string {
	chosen := map[string]string{}
	order := slices.SortedFunc(maps.Keys(kept), func(a, b State) int {
		return cmp.Or(cmp.Compare(a.core, b.core), cmp.Compare(strings.Count(a.beside, "."), strings.Count(b.beside, ".")), cmp.Compare(a.beside, b.beside))
	})
	told := map[string]bool{}
	for _, state := range order {
		name := state.core
		if told[name] {
			fresh := slices.DeleteFunc(strings.Split(state.beside, "."), func(one string) bool { return one == "" || told[state.core+"."+one] })
			if len(fresh) == 0 {
				continue
			}
			name += "." + strings.Join(fresh, ".")
		}
		told[state.core] = true
		for one := range strings.SplitSeq(state.beside, ".") {
			told[state.core+"."+one] = true
		}
		chosen[name] = kept[state]
	}
	return chosen
}

// foreign tells whether somebody else than the operator has written the status.
func foreign(object client.Object) bool {
	return slices.ContainsFunc(object.GetManagedFields(), func(by metav1.ManagedFieldsEntry) bool {
		return by.Subresource == "status" && by.Manager != v1alpha1.OperatorName
	})
}

// statusOf reads what all kinds have; no kind for an object that has none.
func statusOf(object client.Object) (kind string, conditions []metav1.Condition, observed int64) {
	switch object := object.(type) {
	case *v1alpha1.GatewayToken:
		return v1alpha1.KindGatewayToken, object.Status.Conditions, object.Status.ObservedGeneration
	case *v1alpha1.TokenIssuer:
		return v1alpha1.KindTokenIssuer, object.Status.Conditions, object.Status.ObservedGeneration
	case *v1alpha1.ClusterTokenIssuer:
		return v1alpha1.KindClusterTokenIssuer, object.Status.Conditions, object.Status.ObservedGeneration
	default:
		return "", nil, 0
	}
}

// State tells one state from others. Its core decides what a GitOps tool makes of it, the rest is told beside it.
type State struct{ core, beside string }

func stateOf(object client.Object, conditions []metav1.Condition, observed int64) State {
	var core, beside []string
	if object.GetDeletionTimestamp() != nil {
		core = append(core, "deleting")
	}
	token, isToken := object.(*v1alpha1.GatewayToken)
	if isToken && token.Spec.Suspend {
		core = append(core, "suspended")
	}
	switch {
	case len(conditions) == 0:
		core = append(core, "new")
	case observed != object.GetGeneration():
		core = append(core, "behind")
	}
	at := map[string]metav1.Condition{}
	for _, condition := range conditions {
		at[condition.Type] = condition
	}
	core = append(core, coreOf(at)...)
	for _, name := range slices.Sorted(maps.Keys(at)) {
		if told := tell(at[name]); told != "" {
			beside = append(beside, told)
		}
	}
	if isToken {
		beside = append(beside, requested(token)...)
	}
	return State{strings.Join(core, "-"), strings.Join(beside, ".")}
}

// coreOf tells of the conditions that GitOps tools look at.
func coreOf(at map[string]metav1.Condition) []string {
	var core []string
	ready, told := at[v1alpha1.ConditionReady]
	if told {
		core = append(core, map[bool]string{true: "ready", false: "unready"}[ready.Status == metav1.ConditionTrue], kebab(ready.Reason))
	}
	for _, name := range []string{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
		condition, told := at[name]
		if !told || condition.Status != metav1.ConditionTrue {
			continue
		}
		core = append(core, kebab(name))
		if condition.Reason != ready.Reason {
			core = append(core, kebab(condition.Reason))
		}
	}
	return core
}

// tell tells of another condition; nothing of what is always there in good order.
func tell(condition metav1.Condition) string {
	switch condition.Type {
	case v1alpha1.ConditionReady, v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled:
		return ""
	}
	switch condition.Reason {
	case v1alpha1.ReasonVendorAnswered, v1alpha1.ReasonNotInUse:
		return ""
	}
	told := kebab(condition.Type) + "-" + kebab(condition.Reason)
	if condition.Type == v1alpha1.ConditionOrphaned && condition.Status == metav1.ConditionFalse {
		told += "-false"
	}
	return told
}

// requested tells of a rotation or revocation that a person has asked for.
func requested(token *v1alpha1.GatewayToken) []string {
	asked := token.Annotations[v1alpha1.AnnotationRotateRequest]
	if asked == "" {
		return nil
	}
	told := "rotation"
	if token.Annotations[v1alpha1.AnnotationRevokeRequest] == asked {
		told = "leak"
	}
	if token.Status.HandledRotateRequest == asked {
		return []string{told + "-answered"}
	}
	return []string{told + "-requested"}
}

var word = regexp.MustCompile(`[A-Z]+(?:[a-z0-9]+|$)?`)

// kebab writes WaitingForTurn as waiting-for-turn.
func kebab(reason string) string {
	return strings.ToLower(strings.Join(word.FindAllString(reason, -1), "-"))
}

var (
	uuid     = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	loopback = regexp.MustCompile(`(https?://)?(127\.0\.0\.1|0\.0\.0\.0|localhost|\[[0-9a-f:.]+\]):[0-9]+`)
	address  = regexp.MustCompile(`127\.0\.0\.1`)
	// moment finds a time. Below minutes it depends on who was looked at first.
	moment = regexp.MustCompile(`(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}):\d{2}(?:\.\d+)?Z`)
	// digest finds in a ledger what depends on the vendor's address, and the signature over it.
	digest = regexp.MustCompile(`("(?:value|shape|mac|token)"):"[^"]*"`)
)

// normal is the object in YAML, without what differs from one run to the next.
func normal(kind string, object client.Object) (string, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return "", fmt.Errorf("to unstructured: %w", err)
	}
	fields["apiVersion"], fields["kind"] = v1alpha1.GroupVersion().String(), kind
	if metadata, ok := fields["metadata"].(map[string]any); ok {
		delete(metadata, "managedFields")
		metadata["resourceVersion"] = "1"
	}
	text, err := yaml.Marshal(fields)
	if err != nil {
		return "", fmt.Errorf("to YAML: %w", err)
	}
	numbers := map[string]string{}
	plain := uuid.ReplaceAllStringFunc(string(text), func(found string) string {
		if numbers[found] == "" {
			numbers[found] = fmt.Sprintf("00000000-0000-4000-8000-%012d", len(numbers)+1)
		}
		return numbers[found]
	})
	plain = moment.ReplaceAllString(plain, "${1}:00Z")
	plain = digest.ReplaceAllString(plain, `${1}:"digest"`)
	plain = loopback.ReplaceAllString(plain, "${1}vendor.example.com")
	return address.ReplaceAllString(plain, "192.0.2.1"), nil
}
