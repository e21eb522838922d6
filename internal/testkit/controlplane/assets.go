package controlplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// assetsVariable names the directory of the binaries; controller-runtime's envtest
// knows it under the same name.
const assetsVariable = "KUBEBUILDER_ASSETS"

// errNoModule is returned outside of this repository.
var errNoModule = errors.New("no go.mod in the working directory or above it")

// assets is a directory that has all binaries of a control plane.
type assets string

// findAssets returns $KUBEBUILDER_ASSETS or, when that is not set,
// bin/control-plane/<version> of this repository. It is an error, with what to do
// about it, when a binary is missing there.
func findAssets() (assets, error) {
	dir, err := assetsDirectory()
	if err != nil {
		return "", fmt.Errorf("finding the control plane's binaries: %w", err)
	}
	if err := needs(dir, "control-plane", "etcd", "kube-apiserver", "kube-controller-manager"); err != nil {
		return "", fmt.Errorf("control plane: %w", err)
	}
	return assets(dir), nil
}

// findNodeAssets is findAssets for those who have pods run: the others do without these binaries.
func findNodeAssets() (assets, error) {
	dir, err := assetsDirectory()
	if err != nil {
		return "", fmt.Errorf("finding the binaries that play nodes: %w", err)
	}
	if err := needs(dir, "nodes", "kube-scheduler", "kwok"); err != nil {
		return "", fmt.Errorf("nodes: %w", err)
	}
	return assets(dir), nil
}

// needs is an error, with what to do about it, when a binary is missing in the directory.
func needs(dir, target string, names ...string) error {
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("%w: run `make %s` (and leave %s unset)", err, target, assetsVariable)
		}
	}
	return nil
}

func (a assets) path(name string) string { return filepath.Join(string(a), name) }

func assetsDirectory() (string, error) {
	if dir := os.Getenv(assetsVariable); dir != "" {
		return dir, nil
	}
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	version, err := requiredVersion(filepath.Join(root, "hack", "devcluster", "go.mod"), "k8s.io/kubernetes")
	if err != nil {
		return "", err
	}
	return filepath.Join(root, "bin", "control-plane", version), nil
}

// moduleRoot is the nearest directory with a go.mod, from the working directory
// upwards: `go test` runs a test in the directory of its package.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		_, err := os.Stat(filepath.Join(dir, "go.mod"))
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errNoModule
		}
		dir = parent
	}
}

// requiredVersion returns the version that the go.mod requires of the module. That
// go.mod is the one place where the version of the control plane is written.
func requiredVersion(goMod, module string) (string, error) {
	content, err := os.ReadFile(goMod)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(content)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == module {
			return fields[1], nil
		}
	}
	return "", fmt.Errorf("%s does not require %s", goMod, module)
}

// Kubectl returns the path of kubectl: the one in PATH or, on a machine without
// it, the one that `make control-plane` built.
func Kubectl() (string, error) {
	if path, err := exec.LookPath("kubectl"); err == nil {
		return path, nil
	}
	dir, err := assetsDirectory()
	if err != nil {
		return "", fmt.Errorf("finding kubectl: %w", err)
	}
	path := filepath.Join(dir, "kubectl")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("finding kubectl: %w: run `make control-plane`", err)
	}
	return path, nil
}
