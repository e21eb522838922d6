package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// TestPagesAreUpToDate holds that the pages say what the code says.
func TestPagesAreUpToDate(t *testing.T) {
	for _, p := range pages() {
		t.Run(p.path, func(t *testing.T) {
			want, err := p.write(os.DirFS(root))
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(root, p.path))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != want {
				t.Error("it is out of date: run `make generate`")
			}
		})
	}
}

// TestRunWrites holds that the program writes every page below the root it is given.
func TestRunWrites(t *testing.T) {
	copied := t.TempDir()
	for path, content := range map[string]string{
		conditionsFile: `package v1alpha1

// Condition types. All of them.
const (
	// ConditionReady on a thing: it is ready.
	ConditionReady = "Ready"
)

// Reasons of a thing. All of them.
const (
	// ReasonUsed (Ready True): it is set | somewhere. What to do: nothing.
	ReasonUsed = "Used"
	// ReasonSpare (Ready False): it is not.
	// What to do: spec.thing is to be left alone.
	ReasonSpare = "Spare"
)
`,
		"internal/a/a.go":       "package a\n\nconst ReasonSpare = \"Spare\"\n\nvar x = []string{v1alpha1.ReasonUsed, v1alpha1.ConditionReady}\n",
		"internal/testkit/t.go": "package testkit\n\nvar x = v1alpha1.ReasonSpare\n",
		"internal/lifecycle/plan.go": `package lifecycle

var living = []rule{{"first things first", protect}, {"rest", rest}}

var deleting = []rule{{"nothing is left", release}}

// protect: spec.thing comes first.
func protect() {}

func rest() {}

// release: it goes | it went.
func release() {}
`,
		healthFile:             "GatewayToken:\n  ready:\n    argo: Healthy\n    kstatus: Current\n",
		"docs/reference/.keep": "",
	} {
		path = filepath.Join(copied, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(copied); err != nil {
		t.Fatal(err)
	}
	var text []byte
	for _, name := range []string{"conditions.md", "gitops.md", "rules.md"} {
		page, err := os.ReadFile(filepath.Join(copied, "docs/reference", name))
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, page...)
	}
	for reason, line := range map[string]string{
		"a type":                           "| `Ready` | On a thing: it is ready. |",
		"a reason that is set":             "| `Used` | Ready True | It is set \\| somewhere. | Nothing. |",
		"a reason that is only in the API": "| `Spare` | Ready False | It is not. | spec.thing is to be left alone. |",
		"such a reason is told apart":      "## Reserved reasons",
		"a recorded state":                 "| `ready` | Healthy | Current |  |",
		"a rule":                           "| 1 | first things first | spec.thing comes first. |",
		"a rule that says all in its name": "| 2 | rest |  |",
		"a rule of the other list":         "| 1 | nothing is left | It goes \\| it went. |",
	} {
		if !strings.Contains(string(text), line) {
			t.Errorf("%s: the page lacks %q:\n%s", reason, line, text)
		}
	}
}

// TestUndocumented holds that a constant without a proper comment is an error and not left out.
func TestUndocumented(t *testing.T) {
	tests := map[string]struct{ reason, source string }{
		"no comment": {"nobody would know what it means", "const (\n\tReasonX = \"X\"\n)\n"},
		"no advice":  {"a person wants to know what to do", "const (\n\t// ReasonX (Ready False): it is so.\n\tReasonX = \"X\"\n)\n"},
		"no string":  {"a reason is one", "const (\n\t// ReasonX (Ready False): it is so. What to do: nothing.\n\tReasonX = 1 + 1\n)\n"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			copied := t.TempDir()
			path := filepath.Join(copied, filepath.FromSlash(conditionsFile))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("package v1alpha1\n\n"+tc.source), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := conditionsPage(os.DirFS(copied)); err == nil {
				t.Errorf("no error: %s", tc.reason)
			}
		})
	}
}
