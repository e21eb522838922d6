package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// within gives a reader that lists in some namespaces only, where there are any: what asks for no namespace gets all that is in these.
func within(reader client.Reader, namespaces []string) client.Reader {
	if len(namespaces) == 0 {
		return reader
	}
	return &territory{Reader: reader, namespaces: namespaces}
}

type territory struct {
	client.Reader
	namespaces []string
}

// List implements client.Reader. A list of all namespaces is whole, whatever limit is asked for: the pages of several have no common
// continuation.
func (t *territory) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	asked := (&client.ListOptions{}).ApplyOptions(options)
	if asked.Namespace != "" {
		return t.Reader.List(ctx, list, options...)
	}
	if asked.Continue != "" {
		return errors.New("a list of several namespaces is never continued")
	}
	var all []runtime.Object
	for _, namespace := range t.namespaces {
		there, err := t.listIn(ctx, namespace, list, options)
		if err != nil {
			return err
		}
		all = append(all, there...)
	}
	list.SetContinue("")
	if err := meta.SetList(list, all); err != nil {
		return fmt.Errorf("make a list of several namespaces: %w", err)
	}
	return nil
}

// listIn gives all that is in a namespace, of the kind of a list.
func (t *territory) listIn(ctx context.Context, namespace string, list client.ObjectList, options []client.ListOption) ([]runtime.Object, error) {
	var all []runtime.Object
	for from := ""; ; {
		page, ok := list.DeepCopyObject().(client.ObjectList)
		if !ok {
			return nil, fmt.Errorf("%T is no list", list)
		}
		if err := t.Reader.List(ctx, page, append(slices.Clone(options), client.InNamespace(namespace), client.Continue(from))...); err != nil {
			return nil, err //nolint:wrapcheck // whoever lists says what for
		}
		items, err := meta.ExtractList(page)
		if err != nil {
			return nil, fmt.Errorf("read a list: %w", err)
		}
		all = append(all, items...)
		if from = page.GetContinue(); from == "" {
			return all, nil
		}
	}
}

const (
	// surveyPause is how often it is looked whether the operator may still read the namespaces that it is to work in.
	surveyPause = time.Minute
	roleHint    = "it takes the Role and the RoleBinding gateway-token-operator there (config/rbac/namespaced)"
)

// errGained ends a process that has got rights in a namespace which it began without: the next one serves it.
var errGained = errors.New("the operator was given rights in a namespace that it was to work in and could not: it ends, and serves it when it is started again")

// reach tells of namespaces that the operator is to work in and may not read. One that was deleted, or where somebody forgot a Role, does
// not keep it from the others: what watches several would wait for it for ever.
type reach struct {
	live   client.Reader
	named  []string
	absent map[string]bool
	pause  time.Duration
}

// survey finds out where the operator may work. To be allowed nowhere is an error.
func survey(ctx context.Context, config *rest.Config, scheme *runtime.Scheme, namespaces []string) (*reach, error) {
	found := &reach{named: namespaces, absent: map[string]bool{}, pause: surveyPause}
	if len(namespaces) == 0 {
		return found, nil
	}
	live, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	found.live = live
	for _, namespace := range namespaces {
		readable, err := found.readable(ctx, namespace)
		if err != nil {
			return nil, err
		}
		if !readable {
			found.absent[namespace] = true
			ctrl.LoggerFrom(ctx).Error(nil, "the operator may not work in a namespace of --watch-namespaces, and leaves it out: "+roleHint, "namespace", namespace)
		}
	}
	if len(found.absent) == len(namespaces) {
		return nil, fmt.Errorf("the operator may not read GatewayTokens in any of the namespaces %s: %s", strings.Join(namespaces, ", "), roleHint)
	}
	return found, nil
}

// served are the namespaces that could be read at the start; none where none are named.
func (r *reach) served() []string {
	return slices.DeleteFunc(slices.Clone(r.named), func(name string) bool { return r.absent[name] })
}

// readable tells whether the operator may read GatewayTokens in a namespace.
func (r *reach) readable(ctx context.Context, namespace string) (bool, error) {
	err := r.live.List(ctx, &v1alpha1.GatewayTokenList{}, client.InNamespace(namespace), client.Limit(1))
	if apierrors.IsForbidden(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for GatewayTokens in namespace %s: %w", namespace, err)
	}
	return true, nil
}

// NeedLeaderElection implements manager.LeaderElectionRunnable. Every replica must know.
func (*reach) NeedLeaderElection() bool { return false }

// Start implements manager.Runnable.
func (r *reach) Start(ctx context.Context) error {
	if len(r.named) == 0 {
		return nil
	}
	lost := map[string]bool{}
	err := wait.PollUntilContextCancel(ctx, r.pause, false, func(ctx context.Context) (bool, error) {
		for _, namespace := range r.named {
			readable, err := r.readable(ctx, namespace)
			if err != nil {
				continue // the API server is not there, or not well: it says nothing of rights
			}
			if r.absent[namespace] && readable {
				ctrl.LoggerFrom(ctx).Info(errGained.Error(), "namespace", namespace)
				return true, nil
			}
			r.tell(ctx, namespace, readable, lost)
		}
		return false, nil
	})
	if err != nil {
		return nil //nolint:nilerr // the process ends for another reason
	}
	return errGained
}

// tell tells of rights that were lost while the operator ran, or are back. What watches a namespace goes on by itself when they are.
func (r *reach) tell(ctx context.Context, namespace string, readable bool, lost map[string]bool) {
	logger := ctrl.LoggerFrom(ctx).WithValues("namespace", namespace)
	switch {
	case r.absent[namespace] || lost[namespace] == !readable:
		return
	case readable:
		logger.Info("the operator may work in the namespace again")
	default:
		logger.Error(nil, "the operator may not work in the namespace any more: tokens there are neither replaced nor revoked until it may. If the namespace is being deleted, see docs/namespaced.md")
	}
	lost[namespace] = !readable
}
