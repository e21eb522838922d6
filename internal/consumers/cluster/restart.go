package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/internal/consumers"
)

// FieldManager is the field manager of restarts. It is not the operator's other one: managedFields then show at a glance that
// all it ever owns of a workload is one annotation.
const FieldManager = "gateway-token-operator-restart"

// Patcher patches objects.
type Patcher interface {
	Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error
}

// Outcome is what came of an attempt to restart a workload.
type Outcome int

const (
	// Restarted: its template has the annotation.
	Restarted Outcome = iota
	// Changed: it is not what was read any more, or is gone. Nothing was done. It must be listed and judged again.
	Changed
	// Refused: the API server, or a policy, does not allow it.
	Refused

	// unanswered: what became of it is not known, and the next one would fare no better.
	unanswered
)

// Result is the outcome for one workload. Err is nil where it was restarted; it may have the words of somebody's webhook in it.
type Result struct {
	consumers.Ref
	Outcome Outcome
	Err     error
}

var (
	errNothingToNote = errors.New("it would not change the annotation")
	errNoSuchKind    = errors.New("objects of this kind are not restarted")
)

// Restart restarts workloads in their order, at most limit of them: the others are for another call. One that was changed or
// refused does not count and does not hold up those behind it. An error that is not one workload's alone ends the call. The
// results tell of all that were tried before.
//
// Where an answer got lost a workload may have been restarted. Whoever lists it again sees its annotation.
func Restart(ctx context.Context, patcher Patcher, restarts []consumers.Restart, limit int) ([]Result, error) {
	var results []Result
	for i := range restarts {
		if limit <= 0 {
			break
		}
		outcome, err := restart(ctx, patcher, &restarts[i])
		switch outcome {
		case unanswered:
			return results, fmt.Errorf("restart %s: %w", restarts[i].Ref, err)
		case Restarted:
			limit--
		case Changed, Refused:
		}
		results = append(results, Result{Ref: restarts[i].Ref, Outcome: outcome, Err: err})
	}
	return results, nil
}

// restart patches one workload.
//
// The patch is a JSON merge patch with the UID and the resourceVersion that were read: whatever happened to the workload since,
// another restart, a pause, a deletion, makes it fail. It says nothing else but the annotation, so the field manager owns
// nothing else. That is what `kubectl rollout restart` does, and it lasts for the same reason: who applies the manifest again,
// by kubectl, Helm or Argo CD, takes away only what he once put there himself, be it by a comparison of three manifests or by
// field managers, and Argo CD sees no difference to undo. Server-side apply would own the same and last as well. But it
// conflicts where the manifest has the annotation copied into it, and it creates what it does not find.
func restart(ctx context.Context, patcher Patcher, what *consumers.Restart) (Outcome, error) {
	object := objectOf(what)
	if object == nil {
		return Refused, errNoSuchKind
	}
	note := what.Note.With(what.For...).String()
	if note == what.Note.String() {
		return Refused, errNothingToNote
	}
	patch, err := patchOf(what, note)
	if err != nil {
		return Refused, err
	}
	err = patcher.Patch(ctx, object, patch, client.FieldOwner(FieldManager))
	return outcomeOf(err), err
}

func objectOf(what *consumers.Restart) client.Object {
	meta := metav1.ObjectMeta{Namespace: what.Namespace, Name: what.Name}
	switch what.Kind {
	case consumers.KindDeployment:
		return &appsv1.Deployment{ObjectMeta: meta}
	case consumers.KindStatefulSet:
		return &appsv1.StatefulSet{ObjectMeta: meta}
	case consumers.KindDaemonSet:
		return &appsv1.DaemonSet{ObjectMeta: meta}
	default:
		return nil
	}
}

func patchOf(what *consumers.Restart, note string) (client.Patch, error) {
	type object map[string]any
	body, err := json.Marshal(object{
		"metadata": object{"uid": what.UID, "resourceVersion": what.ResourceVersion},
		"spec":     object{"template": object{"metadata": object{"annotations": object{consumers.AnnotationRestartedFor: note}}}},
	})
	if err != nil {
		return nil, fmt.Errorf("write the patch: %w", err)
	}
	return client.RawPatch(types.MergePatchType, body), nil
}

// outcomeOf tells what is wrong with one workload from what is wrong with the API server.
func outcomeOf(err error) Outcome {
	switch {
	case err == nil:
		return Restarted
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		return Changed
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		switch status.Status().Code {
		case http.StatusBadRequest, http.StatusForbidden, http.StatusUnprocessableEntity:
			return Refused
		}
	}
	return unanswered
}
