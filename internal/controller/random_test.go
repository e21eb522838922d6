package controller_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/rackgateway"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// Whatever happens, in whatever order: in the end, when all is well again, the Secret holds the one active token, and
// every other is revoked or counted. The stories are drawn by chance from a seed, so that each can be told again:
// RANDOM_STORIES="from to" tells those of other seeds.
func TestRandomStories(t *testing.T) {
	from, to := seeds(t, 12)
	for seed := from; seed <= to; seed++ {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			w := newWorld(t, generously())
			r := &random{
				t: t, World: w, Rand: rand.New(rand.NewPCG(uint64(seed), 0)),
				routes: []string{causely.RouteCreate, causely.RouteCreate, causely.RouteList, causely.RouteRevoke, causely.RouteLogin},
			}
			r.tell()
		})
	}
}

// seeds are those of random stories; RANDOM_STORIES="from to" asks for others.
func seeds(t *testing.T, most int) (from, to int) {
	t.Helper()
	from, to = 1, most
	if wanted := os.Getenv("RANDOM_STORIES"); wanted != "" {
		if _, err := fmt.Sscan(wanted, &from, &to); err != nil {
			t.Fatal(err)
		}
	}
	return from, to
}

// generously does not count what is made.
func generously() harness.Option {
	return harness.WithSettings(func(s *lifecycle.Settings) { s.MintsPerHour, s.MintsPerDay = 100, 100 })
}

// The same at vendors that drop what is revoked, and show no value twice.
func TestRandomStoriesElsewhere(t *testing.T) {
	from, to := seeds(t, 6)
	atEach(t, func(t *testing.T, at place) {
		for seed := from; seed <= to; seed++ {
			t.Run(strconv.Itoa(seed), func(t *testing.T) {
				w := newModelWorld(t, harness.At(at), generously())
				r := &random{t: t, World: w, Rand: rand.New(rand.NewPCG(uint64(seed), 0)), rights: elsewhere(at)}
				for _, call := range []string{harness.RouteCreate, harness.RouteCreate, harness.RouteList, harness.RouteRevoke} {
					r.routes = append(r.routes, w.Route(call))
				}
				r.routes = append(r.routes, rightsRoutes(at)...)
				// Lists without any row prove nothing.
				r.stranger = w.CreateByHand("somebody's")
				r.tell()
			})
		}
	})
}

// elsewhere edits what the spec asks of the vendor.
func elsewhere(at place) []func(*v1alpha1.GatewayToken) {
	if at.asks {
		return []func(*v1alpha1.GatewayToken){
			permitted("convox:app:read"), permitted("convox:app:*"), inRole(v1alpha1.RackGatewayViewer), inRole(v1alpha1.RackGatewayDeployer),
		}
	}
	return []func(*v1alpha1.GatewayToken){scoped("issues:read"), scoped("issues:write"), scoped("issues:read", "patterns:read")}
}

// rightsRoutes are the calls that are about rights and single tokens.
func rightsRoutes(at place) []string {
	if at.asks {
		return []string{rackgateway.RouteUpdate, rackgateway.RouteGet, rackgateway.RoutePermissions}
	}
	return []string{causeloop.RouteScopes, causeloop.RouteIssue}
}

// tell lets things happen, puts right what can be put right, and judges.
func (r *random) tell() {
	r.t.Helper()
	r.Watch()
	r.issuer, r.object = r.Ask(harness.Overlapping(5 * time.Minute))
	for range 25 {
		r.step()
	}
	r.mend()
	r.judge()
}

// random is a world in which things happen by chance.
type random struct {
	t *testing.T
	*harness.World
	*rand.Rand
	issuer                *v1alpha1.ClusterTokenIssuer
	object                *v1alpha1.GatewayToken
	parked                *harness.Zombie
	serial, revoked, keys int
	// routes are those that meet faults, rights edits of what the spec asks of the vendor.
	routes []string
	rights []func(*v1alpha1.GatewayToken)
	// more is what may happen beside.
	more []func()
	// stranger is a token that is nobody's business; empty for none.
	stranger string
}

// step lets something happen, and then time pass.
func (r *random) step() {
	r.t.Helper()
	happenings := r.happenings()
	happenings[r.IntN(len(happenings))]()
	r.pass([]time.Duration{0, time.Millisecond, time.Second, 7 * time.Second, time.Minute, 6 * time.Minute, 20 * time.Minute}[r.IntN(7)])
}

// happenings are what may happen next.
func (r *random) happenings() []func() {
	happenings := []func(){
		r.restart, r.mishap, r.mishap, r.fault, r.fault, r.fault, r.Heal, r.Heal,
		r.editSecret, r.editSecret, r.deleteSecret, r.revokeByHand, r.editSpec, r.editSpec, r.delete, r.recreate, r.recreate,
		r.grants, r.credentials, r.lateCommit, r.zombie, r.zombie, r.resume, r.deleteIssuer, r.skew, r.loseLedgerKey, func() { r.Vendor.Faults().CommitLate() }, func() {}, func() {},
	}
	if len(r.rights) > 0 {
		happenings = append(happenings, r.editRights, r.editRights, r.editRights, r.editRights)
	}
	return append(happenings, r.more...)
}

func (r *random) pass(d time.Duration) {
	r.t.Helper()
	r.Advance(d)
	if r.Dead() {
		r.restart()
	}
}

func (r *random) restart() {
	r.t.Helper()
	r.Interfere(harness.Interference{})
	r.Restart()
}

// mishap befalls one of the next effects.
func (r *random) mishap() {
	after, kind := r.IntN(4), r.IntN(4)
	befall := func(effect harness.Effect) error {
		if after--; after >= 0 {
			return nil
		}
		r.Interfere(harness.Interference{})
		switch kind {
		case 0, 1:
			harness.Kill()
		case 2:
			return harness.ErrLost
		}
		if effect.Kind == harness.VendorToken {
			return nil // what the vendor answers is the simulator's
		}
		return apierrors.NewInternalError(harness.ErrLost)
	}
	if kind%2 == 0 {
		r.Interfere(harness.Interference{After: befall})
	} else {
		r.Interfere(harness.Interference{Before: befall})
	}
}

func (r *random) fault() {
	r.t.Helper()
	kinds := []stage.Kind{
		stage.Status, stage.StatusAfterCommit, stage.CutBeforeCommit, stage.CutAfterCommit, stage.TruncatedBody,
		stage.MalformedJSON, stage.HTML, stage.Unauthorized, stage.Redirect,
	}
	r.Fault(r.routes[r.IntN(len(r.routes))], kinds[r.IntN(len(kinds))], func(f *simulator.Fault) { f.Times = 1 + r.IntN(3) })
}

func (r *random) lateCommit() {
	r.t.Helper()
	r.Fault(r.routes[0], stage.LateCommit, func(f *simulator.Fault) { f.Delay = 1000 * time.Hour })
}

func (r *random) editSecret() {
	secret := r.Secret("mediator")
	if secret == nil {
		return
	}
	edits := []func(*corev1.Secret){
		func(s *corev1.Secret) { s.Data = map[string][]byte{"token": []byte("by hand")} },
		func(s *corev1.Secret) { s.Data = nil },
		func(s *corev1.Secret) { s.Labels = nil },
		func(s *corev1.Secret) { metav1.SetMetaDataLabel(&s.ObjectMeta, v1alpha1.LabelRetained, "true") },
		func(s *corev1.Secret) { delete(s.Annotations, v1alpha1.AnnotationLedger) },
		func(s *corev1.Secret) {
			if s.Annotations[v1alpha1.AnnotationLedger] != "" {
				s.Annotations[v1alpha1.AnnotationLedger] += " "
			}
		},
	}
	harness.Change(r.World, secret, edits[r.IntN(len(edits))])
}

func (r *random) deleteSecret() {
	if secret := r.Secret("mediator"); secret != nil {
		r.Remove(secret)
	}
}

func (r *random) revokeByHand() {
	active := slices.DeleteFunc(r.Active(), func(t harness.Token) bool { return t.ID == r.stranger })
	if len(active) == 0 || r.revoked == 3 {
		return
	}
	r.revoked++
	r.RevokeByHand(active[r.IntN(len(active))].ID)
}

func (r *random) editSpec() {
	if r.Gone(r.object) {
		return
	}
	r.serial++
	edits := []func(*v1alpha1.GatewayToken){
		func(o *v1alpha1.GatewayToken) { o.Spec.Suspend = !o.Spec.Suspend },
		func(o *v1alpha1.GatewayToken) { o.Spec.TokenName = fmt.Sprint("name ", r.serial) },
		func(o *v1alpha1.GatewayToken) {
			if o.Spec.DeletionPolicy = v1alpha1.DeletionRetain; r.IntN(2) == 0 {
				o.Spec.DeletionPolicy = v1alpha1.DeletionRevoke
			}
		},
		harness.WithSecret(func(s *v1alpha1.SecretTemplate) {
			s.Data = map[string]v1alpha1.DataTemplate{"token": "{{ .Token }}", v1alpha1Key(r.serial): "{{ .ID }} {{ .URL }}"}
		}),
		harness.WithSecret(func(s *v1alpha1.SecretTemplate) {
			s.Labels = map[string]v1alpha1.LabelValue{"serial": v1alpha1.LabelValue(strconv.Itoa(r.serial))}
		}),
	}
	harness.Change(r.World, r.object, edits[r.IntN(len(edits))])
}

// editRights asks for something else of the vendor, and sometimes takes it back before the operator is done.
func (r *random) editRights() {
	r.t.Helper()
	if r.Gone(r.object) {
		return
	}
	r.Refresh(r.object)
	before := r.object.DeepCopy()
	harness.Change(r.World, r.object, r.rights[r.IntN(len(r.rights))])
	if r.IntN(3) == 0 {
		r.pass(time.Millisecond)
		if !r.Gone(r.object) {
			harness.Change(r.World, r.object, func(o *v1alpha1.GatewayToken) {
				o.Spec.Causeloop, o.Spec.RackGateway = before.Spec.Causeloop, before.Spec.RackGateway
			})
		}
	}
}

func v1alpha1Key(serial int) string { return "key-" + strconv.Itoa(serial%3) }

func (r *random) delete() {
	if !r.Gone(r.object) {
		r.Remove(r.object)
	}
}

func (r *random) recreate() {
	if r.Gone(r.object) {
		r.object = r.Token("mediator", harness.Overlapping(5*time.Minute))
		r.Create(r.object)
	}
}

func (r *random) grants() {
	if r.Gone(r.issuer) {
		return
	}
	harness.Change(r.World, r.issuer, func(i *v1alpha1.ClusterTokenIssuer) {
		if i.Spec.Grants = nil; r.IntN(3) > 0 {
			i.Spec.Grants = r.ClusterIssuer().Spec.Grants
		}
	})
}

func (r *random) credentials() {
	if secret := r.SecretIn(r.System, harness.CredentialsName); secret != nil {
		r.Remove(secret)
		return
	}
	r.Create(r.Credentials(r.System))
}

// zombie parks the process at one of its next effects, and lets another take over.
func (r *random) zombie() {
	r.t.Helper()
	if r.parked != nil {
		return
	}
	after := r.IntN(4)
	r.parked = r.TryPark(10*time.Minute, func(harness.Effect) bool {
		after--
		return after < 0
	})
}

func (r *random) resume() {
	r.t.Helper()
	if r.parked != nil {
		r.Resume(r.parked)
		r.parked = nil
	}
}

func (r *random) deleteIssuer() {
	if r.IntN(2) == 0 && !r.Gone(r.issuer) {
		r.Remove(r.issuer)
	} else if r.Gone(r.issuer) {
		r.issuer = r.ClusterIssuer()
		r.Create(r.issuer)
	}
}

func (r *random) skew() {
	r.SkewServer([]time.Duration{0, time.Minute, 10 * time.Minute, -10 * time.Minute}[r.IntN(4)])
}

func (r *random) loseLedgerKey() {
	r.t.Helper()
	r.keys++
	r.RotateLedgerKey(strconv.Itoa(r.keys))
	r.restart()
}

// mend puts everything right that a person can put right, and waits.
func (r *random) mend() {
	r.t.Helper()
	r.calm()
	r.pass(time.Minute)
	if !r.Gone(r.issuer) {
		if r.Refresh(r.issuer); r.issuer.DeletionTimestamp != nil {
			// It goes with the last token, and is made anew for the next.
			r.delete()
			r.pass(30 * time.Minute)
		}
	}
	if r.Gone(r.issuer) {
		r.issuer = r.ClusterIssuer()
		r.Create(r.issuer)
	}
	harness.Change(r.World, r.issuer, func(i *v1alpha1.ClusterTokenIssuer) { i.Spec.Grants = r.ClusterIssuer().Spec.Grants })
	r.pass(30 * time.Minute)
	r.recreate()
	harness.Change(r.World, r.object, func(o *v1alpha1.GatewayToken) { o.Spec.Suspend = false })
	r.pass(30 * time.Minute)
	if condition := r.Condition(r.object, v1alpha1.ConditionStalled); condition.Reason == v1alpha1.ReasonSecretConflict {
		r.Remove(r.Secret("mediator"))
	}
	// A refusal may be backed off from for up to six hours; a changed spec is tried at once.
	harness.Change(r.World, r.object, func(o *v1alpha1.GatewayToken) { o.Spec.TokenName = "last" })
	r.pass(time.Hour)
}

// calm ends what disturbs the operator, but for what people say.
func (r *random) calm() {
	r.t.Helper()
	r.resume()
	r.Heal()
	r.Vendor.Faults().CommitLate()
	r.Interfere(harness.Interference{})
	r.SkewServer(0)
	if r.SecretIn(r.System, harness.CredentialsName) == nil {
		r.credentials()
	}
}

// judgeRights: the token may do what the spec asks for, and nothing else.
func (r *random) judgeRights() {
	r.t.Helper()
	r.Refresh(r.object)
	var asked []string
	switch spec := r.object.Spec; {
	case spec.Causeloop != nil:
		asked = slices.Clone(spec.Causeloop.Scopes)
	case spec.RackGateway != nil && spec.RackGateway.Role == v1alpha1.RackGatewayViewer:
		asked = places()["Rack Gateway"].rights
	case spec.RackGateway != nil:
		for _, permission := range spec.RackGateway.Permissions {
			asked = append(asked, string(permission))
		}
	}
	slices.Sort(asked)
	if r.object.Status.Current == nil || (len(asked) == 0) {
		return
	}
	if diff := cmp.Diff(asked, r.TokenByID(r.object.Status.Current.ID).Rights); diff != "" {
		r.t.Errorf("rights at the vendor (-want +got):\n%s", diff)
	}
}

func (r *random) judge() {
	r.t.Helper()
	r.WantReady(r.object)
	r.WantNo(r.object, v1alpha1.ConditionRevocationPending)
	r.Refresh(r.issuer)
	orphaned := 0
	if inventory := r.issuer.Status.Inventory; inventory != nil {
		orphaned = int(inventory.Orphaned)
	}
	if lost := r.Unaccounted(); len(lost) != orphaned {
		r.t.Errorf("%d tokens are orphans, %d are counted: %+v", len(lost), orphaned, lost)
	}
	active := len(r.Active())
	if r.stranger != "" {
		active--
	}
	if active != 1+orphaned {
		r.t.Errorf("%d tokens are active, want one and %d orphans", active, orphaned)
	}
	r.judgeRights()
	r.CheckUndisputed()
	r.judgeRest()
}

// judgeRest: an operator with nothing to do writes nothing.
func (r *random) judgeRest() {
	r.t.Helper()
	rest := r.Versions()
	r.pass(20 * time.Minute)
	for name, version := range r.Versions() {
		if rest[name] != version {
			r.t.Errorf("%s is written at rest", name)
		}
	}
}
