package controlplane

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// stages say what nodes and their pods do.
//
//go:embed kwok.yaml
var stages []byte

// StartNodes starts kube-scheduler, and kwok, which plays as many nodes, and returns when pods can be scheduled on them. Pods then run,
// are ready unless they have a readiness gate, and go when they are deleted; nothing is executed. It is called once at most. Stop
// ends both with the rest. When it fails, what it started runs until Stop.
func (c *ControlPlane) StartNodes(ctx context.Context, count int) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	binaries, err := findNodeAssets()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(c.config)
	if err != nil {
		return fmt.Errorf("starting nodes: %w", err)
	}
	if err := errors.Join(c.startScheduler(binaries), c.startKwok(binaries)); err != nil {
		return fmt.Errorf("starting nodes: %w", err)
	}
	for number := range count {
		if err := c.addNode(ctx, client, fmt.Sprintf("node-%d", number+1)); err != nil {
			return fmt.Errorf("starting nodes: %w", err)
		}
	}
	return nil
}

// startScheduler starts kube-scheduler as the administrator. Like kube-controller-manager it serves nothing.
func (c *ControlPlane) startScheduler(binaries assets) error {
	return c.startHelper(binaries, "kube-scheduler",
		"--kubeconfig="+c.AdminKubeconfig(),
		"--bind-address=127.0.0.1",
		"--secure-port=0",
		"--leader-elect=false",
		"--profiling=false",
		"--kube-api-qps=200",
		"--kube-api-burst=400",
	)
}

// startKwok starts kwok as the administrator. It serves nothing as long as it is given no port.
func (c *ControlPlane) startKwok(binaries assets) error {
	config := filepath.Join(c.dir, "kwok.yaml")
	if err := os.WriteFile(config, stages, 0o600); err != nil {
		return err
	}
	return c.startHelper(binaries, "kwok",
		"--kubeconfig="+c.AdminKubeconfig(),
		"--config="+config,
		"--manage-all-nodes=true",
		// Nobody here judges nodes by their Leases.
		"--node-lease-duration-seconds=0",
	)
}

func (c *ControlPlane) startHelper(binaries assets, name string, args ...string) error {
	log, err := c.createLog(name)
	if err != nil {
		return err
	}
	started, err := startProcess(binaries.path(name), log, args...)
	if err == nil {
		c.helpers = append(c.helpers, started)
	}
	return err
}

// addNode adds a node and returns when kwok has made it ready and pods may be put on it.
func (c *ControlPlane) addNode(ctx context.Context, client kubernetes.Interface, name string) error {
	nodes := client.CoreV1().Nodes()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name}}}
	if _, err := nodes.Create(ctx, node, metav1.CreateOptions{}); err != nil {
		return err
	}
	var missing error
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		for _, helper := range c.helpers {
			if ended := helper.ended(); ended != nil {
				return false, ended
			}
		}
		if node, missing = nodes.Get(ctx, name, metav1.GetOptions{}); missing == nil {
			missing = nodeReady(node)
		}
		return missing == nil, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for %s: %w", name, errors.Join(err, missing))
	}
	// The API server taints nodes that are new. Only the controller that judges nodes by their heartbeats would take that back, and
	// it does not run.
	node.Spec.Taints = nil
	_, err = nodes.Update(ctx, node, metav1.UpdateOptions{})
	return err
}

func nodeReady(node *corev1.Node) error {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue && node.Status.Allocatable.Pods().Cmp(resource.Quantity{}) > 0 {
			return nil
		}
	}
	return errors.New("not ready")
}
