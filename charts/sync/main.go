// Command sync copies what the charts share with config/ into the charts: the CRDs
// and the rules of the roles. They are written or generated in config/, and the
// chart includes them as files, so that the two ways to install cannot drift.
// The chart gateway-tokens gets its schema of values from the CRDs.
//
//	go run ./charts/sync [repository root]
//
// Files that config/ no longer has are removed from the chart.
//
//go:generate go run . ../..
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// generatedNote stands at the top of every file that is copied.
const generatedNote = "# Copied from %s by `go run ./charts/sync`; edit it there.\n"

// Where the chart keeps the copies, below the repository's root.
const (
	chartCRDs  = "charts/gateway-token-operator/files/crds"
	chartRules = "charts/gateway-token-operator/files/rbac"
	// The schema of the chart that renders objects of these CRDs from values.
	tokensSchema = "charts/gateway-tokens/values.schema.json"
)

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	if err := run(root); err != nil {
		fmt.Fprintln(os.Stderr, "sync:", err)
		os.Exit(1)
	}
}

func run(root string) error {
	files, err := wanted(os.DirFS(root))
	if err != nil {
		return err
	}
	for _, dir := range []string{chartCRDs, chartRules} {
		if err := removeOthers(root, dir, files); err != nil {
			return err
		}
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if err := write(filepath.Join(root, path), files[path]); err != nil {
			return err
		}
	}
	return nil
}

// wanted returns the files that the chart must have, by path below the
// repository's root.
func wanted(repository fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{}
	crds, err := fs.Glob(repository, "config/crd/bases/*.yaml")
	if err != nil {
		return nil, err
	}
	roles, err := fs.Glob(repository, "config/rbac/*_role.yaml")
	if err != nil {
		return nil, err
	}
	// Those of an operator that works in named namespaces.
	namespaced, err := fs.Glob(repository, "config/rbac/*/*_role.yaml")
	if err != nil {
		return nil, err
	}
	roles = append(roles, namespaced...)
	if len(crds) == 0 || len(roles) == 0 {
		return nil, errors.New("config/ has no CRDs or no roles: is this the repository's root?")
	}
	for _, source := range crds {
		content, err := fs.ReadFile(repository, source)
		if err != nil {
			return nil, err
		}
		content = bytes.TrimPrefix(content, []byte("---\n"))
		files[target(chartCRDs, source)] = noted(source, content)
	}
	if files[tokensSchema], err = schemaOfTokens(repository, crds); err != nil {
		return nil, err
	}
	for _, source := range roles {
		content, err := fs.ReadFile(repository, source)
		if err != nil {
			return nil, err
		}
		rules, err := rulesOf(content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", source, err)
		}
		files[target(chartRules, source)] = noted(source, rules)
	}
	return files, nil
}

// rulesOf cuts the rules out of a role, comments included: all that follows the
// line "rules:", which must be the last field.
func rulesOf(role []byte) ([]byte, error) {
	_, rules, found := bytes.Cut(role, []byte("\nrules:\n"))
	if !found {
		return nil, errors.New(`the line "rules:" is missing`)
	}
	for line := range bytes.Lines(rules) {
		if !bytes.HasPrefix(line, []byte("  ")) {
			return nil, fmt.Errorf("rules must be the last field and indented by two; found %q after it", line)
		}
	}
	return rules, nil
}

func target(dir, source string) string {
	return dir + "/" + filepath.Base(source)
}

func noted(source string, content []byte) []byte {
	return append(fmt.Appendf(nil, generatedNote, source), content...)
}

// removeOthers removes the YAML files of a directory that are not wanted.
func removeOthers(root, dir string, files map[string][]byte) error {
	present, err := filepath.Glob(filepath.Join(root, dir, "*.yaml"))
	if err != nil {
		return err
	}
	for _, path := range present {
		if _, ok := files[target(dir, path)]; ok {
			continue
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}
