package controller_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// From manifests that come all at once to a Secret with an active token.
func TestIssue(t *testing.T) {
	w := newWorld(t)
	w.Watch()
	issuer, object := w.Ask()
	w.Settle()

	w.WantReady(object)
	w.WantCreates(1)
	if got := w.Calls(causely.RouteCreate); got != 1 {
		t.Errorf("the vendor was asked for a token %d times, want once", got)
	}
	w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionTrue, v1alpha1.ReasonVendorAnswered)
	w.WantNo(object, v1alpha1.ConditionReconciling)
	w.WantNo(object, v1alpha1.ConditionStalled)
	w.WantNo(object, v1alpha1.ConditionRevocationPending)
	w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonCredentialsAccepted)
	w.Want(issuer, v1alpha1.ConditionInUse, metav1.ConditionTrue, v1alpha1.ReasonTokensRemain)
	if issuer.Status.Account != causely.DemoProjectID {
		t.Errorf("the issuer is pinned to %q, want the project", issuer.Status.Account)
	}
	if want := (&v1alpha1.Inventory{Active: 1, Owned: 1}); !cmp.Equal(issuer.Status.Inventory, want) {
		t.Errorf("inventory: %+v, want %+v", issuer.Status.Inventory, want)
	}
	w.CheckRest()
}

// A new token of an issuer that is in use costs one create, one dry run, three writes and one event.
func TestCostOfIssue(t *testing.T) {
	w := newWorld(t)
	w.Publish()
	w.Advance(time.Minute)
	w.Forget()
	w.DryRuns, w.Events = 0, nil
	lists := w.Calls(causely.RouteList)
	object := w.Token("other")
	w.Create(object)
	w.Settle()

	w.WantReady(object)
	w.WantCreates(2)
	var did []string
	for _, effect := range w.Effects() {
		if effect.Kind != v1alpha1.KindClusterTokenIssuer {
			did = append(did, effect.Verb+" "+effect.Kind)
		}
	}
	if diff := cmp.Diff([]string{"patch GatewayToken", "mint token", "create Secret", "status GatewayToken"}, did); diff != "" {
		t.Errorf("effects (-want +got):\n%s", diff)
	}
	if w.DryRuns != 1 {
		t.Errorf("%d dry runs, want 1", w.DryRuns)
	}
	if len(w.Events) != 1 || w.Events[0].Reason != "Issued" || w.Events[0].Type != corev1.EventTypeNormal {
		t.Errorf("events: %+v, want one that says Issued", w.Events)
	}
	if got := w.Calls(causely.RouteList) - lists; got > 1 {
		t.Errorf("%d lists, want at most one", got)
	}
}

// The name at the vendor ends with the object's marker and begins with what people know.
func TestNameAtVendor(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish(func(o *v1alpha1.GatewayToken) { o.Spec.TokenName = "edge mediator" })
	base, marker, ok := token.ParseName(w.Active()[0].Name)
	if !ok || base != "edge mediator" {
		t.Fatalf("name %q: base %q", w.Active()[0].Name, base)
	}
	want := w.Identity.Marker(object.Namespace, object.Name, string(object.UID)).WithSequence(1)
	if marker != want {
		t.Errorf("marker %v, want %v", marker, want)
	}
}

// A status of its own says which generation it speaks of: -1 at first, so that whoever waits does not believe too early.
func TestStatusBeforeAnything(t *testing.T) {
	w := newWorld(t)
	_, object := w.Ask()
	w.Refresh(object)
	if object.Status.ObservedGeneration != -1 {
		t.Errorf("observedGeneration is %d before the operator has seen the object, want -1", object.Status.ObservedGeneration)
	}
	w.Settle()
	w.Refresh(object)
	if object.Status.ObservedGeneration != object.Generation {
		t.Errorf("observedGeneration is %d, want %d", object.Status.ObservedGeneration, object.Generation)
	}
}

func TestIssueFromNamespacedIssuer(t *testing.T) {
	w := newWorld(t)
	w.Provide(w.Tenant)
	issuer, object := w.NamespacedIssuer(), w.Token("mediator", harness.FromNamespacedIssuer)
	w.Create(issuer, object)
	w.Settle()
	w.WantReady(object)
	w.WantCreates(1)
	w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonCredentialsAccepted)
	if kept := w.SecretIn(w.Tenant, v1alpha1.LastGoodSecretPrefix+"tokenissuer-causely"); kept == nil {
		t.Error("the last accepted credentials are not kept in the issuer's own namespace")
	}
	w.CheckRest()
}

// Whatever comes first, the rest follows by itself.
func TestOrderOfCreation(t *testing.T) {
	type world = *harness.World
	tests := map[string]struct {
		reason string
		steps  []func(world, *v1alpha1.ClusterTokenIssuer, *v1alpha1.GatewayToken)
	}{
		"token, issuer, credentials": {
			reason: "an application of Argo CD may apply them in any order",
			steps: []func(world, *v1alpha1.ClusterTokenIssuer, *v1alpha1.GatewayToken){
				func(w world, _ *v1alpha1.ClusterTokenIssuer, o *v1alpha1.GatewayToken) { w.Create(o) },
				func(w world, i *v1alpha1.ClusterTokenIssuer, _ *v1alpha1.GatewayToken) { w.Create(i) },
				func(w world, _ *v1alpha1.ClusterTokenIssuer, _ *v1alpha1.GatewayToken) { w.Provide(w.System) },
			},
		},
		"issuer, credentials, token": {
			reason: "an issuer that nobody needs yet is looked at, too",
			steps: []func(world, *v1alpha1.ClusterTokenIssuer, *v1alpha1.GatewayToken){
				func(w world, i *v1alpha1.ClusterTokenIssuer, _ *v1alpha1.GatewayToken) { w.Create(i) },
				func(w world, _ *v1alpha1.ClusterTokenIssuer, _ *v1alpha1.GatewayToken) { w.Provide(w.System) },
				func(w world, _ *v1alpha1.ClusterTokenIssuer, o *v1alpha1.GatewayToken) { w.Create(o) },
			},
		},
		"credentials, token, issuer": {
			reason: "a token waits for its issuer without asking again and again",
			steps: []func(world, *v1alpha1.ClusterTokenIssuer, *v1alpha1.GatewayToken){
				func(w world, _ *v1alpha1.ClusterTokenIssuer, _ *v1alpha1.GatewayToken) { w.Provide(w.System) },
				func(w world, _ *v1alpha1.ClusterTokenIssuer, o *v1alpha1.GatewayToken) { w.Create(o) },
				func(w world, i *v1alpha1.ClusterTokenIssuer, _ *v1alpha1.GatewayToken) { w.Create(i) },
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			issuer, object := w.ClusterIssuer(), w.Token("mediator")
			for _, step := range tc.steps {
				step(w, issuer, object)
				w.Advance(time.Second)
			}
			w.Advance(20 * time.Second)
			w.WantReady(object)
			w.WantCreates(1)
			w.CheckRest()
		})
	}
}

// The Secret is what the spec asks for, and nothing else of the GatewayToken is on it.
func TestSecretAsAsked(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish(func(o *v1alpha1.GatewayToken) {
		o.Labels = map[string]string{"app.kubernetes.io/instance": "argocd-application", "team": "edge"}
		o.Annotations = map[string]string{"argocd.argoproj.io/sync-wave": "3"}
	}, harness.WithSecret(func(s *v1alpha1.SecretTemplate) {
		s.Name, s.Type = "causely-token", "example.com/token"
		s.Labels = map[string]v1alpha1.LabelValue{"app.kubernetes.io/name": "mediator"}
		s.Annotations = map[string]v1alpha1.AnnotationValue{"example.com/note": "for the mediator"}
		s.Data = map[string]v1alpha1.DataTemplate{
			"token": "{{ .Token }}", "url": `wss://{{ .Token | urlquery }}@example.com/?id={{ .ID }}`, "json": `{"t":{{ json .Token }},"u":{{ .URL | quote }}}`,
		}
	}))
	secret := w.Secret("causely-token")
	value := string(secret.Data["token"])
	want := map[string]string{
		"token": value,
		"url":   "wss://" + value + "@example.com/?id=" + object.Status.Current.ID,
		"json":  `{"t":"` + value + `","u":"` + w.Vendor.URL() + `"}`,
	}
	got := map[string]string{}
	for key, content := range secret.Data {
		got[key] = string(content)
	}
	if !cmp.Equal(want, got) {
		t.Error("the keys of the Secret are not what the templates make") // their content is not for a log
	}
	if secret.Type != "example.com/token" {
		t.Errorf("type %q", secret.Type)
	}
	labels := map[string]string{
		"app.kubernetes.io/name": "mediator", v1alpha1.LabelManagedBy: v1alpha1.OperatorName,
		v1alpha1.LabelRole: v1alpha1.RoleToken, v1alpha1.LabelGatewayToken: "mediator",
	}
	if diff := cmp.Diff(labels, secret.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	delete(secret.Annotations, v1alpha1.AnnotationLedger)
	if diff := cmp.Diff(map[string]string{"example.com/note": "for the mediator"}, secret.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if len(secret.OwnerReferences) != 0 || len(secret.Finalizers) != 0 {
		t.Errorf("owners %v, finalizers %v: want none", secret.OwnerReferences, secret.Finalizers)
	}
	if object.Status.SecretName != "causely-token" || object.Status.Issuer != "ClusterTokenIssuer/"+w.Name {
		t.Errorf("status names Secret %q and issuer %q", object.Status.SecretName, object.Status.Issuer)
	}
}

// The ledger that travels with the value says whose token it is, and is signed for this place.
func TestLedgerOnSecret(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish()
	record, trust := ledgerOf(w, object)
	if trust != ledger.Proof {
		t.Fatalf("trust is %d, want proof", trust)
	}
	active := w.Active()[0]
	if string(record.Current.ID) != active.ID || record.Current.Name != active.Name || record.Current.Sequence != 1 || record.Account != causely.DemoProjectID {
		t.Errorf("the ledger says %+v of account %q", record.Current, record.Account)
	}
	if len(record.Mints) != 1 || !record.Mints[0].BySpec || !record.Mints[0].At.Equal(active.CreatedAt) {
		t.Errorf("mints: %+v, want the first, by the spec, at the vendor's time", record.Mints)
	}
}

func ledgerOf(w *harness.World, object *v1alpha1.GatewayToken) (ledger.Ledger, ledger.Trust) {
	secret := w.Secret(object.SecretName())
	return w.Sealer.Open(ledger.Owner{
		ClusterID: w.Identity.ClusterID, Namespace: object.Namespace, GatewayToken: object.Name, Secret: secret.Name,
	}, secret.Annotations[v1alpha1.AnnotationLedger])
}

// The first publication is a Create, later ones are Applies that take over what it set. What the spec drops goes from the
// Secret; what others put there stays.
func TestManagedFields(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish(harness.WithSecret(func(s *v1alpha1.SecretTemplate) {
		s.Labels = map[string]v1alpha1.LabelValue{"stays": "yes", "goes": "yes"}
		s.Annotations = map[string]v1alpha1.AnnotationValue{"example.com/goes": "yes"}
		s.Data = map[string]v1alpha1.DataTemplate{"token": "{{ .Token }}", "old": "{{ .Token }}"}
	}))
	before := w.Secret("mediator")
	if managers := managersOf(before); !cmp.Equal(managers, []string{"gateway-token-operator Update"}) {
		t.Errorf("managers after the first publication: %v", managers)
	}
	harness.Change(w, before, func(secret *corev1.Secret) {
		secret.Labels["foreign"], secret.Annotations["example.com/foreign"], secret.Data["foreign"] = "kept", "kept", []byte("kept")
	})
	w.Forget()
	for range 2 {
		harness.Change(w, object, func(o *v1alpha1.GatewayToken) {
			delete(o.Spec.Secret.Labels, "goes")
			o.Spec.Secret.Annotations = nil
			delete(o.Spec.Secret.Data, "old")
			o.Spec.Secret.Data["new"] = "{{ .Token }}"
		})
		w.Settle()
	}
	after := w.Secret("mediator")
	if _, left := after.Data["old"]; left || after.Labels["goes"] != "" || after.Annotations["example.com/goes"] != "" {
		t.Errorf("what the spec dropped is still there: keys %d, labels %v", len(after.Data), after.Labels)
	}
	if after.Labels["stays"] != "yes" || string(after.Data["new"]) != string(before.Data["token"]) || string(after.Data["token"]) != string(before.Data["token"]) {
		t.Error("what the spec asks for is not there")
	}
	if after.Labels["foreign"] != "kept" || after.Annotations["example.com/foreign"] != "kept" || string(after.Data["foreign"]) != "kept" {
		t.Error("what somebody else put there is gone")
	}
	if managers := managersOf(after); !cmp.Equal(managers, []string{"gateway-token-operator Apply", "controller.test Update"}) {
		t.Errorf("managers: %v", managers)
	}
	if got := w.Did(harness.Apply, "Secret"); got != 1 {
		t.Errorf("the Secret was applied %d times, want once", got)
	}
	w.WantReady(object)
	w.WantCreates(1)
	if after.UID != before.UID {
		t.Error("the Secret was made anew")
	}
}

func managersOf(secret *corev1.Secret) []string {
	var managers []string
	for _, entry := range secret.ManagedFields {
		managers = append(managers, entry.Manager+" "+string(entry.Operation))
	}
	return managers
}

// An object at rest is left alone: lists are taken, nothing is written, the same is not said twice.
func TestNoWritesAtRest(t *testing.T) {
	w := newWorld(t)
	issuer, object := w.Publish()
	w.Advance(time.Minute)
	before, lists := w.Versions(), w.Calls(causely.RouteList)
	w.Forget()
	told := len(w.Events)
	for range 12 {
		w.Advance(5 * time.Minute)
		w.Look(v1alpha1.KindGatewayToken, object)
		w.Look(v1alpha1.KindClusterTokenIssuer, issuer)
	}
	if diff := cmp.Diff(before, w.Versions()); diff != "" {
		t.Errorf("something was written within an hour at rest (-before +after):\n%s", diff)
	}
	if got := w.Effects(); len(got) != 0 {
		t.Errorf("effects at rest: %v", got)
	}
	if got := w.Calls(causely.RouteList) - lists; got < 10 || got > 13 {
		t.Errorf("%d lists within an hour, want one every five minutes", got)
	}
	if len(w.Events) != told {
		t.Errorf("events at rest: %+v", w.Events[told:])
	}
	w.CheckRest()
}

// One list serves all tokens of an issuer, however many there are.
func TestListsAreShared(t *testing.T) {
	w := newWorld(t)
	w.Provide(w.System)
	w.Create(w.ClusterIssuer())
	var objects []*v1alpha1.GatewayToken
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		object := w.Token(name)
		w.Create(object)
		objects = append(objects, object)
	}
	w.Settle()
	for _, object := range objects {
		w.WantReady(object)
	}
	w.WantCreates(len(objects))
	if got := w.Calls(causely.RouteList); got > 4 {
		t.Errorf("%d lists for %d tokens", got, len(objects))
	}
	w.Restart()
	before := w.Calls(causely.RouteList)
	w.Settle()
	if got := w.Calls(causely.RouteList) - before; got != 1 {
		t.Errorf("%d lists after a restart, want one", got)
	}
	w.WantCreates(len(objects))
	w.CheckRest()
}

// A restart, an upgrade, a status that was lost: no mint, and no write of the Secret.
func TestLostStatus(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish()
	before := w.Secret("mediator").ResourceVersion
	w.Refresh(object)
	object.Status = v1alpha1.GatewayTokenStatus{ObservedGeneration: -1}
	if err := w.Admin().Status().Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	w.Restart()
	w.Settle()
	w.WantReady(object)
	w.WantCreates(1)
	if after := w.Secret("mediator").ResourceVersion; after != before {
		t.Error("the Secret was written again")
	}
	w.CheckRest()
}

// The same manifest with a new UID, after a restore from a backup: the token in the Secret is current.
func TestRestoredUnderNewUID(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish()
	before := w.Current(w.Secret("mediator"), "token")
	deleteByForce(t, w, object)
	w.Create(w.Token("mediator"))
	w.Restart()
	w.Advance(time.Minute)
	w.WantReady(object)
	w.WantCreates(1)
	if after := w.Current(w.Secret("mediator"), "token"); after != before {
		t.Errorf("the Secret holds %+v, want %+v as before", after, before)
	}
	w.CheckRest()
}

// deleteByForce lets an object go as somebody does who removes its finalizers.
func deleteByForce(t *testing.T, w *harness.World, object client.Object) {
	t.Helper()
	harness.Change(w, object, func(o client.Object) { o.SetFinalizers(nil) })
	w.Remove(object)
}
