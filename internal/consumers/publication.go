package consumers

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// ReloadTime is after how long consumers that reload files by themselves have done so: a kubelet takes up to two minutes to
	// replace the files, by its default settings.
	ReloadTime = 3 * time.Minute
)

// Publication is the moment at which a Secret was given a new value. Who holds the old one is asked of it.
type Publication struct {
	// Secret is the Secret's name.
	Secret string
	// At is when the API server stored the new value, by the API server's clock, which dates pods, too: the end of that second. Zero: it
	// is not known, and whoever uses the Secret holds the old value, unless there was none before (First).
	At time.Time
	// Margin is how much later than the publication a pod must have been created to have the new value for certain. It covers the
	// clocks of several API servers, and kubelets that learn of the new Secret a little late.
	Margin time.Duration
	// Reloads: consumers reload files by themselves.
	Reloads bool
	// First: the GatewayToken had no value before. Something else may have had the Secret: a GatewayToken of the same name that was
	// deleted, or a person. Most pods that are older have just waited for it.
	First bool
}

// Pods is what a list of a namespace's pods has told.
type Pods struct {
	// Unknown: the API server did not let us list them.
	Unknown bool
	// Items are the pods that use the Secrets that were asked for; others do no harm.
	Items []corev1.Pod
}

// Holding is what is known of the pods that hold the value from before a publication.
type Holding struct {
	// Unknown: nobody knows, as pods cannot be listed.
	Unknown bool
	// Early: the list began too early to show every pod that may hold the old value. One may have been created since.
	Early bool
	// Users is how many pods use the Secret and have not ended, with whatever value.
	Users int
	// Holders hold the old value, or may. They are sorted by owner and name.
	Holders []Holder
}

// Over tells whether it is certain that no pod holds the old value any more.
func (h Holding) Over() bool { return !h.Unknown && !h.Early && len(h.Holders) == 0 }

// HeldBy tells which pods hold the value from before the publication. Now is the API server's clock, read before the list of
// pods was begun: what the list does not show did not exist then.
func (p Publication) HeldBy(pods Pods, now time.Time) Holding {
	holding := Holding{Unknown: pods.Unknown, Early: !p.settled(now)}
	for i := range pods.Items {
		pod := &pods.Items[i]
		if ended(pod) || !Uses(&pod.Spec, p.Secret) {
			continue
		}
		holding.Users++
		if p.Holds(pod, now) {
			holding.Holders = append(holding.Holders, holderOf(pod))
		}
	}
	slices.SortFunc(holding.Holders, compareHolders)
	return holding
}

// Holds tells whether a pod holds the value from before the publication, or may. In doubt it does: then a revocation waits.
//
// What counts is when the pod was created, not when it or its containers started. A kubelet looks the Secret up for a pod that
// it first hears of, so a pod that was created later than the publication cannot get what was there before. Its start proves
// less: a container starts with an environment that the kubelet had put together before; a pod has several containers, some
// that have ended and left files; and starts are dated by the node's clock, not by the API server's.
//
// A container that restarts within its pod reads its environment anew. So it may have the new value by now, and never the other
// way round. Nobody can tell from outside; such a pod is still named, and only waited for too long.
//
// The first value of a GatewayToken is another matter, since no revocation waits for it: pods are commonly there before it, and wait for the
// Secret to appear. These have it when they start. What had started before has what was there then, or nothing.
//
// A pod that is being deleted holds the value until it is gone: it works on while it drains, and on a node that is out of reach
// it may never stop. One of which no container has started holds it, too, once it has a node: that nothing has started is a
// report that comes late.
func (p Publication) Holds(pod *corev1.Pod, now time.Time) bool {
	how := usageOf(&pod.Spec, p.Secret)
	switch {
	case !how.any(), ended(pod):
		return false
	case p.First && !p.startedBefore(pod):
		// It waited for the Secret.
		return false
	case p.At.IsZero():
		return true
	case p.createdLater(pod):
		return false
	case pod.Spec.NodeName == "" && p.settled(now):
		// No kubelet has heard of it. One that will hear of it from now on looks the Secret up then.
		return false
	case p.Reloads && !how.fixed:
		return !now.After(p.At.Add(ReloadTime))
	default:
		return true
	}
}

// startedBefore tells whether what uses the Secret in the pod had started before the publication, as far as its node has reported it. Times
// are cut to seconds: in doubt it had, unless the pod was created within the same second, since it takes a while to start one. A container
// that waits to be started again reads the Secret then.
func (p Publication) startedBefore(pod *corev1.Pod) bool {
	if !pod.CreationTimestamp.Time.Before(p.At.Add(-time.Second)) {
		return false
	}
	names := containersWith(&pod.Spec, p.Secret)
	statuses := slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses)
	return slices.ContainsFunc(statuses, func(status corev1.ContainerStatus) bool {
		var since metav1.Time
		switch {
		case status.State.Running != nil:
			since = status.State.Running.StartedAt
		case status.State.Terminated != nil:
			since = status.State.Terminated.StartedAt
		}
		uses := len(names) == 0 || slices.Contains(names, status.Name)
		return uses && !since.IsZero() && since.Time.Before(p.At)
	})
}

// createdLater tells whether the pod has the new value by its age. The API server dates pods by the second and cuts what is
// left of it: the pod is as old as it says or younger.
//
// A mirror pod has no age: it is the picture of a static pod, which a kubelet made from a file and may have been running for
// long. The API server lets none refer to a Secret, unless somebody has turned that off (admission plugin ServiceAccount).
func (p Publication) createdLater(pod *corev1.Pod) bool {
	_, mirror := pod.Annotations[corev1.MirrorPodAnnotationKey]
	return !mirror && pod.CreationTimestamp.After(p.At.Add(p.Margin))
}

// settled tells whether a pod that is created now is created late enough.
func (p Publication) settled(now time.Time) bool {
	return !p.At.IsZero() && now.After(p.At.Add(p.Margin))
}

// ended: all of its containers have ended, and none will start again.
func ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}
