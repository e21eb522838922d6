package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

// callEvery is how often what runs in a pod calls the vendor.
const callEvery = 200 * time.Millisecond

// kubelet plays what runs in the pods of a namespace. When a pod starts, the value that its environment takes from a Secret is read, once,
// and the vendor is called with it until the pod is gone. No value leaves it. It is safe for concurrent use.
type kubelet struct {
	client    client.WithWatch
	at        stack.Platform
	namespace string

	cancel context.CancelFunc
	done   sync.WaitGroup

	guard sync.Mutex
	pods  map[types.UID]*consumer
	// broken is why it cannot tell what happens in pods any more.
	broken error
}

// consumer is what runs in a pod.
type consumer struct {
	pod string
	// token is the vendor's ID of the token that it calls with; empty until the first answer.
	token string
	// calls were answered; refused are those of them that the vendor did not accept.
	calls, refused int
	ready          bool
	// gone is when the pod was; zero while it is there.
	gone time.Time
	stop context.CancelFunc
}

// startKubelet plays until stop is called.
func startKubelet(ctx context.Context, from client.WithWatch, at stack.Platform, namespace string) (*kubelet, error) {
	ctx, cancel := context.WithCancel(ctx)
	k := &kubelet{client: from, at: at, namespace: namespace, cancel: cancel, pods: map[types.UID]*consumer{}}
	watched, err := from.Watch(ctx, &corev1.PodList{}, client.InNamespace(namespace))
	if err != nil {
		cancel()
		return nil, err
	}
	k.done.Go(func() {
		defer watched.Stop()
		for event := range watched.ResultChan() {
			k.learn(ctx, event)
		}
		if ctx.Err() == nil {
			k.breaks(errors.New("expected the watch of the pods to go on, it ended"))
		}
	})
	return k, nil
}

func (k *kubelet) stop() {
	k.cancel()
	k.done.Wait()
}

func (k *kubelet) breaks(err error) {
	k.guard.Lock()
	defer k.guard.Unlock()
	k.broken = errors.Join(k.broken, err)
}

// learn is told of every change of a pod, in order.
func (k *kubelet) learn(ctx context.Context, event watch.Event) {
	pod, isPod := event.Object.(*corev1.Pod)
	if !isPod {
		k.breaks(fmt.Errorf("expected a pod from the watch, found %T", event.Object))
		return
	}
	k.guard.Lock()
	defer k.guard.Unlock()
	runs, known := k.pods[pod.UID]
	switch {
	case event.Type == watch.Deleted && known:
		runs.gone, runs.ready = time.Now(), false
		runs.stop()
	case event.Type != watch.Deleted && pod.Status.Phase == corev1.PodRunning:
		if !known {
			runs = k.begins(ctx, pod)
		}
		runs.ready = slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		})
	}
}

// begins starts what runs in a pod.
func (k *kubelet) begins(ctx context.Context, pod *corev1.Pod) *consumer {
	ctx, stop := context.WithCancel(ctx)
	runs := &consumer{pod: pod.Name, stop: stop}
	k.pods[pod.UID] = runs
	k.done.Go(func() {
		value, err := k.environment(ctx, pod)
		if err != nil && ctx.Err() == nil {
			k.breaks(fmt.Errorf("pod %s: %w", pod.Name, err))
		}
		for err == nil && ctx.Err() == nil {
			k.calls(ctx, runs, value)
			pause(ctx, callEvery)
		}
	})
	return runs
}

// environment is the token that a pod is started with.
func (k *kubelet) environment(ctx context.Context, pod *corev1.Pod) (string, error) {
	source := tokenSource(pod.Spec)
	if source == nil {
		return "", errors.New("expected it to take a token from a Secret, found none in its environment")
	}
	secret := &corev1.Secret{}
	if err := k.client.Get(ctx, client.ObjectKey{Namespace: k.namespace, Name: source.Name}, secret); err != nil {
		return "", err
	}
	return string(secret.Data[source.Key]), nil
}

// calls makes one call. One that the end of the pod has cut short does not count.
func (k *kubelet) calls(ctx context.Context, runs *consumer, value string) {
	connection, err := k.at.Check(ctx, value)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		k.breaks(fmt.Errorf("pod %s: %w", runs.pod, err))
		return
	}
	k.guard.Lock()
	defer k.guard.Unlock()
	runs.token = connection.ID
	if runs.calls++; !connection.Active {
		runs.refused++
	}
}

// told is what all that ever ran has done, in the order of the pods' names.
func (k *kubelet) told() ([]consumer, error) {
	k.guard.Lock()
	defer k.guard.Unlock()
	all := make([]consumer, 0, len(k.pods))
	for _, runs := range k.pods {
		all = append(all, *runs)
	}
	slices.SortFunc(all, func(a, b consumer) int { return strings.Compare(a.pod, b.pod) })
	return all, k.broken
}

// holders are those that are there and call with a token.
func (k *kubelet) holders(token string) ([]consumer, error) {
	all, err := k.told()
	return slices.DeleteFunc(all, func(c consumer) bool { return c.token != token || !c.gone.IsZero() }), err
}

// lastGone is when the last pod that called with a token was gone.
func (k *kubelet) lastGone(token string) (last time.Time, err error) {
	all, err := k.told()
	for _, runs := range all {
		switch {
		case runs.token != token:
		case runs.gone.IsZero():
			return last, fmt.Errorf("expected no pod with token %s, found %s", token, runs.pod)
		case runs.gone.After(last):
			last = runs.gone
		}
	}
	if err == nil && last.IsZero() {
		err = fmt.Errorf("expected pods that had token %s, found none", token)
	}
	return last, err
}
