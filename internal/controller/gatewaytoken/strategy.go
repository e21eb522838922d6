package gatewaytoken

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/demand"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

// EventConsumersCut is the reason of the event that says that the value which consumers hold works no more, because the spec asks for it.
const EventConsumersCut = "ConsumersCut"

// EventFormerTokenLeft is the reason of the event that says that a token of another cluster, which was in use here, is left at the vendor.
const EventFormerTokenLeft = "FormerTokenLeft"

// strategyOf is how the spec wants a token to be replaced.
func strategyOf(o *v1alpha1.GatewayToken) lifecycle.Strategy {
	switch o.Strategy() {
	case v1alpha1.StrategyInPlace:
		return lifecycle.StrategyInPlace
	case v1alpha1.StrategyRevokeFirst:
		return lifecycle.StrategyRevokeFirst
	case v1alpha1.StrategyOverlap:
		return lifecycle.StrategyOverlap
	default:
		return lifecycle.StrategyOverlap
	}
}

// intends tells whether all that a ledger says anew of the token in use is what the vendor is about to be asked for, or is not after all.
func intends(before, after ledger.Ledger) bool {
	same := before.Current.ID == after.Current.ID && before.Current.Sequence == after.Current.Sequence
	return same && (before.Vacating != after.Vacating || (before.Rolling == nil) != (after.Rolling == nil))
}

// holds tells whether the value in hand is the one that an entry of its token stands for.
func (h *hand) holds(entry ledger.Entry) bool {
	return h.Cut != ledger.CutInPlace || h.Sequence == entry.Sequence
}

// roll has the vendor replace the value of the current token, once, and publishes it. That this process would ask is in the ledger.
func (r *Reconciler) roll(ctx context.Context, s *scene, d lifecycle.Roll) (outcome, error) {
	roller, ok := s.account.Vendor.(vendors.Roller)
	if !ok {
		return outcome{}, nil
	}
	probe, err := s.target.Probe()
	if err != nil {
		return outcome{}, fmt.Errorf("rehearse the publication: %w", err)
	}
	// A Secret that cannot be written must not cost a value that works.
	if err := r.write(ctx, s, probe, client.DryRunAll); err != nil {
		return unwritten(ctx, err), nil
	}
	log.FromContext(ctx).Info("having the vendor replace a token's value", "id", d.ID, "why", d.Why)
	s.memory.rollAsked = d.Sequence
	// What it gives in its place may have another ID.
	r.Inventory.Asking(d.Name)
	r.Inventory.Ending(d.ID)
	rolled, err := roller.Roll(ctx, d.ID, d.Name)
	r.noteAnswer(d.Name, rolled.ID, token.AsFailure(err))
	r.useTurn(s)
	if f := token.AsFailure(err); f != nil {
		return r.rollFailed(ctx, s, d, f), nil
	}
	s.memory.lastCreateEnded = r.Clock.Now()
	r.warn(s.object, EventConsumersCut, "Token "+string(d.ID)+" was given another value in place ("+d.Why+"): whatever holds the one before it is cut off until it has the new one.")
	s.memory.hand = &hand{
		InHand: lifecycle.InHand{
			Token: rolled.Token, Replaces: d.ID, Sequence: d.Sequence, Inputs: d.Inputs, ExpiresAfter: d.ExpiresAfter,
			Planned: true, Request: d.Request, Cut: ledger.CutInPlace,
		},
		value: rolled.Value,
	}
	s.observation.Memory.InHand, s.observation.Memory.RollAsked = &s.memory.hand.InHand, d.Sequence
	publish, ok := lifecycle.Plan(s.observation).Decision.(lifecycle.Publish)
	if !ok {
		return outcome{again: true}, nil
	}
	return r.publish(ctx, s, publish)
}

// rolled is what was planned, with what the Secret is worth since the vendor was asked to replace its value.
func (s *scene) rolled(planned lifecycle.Planned) lifecycle.Planned {
	if _, asked := planned.Decision.(lifecycle.Roll); !asked {
		return planned
	}
	s.observation.Memory.RollAsked = s.memory.rollAsked
	now := lifecycle.Plan(s.observation)
	planned.Usable, planned.Rotating = now.Usable, now.Rotating
	planned.Fulfilled, planned.Settled, planned.Hindrance = now.Fulfilled, now.Settled, now.Hindrance
	return planned
}

// rollFailed notes a replacement in place that gave no value. Where it may have happened, it is not asked for again.
func (r *Reconciler) rollFailed(ctx context.Context, s *scene, d lifecycle.Roll, f *token.Failure) outcome {
	log.FromContext(ctx).Info("the vendor gave no other value", "failure", f.Error(), "class", f.Class.String())
	failed := vendorFailed(f, status.RollProblem(f))
	switch f.Class { //nolint:exhaustive // what is left has not happened
	case token.Ambiguous:
		s.memory.lastCreateEnded = r.Clock.Now()
		r.warn(s.object, EventConsumersCut, "Token "+string(d.ID)+" was to be given another value in place, and no answer tells whether it was: whatever holds its value may be cut off. The next token is issued.")
		if f.Stray != "" && f.Stray != d.ID {
			// Nobody will ever learn its value.
			r.undo(ctx, s, f.Stray)
		}
	case token.RateLimited:
		// It was not asked, and will be soon.
		s.memory.rollAsked = 0
		return failed
	default:
		s.memory.rollAsked, s.memory.rollRefused = 0, d.Sequence
	}
	if f.Class == token.NotFound {
		// The list is behind: the token was revoked since.
		r.wantList(s)
	}
	r.alarm(s, f)
	failed.again = true
	return failed
}

// takePlace keeps others from making a token where this object's makes room for its successor; false where another does so already.
func (r *Reconciler) takePlace(s *scene) bool {
	now := r.Clock.Now()
	return r.Book.TryHold(s.scope, s.object.UID, now, now.Add(lifecycle.AttemptWindow(r.Settings.Settle)))
}

// heldByVacating tells until when nothing is made at a place for the sake of another object there, whose token has made room for its
// successor. Of two that have, one goes first.
func (r *Reconciler) heldByVacating(ctx context.Context, s *scene, held time.Time) (time.Time, error) {
	others, err := accounts.Vacating(ctx, r.Client, s.key)
	if err != nil {
		return held, fmt.Errorf("who has made room: %w", err)
	}
	issuer := emptyIssuer(s.key.Kind)
	if len(others) == 0 {
		return held, nil
	}
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: s.key.Namespace, Name: s.key.Name}, issuer); err != nil {
		return held, fmt.Errorf("get issuer: %w", err)
	}
	for i := range others {
		pool, told := demand.PoolOf(&others[i], issuer.IssuerSpec())
		behind := accounts.IsVacating(s.object) && others[i].UID > s.object.UID
		if !told || pool != s.demand.Pool || others[i].UID == s.object.UID || behind {
			continue
		}
		if until := r.Clock.Now().Add(lifecycle.AttemptWindow(r.Settings.Settle)); until.After(held) {
			held = until
		}
	}
	return held, nil
}
