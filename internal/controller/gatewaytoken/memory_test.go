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

// An object that the cache shows as it was before this process wrote its status is not the last word.
func TestReadOutdated(t *testing.T) {
	object := func(version string) *v1alpha1.GatewayToken {
		return &v1alpha1.GatewayToken{ObjectMeta: metav1.ObjectMeta{UID: "1", ResourceVersion: version}}
	}
	var m memories
	if m.readOutdated(object("9")) {
		t.Error("nothing was written, and the object is outdated")
	}
	m.noteStatus(object("10"))
	for version, want := range map[string]bool{"9": true, "10": false, "11": false} {
		if m.readOutdated(object(version)) != want {
			t.Errorf("version 10 was written, and %s is outdated: %t, want %t", version, !want, want)
		}
	}
}
