package v1alpha1

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

// Vendor names a vendor: the block of an issuer's spec that is set.
type Vendor string

// The vendors.
const (
	// VendorNone is an issuer without a vendor, which the API server refuses.
	VendorNone Vendor = ""
	// VendorCausely is Causely.
	VendorCausely Vendor = "causely"
	// VendorCauseloop is Causeloop.
	VendorCauseloop Vendor = "causeloop"
	// VendorRackGateway is Rack Gateway.
	VendorRackGateway Vendor = "rackGateway"
	// VendorPingOne is PingOne.
	VendorPingOne Vendor = "pingOne"
)

// Title returns the name that people know the vendor by.
func (v Vendor) Title() string {
	switch v {
	case VendorCausely:
		return "Causely"
	case VendorCauseloop:
		return "Causeloop"
	case VendorRackGateway:
		return "Rack Gateway"
	case VendorPingOne:
		return "PingOne"
	case VendorNone:
		return "no vendor"
	default:
		return string(v)
	}
}

// Vendors returns the vendors whose blocks are set: one at most, and none for
// Causely, of which nothing is asked but a token.
func (s *GatewayTokenSpec) Vendors() []Vendor {
	var set []Vendor
	if s.Causeloop != nil {
		set = append(set, VendorCauseloop)
	}
	if s.RackGateway != nil {
		set = append(set, VendorRackGateway)
	}
	if s.PingOne != nil {
		set = append(set, VendorPingOne)
	}
	return set
}

// Vendor returns the vendor whose block is set.
func (s *TokenIssuerSpec) Vendor() Vendor {
	switch {
	case s.Causely != nil:
		return VendorCausely
	case s.Causeloop != nil:
		return VendorCauseloop
	case s.RackGateway != nil:
		return VendorRackGateway
	case s.PingOne != nil:
		return VendorPingOne
	default:
		return VendorNone
	}
}

// object is controller-runtime's client.Object, which this package need not
// import for it.
//
// +kubebuilder:object:generate=false
type object interface {
	metav1.Object
	runtime.Object
}

// Issuer is a TokenIssuer or a ClusterTokenIssuer, which are treated alike but
// for the namespace that their credentials are in.
//
// +kubebuilder:object:generate=false
type Issuer interface {
	object
	// Ref returns kind and name, the kind never empty, whatever TypeMeta says.
	Ref() IssuerReference
	// IssuerSpec returns the part of the spec that both kinds have. It is the
	// object's own, not a copy.
	IssuerSpec() *TokenIssuerSpec
	// IssuerStatus returns the status. It is the object's own, not a copy.
	IssuerStatus() *TokenIssuerStatus
	// Grants returns which namespaces may take tokens: the object's own one for a
	// TokenIssuer. What no grant covers is refused.
	Grants() []Grant
}

var (
	_ Issuer = (*TokenIssuer)(nil)
	_ Issuer = (*ClusterTokenIssuer)(nil)
)

// Ref implements Issuer.
func (i *TokenIssuer) Ref() IssuerReference {
	return IssuerReference{Kind: KindTokenIssuer, Name: i.Name}
}

// IssuerSpec implements Issuer.
func (i *TokenIssuer) IssuerSpec() *TokenIssuerSpec { return &i.Spec }

// IssuerStatus implements Issuer.
func (i *TokenIssuer) IssuerStatus() *TokenIssuerStatus { return &i.Status }

// Grants implements Issuer.
func (i *TokenIssuer) Grants() []Grant {
	return []Grant{{Namespaces: NamespaceGrant{Names: []string{i.Namespace}}}}
}

// Ref implements Issuer.
func (i *ClusterTokenIssuer) Ref() IssuerReference {
	return IssuerReference{Kind: KindClusterTokenIssuer, Name: i.Name}
}

// IssuerSpec implements Issuer.
func (i *ClusterTokenIssuer) IssuerSpec() *TokenIssuerSpec { return &i.Spec.TokenIssuerSpec }

// IssuerStatus implements Issuer.
func (i *ClusterTokenIssuer) IssuerStatus() *TokenIssuerStatus { return &i.Status }

// Grants implements Issuer.
func (i *ClusterTokenIssuer) Grants() []Grant { return i.Spec.Grants }

// Granted says whether any of the grants covers a namespace, whatever may be asked
// for in it. A grant whose selector cannot be understood grants nothing, and is
// told as an error if no other grant covers the namespace.
func Granted(grants []Grant, namespace metav1.Object) (bool, error) {
	covering, err := Covering(grants, namespace)
	if len(covering) > 0 {
		return true, nil
	}
	return false, err
}

// Covering returns those of the grants that cover a namespace. The error tells of
// the first grant whose selector cannot be understood; it covers nothing.
func Covering(grants []Grant, namespace metav1.Object) ([]Grant, error) {
	var (
		covering []Grant
		broken   error
	)
	for index, grant := range grants {
		covers, err := grant.Covers(namespace)
		if err != nil && broken == nil {
			broken = fmt.Errorf("spec.grants[%d].namespaces.selector: %w", index, err)
		}
		if covers {
			covering = append(covering, grant)
		}
	}
	return covering, broken
}

// Covers says whether the grant covers a namespace (its name and labels). A
// grant that names and selects nothing covers nothing; an empty selector covers
// all.
func (g Grant) Covers(namespace metav1.Object) (bool, error) {
	if slices.Contains(g.Namespaces.Names, namespace.GetName()) {
		return true, nil
	}
	selector, err := metav1.LabelSelectorAsSelector(g.Namespaces.Selector)
	if err != nil {
		return false, err
	}
	return selector.Matches(labels.Set(namespace.GetLabels())), nil
}
