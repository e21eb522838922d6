package turns_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatewaytoken/gateway-token-operator/internal/controller/turns"
)

func start() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// asks are objects that ask for turns, one after the other, each with what it gets in seconds.
type asks []struct {
	after             time.Duration
	issuer, namespace string
	want              float64
}

// The earliest turn that is free for issuer and namespace is given.
func TestTake(t *testing.T) {
	usual := turns.Limits{PerIssuer: 10, PerNamespace: 5}
	tests := map[string]struct {
		reason string
		limits turns.Limits
		asks   asks
	}{
		"one":               {"nobody else asks", usual, asks{{0, "i", "a", 0}}},
		"of one issuer":     {"ten in a minute", usual, asks{{0, "i", "a", 0}, {0, "i", "b", 6}, {0, "i", "c", 12}}},
		"of one namespace":  {"five in a minute", usual, asks{{0, "i", "a", 0}, {0, "j", "a", 12}, {0, "k", "a", 24}}},
		"of two issuers":    {"they have nothing in common", usual, asks{{0, "i", "a", 0}, {0, "j", "b", 0}}},
		"between others":    {"a namespace with many leaves room", usual, asks{{0, "i", "a", 0}, {0, "i", "a", 12}, {0, "i", "a", 24}, {0, "i", "b", 6}, {0, "i", "b", 18}}},
		"room for one only": {"an issuer's turns are full", usual, asks{{0, "i", "a", 0}, {0, "i", "b", 6}, {0, "i", "a", 12}, {0, "i", "c", 18}}},
		"later":             {"the last turn is still too near", usual, asks{{0, "i", "a", 0}, {2 * time.Second, "i", "b", 6}}},
		"much later":        {"it was long ago", usual, asks{{0, "i", "a", 0}, {time.Hour, "i", "a", 3600}}},
		"no limit":          {"0 is none", turns.Limits{}, asks{{0, "i", "a", 0}, {0, "i", "a", 0}}},
		"one limit": {
			"the namespace has none", turns.Limits{PerIssuer: 60},
			asks{{0, "i", "a", 0}, {0, "i", "a", 1}, {0, "j", "a", 0}},
		},
		"that does not divide a minute": {
			"not eight within one", turns.Limits{PerIssuer: 7},
			asks{{0, "i", "a", 0}, {0, "i", "a", 8.571428572}, {0, "i", "a", 17.142857144}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var book turns.Book
			now := start()
			for n, ask := range tc.asks {
				now = now.Add(ask.after)
				who := turns.Who{UID: types.UID(fmt.Sprint(n)), Issuer: ask.issuer, Namespace: ask.namespace}
				if got := book.Take(who, tc.limits, now).Sub(start()).Seconds(); got != ask.want {
					t.Errorf("%s: the turn of number %d is after %g seconds, want %g", tc.reason, n, got, ask.want)
				}
			}
		})
	}
}

// A turn that is given back, or asked for anew, is free for others, unless its time has come.
func TestGiveBack(t *testing.T) {
	var book turns.Book
	limits := turns.Limits{PerIssuer: 10}
	take := func(uid types.UID, now time.Time) time.Duration {
		return book.Take(turns.Who{UID: uid, Issuer: "i", Namespace: "n"}, limits, now).Sub(start())
	}
	got := []time.Duration{take("a", start()), take("b", start()), take("c", start())}
	book.GiveBack("a", start().Add(time.Second))
	book.GiveBack("b", start().Add(time.Second))
	got = append(got, take("d", start().Add(time.Second)), take("c", start().Add(time.Second)))
	want := []time.Duration{0, 6 * time.Second, 12 * time.Second, 6 * time.Second, 12 * time.Second}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("turns (-want +got):\n%s", diff)
	}
}

// Whatever asks in whatever order, no minute has more turns than it may have, and few are left free.
func TestNeverTooMany(t *testing.T) {
	var book turns.Book
	limits := turns.Limits{PerIssuer: 10, PerNamespace: 5}
	given := map[string][]time.Time{}
	var last time.Time
	for n := range 600 {
		issuer, namespace := fmt.Sprint("issuer ", n%3), fmt.Sprint("namespace ", n%7)
		// They come in bursts, and between turns that were given before.
		at := book.Take(turns.Who{UID: types.UID(fmt.Sprint(n)), Issuer: issuer, Namespace: namespace}, limits, start().Add(time.Duration(n/50)*37*time.Second))
		given[issuer], given[namespace] = append(given[issuer], at), append(given[namespace], at)
		if at.After(last) {
			last = at
		}
	}
	for of, times := range given {
		most := limits.PerIssuer
		if of[0] == 'n' {
			most = limits.PerNamespace
		}
		for _, from := range times {
			within := 0
			for _, at := range times {
				if !at.Before(from) && at.Before(from.Add(time.Minute)) {
					within++
				}
			}
			if within > most {
				t.Fatalf("%s has %d turns in the minute from %s on, want %d at most", of, within, from, most)
			}
		}
	}
	// 200 for an issuer are 20 minutes, 86 for a namespace 17.
	if took := last.Sub(start()); took > 30*time.Minute {
		t.Errorf("it took %s", took)
	}
}

// A thousand that are due in the same minute are done as fast as the limits allow, and no faster.
func TestThousand(t *testing.T) {
	tests := map[string]struct {
		reason     string
		namespaces int
		want       time.Duration
	}{
		"in twenty namespaces": {"the issuer's limit counts", 20, 999 * 6 * time.Second},
		"in one":               {"the namespace's limit counts", 1, 999 * 12 * time.Second},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var book turns.Book
			var last time.Time
			seen := map[time.Time]bool{}
			for n := range 1000 {
				who := turns.Who{UID: types.UID(fmt.Sprint(n)), Issuer: "issuer", Namespace: fmt.Sprint("namespace ", n%tc.namespaces)}
				at := book.Take(who, turns.Limits{PerIssuer: 10, PerNamespace: 5}, start().Add(time.Duration(n)*50*time.Millisecond))
				if seen[at] {
					t.Fatalf("two at %s", at)
				}
				if seen[at] = true; at.After(last) {
					last = at
				}
			}
			if took := last.Sub(start()); took != tc.want {
				t.Errorf("it took %s, want %s: %s", took, tc.want, tc.reason)
			}
		})
	}
}
