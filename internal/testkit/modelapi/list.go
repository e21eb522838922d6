package modelapi

import (
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// page is what a list has: the objects, and of what moment they are. The rest of a list waits under the name that it was continued by.
type page struct {
	objects []client.Object
	version string
	next    string
	// left is how many objects are on the pages that follow.
	left int64
}

// list gives the objects of a kind by namespace and name, which must not be changed. All pages are of one moment.
func (s *Server) list(k *kind, options *client.ListOptions) (page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, continued := s.pages[options.Continue]
	if !continued {
		if options.Continue != "" {
			return page{}, apierrors.NewBadRequest("continue key is not valid")
		}
		found.version = strconv.FormatInt(s.version, 10)
		var err error
		if found.objects, err = s.matching(k, options); err != nil {
			return page{}, err
		}
	}
	if most := int(options.Limit); most > 0 && len(found.objects) > most {
		rest := page{objects: found.objects[most:], version: found.version}
		found.objects, found.left = found.objects[:most], int64(len(rest.objects))
		found.next = fmt.Sprintf("page-%d", len(s.pages)+1)
		s.pages[found.next] = rest
	}
	return found, nil
}

func (s *Server) matching(k *kind, options *client.ListOptions) ([]client.Object, error) {
	var found []client.Object
	for _, key := range s.keys(k) {
		object := s.objects[k][key]
		if options.Namespace != "" && key.Namespace != options.Namespace {
			continue
		}
		if by := options.LabelSelector; by != nil && !by.Matches(labels.Set(object.GetLabels())) {
			continue
		}
		if by := options.FieldSelector; by != nil {
			matches, err := matchesFields(k, object, by)
			if err != nil {
				return nil, err
			}
			if !matches {
				continue
			}
		}
		found = append(found, object)
	}
	return found, nil
}

// matchesFields selects by name and namespace, and pods by their node and phase.
func matchesFields(k *kind, object client.Object, by fields.Selector) (bool, error) {
	set := fields.Set{"metadata.name": object.GetName(), "metadata.namespace": object.GetNamespace()}
	if pod, ok := object.(*corev1.Pod); ok {
		set["status.phase"], set["spec.nodeName"] = string(pod.Status.Phase), pod.Spec.NodeName
	}
	for _, wanted := range by.Requirements() {
		if !set.Has(wanted.Field) {
			return false, apierrors.NewBadRequest(fmt.Sprintf("field label not supported for %s: %s", k.Kind, wanted.Field))
		}
	}
	return by.Matches(set), nil
}
