// Command argocd runs Argo CD against the operator: a real control plane, the operator's chart and binary, a simulated vendor over TLS, a
// Git repository on disk, and Argo CD's own components as processes. What it syncs is examples/argocd. Every step is checked, judged by
// what the vendor says and by what Argo CD and the API server show.
//
// It is run by `make e2e-argocd`, which builds what it starts.
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
)

const name = "e2e-argocd"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout)
	stop()
	os.Exit(code)
}

// run returns the exit code: 0 when all checks passed.
func run(ctx context.Context, args []string, out io.Writer) int {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	keep := flags.Bool("keep", false, "keep logs and all else that was put out, also when all checks pass")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	programs, err := findPrograms()
	if err != nil {
		fmt.Fprintln(out, name+":", err)
		return 2
	}
	running, err := stack.New(name)
	if err != nil {
		fmt.Fprintln(out, name+":", err)
		return 1
	}
	defer func() { _ = running.Stop() }() // if something goes so wrong that the end is not reached
	e := newTest(running, programs, out)
	if !e.report.Play(ctx, e.chapters()...) && ctx.Err() != nil {
		fmt.Fprintln(e.report.Out, "interrupted")
	}
	e.leave()
	return e.report.End(*keep)
}
