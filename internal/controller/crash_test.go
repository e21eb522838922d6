package controller_test

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// story is something that happens to a world, in which every effect can go wrong.
type story struct {
	reason string
	// tell brings the world from its beginning to where the story ends, but for what the operator does last.
	tell func(*harness.World) *v1alpha1.GatewayToken
	// ends judges the world at rest.
	ends func(*testing.T, *harness.World, *v1alpha1.GatewayToken)
	// creates is how many tokens the vendor makes at most, without an answer that is lost by a mishap; lost is how many answers the
	// story itself loses.
	creates, lost int
	// takes is how long it takes to come to rest; 8 minutes when zero.
	takes time.Duration
}

// settle lets the operator come to rest. One that was killed is soon started again.
func (s story) settle(w *harness.World) {
	again(w)
	w.Advance(time.Minute)
	again(w)
	goOn(w, cmp.Or(s.takes, 8*time.Minute))
}

// again starts a process that was killed.
func again(w *harness.World) bool {
	dead := w.Dead()
	if dead {
		w.Interfere(harness.Interference{})
		w.Restart()
	}
	return dead
}

// goOn lets time pass, and again for a process that was killed meanwhile.
func goOn(w *harness.World, d time.Duration) {
	if w.Advance(d); again(w) {
		w.Advance(d)
	}
}

func stories() map[string]story {
	published := func(t *testing.T, w *harness.World, object *v1alpha1.GatewayToken) {
		t.Helper()
		w.WantReady(object)
		w.WantActive(1)
	}
	gone := func(t *testing.T, w *harness.World, object *v1alpha1.GatewayToken) {
		t.Helper()
		if !w.Gone(object) || w.Secret("mediator") != nil {
			t.Error("it is not gone")
		}
		w.WantActive(0)
	}
	return map[string]story{
		"issue": {
			reason: "from the manifest to the Secret",
			tell: func(w *harness.World) *v1alpha1.GatewayToken {
				_, object := w.Ask()
				return object
			},
			ends: published, creates: 1,
		},
		"deletion": {
			reason: "from the first revocation to the release",
			tell: func(w *harness.World) *v1alpha1.GatewayToken {
				_, object := w.Ask()
				w.Advance(time.Minute)
				w.Remove(object)
				return object
			},
			ends: gone, creates: 1,
		},
		"deletion at once": {
			reason: "deleted before it was ready",
			tell: func(w *harness.World) *v1alpha1.GatewayToken {
				_, object := w.Ask()
				w.Settle()
				w.Remove(object)
				return object
			},
			ends: gone, creates: 1,
		},
		"rotation": {
			reason: "requested, with a workload that is restarted",
			tell:   rotate(false), ends: rotated, creates: 2,
		},
		"leak": {
			reason: "replaced and revoked at once, whoever holds it",
			tell:   rotate(true), ends: published, creates: 2,
		},
		"repair": {
			reason: "the Secret is deleted and read again at the vendor",
			tell: func(w *harness.World) *v1alpha1.GatewayToken {
				_, object := w.Ask()
				w.Advance(time.Minute)
				if secret := w.Secret("mediator"); secret != nil {
					w.Remove(secret)
				}
				return object
			},
			ends: published, creates: 1,
		},
		"reissue": {
			reason: "somebody revokes the token at the vendor",
			tell: func(w *harness.World) *v1alpha1.GatewayToken {
				_, object := w.Ask()
				w.Advance(time.Minute)
				if active := w.Active(); len(active) == 1 {
					w.RevokeByHand(active[0].ID)
				}
				return object
			},
			ends: published, creates: 2,
		},
		"edit": {
			reason: "another key and another label",
			tell: func(w *harness.World) *v1alpha1.GatewayToken {
				_, object := w.Ask()
				w.Advance(time.Minute)
				return harness.Change(w, object, func(o *v1alpha1.GatewayToken) {
					o.Spec.Secret = &v1alpha1.SecretTemplate{
						Data: map[string]v1alpha1.DataTemplate{"token": "{{ .Token }}", "id": "{{ .ID }}"},
					}
				})
			},
			ends: func(t *testing.T, w *harness.World, object *v1alpha1.GatewayToken) {
				published(t, w, object)
				if got := string(w.Secret("mediator").Data["id"]); got != object.Status.Current.ID {
					t.Errorf("the new key has %q", got)
				}
			},
			creates: 1,
		},
		"retention": {
			reason: "deleted, but for token and Secret",
			tell: func(w *harness.World) *v1alpha1.GatewayToken {
				_, object := w.Ask(harness.Retained)
				w.Advance(time.Minute)
				w.Remove(object)
				return object
			},
			ends: func(t *testing.T, w *harness.World, object *v1alpha1.GatewayToken) {
				if !w.Gone(object) {
					t.Error("it is not gone")
				}
				w.WantActive(1)
				if secret := w.Secret("mediator"); secret == nil || secret.Labels[v1alpha1.LabelRetained] != "true" || !w.Current(secret, "token").Active {
					t.Error("the Secret was not retained with its token")
				}
			},
			creates: 1,
		},
	}
}

// rotate has a token replaced while a Deployment has a pod with the old value.
func rotate(leaked bool, options ...func(*v1alpha1.GatewayToken)) func(*harness.World) *v1alpha1.GatewayToken {
	return func(w *harness.World) *v1alpha1.GatewayToken {
		_, object := w.Ask(append([]func(*v1alpha1.GatewayToken){restarting()}, options...)...)
		w.Advance(time.Minute)
		deployment(w, "user", object.SecretName())
		ask(w, object, leaked)
		return object
	}
}

// rotated: the workload was restarted once, and the old token lives until its last pod is gone and the overlap has passed.
func rotated(t *testing.T, w *harness.World, object *v1alpha1.GatewayToken) {
	t.Helper()
	user := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: w.Tenant, Name: "user"}}
	w.Refresh(user)
	w.WantReady(object)
	w.WantActive(2)
	wantRestarts(t, w, user, 1, "its pod holds the old value")
	w.PodOf(user, "new")
	w.Finish(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: w.Tenant, Name: "user-old"}})
	goOn(w, 2*time.Hour)
	w.WantReady(object)
	w.WantActive(1)
	wantRestarts(t, w, user, 1, "once is enough")
	w.Want(object, v1alpha1.ConditionConsumersReady, metav1.ConditionTrue, v1alpha1.ReasonConsumersCurrent)
}

// mishap is what befalls the process at one effect. To be killed before one is to be killed after the one before it: in between,
// nothing is done that outlives the process.
type mishap struct {
	reason string
	befall func(w *harness.World, at int)
	// lost: an answer of the vendor may be lost by it, so that one more create is allowed.
	lost bool
}

func mishaps() map[string]mishap {
	before := func(do func() error) func(*harness.World, int) {
		return func(w *harness.World, at int) {
			w.Interfere(harness.Interference{Before: func(effect harness.Effect) error {
				if effect.Number != at {
					return nil
				}
				return do()
			}})
		}
	}
	after := func(do func() error) func(*harness.World, int) {
		return func(w *harness.World, at int) {
			w.Interfere(harness.Interference{After: func(effect harness.Effect) error {
				if effect.Number != at {
					return nil
				}
				return do()
			}})
		}
	}
	kill := func() error { harness.Kill(); return nil }
	return map[string]mishap{
		"killed after": {reason: "the effect is there, and nobody remembers it", befall: after(kill), lost: true},
		"answer lost":  {reason: "the effect is there, and the process does not know", befall: after(func() error { return harness.ErrLost }), lost: true},
		"refused":      {reason: "the effect is not there", befall: before(func() error { return apierrors.NewInternalError(harness.ErrLost) })},
	}
}

// Every effect of every story goes wrong once, in every way. Whatever it is: no token is forgotten, the Secret never holds
// one that is not active, and no more tokens are made than answers were lost. All stories are told on the real API server, and of what goes
// wrong that of the first one.
func TestEveryEffectGoesWrong(t *testing.T) {
	for storyName, story := range stories() {
		t.Run(storyName, func(t *testing.T) {
			stands := storyName == "issue"
			undisturbed(t, story)
			effects := effectsOf(t, model, story)
			for mishapName, mishap := range mishaps() {
				for _, effect := range effects {
					t.Run(fmt.Sprintf("%s %d", mishapName, effect.Number), func(t *testing.T) {
						w := newWorldOf(t, stands)
						w.Watch()
						mishap.befall(w, effect.Number)
						endure(t, w, story, mishap)
					})
				}
			}
		})
	}
}

// undisturbed tells a story without a mishap on the real API server: with mishaps it is told on models.
func undisturbed(t *testing.T, told story, options ...harness.Option) {
	t.Helper()
	t.Run("undisturbed", func(t *testing.T) {
		t.Parallel()
		effectsOf(t, plane, told, options...)
	})
}

// effectsOf tells the story without a mishap, and gives the effects that earlier stories do not have.
func effectsOf(t *testing.T, on *harness.Plane, told story, options ...harness.Option) []harness.Effect {
	t.Helper()
	w := harness.New(t, on, connect, options...)
	w.Watch()
	object := told.tell(w)
	begin := len(w.Effects())
	told.settle(w)
	told.ends(t, w, object)
	w.WantCreates(told.creates)
	w.CheckRest()
	effects := w.Effects()[begin:]
	if len(effects) == 0 {
		t.Fatal("the story has no effect")
	}
	return effects
}

func endure(t *testing.T, w *harness.World, told story, with mishap) {
	t.Helper()
	object := told.tell(w)
	told.settle(w)
	told.ends(t, w, object)
	made := len(w.Made())
	if allowed := told.creates; made > allowed+1 || (made > allowed && !with.lost) {
		t.Errorf("%d tokens were made, want %d", made, allowed)
	}
	w.CheckRest()
}

// storiesElsewhere are those of vendors that drop what is revoked, and show no value twice.
func storiesElsewhere(at place) map[string]story {
	const short = 2 * time.Minute
	published := func(t *testing.T, w *harness.World, object *v1alpha1.GatewayToken) {
		t.Helper()
		w.WantReady(object)
		w.WantActive(1)
	}
	lostValue := func(w *harness.World) *v1alpha1.GatewayToken {
		_, object := w.Ask(harness.Overlapping(short))
		w.Advance(time.Minute)
		if secret := w.Secret("mediator"); secret != nil {
			w.Remove(secret)
		}
		return object
	}
	rights := elsewhere(at)
	return map[string]story{
		"issue": {
			reason: "from the manifest to the Secret", ends: published, creates: 1,
			tell: func(w *harness.World) *v1alpha1.GatewayToken {
				_, object := w.Ask(harness.Overlapping(short))
				return object
			},
		},
		"deletion": {
			reason: "from the first revocation to the release", creates: 1,
			tell: func(w *harness.World) *v1alpha1.GatewayToken {
				_, object := w.Ask(harness.Overlapping(short))
				w.Advance(time.Minute)
				w.Remove(object)
				return object
			},
			ends: func(t *testing.T, w *harness.World, object *v1alpha1.GatewayToken) {
				t.Helper()
				wantGone(t, w, object)
				w.WantActive(0)
			},
		},
		"rotation":   {reason: "requested, with a workload that is restarted", tell: rotate(false, harness.Overlapping(short)), ends: rotated, creates: 2},
		"lost value": {reason: "the Secret is deleted, and another token issued", tell: lostValue, ends: published, creates: 2},
		"other rights": {
			reason: "given to the token, or to another one", creates: map[bool]int{true: 1, false: 2}[at.asks],
			tell: func(w *harness.World) *v1alpha1.GatewayToken {
				_, object := w.Ask(harness.Overlapping(short), rights[0])
				w.Advance(time.Minute)
				return harness.Change(w, object, rights[1])
			},
			ends: func(t *testing.T, w *harness.World, object *v1alpha1.GatewayToken) {
				t.Helper()
				published(t, w, object)
				want := "issues:write"
				if at.asks {
					want = "convox:app:*"
				}
				wantRights(t, w, object, want)
			},
		},
	}
}

// TestEveryEffectGoesWrong at those vendors, on models of the API server: the effect is there, and nobody remembers it or knows of it.
func TestEveryEffectGoesWrongElsewhere(t *testing.T) {
	atEach(t, func(t *testing.T, at place) {
		for storyName, story := range storiesElsewhere(at) {
			t.Run(storyName, func(t *testing.T) {
				if at.stands {
					undisturbed(t, story, harness.At(at))
				}
				effects := effectsOf(t, model, story, harness.At(at))
				for _, mishapName := range []string{"killed after", "answer lost"} {
					for _, effect := range effects {
						t.Run(fmt.Sprintf("%s %d", mishapName, effect.Number), func(t *testing.T) {
							w := newModelWorld(t, harness.At(at))
							w.Watch()
							mishaps()[mishapName].befall(w, effect.Number)
							endure(t, w, story, mishaps()[mishapName])
						})
					}
				}
			})
		}
	})
}

// elsewhere edits what the spec asks of the vendor.
func elsewhere(at place) []func(*v1alpha1.GatewayToken) {
	if at.asks {
		return []func(*v1alpha1.GatewayToken){
			permitted("convox:app:read"), permitted("convox:app:*"), inRole(v1alpha1.RackGatewayViewer), inRole(v1alpha1.RackGatewayDeployer),
		}
	}
	return []func(*v1alpha1.GatewayToken){scoped("issues:read"), scoped("issues:write"), scoped("issues:read", "patterns:read")}
}
