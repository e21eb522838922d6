package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/steps"
)

// beginning starts everything.
func (e *e2e) beginning() steps.Chapter {
	return steps.Chapter{Title: "A cluster, a vendor, the operator and Argo CD", Steps: []steps.Step{
		steps.Do("etcd, kube-apiserver and kube-controller-manager start, kube-scheduler, and kwok with two nodes: pods run", steps.Both(
			e.stack.StartControlPlane, func(ctx context.Context) error { return e.stack.StartNodes(ctx, 2) })),
		steps.Do("a simulator of Causely starts, which knows credentials", func(ctx context.Context) (err error) {
			e.vendor, err = e.stack.StartSimulator(ctx, "vendorsim", e.accounts)
			return err
		}),
		steps.Do("helm install: the operator's chart; the operator starts with a token of the chart's ServiceAccount", e.startOperator),
		steps.Check("the operator is ready and leads", func(ctx context.Context) error { return e.operator.AwaitLeader(ctx) }),
		steps.Do("kubectl apply: Argo CD's CRDs and settings in namespace "+argoNamespace, e.installArgo),
		steps.Do("kubectl patch configmap argocd-cm: config/argocd/argocd-cm.yaml, which has health and actions of our kinds", e.patchSettings),
		steps.Do("argocd-repo-server, argocd-server and argocd-application-controller start, with a Redis on loopback", e.startArgo),
		steps.Check("all three are healthy", soon(func(ctx context.Context) error { return e.argo.isHealthy(ctx) })),
		steps.Check("argocd version: command line and server are of one version, the pinned one", e.isPinned),
		steps.Do("git init: a repository with examples/, and test/argocd/overlay, which leads the example to the simulator", e.initRepository),
	}}
}

func (e *e2e) startOperator(ctx context.Context) error {
	// No node runs the pod: the binary is started beside the cluster. Loopback is where the simulated vendor is.
	release, err := e.stack.InstallChart(ctx, "logLevel=5", "allowCIDRs={127.0.0.0/8,::1/128}")
	if err != nil {
		return err
	}
	fmt.Fprintf(e.report.Out, "        lowered, so that nobody has to wait for minutes: %s\n", strings.Join(stack.ShortSettings(), " "))
	e.operator, err = e.stack.StartOperator(ctx, release, stack.ShortSettings()...)
	if err != nil {
		return err
	}
	e.observer = e.stack.Observe(ctx, e.operator, time.Second)
	return nil
}

func (e *e2e) installArgo(ctx context.Context) error {
	return steps.Both(
		e.kubectl("create", "namespace", argoNamespace),
		e.kubectl("apply", "--server-side", "--kustomize", filepath.Join(e.programs.manifests, "crds")),
		e.kubectl("apply", "--server-side", "--namespace", argoNamespace, "--kustomize", filepath.Join(e.programs.manifests, "base", "config")),
		e.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd/applications.argoproj.io", "crd/appprojects.argoproj.io"),
	)(ctx)
}

// patchSettings adds what the product ships for Argo CD to the settings that Argo CD comes with.
func (e *e2e) patchSettings(ctx context.Context) error {
	return e.kubectl("--namespace", argoNamespace, "patch", "configmap", "argocd-cm", "--type=merge",
		"--patch-file", filepath.Join(e.stack.Root(), "config", "argocd", "argocd-cm.yaml"))(ctx)
}

func (e *e2e) startArgo(ctx context.Context) (err error) {
	fmt.Fprintf(e.report.Out, "        lowered: %s\n", strings.Join(loweredArgo(), " "))
	if e.argo, err = newArgo(e.stack, e.programs); err != nil {
		return err
	}
	if err := e.argo.startRedis(); err != nil {
		return err
	}
	if err := e.argo.start(ctx); err != nil {
		return err
	}
	e.argo.connect()
	e.startJournal(ctx)
	return nil
}

func (e *e2e) startJournal(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	e.journal = &journal{stop: func() {
		cancel()
		<-done
	}}
	list := &unstructured.UnstructuredList{}
	kind := applicationKind()
	kind.Kind += "List"
	list.SetGroupVersionKind(kind)
	go func() {
		defer close(done)
		stack.Follow(ctx, e.stack.Client, list, e.journal.learn)
	}()
}

// isPinned compares what runs with the version whose manifests were applied.
func (e *e2e) isPinned(ctx context.Context) error {
	text, err := e.argo.cli.Run(ctx, "version", "--short")
	if err != nil {
		return err
	}
	pinned, err := os.ReadFile(filepath.Join(filepath.Dir(e.programs.manifests), "VERSION"))
	if err != nil {
		return err
	}
	fmt.Fprintf(e.report.Out, "        %s\n", strings.Join(strings.Fields(text), " "))
	if want := "v" + strings.TrimSpace(string(pinned)); strings.Count(text, want) != 2 {
		return fmt.Errorf("expected command line and server to be of version %s, found %s", want, text)
	}
	return nil
}

func (e *e2e) initRepository(ctx context.Context) (err error) {
	account := e.accounts.Causely
	e.git, err = newRepository(ctx, e.stack, e.programs.git, map[string]string{
		"clientID": account.ClientID, "clientSecret": account.Secret, "ca": e.vendor.CA, "url": e.vendor.URL, "authURL": e.vendor.AuthURL(),
	})
	return err
}
