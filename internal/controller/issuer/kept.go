package issuer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// maxName is the longest name of a Secret.
const maxName = 253

// keptName names the operator's copy of an issuer's credentials.
func keptName(key accounts.Key) string {
	name := v1alpha1.LastGoodSecretPrefix + strings.ToLower(key.Kind) + "-" + key.Name
	if len(name) <= maxName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	digest := hex.EncodeToString(sum[:8])
	return name[:maxName-len(digest)-1] + "-" + digest
}

// readKept reads the copy of the credentials that the vendor accepted last, and says with which CA bundle they are used. The
// user's own may be gone before the tokens are.
func (r *Reconciler) readKept(ctx context.Context, s *scene) error {
	copied, err := r.readCopy(ctx, r.Client, s)
	s.copied, s.kept = copied, copied
	if s.trusting {
		// Whom to trust is the user's to say, as long as the user says it.
		s.kept.ca = s.own.ca
	}
	return err
}

// readCopy gives what is in the copy; nothing where it lacks a credential.
func (r *Reconciler) readCopy(ctx context.Context, from client.Reader, s *scene) (bundle, error) {
	var secret corev1.Secret
	err := from.Get(ctx, client.ObjectKey{Namespace: r.namespace(s.key), Name: keptName(s.key)}, &secret)
	if apierrors.IsNotFound(err) {
		return bundle{}, nil
	}
	if err != nil {
		return bundle{}, fmt.Errorf("get kept credentials: %w", err)
	}
	if secret.Labels[v1alpha1.LabelRole] != v1alpha1.RoleLastGood {
		return bundle{}, nil
	}
	copied := bundle{credentials: map[string]token.Value{}, ca: string(secret.Data[caKey]), url: string(secret.Data[urlKey])}
	_, keys := credentialKeys(s.issuer.IssuerSpec())
	for role := range keys {
		value := token.NewValue(string(secret.Data[role]))
		if !value.Usable() {
			return bundle{}, nil
		}
		copied.credentials[role] = value
	}
	return copied, nil
}

// keep writes the copy, before anything is minted with the credentials: an account whose tokens could not be revoked once the
// user's Secret is gone issues none.
func (r *Reconciler) keep(ctx context.Context, s *scene) error {
	switch {
	case !s.accepted:
		// Credentials that nobody has tried yet take no copy's place.
		return nil
	case r.Book.Altered(s.issuer.GetUID(), s.issuer.GetGeneration()):
		s.accepted, s.account.CanMint = false, false
		s.account.Problem = status.VendorProblem(&token.Failure{Operation: "create token", Class: token.Invalid, Cause: token.CauseNameAltered})
		return nil
	case !controllerutil.ContainsFinalizer(s.issuer, v1alpha1.FinalizerProtect):
		s.account.CanMint = false
		s.account.Problem = *problem(v1alpha1.ReasonIssuerNotReady, "The issuer is about to be prepared for its first token.")
		return nil
	case s.isCopied(s.copied) && r.copyIsThere(ctx, s):
		s.account.CanMint = true
		return nil
	}
	if p := s.unproven(); p != nil {
		// The copy may be all that its tokens can be revoked with.
		s.account.CanMint = false
		s.account.Problem = p.problem
		if p.problem.Reason == "" {
			s.account.Problem = *notAskedYet()
		}
		return nil
	}
	data := map[string][]byte{urlKey: []byte(apiURL(s.issuer.IssuerSpec()))}
	for role, value := range s.own.credentials {
		data[role] = []byte(value.Reveal())
	}
	if s.own.ca != "" {
		data[caKey] = []byte(s.own.ca)
	}
	secret := applycorev1.Secret(keptName(s.key), r.namespace(s.key)).
		WithLabels(map[string]string{v1alpha1.LabelManagedBy: v1alpha1.OperatorName, v1alpha1.LabelRole: v1alpha1.RoleLastGood}).
		WithAnnotations(map[string]string{v1alpha1.AnnotationIssuer: s.key.Kind + "/" + s.key.Name}).
		WithFinalizers(v1alpha1.FinalizerLastGood).
		WithType(corev1.SecretTypeOpaque).WithData(data)
	if err := r.Client.Apply(ctx, secret, client.FieldOwner(v1alpha1.OperatorName), client.ForceOwnership); err != nil {
		s.accepted, s.account.CanMint, s.unwritten = false, false, true
		s.account.Problem = *problem(v1alpha1.ReasonWriteFailed, "The operator cannot keep its own copy of the accepted credentials in Secret "+
			r.namespace(s.key)+"/"+keptName(s.key)+", without which tokens could not be revoked once the Secret with the credentials is gone. Look for quotas, admission policies and a namespace that is being deleted.")
		if reason := apierrors.ReasonForError(err); reason != "" {
			return nil
		}
		return fmt.Errorf("keep credentials: %w", err)
	}
	s.copied, s.kept = s.own, s.own
	s.copied.url = apiURL(s.issuer.IssuerSpec())
	s.account.CanMint = true
	return nil
}

// isCopied tells whether a copy has what serves now.
func (s *scene) isCopied(copied bundle) bool {
	return copied.equal(s.own) && copied.url == apiURL(s.issuer.IssuerSpec())
}

// copyIsThere tells whether the copy is what the cache says. It is asked before the first create after a while without.
func (r *Reconciler) copyIsThere(ctx context.Context, s *scene) bool {
	if s.account.CanMint {
		return true
	}
	live, err := r.readCopy(ctx, r.Live, s)
	return err == nil && s.isCopied(live)
}

// dropKept deletes the copy with the last token that needed it.
func (r *Reconciler) dropKept(ctx context.Context, key accounts.Key) error {
	var secret corev1.Secret
	err := r.Live.Get(ctx, client.ObjectKey{Namespace: r.namespace(key), Name: keptName(key)}, &secret)
	if apierrors.IsNotFound(err) || (err == nil && secret.Labels[v1alpha1.LabelRole] != v1alpha1.RoleLastGood) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get kept credentials: %w", err)
	}
	before := secret.DeepCopy()
	if controllerutil.RemoveFinalizer(&secret, v1alpha1.FinalizerLastGood) {
		if err := r.Client.Patch(ctx, &secret, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("release kept credentials: %w", err)
		}
	}
	if err := r.Client.Delete(ctx, &secret, client.Preconditions{UID: &secret.UID}); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete kept credentials: %w", err)
	}
	return nil
}
