package controller_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

const aDay = 24 * time.Hour

// listingDaily has the issuer list once a day.
func listingDaily(i *v1alpha1.ClusterTokenIssuer) {
	i.Spec.InventoryInterval = &metav1.Duration{Duration: aDay}
}

// wantUnused checks what the issuer says of tokens that nobody uses, but for their names and order.
func wantUnused(t *testing.T, w *harness.World, issuer *v1alpha1.ClusterTokenIssuer, want *v1alpha1.UnusedTokens) {
	t.Helper()
	w.Refresh(issuer)
	inAnyOrder := cmpopts.SortSlices(func(a, b v1alpha1.UnusedToken) bool { return a.ID < b.ID })
	if diff := cmp.Diff(want, issuer.Status.Unused, cmpopts.IgnoreFields(v1alpha1.UnusedToken{}, "Name"), inAnyOrder); diff != "" {
		t.Errorf("unused tokens (-want +got):\n%s", diff)
	}
}

// Tokens that nobody has used for 90 days are told of: whose they are, if they are ours, and how many others there are. Nothing is written
// for it at lists that show nothing new.
func TestUnusedTokens(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtRackGateway()))
	w.Provide(w.System)
	issuer := w.ClusterIssuer(listingDaily)
	idle, busy, kept, forced := w.Token("idle"), w.Token("busy"), w.Token("kept", harness.Retained), w.Token("forced")
	w.Create(issuer, idle, busy, kept, forced)
	w.CreateByHand("somebody's")
	w.Settle()
	made := map[string]string{}
	for _, object := range []*v1alpha1.GatewayToken{idle, busy, kept, forced} {
		w.Refresh(object)
		made[object.Name] = object.Status.Current.ID
	}
	w.Remove(kept)
	w.Settle()
	deleteByForce(t, w, forced)
	w.Advance(2 * aDay)
	wantUnused(t, w, issuer, &v1alpha1.UnusedTokens{})

	before := w.Versions()
	w.Advance(86 * aDay)
	if diff := cmp.Diff(before, w.Versions()); diff != "" {
		t.Errorf("something was written while nothing was unused for long (-before +after):\n%s", diff)
	}
	w.Vendor.RackGateway().Connect(string(w.Secret("busy").Data[v1alpha1.DefaultDataKey]))
	w.Advance(4 * aDay)
	const first = "2026-03-01"
	want := &v1alpha1.UnusedTokens{Tokens: 3, Unmanaged: 1, Longest: []v1alpha1.UnusedToken{
		{ID: made["forced"], IssuedOn: first},
		{ID: made["idle"], IssuedOn: first, Owner: "GatewayToken " + w.Tenant + "/idle"},
		{ID: made["kept"], IssuedOn: first, Owner: "Secret " + w.Tenant + "/kept"},
	}}
	wantUnused(t, w, issuer, want)

	before = w.Versions()
	w.Advance(20 * aDay)
	if diff := cmp.Diff(before, w.Versions()); diff != "" {
		t.Errorf("something was written while nothing changed (-before +after):\n%s", diff)
	}
	w.Restart()
	w.Advance(2 * aDay)
	wantUnused(t, w, issuer, want)

	// It is used after all, and then nobody uses the other one any more.
	w.Vendor.RackGateway().Connect(string(w.Secret("idle").Data[v1alpha1.DefaultDataKey]))
	w.Advance(2 * aDay)
	want.Tokens, want.Longest = 2, slices.Concat(want.Longest[:1], want.Longest[2:])
	wantUnused(t, w, issuer, want)
	w.Advance(66 * aDay)
	want.Tokens, want.Longest = 3, append(want.Longest, v1alpha1.UnusedToken{
		ID: made["busy"], IssuedOn: first, LastUsedOn: "2026-05-28", Owner: "GatewayToken " + w.Tenant + "/busy",
	})
	wantUnused(t, w, issuer, want)

	// Somebody has looked at the list, and revokes what nothing in the cluster accounts for.
	w.RevokeByHand(made["forced"])
	w.Advance(aDay)
	want.Tokens, want.Longest = 2, slices.DeleteFunc(want.Longest, func(one v1alpha1.UnusedToken) bool { return one.ID == made["forced"] })
	wantUnused(t, w, issuer, want)
	w.CheckRest()
}

// Where tokens are in several places, those of all places are told of, each with its place. What a person made there is only counted.
func TestUnusedTokensInPools(t *testing.T) {
	const another = "b7e1a8d0-5d0c-4a47-8f5e-000000000077"
	w := newWorld(t, harness.At(harness.AtPingOne(false)))
	if err := w.Vendor.PingOne().AddGateway(pingone.Gateway{ID: another, EnvironmentID: pingone.DemoEnvironmentID}); err != nil {
		t.Fatal(err)
	}
	w.CreateByHand("")
	w.Provide(w.System)
	issuer := w.ClusterIssuer(listingDaily, func(i *v1alpha1.ClusterTokenIssuer) {
		i.Spec.Grants[0].PingOne.GatewayIDs = append(i.Spec.Grants[0].PingOne.GatewayIDs, another)
	})
	one, other := w.Token("one"), w.Token("other", func(o *v1alpha1.GatewayToken) { o.Spec.PingOne.GatewayID = another })
	w.Create(issuer, one, other)
	w.Advance(91 * aDay)
	want := &v1alpha1.UnusedTokens{Tokens: 2, Unmanaged: 1}
	for object, gateway := range map[*v1alpha1.GatewayToken]string{one: pingone.DemoGatewayID, other: another} {
		w.Refresh(object)
		want.Longest = append(want.Longest, v1alpha1.UnusedToken{
			ID: object.Status.Current.ID, Pool: pingone.DemoEnvironmentID + "/" + gateway, IssuedOn: "2026-03-01",
			Owner: "GatewayToken " + w.Tenant + "/" + object.Name,
		})
	}
	wantUnused(t, w, issuer, want)
	w.CheckRest()
}

// A vendor that does not show when a token was used has none of which that could be said.
func TestUnusedTokensNotShown(t *testing.T) {
	w := newWorld(t)
	w.Provide(w.System)
	issuer := w.ClusterIssuer(listingDaily)
	w.Create(issuer, w.Token("mediator"))
	w.Advance(91 * aDay)
	w.WantActive(1)
	wantUnused(t, w, issuer, nil)
}
