package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/canary"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/steps"
)

// namespaceDeleted deletes the namespace while the Application lives.
func (e *e2e) namespaceDeleted() steps.Chapter {
	return steps.Chapter{Title: "The namespace is deleted by hand", Steps: []steps.Step{
		steps.Do("kubectl delete namespace "+namespace+": GatewayToken, Secret and mediator at the same time", e.kubectl("delete", "namespace", namespace, "--timeout=120s")),
		steps.Check("the token is revoked at the vendor", e.hasEnded(&e.id)),
		steps.Do("argocd app sync "+application+": by itself Argo CD puts back what it first missed, over and over, and not the namespace that this needs", soon(e.syncs)),
		steps.Check("Argo CD makes everything anew: another token is issued, by one call, and it is the only active one", steps.Both(
			soon(e.isPublished), e.noneNeedless, e.active(&e.id))),
		steps.Check("the Application becomes Synced and Healthy, and the mediator's pod uses the token", steps.Both(soon(e.isSynced), soon(e.isUsed))),
	}}
}

// syncs has Argo CD sync all of the Application, as a person does; an operation that goes on is terminated first.
func (e *e2e) syncs(ctx context.Context) error {
	_, found, err := e.application(ctx)
	if err != nil {
		return err
	}
	if found.running() {
		return errors.Join(errors.New("expected no operation to go on, found one"), e.argo.run("app", "terminate-op", application)(ctx))
	}
	return e.argo.run("app", "sync", application, "--async")(ctx)
}

// applicationDeleted deletes the Application and what it made.
func (e *e2e) applicationDeleted() steps.Chapter {
	return steps.Chapter{Title: "The Application is deleted", Steps: []steps.Step{
		steps.Do("what Argo CD and the cluster say is written down, for the search at the end", e.describe),
		steps.Do("kubectl delete application "+application+": it has the finalizer that deletes what it made", e.kubectl(
			"--namespace", argoNamespace, "delete", "application", application, "--timeout=180s")),
		steps.Check("mediator, GatewayToken, issuer, credentials and namespace are gone", steps.Both(
			e.gone(&v1alpha1.GatewayToken{}, namespace, mediator), e.gone(&v1alpha1.ClusterTokenIssuer{}, "", issuer),
			e.gone(&corev1.Secret{}, stack.ReleaseNamespace, login), e.gone(&corev1.Namespace{}, "", namespace))),
		steps.Check("no token is active at the vendor", e.active()),
		steps.Check("no Secret of the operator's is left but its own", soon(e.onlyLedgerKey)),
		steps.Check("the vendor was never asked for a token that nobody needed", e.noneNeedless),
	}}
}

// describe writes down what people see.
func (e *e2e) describe(ctx context.Context) error {
	return steps.Both(
		e.argo.run("app", "get", application, "--output", "yaml"),
		e.argo.run("app", "get", application, "--output", "tree=detailed"),
		e.argo.run("app", "history", application),
		e.argo.run("app", "manifests", application, "--source", "live"),
		e.kubectl("get", "applications,appprojects", "--all-namespaces", "--output=yaml", "--show-managed-fields"),
		e.kubectl("get", "gatewaytokens,clustertokenissuers", "--all-namespaces", "--output=yaml", "--show-managed-fields"),
		e.kubectl("get", "deployments,replicasets,pods", "--all-namespaces", "--output=yaml", "--show-managed-fields"),
		e.kubectl("get", "events", "--all-namespaces", "--output=yaml"),
		e.kubectl("describe", "secrets", "--namespace", namespace),
	)(ctx)
}

// onlyLedgerKey holds when the operator has left nothing but the key of its ledgers.
func (e *e2e) onlyLedgerKey(ctx context.Context) error {
	var secrets corev1.SecretList
	if err := e.stack.Client.List(ctx, &secrets, client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.OperatorName}); err != nil {
		return err
	}
	var left []string
	for i := range secrets.Items {
		if secrets.Items[i].Name != v1alpha1.LedgerKeySecretName {
			left = append(left, secrets.Items[i].Namespace+"/"+secrets.Items[i].Name)
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("expected no Secret of the operator's but its key, found %s", strings.Join(left, ", "))
	}
	return nil
}

// ending stops the operator.
func (e *e2e) ending() steps.Chapter {
	return steps.Chapter{Title: "The end", Steps: []steps.Step{
		steps.Check("all components of Argo CD are healthy to the end", func(ctx context.Context) error { return e.argo.isHealthy(ctx) }),
		steps.Check("told to stop, the operator ends well", func(context.Context) error {
			e.observer.Stop()
			return e.operator.Stop()
		}),
	}}
}

// silence searches everything that was put out for everything that is secret.
func (e *e2e) silence() steps.Chapter {
	var secrets []canary.Secret
	var search *canary.Search
	var channels []string
	return steps.Chapter{Title: "Nothing secret was put out", Steps: []steps.Step{
		steps.Do("the search: token values, credentials and bearers, in every form, and every fragment of 16 characters", func(ctx context.Context) (err error) {
			if secrets, err = e.stack.Secrets(ctx, e.operator, e.platform()); err != nil {
				return err
			}
			secrets = append(secrets, canary.Secret{Name: "wrong client secret", Value: e.wrong})
			search = canary.New(secrets...)
			channels, err = e.stack.Channels()
			fmt.Fprintf(e.report.Out, "        %d secrets, %d channels\n", len(secrets), len(channels))
			return err
		}),
		steps.Check("every channel has something in it: what Argo CD's components, its command line and kubectl print, the operator's log, status, events", func(context.Context) error {
			return stack.Heard(channels, "argocd-repo-server.log", "argocd-server.log", "argocd-application-controller.log", "argocd-v*.txt", "kubectl.txt",
				"git.txt", "helm*.txt", name+".txt", "manager.log", "vendorsim.log", "gatewaytokens.json", "clustertokenissuers.json", "events.json",
				"metrics.txt", "kube-apiserver.log", "kube-controller-manager.log")
		}),
		steps.Check("no secret is in any of them", func(context.Context) error {
			size, err := search.None(channels...)
			fmt.Fprintf(e.report.Out, "        %.1f MB searched\n", float64(size)/1e6)
			return err
		}),
		steps.Check("planted between other text, each of them is found, in every form", func(context.Context) error {
			var missed []error
			for _, secret := range secrets {
				missed = append(missed, search.Control(secret, []byte(strings.Repeat("x", 100))))
			}
			return errors.Join(missed...)
		}),
	}}
}
