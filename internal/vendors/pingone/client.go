package pingone

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/login"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/pacing"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

var (
	// ErrCredentials: the credentials cannot be right.
	ErrCredentials = errors.New("client ID or client secret is empty or has white space or non-ASCII characters in it")
	// ErrAuthMethod: the worker application cannot be set to that.
	ErrAuthMethod = errors.New("not a method of token endpoint authentication: client_secret_basic or client_secret_post")
)

// Options of a Client.
type Options struct {
	// URL is where the API is, version included; AuthURL is the token endpoint. Endpoints gives those of PingOne's regions.
	URL, AuthURL string
	// ClientID and ClientSecret are those of a worker application.
	ClientID, ClientSecret token.Value
	// AuthMethod is ClientSecretBasic when empty.
	AuthMethod AuthMethod
	// RequestsPerSecond is pacing.DefaultPerSecond when 0.
	RequestsPerSecond float64
	// HTTP says how to connect. Its BaseURL and Limiter are set here; its Clock is required.
	HTTP rest.Options
	// Logins is required, and shared by all clients.
	Logins *login.Cache
	// Pacing is shared by all clients; none when nil.
	Pacing *pacing.Limiter
}

// Client is what a worker application can reach. Credentials are in pools: gateways, named "<environment ID>/<gateway ID>".
type Client struct {
	api, auth *rest.Client
	base      *url.URL
	session   *login.Session
	method    AuthMethod
	// clientID and clientSecret are needed again for every login.
	clientID, clientSecret token.Value
}

var (
	_ vendors.Vendor = (*Client)(nil)
	_ vendors.Pooled = (*Client)(nil)
)

// New makes a Client. It makes no call. Its error is ErrCredentials, ErrAuthMethod or one of rest.New's, with the name of the URL
// field.
func New(options Options) (*Client, error) {
	if !options.ClientID.Usable() || !options.ClientSecret.Usable() {
		return nil, ErrCredentials
	}
	switch options.AuthMethod {
	case "":
		options.AuthMethod = ClientSecretBasic
	case ClientSecretBasic, ClientSecretPost:
	default:
		return nil, ErrAuthMethod
	}
	api, base, err := connect(options, options.URL)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	auth, _, err := connect(options, options.AuthURL)
	if err != nil {
		return nil, fmt.Errorf("authURL: %w", err)
	}
	client := &Client{
		api: api, auth: auth, base: base, method: options.AuthMethod,
		clientID: options.ClientID, clientSecret: options.ClientSecret,
	}
	client.session = options.Logins.Session(options.AuthURL, options.fingerprint(), client.login)
	return client, nil
}

func (o Options) fingerprint() pacing.Credential {
	return pacing.Fingerprint(o.ClientID, o.ClientSecret)
}

func connect(options Options, address string) (*rest.Client, *url.URL, error) {
	http := options.HTTP
	http.BaseURL = address
	base, err := url.Parse(address)
	if err != nil {
		return nil, nil, rest.ErrURL // the parser's own error quotes what it was given
	}
	if options.Pacing != nil {
		http.Limiter = options.Pacing.Gate(base.Host, options.fingerprint(), options.RequestsPerSecond)
	}
	client, err := rest.New(http)
	return client, base, err
}

// Check implements vendors.Pooled. It logs in anew, whatever bearer there is: no other call is one that every worker application
// may make.
func (c *Client) Check(ctx context.Context) error { return c.session.Renew(ctx, "check credentials") }

// Holds implements vendors.Pooled: all pools have lists.
func (*Client) Holds(context.Context, string) (bool, error) { return true, nil }

// Pool implements vendors.Pooled. The error is ErrPool.
func (c *Client) Pool(name string) (vendors.Vendor, error) {
	environment, gateway, err := splitPool(name)
	if err != nil {
		return nil, err
	}
	return &pool{client: c, environment: environment, gateway: gateway}, nil
}

// Capabilities implements vendors.Vendor: nothing can be done outside a pool.
func (*Client) Capabilities() token.Capabilities { return token.Capabilities{} }

// List implements vendors.Vendor: credentials are in pools.
func (*Client) List(context.Context, func(token.Token) error) (vendors.Listing, error) {
	return vendors.Listing{}, invalid("list tokens")
}

// Create implements vendors.Vendor: credentials are in pools.
func (*Client) Create(context.Context, vendors.Request) (token.Issued, error) {
	return token.Issued{}, invalid("create token")
}

// Revoke implements vendors.Vendor: credentials are in pools.
func (*Client) Revoke(context.Context, token.ID) error { return invalid("revoke token") }

// invalid is the failure of a call that is not made: it could not mean anything.
func invalid(operation string) error {
	return &token.Failure{Operation: operation, Class: token.Invalid, Cause: token.CauseUnexpected}
}
