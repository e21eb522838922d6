package causeloop

import (
	"context"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

// description tells people what a service account is for.
const description = "Made by gateway-token-operator for one token. Its name says whose it is: do not change it."

// dedicated is the pool of service accounts that have one token each. The account stands for the token: its ID is the
// token's, and its deletion ends the token. What a list shows is the account, so that scopes and expiry of the token are not
// in it: an account's scopes can be changed, and its token keeps those that it was issued with.
type dedicated struct{ pool }

var (
	_ vendors.Vendor     = (*dedicated)(nil)
	_ vendors.Cataloguer = (*dedicated)(nil)
)

// Capabilities implements vendors.Vendor.
func (*dedicated) Capabilities() token.Capabilities {
	return token.Capabilities{Named: true, UniqueNames: true, Listable: true, RevokeConfirms: true, MaxNameLength: maxNameLength}
}

// List implements vendors.Vendor.
func (d *dedicated) List(ctx context.Context, yield func(token.Token) error) (vendors.Listing, error) {
	return d.client.tokens(ctx, "list service accounts", serviceAccounts, func(account token.Token) error {
		return yield(accountOnly(account))
	})
}

// accountOnly leaves out of a service account the scopes, which would pass for its token's.
func accountOnly(account token.Token) token.Token {
	account.Rights = nil
	return account
}

// Create implements vendors.Vendor. Once there is an account, nothing but its deletion ends what may come of it, so that any
// failure from then on is ambiguous and names it.
func (d *dedicated) Create(ctx context.Context, request vendors.Request) (token.Issued, error) {
	const operation = "create service account"
	if len(request.Rights) == 0 {
		return token.Issued{}, refused(operation)
	}
	if err := d.turn(ctx, operation); err != nil {
		return token.Issued{}, err
	}
	body := accountRequest{Name: request.Name, Description: description, Scopes: request.Rights}
	call, err := d.client.creation(operation, body, serviceAccounts)
	if err != nil {
		return token.Issued{}, err
	}
	read, answer, err := rest.Object[row](ctx, d.client.api, call)
	if err != nil {
		return token.Issued{}, err
	}
	account, err := made{operation, answer.Status}.named(read, request.Name)
	if err != nil {
		return token.Issued{}, err
	}
	issued, err := d.issue(ctx, account, request.Name)
	if err != nil {
		return token.Issued{}, stray(err, account.ID)
	}
	return issued, nil
}

// turn takes the turn of the second call before the first is made: an account that has to wait for its token is in the way.
func (d *dedicated) turn(ctx context.Context, operation string) error {
	if d.client.gate == nil {
		return nil
	}
	comeBack, err := d.client.gate.Book(ctx)
	switch {
	case err != nil:
		return &token.Failure{Operation: operation, Class: token.Unavailable, Cause: token.CauseTimeout, Err: err}
	case comeBack > 0:
		return &token.Failure{Operation: operation, Class: token.RateLimited, Cause: token.CausePaced, RetryAfter: comeBack}
	}
	return nil
}

// issue makes the token of an account. Its own ID and name do not matter.
func (d *dedicated) issue(ctx context.Context, account token.Token, name string) (token.Issued, error) {
	const operation = "issue token of service account"
	call, err := d.client.creation(operation, issueRequest{Name: name}, serviceAccounts, string(account.ID), "tokens")
	if err != nil {
		return token.Issued{}, err
	}
	read, answer, err := rest.Object[rowWithValue](ctx, d.client.following, call)
	if err != nil {
		return token.Issued{}, err
	}
	answered := made{operation, answer.Status}
	if read.RevokedAt != "" {
		return token.Issued{}, answered.failure(token.Ambiguous, token.CauseUnexpected, account.ID)
	}
	issued := accountOnly(account)
	issued.ExpiresAt = instant(read.ExpiresAt)
	return answered.issued(issued, read)
}

// stray says of a failure that there is an account all the same.
func stray(err error, account token.ID) error {
	failure := *token.AsFailure(err)
	failure.Class, failure.Stray = token.Ambiguous, account
	return &failure
}

// Revoke implements vendors.Vendor: the account goes, and its tokens with it.
func (d *dedicated) Revoke(ctx context.Context, id token.ID) error {
	return d.client.end(ctx, "delete service account", serviceAccounts, string(id))
}
