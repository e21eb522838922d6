package controller_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// attempt is what a tenant tries, and the API server's answer.
type attempt struct {
	why string
	try func(*tenant, *crowd) error
	// says is what the answer has in it; empty for one that says that he may not.
	says string
}

// crowd is what the tenant is among: somebody else's token from a shared issuer, and one of his own.
type crowd struct {
	issuer       *v1alpha1.ClusterTokenIssuer
	victim, own  *v1alpha1.GatewayToken
	theirs       harness.Connection
	stranger     string
	withDefaults func(...func(*v1alpha1.GatewayToken)) *v1alpha1.GatewayToken
}

// newCrowd makes a world with two tenants of one shared issuer. Both have their token; the second is the one who tries things.
func newCrowd(t *testing.T, options ...harness.Option) (*harness.World, *crowd, *tenant) {
	t.Helper()
	w := newWorld(t, options...)
	w.Watch()
	thief := newTenant(t, w, w.Name+"-thief")
	w.Provide(w.System)
	issuer := w.ClusterIssuer(func(i *v1alpha1.ClusterTokenIssuer) {
		i.Spec.Grants[0].Namespaces.Names = append(i.Spec.Grants[0].Namespaces.Names, thief.namespace)
	})
	victim := w.Token("mediator")
	of := func(options ...func(*v1alpha1.GatewayToken)) *v1alpha1.GatewayToken {
		return w.Token("another", append([]func(*v1alpha1.GatewayToken){func(o *v1alpha1.GatewayToken) { o.Namespace = thief.namespace }}, options...)...)
	}
	own := of(func(o *v1alpha1.GatewayToken) { o.Name = "own" })
	w.Create(issuer, victim)
	thief.makes(own)
	w.Settle()
	w.WantReady(victim)
	w.WantReady(own)
	return w, &crowd{
		issuer: issuer, victim: victim, own: own, theirs: w.Current(w.Secret("mediator"), "token"), stranger: w.CreateByHand("somebody's"), withDefaults: of,
	}, thief
}

// beyondRights are attempts that RBAC answers.
func beyondRights() map[string]attempt {
	return map[string]attempt{
		"create a ClusterTokenIssuer": {
			why: "it grants an account to namespaces, and its credentials are the operator's namespace's",
			try: func(p *tenant, c *crowd) error {
				issuer := p.w.ClusterIssuer()
				issuer.Name = c.issuer.Name + "-own"
				return p.Create(p.t.Context(), issuer)
			},
		},
		"grant himself more": {
			why: "who is granted what is for those who own the account",
			try: func(p *tenant, c *crowd) error {
				return p.Patch(p.t.Context(), c.issuer.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"grants":null}}`)))
			},
		},
		"decide about possible orphans": {
			why: "an annotation of the issuer is a person's word about everybody's tokens",
			try: func(p *tenant, c *crowd) error {
				patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:"all"}}}`, v1alpha1.AnnotationAcknowledge)
				return p.Patch(p.t.Context(), c.issuer.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(patch)))
			},
		},
		"label his namespace": {
			why: "grants select namespaces by their labels",
			try: func(p *tenant, _ *crowd) error {
				namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: p.namespace}}
				return p.Patch(p.t.Context(), namespace, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"team":"edge"}}}`)))
			},
		},
		"read somebody's token": {
			why: "Secrets of another namespace are not his",
			try: func(p *tenant, c *crowd) error {
				return p.Get(p.t.Context(), client.ObjectKey{Namespace: c.victim.Namespace, Name: c.victim.SecretName()}, &corev1.Secret{})
			},
		},
		"read somebody's GatewayToken": {
			why: "the IDs in it are no secrets, and nobody's business all the same",
			try: func(p *tenant, c *crowd) error {
				return p.Get(p.t.Context(), client.ObjectKeyFromObject(c.victim), &v1alpha1.GatewayToken{})
			},
		},
		"list everybody's GatewayTokens": {
			why: "his rights end with his namespace",
			try: func(p *tenant, _ *crowd) error { return p.List(p.t.Context(), &v1alpha1.GatewayTokenList{}) },
		},
		"ask for a token in somebody's namespace": {
			why: "its Secret would be there, and the grant the other's",
			try: func(p *tenant, _ *crowd) error { return p.Create(p.t.Context(), p.w.Token("intruder")) },
		},
		"read the ledger key": {
			why: "with it he could sign ledgers",
			try: func(p *tenant, _ *crowd) error {
				return p.Get(p.t.Context(), client.ObjectKey{Namespace: p.w.System, Name: v1alpha1.LedgerKeySecretName}, &corev1.Secret{})
			},
		},
		"read the shared credentials": {
			why: "the account is lent by way of tokens, not handed over",
			try: func(p *tenant, _ *crowd) error {
				return p.Get(p.t.Context(), client.ObjectKey{Namespace: p.w.System, Name: harness.CredentialsName}, &corev1.Secret{})
			},
		},
		"become the operator": {
			why: "a token of its ServiceAccount has all its rights",
			try: func(p *tenant, _ *crowd) error {
				account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: p.w.System, Name: "gateway-token-operator"}}
				return p.SubResource("token").Create(p.t.Context(), account, &authenticationv1.TokenRequest{})
			},
		},
		"give himself the operator's rights": {
			why: "nobody grants what he does not have",
			try: func(p *tenant, _ *crowd) error {
				return p.Create(p.t.Context(), &rbacv1.Role{
					ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace, Name: "status"},
					Rules:      []rbacv1.PolicyRule{{APIGroups: []string{v1alpha1.GroupVersion().Group}, Resources: []string{"gatewaytokens/status"}, Verbs: []string{"patch"}}},
				})
			},
		},
		"write the status of his GatewayToken": {
			why: "the operator takes hints from it",
			try: func(p *tenant, c *crowd) error {
				forged := c.own.DeepCopy()
				p.w.Refresh(forged)
				forged.Status.Current = &v1alpha1.CurrentToken{ID: c.theirs.ID, Sequence: 1}
				return p.Status().Update(p.t.Context(), forged)
			},
		},
		"write the status of his TokenIssuer": {
			why: "the operator reads there what waits for a person's word",
			try: func(p *tenant, _ *crowd) error {
				issuer := p.w.NamespacedIssuer(func(i *v1alpha1.TokenIssuer) { i.Namespace, i.Name = p.namespace, "mine" })
				if err := p.Create(p.t.Context(), issuer); err != nil {
					return errors.Join(errors.New("it could not be created"), err)
				}
				return p.Status().Patch(p.t.Context(), issuer, client.RawPatch("application/merge-patch+json", []byte(`{"status":{"account":"other"}}`)))
			},
		},
	}
}

// refusedSpecs are attempts that the validation answers.
func refusedSpecs() map[string]attempt {
	asking := func(change func(*v1alpha1.GatewayToken)) func(*tenant, *crowd) error {
		return func(p *tenant, c *crowd) error { return p.Create(p.t.Context(), c.withDefaults(change)) }
	}
	secret := func(change func(*v1alpha1.SecretTemplate)) func(*tenant, *crowd) error {
		return asking(harness.WithSecret(change))
	}
	named := func(name string) func(*tenant, *crowd) error {
		return secret(func(s *v1alpha1.SecretTemplate) { s.Name = name })
	}
	typed := func(of string) func(*tenant, *crowd) error {
		return secret(func(s *v1alpha1.SecretTemplate) { s.Type = of })
	}
	labelled := func(key, value string) func(*tenant, *crowd) error {
		return secret(func(s *v1alpha1.SecretTemplate) {
			s.Labels = map[string]v1alpha1.LabelValue{key: v1alpha1.LabelValue(value)}
		})
	}
	annotated := func(key string) func(*tenant, *crowd) error {
		return secret(func(s *v1alpha1.SecretTemplate) { s.Annotations = map[string]v1alpha1.AnnotationValue{key: "x"} })
	}
	issuing := func(change func(*v1alpha1.TokenIssuer)) func(*tenant, *crowd) error {
		return func(p *tenant, _ *crowd) error {
			return p.Create(p.t.Context(), p.w.NamespacedIssuer(func(i *v1alpha1.TokenIssuer) { i.Namespace, i.Name = p.namespace, "mine" }, change))
		}
	}
	const reserved = "is reserved"
	return map[string]attempt{
		"the ledger key's name":           {"in the operator's namespace it would be the key", named(v1alpha1.LedgerKeySecretName), reserved},
		"a last-good copy's name":         {"the operator would find it in the place of its copy", named(v1alpha1.LastGoodSecretPrefix + "tokenissuer-own"), reserved},
		"such a name by the object's own": {"the Secret has it when none is given", asking(func(o *v1alpha1.GatewayToken) { o.Name = v1alpha1.LastGoodSecretPrefix + "x" }), reserved},
		"a release record's name":         {"Helm would read it as one", named("sh.helm.release.v1.shop.v1"), reserved},
		"a ServiceAccount's token":        {"Kubernetes would put a token into it", typed("kubernetes.io/service-account-token"), "type must be"},
		"a bootstrap token":               {"in kube-system it lets nodes join", typed("bootstrap.kubernetes.io/token"), "type must be"},
		"a release record":                {"Helm would take it for one", typed("helm.sh/release.v1"), "type must be"},
		"a type of the cluster's own":     {"whatever the cluster does with it one day", typed("anything.k8s.io/x"), "type must be"},
		"a ServiceAccount's annotation":   {"it says whose token Kubernetes puts there", annotated("kubernetes.io/service-account.name"), "cannot be set"},
		"a ledger":                        {"it says which token is whose", annotated(v1alpha1.AnnotationLedger), "cannot be set"},
		"a release's annotation":          {"Helm would take the Secret over", annotated("meta.helm.sh/release-name"), "cannot be set"},
		"a tracking annotation":           {"Argo CD would delete it with an application", annotated("argocd.argoproj.io/tracking-id"), "cannot be set"},
		"the operator's label":            {"it says which Secrets are the operator's", labelled(v1alpha1.LabelManagedBy, "me"), "cannot be set"},
		"the operator's role":             {"it tells copies of credentials from tokens", labelled(v1alpha1.LabelRole, v1alpha1.RoleLastGood), "cannot be set"},
		"the label of a release record":   {"Helm finds its records by it", labelled("owner", "helm"), "release record"},
		"a name with a line break":        {"it would be two lines in somebody's list", asking(func(o *v1alpha1.GatewayToken) { o.Spec.TokenName = "a\nb" }), "tokenName must begin"},
		"a name with an escape":           {"a terminal would obey it", asking(func(o *v1alpha1.GatewayToken) { o.Spec.TokenName = "a\x1b[2J" }), "tokenName must begin"},
		"a name without end":              {"the marker needs room", asking(func(o *v1alpha1.GatewayToken) { o.Spec.TokenName = strings.Repeat("a", 61) }), "Too long"},
		"a template without end": {"it is rendered at every look", secret(func(s *v1alpha1.SecretTemplate) {
			s.Data = map[string]v1alpha1.DataTemplate{"token": "{{ .Token }}", "x": v1alpha1.DataTemplate(strings.Repeat("x", 4097))}
		}), "Too long"},
		"an annotation without end": {"annotations share 256 KiB", secret(func(s *v1alpha1.SecretTemplate) {
			s.Annotations = map[string]v1alpha1.AnnotationValue{"example.com/x": v1alpha1.AnnotationValue(strings.Repeat("x", 4097))}
		}), "Too long"},
		"keys without end": {"each of them is rendered", secret(func(s *v1alpha1.SecretTemplate) { s.Data = keys(33) }), "Too many"},
		"a key that leaves its directory": {"a volume makes files of keys", secret(func(s *v1alpha1.SecretTemplate) {
			s.Data = map[string]v1alpha1.DataTemplate{"token": "{{ .Token }}", "..x": "x"}
		}), "must not be"},
		"the Host of a namespaced Rack issuer": {"behind one address it chooses whose server gets the credentials", issuing(rackAt("https://rack.example", "elsewhere.example")), "ClusterTokenIssuer only"},
		"one URL of two":                       {"credentials for one party would go to another", issuing(func(i *v1alpha1.TokenIssuer) { i.Spec.Causely.AuthURL = "" }), "belong together"},
		"a file":                               {"it is no vendor", issuing(rackAt("file:///var/run/secrets/kubernetes.io/serviceaccount/token", "")), "must begin with https://"},
		"an issuer of another namespace": {
			"a reference has no namespace, so that there is nothing to say it with", func(p *tenant, _ *crowd) error {
				made := &unstructured.Unstructured{Object: map[string]any{
					"apiVersion": v1alpha1.GroupVersion().String(), "kind": v1alpha1.KindGatewayToken,
					"metadata": map[string]any{"namespace": p.namespace, "name": "another"},
					"spec":     map[string]any{"issuerRef": map[string]any{"name": "causely", "namespace": p.w.Tenant}},
				}}
				return p.Create(p.t.Context(), made, client.FieldValidation("Strict"))
			}, `unknown field "spec.issuerRef.namespace"`,
		},
		"another issuer for his own token": {
			"its token would be looked for in another account", func(p *tenant, c *crowd) error {
				patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"issuerRef":{"kind":"TokenIssuer"}}}`))
				return p.Patch(p.t.Context(), c.own.DeepCopy(), patch)
			}, "the issuer cannot be changed",
		},
	}
}

// keys are many keys of a Secret.
func keys(many int) map[string]v1alpha1.DataTemplate {
	data := map[string]v1alpha1.DataTemplate{"token": "{{ .Token }}"}
	for i := 1; i < many; i++ {
		data[fmt.Sprintf("key-%d", i)] = "x"
	}
	return data
}

// rackAt makes a TokenIssuer one of Rack Gateway.
func rackAt(url, host string) func(*v1alpha1.TokenIssuer) {
	return func(i *v1alpha1.TokenIssuer) {
		i.Spec.Causely = nil
		i.Spec.RackGateway = &v1alpha1.RackGatewayIssuer{URL: url, Host: host, TokenSecretRef: v1alpha1.SecretKeyReference{Name: harness.CredentialsName}}
	}
}

// TestTenantIsRefused is what the API server answers the administrator of a namespace who goes for what is not his: the operator does
// not even see it.
func TestTenantIsRefused(t *testing.T) {
	w, c, thief := newCrowd(t)
	before := w.Versions()
	for kind, attempts := range map[string]map[string]attempt{"rights": beyondRights(), "specs": refusedSpecs()} {
		for _, name := range slices.Sorted(maps.Keys(attempts)) {
			tc := attempts[name]
			err := tc.try(thief, c)
			switch {
			case tc.says == "" && !apierrors.IsForbidden(err):
				t.Errorf("%s: %s: %v, want that he may not: %s", kind, name, err, tc.why)
			case err == nil || !strings.Contains(err.Error(), tc.says):
				t.Errorf("%s: %s: %v, want an answer with %q: %s", kind, name, err, tc.says, tc.why)
			}
		}
	}
	// A status that comes with an object is not his word either.
	forged := c.own.DeepCopy()
	w.Refresh(forged)
	forged.Status = v1alpha1.GatewayTokenStatus{Current: &v1alpha1.CurrentToken{ID: c.theirs.ID, Sequence: 1}}
	if err := thief.Update(t.Context(), forged); err != nil {
		t.Fatal(err)
	}
	w.Refresh(c.own)
	if c.own.Status.Current == nil || c.own.Status.Current.ID == c.theirs.ID {
		t.Errorf("the status is his: %+v", c.own.Status.Current)
	}
	if after := w.Versions(); !maps.Equal(before, after) {
		t.Errorf("something was written: %v, before %v", after, before)
	}
}
