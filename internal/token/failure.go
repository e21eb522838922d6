package token

import (
	"errors"
	"fmt"
	"time"
)

// Class says what a failed vendor call means for the caller. The set is closed.
type Class int

const (
	// NotFound: the vendor does not know the token (or the place where it would be).
	NotFound Class = iota + 1
	// Unauthorized: the credentials were refused.
	Unauthorized
	// Forbidden: the credentials were accepted, but may not do this.
	Forbidden
	// Invalid: the vendor refuses the request as it is; asking again will not help.
	Invalid
	// Conflict: the name is taken, or the token is in another state.
	Conflict
	// Quota: no more tokens may be created.
	Quota
	// RateLimited: later, not sooner than RetryAfter.
	RateLimited
	// Unavailable: nothing was done: the vendor is down, cannot be reached, or is not what it should be.
	Unavailable
	// Ambiguous: the request may have been carried out; only a later list can tell.
	Ambiguous
)

var classNames = map[Class]string{
	NotFound: "NotFound", Unauthorized: "Unauthorized", Forbidden: "Forbidden", Invalid: "Invalid", Conflict: "Conflict",
	Quota: "Quota", RateLimited: "RateLimited", Unavailable: "Unavailable", Ambiguous: "Ambiguous",
}

// String implements fmt.Stringer.
func (c Class) String() string { return classNames[c] }

// Cause says what was seen, in more detail than the class, so that a person can be told what to do. The set is closed.
type Cause int

const (
	// CauseStatus: the vendor's status code says it all.
	CauseStatus Cause = iota
	// CauseConnect: no connection could be made: name, route, refused, or no answer to the handshake in time.
	CauseConnect
	// CauseAddressRefused: the dial guard does not allow the address.
	CauseAddressRefused
	// CauseCertificate: the vendor's certificate is not trusted.
	CauseCertificate
	// CauseTimeout: no (complete) answer in time.
	CauseTimeout
	// CauseBroken: the connection broke before the answer was complete.
	CauseBroken
	// CauseRedirect: the vendor sent us elsewhere; redirects are not followed.
	CauseRedirect
	// CauseUnexpected: the answer is not what the vendor's document describes, such as HTML in place of JSON.
	CauseUnexpected
	// CauseTooLarge: the answer, or a row of it, is larger than allowed.
	CauseTooLarge
	// CauseEmptyValue: the vendor answered without a usable token value.
	CauseEmptyValue
	// CauseNameAltered: the vendor stored the token under another name than the one asked for.
	CauseNameAltered
	// CausePaced: the call was not made, for it would have come too early.
	CausePaced
	// CauseLogin: the login, not the call itself, failed.
	CauseLogin
	// CauseGone: what holds the tokens (a gateway) does not exist, and what that would be in answers and lacks it: proof that
	// none of its tokens exists, which a status alone is not.
	CauseGone
)

// Failure is a failed vendor call. Its text is made of our own words and the status code alone: nothing a vendor (or
// whoever answers in its place) wrote is in it, so that it may be shown in conditions, events and logs.
type Failure struct {
	// Operation is what was tried, such as "create token".
	Operation string
	Class     Class
	Cause     Cause
	// Status is the HTTP status code; 0 where there was no answer.
	Status int
	// RetryAfter is how long the vendor asked us to wait; 0 where it did not.
	RetryAfter time.Duration
	// Stray is the token that exists at the vendor although the call failed, where the answer still told its ID.
	Stray ID
	// Err is the underlying error, for errors.Is. It is never printed.
	Err error
}

// Error implements error.
func (f *Failure) Error() string {
	text := f.Operation + ": " + causeTexts[f.Cause]
	if f.Cause == CauseStatus || f.Cause == CauseLogin {
		text += " " + f.Class.String()
	}
	if f.Status != 0 {
		text += fmt.Sprintf(" (HTTP %d)", f.Status)
	}
	return text
}

// Unwrap implements errors.Unwrap.
func (f *Failure) Unwrap() error { return f.Err }

var causeTexts = map[Cause]string{
	CauseStatus:         "the vendor answered",
	CauseConnect:        "no connection could be made",
	CauseAddressRefused: "the address is not allowed",
	CauseCertificate:    "the vendor's certificate is not trusted",
	CauseTimeout:        "no answer in time",
	CauseBroken:         "the connection broke",
	CauseRedirect:       "the vendor redirected the request, which is not followed",
	CauseUnexpected:     "the answer is not what the vendor's API describes",
	CauseTooLarge:       "the answer is too large",
	CauseEmptyValue:     "the answer has no usable token value",
	CauseNameAltered:    "the vendor stored another name than the one asked for",
	CausePaced:          "not called yet, to keep to the pace",
	CauseLogin:          "the login was answered",
	CauseGone:           "what holds the tokens does not exist",
}

// AsFailure finds the Failure in an error. An error without one is nobody's answer: it is treated as Ambiguous.
func AsFailure(err error) *Failure {
	if err == nil {
		return nil
	}
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	return &Failure{Operation: "vendor call", Class: Ambiguous, Cause: CauseBroken, Err: err}
}

// ClassOf gives the class of an error; 0 for none.
func ClassOf(err error) Class {
	if err == nil {
		return 0
	}
	return AsFailure(err).Class
}
