package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
)

// With nodes a Deployment rolls, and hangs when its new pods do not become ready.
func TestNodes(t *testing.T) {
	t.Parallel()
	plane := start(t)
	if err := plane.StartNodes(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	admin, err := kubernetes.NewForConfig(plane.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	namespace := createNamespace(t, admin)
	deployment := createRolling(t, admin, namespace)
	eventually(t, "all pods are ready", hasRolled(admin, namespace, deployment, 3))

	patchTemplate(t, admin, namespace, deployment, `{"metadata":{"annotations":{"round":"2"}}}`)
	eventually(t, "the Deployment has rolled", hasRolled(admin, namespace, deployment, 3))

	patchTemplate(t, admin, namespace, deployment, `{"metadata":{"annotations":{"round":"3"}},"spec":{"readinessGates":[{"conditionType":"example.com/never"}]}}`)
	eventually(t, "a new pod runs beside the old ones, and is not ready", func(ctx context.Context) error {
		pods, err := admin.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		var running, ready int
		for i := range pods.Items {
			if pods.Items[i].Status.Phase == corev1.PodRunning {
				running++
			}
			if podReady(&pods.Items[i]) {
				ready++
			}
		}
		if running != 4 || ready != 3 {
			return fmt.Errorf("%d run, %d are ready", running, ready)
		}
		return nil
	})
}

func createRolling(t *testing.T, admin kubernetes.Interface, namespace string) string {
	t.Helper()
	labels := map[string]string{"app": "mediator"}
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "mediator"},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](3),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Strategy: appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{
				MaxUnavailable: ptr.To(intstr.FromInt32(0)), MaxSurge: ptr.To(intstr.FromInt32(1)),
			}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "mediator", Image: "mediator"}}},
			},
		},
	}
	if _, err := admin.AppsV1().Deployments(namespace).Create(t.Context(), deployment, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return deployment.Name
}

func patchTemplate(t *testing.T, admin kubernetes.Interface, namespace, name, template string) {
	t.Helper()
	if _, err := admin.AppsV1().Deployments(namespace).Patch(t.Context(), name, types.StrategicMergePatchType,
		[]byte(`{"spec":{"template":`+template+`}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// hasRolled holds when the pods of the latest template are all that there are, and are ready.
func hasRolled(admin kubernetes.Interface, namespace, name string, pods int32) func(context.Context) error {
	return func(ctx context.Context) error {
		found, err := admin.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		status := found.Status
		if status.ObservedGeneration != found.Generation || status.UpdatedReplicas != pods || status.ReadyReplicas != pods || status.Replicas != pods {
			return fmt.Errorf("generation %d: %+v", found.Generation, status)
		}
		return nil
	}
}

func podReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// Stop ends what StartNodes started.
func TestStopNodes(t *testing.T) {
	t.Parallel()
	plane, err := Start(t.Context(), Options{Bare: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := plane.StartNodes(t.Context(), 1); err != nil {
		t.Fatal(errors.Join(err, plane.Stop()))
	}
	helpers := plane.helpers
	if err := plane.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, helper := range helpers {
		if err := syscall.Kill(helper.cmd.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("%s after Stop: %v", helper.name, err)
		}
	}
}

// Who has the control plane and not what plays nodes learns how to get it, and only when he needs it.
func TestFindNodeAssets(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(assetsVariable, dir)
	if _, err := findAssets(); err != nil {
		t.Errorf("without nodes: want no error, got %v", err)
	}
	if _, err := findNodeAssets(); err == nil || !strings.Contains(err.Error(), "kwok") || !strings.Contains(err.Error(), "make nodes") {
		t.Errorf("with nodes: want an error that names kwok and make nodes, got %v", err)
	}
}
