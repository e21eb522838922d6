package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// applicationKind is Argo CD's Application.
func applicationKind() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "argoproj.io", Version: "v1alpha1", Kind: "Application"}
}

// status is what Argo CD says of an Application, as far as it matters here.
type status struct {
	Sync struct {
		Status    string   `json:"status"`
		Revisions []string `json:"revisions"`
	} `json:"sync"`
	Health struct {
		Status string `json:"status"`
	} `json:"health"`
	OperationState struct {
		Phase     string `json:"phase"`
		Message   string `json:"message"`
		StartedAt string `json:"startedAt"`
		// Operation is what was asked for.
		Operation struct {
			Sync struct {
				Revisions []string `json:"revisions"`
			} `json:"sync"`
		} `json:"operation"`
	} `json:"operationState"`
	Conditions []struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	} `json:"conditions"`
	Resources []struct {
		Kind   string `json:"kind"`
		Name   string `json:"name"`
		Status string `json:"status"`
	} `json:"resources"`
}

// statusOf reads the status of an Application.
func statusOf(object client.Object) (status, error) {
	var read struct {
		Status status `json:"status"`
	}
	application, isUnstructured := object.(*unstructured.Unstructured)
	if !isUnstructured {
		return read.Status, fmt.Errorf("expected an Application, found %T", object)
	}
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(application.Object, &read)
	return read.Status, err
}

// outOfSync names the objects that differ from Git.
func (s status) outOfSync() string {
	var differ []string
	for _, resource := range s.Resources {
		if resource.Status == "OutOfSync" {
			differ = append(differ, resource.Kind+"/"+resource.Name)
		}
	}
	slices.Sort(differ)
	return strings.Join(differ, ", ")
}

// isOf tells whether the last operation, which may go on, is one of the revision.
func (s status) isOf(revision string) bool {
	return slices.Contains(s.OperationState.Operation.Sync.Revisions, revision)
}

// running tells whether an operation goes on.
func (s status) running() bool { return s.OperationState.Phase == "Running" }

// entries are what a journal has: each time that the Application differed from Git, with what did, and each operation, by when it began.
type entries struct{ outOfSync, operations []string }

// journal notes what Argo CD says of the Application, version by version.
type journal struct {
	stop func()

	guard   sync.Mutex
	noted   entries
	differs bool
	version string
}

// learn is told of every version of the Application, in order.
func (j *journal) learn(event watch.EventType, object client.Object) {
	seen, err := statusOf(object)
	if err != nil || event == watch.Deleted {
		return
	}
	j.guard.Lock()
	defer j.guard.Unlock()
	j.version = object.GetResourceVersion()
	differs := seen.Sync.Status == "OutOfSync"
	if differs && !j.differs {
		j.noted.outOfSync = append(j.noted.outOfSync, seen.outOfSync())
	}
	j.differs = differs
	if began := seen.OperationState.StartedAt; began != "" && !slices.Contains(j.noted.operations, began) {
		j.noted.operations = append(j.noted.operations, began)
	}
}

// upTo gives what was noted, once the version is among it.
func (j *journal) upTo(version string) (entries, error) {
	j.guard.Lock()
	defer j.guard.Unlock()
	if j.version != version {
		return entries{}, fmt.Errorf("expected the journal to have version %s of the Application, found %s", version, j.version)
	}
	return entries{outOfSync: slices.Clone(j.noted.outOfSync), operations: slices.Clone(j.noted.operations)}, nil
}

// application reads the Application.
func (e *e2e) application(ctx context.Context) (*unstructured.Unstructured, status, error) {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(applicationKind())
	if err := e.stack.Client.Get(ctx, client.ObjectKey{Namespace: argoNamespace, Name: application}, object); err != nil {
		return nil, status{}, err
	}
	found, err := statusOf(object)
	return object, found, err
}

// entriesNow are what the journal has when it knows the Application as it is.
func (e *e2e) entriesNow(ctx context.Context) (now entries, err error) {
	return now, soon(func(ctx context.Context) error {
		object, _, err := e.application(ctx)
		if err != nil {
			return err
		}
		now, err = e.journal.upTo(object.GetResourceVersion())
		return err
	})(ctx)
}

// remembers takes note of what the journal has now.
func (e *e2e) remembers(ctx context.Context) (err error) {
	e.before, err = e.entriesNow(ctx)
	return err
}

// nothingHappened holds when the Application has neither differed from Git nor been synced since the journal was last looked at.
func (e *e2e) nothingHappened(ctx context.Context) error {
	now, err := e.entriesNow(ctx)
	if err != nil {
		return err
	}
	if differed := now.outOfSync[len(e.before.outOfSync):]; len(differed) > 0 {
		return fmt.Errorf("expected the Application to be in sync all the time, found that these differed from Git: %s", strings.Join(differed, "; "))
	}
	if began := now.operations[len(e.before.operations):]; len(began) > 0 {
		return fmt.Errorf("expected no sync, found one that began at %s", strings.Join(began, ", "))
	}
	return nil
}
