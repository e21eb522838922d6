package uninstall

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// Drain deletes what the operator manages, while the operator is there to release it.
type Drain struct {
	Client client.Client
	// Namespaces are those of an operator that works in named ones only; none for the whole cluster.
	Namespaces []string
	// Timeout bounds all of it, Pause is how long is waited between two looks.
	Timeout, Pause time.Duration
	// Out is told how it goes on.
	Out io.Writer
}

// Run deletes all GatewayTokens and waits until they are gone, then all issuers. What somebody makes anew meanwhile is deleted, too. Each
// GatewayToken's own deletionPolicy says what becomes of its token.
func (d Drain) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	// Issuers are needed until the last token is revoked. They would wait for it by themselves, but what is deleted without need cannot be
	// had back by whoever stops half-way.
	if err := d.empty(ctx, gatewayTokens()); err != nil {
		return err
	}
	return d.empty(ctx, kinds(d.Namespaces)...)
}

// empty deletes all objects of some kinds, again and again until there are none.
func (d Drain) empty(ctx context.Context, kinds ...managedKind) error {
	var left []remaining
	var last error
	told := ""
	err := wait.PollUntilContextCancel(ctx, d.Pause, true, func(ctx context.Context) (bool, error) {
		now, err := d.deleteAll(ctx, kinds)
		if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
			return false, err
		}
		// The API server may be back before the time is over. What was seen before goes on being true until then.
		if last = err; last == nil {
			if text := summary(now); text != told {
				_, _ = fmt.Fprintln(d.Out, text) // nobody to tell is no reason to stop
				told = text
			}
			left = now
		}
		return last == nil && len(left) == 0, nil
	})
	switch {
	case !wait.Interrupted(err):
		return err
	case len(left) == 0 && last != nil:
		return fmt.Errorf("not all is gone within %s: %w", d.Timeout, last)
	default:
		return fmt.Errorf("not all is gone within %s. %s:\n%s\nIs the operator running? What holds a GatewayToken is in its condition %s. Nothing was uninstalled; what was deleted stays deleted",
			d.Timeout, summary(left), details(left), v1alpha1.ConditionRevocationPending)
	}
}

// remaining are the objects of a kind that are there.
type remaining struct {
	kind    managedKind
	objects []client.Object
}

func (d Drain) deleteAll(ctx context.Context, kinds []managedKind) ([]remaining, error) {
	var left []remaining
	for _, kind := range kinds {
		objects, err := all(ctx, d.Client, kind, d.Namespaces)
		if err != nil {
			return nil, err
		}
		for _, object := range objects {
			if object.GetDeletionTimestamp() != nil {
				continue
			}
			err := d.Client.Delete(ctx, object, client.Preconditions{UID: ptr.To(object.GetUID())})
			// Another one of the name is looked at the next time.
			if client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
				return nil, fmt.Errorf("delete %s %s: %w", kind.singular, client.ObjectKeyFromObject(object), err)
			}
		}
		if len(objects) > 0 {
			left = append(left, remaining{kind, objects})
		}
	}
	return left, nil
}

func summary(left []remaining) string {
	if len(left) == 0 {
		return "nothing is left"
	}
	var counts []string
	for _, some := range left {
		counts = append(counts, count(some.kind, some.objects))
	}
	return "still there: " + strings.Join(counts, ", ")
}

// details name the objects that are left, and say what they wait for.
func details(left []remaining) string {
	var lines []string
	for _, some := range left {
		for i, object := range some.objects {
			if i == named {
				lines = append(lines, fmt.Sprintf("  and %d more", len(some.objects)-named))
				break
			}
			lines = append(lines, fmt.Sprintf("  %s %s%s", some.kind.singular, strings.TrimPrefix(client.ObjectKeyFromObject(object).String(), "/"), waitsFor(object)))
		}
	}
	return strings.Join(lines, "\n")
}

// waitsFor is what the operator says of an object in deletion.
func waitsFor(object client.Object) string {
	var found *metav1.Condition
	switch of := object.(type) {
	case *v1alpha1.GatewayToken:
		found = meta.FindStatusCondition(of.Status.Conditions, v1alpha1.ConditionRevocationPending)
	case v1alpha1.Issuer:
		found = meta.FindStatusCondition(of.IssuerStatus().Conditions, v1alpha1.ConditionInUse)
	}
	if found == nil {
		return ""
	}
	return fmt.Sprintf(": %s: %s", found.Reason, found.Message)
}
