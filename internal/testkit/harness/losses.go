package harness

import (
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// WipeStatus takes away what the status of an object says, as a restore without statuses does.
func (w *World) WipeStatus(object client.Object) {
	w.t.Helper()
	if err := w.admin.Status().Patch(w.ctx(), object, client.RawPatch(types.MergePatchType, []byte(`{"status":null}`))); err != nil {
		w.t.Fatal(err)
	}
	w.somebody("wipes the status of", object)
}

// Vanish takes an object away at once, whatever holds it: somebody removes its finalizers, too.
func (w *World) Vanish(object client.Object) {
	w.t.Helper()
	if w.Gone(object) {
		return
	}
	w.Refresh(object)
	if object.GetDeletionTimestamp() == nil {
		if err := w.admin.Delete(w.ctx(), object); err != nil {
			w.t.Fatal(err)
		}
	}
	if !w.Gone(object) {
		patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
		if err := w.admin.Patch(w.ctx(), object, patch); client.IgnoreNotFound(err) != nil {
			w.t.Fatal(err)
		}
	}
	w.somebody("removes at once", object)
}

// PutBack creates an object as it was when it was read, as a restore from a backup does: it is another object of that name, and has no
// status.
func PutBack[T client.Object](w *World, backup T) T {
	w.t.Helper()
	restored, ok := backup.DeepCopyObject().(T)
	if !ok {
		w.t.Fatalf("%T is no object", backup)
	}
	restored.SetUID("")
	restored.SetResourceVersion("")
	restored.SetGeneration(0)
	restored.SetManagedFields(nil)
	w.Create(restored)
	return restored
}

// Opens tells what somebody meets at the vendor who comes with a value.
func (w *World) Opens(value string) Connection { return w.flavour.Check(w.Vendor, value) }

// Use lets a consumer come to the vendor with a value.
func (w *World) Use(value string) { w.flavour.Use(w.Vendor, value) }

// Excuse lets it pass for right from now on that a token ends: somebody asked for it.
func (w *World) Excuse(id string) { w.excused[id] = true }

// Excused tells whether a token may end: somebody revoked it, or asked for it.
func (w *World) Excused(id string) bool { return w.excused[id] }

// Note adds to the story.
func (w *World) Note(format string, args ...any) { w.note(format, args...) }

// RestoreStatus gives a GatewayToken the status that it had when it was read.
func (w *World) RestoreStatus(backup *v1alpha1.GatewayToken) {
	w.t.Helper()
	now := backup.DeepCopy()
	w.ChangeStatus(now, func() { backup.Status.DeepCopyInto(&now.Status) })
}

// Flavour is the world's vendor.
func (w *World) Flavour() Flavour { return w.flavour }

// Snapshot keeps all that the API server has, and gives what puts it back: a restore of its store. Only models can.
func (w *World) Snapshot() (restore func()) {
	w.t.Helper()
	if w.model == nil {
		w.t.Fatal("only a model can be put back as a whole")
	}
	put := w.model.Snapshot()
	return func() {
		put()
		w.note("the API server's store is put back as it was")
		w.outdate()
	}
}
