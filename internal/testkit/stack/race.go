package stack

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// What the race detector puts around a report.
const (
	raceMark = "WARNING: DATA RACE"
	raceRule = "=================="
)

// DetectRaces has the operator run as a build with Go's race detector, bin/manager-race. What that finds is in the operator's log.
func (s *Stack) DetectRaces() error {
	path := filepath.Join(s.binaries.root, "bin", "manager-race")
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%w: run `make bin/manager-race`", err)
	}
	for _, setting := range info.Settings {
		if setting.Key == "-race" && setting.Value == "true" {
			s.binaries.manager = path
			return nil
		}
	}
	return fmt.Errorf("%s was built without -race: run `make bin/manager-race`", path)
}

// Races is an error when the operator's log tells of data races: how many, and the report of the first. A process that is killed has told of
// those before.
func (o *Operator) Races() error {
	text, err := os.ReadFile(o.Log())
	if err != nil {
		return err
	}
	return races(string(text))
}

func races(log string) error {
	before, first, found := strings.Cut(log, raceMark)
	if !found {
		return nil
	}
	report, _, _ := strings.Cut(first, raceRule)
	return fmt.Errorf("expected no data race, found %d; the first:\n%s%s", strings.Count(log[len(before):], raceMark), raceMark, report)
}
