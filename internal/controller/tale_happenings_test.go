package controller_test

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// happens generates one happening. What is simple comes first wherever something is chosen: rapid makes a tale that fails simple by choosing what
// comes first.
type happens = *rapid.Generator[happening]

// just is a happening of which there is one kind.
func just(says string, do func(*tale)) happens { return rapid.Just(happening{says, do}) }

// pauses are the times between two happenings. Nothing takes no time at all: what is due at once is done.
func pauses() *rapid.Generator[time.Duration] {
	return rapid.SampledFrom([]time.Duration{0, time.Millisecond, time.Second, 7 * time.Second, time.Minute, 6 * time.Minute, 20 * time.Minute})
}

// happenings are what may happen. Each of these is as likely as any other, but for rotations, where it is about them.
func (at *scene) happenings() []happens {
	all := []happens{
		just("nothing happens", func(*tale) {}),
		ofLives(), ofProcesses(), mishapsHappen(), at.faults(), at.ofVendors(), at.ofSpecs(), at.ofRotations(), at.ofIssuers(), at.ofConsoles(), at.ofLosses(),
	}
	if !at.keepsSecrets {
		all = append(all, at.ofSecrets())
	}
	for range at.turns {
		all = append(all, at.ofRotations())
	}
	return all
}

// either generates what happens to one of the two GatewayTokens.
func either(says string, do func(*tale, string)) happens {
	return rapid.Custom(func(t *rapid.T) happening {
		name := rapid.SampledFrom([]string{theFirst, theSecond}).Draw(t, "which")
		return happening{fmt.Sprintf(says, name), func(l *tale) { do(l, name) }}
	})
}

// ofProcesses are the ends of processes, and what they do not see in time.
func ofProcesses() happens {
	parks := rapid.Custom(func(t *rapid.T) happening {
		after := rapid.IntRange(0, 4).Draw(t, "after")
		return happening{fmt.Sprintf("a process is parked before its effect %d, and another one starts", after+1), func(l *tale) { l.park(after) }}
	})
	kinds := [][]string{{v1alpha1.KindGatewayToken}, {"Secret"}, {v1alpha1.KindClusterTokenIssuer}, {v1alpha1.KindGatewayToken, "Secret"}}
	stops := rapid.Custom(func(t *rapid.T) happening {
		stopped := rapid.SampledFrom(kinds).Draw(t, "kinds")
		return happening{fmt.Sprintf("watches stop for 90 seconds: %v", stopped), func(l *tale) { l.freeze(stopped...) }}
	})
	return rapid.OneOf(
		just("the operator is restarted", (*tale).restart),
		just("clocks agree again", func(l *tale) { l.SkewServer(0) }),
		parks, parks,
		just("the parked process goes on", (*tale).resume), just("the parked process goes on", (*tale).resume),
		stops,
		just("watches go on", (*tale).thaw),
		skews(),
	)
}

func skews() happens {
	return rapid.Custom(func(t *rapid.T) happening {
		by := rapid.SampledFrom([]time.Duration{time.Minute, 10 * time.Minute, -10 * time.Minute}).Draw(t, "by")
		return happening{fmt.Sprintf("the API server's clock is %s ahead", by), func(l *tale) { l.SkewServer(by) }}
	})
}

// park parks the process at one of its next effects, and lets another take over.
func (l *tale) park(after int) {
	if l.parked != nil {
		return
	}
	// Both may make a token, and what one has in hand may be lost.
	l.causes += 2
	l.parked = l.TryPark(10*time.Minute, func(harness.Effect) bool {
		after--
		return after < 0
	})
}

func (l *tale) resume() {
	if l.parked != nil {
		l.Resume(l.parked)
		l.parked = nil
	}
}

// What befalls an effect.
const (
	killedBefore = "the process is killed before its effect %d"
	killedAfter  = "the process is killed after its effect %d"
	toldToEnd    = "the process is told to end at its effect %d"
	answerLost   = "the answer to effect %d is lost"
	refusedOnce  = "effect %d is refused"
	pausedAt     = "the machine sleeps for an hour before effect %d"
)

// mishapsHappen are what befalls one of the next effects.
func mishapsHappen() happens {
	return rapid.Custom(func(t *rapid.T) happening {
		kind := rapid.SampledFrom([]string{killedBefore, killedAfter, answerLost, refusedOnce, toldToEnd, pausedAt}).Draw(t, "mishap")
		after := rapid.IntRange(0, 5).Draw(t, "after")
		return happening{fmt.Sprintf(kind, after+1), func(l *tale) { l.befall(kind, after) }}
	})
}

func (l *tale) befall(kind string, after int) {
	// A value that is in memory only may be lost with it.
	l.lose(1)
	befall := func(effect harness.Effect) error {
		if after--; after >= 0 {
			return nil
		}
		l.Interfere(harness.Interference{})
		return l.hit(kind, effect)
	}
	if kind == killedAfter || kind == answerLost {
		l.Interfere(harness.Interference{After: befall})
		return
	}
	l.Interfere(harness.Interference{Before: befall})
}

// hit is what a mishap does to an effect.
func (l *tale) hit(kind string, effect harness.Effect) error {
	switch kind {
	case killedBefore, killedAfter:
		harness.Kill()
	case toldToEnd:
		l.Terminate()
	case pausedAt:
		if l.named || effect.Kind != harness.VendorToken {
			// Between the last look at the clock and the call is a limit that is known where tokens have no names.
			l.Clock.Step(time.Hour)
		}
	case answerLost:
		return harness.ErrLost
	case refusedOnce:
		if effect.Kind != harness.VendorToken {
			return apierrors.NewInternalError(harness.ErrLost)
		}
		// What the vendor answers is the simulator's.
	}
	return nil
}

// lose counts values that may be lost. One that can be read again needs no other token.
func (l *tale) lose(values int) {
	if !l.readable {
		l.causes += values
	}
}

// ofVendors are what the vendor does beside failing.
func (at *scene) ofVendors() happens {
	heals := just("the vendor is well again", func(l *tale) { l.Heal() })
	commits := just("the vendor carries out what it had held back", (*tale).commitLate)
	if !at.named {
		// A vendor that commits later than it may is a limit that is known.
		commits = just("the vendor carries out a create late, and in time", (*tale).commitInTime)
		return rapid.OneOf(heals, commits, at.faults(), at.faults())
	}
	holds := just("the vendor holds back the next create", (*tale).holdBack)
	return rapid.OneOf(heals, commits, holds, at.faults())
}

func (l *tale) holdBack() {
	l.causes++
	l.Fault(l.route(l.routes[0]), stage.LateCommit, func(f *simulator.Fault) { f.Delay = 1000 * time.Hour })
}

// commitLate has the vendor carry out what it had held back. When that is later than it may be, a process that does not know of it takes what
// came of it for another operator's.
func (l *tale) commitLate() {
	if l.Vendor.Faults().CommitLate() > 0 && l.named {
		l.overdue = true
	}
}

func (l *tale) commitInTime() {
	l.holdBack()
	l.pass(l.Settings.Settle / 3)
	l.Heal()
	l.Vendor.Faults().CommitLate()
}

// faults are what the calls of a vendor meet.
func (at *scene) faults() happens {
	kinds := []simulator.Fault{
		{Kind: stage.Status}, {Kind: stage.StatusAfterCommit}, {Kind: stage.CutBeforeCommit}, {Kind: stage.CutAfterCommit}, {Kind: stage.TruncatedBody},
		{Kind: stage.MalformedJSON}, {Kind: stage.HTML}, {Kind: stage.Unauthorized}, {Kind: stage.Redirect},
		{Kind: stage.Status, Status: 429}, {Kind: stage.Status, Status: 429, RetryAfter: "90"}, {Kind: stage.Status, Status: 403},
	}
	if at.named {
		// Elsewhere it is the vendor's word that there is no such thing.
		kinds = append(kinds, simulator.Fault{Kind: stage.Status, Status: 404})
	}
	return rapid.Custom(func(t *rapid.T) happening {
		i := rapid.IntRange(0, len(at.routes)-1).Draw(t, "route")
		fault := rapid.SampledFrom(kinds).Draw(t, "fault")
		fault.Times = rapid.IntRange(1, 3).Draw(t, "times")
		says := fmt.Sprintf("the next %d calls of %s meet %s", fault.Times, at.routes[i], fault.Kind)
		if fault.Status > 0 {
			says += " " + strconv.Itoa(fault.Status)
		}
		return happening{says, func(l *tale) {
			if i < l.makes {
				l.lose(fault.Times)
			}
			l.Fault(l.route(l.routes[i]), fault.Kind, func(f *simulator.Fault) {
				*f = simulator.Fault{
					Route: f.Route, Kind: fault.Kind, Times: fault.Times, Status: fault.Status, RetryAfter: fault.RetryAfter,
				}
			})
		}}
	})
}

// ofSecrets are what people do with a Secret.
func (at *scene) ofSecrets() happens {
	edits := map[string]func(*corev1.Secret){
		"its value":       func(s *corev1.Secret) { s.Data = map[string][]byte{"token": []byte("by hand")} },
		"its data":        func(s *corev1.Secret) { s.Data = nil },
		"its labels":      func(s *corev1.Secret) { s.Labels = nil },
		"its retention":   func(s *corev1.Secret) { metav1.SetMetaDataLabel(&s.ObjectMeta, v1alpha1.LabelRetained, "true") },
		"away its ledger": func(s *corev1.Secret) { delete(s.Annotations, v1alpha1.AnnotationLedger) },
		"its ledger": func(s *corev1.Secret) {
			if s.Annotations[v1alpha1.AnnotationLedger] != "" {
				s.Annotations[v1alpha1.AnnotationLedger] += " "
			}
		},
	}
	edit := rapid.Custom(func(t *rapid.T) happening {
		what := rapid.SampledFrom([]string{"its value", "its data", "its labels", "its retention", "its ledger", "away its ledger"}).Draw(t, "edit")
		name := rapid.SampledFrom([]string{theFirst, theSecond}).Draw(t, "which")
		return happening{fmt.Sprintf("somebody edits Secret %s: %s", name, what), func(l *tale) {
			if secret := l.spare(name); secret != nil {
				harness.Change(l.World, secret, edits[what])
			}
		}}
	})
	remove := either("somebody deletes Secret %s", func(l *tale, name string) {
		if secret := l.spare(name); secret != nil {
			l.Remove(secret)
		}
	})
	return rapid.OneOf(remove, edit)
}

// spare gives a Secret whose value somebody is about to lose; nil for none. Where tokens have no names, what a Secret tells of an object that is
// gone nothing else tells.
func (l *tale) spare(name string) *corev1.Secret {
	if !l.named && l.have(name) == nil {
		return nil
	}
	secret := l.Secret(name)
	if secret != nil {
		l.lose(1)
	}
	return secret
}

// ofSpecs are edits of what people want.
func (at *scene) ofSpecs() happens {
	own := []wish{
		{"suspend, or no longer", func(o *v1alpha1.GatewayToken) { o.Spec.Suspend = !o.Spec.Suspend }},
		{"retain at deletion", func(o *v1alpha1.GatewayToken) { o.Spec.DeletionPolicy = v1alpha1.DeletionRetain }},
		{"revoke at deletion", func(o *v1alpha1.GatewayToken) { o.Spec.DeletionPolicy = v1alpha1.DeletionRevoke }},
		{"report a remote revocation, or no longer", func(o *v1alpha1.GatewayToken) {
			if o.Spec.OnRemoteRevocation == v1alpha1.RemoteRevocationReport {
				o.Spec.OnRemoteRevocation = ""
				return
			}
			harness.Reporting(o)
		}},
	}
	plain := rapid.Custom(func(t *rapid.T) happening {
		drawn := rapid.SampledFrom(own).Draw(t, "edit")
		return editing(t, drawn.says, func(l *tale, o *v1alpha1.GatewayToken) { harness.Change(l.World, o, drawn.do) })
	})
	serials := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) happening { return editing(t, "another name for its tokens", (*tale).rename) }),
		rapid.Custom(func(t *rapid.T) happening { return editing(t, "another key in its Secret", (*tale).addKey) }),
		rapid.Custom(func(t *rapid.T) happening { return editing(t, "another label on its Secret", (*tale).addLabel) }),
	)
	if len(at.rights) == 0 {
		return rapid.OneOf(plain, serials)
	}
	return rapid.OneOf(plain, serials, at.ofRights(), at.ofRights())
}

// editing is about an edit of a GatewayToken that is there.
func editing(t *rapid.T, says string, do func(*tale, *v1alpha1.GatewayToken)) happening {
	name := rapid.SampledFrom([]string{theFirst, theSecond}).Draw(t, "which")
	return happening{fmt.Sprintf("somebody edits GatewayToken %s: %s", name, says), func(l *tale) {
		if object := l.have(name); object != nil {
			l.serial++
			do(l, object)
		}
	}}
}

func (l *tale) rename(o *v1alpha1.GatewayToken) {
	harness.Change(l.World, o, func(o *v1alpha1.GatewayToken) { o.Spec.TokenName = fmt.Sprint("name ", l.serial) })
}

func (l *tale) addKey(o *v1alpha1.GatewayToken) {
	harness.Change(l.World, o, harness.WithSecret(func(s *v1alpha1.SecretTemplate) {
		s.Data = map[string]v1alpha1.DataTemplate{"token": "{{ .Token }}", "key-" + strconv.Itoa(l.serial%3): "{{ .ID }} {{ .URL }}"}
	}))
}

func (l *tale) addLabel(o *v1alpha1.GatewayToken) {
	harness.Change(l.World, o, harness.WithSecret(func(s *v1alpha1.SecretTemplate) {
		s.Labels = map[string]v1alpha1.LabelValue{"serial": v1alpha1.LabelValue(strconv.Itoa(l.serial))}
	}))
}

// ofRights ask for something else of the vendor, and sometimes take it back before the operator is done.
func (at *scene) ofRights() happens {
	return rapid.Custom(func(t *rapid.T) happening {
		drawn := rapid.SampledFrom(at.rights).Draw(t, "rights")
		back := rapid.Bool().Draw(t, "taken back")
		says := drawn.says
		if back {
			says += " for a millisecond"
		}
		return editing(t, says, func(l *tale, o *v1alpha1.GatewayToken) { l.allow(o, drawn, back) })
	})
}

func (l *tale) allow(o *v1alpha1.GatewayToken, drawn wish, back bool) {
	before := o.DeepCopy()
	l.causes++
	harness.Change(l.World, o, drawn.do)
	if !back {
		return
	}
	l.pass(time.Millisecond)
	if !l.Gone(o) {
		l.causes++
		harness.Change(l.World, o, func(o *v1alpha1.GatewayToken) {
			o.Spec.Causeloop, o.Spec.RackGateway = before.Spec.Causeloop, before.Spec.RackGateway
		})
	}
}

// ofLives are about whether there is a GatewayToken.
func ofLives() happens {
	create := either("somebody creates GatewayToken %s", (*tale).want)
	remove := either("somebody deletes GatewayToken %s", func(l *tale, name string) {
		if object := l.have(name); object != nil && object.DeletionTimestamp == nil {
			l.Remove(object)
		}
	})
	return rapid.OneOf(create, create, remove)
}

// ofIssuers are about the issuer and what belongs to it. Where tokens have no names, who deletes it has decided about what it reports.
func (at *scene) ofIssuers() happens {
	all := []happens{
		just("grants are taken away", func(l *tale) { l.grant(nil) }),
		just("grants are given", func(l *tale) { l.grant(l.ClusterIssuer().Spec.Grants) }),
		just("the credentials are deleted, or put back", (*tale).credentials),
		just("a person acknowledges what is reported", (*tale).acknowledgeAll),
	}
	if at.named {
		all = append(all, just("the issuer is deleted, or created again", (*tale).deleteIssuer))
	}
	return rapid.OneOf(all...)
}

func (l *tale) grant(grants []v1alpha1.Grant) {
	if !l.Gone(l.issuer) {
		harness.Change(l.World, l.issuer, func(i *v1alpha1.ClusterTokenIssuer) { i.Spec.Grants = grants })
	}
}

func (l *tale) credentials() {
	if secret := l.SecretIn(l.System, harness.CredentialsName); secret != nil {
		l.Remove(secret)
		return
	}
	l.Create(l.Credentials(l.System))
}

func (l *tale) deleteIssuer() {
	if l.Gone(l.issuer) {
		l.issuer = l.ClusterIssuer()
		l.Create(l.issuer)
		return
	}
	if l.Refresh(l.issuer); l.issuer.DeletionTimestamp == nil {
		l.Remove(l.issuer)
	}
}

// acknowledgeAll has a person decide about what is reported, when the vendor must have committed it: what is ours is revoked, the rest stays.
func (l *tale) acknowledgeAll() {
	l.pass(l.Settings.Settle)
	if l.Gone(l.issuer) {
		return
	}
	for _, made := range l.Reported() {
		l.RevokeByHand(made.ID)
	}
	acknowledge(l.World, l.issuer)
}

// ofRotations ask for another token.
func (at *scene) ofRotations() happens {
	rotate := rapid.Custom(func(t *rapid.T) happening {
		how := rapid.SampledFrom(at.strategies).Draw(t, "strategy")
		leaked := rapid.SampledFrom([]bool{false, false, true}).Draw(t, "leaked")
		name := rapid.SampledFrom([]string{theFirst, theSecond}).Draw(t, "which")
		says := fmt.Sprintf("somebody asks for another token for %s (%s)", name, how)
		if leaked {
			says += ": the old one leaked"
		}
		return happening{says, func(l *tale) { l.rotate(name, how, leaked) }}
	})
	if !slices.Contains(at.strategies, v1alpha1.StrategyInPlace) {
		return rotate
	}
	ids := just("the vendor gives what is replaced in place another ID, or no longer", func(l *tale) {
		switches := l.Vendor.Causeloop().Switches()
		switches.RollKeepsID = !switches.RollKeepsID
		if err := l.Vendor.Causeloop().SetSwitches(switches); err != nil {
			l.trial.Fatal(err)
		}
	})
	return rapid.OneOf(rotate, rotate, rotate, ids)
}

func (l *tale) rotate(name string, how v1alpha1.RotationStrategy, leaked bool) {
	object := l.have(name)
	if object == nil {
		return
	}
	l.causes++
	harness.Change(l.World, object, func(o *v1alpha1.GatewayToken) {
		harness.Overlapping(5 * time.Minute)(o)
		o.Spec.Rotation.Strategy = how
	})
	ask(l.World, object, leaked)
}

// ofConsoles are what people do at the vendor.
func (at *scene) ofConsoles() happens {
	revoke := rapid.Custom(func(t *rapid.T) happening {
		nth := rapid.IntRange(0, 3).Draw(t, "which")
		return happening{fmt.Sprintf("somebody revokes active token %d at the vendor", nth+1), func(l *tale) { l.revokeNth(nth) }}
	})
	create := just("somebody makes a token at the vendor", (*tale).createByHand)
	switch {
	case at.unlisted: // where nothing lists it, a token that is revoked is not missed
		return create
	case at.exclusive: // nobody else makes tokens
		return revoke
	default:
		return rapid.OneOf(revoke, create)
	}
}

// revokeNth revokes one of the active tokens of ours. Three are enough.
func (l *tale) revokeNth(nth int) {
	active := l.ourActive()
	if len(active) == 0 || l.revoked == 3 {
		return
	}
	l.revoked++
	l.causes++
	l.RevokeByHand(active[nth%len(active)].ID)
}

// createByHand: there is room for a few only.
func (l *tale) createByHand() {
	if len(l.Active()) > 3 || l.strays > 0 {
		return
	}
	l.strays++
	l.strangers = append(l.strangers, l.CreateByHand("somebody's, too"))
}
