// Package upgrade_test tells what becomes of objects that an earlier release has stored when its CRDs are replaced by today's.
package upgrade_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/app"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/issuer"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// connect makes clients as the operator does, allowed to call loopback addresses.
func connect(wire harness.Wire) issuer.Connect {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	return app.Connect(app.Options{AllowCIDRs: loopback, RequestTimeout: wire.Timeout, HostPerSecond: 50}, wire.Now, wire.Sleep)
}

// Objects of every kind, with their statuses, are stored by the API server as an earlier CRD describes them: what that one does not know is
// pruned. Then today's CRDs are applied in their place. All is still valid, nothing is issued again, no Secret is written, and what
// today's schema would refuse if it were new holds nobody up who changes something else.
func TestUpgrade(t *testing.T) {
	tests := map[string]struct {
		reason   string
		crds     string
		flavours map[string]harness.Flavour
	}{
		"from the first": {
			reason: "Causely alone, and no rotation by age", crds: "testdata/first",
			flavours: map[string]harness.Flavour{"Causely": harness.AtCausely()},
		},
		"from four vendors": {
			reason: "no windows, consumers or strategies", crds: "testdata/vendors",
			flavours: map[string]harness.Flavour{
				"Causely": harness.AtCausely(), "Rack Gateway": harness.AtRackGateway(), "PingOne": harness.AtPingOne(false),
				"Causeloop": harness.AtCauseloop(v1alpha1.CauseloopKindDedicated),
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			plane, err := harness.StartWith(t.Context(), tc.crds)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := plane.Stop(); err != nil {
					t.Error(err)
				}
			})
			worlds := map[string]*stored{}
			for vendor, at := range tc.flavours {
				worlds[vendor] = store(t, plane, at)
			}
			upgrade(t, plane)
			for vendor, stored := range worlds {
				t.Run(vendor, func(t *testing.T) { stored.judge(t, tc.reason) })
			}
		})
	}
}

// stored is what one installation has in the cluster.
type stored struct {
	world     *harness.World
	cluster   *v1alpha1.ClusterTokenIssuer
	issuer    *v1alpha1.TokenIssuer
	object    *v1alpha1.GatewayToken // at rest
	replaced  *v1alpha1.GatewayToken // whose former token waits for its revocation
	namespace *v1alpha1.GatewayToken // of the TokenIssuer
	made      int
}

// store has tokens issued and replaced while an earlier CRD is in force.
func store(t *testing.T, plane *harness.Plane, at harness.Flavour) *stored {
	t.Helper()
	w := harness.New(t, plane, connect, harness.At(at))
	s := &stored{world: w}
	s.cluster, s.object = w.Publish(harness.Overlapping(24 * time.Hour))
	w.Provide(w.Tenant)
	s.issuer = w.NamespacedIssuer()
	s.replaced, s.namespace = w.Token("replaced", harness.Overlapping(24*time.Hour)), w.Token("namespaced", harness.FromNamespacedIssuer)
	w.Create(s.issuer, s.replaced, s.namespace)
	w.Advance(time.Minute)
	harness.Change(w, s.replaced, func(o *v1alpha1.GatewayToken) {
		o.Annotations = map[string]string{v1alpha1.AnnotationRotateRequest: w.Clock.Now().UTC().Format(time.RFC3339)}
	})
	w.Advance(10 * time.Minute)
	for _, object := range s.objects() {
		w.WantReady(object)
	}
	if len(s.replaced.Status.Retiring) != 1 {
		t.Fatalf("nothing is retiring: %+v", s.replaced.Status)
	}
	// What was said in the operator's own words once is one of a closed set today.
	status := s.replaced.DeepCopy()
	status.Status.Retiring[0].WaitingFor = "overlap"
	if err := plane.Admin.Status().Update(t.Context(), status); err != nil {
		t.Fatal(err)
	}
	s.made = len(w.Made())
	return s
}

func (s *stored) objects() []*v1alpha1.GatewayToken {
	return []*v1alpha1.GatewayToken{s.object, s.replaced, s.namespace}
}

// upgrade applies today's CRDs, and waits until they are in force.
func upgrade(t *testing.T, plane *harness.Plane) {
	t.Helper()
	paths, err := filepath.Glob("../../../config/crd/bases/*.yaml")
	if err != nil || len(paths) != 3 {
		t.Fatalf("CRDs %v: %v", paths, err)
	}
	if known, err := knowsNewFields(t.Context(), plane); known || err != nil {
		t.Fatalf("the earlier CRD knows what came later: %t, %v", known, err)
	}
	for _, path := range paths {
		content, err := os.ReadFile(filepath.Clean(path))
		if err != nil {
			t.Fatal(err)
		}
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(content, crd); err != nil {
			t.Fatal(err)
		}
		apply := client.ApplyConfigurationFromUnstructured(crd)
		if err := plane.Admin.Apply(t.Context(), apply, client.FieldOwner("upgrade"), client.ForceOwnership); err != nil {
			t.Fatal(err)
		}
	}
	err = wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		return knowsNewFields(ctx, plane)
	})
	if err != nil {
		t.Fatalf("the API server does not take today's CRDs: %v", err)
	}
}

// knowsNewFields tells whether the API server keeps what only today's CRDs have.
func knowsNewFields(ctx context.Context, plane *harness.Plane) (bool, error) {
	probe := &v1alpha1.GatewayToken{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "probe"},
		Spec: v1alpha1.GatewayTokenSpec{
			IssuerRef: v1alpha1.IssuerReference{Name: "none"}, Secret: &v1alpha1.SecretTemplate{PreviousKey: "before"},
		},
	}
	err := plane.Admin.Create(ctx, probe, client.DryRunAll)
	return err == nil && probe.Spec.Secret != nil && probe.Spec.Secret.PreviousKey != "", err
}

// judge starts today's operator on what is stored.
func (s *stored) judge(t *testing.T, reason string) {
	t.Helper()
	w := s.world
	// Before anybody has written the status anew: a change of something else is no reason to refuse what is there.
	harness.Change(w, s.replaced, func(o *v1alpha1.GatewayToken) { o.Labels = map[string]string{"tier": "edge"} })
	secrets := map[string]string{}
	for _, object := range s.objects() {
		secrets[object.Name] = w.Secret(object.SecretName()).ResourceVersion
	}
	w.Restart()
	w.Watch()
	w.Advance(10 * time.Minute)
	for _, object := range s.objects() {
		w.WantReady(object)
		if got := w.Secret(object.SecretName()).ResourceVersion; got != secrets[object.Name] {
			t.Errorf("Secret %s was written", object.SecretName())
		}
	}
	w.WantCreates(s.made)
	for _, of := range []client.Object{s.cluster, s.issuer} {
		w.Want(of, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonCredentialsAccepted)
	}
	if got := s.replaced.Status.Retiring; len(got) != 1 || got[0].WaitingFor != v1alpha1.WaitingForOverlap {
		t.Errorf("%s: the status says %+v", reason, got)
	}
	before := w.Versions()
	w.Advance(time.Hour)
	for name, version := range w.Versions() {
		if before[name] != version {
			t.Errorf("%s is written again and again", name)
		}
	}
	// What an earlier CRD did not know can be asked for.
	harness.Change(w, s.object, func(o *v1alpha1.GatewayToken) {
		o.Spec.Rotation.Interval = &metav1.Duration{Duration: 720 * time.Hour}
	})
	w.Advance(time.Minute)
	w.Refresh(s.object)
	if s.object.Spec.Rotation.Interval == nil {
		t.Error("a field that is new is pruned")
	}
	w.WantCreates(s.made)
	w.CheckRest()
	for _, object := range s.objects() {
		w.Remove(object)
	}
	w.Remove(s.cluster, s.issuer)
	w.Advance(10 * time.Minute)
	for _, object := range []client.Object{s.object, s.replaced, s.namespace, s.cluster, s.issuer} {
		if !w.Gone(object) {
			t.Errorf("%s is not gone", object.GetName())
		}
	}
	w.WantActive(0)
}
