package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// garbage is what somebody writes into a Secret.
const garbage = "garbage"

// replicas is how many pods use the Secret of a token that has consumers.
const replicas = 2

// action is something that somebody does to a GatewayToken, its Secret, its namespace or its issuer.
type action struct {
	weight int
	do     func(*soak, context.Context, target) error
}

// target is what it is done to.
type target struct {
	place
	number int
}

func (t target) key() client.ObjectKey {
	return client.ObjectKey{Namespace: t.namespace, Name: tokenName(t.number)}
}

// hasConsumers tells whether pods use the token.
func (t target) hasConsumers() bool { return !t.tenant && t.number == consumed }

// actions are weighted so that objects live for some rounds. A namespace that is deleted is away for several: the
// operator must lead for longer than settle before it releases an object.
func actions() []action {
	return []action{
		{24, (*soak).applyToken},
		{8, (*soak).editRights},
		{4, (*soak).editRotation},
		{16, (*soak).rotate},
		{3, (*soak).leak},
		{6, (*soak).editSecret},
		{4, (*soak).deleteSecret},
		{5, (*soak).deleteToken},
		{1, (*soak).deletePlace},
		{4, (*soak).revokeByHand},
		{2, (*soak).dropCredentials},
		{2, (*soak).decide},
	}
}

// act does something random.
func (s *soak) act(ctx context.Context) error {
	all := actions()
	total := 0
	for _, a := range all {
		total += a.weight
	}
	at := target{place: s.places[s.random.IntN(len(s.places))], number: s.random.IntN(tokensPerPlace)}
	drawn := s.random.IntN(total)
	for _, a := range all {
		if drawn -= a.weight; drawn < 0 {
			return passing(a.do(s, ctx, at))
		}
	}
	return nil
}

// passing drops the errors of doing something to what is not there, or is going away.
func passing(err error) error {
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsForbidden(err) {
		return nil
	}
	return err
}

// living gives a GatewayToken that nobody has deleted; not found where there is none.
func (s *soak) living(ctx context.Context, at target) (*v1alpha1.GatewayToken, error) {
	object := &v1alpha1.GatewayToken{}
	err := s.stack.Client.Get(ctx, at.key(), object)
	if err == nil && object.DeletionTimestamp != nil {
		err = apierrors.NewNotFound(v1alpha1.GroupVersion().WithResource("gatewaytokens").GroupResource(), at.key().String())
	}
	return object, err
}

// edit changes the spec or the annotations of what is there.
func (s *soak) edit(ctx context.Context, at target, change func(*v1alpha1.GatewayToken)) error {
	object, err := s.living(ctx, at)
	if err != nil {
		return err
	}
	before := object.DeepCopy()
	change(object)
	return s.stack.Client.Patch(ctx, object, client.MergeFrom(before))
}

// applyToken creates a GatewayToken or edits the labels of what is there.
func (s *soak) applyToken(ctx context.Context, at target) error {
	if usable, err := s.ensure(ctx, at.place); !usable || err != nil {
		return err
	}
	template, cuts := s.template(), s.random.IntN(2) == 0
	err := s.edit(ctx, at, func(object *v1alpha1.GatewayToken) { object.Spec.Secret = template })
	if !apierrors.IsNotFound(err) {
		return err
	}
	object := &v1alpha1.GatewayToken{
		ObjectMeta: metav1.ObjectMeta{Namespace: at.namespace, Name: tokenName(at.number)},
		Spec: v1alpha1.GatewayTokenSpec{
			IssuerRef: at.issuer(), Secret: template, Rotation: &v1alpha1.Rotation{Overlap: &metav1.Duration{Duration: time.Second}},
		},
	}
	at.kind.ask(s.logins[at.namespace], at.number, &object.Spec)
	born := life{kind: at.kind.name, name: at.key().String()}
	if at.number == cutting && cuts && at.kind.strategy != "" {
		object.Spec.Rotation.Strategy, born.cut = at.kind.strategy, time.Now()
	}
	if renew := object.Spec.Rotation.RenewBefore; renew != nil {
		born.renewAfter = object.Spec.Causeloop.ExpiresAfter.Duration - renew.Duration
	}
	if at.hasConsumers() {
		object.Spec.Consumers = &v1alpha1.Consumers{Action: v1alpha1.ConsumersRestart}
	}
	if err := s.stack.Client.Create(ctx, object); err != nil {
		return err
	}
	incarnation := incarnationOf(string(object.UID))
	if born.group = incarnation; !at.kind.named() {
		born.group = object.Spec.PingOne.GatewayID
	}
	s.books.begins(incarnation, born)
	if at.hasConsumers() {
		return s.stack.Client.Create(ctx, consumer(at))
	}
	return nil
}

func (s *soak) template() *v1alpha1.SecretTemplate {
	template := &v1alpha1.SecretTemplate{
		Labels: map[string]v1alpha1.LabelValue{"version": v1alpha1.LabelValue(strconv.Itoa(s.random.IntN(3)))},
		Data:   map[string]v1alpha1.DataTemplate{v1alpha1.DefaultDataKey: v1alpha1.DefaultDataTemplate, "copy": v1alpha1.DefaultDataTemplate},
	}
	if s.random.IntN(3) == 0 {
		template.Data["url"] = "{{ .URL }}"
	}
	return template
}

// consumer is a Deployment whose pods take the token by their environment.
func consumer(at target) *appsv1.Deployment {
	labels := map[string]string{"app": "consumer"}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: at.namespace, Name: "consumer"},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To(int32(replicas)), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Strategy: appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{
				MaxUnavailable: ptr.To(intstr.FromInt32(0)), MaxSurge: ptr.To(intstr.FromInt32(1)),
			}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					TerminationGracePeriodSeconds: ptr.To(int64(1)),
					Containers: []corev1.Container{{
						Name: "consumer", Image: "consumer",
						Env: []corev1.EnvVar{{Name: "TOKEN", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
							LocalObjectReference: corev1.LocalObjectReference{Name: at.key().Name}, Key: v1alpha1.DefaultDataKey,
						}}}},
					}},
				},
			},
		},
	}
}

// editRights asks for other rights where the vendor has any.
func (s *soak) editRights(ctx context.Context, at target) error {
	if at.kind.rights == nil {
		return s.applyToken(ctx, at)
	}
	return s.edit(ctx, at, func(object *v1alpha1.GatewayToken) {
		if at.kind.rights(s, &object.Spec) {
			s.books.needs(incarnationOf(string(object.UID)), otherRights)
		}
	})
}

// editRotation lets what is replaced work longer or shorter, and changes the way in which it is replaced where nobody minds.
func (s *soak) editRotation(ctx context.Context, at target) error {
	overlap, strategy := time.Duration(1+s.random.IntN(3))*time.Second, v1alpha1.StrategyOverlap
	if at.number == cutting && at.kind.strategy != "" && s.random.IntN(2) == 0 {
		strategy = at.kind.strategy
	}
	return s.edit(ctx, at, func(object *v1alpha1.GatewayToken) {
		object.Spec.Rotation.Overlap, object.Spec.Rotation.Strategy = &metav1.Duration{Duration: overlap}, strategy
		if strategy != v1alpha1.StrategyOverlap {
			s.books.note(incarnationOf(string(object.UID)), func(l *life) {
				if l.cut.IsZero() {
					l.cut = time.Now()
				}
			})
		}
	})
}

// rotate asks for another token, once the last request is answered.
func (s *soak) rotate(ctx context.Context, at target) error {
	return s.request(ctx, at, func(*v1alpha1.GatewayToken, string) {})
}

// leak says that everything so far has leaked.
func (s *soak) leak(ctx context.Context, at target) error {
	return s.request(ctx, at, func(object *v1alpha1.GatewayToken, text string) {
		object.Annotations[v1alpha1.AnnotationRevokeRequest] = text
		s.books.note(incarnationOf(string(object.UID)), func(l *life) { l.leaks = append(l.leaks, time.Now()) })
	})
}

func (s *soak) request(ctx context.Context, at target, more func(*v1alpha1.GatewayToken, string)) error {
	return s.edit(ctx, at, func(object *v1alpha1.GatewayToken) {
		if asked := object.Annotations[v1alpha1.AnnotationRotateRequest]; asked != object.Status.HandledRotateRequest {
			return
		}
		if object.Annotations == nil {
			object.Annotations = map[string]string{}
		}
		text := time.Now().UTC().Format(time.RFC3339Nano)
		object.Annotations[v1alpha1.AnnotationRotateRequest] = text
		delete(object.Annotations, v1alpha1.AnnotationRevokeRequest)
		s.books.needs(incarnationOf(string(object.UID)), requested)
		more(object, text)
	})
}

// editSecret writes garbage into one key or another place, or takes a key away.
func (s *soak) editSecret(ctx context.Context, at target) error {
	patches := []string{
		`{"stringData":{"token":"` + garbage + `"}}`, `{"stringData":{"copy":"` + garbage + `"}}`, `{"data":{"token":null}}`,
		`{"metadata":{"labels":{"version":"` + garbage + `"}}}`,
	}
	patch := patches[s.random.IntN(len(patches))]
	s.books.garbles(at.key().String())
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: at.key().Namespace, Name: at.key().Name}}
	if err := s.stack.Client.Patch(ctx, secret, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		return err
	}
	kept := func(key string) bool { return len(secret.Data[key]) > 0 && string(secret.Data[key]) != garbage }
	if !kept(v1alpha1.DefaultDataKey) && !kept("copy") {
		return s.loses(ctx, at)
	}
	return nil
}

// loses notes that the value of a token is nowhere any more.
func (s *soak) loses(ctx context.Context, at target) error {
	object, err := s.living(ctx, at)
	if err == nil && !at.kind.readable {
		s.books.needs(incarnationOf(string(object.UID)), valueLost)
	}
	return err
}

// deleteSecret deletes the Secret with its ledger. Where the operator had not yet told of the token in its status, nothing in the cluster
// says any more that consumers may have it.
func (s *soak) deleteSecret(ctx context.Context, at target) error {
	held, err := s.held(ctx, at)
	if err != nil {
		return err
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: at.key().Namespace, Name: at.key().Name}}
	if err := s.stack.Client.Delete(ctx, secret); err != nil {
		return err
	}
	object, err := s.living(ctx, at)
	if err != nil {
		return err
	}
	if told := object.Status.Current; held != "" && (told == nil || told.ID != held) {
		s.books.unnotes(held, time.Now())
	}
	return s.loses(ctx, at)
}

// held is the ID of the token that a Secret holds and the vendor accepts; empty for none.
func (s *soak) held(ctx context.Context, at target) (string, error) {
	secret := &corev1.Secret{}
	if err := s.stack.Client.Get(ctx, at.key(), secret); err != nil {
		return "", err
	}
	for _, key := range []string{v1alpha1.DefaultDataKey, "copy"} {
		connection, err := s.vendor.Platform(at.kind.vendor).Check(ctx, string(secret.Data[key]))
		if err != nil || connection.Active {
			return connection.ID, err
		}
	}
	return "", nil
}

// deleteToken deletes a GatewayToken, and whoever uses it.
func (s *soak) deleteToken(ctx context.Context, at target) error {
	object, err := s.living(ctx, at)
	if err != nil {
		return err
	}
	s.books.ends(time.Now(), func(name string) bool { return name == at.key().String() })
	if err := s.stack.Client.Delete(ctx, object); err != nil || !at.hasConsumers() {
		return err
	}
	return s.stack.Client.Delete(ctx, consumer(at))
}

// deletePlace deletes a namespace with all that is in it.
func (s *soak) deletePlace(ctx context.Context, at target) error {
	s.books.ends(time.Now(), func(name string) bool {
		return strings.HasPrefix(name, at.namespace+"/")
	})
	return s.stack.Client.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: at.namespace}})
}

// revokeByHand lets a person revoke the token that a Secret holds.
func (s *soak) revokeByHand(ctx context.Context, at target) error {
	object, err := s.living(ctx, at)
	if err != nil {
		return err
	}
	held, err := s.held(ctx, at)
	if err != nil || held == "" {
		return err
	}
	s.books.revokes(held, time.Now())
	s.books.needs(incarnationOf(string(object.UID)), byHand)
	return s.vendor.Platform(at.kind.vendor).Revoke(ctx, held)
}

// dropCredentials deletes the Secret of an issuer's credentials. Somebody puts it back some rounds later.
func (s *soak) dropCredentials(ctx context.Context, at target) error {
	if _, known := s.logins[at.namespace]; !known {
		return nil
	}
	if err := s.stack.Client.Delete(ctx, s.credentialsOf(at.place)); err != nil {
		return err
	}
	s.dropped[at.namespace] = true
	return nil
}

// restoreCredentials puts back what was dropped a while ago.
func (s *soak) restoreCredentials(ctx context.Context, drawn func() bool) error {
	for _, p := range s.places {
		if !s.dropped[p.namespace] || !drawn() {
			continue
		}
		delete(s.dropped, p.namespace)
		if err := passing(s.create(ctx, s.credentialsOf(p))); err != nil {
			return err
		}
	}
	return nil
}

// decide lets a person look after what issuers report: what is nobody's is revoked, and all of it is acknowledged.
func (s *soak) decide(ctx context.Context, _ target) error {
	held, err := s.heldIDs(ctx)
	if err != nil {
		return err
	}
	issuers, err := s.issuers(ctx)
	if err != nil {
		return err
	}
	for _, issuer := range issuers {
		open := slices.DeleteFunc(slices.Clone(issuer.IssuerStatus().PossibleOrphans), func(o v1alpha1.PossibleOrphan) bool { return o.Acknowledged })
		if len(open) == 0 {
			continue
		}
		if err := passing(s.decideAbout(ctx, issuer, open, held)); err != nil {
			return err
		}
	}
	return nil
}

func (s *soak) decideAbout(ctx context.Context, issuer v1alpha1.Issuer, open []v1alpha1.PossibleOrphan, held map[string]bool) error {
	place, known := s.placeOf(issuer)
	if !known {
		return nil
	}
	tokens, err := s.vendor.Platform(place.kind.vendor).Tokens(ctx)
	if err != nil {
		return err
	}
	var decided string
	for _, orphan := range open {
		fmt.Fprintf(s.out, "soak: a person decides about %s %s, which %s reports: %s\n", orphan.Pool, orphan.ID, issuer.Ref(), orphan.Message)
		for _, t := range tokens {
			if t.Active && t.ID == orphan.ID && !held[t.ID] {
				s.books.revokes(t.ID, time.Now())
				if err := s.vendor.Platform(place.kind.vendor).Revoke(ctx, t.ID); err != nil {
					return err
				}
			}
		}
		decided += "," + v1alpha1.AcknowledgeOrphan(orphan.ID)
	}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationAcknowledge, decided[1:])
	return s.stack.Client.Patch(ctx, issuer, client.RawPatch(types.MergePatchType, []byte(patch)))
}
