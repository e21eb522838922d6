package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Kubelet plays what runs in pods. When a pod starts, the value that its environment takes from a Secret is read, once, and the
// vendor is called with it until the pod is gone. A pod whose Secret is missing waits for it. No value leaves the Kubelet. It is safe for
// concurrent use.
type Kubelet struct {
	client client.WithWatch
	place  func(namespace string) (Platform, bool)
	every  time.Duration

	cancel context.CancelFunc
	done   sync.WaitGroup

	guard sync.Mutex
	pods  map[types.UID]*Consumer
	// broken is why it cannot tell what happens in pods any more.
	broken error
}

// Consumer is what runs in a pod.
type Consumer struct {
	Namespace, Pod, Secret string
	// Token is the vendor's ID of the token that it calls with; empty until the first answer, and where it has something that is no
	// token's value. At Causeloop it is the ID of the token itself, also of one of a service account.
	Token string
	// Calls were answered; Refused are those of them that the vendor did not accept.
	Calls, Refused int
	Ready          bool
	// FirstRefused is when the first call was refused, Gone when the pod was gone; zero until then.
	FirstRefused, Gone time.Time

	stop context.CancelFunc
}

// StartKubelet plays until Stop is called, in the namespaces for which place gives a vendor. Every consumer calls once in every
// interval.
func StartKubelet(ctx context.Context, from client.WithWatch, every time.Duration, place func(namespace string) (Platform, bool)) *Kubelet {
	ctx, cancel := context.WithCancel(ctx)
	k := &Kubelet{client: from, place: place, every: every, cancel: cancel, pods: map[types.UID]*Consumer{}}
	k.done.Go(func() {
		Follow(ctx, from, &corev1.PodList{}, func(event watch.EventType, object client.Object) {
			if pod, isPod := object.(*corev1.Pod); isPod {
				k.learn(ctx, event, pod)
			}
		})
	})
	return k
}

// Stop ends what runs in all pods.
func (k *Kubelet) Stop() {
	k.cancel()
	k.done.Wait()
}

func (k *Kubelet) breaks(err error) {
	k.guard.Lock()
	defer k.guard.Unlock()
	k.broken = errors.Join(k.broken, err)
}

// learn is told of every change of a pod, in order.
func (k *Kubelet) learn(ctx context.Context, event watch.EventType, pod *corev1.Pod) {
	at, plays := k.place(pod.Namespace)
	if !plays {
		return
	}
	k.guard.Lock()
	defer k.guard.Unlock()
	runs, known := k.pods[pod.UID]
	switch {
	case event == watch.Deleted && known:
		runs.Gone, runs.Ready = now(), false
		runs.stop()
	case event != watch.Deleted && pod.Status.Phase == corev1.PodRunning:
		if !known {
			runs = k.begins(ctx, at, pod)
		}
		runs.Ready = slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		})
	}
}

// begins starts what runs in a pod.
func (k *Kubelet) begins(ctx context.Context, at Platform, pod *corev1.Pod) *Consumer {
	ctx, stop := context.WithCancel(ctx)
	runs := &Consumer{Namespace: pod.Namespace, Pod: pod.Name, stop: stop}
	source := tokenSource(pod.Spec)
	if source != nil {
		runs.Secret = source.Name
	}
	k.pods[pod.UID] = runs
	k.done.Go(func() {
		if source == nil {
			k.breaks(fmt.Errorf("pod %s: expected it to take a token from a Secret, found none in its environment", pod.Name))
			return
		}
		value := k.environment(ctx, pod.Namespace, source)
		for ctx.Err() == nil {
			k.calls(ctx, at, runs, value)
			Pause(ctx, k.every)
		}
	})
	return runs
}

// tokenSource is where the first container takes a token from.
func tokenSource(spec corev1.PodSpec) *corev1.SecretKeySelector {
	for _, variable := range spec.Containers[0].Env {
		if variable.ValueFrom != nil && variable.ValueFrom.SecretKeyRef != nil {
			return variable.ValueFrom.SecretKeyRef
		}
	}
	return nil
}

// environment is the token that a pod is started with, as soon as there is one.
func (k *Kubelet) environment(ctx context.Context, namespace string, source *corev1.SecretKeySelector) string {
	for ctx.Err() == nil {
		secret := &corev1.Secret{}
		err := k.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: source.Name}, secret)
		if value := string(secret.Data[source.Key]); err == nil && value != "" {
			return value
		}
		Pause(ctx, k.every)
	}
	return ""
}

// calls makes one call. One that the end of the pod has cut short does not count.
func (k *Kubelet) calls(ctx context.Context, at Platform, runs *Consumer, value string) {
	connection, err := at.Connect(ctx, value)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		k.breaks(fmt.Errorf("pod %s: %w", runs.Pod, err))
		return
	}
	k.guard.Lock()
	defer k.guard.Unlock()
	runs.Token = connection.ID
	if runs.Calls++; connection.Active {
		return
	}
	if runs.Refused++; runs.FirstRefused.IsZero() {
		runs.FirstRefused = now()
	}
}

// Told is what all that ever ran has done, in the order of the pods' names.
func (k *Kubelet) Told() ([]Consumer, error) {
	k.guard.Lock()
	defer k.guard.Unlock()
	all := make([]Consumer, 0, len(k.pods))
	for _, runs := range k.pods {
		all = append(all, *runs)
	}
	slices.SortFunc(all, func(a, b Consumer) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Pod, b.Pod))
	})
	return all, k.broken
}

// Holders are those that are there and call with a token.
func (k *Kubelet) Holders(token string) ([]Consumer, error) {
	all, err := k.Told()
	return slices.DeleteFunc(all, func(c Consumer) bool { return c.Token != token || !c.Gone.IsZero() }), err
}

// LastGone is when the last pod that called with a token was gone.
func (k *Kubelet) LastGone(token string) (last time.Time, err error) {
	all, err := k.Told()
	for _, runs := range all {
		switch {
		case runs.Token != token:
		case runs.Gone.IsZero():
			return last, fmt.Errorf("expected no pod with token %s, found %s", token, runs.Pod)
		case runs.Gone.After(last):
			last = runs.Gone
		}
	}
	if err == nil && last.IsZero() {
		err = fmt.Errorf("expected pods that had token %s, found none", token)
	}
	return last, err
}
