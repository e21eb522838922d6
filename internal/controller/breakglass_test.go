package controller_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/rackgateway"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// everyCall are the calls of all vendors that the operator makes.
var everyCall = []string{
	causely.RouteLogin, causely.RouteList, causely.RouteRevoke,
	causeloop.RouteScopes, causeloop.RouteList, causeloop.RouteRevoke, causeloop.RouteListAccounts, causeloop.RouteDeleteAccount, causeloop.RouteWithdraw,
	rackgateway.RouteList, rackgateway.RouteGet, rackgateway.RouteRevoke,
	pingone.RouteLogin, pingone.RouteList, pingone.RouteGet, pingone.RouteRevoke,
}

// closings are ways in which an account is gone.
func closings() map[string]func(*harness.World) {
	answers := func(status int) func(*harness.World) {
		return func(w *harness.World) {
			for _, route := range everyCall {
				w.Fault(route, stage.Status, harness.Always, func(f *simulator.Fault) { f.Status = status })
			}
		}
	}
	return map[string]func(*harness.World){
		"401": answers(http.StatusUnauthorized),
		"404": answers(http.StatusNotFound),
		"no answer": func(w *harness.World) {
			for _, route := range everyCall {
				w.Fault(route, stage.CutBeforeCommit, harness.Always)
			}
		},
	}
}

// told finds the Warning event of a broken glass that names something.
func told(w *harness.World, what string) bool {
	for _, event := range w.Events {
		if event.Type == corev1.EventTypeWarning && event.Reason == "RevocationSkipped" && strings.Contains(event.Note, what) {
			return true
		}
	}
	return false
}

func breakGlass(w *harness.World, uid string, objects ...client.Object) {
	for _, object := range objects {
		with := uid
		if with == "" {
			with = string(object.GetUID())
		}
		harness.Change(w, object, func(o client.Object) { o.SetAnnotations(map[string]string{v1alpha1.AnnotationSkipRevocation: with}) })
	}
}

// The account is closed for good, and nobody will ever answer again. Whoever breaks the glass by the UIDs gets rid of GatewayTokens and
// issuer, and is told what may be left; by any other word nothing goes. That holds although the namespace is in deletion.
func TestBreakGlass(t *testing.T) {
	for closing, closed := range closings() {
		for _, flavours := range everywhere() {
			for vendor, at := range flavours {
				t.Run(closing+"/"+vendor, func(t *testing.T) {
					w := newWorldAt(t, at)
					w.Provide(w.Tenant)
					issuer := w.NamespacedIssuer()
					object, bystander := w.Token("mediator", harness.FromNamespacedIssuer), w.Token("bystander", harness.FromNamespacedIssuer)
					w.Create(issuer, object, bystander)
					w.Advance(5 * time.Minute)
					w.WantReady(object)
					w.WantReady(bystander)
					current := object.Status.Current.ID
					closed(w)
					w.Restart()
					w.Remove(object)
					w.Advance(time.Hour)
					breakGlass(w, "true", object)
					breakGlass(w, string(object.UID), bystander)
					breakGlass(w, string(object.UID), issuer)
					w.Advance(time.Hour)
					if w.Gone(object) || w.Gone(bystander) || w.Gone(issuer) {
						t.Fatal("released by a wrong word")
					}
					if pending := w.Condition(object, v1alpha1.ConditionRevocationPending); pending.Status != metav1.ConditionTrue || pending.Message == "" {
						t.Errorf("it does not say what it waits for: %+v", pending)
					}
					breakGlass(w, "", bystander)
					w.Advance(10 * time.Minute)
					if w.Gone(bystander) {
						t.Fatal("what nobody has deleted is gone")
					}
					breakGlass(w, "", object)
					w.Advance(10 * time.Minute)
					if !w.Gone(object) || w.Secret("mediator") != nil {
						t.Error("it is not gone")
					}
					if !told(w, current) {
						t.Errorf("no warning names token %s: %+v", current, w.Events)
					}
					w.Remove(issuer)
					w.Advance(10 * time.Minute)
					if w.Gone(issuer) {
						t.Fatal("the issuer is released by a wrong word, while a GatewayToken needs it")
					}
					breakGlass(w, "", issuer)
					w.Advance(10 * time.Minute)
					if !w.Gone(issuer) {
						t.Error("the issuer is not gone")
					}
					if !told(w, "1 GatewayToken ") {
						t.Errorf("no warning says what the issuer was needed for: %+v", w.Events)
					}
					namespaceGoes(t, w, bystander)
					w.Heal()
					w.WantActive(2)
				})
			}
		}
	}
}

// namespaceGoes deletes the namespace, with a GatewayToken whose glass was broken before, by the namespace controller.
func namespaceGoes(t *testing.T, w *harness.World, bystander *v1alpha1.GatewayToken) {
	t.Helper()
	current := bystander.Status.Current.ID
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.Tenant}}
	w.Remove(namespace)
	w.Eventually("the namespace is gone", func() error {
		w.Advance(10 * time.Second)
		if !w.Gone(namespace) {
			return errors.New("it is still there")
		}
		return nil
	})
	if !told(w, current) {
		t.Errorf("no warning names token %s: %+v", current, w.Events)
	}
}
