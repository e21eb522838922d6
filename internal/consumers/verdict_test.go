package consumers

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

type workloadOption func(*Workload)

// aWorkload uses the Secret, unless an option says otherwise.
func aWorkload(kind, name string, options ...workloadOption) Workload {
	w := Workload{Ref: Ref{kind, name}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Env: fromKey()}}}}
	for _, option := range options {
		option(&w)
	}
	return w
}

func noted(value string) workloadOption { return func(w *Workload) { w.Note = ParseNote(value) } }
func keeps(why string) workloadOption   { return func(w *Workload) { w.Keeps = why } }
func paused(w *Workload)                { w.Paused = true }
func leaving(w *Workload)               { w.Terminating = true }
func stranger(w *Workload)              { w.Spec = corev1.PodSpec{} }

func TestJudge(t *testing.T) {
	web, db, agent := Ref{KindDeployment, "web"}, Ref{KindStatefulSet, "db"}, Ref{KindDaemonSet, "agent"}
	listed := func(targets ...Ref) Request { return Request{Targets: targets} }
	all := Request{All: true}
	tests := map[string]struct {
		reason  string
		items   []Workload
		unknown []string
		request Request
		due     []Ref
		want    Verdict
		text    string
	}{
		"all kinds": {
			reason:  "all that use it are restarted, in order",
			items:   []Workload{aWorkload(KindStatefulSet, "db"), aWorkload(KindDeployment, "web"), aWorkload(KindDaemonSet, "agent"), aWorkload(KindDeployment, "other", stranger)},
			request: all, due: []Ref{agent, web, db},
		},
		"nothing selected": {reason: "whoever says nothing gets nothing restarted", items: []Workload{aWorkload(KindDeployment, "web")}, want: Verdict{Unselected: []Ref{web}}},
		"listed": {
			reason:  "only what is named is restarted",
			items:   []Workload{aWorkload(KindDeployment, "web"), aWorkload(KindStatefulSet, "db")},
			request: listed(web), due: []Ref{web}, want: Verdict{Unselected: []Ref{db}},
		},
		"a target of another kind": {reason: "kind and name make a target", items: []Workload{aWorkload(KindDeployment, "web")}, request: listed(Ref{KindDaemonSet, "web"}), want: Verdict{Unselected: []Ref{web}, Missing: []Ref{{KindDaemonSet, "web"}}}, text: "DaemonSet/web does not exist"},
		"missing and unconcerned": {
			reason:  "a target that does nothing is a mistake, and told",
			items:   []Workload{aWorkload(KindDeployment, "web", stranger)},
			request: listed(web, db, agent, db), want: Verdict{Missing: []Ref{agent, db}, Unconcerned: []Ref{web}},
			text: "DaemonSet/agent does not exist; StatefulSet/db does not exist; Deployment/web does not use the Secret",
		},
		"targets under All": {reason: "all is all", items: []Workload{aWorkload(KindDeployment, "web")}, request: Request{All: true, Targets: []Ref{db}}, due: []Ref{web}},
		"paused":            {reason: "whoever paused it does not want new pods now", items: []Workload{aWorkload(KindDeployment, "web", paused)}, request: all, want: Verdict{Paused: []Ref{web}}, text: "Deployment/web is paused"},
		"paused, restarted": {reason: "its pods stay as long as it is paused", items: []Workload{aWorkload(KindDeployment, "web", paused, noted("mediator=3"))}, request: all, want: Verdict{Paused: []Ref{web}}, text: "Deployment/web is paused"},
		"paused, not ours":  {reason: "it is nobody's business here", items: []Workload{aWorkload(KindDeployment, "web", paused)}, want: Verdict{Unselected: []Ref{web}}},
		"restarted":         {reason: "never twice for one sequence", items: []Workload{aWorkload(KindDeployment, "web", noted("mediator=3"))}, request: all, want: Verdict{Done: []Ref{web}}},
		"restarted later":   {reason: "an older process does not restart for an older token", items: []Workload{aWorkload(KindDeployment, "web", noted("mediator=4"))}, request: all, want: Verdict{Done: []Ref{web}}},
		"restarted before":  {reason: "that was for the token before", items: []Workload{aWorkload(KindDeployment, "web", noted("mediator=2"))}, request: all, due: []Ref{web}},
		"for another":       {reason: "that was for another GatewayToken", items: []Workload{aWorkload(KindDeployment, "web", noted("shop=3"))}, request: all, due: []Ref{web}},
		"OnDelete": {
			reason:  "the annotation is set, and somebody has to delete pods",
			items:   []Workload{aWorkload(KindStatefulSet, "db", keeps(onDelete)), aWorkload(KindDaemonSet, "agent", keeps(onDelete), noted("mediator=3"))},
			request: all, due: []Ref{db}, want: Verdict{Done: []Ref{agent}, Keeping: []Keeping{{agent, onDelete}, {db, onDelete}}},
			text: "DaemonSet/agent (OnDelete) waits for somebody to delete its pods; StatefulSet/db (OnDelete) waits for somebody to delete its pods",
		},
		"terminating":         {reason: "its pods go by themselves", items: []Workload{aWorkload(KindDeployment, "web", leaving)}, request: all},
		"terminating, listed": {reason: "it still exists", items: []Workload{aWorkload(KindDeployment, "web", leaving)}, request: listed(web)},
		"unknown kinds": {
			reason:  "of what nobody may see nobody can say that it is missing",
			unknown: []string{KindStatefulSet, KindDaemonSet}, request: listed(web, db, agent),
			want: Verdict{Missing: []Ref{web}, Unknown: []string{KindDaemonSet, KindStatefulSet}},
			text: "the operator may not list objects of kind DaemonSet; the operator may not list objects of kind StatefulSet; Deployment/web does not exist",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			tc.request.Secret, tc.request.For = secret, Entry{Token: "mediator", Sequence: 3}
			got := Judge(Workloads{Items: tc.items, Unknown: tc.unknown}, tc.request)
			if diff := cmp.Diff(tc.due, refsOf(got.Due)); diff != "" {
				t.Errorf("%s: due (-want +got):\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreFields(Verdict{}, "Due"), cmpopts.IgnoreUnexported(Verdict{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if got.Text() != tc.text {
				t.Errorf("%s: text\nwant %s\ngot  %s", tc.reason, tc.text, got.Text())
			}
		})
	}
}

func refsOf(workloads []Workload) []Ref {
	var refs []Ref
	for _, w := range workloads {
		refs = append(refs, w.Ref)
	}
	return refs
}

// A verdict on many targets is a text like any other.
func TestVerdictTextIsBounded(t *testing.T) {
	var targets []Ref
	for i := range 100 {
		targets = append(targets, Ref{KindDeployment, fmt.Sprintf("%03d", i) + strings.Repeat("n", 250)})
	}
	text := Judge(Workloads{}, Request{Secret: secret, Targets: targets}).Text()
	if len(text) > maxText || !strings.HasSuffix(text, " more") || !strings.HasPrefix(text, "Deployment/000nnn") {
		t.Errorf("%d bytes: %s", len(text), text)
	}
}

// What several GatewayTokens want of one workload is one restart.
func TestRestarts(t *testing.T) {
	both := aWorkload(KindStatefulSet, "both", func(w *Workload) { w.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "shop-token"}} })
	half := aWorkload(KindDeployment, "half", func(w *Workload) {
		w.Spec.ImagePullSecrets, w.Note = []corev1.LocalObjectReference{{Name: "shop-token"}}, ParseNote("mediator=3")
	})
	workloads := Workloads{Items: []Workload{both, half, aWorkload(KindDeployment, "one")}}
	mediator, shop := Entry{Token: "mediator", Sequence: 3}, Entry{Token: "shop", Sequence: 1}

	got := map[string]string{}
	var order []Ref
	for _, restart := range Restarts(
		Judge(workloads, Request{For: shop, Secret: "shop-token", All: true}),
		Judge(workloads, Request{For: mediator, Secret: secret, All: true}),
	) {
		order = append(order, restart.Ref)
		got[restart.Name] = restart.Note.With(restart.For...).String()
	}
	want := map[string]string{"both": "mediator=3,shop=1", "half": "mediator=3,shop=1", "one": "mediator=3"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Ref{{KindDeployment, "half"}, {KindDeployment, "one"}, {KindStatefulSet, "both"}}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if got := Restarts(); got != nil {
		t.Errorf("of nothing: %v", got)
	}
}

func TestWorkloads(t *testing.T) {
	meta := metav1.ObjectMeta{
		Name: "x", Namespace: "causely", UID: "u", ResourceVersion: "7", DeletionTimestamp: ptr.To(metav1.Now()),
		Annotations: map[string]string{AnnotationRestartedFor: "not=1"}, // on the workload itself it means nothing
	}
	template := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{AnnotationRestartedFor: "mediator=3/a"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Env: fromKey()}}},
	}
	common := Workload{
		Ref: Ref{Name: "x"}, Namespace: "causely", UID: "u", ResourceVersion: "7", Terminating: true,
		Spec: template.Spec, Note: Note{{Token: "mediator", Sequence: 3, Incarnation: "a"}},
	}
	stateful := func(strategy appsv1.StatefulSetUpdateStrategy) Workload {
		return OfStatefulSet(&appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{Template: template, UpdateStrategy: strategy}})
	}
	partition := func(from int32) appsv1.StatefulSetUpdateStrategy {
		return appsv1.StatefulSetUpdateStrategy{Type: appsv1.RollingUpdateStatefulSetStrategyType, RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: ptr.To(from)}}
	}
	daemon := func(strategy appsv1.DaemonSetUpdateStrategyType) Workload {
		return OfDaemonSet(&appsv1.DaemonSet{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Template: template, UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: strategy}}})
	}
	deployment := func(paused bool) Workload {
		return OfDeployment(&appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Template: template, Paused: paused}})
	}
	tests := map[string]struct {
		reason string
		got    Workload
		kind   string
		paused bool
		keeps  string
	}{
		"Deployment":              {reason: "it replaces its pods", got: deployment(false), kind: KindDeployment},
		"Deployment, paused":      {reason: "it makes none", got: deployment(true), kind: KindDeployment, paused: true},
		"StatefulSet":             {reason: "it replaces its pods", got: stateful(appsv1.StatefulSetUpdateStrategy{}), kind: KindStatefulSet},
		"StatefulSet, OnDelete":   {reason: "it replaces only what is deleted", got: stateful(appsv1.StatefulSetUpdateStrategy{Type: appsv1.OnDeleteStatefulSetStrategyType}), kind: KindStatefulSet, keeps: onDelete},
		"StatefulSet, partition":  {reason: "it keeps the pods below", got: stateful(partition(2)), kind: KindStatefulSet, keeps: "partition"},
		"StatefulSet, from first": {reason: "no pod is below the first", got: stateful(partition(0)), kind: KindStatefulSet},
		"DaemonSet":               {reason: "it replaces its pods", got: daemon(appsv1.RollingUpdateDaemonSetStrategyType), kind: KindDaemonSet},
		"DaemonSet, OnDelete":     {reason: "it replaces only what is deleted", got: daemon(appsv1.OnDeleteDaemonSetStrategyType), kind: KindDaemonSet, keeps: onDelete},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			want := common
			want.Kind, want.Paused, want.Keeps = tc.kind, tc.paused, tc.keeps
			if diff := cmp.Diff(want, tc.got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// Who has no pod with the old value that stays is left out.
func TestHeldByWorkloads(t *testing.T) {
	ref := func(name string) Ref { return Ref{Kind: KindDeployment, Name: name} }
	verdict := Verdict{
		Due:    []Workload{{Ref: ref("holds")}, {Ref: ref("has the new value")}, {Ref: ref("is replaced")}},
		Done:   []Ref{ref("rolls out"), ref("has rolled out")},
		Paused: []Ref{ref("paused"), ref("paused with new pods")},
		Keeping: []Keeping{
			{Ref: ref("holds"), Why: onDelete}, {Ref: ref("has rolled out"), Why: onDelete},
		},
		Missing: []Ref{ref("missing")},
	}
	got := verdict.HeldBy(Holding{Holders: []Holder{
		{Pod: "a", Owner: ref("holds")}, {Pod: "b", Owner: ref("holds"), Leaving: true}, {Pod: "c", Owner: ref("is replaced"), Leaving: true},
		{Pod: "d", Owner: ref("rolls out"), Leaving: true}, {Pod: "e", Owner: ref("paused")}, {Pod: "f", Owner: Ref{Kind: "Job", Name: "holds"}},
	}})
	want := Verdict{
		Due: []Workload{{Ref: ref("holds")}}, Done: []Ref{ref("rolls out")}, Paused: []Ref{ref("paused")},
		Keeping: []Keeping{{Ref: ref("holds"), Why: onDelete}}, Missing: []Ref{ref("missing")},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Verdict{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
