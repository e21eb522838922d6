package ledger

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFormer: what was signed with the key for a former cluster is believed where that is named, and says where its tokens came from. It is
// never signed for a former cluster again.
func TestFormer(t *testing.T) {
	key, owner := goldenKey(), goldenOwner()
	text := seal(t, sealer(t, key), owner, goldenLedger())
	now := owner
	now.ClusterID = "moved"
	tests := map[string]struct {
		reason string
		sealer Sealer
		owner  Owner
		trust  Trust
		former bool
		from   string
	}{
		"its own cluster":    {"nothing moved", sealer(t, key).WithFormer("other"), owner, Proof, false, ""},
		"moved":              {"the former cluster is known", sealer(t, key).WithFormer("other", "cluster"), now, Proof, true, "cluster"},
		"moved from nowhere": {"the former cluster is not known", sealer(t, key).WithFormer("other"), now, Hint, false, ""},
		"another key":        {"nobody knows who signed it", sealer(t, append(key[1:KeyBytes:KeyBytes], 1)).WithFormer("cluster"), now, Hint, false, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, trust := tc.sealer.Open(tc.owner, text)
			want := goldenLedger()
			want.Current.From, want.Retiring[0].From, want.Condemned[0].From = tc.from, tc.from, tc.from
			if diff := cmp.Diff(want, got); diff != "" || trust != tc.trust {
				t.Errorf("%s: trust %d, want %d; ledger (-want +got):\n%s", tc.reason, trust, tc.trust, diff)
			}
			if is := tc.sealer.Former(tc.owner, text); is != tc.former {
				t.Errorf("%s: former is %t", tc.reason, is)
			}
		})
	}
}

// TestFormerStays: where a token came from outlives the next signature, and a second move.
func TestFormerStays(t *testing.T) {
	first, second, third := goldenOwner(), goldenOwner(), goldenOwner()
	second.ClusterID, third.ClusterID = "second", "third"
	s := sealer(t, goldenKey()).WithFormer("cluster", "second")
	moved, _ := s.Open(second, seal(t, s, first, goldenLedger()))
	moved.Current.From = ""
	again, trust := s.Open(third, seal(t, s, second, moved))
	if trust != Proof || again.Current.From != "second" || again.Retiring[0].From != "cluster" {
		t.Errorf("trust %d, current from %q, retiring from %q", trust, again.Current.From, again.Retiring[0].From)
	}
	if !s.Matches(third, "value", "content", s.Digest(first, "value", "content")) {
		t.Error("a digest of a former cluster is not recognised")
	}
	if sealer(t, goldenKey()).Matches(third, "value", "content", s.Digest(first, "value", "content")) {
		t.Error("a digest of a cluster that nobody named is recognised")
	}
}
