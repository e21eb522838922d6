package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// Names of the example of PingOne, and of an issuer where nobody else makes credentials.
const (
	pingExample   = "examples/pingone-ldap-gateway/manifests/"
	pingNamespace = "identity"
	pingIssuer    = "pingone"
	pingExclusive = "pingone-exclusive"
	pingSecret    = "ldap-gateway-credential" //nolint:gosec // the name of a Secret
	pingKey       = "gatewayCredential"

	// pingRoom is how many credentials a gateway has at most.
	pingRoom = 5
)

// Gateways beside the one that the simulator has at first. Each GatewayToken that is killed for has one of its own, so that all that
// the operator makes there is made for it.
const (
	sharedGateway    = "5f0f1d3a-0d5c-4b0e-9a53-6b1f0c9d2e11"
	exclusiveGateway = "1c7a4e9b-8f26-4d3a-b6c8-0a9e5d7f3b22"
	missingGateway   = "e2b8c6d4-3a17-4f95-8d0b-7c6f1e4a9d33"
	othersGateway    = "94d3b7f1-6e2a-4c58-a1f7-2d8b0e5c6a44"
)

// ofPingOne is the story of a gateway's credential. It has no name: after a crash nothing at the vendor tells whose it is.
func (d *demo) ofPingOne() []chapter {
	ldap := d.pingSubject("ldap-gateway", pingone.DemoGatewayID)
	ldap.secretName = pingSecret
	second := d.pingSubject("second", pingone.DemoGatewayID)
	shared := d.pingSubject("shared", sharedGateway)
	alone := d.pingSubject("alone", exclusiveGateway)
	return []chapter{
		{Title: "PingOne: a credential for a gateway, five at most", Steps: slices.Concat(
			d.pingBegins(ldap), d.pingRefuses(), ldap.hasNoRoom(second),
			ldap.isRevokedByHand("a person deletes the credential in the console", 3),
			ldap.losesSecret(4),
		)},
		{Title: "PingOne: killed, and others make credentials of the gateway, too", Steps: slices.Concat(
			[]step{do("a person adds another gateway, and the console makes a credential with it", shared.addGateway)},
			shared.isKilled(pingone.RouteCreate, d.apply(shared.manifest(pingIssuer))),
			shared.leavesToPerson(), []step{ldap.isUntouched()},
		)},
		{Title: "PingOne: killed, and nobody else makes credentials of the gateway", Steps: slices.Concat(
			alone.hasGatewayAlone(), alone.isKilled(pingone.RouteCreate, d.apply(alone.manifest(pingExclusive))),
			alone.leavesToRest(), []step{ldap.isUntouched()}, alone.isDeleted(),
		)},
	}
}

// pingSubject is a GatewayToken of the story, and its gateway.
func (d *demo) pingSubject(name, gateway string) *subject {
	return &subject{demo: d, at: d.of(stack.PingOne), namespace: pingNamespace, name: name, gateway: gateway, secretName: name, key: pingKey}
}

// manifest is the GatewayToken of a subject at PingOne, without a word about its Secret's name.
func (s *subject) manifest(issuer string) string {
	return tokenManifest(s.namespace, s.name, v1alpha1.KindClusterTokenIssuer, issuer,
		overlapSpec+"  secret:\n    data:\n      "+pingKey+": \"{{ .Token }}\"\n"+gatewaySpec(s.gateway))
}

func gatewaySpec(id string) string { return "  pingOne:\n    gatewayID: " + id + "\n" }

func (d *demo) pingBegins(ldap *subject) []step {
	return []step{
		do("with the gateway the console has made a credential, which is somebody else's", ldap.isNotAlone),
		do("kubectl apply: namespace, client credentials, CA bundle, ClusterTokenIssuer, GatewayToken (examples/pingone-ldap-gateway)", d.applyPingExample),
		check("the issuer's client credentials are accepted", d.kubectl("wait", "clustertokenissuer/"+pingIssuer, "--for=condition=Ready", "--timeout=60s")),
		check("the GatewayToken becomes Ready, and the vendor accepts the value in its Secret", both(ldap.isReady(), ldap.isPublished)),
		check("the Secret has what the gateway's container reads, and nothing else: gatewayCredential", d.hasOnly(pingNamespace, pingSecret, pingKey)),
		check("one credential was made, once, beside the console's", both(wereCreates(ldap.at, 1), ldap.haveTokens(1, 1), d.othersActive)),
	}
}

// applyPingExample applies the example, with the simulator's addresses, credentials and IDs. One of the granted gateways does not exist.
func (d *demo) applyPingExample(ctx context.Context) error {
	return d.applyExample(ctx, pingExample,
		manifest{"namespace.yaml", nil},
		manifest{"credentials.yaml", map[string]any{"stringData.clientId": pingone.DemoClientID, "stringData.clientSecret": d.accounts.PingOne}},
		manifest{"issuer.yaml", d.pingIssuerFields(false, pingone.DemoGatewayID, sharedGateway, missingGateway)},
		manifest{"gatewaytoken.yaml", map[string]any{"spec.rotation.overlap": overlap.String(), "spec.pingOne.gatewayID": pingone.DemoGatewayID}})
}

// pingIssuerFields are what is set in the example's issuer: the simulator stands in for a region.
func (d *demo) pingIssuerFields(exclusive bool, granted ...any) map[string]any {
	return map[string]any{
		"spec.pingOne": map[string]any{
			"url": d.vendor.URL + "/v1", "authURL": d.vendor.URL + "/" + pingone.DemoEnvironmentID + "/as/token",
			"environmentID": pingone.DemoEnvironmentID, "credentialsSecretRef": map[string]any{"name": "pingone-worker"},
			"exclusive": exclusive,
		},
		"spec.caBundle.configMapRef.name": caConfigMap, "spec.inventoryInterval": often,
		"spec.grants": grant(pingNamespace, "pingOne", map[string]any{"gatewayIDs": granted}),
	}
}

// pingRefuses asks for what cannot be had.
func (d *demo) pingRefuses() []step {
	return append(d.refusals(pingNamespace, pingIssuer,
		refusal{name: "greedy", what: "a gateway that no grant covers", spec: gatewaySpec(othersGateway),
			reason: v1alpha1.ReasonNotGranted, says: "does not grant namespace identity credentials of the gateway " + othersGateway},
		refusal{name: "nowhere", what: "a gateway that is granted and that does not exist", spec: gatewaySpec(missingGateway),
			reason: v1alpha1.ReasonGatewayNotFound, says: "Check spec.pingOne.gatewayID", heals: true},
		refusal{name: "elsewhere", what: "another vendor's block", spec: "  rackGateway:\n    role: cicd\n",
			reason: v1alpha1.ReasonVendorMismatch, says: "spec.rackGateway is for Rack Gateway"},
		refusal{name: "silent", what: "no block of the issuer's vendor", spec: "",
			reason: v1alpha1.ReasonVendorMismatch, says: "spec.pingOne, which says what is asked of it, is missing"},
	),
		check("a gateway's ID that is none is refused by the API server", d.isRefusedByAPI(
			tokenManifest(pingNamespace, "no-id", v1alpha1.KindClusterTokenIssuer, pingIssuer, gatewaySpec("the-one-in-the-basement-by-the-stair")), "gatewayID must be a UUID")),
		check("for none of it the vendor was asked for a credential", wereCreates(d.of(stack.PingOne), 1)))
}

// hasNoRoom lets people take all that the gateway has room for, so that another GatewayToken of it has to wait.
func (s *subject) hasNoRoom(next *subject) []step {
	var byHand []string
	full := expectation{
		kind: v1alpha1.ConditionReady, status: "False", reason: v1alpha1.ReasonQuotaExceeded, says: "Delete one at the vendor that nobody uses; work goes on by itself",
	}
	return []step{
		do("people make credentials of the gateway by hand until it has its five", func(ctx context.Context) (err error) {
			byHand, err = s.fill(ctx)
			return err
		}),
		check("the issuer's inventory counts them: one owned, four of somebody else", soon(s.counts(v1alpha1.Inventory{Active: pingRoom, Owned: 1, Unmanaged: pingRoom - 1}))),
		do("kubectl apply: GatewayToken "+next.name+", of the same gateway", s.apply(next.manifest(pingIssuer))),
		check("it says that there is no room, and what to do: QuotaExceeded; no Secret", both(soon(s.tells(next.object(), full)), s.noSecret(next.namespace, next.secretName))),
		check("the vendor was not asked for a sixth, and nobody's credential makes room; the one in use goes on working", both(
			wereCreates(s.at, 1), s.hasLiving(pingRoom), s.isKept, s.tells(s.object(), ready()))),
		do("a person deletes one of those made by hand", func(ctx context.Context) error { return s.at().Revoke(ctx, byHand[0]) }),
		check("the work goes on by itself: the GatewayToken becomes Ready, with one create", both(
			next.isReady(), next.isPublished, wereCreates(s.at, 2), s.hasLiving(pingRoom))),
		do("kubectl delete gatewaytoken "+next.name+"; people delete what they made by hand", func(ctx context.Context) error {
			err := s.kubectl("--namespace", next.namespace, "delete", "gatewaytoken", next.name, "--timeout=60s")(ctx)
			for _, id := range byHand[1:] {
				err = errors.Join(err, s.at().Revoke(ctx, id))
			}
			return err
		}),
		check("its credential and its Secret are gone; the first one's and the console's are not touched", both(
			next.hasEnded, s.noSecret(next.namespace, next.secretName), s.hasLiving(2), s.isKept, s.othersActive)),
	}
}

// counts holds once the issuer has counted what is there.
func (s *subject) counts(want v1alpha1.Inventory) func(context.Context) error {
	return func(ctx context.Context) error {
		told, err := s.issuerStatus(ctx, pingIssuer)
		if err == nil && (told.Inventory == nil || *told.Inventory != want) {
			err = fmt.Errorf("expected the issuer's inventory to be %+v, found %+v", want, told.Inventory)
		}
		return err
	}
}

// issuerStatus is what a ClusterTokenIssuer says.
func (d *demo) issuerStatus(ctx context.Context, name string) (v1alpha1.TokenIssuerStatus, error) {
	found := &v1alpha1.ClusterTokenIssuer{}
	err := d.stack.Client.Get(ctx, client.ObjectKey{Name: name}, found)
	return found.Status, err
}

// fill makes credentials as a person does until the gateway has no room.
func (s *subject) fill(ctx context.Context) (made []string, err error) {
	all, err := s.living(ctx)
	for range pingRoom - len(all) {
		id, failed := s.place().Create(ctx)
		made, err = append(made, id), errors.Join(err, failed)
	}
	return made, err
}

// living are the credentials that the gateway has, whoever made them.
func (s *subject) living(ctx context.Context) ([]stack.Token, error) {
	all, err := s.place().Credentials(ctx)
	return slices.DeleteFunc(all, func(t stack.Token) bool { return !t.Active }), err
}

// hasLiving holds while the gateway has that many credentials, whoever made them.
func (s *subject) hasLiving(want int) func(context.Context) error {
	return func(ctx context.Context) error {
		found, err := s.living(ctx)
		if err == nil && len(found) != want {
			err = fmt.Errorf("expected the gateway to have %d credentials, found %+v", want, found)
		}
		return err
	}
}

// hasEnded holds when the credential that was noted is gone.
func (s *subject) hasEnded(ctx context.Context) error {
	row, err := s.row(ctx, s.id)
	if err == nil && row.Active {
		err = fmt.Errorf("expected credential %s to be gone, found it active", row.ID)
	}
	return err
}

// losesSecret lets somebody delete the Secret, and with it all that it says of the credential.
func (s *subject) losesSecret(creates int) []step {
	return []step{
		do("somebody deletes the Secret: the value is not to be had any more", s.kubectl("--namespace", s.namespace, "delete", "secret", s.secretName)),
		check("the next one is issued, and the Secret is there again with another value", both(soon(s.isReplaced), s.isReady())),
		check("whose the old one is was not forgotten: it goes on working for the overlap and is then gone; one create for all that", both(
			soon(s.oldHasRetired), wereCreates(s.at, creates), s.hasLiving(2), s.othersActive)),
	}
}

// addGateway adds the subject's gateway as a person does.
func (s *subject) addGateway(ctx context.Context) error {
	return errors.Join(s.place().Add(ctx), s.isNotAlone(ctx))
}

// leavesToPerson follows a kill where nobody can tell whose the credential is that the dead operator left.
func (s *subject) leavesToPerson() []step {
	return []step{
		check("what the dead one left is in status.possibleOrphans of the issuer, with GatewayToken and time", soon(s.isReported)),
		check("two creates, and no third; both credentials are there", both(wereCreates(s.at, 6), s.haveTokens(2, 2))),
		do("kubectl delete gatewaytoken "+s.name, s.kubectl("--namespace", s.namespace, "delete", "gatewaytoken", s.name, "--timeout=60s")),
		check("its credential and its Secret are gone", both(s.hasEnded, s.noSecret(s.namespace, s.secretName))),
		check("the reported one is not revoked, however long it rests, and reported although its GatewayToken is gone", both(
			soon(s.hasRested), s.haveTokens(2, 1), s.isReported)),
		do("a person looks at the list, and deletes it in the console", func(ctx context.Context) error { return s.at().Revoke(ctx, s.unread.ID) }),
		check("it leaves the list by itself; what somebody else has was never touched", both(soon(s.noneReported(pingIssuer)), s.othersActive)),
	}
}

// report is what the issuer says of the credential that the dead operator left. It must be all that the issuer says.
func (s *subject) report(ctx context.Context) (v1alpha1.PossibleOrphan, error) {
	told, err := s.issuerStatus(ctx, pingIssuer)
	found := told.PossibleOrphans
	if err == nil && (len(found) != 1 || found[0].ID != s.unread.ID) {
		err = fmt.Errorf("expected the issuer to report %s, found %+v", s.unread.ID, found)
	}
	if err != nil {
		return v1alpha1.PossibleOrphan{}, err
	}
	return found[0], nil
}

// isReported holds once a person can read what to look for.
func (s *subject) isReported(ctx context.Context) error {
	told, err := s.report(ctx)
	if err != nil {
		return err
	}
	made := s.unread.CreatedAt.Truncate(time.Second)
	if told.Pool != pingone.DemoEnvironmentID+"/"+s.gateway || told.CreatedAt == nil || !told.CreatedAt.Time.Equal(made) || told.Since.Time.Before(made) ||
		!strings.Contains(told.Message, s.object().String()) {
		return fmt.Errorf("expected the report to tell gateway %s, %s and the time %s, found %+v", s.gateway, s.object(), made, told)
	}
	return nil
}

// hasRested holds once the reported credential would have been revoked where nobody else makes any.
func (s *subject) hasRested(ctx context.Context) error {
	told, err := s.report(ctx)
	if err == nil && time.Since(told.Since.Time) < 2*rest {
		err = fmt.Errorf("expected it to have been reported %s ago, found %s", 2*rest, time.Since(told.Since.Time))
	}
	return err
}

// noneReported holds when an issuer says of nothing that it may be ours.
func (d *demo) noneReported(issuer string) func(context.Context) error {
	return func(ctx context.Context) error {
		told, err := d.issuerStatus(ctx, issuer)
		if err == nil && len(told.PossibleOrphans) > 0 {
			err = fmt.Errorf("expected issuer %s to report nothing, found %+v", issuer, told.PossibleOrphans)
		}
		return err
	}
}

// hasGatewayAlone adds a gateway, and an issuer that says that nobody else makes credentials of it from now on.
func (s *subject) hasGatewayAlone() []step {
	return []step{
		do("a person adds another gateway, and the console makes a credential with it: the last that anybody makes by hand", s.addGateway),
		do("kubectl apply: ClusterTokenIssuer "+pingExclusive+", which says exclusive", func(ctx context.Context) error {
			fields := s.pingIssuerFields(true, s.gateway)
			fields["metadata.name"] = pingExclusive
			issuer, err := s.changed(pingExample+"issuer.yaml", fields)
			if err != nil {
				return err
			}
			return s.apply(issuer)(ctx)
		}),
	}
}

// leavesToRest follows a kill where nobody else can have made the credential that the dead operator left.
func (s *subject) leavesToRest() []step {
	return []step{
		check("what the dead one left can be of nobody else: it rests, unused, and is then revoked by itself", both(soon(s.unreadHasRetired), s.isKept)),
		check("exactly one extra was made, nothing is reported, and the console's is not touched", both(
			wereCreates(s.at, 8), s.haveTokens(2, 1), s.noneReported(pingExclusive), s.othersActive)),
	}
}

// unreadHasRetired holds once the credential that nobody can use is gone; it must have rested since its successor was made.
func (s *subject) unreadHasRetired(ctx context.Context) error {
	return s.outlived(ctx, s.unread.ID, rest)
}
