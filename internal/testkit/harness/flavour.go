package harness

import (
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// Flavour is the vendor of a world.
type Flavour interface {
	Manifests
	Truth
	Hands
}

// Manifests are what the operator is told of a vendor.
type Manifests interface {
	// Credentials are what the Secret of the issuer's credentials has.
	Credentials() map[string]string
	// Account is the vendor's block of an issuer. The URL is the simulator's.
	Account(spec *v1alpha1.TokenIssuerSpec, url string)
	// Grant is what the tenant's namespace is granted beside its name; nothing at a vendor that is asked for nothing but a token.
	Grant(grant *v1alpha1.Grant)
	// Ask is the vendor's block of a GatewayToken.
	Ask(spec *v1alpha1.GatewayTokenSpec)
}

// Preparer is a Flavour whose vendor must be made ready before anybody asks it for anything. It gives the flavour of that vendor alone:
// worlds that run beside one another may have been given the same.
type Preparer interface {
	Prepare(vendor *simulator.Server) (Flavour, error)
}

// Truth is what is known of a vendor from the outside.
type Truth interface { //nolint:interfacebloat // a vendor has as many sides
	// Tokens are all that the vendor ever made, in whichever pool: oldest first of each account.
	Tokens(vendor *simulator.Server) []Token
	// Check tells what somebody meets who comes with a value.
	Check(vendor *simulator.Server, value string) Connection
	// Use lets somebody come with a value, as a consumer does: where the vendor tells when tokens were used last, it is seen.
	Use(vendor *simulator.Server, value string)
	// Calls counts the calls by route, the failed ones included.
	Calls(vendor *simulator.Server) map[string]int
	// Route names a call of the adapter as faults and counts do. RouteList, RouteCreate and RouteRevoke are the calls that all
	// adapters make; others have the names that the vendor's simulator gives them.
	Route(call string) string
	// Secrets are all values that the vendor gave out, and those of its accounts.
	Secrets(vendor *simulator.Server) []string
}

// Hands are what a person does in the vendor's console.
type Hands interface {
	// Create makes a token in the operator's account, and gives its ID.
	Create(vendor *simulator.Server, name string) (id string, err error)
	// Revoke revokes one.
	Revoke(vendor *simulator.Server, id string) error
}

// The calls that the adapters of all vendors make.
const (
	RouteList   = "list"
	RouteCreate = "create"
	RouteRevoke = "revoke"
)

// Token is one that the vendor made. At a vendor where something else stands for the token, such as a service account that is
// made for it, ID and name are those of what stands for it.
type Token struct {
	ID, Name string
	// Account is the one that the token is in, where the vendor's rows tell.
	Account   string
	Active    bool
	CreatedAt time.Time
	// ExpiresAt is zero for a token without an end.
	ExpiresAt time.Time
	// Rights are sorted; nil where the vendor has none.
	Rights []string
	// Issued tells that the operator's credentials made it, of a token without a name.
	Issued bool
}

// Connection is what somebody meets who comes with a value. ID and name are those of a Token.
type Connection struct {
	// Known tells that it is the value of a token that there is or was.
	Known, Active bool
	ID, Name      string
}

// At lets the world's vendor be another than Causely.
func At(flavour Flavour) Option { return func(w *World) { w.flavour = flavour } }

// inCausely is the flavour of worlds that ask for no other.
type inCausely struct{}

// AtCausely is the vendor of a world that asks for no other.
func AtCausely() Flavour { return inCausely{} }

func (inCausely) Credentials() map[string]string {
	return map[string]string{
		v1alpha1.DefaultClientIDKey: causely.DemoClientID, v1alpha1.DefaultClientSecretKey: causely.DemoSecret,
	}
}

func (inCausely) Account(spec *v1alpha1.TokenIssuerSpec, url string) {
	spec.Causely = &v1alpha1.CauselyIssuer{
		URL: url, AuthURL: url + "/frontegg/identity/resources/auth/v2/api-token",
		CredentialsSecretRef: v1alpha1.ClientCredentialsReference{Name: CredentialsName},
	}
}

func (inCausely) Grant(*v1alpha1.Grant) {}

func (inCausely) Ask(*v1alpha1.GatewayTokenSpec) {}

func (inCausely) Route(call string) string { return "causely." + call }

func (inCausely) Tokens(vendor *simulator.Server) []Token {
	var all []Token
	for _, account := range vendor.Causely().Truth().Accounts {
		for _, made := range account.Tokens {
			all = append(all, Token{
				ID: made.ID, Name: made.Name, Account: made.ProjectID, Active: made.State == causely.Active, CreatedAt: made.CreatedAt,
			})
		}
	}
	return all
}

func (inCausely) Check(vendor *simulator.Server, value string) Connection {
	return Connection(vendor.Causely().Check(value))
}

// Use is not seen by Causely's tokens route.
func (inCausely) Use(*simulator.Server, string) {}

func (inCausely) Create(vendor *simulator.Server, name string) (string, error) {
	return vendor.Causely().Create(causely.DemoClientID, name)
}

func (inCausely) Revoke(vendor *simulator.Server, id string) error {
	return vendor.Causely().Revoke(id)
}

func (inCausely) Calls(vendor *simulator.Server) map[string]int {
	return vendor.Causely().Truth().Calls
}

func (inCausely) Secrets(vendor *simulator.Server) []string { return vendor.Causely().Secrets() }

// Route names a call of the world's vendor for Fault and Calls.
func (w *World) Route(call string) string { return w.flavour.Route(call) }

// Tokens are all tokens that the vendor ever made, oldest first of each account.
func (w *World) Tokens() []Token { return w.flavour.Tokens(w.Vendor) }

// Active are those of them that open the gateway.
func (w *World) Active() []Token {
	return slices.DeleteFunc(w.Tokens(), func(t Token) bool { return !t.Active })
}

// CreateByHand makes a token in the operator's account as a person does in the vendor's console, and gives its ID.
func (w *World) CreateByHand(name string) string {
	w.t.Helper()
	w.note("somebody makes a token called %s at the vendor", name)
	id, err := w.flavour.Create(w.Vendor, name)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, marker, marked := token.ParseName(name); !marked || marker.Install != w.Identity.Install() {
		// Under our marker it passes for ours, whoever made it.
		w.foreign = append(w.foreign, id)
	}
	return id
}

// CreateElsewhere makes a token as the operator of a copy of the cluster does: under the marker of a GatewayToken of this world.
func (w *World) CreateElsewhere(object *v1alpha1.GatewayToken, sequence int) string {
	w.t.Helper()
	w.disputed = true
	marker := w.Identity.Marker(object.Namespace, object.Name, string(object.UID))
	return w.CreateByHand(marker.WithSequence(sequence).Name(object.TokenBaseName(), token.DefaultMaxNameLength))
}

// TokenByID gives one of them; the test fails if there is none.
func (w *World) TokenByID(id string) Token {
	w.t.Helper()
	all := w.Tokens()
	at := slices.IndexFunc(all, func(t Token) bool { return t.ID == id })
	if at < 0 {
		w.t.Fatalf("the vendor never made a token %s", id)
	}
	return all[at]
}

// Calls counts the calls of a route, the failed ones included.
func (w *World) Calls(route string) int { return w.AllCalls()[route] }

// AllCalls counts the calls of the vendor by route.
func (w *World) AllCalls() map[string]int { return w.flavour.Calls(w.Vendor) }

// CallsSince counts the calls by route that came after an earlier count; routes without any are left out.
func (w *World) CallsSince(before map[string]int) map[string]int {
	calls := maps.Clone(w.AllCalls())
	for route := range calls {
		if calls[route] -= before[route]; calls[route] == 0 {
			delete(calls, route)
		}
	}
	return calls
}

// Credentials are those of the vendor's demo account.
func (w *World) Credentials(namespace string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: CredentialsName},
		StringData: w.flavour.Credentials(),
	}
}

func (w *World) account() v1alpha1.TokenIssuerSpec {
	spec := v1alpha1.TokenIssuerSpec{CABundle: &v1alpha1.CABundle{ConfigMapRef: v1alpha1.ConfigMapKeyReference{Name: CAName}}}
	w.flavour.Account(&spec, w.Vendor.URL())
	return spec
}

// grants are those of the tenant's namespace.
func (w *World) grants() []v1alpha1.Grant {
	grant := v1alpha1.Grant{Namespaces: v1alpha1.NamespaceGrant{Names: []string{w.Tenant}}}
	w.flavour.Grant(&grant)
	return []v1alpha1.Grant{grant}
}

// inOrder gives rights sorted; nil for none.
func inOrder(rights []string) []string {
	if len(rights) == 0 {
		return nil
	}
	sorted := slices.Clone(rights)
	slices.SortFunc(sorted, strings.Compare)
	return sorted
}
