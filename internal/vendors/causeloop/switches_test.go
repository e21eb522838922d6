package causeloop_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	simulated "github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/conformance"
)

// asked is a request that every workspace grants.
func asked(name string) vendors.Request {
	return vendors.Request{Name: name, Rights: []string{"issues:read", "patterns:read"}}
}

func listed(t *testing.T, client vendors.Vendor) map[token.ID]token.Token {
	t.Helper()
	rows := map[token.ID]token.Token{}
	if _, err := client.List(t.Context(), func(row token.Token) error { rows[row.ID] = row; return nil }); err != nil {
		t.Fatal(err)
	}
	return rows
}

// What is open at the vendor and is no matter of one answer: who may, and what a name or an expiry is.
func TestSwitches(t *testing.T) {
	const member, reader = simulated.DemoValue, "clp_reader"
	create := func(request vendors.Request) func(*testing.T, vendors.Vendor) error {
		return func(t *testing.T, v vendors.Vendor) error {
			_, err := v.Create(t.Context(), request)
			return err
		}
	}
	list := func(t *testing.T, v vendors.Vendor) error {
		_, err := v.List(t.Context(), func(token.Token) error { return nil })
		return err
	}
	twice := func(first, second string) func(*testing.T, vendors.Vendor) error {
		return func(t *testing.T, v vendors.Vendor) error {
			if err := create(asked(first))(t, v); err != nil {
				t.Fatal(err)
			}
			return create(asked(second))(t, v)
		}
	}
	again := func(t *testing.T, v vendors.Vendor) error {
		issued, err := v.Create(t.Context(), asked("n"))
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Revoke(t.Context(), issued.ID); err != nil {
			t.Fatal(err)
		}
		return create(asked("n"))(t, v)
	}
	past := asked("n")
	past.ExpiresAt = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	beyond := vendors.Request{Name: "n", Rights: []string{"audit:read"}}
	tests := map[string]struct {
		reason, kind, credential string
		turn                     func(*simulated.Switches)
		call                     func(*testing.T, vendors.Vendor) error
		want                     token.Class
		tokens                   int
	}{
		"Machine":          {reason: "a service account manages others", kind: causeloop.Dedicated, credential: simulated.DemoMachineValue, call: create(asked("n")), tokens: 1},
		"MachineMayNot":    {reason: "or cannot", kind: causeloop.Dedicated, credential: simulated.DemoMachineValue, turn: func(s *simulated.Switches) { s.MachineAdmin = false }, call: create(asked("n")), want: token.Forbidden},
		"MachineExisting":  {reason: "one issues for another", kind: causeloop.Existing, credential: simulated.DemoMachineValue, call: create(vendors.Request{}), tokens: 1},
		"MachinePersonal":  {reason: "it is no person", kind: causeloop.Personal, credential: simulated.DemoMachineValue, call: list, want: token.Forbidden},
		"SecondFactor":     {reason: "a token has none", kind: causeloop.Dedicated, credential: member, turn: func(s *simulated.Switches) { s.MFARequired = true }, call: create(asked("n")), want: token.Forbidden},
		"SecondFactorSelf": {reason: "not asked for here", kind: causeloop.Personal, credential: member, turn: func(s *simulated.Switches) { s.MFARequired = true }, call: create(asked("n")), tokens: 1},
		"Reader":           {reason: "personal tokens are everybody's", kind: causeloop.Personal, credential: reader, call: create(asked("n"))},
		"ReaderList":       {reason: "service accounts are an admin's", kind: causeloop.Dedicated, credential: reader, call: list, want: token.Forbidden},
		"ReaderCreate":     {reason: "service accounts are an admin's", kind: causeloop.Dedicated, credential: reader, call: create(asked("n")), want: token.Forbidden},
		"ReaderIssue":      {reason: "service accounts are an admin's", kind: causeloop.Existing, credential: reader, call: create(vendors.Request{}), want: token.Forbidden},
		"Beyond":           {reason: "nobody gives what he lacks", kind: causeloop.Personal, credential: reader, call: create(beyond), want: token.Forbidden},
		"BeyondAllowed":    {reason: "or anybody does", kind: causeloop.Personal, credential: reader, turn: func(s *simulated.Switches) { s.ScopesWithinCaller = false }, call: create(beyond)},
		"Case":             {reason: "names of personal tokens have a case", kind: causeloop.Personal, credential: member, call: twice("n", "N"), tokens: 2},
		"CaseFolds":        {reason: "or have none", kind: causeloop.Personal, credential: member, turn: func(s *simulated.Switches) { s.NamesFold = true }, call: twice("n", "N"), want: token.Conflict, tokens: 1},
		"CaseOfAccounts":   {reason: "those of service accounts have none", kind: causeloop.Dedicated, credential: member, call: twice("n", "N"), want: token.Conflict, tokens: 1},
		"NameAgain":        {reason: "a name is free again", kind: causeloop.Personal, credential: member, call: again, tokens: 1},
		"NameSpent":        {reason: "or never", kind: causeloop.Personal, credential: member, turn: func(s *simulated.Switches) { s.RevokedNameFree = false }, call: again, want: token.Conflict},
		"AccountAgain":     {reason: "a name is free again", kind: causeloop.Dedicated, credential: member, call: again, tokens: 1},
		"AccountSpent":     {reason: "or never", kind: causeloop.Dedicated, credential: member, turn: func(s *simulated.Switches) { s.RevokedNameFree = false }, call: again, want: token.Conflict},
		"SameForPeople":    {reason: "tokens of an account may have one name", kind: causeloop.Existing, credential: member, call: twiceForPeople, tokens: 2},
		"PastExpiry":       {reason: "over before it begins", kind: causeloop.Personal, credential: member, call: create(past), want: token.Invalid},
		"PastNotSent":      {reason: "an account's token is asked for without an expiry", kind: causeloop.Dedicated, credential: member, turn: func(s *simulated.Switches) { s.AccountTokenExpiry = simulated.ExpiryRefused }, call: create(past), tokens: 1},
		"Limit":            {reason: "the vendor's own limit", kind: causeloop.Personal, credential: member, turn: func(s *simulated.Switches) { s.CallsPerMinute = 1 }, call: twiceListed, want: token.RateLimited},
		"OwnListedSelf":    {reason: "the credential is in the list", kind: causeloop.Personal, credential: member, turn: func(s *simulated.Switches) { s.AccountsListed = true }, call: list},
		"OwnListed":        {reason: "the credential is in the list", kind: causeloop.Dedicated, credential: simulated.DemoMachineValue, turn: func(s *simulated.Switches) { s.AccountsListed = true }, call: list},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := simulate(t, tc.kind, func(switches *simulated.Switches) {
				if tc.turn != nil {
					tc.turn(switches)
				}
			})
			if err := s.vendor.AddAccount(simulated.Account{Name: "reader", Value: reader, WorkspaceID: simulated.DemoWorkspaceID}); err != nil {
				t.Fatal(err)
			}
			err := tc.call(t, s.client(tc.credential))
			failure := token.AsFailure(err)
			if token.ClassOf(err) != tc.want || (failure != nil && failure.Stray != "") {
				t.Errorf("%s: %v, want %s", tc.reason, err, tc.want)
			}
			if got := len(s.truth().Tokens); got != tc.tokens {
				t.Errorf("%s: %d tokens, want %d", tc.reason, got, tc.tokens)
			}
		})
	}
}

func twiceForPeople(t *testing.T, v vendors.Vendor) error {
	if _, err := v.Create(t.Context(), vendors.Request{}); err != nil {
		t.Fatal(err)
	}
	_, err := v.Create(t.Context(), vendors.Request{})
	return err
}

func twiceListed(t *testing.T, v vendors.Vendor) error {
	_ = listed(t, v)
	_, err := v.List(t.Context(), func(token.Token) error { return nil })
	return err
}

// A list is whole in whatever shape it comes, and in pages of whatever size.
func TestListShapes(t *testing.T) {
	shapes := map[string]func(*simulated.Switches){
		"Pages":      func(s *simulated.Switches) { s.ListShape = simulated.ListPages },
		"SmallPages": func(s *simulated.Switches) { s.ListShape, s.MaxPageSize = simulated.ListPages, 7 },
		"Data":       func(s *simulated.Switches) { s.ListShape = simulated.ListData },
		"Array":      func(s *simulated.Switches) { s.ListShape = simulated.ListArray },
	}
	for name, set := range shapes {
		for _, kind := range []string{causeloop.Personal, causeloop.Dedicated} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				s := simulate(t, kind, set)
				var names []string
				for i := range 250 {
					names = append(names, fmt.Sprintf("token-%03d", i))
				}
				s.seed(names...)
				rows := listed(t, s.client(simulated.DemoValue))
				for _, want := range s.truth().Tokens {
					if rows[want.ID].Name != want.Name {
						t.Fatalf("%s is listed as %q, want %q", want.ID, rows[want.ID].Name, want.Name)
					}
				}
				if len(rows) != len(names) {
					t.Errorf("%d rows, want %d", len(rows), len(names))
				}
			})
		}
	}
}

// A list that breaks on a later page is an error, and its rows are evidence all the same.
func TestListBreaksLater(t *testing.T) {
	s := simulate(t, causeloop.Dedicated, func(s *simulated.Switches) { s.MaxPageSize = 2 })
	s.seed("one", "two", "three", "four", "five")
	s.injectAfter(simulated.RouteListAccounts, 2, conformance.Fault{Kind: conformance.TruncatedBody})
	seen := 0
	_, err := s.client(simulated.DemoValue).List(t.Context(), func(token.Token) error { seen++; return nil })
	if failure := token.AsFailure(err); failure == nil || failure.Class != token.Unavailable || failure.Cause != token.CauseBroken || seen < 4 {
		t.Errorf("%v after %d rows", err, seen)
	}
	if rows := listed(t, s.client(simulated.DemoValue)); len(rows) != 5 {
		t.Errorf("%d rows after it, want 5", len(rows))
	}
}

// Where the vendor goes on listing what is revoked, it is listed as revoked; where it does not, it is not listed.
func TestRevokedListed(t *testing.T) {
	for _, keeps := range []bool{true, false} {
		s := simulate(t, causeloop.Personal, func(s *simulated.Switches) { s.RevokedListed = keeps })
		client := s.client(simulated.DemoValue)
		issued, err := client.Create(t.Context(), asked("n"))
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Revoke(t.Context(), issued.ID); err != nil {
			t.Fatal(err)
		}
		row, there := listed(t, client)[issued.ID]
		if there != keeps || (there && (row.State != token.Revoked || row.RevokedAt.IsZero())) {
			t.Errorf("revoked tokens are kept: %t; listed: %t, as %q", keeps, there, row.State)
		}
	}
}

// An expiry is what the vendor confirms: of a personal token the one that was asked for, if it is understood; of others
// none, for none is asked for.
func TestExpiry(t *testing.T) {
	expires := time.Date(2126, 5, 26, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		reason, kind string
		turn         func(*simulated.Switches)
		want         time.Time
	}{
		"Personal":  {reason: "as asked for", kind: causeloop.Personal, want: expires},
		"Days":      {reason: "the vendor has another field, and ignores ours", kind: causeloop.Personal, turn: func(s *simulated.Switches) { s.ExpiryField = simulated.ExpiresInDays }},
		"Dedicated": {reason: "not asked for, whatever the vendor would do", kind: causeloop.Dedicated},
		"Refused":   {reason: "not asked for, where it would be refused", kind: causeloop.Dedicated, turn: func(s *simulated.Switches) { s.AccountTokenExpiry = simulated.ExpiryRefused }},
		"Existing":  {reason: "not asked for", kind: causeloop.Existing},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := simulate(t, tc.kind, func(switches *simulated.Switches) {
				if tc.turn != nil {
					tc.turn(switches)
				}
			})
			request := asked("n")
			request.ExpiresAt = expires
			if tc.kind == causeloop.Existing {
				request.Rights = nil
			}
			issued, err := s.client(simulated.DemoValue).Create(t.Context(), request)
			if err != nil || !issued.ExpiresAt.Equal(tc.want) {
				t.Errorf("%s: expires at %v, %v; want %v", tc.reason, issued.ExpiresAt, err, tc.want)
			}
		})
	}
}

// A dedicated account and its token have the scopes that were asked for and the name that says whose they are.
func TestDedicatedAccount(t *testing.T) {
	s := simulate(t, causeloop.Dedicated, func(*simulated.Switches) {})
	client := s.client(simulated.DemoValue)
	issued, err := client.Create(t.Context(), asked("n"))
	if err != nil {
		t.Fatal(err)
	}
	account := s.vendor.Truth().ServiceAccounts[0]
	if len(account.Tokens) != 1 || account.Name != "n" || account.Tokens[0].Name != "n" || token.ID(account.ID) != issued.ID || account.Description == "" {
		t.Errorf("the vendor has %+v", account)
	}
	for _, scopes := range [][]string{account.Scopes, account.Tokens[0].Scopes} {
		if diff := cmp.Diff(asked("n").Rights, scopes); diff != "" {
			t.Errorf("scopes -want +got:\n%s", diff)
		}
	}
	if err := s.vendor.ChangeScopes(account.ID, "issues:write"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(issued.Token, listed(t, client)[issued.ID]); diff != "" {
		t.Errorf("the account's scopes were changed, the token's were not -issued +listed:\n%s", diff)
	}
	if err := s.vendor.Revoke(account.Tokens[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, there := listed(t, client)[issued.ID]; !there {
		t.Error("an account whose token somebody revoked is not listed")
	}
	if err := client.Revoke(t.Context(), issued.ID); err != nil {
		t.Error(err)
	}
}

// Whatever goes wrong with one of the two calls, a list tells whether there is an account, and its deletion ends all that may
// come of it.
func TestDedicatedFaults(t *testing.T) {
	kinds := map[conformance.Kind]int{
		conformance.Status: 503, conformance.StatusAfterCommit: 500, conformance.CutBeforeCommit: 0, conformance.CutAfterCommit: 0,
		conformance.LateCommit: 0, conformance.TruncatedBody: 0, conformance.HugeBody: 0, conformance.HugeRow: 0, conformance.MalformedJSON: 0,
		conformance.HTML: 0, conformance.WrongContentType: 0, conformance.EmptyValue: 0,
	}
	for route, stray := range map[string]bool{simulated.RouteCreateAccount: false, simulated.RouteIssue: true} {
		for kind, status := range kinds {
			if kind == conformance.EmptyValue && !stray {
				continue
			}
			t.Run(strings.TrimPrefix(route, "causeloop.")+"/"+string(kind), func(t *testing.T) {
				s := simulate(t, causeloop.Dedicated, func(*simulated.Switches) {})
				client := s.client(simulated.DemoValue)
				s.injectAt(route, conformance.Fault{Kind: kind, StatusCode: status, Delay: lateBy(kind)})
				_, err := client.Create(t.Context(), asked("n"))
				failure := token.AsFailure(err)
				if failure == nil || failure.Class != token.Ambiguous || (failure.Stray != "") != stray {
					t.Fatalf("%v, want it ambiguous, the account named: %t", err, stray)
				}
				if kind == conformance.LateCommit && !stray {
					s.server.Faults().CommitLate()
				}
				for id, row := range listed(t, client) {
					if row.Name != "n" || (stray && id != failure.Stray) {
						t.Errorf("%s is listed as %q, the failure names %q", id, row.Name, failure.Stray)
					}
					if err := client.Revoke(t.Context(), id); err != nil {
						t.Error(err)
					}
				}
				s.server.Faults().CommitLate() // a token of an account that is gone
				s.expectNothing()
			})
		}
	}
}

func lateBy(kind conformance.Kind) time.Duration {
	if kind == conformance.LateCommit {
		return time.Hour
	}
	return 0
}

// expectNothing fails if the vendor has an account or a token that works.
func (s *simulation) expectNothing() {
	s.Helper()
	for _, account := range s.vendor.Truth().ServiceAccounts {
		if account.State == simulated.Active {
			s.Errorf("account %s is there", account.ID)
		}
		for _, issued := range account.Tokens {
			if issued.State == simulated.Active {
				s.Errorf("token %s is active", issued.ID)
			}
		}
	}
}

// What the suite cannot look at in a pool without a list.
func TestExisting(t *testing.T) {
	s := simulate(t, causeloop.Existing, func(*simulated.Switches) {})
	if _, err := s.client("clp_nobodys").Create(t.Context(), vendors.Request{}); token.ClassOf(err) != token.Unauthorized {
		t.Errorf("wrong credentials: %v", err)
	}
	s.inject(conformance.Fault{Route: conformance.Create, Kind: conformance.Status, StatusCode: http.StatusTooManyRequests, RetryAfter: "7"})
	client := s.client(simulated.DemoValue)
	_, err := client.Create(t.Context(), vendors.Request{})
	if failure := token.AsFailure(err); failure == nil || failure.Class != token.RateLimited || failure.RetryAfter != 7*time.Second {
		t.Errorf("too many calls: %v", err)
	}
	other, err := s.vendor.Issue(s.account, "by hand")
	if err != nil {
		t.Fatal(err)
	}
	s.inject(conformance.Fault{Route: conformance.Create, Kind: conformance.AlteredName})
	first, err := client.Create(t.Context(), vendors.Request{Name: "n"})
	if err != nil || first.Name != "n" {
		t.Errorf("a name that the vendor changed does not matter: %q, %v", first.Name, err)
	}
	second, err := client.Create(t.Context(), vendors.Request{Name: "n"})
	if err != nil || second.ID == first.ID {
		t.Errorf("a second token: %v", err)
	}
	if err := client.Revoke(t.Context(), first.ID); err != nil {
		t.Error(err)
	}
	for _, tc := range []struct {
		issued token.Issued
		live   bool
	}{{first, false}, {second, true}} {
		if id, live := s.accepts(tc.issued.Value); id != tc.issued.ID || live != tc.live {
			t.Errorf("the value of %s is one of %q, live %t, want %t", tc.issued.ID, id, live, tc.live)
		}
	}
	if err := client.Revoke(t.Context(), token.ID(other)); err != nil {
		t.Error(err)
	}
	if err := s.vendor.DeleteServiceAccount(s.account); err != nil {
		t.Fatal(err)
	}
	if _, live := s.accepts(second.Value); live {
		t.Error("a token outlives its account")
	}
	if _, err := client.Create(t.Context(), vendors.Request{}); token.ClassOf(err) != token.NotFound {
		t.Errorf("a token of an account that is gone: %v", err)
	}
	if err := client.Revoke(t.Context(), second.ID); token.ClassOf(err) != token.NotFound {
		t.Errorf("a token of an account that is gone: %v", err)
	}
}

// A value that was issued is in nothing that is shown.
func TestExistingRedaction(t *testing.T) {
	s := simulate(t, causeloop.Existing, func(*simulated.Switches) {})
	client := s.client(simulated.DemoValue)
	issued, err := client.Create(t.Context(), vendors.Request{})
	if err != nil {
		t.Fatal(err)
	}
	results := []any{client, issued}
	for _, kind := range []conformance.Kind{conformance.TruncatedBody, conformance.WrongContentType, conformance.EmptyValue, conformance.HugeBody} {
		s.inject(conformance.Fault{Route: conformance.Create, Kind: kind})
		_, err := client.Create(t.Context(), vendors.Request{})
		results = append(results, err)
	}
	for _, result := range results {
		shown := fmt.Sprintf("%v %+v %#v", result, result, result)
		for _, secret := range []string{issued.Value.Reveal(), simulated.DemoValue} {
			if strings.Contains(shown, secret) {
				sum := sha256.Sum256([]byte(secret))
				t.Errorf("a %T shows the secret with digest %s", result, hex.EncodeToString(sum[:4]))
			}
		}
	}
}

// A person who leaves takes the personal tokens along; service accounts stay.
func TestPersonLeaves(t *testing.T) {
	for kind, survives := range map[string]bool{causeloop.Personal: false, causeloop.Dedicated: true} {
		s := simulate(t, kind, func(*simulated.Switches) {})
		client := s.client(simulated.DemoValue)
		issued, err := client.Create(t.Context(), asked("n"))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.vendor.DeleteAccount(simulated.DemoName); err != nil {
			t.Fatal(err)
		}
		if _, live := s.accepts(issued.Value); live != survives {
			t.Errorf("%s: the token lives: %t, want %t", kind, live, survives)
		}
		if class := token.ClassOf(client.Revoke(t.Context(), issued.ID)); class != token.Unauthorized {
			t.Errorf("%s: the person's credential: %s", kind, class)
		}
	}
}
