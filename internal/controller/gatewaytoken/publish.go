package gatewaytoken

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/wake"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/sabotage"
	"github.com/gatewaytoken/gateway-token-operator/internal/secretdata"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

// write creates the Secret, or applies it to exactly the one that was read.
func (r *Reconciler) write(ctx context.Context, s *scene, content secretdata.Content, options ...writeOption) error {
	if s.secret == nil {
		create := []client.CreateOption{client.FieldOwner(v1alpha1.OperatorName)}
		for _, option := range options {
			create = append(create, option)
		}
		return r.Client.Create(ctx, content.Secret(), create...)
	}
	apply := []client.ApplyOption{client.FieldOwner(v1alpha1.OperatorName), client.ForceOwnership}
	for _, option := range options {
		apply = append(apply, option)
	}
	if sabotage.WriteBlindly {
		return r.Client.Apply(ctx, content.Apply("", ""), apply...)
	}
	return r.Client.Apply(ctx, content.Apply(s.secret.UID, s.secret.ResourceVersion), apply...)
}

type writeOption interface {
	client.CreateOption
	client.ApplyOption
}

// takeOver makes the fields that our Create set our Apply's, so that a key that is dropped from the spec goes from the Secret.
func (r *Reconciler) takeOver(ctx context.Context, s *scene) error {
	if s.secret == nil {
		return nil
	}
	patch, err := csaupgrade.UpgradeManagedFieldsPatch(s.secret, sets.New(v1alpha1.OperatorName), v1alpha1.OperatorName)
	if err != nil {
		return fmt.Errorf("take over managed fields: %w", err)
	}
	if len(patch) == 0 {
		return nil
	}
	if err := r.Client.Patch(ctx, s.secret, client.RawPatch(types.JSONPatchType, patch)); err != nil {
		return fmt.Errorf("take over managed fields: %w", err)
	}
	return nil
}

// publish writes the Secret with the value and its ledger.
func (r *Reconciler) publish(ctx context.Context, s *scene, d lifecycle.Publish) (outcome, error) {
	value, failed := r.value(ctx, s, d)
	if failed != nil {
		return *failed, nil
	}
	content, err := s.target.Content(value, s.previous(d.Ledger), d.Ledger)
	if err != nil {
		return outcome{}, fmt.Errorf("render the Secret: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), PublishTimeout)
	defer cancel()
	err = r.place(ctx, s, content)
	if sabotage.TellValues {
		r.tell(s.object, "Published", "The value is "+value.Reveal()+".")
	}
	if err != nil && sabotage.MintAgain {
		s.memory.hand = nil
	}
	if err != nil && !r.landed(ctx, s, content) {
		return unwritten(ctx, err), nil
	}
	if lent := lifecycle.Lent(s.observation); lent.ID != d.Ledger.Current.ID {
		r.tellLeft(s, lent.ID)
	}
	came := r.published(ctx, s, d)
	came.sealed = content.Annotations[v1alpha1.AnnotationLedger]
	return came, nil
}

// previous is the value before, where it is to stay in the Secret.
func (s *scene) previous(next ledger.Ledger) token.Value {
	if s.observation.Secret.Trust != ledger.Proof || !s.observation.KeepsPrevious(next) {
		return token.Value{}
	}
	return s.target.Previous(s.secret, s.observation.Secret.Ledger, next)
}

// place writes the Secret, every field of it our own.
func (r *Reconciler) place(ctx context.Context, s *scene, content secretdata.Content) error {
	if err := r.takeOver(ctx, s); err != nil {
		return err
	}
	return r.write(ctx, s, content)
}

// unwritten tells an old view of the Secret, which another look mends, from a refusal. Its reason is one of Kubernetes' own words;
// its message, which an admission webhook may have written after having seen the Secret, is not repeated.
func unwritten(ctx context.Context, err error) outcome {
	if wake.MetNewer(err) {
		return outcome{after: wake.ConflictPause}
	}
	what := string(apierrors.ReasonForError(err))
	if what == "" {
		what = "the API server did not answer"
		if errors.Is(err, context.DeadlineExceeded) {
			what = "the API server did not answer in time"
		}
	}
	log.FromContext(ctx).Info("the Secret cannot be written", "reason", what)
	problem := status.WriteProblem(what)
	return outcome{Outcome: status.Outcome{Problem: &problem, Kind: status.Write}}
}

// retain marks the Secret as it is: its content is nobody's to change any more.
func (r *Reconciler) retain(ctx context.Context, s *scene, d lifecycle.Retain) (outcome, error) {
	content, err := s.target.Retained(s.secret, s.observation.Secret.Ledger, d.Ledger, s.observation.KeepsPrevious(d.Ledger))
	if err != nil {
		return outcome{}, fmt.Errorf("mark the Secret as retained: %w", err)
	}
	if err := r.place(ctx, s, content); err != nil && !r.landed(ctx, s, content) {
		return unwritten(ctx, err), nil
	}
	r.tell(s.object, "Retained", "Token "+string(d.Ledger.Current.ID)+" and Secret "+s.object.SecretName()+" stay after the GatewayToken.")
	return outcome{Outcome: status.Outcome{Done: true}, again: true}, nil
}

// landed asks, after a write whose answer was lost or a conflict, whether the Secret is exactly what was to be written: the seal
// of the ledger covers the value, the keys and the shape.
func (r *Reconciler) landed(ctx context.Context, s *scene, content secretdata.Content) bool {
	// The write may have used up its time.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), PublishTimeout)
	defer cancel()
	secret := &corev1.Secret{}
	if err := r.Live.Get(ctx, client.ObjectKey{Namespace: content.Namespace, Name: content.Name}, secret); err != nil {
		return false
	}
	observed := s.target.Observe(secret, s.object.AdoptPolicy())
	same := secret.Annotations[v1alpha1.AnnotationLedger] == content.Annotations[v1alpha1.AnnotationLedger]
	return same && observed.Presence == lifecycle.Owned && observed.ValueIntact
}

// published notes what the Secret holds now.
func (r *Reconciler) published(ctx context.Context, s *scene, d lifecycle.Publish) outcome {
	record := d.Ledger
	s.memory.published[record.Current.ID] = true
	if asked := s.memory.attempt; asked != nil && asked.Sequence <= int64(record.Current.Sequence) {
		s.memory.attempt = nil
	}
	if d.Source != lifecycle.FromSecret || s.memory.changed == record.Inputs {
		// The ledger has it now, or it was of another token.
		s.memory.changed = ""
	}
	if record.Changing != s.observation.Secret.Ledger.Changing {
		s.memory.intended = record.Changing
	}
	var told token.Token
	s.memory.rollRefused = 0
	if held := s.memory.hand; held != nil && held.Token.ID == record.Current.ID && held.holds(record.Current) {
		told = s.memory.hand.Token
		s.memory.hand = nil
		r.Book.Unhold(s.scope, s.object.UID)
	}
	log.FromContext(ctx).Info("published", "secret", s.object.SecretName(), "id", record.Current.ID, "why", d.Why)
	if intends(s.observation.Secret.Ledger, record) {
		// It is no more than a step, and says nothing of what failed before.
		return outcome{Outcome: status.Outcome{Published: &record}}
	}
	switch d.Source {
	case lifecycle.FromHand:
		r.tell(s.object, "Issued", "Token "+string(record.Current.ID)+" was issued and written to Secret "+s.object.SecretName()+".")
	case lifecycle.FromVendor:
		s.memory.reads.note(r.Clock.Now())
		r.Metrics.Adopted(s.key.Kind, s.key.Namespace, s.key.Name)
		r.tell(s.object, "Adopted", "Token "+string(record.Current.ID)+" existed already and was written to Secret "+s.object.SecretName()+".")
	case lifecycle.FromSecret:
		if d.Silent {
			break
		}
		s.memory.repairs.note(r.Clock.Now())
		r.tell(s.object, "Repaired", "Secret "+s.object.SecretName()+" was rewritten with the value it holds: "+d.Why+".")
	}
	return outcome{Outcome: status.Outcome{Published: &record, Done: true, Told: told}}
}

// value gets the value to publish from where it is; an outcome where it cannot.
func (r *Reconciler) value(ctx context.Context, s *scene, d lifecycle.Publish) (token.Value, *outcome) {
	switch d.Source {
	case lifecycle.FromHand:
		if s.memory.hand != nil && s.memory.hand.Token.ID == d.Ledger.Current.ID {
			return s.memory.hand.value, nil
		}
	case lifecycle.FromSecret:
		if value, ok := s.target.Value(s.secret, s.observation.Secret.Ledger); ok {
			return value, nil
		}
	case lifecycle.FromVendor:
		return r.readValue(ctx, s, d.Ledger.Current.ID)
	}
	return token.Value{}, &outcome{after: wake.ConflictPause}
}

func (r *Reconciler) readValue(ctx context.Context, s *scene, id token.ID) (token.Value, *outcome) {
	reader, ok := s.account.Vendor.(vendors.ValueReader)
	if !ok {
		return token.Value{}, &outcome{after: wake.ConflictPause}
	}
	value, err := reader.ReadValue(ctx, id)
	if err == nil && value.Usable() {
		return value, nil
	}
	f := token.AsFailure(err)
	if f == nil {
		f = &token.Failure{Operation: "read token value", Class: token.Forbidden, Cause: token.CauseEmptyValue}
	}
	r.alarm(s, f)
	if f.Class == token.NotFound {
		// The list is behind: the token was revoked since.
		r.wantList(s)
	}
	failed := vendorFailed(f, status.ReadProblem(f))
	return token.Value{}, &failed
}

// printable makes an identifier from a vendor's answer fit to be shown.
func printable(id string) string {
	const most = 64
	clean := make([]rune, 0, most)
	for _, c := range id {
		if c > ' ' && c < 0x7f && len(clean) < most {
			clean = append(clean, c)
		}
	}
	return string(clean)
}
