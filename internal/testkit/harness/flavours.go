package harness

import (
	"slices"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/rackgateway"
)

// atRackGateway is the flavour of Rack Gateway.
type atRackGateway struct{}

// AtRackGateway is a Rack Gateway, whose tokens of the role viewer are asked for. Roles viewer and deployer are granted, and
// everything that begins with convox.
func AtRackGateway() Flavour { return atRackGateway{} }

func (atRackGateway) Credentials() map[string]string {
	return map[string]string{v1alpha1.DefaultTokenKey: rackgateway.DemoValue}
}

func (atRackGateway) Account(spec *v1alpha1.TokenIssuerSpec, url string) {
	spec.RackGateway = &v1alpha1.RackGatewayIssuer{URL: url, TokenSecretRef: v1alpha1.SecretKeyReference{Name: CredentialsName}}
}

func (atRackGateway) Grant(grant *v1alpha1.Grant) {
	grant.RackGateway = &v1alpha1.RackGatewayGrant{
		Roles:       []v1alpha1.RackGatewayRole{v1alpha1.RackGatewayViewer, v1alpha1.RackGatewayDeployer},
		Permissions: []v1alpha1.RackGatewayPermission{"convox:*:*"},
	}
}

func (atRackGateway) Ask(spec *v1alpha1.GatewayTokenSpec) {
	spec.RackGateway = &v1alpha1.RackGatewayToken{Role: v1alpha1.RackGatewayViewer}
}

func (atRackGateway) Route(call string) string { return "rackgateway." + call }

func (atRackGateway) Tokens(vendor *simulator.Server) []Token {
	var all []Token
	for _, account := range vendor.RackGateway().Truth().Accounts {
		for _, made := range account.Tokens {
			all = append(all, Token{
				ID: made.ID, Name: made.Name, Active: made.State == rackgateway.Active,
				CreatedAt: made.CreatedAt, ExpiresAt: made.ExpiresAt, Rights: inOrder(made.Permissions),
			})
		}
	}
	return all
}

func (atRackGateway) Check(vendor *simulator.Server, value string) Connection {
	return Connection(vendor.RackGateway().Check(value))
}

func (atRackGateway) Use(vendor *simulator.Server, value string) {
	vendor.RackGateway().Connect(value)
}

func (atRackGateway) Create(vendor *simulator.Server, name string) (string, error) {
	return vendor.RackGateway().Create(rackgateway.DemoEmail, name)
}

func (atRackGateway) Revoke(vendor *simulator.Server, id string) error {
	return vendor.RackGateway().Revoke(id)
}

func (atRackGateway) Calls(vendor *simulator.Server) map[string]int {
	return vendor.RackGateway().Truth().Calls
}

func (atRackGateway) Secrets(vendor *simulator.Server) []string {
	return vendor.RackGateway().Secrets()
}

// atExisting is the flavour of Causeloop where tokens of one existing service account are asked for.
type atExisting struct {
	atCauseloop
	account string
}

// AtCauseloopExisting is Causeloop, where tokens of a service account are asked for that somebody else made. No call lists them.
func AtCauseloopExisting() Flavour {
	return &atExisting{atCauseloop: atCauseloop{v1alpha1.CauseloopKindExisting}}
}

// Prepare makes the service account, as its administrator does.
func (e *atExisting) Prepare(vendor *simulator.Server) (Flavour, error) {
	account, err := vendor.Causeloop().CreateServiceAccount(causeloop.DemoWorkspaceID, "shared", "issues:read")
	return &atExisting{atCauseloop: e.atCauseloop, account: account}, err
}

func (e *atExisting) Grant(grant *v1alpha1.Grant) {
	grant.Causeloop = &v1alpha1.CauseloopGrant{
		Kinds: []v1alpha1.CauseloopKind{v1alpha1.CauseloopKindExisting}, ServiceAccountIDs: []string{e.account},
	}
}

func (e *atExisting) Ask(spec *v1alpha1.GatewayTokenSpec) {
	spec.Causeloop = &v1alpha1.CauseloopToken{ServiceAccount: &v1alpha1.CauseloopServiceAccount{ID: e.account}}
}

func (e *atExisting) Route(call string) string {
	switch call {
	case RouteCreate:
		return causeloop.RouteIssue
	case RouteRevoke:
		return causeloop.RouteWithdraw
	default:
		return "causeloop." + call
	}
}

// Tokens are those of the account.
func (e *atExisting) Tokens(vendor *simulator.Server) []Token {
	var all []Token
	for _, account := range vendor.Causeloop().Truth().ServiceAccounts {
		if account.ID != e.account {
			continue
		}
		for _, made := range account.Tokens {
			all = append(all, Token{
				ID: made.ID, Name: made.Name, Active: made.State == causeloop.Active, CreatedAt: made.CreatedAt, Rights: inOrder(made.Scopes),
			})
		}
	}
	return all
}

func (e *atExisting) Check(vendor *simulator.Server, value string) Connection {
	return Connection(vendor.Causeloop().Check(value))
}

func (e *atExisting) Use(vendor *simulator.Server, value string) { vendor.Causeloop().Connect(value) }

func (e *atExisting) Create(vendor *simulator.Server, name string) (string, error) {
	return vendor.Causeloop().Issue(e.account, name)
}

func (e *atExisting) Revoke(vendor *simulator.Server, id string) error {
	return vendor.Causeloop().Revoke(id)
}

// atCauseloop is the flavour of Causeloop, asked for tokens of one kind.
type atCauseloop struct{ kind v1alpha1.CauseloopKind }

// AtCauseloop is Causeloop, where tokens of one kind, Personal or Dedicated, with the scope issues:read are asked for. Both
// kinds are granted with the scopes issues:read, issues:write and patterns:read. Whatever is asked for, the truth has the tokens
// of both kinds.
func AtCauseloop(kind v1alpha1.CauseloopKind) Flavour { return atCauseloop{kind} }

func (atCauseloop) Credentials() map[string]string {
	return map[string]string{v1alpha1.DefaultTokenKey: causeloop.DemoValue}
}

func (atCauseloop) Account(spec *v1alpha1.TokenIssuerSpec, url string) {
	spec.Causeloop = &v1alpha1.CauseloopIssuer{URL: url, TokenSecretRef: v1alpha1.SecretKeyReference{Name: CredentialsName}}
}

func (atCauseloop) Grant(grant *v1alpha1.Grant) {
	grant.Causeloop = &v1alpha1.CauseloopGrant{
		Kinds:  []v1alpha1.CauseloopKind{v1alpha1.CauseloopKindPersonal, v1alpha1.CauseloopKindDedicated},
		Scopes: []string{"issues:read", "issues:write", "patterns:read"},
	}
}

func (c atCauseloop) Ask(spec *v1alpha1.GatewayTokenSpec) {
	spec.Causeloop = &v1alpha1.CauseloopToken{Scopes: []string{"issues:read"}}
	if c.kind == v1alpha1.CauseloopKindPersonal {
		spec.Causeloop.Personal = &v1alpha1.CauseloopPersonal{}
		return
	}
	spec.Causeloop.ServiceAccount = &v1alpha1.CauseloopServiceAccount{Dedicated: &v1alpha1.CauseloopDedicated{}}
}

func (c atCauseloop) Route(call string) string {
	if c.kind == v1alpha1.CauseloopKindDedicated {
		switch call {
		case RouteList:
			return causeloop.RouteListAccounts
		case RouteCreate:
			return causeloop.RouteCreateAccount
		case RouteRevoke:
			return causeloop.RouteDeleteAccount
		}
	}
	return "causeloop." + call
}

// Tokens of a service account are not told one by one: what stands for them is the account.
func (atCauseloop) Tokens(vendor *simulator.Server) []Token {
	truth := vendor.Causeloop().Truth()
	var all []Token
	for _, account := range truth.Accounts {
		for _, made := range account.Tokens {
			all = append(all, Token{
				ID: made.ID, Name: made.Name, Active: made.State == causeloop.Active,
				CreatedAt: made.CreatedAt, ExpiresAt: made.ExpiresAt, Rights: inOrder(made.Scopes),
			})
		}
	}
	for _, account := range truth.ServiceAccounts {
		all = append(all, Token{
			ID: account.ID, Name: account.Name, Active: account.State == causeloop.Active,
			CreatedAt: account.CreatedAt, Rights: inOrder(account.Scopes),
		})
	}
	return all
}

func (atCauseloop) Check(vendor *simulator.Server, value string) Connection {
	found := Connection(vendor.Causeloop().Check(value))
	for _, account := range vendor.Causeloop().Truth().ServiceAccounts {
		if slices.ContainsFunc(account.Tokens, func(t causeloop.TokenTruth) bool { return t.ID == found.ID }) {
			found.ID, found.Name = account.ID, account.Name
		}
	}
	return found
}

func (atCauseloop) Use(vendor *simulator.Server, value string) { vendor.Causeloop().Connect(value) }

// Create makes a personal token, or a service account.
func (c atCauseloop) Create(vendor *simulator.Server, name string) (string, error) {
	if c.kind == v1alpha1.CauseloopKindDedicated {
		return vendor.Causeloop().CreateServiceAccount(causeloop.DemoWorkspaceID, name, "issues:read")
	}
	return vendor.Causeloop().Create(causeloop.DemoName, name, "issues:read")
}

// Revoke deletes a service account where the ID is one's.
func (atCauseloop) Revoke(vendor *simulator.Server, id string) error {
	for _, account := range vendor.Causeloop().Truth().ServiceAccounts {
		if account.ID == id {
			return vendor.Causeloop().DeleteServiceAccount(id)
		}
	}
	return vendor.Causeloop().Revoke(id)
}

func (atCauseloop) Calls(vendor *simulator.Server) map[string]int {
	return vendor.Causeloop().Truth().Calls
}

func (atCauseloop) Secrets(vendor *simulator.Server) []string { return vendor.Causeloop().Secrets() }
