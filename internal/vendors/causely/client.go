package causely

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/login"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/pacing"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

const (
	// DefaultURL is where Causely's API is.
	DefaultURL = "https://api.causely.app"
	// DefaultAuthURL is where client credentials are exchanged for a bearer.
	DefaultAuthURL = "https://auth.causely.app/frontegg/identity/resources/auth/v2/api-token"
	// maxNameLength is ours: Causely documents none.
	maxNameLength = 64
)

// ErrCredentials: the credentials cannot be right.
var ErrCredentials = errors.New("client ID or client secret is empty or has white space or non-ASCII characters in it")

// Options of a Client.
type Options struct {
	// URL and AuthURL are DefaultURL and DefaultAuthURL when empty.
	URL, AuthURL string
	// ClientID and ClientSecret are the client credentials.
	ClientID, ClientSecret token.Value
	// RequestsPerSecond is pacing.DefaultPerSecond when 0.
	RequestsPerSecond float64
	// HTTP says how to connect. Its BaseURL and Limiter are set here; its Clock is required.
	HTTP rest.Options
	// Logins is required, and shared by all clients.
	Logins *login.Cache
	// Pacing is shared by all clients; none when nil.
	Pacing *pacing.Limiter
}

// Client is one Causely project, reached with one set of client credentials.
type Client struct {
	api, auth *rest.Client
	session   *login.Session
	// clientID and clientSecret are needed again for every login.
	clientID, clientSecret token.Value
}

var (
	_ vendors.Vendor      = (*Client)(nil)
	_ vendors.ValueReader = (*Client)(nil)
)

// New makes a Client. It makes no call. Its error is ErrCredentials or one of rest.New's, with the name of the URL field.
func New(options Options) (*Client, error) {
	if !options.ClientID.Usable() || !options.ClientSecret.Usable() {
		return nil, ErrCredentials
	}
	if options.URL == "" {
		options.URL = DefaultURL
	}
	if options.AuthURL == "" {
		options.AuthURL = DefaultAuthURL
	}
	api, err := connect(options, options.URL)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	auth, err := connect(options, options.AuthURL)
	if err != nil {
		return nil, fmt.Errorf("authURL: %w", err)
	}
	client := &Client{api: api, auth: auth, clientID: options.ClientID, clientSecret: options.ClientSecret}
	client.session = options.Logins.Session(options.AuthURL, options.fingerprint(), client.login)
	return client, nil
}

func (o Options) fingerprint() pacing.Credential {
	return pacing.Fingerprint(o.ClientID, o.ClientSecret)
}

func connect(options Options, base string) (*rest.Client, error) {
	http := options.HTTP
	http.BaseURL = base
	// What cannot be parsed has no host, and is refused by rest.New.
	if target, err := url.Parse(base); err == nil && options.Pacing != nil {
		http.Limiter = options.Pacing.Gate(target.Host, options.fingerprint(), options.RequestsPerSecond)
	}
	return rest.New(http)
}

// Capabilities implements vendors.Vendor.
func (*Client) Capabilities() token.Capabilities {
	return token.Capabilities{
		Named: true, Listable: true, ValueReadable: true, KeepsRevoked: true, RevokeConfirms: true, MaxNameLength: maxNameLength,
	}
}

// List implements vendors.Vendor.
func (c *Client) List(ctx context.Context, yield func(token.Token) error) (vendors.Listing, error) {
	var answer rest.Answer
	err := c.session.Authorized(ctx, listCall("list tokens"), func(call rest.Call) (err error) {
		answer, err = rest.Rows(ctx, c.api, call, func(read row) error {
			listed, ok := read.token()
			if !ok {
				return errRow
			}
			return yield(listed)
		})
		return err
	})
	return vendors.Listing{VendorTime: answer.VendorTime}, unexpectedRow(err)
}

func listCall(operation string) rest.Call {
	return rest.Call{Operation: operation, Method: http.MethodGet, Path: []string{"api", "tokens"}, Want: http.StatusOK}
}

// errRow: a row is not what the vendor documents.
var errRow = errors.New("a row has another shape")

func unexpectedRow(err error) error {
	if !errors.Is(err, errRow) {
		return err
	}
	failure := *token.AsFailure(err)
	failure.Cause = token.CauseUnexpected
	return &failure
}

// Create implements vendors.Vendor.
func (c *Client) Create(ctx context.Context, request vendors.Request) (token.Issued, error) {
	const operation = "create token"
	body, err := json.Marshal(createRequest{Name: request.Name})
	if err != nil {
		return token.Issued{}, &token.Failure{Operation: operation, Class: token.Invalid, Cause: token.CauseUnexpected}
	}
	var created rowWithValue
	err = c.session.Authorized(ctx, rest.Call{
		Operation: operation, Method: http.MethodPost, Path: []string{"api", "tokens"}, Body: body,
		Want: http.StatusCreated, Creates: true,
	}, func(call rest.Call) (err error) {
		created, _, err = rest.Object[rowWithValue](ctx, c.api, call)
		return err
	})
	if err != nil {
		return token.Issued{}, err
	}
	return created.issued(operation, request.Name)
}

// Revoke implements vendors.Vendor.
func (c *Client) Revoke(ctx context.Context, id token.ID) error {
	const operation = "revoke token"
	if !plain(string(id)) {
		return &token.Failure{Operation: operation, Class: token.Invalid, Cause: token.CauseUnexpected}
	}
	var revoked row
	err := c.session.Authorized(ctx, rest.Call{
		Operation: operation, Method: http.MethodPost, Path: []string{"api", "tokens", string(id), "revoke"},
		Query: url.Values{"tokenId": {string(id)}}, Want: http.StatusOK,
	}, func(call rest.Call) (err error) {
		revoked, _, err = rest.Object[row](ctx, c.api, call)
		return err
	})
	if err != nil {
		return err
	}
	if revoked.ID != string(id) || revoked.State != string(token.Revoked) {
		return &token.Failure{
			Operation: operation, Class: token.Unavailable, Cause: token.CauseUnexpected, Status: http.StatusOK,
		}
	}
	return nil
}

// ReadValue implements vendors.ValueReader: there is no call for one token, so that it is taken out of the list.
func (c *Client) ReadValue(ctx context.Context, id token.ID) (token.Value, error) {
	const operation = "read token value"
	var found *rowWithValue
	err := c.session.Authorized(ctx, listCall(operation), func(call rest.Call) error {
		_, err := rest.Rows(ctx, c.api, call, func(read rowWithValue) error {
			if read.ID != string(id) {
				return nil
			}
			found = &read
			return errFound
		})
		return err
	})
	switch {
	case err != nil && !errors.Is(err, errFound):
		return token.Value{}, err
	case found == nil || found.State == string(token.Revoked):
		return token.Value{}, &token.Failure{Operation: operation, Class: token.NotFound, Status: http.StatusOK}
	case !found.value().Usable():
		return token.Value{}, &token.Failure{
			Operation: operation, Class: token.Forbidden, Cause: token.CauseEmptyValue, Status: http.StatusOK,
		}
	}
	return found.value(), nil
}

// errFound ends a list early.
var errFound = errors.New("found")
