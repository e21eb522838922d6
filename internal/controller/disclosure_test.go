package controller_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/rackgateway"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/canary"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// spoken is a vendor with the calls that can go wrong: those before a token can be asked for, the create, and the revocation.
type spoken struct {
	at             harness.Flavour
	first          []string
	create, revoke string
}

func spokenTo() map[string]spoken {
	return map[string]spoken{
		"Causely": {
			at: harness.AtCausely(), first: []string{causely.RouteLogin, causely.RouteList}, create: causely.RouteCreate, revoke: causely.RouteRevoke,
		},
		"Rack Gateway": {
			at: harness.AtRackGateway(), first: []string{rackgateway.RouteList}, create: rackgateway.RouteCreate, revoke: rackgateway.RouteRevoke,
		},
		"Causeloop, personal": {
			at: harness.AtCauseloop(v1alpha1.CauseloopKindPersonal), first: []string{causeloop.RouteScopes, causeloop.RouteList},
			create: causeloop.RouteCreate, revoke: causeloop.RouteRevoke,
		},
		"Causeloop, dedicated": {
			at: harness.AtCauseloop(v1alpha1.CauseloopKindDedicated), first: []string{causeloop.RouteListAccounts, causeloop.RouteIssue},
			create: causeloop.RouteCreateAccount, revoke: causeloop.RouteDeleteAccount,
		},
		"Causeloop, existing": {
			at: harness.AtCauseloopExisting(), first: []string{causeloop.RouteScopes}, create: causeloop.RouteIssue, revoke: causeloop.RouteWithdraw,
		},
		"PingOne": {
			at: harness.AtPingOne(true), first: []string{pingone.RouteLogin, pingone.RouteList}, create: pingone.RouteCreate, revoke: pingone.RouteRevoke,
		},
	}
}

// routes are all of them.
func (s spoken) routes() []string { return append(slices.Clone(s.first), s.create, s.revoke) }

// kinds are the kinds of faults that any of the calls can meet.
func (s spoken) kinds(faults *simulator.Faults) []stage.Kind {
	kinds := map[stage.Kind]bool{}
	for _, route := range s.routes() {
		for _, kind := range faults.Kinds(route) {
			kinds[kind] = true
		}
	}
	return slices.Sorted(maps.Keys(kinds))
}

// TestNothingIsDisclosed holds that whatever goes wrong with whichever call of whichever vendor, no secret is in anything that the
// operator puts out: logs at the highest level, events, conditions, statuses, metrics, errors, and the metadata of Secrets.
func TestNothingIsDisclosed(t *testing.T) {
	faults, err := simulator.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	defer faults.Close()
	for name, vendor := range spokenTo() {
		for _, kind := range vendor.kinds(faults.Faults()) {
			t.Run(name+"/"+string(kind), func(t *testing.T) { playDisclosure(t, vendor, kind) })
		}
	}
}

// playDisclosure tells a whole life of a token, and lets every call of it go wrong once.
func playDisclosure(t *testing.T, vendor spoken, kind stage.Kind) {
	options := []harness.Option{harness.At(vendor.at)}
	if kind == stage.Latency || kind == stage.HangAfterCommit {
		// These are over when the client leaves.
		options = append(options, harness.WithTimeout(time.Second))
	}
	w := newModelWorld(t, options...)
	set := func(routes ...string) {
		for _, route := range routes {
			if slices.Contains(w.Vendor.Faults().Kinds(route), kind) {
				w.Fault(route, kind, func(f *simulator.Fault) { f.Delay = time.Minute })
			}
		}
	}
	set(append(vendor.first, vendor.create)...)
	_, object := w.Ask()
	w.Advance(time.Hour)
	w.Vendor.Faults().CommitLate()
	w.Advance(time.Hour)
	set(vendor.revoke)
	if w.Secret("mediator") != nil {
		harness.Change(w, w.Secret("mediator"), func(s *corev1.Secret) { s.Data["token"] = []byte("by hand") })
		w.Advance(time.Hour)
	}
	w.Remove(object)
	w.Advance(time.Hour)
	for _, fault := range w.Vendor.Faults().List() {
		// A name that is altered is seen before anything else is asked for.
		if fault.Hits == 0 && kind != stage.AlteredName {
			t.Errorf("no call of %s met the fault", fault.Route)
		}
	}
	wantSilence(t, w)
}

func wantSilence(t *testing.T, w *harness.World) {
	t.Helper()
	search := canary.Of(w.Secrets()...)
	for channel, text := range w.Channels() {
		for _, hit := range search.Text(channel, []byte(text)) {
			t.Errorf("%s has %s in the form %s", hit.File, hit.Secret, hit.Encoding)
		}
	}
}

// TestSearchFindsWhatIsPlanted is the other half of the test above: what would be put out would be found, in every channel and in every
// form, as far as somebody left of it.
func TestSearchFindsWhatIsPlanted(t *testing.T) {
	for name, vendor := range spokenTo() {
		t.Run(name, func(t *testing.T) {
			w := newModelWorld(t, harness.At(vendor.at))
			_, object := w.Publish()
			secrets := w.Secrets()
			value := string(w.Secret("mediator").Data["token"])
			if !slices.Contains(secrets, value) {
				t.Error("the value of the token is not looked for")
			}
			for key, credential := range w.Credentials("").StringData {
				if !slices.Contains(secrets, credential) && key != v1alpha1.DefaultClientIDKey {
					t.Error("the credentials are not looked for")
				}
			}
			plantEverywhere(t, w.Channels(), secrets)

			// And where the operator itself would have put it.
			w.Eventf(nil, nil, "Warning", "Planted", "", "a token: %s", value)
			w.Errors = append(w.Errors, errors.New(value))
			w.Refresh(object)
			object.Status.Conditions[0].Message = value[len(value)-20:]
			w.RestoreStatus(object)
			harness.Change(w, w.Secret("mediator"), func(s *corev1.Secret) { metav1.SetMetaDataAnnotation(&s.ObjectMeta, "example.com/x", value) })
			search, found := canary.Of(secrets...), map[string]bool{}
			for channel, text := range w.Channels() {
				found[channel] = len(search.Text(channel, []byte(text))) > 0
			}
			for _, channel := range []string{"events", "errors", "GatewayToken mediator", "metadata of Secret mediator"} {
				if !found[channel] {
					t.Errorf("nothing was found in %s", channel)
				}
			}
		})
	}
}

// plantEverywhere holds that each channel has something in it, and that each secret would be found there.
func plantEverywhere(t *testing.T, channels map[string]string, secrets []string) {
	t.Helper()
	search := canary.Of(secrets...)
	for channel, text := range channels {
		if channel != "errors" && len(text) == 0 {
			t.Errorf("%s has nothing in it", channel)
		}
		for i, secret := range secrets {
			for form, piece := range canary.Encodings(secret[max(len(secret)-20, 0):]) {
				middle := len(text) / 2
				if hits := search.Text(channel, []byte(text[:middle]+piece+text[middle:])); len(hits) == 0 && len(secret) >= 20 {
					t.Errorf("secret %d would not be found in %s, in the form %s", i, channel, form)
				}
			}
		}
	}
}
