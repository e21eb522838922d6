// Package app puts the operator together: the one place that knows every vendor, every controller and every setting.
package app

import (
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
)

// Options are the operator's settings: one flag each.
type Options struct {
	// ClusterResourceNamespace is where ClusterTokenIssuers find credentials and the ledger key is kept.
	ClusterResourceNamespace string
	// WatchNamespaces are those that the operator works in: it reads nothing elsewhere, beside its own in ClusterResourceNamespace, and no
	// object that is in no namespace. None for the whole cluster.
	WatchNamespaces []string
	// ClusterID identifies the cluster in every token's marker; the UID of the namespace kube-system when empty.
	ClusterID string
	// FormerClusterIDs are clusters that what is in this one came from, and that are gone: their tokens are this one's to revoke.
	FormerClusterIDs []string
	// Instance is part of every token's marker. It does not divide the work between operators.
	Instance string

	LeaderElect             bool
	LeaderElectionNamespace string
	LeaseDuration           time.Duration
	RenewDeadline           time.Duration
	RetryPeriod             time.Duration

	MetricsAddress string
	ProbeAddress   string

	TokenWorkers  int
	IssuerWorkers int

	// Authorities are trusted for vendors of issuers without a caBundle; nil for the public ones.
	Authorities    *x509.CertPool
	AllowCIDRs     []netip.Prefix
	AllowHTTP      bool
	RequestTimeout time.Duration
	HostPerSecond  float64

	Lifecycle lifecycle.Settings

	LogLevel  int
	LogFormat string
}

// MaxLogLevel is the most that can be logged. Above it, client libraries would log the bodies of requests, and with them
// the content of Secrets.
const MaxLogLevel = 5

// Bind defines the flags.
func (o *Options) Bind(flags *flag.FlagSet) {
	defaults := lifecycle.DefaultSettings()
	flags.StringVar(&o.ClusterResourceNamespace, "cluster-resource-namespace", "", "Namespace of the credentials of ClusterTokenIssuers and of the operator's own Secrets. Required.")
	flags.Func("watch-namespaces", "Comma-separated namespaces to work in; the whole cluster when empty. With it no ClusterTokenIssuer is served, nothing is read that is in no namespace, Roles do instead of ClusterRoles, and --cluster-id is required.", o.addNamespaces)
	flags.StringVar(&o.ClusterID, "cluster-id", "", "Identity of the cluster in the names of tokens; the UID of the namespace kube-system when empty, which is read unless --watch-namespaces is set. It must never change while tokens exist.")
	flags.Func("former-cluster-ids", "Comma-separated identities of clusters that are gone and that GatewayTokens and Secrets were moved here from: their tokens are revoked here when they are replaced or deleted. Those of others are used and left at the vendor.", func(text string) error {
		for id := range strings.SplitSeq(text, ",") {
			if id = strings.TrimSpace(id); id != "" {
				o.FormerClusterIDs = append(o.FormerClusterIDs, id)
			}
		}
		return nil
	})
	flags.StringVar(&o.Instance, "instance", "", "Part of every token's marker, to tell apart operators that would otherwise sign alike. It must never change while tokens exist, and does not divide the work between operators in one cluster.")
	flags.BoolVar(&o.LeaderElect, "leader-elect", false, "Elect a leader among several replicas.")
	flags.StringVar(&o.LeaderElectionNamespace, "leader-election-namespace", "", "Namespace of the Lease; the cluster resource namespace when empty.")
	flags.DurationVar(&o.LeaseDuration, "leader-elect-lease-duration", 15*time.Second, "How long a leader that stopped renewing is waited for.")
	flags.DurationVar(&o.RenewDeadline, "leader-elect-renew-deadline", 10*time.Second, "How long a leader tries to renew before it exits.")
	flags.DurationVar(&o.RetryPeriod, "leader-elect-retry-period", 2*time.Second, "How long to wait between two tries.")
	flags.StringVar(&o.MetricsAddress, "metrics-bind-address", ":8080", "Address of the metrics endpoint; 0 for none.")
	flags.StringVar(&o.ProbeAddress, "health-probe-bind-address", ":8081", "Address of /healthz and /readyz; 0 for none.")
	flags.IntVar(&o.TokenWorkers, "max-concurrent-reconciles", 10, "GatewayTokens worked on at the same time.")
	flags.IntVar(&o.IssuerWorkers, "max-concurrent-issuer-reconciles", 4, "Issuers of one kind worked on at the same time.")
	flags.Func("allow-cidrs", "Comma-separated networks that vendors may be at although they are loopback, link-local, metadata or (for a TokenIssuer) private addresses.", o.addCIDRs)
	flags.Func("ca-file", "File with certificate authorities (PEM) that are trusted beside the public ones, for vendors of issuers that have no caBundle. It is read at start.", o.addAuthorities)
	flags.BoolVar(&o.AllowHTTP, "allow-http", false, "Allow issuers whose URL is not https. Credentials and tokens then travel in clear.")
	flags.DurationVar(&o.RequestTimeout, "request-timeout", 15*time.Second, "Time-out of one vendor call.")
	flags.Float64Var(&o.HostPerSecond, "host-requests-per-second", 50, "Most calls per second to one vendor host, over all issuers.")
	flags.DurationVar(&o.Lifecycle.OverlapFloor, "overlap-floor", defaults.OverlapFloor, "Shortest overlap that is honoured.")
	flags.DurationVar(&o.Lifecycle.Settle, "settle", defaults.Settle, "How long a vendor may take to commit a request whose answer was lost: at least twice the request time-out.")
	flags.DurationVar(&o.Lifecycle.PodMargin, "pod-margin", defaults.PodMargin, "How much later than the publication of a new value a pod must have been created to be known to have it. It covers kubelets that learn of a Secret late.")
	flags.DurationVar(&o.Lifecycle.RestartDelay, "restart-delay", defaults.RestartDelay, "How long after the publication of a new value workloads are restarted at the earliest: at least 2s longer than --pod-margin. GatewayTokens of a namespace that are due within it share one restart.")
	flags.IntVar(&o.Lifecycle.RestartsAtOnce, "max-concurrent-restarts", defaults.RestartsAtOnce, "Most workloads of a namespace that are being restarted at the same time; 0 for no limit. One whose rollout does not finish goes on counting.")
	flags.DurationVar(&o.Lifecycle.WatchPause, "pod-watch-pause", defaults.WatchPause, "Shortest pause between two looks at the pods that hold a token which was replaced. It grows to five minutes while they hold it.")
	flags.DurationVar(&o.Lifecycle.StrangerRest, "stranger-rest", defaults.StrangerRest, "How long a token without a name that came of a create whose answer was lost must stay unused before it is revoked, where the issuer says exclusive. A longer overlap counts in its place.")
	flags.DurationVar(&o.Lifecycle.OrphanRest, "orphan-rest", defaults.OrphanRest, "How long a token that this installation issued and nothing in the cluster accounts for must have been seen before its issuer says so by a condition and a person may have it revoked: at least --settle.")
	flags.DurationVar(&o.Lifecycle.MaxSkew, "max-clock-skew", defaults.MaxSkew, "How far the operator's clock may be off the API server's before time triggers nothing.")
	flags.IntVar(&o.Lifecycle.MintsPerHour, "mints-per-hour", defaults.MintsPerHour, "Most tokens issued for one GatewayToken within an hour that its spec did not ask for.")
	flags.IntVar(&o.Lifecycle.MintsPerDay, "mints-per-day", defaults.MintsPerDay, "Most tokens issued for one GatewayToken within a day that its spec did not ask for.")
	flags.IntVar(&o.Lifecycle.IssuerRotationsPerMinute, "rotations-per-minute-per-issuer", defaults.IssuerRotationsPerMinute, "Most tokens of one issuer replaced within a minute because of their age; 0 for no limit. What expires, was asked for by a person or has leaked does not wait.")
	flags.IntVar(&o.Lifecycle.NamespaceRotationsPerMinute, "rotations-per-minute-per-namespace", defaults.NamespaceRotationsPerMinute, "The same for the tokens of one namespace.")
	flags.IntVar(&o.LogLevel, "log-level", 0, fmt.Sprintf("Verbosity: 0 (info) to %d. A higher one counts as %d: secrets are not logged at any.", MaxLogLevel, MaxLogLevel))
	flags.StringVar(&o.LogFormat, "log-format", "json", "json or console.")
}

// addNamespaces takes them in order, each once.
func (o *Options) addNamespaces(text string) error {
	namespaces, err := namespacesIn(text)
	o.WatchNamespaces = append(o.WatchNamespaces, namespaces...)
	slices.Sort(o.WatchNamespaces)
	o.WatchNamespaces = slices.Compact(o.WatchNamespaces)
	return err
}

// namespacesIn reads comma-separated names. A list that is set and names nothing is a mistake, and not the whole cluster.
func namespacesIn(text string) ([]string, error) {
	var namespaces []string
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if len(validation.IsDNS1123Label(name)) > 0 {
			return nil, fmt.Errorf("%q is not the name of a namespace", name)
		}
		namespaces = append(namespaces, name)
	}
	if strings.TrimSpace(text) != "" && len(namespaces) == 0 {
		return nil, fmt.Errorf("%q names no namespace", text)
	}
	return namespaces, nil
}

func (o *Options) addCIDRs(text string) error {
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(part)
		if err != nil {
			return fmt.Errorf("%q is not a network in CIDR notation, such as 10.0.0.0/8", part)
		}
		o.AllowCIDRs = append(o.AllowCIDRs, prefix)
	}
	return nil
}

func (o *Options) addAuthorities(path string) error {
	text, err := os.ReadFile(path) //nolint:gosec // whoever starts the operator names it
	if err != nil {
		return err
	}
	if o.Authorities == nil {
		if o.Authorities, err = x509.SystemCertPool(); err != nil {
			return fmt.Errorf("read the public certificate authorities: %w", err)
		}
	}
	if !o.Authorities.AppendCertsFromPEM(text) {
		return fmt.Errorf("%s has no certificate in PEM format", path)
	}
	return nil
}

// contradictions are settings that do not go with others.
func (o *Options) contradictions() []error {
	var problems []error
	if o.ClusterID != "" && slices.Contains(o.FormerClusterIDs, o.ClusterID) {
		problems = append(problems, errors.New("--former-cluster-ids must not name the cluster itself, which --cluster-id does"))
	}
	if len(o.WatchNamespaces) > 0 && o.ClusterID == "" {
		problems = append(problems, errors.New("--cluster-id is required with --watch-namespaces: the UID of the namespace kube-system, which the operator cannot read then. "+
			"Somebody who may finds it with: kubectl get namespace kube-system --output jsonpath={.metadata.uid}. It must never change while tokens exist"))
	}
	if o.Lifecycle.OrphanRest < o.Lifecycle.Settle {
		problems = append(problems, fmt.Errorf("--orphan-rest (%s) must be at least --settle (%s)", o.Lifecycle.OrphanRest, o.Lifecycle.Settle))
	}
	return problems
}

// Validate checks the settings together.
func (o *Options) Validate() error {
	problems := o.contradictions()
	if o.ClusterResourceNamespace == "" {
		problems = append(problems, errors.New("--cluster-resource-namespace is required: the namespace of the operator"))
	}
	if o.LogFormat != "json" && o.LogFormat != "console" {
		problems = append(problems, errors.New("--log-format must be json or console"))
	}
	if o.Lifecycle.Settle < 2*o.RequestTimeout {
		problems = append(problems, fmt.Errorf("--settle (%s) must be at least twice --request-timeout (%s)", o.Lifecycle.Settle, o.RequestTimeout))
	}
	if o.TokenWorkers < 1 || o.IssuerWorkers < 1 {
		problems = append(problems, errors.New("--max-concurrent-reconciles and --max-concurrent-issuer-reconciles must be at least 1"))
	}
	if o.Lifecycle.OverlapFloor < 0 || o.Lifecycle.PodMargin < 0 || o.Lifecycle.WatchPause < 0 || o.Lifecycle.StrangerRest < 0 || o.Lifecycle.MintsPerHour < 0 || o.Lifecycle.MintsPerDay < 0 || o.HostPerSecond < 0 {
		problems = append(problems, errors.New("--overlap-floor, --pod-margin, --pod-watch-pause, --stranger-rest, --mints-per-hour, --mints-per-day and --host-requests-per-second must not be negative"))
	}
	if o.Lifecycle.PodMargin < time.Second || o.Lifecycle.RestartDelay < o.Lifecycle.PodMargin+2*time.Second {
		problems = append(problems, errors.New("--pod-margin must be at least 1s, and --restart-delay at least 2s longer: pods are dated by the second"))
	}
	if o.Lifecycle.RestartsAtOnce < 0 {
		problems = append(problems, errors.New("--max-concurrent-restarts must not be negative"))
	}
	if o.Lifecycle.IssuerRotationsPerMinute < 0 || o.Lifecycle.NamespaceRotationsPerMinute < 0 {
		problems = append(problems, errors.New("--rotations-per-minute-per-issuer and --rotations-per-minute-per-namespace must not be negative"))
	}
	return errors.Join(problems...)
}
