// Package status says in conditions what was decided, what came of it, and what to do about it. It is pure.
package status

import (
	"fmt"
	"net/http"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// ConcernsIssuer tells whether every token of the issuer would have failed like this call for one object: then the issuer alone
// finds out when it is over. Else this object's request is at fault, or its answer was lost.
func ConcernsIssuer(f *token.Failure) bool {
	switch f.Class {
	case token.Unauthorized, token.Unavailable, token.RateLimited:
		return true
	case token.NotFound, token.Forbidden, token.Invalid, token.Conflict, token.Quota, token.Ambiguous:
		return false
	default:
		return false
	}
}

// VendorProblem says in a reason and a sentence what a failed list, and with it the issuer, suffers from. This is the one place
// where what a vendor did becomes what a person reads.
func VendorProblem(f *token.Failure) lifecycle.Problem {
	reason, advice := causeAdvice(f)
	if reason == "" {
		reason, advice = classAdvice(f)
	}
	return lifecycle.Problem{Reason: lifecycle.Reason(reason), Message: sentence(f) + " " + advice}
}

// sentence makes one of a failure's text.
func sentence(f *token.Failure) string {
	text := f.Error()
	if f.RetryAfter > 0 {
		text += fmt.Sprintf("; asked to wait %s", f.RetryAfter.Round(time.Second))
	}
	return text + "."
}

func causeAdvice(f *token.Failure) (reason, advice string) {
	switch f.Cause {
	case token.CauseAddressRefused:
		return v1alpha1.ReasonAddressRefused, "Loopback, link-local, metadata and (for a TokenIssuer) private addresses are refused unless the operator's flag --allow-cidrs names them. Check the issuer's URL."
	case token.CauseCertificate:
		return v1alpha1.ReasonCertificateNotTrusted, "Check the issuer's URL and that spec.caBundle holds the certificate authority that signed the vendor's certificate."
	case token.CauseConnect, token.CauseTimeout, token.CauseBroken:
		return v1alpha1.ReasonVendorUnreachable, "Tokens in use are not affected. Check the issuer's URL, DNS, network policies and proxies; it is tried again by itself."
	case token.CauseRedirect, token.CauseUnexpected, token.CauseEmptyValue:
		return v1alpha1.ReasonUnexpectedAnswer, "Check that the issuer's URL is the vendor's API and not a login page or proxy; it is tried again by itself."
	case token.CauseTooLarge:
		return v1alpha1.ReasonAnswerTooLarge, "Check that the issuer's URL is the vendor's API; an answer of that size is not read."
	case token.CauseNameAltered:
		return v1alpha1.ReasonNameAltered, "Tokens that do not keep their name cannot be told apart: no token is issued until the issuer's spec is changed or the operator restarted. Report it to the vendor."
	case token.CauseStatus, token.CauseLogin, token.CausePaced, token.CauseGone:
		return "", ""
	default:
		return "", ""
	}
}

func classAdvice(f *token.Failure) (reason, advice string) {
	switch f.Class {
	case token.Unauthorized:
		return v1alpha1.ReasonCredentialsRejected, "Put valid credentials into the Secret that credentialsSecretRef names."
	case token.Forbidden:
		return v1alpha1.ReasonPermissionDenied, "Give these credentials the rights to list, create and revoke tokens: Admin at Causely, a role with api-token rights at Rack Gateway, workspace:admin for service accounts at Causeloop, a role that manages gateways at PingOne."
	case token.RateLimited:
		return v1alpha1.ReasonRateLimited, "It is tried again by itself. Lower requestsPerSecond if it lasts."
	case token.Unavailable, token.Ambiguous, token.Quota:
		return v1alpha1.ReasonVendorUnavailable, "Tokens in use are not affected; it is tried again by itself."
	case token.NotFound, token.Invalid, token.Conflict:
		return v1alpha1.ReasonUnexpectedAnswer, "Check that the issuer's URL is the vendor's API; it is tried again by itself."
	default:
		return v1alpha1.ReasonVendorUnavailable, "It is tried again by itself."
	}
}

// CreateProblem says what came of a create that gave no token.
func CreateProblem(f *token.Failure) lifecycle.Problem {
	switch {
	case f.Cause == token.CauseEmptyValue:
		return lifecycle.Problem{Reason: v1alpha1.ReasonEmptyTokenValue, Message: sentence(f) + " The token may exist; the next list decides. Give the issuer credentials that may read token values (role Admin at Causely)."}
	case f.Class == token.Ambiguous:
		return lifecycle.Problem{Reason: v1alpha1.ReasonCreateAmbiguous, Message: sentence(f) + " The token may exist: it is looked for in the vendor's list, or reported where there is none, before another is issued."}
	case ConcernsIssuer(f):
		return VendorProblem(f)
	case f.Class == token.Quota:
		return lifecycle.Problem{Reason: v1alpha1.ReasonQuotaExceeded, Message: sentence(f) + " Delete a token at the vendor that nobody uses; it is tried again by itself."}
	case f.Class == token.Conflict:
		return lifecycle.Problem{Reason: v1alpha1.ReasonNameTaken, Message: sentence(f) + " The name is taken; the next list tells whose it is. If it is not this GatewayToken's, the next token gets another name."}
	case f.Class == token.Forbidden:
		return lifecycle.Problem{Reason: v1alpha1.ReasonCreateRefused, Message: sentence(f) + " The issuer's credentials may list tokens but not create them: give them the rights to."}
	default:
		return lifecycle.Problem{Reason: v1alpha1.ReasonCreateRefused, Message: sentence(f) + " Correct spec.tokenName or the account's quota; it is tried again after a change, else rarely."}
	}
}

// RollProblem says what came of a replacement of a token's value in place that gave none.
func RollProblem(f *token.Failure) lifecycle.Problem {
	switch {
	case f.Class == token.Ambiguous:
		return lifecycle.Problem{Reason: v1alpha1.ReasonRollAmbiguous, Message: sentence(f) + " The value in the Secret may be dead. It is not tried again: the next token is issued and published."}
	case ConcernsIssuer(f):
		return VendorProblem(f)
	default:
		return lifecycle.Problem{Reason: v1alpha1.ReasonRollRefused, Message: sentence(f) +
			" The token keeps the value it has, and works. Give the issuer's credentials the right to do that, or set spec.rotation.strategy to Overlap; it is tried again after a change, else rarely."}
	}
}

// ReadProblem says why the value of a token that exists could not be read.
func ReadProblem(f *token.Failure) lifecycle.Problem {
	if ConcernsIssuer(f) {
		return VendorProblem(f)
	}
	return lifecycle.Problem{Reason: v1alpha1.ReasonValueUnreadable, Message: sentence(f) + " Give the issuer credentials that may read token values (role Admin at Causely). No further token is issued meanwhile."}
}

// ChangeProblem says why a token could not be given other rights.
func ChangeProblem(f *token.Failure) lifecycle.Problem {
	if ConcernsIssuer(f) {
		return VendorProblem(f)
	}
	return lifecycle.Problem{Reason: v1alpha1.ReasonChangeRefused, Message: sentence(f) + " The token keeps the rights it has. Correct the spec, or give the issuer credentials that may grant these rights."}
}

// ConfirmProblem says why it is not known whether a token is still there.
func ConfirmProblem(f *token.Failure) lifecycle.Problem {
	if ConcernsIssuer(f) {
		return VendorProblem(f)
	}
	return lifecycle.Problem{Reason: v1alpha1.ReasonWaitingForVendor, Message: sentence(f) + " A list lacks the token, and whether it is still there could not be learned; it is asked again by itself."}
}

// PoolProblem says why one place of an account, such as a gateway, cannot be used though the credentials are accepted.
func PoolProblem(f *token.Failure) lifecycle.Problem {
	switch {
	case f.Cause == token.CauseGone:
		return lifecycle.Problem{Reason: v1alpha1.ReasonGatewayNotFound, Message: sentence(f) + " Check spec.pingOne.gatewayID, and that the gateway is in that environment; for another gateway, create another GatewayToken."}
	case f.Class == token.Forbidden && f.Status == http.StatusNotFound:
		return lifecycle.Problem{Reason: v1alpha1.ReasonEnvironmentNotFound, Message: sentence(f) + " Check environmentID of the GatewayToken and of the issuer, its region, and the roles of its worker application there."}
	default:
		return VendorProblem(f)
	}
}

// RevokeProblem says why a revocation did not happen.
func RevokeProblem(f *token.Failure) lifecycle.Problem {
	if ConcernsIssuer(f) {
		return VendorProblem(f)
	}
	return lifecycle.Problem{Reason: v1alpha1.ReasonWaitingForVendor, Message: sentence(f) + " The token may still be active at the vendor; the revocation is tried again by itself."}
}

// WriteProblem says why the Secret could not be written. what is our own word for the API server's refusal.
func WriteProblem(what string) lifecycle.Problem {
	return lifecycle.Problem{Reason: v1alpha1.ReasonWriteFailed, Message: "The Secret cannot be written: " + what +
		". Look for quotas, admission policies, an immutable Secret, another type of Secret, missing rights of the operator, or a namespace that is being deleted; it is tried again by itself."}
}

// BackOffKind is what failed, by which back-off is reckoned.
type BackOffKind int

const (
	// VendorTrouble: the issuer is probed.
	VendorTrouble BackOffKind = iota + 1
	// Doubt: an answer was lost, or the vendor does not know the token. A list will tell.
	Doubt
	// Refusal: the vendor refuses this object's request.
	Refusal
	// Write: the API server refuses a write.
	Write
)

var pace = map[BackOffKind]struct{ first, most time.Duration }{
	VendorTrouble: {10 * time.Second, 5 * time.Minute},
	Doubt:         {2 * time.Second, 10 * time.Minute},
	Refusal:       {time.Minute, 6 * time.Hour},
	Write:         {2 * time.Second, 5 * time.Minute},
}

// BackOffKindOf tells what kind of back-off a failed vendor call of an object asks for.
func BackOffKindOf(f *token.Failure) BackOffKind {
	switch {
	case f.Class == token.Ambiguous, f.Class == token.NotFound, f.Class == token.Conflict:
		return Doubt
	case ConcernsIssuer(f):
		return VendorTrouble
	default:
		return Refusal
	}
}

// BackOff is how long to wait after the count-th failure in a row: doubled each time up to a bound, longer by up to a tenth that
// is drawn from the object's UID and therefore always the same, and never shorter than what the vendor asked for.
func BackOff(kind BackOffKind, count int32, uid string, atLeast time.Duration) time.Duration {
	wait := pace[kind].first
	for range max(count-1, 0) {
		if wait *= 2; wait >= pace[kind].most {
			wait = pace[kind].most
			break
		}
	}
	var spread uint32
	for _, c := range []byte(uid) {
		spread = spread*31 + uint32(c)
	}
	wait += wait / 10 * time.Duration(spread%1000) / 1000
	return max(wait, atLeast)
}
