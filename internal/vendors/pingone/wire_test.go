package pingone

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/login"
)

func TestRowToken(t *testing.T) {
	created := time.Date(2020, 4, 1, 19, 5, 41, 970_000_000, time.UTC)
	tests := map[string]struct {
		reason, row string
		want        token.Token
		refused     bool
	}{
		"Unused": {
			reason: "as documented; a value would not be looked at",
			row:    `{"_links":{"self":{"href":"x"}},"id":"` + one + `","createdAt":"2020-04-01T19:05:41.970Z","credential":"secret"}`,
			want:   token.Token{ID: one, State: token.Active, Account: environment, IssuedAt: created},
		},
		"Used": {
			reason: "its last use is shown",
			row:    `{"id":"` + one + `","createdAt":"2020-04-01T19:05:41.970Z","lastUsedAt":"2020-04-01T21:05:41.970+02:00"}`,
			want:   token.Token{ID: one, State: token.Active, Account: environment, IssuedAt: created, LastUsedAt: created},
		},
		"Bare":    {reason: "times may be missing", row: `{"id":"` + one + `"}`, want: token.Token{ID: one, State: token.Active, Account: environment}},
		"NoUse":   {reason: "as good as missing", row: `{"id":"` + one + `","lastUsedAt":""}`, want: token.Token{ID: one, State: token.Active, Account: environment}},
		"NullUse": {reason: "as good as missing", row: `{"id":"` + one + `","lastUsedAt":null}`, want: token.Token{ID: one, State: token.Active, Account: environment}},
		"BadTime": {reason: "as good as missing", row: `{"id":"` + one + `","createdAt":"yesterday"}`, want: token.Token{ID: one, State: token.Active, Account: environment}},
		"NoID":    {reason: "nothing can be said of it", row: `{"createdAt":"2020-04-01T19:05:41.970Z"}`, refused: true},
		"Null":    {reason: "nothing can be said of it", row: `null`, refused: true},
		"BadID":   {reason: "it would be put into a path", row: `{"id":"../x"}`, refused: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var read row
			if err := json.Unmarshal([]byte(tc.row), &read); err != nil {
				t.Fatal(err)
			}
			got, ok := read.token(environment)
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
	answer := func(id, value string) created { return created{row: row{ID: id}, Credential: value} }
	other := jwt(`{"jti":"` + one + `","gatewayId":"` + two + `"}`)
	tests := map[string]struct {
		reason string
		answer created
		want   *token.Failure
	}{
		"Good":         {reason: "as documented", answer: answer(one, genuine(one))},
		"Token":        {reason: "the other name of the field", answer: created{row: row{ID: one}, Token: genuine(one)}},
		"Both":         {reason: "the documented one wins", answer: created{row: row{ID: one}, Credential: genuine(one), Token: "x"}},
		"NoID":         {reason: "there is a credential, nobody knows which", answer: answer("", genuine(one)), want: &token.Failure{Cause: token.CauseUnexpected}},
		"BadID":        {reason: "an ID that cannot be used names nothing", answer: answer("../x", genuine(one)), want: &token.Failure{Cause: token.CauseUnexpected}},
		"NoValue":      {reason: "it is shown once, and that was it", answer: answer(one, ""), want: &token.Failure{Cause: token.CauseEmptyValue, Stray: one}},
		"OddValue":     {reason: "no header can carry it", answer: answer(one, "a b"), want: &token.Failure{Cause: token.CauseEmptyValue, Stray: one}},
		"LongValue":    {reason: "bounded", answer: answer(one, strings.Repeat("x", token.MaxValueBytes+1)), want: &token.Failure{Cause: token.CauseEmptyValue, Stray: one}},
		"OtherID":      {reason: "another credential's value", answer: answer(one, genuine(two)), want: &token.Failure{Cause: token.CauseUnexpected, Stray: one}},
		"OtherGateway": {reason: "another gateway's value", answer: answer(one, other), want: &token.Failure{Cause: token.CauseUnexpected, Stray: one}},
		"NoJWT":        {reason: "it says nothing of itself", answer: answer(one, "opaque"), want: &token.Failure{Cause: token.CauseUnexpected, Stray: one}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			issued, err := tc.answer.issued("create token", environment, gateway)
			if tc.want == nil {
				if err != nil || issued.ID != one || issued.Value.Reveal() != genuine(one) {
					t.Errorf("%s: %v, %v", tc.reason, issued, err)
				}
				return
			}
			tc.want.Operation, tc.want.Class, tc.want.Status = "create token", token.Ambiguous, http.StatusCreated
			if diff := cmp.Diff(tc.want, token.AsFailure(err)); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.reason, diff)
			}
			if !issued.Value.Empty() {
				t.Errorf("%s: a value beside an error", tc.reason)
			}
		})
	}
}

func TestProof(t *testing.T) {
	tests := map[string]struct {
		reason, value string
		ok            bool
	}{
		"Genuine":    {reason: "claims as documented", value: genuine(one), ok: true},
		"Unsigned":   {reason: "nothing is verified", value: strings.TrimSuffix(genuine(one), "c2lnbmF0dXJl"), ok: true},
		"OtherCase":  {reason: "claims have one spelling", value: jwt(`{"JTI":"` + one + `","gatewayId":"` + gateway + `"}`)},
		"NoJTI":      {reason: "not which", value: jwt(`{"gatewayId":"` + gateway + `"}`)},
		"NoGateway":  {reason: "not whose", value: jwt(`{"jti":"` + one + `"}`)},
		"BadJTI":     {reason: "it would be put into a path", value: jwt(`{"jti":"../x","gatewayId":"` + gateway + `"}`)},
		"NumberJTI":  {reason: "no ID", value: jwt(`{"jti":7,"gatewayId":"` + gateway + `"}`)},
		"Array":      {reason: "no claims", value: jwt(`[]`)},
		"Null":       {reason: "no claims", value: jwt(`null`)},
		"NoJSON":     {reason: "no claims", value: jwt(`{`)},
		"Trailing":   {reason: "two in one", value: jwt(`{"jti":"` + one + `","gatewayId":"` + gateway + `"}{}`)},
		"TwoParts":   {reason: "no JWT", value: "a.b"},
		"FourParts":  {reason: "encrypted, or no JWT", value: genuine(one) + ".x"},
		"NoBase64":   {reason: "no JWT", value: "a.{}.b"},
		"Padded":     {reason: "a JWT has no padding", value: "a.e30=.b"},
		"Empty":      {reason: "nothing"},
		"White":      {reason: "no header can carry it", value: genuine(one) + "\n"},
		"TooLong":    {reason: "bounded", value: genuine(one) + strings.Repeat("x", token.MaxValueBytes)},
		"UpperCase":  {reason: "IDs are compared by others, as they are", value: jwt(`{"jti":"` + strings.ToUpper(one) + `","gatewayId":"` + gateway + `"}`), ok: true},
		"NotAtFirst": {reason: "only the payload has claims", value: strings.Join([]string{strings.Split(genuine(one), ".")[1], "e30", "x"}, ".")},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			id, of, ok := Proof(token.NewValue(tc.value))
			if ok != tc.ok || (ok && (!strings.EqualFold(string(id), one) || of != gateway)) || (!ok && (id != "" || of != "")) {
				t.Errorf("%s: %q, %q, %t", tc.reason, id, of, ok)
			}
		})
	}
	if _, _, ok := Proof(token.Value{}); ok {
		t.Error("no value proves nothing")
	}
}

func TestRefused(t *testing.T) {
	const full = `{"code":"INVALID_DATA","details":[{"code":"INVALID_VALUE"},{"code":"CONSTRAINT_VIOLATION","target":"x"}]}`
	tests := map[string]struct {
		reason string
		class  token.Class
		body   string
		want   token.Class
	}{
		"Invalid":      {reason: "assumed", class: token.Invalid, body: full, want: token.Quota},
		"Conflict":     {reason: "assumed, too", class: token.Conflict, body: full, want: token.Quota},
		"Forbidden":    {reason: "statuses of refusals may change", class: token.Forbidden, body: full, want: token.Quota},
		"Unauthorized": {reason: "the credentials", class: token.Unauthorized, body: full, want: token.Unauthorized},
		"RateLimited":  {reason: "a rate", class: token.RateLimited, body: full, want: token.RateLimited},
		"NotFound":     {reason: "there is no gateway to be full", class: token.NotFound, body: full, want: token.NotFound},
		"Other":        {reason: "another rule", class: token.Invalid, body: `{"details":[{"code":"REQUIRED_VALUE"}]}`, want: token.Invalid},
		"NoDetails":    {reason: "no rule is named", class: token.Invalid, body: `{"code":"INVALID_DATA"}`, want: token.Invalid},
		"OtherShape":   {reason: "nothing can be read", class: token.Conflict, body: `{"details":{}}`, want: token.Conflict},
		"NoBody":       {reason: "nothing can be read", class: token.Invalid, want: token.Invalid},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if class, cause := refused(tc.class, []byte(tc.body)); class != tc.want || cause != token.CauseStatus {
				t.Errorf("%s: %s, %d, want %s", tc.reason, class, cause, tc.want)
			}
		})
	}
}

func TestLoginAnswer(t *testing.T) {
	tests := map[string]struct {
		reason, body string
		bearer       string
		life         time.Duration
	}{
		"Documented": {reason: "as RFC 6749 says", body: `{"access_token":"b","token_type":"Bearer","expires_in":3600}`, bearer: "b", life: time.Hour},
		"LowerCase":  {reason: "types have no case", body: `{"access_token":"b","token_type":"bearer","expires_in":"60"}`, bearer: "b", life: time.Minute},
		"NoType":     {reason: "what else should it be", body: `{"access_token":"b"}`, bearer: "b", life: login.UnstatedLife},
		"OtherType":  {reason: "not to be used as a bearer", body: `{"access_token":"b","token_type":"DPoP","expires_in":3600}`, life: time.Hour},
		"OtherName":  {reason: "no bearer", body: `{"token":"b","id_token":"c"}`, life: login.UnstatedLife},
		"Nothing":    {reason: "no bearer", body: `{}`, life: login.UnstatedLife},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var answer loginAnswer
			if err := json.Unmarshal([]byte(tc.body), &answer); err != nil {
				t.Fatal(err)
			}
			if got := answer.bearer().Reveal(); got != tc.bearer || login.Life(answer.ExpiresIn) != tc.life {
				t.Errorf("%s: %q for %s, want %q for %s", tc.reason, got, login.Life(answer.ExpiresIn), tc.bearer, tc.life)
			}
		})
	}
}

func FuzzLoginAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"access_token":"b","token_type":"Bearer","expires_in":3600}`, `{"access_token":"b\u0000","token_type":"bearer"}`,
		`{"access_token":"b","token_type":"mac","expires_in":-1}`, `{"expires_in":1e400}`, `[]`, `null`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var answer loginAnswer
		if json.Unmarshal(body, &answer) != nil {
			return
		}
		if life := login.Life(answer.ExpiresIn); life < 0 || life > login.MaxLife {
			t.Errorf("a life of %s", life)
		}
		if answer.bearer().Usable() && strings.ContainsAny(answer.bearer().Reveal(), "\r\n\x00 ") {
			t.Errorf("%q is taken for a bearer", answer.bearer().Reveal())
		}
	})
}

// FuzzPage: whatever a list holds, what is made of it can be put into a path and a message, and no link leads out of it.
func FuzzPage(f *testing.F) {
	for _, seed := range []string{
		`{"_links":{"next":{"href":"?cursor=x"}},"_embedded":{"credentials":[{"id":"` + one + `","createdAt":"2020-04-01T19:05:41.970Z"}]},"count":1,"size":1}`,
		`{"_embedded":{"credentials":[]}}`, `{"count":0}`, `{"_links":{"next":{"href":"https://api.example.com/v1"}},"size":0}`,
		`{"_links":{"next":{"href":"//[::1]:443/"}}}`, `{"_embedded":{"credentials":[null,{"id":"..","lastUsedAt":"9999-12-31T23:59:59.999999999+23:59"}]}}`, `null`,
	} {
		f.Add([]byte(seed))
	}
	base, err := url.Parse("https://api.pingone.eu/v1")
	if err != nil {
		f.Fatal(err)
	}
	opened := &pool{client: &Client{base: base}, environment: environment, gateway: gateway}
	f.Fuzz(func(t *testing.T, body []byte) {
		var read page
		if json.Unmarshal(body, &read) != nil {
			return
		}
		rows, ok := read.rows()
		if ok && len(rows) == 0 && read.Embedded.Credentials == nil && read.Count == nil && read.Size == nil {
			t.Errorf("%q is taken for an empty list", body)
		}
		for _, row := range rows {
			if got, ok := row.token(environment); ok && (!isUUID(string(got.ID)) || got.State != token.Active) {
				t.Errorf("%+v", got)
			}
		}
		if read.Links.Next == nil {
			return
		}
		if turn := opened.firstPage(); turn.to("list", read.Links.Next.Href) == nil {
			target, err := turn.list.Parse(read.Links.Next.Href)
			if err != nil || target.Hostname() != "api.pingone.eu" || target.Scheme != "https" || target.Path != turn.list.Path {
				t.Errorf("%q is followed", read.Links.Next.Href)
			}
		}
	})
}

// FuzzCreated: what is issued is usable, and says by itself which credential it is.
func FuzzCreated(f *testing.F) {
	for _, seed := range []string{
		fmt.Sprintf(`{"id":%q,"createdAt":"2020-04-01T19:05:41.970Z","credential":%q}`, one, genuine(one)),
		fmt.Sprintf(`{"id":%q,"token":%q}`, one, genuine(one)), fmt.Sprintf(`{"id":%q,"credential":%q}`, two, genuine(one)),
		`{"id":"..","credential":"a.b.c"}`, `{"credential":"\u0000"}`, `null`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var answer created
		if json.Unmarshal(body, &answer) != nil {
			return
		}
		issued, err := answer.issued("create token", environment, gateway)
		if err != nil {
			if failure := token.AsFailure(err); failure.Class != token.Ambiguous || (failure.Stray != "" && !isUUID(string(failure.Stray))) {
				t.Errorf("%+v", failure)
			}
			return
		}
		if id, of, ok := Proof(issued.Value); !ok || id != issued.ID || of != gateway || !issued.Value.Usable() {
			t.Errorf("issued %+v", issued)
		}
	})
}

// FuzzProof: whatever somebody wrote into a value, what comes of it are two IDs or nothing.
func FuzzProof(f *testing.F) {
	for _, seed := range []string{genuine(one), jwt(`{"jti":1}`), jwt(`{"jti":"` + one + `","jti":"x","gatewayId":"` + gateway + `"}`), "..", "a.e30.b", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		id, of, ok := Proof(token.NewValue(value))
		if ok != (isUUID(string(id)) && isUUID(of)) || (!ok && (id != "" || of != "")) {
			t.Errorf("%q, %q, %t", id, of, ok)
		}
		if ok && len(value) > token.MaxValueBytes {
			t.Errorf("%d bytes are read", len(value))
		}
	})
}

// FuzzRefused: whatever a refusal says, it stays one.
func FuzzRefused(f *testing.F) {
	for _, seed := range []string{`{"details":[{"code":"CONSTRAINT_VIOLATION"}]}`, `{"details":null}`, `[]`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, class := range []token.Class{token.Invalid, token.Conflict, token.Forbidden, token.NotFound, token.RateLimited, token.Unauthorized} {
			if got, cause := refused(class, body); cause != token.CauseStatus || (got != class && got != token.Quota) {
				t.Errorf("%s becomes %s", class, got)
			}
		}
	})
}
