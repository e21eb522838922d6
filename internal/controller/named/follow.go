package named

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// follow watches one object until the context ends. What goes wrong is tried again, later each time, by the informer itself.
func (w *Watches) follow(ctx context.Context, one *watch) {
	informer := cache.NewSharedIndexInformerWithOptions(w.source(one), &metav1.PartialObjectMetadata{}, cache.SharedIndexInformerOptions{
		ObjectDescription: one.object.Resource.Resource + " " + one.object.Namespace + "/" + one.object.Name,
	})
	if err := w.prepare(informer, one); err != nil {
		log.FromContext(ctx).Error(err, "an object that issuers name cannot be watched", one.object.describe()...)
		return
	}
	informer.RunWithContext(ctx)
}

func (w *Watches) prepare(informer cache.SharedIndexInformer, one *watch) error {
	if err := informer.SetTransform(strip); err != nil {
		return err //nolint:wrapcheck // it is logged with what it is about
	}
	if err := informer.SetWatchErrorHandlerWithContext(w.failed(one)); err != nil {
		return err //nolint:wrapcheck // it is logged with what it is about
	}
	_, err := informer.AddEventHandler(w.handler(one))
	return err //nolint:wrapcheck // it is logged with what it is about
}

// handler wakes those who refer to the object. What is there at first is no change: they look when the watch has begun.
func (w *Watches) handler(one *watch) cache.ResourceEventHandler {
	return cache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(_ any, atFirst bool) {
			if !atFirst {
				w.changed(one)
			}
		},
		UpdateFunc: func(before, after any) {
			if version(before) != version(after) {
				w.changed(one)
			}
		},
		DeleteFunc: func(any) { w.changed(one) },
	}
}

func version(object any) string {
	if metadata, ok := object.(*metav1.PartialObjectMetadata); ok {
		return metadata.ResourceVersion
	}
	return ""
}

// strip leaves of an object what tells it from another and from an older one. An annotation may hold all of a Secret: kubectl apply
// writes it there.
func strip(object any) (any, error) {
	full, ok := object.(*metav1.PartialObjectMetadata)
	if !ok {
		return object, nil
	}
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Namespace: full.Namespace, Name: full.Name, UID: full.UID, ResourceVersion: full.ResourceVersion,
	}}, nil
}

// failed handles what keeps an object from being listed or watched. Only a refusal lasts: whatever else it is, the informer begins
// again where it was, and what changed meanwhile is told of then. A refusal is logged when it begins, not each time.
func (w *Watches) failed(one *watch) cache.WatchErrorHandlerWithContext {
	var told metav1.StatusReason
	return func(ctx context.Context, _ *cache.Reflector, err error) {
		logger, reason := log.FromContext(ctx).WithValues(one.object.describe()...), apierrors.ReasonForError(err)
		if !apierrors.IsForbidden(err) && !apierrors.IsUnauthorized(err) {
			logger.V(1).Info("the watch of an object that issuers name is begun again", "reason", reason)
			return
		}
		if lost := w.note(ctx, one, false); lost || told != reason {
			told = reason
			logger.Info("an object that issuers name cannot be watched: changes of it are noticed later", "reason", reason)
		}
	}
}

func (o Object) describe() []any {
	return []any{"resource", o.Resource.Resource, "namespace", o.Namespace, "name", o.Name}
}

// source lists and watches one object's metadata.
type source struct{ cache.ListWatch }

// IsWatchListSemanticsUnSupported tells the informer to list before it watches. To stream a list of one spares nothing, and a stream
// that fails does not end with the context, as long as it waits to be tried again.
func (*source) IsWatchListSemanticsUnSupported() bool { return true }

func (w *Watches) source(one *watch) *source {
	object := w.client.Resource(one.object.Resource).Namespace(one.object.Namespace)
	byName := fields.OneTermEqualSelector(metav1.ObjectNameField, one.object.Name).String()
	return &source{cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.FieldSelector = byName
			return object.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (apiwatch.Interface, error) {
			options.FieldSelector = byName
			begun, err := object.Watch(ctx, options)
			if err == nil {
				// What changes from the list on is told of. What changed before, those who refer to the object see for themselves.
				w.note(ctx, one, true)
			}
			return begun, err
		},
	}}
}
