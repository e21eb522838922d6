package app

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"
)

// serverClock learns from the Date of the API server's answers how far its clock is ahead of ours.
type serverClock struct {
	clock  clock.PassiveClock
	offset atomic.Int64
}

func newServerClock(passive clock.PassiveClock) *serverClock { return &serverClock{clock: passive} }

// dateGranularity is what a Date header leaves open: it has whole seconds. Differences below it mean nothing.
const dateGranularity = 2 * time.Second

// Offset is the API server's time less the operator's.
func (s *serverClock) Offset() time.Duration { return time.Duration(s.offset.Load()) }

// wrap makes a transport that reads the Date of every answer.
func (s *serverClock) wrap(next http.RoundTripper) http.RoundTripper {
	return dateReader{next: next, clock: s}
}

type dateReader struct {
	next  http.RoundTripper
	clock *serverClock
}

// RoundTrip implements http.RoundTripper.
func (d dateReader) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := d.next.RoundTrip(request)
	if err == nil {
		d.clock.read(response.Header.Get("Date"))
	}
	return response, err
}

func (s *serverClock) read(date string) {
	server, err := http.ParseTime(date)
	if err != nil {
		return
	}
	offset := server.Sub(s.clock.Now())
	if offset.Abs() < dateGranularity {
		offset = 0
	}
	s.offset.Store(int64(offset))
}

// leadership is when this process became leader: at the latest when a controller first asks, since controllers run on the
// leader only. Asking later only makes the operator wait longer.
type leadership struct {
	clock clock.PassiveClock
	once  sync.Once
	began time.Time
}

func (l *leadership) since() time.Time {
	l.once.Do(func() { l.began = l.clock.Now() })
	return l.began
}
