// Command e2e does with the charts what their users do, and checks every step: a real control plane, real Helm and kubectl, the operator's
// binary under the ServiceAccount that the chart made, and simulated vendors over TLS. It reads the cluster by kubectl alone.
//
// It is run by `make e2e`, which builds what it starts.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/steps"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout)
	stop()
	os.Exit(code)
}

// run returns the exit code: 0 when all checks passed.
func run(ctx context.Context, args []string, out io.Writer) int {
	flags := flag.NewFlagSet("e2e", flag.ContinueOnError)
	keep := flags.Bool("keep", false, "keep logs and all else that was put out, also when all checks pass")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	running, err := stack.New("e2e")
	if err != nil {
		fmt.Fprintln(out, "e2e:", err)
		return 1
	}
	defer func() { _ = running.Stop() }() // if something goes so wrong that the end is not reached
	u := &user{stack: running, report: steps.NewReport("e2e", running, out), accounts: stack.NewAccounts()}
	u.report.Play(ctx, u.beginning(), u.upgrade(), u.use(), u.rotation(), u.consuming(), u.tokensChart(), u.values(), u.uninstall(), u.namespaced(), u.silence())
	if u.kubelet != nil {
		u.kubelet.Stop()
	}
	return u.report.End(*keep)
}
