package stack

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// followPause is how long an API server that does not answer is left alone.
const followPause = 100 * time.Millisecond

// Follow tells of every version of some objects that there is from now on, in order, until the context ends. A watch that ends, as when
// the API server is restarted, is begun anew: what is there then is told again, and so is what went meanwhile. The list
// is an empty one of the objects' kind.
func Follow(ctx context.Context, from client.WithWatch, list client.ObjectList, learn func(watch.EventType, client.Object), options ...client.ListOption) {
	f := &follower{from: from, list: list, learn: learn, options: options, known: map[types.UID]client.Object{}}
	for ctx.Err() == nil {
		version, err := f.catchUp(ctx)
		if err == nil {
			err = f.watch(ctx, version)
		}
		if err != nil {
			Pause(ctx, followPause)
		}
	}
}

type follower struct {
	from    client.WithWatch
	list    client.ObjectList
	learn   func(watch.EventType, client.Object)
	options []client.ListOption
	known   map[types.UID]client.Object
}

// catchUp tells what is there and what went, and gives the version from which changes are told one by one.
func (f *follower) catchUp(ctx context.Context) (string, error) {
	list, isList := f.list.DeepCopyObject().(client.ObjectList)
	if !isList {
		return "", errors.New("a copy of a list is no list")
	}
	if err := f.from.List(ctx, list, f.options...); err != nil {
		return "", err
	}
	left := f.known
	f.known = map[types.UID]client.Object{}
	err := meta.EachListItem(list, func(item runtime.Object) error {
		if object, isObject := item.(client.Object); isObject {
			delete(left, object.GetUID())
			f.tell(watch.Modified, object)
		}
		return nil
	})
	for _, gone := range left {
		f.learn(watch.Deleted, gone)
	}
	return list.GetResourceVersion(), err
}

// watch tells of changes until the watch ends.
func (f *follower) watch(ctx context.Context, version string) error {
	options := append([]client.ListOption{}, f.options...)
	options = append(options, &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: version}})
	watched, err := f.from.Watch(ctx, f.list, options...)
	if err != nil {
		return err
	}
	defer watched.Stop()
	for event := range watched.ResultChan() {
		object, isObject := event.Object.(client.Object)
		if event.Type == watch.Error || !isObject {
			return errors.New("the watch failed")
		}
		f.tell(event.Type, object)
	}
	return nil
}

func (f *follower) tell(event watch.EventType, object client.Object) {
	if f.known[object.GetUID()] = object; event == watch.Deleted {
		delete(f.known, object.GetUID())
	}
	f.learn(event, object)
}
