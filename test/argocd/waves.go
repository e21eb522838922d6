package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/steps"
)

// waves syncs the example for the first time, while the vendor is down.
func (e *e2e) waves() steps.Chapter {
	return steps.Chapter{Title: "One Application, synced in waves", Steps: []steps.Step{
		steps.Do("the vendor is down: it answers every call with 503", e.vendorFails),
		steps.Do("kubectl apply: examples/argocd/application.yaml, led to the repository", e.applyApplication),
		steps.Check("Argo CD shows the GatewayToken as Progressing, not as Degraded: nobody need do anything", soon(
			e.shows(v1alpha1.KindGatewayToken, mediator, "Progressing", ""))),
		steps.Check("so it shows the issuer; the Application as a whole lacks something, which is no failure", steps.Both(
			soon(e.shows(v1alpha1.KindClusterTokenIssuer, issuer, "Progressing", "")), soon(e.hasHealth("Missing")))),
		steps.Check("after three hard refreshes the sync still waits: the mediator, of a later wave, was not created", steps.Both(
			e.hardRefreshes(3), e.syncWaits, e.gone(&appsv1.Deployment{}, namespace, "mediator"),
			e.shows(v1alpha1.KindGatewayToken, mediator, "Progressing", ""))),
		steps.Check("with the issuer it shows what is wrong", e.shows(v1alpha1.KindClusterTokenIssuer, issuer, "Progressing", "503")),
		steps.Do("what runs in the mediator's pods is played: it reads the Secret once, when it starts, and calls the vendor every "+callEvery.String(), e.plays),
		steps.Do("the vendor is back", func(ctx context.Context) error { return e.vendor.ClearFaults(ctx) }),
		steps.Check("the Application becomes Synced and Healthy", soon(e.isSynced)),
		steps.Check("the vendor has one token, made by one call, and it is the one in the Secret", steps.Both(
			soon(e.isPublished), e.haveTokens(base, 1, 1), e.noneNeedless)),
		steps.Check("the mediator was created after the GatewayToken had become Ready", e.cameLater),
		steps.Check("its pod is ready and calls the vendor with that token, and no call was refused", steps.Both(soon(e.isUsed), e.noneRefused)),
		steps.Check("it took one sync", e.wasOneSync),
	}}
}

// vendorFails lets every call go wrong until that is taken back.
func (e *e2e) vendorFails(ctx context.Context) error {
	var faults []stack.Fault
	for _, route := range []string{causely.RouteLogin, causely.RouteList, causely.RouteCreate, causely.RouteRevoke} {
		faults = append(faults, stack.Fault{Route: route, Kind: stage.Status, Status: http.StatusServiceUnavailable})
	}
	return e.vendor.AddFaults(ctx, faults...)
}

func (e *e2e) plays(ctx context.Context) error {
	e.kubelet = stack.StartKubelet(ctx, e.stack.Client, callEvery, func(in string) (stack.Platform, bool) { return e.platform(), in == namespace })
	return nil
}

// syncWaits holds while the first operation goes on.
func (e *e2e) syncWaits(ctx context.Context) error {
	_, found, err := e.application(ctx)
	if err == nil && !found.running() {
		err = fmt.Errorf("expected the sync to go on, found %s: %s", found.OperationState.Phase, found.OperationState.Message)
	}
	return err
}

// cameLater compares when the API server made the Deployment with when the GatewayToken became Ready.
func (e *e2e) cameLater(ctx context.Context) error {
	deployment := &appsv1.Deployment{}
	if err := e.stack.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "mediator"}, deployment); err != nil {
		return err
	}
	object, err := e.token(ctx)
	if err != nil {
		return err
	}
	ready := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return errors.New("expected the GatewayToken to have the condition Ready, found none")
	}
	if since, made := ready.LastTransitionTime.Time, deployment.CreationTimestamp.Time; made.Before(since) {
		return fmt.Errorf("expected the Deployment to be made after %s, when the GatewayToken became Ready, found %s", since.Format(time.RFC3339), made.Format(time.RFC3339))
	}
	return nil
}

// wasOneSync holds when there was one operation only.
func (e *e2e) wasOneSync(ctx context.Context) error {
	now, err := e.entriesNow(ctx)
	if err == nil && len(now.operations) != 1 {
		err = fmt.Errorf("expected one sync, found those that began at %v", now.operations)
	}
	return err
}

// inSync holds when nothing that the operator writes makes a difference to Argo CD.
func (e *e2e) inSync() steps.Chapter {
	return steps.Chapter{Title: "Nothing is out of sync", Steps: []steps.Step{
		steps.Do("from here on every version of the Application is looked at", e.remembers),
		steps.Check("the operator has written to objects that come from Git: finalizers and status", e.isWrittenTo),
		steps.Check("after three hard refreshes the Application was Synced all the time, and nothing was synced again", steps.Both(
			e.hardRefreshes(3), e.isSynced, e.nothingHappened, e.isKept)),
		steps.Do("the Application compares on the client's side, and is synced without ServerSideApply", e.patchApplication(
			`{"metadata":{"annotations":{"argocd.argoproj.io/compare-options":"ServerSideDiff=false"}},"spec":{"syncPolicy":{"syncOptions":["PruneLast=true"]}}}`)),
		steps.Check("it stays Synced over a hard refresh", steps.Both(e.hardRefreshes(1), e.isSynced, e.nothingHappened)),
		steps.Do("it compares on the server's side", e.patchApplication(
			`{"metadata":{"annotations":{"argocd.argoproj.io/compare-options":"ServerSideDiff=true"}},"spec":{"syncPolicy":{"syncOptions":["ServerSideApply=true","PruneLast=true"]}}}`)),
		steps.Check("it stays Synced over a hard refresh", steps.Both(e.hardRefreshes(1), e.isSynced, e.nothingHappened)),
		steps.Do("it is as in the example again", e.patchApplication(`{"metadata":{"annotations":{"argocd.argoproj.io/compare-options":null}}}`)),
	}}
}

// isWrittenTo holds when GatewayToken and issuer have what only the operator writes.
func (e *e2e) isWrittenTo(ctx context.Context) error {
	object, err := e.token(ctx)
	if err != nil {
		return err
	}
	at := &v1alpha1.ClusterTokenIssuer{}
	if err := e.stack.Client.Get(ctx, client.ObjectKey{Name: issuer}, at); err != nil {
		return err
	}
	if len(object.Finalizers) == 0 || object.Status.Current == nil || len(at.Finalizers) == 0 || len(at.Status.Conditions) == 0 {
		return fmt.Errorf("expected finalizers and status on GatewayToken and issuer, found %v, %+v and %v, %+v", object.Finalizers, object.Status, at.Finalizers, at.Status)
	}
	return nil
}

func (e *e2e) patchApplication(patch string) condition {
	return e.kubectl("--namespace", argoNamespace, "patch", "application", application, "--type=merge", "--patch", patch)
}
