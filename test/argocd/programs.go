package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// programs are what the test starts beside the product, and Argo CD's own manifests.
type programs struct {
	argocd, kustomize, helm, git string
	// manifests is the directory of Argo CD's manifests, of the same version.
	manifests string
}

// findPrograms looks for what the Makefile names by variables, from the one place that pins each version, and for git.
func findPrograms() (programs, error) {
	var found programs
	var missing []error
	for variable, path := range map[string]*string{"ARGOCD": &found.argocd, "KUSTOMIZE": &found.kustomize, "HELM": &found.helm} {
		if *path = os.Getenv(variable); *path == "" {
			missing = append(missing, fmt.Errorf("%s is not set: it names a binary; run `make e2e-argocd`", variable))
		}
	}
	module := os.Getenv("ARGOCD_MODULE")
	if module == "" {
		missing = append(missing, errors.New("ARGOCD_MODULE is not set: it names the directory of Argo CD's Go module; run `make e2e-argocd`"))
	}
	found.manifests = filepath.Join(module, "manifests")
	git, err := exec.LookPath("git")
	found.git = git
	return found, errors.Join(append(missing, err)...)
}
