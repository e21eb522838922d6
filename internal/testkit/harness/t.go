package harness

import "context"

// T is what a world needs of a test. A testing.TB is one; a program that plays thousands of worlds has its own.
type T interface { //nolint:interfacebloat // as testing.TB is
	Helper()
	Error(args ...any)
	Errorf(format string, args ...any)
	// Fatal and Fatalf do not return.
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	Failed() bool
	Cleanup(do func())
	Context() context.Context
}
