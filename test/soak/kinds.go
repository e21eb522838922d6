package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/rackgateway"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// foreign begins the name of what somebody else has in an account.
const foreign = "somebody-elses-"

// Those tokens of a kind that are made for a short life, and asked for at the vendor so that the operator has to replace them soon.
const (
	// shortLife is what a personal token lives at least, renewBefore how long before its end it is replaced: renewAfter after it was made.
	shortLife   = time.Hour
	renewAfter  = 15 * time.Second
	renewBefore = shortLife - renewAfter
)

// login is an account at a vendor.
type login struct {
	// data is what the Secret of an issuer's credentials has.
	data map[string]string
	// maker is what the vendor says of tokens made with it where these have no names.
	maker string
	// environment and gateways are PingOne's.
	environment string
	gateways    []string
}

// kind is a kind of token at a vendor, and all that is special about it.
type kind struct {
	name   string
	vendor stack.Vendor
	// readable: the vendor shows the value of a token again.
	readable bool
	// creates is the call that makes a token's value; revokes, lists and others are further calls that may go wrong.
	creates, revokes, lists string
	others                  []string
	// strategy is another way of replacing, for tokens that nobody calls with.
	strategy v1alpha1.RotationStrategy

	// open makes an account at the vendor.
	open func(*soak, context.Context, string) (login, error)
	// block says of an issuer where the vendor is; grant what of it a namespace may ask for.
	block func(s *soak, l login, secret string, spec *v1alpha1.TokenIssuerSpec)
	grant func(login, *v1alpha1.Grant)
	// ask is what the GatewayToken of a number asks of the vendor.
	ask func(login, int, *v1alpha1.GatewayTokenSpec)
	// rights edits what may be done with the token, and tells whether that takes another one. Nil where there are no rights.
	rights func(*soak, *v1alpha1.GatewayTokenSpec) (another bool)
}

// named: tokens have names, which tell whose they are.
func (k *kind) named() bool { return k.vendor != stack.PingOne }

// routes are drawn from for faults and moments. Creates count twice.
func (k *kind) routes() []string {
	return slices.Concat([]string{k.creates, k.creates, k.revokes, k.lists}, k.others)
}

func kinds() []*kind {
	return []*kind{ofCausely(), ofDedicated(), ofPersonal(), ofRackGateway(), ofPingOne()}
}

func randomText() string { return strings.ToLower(rand.Text()) }

// inAccount makes an account and something of somebody else's in it, which the operator must never touch: a list without any row proves
// nothing.
func (s *soak) inAccount(ctx context.Context, at stack.Platform, account any, others map[string]any) error {
	if err := at.Admin(ctx, "accounts", account); err != nil {
		return err
	}
	for path, other := range others {
		if err := at.Admin(ctx, path, other); err != nil {
			return err
		}
	}
	return nil
}

func ofCausely() *kind {
	return &kind{
		name: "causely", vendor: stack.Causely, readable: true,
		creates: causely.RouteCreate, revokes: causely.RouteRevoke, lists: causely.RouteList, others: []string{causely.RouteLogin},
		open: func(s *soak, ctx context.Context, name string) (login, error) {
			account := causely.Account{ClientID: name + "-" + randomText(), Secret: randomText(), ProjectID: uuid.NewString(), Admin: true}
			return login{data: map[string]string{v1alpha1.DefaultClientIDKey: account.ClientID, v1alpha1.DefaultClientSecretKey: account.Secret}},
				s.inAccount(ctx, s.vendor.Platform(stack.Causely), account, map[string]any{
					"tokens": map[string]string{"clientID": account.ClientID, "name": foreign + randomText()},
				})
		},
		block: func(s *soak, _ login, secret string, spec *v1alpha1.TokenIssuerSpec) {
			spec.Causely = &v1alpha1.CauselyIssuer{
				URL: s.vendor.URL, AuthURL: s.vendor.AuthURL(), CredentialsSecretRef: v1alpha1.ClientCredentialsReference{Name: secret},
			}
		},
		grant: func(login, *v1alpha1.Grant) {},
		ask:   func(login, int, *v1alpha1.GatewayTokenSpec) {},
	}
}

func ofDedicated() *kind {
	k := inCauseloop("dedicated", func(_ login, _ int, spec *v1alpha1.GatewayTokenSpec) {
		spec.Causeloop.ServiceAccount = &v1alpha1.CauseloopServiceAccount{Dedicated: &v1alpha1.CauseloopDedicated{}}
	})
	// A service account alone has no value: it is the token in it that counts.
	k.creates, k.revokes, k.lists = causeloop.RouteIssue, causeloop.RouteDeleteAccount, causeloop.RouteListAccounts
	k.others = []string{causeloop.RouteCreateAccount}
	return k
}

func ofPersonal() *kind {
	k := inCauseloop("personal", func(_ login, number int, spec *v1alpha1.GatewayTokenSpec) {
		spec.Causeloop.Personal = &v1alpha1.CauseloopPersonal{}
		if number == aging {
			spec.Causeloop.ExpiresAfter = &metav1.Duration{Duration: shortLife}
			spec.Rotation.RenewBefore = &metav1.Duration{Duration: renewBefore}
		}
	})
	k.creates, k.revokes, k.lists = causeloop.RouteCreate, causeloop.RouteRevoke, causeloop.RouteList
	k.others, k.strategy = []string{causeloop.RouteRoll}, v1alpha1.StrategyInPlace
	return k
}

// inCauseloop is what both kinds of Causeloop have in common.
func inCauseloop(name string, ask func(login, int, *v1alpha1.GatewayTokenSpec)) *kind {
	scopes := [][]string{{"issues:read"}, {"issues:read", "patterns:read"}, {"issues:write"}}
	return &kind{
		name: name, vendor: stack.Causeloop,
		open: func(s *soak, ctx context.Context, name string) (login, error) {
			account := causeloop.Account{
				Name: name + "-" + randomText(), Value: "clp_pat_" + randomText(), WorkspaceID: "ws_" + randomText(), Admin: true,
			}
			return login{data: map[string]string{v1alpha1.DefaultTokenKey: account.Value}},
				s.inAccount(ctx, s.vendor.Platform(stack.Causeloop), account, map[string]any{
					"tokens":           map[string]string{"member": account.Name, "name": foreign + randomText()},
					"service-accounts": map[string]string{"workspaceID": account.WorkspaceID, "name": foreign + randomText()},
				})
		},
		block: func(s *soak, _ login, secret string, spec *v1alpha1.TokenIssuerSpec) {
			spec.Causeloop = &v1alpha1.CauseloopIssuer{URL: s.vendor.URL, TokenSecretRef: v1alpha1.SecretKeyReference{Name: secret}}
		},
		grant: func(_ login, grant *v1alpha1.Grant) {
			grant.Causeloop = &v1alpha1.CauseloopGrant{
				Kinds:  []v1alpha1.CauseloopKind{v1alpha1.CauseloopKindPersonal, v1alpha1.CauseloopKindDedicated},
				Scopes: []string{"issues:read", "issues:write", "patterns:read"},
			}
		},
		ask: func(l login, number int, spec *v1alpha1.GatewayTokenSpec) {
			spec.Causeloop = &v1alpha1.CauseloopToken{Scopes: scopes[0]}
			ask(l, number, spec)
		},
		rights: func(s *soak, spec *v1alpha1.GatewayTokenSpec) bool {
			before := spec.Causeloop.Scopes
			spec.Causeloop.Scopes = scopes[s.random.IntN(len(scopes))]
			return !slices.Equal(before, spec.Causeloop.Scopes)
		},
	}
}

func ofRackGateway() *kind {
	return &kind{
		name: "rack", vendor: stack.RackGateway,
		creates: rackgateway.RouteCreate, revokes: rackgateway.RouteRevoke, lists: rackgateway.RouteList,
		others: []string{rackgateway.RouteUpdate, rackgateway.RouteGet},
		open: func(s *soak, ctx context.Context, name string) (login, error) {
			account := rackgateway.Account{Email: name + "-" + randomText() + "@example.com", Value: "rgw_" + randomText() + "=", Admin: true}
			return login{data: map[string]string{v1alpha1.DefaultTokenKey: account.Value}},
				s.inAccount(ctx, s.vendor.Platform(stack.RackGateway), account, map[string]any{
					"tokens": map[string]string{"email": account.Email, "name": foreign + randomText()},
				})
		},
		block: func(s *soak, _ login, secret string, spec *v1alpha1.TokenIssuerSpec) {
			spec.RackGateway = &v1alpha1.RackGatewayIssuer{URL: s.vendor.URL, TokenSecretRef: v1alpha1.SecretKeyReference{Name: secret}}
		},
		grant: func(_ login, grant *v1alpha1.Grant) {
			grant.RackGateway = &v1alpha1.RackGatewayGrant{
				Roles: []v1alpha1.RackGatewayRole{v1alpha1.RackGatewayViewer}, Permissions: []v1alpha1.RackGatewayPermission{"convox:*:*"},
			}
		},
		ask: func(_ login, _ int, spec *v1alpha1.GatewayTokenSpec) {
			spec.RackGateway = &v1alpha1.RackGatewayToken{Role: v1alpha1.RackGatewayViewer}
		},
		// The gateway gives other rights to the token that is there.
		rights: func(s *soak, spec *v1alpha1.GatewayTokenSpec) bool {
			spec.RackGateway = []*v1alpha1.RackGatewayToken{
				{Role: v1alpha1.RackGatewayViewer},
				{Permissions: []v1alpha1.RackGatewayPermission{"convox:app:read"}},
				{Permissions: []v1alpha1.RackGatewayPermission{"convox:app:*"}},
			}[s.random.IntN(3)]
			return false
		},
	}
}

// gatewaysEach is how many gateways an account of PingOne's has. There are more GatewayTokens, so that two get in each other's way.
const gatewaysEach = tokensPerPlace - 1

func ofPingOne() *kind {
	return &kind{
		name: "pingone", vendor: stack.PingOne,
		creates: pingone.RouteCreate, revokes: pingone.RouteRevoke, lists: pingone.RouteList, others: []string{pingone.RouteLogin},
		strategy: v1alpha1.StrategyRevokeFirst,
		open:     (*soak).openPingOne,
		block: func(s *soak, l login, secret string, spec *v1alpha1.TokenIssuerSpec) {
			spec.PingOne = &v1alpha1.PingOneIssuer{
				URL: s.vendor.URL + "/v1", AuthURL: s.vendor.URL + "/" + l.environment + "/as/token", EnvironmentID: l.environment,
				CredentialsSecretRef: v1alpha1.ClientCredentialsReference{Name: secret}, Exclusive: true,
			}
		},
		grant: func(l login, grant *v1alpha1.Grant) { grant.PingOne = &v1alpha1.PingOneGrant{GatewayIDs: l.gateways} },
		ask: func(l login, number int, spec *v1alpha1.GatewayTokenSpec) {
			spec.PingOne = &v1alpha1.PingOneToken{GatewayID: l.gateways[number%gatewaysEach]}
		},
	}
}

// openPingOne makes an environment with gateways, each of which has a credential from the first.
func (s *soak) openPingOne(ctx context.Context, name string) (login, error) {
	l := login{environment: uuid.NewString(), maker: name + "-" + randomText()}
	at, secret := s.vendor.Platform(stack.PingOne), randomText()
	l.data = map[string]string{v1alpha1.DefaultClientIDKey: l.maker, v1alpha1.DefaultClientSecretKey: secret}
	if err := at.Admin(ctx, "accounts", pingone.Account{ClientID: l.maker, Secret: secret, EnvironmentID: l.environment, Admin: true}); err != nil {
		return l, err
	}
	for range gatewaysEach {
		id := uuid.NewString()
		l.gateways = append(l.gateways, id)
		if err := at.Admin(ctx, "gateways", pingone.Gateway{ID: id, EnvironmentID: l.environment}); err != nil {
			return l, err
		}
		if err := at.Admin(ctx, "credentials", map[string]string{"environmentID": l.environment, "gatewayID": id}); err != nil {
			return l, err
		}
	}
	s.books.makes(l.maker)
	return l, nil
}

// place is a namespace of the workload.
type place struct {
	namespace string
	kind      *kind
	// tenant: it has an issuer and credentials of its own. The others share an issuer of the whole cluster, and have consumers.
	tenant bool
}

// Numbers of GatewayTokens: each namespace has as many at most.
const (
	tokensPerPlace = 3
	// consumed has consumers, where it is not a tenant's; aging is to be replaced soon, where the vendor lets tokens expire; cutting is
	// replaced in a way that cuts off whoever has it, at times.
	consumed, aging, cutting = 0, 1, 2
)

func tokenName(number int) string { return fmt.Sprintf("token-%d", number) }

func (p place) issuer() v1alpha1.IssuerReference {
	if p.tenant {
		return v1alpha1.IssuerReference{Kind: v1alpha1.KindTokenIssuer, Name: ownIssuer}
	}
	return v1alpha1.IssuerReference{Kind: v1alpha1.KindClusterTokenIssuer, Name: p.kind.name}
}

func (s *soak) placesOf(kinds []*kind) []place {
	var all []place
	for _, k := range kinds {
		all = append(all, place{namespace: "team-" + k.name, kind: k}, place{namespace: "tenant-" + k.name, kind: k, tenant: true})
	}
	return all
}

func (s *soak) placeNamed(namespace string) (place, bool) {
	at := slices.IndexFunc(s.places, func(p place) bool { return p.namespace == namespace })
	if at < 0 {
		return place{}, false
	}
	return s.places[at], true
}
