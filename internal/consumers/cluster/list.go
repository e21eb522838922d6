package cluster

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/internal/consumers"
)

// defaultPageSize is how many objects the API server is asked for at a time.
const defaultPageSize = 500

// Lister lists objects. It must ask the API server, and not a cache: a revocation stands on what is not in the list.
type Lister interface {
	List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error
}

// Reader reads the consumers of one namespace at a time.
type Reader struct {
	Lister Lister
	// PageSize is how many objects are asked for at a time; 500 when it is zero.
	PageSize int64
}

// Pods lists the pods of a namespace that use any of the Secrets and have not ended. Only these are kept while page follows
// page, so that memory is that of a page, whatever else runs there. All pages are of one moment, that of the first.
//
// That pods may not be listed is no error, but the answer Unknown: a revocation waits then, and says so.
func (r Reader) Pods(ctx context.Context, namespace string, secrets ...string) (consumers.Pods, error) {
	var pods consumers.Pods
	page := &corev1.PodList{}
	err := r.pages(ctx, page, namespace, func() {
		for i := range page.Items {
			if usesAny(&page.Items[i].Spec, secrets) {
				pods.Items = append(pods.Items, page.Items[i])
			}
		}
	}, client.MatchingFieldsSelector{Selector: notEnded()})
	if apierrors.IsForbidden(err) {
		return consumers.Pods{Unknown: true}, nil
	}
	if err != nil {
		return consumers.Pods{}, fmt.Errorf("list pods: %w", err)
	}
	return pods, nil
}

// notEnded leaves out what the API server need not send: a namespace can have many Jobs that are over.
func notEnded() fields.Selector {
	const phase = "status.phase"
	return fields.AndSelectors(
		fields.OneTermNotEqualSelector(phase, string(corev1.PodSucceeded)),
		fields.OneTermNotEqualSelector(phase, string(corev1.PodFailed)),
	)
}

func usesAny(spec *corev1.PodSpec, secrets []string) bool {
	return slices.ContainsFunc(secrets, func(secret string) bool { return consumers.Uses(spec, secret) })
}

// Workloads lists the Deployments, StatefulSets and DaemonSets of a namespace. Kinds that may not be listed are no error: they
// are among the Unknown.
func (r Reader) Workloads(ctx context.Context, namespace string) (consumers.Workloads, error) {
	var (
		found        consumers.Workloads
		deployments  = &appsv1.DeploymentList{}
		statefulSets = &appsv1.StatefulSetList{}
		daemonSets   = &appsv1.DaemonSetList{}
	)
	for _, kind := range []struct {
		name string
		list client.ObjectList
		add  func()
	}{
		{consumers.KindDeployment, deployments, func() { found.Items = addAll(found.Items, deployments.Items, consumers.OfDeployment) }},
		{consumers.KindStatefulSet, statefulSets, func() { found.Items = addAll(found.Items, statefulSets.Items, consumers.OfStatefulSet) }},
		{consumers.KindDaemonSet, daemonSets, func() { found.Items = addAll(found.Items, daemonSets.Items, consumers.OfDaemonSet) }},
	} {
		err := r.pages(ctx, kind.list, namespace, kind.add)
		switch {
		case apierrors.IsForbidden(err):
			found.Unknown = append(found.Unknown, kind.name)
		case err != nil:
			return consumers.Workloads{}, fmt.Errorf("list %ss: %w", kind.name, err)
		}
	}
	return found, nil
}

func addAll[T any](to []consumers.Workload, objects []T, of func(*T) consumers.Workload) []consumers.Workload {
	for i := range objects {
		to = append(to, of(&objects[i]))
	}
	return to
}

// pages fills the list with one page after the other and calls add for each.
func (r Reader) pages(ctx context.Context, list client.ObjectList, namespace string, add func(), options ...client.ListOption) error {
	size := r.PageSize
	if size == 0 {
		size = defaultPageSize
	}
	options = append(options, client.InNamespace(namespace), client.Limit(size))
	for next := ""; ; {
		if err := r.Lister.List(ctx, list, append(slices.Clone(options), client.Continue(next))...); err != nil {
			return err
		}
		add()
		if next = list.GetContinue(); next == "" {
			return nil
		}
	}
}
