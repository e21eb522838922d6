package issuer

import (
	"strings"
	"testing"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// Who says that nothing accounts for a token says where that was looked for.
func TestOrphansAreNobodysWhereTheOperatorLooks(t *testing.T) {
	tests := map[string]struct {
		reason     string
		namespaces []string
		want       string
	}{
		"the whole cluster": {"all of it was looked at", nil, "nothing in the cluster that accounts for them"},
		"some namespaces":   {"what has them may be elsewhere", []string{"a", "b"}, "nothing in the namespaces a, b, and no other was looked at, that accounts for them"},
		"many namespaces":   {"a message has an end", []string{"a", "b", "c", "d", "e", "f", "g"}, "the namespaces a, b, c, d, e and 2 more, and no other"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := &Reconciler{Config: Config{Namespaces: tc.namespaces, OrphanRest: 24 * time.Hour}}
			condition := r.orphanedCondition([]v1alpha1.Orphan{{ID: "T1"}}, nil)
			if !strings.Contains(condition.Message, tc.want) {
				t.Errorf("%q, want %q: %s", condition.Message, tc.want, tc.reason)
			}
		})
	}
}
