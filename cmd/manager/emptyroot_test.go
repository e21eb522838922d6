package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/controlplane"
)

// The image holds the binary and nothing else: no shell, no libc, no certificate authorities, no time zones, no /tmp. So the
// binary is started here in a root that holds nothing else either, against a real API server, as an unprivileged user.
func TestStartsInAnEmptyRoot(t *testing.T) {
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(root, "manager"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	plane, err := controlplane.Start(t.Context(), controlplane.Options{Dir: filepath.Join(t.TempDir(), "plane")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := plane.InstallCRDs(); err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(plane.AdminKubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "kubeconfig"), config, 0o644); err != nil {
		t.Fatal(err)
	}
	probe := freeAddress(t)
	var out bytes.Buffer
	manager := exec.Command("/manager", "--kubeconfig=/kubeconfig", "--cluster-resource-namespace=default",
		"--metrics-bind-address=0", "--health-probe-bind-address="+probe)
	manager.Dir, manager.Env, manager.Stdout, manager.Stderr = "/", []string{}, &out, &out
	manager.SysProcAttr = confine(root)
	if err := manager.Start(); err != nil {
		t.Skipf("this machine lets nobody change the root directory of a process: %v", err)
	}
	ready := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		return answers(ctx, "http://"+probe+"/readyz"), nil
	})
	if err := manager.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("the operator is gone already: %v", err)
	}
	if err := manager.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit 0", err)
	}
	if ready != nil {
		t.Error("the operator was not ready within a minute")
	}
	if t.Failed() {
		t.Logf("the operator's log:\n%s", out.String())
	}
}

// confine gives a process an empty root and an unprivileged user.
func confine(root string) *syscall.SysProcAttr {
	const nobody = 65532
	if os.Geteuid() == 0 {
		return &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	return &syscall.SysProcAttr{
		Chroot: root, Cloneflags: syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return fmt.Sprint(listener.Addr())
}

func answers(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := (&http.Client{}).Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode == http.StatusOK
}
