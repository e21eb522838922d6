package schedule

import (
	"fmt"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the machine may have none
)

func at(text string) time.Time {
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err) // a slip in a table
	}
	return parsed
}

func TestParse(t *testing.T) {
	tests := map[string]struct {
		reason, schedule, zone string
		duration               time.Duration
		want                   string
	}{
		"weekly":             {reason: "as documented", schedule: "0 2 * * 6", zone: "Europe/Berlin", duration: 3 * time.Hour},
		"UTC":                {reason: "no time zone", schedule: "30 3 1 */3 *", duration: time.Hour},
		"no such zone":       {reason: "misspelt", schedule: "0 2 * * 6", zone: "Europe/Berlni", duration: time.Hour, want: "IANA time zone database"},
		"the machine's zone": {reason: "nobody knows which that is", schedule: "0 2 * * 6", zone: "Local", duration: time.Hour, want: "IANA time zone database"},
		"six fields":         {reason: "seconds are not cron's", schedule: "0 0 2 * * 6", duration: time.Hour, want: "five fields"},
		"a word":             {reason: "it would have no duration that makes sense", schedule: "@daily", duration: time.Hour, want: "five fields"},
		"a zone inside":      {reason: "there is a field for it", schedule: "TZ=UTC 2 * * 6", duration: time.Hour, want: "five fields"},
		"an hour too many":   {reason: "there is none", schedule: "0 25 * * 6", duration: time.Hour, want: "hour 0-23"},
		"too short":          {reason: "nothing would be done in it", schedule: "0 2 * * 6", duration: time.Minute, want: "between 5m0s and"},
		"too long":           {reason: "a mistake", schedule: "0 2 * * 6", duration: 8 * 24 * time.Hour, want: "between 5m0s and"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(tc.schedule, tc.zone, tc.duration)
			if (err == nil) != (tc.want == "") || (err != nil && !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("%s: %v, want %q", tc.reason, err, tc.want)
			}
		})
	}
}

func window(t *testing.T, schedule, zone string, duration time.Duration) *Window {
	t.Helper()
	w, err := Parse(schedule, zone, duration)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestOpen(t *testing.T) {
	tests := map[string]struct {
		reason, schedule, zone string
		duration               time.Duration
		at                     string
		open                   bool
		next                   string
	}{
		"before":            {reason: "it opens on Saturday", schedule: "0 2 * * 6", duration: 3 * time.Hour, at: "2026-03-05T00:00:00Z", next: "2026-03-07T02:00:00Z"},
		"at its beginning":  {reason: "the first instant counts", schedule: "0 2 * * 6", duration: 3 * time.Hour, at: "2026-03-07T02:00:00Z", open: true, next: "2026-03-14T02:00:00Z"},
		"inside":            {reason: "it is open", schedule: "0 2 * * 6", duration: 3 * time.Hour, at: "2026-03-07T04:59:59Z", open: true, next: "2026-03-14T02:00:00Z"},
		"at its end":        {reason: "the last does not", schedule: "0 2 * * 6", duration: 3 * time.Hour, at: "2026-03-07T05:00:00Z", next: "2026-03-14T02:00:00Z"},
		"in a time zone":    {reason: "two in the morning there", schedule: "0 2 * * 6", zone: "Europe/Berlin", duration: time.Hour, at: "2026-03-07T01:30:00Z", open: true, next: "2026-03-14T01:00:00Z"},
		"summer":            {reason: "the same wall clock, an hour earlier", schedule: "0 2 * * 6", zone: "Europe/Berlin", duration: time.Hour, at: "2026-04-04T00:30:00Z", open: true, next: "2026-04-11T00:00:00Z"},
		"put forward":       {reason: "there is no half past two on that Sunday", schedule: "30 2 * * 0", zone: "Europe/Berlin", duration: time.Hour, at: "2026-03-29T01:10:00Z", next: "2026-04-05T00:30:00Z"},
		"put back":          {reason: "that Sunday has two, which does no harm", schedule: "30 2 * * 0", zone: "Europe/Berlin", duration: 30 * time.Minute, at: "2026-10-25T00:45:00Z", open: true, next: "2026-10-25T01:30:00Z"},
		"one after another": {reason: "each longer than the time between", schedule: "0 * * * *", duration: 2 * time.Hour, at: "2026-03-07T02:30:00Z", open: true, next: "2026-03-07T03:00:00Z"},
		"never":             {reason: "there is no such day", schedule: "0 2 30 2 *", duration: time.Hour, at: "2026-03-07T02:30:00Z"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			open, next := window(t, tc.schedule, tc.zone, tc.duration).Open(at(tc.at))
			var want time.Time
			if tc.next != "" {
				want = at(tc.next)
			}
			if open != tc.open || !next.Equal(want) {
				t.Errorf("%s: open %t, next %s, want %t, %s", tc.reason, open, next, tc.open, want)
			}
		})
	}
}

func TestSuits(t *testing.T) {
	const day = 24 * time.Hour
	tests := map[string]struct {
		reason, schedule string
		interval         time.Duration
		want             string
	}{
		"weekly for a quarter": {reason: "one of them comes in time", schedule: "0 2 * * 6", interval: 90 * day},
		"no interval":          {reason: "it is for what ends, or is asked for", schedule: "0 2 1 1 *"},
		"never":                {reason: "there is no such day", schedule: "0 2 30 2 *", want: "does not open the window within a year"},
		"monthly for a week":   {reason: "three of four would be missed", schedule: "0 2 1 * *", interval: 7 * day, want: "too rarely"},
		"yearly for a quarter": {reason: "three of four would be missed", schedule: "0 2 1 1 *", interval: 90 * day, want: "too rarely"},
		"yearly for a year":    {reason: "leap years are a day longer", schedule: "0 2 1 1 *", interval: 8760 * time.Hour},
		"every leap day":       {reason: "it is four years to the next", schedule: "0 2 29 2 *", want: "does not open the window within a year"},
		"leap day for years":   {reason: "it is four years to the next", schedule: "0 2 29 2 *", interval: 87600 * time.Hour, want: "does not open the window within a year"},
		"monthly for a month":  {reason: "some have a day more than others", schedule: "0 2 1 * *", interval: 30 * day},
		"nightly for a day":    {reason: "where clocks are put forward, one night has none", schedule: "30 2 * * *", interval: day},
		"each other day":       {reason: "half of them would be missed", schedule: "0 2 */2 * *", interval: day, want: "too rarely"},
		"one day of minutes":   {reason: "it opens often, and then not for a year", schedule: "* * 1 1 *", interval: time.Hour, want: "too rarely"},
		"all the time":         {reason: "it never closes", schedule: "* * * * *", interval: time.Hour},
		"hourly for an hour":   {reason: "each is in time", schedule: "0 * * * *", interval: time.Hour},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := window(t, tc.schedule, "", time.Hour).Suits(tc.interval)
			if (err == nil) != (tc.want == "") || (err != nil && !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("%s: %v, want %q", tc.reason, err, tc.want)
			}
		})
	}
}

// What is due at the same time is spread evenly, and always in the same way.
func TestSpread(t *testing.T) {
	const whole, tenths = 9 * 24 * time.Hour, 10
	var counts [tenths]int
	for i := range 10_000 {
		name := fmt.Sprintf("uid-%d", i)
		share := Spread(whole, name)
		if share < 0 || share >= whole || share != Spread(whole, name) {
			t.Fatalf("the share of %s is %s of %s", name, share, whole)
		}
		counts[share*tenths/whole]++
	}
	for tenth, count := range counts {
		if count < 800 || count > 1200 {
			t.Errorf("%d of 10,000 are in tenth %d", count, tenth)
		}
	}
	if Spread(0, "uid") != 0 {
		t.Error("a share of nothing")
	}
}
