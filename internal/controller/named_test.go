package controller_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// turn is something that happens to what an issuer names, and what is true at that very moment.
type turn struct {
	reason string
	does   func(*harness.World)
	// ready is the reason of the issuer's Ready; calls are those that the turn costs.
	ready string
	calls map[string]int
}

func (n turn) check(t *testing.T, w *harness.World, issuer *v1alpha1.ClusterTokenIssuer) {
	t.Helper()
	before, begun := w.AllCalls(), w.Clock.Now()
	n.does(w)
	w.Settle()
	status := metav1.ConditionFalse
	if n.ready == v1alpha1.ReasonCredentialsAccepted {
		status = metav1.ConditionTrue
	}
	w.Want(issuer, v1alpha1.ConditionReady, status, n.ready)
	if diff := cmp.Diff(n.calls, w.CallsSince(before)); diff != "" {
		t.Errorf("%s: calls (-want +got):\n%s", n.reason, diff)
	}
	if took := w.Clock.Now().Sub(begun); took > time.Second {
		t.Errorf("%s: noticed after %s", n.reason, took)
	}
}

func changeCredentials(change func(*corev1.Secret)) func(*harness.World) {
	return func(w *harness.World) { harness.Change(w, w.SecretIn(w.System, harness.CredentialsName), change) }
}

// Whatever happens to an issuer's credentials and CA bundle, the vendor is asked at once with what is there now, and only then.
func TestNamedObjectsChange(t *testing.T) {
	elsewhere, err := simulator.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(elsewhere.Close)
	list, both := map[string]int{causely.RouteList: 1}, map[string]int{causely.RouteLogin: 1, causely.RouteList: 1}
	none := map[string]int{}
	w := newWorld(t)
	issuer := w.ClusterIssuer()
	w.Create(issuer)
	for _, turn := range []turn{
		{"nothing is there", func(*harness.World) {}, v1alpha1.ReasonCredentialsNotFound, none},
		{"the Secret comes after the issuer", func(w *harness.World) { w.Create(w.Credentials(w.System)) }, v1alpha1.ReasonCABundleNotFound, none},
		{"so does the ConfigMap", func(w *harness.World) { w.Create(w.CA(w.System)) }, v1alpha1.ReasonCredentialsAccepted, both},
		{"a label is no credential", changeCredentials(func(s *corev1.Secret) { s.Labels = map[string]string{"a": "b"} }), v1alpha1.ReasonCredentialsAccepted, none},
		{"nor is a key that nobody names", changeCredentials(func(s *corev1.Secret) { s.Data["another"] = []byte("x") }), v1alpha1.ReasonCredentialsAccepted, none},
		{"nor is an annotation of the CA bundle", func(w *harness.World) {
			harness.Change(w, w.CA(w.System), func(c *corev1.ConfigMap) { c.Annotations = map[string]string{"a": "b"} })
		}, v1alpha1.ReasonCredentialsAccepted, none},
		{"wrong ones", changeCredentials(func(s *corev1.Secret) { s.Data["clientSecret"] = []byte("wrong") }), v1alpha1.ReasonCredentialsRejected, map[string]int{causely.RouteLogin: 1}},
		{"wrong ones, labelled", changeCredentials(func(s *corev1.Secret) { s.Labels = nil }), v1alpha1.ReasonCredentialsRejected, none},
		{"put right", changeCredentials(func(s *corev1.Secret) { s.StringData = w.Credentials("").StringData }), v1alpha1.ReasonCredentialsAccepted, list},
		{"a key is taken away", changeCredentials(func(s *corev1.Secret) { delete(s.Data, "clientSecret") }), v1alpha1.ReasonCredentialsKeyMissing, none},
		{"it is put back", changeCredentials(func(s *corev1.Secret) { s.StringData = w.Credentials("").StringData }), v1alpha1.ReasonCredentialsAccepted, list},
		{"another CA bundle", func(w *harness.World) {
			harness.Change(w, w.CA(w.System), func(c *corev1.ConfigMap) { c.Data["ca.crt"] = string(elsewhere.CAPEM()) })
		}, v1alpha1.ReasonCertificateNotTrusted, none},
		{"put right", func(w *harness.World) {
			harness.Change(w, w.CA(w.System), func(c *corev1.ConfigMap) { c.Data = w.CA("").Data })
		}, v1alpha1.ReasonCredentialsAccepted, list},
		{"the Secret is deleted", func(w *harness.World) { w.Remove(w.Credentials(w.System)) }, v1alpha1.ReasonCredentialsNotFound, none},
		{"it comes back", func(w *harness.World) { w.Create(w.Credentials(w.System)) }, v1alpha1.ReasonCredentialsAccepted, list},
		{"the issuer names another one", func(w *harness.World) {
			harness.Change(w, issuer, func(i *v1alpha1.ClusterTokenIssuer) { i.Spec.Causely.CredentialsSecretRef.Name = "another" })
		}, v1alpha1.ReasonCredentialsNotFound, none},
		{"what it named before is nothing to it", func(w *harness.World) { w.Remove(w.Credentials(w.System)) }, v1alpha1.ReasonCredentialsNotFound, none},
		{"the other one comes", func(w *harness.World) {
			another := w.Credentials(w.System)
			another.Name = "another"
			w.Create(another)
		}, v1alpha1.ReasonCredentialsAccepted, list},
	} {
		turn.check(t, w, issuer)
	}
	w.CheckRest()
}

// Back-off in an outage holds, however often somebody writes the same credentials. Others are tried at once.
func TestNamedObjectsChangeInOutage(t *testing.T) {
	w := newWorld(t)
	w.Provide(w.System)
	issuer := w.ClusterIssuer()
	w.Create(issuer)
	w.Settle()
	w.Fault(causely.RouteLogin, stage.Status, harness.Always)
	w.Fault(causely.RouteList, stage.Status, harness.Always)
	w.Advance(20 * time.Minute)
	before := w.AllCalls()
	for _, note := range []string{"a", "b", "c"} {
		changeCredentials(func(s *corev1.Secret) { s.Annotations = map[string]string{"note": note} })(w)
		w.Settle()
	}
	if diff := cmp.Diff(map[string]int{}, w.CallsSince(before)); diff != "" {
		t.Errorf("calls for an annotation (-want +got):\n%s", diff)
	}
	w.Heal()
	use(w, causely.Account{ClientID: causely.DemoClientID, Secret: "wrong"})
	w.Settle()
	w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonCredentialsRejected)
}

// What cannot be watched is looked for, as long as the issuer does not work.
func TestNamedObjectsCannotBeWatched(t *testing.T) {
	credentials := func(w *harness.World) client.Object { return w.Credentials(w.System) }
	ca := func(w *harness.World) client.Object { return w.CA(w.System) }
	tests := map[string]struct {
		reason string
		// seen comes first, unseen is of a kind that cannot be watched.
		seen, unseen func(*harness.World) client.Object
		kind         string
		lacks        string
	}{
		"the Secret":    {"no event tells that it was created", ca, credentials, "Secret", v1alpha1.ReasonCredentialsNotFound},
		"the ConfigMap": {"a role of before has no right to list it", credentials, ca, "ConfigMap", v1alpha1.ReasonCABundleNotFound},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.FreezeCache(tc.kind)
			issuer := w.ClusterIssuer()
			w.Create(issuer, tc.seen(w))
			w.Settle()
			w.Create(tc.unseen(w))
			w.Settle()
			w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionFalse, tc.lacks)
			w.Advance(16 * time.Second)
			w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonCredentialsAccepted)
		})
	}
}
