package v1alpha1_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/controlplane"
)

// TestAPIServer judges the CRDs by a real API server: what it takes, what it
// refuses and with which words, what it defaults, and that it accepts the cost of
// the rules at all.
func TestAPIServer(t *testing.T) {
	plane, err := controlplane.Start(t.Context(), controlplane.Options{CRDs: []string{"../../config/crd/bases"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	c := strictClient(t, plane.RESTConfig())

	t.Run("create", func(t *testing.T) { testCreate(t, c) })
	t.Run("update", func(t *testing.T) { testUpdate(t, c) })
	t.Run("status is the one default", func(t *testing.T) { testDefaults(t, c) })
	t.Run("status can be written by the operator", func(t *testing.T) { testStatus(t, c) })
	t.Run("selectable fields", func(t *testing.T) { testSelectableFields(t, c) })
	t.Run("samples and examples", func(t *testing.T) { testExamples(t, c) })
}

// strictClient refuses unknown fields, as kubectl does.
func strictClient(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return client.WithFieldValidation(c, client.FieldValidation(metav1.FieldValidationStrict))
}

// manifest returns an object of a kind with a spec written as in a manifest.
func manifest(t *testing.T, kind, name, spec string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{}}
	var content map[string]any
	if err := yaml.Unmarshal([]byte(spec), &content); err != nil {
		t.Fatalf("%v in\n%s", err, spec)
	}
	object.Object["spec"] = content
	object.SetGroupVersionKind(v1alpha1.GroupVersion().WithKind(kind))
	object.SetName(name)
	if kind != v1alpha1.KindClusterTokenIssuer {
		object.SetNamespace("default")
	}
	return object
}

// judge compares an API server's answer with the words it should have.
func judge(t *testing.T, reason, want string, err error) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("refused, though %s:\n%v", reason, err)
	case want != "" && err == nil:
		t.Errorf("accepted, though %s", reason)
	case want != "" && !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err):
		t.Errorf("error is not about the manifest: %v", err)
	case want != "" && !strings.Contains(err.Error(), want):
		t.Errorf("refused, as %s, but the words %q are missing:\n%v", reason, want, err)
	}
}

type createCase struct {
	reason string
	kind   string // GatewayToken when empty
	name   string // "example" when empty
	spec   string
	want   string // words of the refusal; empty: accepted
}

func testCreate(t *testing.T, c client.Client) {
	cases := createCases()
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		tc := cases[name]
		t.Run(name, func(t *testing.T) {
			if tc.kind == "" {
				tc.kind = v1alpha1.KindGatewayToken
			}
			if tc.name == "" {
				tc.name = "example"
			}
			object := manifest(t, tc.kind, tc.name, tc.spec)
			judge(t, tc.reason, tc.want, c.Create(t.Context(), object, client.DryRunAll))
		})
	}
}

func createCases() map[string]createCase {
	cases := map[string]createCase{}
	for _, part := range []map[string]createCase{
		tokenCases(), secretCases(), labelCases(), dataCases(), issuerCases(), grantCases(),
	} {
		maps.Copy(cases, part)
	}
	return cases
}

func tokenCases() map[string]createCase {
	const ref = "issuerRef: {name: causely}\n"
	return map[string]createCase{
		"token: minimal": {
			reason: "everything but the issuer's name can be left out",
			spec:   ref,
		},
		"token: everything": {
			reason: "every documented field is valid together with the others",
			spec: `
issuerRef: {kind: ClusterTokenIssuer, name: causely}
tokenName: my-mediator-token
secret:
  name: causely-token
  type: Opaque
  labels: {team: observability}
  annotations: {example.com/purpose: "mediator of the shop"}
  data: {token: "{{ .Token }}", CAUSELY_GATEWAY_TOKEN: "{{ .Token }}"}
  adopt: IfUnowned
rotation: {overlap: 1h}
deletionPolicy: Retain
onRemoteRevocation: Report
suspend: true
`,
		},
		"token: no spec":                     {reason: "an issuer is needed", spec: "{}", want: "spec.issuerRef: Required value"},
		"token: issuer without a name":       {reason: "an issuer is needed", spec: "issuerRef: {kind: TokenIssuer}", want: "spec.issuerRef.name: Required value"},
		"token: issuer of an unknown kind":   {reason: "there are two kinds of issuers", spec: "issuerRef: {kind: Issuer, name: causely}", want: `supported values: "TokenIssuer", "ClusterTokenIssuer"`},
		"token: issuer in another namespace": {reason: "tenants must not reach into other namespaces", spec: "issuerRef: {name: causely, namespace: other}", want: `unknown field "spec.issuerRef.namespace"`},
		"token: issuer name in capitals":     {reason: "no object has such a name", spec: "issuerRef: {name: Causely}", want: "name must be the name of an object"},

		"token: name with spaces":           {reason: "people write names with spaces", spec: ref + "tokenName: Shop mediator 1.2_x"},
		"token: name of 60 characters":      {reason: "60 characters are allowed", spec: ref + "tokenName: " + strings.Repeat("n", 60)},
		"token: name of 61 characters":      {reason: "60 characters are allowed", spec: ref + "tokenName: " + strings.Repeat("n", 61), want: "spec.tokenName: Too long"},
		"token: empty name":                 {reason: "a name has a character", spec: ref + `tokenName: ""`, want: "spec.tokenName"},
		"token: name with an umlaut":        {reason: "a vendor might alter it", spec: ref + "tokenName: Vermittlung-Köln", want: "the vendor must give the name back unaltered"},
		"token: name with a line break":     {reason: "a vendor might alter it", spec: ref + `tokenName: "a\nb"`, want: "the vendor must give the name back unaltered"},
		"token: name with a trailing space": {reason: "a vendor might trim it", spec: ref + `tokenName: "mediator "`, want: "the vendor must give the name back unaltered"},
		"token: name with two spaces":       {reason: "a vendor might fold them", spec: ref + `tokenName: "my  mediator"`, want: "the vendor must give the name back unaltered"},

		"token: overlap in hours":        {reason: "a duration", spec: ref + "rotation: {overlap: 24h}"},
		"token: overlap as Go writes it": {reason: "a duration as a client of ours writes it", spec: ref + "rotation: {overlap: 1h30m0s}"},
		"token: overlap with a fraction": {reason: "a duration", spec: ref + "rotation: {overlap: 1.5s}"},
		"token: overlap of nothing":      {reason: "zero is not negative; the operator's floor applies", spec: ref + "rotation: {overlap: 0s}"},
		"token: overlap of a year":       {reason: "the longest allowed", spec: ref + "rotation: {overlap: 8760h}"},
		"token: overlap beyond a year":   {reason: "it must be a mistake", spec: ref + "rotation: {overlap: 8761h}", want: "overlap must be at most 8760h"},
		"token: negative overlap":        {reason: "a token cannot be revoked before its successor", spec: ref + "rotation: {overlap: -1h}", want: "overlap must be a duration that is not negative"},
		"token: overlap in days":         {reason: "Go knows no days, and an object that cannot be decoded would stop the operator", spec: ref + "rotation: {overlap: 2d}", want: "overlap must be a duration that is not negative"},
		"token: overlap without unit":    {reason: "it could be anything", spec: ref + `rotation: {overlap: "60"}`, want: "overlap must be a duration that is not negative"},
		"token: overlap that overflows":  {reason: "an object that cannot be decoded would stop the operator", spec: ref + "rotation: {overlap: 9999999999h}", want: "overlap must be a duration that is not negative"},
		"token: overlap as a number":     {reason: "it could be anything", spec: ref + "rotation: {overlap: 60}", want: "spec.rotation.overlap: Invalid value"},
		"token: empty overlap":           {reason: "it says nothing", spec: ref + `rotation: {overlap: ""}`, want: "spec.rotation.overlap"},

		"token: rotation by interval":   {reason: "a field that nothing acts on must not be accepted", spec: ref + "rotation: {interval: 2160h}", want: `unknown field "spec.rotation.interval"`},
		"token: consumers":              {reason: "a field that nothing acts on must not be accepted", spec: ref + "consumers: {action: Restart}", want: `unknown field "spec.consumers"`},
		"token: unknown deletionPolicy": {reason: "there are two", spec: ref + "deletionPolicy: Orphan", want: `supported values: "Revoke", "Retain"`},
		"token: unknown remote policy":  {reason: "there are two", spec: ref + "onRemoteRevocation: Ignore", want: `supported values: "Reissue", "Report"`},
	}
}

func secretCases() map[string]createCase {
	spec := func(secret string) string { return "issuerRef: {name: causely}\nsecret: " + secret }
	const (
		badType  = "a type of a domain of your own such as example.com/token"
		reserved = "is reserved: choose another"
	)
	return map[string]createCase{
		"secret: empty block":                         {reason: "everything in it can be left out", spec: spec("{}")},
		"secret: name with dots":                      {reason: "names of Secrets may have dots", spec: spec("{name: causely.token}")},
		"secret: name in capitals":                    {reason: "no Secret has such a name", spec: spec("{name: CauselyToken}"), want: "name must be the name of a Secret"},
		"secret: name with a slash":                   {reason: "no Secret has such a name", spec: spec("{name: other/token}"), want: "name must be the name of a Secret"},
		"secret: name of the operator's":              {reason: "the key of the ledgers must not be anybody's to ask for", spec: spec("{name: gateway-token-operator-ledger-key}"), want: reserved},
		"secret: name left out, metadata.name is bad": {reason: "the resolved name is judged", name: "gateway-token-operator-ledger-key", spec: spec("{}"), want: reserved},
		"secret: bad metadata.name, good name":        {reason: "the resolved name is judged", name: "gateway-token-operator-x", spec: spec("{name: fine}")},
		"secret: name of a Helm release record":       {reason: "Helm would act on it", spec: spec("{name: sh.helm.release.v1.shop.v9}"), want: reserved},
		"secret: unknown adopt policy":                {reason: "there are two", spec: spec("{adopt: Always}"), want: `supported values: "Never", "IfUnowned"`},
		"secret: ownerReferences":                     {reason: "there is no such field", spec: spec("{ownerReferences: []}"), want: `unknown field "spec.secret.ownerReferences"`},

		"secret: type Opaque":                  {reason: "the common type", spec: spec("{type: Opaque}")},
		"secret: type of a foreign domain":     {reason: "types of one's own are allowed", spec: spec("{type: example.com/gateway-token}")},
		"secret: type basic-auth":              {reason: "a token as password", spec: spec(`{type: kubernetes.io/basic-auth, data: {username: token, password: "{{ .Token }}"}}`)},
		"secret: type basic-auth, no data":     {reason: "the API server would refuse the Secret", spec: spec("{type: kubernetes.io/basic-auth}"), want: "needs the key username or password"},
		"secret: type dockerconfigjson":        {reason: "a token to pull images with", spec: spec(`{type: kubernetes.io/dockerconfigjson, data: {token: "{{ .Token }}", .dockerconfigjson: '{"auths":{"r.example.com":{"auth":{{ .Token | json }}}}}'}}`)},
		"secret: type dockerconfigjson, token": {reason: "the API server would refuse the Secret", spec: spec(`{type: kubernetes.io/dockerconfigjson, data: {token: "{{ .Token }}"}}`), want: "needs the key .dockerconfigjson"},
		"secret: type service-account-token":   {reason: "the cluster would put a token of its own into it", spec: spec("{type: kubernetes.io/service-account-token}"), want: badType},
		"secret: type tls":                     {reason: "a type of the cluster's", spec: spec("{type: kubernetes.io/tls}"), want: badType},
		"secret: type bootstrap token":         {reason: "whoever holds it may join nodes", spec: spec("{type: bootstrap.kubernetes.io/token}"), want: badType},
		"secret: type below k8s.io":            {reason: "a domain of the cluster's", spec: spec("{type: x.k8s.io/token}"), want: badType},
		"secret: type of Helm":                 {reason: "Helm would take it for a release", spec: spec("{type: helm.sh/release.v1}"), want: badType},
		"secret: type without a domain":        {reason: "the cluster may give it a meaning one day", spec: spec("{type: token}"), want: badType},
		"secret: type of a lookalike domain":   {reason: "notkubernetes.io is somebody else's", spec: spec("{type: notkubernetes.io/token}")},
	}
}

func labelCases() map[string]createCase {
	label := func(key, value string) string {
		return fmt.Sprintf("issuerRef: {name: causely}\nsecret: {labels: {%q: %q}}", key, value)
	}
	annotation := func(key, value string) string {
		return fmt.Sprintf("issuerRef: {name: causely}\nsecret: {annotations: {%q: %q}}", key, value)
	}
	const (
		labels      = "cannot be set on the Secret, except app.kubernetes.io/name"
		annotations = "annotations of kubernetes.io"
	)
	cases := map[string]createCase{
		"labels: own":                         {reason: "labels are allowed", spec: label("example.com/team", "shop")},
		"labels: without a domain":            {reason: "labels are allowed", spec: label("team", "")},
		"labels: name":                        {reason: "a harmless recommended label", spec: label("app.kubernetes.io/name", "mediator")},
		"labels: part-of":                     {reason: "a harmless recommended label", spec: label("app.kubernetes.io/part-of", "causely")},
		"labels: lookalike domain":            {reason: "mycausely.ai is somebody else's", spec: label("mycausely.ai/x", "y")},
		"labels: Helm release record":         {reason: "Helm finds its releases by it", spec: label("owner", "helm"), want: "a release record of Helm"},
		"labels: owner":                       {reason: "only Helm's value is refused", spec: label("owner", "shop")},
		"labels: bad key":                     {reason: "the API server would refuse the Secret", spec: label("my label", "y"), want: "every label key must be a name"},
		"labels: bad value":                   {reason: "the API server would refuse the Secret", spec: label("team", "the shop"), want: "a label value must be empty or consist of"},
		"labels: value of 64":                 {reason: "the API server would refuse the Secret", spec: label("team", strings.Repeat("x", 64)), want: "Too long"},
		"annotations: own":                    {reason: "annotations are allowed", spec: annotation("example.com/purpose", "for the shop, in Köln")},
		"annotations: reloader":               {reason: "tools of others may be told things", spec: annotation("reloader.stakater.com/match", "true")},
		"annotations: reflector":              {reason: "tools of others may be told things", spec: annotation("reflector.v1.k8s.emberstack.com/reflection-allowed", "false")},
		"annotations: value of 4097":          {reason: "4096 characters are allowed", spec: annotation("example.com/x", strings.Repeat("x", 4097)), want: "Too long"},
		"annotations: the ledger":             {reason: "the ledger is the operator's", spec: annotation(v1alpha1.AnnotationLedger, "x"), want: annotations},
		"annotations: bad key":                {reason: "the API server would refuse the Secret", spec: annotation("/x", "y"), want: "every annotation key must be a name"},
		"annotations: service account's name": {reason: "the cluster acts on it", spec: annotation("kubernetes.io/service-account.name", "admin"), want: annotations},
		"annotations: last applied":           {reason: "kubectl acts on it", spec: annotation("kubectl.kubernetes.io/last-applied-configuration", "{}"), want: annotations},
		"annotations: Helm hook":              {reason: "Helm acts on it", spec: annotation("helm.sh/hook", "pre-install"), want: annotations},
		"labels: 33": {
			reason: "32 are allowed",
			spec:   "issuerRef: {name: causely}\nsecret: {labels: {" + keys(33, "x") + "}}", want: "Too many",
		},
	}
	for _, key := range []string{
		"app.kubernetes.io/managed-by", "app.kubernetes.io/instance", "kubernetes.io/metadata.name",
		"node-role.kubernetes.io/control-plane", "x.k8s.io/y", "gatewaytoken.io/retained", "gatewaytoken.io/role",
		"argocd.argoproj.io/secret-type", "argocd.argoproj.io/instance", "helm.sh/chart",
		"kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name", "causely.ai/anything",
	} {
		cases["labels: "+key] = createCase{reason: "somebody acts on " + key, spec: label(key, "x"), want: labels}
	}
	return cases
}

// keys returns n entries of a map in YAML's flow style.
func keys(n int, value string) string {
	entries := make([]string, n)
	for i := range entries {
		entries[i] = fmt.Sprintf("key-%d: %q", i, value)
	}
	return strings.Join(entries, ", ")
}

func dataCases() map[string]createCase {
	spec := func(data string) string { return "issuerRef: {name: causely}\nsecret: {data: {" + data + "}}" }
	const needsToken = "at least one key of data must be exactly '{{ .Token }}'"
	return map[string]createCase{
		"data: one key":                  {reason: "the token is there", spec: spec(`token: "{{ .Token }}"`)},
		"data: without spaces":           {reason: "templates are written that way, too", spec: spec(`token: "{{.Token}}"`)},
		"data: with others":              {reason: "other keys may be anything", spec: spec(`token: "{{ .Token }}", url: "https://x?t={{ .Token | urlquery }}", fixed: "on"`)},
		"data: key with dots":            {reason: "a key of a Secret", spec: spec(`token: "{{ .Token }}", .netrc: "x", a_B-c.9: "y"`)},
		"data: empty":                    {reason: "it would be a Secret without a token", spec: "issuerRef: {name: causely}\nsecret: {data: {}}", want: "spec.secret.data"},
		"data: no token":                 {reason: "nothing could be recognised", spec: spec(`id: "{{ .ID }}"`), want: needsToken},
		"data: only a decorated token":   {reason: "the token would have to be cut out of it", spec: spec(`header: "Bearer {{ .Token }}"`), want: needsToken},
		"data: only a function's":        {reason: "the token would have to be decoded", spec: spec(`token: "{{ .Token | b64enc }}"`), want: needsToken},
		"data: a line break after":       {reason: "a block scalar adds one unseen", spec: spec(`token: "{{ .Token }}\n"`), want: needsToken},
		"data: another field":            {reason: "TokenX is not the token", spec: spec(`token: "{{ .TokenX }}"`), want: needsToken},
		"data: key with a space":         {reason: "no key of a Secret", spec: spec(`token: "{{ .Token }}", "my key": x`), want: "every key of data must consist of"},
		"data: key with a slash":         {reason: "no key of a Secret", spec: spec(`token: "{{ .Token }}", "a/b": x`), want: "every key of data must consist of"},
		"data: key of two dots":          {reason: "no key of a Secret: it would lead out of a volume", spec: spec(`token: "{{ .Token }}", "..x": x`), want: "every key of data must consist of"},
		"data: key of one dot":           {reason: "no key of a Secret", spec: spec(`token: "{{ .Token }}", ".": x`), want: "every key of data must consist of"},
		"data: empty key":                {reason: "no key of a Secret", spec: spec(`token: "{{ .Token }}", "": x`), want: "every key of data must consist of"},
		"data: key of 254":               {reason: "253 are allowed", spec: spec(`token: "{{ .Token }}", ` + strings.Repeat("k", 254) + `: x`), want: "every key of data must consist of"},
		"data: key of 253":               {reason: "253 are allowed", spec: spec(`token: "{{ .Token }}", ` + strings.Repeat("k", 253) + `: x`)},
		"data: 32 keys":                  {reason: "32 are allowed", spec: spec(keys(31, "x") + `, token: "{{ .Token }}"`)},
		"data: 33 keys":                  {reason: "32 are allowed", spec: spec(keys(32, "x") + `, token: "{{ .Token }}"`), want: "Too many"},
		"data: template of 4096":         {reason: "4096 are allowed", spec: spec(`token: "{{ .Token }}", x: ` + strings.Repeat("x", 4096))},
		"data: template of 4097":         {reason: "4096 are allowed", spec: spec(`token: "{{ .Token }}", x: ` + strings.Repeat("x", 4097)), want: "Too long"},
		"data: broken template":          {reason: "only the operator can parse templates: InvalidTemplate", spec: spec(`token: "{{ .Token }}", x: "{{ end"`)},
		"data: template is not a string": {reason: "YAML makes a number of it", spec: spec(`token: "{{ .Token }}", x: 1`), want: "spec.secret.data.x: Invalid value"},
	}
}

func issuerCases() map[string]createCase {
	const credentials = "credentialsSecretRef: {name: causely-api}"
	causely := func(fields string) string { return "causely: {" + fields + "}\n" }
	good := causely(credentials)
	both := map[string]createCase{
		"minimal": {reason: "Causely's own URLs can be left out", spec: good},
		"everything": {
			reason: "every documented field is valid together with the others",
			spec: `
causely:
  url: https://api.causely.app
  authURL: https://auth.causely.app/frontegg/identity/resources/auth/v2/api-token
  credentialsSecretRef: {name: causely-api, clientIDKey: clientId, clientSecretKey: clientSecret}
caBundle: {configMapRef: {name: corp-ca, key: ca.crt}}
requestsPerSecond: 5
inventoryInterval: 5m
`,
		},
		"no vendor":          {reason: "an issuer is of a vendor", spec: "{}", want: "exactly one vendor must be set"},
		"unknown vendor":     {reason: "a vendor that nothing serves must not be accepted", spec: "vault: {}", want: `unknown field "spec.vault"`},
		"no credentials":     {reason: "nothing works without", spec: "causely: {}", want: "spec.causely.credentialsSecretRef: Required value"},
		"unnamed Secret":     {reason: "nothing works without", spec: "causely: {credentialsSecretRef: {}}", want: "spec.causely.credentialsSecretRef.name: Required value"},
		"bad Secret name":    {reason: "no Secret has such a name", spec: "causely: {credentialsSecretRef: {name: a/b}}", want: "name must be the name of a Secret"},
		"Secret elsewhere":   {reason: "no issuer reads in other namespaces", spec: "causely: {credentialsSecretRef: {name: a, namespace: kube-system}}", want: "unknown field"},
		"bad key":            {reason: "no key of a Secret", spec: `causely: {credentialsSecretRef: {name: a, clientIDKey: "client id"}}`, want: "clientIDKey must be a key of a Secret"},
		"http":               {reason: "whether http is allowed is the operator's to say: InsecureURL", spec: causely("url: http://127.0.0.1:1, authURL: http://127.0.0.1:1/login, " + credentials)},
		"ftp":                {reason: "it cannot be used", spec: causely("url: ftp://x, authURL: https://x, " + credentials), want: "url must begin with https://"},
		"login without http": {reason: "it cannot be used", spec: causely("url: https://x, authURL: auth.causely.app, " + credentials), want: "authURL must begin with https://"},
		"url alone":          {reason: "credentials for one server would go to another", spec: causely("url: https://x, " + credentials), want: "url and authURL belong together"},
		"authURL alone":      {reason: "a bearer of one server would go to another", spec: causely("authURL: https://x, " + credentials), want: "url and authURL belong together"},
		"CA without a name":  {reason: "a ConfigMap has a name", spec: good + "caBundle: {configMapRef: {key: ca.crt}}", want: "spec.caBundle.configMapRef.name: Required value"},
		"CA without a map":   {reason: "it says nothing", spec: good + "caBundle: {}", want: "spec.caBundle.configMapRef: Required value"},
		"no requests":        {reason: "the issuer could do nothing", spec: good + "requestsPerSecond: 0", want: "spec.requestsPerSecond"},
		"many requests":      {reason: "vendors are protected", spec: good + "requestsPerSecond: 101", want: "spec.requestsPerSecond"},
		"seldom lists":       {reason: "a day is allowed", spec: good + "inventoryInterval: 24h"},
		"too seldom lists":   {reason: "a day is allowed", spec: good + "inventoryInterval: 25h", want: "between 1s and 24h"},
		"endless lists":      {reason: "vendors are protected", spec: good + "inventoryInterval: 0s", want: "between 1s and 24h"},
		"negative interval":  {reason: "time goes forward", spec: good + "inventoryInterval: -5m", want: "inventoryInterval must be a duration"},
		"wordy interval":     {reason: "Go cannot read it", spec: good + "inventoryInterval: 5 minutes", want: "inventoryInterval must be a duration"},
	}
	cases := map[string]createCase{
		"TokenIssuer: grants": {
			reason: "a TokenIssuer serves its own namespace", kind: v1alpha1.KindTokenIssuer,
			spec: good + "grants: [{namespaces: {names: [a]}}]", want: `unknown field "spec.grants"`,
		},
	}
	for _, kind := range []string{v1alpha1.KindTokenIssuer, v1alpha1.KindClusterTokenIssuer} {
		for name, tc := range both {
			tc.kind = kind
			cases[kind+": "+name] = tc
		}
	}
	return cases
}

func grantCases() map[string]createCase {
	spec := func(grants string) string {
		return "causely: {credentialsSecretRef: {name: causely-api}}\ngrants: " + grants
	}
	cases := map[string]createCase{
		"grants: none":               {reason: "nothing is granted", spec: spec("[]")},
		"grants: names":              {reason: "namespaces by name", spec: spec("[{namespaces: {names: [causely, ci]}}]")},
		"grants: selector":           {reason: "namespaces by label", spec: spec("[{namespaces: {selector: {matchLabels: {team: shop}}}}]")},
		"grants: expression":         {reason: "namespaces by label", spec: spec("[{namespaces: {selector: {matchExpressions: [{key: team, operator: In, values: [a, b]}]}}}]")},
		"grants: all":                {reason: "an empty selector selects all, as everywhere in Kubernetes", spec: spec("[{namespaces: {selector: {}}}]")},
		"grants: nothing":            {reason: "it could be meant as all or as none", spec: spec("[{namespaces: {}}]"), want: "should have at least 1 properties"},
		"grants: no namespaces":      {reason: "it could be meant as all or as none", spec: spec("[{}]"), want: "namespaces: Required value"},
		"grants: names and selector": {reason: "it could be meant as both or as either", spec: spec("[{namespaces: {names: [a], selector: {}}}]"), want: "either names or selector"},
		"grants: no names":           {reason: "it grants nothing", spec: spec("[{namespaces: {names: []}}]"), want: "names"},
		"grants: wildcard":           {reason: "wildcards are not understood", spec: spec(`[{namespaces: {names: ["team-*"]}}]`), want: "there are no wildcards, use a selector"},
		"grants: twice":              {reason: "names are a set", spec: spec("[{namespaces: {names: [a, a]}}]"), want: "Duplicate value"},
		"grants: 65":                 {reason: "64 are allowed", spec: spec("[" + strings.Repeat("{namespaces: {names: [a]}}, ", 65) + "]"), want: "Too many"},
		"grants: 17 expressions": {
			reason: "16 are allowed",
			spec:   spec("[{namespaces: {selector: {matchExpressions: [" + strings.Repeat("{key: a, operator: Exists}, ", 17) + "]}}}]"),
			want:   "at most 16",
		},
	}
	for name, tc := range cases {
		tc.kind = v1alpha1.KindClusterTokenIssuer
		cases[name] = tc
	}
	return cases
}

type updateCase struct {
	reason   string
	kind     string // GatewayToken when empty
	from, to string
	want     string // words of the refusal; empty: accepted
}

func testUpdate(t *testing.T, c client.Client) {
	cases := updateCases()
	for index, name := range slices.Sorted(maps.Keys(cases)) {
		tc := cases[name]
		t.Run(name, func(t *testing.T) {
			if tc.kind == "" {
				tc.kind = v1alpha1.KindGatewayToken
			}
			object := manifest(t, tc.kind, fmt.Sprintf("update-%d", index), tc.from)
			if err := c.Create(t.Context(), object); err != nil {
				t.Fatal(err)
			}
			object.Object["spec"] = manifest(t, tc.kind, object.GetName(), tc.to).Object["spec"]
			judge(t, tc.reason, tc.want, c.Update(t.Context(), object, client.DryRunAll))
		})
	}
}

func updateCases() map[string]updateCase {
	const (
		minimal    = "issuerRef: {name: a}"
		issuer     = "the issuer cannot be changed"
		secretName = "the name of the Secret cannot be changed"
		secretType = "the type of the Secret cannot be changed"
		account    = "causely: {credentialsSecretRef: {name: a}}"
	)
	return map[string]updateCase{
		"issuer: another name":         {reason: "its tokens would be lost", from: minimal, to: "issuerRef: {name: b}", want: issuer},
		"issuer: another kind":         {reason: "its tokens would be lost", from: minimal, to: "issuerRef: {kind: ClusterTokenIssuer, name: a}", want: issuer},
		"issuer: kind taken out":       {reason: "left out it is another", from: "issuerRef: {kind: ClusterTokenIssuer, name: a}", to: minimal, want: issuer},
		"issuer: kind written out":     {reason: "left out it is the same", from: minimal, to: "issuerRef: {kind: TokenIssuer, name: a}"},
		"issuer: kind of no matter":    {reason: "left out it is the same", from: "issuerRef: {kind: TokenIssuer, name: a}", to: minimal},
		"secret: name changed":         {reason: "a Secret would be left behind", from: minimal + "\nsecret: {name: one}", to: minimal + "\nsecret: {name: two}", want: secretName},
		"secret: name added":           {reason: "left out it was another", from: minimal, to: minimal + "\nsecret: {name: two}", want: secretName},
		"secret: name added to block":  {reason: "left out it was another", from: minimal + "\nsecret: {}", to: minimal + "\nsecret: {name: two}", want: secretName},
		"secret: name taken out":       {reason: "left out it is another", from: minimal + "\nsecret: {name: one, adopt: Never}", to: minimal + "\nsecret: {adopt: Never}", want: secretName},
		"secret: block taken out":      {reason: "left out it is another", from: minimal + "\nsecret: {name: one}", to: minimal, want: secretName},
		"secret: block added":          {reason: "the name stays", from: minimal, to: minimal + "\nsecret: {labels: {a: b}}"},
		"secret: type changed":         {reason: "Kubernetes does not change it either", from: minimal + "\nsecret: {type: a.example.com/x}", to: minimal + "\nsecret: {type: b.example.com/x}", want: secretType},
		"secret: type added":           {reason: "left out it was Opaque", from: minimal, to: minimal + "\nsecret: {type: a.example.com/x}", want: secretType},
		"secret: type taken out":       {reason: "left out it is Opaque", from: minimal + "\nsecret: {type: a.example.com/x}", to: minimal + "\nsecret: {}", want: secretType},
		"secret: type block taken out": {reason: "left out it is Opaque", from: minimal + "\nsecret: {type: a.example.com/x}", to: minimal, want: secretType},
		"secret: Opaque written out":   {reason: "left out it is the same", from: minimal, to: minimal + "\nsecret: {type: Opaque}"},
		"secret: Opaque taken out":     {reason: "left out it is the same", from: minimal + "\nsecret: {type: Opaque}", to: minimal},
		"everything else": {
			reason: "all other fields can be changed",
			from:   minimal + "\ntokenName: one",
			to: minimal + `
tokenName: two
secret: {labels: {a: b}, annotations: {c: d}, data: {a: "{{ .Token }}"}, adopt: IfUnowned}
rotation: {overlap: 1h}
deletionPolicy: Retain
onRemoteRevocation: Report
suspend: true`,
		},
		"vendor: taken out": {reason: "an issuer is of a vendor", kind: v1alpha1.KindTokenIssuer, from: account, to: "{}", want: "the vendor of an issuer cannot be changed"},
		"vendor: fields": {
			reason: "credentials and addresses move", kind: v1alpha1.KindClusterTokenIssuer, from: account,
			to: "causely: {url: https://x, authURL: https://y, credentialsSecretRef: {name: b}}\ngrants: [{namespaces: {names: [a]}}]",
		},
	}
}

// testDefaults holds that a spec is stored as it was written, for GitOps tools
// that compare, and that status speaks of no generation before the operator did.
func testDefaults(t *testing.T, c client.Client) {
	specs := map[string]string{
		v1alpha1.KindGatewayToken:       "issuerRef: {name: causely}\nsecret: {}\nrotation: {}",
		v1alpha1.KindTokenIssuer:        "causely: {credentialsSecretRef: {name: a}}",
		v1alpha1.KindClusterTokenIssuer: "causely: {credentialsSecretRef: {name: a}}",
	}
	for _, kind := range slices.Sorted(maps.Keys(specs)) {
		t.Run(kind, func(t *testing.T) {
			object := manifest(t, kind, "defaults", specs[kind])
			want := map[string]any{
				"spec":   manifest(t, kind, "defaults", specs[kind]).Object["spec"],
				"status": map[string]any{"observedGeneration": int64(-1)},
			}
			if err := c.Create(t.Context(), object); err != nil {
				t.Fatal(err)
			}
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
				t.Fatal(err)
			}
			got := map[string]any{"spec": object.Object["spec"], "status": object.Object["status"]}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("as stored (-want +got):\n%s", diff)
			}
		})
	}
}

// testStatus writes every status field at once and reads it back.
func testStatus(t *testing.T, c client.Client) {
	now := metav1.Now().Rfc3339Copy()
	ready := []metav1.Condition{{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, ObservedGeneration: 1,
		LastTransitionTime: now, Reason: v1alpha1.ReasonPublished, Message: "the Secret holds the current token",
	}}
	failure := &v1alpha1.Failure{Count: 1, Reason: v1alpha1.ReasonVendorUnavailable, Message: "503", NextAttemptTime: &now, Generation: 1}

	token := &v1alpha1.GatewayToken{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "status"},
		Spec:       v1alpha1.GatewayTokenSpec{IssuerRef: v1alpha1.IssuerReference{Name: "causely"}},
	}
	if err := c.Create(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	wantToken := v1alpha1.GatewayTokenStatus{
		ObservedGeneration: 1,
		Conditions:         ready,
		Current: &v1alpha1.CurrentToken{
			ID: "id", Name: "name", Sequence: 2, IssuedAt: &now, ExpiresAt: &now, LastUsedOn: "2026-05-26", MediatorID: "mediator",
		},
		Retiring:   []v1alpha1.RetiringToken{{ID: "old", Name: "old-name", Sequence: 1, Since: &now, WaitingFor: "overlap"}},
		Attempt:    &v1alpha1.IssueAttempt{Name: "next", Sequence: 3, StartedAt: &now},
		Failure:    failure,
		SecretName: token.SecretName(),
		Issuer:     token.IssuerRef().String(),
		Effective:  token.EffectiveSettings(0),
	}
	token.Status = wantToken
	if err := c.Status().Update(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(token), token); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantToken, token.Status); diff != "" {
		t.Errorf("GatewayToken (-want +got):\n%s", diff)
	}

	issuer := &v1alpha1.ClusterTokenIssuer{ObjectMeta: metav1.ObjectMeta{Name: "status"}}
	issuer.Spec.Causely = &v1alpha1.CauselyIssuer{CredentialsSecretRef: v1alpha1.ClientCredentialsReference{Name: "a"}}
	if err := c.Create(t.Context(), issuer); err != nil {
		t.Fatal(err)
	}
	wantIssuer := v1alpha1.TokenIssuerStatus{
		ObservedGeneration: 1, Conditions: ready, Account: "project",
		Inventory: &v1alpha1.Inventory{Active: 12, Owned: 11, Orphaned: 1, Unmanaged: 0},
		InUse:     &v1alpha1.IssuerUse{Tokens: 11, Namespaces: 3},
		Failure:   failure,
	}
	issuer.Status = wantIssuer
	if err := c.Status().Update(t.Context(), issuer); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(issuer), issuer); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantIssuer, issuer.Status); diff != "" {
		t.Errorf("ClusterTokenIssuer (-want +got):\n%s", diff)
	}
}

// testSelectableFields finds a token by what status resolved.
func testSelectableFields(t *testing.T, c client.Client) {
	token := &v1alpha1.GatewayToken{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "selected"},
		Spec:       v1alpha1.GatewayTokenSpec{IssuerRef: v1alpha1.IssuerReference{Kind: v1alpha1.KindClusterTokenIssuer, Name: "selected"}},
	}
	if err := c.Create(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	token.Status = v1alpha1.GatewayTokenStatus{Issuer: token.IssuerRef().String(), SecretName: token.SecretName()}
	if err := c.Status().Update(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	for field, value := range map[string]string{
		"status.issuer":     "ClusterTokenIssuer/selected",
		"status.secretName": "selected",
	} {
		t.Run(field, func(t *testing.T) {
			var list v1alpha1.GatewayTokenList
			if err := c.List(t.Context(), &list, client.InNamespace("default"), client.MatchingFields{field: value}); err != nil {
				t.Fatal(err)
			}
			if len(list.Items) != 1 || list.Items[0].Name != "selected" {
				t.Errorf("%s=%s selects %d objects, not the one", field, value, len(list.Items))
			}
		})
	}
}

// testExamples holds that the manifests which people copy are valid.
func testExamples(t *testing.T, c client.Client) {
	var seen int
	for _, pattern := range []string{"../../config/samples/*.yaml", "../../examples/*/manifests/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			object := &unstructured.Unstructured{}
			if err := yaml.UnmarshalStrict(content, &object.Object); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if object.GroupVersionKind().GroupVersion() != v1alpha1.GroupVersion() {
				continue
			}
			seen++
			t.Run(path, func(t *testing.T) {
				if object.GetNamespace() != "" {
					object.SetNamespace("default")
				}
				if err := c.Create(t.Context(), object, client.DryRunAll); err != nil {
					t.Error(err)
				}
			})
		}
	}
	if seen < 5 {
		t.Errorf("only %d manifests were found", seen)
	}
}
