package harness

import (
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/named"
)

// namedObjects are the watches of a process for what issuers name (package named): an issuer is woken by the next refresh of the
// cache after such an object changed. Of kinds that are frozen nothing can be watched.
type namedObjects struct {
	process *Process
	issuers map[accounts.Key][]named.Object
	// versions are those seen last, empty of what is not there.
	versions map[named.Object]string
}

func newNamedObjects(p *Process) *namedObjects {
	return &namedObjects{process: p, issuers: map[accounts.Key][]named.Object{}, versions: map[named.Object]string{}}
}

// Refer implements issuer.Named.
func (n *namedObjects) Refer(issuer accounts.Key, objects ...named.Object) {
	n.issuers[issuer] = objects
	if len(objects) == 0 {
		delete(n.issuers, issuer)
	}
	for object := range n.versions {
		if !n.referredTo(object) {
			delete(n.versions, object)
		}
	}
	for _, object := range objects {
		if _, known := n.versions[object]; !known {
			n.versions[object] = n.version(object)
			n.process.world.track(kindNamed(object), keyNamed(object))
		}
	}
}

// Watched implements issuer.Named.
func (n *namedObjects) Watched(objects ...named.Object) bool {
	return !slices.ContainsFunc(objects, func(object named.Object) bool {
		_, known := n.versions[object]
		return !known || slices.Contains(n.process.frozen, kindNamed(object))
	})
}

func (n *namedObjects) referredTo(object named.Object) bool {
	for _, objects := range n.issuers {
		if slices.Contains(objects, object) {
			return true
		}
	}
	return false
}

// wake puts on the agenda the issuers that refer to any of these objects that changed.
func (n *namedObjects) wake(keys []entry) {
	for _, key := range keys {
		object := named.Secret(key.name.Namespace, key.name.Name)
		if key.kind == "ConfigMap" {
			object = named.ConfigMap(key.name.Namespace, key.name.Name)
		}
		before, known := n.versions[object]
		if kindNamed(object) != key.kind || !known {
			continue
		}
		if after := n.version(object); after != before {
			n.versions[object] = after
			n.wakeReferring(object)
		}
	}
}

func (n *namedObjects) wakeReferring(object named.Object) {
	var woken []accounts.Key
	for issuer, objects := range n.issuers {
		if slices.Contains(objects, object) {
			woken = append(woken, issuer)
		}
	}
	slices.SortFunc(woken, func(a, b accounts.Key) int { return strings.Compare(a.String(), b.String()) })
	for _, issuer := range woken {
		n.process.agenda.add(item{issuer.Kind, issuer.Request()})
	}
}

func (n *namedObjects) version(object named.Object) string {
	w := n.process.world
	partial := &metav1.PartialObjectMetadata{}
	partial.SetGroupVersionKind(schema.GroupVersionKind{Version: object.Resource.Version, Kind: kindNamed(object)})
	err := w.admin.Get(w.ctx(), keyNamed(object), partial)
	if err != nil && !apierrors.IsNotFound(err) {
		w.t.Error(err)
	}
	return partial.ResourceVersion
}

func kindNamed(object named.Object) string {
	if object.Resource.Resource == "configmaps" {
		return "ConfigMap"
	}
	return "Secret"
}

func keyNamed(object named.Object) client.ObjectKey {
	return client.ObjectKey{Namespace: object.Namespace, Name: object.Name}
}
