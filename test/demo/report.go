package main

import (
	"context"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/steps"
)

// The story is made of these.
type (
	chapter = steps.Chapter
	step    = steps.Step
)

// do is a step of the story.
func do(text string, run func(context.Context) error) step { return steps.Do(text, run) }

// check is something that must hold. Its error says what was expected and what was found.
func check(text string, run func(context.Context) error) step { return steps.Check(text, run) }

// both holds when all conditions do.
func both(conditions ...func(context.Context) error) func(context.Context) error {
	return steps.Both(conditions...)
}
