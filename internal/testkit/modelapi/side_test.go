package modelapi

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// target is an object that a script speaks of, by the name of its kind.
type target struct{ kind, namespace, name string }

// String says it in words.
func (t target) String() string { return t.kind + " " + t.namespace + "/" + t.name }

// version is what an object was at some time.
type version struct {
	uid     types.UID
	version string
}

// side is an API server that a script is played at, and what was seen there. Two sides give other UIDs and versions, so a script speaks of
// those that it has seen.
type side struct {
	client client.WithWatch
	// uids are in the order in which they were seen.
	uids []types.UID
	// seen are the versions of each object, oldest first, and last is the object as it was read last.
	seen map[target][]version
	last map[target]*unstructured.Unstructured
	// before is the version of what a step is about, before the step.
	before string
}

func newSide(of client.WithWatch) *side {
	return &side{client: of, seen: map[target][]version{}, last: map[target]*unstructured.Unstructured{}}
}

// pick is which version of an object a script means.
type pick string

const (
	none    pick = ""
	current pick = "current"
	stale   pick = "stale"
	foreign pick = "foreign"
)

// nowhere is the UID of no object.
const nowhere = types.UID("ffffffff-0000-4000-8000-000000000000")

// version finds one: the first one that was seen where a stale one is wanted. It is of nothing where nothing was seen.
func (s *side) version(of target, which pick) version {
	seen := s.seen[of]
	switch {
	case which == none:
		return version{}
	case which == foreign || len(seen) == 0:
		return version{uid: nowhere, version: "1"}
	case which == stale:
		return seen[0]
	default:
		return seen[len(seen)-1]
	}
}

// get reads an object anew, and remembers it. It gives nil where there is none.
func (s *side) get(ctx context.Context, of target) (*unstructured.Unstructured, error) {
	object := blankOf(of)
	if err := s.client.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
		return nil, err
	}
	s.last[of] = object
	if now := (version{object.GetUID(), object.GetResourceVersion()}); !slices.Contains(s.seen[of], now) {
		s.seen[of] = append(s.seen[of], now)
	}
	return object, nil
}

// answer is what came of a step, in words that are the same for both sides if the sides are.
type answer struct {
	// Failed is the reason and the code of an error.
	Failed string
	// Object is what the answer has.
	Object map[string]any
}

func failure(err error) string {
	if err == nil {
		return ""
	}
	status, ok := err.(apierrors.APIStatus)
	if !ok {
		return "not an answer of an API server"
	}
	return fmt.Sprintf("%s %d", status.Status().Reason, status.Status().Code)
}

// uuid matches a UID, wherever it is.
var uuid = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// plain puts an object of a kind into the words of an answer: a UID is what it was in the order of those that were seen, of a time it is
// said that there is one, and of a version whether it is another than before.
func (s *side) plain(kind string, object any) map[string]any {
	text, err := json.Marshal(object)
	if err != nil {
		return map[string]any{"broken": err.Error()}
	}
	var fields map[string]any
	if err := json.Unmarshal(uuid.ReplaceAllFunc(text, s.ordinal), &fields); err != nil {
		return map[string]any{"broken": err.Error()}
	}
	if meta, ok := fields["metadata"].(map[string]any); ok {
		s.plainMetadata(meta)
	}
	withoutAdmission(kind, fields)
	return fields
}

func (s *side) plainMetadata(meta map[string]any) {
	for _, name := range []string{"creationTimestamp", "deletionTimestamp"} {
		if meta[name] != nil {
			meta[name] = "set"
		}
	}
	if version, ok := meta["resourceVersion"].(string); ok {
		meta["resourceVersion"] = map[bool]string{true: "as it was", false: "another"}[version == s.before]
	}
	entries, _ := meta["managedFields"].([]any)
	for _, entry := range entries {
		if of, ok := entry.(map[string]any); ok {
			delete(of, "time")
		}
	}
	slices.SortStableFunc(entries, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
}

// ordinal is a UID by when it was first seen.
func (s *side) ordinal(uid []byte) []byte {
	if types.UID(uid) == nowhere {
		return uid
	}
	if !slices.Contains(s.uids, types.UID(uid)) {
		s.uids = append(s.uids, types.UID(uid))
	}
	return fmt.Appendf(nil, "uid %d", slices.Index(s.uids, types.UID(uid)))
}

// withoutAdmission drops what admission plug-ins of the real API server add to pods, and what its controllers say of a namespace that
// ends: the model has neither.
func withoutAdmission(kind string, fields map[string]any) {
	switch kind {
	case "Pod":
		if spec, ok := fields["spec"].(map[string]any); ok {
			for _, name := range []string{"tolerations", "priority", "preemptionPolicy"} {
				delete(spec, name)
			}
		}
	case "Namespace":
		if status, ok := fields["status"].(map[string]any); ok {
			delete(status, "conditions")
		}
		if meta, ok := fields["metadata"].(map[string]any); ok {
			delete(meta, "managedFields")
			delete(meta, "resourceVersion")
		}
	}
}

func blankOf(of target) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(gvkOf(of.kind))
	object.SetNamespace(of.namespace)
	object.SetName(of.name)
	return object
}

// typed gives an object its Go type.
func typed(scheme *runtime.Scheme, from *unstructured.Unstructured) (client.Object, error) {
	made, err := scheme.New(from.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	object, ok := made.(client.Object)
	if !ok {
		return nil, fmt.Errorf("a %T is no object", made)
	}
	return object, runtime.DefaultUnstructuredConverter.FromUnstructured(from.Object, object)
}
