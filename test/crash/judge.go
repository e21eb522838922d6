package main

import (
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// livelock is how many effects are more than any story needs.
const livelock = 500

// judge says of a run whether what is promised was kept, by the vendor's truth and by what the API server has. After every effect: the
// Secret and pods hold what works, nobody else's token is touched. At rest: no token is forgotten, none was made without a cause, no value is
// anywhere else, and there is nothing left to do.
type judge struct {
	p *play
	// replaced tells of the values that a Secret has held, by the token's ID, since when it does not any more; zero while it does.
	replaced map[string]time.Time
	// pods are the values that pods hold.
	pods map[client.ObjectKey]string
	// value is what the Secret has, and former what it had before the latest effect.
	value, former string
	// hasty: what is replaced may end at once: a person asked for it, or the strategy is one that cuts off.
	hasty bool
}

func newJudge(p *play) *judge {
	return &judge{p: p, replaced: map[string]time.Time{}, pods: map[client.ObjectKey]string{}}
}

// judgeEffect is the judgement after an effect, beside the harness' own.
func (j *judge) judgeEffect(e harness.Effect) {
	if e.Number > livelock {
		j.p.t.Fatalf("%d effects and no rest: a livelock", e.Number)
	}
	j.former = j.value
	if e.Kind == "Secret" {
		j.look()
	}
	if e.Kind == harness.VendorToken && (e.Verb == harness.Revoke || e.Verb == harness.Roll) {
		j.judgeCutOff(e)
	}
}

// look takes note of what the Secret holds.
func (j *judge) look() {
	value, id := "", ""
	if secret := j.secret(); secret != nil {
		value = string(secret.Data[v1alpha1.DefaultDataKey])
		id = j.p.Opens(value).ID
	}
	if j.value == value {
		return
	}
	j.value = value
	if value != "" {
		j.p.Use(value)
	}
	now := j.p.Clock.Now()
	for other, since := range j.replaced {
		if other != id && since.IsZero() {
			j.replaced[other] = now
		}
	}
	if id != "" {
		j.replaced[id] = time.Time{}
	}
}

func (j *judge) secret() *corev1.Secret { return j.p.Secret("mediator") }

// judgeCutOff: a token that consumers may hold does not end before they have let go of it.
func (j *judge) judgeCutOff(e harness.Effect) {
	p := j.p
	if j.hasty || p.object == nil || p.Gone(p.object) {
		return
	}
	if p.Refresh(p.object); p.object.DeletionTimestamp != nil {
		return
	}
	for pod, value := range j.pods {
		if found := p.Opens(value); found.Known && !found.Active && !p.Excused(found.ID) {
			p.t.Errorf("after %s: pod %s holds the value of %s, which does not work any more", e, pod.Name, found.ID)
		}
	}
	since, published := j.replaced[e.Name]
	if published && !since.IsZero() && !p.Excused(e.Name) && p.Clock.Now().Sub(since) < overlap {
		p.t.Errorf("%s: it was replaced %s ago, and may be used for %s", e, p.Clock.Now().Sub(since), overlap)
	}
}

// starts notes that a pod starts, which reads the Secret.
func (j *judge) starts(pod client.Object) {
	j.look()
	j.pods[client.ObjectKeyFromObject(pod)] = j.value
}

// startsLate notes that a pod starts on a node that has not heard of the latest write yet.
func (j *judge) startsLate(pod client.Object) { j.pods[client.ObjectKeyFromObject(pod)] = j.former }

// ends notes that a pod has ended.
func (j *judge) ends(pod client.Object) { delete(j.pods, client.ObjectKeyFromObject(pod)) }

// judgeEnd judges what has come of the story.
func (j *judge) judgeEnd(told scenario) {
	p := j.p
	told.ends(p)
	if allowed := told.mints(p.at) + p.mints; len(p.Made()) > allowed {
		p.t.Errorf("%d tokens were made, and there are causes for %d", len(p.Made()), allowed)
	}
	if !p.counted && p.unknown == 0 {
		p.CheckLeaks()
		p.CheckUndisputed()
	}
}

// sight is what there was at one moment: the versions of objects, and the calls to the vendor.
type sight struct {
	versions map[string]string
	calls    map[string]int
}

func (j *judge) lookAround() sight { return sight{j.p.Versions(), maps.Clone(j.p.AllCalls())} }

// judgeIdleness: at rest nothing is written in an interval, and the vendor is asked for a list and nothing else.
func (j *judge) judgeIdleness(before sight) {
	p := j.p
	after := p.Versions()
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if before.versions[name] != after[name] {
			p.t.Errorf("%s is written at rest", name)
		}
	}
	total := 0
	for _, count := range p.CallsSince(before.calls) {
		total += count
	}
	if total > restCalls {
		p.t.Errorf("%d calls in %s at rest: %v", total, interval, p.CallsSince(before.calls))
	}
}

// restCalls are the lists of one or two intervals, of few pages each, and a login.
const restCalls = 6
