package controlplane

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/ptr"
)

// serviceAccountTokenLife outlives every test and a few days of `make dev`:
// nothing renews a token that stands in a kubeconfig.
const serviceAccountTokenLife = 7 * 24 * time.Hour

// AdminKubeconfig is the path of a kubeconfig of the administrator (system:masters).
func (c *ControlPlane) AdminKubeconfig() string { return filepath.Join(c.dir, "admin.kubeconfig") }

func (c *ControlPlane) writeAdminKubeconfig() error {
	return os.WriteFile(c.AdminKubeconfig(), c.environment.KubeConfig, 0o600)
}

// KubeconfigForServiceAccount asks the API server for a token of an existing
// ServiceAccount (TokenRequest, valid for seven days) and returns the path of a
// kubeconfig that uses it: whoever takes it may do what RBAC grants, no more. The
// namespace of the ServiceAccount is its default namespace. A repeated call
// replaces the file.
func (c *ControlPlane) KubeconfigForServiceAccount(ctx context.Context, namespace, name string) (string, error) {
	client, err := kubernetes.NewForConfig(c.config)
	if err != nil {
		return "", fmt.Errorf("kubeconfig for ServiceAccount %s/%s: %w", namespace, name, err)
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: ptr.To(int64(serviceAccountTokenLife.Seconds())),
	}}
	answer, err := client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("token for ServiceAccount %s/%s: %w", namespace, name, err)
	}

	path := filepath.Join(c.dir, "serviceaccount-"+namespace+"-"+name+".kubeconfig")
	if err := clientcmd.WriteToFile(c.kubeconfig(namespace, name, answer.Status.Token), path); err != nil {
		return "", fmt.Errorf("kubeconfig for ServiceAccount %s/%s: %w", namespace, name, err)
	}
	return path, nil
}

func (c *ControlPlane) kubeconfig(namespace, user, token string) clientcmdapi.Config {
	const cluster = "control-plane"
	config := clientcmdapi.NewConfig()
	config.Clusters[cluster] = &clientcmdapi.Cluster{
		Server: c.config.Host, CertificateAuthorityData: c.config.CAData,
	}
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts[user] = &clientcmdapi.Context{Cluster: cluster, AuthInfo: user, Namespace: namespace}
	config.CurrentContext = user
	return *config
}
