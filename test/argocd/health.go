package main

import (
	"context"
	"fmt"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/steps"
)

// degraded has the vendor reject the credentials that are in Git.
func (e *e2e) degraded() steps.Chapter {
	var refused int
	return steps.Chapter{Title: "Credentials in Git that the vendor rejects", Steps: []steps.Step{
		steps.Do("the refused calls of pods are counted: those of the leak", func(context.Context) (err error) {
			refused, err = e.refused()
			return err
		}),
		e.commits("another client secret, a wrong one", func() error {
			e.wrong = stack.NewCauselyAccount().Secret
			e.git.values["clientSecret"] = e.wrong
			return e.git.restore("vendor.yaml")
		}),
		steps.Check("Argo CD shows the issuer as Degraded, with what to do, and the Application as a whole", steps.Both(
			soon(e.shows(v1alpha1.KindClusterTokenIssuer, issuer, "Degraded", "")), soon(e.hasHealth("Degraded")))),
		steps.Check("the GatewayToken stays Healthy: its token is active, and no pod is refused", steps.Both(
			e.shows(v1alpha1.KindGatewayToken, mediator, "Healthy", ""), e.isKept, func(context.Context) error {
				now, err := e.refused()
				if err == nil && now != refused {
					err = fmt.Errorf("expected no refused call, found %d", now-refused)
				}
				return err
			})),
		e.commits("a second GatewayToken", e.addSecond),
		steps.Check("Argo CD shows the second as Degraded: it needs a person, as its issuer does", soon(e.shows(v1alpha1.KindGatewayToken, second, "Degraded", ""))),
		steps.Check("the vendor was asked for no token", e.noneNeedless),
	}}
}

// addSecond adds the second token to what is synced.
func (e *e2e) addSecond() error {
	return e.git.set("kustomization.yaml", "resources", []any{"../examples/argocd/token", "vendor.yaml", "second.yaml"})
}

// suspended commits spec.suspend of a token that works and of one that does not.
func (e *e2e) suspended() steps.Chapter {
	return steps.Chapter{Title: "Suspended in Git", Steps: []steps.Step{
		e.commits("spec.suspend of both GatewayTokens", func() error {
			if err := e.git.set("gatewaytoken.yaml", "spec.suspend", true); err != nil {
				return err
			}
			return e.git.set("second.yaml", "spec.suspend", true)
		}),
		steps.Check("Argo CD shows the second, which has no token, as Suspended", soon(e.shows(v1alpha1.KindGatewayToken, second, "Suspended", ""))),
		steps.Check("it shows the first, which has one, as Healthy, and says that it is suspended", soon(e.shows(v1alpha1.KindGatewayToken, mediator, "Healthy", "Suspended"))),
		steps.Check("the first one's token is in use as before", e.isKept),
	}}
}

// mended takes all of it back.
func (e *e2e) mended() steps.Chapter {
	return steps.Chapter{Title: "Mended in Git", Steps: []steps.Step{
		e.commits("the right client secret, and nothing suspended", func() error {
			e.git.values["clientSecret"] = e.accounts.Causely.Secret
			for _, file := range []string{"vendor.yaml", "gatewaytoken.yaml", "second.yaml"} {
				if err := e.git.restore(file); err != nil {
					return err
				}
			}
			e.creates++
			return nil
		}),
		steps.Check("the Application becomes Synced and Healthy, and so is each of our objects", steps.Both(
			soon(e.isSynced), e.shows(v1alpha1.KindClusterTokenIssuer, issuer, "Healthy", ""),
			e.shows(v1alpha1.KindGatewayToken, mediator, "Healthy", ""), e.shows(v1alpha1.KindGatewayToken, second, "Healthy", ""))),
		steps.Check("the second has a token, by one call; the first one's is as it was; no other is active", func(ctx context.Context) error {
			id, err := e.ofSecond(ctx)
			if err != nil {
				return err
			}
			return steps.Both(e.active(&e.id, &id), e.isKept)(ctx)
		}),
	}}
}
