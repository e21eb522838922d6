package main

import (
	"io/fs"
	"os"
	"strings"
	"testing"
)

// What is written stands in the repository, and every script is in it.
func TestWantedIsWritten(t *testing.T) {
	repository := os.DirFS("../../..")
	files, err := wanted(repository)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 5 {
		t.Errorf("%d files, want one for each kind, a ConfigMap and values", len(files))
	}
	for name, want := range files {
		have, err := fs.ReadFile(repository, name)
		if err != nil {
			t.Error(err)
		} else if string(have) != want {
			t.Errorf("%s is stale: run `make generate`", name)
		}
	}
	for _, name := range []string{here + "/argocd-cm.yaml", here + "/values.yaml"} {
		for _, part := range []string{"health.gatewaytoken.io_GatewayToken:", "health.gatewaytoken.io_TokenIssuer:", "health.gatewaytoken.io_ClusterTokenIssuer:",
			"actions.gatewaytoken.io_GatewayToken:", "name: revoke-now", "name: rotate", "name: resume", "name: suspend"} {
			if !strings.Contains(files[name], part) {
				t.Errorf("%s lacks %q", name, part)
			}
		}
	}
}
