package main

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// firstToken goes from manifests to a Secret.
func (d *demo) firstToken() chapter {
	return chapter{Title: "From a manifest to a Secret", Steps: []step{
		do("kubectl apply: namespace, credentials, CA bundle, ClusterTokenIssuer, GatewayToken (examples/causely-mediator)", d.applyCauselyExample),
		check("the issuer's credentials are accepted", d.kubectl("wait", "clustertokenissuer/"+storyIssuer, "--for=condition=Ready", "--timeout=60s")),
		check("the GatewayToken becomes Ready", d.becomesReady(storyNamespace, storyToken)),
		check("the Secret has the very value that the vendor considers active", d.readStorySecret),
		check("status names the same token, and the Secret has both keys", d.statusAndKeys),
		check("the vendor made one token, once, and shows it under the name asked for", both(
			wereCreates(d.causely, 1), haveRows(d.causely, storyBase, 1, 1))),
		check("at rest nothing is written: three lists later, object, issuer and Secret are the versions they were", d.atRest),
		check("the Secret has no owner that could take it away, the credentials no finalizer", d.noStrings),
	}}
}

// applyCauselyExample applies the example, with the simulator's address and credentials in place of Causely's.
func (d *demo) applyCauselyExample(ctx context.Context) error {
	account := d.accounts.Causely
	return d.applyExample(ctx, "examples/causely-mediator/manifests/",
		manifest{"namespace.yaml", nil},
		manifest{"credentials.yaml", map[string]any{"stringData.clientId": account.ClientID, "stringData.clientSecret": account.Secret}},
		manifest{"issuer.yaml", map[string]any{
			"spec.causely.url": d.vendor.URL, "spec.causely.authURL": d.vendor.AuthURL(),
			"spec.caBundle.configMapRef.name": caConfigMap, "spec.inventoryInterval": interval,
		}},
		manifest{"gatewaytoken.yaml", nil})
}

// readStorySecret takes note of the value that the Secret must hold from now on.
func (d *demo) readStorySecret(ctx context.Context) error {
	connection, err := d.activeInSecret(ctx, d.causely(), storyNamespace, storySecret, tokenKey)
	if err != nil {
		return err
	}
	d.id = connection.ID
	d.value, err = d.secretValue(ctx, storyNamespace, storySecret, tokenKey)
	return err
}

func (d *demo) statusAndKeys(ctx context.Context) error {
	object, err := d.token(ctx, storyNamespace, storyToken)
	if err != nil {
		return err
	}
	if object.Status.Current == nil || object.Status.Current.ID != d.id || object.Status.SecretName != storySecret {
		return fmt.Errorf("expected status to name token %s and Secret %s, found %+v and %q", d.id, storySecret, object.Status.Current, object.Status.SecretName)
	}
	other, err := d.secretValue(ctx, storyNamespace, storySecret, "CAUSELY_GATEWAY_TOKEN")
	if err == nil && other != d.value {
		err = fmt.Errorf("expected both keys of the Secret to hold the same value, found two values")
	}
	return err
}

// atRest holds when lists of the vendor's tokens that tell nothing new cause no write.
func (d *demo) atRest(ctx context.Context) error {
	lists := func(ctx context.Context) (int, error) {
		truth, err := d.vendor.Truth(ctx)
		return truth.Calls[causely.RouteList], err
	}
	// The list that shows the token for the first time is told of.
	if err := soon(d.isCounted)(ctx); err != nil {
		return err
	}
	before, err := d.versions(ctx)
	if err != nil {
		return err
	}
	first, err := lists(ctx)
	if err != nil {
		return err
	}
	err = soon(func(ctx context.Context) error {
		now, err := lists(ctx)
		if err == nil && now < first+3 {
			err = fmt.Errorf("expected a list every %s, found %d", interval, now-first)
		}
		return err
	})(ctx)
	if err != nil {
		return err
	}
	after, err := d.versions(ctx)
	if err == nil && after != before {
		err = fmt.Errorf("expected the versions %v, found %v", before, after)
	}
	return err
}

// isCounted holds when the issuer counts the token of the story among its own.
func (d *demo) isCounted(ctx context.Context) error {
	issuer := &v1alpha1.ClusterTokenIssuer{}
	err := d.stack.Client.Get(ctx, client.ObjectKey{Name: storyIssuer}, issuer)
	if counted := issuer.Status.Inventory; err == nil && (counted == nil || counted.Owned != 1) {
		err = fmt.Errorf("expected the issuer to count one token as owned, found %+v", counted)
	}
	return err
}

// versions of GatewayToken, issuer and Secret.
func (d *demo) versions(ctx context.Context) (versions [3]string, err error) {
	objects := []client.Object{&v1alpha1.GatewayToken{}, &v1alpha1.ClusterTokenIssuer{}, &corev1.Secret{}}
	keys := []client.ObjectKey{{Namespace: storyNamespace, Name: storyToken}, {Name: storyIssuer}, {Namespace: storyNamespace, Name: storySecret}}
	for i, object := range objects {
		if err := d.stack.Client.Get(ctx, keys[i], object); err != nil {
			return versions, err
		}
		versions[i] = object.GetResourceVersion()
	}
	return versions, nil
}

func (d *demo) noStrings(ctx context.Context) error {
	secret, err := d.secret(ctx, storyNamespace, storySecret)
	if err != nil {
		return err
	}
	login, err := d.secret(ctx, stack.ReleaseNamespace, storyLogin)
	if err != nil {
		return err
	}
	if len(secret.OwnerReferences) > 0 || len(login.Finalizers) > 0 {
		return fmt.Errorf("expected no ownerReferences on the Secret and no finalizer on the credentials, found %v and %v", secret.OwnerReferences, login.Finalizers)
	}
	return nil
}

// stillHolds holds when the Secret holds the value it had, and the vendor accepts it.
func (d *demo) stillHolds(ctx context.Context) error {
	value, err := d.secretValue(ctx, storyNamespace, storySecret, tokenKey)
	if err != nil {
		return err
	}
	if value != d.value {
		return fmt.Errorf("expected the value that the Secret held before, found another one")
	}
	_, err = d.activeInSecret(ctx, d.causely(), storyNamespace, storySecret, tokenKey)
	return err
}

// mediator installs what uses the token.
func (d *demo) mediator() chapter {
	return chapter{Title: "A chart that uses the Secret", Steps: []step{
		do("helm install mediator examples/causely-mediator/chart --set mediator.secretName="+storySecret, func(ctx context.Context) error {
			_, err := d.stack.Helm.Run(ctx, "install", "mediator", d.stack.Root()+"/examples/causely-mediator/chart",
				"--namespace", storyNamespace, "--set", "mediator.secretName="+storySecret)
			return err
		}),
		check("its Deployment takes CAUSELY_GATEWAY_TOKEN from a key that the Secret has", d.deploymentUsesSecret),
		check("its pod was made and refers to the Secret", soon(d.podRefersToSecret)),
	}}
}

func (d *demo) deploymentUsesSecret(ctx context.Context) error {
	deployment := &appsv1.Deployment{}
	if err := d.stack.Client.Get(ctx, client.ObjectKey{Namespace: storyNamespace, Name: "mediator"}, deployment); err != nil {
		return err
	}
	secret, err := d.secret(ctx, storyNamespace, storySecret)
	if err != nil {
		return err
	}
	ref := tokenSource(deployment.Spec.Template.Spec)
	if ref == nil || ref.Name != storySecret || len(secret.Data[ref.Key]) == 0 {
		return fmt.Errorf("expected the container's CAUSELY_GATEWAY_TOKEN to come from a key of Secret %s, found %+v; the Secret has %v", storySecret, ref, keysOf(secret))
	}
	return nil
}

// tokenSource is where a pod's containers take the token from; nil for nowhere.
func tokenSource(pod corev1.PodSpec) *corev1.SecretKeySelector {
	for _, container := range pod.Containers {
		for _, variable := range container.Env {
			if variable.Name == "CAUSELY_GATEWAY_TOKEN" && variable.ValueFrom != nil {
				return variable.ValueFrom.SecretKeyRef
			}
		}
	}
	return nil
}

func (d *demo) podRefersToSecret(ctx context.Context) error {
	var pods corev1.PodList
	if err := d.stack.Client.List(ctx, &pods, client.InNamespace(storyNamespace)); err != nil {
		return err
	}
	for i := range pods.Items {
		if ref := tokenSource(pods.Items[i].Spec); ref != nil && ref.Name == storySecret {
			return nil
		}
	}
	return fmt.Errorf("expected a pod that refers to Secret %s, found %d pods", storySecret, len(pods.Items))
}

// ready is what the GatewayToken says all the time.
func ready() expectation {
	return expectation{kind: v1alpha1.ConditionReady, status: "True", reason: v1alpha1.ReasonPublished}
}

// theToken is the GatewayToken of the story.
func theToken() object {
	return object{kind: v1alpha1.KindGatewayToken, namespace: storyNamespace, name: storyToken}
}
