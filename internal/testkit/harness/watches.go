package harness

import (
	"context"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/gatewaytoken"
	"github.com/gatewaytoken/gateway-token-operator/internal/secretdata"
)

// What follows is what the controllers watch (their Setup functions), so that nothing is looked at in a world that would
// not be looked at in a cluster. The tests of internal/app run the real watches.

// observe takes a fresh look at what may have changed, and puts on the agenda whatever an event of it leads to.
func (p *Process) observe(ctx context.Context) error {
	keys := slices.DeleteFunc(slices.Clone(p.stale), func(key entry) bool { return slices.Contains(p.frozen, key.kind) })
	p.stale = nil
	found, err := p.world.look(ctx, keys)
	if err != nil {
		return err
	}
	for _, changed := range p.cache.replace(keys, found) {
		p.wake(changed)
	}
	p.named.wake(keys)
	return nil
}

func (p *Process) wake(changed change) {
	object := changed.after
	if object == nil {
		object = changed.before
	}
	switch of := object.(type) {
	case *v1alpha1.GatewayToken:
		p.tokenChanged(of, changed)
	case *corev1.Secret:
		p.secretChanged(changed)
	case v1alpha1.Issuer:
		p.issuerChanged(of, changed)
	case *metav1.PartialObjectMetadata:
		p.namespaceChanged(of, changed)
	}
}

func (p *Process) tokenChanged(object *v1alpha1.GatewayToken, changed change) {
	if specChanged(changed) || annotationsChanged(changed) || finalizersChanged(changed) || p.statusChanged(changed) {
		p.agenda.add(item{v1alpha1.KindGatewayToken, requestFor(object)})
	}
	if appeared(changed) || held(changed.before) != held(changed.after) {
		key := accounts.KeyFor(object)
		p.agenda.add(item{key.Kind, key.Request()})
	}
}

func (p *Process) statusChanged(changed change) bool {
	controller, ok := p.reconcilers[v1alpha1.KindGatewayToken].(*gatewaytoken.Reconciler)
	return ok && controller.StatusChangedElsewhere(changed.before, changed.after)
}

func held(object client.Object) bool {
	return object != nil && controllerutil.ContainsFinalizer(object, v1alpha1.FinalizerRevoke)
}

func (p *Process) secretChanged(changed change) {
	for _, object := range []client.Object{changed.before, changed.after} {
		if object == nil {
			continue
		}
		if object.GetLabels()[v1alpha1.LabelRole] == v1alpha1.RoleLastGood {
			p.copyChanged(object)
		}
		if object.GetLabels()[v1alpha1.LabelRole] != v1alpha1.RoleToken {
			continue
		}
		owner, ok := secretdata.OwnerOf(object)
		if !ok {
			owner = types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetLabels()[v1alpha1.LabelGatewayToken]}
		}
		p.agenda.add(item{v1alpha1.KindGatewayToken, reconcile.Request{NamespacedName: owner}})
	}
}

// copyChanged is about the operator's copy of an issuer's credentials.
func (p *Process) copyChanged(secret client.Object) {
	kind, name, ok := strings.Cut(secret.GetAnnotations()[v1alpha1.AnnotationIssuer], "/")
	if !ok {
		return
	}
	key := accounts.Key{Kind: kind, Name: name}
	if kind == v1alpha1.KindTokenIssuer {
		key.Namespace = secret.GetNamespace()
	}
	p.agenda.add(item{kind, key.Request()})
}

func (p *Process) issuerChanged(issuer v1alpha1.Issuer, changed change) {
	key := accounts.KeyOf(issuer)
	if specChanged(changed) || annotationsChanged(changed) {
		p.agenda.add(item{key.Kind, key.Request()})
	}
	if specChanged(changed) || finalizersChanged(changed) {
		p.wakeTokens(func(object *v1alpha1.GatewayToken) bool { return accounts.KeyFor(object) == key })
	}
}

func (p *Process) namespaceChanged(namespace client.Object, changed change) {
	if appeared(changed) || !maps.Equal(changed.before.GetLabels(), changed.after.GetLabels()) {
		p.wakeTokens(func(object *v1alpha1.GatewayToken) bool { return object.Namespace == namespace.GetName() })
	}
}

func (p *Process) wakeTokens(which func(*v1alpha1.GatewayToken) bool) {
	for _, key := range p.cache.keys(v1alpha1.KindGatewayToken) {
		if object, ok := p.cache.objects[key].(*v1alpha1.GatewayToken); ok && which(object) {
			p.agenda.add(item{v1alpha1.KindGatewayToken, requestFor(object)})
		}
	}
}

func requestFor(object client.Object) reconcile.Request {
	return reconcile.Request{NamespacedName: client.ObjectKeyFromObject(object)}
}

// appeared: the object is new or gone, which passes every predicate.
func appeared(changed change) bool { return changed.before == nil || changed.after == nil }

func specChanged(changed change) bool {
	return appeared(changed) || changed.before.GetGeneration() != changed.after.GetGeneration()
}

func annotationsChanged(changed change) bool {
	return appeared(changed) || !maps.Equal(changed.before.GetAnnotations(), changed.after.GetAnnotations())
}

func finalizersChanged(changed change) bool {
	return appeared(changed) || !slices.Equal(changed.before.GetFinalizers(), changed.after.GetFinalizers())
}
