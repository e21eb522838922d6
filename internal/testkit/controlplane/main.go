package controlplane

import (
	"context"
	"fmt"
	"os"
)

// Tests are the tests of a package, as testing.M has them.
type Tests interface{ Run() int }

// Main runs a package's tests between the start and the stop of a control plane that they share, and gives the exit code. start gives
// what stops it.
func Main(tests Tests, start func(context.Context) (stop func() error, err error)) (code int) {
	stop, err := start(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if stop != nil {
		defer func() {
			if err := stop(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				code = 1
			}
		}()
	}
	if err != nil {
		return 1
	}
	return tests.Run()
}
