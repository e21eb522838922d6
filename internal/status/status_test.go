package status

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

func now() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

func current() ledger.Ledger {
	return ledger.Ledger{Current: ledger.Entry{ID: "id-1", Name: "name-1", Sequence: 1, IssuedAt: now().Add(-time.Hour)}}
}

// scene is an object of generation 3 whose Secret is all right, of an issuer that is all right.
func scene(options ...func(*Scene)) Scene {
	s := Scene{
		Object: &v1alpha1.GatewayToken{
			ObjectMeta: metav1.ObjectMeta{Namespace: "causely", Name: "mediator", UID: "uid", Generation: 3},
			Spec:       v1alpha1.GatewayTokenSpec{IssuerRef: v1alpha1.IssuerReference{Name: "causely"}},
			Status:     v1alpha1.GatewayTokenStatus{ObservedGeneration: -1},
		},
		Observed: lifecycle.Observation{
			Now: now(), ServerNow: now(),
			Issuer:   lifecycle.Issuer{Known: true, Found: true, CanMint: true, CanList: true, CanRevoke: true, Granted: true},
			Secret:   lifecycle.Secret{Presence: lifecycle.Owned, Trust: ledger.Proof, Ledger: current(), ValueIntact: true},
			Settings: lifecycle.DefaultSettings(),
		},
		Planned: lifecycle.Planned{Decision: lifecycle.Rest{}, Usable: true, Fulfilled: true, Settled: true},
	}
	for _, option := range options {
		option(&s)
	}
	return s
}

// before lets the status be what an earlier scene gave, with that generation.
func before(generation int64, options ...func(*Scene)) func(*Scene) {
	return func(s *Scene) {
		earlier := scene(options...)
		earlier.Object.Generation = generation
		s.Object.Status = Of(earlier)
	}
}

func withoutSecret(s *Scene) {
	s.Observed.Secret = lifecycle.Secret{}
	s.Planned.Usable, s.Planned.Fulfilled, s.Planned.Settled = false, false, false
}

func decided(d lifecycle.Decision) func(*Scene) { return func(s *Scene) { s.Planned.Decision = d } }

func deleted(s *Scene) { at := metav1.NewTime(now()); s.Object.DeletionTimestamp = &at }

func suspended(s *Scene) { s.Object.Spec.Suspend = true }

func failed(reason lifecycle.Reason, kind BackOffKind) func(*Scene) {
	return func(s *Scene) {
		s.Outcome = Outcome{Problem: &lifecycle.Problem{Reason: reason, Message: "It failed."}, Kind: kind}
	}
}

func problem(reason lifecycle.Reason) lifecycle.Problem {
	return lifecycle.Problem{Reason: reason, Message: "A message."}
}

// said gives a condition as "Status Reason"; empty where there is none.
func said(status v1alpha1.GatewayTokenStatus, kind string) string {
	found := meta.FindStatusCondition(status.Conditions, kind)
	if found == nil {
		return ""
	}
	return string(found.Status) + " " + found.Reason
}

// What the conditions say of every kind of scene.
func TestOf(t *testing.T) {
	const published, answered = "True Published", "True VendorAnswered"
	tests := map[string]struct {
		reason                                           string
		scene                                            Scene
		ready, reconciling, stalled, reachable, revoking string
	}{
		"at rest": {
			reason: "the Secret holds an active token",
			scene:  scene(), ready: published, reachable: answered,
		},
		"just published": {
			reason: "the write is what counts, whatever was seen before it",
			scene: scene(withoutSecret, decided(lifecycle.Issue{}), func(s *Scene) {
				made := current()
				s.Outcome = Outcome{Published: &made, Done: true}
			}), ready: published, reachable: answered,
		},
		"a list is awaited": {
			reason: "work goes on",
			scene:  scene(withoutSecret, decided(lifecycle.Relist{Purpose: "see"})), ready: "False Issuing", reconciling: "True Issuing", reachable: answered,
		},
		"waiting for the issuer": {
			reason: "it is not Ready", scene: scene(withoutSecret, decided(lifecycle.Wait{Problem: problem(v1alpha1.ReasonIssuerNotReady)})),
			ready: "False IssuerNotReady", reconciling: "True IssuerNotReady", reachable: answered,
		},
		"a person must act": {
			reason: "Stalled and not Reconciling", scene: scene(withoutSecret, decided(lifecycle.Stall{Problem: problem(lifecycle.ReasonSecretConflict)})),
			ready: "False SecretConflict", stalled: "True SecretConflict", reachable: answered,
		},
		"a person must act, and the Secret is all right": {
			reason: "what is published stays Ready", scene: scene(decided(lifecycle.Stall{Problem: problem(lifecycle.ReasonInvalidTemplate)})),
			ready: published, stalled: "True InvalidTemplate", reachable: answered,
		},
		"a create in doubt": {
			reason: "the attempt failed just now", scene: scene(withoutSecret, decided(lifecycle.Issue{}), failed(v1alpha1.ReasonCreateAmbiguous, Doubt)),
			ready: "False CreateAmbiguous", reconciling: "True CreateAmbiguous", reachable: answered,
		},
		"a failed repair": {
			reason: "the value is still there", scene: scene(decided(lifecycle.Publish{}), failed(v1alpha1.ReasonWriteFailed, Write)),
			ready: published, reachable: answered,
		},
		"an outage": {
			reason: "it does not lower what the Secret holds",
			scene: scene(func(s *Scene) {
				trouble := problem(v1alpha1.ReasonVendorUnreachable)
				s.Planned.Trouble = &trouble
			}), ready: published, reachable: "False VendorUnreachable",
		},
		"revoked by somebody else": {
			reason: "the value does not open the gateway any more",
			scene:  scene(decided(lifecycle.Relist{}), before(3), func(s *Scene) { s.Planned.Usable, s.Planned.Fulfilled, s.Planned.Settled = false, false, false }),
			ready:  "False Issuing", reachable: answered,
		},
		"refused credentials": {
			reason: "a person must act, wherever he does", scene: scene(withoutSecret, decided(lifecycle.Wait{Problem: problem(v1alpha1.ReasonCredentialsRejected)})),
			ready: "False CredentialsRejected", stalled: "True CredentialsRejected", reachable: answered,
		},
		"refused credentials, and the Secret is all right": {
			reason: "this generation is Ready",
			scene: scene(func(s *Scene) {
				trouble := problem(v1alpha1.ReasonCredentialsRejected)
				s.Planned.Trouble = &trouble
			}), ready: published, reachable: "False CredentialsRejected",
		},
		"accepted again": {
			reason: "what a person has mended goes on until it is published",
			scene: scene(before(3, withoutSecret, decided(lifecycle.Wait{Problem: problem(v1alpha1.ReasonCredentialsRejected)})), withoutSecret,
				decided(lifecycle.Relist{Purpose: "see"})), ready: "False Issuing", reconciling: "True Issuing", reachable: answered,
		},
		"an issuer that may still arrive": {
			reason: "one sync may bring both", scene: scene(withoutSecret, decided(lifecycle.Wait{Problem: problem(v1alpha1.ReasonIssuerNotFound)})),
			ready: "False IssuerNotFound", reconciling: "True IssuerNotFound", reachable: answered,
		},
		"an issuer that was there": {
			reason: "it does not arrive by itself again", scene: scene(before(3), withoutSecret, decided(lifecycle.Wait{Problem: problem(v1alpha1.ReasonIssuerNotFound)})),
			ready: "False IssuerNotFound", stalled: "True IssuerNotFound", reachable: answered,
		},
		"a replacement is due and refused": {
			reason: "what the spec asks for is there, and works", scene: scene(before(3), due, decided(lifecycle.Issue{}), failed(v1alpha1.ReasonCreateRefused, Refusal)),
			ready: published, reachable: "False CreateRefused",
		},
		"a replacement is due, and an outage": {
			reason: "it was Stalled once, and that is over",
			scene: scene(before(3, withoutSecret, decided(lifecycle.Wait{Problem: problem(v1alpha1.ReasonCreateRefused)})), due, func(s *Scene) {
				trouble := problem(v1alpha1.ReasonVendorUnreachable)
				s.Planned.Trouble = &trouble
			}), ready: published, reachable: "False VendorUnreachable",
		},
		"suspended, and other rights are asked for": {
			reason: "nobody tries anything, so that nobody is needed for it",
			scene: scene(before(2), unsettled, suspended, func(s *Scene) {
				trouble := problem(lifecycle.ReasonNotGranted)
				s.Planned.Trouble = &trouble
			}), ready: published, reachable: "False NotGranted",
		},
		"suspended with a Secret": {
			reason: "what is published stays Ready", scene: scene(suspended), ready: published, reachable: answered,
		},
		"suspended without": {
			reason: "a person must unset it", scene: scene(suspended, withoutSecret),
			ready: "False Suspended", stalled: "True Suspended", reachable: answered,
		},
		"a routine repair": {
			reason: "Reconciling is for a new generation only",
			scene:  scene(before(3), withoutSecret, decided(lifecycle.Publish{Source: lifecycle.FromVendor})), ready: "False Issuing", reachable: answered,
		},
		"a new generation": {
			reason: "until it is published",
			scene:  scene(before(2), withoutSecret, decided(lifecycle.Publish{Source: lifecycle.FromVendor})), ready: "False Issuing", reconciling: "True Issuing", reachable: answered,
		},
		"a generation that is still on its way": {
			reason: "Reconciling stays until the Secret is there",
			scene:  scene(before(3, withoutSecret, decided(lifecycle.Relist{})), withoutSecret, decided(lifecycle.Relist{})), ready: "False Issuing", reconciling: "True Issuing", reachable: answered,
		},
		"other rights are asked for": {
			reason: "the token there works, and the new generation is on its way",
			scene:  scene(before(2), unsettled, decided(lifecycle.Relist{Purpose: "see"})), ready: published, reconciling: "True Issuing", reachable: answered,
		},
		"other rights are given": {
			reason: "what was published is what the spec asks for",
			scene: scene(before(2), unsettled, decided(lifecycle.Issue{}), func(s *Scene) {
				made := current()
				s.Outcome = Outcome{Published: &made, Done: true}
			}), ready: published, reachable: answered,
		},
		"other rights that the vendor does not know": {
			reason: "a person must act, and the token there works meanwhile",
			scene:  scene(before(2), unsettled, decided(lifecycle.Issue{}), failed(v1alpha1.ReasonInvalidScope, Refusal)),
			ready:  published, stalled: "True InvalidScope", reachable: "False InvalidScope",
		},
		"rights that the vendor does not know": {
			reason: "a person must act",
			scene:  scene(before(2), withoutSecret, unsettled, decided(lifecycle.Wait{Problem: problem(v1alpha1.ReasonInvalidRole)})),
			ready:  "False InvalidRole", stalled: "True InvalidRole", reachable: answered,
		},
		"other rights that are not granted": {
			reason: "a person must act, and the token there works meanwhile",
			scene: scene(before(2), unsettled, func(s *Scene) {
				trouble := problem(lifecycle.ReasonNotGranted)
				s.Planned.Trouble = &trouble
			}), ready: published, stalled: "True NotGranted", reachable: "False NotGranted",
		},
		"a lost grant": {
			reason: "what is there stays, and nothing new is asked for",
			scene: scene(func(s *Scene) {
				trouble := problem(lifecycle.ReasonNotGranted)
				s.Planned.Trouble = &trouble
			}), ready: published, reachable: "False NotGranted",
		},
		"retiring": {
			reason: "the overlap has not passed",
			scene: scene(func(s *Scene) {
				s.Planned.Retiring = []lifecycle.Retirement{{Entry: ledger.Entry{ID: "id-0"}, WaitingFor: "Overlap", Due: now().Add(time.Hour)}}
			}), ready: published, reachable: answered, revoking: "True Retiring",
		},
		"deletion that waits": {
			reason: "the vendor cannot be asked",
			scene:  scene(deleted, withoutSecret, decided(lifecycle.Wait{Problem: problem(v1alpha1.ReasonVendorUnreachable)})), ready: "False Deleting", reachable: answered, revoking: "True VendorUnreachable",
		},
		"deletion that goes on": {
			reason: "the last list is awaited",
			scene:  scene(deleted, withoutSecret, decided(lifecycle.Relist{})), ready: "False Deleting", reachable: answered, revoking: "True Revoking",
		},
		"the issuer is not known and the object is": {
			reason: "after a restart nothing is said before anything is known",
			scene:  scene(before(3), withoutSecret, func(s *Scene) { s.Observed.Issuer = lifecycle.Issuer{} }), ready: published, reachable: answered,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := Of(tc.scene)
			for kind, want := range map[string]string{
				v1alpha1.ConditionReady: tc.ready, v1alpha1.ConditionReconciling: tc.reconciling, v1alpha1.ConditionStalled: tc.stalled,
				v1alpha1.ConditionVendorReachable: tc.reachable, v1alpha1.ConditionRevocationPending: tc.revoking,
			} {
				if said := said(got, kind); said != want {
					t.Errorf("%s is %q, want %q: %s", kind, said, want, tc.reason)
				}
			}
			if got.ObservedGeneration != 3 {
				t.Errorf("observedGeneration is %d, want 3", got.ObservedGeneration)
			}
			contract(t, got)
			ready := meta.IsStatusConditionTrue(got.Conditions, v1alpha1.ConditionReady)
			if ready && said(got, v1alpha1.ConditionReconciling) != "" && tc.scene.Planned.Settled {
				t.Error("Ready and Reconciling at once, though what is there is what is asked for")
			}
			if again := of(tc.scene, got); !equality.Semantic.DeepEqual(got, again) && tc.scene.Outcome.Problem == nil {
				t.Errorf("the same scene an hour later is told differently:\n%s", cmp.Diff(got, again))
			}
		})
	}
}

// of tells the same scene once more, with the status that it gave and at a later time.
func of(s Scene, status v1alpha1.GatewayTokenStatus) v1alpha1.GatewayTokenStatus {
	s.Object = s.Object.DeepCopy()
	s.Object.Status = status
	s.Observed.Now = now().Add(time.Hour)
	return Of(s)
}

// due: the token is to be replaced, though it is what the spec asks for.
func due(s *Scene) { s.Planned.Settled = false }

// unsettled: the spec asks for something else than what the Secret holds.
func unsettled(s *Scene) { s.Planned.Fulfilled, s.Planned.Settled = false, false }

// contract is what holds of every status: kstatus and the API conventions rely on it.
func contract(t *testing.T, status v1alpha1.GatewayTokenStatus) {
	t.Helper()
	if said(status, v1alpha1.ConditionStalled) != "" && said(status, v1alpha1.ConditionReconciling) != "" {
		t.Error("Stalled and Reconciling at once")
	}
	for _, condition := range status.Conditions {
		if condition.Reason == "" || condition.Message == "" || condition.LastTransitionTime.IsZero() {
			t.Errorf("%s has no reason, message or time: %+v", condition.Type, condition)
		}
		if condition.ObservedGeneration != status.ObservedGeneration {
			t.Errorf("%s speaks of generation %d, the status of %d", condition.Type, condition.ObservedGeneration, status.ObservedGeneration)
		}
	}
}

// A status is a copy of the ledger for people, and says what is in force.
func TestStatusFields(t *testing.T) {
	got := Of(scene(func(s *Scene) {
		s.Observed.Snapshot.Rows = map[token.ID]token.Token{"id-1": {ID: "id-1", MediatorID: "mediator-id"}}
		s.Planned.Retiring = []lifecycle.Retirement{
			{Entry: ledger.Entry{ID: "id-0", Name: "name-0", Sequence: 7, Since: now()}, WaitingFor: "Overlap"},
			{Entry: current().Current, WaitingFor: "Overlap"},
		}
	}))
	issued, since := metav1.NewTime(now().Add(-time.Hour)), metav1.NewTime(now())
	if diff := cmp.Diff(&v1alpha1.CurrentToken{ID: "id-1", Name: "name-1", Sequence: 1, IssuedAt: &issued, MediatorID: "mediator-id"}, got.Current); diff != "" {
		t.Errorf("current (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]v1alpha1.RetiringToken{{ID: "id-0", Name: "name-0", Sequence: 7, Since: &since, WaitingFor: "Overlap"}}, got.Retiring); diff != "" {
		t.Errorf("retiring (-want +got):\n%s", diff)
	}
	if got.SecretName != "mediator" || got.Issuer != "TokenIssuer/causely" || got.Effective == nil {
		t.Errorf("secretName %q, issuer %q, effective %+v", got.SecretName, got.Issuer, got.Effective)
	}
}

// A mediator that is not told again stays; another token's does not.
func TestMediatorIsRemembered(t *testing.T) {
	told := scene(func(s *Scene) {
		made := current()
		s.Outcome = Outcome{Published: &made, Done: true, Told: token.Token{MediatorID: "mediator-id"}}
	})
	status := Of(told)
	if got := of(scene(), status); got.Current.MediatorID != "mediator-id" {
		t.Errorf("mediator %q", got.Current.MediatorID)
	}
	next := scene(func(s *Scene) { s.Observed.Secret.Ledger.Current.ID = "id-2" })
	if got := of(next, status); got.Current.MediatorID != "" {
		t.Errorf("the next token has the mediator %q of the one before", got.Current.MediatorID)
	}
}

// Failures in a row are counted, a new generation and a success begin anew.
func TestFailure(t *testing.T) {
	status := v1alpha1.GatewayTokenStatus{}
	for count := int32(1); count <= 4; count++ {
		s := scene(withoutSecret, failed(v1alpha1.ReasonCreateRefused, Refusal))
		s.Object.Status = status
		status = Of(s)
		failure := status.Failure
		if failure == nil || failure.Count != count || failure.Generation != 3 || failure.Reason != v1alpha1.ReasonCreateRefused {
			t.Fatalf("failure %d: %+v", count, failure)
		}
		if wait := failure.NextAttemptTime.Sub(now()); wait < BackOff(Refusal, count, "uid", 0) {
			t.Errorf("failure %d: next attempt after %s", count, wait)
		}
	}
	other := scene(withoutSecret, failed(v1alpha1.ReasonCreateRefused, Refusal))
	other.Object.Status, other.Object.Generation = status, 4
	if got := Of(other).Failure; got.Count != 1 || got.Generation != 4 {
		t.Errorf("a new generation goes on counting: %+v", got)
	}
	done := scene(func(s *Scene) { s.Outcome.Done = true })
	done.Object.Status = status
	done.Object.Status.Attempt = &v1alpha1.IssueAttempt{Name: "name"}
	if got := Of(done); got.Failure != nil || got.Attempt != nil {
		t.Errorf("after a success: failure %+v, attempt %+v", got.Failure, got.Attempt)
	}
}

// A create that may have happened is in the status until it is settled.
func TestAttempt(t *testing.T) {
	doubt := scene(withoutSecret, failed(v1alpha1.ReasonCreateAmbiguous, Doubt))
	doubt.Outcome.Attempt = &v1alpha1.IssueAttempt{Name: "name", Sequence: 1}
	status := Of(doubt)
	if got := of(scene(withoutSecret, decided(lifecycle.Relist{})), status); got.Attempt == nil || got.Attempt.Name != "name" {
		t.Errorf("attempt: %+v", got.Attempt)
	}
}

// What comes from outside is cut to what the API takes.
func TestLongMessages(t *testing.T) {
	long := lifecycle.Problem{Reason: lifecycle.ReasonInvalidTemplate, Message: strings.Repeat("ü", 20_000)}
	got := Of(scene(withoutSecret, decided(lifecycle.Stall{Problem: long})))
	for _, condition := range got.Conditions {
		if len(condition.Message) > 32<<10 || !strings.HasPrefix(long.Message, strings.TrimSuffix(condition.Message, "…")) && condition.Reason == string(long.Reason) {
			t.Errorf("%s has a message of %d bytes", condition.Type, len(condition.Message))
		}
	}
	failure := Of(scene(withoutSecret, func(s *Scene) { s.Outcome = Outcome{Problem: &long, Kind: Refusal} })).Failure
	if n := len(failure.Message); n > 1024 {
		t.Errorf("status.failure has a message of %d bytes, more than the API takes in an event (1024)", n)
	}
}

// The deletion tells a person how to break the glass, with the very UID.
func TestDeletionTellsTheWayOut(t *testing.T) {
	got := Of(scene(deleted, withoutSecret, decided(lifecycle.Wait{Problem: problem(v1alpha1.ReasonVendorUnreachable)})))
	message := meta.FindStatusCondition(got.Conditions, v1alpha1.ConditionRevocationPending).Message
	if !strings.Contains(message, v1alpha1.AnnotationSkipRevocation+": uid") {
		t.Errorf("message %q", message)
	}
}

// After a start nothing is known of the issuer, and what was said stays, whatever is done meanwhile.
func TestNothingNewWhileTheIssuerIsUnknown(t *testing.T) {
	refused := func(s *Scene) {
		s.Planned.Hindrance = &lifecycle.Problem{Reason: v1alpha1.ReasonCredentialsRejected, Message: "A message."}
	}
	told := Of(scene(before(2), unsettled, refused))
	if got := said(told, v1alpha1.ConditionStalled); got != "True CredentialsRejected" {
		t.Fatalf("Stalled is %q", got)
	}
	started := scene(decided(lifecycle.Restart{Sequence: 1}), func(s *Scene) { s.Observed.Issuer = lifecycle.Issuer{} })
	if got := said(of(started, told), v1alpha1.ConditionStalled); got != "True CredentialsRejected" {
		t.Errorf("Stalled is %q while nobody has looked", got)
	}
	if got := of(scene(), told); said(got, v1alpha1.ConditionStalled)+said(got, v1alpha1.ConditionReconciling) != "" {
		t.Errorf("it is over, and %+v", got.Conditions)
	}
}

// A name that is taken is a person's business once others were taken, too.
func TestNameTaken(t *testing.T) {
	taken := scene(withoutSecret, decided(lifecycle.Issue{}), failed(v1alpha1.ReasonNameTaken, Doubt))
	status := Of(taken)
	for range MostTaken - 1 {
		status = of(taken, status)
	}
	if said(status, v1alpha1.ConditionStalled) != "" || said(status, v1alpha1.ConditionReconciling) != "True NameTaken" {
		t.Errorf("after %d names: %+v", MostTaken, status.Conditions)
	}
	if status = of(taken, status); said(status, v1alpha1.ConditionStalled) != "True NameTaken" || said(status, v1alpha1.ConditionReconciling) != "" {
		t.Errorf("after one more: %+v", status.Conditions)
	}
}
