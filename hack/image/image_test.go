package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdxlib"
)

const repositoryRoot = "../.."

// The image that is built here is of the working tree, by the program as it is: what `make image` builds.
func TestImage(t *testing.T) {
	platforms, err := parsePlatforms("linux/amd64,linux/arm64")
	if err != nil {
		t.Fatal(err)
	}
	from := source{
		root: repositoryRoot, version: "v1.2.3", revision: strings.Repeat("ab", 20),
		created: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC),
	}
	dir := t.TempDir()
	built, err := build(t.Context(), from, platforms, dir)
	if err != nil {
		t.Fatal(err)
	}

	t.Run("index", func(t *testing.T) { checkIndex(t, dir, built) })
	for _, platform := range platforms {
		t.Run(platform.Architecture, func(t *testing.T) {
			image := imageOf(t, dir, platform)
			binary := onlyFile(t, image, from)
			t.Run("config", func(t *testing.T) { checkConfig(t, image, platform) })
			t.Run("binary", func(t *testing.T) { checkBinary(t, binary, platform) })
			t.Run("SBOM", func(t *testing.T) { checkSBOM(t, dir, platform, image, binary) })
			t.Run("docker load", func(t *testing.T) { checkTarball(t, dir, platform, image) })
		})
	}
	t.Run("push", func(t *testing.T) { checkPush(t, dir, built, platforms) })
	t.Run("again elsewhere", func(t *testing.T) { checkAgain(t, from, platforms, dir) })
}

func checkIndex(t *testing.T, dir string, built *result) {
	t.Helper()
	whole, err := layout.ImageIndexFromPath(filepath.Join(dir, layoutName))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(whole); err != nil {
		t.Errorf("the layout is not valid: %v", err)
	}
	top, err := whole.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(top.Manifests) != 1 || top.Manifests[0].Digest != built.digest || top.Manifests[0].MediaType != types.OCIImageIndex {
		t.Fatalf("the layout has %+v, want one index with the digest that was printed, %s", top.Manifests, built.digest)
	}
	index, err := whole.ImageIndex(built.digest)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	digests := "index=" + built.digest.String() + "\n"
	for _, one := range manifest.Manifests {
		platforms = append(platforms, one.Platform.String())
		digests += strings.ReplaceAll(one.Platform.String(), "/", "-") + "=" + one.Digest.String() + "\n"
	}
	if text, err := os.ReadFile(filepath.Join(dir, "digests")); err != nil || string(text) != digests {
		t.Errorf("the file digests has\n%s(%v), want\n%s", text, err, digests)
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, platforms); diff != "" {
		t.Errorf("platforms (-want +got):\n%s", diff)
	}
	if got := manifest.Annotations["org.opencontainers.image.version"]; got != "v1.2.3" {
		t.Errorf("the index says version %q", got)
	}
}

func imageOf(t *testing.T, dir string, platform v1.Platform) v1.Image {
	t.Helper()
	whole, err := layout.ImageIndexFromPath(filepath.Join(dir, layoutName))
	if err != nil {
		t.Fatal(err)
	}
	top, err := whole.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	index, err := whole.ImageIndex(top.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range manifest.Manifests {
		if one.Platform.Equals(platform) {
			image, err := index.Image(one.Digest)
			if err != nil {
				t.Fatal(err)
			}
			return image
		}
	}
	t.Fatalf("no image for %s", platform)
	return nil
}

func checkConfig(t *testing.T, image v1.Image, platform v1.Platform) {
	t.Helper()
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{
		"org.opencontainers.image.created":     "2026-11-29T12:00:00Z",
		"org.opencontainers.image.description": "Issues gateway tokens of vendors as Kubernetes resources, publishes them in Secrets and revokes them",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.revision":    "abababababababababababababababababababab",
		"org.opencontainers.image.source":      "https://github.com/gatewaytoken/gateway-token-operator",
		"org.opencontainers.image.title":       "gateway-token-operator",
		"org.opencontainers.image.version":     "v1.2.3",
	}
	want := v1.Config{
		Entrypoint: []string{"/manager"}, User: "65532:65532", WorkingDir: "/", Labels: labels,
		ExposedPorts: map[string]struct{}{"8080/tcp": {}, "8081/tcp": {}},
	}
	if diff := cmp.Diff(want, file.Config); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	if file.OS != platform.OS || file.Architecture != platform.Architecture {
		t.Errorf("the config is for %s/%s", file.OS, file.Architecture)
	}
	if got := file.Created.UTC().Format(time.RFC3339); got != "2026-11-29T12:00:00Z" {
		t.Errorf("created %s, want the time of the commit", got)
	}
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(labels, manifest.Annotations); diff != "" {
		t.Errorf("annotations, which are the labels (-want +got):\n%s", diff)
	}
	if manifest.MediaType != types.OCIManifestSchema1 || manifest.Config.MediaType != types.OCIConfigJSON {
		t.Errorf("media types %s and %s, want OCI's", manifest.MediaType, manifest.Config.MediaType)
	}
}

// onlyFile gives what the one file of the image holds, below a directory of the test, and refuses any other.
func onlyFile(t *testing.T, image v1.Image, from source) string {
	t.Helper()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) != 1 {
		t.Fatalf("%d layers, want one", len(layers))
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = content.Close() }()
	archive := tar.NewReader(content)
	header, err := archive.Next()
	if err != nil {
		t.Fatal(err)
	}
	if header.Name != "manager" || header.Typeflag != tar.TypeReg || header.Mode != 0o555 || header.Uid != 0 || header.Gid != 0 ||
		!header.ModTime.Equal(from.created) {
		t.Errorf("the layer's file is %+v", header)
	}
	path := filepath.Join(t.TempDir(), "manager")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := io.Copy(file, archive); err != nil {
		t.Fatal(err)
	}
	if next, err := archive.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("the layer has another file, %v (%v)", next, err)
	}
	return path
}

func checkBinary(t *testing.T, path string, platform v1.Platform) {
	t.Helper()
	machine := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[platform.Architecture]
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if file.Machine != machine {
		t.Errorf("the binary is for %s, want %s", file.Machine, machine)
	}
	for _, part := range file.Progs {
		if part.Type == elf.PT_INTERP {
			t.Error("the binary is linked dynamically: the image has nothing that it could be linked with")
		}
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Path != "github.com/gatewaytoken/gateway-token-operator/cmd/manager" {
		t.Errorf("the binary is %s", info.Path)
	}
	for _, setting := range info.Settings {
		if strings.HasPrefix(setting.Key, "vcs") {
			t.Errorf("the binary holds %s=%s: it differs where the working tree does", setting.Key, setting.Value)
		}
	}
}

// checkSBOM compares the bill of materials with what the go command says of the binary.
func checkSBOM(t *testing.T, dir string, platform v1.Platform, image v1.Image, binary string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, fileName(platform)+".spdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	document, err := spdxjson.Read(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if err := spdxlib.ValidateDocument(document); err != nil {
		t.Errorf("not valid: %v", err)
	}
	said, err := exec.CommandContext(t.Context(), "go", "version", "-m", binary).Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(said)) {
		fields := strings.Fields(line)
		if len(fields) >= 3 && fields[0] == "dep" {
			want = append(want, fields[1]+" "+fields[2])
		}
	}
	if len(want) < 20 {
		t.Fatalf("go version -m names %d modules only:\n%s", len(want), said)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	_, toolchain, _ := strings.Cut(strings.TrimSpace(firstLine(said)), ": go")
	want = append(want, "stdlib "+toolchain, title+" "+digest.String(), "github.com/gatewaytoken/gateway-token-operator v1.2.3")
	var got []string
	for _, one := range document.Packages {
		got = append(got, one.PackageName+" "+one.PackageVersion)
		if len(one.PackageExternalReferences) != 1 || !strings.HasPrefix(one.PackageExternalReferences[0].Locator, "pkg:") {
			t.Errorf("%s has no package URL", one.PackageName)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packages (-go version -m +SBOM):\n%s", diff)
	}
}

func firstLine(text []byte) string {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return string(line)
}

func checkTarball(t *testing.T, dir string, platform v1.Platform, image v1.Image) {
	t.Helper()
	tag, err := name.NewTag("gateway-token-operator:v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := tarball.ImageFromPath(filepath.Join(dir, fileName(platform)+".tar"), &tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(loaded); err != nil {
		t.Error(err)
	}
	want, err := image.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := loaded.ConfigName(); err != nil || got != want {
		t.Errorf("the tarball holds image %s (%v), want %s", got, err, want)
	}
}

// checkPush pushes to a registry of this process, and pulls from there.
func checkPush(t *testing.T, dir string, built *result, platforms []v1.Platform) {
	t.Helper()
	server := httptest.NewServer(registry.New())
	defer server.Close()
	reference := strings.TrimPrefix(server.URL, "http://") + "/team/gateway-token-operator:v1.2.3"
	var out, diagnostics bytes.Buffer
	if err := run(t.Context(), []string{"--out", dir, "--push", reference}, &out, &diagnostics); err != nil {
		t.Fatal(err)
	}
	byDigest, _, _ := strings.Cut(reference, ":v1.2.3")
	if got, want := out.String(), byDigest+"@"+built.digest.String()+"\n"; got != want {
		t.Errorf("printed %q, want the reference by digest %q", got, want)
	}
	tag, err := name.ParseReference(reference)
	if err != nil {
		t.Fatal(err)
	}
	for _, platform := range platforms {
		pulled, err := remote.Image(tag, remote.WithPlatform(platform))
		if err != nil {
			t.Fatal(err)
		}
		want, err := imageOf(t, dir, platform).Digest()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := pulled.Digest(); err != nil || got != want {
			t.Errorf("%s: pulled %s (%v), want %s", platform, got, err, want)
		}
	}
}

// checkAgain builds the same from a copy of what the Dockerfile is given, elsewhere, without a repository, and by a developer who has other
// flags for his own builds.
func checkAgain(t *testing.T, from source, platforms []v1.Platform, dir string) {
	t.Helper()
	from.root = dockerContext(t)
	again := t.TempDir()
	written := filepath.Join(t.TempDir(), "env") // as by go env -w
	if err := os.WriteFile(written, []byte("GOFLAGS=-gcflags=all=-N\nGOTOOLCHAIN=local\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOENV", written)
	if _, err := build(t.Context(), from, platforms, again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(digests(t, dir), digests(t, again)); diff != "" {
		t.Errorf("built twice (-first +second):\n%s", diff)
	}
}

// digests are those of all files below a directory.
func digests(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, path))
		sum := sha256.Sum256(content)
		found[path] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestArguments(t *testing.T) {
	for name, tc := range map[string]struct {
		reason    string
		arguments []string
		want      string
	}{
		"word":              {"a word is no flag", []string{"push"}, `"push" is no flag`},
		"not linux":         {"there is no image for it", []string{"--platforms", "windows/amd64"}, "not of the form linux/ARCHITECTURE"},
		"variant":           {"the binary would not be built for it", []string{"--platforms", "linux/arm/v7"}, "not of the form linux/ARCHITECTURE"},
		"nothing to push":   {"nothing was built there", []string{"--out", t.TempDir(), "--push", "localhost/x:v1"}, "build it first"},
		"reference by half": {"it must be said what is pushed", []string{"--push", "gateway-token-operator"}, "could not parse reference"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), tc.arguments, io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: got %v, want %q", tc.reason, err, tc.want)
			}
		})
	}
}

// What is not given comes from the repository; a version tells a commit from changes of it.
func TestSourceOfARepository(t *testing.T) {
	root := t.TempDir()
	git := func(arguments ...string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), "git", arguments...)
		command.Dir = root
		command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_AUTHOR_DATE=2026-01-02T03:04:05Z",
			"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com", "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", arguments, err, out)
		}
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("SOURCE_DATE_EPOCH", "")
	git("init", "--quiet")
	write("go.mod", "module x\n")
	write("README.md", "x\n")
	git("add", "--all")
	git("commit", "--quiet", "--message", "x")

	var commit string
	expect := func(reason, want string) {
		t.Helper()
		from := source{root: root}
		if err := from.complete(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
		commit = from.revision
		if want = strings.ReplaceAll(want, "COMMIT", commit[:12]); from.version != want {
			t.Errorf("%s: version %s, want %s", reason, from.version, want)
		}
		if got := from.created.Format(time.RFC3339); got != "2026-01-02T03:04:05Z" {
			t.Errorf("%s: created %s, want the commit's time", reason, got)
		}
	}
	expect("no tag", "v0.0.0-20260102030405-COMMIT")
	git("tag", "v0.9.0")
	git("tag", "v0.10.0")
	git("tag", "chart-1")
	expect("the highest version of two", "v0.10.0")
	write("README.md", "changed\n")
	expect("nothing that is built has changed", "v0.10.0")
	write("go.mod", "module y\n")
	expect("a file that is built has changed", "v0.10.0+dirty")

	t.Setenv("SOURCE_DATE_EPOCH", "86400")
	from := source{root: root}
	if err := from.complete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := from.created.Format(time.RFC3339); got != "1970-01-02T00:00:00Z" {
		t.Errorf("created %s, want what SOURCE_DATE_EPOCH says", got)
	}
}
