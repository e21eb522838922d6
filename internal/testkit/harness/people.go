package harness

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// patience bounds a wait for a controller of Kubernetes, in true time; it is no measure of anything.
const patience = time.Minute

// Create creates objects as people do.
func (w *World) Create(objects ...client.Object) {
	w.t.Helper()
	for _, object := range objects {
		if err := w.admin.Create(w.ctx(), object); err != nil {
			w.t.Fatalf("create %s %s: %v", kindOf(object), object.GetName(), err)
		}
		w.track(kindOf(object), client.ObjectKeyFromObject(object))
		if pod, ok := object.(*corev1.Pod); ok {
			w.times.born(pod)
		}
		w.somebody("creates", object)
	}
}

// hands is how many objects CreateAll creates at the same time.
const hands = 8

// CreateAll creates many objects at once, as somebody does who applies a directory of manifests. The operator sees them in the order
// in which they are given.
func CreateAll[T client.Object](w *World, objects []T) {
	w.t.Helper()
	failed := make([]error, len(objects))
	workqueue.ParallelizeUntil(w.ctx(), hands, len(objects), func(i int) { failed[i] = w.admin.Create(w.ctx(), objects[i]) })
	if err := errors.Join(failed...); err != nil {
		w.t.Fatalf("create %d objects: %v", len(objects), err)
	}
	for _, object := range objects {
		w.track(kindOf(object), client.ObjectKeyFromObject(object))
		w.somebody("creates", object)
	}
}

// Change changes an object as people do: what is there now, by a function.
func Change[T client.Object](w *World, object T, change func(T)) T {
	w.t.Helper()
	w.Refresh(object)
	before, ok := object.DeepCopyObject().(client.Object)
	if !ok {
		w.t.Fatalf("%T is no object", object)
	}
	change(object)
	if err := w.admin.Patch(w.ctx(), object, client.MergeFrom(before)); err != nil {
		w.t.Fatalf("change %s %s: %v", kindOf(object), object.GetName(), err)
	}
	w.somebody("changes", object)
	return object
}

// Remove deletes objects as people do. What has finalizers stays until they are gone.
func (w *World) Remove(objects ...client.Object) {
	w.t.Helper()
	for _, object := range objects {
		if err := w.admin.Delete(w.ctx(), object); err != nil {
			w.t.Fatalf("delete %s %s: %v", kindOf(object), object.GetName(), err)
		}
		w.somebody("deletes", object)
	}
}

// somebody did something: it is told, and the process' watches see it.
func (w *World) somebody(did string, object client.Object) {
	w.note("somebody %s %s %s", did, kindOf(object), object.GetName())
	if key := entryOf(object); key.kind == "Namespace" && did != "creates" {
		w.restless[key] = true
	}
	if key := entryOf(object); w.Process != nil && w.isTracked[key] {
		w.Process.stale = append(w.Process.stale, key)
	}
}

// Refresh reads an object anew; the test fails if it is gone.
func (w *World) Refresh(object client.Object) {
	w.t.Helper()
	if err := w.admin.Get(w.ctx(), client.ObjectKeyFromObject(object), object); err != nil {
		w.t.Fatalf("get %s %s: %v", kindOf(object), object.GetName(), err)
	}
}

// Gone tells whether the object is gone.
func (w *World) Gone(object client.Object) bool {
	w.t.Helper()
	empty, ok := object.DeepCopyObject().(client.Object)
	if !ok {
		w.t.Fatalf("%T is no object", object)
	}
	err := w.admin.Get(w.ctx(), client.ObjectKeyFromObject(object), empty)
	if client.IgnoreNotFound(err) != nil {
		w.t.Fatal(err)
	}
	return apierrors.IsNotFound(err)
}

// Secret gives a Secret of the tenant's namespace, nil where there is none.
func (w *World) Secret(name string) *corev1.Secret {
	w.t.Helper()
	return w.SecretIn(w.Tenant, name)
}

// SecretIn gives a Secret of any namespace, nil where there is none.
func (w *World) SecretIn(namespace, name string) *corev1.Secret {
	w.t.Helper()
	var secret corev1.Secret
	err := w.admin.Get(w.ctx(), client.ObjectKey{Namespace: namespace, Name: name}, &secret)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return &secret
}

// Eventually waits for something that Kubernetes' own controllers do, and settles before each look.
func (w *World) Eventually(what string, done func() error) {
	w.t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(w.ctx(), 50*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		w.Settle()
		last = done()
		return last == nil, nil
	})
	if err != nil {
		w.t.Fatalf("%s: %v", what, errors.Join(err, last))
	}
}

// CredentialsName is the Secret with the vendor's credentials, CAName the ConfigMap with its certificate authority.
const (
	CredentialsName = "causely-credentials"
	CAName          = "causely-ca"
)

// Provide gives a namespace the credentials and the certificate authority of the vendor.
func (w *World) Provide(namespace string) {
	w.t.Helper()
	w.Create(w.Credentials(namespace), w.CA(namespace))
}

// CA is what the vendor's certificate is signed by.
func (w *World) CA(namespace string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: CAName},
		Data:       map[string]string{v1alpha1.DefaultCABundleKey: string(w.Vendor.CAPEM())},
	}
}

// ClusterIssuer is a ClusterTokenIssuer of this world, which grants the tenant's namespace.
func (w *World) ClusterIssuer(options ...func(*v1alpha1.ClusterTokenIssuer)) *v1alpha1.ClusterTokenIssuer {
	issuer := &v1alpha1.ClusterTokenIssuer{
		ObjectMeta: metav1.ObjectMeta{Name: w.Name},
		Spec: v1alpha1.ClusterTokenIssuerSpec{
			TokenIssuerSpec: w.account(),
			Grants:          w.grants(),
		},
	}
	for _, option := range options {
		option(issuer)
	}
	return issuer
}

// NamespacedIssuer is a TokenIssuer in the tenant's namespace.
func (w *World) NamespacedIssuer(options ...func(*v1alpha1.TokenIssuer)) *v1alpha1.TokenIssuer {
	issuer := &v1alpha1.TokenIssuer{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Tenant, Name: "causely"},
		Spec:       w.account(),
	}
	for _, option := range options {
		option(issuer)
	}
	return issuer
}

// Token is a GatewayToken of the tenant's from the ClusterTokenIssuer.
func (w *World) Token(name string, options ...func(*v1alpha1.GatewayToken)) *v1alpha1.GatewayToken {
	object := &v1alpha1.GatewayToken{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Tenant, Name: name},
		Spec: v1alpha1.GatewayTokenSpec{
			IssuerRef: v1alpha1.IssuerReference{Kind: v1alpha1.KindClusterTokenIssuer, Name: w.Name},
		},
	}
	w.flavour.Ask(&object.Spec)
	for _, option := range options {
		option(object)
	}
	return object
}

// FromNamespacedIssuer takes the token from the TokenIssuer.
func FromNamespacedIssuer(object *v1alpha1.GatewayToken) {
	object.Spec.IssuerRef = v1alpha1.IssuerReference{Name: "causely"}
}

// WithSecret describes the Secret.
func WithSecret(change func(*v1alpha1.SecretTemplate)) func(*v1alpha1.GatewayToken) {
	return func(object *v1alpha1.GatewayToken) {
		if object.Spec.Secret == nil {
			object.Spec.Secret = &v1alpha1.SecretTemplate{}
		}
		change(object.Spec.Secret)
	}
}

// Retained keeps token and Secret at deletion.
func Retained(object *v1alpha1.GatewayToken) { object.Spec.DeletionPolicy = v1alpha1.DeletionRetain }

// Reporting reports a revocation by somebody else.
func Reporting(object *v1alpha1.GatewayToken) {
	object.Spec.OnRemoteRevocation = v1alpha1.RemoteRevocationReport
}

// Suspended stops everything but the deletion.
func Suspended(object *v1alpha1.GatewayToken) { object.Spec.Suspend = true }

// Overlapping sets how long a replaced token stays.
func Overlapping(overlap time.Duration) func(*v1alpha1.GatewayToken) {
	return func(object *v1alpha1.GatewayToken) {
		object.Spec.Rotation = &v1alpha1.Rotation{Overlap: &metav1.Duration{Duration: overlap}}
	}
}

// Publish makes what most tests begin with: an issuer with credentials, and a GatewayToken that has its Secret.
func (w *World) Publish(options ...func(*v1alpha1.GatewayToken)) (*v1alpha1.ClusterTokenIssuer, *v1alpha1.GatewayToken) {
	w.t.Helper()
	issuer, object := w.Ask(options...)
	w.Settle()
	w.WantReady(object)
	return issuer, object
}

// Ask makes the same, before the operator has seen any of it.
func (w *World) Ask(options ...func(*v1alpha1.GatewayToken)) (*v1alpha1.ClusterTokenIssuer, *v1alpha1.GatewayToken) {
	w.t.Helper()
	w.Provide(w.System)
	issuer, object := w.ClusterIssuer(), w.Token("mediator", options...)
	w.Create(issuer, object)
	return issuer, object
}

// ChangeStatus changes the status of an object by a function, which changes the object that is given.
func (w *World) ChangeStatus(object client.Object, change func()) {
	w.t.Helper()
	w.Refresh(object)
	before, ok := object.DeepCopyObject().(client.Object)
	if !ok {
		w.t.Fatalf("%T is no object", object)
	}
	change()
	if err := w.admin.Status().Patch(w.ctx(), object, client.MergeFrom(before)); err != nil {
		w.t.Fatalf("change the status of %s %s: %v", kindOf(object), object.GetName(), err)
	}
	w.somebody("changes the status of", object)
}

// Noticed tells the world of objects that somebody created by another client than the world's own: the operator sees them from now on.
func (w *World) Noticed(objects ...client.Object) {
	w.t.Helper()
	for _, object := range objects {
		w.track(kindOf(object), client.ObjectKeyFromObject(object))
		w.somebody("creates", object)
	}
}
