// Package consumers tells who uses a Secret, which pods may still hold the value that it had before, and which workloads are to
// be restarted so that none does.
//
// It is pure: it is given pods and workloads as the API server shows them and a time, and calls nobody. Package cluster, below
// it, lists and restarts.
//
// What decides about a revocation are pods, not workloads. A pod has the old value or it has not, whoever made it: a Deployment,
// a Job, an Argo Rollout or a person. A workload is looked at for one thing only, to restart it, which makes new pods; whether
// that has helped is again asked of pods. Hence kinds that are not known here need no code: their pods are found and named.
//
// What cannot be seen: programs that read the Secret from the API, copies of it that somebody made elsewhere, and processes
// that outlive their pod on a node that the API server has lost.
package consumers
