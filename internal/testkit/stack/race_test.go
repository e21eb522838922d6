package stack

import (
	"strings"
	"testing"
)

func TestRaces(t *testing.T) {
	const report = raceRule + "\nWARNING: DATA RACE\nWrite at 0x1 by goroutine 7:\n  app.f()\n" + raceRule + "\n"
	tests := map[string]struct {
		reason, log string
		want        []string
	}{
		"none": {reason: "other lines are none", log: "{\"msg\":\"starting\"}\n"},
		"two":  {reason: "they are counted, and the first is told", log: "a line\n" + report + "more\n" + report, want: []string{"found 2", "by goroutine 7"}},
		"cut":  {reason: "the process was killed in the middle of the report", log: "WARNING: DATA RACE\nWrite at", want: []string{"found 1", "Write at"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := races(tc.log)
			if (err != nil) != (tc.want != nil) {
				t.Fatalf("%v: %s", err, tc.reason)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "more") {
					t.Errorf("%v, want %q in it: %s", err, want, tc.reason)
				}
			}
		})
	}
}
