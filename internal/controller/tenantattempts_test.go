package controller_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/canary"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// trick is what a tenant may well do, and what it gains him.
type trick struct {
	why string
	do  func(*tenant, *crowd)
	// reason is that of Ready False of the GatewayToken that he made for it, called another; empty for none.
	reason string
	// made is how many tokens the vendor made because of it.
	made int
}

// asks has the tenant ask for a token called another.
func asks(options ...func(*v1alpha1.GatewayToken)) func(*tenant, *crowd) {
	return func(p *tenant, c *crowd) { p.makes(c.withDefaults(options...)) }
}

// meets has him ask for it where a Secret of his is in the way, which may be adopted.
func meets(secret func(*tenant, *crowd) *corev1.Secret) func(*tenant, *crowd) {
	return func(p *tenant, c *crowd) {
		made := secret(p, c)
		made.Namespace = p.namespace
		p.makes(made)
		p.makes(c.withDefaults(harness.WithSecret(func(s *v1alpha1.SecretTemplate) { s.Name, s.Adopt = made.Name, v1alpha1.AdoptIfUnowned })))
	}
}

// claims gives his own Secret another ledger, and takes the value out of it, so that it would have to be read again.
func claims(ledger func(*tenant, *crowd) string) func(*tenant, *crowd) {
	return func(p *tenant, c *crowd) {
		claimed := ledger(p, c)
		changes(p, p.w.SecretIn(p.namespace, "own"), func(s *corev1.Secret) {
			s.Annotations[v1alpha1.AnnotationLedger] = claimed
			s.Data = nil
		})
	}
}

// templated asks for a Secret with one more key.
func templated(text string) func(*tenant, *crowd) {
	return asks(harness.WithSecret(func(s *v1alpha1.SecretTemplate) {
		s.Data = map[string]v1alpha1.DataTemplate{"token": "{{ .Token }}", "more": v1alpha1.DataTemplate(text)}
	}))
}

func adoptions() map[string]trick {
	plain := func(name string, change func(*tenant, *corev1.Secret)) func(*tenant, *crowd) *corev1.Secret {
		return func(p *tenant, _ *crowd) *corev1.Secret {
			secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{"x": "y"}}
			change(p, secret)
			return secret
		}
	}
	return map[string]trick{
		"adopt a ServiceAccount's token": {
			why: "its type is another, and a type cannot be changed", reason: v1alpha1.ReasonWriteFailed,
			do: meets(plain("account", func(p *tenant, s *corev1.Secret) {
				p.makes(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace, Name: "robot"}})
				s.Type, s.Annotations = corev1.SecretTypeServiceAccountToken, map[string]string{corev1.ServiceAccountNameKey: "robot"}
			})),
		},
		"adopt a release record": {
			why: "its type is another, and its name is not to be had anyway", reason: v1alpha1.ReasonWriteFailed,
			do: meets(plain("release", func(_ *tenant, s *corev1.Secret) { s.Type = "helm.sh/release.v1" })),
		},
		"adopt what somebody owns": {
			why: "it goes with its owner, and so would the token", reason: v1alpha1.ReasonSecretConflict,
			do: meets(plain("owned", func(p *tenant, s *corev1.Secret) {
				owner := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace, Name: "owner"}}
				p.makes(owner)
				s.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID}}
			})),
		},
		"adopt a copy of credentials": {
			why: "what has a role is the operator's own", reason: v1alpha1.ReasonSecretConflict,
			do: meets(plain("copy", func(_ *tenant, s *corev1.Secret) {
				s.Labels = map[string]string{v1alpha1.LabelRole: v1alpha1.RoleLastGood}
			})),
		},
		"adopt the Secret of another GatewayToken": {
			why: "one Secret holds one token", reason: v1alpha1.ReasonSecretConflict,
			do: asks(harness.WithSecret(func(s *v1alpha1.SecretTemplate) { s.Name, s.Adopt = "own", v1alpha1.AdoptIfUnowned })),
		},
		"take the place of another GatewayToken's Secret": {
			why: "nor is it overwritten without being asked", reason: v1alpha1.ReasonSecretConflict,
			do: asks(harness.WithSecret(func(s *v1alpha1.SecretTemplate) { s.Name = "own" })),
		},
		"adopt a copy of somebody's Secret": {
			why: "its ledger is bound to namespace and name", reason: v1alpha1.ReasonSecretConflict,
			do: meets(func(p *tenant, c *crowd) *corev1.Secret {
				stolen := p.w.Secret(c.victim.SecretName())
				return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "mediator", Labels: stolen.Labels, Annotations: stolen.Annotations}}
			}),
		},
	}
}

func forgeries() map[string]trick {
	return map[string]trick{
		"somebody's signed ledger": {
			why: "its signature is for another place",
			do: claims(func(p *tenant, c *crowd) string {
				return p.w.Secret(c.victim.SecretName()).Annotations[v1alpha1.AnnotationLedger]
			}),
			// To look at, the Secret is nobody's now.
		},
		"somebody's token in his own ledger": {
			why: "an edited ledger has no valid signature, and reads nothing out",
			do: claims(func(p *tenant, c *crowd) string {
				return strings.ReplaceAll(p.w.SecretIn(p.namespace, "own").Annotations[v1alpha1.AnnotationLedger], c.own.Status.Current.ID, c.theirs.ID)
			}),
		},
		"a stranger's token in his own ledger": {
			why: "nor what a person made at the vendor",
			do: claims(func(p *tenant, c *crowd) string {
				return strings.ReplaceAll(p.w.SecretIn(p.namespace, "own").Annotations[v1alpha1.AnnotationLedger], c.own.Status.Current.ID, c.stranger)
			}),
		},
		"a ledger of his own without its signature": {
			why: "it is a hint, and what it says is what the list says anyway",
			do: claims(func(p *tenant, _ *crowd) string {
				text := p.w.SecretIn(p.namespace, "own").Annotations[v1alpha1.AnnotationLedger]
				return text[:strings.Index(text, `"mac"`)] + `"mac":""}`
			}),
		},
		"an older ledger of his own": {
			why: "it is genuine, and what it says of its own tokens is told by the list, too: he has one more token issued at most",
			do: func(p *tenant, c *crowd) {
				before := p.w.SecretIn(p.namespace, "own")
				p.w.RevokeByHand(c.own.Status.Current.ID)
				p.w.Advance(10 * time.Minute)
				changes(p, p.w.SecretIn(p.namespace, "own"), func(s *corev1.Secret) {
					s.Annotations, s.Labels, s.Data = before.Annotations, before.Labels, before.Data
				})
			},
			made: 1,
		},
		"a name with somebody's marker": {
			why: "the marker that ends a name counts, and that is his own",
			do: asks(func(o *v1alpha1.GatewayToken) {
				o.Spec.TokenName = "x-gwt-aaaaaaaa-bbbbbbbbbbbbbbbb-cccccc-1"
			}),
			made: 1,
		},
		"somebody's very marker as a name": {
			why: "the same, though every part of it is right",
			do: func(p *tenant, c *crowd) {
				_, marker, _ := token.ParseName(p.w.TokenByID(c.theirs.ID).Name)
				asks(func(o *v1alpha1.GatewayToken) { o.Spec.TokenName = "x-" + marker.WithSequence(7).String() })(p, c)
			},
			made: 1,
		},
		"somebody's name for his own": {
			why: "a marker is of namespace and name",
			do:  asks(func(o *v1alpha1.GatewayToken) { o.Name = "mediator" }), made: 1,
		},
		"a label that says that his Secret is retained": {
			why: "what is retained is told by the ledger",
			do: func(p *tenant, _ *crowd) {
				changes(p, p.w.SecretIn(p.namespace, "own"), func(s *corev1.Secret) { s.Labels[v1alpha1.LabelRetained] = "true" })
			},
		},
	}
}

func templates() map[string]trick {
	const reason = v1alpha1.ReasonInvalidTemplate
	return map[string]trick{
		"a loop":                {why: "it might have no end", do: templated(`{{ range .Token }}x{{ end }}`), reason: reason},
		"a condition":           {why: "it tells one value from another", do: templated(`{{ if eq .Token "a" }}x{{ end }}`), reason: reason},
		"a template of its own": {why: "it might call itself", do: templated(`{{ define "x" }}{{ template "x" }}{{ end }}{{ template "x" }}`), reason: reason},
		"a variable":            {why: "it doubles itself", do: templated(`{{ $x := .Token }}{{ $x }}`), reason: reason},
		"another function":      {why: "printf has no bound", do: templated(`{{ printf "%1000000000d" 1 }}`), reason: reason},
		"a call":                {why: "whatever a field can be called with", do: templated(`{{ call .Token }}`), reason: reason},
		"a method of a value":   {why: "fields are texts", do: templated(`{{ .Token.Reveal }}`), reason: reason},
		"another field":         {why: "there are four", do: templated(`{{ .Credentials }}`), reason: reason},
		"encoding on encoding":  {why: "each makes it longer by a third, sixty together by half a terabyte", do: templated("{{ .Token" + strings.Repeat(" | b64enc", 60) + " }}"), reason: reason},
		"a long text of tokens": {
			why: "a key has a bound, and so have all together", do: templated(strings.Repeat("{{ .Token }}", 300)), reason: reason,
		},
		"control characters": {why: "what is wrong is said without them", do: templated("{{ \x1b[2J\x07 }}"), reason: reason},
	}
}

// annotations are at the API server's own bound.
func oversized() map[string]trick {
	many := map[string]v1alpha1.AnnotationValue{}
	for i := range 32 {
		many[fmt.Sprintf("example.com/x%d", i)] = v1alpha1.AnnotationValue(strings.Repeat("\u00fc", 4096))
	}
	return map[string]trick{
		"annotations that the API server has no room for": {
			why: "what cannot be written costs no token", reason: v1alpha1.ReasonWriteFailed,
			do: asks(harness.WithSecret(func(s *v1alpha1.SecretTemplate) { s.Annotations = many })),
		},
		"an issuer that there is not": {
			why: "a reference to what others have elsewhere leads nowhere", reason: v1alpha1.ReasonIssuerNotFound,
			do: asks(harness.FromNamespacedIssuer),
		},
	}
}

// TestTenantGainsNothing is what comes of what a tenant may do, and should not: whoever else has a token from the same issuer keeps it,
// and nobody but him ever has its value.
func TestTenantGainsNothing(t *testing.T) {
	for kind, tricks := range map[string]map[string]trick{
		"adoption": adoptions(), "forgery": forgeries(), "template": templates(), "size": oversized(),
	} {
		for name, tc := range tricks {
			t.Run(kind+"/"+name, func(t *testing.T) {
				w, c, thief := newCrowd(t)
				before, made := w.Secret(c.victim.SecretName()).ResourceVersion, len(w.Made())
				tc.do(thief, c)
				w.Advance(30 * time.Minute)
				if tc.reason != "" {
					another := c.withDefaults()
					w.Want(another, v1alpha1.ConditionReady, metav1.ConditionFalse, tc.reason)
					wantPrintable(t, w.Condition(another, v1alpha1.ConditionReady).Message)
				}
				if got := len(w.Made()) - made; got > tc.made {
					t.Errorf("%d tokens were made, want at most %d: %s", got, tc.made, tc.why)
				}
				c.wantUnharmed(t, w, thief, before)
				// Nor when he takes all back.
				for _, mine := range []string{"another", "own", "mediator"} {
					object := &v1alpha1.GatewayToken{ObjectMeta: metav1.ObjectMeta{Namespace: thief.namespace, Name: mine}}
					if !w.Gone(object) {
						thief.removes(object)
					}
				}
				w.Advance(30 * time.Minute)
				c.wantUnharmed(t, w, thief, before)
				w.CheckRest()
			})
		}
	}
}

// wantUnharmed holds that everybody else has what he had, and that the tenant has not.
func (c *crowd) wantUnharmed(t *testing.T, w *harness.World, thief *tenant, version string) {
	t.Helper()
	secret := w.Secret(c.victim.SecretName())
	if secret == nil || secret.ResourceVersion != version {
		t.Error("the Secret of somebody else was touched")
	}
	w.WantReady(c.victim)
	if !w.TokenByID(c.stranger).Active {
		t.Error("a token that somebody made by hand was revoked")
	}
	var mine corev1.SecretList
	if err := thief.List(t.Context(), &mine, client.InNamespace(thief.namespace)); err != nil {
		t.Fatal(err)
	}
	search := canary.Of(string(secret.Data["token"]))
	for i := range mine.Items {
		for key, content := range mine.Items[i].Data {
			if hits := search.Text(key, content); len(hits) > 0 {
				t.Errorf("key %s of Secret %s of the tenant has somebody else's token", key, mine.Items[i].Name)
			}
		}
	}
}

// wantPrintable holds that nothing in a message is obeyed by a terminal.
func wantPrintable(t *testing.T, message string) {
	t.Helper()
	for _, r := range message {
		if r < ' ' || (r >= 0x7f && r < 0xa0) {
			t.Errorf("the message %q has %q in it", message, r)
		}
	}
	if message == "" {
		t.Error("nothing is said")
	}
}
