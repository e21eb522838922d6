package controller_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/consumers"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// restarting has workloads restarted: all that use the Secret, or the Deployments that are named.
func restarting(deployments ...string) func(*v1alpha1.GatewayToken) {
	return func(o *v1alpha1.GatewayToken) {
		harness.Overlapping(time.Hour)(o)
		o.Spec.Consumers = &v1alpha1.Consumers{Action: v1alpha1.ConsumersRestart}
		for _, name := range deployments {
			o.Spec.Consumers.Select = v1alpha1.SelectListed
			o.Spec.Consumers.Targets = append(o.Spec.Consumers.Targets, v1alpha1.ConsumerTarget{Kind: consumers.KindDeployment, Name: name})
		}
	}
}

// deployment makes a Deployment of the tenant's that has Secrets in its environment, and one pod of it.
func deployment(w *harness.World, name string, secrets ...string) (*appsv1.Deployment, *corev1.Pod) {
	made := w.Deployment(name, secrets...)
	return made, w.PodOf(made, "old")
}

// noteOf is what a Deployment was restarted for, and its generation, which counts the changes of its spec.
func noteOf(t *testing.T, w *harness.World, d *appsv1.Deployment) (note string, generation int64) {
	t.Helper()
	read := &appsv1.Deployment{}
	if err := w.Admin().Get(t.Context(), client.ObjectKeyFromObject(d), read); err != nil {
		t.Fatal(err)
	}
	return read.Spec.Template.Annotations[consumers.AnnotationRestartedFor], read.Generation
}

// wantRestarts checks that a Deployment was restarted so many times, once each.
func wantRestarts(t *testing.T, w *harness.World, d *appsv1.Deployment, want int64, why string) {
	t.Helper()
	if note, generation := noteOf(t, w, d); generation != 1+want {
		t.Errorf("%s was changed %d times (%s), want %d: %s", d.Name, generation-1, note, want, why)
	}
}

// Whoever uses the Secret is restarted once, and what was replaced waits for the last old pod.
func TestRestart(t *testing.T) {
	w := newWorld(t)
	w.Watch()
	_, object := w.Publish(restarting())
	w.WantNo(object, v1alpha1.ConditionConsumersReady)
	user, old := deployment(w, "user", object.SecretName())
	bystander, _ := deployment(w, "bystander", "another-secret")
	w.Advance(time.Minute)
	w.Want(object, v1alpha1.ConditionConsumersReady, metav1.ConditionTrue, v1alpha1.ReasonConsumersCurrent)
	wantRestarts(t, w, user, 0, "it has the first value")

	ask(w, object, false)
	w.Settle()
	w.Want(object, v1alpha1.ConditionConsumersReady, metav1.ConditionFalse, v1alpha1.ReasonRestarting)
	wantRestarts(t, w, user, 0, "a new pod could still get the old value")
	w.Advance(time.Minute)
	wantRestarts(t, w, user, 1, "its pod holds the old value")
	wantRestarts(t, w, bystander, 0, "it does not use the Secret")
	if note, _ := noteOf(t, w, user); !strings.HasPrefix(note, object.Name+"=2/") {
		t.Errorf("the note says %q", note)
	}
	if !slices.ContainsFunc(w.Events, func(e harness.Event) bool {
		return e.Reason == "Restarted" && strings.HasPrefix(e.Note, "Deployment/user")
	}) {
		t.Errorf("no event tells of it: %+v", w.Events)
	}

	w.Restart()
	w.Advance(3 * time.Hour)
	wantRestarts(t, w, user, 1, "the ledger says that it was done")
	w.WantActive(2)
	w.PodOf(user, "new")
	w.Finish(old)
	w.Advance(2 * time.Hour)
	w.Want(object, v1alpha1.ConditionConsumersReady, metav1.ConditionTrue, v1alpha1.ReasonConsumersCurrent)
	w.WantActive(1)
	before := w.Versions()
	w.Restart()
	w.Advance(time.Hour)
	for name, version := range w.Versions() {
		if before[name] != version {
			t.Errorf("%s was written at rest", name)
		}
	}
	wantRestarts(t, w, user, 1, "all have the value")
	w.CheckRest()
}

// Whoever runs with the value of a GatewayToken that was deleted is restarted for the first value of the next one. Who has waited for it is not.
func TestRestartForTheNextObject(t *testing.T) {
	w := newWorld(t)
	w.Watch()
	_, object := w.Publish(restarting())
	user, old := deployment(w, "user", object.SecretName())
	w.Advance(time.Minute)
	w.Started(old)
	w.Want(object, v1alpha1.ConditionConsumersReady, metav1.ConditionTrue, v1alpha1.ReasonConsumersCurrent)
	w.Remove(object)
	w.Advance(5 * time.Minute)
	if !w.Gone(object) {
		t.Fatal("it is not gone")
	}
	waiting, _ := deployment(w, "waiting", object.SecretName())
	w.Advance(time.Minute)

	again := w.Token(object.Name, restarting())
	w.Create(again)
	w.Settle()
	w.WantReady(again)
	w.Want(again, v1alpha1.ConditionConsumersReady, metav1.ConditionFalse, v1alpha1.ReasonRestarting)
	w.Advance(time.Minute)
	wantRestarts(t, w, user, 1, "its pod has the value of the one before, which is revoked")
	wantRestarts(t, w, waiting, 0, "its pod has waited for the Secret")
	if note, _ := noteOf(t, w, user); !strings.HasPrefix(note, again.Name+"=1/") {
		t.Errorf("the note says %q", note)
	}
	w.PodOf(user, "new")
	w.Finish(old)
	w.Advance(time.Minute)
	w.Want(again, v1alpha1.ConditionConsumersReady, metav1.ConditionTrue, v1alpha1.ReasonConsumersCurrent)
	w.Restart()
	w.Advance(time.Hour)
	wantRestarts(t, w, user, 1, "once for each token")
	w.CheckRest()
}

// A node reports late that a container has started without the Secret, which was optional. It is not passed over.
func TestRestartReportedLate(t *testing.T) {
	w := newWorld(t)
	user, pod := deployment(w, "user", "mediator")
	w.Advance(5 * time.Second)
	started := w.Clock.Now()
	w.Advance(time.Second)
	_, object := w.Ask(restarting())
	w.Settle()
	w.WantReady(object)
	w.WantNo(object, v1alpha1.ConditionConsumersReady)
	w.StartedAt(pod, started)
	w.Advance(time.Minute)
	wantRestarts(t, w, user, 1, "its pod has started without a value")
}

// A Secret that is lost and made anew with the first value restarts nobody: since when pods have it, nobody knows any more.
func TestRestartFirstValueAgain(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish(restarting())
	user, pod := deployment(w, "user", object.SecretName())
	w.Advance(time.Minute)
	w.Started(pod)
	w.Want(object, v1alpha1.ConditionConsumersReady, metav1.ConditionTrue, v1alpha1.ReasonConsumersCurrent)
	w.Fault(causely.RouteList, stage.Status, harness.Always)
	w.Restart()
	w.Remove(w.Secret(object.SecretName()))
	w.Advance(10 * time.Minute)
	w.WantNo(object, v1alpha1.ConditionConsumersReady)
	w.Heal()
	w.Advance(time.Hour)
	w.WantReady(object)
	w.WantCreates(1)
	wantRestarts(t, w, user, 0, "it has the value")
	w.Want(object, v1alpha1.ConditionConsumersReady, metav1.ConditionTrue, v1alpha1.ReasonConsumersCurrent)
}

// What GitOps takes away is not put back, also while another workload is waited for.
func TestRestartTakenBack(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish(restarting())
	user, _ := deployment(w, "user", object.SecretName())
	w.Advance(time.Minute)
	ask(w, object, false)
	w.Advance(time.Minute)
	wantRestarts(t, w, user, 1, "its pod holds the old value")
	harness.Change(w, user, func(d *appsv1.Deployment) { d.Spec.Template.Annotations = nil })
	w.Restart()
	w.Advance(time.Hour)
	wantRestarts(t, w, user, 2, "a restart, and its undoing by somebody else")
	w.WantActive(2)
}

// A paused Deployment is left alone and named, and restarted when it is resumed. One that was restarted by somebody else is not again.
func TestRestartPaused(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish(restarting())
	paused, _ := deployment(w, "paused", object.SecretName())
	quick, old := deployment(w, "quick", object.SecretName())
	harness.Change(w, paused, func(d *appsv1.Deployment) { d.Spec.Paused = true })
	w.Advance(time.Minute)
	ask(w, object, false)
	w.Advance(13 * time.Second)
	w.PodOf(quick, "new")
	w.Finish(old)
	w.Advance(time.Minute)
	wantRestarts(t, w, paused, 1, "its owner has paused it")
	wantRestarts(t, w, quick, 0, "all its pods have the new value")
	if message := w.Condition(object, v1alpha1.ConditionConsumersReady).Message; !strings.Contains(message, "Deployment/paused is paused") {
		t.Errorf("the message does not say what stands in the way: %s", message)
	}
	harness.Change(w, paused, func(d *appsv1.Deployment) { d.Spec.Paused = false })
	w.Advance(time.Minute)
	wantRestarts(t, w, paused, 3, "paused, resumed and restarted")
	w.Advance(time.Hour)
	wantRestarts(t, w, paused, 3, "once is enough")
}

// Two GatewayTokens that are due together share one restart.
func TestRestartShared(t *testing.T) {
	w := newWorld(t)
	_, first := w.Publish(restarting())
	second := w.Token("second", restarting())
	w.Create(second)
	w.Settle()
	w.WantReady(second)
	user, _ := deployment(w, "user", first.SecretName(), second.SecretName())
	w.Advance(time.Minute)
	ask(w, first, false)
	w.Advance(8 * time.Second)
	ask(w, second, false)
	w.Advance(time.Minute)
	wantRestarts(t, w, user, 1, "one restart serves both")
	if note, _ := noteOf(t, w, user); !strings.Contains(note, first.Name+"=2/") || !strings.Contains(note, "second=2/") {
		t.Errorf("the note says %q", note)
	}
	w.Advance(time.Hour)
	wantRestarts(t, w, user, 1, "both were served")
}

// Only what is listed is restarted; a target that does not exist is named.
func TestRestartListed(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish(restarting("listed", "missing"))
	listed, _ := deployment(w, "listed", object.SecretName())
	other, _ := deployment(w, "other", object.SecretName())
	w.Advance(time.Minute)
	ask(w, object, false)
	w.Advance(time.Minute)
	wantRestarts(t, w, listed, 1, "it is listed")
	wantRestarts(t, w, other, 0, "it is not listed")
	if message := w.Condition(object, v1alpha1.ConditionConsumersReady).Message; !strings.Contains(message, "Deployment/missing does not exist") {
		t.Errorf("the message does not name the missing target: %s", message)
	}
	if message := w.Condition(object, v1alpha1.ConditionRevocationPending).Message; !strings.Contains(message, "Deployment/other") {
		t.Errorf("who holds the old value is not named: %s", message)
	}
}

// No more workloads than allowed are restarted at the same time; the next when one is done.
func TestRestartLimit(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish(restarting())
	const most = 10
	all := map[*appsv1.Deployment]*corev1.Pod{}
	for i := range most + 2 {
		made, old := deployment(w, fmt.Sprintf("user-%02d", i), object.SecretName())
		all[made] = old
	}
	w.Advance(time.Minute)
	ask(w, object, false)
	w.Advance(5 * time.Minute)
	var restarted []*appsv1.Deployment
	for d := range all {
		if note, _ := noteOf(t, w, d); note != "" {
			restarted = append(restarted, d)
		}
	}
	if len(restarted) != most {
		t.Fatalf("%d workloads are being restarted, want %d", len(restarted), most)
	}
	for _, d := range restarted[:2] {
		w.PodOf(d, "new")
		w.Finish(all[d])
	}
	w.Advance(5 * time.Minute)
	for d := range all {
		wantRestarts(t, w, d, 1, "its turn has come")
	}
}

// While the object is suspended nobody is restarted, and it is not forgotten that somebody is to be.
func TestRestartSuspended(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish(restarting())
	user, _ := deployment(w, "user", object.SecretName())
	w.Advance(time.Minute)
	ask(w, object, false)
	w.Settle()
	harness.Change(w, object, func(o *v1alpha1.GatewayToken) { o.Spec.Suspend = true })
	w.Advance(time.Hour)
	wantRestarts(t, w, user, 0, "nothing is done")
	w.Want(object, v1alpha1.ConditionConsumersReady, metav1.ConditionFalse, v1alpha1.ReasonRestarting)
	harness.Change(w, object, func(o *v1alpha1.GatewayToken) { o.Spec.Suspend = false })
	w.Advance(time.Minute)
	wantRestarts(t, w, user, 1, "its turn has come")
}

// Without the right to restart, the old token stays and the condition says what is missing.
func TestRestartForbidden(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish(restarting())
	user, old := deployment(w, "user", object.SecretName())
	w.Forbid("DeploymentList")
	w.Advance(time.Minute)
	ask(w, object, false)
	w.Advance(5 * time.Minute)
	wantRestarts(t, w, user, 0, "the operator may not")
	w.Want(object, v1alpha1.ConditionConsumersReady, metav1.ConditionFalse, v1alpha1.ReasonRestartForbidden)
	w.WantReady(object)
	w.WantActive(2)
	w.PodOf(user, "new")
	w.Finish(old)
	w.Advance(2 * time.Hour)
	w.WantActive(1)
	w.Want(object, v1alpha1.ConditionConsumersReady, metav1.ConditionTrue, v1alpha1.ReasonConsumersCurrent)
}

// The value before stays beside the new one while its token waits for its revocation, and not for longer.
func TestPreviousKey(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish(harness.Overlapping(time.Hour), func(o *v1alpha1.GatewayToken) {
		o.Spec.Secret = &v1alpha1.SecretTemplate{PreviousKey: "before"}
	})
	first := w.Secret(object.SecretName())
	if _, there := first.Data["before"]; there {
		t.Error("there is a value before the first")
	}
	w.Advance(time.Minute)
	ask(w, object, false)
	w.Advance(time.Minute)
	second := w.Secret(object.SecretName())
	if string(second.Data["before"]) != string(first.Data["token"]) || string(second.Data["token"]) == string(first.Data["token"]) {
		t.Error("the Secret does not have both values")
	}
	harness.Change(w, object, func(o *v1alpha1.GatewayToken) { o.Spec.Secret.Labels = map[string]v1alpha1.LabelValue{"tier": "edge"} })
	w.Advance(time.Minute)
	if labelled := w.Secret(object.SecretName()); labelled.Labels["tier"] != "edge" || string(labelled.Data["before"]) != string(first.Data["token"]) {
		t.Error("an edit of the Secret lost the value before")
	}
	w.Advance(26 * time.Hour / 3)
	w.WantActive(1)
	third := w.Secret(object.SecretName())
	if _, there := third.Data["before"]; there || string(third.Data["token"]) != string(second.Data["token"]) {
		t.Error("the value before outlives its token")
	}
	w.Advance(time.Minute)
	ask(w, object, true)
	w.Advance(2 * time.Second)
	if _, there := w.Secret(object.SecretName()).Data["before"]; there {
		t.Error("a leaked value stays in the Secret")
	}
	w.WantCreates(3)
	w.CheckRest()
}
