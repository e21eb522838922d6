package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/internal/consumers"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/controlplane"
)

const secret = "mediator-token"

// plane and admin are shared by all tests of this package; they are set before any of them runs.
var (
	plane *controlplane.ControlPlane
	admin client.Client
)

func TestMain(m *testing.M) { os.Exit(controlplane.Main(m, start)) }

// start starts what the tests share.
func start(ctx context.Context) (stop func() error, err error) {
	if plane, err = controlplane.Start(ctx, controlplane.Options{}); err != nil {
		return nil, err
	}
	admin, err = connect("")
	return plane.Stop, err
}

// connect makes a client that asks the API server, as a user or, without one, as the administrator.
func connect(user string) (client.Client, error) {
	config := plane.RESTConfig()
	config.WarningHandler = rest.NoWarnings{}
	config.Impersonate.UserName = user
	return client.New(config, client.Options{Scheme: clientgoscheme.Scheme})
}

// userWith makes a client of a user who may do no more than this in the namespace.
func userWith(t *testing.T, namespace string, rules ...rbacv1.PolicyRule) client.Client {
	t.Helper()
	user := "user-of-" + namespace
	meta := metav1.ObjectMeta{Namespace: namespace, Name: "some"}
	create(t, &rbacv1.Role{ObjectMeta: meta, Rules: rules})
	create(t, &rbacv1.RoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	})
	connected, err := connect(user)
	if err != nil {
		t.Fatal(err)
	}
	return connected
}

func newNamespace(t *testing.T) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "consumers-"}}
	create(t, namespace)
	return namespace.Name
}

func create(t *testing.T, object client.Object) {
	t.Helper()
	if err := admin.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

func get[T client.Object](t *testing.T, object T) T {
	t.Helper()
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		t.Fatal(err)
	}
	return object
}

// using is the spec of a pod that uses the Secrets. It names no node, and nothing runs it.
func using(secrets ...string) corev1.PodSpec {
	container := corev1.Container{Name: "main", Image: "example.com/app"}
	for _, name := range secrets {
		container.EnvFrom = append(container.EnvFrom, corev1.EnvFromSource{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}})
	}
	return corev1.PodSpec{Containers: []corev1.Container{container}}
}

func createPod(t *testing.T, namespace, name string, spec corev1.PodSpec) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: spec}
	create(t, pod)
	return pod
}

func template(name string, secrets ...string) (*metav1.LabelSelector, corev1.PodTemplateSpec) {
	labels := map[string]string{"app": name}
	return &metav1.LabelSelector{MatchLabels: labels}, corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: using(secrets...)}
}

func deployment(namespace, name string, secrets ...string) *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	d.Spec.Selector, d.Spec.Template = template(name, secrets...)
	return d
}

func statefulSet(namespace, name string, secrets ...string) *appsv1.StatefulSet {
	s := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	s.Spec.Selector, s.Spec.Template = template(name, secrets...)
	return s
}

func daemonSet(namespace, name string, secrets ...string) *appsv1.DaemonSet {
	d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	d.Spec.Selector, d.Spec.Template = template(name, secrets...)
	return d
}

// counting counts the pages that are asked for.
type counting struct {
	Lister
	calls int
}

func (c *counting) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	c.calls++
	return c.Lister.List(ctx, list, options...)
}

// broken fails every call.
type broken struct{}

var errBroken = errors.New("connection refused")

func (broken) List(context.Context, client.ObjectList, ...client.ListOption) error { return errBroken }
func (broken) Patch(context.Context, client.Object, client.Patch, ...client.PatchOption) error {
	return errBroken
}

// due judges the workloads of the namespace as they are now.
func due(t *testing.T, namespace string, requests ...consumers.Request) []consumers.Restart {
	t.Helper()
	workloads, err := Reader{Lister: admin}.Workloads(t.Context(), namespace)
	if err != nil {
		t.Fatal(err)
	}
	var verdicts []consumers.Verdict
	for _, request := range requests {
		verdicts = append(verdicts, consumers.Judge(workloads, request))
	}
	return consumers.Restarts(verdicts...)
}

func mediator(sequence int) consumers.Request {
	return consumers.Request{For: consumers.Entry{Token: "mediator", Sequence: sequence, Incarnation: "qcjaag"}, Secret: secret, All: true}
}

// restartAll restarts what is due until nothing is, as controllers write a status now and then between a read and a restart. It
// gives how many restarts there were.
func restartAll(t *testing.T, namespace string, requests ...consumers.Request) (restarted int) {
	t.Helper()
	const tries = 50
	for range tries {
		restarts := due(t, namespace, requests...)
		if len(restarts) == 0 {
			return restarted
		}
		results, err := Restart(t.Context(), admin, restarts, len(restarts))
		if err != nil || len(results) != len(restarts) {
			t.Fatalf("%d restarts, %d results, %v", len(restarts), len(results), err)
		}
		for _, result := range results {
			switch {
			case result.Outcome == Refused || (result.Err == nil) != (result.Outcome == Restarted):
				t.Fatalf("%s: outcome %d, %v", result.Ref, result.Outcome, result.Err)
			case result.Outcome == Restarted:
				restarted++
			}
		}
	}
	t.Fatalf("still due after %d tries", tries)
	return restarted
}

func toJSON(t *testing.T, object any) string {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
