package gatewaytoken

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/gatewaytoken/gateway-token-operator/internal/consumers"
	"github.com/gatewaytoken/gateway-token-operator/internal/consumers/cluster"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
)

// restart restarts the workloads whose pods hold older values than the Secrets they use have, as many as may be at once: for this
// GatewayToken, and for the others of the namespace that are due.
func (r *Reconciler) restart(ctx context.Context, s *scene, d lifecycle.Restart) (outcome, error) {
	now := s.observation.ServerNow
	due, wait := r.restartJobs.due(client.ObjectKeyFromObject(s.object), r.Settings.RestartDelay, now)
	if wait > 0 {
		s.memory.restarts = lifecycle.RestartProgress{Sequence: d.Sequence, Next: r.Clock.Now().Add(wait)}
		return outcome{after: wait}, nil
	}
	verdicts, busy, err := r.judge(ctx, s, due, now)
	if err != nil {
		return outcome{}, err
	}
	restarts := consumers.Restarts(verdicts...)
	limit := len(restarts)
	if most := r.Settings.RestartsAtOnce; most > 0 {
		limit = min(limit, max(most-busy, 0))
	}
	results, err := cluster.Restart(ctx, r.Client, restarts, limit)
	done, refused := r.tellRestarts(ctx, s, results)
	if err != nil {
		return outcome{}, fmt.Errorf("restart consumers: %w", err)
	}
	s.memory.restarts = progressOf(verdictOf(s, due, verdicts), d.Sequence, done, refused)
	if s.memory.restarts.Done {
		return outcome{again: true}, nil
	}
	s.memory.restarts.Next = r.Clock.Now().Add(d.Pause)
	s.observation.Memory.Restarts = s.memory.restarts
	return outcome{after: d.Pause}, nil
}

// tellRestarts says what came of restarts, and gives what was restarted and what may not be.
func (r *Reconciler) tellRestarts(ctx context.Context, s *scene, results []cluster.Result) (done map[consumers.Ref]bool, refused []string) {
	done = map[consumers.Ref]bool{}
	for _, result := range results {
		workload := result.String()
		switch result.Outcome {
		case cluster.Restarted:
			done[result.Ref] = true
			log.FromContext(ctx).Info("restarted a workload", "workload", workload)
			r.tell(s.object, "Restarted", workload+" is restarted, since its pods hold an older value than the Secret's.")
		case cluster.Refused:
			log.FromContext(ctx).Info("a workload may not be restarted", "workload", workload, "reason", apierrors.ReasonForError(result.Err))
			refused = append(refused, workload)
		case cluster.Changed:
		}
	}
	return done, refused
}

// judge tells what is to be restarted for each restartJob, and how many workloads are being restarted for any of them.
func (r *Reconciler) judge(ctx context.Context, s *scene, due []restartJob, now time.Time) (verdicts []consumers.Verdict, busy int, err error) {
	reader := cluster.Reader{Lister: r.Live}
	secrets := make([]string, len(due))
	for i, what := range due {
		secrets[i] = what.request.Secret
	}
	// Pods first: a workload that is new since has none that are old.
	pods, err := reader.Pods(ctx, s.object.Namespace, secrets...)
	if err != nil {
		return nil, 0, err //nolint:wrapcheck // it says what failed
	}
	workloads, err := reader.Workloads(ctx, s.object.Namespace)
	if err != nil {
		return nil, 0, err //nolint:wrapcheck // it says what failed
	}
	rolling := map[consumers.Ref]bool{}
	for _, what := range due {
		verdict := consumers.Judge(workloads, what.request).HeldBy(what.publication.HeldBy(pods, now))
		for _, ref := range verdict.Done {
			// Those that keep their pods until somebody deletes them do not roll.
			if !verdict.Keeps(ref) {
				rolling[ref] = true
			}
		}
		if what.done {
			// Whoever took the annotation away since does not bring about another restart.
			verdict.Due = nil
		}
		verdicts = append(verdicts, verdict)
	}
	return verdicts, len(rolling), nil
}

// verdictOf finds the object's own verdict.
func verdictOf(s *scene, due []restartJob, verdicts []consumers.Verdict) consumers.Verdict {
	for i, what := range due {
		if what.token == client.ObjectKeyFromObject(s.object) {
			return verdicts[i]
		}
	}
	return consumers.Verdict{}
}

// progressOf is what there is to know after a round of restarts.
func progressOf(verdict consumers.Verdict, sequence int, done map[consumers.Ref]bool, refused []string) lifecycle.RestartProgress {
	came := lifecycle.RestartProgress{
		Sequence: sequence, Text: verdict.Text(),
		Refused: len(refused)+len(verdict.Unknown) > 0,
		// Where nobody was restarted, nothing was done once that must not be done twice.
		Done: len(refused)+len(verdict.Unknown)+len(verdict.Paused) == 0 && len(verdict.Due)+len(verdict.Done) > 0,
	}
	if len(refused) > 0 {
		texts := []string{"the API server does not let the operator restart " + strings.Join(refused[:min(len(refused), mostNamed)], ", ")}
		if came.Text != "" {
			texts = append(texts, came.Text)
		}
		came.Text = strings.Join(texts, "; ")
	}
	for _, due := range verdict.Due {
		came.Done = came.Done && done[due.Ref]
	}
	return came
}

// mostNamed is how many workloads are named that cannot be restarted.
const mostNamed = 5

// restartJobOf is what workloads are to be restarted for.
func (r *Reconciler) restartJobOf(s *scene) restartJob {
	asked, current := s.object.Spec.Consumers, s.observation.Secret.Ledger.Current
	request := consumers.Request{
		For:    consumers.Entry{Token: s.object.Name, Sequence: current.Sequence, Incarnation: s.observation.Object.Marker.Incarnation},
		Secret: s.object.SecretName(), All: asked.All(),
	}
	for _, target := range asked.Targets {
		request.Targets = append(request.Targets, consumers.Ref{Kind: target.Kind, Name: target.Name})
	}
	return restartJob{token: client.ObjectKeyFromObject(s.object), request: request, publication: r.latest(s), done: s.observation.AllRestarted()}
}
