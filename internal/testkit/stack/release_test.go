package stack

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestExpand(t *testing.T) {
	got := expand(ReleaseNamespace, corev1.Container{
		Args: []string{"--leader-elect", "--namespace=$(POD_NAMESPACE)", "--proxy=$(PROXY)", "--other=$(UNKNOWN)"},
		Env: []corev1.EnvVar{
			{Name: "POD_NAMESPACE", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.namespace"}}},
			{Name: "PROXY", Value: "example.com"},
		},
	})
	want := []string{"--leader-elect", "--namespace=" + ReleaseNamespace, "--proxy=example.com", "--other=$(UNKNOWN)"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("arguments, as the kubelet expands them (-want +got):\n%s", diff)
	}
}
