package controller_test

import (
	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// scene is where a tale is told: a vendor, or one of the kinds of tokens that it has.
type scene struct {
	name    string
	flavour func() harness.Flavour
	// readable: the value of a token can be read again. named: what the vendor lists has names, which tell whose a token is.
	readable, named bool
	// exclusive: nobody else makes tokens where there are no names. unlisted: nothing lists them.
	exclusive, unlisted bool
	// updates: the rights of a token can be changed.
	updates bool
	// rights are edits of what the spec asks of the vendor.
	rights []wish
	// routes are the vendor's calls that meet faults, those that make a token first: makes is how many these are.
	routes []string
	makes  int
	// strategies are how a token may be replaced.
	strategies []v1alpha1.RotationStrategy
	// turns is how much more likely rotations are than anything else.
	turns int
	// crowd is how many tokens somebody made by hand before the tale begins.
	crowd int
	// keepsSecrets: nobody edits or deletes one, since what is lost where there is no room takes a person.
	keepsSecrets bool
}

// wish is a change of a spec, in words.
type wish struct {
	says string
	do   func(*v1alpha1.GatewayToken)
}

func scenes() []scene {
	overlap := []v1alpha1.RotationStrategy{v1alpha1.StrategyOverlap}
	scopes := []wish{
		{"scope issues:read", scoped("issues:read")}, {"scope issues:write", scoped("issues:write")},
		{"scopes issues:read and patterns:read", scoped("issues:read", "patterns:read")},
	}
	crowded := func(name string, exclusive bool, crowd int) scene {
		// There is room for two and those of somebody else.
		return scene{
			name: name, flavour: func() harness.Flavour { return harness.AtPingOne(exclusive) }, exclusive: exclusive, crowd: crowd, keepsSecrets: true,
			routes: []string{"create", "create", "revoke", "list"}, makes: 2, strategies: []v1alpha1.RotationStrategy{v1alpha1.StrategyRevokeFirst},
			turns: 6,
		}
	}
	return []scene{
		{
			name: "Causely", flavour: harness.AtCausely, readable: true, named: true, strategies: overlap,
			routes: []string{"create", "create", "list", "revoke", "login"}, makes: 2,
		},
		{
			name: "Rack Gateway", flavour: harness.AtRackGateway, named: true, updates: true, crowd: 1, strategies: overlap,
			routes: []string{"create", "create", "list", "revoke", "update", "get", "permissions"}, makes: 2,
			rights: []wish{
				{"role viewer", inRole(v1alpha1.RackGatewayViewer)}, {"role deployer", inRole(v1alpha1.RackGatewayDeployer)},
				{"convox:app:read", permitted("convox:app:read")}, {"convox:app:*", permitted("convox:app:*")},
			},
		},
		{
			name: "Causeloop, personal", flavour: func() harness.Flavour { return harness.AtCauseloop(v1alpha1.CauseloopKindPersonal) },
			named: true, crowd: 1, rights: scopes, strategies: []v1alpha1.RotationStrategy{v1alpha1.StrategyOverlap, v1alpha1.StrategyInPlace},
			routes: []string{"create", "roll", "list", "revoke", "scopes"}, makes: 2,
		},
		{
			name: "Causeloop, in place", flavour: func() harness.Flavour { return harness.AtCauseloop(v1alpha1.CauseloopKindPersonal) },
			named: true, crowd: 1, rights: scopes, strategies: []v1alpha1.RotationStrategy{v1alpha1.StrategyInPlace}, turns: 5,
			routes: []string{"create", "roll", "roll", "list", "revoke"}, makes: 3,
		},
		{
			name: "Causeloop, dedicated", flavour: func() harness.Flavour { return harness.AtCauseloop(v1alpha1.CauseloopKindDedicated) },
			named: true, crowd: 1, rights: scopes, strategies: overlap,
			routes: []string{"create", causeloop.RouteIssue, "list", "revoke", "scopes"}, makes: 2,
		},
		{
			name: "Causeloop, existing", flavour: harness.AtCauseloopExisting, unlisted: true, crowd: 1, strategies: overlap,
			routes: []string{"create", "create", "revoke"}, makes: 2,
		},
		{
			name: "PingOne", flavour: func() harness.Flavour { return harness.AtPingOne(false) }, crowd: 1, strategies: overlap,
			routes: []string{"create", "create", "revoke", "list"}, makes: 2,
		},
		{
			name: "PingOne, exclusive", flavour: func() harness.Flavour { return harness.AtPingOne(true) }, exclusive: true, crowd: 1, strategies: overlap,
			routes: []string{"create", "create", "revoke", "list"}, makes: 2,
		},
		crowded("PingOne, revoked first", false, 2),
		crowded("PingOne, exclusive and revoked first", true, 3),
	}
}

// route names a call as faults do.
func (l *tale) route(call string) string {
	if call == causeloop.RouteIssue {
		return call
	}
	return l.Route(call)
}
