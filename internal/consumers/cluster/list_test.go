package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/internal/consumers"
)

func namesOf(pods consumers.Pods) []string {
	var names []string
	for _, pod := range pods.Items {
		names = append(names, pod.Name)
	}
	slices.Sort(names)
	return names
}

// What uses a Secret is found on whatever page it is; what has ended, uses none or is in another namespace is not.
func TestPods(t *testing.T) {
	t.Parallel()
	namespace, other := newNamespace(t), newNamespace(t)
	createPod(t, other, "elsewhere", using(secret))
	for i := range 5 {
		createPod(t, namespace, fmt.Sprintf("user-%d", i), using(secret))
		createPod(t, namespace, fmt.Sprintf("stranger-%d", i), using("another"))
	}
	for name, phase := range map[string]corev1.PodPhase{"ended-1": corev1.PodSucceeded, "ended-2": corev1.PodFailed, "runs": corev1.PodRunning} {
		pod := createPod(t, namespace, name, using(secret))
		pod.Status.Phase = phase
		if err := admin.Status().Update(t.Context(), pod); err != nil {
			t.Fatal(err)
		}
	}
	users := []string{"runs", "user-0", "user-1", "user-2", "user-3", "user-4"}
	tests := map[string]struct {
		reason  string
		size    int64
		secrets []string
		want    []string
		calls   int
	}{
		"one page":     {reason: "five hundred are a page", secrets: []string{secret}, want: users, calls: 1},
		"many pages":   {reason: "eleven pods that have not ended, three at a time", size: 3, secrets: []string{secret}, want: users, calls: 4},
		"each its own": {reason: "the last page is known to be the last", size: 1, secrets: []string{secret}, want: users, calls: 11},
		"two Secrets":  {reason: "one list serves several", size: 3, secrets: []string{"absent", "another", secret}, want: append(slices.Clone(users), "stranger-0", "stranger-1", "stranger-2", "stranger-3", "stranger-4"), calls: 4},
		"no Secret":    {reason: "nothing was asked for", calls: 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			lister := &counting{Lister: admin}
			pods, err := Reader{Lister: lister, PageSize: tc.size}.Pods(t.Context(), namespace, tc.secrets...)
			if err != nil || pods.Unknown {
				t.Fatalf("%s: unknown %t, %v", tc.reason, pods.Unknown, err)
			}
			slices.Sort(tc.want)
			if diff := cmp.Diff(tc.want, namesOf(pods)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if lister.calls != tc.calls {
				t.Errorf("%s: want %d calls, got %d", tc.reason, tc.calls, lister.calls)
			}
		})
	}
}

// Who may not list pods learns that nothing is known; any other failure is one.
func TestPodsOfUnprivileged(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	createPod(t, namespace, "user", using(secret))
	pods, err := Reader{Lister: userWith(t, namespace)}.Pods(t.Context(), namespace, secret)
	if err != nil || !pods.Unknown || pods.Items != nil {
		t.Errorf("want unknown, got %v, %v", pods, err)
	}
	if _, err := (Reader{Lister: broken{}}).Pods(t.Context(), namespace, secret); !errors.Is(err, errBroken) {
		t.Errorf("want the error, got %v", err)
	}
}

// Kinds that may not be listed do not hide the others.
func TestWorkloads(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	for _, object := range []client.Object{
		deployment(namespace, "web", secret), deployment(namespace, "api"), deployment(namespace, "shop", secret),
		statefulSet(namespace, "db", secret), daemonSet(namespace, "agent", secret),
	} {
		create(t, object)
	}
	everything := []string{"DaemonSet/agent", "Deployment/api", "Deployment/shop", "Deployment/web", "StatefulSet/db"}
	list := func(resources ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{"apps"}, Resources: resources, Verbs: []string{"list"}}
	}
	user := userWith(t, namespace, list("deployments", "daemonsets"))
	elsewhere := newNamespace(t)
	tests := map[string]struct {
		reason  string
		lister  Lister
		in      string
		want    []string
		unknown []string
	}{
		"administrator": {reason: "page after page", lister: admin, in: namespace, want: everything},
		"some kinds":    {reason: "one kind is unknown, and said to be", lister: user, in: namespace, want: everything[:4], unknown: []string{"StatefulSet"}},
		"elsewhere":     {reason: "a right in one namespace is none in another", lister: user, in: elsewhere, unknown: []string{"Deployment", "StatefulSet", "DaemonSet"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			workloads, err := Reader{Lister: tc.lister, PageSize: 2}.Workloads(t.Context(), tc.in)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range workloads.Items {
				got = append(got, w.String())
				if w.UID == "" || w.ResourceVersion == "" || w.Namespace != tc.in {
					t.Errorf("%s: incomplete: %+v", w.Ref, w)
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.unknown, workloads.Unknown); diff != "" {
				t.Errorf("%s: unknown (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
	if _, err := (Reader{Lister: broken{}}).Workloads(t.Context(), namespace); !errors.Is(err, errBroken) {
		t.Errorf("want the error, got %v", err)
	}
}

// A pod that a real Deployment made is told by the name of the Deployment, and goes by the API server's own dates. The pods are
// said to be on a node, since nothing schedules them here.
func TestPodsOfADeployment(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	object := deployment(namespace, "mediator", secret)
	object.Spec.Replicas, object.Spec.Template.Spec.NodeName = ptr.To[int32](2), "node-1"
	create(t, object)
	create(t, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "waits"}, Spec: using(secret)})

	var pods consumers.Pods
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 2*time.Minute, true, func(context.Context) (bool, error) {
		var err error
		pods, err = Reader{Lister: admin}.Pods(t.Context(), namespace, secret)
		return len(pods.Items) == 3, err
	})
	if err != nil {
		t.Fatalf("%v; pods: %v", err, namesOf(pods))
	}
	made := get(t, object).CreationTimestamp.Time
	for name, tc := range map[string]struct {
		reason string
		at     time.Time
		owners []consumers.Ref
		users  int
	}{
		"published later":  {reason: "the Deployment's pods hold it; the one without a node does not", at: made.Add(time.Hour), owners: []consumers.Ref{{Kind: "Deployment", Name: "mediator"}, {Kind: "Deployment", Name: "mediator"}}, users: 3},
		"published before": {reason: "all were created behind the margin", at: made.Add(-time.Hour), users: 3},
	} {
		t.Run(name, func(t *testing.T) {
			holding := consumers.Publication{Secret: secret, At: tc.at, Margin: 10 * time.Second}.HeldBy(pods, tc.at.Add(2*time.Hour))
			var owners []consumers.Ref
			for _, holder := range holding.Holders {
				owners = append(owners, holder.Owner)
			}
			if diff := cmp.Diff(tc.owners, owners); diff != "" || holding.Users != tc.users {
				t.Errorf("%s: %d users (-want +got):\n%s", tc.reason, holding.Users, diff)
			}
		})
	}
}
