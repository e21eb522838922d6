package harness

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/canary"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// Fault lets calls of the vendor go wrong: once, unless the change says otherwise.
func (w *World) Fault(route string, kind stage.Kind, change ...func(*simulator.Fault)) string {
	w.t.Helper()
	fault := simulator.Fault{Route: route, Kind: kind, Times: 1}
	for _, adapt := range change {
		adapt(&fault)
	}
	id, err := w.Vendor.Faults().Add(fault)
	if err != nil {
		w.t.Fatal(err)
	}
	w.note("from now on %s meets %s", route, kind)
	return id
}

// Always lets a fault last until faults are cleared.
func Always(fault *simulator.Fault) { fault.Times = 0 }

// Heal takes all faults away.
func (w *World) Heal() {
	w.Vendor.Faults().Clear()
	w.note("the vendor is well again")
}

// Hide lets the vendor show these tokens no more, in no list and to nobody who asks for one, as long as it is in trouble: until Hide names
// others.
func (w *World) Hide(ids ...string) {
	w.hidden = map[token.ID]bool{}
	for _, id := range ids {
		w.hidden[token.ID(id)] = true
	}
	w.note("from now on the vendor does not show %s", strings.Join(ids, ", "))
}

// RevokeByHand revokes a token as a person does in the vendor's console.
func (w *World) RevokeByHand(id string) {
	w.t.Helper()
	w.excused[id] = true
	w.note("somebody revokes %s at the vendor", id)
	if err := w.flavour.Revoke(w.Vendor, id); err != nil {
		w.t.Fatal(err)
	}
}

// Current gives the token that the Secret's value opens the gateway with, whatever the operator says.
func (w *World) Current(secret *corev1.Secret, key string) Connection {
	w.t.Helper()
	if secret == nil {
		w.t.Fatal("there is no Secret")
	}
	return w.flavour.Check(w.Vendor, string(secret.Data[key]))
}

// Condition gives a condition of a GatewayToken or issuer as it is now; one without a type where there is none.
func (w *World) Condition(object client.Object, kind string) metav1.Condition {
	w.t.Helper()
	w.Refresh(object)
	var conditions []metav1.Condition
	switch of := object.(type) {
	case *v1alpha1.GatewayToken:
		conditions = of.Status.Conditions
	case v1alpha1.Issuer:
		conditions = of.IssuerStatus().Conditions
	default:
		w.t.Fatalf("%T has no conditions", object)
	}
	if found := meta.FindStatusCondition(conditions, kind); found != nil {
		return *found
	}
	return metav1.Condition{}
}

// Want checks status and reason of a condition.
func (w *World) Want(object client.Object, kind string, status metav1.ConditionStatus, reason string) {
	w.t.Helper()
	got := w.Condition(object, kind)
	if got.Status != status || got.Reason != reason {
		w.t.Errorf("%s %s: %s is %q %q (%s), want %q %q", kindOf(object), object.GetName(), kind, got.Status, got.Reason, got.Message, status, reason)
	}
	if got.Type != "" && got.ObservedGeneration != object.GetGeneration() {
		w.t.Errorf("%s %s: %s speaks of generation %d, not %d", kindOf(object), object.GetName(), kind, got.ObservedGeneration, object.GetGeneration())
	}
}

// WantNo checks that a condition is absent.
func (w *World) WantNo(object client.Object, kind string) {
	w.t.Helper()
	if got := w.Condition(object, kind); got.Type != "" {
		w.t.Errorf("%s %s: %s is %s %s (%s), want none", kindOf(object), object.GetName(), kind, got.Status, got.Reason, got.Message)
	}
}

// WantReady checks that the Secret holds an active token and that the status says so.
func (w *World) WantReady(object *v1alpha1.GatewayToken) {
	w.t.Helper()
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonPublished)
	current := w.Current(w.SecretIn(object.Namespace, object.SecretName()), tokenKey(object))
	if !current.Active {
		w.t.Errorf("the value in Secret %s is not active at the vendor (%+v)", object.SecretName(), current)
	}
	if object.Status.Current == nil || object.Status.Current.ID != current.ID {
		w.t.Errorf("status.current is %+v, but the Secret holds %s", object.Status.Current, current.ID)
	}
}

// tokenKey is a key of the Secret that is the token and nothing else.
func tokenKey(object *v1alpha1.GatewayToken) string {
	for key, template := range object.SecretData() {
		if strings.ReplaceAll(template, " ", "") == "{{.Token}}" {
			return key
		}
	}
	return v1alpha1.DefaultDataKey
}

// WantCreates checks how many tokens the vendor ever made for this installation.
func (w *World) WantCreates(want int) {
	w.t.Helper()
	if made := w.Made(); len(made) != want {
		w.t.Errorf("the vendor made %d tokens, want %d: %+v", len(made), want, made)
	}
}

// Made are the tokens that the vendor ever made for this installation.
func (w *World) Made() []Token {
	return slices.DeleteFunc(w.Tokens(), func(made Token) bool { return !w.ours(made) })
}

// ours tells by its name, or by who made it where there are no names, that a token was made for this installation.
func (w *World) ours(made Token) bool {
	_, marker, marked := token.ParseName(made.Name)
	return made.Issued || (marked && marker.Install == w.Identity.Install())
}

// WantActive checks how many tokens are active at the vendor.
func (w *World) WantActive(want int) {
	w.t.Helper()
	if active := w.Active(); len(active) != want {
		w.t.Errorf("%d tokens are active, want %d: %+v", len(active), want, active)
	}
}

// Watch judges after every effect from now on: the value in a token's Secret is active at the vendor, and so is what somebody made
// by hand.
func (w *World) Watch() { w.watching = true }

// watch is the judgement after an effect: no consumer is cut off, and nothing of somebody else's is touched.
func (w *World) watch(effect Effect) {
	w.t.Helper()
	if effect.Kind != "Secret" && effect.Verb != Revoke {
		return
	}
	if effect.Verb == Revoke && slices.Contains(w.foreign, effect.Name) && !w.excused[effect.Name] {
		w.t.Errorf("%s: somebody made it by hand", effect)
	}
	for _, secret := range w.tokenSecrets() {
		if _, ours := ledger.NamedOwner(secret.Annotations[v1alpha1.AnnotationLedger]); !ours {
			continue // somebody made it his own
		}
		for key, value := range secret.Data {
			connection := w.flavour.Check(w.Vendor, string(value))
			if !connection.Known || connection.Active || w.excused[connection.ID] || w.ending(secret) || w.cutting(secret, effect) {
				continue
			}
			w.t.Errorf("after %s: key %s of Secret %s holds token %s, which is not active", effect, key, secret.Name, connection.ID)
		}
	}
}

func (w *World) tokenSecrets() []*corev1.Secret {
	return slices.DeleteFunc(allOf[*corev1.Secret](w), func(secret *corev1.Secret) bool {
		return secret.Labels[v1alpha1.LabelRole] != v1alpha1.RoleToken
	})
}

// cutting tells whether the spec asks for a Secret's value to be dead for a time: between two writes of that Secret, or as long as its
// ledger says that its token makes room.
func (w *World) cutting(secret *corev1.Secret, effect Effect) bool {
	var object v1alpha1.GatewayToken
	name := client.ObjectKeyFromObject(secret)
	vacating := strings.Contains(secret.Annotations[v1alpha1.AnnotationLedger], `"vacating":true`)
	if effect.Kind == "Secret" && effect.Name == name.String() && !vacating {
		return false
	}
	name.Name = secret.Labels[v1alpha1.LabelGatewayToken]
	return w.admin.Get(w.ctx(), name, &object) == nil && object.Strategy() != v1alpha1.StrategyOverlap
}

// ending tells whether the GatewayToken of a Secret is being deleted, or gone.
func (w *World) ending(secret *corev1.Secret) bool {
	var object v1alpha1.GatewayToken
	name := client.ObjectKey{Namespace: secret.Namespace, Name: secret.Labels[v1alpha1.LabelGatewayToken]}
	err := w.admin.Get(w.ctx(), name, &object)
	return client.IgnoreNotFound(err) == nil && (err != nil || object.DeletionTimestamp != nil)
}

// CheckRest judges a world at rest: no token is forgotten, and no secret is anywhere but where it belongs.
func (w *World) CheckRest() {
	w.t.Helper()
	w.CheckLeaks()
	w.CheckDisclosure()
	w.CheckUndisputed()
}

// CheckUndisputed: where nobody else has this installation's identity, no issuer says that somebody has.
func (w *World) CheckUndisputed() {
	w.t.Helper()
	for _, issuer := range allOf[v1alpha1.Issuer](w) {
		if told := issuer.IssuerStatus().IdentityConflict; told != nil && !w.disputed {
			w.t.Errorf("%s takes tokens of its own operator for somebody else's: %+v", issuer.Ref().String(), told.Tokens)
		}
	}
}

// CheckLeaks: every active token of this installation is accounted for, and none that an object has is reported as nobody's.
func (w *World) CheckLeaks() {
	w.t.Helper()
	held, reported, open := w.held(), w.reported(false), w.reported(true)
	for _, active := range w.Active() {
		switch {
		case held[active.ID] && open(active):
			w.t.Errorf("token %s (%s) is in use, and reported to a person as nobody's", active.ID, active.Name)
		case !held[active.ID] && !reported(active) && w.ours(active):
			w.t.Errorf("token %s (%s) is active, and nothing accounts for it", active.ID, active.Name)
		}
	}
}

// Unaccounted are the active tokens of this installation that neither a GatewayToken nor a retained Secret accounts for, and of which
// no issuer tells a person.
func (w *World) Unaccounted() []Token {
	w.t.Helper()
	held, reported := w.held(), w.reported(false)
	return slices.DeleteFunc(w.Active(), func(active Token) bool { return !w.ours(active) || held[active.ID] || reported(active) })
}

// Reported are the active tokens of this installation that an issuer tells a person of, and that nothing else accounts for.
func (w *World) Reported() []Token {
	w.t.Helper()
	held, reported := w.held(), w.reported(false)
	return slices.DeleteFunc(w.Active(), func(active Token) bool { return !w.ours(active) || held[active.ID] || !reported(active) })
}

// reported tells of tokens whether an issuer says that they may be ours, and waits for a person where only open ones are asked for.
func (w *World) reported(open bool) func(Token) bool {
	w.t.Helper()
	ids, names := map[string]bool{}, map[string]bool{}
	for _, issuer := range allOf[v1alpha1.Issuer](w) {
		for _, orphan := range issuer.IssuerStatus().PossibleOrphans {
			if !open || !orphan.Acknowledged {
				ids[orphan.ID], names[orphan.Name] = true, true
			}
		}
	}
	return func(made Token) bool { return (made.ID != "" && ids[made.ID]) || (made.Name != "" && names[made.Name]) }
}

// held are the IDs of the tokens that a GatewayToken or a retained Secret accounts for.
func (w *World) held() map[string]bool {
	w.t.Helper()
	held := map[string]bool{}
	for _, object := range allOf[*v1alpha1.GatewayToken](w) {
		if current := object.Status.Current; current != nil {
			held[current.ID] = true
		}
		for _, retiring := range object.Status.Retiring {
			held[retiring.ID] = true
		}
	}
	for _, secret := range w.tokenSecrets() {
		if secret.Labels[v1alpha1.LabelRetained] == "true" {
			held[w.Current(secret, v1alpha1.DefaultDataKey).ID] = true
		}
	}
	return held
}

// CheckDisclosure: no secret is in anything that the operator put out.
func (w *World) CheckDisclosure() {
	w.t.Helper()
	search := w.plane.search(w.Secrets())
	for channel, text := range w.Channels() {
		if hits := search.Text(channel, []byte(text)); len(hits) > 0 {
			w.t.Errorf("%s: a secret can be read there (%s)", channel, hits[0].Encoding)
		}
	}
}

// Secrets are all values that the vendor gave out, those of its accounts, and the operator's own keys.
func (w *World) Secrets() []string { return slices.Concat(w.flavour.Secrets(w.Vendor), w.keys) }

// Channels are all that the operator put out, by what it is: logs at the highest level, events, errors, metrics, and of every object that
// it writes what is not meant to be secret.
func (w *World) Channels() map[string]string {
	w.t.Helper()
	channels := map[string]string{
		"logs": strings.Join(w.logs, "\n"), "events": fmt.Sprint(w.Events), "errors": fmt.Sprintf("%v %+v %#v", w.Errors, w.Errors, w.Errors),
		"metrics": w.measured(),
	}
	for _, object := range allOf[*v1alpha1.GatewayToken](w) {
		channels["GatewayToken "+object.Name] = w.text(object)
	}
	for _, issuer := range allOf[v1alpha1.Issuer](w) {
		channels[issuer.Ref().String()] = w.text(issuer)
	}
	for _, secret := range allOf[*corev1.Secret](w) {
		channels["metadata of Secret "+secret.Name] = w.text(secret.ObjectMeta)
	}
	return channels
}

// measured is the text of the metrics.
func (w *World) measured() string {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprint(families)
}

func (w *World) text(object any) string {
	text, err := json.Marshal(object)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// Disclosed finds a secret in a text: in clear, encoded, or in fragments. It returns where, and in which form.
func Disclosed(text string, secrets ...string) string {
	hits := canary.Of(secrets...).Text("text", []byte(text))
	if len(hits) == 0 {
		return ""
	}
	return hits[0].Encoding + " at " + strconv.Itoa(hits[0].Offset)
}

// Versions gives the resourceVersions of everything that the operator can write, to see that nothing was written.
func (w *World) Versions() map[string]string {
	w.t.Helper()
	versions := map[string]string{}
	for _, object := range allOf[client.Object](w) {
		key := entryOf(object)
		if key.kind != "Namespace" {
			versions[key.kind+" "+key.name.String()] = object.GetResourceVersion()
		}
	}
	return versions
}
