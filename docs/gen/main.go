// Command gen writes the pages of docs/reference that say what the code says: conditions and reasons from the comments of
// their constants, flags from the flag set of the operator, rules from the planner's lists.
//
//	go run ./docs/gen [repository root]
//
//go:generate go run . ../..
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	if err := run(root); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// page is a generated file, by its path below the repository's root.
type page struct {
	path string
	// write makes the page from what the repository holds.
	write func(repository fs.FS) (string, error)
}

func pages() []page {
	return []page{
		{"docs/reference/conditions.md", conditionsPage},
		{"docs/reference/flags.md", flagsPage},
		{"docs/reference/gitops.md", gitopsPage},
		{"docs/reference/rules.md", rulesPage},
	}
}

func run(root string) error {
	for _, p := range pages() {
		text, err := p.write(os.DirFS(root))
		if err != nil {
			return fmt.Errorf("%s: %w", p.path, err)
		}
		path := filepath.Join(root, filepath.FromSlash(p.path))
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // a page is for everybody to read
			return err
		}
	}
	return nil
}
