package issuer

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/named"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

// Roles of credentials.
const (
	ClientID     = "clientID"
	ClientSecret = "clientSecret"
	Token        = "token"
)

// caKey is where a kept bundle has the CA certificates.
const caKey = "caBundle"

// urlKey is where it has the URL.
const urlKey = "url"

// maxCABytes bounds a CA bundle.
const maxCABytes = 512 << 10

// bundle is what a vendor is reached with.
type bundle struct {
	credentials map[string]token.Value
	ca          string
	// url is the vendor's that they were accepted at; only of a copy.
	url string
}

func (b bundle) found() bool { return len(b.credentials) > 0 }

func (b bundle) equal(other bundle) bool {
	return b.ca == other.ca && b.sameCredentials(other)
}

func (b bundle) sameCredentials(other bundle) bool {
	return maps.EqualFunc(b.credentials, other.credentials, token.Value.Equal)
}

// namespace is where the issuer's credentials and CA bundle are.
func (r *Reconciler) namespace(key accounts.Key) string {
	if key.Namespace == "" {
		return r.ClusterResourceNamespace
	}
	return key.Namespace
}

// refersTo gives the objects that the issuer's credentials and CA bundle are in.
func (r *Reconciler) refersTo(s *scene) []named.Object {
	var objects []named.Object
	if secret, _ := credentialKeys(s.issuer.IssuerSpec()); secret != "" {
		objects = append(objects, named.Secret(r.namespace(s.key), secret))
	}
	if ca := s.issuer.IssuerSpec().CABundle; ca != nil {
		objects = append(objects, named.ConfigMap(r.namespace(s.key), ca.ConfigMapRef.Name))
	}
	return objects
}

// gather reads the user's credentials and CA bundle, from the API server itself: they are nobody's to cache. Their changes are asked
// for first, so that none is missed.
func (r *Reconciler) gather(ctx context.Context, s *scene) error {
	r.Named.Refer(s.key, r.refersTo(s)...)
	if s.ownProblem = r.judgeURLs(s.issuer.IssuerSpec()); s.ownProblem != nil {
		return nil
	}
	if err := r.readCredentials(ctx, s); err != nil {
		return err
	}
	return r.readCA(ctx, s)
}

// judgeURLs checks what CEL leaves to the operator.
func (r *Reconciler) judgeURLs(spec *v1alpha1.TokenIssuerSpec) *lifecycle.Problem {
	for _, text := range urls(spec) {
		parsed, err := url.Parse(text)
		switch {
		case err != nil || parsed.Host == "" || parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "":
			return problem(v1alpha1.ReasonInvalidURL, "A URL of the issuer cannot be used: it must have the form https://host[:port][/path], without user, query and fragment. Correct the issuer's spec.")
		case parsed.Scheme != "https" && !r.AllowHTTP:
			return problem(v1alpha1.ReasonInsecureURL, "A URL of the issuer is not https: credentials and tokens would travel in clear. Use https (spec.caBundle for a private certificate authority), or start the operator with --allow-http.")
		}
	}
	return nil
}

func urls(spec *v1alpha1.TokenIssuerSpec) []string {
	switch spec.Vendor() {
	case v1alpha1.VendorCausely:
		return []string{spec.Causely.APIURL(), spec.Causely.LoginURL()}
	case v1alpha1.VendorCauseloop:
		return []string{spec.Causeloop.APIURL()}
	case v1alpha1.VendorRackGateway:
		return []string{spec.RackGateway.URL}
	case v1alpha1.VendorPingOne:
		return []string{spec.PingOne.APIURL(), spec.PingOne.LoginURL()}
	case v1alpha1.VendorNone:
		return nil
	default:
		return nil
	}
}

// showsAccount tells whether the vendor's rows tell the account that they belong to.
func showsAccount(spec *v1alpha1.TokenIssuerSpec) bool {
	return spec.Vendor() == v1alpha1.VendorCausely
}

// placeIsURL tells whether all credentials at one URL lead to the same tokens: Rack Gateway's list has those of all users.
func placeIsURL(spec *v1alpha1.TokenIssuerSpec) bool {
	return spec.Vendor() == v1alpha1.VendorRackGateway
}

// placeIsPool tells whether the name of a pool tells where it is: PingOne's gateways have IDs of their own in the whole world.
func placeIsPool(spec *v1alpha1.TokenIssuerSpec) bool {
	return spec.Vendor() == v1alpha1.VendorPingOne
}

// hasPools tells whether the vendor's tokens are in several lists.
func hasPools(spec *v1alpha1.TokenIssuerSpec) bool {
	return spec.Vendor() == v1alpha1.VendorCauseloop || spec.Vendor() == v1alpha1.VendorPingOne
}

// apiURL is what templates see as .URL.
func apiURL(spec *v1alpha1.TokenIssuerSpec) string {
	if all := urls(spec); len(all) > 0 {
		return all[0]
	}
	return ""
}

// credentialKeys gives the Secret and, by role, its keys.
func credentialKeys(spec *v1alpha1.TokenIssuerSpec) (secret string, keys map[string]string) {
	switch spec.Vendor() {
	case v1alpha1.VendorCausely:
		ref := spec.Causely.CredentialsSecretRef.Resolved()
		return ref.Name, map[string]string{ClientID: ref.ClientIDKey, ClientSecret: ref.ClientSecretKey}
	case v1alpha1.VendorCauseloop:
		ref := spec.Causeloop.TokenSecretRef.Resolved()
		return ref.Name, map[string]string{Token: ref.Key}
	case v1alpha1.VendorRackGateway:
		ref := spec.RackGateway.TokenSecretRef.Resolved()
		return ref.Name, map[string]string{Token: ref.Key}
	case v1alpha1.VendorPingOne:
		ref := spec.PingOne.CredentialsSecretRef.Resolved()
		return ref.Name, map[string]string{ClientID: ref.ClientIDKey, ClientSecret: ref.ClientSecretKey}
	case v1alpha1.VendorNone:
		return "", nil
	default:
		return "", nil
	}
}

func (r *Reconciler) readCredentials(ctx context.Context, s *scene) error {
	name, keys := credentialKeys(s.issuer.IssuerSpec())
	place := "Secret " + r.namespace(s.key) + "/" + name
	var secret corev1.Secret
	err := r.Live.Get(ctx, client.ObjectKey{Namespace: r.namespace(s.key), Name: name}, &secret)
	if apierrors.IsNotFound(err) {
		s.ownProblem = problem(v1alpha1.ReasonCredentialsNotFound, place+" does not exist. Create it with the keys "+
			strings.Join(slices.Sorted(maps.Values(keys)), " and ")+".")
		return nil
	}
	if err != nil {
		return fmt.Errorf("get credentials: %w", err)
	}
	s.own.credentials = map[string]token.Value{}
	for role, key := range keys {
		value := token.NewValue(strings.TrimRight(string(secret.Data[key]), "\r\n"))
		if !value.Usable() {
			s.own.credentials = nil
			s.ownProblem = problem(v1alpha1.ReasonCredentialsKeyMissing, place+" has no usable key "+key+
				": it must hold the credential as printable text. Add it, or name another key in the issuer's reference to it.")
			return nil
		}
		s.own.credentials[role] = value
	}
	return nil
}

func (r *Reconciler) readCA(ctx context.Context, s *scene) error {
	spec := s.issuer.IssuerSpec()
	if spec.CABundle == nil {
		s.trusting = true
		return nil
	}
	ref := spec.CABundle.ConfigMapRef.Resolved()
	place := "ConfigMap " + r.namespace(s.key) + "/" + ref.Name
	var configMap corev1.ConfigMap
	err := r.Live.Get(ctx, client.ObjectKey{Namespace: r.namespace(s.key), Name: ref.Name}, &configMap)
	if apierrors.IsNotFound(err) {
		s.untrusting(v1alpha1.ReasonCABundleNotFound, place+" does not exist. Create it with the certificates under the key "+ref.Key+".")
		return nil
	}
	if err != nil {
		return fmt.Errorf("get CA bundle: %w", err)
	}
	s.own.ca = configMap.Data[ref.Key]
	if s.own.ca == "" || !wellFormedCA(s.own.ca) {
		s.untrusting(v1alpha1.ReasonCABundleInvalid, place+" has no certificate under the key "+ref.Key+
			fmt.Sprintf(": it must hold PEM certificates, at most %d bytes.", maxCABytes))
		return nil
	}
	s.trusting = true
	return nil
}

// untrusting: without their CA bundle the user's credentials are no use. What is wrong with themselves is told first.
func (s *scene) untrusting(reason, message string) {
	s.own.credentials = nil
	if s.ownProblem == nil {
		s.ownProblem = problem(reason, message)
	}
}

func wellFormedCA(pem string) bool {
	_, err := certPool(pem)
	return err == nil
}

// certPool reads PEM certificates; none gives nil, the system's.
func certPool(pem string) (*x509.CertPool, error) {
	if pem == "" {
		return nil, nil //nolint:nilnil // nil is the system's pool
	}
	pool := x509.NewCertPool()
	if len(pem) > maxCABytes || !pool.AppendCertsFromPEM([]byte(pem)) {
		return nil, fmt.Errorf("not a bundle of PEM certificates of at most %d bytes", maxCABytes)
	}
	return pool, nil
}

// connect makes the client for some credentials, or takes the one made before from the same things.
func (r *Reconciler) connect(s *scene, which source) (vendors.Vendor, error) {
	from, have := s.own, &s.memory.own
	if which == kept {
		from, have = s.kept, &s.memory.kept
	}
	madeFrom := fingerprint(s.issuer.IssuerSpec(), from)
	if have.vendor != nil && have.madeFrom == madeFrom {
		return have.vendor, nil
	}
	pool, err := certPool(from.ca)
	if err != nil {
		return nil, err
	}
	vendor, err := r.Connect(Connection{
		Spec: s.issuer.IssuerSpec(), Credentials: from.credentials, RootCAs: pool, Namespaced: s.key.Namespace != "",
	})
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	*have = connected{madeFrom: madeFrom, vendor: vendor}
	return vendor, nil
}

// fingerprint tells whether a client would be another one. It is kept in memory only.
func fingerprint(spec *v1alpha1.TokenIssuerSpec, from bundle) string {
	parts := []any{spec, from.ca}
	for _, role := range slices.Sorted(maps.Keys(from.credentials)) {
		parts = append(parts, role, from.credentials[role].Reveal())
	}
	text, err := json.Marshal(parts)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return base64.RawStdEncoding.EncodeToString(sum[:])
}

func problem(reason, message string) *lifecycle.Problem {
	return &lifecycle.Problem{Reason: lifecycle.Reason(reason), Message: message}
}
