package modelapi

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// step is one call of a script.
type step struct {
	story string
	of    target
	do    func(context.Context, *side) (client.Object, error)
	// collects: controllers may have something to do afterwards.
	collects bool
}

// doc is a part of a manifest.
type doc = map[string]any

// script draws steps by chance.
type script struct {
	*rand.Rand
	namespaces []string
	prefix     string
	// busy: controllers may have something to do from now on after a deletion.
	busy bool
}

func newScript(seed uint64) *script {
	prefix := fmt.Sprintf("s%d", seed)
	return &script{Rand: rand.New(rand.NewPCG(seed, 0)), prefix: prefix, namespaces: []string{prefix + "-one", prefix + "-two"}}
}

func gvkOf(kind string) schema.GroupVersionKind {
	switch strings.TrimSuffix(kind, "List") {
	case v1alpha1.KindGatewayToken, v1alpha1.KindTokenIssuer, v1alpha1.KindClusterTokenIssuer:
		return v1alpha1.GroupVersion().WithKind(kind)
	case "Deployment":
		return appsv1.SchemeGroupVersion.WithKind(kind)
	default:
		return corev1.SchemeGroupVersion.WithKind(kind)
	}
}

// kinds are those that scripts speak of, the likelier ones more than once.
func kinds() []string {
	return []string{
		"Secret", "Secret", "Secret", v1alpha1.KindGatewayToken, v1alpha1.KindGatewayToken, v1alpha1.KindGatewayToken,
		v1alpha1.KindTokenIssuer, v1alpha1.KindClusterTokenIssuer, "ConfigMap", "Pod", "Deployment",
	}
}

func oneOf[T any](s *script, of ...T) T { return of[s.IntN(len(of))] }

// target draws an object: one of a few, so that steps meet.
func (s *script) target() target {
	of := target{kind: oneOf(s, kinds()...), namespace: oneOf(s, s.namespaces[0], s.namespaces[0], s.namespaces[0], s.namespaces[1]), name: oneOf(s, "a", "a", "b")}
	if of.kind == v1alpha1.KindClusterTokenIssuer {
		of.namespace, of.name = "", s.prefix+"-"+of.name
	}
	return of
}

// next draws a step. A script begins with one object of each kind, so that there is something to speak of.
func (s *script) next(number int) step {
	of := s.target()
	if all := slices.Compact(kinds()); number < len(all) {
		return s.begin(all[number])
	}
	draw := oneOf(s, s.create, s.create, s.create, s.merge, s.merge, s.merge, s.apply, s.apply, s.apply, s.status, s.status, s.jsonPatch,
		s.strategic, s.put, s.delete, s.delete, s.release, s.takeOver, s.namespace, s.dependent)
	return draw(of)
}

// content is a manifest without metadata that the kind accepts.
func (s *script) content(kind string) doc {
	container := doc{"name": "app", "image": oneOf(s, "one", "two")}
	labels := doc{"app": "it"}
	switch kind {
	case "Secret":
		return oneOf(s, doc{"data": doc{"token": "dmFsdWU="}}, doc{"stringData": doc{"token": oneOf(s, "x", "y")}, "data": doc{"id": "aWQ="}},
			doc{"type": "kubernetes.io/basic-auth", "data": doc{"password": "eA=="}}, doc{"data": doc{}}, doc{"immutable": true, "data": doc{"a": "eA=="}})
	case "ConfigMap":
		return oneOf(s, doc{"data": doc{"a": oneOf(s, "x", "y")}}, doc{"data": doc{"a": "x", "b": "y"}, "binaryData": doc{"c": "eA=="}}, doc{})
	case "Pod":
		spec := doc{"containers": []any{container}}
		if s.IntN(2) == 0 {
			spec["nodeName"] = "node"
		}
		return doc{"spec": spec, "status": doc{"phase": "Running"}}
	case "Deployment":
		return doc{"spec": doc{
			"selector": doc{"matchLabels": labels}, "replicas": s.IntN(3),
			"template": doc{"metadata": doc{"labels": labels}, "spec": doc{"containers": []any{container}}},
		}}
	case v1alpha1.KindGatewayToken:
		return s.gatewayToken()
	default:
		return s.issuer(kind)
	}
}

func (s *script) gatewayToken() doc {
	spec := doc{"issuerRef": doc{"name": "issuer"}}
	if s.IntN(2) == 0 {
		spec["rotation"] = doc{"interval": oneOf(s, "48h", "72h", "24h0m0s")}
	}
	if s.IntN(2) == 0 {
		spec["secret"] = doc{"name": "a-secret", "labels": doc{"a": oneOf(s, "x", "y")}}
	}
	if s.IntN(3) == 0 {
		spec["suspend"] = oneOf(s, true, false)
	}
	if s.IntN(3) == 0 {
		spec["consumers"] = doc{"action": oneOf(s, "Restart", "Wait"), "select": "Listed", "targets": []any{doc{"kind": "Deployment", "name": oneOf(s, "x", "y")}}}
	}
	return doc{"spec": spec, "status": doc{"observedGeneration": 7}}
}

func (s *script) issuer(kind string) doc {
	spec := doc{"causely": doc{
		"url": oneOf(s, "https://a.example", "https://b.example"), "authURL": "https://c.example", "credentialsSecretRef": doc{"name": oneOf(s, "one", "two")},
	}}
	if kind == v1alpha1.KindClusterTokenIssuer {
		spec["grants"] = []any{doc{"namespaces": doc{"names": []any{oneOf(s, "x", "y")}}}}
	}
	return doc{"spec": spec}
}

// spoil makes a manifest wrong in one of many ways, and says how; mostly it does not.
func (s *script) spoil(content doc, of *target) string {
	meta, spec := content["metadata"].(doc), content["spec"] //nolint:forcetypeassert // the caller has made it
	inSpec := func(name string, value any) {
		if spec, ok := spec.(doc); ok {
			spec[name] = value
		}
	}
	switch s.IntN(22) {
	case 0:
		of.name = "Not_A_Name"
		return "a bad name"
	case 1:
		meta["labels"] = doc{"a/b/c": "x"}
		return "a bad label"
	case 2:
		meta["annotations"] = doc{"a b": "x"}
		return "a bad annotation"
	case 3:
		meta["finalizers"] = []any{"not qualified"}
		return "a bad finalizer"
	case 4:
		inSpec("unknown", doc{"a": 1})
		return "an unknown field"
	case 5:
		delete(content, "spec")
		return "no spec"
	case 6:
		inSpec("issuerRef", doc{"name": ""})
		return "no issuer"
	case 7:
		inSpec("rotation", doc{"interval": "soon"})
		return "a bad duration"
	case 8:
		inSpec("secret", doc{"name": "sh.helm.release.x"})
		return "a reserved name"
	case 9:
		inSpec("causeloop", doc{"personal": doc{}, "scopes": nil})
		return "two vendors, or none that fits"
	case 10:
		content["data"] = doc{"not a key": "eA=="}
		return "a bad key"
	case 11:
		meta["resourceVersion"] = "7"
		return "a version"
	case 12:
		meta["uid"] = string(nowhere)
		return "a UID"
	case 13:
		if of.namespace != "" {
			of.namespace = "s-missing"
		}
		return "a namespace that is missing"
	case 14:
		inSpec("template", doc{"metadata": doc{"labels": doc{"other": "x"}}})
		return "a template that is none"
	case 15:
		inSpec("grants", []any{doc{"namespaces": doc{}}, doc{"unknown": true}})
		return "odd grants"
	default:
		return ""
	}
}

// manifest draws an object that may be wrong.
func (s *script) manifest(of *target) (content doc, story string) {
	content = s.content(of.kind)
	meta := doc{}
	content["metadata"] = meta
	if s.IntN(2) == 0 {
		meta["labels"] = doc{"color": oneOf(s, "red", "blue")}
	}
	if s.IntN(3) == 0 {
		meta["annotations"] = doc{"note": oneOf(s, "x", "y")}
	}
	if s.IntN(4) == 0 {
		meta["finalizers"] = []any{"example.com/hold"}
	}
	if wrong := s.spoil(content, of); wrong != "" {
		story = " with " + wrong
	}
	return content, story
}

// complete gives a manifest its kind and name.
func complete(content doc, of target) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: content}
	object.SetGroupVersionKind(gvkOf(of.kind))
	object.SetNamespace(of.namespace)
	object.SetName(of.name)
	return object
}

// copied is a manifest for one side alone, in which numbers are what JSON makes of them.
func copied(content doc) doc {
	text, err := json.Marshal(content)
	if err != nil {
		panic(err)
	}
	object := &unstructured.Unstructured{}
	if err := json.Unmarshal(text, &object.Object); err != nil {
		panic(err)
	}
	wholeNumbers(object.Object)
	return object.Object
}

func wholeNumbers(in any) {
	switch of := in.(type) {
	case map[string]any:
		for key, value := range of {
			if number, ok := value.(float64); ok {
				of[key] = int64(number)
			}
			wholeNumbers(value)
		}
	case []any:
		for _, value := range of {
			wholeNumbers(value)
		}
	}
}

func text(of any) string {
	text, err := json.Marshal(of)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (s *script) create(of target) step {
	content, story := s.manifest(&of)
	dry, asGo := s.IntN(6) == 0, s.IntN(2) == 0
	if story != "" {
		// Not everything that is wrong can be said in Go.
		asGo = false
	}
	options := []client.CreateOption{}
	if dry {
		options, story = append(options, client.DryRunAll), story+", dry"
	}
	if s.IntN(2) == 0 {
		options, story = append(options, client.FieldOwner("owner")), story+" as owner"
	}
	return step{
		story: fmt.Sprintf("create %s%s: %s", of, story, text(content)), of: of,
		do: func(ctx context.Context, at *side) (client.Object, error) {
			var object client.Object = complete(copied(content), of)
			if asGo {
				inGo, err := typed(at.client.Scheme(), complete(copied(content), of))
				if err != nil {
					return nil, err
				}
				object = inGo
			}
			return object, at.client.Create(ctx, object, options...)
		},
	}
}

// begin makes an object with nothing wrong.
func (s *script) begin(kind string) step {
	of := target{kind: kind, namespace: s.namespaces[0], name: "a"}
	if kind == v1alpha1.KindClusterTokenIssuer {
		of.namespace, of.name = "", s.prefix+"-a"
	}
	content := s.content(kind)
	return step{
		story: fmt.Sprintf("create %s: %s", of, text(content)), of: of,
		do: func(ctx context.Context, at *side) (client.Object, error) {
			object := complete(copied(content), of)
			return object, at.client.Create(ctx, object, client.FieldOwner("owner"))
		},
	}
}

// change draws a part of a manifest to patch or apply, or a label of one of some colors.
func (s *script) change(of *target, colors ...any) (doc, string) {
	content, story := s.manifest(of)
	switch s.IntN(4) {
	case 0:
		return doc{"metadata": content["metadata"]}, story
	case 1:
		delete(content, "metadata")
		return content, story
	case 2:
		return doc{"metadata": doc{"labels": doc{"color": oneOf(s, colors...)}}}, ""
	default:
		return content, story
	}
}

// locked puts into a patch what it is a patch of.
func locked(at *side, of target, content doc, uid, version pick) []byte {
	body := copied(content)
	meta, _ := body["metadata"].(doc)
	if meta == nil {
		meta = doc{}
		body["metadata"] = meta
	}
	if uid != none {
		meta["uid"] = string(at.version(of, uid).uid)
	}
	if version != none {
		meta["resourceVersion"] = at.version(of, version).version
	}
	return []byte(text(body))
}

func (s *script) picks() (uid, version pick, story string) {
	uid = oneOf(s, none, none, current, current, foreign, stale)
	version = oneOf(s, none, none, current, current, stale)
	return uid, version, fmt.Sprintf(" [uid %s, version %s]", uid, version)
}

func (s *script) merge(of target) step {
	content, story := s.change(&of, "red", "green", nil)
	if s.IntN(6) == 0 {
		content, story = doc{}, " nothing"
	}
	uid, version, lock := s.picks()
	dry := s.IntN(8) == 0
	return step{
		story: fmt.Sprintf("merge %s%s%s dry=%v: %s", of, story, lock, dry, text(content)), of: of,
		do: func(ctx context.Context, at *side) (client.Object, error) {
			object := blankOf(of)
			options := []client.PatchOption{}
			if dry {
				options = append(options, client.DryRunAll)
			}
			return object, at.client.Patch(ctx, object, client.RawPatch(types.MergePatchType, locked(at, of, content, uid, version)), options...)
		},
	}
}

func (s *script) apply(of target) step {
	// Nobody applies null: of it, the real one stores what it does not read.
	content, story := s.change(&of, "red", "green")
	uid, version, lock := s.picks()
	owner, force, dry := oneOf(s, "one", "one", "two", ""), s.IntN(2) == 0, s.IntN(8) == 0
	return step{
		story: fmt.Sprintf("apply %s as %q%s%s force=%v dry=%v: %s", of, owner, story, lock, force, dry, text(content)), of: of,
		do: func(ctx context.Context, at *side) (client.Object, error) {
			object := blankOf(of)
			body := &unstructured.Unstructured{}
			if err := json.Unmarshal(locked(at, of, content, uid, version), &body.Object); err != nil {
				return nil, err
			}
			patch := client.RawPatch(types.ApplyPatchType, []byte(text(complete(body.Object, of).Object)))
			set := client.PatchOptions{FieldManager: owner}
			if force {
				set.Force = ptr.To(true)
			}
			if dry {
				set.DryRun = []string{metav1.DryRunAll}
			}
			return object, at.client.Patch(ctx, object, patch, &set)
		},
	}
}

func (s *script) status(of target) step {
	condition := doc{
		"type": oneOf(s, "Ready", "Other"), "status": oneOf(s, "True", "False", "Odd"), "reason": oneOf(s, "Fine", "Fine", "not fine"),
		"message": "m", "lastTransitionTime": "2026-03-01T12:00:00Z",
	}
	content := doc{"status": doc{"conditions": []any{condition}, "observedGeneration": s.IntN(4)}}
	switch s.IntN(4) {
	case 0:
		content = doc{"status": doc{"phase": "Succeeded"}, "spec": doc{"suspend": true}, "metadata": doc{"labels": doc{"by": "status"}}}
	case 1:
		content = doc{"status": nil}
	case 2:
		content = doc{"status": doc{"unknown": 1, "observedGeneration": 2}}
	}
	uid, version, lock := s.picks()
	owner := oneOf(s, "", "one")
	return step{
		story: fmt.Sprintf("status of %s as %q%s: %s", of, owner, lock, text(content)), of: of,
		do: func(ctx context.Context, at *side) (client.Object, error) {
			object := blankOf(of)
			patch := client.RawPatch(types.MergePatchType, locked(at, of, content, uid, version))
			return object, at.client.Status().Patch(ctx, object, patch, client.FieldOwner(owner))
		},
	}
}

func (s *script) jsonPatch(of target) step {
	steps := oneOf(s,
		[]any{doc{"op": "add", "path": "/metadata/labels/color", "value": "red"}},
		[]any{doc{"op": "test", "path": "/metadata/name", "value": "b"}, doc{"op": "add", "path": "/metadata/labels", "value": doc{"a": "b"}}},
		[]any{doc{"op": "remove", "path": "/metadata/finalizers"}},
		[]any{doc{"op": "replace", "path": "/metadata/managedFields", "value": []any{doc{}}}},
		[]any{doc{"op": "remove", "path": "/metadata/resourceVersion"}, doc{"op": "add", "path": "/metadata/labels", "value": doc{"a": "c"}}},
		[]any{doc{"op": "add", "path": "/metadata/annotations", "value": doc{"x": 1}}},
		[]any{doc{"op": "replace", "path": "/metadata/name", "value": "other"}},
		[]any{doc{"op": "nonsense", "path": "/x"}},
	)
	return step{
		story: fmt.Sprintf("JSON patch of %s: %s", of, text(steps)), of: of,
		do: func(ctx context.Context, at *side) (client.Object, error) {
			object := blankOf(of)
			return object, at.client.Patch(ctx, object, client.RawPatch(types.JSONPatchType, []byte(text(steps))))
		},
	}
}

func (s *script) strategic(of target) step {
	content := oneOf(s,
		doc{"metadata": doc{"labels": doc{"color": "blue"}}},
		doc{"spec": doc{"template": doc{"spec": doc{"containers": []any{doc{"name": "app", "image": "three"}}}}}},
		doc{"data": doc{"extra": "eA=="}},
		doc{"metadata": doc{"finalizers": []any{"example.com/more"}}},
	)
	uid, version, lock := s.picks()
	return step{
		story: fmt.Sprintf("strategic patch of %s%s: %s", of, lock, text(content)), of: of,
		do: func(ctx context.Context, at *side) (client.Object, error) {
			object := blankOf(of)
			return object, at.client.Patch(ctx, object, client.RawPatch(types.StrategicMergePatchType, locked(at, of, content, uid, version)))
		},
	}
}

// put replaces an object by what it was when it was last read, with a change.
func (s *script) put(of target) step {
	label, asStatus, blind := oneOf(s, "x", "y"), s.IntN(3) == 0, s.IntN(4) == 0
	return step{
		story: fmt.Sprintf("update %s status=%v blind=%v with label %s", of, asStatus, blind, label), of: of,
		do: func(ctx context.Context, at *side) (client.Object, error) {
			object := blankOf(of)
			if last := at.last[of]; last != nil {
				object = last.DeepCopy()
			}
			object.SetLabels(map[string]string{"put": label})
			if blind {
				object.SetResourceVersion("")
			}
			if asStatus {
				return object, at.client.Status().Update(ctx, object)
			}
			return object, at.client.Update(ctx, object)
		},
	}
}

func (s *script) delete(of target) step {
	uid, version, lock := s.picks()
	dry, now := s.IntN(6) == 0, s.IntN(3) == 0
	return step{
		story: fmt.Sprintf("delete %s%s dry=%v now=%v", of, lock, dry, now), of: of, collects: s.busy,
		do: func(ctx context.Context, at *side) (client.Object, error) {
			set := &client.DeleteOptions{Preconditions: &metav1.Preconditions{}}
			if uid != none {
				set.Preconditions.UID = ptr.To(at.version(of, uid).uid)
			}
			if version != none {
				set.Preconditions.ResourceVersion = ptr.To(at.version(of, version).version)
			}
			if dry {
				set.DryRun = []string{metav1.DryRunAll}
			}
			if now {
				set.GracePeriodSeconds = ptr.To[int64](0)
			}
			return nil, at.client.Delete(ctx, blankOf(of), set)
		},
	}
}

// release takes away what holds an object, or adds something else that does.
func (s *script) release(of target) step {
	content := doc{"metadata": doc{"finalizers": oneOf[any](s, nil, nil, []any{"example.com/other"}, []any{"example.com/hold", "example.com/other"})}}
	return step{
		story: fmt.Sprintf("finalizers of %s: %s", of, text(content)), of: of, collects: s.busy,
		do: func(ctx context.Context, at *side) (client.Object, error) {
			object := blankOf(of)
			return object, at.client.Patch(ctx, object, client.RawPatch(types.MergePatchType, []byte(text(content))))
		},
	}
}

// takeOver makes fields that were set by an update those of an apply, as the operator does.
func (s *script) takeOver(of target) step {
	owner := oneOf(s, "one", "owner")
	return step{
		story: fmt.Sprintf("%s takes over %s", owner, of), of: of,
		do: func(ctx context.Context, at *side) (client.Object, error) {
			last := at.last[of]
			if last == nil {
				return nil, at.client.Get(ctx, client.ObjectKeyFromObject(blankOf(of)), blankOf(of))
			}
			patch, err := csaupgrade.UpgradeManagedFieldsPatch(last, sets.New("owner", agent), owner)
			if err != nil || len(patch) == 0 {
				return nil, err
			}
			object := blankOf(of)
			return object, at.client.Patch(ctx, object, client.RawPatch(types.JSONPatchType, patch))
		},
	}
}

// namespace deletes the second namespace or makes it again.
func (s *script) namespace(target) step {
	of := target{kind: "Namespace", name: s.namespaces[1]}
	if s.IntN(3) > 0 {
		return step{
			story: "create " + of.String(), of: of,
			do: func(ctx context.Context, at *side) (client.Object, error) {
				object := blankOf(of)
				return object, at.client.Create(ctx, object)
			},
		}
	}
	s.busy = true
	return step{
		story: "delete " + of.String(), of: of, collects: true,
		do: func(ctx context.Context, at *side) (client.Object, error) {
			return nil, at.client.Delete(ctx, blankOf(of))
		},
	}
}

// dependent makes a ConfigMap that belongs to another object.
func (s *script) dependent(owner target) step {
	if owner.kind == v1alpha1.KindClusterTokenIssuer || owner.kind == "Pod" {
		owner.kind, owner.namespace, owner.name = "Secret", s.namespaces[0], "a"
	}
	of := target{kind: "ConfigMap", namespace: owner.namespace, name: "dependent"}
	which := oneOf(s, current, current, current, foreign)
	s.busy = true
	return step{
		story: fmt.Sprintf("create %s of %s (uid %s)", of, owner, which), of: of, collects: true,
		do: func(ctx context.Context, at *side) (client.Object, error) {
			object := blankOf(of)
			gvk := gvkOf(owner.kind)
			object.SetOwnerReferences([]metav1.OwnerReference{{
				APIVersion: gvk.GroupVersion().String(), Kind: gvk.Kind, Name: owner.name, UID: at.version(owner, which).uid,
			}})
			return object, at.client.Create(ctx, object)
		},
	}
}

// everything lists what is there of a script, in words.
func (s *script) everything(ctx context.Context, at *side) ([]string, error) {
	var found []string
	for _, kind := range slices.Sorted(maps.Keys(sets.New(kinds()...))) {
		if kind == v1alpha1.KindClusterTokenIssuer {
			continue // what it may own is here
		}
		for _, namespace := range s.namespaces {
			list := &metav1.PartialObjectMetadataList{}
			list.SetGroupVersionKind(gvkOf(kind + "List"))
			if err := at.client.List(ctx, list, client.InNamespace(namespace)); err != nil {
				return nil, err
			}
			for i := range list.Items {
				item := &list.Items[i]
				found = append(found, fmt.Sprintf("%s %s/%s %s deleted=%v", kind, namespace, item.Name, at.ordinal([]byte(item.UID)), item.DeletionTimestamp != nil))
			}
		}
	}
	namespace := blankOf(target{kind: "Namespace", name: s.namespaces[1]})
	err := at.client.Get(ctx, client.ObjectKeyFromObject(namespace), namespace)
	if client.IgnoreNotFound(err) != nil {
		return nil, err
	}
	return append(found, fmt.Sprintf("namespace there=%v deleted=%v", err == nil, namespace.GetDeletionTimestamp() != nil)), nil
}
