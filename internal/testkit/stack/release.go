package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// Where the chart is installed, and as what.
const (
	ReleaseName      = "gateway-token-operator"
	ReleaseNamespace = "gateway-token-system"
)

// Release is an installed chart of the operator, as far as it tells how the operator is to be run.
type Release struct {
	Namespace, Name, ServiceAccount string
	// Args are the container's, with the variables in them expanded.
	Args []string
}

// Chart is the path of a chart of the repository.
func (s *Stack) Chart(name string) string { return filepath.Join(s.Root(), "charts", name) }

// InstallChart installs the operator's chart by Helm with the values (as in --set) and reads back from the cluster
// what the Deployment says.
func (s *Stack) InstallChart(ctx context.Context, values ...string) (Release, error) {
	args := []string{"install", ReleaseName, s.Chart(ReleaseName), "--namespace", ReleaseNamespace, "--create-namespace"}
	for _, value := range values {
		args = append(args, "--set", value)
	}
	if _, err := s.Helm.Run(ctx, args...); err != nil {
		return Release{}, err
	}
	return s.ReadRelease(ctx, ReleaseNamespace, ReleaseName)
}

// ReadRelease reads from the cluster what the Deployment of a release says that has its name.
func (s *Stack) ReadRelease(ctx context.Context, namespace, name string) (Release, error) {
	text, err := s.Kubectl.Run(ctx, "--namespace", namespace, "get", "deployment", name, "--output=json")
	if err != nil {
		return Release{}, err
	}
	var deployment appsv1.Deployment
	if err := json.Unmarshal([]byte(text), &deployment); err != nil {
		return Release{}, fmt.Errorf("read the Deployment: %w", err)
	}
	pod := deployment.Spec.Template.Spec
	return Release{Namespace: namespace, Name: name, ServiceAccount: pod.ServiceAccountName, Args: expand(namespace, pod.Containers[0])}, nil
}

// expand puts variables into a container's arguments, as the kubelet does. Of fields of the pod it knows the namespace.
func expand(namespace string, container corev1.Container) []string {
	var pairs []string
	for _, variable := range container.Env {
		value := variable.Value
		if from := variable.ValueFrom; from != nil && from.FieldRef != nil && from.FieldRef.FieldPath == "metadata.namespace" {
			value = namespace
		}
		pairs = append(pairs, "$("+variable.Name+")", value)
	}
	replacer := strings.NewReplacer(pairs...)
	args := make([]string, 0, len(container.Args))
	for _, arg := range container.Args {
		args = append(args, replacer.Replace(arg))
	}
	return args
}
