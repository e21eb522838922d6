package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/consumers"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

const (
	rollNamespace = "rollouts"
	rollToken     = "rolling"
	rollConsumer  = "mediator"
	rollReplicas  = 3
	// rollCreates is how many tokens the chapters need: the first, and one for each of three rotations.
	rollCreates = 4
	// looks is how often the operator is to have looked at pods that keep a token, before somebody lets them go.
	looks = 5
	// callEvery is how often what runs in a pod calls the vendor.
	callEvery = 200 * time.Millisecond
)

// rollout is a token that is rotated under a Deployment that rolls.
type rollout struct {
	*subject
	// refused and calls are how many had been counted when that was last told.
	calls, refused int
	// replaced is when the new value was seen in the Secret.
	replaced time.Time
}

// rollouts tells of consumers that run: nobody is refused because of a rotation, however long they take, and without the gate they are.
func (d *demo) rollouts() []chapter {
	r := &rollout{subject: &subject{
		demo: d, at: d.causely, namespace: rollNamespace, name: rollToken, base: rollToken, secretName: rollToken, key: tokenKey,
	}}
	return []chapter{
		{Title: "A rotation under a Deployment that rolls", Steps: slices.Concat(
			r.begins(), r.rotates(), r.isRestarted(), r.hasRolled(), r.retiresAfterPods(),
		)},
		{Title: "A rotation under a rollout that hangs", Steps: slices.Concat(
			r.hangs(), r.rotates(), r.isRestarted(), r.isWaitedFor(), r.isFixed(), r.hasRolled(), r.retiresAfterPods(),
		)},
		{Title: "The control: an operator without the gate", Steps: slices.Concat(
			r.withoutGate(), r.isRefused(), r.restarts(), r.hasRolled(), r.withGate(),
		)},
	}
}

func (r *rollout) begins() []step {
	return []step{
		do("kube-scheduler and kwok start, with two nodes: from now on pods run", func(ctx context.Context) error { return r.stack.StartNodes(ctx, 2) }),
		do("kubectl apply: namespace "+rollNamespace+", a grant for it, GatewayToken "+rollToken+" with consumers.action Restart, Deployment "+rollConsumer+" of 3 replicas with maxUnavailable 0", r.apply),
		do("what runs in its pods is played: each reads the Secret once, when it starts, and calls the vendor every "+callEvery.String()+" until it is gone", r.plays),
		check("the GatewayToken becomes Ready, and the vendor accepts the value in its Secret", both(r.isReady(), r.isPublished)),
		check("three pods are ready and call the vendor with that value", soon(r.allReady)),
	}
}

func (r *rollout) apply(ctx context.Context) error {
	err := r.kubectl("patch", "clustertokenissuer", storyIssuer, "--type=json",
		`--patch=[{"op":"add","path":"/spec/grants/-","value":{"namespaces":{"names":["`+rollNamespace+`"]}}}]`)(ctx)
	if err != nil {
		return err
	}
	return r.demo.apply(namespaceManifest(rollNamespace), tokenManifest(rollNamespace, rollToken, v1alpha1.KindClusterTokenIssuer, storyIssuer, overlapSpec+"  consumers:\n    action: Restart\n"),
		consumerManifest())(ctx)
}

func (r *rollout) plays(ctx context.Context) error {
	r.kubelet = stack.StartKubelet(ctx, r.stack.Client, callEvery, func(namespace string) (stack.Platform, bool) {
		return r.at(), namespace == rollNamespace
	})
	return nil
}

func consumerManifest() string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: %[1]s
  namespace: %[2]s
spec:
  replicas: %[3]d
  strategy:
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 1
  selector:
    matchLabels:
      app: %[1]s
  template:
    metadata:
      labels:
        app: %[1]s
    spec:
      containers:
      - name: %[1]s
        image: %[1]s
        env:
        - name: CAUSELY_GATEWAY_TOKEN
          valueFrom:
            secretKeyRef:
              name: %[4]s
              key: %[5]s
`, rollConsumer, rollNamespace, rollReplicas, rollToken, tokenKey)
}

// rotates asks for another token.
func (r *rollout) rotates() []step {
	return []step{
		r.isAsked(),
		check("the Secret gets a new value; the pods go on with the old one, and RevocationPending names them and their Deployment", both(
			soon(r.hasNewValue), soon(r.oldIsHeld))),
	}
}

func (r *rollout) isAsked() step {
	return do("kubectl annotate gatewaytoken "+rollToken+" "+v1alpha1.AnnotationRotateRequest+"=…, the time of it", func(ctx context.Context) error {
		if err := soon(r.isOlder)(ctx); err != nil {
			return err
		}
		return r.kubectl("--namespace", rollNamespace, "annotate", "--overwrite", "gatewaytoken", rollToken,
			v1alpha1.AnnotationRotateRequest+"="+time.Now().UTC().Format(time.RFC3339))(ctx)
	})
}

// hasNewValue is isReplaced, and takes note of the time.
func (r *rollout) hasNewValue(ctx context.Context) error {
	err := r.isReplaced(ctx)
	if err == nil {
		r.replaced = time.Now()
	}
	return err
}

// isOlder holds when a request that is made now is later than the token in use: whole seconds are compared.
func (r *rollout) isOlder(ctx context.Context) error {
	inUse, err := r.row(ctx, r.id)
	if next := inUse.CreatedAt.Add(time.Second); err == nil && time.Now().Before(next) {
		err = fmt.Errorf("expected the time to be %s, it is not", next)
	}
	return err
}

// isRestarted: the operator has the consumer take the new value.
func (r *rollout) isRestarted() []step {
	return []step{
		check("the operator restarts the Deployment for this token, once: its template has the annotation "+consumers.AnnotationRestartedFor, soon(func(ctx context.Context) error {
			object := &v1alpha1.GatewayToken{}
			if err := r.stack.Client.Get(ctx, client.ObjectKey{Namespace: rollNamespace, Name: rollToken}, object); err != nil {
				return err
			}
			deployment, err := r.deployment(ctx)
			note := deployment.Spec.Template.Annotations[consumers.AnnotationRestartedFor]
			if want := fmt.Sprintf("%s=%d/", rollToken, object.Status.Current.Sequence); err == nil && !strings.HasPrefix(note, want) {
				err = fmt.Errorf("expected the annotation to begin with %s, found %q", want, note)
			}
			return err
		})),
	}
}

// restarts has the consumer take the new value where the operator is told to leave that to somebody else.
func (r *rollout) restarts() []step {
	return []step{
		do("kubectl rollout restart deployment/"+rollConsumer+", as soon as a new pod is known to have the new value", func(ctx context.Context) error {
			if err := soon(r.isSettled)(ctx); err != nil {
				return err
			}
			return r.kubectl("--namespace", rollNamespace, "rollout", "restart", "deployment/"+rollConsumer)(ctx)
		}),
	}
}

// isSettled holds when pods that are created from now on are known to have the new value by their age. It is told in
// whole seconds, and so is the time of the publication, which is rounded up.
func (r *rollout) isSettled(context.Context) error {
	if settled := r.replaced.Add(stack.PodMargin + 2*time.Second); time.Now().Before(settled) {
		return fmt.Errorf("expected the time to be %s, it is not", settled)
	}
	return nil
}

// allReady holds when every pod that the Deployment is to have is ready, and calls with the token that was noted.
func (r *rollout) allReady(context.Context) error {
	holders, err := r.kubelet.Holders(r.id)
	holders = slices.DeleteFunc(holders, func(c stack.Consumer) bool { return !c.Ready })
	if err == nil && len(holders) != rollReplicas {
		err = fmt.Errorf("expected %d pods that are ready and have token %s, found %+v", rollReplicas, r.id, holders)
	}
	return err
}

// oldIsHeld holds while as many pods as the Deployment is to have go on with the token before; the vendor accepts it, and the condition says so.
func (r *rollout) oldIsHeld(ctx context.Context) error {
	holders, err := r.kubelet.Holders(r.oldID)
	if err == nil && len(holders) < rollReplicas {
		err = fmt.Errorf("expected %d pods that have token %s, found %+v", rollReplicas, r.oldID, holders)
	}
	if err != nil {
		return err
	}
	old, err := r.row(ctx, r.oldID)
	if err == nil && !old.Active {
		err = fmt.Errorf("expected the vendor to accept token %s, which pods have, found %+v", r.oldID, old)
	}
	if err != nil {
		return err
	}
	return r.tells(r.object(), ready(), expectation{
		kind: v1alpha1.ConditionRevocationPending, status: "True", reason: v1alpha1.ReasonWaitingForConsumers,
		says: strconv.Itoa(len(holders)) + " pods hold it: Deployment/" + rollConsumer,
	})(ctx)
}

// hasRolled follows a restart.
func (r *rollout) hasRolled() []step {
	return []step{
		check("the Deployment rolls: all pods are new ones, and have the new value", both(soon(r.deploymentRolled), soon(r.allReady))),
	}
}

// deploymentRolled holds when the Deployment has pods of its latest template and no others.
func (r *rollout) deploymentRolled(ctx context.Context) error {
	deployment, err := r.deployment(ctx)
	if err != nil {
		return err
	}
	status := deployment.Status
	if status.ObservedGeneration != deployment.Generation || status.UpdatedReplicas != rollReplicas || status.AvailableReplicas != rollReplicas || status.Replicas != rollReplicas {
		return fmt.Errorf("expected %d pods of the latest template and no others, found %+v", rollReplicas, status)
	}
	return nil
}

func (r *rollout) deployment(ctx context.Context) (*appsv1.Deployment, error) {
	deployment := &appsv1.Deployment{}
	err := r.stack.Client.Get(ctx, client.ObjectKey{Namespace: rollNamespace, Name: rollConsumer}, deployment)
	return deployment, err
}

// retiresAfterPods: the token before has ended, and no pod noticed.
func (r *rollout) retiresAfterPods() []step {
	return []step{
		check("the old token is revoked, but not before the last pod that had it was gone and the overlap had passed since", both(soon(r.oldIsRefused), r.outlivedPods)),
		check("ConsumersReady is True: no pod has an earlier value", soon(r.tells(r.object(), expectation{
			kind: v1alpha1.ConditionConsumersReady, status: "True", reason: v1alpha1.ReasonConsumersCurrent,
		}))),
		check("no call was refused", func(context.Context) error {
			refused, err := r.count()
			if err == nil && refused > 0 {
				err = fmt.Errorf("expected no refused call, found %d", refused)
			}
			return err
		}),
	}
}

// outlivedPods compares the vendor's books with what was seen of the pods.
func (r *rollout) outlivedPods(ctx context.Context) error {
	old, err := r.row(ctx, r.oldID)
	if err != nil {
		return err
	}
	gone, err := r.kubelet.LastGone(r.oldID)
	// The vendor's times are whole seconds, and so is the time by which the operator reckons.
	if err == nil && old.EndedAt.Sub(gone) <= overlap-2*time.Second {
		err = fmt.Errorf("expected token %s to live for %s after %s, when its last pod was gone, found that it ended at %s", r.oldID, overlap, gone, old.EndedAt)
	}
	return err
}

// count tells how many calls were made since that was last told, and returns how many of them were refused.
func (r *rollout) count() (int, error) {
	all, err := r.kubelet.Told()
	var calls, refused int
	var who strings.Builder
	for _, runs := range all {
		calls, refused = calls+runs.Calls, refused+runs.Refused
		if runs.Refused > 0 {
			fmt.Fprintf(&who, "        %s: %d refused of %d\n", runs.Pod, runs.Refused, runs.Calls)
		}
	}
	newly := refused - r.refused
	fmt.Fprintf(r.demo.report.Out, "        %d refused of %d calls\n%s", newly, calls-r.calls, who.String())
	r.calls, r.refused = calls, refused
	return newly, err
}

// hangs rolls out something that does not work.
func (r *rollout) hangs() []step {
	return []step{
		do("a release of the consumer is rolled out whose pods never become ready", r.patchConsumer(`[{"conditionType":"example.com/migrated"}]`)),
		check("its rollout hangs: a fourth pod runs beside the three and is not ready", soon(func(ctx context.Context) error {
			holders, err := r.kubelet.Holders(r.id)
			if err == nil && len(holders) != rollReplicas+1 {
				err = fmt.Errorf("expected %d pods that run, found %+v", rollReplicas+1, holders)
			}
			return errors.Join(err, r.allReady(ctx))
		})),
	}
}

// patchConsumer sets the readiness gates of the consumer's pods.
func (r *rollout) patchConsumer(gates string) func(context.Context) error {
	return r.kubectl("--namespace", rollNamespace, "patch", "deployment", rollConsumer, "--type=merge",
		`--patch={"spec":{"template":{"spec":{"readinessGates":`+gates+`}}}}`)
}

// isWaitedFor: the operator looks again and again.
func (r *rollout) isWaitedFor() []step {
	return []step{
		check(fmt.Sprintf("the operator looks at the pods %d times more, and the old token stays: three pods go on with it", looks), func(ctx context.Context) error {
			before, err := r.stack.Lists(ctx, "pods")
			if err != nil {
				return err
			}
			// The answer is long: it is not asked for more often than it changes.
			err = stack.AwaitEvery(ctx, time.Second, patience, func(ctx context.Context) error {
				now, err := r.stack.Lists(ctx, "pods")
				if err == nil && now < before+looks {
					err = fmt.Errorf("expected %d looks, found %d", looks, now-before)
				}
				return err
			})
			if err != nil {
				return err
			}
			return soon(r.oldIsHeld)(ctx)
		}),
	}
}

func (r *rollout) isFixed() []step {
	return []step{do("the release is corrected and rolled out", r.patchConsumer("null"))}
}

// withoutGate puts another operator in the place of the one that is tested.
func (r *rollout) withoutGate() []step {
	return []step{
		do("the operator ends, and a build of it starts that does not look at pods: bin/manager-without-gate, which nothing else uses", both(
			r.operatorEnds, func(ctx context.Context) error { return r.operator.StartWithoutGate(ctx) }, r.operatorLeads)),
		do("the GatewayToken gets consumers.action Wait: somebody else restarts, and takes his time", r.kubectl("--namespace", rollNamespace, "patch", "gatewaytoken", rollToken,
			"--type=merge", `--patch={"spec":{"consumers":{"action":"Wait"}}}`)),
		r.isAsked(),
		check("the Secret gets a new value", soon(r.hasNewValue)),
	}
}

func (r *rollout) operatorEnds(context.Context) error { return r.operator.Stop() }

func (r *rollout) operatorLeads(ctx context.Context) error { return r.operator.AwaitLeader(ctx) }

func (r *rollout) isRefused() []step {
	return []step{
		check("the old token is revoked after the overlap, while three pods have it: their calls are refused", both(soon(r.oldIsRefused), soon(func(context.Context) error {
			holders, err := r.kubelet.Holders(r.oldID)
			refused := slices.DeleteFunc(slices.Clone(holders), func(c stack.Consumer) bool { return c.Refused == 0 })
			if err == nil && len(refused) != rollReplicas {
				err = fmt.Errorf("expected %d pods that are refused, found %+v", rollReplicas, holders)
			}
			return err
		}))),
	}
}

// withGate puts the operator back.
func (r *rollout) withGate() []step {
	return []step{
		check("so without the gate calls are refused", func(context.Context) error {
			refused, err := r.count()
			if err == nil && refused == 0 {
				err = errors.New("expected refused calls, found none")
			}
			return err
		}),
		do("it ends, and the operator starts again", both(
			r.operatorEnds, func(ctx context.Context) error { return r.operator.Start(ctx) }, r.operatorLeads)),
		check("the token in use was not touched by any of it: four were made, and one is active", both(r.isKept, r.haveTokens(rollCreates, 1))),
		do("kubectl delete deployment "+rollConsumer, func(ctx context.Context) error {
			r.kubelet.Stop()
			return r.kubectl("--namespace", rollNamespace, "delete", "deployment", rollConsumer)(ctx)
		}),
	}
}
