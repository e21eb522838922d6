package modelapi

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// collect does what the garbage collector and the namespace controller do, until nothing is left to do. Each write calls it, and it
// writes, so that it ends where it is called by itself.
func (s *Server) collect() {
	owned, ending := s.owned && s.flaw != leavesDependents, s.ending
	s.owned, s.ending = false, false
	for again := owned || ending; again; {
		again = (owned && s.collectOwned()) || (ending && s.emptyNamespaces())
	}
	s.owned, s.ending = s.owned || owned, s.ending || ending
}

// each calls a function for each object, in an order that is always the same, until it returns false.
func (s *Server) each(do func(call, client.Object) bool) {
	for _, k := range s.schemas.kinds {
		for _, key := range s.keys(k) {
			if !do(call{kind: k, key: key}, s.objects[k][key]) {
				return
			}
		}
	}
}

// keys are those of the objects of a kind, sorted.
func (s *Server) keys(k *kind) []client.ObjectKey {
	keys := make([]client.ObjectKey, 0, len(s.objects[k]))
	for key := range s.objects[k] {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b client.ObjectKey) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return keys
}

// collectOwned deletes one object that has owners, and none that is there. It tells whether it changed anything.
func (s *Server) collectOwned() (changed bool) {
	alive := map[types.UID]bool{}
	s.each(func(_ call, object client.Object) bool {
		alive[object.GetUID()] = true
		return true
	})
	s.each(func(c call, object client.Object) bool {
		owners := object.GetOwnerReferences()
		solid := slices.DeleteFunc(slices.Clone(owners), func(owner metav1.OwnerReference) bool { return !alive[owner.UID] })
		switch {
		case len(solid) == len(owners):
		case len(solid) > 0:
			without := copyOf(object)
			without.SetOwnerReferences(solid)
			_, err := s.store(c, without)
			changed = err == nil
		case object.GetDeletionTimestamp() == nil:
			changed = s.end(c, &metav1.DeleteOptions{}) == nil
		}
		return !changed
	})
	return changed
}

// emptyNamespaces goes on with the end of each namespace that ends: pods go first, then all else, and in the end the namespace.
func (s *Server) emptyNamespaces() (changed bool) {
	s.each(func(c call, object client.Object) bool {
		if _, ok := object.(*corev1.Namespace); ok && object.GetDeletionTimestamp() != nil {
			changed = s.emptyNamespace(c, object) || changed
		}
		return true
	})
	return changed
}

func (s *Server) emptyNamespace(c call, namespace client.Object) (changed bool) {
	var first *kind
	s.each(func(of call, object client.Object) bool {
		if of.key.Namespace != c.key.Name {
			return true
		}
		if first != nil && first != of.kind && first.Kind == "Pod" {
			// As long as there are pods, nothing else is touched.
			return false
		}
		if object.GetDeletionTimestamp() == nil {
			changed = s.end(of, &metav1.DeleteOptions{}) == nil || changed
		}
		if s.objects[of.kind][of.key] != nil && first == nil {
			first = of.kind
		}
		return true
	})
	if first == nil && len(namespace.GetFinalizers()) == 0 {
		s.remove(c)
		return true
	}
	return changed
}
