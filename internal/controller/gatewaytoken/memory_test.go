package gatewaytoken

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// An object is gone when it was released, when the cache does not show it any more, or when it shows another one under its name: then what its
// release had begun ends, once, and nothing of it is kept.
func TestGone(t *testing.T) {
	name := types.NamespacedName{Namespace: "a", Name: "b"}
	tests := map[string]func(*memories){
		"released":             func(m *memories) { m.gone("1") },
		"not found":            func(m *memories) { m.name(name, "") },
		"made anew":            func(m *memories) { m.name(name, "2") },
		"all of that, in turn": func(m *memories) { m.gone("1"); m.name(name, "2"); m.name(name, "2"); m.name(name, "") },
	}
	for title, happens := range tests {
		t.Run(title, func(t *testing.T) {
			var m memories
			released := 0
			m.of("1").released = func() { released++ }
			m.of("2")
			m.name(name, "1")
			m.noteStatus(&v1alpha1.GatewayToken{ObjectMeta: metav1.ObjectMeta{UID: "1", ResourceVersion: "5"}})
			happens(&m)
			if released != 1 || m.byID["1"] != nil || m.wrote["1"] != "" {
				t.Errorf("it was released %d times, want once; kept: %v, %v", released, m.byID["1"], m.wrote)
			}
		})
	}
}
