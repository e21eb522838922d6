package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/steps"
)

// applyApplication applies the example's Application, led to the repository on disk.
func (e *e2e) applyApplication(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(e.stack.Root(), "examples", "argocd", "application.yaml"))
	if err != nil {
		return err
	}
	manifest, err := pointed(text, e.git.url())
	if err != nil {
		return err
	}
	_, err = e.stack.Kubectl.RunWith(ctx, string(manifest), "apply", "--filename=-")
	return err
}

// pointed leads the example's Application to another repository, in which the overlay is what is synced, and has a failed sync tried
// again within seconds.
func pointed(example []byte, url string) ([]byte, error) {
	var content map[string]any
	if err := yaml.Unmarshal(example, &content); err != nil {
		return nil, err
	}
	sources, _, err := unstructured.NestedSlice(content, "spec", "sources")
	if err != nil {
		return nil, err
	}
	var found bool
	for _, one := range sources {
		source, isMap := one.(map[string]any)
		if !isMap {
			return nil, errors.New("expected a source to be an object")
		}
		source["repoURL"] = url
		if source["path"] == "examples/argocd/token" {
			source["path"], found = "overlay", true
		}
	}
	if !found {
		return nil, errors.New("expected the Application to sync examples/argocd/token, found no such source")
	}
	err = errors.Join(
		unstructured.SetNestedSlice(content, sources, "spec", "sources"),
		unstructured.SetNestedField(content, "1s", "spec", "syncPolicy", "retry", "backoff", "duration"),
		unstructured.SetNestedField(content, "5s", "spec", "syncPolicy", "retry", "backoff", "maxDuration"))
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(content)
}

// commits changes the repository and has Argo CD look at it. An operation that waits for something that the commit before asked for would
// have it wait, too: it is terminated, as a person does who has mended something.
func (e *e2e) commits(message string, change func() error) steps.Step {
	return steps.Do("git commit: "+message, func(ctx context.Context) error {
		if err := change(); err != nil {
			return err
		}
		revision, err := e.git.commit(ctx, message)
		if err != nil {
			return err
		}
		if err := e.argo.refresh(ctx); err != nil {
			return err
		}
		return soon(func(ctx context.Context) error { return e.isTaken(ctx, revision) })(ctx)
	})
}

// isTaken holds once an operation for the revision has begun, or nothing was to be done for it.
func (e *e2e) isTaken(ctx context.Context, revision string) error {
	_, found, err := e.application(ctx)
	if err != nil {
		return err
	}
	if found.isOf(revision) {
		return nil
	}
	if found.running() {
		fmt.Fprintln(e.report.Out, "        argocd app terminate-op "+application+": the sync of the commit before still waits")
		// It may have come to its end meanwhile.
		_ = e.argo.run("app", "terminate-op", application)(ctx)
		if err := stack.Await(ctx, patience, func(ctx context.Context) error {
			_, found, err := e.application(ctx)
			if err == nil && found.running() && !found.isOf(revision) {
				err = errors.New("expected the operation to end, found that it goes on")
			}
			return err
		}); err != nil {
			return err
		}
	}
	return fmt.Errorf("expected a sync of %s, found %s of %v: %s", revision, found.OperationState.Phase, found.OperationState.Operation.Sync.Revisions, found.OperationState.Message)
}

// isSynced holds when the Application is as in Git, its operation has succeeded, and it is healthy.
func (e *e2e) isSynced(ctx context.Context) error {
	_, found, err := e.application(ctx)
	if err != nil {
		return err
	}
	if found.Sync.Status != "Synced" || found.Health.Status != "Healthy" || found.OperationState.Phase != "Succeeded" {
		return fmt.Errorf("expected the Application to be Synced and Healthy and its sync to have succeeded; found %s (%s), %s, %s: %s %+v",
			found.Sync.Status, found.outOfSync(), found.Health.Status, found.OperationState.Phase, found.OperationState.Message, found.Conditions)
	}
	return nil
}

// hasHealth holds when the Application as a whole has a health.
func (e *e2e) hasHealth(want string) condition {
	return func(ctx context.Context) error {
		_, found, err := e.application(ctx)
		if err == nil && found.Health.Status != want {
			err = fmt.Errorf("expected the Application to be %s, found %s", want, found.Health.Status)
		}
		return err
	}
}

// shows holds when Argo CD shows an object with a health, and says a word with it.
func (e *e2e) shows(kind, name, want, says string) condition {
	return func(ctx context.Context) error {
		nodes, err := e.argo.nodes(ctx)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(nodes, func(n node) bool { return n.Kind == kind && n.Name == name })
		if at < 0 {
			return fmt.Errorf("expected Argo CD to show %s/%s, found %+v", kind, name, nodes)
		}
		return nodes[at].has(want, says)
	}
}

// hardRefreshes has Argo CD render and compare everything anew, as many times.
func (e *e2e) hardRefreshes(times int) condition {
	return func(ctx context.Context) error {
		for range times {
			if err := e.argo.run("app", "get", application, "--hard-refresh")(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}
