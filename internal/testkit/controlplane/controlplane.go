package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

const (
	// startTimeout is generous: a busy machine with two cores starts everything in
	// well under ten seconds.
	startTimeout = 2 * time.Minute
	// stopTimeout is how long a process may take to end before it is killed.
	stopTimeout = 30 * time.Second
	// pollInterval is how often readiness is asked for.
	pollInterval = 100 * time.Millisecond
)

// Options are the choices of a caller; the zero value is a good one.
type Options struct {
	// Dir receives certificates, kubeconfigs, etcd's data and one log per process,
	// and is left behind by Stop. It must be missing or empty. When it is not set, a
	// temporary directory is used, which Stop removes.
	Dir string

	// CRDs are directories or files with CustomResourceDefinitions to install before
	// kube-controller-manager starts: its garbage collector looks for new kinds
	// only every half minute, so this is the way to have owners of these kinds
	// collected from the first moment. See also InstallCRDs.
	CRDs []string

	// Bare leaves out the controllers of identities, ClusterRoles and Deployments.
	// Namespaces and dependents are still deleted. A namespace costs less that way,
	// for tests that make hundreds.
	Bare bool

	// Restartable allows Restart. It needs /bin/sh.
	Restartable bool
}

// ControlPlane is a running etcd, kube-apiserver and kube-controller-manager.
// Several can run side by side. Its methods are safe for concurrent use, but for StartNodes, Restart and Stop.
type ControlPlane struct {
	dir         string
	restartable bool
	removeDir   bool
	environment *envtest.Environment
	logs        []*os.File
	manager     *process
	helpers     []*process // what StartNodes started
	config      *rest.Config
}

// Start starts a control plane and returns when it is ready: the API server
// answers, and the controllers have made what every cluster has from the start
// (ServiceAccount and root CA of the namespace default, aggregated ClusterRoles).
// When it fails, nothing is left running, and the error has the last lines of
// the log of the process at fault where there are any.
//
// The context limits the start alone; the control plane runs until Stop.
func Start(ctx context.Context, options Options) (*ControlPlane, error) {
	binaries, err := findAssets()
	if err != nil {
		return nil, err
	}
	dir, remove, err := workDirectory(options.Dir)
	if err != nil {
		return nil, fmt.Errorf("control plane: %w", err)
	}

	plane := &ControlPlane{dir: dir, removeDir: remove, restartable: options.Restartable}
	if err := plane.start(ctx, binaries, options); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the control plane: %w", err), plane.Stop())
	}
	return plane, nil
}

// workDirectory returns the directory to work in, and whether Stop removes it.
func workDirectory(wanted string) (dir string, remove bool, err error) {
	if wanted == "" {
		dir, err = os.MkdirTemp("", "control-plane-")
		return dir, true, err
	}
	dir, err = filepath.Abs(wanted)
	if err != nil {
		return "", false, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", false, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", false, err
	}
	if len(entries) > 0 {
		return "", false, fmt.Errorf("directory %s is not empty", dir)
	}
	return dir, false, nil
}

func (c *ControlPlane) start(ctx context.Context, binaries assets, options Options) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	if err := c.startAPIServer(binaries); err != nil {
		return err
	}
	if err := c.writeAdminKubeconfig(); err != nil {
		return err
	}
	if len(options.CRDs) > 0 {
		if err := c.InstallCRDs(options.CRDs...); err != nil {
			return err
		}
	}
	if err := c.startControllerManager(binaries, options.Bare); err != nil {
		return err
	}
	if options.Bare {
		return nil
	}
	return c.awaitControllers(ctx)
}

// startAPIServer starts etcd and kube-apiserver and returns when they answer.
func (c *ControlPlane) startAPIServer(binaries assets) error {
	etcdLog, err := c.createLog("etcd")
	if err != nil {
		return err
	}
	serverLog, err := c.createLog("kube-apiserver")
	if err != nil {
		return err
	}
	certificates := filepath.Join(c.dir, "kube-apiserver")
	data := filepath.Join(c.dir, "etcd")
	for _, dir := range []string{certificates, data} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}

	serverPath, etcdPath := binaries.path("kube-apiserver"), binaries.path("etcd")
	if c.restartable {
		if serverPath, err = c.noted(binaries, "kube-apiserver"); err != nil {
			return err
		}
		if etcdPath, err = c.noted(binaries, "etcd"); err != nil {
			return err
		}
	}
	server := &envtest.APIServer{
		Path: serverPath, CertDir: certificates, Out: serverLog, Err: serverLog,
	}
	// Without these the server looks for an address on a default route, which a
	// machine without a network does not have, and for one that pods could reach.
	server.Configure().
		Set("advertise-address", "127.0.0.1").
		Set("endpoint-reconciler-type", "none").
		Set("authorization-mode", "RBAC").
		Set("profiling", "false")

	c.environment = &envtest.Environment{
		// USE_EXISTING_CLUSTER in somebody's shell must not turn tests loose on it.
		UseExistingCluster:       ptr.To(false),
		ControlPlaneStartTimeout: startTimeout,
		ControlPlaneStopTimeout:  stopTimeout,
	}
	c.environment.ControlPlane.APIServer = server
	c.environment.ControlPlane.Etcd = &envtest.Etcd{
		Path: etcdPath, DataDir: data, Out: etcdLog, Err: etcdLog,
	}
	// envtest would look for a kubectl, which is not used through it.
	c.environment.ControlPlane.KubectlPath = binaries.path("kubectl")

	config, err := c.environment.Start()
	if err != nil {
		return fmt.Errorf("%w\n%s\n%s", err, lastLines(etcdLog.Name()), lastLines(serverLog.Name()))
	}
	c.config = config
	return nil
}

// awaitControllers returns when the controllers have made what every cluster has.
func (c *ControlPlane) awaitControllers(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(c.config)
	if err != nil {
		return err
	}
	var missing error
	err = wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		if ended := c.manager.ended(); ended != nil {
			return false, ended
		}
		missing = controllersAtWork(ctx, client)
		return missing == nil, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for kube-controller-manager: %w", errors.Join(err, missing))
	}
	return nil
}

// controllersAtWork returns an error that says what a controller has yet to make.
func controllersAtWork(ctx context.Context, client kubernetes.Interface) error {
	if _, err := client.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{}); err != nil {
		return err
	}
	if _, err := client.CoreV1().ServiceAccounts(corev1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{}); err != nil {
		return err
	}
	if _, err := client.CoreV1().ConfigMaps(corev1.NamespaceDefault).Get(ctx, "kube-root-ca.crt", metav1.GetOptions{}); err != nil {
		return err
	}
	view, err := client.RbacV1().ClusterRoles().Get(ctx, "view", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if len(view.Rules) == 0 {
		return apierrors.NewNotFound(corev1.Resource("rules"), "view")
	}
	return nil
}

// Stop ends the processes that Start and StartNodes started, and no others, and returns when they
// have ended. It may be called again. An error says that a process had ended
// before or had to be killed.
func (c *ControlPlane) Stop() error {
	var errs []error
	for _, helper := range slices.Backward(c.helpers) {
		errs = append(errs, helper.stop(stopTimeout))
	}
	c.helpers = nil
	if c.manager != nil {
		errs = append(errs, c.manager.stop(stopTimeout))
		c.manager = nil
	}
	if c.environment != nil {
		errs = append(errs, c.environment.Stop())
		c.environment = nil
	}
	for _, log := range c.logs {
		errs = append(errs, log.Close())
	}
	c.logs = nil
	if c.removeDir {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stopping the control plane: %w", err)
	}
	return nil
}

// Dir is the directory with the kubeconfigs and logs (etcd.log, kube-apiserver.log,
// kube-controller-manager.log; kube-scheduler.log and kwok.log where there are nodes).
func (c *ControlPlane) Dir() string { return c.dir }

// RESTConfig returns a copy of the administrator's configuration (system:masters),
// with client limits that a test does not notice.
func (c *ControlPlane) RESTConfig() *rest.Config { return rest.CopyConfig(c.config) }

// InstallCRDs installs the CustomResourceDefinitions of directories or files,
// config/crd/bases of this repository when none is named, and returns when the API
// server serves them. CRDs that are there already are updated.
func (c *ControlPlane) InstallCRDs(paths ...string) error {
	if len(paths) == 0 {
		root, err := moduleRoot()
		if err != nil {
			return fmt.Errorf("installing CRDs: %w", err)
		}
		paths = []string{filepath.Join(root, "config", "crd", "bases")}
	}
	installed, err := envtest.InstallCRDs(c.RESTConfig(), envtest.CRDInstallOptions{
		Paths: paths, ErrorIfPathMissing: true, MaxTime: startTimeout, PollInterval: pollInterval,
	})
	if err != nil {
		return fmt.Errorf("installing CRDs: %w", err)
	}
	if len(installed) == 0 {
		return fmt.Errorf("installing CRDs: none in %v", paths)
	}
	return nil
}

func (c *ControlPlane) createLog(name string) (*os.File, error) {
	log, err := os.Create(filepath.Join(c.dir, name+".log"))
	if err != nil {
		return nil, err
	}
	c.logs = append(c.logs, log)
	return log, nil
}
