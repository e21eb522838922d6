// Package token is the vocabulary every other package speaks: what a token is, what it is called at the
// vendor, what a list of them proves, and the closed set of ways in which a vendor can fail.
//
// It imports the standard library only.
package token
