package consumers

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Ref names an object of the namespace.
type Ref struct{ Kind, Name string }

// String gives what kubectl takes: Deployment/mediator.
func (r Ref) String() string { return cut(r.Kind) + "/" + cut(r.Name) }

func compareRefs(a, b Ref) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
}

// Holder is a pod that holds an old value.
type Holder struct {
	// Pod is its name.
	Pod string
	// Owner is what made it: its controller or, where that is the ReplicaSet of a Deployment, the Deployment. It is the pod itself
	// where nothing else did.
	Owner Ref
	// Leaving: it is being deleted.
	Leaving bool
}

func compareHolders(a, b Holder) int {
	return cmp.Or(compareRefs(a.Owner, b.Owner), cmp.Compare(a.Pod, b.Pod))
}

func holderOf(pod *corev1.Pod) Holder {
	return Holder{Pod: pod.Name, Owner: ownerOf(pod), Leaving: pod.DeletionTimestamp != nil}
}

// ownerOf finds the owner without asking anybody. A Deployment names its ReplicaSets after itself and the hash of their
// template, and labels pods with that hash. Argo Rollouts have ReplicaSets, too, and another label: these stay ReplicaSets.
func ownerOf(pod *corev1.Pod) Ref {
	controller := metav1.GetControllerOf(pod)
	if controller == nil {
		return Ref{Kind: kindPod, Name: pod.Name}
	}
	hash := pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey]
	deployment, named := strings.CutSuffix(controller.Name, "-"+hash)
	if controller.Kind == kindReplicaSet && controller.APIVersion == appsv1.SchemeGroupVersion.String() && hash != "" && named && deployment != "" {
		return Ref{Kind: KindDeployment, Name: deployment}
	}
	return Ref{Kind: controller.Kind, Name: controller.Name}
}

const (
	// maxText bounds a text, in bytes: a condition says other things beside it.
	maxText = 512
	// maxNamed is how many are named in a text. Who wants all of them asks kubectl.
	maxNamed = 5
	// maxName bounds a name in a text, in bytes.
	maxName = 80
)

// Text says for a condition who holds the old value, in at most 512 bytes: names and kinds only, as they are in Kubernetes.
func (h Holding) Text() string {
	switch {
	case h.Unknown:
		return "the operator may not list the pods of the namespace"
	case len(h.Holders) == 0 && h.Early:
		return "it is too early to tell which pods hold it"
	case len(h.Holders) == 0:
		return "no pod holds it"
	}
	head := fmt.Sprintf("%d pods hold it: ", len(h.Holders))
	if len(h.Holders) == 1 {
		head = "1 pod holds it: "
	}
	text, named := head, 0
	for count, group := range byOwner(h.Holders) {
		part := group.text()
		if count == maxNamed || len(text)+len(part) > maxText-len(" and 1000000000 more") {
			return text + fmt.Sprintf(" and %d more", len(h.Holders)-named)
		}
		if count > 0 {
			text += ", "
		}
		text, named = text+part, named+len(group)
	}
	return text
}

// owned are holders with one owner.
type owned []Holder

// byOwner parts sorted holders.
func byOwner(holders []Holder) []owned {
	var groups []owned
	for _, holder := range holders {
		if last := len(groups) - 1; last >= 0 && groups[last][0].Owner == holder.Owner {
			groups[last] = append(groups[last], holder)
		} else {
			groups = append(groups, owned{holder})
		}
	}
	return groups
}

func (o owned) text() string {
	owner, pod := o[0].Owner, cut(o[0].Pod)
	switch {
	case owner.Kind == kindPod:
		return owner.String()
	case len(o) == 1:
		return fmt.Sprintf("%s (%s)", owner, pod)
	default:
		return fmt.Sprintf("%s (%s and %d more)", owner, pod, len(o)-1)
	}
}

// cut keeps a name short. Whoever makes a pod can say of its owner what he likes, so nothing but what a name can have is shown.
func cut(name string) string {
	clean := strings.Map(func(r rune) rune {
		if r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '?'
	}, name[:min(len(name), maxName)])
	if len(name) > maxName {
		return clean + "…"
	}
	return clean
}

// sentence joins at most maxNamed parts to a text of at most maxText bytes.
func sentence(parts []string) string {
	text := ""
	for i, part := range parts {
		if i == maxNamed || len(text)+len("; ")+len(part) > maxText-len("; and 1000000000 more") {
			return fmt.Sprintf("%s; and %d more", text, len(parts)-i)
		}
		if i > 0 {
			text += "; "
		}
		text += part
	}
	return text
}

func sortedRefs(refs []Ref) []Ref {
	slices.SortFunc(refs, compareRefs)
	return slices.Compact(refs)
}
