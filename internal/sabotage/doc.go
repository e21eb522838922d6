// Package sabotage has the ways in which the operator can be made to break its own rules, so that the tests which are to find that out can be
// shown to do so. In an ordinary build each is a constant and false: the compiler leaves out what depends on it, and nothing turns it on. Only
// a build with the tag sabotage has them as variables; no image is built with it.
package sabotage
