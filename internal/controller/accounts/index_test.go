package accounts

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// Others wait for one that has made room for its successor, unless what keeps it waiting is its own business.
func TestIsVacating(t *testing.T) {
	for name, tc := range map[string]struct {
		rotating string
		ready    metav1.ConditionStatus
		stalled  string
		want     bool
	}{
		"on its way":                          {v1alpha1.ReasonRevokeFirst, metav1.ConditionFalse, "", true},
		"still in use":                        {v1alpha1.ReasonRevokeFirst, metav1.ConditionTrue, "", false},
		"replaced otherwise":                  {v1alpha1.ReasonRotationDue, metav1.ConditionFalse, "", false},
		"its spec is wrong":                   {v1alpha1.ReasonRevokeFirst, metav1.ConditionFalse, v1alpha1.ReasonInvalidTemplate, false},
		"the vendor refuses, maybe to others": {v1alpha1.ReasonRevokeFirst, metav1.ConditionFalse, v1alpha1.ReasonCreateRefused, true},
		"the credentials are gone":            {v1alpha1.ReasonRevokeFirst, metav1.ConditionFalse, v1alpha1.ReasonCredentialsNotFound, true},
		"so it does with the credentials":     {v1alpha1.ReasonRevokeFirst, metav1.ConditionFalse, v1alpha1.ReasonCredentialsRejected, true},
	} {
		t.Run(name, func(t *testing.T) {
			object := &v1alpha1.GatewayToken{}
			object.Status.Conditions = []metav1.Condition{
				{Type: v1alpha1.ConditionRotating, Status: metav1.ConditionTrue, Reason: tc.rotating},
				{Type: v1alpha1.ConditionReady, Status: tc.ready},
			}
			if tc.stalled != "" {
				object.Status.Conditions = append(object.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: tc.stalled})
			}
			if got := IsVacating(object); got != tc.want {
				t.Errorf("vacating: %t, want %t", got, tc.want)
			}
		})
	}
}
