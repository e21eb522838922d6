package issuer

import (
	"cmp"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// mostUnused is how many unused tokens a status names.
const mostUnused = 10

// unused are the active tokens that nobody has used for long, where the vendor shows when they were used. Names of tokens that are not ours
// are left out: whoever may read the issuer need not know who else has an account there.
type unused struct {
	now time.Time
	// shown: some list told of it; shows and pool are those of the list that is looked at.
	shown, shows bool
	pool         string
	all          []unusedRow
	others       int
}

type unusedRow struct {
	token.Token
	pool, owner string
}

// in begins with the list of a pool.
func (i *unused) in(name string, of *pool, snapshot token.Snapshot) {
	i.pool = name
	i.shows = of != nil && of.vendor != nil && of.vendor.Capabilities().ShowsLastUse
	i.shown = i.shown || (i.shows && snapshot.Taken())
	i.others += snapshot.UnmanagedUnused
}

// ours notes a token of this installation.
func (i *unused) ours(row token.Token, owner string) {
	if i.shows && row.Unused(i.now) {
		i.all = append(i.all, unusedRow{row, i.pool, owner})
	}
}

// unmanaged notes a row without a name that nothing says to be ours.
func (i *unused) unmanaged(row token.Token) {
	if i.shows && row.Unused(i.now) {
		i.others++
	}
}

// told is what the status says; nil where nothing is known.
func (i *unused) told() *v1alpha1.UnusedTokens {
	if !i.shown {
		return nil
	}
	told := &v1alpha1.UnusedTokens{Tokens: clamp(len(i.all)), Unmanaged: clamp(i.others)}
	slices.SortFunc(i.all, func(a, b unusedRow) int {
		return cmp.Or(a.since().Compare(b.since()), cmp.Compare(a.pool, b.pool), cmp.Compare(a.ID, b.ID))
	})
	for _, row := range i.all[:min(len(i.all), mostUnused)] {
		told.Longest = append(told.Longest, v1alpha1.UnusedToken{
			// A vendor's word must not make a status that the API server refuses.
			ID: status.Cut(string(row.ID)), Name: row.Name, Pool: row.pool, Owner: row.owner,
			IssuedOn: dayOf(row.IssuedAt), LastUsedOn: dayOf(row.LastUsedAt),
		})
	}
	return told
}

// since when it is unused.
func (r unusedRow) since() time.Time { return later(r.IssuedAt, r.LastUsedAt) }

// dayOf is empty for no time.
func dayOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}
