// Command image builds the operator's image: one static binary per platform and nothing beside it, as the Dockerfile has it,
// but without a daemon, a registry or a base image. The same commit and the same Go give the same digest, wherever and whenever
// it is built.
//
// ko does nearly this. It was left out because it takes base images from a registry or a daemon only, adds a layer and
// directories of its own, and puts the binary where the Dockerfile does not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"text/tabwriter"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// run builds the image below --out, or pushes what was built there.
func run(ctx context.Context, arguments []string, out, diagnostics io.Writer) error {
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.SetOutput(diagnostics)
	root := flags.String("root", "../..", "The repository.")
	dir := flags.String("out", "", "Where the image is written; bin/image of the repository when empty.")
	list := flags.String("platforms", "linux/amd64,linux/arm64", "Platforms, separated by commas.")
	version := flags.String("version", "", "Version; the tag of the commit, or else a pseudo-version, when empty.")
	revision := flags.String("revision", "", "Commit; that of the repository when empty.")
	push := flags.String("push", "", "Do not build: push what is in --out to this reference, such as HOST/NAME:TAG. Credentials are those of docker login.")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	if *dir == "" {
		*dir = filepath.Join(*root, "bin", "image")
	}
	var err error
	if *dir, err = filepath.Abs(*dir); err != nil {
		return err
	}
	if *push != "" {
		return pushLayout(ctx, filepath.Join(*dir, layoutName), *push, out)
	}
	platforms, err := parsePlatforms(*list)
	if err != nil {
		return err
	}
	from := source{root: *root, version: *version, revision: *revision}
	if err := from.complete(ctx); err != nil {
		return err
	}
	built, err := build(ctx, from, platforms, *dir)
	if err != nil {
		return err
	}
	return report(out, from, built)
}

func parsePlatforms(list string) ([]v1.Platform, error) {
	var platforms []v1.Platform
	for name := range strings.SplitSeq(list, ",") {
		platform, err := v1.ParsePlatform(strings.TrimSpace(name))
		if err != nil {
			return nil, fmt.Errorf("--platforms: %w", err)
		}
		if platform.OS != "linux" || platform.Architecture == "" || platform.Variant != "" {
			return nil, fmt.Errorf("--platforms: %q is not of the form linux/ARCHITECTURE", name)
		}
		platforms = append(platforms, *platform)
	}
	return platforms, nil
}

// report says what was built: digests, and how much is pulled and unpacked.
func report(out io.Writer, from source, built *result) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(table, "version\t%s\nrevision\t%s\ncreated\t%s\ngo\t%s\n",
		from.version, from.revision, from.created.UTC().Format("2006-01-02T15:04:05Z"), built.images[0].goVersion)
	for _, image := range built.images {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%.1f MB compressed\t%.1f MB\n",
			image.platform, image.digest, megabytes(image.compressed), megabytes(image.binary))
	}
	_, _ = fmt.Fprintf(table, "index\t%s\nwritten to\t%s\n", built.digest, built.dir)
	return table.Flush()
}

func megabytes(size int64) float64 { return float64(size) / 1e6 }
