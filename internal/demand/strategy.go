package demand

import (
	"fmt"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
)

// Unrollable says what is wrong where a value is to be replaced in place that the issuer's vendor cannot replace; nil where nothing is.
func Unrollable(object *v1alpha1.GatewayToken, issuer *v1alpha1.TokenIssuerSpec) *lifecycle.Problem {
	if object.Strategy() != v1alpha1.StrategyInPlace {
		return nil
	}
	vendor := issuer.Vendor()
	if vendor == v1alpha1.VendorCauseloop && object.Spec.Causeloop != nil && object.Spec.Causeloop.Kind() == v1alpha1.CauseloopKindPersonal {
		return nil
	}
	what := "tokens of " + vendor.Title()
	if vendor == v1alpha1.VendorCauseloop {
		what = "tokens of service accounts of " + vendor.Title()
	}
	return &lifecycle.Problem{Reason: v1alpha1.ReasonStrategyUnsupported, Message: fmt.Sprintf(
		"spec.rotation.strategy is InPlace, and %s cannot be given another value: personal tokens of Causeloop alone can. The vendor was not asked, and nothing is issued or replaced. "+
			"Set spec.rotation.strategy to Overlap.", what)}
}
