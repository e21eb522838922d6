package controller_test

import (
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/consumers"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/rackgateway"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// fieldEffect is what an edit of a field does, beside what the status tells.
type fieldEffect string

const (
	doesNothing fieldEffect = "does nothing"
	isRefused   fieldEffect = "is refused"
	mints       fieldEffect = "mints a token"
	inPlace     fieldEffect = "changes the token in place"
	rewrites    fieldEffect = "rewrites the Secret"
	restarts    fieldEffect = "restarts consumers"
)

// edit is one edit of one field.
type edit struct {
	field string // below spec
	how   string
	want  fieldEffect
	// at is the vendor; Causely when nil. before is what the spec says before the edit.
	at     harness.Flavour
	before func(*v1alpha1.GatewayTokenSpec)
	change func(*v1alpha1.GatewayTokenSpec)
}

func hours(n int) *metav1.Duration { return &metav1.Duration{Duration: time.Duration(n) * time.Hour} }

// edits are all fields of a spec, and what their edits do.
func edits() []edit {
	type spec = *v1alpha1.GatewayTokenSpec
	personal, dedicated, rack, pingOne := harness.AtCauseloop(v1alpha1.CauseloopKindPersonal), harness.AtCauseloop(v1alpha1.CauseloopKindDedicated), harness.AtRackGateway(), harness.AtPingOne(false)
	secret := func(s spec) { s.Secret = &v1alpha1.SecretTemplate{} }
	daily := func(s spec) { s.Rotation.Interval = hours(240) }
	nightly := func(s spec) {
		daily(s)
		s.Rotation.Window = &v1alpha1.RotationWindow{Schedule: "0 2 * * *", Duration: hours(1)}
	}
	listed := func(names ...string) func(spec) {
		return func(s spec) {
			s.Consumers = &v1alpha1.Consumers{Action: v1alpha1.ConsumersRestart, Select: v1alpha1.SelectListed}
			for _, name := range names {
				s.Consumers.Targets = append(s.Consumers.Targets, v1alpha1.ConsumerTarget{Kind: consumers.KindDeployment, Name: name})
			}
		}
	}
	living := func(s spec) { s.Causeloop.ExpiresAfter = hours(720) }
	return []edit{
		{field: "issuerRef.kind", how: "another", want: isRefused, change: func(s spec) { s.IssuerRef.Kind = v1alpha1.KindTokenIssuer }},
		{field: "issuerRef.name", how: "another", want: isRefused, change: func(s spec) { s.IssuerRef.Name = "another" }},
		{field: "tokenName", how: "another", want: doesNothing, change: func(s spec) { s.TokenName = "another" }},

		{field: "secret.name", how: "another", want: isRefused, before: secret, change: func(s spec) { s.Secret.Name = "another" }},
		{field: "secret.type", how: "another", want: isRefused, before: secret, change: func(s spec) { s.Secret.Type = "example.com/token" }},
		{field: "secret.labels", how: "added", want: rewrites, before: secret, change: func(s spec) { s.Secret.Labels = map[string]v1alpha1.LabelValue{"a": "b"} }},
		{field: "secret.annotations", how: "added", want: rewrites, before: secret, change: func(s spec) { s.Secret.Annotations = map[string]v1alpha1.AnnotationValue{"a": "b"} }},
		{field: "secret.data", how: "another key", want: rewrites, before: secret, change: func(s spec) { s.Secret.Data = map[string]v1alpha1.DataTemplate{"another": "{{ .Token }}"} }},
		{field: "secret.previousKey", how: "added while nothing retires", want: doesNothing, before: secret, change: func(s spec) { s.Secret.PreviousKey = "before" }},
		{field: "secret.adopt", how: "allowed", want: doesNothing, before: secret, change: func(s spec) { s.Secret.Adopt = v1alpha1.AdoptIfUnowned }},

		{field: "rotation.interval", how: "longer than the token is old", want: doesNothing, change: func(s spec) { s.Rotation.Interval = hours(240) }},
		{field: "rotation.interval", how: "shorter than the token is old", want: mints, before: daily, change: func(s spec) { s.Rotation.Interval = hours(1) }},
		{field: "rotation.window.schedule", how: "another", want: doesNothing, before: nightly, change: func(s spec) { s.Rotation.Window.Schedule = "0 3 * * *" }},
		{field: "rotation.window.duration", how: "another", want: doesNothing, before: nightly, change: func(s spec) { s.Rotation.Window.Duration = hours(2) }},
		{field: "rotation.window.timeZone", how: "another", want: doesNothing, before: nightly, change: func(s spec) { s.Rotation.Window.TimeZone = "Europe/Berlin" }},
		{field: "rotation.strategy", how: "RevokeFirst", want: doesNothing, change: func(s spec) { s.Rotation.Strategy = v1alpha1.StrategyRevokeFirst }},
		{field: "rotation.strategy", how: "InPlace", want: doesNothing, at: personal, change: func(s spec) { s.Rotation.Strategy = v1alpha1.StrategyInPlace }},
		{field: "rotation.overlap", how: "another", want: doesNothing, change: func(s spec) { s.Rotation.Overlap = hours(2) }},
		{field: "rotation.maxOverlap", how: "another", want: doesNothing, at: rack, change: func(s spec) { s.Rotation.MaxOverlap = hours(2) }},
		{field: "rotation.renewBefore", how: "not yet due", want: doesNothing, at: personal, before: living, change: func(s spec) { s.Rotation.RenewBefore = hours(24) }},
		{field: "rotation.renewBefore", how: "due", want: mints, at: personal, before: living, change: func(s spec) { s.Rotation.RenewBefore = hours(719) }},

		{field: "consumers.action", how: "from nothing to Restart", want: restarts, change: func(s spec) { s.Consumers = &v1alpha1.Consumers{Action: v1alpha1.ConsumersRestart} }},
		{field: "consumers.action", how: "from nothing to Wait", want: doesNothing, change: func(s spec) { s.Consumers = &v1alpha1.Consumers{Action: v1alpha1.ConsumersWait} }},
		{field: "consumers.action", how: "from nothing to ReloadsFile", want: doesNothing, change: func(s spec) { s.Consumers = &v1alpha1.Consumers{Action: v1alpha1.ConsumersReloadFile} }},
		{field: "consumers.select", how: "all, when none was listed that exists", want: restarts, before: listed("missing"), change: func(s spec) { s.Consumers.Select, s.Consumers.Targets = "", nil }},
		{field: "consumers.targets[].name", how: "another that uses the Secret", want: restarts, before: listed("missing"), change: listed("missing", "user")},
		{field: "consumers.targets[].name", how: "another that does not", want: doesNothing, before: listed("missing"), change: listed("elsewhere")},
		{field: "consumers.targets[].kind", how: "another", want: doesNothing, before: listed("missing"), change: func(s spec) { s.Consumers.Targets[0].Kind = consumers.KindDaemonSet }},

		{field: "deletionPolicy", how: "another", want: doesNothing, change: func(s spec) { s.DeletionPolicy = v1alpha1.DeletionRetain }},
		{field: "onRemoteRevocation", how: "another", want: doesNothing, change: func(s spec) { s.OnRemoteRevocation = v1alpha1.RemoteRevocationReport }},
		{field: "suspend", how: "set", want: doesNothing, change: func(s spec) { s.Suspend = true }},

		{field: "causeloop.scopes", how: "more", want: mints, at: personal, change: func(s spec) { s.Causeloop.Scopes = append(s.Causeloop.Scopes, "issues:write") }},
		{field: "causeloop.scopes", how: "more of a dedicated account", want: mints, at: dedicated, change: func(s spec) { s.Causeloop.Scopes = append(s.Causeloop.Scopes, "issues:write") }},
		{field: "causeloop.expiresAfter", how: "shorter", want: mints, at: personal, before: living, change: func(s spec) { s.Causeloop.ExpiresAfter = hours(480) }},
		{field: "causeloop.expiresAfter", how: "longer", want: doesNothing, at: personal, before: living, change: func(s spec) { s.Causeloop.ExpiresAfter = hours(900) }},
		{field: "causeloop.personal", how: "taken out", want: isRefused, at: personal, change: func(s spec) {
			s.Causeloop.Personal, s.Causeloop.ServiceAccount = nil, &v1alpha1.CauseloopServiceAccount{Dedicated: &v1alpha1.CauseloopDedicated{}}
		}},
		{field: "causeloop.serviceAccount.dedicated", how: "taken out", want: isRefused, at: dedicated, change: func(s spec) {
			s.Causeloop.Personal, s.Causeloop.ServiceAccount = &v1alpha1.CauseloopPersonal{}, nil
		}},
		{field: "causeloop.serviceAccount.id", how: "another", want: isRefused, at: harness.AtCauseloopExisting(), change: func(s spec) { s.Causeloop.ServiceAccount.ID = "another" }},

		{field: "rackGateway.role", how: "another", want: inPlace, at: rack, change: func(s spec) { s.RackGateway.Role = v1alpha1.RackGatewayDeployer }},
		{field: "rackGateway.permissions", how: "in place of a role", want: inPlace, at: rack, change: func(s spec) {
			s.RackGateway.Role, s.RackGateway.Permissions = "", []v1alpha1.RackGatewayPermission{"convox:app:read"}
		}},

		{field: "pingOne.gatewayID", how: "another", want: isRefused, at: pingOne, change: func(s spec) { s.PingOne.GatewayID = "00000000-0000-4000-8000-000000000000" }},
		{field: "pingOne.environmentID", how: "added", want: isRefused, at: pingOne, change: func(s spec) { s.PingOne.EnvironmentID = "00000000-0000-4000-8000-000000000000" }},
	}
}

// TestEditsOfFields edits every field of a spec while a pod holds the value before, and looks at what that does. A field that no row
// speaks of fails the test.
func TestEditsOfFields(t *testing.T) {
	var spoken []string
	seen := map[fieldEffect]bool{}
	for _, e := range edits() {
		spoken = append(spoken, e.field)
		// The API server refuses, and of what else an edit does, the first row of each stands for the others.
		stands := e.want == isRefused || !seen[e.want]
		seen[e.want] = true
		t.Run(e.field+"/"+e.how, func(t *testing.T) { e.try(t, stands) })
	}
	text, err := os.ReadFile("../../config/crd/bases/gatewaytoken.io_gatewaytokens.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	fields := leaves("", crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"])
	for _, field := range fields {
		if !slices.Contains(spoken, field) {
			t.Errorf("nobody says what an edit of spec.%s does: add it to edits", field)
		}
	}
	for _, field := range spoken {
		if !slices.Contains(fields, field) {
			t.Errorf("spec.%s does not exist", field)
		}
	}
}

// leaves are the paths of the fields that have no fields of their own.
func leaves(path string, schema apiextensionsv1.JSONSchemaProps) []string {
	if schema.Items != nil && len(schema.Items.Schema.Properties) > 0 {
		return leaves(path+"[]", *schema.Items.Schema)
	}
	if len(schema.Properties) == 0 {
		return []string{strings.TrimPrefix(path, ".")}
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		all = append(all, leaves(path+"."+name, schema.Properties[name])...)
	}
	return all
}

// try makes a token, edits the field, and looks. An edit of what is said of consumers finds a replaced token and a pod that holds it.
func (e edit) try(t *testing.T, stands bool) {
	t.Helper()
	var options []harness.Option
	if e.at != nil {
		options = append(options, harness.At(e.at))
	}
	w := newWorldOf(t, stands, options...)
	_, object := w.Publish(harness.Overlapping(time.Hour), func(o *v1alpha1.GatewayToken) {
		if e.before != nil {
			e.before(&o.Spec)
		}
	})
	user, _ := deployment(w, "user", object.SecretName())
	w.Advance(time.Minute)
	if strings.HasPrefix(e.field, "consumers") {
		ask(w, object, false)
	}
	w.Advance(2 * time.Hour)
	w.WantReady(object)
	if e.want == isRefused {
		changed := object.DeepCopy()
		e.change(&changed.Spec)
		if err := w.Admin().Patch(t.Context(), changed, client.MergeFrom(object)); !apierrors.IsInvalid(err) {
			t.Errorf("it %s, not: %v", isRefused, err)
		}
		return
	}
	before := look(t, w, object, user)
	harness.Change(w, object, func(o *v1alpha1.GatewayToken) { e.change(&o.Spec) })
	w.Advance(10 * time.Minute)
	if did := before.until(look(t, w, object, user)); did != e.want {
		t.Errorf("it %s, want one that %s", did, e.want)
	}
	w.WantReady(object)
	w.CheckRest()
}

// sight is what an edit may change.
type sight struct {
	creates, changes    int
	data                map[string][]byte
	labels, annotations map[string]string
	template            int64
}

func look(t *testing.T, w *harness.World, object *v1alpha1.GatewayToken, user *appsv1.Deployment) sight {
	t.Helper()
	secret := w.Secret(object.SecretName())
	delete(secret.Annotations, v1alpha1.AnnotationLedger)
	_, generation := noteOf(t, w, user)
	return sight{
		creates: len(w.Made()), changes: w.Calls(rackgateway.RouteUpdate),
		data: secret.Data, labels: secret.Labels, annotations: secret.Annotations, template: generation,
	}
}

// until tells what has happened: the most that has.
func (before sight) until(now sight) fieldEffect {
	switch {
	case now.creates != before.creates:
		return mints
	case now.changes != before.changes:
		return inPlace
	case now.template != before.template:
		return restarts
	case !reflect.DeepEqual(before, now):
		return rewrites
	default:
		return doesNothing
	}
}
