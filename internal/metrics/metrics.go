// Package metrics counts what the operator does. Label values are names of Kubernetes objects and words of closed sets.
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// Metrics are the operator's own collectors. The zero value is not usable; a nil *Metrics counts nothing.
type Metrics struct {
	issued, adopted, revoked, failed   *prometheus.CounterVec
	unused, orphaned, foreign, missing *prometheus.GaugeVec
	cloned                             prometheus.Gauge
}

var issuerLabels = []string{"issuer_kind", "issuer_namespace", "issuer"}

// New makes the collectors and registers them.
func New(registerer prometheus.Registerer) (*Metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "gatewaytoken", Name: name, Help: help}, append(labels, issuerLabels...))
	}
	m := &Metrics{
		issued:  counter("tokens_issued_total", "Tokens that a vendor created for the operator."),
		adopted: counter("tokens_adopted_total", "Tokens that existed already and were used instead of issuing another."),
		revoked: counter("tokens_revoked_total", "Tokens of which a vendor confirmed the revocation."),
		failed:  counter("token_creates_failed_total", "Creates that gave no token, by the class of the failure.", "class"),
	}
	m.unused = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "gatewaytoken", Name: "tokens_unused", Help: "Active tokens that nobody has used for 90 days, by whether this installation issued them.",
	}, append([]string{"managed"}, issuerLabels...))
	m.orphaned = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "gatewaytoken", Name: "tokens_orphaned", Help: "Active tokens that this installation issued and nothing in the cluster accounts for, by whether they have been observed for as long as --orphan-rest says.",
	}, append([]string{"observed"}, issuerLabels...))
	m.cloned = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "gatewaytoken", Name: "cluster_cloned", Help: "1 while the operator waits for a person to say whether this cluster is a copy of another, else 0.",
	})
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "gatewaytoken", Name: name, Help: help}, issuerLabels)
	}
	m.foreign = gauge("tokens_foreign", "Tokens that another operator made with this installation's marker, until a person has acknowledged them.")
	m.missing = gauge("tokens_missing", "Tokens in use that are gone at once, until they are there again or a person has acknowledged it.")
	for _, collector := range []prometheus.Collector{m.issued, m.adopted, m.revoked, m.failed, m.unused, m.orphaned, m.cloned, m.foreign, m.missing} {
		if err := registerer.Register(collector); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Issued counts a token that the vendor created.
func (m *Metrics) Issued(kind, namespace, issuer string) {
	if m != nil {
		m.issued.WithLabelValues(kind, namespace, issuer).Inc()
	}
}

// Adopted counts a token that was used instead of issuing another.
func (m *Metrics) Adopted(kind, namespace, issuer string) {
	if m != nil {
		m.adopted.WithLabelValues(kind, namespace, issuer).Inc()
	}
}

// Revoked counts a confirmed revocation.
func (m *Metrics) Revoked(kind, namespace, issuer string) {
	if m != nil {
		m.revoked.WithLabelValues(kind, namespace, issuer).Inc()
	}
}

// CreateFailed counts a create that gave no token.
func (m *Metrics) CreateFailed(kind, namespace, issuer string, class token.Class) {
	if m != nil {
		m.failed.WithLabelValues(class.String(), kind, namespace, issuer).Inc()
	}
}

// Unused tells of tokens that nobody has used for long; nil where the vendor does not show that.
func (m *Metrics) Unused(kind, namespace, issuer string, tokens *v1alpha1.UnusedTokens) {
	if m == nil {
		return
	}
	if tokens == nil {
		m.unused.DeletePartialMatch(of(kind, namespace, issuer))
		return
	}
	m.unused.WithLabelValues("true", kind, namespace, issuer).Set(float64(tokens.Tokens))
	m.unused.WithLabelValues("false", kind, namespace, issuer).Set(float64(tokens.Unmanaged))
}

// Orphaned tells of tokens that nothing accounts for: how many there are, and how many of them were observed for long enough.
func (m *Metrics) Orphaned(kind, namespace, issuer string, all, observed int) {
	if m == nil {
		return
	}
	m.orphaned.WithLabelValues("true", kind, namespace, issuer).Set(float64(observed))
	m.orphaned.WithLabelValues("false", kind, namespace, issuer).Set(float64(max(all-observed, 0)))
}

// Cloned tells whether a person is asked whose the cluster's identity is.
func (m *Metrics) Cloned(asks bool) {
	if m == nil {
		return
	}
	m.cloned.Set(0)
	if asks {
		m.cloned.Set(1)
	}
}

// Doubtful tells how many tokens of an issuer another operator made, and how many are gone at once.
func (m *Metrics) Doubtful(kind, namespace, issuer string, foreign, missing int32) {
	if m != nil {
		m.foreign.WithLabelValues(kind, namespace, issuer).Set(float64(foreign))
		m.missing.WithLabelValues(kind, namespace, issuer).Set(float64(missing))
	}
}

func of(kind, namespace, issuer string) prometheus.Labels {
	return prometheus.Labels{"issuer_kind": kind, "issuer_namespace": namespace, "issuer": issuer}
}

// Forget drops the series of an issuer that is gone.
func (m *Metrics) Forget(kind, namespace, issuer string) {
	if m == nil {
		return
	}
	labels := of(kind, namespace, issuer)
	for _, counter := range []*prometheus.CounterVec{m.issued, m.adopted, m.revoked, m.failed} {
		counter.DeletePartialMatch(labels)
	}
	for _, gauge := range []*prometheus.GaugeVec{m.unused, m.orphaned, m.foreign, m.missing} {
		gauge.DeletePartialMatch(labels)
	}
}
