package causeloop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/pacing"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

const (
	// DefaultURL is where Causeloop's API is.
	DefaultURL = "https://api.causeloop.ai"
	// maxNameLength is ours: Causeloop documents none.
	maxNameLength = 64
)

// The pools. That of an existing service account is Existing and the ID of the account.
const (
	Personal  = "personal"
	Dedicated = "dedicated"
	Existing  = "existing/"
)

var (
	// ErrCredentials: the credentials cannot be right.
	ErrCredentials = errors.New("the API token is empty or has white space or non-ASCII characters in it")
	// ErrPool: there is no such pool.
	ErrPool = errors.New("a pool is personal, dedicated, or existing/ and the ID of a service account")
	// ErrServiceAccount: what is to be the ID of a service account cannot be one.
	ErrServiceAccount = errors.New(
		"the ID of the service account is empty, too long, or has other characters in it than letters, digits, dots, dashes and underscores")
)

// Options of a Client.
type Options struct {
	// URL is DefaultURL when empty.
	URL string
	// Token is the credential: a personal API token, or a token of a service account.
	Token token.Value
	// RequestsPerSecond is pacing.DefaultPerSecond when 0.
	RequestsPerSecond float64
	// HTTP says how to connect. Its BaseURL and Limiter are set here; its Clock is required.
	HTTP rest.Options
	// Pacing is shared by all clients; none when nil.
	Pacing *pacing.Limiter
}

// Client is one Causeloop workspace, reached with one token.
type Client struct {
	api *rest.Client
	// following is api for the second call of two whose turns were taken at once.
	following *rest.Client
	// gate is nil where nothing is paced.
	gate   *pacing.Gate
	bearer token.Value
	clock  func() time.Time
}

var (
	_ vendors.Vendor     = (*Client)(nil)
	_ vendors.Pooled     = (*Client)(nil)
	_ vendors.Cataloguer = (*Client)(nil)
)

// New makes a Client. It makes no call. Its error is ErrCredentials or one of rest.New's, with the name of the URL field.
func New(options Options) (*Client, error) {
	if !options.Token.Usable() {
		return nil, ErrCredentials
	}
	if options.URL == "" {
		options.URL = DefaultURL
	}
	client := &Client{bearer: options.Token, clock: options.HTTP.Clock}
	http := options.HTTP
	http.BaseURL = options.URL
	// What cannot be parsed has no host, and is refused by rest.New.
	if target, err := url.Parse(options.URL); err == nil && options.Pacing != nil {
		client.gate = options.Pacing.Gate(target.Host, pacing.Fingerprint(options.Token), options.RequestsPerSecond)
		http.Limiter = client.gate
	}
	var err error
	if client.api, err = rest.New(http); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	if client.gate != nil {
		http.Limiter = admitted{client.gate}
	}
	if client.following, err = rest.New(http); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	return client, nil
}

// admitted lets calls pass whose turns were taken before.
type admitted struct{ *pacing.Gate }

// Admit implements rest.Limiter.
func (a admitted) Admit(context.Context, bool) (time.Duration, error) {
	a.Enter()
	return 0, nil
}

// Check implements vendors.Pooled.
func (c *Client) Check(ctx context.Context) error {
	call := c.call("check credentials", http.MethodGet, apiTokens, "scopes")
	call.Want = http.StatusOK
	// What the scopes look like is the catalogue's business.
	_, _, err := rest.Object[json.RawMessage](ctx, c.api, call)
	return err
}

// Catalogue implements vendors.Cataloguer.
func (c *Client) Catalogue(ctx context.Context) (vendors.Catalogue, error) {
	rights := []string{}
	_, err := list(ctx, c, c.call("list scopes", http.MethodGet, apiTokens, "scopes"), func(read scope) error {
		if !plainRight(read.name) {
			return errRow
		}
		rights = append(rights, read.name)
		return nil
	})
	if err != nil {
		return vendors.Catalogue{}, err
	}
	slices.Sort(rights)
	return vendors.Catalogue{Rights: slices.Compact(rights)}, nil
}

// Holds implements vendors.Pooled: no call lists the tokens of a service account, but one lists the accounts.
func (c *Client) Holds(ctx context.Context, name string) (held bool, err error) {
	account, existing := strings.CutPrefix(name, Existing)
	if !existing {
		return true, nil
	}
	_, err = c.tokens(ctx, "list service accounts", serviceAccounts, func(listed token.Token) error {
		held = held || string(listed.ID) == account
		return nil
	})
	return held, err
}

// Pool implements vendors.Pooled. Its error is ErrPool or ErrServiceAccount.
func (c *Client) Pool(name string) (vendors.Vendor, error) {
	switch name {
	case Personal:
		return &personal{pool{c}}, nil
	case Dedicated:
		return &dedicated{pool{c}}, nil
	}
	account, ok := strings.CutPrefix(name, Existing)
	switch {
	case !ok:
		return nil, ErrPool
	case !plain(account):
		return nil, ErrServiceAccount
	}
	return &existing{pool: pool{c}, account: account}, nil
}

// pool is what all pools have.
type pool struct{ client *Client }

// Catalogue implements vendors.Cataloguer.
func (p pool) Catalogue(ctx context.Context) (vendors.Catalogue, error) {
	return p.client.Catalogue(ctx)
}

// Capabilities implements vendors.Vendor: nothing can be done outside a pool.
func (*Client) Capabilities() token.Capabilities { return token.Capabilities{} }

// List implements vendors.Vendor: tokens are in pools.
func (*Client) List(context.Context, func(token.Token) error) (vendors.Listing, error) {
	return vendors.Listing{}, refused("list tokens")
}

// Create implements vendors.Vendor: tokens are in pools.
func (*Client) Create(context.Context, vendors.Request) (token.Issued, error) {
	return token.Issued{}, refused("create token")
}

// Revoke implements vendors.Vendor: tokens are in pools.
func (*Client) Revoke(context.Context, token.ID) error { return refused("revoke token") }

// refused is a call that is not made, for it makes no sense.
func refused(operation string) error {
	return &token.Failure{Operation: operation, Class: token.Invalid, Cause: token.CauseUnexpected}
}

// The places below /v1.
const (
	apiTokens       = "api-tokens"
	serviceAccounts = "service-accounts"
)

func (c *Client) call(operation, method string, path ...string) rest.Call {
	return rest.Call{Operation: operation, Method: method, Path: append([]string{"v1"}, path...), Bearer: c.bearer}
}

// creation is a call that makes something.
func (c *Client) creation(operation string, body any, path ...string) (rest.Call, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return rest.Call{}, refused(operation)
	}
	call := c.call(operation, http.MethodPost, path...)
	call.Body, call.Creates = encoded, true
	call.Want, call.WantAlso = http.StatusCreated, http.StatusOK
	return call, nil
}

// end makes a call that ends the last thing of a path: a token, or a service account. NotFound is the vendor's own word.
func (c *Client) end(ctx context.Context, operation string, path ...string) error {
	id := path[len(path)-1]
	if !plain(id) {
		return refused(operation)
	}
	call := c.call(operation, http.MethodDelete, path...)
	call.Want, call.WantAlso, call.Refusal = http.StatusNoContent, http.StatusOK, refusal
	ended, answer, err := rest.Object[reference](ctx, c.api, call)
	if err == nil && ended.ID != "" && ended.ID != id {
		return &token.Failure{Operation: operation, Class: token.Unavailable, Cause: token.CauseUnexpected, Status: answer.Status}
	}
	return err
}
