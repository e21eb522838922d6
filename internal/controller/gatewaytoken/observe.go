package gatewaytoken

import (
	"cmp"
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/demand"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/secretdata"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// observe reads everything the planner is told; nil where the object is gone. from is the cache, or the API server itself.
func (r *Reconciler) observe(ctx context.Context, name types.NamespacedName, from client.Reader) (*scene, error) {
	object := &v1alpha1.GatewayToken{}
	if err := from.Get(ctx, name, object); apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // gone is not an error
	} else if err != nil {
		return nil, fmt.Errorf("get GatewayToken: %w", err)
	}
	s := &scene{object: object, stored: *object.Status.DeepCopy(), memory: r.memories.of(object.UID), key: accounts.KeyFor(object)}
	r.recall(s)
	issuer, err := r.issuerOf(ctx, s, from)
	if err != nil {
		return nil, err
	}
	invalid := r.observeTarget(s)
	if err := r.readSecret(ctx, s, from); err != nil {
		return nil, err
	}
	twin, err := r.twin(ctx, s)
	if err != nil {
		return nil, err
	}
	now := r.Clock.Now()
	s.observation = lifecycle.Observation{
		Now: now, ServerNow: now.Add(r.Server.Offset()),
		Object: r.observeObject(s, invalid, twin), Issuer: issuer,
		Secret: s.target.Observe(s.secret, object.AdoptPolicy()),
		Memory: s.memory.observed(r.LeaderSince(), string(object.UID)), Settings: r.Settings,
	}
	r.observeNameless(s, &s.observation.Object)
	if issuer.Found {
		s.observation.Snapshot = r.Inventory.Latest(s.scope)
	}
	r.observeConsumers(ctx, s)
	r.takeTurn(s)
	return s, nil
}

// recall takes a failure from memory where the status that tells of it could not be written, and a create where somebody took the status away
// that told of it, or put another one there.
func (r *Reconciler) recall(s *scene) {
	asked, told := s.memory.attempt, s.object.Status.Attempt
	if asked != nil && (told == nil || told.Sequence < asked.Sequence || !r.wroteAttempt(s.object, told)) {
		s.object.Status.Attempt = asked.DeepCopy()
	}
	failed, known := s.memory.failure, s.object.Status.Failure
	if failed != nil && (known == nil || known.NextAttemptTime.Before(failed.NextAttemptTime)) {
		s.object.Status.Failure = failed
	}
}

// observeObject tells what the planner needs to know of the object.
func (r *Reconciler) observeObject(s *scene, invalid *lifecycle.Problem, twin string) lifecycle.Object {
	o := s.object
	observed := lifecycle.Object{
		Marker:           r.Identity.Marker(o.Namespace, o.Name, string(o.UID)),
		BaseName:         o.TokenBaseName(),
		Deleting:         o.DeletionTimestamp != nil,
		Protected:        controllerutil.ContainsFinalizer(o, v1alpha1.FinalizerRevoke),
		SkipRevocation:   o.Annotations[v1alpha1.AnnotationSkipRevocation] == string(o.UID),
		Suspended:        o.Spec.Suspend,
		Retain:           o.DeletionPolicy() == v1alpha1.DeletionRetain,
		ReportRevocation: o.OnRemoteRevocation() == v1alpha1.RemoteRevocationReport,
		Overlap:          o.Overlap(),
		OverlapOfPods:    o.OverlapOfPods(),
		Consumers:        consumersAction(o.Spec.Consumers),
		MaxOverlap:       o.MaxOverlap(),
		Role:             s.demand.Role,
		Rights:           s.demand.Rights,
		Inputs:           s.demand.Inputs,
		ExpiresAfter:     s.demand.ExpiresAfter,
		RenewBefore:      renewBefore(o),
		Twin:             twin,
		Invalid:          cmp.Or(invalid, s.mismatch),
	}
	if problem := r.observeRotation(o, &observed); problem != nil && observed.Invalid == nil {
		observed.Invalid = problem
	}
	if current := o.Status.Current; current != nil {
		observed.HintID, observed.HintSequence = token.ID(current.ID), int(current.Sequence)
		observed.HintConsumersReady = saysConsumersReady(o)
		if current.IssuedAt != nil {
			observed.HintIssuedAt = current.IssuedAt.Time
		}
	}
	observed.HintHandled = o.Status.HandledRotateRequest
	for _, retiring := range o.Status.Retiring {
		if observed.HintRetiring == nil {
			observed.HintRetiring = map[token.ID]bool{}
		}
		observed.HintRetiring[token.ID(retiring.ID)] = true
	}
	observed.HintIssued = o.Status.Attempt != nil || len(o.Status.Retiring) > 0
	otherClient := s.memory.failedWith != nil && s.memory.failedWith != s.account.Vendor
	if failure := o.Status.Failure; failure != nil && failure.Generation == o.Generation && failure.NextAttemptTime != nil && !otherClient {
		observed.HeldBackUntil = failure.NextAttemptTime.Time
		observed.HeldBack = lifecycle.Problem{Reason: lifecycle.Reason(failure.Reason), Message: failure.Message}
	}
	return observed
}

// saysConsumersReady tells whether the status says that every pod has taken up the value. That files were read again counts for as long as the spec
// says that they are.
func saysConsumersReady(o *v1alpha1.GatewayToken) bool {
	condition := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionConsumersReady)
	if condition == nil || condition.Status != metav1.ConditionTrue || o.Spec.Consumers == nil {
		return false
	}
	return condition.Reason == v1alpha1.ReasonConsumersCurrent || o.Spec.Consumers.Action == v1alpha1.ConsumersReloadFile
}

// renewBefore is what the spec says; zero where it says nothing.
func renewBefore(o *v1alpha1.GatewayToken) time.Duration {
	if o.Spec.Rotation == nil || o.Spec.Rotation.RenewBefore == nil {
		return 0
	}
	return o.Spec.Rotation.RenewBefore.Duration
}

// observeTarget reads what the spec wants of the Secret.
func (r *Reconciler) observeTarget(s *scene) *lifecycle.Problem {
	target, err := secretdata.NewTarget(s.object, r.Identity.ClusterID, s.account.URL, r.Sealer)
	s.target = target
	if err != nil {
		return &lifecycle.Problem{Reason: lifecycle.ReasonInvalidTemplate, Message: "spec.secret.data cannot be used: " + err.Error() + "."}
	}
	return nil
}

func (r *Reconciler) readSecret(ctx context.Context, s *scene, from client.Reader) error {
	secret := &corev1.Secret{}
	name := client.ObjectKey{Namespace: s.object.Namespace, Name: s.object.SecretName()}
	err := from.Get(ctx, name, secret)
	if apierrors.IsNotFound(err) && controllerutil.ContainsFinalizer(s.object, v1alpha1.FinalizerRevoke) {
		// The cache holds what carries the operator's label: whoever removes it does not remove the Secret.
		err = r.Live.Get(ctx, name, secret)
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get Secret: %w", err)
	}
	s.secret = secret
	return nil
}

// issuerOf is the issuer as far as this operator may look at it.
func (r *Reconciler) issuerOf(ctx context.Context, s *scene, from client.Reader) (lifecycle.Issuer, error) {
	if r.Namespaced && s.key.Kind == v1alpha1.KindClusterTokenIssuer {
		return outOfReach(s.object), nil
	}
	return r.observeIssuer(ctx, s, from)
}

// observeIssuer reads the issuer, and what this process knows of the account behind it.
func (r *Reconciler) observeIssuer(ctx context.Context, s *scene, from client.Reader) (lifecycle.Issuer, error) {
	issuer := emptyIssuer(s.key.Kind)
	err := from.Get(ctx, client.ObjectKey{Namespace: s.key.Namespace, Name: s.key.Name}, issuer)
	if apierrors.IsNotFound(err) {
		return lifecycle.Issuer{Known: true, Problem: lifecycle.Problem{
			Reason:  lifecycle.ReasonIssuerNotFound,
			Message: s.object.IssuerRef().String() + " does not exist. Create it, or correct spec.issuerRef in a new GatewayToken.",
		}}, nil
	}
	if err != nil {
		return lifecycle.Issuer{}, fmt.Errorf("get issuer: %w", err)
	}
	s.issuerUID, s.issuerGeneration = string(issuer.GetUID()), issuer.GetGeneration()
	s.demand, s.mismatch = demand.Of(s.object, issuer.IssuerSpec())
	s.mismatch = cmp.Or(s.mismatch, demand.Unrollable(s.object, issuer.IssuerSpec()))
	s.scope = accounts.Scope(issuer.GetUID(), s.demand.Pool)
	account, known := r.Book.Get(issuer)
	account, looked := account.In(s.demand.Pool)
	judged := known && account.Generation == issuer.GetGeneration()
	known = judged && (looked || !account.CanList && account.Problem.Reason != "")
	s.account = account
	observed := lifecycle.Issuer{
		Known: known, Found: true,
		Protected:   controllerutil.ContainsFinalizer(issuer, v1alpha1.FinalizerProtect),
		Terminating: issuer.GetDeletionTimestamp() != nil,
		CanMint:     account.CanMint, CanList: account.CanList, CanRevoke: account.CanRevoke,
		Problem: account.Problem, Account: account.ID,
		Disputed: account.Disputed, Missing: account.Missing, ListDoubted: account.ListDoubted,
	}
	if account.Vendor != nil {
		observed.Capabilities = account.Vendor.Capabilities()
	}
	if account.Vendor != nil && !observed.Capabilities.Named {
		observed.Exclusive, observed.Gone = issuer.IssuerSpec().Exclusive(), account.Gone
		told := told(issuer.IssuerStatus(), s.demand.Pool)
		observed.Reported, observed.Acknowledged, observed.ReportedNames = told.ids, told.acknowledged, told.names
	}
	if account.Vendor != nil && !observed.Capabilities.Named && observed.Capabilities.Listable {
		observed.LastCreateEnded = r.Book.LastCreate(s.scope)
		if observed.HeldUntil, err = r.heldUntil(ctx, s); err != nil {
			return observed, err
		}
	}
	observed.Granted, observed.NotGranted, err = r.granted(ctx, s, issuer)
	// Where nothing is granted, the pool is not looked at, and need not be.
	observed.Known = observed.Known || (!observed.Granted && judged)
	return observed, err
}

// outOfReach is a ClusterTokenIssuer to an operator that reads none. What carries the operator's finalizer got it from one that did, and may
// have had a token made: nothing here can tell.
func outOfReach(object *v1alpha1.GatewayToken) lifecycle.Issuer {
	message := "This operator works in named namespaces only (--watch-namespaces) and reads no ClusterTokenIssuer. "
	if object.DeletionTimestamp == nil {
		message += "Create a TokenIssuer in this namespace, and a GatewayToken that names it in the place of this one."
	} else {
		message += "An operator that did has prepared this GatewayToken for a token of " + object.IssuerRef().String() + ", which may be active still. " +
			"It is revoked once the operator is run without --watch-namespaces, with the same --cluster-id and --instance and the same ledger key. " +
			"To leave it at the vendor, set the annotation " + v1alpha1.AnnotationSkipRevocation + " to the UID of this object."
	}
	return lifecycle.Issuer{Known: true, OutOfReach: true, Problem: lifecycle.Problem{Reason: lifecycle.ReasonIssuerOutOfReach, Message: message}}
}

func emptyIssuer(kind string) v1alpha1.Issuer {
	if kind == v1alpha1.KindClusterTokenIssuer {
		return &v1alpha1.ClusterTokenIssuer{}
	}
	return &v1alpha1.TokenIssuer{}
}

// granted asks whether the issuer grants the object's namespace what the object asks for. Labels of namespaces come from the cache; for
// a TokenIssuer they do not matter.
func (r *Reconciler) granted(ctx context.Context, s *scene, issuer v1alpha1.Issuer) (granted bool, why string, err error) {
	namespace, err := accounts.Namespace(ctx, r.Client, issuer, s.object.Namespace)
	if err != nil {
		return false, "", err
	}
	granted, why, err = demand.Granted(s.object, issuer, namespace)
	if granted {
		return true, "", nil
	}
	if err != nil {
		why += " A selector in spec.grants cannot be read: " + err.Error() + "."
	}
	return false, why, nil
}

// twin finds another object with the same marker.
func (r *Reconciler) twin(ctx context.Context, s *scene) (string, error) {
	marker := r.Identity.Marker(s.object.Namespace, s.object.Name, string(s.object.UID))
	same, err := accounts.WithMarker(ctx, r.Client, marker.Object)
	if err != nil {
		return "", err
	}
	for i := range same {
		if same[i].Namespace != s.object.Namespace || same[i].Name != s.object.Name {
			return same[i].Namespace + "/" + same[i].Name, nil
		}
	}
	return "", nil
}
