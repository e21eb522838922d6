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
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// ending takes everything away.
func (d *demo) ending() chapter {
	return chapter{title: "The end", steps: []step{
		check("every active token with our marker belongs to a living GatewayToken", d.allAccountedFor),
		do("all that the cluster says about itself is written down, for the search at the end", d.describeAll),
		do("kubectl delete gatewaytokens --all --all-namespaces",
			d.kubectl("delete", "gatewaytokens", "--all", "--all-namespaces", "--timeout=120s")),
		check("no token with our marker is active at either vendor, and all rows are there", both(
			noneActive(d.story), noneActive(func() *stack.Simulator { return d.misfit }))),
		check("no Secret of the operator's is left but its own", d.onlyLedgerKey),
		do("kubectl delete namespace "+storyNamespace+" "+badNamespace, d.kubectl("delete", "namespace", storyNamespace, badNamespace, "--timeout=120s")),
		check("told to stop, the operator ends well and gives up its Lease", func(ctx context.Context) error {
			d.observer.stop()
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
			_, err := d.stack.Helm.Run(ctx, "uninstall", stack.ReleaseName, "--namespace", stack.ReleaseNamespace)
			return err
		}),
		check("the CRDs and the issuers are still there", both(
			d.kubectl("get", "crd", "gatewaytokens.gatewaytoken.io", "tokenissuers.gatewaytoken.io", "clustertokenissuers.gatewaytoken.io"),
			d.kubectl("get", "clustertokenissuer", storyIssuer))),
	}}
}

// marker ends the name of every token that the operator made.
var marker = regexp.MustCompile(`-gwt-[a-z2-7]{8}-[a-z2-7]{16}-[a-z2-7]{6}-[1-9][0-9]{0,8}$`)

// marked are the tokens of both vendors that the operator made.
func marked(ctx context.Context, vendor *stack.Simulator) ([]causely.TokenTruth, error) {
	all, err := vendor.Tokens(ctx)
	return slices.DeleteFunc(all, func(t causely.TokenTruth) bool { return !marker.MatchString(t.Name) }), err
}

// allAccountedFor compares what is active at the vendors with what Secrets and GatewayTokens hold.
func (d *demo) allAccountedFor(ctx context.Context) error {
	living, err := d.living(ctx)
	if err != nil {
		return err
	}
	var wrong []error
	for _, vendor := range []*stack.Simulator{d.vendor, d.misfit} {
		tokens, err := marked(ctx, vendor)
		if err != nil {
			return err
		}
		for _, token := range tokens {
			if _, known := living[token.ID]; token.State == causely.Active && !known {
				wrong = append(wrong, fmt.Errorf("expected no active token without a GatewayToken, found %s", token.Name))
			}
		}
	}
	return errors.Join(wrong...)
}

// living are the IDs of the tokens that GatewayTokens have, and whose they are. The vendor tells the ID of what is in a
// Secret.
func (d *demo) living(ctx context.Context) (map[string]string, error) {
	var objects v1alpha1.GatewayTokenList
	if err := d.stack.Client.List(ctx, &objects); err != nil {
		return nil, err
	}
	living := map[string]string{}
	for i := range objects.Items {
		object := &objects.Items[i]
		for _, retiring := range object.Status.Retiring {
			living[retiring.ID] = object.Name
		}
		vendor := d.vendor
		if object.Namespace == badNamespace {
			vendor = d.misfit
		}
		if object.Status.Current == nil {
			continue
		}
		connection, err := d.activeInSecret(ctx, vendor, object.Namespace, object.SecretName())
		if err != nil {
			return nil, err
		}
		living[connection.ID] = object.Name
	}
	return living, nil
}

func noneActive(vendor func() *stack.Simulator) func(context.Context) error {
	return func(ctx context.Context) error {
		tokens, err := marked(ctx, vendor())
		if err == nil && len(tokens) == 0 {
			err = errors.New("expected the vendor to keep the rows of revoked tokens, found none")
		}
		for _, token := range tokens {
			if token.State == causely.Active {
				err = errors.Join(err, fmt.Errorf("expected %s to be revoked, found it active", token.Name))
			}
		}
		return err
	}
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
