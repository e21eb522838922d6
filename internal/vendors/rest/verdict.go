package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// Classify maps the status of an answer that is not the wanted one to what it means. It is the only place that does.
//
// creates says that the request is one that must not be done twice: then an answer that leaves open whether it was
// carried out is Ambiguous, and otherwise Unavailable, because asking again does no harm.
func Classify(status int, creates bool) (token.Class, token.Cause) {
	if class, known := refusals[status]; known {
		return class, token.CauseStatus
	}
	switch {
	case status >= 500, status == http.StatusRequestTimeout:
		return doubt(creates), token.CauseStatus
	case status >= 400:
		return token.Invalid, token.CauseStatus
	case status >= 300:
		return token.Unavailable, token.CauseRedirect
	default:
		return doubt(creates), token.CauseUnexpected
	}
}

// refusals are the answers that say by themselves that nothing was done, and why.
var refusals = map[int]token.Class{
	http.StatusUnauthorized:    token.Unauthorized,
	http.StatusForbidden:       token.Forbidden,
	http.StatusNotFound:        token.NotFound,
	http.StatusConflict:        token.Conflict,
	http.StatusTooManyRequests: token.RateLimited,
}

func doubt(creates bool) token.Class {
	if creates {
		return token.Ambiguous
	}
	return token.Unavailable
}

// unsent judges an error of a request of which not one byte left: nothing was done, whatever the request was.
func unsent(err error) token.Cause {
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, ErrAddressRefused):
		return token.CauseAddressRefused
	case errors.As(err, &certificate):
		return token.CauseCertificate
	default:
		return token.CauseConnect
	}
}

// broken judges an error of a request that left, or of the reading of its answer.
func broken(err error) token.Cause {
	var timeout net.Error
	switch {
	case errors.Is(err, errTooLarge):
		return token.CauseTooLarge
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return token.CauseTimeout
	default:
		return token.CauseBroken
	}
}

// known keeps of an error only what is our own or the standard library's constant: other errors quote what the other side
// sent (its certificate's names, its header lines, its numbers), and an error may end up marshalled by a logger.
func known(err error) error {
	for _, constant := range []error{ErrAddressRefused, errTooLarge, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, constant) {
			return constant
		}
	}
	return nil
}
