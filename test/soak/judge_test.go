package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
)

func made(id, incarnation string) row {
	return row{TokenTruth: causely.TokenTruth{ID: id, Name: "name-" + id}, incarnation: incarnation}
}

func TestNeedless(t *testing.T) {
	tests := map[string]struct {
		reason  string
		rows    []row
		revoked map[string]bool
		want    []string
	}{
		"None":      {reason: "nothing was made"},
		"OneEach":   {reason: "every object needs one", rows: []row{made("1", "a"), made("2", "b")}},
		"Second":    {reason: "a second one was for nothing", rows: []row{made("1", "a"), made("2", "a")}, want: []string{"name-2"}},
		"Revoked":   {reason: "a person revoked the first", rows: []row{made("1", "a"), made("2", "a")}, revoked: map[string]bool{"1": true}},
		"Elsewhere": {reason: "what a person revoked of another object is no cause", rows: []row{made("1", "a"), made("2", "a"), made("3", "b")}, revoked: map[string]bool{"3": true}, want: []string{"name-2"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := &soak{revoked: tc.revoked}
			if diff := cmp.Diff(tc.want, s.needless(tc.rows)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestMarker(t *testing.T) {
	for name, want := range map[string]bool{
		"team-0-token-1-gwt-abcdefgh-abcdefghijklmnop-abcdef-12": true,
		"somebody-elses-gwt-token":                               false,
		"team-0-token-1-gwt-abcdefgh-abcdefghijklmnop-abcdef-0":  false,
	} {
		if got := marker.MatchString(name); got != want {
			t.Errorf("%s is one of ours: %t, want %t", name, got, want)
		}
	}
}
