package traffic_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/rackgateway"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// day is how long what a mistake costs is counted. Meanwhile lists are few (seldom): they are not what is looked at.
const (
	day    = 24 * time.Hour
	seldom = 30 * time.Minute
)

// tries is how often a request that is refused is made within its first day: after one minute, two, four and so on up to six hours, each
// wait longer by a tenth at most. On every later day there are four.
const tries = 12

// A token whose own request is wrong costs a handful of calls a day beyond what the tokens beside it cost.
func TestOwnMistake(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reason string
		fleet  fleet
		// wrong makes the mistake, refuse has the vendor refuse what it would not refuse by itself; nil for nothing.
		wrong  func(*v1alpha1.GatewayToken)
		refuse func(*running)
		// ready is what the condition says.
		ready string
		// beyond are the calls of the first day beside those of the fleet.
		beyond map[string]int
	}{
		"unknown scope at Causeloop": {
			reason: "the catalogue says so, and nothing is asked for", fleet: misspelling(atCauseloop(2)),
			wrong: func(o *v1alpha1.GatewayToken) { o.Spec.Causeloop.Scopes = []string{misspelt} },
			ready: v1alpha1.ReasonInvalidScope, beyond: map[string]int{causeloop.RouteScopes: tries},
		},
		"unknown permission at Rack Gateway": {
			reason: "the catalogue says so, and nothing is asked for", fleet: atRackGateway(2),
			wrong: func(o *v1alpha1.GatewayToken) {
				o.Spec.RackGateway = &v1alpha1.RackGatewayToken{Permissions: []v1alpha1.RackGatewayPermission{"convox:app:raed"}}
			},
			ready: v1alpha1.ReasonInvalidScope, beyond: map[string]int{rackgateway.RoutePermissions: tries},
		},
		"role refused at Rack Gateway": {
			reason: "it is in the catalogue, and the credentials may not give it", fleet: atRackGateway(2),
			wrong: func(o *v1alpha1.GatewayToken) {
				o.Spec.RackGateway = &v1alpha1.RackGatewayToken{Role: v1alpha1.RackGatewayDeployer}
			},
			refuse: func(r *running) { r.refuse(rackgateway.RouteCreate, 403) },
			ready:  v1alpha1.ReasonCreateRefused, beyond: map[string]int{rackgateway.RoutePermissions: tries, rackgateway.RouteCreate: tries},
		},
		"gateway that does not exist at PingOne": {
			reason: "what is missing of its path is looked for each time: the gateway, and its environment", fleet: granting(atPingOne(2, 1), nowhere),
			wrong:  atGateway(nowhere),
			ready:  string(lifecycle.ReasonGatewayNotFound),
			beyond: map[string]int{pingone.RouteList: tries, pingone.RouteGateway: tries, pingone.RouteEnvironment: tries},
		},
		"create refused with 400 at Causely": {
			reason: "nobody knows what would be better", fleet: atCausely(2),
			wrong:  func(o *v1alpha1.GatewayToken) { o.Spec.TokenName = "wrong" },
			refuse: func(r *running) { r.refuse(causely.RouteCreate, 400) },
			ready:  v1alpha1.ReasonCreateRefused, beyond: map[string]int{causely.RouteCreate: tries},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			tc.fleet.every = seldom
			r := launch(t, tc.fleet)
			healthy := r.during(day)
			if tc.refuse != nil {
				tc.refuse(r)
			}
			object := r.Token("mistaken", tc.wrong)
			r.Create(object)
			before, looks := r.AllCalls(), r.looks()
			r.Advance(day)
			r.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, tc.ready)
			more := beyond(r.CallsSince(before), healthy)
			if diff := cmp.Diff(tc.beyond, more); diff != "" {
				t.Errorf("%s: calls of a day beyond those of a day without it (-want +got):\n%s", tc.reason, diff)
			}
			t.Logf("%d calls beyond the %d of a day; %d looks at it", sum(more), sum(healthy), r.looks()-looks)
			r.wantLogins(t)
			before = r.AllCalls()
			r.Advance(day)
			if later := beyond(r.CallsSince(before), healthy); sum(later) > sum(tc.beyond)/2 {
				t.Errorf("%s: on the next day %v, want less than on the first", tc.reason, later)
			}
			r.WantActive(r.size)
			r.CheckRest()
		})
	}
}

// nowhere is no gateway.
const nowhere = "b7e1a8d0-0000-4000-8000-00000000dead"

// misspelling is Causeloop with a grant of a scope that the vendor does not know.
func misspelling(f fleet) fleet {
	f.Flavour = misspeltGrant{f.Flavour}
	return f
}

type misspeltGrant struct{ harness.Flavour }

// Grant implements harness.Manifests.
func (g misspeltGrant) Grant(grant *v1alpha1.Grant) {
	g.Flavour.Grant(grant)
	grant.Causeloop.Scopes = append(grant.Causeloop.Scopes, misspelt)
}

// misspelt is no scope of Causeloop's.
const misspelt = "issues:raed"

// granting grants a gateway more.
func granting(f fleet, gateway string) fleet {
	if several, ok := f.Flavour.(severalGateways); ok {
		several.ids = append(several.ids, gateway)
		f.Flavour = several
	}
	return f
}

// refuse has the vendor refuse a call from now on.
func (r *running) refuse(route string, status int) {
	r.Fault(route, stage.Status, harness.Always, func(f *simulator.Fault) { f.Status = status })
}

// beyond are the calls that come on top of others.
func beyond(calls, others map[string]int) map[string]int {
	more := map[string]int{}
	for route, count := range calls {
		if count != others[route] {
			more[route] = count - others[route]
		}
	}
	return more
}
