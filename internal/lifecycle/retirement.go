package lifecycle

import (
	"cmp"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/sabotage"
)

// A token that was published and replaced is revoked when nobody needs it any more: no pod holds it, since then its overlap has passed,
// and the vendor, where it shows that, has not seen it used. A stray that may have been published waits for its overlap alone.

// Pods that hold a token which was replaced are looked at again after a tenth of the time that they have done so, after Settings.WatchPause at
// the earliest and after this at the latest.
const maxWatchPause = 5 * time.Minute

// WaitingFor is what a token that was replaced waits for. The set is closed; the API has the same words.
type WaitingFor string

// What a token that was replaced waits for.
const (
	// WaitsForConsumers: pods hold it, or nobody knows.
	WaitsForConsumers WaitingFor = "Consumers"
	// WaitsForOverlap: nobody is known to need it, and time has to pass.
	WaitsForOverlap WaitingFor = "Overlap"
	// WaitsForLastUse: somebody goes on using it.
	WaitsForLastUse WaitingFor = "LastUse"
	// WaitsForPerson: a token without a name has been used after all, and a person decides about it.
	WaitsForPerson WaitingFor = "Person"
	// WaitsForOwner: somebody else makes tokens with our marker, and this one may be his.
	WaitsForOwner WaitingFor = "Owner"
	// WaitsForRevocation: it may be revoked.
	WaitsForRevocation WaitingFor = "Revocation"
)

// PublishedBefore are the tokens that a signed ledger lists as replaced, that the Secret has held and that may live: whether pods hold them
// is asked.
func (o Observation) PublishedBefore() []ledger.Entry {
	v := newView(o)
	if v.proof == nil {
		return nil
	}
	var entries []ledger.Entry
	for _, entry := range v.proof.Retiring {
		if entry.Published && !v.revoked(entry.ID) {
			entries = append(entries, entry)
		}
	}
	return entries
}

// retires tells what a listed token waits for, and when it may be revoked at the earliest.
func (v *view) retires(entry ledger.Entry) (waits WaitingFor, due time.Time) {
	since := v.since(entry)
	switch {
	case sabotage.SkipOverlap:
		return WaitsForOverlap, since
	case v.surrendered(entry):
		return WaitsForOwner, since
	case !v.named() && entry.Sequence == 0:
		if v.usedStranger(entry) {
			waits = WaitsForPerson
		}
		return cmp.Or(waits, WaitsForOverlap), since.Add(v.strayRest())
	case v.leaked(entry):
		return WaitsForRevocation, since
	case sabotage.IgnorePods, !entry.Published, v.Object.Deleting && !v.Object.Retain:
		return WaitsForOverlap, since.Add(v.overlap())
	case v.free(entry).IsZero():
		return WaitsForConsumers, v.nextWatch(since)
	default:
		return v.quiet(entry)
	}
}

// nextWatch is when pods are looked at again: when every pod that is created then has the new value, and later now and then.
func (v *view) nextWatch(since time.Time) time.Time {
	if first := since.Add(v.Settings.PodMargin + time.Second); first.After(v.ServerNow) {
		return first
	}
	return v.ServerNow.Add(min(max(v.ServerNow.Sub(since)/10, v.Settings.WatchPause), maxWatchPause))
}

// free is since when no pod holds a token, by what this process saw and what the ledger says; zero while one does, or nobody knows.
func (v *view) free(entry ledger.Entry) time.Time {
	if !v.Consumers[entry.ID].Gone {
		return time.Time{}
	}
	seen, known := v.Memory.Free[entry.ID]
	if !known {
		seen = v.ServerNow
	}
	return earlier(seen, entry.Free)
}

// overlapOf is how long a token that was published and replaced stays valid after no pod holds it any more.
func (v *view) overlapOf(entry ledger.Entry) time.Duration {
	if v.Consumers[entry.ID].Found {
		return max(v.Object.OverlapOfPods, v.Settings.OverlapFloor)
	}
	return v.overlap()
}

// shortOverlap is what may begin anew with each process.
const shortOverlap = time.Hour

// noteFree: an overlap that is longer than a process may live is reckoned from what the ledger says.
func noteFree(v *view) Decision {
	if !v.usable() || v.skewed() || v.heldBack() != nil {
		return nil
	}
	record := v.nextLedger(v.proof.Current)
	changed := false
	for i := range record.Retiring {
		entry := &record.Retiring[i]
		if !entry.Published || v.Consumers[entry.ID].Unknown {
			continue
		}
		free := v.free(*entry).Truncate(time.Second)
		begins := !free.IsZero() && entry.Free.IsZero() && v.overlapOf(*entry) > shortOverlap
		ends := free.IsZero() && !entry.Free.IsZero()
		if begins || ends {
			entry.Free, changed = free, true
		}
	}
	if !changed {
		return nil
	}
	return rewrite(record, "it is known since when no pod holds a token that was replaced")
}

// noteFreeBeforeRetaining: nobody would wait for it later.
func noteFreeBeforeRetaining(v *view) Decision {
	if !v.Object.Retain {
		return nil
	}
	return noteFree(v)
}

// quiet: since no pod holds the token, whoever uses it is nobody that the operator knows of, and is given time.
func (v *view) quiet(entry ledger.Entry) (waits WaitingFor, due time.Time) {
	free, overlap := v.free(entry), v.overlapOf(entry)
	due = free.Add(overlap)
	row, listed := v.Snapshot.Rows[entry.ID]
	if !listed || !v.Issuer.Capabilities.ShowsLastUse || !row.LastUsedAt.After(free) {
		return WaitsForOverlap, due
	}
	used := row.LastUsedAt.Add(overlap)
	if longest := free.Add(v.Object.MaxOverlap); v.Object.MaxOverlap > 0 && used.After(longest) {
		used = longest
	}
	if used.After(due) {
		return WaitsForLastUse, used
	}
	return WaitsForOverlap, due
}

// firstRetired finds a token that was replaced and whose time has come.
func (v *view) firstRetired() (ledger.Entry, bool) {
	for _, entry := range v.proof.Retiring {
		waits, due := v.retires(entry)
		if v.skewed() && waits != WaitsForRevocation {
			continue
		}
		// What has leaked is not waited for until a list shows it.
		lives := v.mayLive(entry.ID) || (waits == WaitsForRevocation && !v.revoked(entry.ID))
		if lives && !v.ServerNow.Before(due) && waits != WaitsForConsumers && waits != WaitsForPerson && waits != WaitsForOwner {
			return entry, true
		}
	}
	return ledger.Entry{}, false
}
