package rest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// RetryAfterFloor is the shortest pause that is kept: a vendor that says 0 would otherwise be hammered.
	RetryAfterFloor = time.Second
	// RetryAfterCap is the longest: nobody may silence an issuer for longer with one header.
	RetryAfterCap = time.Hour
)

// retryAfter reads the Retry-After header (RFC 9110, 10.2.3): seconds, or a date, which is read against the answer's own
// Date, so that our clock and the vendor's need not agree. It is 0 where there is none that can be read.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(header.Get("Retry-After"))
	if text == "" {
		return 0
	}
	if onlyDigits(text) {
		return seconds(text)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if date := vendorTime(header); !date.IsZero() {
		now = date
	}
	return clampPause(at.Sub(now))
}

func seconds(digits string) time.Duration {
	count, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || count > int64(RetryAfterCap/time.Second) {
		return RetryAfterCap
	}
	return clampPause(time.Duration(count) * time.Second)
}

func clampPause(pause time.Duration) time.Duration {
	return min(max(pause, RetryAfterFloor), RetryAfterCap)
}

func onlyDigits(text string) bool {
	return strings.Trim(text, "0123456789") == ""
}

// vendorTime reads the Date header; zero where there is none that can be read.
func vendorTime(header http.Header) time.Time {
	at, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return at
}
