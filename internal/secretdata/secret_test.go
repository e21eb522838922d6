package secretdata

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

const (
	clusterID = "cluster"
	issuerURL = "https://api.example.com"
)

func sealer(tb testing.TB, seed byte) ledger.Sealer {
	tb.Helper()
	s, err := ledger.NewSealer(bytes.Repeat([]byte{seed}, ledger.KeyBytes))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func gatewayToken(options ...func(*v1alpha1.GatewayToken)) *v1alpha1.GatewayToken {
	object := &v1alpha1.GatewayToken{
		ObjectMeta: metav1.ObjectMeta{Namespace: "causely", Name: "mediator"},
		Spec: v1alpha1.GatewayTokenSpec{Secret: &v1alpha1.SecretTemplate{
			Name:        "causely-token",
			Labels:      map[string]v1alpha1.LabelValue{"tier": "edge"},
			Annotations: map[string]v1alpha1.AnnotationValue{"example.com/note": "a note"},
			Data:        map[string]v1alpha1.DataTemplate{"token": "{{ .Token }}", "line": "{{ .ID }} at {{ .URL }}"},
		}},
	}
	for _, option := range options {
		option(object)
	}
	return object
}

func target(tb testing.TB, object *v1alpha1.GatewayToken, url string) Target {
	tb.Helper()
	made, err := NewTarget(object, clusterID, url, sealer(tb, 1))
	if err != nil {
		tb.Fatal(err)
	}
	return made
}

func value() token.Value { return token.NewValue("eyJhbGciOiJSUzI1NiJ9.e30.c2ln") }

func record() ledger.Ledger {
	return ledger.Ledger{
		Account: "project", Incarnation: "abcdef",
		Current: ledger.Entry{ID: "id-1", Name: "mediator-gwt-x", Sequence: 1},
	}
}

// written is the Secret as the operator writes it.
func written(tb testing.TB, of Target, l ledger.Ledger) *corev1.Secret {
	tb.Helper()
	content, err := of.Content(value(), token.Value{}, l)
	if err != nil {
		tb.Fatal(err)
	}
	return content.Secret()
}

func TestContent(t *testing.T) {
	of := target(t, gatewayToken(), issuerURL)
	secret := written(t, of, record())
	if got := string(secret.Data["line"]); got != "id-1 at "+issuerURL {
		t.Errorf("rendered %q", got)
	}
	labels := map[string]string{
		"tier": "edge", v1alpha1.LabelManagedBy: v1alpha1.OperatorName, v1alpha1.LabelRole: v1alpha1.RoleToken,
		v1alpha1.LabelGatewayToken: "mediator",
	}
	if diff := cmp.Diff(labels, secret.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"example.com/note", v1alpha1.AnnotationLedger}, slices.Sorted(maps.Keys(secret.Annotations))); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if len(secret.OwnerReferences)+len(secret.Finalizers) != 0 || secret.Type != corev1.SecretTypeOpaque || secret.Immutable != nil {
		t.Errorf("owners %v, finalizers %v, type %s, immutable %v", secret.OwnerReferences, secret.Finalizers, secret.Type, secret.Immutable)
	}
	if text := secret.Annotations[v1alpha1.AnnotationLedger]; strings.Contains(text, value().Reveal()) || strings.Contains(text, "c2ln") {
		t.Error("the ledger shows the value")
	}
	applied := (Content{Namespace: "causely", Name: "causely-token", Labels: labels}).Apply("uid", "42")
	if *applied.UID != "uid" || *applied.ResourceVersion != "42" {
		t.Errorf("an apply that is not bound to the Secret that was read: %+v", applied)
	}
}

// A name that is no label value is left out of the labels and stands in the ledger.
func TestLongName(t *testing.T) {
	long := strings.Repeat("n", 200)
	secret := written(t, target(t, gatewayToken(func(o *v1alpha1.GatewayToken) { o.Name = long }), issuerURL), record())
	if _, labelled := secret.Labels[v1alpha1.LabelGatewayToken]; labelled {
		t.Error("a label that the API server refuses")
	}
	if owner, ok := OwnerOf(secret); !ok || owner.Name != long || owner.Namespace != "causely" {
		t.Errorf("owner %v, %t", owner, ok)
	}
}

// What is at the place where the Secret belongs.
func TestObserve(t *testing.T) {
	of := func(t *testing.T) Target { return target(t, gatewayToken(), issuerURL) }
	edited := func(edit func(*corev1.Secret)) func(*testing.T) *corev1.Secret {
		return func(t *testing.T) *corev1.Secret {
			secret := written(t, of(t), record())
			edit(secret)
			return secret
		}
	}
	tests := map[string]struct {
		reason  string
		secret  func(*testing.T) *corev1.Secret
		adopt   v1alpha1.AdoptPolicy
		want    lifecycle.Presence
		trust   ledger.Trust
		intact  bool
		drifted bool
	}{
		"nothing":                            {"no Secret", func(*testing.T) *corev1.Secret { return nil }, "", lifecycle.Absent, ledger.Absent, false, false},
		"as written":                         {"all as it should be", edited(func(*corev1.Secret) {}), "", lifecycle.Owned, ledger.Proof, true, false},
		"value edited":                       {"the digest says so", edited(func(s *corev1.Secret) { s.Data["token"] = []byte("x") }), "", lifecycle.Owned, ledger.Proof, false, true},
		"value moved to another key":         {"it is the value that counts", edited(func(s *corev1.Secret) { s.Data["other"] = s.Data["token"]; s.Data["token"] = []byte("x") }), "", lifecycle.Owned, ledger.Proof, true, true},
		"another key edited":                 {"its digest says so", edited(func(s *corev1.Secret) { s.Data["line"] = []byte("x") }), "", lifecycle.Owned, ledger.Proof, true, true},
		"a key removed":                      {"its digest says so", edited(func(s *corev1.Secret) { delete(s.Data, "line") }), "", lifecycle.Owned, ledger.Proof, true, true},
		"all data removed":                   {"there is no value", edited(func(s *corev1.Secret) { s.Data = nil }), "", lifecycle.Owned, ledger.Proof, false, true},
		"a foreign key":                      {"others may add what they like", edited(func(s *corev1.Secret) { s.Data["foreign"] = []byte("x") }), "", lifecycle.Owned, ledger.Proof, true, false},
		"a foreign label":                    {"others may add what they like", edited(func(s *corev1.Secret) { s.Labels["foreign"] = "x" }), "", lifecycle.Owned, ledger.Proof, true, false},
		"a foreign annotation":               {"others may add what they like", edited(func(s *corev1.Secret) { s.Annotations["foreign"] = "x" }), "", lifecycle.Owned, ledger.Proof, true, false},
		"a label of the spec stripped":       {"the spec asks for it", edited(func(s *corev1.Secret) { delete(s.Labels, "tier") }), "", lifecycle.Owned, ledger.Proof, true, true},
		"a label of the spec edited":         {"the spec asks for another value", edited(func(s *corev1.Secret) { s.Labels["tier"] = "x" }), "", lifecycle.Owned, ledger.Proof, true, true},
		"managed-by stripped":                {"it would leave the operator's cache", edited(func(s *corev1.Secret) { delete(s.Labels, v1alpha1.LabelManagedBy) }), "", lifecycle.Owned, ledger.Proof, true, true},
		"an annotation of the spec stripped": {"the spec asks for it", edited(func(s *corev1.Secret) { delete(s.Annotations, "example.com/note") }), "", lifecycle.Owned, ledger.Proof, true, true},
		"ledger stripped":                    {"the label alone is no proof", edited(func(s *corev1.Secret) { delete(s.Annotations, v1alpha1.AnnotationLedger) }), "", lifecycle.Foreign, ledger.Absent, false, false},
		"ledger forged": {"with the label it is a hint", edited(func(s *corev1.Secret) {
			s.Annotations[v1alpha1.AnnotationLedger] = strings.Replace(s.Annotations[v1alpha1.AnnotationLedger], `"sequence":1`, `"sequence":5`, 1)
		}), "", lifecycle.Owned, ledger.Hint, true, false},
		"ledger forged, label stripped": {"then it is nothing", edited(func(s *corev1.Secret) {
			s.Annotations[v1alpha1.AnnotationLedger] = strings.Replace(s.Annotations[v1alpha1.AnnotationLedger], `"sequence":1`, `"sequence":5`, 1)
			delete(s.Labels, v1alpha1.LabelManagedBy)
		}), "", lifecycle.Foreign, ledger.Absent, false, false},
		"ledger of another object": {"a copy elsewhere proves nothing there", func(t *testing.T) *corev1.Secret {
			return written(t, target(t, gatewayToken(func(o *v1alpha1.GatewayToken) { o.Name = "other" }), issuerURL), record())
		}, "", lifecycle.Foreign, ledger.Absent, false, false},
		"ledger of another issuer": {"its vendor may have said anything", func(t *testing.T) *corev1.Secret {
			return written(t, target(t, gatewayToken(func(o *v1alpha1.GatewayToken) { o.Spec.IssuerRef.Name = "own" }), issuerURL), record())
		}, "", lifecycle.Owned, ledger.Hint, true, false},
		"ledger of an issuer of another kind": {"the name alone is not whose it is", func(t *testing.T) *corev1.Secret {
			return written(t, target(t, gatewayToken(func(o *v1alpha1.GatewayToken) { o.Spec.IssuerRef.Kind = v1alpha1.KindClusterTokenIssuer }), issuerURL), record())
		}, "", lifecycle.Owned, ledger.Hint, true, false},
		"ledger from before issuers were written": {"an upgrade must not cost tokens", func(t *testing.T) *corev1.Secret {
			secret, of := written(t, of(t), record()), of(t)
			before, _ := of.sealer.Open(of.owner, secret.Annotations[v1alpha1.AnnotationLedger])
			before.Issuer = ""
			seal, err := of.sealer.Seal(of.owner, before)
			if err != nil {
				t.Fatal(err)
			}
			secret.Annotations[v1alpha1.AnnotationLedger] = seal
			return secret
		}, "", lifecycle.Owned, ledger.Proof, true, false},
		"somebody's":                {"not asked for", edited(func(s *corev1.Secret) { s.Labels, s.Annotations = nil, nil }), "", lifecycle.Foreign, ledger.Absent, false, false},
		"somebody's, to be adopted": {"asked for, and nobody owns it", edited(func(s *corev1.Secret) { s.Labels, s.Annotations = nil, nil }), v1alpha1.AdoptIfUnowned, lifecycle.Adoptable, ledger.Absent, false, false},
		"owned by somebody": {"not even if asked for", edited(func(s *corev1.Secret) {
			s.Labels, s.Annotations = nil, nil
			s.OwnerReferences = []metav1.OwnerReference{{Name: "owner"}}
		}), v1alpha1.AdoptIfUnowned, lifecycle.Foreign, ledger.Absent, false, false},
		"being deleted": {"it is about to go", edited(func(s *corev1.Secret) {
			s.Labels, s.Annotations = nil, nil
			s.DeletionTimestamp = &metav1.Time{}
		}), v1alpha1.AdoptIfUnowned, lifecycle.Foreign, ledger.Absent, false, false},
		"the operator's own": {"last-good copies and keys are no token's", edited(func(s *corev1.Secret) {
			s.Annotations = nil
			s.Labels[v1alpha1.LabelRole] = v1alpha1.RoleLedgerKey
		}), v1alpha1.AdoptIfUnowned, lifecycle.Foreign, ledger.Absent, false, false},
		"retained once": {"whoever takes it over unmarks it", func(t *testing.T) *corev1.Secret {
			l := record()
			l.Retained = true
			return written(t, of(t), l)
		}, "", lifecycle.Owned, ledger.Proof, true, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := of(t).Observe(tc.secret(t), tc.adopt)
			if got.Presence != tc.want || got.Trust != tc.trust || got.ValueIntact != tc.intact || got.Drifted != tc.drifted {
				t.Errorf("presence %d, trust %d, intact %t, drifted %t; want %d, %d, %t, %t: %s",
					got.Presence, got.Trust, got.ValueIntact, got.Drifted, tc.want, tc.trust, tc.intact, tc.drifted, tc.reason)
			}
			if got.Presence == lifecycle.Owned && got.Trust == ledger.Proof && got.Ledger.Current.ID != "id-1" {
				t.Errorf("the ledger says %+v", got.Ledger.Current)
			}
		})
	}
}

// What the spec asks for now differs from what was last written.
func TestDriftBySpec(t *testing.T) {
	tests := map[string]struct {
		reason string
		edit   func(*v1alpha1.GatewayToken)
		url    string
		want   bool
	}{
		"nothing":             {"all as it was", func(*v1alpha1.GatewayToken) {}, issuerURL, false},
		"another template":    {"the key is to be written anew", func(o *v1alpha1.GatewayToken) { o.Spec.Secret.Data["line"] = "{{ .Name }}" }, issuerURL, true},
		"another key":         {"it is to be there", func(o *v1alpha1.GatewayToken) { o.Spec.Secret.Data["more"] = "x" }, issuerURL, true},
		"a key less":          {"it is to go", func(o *v1alpha1.GatewayToken) { delete(o.Spec.Secret.Data, "line") }, issuerURL, true},
		"another label":       {"it is to be there", func(o *v1alpha1.GatewayToken) { o.Spec.Secret.Labels["a"] = "b" }, issuerURL, true},
		"a label less":        {"it is to go", func(o *v1alpha1.GatewayToken) { o.Spec.Secret.Labels = nil }, issuerURL, true},
		"another annotation":  {"it is to be there", func(o *v1alpha1.GatewayToken) { o.Spec.Secret.Annotations["a"] = "b" }, issuerURL, true},
		"another URL":         {"it is in a key", func(*v1alpha1.GatewayToken) {}, "https://other.example.com", true},
		"the issuer is away":  {"the URL that was last rendered counts", func(*v1alpha1.GatewayToken) {}, "", false},
		"the token's name":    {"it is about the next token", func(o *v1alpha1.GatewayToken) { o.Spec.TokenName = "x" }, issuerURL, false},
		"labels of the token": {"they are not the Secret's", func(o *v1alpha1.GatewayToken) { o.Labels = map[string]string{"a": "b"} }, issuerURL, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			secret := written(t, target(t, gatewayToken(), issuerURL), record())
			got := target(t, gatewayToken(tc.edit), tc.url).Observe(secret, v1alpha1.AdoptNever)
			if got.Drifted != tc.want {
				t.Errorf("drifted %t, want %t: %s", got.Drifted, tc.want, tc.reason)
			}
			if !got.ValueIntact {
				t.Error("the value is not intact")
			}
		})
	}
}

// A Secret written while the issuer is away has the URL that was last known.
func TestContentWithoutIssuer(t *testing.T) {
	known := target(t, gatewayToken(), issuerURL)
	first := known.Observe(written(t, known, record()), v1alpha1.AdoptNever)
	away := target(t, gatewayToken(), "")
	again := written(t, away, first.Ledger)
	if got := string(again.Data["line"]); got != "id-1 at "+issuerURL {
		t.Errorf("rendered %q", got)
	}
	if got := known.Observe(again, v1alpha1.AdoptNever); got.Drifted {
		t.Error("it has drifted once the issuer is back")
	}
}

// The time of a write is the operator's own latest, rounded up: the API server keeps whole seconds.
func TestWrittenAt(t *testing.T) {
	at := func(second int) metav1.Time { return metav1.NewTime(time.Date(2026, 3, 1, 12, 0, second, 0, time.UTC)) }
	entry := func(manager string, second int) metav1.ManagedFieldsEntry {
		when := at(second)
		return metav1.ManagedFieldsEntry{Manager: manager, Time: &when}
	}
	of := target(t, gatewayToken(), issuerURL)
	tests := map[string]struct {
		reason  string
		entries []metav1.ManagedFieldsEntry
		want    metav1.Time
	}{
		"created":          {"the creation is a write", nil, at(2)},
		"applied":          {"the latest of ours", []metav1.ManagedFieldsEntry{entry(v1alpha1.OperatorName, 5), entry(v1alpha1.OperatorName, 9)}, at(10)},
		"edited by others": {"it is not our write", []metav1.ManagedFieldsEntry{entry(v1alpha1.OperatorName, 5), entry("kubectl", 30)}, at(6)},
		"without a time":   {"it is skipped", []metav1.ManagedFieldsEntry{{Manager: v1alpha1.OperatorName}}, at(2)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			secret := written(t, of, record())
			secret.CreationTimestamp, secret.ManagedFields = at(1), tc.entries
			if got := of.Observe(secret, v1alpha1.AdoptNever).WrittenAt; !got.Equal(tc.want.Time) {
				t.Errorf("written at %s, want %s: %s", got, tc.want, tc.reason)
			}
		})
	}
}

// Only what the ledger has the digest of is the value, under whatever key.
func TestValue(t *testing.T) {
	of := target(t, gatewayToken(), issuerURL)
	secret := written(t, of, record())
	observed := of.Observe(secret, v1alpha1.AdoptNever)
	got, ok := of.Value(secret, observed.Ledger)
	if !ok || got.Reveal() != value().Reveal() {
		t.Errorf("found %t", ok)
	}
	secret.Data["token"] = []byte("by hand")
	if _, ok := of.Value(secret, observed.Ledger); ok {
		t.Error("a value that was edited is taken for the token's")
	}
}

// The dry run before a mint has the size of the largest Secret that can come of it, and no secret in it.
func TestProbe(t *testing.T) {
	of := target(t, gatewayToken(), issuerURL)
	probe, err := of.Probe()
	if err != nil {
		t.Fatal(err)
	}
	small := written(t, of, record())
	for key, content := range small.Data {
		if len(probe.Data[key]) < len(content) {
			t.Errorf("key %s of the probe has %d bytes, the small one %d", key, len(probe.Data[key]), len(content))
		}
	}
	if diff := cmp.Diff(small.Labels, probe.Labels); diff != "" {
		t.Errorf("labels:\n%s", diff)
	}
}

// A retained Secret is believed by its signature, not by its label.
func TestRetainedToken(t *testing.T) {
	of := target(t, gatewayToken(), issuerURL)
	retained := record()
	retained.Retained = true
	labelled := written(t, of, record())
	labelled.Labels[v1alpha1.LabelRetained] = "true"
	tests := map[string]struct {
		reason string
		secret *corev1.Secret
		seed   byte
		want   bool
	}{
		"retained":         {"its ledger says so", written(t, of, retained), 1, true},
		"label alone":      {"anybody can write it", labelled, 1, false},
		"another key":      {"the signature does not verify", written(t, of, retained), 2, false},
		"without a ledger": {"it proves nothing", &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{v1alpha1.LabelRetained: "true"}}}, 1, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			kept, ok := RetainedToken(tc.secret, clusterID, sealer(t, tc.seed))
			if ok != tc.want || (ok && (kept.ID != "id-1" || kept.GatewayToken != "mediator")) {
				t.Errorf("%+v, %t, want %t: %s", kept, ok, tc.want, tc.reason)
			}
		})
	}
	kept, _ := RetainedToken(written(t, of, retained), clusterID, sealer(t, 1))
	if !kept.OfIssuer("TokenIssuer/") || kept.OfIssuer("ClusterTokenIssuer/causely") {
		t.Error("it is counted with another issuer than its own")
	}
	if written(t, of, retained).Labels[v1alpha1.LabelRetained] != "true" {
		t.Error("a retained Secret is not labelled")
	}
}

// Whatever a Secret holds: no crash, and nothing is believed that was not signed.
func FuzzObserve(f *testing.F) {
	of := target(f, gatewayToken(), issuerURL)
	good := written(f, of, record())
	f.Add(good.Annotations[v1alpha1.AnnotationLedger], string(good.Data["token"]), v1alpha1.OperatorName)
	f.Add("", "", "")
	f.Fuzz(func(t *testing.T, seal, content, manager string) {
		secret := good.DeepCopy()
		secret.Annotations[v1alpha1.AnnotationLedger] = seal
		secret.Data["token"] = []byte(content)
		secret.Labels[v1alpha1.LabelManagedBy] = manager
		got := of.Observe(secret, v1alpha1.AdoptIfUnowned)
		if got.Trust == ledger.Proof && got.Ledger.Current.ID != "id-1" {
			t.Errorf("believed: %+v", got.Ledger)
		}
		if got.Trust == ledger.Proof && got.ValueIntact && content != value().Reveal() {
			t.Error("another value is taken for the token's")
		}
	})
}

// The value before is beside the new one, under a key of its own, and is found there again.
func TestPrevious(t *testing.T) {
	keeps := func(o *v1alpha1.GatewayToken) { o.Spec.Secret.PreviousKey = "before" }
	of := target(t, gatewayToken(keeps), issuerURL)
	next := record()
	next.Current = ledger.Entry{ID: "id-2", Sequence: 2}
	first := written(t, of, record())
	observed := of.Observe(first, "")
	if _, there := first.Data["before"]; there || observed.HoldsPrevious {
		t.Error("there is a value before the first")
	}

	before := of.Previous(first, observed.Ledger, next)
	if before.Reveal() != value().Reveal() {
		t.Fatal("the value in use is not the one before the next")
	}
	content, err := of.Content(token.NewValue("the-next-value"), before, next)
	if err != nil {
		t.Fatal(err)
	}
	second := content.Secret()
	observed = of.Observe(second, "")
	if string(second.Data["before"]) != value().Reveal() || !observed.HoldsPrevious || !observed.ValueIntact || observed.Drifted {
		t.Errorf("holds the value before %t, intact %t, drifted %t", observed.HoldsPrevious, observed.ValueIntact, observed.Drifted)
	}
	if now, found := of.Value(second, observed.Ledger); !found || now.Reveal() != "the-next-value" {
		t.Error("the value in use is not found")
	}
	if kept := of.Previous(second, observed.Ledger, next); kept.Reveal() != value().Reveal() {
		t.Error("a rewrite would lose the value before")
	}

	second.Data["before"] = []byte("x")
	if observed := of.Observe(second, ""); !observed.Drifted || !observed.ValueIntact {
		t.Error("an edit of the value before is not seen, or is taken for one of the value in use")
	}
	if kept := of.Previous(second, observed.Ledger, next); kept.Usable() {
		t.Error("what somebody wrote there is kept")
	}
	if other := target(t, gatewayToken(), issuerURL); other.Previous(first, observed.Ledger, next).Usable() || !other.Observe(content.Secret(), "").Drifted {
		t.Error("a spec that does not ask for it keeps it")
	}
}
