package modelapi

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// delete deletes an object, or marks it as being deleted where something holds it.
func (s *Server) delete(c call, options *metav1.DeleteOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if errs := validation.ValidateDeleteOptions(options); len(errs) > 0 {
		return apierrors.NewInvalid(schema.GroupKind{Group: metav1.GroupName, Kind: "DeleteOptions"}, "", errs)
	}
	if how := options.PropagationPolicy; how != nil && *how != metav1.DeletePropagationBackground {
		return fmt.Errorf("the model API server deletes in the background only, not %s", *how)
	}
	return s.end(c, options)
}

// immortal namespaces cannot be deleted.
func immortal() sets.Set[string] { return sets.New(metav1.NamespaceDefault, metav1.NamespaceSystem) }

func (s *Server) end(c call, options *metav1.DeleteOptions) error {
	old := s.objects[c.kind][c.key]
	_, isNamespace := old.(*corev1.Namespace)
	if c.kind.Kind == "Namespace" && immortal().Has(c.key.Name) {
		return apierrors.NewForbidden(c.kind.group(), c.key.Name, fmt.Errorf("this namespace may not be deleted"))
	}
	if old == nil {
		return c.notFound()
	}
	if err := s.checkPreconditions(c, options.Preconditions, old); err != nil {
		return err
	}
	if isNamespace {
		return s.endNamespace(c, old)
	}
	if grace := gracePeriod(old, options); grace > 0 || old.GetDeletionGracePeriodSeconds() != nil && *old.GetDeletionGracePeriodSeconds() > 0 {
		return s.endGracefully(c, old, grace, options.GracePeriodSeconds == nil)
	}
	if len(old.GetFinalizers()) == 0 || s.flaw == forgetsFinalizers {
		s.remove(c)
		return nil
	}
	return s.mark(c, old, s.now(), 0)
}

func (s *Server) checkPreconditions(c call, wanted *metav1.Preconditions, old client.Object) error {
	if wanted == nil {
		return nil
	}
	kind := schema.GroupResource{Group: c.kind.Group, Resource: c.kind.Kind}
	if wanted.UID != nil && *wanted.UID != old.GetUID() && s.flaw != ignoresUID {
		return apierrors.NewConflict(kind, c.key.Name, fmt.Errorf("the UID in the precondition (%s) does not match the UID in record (%s). "+
			"The object might have been deleted and then recreated", *wanted.UID, old.GetUID()))
	}
	if version := old.GetResourceVersion(); wanted.ResourceVersion != nil && *wanted.ResourceVersion != version && s.flaw != ignoresVersion {
		return apierrors.NewConflict(kind, c.key.Name, fmt.Errorf("the ResourceVersion in the precondition (%s) does not match the "+
			"ResourceVersion in record (%s). The object might have been modified", *wanted.ResourceVersion, version))
	}
	return nil
}

// mark notes that an object is being deleted, which makes another generation of it, once.
func (s *Server) mark(c call, old client.Object, at metav1.Time, grace int64) error {
	object := copyOf(old)
	before := old.GetDeletionTimestamp()
	if before == nil && old.GetGeneration() > 0 {
		object.SetGeneration(old.GetGeneration() + 1)
	}
	if before == nil || before.After(at.Time) {
		object.SetDeletionTimestamp(&at)
	}
	object.SetDeletionGracePeriodSeconds(&grace)
	if had := old.GetDeletionGracePeriodSeconds(); before != nil && had != nil && *had == grace {
		return nil
	}
	_, err := s.store(c, object)
	return err
}

// gracePeriod is how long a pod may take to end: nothing where it is on no node, or has ended.
func gracePeriod(object client.Object, options *metav1.DeleteOptions) int64 {
	pod, ok := object.(*corev1.Pod)
	if !ok || pod.Spec.NodeName == "" || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return 0
	}
	if options.GracePeriodSeconds != nil {
		return max(*options.GracePeriodSeconds, 0)
	}
	return ptr.Deref(pod.Spec.TerminationGracePeriodSeconds, corev1.DefaultTerminationGracePeriodSeconds)
}

// endGracefully marks a pod, which a kubelet then deletes. A second deletion can only shorten the time that it has.
func (s *Server) endGracefully(c call, old client.Object, grace int64, implied bool) error {
	now, given := s.now(), old.GetDeletionGracePeriodSeconds()
	if old.GetDeletionTimestamp() == nil {
		return s.mark(c, old, metav1.NewTime(now.Add(time.Duration(grace)*time.Second)), grace)
	}
	if implied || given == nil || grace >= *given {
		return nil
	}
	if grace == 0 && len(old.GetFinalizers()) == 0 {
		s.remove(c)
		return nil
	}
	return s.mark(c, old, now, grace)
}

// endNamespace begins the end of a namespace.
func (s *Server) endNamespace(c call, old client.Object) error {
	if old.GetDeletionTimestamp() != nil {
		return nil
	}
	object := copyOf(old)
	now := s.now()
	object.SetDeletionTimestamp(&now)
	if namespace, ok := object.(*corev1.Namespace); ok {
		namespace.Status.Phase = corev1.NamespaceTerminating
	}
	s.ending = true
	_, err := s.store(c, object)
	return err
}
