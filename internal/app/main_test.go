package app

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/controlplane"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/rights"
)

// plane is shared by all tests of this package; it is set before any of them runs.
var plane *harness.Plane

// asOperator makes this very program the operator instead of a test: with the flags of the operator, KUBECONFIG, and one line
// on standard error for every request that the API server forbids.
const asOperator = "TEST_AS_OPERATOR"

func TestMain(m *testing.M) {
	if os.Getenv(asOperator) != "" {
		if err := operate(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(controlplane.Main(m, start))
}

// start starts what the tests share.
func start(ctx context.Context) (stop func() error, err error) {
	if plane, err = harness.Start(ctx, "../.."); err != nil {
		return nil, err
	}
	return plane.Stop, nil
}

func operate(arguments []string) error {
	command, err := ParseCommand(arguments, os.Stderr)
	if err != nil {
		return err
	}
	if command != nil {
		config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
		if err != nil {
			return err
		}
		config.Wrap(reportForbidden)
		return command.Run(ctrl.SetupSignalHandler(), config, os.Stdout)
	}
	var options Options
	flags := flag.NewFlagSet("manager", flag.ExitOnError)
	options.Bind(flags)
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if err := options.Validate(); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config.Wrap(reportForbidden)
	used := &rights.Recorder{New: func(right rights.Right, refused bool) {
		if !refused {
			fmt.Fprintf(os.Stderr, "%s%s\n", usedRight, right)
		}
	}}
	config.Wrap(used.Wrap)
	config.Wrap(reportWhere(os.Stderr))
	logger := SetupLogging(options, os.Stderr)
	return Run(ctrl.LoggerInto(ctrl.SetupSignalHandler(), logger), config, options)
}

// usedRight begins the line of a right that was used for the first time.
const usedRight = "RIGHT "

// forbidden begins the line of a request that the API server forbade.
const forbidden = "FORBIDDEN "

// reportForbidden leaves out what a namespace that is being deleted refuses to everybody.
func reportForbidden(next http.RoundTripper) http.RoundTripper {
	return answers(func(request *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(request)
		if err != nil || response.StatusCode != http.StatusForbidden {
			return response, err
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return response, err
		}
		_ = response.Body.Close()
		response.Body = io.NopCloser(bytes.NewReader(body))
		if !bytes.Contains(body, []byte("being terminated")) {
			fmt.Fprintln(os.Stderr, forbidden+request.Method+" "+request.URL.Path)
		}
		return response, nil
	})
}
