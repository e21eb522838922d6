package app

import (
	"flag"
	"io"
	"strings"
	"testing"
	"time"
)

// parse reads a command line as the operator does.
func parse(t *testing.T, arguments ...string) (Options, error) {
	t.Helper()
	var options Options
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	options.Bind(flags)
	if err := flags.Parse(arguments); err != nil {
		return options, err
	}
	return options, options.Validate()
}

func TestOptions(t *testing.T) {
	const namespace = "--cluster-resource-namespace=system"
	tests := map[string]struct {
		reason    string
		arguments []string
		// complains names what the message is about; nothing where all is well.
		complains string
	}{
		"the namespace":            {"all else has a default", []string{namespace}, ""},
		"nothing":                  {"the operator's namespace cannot be guessed", nil, "--cluster-resource-namespace"},
		"unknown flag":             {"a typing error", []string{namespace, "--cluster-resource-name"}, "not defined"},
		"settle too short":         {"a request may still be committed after its time-out", []string{namespace, "--request-timeout=20s", "--settle=30s"}, "--settle"},
		"settle long enough":       {"twice the time-out", []string{namespace, "--request-timeout=20s", "--settle=40s"}, ""},
		"orphans too soon":         {"a create may still be under way", []string{namespace, "--orphan-rest=29s"}, "--orphan-rest"},
		"former is now":            {"a cluster is not its own former", []string{namespace, "--cluster-id=c", "--former-cluster-ids=b, c"}, "--former-cluster-ids"},
		"former":                   {"several, with spaces", []string{namespace, "--cluster-id=c", "--former-cluster-ids=a, b,"}, ""},
		"namespaces":               {"several, with spaces", []string{namespace, "--cluster-id=c", "--watch-namespaces=b, a"}, ""},
		"no namespaces":            {"the whole cluster", []string{namespace, "--watch-namespaces="}, ""},
		"no namespace named":       {"it must not become the whole cluster", []string{namespace, "--cluster-id=c", "--watch-namespaces=,"}, "names no namespace"},
		"a pattern":                {"it names no namespace", []string{namespace, "--cluster-id=c", "--watch-namespaces=team-*"}, "team-*"},
		"namespaces, no cluster":   {"its UID cannot be read then", []string{namespace, "--watch-namespaces=a"}, "kubectl get namespace kube-system"},
		"no workers":               {"nothing would be done", []string{namespace, "--max-concurrent-reconciles=0"}, "at least 1"},
		"no issuer workers":        {"nothing would be done", []string{namespace, "--max-concurrent-issuer-reconciles=0"}, "at least 1"},
		"negative overlap":         {"time does not go back", []string{namespace, "--overlap-floor=-1s"}, "negative"},
		"negative pause":           {"time does not go back", []string{namespace, "--pod-watch-pause=-1s"}, "--pod-watch-pause"},
		"negative margin":          {"time does not go back", []string{namespace, "--pod-margin=-1s"}, "--pod-margin"},
		"negative rest":            {"time does not go back", []string{namespace, "--stranger-rest=-1s"}, "--stranger-rest"},
		"negative pace":            {"there is no such number", []string{namespace, "--rotations-per-minute-per-issuer=-1"}, "--rotations-per-minute-per-issuer"},
		"negative pace within":     {"there is no such number", []string{namespace, "--rotations-per-minute-per-namespace=-1"}, "--rotations-per-minute-per-namespace"},
		"negative budget":          {"there is no such number", []string{namespace, "--mints-per-hour=-1"}, "negative"},
		"another log format":       {"there are two", []string{namespace, "--log-format=xml"}, "--log-format"},
		"console":                  {"there are two", []string{namespace, "--log-format=console"}, ""},
		"networks":                 {"several, with spaces", []string{namespace, "--allow-cidrs=127.0.0.0/8, 10.0.0.0/8,::1/128"}, ""},
		"an address for a network": {"it is no network", []string{namespace, "--allow-cidrs=10.0.0.1"}, "CIDR"},
		"a name for a network":     {"it is no network", []string{namespace, "--allow-cidrs=example.com"}, "CIDR"},
		"a number for a duration":  {"it has no unit", []string{namespace, "--settle=30"}, "settle"},
		"no file of authorities":   {"it is read at start", []string{namespace, "--ca-file=testdata/none.crt"}, "none.crt"},
		"no certificate in it":     {"whoever names it relies on it", []string{namespace, "--ca-file=options_test.go"}, "no certificate"},
		"several things at once":   {"all are named", []string{"--log-format=xml"}, "--log-format"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := parse(t, tc.arguments...)
			switch {
			case err == nil && tc.complains != "":
				t.Errorf("it was taken, although %s", tc.reason)
			case err != nil && (tc.complains == "" || !strings.Contains(err.Error(), tc.complains)):
				t.Errorf("error %q, want one about %q: %s", err, tc.complains, tc.reason)
			}
		})
	}
}

// The defaults keep the promises: nothing is triggered sooner than a vendor may answer, a mint is bounded.
func TestDefaults(t *testing.T) {
	options, err := parse(t, "--cluster-resource-namespace=system")
	if err != nil {
		t.Fatal(err)
	}
	if options.Lifecycle.Settle != 2*options.RequestTimeout || options.RequestTimeout != 15*time.Second {
		t.Errorf("settle %s, request time-out %s", options.Lifecycle.Settle, options.RequestTimeout)
	}
	if options.Lifecycle.MintsPerHour != 3 || options.Lifecycle.MintsPerDay != 10 || options.Lifecycle.OverlapFloor != 2*time.Minute {
		t.Errorf("settings %+v", options.Lifecycle)
	}
	if options.AllowHTTP || len(options.AllowCIDRs) != 0 {
		t.Error("something is allowed by default that must be asked for")
	}
	if options.RenewDeadline >= options.LeaseDuration || options.RetryPeriod >= options.RenewDeadline {
		t.Errorf("lease %s, renewed within %s, tried every %s", options.LeaseDuration, options.RenewDeadline, options.RetryPeriod)
	}
	if shutdownTimeout <= 45*time.Second {
		t.Errorf("the manager waits %s for its workers, less than an effect may take", shutdownTimeout)
	}
}

func TestAllowCIDRs(t *testing.T) {
	options, err := parse(t, "--cluster-resource-namespace=system", "--allow-cidrs=127.0.0.0/8, 10.0.0.0/8,", "--allow-cidrs=::1/128")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, prefix := range options.AllowCIDRs {
		got = append(got, prefix.String())
	}
	if strings.Join(got, " ") != "127.0.0.0/8 10.0.0.0/8 ::1/128" {
		t.Errorf("networks %v", got)
	}
}

func TestWatchNamespaces(t *testing.T) {
	options, err := parse(t, "--cluster-resource-namespace=system", "--cluster-id=c", "--watch-namespaces=b, a,b", "--watch-namespaces=c")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(options.WatchNamespaces, " "); got != "a b c" {
		t.Errorf("namespaces %q", got)
	}
	if caches := cacheOptions(options.WatchNamespaces); len(caches.DefaultNamespaces) != 3 {
		t.Errorf("caches of %v", caches.DefaultNamespaces)
	}
	if caches := cacheOptions(nil); caches.DefaultNamespaces != nil {
		t.Errorf("caches of %v, want the whole cluster's", caches.DefaultNamespaces)
	}
}
