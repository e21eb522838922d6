package controller_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// corner is a vendor where a token cannot be found again by its name. What may have come of a create that was not answered is told to
// a person there or, where nobody else makes tokens, revoked.
type corner struct {
	flavour func() harness.Flavour
	// exclusive: nobody else makes tokens. unlisted: nothing lists them.
	exclusive, unlisted bool
}

func corners() map[string]corner {
	return map[string]corner{
		"PingOne":             {flavour: func() harness.Flavour { return harness.AtPingOne(false) }},
		"PingOne, exclusive":  {flavour: func() harness.Flavour { return harness.AtPingOne(true) }, exclusive: true},
		"Causeloop, existing": {flavour: harness.AtCauseloopExisting, unlisted: true},
	}
}

// storiesInCorners are told beside a token that somebody made by hand before.
func storiesInCorners(at corner) map[string]story {
	const short = 2 * time.Minute
	ask := func(w *harness.World, options ...func(*v1alpha1.GatewayToken)) *v1alpha1.GatewayToken {
		w.CreateByHand("somebody's")
		_, object := w.Ask(append(options, harness.Overlapping(short))...)
		return object
	}
	asked := func(w *harness.World, options ...func(*v1alpha1.GatewayToken)) *v1alpha1.GatewayToken {
		object := ask(w, options...)
		w.Advance(time.Minute)
		return object
	}
	loses := func(w *harness.World) { w.Fault(w.Route(harness.RouteCreate), stage.CutAfterCommit) }
	published := func(t *testing.T, w *harness.World, object *v1alpha1.GatewayToken) {
		t.Helper()
		w.WantReady(object)
		wantNoneLeft(t, w, 1)
	}
	gone := func(t *testing.T, w *harness.World, object *v1alpha1.GatewayToken) {
		t.Helper()
		wantGone(t, w, object)
		wantNoneLeft(t, w, 0)
	}
	stories := map[string]story{
		"issue": {
			reason: "from the manifest to the Secret", ends: published, creates: 1,
			tell: func(w *harness.World) *v1alpha1.GatewayToken { return ask(w) },
		},
		"answer lost": {
			reason: "the attempt, the report and the further create", ends: published, creates: 2, lost: 1,
			tell: func(w *harness.World) *v1alpha1.GatewayToken {
				loses(w)
				return ask(w)
			},
		},
		"answer lost, and deleted": {
			reason: "what cannot be told is reported before the object goes", ends: gone, creates: 1, lost: 1,
			tell: func(w *harness.World) *v1alpha1.GatewayToken {
				loses(w)
				object := ask(w)
				w.Settle()
				w.Remove(object)
				return object
			},
		},
		"deletion": {
			reason: "from the first revocation to the release", ends: gone, creates: 1,
			tell: func(w *harness.World) *v1alpha1.GatewayToken {
				object := asked(w)
				w.Remove(object)
				return object
			},
		},
		"lost value": {
			reason: "the Secret is deleted, and with it the ledger", ends: published, creates: 2,
			tell: func(w *harness.World) *v1alpha1.GatewayToken {
				object := asked(w)
				if secret := w.Secret("mediator"); secret != nil {
					w.Remove(secret)
				}
				return object
			},
		},
		"retention": {
			reason: "deleted, but for token and Secret", creates: 1,
			tell: func(w *harness.World) *v1alpha1.GatewayToken {
				object := asked(w, harness.Retained)
				w.Remove(object)
				return object
			},
			ends: func(t *testing.T, w *harness.World, object *v1alpha1.GatewayToken) {
				t.Helper()
				if !w.Gone(object) {
					t.Error("it is not gone")
				}
				if secret := w.Secret("mediator"); secret == nil || secret.Labels[v1alpha1.LabelRetained] != "true" || !w.Current(secret, "token").Active {
					t.Error("the Secret was not retained with its token")
				}
				wantNoneLeft(t, w, 1)
			},
		},
	}
	switch {
	case at.exclusive:
		// What is the same whoever else makes tokens is told elsewhere.
		for _, same := range []string{"issue", "deletion", "retention"} {
			delete(stories, same)
		}
	case !at.unlisted:
		stories["reissue"] = story{
			reason: "somebody revokes the token at the vendor", ends: published, creates: 2,
			tell: func(w *harness.World) *v1alpha1.GatewayToken {
				object := asked(w)
				if secret := w.Secret("mediator"); secret != nil {
					w.RevokeByHand(w.Current(secret, "token").ID)
				}
				return object
			},
		}
	}
	for name, story := range stories {
		story.takes = at.takes()
		stories[name] = story
	}
	return stories
}

// takes is how long a story takes to come to rest: two lists tell that a token is gone, and a stranger rests for a quarter of an hour
// before it is revoked.
func (c corner) takes() time.Duration {
	if c.exclusive {
		return 30 * time.Minute
	}
	return 12 * time.Minute
}

// bears tells whether an effect has to do with what is particular to such vendors. The issuer's own copy of its credentials and its
// finalizer have not, and its status only where it tells of tokens.
func (s story) bears(effect harness.Effect) bool {
	switch effect.Kind {
	case harness.VendorToken, v1alpha1.KindGatewayToken:
		return true
	case v1alpha1.KindClusterTokenIssuer:
		return s.lost > 0 && effect.Verb == harness.Status
	default:
		return strings.HasSuffix(effect.Name, "/mediator")
	}
}

// befalls are the mishaps of a story. Where no token is made but in answer to somebody, it is enough that nobody remembers what was done.
func befalls(name string) []string {
	switch name {
	case "deletion", "retention", "reissue":
		return []string{"killed after"}
	default:
		return []string{"killed after", "answer lost", "refused"}
	}
}

// wantNoneLeft checks that so many of the operator's tokens are active that nobody has to look after.
func wantNoneLeft(t *testing.T, w *harness.World, want int) {
	t.Helper()
	active := slices.DeleteFunc(w.Made(), func(made harness.Token) bool { return !made.Active })
	if left := len(active) - len(w.Reported()); left != want {
		t.Errorf("%d tokens are active and not reported, want %d: %+v", left, want, active)
	}
}

// Every effect of every story goes wrong once. An answer that is lost costs a create, and leaves a token that is reported, also when
// the object is gone, or revoked where it can be nobody else's. Nothing else is left.
func TestEveryEffectGoesWrongInCorners(t *testing.T) {
	for name, at := range corners() {
		t.Run(name, func(t *testing.T) {
			for storyName, story := range storiesInCorners(at) {
				t.Run(storyName, func(t *testing.T) {
					if !at.exclusive {
						undisturbed(t, story, harness.At(at.flavour()))
					}
					effects := slices.DeleteFunc(effectsOf(t, model, story, harness.At(at.flavour())), func(e harness.Effect) bool { return !story.bears(e) })
					for _, mishapName := range befalls(storyName) {
						mishap := mishaps()[mishapName]
						for _, effect := range effects {
							t.Run(fmt.Sprintf("%s %d", mishapName, effect.Number), func(t *testing.T) {
								w := newModelWorld(t, harness.At(at.flavour()))
								w.Watch()
								mishap.befall(w, effect.Number)
								endureInCorner(t, w, at, story, mishap)
							})
						}
					}
				})
			}
		})
	}
}

func endureInCorner(t *testing.T, w *harness.World, at corner, told story, with mishap) {
	t.Helper()
	object := told.tell(w)
	told.settle(w)
	lost := told.lost
	if with.lost {
		lost++
	}
	most := lost
	if at.exclusive && lost == 1 {
		// It is told for certain.
		most = 0
	}
	if left := w.Reported(); len(left) > most {
		t.Errorf("%d tokens are left to a person, want at most %d: %+v", len(left), most, left)
	}
	w.CheckRest()
	decide(w, object, at)
	told.ends(t, w, object)
	if made, most := len(w.Made()), told.creates-told.lost+lost; made > most {
		t.Errorf("%d tokens were made, want at most %d", made, most)
	}
	w.CheckRest()
}

// decide has a person look after what is reported, where nothing goes on without it.
func decide(w *harness.World, object *v1alpha1.GatewayToken, at corner) {
	if w.Gone(object) || w.Condition(object, v1alpha1.ConditionStalled).Reason != string(lifecycle.ReasonPossibleOrphans) {
		return
	}
	for _, made := range w.Reported() {
		w.RevokeByHand(made.ID)
	}
	acknowledge(w, w.ClusterIssuer())
	w.Advance(at.takes())
}

// The stories have the effects that are made for such vendors: the attempt that is written down first, and the report.
func TestCornersAreTold(t *testing.T) {
	for name, at := range corners() {
		t.Run(name, func(t *testing.T) {
			w := newModelWorld(t, harness.At(at.flavour()))
			told := storiesInCorners(at)["answer lost"]
			told.tell(w)
			told.settle(w)
			attempts := 0
			for i, effect := range w.Effects() {
				if effect.Is(harness.Mint, harness.VendorToken) && w.Effects()[i-1].Is(harness.Status, v1alpha1.KindGatewayToken) {
					attempts++
				}
			}
			// The create that is not answered is no effect that was seen to succeed.
			if attempts != 1 {
				t.Errorf("%d creates were written down first, want 1", attempts)
			}
			issuer := w.ClusterIssuer()
			if w.Refresh(issuer); (len(issuer.Status.PossibleOrphans) == 0) != at.exclusive {
				t.Errorf("reported: %+v", issuer.Status.PossibleOrphans)
			}
		})
	}
}
