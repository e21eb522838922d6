package consumers

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// The kinds of workloads that can be restarted, all of apps/v1.
const (
	KindDeployment  = "Deployment"
	KindStatefulSet = "StatefulSet"
	KindDaemonSet   = "DaemonSet"

	kindReplicaSet = "ReplicaSet"
	kindPod        = "Pod"
)

// Workload is a Deployment, StatefulSet or DaemonSet as it was read.
type Workload struct {
	Ref
	Namespace string
	// UID and ResourceVersion are what a restart is conditional on.
	UID             types.UID
	ResourceVersion string
	// Spec is the spec of its pods.
	Spec corev1.PodSpec
	// Note is what it was restarted for.
	Note Note
	// Paused: a Deployment whose owner does not want new pods now.
	Paused bool
	// Keeps says why a new template does not replace all of its pods; empty where it does.
	Keeps string
	// Terminating: it has a deletion timestamp, and its pods go with it.
	Terminating bool
}

// Workloads is what a list of a namespace's workloads has told.
type Workloads struct {
	Items []Workload
	// Unknown are the kinds that the API server did not let us list.
	Unknown []string
}

// OfDeployment gives what matters of a Deployment.
func OfDeployment(d *appsv1.Deployment) Workload {
	w := workload(KindDeployment, &d.ObjectMeta, &d.Spec.Template)
	w.Paused = d.Spec.Paused
	return w
}

// OfStatefulSet gives what matters of a StatefulSet.
func OfStatefulSet(s *appsv1.StatefulSet) Workload {
	w := workload(KindStatefulSet, &s.ObjectMeta, &s.Spec.Template)
	strategy := s.Spec.UpdateStrategy
	switch rolling := strategy.RollingUpdate; {
	case strategy.Type == appsv1.OnDeleteStatefulSetStrategyType:
		w.Keeps = onDelete
	case rolling != nil && rolling.Partition != nil && *rolling.Partition > 0:
		// It makes pods below the partition from the old template. They get the new value all the same, once they are made anew.
		w.Keeps = "partition"
	}
	return w
}

// OfDaemonSet gives what matters of a DaemonSet.
func OfDaemonSet(d *appsv1.DaemonSet) Workload {
	w := workload(KindDaemonSet, &d.ObjectMeta, &d.Spec.Template)
	if d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
		w.Keeps = onDelete
	}
	return w
}

const onDelete = "OnDelete"

func workload(kind string, meta *metav1.ObjectMeta, template *corev1.PodTemplateSpec) Workload {
	return Workload{
		Ref: Ref{Kind: kind, Name: meta.Name}, Namespace: meta.Namespace,
		UID: meta.UID, ResourceVersion: meta.ResourceVersion, Terminating: meta.DeletionTimestamp != nil,
		Spec: template.Spec, Note: ParseNote(template.Annotations[AnnotationRestartedFor]),
	}
}
