package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// errNotRestartable says that Start was not told that there would be a restart.
var errNotRestartable = errors.New("the control plane was not started with the option Restartable")

// noted gives a program that notes its process ID and becomes the binary: envtest starts etcd and kube-apiserver, and does not tell
// which processes they are.
func (c *ControlPlane) noted(binaries assets, name string) (string, error) {
	path := filepath.Join(c.dir, name+".sh")
	script := fmt.Sprintf("#!/bin/sh\necho $$ >%s\nexec %s \"$@\"\n", quoted(c.pidFile(name)), quoted(binaries.path(name)))
	return path, os.WriteFile(path, []byte(script), 0o700)
}

func (c *ControlPlane) pidFile(name string) string { return filepath.Join(c.dir, name+".pid") }

// quoted is a text as the shell takes it literally.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// Restart kills kube-apiserver and etcd (SIGKILL) and starts them again, on the same data and the same ports. It returns when the API
// server is ready. The other processes run on, and find it again by themselves, as every client must. Not to be called at the
// same time as Stop.
func (c *ControlPlane) Restart(ctx context.Context) error {
	if !c.restartable {
		return errNotRestartable
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := errors.Join(c.killNoted(ctx, "kube-apiserver"), c.killNoted(ctx, "etcd")); err != nil {
		return fmt.Errorf("restarting the control plane: %w", err)
	}
	// Both keep the ports, certificates and directories that they have.
	plane := &c.environment.ControlPlane
	if err := plane.Etcd.Start(); err != nil {
		return fmt.Errorf("restarting etcd: %w", err)
	}
	if err := plane.APIServer.Start(); err != nil {
		return fmt.Errorf("restarting kube-apiserver: %w", err)
	}
	return c.awaitReady(ctx)
}

// killNoted kills the process that noted its ID, and returns when nothing of it is left.
func (c *ControlPlane) killNoted(ctx context.Context, name string) error {
	text, err := os.ReadFile(c.pidFile(name))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("process ID of %s: %w", name, err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("killing %s: %w", name, err)
	}
	err = wait.PollUntilContextCancel(ctx, pollInterval/10, true, func(context.Context) (bool, error) {
		return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH), nil
	})
	if err != nil {
		return fmt.Errorf("waiting for the end of %s: %w", name, err)
	}
	return nil
}

// awaitReady returns when the API server says that all of it is ready: it serves earlier, with kinds missing.
func (c *ControlPlane) awaitReady(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(c.config)
	if err != nil {
		return err
	}
	var missing error
	err = wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		_, missing = client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		return missing == nil, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for kube-apiserver: %w", errors.Join(err, missing))
	}
	return nil
}
