package controller_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// calm is by when a process knows what is strange: what was asked for before it is made, and a list that began later was taken.
const calm = 12 * time.Minute

// atEachNamed tells a story at every vendor whose lists show names.
func atEachNamed(t *testing.T, tell func(*testing.T, harness.Flavour)) {
	t.Helper()
	t.Run("Causely", func(t *testing.T) { tell(t, harness.AtCausely()) })
	atEach(t, func(t *testing.T, at place) { tell(t, at.Flavour) })
}

// wanted is what the message of a condition asks a person to write.
var wanted = regexp.MustCompile(`gatewaytoken\.io/acknowledge: ([A-Za-z]+/[0-9a-f]+)\.`)

// asked gives what a person has to write about a condition of an issuer.
func asked(t *testing.T, w *harness.World, issuer *v1alpha1.ClusterTokenIssuer, condition string) string {
	t.Helper()
	found := wanted.FindStringSubmatch(w.Condition(issuer, condition).Message)
	if found == nil {
		t.Fatalf("%s does not say how it is acknowledged: %s", condition, w.Condition(issuer, condition).Message)
	}
	return found[1]
}

// takeWord has a person write it.
func takeWord(w *harness.World, issuer *v1alpha1.ClusterTokenIssuer, what string) {
	harness.Change(w, issuer, func(i *v1alpha1.ClusterTokenIssuer) {
		metav1.SetMetaDataAnnotation(&i.ObjectMeta, v1alpha1.AnnotationAcknowledge, what)
	})
	w.Advance(time.Second)
}

func wantConflict(t *testing.T, w *harness.World, issuer *v1alpha1.ClusterTokenIssuer, tokens ...string) {
	t.Helper()
	w.Want(issuer, v1alpha1.ConditionIdentityConflict, metav1.ConditionTrue, v1alpha1.ReasonTokensOfAnother)
	told := map[string]bool{}
	if conflict := issuer.Status.IdentityConflict; conflict != nil {
		for _, one := range conflict.Tokens {
			told[one.ID] = true
		}
	}
	for _, id := range tokens {
		if !told[id] {
			t.Errorf("token %s is not told of: %v", id, told)
		}
	}
	if len(told) != len(tokens) {
		t.Errorf("%d tokens are told of, want %d: %v", len(told), len(tokens), told)
	}
}

func stillActive(t *testing.T, w *harness.World, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if !w.TokenByID(id).Active {
			t.Errorf("token %s (%s) is not active any more", id, w.TokenByID(id).Name)
		}
	}
}

// rotateNow asks for another token.
func rotateNow(w *harness.World, object *v1alpha1.GatewayToken) {
	harness.Change(w, object, func(o *v1alpha1.GatewayToken) {
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.AnnotationRotateRequest, w.Clock.Now().UTC().Format(time.RFC3339))
	})
}

// take lets two operators live beside one another.
func take(turns time.Duration, worlds ...*harness.World) {
	for left := turns; left > 0; left -= time.Minute {
		for _, w := range worlds {
			// What one does in that time, the other sees when it looks next.
			w.Advance(time.Minute / time.Duration(len(worlds)))
		}
	}
}

// Two clusters with identities of their own share an account. Neither touches what the other made, whatever either does.
func TestTwoClusters(t *testing.T) {
	atEachNamed(t, func(t *testing.T, at harness.Flavour) {
		one := newWorldAt(t, at)
		two := harness.New(t, planeAt(at), connect, harness.Beside(one))
		one.Watch()
		two.Watch()
		issuer, first := one.Publish(harness.Overlapping(5 * time.Minute))
		other, second := two.Publish(harness.Overlapping(5 * time.Minute))
		take(calm, one, two)
		rotateNow(one, first)
		take(5*time.Minute, one, two)
		rotateNow(two, second)
		take(20*time.Minute, one, two)
		one.WantReady(first)
		two.WantReady(second)
		one.WantActive(2)
		one.WantNo(issuer, v1alpha1.ConditionIdentityConflict)
		two.WantNo(other, v1alpha1.ConditionIdentityConflict)
		one.Remove(first)
		take(20*time.Minute, one, two)
		if !one.Gone(first) {
			t.Error("it is not gone")
		}
		two.WantReady(second)
		two.WantActive(1)
		two.CheckRest()
	})
}

// Two clusters have one identity. The operator that is there sees what the other makes and says so; it revokes nothing of it, and goes on
// with what is its own.
func TestSameIdentity(t *testing.T) {
	atEachNamed(t, func(t *testing.T, at harness.Flavour) {
		one := newWorldAt(t, at)
		one.Watch()
		issuer, first := one.Publish(harness.Overlapping(5 * time.Minute))
		one.Advance(calm)
		one.WantNo(issuer, v1alpha1.ConditionIdentityConflict)
		two := harness.New(t, planeAt(at), connect, harness.Beside(one), harness.As(one))
		_, second := two.Publish(harness.Overlapping(5 * time.Minute))
		two.Refresh(second)
		theirs := second.Status.Current.ID
		one.Advance(6 * time.Minute)
		wantConflict(t, one, issuer, theirs)
		rotateNow(one, first)
		take(30*time.Minute, one, two)
		one.WantReady(first)
		two.WantReady(second)
		stillActive(t, one, theirs)
		// Its own goes on: the token before is revoked in its time.
		one.WantActive(2)
		takeWord(one, issuer, asked(t, one, issuer, v1alpha1.ConditionIdentityConflict))
		one.WantNo(issuer, v1alpha1.ConditionIdentityConflict)
		rotateNow(two, second)
		take(12*time.Minute, two, one)
		two.Refresh(second)
		wantConflict(t, one, issuer, second.Status.Current.ID)
	})
}

// A copy of the cluster makes the next token for the same GatewayToken. It is left alone, over a restart, a rotation and a deletion, until
// a person has acknowledged this very token.
func TestCopyOfTheCluster(t *testing.T) {
	atEachNamed(t, func(t *testing.T, at harness.Flavour) {
		w := newWorldAt(t, at)
		issuer, object := w.Publish(harness.Overlapping(5 * time.Minute))
		w.Advance(calm)
		w.Watch()
		theirs := w.CreateElsewhere(object, 2)
		w.Advance(6 * time.Minute)
		wantConflict(t, w, issuer, theirs)
		stale := asked(t, w, issuer, v1alpha1.ConditionIdentityConflict)
		w.Restart()
		w.Advance(30 * time.Minute)
		wantConflict(t, w, issuer, theirs)
		if again := asked(t, w, issuer, v1alpha1.ConditionIdentityConflict); again != stale {
			t.Errorf("the same tokens have the fingerprint %s, and had %s before the restart", again, stale)
		}
		rotateNow(w, object)
		w.Advance(30 * time.Minute)
		w.WantReady(object)
		if object.Status.Current.Sequence != 3 {
			t.Errorf("sequence %d, want the one after theirs", object.Status.Current.Sequence)
		}
		w.Remove(w.Secret("mediator"))
		w.Advance(30 * time.Minute)
		w.WantReady(object)
		if object.Status.Current.ID == theirs {
			t.Error("their token was taken")
		}
		further := w.CreateElsewhere(object, 9)
		takeWord(w, issuer, stale)
		// That had not been told yet when the person looked.
		w.Advance(6 * time.Minute)
		w.Remove(object)
		w.Advance(30 * time.Minute)
		if w.Gone(object) {
			t.Error("released, and with it what may be somebody else's")
		}
		stillActive(t, w, further)
		w.Want(object, v1alpha1.ConditionRevocationPending, metav1.ConditionTrue, v1alpha1.ReasonIdentityConflict)
		takeWord(w, issuer, asked(t, w, issuer, v1alpha1.ConditionIdentityConflict))
		w.Advance(10 * time.Minute)
		if !w.Gone(object) {
			t.Error("not released after a person had decided")
		}
		w.WantActive(0)
	})
}

// Nothing of an operator's own is strange to it: what it asked for in vain and the vendor makes hours later, nor what the process before
// it had asked for.
func TestLateIsNotForeign(t *testing.T) {
	tests := map[string]struct {
		reason string
		after  func(*harness.World)
	}{
		"the same process": {"it knows what it asked for", func(*harness.World) {}},
		"the next process": {"the number is of the object's past", (*harness.World).Restart},
		"the one after the next": {"so it is then", func(w *harness.World) {
			w.Restart()
			w.Advance(time.Hour)
			w.Restart()
		}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Watch()
			w.Fault(causely.RouteCreate, stage.LateCommit, func(f *simulator.Fault) { f.Delay = 1000 * time.Hour })
			issuer, object := w.Ask(harness.Overlapping(5 * time.Minute))
			w.Advance(time.Hour)
			w.WantReady(object)
			tc.after(w)
			w.Advance(time.Hour)
			w.Vendor.Faults().CommitLate()
			w.Advance(6 * time.Minute)
			w.WantNo(issuer, v1alpha1.ConditionIdentityConflict)
			w.Advance(time.Hour)
			w.WantActive(1)
			w.CheckRest()
		})
	}
}

// Most tokens of an issuer are revoked by somebody at once. None is replaced before a person says so, also over a restart.
func TestMassDisappearance(t *testing.T) {
	tell := func(t *testing.T, at harness.Flavour, count int) {
		t.Helper()
		w, issuer, objects := many(t, at, count)
		for _, object := range objects {
			w.RevokeByHand(object.Status.Current.ID)
		}
		made := len(w.Made())
		w.Advance(2 * time.Hour)
		w.Want(issuer, v1alpha1.ConditionMassDisappearance, metav1.ConditionTrue, v1alpha1.ReasonTokensMissing)
		w.WantCreates(made)
		before := asked(t, w, issuer, v1alpha1.ConditionMassDisappearance)
		w.Restart()
		w.Advance(2 * time.Hour)
		w.WantCreates(made)
		w.Want(objects[0], v1alpha1.ConditionVendorReachable, metav1.ConditionFalse, v1alpha1.ReasonMassDisappearance)
		if again := asked(t, w, issuer, v1alpha1.ConditionMassDisappearance); again != before {
			t.Errorf("the same tokens have the fingerprint %s, and had %s before the restart", again, before)
		}
		takeWord(w, issuer, before)
		w.WantNo(issuer, v1alpha1.ConditionMassDisappearance)
		w.Advance(2 * time.Hour)
		for _, object := range objects {
			w.WantReady(object)
		}
		w.WantCreates(made + count)
		w.WantActive(count + 1)
		w.Refresh(issuer)
		if issuer.Status.MassDisappearance != nil {
			t.Errorf("what is long over is still told: %+v", issuer.Status.MassDisappearance)
		}
		w.CheckRest()
		told := 0
		for _, event := range w.Events {
			if event.Type == corev1.EventTypeWarning && strings.Contains(event.Note, v1alpha1.AnnotationAcknowledge) {
				told++
			}
		}
		if told != 1 {
			t.Errorf("it was told %d times, want once", told)
		}
	}
	atEachNamed(t, func(t *testing.T, at harness.Flavour) { tell(t, at, 5) })
	// There is room for five, and one is somebody's.
	t.Run("PingOne", func(t *testing.T) { tell(t, harness.AtPingOne(false), 4) })
}

// The vendor shows most tokens no more, in no list and to nobody who asks for one by its ID. They count as there: Secrets stay Ready,
// nothing is made, and nothing released, until they are there again.
func TestTokensHidden(t *testing.T) {
	atEachNamed(t, func(t *testing.T, at harness.Flavour) {
		w, issuer, objects := many(t, at, 5)
		var hidden []string
		for _, object := range objects[1:] {
			hidden = append(hidden, object.Status.Current.ID)
		}
		w.Hide(hidden...)
		w.Advance(20 * time.Minute)
		w.Want(issuer, v1alpha1.ConditionMassDisappearance, metav1.ConditionTrue, v1alpha1.ReasonTokensMissing)
		doomed, next, fresh := objects[1], objects[2], w.Token("fresh")
		w.Remove(doomed)
		rotateNow(w, next)
		w.Create(fresh)
		rotateNow(w, objects[0])
		w.Advance(2 * time.Hour)
		w.Restart()
		w.Advance(2 * time.Hour)
		w.Want(issuer, v1alpha1.ConditionMassDisappearance, metav1.ConditionTrue, v1alpha1.ReasonTokensMissing)
		// What the list shows is replaced as ever.
		w.WantReady(objects[0])
		w.WantCreates(6)
		w.WantReady(next)
		w.Want(next, v1alpha1.ConditionVendorReachable, metav1.ConditionFalse, v1alpha1.ReasonMassDisappearance)
		w.Want(fresh, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonMassDisappearance)
		if w.Gone(doomed) {
			t.Error("released, and nobody has seen its token end")
		}
		w.Hide()
		w.Advance(2 * time.Hour)
		w.WantNo(issuer, v1alpha1.ConditionMassDisappearance)
		if !w.Gone(doomed) {
			t.Error("not released when all was well again")
		}
		for _, object := range []*v1alpha1.GatewayToken{objects[0], next, objects[3], objects[4], fresh} {
			w.WantReady(object)
		}
		w.WantCreates(8)
		w.CheckRest()
	})
}

// What the operator itself revokes is missed by nobody, also where it dies in the middle of it.
func TestOwnRevocationsAreNotMissed(t *testing.T) {
	for name, dies := range map[string]bool{"one process": false, "it dies in the middle": true} {
		t.Run(name, func(t *testing.T) {
			atEachNamed(t, func(t *testing.T, at harness.Flavour) {
				w, issuer, objects := many(t, at, 5)
				for _, object := range objects[1:] {
					w.Remove(object)
				}
				if dies {
					after := 3
					w.Interfere(harness.Interference{After: func(effect harness.Effect) error {
						if after--; after == 0 {
							harness.Kill()
						}
						return nil
					}})
				}
				w.Advance(time.Minute)
				again(w)
				w.Advance(10 * time.Minute)
				w.WantNo(issuer, v1alpha1.ConditionMassDisappearance)
				for _, event := range w.Events {
					if event.Reason == v1alpha1.ConditionMassDisappearance {
						t.Errorf("it was told that tokens are gone: %s", event.Note)
					}
				}
				w.WantReady(objects[0])
				w.WantActive(2)
			})
		})
	}
}

// many makes an issuer with several GatewayTokens, and lets the first things pass. A stranger anchors the list where all of them go.
func many(t *testing.T, at harness.Flavour, count int) (*harness.World, *v1alpha1.ClusterTokenIssuer, []*v1alpha1.GatewayToken) {
	t.Helper()
	w := newWorldAt(t, at)
	w.CreateByHand("somebody's")
	w.Watch()
	issuer, first := w.Publish()
	objects := []*v1alpha1.GatewayToken{first}
	for i := range count - 1 {
		object := w.Token("mediator-" + string(rune('a'+i)))
		w.Create(object)
		objects = append(objects, object)
	}
	w.Advance(calm)
	for _, object := range objects {
		w.WantReady(object)
	}
	return w, issuer, objects
}
