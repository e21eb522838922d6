package controlplane

import (
	"os"
	"path/filepath"
	"strings"
)

// controllers returns those that this project has a use for: deletion of
// namespaces and dependents, identities, aggregated ClusterRoles, and Deployments
// down to their pods. The rest would only make a small machine slower. Of a bare
// control plane it is deletion alone.
func controllers(bare bool) []string {
	deletion := []string{"namespace-controller", "garbage-collector-controller"}
	if bare {
		return deletion
	}
	return append(deletion,
		"serviceaccount-controller",
		"serviceaccount-token-controller",
		"root-ca-certificate-publisher-controller",
		"clusterrole-aggregation-controller",
		"deployment-controller",
		"replicaset-controller",
	)
}

// startControllerManager starts kube-controller-manager as the administrator.
// It serves nothing: port 0 switches its server off, and readiness is judged by
// what its controllers do.
func (c *ControlPlane) startControllerManager(binaries assets, bare bool) error {
	server := c.environment.ControlPlane.GetAPIServer()
	rootCA := filepath.Join(c.dir, "root-ca.crt")
	if err := os.WriteFile(rootCA, c.config.CAData, 0o600); err != nil {
		return err
	}
	log, err := c.createLog("kube-controller-manager")
	if err != nil {
		return err
	}
	c.manager, err = startProcess(binaries.path("kube-controller-manager"), log,
		"--kubeconfig="+c.AdminKubeconfig(),
		"--bind-address=127.0.0.1",
		"--secure-port=0",
		"--leader-elect=false",
		"--profiling=false",
		"--controllers="+strings.Join(controllers(bare), ","),
		"--root-ca-file="+rootCA,
		// The key envtest gave to the API server, under the name it has there.
		"--service-account-private-key-file="+filepath.Join(server.CertDir, "sa-signer.key"),
		"--kube-api-qps=200",
		"--kube-api-burst=400",
	)
	return err
}
