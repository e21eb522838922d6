package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/internal/consumers"
)

func noteOf(template corev1.PodTemplateSpec) string {
	return template.Annotations[consumers.AnnotationRestartedFor]
}

// Each kind gets the annotation; for one sequence once, for the next one again, each a new generation.
func TestRestart(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	web, db, agent := deployment(namespace, "web", secret), statefulSet(namespace, "db", secret), daemonSet(namespace, "agent", secret)
	other := deployment(namespace, "other")
	for _, object := range []client.Object{web, db, agent, other} {
		create(t, object)
	}
	for _, step := range []struct {
		sequence, restarts int
		want               string
		generation         int64
	}{
		{2, 3, "mediator=2/qcjaag", 2},
		{2, 0, "mediator=2/qcjaag", 2},
		{3, 3, "mediator=3/qcjaag", 3},
		{2, 0, "mediator=3/qcjaag", 3},
	} {
		if restarted := restartAll(t, namespace, mediator(step.sequence)); restarted != step.restarts {
			t.Errorf("sequence %d: want %d restarts, got %d", step.sequence, step.restarts, restarted)
		}
		got := map[string]string{"web": noteOf(get(t, web).Spec.Template), "db": noteOf(get(t, db).Spec.Template), "agent": noteOf(get(t, agent).Spec.Template), "other": noteOf(get(t, other).Spec.Template)}
		want := map[string]string{"web": step.want, "db": step.want, "agent": step.want, "other": ""}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("sequence %d (-want +got):\n%s", step.sequence, diff)
		}
		if web.Generation != step.generation || other.Generation != 1 {
			t.Errorf("sequence %d: generations %d and %d", step.sequence, web.Generation, other.Generation)
		}
	}
}

// Two GatewayTokens that are due together restart a workload once; one that comes later keeps what the first has noted.
func TestRestartForSeveral(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	web := deployment(namespace, "web", secret, "shop-token", "late-token")
	create(t, web)
	shop := consumers.Request{For: consumers.Entry{Token: "shop", Sequence: 7}, Secret: "shop-token", All: true}
	late := consumers.Request{For: consumers.Entry{Token: "late", Sequence: 1}, Secret: "late-token", All: true}

	restartAll(t, namespace, shop, mediator(2))
	if got := noteOf(get(t, web).Spec.Template); got != "mediator=2/qcjaag,shop=7" || web.Generation != 2 {
		t.Errorf("together: %s, generation %d", got, web.Generation)
	}
	restartAll(t, namespace, shop, mediator(2), late)
	if got := noteOf(get(t, web).Spec.Template); got != "late=1,mediator=2/qcjaag,shop=7" || web.Generation != 3 {
		t.Errorf("later: %s, generation %d", got, web.Generation)
	}
}

// Whatever was done to a workload since it was read, it is not restarted, and those behind it are.
func TestRestartOfWhatHasChanged(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reason string
		change func(t *testing.T, web *appsv1.Deployment)
		note   string
	}{
		"paused": {reason: "a paused Deployment is never touched", change: func(t *testing.T, web *appsv1.Deployment) {
			merge(t, web, `{"spec":{"paused":true}}`)
		}},
		"restarted": {reason: "another process was faster: never twice for one sequence", note: "mediator=2/qcjaag", change: func(t *testing.T, web *appsv1.Deployment) {
			restartAll(t, web.Namespace, mediator(2))
		}},
		"labelled": {reason: "any change is looked at first", change: func(t *testing.T, web *appsv1.Deployment) {
			merge(t, web, `{"metadata":{"labels":{"a":"b"}}}`)
		}},
		"recreated": {reason: "that is another one, and its pods are new", change: func(t *testing.T, web *appsv1.Deployment) {
			if err := admin.Delete(t.Context(), web); err != nil {
				t.Fatal(err)
			}
			create(t, deployment(web.Namespace, web.Name, secret))
		}},
		"deleted": {reason: "it is not made again", change: func(t *testing.T, web *appsv1.Deployment) {
			if err := admin.Delete(t.Context(), web); err != nil {
				t.Fatal(err)
			}
		}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			web := deployment(namespace, "web", secret)
			create(t, web)
			restarts := due(t, namespace, mediator(2))
			tc.change(t, get(t, web))
			results, err := Restart(t.Context(), admin, restarts, 1)
			if err != nil || len(results) != 1 || results[0].Outcome != Changed || results[0].Err == nil {
				t.Fatalf("%s: %+v, %v", tc.reason, results, err)
			}
			err = admin.Get(t.Context(), client.ObjectKeyFromObject(web), web)
			if client.IgnoreNotFound(err) != nil || err == nil && noteOf(web.Spec.Template) != tc.note {
				t.Errorf("%s: %q, %v", tc.reason, noteOf(web.Spec.Template), err)
			}
			if name == "deleted" && err == nil {
				t.Error("it was made again")
			}
		})
	}
}

func merge(t *testing.T, object client.Object, patch string) {
	t.Helper()
	if err := admin.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
}

// scripted answers one call after the other.
type scripted struct {
	answers []error
	calls   int
}

func (s *scripted) Patch(context.Context, client.Object, client.Patch, ...client.PatchOption) error {
	s.calls++
	return s.answers[s.calls-1]
}

// At most as many are restarted as the caller allows. One that changed or is refused takes nobody's turn; an error of the API
// server ends the call, and what was done before is told.
func TestRestartIsBounded(t *testing.T) {
	t.Parallel()
	resource := appsv1.Resource("daemonsets")
	conflict := apierrors.NewConflict(resource, "x", errors.New("modified"))
	tests := map[string]struct {
		reason  string
		kind    string
		limit   int
		answers []error
		want    []Outcome
		calls   int
		wantErr bool
	}{
		"none":          {reason: "none are allowed"},
		"some":          {reason: "two of four", limit: 2, answers: []error{nil, nil}, want: []Outcome{Restarted, Restarted}, calls: 2},
		"more":          {reason: "there are four", limit: 9, answers: []error{nil, nil, nil, nil}, want: []Outcome{Restarted, Restarted, Restarted, Restarted}, calls: 4},
		"changed":       {reason: "they are looked at again", limit: 1, answers: []error{conflict, apierrors.NewNotFound(resource, "x"), nil}, want: []Outcome{Changed, Changed, Restarted}, calls: 3},
		"refused":       {reason: "what is never allowed must not starve the others", limit: 1, answers: []error{apierrors.NewForbidden(resource, "x", nil), apierrors.NewInvalid(appsv1.SchemeGroupVersion.WithKind("DaemonSet").GroupKind(), "x", nil), apierrors.NewBadRequest("webhook"), nil}, want: []Outcome{Refused, Refused, Refused, Restarted}, calls: 4},
		"too many":      {reason: "the API server asks for less", limit: 4, answers: []error{nil, apierrors.NewTooManyRequestsError("later")}, want: []Outcome{Restarted}, calls: 2, wantErr: true},
		"no login":      {reason: "no other would fare better", limit: 4, answers: []error{apierrors.NewUnauthorized("who?")}, calls: 1, wantErr: true},
		"wrapped":       {reason: "an error keeps its class", limit: 1, answers: []error{fmt.Errorf("behind a proxy: %w", conflict), nil}, want: []Outcome{Changed, Restarted}, calls: 2},
		"no such kinds": {reason: "kinds that are not known are not touched", kind: "Rollout", limit: 1, want: []Outcome{Refused, Refused, Refused, Refused}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var restarts []consumers.Restart
			for _, name := range []string{"a", "b", "c", "d"} {
				w := consumers.Workload{Ref: consumers.Ref{Kind: cmp.Or(tc.kind, consumers.KindDaemonSet), Name: name}}
				restarts = append(restarts, consumers.Restart{Workload: w, For: []consumers.Entry{mediator(2).For}})
			}
			script := &scripted{answers: tc.answers}
			results, err := Restart(t.Context(), script, restarts, tc.limit)
			if (err != nil) != tc.wantErr || script.calls != tc.calls {
				t.Errorf("%s: %d calls, %v", tc.reason, script.calls, err)
			}
			var got []Outcome
			for _, result := range results {
				got = append(got, result.Outcome)
			}
			if diff := gocmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// What one workload is refused holds up no other; when the API server fails, the call ends.
func TestRestartRefused(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	create(t, daemonSet(namespace, "agent", secret))
	create(t, deployment(namespace, "web", secret))
	user := userWith(t, namespace, rbacv1.PolicyRule{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, Verbs: []string{"patch"}})
	restarts := due(t, namespace, mediator(2))

	results, err := Restart(t.Context(), broken{}, restarts, 5)
	if !errors.Is(err, errBroken) || len(results) != 0 || !strings.Contains(err.Error(), "DaemonSet/agent") {
		t.Errorf("API server down: %v, %v", results, err)
	}
	results, err = Restart(t.Context(), user, restarts, 5)
	if err != nil || len(results) != 2 {
		t.Fatalf("%v, %v", results, err)
	}
	if results[0].Outcome != Refused || results[0].Err == nil {
		t.Errorf("no right: %+v", results[0])
	}
	// The Deployment's controller may have written a status in between.
	if results[1].Outcome == Refused {
		t.Errorf("right for Deployments: %+v", results[1])
	}
	again := due(t, namespace, mediator(2))
	for i := range again {
		again[i].For = nil
	}
	results, err = Restart(t.Context(), broken{}, again, 5)
	if err != nil || len(results) == 0 || results[0].Outcome != Refused {
		t.Errorf("nothing to note: %v, %v", results, err)
	}
}

// The field manager of restarts owns the annotation and nothing else.
func TestRestartOwnsTheAnnotationOnly(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	agent := daemonSet(namespace, "agent", secret)
	create(t, agent)
	restartAll(t, namespace, mediator(2))
	if diff := gocmp.Diff(ownedByRestart, fieldsOf(t, get(t, agent), FieldManager)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// ownedByRestart is the annotation, with the maps on the way to it, which the template did not have.
var ownedByRestart = map[string]any{"f:spec": map[string]any{"f:template": map[string]any{"f:metadata": map[string]any{
	"f:annotations": map[string]any{".": map[string]any{}, "f:" + consumers.AnnotationRestartedFor: map[string]any{}},
}}}}

func fieldsOf(t *testing.T, object client.Object, manager string) map[string]any {
	t.Helper()
	owned := map[string]any{}
	for _, entry := range object.GetManagedFields() {
		if entry.Manager == manager {
			if err := json.Unmarshal(entry.FieldsV1.GetRawBytes(), &owned); err != nil {
				t.Fatal(err)
			}
		}
	}
	return owned
}

// The manifest in Git does not have the annotation. Who applies it again, with a change or without one, leaves the annotation,
// and with it the pods, as they are.
func TestRestartOutlastsTheManifest(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reason string
		apply  func(t *testing.T, manifest *appsv1.DaemonSet)
	}{
		"kubectl apply": {
			reason: "what was never in a manifest is not missed: three manifests are compared, as by Helm and, without server-side apply, by Argo CD",
			apply:  applyOnClient,
		},
		"kubectl apply --server-side": {
			reason: "a field of another manager is not missed: as by Flux, Helm 4 and, with server-side apply, Argo CD",
			apply:  applyOnServer,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			manifest := func(image string) *appsv1.DaemonSet {
				object := daemonSet(namespace, "agent", secret)
				object.TypeMeta = metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"}
				object.Spec.Template.Spec.Containers[0].Image = image
				object.Spec.Template.Annotations = map[string]string{"in": "git"}
				return object
			}
			tc.apply(t, manifest("example.com/app:1"))
			restartAll(t, namespace, mediator(2))
			restarted := get(t, daemonSet(namespace, "agent"))

			tc.apply(t, manifest("example.com/app:1"))
			same := get(t, daemonSet(namespace, "agent"))
			if same.Generation != restarted.Generation {
				t.Errorf("%s: the same manifest made generation %d of %d", tc.reason, same.Generation, restarted.Generation)
			}
			tc.apply(t, manifest("example.com/app:2"))
			changed := get(t, daemonSet(namespace, "agent"))
			if got := changed.Spec.Template.Spec.Containers[0].Image; got != "example.com/app:2" {
				t.Errorf("the manifest was not applied: %s", got)
			}
			want := map[string]string{"in": "git", consumers.AnnotationRestartedFor: "mediator=2/qcjaag"}
			if diff := gocmp.Diff(want, changed.Spec.Template.Annotations); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// applyOnServer is kubectl apply --server-side --force-conflicts.
func applyOnServer(t *testing.T, manifest *appsv1.DaemonSet) {
	t.Helper()
	var object unstructured.Unstructured
	if err := json.Unmarshal([]byte(toJSON(t, manifest)), &object.Object); err != nil {
		t.Fatal(err)
	}
	unstructured.RemoveNestedField(object.Object, "status")
	if err := admin.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(&object), client.FieldOwner("kubectl"), client.ForceOwnership); err != nil {
		t.Fatal(err)
	}
}

// applyOnClient is kubectl apply: a patch of what the last manifest, which an annotation keeps, the live object and the new
// manifest differ in.
func applyOnClient(t *testing.T, manifest *appsv1.DaemonSet) {
	t.Helper()
	text := toJSON(t, manifest)
	manifest.Annotations = map[string]string{corev1.LastAppliedConfigAnnotation: text}
	live := manifest.DeepCopy()
	err := admin.Get(t.Context(), client.ObjectKeyFromObject(live), live)
	if client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	if err != nil {
		if err := admin.Create(t.Context(), manifest, client.FieldOwner("kubectl-client-side-apply")); err != nil {
			t.Fatal(err)
		}
		return
	}
	meta, err := strategicpatch.NewPatchMetaFromStruct(manifest)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(
		[]byte(live.Annotations[corev1.LastAppliedConfigAnnotation]), []byte(toJSON(t, manifest)), []byte(toJSON(t, live)), meta, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.Patch(t.Context(), live, client.RawPatch(types.StrategicMergePatchType, patch), client.FieldOwner("kubectl-client-side-apply")); err != nil {
		t.Fatal(err)
	}
}

// A manifest that the annotation was copied into does not stand in the way of the next restart.
func TestRestartOfCopiedAnnotation(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	agent := daemonSet(namespace, "agent", secret)
	agent.TypeMeta = metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"}
	agent.Spec.Template.Annotations = map[string]string{consumers.AnnotationRestartedFor: "mediator=1/qcjaag"}
	applyOnServer(t, agent)
	restartAll(t, namespace, mediator(2))
	if got := noteOf(get(t, daemonSet(namespace, "agent")).Spec.Template); got != "mediator=2/qcjaag" {
		t.Error(got)
	}
}

// A call that was given up is no workload's fault.
func TestRestartGivenUp(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	create(t, daemonSet(namespace, "agent", secret))
	restarts := due(t, namespace, mediator(2))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if results, err := Restart(ctx, admin, restarts, 5); !errors.Is(err, context.Canceled) || results != nil {
		t.Errorf("%v, %v", results, err)
	}
}
