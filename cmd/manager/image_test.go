package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/controlplane"
)

// The image holds the binary and nothing else: no shell, no libc, no certificate authorities, no time zones, no /tmp. Here it is
// built, unpacked, and started as its config says, in a root that holds nothing else, as an unprivileged user who can write
// nothing, against a real API server.
func TestStartsFromTheImage(t *testing.T) {
	root := t.TempDir()
	config := unpackImage(t, buildImage(t), root)
	if len(config.Entrypoint) == 0 {
		t.Fatal("the image has no entrypoint, and the chart gives arguments only")
	}
	t.Run("version", func(t *testing.T) {
		out, err := output(t, config.command(root, "version"))
		if want := "gateway-token-operator " + imageVersion + " "; err != nil || !strings.HasPrefix(string(out), want) {
			t.Errorf("got %q (%v), want %s", out, err, want)
		}
	})
	t.Run("no cluster", func(t *testing.T) {
		out, err := output(t, config.command(root, "--cluster-resource-namespace=default"))
		if err == nil || !strings.Contains(string(out), "error: find the cluster (in the Pod, by --kubeconfig or $KUBECONFIG)") {
			t.Errorf("got %q (%v), want what is missing", out, err)
		}
	})
	t.Run("no API server", func(t *testing.T) {
		kubeconfig := "apiVersion: v1\nkind: Config\nclusters: [{name: a, cluster: {server: 'https://" + freeAddress(t) + "'}}]\n" +
			"contexts: [{name: a, context: {cluster: a}}]\ncurrent-context: a\n"
		if err := os.WriteFile(filepath.Join(root, "kubeconfig"), []byte(kubeconfig), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := output(t, config.command(root, "--kubeconfig=/kubeconfig", "--cluster-resource-namespace=default",
			"--metrics-bind-address=0", "--health-probe-bind-address=0"))
		if err == nil || !strings.Contains(string(out), "connection refused") {
			t.Errorf("got %q (%v), want that nothing answers", out, err)
		}
	})
	t.Run("cluster", func(t *testing.T) { startOnCluster(t, config, root) })
}

// output runs a command to its end, where the machine allows its confinement.
func output(t *testing.T, command *exec.Cmd) ([]byte, error) {
	t.Helper()
	out, err := command.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skipf("this machine lets nobody change the root directory of a process: %v", err)
	}
	return out, err
}

func startOnCluster(t *testing.T, config imageConfig, root string) {
	t.Helper()
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
	kubeconfig, err := os.ReadFile(plane.AdminKubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "kubeconfig"), kubeconfig, 0o644); err != nil {
		t.Fatal(err)
	}
	probe := freeAddress(t)
	var out bytes.Buffer
	manager := config.command(root, "--kubeconfig=/kubeconfig", "--cluster-resource-namespace=default",
		"--metrics-bind-address=0", "--health-probe-bind-address="+probe)
	manager.Stdout, manager.Stderr = &out, &out
	if err := manager.Start(); errors.Is(err, syscall.EPERM) {
		t.Skipf("this machine lets nobody change the root directory of a process: %v", err)
	} else if err != nil {
		t.Fatal(err)
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
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 {
		t.Errorf("the operator left something in its root, which the chart mounts read-only: %v", entries)
	}
	if t.Failed() {
		t.Logf("the operator's log:\n%s", out.String())
	}
}

// confine gives a process a root of its own and an unprivileged user.
func confine(root string, uid, gid uint32) *syscall.SysProcAttr {
	if os.Geteuid() == 0 {
		return &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: uid, Gid: gid}}
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
