package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/controlplane"
)

// Stack is what one run has started.
type Stack struct {
	// Client is the administrator's. It caches nothing.
	Client client.WithWatch
	// Kubectl and Helm act as the administrator.
	Kubectl, Helm *Tool

	dir      string
	binaries binaries
	plane    *controlplane.ControlPlane
	stops    []func() error
	ports    int // how many were tried
}

// New finds the binaries and makes the directory of a run. Nothing is started yet.
func New(name string) (*Stack, error) {
	found, err := findBinaries()
	if err != nil {
		return nil, err
	}
	runs := filepath.Join(found.root, "bin", "run")
	if err := os.MkdirAll(runs, 0o750); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(runs, name+"-")
	if err != nil {
		return nil, err
	}
	s := &Stack{dir: dir, binaries: found}
	for _, sub := range []string{s.channels(), filepath.Join(dir, "home")} {
		if err := os.MkdirAll(sub, 0o700); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Dir is the directory of the run.
func (s *Stack) Dir() string { return s.dir }

// Root is the directory of the repository.
func (s *Stack) Root() string { return s.binaries.root }

func (s *Stack) channels() string { return filepath.Join(s.dir, "channels") }

// Channel is the path of a file for something that the product or a tool puts out: what is meant for people's eyes, and
// must not hold a secret.
func (s *Stack) Channel(name string) string { return filepath.Join(s.channels(), name) }

// Channels are the paths of all that was put out, the logs of the control plane included.
func (s *Stack) Channels() ([]string, error) {
	own, err := filepath.Glob(filepath.Join(s.channels(), "*"))
	if err != nil {
		return nil, err
	}
	logs, err := filepath.Glob(filepath.Join(s.dir, "control-plane", "*.log"))
	return append(own, logs...), err
}

// Append adds a piece of text to a channel.
func (s *Stack) Append(channel, text string) error { return appendTo(s.Channel(channel), text) }

// StartControlPlane starts etcd, kube-apiserver and kube-controller-manager.
func (s *Stack) StartControlPlane(ctx context.Context) error {
	plane, err := controlplane.Start(ctx, controlplane.Options{Dir: filepath.Join(s.dir, "control-plane"), Restartable: true})
	if err != nil {
		return err
	}
	s.plane = plane
	s.stops = append(s.stops, plane.Stop)
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return fmt.Errorf("scheme: %w", err)
	}
	config := plane.RESTConfig()
	config.QPS = -1 // no limit: a wait must end by what was found, not by the client's own patience
	if s.Client, err = client.NewWithWatch(config, client.Options{Scheme: scheme}); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	s.Kubectl = s.tool(s.binaries.kubectl, plane.AdminKubeconfig())
	s.Helm = s.tool(s.binaries.helm, plane.AdminKubeconfig())
	return nil
}

// StartNodes adds as many nodes to the control plane: from then on pods run, as far as the API server is told. Who wants to know what
// happens in them plays that.
func (s *Stack) StartNodes(ctx context.Context, count int) error {
	return s.plane.StartNodes(ctx, count)
}

// RestartAPIServer kills kube-apiserver and etcd, starts them again, and returns when the API server is ready.
func (s *Stack) RestartAPIServer(ctx context.Context) error { return s.plane.Restart(ctx) }

// Lists is how often anybody has listed objects of a resource in one namespace, as the API server counts them.
func (s *Stack) Lists(ctx context.Context, resource string) (int, error) {
	plane, err := kubernetes.NewForConfig(s.plane.RESTConfig())
	if err != nil {
		return 0, err
	}
	text, err := plane.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return 0, fmt.Errorf("metrics of the API server: %w", err)
	}
	var lists int
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "apiserver_request_total{") || !strings.Contains(line, `verb="LIST"`) ||
			!strings.Contains(line, `scope="namespace"`) || !strings.Contains(line, `resource="`+resource+`"`) {
			continue
		}
		count, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndex(line, " "):]), 64)
		if err != nil {
			return 0, fmt.Errorf("metrics of the API server: %w", err)
		}
		lists += int(count)
	}
	return lists, nil
}

// AdminKubeconfig is the path of the administrator's kubeconfig.
func (s *Stack) AdminKubeconfig() string { return s.plane.AdminKubeconfig() }

// Apply applies manifests as a GitOps tool does: on the server's side, so that no copy of them is left in an annotation.
func (s *Stack) Apply(ctx context.Context, manifests string) error {
	_, err := s.Kubectl.RunWith(ctx, manifests, "apply", "--server-side", "--filename=-")
	return err
}

// Stop ends everything that was started, last first. It may be called again.
func (s *Stack) Stop() error {
	var errs []error
	for _, stop := range slices.Backward(s.stops) {
		errs = append(errs, stop())
	}
	s.stops = nil
	return errors.Join(errs...)
}

// RemoveDir removes what the run left. The stack must be stopped.
func (s *Stack) RemoveDir() error { return os.RemoveAll(s.dir) }

// Secret reads a key of a Secret. What it holds gets into no channel.
func (s *Stack) Secret(ctx context.Context, namespace, name, key string) (string, error) {
	secret := &corev1.Secret{}
	if err := s.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, secret); err != nil {
		return "", err
	}
	if len(secret.Data[key]) == 0 {
		return "", fmt.Errorf("expected a value under the key %s of Secret %s/%s, found none", key, namespace, name)
	}
	return string(secret.Data[key]), nil
}
