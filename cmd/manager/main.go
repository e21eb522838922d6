// Command manager is the operator.
package main

import (
	"flag"
	"fmt"
	"os"

	// Time zones and certificate authorities are in the binary: the image holds nothing else.
	_ "time/tzdata"

	_ "golang.org/x/crypto/x509roots/fallback"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/gatewaytoken/gateway-token-operator/internal/app"
)

func main() {
	var options app.Options
	options.Bind(flag.CommandLine)
	flag.Parse()
	if err := run(options); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(options app.Options) error {
	if err := options.Validate(); err != nil {
		return err
	}
	if err := app.CheckEmbedded(); err != nil {
		return err
	}
	logger := app.SetupLogging(options, os.Stderr)
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the cluster (in the Pod, by --kubeconfig or $KUBECONFIG): %w", err)
	}
	return app.Run(ctrl.LoggerInto(ctrl.SetupSignalHandler(), logger), config, options)
}
