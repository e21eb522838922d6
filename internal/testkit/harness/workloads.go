package harness

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// templateHash is that of every template.
const templateHash = "5d9c"

// Deployment makes a Deployment of the tenant's that has Secrets in its environment. Nobody but the test makes its pods.
func (w *World) Deployment(name string, secrets ...string) *appsv1.Deployment {
	w.t.Helper()
	labels := map[string]string{"app": name}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}}}
	for _, secret := range secrets {
		template.Spec.Containers[0].EnvFrom = append(template.Spec.Containers[0].EnvFrom, corev1.EnvFromSource{
			SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: secret}},
		})
	}
	made := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Tenant, Name: name},
		Spec:       appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: template},
	}
	// The garbage collector takes pods away whose ReplicaSet does not exist.
	w.Create(made, &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Tenant, Name: name + "-" + templateHash},
		Spec:       appsv1.ReplicaSetSpec{Replicas: ptr.To[int32](0), Selector: made.Spec.Selector, Template: template},
	})
	return made
}

// PodOf makes a pod of a Deployment, as old as the world is now.
func (w *World) PodOf(of *appsv1.Deployment, name string) *corev1.Pod {
	w.t.Helper()
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: w.Tenant, Name: of.Name + "-" + templateHash}}
	w.Refresh(set)
	made := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: w.Tenant, Name: of.Name + "-" + name, Labels: map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: templateHash},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: set.Name, UID: set.UID, Controller: ptr.To(true)}},
		},
		Spec: of.Spec.Template.Spec,
	}
	made.Spec.NodeName = "node"
	w.Create(made)
	return made
}

// Started tells of a pod what a kubelet does: its container has run since now.
func (w *World) Started(pod *corev1.Pod) {
	w.t.Helper()
	w.StartedAt(pod, w.Clock.Now())
}

// StartedAt tells it late.
func (w *World) StartedAt(pod *corev1.Pod, at time.Time) {
	w.t.Helper()
	since := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(at)}}
	w.ChangeStatus(pod, func() {
		pod.Status.Phase = corev1.PodRunning
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "app", Image: "app", State: since}}
	})
}

// Finish deletes a pod as a kubelet does when it has ended.
func (w *World) Finish(pod *corev1.Pod) {
	w.t.Helper()
	if err := w.admin.Delete(w.ctx(), pod, client.GracePeriodSeconds(0)); err != nil {
		w.t.Fatal(err)
	}
	w.note("pod %s is gone", pod.Name)
}
