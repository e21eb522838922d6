package modelapi

import (
	"testing"

	"k8s.io/utils/lru"
)

// What is remembered is what would be worked out: servers that remember nothing answer the same. What was done once is not worked out again.
func TestWritesAreRemembered(t *testing.T) {
	const scripts = 12
	forgetful, attentive := *schemas, *schemas
	forgetful.updates, forgetful.forms = nil, nil
	attentive.updates, attentive.forms = lru.New(remembered), lru.New(remembered)
	told := func() int {
		for seed := range uint64(scripts) {
			difference, err := play(t.Context(), seed+1, 0, forgetful.NewServer(newClock(), "model").Connect(agent), attentive.NewServer(newClock(), "model").Connect(agent))
			if err != nil || difference != "" {
				t.Fatal(err, difference)
			}
		}
		return attentive.updates.Len() + attentive.forms.Len()
	}
	first := told()
	if again := told(); first == 0 || again != first {
		t.Errorf("%d writes are remembered after telling all once, and %d after telling it again", first, again)
	}
}
