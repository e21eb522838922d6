package controlplane

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// patience bounds a wait for a controller; it is no measure of anything.
const patience = time.Minute

func TestControlPlane(t *testing.T) {
	t.Parallel()
	plane := start(t)
	admin, err := kubernetes.NewForConfig(plane.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}

	t.Run("namespace", func(t *testing.T) {
		t.Parallel()
		testNamespaceDeletion(t, admin)
	})
	t.Run("dependent", func(t *testing.T) {
		t.Parallel()
		testGarbageCollection(t, admin)
	})
	t.Run("deployment", func(t *testing.T) {
		t.Parallel()
		testDeployment(t, admin)
	})
	t.Run("service account", func(t *testing.T) {
		t.Parallel()
		testServiceAccount(t, plane, admin)
	})
	t.Run("kinds", func(t *testing.T) {
		t.Parallel()
		testInstallCRDs(t, plane, admin)
	})
	t.Run("version", func(t *testing.T) {
		t.Parallel()
		testVersion(t, admin)
	})
}

// A namespace goes with its content: the namespace controller works.
func testNamespaceDeletion(t *testing.T, admin kubernetes.Interface) {
	ctx := t.Context()
	namespace := createNamespace(t, admin)
	createConfigMap(t, admin, namespace, "content")

	if err := admin.CoreV1().Namespaces().Delete(ctx, namespace, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the namespace is gone", func(ctx context.Context) error {
		_, err := admin.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
		return wantNotFound(err)
	})
	_, err := admin.CoreV1().ConfigMaps(namespace).Get(ctx, "content", metav1.GetOptions{})
	if err := wantNotFound(err); err != nil {
		t.Errorf("ConfigMap of the deleted namespace: %v", err)
	}
}

// What has an owner goes with it: the garbage collector works.
func testGarbageCollection(t *testing.T, admin kubernetes.Interface) {
	ctx := t.Context()
	namespace := createNamespace(t, admin)
	owner := createConfigMap(t, admin, namespace, "owner")
	createConfigMap(t, admin, namespace, "dependent", metav1.OwnerReference{
		APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID,
	})
	createConfigMap(t, admin, namespace, "bystander")

	if err := admin.CoreV1().ConfigMaps(namespace).Delete(ctx, "owner", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the dependent is collected", func(ctx context.Context) error {
		_, err := admin.CoreV1().ConfigMaps(namespace).Get(ctx, "dependent", metav1.GetOptions{})
		return wantNotFound(err)
	})
	if _, err := admin.CoreV1().ConfigMaps(namespace).Get(ctx, "bystander", metav1.GetOptions{}); err != nil {
		t.Errorf("ConfigMap without an owner: %v", err)
	}
}

// A Deployment gets as far as its pods, which no node runs.
func testDeployment(t *testing.T, admin kubernetes.Interface) {
	namespace := createNamespace(t, admin)
	labels := map[string]string{"app": "mediator"}
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "mediator"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "mediator", Image: "mediator"}}},
			},
		},
	}
	if _, err := admin.AppsV1().Deployments(namespace).Create(t.Context(), deployment, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the Deployment has a pod", func(ctx context.Context) error {
		pods, err := admin.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=mediator"})
		if err == nil && len(pods.Items) == 0 {
			return errors.New("no pod")
		}
		return err
	})
}

// The kubeconfig of a ServiceAccount is that ServiceAccount, under RBAC.
func testServiceAccount(t *testing.T, plane *ControlPlane, admin kubernetes.Interface) {
	ctx := t.Context()
	namespace := createNamespace(t, admin)
	createConfigMap(t, admin, namespace, "readable")
	grantReadConfigMaps(t, admin, namespace, "reader")

	path, err := plane.KubeconfigForServiceAccount(ctx, namespace, "reader")
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}

	eventually(t, "the RoleBinding is in force", func(ctx context.Context) error {
		_, err := reader.CoreV1().ConfigMaps(namespace).Get(ctx, "readable", metav1.GetOptions{})
		return err
	})
	cases := map[string]struct {
		reason string
		call   func() error
	}{
		"other verb": {
			reason: "get was granted, delete was not",
			call: func() error {
				return reader.CoreV1().ConfigMaps(namespace).Delete(ctx, "readable", metav1.DeleteOptions{})
			},
		},
		"other kind": {
			reason: "ConfigMaps were granted, Secrets were not",
			call: func() error {
				_, err := reader.CoreV1().Secrets(namespace).List(ctx, metav1.ListOptions{})
				return err
			},
		},
		"other namespace": {
			reason: "a Role grants in its own namespace only",
			call: func() error {
				_, err := reader.CoreV1().ConfigMaps(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{})
				return err
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := tc.call(); !apierrors.IsForbidden(err) {
				t.Errorf("%s: want Forbidden, got %v", tc.reason, err)
			}
		})
	}

	if _, err := plane.KubeconfigForServiceAccount(ctx, namespace, "missing"); !apierrors.IsNotFound(err) {
		t.Errorf("ServiceAccount that does not exist: want NotFound, got %v", err)
	}
}

// The kinds of this project are served as soon as InstallCRDs returns, and a second
// installation is no error.
func testInstallCRDs(t *testing.T, plane *ControlPlane, admin kubernetes.Interface) {
	for range 2 {
		if err := plane.InstallCRDs(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := admin.Discovery().ServerResourcesForGroupVersion("gatewaytoken.io/v1alpha1"); err != nil {
		t.Error(err)
	}
	if err := plane.InstallCRDs(t.TempDir()); err == nil {
		t.Error("a directory without CRDs: want an error, got none")
	}
}

// The API server says which Kubernetes it is, as the directory of its binaries is named: the build sets it.
func testVersion(t *testing.T, admin kubernetes.Interface) {
	dir, err := assetsDirectory()
	if err != nil {
		t.Fatal(err)
	}
	parent, want := filepath.Split(dir)
	if filepath.Base(parent) != "control-plane" {
		t.Skip("the binaries are somebody else's")
	}
	got, err := admin.Discovery().ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	if got.GitVersion != want {
		t.Errorf("API server says it is %s, its directory says %s", got.GitVersion, want)
	}
}

// Two control planes do not meet, and Stop ends and removes all of one.
func TestStop(t *testing.T) {
	t.Parallel()
	plane := start(t)
	dir := plane.Dir()
	manager := plane.manager.cmd.Process.Pid

	if err := plane.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(manager, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("kube-controller-manager (pid %d) after Stop: %v", manager, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("temporary directory after Stop: %v", err)
	}
	if err := plane.Stop(); err != nil {
		t.Errorf("second Stop: %v", err)
	}
}

func TestStartRefuses(t *testing.T) {
	occupied := t.TempDir()
	if err := os.WriteFile(filepath.Join(occupied, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason  string
		assets  string
		options Options
		want    string
	}{
		"no binaries": {
			reason: "somebody without the binaries learns how to get them",
			assets: t.TempDir(),
			want:   "make control-plane",
		},
		"occupied directory": {
			reason:  "certificates or data of another control plane would be taken for our own",
			options: Options{Dir: occupied},
			want:    "not empty",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.assets != "" {
				t.Setenv(assetsVariable, tc.assets)
			}
			plane, err := Start(t.Context(), tc.options)
			if err == nil {
				t.Fatalf("%s: started (%v)", tc.reason, plane.Stop())
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: want an error with %q, got %v", tc.reason, tc.want, err)
			}
		})
	}
}

func start(t *testing.T) *ControlPlane {
	t.Helper()
	plane, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	return plane
}

func createNamespace(t *testing.T, admin kubernetes.Interface) string {
	t.Helper()
	namespace, err := admin.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return namespace.Name
}

func createConfigMap(t *testing.T, admin kubernetes.Interface, namespace, name string, owners ...metav1.OwnerReference) *corev1.ConfigMap {
	t.Helper()
	created, err := admin.CoreV1().ConfigMaps(namespace).Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: name, OwnerReferences: owners},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return created
}

// grantReadConfigMaps makes a ServiceAccount that may get ConfigMaps.
func grantReadConfigMaps(t *testing.T, admin kubernetes.Interface, namespace, name string) {
	t.Helper()
	meta := metav1.ObjectMeta{Name: name}
	if _, err := admin.CoreV1().ServiceAccounts(namespace).Create(t.Context(),
		&corev1.ServiceAccount{ObjectMeta: meta}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.RbacV1().Roles(namespace).Create(t.Context(), &rbacv1.Role{
		ObjectMeta: meta,
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get"}}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: name}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// eventually polls until the check returns nil: a controller works in its own time.
func eventually(t *testing.T, what string, check func(context.Context) error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), pollInterval, patience, true, func(ctx context.Context) (bool, error) {
		last = check(ctx)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("waiting until %s: %v (%v)", what, err, last)
	}
}

func wantNotFound(err error) error {
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err == nil:
		return errors.New("still there")
	default:
		return err
	}
}
