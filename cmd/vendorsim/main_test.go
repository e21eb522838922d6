package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// started passes on that the simulator has written its log line, that is that it serves.
type started chan struct{}

func (s started) Write(line []byte) (int, error) {
	close(s)
	return len(line), nil
}

func TestRunServesUntilTold(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by", "it")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	serving, ended := make(started), make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{
			"--state-dir", dir, "--causely-client-id", "id", "--causely-client-secret", "secret",
			"--causely-project-id", "project", "--rackgateway-token", "rgw_flag", "--causeloop-token", "clp_flag",
			"--causeloop-machine-token", "clp_machine",
			"--pingone-client-id", "pid", "--pingone-client-secret", "psecret", "--pingone-environment-id", "penv",
			"--pingone-gateway-id", "pgw",
		}, serving)
	}()
	select {
	case <-serving:
	case err := <-ended:
		t.Fatalf("it ended: %v", err)
	}
	state := func(name string) string {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(content))
	}
	if pid := state("pid"); pid != strconv.Itoa(os.Getpid()) {
		t.Errorf("pid is %s", pid)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(state("ca.crt"))) {
		t.Fatal("ca.crt holds no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	for _, call := range []struct{ method, path, authorization, contentType, body string }{
		{"POST", "/frontegg/identity/resources/auth/v2/api-token", "", "application/json", `{"clientId":"id","secret":"secret"}`},
		{"GET", "/api/v1/api-tokens", "Bearer rgw_flag", "", ""},
		{"GET", "/v1/api-tokens", "Bearer clp_flag", "", ""},
		{"GET", "/v1/service-accounts", "Bearer clp_machine", "", ""},
		{"POST", "/penv/as/token", "Basic cGlkOnBzZWNyZXQ=", "application/x-www-form-urlencoded", "grant_type=client_credentials"},
		{"DELETE", "/sim/pingone/environments/penv/gateways/pgw", "", "", ""},
	} {
		request, err := http.NewRequestWithContext(t.Context(), call.method, state("url")+call.path, strings.NewReader(call.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", call.contentType)
		request.Header.Set("Authorization", call.authorization)
		response, err := (&http.Client{Transport: transport}).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s with the credential of the flags: %s", call.path, response.Status)
		}
	}

	stop()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "ca.crt" {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

func TestRunRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason string
		args   []string
	}{
		"UnknownFlag":   {reason: "a flag must exist", args: []string{"--nope"}},
		"Argument":      {reason: "there are no arguments", args: []string{"causely"}},
		"AllAddresses":  {reason: "the admin API is for this machine only", args: []string{"--listen", "0.0.0.0:0"}},
		"NoSecret":      {reason: "a credential is whole", args: []string{"--causely-client-secret", ""}},
		"NoGateway":     {reason: "a gateway has an ID", args: []string{"--pingone-gateway-id", ""}},
		"NoMemberToken": {reason: "a credential is there", args: []string{"--causeloop-token", ""}},
		"NoMachine":     {reason: "a credential is there", args: []string{"--causeloop-machine-token", ""}},
		"NoToken":       {reason: "a credential is there", args: []string{"--rackgateway-token", ""}},
		"StateIsNoDir":  {reason: "the state directory is one", args: []string{"--state-dir", file}},
		"StateInNoDir":  {reason: "the state directory can be made", args: []string{"--state-dir", filepath.Join(file, "x")}},
		"HelpIsNoStart": {reason: "help is all that --help gives", args: []string{"--help"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := run(t.Context(), tc.args, io.Discard); err == nil {
				t.Errorf("%s: no error", tc.reason)
			}
		})
	}
}
