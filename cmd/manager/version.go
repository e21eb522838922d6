package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// commandVersion writes what this binary is. It asks no cluster.
const commandVersion = "version"

// version is set by the linker, for an image: its label says the same.
var version string

// release is the version, or what Go knows of it where nobody set one.
func release() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

func writeVersion(out io.Writer) error {
	_, err := fmt.Fprintf(out, "gateway-token-operator %s (%s %s/%s)\n", release(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
