// Command conformance runs the suite of every vendor's adapter against its simulator, and says what was tried: how many cases
// passed, which do not apply and why, and which assumptions on a vendor were tried both ways.
//
// It is run by `make conformance`.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout)) }

// run tests the packages that are named, or all vendors'. It returns go test's exit code.
func run(ctx context.Context, packages []string, out io.Writer) int {
	if len(packages) == 0 {
		packages = []string{"./internal/vendors/causely", "./internal/vendors/causeloop", "./internal/vendors/rackgateway", "./internal/vendors/pingone"}
	}
	command := exec.CommandContext(ctx, "go", append([]string{"test", "-count=1", "-json"}, packages...)...) //nolint:gosec // packages of ours
	command.Stderr = os.Stderr
	events, err := command.StdoutPipe()
	if err != nil {
		fmt.Fprintln(out, err)
		return 1
	}
	if err := command.Start(); err != nil {
		fmt.Fprintln(out, err)
		return 1
	}
	found := reports{}
	found.read(events)
	failed := command.Wait()
	found.tell(out)
	if failed != nil {
		fmt.Fprintln(out, "conformance: FAILED:", failed)
		return 1
	}
	return 0
}

// event is a line of go test -json.
type event struct{ Action, Package, Test, Output string }

// suite is what became of the cases of one run of the suite.
type suite struct {
	passed, failed []string
	// skipped are the cases that do not apply, by the reason.
	skipped map[string][]string
}

// report is what became of one vendor's tests.
type report struct {
	// suites are by the name of the run: a vendor with pools, or with answers of two kinds, has several.
	suites map[string]*suite
	// others are the tests beside the suite that passed, tried the assumptions that have a switch of their own.
	passed, failed int
	tried          []string
	output         map[string]string
}

type reports map[string]*report

// suiteTest is the test that runs the suite; real accounts are tried by another.
const (
	suiteTest  = "TestConformance"
	switchTest = "TestSwitches"
	reasonMark = "does not apply: "
)

func (r reports) read(events io.Reader) {
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Test == "" {
			continue
		}
		vendor := path.Base(e.Package)
		if r[vendor] == nil {
			r[vendor] = &report{suites: map[string]*suite{}, output: map[string]string{}}
		}
		r[vendor].note(e)
	}
}

func (r *report) note(e event) {
	switch e.Action {
	case "output":
		r.output[e.Test] += e.Output
	case "pass", "fail", "skip":
		parts := strings.Split(e.Test, "/")
		name := parts[len(parts)-1]
		switch {
		case parts[0] == suiteTest && len(parts) > 1:
			r.noteCase(strings.Join(parts[1:len(parts)-1], ", "), name, e)
		case parts[0] == switchTest && len(parts) > 1:
			r.tried = append(r.tried, name)
		}
		switch e.Action {
		case "fail":
			r.failed++
		case "pass":
			r.passed++
		}
	}
}

func (r *report) noteCase(of, name string, e event) {
	s := r.suites[of]
	if s == nil {
		s = &suite{skipped: map[string][]string{}}
		r.suites[of] = s
	}
	switch e.Action {
	case "pass":
		s.passed = append(s.passed, name)
	case "fail":
		s.failed = append(s.failed, name)
	default:
		_, reason, _ := strings.Cut(r.output[e.Test], reasonMark)
		reason, _, _ = strings.Cut(reason, "\n")
		s.skipped[reason] = append(s.skipped[reason], name)
	}
}

func (r reports) tell(out io.Writer) {
	for _, vendor := range slices.Sorted(maps.Keys(r)) {
		r[vendor].tell(out, vendor)
	}
}

func (r *report) tell(out io.Writer, vendor string) {
	for _, of := range slices.Sorted(maps.Keys(r.suites)) {
		s := r.suites[of]
		if r.isGroup(of, s) {
			continue
		}
		title := vendor
		if of != "" {
			title += " (" + of + ")"
		}
		skipped := 0
		for _, cases := range s.skipped {
			skipped += len(cases)
		}
		fmt.Fprintf(out, "%s: %d cases: %d passed, %d failed, %d do not apply\n", title, len(s.passed)+len(s.failed)+skipped, len(s.passed), len(s.failed), skipped)
		for _, reason := range slices.Sorted(maps.Keys(s.skipped)) {
			fmt.Fprintf(out, "    %s: %s\n", reason, strings.Join(s.skipped[reason], ", "))
		}
		for _, name := range s.failed {
			fmt.Fprintf(out, "    FAILED: %s\n", name)
		}
	}
	slices.Sort(r.tried)
	if len(r.tried) > 0 {
		fmt.Fprintf(out, "%s: assumptions tried one by one, both ways: %s\n", vendor, strings.Join(r.tried, ", "))
	}
	fmt.Fprintf(out, "%s: %d tests in all passed, %d failed\n\n", vendor, r.passed, r.failed)
}

// isGroup tells whether what looks like cases are the runs of the suite themselves, or steps within a case.
func (r *report) isGroup(of string, s *suite) bool {
	for _, name := range slices.Concat(s.passed, s.failed) {
		inner := name
		if of != "" {
			inner = of + ", " + name
		}
		if _, runs := r.suites[inner]; runs && len(r.suites[inner].passed) > len(s.passed) {
			return true
		}
	}
	parent, last := "", of
	if at := strings.LastIndex(of, ", "); at >= 0 {
		parent, last = of[:at], of[at+2:]
	}
	above := r.suites[parent]
	return of != "" && above != nil && slices.Contains(above.passed, last) && len(above.passed) > len(s.passed)
}
