package causeloop

import (
	"context"
	"net/http"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

// personal is the pool of the personal API tokens of one person.
type personal struct{ pool }

var (
	_ vendors.Vendor     = (*personal)(nil)
	_ vendors.Roller     = (*personal)(nil)
	_ vendors.Cataloguer = (*personal)(nil)
)

// Capabilities implements vendors.Vendor.
func (*personal) Capabilities() token.Capabilities {
	return token.Capabilities{
		Named: true, UniqueNames: true, Listable: true, Roll: true, Expires: true, RevokeConfirms: true, MaxNameLength: maxNameLength,
	}
}

// List implements vendors.Vendor.
func (p *personal) List(ctx context.Context, yield func(token.Token) error) (vendors.Listing, error) {
	return p.client.tokens(ctx, "list tokens", apiTokens, yield)
}

// Create implements vendors.Vendor.
func (p *personal) Create(ctx context.Context, request vendors.Request) (token.Issued, error) {
	const operation = "create token"
	if len(request.Rights) == 0 {
		return token.Issued{}, refused(operation)
	}
	body := tokenRequest{Name: request.Name, Scopes: request.Rights}
	if !request.ExpiresAt.IsZero() {
		body.ExpiresAt = request.ExpiresAt.UTC().Format(time.RFC3339)
	}
	call, err := p.client.creation(operation, body, apiTokens)
	if err != nil {
		return token.Issued{}, err
	}
	read, answer, err := rest.Object[rowWithValue](ctx, p.client.api, call)
	if err != nil {
		return token.Issued{}, err
	}
	answered := made{operation, answer.Status}
	created, err := answered.named(read.row, request.Name)
	if err != nil {
		return token.Issued{}, err
	}
	return answered.issued(created, read)
}

// Revoke implements vendors.Vendor.
func (p *personal) Revoke(ctx context.Context, id token.ID) error {
	return p.client.end(ctx, "revoke token", apiTokens, string(id))
}

// Roll implements vendors.Roller. That the token keeps its ID is likely, and not documented.
func (p *personal) Roll(ctx context.Context, id token.ID, name string) (token.Issued, error) {
	const operation = "replace token value"
	if !plain(string(id)) {
		return token.Issued{}, refused(operation)
	}
	call := p.client.call(operation, http.MethodPost, apiTokens, string(id), "roll")
	call.Creates, call.Refusal = true, refusal
	call.Want, call.WantAlso = http.StatusOK, http.StatusCreated
	read, answer, err := rest.Object[rowWithValue](ctx, p.client.api, call)
	if err != nil {
		return token.Issued{}, err
	}
	answered := made{operation, answer.Status}
	rolled, err := answered.created(read.row)
	if err != nil {
		return token.Issued{}, err
	}
	if rolled.Name != name {
		// It has happened all the same: the value that the token had is no more.
		return token.Issued{}, answered.failure(token.Ambiguous, token.CauseNameAltered, rolled.ID)
	}
	return answered.issued(rolled, read)
}
