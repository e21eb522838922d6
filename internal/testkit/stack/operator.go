package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// operatorPatience bounds what the operator does within a second or two when it starts.
	operatorPatience = time.Minute
	// operatorGrace is the chart's terminationGracePeriodSeconds.
	operatorGrace = 75 * time.Second
)

// Operator is the operator's binary, run as the chart's Deployment runs it. It can be killed and started again; its log
// goes on in the same file.
type Operator struct {
	stack      *Stack
	release    Release
	kubeconfig string
	extra      []string
	health     string
	metrics    string
	process    *process
	leader     string // who held the Lease before the process was started
}

// StartOperator starts the operator of an installed chart: with the arguments of the Deployment that is in the cluster,
// the extra ones behind them, and a kubeconfig that holds nothing but a token of the chart's ServiceAccount. It
// returns when the operator is ready.
func (s *Stack) StartOperator(ctx context.Context, release Release, extra ...string) (*Operator, error) {
	kubeconfig, err := s.plane.KubeconfigForServiceAccount(ctx, release.Namespace, release.ServiceAccount)
	if err != nil {
		return nil, err
	}
	operator := &Operator{stack: s, release: release, kubeconfig: kubeconfig, extra: extra}
	if operator.health, err = s.FreeAddress(ctx); err != nil {
		return nil, err
	}
	if operator.metrics, err = s.FreeAddress(ctx); err != nil {
		return nil, err
	}
	s.stops = append(s.stops, operator.stopIfRunning)
	return operator, operator.Start(ctx)
}

// Args are the arguments that the operator is started with.
func (o *Operator) Args() []string {
	return append(append([]string{}, o.release.Args...),
		append([]string{"--health-probe-bind-address=" + o.health, "--metrics-bind-address=" + o.metrics}, o.extra...)...)
}

// Kubeconfig is the path of the kubeconfig that the operator uses.
func (o *Operator) Kubeconfig() string { return o.kubeconfig }

// Log is the path of the operator's log.
func (o *Operator) Log() string { return o.stack.Channel("manager.log") }

// Start starts the operator and returns when it is ready, that is when its caches are filled.
func (o *Operator) Start(ctx context.Context) error {
	return o.run(ctx, o.stack.binaries.manager)
}

// StartWithoutGate is Start with a build of the operator that revokes a replaced token after its overlap, whoever holds it: to compare
// the operator with.
func (o *Operator) StartWithoutGate(ctx context.Context) error {
	return o.run(ctx, o.stack.binaries.ungated)
}

func (o *Operator) run(ctx context.Context, binary string) error {
	holder, err := o.Holder(ctx)
	if err != nil {
		return err
	}
	cmd := exec.Command(binary, o.Args()...) //nolint:noctx // Stop ends it
	// Like a container: no variable of this machine's, no directory of anybody's.
	cmd.Env = []string{"KUBECONFIG=" + o.kubeconfig}
	cmd.Dir = filepath.Join(o.stack.dir, "home")
	if o.process, err = start(cmd, o.Log()); err != nil {
		return err
	}
	o.leader = holder
	err = Await(ctx, operatorPatience, func(ctx context.Context) error {
		if err := o.Ended(); err != nil {
			return errors.Join(ErrNever, err)
		}
		_, err := get(ctx, "http://"+o.health+"/readyz")
		return err
	})
	if err != nil {
		return fmt.Errorf("start the operator: %w", err)
	}
	return nil
}

// PID is the operator's process.
func (o *Operator) PID() int { return o.process.cmd.Process.Pid }

// Ended is nil while the operator runs, and afterwards an error that says how it ended.
func (o *Operator) Ended() error { return o.process.ended() }

// Kill kills the operator (SIGKILL). The error says that it had ended before.
func (o *Operator) Kill() error { return o.process.kill() }

// Stop tells the operator to end (SIGTERM). The error says that it had ended before or did not end well.
func (o *Operator) Stop() error { return o.process.stop(operatorGrace) }

func (o *Operator) stopIfRunning() error {
	if o.process != nil && o.process.running() {
		return o.Stop()
	}
	return nil
}

// AwaitLeader returns when this process of the operator holds the Lease.
func (o *Operator) AwaitLeader(ctx context.Context) error {
	return Await(ctx, operatorPatience, func(ctx context.Context) error {
		if err := o.Ended(); err != nil {
			return errors.Join(ErrNever, err)
		}
		holder, err := o.Holder(ctx)
		if err == nil && (holder == "" || holder == o.leader) {
			err = fmt.Errorf("expected the operator to hold its Lease, found the holder %q", holder)
		}
		return err
	})
}

// Holder tells who holds the operator's Lease; empty for nobody.
func (o *Operator) Holder(ctx context.Context) (string, error) {
	var leases coordinationv1.LeaseList
	if err := o.stack.Client.List(ctx, &leases, client.InNamespace(o.release.Namespace)); err != nil {
		return "", err
	}
	for i := range leases.Items {
		return ptr.Deref(leases.Items[i].Spec.HolderIdentity, ""), nil
	}
	return "", nil
}

// Metrics is what the operator's metrics endpoint says.
func (o *Operator) Metrics(ctx context.Context) (string, error) {
	return get(ctx, "http://"+o.metrics+"/metrics")
}

func get(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, response.Status)
	}
	return string(text), err
}

// Where free addresses are looked for: below the ports that systems give to outgoing connections, one of which could
// take the address while the operator is dead.
const firstPort, portCount = 20000, 10000

// FreeAddress finds a loopback address that nobody listens on; another one each time.
func (s *Stack) FreeAddress(ctx context.Context) (string, error) {
	for range portCount {
		s.ports++
		// Runs at the same time begin at different places.
		address := fmt.Sprintf("127.0.0.1:%d", firstPort+(os.Getpid()*10+s.ports)%portCount)
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err == nil {
			return address, listener.Close()
		}
	}
	return "", errors.New("no free port on 127.0.0.1")
}
