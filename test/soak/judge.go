package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// judge takes everything away that goes wrong, lets the operator settle, and compares vendors and cluster.
func (s *soak) judge(ctx context.Context) {
	err := errors.Join(s.vendor.ClearFaults(ctx), s.restoreCredentials(ctx, func() bool { return true }), s.letAge(ctx), s.lead(ctx))
	if err != nil {
		s.verdict("the operator leads without faults", err)
		return
	}
	s.verdict("everything settles: every GatewayToken is Ready, every request answered, every deletion done", s.await(ctx, s.settled))
	s.compare(ctx)
	s.verdict("no value that was in use was refused", listed(s.refused))
	s.judgeConsumers(ctx)
	s.verdict("every namespace can be deleted, and no token is left active but what was reported", s.deleteAll(ctx))
	s.verdict("what somebody else has at the vendors was never touched", s.othersActive(ctx))
	fmt.Fprintf(s.out, "soak: the operator ended %d times by itself since the API server did not answer\n", s.excusedExits)
	s.verdict("the operator never ended by itself while the API server answered", listed(s.exits))
	s.stopWatching()
	s.verdict("told to stop, the operator ends well", s.operator.Stop())
	s.verdict("nothing secret was put out", s.silence(ctx))
	if s.race {
		s.verdict("the operator's log tells of no data race", s.operator.Races())
	}
}

// letAge takes it back that tokens are replaced every few seconds: one of them would always be on its way out.
func (s *soak) letAge(ctx context.Context) error {
	for _, p := range s.places {
		err := s.edit(ctx, target{place: p, number: aging}, func(object *v1alpha1.GatewayToken) { object.Spec.Rotation.RenewBefore = nil })
		if err := passing(err); err != nil {
			return err
		}
	}
	return nil
}

func (s *soak) deleteAll(ctx context.Context) error {
	for _, p := range s.places {
		if err := passing(s.deletePlace(ctx, target{place: p})); err != nil {
			return err
		}
	}
	err := s.await(ctx, s.empty)
	rows, listErr := s.marked(ctx)
	for _, row := range rows {
		if row.active {
			fmt.Fprintf(s.out, "soak: left active and reported: %s %s %s\n", row.kind, row.name, row.id)
		}
	}
	return errors.Join(err, listErr)
}

// compare counts what the vendors have and nobody owns, and what was made needlessly.
func (s *soak) compare(ctx context.Context) {
	rows, err := s.marked(ctx)
	if err != nil {
		s.verdict("the vendors tell the truth", err)
		return
	}
	owned, err := s.owned(ctx)
	if err != nil {
		s.verdict("the cluster tells what it has", err)
		return
	}
	var leaked, twice []string
	var all []made
	for _, row := range rows {
		if !row.valueless {
			s.issued++
			all = append(all, row.made)
		}
		reported := s.books.isReported(row.id)
		switch {
		case row.active && !owned.ids[row.id] && reported:
			fmt.Fprintf(s.out, "soak: active, in no Secret, and reported: %s %s %s\n", row.kind, row.name, row.id)
		case row.active && !owned.ids[row.id]:
			leaked = append(leaked, fmt.Sprintf("%s %s %s", row.kind, row.name, row.id))
		}
	}
	open, err := s.openReports(ctx)
	for id := range open {
		if owned.ids[id] {
			twice = append(twice, id)
		}
	}
	s.leaked = len(leaked)
	s.verdict("no token is leaked: every active one belongs to a living GatewayToken, or is reported", errors.Join(err, listed(leaked)))
	s.verdict("nothing that is in use is reported as nobody's", listed(twice))
	s.verdict("no token was made needlessly", s.judgeMints(ctx, all))
}

// judgeMints compares what was made with what there was a cause for.
func (s *soak) judgeMints(ctx context.Context, all []made) error {
	calls, err := s.vendor.Calls(ctx)
	if err != nil {
		return err
	}
	unheard := map[string]int{}
	for _, k := range s.kinds {
		unheard[k.name] = calls.Unheard[k.creates]
	}
	reckoned := s.books.reckon(all, unheard)
	var needless []string
	for _, kind := range slices.Sorted(maps.Keys(reckoned)) {
		r := reckoned[kind]
		fmt.Fprintf(s.out, "soak: %s: %d tokens made; %d published, of %d causes (%d ages); %d never published: %d answers were lost, and at most %d died with a process\n",
			kind, r.made, r.published, r.caused, r.renewed, r.unpublished, r.unheard, r.died)
		needless = append(needless, r.needless...)
	}
	fmt.Fprintf(s.out, "soak: causes: %s\n", s.books.causes())
	s.needless = len(needless)
	s.verdict("there was something to judge: tokens of every kind were published", listed(s.idle(reckoned)))
	return listed(needless)
}

// idle are the kinds of which no token was published: on a machine that is too busy, nothing goes wrong either.
func (s *soak) idle(reckoned map[string]*reckoning) []string {
	var idle []string
	for _, k := range s.kinds {
		if r := reckoned[k.name]; r == nil || r.published == 0 {
			idle = append(idle, "expected tokens of the kind "+k.name+" to have been published, found none")
		}
	}
	return idle
}

// judgeConsumers counts what was refused to those who run in pods.
func (s *soak) judgeConsumers(ctx context.Context) {
	all, broken := s.kubelet.Told()
	madeAt, owners, err := s.madeAt(ctx)
	if err := errors.Join(broken, err); err != nil {
		s.verdict("it is known what happened in pods", err)
		return
	}
	var cutOff []string
	excused := map[string]int{}
	for _, c := range all {
		s.calls += c.Calls
		if c.Refused == 0 {
			continue
		}
		id := c.Token
		if owner, known := owners[id]; known {
			id = owner
		}
		excuse := s.books.excuse(id, madeAt[id], c.FirstRefused)
		if id == "" && s.books.wasGarbled(c.Namespace+"/"+c.Secret) {
			excuse = "it read what somebody had written into the Secret"
		}
		if excuse != "" {
			excused[excuse] += c.Refused
			continue
		}
		s.refusedCalls += c.Refused
		cutOff = append(cutOff, fmt.Sprintf("%s/%s: %d of %d calls with token %s, from %s on", c.Namespace, c.Pod, c.Refused, c.Calls, id, c.FirstRefused.Format(time.TimeOnly)))
	}
	if s.calls == 0 {
		cutOff = append(cutOff, "expected consumers to have called, found none")
	}
	fmt.Fprintf(s.out, "soak: %d pods ran; refused calls that do not count, and why: %v\n", len(all), excused)
	s.verdict("no consumer was cut off", listed(cutOff))
}

// madeAt is when the vendors say that tokens were made, and the accounts that tokens go by, by the tokens' own IDs.
func (s *soak) madeAt(ctx context.Context) (times map[string]time.Time, owners map[string]string, err error) {
	times, owners = map[string]time.Time{}, map[string]string{}
	for _, vendor := range s.vendors() {
		at := s.vendor.Platform(vendor)
		tokens, err := at.Tokens(ctx)
		if err != nil {
			return nil, nil, err
		}
		for _, t := range tokens {
			times[t.ID] = t.CreatedAt
		}
		accounts, err := at.Owners(ctx)
		if err != nil {
			return nil, nil, err
		}
		maps.Copy(owners, accounts)
	}
	return times, owners, nil
}

// othersActive: what somebody else made in an account is as it was.
func (s *soak) othersActive(ctx context.Context) error {
	var touched []string
	for _, vendor := range s.vendors() {
		tokens, err := s.vendor.Platform(vendor).Tokens(ctx)
		if err != nil {
			return err
		}
		var others int
		for _, t := range tokens {
			if !strings.HasPrefix(t.Name, foreign) && t.Maker != "console" {
				continue
			}
			if others++; !t.Active {
				touched = append(touched, fmt.Sprintf("%s %s", vendor.Title(), t.ID))
			}
		}
		if others == 0 {
			return fmt.Errorf("expected something of somebody else's at %s, found nothing", vendor.Title())
		}
	}
	return listed(touched)
}

// countRefused looks whether a Secret in use holds a value that the vendor refuses, although nothing excuses that.
func (s *soak) countRefused(ctx context.Context) error {
	var secrets corev1.SecretList
	if err := s.stack.Client.List(ctx, &secrets, client.MatchingLabels{v1alpha1.LabelRole: v1alpha1.RoleToken}); err != nil {
		return err
	}
	for i := range secrets.Items {
		at, known := s.targetOf(secrets.Items[i].Namespace, secrets.Items[i].Name)
		if !known {
			continue
		}
		if err := passing(s.countIfRefused(ctx, at, &secrets.Items[i])); err != nil {
			return err
		}
	}
	return nil
}

func (s *soak) countIfRefused(ctx context.Context, at target, secret *corev1.Secret) error {
	vendor := s.vendor.Platform(at.kind.vendor)
	value := string(secret.Data[v1alpha1.DefaultDataKey])
	connection, err := vendor.Connect(ctx, value)
	// What is not known is what somebody wrote there.
	if err != nil || !connection.Known || connection.Active {
		return err
	}
	madeAt, owners, err := s.madeAt(ctx)
	if err != nil {
		return err
	}
	id := connection.ID
	if owner, known := owners[id]; known {
		id = owner
	}
	if s.books.excuse(id, madeAt[id], time.Now()) != "" {
		return nil
	}
	// It was perhaps looked at in the middle of a change.
	now := &corev1.Secret{}
	if err := s.stack.Client.Get(ctx, at.key(), now); err != nil || string(now.Data[v1alpha1.DefaultDataKey]) != value {
		return err
	}
	if object, err := s.living(ctx, at); err != nil || object.UID == "" {
		return err
	}
	s.refused = append(s.refused, fmt.Sprintf("%s held token %s (%.0f s)", at.key(), id, s.elapsed()))
	return nil
}

// targetOf is the GatewayToken of a name, which its Secret has, too.
func (s *soak) targetOf(namespace, name string) (target, bool) {
	p, known := s.placeNamed(namespace)
	for number := range tokensPerPlace {
		if known && tokenName(number) == name {
			return target{place: p, number: number}, true
		}
	}
	return target{}, false
}

// issuers are all issuers.
func (s *soak) issuers(ctx context.Context) ([]v1alpha1.Issuer, error) {
	var own v1alpha1.TokenIssuerList
	var shared v1alpha1.ClusterTokenIssuerList
	err := errors.Join(s.stack.Client.List(ctx, &own), s.stack.Client.List(ctx, &shared))
	var all []v1alpha1.Issuer
	for i := range own.Items {
		all = append(all, &own.Items[i])
	}
	for i := range shared.Items {
		all = append(all, &shared.Items[i])
	}
	return all, err
}

// placeOf is a place that uses an issuer.
func (s *soak) placeOf(issuer v1alpha1.Issuer) (place, bool) {
	at := slices.IndexFunc(s.places, func(p place) bool {
		return p.issuer().Name == issuer.GetName() && (!p.tenant || p.namespace == issuer.GetNamespace())
	})
	if at < 0 {
		return place{}, false
	}
	return s.places[at], true
}

// openReports has the IDs of what issuers tell a person of and nobody has decided about.
func (s *soak) openReports(ctx context.Context) (map[string]bool, error) {
	issuers, err := s.issuers(ctx)
	open := map[string]bool{}
	for _, issuer := range issuers {
		for _, orphan := range issuer.IssuerStatus().PossibleOrphans {
			if !orphan.Acknowledged {
				open[orphan.ID] = true
			}
		}
	}
	return open, err
}

// heldIDs are the tokens in Secrets, and those that retire.
func (s *soak) heldIDs(ctx context.Context) (map[string]bool, error) {
	owned, err := s.owned(ctx)
	return owned.ids, err
}

func listed(lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	return errors.New(strings.Join(lines, "\n     "))
}
