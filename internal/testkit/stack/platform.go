package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/rackgateway"
)

// Vendor is one of the simulated vendors, by its name in the admin API.
type Vendor string

// The vendors that a simulator has.
const (
	Causely     Vendor = "causely"
	RackGateway Vendor = "rackgateway"
	Causeloop   Vendor = "causeloop"
	PingOne     Vendor = "pingone"
)

// Vendors are all vendors that a simulator has.
func Vendors() []Vendor { return []Vendor{Causely, RackGateway, Causeloop, PingOne} }

// Title is the vendor's name in a text.
func (v Vendor) Title() string {
	switch v {
	case Causely:
		return "Causely"
	case RackGateway:
		return "Rack Gateway"
	case Causeloop:
		return "Causeloop"
	case PingOne:
		return "PingOne"
	default:
		return string(v)
	}
}

// mints are the routes of which each call asks for a token.
func (v Vendor) mints() []string {
	switch v {
	case Causely:
		return []string{causely.RouteCreate}
	case RackGateway:
		return []string{rackgateway.RouteCreate}
	case Causeloop:
		// The token of a dedicated account is asked for with the account.
		return []string{causeloop.RouteCreate, causeloop.RouteCreateAccount}
	case PingOne:
		return []string{pingone.RouteCreate}
	default:
		return nil
	}
}

// Token is what the vendors' truths have in common about a token. A service account of Causeloop counts as one: the operator
// makes and ends a dedicated one with its token, and knows both by the account.
type Token struct {
	ID, Name string
	// Account is the vendor account that the token is in, where the vendor has several.
	Account string
	// Place is where in the account it is, and Maker who had it made, where the vendor knows: at PingOne the gateway, and the client
	// ID of a worker application or "console" for a person.
	Place, Maker string
	// Rights are permissions or scopes, in the vendor's order.
	Rights []string
	// Active tells that it has not ended; Issued that a value of it was made.
	Active, Issued                bool
	CreatedAt, EndedAt, ExpiresAt time.Time
}

// Connection is what a vendor says to somebody who comes with a value. Known tells that it is or was a token's.
type Connection struct {
	Known  bool   `json:"known"`
	Active bool   `json:"active"`
	ID     string `json:"id"`
}

// Platform is one vendor of a simulator, in words that all vendors have in common.
type Platform struct {
	Vendor Vendor

	simulator *Simulator
}

// Platform gives one vendor of the simulator.
func (s *Simulator) Platform(vendor Vendor) Platform { return Platform{Vendor: vendor, simulator: s} }

// TokensOf are those whose names have the operator's marker behind a base name.
func (p Platform) TokensOf(ctx context.Context, base string) ([]Token, error) {
	all, err := p.Tokens(ctx)
	return slices.DeleteFunc(all, func(t Token) bool { return !strings.HasPrefix(t.Name, base+"-gwt-") }), err
}

// HaveTokens holds when the operator has made that many tokens of a base name, and so many of them are active.
func (p Platform) HaveTokens(base string, made, active int) func(context.Context) error {
	return func(ctx context.Context) error {
		found, err := p.TokensOf(ctx, base)
		if err != nil {
			return err
		}
		return CountTokens(found, base+"-…", made, active)
	}
}

// CountTokens is an error where there are not that many tokens, so many of them active.
func CountTokens(found []Token, which string, made, active int) error {
	living := slices.DeleteFunc(slices.Clone(found), func(t Token) bool { return !t.Active })
	if len(found) != made || len(living) != active {
		return fmt.Errorf("expected %d tokens %s at the vendor, %d of them active; found %d, %d active: %+v", made, which, active, len(found), len(living), found)
	}
	return nil
}

// Tokens are all tokens that the vendor ever made, but the credentials that it knew at first.
func (p Platform) Tokens(ctx context.Context) ([]Token, error) {
	switch p.Vendor {
	case Causely:
		return tokens(ctx, p, ofCausely)
	case RackGateway:
		return tokens(ctx, p, ofRackGateway)
	case Causeloop:
		return tokens(ctx, p, ofCauseloop)
	case PingOne:
		return tokens(ctx, p, ofPingOne)
	default:
		return nil, nil
	}
}

func tokens[Truth any](ctx context.Context, p Platform, read func(Truth) []Token) ([]Token, error) {
	var truth Truth
	err := p.call(ctx, http.MethodGet, "truth", nil, &truth)
	return read(truth), err
}

func ofCausely(truth causely.Truth) []Token {
	var found []Token
	for _, account := range truth.Accounts {
		for _, t := range account.Tokens {
			found = append(found, Token{
				ID: t.ID, Name: t.Name, Account: t.ProjectID, Active: t.State == causely.Active, Issued: true, CreatedAt: t.CreatedAt, EndedAt: t.RevokedAt,
			})
		}
	}
	return found
}

func ofRackGateway(truth rackgateway.Truth) []Token {
	var found []Token
	for _, account := range truth.Accounts {
		for _, t := range account.Tokens {
			found = append(found, Token{
				ID: t.ID, Name: t.Name, Rights: t.Permissions, Active: t.State == rackgateway.Active, Issued: true,
				CreatedAt: t.CreatedAt, EndedAt: t.DeletedAt, ExpiresAt: t.ExpiresAt,
			})
		}
	}
	return found
}

func ofCauseloop(truth causeloop.Truth) []Token {
	var found []Token
	for _, account := range truth.Accounts {
		for _, t := range account.Tokens {
			found = append(found, Token{
				ID: t.ID, Name: t.Name, Account: account.WorkspaceID, Rights: t.Scopes, Active: t.State == causeloop.Active, Issued: true,
				CreatedAt: t.CreatedAt, EndedAt: t.RevokedAt, ExpiresAt: t.ExpiresAt,
			})
		}
	}
	for _, account := range truth.ServiceAccounts {
		found = append(found, Token{
			ID: account.ID, Name: account.Name, Account: account.WorkspaceID, Rights: account.Scopes,
			Active: account.State == causeloop.Active, Issued: len(account.Tokens) > 0, CreatedAt: account.CreatedAt, EndedAt: account.DeletedAt,
		})
	}
	return found
}

func ofPingOne(truth pingone.Truth) []Token {
	var found []Token
	for _, environment := range truth.Environments {
		for _, gateway := range environment.Gateways {
			for _, t := range gateway.Credentials {
				found = append(found, Token{
					ID: t.ID, Account: environment.ID, Place: gateway.ID, Maker: t.CreatedBy, Active: t.State == pingone.Active, Issued: true,
					CreatedAt: t.CreatedAt, EndedAt: t.DeletedAt,
				})
			}
		}
	}
	return found
}

// Creates is how often the vendor was asked for a token, in vain or not.
func (p Platform) Creates(ctx context.Context) (int, error) {
	calls, err := p.calls(ctx)
	var creates int
	for _, route := range p.Vendor.mints() {
		creates += calls[route]
	}
	return creates, err
}

// Calls is how often the vendor was called in all.
func (p Platform) Calls(ctx context.Context) (int, error) {
	calls, err := p.calls(ctx)
	var all int
	for _, count := range calls {
		all += count
	}
	return all, err
}

func (p Platform) calls(ctx context.Context) (map[string]int, error) {
	var truth struct {
		Calls map[string]int `json:"calls"`
	}
	err := p.call(ctx, http.MethodGet, "truth", nil, &truth)
	return truth.Calls, err
}

// Check says what the vendor says to somebody who comes with the value.
func (p Platform) Check(ctx context.Context, value string) (Connection, error) {
	var connection Connection
	err := p.call(ctx, http.MethodPost, "check", map[string]string{"value": value}, &connection)
	if err != nil || p.Vendor != Causeloop {
		return connection, err
	}
	// A token of a service account goes by the account's ID.
	owners, err := p.Owners(ctx)
	if owner, ok := owners[connection.ID]; ok {
		connection.ID = owner
	}
	return connection, err
}

// Connect lets somebody use the value, as far as the vendor sees that. The ID is that of the token itself, which Owners leads from to
// what goes for it elsewhere.
func (p Platform) Connect(ctx context.Context, value string) (Connection, error) {
	path := "connect"
	if p.Vendor == Causely {
		path = "check" // it does not see use
	}
	var connection Connection
	err := p.call(ctx, http.MethodPost, path, map[string]string{"value": value}, &connection)
	return connection, err
}

// Owners are the service accounts of tokens that go by the account's ID, by the token's own: at Causeloop, and nowhere else.
func (p Platform) Owners(ctx context.Context) (map[string]string, error) {
	if p.Vendor != Causeloop {
		return nil, nil
	}
	var truth causeloop.Truth
	err := p.call(ctx, http.MethodGet, "truth", nil, &truth)
	owners := map[string]string{}
	for _, account := range truth.ServiceAccounts {
		for _, t := range account.Tokens {
			owners[t.ID] = account.ID
		}
	}
	return owners, err
}

// Create makes a token as a person does in the vendor's console, in the first account; at Causeloop also a service account of the
// name, without a token, and at PingOne without the name.
func (p Platform) Create(ctx context.Context, name string) error {
	switch p.Vendor {
	case Causely:
		return p.simulator.Create(ctx, causely.DemoClientID, name)
	case RackGateway:
		return p.call(ctx, http.MethodPost, "tokens", map[string]string{"email": rackgateway.DemoEmail, "name": name}, nil)
	case Causeloop:
		return errors.Join(
			p.call(ctx, http.MethodPost, "tokens", map[string]string{"member": causeloop.DemoName, "name": name}, nil),
			p.call(ctx, http.MethodPost, "service-accounts", map[string]string{"workspaceID": causeloop.DemoWorkspaceID, "name": name}, nil))
	case PingOne:
		_, err := Gateway{Platform: p, ID: pingone.DemoGatewayID}.Create(ctx)
		return err
	default:
		return nil
	}
}

// Revoke ends a token as a person does in the vendor's console; at Causeloop also a service account.
func (p Platform) Revoke(ctx context.Context, id string) error {
	if p.Vendor == PingOne {
		return p.call(ctx, http.MethodPost, "credentials/"+id+"/revoke", nil, nil)
	}
	if p.Vendor == Causeloop {
		var truth causeloop.Truth
		if err := p.call(ctx, http.MethodGet, "truth", nil, &truth); err != nil {
			return err
		}
		if slices.ContainsFunc(truth.ServiceAccounts, func(a causeloop.ServiceAccountTruth) bool { return a.ID == id }) {
			return p.call(ctx, http.MethodDelete, "service-accounts/"+id, nil, nil)
		}
	}
	return p.call(ctx, http.MethodPost, "tokens/"+id+"/revoke", nil, nil)
}

// Secrets are the secrets of credentials, the values of tokens and the bearers that the vendor ever gave out.
func (p Platform) Secrets(ctx context.Context) ([]string, error) {
	var told struct {
		Secrets []string `json:"secrets"`
	}
	err := p.call(ctx, http.MethodGet, "secrets", nil, &told)
	return told.Secrets, err
}

// Admin adds something by the vendor's part of the admin API: in is the body that the path takes.
func (p Platform) Admin(ctx context.Context, path string, in any) error {
	return p.call(ctx, http.MethodPost, path, in, nil)
}

// Switch changes switches of the vendor.
func (p Platform) Switch(ctx context.Context, switches any) error {
	return p.call(ctx, http.MethodPut, "switches", switches, nil)
}

// call makes a call of the vendor's part of the admin API.
func (p Platform) call(ctx context.Context, method, path string, in, out any) error {
	return p.simulator.call(ctx, method, "/sim/"+string(p.Vendor)+"/"+path, in, out)
}
