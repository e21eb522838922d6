package controlplane

import (
	"context"
	"errors"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// What was stored is there after a restart, for clients that knew the API server before, and controllers go on with their work.
func TestRestart(t *testing.T) {
	t.Parallel()
	plane, err := Start(t.Context(), Options{Restartable: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	admin, err := kubernetes.NewForConfig(plane.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	namespace := createNamespace(t, admin)
	createConfigMap(t, admin, namespace, "kept")
	for range 2 {
		before, err := admin.CoreV1().ConfigMaps(namespace).Get(t.Context(), "kept", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := plane.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		after, err := admin.CoreV1().ConfigMaps(namespace).Get(t.Context(), "kept", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if after.UID != before.UID || after.ResourceVersion != before.ResourceVersion {
			t.Errorf("the object is another one after a restart: %+v, before %+v", after.ObjectMeta, before.ObjectMeta)
		}
	}
	if err := admin.CoreV1().Namespaces().Delete(t.Context(), namespace, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the namespace is gone", func(ctx context.Context) error {
		_, err := admin.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
		return wantNotFound(err)
	})
}

func TestRestartIsAskedFor(t *testing.T) {
	if err := new(ControlPlane).Restart(t.Context()); !errors.Is(err, errNotRestartable) {
		t.Errorf("error %v, want %v", err, errNotRestartable)
	}
}
