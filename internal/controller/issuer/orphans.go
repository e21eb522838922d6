package issuer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

const (
	// maxOrphans is how many orphans a status names.
	maxOrphans = 100
	// mostNamed is how many IDs a sentence names.
	mostNamed = 5
)

// orphanRow is a token that a list shows as nobody's, and where.
type orphanRow struct {
	token.Token
	pool string
}

// matches tells whether an entry of the status is about it.
func (o orphanRow) matches(entry v1alpha1.Orphan) bool {
	return entry.Pool == o.pool && entry.ID == status.Cut(string(o.ID))
}

// where names a token among those of all pools, whose IDs may be the same.
func (o orphanRow) where() string { return o.pool + "/" + string(o.ID) }

// noteOrphans keeps since when lists have shown each orphan.
func (r *Reconciler) noteOrphans(s *scene, next *v1alpha1.TokenIssuerStatus) {
	var noted []v1alpha1.Orphan
	for _, entry := range next.Orphans {
		switch r.fateOf(s, entry) {
		case orphanStays:
			noted = append(noted, entry)
		case orphanGone:
			s.vanished = append(s.vanished, entry)
		case orphanAccounted:
		}
	}
	now := metav1.NewTime(s.now.Truncate(time.Second))
	for _, row := range s.orphaned {
		if !slices.ContainsFunc(noted, row.matches) {
			noted = append(noted, v1alpha1.Orphan{ID: status.Cut(string(row.ID)), Name: status.Cut(row.Name), Pool: row.pool, FirstSeen: now})
		}
	}
	slices.SortFunc(noted, func(a, b v1alpha1.Orphan) int {
		return cmp.Or(a.FirstSeen.Compare(b.FirstSeen.Time), cmp.Compare(a.Pool, b.Pool), cmp.Compare(a.ID, b.ID))
	})
	next.Orphans = noted[:min(len(noted), maxOrphans)]
}

// fate is what the latest lists say of an orphan that the status names.
type fate int

const (
	// orphanStays: they show it, or do not prove anything else.
	orphanStays fate = iota + 1
	// orphanGone: it is revoked, by whomever.
	orphanGone
	// orphanAccounted: something in the cluster accounts for it now.
	orphanAccounted
)

// fateOf tells what became of an orphan. What a single list lacks stays: it may be back in the next.
func (r *Reconciler) fateOf(s *scene, entry v1alpha1.Orphan) fate {
	if slices.ContainsFunc(s.orphaned, func(row orphanRow) bool { return row.matches(entry) }) {
		return orphanStays
	}
	p := s.memory.pools[entry.Pool]
	if p == nil {
		return orphanStays
	}
	latest := r.Inventory.Latest(accounts.Scope(s.memory.uid, entry.Pool))
	row, listed := latest.Rows[token.ID(entry.ID)]
	switch {
	case p.gone, listed && row.State == token.Revoked, !listed && latest.LackedTwice(token.ID(entry.ID), entry.FirstSeen.Time):
		return orphanGone
	case listed:
		return orphanAccounted
	default:
		return orphanStays
	}
}

// observedBy are the orphans that had been seen for long enough at an instant.
func (r *Reconciler) observedBy(orphans []v1alpha1.Orphan, at time.Time) []v1alpha1.Orphan {
	return slices.DeleteFunc(slices.Clone(orphans), func(o v1alpha1.Orphan) bool { return at.Before(o.FirstSeen.Add(r.OrphanRest)) })
}

// idsOf are what a message calls some orphans.
func idsOf(orphans []v1alpha1.Orphan) []string {
	ids := make([]string, 0, len(orphans))
	for _, orphan := range orphans {
		ids = append(ids, orphan.ID)
	}
	return ids
}

// few names the first of many.
func few(ids []string) string {
	var named []string
	for _, id := range ids[:min(len(ids), mostNamed)] {
		named = append(named, shown(id))
	}
	if more := len(ids) - mostNamed; more > 0 {
		named = append(named, fmt.Sprintf("%d more", more))
	}
	return strings.Join(named, ", ")
}

// lasting says a duration without parts that are zero.
func lasting(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// listedSince tells whether every list of the issuer began after an instant.
func (r *Reconciler) listedSince(s *scene, at time.Time) bool {
	return !slices.ContainsFunc(s.pools, func(name string) bool {
		p := s.memory.pools[name]
		return !p.mute() && !p.gone && !r.Inventory.Latest(accounts.Scope(s.memory.uid, name)).BegunAfter(at)
	})
}

// wantLists asks for lists of all pools that begin from now on.
func (r *Reconciler) wantLists(s *scene) {
	for _, name := range s.pools {
		if p := s.memory.pools[name]; !p.mute() {
			r.want(s, name)
		}
	}
}

func (r *Reconciler) want(s *scene, pool string) {
	_ = r.Inventory.Want(accounts.Scope(s.memory.uid, pool), r.Clock.Now())
}

// retryBy has the issuer looked at again then, if not sooner.
func (s *scene) retryBy(at time.Time) {
	if s.tryAgain.IsZero() || at.Before(s.tryAgain) {
		s.tryAgain = at
	}
}
