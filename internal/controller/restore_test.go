package controller_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// backup is what a backup has of a GatewayToken and of what belongs to it.
type backup struct {
	issuer *v1alpha1.ClusterTokenIssuer
	object *v1alpha1.GatewayToken
	secret *corev1.Secret
	kept   *corev1.Secret
}

// backUp takes one.
func backUp(w *harness.World, issuer *v1alpha1.ClusterTokenIssuer, object *v1alpha1.GatewayToken) backup {
	w.Refresh(issuer)
	w.Refresh(object)
	return backup{
		issuer: issuer.DeepCopy(), object: object.DeepCopy(), secret: w.Secret(object.SecretName()),
		kept: w.SecretIn(w.System, v1alpha1.LastGoodSecretPrefix+"clustertokenissuer-"+issuer.Name),
	}
}

// anew is an object as a backup tool creates it: with what a person and the operator wrote, and without what the API server gave it.
func anew[T client.Object](object T) T {
	object.SetUID("")
	object.SetResourceVersion("")
	object.SetGeneration(0)
	object.SetCreationTimestamp(metav1.Time{})
	object.SetManagedFields(nil)
	return object
}

// lose takes away all that a backup has, as if its cluster were gone.
func (b backup) lose(t *testing.T, w *harness.World) {
	t.Helper()
	for _, object := range []client.Object{b.object.DeepCopy(), b.secret.DeepCopy(), b.kept.DeepCopy(), b.issuer.DeepCopy()} {
		if !w.Gone(object) {
			deleteByForce(t, w, object)
		}
	}
}

// create brings objects back under new UIDs, and without status.
func (b backup) create(w *harness.World, secret bool) *v1alpha1.GatewayToken {
	object := anew(b.object.DeepCopy())
	object.Status = v1alpha1.GatewayTokenStatus{}
	issuer := anew(b.issuer.DeepCopy())
	issuer.Status = v1alpha1.TokenIssuerStatus{}
	if secret {
		w.Create(anew(b.secret.DeepCopy()))
	}
	w.Create(issuer, object)
	return object
}

// putBack writes what the Secret had over what it has.
func (b backup) putBack(w *harness.World) {
	secret := w.Secret(b.secret.Name)
	harness.Change(w, secret, func(s *corev1.Secret) {
		s.Data, s.Annotations, s.Labels = b.secret.Data, b.secret.Annotations, b.secret.Labels
	})
}

// putStatusBack does that with the status.
func (b backup) putStatusBack(t *testing.T, w *harness.World) {
	t.Helper()
	w.RestoreStatus(b.object)
}

// everywhere are all vendors, by what a restore meets there.
func everywhere() map[string]map[string]harness.Flavour {
	return map[string]map[string]harness.Flavour{
		readable: {"Causely": harness.AtCausely()},
		shownOnce: {
			"Rack Gateway": harness.AtRackGateway(), "Causeloop, personal": harness.AtCauseloop(v1alpha1.CauseloopKindPersonal),
			"Causeloop, dedicated": harness.AtCauseloop(v1alpha1.CauseloopKindDedicated),
		},
		nameless: {"PingOne": harness.AtPingOne(false), "PingOne, exclusive": harness.AtPingOne(true)},
		unlisted: {"Causeloop, existing": harness.AtCauseloopExisting()},
	}
}

const (
	// readable: names tell whose a token is, and its value can be read again.
	readable = "readable"
	// shownOnce: names tell whose a token is, and its value is nowhere but in the Secret.
	shownOnce = "shown once"
	// nameless: a list shows tokens, and nothing in it tells whose they are.
	nameless = "nameless"
	// unlisted: nothing shows tokens.
	unlisted = "unlisted"
)

// restored is how a restore ends.
type restored struct {
	// made are all tokens that were ever made, active those that open the gateway in the end.
	made, active int
	// orphans are active tokens that the issuer counts, reported those that it names for a person, and lost those that the operator
	// cannot know of: nothing in the backup and no list says whose they are.
	orphans, reported, lost int
	// dead: the Secret holds a value that was revoked, and nothing tells the operator so.
	dead bool
	// another: the Secret holds another token than the one that it held when the operator was started.
	another bool
}

// restore is one way in which things are brought back.
type restore struct {
	reason string
	// rotated: the token was replaced after the backup was taken, and the one in the backup is revoked; rotating: it waits for that.
	rotated, rotating bool
	// act brings things back, and gives the GatewayToken that is there then.
	act func(*testing.T, *harness.World, backup) *v1alpha1.GatewayToken
	// running: the operator was there all the time.
	running bool
	ends    map[string]restored
}

func restores() map[string]restore {
	const key = "the key of another installation"
	inPlace := func(act func(*testing.T, *harness.World, backup)) func(*testing.T, *harness.World, backup) *v1alpha1.GatewayToken {
		return func(t *testing.T, w *harness.World, b backup) *v1alpha1.GatewayToken {
			t.Helper()
			act(t, w, b)
			return b.object.DeepCopy()
		}
	}
	all := func(ends restored) map[string]restored {
		return map[string]restored{readable: ends, shownOnce: ends, nameless: ends, unlisted: ends}
	}
	secret := inPlace(func(_ *testing.T, w *harness.World, b backup) { b.putBack(w) })
	status := inPlace(func(t *testing.T, w *harness.World, b backup) { t.Helper(); b.putStatusBack(t, w) })
	both := inPlace(func(t *testing.T, w *harness.World, b backup) { t.Helper(); b.putBack(w); b.putStatusBack(t, w) })
	anew := func(t *testing.T, w *harness.World, b backup) *v1alpha1.GatewayToken {
		t.Helper()
		b.lose(t, w)
		return b.create(w, true)
	}
	olderSecret := map[string]restored{
		readable: {made: 2, active: 1, another: true}, shownOnce: {made: 3, active: 1, another: true},
		nameless: {made: 3, active: 1, another: true}, unlisted: {made: 3, active: 1, another: true},
	}
	return map[string]restore{
		"an older Secret": {
			reason:  "the list, or the copy of the ledger in the status, tells what was made since; where a value is shown once it is lost",
			rotated: true, act: secret, ends: olderSecret,
		},
		"an older Secret, under a running operator": {
			reason: "the same, at once", rotated: true, act: secret, running: true, ends: olderSecret,
		},
		"an older Secret, within the overlap": {
			reason: "it holds what is to be replaced, again", rotating: true, act: secret, ends: olderSecret,
		},
		"an older status": {
			reason: "the ledger in the Secret is what counts", rotated: true, act: status, ends: all(restored{made: 2, active: 1}),
		},
		"an older Secret and status": {
			reason: "etcd was rolled back: without names nothing tells of what was made since", rotated: true, act: both,
			ends: map[string]restored{
				readable: {made: 2, active: 1, another: true}, shownOnce: {made: 3, active: 1, another: true},
				nameless: {made: 3, active: 2, lost: 1, another: true}, unlisted: {made: 3, active: 2, lost: 1, another: true},
			},
		},
		"an older Secret and status, within the overlap": {
			reason: "the same, and the token in the Secret works still", rotating: true, act: both,
			ends: map[string]restored{
				readable: {made: 2, active: 1, another: true}, shownOnce: {made: 3, active: 1, another: true},
				nameless: {made: 3, active: 2, lost: 1, another: true}, unlisted: {made: 3, active: 2, lost: 1, another: true},
			},
		},
		"no status": {
			reason: "the status is a copy",
			act: inPlace(func(t *testing.T, w *harness.World, b backup) {
				t.Helper()
				b.object.Status = v1alpha1.GatewayTokenStatus{ObservedGeneration: -1}
				b.putStatusBack(t, w)
			}),
			ends: all(restored{made: 1, active: 1}),
		},
		"everything, under new UIDs": {
			reason: "what the Secret holds is used", act: anew, ends: all(restored{made: 1, active: 1}),
		},
		"an older Secret, under new UIDs": {
			reason: "what was made for the GatewayToken of before is nobody's; where nothing lists tokens, not even that a value is dead is seen", rotated: true, act: anew,
			ends: map[string]restored{
				readable: {made: 3, active: 2, orphans: 1, another: true}, shownOnce: {made: 3, active: 2, orphans: 1, another: true},
				nameless: {made: 3, active: 2, lost: 1, another: true}, unlisted: {made: 2, active: 1, lost: 1, dead: true},
			},
		},
		"an older Secret, under new UIDs, within the overlap": {
			reason: "the same, but what the Secret holds works still", rotating: true, act: anew,
			ends: map[string]restored{
				readable: {made: 2, active: 2, orphans: 1}, shownOnce: {made: 2, active: 2, orphans: 1},
				nameless: {made: 2, active: 2, lost: 1}, unlisted: {made: 2, active: 2, lost: 1},
			},
		},
		"no Secret, under new UIDs": {
			reason: "what is of an object of before is never published; it is nobody's",
			act: func(t *testing.T, w *harness.World, b backup) *v1alpha1.GatewayToken {
				t.Helper()
				b.lose(t, w)
				return b.create(w, false)
			},
			ends: map[string]restored{
				readable: {made: 2, active: 2, orphans: 1, another: true}, shownOnce: {made: 2, active: 2, orphans: 1, another: true},
				nameless: {made: 2, active: 2, lost: 1, another: true}, unlisted: {made: 2, active: 2, lost: 1, another: true},
			},
		},
		"no ledger key": {
			reason: "no ledger is proof any more: names are, and where there are none a person is told",
			act:    inPlace(func(_ *testing.T, w *harness.World, _ backup) { w.RotateLedgerKey(key) }),
			ends: map[string]restored{
				readable: {made: 1, active: 1}, shownOnce: {made: 2, active: 1, another: true},
				nameless: {made: 2, active: 2, reported: 1, another: true}, unlisted: {made: 2, active: 2, reported: 1, another: true},
			},
		},
		"no ledger key, and an older Secret": {
			reason: "the same, and the value is dead", rotated: true,
			act: inPlace(func(_ *testing.T, w *harness.World, b backup) { w.RotateLedgerKey(key); b.putBack(w) }),
			ends: map[string]restored{
				readable: {made: 2, active: 1, another: true}, shownOnce: {made: 3, active: 1, another: true},
				nameless: {made: 3, active: 2, reported: 1, another: true}, unlisted: {made: 3, active: 2, reported: 1, another: true},
			},
		},
		"no ledger key, under new UIDs": {
			reason: "nothing proves that the Secret is the object's",
			act: func(t *testing.T, w *harness.World, b backup) *v1alpha1.GatewayToken {
				t.Helper()
				w.RotateLedgerKey(key)
				b.lose(t, w)
				return b.create(w, true)
			},
			ends: map[string]restored{
				readable: {made: 2, active: 2, orphans: 1, another: true}, shownOnce: {made: 2, active: 2, orphans: 1, another: true},
				nameless: {made: 2, active: 2, lost: 1, another: true}, unlisted: {made: 2, active: 2, lost: 1, another: true},
			},
		},
		"in a cluster of another identity": {
			reason: "its markers are somebody else's: everything is issued anew, and nothing of before is revoked",
			act: func(t *testing.T, w *harness.World, b backup) *v1alpha1.GatewayToken {
				t.Helper()
				b.lose(t, w)
				w.Identity.ClusterID = "another-" + w.Name
				return b.create(w, true)
			},
			ends: map[string]restored{
				readable: {made: 2, active: 2, another: true}, shownOnce: {made: 2, active: 2, another: true},
				nameless: {made: 2, active: 2, lost: 1, another: true}, unlisted: {made: 2, active: 2, another: true},
			},
		},
	}
}

// Whatever of a backup is older or missing: no more is issued than there are values that are lost, what the Secret holds is not cut off,
// and what is left over is revoked, counted or reported, unless nothing anywhere tells of it.
func TestRestore(t *testing.T) {
	for name, way := range restores() {
		for kind, flavours := range everywhere() {
			for vendor, at := range flavours {
				t.Run(name+"/"+vendor, func(t *testing.T) {
					w := newWorldAt(t, at)
					way.tell(t, w, way.ends[kind])
				})
			}
		}
	}
}

// tell tells the story of one restore.
func (r restore) tell(t *testing.T, w *harness.World, want restored) {
	t.Helper()
	issuer, object := w.Publish(harness.Overlapping(time.Hour))
	b := backUp(w, issuer, object)
	if r.rotated || r.rotating {
		w.Advance(time.Minute)
		ask(w, object, false)
		w.Advance(10 * time.Minute)
	}
	if r.rotated {
		w.Advance(2 * time.Hour)
		w.WantActive(1)
	}
	object = r.act(t, w, b)
	held := harness.Connection{}
	if secret := w.Secret(b.secret.Name); secret != nil {
		held = w.Current(secret, "token")
	}
	if !r.running {
		w.Restart()
	}
	if held.Active {
		w.Watch() // what the Secret holds is not cut off; a value that was dead before is replaced
	}
	w.Advance(6 * time.Hour)
	w.Refresh(issuer)
	now := w.Current(w.Secret(b.secret.Name), "token")
	got := restored{
		made: len(w.Tokens()), active: len(w.Active()), reported: len(w.Reported()), dead: !now.Active, another: now.ID != held.ID,
		orphans: int(issuer.Status.Inventory.Orphaned),
	}
	got.lost = len(w.Unaccounted()) - got.orphans
	if got != want {
		t.Errorf("it ends as %+v, want %+v: %s", got, want, r.reason)
	}
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonPublished)
	w.Remove(object)
	w.Advance(10 * time.Minute)
	if !w.Gone(object) {
		t.Error("it is not released")
	}
	if left := len(w.Active()); left != want.active-1 && !want.dead {
		t.Errorf("after its deletion %d tokens are active, want %d", left, want.active-1)
	}
}

// The ledger key is lost, and the GatewayToken is deleted before a token of its own is issued again: what nobody can prove any more is
// not revoked, and not forgotten.
func TestDeletedWithoutLedgerKey(t *testing.T) {
	for vendor, at := range map[string]harness.Flavour{"PingOne": harness.AtPingOne(false), "Causeloop, existing": harness.AtCauseloopExisting()} {
		t.Run(vendor, func(t *testing.T) {
			w := newModelWorld(t, harness.At(at))
			_, object := w.Publish()
			w.RotateLedgerKey("the key of another installation")
			w.Remove(object)
			w.Restart()
			w.Advance(10 * time.Minute)
			if !w.Gone(object) {
				t.Error("it is not released")
			}
			w.WantActive(1)
			if told := len(w.Reported()); told != 1 {
				t.Errorf("%d tokens are reported, want 1", told)
			}
			w.CheckRest()
		})
	}
}
