package app

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// cleanUp takes away all that an installation has made, however the test ended: the next test begins with nothing.
func (o *installation) cleanUp() {
	o.end()
	// The operator is this very program, with the race detector if the tests have it, and is mostly killed before it could fail by itself.
	if report := lines(o.log.String(), "DATA RACE"); report != "" {
		o.t.Errorf("the operator has data races: %s", report)
	}
	if o.t.Failed() {
		o.t.Logf("the operator's log:\n%s", o.log)
	}
	// The test's own context has ended.
	ctx := context.WithoutCancel(o.t.Context())
	if err := await(ctx, func() error { return takeAway(ctx) }); err != nil {
		o.t.Errorf("clean up: %v", err)
	}
}

// takeAway deletes what is there and lets go of what an operator would hold; the error tells what is left. It may be called again.
func takeAway(ctx context.Context) error {
	var errs []error
	for _, object := range made() {
		errs = append(errs, remove(ctx, object))
	}
	for _, list := range []client.ObjectList{
		&v1alpha1.GatewayTokenList{}, &v1alpha1.TokenIssuerList{}, &v1alpha1.ClusterTokenIssuerList{}, &corev1.SecretList{},
	} {
		errs = append(errs, letGo(ctx, list))
	}
	return errors.Join(errs...)
}

// made are the namespaces, and what is in none.
func made() []client.Object {
	return []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: system}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tenant}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: second}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: elsewhere}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: teams[0]}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: teams[1]}},
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}},
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name}},
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: hook}},
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: hook}},
		&v1alpha1.ClusterTokenIssuer{ObjectMeta: metav1.ObjectMeta{Name: name}},
		&v1alpha1.ClusterTokenIssuer{ObjectMeta: metav1.ObjectMeta{Name: unused}},
	}
}

// remove deletes an object; it is an error as long as it is there.
func remove(ctx context.Context, object client.Object) error {
	err := plane.Admin.Get(ctx, client.ObjectKeyFromObject(object), object)
	if err == nil && object.GetDeletionTimestamp() == nil {
		err = plane.Admin.Delete(ctx, object)
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	return errors.Join(err, fmt.Errorf("%T %s is there", object, object.GetName()))
}

// letGo takes the finalizers off what is being deleted: nobody is there who would.
func letGo(ctx context.Context, list client.ObjectList) error {
	if err := plane.Admin.List(ctx, list); err != nil {
		return err
	}
	return meta.EachListItem(list, func(item runtime.Object) error {
		object, ok := item.(client.Object)
		if !ok || object.GetDeletionTimestamp() == nil || len(object.GetFinalizers()) == 0 {
			return nil
		}
		return client.IgnoreNotFound(plane.Admin.Patch(ctx, object, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))))
	})
}
