// Package v1alpha1 holds the API of the gateway token operator, group
// gatewaytoken.io: GatewayToken, TokenIssuer and ClusterTokenIssuer.
//
// The API server validates these kinds by the CEL rules written here as markers
// and defaults nothing but status.observedGeneration (-1, so that tools that
// judge by kstatus wait from the first moment on). What a spec leaves out is
// resolved by the accessor methods of this package and shown in status.
//
// +kubebuilder:object:generate=true
// +groupName=gatewaytoken.io
package v1alpha1
