package main

import (
	"context"
	"embed"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// overlay is what the repository has beside the examples: it leads the example to the simulated vendor.
//
//go:embed overlay/*.yaml
var overlay embed.FS

// repository is the Git repository that Argo CD syncs, on disk.
type repository struct {
	dir    string
	git    *stack.Tool
	values map[string]string
}

// newRepository makes a repository with the examples and the overlay, in which the values replace ${name}.
func newRepository(ctx context.Context, running *stack.Stack, git string, values map[string]string) (*repository, error) {
	r := &repository{
		dir: filepath.Join(running.Dir(), "repository"), values: values,
		git: running.NewTool(git, "GIT_AUTHOR_NAME=e2e", "GIT_AUTHOR_EMAIL=e2e@example.com", "GIT_COMMITTER_NAME=e2e", "GIT_COMMITTER_EMAIL=e2e@example.com"),
	}
	if err := os.CopyFS(filepath.Join(r.dir, "examples"), os.DirFS(filepath.Join(running.Root(), "examples"))); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(r.dir, "overlay"), 0o750); err != nil {
		return nil, err
	}
	entries, err := overlay.ReadDir("overlay")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if err := r.restore(entry.Name()); err != nil {
			return nil, err
		}
	}
	if _, err := r.git.Run(ctx, "init", "--quiet", "--initial-branch=main", r.dir); err != nil {
		return nil, err
	}
	_, err = r.commit(ctx, "A mediator and its token")
	return r, err
}

// url is where Argo CD finds it.
func (r *repository) url() string { return "file://" + r.dir }

// restore writes a file of the overlay as it was at first, with the values of now.
func (r *repository) restore(file string) error {
	text, err := overlay.ReadFile("overlay/" + file)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.dir, "overlay", file), []byte(expand(string(text), r.values)), 0o600)
}

// expand puts values in the place of ${name}, as strings of YAML.
func expand(text string, values map[string]string) string {
	return os.Expand(text, func(name string) string {
		quoted, err := json.Marshal(values[name])
		if err != nil {
			return "" // a string always can be written
		}
		return string(quoted)
	})
}

// set sets a field of a file of the overlay, by its dotted path.
func (r *repository) set(file, field string, value any) error {
	path := filepath.Join(r.dir, "overlay", file)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed, err := setField(text, field, value)
	if err != nil {
		return err
	}
	return os.WriteFile(path, changed, 0o600)
}

// setField sets a field of a manifest, by its dotted path.
func setField(manifest []byte, field string, value any) ([]byte, error) {
	var content map[string]any
	if err := yaml.Unmarshal(manifest, &content); err != nil {
		return nil, err
	}
	if err := unstructured.SetNestedField(content, value, strings.Split(field, ".")...); err != nil {
		return nil, err
	}
	return yaml.Marshal(content)
}

// commit commits all changes, and returns the revision.
func (r *repository) commit(ctx context.Context, message string) (string, error) {
	if _, err := r.git.Run(ctx, "-C", r.dir, "add", "--all"); err != nil {
		return "", err
	}
	if _, err := r.git.Run(ctx, "-C", r.dir, "commit", "--quiet", "--message="+message); err != nil {
		return "", err
	}
	revision, err := r.git.Run(ctx, "-C", r.dir, "rev-parse", "HEAD")
	return strings.TrimSpace(revision), err
}
