package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	testName = regexp.MustCompile("`(Test[A-Z][A-Za-z0-9]*)[/…A-Za-z0-9]*`")
	caseName = regexp.MustCompile("`([A-Z][A-Za-z0-9]+)(…?)`")
	madeTest = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]+)\(`)
	madeCase = regexp.MustCompile(`"([A-Z][A-Za-z0-9]+)"`)
)

// TestVendorTestsExist holds that every test that the pages on vendors name is there.
func TestVendorTestsExist(t *testing.T) {
	tests := strings.Join(found(t, madeTest, "internal/vendors/*/*_test.go"), "\n") + "\n"
	made := append(found(t, madeCase, "internal/vendors/conformance/*.go"), found(t, madeCase, "internal/vendors/*/*_test.go")...)
	cases := "\n" + strings.Join(made, "\n")
	for name, page := range pages(t) {
		if name != "docs/vendors.md" && filepath.Dir(name) != "docs/vendors" {
			continue
		}
		for _, said := range testName.FindAllStringSubmatch(page, -1) {
			if !strings.Contains(tests, said[1]) {
				t.Errorf("%s names the test %s, which does not exist", name, said[1])
			}
		}
		// A case is named in the last column of a table of calls.
		for _, line := range strings.Split(page, "\n") {
			columns := strings.Split(strings.TrimSuffix(strings.TrimSpace(line), "|"), "|")
			for _, said := range caseName.FindAllStringSubmatch(columns[len(columns)-1], -1) {
				prefix := !strings.HasPrefix(said[1], "Test") && len(columns) > 4
				if prefix && !strings.Contains(cases, "\n"+said[1]) {
					t.Errorf("%s names the case %s, which does not exist", name, said[1])
				}
			}
		}
	}
}

// found gives what a pattern finds in the files of a glob below the repository's root.
func found(t *testing.T, pattern *regexp.Regexp, glob string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(glob)))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", glob, len(files), err)
	}
	var all []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range pattern.FindAllStringSubmatch(string(text), -1) {
			all = append(all, match[1])
		}
	}
	return all
}
