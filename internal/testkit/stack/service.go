package stack

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	// servicePatience bounds the start of a program, which takes seconds where nothing else keeps the machine busy.
	servicePatience = 2 * time.Minute
	serviceGrace    = 20 * time.Second
)

// StartService starts a program that is none of the product's and that the product meets, such as Argo CD. It returns when the program
// is ready: ready is asked until it returns nil. What the program prints goes to a channel. Stop ends it (SIGTERM); how it
// ends does not matter, but it must not have ended before.
func (s *Stack) StartService(ctx context.Context, cmd *exec.Cmd, channel string, ready func(context.Context) error) error {
	running, err := start(cmd, s.Channel(channel))
	if err != nil {
		return err
	}
	s.stops = append(s.stops, func() error { return running.end(serviceGrace) })
	err = Await(ctx, servicePatience, func(ctx context.Context) error {
		if err := running.ended(); err != nil {
			return errors.Join(ErrNever, err)
		}
		return ready(ctx)
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", filepath.Base(cmd.Path), err)
	}
	return nil
}

// AtStop has something of the caller's ended when the stack is stopped, before all that was started earlier.
func (s *Stack) AtStop(end func() error) { s.stops = append(s.stops, end) }

// Answers holds when a GET of the URL is answered with 200.
func Answers(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := get(ctx, url)
		return err
	}
}
