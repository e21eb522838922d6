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
	// Name is the exact name, marker included.
	Name string
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
