// Command demo tells the story of a gateway token and checks every step of it, judged by what the vendor says: a real
// control plane, the chart installed by Helm, the operator's binary, kubectl, and a simulated vendor over TLS.
//
// With --stay it issues one token, leaves everything running and says how to play with it.
//
// It is run by `make demo` and `make dev`, which build what it starts.
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

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout)
	stop()
	os.Exit(code)
}

// run returns the exit code: 0 when all checks passed.
func run(ctx context.Context, args []string, out io.Writer) int {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	vendor := flags.String("vendor", "", "tell the story of this vendor only")
	stay := flags.Bool("stay", false, "leave everything running until Ctrl-C instead of telling the whole story")
	keep := flags.Bool("keep", false, "keep logs and all else that was put out, also when all checks pass")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	name := "demo"
	if *stay {
		name = "dev"
	}
	stories, err := choose(*vendor)
	if *stay && err == nil && stories[0].vendor != stack.Causely {
		err = fmt.Errorf("what is left running has a token of %s: name no other vendor", stack.Causely.Title())
	}
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
	d := newDemo(running, stories, out)
	if *stay {
		d.playground(ctx)
	} else {
		d.tell(ctx)
	}
	return d.end(*keep)
}

// playground issues a token and waits.
func (d *demo) playground(ctx context.Context) {
	if d.report.Play(ctx, d.beginning(), d.firstToken(), d.mediator()) {
		d.inviteToPlay()
		<-ctx.Done()
		fmt.Fprintln(d.report.Out, "\nstopping")
	}
}

// end stops everything, says where to look after a failure, and has the last word.
func (d *demo) end(keep bool) int {
	if d.kubelet != nil {
		d.kubelet.Stop()
	}
	if d.observer != nil {
		d.observer.Stop() // the API server would wait for those who watch
	}
	return d.report.End(keep)
}
