package issuer

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

const (
	environment  = "9c1f2c52-6a0e-4a5e-9a34-0d6f6f4f7c22"
	gateway      = "b7e1a8d0-5d0c-4a47-8f5e-2f3a4b5c6d7e"
	mine, theirs = environment + "/" + gateway, environment + "/another"
)

// How long a pool in trouble waits.
func TestPoolPause(t *testing.T) {
	const down, forbidden = lifecycle.Reason(v1alpha1.ReasonVendorUnavailable), lifecycle.Reason(v1alpha1.ReasonPermissionDenied)
	interval := v1alpha1.DefaultInventoryInterval
	backOff := func(kind status.BackOffKind, count int32) time.Duration {
		return status.BackOff(kind, count, "uid"+mine, 0)
	}
	tests := map[string]struct {
		reason     string
		pool       pool
		other      pool
		finalizers []string
		want       time.Duration
	}{
		"alone":                          {reason: "soon, it may be over", pool: pool{problem: of(down), failures: 2}, want: backOff(status.VendorTrouble, 2)},
		"the other has been so longer":   {reason: "the other is tried soon", pool: pool{problem: of(down), failures: 1}, other: pool{problem: of(down), failures: 1}, want: interval},
		"it has been so longer":          {reason: "it is the one that is tried soon", pool: pool{problem: of(down), failures: 2}, other: pool{problem: of(down), failures: 1}, want: backOff(status.VendorTrouble, 2)},
		"the other has other trouble":    {reason: "that has nothing to do with it", pool: pool{problem: of(down), failures: 1}, other: pool{problem: of(forbidden), failures: 9}, want: backOff(status.VendorTrouble, 1)},
		"no such place":                  {reason: "it is misspelt", pool: pool{gone: true, failures: 20}, want: backOff(status.Refusal, 20)},
		"gone, and a token may be there": {reason: "its end waits for the vendor's word", pool: pool{gone: true, failures: 20}, finalizers: []string{v1alpha1.FinalizerRevoke}, want: backOff(status.VendorTrouble, 20)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := &scene{
				issuer: &v1alpha1.TokenIssuer{Spec: v1alpha1.TokenIssuerSpec{PingOne: &v1alpha1.PingOneIssuer{EnvironmentID: environment}}},
				memory: &memory{uid: "uid", pools: map[string]*pool{mine: &tc.pool, theirs: &tc.other}},
				tokens: []v1alpha1.GatewayToken{{
					ObjectMeta: metav1.ObjectMeta{Finalizers: tc.finalizers},
					Spec:       v1alpha1.GatewayTokenSpec{PingOne: &v1alpha1.PingOneToken{GatewayID: gateway}},
				}},
			}
			if got := s.poolPause(mine, &token.Failure{}); got != tc.want {
				t.Errorf("%s: a pause of %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

func of(reason lifecycle.Reason) lifecycle.Problem { return lifecycle.Problem{Reason: reason} }

// When one is healed, one more is tried at once: not one that was never in that trouble, and one that has been in it for longest last.
func TestRelieve(t *testing.T) {
	const down, forbidden = lifecycle.Reason(v1alpha1.ReasonVendorUnavailable), lifecycle.Reason(v1alpha1.ReasonPermissionDenied)
	held := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	m := &memory{pools: map[string]*pool{
		"a well one":   {},
		"broken":       {problem: of(down), failures: 50, held: held},
		"down":         {problem: of(down), failures: 2, held: held},
		"down as well": {problem: of(down), failures: 2, held: held},
		"forbidden":    {problem: of(forbidden), failures: 1, held: held},
	}}
	heal := func() (tried []string) {
		m.relieve(down)
		for name, p := range m.pools {
			if p.failures > 0 && p.held.IsZero() {
				tried, m.pools[name] = append(tried, name), &pool{}
			}
		}
		return tried
	}
	for _, want := range [][]string{{"down"}, {"down as well"}, {"broken"}, nil} {
		if diff := cmp.Diff(want, heal()); diff != "" {
			t.Errorf("tried at once (-want +got):\n%s", diff)
		}
	}
}

// What a list that failed says of the vendor as a whole.
func TestConcernsAll(t *testing.T) {
	tests := map[string]struct {
		reason  string
		failure token.Failure
		want    bool
	}{
		"500":            {"it is answered, and perhaps only there", token.Failure{Class: token.Unavailable, Cause: token.CauseStatus, Status: 500}, false},
		"500 to a login": {"no pool was asked for at all", token.Failure{Class: token.Unavailable, Cause: token.CauseLogin, Status: 500}, true},
		"no answer":      {"nobody is there", token.Failure{Class: token.Unavailable, Cause: token.CauseConnect}, true},
		"refused":        {"the credentials are everybody's", token.Failure{Class: token.Unauthorized, Cause: token.CauseStatus, Status: 401}, true},
		"not here":       {"a role may be of one environment", token.Failure{Class: token.Forbidden, Cause: token.CauseStatus, Status: 403}, false},
		"paced":          {"it was not asked", token.Failure{Class: token.RateLimited, Cause: token.CausePaced}, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := concernsAll(&tc.failure); got != tc.want {
				t.Errorf("%s: got %t", tc.reason, got)
			}
		})
	}
}
