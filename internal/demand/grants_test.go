package demand

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

func TestGranted(t *testing.T) {
	var (
		ci     = v1alpha1.NamespaceGrant{Names: []string{"ci"}}
		labels = v1alpha1.NamespaceGrant{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "a"}}}
		other  = v1alpha1.NamespaceGrant{Names: []string{"shop"}}
		broken = v1alpha1.NamespaceGrant{Selector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "team", Operator: "Like"}}}}
	)
	rack := func(to v1alpha1.NamespaceGrant, roles []v1alpha1.RackGatewayRole, permissions ...v1alpha1.RackGatewayPermission) v1alpha1.Grant {
		return v1alpha1.Grant{Namespaces: to, RackGateway: &v1alpha1.RackGatewayGrant{Roles: roles, Permissions: permissions}}
	}
	roles := func(roles ...v1alpha1.RackGatewayRole) []v1alpha1.RackGatewayRole { return roles }
	loop := func(grant v1alpha1.CauseloopGrant) v1alpha1.Grant {
		return v1alpha1.Grant{Namespaces: ci, Causeloop: &grant}
	}
	kinds := func(kinds ...v1alpha1.CauseloopKind) []v1alpha1.CauseloopKind { return kinds }
	ping := func(gateway string, environments ...string) v1alpha1.Grant {
		return v1alpha1.Grant{Namespaces: ci, PingOne: &v1alpha1.PingOneGrant{GatewayIDs: []string{gateway}, EnvironmentIDs: environments}}
	}
	many := make([]v1alpha1.RackGatewayPermission, 10)
	for i := range many {
		many[i] = v1alpha1.RackGatewayPermission(fmt.Sprintf("convox:app:action-%d", i))
	}

	tests := map[string]struct {
		reason  string
		issuer  *v1alpha1.TokenIssuerSpec
		grants  []v1alpha1.Grant
		spec    v1alpha1.GatewayTokenSpec
		why     []string // what the refusal says; none: granted
		wantErr bool
	}{
		"no grant":               {reason: "nothing is granted by default", issuer: causelyIssuer(), spec: plain(), why: []string{"ClusterTokenIssuer/shared grants nothing to namespace ci", "Ask whoever administers it to add the namespace to spec.grants", "the vendor was not asked"}},
		"Causely":                {reason: "the namespace is all that there is to grant", issuer: causelyIssuer(), grants: []v1alpha1.Grant{{Namespaces: ci}}, spec: plain()},
		"Causely, by label":      {reason: "the label matches", issuer: causelyIssuer(), grants: []v1alpha1.Grant{{Namespaces: labels}}, spec: plain()},
		"Causely, another":       {reason: "another namespace is granted", issuer: causelyIssuer(), grants: []v1alpha1.Grant{{Namespaces: other}}, spec: plain(), why: []string{"grants nothing to namespace ci"}},
		"a broken selector":      {reason: "it grants nothing, and is told", issuer: causelyIssuer(), grants: []v1alpha1.Grant{{Namespaces: broken}}, spec: plain(), why: []string{"grants nothing"}, wantErr: true},
		"broken, but named":      {reason: "another grant covers it", issuer: causelyIssuer(), grants: []v1alpha1.Grant{{Namespaces: broken}, {Namespaces: ci}}, spec: plain()},
		"broken, and too little": {reason: "the broken grant may be the one that was meant", issuer: rackIssuer(), grants: []v1alpha1.Grant{{Namespaces: ci}, rack(broken, roles("ops"))}, spec: role("ops"), why: []string{"the role ops"}, wantErr: true},
		"a block too few":        {reason: "what does not fit the vendor is not granted either", issuer: rackIssuer(), grants: []v1alpha1.Grant{rack(ci, roles("ops"))}, spec: plain(), why: []string{"spec.rackGateway"}},

		"Rack Gateway, namespace alone":              {reason: "a grant without the vendor's block grants nothing that has parameters", issuer: rackIssuer(), grants: []v1alpha1.Grant{{Namespaces: ci}}, spec: role("viewer"), why: []string{"does not grant namespace ci the role viewer.", "add that to rackGateway.roles of a grant of the namespace", "the vendor was not asked"}},
		"Rack Gateway, role":                         {reason: "it is named", issuer: rackIssuer(), grants: []v1alpha1.Grant{rack(ci, roles("cicd", "viewer"))}, spec: role("viewer")},
		"Rack Gateway, role of another grant":        {reason: "grants add up", issuer: rackIssuer(), grants: []v1alpha1.Grant{{Namespaces: ci}, rack(labels, roles("cicd")), rack(ci, roles("ops"))}, spec: role("cicd")},
		"Rack Gateway, role for another":             {reason: "that grant is another namespace's", issuer: rackIssuer(), grants: []v1alpha1.Grant{rack(ci, roles("viewer")), rack(other, roles("admin"))}, spec: role("admin"), why: []string{"the role admin"}},
		"Rack Gateway, a lesser role":                {reason: "only the vendor knows which role includes which", issuer: rackIssuer(), grants: []v1alpha1.Grant{rack(ci, roles("admin"))}, spec: role("viewer"), why: []string{"the role viewer"}},
		"Rack Gateway, role by permissions":          {reason: "only the vendor knows what a role stands for", issuer: rackIssuer(), grants: []v1alpha1.Grant{rack(ci, nil, "*:*:*")}, spec: role("viewer"), why: []string{"the role viewer"}},
		"Rack Gateway, permissions by role":          {reason: "only the vendor knows what a role stands for", issuer: rackIssuer(), grants: []v1alpha1.Grant{rack(ci, roles("admin"))}, spec: permissions("convox:app:read"), why: []string{"the permission convox:app:read", "rackGateway.permissions"}},
		"Rack Gateway, permissions":                  {reason: "each is named, by one grant or the other", issuer: rackIssuer(), grants: []v1alpha1.Grant{rack(ci, nil, "convox:app:read"), rack(ci, nil, "convox:app:list")}, spec: permissions("convox:app:list", "convox:app:read")},
		"Rack Gateway, some permissions":             {reason: "what is missing is named, and nothing else", issuer: rackIssuer(), grants: []v1alpha1.Grant{rack(ci, nil, "convox:app:read")}, spec: permissions("convox:app:read", "convox:app:update", "convox:env:set"), why: []string{"the permissions convox:app:update, convox:env:set."}},
		"Rack Gateway, many permissions":             {reason: "a message has an end", issuer: rackIssuer(), grants: []v1alpha1.Grant{{Namespaces: ci}}, spec: permissions(many...), why: []string{"convox:app:action-7 and 2 more."}},
		"Rack Gateway, asterisk in the grant":        {reason: "it stands for every word in its place", issuer: rackIssuer(), grants: []v1alpha1.Grant{rack(ci, nil, "convox:*:read")}, spec: permissions("convox:app:read", "convox:*:read")},
		"Rack Gateway, asterisk in the wrong place":  {reason: "another word is not in its place", issuer: rackIssuer(), grants: []v1alpha1.Grant{rack(ci, nil, "convox:*:read")}, spec: permissions("convox:app:update"), why: []string{"convox:app:update"}},
		"Rack Gateway, asterisk asked for":           {reason: "a word does not include all words", issuer: rackIssuer(), grants: []v1alpha1.Grant{rack(ci, nil, "convox:app:read")}, spec: permissions("convox:app:*"), why: []string{"the permission convox:app:*"}},
		"Rack Gateway, permission of other length":   {reason: "it is not known what the vendor makes of it", issuer: rackIssuer(), grants: []v1alpha1.Grant{rack(ci, nil, "*:*")}, spec: permissions("convox:app:read"), why: []string{"convox:app:read"}},
		"Rack Gateway, permission in other capitals": {reason: "the vendor tells them apart", issuer: rackIssuer(), grants: []v1alpha1.Grant{rack(ci, nil, "convox:app:read")}, spec: permissions("convox:App:read"), why: []string{"convox:App:read"}},

		"Causeloop, namespace alone": {reason: "a grant without the vendor's block grants nothing that has parameters", issuer: causeloopIssuer(), grants: []v1alpha1.Grant{{Namespaces: ci}}, spec: dedicatedWith("issues:read"), why: []string{"does not grant namespace ci tokens of the kind Dedicated", "causeloop.kinds"}},
		"Causeloop, dedicated":       {reason: "kind and scopes are named", issuer: causeloopIssuer(), grants: []v1alpha1.Grant{loop(v1alpha1.CauseloopGrant{Kinds: kinds("Dedicated"), Scopes: []string{"issues:read", "patterns:read"}})}, spec: dedicatedWith("issues:read")},
		"Causeloop, more scopes":     {reason: "a scope is missing", issuer: causeloopIssuer(), grants: []v1alpha1.Grant{loop(v1alpha1.CauseloopGrant{Kinds: kinds("Dedicated"), Scopes: []string{"issues:read"}})}, spec: dedicatedWith("issues:read", "issues:write"), why: []string{"the scope issues:write.", "causeloop.scopes (kind Dedicated)"}},
		"Causeloop, another kind":    {reason: "the kind is not named", issuer: causeloopIssuer(), grants: []v1alpha1.Grant{loop(v1alpha1.CauseloopGrant{Kinds: kinds("Dedicated", "Existing"), Scopes: []string{"issues:read"}, ServiceAccountIDs: []string{"a"}})}, spec: personalWith(0, "issues:read"), why: []string{"the kind Personal"}},
		"Causeloop, kinds apart": {
			reason: "what is granted for one kind is not granted for another", issuer: causeloopIssuer(),
			grants: []v1alpha1.Grant{
				loop(v1alpha1.CauseloopGrant{Kinds: kinds("Dedicated"), Scopes: []string{"issues:read"}}),
				loop(v1alpha1.CauseloopGrant{Kinds: kinds("Personal"), Scopes: []string{"issues:write"}}),
			},
			spec: dedicatedWith("issues:write"), why: []string{"the scope issues:write"},
		},
		"Causeloop, scopes together": {
			reason: "grants of one kind add up", issuer: causeloopIssuer(),
			grants: []v1alpha1.Grant{
				loop(v1alpha1.CauseloopGrant{Kinds: kinds("Dedicated"), Scopes: []string{"issues:read"}}),
				loop(v1alpha1.CauseloopGrant{Kinds: kinds("Personal", "Dedicated"), Scopes: []string{"issues:write"}}),
			},
			spec: dedicatedWith("issues:write", "issues:read"),
		},
		"Causeloop, existing":        {reason: "the account is named, and has its own scopes", issuer: causeloopIssuer(), grants: []v1alpha1.Grant{loop(v1alpha1.CauseloopGrant{Kinds: kinds("Existing"), ServiceAccountIDs: []string{"a", "b"}})}, spec: existingAccount("b")},
		"Causeloop, another account": {reason: "the account is not named", issuer: causeloopIssuer(), grants: []v1alpha1.Grant{loop(v1alpha1.CauseloopGrant{Kinds: kinds("Existing"), ServiceAccountIDs: []string{"a"}})}, spec: existingAccount("b"), why: []string{"tokens of the service account b", "causeloop.serviceAccountIDs"}},

		"PingOne, namespace alone":           {reason: "a grant without the vendor's block grants nothing that has parameters", issuer: pingIssuer(), grants: []v1alpha1.Grant{{Namespaces: ci}}, spec: gatewayIn(""), why: []string{"credentials of the gateway " + strings.ToLower(gateway) + " in the environment " + strings.ToLower(environment), "pingOne.gatewayIDs of a grant"}},
		"PingOne, own environment":           {reason: "the gateway is named, in whatever capitals", issuer: pingIssuer(), grants: []v1alpha1.Grant{ping(strings.ToLower(gateway))}, spec: gatewayIn("")},
		"PingOne, own environment named":     {reason: "it is the same", issuer: pingIssuer(), grants: []v1alpha1.Grant{ping(gateway, environment)}, spec: gatewayIn("")},
		"PingOne, another gateway":           {reason: "it is not named", issuer: pingIssuer(), grants: []v1alpha1.Grant{ping(elsewhere)}, spec: gatewayIn(""), why: []string{"credentials of the gateway"}},
		"PingOne, another environment":       {reason: "none named means the issuer's own only", issuer: pingIssuer(), grants: []v1alpha1.Grant{ping(gateway)}, spec: gatewayIn(elsewhere), why: []string{"in the environment " + strings.ToLower(elsewhere), "pingOne.gatewayIDs and pingOne.environmentIDs"}},
		"PingOne, another environment named": {reason: "it is named", issuer: pingIssuer(), grants: []v1alpha1.Grant{ping(gateway, elsewhere)}, spec: gatewayIn(elsewhere)},
		"PingOne, own environment not named": {reason: "named are others only", issuer: pingIssuer(), grants: []v1alpha1.Grant{ping(gateway, elsewhere)}, spec: gatewayIn(""), why: []string{"credentials of the gateway"}},
		"PingOne, from two grants":           {reason: "a gateway of one grant and an environment of another are not a place that anybody granted", issuer: pingIssuer(), grants: []v1alpha1.Grant{ping(gateway), ping(elsewhere, elsewhere)}, spec: gatewayIn(elsewhere), why: []string{"credentials of the gateway"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			issuer := &v1alpha1.ClusterTokenIssuer{
				ObjectMeta: metav1.ObjectMeta{Name: "shared"},
				Spec:       v1alpha1.ClusterTokenIssuerSpec{TokenIssuerSpec: *tc.issuer, Grants: tc.grants},
			}
			namespace := &metav1.ObjectMeta{Name: "ci", Labels: map[string]string{"team": "a"}}
			granted, why, err := Granted(object(tc.spec), issuer, namespace)
			if granted != (len(tc.why) == 0) || granted != (why == "") || (err != nil) != tc.wantErr {
				t.Fatalf("granted %t, %q, %v: %s", granted, why, err, tc.reason)
			}
			for _, words := range tc.why {
				if !strings.Contains(why, words) {
					t.Errorf("%q is missing in %q: %s", words, why, tc.reason)
				}
			}
		})
	}
}

// A TokenIssuer is its namespace's own account.
func TestOwnIssuerGrantsAll(t *testing.T) {
	issuer := &v1alpha1.TokenIssuer{ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: "own"}, Spec: *rackIssuer()}
	for namespace, want := range map[string]bool{"ci": true, "shop": false} {
		granted, why, err := Granted(object(role("admin")), issuer, &metav1.ObjectMeta{Name: namespace})
		if granted != want || err != nil {
			t.Errorf("namespace %s: granted %t (%s), %v", namespace, granted, why, err)
		}
	}
}
