package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/rackgateway"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// Names of the example of Rack Gateway.
const (
	rackExample   = "examples/rack-gateway-ci/manifests/"
	rackNamespace = "ci"
	rackIssuer    = "rack-gateway"
	rackSecret    = "rack-gateway-token"
	rackKey       = "RACK_GATEWAY_API_TOKEN"
)

// ofRackGateway is the story of a pipeline's token.
func (d *demo) ofRackGateway() []chapter {
	deploy := &subject{
		demo: d, at: d.of(stack.RackGateway), namespace: rackNamespace, name: "deploy", base: "ci-deploy", secretName: rackSecret, key: rackKey,
	}
	survivor := &subject{
		demo: d, at: deploy.at, namespace: rackNamespace, name: "nightly", base: "nightly", secretName: "nightly", key: tokenKey,
	}
	return []chapter{{Title: "Rack Gateway: a token for a pipeline", Steps: slices.Concat(
		d.rackBegins(deploy), d.rackChanges(deploy), d.rackRefuses(),
		deploy.isRevokedByHand("a person deletes the token at the gateway", 2),
		survivor.isKilled(rackgateway.RouteCreate, d.apply(tokenManifest(rackNamespace, survivor.name, v1alpha1.KindClusterTokenIssuer, rackIssuer,
			overlapSpec+"  rackGateway:\n    role: cicd\n"))),
		survivor.leavesNothing(deploy),
		survivor.isDeleted(),
	)}}
}

func (d *demo) rackBegins(deploy *subject) []step {
	return []step{
		do("somebody else has a token at the gateway", deploy.isNotAlone),
		do("kubectl apply: namespace, API token, CA bundle, ClusterTokenIssuer, GatewayToken (examples/rack-gateway-ci)", d.applyRackExample),
		check("the issuer's API token is accepted", d.kubectl("wait", "clustertokenissuer/"+rackIssuer, "--for=condition=Ready", "--timeout=60s")),
		check("the GatewayToken becomes Ready, and the gateway accepts the value in its Secret", both(deploy.isReady(), deploy.isPublished)),
		check("the Secret has what consumers read: RACK_GATEWAY_API_TOKEN, RACK_GATEWAY_URL and, escaped, RACK_URL", both(
			d.hasOnly(rackNamespace, rackSecret, rackKey, "RACK_GATEWAY_URL", "RACK_URL"), d.rackURLs)),
		check("one token was made, with the permissions that the gateway has for the role cicd", both(
			wereCreates(deploy.at, 1), deploy.hasRights(cicd()...))),
	}
}

// cicd are the permissions of the role as the simulated gateway defines it.
func cicd() []string {
	return []string{
		"convox:app:list", "convox:app:read", "convox:deploy:deploy_with_approval", "convox:instance:list", "convox:instance:read",
		"convox:process:list", "convox:process:read", "convox:rack:read", "gateway:deploy_approval_request:create",
		"gateway:deploy_approval_request:read",
	}
}

// applyRackExample applies the example, with the simulator's address and an API token, and grants some permissions, too.
func (d *demo) applyRackExample(ctx context.Context) error {
	host := strings.TrimPrefix(d.vendor.URL, "https://")
	return d.applyExample(ctx, rackExample,
		manifest{"namespace.yaml", nil},
		manifest{"credentials.yaml", map[string]any{"stringData.token": d.accounts.RackGateway}},
		manifest{"issuer.yaml", map[string]any{
			"spec.rackGateway.url": d.vendor.URL, "spec.caBundle.configMapRef.name": caConfigMap, "spec.inventoryInterval": often,
			"spec.grants": grant(rackNamespace, "rackGateway", map[string]any{
				"roles": []any{"cicd"}, "permissions": []any{"convox:app:*", "convox:process:list"},
			}),
		}},
		manifest{"gatewaytoken.yaml", map[string]any{
			"spec.rotation.overlap": overlap.String(), "spec.secret.data.RACK_URL": "https://convox:{{ .Token | urlquery }}@" + host,
		}})
}

// rackURLs reads the addresses as consumers do. Neither they nor their errors are shown: the token is in them.
func (d *demo) rackURLs(ctx context.Context) error {
	secret, err := d.secret(ctx, rackNamespace, rackSecret)
	if err != nil {
		return err
	}
	if string(secret.Data["RACK_GATEWAY_URL"]) != d.vendor.URL {
		return errors.New("expected the gateway's URL in RACK_GATEWAY_URL, found something else")
	}
	composed, err := url.Parse(string(secret.Data["RACK_URL"]))
	if err != nil {
		return errors.New("expected a URL in RACK_URL, found something else")
	}
	password, _ := composed.User.Password()
	if password != string(secret.Data[rackKey]) || "https://"+composed.Host != d.vendor.URL {
		return fmt.Errorf("expected RACK_URL to lead to %s with the token as password, found the host %s", d.vendor.URL, composed.Host)
	}
	return nil
}

// rackChanges edits what the token may do.
func (d *demo) rackChanges(deploy *subject) []step {
	const spec, back = `{"rackGateway":{"role":null,"permissions":["convox:app:*","convox:env:set"]}}`,
		`{"rackGateway":{"role":null,"permissions":["convox:app:*","convox:process:list"]}}`
	return append([]step{
		do("the spec is edited: permissions in place of the role", deploy.patch(back)),
		check("the gateway gives the token these permissions", soon(deploy.hasRights("convox:app:*", "convox:process:list"))),
		check("the value stays: the same token, and no create", both(deploy.isKept, wereCreates(deploy.at, 1))),
	}, deploy.isNotGranted("a permission more", spec, back, "the permission convox:env:set", "convox:app:*", "convox:process:list")...)
}

// rackRefuses asks for what cannot be had.
func (d *demo) rackRefuses() []step {
	return append(d.refusals(rackNamespace, rackIssuer,
		refusal{name: "greedy", what: "a role that no grant covers", spec: "  rackGateway:\n    role: admin\n",
			reason: v1alpha1.ReasonNotGranted, says: "does not grant namespace ci the role admin"},
		refusal{name: "misspelt", what: "a permission that is granted and that the gateway does not know", spec: "  rackGateway:\n    permissions: [\"convox:app:raed\"]\n",
			reason: v1alpha1.ReasonInvalidScope, says: "The vendor does not know convox:app:raed"},
		refusal{name: "elsewhere", what: "another vendor's block", spec: "  causeloop:\n    personal: {}\n    scopes: [\"issues:read\"]\n",
			reason: v1alpha1.ReasonVendorMismatch, says: "spec.causeloop is for Causeloop"},
	), check("a role that there is not is refused by the API server", d.isRefusedByAPI(
		tokenManifest(rackNamespace, "no-role", v1alpha1.KindClusterTokenIssuer, rackIssuer, "  rackGateway:\n    role: root\n"), "spec.rackGateway.role")))
}
