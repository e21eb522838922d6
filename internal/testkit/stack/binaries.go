package stack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/controlplane"
)

// helmVariable names Helm's binary. The Makefile sets it, from the one place that pins Helm's version.
const helmVariable = "HELM"

// binaries are the paths of the programs that a stack starts.
type binaries struct {
	root                              string
	manager, vendorsim, helm, kubectl string
	// ungated is the manager that revokes without looking at pods. It is there where `make demo` has built it.
	ungated string
}

// findBinaries looks for what `make build` has built, for Helm in $HELM and for kubectl. It is an error, with what to
// do about it, when one is missing.
func findBinaries() (binaries, error) {
	root, err := moduleRoot()
	if err != nil {
		return binaries{}, fmt.Errorf("find the repository: %w", err)
	}
	found := binaries{
		root: root, manager: filepath.Join(root, "bin", "manager"), vendorsim: filepath.Join(root, "bin", "vendorsim"),
		helm: os.Getenv(helmVariable), ungated: filepath.Join(root, "bin", "manager-without-gate"),
	}
	for _, path := range []string{found.manager, found.vendorsim} {
		if _, err := os.Stat(path); err != nil {
			return binaries{}, fmt.Errorf("%w: run `make build`", err)
		}
	}
	if found.helm == "" {
		return binaries{}, fmt.Errorf("%s is not set: it names Helm's binary, as in %s=$(hack/tool.sh helm)", helmVariable, helmVariable)
	}
	found.kubectl, err = controlplane.Kubectl()
	return found, err
}

// moduleRoot is the nearest directory with a go.mod, from the working directory upwards.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		_, err := os.Stat(filepath.Join(dir, "go.mod"))
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return dir, err
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod in the working directory or above it")
		}
		dir = parent
	}
}
