package gatewaytoken

import (
	"sync"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/turns"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/schedule"
)

// spread is the part of an interval by which a token may be replaced earlier.
const spread = 10

// observeRotation reads when the spec, and people, want the token replaced. The Problem says what is wrong with the spec.
func (r *Reconciler) observeRotation(o *v1alpha1.GatewayToken, into *lifecycle.Object) *lifecycle.Problem {
	into.Request, into.Strategy = requestOf(o.Annotations), strategyOf(o)
	asked := o.Spec.Rotation
	if asked == nil {
		return nil
	}
	if asked.Interval != nil {
		into.RotateEvery = asked.Interval.Duration
		into.RotateEarlier = schedule.Spread(into.RotateEvery/spread, string(o.UID))
	}
	if asked.Window == nil {
		return nil
	}
	window, err := r.windows.of(asked.Window, into.RotateEvery)
	if err != nil {
		return &lifecycle.Problem{Reason: v1alpha1.ReasonInvalidWindow, Message: "spec.rotation.window cannot be used: " + err.Error() + "."}
	}
	into.Window = window.Open
	return nil
}

// windows are those that were read: to judge one takes a millisecond or more, and the same ones come again and again.
type windows struct {
	mu    sync.Mutex
	known map[windowSpec]windowRead
}

type windowSpec struct {
	schedule, zone     string
	duration, interval time.Duration
}

type windowRead struct {
	window *schedule.Window
	err    error
}

// mostWindows bounds how many are kept.
const mostWindows = 1024

// of reads a window for tokens that are replaced at an age. The error is for people.
func (w *windows) of(asked *v1alpha1.RotationWindow, interval time.Duration) (*schedule.Window, error) {
	spec := windowSpec{schedule: asked.Schedule, zone: asked.TimeZone, interval: interval}
	if asked.Duration != nil {
		spec.duration = asked.Duration.Duration
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if read, known := w.known[spec]; known {
		return read.window, read.err
	}
	if w.known == nil || len(w.known) >= mostWindows {
		w.known = map[windowSpec]windowRead{}
	}
	var read windowRead
	if read.window, read.err = schedule.Parse(spec.schedule, spec.zone, spec.duration); read.err == nil {
		read.err = read.window.Suits(interval)
	}
	w.known[spec] = read
	return read.window, read.err
}

// maxRequest is longer than any time that is written as it should be.
const maxRequest = 64

// requestOf reads a person's request from the annotations.
func requestOf(annotations map[string]string) lifecycle.RotateRequest {
	rotate, revoke := annotations[v1alpha1.AnnotationRotateRequest], annotations[v1alpha1.AnnotationRevokeRequest]
	if rotate == "" && revoke == "" {
		return lifecycle.RotateRequest{}
	}
	at, err := time.Parse(time.RFC3339, rotate)
	switch {
	case err != nil || len(rotate) > maxRequest:
		return invalidRequest("the annotation " + v1alpha1.AnnotationRotateRequest + " must be a time, as in 2026-03-01T12:00:00Z")
	case revoke != "" && revoke != rotate:
		return invalidRequest("the annotation " + v1alpha1.AnnotationRevokeRequest + " must have the value of " + v1alpha1.AnnotationRotateRequest)
	default:
		return lifecycle.RotateRequest{Text: rotate, At: at, Revoke: revoke != ""}
	}
}

func invalidRequest(what string) lifecycle.RotateRequest {
	return lifecycle.RotateRequest{Invalid: &lifecycle.Problem{
		Reason: v1alpha1.ReasonInvalidRotateRequest, Message: "A request for a rotation is not understood: " + what + ". Nothing was done.",
	}}
}

// takeTurn asks for a turn where one is wanted.
func (r *Reconciler) takeTurn(s *scene) {
	if !lifecycle.WantsTurn(s.observation) {
		return
	}
	who := turns.Who{UID: s.object.UID, Issuer: s.key.String(), Namespace: s.object.Namespace}
	limits := turns.Limits{PerIssuer: r.Settings.IssuerRotationsPerMinute, PerNamespace: r.Settings.NamespaceRotationsPerMinute}
	s.memory.turn = r.turns.Take(who, limits, s.observation.Now)
	s.observation.Memory.Turn = s.memory.turn
}

// useTurn: each turn is for one create, whatever comes of it. One that is still to come is not needed then.
func (r *Reconciler) useTurn(s *scene) {
	s.memory.turn = time.Time{}
	r.turns.GiveBack(s.object.UID, r.Clock.Now())
}
