package controller_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// tenant is somebody who may do in his own namespace what Kubernetes' role admin and the operator's roles allow there, and nothing
// anywhere else. He acts by requests of his own to the API server.
type tenant struct {
	client.Client
	t         *testing.T
	w         *harness.World
	namespace string
}

// aggregated are the parts of Kubernetes' role admin. Here no controller puts them together; that it does is shown by the tests of the
// chart.
var aggregated = []string{"system:aggregate-to-view", "system:aggregate-to-edit", "system:aggregate-to-admin"}

// newTenant makes a namespace with somebody who administers it.
func newTenant(t *testing.T, w *harness.World, namespace string) *tenant {
	t.Helper()
	needsReal(t, "a tenant has rights")
	user := "admin-of-" + namespace
	if err := plane.Admin.Get(t.Context(), client.ObjectKey{Name: namespace}, &corev1.Namespace{}); apierrors.IsNotFound(err) {
		w.Namespace(namespace)
	}
	bind := func(role, kind string) {
		w.Create(&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "admin-"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: role},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
		})
	}
	for _, role := range aggregated {
		bind(role, "ClusterRole")
	}
	for _, part := range []string{"view", "edit", "admin"} {
		role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: part}, Rules: chartRules(t, part+"_role.yaml")}
		w.Create(role)
		bind(part, "Role")
	}
	config := plane.RESTConfig()
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	config.WarningHandler = rest.NoWarnings{}
	made, err := client.New(config, client.Options{Scheme: plane.Admin.Scheme(), Mapper: plane.Admin.RESTMapper()})
	if err != nil {
		t.Fatal(err)
	}
	person := &tenant{Client: made, t: t, w: w, namespace: namespace}
	person.awaitRights()
	return person
}

// awaitRights waits until the API server knows of the bindings.
func (p *tenant) awaitRights() {
	p.t.Helper()
	err := wait.PollUntilContextTimeout(p.t.Context(), 20*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		err := p.List(ctx, &v1alpha1.GatewayTokenList{}, client.InNamespace(p.namespace))
		if err == nil {
			err = p.Create(ctx, &v1alpha1.GatewayToken{ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace, Name: "x"}}, client.DryRunAll)
		}
		if err == nil {
			err = p.List(ctx, &corev1.SecretList{}, client.InNamespace(p.namespace))
		}
		if apierrors.IsForbidden(err) {
			return false, nil
		}
		return true, client.IgnoreNotFound(ignoreInvalid(err))
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

func ignoreInvalid(err error) error {
	if apierrors.IsInvalid(err) {
		return nil
	}
	return err
}

// chartRules are the rules of a role as the chart has them.
func chartRules(t *testing.T, file string) []rbacv1.PolicyRule {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "charts", "gateway-token-operator", "files", "rbac", file))
	if err != nil {
		t.Fatal(err)
	}
	var rules []rbacv1.PolicyRule
	if err := yaml.UnmarshalStrict(text, &rules); err != nil {
		t.Fatal(err)
	}
	return rules
}

// makes creates objects, which must be allowed.
func (p *tenant) makes(objects ...client.Object) {
	p.t.Helper()
	for _, object := range objects {
		if err := p.Create(p.t.Context(), object); err != nil {
			p.t.Fatal(err)
		}
		p.w.Noticed(object)
	}
}

// changes an object, which must be allowed.
func changes[T client.Object](p *tenant, object T, change func(T)) {
	p.t.Helper()
	p.w.Refresh(object)
	before, ok := object.DeepCopyObject().(client.Object)
	if !ok {
		p.t.Fatalf("%T is no object", object)
	}
	change(object)
	if err := p.Patch(p.t.Context(), object, client.MergeFrom(before)); err != nil {
		p.t.Fatal(err)
	}
}

// removes an object, which must be allowed.
func (p *tenant) removes(object client.Object) {
	p.t.Helper()
	if err := p.Delete(p.t.Context(), object); err != nil {
		p.t.Fatal(err)
	}
}
