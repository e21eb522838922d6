package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

func TestExpand(t *testing.T) {
	const awkward = "a\"b<\\&/+%=$c\n: d"
	var got map[string]string
	if err := yaml.Unmarshal([]byte(expand("value: ${secret}\nother: text\n", map[string]string{"secret": awkward})), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"value": awkward, "other": "text"}, got); diff != "" {
		t.Errorf("a value stands in the manifest as it is, whatever characters it has (-want +got):\n%s", diff)
	}
}

func TestSetField(t *testing.T) {
	tests := map[string]struct {
		reason, manifest, field string
		value                   any
		want                    string
	}{
		"New":     {reason: "what is missing on the way is made", manifest: "kind: A\n", field: "spec.a.b", value: true, want: "kind: A\nspec:\n  a:\n    b: true\n"},
		"Changed": {reason: "the rest stays", manifest: "spec:\n  a: 1\n  b: 2\n", field: "spec.b", value: "x", want: "spec:\n  a: 1\n  b: x\n"},
		"NoMap":   {reason: "a value is not taken for an object", manifest: "spec: text\n", field: "spec.b", value: "x"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := setField([]byte(tc.manifest), tc.field, tc.value)
			if (err == nil) != (tc.want != "") {
				t.Fatalf("%s: error %v", tc.reason, err)
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// The Application of the example is what the test leads to its repository: one that has other sources would not be.
func TestPointed(t *testing.T) {
	const example = `spec:
  sources:
  - repoURL: https://git.example.com/a.git
    path: examples/argocd/token
  - repoURL: https://git.example.com/a.git
    path: examples/causely-mediator/chart
  syncPolicy:
    retry:
      limit: 10
      backoff: {duration: 5s, factor: 2, maxDuration: 3m}
`
	got, err := pointed([]byte(example), "file:///repository")
	if err != nil {
		t.Fatal(err)
	}
	want := `spec:
  sources:
  - path: overlay
    repoURL: file:///repository
  - path: examples/causely-mediator/chart
    repoURL: file:///repository
  syncPolicy:
    retry:
      backoff:
        duration: 1s
        factor: 2
        maxDuration: 5s
      limit: 10
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("the repository, the overlay and the pauses are the test's own (-want +got):\n%s", diff)
	}
	if _, err := pointed([]byte(strings.Replace(example, "examples/argocd/token", "elsewhere", 1)), "file:///repository"); err == nil {
		t.Error("an Application that does not sync the example was taken for one that does")
	}
}
