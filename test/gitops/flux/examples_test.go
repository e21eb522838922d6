package flux_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const (
	root    = "../../.."
	example = root + "/examples/causely-mediator/flux"
)

// set is what the example tells Flux.
type set struct {
	sources        map[string]sourcev1.GitRepository
	kustomizations map[string]kustomizev1.Kustomization
	releases       map[string]helmv2.HelmRelease
	// other kinds, of which nothing is to be decoded.
	others []string
}

// load builds a directory as Flux does, and decodes what is Flux's strictly, into Flux's own types.
func (s *set) load(t *testing.T, dir string) {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatalf("%s does not build: %v", dir, err)
	}
	for _, resource := range built.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		s.decode(t, resource.GetKind()+"."+resource.GetGvk().Group+"/"+resource.GetGvk().Version, text)
	}
}

func (s *set) decode(t *testing.T, kind string, text []byte) {
	t.Helper()
	switch kind {
	case "GitRepository.source.toolkit.fluxcd.io/v1":
		one := strictly[sourcev1.GitRepository](t, text)
		s.sources[one.Namespace+"/"+one.Name] = one
	case "Kustomization.kustomize.toolkit.fluxcd.io/v1":
		one := strictly[kustomizev1.Kustomization](t, text)
		s.kustomizations[one.Namespace+"/"+one.Name] = one
	case "HelmRelease.helm.toolkit.fluxcd.io/v2":
		one := strictly[helmv2.HelmRelease](t, text)
		s.releases[one.Namespace+"/"+one.Name] = one
	default:
		s.others = append(s.others, kind)
	}
}

func strictly[T any](t *testing.T, text []byte) T {
	t.Helper()
	var one T
	if err := yaml.UnmarshalStrict(text, &one); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return one
}

// TestExampleForFlux holds that Flux understands the example, and that its parts find each other.
func TestExampleForFlux(t *testing.T) {
	told := &set{sources: map[string]sourcev1.GitRepository{}, kustomizations: map[string]kustomizev1.Kustomization{}, releases: map[string]helmv2.HelmRelease{}}
	told.load(t, example)
	if len(told.kustomizations) != 3 || len(told.sources) != 1 || len(told.others) != 0 {
		t.Fatalf("%d Kustomizations, %d sources, and %q", len(told.kustomizations), len(told.sources), told.others)
	}
	var paths []string
	for name, one := range told.kustomizations {
		if !one.Spec.Wait || one.Spec.Timeout == nil {
			t.Errorf("%s does not wait, or for ever: what depends on it would begin too early, or never", name)
		}
		if _, found := told.sources[one.Namespace+"/"+one.Spec.SourceRef.Name]; !found || one.Spec.SourceRef.Kind != "GitRepository" {
			t.Errorf("%s has no source %s", name, one.Spec.SourceRef.Name)
		}
		for _, on := range one.Spec.DependsOn {
			if _, found := told.kustomizations[one.Namespace+"/"+on.Name]; !found {
				t.Errorf("%s depends on %s, which is not there", name, on.Name)
			}
		}
		paths = append(paths, one.Spec.Path)
	}
	if order := inOrder(t, told.kustomizations); strings.Join(order, " ") != "gateway-token-operator mediator-token mediator" {
		t.Errorf("the order is %q", order)
	}
	slices.Sort(paths)
	for _, path := range paths {
		told.load(t, filepath.Join(root, path))
	}
	for name, release := range told.releases {
		checkRelease(t, name, release, told)
	}
	if len(told.releases) != 2 || !slices.Contains(told.others, "GatewayToken.gatewaytoken.io/v1alpha1") || !slices.Contains(told.others, "ClusterTokenIssuer.gatewaytoken.io/v1alpha1") {
		t.Errorf("%d releases, and %q", len(told.releases), told.others)
	}
	if told.kustomizations["flux-system/gateway-token-operator"].Spec.Prune {
		t.Error("the operator may be pruned before the tokens are revoked")
	}
}

// TestReleaseByValue holds the other way, for a chart that takes the token as a value.
func TestReleaseByValue(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(example, "helmrelease.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	release := strictly[helmv2.HelmRelease](t, text)
	if len(release.Spec.ValuesFrom) != 1 || release.Spec.ValuesFrom[0].Kind != "Secret" || release.Spec.ValuesFrom[0].Name != "causely-token" ||
		release.Spec.ValuesFrom[0].ValuesKey != "token" || release.Spec.ValuesFrom[0].Optional {
		t.Errorf("values are from %+v", release.Spec.ValuesFrom)
	}
	other, err := os.ReadFile(filepath.Join(example, "mediator", "helmrelease.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if by := strictly[helmv2.HelmRelease](t, other); by.Name != release.Name || by.Namespace != release.Namespace || bytes.Contains(other, []byte("valuesFrom")) {
		t.Errorf("the two ways are not two ways to one release: %s/%s", by.Namespace, by.Name)
	}
}

// checkRelease holds that a release finds its source and its chart.
func checkRelease(t *testing.T, name string, release helmv2.HelmRelease, told *set) {
	t.Helper()
	chart := release.Spec.Chart
	if chart == nil {
		t.Fatalf("%s has no chart", name)
	}
	if _, found := told.sources[chart.Spec.SourceRef.Namespace+"/"+chart.Spec.SourceRef.Name]; !found {
		t.Errorf("%s has no source %s/%s", name, chart.Spec.SourceRef.Namespace, chart.Spec.SourceRef.Name)
	}
	if _, err := os.Stat(filepath.Join(root, chart.Spec.Chart, "Chart.yaml")); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// inOrder are the names in the order in which Flux applies them. It fails on a circle.
func inOrder(t *testing.T, all map[string]kustomizev1.Kustomization) []string {
	t.Helper()
	var order []string
	for len(order) < len(all) {
		before := len(order)
		for _, one := range all {
			waits := slices.ContainsFunc(one.Spec.DependsOn, func(on kustomizev1.DependencyReference) bool { return !slices.Contains(order, on.Name) })
			if !waits && !slices.Contains(order, one.Name) {
				order = append(order, one.Name)
				break
			}
		}
		if len(order) == before {
			t.Fatalf("nothing can begin after %q", order)
		}
	}
	return order
}
