package controller_test

import (
	"testing"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// An operator is parked in the middle of an effect, another one takes over and comes to rest, and then the first goes on:
// it believes that it still leads. Its conditional writes fail; what it made at the vendor is found and revoked.
func TestZombie(t *testing.T) {
	type world = *harness.World
	ask := func(w world) *v1alpha1.GatewayToken {
		_, object := w.Ask(harness.Overlapping(10 * time.Minute))
		return object
	}
	published := func(w world) *v1alpha1.GatewayToken {
		_, object := w.Publish(harness.Overlapping(10 * time.Minute))
		w.Advance(time.Minute)
		return object
	}
	tests := map[string]struct {
		reason  string
		before  func(world) *v1alpha1.GatewayToken
		at      func(harness.Effect) bool
		during  func(world, *v1alpha1.GatewayToken)
		creates int
		gone    bool
	}{
		"before the create at the vendor": {
			reason: "the new one finds no token and makes one; the old one makes another",
			before: ask, at: func(e harness.Effect) bool { return e.Is(harness.Mint, harness.VendorToken) }, creates: 2,
		},
		"before the Secret is created": {
			reason: "the new one adopts the token that the old one made",
			before: ask, at: func(e harness.Effect) bool { return e.Is(harness.Create, "Secret") }, creates: 1,
		},
		"before the status": {
			reason: "the old one's status is of an old object",
			before: ask, at: func(e harness.Effect) bool { return e.Is(harness.Status, "GatewayToken") }, creates: 1,
		},
		"before the finalizer": {
			reason: "the old one's patch is of an old object",
			before: ask, at: func(e harness.Effect) bool { return e.Is(harness.PatchVerb, "GatewayToken") }, creates: 1,
		},
		"before a repair of a deleted Secret": {
			reason: "both read the value at the vendor",
			before: func(w world) *v1alpha1.GatewayToken {
				object := published(w)
				w.Remove(w.Secret("mediator"))
				return object
			},
			at: func(e harness.Effect) bool { return e.Is(harness.Create, "Secret") }, creates: 1,
		},
		"before the successor's create": {
			reason: "the token was revoked by somebody, and both make another",
			before: func(w world) *v1alpha1.GatewayToken {
				object := published(w)
				w.RevokeByHand(object.Status.Current.ID)
				return object
			},
			at: func(e harness.Effect) bool { return e.Is(harness.Mint, harness.VendorToken) }, creates: 3,
		},
		"before the successor is applied": {
			reason: "the old one would publish over what the new one published",
			before: func(w world) *v1alpha1.GatewayToken {
				object := published(w)
				w.RevokeByHand(object.Status.Current.ID)
				return object
			},
			at: func(e harness.Effect) bool { return e.Is(harness.Apply, "Secret") }, creates: 2,
		},
		"before the revocation of a deleted object": {
			reason: "what is revoked twice is revoked",
			before: func(w world) *v1alpha1.GatewayToken {
				object := published(w)
				w.Remove(object)
				return object
			},
			at: func(e harness.Effect) bool { return e.Is(harness.Revoke, harness.VendorToken) }, creates: 1, gone: true,
		},
		"before the Secret of a deleted object is deleted": {
			reason: "it must not delete the Secret of the next object of that name",
			before: func(w world) *v1alpha1.GatewayToken {
				object := published(w)
				w.Remove(object)
				return object
			},
			at: func(e harness.Effect) bool {
				return e.Is(harness.Delete, "Secret") && e.Name[len(e.Name)-8:] == "mediator"
			},
			during: func(w world, object *v1alpha1.GatewayToken) {
				*object = *w.Token("mediator", harness.Overlapping(10*time.Minute))
				w.Create(object)
				w.Advance(2 * time.Minute)
			},
			creates: 2,
		},
		"before the create for an object that is deleted meanwhile": {
			reason: "its token is nobody's, and is revoked by the one that released the object",
			before: ask, at: func(e harness.Effect) bool { return e.Is(harness.Mint, harness.VendorToken) },
			during: func(w world, object *v1alpha1.GatewayToken) {
				w.Remove(object)
				w.Advance(2 * time.Minute)
			},
			creates: 2, gone: true,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Watch()
			object := tc.before(w)
			zombie := w.Park(10*time.Minute, tc.at)
			w.Advance(time.Minute)
			if tc.during != nil {
				tc.during(w, object)
			}
			w.Resume(zombie)
			w.Advance(40 * time.Minute)
			w.WantCreates(tc.creates)
			if tc.gone {
				if !w.Gone(object) {
					t.Error("it is not gone")
				}
				w.WantActive(0)
			} else {
				w.WantReady(object)
				w.WantActive(1)
			}
			w.CheckRest()
		})
	}
}
