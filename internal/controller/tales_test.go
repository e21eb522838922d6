package controller_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// Whatever happens, in whatever order: no value in a Secret is cut off on the way, and in the end, when all is well again, each Secret holds an
// active token, every other is revoked, counted or reported, none was made without a cause, nobody else's was touched, and nothing is left to do.
//
// What happens is drawn by rapid, which tells a tale that fails again and again, each time with less in it, until nothing can be left out.
func TestTales(t *testing.T) {
	t.Parallel()
	for _, at := range scenes() {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) { tell(t, at, func(*tale) {}, (*tale).end) })
		})
	}
}

// tell tells one tale that is drawn, in chapters: rapid leaves out whole chapters first, and then what happens in them. Whatever is found is told
// to rapid at two places, one on the way and one in the end: failures at different places are different ones to rapid. After each step, and in the end, it is judged.
func tell(t *rapid.T, at scene, after, end func(*tale)) {
	told := begin(t, at)
	chapters := rapid.SliceOfN(at.steps(), 1, 8)
	t.Repeat(map[string]func(*rapid.T){
		"": func(t *rapid.T) { told.report(t) },
		"a chapter": func(t *rapid.T) {
			for _, next := range chapters.Draw(t, "what happens") {
				told.take(next, after)
			}
		},
	})
	told.finish(end)
	told.report(t)
}

// generously does not count what is made.
func generously() harness.Option {
	return harness.WithSettings(func(s *lifecycle.Settings) { s.MintsPerHour, s.MintsPerDay = 100, 100 })
}

// step is something that happens, and how long nothing happens after it.
type step struct {
	happening
	pause time.Duration
	// began is when it happened, since the tale began.
	began time.Duration
}

// GoString implements fmt.GoStringer: rapid prints what it draws in this way.
func (s step) GoString() string {
	if s.pause > 0 {
		return s.says + "; " + s.pause.String() + " pass"
	}
	return s.says
}

// steps generates them.
func (at *scene) steps() *rapid.Generator[step] {
	happenings, after := rapid.OneOf(at.happenings()...), pauses()
	return rapid.Custom(func(t *rapid.T) step {
		return step{happening: happenings.Draw(t, "happening"), pause: after.Draw(t, "pause")}
	})
}

// happening is something that happens, in words. What does not fit any more when it comes changes nothing.
type happening struct {
	says string
	do   func(*tale)
}

// tale is a world in which things happen.
type tale struct {
	*harness.World
	*scene
	trial *harness.Trial
	steps []step
	since time.Time

	issuer *v1alpha1.ClusterTokenIssuer
	// objects are the GatewayTokens that people want, by name, also those that are gone for now.
	objects map[string]*v1alpha1.GatewayToken
	parked  *harness.Zombie
	// backups are what was kept of a GatewayToken, store is what puts back everything.
	backups map[string]backup
	store   func()
	serial  int
	// overdue: the vendor has carried out what nobody could expect any more.
	overdue bool
	// restored: a Secret or the whole store was put back.
	restored bool
	// thawsAt is when stopped watches go on; zero while they do.
	thawsAt time.Time
	// revoked counts the tokens that were revoked by hand, strays those that were made by hand on the way.
	revoked, strays int
	// strangers are tokens that are nobody's business.
	strangers []string
	// causes is how many tokens there are reasons to make.
	causes int
}

// The GatewayTokens of a tale. The second comes and goes.
const (
	theFirst  = "mediator"
	theSecond = "second"
)

// begin makes the world of a tale, with an issuer and a GatewayToken that was not looked at yet.
func begin(t *rapid.T, at scene) *tale {
	told := &tale{scene: &at, trial: harness.NewTrial(t.Context()), objects: map[string]*v1alpha1.GatewayToken{}, backups: map[string]backup{}}
	t.Cleanup(told.trial.Clean)
	told.trial.Try(func() {
		told.World = harness.New(told.trial, model, connect, harness.At(at.flavour()), generously())
		told.since = told.Clock.Now()
		told.trial.Cleanup(func() {
			if told.parked != nil {
				told.Bury(told.parked)
			}
		})
		told.Watch()
		for range at.crowd {
			told.strangers = append(told.strangers, told.CreateByHand("somebody's"))
		}
		told.Provide(told.System)
		told.issuer = told.ClusterIssuer()
		told.Create(told.issuer)
		told.want(theFirst)
	})
	return told
}

// want makes a GatewayToken where there is none.
func (l *tale) want(name string) {
	if l.objects[name] != nil && !l.Gone(l.objects[name]) {
		return
	}
	l.objects[name] = l.Token(name, harness.Overlapping(5*time.Minute))
	l.Create(l.objects[name])
	l.causes++
}

// have gives a GatewayToken that is there; nil for none.
func (l *tale) have(name string) *v1alpha1.GatewayToken {
	object := l.objects[name]
	if object == nil || l.Gone(object) {
		return nil
	}
	l.Refresh(object)
	return object
}

// names are those of the GatewayTokens that people wanted, first things first.
func (l *tale) names() []string {
	return slices.DeleteFunc([]string{theFirst, theSecond}, func(name string) bool { return l.objects[name] == nil })
}

// take lets something happen, and then time pass. Nothing happens any more once something was found.
func (l *tale) take(next step, after func(*tale)) {
	if l.trial.Failed() {
		return
	}
	next.began = l.Clock.Now().Sub(l.since)
	l.steps = append(l.steps, next)
	l.trial.Try(func() {
		l.Note("— %s", next.says)
		next.do(l)
		l.pass(next.pause)
		after(l)
	})
}

// finish tells the end.
func (l *tale) finish(end func(*tale)) {
	if l.trial.Failed() {
		return
	}
	l.trial.Try(func() {
		l.Note("— in the end")
		end(l)
	})
}

// pass lets time pass. A process that has ended by then is followed by another.
func (l *tale) pass(d time.Duration) {
	if rest := l.thawsAt.Sub(l.Clock.Now()); !l.thawsAt.IsZero() && rest <= d {
		l.advance(max(rest, 0))
		l.thaw()
		d -= max(rest, 0)
	}
	l.advance(d)
}

func (l *tale) advance(d time.Duration) {
	l.Advance(d)
	if l.Ended() {
		l.restart()
	}
}

// freeze stops watches for a while: an informer notices soon when its watch is dead.
func (l *tale) freeze(kinds ...string) {
	l.FreezeCache(kinds...)
	l.thawsAt = l.Clock.Now().Add(90 * time.Second)
}

func (l *tale) thaw() {
	l.ThawCache()
	l.thawsAt = time.Time{}
}

func (l *tale) restart() {
	l.Interfere(harness.Interference{})
	l.Restart()
}

// report fails the test if anything was found, with the steps that led to it and the whole story. Two tales of the same steps fail alike: what is
// drawn by the vendor is replaced by names.
func (l *tale) report(t *rapid.T) {
	if !l.trial.Failed() {
		return
	}
	plain := l.plainly()
	if l.World != nil {
		t.Logf("what happened in detail:\n%s", plain.Replace(l.Story()))
	}
	t.Logf("what is said in the end:\n%s", plain.Replace(l.said()))
	t.Logf("all that was found:\n%s", plain.Replace(strings.Join(l.trial.Violations(), "\n")))
	t.Logf("a tale at %s in %d steps:\n%s", l.name, len(l.steps), l.summary())
	found, _, _ := strings.Cut(l.trial.Violations()[0], "\n")
	t.Fatalf("%s", plain.Replace(found))
}

// said are the conditions that there are.
func (l *tale) said() string {
	var lines strings.Builder
	l.trial.Try(func() {
		for _, name := range l.names() {
			if object := l.have(name); object != nil {
				tellConditions(&lines, "GatewayToken "+name, object.Status.Conditions)
			}
		}
		if !l.Gone(l.issuer) {
			l.Refresh(l.issuer)
			tellConditions(&lines, "the issuer", l.issuer.Status.Conditions)
		}
	})
	return lines.String()
}

func tellConditions(to *strings.Builder, of string, conditions []metav1.Condition) {
	for _, c := range conditions {
		fmt.Fprintf(to, "%s: %s %s %s: %s\n", of, c.Type, c.Status, c.Reason, c.Message)
	}
}

// summary is the tale in few words.
func (l *tale) summary() string {
	var lines strings.Builder
	for i, taken := range l.steps {
		fmt.Fprintf(&lines, "%3d. %14s  %#v\n", i+1, "+"+taken.began.String(), taken)
	}
	return lines.String()
}

// plainly names tokens by the order in which they were made, in place of IDs that are others each time.
func (l *tale) plainly() *strings.Replacer {
	var pairs []string
	if l.World != nil && l.Vendor != nil {
		for i, made := range l.Tokens() {
			pairs = append(pairs, made.ID, fmt.Sprintf("<token %d>", i+1))
		}
		pairs = append(pairs, l.Vendor.URL(), "<the vendor>")
	}
	return strings.NewReplacer(pairs...)
}
