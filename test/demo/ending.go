package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// ending takes everything away.
func (d *demo) ending() chapter {
	namespaces := d.all(func(s story) []string { return s.namespaces })
	issuers := d.all(func(s story) []string { return []string{s.issuer} })
	return chapter{Title: "The end", Steps: []step{
		check("every active token of the operator's, at whichever vendor, belongs to a living GatewayToken, or a person was told of it", d.allAccountedFor),
		check("no vendor was asked for a token that nobody needed", d.noneNeedless),
		do("all that the cluster says about itself is written down, for the search at the end", d.describeAll),
		do("kubectl delete gatewaytokens --all --all-namespaces",
			d.kubectl("delete", "gatewaytokens", "--all", "--all-namespaces", "--timeout=120s")),
		check("no token of the operator's is active at any vendor but what a person was told of, and no token of somebody else was touched", both(
			d.noneActive, d.othersActive)),
		check("no Secret of the operator's is left but its own", d.onlyLedgerKey),
		do("kubectl delete namespace "+strings.Join(namespaces, " "), d.kubectl(append([]string{"delete", "namespace", "--timeout=120s"}, namespaces...)...)),
		check("told to stop, the operator ends well and gives up its Lease", func(ctx context.Context) error {
			d.observer.Stop()
			if err := d.operator.Stop(); err != nil {
				return err
			}
			holder, err := d.operator.Holder(ctx)
			if err == nil && holder != "" {
				err = fmt.Errorf("expected nobody to hold the Lease, found %s", holder)
			}
			return err
		}),
		do("helm uninstall", func(ctx context.Context) error {
			// There is no kubelet that would run the pod of the chart's hook.
			_, err := d.stack.Helm.Run(ctx, "uninstall", stack.ReleaseName, "--namespace", stack.ReleaseNamespace, "--no-hooks")
			return err
		}),
		check("the CRDs and the issuers are still there", both(
			d.kubectl("get", "crd", "gatewaytokens.gatewaytoken.io", "tokenissuers.gatewaytoken.io", "clustertokenissuers.gatewaytoken.io"),
			d.kubectl(append([]string{"get", "clustertokenissuer"}, issuers...)...))),
	}}
}

// marker ends the name of every token that the operator made, where tokens have names.
var marker = regexp.MustCompile(`-gwt-[a-z2-7]{8}-[a-z2-7]{16}-[a-z2-7]{6}-[1-9][0-9]{0,8}$`)

// byOperator tells whether the operator made a token: by its marker or, where it has no name, by whose credentials it was made with.
func byOperator(t stack.Token) bool {
	return marker.MatchString(t.Name) || t.Maker == pingone.DemoClientID
}

// ofOperator are the tokens of a vendor that the operator made.
func ofOperator(ctx context.Context, at stack.Platform) ([]stack.Token, error) {
	all, err := at.Tokens(ctx)
	return slices.DeleteFunc(all, func(t stack.Token) bool { return !byOperator(t) }), err
}

// allAccountedFor compares what is active at the vendors with what Secrets and GatewayTokens hold.
func (d *demo) allAccountedFor(ctx context.Context) error {
	living, err := d.living(ctx)
	if err != nil {
		return err
	}
	return d.noneButKnown(ctx, living)
}

// noneButKnown holds when no token of the operator's is active but the ones that are known, and those that a person was told of.
func (d *demo) noneButKnown(ctx context.Context, known map[string]bool) error {
	reported, err := d.reported(ctx)
	if err != nil {
		return err
	}
	var wrong []error
	for _, at := range d.platforms() {
		tokens, err := ofOperator(ctx, at)
		if err != nil {
			return err
		}
		for _, token := range tokens {
			if token.Active && !known[token.ID] && !reported[token.ID] {
				wrong = append(wrong, fmt.Errorf("expected no active token that nobody accounts for, found %s %s at %s", token.Name, token.ID, at.Vendor.Title()))
			}
		}
	}
	return errors.Join(wrong...)
}

// reported has the IDs of the tokens of which issuers say that they may be the operator's.
func (d *demo) reported(ctx context.Context) (map[string]bool, error) {
	var issuers v1alpha1.ClusterTokenIssuerList
	if err := d.stack.Client.List(ctx, &issuers); err != nil {
		return nil, err
	}
	reported := map[string]bool{}
	for i := range issuers.Items {
		for _, orphan := range issuers.Items[i].Status.PossibleOrphans {
			reported[orphan.ID] = true
		}
	}
	return reported, nil
}

// living has the IDs of the tokens that GatewayTokens have. The vendor tells the ID of what is in a Secret.
func (d *demo) living(ctx context.Context) (map[string]bool, error) {
	var objects v1alpha1.GatewayTokenList
	if err := d.stack.Client.List(ctx, &objects); err != nil {
		return nil, err
	}
	living := map[string]bool{}
	for i := range objects.Items {
		object := &objects.Items[i]
		for _, retiring := range object.Status.Retiring {
			living[retiring.ID] = true
		}
		if object.Status.Current == nil {
			continue
		}
		id, err := d.held(ctx, object)
		if err != nil {
			return nil, err
		}
		living[id] = true
	}
	return living, nil
}

// held is the ID of the token that the Secret of a GatewayToken holds, under whichever key.
func (d *demo) held(ctx context.Context, object *v1alpha1.GatewayToken) (string, error) {
	at, err := d.platformOf(object.Namespace)
	if err != nil {
		return "", err
	}
	secret, err := d.secret(ctx, object.Namespace, object.SecretName())
	if err != nil {
		return "", err
	}
	for _, key := range keysOf(secret) {
		connection, err := at.Check(ctx, string(secret.Data[key]))
		switch {
		case err != nil:
			return "", err
		case connection.Active:
			return connection.ID, nil
		}
	}
	return "", fmt.Errorf("expected a value that %s accepts in Secret %s/%s, found none", at.Vendor.Title(), secret.Namespace, secret.Name)
}

// noneNeedless compares how many tokens each vendor was asked for with how many the stories need.
func (d *demo) noneNeedless(ctx context.Context) error {
	needed := map[stack.Platform]int{}
	for _, s := range d.stories {
		needed[d.vendor.Platform(s.vendor)] = s.creates
	}
	if d.misfit != nil {
		needed[d.misfit.Platform(stack.Causely)] = badCreates
	}
	var wrong []error
	for _, at := range d.platforms() {
		wrong = append(wrong, wereCreates(func() stack.Platform { return at }, needed[at])(ctx))
	}
	return errors.Join(wrong...)
}

// noneActive holds when all tokens of the operator's have ended but what a person was told of, and there were some at each vendor of a
// story.
func (d *demo) noneActive(ctx context.Context) error {
	wrong := []error{d.noneButKnown(ctx, nil)}
	for _, s := range d.stories {
		tokens, err := ofOperator(ctx, d.vendor.Platform(s.vendor))
		if err == nil && len(tokens) == 0 {
			err = fmt.Errorf("expected tokens that have ended in the books of %s, found none", s.vendor.Title())
		}
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// onlyLedgerKey holds when the operator has left nothing but the key of its ledgers and what issuers still need.
func (d *demo) onlyLedgerKey(ctx context.Context) error {
	return soon(func(ctx context.Context) error {
		var secrets corev1.SecretList
		if err := d.stack.Client.List(ctx, &secrets, client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.OperatorName}); err != nil {
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
	})(ctx)
}
