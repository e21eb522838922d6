package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/steps"
)

// healing has people change in the cluster what is in Git.
func (e *e2e) healing() steps.Chapter {
	var uid types.UID
	var other string
	return steps.Chapter{Title: "Changed in the cluster, put back from Git", Steps: []steps.Step{
		steps.Do("kubectl patch gatewaytoken "+mediator+": another tokenName, and consumers.action Wait", e.kubectl("--namespace", namespace, "patch", "gatewaytoken", mediator,
			"--type=merge", `--patch={"spec":{"tokenName":"by-hand","consumers":{"action":"Wait"}}}`)),
		steps.Check("Argo CD puts the spec back, and no token was made for any of it", steps.Both(soon(e.isAsInGit), soon(e.isSynced), e.isKept)),
		steps.Do("kubectl delete gatewaytoken "+mediator, func(ctx context.Context) error {
			object, err := e.token(ctx)
			if err != nil {
				return err
			}
			uid = object.UID
			if other, err = e.ofSecond(ctx); err != nil {
				return err
			}
			return e.kubectl("--namespace", namespace, "delete", "gatewaytoken", mediator, "--timeout=60s")(ctx)
		}),
		steps.Check("its token is revoked at the vendor", e.hasEnded(&e.id)),
		steps.Check("Argo CD makes the GatewayToken anew, and another token is issued, by one call", steps.Both(soon(e.isPublished), e.noneNeedless, func(ctx context.Context) error {
			object, err := e.token(ctx)
			if err == nil && object.UID == uid {
				err = fmt.Errorf("expected another object than the one with UID %s, found that one", uid)
			}
			return err
		})),
		steps.Check("the Application is Synced and Healthy, and nothing leaked: the tokens of the two GatewayTokens are active, no other", steps.Both(
			soon(e.isSynced), e.active(&e.id, &other))),
		steps.Check("the mediator, whose pods had the token that ended with the GatewayToken, is restarted and uses the new one", soon(e.isUsed)),
		steps.Check("Argo CD takes none of that back", soon(e.isSynced)),
	}}
}

// isAsInGit holds when the mediator's GatewayToken has the spec of the example.
func (e *e2e) isAsInGit(ctx context.Context) error {
	object, err := e.token(ctx)
	if err == nil && (object.Spec.TokenName != base || object.Spec.Consumers == nil || object.Spec.Consumers.Action != v1alpha1.ConsumersRestart) {
		err = fmt.Errorf("expected tokenName %s and consumers.action Restart, found %+v", base, object.Spec)
	}
	return err
}

// hasEnded holds when the vendor does not accept a token any more.
func (e *e2e) hasEnded(id *string) condition {
	return func(ctx context.Context) error {
		all, err := e.platform().Tokens(ctx)
		if err != nil {
			return err
		}
		for _, t := range all {
			if t.ID == *id && !t.Active {
				return nil
			}
		}
		return fmt.Errorf("expected token %s to have ended, found %+v", *id, all)
	}
}

// pruning takes the second token out of Git.
func (e *e2e) pruning() steps.Chapter {
	return steps.Chapter{Title: "Removed from Git", Steps: []steps.Step{
		e.commits("no second GatewayToken", func() error { return e.git.restore("kustomization.yaml") }),
		steps.Check("it is pruned, and its Secret gone", steps.Both(
			soon(e.gone(&v1alpha1.GatewayToken{}, namespace, second)), e.gone(&corev1.Secret{}, namespace, second), soon(e.isSynced))),
		steps.Check("its token is revoked at the vendor, and the other one in use as before", steps.Both(e.haveTokens(second, 1, 0), e.active(&e.id), e.isKept)),
	}}
}
