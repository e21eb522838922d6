//go:build !gateoff

package lifecycle

// podsAreTheGate: what the Secret has held is not revoked while a pod holds it. No flag turns that off.
const podsAreTheGate = true
