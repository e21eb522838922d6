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
// +kubebuilder:validation:XValidation:fieldPath=".spec.rackGateway.host",rule="!has(self.spec.rackGateway) || !has(self.spec.rackGateway.host)",message="host can be set on a ClusterTokenIssuer only: behind one address it chooses the server that the credentials go to"
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
// +kubebuilder:validation:XValidation:rule="[has(self.causely), has(self.causeloop), has(self.rackGateway), has(self.pingOne)].filter(set, set).size() == 1",message="exactly one vendor must be set: causely, causeloop, rackGateway or pingOne"
// +kubebuilder:validation:XValidation:rule="has(self.causely) == has(oldSelf.causely) && has(self.causeloop) == has(oldSelf.causeloop) && has(self.rackGateway) == has(oldSelf.rackGateway) && has(self.pingOne) == has(oldSelf.pingOne)",message="the vendor of an issuer cannot be changed: create another issuer instead"
type TokenIssuerSpec struct {
	// causely is an account at Causely, which issues gateway tokens for its
	// mediator agent.
	// +optional
	Causely *CauselyIssuer `json:"causely,omitempty"`

	// causeloop is a workspace at Causeloop, which issues API tokens.
	// +optional
	Causeloop *CauseloopIssuer `json:"causeloop,omitempty"`

	// rackGateway is a Rack Gateway, which issues API tokens.
	// +optional
	RackGateway *RackGatewayIssuer `json:"rackGateway,omitempty"`

	// pingOne is an environment at PingOne, which issues credentials of gateways.
	// +optional
	PingOne *PingOneIssuer `json:"pingOne,omitempty"`

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
//
// +kubebuilder:validation:XValidation:fieldPath=".grants",rule="!has(self.grants) || self.grants.all(g, (!has(g.causeloop) || has(self.causeloop)) && (!has(g.rackGateway) || has(self.rackGateway)) && (!has(g.pingOne) || has(self.pingOne)))",message="a grant can have the block of the issuer's own vendor only"
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

// CauseloopIssuer is a workspace at Causeloop.
type CauseloopIssuer struct {
	// url is the base of Causeloop's API, https://api.causeloop.ai when left out.
	// The operator refuses http unless it is started with a flag that allows it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://')",message="url must begin with https://"
	URL string `json:"url,omitempty"`

	// tokenSecretRef names the Secret that holds the API token which the operator
	// uses: in the issuer's namespace for a TokenIssuer, in the operator's cluster
	// resource namespace for a ClusterTokenIssuer. For tokens of service accounts it
	// needs the right to manage those.
	// +required
	TokenSecretRef SecretKeyReference `json:"tokenSecretRef,omitzero"`
}

// RackGatewayIssuer is a Rack Gateway.
type RackGatewayIssuer struct {
	// url is the base of the gateway, such as https://gateway.example.com.
	// The operator refuses http unless it is started with a flag that allows it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://')",message="url must begin with https://"
	URL string `json:"url,omitempty"`

	// tokenSecretRef names the Secret that holds the API token which the operator
	// uses: in the issuer's namespace for a TokenIssuer, in the operator's cluster
	// resource namespace for a ClusterTokenIssuer. It must be one of an
	// administrator.
	// +required
	TokenSecretRef SecretKeyReference `json:"tokenSecretRef,omitzero"`

	// host is the name that the gateway is asked by (the Host header), where url
	// has another one, as inside a cluster: a gateway answers to its own name only.
	// For a ClusterTokenIssuer only.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?([.][A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*(:[0-9]{1,5})?$')",message="host must be the name of a host, with a port at most: no https:// and no path"
	Host string `json:"host,omitempty"`
}

// PingOneIssuer is an environment at PingOne, and the worker application in it
// that the operator acts as.
//
// +kubebuilder:validation:XValidation:rule="has(self.url) == has(self.authURL)",message="url and authURL belong together: set both, or leave out both and set region, so that credentials never go to another party than the one they are for"
// +kubebuilder:validation:XValidation:rule="has(self.region) != (has(self.url) || has(self.authURL))",message="either region, or url and authURL must be set"
// +kubebuilder:validation:XValidation:fieldPath=".environmentID",rule="self.environmentID.lowerAscii() == oldSelf.environmentID.lowerAscii()",message="the environment of an issuer cannot be changed: create another issuer instead"
type PingOneIssuer struct {
	// region that the environment is in: NA, EU, AP, AU, CA or SG. It stands for
	// PingOne's own addresses there.
	// +optional
	Region PingOneRegion `json:"region,omitempty"`

	// url is the base of the API with its version, such as
	// https://api.pingone.com/v1, for addresses that no region stands for.
	// The operator refuses http unless it is started with a flag that allows it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://')",message="url must begin with https://"
	URL string `json:"url,omitempty"`

	// authURL is where the worker application's credentials are exchanged for an
	// access token, such as https://auth.pingone.com/ENVIRONMENT-ID/as/token.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://')",message="authURL must begin with https://"
	AuthURL string `json:"authURL,omitempty"`

	// environmentID is the ID of the worker application's environment, a UUID.
	// Gateways are looked for in it where a GatewayToken names no other. It cannot
	// be changed.
	// +required
	// +kubebuilder:validation:MinLength=36
	// +kubebuilder:validation:MaxLength=36
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$')",message="environmentID must be a UUID, as the console of PingOne shows it beside the environment"
	EnvironmentID string `json:"environmentID,omitempty"`

	// credentialsSecretRef names the Secret that holds the client credentials of
	// the worker application: in the issuer's namespace for a TokenIssuer, in the
	// operator's cluster resource namespace for a ClusterTokenIssuer.
	// +required
	CredentialsSecretRef ClientCredentialsReference `json:"credentialsSecretRef,omitzero"`

	// tokenEndpointAuthMethod is how the worker application authenticates, as its
	// settings at PingOne say; client_secret_basic when left out.
	// +optional
	TokenEndpointAuthMethod TokenEndpointAuthMethod `json:"tokenEndpointAuthMethod,omitempty"`

	// exclusive says that nobody and nothing else creates credentials of the
	// gateways that GatewayTokens name. A credential that can only have come of a
	// create whose answer was lost is then revoked; else it is reported.
	// +optional
	Exclusive bool `json:"exclusive,omitempty"`
}

// PingOneRegion is a region of PingOne.
//
// +kubebuilder:validation:Enum=NA;EU;AP;AU;CA;SG
type PingOneRegion string

// Values of PingOneRegion.
const (
	// PingOneNA is North America.
	PingOneNA PingOneRegion = "NA"
	// PingOneEU is Europe.
	PingOneEU PingOneRegion = "EU"
	// PingOneAP is Asia-Pacific.
	PingOneAP PingOneRegion = "AP"
	// PingOneAU is Australia.
	PingOneAU PingOneRegion = "AU"
	// PingOneCA is Canada.
	PingOneCA PingOneRegion = "CA"
	// PingOneSG is Singapore.
	PingOneSG PingOneRegion = "SG"
)

// TokenEndpointAuthMethod is how a client authenticates when it asks for an
// access token.
//
// +kubebuilder:validation:Enum=client_secret_basic;client_secret_post
type TokenEndpointAuthMethod string

// Values of TokenEndpointAuthMethod.
const (
	// ClientSecretBasic sends the credentials in the Authorization header.
	ClientSecretBasic TokenEndpointAuthMethod = "client_secret_basic"
	// ClientSecretPost sends them in the body.
	ClientSecretPost TokenEndpointAuthMethod = "client_secret_post"
)

// SecretKeyReference names a key of a Secret.
type SecretKeyReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="name must be the name of a Secret: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
	Name string `json:"name,omitempty"`

	// key of the Secret that holds the token; token when left out.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[-._a-zA-Z0-9]+$')",message="key must be a key of a Secret: letters, digits, '-', '_' and '.'"
	Key string `json:"key,omitempty"`
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

	// causeloop says what they may ask of an issuer of Causeloop; nothing when left
	// out.
	// +optional
	Causeloop *CauseloopGrant `json:"causeloop,omitempty"`

	// rackGateway says what they may ask of an issuer of Rack Gateway; nothing when
	// left out.
	// +optional
	RackGateway *RackGatewayGrant `json:"rackGateway,omitempty"`

	// pingOne says of which gateways they may ask an issuer of PingOne for
	// credentials; of none when left out.
	// +optional
	PingOne *PingOneGrant `json:"pingOne,omitempty"`
}

// CauseloopGrant is what may be asked of Causeloop: every kind of this grant with
// every scope of it.
//
// +kubebuilder:validation:XValidation:fieldPath=".scopes",rule="!has(self.kinds) || self.kinds.exists(k, k != 'Existing') == (has(self.scopes) && size(self.scopes) > 0)",message="Dedicated and Personal are granted with the scopes that may be asked for, and scopes with one of them: an existing service account has its own"
// +kubebuilder:validation:XValidation:fieldPath=".serviceAccountIDs",rule="!has(self.kinds) || self.kinds.exists(k, k == 'Existing') == (has(self.serviceAccountIDs) && size(self.serviceAccountIDs) > 0)",message="Existing is granted with the serviceAccountIDs whose tokens may be asked for, and serviceAccountIDs with Existing"
type CauseloopGrant struct {
	// kinds of tokens: Dedicated (each of a service account of its own), Existing
	// (of the service accounts named here) and Personal (of the user whom the
	// issuer's credentials belong to).
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	Kinds []CauseloopKind `json:"kinds,omitempty"`

	// scopes that may be asked for, each by its name.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=64
	Scopes []string `json:"scopes,omitempty"`

	// serviceAccountIDs are the existing service accounts whose tokens may be asked
	// for, with all scopes that these have.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	ServiceAccountIDs []string `json:"serviceAccountIDs,omitempty"`
}

// CauseloopKind is a kind of token at Causeloop.
//
// +kubebuilder:validation:Enum=Dedicated;Existing;Personal
type CauseloopKind string

// Values of CauseloopKind.
const (
	// CauseloopKindDedicated is the token of a service account that the operator
	// creates for it.
	CauseloopKindDedicated CauseloopKind = "Dedicated"
	// CauseloopKindExisting is a token of an existing service account.
	CauseloopKindExisting CauseloopKind = "Existing"
	// CauseloopKindPersonal is a personal token.
	CauseloopKindPersonal CauseloopKind = "Personal"
)

// RackGatewayGrant is what may be asked of Rack Gateway.
//
// +kubebuilder:validation:XValidation:rule="(has(self.roles) && size(self.roles) > 0) || (has(self.permissions) && size(self.permissions) > 0)",message="roles or permissions must be named: a grant of neither grants nothing"
type RackGatewayGrant struct {
	// roles that may be asked for.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=5
	Roles []RackGatewayRole `json:"roles,omitempty"`

	// permissions that may be asked for; an asterisk stands for every word in its
	// place. They do not cover roles.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	Permissions []RackGatewayPermission `json:"permissions,omitempty"`
}

// PingOneGrant is of which gateways credentials may be asked for: every gateway of
// this grant in every environment of it.
type PingOneGrant struct {
	// gatewayIDs of the gateways.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=36
	// +kubebuilder:validation:items:MaxLength=36
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$')",message="gatewayIDs must be UUIDs; there are no wildcards"
	GatewayIDs []string `json:"gatewayIDs,omitempty"`

	// environmentIDs of the environments that the gateways are in; the issuer's own
	// environment when left out.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=36
	// +kubebuilder:validation:items:MaxLength=36
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$')",message="environmentIDs must be UUIDs; there are no wildcards"
	EnvironmentIDs []string `json:"environmentIDs,omitempty"`
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

	// conditions are Ready, VendorReachable, InUse and, where there is something to
	// say of them, Stalled, Orphaned, IdentityConflict and MassDisappearance.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +patchStrategy=merge
	// +patchMergeKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty" patchMergeKey:"type" patchStrategy:"merge"`

	// account is the vendor account that the credentials led to at first use:
	// the project at Causely, the environment at PingOne. Credentials that lead to
	// another one are AccountChanged.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Account string `json:"account,omitempty"`

	// inventory counts the tokens of the vendor's list.
	// +optional
	Inventory *Inventory `json:"inventory,omitempty"`

	// unused tells of active tokens that nobody has used for 90 days; left out where
	// the vendor does not show when a token was used.
	// +optional
	Unused *UnusedTokens `json:"unused,omitempty"`

	// inUse counts what needs this issuer.
	// +optional
	InUse *IssuerUse `json:"inUse,omitempty"`

	// failure is the trouble that the operator backs off from.
	// +optional
	Failure *Failure `json:"failure,omitempty"`

	// possibleOrphans are tokens that may have come of a create whose answer was
	// lost, at a vendor whose tokens have no name that they could be recognised by.
	// A person must decide on them. At most 128 are kept.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	PossibleOrphans []PossibleOrphan `json:"possibleOrphans,omitempty"`

	// orphans are the tokens that inventory.orphaned counts, those that were seen
	// first before the others, and since when each has been one. At most 100 are
	// kept; others take their place as they go.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Orphans []Orphan `json:"orphans,omitempty"`

	// orphanRevocation is what became of the annotation
	// gatewaytoken.io/revoke-orphans; left out where the issuer has none.
	// +optional
	OrphanRevocation *OrphanRevocation `json:"orphanRevocation,omitempty"`

	// identityConflict tells of tokens that another operator made with this
	// installation's marker; left out where there are none, or a person has
	// acknowledged them.
	// +optional
	IdentityConflict *IdentityConflict `json:"identityConflict,omitempty"`

	// massDisappearance tells of tokens in use that are gone at once; left out where
	// there are none.
	// +optional
	MassDisappearance *MassDisappearance `json:"massDisappearance,omitempty"`
}

// Orphan is an active token that carries this installation's marker and that
// nothing in the cluster accounts for.
type Orphan struct {
	// id is the vendor's ID of the token.
	// +kubebuilder:validation:MaxLength=1024
	// +required
	ID string `json:"id"`

	// name is the token's name at the vendor.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Name string `json:"name,omitempty"`

	// pool is where the token is, where a vendor keeps its tokens in several places.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Pool string `json:"pool,omitempty"`

	// firstSeen is since when lists have shown it as an orphan.
	// +required
	FirstSeen metav1.Time `json:"firstSeen,omitzero"`
}

// OrphanRevocation is what became of a person's word to revoke orphans.
type OrphanRevocation struct {
	// requestDigest tells one word from the next: the first characters of the
	// SHA-256 of the annotation's value, in hexadecimal.
	// +kubebuilder:validation:MaxLength=64
	// +required
	RequestDigest string `json:"requestDigest"`

	// seen is when the operator first read it. It counts for what had been an orphan
	// for long enough by then, and for nothing that becomes one later.
	// +required
	Seen metav1.Time `json:"seen,omitzero"`

	// revoked are the IDs that are seen to be gone since.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	// +kubebuilder:validation:items:MaxLength=1024
	Revoked []string `json:"revoked,omitempty"`
}

// IdentityConflict is what is known of tokens that another operator made with this
// installation's marker.
type IdentityConflict struct {
	// fingerprint stands for these very tokens in the annotation
	// gatewaytoken.io/acknowledge.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Fingerprint string `json:"fingerprint"`

	// since is when the first of them was found.
	// +required
	Since metav1.Time `json:"since,omitzero"`

	// count is how many they are.
	// +kubebuilder:validation:Minimum=0
	// +required
	Count int32 `json:"count"`

	// tokens are the first of them, 64 at most.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Tokens []ForeignToken `json:"tokens,omitempty"`
}

// ForeignToken is one that another operator made.
type ForeignToken struct {
	// id is the vendor's ID of the token.
	// +kubebuilder:validation:MaxLength=1024
	// +required
	ID string `json:"id"`

	// name is the token's name at the vendor.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Name string `json:"name,omitempty"`

	// pool is where the token is, where a vendor keeps its tokens in several places.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Pool string `json:"pool,omitempty"`
}

// MassDisappearance is what is known of tokens in use that are gone at once.
type MassDisappearance struct {
	// fingerprint stands for these very tokens in the annotation
	// gatewaytoken.io/acknowledge.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Fingerprint string `json:"fingerprint"`

	// since is when they were missed first.
	// +required
	Since metav1.Time `json:"since,omitzero"`

	// count is how many they are.
	// +kubebuilder:validation:Minimum=0
	// +required
	Count int32 `json:"count"`

	// revoked is how many of them the vendor shows as revoked.
	// +kubebuilder:validation:Minimum=0
	// +required
	Revoked int32 `json:"revoked"`

	// ids are the vendor's IDs of the first of them, 64 at most, each behind its pool
	// and a slash where a vendor keeps its tokens in several places.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=1024
	IDs []string `json:"ids,omitempty"`

	// acknowledged tells that a person has decided that they are to be replaced. It
	// stays until all of them are.
	// +optional
	Acknowledged bool `json:"acknowledged,omitempty"`
}

// PossibleOrphan is a token that may be the operator's and that nothing in the
// cluster accounts for.
type PossibleOrphan struct {
	// id is the vendor's ID of the token; left out where the vendor shows none, so
	// that all that is known is that there may be one.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	ID string `json:"id,omitempty"`

	// name that the token was asked for under, where nothing lists it. Look for it at
	// the vendor by this name.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Name string `json:"name,omitempty"`

	// pool is where the token is, where a vendor keeps its tokens in several places:
	// at PingOne <environment>/<gateway>, at Causeloop existing/<service account>.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Pool string `json:"pool,omitempty"`

	// createdAt is when the vendor says that it made the token.
	// +optional
	CreatedAt *metav1.Time `json:"createdAt,omitempty"`

	// since is when the operator found it.
	// +required
	Since metav1.Time `json:"since,omitzero"`

	// message says what it may have come of, and why that is not certain.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`

	// acknowledged tells that a person has decided about it, by the annotation
	// gatewaytoken.io/acknowledge of the issuer. It stays until lists lack it.
	// +optional
	Acknowledged bool `json:"acknowledged,omitempty"`
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

// UnusedTokens are active tokens that nobody has used for 90 days. One that was
// never used counts from its creation.
type UnusedTokens struct {
	// tokens is the number of those that this installation issued.
	// +kubebuilder:validation:Minimum=0
	// +required
	Tokens int32 `json:"tokens"`

	// unmanaged is the number of those that it did not issue. Whose they are, the
	// vendor tells.
	// +kubebuilder:validation:Minimum=0
	// +required
	Unmanaged int32 `json:"unmanaged"`

	// longest are those of this installation that have been unused for the longest
	// time, ten at most.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	Longest []UnusedToken `json:"longest,omitempty"`
}

// UnusedToken is one that nobody has used for 90 days. All that changes by itself
// is told by the day, so that status is not written all the time.
type UnusedToken struct {
	// id is the vendor's ID of the token.
	// +kubebuilder:validation:MaxLength=1024
	// +required
	ID string `json:"id"`

	// name is the token's name at the vendor, where it has one.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Name string `json:"name,omitempty"`

	// pool is where the token is, where a vendor keeps its tokens in several places:
	// at PingOne <environment>/<gateway>.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Pool string `json:"pool,omitempty"`

	// issuedOn is the day (UTC, YYYY-MM-DD) on which the vendor made it.
	// +optional
	// +kubebuilder:validation:MaxLength=10
	IssuedOn string `json:"issuedOn,omitempty"`

	// lastUsedOn is the day of its last use; left out where it was never used.
	// +optional
	// +kubebuilder:validation:MaxLength=10
	LastUsedOn string `json:"lastUsedOn,omitempty"`

	// owner is what accounts for it in the cluster, as GatewayToken namespace/name
	// or, where it was retained, Secret namespace/name; left out where nothing does.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Owner string `json:"owner,omitempty"`
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
