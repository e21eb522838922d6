package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

func TestDecodeEnvelope(t *testing.T) {
	stop := errors.New("enough")
	long := strings.Repeat("x", MaxRow)
	tests := map[string]struct {
		reason, body string
		stopAt       string
		want         []string
		beside       map[string]string
		wantErr      error
	}{
		"Array":       {reason: "the array alone", body: ` [{"id":"a"},{"id":"b"}] `, want: []string{"a", "b"}},
		"EmptyArray":  {reason: "the array alone", body: `[]`},
		"Data":        {reason: "the array in its field", body: `{"data":[{"id":"a"}]}`, want: []string{"a"}, beside: map[string]string{}},
		"Before":      {reason: "fields before it", body: `{"page":{"x":[1]},"data":[]}`, beside: map[string]string{"page": `{"x":[1]}`}},
		"Behind":      {reason: "fields behind it", body: `{"data":[{"id":"a"}],"page":null}`, want: []string{"a"}, beside: map[string]string{"page": `null`}},
		"NoData":      {reason: "nobody knows where the rows are", body: `{"items":[]}`, wantErr: errShape},
		"EmptyObject": {reason: "nobody knows where the rows are", body: `{}`, wantErr: errShape},
		"NullData":    {reason: "nothing is not an empty list", body: `{"data":null}`, wantErr: errShape},
		"ObjectData":  {reason: "no list", body: `{"data":{"a":{}}}`, wantErr: errShape},
		"TwoLists":    {reason: "which one is it?", body: `{"data":[{"id":"a"}],"data":[]}`, want: []string{"a"}, wantErr: errShape},
		"TwoPages":    {reason: "which one is it?", body: `{"page":1,"page":2,"data":[]}`, wantErr: errShape},
		"Null":        {reason: "no list", body: `null`, wantErr: errShape},
		"Text":        {reason: "no list", body: `"data"`, wantErr: errShape},
		"Nothing":     {reason: "no list", wantErr: io.EOF},
		"CutInRow":    {reason: "truncated", body: `{"data":[{"id":"a"},{"id"`, want: []string{"a"}, wantErr: errAny},
		"CutBehind":   {reason: "the page that is missing may say that there is more", body: `{"data":[{"id":"a"}]`, want: []string{"a"}, wantErr: errAny},
		"CutInField":  {reason: "truncated", body: `{"data":[],"page":{"has_more":`, wantErr: errAny},
		"NoComma":     {reason: "malformed", body: `{"data":[] "page":1}`, wantErr: errAny},
		"LastComma":   {reason: "malformed", body: `{"data":[],}`, wantErr: errAny},
		"Trailing":    {reason: "two answers in one", body: `{"data":[]}{}`, wantErr: errShape},
		"WrongType":   {reason: "the row has another shape", body: `{"data":[{"id":7}]}`, wantErr: errAny},
		"Stopped":     {reason: "the caller's error comes back", body: `{"data":[{"id":"a"},{"id":"b"}]}`, stopAt: "a", want: []string{"a"}, wantErr: stop},
		"LongBefore":  {reason: "fields are bounded", body: `{"x":"` + long + `","data":[]}`, wantErr: errTooLarge},
		"ManyBefore":  {reason: "all of them together", body: `{"x":"` + long[:MaxRow/2] + `","y":"` + long[:MaxRow/2] + `","data":[]}`, wantErr: errTooLarge},
		"LongBehind":  {reason: "fields are bounded", body: `{"data":[],"x":"` + long + long + `"}`, wantErr: errTooLarge},
		"LongRow":     {reason: "rows are bounded", body: `{"data":[{"id":"` + long + `"}]}`, wantErr: errTooLarge},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			read, err := decodeEnvelope(newMeter(strings.NewReader(tc.body), MaxBody), "data", func(row sample) error {
				got = append(got, row.ID)
				if row.ID == tc.stopAt && tc.stopAt != "" {
					return stop
				}
				return nil
			})
			if !matches(err, tc.wantErr) {
				t.Errorf("%s: error %v, want %v", tc.reason, err, tc.wantErr)
			}
			var beside map[string]string
			for field, value := range read {
				if beside == nil {
					beside = map[string]string{}
				}
				beside[field] = string(value)
			}
			if diff := cmp.Diff(tc.beside, beside, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: other fields -want +got:\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: rows -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestEnvelopeOverTheWire(t *testing.T) {
	server, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Date", noon.Format(http.TimeFormat))
		_, _ = io.WriteString(w, `{"data":[{"id":"a"},{"id":"b"}],"page":{"has_more":false}}`)
	})
	client := connect(t, server, Options{})
	var got []string
	call := Call{Operation: "list", Method: http.MethodGet, Want: http.StatusOK}
	beside, answer, err := Envelope(t.Context(), client, call, "data", func(row sample) error { got = append(got, row.ID); return nil })
	if err != nil || answer != (Answer{Status: http.StatusOK, VendorTime: noon}) || string(beside["page"]) != `{"has_more":false}` {
		t.Errorf("%v, %v, %v", beside, answer, err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" {
		t.Errorf("rows -want +got:\n%s", diff)
	}
	_, _, err = Envelope(t.Context(), client, call, "items", func(sample) error { return nil })
	check(t, "the rows are elsewhere", err, &token.Failure{Operation: "list", Class: token.Unavailable, Cause: token.CauseUnexpected, Status: 200})
}

// FuzzEnvelope: whatever is sent, a list without an error is valid JSON with the rows in it, however it arrives.
func FuzzEnvelope(f *testing.F) {
	for _, seed := range []string{
		`[]`, `{"data":[]}`, `{"data":[{"id":"a"}],"page":{"next_cursor":"x","has_more":true}}`, `{"page":null,"data":[{}]}`,
		`{"data":[],}`, `{"data":[]`, `{"data" [] }`, `{"data":[],"data":[]}`, `[[]]`, `{"data":[{"id":"a"} ] , "x" : 1 }`,
	} {
		f.Add([]byte(seed), 3)
	}
	f.Fuzz(func(t *testing.T, body []byte, chunk int) {
		whole, chunked := envelopeOf(bytes.NewReader(body)), envelopeOf(&chunks{bytes.NewReader(body), max(chunk%64, 1)})
		if diff := cmp.Diff(whole, chunked); diff != "" {
			t.Errorf("read in pieces -whole +pieces:\n%s", diff)
		}
		if whole.OK && !json.Valid(body) {
			t.Errorf("%q is taken for a list", body)
		}
	})
}

func envelopeOf(source io.Reader) fuzzed {
	var read fuzzed
	_, err := decodeEnvelope(newMeter(source, MaxBody), "data", func(row sample) error { read.IDs = append(read.IDs, row.ID); return nil })
	read.OK = err == nil
	return read
}
