// Package issuer looks after TokenIssuers and ClusterTokenIssuers: it reads their credentials, takes the one list of the
// vendor's tokens that serves all their GatewayTokens, and keeps them alive while a token needs them for its revocation.
package issuer

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/named"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/wake"
	"github.com/gatewaytoken/gateway-token-operator/internal/demand"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/metrics"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/inventory"
)

// Connection is what a vendor's client is made from.
type Connection struct {
	Spec *v1alpha1.TokenIssuerSpec
	// Credentials by role: ClientID and ClientSecret.
	Credentials map[string]token.Value
	// RootCAs is nil for the system's.
	RootCAs *x509.CertPool
	// Namespaced issuers, which tenants write, may not reach private addresses.
	Namespaced bool
}

// Connect makes a client. It makes no call.
type Connect func(Connection) (vendors.Vendor, error)

// Named wakes issuers at once when an object changes that they refer to.
type Named interface {
	// Refer notes what an issuer refers to from now on, before that is read.
	Refer(issuer accounts.Key, objects ...named.Object)
	// Watched tells whether changes of all of them are told of.
	Watched(objects ...named.Object) bool
}

// Config is what the reconcilers of both kinds share.
type Config struct {
	// Client reads from the cache and writes; Live reads from the API server.
	Client client.Client
	Live   client.Reader
	Clock  clock.PassiveClock

	Connect   Connect
	Book      *accounts.Book
	Inventory *inventory.Inventory
	// Settle is how long a vendor may take to commit a create whose answer was lost.
	Settle time.Duration
	// Tokens wakes GatewayTokens, Named issuers.
	Tokens *wake.Queue
	Named  Named
	// LeaderSince tells when this process became leader.
	LeaderSince func() time.Time
	Metrics     *metrics.Metrics
	// OrphanRest is how long an orphan must have been seen before a person may have it revoked.
	OrphanRest time.Duration
	Recorder   events.EventRecorder

	Identity token.Identity
	Sealer   ledger.Sealer
	// FormerClusters are those whose tokens are this installation's to revoke.
	FormerClusters []string
	// Halted says why no vendor is to be called; empty where nothing forbids it.
	Halted string
	// ClusterResourceNamespace is where the credentials of ClusterTokenIssuers are.
	ClusterResourceNamespace string
	// AllowHTTP allows issuers whose URL is not https.
	AllowHTTP bool
	// Namespaces are those that the operator works in, and all that Client and Live list; none for the whole cluster.
	Namespaces []string
}

// Reconciler looks after issuers of one kind.
type Reconciler struct {
	Config
	// New makes an empty issuer of the kind.
	New func() v1alpha1.Issuer

	mu       sync.Mutex
	memories map[accounts.Key]*memory
}

// scene is one look at an issuer.
type scene struct {
	issuer v1alpha1.Issuer
	key    accounts.Key
	now    time.Time

	tokens []v1alpha1.GatewayToken
	use    v1alpha1.IssuerUse
	// pools are the names of the lists that the tokens need: the one without a name at a vendor without pools.
	pools []string

	// own are the user's credentials and CA bundle. trusting: whom the user trusts is known, whatever else is wrong with them.
	own        bundle
	ownProblem *lifecycle.Problem
	trusting   bool
	// copied is the operator's copy of the last that were accepted, as it is written; kept are the credentials in it, with the
	// CA bundle to use them with.
	copied, kept bundle

	memory  *memory
	account accounts.Account
	// accepted: the vendor accepts the user's own credentials.
	accepted bool
	// probed: the vendor was asked for a list just now; changed tells whose rows differ, lacking whose token it lacks.
	probed  bool
	changed []change
	lacking []v1alpha1.GatewayToken
	// failure is a list that failed just now, the failures-th in a row; the next is to be tried at retryAt.
	failure  *token.Failure
	failures int32
	retryAt  time.Time
	// decided: a person has just decided about tokens that may be ours.
	decided bool
	// conflict and disappearance are what the status is to say of tokens that somebody else made, and of many that are gone; nil for
	// nothing. alarms are what is told of them beside.
	conflict      *v1alpha1.IdentityConflict
	disappearance *v1alpha1.MassDisappearance
	alarms        []alarm
	// unwritten: the copy of the accepted credentials could not be written.
	unwritten bool
	// orphaned are the tokens that the latest lists show as nobody's.
	orphaned []orphanRow
	// vanished are those of the status that they show to be gone.
	vanished []v1alpha1.Orphan
	// tryAgain is when a revocation is to be tried again; zero for none.
	tryAgain time.Time
}

// change says that a list shows something else than the one before it: of one marker object or, where rows have no names and object is
// empty, of somebody's in the pool.
type change struct{ pool, object string }

// Reconcile looks at one issuer: who needs it, what its credentials are, and what the vendor shows for them.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	// No list counts for a mint that began before this process knew itself leader.
	r.LeaderSince()
	s, err := r.look(ctx, request.NamespacedName)
	if err != nil || s == nil {
		return ctrl.Result{}, err
	}
	if done, err := r.release(ctx, s); done || err != nil {
		return wake.AfterError(err)
	}
	if err := r.protect(ctx, s); err != nil {
		return wake.AfterError(err)
	}
	if err := r.gather(ctx, s); err != nil {
		return ctrl.Result{}, err
	}
	r.probe(ctx, s)
	r.doubt(s)
	if err := r.keep(ctx, s); err != nil {
		return ctrl.Result{}, err
	}
	r.sweep(ctx, s)
	if err := r.announce(ctx, s); err != nil {
		return ctrl.Result{}, err
	}
	return r.record(ctx, s)
}

// look reads the issuer and who refers to it; nil where it is gone.
func (r *Reconciler) look(ctx context.Context, name types.NamespacedName) (*scene, error) {
	issuer := r.New()
	key := accounts.Key{Kind: issuer.Ref().Kind, Namespace: name.Namespace, Name: name.Name}
	if err := r.Client.Get(ctx, name, issuer); apierrors.IsNotFound(err) {
		return nil, r.gone(ctx, key)
	} else if err != nil {
		return nil, fmt.Errorf("get issuer: %w", err)
	}
	s := &scene{issuer: issuer, key: key, now: r.Clock.Now()}
	tokens, err := accounts.TokensOf(ctx, r.Client, key)
	s.tokens, s.use = tokens, useOf(tokens)
	s.pools = []string{""}
	if hasPools(issuer.IssuerSpec()) {
		granted, err := r.granted(ctx, issuer, tokens)
		if err != nil {
			return nil, err
		}
		s.pools = demand.Pools(granted, issuer.IssuerSpec())
		// What may be ours is looked at until it is gone, whoever asked for it.
		s.pools = slices.DeleteFunc(slices.Concat(s.pools, poolsOfOrphans(issuer.IssuerStatus())), func(pool string) bool { return pool == "" })
		slices.Sort(s.pools)
		s.pools = slices.Compact(s.pools)
	}
	return s, err
}

// poolsOfOrphans are where tokens are that are nobody's, or may be ours.
func poolsOfOrphans(of *v1alpha1.TokenIssuerStatus) []string {
	var pools []string
	for _, orphan := range of.PossibleOrphans {
		pools = append(pools, orphan.Pool)
	}
	for _, orphan := range of.Orphans {
		pools = append(pools, orphan.Pool)
	}
	return pools
}

// granted are the GatewayTokens that the issuer grants what they ask for, and those that may have a token already: for nobody else
// is a vendor asked.
func (r *Reconciler) granted(ctx context.Context, issuer v1alpha1.Issuer, tokens []v1alpha1.GatewayToken) ([]v1alpha1.GatewayToken, error) {
	var granted []v1alpha1.GatewayToken
	for i := range tokens {
		namespace, err := accounts.Namespace(ctx, r.Client, issuer, tokens[i].Namespace)
		if err != nil {
			return nil, err
		}
		may, _, _ := demand.Granted(&tokens[i], issuer, namespace)
		if may || controllerutil.ContainsFinalizer(&tokens[i], v1alpha1.FinalizerRevoke) {
			granted = append(granted, tokens[i])
		}
	}
	return granted, nil
}

// useOf counts the GatewayTokens that have or may have a token.
func useOf(tokens []v1alpha1.GatewayToken) v1alpha1.IssuerUse {
	namespaces := map[string]bool{}
	var use v1alpha1.IssuerUse
	for i := range tokens {
		if controllerutil.ContainsFinalizer(&tokens[i], v1alpha1.FinalizerRevoke) {
			use.Tokens++
			namespaces[tokens[i].Namespace] = true
		}
	}
	use.Namespaces = int32(min(len(namespaces), int(use.Tokens))) //nolint:gosec // bounded by an int32
	return use
}

// gone forgets an issuer that is gone, and the copy of its credentials if it is gone in an irregular way.
func (r *Reconciler) gone(ctx context.Context, key accounts.Key) error {
	r.forget(key)
	tokens, err := accounts.TokensOf(ctx, r.Client, key)
	if err != nil {
		return err
	}
	r.Tokens.Add(accounts.Requests(tokens)...)
	if useOf(tokens).Tokens > 0 {
		// The issuer may be created again, and the copy be what its tokens can be revoked with.
		return nil
	}
	return r.dropKept(ctx, key)
}

func (r *Reconciler) forget(key accounts.Key) {
	r.Book.Forget(key)
	r.Named.Refer(key)
	r.Metrics.Forget(key.Kind, key.Namespace, key.Name)
	r.dropMemory(key)
}

// protect puts the finalizer on an issuer that GatewayTokens refer to, before any of them can have a token.
func (r *Reconciler) protect(ctx context.Context, s *scene) error {
	if len(s.tokens) == 0 || s.issuer.GetDeletionTimestamp() != nil || controllerutil.ContainsFinalizer(s.issuer, v1alpha1.FinalizerProtect) {
		return nil
	}
	return r.patchFinalizer(ctx, s.issuer, controllerutil.AddFinalizer)
}

// release lets go of an issuer that nothing needs any more: one that is being deleted, or one that no GatewayToken refers to.
func (r *Reconciler) release(ctx context.Context, s *scene) (done bool, err error) {
	deleting := s.issuer.GetDeletionTimestamp() != nil
	held := controllerutil.ContainsFinalizer(s.issuer, v1alpha1.FinalizerProtect)
	if !held {
		return deleting, nil
	}
	skipped := deleting && s.issuer.GetAnnotations()[v1alpha1.AnnotationSkipRevocation] == string(s.issuer.GetUID())
	if !skipped && (s.use.Tokens > 0 || (!deleting && len(s.tokens) > 0)) {
		return false, nil
	}
	if !skipped {
		// From here on nobody mints with this issuer; who could before has a finalizer that is seen now.
		r.Book.ForbidMints(s.key)
		// The cache may be behind: what is about to be given up is asked of the API server itself.
		if used, err := r.usedLive(ctx, s); err != nil || used {
			return false, err
		}
	}
	if err := r.dropKept(ctx, s.key); err != nil {
		return false, err
	}
	if err := r.patchFinalizer(ctx, s.issuer, controllerutil.RemoveFinalizer); err != nil {
		return false, err
	}
	if skipped {
		r.tellSkipped(s)
	}
	log.FromContext(ctx).Info("released the issuer", "issuer", s.key.String(), "deleting", deleting, "skipped", skipped)
	if deleting {
		r.forget(s.key)
	}
	return deleting, nil
}

// tellSkipped tells of an issuer that a person had released whatever needs it.
func (r *Reconciler) tellSkipped(s *scene) {
	message := "Released on a person's word."
	if s.use.Tokens > 0 {
		message += fmt.Sprintf(" %s with tokens needed it: nothing revokes them without an issuer of its kind, name and account.", number(int(s.use.Tokens), "GatewayToken"))
	}
	if of := s.issuer.IssuerStatus(); of.Inventory != nil && of.Inventory.Orphaned > 0 {
		message += fmt.Sprintf(" %s with the operator's marker had no owner.", number(int(of.Inventory.Orphaned), "token"))
	}
	var open []string
	for _, orphan := range s.issuer.IssuerStatus().PossibleOrphans {
		open = append(open, orphan.ID+orphan.Name)
	}
	if len(open) > 0 {
		message += " It reported tokens that may be the operator's: " + strings.Join(open, ", ") + "."
	}
	r.Recorder.Eventf(s.issuer, nil, corev1.EventTypeWarning, EventRevocationSkipped, EventRevocationSkipped, "%s", status.Cut(message))
}

func number(of int, what string) string {
	if of == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", of, what)
}

// EventRevocationSkipped is the reason of the event that tells of a broken glass.
const EventRevocationSkipped = "RevocationSkipped"

// usedLive asks the API server whether a GatewayToken needs the issuer.
func (r *Reconciler) usedLive(ctx context.Context, s *scene) (bool, error) {
	options := &client.ListOptions{Namespace: s.key.Namespace, Limit: 500}
	for {
		var page v1alpha1.GatewayTokenList
		if err := r.Live.List(ctx, &page, options); err != nil {
			return false, fmt.Errorf("list GatewayTokens: %w", err)
		}
		for i := range page.Items {
			refers := accounts.KeyFor(&page.Items[i]) == s.key
			if refers && (s.issuer.GetDeletionTimestamp() == nil || controllerutil.ContainsFinalizer(&page.Items[i], v1alpha1.FinalizerRevoke)) {
				return true, nil
			}
		}
		if options.Continue = page.Continue; options.Continue == "" {
			return false, nil
		}
	}
}

func (r *Reconciler) patchFinalizer(ctx context.Context, issuer v1alpha1.Issuer, change func(client.Object, string) bool) error {
	before, ok := issuer.DeepCopyObject().(client.Object)
	if !ok {
		return fmt.Errorf("issuer %s is not an object", issuer.GetName())
	}
	change(issuer, v1alpha1.FinalizerProtect)
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Patch(ctx, issuer, patch, client.FieldOwner(v1alpha1.OperatorName)); err != nil {
		return fmt.Errorf("patch the issuer's finalizer: %w", err)
	}
	return nil
}
