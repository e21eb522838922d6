package charts_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

const (
	operatorChart = "gateway-token-operator"
	mediatorChart = "../examples/causely-mediator/chart"
	// release is named like the objects in config/, so that the two can be compared.
	release   = "gateway-token-operator"
	namespace = "gateway-token-system"
)

// helm returns the path of Helm: HELM, where `make` built it, or PATH. Without any
// the test is skipped: building it takes minutes, and `make verify` does it.
func helm(t *testing.T) string {
	t.Helper()
	return tool(t, "helm")
}

// tool returns the path of a tool: the variable of its name, where `make` built it, or PATH.
func tool(t *testing.T, name string) string {
	t.Helper()
	if path := os.Getenv(strings.ToUpper(name)); path != "" {
		return path
	}
	built, err := filepath.Glob("../bin/tools/" + name + "-v*")
	if err != nil {
		t.Fatal(err)
	}
	if len(built) > 0 {
		return built[len(built)-1]
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not there: `make verify` builds it, or set %s", name, strings.ToUpper(name))
	}
	return path
}

// environment is Helm's: it finds no configuration of the person who runs the test.
func environment(home string) []string {
	return append(os.Environ(), "HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_CACHE_HOME="+home, "HELM_DATA_HOME="+home)
}

// render returns Helm's output for a chart.
func render(t *testing.T, chart string, args ...string) ([]byte, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), helm(t), append([]string{"template", release, chart, "--namespace", namespace}, args...)...)
	command.Env = environment(t.TempDir())
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return nil, errors.New(stderr.String())
	}
	return stdout.Bytes(), nil
}

// objects renders a chart that must render, and returns its objects by kind/name.
func objects(t *testing.T, chart string, args ...string) map[string]*unstructured.Unstructured {
	t.Helper()
	output, err := render(t, chart, args...)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, output)
}

// decode returns the objects of a YAML stream by kind/name, or kind/name@namespace for one of several that differ in nothing else.
func decode(t *testing.T, stream []byte) map[string]*unstructured.Unstructured {
	t.Helper()
	found := map[string]*unstructured.Unstructured{}
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(stream), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(object.Object) == 0 {
			continue
		}
		key := object.GetKind() + "/" + object.GetName()
		if found[key] != nil {
			key += "@" + object.GetNamespace()
		}
		if found[key] != nil {
			t.Fatalf("%s is there twice", key)
		}
		found[key] = object
	}
}

// configured returns an object of config/.
func configured(t *testing.T, path string) *unstructured.Unstructured {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "config", path))
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(content, object); err != nil {
		t.Fatal(err)
	}
	return object
}

// counterpart is an object of the chart, and the fields that an object of config/
// must have alike.
type counterpart struct {
	object string
	fields []string
}

// TestChartEqualsConfig holds that an installation by Helm and one by kustomize get
// the same rights, CRDs and pod.
func TestChartEqualsConfig(t *testing.T) {
	rendered := objects(t, operatorChart)

	cases := map[string]counterpart{
		"crd/bases/gatewaytoken.io_gatewaytokens.yaml":       {"CustomResourceDefinition/gatewaytokens.gatewaytoken.io", []string{"spec"}},
		"crd/bases/gatewaytoken.io_tokenissuers.yaml":        {"CustomResourceDefinition/tokenissuers.gatewaytoken.io", []string{"spec"}},
		"crd/bases/gatewaytoken.io_clustertokenissuers.yaml": {"CustomResourceDefinition/clustertokenissuers.gatewaytoken.io", []string{"spec"}},
		"rbac/manager_role.yaml":                             {"ClusterRole/gateway-token-operator", []string{"rules"}},
		"rbac/manager_role_binding.yaml":                     {"ClusterRoleBinding/gateway-token-operator", []string{"roleRef", "subjects"}},
		"rbac/restart_role.yaml":                             {"ClusterRole/gateway-token-operator-restart", []string{"rules"}},
		"rbac/restart_role_binding.yaml":                     {"ClusterRoleBinding/gateway-token-operator-restart", []string{"roleRef", "subjects"}},
		"rbac/leader_election_role.yaml":                     {"Role/gateway-token-operator-leader-election", []string{"rules"}},
		"rbac/leader_election_role_binding.yaml":             {"RoleBinding/gateway-token-operator-leader-election", []string{"roleRef", "subjects"}},
		"rbac/view_role.yaml":                                {"ClusterRole/gateway-token-operator-view", []string{"rules"}},
		"rbac/edit_role.yaml":                                {"ClusterRole/gateway-token-operator-edit", []string{"rules"}},
		"rbac/admin_role.yaml":                               {"ClusterRole/gateway-token-operator-admin", []string{"rules"}},
	}
	for path, tc := range cases {
		t.Run(path, func(t *testing.T) {
			want, got := configured(t, path), rendered[tc.object]
			if got == nil {
				t.Fatalf("the chart has no %s", tc.object)
			}
			for _, field := range tc.fields {
				if diff := cmp.Diff(want.Object[field], got.Object[field]); diff != "" {
					t.Errorf("%s (-config +chart):\n%s", field, diff)
				}
			}
			if diff := cmp.Diff(aggregation(want), aggregation(got)); diff != "" {
				t.Errorf("aggregation (-config +chart):\n%s", diff)
			}
		})
	}

	t.Run("manager/manager.yaml", func(t *testing.T) {
		want, got := configured(t, "manager/manager.yaml"), rendered["Deployment/gateway-token-operator"]
		if diff := cmp.Diff(podSpec(t, want), podSpec(t, got)); diff != "" {
			t.Errorf("pod (-config +chart):\n%s", diff)
		}
	})

	t.Run("nothing else", func(t *testing.T) {
		known := map[string]bool{
			"Deployment/gateway-token-operator":      true,
			"Service/gateway-token-operator-metrics": true,
			"ServiceAccount/gateway-token-operator":  true,
		}
		for _, tc := range cases {
			known[tc.object] = true
		}
		for _, key := range hookObjects { // kustomize has no hooks
			known[key] = true
		}
		for key := range rendered {
			if !known[key] {
				t.Errorf("the chart has %s, which nothing here compares", key)
			}
		}
	})
}

// aggregation returns the labels that join a role to Kubernetes' own roles.
func aggregation(object *unstructured.Unstructured) map[string]string {
	labels := map[string]string{}
	for key, value := range object.GetLabels() {
		if strings.HasPrefix(key, "rbac.authorization.k8s.io/") {
			labels[key] = value
		}
	}
	return labels
}

// podSpec returns a Deployment's pod without the image's tag, which kustomize sets.
func podSpec(t *testing.T, deployment *unstructured.Unstructured) map[string]any {
	t.Helper()
	spec, found, err := unstructured.NestedMap(deployment.Object, "spec", "template", "spec")
	if err != nil || !found {
		t.Fatalf("a Deployment without a pod: %v", err)
	}
	container := spec["containers"].([]any)[0].(map[string]any)
	container["image"], _, _ = strings.Cut(container["image"].(string), ":")
	return spec
}

// TestPodIsRestricted holds the Pod Security Standard "restricted".
func TestPodIsRestricted(t *testing.T) {
	spec := podSpec(t, objects(t, operatorChart)["Deployment/gateway-token-operator"])
	container, ok := spec["containers"].([]any)[0].(map[string]any)
	if !ok {
		t.Fatal("the pod has no container")
	}
	got := map[string]any{
		"pod": spec["securityContext"], "container": container["securityContext"], "grace": spec["terminationGracePeriodSeconds"],
	}
	want := map[string]any{
		"pod": map[string]any{"runAsNonRoot": true, "seccompProfile": map[string]any{"type": "RuntimeDefault"}},
		"container": map[string]any{
			"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
			"runAsUser": int64(65532), "runAsGroup": int64(65532), "capabilities": map[string]any{"drop": []any{"ALL"}},
		},
		"grace": int64(75),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestValues(t *testing.T) {
	const (
		deployment = "Deployment/gateway-token-operator"
		crd        = "CustomResourceDefinition/gatewaytokens.gatewaytoken.io"
		role       = "ClusterRole/gateway-token-operator"
		view       = "ClusterRole/gateway-token-operator-view"
		account    = "ServiceAccount/gateway-token-operator"
		service    = "Service/gateway-token-operator-metrics"
	)
	cases := map[string]struct {
		reason  string
		set     []string
		without []string          // objects that must not be there
		args    []string          // arguments that the operator must have
		keep    map[string]string // annotations that the CRD must have
		refused string            // words of the schema
	}{
		"CRDs are kept":            {reason: "an uninstall must not delete tokens unrevoked", keep: map[string]string{"helm.sh/resource-policy": "keep"}},
		"CRDs not kept":            {reason: "whoever says so", set: []string{"crds.keep=false"}, keep: map[string]string{}},
		"no CRDs":                  {reason: "somebody else installs them", set: []string{"crds.enabled=false"}, without: []string{crd}},
		"no RBAC":                  {reason: "somebody else gives the rights", set: []string{"rbac.create=false"}, without: []string{role}},
		"no aggregated roles":      {reason: "view and edit stay as they are", set: []string{"rbac.aggregateRoles=false"}, without: []string{view}},
		"no ServiceAccount":        {reason: "an existing one is used", set: []string{"serviceAccount.create=false", "serviceAccount.name=mine"}, without: []string{account}},
		"no Service":               {reason: "nobody scrapes", set: []string{"metrics.service.enabled=false"}, without: []string{service}},
		"networks":                 {reason: "a list becomes one argument", set: []string{"allowCIDRs={10.0.0.0/8,::1/128}"}, args: []string{"--allow-cidrs=10.0.0.0/8,::1/128"}},
		"instance":                 {reason: "it is part of the marker", set: []string{"instance=blue"}, args: []string{"--instance=blue"}},
		"log level":                {reason: "a number up to 5", set: []string{"logLevel=5"}, args: []string{"--log-level=5"}},
		"credentials elsewhere":    {reason: "the namespace is free", set: []string{"clusterResourceNamespace=vault"}, args: []string{"--cluster-resource-namespace=vault"}},
		"more arguments":           {reason: "flags without a value of their own", set: []string{"extraArgs={--log-format=console}"}, args: []string{"--log-format=console"}},
		"concurrency":              {reason: "a number", set: []string{"maxConcurrentReconciles=12"}, args: []string{"--max-concurrent-reconciles=12"}},
		"no restarts":              {reason: "their role is apart from the others", set: []string{"restartConsumers.enabled=false"}, without: []string{role + "-restart", "ClusterRoleBinding/gateway-token-operator-restart"}},
		"a limit of restarts":      {reason: "a number", set: []string{"restartConsumers.maxConcurrent=3"}, args: []string{"--max-concurrent-restarts=3"}},
		"no question asked":        {reason: "whoever says so", set: []string{"uninstall.policy=Ignore"}, without: hookObjects},
		"hook without RBAC":        {reason: "somebody else gives the rights", set: []string{"rbac.create=false"}, without: hookObjects[1:3]},
		"an unknown policy":        {reason: "a typing error must be seen", set: []string{"uninstall.policy=drain"}, refused: "policy"},
		"a drain in no time":       {reason: "nothing could be revoked", set: []string{"uninstall.drainTimeoutSeconds=0"}, refused: "drainTimeoutSeconds"},
		"unknown value":            {reason: "a typing error must be seen", set: []string{"replicas=2"}, refused: "replicas"},
		"a short grace period":     {reason: "a token that is being issued could not be published", set: []string{"terminationGracePeriodSeconds=30"}, refused: "terminationGracePeriodSeconds"},
		"an address as a network":  {reason: "the operator would refuse to start", set: []string{"allowCIDRs={10.0.0.1}"}, refused: "allowCIDRs"},
		"an argument without dash": {reason: "the operator would refuse to start", set: []string{"extraArgs={verbose}"}, refused: "extraArgs"},
		"an unknown log level":     {reason: "the operator would refuse to start", set: []string{"logLevel=trace"}, refused: "logLevel"},
		"replicas as a word":       {reason: "it must be a number", set: []string{"replicaCount=two"}, refused: "replicaCount"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var args []string
			for _, set := range tc.set {
				args = append(args, "--set", set)
			}
			if tc.refused != "" {
				_, err := render(t, operatorChart, args...)
				if err == nil || !strings.Contains(err.Error(), tc.refused) {
					t.Fatalf("%s: an error about %q is wanted, not %v", tc.reason, tc.refused, err)
				}
				return
			}
			rendered := objects(t, operatorChart, args...)
			for _, key := range tc.without {
				if rendered[key] != nil {
					t.Errorf("%s is there, though %s", key, tc.reason)
				}
			}
			container := podSpec(t, rendered[deployment])["containers"].([]any)[0].(map[string]any)
			for _, arg := range tc.args {
				if !slices.Contains(container["args"].([]any), any(arg)) {
					t.Errorf("%s: %s is missing in %v", tc.reason, arg, container["args"])
				}
			}
			if tc.keep != nil {
				got := rendered[crd].GetAnnotations()
				delete(got, "controller-gen.kubebuilder.io/version")
				if diff := cmp.Diff(tc.keep, got); diff != "" {
					t.Errorf("%s: annotations of the CRD (-want +got):\n%s", tc.reason, diff)
				}
			}
		})
	}
}

// TestMediatorExample holds the two ways in which a chart takes a token.
func TestMediatorExample(t *testing.T) {
	cases := map[string]struct {
		reason string
		set    string
		secret string // that the container takes the token from
		own    bool   // the chart makes that Secret
	}{
		"by the name of a Secret": {reason: "the Secret of a GatewayToken is used as it is", set: "mediator.secretName=causely-token", secret: "causely-token"},
		"by value":                {reason: "Flux sets it from the Secret", set: "mediator.gateway.token=value", secret: "mediator-gateway-token", own: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			rendered := objects(t, mediatorChart, "--set", tc.set)
			if own := rendered["Secret/"+tc.secret] != nil; own != tc.own {
				t.Errorf("%s: the chart makes the Secret: %t", tc.reason, own)
			}
			container := podSpec(t, rendered["Deployment/mediator"])["containers"].([]any)[0].(map[string]any)
			want := map[string]any{
				"name":      "CAUSELY_GATEWAY_TOKEN",
				"valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": tc.secret, "key": "CAUSELY_GATEWAY_TOKEN"}},
			}
			if diff := cmp.Diff(want, container["env"].([]any)[1]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestProxyFromSecret holds that a proxy whose URL is a secret, as an environment variable of one's own, does not stand between the operator
// and the API server either, and that nobody's own NO_PROXY is there twice.
func TestProxyFromSecret(t *testing.T) {
	const secret = `{"name":"HTTPS_PROXY","valueFrom":{"secretKeyRef":{"name":"proxy","key":"url"}}}`
	for name, test := range map[string]struct{ extra, want string }{
		"of one's own":       {`[` + secret + `]`, "$(KUBERNETES_SERVICE_HOST)"},
		"and what goes past": {`[` + secret + `,{"name":"NO_PROXY","value":".svc"}]`, ".svc"},
		"in small letters":   {`[{"name":"https_proxy","value":"http://p:3128"}]`, "$(KUBERNETES_SERVICE_HOST)"},
		"none":               {`[{"name":"TZ","value":"UTC"}]`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			all := objects(t, operatorChart, "--set-json", "extraEnv="+test.extra)
			for _, of := range []string{deploymentObject, hookJob} {
				env, _ := at(t, all[of], container+"env").([]any)
				var found []string
				for _, one := range env {
					if of, ok := one.(map[string]any); ok && of["name"] == "NO_PROXY" {
						found = append(found, fmt.Sprint(of["value"]))
					}
				}
				if got := strings.Join(found, " and "); got != test.want {
					t.Errorf("%s: NO_PROXY is %q, want %q", of, got, test.want)
				}
			}
		})
	}
}

// TestHookPodLabels holds that no label is there twice: strict parsers refuse that.
func TestHookPodLabels(t *testing.T) {
	text, err := render(t, operatorChart, "--set-json", `commonLabels={"team":"a","only":"common"}`, "--set-json", `podLabels={"team":"b"}`)
	if err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq(string(text), "\n---") {
		if _, err := yaml.YAMLToJSONStrict([]byte(part)); err != nil {
			t.Errorf("%v in\n%s", err, part)
		}
	}
	for _, of := range []string{deploymentObject, hookJob} {
		labels := at(t, decode(t, text)[of], "spec.template.metadata.labels")
		if of, ok := labels.(map[string]any); !ok || of["team"] != "b" || of["only"] != "common" {
			t.Errorf("%+v", labels)
		}
	}
}
