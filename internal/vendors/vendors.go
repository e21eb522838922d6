// Package vendors is the contract between the operator and a vendor's token API.
//
// The contract is small on purpose. Everything the operator promises about tokens that must not be lost is built on
// three calls, and on what each of them means when its answer does not come.
package vendors

import (
	"context"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// Vendor is one account at a vendor, reached with one set of credentials. It is safe for concurrent use.
//
// Every error is a *token.Failure (or wraps one), free of anything a vendor wrote. The context bounds the call as a
// whole; the implementation adds its own time-out below it. No call is ever repeated by the implementation, but for one
// login after a 401, and a call that the vendor is known not to have seen.
type Vendor interface {
	// Capabilities never change during the life of the value.
	Capabilities() token.Capabilities

	// List calls yield for every token of the account, revoked ones included where the vendor shows them, and stops at
	// the first error of yield. Values are dropped while decoding. An error means that the list is not complete; rows
	// yielded before it are still evidence of presence.
	List(ctx context.Context, yield func(token.Token) error) (Listing, error)

	// Create asks for one token of exactly that name, once. A Failure of class Ambiguous says that the token may exist;
	// any other class says that it does not, unless Failure.Stray names it.
	Create(ctx context.Context, request Request) (token.Issued, error)

	// Revoke ends a token. It returns nil only if the vendor's answer says that the token is revoked. NotFound says that
	// the vendor knows no such token. Repetition does no harm.
	Revoke(ctx context.Context, id token.ID) error
}

// Request describes the token to create.
type Request struct {
	// Name is the exact name, marker included; empty where tokens have none.
	Name string
	// Role stands for rights at a vendor that has roles. Where Rights are given, they win.
	Role string
	// Rights are permissions or scopes, in the vendor's own words; sorted, none twice.
	Rights []string
	// ExpiresAt is zero for a token without an expiry.
	ExpiresAt time.Time
}

// Listing is what a list tells beside its rows.
type Listing struct {
	// VendorTime is the Date of the (first) answer; zero where there was none.
	VendorTime time.Time
}

// ValueReader is a Vendor that shows the value of an active token again (token.Capabilities.ValueReadable).
type ValueReader interface {
	// ReadValue gives the value of one token. NotFound says that no active token has that ID; a Failure with
	// CauseEmptyValue that it is there but its value is not shown to these credentials.
	ReadValue(ctx context.Context, id token.ID) (token.Value, error)
}

// Finder is a Vendor that shows one token by its ID (token.Capabilities.GetByID).
type Finder interface {
	// Find gives one token without its value. NotFound says that the vendor knows no such token, and by its document never will
	// again: it is proof, which no list is.
	Find(ctx context.Context, id token.ID) (token.Token, error)
}

// Updater is a Vendor that changes what a token may do and leaves its value (token.Capabilities.UpdateInPlace).
type Updater interface {
	// Update gives a token these rights in place of all it had. Repetition does no harm.
	Update(ctx context.Context, id token.ID, rights []string) error
}

// Roller is a Vendor that gives a token another value in place of the one it has (token.Capabilities.Roll), which ends at once.
type Roller interface {
	// Roll gives the token of that ID and exactly that name another value, once. What is answered may have another ID: then the token
	// that was rolled has ended. A Failure of class Ambiguous says that it may have happened, and that nobody will ever learn the value;
	// any other class says that it has not. Failure.Stray is the token with that value, where the answer told it.
	Roll(ctx context.Context, id token.ID, name string) (token.Issued, error)
}

// Cataloguer is a Vendor that tells which rights it knows.
type Cataloguer interface {
	Catalogue(ctx context.Context) (Catalogue, error)
}

// Catalogue is what may be asked for.
type Catalogue struct {
	// Rights are all permissions or scopes, sorted.
	Rights []string
	// Roles are the rights that each role stands for; empty where the vendor has none.
	Roles map[string][]string
}

// Pooled is a Vendor whose tokens are in pools, each with a list of its own: the gateways of PingOne, the kinds of token of
// Causeloop. The calls of the Vendor itself answer Invalid.
type Pooled interface {
	// Check makes the cheapest call that tells whether the vendor accepts the credentials.
	Check(ctx context.Context) error
	// Holds tells whether the credentials lead to the account that a pool is in, for a pool without a list, which cannot tell.
	Holds(ctx context.Context, name string) (bool, error)
	// Pool gives one pool. It makes no call, and all pools share connections, login and pace. The error says what is wrong
	// with the name.
	Pool(name string) (Vendor, error)
}
