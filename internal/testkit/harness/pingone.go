package harness

import (
	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
)

// atPingOne is the flavour of PingOne.
type atPingOne struct{ exclusive bool }

// AtPingOne is PingOne's demo gateway, of which credentials are asked for. Exclusive says that nobody else makes any.
func AtPingOne(exclusive bool) Flavour { return atPingOne{exclusive} }

func (atPingOne) Credentials() map[string]string {
	return map[string]string{v1alpha1.DefaultClientIDKey: pingone.DemoClientID, v1alpha1.DefaultClientSecretKey: pingone.DemoSecret}
}

func (p atPingOne) Account(spec *v1alpha1.TokenIssuerSpec, url string) {
	spec.PingOne = &v1alpha1.PingOneIssuer{
		URL: url + "/v1", AuthURL: url + "/" + pingone.DemoEnvironmentID + "/as/token", EnvironmentID: pingone.DemoEnvironmentID,
		CredentialsSecretRef: v1alpha1.ClientCredentialsReference{Name: CredentialsName}, Exclusive: p.exclusive,
	}
}

func (atPingOne) Grant(grant *v1alpha1.Grant) {
	grant.PingOne = &v1alpha1.PingOneGrant{GatewayIDs: []string{pingone.DemoGatewayID}}
}

func (atPingOne) Ask(spec *v1alpha1.GatewayTokenSpec) {
	spec.PingOne = &v1alpha1.PingOneToken{GatewayID: pingone.DemoGatewayID}
}

func (atPingOne) Route(call string) string { return "pingone." + call }

// Tokens have no names.
func (atPingOne) Tokens(vendor *simulator.Server) []Token {
	var all []Token
	for _, environment := range vendor.PingOne().Truth().Environments {
		for _, gateway := range environment.Gateways {
			for _, made := range gateway.Credentials {
				all = append(all, Token{
					ID: made.ID, Active: made.State == pingone.Active, CreatedAt: made.CreatedAt, Issued: made.CreatedBy == pingone.DemoClientID,
				})
			}
		}
	}
	return all
}

func (atPingOne) Check(vendor *simulator.Server, value string) Connection {
	found := vendor.PingOne().Check(value)
	return Connection{Known: found.Known, Active: found.Active, ID: found.ID}
}

func (atPingOne) Use(vendor *simulator.Server, value string) { vendor.PingOne().Connect(value) }

// Create makes a credential in the console, which gives it no name.
func (atPingOne) Create(vendor *simulator.Server, _ string) (string, error) {
	return vendor.PingOne().Create(pingone.DemoEnvironmentID, pingone.DemoGatewayID)
}

func (atPingOne) Revoke(vendor *simulator.Server, id string) error {
	return vendor.PingOne().Revoke(id)
}

func (atPingOne) Calls(vendor *simulator.Server) map[string]int {
	return vendor.PingOne().Truth().Calls
}

func (atPingOne) Secrets(vendor *simulator.Server) []string { return vendor.PingOne().Secrets() }
