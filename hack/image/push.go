package main

import (
	"context"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// pushLayout pushes the image that was built to a registry, as it is: its digest is the same there. It writes the reference by
// digest, which is what is signed.
func pushLayout(ctx context.Context, path, reference string, out io.Writer) error {
	to, err := name.ParseReference(reference, name.StrictValidation)
	if err != nil {
		return err
	}
	whole, err := layout.ImageIndexFromPath(path)
	if err != nil {
		return fmt.Errorf("%s: build it first: %w", path, err)
	}
	manifest, err := whole.IndexManifest()
	if err != nil {
		return err
	}
	if len(manifest.Manifests) != 1 {
		return fmt.Errorf("%s holds %d images, want one", path, len(manifest.Manifests))
	}
	digest := manifest.Manifests[0].Digest
	index, err := whole.ImageIndex(digest)
	if err != nil {
		return err
	}
	if err := remote.WriteIndex(to, index, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
		return fmt.Errorf("push to %s: %w", to, err)
	}
	_, err = fmt.Fprintln(out, to.Context().Digest(digest.String()))
	return err
}
