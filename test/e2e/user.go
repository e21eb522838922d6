package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/steps"
)

// What the README and the example call things.
const (
	system    = stack.ReleaseNamespace
	release   = stack.ReleaseName
	namespace = "causely"
	token     = "mediator"
	secret    = "causely-token"
	issuer    = "causely"
	login     = "causely-api"
	base      = "my-mediator-token"
	authority = "vendor-ca"

	// patience bounds what takes seconds when all goes well.
	patience = 2 * time.Minute
	// callEvery is how often what runs in a pod calls the vendor.
	callEvery = 200 * time.Millisecond
)

// user is who installs and uses the operator.
type user struct {
	stack    *stack.Stack
	report   *steps.Report
	accounts stack.Accounts
	vendor   *stack.Simulator
	operator *stack.Operator
	kubelet  *stack.Kubelet
	// id is the vendor's ID of the token in use.
	id string
}

type (
	step      = steps.Step
	condition = func(context.Context) error
)

// soon holds when the condition does within a while.
func soon(holds condition) condition {
	return func(ctx context.Context) error { return stack.Await(ctx, patience, holds) }
}

func (u *user) causely() stack.Platform { return u.vendor.Platform(stack.Causely) }

// kubectl runs kubectl as the administrator and drops what it prints.
func (u *user) kubectl(args ...string) condition {
	return func(ctx context.Context) error {
		_, err := u.stack.Kubectl.Run(ctx, args...)
		return err
	}
}

// helm runs Helm as the administrator.
func (u *user) helm(args ...string) condition {
	return func(ctx context.Context) error {
		_, err := u.stack.Helm.Run(ctx, args...)
		return err
	}
}

// prints holds when kubectl prints exactly that, but for white space around it.
func (u *user) prints(want string, args ...string) condition {
	return func(ctx context.Context) error {
		got, err := u.stack.Kubectl.Run(ctx, args...)
		if err == nil && strings.TrimSpace(got) != want {
			err = fmt.Errorf("expected kubectl %s to print %q, found %q", strings.Join(args, " "), want, strings.TrimSpace(got))
		}
		return err
	}
}

// shows holds when kubectl prints all of it somewhere.
func (u *user) shows(args []string, wants ...string) condition {
	return func(ctx context.Context) error {
		got, err := u.stack.Kubectl.Run(ctx, args...)
		for _, want := range wants {
			if err == nil && !strings.Contains(got, want) {
				err = fmt.Errorf("expected kubectl %s to show %q, found:\n%s", strings.Join(args, " "), want, got)
			}
		}
		return err
	}
}

// may holds when the operator's account may do that, or may not.
func (u *user) may(want bool, question ...string) condition {
	return func(ctx context.Context) error {
		answer, err := u.stack.Kubectl.Run(ctx, append([]string{"auth", "can-i", "--as=system:serviceaccount:" + system + ":" + release}, question...)...)
		if answer = strings.TrimSpace(answer); answer == "" { // "no" is an exit code, too
			return err
		}
		if (answer == "yes") != want {
			return fmt.Errorf("expected the operator to be allowed to %s: %t, found %q", strings.Join(question, " "), want, answer)
		}
		return nil
	}
}

// refused holds when Helm refuses, with these words.
func (u *user) refused(words string, args ...string) condition {
	return func(ctx context.Context) error {
		_, err := u.stack.Helm.Run(ctx, args...)
		if err == nil || !strings.Contains(err.Error(), words) {
			return fmt.Errorf("expected Helm to refuse and to say %q, found %w", words, errors.Join(err, ctx.Err()))
		}
		return nil
	}
}

// has holds when the vendor made as many tokens of that name, so many of them still active.
func (u *user) has(name string, made, active int) condition {
	return func(ctx context.Context) error { return u.causely().HaveTokens(name, made, active)(ctx) }
}

// same holds when the Secret still has the token that is in use, and the vendor accepts it.
func (u *user) same(ctx context.Context) error {
	connection, err := u.published(ctx, namespace, secret)
	if err == nil && connection.ID != u.id {
		err = fmt.Errorf("expected Secret %s to hold token %s, found %s", secret, u.id, connection.ID)
	}
	return err
}

// published asks the vendor about the value in a Secret, which it must accept.
func (u *user) published(ctx context.Context, namespace, name string) (stack.Connection, error) {
	text, err := u.stack.Secret(ctx, namespace, name, "token")
	if err != nil {
		return stack.Connection{}, err
	}
	connection, err := u.causely().Check(ctx, text)
	if err == nil && !connection.Active {
		err = fmt.Errorf("expected the vendor to accept the value in Secret %s/%s, found known=%t active=%t", namespace, name, connection.Known, connection.Active)
	}
	return connection, err
}

// starts runs the operator as the Deployment of the release says, or again where one was started before.
func (u *user) starts(ctx context.Context) error {
	installed, err := u.stack.ReadRelease(ctx, system, release)
	if err != nil {
		return err
	}
	if u.operator == nil {
		u.operator, err = u.stack.StartOperator(ctx, installed, stack.ShortSettings()...)
		return err
	}
	if err := u.operator.Follow(ctx, installed); err != nil {
		return err
	}
	return u.operator.Start(ctx)
}

// rolls is what a Deployment does with its pods: the next begins before the last has ended; here the last ends first, as with Recreate.
func (u *user) rolls(ctx context.Context) error {
	if err := u.operator.Stop(); err != nil {
		return err
	}
	return u.starts(ctx)
}

// applies takes manifests of the example, with the simulator's address and credentials in place of Causely's.
func (u *user) applies(files ...string) condition {
	return func(ctx context.Context) error {
		for _, file := range files {
			object, err := u.example(file)
			if err == nil {
				err = u.apply(ctx, object)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
		}
		return nil
	}
}

// example reads a manifest of the example, and sets what is another here.
func (u *user) example(file string) (map[string]any, error) {
	changes := map[string]map[string]any{
		"credentials.yaml": {"stringData.clientId": u.accounts.Causely.ClientID, "stringData.clientSecret": u.accounts.Causely.Secret},
		"issuer.yaml": {
			"spec.causely.url": u.vendor.URL, "spec.causely.authURL": u.vendor.AuthURL(),
			"spec.caBundle.configMapRef.name": authority, "spec.inventoryInterval": "2s",
		},
	}
	text, err := os.ReadFile(filepath.Join(u.stack.Root(), "examples", "causely-mediator", "manifests", file))
	if err != nil {
		return nil, err
	}
	var object map[string]any
	if err := yaml.Unmarshal(text, &object); err != nil {
		return nil, err
	}
	for path, value := range changes[file] {
		if err := unstructured.SetNestedField(object, value, strings.Split(path, ".")...); err != nil {
			return nil, err
		}
	}
	return object, nil
}

// apply applies one object.
func (u *user) apply(ctx context.Context, object map[string]any) error {
	text, err := json.Marshal(object)
	if err != nil {
		return err
	}
	return u.stack.Apply(ctx, string(text))
}

// trust puts the authority of the simulator where an issuer finds it.
func (u *user) trust(namespace string) condition {
	return func(ctx context.Context) error {
		return u.apply(ctx, map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"namespace": namespace, "name": authority},
			"data": map[string]any{"ca.crt": u.vendor.CA},
		})
	}
}

// credentials puts the account's into a namespace.
func (u *user) credentials(namespace string) condition {
	return func(ctx context.Context) error {
		return u.apply(ctx, map[string]any{
			"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"namespace": namespace, "name": login},
			"stringData": map[string]any{"clientId": u.accounts.Causely.ClientID, "clientSecret": u.accounts.Causely.Secret},
		})
	}
}

// write writes a file of values, and gives its path.
func (u *user) write(name string, values map[string]any) (string, error) {
	text, err := yaml.Marshal(values)
	if err != nil {
		return "", err
	}
	path := filepath.Join(u.stack.Dir(), name)
	return path, os.WriteFile(path, text, 0o600)
}
