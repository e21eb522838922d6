package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

func TestChoose(t *testing.T) {
	tests := map[string]struct {
		reason, vendor string
		want           []stack.Vendor
	}{
		"All":         {reason: "nothing left out is all", want: []stack.Vendor{stack.Causely, stack.RackGateway, stack.Causeloop, stack.PingOne}},
		"Causely":     {reason: "one only", vendor: "causely", want: []stack.Vendor{stack.Causely}},
		"RackGateway": {reason: "one only", vendor: "rackgateway", want: []stack.Vendor{stack.RackGateway}},
		"Causeloop":   {reason: "one only", vendor: "causeloop", want: []stack.Vendor{stack.Causeloop}},
		"PingOne":     {reason: "one only", vendor: "pingone", want: []stack.Vendor{stack.PingOne}},
		"Unknown":     {reason: "a typing error is no story", vendor: "causly"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			stories, err := choose(tc.vendor)
			if (err == nil) != (tc.want != nil) {
				t.Fatalf("%s: error %v", tc.reason, err)
			}
			for _, valid := range everything() {
				if err != nil && !strings.Contains(err.Error(), string(valid.vendor)) {
					t.Errorf("the error %q does not name %s", err, valid.vendor)
				}
			}
			var got []stack.Vendor
			for _, s := range stories {
				got = append(got, s.vendor)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
