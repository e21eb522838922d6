package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// campaign is all runs together.
type campaign struct {
	options
	plane *harness.Plane
	out   io.Writer
	// hosts are where vendors are served: one for each run that is played at the same time.
	hosts []*simulator.Host
	began time.Time

	mu sync.Mutex
	// told is whether a story was told: those of all violations would be too long to read.
	told bool
	// quiet: violations are not told. first is the name of the first run that had one.
	quiet bool
	first string
}

// job is one run.
type job struct {
	at   vendor
	told scenario
	hits []hit
}

// name is what the run can be repeated by.
func (j job) name() string {
	name := j.at.name + "/" + j.told.name
	for i, h := range j.hits {
		name += map[bool]string{true: "/", false: "+"}[i == 0] + h.fault.name + "@" + strconv.Itoa(h.at)
	}
	return name
}

// tally is what came of the runs at one vendor.
type tally struct {
	scenarios, points, runs, violations int
}

// listen makes hosts for so many runs at the same time, and gives what closes them.
func (c *campaign) listen(runs int) (closeAll func(), err error) {
	closeAll = func() {
		for _, host := range c.hosts {
			host.Close()
		}
	}
	for range runs {
		host, err := simulator.Listen("127.0.0.1:0")
		if err != nil {
			closeAll()
			return nil, err
		}
		// With TLS a fifth of the time would be handshakes, each for one call.
		c.hosts = append(c.hosts, host.WithoutTLS())
	}
	return closeAll, nil
}

// prove has everything go wrong at every vendor.
func (c *campaign) prove(ctx context.Context) int {
	fmt.Fprintf(c.out, "crash: seed %d, %d combinations drawn for each vendor\n", c.seed, c.samples)
	violations := 0
	for _, at := range c.chosenVendors() {
		began := time.Now()
		result := c.vendor(ctx, at)
		fmt.Fprintf(c.out, "%-20s %3d scenarios, %4d points, %6d runs, %d violations (%.0f s)\n",
			at.name, result.scenarios, result.points, result.runs, result.violations, time.Since(began).Seconds())
		violations += result.violations
		if ctx.Err() != nil {
			fmt.Fprintln(c.out, "crash: interrupted")
			return 1
		}
	}
	fmt.Fprintf(c.out, "crash: %d violations (%.0f s)\n", violations, time.Since(c.began).Seconds())
	return min(violations, 1)
}

// vendor plays everything at one vendor: each scenario undisturbed, with each fault at each point, with pairs of faults, and with combinations
// drawn by chance.
func (c *campaign) vendor(ctx context.Context, at vendor) tally {
	var result tally
	var singles, pairs []job
	var clean []outcome
	told := c.chosenScenarios(at)
	if len(told) == 0 {
		return result
	}
	for i, came := range c.playAll(ctx, jobsOf(at, told), &result) {
		result.scenarios++
		result.points += len(came.effects) - came.from + came.calmLists - came.fromLists
		singles = append(singles, c.singlesOf(at, told[i], came)...)
		clean = append(clean, came)
	}
	singles = c.spare(singles)
	for i, came := range c.playAll(ctx, singles, &result) {
		if !c.singles {
			pairs = append(pairs, pairsOf(singles[i], came)...)
		}
	}
	if !c.singles {
		c.tell(at, "%d runs with one fault", len(singles))
		c.playAll(ctx, pairs, &result)
		c.tell(at, "%d runs with two", len(pairs))
		c.playAll(ctx, c.drawn(at, told, clean), &result)
	}
	return result
}

// tell tells how far it has got.
func (c *campaign) tell(at vendor, format string, args ...any) {
	fmt.Fprintf(c.out, "%-20s ... %s (%.0f s)\n", at.name, fmt.Sprintf(format, args...), time.Since(c.began).Seconds())
}

// spare leaves out some of the runs, evenly.
func (c *campaign) spare(jobs []job) []job {
	if c.spared == 0 {
		return jobs
	}
	var kept []job
	for i := 0; i < len(jobs); i += c.spared {
		kept = append(kept, jobs[i])
	}
	return kept
}

func jobsOf(at vendor, told []scenario) []job {
	jobs := make([]job, len(told))
	for i, one := range told {
		jobs[i] = job{at: at, told: one}
	}
	return jobs
}

// singlesOf are the runs with one fault, at each point of a scenario.
func (c *campaign) singlesOf(at vendor, told scenario, clean outcome) []job {
	var jobs []job
	add := func(f fault, number int) {
		if c.fault == "" || c.fault == f.name {
			jobs = append(jobs, job{at, told, []hit{{f, number}}})
		}
	}
	for _, e := range clean.effects[clean.from:] {
		for _, f := range faults() {
			if befalls(f, e, at, clean, clean.from) {
				add(f, e.Number)
			}
		}
	}
	for number := clean.fromLists + 1; number <= clean.calmLists; number++ {
		for _, f := range listFaults(at) {
			add(f, number)
		}
	}
	return jobs
}

// befalls tells whether a fault can befall an effect of a run, and is not the same as another one there. Effects count from the one after first.
func befalls(f fault, e harness.Effect, at vendor, came outcome, first int) bool {
	if f.likeAfter && came.prompt[e.Number] && e.Number > first+1 {
		return false
	}
	return f.on == nil || f.on(e, at)
}

// leadsToPairs tells whether the run is played again with each second fault.
func (j job) leadsToPairs() bool { return len(j.hits) == 1 && j.told.pairs && j.hits[0].fault.paired }

// pairsOf are the runs with a second fault at each effect that came after the first one, of the scenarios and faults that are paired.
func pairsOf(single job, came outcome) []job {
	if !single.leadsToPairs() {
		return nil
	}
	first := single.hits[0]
	var jobs []job
	for _, e := range came.effects {
		if e.Number <= first.at {
			continue
		}
		for _, f := range faults() {
			if f.paired && befalls(f, e, single.at, came, first.at) {
				jobs = append(jobs, job{single.at, single.told, []hit{first, {f, e.Number}}})
			}
		}
	}
	return jobs
}

// drawn are combinations of two or three faults, drawn by chance.
func (c *campaign) drawn(at vendor, told []scenario, clean []outcome) []job {
	random := rand.New(rand.NewPCG(c.seed, 0)) //nolint:gosec // a run has to be repeatable, not secret
	every := append(faults(), listFaults(at)...)
	var jobs []job
	for range c.samples {
		i := random.IntN(len(told))
		drawn := job{at: at, told: told[i]}
		for range 2 + random.IntN(2) {
			h := hit{fault: every[random.IntN(len(every))]}
			// Beyond the last effect of the undisturbed story there are those that mend what went wrong.
			if span := len(clean[i].effects) - clean[i].from + 6; h.fault.list == nil {
				h.at = clean[i].from + 1 + random.IntN(span)
			} else {
				h.at = clean[i].fromLists + 1 + random.IntN(3)
			}
			drawn.hits = append(drawn.hits, h)
		}
		slices.SortStableFunc(drawn.hits, func(a, b hit) int { return a.at - b.at })
		jobs = append(jobs, drawn)
	}
	return jobs
}

// playAll plays runs, several at the same time, and gives what came of each.
func (c *campaign) playAll(ctx context.Context, jobs []job, into *tally) []outcome {
	results := make([]outcome, len(jobs))
	next := make(chan int)
	var group sync.WaitGroup
	for _, host := range c.hosts {
		group.Go(func() {
			for i := range next {
				results[i] = perform(ctx, c.plane, host, jobs[i])
				c.report(jobs[i], &results[i], into)
				if len(jobs[i].hits) > 0 && !jobs[i].leadsToPairs() {
					// There are many, and nobody asks what happened in them.
					results[i] = outcome{}
				}
			}
		})
	}
	for i := range jobs {
		if ctx.Err() != nil || (c.quiet && c.caught()) {
			break
		}
		next <- i
	}
	close(next)
	group.Wait()
	return results
}

// report counts a run, and tells of its violations.
func (c *campaign) report(of job, came *outcome, into *tally) {
	c.mu.Lock()
	defer c.mu.Unlock()
	into.runs++
	story := came.story
	came.story = ""
	if len(came.violations) == 0 {
		return
	}
	into.violations++
	if c.first == "" {
		c.first = of.name() + ": " + firstLine(came.violations[0])
	}
	if c.quiet {
		return
	}
	fmt.Fprintf(c.out, "VIOLATION %s\n", of.name())
	for _, violation := range came.violations {
		fmt.Fprintf(c.out, "    %s\n", violation)
	}
	if !c.told {
		c.told = true
		fmt.Fprintf(c.out, "\n%s\n\nThe stories of others are told by --run '<name>'.\n\n", story)
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	if len(line) > 200 {
		line = line[:200] + "…"
	}
	return line
}

func (c *campaign) caught() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.first != ""
}

// replayOne plays one run again and tells its story.
func (c *campaign) replayOne(ctx context.Context) int {
	of, err := jobNamed(c.replay)
	if err != nil {
		fmt.Fprintln(c.out, "crash:", err)
		return 2
	}
	came := perform(ctx, c.plane, c.hosts[0], of)
	fmt.Fprintln(c.out, came.story)
	for _, violation := range came.violations {
		fmt.Fprintln(c.out, "VIOLATION", violation)
	}
	fmt.Fprintf(c.out, "%s: %d violations\n", of.name(), len(came.violations))
	return min(len(came.violations), 1)
}

// faultNamed finds a fault by its name.
func faultNamed(at vendor, name string) (fault, bool) {
	every := append(faults(), listFaults(at)...)
	i := slices.IndexFunc(every, func(f fault) bool { return f.name == name })
	if i < 0 {
		return fault{}, false
	}
	return every[i], true
}

// jobNamed finds a run by its name.
func jobNamed(name string) (job, error) {
	parts := strings.SplitN(name, "/", 3)
	at := slices.IndexFunc(vendors(), func(v vendor) bool { return v.name == parts[0] })
	if at < 0 || len(parts) < 2 {
		return job{}, fmt.Errorf("no run is called %q", name)
	}
	told := slices.IndexFunc(scenarios(), func(s scenario) bool { return s.name == parts[1] })
	if told < 0 {
		return job{}, fmt.Errorf("no scenario is called %q", parts[1])
	}
	found := job{at: vendors()[at], told: scenarios()[told]}
	if len(parts) == 2 {
		return found, nil
	}
	for text := range strings.SplitSeq(parts[2], "+") {
		called, number, _ := strings.Cut(text, "@")
		point, err := strconv.Atoi(number)
		if err != nil {
			return job{}, fmt.Errorf("%q: want a fault and the number of its point", text)
		}
		known, ok := faultNamed(found.at, called)
		if !ok {
			return job{}, fmt.Errorf("no fault is called %q", called)
		}
		found.hits = append(found.hits, hit{known, point})
	}
	return found, nil
}
