package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/steps"
)

// The actions that are run, by their names in config/argocd.
const (
	rotate    = "rotate"
	revokeNow = "revoke-now"
)

// rotation replaces the token by an action of Argo CD's.
func (e *e2e) rotation() steps.Chapter {
	return steps.Chapter{Title: "The action " + rotate, Steps: []steps.Step{
		steps.Check("argocd app actions list: both actions can be run on the GatewayToken", e.canAct),
		e.acts(rotate),
		steps.Check("another token is published, by one call", steps.Both(soon(e.isPublished), e.noneNeedless)),
		steps.Check("the mediator's pods are replaced, and use it", soon(e.isUsed)),
		steps.Check("the token before is revoked when none has it any more: one is active, and no call was refused", steps.Both(
			soon(e.active(&e.id)), e.noneRefused)),
		steps.Check("nothing of that made a difference to Argo CD: Synced all the time and after a hard refresh, nothing synced again", steps.Both(
			e.hardRefreshes(1), soon(e.isSynced), e.nothingHappened)),
	}}
}

// canAct holds when the command line offers the actions.
func (e *e2e) canAct(ctx context.Context) error {
	text, err := e.argo.cli.Run(ctx, "app", "actions", "list", application, "--kind", v1alpha1.KindGatewayToken)
	if err != nil {
		return err
	}
	for _, action := range []string{rotate, revokeNow} {
		offered := func(line string) bool {
			fields := strings.Fields(line)
			return slices.Contains(fields, action) && slices.Contains(fields, mediator) && slices.Contains(fields, "false")
		}
		if !slices.ContainsFunc(strings.Split(text, "\n"), offered) {
			return fmt.Errorf("expected the action %s to be offered and not disabled, found:\n%s", action, text)
		}
	}
	return nil
}

// acts runs an action as a person does.
func (e *e2e) acts(action string) steps.Step {
	return steps.Do("argocd app actions run "+application+" "+action, func(ctx context.Context) error {
		if err := soon(e.isOlder)(ctx); err != nil {
			return err
		}
		return e.argo.run("app", "actions", "run", application, action, "--kind", v1alpha1.KindGatewayToken, "--resource-name", mediator)(ctx)
	})
}

// isOlder holds when a request that is made now is later than the token in use: whole seconds are compared.
func (e *e2e) isOlder(ctx context.Context) error {
	all, err := e.platform().Tokens(ctx)
	for _, t := range all {
		if next := t.CreatedAt.Add(time.Second); err == nil && t.ID == e.id && time.Now().Before(next) {
			err = fmt.Errorf("expected the time to be %s, it is not", next)
		}
	}
	return err
}

// leak replaces a token that leaked.
func (e *e2e) leak() steps.Chapter {
	return steps.Chapter{Title: "The action " + revokeNow, Steps: []steps.Step{
		e.commits("a replaced token lives on for an hour", func() error { return e.git.set("gatewaytoken.yaml", "spec.rotation.overlap", "1h") }),
		steps.Check("it is synced, and costs no token", steps.Both(soon(e.isSynced), e.isKept)),
		steps.Do("from here on every version of the Application is looked at", e.remembers),
		e.acts(revokeNow),
		steps.Check("another token is published, by one call", steps.Both(soon(e.isPublished), e.noneNeedless)),
		steps.Check("the one before is revoked without waiting for the hour", soon(e.active(&e.id))),
		steps.Check("the mediator's pods are replaced, and use the new one", soon(e.isUsed)),
		steps.Check("nothing of that made a difference to Argo CD", steps.Both(e.hardRefreshes(1), soon(e.isSynced), e.nothingHappened)),
		e.commits("the overlap is short again", func() error { return e.git.restore("gatewaytoken.yaml") }),
		steps.Check("it is synced, and costs no token", steps.Both(soon(e.isSynced), e.isKept)),
	}}
}

// ofSecond is the vendor's ID of the second token's, as far as there is an active one.
func (e *e2e) ofSecond(ctx context.Context) (string, error) {
	rows, err := e.platform().TokensOf(ctx, second)
	if err != nil {
		return "", err
	}
	rows = slices.DeleteFunc(rows, func(t stack.Token) bool { return !t.Active })
	if len(rows) != 1 {
		return "", fmt.Errorf("expected one active token %s-…, found %+v", second, rows)
	}
	return rows[0].ID, nil
}
