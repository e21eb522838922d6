// Package stack runs the whole product on this machine as processes of their own: a real control plane, the simulated
// vendor over TLS, the chart installed by Helm, and the operator's binary with exactly the rights of the chart's
// ServiceAccount. The demo, `make dev`, the soak and the end-to-end tests stand on it.
//
// What it starts it also ends, in order, and nothing else. Everything that a run leaves is under one directory,
// bin/run/<name>-*, one file per process and per tool.
package stack
