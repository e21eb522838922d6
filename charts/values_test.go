package charts_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/jsonpath"
	"sigs.k8s.io/yaml"
)

// What the rows below look at. Indices are of lists.
const (
	deploymentObject = "Deployment/gateway-token-operator"
	clusterRole      = "ClusterRole/gateway-token-operator"
	tokensCRD        = "CustomResourceDefinition/gatewaytokens.gatewaytoken.io"
	metricsService   = "Service/gateway-token-operator-metrics"
	serviceMonitor   = "ServiceMonitor/gateway-token-operator"
	budget           = "PodDisruptionBudget/gateway-token-operator"
	policy           = "NetworkPolicy/gateway-token-operator"
	hookJob          = "Job/" + hookName

	pod       = "spec.template.spec."
	container = pod + "containers[0]."
	args      = container + "args"
)

// side is what an object has at a field: the value itself, or one of the types below.
type side any

// has is a list that has the element, lacks one without any element that begins so.
type (
	has   string
	lacks string
	// there is an object that is there, whatever is in it.
	there struct{}
)

// valueRow is a value of the chart: what an object has without it, and with it.
type valueRow struct {
	set string // as JSON
	// with is what the chart must be told beside it, in both cases.
	with          []string
	object, field string
	unset, want   side
}

// valueRows are a row for every value. A row of a map stands for all that is in it.
func valueRows(t *testing.T) map[string]valueRow {
	t.Helper()
	image := "gatewaytoken/gateway-token-operator:" + appVersion(t)
	return map[string]valueRow{
		"replicaCount":     {set: `3`, object: deploymentObject, field: "spec.replicas", unset: 1, want: 3},
		"image.repository": {set: `"r.example.com/gto"`, object: deploymentObject, field: container + "image", unset: image, want: "r.example.com/gto:" + appVersion(t)},
		"image.tag":        {set: `"v9"`, object: deploymentObject, field: container + "image", unset: image, want: "gatewaytoken/gateway-token-operator:v9"},
		"image.digest": {
			set: `"sha256:` + strings.Repeat("ab", 32) + `"`, with: []string{`image.tag="v9"`}, object: deploymentObject, field: container + "image",
			unset: "gatewaytoken/gateway-token-operator:v9", want: "gatewaytoken/gateway-token-operator@sha256:" + strings.Repeat("ab", 32),
		},
		"image.pullPolicy":    {set: `"Always"`, object: deploymentObject, field: container + "imagePullPolicy", unset: "IfNotPresent", want: "Always"},
		"imagePullSecrets":    {set: `[{"name":"pull"}]`, object: deploymentObject, field: pod + "imagePullSecrets", want: list(named("pull"))},
		"nameOverride":        {set: `"other"`, object: deploymentObject, field: "metadata.labels.app\\.kubernetes\\.io/name", unset: "gateway-token-operator", want: nil},
		"fullnameOverride":    {set: `"other"`, object: "Deployment/other", field: "metadata.name", want: "other"},
		"commonLabels":        {set: `{"team":"edge"}`, object: policy, with: []string{`networkPolicy.enabled=true`}, field: "metadata.labels.team", want: "edge"},
		"extraObjects":        {set: `[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{ .Release.Name }}-more","namespace":"{{ .Release.Namespace }}"}}]`, object: "ConfigMap/gateway-token-operator-more", want: there{}},
		"crds.enabled":        {set: `false`, object: tokensCRD, unset: there{}},
		"crds.keep":           {set: `false`, object: tokensCRD, field: "metadata.annotations.helm\\.sh/resource-policy", unset: "keep"},
		"watchNamespaces":     {set: `["shop","causely"]`, with: []string{`clusterID="c"`}, object: deploymentObject, field: args, unset: lacks("--watch-namespaces"), want: has("--watch-namespaces=shop,causely")},
		"rbac.create":         {set: `false`, object: clusterRole, unset: there{}},
		"rbac.aggregateRoles": {set: `false`, object: "ClusterRole/gateway-token-operator-view", unset: there{}},

		"serviceAccount.create":      {set: `false`, object: deploymentObject, field: pod + "serviceAccountName", unset: "gateway-token-operator", want: "default"},
		"serviceAccount.name":        {set: `"mine"`, object: "ServiceAccount/mine", want: there{}},
		"serviceAccount.annotations": {set: `{"a":"b"}`, object: "ServiceAccount/gateway-token-operator", field: "metadata.annotations", want: map[string]any{"a": "b"}},

		"restartConsumers.enabled":       {set: `false`, object: "ClusterRole/gateway-token-operator-restart", unset: there{}},
		"restartConsumers.maxConcurrent": {set: `3`, object: deploymentObject, field: args, unset: has("--max-concurrent-restarts=10"), want: has("--max-concurrent-restarts=3")},
		"uninstall.policy":               {set: `"Drain"`, object: hookJob, field: args, unset: list("uninstall-check"), want: list("drain", "--timeout=240s")},
		"uninstall.drainTimeoutSeconds":  {set: `60`, with: []string{`uninstall.policy="Drain"`}, object: hookJob, field: args, unset: has("--timeout=240s"), want: has("--timeout=60s")},

		"clusterID":                {set: `"c"`, object: deploymentObject, field: args, unset: lacks("--cluster-id"), want: has("--cluster-id=c")},
		"instance":                 {set: `"blue"`, object: deploymentObject, field: args, unset: lacks("--instance"), want: has("--instance=blue")},
		"clusterResourceNamespace": {set: `"vault"`, object: deploymentObject, field: args, unset: has("--cluster-resource-namespace=$(POD_NAMESPACE)"), want: has("--cluster-resource-namespace=vault")},
		"maxConcurrentReconciles":  {set: `12`, object: deploymentObject, field: args, unset: has("--max-concurrent-reconciles=10"), want: has("--max-concurrent-reconciles=12")},
		"logLevel":                 {set: `5`, object: deploymentObject, field: args, unset: has("--log-level=0"), want: has("--log-level=5")},
		"extraArgs":                {set: `["--log-format=console"]`, object: deploymentObject, field: args, unset: lacks("--log-format"), want: has("--log-format=console")},
		"extraEnv":                 {set: `[{"name":"TZ","value":"UTC"}]`, object: deploymentObject, field: container + "env[1]", want: map[string]any{"name": "TZ", "value": "UTC"}},

		"allowCIDRs":    {set: `["10.0.0.0/8","::1/128"]`, object: deploymentObject, field: args, unset: lacks("--allow-cidrs"), want: has("--allow-cidrs=10.0.0.0/8,::1/128")},
		"proxy.https":   {set: `"http://p:3128"`, object: deploymentObject, field: container + "env[1]", want: map[string]any{"name": "HTTPS_PROXY", "value": "http://p:3128"}},
		"proxy.http":    {set: `"http://p:3128"`, object: hookJob, field: container + "env[0]", want: map[string]any{"name": "HTTP_PROXY", "value": "http://p:3128"}},
		"proxy.noProxy": {set: `".svc"`, with: []string{`proxy.https="http://p:3128"`}, object: deploymentObject, field: container + "env[2].value", unset: "$(KUBERNETES_SERVICE_HOST)", want: "$(KUBERNETES_SERVICE_HOST),.svc"},

		"trustedCA.configMap": {set: `"ca"`, object: deploymentObject, field: pod + "volumes[0]", want: map[string]any{"name": "trusted-ca", "configMap": named("ca")}},
		"trustedCA.secret":    {set: `"ca"`, object: deploymentObject, field: pod + "volumes[0]", want: map[string]any{"name": "trusted-ca", "secret": map[string]any{"secretName": "ca"}}},
		"trustedCA.key":       {set: `"ca.pem"`, with: []string{`trustedCA.configMap="ca"`}, object: deploymentObject, field: args, unset: has("--ca-file=/etc/gateway-token-operator/ca/ca.crt"), want: has("--ca-file=/etc/gateway-token-operator/ca/ca.pem")},

		"networkPolicy.enabled":         {set: `true`, object: policy, want: there{}},
		"networkPolicy.dns.to":          {set: `[]`, with: withPolicy, object: policy, field: "spec.egress[0].to", unset: list(map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": "kube-system"}}})},
		"networkPolicy.apiServer.cidrs": {set: `["10.9.0.1/32"]`, with: withPolicy, object: policy, field: "spec.egress[1].to", unset: list(block("0.0.0.0/0"), block("::/0")), want: list(block("10.9.0.1/32"))},
		"networkPolicy.apiServer.ports": {set: `[443]`, with: withPolicy, object: policy, field: "spec.egress[1].ports[0].port", unset: 6443, want: 443},
		"networkPolicy.vendors.ports":   {set: `[443,8443]`, with: withPolicy, object: policy, field: "spec.egress[2].ports[1].port", want: 8443},
		"networkPolicy.metricsFrom":     {set: `[{"podSelector":{}}]`, with: withPolicy, object: policy, field: "spec.ingress[0].from[0]", unset: map[string]any{"namespaceSelector": map[string]any{}}, want: map[string]any{"podSelector": map[string]any{}}},
		"networkPolicy.extraEgress":     {set: `[{"ports":[{"port":3128}]}]`, with: withPolicy, object: policy, field: "spec.egress[3].ports[0].port", want: 3128},
		"networkPolicy.extraIngress":    {set: `[{"ports":[{"port":8081}]}]`, with: withPolicy, object: policy, field: "spec.ingress[1].ports[0].port", want: 8081},

		"metrics.enabled":                      {set: `false`, object: deploymentObject, field: args, unset: lacks("--metrics-bind-address"), want: has("--metrics-bind-address=0")},
		"metrics.service.enabled":              {set: `false`, object: metricsService, unset: there{}},
		"metrics.service.port":                 {set: `9090`, object: metricsService, field: "spec.ports[0].port", unset: 8080, want: 9090},
		"metrics.service.annotations":          {set: `{"a":"b"}`, object: metricsService, field: "metadata.annotations.a", want: "b"},
		"metrics.service.labels":               {set: `{"a":"b"}`, object: metricsService, field: "metadata.labels.a", want: "b"},
		"metrics.serviceMonitor.enabled":       {set: `true`, object: serviceMonitor, want: there{}},
		"metrics.serviceMonitor.interval":      {set: `"30s"`, with: withMonitor, object: serviceMonitor, field: "spec.endpoints[0].interval", want: "30s"},
		"metrics.serviceMonitor.scrapeTimeout": {set: `"10s"`, with: withMonitor, object: serviceMonitor, field: "spec.endpoints[0].scrapeTimeout", want: "10s"},
		"metrics.serviceMonitor.labels":        {set: `{"release":"prometheus"}`, with: withMonitor, object: serviceMonitor, field: "metadata.labels.release", want: "prometheus"},
		"metrics.serviceMonitor.annotations":   {set: `{"a":"b"}`, with: withMonitor, object: serviceMonitor, field: "metadata.annotations.a", want: "b"},

		"leaderElection.enabled":       {set: `false`, with: []string{`strategy={"type":"Recreate","rollingUpdate":null}`}, object: deploymentObject, field: args, unset: has("--leader-elect"), want: lacks("--leader-elect")},
		"leaderElection.leaseDuration": {set: `"60s"`, object: deploymentObject, field: args, unset: has("--leader-elect-lease-duration=15s"), want: has("--leader-elect-lease-duration=60s")},
		"leaderElection.renewDeadline": {set: `"12s"`, object: deploymentObject, field: args, unset: has("--leader-elect-renew-deadline=10s"), want: has("--leader-elect-renew-deadline=12s")},
		"leaderElection.retryPeriod":   {set: `"5s"`, object: deploymentObject, field: args, unset: has("--leader-elect-retry-period=2s"), want: has("--leader-elect-retry-period=5s")},

		"podDisruptionBudget.enabled":        {set: `true`, object: budget, field: "spec.maxUnavailable", want: 1},
		"podDisruptionBudget.minAvailable":   {set: `"50%"`, with: withBudget, object: budget, field: "spec.minAvailable", want: "50%"},
		"podDisruptionBudget.maxUnavailable": {set: `0`, with: withBudget, object: budget, field: "spec.maxUnavailable", unset: 1, want: 0},

		"resources": {
			set: `{"requests":{"cpu":"1"}}`, object: deploymentObject, field: container + "resources.requests", unset: map[string]any{"cpu": "50m", "memory": "64Mi"},
			want: map[string]any{"cpu": "1", "memory": "64Mi"},
		},
		"strategy":                      {set: `{"type":"Recreate","rollingUpdate":null}`, object: deploymentObject, field: "spec.strategy.type", unset: "RollingUpdate", want: "Recreate"},
		"revisionHistoryLimit":          {set: `2`, object: deploymentObject, field: "spec.revisionHistoryLimit", unset: 10, want: 2},
		"terminationGracePeriodSeconds": {set: `90`, object: deploymentObject, field: pod + "terminationGracePeriodSeconds", unset: 75, want: 90},
		"deploymentAnnotations":         {set: `{"a":"b"}`, object: deploymentObject, field: "metadata.annotations", want: map[string]any{"a": "b"}},
		"podAnnotations":                {set: `{"a":"b"}`, object: deploymentObject, field: "spec.template.metadata.annotations.a", want: "b"},
		"podLabels":                     {set: `{"a":"b"}`, object: deploymentObject, field: "spec.template.metadata.labels.a", want: "b"},
		"priorityClassName":             {set: `"system-cluster-critical"`, object: deploymentObject, field: pod + "priorityClassName", want: "system-cluster-critical"},
		"runtimeClassName":              {set: `"gvisor"`, object: deploymentObject, field: pod + "runtimeClassName", want: "gvisor"},
		"nodeSelector":                  {set: `{"a":"b"}`, object: deploymentObject, field: pod + "nodeSelector", want: map[string]any{"a": "b"}},
		"tolerations":                   {set: `[{"operator":"Exists"}]`, object: deploymentObject, field: pod + "tolerations", want: list(map[string]any{"operator": "Exists"})},
		"affinity":                      {set: `{"nodeAffinity":{}}`, object: deploymentObject, field: pod + "affinity", want: map[string]any{"nodeAffinity": map[string]any{}}},
		"topologySpreadConstraints": {
			set:    `[{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"DoNotSchedule"}]`,
			object: deploymentObject, field: pod + "topologySpreadConstraints[0].labelSelector.matchLabels.app\\.kubernetes\\.io/component", want: "controller",
		},
		"hostAliases":        {set: `[{"ip":"10.0.0.1","hostnames":["a"]}]`, object: deploymentObject, field: pod + "hostAliases[0].ip", want: "10.0.0.1"},
		"dnsPolicy":          {set: `"Default"`, object: deploymentObject, field: pod + "dnsPolicy", want: "Default"},
		"dnsConfig":          {set: `{"nameservers":["10.0.0.1"]}`, object: deploymentObject, field: pod + "dnsConfig.nameservers[0]", want: "10.0.0.1"},
		"extraVolumes":       {set: `[{"name":"tmp","emptyDir":{}}]`, with: []string{`extraVolumeMounts=[{"name":"tmp","mountPath":"/tmp"}]`}, object: deploymentObject, field: pod + "volumes[0].name", want: "tmp"},
		"extraVolumeMounts":  {set: `[{"name":"tmp","mountPath":"/tmp"}]`, with: []string{`extraVolumes=[{"name":"tmp","emptyDir":{}}]`}, object: deploymentObject, field: container + "volumeMounts[0].mountPath", want: "/tmp"},
		"podSecurityContext": {set: `{"fsGroup":1}`, object: hookJob, field: pod + "securityContext.fsGroup", want: 1},
		"securityContext":    {set: `{"runAsUser":1000}`, object: deploymentObject, field: container + "securityContext.runAsUser", unset: 65532, want: 1000},
		"livenessProbe":      {set: `{"periodSeconds":9}`, object: deploymentObject, field: container + "livenessProbe.periodSeconds", unset: 20, want: 9},
		"readinessProbe":     {set: `{"failureThreshold":9}`, object: deploymentObject, field: container + "readinessProbe.failureThreshold", want: 9},
	}
}

var (
	withPolicy  = []string{`networkPolicy.enabled=true`}
	withMonitor = []string{`metrics.serviceMonitor.enabled=true`}
	withBudget  = []string{`podDisruptionBudget.enabled=true`}
)

func list(elements ...any) []any { return elements }

func named(name string) map[string]any { return map[string]any{"name": name} }

func block(cidr string) map[string]any {
	return map[string]any{"ipBlock": map[string]any{"cidr": cidr}}
}

// TestEveryValue renders both sides of every value, and holds that there is a row for each.
func TestEveryValue(t *testing.T) {
	rows := valueRows(t)
	for _, path := range leaves("", defaults(t, operatorChart)) {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(rows)), func(row string) bool {
			return path == row || strings.HasPrefix(path, row+".")
		}) {
			t.Errorf("values.yaml has %s, and no row tells what it does", path)
		}
	}
	for path, row := range rows {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			for _, side := range []struct {
				want side
				set  []string
			}{{row.unset, row.with}, {row.want, append(slices.Clone(row.with), path+"="+row.set)}} {
				var flags []string
				for _, set := range side.set {
					flags = append(flags, "--set-json", set)
				}
				rendered := objects(t, operatorChart, flags...)
				if problem := compare(side.want, at(t, rendered[row.object], row.field)); problem != "" {
					t.Errorf("with %v, %s of %s: %s", side.set, row.field, row.object, problem)
				}
			}
		})
	}
}

// compare tells what is wrong with what was found.
func compare(want side, got any) string {
	elements, _ := got.([]any)
	switch want := want.(type) {
	case there:
		if got == nil {
			return "it is not there"
		}
	case has:
		if !slices.Contains(elements, any(string(want))) {
			return cmp.Diff(string(want), got)
		}
	case lacks:
		for _, element := range elements {
			if strings.HasPrefix(element.(string), string(want)) {
				return element.(string) + " is there"
			}
		}
	case int:
		return cmp.Diff(any(int64(want)), got)
	default:
		return cmp.Diff(any(want), got)
	}
	return ""
}

// at finds a field of an object by its JSONPath, or nil.
func at(t *testing.T, object *unstructured.Unstructured, field string) any {
	t.Helper()
	if object == nil {
		return nil
	}
	if field == "" {
		return object.Object
	}
	path := jsonpath.New(field).AllowMissingKeys(true)
	if err := path.Parse("{." + field + "}"); err != nil {
		t.Fatal(err)
	}
	found, err := path.FindResults(object.Object)
	if err != nil || len(found[0]) == 0 { // an error is an index beyond a list
		return nil
	}
	return found[0][0].Interface()
}

// defaults are a chart's values.
func defaults(t *testing.T, chart string) map[string]any {
	t.Helper()
	values := map[string]any{}
	read(t, filepath.Join(chart, "values.yaml"), &values)
	return values
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, into); err != nil {
		t.Fatal(err)
	}
}

// appVersion is what the chart calls the operator's version.
func appVersion(t *testing.T) string {
	t.Helper()
	var chart struct {
		AppVersion string `json:"appVersion"`
	}
	read(t, filepath.Join(operatorChart, "Chart.yaml"), &chart)
	return chart.AppVersion
}

// leaves are the paths of values that are no maps, or empty ones.
func leaves(path string, value any) []string {
	inner, ok := value.(map[string]any)
	if !ok || (len(inner) == 0 && path != "") {
		return []string{path}
	}
	var all []string
	for _, key := range slices.Sorted(maps.Keys(inner)) {
		all = append(all, leaves(strings.TrimPrefix(path+"."+key, "."), inner[key])...)
	}
	return all
}

// schemaNode is what the schema says of a value.
type schemaNode struct {
	Type                 any                    `json:"type"`
	Enum                 []any                  `json:"enum"`
	Description          string                 `json:"description"`
	Properties           map[string]*schemaNode `json:"properties"`
	AdditionalProperties any                    `json:"additionalProperties"`
}

// closed tells whether what is not named is refused.
func (n *schemaNode) closed() bool {
	more, said := n.AdditionalProperties.(bool)
	return said && !more
}

// TestSchemaKnowsTheValues holds that the schema names what values.yaml has, tells what it is, and names nothing else.
func TestSchemaKnowsTheValues(t *testing.T) {
	for _, chart := range []string{operatorChart, tokensChart} {
		var schema schemaNode
		read(t, filepath.Join(chart, "values.schema.json"), &schema)
		var walk func(path string, node *schemaNode, value any, known bool)
		walk = func(path string, node *schemaNode, value any, known bool) {
			if node == nil {
				t.Errorf("%s: the schema has no %s", chart, path)
				return
			}
			if path != "" && node.Description == "" && chart == operatorChart {
				t.Errorf("%s: the schema does not tell what %s is", chart, path)
			}
			if !known && path != "global" {
				t.Errorf("%s: values.yaml has no %s", chart, path)
			}
			values, _ := value.(map[string]any)
			if !node.closed() {
				return
			}
			for key := range values {
				if node.Properties[key] == nil {
					t.Errorf("%s: the schema has no %s.%s", chart, path, key)
				}
			}
			for key, inner := range node.Properties {
				value, known := values[key]
				// What has a default of Kubernetes' own is not repeated in values.yaml.
				optional := slices.Contains([]string{"resources", "livenessProbe", "readinessProbe"}, path)
				walk(strings.TrimPrefix(path+"."+key, "."), inner, value, known || optional)
			}
		}
		walk("", &schema, defaults(t, chart), true)
	}
}

// TestSchemaRefuses gives every value a wrong type, and every map a key that nobody knows: Helm must name each.
func TestSchemaRefuses(t *testing.T) {
	var schema schemaNode
	read(t, filepath.Join(operatorChart, "values.schema.json"), &schema)
	illTyped, misspelt := map[string]any{}, map[string]any{}
	var typed, named []string
	var walk func(path string, node *schemaNode, ill, odd map[string]any)
	walk = func(path string, node *schemaNode, ill, odd map[string]any) {
		if node.closed() {
			odd["misspelt"] = true
			named = append(named, path)
		}
		for key, inner := range node.Properties {
			below := path + "/" + key
			if inner.closed() {
				ill[key], odd[key] = map[string]any{}, map[string]any{}
				walk(below, inner, ill[key].(map[string]any), odd[key].(map[string]any))
				continue
			}
			ill[key] = wrong(inner)
			typed = append(typed, below)
		}
	}
	walk("", &schema, illTyped, misspelt)

	output := refusal(t, illTyped)
	for _, path := range typed {
		if !strings.Contains(output, "at '"+path+"'") {
			t.Errorf("%s of a wrong type is not named", path)
		}
	}
	output = refusal(t, misspelt)
	for _, path := range named {
		if !strings.Contains(output, "at '"+path+"': additional properties 'misspelt' not allowed") {
			t.Errorf("a misspelt value in %q is not named", path)
		}
	}
	if len(typed) < 60 || len(named) < 10 {
		t.Errorf("%d values and %d maps: the schema was not walked", len(typed), len(named))
	}
}

// wrong is a value of no type that the schema allows.
func wrong(node *schemaNode) any {
	text, _ := json.Marshal([]any{node.Type, node.Enum})
	if strings.Contains(string(text), `"object"`) || strings.Contains(string(text), `"array"`) {
		return 7.5
	}
	return []any{"wrong"}
}

// refusal is what Helm says of values that it refuses.
func refusal(t *testing.T, values map[string]any) string {
	t.Helper()
	text, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "values.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = render(t, operatorChart, "--values", file)
	if err == nil {
		t.Fatal("Helm takes it")
	}
	return err.Error()
}

// TestValuesThatDoNotGoTogether holds what is refused though each value by itself is good, and that the message says what to do.
func TestValuesThatDoNotGoTogether(t *testing.T) {
	tests := map[string]struct {
		reason string
		set    []string
		says   string
	}{
		"replicas without a leader":  {"two would work at the same time", []string{"replicaCount=2", "leaderElection.enabled=false", "strategy.type=Recreate", "strategy.rollingUpdate=null"}, "set replicaCount to 1"},
		"an upgrade without one":     {"two would work at the same time for a while", []string{"leaderElection.enabled=false"}, "Set strategy.type to Recreate"},
		"a rolling Recreate":         {"the API server refuses it", []string{"strategy.type=Recreate"}, "set strategy.rollingUpdate to null"},
		"namespaces and no identity": {"the operator would not start", []string{"watchNamespaces={shop}"}, "set clusterID"},
		"namespaces and credentials": {"nobody would read those", []string{"watchNamespaces={shop}", "clusterID=c", "clusterResourceNamespace=vault"}, "leave out the latter"},
		"two sources of authorities": {"one of them would be ignored", []string{"trustedCA.configMap=a", "trustedCA.secret=b"}, "set one of them"},
		"a monitor of nothing":       {"Prometheus would find no target", []string{"metrics.serviceMonitor.enabled=true", "metrics.service.enabled=false"}, "needs metrics.enabled and metrics.service.enabled"},
		"a monitor without metrics":  {"Prometheus would find no target", []string{"metrics.serviceMonitor.enabled=true", "metrics.enabled=false"}, "needs metrics.enabled and metrics.service.enabled"},
		"two budgets":                {"the API server refuses it", []string{"podDisruptionBudget.minAvailable=1", "podDisruptionBudget.maxUnavailable=1"}, "podDisruptionBudget"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var flags []string
			for _, set := range tc.set {
				flags = append(flags, "--set", set)
			}
			if _, err := render(t, operatorChart, flags...); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s: an error that says %q is wanted, not %v", tc.reason, tc.says, err)
			}
		})
	}
}
