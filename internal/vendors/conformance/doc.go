// Package conformance is what every vendor's adapter must pass: one suite for all of them, run against the vendor's
// simulator over real TLS, and, by choice, against a real account.
//
// The suite judges by what the simulator says happened, never by what the adapter claims. A vendor plugs in with a
// Harness. Whatever a vendor cannot have is told by its client's Capabilities and interfaces, left out of its Harness, such
// as a login before the calls, or named in Except, and reported as a skipped case with the reason.
//
// It is imported by tests only.
package conformance
