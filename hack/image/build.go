package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	layoutName = "oci"
	title      = "gateway-token-operator"
	repository = "https://github.com/gatewaytoken/gateway-token-operator"

	// These, inputs and ports are the Dockerfile's, too; a test compares them.
	binaryPath  = "/manager"
	user        = "65532:65532"
	buildFlags  = "-trimpath -buildvcs=false"
	linkerFlags = "-s -w -X main.version="
)

// ports are those of metrics and health.
func ports() []string { return []string{"8080", "8081"} }

// result is what was built.
type result struct {
	dir    string
	digest v1.Hash
	images []imageResult
}

type imageResult struct {
	platform   v1.Platform
	digest     v1.Hash
	goVersion  string
	binary     int64
	compressed int64
}

// build writes, below dir: oci, the layout with an index of all platforms; and for each of them a tarball for docker load and
// an SBOM; and the file digests. What was there before is replaced.
func build(ctx context.Context, from source, platforms []v1.Platform, dir string) (*result, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	binaries, err := os.MkdirTemp("", "image-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(binaries) }()

	built := &result{dir: dir}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, platform := range platforms {
		binary := filepath.Join(binaries, fileName(platform))
		if err := compile(ctx, from, platform, binary); err != nil {
			return nil, err
		}
		image, one, err := pack(from, platform, binary, dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", platform, err)
		}
		built.images = append(built.images, one)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &platform}})
	}
	return built, finish(from, index, built)
}

// pack makes the image of one platform, and what lies beside it.
func pack(from source, platform v1.Platform, binary, dir string) (v1.Image, imageResult, error) {
	image, err := assemble(from, platform, binary)
	if err != nil {
		return nil, imageResult{}, err
	}
	one, err := describe(platform, image, binary)
	if err != nil {
		return nil, imageResult{}, err
	}
	one.goVersion, err = writeBeside(from, platform, image, binary, dir)
	return image, one, err
}

// finish writes the layout, and the digests.
func finish(from source, index v1.ImageIndex, built *result) error {
	annotated, ok := mutate.Annotations(index, annotations(from)).(v1.ImageIndex)
	if !ok {
		return fmt.Errorf("an annotated index is no index")
	}
	var err error
	if built.digest, err = annotated.Digest(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(built.dir, "digests"), digestsOf(built), 0o644); err != nil {
		return err
	}
	whole, err := layout.Write(filepath.Join(built.dir, layoutName), empty.Index)
	if err != nil {
		return err
	}
	return whole.AppendIndex(annotated, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": from.version}))
}

// digestsOf is for scripts: a line index=DIGEST, and one such as linux-amd64=DIGEST for each platform.
func digestsOf(built *result) []byte {
	lines := fmt.Sprintf("index=%s\n", built.digest)
	for _, image := range built.images {
		lines += fmt.Sprintf("%s-%s=%s\n", image.platform.OS, image.platform.Architecture, image.digest)
	}
	return []byte(lines)
}

// compile builds the operator. What could differ from one machine to another is fixed.
func compile(ctx context.Context, from source, platform v1.Platform, binary string) error {
	arguments := append(strings.Fields(buildFlags), "-ldflags", linkerFlags+from.version, "-o", binary, "./cmd/manager")
	command := exec.CommandContext(ctx, "go", append([]string{"build"}, arguments...)...)
	command.Dir = from.root
	settings, err := settingsOf(ctx, from)
	if err != nil {
		return err
	}
	command.Env = append(append(os.Environ(), settings...), "GOENV=off", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=", "GOFIPS140=off", "GODEBUG=",
		"GOOS="+platform.OS, "GOARCH="+platform.Architecture, "GOAMD64=v1", "GOARM64=v8.0")
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build for %s: %w\n%s", platform, err, out)
	}
	return nil
}

// settingsOf are those that say where modules come from and where they are kept. They may be in a file of the developer's (go env -w), of
// which nothing else is to count.
func settingsOf(ctx context.Context, from source) ([]string, error) {
	names := []string{"GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOPROXY", "GOPRIVATE", "GOINSECURE", "GOTOOLCHAIN", "GOPATH", "GOMODCACHE", "GOCACHE"}
	command := exec.CommandContext(ctx, "go", append([]string{"env"}, names...)...)
	command.Dir = from.root
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	values := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(values) != len(names) {
		return nil, fmt.Errorf("go env: expected %d lines, found %d", len(names), len(values))
	}
	settings := make([]string, len(names))
	for i, name := range names {
		settings[i] = name + "=" + values[i]
	}
	return settings, nil
}

// assemble makes an image of one layer with one file.
func assemble(from source, platform v1.Platform, binary string) (v1.Image, error) {
	content, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	archive, err := archiveOf(from, content)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(archive)), nil
	}, tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(gzip.BestCompression), tarball.WithCompressedCaching)
	if err != nil {
		return nil, err
	}
	created := v1.Time{Time: from.created}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.Append(image, mutate.Addendum{
		Layer: layer, MediaType: types.OCILayer,
		History: v1.History{Created: created, CreatedBy: "hack/image", Comment: "go build ./cmd/manager"},
	})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = platform.OS, platform.Architecture, created
	config.Config = v1.Config{
		Entrypoint: []string{binaryPath}, User: user, WorkingDir: "/", Labels: annotations(from),
		ExposedPorts: map[string]struct{}{},
	}
	for _, port := range ports() {
		config.Config.ExposedPorts[port+"/tcp"] = struct{}{}
	}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return nil, err
	}
	annotated, ok := mutate.Annotations(image, annotations(from)).(v1.Image)
	if !ok {
		return nil, fmt.Errorf("an annotated image is no image")
	}
	return annotated, nil
}

func archiveOf(from source, content []byte) ([]byte, error) {
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: strings.TrimPrefix(binaryPath, "/"), Size: int64(len(content)), Mode: 0o555, ModTime: from.created,
	}
	if err := writer.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := writer.Write(content); err != nil {
		return nil, err
	}
	err := writer.Close() // it writes the end
	return archive.Bytes(), err
}

// annotations are the image's labels, too: some tools read the ones, some the others.
func annotations(from source) map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":       title,
		"org.opencontainers.image.description": "Issues gateway tokens of vendors as Kubernetes resources, publishes them in Secrets and revokes them",
		"org.opencontainers.image.source":      repository,
		"org.opencontainers.image.version":     from.version,
		"org.opencontainers.image.revision":    from.revision,
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.created":     from.created.UTC().Format("2006-01-02T15:04:05Z"),
	}
}

// writeBeside writes what belongs to one platform, and gives the version of Go that its binary was built with.
func writeBeside(from source, platform v1.Platform, image v1.Image, binary, dir string) (string, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return "", err
	}
	bom, err := sbom(from, platform, image, info)
	if err != nil {
		return "", fmt.Errorf("SBOM: %w", err)
	}
	path := filepath.Join(dir, fileName(platform))
	if err := os.WriteFile(path+".spdx.json", bom, 0o644); err != nil {
		return "", err
	}
	// A tag may not have a plus.
	tag, err := name.NewTag(title + ":" + strings.ReplaceAll(from.version, "+", "_"))
	if err != nil {
		return "", err
	}
	return info.GoVersion, tarball.WriteToFile(path+".tar", tag, image)
}

// fileName is manager-linux-amd64.
func fileName(platform v1.Platform) string {
	return strings.TrimPrefix(binaryPath, "/") + "-" + platform.OS + "-" + platform.Architecture
}

func describe(platform v1.Platform, image v1.Image, binary string) (imageResult, error) {
	one := imageResult{platform: platform}
	file, err := os.Stat(binary)
	if err != nil {
		return one, err
	}
	one.binary = file.Size()
	layers, err := image.Layers()
	if err != nil {
		return one, err
	}
	for _, layer := range layers {
		size, err := layer.Size()
		if err != nil {
			return one, err
		}
		one.compressed += size
	}
	one.digest, err = image.Digest()
	return one, err
}
