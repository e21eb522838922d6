//go:build sabotage

package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/sabotage"
)

// beCaught breaks the operator's rules, one after the other, and sees that each time a run has a violation. Runs are played until one has: first
// the undisturbed ones of every vendor, then those with one fault.
func (c *campaign) beCaught(ctx context.Context) int {
	c.quiet = true
	missed := 0
	for _, act := range sabotage.Acts() {
		if err := sabotage.Commit(act.Name); err != nil {
			fmt.Fprintln(c.out, "crash:", err)
			return 2
		}
		began := time.Now()
		c.first = ""
		runs := c.untilCaught(ctx)
		what := cmp.Or(act.Rule, "mistake")
		if c.first == "" {
			missed++
			fmt.Fprintf(c.out, "MISSED %-18s (%s) by %d runs\n", act.Name, what, runs)
			continue
		}
		fmt.Fprintf(c.out, "caught %-18s (%s) after %d runs, %.0f s: %s\n", act.Name, what, runs, time.Since(began).Seconds(), c.first)
	}
	fmt.Fprintf(c.out, "crash: %d rules and mistakes, %d missed (%.0f s)\n", len(sabotage.Acts()), missed, time.Since(c.began).Seconds())
	return min(missed, 1)
}

// untilCaught plays until a run has a violation, and gives how many it took.
func (c *campaign) untilCaught(ctx context.Context) int {
	var total tally
	var singles []job
	for _, at := range c.chosenVendors() {
		told := c.chosenScenarios(at)
		for i, came := range c.playAll(ctx, jobsOf(at, told), &total) {
			if c.caught() {
				return total.runs
			}
			singles = append(singles, c.singlesOf(at, told[i], came)...)
		}
	}
	c.playAll(ctx, singles, &total)
	return total.runs
}
