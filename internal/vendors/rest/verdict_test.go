package rest

import (
	"testing"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

func TestClassify(t *testing.T) {
	type verdict struct {
		class token.Class
		cause token.Cause
	}
	tests := map[int]struct {
		reason        string
		create, other verdict
	}{
		101: {"not what was asked for", verdict{token.Ambiguous, token.CauseUnexpected}, verdict{token.Unavailable, token.CauseUnexpected}},
		200: {"success of another kind", verdict{token.Ambiguous, token.CauseUnexpected}, verdict{token.Unavailable, token.CauseUnexpected}},
		204: {"success without the value", verdict{token.Ambiguous, token.CauseUnexpected}, verdict{token.Unavailable, token.CauseUnexpected}},
		301: {"not carried out here", verdict{token.Unavailable, token.CauseRedirect}, verdict{token.Unavailable, token.CauseRedirect}},
		307: {"not carried out here", verdict{token.Unavailable, token.CauseRedirect}, verdict{token.Unavailable, token.CauseRedirect}},
		400: {"refused", verdict{token.Invalid, token.CauseStatus}, verdict{token.Invalid, token.CauseStatus}},
		401: {"refused", verdict{token.Unauthorized, token.CauseStatus}, verdict{token.Unauthorized, token.CauseStatus}},
		403: {"refused", verdict{token.Forbidden, token.CauseStatus}, verdict{token.Forbidden, token.CauseStatus}},
		404: {"refused", verdict{token.NotFound, token.CauseStatus}, verdict{token.NotFound, token.CauseStatus}},
		408: {"part of it may have arrived", verdict{token.Ambiguous, token.CauseStatus}, verdict{token.Unavailable, token.CauseStatus}},
		409: {"refused", verdict{token.Conflict, token.CauseStatus}, verdict{token.Conflict, token.CauseStatus}},
		422: {"refused", verdict{token.Invalid, token.CauseStatus}, verdict{token.Invalid, token.CauseStatus}},
		429: {"refused for now", verdict{token.RateLimited, token.CauseStatus}, verdict{token.RateLimited, token.CauseStatus}},
		500: {"may have been carried out", verdict{token.Ambiguous, token.CauseStatus}, verdict{token.Unavailable, token.CauseStatus}},
		503: {"may have been carried out", verdict{token.Ambiguous, token.CauseStatus}, verdict{token.Unavailable, token.CauseStatus}},
		599: {"may have been carried out", verdict{token.Ambiguous, token.CauseStatus}, verdict{token.Unavailable, token.CauseStatus}},
	}
	for status, tc := range tests {
		if class, cause := Classify(status, true); (verdict{class, cause}) != tc.create {
			t.Errorf("%d of a create (%s) = %s, %d; want %v", status, tc.reason, class, cause, tc.create)
		}
		if class, cause := Classify(status, false); (verdict{class, cause}) != tc.other {
			t.Errorf("%d of another call (%s) = %s, %d; want %v", status, tc.reason, class, cause, tc.other)
		}
	}
}
