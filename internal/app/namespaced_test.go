package app

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/consumers"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/controlplane"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/rights"
	"github.com/gatewaytoken/gateway-token-operator/internal/uninstall"
)

// second is another namespace that the operator works in, elsewhere one that it does not.
const (
	second    = "causely-second"
	elsewhere = "causely-elsewhere"
)

// teams are the namespaces of the example.
var teams = []string{"team-a", "team-b"}

// inEach and inOwn are the Roles of config/ with their bindings: what a namespace needs, and what the operator's own does.
var (
	inEach = []string{"rbac/namespaced/namespaced_role", "rbac/namespaced/namespaced_restart_role"}
	inOwn  = []string{"rbac/namespaced-system/namespaced_system_role", "rbac/leader_election_role"}
)

// role reads a Role and its binding from config/, for a namespace.
func role(t *testing.T, file, namespace string) []client.Object {
	t.Helper()
	granted, bound := &rbacv1.Role{}, &rbacv1.RoleBinding{}
	for path, into := range map[string]client.Object{file: granted, file + "_binding": bound} {
		text, err := os.ReadFile(filepath.Join("..", "..", "config", filepath.FromSlash(path)+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(text, into); err != nil {
			t.Fatal(err)
		}
		into.SetNamespace(namespace)
	}
	return []client.Object{granted, bound}
}

// grantIn gives the operator what it needs in namespaces that it is to work in.
func (o *installation) grantIn(namespaces ...string) {
	o.t.Helper()
	for _, namespace := range namespaces {
		for _, file := range inEach {
			o.create(role(o.t, file, namespace)...)
		}
	}
}

// grantOwn gives it what it needs in its own.
func (o *installation) grantOwn() {
	o.t.Helper()
	for _, file := range inOwn {
		o.create(role(o.t, file, system)...)
	}
}

// namespaced is an installation with Roles only, for two namespaces of three.
func namespaced(t *testing.T) *installation {
	t.Helper()
	o := prepare(t)
	for _, namespace := range []string{system, tenant, second, elsewhere} {
		o.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	}
	o.create(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: name}})
	o.grantOwn()
	o.grantIn(tenant, second)
	var err error
	if o.kubeconfig, err = plane.KubeconfigForServiceAccount(t.Context(), system, name); err != nil {
		t.Fatal(err)
	}
	o.arguments = o.inNamespaces()
	return o
}

// inNamespaces are the flags of an operator for two namespaces.
func (o *installation) inNamespaces() []string {
	o.t.Helper()
	var kubeSystem corev1.Namespace
	o.get(&kubeSystem, client.ObjectKey{Name: metav1.NamespaceSystem})
	return []string{"--watch-namespaces=" + tenant + "," + second, "--cluster-id=" + string(kubeSystem.UID), "--pod-margin=1s", "--restart-delay=3s"}
}

// everythingIn creates an issuer, what it names, and a GatewayToken.
func (o *installation) everythingIn(namespace, name string) (*v1alpha1.TokenIssuer, *v1alpha1.GatewayToken) {
	o.t.Helper()
	issuer, object, credentials, ca := o.issuer(time.Second), o.token(name), o.credentials(), o.ca()
	for _, made := range []client.Object{issuer, object, credentials, ca} {
		made.SetNamespace(namespace)
		o.create(made)
	}
	return issuer, object
}

// readyIn: the status says so, and the vendor agrees.
func (o *installation) readyIn(object *v1alpha1.GatewayToken) error {
	o.get(object)
	if ready := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionReady); ready == nil || ready.Status != metav1.ConditionTrue {
		return fmt.Errorf("ready: %+v", ready)
	}
	var secret corev1.Secret
	o.get(&secret, client.ObjectKey{Namespace: object.Namespace, Name: object.SecretName()})
	if current := o.vendor.Causely().Check(string(secret.Data["token"])); !current.Active || current.ID != object.Status.Current.ID {
		return fmt.Errorf("the value in the Secret is %+v", current)
	}
	return nil
}

// The operator as a process with Roles only, for two namespaces: it does there all that it does in a cluster, and nothing elsewhere.
func TestNamespacedOperator(t *testing.T) {
	o := namespaced(t)
	_, stranger := o.everythingIn(elsewhere, "stranger")
	o.start()
	issuer, object := o.everythingIn(tenant, "mediator")
	_, other := o.everythingIn(second, "mediator")
	o.await("the token is ready", func() error { return o.readyIn(object) })
	o.await("so is that of the other namespace", func() error { return o.readyIn(other) })
	value := o.value("mediator")
	o.change(o.secret("mediator"), func(s *corev1.Secret) { s.Labels = nil })
	o.await("stripped labels are put back", func() error {
		if o.secret("mediator").Labels[v1alpha1.LabelManagedBy] == "" {
			return errors.New("they are not there")
		}
		return nil
	})
	o.delete(o.secret("mediator"))
	o.await("a deleted Secret comes back", func() error { return o.wantValue("mediator", value) })
	o.kill()
	o.delete(o.secret("mediator"))
	o.start()
	o.await("the next process puts it back", func() error { return o.wantValue("mediator", value) })
	o.wantCreates(2)
	o.rotated(object)
	o.shown(metav1.ObjectMeta{Namespace: tenant, Name: "shared"})

	o.delete(object)
	o.delete(other)
	o.await("the tokens are gone", func() error { return o.gone(object, other) })
	o.wantActive(0)
	o.await("nothing holds the issuer any more", func() error {
		if o.get(issuer); len(issuer.GetFinalizers()) > 0 {
			return fmt.Errorf("finalizers %v", issuer.GetFinalizers())
		}
		return nil
	})
	o.stop()
	if o.get(stranger); len(stranger.Finalizers) > 0 || len(stranger.Status.Conditions) > 0 {
		t.Errorf("a GatewayToken of another namespace has finalizers %v and conditions %v", stranger.Finalizers, stranger.Status.Conditions)
	}
	o.judge()
	o.judgeNamespaced()
}

// rotated has the token replaced on request, and whoever uses the Secret restarted.
func (o *installation) rotated(object *v1alpha1.GatewayToken) {
	o.t.Helper()
	labels := map[string]string{"app": "mediator"}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{
		Name: "app", Image: "app",
		EnvFrom: []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: object.SecretName()}}}},
	}}}}
	workload := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: "mediator"},
		Spec:       appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: template},
	}
	// Nobody makes its pods here.
	set := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: "mediator-5d9c"},
		Spec:       appsv1.ReplicaSetSpec{Replicas: ptr.To[int32](0), Selector: workload.Spec.Selector, Template: template},
	}
	o.create(workload, set)
	scheduled := template.Spec
	scheduled.NodeName = "node"
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: tenant, Name: "mediator-5d9c-1", Labels: map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: "5d9c"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: set.Name, UID: set.UID, Controller: ptr.To(true)}},
		},
		Spec: scheduled,
	}
	o.create(pod)
	before := o.value(object.Name)
	o.get(object)
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}},"spec":{"consumers":{"action":"Restart"}}}`,
		v1alpha1.AnnotationRotateRequest, object.Status.Current.IssuedAt.UTC().Add(time.Second).Format(time.RFC3339))
	if err := plane.Admin.Patch(o.t.Context(), object, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		o.t.Fatal(err)
	}
	o.await("it is replaced on request", func() error {
		if o.wantValue(object.Name, before) == nil {
			return errors.New("the Secret holds the old value")
		}
		return o.readyIn(object)
	})
	o.await("whoever uses it is restarted", func() error {
		if o.get(workload); workload.Spec.Template.Annotations[consumers.AnnotationRestartedFor] == "" {
			return errors.New("it is not")
		}
		return nil
	})
	o.await("what was replaced waits for the pod that holds it", func() error {
		o.get(object)
		if pending := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionRevocationPending); pending == nil || pending.Reason != v1alpha1.ReasonWaitingForConsumers {
			return fmt.Errorf("pending: %+v", pending)
		}
		return nil
	})
	// There is no kubelet that would end it.
	if err := plane.Admin.Delete(o.t.Context(), pod, client.GracePeriodSeconds(0)); err != nil {
		o.t.Fatal(err)
	}
}

// shown: a ClusterTokenIssuer that would do is not looked at, and whoever names it is told so and can be deleted.
func (o *installation) shown(at metav1.ObjectMeta) {
	o.t.Helper()
	shared := o.sharedIssuer()
	object := o.token(at.Name)
	object.Spec.IssuerRef = v1alpha1.IssuerReference{Kind: v1alpha1.KindClusterTokenIssuer, Name: name}
	o.create(object)
	o.await("it is said that no ClusterTokenIssuer is read", func() error {
		o.get(object)
		ready := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionReady)
		stalled := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionStalled)
		if ready == nil || ready.Status != metav1.ConditionFalse || ready.Reason != v1alpha1.ReasonIssuerOutOfReach || stalled == nil {
			return fmt.Errorf("ready: %+v, stalled: %+v", ready, stalled)
		}
		if !strings.Contains(ready.Message, "--watch-namespaces") || !strings.Contains(ready.Message, "TokenIssuer in this namespace") {
			o.t.Errorf("it says %q", ready.Message)
		}
		return nil
	})
	if len(object.Finalizers) > 0 {
		o.t.Errorf("finalizers %v on what can have no token", object.Finalizers)
	}
	if o.get(shared); len(shared.Finalizers) > 0 || len(shared.Status.Conditions) > 0 {
		o.t.Errorf("the ClusterTokenIssuer has finalizers %v and conditions %v", shared.Finalizers, shared.Status.Conditions)
	}
	o.delete(object)
	o.await("it is gone", func() error { return o.gone(object) })
}

// sharedIssuer creates a ClusterTokenIssuer that grants the tenant's namespace, with what it names.
func (o *installation) sharedIssuer() *v1alpha1.ClusterTokenIssuer {
	o.t.Helper()
	credentials, ca := o.credentials(), o.ca()
	credentials.Namespace, ca.Namespace = system, system
	made := &v1alpha1.ClusterTokenIssuer{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.ClusterTokenIssuerSpec{
			TokenIssuerSpec: o.issuer(time.Second).Spec, Grants: []v1alpha1.Grant{{Namespaces: v1alpha1.NamespaceGrant{Names: []string{tenant}}}},
		},
	}
	o.create(credentials, ca, made)
	return made
}

// judgeNamespaced holds that nothing was asked for beyond the namespaces, and that nothing is granted that the operator makes no use of.
func (o *installation) judgeNamespaced() {
	o.t.Helper()
	text := o.log.String()
	if found := lines(text, clusterWide); found != "" {
		o.t.Errorf("this was asked for in no namespace:\n%s", found)
	}
	for line := range strings.Lines(lines(text, usedIn)) {
		if namespace := strings.TrimSpace(strings.TrimPrefix(line, usedIn)); !slices.Contains([]string{system, tenant, second}, namespace) {
			o.t.Errorf("namespace %s was asked for something", namespace)
		}
	}
	if !strings.Contains(text, usedIn+second) {
		o.t.Error("it is not noted which namespaces are asked")
	}
	used := func(right string) bool { return strings.Contains(text, usedRight+right+"\n") }
	for _, file := range slices.Concat(inEach, inOwn) {
		granted, ok := role(o.t, file, system)[0].(*rbacv1.Role)
		if !ok {
			o.t.Fatalf("%s is no Role", file)
		}
		for _, right := range rights.Granted(granted.Rules) {
			of, lists := strings.CutPrefix(string(right), "list ")
			switch {
			case used(string(right)), lists && used("watch "+of):
			case right == "patch events.k8s.io/events":
				// An event that is told again within minutes, which does not happen here each time.
			case strings.HasPrefix(of, "apps/") || strings.Contains(string(right), "apps/"):
				// There is a Deployment here and nothing else to restart.
				if strings.HasSuffix(string(right), "/deployments") {
					o.t.Errorf("%s grants %q, and nobody makes use of it", file, right)
				}
			default:
				o.t.Errorf("%s grants %q, and nobody makes use of it", file, right)
			}
		}
	}
}

// A cluster-wide operator has issued a token through a ClusterTokenIssuer, and is run for named namespaces from then on: the token goes on
// being used. A deletion waits, and says for what, until the operator reads the issuer again.
func TestSwitchedToNamespaces(t *testing.T) {
	o := install(t)
	shared, object := o.sharedIssuer(), o.token("shared")
	object.Spec.IssuerRef = v1alpha1.IssuerReference{Kind: v1alpha1.KindClusterTokenIssuer, Name: name}
	o.create(object)
	o.start()
	o.await("the token is ready", func() error { return o.ready(object) })
	value := o.value("shared")
	o.stop()

	o.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: second}})
	for _, object := range o.release()[1:] { // all but the ServiceAccount
		o.delete(object)
	}
	o.grantOwn()
	o.grantIn(tenant, second)
	o.arguments = o.inNamespaces()
	o.start()
	o.await("it is said that nothing can be done at the vendor", func() error {
		o.get(object)
		reachable := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionVendorReachable)
		if reachable == nil || reachable.Reason != v1alpha1.ReasonIssuerOutOfReach {
			return fmt.Errorf("reachable: %+v", reachable)
		}
		return o.ready(object)
	})
	o.delete(o.secret("shared"))
	o.await("a lost Secret is told of, and nothing is made in its place", func() error {
		o.get(object)
		ready := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionReady)
		if ready == nil || ready.Reason != v1alpha1.ReasonIssuerOutOfReach {
			return fmt.Errorf("ready: %+v", ready)
		}
		return nil
	})
	o.delete(object)
	o.await("its deletion waits, and says for what", func() error {
		o.get(object)
		pending := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionRevocationPending)
		if pending == nil || pending.Status != metav1.ConditionTrue || pending.Reason != v1alpha1.ReasonIssuerOutOfReach {
			return fmt.Errorf("pending: %+v", pending)
		}
		return nil
	})
	o.wantActive(1)
	o.stop()
	if current := o.vendor.Causely().Check(value); !current.Active {
		t.Error("the token was revoked")
	}
	if found := lines(o.log.String(), forbidden); found != "" {
		t.Errorf("it asked for what it has no right to:\n%s", found)
	}

	for _, object := range o.release()[1:3] { // the ClusterRole and its binding
		o.create(object)
	}
	o.arguments = nil
	o.start()
	o.await("it is gone", func() error { return o.gone(object) })
	o.wantActive(0)
	o.delete(shared)
	o.await("so is its issuer", func() error { return o.gone(shared) })
	o.stop()
}

// A namespace that is deleted takes the Roles in it with it, maybe before the tokens are revoked. Nothing is lost: whoever may bind a
// ClusterRole lets the operator finish, which need not be started again for that.
func TestNamespacedOperatorLosesRights(t *testing.T) {
	o := namespaced(t)
	o.start()
	_, object := o.everythingIn(second, "mediator")
	_, other := o.everythingIn(tenant, "mediator")
	o.await("the token is ready", func() error { return o.readyIn(object) })
	o.await("so is that of the other namespace", func() error { return o.readyIn(other) })
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: second}}
	for _, file := range inEach {
		for _, granted := range role(t, file, second) {
			o.delete(granted)
		}
	}
	o.delete(namespace)
	o.await("the namespace is being deleted, and waits for the token", func() error {
		if o.get(object); object.DeletionTimestamp == nil {
			return errors.New("it is not")
		}
		return nil
	})
	o.wantActive(2)
	value := o.value("mediator")
	o.delete(o.secret("mediator"))
	o.await("the other namespace is served all the same", func() error { return o.wantValue("mediator", value) })
	for _, object := range o.release()[1:3] { // the ClusterRole and its binding
		o.create(object)
	}
	o.await("the namespace is gone", func() error { return o.gone(namespace) })
	o.wantActive(1)
	o.delete(other)
	o.await("so is the other token", func() error { return o.gone(other) })
	o.wantActive(0)
	o.stop()
}

// Who works in named namespaces is started with --cluster-id, and is refused without, before it asks for anything. One of the namespaces
// may lack its Role; all may not.
func TestSurvey(t *testing.T) {
	o := prepare(t)
	for _, namespace := range []string{system, tenant, second} {
		o.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	}
	o.create(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: name}})
	kubeconfig, err := plane.KubeconfigForServiceAccount(t.Context(), system, name)
	if err != nil {
		t.Fatal(err)
	}
	said, err := o.call(kubeconfig, "--cluster-resource-namespace="+system, "--watch-namespaces="+tenant)
	if err == nil || !strings.Contains(said, "kubectl get namespace kube-system") || strings.Contains(said, forbidden) {
		t.Errorf("without --cluster-id: %v: %s", err, said)
	}
	if said, err := o.call(kubeconfig, "--cluster-resource-namespace="+system, "--watch-namespaces="+tenant+","+second, "--cluster-id=x"); err == nil || !strings.Contains(said, roleHint) {
		t.Errorf("without any Role: %v: %s", err, said)
	}

	o.grantIn(tenant)
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	found := o.surveyed(config)
	if diff := cmp.Diff([]string{tenant}, found.served()); diff != "" {
		t.Errorf("served namespaces: %s", diff)
	}
	found.pause = 10 * time.Millisecond
	ended := make(chan error, 1)
	go func() { ended <- found.Start(t.Context()) }()
	o.grantIn(second)
	select {
	case err := <-ended:
		if !errors.Is(err, errAccessGained) {
			t.Errorf("it ends with %v, want %v", err, errAccessGained)
		}
	case <-time.After(patience):
		t.Fatal("it goes on without the namespace, which it may read now")
	}
	o.await("both are served", func() error {
		if diff := cmp.Diff([]string{tenant, second}, o.surveyed(config).served()); diff != "" {
			return errors.New(diff)
		}
		return nil
	})
}

func (o *installation) surveyed(config *rest.Config) *namespaceAccess {
	o.t.Helper()
	scheme, err := newScheme()
	if err != nil {
		o.t.Fatal(err)
	}
	found, err := checkAccess(o.t.Context(), config, scheme, []string{tenant, second})
	if err != nil {
		o.t.Fatal(err)
	}
	return found
}

// A list of no namespace is one of all that are named, whatever pages they come in.
func TestWithin(t *testing.T) {
	o := prepare(t)
	for _, namespace := range []string{tenant, second, elsewhere} {
		o.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
		for _, name := range []string{"a", "b", "c"} {
			made := o.token(name)
			made.Namespace = namespace
			o.create(made)
		}
	}
	reader := inNamespaces(plane.Admin, []string{tenant, second})
	names := func(options ...client.ListOption) []string {
		t.Helper()
		var typed v1alpha1.GatewayTokenList
		partial := &metav1.PartialObjectMetadataList{}
		partial.SetGroupVersionKind(v1alpha1.GroupVersion().WithKind("GatewayTokenList"))
		var found, again []string
		if err := errors.Join(reader.List(t.Context(), &typed, options...), reader.List(t.Context(), partial, options...)); err != nil {
			t.Fatal(err)
		}
		for i := range typed.Items {
			found = append(found, typed.Items[i].Namespace+"/"+typed.Items[i].Name)
		}
		for i := range partial.Items {
			again = append(again, partial.Items[i].Namespace+"/"+partial.Items[i].Name)
		}
		if typed.Continue != "" || !cmp.Equal(found, again) {
			t.Errorf("continued at %q: %v, and by metadata %v", typed.Continue, found, again)
		}
		return found
	}
	both := []string{tenant + "/a", tenant + "/b", tenant + "/c", second + "/a", second + "/b", second + "/c"}
	if diff := cmp.Diff(both, names(client.Limit(2))); diff != "" {
		t.Errorf("in pages of two: %s", diff)
	}
	if diff := cmp.Diff(both, names()); diff != "" {
		t.Errorf("at once: %s", diff)
	}
	if diff := cmp.Diff(both[3:], names(client.InNamespace(second))); diff != "" {
		t.Errorf("of one namespace: %s", diff)
	}
	if err := reader.List(t.Context(), &v1alpha1.GatewayTokenList{}, client.Continue("x")); err == nil {
		t.Error("a list of several namespaces is continued")
	}
	if inNamespaces(plane.Admin, nil) != client.Reader(plane.Admin) {
		t.Error("without namespaces the reader is another one")
	}
}

// The example as docs/namespaced.md says to install it: by kubectl, with --cluster-id filled in.
func TestNamespacedExample(t *testing.T) {
	o := prepare(t)
	kubectl, err := controlplane.Kubectl()
	if err != nil {
		t.Fatal(err)
	}
	run := func(arguments ...string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), kubectl, append([]string{"--kubeconfig=" + plane.AdminKubeconfig()}, arguments...)...)
		command.Dir = filepath.Join("..", "..")
		if said, err := command.CombinedOutput(); err != nil {
			t.Fatalf("kubectl %s: %v: %s", strings.Join(arguments, " "), err, said)
		}
	}
	for _, namespace := range append([]string{system}, teams...) {
		run("create", "namespace", namespace)
	}
	run("apply", "-k", "config/crd")
	run("apply", "-k", "examples/namespaced")
	for _, name := range []string{name, name + "-restart", name + "-view", name + "-edit", name + "-admin"} {
		if err := o.gone(&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}}, &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			t.Error(err)
		}
	}
	var deployment appsv1.Deployment
	o.get(&deployment, client.ObjectKey{Namespace: system, Name: name})
	arguments := slices.Clone(deployment.Spec.Template.Spec.Containers[0].Args)
	for i := range arguments {
		arguments[i] = strings.ReplaceAll(arguments[i], "$(POD_NAMESPACE)", system)
	}
	if o.kubeconfig, err = plane.KubeconfigForServiceAccount(t.Context(), system, deployment.Spec.Template.Spec.ServiceAccountName); err != nil {
		t.Fatal(err)
	}
	if said, err := o.call(o.kubeconfig, arguments...); err == nil || !strings.Contains(said, "--cluster-id is required") {
		t.Errorf("before it is filled in: %v: %s", err, said)
	}
	o.arguments = append(slices.DeleteFunc(arguments, func(flag string) bool { return !strings.HasPrefix(flag, "--watch-namespaces=") }), "--cluster-id=filled-in")
	o.start()
	for _, team := range teams {
		_, object := o.everythingIn(team, "mediator")
		o.await("the token is ready", func() error { return o.readyIn(object) })
	}
	for _, team := range teams {
		run("--namespace", team, "delete", "gatewaytokens", "--all", "--wait")
		run("--namespace", team, "delete", "tokenissuers", "--all", "--wait")
	}
	o.wantActive(0)
	o.stop()
	o.judge()
	// Nothing in it waits for the operator any more.
	run("delete", "namespace", teams[1], "--timeout=2m")
}

// Before an uninstall of an operator for named namespaces, these alone count, and rights in these alone do.
func TestNamespacedUninstall(t *testing.T) {
	o := prepare(t)
	subject := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: system, Name: hook}}
	for _, namespace := range []string{system, tenant, second, elsewhere} {
		o.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	}
	for _, namespace := range []string{tenant, second} {
		o.create(
			&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: hook}, Rules: rules(t, "uninstall/drain.yaml")},
			&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: hook}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: hook}, Subjects: subject},
		)
	}
	o.create(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: hook}})
	kubeconfig, err := plane.KubeconfigForServiceAccount(t.Context(), system, hook)
	if err != nil {
		t.Fatal(err)
	}
	held := func(namespace string) *v1alpha1.GatewayToken {
		made := o.token("held")
		made.Namespace, made.Finalizers = namespace, []string{v1alpha1.FinalizerRevoke}
		o.create(made)
		return made
	}
	held(elsewhere)
	flag := "--watch-namespaces=" + tenant + "," + second
	if said, err := o.call(kubeconfig, CommandUninstallCheck, flag); err != nil || strings.Contains(said, forbidden) {
		t.Errorf("nothing is left in these, and yet: %v: %s", err, said)
	}
	object, bare := held(second), o.token("bare")
	o.create(bare)
	said, err := o.call(kubeconfig, CommandUninstallCheck, flag)
	for _, want := range []string{"1 GatewayToken in 1 namespace (" + second + ": 1)", "kubectl delete gatewaytokens --all --namespace " + second} {
		if err == nil || !strings.Contains(said, want) || strings.Contains(said, "clustertokenissuers") {
			t.Errorf("%v: it says %q, want %q and nothing of ClusterTokenIssuers", err, said, want)
		}
	}
	if said, err := o.call(kubeconfig, CommandDrain, flag, "--timeout=5s", "--pause=100ms"); err == nil || strings.Contains(said, forbidden) {
		t.Errorf("%v: %s: there is no operator that lets go", err, said)
	}
	o.get(object)
	if object.DeletionTimestamp == nil || o.gone(bare) != nil {
		t.Errorf("deleted at %v; what nobody holds: %v", object.DeletionTimestamp, o.gone(bare))
	}
	var needed *uninstall.NeededError
	if err := uninstall.Check(t.Context(), plane.Admin); !errors.As(err, &needed) || !strings.Contains(err.Error(), "2 GatewayTokens") {
		t.Errorf("of the whole cluster: %v", err)
	}
}

// clusterWide begins the line of a request for what is in no namespace, usedIn that of the first for something in one.
const (
	clusterWide = "CLUSTERWIDE "
	usedIn      = "NAMESPACE "
)

// reportWhere tells of requests by where they look.
func reportWhere(out io.Writer) func(http.RoundTripper) http.RoundTripper {
	var seen sync.Map
	return func(next http.RoundTripper) http.RoundTripper {
		return answers(func(request *http.Request) (*http.Response, error) {
			if where, asks := whereOf(request.URL); asks && where == "" {
				fmt.Fprintln(out, clusterWide+request.Method+" "+request.URL.Path)
			} else if asks {
				if _, known := seen.LoadOrStore(where, true); !known {
					fmt.Fprintln(out, usedIn+where)
				}
			}
			return next.RoundTrip(request)
		})
	}
}

// whereOf gives the namespace that a request is for, empty for none; false for one that is for no resource.
func whereOf(at *url.URL) (namespace string, asks bool) {
	if _, asks := rights.Of(http.MethodGet, at); !asks {
		return "", false
	}
	parts := strings.Split(strings.Trim(at.Path, "/"), "/")
	if at := slices.Index(parts, "namespaces"); at > 0 && len(parts) > at+2 && parts[at+2] != "status" && parts[at+2] != "finalize" {
		return parts[at+1], true
	}
	return "", true
}

func TestWhereOf(t *testing.T) {
	tests := map[string]struct {
		path, want string
		asks       bool
	}{
		"in a namespace":   {"/api/v1/namespaces/shop/secrets/x", "shop", true},
		"of a group":       {"/apis/gatewaytoken.io/v1alpha1/namespaces/shop/gatewaytokens", "shop", true},
		"everywhere":       {"/api/v1/secrets", "", true},
		"of no namespace":  {"/apis/gatewaytoken.io/v1alpha1/clustertokenissuers/x", "", true},
		"a namespace":      {"/api/v1/namespaces/shop", "", true},
		"its status":       {"/api/v1/namespaces/shop/status", "", true},
		"discovery":        {"/apis/gatewaytoken.io/v1alpha1", "", false},
		"keys":             {"/openid/v1/jwks", "", false},
		"named namespaces": {"/api/v1/namespaces/namespaces/pods", "namespaces", true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got, asks := whereOf(&url.URL{Path: tc.path}); got != tc.want || asks != tc.asks {
				t.Errorf("%q, %t", got, asks)
			}
		})
	}
}
