package issuer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// mostRevokedAtOnce is how many orphans one look at an issuer revokes.
const mostRevokedAtOnce = 5

// doubts are the conditions of an issuer, by type or reason, under which nobody knows whose the account's tokens are: then no orphan is
// revoked, whoever says so.
var doubts = []string{v1alpha1.ReasonAccountChanged, v1alpha1.ConditionMassDisappearance, v1alpha1.ConditionIdentityConflict}

// word is what this process knows of a person's word to revoke orphans.
type word struct {
	digest string
	// at is when this process read it: what the lists before it showed does not count.
	at time.Time
	// tries are the revocations that were asked for, by what the annotation calls the orphan.
	tries map[string]try
}

// try tells how often a revocation was asked for, when it may be asked for again, and why it came to nothing.
type try struct {
	count   int32
	next    time.Time
	failure string
}

// verdict is what became of one part of a person's word.
type verdict struct {
	name string
	is   state
	// why is said in brackets; empty where nothing is to be added.
	why string
	// row is what is to be revoked.
	row orphanRow
}

// state is how far a part of a person's word has come.
type state int

const (
	// refused: nothing is done for it.
	refused state = iota + 1
	// pending: it is revoked, or will be, and lists have not shown yet that it is gone.
	pending
	// ready: it is to be revoked now.
	ready
	// done: it is seen to be gone.
	done
)

// describeOrphans tells of orphans, and carries out a person's word about them. It comes after the other conditions, for they may forbid
// it.
func (r *Reconciler) describeOrphans(ctx context.Context, s *scene, next *v1alpha1.TokenIssuerStatus) error {
	verdicts, err := r.obey(ctx, s, next)
	if err != nil {
		return err
	}
	observed := r.observedBy(next.Orphans, s.now)
	if next.Inventory != nil {
		r.Metrics.Orphaned(s.key.Kind, s.key.Namespace, s.key.Name, int(next.Inventory.Orphaned), len(observed))
	}
	condition := r.orphanedCondition(observed, verdicts)
	before := meta.FindStatusCondition(next.Conditions, v1alpha1.ConditionOrphaned).DeepCopy()
	if condition.Reason == "" {
		meta.RemoveStatusCondition(&next.Conditions, v1alpha1.ConditionOrphaned)
		return nil
	}
	s.put(next, condition)
	if before == nil || before.Reason != condition.Reason || before.Message != status.Cut(condition.Message) {
		r.tell(s, condition)
	}
	return nil
}

// tell writes an event beside a condition.
func (r *Reconciler) tell(s *scene, condition metav1.Condition) {
	kind := corev1.EventTypeNormal
	if condition.Reason == v1alpha1.ReasonOrphansObserved || condition.Reason == v1alpha1.ReasonOrphanRevocationRefused {
		kind = corev1.EventTypeWarning
	}
	r.Recorder.Eventf(s.issuer, nil, kind, condition.Reason, condition.Reason, "%s", status.Cut(condition.Message))
}

// orphanedCondition says what is to be said of orphans; without a reason where that is nothing.
func (r *Reconciler) orphanedCondition(observed []v1alpha1.Orphan, verdicts []verdict) metav1.Condition {
	condition := metav1.Condition{Type: v1alpha1.ConditionOrphaned, Status: metav1.ConditionFalse}
	if len(observed) > 0 {
		condition.Status = metav1.ConditionTrue
	}
	no, open, over := those(verdicts, refused), those(verdicts, pending), those(verdicts, done)
	switch {
	case open != "":
		condition.Status, condition.Reason = metav1.ConditionTrue, v1alpha1.ReasonRevokingOrphans
	case no != "":
		condition.Reason = v1alpha1.ReasonOrphanRevocationRefused
	case len(observed) > 0:
		condition.Reason = v1alpha1.ReasonOrphansObserved
	case over != "":
		condition.Reason = v1alpha1.ReasonOrphansRevoked
	}
	var parts []string
	for _, part := range []struct{ begins, with string }{{"Not revoked: ", no}, {"Being revoked: ", open}, {"Seen to be revoked: ", over}} {
		if part.with != "" {
			parts = append(parts, part.begins+part.with+".")
		}
	}
	if len(observed) > 0 {
		parts = append(parts, fmt.Sprintf("For %s and longer, active tokens of this installation have had nothing in %s that accounts for them: %s. status.orphans tells more. "+
			"Find out whether anybody uses them; to have them revoked, set the annotation %s to their IDs.", lasting(r.OrphanRest), r.whereLooked(), few(idsOf(observed)), v1alpha1.AnnotationRevokeOrphans))
	}
	condition.Message = strings.Join(parts, " ")
	return condition
}

// whereLooked is where the operator sees what accounts for a token.
func (r *Reconciler) whereLooked() string {
	switch count := len(r.Namespaces); {
	case count == 0:
		return "the cluster"
	case count > mostNamed:
		return fmt.Sprintf("the namespaces %s and %d more, and no other was looked at,", strings.Join(r.Namespaces[:mostNamed], ", "), count-mostNamed)
	default:
		return "the namespaces " + strings.Join(r.Namespaces, ", ") + ", and no other was looked at,"
	}
}

// those names the parts of a word that have come that far; empty for none.
func those(verdicts []verdict, far state) string {
	var named []string
	for _, v := range verdicts {
		if v.is != far {
			continue
		}
		text := shown(v.name)
		if v.why != "" {
			text += " (" + v.why + ")"
		}
		named = append(named, text)
	}
	return strings.Join(named, ", ")
}

// obey carries out a person's word about orphans as far as it goes, and tells what became of each part of it.
func (r *Reconciler) obey(ctx context.Context, s *scene, next *v1alpha1.TokenIssuerStatus) ([]verdict, error) {
	named := v1alpha1.OrphansToRevoke(s.issuer.GetAnnotations())
	if len(named) == 0 {
		next.OrphanRevocation, s.memory.word = nil, word{}
		return nil, nil
	}
	r.hear(s, next, named)
	if len(named) > v1alpha1.MaxRevokedOrphans {
		why := fmt.Sprintf("the annotation names %d tokens, and may name %d", len(named), v1alpha1.MaxRevokedOrphans)
		return []verdict{{name: "all", is: refused, why: why}}, nil
	}
	verdicts := make([]verdict, 0, len(named))
	for _, name := range named {
		verdicts = append(verdicts, r.judge(s, next, name))
	}
	return verdicts, r.revokeReady(ctx, s, verdicts)
}

// hear notes a word that is new, and asks for lists that begin later than that.
func (r *Reconciler) hear(s *scene, next *v1alpha1.TokenIssuerStatus, named []string) {
	sum := sha256.Sum256([]byte(s.issuer.GetAnnotations()[v1alpha1.AnnotationRevokeOrphans]))
	digest := hex.EncodeToString(sum[:8])
	if next.OrphanRevocation == nil || next.OrphanRevocation.RequestDigest != digest {
		heard := &v1alpha1.OrphanRevocation{RequestDigest: digest, Seen: metav1.NewTime(s.now.Truncate(time.Second))}
		if before := next.OrphanRevocation; before != nil {
			// What was done for the word before needs no doing again.
			heard.Revoked = slices.DeleteFunc(before.Revoked, func(name string) bool { return !slices.Contains(named, name) })
		}
		next.OrphanRevocation = heard
	}
	if s.memory.word.digest != digest {
		s.memory.word = word{digest: digest, at: r.Clock.Now(), tries: map[string]try{}}
		r.wantLists(s)
	}
}

// judge tells what is to be done for one part of a word.
func (r *Reconciler) judge(s *scene, next *v1alpha1.TokenIssuerStatus, name string) verdict {
	if r.over(s, next.OrphanRevocation, name) {
		return verdict{name: name, is: done}
	}
	entries := slices.DeleteFunc(slices.Clone(next.Orphans), func(o v1alpha1.Orphan) bool { return !calls(name, o) })
	switch {
	case len(entries) == 0 && (!s.account.CanList || !r.listedSince(s, s.memory.word.at)):
		return verdict{name: name, is: pending, why: "lists are read first"}
	case len(entries) == 0:
		return verdict{name: name, is: refused, why: "it is not in status.orphans"}
	case len(entries) > 1:
		return verdict{name: name, is: refused, why: "two pools have a token of that ID: say <pool>/<id>"}
	case len(r.observedBy(entries, next.OrphanRevocation.Seen.Time)) == 0:
		why := fmt.Sprintf("it had not been seen for %s when the annotation was read: remove that, and set it again after %s", lasting(r.OrphanRest), entries[0].FirstSeen.Add(r.OrphanRest).UTC().Format(time.RFC3339))
		return verdict{name: name, is: refused, why: why}
	}
	return r.judgeOrphan(s, next, name, entries[0])
}

// judgeOrphan tells whether an orphan that a person named can be revoked now.
func (r *Reconciler) judgeOrphan(s *scene, next *v1alpha1.TokenIssuerStatus, name string, orphan v1alpha1.Orphan) verdict {
	wait := verdict{name: name, is: pending}
	p := s.memory.pools[orphan.Pool]
	latest := r.Inventory.Latest(accounts.Scope(s.memory.uid, orphan.Pool))
	row, listed := latest.Rows[token.ID(orphan.ID)]
	tried := s.memory.word.tries[name]
	switch doubt := doubtAbout(next.Conditions); {
	case doubt != "":
		wait.why = "not while the issuer says " + doubt
	case !s.account.CanRevoke || p == nil || p.vendor == nil:
		wait.why = "not while the vendor cannot be used"
	case !latest.BegunAfter(s.memory.word.at):
		wait.why = "lists are read first"
	case !listed || row.State == token.Revoked:
		// The list after this one tells for certain.
	case r.Clock.Now().Before(tried.next):
		wait.why = tried.failure
		s.retryBy(tried.next)
	default:
		wait.is, wait.row = ready, orphanRow{row, orphan.Pool}
	}
	return wait
}

// over tells whether what a word names is seen to be revoked, now or before.
func (r *Reconciler) over(s *scene, became *v1alpha1.OrphanRevocation, name string) bool {
	if slices.Contains(became.Revoked, status.Cut(name)) {
		return true
	}
	at := slices.IndexFunc(r.observedBy(s.vanished, became.Seen.Time), func(o v1alpha1.Orphan) bool { return calls(name, o) })
	if at < 0 {
		return false
	}
	became.Revoked = append(became.Revoked, status.Cut(name))
	r.Metrics.Revoked(s.key.Kind, s.key.Namespace, s.key.Name)
	return true
}

// calls tells whether a person's word means that orphan.
func calls(name string, orphan v1alpha1.Orphan) bool {
	return name == orphan.ID || (orphan.Pool != "" && name == orphan.Pool+"/"+orphan.ID)
}

// doubtAbout finds what the issuer says that leaves in doubt whose its tokens are; empty for nothing.
func doubtAbout(conditions []metav1.Condition) string {
	for _, condition := range conditions {
		typed := slices.Contains(doubts, condition.Type)
		if (typed && condition.Status != metav1.ConditionFalse) || (!typed && slices.Contains(doubts, condition.Reason)) {
			if typed {
				return condition.Type
			}
			return condition.Reason
		}
	}
	return ""
}

// revokeReady revokes what is ready, a few at a time, unless the API server itself tells of something that accounts for it.
func (r *Reconciler) revokeReady(ctx context.Context, s *scene, verdicts []verdict) error {
	turn := r.inTurn(s, verdicts)
	if len(turn) == 0 {
		return nil
	}
	if stands, err := r.stands(ctx, s); err != nil || !stands {
		// The cache is behind: what the person says now is on its way.
		for _, v := range turn {
			v.is, v.why = pending, s.memory.word.tries[v.name].failure
		}
		return err
	}
	rows := make([]orphanRow, 0, len(turn))
	for _, v := range turn {
		rows = append(rows, v.row)
	}
	holders, err := r.holders(ctx, rows)
	if err != nil {
		return err
	}
	for _, v := range turn {
		if by := holders[v.row.where()]; by != "" {
			v.is, v.why = refused, by+" has it"
			continue
		}
		v.is, v.why = pending, r.revokeOrphan(ctx, s, v.name, v.row)
	}
	return nil
}

// inTurn are those that this look is to revoke; the others have the next.
func (r *Reconciler) inTurn(s *scene, verdicts []verdict) []*verdict {
	var turn []*verdict
	for i := range verdicts {
		switch {
		case verdicts[i].is != ready:
		case len(turn) < mostRevokedAtOnce:
			turn = append(turn, &verdicts[i])
		default:
			verdicts[i].is = pending
			s.retryBy(r.Clock.Now())
		}
	}
	return turn
}

// stands asks the API server itself whether the word is still said of this very issuer, and nothing has come up that forbids it.
func (r *Reconciler) stands(ctx context.Context, s *scene) (bool, error) {
	live := r.New()
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(s.issuer), live); err != nil {
		return false, fmt.Errorf("get issuer: %w", err)
	}
	same := live.GetUID() == s.issuer.GetUID() && live.GetAnnotations()[v1alpha1.AnnotationRevokeOrphans] == s.issuer.GetAnnotations()[v1alpha1.AnnotationRevokeOrphans]
	return same && doubtAbout(live.IssuerStatus().Conditions) == "", nil
}

// revokeOrphan asks the vendor for the revocation, and for a list that tells what came of it. It gives why nothing did, so far.
func (r *Reconciler) revokeOrphan(ctx context.Context, s *scene, name string, row orphanRow) (why string) {
	log.FromContext(ctx).Info("revoking an orphan, as a person said", "id", row.ID, "tokenName", row.Name, "pool", row.pool)
	failure := token.AsFailure(s.memory.pools[row.pool].vendor.Revoke(ctx, row.ID))
	tried := s.memory.word.tries[name]
	defer func() { s.memory.word.tries[name] = tried; s.retryBy(tried.next) }()
	if failure != nil && failure.Cause == token.CausePaced {
		tried.next = r.Clock.Now().Add(max(failure.RetryAfter, time.Second))
		return ""
	}
	var atLeast time.Duration
	tried.failure = ""
	if failure != nil && failure.Class != token.NotFound {
		log.FromContext(ctx).Error(failure, "the orphan was not revoked", "id", row.ID)
		tried.failure, atLeast = "the vendor has not confirmed it: "+failure.Class.String(), failure.RetryAfter
	} else {
		r.Inventory.Ended(accounts.Scope(s.memory.uid, row.pool), row.ID)
	}
	tried.count++
	tried.next = r.Clock.Now().Add(status.BackOff(status.VendorTrouble, tried.count, string(s.issuer.GetUID()), atLeast))
	r.want(s, row.pool)
	return tried.failure
}
