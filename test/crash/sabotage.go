//go:build sabotage

package main

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/sabotage"
)

// most is how many runs with one fault are played before a broken rule counts as missed.
const most = 6000

// beCaught breaks the operator's rules, one after the other, and sees that each time a run has a violation. Runs are played until one has: first
// the undisturbed ones of every vendor, then those with one fault, in an order that is drawn from the seed.
func (c *campaign) beCaught(ctx context.Context) int {
	c.quiet = true
	if len(c.chosenActs()) == 0 {
		fmt.Fprintf(c.out, "crash: no rule or mistake is called %q\n", c.act)
		return 2
	}
	missed := 0
	for _, act := range c.chosenActs() {
		if err := sabotage.Commit(act.Name); err != nil {
			fmt.Fprintln(c.out, "crash:", err)
			return 2
		}
		began := time.Now()
		c.first = ""
		runs := c.untilCaught(ctx)
		what := cmp.Or(act.Rule, "mistake")
		switch {
		case ctx.Err() != nil:
			fmt.Fprintln(c.out, "crash: interrupted")
			return 1
		case c.first == "":
			missed++
			fmt.Fprintf(c.out, "MISSED %-18s (%s) by %d runs, %.0f s\n", act.Name, what, runs, time.Since(began).Seconds())
		default:
			fmt.Fprintf(c.out, "caught %-18s (%s) after %d runs, %.0f s: %s\n", act.Name, what, runs, time.Since(began).Seconds(), c.first)
		}
	}
	fmt.Fprintf(c.out, "crash: %d rules and mistakes, %d missed (%.0f s)\n", len(c.chosenActs()), missed, time.Since(c.began).Seconds())
	return min(missed, 1)
}

// chosenActs are those that are asked for.
func (c *campaign) chosenActs() []sabotage.Act {
	return slices.DeleteFunc(sabotage.Acts(), func(act sabotage.Act) bool { return c.act != "" && c.act != act.Name })
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
	random := rand.New(rand.NewPCG(c.seed, 0)) //nolint:gosec // a run has to be repeatable, not secret
	random.Shuffle(len(singles), func(i, j int) { singles[i], singles[j] = singles[j], singles[i] })
	c.playAll(ctx, singles[:min(len(singles), most)], &total)
	return total.runs
}
