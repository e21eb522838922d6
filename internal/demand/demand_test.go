package demand

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

const (
	gateway     = "87E7C1A2-0000-4000-8000-00000000000A"
	environment = "9AD1C1A2-0000-4000-8000-00000000000B"
	elsewhere   = "11111111-0000-4000-8000-00000000000C"
)

func causelyIssuer() *v1alpha1.TokenIssuerSpec {
	return &v1alpha1.TokenIssuerSpec{Causely: &v1alpha1.CauselyIssuer{}}
}

func causeloopIssuer() *v1alpha1.TokenIssuerSpec {
	return &v1alpha1.TokenIssuerSpec{Causeloop: &v1alpha1.CauseloopIssuer{}}
}

func rackIssuer() *v1alpha1.TokenIssuerSpec {
	return &v1alpha1.TokenIssuerSpec{RackGateway: &v1alpha1.RackGatewayIssuer{}}
}

func pingIssuer() *v1alpha1.TokenIssuerSpec {
	return &v1alpha1.TokenIssuerSpec{PingOne: &v1alpha1.PingOneIssuer{EnvironmentID: environment}}
}

func plain() v1alpha1.GatewayTokenSpec { return v1alpha1.GatewayTokenSpec{} }

func dedicatedWith(scopes ...string) v1alpha1.GatewayTokenSpec {
	return v1alpha1.GatewayTokenSpec{Causeloop: &v1alpha1.CauseloopToken{
		ServiceAccount: &v1alpha1.CauseloopServiceAccount{Dedicated: &v1alpha1.CauseloopDedicated{}}, Scopes: scopes,
	}}
}

func existingAccount(id string) v1alpha1.GatewayTokenSpec {
	return v1alpha1.GatewayTokenSpec{Causeloop: &v1alpha1.CauseloopToken{
		ServiceAccount: &v1alpha1.CauseloopServiceAccount{ID: id},
	}}
}

func personalWith(life time.Duration, scopes ...string) v1alpha1.GatewayTokenSpec {
	spec := v1alpha1.GatewayTokenSpec{Causeloop: &v1alpha1.CauseloopToken{Personal: &v1alpha1.CauseloopPersonal{}, Scopes: scopes}}
	if life > 0 {
		spec.Causeloop.ExpiresAfter = &metav1.Duration{Duration: life}
	}
	return spec
}

func role(role v1alpha1.RackGatewayRole) v1alpha1.GatewayTokenSpec {
	return v1alpha1.GatewayTokenSpec{RackGateway: &v1alpha1.RackGatewayToken{Role: role}}
}

func permissions(permissions ...v1alpha1.RackGatewayPermission) v1alpha1.GatewayTokenSpec {
	return v1alpha1.GatewayTokenSpec{RackGateway: &v1alpha1.RackGatewayToken{Permissions: permissions}}
}

func gatewayIn(environment string) v1alpha1.GatewayTokenSpec {
	return v1alpha1.GatewayTokenSpec{PingOne: &v1alpha1.PingOneToken{GatewayID: gateway, EnvironmentID: environment}}
}

func object(spec v1alpha1.GatewayTokenSpec) *v1alpha1.GatewayToken {
	spec.IssuerRef = v1alpha1.IssuerReference{Kind: v1alpha1.KindClusterTokenIssuer, Name: "shared"}
	return &v1alpha1.GatewayToken{ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: "deploy"}, Spec: spec}
}

// The digests are in ledgers that live for years: another digest for the same spec would replace every token.
func TestOf(t *testing.T) {
	tests := map[string]struct {
		reason string
		issuer *v1alpha1.TokenIssuerSpec
		spec   v1alpha1.GatewayTokenSpec
		want   Demand
	}{
		"Causely": {
			"nothing but a token is asked for, and ledgers of the first release have this digest",
			causelyIssuer(), plain(), Demand{Inputs: "6b86b273ff34fce1"},
		},
		"Causeloop, dedicated": {
			"scopes are a set", causeloopIssuer(), dedicatedWith("patterns:read", "issues:read", "issues:read"),
			Demand{Pool: "dedicated", Rights: []string{"issues:read", "patterns:read"}, Inputs: "785f18ae6ef1cfc5"},
		},
		"Causeloop, dedicated, in another order": {
			"the order of a set is of no matter", causeloopIssuer(), dedicatedWith("issues:read", "patterns:read"),
			Demand{Pool: "dedicated", Rights: []string{"issues:read", "patterns:read"}, Inputs: "785f18ae6ef1cfc5"},
		},
		"Causeloop, existing": {
			"the account's own scopes count", causeloopIssuer(), existingAccount("sa_01HZX"),
			Demand{Pool: "existing/sa_01HZX", Inputs: "4eeb66a06e1f49ca"},
		},
		"Causeloop, personal": {
			"without an expiry it lives on", causeloopIssuer(), personalWith(0, "issues:read"),
			Demand{Pool: "personal", Rights: []string{"issues:read"}, Inputs: "a895a7be974276f1"},
		},
		"Causeloop, personal, with an expiry": {
			"the expiry does not change the digest: a longer one is no other token", causeloopIssuer(), personalWith(720*time.Hour, "issues:read"),
			Demand{Pool: "personal", Rights: []string{"issues:read"}, ExpiresAfter: 720 * time.Hour, Inputs: "a895a7be974276f1"},
		},
		"Rack Gateway, role": {
			"only the vendor knows what a role stands for", rackIssuer(), role(v1alpha1.RackGatewayCICD),
			Demand{Role: "cicd", Inputs: "8a62a2591d6e8630"},
		},
		"Rack Gateway, permissions": {
			"permissions are a set", rackIssuer(), permissions("convox:process:list", "convox:app:*"),
			Demand{Rights: []string{"convox:app:*", "convox:process:list"}, Inputs: "1bbb5dd411ed590d"},
		},
		"PingOne, the issuer's environment": {
			"IDs are compared in lower case", pingIssuer(), gatewayIn(""),
			Demand{Pool: strings.ToLower(environment + "/" + gateway), Inputs: "ef5d611de8570781"},
		},
		"PingOne, the issuer's environment, written out": {
			"it is the same place", pingIssuer(), gatewayIn(strings.ToLower(environment)),
			Demand{Pool: strings.ToLower(environment + "/" + gateway), Inputs: "ef5d611de8570781"},
		},
		"PingOne, another environment": {
			"a worker may act in other environments", pingIssuer(), gatewayIn(elsewhere),
			Demand{Pool: strings.ToLower(elsewhere + "/" + gateway), Inputs: "6cd62cc64dcf5b6a"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, problem := Of(object(tc.spec), tc.issuer)
			if problem != nil {
				t.Fatalf("problem %v: %s", problem, tc.reason)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestMismatch(t *testing.T) {
	two := role(v1alpha1.RackGatewayOps)
	two.PingOne = &v1alpha1.PingOneToken{GatewayID: gateway}
	tests := map[string]struct {
		reason string
		issuer *v1alpha1.TokenIssuerSpec
		spec   v1alpha1.GatewayTokenSpec
		words  []string
	}{
		"no block":             {"Rack Gateway must be told what the token may do", rackIssuer(), plain(), []string{"ClusterTokenIssuer/shared is an issuer of Rack Gateway", "spec.rackGateway", "missing", "create it with spec.rackGateway"}},
		"no block, Causeloop":  {"Causeloop must be told which kind of token", causeloopIssuer(), plain(), []string{"spec.causeloop"}},
		"no block, PingOne":    {"PingOne must be told which gateway", pingIssuer(), plain(), []string{"spec.pingOne"}},
		"an empty block":       {"the API server refuses it, and it asks for nothing", causeloopIssuer(), v1alpha1.GatewayTokenSpec{Causeloop: &v1alpha1.CauseloopToken{}}, []string{"missing or empty"}},
		"an empty account":     {"the API server refuses it, and it asks for nothing", causeloopIssuer(), existingAccount(""), []string{"missing or empty"}},
		"no permissions":       {"the API server refuses it, and it asks for nothing", rackIssuer(), permissions(), []string{"missing or empty"}},
		"no gateway":           {"the API server refuses it, and it asks for nothing", pingIssuer(), v1alpha1.GatewayTokenSpec{PingOne: &v1alpha1.PingOneToken{}}, []string{"missing or empty"}},
		"another's block":      {"a gateway of PingOne is nothing to Rack Gateway", rackIssuer(), gatewayIn(""), []string{"spec.pingOne is for PingOne", "create it with spec.rackGateway or with an issuer of PingOne"}},
		"a block for Causely":  {"Causely needs none", causelyIssuer(), role(v1alpha1.RackGatewayOps), []string{"issuer of Causely", "create it without such a block or with an issuer of Rack Gateway"}},
		"two blocks":           {"the API server refuses it, and one of them does not fit", pingIssuer(), two, []string{"spec.rackGateway is for Rack Gateway"}},
		"two blocks, swapped":  {"whichever comes first", rackIssuer(), two, []string{"spec.pingOne is for PingOne"}},
		"an issuer of nothing": {"the API server refuses it, and there is nobody to ask", &v1alpha1.TokenIssuerSpec{}, plain(), []string{"names no vendor"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, problem := Of(object(tc.spec), tc.issuer)
			if problem == nil {
				t.Fatalf("no problem: %s", tc.reason)
			}
			if diff := cmp.Diff(Demand{}, got); diff != "" {
				t.Errorf("something is asked for all the same:\n%s", diff)
			}
			if problem.Reason != v1alpha1.ReasonVendorMismatch {
				t.Errorf("reason %s: %s", problem.Reason, tc.reason)
			}
			for _, words := range append(tc.words, "The vendor was not asked.") {
				if !strings.Contains(problem.Message, words) {
					t.Errorf("%q is missing in %q: %s", words, problem.Message, tc.reason)
				}
			}
		})
	}
}

func TestPools(t *testing.T) {
	deleted := func(o *v1alpha1.GatewayToken) *v1alpha1.GatewayToken {
		o.DeletionTimestamp = &metav1.Time{Time: time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)}
		return o
	}
	protected := func(o *v1alpha1.GatewayToken) *v1alpha1.GatewayToken {
		o.Finalizers = []string{"example.com/other", v1alpha1.FinalizerRevoke}
		return o
	}
	two := gatewayIn("")
	two.RackGateway = &v1alpha1.RackGatewayToken{Role: v1alpha1.RackGatewayOps}
	own, other := strings.ToLower(environment+"/"+gateway), strings.ToLower(elsewhere+"/"+gateway)
	tests := map[string]struct {
		reason  string
		issuer  *v1alpha1.TokenIssuerSpec
		objects []*v1alpha1.GatewayToken
		want    []string
	}{
		"none":                         {"nothing is used", pingIssuer(), nil, nil},
		"Causely":                      {"all are in one place", causelyIssuer(), []*v1alpha1.GatewayToken{object(plain()), object(plain())}, []string{""}},
		"Rack Gateway":                 {"all are in one place", rackIssuer(), []*v1alpha1.GatewayToken{object(role("ops")), object(permissions("a:b:c"))}, []string{""}},
		"Causeloop":                    {"one for each kind, and for each existing account", causeloopIssuer(), []*v1alpha1.GatewayToken{object(personalWith(0, "a")), object(existingAccount("b")), object(existingAccount("a")), object(dedicatedWith("a")), object(existingAccount("a"))}, []string{"dedicated", "existing/a", "existing/b", "personal"}},
		"PingOne":                      {"one for each gateway, however it is written", pingIssuer(), []*v1alpha1.GatewayToken{object(gatewayIn("")), object(gatewayIn(environment)), object(gatewayIn(elsewhere))}, []string{other, own}},
		"a block that does not fit":    {"it asks for nothing", pingIssuer(), []*v1alpha1.GatewayToken{object(two), object(plain())}, nil},
		"the same, being deleted":      {"it may have a token to be revoked", pingIssuer(), []*v1alpha1.GatewayToken{deleted(object(two))}, []string{own}},
		"the same, with the finalizer": {"it may have a token to be revoked", pingIssuer(), []*v1alpha1.GatewayToken{protected(object(two))}, []string{own}},
		"no block, with the finalizer": {"nothing tells where a token of it would be", pingIssuer(), []*v1alpha1.GatewayToken{protected(object(plain()))}, nil},
		"no block, in one place":       {"a token of it can only be there", rackIssuer(), []*v1alpha1.GatewayToken{protected(object(plain()))}, []string{""}},
		"an issuer of nothing":         {"there is nobody to ask", &v1alpha1.TokenIssuerSpec{}, []*v1alpha1.GatewayToken{protected(object(plain()))}, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var objects []v1alpha1.GatewayToken
			for _, o := range tc.objects {
				objects = append(objects, *o)
			}
			if diff := cmp.Diff(tc.want, Pools(objects, tc.issuer)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
