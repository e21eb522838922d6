//go:build gateoff

package lifecycle

// podsAreTheGate is off in one binary only, the one that the demo compares the operator with: what was replaced waits for its overlap
// alone, so that pods are refused.
const podsAreTheGate = false
