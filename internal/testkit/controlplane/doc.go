// Package controlplane starts a real Kubernetes control plane on this machine:
// etcd, kube-apiserver and kube-controller-manager, as processes of their own on
// loopback addresses and free ports, in seconds. Tests, demo and soak use it; the
// operator's binary never does.
//
// It is what a cluster is to an operator without nodes: validation by CEL, RBAC,
// server-side apply, namespaces that are deleted with their content, garbage
// collection, ServiceAccounts with tokens, Deployments that make ReplicaSets that
// make pods. No scheduler and no kubelet runs, so a pod stays Pending, unless nodes
// are asked for: kube-scheduler then puts pods on nodes that kwok plays.
//
// The binaries come from `make control-plane`, those of nodes from `make nodes`, or
// all of them from KUBEBUILDER_ASSETS.
package controlplane
