package rest

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

type sample struct {
	ID string `json:"id"`
}

func TestDecodeRows(t *testing.T) {
	stop := errors.New("enough")
	long := strings.Repeat("x", MaxRow)
	tests := map[string]struct {
		reason string
		body   string
		stopAt string
		want   []string
		// wantErr is matched by errors.Is; any error when it is errAny.
		wantErr error
	}{
		"Empty":          {reason: "an empty list is a list", body: `[]`},
		"Rows":           {reason: "in the order given, unknown fields ignored", body: ` [{"id":"a","x":{"y":[1]}}, {"id":"b"} ] ` + "\n", want: []string{"a", "b"}},
		"NullRow":        {reason: "a row without anything is the caller's to judge", body: `[null]`, want: []string{""}},
		"Null":           {reason: "no list", body: `null`, wantErr: errShape},
		"Object":         {reason: "no list", body: `{"id":"a"}`, wantErr: errShape},
		"Text":           {reason: "no list", body: `"a"`, wantErr: errShape},
		"Nothing":        {reason: "no list", body: ``, wantErr: io.EOF},
		"WrongType":      {reason: "the row has another shape", body: `[{"id":7}]`, wantErr: errAny},
		"NoComma":        {reason: "malformed", body: `[{"id":"a"} {"id":"b"}]`, want: []string{"a"}, wantErr: errAny},
		"CutInRow":       {reason: "truncated", body: `[{"id":"a"},{"id":`, want: []string{"a"}, wantErr: errAny},
		"CutBetweenRows": {reason: "truncated where a careless decoder sees the end", body: `[{"id":"a"}`, want: []string{"a"}, wantErr: errAny},
		"TrailingRow":    {reason: "garbage behind the list", body: `[{"id":"a"}][]`, want: []string{"a"}, wantErr: errShape},
		"TrailingText":   {reason: "garbage behind the list", body: `[{"id":"a"}]<html>`, want: []string{"a"}, wantErr: errShape},
		"HTML":           {reason: "no list", body: `<html>`, wantErr: errAny},
		"Stopped":        {reason: "the caller's error comes back", body: `[{"id":"a"},{"id":"b"},{"id":"c"}]`, stopAt: "b", want: []string{"a", "b"}, wantErr: stop},
		"LongRow":        {reason: "just below the limit", body: `[{"id":"a","x":"` + long[:MaxRow-40] + `"}]`, want: []string{"a"}},
		"TooLongRow":     {reason: "just above the limit", body: `[{"id":"a","x":"` + long + `"}]`, wantErr: errTooLarge},
		"TooLongLater":   {reason: "each row has a limit of its own", body: `[{"id":"a"},{"id":"b","x":"` + long + `"}]`, want: []string{"a"}, wantErr: errTooLarge},
		"TwoLongRows":    {reason: "each row has a limit of its own", body: `[{"id":"a","x":"` + long[:MaxRow-40] + `"},{"id":"b","x":"` + long[:MaxRow-40] + `"}]`, want: []string{"a", "b"}},
		"Spaces":         {reason: "white space counts", body: "[" + strings.Repeat(" ", 3*MaxRow) + "]", wantErr: errAny},
		"SpacesBehind":   {reason: "white space counts behind the list, too", body: "[]" + strings.Repeat(" ", 3*MaxRow), wantErr: errAny},
		"TooDeep":        {reason: "nesting is bounded", body: "[" + strings.Repeat("[", 100_000), wantErr: errAny},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			err := decodeRows(newMeter(strings.NewReader(tc.body), MaxBody), func(row sample) error {
				got = append(got, row.ID)
				if row.ID == tc.stopAt && tc.stopAt != "" {
					return stop
				}
				return nil
			})
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: rows -want +got:\n%s", tc.reason, diff)
			}
			if !matches(err, tc.wantErr) {
				t.Errorf("%s: error %v, want %v", tc.reason, err, tc.wantErr)
			}
		})
	}
}

func TestDecodeRowsOrNull(t *testing.T) {
	tests := map[string]struct {
		reason, body string
		want         []string
		wantErr      error
	}{
		"Null":         {reason: "no rows", body: " null\n"},
		"Empty":        {reason: "no rows", body: `[]`},
		"Rows":         {reason: "a list as any other", body: `[{"id":"a"},{"id":"b"}]`, want: []string{"a", "b"}},
		"NullTrailing": {reason: "two answers in one", body: `null[]`, wantErr: errShape},
		"NullCut":      {reason: "truncated", body: `nul`, wantErr: errAny},
		"RowsTrailing": {reason: "two answers in one", body: `[]null`, wantErr: errShape},
		"RowsCut":      {reason: "truncated", body: `[{"id":"a"}`, want: []string{"a"}, wantErr: errAny},
		"Object":       {reason: "no list", body: `{}`, wantErr: errShape},
		"False":        {reason: "no list", body: `false`, wantErr: errShape},
		"Nothing":      {reason: "no list", wantErr: io.EOF},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			err := decodeRowsOrNull(newMeter(strings.NewReader(tc.body), MaxBody), func(row sample) error {
				got = append(got, row.ID)
				return nil
			})
			if diff := cmp.Diff(tc.want, got); diff != "" || !matches(err, tc.wantErr) {
				t.Errorf("%s: %v, want %v; rows -want +got:\n%s", tc.reason, err, tc.wantErr, diff)
			}
		})
	}
}

func TestDecodeRowsBounds(t *testing.T) {
	rows := func(n int, row string) io.Reader {
		return io.MultiReader(strings.NewReader("[{}"), repeat(","+row, n-1), strings.NewReader("]"))
	}
	count := 0
	counting := func(sample) error { count++; return nil }

	if err := decodeRows(newMeter(rows(MaxRows, "{}"), MaxBody), counting); err != nil || count != MaxRows {
		t.Errorf("as many rows as allowed: %d rows, %v", count, err)
	}
	if err := decodeRows(newMeter(rows(MaxRows+1, "{}"), MaxBody), counting); !errors.Is(err, errTooLarge) {
		t.Errorf("one row too many: %v", err)
	}
	meter := newMeter(rows(1000, `{"id":"a"}`), 5000)
	if err := decodeRows(meter, counting); !errors.Is(err, errTooLarge) || !errors.Is(meter.err, errTooLarge) {
		t.Errorf("more than the body may have: %v", err)
	}
}

// A list is decoded while it arrives: rows are yielded before the source has ended.
func TestDecodeRowsStreams(t *testing.T) {
	broken := errors.New("broken")
	source := io.MultiReader(strings.NewReader(`[{"id":"a"},{"id":"b"},`), iotest.ErrReader(broken))
	meter := newMeter(source, MaxBody)
	var got []string
	err := decodeRows(meter, func(row sample) error { got = append(got, row.ID); return nil })
	if err == nil || !errors.Is(meter.err, broken) {
		t.Errorf("error %v, of the source %v", err, meter.err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" {
		t.Errorf("rows before the break -want +got:\n%s", diff)
	}
}

func TestDecodeObject(t *testing.T) {
	tests := map[string]struct {
		reason, body string
		want         string
		wantErr      error
	}{
		"Object":   {reason: "one object", body: `{"id":"a"} `, want: "a"},
		"Nothing":  {reason: "no object", wantErr: io.EOF},
		"List":     {reason: "no object", body: `[]`, wantErr: errAny},
		"Trailing": {reason: "garbage behind it", body: `{"id":"a"}{}`, want: "a", wantErr: errShape},
		"Cut":      {reason: "truncated", body: `{"id":"a"`, wantErr: io.ErrUnexpectedEOF},
		"TooLarge": {reason: "bounded", body: `{"x":"` + strings.Repeat("x", MaxRow) + `"}`, wantErr: errTooLarge},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var got sample
			err := decodeObject(newMeter(strings.NewReader(tc.body), MaxRow), &got)
			if got.ID != tc.want || !matches(err, tc.wantErr) {
				t.Errorf("%s: %q, %v; want %q, %v", tc.reason, got.ID, err, tc.want, tc.wantErr)
			}
		})
	}
}

func TestIsJSON(t *testing.T) {
	for contentType, want := range map[string]bool{
		"application/json": true, "application/json; charset=utf-8": true, "Application/JSON": true, "application/hal+json": true,
		"": false, "text/html": false, "text/plain": false, "application/jsonp": false, "application/json; ;": false,
	} {
		if got := isJSON(contentType); got != want {
			t.Errorf("isJSON(%q) = %t, want %t", contentType, got, want)
		}
	}
}

// FuzzRows: whatever is sent, rows are bounded, and a list without an error is one JSON array.
func FuzzRows(f *testing.F) {
	for _, seed := range []string{`[]`, `[{"id":"a"},{"id":"b"}]`, `[{"id":"a"}`, `null`, `{}`, `[1]`, `[{"id":"\ud800"}]`, "[{}]\x00", `[{"id":{"id":[]}}]`} {
		f.Add([]byte(seed), 3)
	}
	f.Fuzz(func(t *testing.T, body []byte, chunk int) {
		whole, chunked := rowsOf(bytes.NewReader(body)), rowsOf(&chunks{bytes.NewReader(body), max(chunk%64, 1)})
		if diff := cmp.Diff(whole, chunked); diff != "" {
			t.Errorf("read in pieces -whole +pieces:\n%s", diff)
		}
		if trimmed := bytes.TrimSpace(body); whole.OK && (len(trimmed) == 0 || trimmed[0] != '[' || trimmed[len(trimmed)-1] != ']') {
			t.Errorf("%q is taken for a list", body)
		}
		if null := string(bytes.Trim(body, " \t\r\n")) == "null"; rowsOrNullOf(body) != (whole.OK || null) {
			t.Errorf("%q: a list is %t, null is %t, but a list or null is %t", body, whole.OK, null, rowsOrNullOf(body))
		}
	})
}

func rowsOrNullOf(body []byte) bool {
	return decodeRowsOrNull(newMeter(bytes.NewReader(body), MaxBody), func(sample) error { return nil }) == nil
}

type fuzzed struct {
	IDs []string
	OK  bool
}

func rowsOf(source io.Reader) fuzzed {
	var read fuzzed
	err := decodeRows(newMeter(source, MaxBody), func(row sample) error { read.IDs = append(read.IDs, row.ID); return nil })
	read.OK = err == nil
	return read
}

type chunks struct {
	source io.Reader
	size   int
}

func (c *chunks) Read(p []byte) (int, error) { return c.source.Read(p[:min(len(p), c.size)]) }

var errAny = errors.New("any error")

func matches(err, want error) bool {
	if want == errAny { //nolint:errorlint // compared with itself
		return err != nil
	}
	return errors.Is(err, want)
}

func repeat(text string, times int) io.Reader { return &repeated{text: text, left: times} }

// repeated gives a text many times without holding it.
type repeated struct {
	text    string
	left    int
	pending string
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.pending == "" {
		if r.left == 0 {
			return 0, io.EOF
		}
		r.left--
		r.pending = r.text
	}
	n := copy(p, r.pending)
	r.pending = r.pending[n:]
	return n, nil
}
