package demand

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// Granted tells whether an issuer grants a GatewayToken what it asks for, and if not, what is missing and who can help. What
// no grant covers is refused; a TokenIssuer grants everything to its own namespace. Grants add up: several may cover together
// what is asked for. The error tells of a grant whose selector cannot be understood, where that may be why.
//
// namespace is the GatewayToken's: its name and labels count.
func Granted(object *v1alpha1.GatewayToken, issuer v1alpha1.Issuer, namespace metav1.Object) (granted bool, why string, err error) {
	if _, problem := Of(object, issuer.IssuerSpec()); problem != nil {
		return false, problem.Message, nil
	}
	covering, err := v1alpha1.Covering(issuer.Grants(), namespace)
	if len(covering) == 0 {
		return false, fmt.Sprintf("%s grants nothing to namespace %s. Ask whoever administers it to add the namespace to spec.grants; the vendor was not asked.",
			issuer.Ref(), namespace.GetName()), err
	}
	if issuer.Ref().Kind == v1alpha1.KindTokenIssuer {
		return true, "", nil
	}
	lack := lacking(object, issuer.IssuerSpec(), covering)
	if lack.what == "" {
		return true, "", nil
	}
	return false, fmt.Sprintf("%s does not grant namespace %s %s. Ask whoever administers it to add that to %s of a grant of the namespace, or ask for less; the vendor was not asked.",
		issuer.Ref(), namespace.GetName(), lack.what, lack.where), err
}

// lack is what no grant covers, and where it would be granted.
type lack struct{ what, where string }

// lacking gives what the grants do not cover of what is asked of a vendor. A vendor that is asked for nothing but a token
// needs no more than the namespace.
func lacking(object *v1alpha1.GatewayToken, issuer *v1alpha1.TokenIssuerSpec, grants []v1alpha1.Grant) lack {
	switch issuer.Vendor() {
	case v1alpha1.VendorCauseloop:
		return lackingOfCauseloop(object.Spec.Causeloop, grants)
	case v1alpha1.VendorRackGateway:
		return lackingOfRackGateway(object.Spec.RackGateway, grants)
	case v1alpha1.VendorPingOne:
		return lackingOfPingOne(object.Spec.PingOne, issuer.PingOne, grants)
	case v1alpha1.VendorCausely, v1alpha1.VendorNone:
		return lack{}
	default:
		return lack{what: "anything", where: "grants"}
	}
}

// lackingOfCauseloop: scopes that are granted for one kind of token are not granted for another: whose rights they take a part
// of, and what ends them, differs.
func lackingOfCauseloop(asked *v1alpha1.CauseloopToken, grants []v1alpha1.Grant) lack {
	kind := asked.Kind()
	var ofKind []*v1alpha1.CauseloopGrant
	for _, grant := range grants {
		if grant.Causeloop != nil && slices.Contains(grant.Causeloop.Kinds, kind) {
			ofKind = append(ofKind, grant.Causeloop)
		}
	}
	switch {
	case len(ofKind) == 0:
		return lack{"tokens of the kind " + string(kind), "causeloop.kinds"}
	case kind == v1alpha1.CauseloopKindExisting:
		account := asked.ServiceAccount.ID
		if slices.ContainsFunc(ofKind, func(g *v1alpha1.CauseloopGrant) bool { return slices.Contains(g.ServiceAccountIDs, account) }) {
			return lack{}
		}
		return lack{"tokens of the service account " + account, "causeloop.serviceAccountIDs"}
	default:
		missing := without(asked.Scopes, func(scope string) bool {
			return slices.ContainsFunc(ofKind, func(g *v1alpha1.CauseloopGrant) bool { return slices.Contains(g.Scopes, scope) })
		})
		return named("the scope", missing, "causeloop.scopes (kind "+string(kind)+")")
	}
}

// lackingOfRackGateway: only the vendor knows what a role stands for, so that permissions cover no role, and roles no
// permission.
func lackingOfRackGateway(asked *v1alpha1.RackGatewayToken, grants []v1alpha1.Grant) lack {
	var (
		roles       []v1alpha1.RackGatewayRole
		permissions []v1alpha1.RackGatewayPermission
	)
	for _, grant := range grants {
		if grant.RackGateway != nil {
			roles = append(roles, grant.RackGateway.Roles...)
			permissions = append(permissions, grant.RackGateway.Permissions...)
		}
	}
	if asked.Role != "" {
		missing := without([]v1alpha1.RackGatewayRole{asked.Role}, func(role v1alpha1.RackGatewayRole) bool { return slices.Contains(roles, role) })
		return named("the role", missing, "rackGateway.roles")
	}
	missing := without(asked.Permissions, func(wanted v1alpha1.RackGatewayPermission) bool {
		return slices.ContainsFunc(permissions, func(held v1alpha1.RackGatewayPermission) bool { return includes(string(held), string(wanted)) })
	})
	return named("the permission", missing, "rackGateway.permissions")
}

// includes tells whether one permission is or includes another: an asterisk stands for every word in its place.
func includes(held, wanted string) bool {
	have, want := strings.Split(held, ":"), strings.Split(wanted, ":")
	return slices.EqualFunc(have, want, func(h, w string) bool { return h == "*" || h == w })
}

// lackingOfPingOne: one grant must cover both gateway and environment.
func lackingOfPingOne(asked *v1alpha1.PingOneToken, issuer *v1alpha1.PingOneIssuer, grants []v1alpha1.Grant) lack {
	gateway, environment := asked.Gateway(), asked.Environment(issuer)
	for _, grant := range grants {
		if grant.PingOne == nil {
			continue
		}
		environments := grant.PingOne.EnvironmentIDs
		if len(environments) == 0 {
			environments = []string{issuer.Environment()}
		}
		if containsFold(grant.PingOne.GatewayIDs, gateway) && containsFold(environments, environment) {
			return lack{}
		}
	}
	where := "pingOne.gatewayIDs"
	if environment != issuer.Environment() {
		where += " and pingOne.environmentIDs"
	}
	return lack{"credentials of the gateway " + gateway + " in the environment " + environment, where}
}

func containsFold(all []string, one string) bool {
	return slices.ContainsFunc(all, func(s string) bool { return strings.EqualFold(s, one) })
}

// without gives those that are not granted.
func without[S ~string](asked []S, granted func(S) bool) []string {
	var missing []string
	for _, one := range asked {
		if !granted(one) {
			missing = append(missing, string(one))
		}
	}
	return missing
}

// mostNamed bounds what a message names one by one.
const mostNamed = 8

// named says what is missing of a list; nothing where nothing is.
func named(what string, missing []string, where string) lack {
	switch count := len(missing); {
	case count == 0:
		return lack{}
	case count == 1:
		return lack{what + " " + missing[0], where}
	case count > mostNamed:
		return lack{fmt.Sprintf("%ss %s and %d more", what, strings.Join(missing[:mostNamed], ", "), count-mostNamed), where}
	default:
		return lack{what + "s " + strings.Join(missing, ", "), where}
	}
}
