package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// inputs are what the binary is built from, as in the Dockerfile.
func inputs() []string { return []string{"go.mod", "go.sum", "api", "cmd/manager", "internal"} }

// source is what an image is built from.
type source struct {
	root     string
	version  string
	revision string
	// created is the time of the commit, so that it is no other when the image is built again.
	created time.Time
}

// complete fills in what was not given, from the repository and from $SOURCE_DATE_EPOCH.
func (s *source) complete(ctx context.Context) error {
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		var err error
		if epoch, err = s.git(ctx, "log", "-1", "--format=%ct"); err != nil {
			return fmt.Errorf("when was this committed? Set SOURCE_DATE_EPOCH: %w", err)
		}
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	s.created = time.Unix(seconds, 0).UTC()
	if s.revision == "" {
		if s.revision, err = s.git(ctx, "rev-parse", "HEAD"); err != nil {
			return fmt.Errorf("which commit is this? Set --revision: %w", err)
		}
	}
	if s.version == "" {
		if s.version, err = s.versionOfCommit(ctx); err != nil {
			return fmt.Errorf("which version is this? Set --version: %w", err)
		}
	}
	return nil
}

// versionOfCommit is the commit's own tag, or else a pseudo-version as Go makes them. Neither depends on how much of the
// history is there. Changes that no commit has are said: an image of them is nobody else's.
func (s *source) versionOfCommit(ctx context.Context) (string, error) {
	tags, err := s.git(ctx, "tag", "--points-at", "HEAD", "--list", "v[0-9]*", "--sort=-version:refname")
	if err != nil {
		return "", err
	}
	version, _, _ := strings.Cut(tags, "\n")
	if version == "" {
		version = "v0.0.0-" + s.created.Format("20060102150405") + "-" + s.revision[:min(12, len(s.revision))]
	}
	changed, err := s.git(ctx, slices.Concat([]string{"status", "--porcelain", "--"}, inputs())...)
	if err != nil {
		return "", err
	}
	if changed != "" {
		version += "+dirty"
	}
	return version, nil
}

func (s *source) git(ctx context.Context, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", arguments...)
	command.Dir = s.root
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", arguments[0], err, strings.TrimSpace(complaint.String()))
	}
	return strings.TrimSpace(string(out)), nil
}
