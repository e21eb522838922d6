package pingone

import (
	"context"
	"net/http"
	"net/url"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

// slots is how many credentials a gateway has at most.
const slots = 5

// pool is one gateway with its credentials.
type pool struct {
	client               *Client
	environment, gateway string
}

var (
	_ vendors.Vendor = (*pool)(nil)
	_ vendors.Finder = (*pool)(nil)
)

// Capabilities implements vendors.Vendor. RevokeConfirms is not among them: no document describes the answer of a deletion.
func (*pool) Capabilities() token.Capabilities {
	return token.Capabilities{Listable: true, GetByID: true, ShowsLastUse: true, Slots: slots}
}

// credentials are the segments of the path to the gateway's credentials, and to what is below them.
func (p *pool) credentials(below ...string) []string {
	return append([]string{"environments", p.environment, "gateways", p.gateway, "credentials"}, below...)
}

// get makes a call that changes nothing, and whose answer is one object.
func get[T any](ctx context.Context, p *pool, operation string, path []string, query url.Values) (object T, answer rest.Answer, err error) {
	call := rest.Call{Operation: operation, Method: http.MethodGet, Path: path, Query: query, Want: http.StatusOK}
	err = p.client.session.Authorized(ctx, call, func(call rest.Call) (err error) {
		object, answer, err = rest.Object[T](ctx, p.client.api, call)
		return err
	})
	return object, answer, err
}

// unexpected is the failure of a call that was answered with success, but not as it should be.
func unexpected(operation string) error {
	return &token.Failure{Operation: operation, Class: token.Unavailable, Cause: token.CauseUnexpected, Status: http.StatusOK}
}

// List implements vendors.Vendor.
func (p *pool) List(ctx context.Context, yield func(token.Token) error) (vendors.Listing, error) {
	const operation = "list tokens"
	var listing vendors.Listing
	turn, shown := p.firstPage(), 0
	for {
		read, answer, err := get[page](ctx, p, operation, p.credentials(), turn.query)
		if listing.VendorTime.IsZero() {
			listing.VendorTime = answer.VendorTime
		}
		if err != nil {
			return listing, p.missing(ctx, operation, err)
		}
		if err := p.yieldAll(operation, read, yield); err != nil {
			return listing, err
		}
		shown += len(read.Embedded.Credentials)
		if read.Links.Next == nil {
			return listing, read.complete(operation, shown)
		}
		if err := turn.to(operation, read.Links.Next.Href); err != nil {
			return listing, err
		}
	}
}

// yieldAll gives the rows of a page to the caller, whose error ends the list.
func (p *pool) yieldAll(operation string, read page, yield func(token.Token) error) error {
	rows, ok := read.rows()
	if !ok {
		return unexpected(operation)
	}
	for _, row := range rows {
		listed, ok := row.token(p.environment)
		if !ok {
			return unexpected(operation)
		}
		if err := yield(listed); err != nil {
			return &token.Failure{Operation: operation, Class: token.Unavailable, Cause: token.CauseBroken, Status: http.StatusOK, Err: err}
		}
	}
	return nil
}

// Create implements vendors.Vendor. Nothing of the request can be said to PingOne: a name is left out, and rights or an expiry that
// the credential would not have are refused.
func (p *pool) Create(ctx context.Context, request vendors.Request) (token.Issued, error) {
	const operation = "create token"
	if request.Role != "" || len(request.Rights) > 0 || !request.ExpiresAt.IsZero() {
		return token.Issued{}, invalid(operation)
	}
	var answered created
	err := p.client.session.Authorized(ctx, rest.Call{
		// A content type and nothing of it, as documented.
		Operation: operation, Method: http.MethodPost, Path: p.credentials(), ContentType: "application/json",
		Want: http.StatusCreated, Creates: true, Refusal: refused,
	}, func(call rest.Call) (err error) {
		answered, _, err = rest.Object[created](ctx, p.client.api, call)
		return err
	})
	switch {
	case err == nil:
		return answered.issued(operation, p.environment, p.gateway)
	case mayBeQuota(token.ClassOf(err)):
		return token.Issued{}, p.full(ctx, err)
	default:
		return token.Issued{}, p.missing(ctx, operation, err)
	}
}

// full looks closer at a refused create: nobody wrote down how PingOne refuses a credential too many, and a create has nothing in
// it that could be refused for any other reason than that and missing rights. So a refusal by a gateway that has all the
// credentials that it may have is one of quota, whatever it says. A list that cannot be had leaves it as it was.
func (p *pool) full(ctx context.Context, err error) error {
	failure := token.AsFailure(err)
	if failure.Cause != token.CauseStatus {
		return err // a login that was refused
	}
	count := 0
	if _, listErr := p.List(ctx, func(token.Token) error { count++; return nil }); listErr != nil || count < slots {
		return err
	}
	verdict := *failure
	verdict.Class = token.Quota
	return &verdict
}

// Find implements vendors.Finder.
func (p *pool) Find(ctx context.Context, id token.ID) (token.Token, error) {
	const operation = "find token"
	if !isUUID(string(id)) {
		return token.Token{}, invalid(operation)
	}
	read, _, err := get[row](ctx, p, operation, p.credentials(string(id)), nil)
	if err != nil {
		return token.Token{}, p.missing(ctx, operation, err)
	}
	found, ok := read.token(p.environment)
	if !ok || found.ID != id {
		return token.Token{}, unexpected(operation)
	}
	return found, nil
}

// Revoke implements vendors.Vendor.
func (p *pool) Revoke(ctx context.Context, id token.ID) error {
	const operation = "revoke token"
	if !isUUID(string(id)) {
		return invalid(operation)
	}
	err := p.client.session.Authorized(ctx, rest.Call{
		Operation: operation, Method: http.MethodDelete, Path: p.credentials(string(id)),
		Want: http.StatusNoContent, WantAlso: http.StatusOK,
	}, func(call rest.Call) error {
		_, _, err := rest.Object[struct{}](ctx, p.client.api, call)
		return err
	})
	return p.missing(ctx, operation, err)
}

// missing looks closer at a 404, which says that something on the path does not exist, and not what: the credential, its
// gateway, the environment, or the whole API where the URL leads elsewhere. NotFound stays only if the gateway answers, which
// makes it the credential, and becomes CauseGone if the gateway does not exist in an environment that answers. All else is no
// proof of anything.
func (p *pool) missing(ctx context.Context, operation string, err error) error {
	failure := token.AsFailure(err)
	if err == nil || failure.Class != token.NotFound || failure.Cause != token.CauseStatus {
		return err
	}
	there, looked := p.exists(ctx, operation, p.gateway, "environments", p.environment, "gateways", p.gateway)
	if looked != nil {
		return looked
	}
	if there {
		return err
	}
	there, looked = p.exists(ctx, operation, p.environment, "environments", p.environment)
	if looked != nil {
		return looked
	}
	verdict := *failure
	if there {
		verdict.Cause = token.CauseGone
	} else {
		// The wrong region, the wrong ID, or an environment that somebody deleted: these credentials do not see it.
		verdict.Class = token.Forbidden
	}
	return &verdict
}

// exists tells whether what is at the path answers with its own ID, or with 404.
func (p *pool) exists(ctx context.Context, operation, id string, path ...string) (bool, error) {
	read, _, err := get[identified](ctx, p, operation+", looking for what is missing", path, nil)
	if err != nil && token.ClassOf(err) == token.NotFound {
		return false, nil
	}
	if err == nil && read.ID != id {
		err = unexpected(operation)
	}
	return err == nil, err
}
