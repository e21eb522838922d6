package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// tenant deletes a namespace with everything that is in it.
func (d *demo) tenant() chapter {
	const namespace, name = "team-a", "team-a-token"
	account := stack.NewCauselyAccount()
	return chapter{Title: "A tenant with credentials of its own, and its namespace deleted at once", Steps: []step{
		do("kubectl apply: namespace "+namespace+", credentials, CA bundle, TokenIssuer, GatewayToken", func(ctx context.Context) error {
			if err := d.vendor.AddAccount(ctx, account); err != nil {
				return err
			}
			login, err := credentialsManifest(namespace, storyLogin, account.ClientID, account.Secret)
			if err != nil {
				return err
			}
			ca, err := caManifest(namespace, caConfigMap, d.vendor.CA)
			if err != nil {
				return err
			}
			own := issuerAt(d.vendor, v1alpha1.KindTokenIssuer, namespace, "own")
			return d.apply(namespaceManifest(namespace), login, ca, own.manifest(),
				tokenManifest(namespace, name, v1alpha1.KindTokenIssuer, "own", ""))(ctx)
		}),
		check("the tenant's GatewayToken becomes Ready", d.becomesReady(namespace, name)),
		check("its Secret holds a token of the tenant's own project, active at the vendor", func(ctx context.Context) error {
			if _, err := d.activeInSecret(ctx, d.causely(), namespace, name, tokenKey); err != nil {
				return err
			}
			found, err := d.causely().TokensOf(ctx, name)
			if err == nil && (len(found) != 1 || found[0].Account != account.ProjectID) {
				err = fmt.Errorf("expected one token in project %s, found %+v", account.ProjectID, found)
			}
			return err
		}),
		do("kubectl delete namespace "+namespace+": GatewayToken, issuer, credentials, CA bundle and Secret at the same time",
			d.kubectl("delete", "namespace", namespace, "--timeout=120s")),
		check("the namespace is gone", d.gone(&corev1.Namespace{}, "", namespace)),
		check("the vendor's list says revoked", haveRows(d.causely, name, 1, 0)),
	}}
}

// gone holds when there is no such object.
func (d *demo) gone(o client.Object, namespace, name string) func(context.Context) error {
	return func(ctx context.Context) error {
		err := d.stack.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, o)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("expected %T %s to be gone, found it with the finalizers %v", o, name, o.GetFinalizers())
		}
		return err
	}
}

// deleted deletes one GatewayToken.
func (d *demo) deleted() chapter {
	const name = "survivor"
	return chapter{Title: "A GatewayToken is deleted", Steps: []step{
		do("kubectl delete gatewaytoken "+name, d.kubectl("--namespace", storyNamespace, "delete", "gatewaytoken", name, "--timeout=60s")),
		check("the vendor's list says revoked", haveRows(d.causely, name, 1, 0)),
		check("its Secret is gone", d.noSecret(storyNamespace, name)),
		check("the others are not touched", both(d.stillHolds, haveRows(d.causely, "latecomer", 1, 1))),
	}}
}

// issuerInUse deletes an issuer that a token needs.
func (d *demo) issuerInUse() chapter {
	const name = "passing"
	it := object{kind: v1alpha1.KindClusterTokenIssuer, name: name}
	kept := v1alpha1.LastGoodSecretPrefix + "clustertokenissuer-" + name
	return chapter{Title: "An issuer is deleted while a token needs it", Steps: []step{
		do("kubectl apply: another ClusterTokenIssuer and a GatewayToken that names it", func(ctx context.Context) error {
			issuer := issuerAt(d.vendor, it.kind, "", name)
			issuer.grants = storyNamespace
			return d.apply(issuer.manifest(), tokenManifest(storyNamespace, name, it.kind, name, ""))(ctx)
		}),
		check("the GatewayToken becomes Ready", d.becomesReady(storyNamespace, name)),
		do("kubectl delete clustertokenissuer "+name, d.kubectl("delete", "clustertokenissuer", name, "--wait=false")),
		check("the issuer stays, and says why", soon(both(
			d.tells(it, expectation{kind: v1alpha1.ConditionInUse, status: "True", reason: v1alpha1.ReasonTokensRemain, says: "1 token in 1 namespace"}),
			d.tells(it, expectation{kind: v1alpha1.ConditionInUse, says: "The issuer goes once they are deleted"})))),
		check("the token goes on working", func(ctx context.Context) error {
			_, err := d.activeInSecret(ctx, d.causely(), storyNamespace, name, tokenKey)
			return err
		}),
		do("kubectl delete gatewaytoken "+name, d.kubectl("--namespace", storyNamespace, "delete", "gatewaytoken", name, "--timeout=60s")),
		check("the token is revoked", haveRows(d.causely, name, 1, 0)),
		check("the issuer is gone with its last token, and with it the operator's copy of its credentials", soon(both(
			d.gone(&v1alpha1.ClusterTokenIssuer{}, "", name), d.noSecret(stack.ReleaseNamespace, kept)))),
	}}
}
