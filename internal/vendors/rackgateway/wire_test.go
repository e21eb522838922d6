package rackgateway

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

func TestRowToken(t *testing.T) {
	created, used := time.Date(2026, 5, 26, 21, 24, 11, 123456000, time.UTC), time.Date(2026, 5, 27, 6, 0, 0, 0, time.UTC)
	const begin = `{"public_id":"` + uuid + `"`
	tests := map[string]struct {
		reason, row string
		want        token.Token
		refused     bool
	}{
		"Full": {
			reason: "as the gateway sends it; who made it is nobody's business",
			row: begin + `,"id":42,"name":"n","user_id":1,"created_by_email":"u@example.com","permissions":["convox:b:c","convox:a:*"],
				"created_at":"2026-05-26T21:24:11.123456Z","expires_at":null,"last_used_at":"2026-05-27T08:00:00+02:00"}`,
			want: token.Token{
				ID: uuid, Name: "n", State: token.Active, AuditID: "42", Rights: []string{"convox:a:*", "convox:b:c"},
				IssuedAt: created, LastUsedAt: used,
			},
		},
		"Value":     {reason: "a value in a row is not looked at", row: begin + `,"token":"rgw_v"}`, want: token.Token{ID: uuid, State: token.Active}},
		"Unused":    {reason: "never", row: begin + `,"last_used_at":null}`, want: token.Token{ID: uuid, State: token.Active}},
		"Expires":   {reason: "what the gateway says is told", row: begin + `,"expires_at":"2026-05-27T06:00:00Z"}`, want: token.Token{ID: uuid, State: token.Active, ExpiresAt: used}},
		"Twice":     {reason: "a set", row: begin + `,"permissions":["b","a","b"]}`, want: token.Token{ID: uuid, State: token.Active, Rights: []string{"a", "b"}}},
		"NoRights":  {reason: "it may nothing", row: begin + `,"permissions":[]}`, want: token.Token{ID: uuid, State: token.Active, Rights: []string{}}},
		"Unshown":   {reason: "nobody says what it may", row: begin + `,"permissions":null}`, want: token.Token{ID: uuid, State: token.Active}},
		"NoNumber":  {reason: "as good as not shown", row: begin + `,"id":0}`, want: token.Token{ID: uuid, State: token.Active}},
		"BadNumber": {reason: "as good as not shown", row: begin + `,"id":-3}`, want: token.Token{ID: uuid, State: token.Active}},
		"BadTime":   {reason: "as good as not shown", row: begin + `,"created_at":"yesterday"}`, want: token.Token{ID: uuid, State: token.Active}},
		"NumberID":  {reason: "the number of the log is no ID", row: `{"id":42,"name":"n"}`, refused: true},
		"Null":      {reason: "nothing can be said of it", row: `null`, refused: true},
		"PathID":    {reason: "it would be put into a path", row: `{"public_id":"../x"}`, refused: true},
		"UpperID":   {reason: "one token has one ID", row: `{"public_id":"` + strings.ToUpper(uuid) + `"}`, refused: true},
		"LongID":    {reason: "nothing may follow", row: `{"public_id":"` + uuid + `\n"}`, refused: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var read row
			if err := json.Unmarshal([]byte(tc.row), &read); err != nil {
				t.Fatal(err)
			}
			got, ok := read.token()
			if ok == tc.refused {
				t.Fatalf("%s: ok is %t", tc.reason, ok)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestIssued(t *testing.T) {
	good := createAnswer{Token: "rgw_kX7-_9=", Row: row{ID: uuid, Name: "n", Number: 7, Permissions: []string{"a"}}}
	with := func(change func(*createAnswer)) createAnswer {
		changed := good
		change(&changed)
		return changed
	}
	empty := &token.Failure{Class: token.Ambiguous, Cause: token.CauseEmptyValue, Stray: uuid}
	altered := &token.Failure{Class: token.Invalid, Cause: token.CauseNameAltered, Stray: uuid}
	nobody := &token.Failure{Class: token.Ambiguous, Cause: token.CauseUnexpected}
	tests := map[string]struct {
		reason string
		answer createAnswer
		want   *token.Failure
	}{
		"Good":         {reason: "as the gateway sends it", answer: good},
		"NoNumber":     {reason: "nothing hangs on it", answer: with(func(a *createAnswer) { a.Row.Number = 0 })},
		"NoID":         {reason: "there is a token, nobody knows which", answer: with(func(a *createAnswer) { a.Row.ID = "" }), want: nobody},
		"BadID":        {reason: "an ID that cannot be used names nothing", answer: with(func(a *createAnswer) { a.Row.ID = "7" }), want: nobody},
		"OtherName":    {reason: "the marker is lost", answer: with(func(a *createAnswer) { a.Row.Name = "N" }), want: altered},
		"NoName":       {reason: "not echoed", answer: with(func(a *createAnswer) { a.Row.Name = "" }), want: altered},
		"NameAndValue": {reason: "what is stored counts most", answer: with(func(a *createAnswer) { a.Row.Name, a.Token = "N", "" }), want: altered},
		"NoValue":      {reason: "never written into a Secret", answer: with(func(a *createAnswer) { a.Token = "" }), want: empty},
		"OtherForm":    {reason: "not the gateway's", answer: with(func(a *createAnswer) { a.Token = "kX7mN2pQ9rT4" }), want: empty},
		"OnlyBegun":    {reason: "nothing behind it", answer: with(func(a *createAnswer) { a.Token = "rgw_" }), want: empty},
		"OddValue":     {reason: "no header can carry it", answer: with(func(a *createAnswer) { a.Token = "rgw_a b" }), want: empty},
		"LongValue":    {reason: "bounded", answer: with(func(a *createAnswer) { a.Token = "rgw_" + strings.Repeat("x", token.MaxValueBytes) }), want: empty},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			issued, err := tc.answer.issued("create token", "n")
			if tc.want == nil {
				if err != nil || issued.ID != uuid || issued.Value.Reveal() != good.Token {
					t.Errorf("%s: %v, %v", tc.reason, issued, err)
				}
				return
			}
			want := *tc.want
			want.Operation, want.Status = "create token", 200
			if diff := cmp.Diff(&want, token.AsFailure(err)); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.reason, diff)
			}
			if !issued.Value.Empty() {
				t.Errorf("%s: a value beside an error", tc.reason)
			}
		})
	}
}

func TestCatalogue(t *testing.T) {
	var read catalogueAnswer
	if err := json.Unmarshal([]byte(`{"permissions":["b","a","b"],"roles":[{"name":"r","label":"R","permissions":["c:*:*","a"]}],
		"user_roles":["admin"],"default_permissions":["a"]}`), &read); err != nil {
		t.Fatal(err)
	}
	got, ok := read.catalogue()
	want := vendors.Catalogue{Rights: []string{"a", "b"}, Roles: map[string][]string{"r": {"a", "c:*:*"}}}
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Errorf("ok is %t, -want +got:\n%s", ok, diff)
	}
}

// FuzzRow: whatever a row holds, what is made of it can be put into a path, and into a record.
func FuzzRow(f *testing.F) {
	for _, seed := range []string{
		goodRow, `{"public_id":".."}`, `{"PUBLIC_ID":"` + uuid + `"}`, `null`, `{"public_id":"\ud800"}`, `{"id":9223372036854775807,"public_id":"` + uuid + `"}`,
		`{"public_id":"` + uuid + `","created_at":"9999-12-31T23:59:59.999999999+23:59","permissions":["b","a","","a"]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var read row
		if json.Unmarshal(body, &read) != nil {
			return
		}
		if got, ok := read.token(); ok {
			sound(t, got)
		}
	})
}

// sound fails unless a token that was read can be relied on.
func sound(t *testing.T, got token.Token) {
	t.Helper()
	if !wellFormedID(string(got.ID)) || got.State != token.Active || got.Account != "" || !got.RevokedAt.IsZero() {
		t.Errorf("%+v", got)
	}
	if !slices.IsSorted(got.Rights) || strings.Trim(got.AuditID, "0123456789") != "" {
		t.Errorf("rights %q, audit ID %q", got.Rights, got.AuditID)
	}
}

// FuzzList: however many rows there are and whatever is in them, each is sound or refused; null has none.
func FuzzList(f *testing.F) {
	for _, seed := range []string{`null`, `[]`, `[` + goodRow + `,` + goodRow + `]`, `[null]`, `[` + goodRow, `{}`, `[{"id":"7"}]`, ` null`, `nul`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var rows []row
		if json.Unmarshal(body, &rows) != nil {
			return
		}
		for _, read := range rows {
			if got, ok := read.token(); ok {
				sound(t, got)
			}
		}
	})
}

// FuzzCreate: whatever the gateway says to a create, it is a token of that name with a value, or a doubt, or a name that is
// another.
func FuzzCreate(f *testing.F) {
	const begin = `{"token":"rgw_v","api_token":`
	for _, seed := range []string{
		begin + goodRow + `}`, begin + `null}`, begin + `{"public_id":"` + uuid + `"}}`, `{"api_token":` + goodRow + `}`, `null`,
		`{"token":"rgw_\n","api_token":` + goodRow + `}`, begin + goodRow + `,"Token":""}`, begin + goodRow + `,"api_token":{"name":"x"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var answer createAnswer
		if json.Unmarshal(body, &answer) != nil {
			return
		}
		issued, err := answer.issued("create token", "n")
		failure := token.AsFailure(err)
		switch {
		case failure == nil:
			sound(t, issued.Token)
			if issued.Name != "n" || !wellFormed(issued.Value) {
				t.Errorf("%q is taken for a token", body)
			}
		case !issued.Value.Empty(), failure.Stray != "" && !wellFormedID(string(failure.Stray)):
			t.Errorf("%q: stray %q", body, failure.Stray)
		case failure.Class != token.Ambiguous && failure.Cause != token.CauseNameAltered:
			t.Errorf("%q: %v, %s", body, err, failure.Class)
		}
	})
}

// FuzzRefusal: whatever the body of a refusal is, it stays a refusal, and nobody but the gateway says that a token is gone.
func FuzzRefusal(f *testing.F) {
	for _, seed := range []string{`{"error":"token name already exists"}`, `{"error":"token not found"}`, `{"error":""}`, `{"error":["x"]}`, `[]`, `null`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, class := range []token.Class{token.Unauthorized, token.Forbidden, token.Conflict, token.RateLimited} {
			created, _ := refusedCreate(class, body)
			if one, _ := refusedForOne(class, body); created != class || one != class {
				t.Errorf("%s with %q is %s and %s", class, body, created, one)
			}
		}
		if class, _ := refusedCreate(token.Invalid, body); class != token.Invalid && class != token.Conflict {
			t.Errorf("%q: %s", body, class)
		}
		if class, _ := refusedForOne(token.NotFound, body); class == token.NotFound && errorIn(body) == "" {
			t.Errorf("%q is proof", body)
		}
	})
}
