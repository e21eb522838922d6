package main

import (
	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/rackgateway"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// vendor is a vendor, or one of the kinds of tokens that it has.
type vendor struct {
	name    string
	flavour func() harness.Flavour
	// readable: the value of a token can be read again. listed: tokens are listed. named: by names.
	readable, listed, named bool
	// inPlace: the value can be replaced in place. updates: the rights of a token can be changed.
	inPlace, updates bool
	// other asks for other rights; nil where tokens have none.
	other func(*v1alpha1.GatewayToken)
	// update is the call that changes rights.
	update string
	// conflict has revocations of what has ended answered by 409, where that is possible.
	conflict func(*simulator.Server) error
}

// vendors are all, in the order in which they are played.
func vendors() []vendor {
	scoped := func(o *v1alpha1.GatewayToken) { o.Spec.Causeloop.Scopes = []string{"issues:write"} }
	return []vendor{
		{name: "causely", flavour: harness.AtCausely, readable: true, listed: true, named: true, conflict: conflictAtCausely},
		{
			name: "rackgateway", flavour: harness.AtRackGateway, listed: true, named: true, updates: true, update: rackgateway.RouteUpdate,
			other: func(o *v1alpha1.GatewayToken) { o.Spec.RackGateway.Role = v1alpha1.RackGatewayDeployer },
		},
		{
			name: "causeloop-dedicated", flavour: func() harness.Flavour { return harness.AtCauseloop(v1alpha1.CauseloopKindDedicated) },
			listed: true, named: true, other: scoped, conflict: conflictAtCauseloop,
		},
		{
			name: "causeloop-personal", flavour: func() harness.Flavour { return harness.AtCauseloop(v1alpha1.CauseloopKindPersonal) },
			listed: true, named: true, inPlace: true, other: scoped, conflict: conflictAtCauseloop,
		},
		{name: "causeloop-existing", flavour: harness.AtCauseloopExisting},
		{name: "pingone-shared", flavour: func() harness.Flavour { return harness.AtPingOne(false) }, listed: true},
		{name: "pingone-exclusive", flavour: func() harness.Flavour { return harness.AtPingOne(true) }, listed: true},
	}
}

func conflictAtCausely(vendor *simulator.Server) error {
	switches := vendor.Causely().Switches()
	switches.SecondRevoke = causely.SecondRevokeConflict
	return vendor.Causely().SetSwitches(switches)
}

func conflictAtCauseloop(vendor *simulator.Server) error {
	switches := vendor.Causeloop().Switches()
	switches.SecondRevoke = causeloop.SecondRevokeConflict
	return vendor.Causeloop().SetSwitches(switches)
}

// route is the call of the vendor that an effect is.
func (v vendor) route(w *harness.World, e harness.Effect) string {
	switch e.Verb {
	case harness.Mint:
		return w.Route(harness.RouteCreate)
	case harness.Revoke:
		return w.Route(harness.RouteRevoke)
	case harness.Roll:
		return causeloop.RouteRoll
	default:
		return v.update
	}
}
