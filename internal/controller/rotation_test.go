package controller_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// every has the token replaced at an age.
func every(interval time.Duration) func(*v1alpha1.GatewayToken) {
	return func(o *v1alpha1.GatewayToken) {
		harness.Overlapping(time.Hour)(o)
		o.Spec.Rotation.Interval = &metav1.Duration{Duration: interval}
	}
}

// ask asks for another token by annotation; revoke has what is replaced revoked at once.
func ask(w *harness.World, object *v1alpha1.GatewayToken, revoke bool) string {
	now := w.Clock.Now().UTC().Format(time.RFC3339)
	harness.Change(w, object, func(o *v1alpha1.GatewayToken) {
		o.Annotations = map[string]string{v1alpha1.AnnotationRotateRequest: now}
		if revoke {
			o.Annotations[v1alpha1.AnnotationRevokeRequest] = now
		}
	})
	return now
}

// pod makes a pod of the tenant's that has the Secret in its environment, as old as the world is now.
func pod(w *harness.World, name, secret string) *corev1.Pod {
	made := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Tenant, Name: name},
		Spec: corev1.PodSpec{
			NodeName: "node",
			Containers: []corev1.Container{{Name: "app", Image: "app", EnvFrom: []corev1.EnvFromSource{{
				SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: secret}},
			}}}},
		},
	}
	w.Create(made)
	return made
}

// A token is replaced at its age, again and again, and nothing is written in between.
func TestRotationByAge(t *testing.T) {
	w := newWorld(t)
	w.Watch()
	_, object := w.Publish(every(48 * time.Hour))
	if object.Status.NextRotationTime == nil {
		t.Fatal("status does not tell when it is replaced")
	}
	w.Advance(24 * time.Hour)
	before := w.Versions()
	w.Advance(12 * time.Hour)
	for name, version := range w.Versions() {
		if before[name] != version {
			t.Errorf("%s was written between rotations", name)
		}
	}
	w.WantCreates(1)
	w.Advance(14 * time.Hour)
	w.WantReady(object)
	w.WantCreates(2)
	w.WantActive(1)
	for range 8 {
		w.Advance(12 * time.Hour)
	}
	w.WantReady(object)
	w.WantActive(1)
	if made := len(w.Tokens()); made < 3 || made > 5 {
		t.Errorf("%d tokens in six days", made)
	}
	w.CheckRest()
}

// A person asks for another token, once; status tells when that has been done.
func TestRotationOnRequest(t *testing.T) {
	w := newWorld(t)
	w.Watch()
	_, object := w.Publish(harness.Overlapping(time.Hour))
	w.Advance(time.Minute)
	asked := ask(w, object, false)
	w.Settle()
	w.Refresh(object)
	if object.Status.HandledRotateRequest != asked {
		t.Errorf("handled: %q, want %q", object.Status.HandledRotateRequest, asked)
	}
	w.WantReady(object)
	w.WantActive(2)
	w.WantCreates(2)
	w.Restart()
	w.Advance(3 * time.Hour)
	w.WantCreates(2)
	w.WantActive(1)
	w.CheckRest()
}

// A leaked token is revoked as soon as its successor is published.
func TestRotationAfterALeak(t *testing.T) {
	w := newWorld(t)
	w.Watch()
	_, object := w.Publish()
	pod(w, "consumer", object.SecretName())
	w.Advance(time.Minute)
	ask(w, object, true)
	// The API server dates by the second.
	w.Advance(2 * time.Second)
	w.WantReady(object)
	w.WantCreates(2)
	w.WantActive(1)
	w.CheckRest()
}

// A request that nobody can understand is told, and nothing is done.
func TestRotationRequestInvalid(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish()
	for _, annotations := range []map[string]string{
		{v1alpha1.AnnotationRotateRequest: "now"},
		{v1alpha1.AnnotationRevokeRequest: "2026-03-01T12:00:00Z"},
		{v1alpha1.AnnotationRotateRequest: "2026-03-01T12:00:00Z", v1alpha1.AnnotationRevokeRequest: "yes"},
	} {
		harness.Change(w, object, func(o *v1alpha1.GatewayToken) { o.Annotations = annotations })
		w.Advance(time.Minute)
		w.Want(object, v1alpha1.ConditionRotating, metav1.ConditionFalse, v1alpha1.ReasonInvalidRotateRequest)
		w.WantReady(object)
		w.WantCreates(1)
		harness.Change(w, object, func(o *v1alpha1.GatewayToken) { o.Annotations = nil })
		w.Settle()
		w.WantNo(object, v1alpha1.ConditionRotating)
	}
}

// A window that cannot be kept is refused with advice. What is in use stays.
func TestRotationWindowInvalid(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish(every(48 * time.Hour))
	harness.Change(w, object, func(o *v1alpha1.GatewayToken) {
		o.Spec.Rotation.Window = &v1alpha1.RotationWindow{Schedule: "0 2 * * 6", Duration: &metav1.Duration{Duration: time.Hour}}
	})
	w.Settle()
	w.Want(object, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonInvalidWindow)
	if message := w.Condition(object, v1alpha1.ConditionStalled).Message; !strings.Contains(message, "too rarely for the interval of 48h") {
		t.Errorf("the message does not say what is wrong: %s", message)
	}
	w.WantReady(object)
	harness.Change(w, object, func(o *v1alpha1.GatewayToken) { o.Spec.Rotation.Window.Schedule = "0 2 * * *" })
	w.Settle()
	w.WantNo(object, v1alpha1.ConditionStalled)
	for range 6 {
		w.Advance(12 * time.Hour)
	}
	w.WantCreates(2)
	w.WantReady(object)
}

// While a pod holds the old value it stays active and the pod is named, however long that takes. When it is gone, the overlap begins.
func TestRotationWaitsForPods(t *testing.T) {
	w := newWorld(t)
	w.Watch()
	_, object := w.Publish(harness.Overlapping(time.Hour))
	old := pod(w, "old", object.SecretName())
	pod(w, "bystander", "another-secret")
	w.Advance(time.Minute)
	ask(w, object, false)
	w.Advance(12 * time.Hour)
	w.WantReady(object)
	w.WantActive(2)
	w.Want(object, v1alpha1.ConditionRevocationPending, metav1.ConditionTrue, v1alpha1.ReasonWaitingForConsumers)
	if message := w.Condition(object, v1alpha1.ConditionRevocationPending).Message; !strings.Contains(message, "Pod/old") || strings.Contains(message, "bystander") {
		t.Errorf("the message does not name who holds it, and nobody else: %s", message)
	}
	w.Restart()
	w.Advance(time.Hour)
	w.WantActive(2)
	w.Finish(old)
	w.Advance(30 * time.Minute)
	w.WantActive(2)
	w.Advance(time.Hour)
	w.WantActive(1)
	w.WantNo(object, v1alpha1.ConditionRevocationPending)
	w.CheckRest()
}

// A rotation is due while the vendor is down: the token goes on working, what it waits for is told, and it is done once afterwards.
func TestRotationWhileDown(t *testing.T) {
	w := newWorld(t)
	w.Watch()
	_, object := w.Publish(every(24 * time.Hour))
	w.Advance(20 * time.Hour)
	w.Fault(causely.RouteList, "status", harness.Always)
	w.Advance(24 * time.Hour)
	w.WantReady(object)
	w.Want(object, v1alpha1.ConditionRotating, metav1.ConditionTrue, "RotationDue")
	w.WantCreates(1)
	w.Heal()
	w.Advance(20 * time.Minute)
	w.WantReady(object)
	w.WantCreates(2)
	w.WantNo(object, v1alpha1.ConditionRotating)
}

// A replacement that the vendor refuses is nobody's failure to publish what the spec asks for: the token that is there works.
func TestRotationRefused(t *testing.T) {
	w := newModelWorld(t)
	_, object := w.Publish()
	w.Advance(time.Minute)
	w.Fault(causely.RouteCreate, stage.Status, harness.Always, func(f *simulator.Fault) { f.Status = http.StatusForbidden })
	ask(w, object, false)
	w.Advance(time.Hour)
	w.WantReady(object)
	w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionFalse, v1alpha1.ReasonCreateRefused)
	w.WantNo(object, v1alpha1.ConditionStalled)
	w.WantNo(object, v1alpha1.ConditionReconciling)
	w.Heal()
	w.Advance(7 * time.Hour)
	w.WantNo(object, v1alpha1.ConditionReconciling)
	w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionTrue, v1alpha1.ReasonVendorAnswered)
	if object.Status.Current.Sequence != 2 {
		t.Errorf("the token is number %d", object.Status.Current.Sequence)
	}
}
