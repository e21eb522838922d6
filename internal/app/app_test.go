package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/rights"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// patience bounds a wait for the operator; it is no measure of anything. A machine that is busy otherwise is not to fail a test.
const patience = 5 * time.Minute

// Names of this test's objects.
const (
	system = "gateway-token-system"
	tenant = "causely"
	name   = "gateway-token-operator"
)

// installation is a cluster with the operator's rights as the chart grants them, a vendor, and the operator as a process.
type installation struct {
	t          *testing.T
	vendor     *simulator.Server
	kubeconfig string
	probes     string
	process    *exec.Cmd
	// arguments are further ones of the process.
	arguments []string
	log       *output
}

// The operator itself, as a process with real watches, caches and leader election, as the ServiceAccount of the chart with
// the rights of the chart: from a manifest to a Secret, through repairs, a kill, and the deletion of everything.
func TestOperator(t *testing.T) {
	o := install(t)
	o.start()
	issuer, object := o.apply("mediator")
	o.await("the token is ready", func() error { return o.ready(object) })
	o.wantCreates(1)
	value := o.value("mediator")

	o.change(o.secret("mediator"), func(s *corev1.Secret) { s.Data["token"] = []byte("by hand") })
	o.await("an edited value is put back", func() error { return o.wantValue("mediator", value) })
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
	o.await("the token is ready", func() error { return o.ready(object) })
	o.wantCreates(1)

	o.revokeByHand(object.Status.Current.ID)
	o.await("a token that somebody revoked is replaced", func() error {
		if o.wantValue("mediator", value) == nil {
			return errors.New("the Secret holds the old value")
		}
		return o.ready(object)
	})
	o.wantCreates(2)
	o.delete(object)
	o.await("the token is gone", func() error { return o.gone(object, &corev1.Secret{ObjectMeta: object.ObjectMeta}) })
	o.wantActive(0)
	o.await("nothing holds the issuer any more", func() error {
		if o.get(issuer); len(issuer.GetFinalizers()) > 0 {
			return fmt.Errorf("finalizers %v", issuer.GetFinalizers())
		}
		return nil
	})
	o.lostAnswer()
	o.shared()
	o.deleteNamespace()
	o.stop()
	o.judge()
	o.judgeRights()
}

// lostAnswer kills the operator between the vendor's commit and the Secret.
func (o *installation) lostAnswer() {
	o.t.Helper()
	if _, err := o.vendor.Faults().Add(simulator.Fault{Route: causely.RouteCreate, Kind: stage.HangAfterCommit, Times: 1}); err != nil {
		o.t.Fatal(err)
	}
	object := o.token("adopted")
	o.create(object)
	o.await("the vendor has made the token", func() error { return o.active(1) })
	o.kill()
	o.start()
	o.await("the very token is adopted", func() error { return o.ready(object) })
	o.wantCreates(3)
}

// shared has a token of a ClusterTokenIssuer replaced and deleted.
func (o *installation) shared() {
	o.t.Helper()
	made := o.issuer(time.Second)
	credentials, ca := o.credentials(), o.ca()
	credentials.Namespace, ca.Namespace = system, system
	issuer := &v1alpha1.ClusterTokenIssuer{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.ClusterTokenIssuerSpec{
			TokenIssuerSpec: made.Spec, Grants: []v1alpha1.Grant{{Namespaces: v1alpha1.NamespaceGrant{Names: []string{tenant}}}},
		},
	}
	object := o.token("shared")
	object.Spec.IssuerRef = v1alpha1.IssuerReference{Kind: v1alpha1.KindClusterTokenIssuer, Name: name}
	object.Spec.Rotation = &v1alpha1.Rotation{Overlap: &metav1.Duration{Duration: time.Hour}}
	o.create(credentials, ca, issuer, object)
	o.await("the token of the shared issuer is ready", func() error { return o.ready(object) })
	value := o.value("shared")
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationRotateRequest, object.Status.Current.IssuedAt.UTC().Add(time.Second).Format(time.RFC3339))
	if err := plane.Admin.Patch(o.t.Context(), object, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		o.t.Fatal(err)
	}
	o.await("it is replaced on request", func() error {
		if o.wantValue("shared", value) == nil {
			return errors.New("the Secret holds the old value")
		}
		return o.ready(object)
	})
	o.delete(object)
	o.await("it is gone", func() error { return o.gone(object) })
	o.delete(issuer)
	o.await("so is its issuer", func() error { return o.gone(issuer) })
}

// deleteNamespace deletes issuer, credentials and tokens at once, with their namespace.
func (o *installation) deleteNamespace() {
	o.t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tenant}}
	o.delete(namespace)
	o.await("the namespace is gone", func() error { return o.gone(namespace) })
	o.wantActive(0)
}

// judge looks at what the operator left behind and wrote.
func (o *installation) judge() {
	o.t.Helper()
	text := o.log.String()
	if strings.Contains(text, forbidden) {
		o.t.Errorf("the chart does not grant what the operator does:\n%s", lines(text, forbidden))
	}
	if harness.Disclosed(text, o.vendor.Causely().Secrets()...) != "" {
		o.t.Error("a secret can be read in the log")
	}
	if !strings.Contains(text, "asking the vendor for a token") {
		o.t.Error("the log is not the operator's")
	}
	var lease coordinationv1.Lease
	o.get(&lease, client.ObjectKey{Namespace: system, Name: name})
	if holder := lease.Spec.HolderIdentity; holder != nil && *holder != "" {
		o.t.Errorf("the lease is still held by %q", *holder)
	}
	if text := reconcileErrors(text); text != "" {
		o.t.Logf("reconcile errors:\n%s", text)
	}
}

// judgeRights holds that nothing is granted that the operator makes no use of.
func (o *installation) judgeRights() {
	o.t.Helper()
	text := o.log.String()
	granted := rights.Granted(append(rules(o.t, "rbac/manager_role.yaml"), rules(o.t, "rbac/leader_election_role.yaml")...))
	if len(granted) < 20 {
		o.t.Errorf("only %d rights are granted: %v", len(granted), granted)
	}
	used := func(right string) bool { return strings.Contains(text, usedRight+right+"\n") }
	for _, right := range granted {
		// Where the API server streams what there is to whoever watches, nobody lists; others list first.
		of, lists := strings.CutPrefix(string(right), "list ")
		if !used(string(right)) && (!lists || !used("watch "+of)) {
			o.t.Errorf("the chart grants %q, and nobody makes use of it", right)
		}
	}
}

// reconcileErrors are the lines about reconciles that failed. One that was in hand when the operator was told to end did not.
func reconcileErrors(text string) string {
	var found []string
	for line := range strings.Lines(lines(text, `"msg":"Reconciler error"`)) {
		if !strings.Contains(line, context.Canceled.Error()) {
			found = append(found, line)
		}
	}
	return strings.Join(found, "")
}

func lines(text, of string) string {
	var found []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, of) {
			found = append(found, line)
		}
	}
	return strings.Join(found, "")
}

// output collects what a process writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// prepare makes the vendor, and sees that all is taken away in the end.
func prepare(t *testing.T) *installation {
	t.Helper()
	vendor, err := simulator.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(vendor.Close)
	vendor.Causely().RevealSecrets()
	o := &installation{t: t, vendor: vendor, log: &output{}}
	t.Cleanup(o.cleanUp)
	return o
}

// install makes the namespaces, the ServiceAccount with its roles, and the vendor.
func install(t *testing.T) *installation {
	t.Helper()
	o := prepare(t)
	for _, namespace := range []string{system, tenant} {
		o.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	}
	o.installRelease()
	return o
}

// release is what an uninstall takes away, beside the process.
func (o *installation) release() []client.Object {
	o.t.Helper()
	subject := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: system, Name: name}}
	ref := func(kind string) rbacv1.RoleRef {
		return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: name}
	}
	return []client.Object{
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: name}},
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules(o.t, "rbac/manager_role.yaml")},
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name}, RoleRef: ref("ClusterRole"), Subjects: subject},
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: name}, Rules: rules(o.t, "rbac/leader_election_role.yaml")},
		&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: name}, RoleRef: ref("Role"), Subjects: subject},
	}
}

func (o *installation) installRelease() {
	o.t.Helper()
	o.create(o.release()...)
	var err error
	if o.kubeconfig, err = plane.KubeconfigForServiceAccount(o.t.Context(), system, name); err != nil {
		o.t.Fatal(err)
	}
}

// rules are those of the chart.
func rules(t *testing.T, file string) []rbacv1.PolicyRule {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "charts", name, "files", filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	var parsed []rbacv1.PolicyRule
	if err := yaml.UnmarshalStrict(text, &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed
}

// start starts the operator and waits until it is ready. Its lease is long: however slow the machine is, it is not to lose it.
func (o *installation) start() {
	o.t.Helper()
	o.probes = freeAddress(o.t)
	o.process = exec.Command(os.Args[0], append([]string{
		"--cluster-resource-namespace=" + system,
		"--leader-elect", "--leader-elect-lease-duration=3m", "--leader-elect-renew-deadline=2m", "--leader-elect-retry-period=200ms",
		"--metrics-bind-address=0", "--health-probe-bind-address=" + o.probes,
		"--allow-cidrs=127.0.0.0/8", "--request-timeout=2s", "--settle=4s", "--overlap-floor=1s", "--log-level=5",
	}, o.arguments...)...)
	o.process.Env = append(os.Environ(), asOperator+"=1", "KUBECONFIG="+o.kubeconfig)
	o.process.Stdout, o.process.Stderr = o.log, o.log
	if err := o.process.Start(); err != nil {
		o.t.Fatal(err)
	}
	o.await("the operator is ready", func() error {
		request, err := http.NewRequestWithContext(o.t.Context(), http.MethodGet, "http://"+o.probes+"/readyz", nil)
		if err != nil {
			return err
		}
		response, err := (&http.Client{Timeout: time.Second}).Do(request)
		if err != nil {
			return err
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return errors.New(response.Status)
		}
		return nil
	})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// kill ends the operator at this very instant, and has its lease run out. That the next one waits for this otherwise is what the soak shows,
// where leases are short.
func (o *installation) kill() {
	o.t.Helper()
	o.end()
	o.delete(&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: name}})
}

// end ends the process that runs, if there is one.
func (o *installation) end() {
	if o.process == nil {
		return
	}
	_ = o.process.Process.Kill()
	_ = o.process.Wait() // it was killed
	o.process = nil
}

// stop ends the operator as a Pod is ended.
func (o *installation) stop() {
	o.t.Helper()
	if err := o.process.Process.Signal(syscall.SIGTERM); err != nil {
		o.t.Fatal(err)
	}
	if err := o.process.Wait(); err != nil {
		o.t.Errorf("it did not end well: %v", err)
	}
	o.process = nil
}

func (o *installation) await(what string, holds func() error) {
	o.t.Helper()
	if err := await(o.t.Context(), holds); err != nil {
		o.t.Fatalf("%s: %v", what, err)
	}
}

// await waits until something holds, and tells at the end what did not.
func await(ctx context.Context, holds func() error) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		last = holds()
		return last == nil, nil
	})
	if err != nil {
		return errors.Join(err, last)
	}
	return nil
}

func (o *installation) create(objects ...client.Object) {
	o.t.Helper()
	for _, object := range objects {
		if err := plane.Admin.Create(o.t.Context(), object); err != nil {
			o.t.Fatal(err)
		}
	}
}

func (o *installation) delete(object client.Object) {
	o.t.Helper()
	if err := plane.Admin.Delete(o.t.Context(), object); err != nil {
		o.t.Fatal(err)
	}
}

func (o *installation) change(secret *corev1.Secret, change func(*corev1.Secret)) {
	o.t.Helper()
	before := secret.DeepCopy()
	change(secret)
	if err := plane.Admin.Patch(o.t.Context(), secret, client.MergeFrom(before)); err != nil {
		o.t.Fatal(err)
	}
}

func (o *installation) get(object client.Object, at ...client.ObjectKey) {
	o.t.Helper()
	key := client.ObjectKeyFromObject(object)
	for _, named := range at {
		key = named
	}
	if err := plane.Admin.Get(o.t.Context(), key, object); err != nil {
		o.t.Fatal(err)
	}
}

func (o *installation) gone(objects ...client.Object) error {
	for _, object := range objects {
		if err := plane.Admin.Get(o.t.Context(), client.ObjectKeyFromObject(object), object); !apierrors.IsNotFound(err) {
			return fmt.Errorf("%T %s is there: %w", object, object.GetName(), errors.Join(err))
		}
	}
	return nil
}

func (o *installation) token(name string) *v1alpha1.GatewayToken {
	return &v1alpha1.GatewayToken{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: name},
		Spec:       v1alpha1.GatewayTokenSpec{IssuerRef: v1alpha1.IssuerReference{Name: "causely"}},
	}
}

// apply creates everything at once, the token first.
func (o *installation) apply(name string) (*v1alpha1.TokenIssuer, *v1alpha1.GatewayToken) {
	o.t.Helper()
	issuer, object := o.issuer(time.Second), o.token(name)
	o.create(object, issuer, o.credentials(), o.ca())
	return issuer, object
}

func (o *installation) issuer(interval time.Duration) *v1alpha1.TokenIssuer {
	return &v1alpha1.TokenIssuer{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: "causely"},
		Spec: v1alpha1.TokenIssuerSpec{
			Causely: &v1alpha1.CauselyIssuer{
				URL: o.vendor.URL(), AuthURL: o.vendor.URL() + "/frontegg/identity/resources/auth/v2/api-token",
				CredentialsSecretRef: v1alpha1.ClientCredentialsReference{Name: "credentials"},
			},
			CABundle:          &v1alpha1.CABundle{ConfigMapRef: v1alpha1.ConfigMapKeyReference{Name: "ca"}},
			InventoryInterval: &metav1.Duration{Duration: interval},
		},
	}
}

func (o *installation) credentials() *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: "credentials"},
		StringData: map[string]string{"clientId": causely.DemoClientID, "clientSecret": causely.DemoSecret},
	}
}

func (o *installation) ca() *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: "ca"},
		Data:       map[string]string{"ca.crt": string(o.vendor.CAPEM())},
	}
}

func (o *installation) secret(name string) *corev1.Secret {
	o.t.Helper()
	var secret corev1.Secret
	o.get(&secret, client.ObjectKey{Namespace: tenant, Name: name})
	return &secret
}

func (o *installation) value(name string) string {
	o.t.Helper()
	return string(o.secret(name).Data["token"])
}

func (o *installation) wantValue(name, want string) error {
	var secret corev1.Secret
	if err := plane.Admin.Get(o.t.Context(), client.ObjectKey{Namespace: tenant, Name: name}, &secret); err != nil {
		return err
	}
	if string(secret.Data["token"]) != want {
		return errors.New("the Secret holds another value")
	}
	return nil
}

// ready: the status says so, and the vendor agrees.
func (o *installation) ready(object *v1alpha1.GatewayToken) error {
	o.get(object)
	if ready := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionReady); ready == nil || ready.Status != metav1.ConditionTrue {
		return fmt.Errorf("ready: %+v", ready)
	}
	if current := o.vendor.Causely().Check(o.value(object.Name)); !current.Active || current.ID != object.Status.Current.ID {
		return fmt.Errorf("the value in the Secret is %+v", current)
	}
	return nil
}

func (o *installation) revokeByHand(id string) {
	o.t.Helper()
	if err := o.vendor.Causely().Revoke(id); err != nil {
		o.t.Fatal(err)
	}
}

func (o *installation) tokens() (made, active int) {
	for _, account := range o.vendor.Causely().Truth().Accounts {
		for _, of := range account.Tokens {
			made++
			if of.State == causely.Active {
				active++
			}
		}
	}
	return made, active
}

func (o *installation) wantCreates(want int) {
	o.t.Helper()
	if made, _ := o.tokens(); made != want {
		o.t.Errorf("the vendor made %d tokens, want %d", made, want)
	}
}

func (o *installation) active(want int) error {
	if _, active := o.tokens(); active != want {
		return fmt.Errorf("%d tokens are active, want %d", active, want)
	}
	return nil
}

func (o *installation) wantActive(want int) {
	o.t.Helper()
	if err := o.active(want); err != nil {
		o.t.Error(err)
	}
}

// The ledger key is made once, read by every start, and replaced by nobody.
func TestLedgerKey(t *testing.T) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "ledger-key-"}}
	if err := plane.Admin.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	owner := ledger.Owner{ClusterID: "cluster", Namespace: "a", GatewayToken: "b", Secret: "c"}
	read := func() (ledger.Sealer, error) {
		return readSealer(t.Context(), plane.Admin, plane.Admin, namespace.Name)
	}
	first, err := read()
	if err != nil {
		t.Fatal(err)
	}
	second, err := read()
	if err != nil {
		t.Fatal(err)
	}
	if !second.Matches(owner, "value", "content", first.Digest(owner, "value", "content")) {
		t.Error("the second start has another key")
	}
	var secret corev1.Secret
	if err := plane.Admin.Get(t.Context(), client.ObjectKey{Namespace: namespace.Name, Name: v1alpha1.LedgerKeySecretName}, &secret); err != nil {
		t.Fatal(err)
	}
	if secret.Labels[v1alpha1.LabelRole] != v1alpha1.RoleLedgerKey || secret.Labels[v1alpha1.LabelManagedBy] != v1alpha1.OperatorName {
		t.Errorf("labels %v", secret.Labels)
	}
	secret.Data["key"] = []byte("too short")
	if err := plane.Admin.Update(t.Context(), &secret); err != nil {
		t.Fatal(err)
	}
	if _, err := read(); err == nil || !strings.Contains(err.Error(), v1alpha1.LedgerKeySecretName) || strings.Contains(err.Error(), "too short") {
		t.Errorf("an unusable key: %v, want an error that names the Secret and says nothing of its content", err)
	}
	if err := plane.Admin.Delete(t.Context(), &secret); err != nil {
		t.Fatal(err)
	}
	third, err := read()
	if err != nil {
		t.Fatal(err)
	}
	if third.Matches(owner, "value", "content", first.Digest(owner, "value", "content")) {
		t.Error("two keys are the same")
	}
}

// The cluster is identified by the UID of kube-system, or by what the flag says.
func TestIdentity(t *testing.T) {
	var namespace corev1.Namespace
	if err := plane.Admin.Get(t.Context(), client.ObjectKey{Name: metav1.NamespaceSystem}, &namespace); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		reason  string
		options Options
		want    token.Identity
	}{
		"by the cluster": {"nothing is said", Options{}, token.Identity{ClusterID: string(namespace.UID)}},
		"by the flag":    {"it wins", Options{ClusterID: "mine"}, token.Identity{ClusterID: "mine"}},
		"of an instance": {"several operators in one cluster", Options{Instance: "blue"}, token.Identity{ClusterID: string(namespace.UID), Instance: "blue"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := readIdentity(t.Context(), plane.Admin, tc.options)
			if err != nil || !cmp.Equal(tc.want, got) {
				t.Errorf("%+v, %v, want %+v: %s", got, err, tc.want, tc.reason)
			}
		})
	}
}

// The control plane is another one than the operator knew: it says so, calls no vendor, and ends once a person has answered. The next
// process acts on the answer.
func TestOperatorInACopy(t *testing.T) {
	o := install(t)
	o.start()
	issuer, object := o.apply("mediator")
	o.await("the token is ready", func() error { return o.ready(object) })
	value := o.value("mediator")
	o.kill()

	o.copied("0")
	o.start()
	word := o.question(issuer)
	o.change(o.secret("mediator"), func(s *corev1.Secret) { s.Labels[v1alpha1.LabelRole] = "none" })
	o.await("a Secret is repaired meanwhile", func() error {
		if o.secret("mediator").Labels[v1alpha1.LabelRole] != v1alpha1.RoleToken {
			return errors.New("it is not")
		}
		return nil
	})
	o.answer("keep/" + word)
	o.await("the token is ready again", func() error { return o.accepted(issuer, object) })
	o.wantCreates(1)
	o.kill()

	o.copied("1")
	o.start()
	o.answer("new/" + o.question(issuer))
	o.await("the token goes on being used", func() error { return errors.Join(o.accepted(issuer, object), o.wantValue("mediator", value)) })
	o.wantCreates(1)
	o.delete(object)
	o.await("the GatewayToken is gone", func() error { return o.gone(object) })
	// It belongs to whom this is a copy of.
	o.wantActive(1)
	o.stop()
	o.judge()
}

// copied has the record tell of another control plane.
func (o *installation) copied(digit string) {
	o.t.Helper()
	key := o.ledgerKey()
	record, err := readRecord(key)
	if err != nil || record == nil || len(record.Prints) < 2 {
		o.t.Fatalf("the record is %+v (%v), want authorities and keys", record, err)
	}
	o.change(key, func(s *corev1.Secret) {
		s.Annotations[v1alpha1.AnnotationCluster] = fmt.Sprintf(`{"base":%q,"clusterID":%q,"prints":["ca:%s","key:%s"]}`, record.Base, record.ClusterID, digit, digit)
	})
}

func (o *installation) ledgerKey() *corev1.Secret {
	o.t.Helper()
	var secret corev1.Secret
	o.get(&secret, client.ObjectKey{Namespace: system, Name: v1alpha1.LedgerKeySecretName})
	return &secret
}

// question waits until the issuer asks, and gives the fingerprint that an answer is to have.
func (o *installation) question(issuer *v1alpha1.TokenIssuer) (fingerprint string) {
	o.t.Helper()
	o.await("the issuer asks whose the identity is", func() error {
		o.get(issuer)
		ready := meta.FindStatusCondition(issuer.Status.Conditions, v1alpha1.ConditionReady)
		if ready == nil || ready.Reason != v1alpha1.ReasonClusterCloned {
			return fmt.Errorf("ready: %+v", ready)
		}
		_, after, _ := strings.Cut(ready.Message, "=keep/")
		fingerprint, _, _ = strings.Cut(after, ".")
		return nil
	})
	return fingerprint
}

// answer says a person's word, waits for the operator's end and starts the next.
func (o *installation) answer(word string) {
	o.t.Helper()
	o.change(o.ledgerKey(), func(s *corev1.Secret) { s.Annotations[v1alpha1.AnnotationClusterIdentity] = word })
	if err := o.process.Wait(); err == nil {
		o.t.Error("the operator ended as if it had been told to")
	}
	o.process = nil
	o.start()
	if said := o.ledgerKey().Annotations[v1alpha1.AnnotationClusterIdentity]; said != "" {
		o.t.Errorf("the answer %s stays", said)
	}
}

// accepted: the issuer is in order, and so is the token.
func (o *installation) accepted(issuer *v1alpha1.TokenIssuer, object *v1alpha1.GatewayToken) error {
	o.get(issuer)
	if !meta.IsStatusConditionTrue(issuer.Status.Conditions, v1alpha1.ConditionReady) {
		return errors.New("the issuer is not ready")
	}
	return o.ready(object)
}
