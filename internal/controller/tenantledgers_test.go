package controller_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// A tenant has a server of his own sign nothing for him: whatever ID it gives to the token that the operator asks it for, the ledger that
// comes of it is worth nothing with another issuer. Else he could have any token of an account read out for him, and revoked, of
// which he knows the ID.
func TestLedgerOfAnotherIssuer(t *testing.T) {
	w := newWorld(t)
	w.Watch()
	_, victim := w.Publish()
	theirs := w.Current(w.Secret("mediator"), "token")

	thief := newTenant(t, w, w.Name+"-thief")
	server := newLiar(t)
	server.row = map[string]any{"id": theirs.ID, "projectId": w.TokenByID(theirs.ID).Account}
	issuer, credentials, ca := server.issuer(thief.namespace, "own")
	laundry := w.Token("laundry", func(o *v1alpha1.GatewayToken) {
		o.Namespace, o.Spec.IssuerRef = thief.namespace, v1alpha1.IssuerReference{Name: "own"}
	})
	thief.makes(issuer, credentials, ca, laundry)
	w.Advance(time.Minute)
	signed := w.SecretIn(thief.namespace, "laundry")
	if signed == nil {
		t.Fatalf("the liar was not believed: %+v", w.Condition(laundry, v1alpha1.ConditionReady))
	}
	changes(thief, laundry, func(o *v1alpha1.GatewayToken) {
		o.Annotations = map[string]string{v1alpha1.AnnotationSkipRevocation: string(o.UID)}
	})
	thief.removes(laundry)
	w.Advance(time.Minute)

	// The namespace is granted the account of the victim's token, as many are.
	cluster := w.ClusterIssuer()
	harness.Change(w, cluster, func(i *v1alpha1.ClusterTokenIssuer) {
		i.Spec.Grants[0].Namespaces.Names = append(i.Spec.Grants[0].Namespaces.Names, thief.namespace)
	})
	replayed := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: thief.namespace, Name: "laundry", Labels: signed.Labels, Annotations: signed.Annotations},
		Data:       map[string][]byte{"token": []byte("lost")},
	}
	again := w.Token("laundry", func(o *v1alpha1.GatewayToken) { o.Namespace = thief.namespace })
	thief.makes(replayed, again)
	w.Advance(10 * time.Minute)
	if got := w.Current(w.SecretIn(thief.namespace, "laundry"), "token"); got.ID == theirs.ID {
		t.Error("the victim's token was read out")
	}
	thief.removes(again)
	w.Advance(10 * time.Minute)
	if !w.TokenByID(theirs.ID).Active {
		t.Error("the victim's token was revoked")
	}
	w.WantReady(victim)
}
