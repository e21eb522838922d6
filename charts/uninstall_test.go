package charts_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/controlplane"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

const hookName = release + "-uninstall"

// hookObjects are there during an uninstall only.
var hookObjects = []string{"ServiceAccount/" + hookName, "ClusterRole/" + hookName, "ClusterRoleBinding/" + hookName, "Job/" + hookName}

// TestUninstallHook holds what the hook runs, as whom, and what Helm does with it.
func TestUninstallHook(t *testing.T) {
	cases := map[string]struct {
		reason   string
		set      []string
		args     []any
		verbs    []any
		deadline int64
	}{
		"Refuse": {reason: "the default asks and changes nothing", args: []any{"uninstall-check"}, verbs: []any{"list"}, deadline: 90},
		"Drain": {
			reason: "it may delete, for a time that is over before that of Helm",
			set:    []string{"--set", "uninstall.policy=Drain"}, args: []any{"drain", "--timeout=240s"}, verbs: []any{"list", "delete"}, deadline: 270,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			rendered := objects(t, operatorChart, tc.set...)
			for _, key := range hookObjects {
				annotations := rendered[key].GetAnnotations()
				if annotations["helm.sh/hook"] != "pre-delete" || annotations["helm.sh/hook-delete-policy"] != "before-hook-creation,hook-succeeded" {
					t.Errorf("%s is annotated %v", key, annotations)
				}
				// Helm creates what has the lower weight first, and goes on when it is there.
				if job := strings.HasPrefix(key, "Job/"); job != (annotations["helm.sh/hook-weight"] == "0") {
					t.Errorf("%s has weight %s", key, annotations["helm.sh/hook-weight"])
				}
			}
			rules := []any{map[string]any{
				"apiGroups": []any{"gatewaytoken.io"}, "resources": []any{"gatewaytokens", "tokenissuers", "clustertokenissuers"}, "verbs": tc.verbs,
			}}
			if diff := cmp.Diff(rules, rendered["ClusterRole/"+hookName].Object["rules"]); diff != "" {
				t.Errorf("%s: rights (-want +got):\n%s", tc.reason, diff)
			}
			job := rendered["Job/"+hookName]
			spec, ok := job.Object["spec"].(map[string]any)
			if !ok || spec["activeDeadlineSeconds"] != tc.deadline || spec["backoffLimit"] != int64(0) {
				t.Errorf("the Job is %+v", spec)
			}
			pod, operator := podSpec(t, job), podSpec(t, rendered["Deployment/"+release])
			container, ok := pod["containers"].([]any)[0].(map[string]any)
			if !ok {
				t.Fatal("the pod has no container")
			}
			if diff := cmp.Diff(tc.args, container["args"]); diff != "" {
				t.Errorf("%s: arguments (-want +got):\n%s", tc.reason, diff)
			}
			if pod["serviceAccountName"] != hookName || pod["restartPolicy"] != "Never" {
				t.Errorf("the pod runs as %v, restarted %v", pod["serviceAccountName"], pod["restartPolicy"])
			}
			operatorContainer, ok := operator["containers"].([]any)[0].(map[string]any)
			if !ok {
				t.Fatal("the operator has no container")
			}
			for _, field := range []string{"image", "securityContext", "resources"} {
				if diff := cmp.Diff(operatorContainer[field], container[field]); diff != "" {
					t.Errorf("%s is not the operator's (-operator +hook):\n%s", field, diff)
				}
			}
			if diff := cmp.Diff(operator["securityContext"], pod["securityContext"]); diff != "" {
				t.Errorf("the pod's security context is not the operator's (-operator +hook):\n%s", diff)
			}
		})
	}
}

// TestHookPodIsNoOperator holds that nothing that selects the operator's pods selects the hook's.
func TestHookPodIsNoOperator(t *testing.T) {
	rendered := objects(t, operatorChart)
	labels, _, err := unstructured.NestedStringMap(rendered["Job/"+hookName].Object, "spec", "template", "metadata", "labels")
	if err != nil {
		t.Fatal(err)
	}
	selector, _, err := unstructured.NestedStringMap(rendered["Deployment/"+release].Object, "spec", "selector", "matchLabels")
	if err != nil || len(selector) == 0 {
		t.Fatalf("selector %v: %v", selector, err)
	}
	for key, value := range selector {
		if labels[key] != value {
			return
		}
	}
	t.Errorf("the hook's pod has the labels %v, which the operator's selector %v fits", labels, selector)
}

// uninstalling is a cluster with the chart installed in it.
type uninstalling struct {
	t       *testing.T
	plane   *controlplane.ControlPlane
	client  client.Client
	helm    string
	home    string
	manager string
}

// TestUninstallIsRefused runs Helm against a real API server. No kubelet runs the hook's pod: the test does what the pod would do, with the
// arguments of the Job's container and the rights of its ServiceAccount, and tells Helm by the Job's status how it ended.
func TestUninstallIsRefused(t *testing.T) {
	u := newUninstalling(t)
	u.run("install", release, operatorChart, "--create-namespace")
	object := &v1alpha1.GatewayToken{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "mediator", Finalizers: []string{v1alpha1.FinalizerRevoke}},
		Spec:       v1alpha1.GatewayTokenSpec{IssuerRef: v1alpha1.IssuerReference{Name: "causely"}},
	}
	if err := u.client.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}

	said, err := u.uninstall()
	if err == nil || !strings.Contains(said, "1 GatewayToken in 1 namespace ("+namespace+": 1)") {
		t.Errorf("the hook says %q, and Helm ends with %v", said, err)
	}
	deployment := "deployment/" + release
	if err := u.there(deployment); err != nil {
		t.Errorf("after a refused uninstall: %v", err)
	}
	if err := u.gone(&corev1.ServiceAccount{}, &rbacv1.ClusterRole{}, &rbacv1.ClusterRoleBinding{}); err != nil {
		t.Error(err)
	}
	if err := u.there("job/" + hookName); err != nil {
		t.Errorf("it cannot be read any more why: %v", err)
	}

	// Helm calls the release "uninstalling" now and upgrades it no more, until it is rolled back to what is installed.
	if output, err := u.try("upgrade", release, operatorChart); err == nil || !strings.Contains(output, "has no deployed releases") {
		t.Errorf("upgrade after a refused uninstall: %v: %s", err, output)
	}
	u.run("rollback", release, "1")
	u.run("upgrade", release, operatorChart, "--set", "uninstall.policy=Ignore")
	u.run("upgrade", release, operatorChart, "--set", "uninstall.policy=Refuse")

	// Nothing needs the operator any more.
	object.Finalizers = nil
	if err := u.client.Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	if said, err := u.uninstall(); err != nil {
		t.Errorf("nothing is left, and yet: %v: %s", err, said)
	}
	if err := u.there(deployment); err == nil {
		t.Error("the operator is still there")
	}
	if err := u.gone(&corev1.ServiceAccount{}, &rbacv1.ClusterRole{}, &rbacv1.ClusterRoleBinding{}, &batchv1.Job{}); err != nil {
		t.Error(err)
	}
}

// TestUninstallWithoutHooks holds that nothing keeps whoever does not want to be asked.
func TestUninstallWithoutHooks(t *testing.T) {
	u := newUninstalling(t)
	u.run("install", release, operatorChart, "--create-namespace")
	object := &v1alpha1.GatewayToken{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "mediator", Finalizers: []string{v1alpha1.FinalizerRevoke}},
		Spec:       v1alpha1.GatewayTokenSpec{IssuerRef: v1alpha1.IssuerReference{Name: "causely"}},
	}
	if err := u.client.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	u.run("uninstall", release, "--no-hooks")
	if err := u.client.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil || object.DeletionTimestamp != nil {
		t.Errorf("the GatewayToken did not stay as it was: %v", err)
	}
	u.run("install", release, operatorChart, "--set", "uninstall.policy=Ignore")
	u.run("uninstall", release)
}

func newUninstalling(t *testing.T) *uninstalling {
	t.Helper()
	u := &uninstalling{t: t, helm: helm(t), home: t.TempDir(), manager: filepath.Join(t.TempDir(), "manager")}
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", u.manager, "../cmd/manager") // as `make build`: what is compiled is used again
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, output)
	}
	var err error
	if u.plane, err = controlplane.Start(t.Context(), controlplane.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := u.plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	known := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(known); err != nil {
			t.Fatal(err)
		}
	}
	if u.client, err = client.New(u.plane.RESTConfig(), client.Options{Scheme: known}); err != nil {
		t.Fatal(err)
	}
	return u
}

// try runs Helm.
func (u *uninstalling) try(args ...string) (string, error) {
	u.t.Helper()
	command := exec.CommandContext(u.t.Context(), u.helm, append(args, "--namespace", namespace, "--kubeconfig", u.plane.AdminKubeconfig())...)
	command.Env = environment(u.home)
	output, err := command.CombinedOutput()
	return string(output), err
}

// run runs Helm, which must succeed.
func (u *uninstalling) run(args ...string) {
	u.t.Helper()
	if output, err := u.try(args...); err != nil {
		u.t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, output)
	}
}

// uninstall runs helm uninstall and, in the place of a kubelet, what its hook asks for. It gives what that said, and how Helm ended.
func (u *uninstalling) uninstall() (said string, err error) {
	u.t.Helper()
	ended := make(chan error, 1)
	before := &batchv1.Job{}
	_ = u.client.Get(u.t.Context(), client.ObjectKey{Namespace: namespace, Name: hookName}, before) // of an uninstall before, if any
	go func() {
		output, err := u.try("uninstall", release, "--timeout", "2m")
		if err != nil {
			err = errors.Join(err, errors.New(output))
		}
		ended <- err
	}()
	job := &batchv1.Job{}
	err = wait.PollUntilContextTimeout(u.t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		err := u.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: hookName}, job)
		return err == nil && job.UID != before.UID, client.IgnoreNotFound(err)
	})
	if err != nil {
		u.t.Fatalf("Helm makes no Job: %v", errors.Join(err, <-ended))
	}
	said, failed := u.play(job)
	if err := stack.FinishJob(u.t.Context(), u.client, job, failed); err != nil {
		u.t.Fatal(err)
	}
	return said, <-ended
}

// play does what the Job's pod would do.
func (u *uninstalling) play(job *batchv1.Job) (string, error) {
	u.t.Helper()
	pod := job.Spec.Template.Spec
	kubeconfig, err := u.plane.KubeconfigForServiceAccount(u.t.Context(), job.Namespace, pod.ServiceAccountName)
	if err != nil {
		u.t.Fatal(err)
	}
	command := exec.CommandContext(u.t.Context(), u.manager, append(slices.Clone(pod.Containers[0].Args), "--kubeconfig="+kubeconfig)...)
	output, err := command.CombinedOutput()
	return string(output), err
}

// there tells whether an object of the release is there.
func (u *uninstalling) there(what string) error {
	kind, name, _ := strings.Cut(what, "/")
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(map[string]schema.GroupVersionKind{
		"deployment": {Group: "apps", Version: "v1", Kind: "Deployment"}, "job": {Group: "batch", Version: "v1", Kind: "Job"},
	}[kind])
	return u.client.Get(u.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, object)
}

// gone checks that nothing of the hook's is left.
func (u *uninstalling) gone(kinds ...client.Object) error {
	var errs []error
	for _, object := range kinds {
		key := client.ObjectKey{Name: hookName}
		if namespaced, err := u.client.IsObjectNamespaced(object); err == nil && namespaced {
			key.Namespace = namespace
		}
		if err := u.client.Get(u.t.Context(), key, object); !apierrors.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("%T %s is still there: %w", object, hookName, err))
		}
	}
	return errors.Join(errs...)
}
