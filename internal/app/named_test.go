package app

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// What an issuer names is watched, by the operator as a process with the rights of the chart. The vendor's list is read once a day:
// that credentials which serve were changed, nothing but an event can tell within the patience of this test.
func TestNamedObjectsAreWatched(t *testing.T) {
	o := install(t)
	elsewhere, err := simulator.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(elsewhere.Close)
	o.start()
	issuer := o.issuer(24 * time.Hour)
	o.create(issuer)
	o.awaitIssuer(issuer, "there are none", metav1.ConditionFalse, v1alpha1.ReasonCredentialsNotFound)
	o.create(o.credentials())
	o.awaitIssuer(issuer, "they were created after the issuer", metav1.ConditionFalse, v1alpha1.ReasonCABundleNotFound)
	o.create(o.ca())
	o.awaitIssuer(issuer, "the CA bundle was, too", metav1.ConditionTrue, v1alpha1.ReasonCredentialsAccepted)

	wrong := o.credentials()
	wrong.StringData["clientSecret"] = "wrong"
	o.replace(wrong)
	o.awaitIssuer(issuer, "wrong ones took their place", metav1.ConditionFalse, v1alpha1.ReasonCredentialsRejected)
	o.replace(o.credentials())
	o.awaitIssuer(issuer, "they were put right", metav1.ConditionTrue, v1alpha1.ReasonCredentialsAccepted)

	foreign := o.ca()
	foreign.Data["ca.crt"] = string(elsewhere.CAPEM())
	o.replace(foreign)
	o.awaitIssuer(issuer, "another CA bundle took its place", metav1.ConditionFalse, v1alpha1.ReasonCertificateNotTrusted)
	o.replace(o.ca())
	o.awaitIssuer(issuer, "it was put right", metav1.ConditionTrue, v1alpha1.ReasonCredentialsAccepted)

	calls := o.vendor.Causely().Truth().Calls
	annotated := o.credentials()
	annotated.Annotations = map[string]string{"example.com/note": "nothing of this is a credential"}
	o.replace(annotated)
	o.delete(o.credentials())
	o.awaitIssuer(issuer, "they were deleted", metav1.ConditionFalse, v1alpha1.ReasonCredentialsNotFound)
	if after := o.vendor.Causely().Truth().Calls; !maps.Equal(after, calls) {
		t.Errorf("the vendor was called for an annotation: %v, and before %v", after, calls)
	}
	o.create(o.credentials())
	o.awaitIssuer(issuer, "they came back", metav1.ConditionTrue, v1alpha1.ReasonCredentialsAccepted)

	o.stop()
	text := o.log.String()
	if strings.Contains(text, forbidden) {
		t.Errorf("the chart does not grant what the operator does:\n%s", lines(text, forbidden))
	}
	if harness.Disclosed(text, o.vendor.Causely().Secrets()...) != "" {
		t.Error("a secret can be read in the log")
	}
}

// awaitIssuer waits until the issuer says so.
func (o *installation) awaitIssuer(issuer *v1alpha1.TokenIssuer, why string, status metav1.ConditionStatus, reason string) {
	o.t.Helper()
	o.await(reason+": "+why, func() error {
		o.get(issuer)
		ready := meta.FindStatusCondition(issuer.Status.Conditions, v1alpha1.ConditionReady)
		if ready == nil || ready.Status != status || ready.Reason != reason {
			return fmt.Errorf("ready: %+v", ready)
		}
		return nil
	})
}

// replace puts an object in the place of what is there, in one write.
func (o *installation) replace(object client.Object) {
	o.t.Helper()
	if err := plane.Admin.Update(o.t.Context(), object); err != nil {
		o.t.Fatal(err)
	}
}
