package charts_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/controlplane"
)

// server is a real API server that has our CRDs, and that is asked without anything being stored.
type server struct {
	t      *testing.T
	client client.Client
}

func startServer(t *testing.T) *server {
	t.Helper()
	plane, err := controlplane.Start(t.Context(), controlplane.Options{CRDs: []string{"../config/crd/bases"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	c, err := client.New(plane.RESTConfig(), client.Options{Scheme: scheme.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	return &server{t: t, client: c}
}

// takes holds that the API server would take the objects, and knows each of their fields.
func (s *server) takes(of string, objects map[string]*unstructured.Unstructured) {
	s.t.Helper()
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		object := objects[key].DeepCopy()
		s.makeNamespace(object.GetNamespace())
		var err error
		if object.GetKind() == "ServiceMonitor" {
			err = isServiceMonitor(object) // its CRD is not ours to have
		} else {
			err = s.client.Create(s.t.Context(), object, client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict))
		}
		if err != nil && !apierrors.IsAlreadyExists(err) { // a CRD that is there
			s.t.Errorf("%s: %s: %v", of, key, err)
		}
	}
}

func (s *server) makeNamespace(name string) {
	s.t.Helper()
	if name == "" {
		return
	}
	err := s.client.Create(s.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		s.t.Fatal(err)
	}
}

func isServiceMonitor(object *unstructured.Unstructured) error {
	text, err := yaml.Marshal(object)
	if err != nil {
		return err
	}
	return yaml.UnmarshalStrict(text, &monitoringv1.ServiceMonitor{})
}

// TestServerTakesEverything has the API server judge what the charts render for every value, each side of it, and what kustomize builds.
func TestServerTakesEverything(t *testing.T) {
	_ = helm(t) // before the control plane, since it may skip the test
	s := startServer(t)
	rows := valueRows(t)
	for _, path := range slices.Sorted(maps.Keys(rows)) {
		row := rows[path]
		var flags []string
		for _, set := range append(slices.Clone(row.with), path+"="+row.set) {
			flags = append(flags, "--set-json", set)
		}
		s.takes(path, withoutCRDs(objects(t, operatorChart, flags...)))
	}
	s.takes("all defaults", objects(t, operatorChart))
	s.takes("gateway-tokens", objects(t, tokensChart, "--values", write(t, tokenValues)))
	for name, overlay := range overlays(t) {
		s.takes(name, kustomize(t, overlay))
	}
	content, err := os.ReadFile("../config/install.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s.takes("install.yaml", decode(t, content))
}

// withoutCRDs leaves out what is the same for all values but a few, and takes the API server longest.
func withoutCRDs(all map[string]*unstructured.Unstructured) map[string]*unstructured.Unstructured {
	maps.DeleteFunc(all, func(_ string, object *unstructured.Unstructured) bool {
		return object.GetKind() == "CustomResourceDefinition"
	})
	return all
}

// overlays are what users make of config/: directories that kustomize builds.
func overlays(t *testing.T) map[string]string {
	t.Helper()
	made := map[string]string{"config/default": "../config/default", "config/samples": "../config/samples", "examples/consuming": "../examples/consuming/manifests", "examples/namespaced": "../examples/namespaced"}
	for name, components := range map[string][]string{
		"metrics": {"metrics"}, "network policy": {"network-policy"}, "both": {"metrics", "network-policy"}, "namespaced": {"namespaced"},
		"all of them": {"namespaced", "metrics", "network-policy"},
	} {
		made["with "+name] = overlay(t, components...)
	}
	return made
}

// overlay is a directory with a kustomization of config/default and components of it.
func overlay(t *testing.T, components ...string) string {
	t.Helper()
	dir := t.TempDir()
	config, err := filepath.Abs("../config")
	if err != nil {
		t.Fatal(err)
	}
	from, err := filepath.Rel(dir, config)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "resources: [%s/default]\ncomponents:\n", from)
	for _, component := range components {
		fmt.Fprintf(&text, "  - %s/components/%s\n", from, component)
	}
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// kustomize builds a directory.
func kustomize(t *testing.T, dir string) map[string]*unstructured.Unstructured {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), tool(t, "kustomize"), "build", dir)
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Fatalf("kustomize build %s: %v", dir, errors.Join(err, errors.New(stderr.String()), context.Cause(t.Context())))
	}
	return decode(t, stdout.Bytes())
}
