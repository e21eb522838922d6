// Command vendorsim serves simulated vendors over TLS on a loopback address until it gets SIGTERM or SIGINT.
//
// In the directory of --state-dir it leaves what a script needs: ca.crt (the certificate to trust, PEM), pid and url
// (written last: when it is there, the simulator serves). pid and url are removed at the end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/rackgateway"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "vendorsim:", err)
		os.Exit(1)
	}
}

// run serves until the context ends.
func run(ctx context.Context, args []string, log io.Writer) error {
	account, user := causely.DemoAccount(), rackgateway.DemoAccount()
	member, machine := causeloop.DemoAccount(), causeloop.DemoMachine()
	worker, gateway := pingone.DemoAccount(), pingone.DemoGateway()
	flags := flag.NewFlagSet("vendorsim", flag.ContinueOnError)
	flags.SetOutput(log)
	listen := flags.String("listen", "127.0.0.1:0", "loopback address to listen on; port 0 picks a free one")
	stateDir := flags.String("state-dir", "", "directory for ca.crt, url and pid; none are written when empty")
	flags.StringVar(&account.ClientID, "causely-client-id", account.ClientID, "client ID of Causely's first credential")
	flags.StringVar(&account.Secret, "causely-client-secret", account.Secret, "its secret")
	flags.StringVar(&account.ProjectID, "causely-project-id", account.ProjectID, "project that it leads to")
	flags.StringVar(&user.Value, "rackgateway-token", user.Value, "API token of Rack Gateway's first user, an admin")
	flags.StringVar(&member.Value, "causeloop-token", member.Value, "personal token of Causeloop's first member, an admin")
	flags.StringVar(&machine.Value, "causeloop-machine-token", machine.Value, "token of Causeloop's first service account, an admin")
	flags.StringVar(&worker.ClientID, "pingone-client-id", worker.ClientID, "client ID of PingOne's first worker application")
	flags.StringVar(&worker.Secret, "pingone-client-secret", worker.Secret, "its secret")
	flags.StringVar(&gateway.EnvironmentID, "pingone-environment-id", gateway.EnvironmentID, "environment of worker and gateway")
	flags.StringVar(&gateway.ID, "pingone-gateway-id", gateway.ID, "gateway")
	reveal := flags.Bool("reveal-secrets", false, "serve GET /sim/<vendor>/secrets, which tells secrets, token values and bearers in clear")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("flags: %w", err)
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}

	if user.Value == "" {
		return errors.New("the API token of Rack Gateway's first user is empty")
	}
	worker.EnvironmentID = gateway.EnvironmentID
	options := []simulator.Option{
		simulator.WithListen(*listen), simulator.WithCauselyAccounts(account), simulator.WithRackGatewayAccounts(user),
		simulator.WithCauseloopAccounts(member, machine),
		simulator.WithPingOneAccounts(worker), simulator.WithPingOneGateways(gateway),
	}
	if *reveal {
		options = append(options, simulator.WithRevealedSecrets())
	}
	server, err := simulator.NewServer(options...)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	defer server.Close()
	if *stateDir != "" {
		remove, err := writeState(*stateDir, server)
		defer remove()
		if err != nil {
			return fmt.Errorf("state directory: %w", err)
		}
	}
	fmt.Fprintln(log, "vendorsim: serving on", server.URL())
	<-ctx.Done()
	return nil
}

// writeState writes the files of the state directory, each in one step, and returns what removes url and pid.
func writeState(dir string, server *simulator.Server) (remove func(), err error) {
	url, pid := filepath.Join(dir, "url"), filepath.Join(dir, "pid")
	remove = func() { _ = errors.Join(os.Remove(url), os.Remove(pid)) }
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return remove, err
	}
	files := []struct{ path, content string }{
		{filepath.Join(dir, "ca.crt"), string(server.CAPEM())},
		{pid, strconv.Itoa(os.Getpid()) + "\n"},
		{url, server.URL() + "\n"},
	}
	for _, file := range files {
		draft := file.path + ".new"
		if err := os.WriteFile(draft, []byte(file.content), 0o600); err != nil {
			return remove, err
		}
		if err := os.Rename(draft, file.path); err != nil {
			return remove, err
		}
	}
	return remove, nil
}
