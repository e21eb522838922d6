package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThreatsAreShown holds that every threat names at least one test, and that every test that the page names is there.
func TestThreatsAreShown(t *testing.T) {
	made := madeTests(t)
	page := read(t, "docs/security/threat-model.md")
	_, after, _ := strings.Cut(page, "\n## Threats\n")
	table, _, _ := strings.Cut(after, "\n## ")
	rows := 0
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| threat |") {
			continue
		}
		rows++
		columns := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(columns) != 4 || !testName.MatchString(columns[3]) {
			t.Errorf("no test shows that this is countered: %s", line)
		}
	}
	if rows < 15 {
		t.Errorf("only %d threats were found", rows)
	}
	for _, said := range testName.FindAllStringSubmatch(page, -1) {
		if !made[said[1]] {
			t.Errorf("there is no test %s", said[1])
		}
	}
}

// TestPoliciesAreNamed holds that the page names every sample of a policy.
func TestPoliciesAreNamed(t *testing.T) {
	page := read(t, "docs/security/threat-model.md")
	samples, err := filepath.Glob(filepath.Join(root, "config", "samples", "policies", "*.yaml"))
	if err != nil || len(samples) == 0 {
		t.Fatalf("%d samples, %v", len(samples), err)
	}
	for _, sample := range samples {
		if !strings.Contains(page, "(../../config/samples/policies/"+filepath.Base(sample)+")") {
			t.Errorf("%s is not named", sample)
		}
	}
}

// madeTests are the names of all tests of the repository.
func madeTests(t *testing.T) map[string]bool {
	t.Helper()
	tests, name := map[string]bool{}, regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]+)\(t \*testing\.T\)`)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "bin" || entry.Name() == ".git"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		for _, match := range name.FindAllStringSubmatch(string(text), -1) {
			tests[match[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}
