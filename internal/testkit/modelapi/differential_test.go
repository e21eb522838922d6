package modelapi

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// length is how many steps a script has.
	length = 60
	// patience bounds a wait for a controller of Kubernetes, in true time; it is no measure of anything.
	patience = time.Minute
)

// The model does what a real API server does, whatever is asked of it: the same calls are made of both, drawn by chance from a seed, and
// each answer is compared. MODEL_SCRIPTS="from to" plays other seeds.
func TestModelIsLikeTheRealOne(t *testing.T) {
	from, to := 1, 24
	if wanted := os.Getenv("MODEL_SCRIPTS"); wanted != "" {
		if _, err := fmt.Sscan(wanted, &from, &to); err != nil {
			t.Fatal(err)
		}
	}
	for seed := from; seed <= to; seed++ {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			t.Parallel()
			difference, err := play(t.Context(), uint64(seed), patience, actual, newModel(flawless).Connect(agent))
			if err != nil || difference != "" {
				t.Error(err, difference)
			}
		})
	}
}

// A model that is wrong in one way is found out: were it not, the scripts would show nothing.
func TestScriptsFindFlaws(t *testing.T) {
	const scripts = 24
	flaws := map[string]flaw{
		"a UID counts for nothing": ignoresUID, "a version counts for nothing": ignoresVersion, "nothing written is a change": countsEveryWrite,
		"finalizers hold nothing": forgetsFinalizers, "dropped keys stay": keepsDroppedKeys,
		"everybody forces": alwaysForces, "what is owned stays": leavesDependents,
	}
	for name, flaw := range flaws {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(scripts) {
				difference, err := play(t.Context(), seed+1, 0, newModel(flawless).Connect(agent), newModel(flaw).Connect(agent))
				if err != nil {
					t.Fatal(err)
				}
				if difference != "" {
					return
				}
			}
			t.Errorf("no difference in %d scripts", scripts)
		})
	}
}

func newModel(wrong flaw) *Server {
	server := schemas.NewServer(newClock(), "model")
	server.flaw = wrong
	return server
}

func newClock() clock.PassiveClock {
	return clocktesting.NewFakePassiveClock(time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC))
}

// play plays a script at two API servers, and gives the story up to the first difference; nothing where there is none. Controllers have as
// long as they are given.
func play(ctx context.Context, seed uint64, patience time.Duration, want, got client.WithWatch) (string, error) {
	s := newScript(seed)
	sides := [2]*side{newSide(want), newSide(got)}
	for _, at := range sides {
		for _, name := range s.namespaces {
			if err := at.client.Create(ctx, blankOf(target{kind: "Namespace", name: name})); err != nil {
				return "", err
			}
		}
	}
	var story []string
	for number := range length {
		next := s.next(number)
		story = append(story, fmt.Sprintf("%3d  %s", number, next.story))
		var answers [2]answer
		for i, at := range sides {
			answers[i] = at.take(ctx, next)
		}
		difference := cmp.Diff(answers[0], answers[1])
		if difference == "" && next.collects {
			difference = s.settle(ctx, patience, sides)
		}
		if difference == "" {
			difference = cmp.Diff(sides[0].after(ctx, next), sides[1].after(ctx, next))
		}
		if difference != "" {
			return fmt.Sprintf("\n%s\n-want +got:\n%s", strings.Join(story, "\n"), difference), nil
		}
		story[number] += " -> " + answers[0].Failed
	}
	return s.settle(ctx, patience, sides), nil
}

// take takes a step.
func (s *side) take(ctx context.Context, next step) answer {
	s.before = s.version(next.of, current).version
	object, err := next.do(ctx, s)
	came := answer{Failed: failure(err)}
	if err == nil && object != nil {
		came.Object = s.plain(next.of.kind, object)
	}
	return came
}

// after looks at what is there after a step.
func (s *side) after(ctx context.Context, next step) map[string]any {
	after, err := s.get(ctx, next.of)
	if err != nil {
		return map[string]any{"error": failure(err)}
	}
	return s.plain(next.of.kind, after)
}

// settle waits until the real controllers have done what the model does at once.
func (s *script) settle(ctx context.Context, patience time.Duration, sides [2]*side) (difference string) {
	look := func(ctx context.Context) (bool, error) {
		var all [2][]string
		for i, at := range sides {
			var err error
			if all[i], err = s.everything(ctx, at); err != nil {
				return false, err
			}
		}
		difference = cmp.Diff(all[0], all[1])
		return difference == "", nil
	}
	like, err := look(ctx)
	if err == nil && !like && patience > 0 {
		err = wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, patience, false, look)
	}
	if err != nil {
		return fmt.Sprintf("%v\n%s", err, difference)
	}
	return difference
}
