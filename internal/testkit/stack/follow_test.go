package stack

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// Whoever follows learns of what happened while there was no watch, too.
func TestFollow(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watches := make(chan *watch.FakeWatcher)
	from := fake.NewClientBuilder().WithObjects(named("kept"), named("goes")).WithInterceptorFuncs(interceptor.Funcs{
		Watch: func(ctx context.Context, _ client.WithWatch, _ client.ObjectList, _ ...client.ListOption) (watch.Interface, error) {
			next := watch.NewFake()
			select {
			case watches <- next:
				return next, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
	}).Build()
	told := make(chan string)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Follow(ctx, from, &corev1.ConfigMapList{}, func(event watch.EventType, object client.Object) {
			told <- string(event) + " " + object.GetName()
		})
	}()
	hears := func(want ...string) {
		t.Helper()
		got := map[string]bool{}
		for range want {
			got[<-told] = true
		}
		for _, text := range want {
			if !got[text] {
				t.Errorf("told %v, want %v", got, want)
			}
		}
	}
	hears("MODIFIED kept", "MODIFIED goes")
	watched := <-watches
	go watched.Add(named("kept"))
	hears("ADDED kept")
	if err := from.Delete(ctx, named("goes")); err != nil {
		t.Fatal(err)
	}
	if err := from.Create(ctx, named("comes")); err != nil {
		t.Fatal(err)
	}
	watched.Stop() // as when the API server is killed
	hears("MODIFIED kept", "MODIFIED comes", "DELETED goes")
	watched = <-watches
	go watched.Error(&metav1.Status{Reason: metav1.StatusReasonExpired})
	hears("MODIFIED kept", "MODIFIED comes")
	watched = <-watches
	cancel()
	watched.Stop()
	<-ended
}

func named(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID(name)}}
}
