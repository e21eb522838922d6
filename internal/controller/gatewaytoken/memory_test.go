package gatewaytoken

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// An object is gone when nobody has it any more, or when another one has its name: then what its release had begun ends, once, and nothing of
// it is kept.
func TestGone(t *testing.T) {
	object := func(uid types.UID) *v1alpha1.GatewayToken {
		return &v1alpha1.GatewayToken{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "b", UID: uid}}
	}
	tests := map[string]func(*memories){
		"not found": func(m *memories) { m.gone(client.ObjectKeyFromObject(object("1"))) },
		"made anew": func(m *memories) { m.of(object("2")) },
		"both, and looked": func(m *memories) {
			m.of(object("2"))
			m.of(object("2"))
			m.gone(client.ObjectKeyFromObject(object("2")))
		},
	}
	for name, happens := range tests {
		t.Run(name, func(t *testing.T) {
			var m memories
			m.gone(client.ObjectKeyFromObject(object("1")))
			released := 0
			m.of(object("1")).released = func() { released++ }
			m.noteStatus(object("1"))
			happens(&m)
			if released != 1 {
				t.Errorf("it was released %d times, want once", released)
			}
			if m.byID["1"] != nil || m.wrote["1"] != "" || len(m.names) > 1 {
				t.Errorf("something is kept of it: %+v, %v, %v", m.byID, m.wrote, m.names)
			}
		})
	}
}
