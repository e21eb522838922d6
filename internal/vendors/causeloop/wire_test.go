package causeloop

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

func TestRowToken(t *testing.T) {
	created := time.Date(2026, 5, 26, 21, 24, 11, 0, time.UTC)
	tests := map[string]struct {
		reason, row string
		want        token.Token
		refused     bool
	}{
		"Personal": {
			reason: "as assumed; the value is not looked at",
			row: `{"id":"tok_1","name":"n","scopes":["patterns:read","issues:read"],"expires_at":null,"created_at":"2026-05-26T21:24:11Z",
				"last_used_at":null,"revoked_at":null,"secret":"secret"}`,
			want: token.Token{ID: "tok_1", Name: "n", State: token.Active, IssuedAt: created, Rights: []string{"issues:read", "patterns:read"}},
		},
		"Used": {
			reason: "all times",
			row:    `{"id":"tok_1","expires_at":"2026-05-26T23:24:11+02:00","last_used_at":"2026-05-26T21:24:11Z"}`,
			want:   token.Token{ID: "tok_1", State: token.Active, ExpiresAt: created, LastUsedAt: created},
		},
		"Account":     {reason: "fields of a service account", row: `{"id":"sa_1","name":"n","description":"d","scopes":[],"tokens":[{"id":"x"}]}`, want: token.Token{ID: "sa_1", Name: "n", State: token.Active, Rights: []string{}}},
		"Revoked":     {reason: "where it is listed", row: `{"id":"a","revoked_at":"2026-05-26T21:24:11Z"}`, want: token.Token{ID: "a", State: token.Revoked, RevokedAt: created}},
		"RevokedSome": {reason: "a time that cannot be read is one", row: `{"id":"a","revoked_at":"yesterday"}`, want: token.Token{ID: "a", State: token.Revoked}},
		"RevokedNone": {reason: "no time", row: `{"id":"a","revoked_at":""}`, want: token.Token{ID: "a", State: token.Active}},
		"Fraction":    {reason: "databases have them", row: `{"id":"a","created_at":"2026-05-26T21:24:11.000000Z"}`, want: token.Token{ID: "a", State: token.Active, IssuedAt: created}},
		"NoZone":      {reason: "is UTC", row: `{"id":"a","created_at":"2026-05-26T21:24:11.000000"}`, want: token.Token{ID: "a", State: token.Active, IssuedAt: created}},
		"BadTime":     {reason: "as good as not shown", row: `{"id":"a","created_at":"yesterday"}`, want: token.Token{ID: "a", State: token.Active}},
		"ScopesTwice": {reason: "a set", row: `{"id":"a","scopes":["b:read","a:read","b:read"]}`, want: token.Token{ID: "a", State: token.Active, Rights: []string{"a:read", "b:read"}}},
		"BadScope":    {reason: "half of the scopes are none", row: `{"id":"a","scopes":["b:read","<b>"]}`, want: token.Token{ID: "a", State: token.Active}},
		"UUID":        {reason: "other IDs", row: `{"id":"019070f0-0000-7000-8000-000000000000"}`, want: token.Token{ID: "019070f0-0000-7000-8000-000000000000", State: token.Active}},
		"NoID":        {reason: "nothing can be said of it", row: `{"name":"n"}`, refused: true},
		"Null":        {reason: "nothing can be said of it", row: `null`, refused: true},
		"BadID":       {reason: "it would be put into a path", row: `{"id":"../x"}`, refused: true},
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

func TestMade(t *testing.T) {
	good := rowWithValue{row: row{ID: "a", Name: "n"}, Secret: "clp_x"}
	with := func(change func(*rowWithValue)) rowWithValue {
		changed := good
		change(&changed)
		return changed
	}
	tests := map[string]struct {
		reason string
		answer rowWithValue
		value  string
		want   *token.Failure
	}{
		"Secret":    {reason: "one field", answer: good, value: "clp_x"},
		"Token":     {reason: "the other field", answer: with(func(r *rowWithValue) { r.Secret, r.Token = "", "clp_y" }), value: "clp_y"},
		"Both":      {reason: "the first", answer: with(func(r *rowWithValue) { r.Token = "clp_y" }), value: "clp_x"},
		"NoID":      {reason: "there is a token, nobody knows which", answer: with(func(r *rowWithValue) { r.ID = "" }), want: &token.Failure{Class: token.Ambiguous, Cause: token.CauseUnexpected}},
		"BadID":     {reason: "an ID that cannot be used names nothing", answer: with(func(r *rowWithValue) { r.ID = "../x" }), want: &token.Failure{Class: token.Ambiguous, Cause: token.CauseUnexpected}},
		"OtherName": {reason: "the marker is lost", answer: with(func(r *rowWithValue) { r.Name = "N" }), want: &token.Failure{Class: token.Invalid, Cause: token.CauseNameAltered, Stray: "a"}},
		"NoName":    {reason: "not echoed", answer: with(func(r *rowWithValue) { r.Name = "" }), want: &token.Failure{Class: token.Invalid, Cause: token.CauseNameAltered, Stray: "a"}},
		"Revoked":   {reason: "dead on arrival", answer: with(func(r *rowWithValue) { r.RevokedAt = "2026-05-26T21:24:11Z" }), want: &token.Failure{Class: token.Ambiguous, Cause: token.CauseUnexpected, Stray: "a"}},
		"NoValue":   {reason: "called otherwise", answer: with(func(r *rowWithValue) { r.Secret = "" }), want: &token.Failure{Class: token.Ambiguous, Cause: token.CauseEmptyValue, Stray: "a"}},
		"OddValue":  {reason: "no header can carry it", answer: with(func(r *rowWithValue) { r.Secret = "a b" }), want: &token.Failure{Class: token.Ambiguous, Cause: token.CauseEmptyValue, Stray: "a"}},
		"LongValue": {reason: "bounded", answer: with(func(r *rowWithValue) { r.Secret = strings.Repeat("x", token.MaxValueBytes+1) }), want: &token.Failure{Class: token.Ambiguous, Cause: token.CauseEmptyValue, Stray: "a"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			issued, err := issuedOf(tc.answer, "n")
			if tc.want == nil {
				if err != nil || issued.ID != "a" || issued.Value.Reveal() != tc.value {
					t.Errorf("%s: %v, %v", tc.reason, issued, err)
				}
				return
			}
			tc.want.Operation, tc.want.Status = "create token", 201
			if diff := cmp.Diff(tc.want, token.AsFailure(err)); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.reason, diff)
			}
			if !issued.Value.Empty() {
				t.Errorf("%s: a value beside an error", tc.reason)
			}
		})
	}
}

// issuedOf judges an answer as the pool of personal tokens does.
func issuedOf(answer rowWithValue, name string) (token.Issued, error) {
	answered := made{"create token", 201}
	created, err := answered.named(answer.row, name)
	if err != nil {
		return token.Issued{}, err
	}
	return answered.issued(created, answer)
}

func TestScope(t *testing.T) {
	tests := map[string]struct {
		reason, text, want string
		refused            bool
	}{
		"Text":   {reason: "a name alone", text: `"issues:read"`, want: "issues:read"},
		"Name":   {reason: "an object", text: `{"name":"issues:read","description":"Read"}`, want: "issues:read"},
		"Scope":  {reason: "called as the table in the document calls it", text: `{"scope":"issues:read"}`, want: "issues:read"},
		"Other":  {reason: "no name", text: `{"key":"issues:read"}`},
		"Null":   {reason: "no name", text: `null`},
		"Number": {reason: "no name", text: `7`, refused: true},
		"List":   {reason: "no name", text: `["issues:read"]`, refused: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var got scope
			if err := json.Unmarshal([]byte(tc.text), &got); got.name != tc.want || (err != nil) != tc.refused {
				t.Errorf("%s: %q, %v", tc.reason, got.name, err)
			}
		})
	}
}

func TestRefusal(t *testing.T) {
	tests := map[string]struct {
		reason string
		class  token.Class
		body   string
		want   token.Class
	}{
		"Unknown":   {"the vendor's own word", token.NotFound, `{"error":{"code":"not_found","message":"m","trace_id":"t"}}`, token.NotFound},
		"NoRoute":   {"a framework's word for a path", token.NotFound, `{"detail":"Not Found"}`, token.Unavailable},
		"Other":     {"somebody else's form", token.NotFound, `{"error":"not found"}`, token.Unavailable},
		"Number":    {"somebody else's form", token.NotFound, `{"error":{"code":404}}`, token.Unavailable},
		"NoCode":    {"somebody else's form", token.NotFound, `{"error":{}}`, token.Unavailable},
		"Null":      {"nothing", token.NotFound, `null`, token.Unavailable},
		"Nothing":   {"no JSON", token.NotFound, ``, token.Unavailable},
		"Forbidden": {"the status says it", token.Forbidden, `{}`, token.Forbidden},
		"Conflict":  {"the status says it", token.Conflict, ``, token.Conflict},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got, _ := refusal(tc.class, []byte(tc.body)); got != tc.want {
				t.Errorf("%s: %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

func TestNextPage(t *testing.T) {
	tests := map[string]struct {
		reason, page string
		want         string
		broken       bool
	}{
		"None":       {reason: "all rows came at once"},
		"Null":       {reason: "all rows came at once", page: `null`},
		"Empty":      {reason: "nothing is said", page: `{}`},
		"More":       {reason: "as documented", page: `{"next_cursor":"c","has_more":true,"total":7}`, want: "c"},
		"Last":       {reason: "as documented", page: `{"next_cursor":null,"has_more":false,"total":7}`},
		"LastCursor": {reason: "what is said in words counts", page: `{"next_cursor":"c","has_more":false}`},
		"CursorOnly": {reason: "a cursor leads somewhere", page: `{"next_cursor":"c"}`, want: "c"},
		"NoCursor":   {reason: "there is more, nobody knows where", page: `{"has_more":true}`, broken: true},
		"Blank":      {reason: "there is more, nobody knows where", page: `{"next_cursor":"","has_more":true}`, broken: true},
		"TooLong":    {reason: "bounded", page: `{"next_cursor":"` + strings.Repeat("x", maxCursor+1) + `"}`, broken: true},
		"WrongType":  {reason: "another shape", page: `{"next_cursor":7}`, broken: true},
		"WrongWord":  {reason: "another shape", page: `{"has_more":"no"}`, broken: true},
		"List":       {reason: "another shape", page: `[]`, broken: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := nextPage(json.RawMessage(tc.page))
			if ok == tc.broken || (ok && got != tc.want) {
				t.Errorf("%s: %q, %t", tc.reason, got, ok)
			}
		})
	}
}

func TestPlain(t *testing.T) {
	for text, want := range map[string]bool{
		"c2679064-c908-4bb0-9928-a0e3ce37da80": true, "sa_0123": true, "A_b.9": true, "...": true, strings.Repeat("x", 128): true,
		"": false, ".": false, "..": false, "a/b": false, "a b": false, "a?b": false, "a%2f": false, "ä": false, "a\n": false, "a:b": false,
		strings.Repeat("x", 129): false,
	} {
		if got := plain(text); got != want {
			t.Errorf("plain(%q) = %t, want %t", text, got, want)
		}
	}
	for text, want := range map[string]bool{"issues:read": true, "issues:*": true, "": false, "a b": false, "<b>": false, strings.Repeat("x", 129): false} {
		if got := plainRight(text); got != want {
			t.Errorf("plainRight(%q) = %t, want %t", text, got, want)
		}
	}
}

// FuzzRow: whatever a vendor's row holds, what is made of it can be put into a path and a message.
func FuzzRow(f *testing.F) {
	for _, seed := range []string{
		`{"id":"a","name":"n","scopes":["issues:read"],"created_at":"2026-05-26T21:24:11Z","secret":"x"}`, `{"id":"..","revoked_at":"x"}`,
		`{"ID":"A","Id":"b"}`, `{"id":"a","created_at":"9999-12-31T23:59:59.999999999+23:59"}`, `null`, `{"id":"\ud800"}`,
		`{"id":"a","scopes":["b","a","a","\n"],"token":"x"}`, `{"id":"a","expires_at":"2026-05-26T21:24:11"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var read rowWithValue
		if json.Unmarshal(body, &read) != nil {
			return
		}
		if got, ok := read.token(); ok {
			if !plain(string(got.ID)) || (got.State != token.Active && got.State != token.Revoked) {
				t.Errorf("%+v", got)
			}
			for _, right := range got.Rights {
				if !plainRight(right) {
					t.Errorf("right %q", right)
				}
			}
		}
		issued, err := issuedOf(read, read.Name)
		if err == nil && (!issued.Value.Usable() || issued.State != token.Active || !plain(string(issued.ID))) {
			t.Errorf("issued %+v", issued)
		}
		if failure := token.AsFailure(err); failure != nil && failure.Stray != "" && !plain(string(failure.Stray)) {
			t.Errorf("stray %q", failure.Stray)
		}
	})
}

// FuzzPage: whatever a page says, a list goes on with a cursor, ends, or is broken; and the end is said or nothing is.
func FuzzPage(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `{}`, `{"next_cursor":"c","has_more":true,"total":7}`, `{"next_cursor":null,"has_more":false}`, `{"has_more":true}`,
		`{"HAS_MORE":true,"has_more":false}`, `[]`, `{"next_cursor":"\u0000"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		cursor, ok := nextPage(text)
		if !ok {
			return
		}
		var said page
		if len(text) > 0 && json.Unmarshal(text, &said) != nil {
			t.Fatalf("%q is read", text)
		}
		if more := said.HasMore != nil && *said.HasMore; len(cursor) > maxCursor || (more && cursor == "") {
			t.Errorf("%q leads to %q", text, cursor)
		}
	})
}

// FuzzRefusal: whatever an error says, only a vendor's word of a token that is not there is taken for one.
func FuzzRefusal(f *testing.F) {
	for _, seed := range []string{``, `{}`, `null`, `{"error":{"code":"not_found"}}`, `{"error":{"code":404}}`, `{"detail":"Not Found"}`, `{"ERROR":{"Code":"x"}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		class, cause := refusal(token.NotFound, body)
		if class == token.NotFound && (cause != token.CauseStatus || !json.Valid(body) || !strings.Contains(strings.ToLower(string(body)), "code")) && !strings.Contains(string(body), `\`) {
			t.Errorf("%q is taken for an unknown token", body)
		}
		if class, _ := refusal(token.Unauthorized, body); class != token.Unauthorized {
			t.Errorf("%q makes %s of a 401", body, class)
		}
	})
}

// FuzzScope: whatever the catalogue holds, what is made of it is the text that was there.
func FuzzScope(f *testing.F) {
	for _, seed := range []string{`"issues:read"`, `{"name":"issues:read"}`, `{"scope":"a"}`, `null`, `7`, `[]`, `{"name":7}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var read scope
		if json.Unmarshal(text, &read) == nil && plainRight(read.name) && !strings.Contains(string(text), `\`) && !strings.Contains(string(text), read.name) {
			t.Errorf("%q is read as %q", text, read.name)
		}
	})
}
