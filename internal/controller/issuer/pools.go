package issuer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/inventory"
)

// lateness is how long a pool is listed after its last GatewayToken is gone: a create may be carried out late, and the name of what
// comes of it tells whose it was.
const lateness = accounts.ReleaseMemory

// dropPools forgets the pools that no GatewayToken uses any more, and makes room for new ones.
func (r *Reconciler) dropPools(s *scene) {
	for _, name := range s.pools {
		s.memory.needed[name] = s.now
	}
	for name, p := range s.memory.pools {
		named := p.vendor != nil && p.vendor.Capabilities().Named
		if named && !slices.Contains(s.pools, name) && s.now.Sub(s.memory.needed[name]) < lateness {
			s.pools = append(s.pools, name)
		}
	}
	slices.Sort(s.pools)
	for name := range s.memory.pools {
		if !slices.Contains(s.pools, name) {
			r.Inventory.Forget(accounts.Scope(s.memory.uid, name))
			delete(s.memory.pools, name)
			delete(s.memory.needed, name)
		}
	}
	for _, name := range s.pools {
		if s.memory.pools[name] == nil {
			s.memory.pools[name] = &pool{}
		}
	}
}

// due tells when the next list, of whichever pool, is to begin. Where no pool is used, the vendor is asked from time to time
// whether it accepts the credentials.
func (r *Reconciler) due(s *scene) time.Time {
	var due time.Time
	for _, name := range s.pools {
		if at := r.poolDue(s, name); !s.memory.pools[name].mute() && (due.IsZero() || at.Before(due)) {
			due = at
		}
	}
	if due.IsZero() {
		return s.memory.checked.Add(s.issuer.IssuerSpec().ListInterval())
	}
	return due
}

// mute tells whether the pool has no list.
func (p *pool) mute() bool { return p.vendor != nil && !p.vendor.Capabilities().Listable }

func (r *Reconciler) poolDue(s *scene, name string) time.Time {
	return later(r.Inventory.Due(accounts.Scope(s.memory.uid, name), s.issuer.IssuerSpec().ListInterval()), s.memory.pools[name].held)
}

// listAll takes the lists that are due with some credentials. The error concerns the credentials or the vendor as a whole; what
// concerns one pool is noted there.
func (r *Reconciler) listAll(ctx context.Context, s *scene, which source, vendor vendors.Vendor) error {
	pooled, ok := vendor.(vendors.Pooled)
	if !ok {
		err := r.list(ctx, s, which, "", vendor)
		if err == nil {
			s.memory.pools[""].vendor, s.memory.pools[""].listed = vendor, true
		}
		return err
	}
	taken := s.memory.turns.serves == which && !s.memory.turns.fresh
	mute := !slices.ContainsFunc(s.pools, func(name string) bool { return !s.memory.pools[name].mute() })
	if mute || !taken {
		if err := pooled.Check(ctx); err != nil {
			return fmt.Errorf("check the credentials: %w", err)
		}
		s.memory.checked = r.Clock.Now()
	}
	for _, name := range s.pools {
		if err := r.listPool(ctx, s, which, name, pooled); err != nil {
			return err
		}
	}
	return nil
}

// listPool takes the list of one pool if it is due, or if the client is another than the one that took the list before. Only a list
// lets the client in.
func (r *Reconciler) listPool(ctx context.Context, s *scene, which source, name string, from vendors.Pooled) error {
	p := s.memory.pools[name]
	same := p.vendor != nil && p.from == from
	if same && (p.mute() || r.poolDue(s, name).After(r.Clock.Now())) {
		return nil
	}
	vendor := p.vendor
	if !same {
		var err error
		if vendor, err = from.Pool(name); err != nil {
			p.vendor, p.held = nil, r.Clock.Now().Add(recheck)
			p.problem = *problem(string(lifecycle.ReasonVendorMismatch), "There is no such place at the vendor to take a token from: correct the GatewayToken's vendor block.")
			return nil //nolint:nilerr // it concerns this pool only, and is told there
		}
	}
	mute := !vendor.Capabilities().Listable
	err := r.listOrLocate(ctx, s, which, name, vendor, from)
	failure := token.AsFailure(err)
	switch {
	case failure == nil:
		healed := p.problem.Reason
		*p = pool{vendor: vendor, from: from, listed: true}
		s.memory.relieve(healed)
		return nil
	case concernsAll(failure) || errors.As(err, new(*inventory.OtherAccountError)):
		return err
	default:
		p.failures++
		p.listed = p.listed && same
		p.problem, p.gone = status.PoolProblem(failure), failure.Cause == token.CauseGone
		p.held = r.Clock.Now().Add(s.poolPause(name, failure))
		switch {
		case mute:
			// It is asked for again.
			p.vendor = nil
		case p.vendor == nil:
			p.vendor, p.from = vendor, from
		}
		return nil
	}
}

// listOrLocate takes the list of a pool. Where there is none, other credentials than those that its tokens were made with must show that
// they lead to it: elsewhere the vendor knows no such token, and what is deleted would count as revoked.
func (r *Reconciler) listOrLocate(ctx context.Context, s *scene, which source, name string, vendor vendors.Vendor, from vendors.Pooled) error {
	if vendor.Capabilities().Listable {
		return r.list(ctx, s, which, name, vendor)
	}
	if s.likeCopied(which) || len(s.idsIn(name)) == 0 {
		return nil
	}
	held, err := from.Holds(ctx, name)
	if err == nil && !held {
		return &inventory.OtherAccountError{}
	}
	return err //nolint:wrapcheck // it says what failed
}

// concernsAll tells whether a list that failed says something of the credentials or of the vendor as a whole, and not of the one
// pool: a vendor that answers, and only there not as it should, serves the others.
func concernsAll(failure *token.Failure) bool {
	answered := (failure.Status != 0 && failure.Cause != token.CauseLogin) || failure.Cause == token.CauseUnexpected || failure.Cause == token.CauseTooLarge
	return failure.Cause == token.CausePaced || (status.ConcernsIssuer(failure) && (failure.Class != token.Unavailable || !answered))
}

// list takes one list, and notes whose rows changed.
func (r *Reconciler) list(ctx context.Context, s *scene, which source, name string, vendor vendors.Vendor) error {
	expect := s.expectation(which, name, vendor)
	expect.Calm, expect.Foreign, expect.Uses = r.LeaderSince().Add(r.Settle), s.toldForeign(), r.usesIn(ctx, s, name)
	snapshot, changed, err := r.Inventory.Refresh(ctx, accounts.Scope(s.memory.uid, name), vendor, expect)
	if err != nil {
		return err //nolint:wrapcheck // it says what failed
	}
	for _, object := range changed {
		s.changed = append(s.changed, change{pool: name, object: object})
	}
	s.noteLacking(name, snapshot, vendor.Capabilities())
	s.account.ID = cmp.Or(s.account.ID, snapshot.Account)
	return nil
}

// expectation is what is known of the account that a pool's list is to be of.
func (s *scene) expectation(which source, name string, vendor vendors.Vendor) inventory.Expectation {
	spec := s.issuer.IssuerSpec()
	if showsAccount(spec) {
		return inventory.Expectation{Pin: s.account.ID}
	}
	p := s.memory.pools[name]
	return inventory.Expectation{
		Untold: true, Known: s.idsIn(name), Doubt: s.doubtIn(name),
		Same: placeIsPool(spec) || (p.listed && p.vendor == vendor) || s.likeCopied(which),
	}
}

// likeCopied tells whether some credentials lead where those lead that the vendor accepted last, perhaps in the time of another
// process: they are the same, at the same URL.
func (s *scene) likeCopied(which source) bool {
	spec := s.issuer.IssuerSpec()
	if !s.copied.found() || s.copied.url != apiURL(spec) {
		return false
	}
	return which == kept || placeIsURL(spec) || s.copied.sameCredentials(s.own)
}

// idsIn are the tokens in a pool that the GatewayTokens' statuses tell of.
func (s *scene) idsIn(pool string) []token.ID {
	var ids []token.ID
	for _, object := range s.tokensIn(pool) {
		if object.Status.Current != nil {
			ids = append(ids, token.ID(object.Status.Current.ID))
		}
		for _, retiring := range object.Status.Retiring {
			ids = append(ids, token.ID(retiring.ID))
		}
	}
	return ids
}

// doubtIn tells whether a create may have left a token in a pool that no list has shown.
func (s *scene) doubtIn(pool string) bool {
	return slices.ContainsFunc(s.tokensIn(pool), func(object v1alpha1.GatewayToken) bool { return object.Status.Attempt != nil })
}

// unproven finds a pool with tokens of which the credentials have not shown that they lead to it.
func (s *scene) unproven() *pool {
	for _, name := range s.pools {
		p := s.memory.pools[name]
		if !p.listed && !p.gone && !p.mute() && len(s.idsIn(name)) > 0 {
			return p
		}
	}
	return nil
}

// noteLacking notes whose token a list lacks, where lists lack what is revoked: what that proves depends on the list, and rows that the
// list before it lacked already are no change that would tell anybody.
func (s *scene) noteLacking(pool string, snapshot token.Snapshot, can token.Capabilities) {
	if can.KeepsRevoked {
		return
	}
	for _, object := range s.tokensIn(pool) {
		if object.Status.Current == nil {
			continue
		}
		if _, listed := snapshot.Rows[token.ID(object.Status.Current.ID)]; !listed {
			s.lacking = append(s.lacking, object)
		}
	}
}

// found is what was found of each pool; nil at a vendor without pools.
func (m *memory) found() map[string]accounts.Pool {
	if _, ok := m.vendor.(vendors.Pooled); !ok {
		return nil
	}
	found := map[string]accounts.Pool{}
	for name, p := range m.pools {
		if p.vendor != nil || p.problem.Reason != "" {
			found[name] = accounts.Pool{Vendor: p.vendor, Problem: p.problem, Gone: p.gone}
		}
	}
	return found
}
