// Package turns spreads what is due at the same time and can wait: one after the other, for an issuer and for a namespace. It owns no
// goroutine, timer or clock, and forgets everything with the process, which does no more harm than that all are spread anew.
package turns

import (
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Limits are how many turns there are in a minute; zero for no limit.
type Limits struct{ PerIssuer, PerNamespace int }

// Who is the object that asks for a turn.
type Who struct {
	UID types.UID
	// Issuer and Namespace are what the limits are for.
	Issuer, Namespace string
}

// Book has the turns that were given. The zero value is one without any.
type Book struct {
	mu sync.Mutex
	// given are ordered by time. Those that are long over are dropped, so that what is gone takes no room.
	given []turn
}

type turn struct {
	Who
	at time.Time
}

// Take gives the earliest turn that is free, in place of one that was given before. Between two turns of an issuer, and of a namespace,
// there is always as much time as its limit asks for: so a namespace does not wait for another one's many.
func (b *Book) Take(who Who, limits Limits, now time.Time) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.giveBack(who.UID, now)
	b.given = slices.DeleteFunc(b.given, func(t turn) bool { return now.Sub(t.at) >= time.Minute })
	at := now
	for _, other := range b.given {
		if pause := limits.between(who, other.Who); at.Sub(other.at).Abs() < pause {
			at = other.at.Add(pause)
		}
	}
	place, _ := slices.BinarySearchFunc(b.given, at, func(t turn, at time.Time) int { return t.at.Compare(at) })
	b.given = slices.Insert(b.given, place, turn{who, at})
	return at
}

// GiveBack frees a turn that is not needed any more. One whose time has come may have been used.
func (b *Book) GiveBack(uid types.UID, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.giveBack(uid, now)
}

func (b *Book) giveBack(uid types.UID, now time.Time) {
	b.given = slices.DeleteFunc(b.given, func(t turn) bool { return t.UID == uid && t.at.After(now) })
}

// between is how much time there must be between the turns of two objects.
func (l Limits) between(one, other Who) time.Duration {
	var pause time.Duration
	if one.Issuer == other.Issuer {
		pause = spacing(l.PerIssuer)
	}
	if one.Namespace == other.Namespace {
		pause = max(pause, spacing(l.PerNamespace))
	}
	return pause
}

// spacing rounds up: never one too many in a minute.
func spacing(perMinute int) time.Duration {
	if perMinute <= 0 {
		return 0
	}
	each := time.Duration(perMinute)
	return (time.Minute + each - 1) / each
}
