package app

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/uninstall"
)

// What the operator's binary does beside being the operator: its first argument. The image holds no other program that could.
const (
	// CommandUninstallCheck fails while the operator is needed.
	CommandUninstallCheck = "uninstall-check"
	// CommandDrain deletes all that needs it, and waits until it is gone.
	CommandDrain = "drain"
)

// Command is what an argument asks for instead of the operator.
type Command struct {
	name    string
	timeout time.Duration
	pause   time.Duration
	// namespaces are those of an operator that works in named ones only; none for the whole cluster.
	namespaces []string
}

// ParseCommand reads arguments, the program's name left out. Without a command among them it gives nil: then the operator is meant.
func ParseCommand(arguments []string, out io.Writer) (*Command, error) {
	if len(arguments) == 0 || (arguments[0] != CommandUninstallCheck && arguments[0] != CommandDrain) {
		return nil, nil
	}
	command := &Command{name: arguments[0]}
	flags := flag.NewFlagSet(command.name, flag.ContinueOnError)
	flags.SetOutput(out)
	config.RegisterFlags(flags)
	flags.Func("watch-namespaces", "What the operator's --watch-namespaces says: only these are looked at, and no ClusterTokenIssuer.", func(text string) error {
		namespaces, err := namespacesIn(text)
		command.namespaces = append(command.namespaces, namespaces...)
		return err
	})
	if command.name == CommandDrain {
		flags.DurationVar(&command.timeout, "timeout", 4*time.Minute, "How long GatewayTokens and issuers may take to go.")
		flags.DurationVar(&command.pause, "pause", 2*time.Second, "How long to wait between two looks.")
	}
	if err := flags.Parse(arguments[1:]); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("%s: %q is no flag", command.name, flags.Arg(0))
	}
	if command.name == CommandDrain && (command.timeout <= 0 || command.pause <= 0) {
		return nil, fmt.Errorf("%s: --timeout and --pause must be positive", command.name)
	}
	return command, nil
}

// Run carries it out.
func (c *Command) Run(ctx context.Context, config *rest.Config, out io.Writer) error {
	scheme, err := newScheme()
	if err != nil {
		return err
	}
	config = rest.CopyConfig(config)
	config.UserAgent = v1alpha1.OperatorName + "/" + c.name
	config.QPS, config.Burst = 50, 100 // a drain deletes one by one
	cluster, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if c.name == CommandDrain {
		return uninstall.Drain{Client: cluster, Namespaces: c.namespaces, Timeout: c.timeout, Pause: c.pause, Out: out}.Run(ctx)
	}
	if err := uninstall.Check(ctx, cluster, c.namespaces...); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "nothing needs the operator any more")
	return err
}
