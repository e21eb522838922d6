package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// argoNamespace is where Argo CD's objects are.
const argoNamespace = "argocd"

// apiTimeout bounds a call of Argo CD's API, which refreshes an Application before it answers.
const apiTimeout = time.Minute

// argo is Argo CD: its components as processes beside the cluster, with what they need. They act as the cluster's administrator, as
// Argo CD's application controller does.
type argo struct {
	stack    *stack.Stack
	programs programs
	// home is the components' own directory.
	home        string
	environment []string
	redis       *miniredis.Miniredis
	// repoServer and server are addresses, health the URLs that tell whether a component is healthy, by its name.
	repoServer, server string
	health             map[string]string
	// cli is Argo CD's command line.
	cli    *stack.Tool
	client *http.Client
}

// newArgo makes the directories of the components, and what they look for in PATH.
func newArgo(running *stack.Stack, found programs) (*argo, error) {
	a := &argo{
		stack: running, programs: found, home: filepath.Join(running.Dir(), "argocd"), health: map[string]string{},
		client: &http.Client{Timeout: apiTimeout},
	}
	// The path of a socket is short, and that of the run may be long.
	sockets, err := os.MkdirTemp("", name+"-")
	if err != nil {
		return nil, err
	}
	running.AtStop(func() error { return os.RemoveAll(sockets) })
	bin, tmp := filepath.Join(a.home, "bin"), filepath.Join(a.home, "tmp")
	config := filepath.Join(a.home, "config")
	for _, dir := range []string{bin, tmp, filepath.Join(config, "tls"), filepath.Join(config, "ssh"), filepath.Join(config, "plugins")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	for called, path := range map[string]string{"helm": found.helm, "kustomize": found.kustomize, "git": found.git} {
		if err := os.Symlink(path, filepath.Join(bin, called)); err != nil {
			return nil, err
		}
	}
	a.environment = []string{
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + a.home, "TMPDIR=" + tmp,
		"KUBECONFIG=" + running.AdminKubeconfig(), "ARGOCD_FAKE_IN_CLUSTER=true",
		"ARGOCD_GPG_ENABLED=false", "ARGOCD_APP_CONF_PATH=" + config, "ARGOCD_TLS_DATA_PATH=" + filepath.Join(config, "tls"),
		"ARGOCD_SSH_DATA_PATH=" + filepath.Join(config, "ssh"), "ARGOCD_PLUGINSOCKFILEPATH=" + filepath.Join(config, "plugins"),
		"ARGOCD_ASK_PASS_SOCK=" + filepath.Join(sockets, "ask-pass"),
	}
	return a, nil
}

// startRedis starts what Argo CD keeps its cache in. Its times go by because somebody says so.
func (a *argo) startRedis() error {
	a.redis = miniredis.NewMiniRedis()
	if err := a.redis.StartAddr("127.0.0.1:0"); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				a.redis.FastForward(time.Second)
			case <-stop:
				return
			}
		}
	}()
	a.stack.AtStop(func() error {
		close(stop)
		<-done
		a.redis.Close()
		return nil
	})
	return nil
}

// start starts the components.
func (a *argo) start(ctx context.Context) error {
	var metrics, ports [3]string
	for i := range metrics {
		address, err := a.stack.FreeAddress(ctx)
		if err != nil {
			return err
		}
		metrics[i], ports[i] = address, portOf(address)
	}
	var err error
	if a.repoServer, err = a.stack.FreeAddress(ctx); err != nil {
		return err
	}
	if a.server, err = a.stack.FreeAddress(ctx); err != nil {
		return err
	}
	return errors.Join(
		a.component(ctx, "argocd-repo-server", "http://"+metrics[0]+"/healthz",
			"--address=127.0.0.1", "--port="+portOf(a.repoServer), "--metrics-address=127.0.0.1", "--metrics-port="+ports[0],
			// At a higher level it prints what it renders, and the credentials are in Git here, in clear.
			"--disable-tls", "--redis="+a.redis.Addr(), "--loglevel=info"),
		a.component(ctx, "argocd-server", "http://"+a.server+"/healthz",
			"--namespace="+argoNamespace, "--address=127.0.0.1", "--port="+portOf(a.server), "--metrics-address=127.0.0.1", "--metrics-port="+ports[1],
			"--loglevel=debug", "--insecure", "--disable-auth", "--repo-server="+a.repoServer, "--repo-server-plaintext", "--redis="+a.redis.Addr()),
		// Its metrics cannot be bound to loopback: they are on all addresses of this machine, and name the Application.
		a.component(ctx, "argocd-application-controller", "http://"+metrics[2]+"/healthz", append([]string{
			"--loglevel=debug", "--namespace=" + argoNamespace, "--metrics-port=" + ports[2], "--repo-server=" + a.repoServer, "--repo-server-plaintext",
			"--redis=" + a.redis.Addr(),
		}, loweredArgo()...)...),
	)
}

// loweredArgo are the settings that keep the test short, each with the default that it replaces.
func loweredArgo() []string {
	return []string{
		"--self-heal-backoff-timeout-seconds=1", // 2
		"--self-heal-backoff-factor=1",          // 3
	}
}

func portOf(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	return port
}

// component starts one of the programs that the binary is, and returns when it is healthy.
func (a *argo) component(ctx context.Context, called, health string, args ...string) error {
	cmd := exec.Command(a.programs.argocd, args...) //nolint:noctx // the stack ends it
	cmd.Env = append([]string{"ARGOCD_BINARY_NAME=" + called}, a.environment...)
	cmd.Dir = a.home
	a.health[called] = health
	return a.stack.StartService(ctx, cmd, called+".log", stack.Answers(health))
}

// connect makes the command line, as of somebody who has logged in.
func (a *argo) connect() {
	a.cli = a.stack.NewTool(a.programs.argocd, "ARGOCD_SERVER="+a.server, "ARGOCD_OPTS=--plaintext")
}

// isHealthy holds while all components say that they are.
func (a *argo) isHealthy(ctx context.Context) error {
	var errs []error
	for called, url := range a.health {
		if err := stack.Answers(url)(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", called, err))
		}
	}
	return errors.Join(errs...)
}

// run runs Argo CD's command line and drops what it prints.
func (a *argo) run(args ...string) condition {
	return func(ctx context.Context) error {
		_, err := a.cli.Run(ctx, args...)
		return err
	}
}

// node is an object as Argo CD sees it.
type node struct {
	Kind, Name string
	Health     struct{ Status, Message string }
}

// has holds when the object has a health, and something is said with it.
func (n node) has(want, says string) error {
	if n.Health.Status != want || !strings.Contains(n.Health.Message, says) {
		return fmt.Errorf("expected Argo CD to show %s/%s as %s and to say %q, found %s: %s", n.Kind, n.Name, want, says, n.Health.Status, n.Health.Message)
	}
	return nil
}

// nodes are the objects of the Application, and those that hang on them.
func (a *argo) nodes(ctx context.Context) ([]node, error) {
	var tree struct{ Nodes []node }
	err := a.get(ctx, "/api/v1/applications/"+application+"/resource-tree", &tree)
	return tree.Nodes, err
}

// refresh has Argo CD look at the repository now, as a webhook does.
func (a *argo) refresh(ctx context.Context) error {
	var dropped struct{}
	return a.get(ctx, "/api/v1/applications/"+application+"?refresh=normal", &dropped)
}

func (a *argo) get(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.server+path, http.NoBody)
	if err != nil {
		return err
	}
	response, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("argocd-server: %s: %s: %s", path, response.Status, strings.TrimSpace(string(text)))
	}
	return json.Unmarshal(text, into)
}
