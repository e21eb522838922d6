// Command manager is the operator, and what is done before it is uninstalled; `manager version` says which one it is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	// Time zones and certificate authorities are in the binary: the image holds nothing else.
	_ "time/tzdata"

	_ "golang.org/x/crypto/x509roots/fallback"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/gatewaytoken/gateway-token-operator/internal/app"
)

func main() {
	if err := run(ctrl.SetupSignalHandler(), os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	if len(arguments) == 1 && arguments[0] == commandVersion {
		return writeVersion(os.Stdout)
	}
	command, err := app.ParseCommand(arguments, os.Stderr)
	if err != nil {
		return err
	}
	if command != nil {
		config, err := cluster()
		if err != nil {
			return err
		}
		return command.Run(ctx, config, os.Stdout)
	}
	return operate(ctx)
}

// operate is the operator.
func operate(ctx context.Context) error {
	var options app.Options
	options.Bind(flag.CommandLine)
	flag.Parse()
	// A command that is mistyped must not become a second operator.
	if flag.NArg() > 0 {
		return fmt.Errorf("%q is neither a flag nor a command (%s, %s, %s)", flag.Arg(0), app.CommandUninstallCheck, app.CommandDrain, commandVersion)
	}
	if err := options.Validate(); err != nil {
		return err
	}
	if err := app.CheckEmbedded(); err != nil {
		return err
	}
	logger := app.SetupLogging(options, os.Stderr)
	logger.Info("starting", "version", release())
	config, err := cluster()
	if err != nil {
		return err
	}
	return app.Run(ctrl.LoggerInto(ctx, logger), config, options)
}

func cluster() (*rest.Config, error) {
	config, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster (in the Pod, by --kubeconfig or $KUBECONFIG): %w", err)
	}
	return config, nil
}
