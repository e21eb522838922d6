package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of the operator's kinds and the domain of its
// labels, annotations and finalizers.
const GroupName = "gatewaytoken.io"

// Version is the version that this package holds.
const Version = "v1alpha1"

// GroupVersion returns gatewaytoken.io/v1alpha1.
func GroupVersion() schema.GroupVersion {
	return schema.GroupVersion{Group: GroupName, Version: Version}
}

// AddToScheme makes the kinds of this package known to a scheme.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion(),
		&GatewayToken{}, &GatewayTokenList{},
		&TokenIssuer{}, &TokenIssuerList{},
		&ClusterTokenIssuer{}, &ClusterTokenIssuerList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion())
	return nil
}
