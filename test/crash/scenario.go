package main

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// scenario is a story in which every effect can go wrong.
type scenario struct {
	name string
	// at tells at which vendors it is told; at all where it is nil.
	at func(vendor) bool
	// tell brings the world to where the story ends, but for what the operator does last.
	tell func(*play)
	// ends judges the world at rest.
	ends func(*play)
	// mints is how many creates the story itself causes.
	mints func(vendor) int
	// unknown is how many tokens nobody can tell any more: nil for none.
	unknown func(vendor) int
	// takes is how long the operator may need to come to rest.
	takes time.Duration
	// pairs: those faults befall it two by two that are combined so.
	pairs bool
}

// Creates that a story causes.

func always(mints int) func(vendor) int { return func(vendor) int { return mints } }

// lost is one more where a lost value cannot be read again.
func lost(mints int) func(vendor) int {
	return func(at vendor) int {
		if at.readable {
			return mints
		}
		return mints + 1
	}
}

// What stories consist of.

// begin makes an issuer with credentials and a GatewayToken, beside a token that is nobody's business.
func (p *play) begin(options ...func(*v1alpha1.GatewayToken)) {
	p.somebodys = p.CreateByHand("somebody's")
	p.issuer, p.object = p.Ask(append([]func(*v1alpha1.GatewayToken){harness.Overlapping(overlap)}, options...)...)
}

// published does that, and lets the token be issued.
func (p *play) published(options ...func(*v1alpha1.GatewayToken)) {
	p.begin(options...)
	p.pass(time.Minute)
}

// request asks for another token.
func (p *play) request(leaked bool) {
	now := p.Clock.Now().UTC().Format(time.RFC3339)
	harness.Change(p.World, p.object, func(o *v1alpha1.GatewayToken) {
		o.Annotations = map[string]string{v1alpha1.AnnotationRotateRequest: now}
		if leaked {
			o.Annotations[v1alpha1.AnnotationRevokeRequest] = now
		}
	})
	p.hasty = p.hasty || leaked
}

// withdraw takes the request back.
func (p *play) withdraw() {
	harness.Change(p.World, p.object, func(o *v1alpha1.GatewayToken) { o.Annotations = nil })
}

// remove deletes the GatewayToken.
func (p *play) remove() { p.Remove(p.object) }

// loseSecret deletes its Secret.
func (p *play) loseSecret() {
	if secret := p.Secret("mediator"); secret != nil {
		p.Remove(secret)
	}
}

// user makes a Deployment that takes the token by its environment, with one pod.
func (p *play) user() { p.start(p.Deployment("user", "mediator"), "0") }

// start starts a pod of the Deployment, which reads the Secret.
func (p *play) start(of *appsv1.Deployment, name string) { p.starts(p.PodOf(of, name)) }

// end ends a pod.
func (p *play) end(name string) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: p.Tenant, Name: name}}
	if !p.Gone(pod) {
		p.Finish(pod)
		p.ends(pod)
	}
}

// rollsOut does what the Deployment controller does when the template of a Deployment changes: a while later a pod starts, and then those
// before it end.
func (p *play) rollsOut(e harness.Effect) {
	if e.Kind != "Deployment" {
		return
	}
	at := p.Clock.Now().Add(max(p.rollout, rollout))
	p.pending = append(p.pending, errand{due: func(int) bool { return !p.Clock.Now().Before(at) }, do: p.replacePods})
}

// replacePods starts a pod of the Deployment, and ends those before it.
func (p *play) replacePods() {
	user := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: p.Tenant, Name: "user"}}
	p.Refresh(user)
	before := slices.SortedFunc(maps.Keys(p.pods), func(a, b client.ObjectKey) int { return strings.Compare(a.Name, b.Name) })
	p.podsStarted++
	p.start(user, strconv.Itoa(p.podsStarted))
	for _, pod := range before {
		p.end(pod.Name)
	}
}

// rollout is how long a Deployment takes to replace its pod, where the story does not say otherwise.
const rollout = 20 * time.Second

// restarting has workloads restarted.
func restarting(o *v1alpha1.GatewayToken) {
	o.Spec.Consumers = &v1alpha1.Consumers{Action: v1alpha1.ConsumersRestart}
}

// conflicting are the vendors with lists whose documents leave open what a revocation of a token is answered that has ended.
func conflicting(v vendor) bool { return v.conflict != nil }

// refuseRepeatedRevocations has the vendor answer them by 409.
func (p *play) refuseRepeatedRevocations() { p.must(p.at.conflict(p.Vendor)) }

// How stories end.

// ready: the Secret holds the only token of ours that is active and that no person has been told of.
func ready(p *play) {
	p.WantReady(p.object)
	wantLeft(p, 1)
}

// released: nothing is left.
func released(p *play) {
	if !p.Gone(p.object) {
		p.t.Errorf("it is not gone: %+v", p.Condition(p.object, v1alpha1.ConditionRevocationPending))
		return
	}
	// A Secret of which somebody took away what tells whose it is stays.
	if p.Secret("mediator") != nil && !p.counted {
		p.t.Error("its Secret is not gone")
	}
	wantLeft(p, 0)
}

// retained: the Secret is left with its token.
func retained(p *play) {
	if !p.Gone(p.object) {
		p.t.Error("it is not gone")
	}
	if secret := p.Secret("mediator"); secret == nil || !p.counted && secret.Labels[v1alpha1.LabelRetained] != "true" || !p.Current(secret, "token").Active {
		p.t.Error("the Secret was not retained with its token")
	}
	if !p.counted {
		wantLeft(p, 1)
	}
}

// wantLeft counts the active tokens of ours but those that are reported or, where the vendor was too late, counted.
func wantLeft(p *play, want int) {
	active := slices.DeleteFunc(p.Made(), func(made harness.Token) bool { return !made.Active })
	left := len(active) - len(p.Reported())
	if p.unknown > 0 && left > want {
		left -= min(p.unknown, left-want)
	}
	if p.counted && p.issuer != nil && !p.Gone(p.issuer) {
		if p.Refresh(p.issuer); p.issuer.Status.Inventory != nil {
			left -= int(p.issuer.Status.Inventory.Orphaned)
		}
	}
	if left != want {
		p.t.Errorf("%d tokens are active that nobody was told of, want %d: %+v", left, want, active)
	}
}

// scenarios are all stories.
func scenarios() []scenario {
	return slices.Concat(ofTokens(), ofRotations(), ofDeletions(), ofRestores(), ofAccounts(), ofClusters())
}

// ofTokens are the three stories that faults befall two by two, and those of Secrets and statuses that somebody changes.
func ofTokens() []scenario {
	return []scenario{
		{name: "issue", tell: func(p *play) { p.begin(); p.here() }, ends: ready, mints: always(1), pairs: true},
		{name: "rotate", pairs: true, mints: always(2), takes: time.Hour, tell: func(p *play) {
			p.published(restarting)
			p.user()
			p.here()
			p.request(false)
		}, ends: ready},
		{name: "delete", pairs: true, mints: always(1), tell: func(p *play) { p.published(); p.here(); p.remove() }, ends: released},
		{name: "Secret present",
			mints: always(1), ends: ready, tell: func(p *play) {
				foreign := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: p.Tenant, Name: "mediator"}, StringData: map[string]string{"token": "somebody's"}}
				p.Create(foreign)
				p.begin()
				p.here()
				p.pass(time.Minute)
				if len(p.Made()) > 0 {
					p.t.Error("a token was made that has no place")
				}
				p.Remove(foreign)
			}},
		{name: "Secret wiped", mints: lost(1), ends: ready, tell: func(p *play) { p.published(); p.here(); p.loseSecret() }},
		{name: "status wiped", mints: always(1), ends: ready, tell: func(p *play) { p.published(); p.here(); p.WipeStatus(p.object) }},
		{name: "both wiped", mints: lost(1), ends: ready, unknown: nameless, tell: func(p *play) {
			p.published()
			p.here()
			p.WipeStatus(p.object)
			p.loseSecret()
		}},
		{name: "repair", mints: always(1), ends: ready, tell: func(p *play) {
			p.published()
			p.here()
			harness.Change(p.World, p.Secret("mediator"), func(s *corev1.Secret) { s.Labels["extra"], s.Data["more"] = "x", []byte("y") })
			harness.Change(p.World, p.object, func(o *v1alpha1.GatewayToken) {
				o.Spec.Secret = &v1alpha1.SecretTemplate{Data: map[string]v1alpha1.DataTemplate{"token": "{{ .Token }}", "id": "{{ .ID }}"}} //nolint:gosec // a template, no credential
			})
		}},
		{name: "value overwritten", mints: lost(1), ends: ready, tell: func(p *play) {
			p.published()
			p.here()
			harness.Change(p.World, p.Secret("mediator"), func(s *corev1.Secret) { s.Data["token"] = []byte("by hand") })
		}},
	}
}

// ofRotations are about tokens that are replaced.
func ofRotations() []scenario {
	return []scenario{
		{name: "rotate twice", mints: always(3), takes: time.Hour, ends: ready, tell: func(p *play) {
			p.published()
			p.here()
			p.request(false)
			p.pass(time.Minute)
			p.request(false)
			p.pass(10 * time.Minute)
		}},
		{name: "rollout hangs", mints: always(2), takes: time.Hour, ends: ready, tell: func(p *play) {
			p.published(restarting)
			p.user()
			p.here()
			p.rollout = 6 * overlap
			p.request(false)
		}},
		{name: "rotated, revocations of what has ended are refused", at: conflicting, mints: always(2), takes: 2 * time.Hour, ends: ready, tell: func(p *play) {
			p.refuseRepeatedRevocations()
			p.published()
			p.here()
			p.request(false)
		}},
		{name: "request withdrawn", mints: always(2), takes: time.Hour, ends: ready, tell: func(p *play) {
			p.published()
			p.here()
			p.meanwhile = p.withdraw
			p.request(false)
		}},
		{name: "leak", mints: always(2), ends: ready, tell: func(p *play) { p.published(); p.here(); p.request(true) }},
		// Where it is not known whether the value was replaced, there is another token.
		{name: "in place", at: func(v vendor) bool { return v.inPlace }, mints: always(2), takes: time.Hour, tell: func(p *play) {
			p.published(inPlace)
			p.here()
			p.hasty = true
			p.request(false)
		}, ends: func(p *play) {
			ready(p)
			if len(p.hits) == 0 && len(p.Made()) != 1 {
				p.t.Errorf("%d tokens were made, want the first only", len(p.Made()))
			}
		}},
		{name: "revoked by hand", at: func(v vendor) bool { return v.listed }, mints: always(2), ends: ready, takes: 30 * time.Minute, tell: func(p *play) {
			p.published()
			p.here()
			if secret := p.Secret("mediator"); secret != nil {
				p.RevokeByHand(p.Current(secret, "token").ID)
			}
		}},
		{name: "spec changed", at: func(v vendor) bool { return v.other != nil }, ends: ready, takes: time.Hour, mints: func(v vendor) int {
			if v.updates {
				return 1
			}
			return 2
		}, tell: func(p *play) {
			p.published()
			p.here()
			harness.Change(p.World, p.object, p.at.other)
		}},
	}
}

// ofDeletions are about the end.
func ofDeletions() []scenario {
	return []scenario{
		{name: "deleted while rotating", mints: always(2), ends: released, tell: func(p *play) {
			p.published()
			p.request(false)
			p.here()
			p.pass(20 * time.Second)
			p.remove()
		}},
		{name: "deleted at once", mints: always(1), ends: released, tell: func(p *play) {
			p.begin()
			p.here()
			p.Settle()
			p.remove()
		}},
		{name: "deleted with the vendor down", mints: always(1), ends: released, takes: 4 * time.Hour, tell: func(p *play) {
			p.published()
			p.here()
			for _, call := range []string{harness.RouteList, harness.RouteRevoke} {
				p.Fault(p.Route(call), stage.Status, harness.Always)
			}
			p.remove()
			p.pass(10 * time.Minute)
			p.Heal()
		}},
		{name: "deleted, revocations of what has ended are refused", at: conflicting, mints: always(1), ends: released, takes: 2 * time.Hour, tell: func(p *play) {
			p.refuseRepeatedRevocations()
			p.published()
			p.here()
			p.remove()
		}},
		{name: "retained", mints: always(1), ends: retained, tell: func(p *play) { p.published(harness.Retained); p.here(); p.remove() }},
		{name: "recreated", mints: always(2), ends: ready, tell: func(p *play) {
			p.published()
			p.here()
			p.remove()
			for range 10 {
				if p.pass(2 * time.Minute); p.Gone(p.object) {
					break
				}
			}
			p.object = p.Token("mediator", harness.Overlapping(overlap))
			p.Create(p.object)
		}},
		{name: "issuer deleted first", mints: always(1), ends: released, takes: 30 * time.Minute, tell: func(p *play) {
			p.published()
			p.here()
			p.Remove(p.issuer)
			p.pass(time.Minute)
			p.remove()
		}},
	}
}

// ofRestores are about what a backup brings back.
func ofRestores() []scenario {
	return []scenario{
		{name: "restored, older Secret", mints: always(3), takes: time.Hour, ends: ready, tell: func(p *play) { p.restored(true, false) }},
		{name: "restored, older status", mints: always(2), takes: time.Hour, ends: ready, tell: func(p *play) { p.restored(false, true) }},
		{name: "restored, older Secret and status", mints: always(3), takes: time.Hour, ends: ready, unknown: nameless, tell: func(p *play) { p.restored(true, true) }},
		{name: "restored, another UID", mints: always(1), takes: time.Hour, ends: ready, tell: func(p *play) {
			p.published()
			object, secret := p.object.DeepCopy(), p.Secret("mediator")
			p.Refresh(object)
			p.reborn = true
			p.here()
			p.Vanish(p.object)
			if secret != nil {
				p.Vanish(secret.DeepCopy())
			}
			p.pass(time.Minute)
			if secret != nil {
				harness.PutBack(p.World, secret)
			}
			p.object = harness.PutBack(p.World, object)
			p.RestoreStatus(object)
		}},
	}
}

func inPlace(o *v1alpha1.GatewayToken) { o.Spec.Rotation.Strategy = v1alpha1.StrategyInPlace }

// restored puts back the Secret, the status, or both, as they were before a rotation that has come to its end.
func (p *play) restored(secret, status bool) {
	p.published()
	p.Refresh(p.object)
	object, kept := p.object.DeepCopy(), p.Secret("mediator")
	p.request(false)
	p.pass(20 * time.Minute)
	p.here()
	p.wentBack = secret
	p.hasty = true // what the old Secret holds is dead already, and what came after it is nobody's
	if secret && kept != nil {
		for _, id := range p.endedIDs() {
			p.Excuse(id)
		}
		p.Vanish(p.Secret("mediator"))
		harness.PutBack(p.World, kept)
	}
	if status {
		p.RestoreStatus(object)
	}
}

// endedIDs are those of tokens that do not work any more.
func (p *play) endedIDs() []string {
	var ids []string
	for _, made := range p.Tokens() {
		if !made.Active {
			ids = append(ids, made.ID)
		}
	}
	return ids
}
