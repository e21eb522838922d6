package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

const (
	// often is the interval of lists where much has to be seen in a short time.
	often = "1s"
	// overlap is how long a replaced token goes on working, and how the specs say it.
	overlap     = 3 * time.Second
	overlapSpec = "  rotation:\n    overlap: 3s\n"
	// rest is how long a token without a name that nobody can use stays, where nobody else makes any: longer than the overlap.
	rest = 6 * time.Second
)

// subject is a GatewayToken that the stories of Rack Gateway, Causeloop and PingOne follow. Their vendors show no value again, so
// that a value that got lost is not to be had any more.
type subject struct {
	*demo
	at platform
	// namespace and name are the GatewayToken's, base is its tokenName; key is the one of the Secret that holds the token.
	namespace, name, base, secretName, key string
	// gateway is where its credentials are at PingOne, in place of a base: they have no names.
	gateway string

	// value and id are of the token that was in the Secret when it was last looked at, oldValue and oldID of the one before.
	value, id, oldValue, oldID string
	// unread is the token whose value died with the operator.
	unread stack.Token
}

func (s *subject) object() object {
	return object{kind: v1alpha1.KindGatewayToken, namespace: s.namespace, name: s.name}
}

// isReady waits as a person does.
func (s *subject) isReady() func(context.Context) error { return s.becomesReady(s.namespace, s.name) }

// patch edits the spec.
func (s *subject) patch(spec string) func(context.Context) error {
	return s.kubectl("--namespace", s.namespace, "patch", "gatewaytoken", s.name, "--type=merge", "--patch", `{"spec":`+spec+`}`)
}

// isPublished takes note of the token in the Secret. The vendor must accept it, and status name it.
func (s *subject) isPublished(ctx context.Context) error {
	connection, err := s.activeInSecret(ctx, s.at(), s.namespace, s.secretName, s.key)
	if err != nil {
		return err
	}
	told, err := s.token(ctx, s.namespace, s.name)
	if err != nil {
		return err
	}
	if told.Status.Current == nil || told.Status.Current.ID != connection.ID {
		return fmt.Errorf("expected status to name token %s, found %+v", connection.ID, told.Status.Current)
	}
	s.id = connection.ID
	s.value, err = s.secretValue(ctx, s.namespace, s.secretName, s.key)
	return err
}

// isReplaced holds once the Secret has another token than the one that was noted, and takes note of it.
func (s *subject) isReplaced(ctx context.Context) error {
	value, err := s.secretValue(ctx, s.namespace, s.secretName, s.key)
	if err != nil {
		return err
	}
	if value == s.value {
		return errors.New("expected another value than the one before, found that one")
	}
	old, oldID := s.value, s.id
	if err := s.isPublished(ctx); err != nil {
		return err
	}
	s.oldValue, s.oldID = old, oldID
	return nil
}

// isKept holds while the Secret has the token that was noted, and the vendor accepts it.
func (s *subject) isKept(ctx context.Context) error {
	connection, err := s.activeInSecret(ctx, s.at(), s.namespace, s.secretName, s.key)
	if err != nil {
		return err
	}
	value, err := s.secretValue(ctx, s.namespace, s.secretName, s.key)
	if err == nil && (value != s.value || connection.ID != s.id) {
		err = fmt.Errorf("expected token %s as before, found token %s, the same value: %t", s.id, connection.ID, value == s.value)
	}
	return err
}

// oldIsRefused holds when the vendor knows the value before as one of a token that has ended.
func (s *subject) oldIsRefused(ctx context.Context) error {
	connection, err := s.at().Check(ctx, s.oldValue)
	if err == nil && (!connection.Known || connection.Active || connection.ID != s.oldID) {
		err = fmt.Errorf("expected the vendor to know the old value as one that has ended, found %+v", connection)
	}
	return err
}

// row is a token in the vendor's books.
func (s *subject) row(ctx context.Context, id string) (stack.Token, error) {
	return rowOf(ctx, s.at(), id)
}

func rowOf(ctx context.Context, at stack.Platform, id string) (stack.Token, error) {
	all, err := at.Tokens(ctx)
	if err != nil {
		return stack.Token{}, err
	}
	found := slices.IndexFunc(all, func(t stack.Token) bool { return t.ID == id })
	if found < 0 {
		return stack.Token{}, fmt.Errorf("expected %s to have token %s, found none", at.Vendor.Title(), id)
	}
	return all[found], nil
}

// tokens are all that the operator ever made for it: by their name or, where they have none, at its gateway.
func (s *subject) tokens(ctx context.Context) ([]stack.Token, error) {
	if s.gateway == "" {
		return s.at().TokensOf(ctx, s.base)
	}
	all, err := s.place().Credentials(ctx)
	return slices.DeleteFunc(all, func(t stack.Token) bool { return !byOperator(t) }), err
}

// place is its gateway at PingOne.
func (s *subject) place() stack.Gateway { return stack.Gateway{Platform: s.at(), ID: s.gateway} }

// haveTokens holds when the operator has made that many tokens for it, and so many of them are active.
func (s *subject) haveTokens(total, active int) func(context.Context) error {
	return func(ctx context.Context) error {
		found, err := s.tokens(ctx)
		if err != nil {
			return err
		}
		return stack.CountTokens(found, "of "+s.object().String(), total, active)
	}
}

// hasRights holds when the token has these rights at the vendor.
func (s *subject) hasRights(want ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		row, err := s.row(ctx, s.id)
		if err == nil && !slices.Equal(slices.Sorted(slices.Values(row.Rights)), slices.Sorted(slices.Values(want))) {
			err = fmt.Errorf("expected the token to have the rights %v, found %v", want, row.Rights)
		}
		return err
	}
}

// oldHasRetired holds once the token before has ended; it must have worked for the overlap after its successor was made.
func (s *subject) oldHasRetired(ctx context.Context) error {
	if err := s.outlived(ctx, s.oldID, overlap); err != nil {
		return err
	}
	return s.oldIsRefused(ctx)
}

// outlived holds once a token has ended; it must have lived on for a time after the one in use was made.
func (s *subject) outlived(ctx context.Context, id string, after time.Duration) error {
	left, err := s.row(ctx, id)
	if err != nil {
		return err
	}
	successor, err := s.row(ctx, s.id)
	if err != nil {
		return err
	}
	if left.Active {
		return fmt.Errorf("expected token %s to have ended, found it active", id)
	}
	// The vendor's times are whole seconds.
	if lived := left.EndedAt.Sub(successor.CreatedAt); lived <= after-time.Second {
		return errors.Join(stack.ErrNever, fmt.Errorf("expected token %s to have lived for another %s, found %s", id, after, lived))
	}
	return nil
}

// isNotGranted edits the spec of a token that is in use to something that no grant covers, and back.
func (s *subject) isNotGranted(what, spec, back, says string, rights ...string) []step {
	refused := expectation{kind: v1alpha1.ConditionVendorReachable, status: "False", reason: v1alpha1.ReasonNotGranted, says: says}
	return []step{
		do("the spec is edited: "+what+", which no grant covers", s.patch(spec)),
		check("VendorReachable tells what is not granted: NotGranted; the token stays in use as it was", both(
			soon(s.tells(s.object(), refused, ready())), s.isKept, s.hasRights(rights...))),
		do("the edit is taken back", s.patch(back)),
	}
}

// isRevokedByHand lets a person end the token at the vendor.
func (s *subject) isRevokedByHand(how string, creates int) []step {
	return []step{
		do(how, func(ctx context.Context) error { return s.at().Revoke(ctx, s.id) }),
		check("it is replaced: the Secret has a new value, the old one is refused, and that took one create", both(
			soon(s.isReplaced), s.oldIsRefused, s.isReady(), wereCreates(s.at, creates))),
	}
}

// isKilled kills the operator after the vendor has made the token and before the Secret is written.
func (s *subject) isKilled(route string, apply func(context.Context) error) []step {
	return []step{
		do("the vendor will make the next token and hold its answer back", func(ctx context.Context) error {
			return s.vendor.AddFaults(ctx, stack.Fault{Route: route, Kind: stage.HangAfterCommit, Times: 1})
		}),
		do("kubectl apply: GatewayToken "+s.name, apply),
		check("the vendor has made the token; the operator is killed (SIGKILL) before it has written a Secret", func(ctx context.Context) error {
			var err error
			s.unread, err = made(ctx, s.tokens)
			return errors.Join(err, s.operator.Kill(), s.noSecret(s.namespace, s.secretName)(ctx))
		}),
		do("the operator starts again and waits until the dead one's Lease has expired", func(ctx context.Context) error { return s.operator.Start(ctx) }),
		check("the next one is published: the value of the first is not to be had any more", both(s.isReady(), s.isPublished, func(context.Context) error {
			if s.id == s.unread.ID {
				return fmt.Errorf("expected another token than %s, found that one", s.unread.ID)
			}
			return nil
		})),
	}
}

// leavesNothing follows a kill where names tell whose a token is. Another is looked at before and after.
func (s *subject) leavesNothing(other *subject) []step {
	return []step{
		check("the one that nobody can use is gone after the overlap: exactly one extra was made", both(soon(s.haveTokens(2, 1)), s.isKept)),
		other.isUntouched(),
	}
}

func (s *subject) isUntouched() step {
	return check("the other token was not touched", both(s.isKept, s.tells(s.object(), ready())))
}

// isDeleted deletes the GatewayToken.
func (s *subject) isDeleted() []step {
	return []step{
		do("kubectl delete gatewaytoken "+s.name, s.kubectl("--namespace", s.namespace, "delete", "gatewaytoken", s.name, "--timeout=60s")),
		check("all its tokens have ended at the vendor, and its Secret is gone", both(s.hasNoneActive, s.noSecret(s.namespace, s.secretName))),
		check("what somebody else has at the vendor was never touched", s.othersActive),
	}
}

// foreign is the name of what somebody else has at a vendor.
const foreign = "somebody-elses"

// belonging is a token of somebody else.
type belonging struct {
	at platform
	id string
}

// isNotAlone lets somebody else have a token, too: a list that shows nothing that it showed before proves nothing.
func (s *subject) isNotAlone(ctx context.Context) error {
	if s.gateway != "" {
		id, err := s.place().Create(ctx)
		s.others = append(s.others, belonging{s.at, id})
		return err
	}
	if err := s.at().Create(ctx, foreign); err != nil {
		return err
	}
	all, err := s.at().Tokens(ctx)
	all = slices.DeleteFunc(all, func(t stack.Token) bool { return t.Name != foreign })
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("expected something that is called %s at %s, found nothing", foreign, s.at().Vendor.Title())
	}
	for _, t := range all {
		s.others = append(s.others, belonging{s.at, t.ID})
	}
	return err
}

// othersActive holds while every token of somebody else is active.
func (d *demo) othersActive(ctx context.Context) error {
	var wrong []error
	for _, other := range d.others {
		row, err := rowOf(ctx, other.at(), other.id)
		if err == nil && !row.Active {
			err = fmt.Errorf("expected a token of somebody else to be active at %s, found %+v", other.at().Vendor.Title(), row)
		}
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

func (s *subject) hasNoneActive(ctx context.Context) error {
	found, err := s.tokens(ctx)
	if err == nil && (len(found) == 0 || slices.ContainsFunc(found, func(t stack.Token) bool { return t.Active })) {
		err = fmt.Errorf("expected the vendor to have tokens of %s, none of them active, found %+v", s.object(), found)
	}
	return err
}

// refusal is a GatewayToken that asks for what it must not have.
type refusal struct {
	name, what string
	// spec is the vendor's block.
	spec string
	// reason and says are what Ready must tell.
	reason, says string
	// heals: it may come to be right without anybody editing it.
	heals bool
}

// refusals asks an issuer for what cannot be had.
func (d *demo) refusals(namespace, issuer string, refused ...refusal) []step {
	var manifests []string
	for _, r := range refused {
		manifests = append(manifests, tokenManifest(namespace, r.name, v1alpha1.KindClusterTokenIssuer, issuer, r.spec))
	}
	steps := []step{do("kubectl apply: GatewayTokens that ask for what they cannot have", d.apply(manifests...))}
	for _, r := range refused {
		o := object{kind: v1alpha1.KindGatewayToken, namespace: namespace, name: r.name}
		wants := []expectation{{kind: v1alpha1.ConditionReady, status: "False", reason: r.reason, says: r.says}}
		if !r.heals {
			wants = append(wants, expectation{kind: v1alpha1.ConditionStalled, status: "True", reason: r.reason})
		}
		steps = append(steps, check(r.what+": "+r.reason, both(soon(d.tells(o, wants...)), d.noSecret(namespace, r.name))))
	}
	return steps
}

// isRefusedByAPI holds when the API server does not take a manifest, and says why.
func (d *demo) isRefusedByAPI(manifest, says string) func(context.Context) error {
	return func(ctx context.Context) error {
		err := d.stack.Apply(ctx, manifest)
		if err == nil || !strings.Contains(err.Error(), says) {
			return fmt.Errorf("expected the API server to refuse it and to say %q, found: %w", says, err)
		}
		return nil
	}
}

// hasOnly holds when the Secret has exactly these keys.
func (d *demo) hasOnly(namespace, name string, want ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		secret, err := d.secret(ctx, namespace, name)
		if err != nil {
			return err
		}
		if got := keysOf(secret); !slices.Equal(got, want) {
			return fmt.Errorf("expected the Secret to have the keys %v, found %v", want, got)
		}
		return nil
	}
}
