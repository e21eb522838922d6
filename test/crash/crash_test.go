package main

import (
	"flag"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// spared is how much of the campaign the tests leave to `make crash`. With the race detector that is more.
var spared = flag.Int("spared", 60, "of the runs with one fault, play one in so many")

// TestSelection plays every scenario of every vendor undisturbed, and some of the runs with one fault.
func TestSelection(t *testing.T) {
	plane, err := harness.Model("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range vendors() {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			c := &campaign{options: options{singles: true, spared: *spared}, plane: plane, out: &out}
			closeAll, err := c.listen(max(runtime.GOMAXPROCS(0)/2, 1))
			if err != nil {
				t.Fatal(err)
			}
			defer closeAll()
			if result := c.vendor(t.Context(), at); result.violations > 0 || result.runs <= result.scenarios || result.scenarios < 20 {
				t.Errorf("%+v\n%s", result, out.String())
			}
		})
	}
}

// A run is found again by its name.
func TestNames(t *testing.T) {
	for _, name := range []string{"causely/issue", "pingone-shared/rotate/zombie@14", "rackgateway/delete/die before@11+late commit after 1 effect@12", "causely/issue/empty list@2"} {
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
