package issuer

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// A status names few of many, those that have been unused for the longest time, in an order that stays.
func TestIdleToldIsBounded(t *testing.T) {
	now := time.Date(2026, time.July, 1, 12, 0, 0, 0, time.UTC)
	i := unused{now: now, shown: true, shows: true}
	for n := range 30 {
		row := token.Token{ID: token.ID(fmt.Sprintf("%02d", n)), IssuedAt: now.Add(-400 * 24 * time.Hour), LastUsedAt: now.Add(-time.Duration(100+n%15) * 24 * time.Hour)}
		i.ours(row, "")
	}
	i.ours(token.Token{ID: "in use", LastUsedAt: now.Add(-time.Hour)}, "")
	told := i.told()
	var ids []string
	for _, one := range told.Longest {
		ids = append(ids, one.ID)
	}
	if diff := cmp.Diff([]string{"14", "29", "13", "28", "12", "27", "11", "26", "10", "25"}, ids); diff != "" || told.Tokens != 30 {
		t.Errorf("%d tokens; named (-want +got):\n%s", told.Tokens, diff)
	}
	if first := told.Longest[0]; first.IssuedOn != "2025-05-27" || first.LastUsedOn != "2026-03-09" {
		t.Errorf("days are %s and %s", first.IssuedOn, first.LastUsedOn)
	}
}
