package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

const (
	// patience bounds the time in which everything heals after the last fault: back-offs of a few minutes are in it.
	patience = 8 * time.Minute
	// lookEvery is how often the cluster is looked at meanwhile, tellEvery how often that is told, decideAfter when a person comes to
	// look after what is reported.
	lookEvery, tellEvery, decideAfter = time.Second, 20 * time.Second, 20 * time.Second
)

// await waits for a condition, tells what it waits for, and starts an operator that has ended. A person looks after what issuers report:
// where tokens have no names, the operator goes on only then.
func (s *soak) await(ctx context.Context, condition func(context.Context) error) error {
	began := time.Now()
	told, decided := began, began
	return stack.AwaitEvery(ctx, lookEvery, patience, func(ctx context.Context) error {
		if err := s.lead(ctx); err != nil {
			return errors.Join(stack.ErrNever, err)
		}
		found := condition(ctx)
		if found == nil || errors.Is(found, stack.ErrNever) {
			return found
		}
		if time.Since(told) > tellEvery {
			told = time.Now()
			fmt.Fprintf(s.out, "soak: since %.0f s waiting, as %s\n", time.Since(began).Seconds(), firstLine(found))
		}
		if time.Since(decided) > decideAfter {
			decided = time.Now()
			if err := s.decide(ctx, target{}); err != nil {
				return err
			}
		}
		return found
	})
}

// firstLine is as much of an error as one likes to read again and again.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line[:min(len(line), 300)]
}

// settled: nothing is being deleted, every GatewayToken is Ready, and exactly what is in Secrets is active, beside what was reported.
func (s *soak) settled(ctx context.Context) error {
	var namespaces corev1.NamespaceList
	if err := s.stack.Client.List(ctx, &namespaces); err != nil {
		return err
	}
	for i := range namespaces.Items {
		if namespaces.Items[i].DeletionTimestamp != nil {
			return fmt.Errorf("namespace %s is still being deleted: %s", namespaces.Items[i].Name, s.oneOf(ctx, namespaces.Items[i].Name))
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
	return s.onlyInSecrets(ctx)
}

// oneOf tells of a GatewayToken that is still in a namespace.
func (s *soak) oneOf(ctx context.Context, namespace string) string {
	var objects v1alpha1.GatewayTokenList
	if err := s.stack.Client.List(ctx, &objects); err != nil {
		return err.Error()
	}
	for i := range objects.Items {
		if objects.Items[i].Namespace == namespace {
			return fmt.Sprintf("%s %s", objects.Items[i].Name, says(&objects.Items[i]))
		}
	}
	return "it has no GatewayToken any more"
}

func atRest(object *v1alpha1.GatewayToken) error {
	name := object.Namespace + "/" + object.Name
	ready := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case object.DeletionTimestamp != nil:
		return fmt.Errorf("GatewayToken %s is still being deleted: %s", name, says(object))
	case ready == nil || ready.Status != "True" || ready.ObservedGeneration != object.Generation:
		return fmt.Errorf("GatewayToken %s is not Ready: %s", name, says(object))
	case len(object.Status.Retiring) > 0:
		return fmt.Errorf("GatewayToken %s has retiring tokens: %+v: %s", name, object.Status.Retiring, says(object))
	case object.Annotations[v1alpha1.AnnotationRotateRequest] != object.Status.HandledRotateRequest:
		return fmt.Errorf("GatewayToken %s has a request that is not answered: %s", name, says(object))
	default:
		return nil
	}
}

// says are the conditions in one line.
func says(object *v1alpha1.GatewayToken) string {
	var text []string
	for _, c := range object.Status.Conditions {
		text = append(text, fmt.Sprintf("%s=%s %s (%s)", c.Type, c.Status, c.Reason, c.Message))
	}
	return strings.Join(text, "; ")
}

// onlyInSecrets: the active tokens are those of the GatewayTokens' Secrets, one each.
func (s *soak) onlyInSecrets(ctx context.Context) error {
	owned, err := s.owned(ctx)
	if err != nil {
		return err
	}
	if len(owned.without) > 0 {
		return fmt.Errorf("GatewayTokens whose value the vendor does not accept: %v", owned.without)
	}
	rows, err := s.marked(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.active && !owned.ids[row.id] && !s.books.isReported(row.id) {
			return fmt.Errorf("%s %s %s is active, in no Secret, and not reported", row.kind, row.name, row.id)
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
		return fmt.Errorf("%d GatewayTokens are left, such as %s/%s: %s", len(objects.Items), objects.Items[0].Namespace, objects.Items[0].Name, says(&objects.Items[0]))
	}
	return s.settled(ctx)
}

// row is a token at a vendor that the operator had made.
type row struct {
	made
	active bool
}

// marked are all tokens that the operator had made: by their marker or, where they have no names, by whose credentials they were made
// with. A service account without a token has no value, and counts as active all the same.
func (s *soak) marked(ctx context.Context) ([]row, error) {
	var found []row
	for _, vendor := range s.vendors() {
		tokens, err := s.vendor.Platform(vendor).Tokens(ctx)
		if err != nil {
			return nil, err
		}
		for _, t := range tokens {
			if m, ours := s.books.madeBy(vendor, t); ours && (t.Issued || t.Active) {
				found = append(found, row{made: m, active: t.Active})
			}
		}
	}
	return found, nil
}

func (s *soak) vendors() []stack.Vendor {
	var vendors []stack.Vendor
	for _, k := range s.kinds {
		if !slices.Contains(vendors, k.vendor) {
			vendors = append(vendors, k.vendor)
		}
	}
	return vendors
}

// madeBy tells whether the operator had a token made, and for which group of GatewayTokens.
func (b *books) madeBy(vendor stack.Vendor, t stack.Token) (made, bool) {
	b.guard.Lock()
	defer b.guard.Unlock()
	m := made{id: t.ID, name: t.Name, at: t.CreatedAt, valueless: !t.Issued}
	if _, marker, marked := token.ParseName(t.Name); marked {
		m.group = marker.Incarnation
	} else if vendor == stack.PingOne && b.makers[t.Maker] {
		m.group, m.name = t.Place, "gateway "+t.Place
	} else {
		return made{}, false
	}
	for _, l := range b.lives {
		if l.group == m.group {
			m.kind = l.kind
		}
	}
	if m.kind == "" {
		m.kind = string(vendor) + ", of nobody known"
	}
	return m, true
}

func (b *books) isReported(id string) bool {
	b.guard.Lock()
	defer b.guard.Unlock()
	return b.reported[id]
}

// ownership is what the cluster says it has.
type ownership struct {
	// ids are the tokens in Secrets, and those that retire.
	ids map[string]bool
	// without are GatewayTokens whose value the vendor does not accept.
	without []string
}

func (s *soak) owned(ctx context.Context) (ownership, error) {
	found := ownership{ids: map[string]bool{}}
	var objects v1alpha1.GatewayTokenList
	if err := s.stack.Client.List(ctx, &objects); err != nil {
		return found, err
	}
	for i := range objects.Items {
		object := &objects.Items[i]
		for _, retiring := range object.Status.Retiring {
			found.ids[retiring.ID] = true
		}
		at, known := s.targetOf(object.Namespace, object.Name)
		if !known {
			continue
		}
		id, err := s.held(ctx, at)
		if err != nil && !apierrors.IsNotFound(err) {
			return found, err
		}
		if found.ids[id] = true; id == "" {
			found.without = append(found.without, object.Namespace+"/"+object.Name)
		}
	}
	return found, nil
}
