package modelapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/mergepatch"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// patch changes an object by a patch of any kind.
func (s *Server) patch(c call, kind types.PatchType, patch []byte, options *metav1.PatchOptions) (client.Object, error) {
	if errs := validation.ValidatePatchOptions(options, kind); len(errs) > 0 {
		return nil, apierrors.NewInvalid(schema.GroupKind{Group: metav1.GroupName, Kind: "PatchOptions"}, "", errs)
	}
	if kind == types.ApplyPatchType {
		force := options.Force != nil && *options.Force
		asked := demand{verb: string(kind), body: patch, force: force, creates: true}
		return s.update(c, asked, func(live client.Object) (client.Object, error) { return s.applied(c, live, patch, force) })
	}
	if kind == types.StrategicMergePatchType {
		if _, ok := c.kind.rules.(*custom); ok {
			return nil, apierrors.NewGenericServerResponse(http.StatusUnsupportedMediaType, "patch", c.kind.group(), c.key.Name,
				"the body of the request was in an unknown format", 0, true)
		}
	}
	asked := demand{verb: string(kind), body: patch}
	return s.update(c, asked, func(live client.Object) (client.Object, error) { return s.patched(c, live, kind, patch) })
}

// applied is an object after a server-side apply.
func (s *Server) applied(c call, live client.Object, patch []byte, force bool) (client.Object, error) {
	configuration := &unstructured.Unstructured{Object: map[string]any{}}
	if err := yaml.Unmarshal(patch, &configuration.Object); err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("error decoding YAML: %v", err))
	}
	known := live.GetManagedFields()
	if s.flaw == keepsDroppedKeys {
		live.SetManagedFields(slices.DeleteFunc(slices.Clone(known), func(of metav1.ManagedFieldsEntry) bool { return of.Manager == c.manager }))
	}
	merged, err := c.kind.managers[c.sub].Apply(copyOf(live), configuration, c.manager, force || s.flaw == alwaysForces)
	if err != nil {
		return nil, err
	}
	object := asObject(merged)
	if merged == nil {
		// The configuration changes nothing.
		return live, nil
	}
	s.stamp(object, known)
	if _, ok := c.kind.rules.(*custom); ok {
		return s.reread(c, object)
	}
	return object, nil
}

// reread has the kind look at an object as if it had just come in.
func (*Server) reread(c call, object client.Object) (client.Object, error) {
	data, err := json.Marshal(object)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	return c.kind.rules.read(data)
}

// patched is an object after any other patch.
func (s *Server) patched(c call, live client.Object, kind types.PatchType, patch []byte) (client.Object, error) {
	before, err := json.Marshal(live)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	after, err := patchJSON(before, live, kind, patch)
	if err != nil {
		return nil, err
	}
	object, err := c.kind.rules.read(after)
	if err != nil {
		return nil, apierrors.NewInvalid(schema.GroupKind{}, "", field.ErrorList{field.Invalid(field.NewPath("patch"), "", err.Error())})
	}
	return s.manage(c, live, object), nil
}

func patchJSON(before []byte, live client.Object, kind types.PatchType, patch []byte) ([]byte, error) {
	switch kind {
	case types.JSONPatchType:
		return jsonPatched(before, patch)
	case types.MergePatchType:
		after, err := jsonpatch.MergePatch(before, patch)
		if errors.Is(err, jsonpatch.ErrBadJSONPatch) {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		return after, err
	case types.StrategicMergePatchType:
		after, err := strategicpatch.StrategicMergePatch(before, patch, live)
		if err != nil && (mergepatch.IsPreconditionFailed(err) || errors.Is(err, mergepatch.ErrBadJSONDoc)) {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		return after, err
	default:
		return nil, fmt.Errorf("the model API server has no patches of type %s", kind)
	}
}

func jsonPatched(before, patch []byte) ([]byte, error) {
	steps, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	after, err := steps.Apply(before)
	if err != nil {
		return nil, apierrors.NewGenericServerResponse(http.StatusUnprocessableEntity, "", schema.GroupResource{}, "", err.Error(), 0, false)
	}
	return after, nil
}

// put replaces an object by another, which may say of which UID it is.
func (s *Server) put(c call, data []byte) (client.Object, error) {
	return s.update(c, demand{verb: http.MethodPut, body: data}, func(live client.Object) (client.Object, error) {
		object, err := c.kind.rules.read(data)
		if err != nil {
			return nil, err
		}
		if uid := object.GetUID(); uid != "" && uid != live.GetUID() {
			return nil, apierrors.NewConflict(c.kind.group(), c.key.Name,
				fmt.Errorf("Precondition failed: UID in precondition: %v, UID in object meta: %v", uid, live.GetUID())) //nolint:staticcheck // as the API server says it
		}
		return s.manage(c, live, object), nil
	})
}
