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
// again and again, and that neither an uninstall nor an upgrade without them takes the CRDs away, and with them every
// GatewayToken, unless that is what was asked for.
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

	present := func(when string, want bool) {
		t.Helper()
		var crds apiextensionsv1.CustomResourceDefinitionList
		if err := c.List(t.Context(), &crds); err != nil {
			t.Fatal(err)
		}
		var names, wanted []string
		for index := range crds.Items {
			if crds.Items[index].DeletionTimestamp == nil {
				names = append(names, crds.Items[index].Name)
			}
		}
		if want {
			wanted = []string{"clustertokenissuers.gatewaytoken.io", "gatewaytokens.gatewaytoken.io", "tokenissuers.gatewaytoken.io"}
		}
		if !slices.Equal(names, wanted) {
			t.Errorf("%s there are the CRDs %v, not %v", when, names, wanted)
		}
	}

	run("install", release, operatorChart, "--create-namespace")
	run("upgrade", release, operatorChart, "--set", "instance=second")
	// Somebody else is to have the CRDs from now on, and thinks better of it.
	run("upgrade", release, operatorChart, "--set", "crds.enabled=false")
	present("after an upgrade without CRDs", true)
	run("upgrade", release, operatorChart)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: release}}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(account), account); err != nil {
		t.Fatal(err)
	}

	// There is no kubelet here that would run the hook: see TestUninstallIsRefused.
	run("uninstall", release, "--no-hooks")
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(account), account); !apierrors.IsNotFound(err) {
		t.Errorf("the ServiceAccount is still there: %v", err)
	}
	present("after the uninstall", true)

	// Whoever says so gets rid of them.
	run("install", release, operatorChart, "--set", "crds.keep=false")
	run("uninstall", release, "--no-hooks", "--wait")
	present("after the uninstall of a release that does not keep them", false)
}
