package issuer

import (
	"cmp"
	"context"
	"errors"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/inventory"
)

// recheck is how soon missing credentials are looked for again; no vendor call is made for it.
const recheck = 15 * time.Second

// probe takes a list if one is due, with the user's own credentials or, where these are gone or refused, with the kept ones.
func (r *Reconciler) probe(ctx context.Context, s *scene) {
	s.account = accounts.Account{UID: s.issuer.GetUID(), Generation: s.issuer.GetGeneration(), URL: apiURL(s.issuer.IssuerSpec()), ID: s.issuer.IssuerStatus().Account}
	before, looked := r.Book.Get(s.issuer)
	s.account.ID = cmp.Or(s.account.ID, before.ID)
	if err := r.readKept(ctx, s); err != nil {
		log.FromContext(ctx).Error(err, "the kept credentials cannot be read")
	}
	same := looked && s.ownProblem == nil && r.known(s, s.own)
	switch {
	case s.ownProblem != nil:
		s.account.Problem = *s.ownProblem
		s.next = s.now.Add(recheck)
		r.probeKept(ctx, s, before, looked)
	case r.heldBack(s) && (!looked || (same && (!before.CanList || before.Limited))):
		r.stayBack(ctx, s, before, looked)
	case same && before.NextList.After(s.now):
		s.carry(before)
		s.next = s.now.Add(min(recheck, before.NextList.Sub(s.now)))
	case same && before.CanList && !before.Limited && r.Inventory.Due(s.scope, s.issuer.IssuerSpec().ListInterval()).After(s.now):
		s.carry(before)
		s.accepted = true
	default:
		r.probeOwn(ctx, s, before, looked)
	}
}

// carry goes on with what was found before, short of what depends on more than the vendor.
func (s *scene) carry(before accounts.Account) {
	if before.Limited && !s.kept.found() {
		// The copy went with the last token that needed it.
		s.account.Problem = before.Problem
		return
	}
	s.account.Vendor, s.account.CanList, s.account.CanRevoke = before.Vendor, before.CanList, before.CanRevoke
	s.account.Limited, s.account.NextList = before.Limited, before.NextList
	if before.Limited || !before.CanList {
		s.account.Problem = before.Problem
	}
}

// heldBack tells whether an earlier failure forbids a vendor call for now, in this process or the one before.
func (r *Reconciler) heldBack(s *scene) bool {
	failure := s.issuer.IssuerStatus().Failure
	return failure != nil && failure.Generation == s.issuer.GetGeneration() && failure.NextAttemptTime != nil && failure.NextAttemptTime.After(s.now)
}

// stayBack says what the failure was, and waits.
func (r *Reconciler) stayBack(ctx context.Context, s *scene, before accounts.Account, looked bool) {
	failure := s.issuer.IssuerStatus().Failure
	s.next = failure.NextAttemptTime.Time
	if looked {
		s.carry(before)
		if s.account.Limited {
			// The kept credentials go on serving meanwhile.
			s.ownHeld = true
			r.probeKept(ctx, s, before, looked)
		}
		return
	}
	s.account.Problem = lifecycle.Problem{Reason: lifecycle.Reason(failure.Reason), Message: failure.Message}
}

// probeOwn uses the user's own credentials.
func (r *Reconciler) probeOwn(ctx context.Context, s *scene, before accounts.Account, looked bool) {
	if r.list(ctx, s, s.own, false) {
		s.accepted = true
		return
	}
	if s.failure != nil && s.failure.Cause == token.CausePaced {
		// Our own pace is nobody's trouble.
		s.next = s.now.Add(max(s.failure.RetryAfter, time.Second))
		s.failure, s.probed, s.paced = nil, false, true
		s.carry(before)
		s.accepted = before.CanList && !before.Limited
		return
	}
	refused := s.failure != nil && (s.failure.Class == token.Unauthorized || s.failure.Class == token.Forbidden)
	if refused && s.kept.found() && !s.kept.equal(s.own) {
		own, problem := s.failure, s.account.Problem
		r.probeKept(ctx, s, before, looked)
		s.failure, s.account.Problem = own, problem
	}
}

// probeKept lists with the kept credentials: enough to revoke with.
func (r *Reconciler) probeKept(ctx context.Context, s *scene, before accounts.Account, looked bool) {
	if !s.kept.found() {
		return
	}
	problem := s.account.Problem
	if looked && before.CanList && before.Limited && r.Inventory.Due(s.scope, s.issuer.IssuerSpec().ListInterval()).After(s.now) {
		s.carry(before)
		s.account.Problem = problem
		return
	}
	if r.heldBack(s) && s.failure == nil && !s.ownHeld {
		s.next = s.issuer.IssuerStatus().Failure.NextAttemptTime.Time
		return
	}
	if r.list(ctx, s, s.kept, true) {
		s.account.Limited = true
	}
	s.account.Problem = problem
}

// list takes one list and notes what it means.
func (r *Reconciler) list(ctx context.Context, s *scene, from bundle, kept bool) bool {
	client, err := r.client(s, from, kept)
	if err != nil {
		s.account.Problem = *problem(v1alpha1.ReasonInvalidURL, "No client can be made from the issuer's spec. Correct its URLs and CA bundle.")
		log.FromContext(ctx).Error(err, "no client for the issuer")
		return false
	}
	s.account.Vendor = client
	s.probed = true
	snapshot, changed, err := r.Inventory.Refresh(ctx, s.scope, client, s.account.ID)
	var other *inventory.OtherAccountError
	if errors.As(err, &other) {
		found := "to the vendor account " + shown(other.Account)
		if other.Account == "" {
			found = "to a vendor account without any token"
		}
		s.account.Problem = *problem(v1alpha1.ReasonAccountChanged, "The credentials lead "+found+", but the issuer's tokens are in "+shown(s.account.ID)+
			". Nothing is created or revoked, and Secrets are untouched. Put back credentials of the account; for another account create another issuer.")
		s.account.NextList = s.now.Add(max(recheck, s.issuer.IssuerSpec().ListInterval()))
		s.next = s.now.Add(recheck)
		return false
	}
	if err != nil {
		s.failure = token.AsFailure(err)
		s.account.Problem = status.VendorProblem(s.failure)
		return false
	}
	s.failure, s.changed = nil, changed
	s.account.CanList, s.account.CanRevoke = true, true
	if s.account.ID == "" {
		s.account.ID = snapshot.Account
	}
	return true
}

// maxShown bounds what of a vendor's identifier is shown.
const maxShown = 64

// shown makes a vendor's identifier fit to be shown: it comes from an answer.
func shown(id string) string {
	clean := make([]rune, 0, maxShown)
	for _, c := range id {
		if len(clean) == maxShown {
			break
		}
		if c == '-' || c == '_' || c == '.' || ('0' <= c && c <= '9') || ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') {
			clean = append(clean, c)
		}
	}
	return string(clean)
}

// sweep revokes tokens of objects that are gone for good: their vendor committed late.
func (r *Reconciler) sweep(ctx context.Context, s *scene) {
	if !s.probed || !s.account.CanRevoke {
		return
	}
	for _, row := range r.Inventory.Latest(s.scope).Rows {
		if row.State == token.Revoked || !r.Book.Released(row, s.now) {
			continue
		}
		if err := s.account.Vendor.Revoke(ctx, row.ID); err != nil {
			log.FromContext(ctx).Error(err, "a token that the vendor committed after its GatewayToken was gone cannot be revoked", "id", row.ID)
			continue
		}
		log.FromContext(ctx).Info("revoked a token that the vendor committed after its GatewayToken was gone", "id", row.ID, "tokenName", row.Name)
	}
}
