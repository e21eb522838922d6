package app

import (
	"errors"
	"net/http"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

type answers func(*http.Request) (*http.Response, error)

func (a answers) RoundTrip(request *http.Request) (*http.Response, error) { return a(request) }

// The API server's clock is known from the Date of its answers, in whole seconds.
func TestServerClock(t *testing.T) {
	now := time.Date(2026, time.March, 1, 12, 0, 0, 400_000_000, time.UTC)
	at := func(d time.Duration) string { return now.Add(d).UTC().Format(http.TimeFormat) }
	tests := map[string]struct {
		reason string
		date   string
		want   time.Duration
	}{
		"the same":         {"both have the same time", at(0), 0},
		"a second off":     {"a Date has whole seconds, and an answer takes a while", at(-time.Second), 0},
		"ahead":            {"the server is ahead", at(time.Hour), time.Hour - 400*time.Millisecond},
		"behind":           {"the server is behind", at(-time.Hour), -time.Hour - 400*time.Millisecond},
		"no date":          {"what was known stays", "", 7 * time.Second},
		"nonsense":         {"what was known stays", "yesterday", 7 * time.Second},
		"another notation": {"HTTP has three", now.Add(time.Hour).UTC().Format(time.RFC850), time.Hour - 400*time.Millisecond},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			clock := newServerClock(clocktesting.NewFakePassiveClock(now))
			clock.offset.Store(int64(7 * time.Second))
			transport := clock.wrap(answers(func(*http.Request) (*http.Response, error) {
				return &http.Response{Header: http.Header{"Date": {tc.date}}, Body: http.NoBody}, nil
			}))
			response, err := transport.RoundTrip(&http.Request{})
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if got := clock.Offset(); got != tc.want {
				t.Errorf("offset %s, want %s: %s", got, tc.want, tc.reason)
			}
		})
	}
}

// An answer that does not come tells nothing.
func TestServerClockWithoutAnswer(t *testing.T) {
	clock := newServerClock(clocktesting.NewFakePassiveClock(time.Time{}))
	down := errors.New("down")
	response, err := clock.wrap(answers(func(*http.Request) (*http.Response, error) { return nil, down })).RoundTrip(&http.Request{})
	if response != nil {
		_ = response.Body.Close()
	}
	if !errors.Is(err, down) || clock.Offset() != 0 {
		t.Errorf("error %v, offset %s", err, clock.Offset())
	}
}

// A process leads from when it is first asked, once and for all.
func TestLeadership(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC))
	leader := &leadership{clock: clock}
	began := leader.since()
	clock.SetTime(clock.Now().Add(time.Hour))
	if got := leader.since(); !got.Equal(began) {
		t.Errorf("it leads since %s, then since %s", began, got)
	}
}
