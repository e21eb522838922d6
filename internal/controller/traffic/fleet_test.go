package traffic_test

import (
	"cmp"
	"errors"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/rackgateway"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// interval is how often an issuer that says nothing lists.
const interval = v1alpha1.DefaultInventoryInterval

// fleet is many GatewayTokens of one issuer.
type fleet struct {
	harness.Flavour
	// size is how many GatewayTokens there are, and scopes how many lists show their tokens.
	size, scopes int
	// pages is how many calls one list takes.
	pages int
	// every is how often the issuer lists; interval when 0.
	every time.Duration
	// routes are all calls that the operator could make, login the one that gets a bearer; empty where none is needed.
	routes []string
	login  string
	// first is the call that comes before the first list of a process; empty for none.
	first string
	// life is how long a bearer lives.
	life time.Duration
	// prepare makes at the vendor what there must be before; nil for nothing.
	prepare func(*testing.T, *simulator.Server)
	// place has the n-th GatewayToken ask for a token at its place; nil where there is one place.
	place func(n int) func(*v1alpha1.GatewayToken)
}

func atCausely(size int) fleet {
	return fleet{
		Flavour: harness.AtCausely(), size: size, scopes: 1, pages: 1, login: causely.RouteLogin, first: causely.RouteLogin,
		life:   time.Duration(causely.DefaultSwitches().BearerSeconds) * time.Second,
		routes: []string{causely.RouteLogin, causely.RouteList, causely.RouteCreate, causely.RouteRevoke, causely.RouteDefault},
	}
}

// living lets bearers live as long as that.
func (f fleet) living(life time.Duration) fleet {
	f.life = life
	prepare := f.prepare
	f.prepare = func(t *testing.T, vendor *simulator.Server) {
		t.Helper()
		if prepare != nil {
			prepare(t, vendor)
		}
		seconds := int(life / time.Second)
		ofCausely, ofPingOne := causely.DefaultSwitches(), pingone.DefaultSwitches()
		ofCausely.BearerSeconds, ofPingOne.BearerSeconds = seconds, seconds
		if err := errors.Join(vendor.Causely().SetSwitches(ofCausely), vendor.PingOne().SetSwitches(ofPingOne)); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func atRackGateway(size int) fleet {
	return fleet{
		Flavour: harness.AtRackGateway(), size: size, scopes: 1, pages: 1,
		routes: []string{
			rackgateway.RouteList, rackgateway.RouteCreate, rackgateway.RouteGet, rackgateway.RouteUpdate, rackgateway.RouteRevoke,
			rackgateway.RoutePermissions,
		},
	}
}

// atCauseloop asks for service accounts, of which a page has a hundred.
func atCauseloop(size int) fleet {
	return fleet{
		Flavour: harness.AtCauseloop(v1alpha1.CauseloopKindDedicated), size: size, scopes: 1, first: causeloop.RouteScopes,
		pages: (size + causeloop.DefaultSwitches().MaxPageSize - 1) / causeloop.DefaultSwitches().MaxPageSize,
		routes: []string{
			causeloop.RouteScopes, causeloop.RouteListAccounts, causeloop.RouteCreateAccount, causeloop.RouteDeleteAccount,
			causeloop.RouteIssue, causeloop.RouteWithdraw,
		},
	}
}

// atPingOne has gateways with as many GatewayTokens each.
func atPingOne(gateways, each int) fleet {
	ids := make([]string, 0, gateways)
	for n := range gateways {
		ids = append(ids, fmt.Sprintf("b7e1a8d0-5d0c-4a47-8f5e-%012d", n))
	}
	return fleet{
		Flavour: severalGateways{harness.AtPingOne(false), ids}, size: gateways * each, scopes: gateways, pages: 1, login: pingone.RouteLogin,
		first: pingone.RouteLogin,
		life:  time.Duration(pingone.DefaultSwitches().BearerSeconds) * time.Second,
		routes: []string{
			pingone.RouteLogin, pingone.RouteList, pingone.RouteCreate, pingone.RouteGet, pingone.RouteRevoke, pingone.RouteEnvironment,
			pingone.RouteGateway,
		},
		prepare: func(t *testing.T, vendor *simulator.Server) {
			t.Helper()
			for _, id := range ids {
				if err := vendor.PingOne().AddGateway(pingone.Gateway{ID: id, EnvironmentID: pingone.DemoEnvironmentID}); err != nil {
					t.Fatal(err)
				}
			}
		},
		place: func(n int) func(*v1alpha1.GatewayToken) { return atGateway(ids[n%gateways]) },
	}
}

// severalGateways is PingOne with more gateways than the one that the simulator begins with.
type severalGateways struct {
	harness.Flavour
	ids []string
}

// Grant implements harness.Manifests.
func (g severalGateways) Grant(grant *v1alpha1.Grant) {
	grant.PingOne = &v1alpha1.PingOneGrant{GatewayIDs: g.ids}
}

func atGateway(id string) func(*v1alpha1.GatewayToken) {
	return func(object *v1alpha1.GatewayToken) { object.Spec.PingOne = &v1alpha1.PingOneToken{GatewayID: id} }
}

// running is a fleet at work in a world.
type running struct {
	*harness.World
	fleet
	issuer  *v1alpha1.ClusterTokenIssuer
	objects []*v1alpha1.GatewayToken
}

// launch makes the fleet in a world of its own, and lets it come to rest: each GatewayToken has its token, for which the vendor was
// asked once.
func launch(t *testing.T, f fleet) *running {
	t.Helper()
	r := &running{World: newWorld(t, harness.At(f)), fleet: f}
	if f.prepare != nil {
		f.prepare(t, r.Vendor)
	}
	r.Provide(r.System)
	r.every = cmp.Or(f.every, interval)
	r.issuer = r.ClusterIssuer(func(i *v1alpha1.ClusterTokenIssuer) { i.Spec.InventoryInterval = &metav1.Duration{Duration: r.every} })
	r.Create(r.issuer)
	r.add(f.size)
	r.Settle()
	r.betweenLists()
	r.wantHealthy(t)
	return r
}

// add makes more GatewayTokens, all at once.
func (r *running) add(more int) {
	var added []*v1alpha1.GatewayToken
	for range more {
		n := len(r.objects) + len(added)
		object := r.Token(fmt.Sprintf("token-%04d", n))
		if r.place != nil {
			r.place(n)(object)
		}
		added = append(added, object)
	}
	harness.CreateAll(r.World, added)
	r.objects = append(r.objects, added...)
}

// wantHealthy judges by the vendor's truth that each GatewayToken has one token, and that there never was another.
func (r *running) wantHealthy(t *testing.T) {
	t.Helper()
	for _, object := range r.objects {
		r.WantReady(object)
	}
	want, made, asked := len(r.objects), len(r.Tokens()), r.Calls(r.Route(harness.RouteCreate))
	r.WantActive(want)
	if made != want || asked != want {
		t.Errorf("the vendor made %d tokens and was asked for %d, want %d", made, asked, want)
	}
	r.Want(r.issuer, v1alpha1.ConditionReady, "True", v1alpha1.ReasonCredentialsAccepted)
	r.Want(r.issuer, v1alpha1.ConditionVendorReachable, "True", v1alpha1.ReasonVendorAnswered)
}

// betweenLists lets time pass until the middle between two lists, so that a number of intervals from then on has as many of them.
func (r *running) betweenLists() {
	r.Advance(2 * r.every)
	lists := r.since(time.Time{}).of(r.Route(harness.RouteList))
	r.Advance(lists[len(lists)-1].Time.Add(3 * r.every / 2).Sub(r.Clock.Now()))
}
