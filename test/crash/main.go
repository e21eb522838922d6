// Command crash tells stories of GatewayTokens at every vendor and has everything go wrong at every point of them: the process dies, answers are
// lost, lists are wrong, a process that leads no more goes on. After each run it judges whether what is promised was kept.
//
// The operator's controllers and the vendors' adapters are the real ones. The vendors are simulated, the API server is a model (package
// modelapi), and time passes as it is told to. Every run can be repeated by its name. It is run by `make crash`.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/gatewaytoken/gateway-token-operator/internal/app"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/issuer"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout)
	stop()
	os.Exit(code)
}

// options are what is asked for.
type options struct {
	vendor, fault, act, replay, profile string
	scenarios                           []string
	seed                                uint64
	samples                             int
	// spared: of the runs with one fault only one of so many is played; all where it is zero.
	spared            int
	singles, sabotage bool
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("crash", flag.ContinueOnError)
	flags.StringVar(&o.vendor, "vendor", "", "play at this vendor only, or with this kind of its tokens: "+strings.Join(vendorNames(), ", "))
	flags.Func("scenario", "play this scenario only; can be repeated", func(name string) error {
		o.scenarios = append(o.scenarios, name)
		return nil
	})
	flags.StringVar(&o.fault, "fault", "", "only this fault, and no combinations")
	flags.Func("run", "play one run again, by its name, and tell its story", func(name string) error {
		if o.replay = name; name == "" {
			return errors.New("the name of a run is wanted")
		}
		return nil
	})
	flags.Uint64Var(&o.seed, "seed", 1, "seed of the combinations that are drawn by chance")
	flags.IntVar(&o.samples, "samples", 300, "how many combinations of two or three faults are drawn for each vendor")
	flags.BoolVar(&o.singles, "singles", false, "no combinations of faults")
	flags.BoolVar(&o.sabotage, "sabotage", false, "break the operator's rules, one after the other, and see that it is noticed; only in a build with the tag sabotage")
	flags.StringVar(&o.act, "act", "", "with --sabotage: break this rule only")
	flags.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile to this file")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if err := o.check(); err != nil {
		fmt.Fprintln(flags.Output(), "crash:", err)
		return o, err
	}
	o.singles = o.singles || o.fault != ""
	return o, nil
}

// run returns the exit code: 0 when nothing was found.
func run(ctx context.Context, args []string, out io.Writer) int {
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	if o.profile != "" {
		file, err := os.Create(o.profile)
		if err != nil {
			fmt.Fprintln(out, "crash:", err)
			return 2
		}
		if err := pprof.StartCPUProfile(file); err != nil {
			fmt.Fprintln(out, "crash:", err)
			return 2
		}
		defer pprof.StopCPUProfile()
	}
	log.SetLogger(logr.Discard())
	// Worlds are small and short-lived.
	debug.SetGCPercent(800)
	debug.SetMemoryLimit(8 << 30)
	plane, err := harness.Model(".")
	if err != nil {
		fmt.Fprintln(out, "crash:", err)
		return 1
	}
	c := &campaign{options: o, plane: plane, out: out, began: time.Now()}
	closeAll, err := c.listen(runtime.GOMAXPROCS(0) + 1)
	if err != nil {
		fmt.Fprintln(out, "crash:", err)
		return 1
	}
	defer closeAll()
	switch {
	case o.replay != "":
		return c.replayOne(ctx)
	case o.sabotage:
		return c.beCaught(ctx)
	default:
		return c.prove(ctx)
	}
}

// connect makes clients as the operator does, allowed to call loopback addresses without TLS.
func connect(wire harness.Wire) issuer.Connect {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	return app.Connect(app.Options{AllowCIDRs: loopback, AllowHTTP: true, RequestTimeout: wire.Timeout, HostPerSecond: 50}, wire.Now, wire.Sleep)
}

// chosenVendors are those that are asked for: one kind of a vendor's tokens, or all of them.
func (o options) chosenVendors() []vendor {
	return slices.DeleteFunc(vendors(), func(v vendor) bool {
		return o.vendor != "" && v.name != o.vendor && !strings.HasPrefix(v.name, o.vendor+"-")
	})
}

func vendorNames() []string {
	var names []string
	for _, v := range vendors() {
		names = append(names, v.name)
	}
	return names
}

// check refuses what would play nothing.
func (o options) check() error {
	at := o.chosenVendors()
	if len(at) == 0 {
		return fmt.Errorf("no vendor is called %q: choose one of %s", o.vendor, strings.Join(vendorNames(), ", "))
	}
	for _, name := range o.scenarios {
		if !slices.ContainsFunc(scenarios(), func(s scenario) bool { return s.name == name }) {
			return fmt.Errorf("no scenario is called %q", name)
		}
	}
	known := func(at vendor) bool {
		_, ok := faultNamed(at, o.fault)
		return ok
	}
	if o.fault != "" && !slices.ContainsFunc(at, known) {
		return fmt.Errorf("no fault is called %q", o.fault)
	}
	return nil
}

// chosenScenarios are those that are asked for and can be told at a vendor.
func (o options) chosenScenarios(at vendor) []scenario {
	return slices.DeleteFunc(scenarios(), func(s scenario) bool {
		return (s.at != nil && !s.at(at)) || (len(o.scenarios) > 0 && !slices.Contains(o.scenarios, s.name))
	})
}
