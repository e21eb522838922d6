package controller_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// Whatever happens at a vendor where a token cannot be found again by its name: each that is active is in use, or reported until a
// person decides. Once he has, there is one for each object and no more.
func TestRandomStoriesInCorners(t *testing.T) {
	from, to := seeds(t, 5)
	for name, at := range corners() {
		t.Run(name, func(t *testing.T) {
			for seed := from; seed <= to; seed++ {
				t.Run(strconv.Itoa(seed), func(t *testing.T) {
					w := newModelWorld(t, harness.At(at.flavour()), generously())
					r := &randomInCorner{at: at, random: &random{t: t, World: w, Rand: rand.New(rand.NewPCG(uint64(seed), 0))}}
					for _, call := range []string{harness.RouteCreate, harness.RouteCreate, harness.RouteCreate, harness.RouteRevoke} {
						r.routes = append(r.routes, w.Route(call))
					}
					if !at.unlisted {
						r.routes = append(r.routes, w.Route(harness.RouteList))
					}
					r.tell()
				})
			}
		})
	}
}

// randomInCorner has two GatewayTokens of one pool, so that they get in each other's way.
type randomInCorner struct {
	*random
	at     corner
	other  *v1alpha1.GatewayToken
	strays int
	// keepsSecrets: nobody edits or deletes one.
	keepsSecrets bool
}

func (r *randomInCorner) tell() {
	r.t.Helper()
	r.Watch()
	r.stranger = r.CreateByHand("somebody's")
	r.issuer, r.object = r.Ask(harness.Overlapping(5 * time.Minute))
	r.other = r.Token("second", harness.Overlapping(5*time.Minute))
	for range 25 {
		happenings := r.happenings()
		happenings[r.IntN(len(happenings))]()
		r.pass([]time.Duration{0, time.Millisecond, time.Second, 7 * time.Second, time.Minute, 6 * time.Minute, 20 * time.Minute}[r.IntN(7)])
	}
	r.calm()
	r.speak()
	r.pass(2 * time.Hour)
	r.CheckRest()
	r.decide()
	r.judge()
}

// happenings are those that leave it told whose a token is: who deletes the issuer has decided about what it reports, and a key or a
// retained Secret that is lost is a limit that is known, as is a vendor that commits later than it may.
func (r *randomInCorner) happenings() []func() {
	happenings := []func(){
		r.restart, r.mishap, r.mishap, r.mishap, r.fault, r.fault, r.fault, r.Heal, r.Heal, r.commitLate,
		r.editHeldSecret, r.deleteHeldSecret, r.deleteHeldSecret, r.editSpec, r.delete, r.recreate, r.recreate,
		r.grants, r.credentials, r.zombie, r.zombie, r.resume, r.skew, r.createOther, r.createOther, r.deleteOther, r.acknowledgeAll,
		func() {}, func() {},
	}
	if !r.at.exclusive {
		happenings = append(happenings, r.createByHand)
	}
	if !r.at.unlisted {
		// Where nothing lists it, such a token is not missed.
		happenings = append(happenings, r.revokeByHand)
	}
	return append(happenings, r.more...)
}

// commitLate has the vendor commit what is asked for now later than it answers, and in time all the same.
func (r *randomInCorner) commitLate() {
	r.t.Helper()
	r.lateCommit()
	r.pass(r.Settings.Settle / 3)
	r.Heal()
	r.Vendor.Faults().CommitLate()
}

func (r *randomInCorner) editHeldSecret() {
	if !r.Gone(r.object) && !r.keepsSecrets {
		r.editSecret()
	}
}

func (r *randomInCorner) deleteHeldSecret() {
	if !r.Gone(r.object) && !r.keepsSecrets {
		r.deleteSecret()
	}
}

func (r *randomInCorner) createOther() {
	if r.Gone(r.other) {
		r.other = r.Token("second", harness.Overlapping(5*time.Minute))
		r.Create(r.other)
	}
}

func (r *randomInCorner) deleteOther() {
	if !r.Gone(r.other) {
		r.Remove(r.other)
	}
}

// createByHand: there is room for a few only.
func (r *randomInCorner) createByHand() {
	if len(r.Active()) > 3 {
		return
	}
	if r.strays++; r.strays == 1 {
		r.CreateByHand("somebody's, too")
	}
}

// acknowledgeAll has a person decide about what is reported, when the vendor must have committed it: what is ours is revoked, the rest
// stays.
func (r *randomInCorner) acknowledgeAll() {
	r.t.Helper()
	r.pass(r.Settings.Settle)
	for _, made := range r.Reported() {
		r.RevokeByHand(made.ID)
	}
	acknowledge(r.World, r.issuer)
}

// speak has people want what they wanted at first.
func (r *randomInCorner) speak() {
	r.t.Helper()
	r.pass(time.Minute)
	harness.Change(r.World, r.issuer, func(i *v1alpha1.ClusterTokenIssuer) { i.Spec.Grants = r.ClusterIssuer().Spec.Grants })
	r.pass(30 * time.Minute)
	r.recreate()
	r.createOther()
	r.pass(30 * time.Minute)
	for _, object := range []*v1alpha1.GatewayToken{r.object, r.other} {
		if r.Gone(object) {
			continue
		}
		harness.Change(r.World, object, func(o *v1alpha1.GatewayToken) { o.Spec.Suspend = false })
		r.pass(time.Minute)
		if condition := r.Condition(object, v1alpha1.ConditionStalled); condition.Reason == v1alpha1.ReasonSecretConflict {
			r.Remove(r.Secret(object.SecretName()))
		}
		// A refusal may be backed off from for up to six hours; a changed spec is tried at once.
		harness.Change(r.World, object, func(o *v1alpha1.GatewayToken) { o.Spec.TokenName = "last" })
	}
}

// decide has a person look after what is reported, as often as something new is.
func (r *randomInCorner) decide() {
	r.t.Helper()
	for range 3 {
		r.acknowledgeAll()
		r.pass(2 * time.Hour)
		r.CheckRest()
	}
	r.recreate()
	r.createOther()
	r.pass(2 * time.Hour)
}

func (r *randomInCorner) judge() {
	r.t.Helper()
	r.WantReady(r.object)
	r.WantReady(r.other)
	r.WantNo(r.object, v1alpha1.ConditionRevocationPending)
	r.WantNo(r.other, v1alpha1.ConditionRevocationPending)
	wantNoneLeft(r.t, r.World, 2)
	r.Refresh(r.issuer)
	if open := slices.DeleteFunc(r.issuer.Status.PossibleOrphans, func(o v1alpha1.PossibleOrphan) bool { return o.Acknowledged }); len(open) > 0 {
		r.t.Errorf("still reported: %+v", open)
	}
	r.CheckRest()
	r.judgeRest()
}
