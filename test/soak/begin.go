package main

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// Names of what the workload is made of.
const (
	ownIssuer   = "own"
	credentials = "vendor-login"
	authority   = "vendor-ca"
	grantLabel  = "soak.example.com/granted"
)

const (
	// callEvery is how often what runs in a pod calls the vendor.
	callEvery = 250 * time.Millisecond
	// scrapeEvery is how often the metrics are read.
	scrapeEvery = 10 * time.Second
)

// lowered are the settings that let minutes pass in seconds, each with the default that it replaces.
func lowered() []string {
	return []string{
		"--overlap-floor=1s",               // 2m
		"--request-timeout=1s",             // 15s
		"--settle=2s",                      // 30s; never under twice the request time-out
		"--stranger-rest=3s",               // 15m
		"--pod-margin=1s",                  // 10s
		"--restart-delay=3s",               // 15s; a pod margin and two seconds at least
		"--pod-watch-pause=1s",             // 30s
		"--leader-elect-lease-duration=3s", // 15s
		"--leader-elect-renew-deadline=2s", // 10s
		"--leader-elect-retry-period=300ms",
		// People revoke more tokens here within minutes than anywhere within a day.
		"--mints-per-hour=0", "--mints-per-day=0",
		// One address stands for all vendors.
		"--host-requests-per-second=1000",
	}
}

// patient are the settings of an operator with the race detector, which is slow: it is not to end because it could not renew its Lease.
func patient() []string {
	return []string{"--request-timeout=3s", "--settle=6s", "--leader-elect-lease-duration=15s", "--leader-elect-renew-deadline=12s"}
}

// begin starts the stack and makes the issuers that namespaces share.
func (s *soak) begin(ctx context.Context) error {
	if err := s.stack.StartControlPlane(ctx); err != nil {
		return err
	}
	if err := s.stack.StartNodes(ctx, 2); err != nil {
		return err
	}
	if err := s.startVendor(ctx); err != nil {
		return err
	}
	release, err := s.stack.InstallChart(ctx, "logLevel=5", "allowCIDRs={127.0.0.0/8,::1/128}")
	if err != nil {
		return err
	}
	settings := lowered()
	if s.race {
		settings = append(settings, patient()...)
	}
	fmt.Fprintf(s.out, "soak: lowered: %s\n", strings.Join(settings, " "))
	if s.operator, err = s.stack.StartOperator(ctx, release, settings...); err != nil {
		return err
	}
	s.books.startsSpan(time.Now())
	s.follow(ctx)
	for _, p := range s.places {
		if p.tenant {
			continue
		}
		if err := s.share(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// startVendor starts all vendors, in one process. One of them has a limit of calls that lists at every second would use up.
func (s *soak) startVendor(ctx context.Context) (err error) {
	if s.vendor, err = s.stack.StartSimulator(ctx, "vendorsim", stack.Accounts{Causely: causely.DemoAccount()}); err != nil {
		return err
	}
	return s.vendor.Platform(stack.Causeloop).Switch(ctx, map[string]int{"callsPerMinute": 6000})
}

// follow watches what the judgement needs to know, and plays what runs in pods.
func (s *soak) follow(ctx context.Context) {
	s.kubelet = stack.StartKubelet(ctx, s.stack.Client, callEvery, func(namespace string) (stack.Platform, bool) {
		at, found := s.placeNamed(namespace)
		if !found {
			return stack.Platform{}, false
		}
		return s.vendor.Platform(at.kind.vendor), true
	})
	s.observer = s.stack.Observe(ctx, s.operator, scrapeEvery)
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	s.stopFollowing = func() {
		cancel()
		done.Wait()
	}
	done.Go(func() { s.pulse.beats(ctx, s.stack.Client) })
	done.Go(func() {
		stack.Follow(ctx, s.stack.Client, &corev1.SecretList{}, func(_ watch.EventType, secret client.Object) {
			s.books.reads(secret.GetAnnotations()[v1alpha1.AnnotationLedger])
		}, client.MatchingLabels{v1alpha1.LabelRole: v1alpha1.RoleToken})
	})
	for _, list := range []client.ObjectList{&v1alpha1.TokenIssuerList{}, &v1alpha1.ClusterTokenIssuerList{}} {
		done.Go(func() {
			stack.Follow(ctx, s.stack.Client, list, func(_ watch.EventType, object client.Object) {
				if issuer, isIssuer := object.(v1alpha1.Issuer); isIssuer {
					s.books.reports(issuer.IssuerStatus().PossibleOrphans)
				}
			})
		})
	}
}

// share makes an issuer of the whole cluster for the places of a kind.
func (s *soak) share(ctx context.Context, p place) error {
	l, err := p.kind.open(s, ctx, p.namespace)
	if err != nil {
		return err
	}
	s.logins[p.namespace] = l
	grant := v1alpha1.Grant{Namespaces: v1alpha1.NamespaceGrant{
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{grantLabel: p.kind.name}},
	}}
	p.kind.grant(l, &grant)
	issuer := &v1alpha1.ClusterTokenIssuer{
		ObjectMeta: metav1.ObjectMeta{Name: p.kind.name},
		Spec:       v1alpha1.ClusterTokenIssuerSpec{TokenIssuerSpec: s.issuerSpec(p, l), Grants: []v1alpha1.Grant{grant}},
	}
	return s.create(ctx, s.credentialsOf(p), s.authority(p), issuer)
}

func (s *soak) create(ctx context.Context, objects ...client.Object) error {
	for _, object := range objects {
		if err := s.stack.Client.Create(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

// access is where an issuer reads its credentials and its authority, and under which names.
func (p place) access(name string) client.ObjectKey {
	if p.tenant {
		return client.ObjectKey{Namespace: p.namespace, Name: name}
	}
	return client.ObjectKey{Namespace: stack.ReleaseNamespace, Name: name + "-" + p.kind.name}
}

func (s *soak) credentialsOf(p place) *corev1.Secret {
	key := p.access(credentials)
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}, StringData: maps.Clone(s.logins[p.namespace].data)}
}

func (s *soak) authority(p place) *corev1.ConfigMap {
	key := p.access(authority)
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}, Data: map[string]string{v1alpha1.DefaultCABundleKey: s.vendor.CA},
	}
}

func (s *soak) issuerSpec(p place, l login) v1alpha1.TokenIssuerSpec {
	every, rate := metav1.Duration{Duration: time.Second}, int32(50)
	spec := v1alpha1.TokenIssuerSpec{
		CABundle:          &v1alpha1.CABundle{ConfigMapRef: v1alpha1.ConfigMapKeyReference{Name: p.access(authority).Name}},
		RequestsPerSecond: &rate, InventoryInterval: &every,
	}
	p.kind.block(s, l, p.access(credentials).Name, &spec)
	return spec
}

// ensure makes a namespace with what belongs into it; false while an earlier one of that name is going away.
func (s *soak) ensure(ctx context.Context, p place) (bool, error) {
	namespace := &corev1.Namespace{}
	err := s.stack.Client.Get(ctx, client.ObjectKey{Name: p.namespace}, namespace)
	if err == nil {
		return namespace.DeletionTimestamp == nil, nil
	}
	if !apierrors.IsNotFound(err) {
		return false, err
	}
	objects := []client.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: p.namespace, Labels: map[string]string{}}}}
	if p.tenant {
		if s.logins[p.namespace], err = p.kind.open(s, ctx, p.namespace); err != nil {
			return false, err
		}
		delete(s.dropped, p.namespace)
		issuer := &v1alpha1.TokenIssuer{ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace, Name: ownIssuer}, Spec: s.issuerSpec(p, s.logins[p.namespace])}
		objects = append(objects, s.credentialsOf(p), s.authority(p), issuer)
	} else {
		objects[0].SetLabels(map[string]string{grantLabel: p.kind.name})
	}
	return true, s.create(ctx, objects...)
}
