package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/steps"
)

// tampered is what somebody writes into the Secret in the token's place.
const tampered = "not-a-token"

// patience bounds what takes a second or two when all goes well.
const patience = 90 * time.Second

// demo is what the chapters share.
type demo struct {
	stack    *stack.Stack
	report   *steps.Report
	release  stack.Release
	operator *stack.Operator
	observer *stack.Observer
	// kubelet is there while pods run.
	kubelet *stack.Kubelet

	// stories are what is told, each of one vendor.
	stories []story
	// vendor is the simulator of the stories, misfit one of which everything bad is asked.
	vendor, misfit *stack.Simulator
	accounts       stack.Accounts

	// value is what the Secret causely/causely-token holds, id the vendor's ID of it.
	value, id string
	// seen are all values that were ever read from a Secret.
	seen []string
	// others are tokens of somebody else.
	others []belonging
}

func newDemo(running *stack.Stack, stories []story, out io.Writer) *demo {
	return &demo{
		stack:    running,
		report:   steps.NewReport("demo", running, out),
		stories:  stories,
		accounts: stack.NewAccounts(),
	}
}

// kubectl runs kubectl as the administrator and drops what it prints.
func (d *demo) kubectl(args ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := d.stack.Kubectl.Run(ctx, args...)
		return err
	}
}

// apply applies manifests with kubectl.
func (d *demo) apply(manifests ...string) func(context.Context) error {
	return func(ctx context.Context) error { return d.stack.Apply(ctx, strings.Join(manifests, "\n---\n")) }
}

// becomesReady waits as a person does: kubectl wait.
func (d *demo) becomesReady(namespace, name string) func(context.Context) error {
	return d.kubectl("--namespace", namespace, "wait", "gatewaytoken/"+name, "--for=condition=Ready", "--timeout="+patience.String())
}

// secret reads a Secret.
func (d *demo) secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	if err := d.stack.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, secret); err != nil {
		return nil, err
	}
	return secret, nil
}

// secretValue reads a key of a Secret, and remembers what must never be seen anywhere else.
func (d *demo) secretValue(ctx context.Context, namespace, name, key string) (string, error) {
	value, err := d.stack.Secret(ctx, namespace, name, key)
	if err != nil {
		return "", err
	}
	if value != tampered && !slices.Contains(d.seen, value) {
		d.seen = append(d.seen, value)
	}
	return value, nil
}

// activeInSecret reads a key of a Secret and asks the vendor whether the value opens what it is for.
func (d *demo) activeInSecret(ctx context.Context, at stack.Platform, namespace, name, key string) (stack.Connection, error) {
	value, err := d.secretValue(ctx, namespace, name, key)
	if err != nil {
		return stack.Connection{}, err
	}
	connection, err := at.Check(ctx, value)
	if err == nil && !connection.Active {
		err = fmt.Errorf("expected the vendor to accept the value in Secret %s/%s, found known=%t active=%t", namespace, name, connection.Known, connection.Active)
	}
	return connection, err
}

// noSecret holds where there is no Secret of that name.
func (d *demo) noSecret(namespace, name string) func(context.Context) error {
	return func(ctx context.Context) error {
		secret, err := d.secret(ctx, namespace, name)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("expected no Secret %s/%s, found one with the keys %v", namespace, name, keysOf(secret))
		}
		return err
	}
}

func keysOf(secret *corev1.Secret) []string {
	keys := make([]string, 0, len(secret.Data))
	for key := range secret.Data {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// token reads a GatewayToken.
func (d *demo) token(ctx context.Context, namespace, name string) (*v1alpha1.GatewayToken, error) {
	object := &v1alpha1.GatewayToken{}
	err := d.stack.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, object)
	return object, err
}

// platform is a vendor at the time of the call: when steps are made, no simulator runs yet.
type platform func() stack.Platform

// of is a vendor of the stories.
func (d *demo) of(vendor stack.Vendor) platform {
	return func() stack.Platform { return d.vendor.Platform(vendor) }
}

// causely is the vendor of the first story.
func (d *demo) causely() stack.Platform { return d.vendor.Platform(stack.Causely) }

// wereCreates holds when the vendor was asked for exactly that many tokens, in vain or not.
func wereCreates(at platform, want int) func(context.Context) error {
	return func(ctx context.Context) error {
		got, err := at().Creates(ctx)
		if err == nil && got != want {
			err = fmt.Errorf("expected %d creates at %s, found %d", want, at().Vendor.Title(), got)
		}
		return err
	}
}

// haveRows holds when the vendor has that many tokens of the base name, and so many of them active.
func haveRows(at platform, base string, total, active int) func(context.Context) error {
	return func(ctx context.Context) error {
		found, err := at().TokensOf(ctx, base)
		if err != nil {
			return err
		}
		return stack.CountTokens(found, "named "+base+"-…", total, active)
	}
}

// soon holds when the condition does within a while.
func soon(condition func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error { return stack.Await(ctx, patience, condition) }
}

// expectation is what a condition is expected to say. What is empty does not matter.
type expectation struct{ kind, status, reason, says string }

// object is something that has conditions.
type object struct{ kind, namespace, name string }

func (o object) String() string { return o.kind + " " + strings.Trim(o.namespace+"/"+o.name, "/") }

// tells holds when the object's conditions are as expected.
func (d *demo) tells(o object, wants ...expectation) func(context.Context) error {
	return func(ctx context.Context) error {
		conditions, err := d.conditions(ctx, o)
		if err != nil {
			return err
		}
		var wrong []error
		for _, want := range wants {
			wrong = append(wrong, want.compare(o, conditions))
		}
		return errors.Join(wrong...)
	}
}

func (e expectation) compare(o object, conditions []metav1.Condition) error {
	found := meta.FindStatusCondition(conditions, e.kind)
	if found == nil {
		return fmt.Errorf("expected %s to have the condition %s (%s), found none", o, e.kind, e.reason)
	}
	if (e.status != "" && string(found.Status) != e.status) || (e.reason != "" && found.Reason != e.reason) || !strings.Contains(found.Message, e.says) {
		return fmt.Errorf("expected %s of %s to be %s, %s, and to say %q; found %s, %s: %s", e.kind, o, e.status, e.reason, e.says, found.Status, found.Reason, found.Message)
	}
	return nil
}

func (d *demo) conditions(ctx context.Context, o object) ([]metav1.Condition, error) {
	key := client.ObjectKey{Namespace: o.namespace, Name: o.name}
	switch o.kind {
	case v1alpha1.KindGatewayToken:
		found := &v1alpha1.GatewayToken{}
		err := d.stack.Client.Get(ctx, key, found)
		return found.Status.Conditions, err
	case v1alpha1.KindTokenIssuer:
		found := &v1alpha1.TokenIssuer{}
		err := d.stack.Client.Get(ctx, key, found)
		return found.Status.Conditions, err
	default:
		found := &v1alpha1.ClusterTokenIssuer{}
		err := d.stack.Client.Get(ctx, key, found)
		return found.Status.Conditions, err
	}
}
