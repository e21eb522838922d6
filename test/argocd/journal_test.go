package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
)

// version is a version of an Application.
func version(number, sync, began string, differ ...string) *unstructured.Unstructured {
	var resources []any
	for _, name := range differ {
		resources = append(resources, map[string]any{"kind": "GatewayToken", "name": name, "status": "OutOfSync"})
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": map[string]any{"name": "mediator", "resourceVersion": number},
		"status": map[string]any{
			"sync": map[string]any{"status": sync}, "operationState": map[string]any{"startedAt": began}, "resources": resources,
		},
	}}
}

func TestJournal(t *testing.T) {
	tests := map[string]struct {
		reason string
		seen   []*unstructured.Unstructured
		want   entries
	}{
		"Quiet": {
			reason: "versions that tell nothing new are no entries",
			seen:   []*unstructured.Unstructured{version("1", "Synced", "10:00"), version("2", "Synced", "10:00")},
			want:   entries{operations: []string{"10:00"}},
		},
		"Differs": {
			reason: "a difference that lasts is one entry, and one that comes again is another",
			seen: []*unstructured.Unstructured{
				version("1", "OutOfSync", "10:00", "a"), version("2", "OutOfSync", "10:00", "a"), version("3", "Synced", "10:00"), version("4", "OutOfSync", "10:00", "c", "b"),
			},
			want: entries{outOfSync: []string{"GatewayToken/a", "GatewayToken/b, GatewayToken/c"}, operations: []string{"10:00"}},
		},
		"Synced": {
			reason: "each operation is one entry, however often it is seen",
			seen:   []*unstructured.Unstructured{version("1", "Synced", "10:00"), version("2", "Synced", "10:01"), version("3", "Synced", "10:01")},
			want:   entries{operations: []string{"10:00", "10:01"}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			j := &journal{}
			for _, seen := range tc.seen {
				j.learn(watch.Modified, seen)
			}
			got, err := j.upTo(tc.seen[len(tc.seen)-1].GetResourceVersion())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(entries{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if _, err := j.upTo("0"); err == nil {
				t.Error("a version that was not the last one seen was taken for it")
			}
		})
	}
}
