//go:build !sabotage

package main

import (
	"context"
	"fmt"
)

// beCaught needs an operator that can break its rules.
func (c *campaign) beCaught(context.Context) int {
	fmt.Fprintln(c.out, "crash: this build has no sabotage: build it with -tags sabotage")
	return 2
}
