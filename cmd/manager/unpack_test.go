package main

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// imageVersion is what the image of a test says that it is.
const imageVersion = "v0.0.0-test"

// buildImage builds the image for this machine, as `make image` does, and gives the directory of its OCI layout.
func buildImage(t *testing.T) string {
	t.Helper()
	out := t.TempDir()
	command := exec.CommandContext(t.Context(), "go", "run", ".", "--root=../..", "--out="+out, "--platforms=linux/"+runtime.GOARCH,
		"--version="+imageVersion, "--revision=none")
	command.Dir = filepath.Join("..", "..", "hack", "image")
	command.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=0")
	if text, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build the image: %v\n%s", err, text)
	}
	return filepath.Join(out, "oci")
}

// imageConfig is what an image says of how it is started. It is read here by other code than what wrote it: as the
// specification of OCI images has it.
type imageConfig struct {
	Entrypoint []string
	Env        []string
	User       string
	WorkingDir string
	uid, gid   uint32
}

// command is the image's entrypoint with arguments, as the image says: its user, its directory, its environment.
func (c imageConfig) command(root string, arguments ...string) *exec.Cmd {
	command := &exec.Cmd{Path: c.Entrypoint[0], Args: append(c.Entrypoint[:len(c.Entrypoint):len(c.Entrypoint)], arguments...)}
	command.Dir, command.Env = c.WorkingDir, c.Env
	if command.Env == nil {
		command.Env = []string{} // not that of the test
	}
	command.SysProcAttr = confine(root, c.uid, c.gid)
	return command
}

type descriptor struct {
	Digest   string
	Platform struct{ OS, Architecture string }
}

// unpackImage unpacks the image of this machine's platform below root.
func unpackImage(t *testing.T, layout, root string) imageConfig {
	t.Helper()
	var top, index struct{ Manifests []descriptor }
	readJSON(t, filepath.Join(layout, "index.json"), &top)
	if len(top.Manifests) != 1 {
		t.Fatalf("the layout holds %d images", len(top.Manifests))
	}
	readJSON(t, blob(layout, top.Manifests[0].Digest), &index)
	if len(index.Manifests) != 1 || index.Manifests[0].Platform.OS != "linux" || index.Manifests[0].Platform.Architecture != runtime.GOARCH {
		t.Fatalf("the image is for %v, want linux/%s", index.Manifests, runtime.GOARCH)
	}
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	readJSON(t, blob(layout, index.Manifests[0].Digest), &manifest)
	var file struct{ Config imageConfig }
	readJSON(t, blob(layout, manifest.Config.Digest), &file)
	if _, err := fmt.Sscanf(file.Config.User, "%d:%d", &file.Config.uid, &file.Config.gid); err != nil {
		t.Fatalf("the image's user %q is not given by numbers, and there is no /etc/passwd: %v", file.Config.User, err)
	}
	for _, layer := range manifest.Layers {
		unpack(t, blob(layout, layer.Digest), root)
	}
	// Nobody but the tester writes here.
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	return file.Config
}

func blob(layout, digest string) string {
	return filepath.Join(layout, "blobs", strings.Replace(digest, ":", string(filepath.Separator), 1))
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// unpack unpacks a layer of files only.
func unpack(t *testing.T, layer, root string) {
	t.Helper()
	compressed, err := os.Open(layer)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = compressed.Close() }()
	content, err := gzip.NewReader(compressed)
	if err != nil {
		t.Fatal(err)
	}
	for archive := tar.NewReader(content); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag != tar.TypeReg || !filepath.IsLocal(header.Name) {
			t.Fatalf("the layer holds %s of type %c", header.Name, header.Typeflag)
		}
		unpackFile(t, filepath.Join(root, header.Name), header.FileInfo().Mode(), archive)
	}
}

func unpackFile(t *testing.T, path string, mode os.FileMode, content io.Reader) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(file, content); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
}
