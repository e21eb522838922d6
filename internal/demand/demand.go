// Package demand says what a GatewayToken asks of its issuer's vendor, and whether the issuer grants it.
//
// It is pure: what a person wrote goes in, what the vendor is asked for comes out, in words that no other package need
// translate back. Nothing here asks the vendor: what only the vendor knows, such as which scopes there are, is judged later.
package demand

import (
	"fmt"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// Demand is what is asked of a vendor.
type Demand struct {
	// Pool is where the token is asked for: empty where a vendor keeps all tokens of an account in one place; at Causeloop
	// personal, dedicated or existing/<service account>; at PingOne <environment>/<gateway>, in lower case.
	Pool string
	// Role stands for rights at a vendor that has roles; empty where the rights themselves are asked for.
	Role string
	// Rights are scopes or permissions, sorted, none twice.
	Rights []string
	// ExpiresAfter is the life of the token; 0 for one that does not expire.
	ExpiresAfter time.Duration
	// Inputs is the digest of all that, if it were another, would be another token or a change of the current one. The
	// expiry is not in it: a longer one is no reason for another token. Ledgers keep it: IT CANNOT CHANGE.
	Inputs string
}

// Words of the digest and of the pools. They cannot change.
const (
	dedicated = "dedicated"
	existing  = "existing"
	personal  = "personal"
)

// Of gives what a GatewayToken asks of its issuer's vendor. A Problem says that the spec does not fit the vendor; nothing may
// then be asked for.
func Of(object *v1alpha1.GatewayToken, issuer *v1alpha1.TokenIssuerSpec) (Demand, *lifecycle.Problem) {
	if problem := mismatch(object, issuer.Vendor()); problem != nil {
		return Demand{}, problem
	}
	pool, _ := PoolOf(object, issuer)
	demand := Demand{Pool: pool}
	var inputs map[string][]string
	switch issuer.Vendor() {
	case v1alpha1.VendorCauseloop:
		inputs = demand.ofCauseloop(object.Spec.Causeloop)
	case v1alpha1.VendorRackGateway:
		inputs = demand.ofRackGateway(object.Spec.RackGateway)
	case v1alpha1.VendorPingOne:
		// A credential has no rights of its own. That the place cannot be edited does not make it superfluous here: another
		// GatewayToken may take a retained Secret back and ask for another gateway.
		inputs = map[string][]string{
			"environment": {object.Spec.PingOne.Environment(issuer.PingOne)}, "gateway": {object.Spec.PingOne.Gateway()},
		}
	case v1alpha1.VendorCausely, v1alpha1.VendorNone:
		// Nothing but a token is asked for.
	}
	demand.Inputs = token.InputsDigest(inputs)
	return demand, nil
}

func (d *Demand) ofCauseloop(asked *v1alpha1.CauseloopToken) map[string][]string {
	d.Rights, d.ExpiresAfter = set(asked.Scopes), asked.Life()
	inputs := map[string][]string{"kind": {word(asked.Kind())}}
	if asked.Kind() == v1alpha1.CauseloopKindExisting {
		inputs["serviceAccount"] = []string{asked.ServiceAccount.ID}
	} else {
		inputs["scopes"] = d.Rights
	}
	return inputs
}

func (d *Demand) ofRackGateway(asked *v1alpha1.RackGatewayToken) map[string][]string {
	if asked.Role != "" {
		d.Role = string(asked.Role)
		return map[string][]string{"role": {d.Role}}
	}
	d.Rights = set(asked.Permissions)
	return map[string][]string{"permissions": d.Rights}
}

// set gives the members of a set, sorted, none twice; nil for none.
func set[S ~string](members []S) []string {
	var texts []string
	for _, member := range members {
		texts = append(texts, string(member))
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// word gives the word that stands for a kind in digests and pools.
func word(kind v1alpha1.CauseloopKind) string {
	switch kind {
	case v1alpha1.CauseloopKindDedicated:
		return dedicated
	case v1alpha1.CauseloopKindExisting:
		return existing
	case v1alpha1.CauseloopKindPersonal:
		return personal
	default:
		return ""
	}
}

// mismatch says what is wrong where the spec does not fit the issuer's vendor.
func mismatch(object *v1alpha1.GatewayToken, vendor v1alpha1.Vendor) *lifecycle.Problem {
	for _, said := range object.Spec.Vendors() {
		if said != vendor {
			return problem("%s is an issuer of %s, and spec.%s is for %s. Neither can be changed: delete the GatewayToken, and create it %s or with an issuer of %s.",
				object.IssuerRef(), vendor.Title(), said, said.Title(), withBlock(vendor), said.Title())
		}
	}
	switch {
	case vendor == v1alpha1.VendorNone:
		return problem("%s names no vendor. Create an issuer that does.", object.IssuerRef())
	case !asks(&object.Spec, vendor):
		return problem("%s is an issuer of %s, and spec.%s, which says what is asked of it, is missing or empty. It cannot be added: delete the GatewayToken, and create it %s.",
			object.IssuerRef(), vendor.Title(), vendor, withBlock(vendor))
	default:
		return nil
	}
}

func problem(format string, details ...any) *lifecycle.Problem {
	return &lifecycle.Problem{Reason: v1alpha1.ReasonVendorMismatch, Message: fmt.Sprintf(format, details...) + " The vendor was not asked."}
}

// withBlock says what a GatewayToken of a vendor is created with.
func withBlock(vendor v1alpha1.Vendor) string {
	switch vendor {
	case v1alpha1.VendorCauseloop, v1alpha1.VendorRackGateway, v1alpha1.VendorPingOne:
		return "with spec." + string(vendor)
	case v1alpha1.VendorCausely, v1alpha1.VendorNone:
		return "without such a block"
	default:
		return "without such a block"
	}
}

// asks tells whether the spec says all that a vendor must be told.
func asks(spec *v1alpha1.GatewayTokenSpec, vendor v1alpha1.Vendor) bool {
	switch vendor {
	case v1alpha1.VendorCauseloop:
		return spec.Causeloop != nil && spec.Causeloop.Kind() != ""
	case v1alpha1.VendorRackGateway:
		return spec.RackGateway != nil && (spec.RackGateway.Role != "" || len(spec.RackGateway.Permissions) > 0)
	case v1alpha1.VendorPingOne:
		return spec.PingOne != nil && spec.PingOne.GatewayID != ""
	case v1alpha1.VendorCausely:
		return true
	case v1alpha1.VendorNone:
		return false
	default:
		return false
	}
}

// PoolOf gives the pool of a GatewayToken's tokens, where the spec tells it; other parts of the spec may be wrong.
func PoolOf(object *v1alpha1.GatewayToken, issuer *v1alpha1.TokenIssuerSpec) (pool string, told bool) {
	switch vendor := issuer.Vendor(); vendor {
	case v1alpha1.VendorCauseloop:
		if !asks(&object.Spec, vendor) {
			return "", false
		}
		asked := object.Spec.Causeloop
		if asked.Kind() == v1alpha1.CauseloopKindExisting {
			return existing + "/" + asked.ServiceAccount.ID, true
		}
		return word(asked.Kind()), true
	case v1alpha1.VendorPingOne:
		if !asks(&object.Spec, vendor) {
			return "", false
		}
		return object.Spec.PingOne.Environment(issuer.PingOne) + "/" + object.Spec.PingOne.Gateway(), true
	case v1alpha1.VendorCausely, v1alpha1.VendorRackGateway:
		return "", true
	case v1alpha1.VendorNone:
		return "", false
	default:
		return "", false
	}
}

// Pools gives the pools that the GatewayTokens of an issuer use, sorted, none twice. One whose spec does not fit asks for
// nothing; if it is being deleted or has the operator's finalizer it may yet have a token to be revoked, and its pool counts
// where the spec tells it.
func Pools(objects []v1alpha1.GatewayToken, issuer *v1alpha1.TokenIssuerSpec) []string {
	var pools []string
	for i := range objects {
		object := &objects[i]
		if _, problem := Of(object, issuer); problem != nil && !mayHaveToken(object) {
			continue
		}
		if pool, told := PoolOf(object, issuer); told {
			pools = append(pools, pool)
		}
	}
	slices.Sort(pools)
	return slices.Compact(pools)
}

// mayHaveToken tells whether a token may have been issued for an object.
func mayHaveToken(object *v1alpha1.GatewayToken) bool {
	return object.DeletionTimestamp != nil || slices.Contains(object.Finalizers, v1alpha1.FinalizerRevoke)
}
