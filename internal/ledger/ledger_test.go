package ledger

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDated(t *testing.T) {
	written, before := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		reason       string
		listed, want []Entry
		changed      bool
	}{
		"nothing listed": {reason: "there is nothing to date"},
		"listed by the write": {
			reason: "its time is that of the write", listed: []Entry{{ID: "a"}}, want: []Entry{{ID: "a", Since: written}}, changed: true,
		},
		"listed before": {
			reason: "it has its own time", listed: []Entry{{ID: "a", Since: before}}, want: []Entry{{ID: "a", Since: before}},
		},
		"one of each": {
			reason: "each has its own", listed: []Entry{{ID: "a", Since: before}, {ID: "b"}},
			want: []Entry{{ID: "a", Since: before}, {ID: "b", Since: written}}, changed: true,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			record := Ledger{Retiring: tc.listed, Condemned: tc.listed}
			dated, changed := record.Dated(written)
			if diff := cmp.Diff([][]Entry{tc.want, tc.want}, [][]Entry{dated.Retiring, dated.Condemned}); diff != "" || changed != tc.changed {
				t.Errorf("%s: changed: %v (-want +got):\n%s", tc.reason, changed, diff)
			}
			if diff := cmp.Diff([][]Entry{tc.listed, tc.listed}, [][]Entry{record.Retiring, record.Condemned}); diff != "" {
				t.Errorf("the ledger itself changed (-want +got):\n%s", diff)
			}
		})
	}
}
