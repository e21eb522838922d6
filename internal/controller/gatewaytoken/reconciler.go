// Package gatewaytoken carries GatewayTokens through their life: it observes, lets the planner decide, carries out at most
// one effect, and records what came of it.
package gatewaytoken

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/turns"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/wake"
	"github.com/gatewaytoken/gateway-token-operator/internal/demand"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/metrics"
	"github.com/gatewaytoken/gateway-token-operator/internal/secretdata"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/inventory"
)

// EffectTimeout bounds an effect. It runs on a context of its own, which outlives SIGTERM: the manager's graceful shutdown and the
// Pod's termination grace period are longer than a mint with its publication.
const EffectTimeout = 45 * time.Second

// PublishTimeout is what a publication has for itself, however long the mint before it took.
const PublishTimeout = 15 * time.Second

// ServerClock tells how far the API server's clock is ahead of the operator's.
type ServerClock interface{ Offset() time.Duration }

// Reconciler looks after GatewayTokens.
type Reconciler struct {
	// Client reads from the cache and writes; Live reads from the API server.
	Client client.Client
	Live   client.Reader
	Clock  clock.PassiveClock
	// Server is the API server's clock.
	Server   ServerClock
	Recorder events.EventRecorder
	Metrics  *metrics.Metrics

	Book      *accounts.Book
	Inventory *inventory.Inventory
	// Issuers wakes issuers, by kind.
	Issuers map[string]*wake.Queue

	Identity token.Identity
	Sealer   ledger.Sealer
	Settings lifecycle.Settings
	// LeaderSince tells when this process became leader: at the first call at the latest.
	LeaderSince func() time.Time
	// Namespaced: the operator works in named namespaces only, and reads nothing that is in none.
	Namespaced bool

	memories    memories
	restartJobs restartJobs
	windows     windows
	// turns are given to what is due by age.
	turns turns.Book
}

// scene is one look at one object.
type scene struct {
	object *v1alpha1.GatewayToken
	// stored is the status as it was read.
	stored  v1alpha1.GatewayTokenStatus
	memory  *memory
	key     accounts.Key
	account accounts.Account
	// issuerUID and issuerGeneration are of the issuer that was read.
	issuerUID        string
	issuerGeneration int64
	// demand is what the spec asks of the issuer's vendor; mismatch why it cannot be asked of it.
	demand   demand.Demand
	mismatch *lifecycle.Problem
	// scope is the list that shows the object's tokens.
	scope  inventory.Scope
	target secretdata.Target
	// secret is nil where there is none.
	secret      *corev1.Secret
	observation lifecycle.Observation
	// attemptBefore is the create that the status told of before the one that was just written down; nil for none.
	attemptBefore *v1alpha1.IssueAttempt
}

// Reconcile observes, plans, acts and records. What is about to be done is planned anew on what the API server itself says.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	s, err := r.observe(ctx, request.NamespacedName, r.Client)
	if err == nil && s == nil {
		r.restartJobs.drop(request.NamespacedName)
		r.memories.name(request.NamespacedName, "")
		return ctrl.Result{}, r.collect(ctx, request.NamespacedName)
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	r.memories.name(request.NamespacedName, s.object.UID)
	planned := lifecycle.Plan(s.observation)
	spent, _ := lifecycle.HandSpent(s.observation)
	live := lifecycle.IsEffect(planned.Decision) || spent || lifecycle.RollDoubted(s.observation)
	if live {
		if s, err = r.observe(ctx, request.NamespacedName, r.Live); err != nil || s == nil {
			r.restartJobs.drop(request.NamespacedName)
			return ctrl.Result{}, err
		}
		planned = r.planLive(s)
	}
	log.FromContext(ctx).V(1).Info("planned", "decision", fmt.Sprintf("%T", planned.Decision), "rule", planned.Rule, "live", live)
	r.find(s, planned.Proof)
	outcome, err := r.act(ctx, s, planned.Decision)
	if err != nil {
		return wake.AfterError(err)
	}
	return r.record(ctx, s, s.rolled(planned), outcome)
}

// find has the inventory know what is found of the object, so that it can tell its tokens from those that somebody else makes under its
// marker.
func (r *Reconciler) find(s *scene, proof *ledger.Ledger) {
	seen := s.observation.Snapshot
	if !seen.Taken() || !s.observation.Issuer.Capabilities.Named {
		return
	}
	next, wants := lifecycle.Next(s.observation)
	r.Inventory.Find(s.observation.Object.Marker, next, wants, seen.Early)
	if proof != nil {
		r.Inventory.Recognize(s.scope, proof.IDs()...)
	}
}

// planLive plans on what the API server says, and gives up a minted value that has lost its use.
func (r *Reconciler) planLive(s *scene) lifecycle.Planned {
	planned := lifecycle.Plan(s.observation)
	spent, lost := lifecycle.HandSpent(s.observation)
	if !spent {
		return planned
	}
	if held := s.memory.hand; planned.Proof.Knows(held.Token.ID) {
		// A write whose answer was lost was carried out after all.
		s.memory.published[held.Token.ID] = true
	}
	s.memory.drop(lost)
	if !lost {
		return planned
	}
	s.observation.Memory = s.memory.observed(r.LeaderSince(), string(s.object.UID))
	return lifecycle.Plan(s.observation)
}

// outcome is what came of a decision.
type outcome struct {
	status.Outcome
	// sealed is the ledger that was written just now, as it was signed.
	sealed string
	// again: look again at once, for something changed that no event tells of.
	again bool
	// after: look again after a while, for it was too early or what had been read was old.
	after time.Duration
	// released: the object is gone.
	released bool
}
