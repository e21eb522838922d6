package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TokenIssuer is a vendor account that GatewayTokens of its own namespace can
// take tokens from. Its credentials are read from its own namespace only.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=tiss,categories=gwtokens
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,description="Whether the vendor accepts the credentials"
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`,description="Why"
// +kubebuilder:printcolumn:name="Tokens",type=integer,JSONPath=`.status.inUse.tokens`,description="GatewayTokens that need this issuer"
// +kubebuilder:printcolumn:name="Orphaned",type=integer,JSONPath=`.status.inventory.orphaned`,description="Tokens of ours at the vendor without a GatewayToken"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Account",type=string,priority=1,JSONPath=`.status.account`,description="The vendor account"
type TokenIssuer struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the vendor account.
	// +required
	Spec TokenIssuerSpec `json:"spec,omitzero"`

	// status is what was observed.
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
	Status TokenIssuerStatus `json:"status,omitzero"`
}

// TokenIssuerList is a list of TokenIssuers.
//
// +kubebuilder:object:root=true
type TokenIssuerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`

	// items are the TokenIssuers.
	Items []TokenIssuer `json:"items"`
}

// ClusterTokenIssuer is a vendor account that GatewayTokens of the granted
// namespaces can take tokens from. Its credentials are read from the operator's
// cluster resource namespace only.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=ctiss,categories=gwtokens
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,description="Whether the vendor accepts the credentials"
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`,description="Why"
// +kubebuilder:printcolumn:name="Tokens",type=integer,JSONPath=`.status.inUse.tokens`,description="GatewayTokens that need this issuer"
// +kubebuilder:printcolumn:name="Orphaned",type=integer,JSONPath=`.status.inventory.orphaned`,description="Tokens of ours at the vendor without a GatewayToken"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Account",type=string,priority=1,JSONPath=`.status.account`,description="The vendor account"
type ClusterTokenIssuer struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the vendor account and what it grants to which namespaces.
	// +required
	Spec ClusterTokenIssuerSpec `json:"spec,omitzero"`

	// status is what was observed.
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
	Status TokenIssuerStatus `json:"status,omitzero"`
}

// ClusterTokenIssuerList is a list of ClusterTokenIssuers.
//
// +kubebuilder:object:root=true
type ClusterTokenIssuerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`

	// items are the ClusterTokenIssuers.
	Items []ClusterTokenIssuer `json:"items"`
}

// TokenIssuerSpec is a vendor account: exactly one vendor's block, and what is
// common to all vendors.
//
// +kubebuilder:validation:XValidation:rule="[has(self.causely)].filter(set, set).size() == 1",message="exactly one vendor must be set: causely"
// +kubebuilder:validation:XValidation:rule="has(self.causely) == has(oldSelf.causely)",message="the vendor of an issuer cannot be changed: create another issuer instead"
type TokenIssuerSpec struct {
	// causely is an account at Causely, which issues gateway tokens for its
	// mediator agent.
	// +optional
	Causely *CauselyIssuer `json:"causely,omitempty"`

	// caBundle holds CA certificates that the vendor's server certificate may be
	// signed by, in place of the public ones: for a proxy that inspects TLS, or a
	// server of your own.
	// +optional
	CABundle *CABundle `json:"caBundle,omitempty"`

	// requestsPerSecond is the most that this issuer's credentials are used for
	// at the vendor, all tokens together. 5 when left out.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	RequestsPerSecond *int32 `json:"requestsPerSecond,omitempty"`

	// inventoryInterval is how often the vendor's list is read; one list serves
	// all tokens of the issuer. 5m when left out. It is stretched by itself where
	// the vendor answers slowly.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?([0-9]{1,6}ms)?$')",message="inventoryInterval must be a duration in hours, minutes and seconds, such as 5m, 90s or 1h30m"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?([0-9]{1,6}ms)?$') || (duration(self) >= duration('1s') && duration(self) <= duration('24h'))",message="inventoryInterval must be between 1s and 24h"
	InventoryInterval *metav1.Duration `json:"inventoryInterval,omitempty"`
}

// ClusterTokenIssuerSpec is a vendor account and what it grants.
type ClusterTokenIssuerSpec struct {
	TokenIssuerSpec `json:",inline"`

	// grants say which namespaces may take tokens from this issuer. Nothing is
	// granted by default. A namespace that loses its grant keeps its Secret and
	// the revocation of its token, but gets nothing new.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Grants []Grant `json:"grants,omitempty"`
}

// CauselyIssuer is an account at Causely: the client credentials of a project.
//
// +kubebuilder:validation:XValidation:rule="has(self.url) == has(self.authURL)",message="url and authURL belong together: set both, or leave out both for Causely's own, so that credentials never go to another party than the one they are for"
type CauselyIssuer struct {
	// url is the base of Causely's API, https://api.causely.app when left out.
	// The operator refuses http unless it is started with a flag that allows it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://')",message="url must begin with https://"
	URL string `json:"url,omitempty"`

	// authURL is where credentials are exchanged for a bearer token,
	// https://auth.causely.app/frontegg/identity/resources/auth/v2/api-token when
	// left out.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://')",message="authURL must begin with https://"
	AuthURL string `json:"authURL,omitempty"`

	// credentialsSecretRef names the Secret that holds the client credentials: in
	// the issuer's namespace for a TokenIssuer, in the operator's cluster resource
	// namespace for a ClusterTokenIssuer.
	// +required
	CredentialsSecretRef ClientCredentialsReference `json:"credentialsSecretRef,omitzero"`
}

// ClientCredentialsReference names a Secret with client credentials.
type ClientCredentialsReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="name must be the name of a Secret: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
	Name string `json:"name,omitempty"`

	// clientIDKey is the key of the client ID; clientId when left out.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[-._a-zA-Z0-9]+$')",message="clientIDKey must be a key of a Secret: letters, digits, '-', '_' and '.'"
	ClientIDKey string `json:"clientIDKey,omitempty"`

	// clientSecretKey is the key of the client secret; clientSecret when left out.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[-._a-zA-Z0-9]+$')",message="clientSecretKey must be a key of a Secret: letters, digits, '-', '_' and '.'"
	ClientSecretKey string `json:"clientSecretKey,omitempty"`
}

// CABundle says where CA certificates are.
type CABundle struct {
	// configMapRef names the ConfigMap, in the same namespace as the credentials.
	// +required
	ConfigMapRef ConfigMapKeyReference `json:"configMapRef,omitzero"`
}

// ConfigMapKeyReference names a key of a ConfigMap.
type ConfigMapKeyReference struct {
	// name of the ConfigMap.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="name must be the name of a ConfigMap: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
	Name string `json:"name,omitempty"`

	// key of the ConfigMap that holds PEM certificates; ca.crt when left out.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[-._a-zA-Z0-9]+$')",message="key must be a key of a ConfigMap: letters, digits, '-', '_' and '.'"
	Key string `json:"key,omitempty"`
}

// Grant allows namespaces to take tokens from a ClusterTokenIssuer.
type Grant struct {
	// namespaces that are granted.
	// +required
	Namespaces NamespaceGrant `json:"namespaces,omitzero"`
}

// NamespaceGrant names namespaces or selects them.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="has(self.names) != has(self.selector)",message="a grant must set either names or selector: for both, write two grants"
type NamespaceGrant struct {
	// names of the namespaces.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="names must be names of namespaces: lower-case letters, digits and '-', beginning and ending with a letter or digit; there are no wildcards, use a selector"
	Names []string `json:"names,omitempty"`

	// selector selects namespaces by their labels; an empty one selects all.
	// Whoever may label a namespace then decides who is granted: the label
	// kubernetes.io/metadata.name is the API server's own.
	// +optional
	// +kubebuilder:validation:XValidation:rule="(!has(self.matchLabels) || size(self.matchLabels) <= 16) && (!has(self.matchExpressions) || size(self.matchExpressions) <= 16)",message="selector must have at most 16 matchLabels and 16 matchExpressions"
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// TokenIssuerStatus is what was observed of an issuer of either kind.
type TokenIssuerStatus struct {
	// observedGeneration is the generation of the spec that this status speaks
	// of; -1 before the operator has seen the object.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Ready, VendorReachable and InUse.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +patchStrategy=merge
	// +patchMergeKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty" patchMergeKey:"type" patchStrategy:"merge"`

	// account is the vendor account that the credentials led to at first use:
	// the project at Causely. Credentials that lead to another one are
	// AccountChanged.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Account string `json:"account,omitempty"`

	// inventory counts the tokens of the vendor's list.
	// +optional
	Inventory *Inventory `json:"inventory,omitempty"`

	// inUse counts what needs this issuer.
	// +optional
	InUse *IssuerUse `json:"inUse,omitempty"`

	// failure is the trouble that the operator backs off from.
	// +optional
	Failure *Failure `json:"failure,omitempty"`
}

// Inventory counts the tokens of a vendor's list. It is written when a count
// changes.
type Inventory struct {
	// active tokens, of whomever.
	// +kubebuilder:validation:Minimum=0
	// +required
	Active int32 `json:"active"`

	// owned tokens are active ones of a GatewayToken or of a retained Secret of
	// this installation.
	// +kubebuilder:validation:Minimum=0
	// +required
	Owned int32 `json:"owned"`

	// orphaned tokens are active ones that this installation issued and nothing
	// in the cluster accounts for.
	// +kubebuilder:validation:Minimum=0
	// +required
	Orphaned int32 `json:"orphaned"`

	// unmanaged tokens are active ones that this installation did not issue.
	// +kubebuilder:validation:Minimum=0
	// +required
	Unmanaged int32 `json:"unmanaged"`
}

// IssuerUse counts what needs an issuer.
type IssuerUse struct {
	// tokens is the number of GatewayTokens that refer to the issuer and have, or
	// may have, a token.
	// +kubebuilder:validation:Minimum=0
	// +required
	Tokens int32 `json:"tokens"`

	// namespaces is the number of namespaces that those are in.
	// +kubebuilder:validation:Minimum=0
	// +required
	Namespaces int32 `json:"namespaces"`
}
