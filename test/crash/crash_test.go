package main

import (
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// spared is how much of the campaign the tests leave to `make crash`: every so many runs one is played.
const spared = 60

// TestSelection plays every scenario of every vendor undisturbed, and of the runs with one fault each sixtieth.
func TestSelection(t *testing.T) {
	stage, err := harness.Model("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range vendors() {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			c := &campaign{options: options{singles: true, spared: spared}, stage: stage, out: &out}
			closeAll, err := c.listen(max(runtime.GOMAXPROCS(0)/2, 1))
			if err != nil {
				t.Fatal(err)
			}
			defer closeAll()
			if result := c.vendor(t.Context(), at); result.violations > 0 || result.runs < 100 || result.scenarios < 20 {
				t.Errorf("%+v\n%s", result, out.String())
			}
		})
	}
}

// A run is found again by its name.
func TestNames(t *testing.T) {
	for _, name := range []string{"causely/issue", "pingone/rotate/zombie@14", "rackgateway/delete/die before@11+late commit after 1 effect@12", "causely/issue/empty list@2"} {
		found, err := jobNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(name, found.name()); diff != "" {
			t.Errorf("name (-want +got):\n%s", diff)
		}
	}
	for _, name := range []string{"", "causely", "nobody/issue", "causely/nothing", "causely/issue/zombie", "causely/issue/zombie@x"} {
		if _, err := jobNamed(name); err == nil {
			t.Errorf("%q was found", name)
		}
	}
}
