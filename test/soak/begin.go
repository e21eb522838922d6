package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// Names of what the workload is made of.
const (
	sharedIssuer = "shared"
	ownIssuer    = "own"
	credentials  = "vendor-login"
	authority    = "vendor-ca"
	grantLabel   = "soak.example.com/granted"
)

// lowered are the settings that let minutes pass in seconds.
func lowered() []string {
	return []string{
		"--overlap-floor=1s", "--request-timeout=1s", "--settle=2s",
		"--leader-elect-lease-duration=4s", "--leader-elect-renew-deadline=3s", "--leader-elect-retry-period=500ms",
		// People revoke more tokens here within minutes than anywhere within a day.
		"--mints-per-hour=0", "--mints-per-day=0",
	}
}

// begin starts the stack and makes the issuer that namespaces share.
func (s *soak) begin(ctx context.Context) error {
	if err := s.stack.StartControlPlane(ctx); err != nil {
		return err
	}
	account := causely.DemoAccount()
	var err error
	if s.vendor, err = s.stack.StartSimulator(ctx, "vendorsim", stack.Accounts{Causely: account}); err != nil {
		return err
	}
	release, err := s.stack.InstallChart(ctx, "logLevel=1", "allowCIDRs={127.0.0.0/8,::1/128}")
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "soak: lowered: %s\n", strings.Join(lowered(), " "))
	if s.operator, err = s.stack.StartOperator(ctx, release, lowered()...); err != nil {
		return err
	}
	for _, object := range s.access(stack.ReleaseNamespace, account) {
		if err := s.stack.Client.Create(ctx, object); err != nil {
			return err
		}
	}
	issuer := &v1alpha1.ClusterTokenIssuer{
		ObjectMeta: metav1.ObjectMeta{Name: sharedIssuer},
		Spec: v1alpha1.ClusterTokenIssuerSpec{TokenIssuerSpec: s.issuerSpec(), Grants: []v1alpha1.Grant{{
			Namespaces: v1alpha1.NamespaceGrant{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{grantLabel: "yes"}}},
		}}},
	}
	return s.stack.Client.Create(ctx, issuer)
}

// access is what an issuer reads: credentials and CA bundle.
func (s *soak) access(namespace string, account causely.Account) []client.Object {
	return []client.Object{
		&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: credentials},
			StringData: map[string]string{v1alpha1.DefaultClientIDKey: account.ClientID, v1alpha1.DefaultClientSecretKey: account.Secret},
		},
		&corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: authority},
			Data:       map[string]string{v1alpha1.DefaultCABundleKey: s.vendor.CA},
		},
	}
}

func (s *soak) issuerSpec() v1alpha1.TokenIssuerSpec {
	every, rate := metav1.Duration{Duration: time.Second}, int32(50)
	return v1alpha1.TokenIssuerSpec{
		Causely: &v1alpha1.CauselyIssuer{
			URL: s.vendor.URL, AuthURL: s.vendor.AuthURL(),
			CredentialsSecretRef: v1alpha1.ClientCredentialsReference{Name: credentials},
		},
		CABundle:          &v1alpha1.CABundle{ConfigMapRef: v1alpha1.ConfigMapKeyReference{Name: authority}},
		RequestsPerSecond: &rate, InventoryInterval: &every,
	}
}

// place is a namespace of the workload.
type place struct {
	name string
	// tenant: it has an issuer and credentials of its own.
	tenant bool
}

func places() []place {
	var all []place
	for i := range 3 {
		all = append(all, place{name: fmt.Sprintf("team-%d", i)}, place{name: fmt.Sprintf("tenant-%d", i), tenant: true})
	}
	return all
}

// tokensPerPlace is how many GatewayTokens a namespace has at most.
const tokensPerPlace = 4

// ensure makes a namespace with what belongs into it; false while an earlier one of that name is going away.
func (s *soak) ensure(ctx context.Context, p place) (bool, error) {
	namespace := &corev1.Namespace{}
	err := s.stack.Client.Get(ctx, client.ObjectKey{Name: p.name}, namespace)
	if err == nil {
		return namespace.DeletionTimestamp == nil, nil
	}
	if !apierrors.IsNotFound(err) {
		return false, err
	}
	objects := []client.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: p.name, Labels: map[string]string{grantLabel: "yes"}}}}
	if p.tenant {
		s.sequence++
		account := causely.Account{ClientID: fmt.Sprintf("%s-%d", p.name, s.sequence), Secret: uuid.NewString(), ProjectID: uuid.NewString(), Admin: true}
		if err := s.vendor.AddAccount(ctx, account); err != nil {
			return false, err
		}
		objects = append(objects, s.access(p.name, account)...)
		objects = append(objects, &v1alpha1.TokenIssuer{ObjectMeta: metav1.ObjectMeta{Namespace: p.name, Name: ownIssuer}, Spec: s.issuerSpec()})
	}
	for _, object := range objects {
		if err := s.stack.Client.Create(ctx, object); err != nil {
			return false, err
		}
	}
	return true, nil
}
