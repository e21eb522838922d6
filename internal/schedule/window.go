// Package schedule tells when a token's time has come: maintenance windows, and how replacements are spread. It is pure.
package schedule

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

const (
	// MinDuration is how long a window must be: a replacement takes a minute or two, and a vendor may be slow.
	MinDuration = 5 * time.Minute
	// MaxDuration is that of a window that is never closed for long.
	MaxDuration = 7 * 24 * time.Hour
	// horizon is how far ahead openings are looked for.
	horizon = 366 * 24 * time.Hour
)

// Window is a time that comes again and again.
type Window struct {
	openings cron.Schedule
	duration time.Duration
	zone     *time.Location
}

// Parse reads a window. The schedule has the five fields of cron, in the time zone (UTC when empty), and says when the window opens; it
// stays open for the duration. The error is for people: it says what to correct.
func Parse(schedule, zone string, duration time.Duration) (*Window, error) {
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return nil, fmt.Errorf("timeZone %q is not known: use a name of the IANA time zone database, such as Europe/Berlin", zone)
	}
	if len(strings.Fields(schedule)) != 5 || strings.Contains(schedule, "=") {
		return nil, errors.New("schedule must have the five fields of cron (minute, hour, day, month, weekday), such as \"0 2 * * 6\"")
	}
	openings, err := cron.ParseStandard(schedule)
	if err != nil {
		return nil, errors.New("schedule cannot be read: it must have the five fields of cron (minute 0-59, hour 0-23, day of month 1-31, month 1-12, day of week 0-6), such as \"0 2 * * 6\"")
	}
	if duration < MinDuration || duration > MaxDuration {
		return nil, fmt.Errorf("duration must be between %s and %s", MinDuration, MaxDuration)
	}
	return &Window{openings: openings, duration: duration, zone: location}, nil
}

// Open tells whether the window is open at an instant, and when it opens next after it; zero where it does not within a year. Where the
// clocks of the time zone are put forward over an opening there is none on that day; where they are put back over it, there are two.
func (w *Window) Open(at time.Time) (open bool, next time.Time) {
	at = at.In(w.zone)
	latest := w.openings.Next(at.Add(-w.duration))
	open = !latest.IsZero() && !latest.After(at)
	next = w.openings.Next(at)
	if next.IsZero() || next.Sub(at) > horizon {
		return open, time.Time{}
	}
	return open, next.UTC()
}

// A window is judged by the same years whenever that is done: what is valid today is valid tomorrow. There is a leap day among them.
const (
	judgedFrom  = 2024
	judgedYears = 5
	// month is the least that a month has. What is counted in months or years may be a day longer.
	month = 28 * 24 * time.Hour
	slack = 24 * time.Hour
)

// longest is the longest time between two openings, by a clock that nobody puts forward or back; false where it opens once at most. Times
// up to the grain are not told apart.
func (w *Window) longest(grain time.Duration) (longest time.Duration, again bool) {
	begin := time.Date(judgedFrom, time.January, 1, 0, 0, 0, 0, time.UTC)
	end := begin.AddDate(judgedYears, 0, 0)
	if grain < slack {
		end = begin.Add(horizon + month)
	}
	for opening := w.openings.Next(begin); opening.Before(end); {
		next := w.openings.Next(opening)
		if next.IsZero() {
			return 0, false
		}
		gap := next.Sub(opening)
		if gap < grain {
			// It opens often. What counts comes after.
			next = w.openings.Next(opening.Add(grain - time.Second))
			gap = next.Sub(opening) - grain
		}
		if next.IsZero() {
			return 0, false
		}
		longest, again, opening = max(longest, gap), true, next
	}
	return longest, again
}

// Suits tells whether a token that is replaced in this window only is ever much older than the interval; 0 where its age does not matter.
// It does not depend on when it is asked.
func (w *Window) Suits(interval time.Duration) error {
	grain := slack
	if interval > 0 && interval < month {
		grain = time.Hour
	}
	longest, again := w.longest(grain)
	if !again || longest > horizon+slack {
		return errors.New("schedule does not open the window within a year: correct the day and the month")
	}
	most := interval
	if interval >= month {
		most += slack
	}
	if interval > 0 && longest > most {
		return fmt.Errorf("schedule opens the window too rarely for the interval of %s: open it more often, or make the interval longer", interval)
	}
	return nil
}

// Spread gives a share of a duration that depends on nothing but a name: what is due at the same time is not done at the same time. It is
// at least 0 and less than the whole.
func Spread(whole time.Duration, name string) time.Duration {
	const grains = 1 << 16
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(name))
	return time.Duration(int64(whole) / grains * int64(hash.Sum32()%grains))
}
