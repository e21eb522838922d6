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
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/inventory"
)

// recheck is how soon credentials that do not serve are looked for again where they cannot be watched; no vendor call is made for it.
const recheck = 15 * time.Second

// maxAsked bounds the lists of one look: the kept credentials tell whose account it is, the user's are refused, the kept serve.
const maxAsked = 3

// probe takes the lists that are due, and says what the account can be used for.
func (r *Reconciler) probe(ctx context.Context, s *scene) {
	before, _ := r.Book.Get(s.issuer)
	s.account = accounts.Account{
		UID: s.issuer.GetUID(), Generation: s.issuer.GetGeneration(), URL: apiURL(s.issuer.IssuerSpec()),
		ID: cmp.Or(s.issuer.IssuerStatus().Account, before.ID), CanMint: before.CanMint,
	}
	if err := r.readKept(ctx, s); err != nil {
		log.FromContext(ctx).Error(err, "the kept credentials cannot be read")
	}
	s.memory = r.remember(s)
	s.memory.note(s)
	r.dropPools(s)
	for range r.mostAsked() {
		which, at := s.memory.turns.next(r.means(s))
		if which == nobody || at.After(r.Clock.Now()) {
			break
		}
		r.ask(ctx, s, which)
	}
	s.conclude()
	if r.Halted != "" {
		s.account.CanMint, s.account.CanList, s.account.CanRevoke = false, false, false
		s.account.Problem = *problem(v1alpha1.ReasonClusterCloned, r.Halted)
	}
}

// mostAsked is how many lists a look may take.
func (r *Reconciler) mostAsked() int {
	if r.Halted != "" {
		return 0
	}
	return maxAsked
}

// means is what there is to ask the vendor with now, and for.
func (r *Reconciler) means(s *scene) means {
	usable := s.ownProblem == nil
	return means{
		own: usable, kept: s.kept.found() && (!usable || !s.kept.equal(s.own)),
		pinned: s.account.ID != "" || !showsAccount(s.issuer.IssuerSpec()),
		due:    r.due(s),
	}
}

// conclude says what the account can be used for, and why not for more.
func (s *scene) conclude() {
	m := s.memory
	s.accepted = m.turns.serves == own && !m.turns.fresh
	if s.accepted {
		m.acceptedSpec = m.lastSpec
	}
	s.account.Vendor = m.vendor
	s.account.CanList = m.turns.serves != nobody
	s.account.CanRevoke = s.account.CanList
	s.account.Limited = m.turns.serves == kept
	s.account.CanMint = s.account.CanMint && m.turns.serves == own
	s.account.Pools = m.found()
	switch {
	case s.accepted, s.account.CanMint:
	case s.ownProblem != nil:
		s.account.Problem = *s.ownProblem
	case m.trouble.Reason != "":
		s.account.Problem = m.trouble
	default:
		s.account.Problem = *notAskedYet()
	}
}

func notAskedYet() *lifecycle.Problem {
	return problem(v1alpha1.ReasonIssuerNotReady, "The vendor is about to be asked whether it accepts the credentials.")
}

// ask takes one list with some credentials, and notes what it means for them.
func (r *Reconciler) ask(ctx context.Context, s *scene, which source) {
	m := s.memory
	vendor, err := r.connect(s, which)
	if err != nil {
		log.FromContext(ctx).Error(err, "no client for the issuer")
		if which == own {
			m.trouble = *problem(v1alpha1.ReasonInvalidURL, "No client can be made from the issuer's spec. Correct its URLs and CA bundle.")
		}
		m.turns.failed(which, which == kept, r.Clock.Now().Add(recheck))
		return
	}
	began := r.Clock.Now()
	err = r.listAll(ctx, s, which, vendor)
	failure := token.AsFailure(err)
	if failure != nil && failure.Cause == token.CausePaced {
		m.turns.wait(r.Clock.Now().Add(max(failure.RetryAfter, time.Second)))
		// What the lists before it showed is told all the same.
		s.probed = s.probed || len(s.changed) > 0
		return
	}
	s.probed = true
	var other *inventory.OtherAccountError
	switch {
	case errors.As(err, &other):
		m.trouble = *elsewhere(s.account.ID, other.Account)
		m.turns.misled(which, r.Clock.Now().Add(max(recheck, s.issuer.IssuerSpec().ListInterval())))
	case failure != nil:
		r.failed(s, which, failure)
	default:
		if m.turns.serves == own {
			m.turns.mayHaveCreated(r.Clock.Now().Add(r.Settle))
		}
		m.turns.listed(which, began)
		if which == own {
			s.failure, m.trouble = nil, lifecycle.Problem{}
		}
	}
	if m.turns.serves == which || (m.turns.serves == nobody && which == own) {
		m.vendor = vendor
	}
}

// failed notes a list that the vendor did not give, and waits longer each time.
func (r *Reconciler) failed(s *scene, which source, failure *token.Failure) {
	refused := failure.Class == token.Unauthorized || failure.Class == token.Forbidden
	if s.failure == nil {
		s.failures = 1
		if before := s.issuer.IssuerStatus().Failure; before != nil && before.Generation == s.issuer.GetGeneration() && (which == kept || !s.memory.turns.fresh) {
			s.failures = before.Count + 1
		}
	}
	if s.failure == nil || which == own {
		s.failure = failure
	}
	wait := status.BackOff(status.VendorTrouble, s.failures, string(s.issuer.GetUID()), failure.RetryAfter)
	// The API keeps whole seconds.
	s.retryAt = r.Clock.Now().Add(wait + time.Second).Truncate(time.Second)
	if which == own || s.memory.turns.mustLearn(r.means(s)) {
		s.memory.trouble = status.VendorProblem(failure)
	}
	s.memory.turns.failed(which, refused, s.retryAt)
}

func elsewhere(pinned, found string) *lifecycle.Problem {
	lead := "to the vendor account " + shown(found)
	if found == "" {
		lead = "to a vendor account that shows none of the tokens that were there before"
	}
	place := shown(pinned)
	if place == "" {
		place = "another"
	}
	return problem(v1alpha1.ReasonAccountChanged, "The credentials lead "+lead+", but the issuer's tokens are in "+place+
		". Nothing is created or revoked, and Secrets are untouched. Put back credentials of the account; for another account create another issuer.")
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
	if !s.probed || !s.account.CanRevoke || s.account.Disputed || s.account.Missing {
		return
	}
	for _, name := range s.pools {
		if vendor := s.memory.pools[name].vendor; vendor != nil {
			r.sweepPool(ctx, s, name, vendor)
		}
	}
}

func (r *Reconciler) sweepPool(ctx context.Context, s *scene, name string, vendor vendors.Vendor) {
	for _, row := range r.Inventory.Latest(accounts.Scope(s.memory.uid, name)).Rows {
		if row.State == token.Revoked || !r.Book.Released(row, s.now) {
			continue
		}
		r.Inventory.Ending(row.ID)
		if err := vendor.Revoke(ctx, row.ID); err != nil {
			log.FromContext(ctx).Error(err, "a token that the vendor committed after its GatewayToken was gone cannot be revoked", "id", row.ID)
			continue
		}
		r.Inventory.Ended(accounts.Scope(s.memory.uid, name), row.ID)
		log.FromContext(ctx).Info("revoked a token that the vendor committed after its GatewayToken was gone", "id", row.ID, "tokenName", row.Name)
	}
}
