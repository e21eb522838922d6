package secretdata

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/sabotage"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// maxLabelValue is the longest value a label can have.
const maxLabelValue = 63

// valuePurpose keeps the digest of the value apart from those of the keys.
const (
	valuePurpose = "value"
	keyPurpose   = "key:"
)

// writeGranularity is how much later than it says a write may have been: the API server keeps whole seconds.
const writeGranularity = time.Second

// Target is one GatewayToken's Secret as its spec wants it.
type Target struct {
	owner       ledger.Owner
	sealer      ledger.Sealer
	issuer      string
	secretType  corev1.SecretType
	labels      map[string]string
	annotations map[string]string
	templates   templates
	// previousKey is the key of the value before; empty for none.
	previousKey string
	url         string
}

// NewTarget reads the spec. url is the issuer's, empty where the issuer is not known. An error is about the templates: with
// the target beside it nothing can be rendered, but the Secret that is there observed and retained.
func NewTarget(object *v1alpha1.GatewayToken, clusterID, url string, sealer ledger.Sealer) (Target, error) {
	t := Target{
		owner: ledger.Owner{
			ClusterID: clusterID, Namespace: object.Namespace, GatewayToken: object.Name, Secret: object.SecretName(),
		},
		sealer:      sealer,
		issuer:      object.IssuerRef().String(),
		secretType:  corev1.SecretType(object.SecretType()),
		labels:      object.SecretLabels(),
		annotations: object.SecretAnnotations(),
		previousKey: object.PreviousKey(),
		url:         url,
	}
	t.labels[v1alpha1.LabelManagedBy] = v1alpha1.OperatorName
	t.labels[v1alpha1.LabelRole] = v1alpha1.RoleToken
	if len(object.Name) <= maxLabelValue {
		t.labels[v1alpha1.LabelGatewayToken] = object.Name
	}
	parsed, err := parseTemplates(object.SecretData())
	t.templates = parsed
	return t, err
}

// shape is a digest of all that the spec (and the issuer's URL) asks of the Secret.
func (t Target) shape(url string) string {
	asked := []any{1, t.secretType, t.labels, t.annotations, t.templates.source, url}
	if t.previousKey != "" {
		asked = append(asked, t.previousKey)
	}
	text, err := json.Marshal(asked)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// Content is a Secret ready to be written.
type Content struct {
	Namespace, Name string
	Type            corev1.SecretType
	Labels          map[string]string
	Annotations     map[string]string
	Data            map[string][]byte
}

// Content renders the Secret for a value and its ledger, and signs the ledger with the digests of what was rendered. previous is the value
// before; it is left out where it is none, and where the spec does not ask for it.
func (t Target) Content(value, previous token.Value, record ledger.Ledger) (Content, error) {
	if len(t.templates.keys) == 0 {
		return Content{}, errNoTemplates
	}
	record.URL = cmp.Or(t.url, record.URL)
	data, err := t.templates.render(input{Token: value, ID: record.Current.ID, Name: record.Current.Name, URL: record.URL})
	if err != nil {
		return Content{}, err
	}
	record.ValueDigest, record.PreviousDigest = t.sealer.Digest(t.owner, valuePurpose, value.Reveal()), ""
	if t.previousKey != "" && previous.Usable() {
		data[t.previousKey] = []byte(previous.Reveal())
		record.PreviousDigest = t.sealer.Digest(t.owner, valuePurpose, previous.Reveal())
	}
	record.KeyDigests = make(map[string]string, len(data))
	for key, content := range data {
		record.KeyDigests[key] = t.sealer.Digest(t.owner, keyPurpose+key, string(content))
	}
	record.Shape = t.shape(record.URL)
	return t.sealed(data, record)
}

var errNoTemplates = errors.New("there is no valid template to render")

// Retained is the Secret as it is, but for the mark that it is left on purpose: nothing is rendered, so that a spec that has
// become invalid harms nobody. keepsPrevious says that the value before is of use still.
func (t Target) Retained(secret *corev1.Secret, before, record ledger.Ledger, keepsPrevious bool) (Content, error) {
	record.Retained, record.URL, record.Shape = true, before.URL, before.Shape
	record.ValueDigest, record.PreviousDigest, record.KeyDigests = before.ValueDigest, before.PreviousDigest, before.KeyDigests
	data := map[string][]byte{}
	for key := range before.KeyDigests {
		if content, held := secret.Data[key]; held {
			data[key] = content
		}
	}
	if before.PreviousDigest != "" && !keepsPrevious {
		record.PreviousDigest, record.KeyDigests = "", maps.Clone(record.KeyDigests)
		delete(record.KeyDigests, t.previousKey)
		delete(data, t.previousKey)
	}
	return t.sealed(data, record)
}

// sealed signs the ledger and puts the Secret together.
func (t Target) sealed(data map[string][]byte, record ledger.Ledger) (Content, error) {
	record.Issuer = t.issuer
	seal, err := t.sealer.Seal(t.owner, record)
	if err != nil {
		return Content{}, fmt.Errorf("seal ledger: %w", err)
	}
	content := Content{
		Namespace: t.owner.Namespace, Name: t.owner.Secret, Type: t.secretType,
		Labels: maps.Clone(t.labels), Annotations: maps.Clone(t.annotations), Data: data,
	}
	content.Annotations[v1alpha1.AnnotationLedger] = seal
	if record.Retained {
		content.Labels[v1alpha1.LabelRetained] = "true"
	}
	return content, nil
}

// Probe is a Secret with keys as large as any that may have to be written, and with no secret in it: for a dry run before a mint.
func (t Target) Probe() (Content, error) {
	largest := placeholder()
	return t.Content(largest.Token, largest.Token, ledger.Ledger{Current: ledger.Entry{ID: largest.ID, Name: largest.Name}})
}

// Secret gives the content as an object, for the first publication.
func (c Content) Secret() *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: c.Name, Labels: c.Labels, Annotations: c.Annotations},
		Type:       c.Type,
		Data:       c.Data,
	}
}

// Apply gives the content as a server-side apply that fails unless the Secret is exactly the one that was read.
func (c Content) Apply(uid types.UID, resourceVersion string) *applycorev1.SecretApplyConfiguration {
	return applycorev1.Secret(c.Name, c.Namespace).
		WithUID(uid).WithResourceVersion(resourceVersion).
		WithLabels(c.Labels).WithAnnotations(c.Annotations).
		WithType(c.Type).WithData(c.Data)
}

// Observe tells what a Secret at the target's place is, and what is in it. A nil Secret is absent.
func (t Target) Observe(secret *corev1.Secret, adopt v1alpha1.AdoptPolicy) lifecycle.Secret {
	if secret == nil {
		return lifecycle.Secret{Presence: lifecycle.Absent}
	}
	record, trust := t.sealer.Open(t.owner, secret.Annotations[v1alpha1.AnnotationLedger])
	if trust == ledger.Proof && !record.OfIssuer(t.issuer) {
		// What the vendor of another issuer says, a tenant's own server perhaps, proves nothing here.
		trust = ledger.Hint
	}
	labelled := secret.Labels[v1alpha1.LabelManagedBy] == v1alpha1.OperatorName
	if trust != ledger.Proof && (trust != ledger.Hint || !labelled) {
		return lifecycle.Secret{Presence: foreign(secret, adopt)}
	}
	_, intact := t.Value(secret, record)
	return lifecycle.Secret{
		Presence:      lifecycle.Owned,
		Trust:         trust,
		Ledger:        record,
		WrittenAt:     writtenAt(secret),
		ValueIntact:   intact,
		HoldsPrevious: record.PreviousDigest != "",
		Terminating:   secret.DeletionTimestamp != nil,
		Drifted:       t.drifted(secret, record),
	}
}

// foreign tells whether somebody else's Secret may be taken over: asked for, and nobody's property or instrument.
func foreign(secret *corev1.Secret, adopt v1alpha1.AdoptPolicy) lifecycle.Presence {
	_, ledgered := secret.Annotations[v1alpha1.AnnotationLedger]
	role := secret.Labels[v1alpha1.LabelRole]
	free := len(secret.OwnerReferences) == 0 && !ledgered && role == "" && secret.DeletionTimestamp == nil
	if (adopt == v1alpha1.AdoptIfUnowned || sabotage.OverwriteForeign) && free {
		return lifecycle.Adoptable
	}
	return lifecycle.Foreign
}

// Value finds the token's value in the Secret: the content, under whatever key, that the ledger has the digest of.
func (t Target) Value(secret *corev1.Secret, record ledger.Ledger) (token.Value, bool) {
	for _, content := range secret.Data {
		if t.sealer.Matches(t.owner, valuePurpose, string(content), record.ValueDigest) {
			return token.NewValue(string(content)), true
		}
	}
	return token.Value{}, false
}

// Previous finds the value before in the Secret, once it is to hold the token of next: the value that it has now, if that is of another
// token, or else the one that it kept beside.
func (t Target) Previous(secret *corev1.Secret, record, next ledger.Ledger) token.Value {
	if secret == nil || t.previousKey == "" {
		return token.Value{}
	}
	kept := record
	if record.Current.ID == next.Current.ID {
		kept.ValueDigest = record.PreviousDigest
	}
	value, found := t.Value(secret, kept)
	if !found || kept.ValueDigest == "" {
		return token.Value{}
	}
	return value
}

// drifted tells whether the Secret differs from what was last written, or that from what the spec asks for now.
func (t Target) drifted(secret *corev1.Secret, record ledger.Ledger) bool {
	if record.Shape != t.shape(cmp.Or(t.url, record.URL)) || t.sealer.Former(t.owner, secret.Annotations[v1alpha1.AnnotationLedger]) {
		return true
	}
	for key, digest := range record.KeyDigests {
		if !t.sealer.Matches(t.owner, keyPurpose+key, string(secret.Data[key]), digest) {
			return true
		}
	}
	return record.Retained || !includes(secret.Labels, t.labels) || !includes(secret.Annotations, t.annotations)
}

func includes(have, want map[string]string) bool {
	for key, value := range want {
		if got, ok := have[key]; !ok || got != value {
			return false
		}
	}
	return true
}

// writtenAt is the API server's own time of the operator's last write, rounded up.
func writtenAt(secret *corev1.Secret) time.Time {
	latest := secret.CreationTimestamp.Time
	for _, entry := range secret.ManagedFields {
		if entry.Manager == v1alpha1.OperatorName && entry.Time != nil && entry.Time.After(latest) {
			latest = entry.Time.Time
		}
	}
	return latest.Add(writeGranularity)
}

// OwnerOf reads from a Secret's ledger which GatewayToken it says it belongs to, for mapping events; it proves nothing.
func OwnerOf(secret metav1.Object) (types.NamespacedName, bool) {
	name, ok := ledger.NamedOwner(secret.GetAnnotations()[v1alpha1.AnnotationLedger])
	if !ok {
		return types.NamespacedName{}, false
	}
	return types.NamespacedName{Namespace: secret.GetNamespace(), Name: name}, true
}

// Kept is the token that a retained Secret keeps.
type Kept struct {
	ID token.ID
	// GatewayToken is the name of the resource that it was of.
	GatewayToken string
	ledger       ledger.Ledger
}

// OfIssuer tells whether an issuer's vendor said so.
func (k Kept) OfIssuer(issuer string) bool { return k.ledger.OfIssuer(issuer) }

// RetainedToken gives the token that a retained Secret keeps, if its ledger can be believed.
func RetainedToken(secret *corev1.Secret, clusterID string, sealer ledger.Sealer) (Kept, bool) {
	name, ok := ledger.NamedOwner(secret.Annotations[v1alpha1.AnnotationLedger])
	if !ok {
		return Kept{}, false
	}
	owner := ledger.Owner{ClusterID: clusterID, Namespace: secret.Namespace, GatewayToken: name, Secret: secret.Name}
	record, trust := sealer.Open(owner, secret.Annotations[v1alpha1.AnnotationLedger])
	return Kept{ID: record.Current.ID, GatewayToken: name, ledger: record}, trust == ledger.Proof && record.Retained
}
