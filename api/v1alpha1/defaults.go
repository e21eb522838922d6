package v1alpha1

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What a GatewayToken gets for what it leaves out.
const (
	// DefaultSecretType is the type of a Secret.
	DefaultSecretType = "Opaque"
	// DefaultDataKey is the one key of a Secret.
	DefaultDataKey = "token"
	// DefaultDataTemplate is its template: the token and nothing else.
	DefaultDataTemplate = "{{ .Token }}"
	// DefaultOverlap is how long a replaced token stays active where no pod was
	// found to use the Secret. A day, since nothing but time protects whoever does.
	DefaultOverlap = 24 * time.Hour
	// DefaultOverlapOfPods is how long it stays active after the last of the pods
	// that were found has let go of it.
	DefaultOverlapOfPods = time.Hour
)

// What an issuer gets for what it leaves out.
const (
	// DefaultRequestsPerSecond bounds the use of an issuer's credentials.
	DefaultRequestsPerSecond int32 = 5
	// DefaultInventoryInterval is how often the vendor's list is read.
	DefaultInventoryInterval = 5 * time.Minute
	// DefaultCABundleKey is the key of a CA bundle's ConfigMap.
	DefaultCABundleKey = "ca.crt"
	// DefaultClientIDKey is the key of the client ID in a credentials Secret.
	DefaultClientIDKey = "clientId"
	// DefaultClientSecretKey is the key of the client secret in it.
	DefaultClientSecretKey = "clientSecret"
	// DefaultTokenKey is the key of the API token in the Secret of an issuer that has one.
	DefaultTokenKey = "token"
	// DefaultTokenEndpointAuthMethod is how a worker application of PingOne authenticates.
	DefaultTokenEndpointAuthMethod = ClientSecretBasic
	// DefaultCauseloopURL is the base of Causeloop's API.
	DefaultCauseloopURL = "https://api.causeloop.ai"
	// DefaultCauselyURL is the base of Causely's API.
	DefaultCauselyURL = "https://api.causely.app"
	// DefaultCauselyAuthURL is where Causely exchanges client credentials for a
	// bearer token.
	DefaultCauselyAuthURL = "https://auth.causely.app/frontegg/identity/resources/auth/v2/api-token"
)

// IssuerRef returns the issuer reference with its kind resolved.
func (t *GatewayToken) IssuerRef() IssuerReference {
	return t.Spec.IssuerRef.Resolved()
}

// Resolved returns the reference with the kind filled in.
func (r IssuerReference) Resolved() IssuerReference {
	if r.Kind == "" {
		r.Kind = KindTokenIssuer
	}
	return r
}

// String returns Kind/name with the kind resolved, the form of
// GatewayTokenStatus.Issuer.
func (r IssuerReference) String() string {
	r = r.Resolved()
	return r.Kind + "/" + r.Name
}

// TokenBaseName returns the part of the token's name at the vendor that is meant
// for people: spec.tokenName, or <namespace>-<name>. It is not yet shortened.
func (t *GatewayToken) TokenBaseName() string {
	if t.Spec.TokenName != "" {
		return t.Spec.TokenName
	}
	return t.Namespace + "-" + t.Name
}

// SecretName returns the name of the Secret: spec.secret.name, or metadata.name.
func (t *GatewayToken) SecretName() string {
	if name := t.secret().Name; name != "" {
		return name
	}
	return t.Name
}

// SecretType returns the type of the Secret.
func (t *GatewayToken) SecretType() string {
	if secretType := t.secret().Type; secretType != "" {
		return secretType
	}
	return DefaultSecretType
}

// SecretLabels returns a copy of the labels asked for, never nil. The operator's
// own labels are not among them.
func (t *GatewayToken) SecretLabels() map[string]string {
	return plain(t.secret().Labels)
}

// SecretAnnotations returns a copy of the annotations asked for, never nil. The
// operator's own annotations are not among them.
func (t *GatewayToken) SecretAnnotations() map[string]string {
	return plain(t.secret().Annotations)
}

// SecretData returns a copy of the templates of the Secret's keys, never empty.
func (t *GatewayToken) SecretData() map[string]string {
	if data := t.secret().Data; len(data) > 0 {
		return plain(data)
	}
	return map[string]string{DefaultDataKey: DefaultDataTemplate}
}

// PreviousKey returns the key of the value before; empty for none.
func (t *GatewayToken) PreviousKey() string {
	return t.secret().PreviousKey
}

// AdoptPolicy returns whether an existing Secret may be taken over.
func (t *GatewayToken) AdoptPolicy() AdoptPolicy {
	if adopt := t.secret().Adopt; adopt != "" {
		return adopt
	}
	return AdoptNever
}

// Overlap returns how long a replaced token stays active, before the operator's
// floor is applied. Never negative.
func (t *GatewayToken) Overlap() time.Duration {
	if t.Spec.Rotation == nil || t.Spec.Rotation.Overlap == nil {
		return DefaultOverlap
	}
	return max(t.Spec.Rotation.Overlap.Duration, 0)
}

// OverlapOfPods returns how long a replaced token stays active after the last pod
// has let go of it, where pods were found to use the Secret; before the operator's
// floor is applied.
func (t *GatewayToken) OverlapOfPods() time.Duration {
	if t.Spec.Rotation == nil || t.Spec.Rotation.Overlap == nil {
		return DefaultOverlapOfPods
	}
	return t.Overlap()
}

// Restarts tells whether workloads are restarted for a new value.
func (c *Consumers) Restarts() bool { return c != nil && c.Action == ConsumersRestart }

// All tells whether every workload that uses the Secret is restarted.
func (c *Consumers) All() bool { return c.Restarts() && c.Select != SelectListed }

// MaxOverlap returns how long the use of a replaced token by somebody whom no pod
// stands for may delay its revocation; 0 for without end.
func (t *GatewayToken) MaxOverlap() time.Duration {
	if t.Spec.Rotation == nil || t.Spec.Rotation.MaxOverlap == nil {
		return 0
	}
	return t.Spec.Rotation.MaxOverlap.Duration
}

// renewalShare is the part of a token's life that is left when it is replaced.
const renewalShare = 3

// RenewBefore returns how long before its expiry a token with that life is
// replaced: what the spec says, or a third of its life, also where the spec says
// more than the life, for else it would be replaced at once and so would be its
// successor.
func (t *GatewayToken) RenewBefore(life time.Duration) time.Duration {
	if t.Spec.Rotation != nil && t.Spec.Rotation.RenewBefore != nil {
		if asked := t.Spec.Rotation.RenewBefore.Duration; asked > 0 && asked < life {
			return asked
		}
	}
	return max(life, 0) / renewalShare
}

// DeletionPolicy returns what becomes of the token at deletion.
func (t *GatewayToken) DeletionPolicy() DeletionPolicy {
	if t.Spec.DeletionPolicy != "" {
		return t.Spec.DeletionPolicy
	}
	return DeletionRevoke
}

// OnRemoteRevocation returns what happens after a revocation by somebody else.
func (t *GatewayToken) OnRemoteRevocation() OnRemoteRevocation {
	if t.Spec.OnRemoteRevocation != "" {
		return t.Spec.OnRemoteRevocation
	}
	return RemoteRevocationReissue
}

// Strategy returns how a token is replaced by time or on request.
func (t *GatewayToken) Strategy() RotationStrategy {
	if t.Spec.Rotation != nil && t.Spec.Rotation.Strategy != "" {
		return t.Spec.Rotation.Strategy
	}
	return StrategyOverlap
}

// EffectiveSettings returns the values in force for what the spec leaves out,
// nil if it leaves out nothing. floor is the operator's least overlap: an
// overlap that it raises is shown, too.
func (t *GatewayToken) EffectiveSettings(floor time.Duration) *EffectiveSettings {
	var effective EffectiveSettings
	if t.Spec.TokenName == "" {
		effective.TokenName = t.TokenBaseName()
	}
	if overlap := t.Overlap(); overlap < floor {
		effective.Overlap = &metav1.Duration{Duration: floor}
	} else if t.Spec.Rotation == nil || t.Spec.Rotation.Overlap == nil {
		effective.Overlap = &metav1.Duration{Duration: overlap}
	}
	if before, shown := t.effectiveRenewBefore(); shown {
		effective.RenewBefore = &metav1.Duration{Duration: before}
	}
	if t.Spec.Consumers.Restarts() && t.Spec.Consumers.Select == "" {
		effective.ConsumersSelect = SelectAll
	}
	if t.Spec.Rotation == nil || t.Spec.Rotation.Strategy == "" {
		effective.Strategy = t.Strategy()
	}
	if t.secret().Type == "" {
		effective.SecretType = t.SecretType()
	}
	if t.secret().Adopt == "" {
		effective.Adopt = t.AdoptPolicy()
	}
	if t.Spec.DeletionPolicy == "" {
		effective.DeletionPolicy = t.DeletionPolicy()
	}
	if t.Spec.OnRemoteRevocation == "" {
		effective.OnRemoteRevocation = t.OnRemoteRevocation()
	}
	if effective == (EffectiveSettings{}) {
		return nil
	}
	return &effective
}

// effectiveRenewBefore returns what is in force for a renewBefore that is left out, where the spec says when tokens expire.
func (t *GatewayToken) effectiveRenewBefore() (before time.Duration, shown bool) {
	life := t.Spec.Causeloop.Life()
	asked := t.Spec.Rotation != nil && t.Spec.Rotation.RenewBefore != nil
	return t.RenewBefore(life), life > 0 && !asked
}

// secret returns the Secret's description, empty when left out.
func (t *GatewayToken) secret() SecretTemplate {
	if t.Spec.Secret == nil {
		return SecretTemplate{}
	}
	return *t.Spec.Secret
}

// plain copies a map of one of the string types of this package.
func plain[V ~string](from map[string]V) map[string]string {
	to := make(map[string]string, len(from))
	for key, value := range from {
		to[key] = string(value)
	}
	return to
}

// RequestRate returns the most requests per second.
func (s *TokenIssuerSpec) RequestRate() int32 {
	if s.RequestsPerSecond == nil {
		return DefaultRequestsPerSecond
	}
	return *s.RequestsPerSecond
}

// ListInterval returns how often the vendor's list is read.
func (s *TokenIssuerSpec) ListInterval() time.Duration {
	if s.InventoryInterval == nil {
		return DefaultInventoryInterval
	}
	return s.InventoryInterval.Duration
}

// APIURL returns the base of the API.
func (c *CauselyIssuer) APIURL() string {
	if c.URL == "" {
		return DefaultCauselyURL
	}
	return c.URL
}

// LoginURL returns where credentials are exchanged for a bearer token.
func (c *CauselyIssuer) LoginURL() string {
	if c.AuthURL == "" {
		return DefaultCauselyAuthURL
	}
	return c.AuthURL
}

// APIURL returns the base of the API.
func (c *CauseloopIssuer) APIURL() string {
	if c.URL == "" {
		return DefaultCauseloopURL
	}
	return c.URL
}

// APIURL returns the base of the API, with its version.
func (p *PingOneIssuer) APIURL() string {
	if p.URL == "" {
		return "https://api.pingone." + p.Region.domain() + "/v1"
	}
	return p.URL
}

// LoginURL returns where credentials are exchanged for an access token.
func (p *PingOneIssuer) LoginURL() string {
	if p.AuthURL == "" {
		return "https://auth.pingone." + p.Region.domain() + "/" + p.Environment() + "/as/token"
	}
	return p.AuthURL
}

// domain returns what the names of PingOne's hosts in a region end with.
func (r PingOneRegion) domain() string {
	switch r {
	case PingOneNA:
		return "com"
	case PingOneEU:
		return "eu"
	case PingOneAP:
		return "asia"
	case PingOneAU:
		return "com.au"
	case PingOneCA:
		return "ca"
	case PingOneSG:
		return "sg"
	default:
		// The API server takes no other. A name that exists nowhere gets no credentials.
		return "invalid"
	}
}

// Environment returns the ID of the worker application's environment, in lower case.
func (p *PingOneIssuer) Environment() string { return strings.ToLower(p.EnvironmentID) }

// AuthMethod returns how the worker application authenticates.
func (p *PingOneIssuer) AuthMethod() TokenEndpointAuthMethod {
	if p.TokenEndpointAuthMethod == "" {
		return DefaultTokenEndpointAuthMethod
	}
	return p.TokenEndpointAuthMethod
}

// Kind returns which kind of token is asked for; empty where the spec names none,
// which the API server refuses.
func (c *CauseloopToken) Kind() CauseloopKind {
	switch {
	case c.Personal != nil:
		return CauseloopKindPersonal
	case c.ServiceAccount == nil:
		return ""
	case c.ServiceAccount.ID != "":
		return CauseloopKindExisting
	case c.ServiceAccount.Dedicated != nil:
		return CauseloopKindDedicated
	default:
		return ""
	}
}

// Life returns how long after its creation the token expires; 0 for never.
func (c *CauseloopToken) Life() time.Duration {
	if c == nil || c.ExpiresAfter == nil {
		return 0
	}
	return max(c.ExpiresAfter.Duration, 0)
}

// Gateway returns the ID of the gateway, in lower case.
func (p *PingOneToken) Gateway() string { return strings.ToLower(p.GatewayID) }

// Environment returns the ID of the gateway's environment, in lower case: the
// issuer's where the GatewayToken names none.
func (p *PingOneToken) Environment(issuer *PingOneIssuer) string {
	if p.EnvironmentID == "" {
		return issuer.Environment()
	}
	return strings.ToLower(p.EnvironmentID)
}

// Resolved returns the reference with its key filled in.
func (r SecretKeyReference) Resolved() SecretKeyReference {
	if r.Key == "" {
		r.Key = DefaultTokenKey
	}
	return r
}

// Resolved returns the reference with its keys filled in.
func (r ClientCredentialsReference) Resolved() ClientCredentialsReference {
	if r.ClientIDKey == "" {
		r.ClientIDKey = DefaultClientIDKey
	}
	if r.ClientSecretKey == "" {
		r.ClientSecretKey = DefaultClientSecretKey
	}
	return r
}

// Resolved returns the reference with its key filled in.
func (r ConfigMapKeyReference) Resolved() ConfigMapKeyReference {
	if r.Key == "" {
		r.Key = DefaultCABundleKey
	}
	return r
}

// Exclusive tells whether nobody but the operator makes tokens where those of
// this issuer are. Only where tokens have no names does it matter.
func (s *TokenIssuerSpec) Exclusive() bool { return s.PingOne != nil && s.PingOne.Exclusive }
