package main

import (
	"context"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
)

// garbage is what somebody writes into a Secret.
const garbage = "garbage"

// action is something that somebody does to a GatewayToken, its Secret or its namespace.
type action struct {
	weight int
	do     func(*soak, context.Context, place, string) error
}

// actions are weighted so that objects live for some rounds. A namespace that is deleted is away for several: the
// operator must lead for longer than settle before it releases an object.
func actions() []action {
	return []action{
		{28, (*soak).applyToken},
		{8, (*soak).editSecret},
		{6, (*soak).deleteSecret},
		{8, (*soak).deleteToken},
		{1, (*soak).deletePlace},
		{5, (*soak).revokeByHand},
	}
}

// act does something random.
func (s *soak) act(ctx context.Context) error {
	all := actions()
	total := 0
	for _, a := range all {
		total += a.weight
	}
	where := places()[s.random.IntN(len(places()))]
	name := "token-" + strconv.Itoa(s.random.IntN(tokensPerPlace))
	drawn := s.random.IntN(total)
	for _, a := range all {
		if drawn -= a.weight; drawn < 0 {
			return passing(a.do(s, ctx, where, name))
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

// applyToken creates a GatewayToken or edits what is there.
func (s *soak) applyToken(ctx context.Context, where place, name string) error {
	if usable, err := s.ensure(ctx, where); !usable || err != nil {
		return err
	}
	label := v1alpha1.LabelValue(strconv.Itoa(s.random.IntN(3)))
	object := &v1alpha1.GatewayToken{}
	err := s.stack.Client.Get(ctx, client.ObjectKey{Namespace: where.name, Name: name}, object)
	if err == nil {
		before := object.DeepCopy()
		object.Spec.Secret = secretTemplate(label)
		return s.stack.Client.Patch(ctx, object, client.MergeFrom(before))
	}
	if !apierrors.IsNotFound(err) {
		return err
	}
	ref := v1alpha1.IssuerReference{Kind: v1alpha1.KindClusterTokenIssuer, Name: sharedIssuer}
	if where.tenant {
		ref = v1alpha1.IssuerReference{Kind: v1alpha1.KindTokenIssuer, Name: ownIssuer}
	}
	return s.stack.Client.Create(ctx, &v1alpha1.GatewayToken{
		ObjectMeta: metav1.ObjectMeta{Namespace: where.name, Name: name},
		Spec: v1alpha1.GatewayTokenSpec{
			IssuerRef: ref, Secret: secretTemplate(label), Rotation: &v1alpha1.Rotation{Overlap: &metav1.Duration{Duration: time.Second}},
		},
	})
}

func secretTemplate(label v1alpha1.LabelValue) *v1alpha1.SecretTemplate {
	return &v1alpha1.SecretTemplate{
		Labels: map[string]v1alpha1.LabelValue{"version": label},
		Data:   map[string]v1alpha1.DataTemplate{v1alpha1.DefaultDataKey: v1alpha1.DefaultDataTemplate, "copy": v1alpha1.DefaultDataTemplate},
	}
}

// editSecret writes garbage into one key, or takes it away.
func (s *soak) editSecret(ctx context.Context, where place, name string) error {
	patches := []string{
		`{"stringData":{"token":"` + garbage + `"}}`, `{"stringData":{"copy":"` + garbage + `"}}`, `{"data":{"token":null}}`,
		`{"metadata":{"labels":{"version":"` + garbage + `"}}}`,
	}
	patch := patches[s.random.IntN(len(patches))]
	return s.stack.Client.Patch(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: where.name, Name: name}}, client.RawPatch(types.MergePatchType, []byte(patch)))
}

func (s *soak) deleteSecret(ctx context.Context, where place, name string) error {
	return s.stack.Client.Delete(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: where.name, Name: name}})
}

func (s *soak) deleteToken(ctx context.Context, where place, name string) error {
	return s.stack.Client.Delete(ctx, &v1alpha1.GatewayToken{ObjectMeta: metav1.ObjectMeta{Namespace: where.name, Name: name}})
}

// deletePlace deletes a namespace with all that is in it.
func (s *soak) deletePlace(ctx context.Context, where place, _ string) error {
	return s.stack.Client.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: where.name}})
}

// revokeByHand lets a person revoke the newest active token of the object's name.
func (s *soak) revokeByHand(ctx context.Context, where place, name string) error {
	tokens, err := s.marked(ctx)
	if err != nil {
		return err
	}
	for i := len(tokens) - 1; i >= 0; i-- {
		if tokens[i].State == causely.Active && tokens[i].base == where.name+"-"+name {
			s.revoked[tokens[i].ID] = true
			return s.vendor.Revoke(ctx, tokens[i].ID)
		}
	}
	return nil
}
