package controller_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/gatewaytoken"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// replaced says how a token is replaced, and lets one that was retire within ten minutes.
func replaced(how v1alpha1.RotationStrategy) func(*v1alpha1.GatewayToken) {
	return func(o *v1alpha1.GatewayToken) {
		harness.Overlapping(10 * time.Minute)(o)
		o.Spec.Rotation.Strategy = how
	}
}

func atPersonal() harness.Option {
	return harness.At(harness.AtCauseloop(v1alpha1.CauseloopKindPersonal))
}

// otherIDs lets what is rolled get another ID.
func otherIDs(w *harness.World) {
	switches := w.Vendor.Causeloop().Switches()
	switches.RollKeepsID = false
	if err := w.Vendor.Causeloop().SetSwitches(switches); err != nil {
		panic(err) // they are the simulator's own
	}
}

// fill makes credentials by hand, and gives the first.
func fill(w *harness.World, count int) (first string) {
	for range count {
		made := w.CreateByHand("somebody's")
		if first == "" {
			first = made
		}
	}
	return first
}

// wantCut fails unless an event has told so often that consumers are cut off.
func wantCut(t *testing.T, w *harness.World, want int) {
	t.Helper()
	told := 0
	for _, event := range w.Events {
		if event.Reason == gatewaytoken.EventConsumersCut && event.Type == "Warning" {
			told++
		}
	}
	if told != want {
		t.Errorf("%d events tell that consumers are cut off, want %d", told, want)
	}
}

func wantSequence(t *testing.T, w *harness.World, object *v1alpha1.GatewayToken, want int64) {
	t.Helper()
	w.Refresh(object)
	if object.Status.Current == nil || object.Status.Current.Sequence != want {
		t.Errorf("status.current is %+v, want sequence %d", object.Status.Current, want)
	}
}

// A personal token of Causeloop is given another value, once for each request, whether it keeps its ID or not.
func TestInPlace(t *testing.T) {
	for name, set := range map[string]func(*harness.World){"same ID": func(*harness.World) {}, "another ID": otherIDs} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, atPersonal())
			set(w)
			w.Watch()
			_, object := w.Publish(replaced(v1alpha1.StrategyInPlace))
			before := string(w.Secret("mediator").Data["token"])
			for sequence := range int64(3) {
				w.Advance(time.Hour)
				asked := ask(w, object, false)
				w.Settle()
				w.WantReady(object)
				wantSequence(t, w, object, sequence+2)
				if object.Status.HandledRotateRequest != asked {
					t.Errorf("handled: %q, want %q", object.Status.HandledRotateRequest, asked)
				}
			}
			if w.Vendor.Causeloop().Check(before).Active {
				t.Error("the first value works still")
			}
			if message := w.Condition(object, v1alpha1.ConditionReady).Message; !strings.Contains(message, "cut off") {
				t.Errorf("Ready does not tell that consumers were cut off: %s", message)
			}
			w.Restart()
			w.Advance(time.Hour)
			w.WantReady(object)
			w.WantActive(1)
			w.WantNo(object, v1alpha1.ConditionRotating)
			w.WantNo(object, v1alpha1.ConditionRevocationPending)
			if rolls, creates := w.Calls(causeloop.RouteRoll), w.Calls(causeloop.RouteCreate); rolls != 3 || creates != 1 {
				t.Errorf("%d times rolled, %d created", rolls, creates)
			}
			wantCut(t, w, 3)
			w.CheckRest()
		})
	}
}

// By age, too: the value is as old as its publication, whatever the vendor says of the token.
func TestInPlaceByAge(t *testing.T) {
	w := newWorld(t, atPersonal())
	w.Watch()
	_, object := w.Publish(replaced(v1alpha1.StrategyInPlace), func(o *v1alpha1.GatewayToken) {
		o.Spec.Rotation.Interval = &metav1.Duration{Duration: 48 * time.Hour}
	})
	for range 12 {
		w.Advance(12 * time.Hour)
	}
	w.WantReady(object)
	w.WantCreates(1)
	if rolls := w.Calls(causeloop.RouteRoll); rolls < 2 || rolls > 3 {
		t.Errorf("%d times rolled in six days", rolls)
	}
	w.CheckRest()
}

// Whatever is lost of an answer: the vendor is asked once, and the next token takes the place of one that may be dead.
func TestInPlaceDoubt(t *testing.T) {
	kill := func(before bool) func(*harness.World) {
		return func(w *harness.World) {
			hit, _ := once(func(e harness.Effect) bool { return e.Is(harness.Roll, harness.VendorToken) }, harness.Kill)
			w.Interfere(map[bool]harness.Interference{true: {Before: hit}, false: {After: hit}}[before])
		}
	}
	fault := func(kind stage.Kind) func(*harness.World) {
		return func(w *harness.World) { w.Fault(causeloop.RouteRoll, kind) }
	}
	tests := map[string]func(*harness.World){
		"cut before": fault(stage.CutBeforeCommit), "cut after": fault(stage.CutAfterCommit), "no value": fault(stage.EmptyValue),
		"truncated": fault(stage.TruncatedBody), "committed late": func(w *harness.World) {
			w.Fault(causeloop.RouteRoll, stage.LateCommit, func(f *simulator.Fault) { f.Delay = 10 * time.Second })
		},
		"killed before": kill(true), "killed after": kill(false),
	}
	for name, goWrong := range tests {
		for ids, set := range map[string]func(*harness.World){"same ID": func(*harness.World) {}, "another ID": otherIDs} {
			t.Run(name+", "+ids, func(t *testing.T) {
				w := newWorldOf(t, name == "killed after", atPersonal())
				set(w)
				w.Watch()
				_, object := w.Publish(replaced(v1alpha1.StrategyInPlace), harness.Reporting)
				w.Advance(time.Hour)
				goWrong(w)
				ask(w, object, false)
				w.Settle()
				if w.Dead() {
					w.Interfere(harness.Interference{})
					w.Restart()
				}
				w.Advance(time.Minute)
				w.WantReady(object)
				wantSequence(t, w, object, 3)
				w.Advance(2 * time.Hour)
				w.WantReady(object)
				w.WantActive(1)
				if rolls, creates := w.Calls(causeloop.RouteRoll), w.Calls(causeloop.RouteCreate); rolls > 1 || creates != 2 {
					t.Errorf("%d times rolled, %d created", rolls, creates)
				}
				w.CheckRest()
			})
		}
	}
}

// A refusal costs nothing: the value works, also after a restart, and the refusal is told. Later it is done.
func TestInPlaceRefused(t *testing.T) {
	w := newWorld(t, atPersonal())
	w.Watch()
	_, object := w.Publish(replaced(v1alpha1.StrategyInPlace))
	w.Advance(time.Hour)
	w.Fault(causeloop.RouteRoll, stage.Status, harness.Always, func(f *simulator.Fault) { f.Status = http.StatusForbidden })
	ask(w, object, false)
	w.Advance(10 * time.Minute)
	w.WantReady(object)
	w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionFalse, v1alpha1.ReasonRollRefused)
	w.Want(object, v1alpha1.ConditionRotating, metav1.ConditionTrue, v1alpha1.ReasonInPlace)
	asked := w.Calls(causeloop.RouteRoll)
	if asked < 2 || asked > 5 {
		t.Errorf("asked %d times within ten minutes", asked)
	}
	w.Restart()
	w.Advance(time.Minute)
	w.WantReady(object)
	wantSequence(t, w, object, 1)
	wantCut(t, w, 0)
	w.Heal()
	w.Advance(time.Hour)
	w.WantReady(object)
	wantSequence(t, w, object, 2)
	w.WantCreates(1)
	w.WantNo(object, v1alpha1.ConditionRotating)
	w.CheckRest()
}

// The new value is there, and the Secret cannot be written: the value stays in hand, and only the write is repeated.
func TestInPlaceUnwritten(t *testing.T) {
	w := newWorld(t, atPersonal())
	w.Watch()
	_, object := w.Publish(replaced(v1alpha1.StrategyInPlace))
	w.Advance(time.Hour)
	rolled, refused := false, 0
	w.Interfere(harness.Interference{
		Before: func(e harness.Effect) error {
			if rolled && e.Is(harness.Apply, "Secret") && refused < 3 {
				refused++
				return harness.ErrLost
			}
			return nil
		},
		After: func(e harness.Effect) error {
			rolled = rolled || e.Is(harness.Roll, harness.VendorToken)
			return nil
		},
	})
	ask(w, object, false)
	w.Settle()
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWriteFailed)
	w.Advance(10 * time.Minute)
	w.WantReady(object)
	wantSequence(t, w, object, 2)
	w.WantCreates(1)
	if rolls := w.Calls(causeloop.RouteRoll); rolls != 1 || refused != 3 {
		t.Errorf("%d times rolled, %d writes refused", rolls, refused)
	}
	w.CheckRest()
}

// Where no vendor gives tokens another value, nothing is done, and that is told.
func TestInPlaceUnsupported(t *testing.T) {
	w := newWorld(t)
	_, object := w.Publish(harness.Overlapping(time.Hour))
	w.Advance(time.Minute)
	harness.Change(w, object, func(o *v1alpha1.GatewayToken) { o.Spec.Rotation.Strategy = v1alpha1.StrategyInPlace })
	w.Settle()
	w.Want(object, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonStrategyUnsupported)
	ask(w, object, false)
	w.Advance(time.Hour)
	w.WantReady(object)
	w.WantCreates(1)
	harness.Change(w, object, func(o *v1alpha1.GatewayToken) { o.Spec.Rotation.Strategy = "" })
	w.Advance(time.Minute)
	w.WantNo(object, v1alpha1.ConditionStalled)
	w.WantCreates(2)
}

// What the spec alone tells is refused at once.
func TestInPlaceRefusedBySpec(t *testing.T) {
	for name, at := range map[string]harness.Flavour{
		"Rack Gateway": harness.AtRackGateway(), "PingOne": harness.AtPingOne(false), "Causeloop": harness.AtCauseloop(v1alpha1.CauseloopKindDedicated),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.At(at))
			err := w.Admin().Create(t.Context(), w.Token("mediator", replaced(v1alpha1.StrategyInPlace)))
			if err == nil || !strings.Contains(err.Error(), "InPlace needs causeloop.personal") {
				t.Errorf("not refused: %v", err)
			}
		})
	}
}

// A full gateway: the credential makes room for its successor where the spec says so, and nobody takes that for somebody else's doing.
func TestRevokeFirst(t *testing.T) {
	kill := func(verb string) func(*harness.World) {
		return func(w *harness.World) {
			after, _ := once(func(e harness.Effect) bool { return e.Is(verb, harness.VendorToken) }, harness.Kill)
			w.Interfere(harness.Interference{After: after})
		}
	}
	killAtIntent := func(w *harness.World) {
		after, _ := once(func(e harness.Effect) bool { return e.Is(harness.Apply, "Secret") }, harness.Kill)
		w.Interfere(harness.Interference{After: after})
	}
	tests := map[string]struct {
		goWrong func(*harness.World)
		creates int
	}{
		"nothing goes wrong":       {func(*harness.World) {}, 2},
		"killed when written down": {killAtIntent, 2},
		"killed after it":          {kill(harness.Revoke), 2},
		"answer lost":              {func(w *harness.World) { w.Fault(pingone.RouteRevoke, stage.CutAfterCommit) }, 2},
		"create refused": {func(w *harness.World) {
			w.Fault(pingone.RouteCreate, stage.Status, func(f *simulator.Fault) { f.Status = http.StatusForbidden })
		}, 2},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.At(harness.AtPingOne(false)))
			fill(w, 4)
			w.Watch()
			_, object := w.Publish(replaced(v1alpha1.StrategyRevokeFirst), harness.Reporting)
			w.Advance(time.Hour)
			tc.goWrong(w)
			ask(w, object, false)
			w.Advance(time.Minute)
			if w.Dead() {
				w.Interfere(harness.Interference{})
				w.Restart()
			}
			w.Advance(20 * time.Minute)
			w.WantReady(object)
			w.WantCreates(tc.creates)
			w.WantActive(5)
			wantSequence(t, w, object, 2)
			w.WantNo(object, v1alpha1.ConditionRotating)
			w.WantNo(object, v1alpha1.ConditionStalled)
			if message := w.Condition(object, v1alpha1.ConditionReady).Message; !strings.Contains(message, "cut off") {
				t.Errorf("Ready does not tell that consumers were cut off: %s", message)
			}
			w.CheckRest()
		})
	}
}

// The vendor goes down between revocation and create, for long, and the operator is restarted meanwhile: the token comes as soon as the
// vendor is back.
func TestRevokeFirstAndDown(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtPingOne(false)))
	fill(w, 4)
	w.Watch()
	_, object := w.Publish(replaced(v1alpha1.StrategyRevokeFirst), harness.Reporting)
	w.Advance(time.Hour)
	after, revoked := once(func(e harness.Effect) bool { return e.Is(harness.Revoke, harness.VendorToken) }, func() {
		for _, route := range []string{pingone.RouteList, pingone.RouteCreate, pingone.RouteGet} {
			w.Fault(route, stage.Status, harness.Always, func(f *simulator.Fault) { f.Status = http.StatusServiceUnavailable })
		}
	})
	w.Interfere(harness.Interference{After: after})
	ask(w, object, false)
	w.Advance(10 * time.Minute)
	wantHappened(t, revoked)
	wantCut(t, w, 1)
	down := func() {
		t.Helper()
		if ready := w.Condition(object, v1alpha1.ConditionReady); ready.Status != metav1.ConditionFalse {
			t.Errorf("Ready is %s (%s) while the token is revoked", ready.Status, ready.Reason)
		}
		w.Want(object, v1alpha1.ConditionRotating, metav1.ConditionTrue, v1alpha1.ReasonRevokeFirst)
	}
	down()
	w.Restart()
	w.Advance(2 * time.Hour)
	down()
	w.Heal()
	w.Advance(10 * time.Minute)
	w.WantReady(object)
	w.WantCreates(2)
	w.WantActive(5)
	w.CheckRest()
}

// Two of one gateway: with room for one they take turns, and without any they do so where both say that they may be revoked first. Where
// neither does, it is told what to do.
func TestGatewayTakesTurns(t *testing.T) {
	tests := map[string]struct {
		strategy  v1alpha1.RotationStrategy
		others    int
		nothing   bool
		goneFirst bool
	}{
		"room for one":                       {strategy: v1alpha1.StrategyOverlap, others: 2},
		"no room":                            {strategy: v1alpha1.StrategyOverlap, others: 3, nothing: true},
		"no room, revoked first":             {strategy: v1alpha1.StrategyRevokeFirst, others: 3},
		"no room, one of them revoked first": {strategy: v1alpha1.StrategyRevokeFirst, others: 3, goneFirst: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.At(harness.AtPingOne(false)))
			somebodys := fill(w, tc.others)
			w.Watch()
			_, first := w.Publish(replaced(tc.strategy))
			second := w.Token("second", replaced(tc.strategy))
			if tc.goneFirst {
				second = w.Token("second", replaced(v1alpha1.StrategyOverlap))
			}
			w.Create(second)
			w.Advance(time.Hour)
			w.WantReady(second)
			ask(w, first, false)
			ask(w, second, false)
			w.Advance(2 * time.Hour)
			w.WantReady(first)
			w.WantReady(second)
			w.WantActive(2 + tc.others)
			want := map[bool]int64{true: 1, false: 2}
			wantSequence(t, w, first, want[tc.nothing])
			wantSequence(t, w, second, want[tc.nothing || tc.goneFirst])
			if tc.nothing || tc.goneFirst {
				w.Want(second, v1alpha1.ConditionRotating, metav1.ConditionTrue, v1alpha1.ReasonWaitingForSlot)
				if message := w.Condition(second, v1alpha1.ConditionRotating).Message; !strings.Contains(message, "Delete one") || !strings.Contains(message, "RevokeFirst") {
					t.Errorf("the message does not say what to do: %s", message)
				}
				if err := w.Vendor.PingOne().Revoke(somebodys); err != nil {
					t.Fatal(err)
				}
				w.Advance(2 * time.Hour)
				wantSequence(t, w, second, 2)
				wantSequence(t, w, first, 2)
			}
			w.WantNo(first, v1alpha1.ConditionRotating)
			w.WantNo(second, v1alpha1.ConditionRotating)
			w.CheckRest()
		})
	}
}

// strategies are the stories of tokens whose consumers are cut off, and where they are told.
func strategies() map[string]struct {
	story
	at harness.Flavour
} {
	type told = struct {
		story
		at harness.Flavour
	}
	personal := harness.AtCauseloop(v1alpha1.CauseloopKindPersonal)
	rotate := func(how v1alpha1.RotationStrategy, prepare func(*harness.World)) func(*harness.World) *v1alpha1.GatewayToken {
		return func(w *harness.World) *v1alpha1.GatewayToken {
			prepare(w)
			_, object := w.Ask(replaced(how), harness.Reporting)
			w.Advance(time.Hour)
			ask(w, object, false)
			return object
		}
	}
	ends := func(others int) func(*testing.T, *harness.World, *v1alpha1.GatewayToken) {
		return func(t *testing.T, w *harness.World, object *v1alpha1.GatewayToken) {
			t.Helper()
			w.WantReady(object)
			w.WantActive(1 + others)
			w.Refresh(object)
			if object.Status.Current.Sequence < 2 || object.Status.HandledRotateRequest == "" {
				t.Errorf("not replaced: %+v", object.Status.Current)
			}
		}
	}
	full := func(w *harness.World) { fill(w, 4) }
	return map[string]told{
		"in place": {at: personal, story: story{
			reason: "the token is given another value", creates: 1, takes: time.Hour,
			tell: rotate(v1alpha1.StrategyInPlace, func(*harness.World) {}), ends: ends(0),
		}},
		"in place, with another ID": {at: personal, story: story{
			reason: "another token has its name", creates: 2, takes: time.Hour,
			tell: rotate(v1alpha1.StrategyInPlace, otherIDs), ends: ends(0),
		}},
		"revoked first": {at: harness.AtPingOne(true), story: story{
			reason: "the credential makes room", creates: 2, takes: time.Hour,
			tell: rotate(v1alpha1.StrategyRevokeFirst, full), ends: ends(4),
		}},
	}
}

// TestEveryEffectGoesWrong where consumers are cut off, because the spec asks for it. What is asked of the vendor once is not asked again.
func TestEveryEffectGoesWrongByStrategy(t *testing.T) {
	for storyName, told := range strategies() {
		t.Run(storyName, func(t *testing.T) {
			undisturbed(t, told.story, harness.At(told.at))
			effects := effectsOf(t, model, told.story, harness.At(told.at))
			for mishapName, mishap := range mishaps() {
				// An error that is no answer of the vendor's leaves a doubt here, also where nothing happened.
				mishap.lost = true
				for _, effect := range effects {
					t.Run(fmt.Sprintf("%s %d", mishapName, effect.Number), func(t *testing.T) {
						w := newModelWorld(t, harness.At(told.at))
						w.Watch()
						mishap.befall(w, effect.Number)
						endure(t, w, told.story, mishap)
						if rolls := w.Did(harness.Roll, harness.VendorToken); rolls > 1 {
							t.Errorf("rolled %d times", rolls)
						}
					})
				}
			}
		})
	}
}

// A process that leads no more goes on in the middle of a replacement in place, or before its revocation: what it knows is too old.
func TestStrategyZombie(t *testing.T) {
	atRoll := func(e harness.Effect) bool { return e.Is(harness.Roll, harness.VendorToken) }
	tests := map[string]struct {
		at       harness.Flavour
		strategy v1alpha1.RotationStrategy
		set      func(*harness.World)
		fits     func(*harness.World) func(harness.Effect) bool
		sequence []int64
	}{
		"before the vendor is asked": {
			fits: func(*harness.World) func(harness.Effect) bool { return atRoll }, sequence: []int64{3},
		},
		"before the vendor is asked, another ID": {
			set: otherIDs, fits: func(*harness.World) func(harness.Effect) bool { return atRoll }, sequence: []int64{3},
		},
		"before it is written down": {
			fits: func(*harness.World) func(harness.Effect) bool {
				return func(e harness.Effect) bool { return e.Is(harness.Apply, "Secret") }
			}, sequence: []int64{2},
		},
		"before the value is published": {
			fits: func(w *harness.World) func(harness.Effect) bool {
				return func(e harness.Effect) bool {
					return e.Is(harness.Apply, "Secret") && w.Did(harness.Roll, harness.VendorToken) > 0
				}
			}, sequence: []int64{3},
		},
		"before the value is published, another ID": {
			set: otherIDs,
			fits: func(w *harness.World) func(harness.Effect) bool {
				return func(e harness.Effect) bool {
					return e.Is(harness.Apply, "Secret") && w.Did(harness.Roll, harness.VendorToken) > 0
				}
			}, sequence: []int64{3},
		},
		"before the revocation": {
			at: harness.AtPingOne(true), strategy: v1alpha1.StrategyRevokeFirst,
			set: func(w *harness.World) { fill(w, 4) },
			fits: func(*harness.World) func(harness.Effect) bool {
				return func(e harness.Effect) bool { return e.Is(harness.Revoke, harness.VendorToken) }
			}, sequence: []int64{2},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			at, strategy := tc.at, tc.strategy
			if at == nil {
				at, strategy = harness.AtCauseloop(v1alpha1.CauseloopKindPersonal), v1alpha1.StrategyInPlace
			}
			w := newWorld(t, harness.At(at))
			if tc.set != nil {
				tc.set(w)
			}
			w.Watch()
			_, object := w.Publish(replaced(strategy))
			w.Advance(time.Hour)
			ask(w, object, false)
			zombie := w.Park(10*time.Minute, tc.fits(w))
			w.Advance(time.Minute)
			w.Resume(zombie)
			w.Advance(time.Hour)
			w.WantReady(object)
			w.Refresh(object)
			if !slices.Contains(tc.sequence, object.Status.Current.Sequence) {
				t.Errorf("sequence %d, want %d", object.Status.Current.Sequence, tc.sequence)
			}
			if others := map[bool]int{true: 4}[tc.at != nil]; len(w.Active()) != 1+others {
				t.Errorf("active: %+v", w.Active())
			}
			w.CheckRest()
		})
	}
}
