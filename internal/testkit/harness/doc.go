// Package harness runs the operator's controllers step by step, in a test or in a program (T): against a real API server (package
// controlplane) or a model of one (package modelapi), and a simulated vendor (package simulator), with a clock that stands still until it
// is moved.
//
// A World has one operator, the Process, and may have a second one that believes it leads. Nothing happens by itself:
// Settle reconciles what is due until nothing is, Advance moves the clock and settles on the way. The process reads from
// a cache that is as old as its last look (FreezeCache), wakes by the events that the controllers watch, and does every
// effect through one gate, where a test counts it, refuses it, loses its answer, or kills the process (Interfere).
//
// A world may have thousands of objects: what a look costs does not grow with them. The cache has indexes, as the operator's has; only
// what may have changed is read anew, and where that is much, by lists.
//
// What the controllers promise is judged from the outside: by the vendor's truth and by what the API server has.
package harness
