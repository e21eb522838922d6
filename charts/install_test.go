package charts_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/controlplane"
)

// TestInstallAndUninstall holds that the API server takes what the chart renders,
// twice, and that an uninstall leaves the CRDs, and with them every GatewayToken.
func TestInstallAndUninstall(t *testing.T) {
	path := helm(t) // before the control plane, since it may skip the test
	plane, err := controlplane.Start(t.Context(), controlplane.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	known := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, apiextensionsv1.AddToScheme} {
		if err := add(known); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.New(plane.RESTConfig(), client.Options{Scheme: known})
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		args = append(args, "--namespace", namespace, "--kubeconfig", plane.AdminKubeconfig())
		command := exec.CommandContext(t.Context(), path, args...)
		command.Env = environment(home)
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, output)
		}
	}

	run("install", release, operatorChart, "--create-namespace")
	run("upgrade", release, operatorChart, "--set", "instance=second")
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: release}}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(account), account); err != nil {
		t.Fatal(err)
	}

	// There is no kubelet here that would run the hook: see TestUninstallIsRefused.
	run("uninstall", release, "--no-hooks")
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(account), account); !apierrors.IsNotFound(err) {
		t.Errorf("the ServiceAccount is still there: %v", err)
	}
	var crds apiextensionsv1.CustomResourceDefinitionList
	if err := c.List(t.Context(), &crds); err != nil {
		t.Fatal(err)
	}
	var names []string
	for index := range crds.Items {
		if crds.Items[index].DeletionTimestamp == nil {
			names = append(names, crds.Items[index].Name)
		}
	}
	want := []string{"clustertokenissuers.gatewaytoken.io", "gatewaytokens.gatewaytoken.io", "tokenissuers.gatewaytoken.io"}
	if !slices.Equal(names, want) {
		t.Errorf("after the uninstall there are the CRDs %v, not %v", names, want)
	}
}
