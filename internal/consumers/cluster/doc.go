// Package cluster lists the pods and workloads of a namespace for package consumers, and restarts workloads. It decides nothing.
package cluster
