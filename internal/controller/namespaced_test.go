package controller_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// TestClusterIssuerOutOfReach: an operator for named namespaces reads no ClusterTokenIssuer. Whoever names one is told so at once, is held
// by nothing, and is served when the operator reads it.
func TestClusterIssuerOutOfReach(t *testing.T) {
	atAll(t, func(t *testing.T, at harness.Flavour) {
		w := newWorldAt(t, at)
		w.Namespaced = true
		w.Restart()
		_, object := w.Ask()
		w.Advance(time.Hour)
		w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonIssuerOutOfReach)
		w.Want(object, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonIssuerOutOfReach)
		if says := w.Condition(object, v1alpha1.ConditionReady).Message; !strings.Contains(says, "--watch-namespaces") || !strings.Contains(says, "TokenIssuer in this namespace") {
			t.Errorf("it says %q", says)
		}
		if calls := w.AllCalls(); len(calls) > 0 {
			t.Errorf("the vendor was called: %v", calls)
		}
		w.Refresh(object)
		if len(object.Finalizers) > 0 {
			t.Errorf("finalizers %v", object.Finalizers)
		}
		gone := w.Token("gone")
		w.Create(gone)
		w.Advance(time.Minute)
		w.Remove(gone)
		w.Advance(time.Minute)
		if !w.Gone(gone) {
			t.Error("what never had a token is not gone")
		}
		w.Namespaced = false
		w.Restart()
		w.Advance(20 * time.Minute)
		w.WantReady(object)
		w.CheckRest()
	})
}

// TestClusterIssuerLostFromReach: a token that a ClusterTokenIssuer issued goes on being used, and its deletion waits until the issuer is
// read again, whatever was lost meanwhile: an object that is protected may have a token of which nothing else tells.
func TestClusterIssuerLostFromReach(t *testing.T) {
	for story, lost := range map[string]bool{"all is there": false, "status and Secret are lost": true} {
		t.Run(story, func(t *testing.T) {
			w := newWorld(t)
			_, object := w.Publish()
			w.Namespaced = true
			w.Restart()
			before := w.AllCalls()
			w.Advance(time.Hour)
			w.WantReady(object)
			w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionFalse, v1alpha1.ReasonIssuerOutOfReach)
			if lost {
				w.Vanish(w.Secret(object.SecretName()))
				w.WipeStatus(object)
				w.Restart()
				w.Advance(time.Minute)
				w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonIssuerOutOfReach)
			}
			w.Remove(object)
			w.Advance(24 * time.Hour)
			if w.Gone(object) {
				t.Fatal("released without a revocation")
			}
			w.Want(object, v1alpha1.ConditionRevocationPending, metav1.ConditionTrue, v1alpha1.ReasonIssuerOutOfReach)
			if says := w.Condition(object, v1alpha1.ConditionRevocationPending).Message; !strings.Contains(says, "without --watch-namespaces") || !strings.Contains(says, v1alpha1.AnnotationSkipRevocation) {
				t.Errorf("it says %q", says)
			}
			if calls := w.CallsSince(before); len(calls) > 0 {
				t.Errorf("the vendor was called: %v", calls)
			}
			w.WantActive(1)
			w.Namespaced = false
			w.Restart()
			w.Advance(20 * time.Minute)
			if !w.Gone(object) {
				t.Error("it is not gone")
			}
			w.WantActive(0)
			w.CheckRest()
		})
	}
}
