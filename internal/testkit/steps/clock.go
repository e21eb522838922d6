package steps

import "time"

// now is the time by which a report says how long something took.
func now() time.Time { return time.Now() }
