package controller_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// orphanRest is shorter than the operator's own, so that a world need not live through a day of lists.
const orphanRest = 2 * time.Hour

func shortRest(s *lifecycle.Settings) { s.OrphanRest = orphanRest }

// orphanAt makes a token under the marker of an object that never was.
func orphanAt(w *harness.World, object string) string {
	return w.CreateByHand(w.Identity.Marker(w.Tenant, object, "uid").WithSequence(1).Name("x", 64))
}

// say sets or, with nothing to say, removes a person's word on an issuer.
func say(w *harness.World, issuer *v1alpha1.ClusterTokenIssuer, word string) {
	harness.Change(w, issuer, func(i *v1alpha1.ClusterTokenIssuer) {
		if word == "" {
			delete(i.Annotations, v1alpha1.AnnotationRevokeOrphans)
			return
		}
		if i.Annotations == nil {
			i.Annotations = map[string]string{}
		}
		i.Annotations[v1alpha1.AnnotationRevokeOrphans] = word
	})
}

// revoked are the tokens that the operator asked the vendor to revoke.
func revoked(w *harness.World) []string {
	var ids []string
	for _, effect := range w.Effects() {
		if effect.Is(harness.Revoke, harness.VendorToken) {
			ids = append(ids, effect.Name)
		}
	}
	return ids
}

// TestOrphanObserved: counted and named at once, told by a condition and an event after the rest, which a restart does not begin anew.
// Nothing is revoked by itself.
func TestOrphanObserved(t *testing.T) {
	w := newWorld(t)
	issuer, object := w.Publish()
	id := orphanAt(w, "never")
	w.Advance(6 * time.Minute)
	w.Refresh(issuer)
	if told := issuer.Status.Orphans; len(told) != 1 || told[0].ID != id || told[0].Name != w.TokenByID(id).Name {
		t.Fatalf("status.orphans: %+v, want %s", told, id)
	}
	first := issuer.Status.Orphans[0].FirstSeen
	w.WantNo(issuer, v1alpha1.ConditionOrphaned)
	w.Advance(12 * time.Hour)
	w.Restart()
	w.Advance(11 * time.Hour)
	w.WantNo(issuer, v1alpha1.ConditionOrphaned)
	w.Advance(70 * time.Minute)
	w.Want(issuer, v1alpha1.ConditionOrphaned, metav1.ConditionTrue, v1alpha1.ReasonOrphansObserved)
	if message := w.Condition(issuer, v1alpha1.ConditionOrphaned).Message; !strings.Contains(message, id) || !strings.Contains(message, "For 24h and longer") {
		t.Errorf("the condition says %q", message)
	}
	if w.Refresh(issuer); !issuer.Status.Orphans[0].FirstSeen.Equal(&first) {
		t.Errorf("first seen at %s, and then at %s", first, issuer.Status.Orphans[0].FirstSeen)
	}
	w.Advance(time.Hour)
	if told := events(w, v1alpha1.ReasonOrphansObserved); len(told) != 1 || told[0].Type != "Warning" {
		t.Errorf("events: %+v, want one", told)
	}
	w.WantActive(2)
	w.WantReady(object)
}

func events(w *harness.World, reason string) []harness.Event {
	return slices.DeleteFunc(slices.Clone(w.Events), func(e harness.Event) bool { return e.Reason != reason })
}

// TestOrphanRevoked: on a person's word, what it names is revoked and nothing else, at every vendor whose tokens have names.
func TestOrphanRevoked(t *testing.T) {
	flavours := map[string]harness.Flavour{"Causely": harness.AtCausely()}
	for name, at := range places() {
		flavours[name] = at.Flavour
	}
	for name, flavour := range flavours {
		t.Run(name, func(t *testing.T) {
			w := newWorldAt(t, flavour, harness.WithSettings(shortRest))
			issuer, object := w.Publish()
			named, other := orphanAt(w, "never"), orphanAt(w, "neither")
			w.Advance(orphanRest + 10*time.Minute)
			w.Want(issuer, v1alpha1.ConditionOrphaned, metav1.ConditionTrue, v1alpha1.ReasonOrphansObserved)
			w.Watch()
			w.Forget()
			say(w, issuer, " "+named+" ,")
			w.Advance(time.Minute)
			if diff := cmp.Diff([]string{named}, revoked(w)); diff != "" {
				t.Errorf("revoked (-want +got):\n%s", diff)
			}
			w.Advance(15 * time.Minute)
			w.Want(issuer, v1alpha1.ConditionOrphaned, metav1.ConditionTrue, v1alpha1.ReasonOrphansObserved)
			w.Refresh(issuer)
			if got := issuer.Status.OrphanRevocation; got == nil || !slices.Equal(got.Revoked, []string{named}) {
				t.Errorf("status.orphanRevocation: %+v, want %s revoked", got, named)
			}
			if len(issuer.Status.Orphans) != 1 || issuer.Status.Orphans[0].ID != other || issuer.Status.Inventory.Orphaned != 1 {
				t.Errorf("orphans: %+v of %+v, want %s", issuer.Status.Orphans, issuer.Status.Inventory, other)
			}
			say(w, issuer, named+","+other)
			w.Advance(20 * time.Minute)
			w.Want(issuer, v1alpha1.ConditionOrphaned, metav1.ConditionFalse, v1alpha1.ReasonOrphansRevoked)
			if message := w.Condition(issuer, v1alpha1.ConditionOrphaned).Message; !strings.Contains(message, named) || !strings.Contains(message, other) {
				t.Errorf("the condition says %q, want both", message)
			}
			if diff := cmp.Diff([]string{named, other}, revoked(w)); diff != "" {
				t.Errorf("revoked (-want +got):\n%s", diff)
			}
			before := w.Versions()
			w.Advance(3 * time.Hour)
			if diff := cmp.Diff(before, w.Versions()); diff != "" {
				t.Errorf("written at rest:\n%s", diff)
			}
			say(w, issuer, "")
			w.Settle()
			w.WantNo(issuer, v1alpha1.ConditionOrphaned)
			w.WantActive(1)
			w.WantReady(object)
			w.CheckRest()
		})
	}
}

// TestOrphanWordRefused: what is not revoked for a word, and what is said of it.
func TestOrphanWordRefused(t *testing.T) {
	tests := map[string]struct {
		reason string
		// word is what a person says, who sees the token in use, an orphan that was observed and one that is new.
		word    func(used, old, young string) string
		says    string
		revokes bool
	}{
		"in use":    {"a GatewayToken's token is no orphan", func(used, _, _ string) string { return used }, "it is not in status.orphans", false},
		"unknown":   {"nobody knows such a token", func(_, _, _ string) string { return "tok-unknown" }, "it is not in status.orphans", false},
		"all":       {"there is no word for all", func(_, _, _ string) string { return "*" }, "it is not in status.orphans", false},
		"too young": {"it was not observed for long enough", func(_, _, young string) string { return young }, "had not been seen for 2h", false},
		"too many": {"one word names few", func(_, old, _ string) string {
			return old + "," + strings.Join(manyIDs(v1alpha1.MaxRevokedOrphans), ",")
		}, "may name 20", false},
		"one of two": {"what is wrong does not hold up what is right", func(used, old, _ string) string { return used + "," + old }, "it is not in status.orphans", true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorldOf(t, name == "one of two", harness.WithSettings(shortRest))
			issuer, object := w.Publish()
			old := orphanAt(w, "never")
			w.Advance(orphanRest + 10*time.Minute)
			young := ""
			if name == "too young" {
				// One that appears later is somebody else's as well: IdentityConflict.
				young = orphanAt(w, "neither")
			}
			w.Advance(10 * time.Minute)
			w.Refresh(object)
			w.Forget()
			say(w, issuer, tc.word(object.Status.Current.ID, old, young))
			w.Advance(2 * orphanRest)
			left := map[bool]metav1.ConditionStatus{false: metav1.ConditionTrue, true: metav1.ConditionFalse}[tc.revokes]
			w.Want(issuer, v1alpha1.ConditionOrphaned, left, v1alpha1.ReasonOrphanRevocationRefused)
			if message := w.Condition(issuer, v1alpha1.ConditionOrphaned).Message; !strings.Contains(message, tc.says) {
				t.Errorf("the condition says %q, want %q", message, tc.says)
			}
			if told := events(w, v1alpha1.ReasonOrphanRevocationRefused); len(told) == 0 {
				t.Error("no event tells of it")
			}
			want := []string(nil)
			if tc.revokes {
				want = []string{old}
			}
			if diff := cmp.Diff(want, revoked(w)); diff != "" {
				t.Errorf("%s; revoked (-want +got):\n%s", tc.reason, diff)
			}
			w.WantReady(object)
		})
	}
}

func manyIDs(count int) []string {
	var ids []string
	for n := range count {
		ids = append(ids, fmt.Sprintf("tok-%d", n))
	}
	return ids
}

// TestOrphanWordIsNoPromise: a word that stays does not reach what becomes an orphan later. Said again, it does.
func TestOrphanWordIsNoPromise(t *testing.T) {
	w := newWorld(t, harness.WithSettings(shortRest))
	issuer, object := w.Publish()
	id := object.Status.Current.ID
	say(w, issuer, id)
	w.Advance(10 * time.Minute)
	deleteByForce(t, w, object)
	w.Remove(w.Secret("mediator"))
	w.Restart()
	w.Advance(2 * orphanRest)
	w.Want(issuer, v1alpha1.ConditionOrphaned, metav1.ConditionTrue, v1alpha1.ReasonOrphanRevocationRefused)
	w.WantActive(1)
	say(w, issuer, "")
	w.Settle()
	say(w, issuer, id)
	w.Advance(10 * time.Minute)
	w.WantActive(0)
}

// TestOrphanHeld: what a Secret holds is not revoked, though its GatewayToken is gone.
func TestOrphanHeld(t *testing.T) {
	w := newWorld(t, harness.WithSettings(shortRest))
	issuer, object := w.Publish()
	id := object.Status.Current.ID
	deleteByForce(t, w, object)
	w.Advance(orphanRest + 10*time.Minute)
	say(w, issuer, id)
	w.Advance(time.Hour)
	w.Want(issuer, v1alpha1.ConditionOrphaned, metav1.ConditionTrue, v1alpha1.ReasonOrphanRevocationRefused)
	if message := w.Condition(issuer, v1alpha1.ConditionOrphaned).Message; !strings.Contains(message, "Secret "+w.Tenant+"/mediator has it") {
		t.Errorf("the condition says %q", message)
	}
	w.WantActive(1)
	w.Remove(w.Secret("mediator"))
	w.Advance(10 * time.Minute)
	w.WantActive(0)
}

// TestOrphanWordTakenBack: what a person says no more is not done, though the operator's cache has it still.
func TestOrphanWordTakenBack(t *testing.T) {
	w := newWorld(t, harness.WithSettings(shortRest))
	issuer, _ := w.Publish()
	id := orphanAt(w, "never")
	w.Advance(orphanRest + 10*time.Minute)
	w.Fault(causely.RouteRevoke, stage.Status)
	say(w, issuer, id)
	w.Settle()
	w.RefreshCache()
	w.FreezeCache(v1alpha1.KindClusterTokenIssuer)
	say(w, issuer, "")
	calls := w.Calls(causely.RouteRevoke)
	w.Advance(time.Minute)
	if again := w.Calls(causely.RouteRevoke); calls != 1 || again != calls {
		t.Errorf("%d revocations were asked for before the word was taken back, %d after it, want one and none", calls, again-calls)
	}
	w.ThawCache()
	w.Advance(10 * time.Minute)
	w.WantActive(2)
	w.Want(issuer, v1alpha1.ConditionOrphaned, metav1.ConditionTrue, v1alpha1.ReasonOrphansObserved)
}

// TestOrphanOfAnotherIncarnation: what a GatewayToken's namesake left is nobody's, and goes on a person's word without touching the new one.
func TestOrphanOfAnotherIncarnation(t *testing.T) {
	w := newWorld(t, harness.WithSettings(shortRest))
	issuer, object := w.Publish()
	id := object.Status.Current.ID
	deleteByForce(t, w, object)
	w.Remove(w.Secret("mediator"))
	again := w.Token("mediator")
	w.Create(again)
	w.Advance(orphanRest + 10*time.Minute)
	w.WantReady(again)
	w.Want(issuer, v1alpha1.ConditionOrphaned, metav1.ConditionTrue, v1alpha1.ReasonOrphansObserved)
	w.Watch()
	say(w, issuer, id)
	w.Advance(15 * time.Minute)
	if w.TokenByID(id).Active {
		t.Error("the orphan is active still")
	}
	w.WantActive(1)
	w.WantReady(again)
}

// TestOrphanRevocationRepeated: a revocation whose answer is lost, or after which the operator dies, is repeated until lists show it.
func TestOrphanRevocationRepeated(t *testing.T) {
	fails := errors.New("connection refused")
	tests := map[string]struct {
		reason       string
		interference harness.Interference
		fault        stage.Kind
	}{
		"refused":             {"it was never asked for", harness.Interference{Before: onRevocation(func() error { return fails })}, ""},
		"answer lost":         {"it was carried out", harness.Interference{After: onRevocation(func() error { return harness.ErrLost })}, ""},
		"killed before":       {"another process carries on", harness.Interference{Before: onRevocation(func() error { harness.Kill(); return nil })}, ""},
		"killed after":        {"another process sees it", harness.Interference{After: onRevocation(func() error { harness.Kill(); return nil })}, ""},
		"killed at the write": {"what was noted is lost", harness.Interference{Before: onStatus(func() error { harness.Kill(); return nil })}, ""},
		"5xx":                 {"the vendor is down", harness.Interference{}, stage.Status},
		"5xx after commit":    {"the vendor carried it out", harness.Interference{}, stage.StatusAfterCommit},
		"late":                {"the vendor carries it out later", harness.Interference{}, stage.LateCommit},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorldOf(t, name == "killed before", harness.WithSettings(shortRest))
			issuer, object := w.Publish()
			id := orphanAt(w, "never")
			w.Advance(orphanRest + 10*time.Minute)
			if tc.fault != "" {
				w.Fault(causely.RouteRevoke, tc.fault, func(f *simulator.Fault) { f.Delay = time.Minute })
			}
			say(w, issuer, id)
			once := false
			w.Interfere(harness.Interference{
				Before: first(&once, tc.interference.Before), After: first(&once, tc.interference.After),
			})
			w.Advance(time.Minute)
			if w.Dead() {
				w.Restart()
			}
			w.Advance(20 * time.Minute)
			if w.TokenByID(id).Active {
				t.Errorf("%s: the orphan is active still", tc.reason)
			}
			w.Want(issuer, v1alpha1.ConditionOrphaned, metav1.ConditionFalse, v1alpha1.ReasonOrphansRevoked)
			w.WantReady(object)
			w.CheckRest()
		})
	}
}

func onRevocation(do func() error) func(harness.Effect) error {
	return func(e harness.Effect) error {
		if !e.Is(harness.Revoke, harness.VendorToken) {
			return nil
		}
		return do()
	}
}

func onStatus(do func() error) func(harness.Effect) error {
	return func(e harness.Effect) error {
		if !e.Is(harness.Status, v1alpha1.KindClusterTokenIssuer) {
			return nil
		}
		return do()
	}
}

// first lets an interference happen once.
func first(done *bool, interfere func(harness.Effect) error) func(harness.Effect) error {
	if interfere == nil {
		return nil
	}
	return func(e harness.Effect) error {
		if *done {
			return nil
		}
		defer func() {
			if dead := recover(); dead != nil {
				*done = true
				panic(dead)
			}
		}()
		err := interfere(e)
		*done = err != nil
		return err
	}
}

// TestOrphanRevocationPaced: a vendor that never carries it out is asked less and less often.
func TestOrphanRevocationPaced(t *testing.T) {
	w := newWorld(t, harness.WithSettings(shortRest))
	issuer, _ := w.Publish()
	id := orphanAt(w, "never")
	w.Advance(orphanRest + 10*time.Minute)
	w.Fault(causely.RouteRevoke, stage.Status, harness.Always)
	before := w.AllCalls()
	say(w, issuer, id)
	w.Advance(time.Hour)
	w.Want(issuer, v1alpha1.ConditionOrphaned, metav1.ConditionTrue, v1alpha1.ReasonRevokingOrphans)
	if calls := w.CallsSince(before); calls[causely.RouteRevoke] > 20 || calls[causely.RouteList] > 35 {
		t.Errorf("calls within an hour: %v", calls)
	}
	w.Heal()
	w.Advance(15 * time.Minute)
	w.Want(issuer, v1alpha1.ConditionOrphaned, metav1.ConditionFalse, v1alpha1.ReasonOrphansRevoked)
}

// TestOrphansInDoubt: nothing is revoked while nobody knows whose the issuer's tokens are.
func TestOrphansInDoubt(t *testing.T) {
	tests := map[string]struct {
		arise func(*harness.World, []*v1alpha1.GatewayToken)
		print func(v1alpha1.TokenIssuerStatus) string
	}{
		v1alpha1.ConditionIdentityConflict: {
			func(w *harness.World, _ []*v1alpha1.GatewayToken) { orphanAt(w, "neither") },
			func(s v1alpha1.TokenIssuerStatus) string { return s.IdentityConflict.Fingerprint },
		},
		v1alpha1.ConditionMassDisappearance: {
			func(w *harness.World, objects []*v1alpha1.GatewayToken) {
				for _, object := range objects {
					w.Refresh(object)
					w.RevokeByHand(object.Status.Current.ID)
				}
			},
			func(s v1alpha1.TokenIssuerStatus) string { return s.MassDisappearance.Fingerprint },
		},
	}
	for doubt, tc := range tests {
		t.Run(doubt, func(t *testing.T) {
			w := newWorld(t, harness.WithSettings(shortRest))
			issuer, object := w.Publish()
			objects := []*v1alpha1.GatewayToken{object, w.Token("second"), w.Token("third")}
			w.Create(objects[1], objects[2])
			id := orphanAt(w, "never")
			w.Advance(orphanRest + 10*time.Minute)
			tc.arise(w, objects)
			w.Advance(10 * time.Minute)
			say(w, issuer, id)
			w.Advance(time.Hour)
			w.Want(issuer, v1alpha1.ConditionOrphaned, metav1.ConditionTrue, v1alpha1.ReasonRevokingOrphans)
			if !w.TokenByID(id).Active {
				t.Error("it was revoked")
			}
			harness.Change(w, issuer, func(i *v1alpha1.ClusterTokenIssuer) {
				i.Annotations[v1alpha1.AnnotationAcknowledge] = doubt + "/" + tc.print(i.Status)
			})
			w.Advance(time.Hour)
			if w.TokenByID(id).Active {
				t.Error("it was not revoked when a person had decided")
			}
		})
	}
}

// TestManyOrphans: a status names a bounded number of them, the count is exact, and a few are revoked at a time.
func TestManyOrphans(t *testing.T) {
	w := newWorld(t, harness.WithSettings(shortRest))
	issuer, object := w.Publish()
	const many = 130
	for n := range many {
		orphanAt(w, fmt.Sprintf("never-%03d", n))
	}
	w.Advance(orphanRest + 10*time.Minute)
	w.Refresh(issuer)
	if len(issuer.Status.Orphans) != 100 || issuer.Status.Inventory.Orphaned != many {
		t.Fatalf("%d orphans are named, %d are counted", len(issuer.Status.Orphans), issuer.Status.Inventory.Orphaned)
	}
	var word []string
	for _, orphan := range issuer.Status.Orphans[:v1alpha1.MaxRevokedOrphans] {
		word = append(word, orphan.ID)
	}
	say(w, issuer, strings.Join(word, ","))
	w.Advance(15 * time.Minute)
	w.WantActive(many + 1 - len(word))
	w.Refresh(issuer)
	if len(issuer.Status.Orphans) != 100 || issuer.Status.Inventory.Orphaned != many-int32(len(word)) {
		t.Errorf("%d orphans are named, %d are counted", len(issuer.Status.Orphans), issuer.Status.Inventory.Orphaned)
	}
	w.Want(issuer, v1alpha1.ConditionOrphaned, metav1.ConditionTrue, v1alpha1.ReasonOrphansObserved)
	w.WantReady(object)
}

// TestOrphanInAPoolThatNobodyUses: the pool is listed as long as an orphan is in it.
func TestOrphanInAPoolThatNobodyUses(t *testing.T) {
	w := newWorld(t, harness.At(harness.AtCauseloop(v1alpha1.CauseloopKindPersonal)))
	issuer, object := w.Publish()
	id := orphanAt(w, "never")
	w.Advance(10 * time.Minute)
	w.Remove(object)
	w.Advance(2 * time.Minute)
	if !w.Gone(object) {
		t.Fatal("the GatewayToken is not gone")
	}
	w.Advance(26 * time.Hour)
	w.Want(issuer, v1alpha1.ConditionOrphaned, metav1.ConditionTrue, v1alpha1.ReasonOrphansObserved)
	say(w, issuer, "personal/"+id)
	w.Advance(15 * time.Minute)
	w.Want(issuer, v1alpha1.ConditionOrphaned, metav1.ConditionFalse, v1alpha1.ReasonOrphansRevoked)
	w.WantActive(0)
}
