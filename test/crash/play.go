package main

import (
	"context"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// hit is a fault at one point of a story: at an effect, or at a list where the fault is one of lists.
type hit struct {
	fault fault
	at    int
}

// play is one run of a scenario: a world in which the scenario is told, and in which faults befall the operator on the way.
type play struct {
	*harness.World
	*judge
	t  *harness.Trial
	at vendor

	issuer *v1alpha1.ClusterTokenIssuer
	object *v1alpha1.GatewayToken
	// neighbour is another cluster at the same vendor, to which nothing happens; nil for none. neighbours is its GatewayToken.
	neighbour  *harness.World
	neighbours *v1alpha1.GatewayToken
	plane      *harness.Plane

	// somebodys is a token that is nobody's business.
	somebodys string
	// rollout is how long a Deployment takes to replace its pod, where that is longer than usual.
	rollout time.Duration
	// meanwhile is what people do when a process is parked and another takes over; nil for nothing.
	meanwhile func()

	// from and fromLists are the effects and the lists before the part of the story where faults are.
	from, fromLists int
	// effects are those that were seen, whatever came of them; lists is how many lists were asked for.
	effects []harness.Effect
	lists   int
	// prompt tells of effects whether they came at once after the one before, and latest when the latest was.
	prompt map[int]bool
	latest time.Time
	// calmLists is how many lists there were when faults ended.
	calmLists int
	// podsStarted counts those that were started after the first.
	podsStarted int
	hits        []hit
	// befallen is how many of them happened.
	befallen int
	// pending is what faults and workloads do later.
	pending []errand
	// inHand: a token was made that is in no Secret yet.
	inHand bool
	// mints are creates that the faults may have caused beside those of the story.
	mints int
	// reborn: the GatewayToken is another object than the one that the tokens were made for.
	reborn bool
	// wentBack: the Secret is an older one.
	wentBack bool
	// unknown is how many tokens nobody can tell any more.
	unknown int
	// counted: tokens may be left that are counted as orphans.
	counted bool
}

// errand is something that is done later, once.
type errand struct {
	// due tells whether it is time, by the number of the effect that comes next; with zero, time has passed only.
	due func(number int) bool
	do  func()
	// ofFault: it is done at once when faults end.
	ofFault bool
}

// overlap is that of all scenarios: short enough to see its end.
const overlap = 5 * time.Minute

// outcome is what came of a run.
type outcome struct {
	violations []string
	story      string
	effects    []harness.Effect
	prompt     map[int]bool
	from       int
	fromLists  int
	calmLists  int
}

// perform plays a run. The host serves one at a time.
func perform(ctx context.Context, plane *harness.Plane, host *simulator.Host, of job) outcome {
	t := harness.NewTrial(ctx)
	at, told := of.at, of.told
	p := &play{t: t, plane: plane, at: at, hits: of.hits, prompt: map[int]bool{}}
	var result outcome
	t.Run(func() {
		p.World = harness.New(t, plane, connect, harness.At(at.flavour()), harness.ServedBy(host), generously())
		defer func() { result.story = p.Story() }()
		p.judge = newJudge(p)
		p.Watch()
		p.Interfere(harness.Interference{Before: p.before, After: p.after, List: p.list})
		if told.unknown != nil {
			p.unknown = told.unknown(at)
		}
		told.tell(p)
		p.rest(told)
	})
	result.prompt = p.prompt
	result.violations, result.effects, result.from, result.calmLists, result.fromLists = t.Violations(), p.effects, p.from, p.calmLists, p.fromLists
	return result
}

// generously does not bound what is made: the judge counts it.
func generously() harness.Option {
	return harness.WithSettings(func(s *lifecycle.Settings) { s.MintsPerHour, s.MintsPerDay = 100, 100 })
}

// here begins the part of a story where faults are.
func (p *play) here() { p.from, p.fromLists = len(p.effects), p.lists }

// before is asked before each effect.
func (p *play) before(e harness.Effect) error {
	now := p.Clock.Now()
	p.prompt[e.Number], p.latest = now.Sub(p.latest) < time.Second, now
	p.effects = append(p.effects, e)
	p.later(e.Number)
	return p.befall(e, func(f fault) func(*play, harness.Effect) error { return f.before })
}

// after is asked after each effect that succeeded.
func (p *play) after(e harness.Effect) error {
	p.judgeEffect(e)
	p.rollsOut(e)
	p.noteHand(e)
	return p.befall(e, func(f fault) func(*play, harness.Effect) error { return f.after })
}

// befall lets the faults of an effect happen.
func (p *play) befall(e harness.Effect, moment func(fault) func(*play, harness.Effect) error) error {
	for _, h := range p.hits {
		do := moment(h.fault)
		if h.at != e.Number || do == nil || h.fault.list != nil || (h.fault.on != nil && !h.fault.on(e, p.at)) {
			continue
		}
		p.mints += h.fault.causes(p, e)
		p.counted = p.counted || h.fault.counted
		p.befallen++
		if err := do(p, e); err != nil {
			return err
		}
	}
	return nil
}

// list is told of each list.
func (p *play) list(number int) {
	p.lists = number
	p.later(0)
	for _, h := range p.hits {
		if h.fault.list != nil && h.at == number {
			h.fault.list(p)
		}
	}
}

// later does what is due of what faults and workloads left to be done.
func (p *play) later(number int) { p.run(func(e errand) bool { return e.due(number) }) }

// run does those errands that are chosen.
func (p *play) run(chosen func(errand) bool) {
	pending := p.pending
	p.pending = nil
	for _, e := range pending {
		if chosen(e) {
			e.do()
		} else {
			p.pending = append(p.pending, e)
		}
	}
}

// slice is how often it is looked for what faults and workloads left to be done.
const slice = 30 * time.Second

// pass lets time pass. A process that ends is soon followed by another.
func (p *play) pass(d time.Duration) {
	until := p.Clock.Now().Add(d)
	for (len(p.pending) > 0 || p.neighbour != nil) && p.Clock.Now().Add(slice).Before(until) {
		p.spend(slice)
	}
	p.spend(max(until.Sub(p.Clock.Now()), 0))
}

// spend lets time pass here, and then has the neighbour do what is due.
func (p *play) spend(d time.Duration) {
	p.Await(d)
	p.later(0)
	if p.neighbour != nil {
		p.neighbour.Advance(0)
	}
}

// rest lets the operator come to rest, once nothing disturbs it any more. A person does what is asked for, and no more.
func (p *play) rest(told scenario) {
	p.pass(2 * time.Minute)
	p.calmLists = p.lists
	p.calm()
	settled := p.settles(told)
	for range decisions {
		settled = settled || p.decide() && p.settles(told)
	}
	if !settled {
		// It says why.
		before := p.lookAround()
		p.pass(interval)
		p.judgeEnd(told)
		p.judgeIdleness(before)
	}
	p.CheckDisclosure()
}

// decisions are how many a person may have to make one after the other.
const decisions = 3

// interval is how often it is looked whether the operator has come to rest: it lists once in the meantime.
const interval = 6 * time.Minute

// settles waits until all is as it is to be, and for two intervals nothing changed, failed or was asked without need. It tells whether that
// came.
func (p *play) settles(told scenario) bool {
	quiet, until := 0, p.Clock.Now().Add(p.patience(told))
	for quiet < 2 && p.Clock.Now().Before(until) {
		failed, befallen, before := len(p.Errors), p.befallen, p.lookAround()
		p.pass(interval)
		switch {
		case p.befallen > befallen:
			quiet, until = 0, p.Clock.Now().Add(p.patience(told))
		case len(p.Errors) > failed || !p.t.Holds(func() { p.judgeIdleness(before) }) || !p.t.Holds(func() { p.judgeEnd(told) }):
			quiet = 0
		default:
			quiet++
		}
	}
	return quiet == 2
}

// patience is how long the operator may need to come to rest. What is counted as orphaned is watched for long before.
func (p *play) patience(told scenario) time.Duration {
	patience := max(told.takes, 30*time.Minute)
	if p.counted {
		patience = max(patience, 3*time.Hour)
	}
	return patience
}

// calm ends what disturbs the operator.
func (p *play) calm() {
	p.run(func(e errand) bool { return e.ofFault })
	p.Vendor.Faults().CommitLate()
	p.Vendor.Faults().Clear()
	p.SkewServer(0)
	p.ThawCache()
}

// decide has a person do what conditions ask for, where nothing goes on without it. It tells whether there was something.
func (p *play) decide() bool {
	if p.object == nil || p.Gone(p.object) {
		return false
	}
	switch p.Condition(p.object, v1alpha1.ConditionStalled).Reason {
	case v1alpha1.ReasonPossibleOrphans:
		for _, made := range p.Reported() {
			p.RevokeByHand(made.ID)
		}
		p.acknowledge()
	case v1alpha1.ReasonSecretConflict:
		p.Remove(p.Secret(p.object.SecretName()))
	default:
		if p.Condition(p.object, v1alpha1.ConditionRevocationPending).Reason != v1alpha1.ReasonWaitingForConsumers {
			return false
		}
		p.replacePods()
	}
	return true
}

// acknowledge says of all that the issuer reports that it was looked at.
func (p *play) acknowledge() {
	if p.issuer == nil {
		return
	}
	p.Refresh(p.issuer)
	said := ""
	for _, orphan := range p.issuer.Status.PossibleOrphans {
		said += v1alpha1.AcknowledgeOrphan(orphan.ID+orphan.Name) + ", "
	}
	harness.Change(p.World, p.issuer, func(issuer *v1alpha1.ClusterTokenIssuer) {
		issuer.Annotations = map[string]string{v1alpha1.AnnotationAcknowledge: said}
	})
}

// noteHand notes whether a value is nowhere but in memory.
func (p *play) noteHand(e harness.Effect) {
	switch {
	case makes(e):
		p.inHand = true
	case e.Kind == "Secret" && (e.Verb == harness.Create || e.Verb == harness.Apply):
		p.inHand = false
	}
}
