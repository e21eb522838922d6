package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

const (
	// accessPause is how often it is looked whether the operator may still read the namespaces that it is to work in.
	accessPause = time.Minute
	roleHint    = "it takes the Role and the RoleBinding gateway-token-operator there (config/rbac/namespaced)"
)

// errAccessGained ends a process that has got rights in a namespace which it began without: the next one serves it.
var errAccessGained = errors.New("the operator was given rights in a namespace that it was to work in and could not: it ends, and serves it when it is started again")

// namespaceAccess tells of namespaces that the operator is to work in and may not read. One that was deleted, or where somebody forgot a Role, does
// not keep it from the others: what watches several would wait for it for ever.
type namespaceAccess struct {
	live   client.Reader
	named  []string
	absent map[string]bool
	pause  time.Duration
}

// checkAccess finds out where the operator may work. To be allowed nowhere is an error.
func checkAccess(ctx context.Context, config *rest.Config, scheme *runtime.Scheme, namespaces []string) (*namespaceAccess, error) {
	found := &namespaceAccess{named: namespaces, absent: map[string]bool{}, pause: accessPause}
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
func (a *namespaceAccess) served() []string {
	return slices.DeleteFunc(slices.Clone(a.named), func(name string) bool { return a.absent[name] })
}

// readable tells whether the operator may read GatewayTokens in a namespace.
func (a *namespaceAccess) readable(ctx context.Context, namespace string) (bool, error) {
	err := a.live.List(ctx, &v1alpha1.GatewayTokenList{}, client.InNamespace(namespace), client.Limit(1))
	if apierrors.IsForbidden(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for GatewayTokens in namespace %s: %w", namespace, err)
	}
	return true, nil
}

// NeedLeaderElection implements manager.LeaderElectionRunnable. Every replica must know.
func (*namespaceAccess) NeedLeaderElection() bool { return false }

// Start implements manager.Runnable.
func (a *namespaceAccess) Start(ctx context.Context) error {
	if len(a.named) == 0 {
		return nil
	}
	lost := map[string]bool{}
	err := wait.PollUntilContextCancel(ctx, a.pause, false, func(ctx context.Context) (bool, error) {
		for _, namespace := range a.named {
			readable, err := a.readable(ctx, namespace)
			if err != nil {
				continue // the API server is not there, or not well: it says nothing of rights
			}
			if a.absent[namespace] && readable {
				ctrl.LoggerFrom(ctx).Info(errAccessGained.Error(), "namespace", namespace)
				return true, nil
			}
			a.reportChange(ctx, namespace, readable, lost)
		}
		return false, nil
	})
	if err != nil {
		return nil //nolint:nilerr // the process ends for another reason
	}
	return errAccessGained
}

// reportChange tells of rights that were lost while the operator ran, or are back. What watches a namespace goes on by itself when they are.
func (a *namespaceAccess) reportChange(ctx context.Context, namespace string, readable bool, lost map[string]bool) {
	logger := ctrl.LoggerFrom(ctx).WithValues("namespace", namespace)
	switch {
	case a.absent[namespace] || lost[namespace] == !readable:
		return
	case readable:
		logger.Info("the operator may work in the namespace again")
	default:
		logger.Error(nil, "the operator may not work in the namespace any more: tokens there are neither replaced nor revoked until it may. If the namespace is being deleted, see docs/namespaced.md")
	}
	lost[namespace] = !readable
}
