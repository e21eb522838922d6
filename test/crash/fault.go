package main

import (
	"encoding/json"
	"errors"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// fault is one thing that goes wrong at one point.
type fault struct {
	name string
	// on tells at which effects it can happen; all where it is nil.
	on func(harness.Effect, vendor) bool
	// before and after are done before and after the effect; an error is its answer. list is done before a list instead.
	before, after func(*play, harness.Effect) error
	list          func(*play)
	// mints is how many creates it may cause beside those of the story.
	mints func(*play, harness.Effect) int
	// counted: what comes of it may be counted as an orphan rather than be revoked: the vendor carries out something later than settle, or
	// somebody takes away what tells whose a token is.
	counted bool
	// likeAfter: before an effect that comes at once after another it is the same as after that one.
	likeAfter bool
	// paired: it is combined with all others of these in pairs.
	paired bool
}

func (f fault) causes(p *play, e harness.Effect) int {
	if f.mints == nil {
		return 0
	}
	return f.mints(p, e)
}

// Which effects there are.

func atVendor(e harness.Effect, _ vendor) bool { return e.Kind == harness.VendorToken }

func atCluster(e harness.Effect, _ vendor) bool { return e.Kind != harness.VendorToken }

func makes(e harness.Effect) bool {
	return e.Is(harness.Mint, harness.VendorToken) || e.Is(harness.Roll, harness.VendorToken)
}

func writesSecret(e harness.Effect, _ vendor) bool {
	return e.Kind == "Secret" && e.Verb != harness.Delete
}

// What creates a fault may cause.

// valueLost: a value was in memory only. Where it cannot be read again, another token is needed.
func valueLost(p *play, _ harness.Effect) int {
	if !p.at.readable && p.inHand {
		return 1
	}
	return 0
}

// answerLost: the vendor may have made a token whose value nobody has.
func answerLost(p *play, e harness.Effect) int {
	if !p.at.readable && makes(e) {
		return 1
	}
	return 0
}

// processLost: with the process goes what it has in hand, and the answer that it waits for.
func processLost(p *play, e harness.Effect) int { return valueLost(p, e) + answerLost(p, e) }

// twoLeaders: both make one.
func twoLeaders(p *play, e harness.Effect) int {
	if makes(e) {
		return 1
	}
	return valueLost(p, e)
}

func anyMake(_ *play, e harness.Effect) int {
	if makes(e) {
		return 1
	}
	return 0
}

var resource = schema.GroupResource{Resource: "things"}

// faults are all that befall an effect. Of what the API server answers, the operator tells apart conflicts, what is forbidden, not found or there
// already; any other refusal stands for all, and so does any other answer to what was carried out.
func faults() []fault {
	kill := func(*play, harness.Effect) error { harness.Kill(); return nil }
	all := []fault{
		{name: "die before", before: kill, mints: valueLost, likeAfter: true, paired: true},
		{name: "die after", after: kill, mints: valueLost, paired: true},
		{name: "write answer lost", on: atCluster, after: answer(harness.ErrLost), paired: true},
		{name: "answer lost", on: atVendor, before: meets(stage.CutAfterCommit), mints: answerLost, paired: true},
		{name: "write refused", on: atCluster, before: answer(apierrors.NewInternalError(errors.New("refused")))},
		{name: "refused", on: atVendor, before: meets(stage.Status)},
		{name: "5xx after commit", on: atVendor, before: meets(stage.StatusAfterCommit), mints: answerLost},
		{name: "write conflicts", on: atCluster, before: answer(apierrors.NewConflict(resource, "thing", errors.New("somebody was here")))},
		{name: "409", on: atVendor, before: meets(stage.Status, status(409))},
		{name: "write forbidden", on: atCluster, before: answer(apierrors.NewForbidden(resource, "thing", errors.New("a quota, or a policy")))},
		{name: "429", on: atVendor, before: meets(stage.Status, status(429), func(f *simulator.Fault) { f.RetryAfter = "1" })},
		{name: "timeout", on: atVendor, before: meets(stage.CutBeforeCommit)},
		{name: "unreadable answer", on: atVendor, before: meets(stage.TruncatedBody), mints: answerLost},
		{name: "zombie", before: zombie, mints: twoLeaders, paired: true},
		{name: "zombie for 1 effect", before: briefZombie(1), mints: twoLeaders},
		{name: "zombie for 2 effects", before: briefZombie(2), mints: twoLeaders},
		{name: "zombie for 4 effects", before: briefZombie(4), mints: twoLeaders},
		{name: "terminated", before: terminated, mints: processLost},
		{name: "stale cache", before: stale},
		{name: "clock ahead", before: skewed(10 * time.Minute)},
		{name: "clock behind", before: skewed(-10 * time.Minute)},
		{name: "paused for an hour", before: paused},
		{name: "kubelet lags", on: writesSecret, after: kubeletLags},
	}
	all = append(all, lateCommits()...)
	all = append(all, tenants()...)
	return all
}

// answer answers with an error.
func answer(err error) func(*play, harness.Effect) error {
	return func(*play, harness.Effect) error { return err }
}

// meets has the call at the vendor meet a fault.
func meets(kind stage.Kind, change ...func(*simulator.Fault)) func(*play, harness.Effect) error {
	return func(p *play, e harness.Effect) error {
		p.Fault(p.at.route(p.World, e), kind, change...)
		return nil
	}
}

func status(code int) func(*simulator.Fault) { return func(f *simulator.Fault) { f.Status = code } }

// zombie parks the process, lets another one come to rest, and has the first go on.
func zombie(p *play, e harness.Effect) error {
	if makes(e) && !p.at.named && len(p.hits) > 1 {
		// If it dies then, nobody knows of what it makes: its attempt was over long before.
		p.unknown++
	}
	if p.meanwhile != nil {
		p.meanwhile()
	}
	p.Overtake(4 * time.Minute)
	return nil
}

// briefZombie parks the process, lets another one do a few effects, and has the first go on.
func briefZombie(effects int) func(*play, harness.Effect) error {
	return func(p *play, _ harness.Effect) error {
		until := len(p.effects) + effects
		p.OvertakeUntil(4*time.Minute, func() bool { return len(p.effects) >= until })
		return nil
	}
}

// terminated tells the process to end while the call is under way.
func terminated(p *play, _ harness.Effect) error {
	p.Terminate()
	return nil
}

// stale stops the watches of the process for a while.
func stale(p *play, _ harness.Effect) error {
	p.FreezeCache(v1alpha1.KindGatewayToken, v1alpha1.KindClusterTokenIssuer, v1alpha1.KindTokenIssuer, "Secret", "Namespace")
	p.forAWhile(func() { p.ThawCache() })
	return nil
}

// skewed puts the API server's clock off for a while.
func skewed(by time.Duration) func(*play, harness.Effect) error {
	return func(p *play, _ harness.Effect) error {
		p.SkewServer(by)
		p.forAWhile(func() { p.SkewServer(0) })
		return nil
	}
}

// aWhile is how long a fault lasts that ends by itself.
const aWhile = 90 * time.Second

// forAWhile ends a fault with the first effect or list after a while.
func (p *play) forAWhile(end func()) {
	until := p.Clock.Now().Add(aWhile)
	p.pending = append(p.pending, errand{ofFault: true, due: func(int) bool { return !p.Clock.Now().Before(until) }, do: end})
}

// paused stops the process in the middle of the effect, as a machine that is suspended does.
func paused(p *play, _ harness.Effect) error {
	p.Clock.Step(time.Hour)
	return nil
}

// lateCommits lose the answer of a call that the vendor carries out later: after further effects, or after a time.
func lateCommits() []fault {
	later := func(name string, paired, counted bool, due func(further int, after time.Duration) bool) fault {
		return fault{name: name, on: atVendor, mints: anyMake, paired: paired, counted: counted, before: func(p *play, began harness.Effect) error {
			since := p.Clock.Now()
			if counted && makes(began) && !p.at.named {
				// Nothing tells such a token from somebody else's.
				p.unknown++
			}
			p.Fault(p.at.route(p.World, began), stage.LateCommit, func(f *simulator.Fault) { f.Delay = 10_000 * time.Hour })
			p.pending = append(p.pending, errand{
				ofFault: true, due: func(number int) bool { return due(number-began.Number, p.Clock.Now().Sub(since)) }, do: p.commitLate,
			})
			return nil
		}}
	}
	effects := func(count int) func(int, time.Duration) bool {
		return func(further int, after time.Duration) bool { return further >= count || after > settle-5*time.Second }
	}
	after := func(d time.Duration) func(int, time.Duration) bool {
		return func(_ int, after time.Duration) bool { return after >= d }
	}
	return []fault{
		later("late commit after 1 effect", true, false, effects(1)),
		later("late commit after 3 effects", false, false, effects(3)),
		later("late commit within settle", false, false, after(settle-10*time.Second)),
		later("late commit after settle", false, true, after(settle+time.Minute)),
	}
}

// settle is what the operator waits for: the default of its settings.
const settle = 30 * time.Second

// commitLate lets the vendor carry out what it holds back.
func (p *play) commitLate() {
	if p.Vendor.Faults().CommitLate() > 0 {
		p.Note("the vendor carries out what it had held back")
	}
}

// tenants are what people of the tenant's namespace do in the middle of an effect.
func tenants() []fault {
	edit := func(name string, mints func(*play, harness.Effect) int, change func(*play, *corev1.Secret)) fault {
		return fault{name: name, mints: mints, counted: name == "labels stripped", before: func(p *play, _ harness.Effect) error {
			if secret := p.Secret("mediator"); secret != nil {
				change(p, secret)
			}
			return nil
		}}
	}
	once := func(p *play, _ harness.Effect) int {
		if p.at.readable {
			return 0
		}
		return 1
	}
	another := func(*play, harness.Effect) int { return 1 }
	return []fault{
		edit("ledger forged", once, func(p *play, s *corev1.Secret) {
			harness.Change(p.World, s, func(s *corev1.Secret) {
				if ledger := s.Annotations[v1alpha1.AnnotationLedger]; ledger != "" {
					s.Annotations[v1alpha1.AnnotationLedger] = p.forge(ledger)
					p.disown()
				}
			})
		}),
		edit("labels stripped", once, func(p *play, s *corev1.Secret) {
			// The watch tells of the Secret as it was, too.
			p.RefreshCache()
			harness.Change(p.World, s, func(s *corev1.Secret) { s.Labels = nil })
		}),
		edit("Secret recreated", once, func(p *play, s *corev1.Secret) {
			p.Remove(s)
			harness.PutBack(p.World, s)
		}),
		{name: "GatewayToken recreated", mints: another, counted: true, before: func(p *play, _ harness.Effect) error {
			p.recreate()
			return nil
		}},
		{name: "status stripped", before: func(p *play, _ harness.Effect) error {
			p.stripStatus()
			return nil
		}},
	}
}

// listFaults are all that befall a list of a vendor.
func listFaults(at vendor) []fault {
	of := func(name string, kind stage.Kind, change ...func(*simulator.Fault)) fault {
		return fault{name: name, list: func(p *play) { p.Fault(p.Route(harness.RouteList), kind, change...) }}
	}
	delayed := func(d time.Duration) func(*simulator.Fault) { return func(f *simulator.Fault) { f.Delay = d } }
	all := []fault{
		of("stale list", stage.StaleList, delayed(10*time.Minute)),
		of("list lags", stage.EventualList, delayed(20*time.Second)),
		of("empty list", stage.EmptyList),
		of("half a list", stage.TruncatedBody),
		of("no list", stage.Status),
		of("unauthorized list", stage.Unauthorized),
	}
	if at.name == "causely" {
		all = append(all, switched())
	}
	return all
}

// switched has one list show another account, which Causely's rows tell.
func switched() fault {
	return fault{name: "list of another account", list: func(p *play) {
		lead := func(project string) {
			if err := p.Vendor.Causely().SwitchProject(causely.DemoClientID, project); err != nil {
				p.t.Fatal(err)
			}
		}
		lead("another-project")
		p.forAWhile(func() { lead(causely.DemoProjectID) })
	}}
}

// stripStatus takes the status away.
func (p *play) stripStatus() {
	if p.object == nil || p.Gone(p.object) {
		return
	}
	p.WipeStatus(p.object)
	if !p.at.named && (p.wentBack || p.Secret("mediator") == nil) {
		// Neither tells any more what was made last.
		p.unknown++
	}
}

// recreate has somebody take the GatewayToken away, whatever holds it, and make it again: another object, whose predecessor's tokens are nobody's.
func (p *play) recreate() {
	if p.object == nil || p.Gone(p.object) {
		return
	}
	if p.Refresh(p.object); p.object.DeletionTimestamp != nil {
		return
	}
	for _, made := range p.Made() {
		p.Excuse(made.ID)
		if made.Active && !p.at.named {
			p.unknown++
		}
	}
	backup := p.object.DeepCopy()
	p.Vanish(p.object)
	p.object = harness.PutBack(p.World, backup)
}

// disown notes that the signature was all that told whose a token is: nothing says that its name is that of this object, or the object goes and
// leaves it. Then it is counted.
func (p *play) disown() {
	retained := p.object != nil && p.object.Spec.DeletionPolicy == v1alpha1.DeletionRetain
	if p.reborn || retained {
		p.counted = true
		p.mints++
	}
}

// forge adds to a ledger that somebody else's token was replaced long ago.
func (p *play) forge(sealed string) string {
	var envelope map[string]json.RawMessage
	payload := map[string]any{}
	if err := errors.Join(json.Unmarshal([]byte(sealed), &envelope), json.Unmarshal(envelope["ledger"], &payload)); err != nil {
		p.t.Fatal(err)
	}
	payload["retiring"] = []any{map[string]any{"id": p.somebodys, "sequence": 1, "since": p.Clock.Now().Add(-48 * time.Hour)}}
	var err error
	if envelope["ledger"], err = json.Marshal(payload); err != nil {
		p.t.Fatal(err)
	}
	forged, err := json.Marshal(envelope)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(forged)
}

// kubeletLags has a pod start at once on a node that still has the Secret as it was before.
func kubeletLags(p *play, _ harness.Effect) error {
	user := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: p.Tenant, Name: "user"}}
	if p.former != "" && p.former != p.value && !p.Gone(user) {
		p.Refresh(user)
		p.startsLate(p.PodOf(user, "late"))
	}
	return nil
}
