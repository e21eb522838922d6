package rest

import (
	"net/http"
	"testing"
	"time"
)

var noon = time.Date(2026, 5, 26, 12, 0, 0, 0, time.UTC)

func TestRetryAfter(t *testing.T) {
	date := func(offset time.Duration) string { return noon.Add(offset).Format(http.TimeFormat) }
	tests := map[string]struct {
		reason, header, date string
		want                 time.Duration
	}{
		"None":         {reason: "no header, no pause"},
		"Seconds":      {reason: "the usual form", header: "7", want: 7 * time.Second},
		"Spaces":       {reason: "harmless", header: " 7 ", want: 7 * time.Second},
		"Zero":         {reason: "0 would mean hammering", header: "0", want: time.Second},
		"TooLong":      {reason: "one header must not silence an issuer for a year", header: "31536000", want: time.Hour},
		"Overflow":     {reason: "longer than any number", header: "99999999999999999999999999", want: time.Hour},
		"Negative":     {reason: "not a number of the grammar", header: "-5"},
		"Fraction":     {reason: "not a number of the grammar", header: "1.5"},
		"Words":        {reason: "neither form", header: "soon"},
		"Date":         {reason: "against our clock where there is no Date", header: date(90 * time.Second), want: 90 * time.Second},
		"DateOfVendor": {reason: "the vendor's clock is an hour ahead", header: date(time.Hour + time.Minute), date: date(time.Hour), want: time.Minute},
		"DatePast":     {reason: "over already: still not at once", header: date(-time.Minute), want: time.Second},
		"DateFar":      {reason: "capped like seconds", header: date(48 * time.Hour), want: time.Hour},
		"DateBadDate":  {reason: "a Date that cannot be read is none", header: date(time.Minute), date: "yesterday", want: time.Minute},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			header := http.Header{}
			for key, value := range map[string]string{"Retry-After": tc.header, "Date": tc.date} {
				if value != "" {
					header.Set(key, value)
				}
			}
			if got := retryAfter(header, noon); got != tc.want {
				t.Errorf("%s: retryAfter(%q) = %s, want %s", tc.reason, tc.header, got, tc.want)
			}
		})
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "0", "7", "-1", "1e9", "99999999999999999999", "Tue, 26 May 2026 12:00:07 GMT", "Mon, 01 Jan 0000 00:00:00 GMT"} {
		f.Add(seed, "")
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, header, date string) {
		got := retryAfter(http.Header{"Retry-After": {header}, "Date": {date}}, noon)
		if got != 0 && (got < RetryAfterFloor || got > RetryAfterCap) {
			t.Errorf("retryAfter(%q, %q) = %s, out of bounds", header, date, got)
		}
	})
}
