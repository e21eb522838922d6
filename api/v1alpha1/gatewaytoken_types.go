package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// GatewayToken asks for one token at a vendor and one Secret in its own
// namespace that holds the token's value.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=gwt,categories=gwtokens
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,description="Whether the Secret holds a token last known active"
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`,description="Why"
// +kubebuilder:printcolumn:name="Secret",type=string,JSONPath=`.status.secretName`,description="The Secret that holds the token"
// +kubebuilder:printcolumn:name="Issuer",type=string,JSONPath=`.status.issuer`,description="The issuer, as Kind/name"
// +kubebuilder:printcolumn:name="Next rotation",type=string,JSONPath=`.status.nextRotationTime`,description="When the token is replaced"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Token ID",type=string,priority=1,JSONPath=`.status.current.id`,description="The vendor's ID of the token in the Secret"
// +kubebuilder:printcolumn:name="Sequence",type=integer,priority=1,JSONPath=`.status.current.sequence`,description="How many tokens this object has had"
// +kubebuilder:printcolumn:name="Retiring",type=string,priority=1,JSONPath=`.status.retiring[*].id`,description="Replaced tokens that are still active at the vendor"
// +kubebuilder:selectablefield:JSONPath=`.status.issuer`
// +kubebuilder:selectablefield:JSONPath=`.status.secretName`
// +kubebuilder:validation:XValidation:fieldPath=".spec.secret.name",rule="(has(self.spec.secret) && has(self.spec.secret.name) ? self.spec.secret.name : self.metadata.name) == (has(oldSelf.spec.secret) && has(oldSelf.spec.secret.name) ? oldSelf.spec.secret.name : oldSelf.metadata.name)",message="the name of the Secret cannot be changed (left out, it is metadata.name): create another GatewayToken instead"
// +kubebuilder:validation:XValidation:fieldPath=".spec.secret.name",rule="!(has(self.spec.secret) && has(self.spec.secret.name) ? self.spec.secret.name : self.metadata.name).matches('^(gateway-token-operator-|sh[.]helm[.]release[.])')",message="a Secret name (left out, it is metadata.name) that begins with gateway-token-operator- or sh.helm.release. is reserved: choose another"
type GatewayToken struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what is asked for.
	// +required
	Spec GatewayTokenSpec `json:"spec,omitzero"`

	// status is what was observed and done. It never holds a token value.
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
	Status GatewayTokenStatus `json:"status,omitzero"`
}

// GatewayTokenList is a list of GatewayTokens.
//
// +kubebuilder:object:root=true
type GatewayTokenList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`

	// items are the GatewayTokens.
	Items []GatewayToken `json:"items"`
}

// GatewayTokenSpec is what a person asks for.
//
// +kubebuilder:validation:XValidation:fieldPath=".issuerRef",rule="self.issuerRef.name == oldSelf.issuerRef.name && (has(self.issuerRef.kind) ? self.issuerRef.kind : 'TokenIssuer') == (has(oldSelf.issuerRef.kind) ? oldSelf.issuerRef.kind : 'TokenIssuer')",message="the issuer cannot be changed (a kind left out is TokenIssuer): create another GatewayToken instead"
// +kubebuilder:validation:XValidation:fieldPath=".secret.type",rule="(has(self.secret) && has(self.secret.type) ? self.secret.type : 'Opaque') == (has(oldSelf.secret) && has(oldSelf.secret.type) ? oldSelf.secret.type : 'Opaque')",message="the type of the Secret cannot be changed (left out, it is Opaque): create another GatewayToken instead"
// +kubebuilder:validation:XValidation:rule="[has(self.causeloop), has(self.rackGateway), has(self.pingOne)].filter(set, set).size() <= 1",message="at most one of causeloop, rackGateway and pingOne can be set: the one of the issuer's vendor, and none for Causely"
// +kubebuilder:validation:XValidation:rule="has(self.causeloop) == has(oldSelf.causeloop) && has(self.rackGateway) == has(oldSelf.rackGateway) && has(self.pingOne) == has(oldSelf.pingOne)",message="causeloop, rackGateway and pingOne cannot be added, removed or replaced by one another: the token would be another vendor's; create another GatewayToken instead"
// +kubebuilder:validation:XValidation:fieldPath=".rotation.renewBefore",rule="!(has(self.causeloop) && has(self.causeloop.expiresAfter) && self.causeloop.expiresAfter.matches('^([0-9.]+(h|m|s|ms))+$') && has(self.rotation) && has(self.rotation.renewBefore) && self.rotation.renewBefore.matches('^([0-9.]+(h|m|s|ms))+$')) || duration(self.rotation.renewBefore) < duration(self.causeloop.expiresAfter)",message="renewBefore must be shorter than causeloop.expiresAfter: a token would be due for its successor when it is issued"
// +kubebuilder:validation:XValidation:fieldPath=".rotation.strategy",rule="!(has(self.rotation) && has(self.rotation.strategy) && self.rotation.strategy == 'InPlace') || !(has(self.rackGateway) || has(self.pingOne) || (has(self.causeloop) && has(self.causeloop.serviceAccount)))",message="InPlace needs causeloop.personal: no other token can be given another value at the vendor"
type GatewayTokenSpec struct {
	// issuerRef names the issuer whose vendor account the token is taken from.
	// It cannot be changed.
	// +required
	IssuerRef IssuerReference `json:"issuerRef,omitzero"`

	// tokenName is the part of the token's name at the vendor that is meant for
	// people; the operator appends a marker that it recognises its tokens by, and
	// shortens this part where the vendor's limit asks for it.
	// <namespace>-<name> of this object when left out. An edit names the next
	// token and does not replace the current one.
	// Letters, digits, dots, underscores, hyphens and single spaces inside; other
	// characters are not taken because a vendor might alter them, and an altered
	// name is a token that cannot be recognised.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=60
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9]( ?[A-Za-z0-9._-])*$')",message="tokenName must begin with a letter or digit and consist of letters, digits, '.', '_', '-' and single spaces inside: the vendor must give the name back unaltered"
	TokenName string `json:"tokenName,omitempty"`

	// secret describes the Secret that the token's value is written to. It is in
	// the namespace of this object.
	// +optional
	Secret *SecretTemplate `json:"secret,omitempty"`

	// rotation says how a token is replaced by its successor.
	// +optional
	Rotation *Rotation `json:"rotation,omitempty"`

	// consumers says how those who use the Secret take up a new value. When left
	// out, nobody is restarted. Either way, a replaced token stays active until no
	// pod of the namespace holds it any more.
	// +optional
	Consumers *Consumers `json:"consumers,omitempty"`

	// deletionPolicy says what becomes of the token when this object is deleted.
	// Revoke (when left out): it is revoked at the vendor and the Secret is
	// deleted. Retain: both stay, labelled, and stay accounted for.
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// onRemoteRevocation says what happens when somebody revokes the token at the
	// vendor. Reissue (when left out): a new token is issued and published.
	// Report: Ready turns False (reason RevokedAtVendor) and nothing is issued.
	// +optional
	OnRemoteRevocation OnRemoteRevocation `json:"onRemoteRevocation,omitempty"`

	// suspend stops issuing, repairing and retiring tokens; deletion still
	// revokes.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// causeloop is what is asked of an issuer of Causeloop. It is required there
	// and cannot be added or removed.
	// +optional
	Causeloop *CauseloopToken `json:"causeloop,omitempty"`

	// rackGateway is what is asked of an issuer of Rack Gateway. It is required
	// there and cannot be added or removed.
	// +optional
	RackGateway *RackGatewayToken `json:"rackGateway,omitempty"`

	// pingOne is what is asked of an issuer of PingOne. It is required there and
	// cannot be added or removed.
	// +optional
	PingOne *PingOneToken `json:"pingOne,omitempty"`
}

// CauseloopToken is a token at Causeloop: of a service account, or a personal one
// of the user whom the issuer's credentials belong to. Which of them cannot be
// changed.
//
// +kubebuilder:validation:XValidation:rule="has(self.serviceAccount) != has(self.personal)",message="either serviceAccount or personal must be set"
// +kubebuilder:validation:XValidation:fieldPath=".scopes",rule="has(self.scopes) || (has(self.serviceAccount) && has(self.serviceAccount.id))",message="scopes must be set for a dedicated service account and for a personal token: name only those that the consumer needs"
// +kubebuilder:validation:XValidation:fieldPath=".scopes",rule="!has(self.scopes) || !has(self.serviceAccount) || !has(self.serviceAccount.id)",message="scopes must be left out for an existing service account: its tokens have the scopes of the account"
// +kubebuilder:validation:XValidation:fieldPath=".expiresAfter",rule="!has(self.expiresAfter) || has(self.personal)",message="expiresAfter can be set for a personal token only: tokens of service accounts do not expire"
// +kubebuilder:validation:XValidation:rule="has(self.personal) == has(oldSelf.personal) && (has(self.serviceAccount) && has(self.serviceAccount.id) ? self.serviceAccount.id : '-') == (has(oldSelf.serviceAccount) && has(oldSelf.serviceAccount.id) ? oldSelf.serviceAccount.id : '-')",message="personal, a dedicated service account and an existing one cannot be replaced by one another, nor an existing one by another: create another GatewayToken instead"
type CauseloopToken struct {
	// serviceAccount says that the token is one of a service account, which belongs
	// to the workspace and outlives the people in it. The issuer's credentials must
	// be allowed to manage service accounts.
	// +optional
	ServiceAccount *CauseloopServiceAccount `json:"serviceAccount,omitempty"`

	// personal says that the token is a personal one of the user whom the issuer's
	// credentials belong to. It dies with that user's membership.
	// +optional
	Personal *CauseloopPersonal `json:"personal,omitempty"`

	// scopes are what the token may do, in Causeloop's words, such as issues:read.
	// Required, but for an existing service account, whose own count. Other scopes
	// are another token: it is issued, and the current one retires.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=64
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)*$')",message="a scope must be one of Causeloop's, such as issues:read; there are no wildcards"
	Scopes []string `json:"scopes,omitempty"`

	// expiresAfter is how long after its creation Causeloop lets the token expire,
	// such as 720h; from 1h to 87600h. For personal tokens only, which do not
	// expire when it is left out. A shorter one is another token: it is issued, and
	// the current one retires.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?([0-9]{1,6}ms)?$')",message="expiresAfter must be a duration in hours, minutes and seconds, such as 720h or 1h30m"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?([0-9]{1,6}ms)?$') || (duration(self) >= duration('1h') && duration(self) <= duration('87600h'))",message="expiresAfter must be between 1h and 87600h, ten years: leave it out for a token that does not expire"
	ExpiresAfter *metav1.Duration `json:"expiresAfter,omitempty"`
}

// CauseloopServiceAccount says of which service account a token is.
//
// +kubebuilder:validation:XValidation:rule="has(self.dedicated) != has(self.id)",message="either dedicated or id must be set"
type CauseloopServiceAccount struct {
	// dedicated says that the operator creates a service account for every token,
	// with the scopes of this object and a name that ends with the marker, and
	// deletes it with the token.
	// +optional
	Dedicated *CauseloopDedicated `json:"dedicated,omitempty"`

	// id is that of an existing service account, which the operator neither
	// creates nor deletes. Its tokens have no name that the operator could
	// recognise them by.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9][A-Za-z0-9._-]*$')",message="id must be the ID of a service account: letters, digits, '.', '_' and '-'"
	ID string `json:"id,omitempty"`
}

// CauseloopDedicated has nothing to set.
type CauseloopDedicated struct{}

// CauseloopPersonal has nothing to set.
type CauseloopPersonal struct{}

// RackGatewayToken is an API token of Rack Gateway. An edit changes what the
// current token may do; its value stays.
//
// +kubebuilder:validation:XValidation:rule="has(self.role) != has(self.permissions)",message="either role or permissions must be set"
type RackGatewayToken struct {
	// role stands for permissions, as Rack Gateway defines them: viewer, ops,
	// deployer, cicd or admin.
	// +optional
	Role RackGatewayRole `json:"role,omitempty"`

	// permissions of the token, in Rack Gateway's words, such as convox:app:read;
	// an asterisk stands for every word in its place.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.map(p, size(p) + 3).sum() < 4000",message="permissions must have at most 4000 characters together: Rack Gateway stores no more"
	Permissions []RackGatewayPermission `json:"permissions,omitempty"`
}

// RackGatewayRole is a role of Rack Gateway.
//
// +kubebuilder:validation:Enum=viewer;ops;deployer;cicd;admin
type RackGatewayRole string

// Values of RackGatewayRole.
const (
	// RackGatewayViewer reads.
	RackGatewayViewer RackGatewayRole = "viewer"
	// RackGatewayOps restarts applications and runs commands in them.
	RackGatewayOps RackGatewayRole = "ops"
	// RackGatewayDeployer deploys.
	RackGatewayDeployer RackGatewayRole = "deployer"
	// RackGatewayCICD deploys with approval.
	RackGatewayCICD RackGatewayRole = "cicd"
	// RackGatewayAdmin does everything.
	RackGatewayAdmin RackGatewayRole = "admin"
)

// RackGatewayPermission is a permission of Rack Gateway: scope, resource and
// action.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=128
// +kubebuilder:validation:XValidation:rule="self.matches('^([A-Za-z0-9_-]+|[*]):([A-Za-z0-9_-]+|[*]):([A-Za-z0-9_-]+|[*])$')",message="a permission must have the form scope:resource:action, such as convox:app:read; an asterisk stands for a whole word"
type RackGatewayPermission string

// PingOneToken is a credential of a gateway of PingOne.
//
// +kubebuilder:validation:XValidation:fieldPath=".gatewayID",rule="self.gatewayID.lowerAscii() == oldSelf.gatewayID.lowerAscii()",message="the gateway cannot be changed: create another GatewayToken instead"
// +kubebuilder:validation:XValidation:fieldPath=".environmentID",rule="(has(self.environmentID) ? self.environmentID.lowerAscii() : '-') == (has(oldSelf.environmentID) ? oldSelf.environmentID.lowerAscii() : '-')",message="the environment cannot be changed, nor added or taken out, even where it is the issuer's: create another GatewayToken instead"
type PingOneToken struct {
	// gatewayID is the gateway's ID, a UUID. It cannot be changed.
	// +required
	// +kubebuilder:validation:MinLength=36
	// +kubebuilder:validation:MaxLength=36
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$')",message="gatewayID must be a UUID, as the console of PingOne shows it beside the gateway"
	GatewayID string `json:"gatewayID,omitempty"`

	// environmentID is the ID of the environment that the gateway is in, a UUID;
	// the issuer's environment when left out. It cannot be changed.
	// +optional
	// +kubebuilder:validation:MinLength=36
	// +kubebuilder:validation:MaxLength=36
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$')",message="environmentID must be a UUID, as the console of PingOne shows it beside the environment"
	EnvironmentID string `json:"environmentID,omitempty"`
}

// Kinds of issuers, the values of IssuerReference.Kind.
const (
	// KindTokenIssuer is the namespaced issuer, the kind when left out.
	KindTokenIssuer = "TokenIssuer"
	// KindClusterTokenIssuer is the issuer of the whole cluster.
	KindClusterTokenIssuer = "ClusterTokenIssuer"
	// KindGatewayToken is the kind that refers to them.
	KindGatewayToken = "GatewayToken"
)

// IssuerReference names an issuer: a TokenIssuer in the namespace of the object
// that refers to it, or a ClusterTokenIssuer. There is no namespace field, on
// purpose: a tenant cannot point at the issuer of another.
type IssuerReference struct {
	// kind of the issuer; TokenIssuer when left out.
	// +optional
	// +kubebuilder:validation:Enum=TokenIssuer;ClusterTokenIssuer
	Kind string `json:"kind,omitempty"`

	// name of the issuer.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="name must be the name of an object: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
	Name string `json:"name,omitempty"`
}

// SecretTemplate describes the Secret of a GatewayToken.
//
// +kubebuilder:validation:XValidation:fieldPath=".previousKey",rule="!has(self.previousKey) || !(has(self.data) ? self.previousKey in self.data : self.previousKey == 'token')",message="previousKey must be another key than those of data (left out, data has the key token)"
// +kubebuilder:validation:XValidation:rule="!has(self.type) || self.type != 'kubernetes.io/dockerconfigjson' || (has(self.data) && '.dockerconfigjson' in self.data)",message="a Secret of type kubernetes.io/dockerconfigjson needs the key .dockerconfigjson in data"
// +kubebuilder:validation:XValidation:rule="!has(self.type) || self.type != 'kubernetes.io/basic-auth' || (has(self.data) && ('username' in self.data || 'password' in self.data))",message="a Secret of type kubernetes.io/basic-auth needs the key username or password in data"
type SecretTemplate struct {
	// name of the Secret; metadata.name of this object when left out. It cannot
	// be changed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="name must be the name of a Secret: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
	Name string `json:"name,omitempty"`

	// type of the Secret; Opaque when left out. It cannot be changed. Opaque,
	// kubernetes.io/basic-auth, kubernetes.io/dockerconfigjson or a type of a
	// domain of your own such as example.com/token. Types that the cluster or
	// Helm acts on are refused.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self in ['Opaque', 'kubernetes.io/basic-auth', 'kubernetes.io/dockerconfigjson'] || (self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)+/[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?$') && !self.matches('^(.*[.])?(kubernetes[.]io|k8s[.]io|helm[.]sh|gatewaytoken[.]io)/'))",message="type must be Opaque, kubernetes.io/basic-auth, kubernetes.io/dockerconfigjson or a type of a domain of your own such as example.com/token"
	Type string `json:"type,omitempty"`

	// labels of the Secret, beside the operator's own. Labels of this object are
	// never copied. Keys of domains that the cluster, GitOps tools, Helm, Causely
	// or this operator act on are refused; of app.kubernetes.io the keys name,
	// version, component and part-of are taken.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$'))",message="every label key must be a name of at most 63 letters, digits, '-', '_' and '.', with an optional domain and '/' in front"
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^app[.]kubernetes[.]io/(name|version|component|part-of)$') || !k.matches('^([^/]*[.])?(kubernetes[.]io|k8s[.]io|gatewaytoken[.]io|argocd[.]argoproj[.]io|helm[.]sh|toolkit[.]fluxcd[.]io|causely[.]ai)/'))",message="labels of kubernetes.io, k8s.io, gatewaytoken.io, argocd.argoproj.io, helm.sh, toolkit.fluxcd.io and causely.ai cannot be set on the Secret, except app.kubernetes.io/name, version, component and part-of"
	// +kubebuilder:validation:XValidation:rule="!('owner' in self) || self['owner'] != 'helm'",message="the label owner: helm would make the Secret look like a release record of Helm"
	Labels map[string]LabelValue `json:"labels,omitempty"`

	// annotations of the Secret, beside the operator's own. The same keys are
	// refused as for labels.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$'))",message="every annotation key must be a name of at most 63 letters, digits, '-', '_' and '.', with an optional domain and '/' in front"
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^app[.]kubernetes[.]io/(name|version|component|part-of)$') || !k.matches('^([^/]*[.])?(kubernetes[.]io|k8s[.]io|gatewaytoken[.]io|argocd[.]argoproj[.]io|helm[.]sh|toolkit[.]fluxcd[.]io|causely[.]ai)/'))",message="annotations of kubernetes.io, k8s.io, gatewaytoken.io, argocd.argoproj.io, helm.sh, toolkit.fluxcd.io and causely.ai cannot be set on the Secret, except app.kubernetes.io/name, version, component and part-of"
	Annotations map[string]AnnotationValue `json:"annotations,omitempty"`

	// data maps each key of the Secret to a template; {token: "{{ .Token }}"}
	// when left out. Templates see .Token, .ID, .Name and .URL and the functions
	// urlquery, b64enc, json and quote. At least one key must be the token and
	// nothing else: exactly {{ .Token }}. An edit rewrites the Secret with the
	// token in hand.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^[-._a-zA-Z0-9]{1,253}$') && k != '.' && !k.startsWith('..'))",message="every key of data must consist of at most 253 letters, digits, '-', '_' and '.', and must not be '.' nor begin with '..'"
	// +kubebuilder:validation:XValidation:rule="self.exists(k, self[k].matches('^[{][{] *[.]Token *[}][}]$'))",message="at least one key of data must be exactly '{{ .Token }}': it is what the operator recognises the token by"
	Data map[string]DataTemplate `json:"data,omitempty"`

	// previousKey is a further key of the Secret, for consumers that accept two
	// tokens: it has the value of the token that was replaced last for as long as
	// that waits for its revocation, and is not there at other times.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[-._a-zA-Z0-9]+$') && self != '.' && !self.startsWith('..')",message="previousKey must consist of letters, digits, '-', '_' and '.', and must not be '.' nor begin with '..'"
	PreviousKey string `json:"previousKey,omitempty"`

	// adopt says whether an existing Secret of that name may be taken over.
	// Never (when left out): it is a SecretConflict. IfUnowned: it is taken over
	// if it has no ownerReferences and is no other GatewayToken's.
	// +optional
	Adopt AdoptPolicy `json:"adopt,omitempty"`
}

// LabelValue is the value of a label.
//
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="self.matches('^([A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?)?$')",message="a label value must be empty or consist of letters, digits, '-', '_' and '.', beginning and ending with a letter or digit"
type LabelValue string

// AnnotationValue is the value of an annotation, at most 4096 characters.
//
// +kubebuilder:validation:MaxLength=4096
type AnnotationValue string

// DataTemplate is the template of one key of a Secret, at most 4096 characters.
//
// +kubebuilder:validation:MaxLength=4096
type DataTemplate string

// AdoptPolicy says whether an existing Secret may be taken over.
//
// +kubebuilder:validation:Enum=Never;IfUnowned
type AdoptPolicy string

// Values of AdoptPolicy.
const (
	// AdoptNever leaves every existing Secret alone: SecretConflict.
	AdoptNever AdoptPolicy = "Never"
	// AdoptIfUnowned takes over a Secret without ownerReferences that is no other
	// GatewayToken's.
	AdoptIfUnowned AdoptPolicy = "IfUnowned"
)

// DeletionPolicy says what becomes of a token when its GatewayToken is deleted.
//
// +kubebuilder:validation:Enum=Revoke;Retain
type DeletionPolicy string

// Values of DeletionPolicy.
const (
	// DeletionRevoke revokes the token at the vendor and deletes the Secret.
	DeletionRevoke DeletionPolicy = "Revoke"
	// DeletionRetain leaves the token active and the Secret in place, labelled
	// with LabelRetained.
	DeletionRetain DeletionPolicy = "Retain"
)

// OnRemoteRevocation says what happens when a token is revoked at the vendor by
// somebody else.
//
// +kubebuilder:validation:Enum=Reissue;Report
type OnRemoteRevocation string

// Values of OnRemoteRevocation.
const (
	// RemoteRevocationReissue issues and publishes a new token.
	RemoteRevocationReissue OnRemoteRevocation = "Reissue"
	// RemoteRevocationReport says so in the conditions and issues nothing.
	RemoteRevocationReport OnRemoteRevocation = "Report"
)

// RotationStrategy is how a token is replaced that is due by its age or on
// request.
//
// +kubebuilder:validation:Enum=Overlap;InPlace;RevokeFirst
type RotationStrategy string

// Values of RotationStrategy.
const (
	// StrategyOverlap publishes the successor first; both work for a time.
	StrategyOverlap RotationStrategy = "Overlap"
	// StrategyInPlace gives the token another value. Consumers are cut off.
	StrategyInPlace RotationStrategy = "InPlace"
	// StrategyRevokeFirst revokes the token first where there is no room for two.
	// Consumers are cut off.
	StrategyRevokeFirst RotationStrategy = "RevokeFirst"
)

// Rotation says when and how a token is replaced by its successor.
// +kubebuilder:validation:XValidation:fieldPath=".window",rule="!has(self.window) || has(self.interval) || has(self.renewBefore)",message="window needs interval, or renewBefore for a token that expires: nothing else waits for it"
type Rotation struct {
	// strategy is how a token is replaced that is due by its age or on request.
	// Overlap (when left out): its successor is published first, and both work
	// until no consumer needs the old one. InPlace, for personal tokens of
	// Causeloop: the token is given another value. RevokeFirst, where the vendor
	// has no room for two: it is revoked before its successor is made; where there
	// is room, it is Overlap. The last two CUT OFF whatever holds the old value
	// until it has the new one.
	// +optional
	Strategy RotationStrategy `json:"strategy,omitempty"`

	// interval is the age at which a token is replaced, such as 2160h for a
	// quarter; from 1h to 87600h. A tenth of it is used to spread tokens of one
	// interval: each is replaced up to that much earlier, always by the same share.
	// A token is not replaced by age when left out.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?([0-9]{1,6}ms)?$')",message="interval must be a duration in hours, minutes and seconds, such as 2160h"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?([0-9]{1,6}ms)?$') || (duration(self) >= duration('1h') && duration(self) <= duration('87600h'))",message="interval must be between 1h and 87600h, ten years"
	Interval *metav1.Duration `json:"interval,omitempty"`

	// window is when tokens are replaced by age, and before they expire if that can
	// wait. At any time when left out. A request, a revocation by somebody else and
	// an edit that asks for another token do not wait for it.
	// +optional
	Window *RotationWindow `json:"window,omitempty"`

	// overlap is how long a replaced token stays active after no pod of the
	// namespace holds it any more, such as 90m or 24h; at most 8760h. When left out,
	// 1h where pods were found to use the Secret, and 24h where none were, since then
	// nothing but time protects whoever does. The operator's own floor (2m unless
	// set otherwise) applies.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?([0-9]{1,6}ms)?$')",message="overlap must be a duration that is not negative, in hours, minutes and seconds, such as 24h, 90m or 1h30m"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?([0-9]{1,6}ms)?$') || duration(self) <= duration('8760h')",message="overlap must be at most 8760h, a year"
	Overlap *metav1.Duration `json:"overlap,omitempty"`

	// maxOverlap is how long the use of a replaced token may delay its revocation
	// after no pod holds it any more, where the vendor shows when a token was used
	// last; from 2m to 8760h. Without end when left out.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?([0-9]{1,6}ms)?$')",message="maxOverlap must be a duration in hours, minutes and seconds, such as 168h"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?([0-9]{1,6}ms)?$') || (duration(self) >= duration('2m') && duration(self) <= duration('8760h'))",message="maxOverlap must be between 2m and 8760h, a year"
	MaxOverlap *metav1.Duration `json:"maxOverlap,omitempty"`

	// renewBefore is how long before its expiry a token is replaced, where the
	// vendor lets it expire; from 1m to 8760h. A third of the token's life when
	// left out, and where it is not shorter than that life.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?([0-9]{1,6}ms)?$')",message="renewBefore must be a duration in hours, minutes and seconds, such as 240h or 1h30m"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?([0-9]{1,6}ms)?$') || (duration(self) >= duration('1m') && duration(self) <= duration('8760h'))",message="renewBefore must be between 1m and 8760h, a year"
	RenewBefore *metav1.Duration `json:"renewBefore,omitempty"`
}

// RotationWindow is a time that comes again and again.
type RotationWindow struct {
	// schedule is when the window opens, in the five fields of cron, such as
	// "0 2 * * 6" for Saturdays at two.
	// +required
	// +kubebuilder:validation:MinLength=9
	// +kubebuilder:validation:MaxLength=128
	Schedule string `json:"schedule,omitempty"`

	// duration is how long it stays open; from 5m to 168h.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?([0-9]{1,6}ms)?$')",message="duration must be a duration in hours, minutes and seconds, such as 3h"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,6}([.][0-9]{1,9})?m)?([0-9]{1,6}([.][0-9]{1,9})?s)?([0-9]{1,6}ms)?$') || (duration(self) >= duration('5m') && duration(self) <= duration('168h'))",message="duration must be between 5m and 168h, a week"
	Duration *metav1.Duration `json:"duration,omitempty"`

	// timeZone of the schedule, by its name in the IANA time zone database, such as
	// Europe/Berlin. UTC when left out.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	TimeZone string `json:"timeZone,omitempty"`
}

// Consumers says how those who use the Secret take up a new value.
//
// +kubebuilder:validation:XValidation:fieldPath=".select",rule="!has(self.select) || self.action == 'Restart'",message="select says what is restarted: it can be set with action: Restart only"
// +kubebuilder:validation:XValidation:fieldPath=".targets",rule="has(self.targets) == (has(self.select) && self.select == 'Listed')",message="targets must be set with select: Listed, and left out otherwise"
type Consumers struct {
	// action is what is done once the Secret has another value. Restart: workloads
	// that use it and whose pods hold the value before are restarted, once for each
	// token. Wait: nothing, since somebody else restarts them. ReloadsFile: nothing,
	// since they read the files of a volume again when these change; pods that have
	// the Secret in another way are waited for all the same.
	// +required
	Action ConsumersAction `json:"action,omitempty"`

	// select says which workloads are restarted. All (when left out): every
	// Deployment, StatefulSet and DaemonSet of the namespace that uses the Secret.
	// Listed: those in targets.
	// +optional
	Select ConsumersSelect `json:"select,omitempty"`

	// targets are the workloads that are restarted, with select: Listed.
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Targets []ConsumerTarget `json:"targets,omitempty"`
}

// ConsumersAction is what is done once a Secret has another value.
//
// +kubebuilder:validation:Enum=Restart;Wait;ReloadsFile
type ConsumersAction string

// Values of ConsumersAction.
const (
	// ConsumersRestart restarts workloads whose pods hold the value before.
	ConsumersRestart ConsumersAction = "Restart"
	// ConsumersWait leaves that to somebody else.
	ConsumersWait ConsumersAction = "Wait"
	// ConsumersReloadFile relies on programs that read files again.
	ConsumersReloadFile ConsumersAction = "ReloadsFile"
)

// ConsumersSelect says which workloads are restarted.
//
// +kubebuilder:validation:Enum=All;Listed
type ConsumersSelect string

// Values of ConsumersSelect.
const (
	// SelectAll selects every workload of the namespace that uses the Secret.
	SelectAll ConsumersSelect = "All"
	// SelectListed selects the targets.
	SelectListed ConsumersSelect = "Listed"
)

// ConsumerTarget names a workload of the namespace.
type ConsumerTarget struct {
	// kind of the workload: Deployment, StatefulSet or DaemonSet of apps/v1.
	// +required
	// +kubebuilder:validation:Enum=Deployment;StatefulSet;DaemonSet
	Kind string `json:"kind,omitempty"`

	// name of the workload.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="name must be the name of an object: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
	Name string `json:"name,omitempty"`
}

// GatewayTokenStatus is what was observed and done. It is a copy for people and
// tools: the operator works without it.
type GatewayTokenStatus struct {
	// observedGeneration is the generation of the spec that this status speaks
	// of; -1 before the operator has seen the object.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Ready, Reconciling, Stalled, VendorReachable, Rotating,
	// ConsumersReady and RevocationPending. Ready is True when the Secret holds a token last known
	// active.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +patchStrategy=merge
	// +patchMergeKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty" patchMergeKey:"type" patchStrategy:"merge"`

	// current is the token in the Secret.
	// +optional
	Current *CurrentToken `json:"current,omitempty"`

	// retiring are replaced tokens that are still active at the vendor, oldest
	// first; at most 32 are shown.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Retiring []RetiringToken `json:"retiring,omitempty"`

	// attempt is a create at the vendor that may have happened although no answer
	// said so.
	// +optional
	Attempt *IssueAttempt `json:"attempt,omitempty"`

	// ledger is a copy of the Secret's signed record of tokens, without values, where
	// tokens have no names: with the Secret alone it would be lost whose they are.
	// +optional
	// +kubebuilder:validation:MaxLength=65536
	Ledger string `json:"ledger,omitempty"`

	// nextRotationTime is when the current token is replaced, by its age or before
	// it expires; left out where it is not.
	// +optional
	NextRotationTime *metav1.Time `json:"nextRotationTime,omitempty"`

	// handledRotateRequest is the value of the annotation
	// gatewaytoken.io/rotate-requested-at that was answered last: the current token
	// was issued because of it or later.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	HandledRotateRequest string `json:"handledRotateRequest,omitempty"`

	// failure is the trouble that the operator backs off from.
	// +optional
	Failure *Failure `json:"failure,omitempty"`

	// secretName is the resolved name of the Secret.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`

	// issuer is the resolved issuer as Kind/name, such as
	// ClusterTokenIssuer/causely.
	// +optional
	// +kubebuilder:validation:MaxLength=280
	Issuer string `json:"issuer,omitempty"`

	// effective holds the values in force for what the spec leaves out.
	// +optional
	Effective *EffectiveSettings `json:"effective,omitempty"`
}

// CurrentToken is the token that a Secret holds, without its value.
type CurrentToken struct {
	// id is the vendor's ID of the token.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	ID string `json:"id"`

	// name is the token's name at the vendor, marker included.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Name string `json:"name,omitempty"`

	// sequence counts the tokens of this object, from 1.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Sequence int64 `json:"sequence,omitempty"`

	// issuedAt is when the vendor says that it made the token.
	// +optional
	IssuedAt *metav1.Time `json:"issuedAt,omitempty"`

	// expiresAt is when the vendor lets the token expire; left out where it does
	// not.
	// +optional
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`

	// lastUsedOn is the day (UTC, YYYY-MM-DD) on which the vendor last saw the
	// token used, where the vendor shows it. A day and no time, so that use alone
	// does not make status change all the time.
	// +optional
	// +kubebuilder:validation:MaxLength=10
	LastUsedOn string `json:"lastUsedOn,omitempty"`

	// mediatorID is the mediator that Causely associates the token with.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	MediatorID string `json:"mediatorID,omitempty"`

	// auditID is what the vendor's audit log calls the token, where that is not its
	// ID: the integer ID at Rack Gateway.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	AuditID string `json:"auditID,omitempty"`
}

// RetiringToken is a replaced token that is still active at the vendor.
type RetiringToken struct {
	// id is the vendor's ID of the token.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	ID string `json:"id"`

	// name is the token's name at the vendor, marker included.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Name string `json:"name,omitempty"`

	// sequence is the token's number among the tokens of this object.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Sequence int64 `json:"sequence,omitempty"`

	// since is when its successor was published.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`

	// waitingFor says what its revocation waits for.
	// +optional
	WaitingFor WaitingFor `json:"waitingFor,omitempty"`
}

// WaitingFor is what the revocation of a replaced token waits for.
//
// +kubebuilder:validation:Enum=Consumers;Overlap;LastUse;Person;Owner;Revocation
type WaitingFor string

// Values of WaitingFor.
const (
	// WaitingForConsumers: pods of the namespace hold it, or the operator may not
	// ask.
	WaitingForConsumers WaitingFor = "Consumers"
	// WaitingForOverlap: rotation.overlap has not passed since.
	WaitingForOverlap WaitingFor = "Overlap"
	// WaitingForLastUse: the vendor shows that it is still used.
	WaitingForLastUse WaitingFor = "LastUse"
	// WaitingForPerson: a token without a name that came of a create whose answer was
	// lost has been used. A person decides about it.
	WaitingForPerson WaitingFor = "Person"
	// WaitingForOwner: another operator makes tokens with the same marker, and this
	// may be one of its own. A person decides about it.
	WaitingForOwner WaitingFor = "Owner"
	// WaitingForRevocation: it is revoked as soon as the vendor can be used.
	WaitingForRevocation WaitingFor = "Revocation"
)

// IssueAttempt is a create whose answer was lost. Where tokens have no name that
// they could be found by, it is written before the create, with what is needed to
// tell the token that may come of it from others.
type IssueAttempt struct {
	// name that the token was asked for under; left out where tokens have none.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Name string `json:"name,omitempty"`

	// sequence is the number the token would have among the tokens of this object.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Sequence int64 `json:"sequence,omitempty"`

	// startedAt is when the request was sent.
	// +optional
	StartedAt *metav1.Time `json:"startedAt,omitempty"`

	// id of a token that exists although the create failed: the vendor made it
	// under another name or in another account than the one asked for. It is
	// revoked; should that fail, revoke it at the vendor.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	ID string `json:"id,omitempty"`

	// pool is where the token was asked for, where a vendor keeps its tokens in
	// several places: at PingOne <environment>/<gateway>, at Causeloop
	// existing/<service account>.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Pool string `json:"pool,omitempty"`

	// idsBefore are the vendor's IDs of the tokens that the pool had before the
	// create: none of them can come of it.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	IDsBefore []string `json:"idsBefore,omitempty"`

	// vendorTime is the vendor's own time before the create: what it made earlier
	// cannot come of it.
	// +optional
	VendorTime *metav1.Time `json:"vendorTime,omitempty"`

	// earlier are tokens that creates before this one left and that nobody else can
	// have made: they are revoked once the next token is published.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Earlier []string `json:"earlier,omitempty"`

	// further tells that an earlier create may have left a token, too: after this
	// one a person must look.
	// +optional
	Further bool `json:"further,omitempty"`

	// reported tells that the issuer's status.possibleOrphans has told of the token
	// that may have come of it, where nothing lists tokens.
	// +optional
	Reported bool `json:"reported,omitempty"`

	// mac proves that the operator wrote this. Without a valid one it is a hint.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	MAC string `json:"mac,omitempty"`
}

// Failure is a trouble that the operator backs off from. It is kept in status so
// that a restart does not begin the back-off anew.
type Failure struct {
	// count of failures in a row.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Count int32 `json:"count,omitempty"`

	// reason of the last one: a condition reason.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Reason string `json:"reason,omitempty"`

	// message of the last one, for people. Never the body of a vendor's answer.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Message string `json:"message,omitempty"`

	// nextAttemptTime is when the operator tries again by itself.
	// +optional
	NextAttemptTime *metav1.Time `json:"nextAttemptTime,omitempty"`

	// generation of the spec that it failed with: a changed spec is tried at once.
	// +optional
	Generation int64 `json:"generation,omitempty"`
}

// EffectiveSettings are the values in force for what a spec leaves out. What the
// spec says itself is not repeated here.
type EffectiveSettings struct {
	// tokenName is the part of the token's name that is meant for people, before
	// it is shortened.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	TokenName string `json:"tokenName,omitempty"`

	// overlap is how long a replaced token stays active where no pod was found to
	// use the Secret; shown also where the operator's floor raised what the spec
	// says.
	// +optional
	Overlap *metav1.Duration `json:"overlap,omitempty"`

	// renewBefore is how long before its expiry a token is replaced, where the
	// spec says when it expires.
	// +optional
	RenewBefore *metav1.Duration `json:"renewBefore,omitempty"`

	// consumersSelect says which workloads are restarted, where any are.
	// +optional
	ConsumersSelect ConsumersSelect `json:"consumersSelect,omitempty"`

	// strategy is how a token is replaced by its age or on request.
	// +optional
	Strategy RotationStrategy `json:"strategy,omitempty"`

	// secretType is the type of the Secret.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SecretType string `json:"secretType,omitempty"`

	// adopt is the policy on existing Secrets.
	// +optional
	Adopt AdoptPolicy `json:"adopt,omitempty"`

	// deletionPolicy is what becomes of the token at deletion.
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// onRemoteRevocation is what happens after a revocation by somebody else.
	// +optional
	OnRemoteRevocation OnRemoteRevocation `json:"onRemoteRevocation,omitempty"`
}
