package modelapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// connection is a client of one server.
type connection struct {
	server *Server
	// agent is who writes, where a call does not say.
	agent string
}

var _ client.WithWatch = &connection{}

var errNotModelled = errors.New("the model API server does not have that")

// Connect gives a client. Whatever it writes without saying as whom is written by the agent.
func (s *Server) Connect(agent string) client.WithWatch { return &connection{server: s, agent: agent} }

// Scheme implements client.Client.
func (c *connection) Scheme() *runtime.Scheme { return c.server.schemas.scheme }

// RESTMapper implements client.Client.
func (c *connection) RESTMapper() meta.RESTMapper { return c.server.schemas.mapper }

// GroupVersionKindFor implements client.Client.
func (c *connection) GroupVersionKindFor(object runtime.Object) (schema.GroupVersionKind, error) {
	return apiutil.GVKForObject(object, c.Scheme())
}

// IsObjectNamespaced implements client.Client.
func (c *connection) IsObjectNamespaced(object runtime.Object) (bool, error) {
	k, err := c.server.schemas.kindOf(object)
	return err == nil && k.namespaced, err
}

// call makes a request about an object.
func (c *connection) call(ctx context.Context, object client.Object, sub, manager string, dryRun []string) (call, error) {
	k, err := c.server.schemas.kindOf(object)
	if err != nil {
		return call{}, err
	}
	made := call{kind: k, key: client.ObjectKey{Name: object.GetName()}, sub: sub, manager: manager, dryRun: len(dryRun) > 0}
	if k.namespaced {
		made.key.Namespace = object.GetNamespace()
		if made.key.Namespace == "" {
			return call{}, fmt.Errorf("a %s is in a namespace", k.Kind)
		}
	}
	if manager == "" {
		made.manager = c.agent
	}
	return made, ctx.Err()
}

// Get implements client.Reader.
func (c *connection) Get(ctx context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	k, err := c.server.schemas.kindOf(into)
	if err != nil {
		return err
	}
	if !k.namespaced {
		key.Namespace = ""
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	object, err := c.server.get(call{kind: k, key: key})
	if err != nil {
		return err
	}
	return c.server.fill(into, object)
}

// List implements client.Reader.
func (c *connection) List(ctx context.Context, into client.ObjectList, options ...client.ListOption) error {
	k, err := c.server.schemas.kindOf(into)
	if err != nil {
		return err
	}
	var set client.ListOptions
	set.ApplyOptions(options)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	found, err := c.server.list(k, &set)
	if err != nil {
		return err
	}
	items, err := c.itemsOf(into, k, found.objects)
	if err != nil {
		return err
	}
	into.SetResourceVersion(found.version)
	into.SetContinue(found.next)
	into.SetRemainingItemCount(nil)
	if found.left > 0 && set.LabelSelector == nil && set.FieldSelector == nil {
		into.SetRemainingItemCount(&found.left)
	}
	return meta.SetList(into, items)
}

// itemsOf makes the items of a list. Those of kinds that have a CRD say of which kind they are.
func (c *connection) itemsOf(list client.ObjectList, k *kind, objects []client.Object) ([]runtime.Object, error) {
	items := make([]runtime.Object, 0, len(objects))
	for _, object := range objects {
		item, err := itemOf(list, k)
		if err != nil {
			return nil, err
		}
		if err := c.server.fill(item, object); err != nil {
			return nil, err
		}
		if _, isCustom := k.rules.(*custom); isCustom {
			item.GetObjectKind().SetGroupVersionKind(k.GroupVersionKind)
		}
		items = append(items, item)
	}
	return items, nil
}

// Create implements client.Writer.
func (c *connection) Create(ctx context.Context, object client.Object, options ...client.CreateOption) error {
	var set client.CreateOptions
	set.ApplyOptions(options)
	request, err := c.call(ctx, object, "", set.FieldManager, set.DryRun)
	if err != nil {
		return err
	}
	data, err := encode(object)
	if err != nil {
		return err
	}
	made, err := c.server.create(request, data)
	if err != nil {
		return err
	}
	return c.server.fill(object, made)
}

// Update implements client.Writer.
func (c *connection) Update(ctx context.Context, object client.Object, options ...client.UpdateOption) error {
	var set client.UpdateOptions
	set.ApplyOptions(options)
	return c.put(ctx, object, object, "", &set)
}

func (c *connection) put(ctx context.Context, object, body client.Object, sub string, set *client.UpdateOptions) error {
	request, err := c.call(ctx, object, sub, set.FieldManager, set.DryRun)
	if err != nil {
		return err
	}
	data, err := encode(body)
	if err != nil {
		return err
	}
	updated, err := c.server.put(request, data)
	if err != nil {
		return err
	}
	return c.server.fill(body, updated)
}

// Patch implements client.Writer.
func (c *connection) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	var set client.PatchOptions
	set.ApplyOptions(options)
	return c.patch(ctx, object, "", patch, &set)
}

func (c *connection) patch(ctx context.Context, object client.Object, sub string, patch client.Patch, set *client.PatchOptions) error {
	request, err := c.call(ctx, object, sub, set.FieldManager, set.DryRun)
	if err != nil {
		return err
	}
	data, err := patch.Data(object)
	if err != nil {
		return err
	}
	patched, err := c.server.patch(request, patch.Type(), data, set.AsPatchOptions())
	if err != nil {
		return err
	}
	return c.server.fill(object, patched)
}

// Apply implements client.Writer.
func (c *connection) Apply(ctx context.Context, configuration runtime.ApplyConfiguration, options ...client.ApplyOption) error {
	var set client.ApplyOptions
	set.ApplyOptions(options)
	return c.apply(ctx, configuration, "", &set)
}

func (c *connection) apply(ctx context.Context, configuration runtime.ApplyConfiguration, sub string, set *client.ApplyOptions) error {
	data, err := json.Marshal(configuration)
	if err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	named := &metav1.PartialObjectMetadata{}
	if err := json.Unmarshal(data, named); err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	request, err := c.call(ctx, named, sub, set.FieldManager, set.DryRun)
	if err != nil {
		return err
	}
	applied, err := c.server.patch(request, types.ApplyPatchType, data, set.AsPatchOptions())
	if err != nil {
		return err
	}
	answer, err := json.Marshal(applied)
	if err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	return json.Unmarshal(answer, configuration)
}

// Delete implements client.Writer.
func (c *connection) Delete(ctx context.Context, object client.Object, options ...client.DeleteOption) error {
	var set client.DeleteOptions
	set.ApplyOptions(options)
	request, err := c.call(ctx, object, "", "", set.DryRun)
	if err != nil {
		return err
	}
	return c.server.delete(request, set.AsDeleteOptions())
}

// DeleteAllOf implements client.Writer.
func (*connection) DeleteAllOf(context.Context, client.Object, ...client.DeleteAllOfOption) error {
	return fmt.Errorf("delete all: %w", errNotModelled)
}

// Watch implements client.WithWatch.
func (*connection) Watch(context.Context, client.ObjectList, ...client.ListOption) (watch.Interface, error) {
	return nil, fmt.Errorf("watch: %w", errNotModelled)
}

// Status implements client.StatusClient.
func (c *connection) Status() client.SubResourceWriter { return c.SubResource(status) }

// SubResource implements client.SubResourceClientConstructor.
func (c *connection) SubResource(name string) client.SubResourceClient { return &subresource{c, name} }

// subresource is a client of one of them.
type subresource struct {
	connection *connection
	name       string
}

// Get implements client.SubResourceReader.
func (s *subresource) Get(context.Context, client.Object, client.Object, ...client.SubResourceGetOption) error {
	return fmt.Errorf("get %s: %w", s.name, errNotModelled)
}

// Create implements client.SubResourceWriter.
func (s *subresource) Create(context.Context, client.Object, client.Object, ...client.SubResourceCreateOption) error {
	return fmt.Errorf("create %s: %w", s.name, errNotModelled)
}

// Update implements client.SubResourceWriter.
func (s *subresource) Update(ctx context.Context, object client.Object, options ...client.SubResourceUpdateOption) error {
	var set client.SubResourceUpdateOptions
	set.ApplyOptions(options)
	body := object
	if set.SubResourceBody != nil {
		body = set.SubResourceBody
	}
	return s.connection.put(ctx, object, body, s.name, &set.UpdateOptions)
}

// Patch implements client.SubResourceWriter.
func (s *subresource) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
	var set client.SubResourcePatchOptions
	set.ApplyOptions(options)
	return s.connection.patch(ctx, object, s.name, patch, &set.PatchOptions)
}

// Apply implements client.SubResourceWriter.
func (s *subresource) Apply(ctx context.Context, configuration runtime.ApplyConfiguration, options ...client.SubResourceApplyOption) error {
	var set client.SubResourceApplyOptions
	set.ApplyOpts(options)
	return s.connection.apply(ctx, configuration, s.name, &set.ApplyOptions)
}
