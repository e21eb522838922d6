package demand

import (
	"strings"
	"testing"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// Personal tokens of Causeloop can be given another value, and no others.
func TestUnrollable(t *testing.T) {
	causeloop := func(asked *v1alpha1.CauseloopToken) v1alpha1.GatewayTokenSpec {
		return v1alpha1.GatewayTokenSpec{Causeloop: asked}
	}
	personal := causeloop(&v1alpha1.CauseloopToken{Personal: &v1alpha1.CauseloopPersonal{}})
	dedicated := causeloop(&v1alpha1.CauseloopToken{ServiceAccount: &v1alpha1.CauseloopServiceAccount{Dedicated: &v1alpha1.CauseloopDedicated{}}})
	existing := causeloop(&v1alpha1.CauseloopToken{ServiceAccount: &v1alpha1.CauseloopServiceAccount{ID: "sa"}})
	atCauseloop := v1alpha1.TokenIssuerSpec{Causeloop: &v1alpha1.CauseloopIssuer{}}
	tests := map[string]struct {
		reason   string
		strategy v1alpha1.RotationStrategy
		spec     v1alpha1.GatewayTokenSpec
		issuer   v1alpha1.TokenIssuerSpec
		says     string
	}{
		"personal":               {reason: "it can", strategy: v1alpha1.StrategyInPlace, spec: personal, issuer: atCauseloop},
		"dedicated":              {reason: "there is no such call", strategy: v1alpha1.StrategyInPlace, spec: dedicated, issuer: atCauseloop, says: "service accounts of Causeloop"},
		"existing":               {reason: "there is no such call", strategy: v1alpha1.StrategyInPlace, spec: existing, issuer: atCauseloop, says: "service accounts of Causeloop"},
		"Causely":                {reason: "there is no such call", strategy: v1alpha1.StrategyInPlace, issuer: v1alpha1.TokenIssuerSpec{Causely: &v1alpha1.CauselyIssuer{}}, says: "tokens of Causely"},
		"Rack Gateway":           {reason: "there is no such call", strategy: v1alpha1.StrategyInPlace, issuer: v1alpha1.TokenIssuerSpec{RackGateway: &v1alpha1.RackGatewayIssuer{}}, says: "tokens of Rack Gateway"},
		"PingOne":                {reason: "there is no such call", strategy: v1alpha1.StrategyInPlace, issuer: v1alpha1.TokenIssuerSpec{PingOne: &v1alpha1.PingOneIssuer{}}, says: "tokens of PingOne"},
		"Causely, revoked first": {reason: "it is Overlap there", strategy: v1alpha1.StrategyRevokeFirst, issuer: v1alpha1.TokenIssuerSpec{Causely: &v1alpha1.CauselyIssuer{}}},
		"Causely, nothing asked": {reason: "it is Overlap", issuer: v1alpha1.TokenIssuerSpec{Causely: &v1alpha1.CauselyIssuer{}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			object := &v1alpha1.GatewayToken{Spec: tc.spec}
			object.Spec.Rotation = &v1alpha1.Rotation{Strategy: tc.strategy}
			problem := Unrollable(object, &tc.issuer)
			switch {
			case tc.says == "" && problem != nil:
				t.Errorf("%s: %+v", tc.reason, problem)
			case tc.says != "" && (problem == nil || problem.Reason != v1alpha1.ReasonStrategyUnsupported || !strings.Contains(problem.Message, tc.says)):
				t.Errorf("%s: %+v, want one of %s", tc.reason, problem, tc.says)
			}
		})
	}
}
