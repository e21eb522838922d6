package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// Names of the example of Causeloop, and of the issuer of a person.
const (
	loopExample   = "examples/causeloop-report/manifests/"
	loopNamespace = "reports"
	loopIssuer    = "causeloop"
	loopSecret    = "causeloop-token"
	loopKey       = "CAUSELOOP_TOKEN"
	loopPerson    = "person"
)

// ofCauseloop is the story of a report's token, and of a person's.
func (d *demo) ofCauseloop() []chapter {
	at := d.of(stack.Causeloop)
	report := &subject{demo: d, at: at, namespace: loopNamespace, name: "report", base: "weekly-report", secretName: loopSecret, key: loopKey}
	survivor := &subject{demo: d, at: at, namespace: loopNamespace, name: "digest", base: "digest", secretName: "digest", key: tokenKey}
	own := &subject{demo: d, at: at, namespace: loopNamespace, name: "notebook", base: "notebook", secretName: "notebook", key: tokenKey}
	return []chapter{
		{Title: "Causeloop: a service account of its own for each token", Steps: slices.Concat(
			d.loopBegins(report), d.loopChanges(report), d.loopRefuses(),
			report.isRevokedByHand("a person deletes the service account", 3),
			survivor.isKilled(causeloop.RouteIssue, d.apply(tokenManifest(loopNamespace, survivor.name, v1alpha1.KindClusterTokenIssuer, loopIssuer,
				overlapSpec+dedicatedSpec("issues:read")))),
			survivor.leavesNothing(report),
			survivor.isDeleted(),
		)},
		{Title: "Causeloop: a token of a person", Steps: slices.Concat(
			d.loopPersonBegins(own), d.loopPersonChanges(own),
			own.isRevokedByHand("the person revokes it in the web interface", 8),
			own.isDeleted(),
		)},
	}
}

func dedicatedSpec(scopes string) string {
	return "  causeloop:\n    serviceAccount:\n      dedicated: {}\n    scopes: [\"" + scopes + "\"]\n"
}

func (d *demo) loopBegins(report *subject) []step {
	return []step{
		do("somebody else has a service account and a token in the workspace", report.isNotAlone),
		do("kubectl apply: namespace, token of a service account, CA bundle, ClusterTokenIssuer, GatewayToken (examples/causeloop-report)", d.applyLoopExample),
		check("the issuer's credentials are accepted", d.kubectl("wait", "clustertokenissuer/"+loopIssuer, "--for=condition=Ready", "--timeout=60s")),
		check("the GatewayToken becomes Ready, and the vendor accepts the value in its Secret", both(report.isReady(), report.isPublished)),
		check("the Secret has what consumers read: CAUSELOOP_TOKEN, and CAUSELOOP_URL with the vendor's address", both(
			d.hasOnly(loopNamespace, loopSecret, loopKey, "CAUSELOOP_URL"), d.loopURL)),
		check("one service account was made, with the scopes asked for", both(
			wereCreates(report.at, 1), haveRows(report.at, report.base, 1, 1), report.hasRights("issues:read"))),
	}
}

// applyLoopExample applies the example, with the simulator's address and a token. One of the granted scopes is misspelt.
func (d *demo) applyLoopExample(ctx context.Context) error {
	return d.applyExample(ctx, loopExample,
		manifest{"namespace.yaml", nil},
		manifest{"credentials.yaml", map[string]any{"stringData.token": d.accounts.CauseloopMachine}},
		manifest{"issuer.yaml", map[string]any{
			"spec.causeloop.url": d.vendor.URL, "spec.caBundle.configMapRef.name": caConfigMap, "spec.inventoryInterval": often,
			"spec.grants": grant(loopNamespace, "causeloop", map[string]any{
				"kinds": []any{string(v1alpha1.CauseloopKindDedicated)}, "scopes": []any{"issues:read", "patterns:read", "patterns:raed"},
			}),
		}},
		manifest{"gatewaytoken.yaml", map[string]any{"spec.rotation.overlap": overlap.String()}})
}

func (d *demo) loopURL(ctx context.Context) error {
	found, err := d.secret(ctx, loopNamespace, loopSecret)
	if err == nil && string(found.Data["CAUSELOOP_URL"]) != d.vendor.URL {
		err = errors.New("expected the vendor's URL in CAUSELOOP_URL, found something else")
	}
	return err
}

// loopChanges edits the scopes.
func (d *demo) loopChanges(report *subject) []step {
	const back = `{"causeloop":{"scopes":["issues:read","patterns:read"]}}`
	return append([]step{
		do("the spec is edited: a scope more", report.patch(back)),
		check("the Secret gets a new token, of another service account that has both scopes", both(
			soon(report.isReplaced), report.hasRights("issues:read", "patterns:read"))),
		check("the old one goes on working for the overlap and is then gone, with its account; one create for all that", both(
			soon(report.oldHasRetired), haveRows(report.at, report.base, 2, 1), wereCreates(report.at, 2))),
	}, report.isNotGranted("a scope more", `{"causeloop":{"scopes":["issues:read","members:admin"]}}`, back, "the scope members:admin",
		"issues:read", "patterns:read")...)
}

// loopRefuses asks for what cannot be had.
func (d *demo) loopRefuses() []step {
	return d.refusals(loopNamespace, loopIssuer,
		refusal{name: "greedy", what: "a scope that no grant covers", spec: dedicatedSpec("members:admin"),
			reason: v1alpha1.ReasonNotGranted, says: "does not grant namespace reports the scope members:admin"},
		refusal{name: "personal", what: "a kind of token that no grant covers", spec: personalSpec("issues:read"),
			reason: v1alpha1.ReasonNotGranted, says: "tokens of the kind Personal"},
		refusal{name: "misspelt", what: "a scope that is granted and that the vendor does not know", spec: dedicatedSpec("patterns:raed"),
			reason: v1alpha1.ReasonInvalidScope, says: "The vendor does not know patterns:raed"},
		refusal{name: "elsewhere", what: "no block of the issuer's vendor", spec: "",
			reason: v1alpha1.ReasonVendorMismatch, says: "spec.causeloop, which says what is asked of it, is missing"},
	)
}

func personalSpec(scopes string) string {
	return "  causeloop:\n    personal: {}\n    scopes: [\"" + scopes + "\"]\n    expiresAfter: 1h\n"
}

func (d *demo) loopPersonBegins(own *subject) []step {
	return []step{
		do("kubectl apply: the person's token, CA bundle, TokenIssuer, GatewayToken", func(ctx context.Context) error { return d.applyPerson(ctx, own) }),
		check("the GatewayToken becomes Ready, and the vendor accepts the value in its Secret", both(own.isReady(), own.isPublished)),
		check("it has the scope asked for, and status tells when the vendor lets it expire", both(own.hasRights("issues:read"), own.expiryIsTold)),
	}
}

// applyPerson applies an issuer with a personal token in the namespace where it is used: it needs no grant.
func (d *demo) applyPerson(ctx context.Context, own *subject) error {
	login, err := marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"namespace": loopNamespace, "name": loopPerson},
		"stringData": map[string]any{"token": d.accounts.Causeloop},
	})
	if err != nil {
		return err
	}
	ca, err := caManifest(loopNamespace, caConfigMap, d.vendor.CA)
	if err != nil {
		return err
	}
	issuer, err := marshal(map[string]any{
		"apiVersion": v1alpha1.GroupVersion().String(), "kind": v1alpha1.KindTokenIssuer,
		"metadata": map[string]any{"namespace": loopNamespace, "name": loopPerson},
		"spec": map[string]any{
			"causeloop":         map[string]any{"url": d.vendor.URL, "tokenSecretRef": map[string]any{"name": loopPerson}},
			"caBundle":          map[string]any{"configMapRef": map[string]any{"name": caConfigMap}},
			"inventoryInterval": often,
		},
	})
	if err != nil {
		return err
	}
	return d.apply(login, ca, issuer, tokenManifest(loopNamespace, own.name, v1alpha1.KindTokenIssuer, loopPerson,
		overlapSpec+personalSpec("issues:read")))(ctx)
}

// expiryIsTold compares what status says with the vendor's books.
func (s *subject) expiryIsTold(ctx context.Context) error {
	row, err := s.row(ctx, s.id)
	if err != nil {
		return err
	}
	told, err := s.token(ctx, s.namespace, s.name)
	if err != nil {
		return err
	}
	if at := told.Status.Current.ExpiresAt; row.ExpiresAt.IsZero() || at == nil || !at.Time.Equal(row.ExpiresAt) {
		return fmt.Errorf("expected status to tell the expiry %s, found %v", row.ExpiresAt, at)
	}
	return nil
}

func (d *demo) loopPersonChanges(own *subject) []step {
	scopes := []string{"issues:read", "patterns:read"}
	return []step{
		do("the spec is edited: a scope more", own.patch(`{"causeloop":{"scopes":["`+strings.Join(scopes, `","`)+`"]}}`)),
		check("the Secret gets a new token with both scopes", both(soon(own.isReplaced), own.hasRights(scopes...))),
		check("the old one goes on working for the overlap and is then revoked", both(soon(own.oldHasRetired), haveRows(own.at, own.base, 2, 1))),
	}
}
