package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// patience bounds the time in which everything heals after the last fault: back-offs of a few minutes are in it.
const patience = 6 * time.Minute

// marker ends the name of every token that the operator made: installation, object, incarnation, sequence.
var marker = regexp.MustCompile(`^(.*)-gwt-([a-z2-7]{8})-([a-z2-7]{16})-([a-z2-7]{6})-([1-9][0-9]{0,8})$`)

// row is one token at the vendor that the operator made.
type row struct {
	causely.TokenTruth
	base string
	// incarnation is the very GatewayToken that it was made for.
	incarnation string
}

// marked are all tokens that the operator made, oldest first within an account.
func (s *soak) marked(ctx context.Context) ([]row, error) {
	tokens, err := s.vendor.Tokens(ctx)
	var found []row
	for _, token := range tokens {
		if parts := marker.FindStringSubmatch(token.Name); parts != nil {
			found = append(found, row{TokenTruth: token, base: parts[1], incarnation: parts[3] + "-" + parts[4]})
		}
	}
	return found, err
}

// judge takes the faults away, lets everything settle, and compares vendor and cluster.
func (s *soak) judge(ctx context.Context) {
	led := s.lead(ctx)
	_, cleared := s.clearFaults(ctx)
	if err := errors.Join(led, cleared); err != nil {
		s.verdict("the operator leads without faults", err)
		return
	}
	s.verdict("everything settles: every GatewayToken is Ready, every deletion is done", stack.Await(ctx, patience, s.settled))
	s.compare(ctx)
	s.verdict("every namespace can be deleted, and no token is left active", s.deleteAll(ctx))
	s.verdict("the operator never ended by itself", listed(s.exits))
}

func (s *soak) deleteAll(ctx context.Context) error {
	for _, where := range places() {
		if err := passing(s.deletePlace(ctx, where, "")); err != nil {
			return err
		}
	}
	return stack.Await(ctx, patience, s.empty)
}

// compare counts what the vendor has and nobody owns, what was made needlessly, and what is refused.
func (s *soak) compare(ctx context.Context) {
	rows, err := s.marked(ctx)
	if err != nil {
		s.verdict("the vendor tells the truth", err)
		return
	}
	owned, err := s.owned(ctx)
	if err != nil {
		s.verdict("the cluster tells what it has", err)
		return
	}
	var leaked []string
	for _, token := range rows {
		if token.State == causely.Active && !owned.ids[token.ID] {
			leaked = append(leaked, token.Name+" ("+token.ID+")")
		}
	}
	refused := slices.Concat(s.refused, owned.refused)
	needless := s.needless(rows)
	fmt.Fprintf(s.out, "soak: %d rounds, %d kills, %d tokens issued, %d leaked, %d minted needlessly, %d refused\n",
		s.rounds, s.kills, len(rows), len(leaked), max(len(needless)-s.lost, 0), len(refused))
	fmt.Fprintf(s.out, "soak: of these tokens %d are in use; people revoked %d; of %d lost answers to a create %d led to another one\n",
		len(owned.ids), len(s.revoked), s.lost, min(len(needless), s.lost))
	s.verdict("no token is leaked: every active one belongs to a living GatewayToken", listed(leaked))
	if len(needless) <= s.lost {
		needless = nil
	}
	s.verdict("no token was made needlessly", listed(needless))
	s.verdict("no value that was in use was refused", listed(refused))
}

// needless are the tokens of an object beyond its first and one for each that a person revoked.
func (s *soak) needless(rows []row) []string {
	allowed := map[string]int{}
	for _, token := range rows {
		if allowed[token.incarnation] == 0 {
			allowed[token.incarnation] = 1
		}
		if s.revoked[token.ID] {
			allowed[token.incarnation]++
		}
	}
	var needless []string
	for _, token := range rows {
		if allowed[token.incarnation]--; allowed[token.incarnation] < 0 {
			needless = append(needless, token.Name)
		}
	}
	return needless
}

// ownership is what the cluster says it has.
type ownership struct {
	// ids are the tokens in Secrets, and those that retire.
	ids map[string]bool
	// refused are GatewayTokens whose value the vendor does not accept.
	refused []string
}

func (s *soak) owned(ctx context.Context) (ownership, error) {
	found := ownership{ids: map[string]bool{}}
	var objects v1alpha1.GatewayTokenList
	if err := s.stack.Client.List(ctx, &objects); err != nil {
		return found, err
	}
	for i := range objects.Items {
		object := &objects.Items[i]
		for _, retiring := range object.Status.Retiring {
			found.ids[retiring.ID] = true
		}
		connection, err := s.connect(ctx, object.Namespace, object.SecretName())
		if err != nil {
			return found, err
		}
		if !connection.Active {
			found.refused = append(found.refused, object.Namespace+"/"+object.Name)
			continue
		}
		found.ids[connection.ID] = true
	}
	return found, nil
}

// connect asks the vendor about the value in a Secret. Where there is none, nothing is known.
func (s *soak) connect(ctx context.Context, namespace, name string) (causely.Connection, error) {
	secret := &corev1.Secret{}
	err := s.stack.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, secret)
	if apierrors.IsNotFound(err) {
		return causely.Connection{}, nil
	}
	if err != nil {
		return causely.Connection{}, err
	}
	return s.vendor.Check(ctx, string(secret.Data[v1alpha1.DefaultDataKey]))
}

// countRefused looks whether a Secret in use holds a value that the vendor refuses, although no person revoked it.
func (s *soak) countRefused(ctx context.Context) error {
	var objects v1alpha1.GatewayTokenList
	if err := s.stack.Client.List(ctx, &objects); err != nil {
		return err
	}
	for i := range objects.Items {
		object := &objects.Items[i]
		if object.DeletionTimestamp != nil {
			continue
		}
		connection, err := s.connect(ctx, object.Namespace, object.SecretName())
		if err != nil {
			return err
		}
		// What is not known is what somebody wrote there.
		if !connection.Known || connection.Active || s.revoked[connection.ID] {
			continue
		}
		if still, err := s.stillHolds(ctx, object, connection.ID); err != nil || !still {
			return err
		}
		s.refused = append(s.refused, fmt.Sprintf("%s/%s held %s (%.0f s)", object.Namespace, object.Name, connection.Name, time.Since(s.began).Seconds()))
	}
	return nil
}

// stillHolds tells whether the living object's Secret holds the token even now: it was not looked at in the middle of a
// change.
func (s *soak) stillHolds(ctx context.Context, object *v1alpha1.GatewayToken, id string) (bool, error) {
	again, err := s.connect(ctx, object.Namespace, object.SecretName())
	if err != nil || again.ID != id {
		return false, err
	}
	now := &v1alpha1.GatewayToken{}
	err = s.stack.Client.Get(ctx, client.ObjectKeyFromObject(object), now)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil && now.UID == object.UID && now.DeletionTimestamp == nil, err
}

func listed(lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	return errors.New(strings.Join(lines, "\n     "))
}
