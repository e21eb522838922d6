package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// The Dockerfile builds the same image for those who build by it.
func TestDockerfile(t *testing.T) {
	stages := dockerfile(t)
	first, last := stages[0], stages[len(stages)-1]
	got := map[string]any{
		"from": last["FROM"], "user": last["USER"], "ports": strings.Fields(last["EXPOSE"][0]),
		"copied": strings.Fields(last["COPY"][0]), "entrypoint": entrypoint(t, last["ENTRYPOINT"][0]),
	}
	want := map[string]any{
		"from": []string{"scratch"}, "user": []string{user}, "ports": ports(),
		"copied": []string{"--from=build", "/out/manager", binaryPath}, "entrypoint": []string{binaryPath},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the last stage (-hack/image +Dockerfile):\n%s", diff)
	}
	if len(last["COPY"]) != 1 || len(last["RUN"])+len(last["ADD"]) > 0 {
		t.Errorf("the last stage has more than the binary: %v", last)
	}
	var copied []string
	for _, instruction := range first["COPY"] {
		words := strings.Fields(instruction)
		for _, word := range words[:len(words)-1] {
			copied = append(copied, strings.TrimSuffix(word, "/"))
		}
	}
	if diff := cmp.Diff(inputs(), copied); diff != "" {
		t.Errorf("what is copied (-hack/image +Dockerfile):\n%s", diff)
	}
	build := strings.Join(first["RUN"], "\n")
	for _, part := range []string{"CGO_ENABLED=0", "go build " + buildFlags + ` -ldflags="` + linkerFlags + `${VERSION}"`} {
		if !strings.Contains(build, part) {
			t.Errorf("the Dockerfile does not build with %s:\n%s", part, build)
		}
	}
}

// dockerfile gives, for each stage, what stands after each instruction.
func dockerfile(t *testing.T) []map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repositoryRoot, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	var stages []map[string][]string
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if instruction == "FROM" {
			stages = append(stages, map[string][]string{})
		}
		if len(stages) > 0 && instruction != "" && instruction != "#" {
			stage := stages[len(stages)-1]
			stage[instruction] = append(stage[instruction], strings.TrimSpace(rest))
		}
	}
	if len(stages) < 2 {
		t.Fatalf("the Dockerfile has %d stages", len(stages))
	}
	return stages
}

func entrypoint(t *testing.T, text string) []string {
	t.Helper()
	var words []string
	if err := json.Unmarshal([]byte(text), &words); err != nil {
		t.Fatalf("ENTRYPOINT %s is not of the exec form, which needs no shell: %v", text, err)
	}
	return words
}

// dockerContext is a directory with what a build by the Dockerfile has: the files that it copies and .dockerignore lets through.
func dockerContext(t *testing.T) string {
	t.Helper()
	file, err := os.Open(filepath.Join(repositoryRoot, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	patterns, err := ignorefile.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	for _, input := range inputs() {
		err := fs.WalkDir(os.DirFS(repositoryRoot), input, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			if left, err := ignored.MatchesOrParentMatches(path); err != nil || left {
				return err
			}
			content, err := os.ReadFile(filepath.Join(repositoryRoot, path))
			if err != nil {
				return err
			}
			if err := os.MkdirAll(filepath.Dir(filepath.Join(to, path)), 0o700); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(to, path), content, 0o600)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	below, err := os.ReadDir(filepath.Join(to, "internal"))
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(below, func(entry fs.DirEntry) bool { return entry.Name() == "simulator" }) {
		t.Error(".dockerignore lets the simulator through")
	}
	return to
}
