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
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/steps"
)

// Names of what the example has, and of the token that is added to it.
const (
	namespace   = "causely"
	application = "mediator"
	mediator    = "mediator"
	secretName  = "causely-token"
	secretKey   = "CAUSELY_GATEWAY_TOKEN"
	issuer      = "causely"
	base        = "my-mediator-token"
	login       = "causely-api"
	second      = "second"
)

// patience bounds what takes seconds when all goes well: Argo CD looks, decides and applies in turns of its own.
const patience = 2 * time.Minute

// callEvery is how often what runs in a pod calls the vendor.
const callEvery = 200 * time.Millisecond

// e2e is what the chapters share.
type e2e struct {
	stack    *stack.Stack
	report   *steps.Report
	programs programs
	accounts stack.Accounts

	vendor   *stack.Simulator
	operator *stack.Operator
	observer *stack.Observer
	kubelet  *stack.Kubelet
	argo     *argo
	git      *repository
	journal  *journal

	// id is the vendor's ID of the token that was last seen in the mediator's Secret, oldID of the one before.
	id, oldID string
	// creates is how many tokens the vendor was asked for with a reason.
	creates int
	// wrong is the client secret that was never one.
	wrong string
	// before is what the journal had when it was last looked at.
	before entries
}

func newTest(running *stack.Stack, found programs, out io.Writer) *e2e {
	return &e2e{stack: running, report: steps.NewReport(name, running, out), programs: found, accounts: stack.NewAccounts()}
}

// chapters are the test.
func (e *e2e) chapters() []steps.Chapter {
	return []steps.Chapter{
		e.beginning(), e.waves(), e.inSync(), e.rotation(), e.leak(), e.degraded(), e.suspended(), e.mended(),
		e.healing(), e.pruning(), e.namespaceDeleted(), e.applicationDeleted(), e.ending(), e.silence(),
	}
}

// leave stops those who watch: the API server would wait for them.
func (e *e2e) leave() {
	if e.kubelet != nil {
		e.kubelet.Stop()
	}
	if e.observer != nil {
		e.observer.Stop()
	}
	if e.journal != nil {
		e.journal.stop()
	}
}

// condition is something that may hold. Its error says what was expected and what was found.
type condition = func(context.Context) error

// soon holds when the condition does within a while.
func soon(holds condition) condition {
	return func(ctx context.Context) error { return stack.Await(ctx, patience, holds) }
}

// kubectl runs kubectl as the administrator and drops what it prints.
func (e *e2e) kubectl(args ...string) condition {
	return func(ctx context.Context) error {
		_, err := e.stack.Kubectl.Run(ctx, args...)
		return err
	}
}

// gone holds when there is no such object.
func (e *e2e) gone(o client.Object, namespace, name string) condition {
	return func(ctx context.Context) error {
		err := e.stack.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, o)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("expected no %T %s, found one", o, strings.Trim(namespace+"/"+name, "/"))
		}
		return err
	}
}

// token reads the mediator's GatewayToken.
func (e *e2e) token(ctx context.Context) (*v1alpha1.GatewayToken, error) {
	object := &v1alpha1.GatewayToken{}
	err := e.stack.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: mediator}, object)
	return object, err
}

func (e *e2e) platform() stack.Platform { return e.vendor.Platform(stack.Causely) }

// held is the ID of the token in the mediator's Secret. The vendor must accept it.
func (e *e2e) held(ctx context.Context) (string, error) {
	secret := &corev1.Secret{}
	if err := e.stack.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: secretName}, secret); err != nil {
		return "", err
	}
	connection, err := e.platform().Check(ctx, string(secret.Data[secretKey]))
	if err == nil && !connection.Active {
		err = fmt.Errorf("expected the vendor to accept the value in Secret %s, found known=%t active=%t", secretName, connection.Known, connection.Active)
	}
	return connection.ID, err
}

// isPublished takes note of the token in the mediator's Secret, where it is another than before.
func (e *e2e) isPublished(ctx context.Context) error {
	id, err := e.held(ctx)
	if err == nil && id == e.id {
		err = fmt.Errorf("expected another token than %s, found that one", id)
	}
	if err != nil {
		return err
	}
	e.id, e.oldID = id, e.id
	e.creates++
	return nil
}

// isKept holds while the Secret has the token that was noted, the vendor accepts it, and was asked for no other.
func (e *e2e) isKept(ctx context.Context) error {
	id, err := e.held(ctx)
	if err == nil && id != e.id {
		err = fmt.Errorf("expected token %s as before, found %s", e.id, id)
	}
	return errors.Join(err, e.noneNeedless(ctx))
}

// noneNeedless compares how many tokens the vendor was asked for with how many there was a reason for.
func (e *e2e) noneNeedless(ctx context.Context) error {
	got, err := e.platform().Creates(ctx)
	if err == nil && got != e.creates {
		err = fmt.Errorf("expected the vendor to have been asked for %d tokens, found %d", e.creates, got)
	}
	return err
}

// active holds when exactly these tokens of the operator's are active, whatever their names.
func (e *e2e) active(want ...*string) condition {
	return func(ctx context.Context) error {
		all, err := e.platform().Tokens(ctx)
		if err != nil {
			return err
		}
		var expected, found []string
		for _, id := range want {
			expected = append(expected, *id)
		}
		for _, t := range all {
			if t.Active {
				found = append(found, t.ID)
			}
		}
		slices.Sort(expected)
		slices.Sort(found)
		if !slices.Equal(expected, found) {
			return fmt.Errorf("expected the active tokens %v at the vendor, found %v of %+v", expected, found, all)
		}
		return nil
	}
}

// haveTokens holds when the vendor has made that many tokens of a base name, and so many of them are active.
func (e *e2e) haveTokens(base string, total, active int) condition {
	return func(ctx context.Context) error { return e.platform().HaveTokens(base, total, active)(ctx) }
}

// isUsed holds when a pod of the mediator is ready and calls the vendor with the token that was noted, and none with another.
func (e *e2e) isUsed(context.Context) error {
	all, err := e.kubelet.Told()
	if err != nil {
		return err
	}
	var using int
	for _, runs := range all {
		switch {
		case !runs.Gone.IsZero():
		case runs.Token == e.id && runs.Ready:
			using++
		default:
			return fmt.Errorf("expected pods with token %s only, found %+v", e.id, runs)
		}
	}
	if using == 0 {
		return fmt.Errorf("expected a pod that calls the vendor with token %s, found none", e.id)
	}
	return nil
}

// refused is how many calls of all pods were refused.
func (e *e2e) refused() (int, error) {
	all, err := e.kubelet.Told()
	var refused int
	for _, runs := range all {
		refused += runs.Refused
	}
	return refused, err
}

// noneRefused holds while no call of any pod was refused.
func (e *e2e) noneRefused(context.Context) error {
	refused, err := e.refused()
	if err == nil && refused > 0 {
		err = fmt.Errorf("expected no refused call, found %d", refused)
	}
	return err
}
