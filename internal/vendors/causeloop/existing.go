package causeloop

import (
	"context"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

// existing is the pool of the tokens of one service account that somebody else manages. No documented call lists them.
type existing struct {
	pool
	account string
}

var (
	_ vendors.Vendor     = (*existing)(nil)
	_ vendors.Cataloguer = (*existing)(nil)
)

// Capabilities implements vendors.Vendor.
func (*existing) Capabilities() token.Capabilities {
	return token.Capabilities{RevokeConfirms: true, MaxNameLength: maxNameLength}
}

// List implements vendors.Vendor: it is not possible.
func (e *existing) List(context.Context, func(token.Token) error) (vendors.Listing, error) {
	return vendors.Listing{}, refused("list tokens of service account")
}

// Create implements vendors.Vendor. The token has the scopes of its account, so that none can be asked for; its name is for
// people, who may have to look for it, for no call does.
func (e *existing) Create(ctx context.Context, request vendors.Request) (token.Issued, error) {
	const operation = "issue token of service account"
	if len(request.Rights) > 0 {
		return token.Issued{}, refused(operation)
	}
	name := request.Name
	if name == "" {
		name = e.nameForPeople()
	}
	call, err := e.client.creation(operation, issueRequest{Name: name}, serviceAccounts, e.account, "tokens")
	if err != nil {
		return token.Issued{}, err
	}
	read, answer, err := rest.Object[rowWithValue](ctx, e.client.api, call)
	if err != nil {
		return token.Issued{}, err
	}
	answered := made{operation, answer.Status}
	created, err := answered.created(read.row)
	if err != nil {
		return token.Issued{}, err
	}
	created.Name = request.Name
	return answered.issued(created, read)
}

// nameForPeople tells somebody who looks at the account whose token it is, and since when. It is another one each time:
// whether an account may have two tokens of one name is not documented.
func (e *existing) nameForPeople() string {
	return "gateway-token-operator " + e.client.clock().UTC().Format(time.RFC3339Nano)
}

// Revoke implements vendors.Vendor.
func (e *existing) Revoke(ctx context.Context, id token.ID) error {
	return e.client.end(ctx, "revoke token of service account", serviceAccounts, e.account, "tokens", string(id))
}
