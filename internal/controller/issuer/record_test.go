package issuer

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/named"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
)

// watching says what is watched.
type watching []named.Object

func (watching) Refer(accounts.Key, ...named.Object) {}

func (w watching) Watched(objects ...named.Object) bool {
	for _, object := range objects {
		found := false
		for _, have := range w {
			found = found || have == object
		}
		if !found {
			return false
		}
	}
	return true
}

// Where a change is told of nothing is looked for; elsewhere it is, as long as somebody waits for it.
func TestPause(t *testing.T) {
	const interval = 10 * time.Minute
	secret, ca := named.Secret("system", "api"), named.ConfigMap("system", "ca")
	tests := map[string]struct {
		reason    string
		watched   watching
		problem   string
		unwritten bool
		want      time.Duration
	}{
		"missing, watched":             {"an event will tell", watching{secret, ca}, v1alpha1.ReasonCredentialsNotFound, false, interval},
		"rejected, watched":            {"an event will tell; the vendor is asked in its turn", watching{secret, ca}, v1alpha1.ReasonCredentialsRejected, false, interval},
		"missing, not watched":         {"nothing else will tell", nil, v1alpha1.ReasonCredentialsNotFound, false, recheck},
		"no CA bundle, Secret watched": {"no event tells of the ConfigMap", watching{secret}, v1alpha1.ReasonCABundleNotFound, false, recheck},
		"missing, ConfigMap watched":   {"no event tells of the Secret", watching{ca}, v1alpha1.ReasonCredentialsNotFound, false, recheck},
		"not watched, no trouble":      {"nobody waits", nil, "", false, interval},
		"not watched, other trouble":   {"a Secret does not mend it", nil, v1alpha1.ReasonInvalidURL, false, interval},
		"no copy could be written":     {"of a quota no event tells", watching{secret, ca}, v1alpha1.ReasonWriteFailed, true, recheck},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			clock := clocktesting.NewFakePassiveClock(noon)
			r := &Reconciler{Config: Config{Clock: clock, Named: tc.watched, ClusterResourceNamespace: "system"}}
			s := &scene{
				issuer: &v1alpha1.ClusterTokenIssuer{Spec: v1alpha1.ClusterTokenIssuerSpec{TokenIssuerSpec: v1alpha1.TokenIssuerSpec{
					Causeloop:         &v1alpha1.CauseloopIssuer{TokenSecretRef: v1alpha1.SecretKeyReference{Name: "api"}},
					CABundle:          &v1alpha1.CABundle{ConfigMapRef: v1alpha1.ConfigMapKeyReference{Name: "ca"}},
					InventoryInterval: &metav1.Duration{Duration: interval},
				}}},
				memory: &memory{}, ownProblem: problem(tc.problem, ""), unwritten: tc.unwritten,
				account: accounts.Account{Problem: lifecycle.Problem{Reason: lifecycle.Reason(tc.problem)}},
			}
			if got := r.pause(s); got != tc.want {
				t.Errorf("pause %s, want %s: %s", got, tc.want, tc.reason)
			}
		})
	}
}
