package rackgateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/pacing"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

// apiPath is where the API is below the gateway's root.
const apiPath = "/api/v1"

// ErrCredentials: the credential cannot be right.
var ErrCredentials = errors.New("API token does not begin with rgw_, or has white space or non-ASCII characters in it")

// Options of a Client.
type Options struct {
	// URL is the gateway's root, as its own command line takes it. One that ends in /api/v1 is taken as well.
	URL string
	// Host is the name that the gateway has where URL reaches it under another; as in URL when empty.
	Host string
	// APIToken is a token of the gateway that may manage tokens.
	APIToken token.Value
	// RequestsPerSecond is pacing.DefaultPerSecond when 0.
	RequestsPerSecond float64
	// HTTP says how to connect. Its BaseURL, Host and Limiter are set here; its Clock is required.
	HTTP rest.Options
	// Pacing is shared by all clients; none when nil.
	Pacing *pacing.Limiter
}

// Client is one gateway, reached with one API token.
type Client struct {
	api *rest.Client
	// prefix is the path of the API below the URL, by segments.
	prefix   []string
	apiToken token.Value
}

var (
	_ vendors.Vendor     = (*Client)(nil)
	_ vendors.Finder     = (*Client)(nil)
	_ vendors.Updater    = (*Client)(nil)
	_ vendors.Cataloguer = (*Client)(nil)
)

// New makes a Client. It makes no call. Its error is ErrCredentials or one of rest.New's, with the name of the field.
func New(options Options) (*Client, error) {
	if !wellFormed(options.APIToken) {
		return nil, ErrCredentials
	}
	connection := options.HTTP
	connection.BaseURL, connection.Host = options.URL, options.Host
	prefix := strings.Split(strings.TrimPrefix(apiPath, "/"), "/")
	// What cannot be parsed has no host, and is refused by rest.New.
	if target, err := url.Parse(options.URL); err == nil {
		if strings.HasSuffix(strings.TrimRight(target.EscapedPath(), "/"), apiPath) {
			prefix = nil
		}
		if options.Pacing != nil {
			credential := pacing.Fingerprint(options.APIToken)
			connection.Limiter = options.Pacing.Gate(target.Host, credential, options.RequestsPerSecond)
		}
	}
	api, err := rest.New(connection)
	switch {
	case errors.Is(err, rest.ErrHost):
		return nil, fmt.Errorf("host: %w", err)
	case err != nil:
		return nil, fmt.Errorf("url: %w", err)
	}
	return &Client{api: api, prefix: prefix, apiToken: options.APIToken}, nil
}

// Capabilities implements vendors.Vendor. The document says that a token lives until it is deleted, and not when that takes
// effect: a revocation is seen, not believed.
func (*Client) Capabilities() token.Capabilities {
	return token.Capabilities{
		Named: true, UniqueNames: true, Listable: true, GetByID: true, ShowsLastUse: true, UpdateInPlace: true,
		MaxNameLength: token.DefaultMaxNameLength,
	}
}

// List implements vendors.Vendor. The list has the tokens of all users of the gateway.
func (c *Client) List(ctx context.Context, yield func(token.Token) error) (vendors.Listing, error) {
	answer, err := rest.RowsOrNull(ctx, c.api, c.call("list tokens", http.MethodGet), func(read row) error {
		listed, ok := read.token()
		if !ok {
			return errRow
		}
		return yield(listed)
	})
	return vendors.Listing{VendorTime: answer.VendorTime}, unexpectedRow(err)
}

// errRow: a row is not what the vendor sends.
var errRow = errors.New("a row has another shape")

func unexpectedRow(err error) error {
	if !errors.Is(err, errRow) {
		return err
	}
	failure := *token.AsFailure(err)
	failure.Cause = token.CauseUnexpected
	return &failure
}

// Create implements vendors.Vendor. The token belongs to the user whom the API token belongs to. A name that is taken is a
// Conflict where the gateway says so in the words that it has for it, and otherwise Invalid. Tokens do not expire, so that a
// request for one that does is Invalid.
func (c *Client) Create(ctx context.Context, request vendors.Request) (token.Issued, error) {
	const operation = "create token"
	if !storableName(request.Name) || !storable(request.Rights) || !request.ExpiresAt.IsZero() {
		return token.Issued{}, neverSent(operation)
	}
	body, err := json.Marshal(newCreateRequest(request))
	if err != nil {
		return token.Issued{}, neverSent(operation)
	}
	call := c.call(operation, http.MethodPost)
	call.Body, call.Creates, call.Refusal = body, true, refusedCreate
	created, _, err := rest.Object[createAnswer](ctx, c.api, call)
	if err != nil {
		return token.Issued{}, err
	}
	return created.issued(operation, request.Name)
}

// Revoke implements vendors.Vendor.
func (c *Client) Revoke(ctx context.Context, id token.ID) error {
	const operation = "revoke token"
	if !wellFormedID(string(id)) {
		return neverSent(operation)
	}
	call := c.call(operation, http.MethodDelete, string(id))
	call.Want, call.Refusal = http.StatusNoContent, refusedForOne
	_, _, err := rest.Object[struct{}](ctx, c.api, call)
	return err
}

// Find implements vendors.Finder. What the gateway says of an unknown token it says of a token of another gateway, too.
func (c *Client) Find(ctx context.Context, id token.ID) (token.Token, error) {
	const operation = "find token"
	if !wellFormedID(string(id)) {
		return token.Token{}, neverSent(operation)
	}
	call := c.call(operation, http.MethodGet, string(id))
	call.Refusal = refusedForOne
	read, _, err := rest.Object[*row](ctx, c.api, call)
	switch {
	case err != nil:
		return token.Token{}, err
	case read == nil:
		return token.Token{}, &token.Failure{Operation: operation, Class: token.NotFound, Status: http.StatusOK}
	}
	found, ok := read.token()
	if !ok || found.ID != id {
		return token.Token{}, unexpected(operation)
	}
	return found, nil
}

// Update implements vendors.Updater. It is done if the answer shows exactly these rights.
func (c *Client) Update(ctx context.Context, id token.ID, rights []string) error {
	const operation = "update token"
	// No rights would be left out of the request, and the gateway would leave what there is.
	if !wellFormedID(string(id)) || len(rights) == 0 || !storable(rights) {
		return neverSent(operation)
	}
	body, err := json.Marshal(updateRequest{Permissions: rights})
	if err != nil {
		return neverSent(operation)
	}
	call := c.call(operation, http.MethodPut, string(id))
	call.Body, call.Refusal = body, refusedForOne
	changed, _, err := rest.Object[row](ctx, c.api, call)
	if err != nil {
		return err
	}
	shown, ok := changed.token()
	if !ok || shown.ID != id || !slices.Equal(shown.Rights, inOrder(rights)) {
		return unexpected(operation)
	}
	return nil
}

// Catalogue implements vendors.Cataloguer. The gateway takes other permissions, too, such as ones with wildcards: what is not in
// the catalogue is not known to be wrong.
func (c *Client) Catalogue(ctx context.Context) (vendors.Catalogue, error) {
	const operation = "list permissions"
	read, _, err := rest.Object[catalogueAnswer](ctx, c.api, c.call(operation, http.MethodGet, "permissions"))
	if err != nil {
		return vendors.Catalogue{}, err
	}
	catalogue, ok := read.catalogue()
	if !ok {
		return vendors.Catalogue{}, unexpected(operation)
	}
	return catalogue, nil
}

// call is what most calls have in common; below are the segments behind the path of the tokens.
func (c *Client) call(operation, method string, below ...string) rest.Call {
	return rest.Call{
		Operation: operation, Method: method, Path: slices.Concat(c.prefix, []string{"api-tokens"}, below),
		Bearer: c.apiToken, Want: http.StatusOK,
	}
}

// neverSent refuses what the gateway would refuse, at worst with a 500, which leaves a doubt.
func neverSent(operation string) error {
	return &token.Failure{Operation: operation, Class: token.Invalid, Cause: token.CauseUnexpected}
}

// unexpected is an answer that says something else than what it was asked for.
func unexpected(operation string) error {
	return &token.Failure{Operation: operation, Class: token.Unavailable, Cause: token.CauseUnexpected, Status: http.StatusOK}
}
