package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
)

// settled: nothing is being deleted, every GatewayToken is Ready, and exactly what is in Secrets is active.
func (s *soak) settled(ctx context.Context) error {
	var namespaces corev1.NamespaceList
	if err := s.stack.Client.List(ctx, &namespaces); err != nil {
		return err
	}
	for i := range namespaces.Items {
		if namespaces.Items[i].DeletionTimestamp != nil {
			return fmt.Errorf("namespace %s is still being deleted", namespaces.Items[i].Name)
		}
	}
	var objects v1alpha1.GatewayTokenList
	if err := s.stack.Client.List(ctx, &objects); err != nil {
		return err
	}
	for i := range objects.Items {
		if err := atRest(&objects.Items[i]); err != nil {
			return err
		}
	}
	return s.onlyInSecrets(ctx, len(objects.Items))
}

func atRest(object *v1alpha1.GatewayToken) error {
	name := object.Namespace + "/" + object.Name
	ready := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case object.DeletionTimestamp != nil:
		return fmt.Errorf("GatewayToken %s is still being deleted: %+v", name, object.Status.Conditions)
	case ready == nil || ready.Status != "True" || ready.ObservedGeneration != object.Generation:
		return fmt.Errorf("GatewayToken %s is not Ready: %+v", name, object.Status.Conditions)
	case len(object.Status.Retiring) > 0:
		return fmt.Errorf("GatewayToken %s has retiring tokens: %+v", name, object.Status.Retiring)
	default:
		return nil
	}
}

// onlyInSecrets: the active tokens are those of the GatewayTokens' Secrets, one each.
func (s *soak) onlyInSecrets(ctx context.Context, want int) error {
	owned, err := s.owned(ctx)
	if err != nil {
		return err
	}
	if len(owned.ids) != want {
		return fmt.Errorf("%d GatewayTokens have %d accepted values; refused: %v", want, len(owned.ids), owned.refused)
	}
	rows, err := s.marked(ctx)
	if err != nil {
		return err
	}
	for _, token := range rows {
		if token.State == causely.Active && !owned.ids[token.ID] {
			return fmt.Errorf("%s is active and in no Secret", token.Name)
		}
	}
	return nil
}

// empty: nothing of the workload is left.
func (s *soak) empty(ctx context.Context) error {
	var objects v1alpha1.GatewayTokenList
	if err := s.stack.Client.List(ctx, &objects); err != nil {
		return err
	}
	if len(objects.Items) > 0 {
		return fmt.Errorf("%d GatewayTokens are left, such as %s/%s: %+v", len(objects.Items), objects.Items[0].Namespace, objects.Items[0].Name, objects.Items[0].Status.Conditions)
	}
	return s.settled(ctx)
}
