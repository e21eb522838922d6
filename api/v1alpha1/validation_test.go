package v1alpha1_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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
		causeloopCases(), rackGatewayCases(), pingOneCases(), vendorIssuerCases(), vendorGrantCases(),
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
rotation: {overlap: 1h, renewBefore: 240h}
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

		"token: renewal in hours":      {reason: "a duration", spec: ref + "rotation: {renewBefore: 240h}"},
		"token: renewal of a minute":   {reason: "the shortest allowed", spec: ref + "rotation: {renewBefore: 1m}"},
		"token: renewal of a year":     {reason: "the longest allowed", spec: ref + "rotation: {renewBefore: 8760h}"},
		"token: renewal too late":      {reason: "a successor takes a moment", spec: ref + "rotation: {renewBefore: 59s}", want: "renewBefore must be between 1m and 8760h"},
		"token: renewal beyond a year": {reason: "it must be a mistake", spec: ref + "rotation: {renewBefore: 8761h}", want: "renewBefore must be between 1m and 8760h"},
		"token: renewal in days":       {reason: "Go knows no days", spec: ref + "rotation: {renewBefore: 10d}", want: "renewBefore must be a duration in hours"},
		"token: quarterly":             {reason: "the least that can be said", spec: ref + "rotation: {interval: 2160h}"},
		"token: hourly":                {reason: "the shortest allowed", spec: ref + "rotation: {interval: 1h}"},
		"token: ten years":             {reason: "the longest allowed", spec: ref + "rotation: {interval: 87600h}"},
		"token: too often":             {reason: "it would be in rotation all the time", spec: ref + "rotation: {interval: 59m}", want: "interval must be between 1h and 87600h"},
		"token: in days":               {reason: "Go knows no days", spec: ref + "rotation: {interval: 90d}", want: "interval must be a duration in hours"},
		"token: window":                {reason: "everything that a window can have", spec: ref + `rotation: {interval: 2160h, window: {schedule: "0 2 * * 6", duration: 3h, timeZone: Europe/Berlin}}`},
		"token: window for renewals":   {reason: "what expires can wait, too", spec: ref + `rotation: {renewBefore: 240h, window: {schedule: "0 2 * * 6", duration: 3h}}`},
		"token: overlapping":           {reason: "the default, spelt out", spec: ref + "rotation: {strategy: Overlap}"},
		"token: revoked first":         {reason: "it is Overlap where there is room", spec: ref + "rotation: {strategy: RevokeFirst}"},
		"token: in place":              {reason: "what the issuer is, the API server cannot know", spec: ref + "rotation: {strategy: InPlace}"},
		"token: in place, personal":    {reason: "Causeloop can", spec: ref + "causeloop: {personal: {}, scopes: [\"issues:read\"]}\nrotation: {strategy: InPlace}"},
		"token: in place, dedicated":   {reason: "there is no such call", spec: ref + "causeloop: {serviceAccount: {dedicated: {}}, scopes: [\"issues:read\"]}\nrotation: {strategy: InPlace}", want: "InPlace needs causeloop.personal"},
		"token: in place, rackGateway": {reason: "there is no such call", spec: ref + "rackGateway: {role: viewer}\nrotation: {strategy: InPlace}", want: "InPlace needs causeloop.personal"},
		"token: in place, pingOne":     {reason: "there is no such call", spec: ref + "pingOne: {gatewayID: 6f2c2b2e-5a3b-4c7e-9d61-0c2b8a4b7d11}\nrotation: {strategy: InPlace}", want: "InPlace needs causeloop.personal"},
		"token: another strategy":      {reason: "there is no such word", spec: ref + "rotation: {strategy: Recreate}", want: "Unsupported value"},
		"token: window for nothing":    {reason: "nothing would wait for it", spec: ref + `rotation: {window: {schedule: "0 2 * * 6", duration: 3h}}`, want: "window needs interval, or renewBefore"},
		"token: window without length": {reason: "nobody knows when it closes", spec: ref + `rotation: {interval: 2160h, window: {schedule: "0 2 * * 6"}}`, want: "spec.rotation.window.duration"},
		"token: window of a minute":    {reason: "nothing would be done in it", spec: ref + `rotation: {interval: 2160h, window: {schedule: "0 2 * * 6", duration: 1m}}`, want: "duration must be between 5m and 168h"},
		"token: longest overlap":       {reason: "a duration", spec: ref + "rotation: {overlap: 1h, maxOverlap: 168h}"},
		"token: no longest overlap":    {reason: "it would be none", spec: ref + "rotation: {maxOverlap: 0s}", want: "maxOverlap must be between 2m and 8760h"},
		"token: empty renewal":         {reason: "it says nothing", spec: ref + `rotation: {renewBefore: ""}`, want: "spec.rotation.renewBefore"},

		"token: restarts":                  {reason: "every workload that uses the Secret", spec: ref + "consumers: {action: Restart}"},
		"token: restarts of listed":        {reason: "three kinds can be named", spec: ref + "consumers: {action: Restart, select: Listed, targets: [{kind: Deployment, name: a}, {kind: StatefulSet, name: a}, {kind: DaemonSet, name: b.c}]}"},
		"token: waiting":                   {reason: "somebody else restarts", spec: ref + "consumers: {action: Wait}"},
		"token: reloading":                 {reason: "files are read again", spec: ref + "consumers: {action: ReloadsFile}"},
		"token: no action":                 {reason: "nothing would be said", spec: ref + "consumers: {select: All}", want: "spec.consumers.action"},
		"token: unknown action":            {reason: "there are three", spec: ref + "consumers: {action: Reload}", want: `supported values: "Restart", "Wait", "ReloadsFile"`},
		"token: selection and waiting":     {reason: "nothing is restarted", spec: ref + "consumers: {action: Wait, select: All}", want: "select says what is restarted"},
		"token: nothing listed":            {reason: "nothing would be restarted", spec: ref + "consumers: {action: Restart, select: Listed}", want: "targets must be set with select: Listed"},
		"token: targets of all":            {reason: "they would not count", spec: ref + "consumers: {action: Restart, targets: [{kind: Deployment, name: a}]}", want: "targets must be set with select: Listed"},
		"token: a Job as target":           {reason: "it cannot be restarted", spec: ref + "consumers: {action: Restart, select: Listed, targets: [{kind: Job, name: a}]}", want: `supported values: "Deployment", "StatefulSet", "DaemonSet"`},
		"token: target without a name":     {reason: "it names nothing", spec: ref + "consumers: {action: Restart, select: Listed, targets: [{kind: Deployment}]}", want: "name"},
		"token: target twice":              {reason: "a slip", spec: ref + "consumers: {action: Restart, select: Listed, targets: [{kind: Deployment, name: a}, {kind: Deployment, name: a}]}", want: "Duplicate value"},
		"token: a key of the value before": {reason: "for consumers that accept two", spec: ref + "secret: {previousKey: token-previous}"},
		"token: it is the default key":     {reason: "one would overwrite the other", spec: ref + "secret: {previousKey: token}", want: "previousKey must be another key than those of data"},
		"token: it is a key of data":       {reason: "one would overwrite the other", spec: ref + `secret: {previousKey: a, data: {a: "{{ .Token }}"}}`, want: "previousKey must be another key than those of data"},
		"token: token is not a key":        {reason: "data has other keys", spec: ref + `secret: {previousKey: token, data: {a: "{{ .Token }}"}}`},
		"token: no key of a Secret":        {reason: "a Secret could not have it", spec: ref + "secret: {previousKey: a/b}", want: "previousKey must consist of letters"},
		"token: unknown deletionPolicy":    {reason: "there are two", spec: ref + "deletionPolicy: Orphan", want: `supported values: "Revoke", "Retain"`},
		"token: unknown remote policy":     {reason: "there are two", spec: ref + "onRemoteRevocation: Ignore", want: `supported values: "Reissue", "Report"`},
	}
}

func causeloopCases() map[string]createCase {
	spec := func(causeloop string) string { return "issuerRef: {name: causeloop}\ncauseloop: " + causeloop }
	const (
		dedicated = "serviceAccount: {dedicated: {}}"
		scopes    = "scopes: [issues:read]"
		one       = "either serviceAccount or personal must be set"
		duration  = "expiresAfter must be between 1h and 87600h"
	)
	return map[string]createCase{
		"causeloop: dedicated":            {reason: "a service account for each token", spec: spec("{" + dedicated + ", scopes: [issues:read, patterns:write]}")},
		"causeloop: existing":             {reason: "the account has its own scopes", spec: spec("{serviceAccount: {id: sa_01HZX.b-2}}")},
		"causeloop: personal":             {reason: "it lives on", spec: spec("{personal: {}, " + scopes + "}")},
		"causeloop: personal, expiring":   {reason: "everything that a personal token can have", spec: spec("{personal: {}, " + scopes + ", expiresAfter: 720h}\nrotation: {renewBefore: 240h, overlap: 1h}")},
		"causeloop: nothing":              {reason: "it must be told which kind of token", spec: spec("{}"), want: one},
		"causeloop: scopes alone":         {reason: "it must be told which kind of token", spec: spec("{" + scopes + "}"), want: one},
		"causeloop: both kinds":           {reason: "a token is of one kind", spec: spec("{personal: {}, " + dedicated + ", " + scopes + "}"), want: one},
		"causeloop: empty account":        {reason: "it could be meant as either", spec: spec("{serviceAccount: {}, " + scopes + "}"), want: "either dedicated or id must be set"},
		"causeloop: two accounts":         {reason: "a token is of one account", spec: spec("{serviceAccount: {dedicated: {}, id: a}}"), want: "either dedicated or id must be set"},
		"causeloop: dedicated, settings":  {reason: "there are none", spec: spec("{serviceAccount: {dedicated: {name: x}}, " + scopes + "}"), want: `unknown field "spec.causeloop.serviceAccount.dedicated.name"`},
		"causeloop: bad account":          {reason: "it is a part of a URL", spec: spec("{serviceAccount: {id: ../api-tokens}}"), want: "id must be the ID of a service account"},
		"causeloop: empty account ID":     {reason: "it says nothing", spec: spec(`{serviceAccount: {id: ""}}`), want: "spec.causeloop.serviceAccount.id"},
		"causeloop: dedicated, no scopes": {reason: "a token without scopes can do nothing", spec: spec("{" + dedicated + "}"), want: "scopes must be set for a dedicated service account and for a personal token"},
		"causeloop: personal, no scopes":  {reason: "a token without scopes can do nothing", spec: spec("{personal: {}}"), want: "scopes must be set for a dedicated service account and for a personal token"},
		"causeloop: empty scopes":         {reason: "a token without scopes can do nothing", spec: spec("{personal: {}, scopes: []}"), want: "should have at least 1 items"},
		"causeloop: existing, scopes":     {reason: "they would be ignored", spec: spec("{serviceAccount: {id: a}, " + scopes + "}"), want: "scopes must be left out for an existing service account"},
		"causeloop: scope twice":          {reason: "scopes are a set", spec: spec("{personal: {}, scopes: [a, a]}"), want: "Duplicate value"},
		"causeloop: scope with a space":   {reason: "no scope has one", spec: spec(`{personal: {}, scopes: ["issues read"]}`), want: "a scope must be one of Causeloop's"},
		"causeloop: all scopes":           {reason: "Causeloop knows no wildcards", spec: spec(`{personal: {}, scopes: ["issues:*"]}`), want: "there are no wildcards"},
		"causeloop: unknown scope":        {reason: "only Causeloop knows its scopes: InvalidScope", spec: spec("{personal: {}, scopes: [everything:read]}")},
		"causeloop: 32 scopes":            {reason: "32 are allowed", spec: spec("{personal: {}, scopes: [" + numbered(32, "issues:read%d") + "]}")},
		"causeloop: 33 scopes":            {reason: "32 are allowed", spec: spec("{personal: {}, scopes: [" + numbered(33, "issues:read%d") + "]}"), want: "Too many"},

		"causeloop: expiry of an hour":      {reason: "the shortest allowed", spec: spec("{personal: {}, " + scopes + ", expiresAfter: 1h}")},
		"causeloop: expiry of ten years":    {reason: "the longest allowed", spec: spec("{personal: {}, " + scopes + ", expiresAfter: 87600h}")},
		"causeloop: no time at all":         {reason: "it would be useless when it is made", spec: spec("{personal: {}, " + scopes + ", expiresAfter: 0s}"), want: duration},
		"causeloop: too short":              {reason: "it would be replaced all the time", spec: spec("{personal: {}, " + scopes + ", expiresAfter: 59m59s}"), want: duration},
		"causeloop: too long":               {reason: "it must be a mistake", spec: spec("{personal: {}, " + scopes + ", expiresAfter: 87601h}"), want: duration},
		"causeloop: negative":               {reason: "time goes forward", spec: spec("{personal: {}, " + scopes + ", expiresAfter: -1h}"), want: "expiresAfter must be a duration in hours"},
		"causeloop: days":                   {reason: "Go knows no days", spec: spec("{personal: {}, " + scopes + ", expiresAfter: 30d}"), want: "expiresAfter must be a duration in hours"},
		"causeloop: dedicated with expiry":  {reason: "Causeloop does not let it expire", spec: spec("{" + dedicated + ", " + scopes + ", expiresAfter: 720h}"), want: "expiresAfter can be set for a personal token only"},
		"causeloop: existing with expiry":   {reason: "Causeloop does not let it expire", spec: spec("{serviceAccount: {id: a}, expiresAfter: 720h}"), want: "expiresAfter can be set for a personal token only"},
		"causeloop: renewal at birth":       {reason: "every token would be replaced at once", spec: spec("{personal: {}, " + scopes + ", expiresAfter: 1h}\nrotation: {renewBefore: 1h}"), want: "renewBefore must be shorter than causeloop.expiresAfter"},
		"causeloop: renewal after birth":    {reason: "it lives for a second at least", spec: spec("{personal: {}, " + scopes + ", expiresAfter: 1h}\nrotation: {renewBefore: 59m59s}")},
		"causeloop: renewal of bad expiry":  {reason: "the mistake is told in its own words", spec: spec("{personal: {}, " + scopes + ", expiresAfter: 1d}\nrotation: {renewBefore: 1h}"), want: "expiresAfter must be a duration in hours"},
		"causeloop: and Rack Gateway":       {reason: "a token is of one vendor", spec: spec("{personal: {}, " + scopes + "}\nrackGateway: {role: viewer}"), want: "at most one of causeloop, rackGateway and pingOne can be set"},
		"causeloop: and the other two":      {reason: "a token is of one vendor", spec: spec("{personal: {}, " + scopes + "}\nrackGateway: {role: viewer}\npingOne: {gatewayID: " + gatewayID + "}"), want: "at most one of causeloop, rackGateway and pingOne can be set"},
		"causeloop: Causely has no block":   {reason: "nothing is asked of Causely but a token", spec: "issuerRef: {name: causely}\ncausely: {}", want: `unknown field "spec.causely"`},
		"causeloop: no service account set": {reason: "null is nothing", spec: spec("{serviceAccount: null, personal: {}, " + scopes + "}")},
	}
}

// IDs of PingOne.
const (
	gatewayID     = "87e73342-e7e9-479b-b6d1-000000000001"
	environmentID = "9ad15e9e-3ac6-43f7-a053-000000000002"
	otherID       = "00000000-0000-4000-8000-00000000000A"
)

// numbered returns n texts in YAML's flow style.
func numbered(n int, format string) string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = strconv.Quote(fmt.Sprintf(format, i))
	}
	return strings.Join(texts, ", ")
}

func rackGatewayCases() map[string]createCase {
	spec := func(rackGateway string) string { return "issuerRef: {name: rack}\nrackGateway: " + rackGateway }
	const (
		one  = "either role or permissions must be set"
		form = "a permission must have the form scope:resource:action"
	)
	cases := map[string]createCase{
		"rackGateway: permissions":          {reason: "as Rack Gateway writes them", spec: spec(`{permissions: ["convox:app:read", "gateway:deploy_approval_request:create", "convox:deploy:deploy_with_approval"]}`)},
		"rackGateway: asterisks":            {reason: "they stand for every word", spec: spec(`{permissions: ["convox:*:*", "*:*:*"]}`)},
		"rackGateway: nothing":              {reason: "it must be told what the token may do", spec: spec("{}"), want: one},
		"rackGateway: both":                 {reason: "Rack Gateway would ignore the role", spec: spec(`{role: cicd, permissions: ["convox:app:read"]}`), want: one},
		"rackGateway: unknown role":         {reason: "there are five", spec: spec("{role: root}"), want: `supported values: "viewer", "ops", "deployer", "cicd", "admin"`},
		"rackGateway: role in capitals":     {reason: "roles are written as in grants", spec: spec("{role: Viewer}"), want: "supported values"},
		"rackGateway: empty role":           {reason: "it says nothing", spec: spec(`{role: ""}`), want: "supported values"},
		"rackGateway: no permissions":       {reason: "a token without permissions can do nothing", spec: spec("{permissions: []}"), want: "should have at least 1 items"},
		"rackGateway: permission twice":     {reason: "permissions are a set", spec: spec(`{permissions: ["a:b:c", "a:b:c"]}`), want: "Duplicate value"},
		"rackGateway: two words":            {reason: "Rack Gateway would take it, and it would allow nothing", spec: spec(`{permissions: ["app:read"]}`), want: form},
		"rackGateway: four words":           {reason: "Rack Gateway would take it, and it would allow nothing", spec: spec(`{permissions: ["a:b:c:d"]}`), want: form},
		"rackGateway: empty word":           {reason: "Rack Gateway would take it, and it would allow nothing", spec: spec(`{permissions: ["convox::read"]}`), want: form},
		"rackGateway: half an asterisk":     {reason: "it stands for a whole word", spec: spec(`{permissions: ["convox:app:re*"]}`), want: form},
		"rackGateway: permission of spaces": {reason: "no permission has one", spec: spec(`{permissions: ["convox:app: read"]}`), want: form},
		"rackGateway: 64 permissions":       {reason: "64 are allowed", spec: spec("{permissions: [" + numbered(64, "convox:app:action-%d") + "]}")},
		"rackGateway: 65 permissions":       {reason: "64 are allowed", spec: spec("{permissions: [" + numbered(65, "convox:app:action-%d") + "]}"), want: "Too many"},
		"rackGateway: too long together":    {reason: "Rack Gateway would answer with a server error", spec: spec("{permissions: [" + numbered(64, "convox:app:"+strings.Repeat("x", 60)+"-%d") + "]}"), want: "permissions must have at most 4000 characters together"},
		"rackGateway: expiry":               {reason: "tokens of Rack Gateway do not expire", spec: spec("{role: viewer, expiresAfter: 720h}"), want: `unknown field "spec.rackGateway.expiresAfter"`},
		"rackGateway: and PingOne":          {reason: "a token is of one vendor", spec: spec("{role: viewer}\npingOne: {gatewayID: " + gatewayID + "}"), want: "at most one of causeloop, rackGateway and pingOne can be set"},
	}
	for _, role := range []string{"viewer", "ops", "deployer", "cicd", "admin"} {
		cases["rackGateway: role "+role] = createCase{reason: "a role of Rack Gateway", spec: spec("{role: " + role + "}")}
	}
	return cases
}

func pingOneCases() map[string]createCase {
	spec := func(pingOne string) string { return "issuerRef: {name: pingone}\npingOne: " + pingOne }
	return map[string]createCase{
		"pingOne: gateway":          {reason: "the environment is the issuer's", spec: spec("{gatewayID: " + gatewayID + "}")},
		"pingOne: environment":      {reason: "a worker may act in other environments", spec: spec("{gatewayID: " + gatewayID + ", environmentID: " + environmentID + "}")},
		"pingOne: capitals":         {reason: "UUIDs are written with either", spec: spec("{gatewayID: " + otherID + "}")},
		"pingOne: nothing":          {reason: "it must be told which gateway", spec: spec("{}"), want: "spec.pingOne.gatewayID: Required value"},
		"pingOne: environment only": {reason: "it must be told which gateway", spec: spec("{environmentID: " + environmentID + "}"), want: "spec.pingOne.gatewayID: Required value"},
		"pingOne: name":             {reason: "gateways are found by their ID", spec: spec("{gatewayID: ldap-gateway}"), want: "spec.pingOne.gatewayID"},
		"pingOne: no UUID":          {reason: "it is a part of a URL", spec: spec("{gatewayID: 87e73342/e7e9/479b/b6d1/000000000001}"), want: "gatewayID must be a UUID"},
		"pingOne: braces":           {reason: "one way of writing is enough", spec: spec(`{gatewayID: "{` + gatewayID + `}"}`), want: "spec.pingOne.gatewayID"},
		"pingOne: bad environment":  {reason: "it is a part of a URL", spec: spec("{gatewayID: " + gatewayID + ", environmentID: 9ad15e9e-3ac6-43f7-a053-00000000000g}"), want: "environmentID must be a UUID"},
		"pingOne: permissions":      {reason: "a credential has none of its own", spec: spec("{gatewayID: " + gatewayID + ", scopes: [a]}"), want: `unknown field "spec.pingOne.scopes"`},
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

// vendorIssuerCases are what the vendors beside Causely have of their own.
func vendorIssuerCases() map[string]createCase {
	const (
		token       = "tokenSecretRef: {name: api}"
		credentials = "environmentID: " + environmentID + ", credentialsSecretRef: {name: worker}"
		addresses   = "url: https://api.example.com/v1, authURL: https://auth.example.com/" + environmentID + "/as/token"
		exactlyOne  = "exactly one vendor must be set: causely, causeloop, rackGateway or pingOne"
	)
	causeloop := func(fields string) string { return "causeloop: {" + fields + "}" }
	rack := func(fields string) string { return "rackGateway: {" + fields + "}" }
	ping := func(fields string) string { return "pingOne: {" + fields + "}" }
	both := map[string]createCase{
		"Causeloop":            {reason: "Causeloop's own URL can be left out", spec: causeloop(token)},
		"Causeloop, all":       {reason: "every documented field is valid together with the others", spec: causeloop("url: https://api.causeloop.ai, tokenSecretRef: {name: api, key: CAUSELOOP_TOKEN}")},
		"Causeloop, no token":  {reason: "nothing works without", spec: causeloop(""), want: "spec.causeloop.tokenSecretRef: Required value"},
		"Causeloop, unnamed":   {reason: "nothing works without", spec: causeloop("tokenSecretRef: {}"), want: "spec.causeloop.tokenSecretRef.name: Required value"},
		"Causeloop, bad name":  {reason: "no Secret has such a name", spec: causeloop("tokenSecretRef: {name: API}"), want: "name must be the name of a Secret"},
		"Causeloop, bad key":   {reason: "no key of a Secret", spec: causeloop(`tokenSecretRef: {name: api, key: "a b"}`), want: "key must be a key of a Secret"},
		"Causeloop, elsewhere": {reason: "no issuer reads in other namespaces", spec: causeloop("tokenSecretRef: {name: api, namespace: kube-system}"), want: "unknown field"},
		"Causeloop, ftp":       {reason: "it cannot be used", spec: causeloop("url: ftp://x, " + token), want: "url must begin with https://"},

		"Rack Gateway":           {reason: "the minimum", spec: rack("url: https://gateway.example.com, " + token)},
		"Rack Gateway, no URL":   {reason: "everybody runs a gateway of their own", spec: rack(token), want: "spec.rackGateway.url: Required value"},
		"Rack Gateway, no token": {reason: "nothing works without", spec: rack("url: https://x"), want: "spec.rackGateway.tokenSecretRef: Required value"},
		"Rack Gateway, ftp":      {reason: "it cannot be used", spec: rack("url: ftp://x, " + token), want: "url must begin with https://"},

		"PingOne, addresses":        {reason: "a region that is not known yet", spec: ping(addresses + ", " + credentials)},
		"PingOne, all":              {reason: "every documented field is valid together with the others", spec: ping("region: EU, tokenEndpointAuthMethod: client_secret_post, exclusive: true, environmentID: " + environmentID + ", credentialsSecretRef: {name: worker, clientIDKey: a, clientSecretKey: b}")},
		"PingOne, nowhere":          {reason: "an environment is in a region", spec: ping(credentials), want: "either region, or url and authURL must be set"},
		"PingOne, twice somewhere":  {reason: "one of them would be ignored", spec: ping("region: NA, " + addresses + ", " + credentials), want: "either region, or url and authURL must be set"},
		"PingOne, url alone":        {reason: "credentials for one server would go to another", spec: ping("url: https://x/v1, " + credentials), want: "url and authURL belong together"},
		"PingOne, authURL alone":    {reason: "a bearer of one server would go to another", spec: ping("authURL: https://x, " + credentials), want: "url and authURL belong together"},
		"PingOne, region, url":      {reason: "credentials for one server would go to another", spec: ping("region: NA, url: https://x/v1, " + credentials), want: "url and authURL belong together"},
		"PingOne, unknown region":   {reason: "there are six", spec: ping("region: US, " + credentials), want: `supported values: "NA", "EU", "AP", "AU", "CA", "SG"`},
		"PingOne, ftp":              {reason: "it cannot be used", spec: ping("url: ftp://x, authURL: https://x, " + credentials), want: "url must begin with https://"},
		"PingOne, login by ftp":     {reason: "it cannot be used", spec: ping("url: https://x, authURL: ftp://x, " + credentials), want: "authURL must begin with https://"},
		"PingOne, no environment":   {reason: "the worker is in one", spec: ping("region: NA, credentialsSecretRef: {name: worker}"), want: "spec.pingOne.environmentID: Required value"},
		"PingOne, bad environment":  {reason: "it is a part of a URL", spec: ping("region: NA, environmentID: 9ad15e9e-3ac6-43f7-a053/00000000002, credentialsSecretRef: {name: worker}"), want: "environmentID must be a UUID"},
		"PingOne, no credentials":   {reason: "nothing works without", spec: ping("region: NA, environmentID: " + environmentID), want: "spec.pingOne.credentialsSecretRef: Required value"},
		"PingOne, unknown method":   {reason: "there are two", spec: ping("region: NA, tokenEndpointAuthMethod: none, " + credentials), want: `supported values: "client_secret_basic", "client_secret_post"`},
		"PingOne and Rack Gateway":  {reason: "an issuer is of one vendor", spec: ping("region: NA, "+credentials) + "\n" + rack("url: https://x, "+token), want: exactlyOne},
		"Causely and Causeloop":     {reason: "an issuer is of one vendor", spec: "causely: {credentialsSecretRef: {name: a}}\n" + causeloop(token), want: exactlyOne},
		"none of the four vendors":  {reason: "an issuer is of a vendor", spec: "requestsPerSecond: 5", want: exactlyOne},
		"PingOne, empty region":     {reason: "it says nothing", spec: ping(`region: "", ` + credentials), want: "supported values"},
		"PingOne, host is not ours": {reason: "only Rack Gateway looks at it", spec: ping("region: NA, host: x, " + credentials), want: `unknown field "spec.pingOne.host"`},
	}
	for _, region := range []string{"NA", "EU", "AP", "AU", "CA", "SG"} {
		both["PingOne, region "+region] = createCase{reason: "a region of PingOne", spec: ping("region: " + region + ", " + credentials)}
	}
	cases := map[string]createCase{}
	for _, kind := range []string{v1alpha1.KindTokenIssuer, v1alpha1.KindClusterTokenIssuer} {
		for name, tc := range both {
			tc.kind = kind
			cases[kind+": "+name] = tc
		}
	}
	host := func(kind, host, reason, want string) createCase {
		return createCase{reason: reason, kind: kind, spec: rack(fmt.Sprintf("url: https://rack.rack.svc, host: %q, ", host) + token), want: want}
	}
	const cluster, form = v1alpha1.KindClusterTokenIssuer, "host must be the name of a host"
	cases["host: of a tenant"] = host(v1alpha1.KindTokenIssuer, "gateway.example.com", "a tenant could reach another's server behind a shared address", "host can be set on a ClusterTokenIssuer only")
	cases["host: of the cluster"] = host(cluster, "gateway.example.com", "a gateway answers to its own name only", "")
	cases["host: with a port"] = host(cluster, "gateway.example.com:8447", "as a browser sends it", "")
	cases["host: a URL"] = host(cluster, "https://gateway.example.com", "it is a header", form)
	cases["host: with a path"] = host(cluster, "gateway.example.com/api", "it is a header", form)
	cases["host: a second header"] = host(cluster, "x\r\nX-Admin: 1", "a header ends with its line", form)
	cases["host: empty"] = host(cluster, "", "it says nothing", "spec.rackGateway.host")
	return cases
}

// vendorGrantCases are what a ClusterTokenIssuer grants beside the namespace.
func vendorGrantCases() map[string]createCase {
	spec := func(vendor, grant string) string {
		issuers := map[string]string{
			"causely":     "causely: {credentialsSecretRef: {name: a}}",
			"causeloop":   "causeloop: {tokenSecretRef: {name: a}}",
			"rackGateway": "rackGateway: {url: https://x, tokenSecretRef: {name: a}}",
			"pingOne":     "pingOne: {region: NA, environmentID: " + environmentID + ", credentialsSecretRef: {name: a}}",
		}
		return issuers[vendor] + "\ngrants: [{namespaces: {names: [ci]}, " + grant + "}]"
	}
	const (
		own    = "a grant can have the block of the issuer's own vendor only"
		scopes = "Dedicated and Personal are granted with the scopes that may be asked for"
		ids    = "Existing is granted with the serviceAccountIDs whose tokens may be asked for"
		none   = "roles or permissions must be named"
	)
	cases := map[string]createCase{
		"grants, causeloop: dedicated":        {reason: "a kind and scopes", spec: spec("causeloop", "causeloop: {kinds: [Dedicated], scopes: [issues:read], serviceAccountIDs: []}")},
		"grants, causeloop: all kinds":        {reason: "every documented field", spec: spec("causeloop", "causeloop: {kinds: [Dedicated, Existing, Personal], scopes: [issues:read], serviceAccountIDs: [sa_1]}")},
		"grants, causeloop: existing":         {reason: "accounts have their own scopes", spec: spec("causeloop", "causeloop: {kinds: [Existing], serviceAccountIDs: [sa_1, sa_2]}")},
		"grants, causeloop: nothing":          {reason: "it could be meant as all or as none", spec: spec("causeloop", "causeloop: {}"), want: "kinds: Required value"},
		"grants, causeloop: no kinds":         {reason: "it grants nothing", spec: spec("causeloop", "causeloop: {kinds: [], scopes: [issues:read]}"), want: "kinds"},
		"grants, causeloop: unknown kind":     {reason: "there are three", spec: spec("causeloop", "causeloop: {kinds: [Shared], scopes: [issues:read]}"), want: `supported values: "Dedicated", "Existing", "Personal"`},
		"grants, causeloop: no scopes":        {reason: "it grants nothing", spec: spec("causeloop", "causeloop: {kinds: [Personal]}"), want: scopes},
		"grants, causeloop: empty scopes":     {reason: "it grants nothing", spec: spec("causeloop", "causeloop: {kinds: [Dedicated], scopes: []}"), want: scopes},
		"grants, causeloop: scopes to none":   {reason: "whoever wrote them believes in them", spec: spec("causeloop", "causeloop: {kinds: [Existing], serviceAccountIDs: [a], scopes: [issues:read]}"), want: scopes},
		"grants, causeloop: no accounts":      {reason: "it grants nothing", spec: spec("causeloop", "causeloop: {kinds: [Existing]}"), want: ids},
		"grants, causeloop: accounts to none": {reason: "whoever wrote them believes in them", spec: spec("causeloop", "causeloop: {kinds: [Dedicated], scopes: [a], serviceAccountIDs: [a]}"), want: ids},
		"grants, causeloop: scope twice":      {reason: "scopes are a set", spec: spec("causeloop", "causeloop: {kinds: [Dedicated], scopes: [a, a]}"), want: "Duplicate value"},

		"grants, rackGateway: roles":        {reason: "roles by name", spec: spec("rackGateway", "rackGateway: {roles: [cicd, viewer]}")},
		"grants, rackGateway: permissions":  {reason: "permissions by name, and with asterisks", spec: spec("rackGateway", `rackGateway: {permissions: ["convox:app:read", "convox:*:read"]}`)},
		"grants, rackGateway: both":         {reason: "one does not cover the other", spec: spec("rackGateway", `rackGateway: {roles: [cicd], permissions: ["convox:app:read"]}`)},
		"grants, rackGateway: nothing":      {reason: "it could be meant as all or as none", spec: spec("rackGateway", "rackGateway: {}"), want: none},
		"grants, rackGateway: empty lists":  {reason: "it grants nothing", spec: spec("rackGateway", "rackGateway: {roles: [], permissions: []}"), want: none},
		"grants, rackGateway: unknown role": {reason: "there are five", spec: spec("rackGateway", "rackGateway: {roles: [root]}"), want: "supported values"},
		"grants, rackGateway: bad form":     {reason: "it would cover nothing", spec: spec("rackGateway", `rackGateway: {permissions: ["convox:*"]}`), want: "a permission must have the form"},

		"grants, pingOne: gateways":        {reason: "gateways of the issuer's environment", spec: spec("pingOne", "pingOne: {gatewayIDs: ["+gatewayID+", "+otherID+"]}")},
		"grants, pingOne: environments":    {reason: "gateways of other environments", spec: spec("pingOne", "pingOne: {gatewayIDs: ["+gatewayID+"], environmentIDs: ["+otherID+"]}")},
		"grants, pingOne: nothing":         {reason: "it could be meant as all or as none", spec: spec("pingOne", "pingOne: {}"), want: "gatewayIDs: Required value"},
		"grants, pingOne: no gateways":     {reason: "it grants nothing", spec: spec("pingOne", "pingOne: {gatewayIDs: []}"), want: "gatewayIDs"},
		"grants, pingOne: wildcard":        {reason: "gateways are granted one by one", spec: spec("pingOne", `pingOne: {gatewayIDs: ["*"]}`), want: "gatewayIDs"},
		"grants, pingOne: no UUID":         {reason: "it would cover nothing", spec: spec("pingOne", "pingOne: {gatewayIDs: [ldap-gateway-in-the-data-centre-no-1]}"), want: "gatewayIDs must be UUIDs"},
		"grants, pingOne: bad environment": {reason: "it would cover nothing", spec: spec("pingOne", "pingOne: {gatewayIDs: ["+gatewayID+"], environmentIDs: [the-production-environment-in-Europe]}"), want: "environmentIDs must be UUIDs"},

		"grants: of another vendor":    {reason: "it would grant nothing", spec: spec("rackGateway", "pingOne: {gatewayIDs: ["+gatewayID+"]}"), want: own},
		"grants: of two vendors":       {reason: "one of them would grant nothing", spec: spec("pingOne", "pingOne: {gatewayIDs: ["+gatewayID+"]}, rackGateway: {roles: [ops]}"), want: own},
		"grants: Causeloop to PingOne": {reason: "it would grant nothing", spec: spec("pingOne", "causeloop: {kinds: [Dedicated], scopes: [a]}"), want: own},
		"grants: block for Causely":    {reason: "there is nothing to grant but the namespace", spec: spec("causely", "rackGateway: {roles: [ops]}"), want: own},
		"grants: namespace alone":      {reason: "it grants nothing of that vendor yet, and says so where it is asked for", spec: "rackGateway: {url: https://x, tokenSecretRef: {name: a}}\ngrants: [{namespaces: {names: [ci]}}]"},
	}
	for name, tc := range cases {
		tc.kind = v1alpha1.KindClusterTokenIssuer
		cases[name] = tc
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
	cases := map[string]updateCase{}
	for _, part := range []map[string]updateCase{commonUpdateCases(), vendorUpdateCases(), vendorIssuerUpdateCases()} {
		maps.Copy(cases, part)
	}
	return cases
}

// vendorUpdateCases are edits of what a GatewayToken asks of a vendor.
func vendorUpdateCases() map[string]updateCase {
	const (
		ref       = "issuerRef: {name: a}\n"
		rack      = ref + "rackGateway: {role: viewer}"
		personal  = ref + "causeloop: {personal: {}, scopes: [issues:read]}"
		dedicated = ref + "causeloop: {serviceAccount: {dedicated: {}}, scopes: [issues:read]}"
		existing  = ref + "causeloop: {serviceAccount: {id: a}}"
		ping      = ref + "pingOne: {gatewayID: " + gatewayID + "}"
		pingIn    = ref + "pingOne: {gatewayID: " + gatewayID + ", environmentID: " + environmentID + "}"

		block = "causeloop, rackGateway and pingOne cannot be added, removed or replaced by one another"
		kind  = "personal, a dedicated service account and an existing one cannot be replaced by one another"
		place = "the environment cannot be changed, nor added or taken out"
	)
	return map[string]updateCase{
		"block: rackGateway added":   {reason: "the token would be another vendor's", from: ref, to: rack, want: block},
		"block: causeloop added":     {reason: "the token would be another vendor's", from: ref, to: personal, want: block},
		"block: pingOne added":       {reason: "the token would be another vendor's", from: ref, to: ping, want: block},
		"block: rackGateway removed": {reason: "the token would be another vendor's", from: rack, to: ref, want: block},
		"block: causeloop removed":   {reason: "where its token is would be forgotten", from: existing, to: ref, want: block},
		"block: pingOne removed":     {reason: "where its token is would be forgotten", from: ping, to: ref, want: block},
		"block: replaced":            {reason: "the token would be another vendor's", from: rack, to: ping, want: block},

		"rackGateway: another role":        {reason: "it is changed in place", from: rack, to: ref + "rackGateway: {role: admin}"},
		"rackGateway: role to permissions": {reason: "it is changed in place", from: rack, to: ref + `rackGateway: {permissions: ["a:b:c"]}`},
		"rackGateway: other permissions":   {reason: "it is changed in place", from: ref + `rackGateway: {permissions: ["a:b:c"]}`, to: ref + `rackGateway: {permissions: ["a:b:d", "a:b:c"]}`},
		"rackGateway: role taken out":      {reason: "the token may do something", from: rack, to: ref + "rackGateway: {}", want: "either role or permissions must be set"},

		"causeloop: other scopes":           {reason: "the next token has them", from: dedicated, to: ref + "causeloop: {serviceAccount: {dedicated: {}}, scopes: [issues:write]}"},
		"causeloop: an expiry":              {reason: "the next token has it", from: personal, to: ref + "causeloop: {personal: {}, scopes: [issues:read], expiresAfter: 720h}"},
		"causeloop: personal to dedicated":  {reason: "it is another kind of token, in another place", from: personal, to: dedicated, want: kind},
		"causeloop: dedicated to personal":  {reason: "it is another kind of token, in another place", from: dedicated, to: personal, want: kind},
		"causeloop: dedicated to existing":  {reason: "it is another kind of token, in another place", from: dedicated, to: existing, want: kind},
		"causeloop: existing to dedicated":  {reason: "it is another kind of token, in another place", from: existing, to: dedicated, want: kind},
		"causeloop: existing to personal":   {reason: "it is another kind of token, in another place", from: existing, to: personal, want: kind},
		"causeloop: another account":        {reason: "the token of the first would be lost", from: existing, to: ref + "causeloop: {serviceAccount: {id: b}}", want: kind},
		"causeloop: account in other words": {reason: "IDs are told apart by capitals", from: existing, to: ref + "causeloop: {serviceAccount: {id: A}}", want: kind},

		"pingOne: another gateway":       {reason: "the credential of the first would be lost", from: ping, to: ref + "pingOne: {gatewayID: " + otherID + "}", want: "the gateway cannot be changed"},
		"pingOne: gateway in capitals":   {reason: "it is the same", from: ping, to: ref + "pingOne: {gatewayID: " + strings.ToUpper(gatewayID) + "}"},
		"pingOne: another environment":   {reason: "the credential would be lost", from: pingIn, to: ref + "pingOne: {gatewayID: " + gatewayID + ", environmentID: " + otherID + "}", want: place},
		"pingOne: environment added":     {reason: "left out it may have been another", from: ping, to: pingIn, want: place},
		"pingOne: environment taken out": {reason: "left out it may be another", from: pingIn, to: ping, want: place},
		"pingOne: environment's letters": {reason: "it is the same", from: pingIn, to: ref + "pingOne: {gatewayID: " + gatewayID + ", environmentID: " + strings.ToUpper(environmentID) + "}"},

		"rotation: renewal added":     {reason: "it concerns the next renewal", from: ref, to: ref + "rotation: {renewBefore: 1h}"},
		"rotation: renewal at birth":  {reason: "every token would be replaced at once", from: personal, to: ref + "causeloop: {personal: {}, scopes: [issues:read], expiresAfter: 2h}\nrotation: {renewBefore: 3h}", want: "renewBefore must be shorter than causeloop.expiresAfter"},
		"rotation: renewal and block": {reason: "other vendors name no expiry here", from: rack, to: rack + "\nrotation: {renewBefore: 3h}"},
	}
}

// vendorIssuerUpdateCases are edits of issuers of the vendors beside Causely.
func vendorIssuerUpdateCases() map[string]updateCase {
	const (
		causely   = "causely: {credentialsSecretRef: {name: a}}"
		causeloop = "causeloop: {tokenSecretRef: {name: a}}"
		rack      = "rackGateway: {url: https://x, tokenSecretRef: {name: a}}"
		ping      = "pingOne: {region: NA, environmentID: " + environmentID + ", credentialsSecretRef: {name: a}}"

		vendor = "the vendor of an issuer cannot be changed"
	)
	both := map[string]updateCase{
		"Causely to Causeloop":    {reason: "its tokens would be lost", from: causely, to: causeloop, want: vendor},
		"Causeloop to Causely":    {reason: "its tokens would be lost", from: causeloop, to: causely, want: vendor},
		"Causeloop to Rack":       {reason: "its tokens would be lost", from: causeloop, to: rack, want: vendor},
		"Rack to PingOne":         {reason: "its tokens would be lost", from: rack, to: ping, want: vendor},
		"PingOne to Rack":         {reason: "its tokens would be lost", from: ping, to: rack, want: vendor},
		"Causeloop, moved":        {reason: "credentials and addresses move", from: causeloop, to: "causeloop: {url: https://x, tokenSecretRef: {name: b, key: c}}"},
		"Rack Gateway, moved":     {reason: "credentials and addresses move", from: rack, to: "rackGateway: {url: https://y, tokenSecretRef: {name: b}}"},
		"PingOne, moved":          {reason: "credentials and addresses move", from: ping, to: "pingOne: {url: https://x, authURL: https://y, environmentID: " + environmentID + ", credentialsSecretRef: {name: b}, tokenEndpointAuthMethod: client_secret_post, exclusive: true}"},
		"PingOne, in capitals":    {reason: "it is the same", from: ping, to: "pingOne: {region: NA, environmentID: " + strings.ToUpper(environmentID) + ", credentialsSecretRef: {name: a}}"},
		"PingOne, somewhere else": {reason: "its tokens would be looked for in another environment", from: ping, to: "pingOne: {region: NA, environmentID: " + otherID + ", credentialsSecretRef: {name: a}}", want: "the environment of an issuer cannot be changed"},
	}
	cases := map[string]updateCase{
		"TokenIssuer: host added":        {reason: "a tenant could reach another's server behind a shared address", kind: v1alpha1.KindTokenIssuer, from: rack, to: "rackGateway: {url: https://x, host: gateway.example.com, tokenSecretRef: {name: a}}", want: "host can be set on a ClusterTokenIssuer only"},
		"ClusterTokenIssuer: host added": {reason: "addresses move", kind: v1alpha1.KindClusterTokenIssuer, from: rack, to: "rackGateway: {url: https://x, host: gateway.example.com, tokenSecretRef: {name: a}}"},
	}
	for _, kind := range []string{v1alpha1.KindTokenIssuer, v1alpha1.KindClusterTokenIssuer} {
		for name, tc := range both {
			tc.kind = kind
			cases[kind+": "+name] = tc
		}
	}
	return cases
}

func commonUpdateCases() map[string]updateCase {
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
			AuditID: "42",
		},
		Retiring: []v1alpha1.RetiringToken{{ID: "old", Name: "old-name", Sequence: 1, Since: &now, WaitingFor: v1alpha1.WaitingForOverlap}},
		Attempt: &v1alpha1.IssueAttempt{
			Name: "next", Sequence: 3, StartedAt: &now, ID: "stray",
			Pool: environmentID + "/" + gatewayID, IDsBefore: []string{"one", "two"}, VendorTime: &now, MAC: "mac",
		},
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
		Unused: &v1alpha1.UnusedTokens{Tokens: 2, Unmanaged: 1, Longest: []v1alpha1.UnusedToken{
			{ID: "id", Name: "name", Pool: "pool", IssuedOn: "2026-03-01", LastUsedOn: "2026-03-02", Owner: "GatewayToken a/b"}, {ID: "another"},
		}},
		InUse:   &v1alpha1.IssuerUse{Tokens: 11, Namespaces: 3},
		Failure: failure,
		PossibleOrphans: []v1alpha1.PossibleOrphan{
			{ID: "id", Pool: environmentID + "/" + gatewayID, CreatedAt: &now, Since: now, Message: "a create was not answered"},
			{Pool: "existing/a", Since: now, Message: "a create was not answered, and nothing can be listed"},
		},
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
	if seen < 20 {
		t.Errorf("only %d manifests were found", seen)
	}
}
