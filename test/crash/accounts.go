package main

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/rackgateway"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// The values of accounts that scenarios add.
const (
	otherSecret  = "other-secret-0123456789abcdef01234567"
	otherMember  = "clp_pat_other-0123456789abcdef0123456789ab"
	otherGateway = "rgw_b3RoZXItYm9vdHN0cmFwLXRva2VuLTAxMjM0NTY3ODk="
)

// colleague gives the issuer other credentials of the same account.
func (p *play) colleague() {
	switch p.at.name {
	case "causely":
		p.must(p.Vendor.Causely().AddAccount(causely.Account{ClientID: "other", Secret: otherSecret, ProjectID: causely.DemoProjectID, Admin: true}))
		p.use(map[string]string{v1alpha1.DefaultClientIDKey: "other", v1alpha1.DefaultClientSecretKey: otherSecret})
	case "rackgateway":
		p.must(p.Vendor.RackGateway().AddAccount(rackgateway.Account{Email: "other@example.com", Value: otherGateway, Admin: true}))
		p.use(map[string]string{v1alpha1.DefaultTokenKey: otherGateway})
	case "pingone", "pingone-exclusive":
		p.must(p.Vendor.PingOne().AddAccount(pingone.Account{ClientID: "other", Secret: otherSecret, EnvironmentID: pingone.DemoEnvironmentID, Admin: true}))
		p.use(map[string]string{v1alpha1.DefaultClientIDKey: "other", v1alpha1.DefaultClientSecretKey: otherSecret})
	default:
		p.member(causeloop.DemoWorkspaceID)
	}
}

// stranger gives it credentials of another account, where somebody has a token, too.
func (p *play) stranger() {
	if p.at.name == "causely" {
		p.must(p.Vendor.Causely().AddAccount(causely.Account{ClientID: "other", Secret: otherSecret, ProjectID: "another-project", Admin: true}))
		_, err := p.Vendor.Causely().Create("other", "somebody else's")
		p.must(err)
		p.use(map[string]string{v1alpha1.DefaultClientIDKey: "other", v1alpha1.DefaultClientSecretKey: otherSecret})
		return
	}
	p.member("ws_other")
}

// member gives it the token of another member of a workspace of Causeloop.
func (p *play) member(workspace string) {
	p.must(p.Vendor.Causeloop().AddAccount(causeloop.Account{Name: "other", Value: otherMember, WorkspaceID: workspace, Admin: true}))
	p.use(map[string]string{v1alpha1.DefaultTokenKey: otherMember})
}

// rightful gives it the first credentials again.
func (p *play) rightful() { p.use(p.Flavour().Credentials()) }

// must ends a run whose scenario has a mistake.
func (p *play) must(err error) {
	if err != nil {
		p.t.Fatal(err)
	}
}

// use changes the credentials.
func (p *play) use(credentials map[string]string) {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: p.System, Name: harness.CredentialsName}}
	harness.Change(p.World, secret, func(s *corev1.Secret) {
		for key, value := range credentials {
			s.Data[key] = []byte(value)
		}
	})
}

// ofAccounts are the stories about credentials and accounts.
func ofAccounts() []scenario {
	switches := func(v vendor) bool {
		return v.name == "causely" || v.name == "causeloop-dedicated" || v.name == "causeloop-personal" || v.name == "causeloop-existing"
	}
	return []scenario{
		// A member's personal tokens are not another member's, and PingOne's credentials are told by whose they are.
		{name: "credentials changed", at: func(v vendor) bool { return v.name != "causeloop-personal" && (v.named || !v.listed) }, mints: always(2), takes: time.Hour, ends: ready, tell: func(p *play) {
			p.published()
			p.here()
			p.colleague()
			p.pass(time.Minute)
			p.request(false)
		}},
		{name: "account switched", at: switches, mints: always(1), takes: time.Hour, ends: ready, tell: func(p *play) {
			p.published()
			p.here()
			p.stranger()
			p.pass(30 * time.Minute)
			p.rightful()
		}},
		{name: "account switched and deleted", at: switches, mints: always(1), takes: time.Hour, ends: released, tell: func(p *play) {
			p.published()
			p.here()
			p.stranger()
			p.pass(time.Minute)
			p.remove()
			p.pass(30 * time.Minute)
			// The credentials that were accepted before may revoke it.
			if p.Gone(p.object) && !p.counted {
				wantLeft(p, 0)
			}
			p.rightful()
		}},
		{name: "namespace deleted", mints: always(1), takes: time.Hour, tell: func(p *play) {
			p.publishedInNamespace()
			p.here()
			p.Remove(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: p.Tenant}})
		}, ends: func(p *play) {
			if !p.Gone(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: p.Tenant}}) {
				p.t.Error("the namespace is not gone")
			}
			wantLeft(p, 0)
		}},
		{name: "everything deleted", mints: always(1), takes: time.Hour, ends: released, tell: func(p *play) {
			p.published()
			p.here()
			p.Remove(p.SecretIn(p.System, harness.CredentialsName), p.issuer, p.object)
		}},
		{name: "store rolled back", at: func(v vendor) bool { return v.listed }, mints: always(3), takes: time.Hour, ends: ready, unknown: nameless, tell: func(p *play) {
			p.published()
			restore := p.Snapshot()
			p.request(false)
			p.pass(20 * time.Minute)
			p.hasty = true
			for _, id := range p.endedIDs() {
				p.Excuse(id)
			}
			restore()
			p.Restart()
			p.here()
		}},
	}
}

// nameless is one token that nobody can tell any more where tokens have no names that are listed.
func nameless(at vendor) int {
	if at.named {
		return 0
	}
	return 1
}

// publishedInNamespace makes everything in the tenant's namespace: credentials, issuer and GatewayToken.
func (p *play) publishedInNamespace() {
	p.somebodys = p.CreateByHand("somebody's")
	p.Provide(p.Tenant)
	p.object = p.Token("mediator", harness.Overlapping(overlap), harness.FromNamespacedIssuer)
	p.Create(p.NamespacedIssuer(), p.object)
	p.pass(time.Minute)
}
