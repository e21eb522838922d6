package controller_test

import (
	"context"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/rights"
)

// privileged has the operator act with some rules and no others, and tells what it asks for.
func privileged(t *testing.T, w *harness.World, rules []rbacv1.PolicyRule) *rights.Recorder {
	t.Helper()
	needsReal(t, "the operator has rights")
	user := "operator-of-" + w.Name
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: user}, Rules: rules}
	w.Create(role, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: user},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	})
	config := plane.RESTConfig()
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	awaitSomeRight(t, rest.CopyConfig(config))
	recorder := &rights.Recorder{}
	config.Wrap(recorder.Wrap)
	w.Act(config)
	w.Restart()
	return recorder
}

// awaitSomeRight waits until the API server knows of the binding: what a role grants is known with it. Whatever is left out of the rules,
// Secrets or pods can be listed.
func awaitSomeRight(t *testing.T, config *rest.Config) {
	t.Helper()
	config.WarningHandler = rest.NoWarnings{}
	made, err := client.New(config, client.Options{Scheme: plane.Admin.Scheme(), Mapper: plane.Admin.RESTMapper()})
	if err != nil {
		t.Fatal(err)
	}
	err = wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		secrets, pods := made.List(t.Context(), &corev1.SecretList{}), made.List(t.Context(), &corev1.PodList{})
		return !apierrors.IsForbidden(secrets) || !apierrors.IsForbidden(pods), nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// users are workloads of each kind that use the token's Secret, with a pod each.
func users(w *harness.World, secret string) {
	deployment(w, "user", secret)
	labels := map[string]string{"app": "others"}
	template := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app", EnvFrom: []corev1.EnvFromSource{
			{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: secret}}},
		}}}},
	}
	selector := &metav1.LabelSelector{MatchLabels: labels}
	set := &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Tenant, Name: "set"},
		Spec:       appsv1.StatefulSetSpec{Selector: selector, Template: template, ServiceName: "set"},
	}
	daemons := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Tenant, Name: "daemons"},
		Spec:       appsv1.DaemonSetSpec{Selector: selector, Template: template},
	}
	w.Create(set, daemons)
	for kind, owner := range map[string]metav1.Object{"StatefulSet": set, "DaemonSet": daemons} {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: w.Tenant, Name: owner.GetName() + "-0",
				OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: owner.GetName(), UID: owner.GetUID(), Controller: ptr.To(true)}},
			},
			Spec: template.Spec,
		}
		pod.Spec.NodeName = "node"
		w.Create(pod)
	}
}

// issueRotateDelete is a life of two tokens, one of an issuer of each kind, with everything that the controllers ask the API server for.
// It tells whether all of it came about.
func issueRotateDelete(w *harness.World) (worked bool) {
	w.Provide(w.Tenant)
	w.Provide(w.System)
	cluster, own := w.ClusterIssuer(), w.NamespacedIssuer()
	object, second := w.Token("mediator", restarting()), w.Token("second", harness.FromNamespacedIssuer)
	w.Create(cluster, own, object, second)
	w.Advance(10 * time.Minute)
	users(w, object.SecretName())
	ask(w, object, false)
	w.Advance(10 * time.Minute)
	w.Remove(object, second)
	w.Advance(time.Hour)
	w.Remove(cluster, own)
	w.Advance(time.Hour)
	return len(w.Made()) == 3 && len(w.Active()) == 0 && w.Gone(object) && w.Gone(second) && w.Gone(cluster) && w.Gone(own)
}

// TestLeastPrivilege holds that the controllers do all their work with the rules of the chart, and that what these rules grant beside what
// caches and the leader election need (which the test of the operator as a process holds) is needed.
func TestLeastPrivilege(t *testing.T) {
	granted := append(chartRules(t, "manager_role.yaml"), chartRules(t, "restart_role.yaml")...)
	var used []rights.Right
	t.Run("as granted", func(t *testing.T) {
		// The others begin when this one has told what is used.
		w := harness.New(t, plane, connect)
		recorder := privileged(t, w, granted)
		if !issueRotateDelete(w) {
			t.Error("three tokens were to be made, and nothing to be left")
		}
		if refused := recorder.Forbidden(); len(refused) > 0 {
			t.Errorf("the chart does not grant %v", refused)
		}
		used = recorder.Used()
		for _, right := range used {
			if !slices.Contains(rights.Granted(granted), right) {
				t.Errorf("%q is used and not granted", right)
			}
		}
		for _, right := range rights.Granted(chartRules(t, "restart_role.yaml")) {
			if !slices.Contains(used, right) {
				t.Errorf("the chart grants %q, and nobody makes use of it", right)
			}
		}
		if len(used) < 15 {
			t.Errorf("only %v are used", used)
		}
		w.CheckRest()
	})
	for _, right := range used {
		t.Run("without "+string(right), func(t *testing.T) {
			w := newWorld(t)
			recorder := privileged(t, w, rights.Without(granted, right))
			worked := issueRotateDelete(w)
			// An apply that creates needs two rights and is one request.
			if len(recorder.Forbidden()) == 0 {
				t.Errorf("nobody misses it")
			}
			if worked && len(w.Errors) == 0 && !tolerated(right) {
				t.Error("everything worked without it, and nothing was said")
			}
			w.CheckRest()
		})
	}
}

// tolerated tells of rights that are not missed for ever: pods that may not be listed are waited for, workloads that may not be restarted
// are told of, and the life ends all the same.
func tolerated(right rights.Right) bool {
	return slices.Contains([]rights.Right{
		"list /pods", "list apps/deployments", "list apps/statefulsets", "list apps/daemonsets", "patch apps/deployments", "patch apps/statefulsets", "patch apps/daemonsets",
	}, right)
}
