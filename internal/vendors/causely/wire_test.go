package causely

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
		"Active": {
			reason: "as documented; the value is not looked at",
			row: `{"id":"a-1","name":"n","tokenValue":"secret","mediatorId":"m","projectId":"p","createdBy":"u","createdByEmail":"u@example.com",
				"state":"active","createdAt":"2026-05-26T21:24:11Z"}`,
			want: token.Token{ID: "a-1", Name: "n", State: token.Active, Account: "p", MediatorID: "m", IssuedAt: created},
		},
		"Revoked": {
			reason: "as documented",
			row:    `{"id":"a-1","name":"n","projectId":"p","state":"revoked","revokedAt":"2026-05-26T23:24:11+02:00","revokedBy":"u"}`,
			want:   token.Token{ID: "a-1", Name: "n", State: token.Revoked, Account: "p", RevokedAt: created},
		},
		"NewState":    {reason: "nothing may depend on its being gone", row: `{"id":"a","state":"suspended"}`, want: token.Token{ID: "a", State: token.Active}},
		"NoState":     {reason: "nothing may depend on its being gone", row: `{"id":"a"}`, want: token.Token{ID: "a", State: token.Active}},
		"Fraction":    {reason: "ISO 8601 allows it", row: `{"id":"a","createdAt":"2026-05-26T21:24:11.000Z"}`, want: token.Token{ID: "a", State: token.Active, IssuedAt: created}},
		"BadTime":     {reason: "as good as not shown", row: `{"id":"a","createdAt":"yesterday"}`, want: token.Token{ID: "a", State: token.Active}},
		"BadMediator": {reason: "as good as not shown", row: `{"id":"a","mediatorId":"<b>"}`, want: token.Token{ID: "a", State: token.Active}},
		"NoID":        {reason: "nothing can be said of it", row: `{"name":"n"}`, refused: true},
		"Null":        {reason: "nothing can be said of it", row: `null`, refused: true},
		"BadID":       {reason: "it would be put into a path", row: `{"id":"../x"}`, refused: true},
		"BadAccount":  {reason: "a garbled account must not be read as none", row: `{"id":"a","projectId":"p q"}`, refused: true},
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
	good := rowWithValue{row: row{ID: "a", Name: "n", State: "active", ProjectID: "p"}, TokenValue: "eyJ.x.y"}
	with := func(change func(*rowWithValue)) rowWithValue {
		changed := good
		change(&changed)
		return changed
	}
	tests := map[string]struct {
		reason string
		answer rowWithValue
		want   *token.Failure
	}{
		"Good":       {reason: "as documented", answer: good},
		"NoID":       {reason: "there is a token, nobody knows which", answer: with(func(r *rowWithValue) { r.ID = "" }), want: &token.Failure{Class: token.Ambiguous, Cause: token.CauseUnexpected}},
		"BadID":      {reason: "an ID that cannot be used names nothing", answer: with(func(r *rowWithValue) { r.ID = "../x" }), want: &token.Failure{Class: token.Ambiguous, Cause: token.CauseUnexpected}},
		"OtherName":  {reason: "the marker is lost", answer: with(func(r *rowWithValue) { r.Name = "N" }), want: &token.Failure{Class: token.Invalid, Cause: token.CauseNameAltered, Stray: "a"}},
		"NoName":     {reason: "not echoed", answer: with(func(r *rowWithValue) { r.Name = "" }), want: &token.Failure{Class: token.Invalid, Cause: token.CauseNameAltered, Stray: "a"}},
		"NoValue":    {reason: "seen with credentials of too little right", answer: with(func(r *rowWithValue) { r.TokenValue = "" }), want: &token.Failure{Class: token.Ambiguous, Cause: token.CauseEmptyValue, Stray: "a"}},
		"OddValue":   {reason: "no header can carry it", answer: with(func(r *rowWithValue) { r.TokenValue = "a b" }), want: &token.Failure{Class: token.Ambiguous, Cause: token.CauseEmptyValue, Stray: "a"}},
		"LongValue":  {reason: "bounded", answer: with(func(r *rowWithValue) { r.TokenValue = strings.Repeat("x", token.MaxValueBytes+1) }), want: &token.Failure{Class: token.Ambiguous, Cause: token.CauseEmptyValue, Stray: "a"}},
		"Revoked":    {reason: "dead on arrival", answer: with(func(r *rowWithValue) { r.State = "revoked" }), want: &token.Failure{Class: token.Ambiguous, Cause: token.CauseUnexpected, Stray: "a"}},
		"NoState":    {reason: "not as documented", answer: with(func(r *rowWithValue) { r.State = "" }), want: &token.Failure{Class: token.Ambiguous, Cause: token.CauseUnexpected, Stray: "a"}},
		"BadAccount": {reason: "a garbled account must not be read as none", answer: with(func(r *rowWithValue) { r.ProjectID = "p q" }), want: &token.Failure{Class: token.Ambiguous, Cause: token.CauseUnexpected, Stray: "a"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			issued, err := tc.answer.issued("create token", "n")
			if tc.want == nil {
				if err != nil || issued.ID != "a" || issued.Value.Reveal() != good.TokenValue {
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

func TestPlain(t *testing.T) {
	for text, want := range map[string]bool{
		"c2679064-c908-4bb0-9928-a0e3ce37da80": true, "A_b.9": true, "...": true, strings.Repeat("x", 128): true,
		"": false, ".": false, "..": false, "a/b": false, "a b": false, "a?b": false, "a%2f": false, "ä": false, "a\n": false,
		strings.Repeat("x", 129): false,
	} {
		if got := plain(text); got != want {
			t.Errorf("plain(%q) = %t, want %t", text, got, want)
		}
	}
}

// FuzzRow: whatever a vendor's row holds, what is made of it can be put into a path and a message.
func FuzzRow(f *testing.F) {
	for _, seed := range []string{
		`{"id":"a","name":"n","projectId":"p","state":"active","createdAt":"2026-05-26T21:24:11Z"}`, `{"id":"..","state":"revoked"}`,
		`{"ID":"A","Id":"b"}`, `{"id":"a","createdAt":"9999-12-31T23:59:59.999999999+23:59"}`, `null`, `{"id":"\ud800"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var read rowWithValue
		if json.Unmarshal(body, &read) != nil {
			return
		}
		if got, ok := read.token(); ok {
			if !plain(string(got.ID)) || (got.Account != "" && !plain(got.Account)) || (got.MediatorID != "" && !plain(got.MediatorID)) {
				t.Errorf("%+v", got)
			}
			if got.State != token.Active && got.State != token.Revoked {
				t.Errorf("state %q", got.State)
			}
		}
		if issued, err := read.issued("create token", read.Name); err == nil && (!issued.Value.Usable() || issued.State != token.Active) {
			t.Errorf("issued %+v", issued)
		}
	})
}
