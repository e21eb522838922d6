package app

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// hook is what the chart's hook of an uninstall runs as.
const hook = name + "-uninstall"

// unused is an issuer that no GatewayToken names.
const unused = "unused"

// allow gives the hook the rights that it has with a policy, and a kubeconfig for them.
func (o *installation) allow(policy string) (kubeconfig string) {
	o.t.Helper()
	o.create(
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: hook}},
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: hook}, Rules: rules(o.t, "uninstall/"+policy+".yaml")},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: hook}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: hook},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: system, Name: hook}},
		},
	)
	kubeconfig, err := plane.KubeconfigForServiceAccount(o.t.Context(), system, hook)
	if err != nil {
		o.t.Fatal(err)
	}
	return kubeconfig
}

// call runs the operator's binary as a process, and gives what it says.
func (o *installation) call(kubeconfig string, arguments ...string) (string, error) {
	o.t.Helper()
	command := exec.CommandContext(o.t.Context(), os.Args[0], arguments...)
	command.Env = append(os.Environ(), asOperator+"=1", "KUBECONFIG="+kubeconfig)
	said, err := command.CombinedOutput()
	return string(said), err
}

// An uninstall is refused while there is what only the operator can release: the program that the chart's hook runs, with its rights.
func TestUninstallCheck(t *testing.T) {
	o := install(t)
	kubeconfig := o.allow("refuse")
	o.start()
	o.create(o.token("unissued")) // nothing holds it up: there is no issuer
	if said, err := o.call(kubeconfig, CommandUninstallCheck); err != nil {
		t.Fatalf("nothing was issued, and yet: %v: %s", err, said)
	}
	_, object := o.apply("mediator")
	other := o.token("other")
	o.create(other)
	for _, of := range []*v1alpha1.GatewayToken{object, other} {
		o.await("the token is ready", func() error { return o.ready(of) })
	}
	said, err := o.call(kubeconfig, CommandUninstallCheck)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("%v, want exit code 1", err)
	}
	for _, want := range []string{"3 GatewayTokens in 1 namespace (causely: 3)", "1 TokenIssuer in 1 namespace (causely: 1)", "--no-hooks", "kubectl delete gatewaytokens"} {
		if !strings.Contains(said, want) {
			t.Errorf("it says %q, and nothing of %q", said, want)
		}
	}
	if said, err := o.call(kubeconfig, CommandDrain, "--timeout="+patience.String()); err == nil || !strings.Contains(said, forbidden) {
		t.Errorf("%v: %s: who may only look deletes", err, said)
	}
	o.deleteNamespace()
	if said, err := o.call(kubeconfig, CommandUninstallCheck); err != nil {
		t.Errorf("all is gone, and yet: %v: %s", err, said)
	}
	o.stop()
}

// A drain deletes all that needs the operator while the operator is there, and respects what is to be retained.
func TestDrain(t *testing.T) {
	o := install(t)
	kubeconfig := o.allow("drain")
	o.start()
	issuer, object := o.apply("mediator")
	retained := o.token("retained")
	retained.Spec.DeletionPolicy = v1alpha1.DeletionRetain
	idle := &v1alpha1.ClusterTokenIssuer{
		ObjectMeta: metav1.ObjectMeta{Name: unused}, Spec: v1alpha1.ClusterTokenIssuerSpec{TokenIssuerSpec: issuer.Spec},
	}
	o.create(retained, idle)
	for _, of := range []*v1alpha1.GatewayToken{object, retained} {
		o.await("the token is ready", func() error { return o.ready(of) })
	}
	value := o.value("retained")
	said, err := o.call(kubeconfig, CommandDrain, "--timeout="+patience.String(), "--pause=100ms")
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if strings.Contains(said, forbidden) || !strings.Contains(said, "nothing is left") {
		t.Errorf("it says %s", said)
	}
	if err := o.gone(object, retained, issuer, idle); err != nil {
		t.Error(err)
	}
	o.wantActive(1)
	if err := o.wantValue("retained", value); err != nil {
		t.Error(err)
	}
	o.stop()
	o.judge()
}

// A drain without an operator comes to an end: it says what is left and why.
func TestDrainWithoutOperator(t *testing.T) {
	o := install(t)
	kubeconfig := o.allow("drain")
	o.start()
	issuer, object := o.apply("mediator")
	o.await("the token is ready", func() error { return o.ready(object) })
	o.stop()
	said, err := o.call(kubeconfig, CommandDrain, "--timeout=10s", "--pause=100ms")
	if err == nil || !strings.Contains(said, "causely/mediator") {
		t.Errorf("%v: %s", err, said)
	}
	o.get(issuer)
	if issuer.DeletionTimestamp != nil {
		t.Error("the issuer was deleted before the tokens that need it were gone")
	}
	o.wantActive(1)
	o.start()
	if said, err := o.call(kubeconfig, CommandDrain, "--timeout="+patience.String(), "--pause=100ms"); err != nil {
		t.Errorf("with the operator again: %v: %s", err, said)
	}
	o.wantActive(0)
	o.stop()
}

// The operator was uninstalled before what it manages. What is deleted then waits for it, and so does a namespace; installed again, the
// operator revokes first and lets go afterwards, whether or not its own namespace has survived.
func TestReinstalled(t *testing.T) {
	tests := map[string]struct {
		reason string
		// all: its namespace is gone, too, and the ledger key with it.
		all bool
	}{
		"ledger key kept": {reason: "helm uninstall leaves what the operator itself has made"},
		"ledger key lost": {reason: "somebody deleted the namespace after the uninstall", all: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			o := install(t)
			o.start()
			issuer, object := o.apply("mediator")
			single := o.token("single")
			o.create(single)
			for _, of := range []*v1alpha1.GatewayToken{object, single} {
				o.await("the token is ready", func() error { return o.ready(of) })
			}
			o.uninstall(tc.all)

			o.delete(single)
			namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tenant}}
			o.delete(namespace)
			o.await("the namespace controller has deleted all that nothing holds", func() error { return o.gone(o.credentials(), o.ca()) })
			// The namespace controller takes one kind after the other.
			o.await("all else is in deletion, and stays", func() error {
				for _, held := range []client.Object{single, object, issuer, namespace} {
					if o.get(held); held.GetDeletionTimestamp() == nil {
						return fmt.Errorf("%T %s is not in deletion", held, held.GetName())
					}
				}
				return nil
			})
			o.wantActive(2)

			if tc.all {
				o.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: system}})
			}
			o.installRelease()
			o.start()
			o.await("the namespace is gone", func() error { return o.gone(namespace) })
			o.wantActive(0)
			o.wantCreates(2)
			o.stop()
			o.judge()
		})
	}
}

// uninstall ends the operator and takes its rights away, and its namespace if all goes.
func (o *installation) uninstall(all bool) {
	o.t.Helper()
	o.stop()
	for _, object := range o.release() {
		o.delete(object)
	}
	if all {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: system}}
		o.delete(namespace)
		o.await("the operator's namespace is gone", func() error { return o.gone(namespace) })
	}
}

func TestParseCommand(t *testing.T) {
	tests := map[string]struct {
		reason    string
		arguments []string
		want      string
		refused   bool
	}{
		"nothing":         {reason: "the operator is meant"},
		"a flag":          {reason: "the operator is meant", arguments: []string{"--instance=drain"}},
		"check":           {reason: "a command", arguments: []string{"uninstall-check"}, want: CommandUninstallCheck},
		"drain":           {reason: "a command with a flag", arguments: []string{"drain", "--timeout=5m"}, want: CommandDrain},
		"unknown flag":    {reason: "a typing error must be seen", arguments: []string{"drain", "--time=5m"}, refused: true},
		"check, timeout":  {reason: "it does not wait", arguments: []string{"uninstall-check", "--timeout=5m"}, refused: true},
		"in namespaces":   {reason: "a command with a flag", arguments: []string{"uninstall-check", "--watch-namespaces=a, b"}, want: CommandUninstallCheck},
		"no namespace":    {reason: "that is no name", arguments: []string{"drain", "--watch-namespaces=A_B"}, refused: true},
		"one more word":   {reason: "a typing error must be seen", arguments: []string{"drain", "all"}, refused: true},
		"no time at all":  {reason: "it would delete and not wait", arguments: []string{"drain", "--timeout=0s"}, refused: true},
		"no time between": {reason: "it would ask without a pause", arguments: []string{"drain", "--pause=0s"}, refused: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			command, err := ParseCommand(tc.arguments, io.Discard)
			got := ""
			if command != nil {
				got = command.name
			}
			if (err != nil) != tc.refused || got != tc.want {
				t.Errorf("%q, %v, want %q: %s", got, err, tc.want, tc.reason)
			}
		})
	}
}
