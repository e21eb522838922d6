package conformance

import (
	"testing"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

// Harness says how to try one vendor.
type Harness struct {
	// Start gives an account for one case. Simulated ones are fresh and empty.
	Start func(t *testing.T) *Bench
	// Except are cases that this vendor cannot have, and why.
	Except map[string]string
}

// Bench is an account at a vendor.
type Bench struct {
	// Open makes a client of the account. It makes no call.
	Open func(Setup) (vendors.Vendor, error)
	// Request is what tokens are asked for with beside their name; zero where a name is all that can be chosen.
	Request vendors.Request
	// OtherRights are rights that a token can be given in place of those of Request; nil where they cannot be changed.
	OtherRights []string
	// Role is one of the vendor's roles; empty where it has none.
	Role string
	// Refused are requests that the vendor finds wrong, without a name, by what is wrong with them.
	Refused map[string]vendors.Request
	// Simulation is nil at a real account: then only the cases that need no fault and no truth are run.
	Simulation *Simulation
}

// Setup is what is special about a client. The zero value is an ordinary one, allowed to call the vendor where it is.
type Setup struct {
	// Timeout of one call; generous when 0.
	Timeout time.Duration
	// Clock of the client, its limiter and its cache of logins; one that stands still when nil.
	Clock func() time.Time
	// Paced clients share a limiter of ten calls a second with the other paced clients of the bench.
	Paced bool
	// WrongCA: the client trusts another authority than the vendor's.
	WrongCA bool
	// WrongCredentials: the vendor does not know them.
	WrongCredentials bool
	// PlainHTTP: the URLs have no TLS, and the client is not allowed that.
	PlainHTTP bool
	// Guarded: the client may not call loopback addresses.
	Guarded bool
	// Through stands between client and vendor; nothing does when nil.
	Through *Tap
}

// Simulation is power over a simulated vendor. A nil function is something the vendor does not have.
type Simulation struct {
	// URL and CAPEM are where the simulator is and what its certificate is signed by.
	URL   string
	CAPEM []byte
	// Truth is what the vendor knows.
	Truth func() Truth
	// Inject makes calls go wrong.
	Inject func(Fault)
	// CommitLate carries out what LateCommit faults hold back, and says how many that were.
	CommitLate func() int
	// Seed makes tokens behind the client's back, and Withdraw revokes one so.
	Seed     func(names ...string)
	Withdraw func(token.ID)
	// Accepts tells whether the vendor takes a value of a token for a live one, and of which.
	Accepts func(token.Value) (token.ID, bool)
	// Use lets a consumer use the value of a live token.
	Use func(token.Value)
	// ExpireLogins makes the vendor forget all logins.
	ExpireLogins func()
	// LoginLife is how long a login lives by itself; a day when 0.
	LoginLife time.Duration
	// LoginSpellings, SecondRevokes and UnknownFinds are the answers that the vendor's documents leave open.
	LoginSpellings, SecondRevokes, UnknownFinds []Variant
	// SecretFields are the fields of JSON and forms whose values must never be shown.
	SecretFields []string
}

// Variant is a way in which the vendor may behave.
type Variant struct {
	Name string
	Set  func()
}

// Truth is what a simulated vendor knows.
type Truth struct {
	// Account is what rows say they belong to; empty where they do not say.
	Account string
	// Tokens are all tokens of the account, in any order.
	Tokens []TrueToken
	// Calls counts the calls by route, the failed ones included.
	Calls map[Route]int
	// Logins counts the successful logins.
	Logins int
}

// TrueToken is a token as the vendor knows it.
type TrueToken struct {
	ID     token.ID
	Name   string
	Active bool
}

// Route is one kind of call.
type Route string

// The routes.
const (
	Login     Route = "login"
	Create    Route = "create"
	List      Route = "list"
	Revoke    Route = "revoke"
	Find      Route = "find"
	Update    Route = "update"
	Roll      Route = "roll"
	Catalogue Route = "catalogue"
)

// Kind is what goes wrong with a call.
type Kind string

// The kinds of faults.
const (
	Status            Kind = "status"
	StatusAfterCommit Kind = "statusAfterCommit"
	CutBeforeCommit   Kind = "cutBeforeCommit"
	CutAfterCommit    Kind = "cutAfterCommit"
	HangAfterCommit   Kind = "hangAfterCommit"
	LateCommit        Kind = "lateCommit"
	TruncatedBody     Kind = "truncatedBody"
	HugeBody          Kind = "hugeBody"
	HugeRow           Kind = "hugeRow"
	MalformedJSON     Kind = "malformedJSON"
	HTML              Kind = "html"
	EmptyValue        Kind = "emptyValue"
	AlteredName       Kind = "alteredName"
	Unauthorized      Kind = "unauthorized"
	Redirect          Kind = "redirect"
	ClockSkew         Kind = "clockSkew"
	WrongContentType  Kind = "wrongContentType"
)

// Fault makes calls of a route go wrong.
type Fault struct {
	Route Route
	Kind  Kind
	// Every call is hit, not just the next.
	Every bool
	// Delay is the time that the kind speaks of.
	Delay time.Duration
	// StatusCode and RetryAfter are what Status and StatusAfterCommit answer.
	StatusCode int
	RetryAfter string
}

// testCase is one thing that must hold.
type testCase struct {
	name string
	// anywhere: it needs neither faults nor truth, so that it is run at a real account, too.
	anywhere bool
	run      func(*trial)
}

// Run runs the suite.
func Run(t *testing.T, harness Harness) {
	t.Helper()
	cases := allCases()
	known := map[string]bool{}
	for _, tc := range cases {
		known[tc.name] = true
		t.Run(tc.name, func(t *testing.T) {
			if reason, excepted := harness.Except[tc.name]; excepted {
				t.Skip("does not apply: " + reason)
			}
			bench := harness.Start(t)
			if bench.Simulation == nil && !tc.anywhere {
				t.Skip("does not apply: it needs the truth of a simulator")
			}
			tc.run(&trial{T: t, bench: bench, sim: bench.Simulation})
		})
	}
	for name := range harness.Except {
		if !known[name] {
			t.Errorf("there is no case %q to make an exception of", name)
		}
	}
}

func allCases() []testCase {
	var all []testCase
	for _, part := range [][]testCase{
		ordinaryCases(), createCases(), listCases(), revokeCases(), findCases(), rightsCases(), rollCases(), accessCases(), wireCases(),
	} {
		all = append(all, part...)
	}
	return all
}
