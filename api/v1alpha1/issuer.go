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
)

// Vendor returns the vendor whose block is set.
func (s *TokenIssuerSpec) Vendor() Vendor {
	if s.Causely != nil {
		return VendorCausely
	}
	return VendorNone
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

// Granted says whether any of the grants covers a namespace. A grant whose
// selector cannot be understood grants nothing, and is told as an error if no
// other grant covers the namespace.
func Granted(grants []Grant, namespace metav1.Object) (bool, error) {
	var broken error
	for index, grant := range grants {
		covers, err := grant.Covers(namespace)
		if err != nil && broken == nil {
			broken = fmt.Errorf("spec.grants[%d].namespaces.selector: %w", index, err)
		}
		if covers {
			return true, nil
		}
	}
	return false, broken
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
