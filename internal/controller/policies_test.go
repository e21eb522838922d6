package controller_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// operatorName is the operator as the API server knows it where the chart was installed by its defaults.
const operatorName = "system:serviceaccount:gateway-token-system:gateway-token-operator"

// policed is a request that a policy judges: by whom, in a dry run.
type policed struct {
	object client.Object
	user   string
	groups []string
}

// policies are the samples, with what each accepts and refuses.
func policies(w *harness.World, labelled string) map[string]struct {
	says              string
	accepted, refused []policed
} {
	issuer := func(namespace, url string) policed {
		return policed{object: w.NamespacedIssuer(func(i *v1alpha1.TokenIssuer) {
			i.Namespace = namespace
			if i.Spec.Causely.URL, i.Spec.Causely.AuthURL = url, url; url == "" {
				return
			}
			i.Spec.Causely.AuthURL = "https://auth.causely.app/login"
		})}
	}
	asked := func(change func(*v1alpha1.GatewayToken), groups ...string) policed {
		return policed{object: w.Token("policed", change), groups: groups}
	}
	skipping := func(o *v1alpha1.GatewayToken) {
		o.Annotations = map[string]string{v1alpha1.AnnotationSkipRevocation: "uid"}
	}
	secret := func(user string, labels map[string]string) policed {
		return policed{user: user, object: &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.Tenant, Name: "policed", Labels: labels}}}
	}
	ours := map[string]string{v1alpha1.LabelManagedBy: v1alpha1.OperatorName}
	return map[string]struct {
		says              string
		accepted, refused []policed
	}{
		"issuer-namespaces": {
			says:     "namespace " + w.Tenant + " may not have TokenIssuers",
			accepted: []policed{issuer(labelled, "")}, refused: []policed{issuer(w.Tenant, "")},
		},
		"issuer-urls": {
			says:     "TokenIssuers may lead to these hosts only: api.causely.app, auth.causely.app",
			accepted: []policed{issuer(labelled, ""), issuer(labelled, "https://api.causely.app"), issuer(labelled, "https://api.causely.app:443/v2")},
			refused: []policed{
				issuer(labelled, "https://evil.example"), issuer(labelled, "https://api.causely.app.evil.example"), issuer(labelled, "https://api.causely.app@evil.example"),
				issuer(labelled, "https://evil.example/api.causely.app"), issuer(labelled, "https://evil.example#api.causely.app"),
			},
		},
		"token-secrets": {
			says:     "only gateway-token-operator writes Secrets with its label",
			accepted: []policed{secret(operatorName, ours), secret("", map[string]string{"team": "edge"}), secret("", nil)},
			refused:  []policed{secret("", ours), secret("system:serviceaccount:"+w.Tenant+":gateway-token-operator", ours)},
		},
		"skip-revocation": {
			says:     "ask somebody of the group example.com:token-administrators",
			accepted: []policed{asked(asIs), asked(skipping, "example.com:token-administrators")}, refused: []policed{asked(skipping), asked(skipping, "example.com:others")},
		},
		"deletion-policy": {
			says:     "deletionPolicy must be Revoke",
			accepted: []policed{asked(asIs), asked(func(o *v1alpha1.GatewayToken) { o.Spec.DeletionPolicy = v1alpha1.DeletionRevoke })}, refused: []policed{asked(harness.Retained)},
		},
	}
}

// TestPolicies holds that the sample policies are taken by the API server, refuse what they say, in their words, and nothing else.
func TestPolicies(t *testing.T) {
	needsReal(t, "policies")
	w := newWorld(t)
	labelled := w.Name + "-labelled"
	w.Create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: labelled, Labels: map[string]string{"example.com/token-issuers": "allowed"}}})
	all := policies(w, labelled)
	files, err := filepath.Glob("../../config/samples/policies/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, tested := all[strings.TrimSuffix(filepath.Base(file), ".yaml")]; !tested {
			t.Errorf("nobody tests %s", file)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			tc := all[name]
			policy := applyPolicy(t, name, w.Tenant, labelled)
			for i, refused := range tc.refused {
				if err := eventuallyRefused(t, refused); err == nil || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), policy) {
					t.Errorf("%d is to be refused: %v", i, err)
				}
			}
			for i, accepted := range tc.accepted {
				if err := accepted.try(t.Context(), t); err != nil {
					t.Errorf("%d is to be accepted: %v", i, err)
				}
			}
		})
	}
}

// applyPolicy makes the policy and its binding, for some namespaces only: others are there for other tests.
func applyPolicy(t *testing.T, name string, namespaces ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "config", "samples", "policies", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	policy, binding := &admissionv1.ValidatingAdmissionPolicy{}, &admissionv1.ValidatingAdmissionPolicyBinding{}
	for _, into := range []client.Object{policy, binding} {
		if err := documents.Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	if err := documents.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		t.Errorf("there is more in the sample: %v", err)
	}
	binding.Spec.MatchResources = &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{
		MatchExpressions: []metav1.LabelSelectorRequirement{{Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpIn, Values: namespaces}},
	}}
	for _, object := range []client.Object{policy, binding} {
		if err := plane.Admin.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := plane.Admin.Delete(context.WithoutCancel(t.Context()), object); err != nil {
				t.Error(err)
			}
		})
	}
	return policy.Name
}

// try makes the request, and leaves nothing behind.
func (p policed) try(ctx context.Context, t *testing.T) error {
	t.Helper()
	config := plane.RESTConfig()
	user := p.user
	if user == "" {
		user = "somebody"
	}
	// Whoever it is may do everything else.
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: append([]string{"system:masters", "system:authenticated"}, p.groups...)}
	config.WarningHandler = rest.NoWarnings{}
	made, err := client.New(config, client.Options{Scheme: plane.Admin.Scheme(), Mapper: plane.Admin.RESTMapper()})
	if err != nil {
		t.Fatal(err)
	}
	copied, ok := p.object.DeepCopyObject().(client.Object)
	if !ok {
		t.Fatalf("%T is no object", p.object)
	}
	return made.Create(ctx, copied, client.DryRunAll)
}

// eventuallyRefused waits until the API server knows the policy.
func eventuallyRefused(t *testing.T, request policed) error {
	t.Helper()
	var last error
	_ = wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		last = request.try(ctx, t)
		return last != nil, nil
	})
	return last
}
