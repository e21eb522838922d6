package token

import (
	"testing"
	"time"
)

// A token is unused when nobody has used it for 90 days, reckoned from its creation where it never was.
func TestUnused(t *testing.T) {
	now := time.Date(2026, time.July, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	tests := map[string]struct {
		reason string
		token  Token
		want   bool
	}{
		"never used, old":     {"it was there for long", Token{IssuedAt: ago(UnusedAfter)}, true},
		"never used, young":   {"it may be used yet", Token{IssuedAt: ago(UnusedAfter - time.Second)}, false},
		"used long ago":       {"not since", Token{IssuedAt: ago(2 * UnusedAfter), LastUsedAt: ago(UnusedAfter)}, true},
		"used lately":         {"it is in use", Token{IssuedAt: ago(2 * UnusedAfter), LastUsedAt: ago(time.Hour)}, false},
		"used before it was":  {"the vendor's times are odd; the later one counts", Token{IssuedAt: ago(time.Hour), LastUsedAt: ago(UnusedAfter)}, false},
		"nothing is told":     {"it cannot be said", Token{}, false},
		"used, creation left": {"the use tells", Token{LastUsedAt: ago(UnusedAfter)}, true},
		"used in the future":  {"clocks differ", Token{LastUsedAt: now.Add(time.Minute)}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tc.token.Unused(now); got != tc.want {
				t.Errorf("%s: unused is %t", tc.reason, got)
			}
		})
	}
}
