package metrics_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/metrics"
)

// Unused and orphaned tokens are told of an issuer as long as it is there, and where its vendor shows them.
func TestGauges(t *testing.T) {
	registry := prometheus.NewRegistry()
	counters, err := metrics.New(registry)
	if err != nil {
		t.Fatal(err)
	}
	counters.Unused("TokenIssuer", "a", "shows", &v1alpha1.UnusedTokens{Tokens: 3, Unmanaged: 1})
	counters.Unused("TokenIssuer", "a", "shows", &v1alpha1.UnusedTokens{Tokens: 2, Unmanaged: 1})
	counters.Unused("TokenIssuer", "a", "does not", nil)
	counters.Orphaned("TokenIssuer", "a", "shows", 5, 2)
	counters.Cloned(true)
	want := map[string]float64{
		"gatewaytoken_tokens_unused shows TokenIssuer a true":    2,
		"gatewaytoken_tokens_unused shows TokenIssuer a false":   1,
		"gatewaytoken_cluster_cloned":                            1,
		"gatewaytoken_tokens_orphaned shows TokenIssuer a true":  2,
		"gatewaytoken_tokens_orphaned shows TokenIssuer a false": 3,
	}
	if diff := cmp.Diff(want, gather(t, registry)); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
	counters.Forget("TokenIssuer", "a", "shows")
	if left := gather(t, registry); len(left) != 1 {
		t.Errorf("series of an issuer that is gone: %v", left)
	}
	// Where nothing is counted, nothing fails.
	(*metrics.Metrics)(nil).Unused("", "", "", &v1alpha1.UnusedTokens{})
	(*metrics.Metrics)(nil).Orphaned("", "", "", 1, 1)
	(*metrics.Metrics)(nil).Cloned(true)
}

// gather gives the values of gauges by name and labels.
func gather(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			series := family.GetName()
			for _, label := range metric.GetLabel() {
				series += " " + label.GetValue()
			}
			values[series] = metric.GetGauge().GetValue()
		}
	}
	return values
}
