package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// writer is the client of a process: it reads from the process' cache, as the operator's does, and writes through the gate.
func (p *Process) writer(through client.WithWatch) client.Client {
	g := p.gate
	return interceptor.NewClient(through, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, into client.Object, options ...client.GetOption) error {
			g.alive()
			if !p.cache.holds(into) {
				return c.Get(ctx, key, into, options...)
			}
			return p.cache.get(key, into)
		},
		List: func(_ context.Context, _ client.WithWatch, into client.ObjectList, options ...client.ListOption) error {
			g.alive()
			return p.cache.list(into, options...)
		},
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
			var set client.CreateOptions
			set.ApplyOptions(options)
			return p.write(ctx, Create, object, len(set.DryRun) > 0, func() error { return c.Create(ctx, object, options...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			return p.write(ctx, PatchVerb, object, false, func() error { return c.Patch(ctx, object, patch, options...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.DeleteOption) error {
			return p.write(ctx, Delete, object, false, func() error { return c.Delete(ctx, object, options...) })
		},
		Apply: func(ctx context.Context, c client.WithWatch, object runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			var set client.ApplyOptions
			set.ApplyOptions(options)
			named, err := nameOf(object)
			if err != nil {
				return err
			}
			return p.write(ctx, Apply, named, len(set.DryRun) > 0, func() error { return c.Apply(ctx, object, options...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
			return p.write(ctx, sub, object, false, func() error { return c.SubResource(sub).Patch(ctx, object, patch, options...) })
		},
		Update:      refuseUpdate,
		DeleteAllOf: refuseDeleteAllOf,
	})
}

func refuseUpdate(context.Context, client.WithWatch, client.Object, ...client.UpdateOption) error {
	return fmt.Errorf("the operator patches and applies, it does not update")
}

func refuseDeleteAllOf(context.Context, client.WithWatch, client.Object, ...client.DeleteAllOfOption) error {
	return fmt.Errorf("the operator deletes one by one")
}

// nameOf reads kind and name of an apply configuration.
func nameOf(configuration runtime.ApplyConfiguration) (client.Object, error) {
	text, err := json.Marshal(configuration)
	if err != nil {
		return nil, fmt.Errorf("apply configuration: %w", err)
	}
	var named metav1.PartialObjectMetadata
	if err := json.Unmarshal(text, &named); err != nil {
		return nil, fmt.Errorf("apply configuration: %w", err)
	}
	return &named, nil
}

// write passes a write through the gate. A dry run changes nothing and passes beside it.
func (p *Process) write(ctx context.Context, verb string, object client.Object, dryRun bool, do func() error) error {
	if dryRun {
		p.gate.alive()
		p.world.DryRuns++
		return unlessEnded(ctx, do)
	}
	kind := kindOf(object)
	if partial, ok := object.(*metav1.PartialObjectMetadata); ok {
		kind = partial.Kind
	}
	name := client.ObjectKeyFromObject(object)
	err := p.gate.pass(verb, kind, name.String(), func() error {
		if err := unlessEnded(ctx, do); err != nil {
			return err
		}
		p.world.track(kind, name)
		p.stale = append(p.stale, entry{kind, name})
		if kind == "Secret" && verb != Delete {
			return p.world.times.written(ctx, p.world.admin, name)
		}
		return nil
	})
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		// Somebody else was here, whose event is on its way.
		p.world.outdate()
	}
	return err
}

// unlessEnded asks the API server for nothing when the caller's context has ended.
func unlessEnded(ctx context.Context, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return do()
}

// reader reads from the API server itself.
func (p *Process) reader(through client.WithWatch) client.Reader {
	g := p.gate
	return interceptor.NewClient(through, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, into client.Object, options ...client.GetOption) error {
			g.alive()
			err := unlessEnded(ctx, func() error { return c.Get(ctx, key, into, options...) })
			if secret, ok := into.(*corev1.Secret); ok && err == nil {
				p.world.times.show(secret)
			}
			return err
		},
		List: func(ctx context.Context, c client.WithWatch, into client.ObjectList, options ...client.ListOption) error {
			g.alive()
			if kind := kindOf(into); p.world.forbidden[kind] {
				return apierrors.NewForbidden(schema.GroupResource{Resource: kind}, "", errors.New("the harness does not allow it"))
			}
			err := unlessEnded(ctx, func() error { return c.List(ctx, into, options...) })
			if pods, ok := into.(*corev1.PodList); ok && err == nil {
				p.world.PodLists++
				p.world.times.showPods(pods)
			}
			return err
		},
	})
}

// times are when Secrets were written, and pods created, by the world's clock, which the API server does not have.
type times struct {
	clock Clock
	of    map[types.UID]*written
	pods  map[types.UID]metav1.Time
}

// written is one Secret's.
type written struct {
	created, latest time.Time
	version         string
}

// written notes a write by the operator, if it changed anything.
func (t *times) written(ctx context.Context, from client.Reader, name client.ObjectKey) error {
	var secret corev1.Secret
	if err := from.Get(ctx, name, &secret); err != nil {
		return client.IgnoreNotFound(err)
	}
	if have := t.have(&secret); have.version != secret.ResourceVersion {
		have.version, have.latest = secret.ResourceVersion, t.clock.Now().Truncate(time.Second)
	}
	return nil
}

func (t *times) have(secret *corev1.Secret) *written {
	have := t.of[secret.UID]
	if have == nil {
		now := t.clock.Now().Truncate(time.Second)
		have = &written{created: now, latest: now}
		t.of[secret.UID] = have
	}
	return have
}

// show puts the world's times into a Secret that was read.
func (t *times) show(secret *corev1.Secret) {
	have := t.have(secret)
	secret.CreationTimestamp = metav1.NewTime(have.created)
	for i := range secret.ManagedFields {
		if secret.ManagedFields[i].Manager == v1alpha1.OperatorName {
			at := metav1.NewTime(have.latest)
			secret.ManagedFields[i].Time = &at
		}
	}
}

// born notes that a pod was created.
func (t *times) born(pod *corev1.Pod) {
	t.pods[pod.UID] = metav1.NewTime(t.clock.Now().Truncate(time.Second))
}

// showPods puts the world's times into pods that were read.
func (t *times) showPods(pods *corev1.PodList) {
	for i := range pods.Items {
		if created, known := t.pods[pods.Items[i].UID]; known {
			pods.Items[i].CreationTimestamp = created
		}
	}
}
