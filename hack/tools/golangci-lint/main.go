// Command golangci-lint is golangci-lint with kube-api-linter linked in as a
// module plugin. The documented way, `golangci-lint custom`, clones a Git
// repository at build time; this one needs the Go module proxy only.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/golangci/golangci-lint/v2/pkg/commands"
	"github.com/golangci/golangci-lint/v2/pkg/exitcodes"

	_ "sigs.k8s.io/kube-api-linter" // registers the plugin "kubeapilinter"
)

const golangciLint = "github.com/golangci/golangci-lint/v2"

func main() {
	if err := commands.Execute(buildInfo()); err != nil {
		fmt.Fprintln(os.Stderr, "golangci-lint:", err)
		os.Exit(exitcodes.Failure)
	}
}

// buildInfo names the golangci-lint that was linked in: the main module is this
// one, whose own version says nothing.
func buildInfo() commands.BuildInfo {
	info := commands.BuildInfo{GoVersion: "unknown", Version: "unknown", Commit: "?", Date: "?"}

	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}

	info.GoVersion = build.GoVersion
	for _, module := range build.Deps {
		if module.Path == golangciLint {
			info.Version = strings.TrimPrefix(module.Version, "v")
			info.Commit = module.Sum
		}
	}

	return info
}
