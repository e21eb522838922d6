package controller_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/status"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// setting is a world in which something is wrong from the beginning, and how to put it right.
type setting struct {
	reason string
	// prepare sets the world up but for the GatewayToken, and returns how to heal it; nil where it is not healed.
	prepare func(*testing.T, *harness.World) (heal func())
	// token and issuer are the reasons of Ready False; no issuer when empty.
	token, issuer string
	// says is what the message tells a person.
	says string
	// calls bounds the calls to the vendor within an hour.
	calls int
}

// providing gives the world an issuer and, unless they are changed to nil, credentials and CA.
func providing(w *harness.World, issuer func(*v1alpha1.ClusterTokenIssuer), credentials func(*corev1.Secret), ca func(*corev1.ConfigMap)) *v1alpha1.ClusterTokenIssuer {
	secret, configMap := w.Credentials(w.System), w.CA(w.System)
	credentials(secret)
	ca(configMap)
	w.Create(secret, configMap)
	made := w.ClusterIssuer(issuer)
	w.Create(made)
	return made
}

func asIs[T any](T) {}

func badInput() map[string]setting {
	faulty := func(route string, kind stage.Kind, change ...func(*simulator.Fault)) func(*testing.T, *harness.World) func() {
		return func(_ *testing.T, w *harness.World) func() {
			w.Fault(route, kind, append(change, harness.Always)...)
			providing(w, asIs, asIs, asIs)
			return w.Heal
		}
	}
	status := func(code int) func(*simulator.Fault) { return func(f *simulator.Fault) { f.Status = code } }
	url := func(change func(*v1alpha1.CauselyIssuer)) func(*testing.T, *harness.World) func() {
		return func(_ *testing.T, w *harness.World) func() {
			issuer := providing(w, func(i *v1alpha1.ClusterTokenIssuer) { change(i.Spec.Causely) }, asIs, asIs)
			good := w.ClusterIssuer().Spec.Causely
			return func() {
				harness.Change(w, issuer, func(i *v1alpha1.ClusterTokenIssuer) { i.Spec.Causely = good })
			}
		}
	}
	return map[string]setting{
		"no issuer": {
			reason:  "the token waits for it",
			prepare: func(_ *testing.T, w *harness.World) func() { return func() { providing(w, asIs, asIs, asIs) } },
			token:   v1alpha1.ReasonIssuerNotFound, says: "does not exist", calls: 0,
		},
		"no credentials": {
			reason: "they may come later, and are looked for without a call",
			prepare: func(_ *testing.T, w *harness.World) func() {
				w.Create(w.CA(w.System), w.ClusterIssuer())
				return func() { w.Create(w.Credentials(w.System)) }
			},
			token: v1alpha1.ReasonCredentialsNotFound, issuer: v1alpha1.ReasonCredentialsNotFound, says: harness.CredentialsName, calls: 0,
		},
		"a key of the credentials missing": {
			reason: "the message names it",
			prepare: func(_ *testing.T, w *harness.World) func() {
				providing(w, asIs, func(s *corev1.Secret) { delete(s.StringData, "clientSecret") }, asIs)
				return func() {
					harness.Change(w, w.SecretIn(w.System, harness.CredentialsName), func(s *corev1.Secret) { s.StringData = w.Credentials("").StringData })
				}
			},
			token: v1alpha1.ReasonCredentialsKeyMissing, issuer: v1alpha1.ReasonCredentialsKeyMissing, says: "clientSecret", calls: 0,
		},
		"credentials with a line break": {
			reason: "they cannot be sent, and are not quoted",
			prepare: func(_ *testing.T, w *harness.World) func() {
				providing(w, asIs, func(s *corev1.Secret) { s.StringData["clientSecret"] = "demo secret\nwith lines" }, asIs)
				return nil
			},
			token: v1alpha1.ReasonCredentialsKeyMissing, issuer: v1alpha1.ReasonCredentialsKeyMissing, says: "clientSecret", calls: 0,
		},
		"wrong credentials": {
			reason: "the vendor says 401",
			prepare: func(_ *testing.T, w *harness.World) func() {
				providing(w, asIs, func(s *corev1.Secret) { s.StringData["clientSecret"] = "wrong" }, asIs)
				return func() {
					harness.Change(w, w.SecretIn(w.System, harness.CredentialsName), func(s *corev1.Secret) { s.StringData = w.Credentials("").StringData })
				}
			},
			token: v1alpha1.ReasonCredentialsRejected, issuer: v1alpha1.ReasonCredentialsRejected, says: "credentialsSecretRef", calls: 30,
		},
		"credentials that may not": {
			reason: "the vendor says 403",
			prepare: func(t *testing.T, w *harness.World) func() {
				account := causely.DemoAccount()
				account.Admin = false
				if err := w.Vendor.Causely().AddAccount(account); err != nil {
					t.Fatal(err)
				}
				providing(w, asIs, asIs, asIs)
				return func() {
					if err := w.Vendor.Causely().AddAccount(causely.DemoAccount()); err != nil {
						t.Fatal(err)
					}
				}
			},
			token: v1alpha1.ReasonPermissionDenied, issuer: v1alpha1.ReasonPermissionDenied, says: "Admin", calls: 40,
		},
		"no grant": {
			reason: "the namespace is not named",
			prepare: func(_ *testing.T, w *harness.World) func() {
				issuer := providing(w, func(i *v1alpha1.ClusterTokenIssuer) { i.Spec.Grants[0].Namespaces.Names = []string{"others"} }, asIs, asIs)
				return func() {
					harness.Change(w, issuer, func(i *v1alpha1.ClusterTokenIssuer) { i.Spec.Grants = w.ClusterIssuer().Spec.Grants })
				}
			},
			token: v1alpha1.ReasonNotGranted, says: "spec.grants", calls: 20,
		},
		"no grant by label": {
			reason: "a label of the namespace decides, and is watched",
			prepare: func(_ *testing.T, w *harness.World) func() {
				providing(w, func(i *v1alpha1.ClusterTokenIssuer) {
					i.Spec.Grants[0].Namespaces = v1alpha1.NamespaceGrant{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"gateway": w.Name}}}
				}, asIs, asIs)
				return func() {
					namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.Tenant}}
					harness.Change(w, namespace, func(n *corev1.Namespace) { n.Labels["gateway"] = w.Name })
				}
			},
			token: v1alpha1.ReasonNotGranted, says: "spec.grants", calls: 20,
		},
		"plain http": {
			reason:  "credentials would travel in clear",
			prepare: url(func(c *v1alpha1.CauselyIssuer) { c.URL = strings.Replace(c.URL, "https:", "http:", 1) }),
			token:   v1alpha1.ReasonInsecureURL, issuer: v1alpha1.ReasonInsecureURL, says: "https", calls: 0,
		},
		"plain http for the login": {
			reason:  "credentials would travel in clear",
			prepare: url(func(c *v1alpha1.CauselyIssuer) { c.AuthURL = strings.Replace(c.AuthURL, "https:", "http:", 1) }),
			token:   v1alpha1.ReasonInsecureURL, issuer: v1alpha1.ReasonInsecureURL, says: "https", calls: 0,
		},
		"a URL with a password": {
			reason:  "it would be shown with the URL",
			prepare: url(func(c *v1alpha1.CauselyIssuer) { c.URL = strings.Replace(c.URL, "https://", "https://user:secret@", 1) }),
			token:   v1alpha1.ReasonInvalidURL, issuer: v1alpha1.ReasonInvalidURL, says: "https://host", calls: 0,
		},
		"nobody at the address": {
			reason: "the connection is refused",
			prepare: func(t *testing.T, w *harness.World) func() {
				closed, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				_ = closed.Close()
				return url(func(c *v1alpha1.CauselyIssuer) {
					c.URL, c.AuthURL = "https://"+closed.Addr().String(), "https://"+closed.Addr().String()
				})(t, w)
			},
			token: v1alpha1.ReasonVendorUnreachable, issuer: v1alpha1.ReasonVendorUnreachable, says: "DNS", calls: 0,
		},
		"an address that is not allowed": {
			reason: "the cloud's metadata are nobody's vendor",
			prepare: url(func(c *v1alpha1.CauselyIssuer) {
				c.URL, c.AuthURL = "https://169.254.169.254", "https://169.254.169.254/login"
			}),
			token: v1alpha1.ReasonAddressRefused, issuer: v1alpha1.ReasonAddressRefused, says: "--allow-cidrs", calls: 0,
		},
		"wrong CA": {
			reason: "somebody else's certificate authority",
			prepare: func(t *testing.T, w *harness.World) func() {
				other, err := simulator.NewServer()
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(other.Close)
				providing(w, asIs, asIs, func(c *corev1.ConfigMap) { c.Data["ca.crt"] = string(other.CAPEM()) })
				return func() {
					harness.Change(w, w.CA(w.System), func(c *corev1.ConfigMap) { c.Data = w.CA("").Data })
				}
			},
			token: v1alpha1.ReasonCertificateNotTrusted, issuer: v1alpha1.ReasonCertificateNotTrusted, says: "caBundle", calls: 0,
		},
		"no CA": {
			reason: "the ConfigMap may come later",
			prepare: func(_ *testing.T, w *harness.World) func() {
				w.Create(w.Credentials(w.System), w.ClusterIssuer())
				return func() { w.Create(w.CA(w.System)) }
			},
			token: v1alpha1.ReasonCABundleNotFound, issuer: v1alpha1.ReasonCABundleNotFound, says: harness.CAName, calls: 0,
		},
		"a CA that is too large": {
			reason: "it is read at every look at the issuer",
			prepare: func(_ *testing.T, w *harness.World) func() {
				providing(w, asIs, asIs, func(c *corev1.ConfigMap) {
					c.Data["ca.crt"] = strings.Repeat(string(w.Vendor.CAPEM()), 1+(512<<10)/len(w.Vendor.CAPEM()))
				})
				return func() {
					harness.Change(w, w.CA(w.System), func(c *corev1.ConfigMap) { c.Data = w.CA("").Data })
				}
			},
			token: v1alpha1.ReasonCABundleInvalid, issuer: v1alpha1.ReasonCABundleInvalid, says: "at most 524288 bytes", calls: 0,
		},
		"a CA that is none": {
			reason: "no certificate is in it",
			prepare: func(_ *testing.T, w *harness.World) func() {
				providing(w, asIs, asIs, func(c *corev1.ConfigMap) { c.Data["ca.crt"] = "no certificate" })
				return func() {
					harness.Change(w, w.CA(w.System), func(c *corev1.ConfigMap) { c.Data = w.CA("").Data })
				}
			},
			token: v1alpha1.ReasonCABundleInvalid, issuer: v1alpha1.ReasonCABundleInvalid, says: "PEM", calls: 0,
		},
		"login down": {
			reason: "5xx", prepare: faulty(causely.RouteLogin, stage.Status),
			token: v1alpha1.ReasonVendorUnavailable, issuer: v1alpha1.ReasonVendorUnavailable, says: "by itself", calls: 30,
		},
		"list down": {
			reason: "5xx", prepare: faulty(causely.RouteList, stage.Status),
			token: v1alpha1.ReasonVendorUnavailable, issuer: v1alpha1.ReasonVendorUnavailable, says: "by itself", calls: 30,
		},
		"list limited": {
			reason: "429", prepare: faulty(causely.RouteList, stage.Status, status(429)),
			token: v1alpha1.ReasonRateLimited, issuer: v1alpha1.ReasonRateLimited, says: "requestsPerSecond", calls: 30,
		},
		"list refused": {
			reason: "403", prepare: faulty(causely.RouteList, stage.Status, status(403)),
			token: v1alpha1.ReasonPermissionDenied, issuer: v1alpha1.ReasonPermissionDenied, says: "role", calls: 30,
		},
		"list not found": {
			reason: "the URL is not the API's", prepare: faulty(causely.RouteList, stage.Status, status(404)),
			token: v1alpha1.ReasonUnexpectedAnswer, issuer: v1alpha1.ReasonUnexpectedAnswer, says: "URL", calls: 30,
		},
		"HTML in place of a list": {
			reason: "a captive proxy", prepare: faulty(causely.RouteList, stage.HTML),
			token: v1alpha1.ReasonUnexpectedAnswer, issuer: v1alpha1.ReasonUnexpectedAnswer, says: "proxy", calls: 30,
		},
		"HTML in place of a login": {
			reason: "a captive proxy", prepare: faulty(causely.RouteLogin, stage.HTML),
			token: v1alpha1.ReasonUnexpectedAnswer, issuer: v1alpha1.ReasonUnexpectedAnswer, says: "proxy", calls: 30,
		},
		"a malformed list": {
			reason: "the last bracket is missing", prepare: faulty(causely.RouteList, stage.MalformedJSON),
			token: v1alpha1.ReasonUnexpectedAnswer, issuer: v1alpha1.ReasonUnexpectedAnswer, says: "URL", calls: 30,
		},
		"a list that redirects": {
			reason: "a redirect is not followed", prepare: faulty(causely.RouteList, stage.Redirect),
			token: v1alpha1.ReasonUnexpectedAnswer, issuer: v1alpha1.ReasonUnexpectedAnswer, says: "redirected", calls: 30,
		},
		"a list that is cut": {
			reason: "half a list is none", prepare: faulty(causely.RouteList, stage.TruncatedBody),
			token: v1alpha1.ReasonVendorUnreachable, issuer: v1alpha1.ReasonVendorUnreachable, says: "by itself", calls: 30,
		},
		"a row of 100 MB": {
			reason: "what is too large is not read", prepare: faulty(causely.RouteList, stage.HugeRow, func(f *simulator.Fault) { f.Times = 2 }),
			token: v1alpha1.ReasonAnswerTooLarge, issuer: v1alpha1.ReasonAnswerTooLarge, says: "size", calls: 30,
		},
		"an invalid template": {
			reason:  "a function that is not on the list",
			prepare: func(_ *testing.T, w *harness.World) func() { providing(w, asIs, asIs, asIs); return nil },
			token:   v1alpha1.ReasonInvalidTemplate, says: "urlquery", calls: 20,
		},
	}
}

// Whatever is put in: a reason of its own, a message that says what to do, no token, no storm, and health when it is put right.
func TestBadInput(t *testing.T) {
	for name, tc := range badInput() {
		t.Run(name, func(t *testing.T) {
			// What the vendor says is nothing to the API server, one of its answers stands for all.
			w := newWorldOf(t, tc.calls < 30 || name == "list down")
			heal := tc.prepare(t, w)
			object := w.Token("mediator")
			if tc.token == v1alpha1.ReasonInvalidTemplate {
				object.Spec.Secret = &v1alpha1.SecretTemplate{Data: map[string]v1alpha1.DataTemplate{"token": "{{ .Token }}", "x": "{{ env .Token }}"}}
				heal = func() {
					harness.Change(w, object, func(o *v1alpha1.GatewayToken) { delete(o.Spec.Secret.Data, "x") })
				}
			}
			w.Create(object)
			w.Settle()
			w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, tc.token)
			if message := w.Condition(object, v1alpha1.ConditionReady).Message; !strings.Contains(message, tc.says) {
				t.Errorf("message %q does not mention %q", message, tc.says)
			}
			wantStalled(w, object, tc.token)
			if tc.issuer != "" {
				w.Want(w.ClusterIssuer(), v1alpha1.ConditionReady, metav1.ConditionFalse, tc.issuer)
				wantStalled(w, w.ClusterIssuer(), tc.issuer)
			}
			w.Advance(time.Minute)
			rest, writes := w.Versions(), len(w.Writes())
			w.Advance(time.Hour)
			w.WantCreates(0)
			if w.Secret("mediator") != nil {
				t.Error("a Secret was written")
			}
			calls := 0
			for _, route := range []string{causely.RouteLogin, causely.RouteList, causely.RouteCreate, causely.RouteRevoke} {
				calls += w.Calls(route)
			}
			if calls > tc.calls {
				t.Errorf("%d calls to the vendor within an hour, want at most %d", calls, tc.calls)
			}
			if tc.calls == 0 && len(w.Writes()) > writes+20 {
				t.Errorf("%d writes within an hour in which nothing changed:\n%s", len(w.Writes())-writes, cmp.Diff(rest, w.Versions()))
			}
			if heal == nil {
				return
			}
			heal()
			w.Advance(10 * time.Minute)
			w.WantReady(object)
			w.WantNo(object, v1alpha1.ConditionStalled)
			w.WantNo(w.ClusterIssuer(), v1alpha1.ConditionStalled)
			w.WantCreates(1)
			w.CheckRest()
		})
	}
}

// wantStalled checks that an object that was never Ready is Stalled if a person must act for that reason, else on its way.
func wantStalled(w *harness.World, object client.Object, reason string) {
	if status.NeedsPerson(reason, false) {
		w.Want(object, v1alpha1.ConditionStalled, metav1.ConditionTrue, reason)
		w.WantNo(object, v1alpha1.ConditionReconciling)
		return
	}
	w.WantNo(object, v1alpha1.ConditionStalled)
}

// An outage that begins later lowers nothing: the Secret holds an active token.
func TestOutage(t *testing.T) {
	w := newWorld(t)
	issuer, object := w.Publish()
	w.Fault(causely.RouteList, stage.Status, harness.Always)
	w.Advance(time.Hour)
	w.WantReady(object)
	w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionFalse, v1alpha1.ReasonVendorUnavailable)
	w.WantNo(object, v1alpha1.ConditionReconciling)
	w.WantNo(object, v1alpha1.ConditionStalled)
	w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonCredentialsAccepted)
	w.Want(issuer, v1alpha1.ConditionVendorReachable, metav1.ConditionFalse, v1alpha1.ReasonVendorUnavailable)
	failures := issuer.Status.Failure.Count
	lists := w.Calls(causely.RouteList)
	w.Restart()
	w.Settle()
	if got := w.Calls(causely.RouteList) - lists; got != 0 {
		t.Errorf("%d lists right after a restart, want the back-off to go on", got)
	}
	w.Refresh(issuer)
	if issuer.Status.Failure == nil || issuer.Status.Failure.Count < failures {
		t.Errorf("failure: %+v, want the count to go on from %d", issuer.Status.Failure, failures)
	}
	w.WantReady(object)
	w.Heal()
	w.Advance(10 * time.Minute)
	w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionTrue, v1alpha1.ReasonVendorAnswered)
	w.Want(issuer, v1alpha1.ConditionVendorReachable, metav1.ConditionTrue, v1alpha1.ReasonVendorAnswered)
	w.WantCreates(1)
	w.CheckRest()
}

// The credentials vanish while the vendor is down: they are looked for now and then, and the vendor is not asked.
func TestCredentialsVanishDuringOutage(t *testing.T) {
	w := newWorld(t)
	w.Fault(causely.RouteLogin, stage.CutBeforeCommit, harness.Always)
	_, object := w.Ask()
	w.Advance(time.Second)
	w.Remove(w.SecretIn(w.System, harness.CredentialsName))
	w.Advance(30 * time.Minute)
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonCredentialsNotFound)
	if got := w.Calls(causely.RouteLogin); got > 3 {
		t.Errorf("%d logins without credentials", got)
	}
	w.Heal()
	w.Create(w.Credentials(w.System))
	w.Advance(time.Minute)
	w.WantReady(object)
	w.WantCreates(1)
}

// New credentials of the same account are used as soon as they are seen, and the kept copy follows.
func TestCredentialsRotated(t *testing.T) {
	w := newWorld(t)
	issuer, object := w.Publish()
	next := causely.Account{ClientID: "second-client", Secret: "second-secret-0123456789", ProjectID: causely.DemoProjectID, Admin: true}
	if err := w.Vendor.Causely().AddAccount(next); err != nil {
		t.Fatal(err)
	}
	harness.Change(w, w.SecretIn(w.System, harness.CredentialsName), func(s *corev1.Secret) {
		s.StringData = map[string]string{"clientId": next.ClientID, "clientSecret": next.Secret}
	})
	w.Advance(10 * time.Minute)
	w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonCredentialsAccepted)
	kept := w.SecretIn(w.System, v1alpha1.LastGoodSecretPrefix+"clustertokenissuer-"+issuer.Name)
	if kept == nil || string(kept.Data["clientID"]) != next.ClientID {
		t.Error("the kept copy is not of the new credentials")
	}
	if err := w.Vendor.Causely().DisableAccount(causely.DemoClientID); err != nil {
		t.Fatal(err)
	}
	w.Remove(object)
	w.Advance(2 * time.Minute)
	if !w.Gone(object) {
		t.Error("it is not gone")
	}
	w.WantActive(0)
	w.CheckRest()
}

// The user's credentials are refused or gone: what exists is listed and revoked with the last that were accepted, and
// nothing new is issued.
func TestLastGoodCredentials(t *testing.T) {
	tests := map[string]struct {
		reason string
		damage func(*harness.World)
		ready  string
	}{
		"Secret deleted": {
			reason: "as at the end of a namespace",
			damage: func(w *harness.World) { w.Remove(w.SecretIn(w.System, harness.CredentialsName)) },
			ready:  v1alpha1.ReasonCredentialsNotFound,
		},
		"Secret overwritten": {
			reason: "somebody rotated to something wrong",
			damage: func(w *harness.World) {
				harness.Change(w, w.SecretIn(w.System, harness.CredentialsName), func(s *corev1.Secret) { s.Data["clientSecret"] = []byte("wrong") })
			},
			ready: v1alpha1.ReasonCredentialsRejected,
		},
		"key removed": {
			reason: "somebody renamed it",
			damage: func(w *harness.World) {
				harness.Change(w, w.SecretIn(w.System, harness.CredentialsName), func(s *corev1.Secret) { delete(s.Data, "clientSecret") })
			},
			ready: v1alpha1.ReasonCredentialsKeyMissing,
		},
		"CA bundle deleted": {
			reason: "the kept copy has that, too",
			damage: func(w *harness.World) { w.Remove(w.CA(w.System)) },
			ready:  v1alpha1.ReasonCABundleNotFound,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			issuer, object := w.Publish()
			tc.damage(w)
			for range 2 {
				w.Advance(12 * time.Minute)
				w.WantReady(object)
				w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionTrue, v1alpha1.ReasonVendorAnswered)
				w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionFalse, tc.ready)
				w.Want(issuer, v1alpha1.ConditionVendorReachable, metav1.ConditionTrue, v1alpha1.ReasonUsingLastGoodCredentials)
				w.Restart()
			}
			other := w.Token("other")
			w.Create(other)
			w.Advance(6 * time.Minute)
			w.Want(other, v1alpha1.ConditionReady, metav1.ConditionFalse, tc.ready)
			w.WantCreates(1)
			w.Remove(object, other)
			w.Advance(6 * time.Minute)
			if !w.Gone(object) || !w.Gone(other) {
				t.Error("they are not gone")
			}
			w.WantActive(0)
			w.CheckRest()
		})
	}
}

// The last-good copy is the operator's, and goes with the last token that needs it.
func TestKeptCredentials(t *testing.T) {
	w := newWorld(t)
	issuer, object := w.Publish()
	name := v1alpha1.LastGoodSecretPrefix + "clustertokenissuer-" + issuer.Name
	kept := w.SecretIn(w.System, name)
	if kept == nil || kept.Labels[v1alpha1.LabelRole] != v1alpha1.RoleLastGood || !cmp.Equal(kept.Finalizers, []string{v1alpha1.FinalizerLastGood}) {
		t.Fatalf("kept: %+v", kept.ObjectMeta)
	}
	for _, of := range []client.Object{w.SecretIn(w.System, harness.CredentialsName), w.CA(w.System)} {
		w.Refresh(of)
		if len(of.GetFinalizers()) != 0 {
			t.Errorf("%s has finalizers of ours: %v", of.GetName(), of.GetFinalizers())
		}
	}
	w.Remove(object)
	w.Advance(2 * time.Minute)
	if w.SecretIn(w.System, name) != nil {
		t.Error("the copy is still there after the last token")
	}
	w.Refresh(issuer)
	if len(issuer.Finalizers) != 0 {
		t.Errorf("the issuer has finalizers %v though nothing needs it", issuer.Finalizers)
	}
	w.Want(issuer, v1alpha1.ConditionInUse, metav1.ConditionFalse, v1alpha1.ReasonNotInUse)
	again := w.Token("again")
	w.Create(again)
	w.Advance(time.Minute)
	w.WantReady(again)
	if w.SecretIn(w.System, name) == nil {
		t.Error("no copy was kept again")
	}
	w.CheckRest()
}

// Without the copy no token is issued: it could not be revoked once the user's Secret is gone.
func TestNoMintWithoutKeptCredentials(t *testing.T) {
	w := newWorld(t)
	denied := &metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonForbidden, Code: 403, Message: "no"}
	w.Interfere(harness.Interference{Before: func(effect harness.Effect) error {
		if effect.Is(harness.Apply, "Secret") {
			return &statusError{denied}
		}
		return nil
	}})
	issuer, object := w.Ask()
	w.Advance(10 * time.Minute)
	w.WantCreates(0)
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWriteFailed)
	w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWriteFailed)
	w.Interfere(harness.Interference{})
	w.Advance(10 * time.Minute)
	w.WantReady(object)
	w.WantCreates(1)
}

type statusError struct{ status *metav1.Status }

func (e *statusError) Error() string         { return e.status.Message }
func (e *statusError) Status() metav1.Status { return *e.status }

// An issuer that is deleted stays as long as tokens need it, says for how many, and then goes.
func TestIssuerInUse(t *testing.T) {
	w := newWorld(t)
	issuer, object := w.Publish()
	w.Remove(issuer)
	w.Advance(10 * time.Minute)
	if w.Gone(issuer) {
		t.Fatal("the issuer is gone while a token needs it")
	}
	w.Want(issuer, v1alpha1.ConditionInUse, metav1.ConditionTrue, v1alpha1.ReasonTokensRemain)
	if message := w.Condition(issuer, v1alpha1.ConditionInUse).Message; !strings.Contains(message, "1 token in 1 namespace") {
		t.Errorf("message %q", message)
	}
	w.WantReady(object)
	late := w.Token("late")
	w.Create(late)
	w.Advance(time.Minute)
	w.Want(late, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonIssuerTerminating)
	w.WantCreates(1)
	w.Remove(object)
	w.Advance(2 * time.Minute)
	if !w.Gone(object) || !w.Gone(issuer) {
		t.Error("they are not gone")
	}
	w.WantActive(0)
	w.Want(late, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonIssuerNotFound)
	w.CheckRest()
}

// While it goes away, an issuer still repairs and replaces what it issued.
func TestTerminatingIssuerServes(t *testing.T) {
	w := newWorld(t)
	issuer, object := w.Publish()
	w.Remove(issuer)
	w.Settle()
	w.Remove(w.Secret("mediator"))
	w.Advance(time.Minute)
	w.WantReady(object)
	w.WantCreates(1)
	w.RevokeByHand(object.Status.Current.ID)
	w.Advance(6 * time.Minute)
	w.WantReady(object)
	w.WantCreates(2)
	w.CheckRest()
}

// A person may let an issuer go that can no longer revoke anything: by its very UID.
func TestIssuerSkipsRevocation(t *testing.T) {
	w := newWorld(t)
	issuer, object := w.Publish()
	harness.Change(w, issuer, func(i *v1alpha1.ClusterTokenIssuer) {
		i.Annotations = map[string]string{v1alpha1.AnnotationSkipRevocation: "another"}
	})
	w.Remove(issuer)
	w.Advance(10 * time.Minute)
	if w.Gone(issuer) {
		t.Fatal("gone by the UID of something else")
	}
	harness.Change(w, issuer, func(i *v1alpha1.ClusterTokenIssuer) {
		i.Annotations[v1alpha1.AnnotationSkipRevocation] = string(i.UID)
	})
	w.Advance(time.Minute)
	if !w.Gone(issuer) {
		t.Error("it is not gone")
	}
	w.WantReady(object)
	w.WantActive(1)
}

// Credentials that lead to another account: nothing is created or revoked, no Secret is touched, and it heals.
func TestAccountChanged(t *testing.T) {
	w := newWorld(t)
	issuer, object := w.Publish()
	waiting := w.Token("waiting", harness.Suspended)
	w.Create(waiting)
	w.Settle()
	vendor := w.Vendor.Causely()
	if err := vendor.SwitchProject(causely.DemoClientID, "another-project"); err != nil {
		t.Fatal(err)
	}
	// There is something in the other account, too, so that the list tells which it is.
	if _, err := vendor.Create(causely.DemoClientID, "by hand"); err != nil {
		t.Fatal(err)
	}
	before := w.Secret("mediator").ResourceVersion
	w.Advance(6 * time.Minute)
	w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonAccountChanged)
	w.WantReady(object)
	w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionFalse, v1alpha1.ReasonAccountChanged)
	harness.Change(w, waiting, func(o *v1alpha1.GatewayToken) { o.Spec.Suspend = false })
	doomed := object
	w.Remove(doomed)
	w.Advance(30 * time.Minute)
	w.Restart()
	w.Advance(30 * time.Minute)
	w.Want(waiting, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonAccountChanged)
	if w.Gone(doomed) {
		t.Error("released, though its token could not be revoked")
	}
	w.WantActive(2)
	w.WantCreates(1)
	if after := w.Secret("mediator"); after == nil || after.ResourceVersion != before {
		t.Error("the Secret was touched")
	}
	if err := vendor.SwitchProject(causely.DemoClientID, causely.DemoProjectID); err != nil {
		t.Fatal(err)
	}
	w.Advance(15 * time.Minute)
	if !w.Gone(doomed) {
		t.Error("not released after the account was right again")
	}
	w.WantReady(waiting)
	w.WantCreates(2)
	w.CheckRest()
}

// An empty list cannot be the account's, where revoked tokens stay in it: nothing is minted, revoked, released or kept.
func TestAccountChangedToEmptyOne(t *testing.T) {
	tests := map[string]struct {
		reason string
		change func(*testing.T, *harness.World)
	}{
		"same credentials": {
			reason: "the vendor moved them to another project",
			change: func(t *testing.T, w *harness.World) {
				if err := w.Vendor.Causely().SwitchProject(causely.DemoClientID, "another-project"); err != nil {
					t.Fatal(err)
				}
			},
		},
		"other credentials": {
			reason: "somebody put those of another project into the Secret",
			change: func(t *testing.T, w *harness.World) {
				other := causely.Account{ClientID: "other", Secret: "other-secret-0123456789", ProjectID: "another-project", Admin: true}
				if err := w.Vendor.Causely().AddAccount(other); err != nil {
					t.Fatal(err)
				}
				harness.Change(w, w.SecretIn(w.System, harness.CredentialsName), func(s *corev1.Secret) {
					s.StringData = map[string]string{"clientId": other.ClientID, "clientSecret": other.Secret}
				})
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			issuer, object := w.Publish()
			tc.change(t, w)
			w.Advance(time.Hour)
			w.WantReady(object)
			w.WantCreates(1)
			w.Want(object, v1alpha1.ConditionVendorReachable, metav1.ConditionFalse, v1alpha1.ReasonAccountChanged)
			w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonAccountChanged)
			kept := w.SecretIn(w.System, v1alpha1.LastGoodSecretPrefix+"clustertokenissuer-"+issuer.Name)
			if kept == nil || string(kept.Data["clientID"]) != causely.DemoClientID {
				t.Error("the kept credentials are not those of the account any more")
			}
			w.Remove(object)
			w.Advance(10 * time.Minute)
			if w.Gone(object) && len(w.Active()) > 0 {
				t.Error("released, though its token could not be revoked")
			}
			w.CheckRest()
		})
	}
}

// other gives the vendor a second account, with a token in it so that lists tell which it is.
func other(t *testing.T, w *harness.World) causely.Account {
	t.Helper()
	account := causely.Account{ClientID: "other", Secret: "other-secret-0123456789", ProjectID: "another-project", Admin: true}
	if err := w.Vendor.Causely().AddAccount(account); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Vendor.Causely().Create(account.ClientID, "by hand"); err != nil {
		t.Fatal(err)
	}
	return account
}

// use puts the credentials of an account into the Secret that the issuer names.
func use(w *harness.World, account causely.Account) {
	harness.Change(w, w.SecretIn(w.System, harness.CredentialsName), func(s *corev1.Secret) {
		s.StringData = map[string]string{"clientId": account.ClientID, "clientSecret": account.Secret}
	})
}

// copyOf gives the copy of the credentials that an issuer keeps.
func copyOf(w *harness.World, issuer *v1alpha1.ClusterTokenIssuer) *corev1.Secret {
	return w.SecretIn(w.System, v1alpha1.LastGoodSecretPrefix+"clustertokenissuer-"+issuer.Name)
}

// The user's credentials are switched to another account while the very first token is being made, before any list showed whose
// account it is. Nothing may be lost in the first account, and nothing be made in the second.
func TestAccountChangedUnderFirstToken(t *testing.T) {
	mint := func(e harness.Effect) bool { return e.Is(harness.Mint, harness.VendorToken) }
	tests := map[string]struct {
		reason string
		// disturb arranges for the switch.
		disturb func(w *harness.World, to causely.Account)
		// creates is how many tokens it may cost: one more where the first had to be revoked at once.
		creates int
	}{
		"after the create": {
			reason: "the answer of the create told the account",
			disturb: func(w *harness.World, to causely.Account) {
				after, _ := once(mint, func() { use(w, to) })
				w.Interfere(harness.Interference{After: after})
			},
			creates: 1,
		},
		"after the create, and the process dies": {
			reason: "the copy of the credentials tells the next process, which has nothing else to know it by",
			disturb: func(w *harness.World, to causely.Account) {
				after, _ := once(mint, func() { use(w, to); harness.Kill() })
				w.Interfere(harness.Interference{After: after})
			},
			creates: 1,
		},
		"before the create": {
			reason: "the issuer looked at the other account while the create was under way",
			disturb: func(w *harness.World, to causely.Account) {
				before, _ := once(mint, func() {
					use(w, to)
					w.Meanwhile(v1alpha1.KindClusterTokenIssuer, w.ClusterIssuer())
				})
				w.Interfere(harness.Interference{Before: before})
			},
			creates: 1,
		},
		"the create is committed late, and the process dies": {
			reason: "one empty list of the copy tells nothing while a create may be under way",
			disturb: func(w *harness.World, to causely.Account) {
				w.Fault(causely.RouteCreate, stage.LateCommit, func(f *simulator.Fault) { f.Delay = 5 * time.Second })
				before, _ := once(func(e harness.Effect) bool {
					return e.Is(harness.Status, v1alpha1.KindGatewayToken) && w.Calls(causely.RouteCreate) > 0
				},
					func() { use(w, to); harness.Kill() })
				w.Interfere(harness.Interference{Before: before})
			},
			creates: 1,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tc.disturb(w, other(t, w))
			issuer, object := w.Ask()
			w.Settle()
			w.Interfere(harness.Interference{})
			if w.Dead() {
				w.Restart()
			}
			w.Advance(10 * time.Minute)
			w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonAccountChanged)
			if kept := copyOf(w, issuer); string(kept.Data["clientID"]) != causely.DemoClientID {
				t.Error("the copy is not of the account that the token is in")
			}
			use(w, causely.DemoAccount())
			w.Advance(10 * time.Minute)
			w.WantReady(object)
			if made := len(w.Tokens()) - 1; made != tc.creates {
				t.Errorf("%d tokens were made, want %d: %s", made, tc.creates, tc.reason)
			}
			w.Remove(object)
			w.Advance(10 * time.Minute)
			if !w.Gone(object) {
				t.Error("it is not gone")
			}
			w.WantActive(1)
		})
	}
}

// A token is issued between the list of the copy and what the issuer makes of it.
func TestPinnedWhileCredentialsChange(t *testing.T) {
	w := newWorld(t)
	to := other(t, w)
	issuer, object := w.Ask(harness.Suspended)
	w.Settle()
	use(w, to)
	before, happened := once(func(e harness.Effect) bool { return e.Is(harness.Apply, "Secret") }, func() {
		harness.Change(w, object, func(o *v1alpha1.GatewayToken) { o.Spec.Suspend = false })
		for range 4 {
			w.Meanwhile(v1alpha1.KindGatewayToken, object)
		}
	})
	w.Interfere(harness.Interference{Before: before})
	w.Advance(10 * time.Minute)
	wantHappened(t, happened)
	w.Refresh(issuer)
	w.Refresh(object)
	for _, row := range w.Active() {
		if object.Status.Current != nil && row.ID == object.Status.Current.ID && row.Account != issuer.Status.Account {
			t.Errorf("the token is in %s, and the issuer pinned to %s", row.Account, issuer.Status.Account)
		}
	}
}

// In an outage the back-off grows, whichever credentials are tried.
func TestOutageWhileCredentialsAreNew(t *testing.T) {
	w := newWorld(t)
	_, _ = w.Ask(harness.Suspended)
	w.Settle()
	w.Fault(causely.RouteList, stage.Status, harness.Always)
	use(w, other(t, w))
	w.Advance(6 * time.Minute)
	before := w.Calls(causely.RouteList)
	w.Advance(time.Hour)
	if lists := w.Calls(causely.RouteList) - before; lists > 15 {
		t.Errorf("%d lists within an hour of outage", lists)
	}
}

// Whom to trust is the user's to say: with the copy's credentials, too.
func TestTrustOfKeptCredentials(t *testing.T) {
	elsewhere, err := simulator.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(elsewhere.Close)
	t.Run("the user trusts the vendor no more", func(t *testing.T) {
		w := newWorld(t)
		issuer, _ := w.Publish()
		w.Remove(w.SecretIn(w.System, harness.CredentialsName))
		harness.Change(w, w.CA(w.System), func(c *corev1.ConfigMap) { c.Data["ca.crt"] = string(elsewhere.CAPEM()) })
		w.Advance(10 * time.Minute)
		w.Want(issuer, v1alpha1.ConditionVendorReachable, metav1.ConditionFalse, v1alpha1.ReasonCredentialsNotFound)
	})
	t.Run("the copy trusts an authority of yesterday", func(t *testing.T) {
		w := newWorld(t)
		issuer, object := w.Publish()
		w.Remove(w.SecretIn(w.System, harness.CredentialsName))
		harness.Change(w, copyOf(w, issuer), func(s *corev1.Secret) { s.Data["caBundle"] = elsewhere.CAPEM() })
		w.Restart()
		w.Advance(10 * time.Minute)
		w.Remove(object)
		w.Advance(10 * time.Minute)
		if !w.Gone(object) {
			t.Errorf("not gone: %s", w.Condition(object, v1alpha1.ConditionRevocationPending).Message)
		}
		w.WantActive(0)
	})
}

// A copy that somebody has spoiled is written anew, and keeps nobody from anything.
func TestSpoiledCopy(t *testing.T) {
	tests := map[string]struct {
		reason string
		spoil  func(*corev1.Secret)
		writes int
	}{
		"a key removed": {reason: "it is of no use without", spoil: func(s *corev1.Secret) { delete(s.Data, "clientSecret") }, writes: 1},
		"a key added":   {reason: "what is foreign in it is not ours to judge", spoil: func(s *corev1.Secret) { s.Data["extra"] = []byte("x") }, writes: 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			issuer, object := w.Ask(harness.Suspended)
			w.Settle()
			w.Forget()
			harness.Change(w, copyOf(w, issuer), tc.spoil)
			w.Advance(time.Hour)
			if writes := w.Did(harness.Apply, "Secret"); writes != tc.writes {
				t.Errorf("the copy was written %d times, want %d: %s", writes, tc.writes, tc.reason)
			}
			harness.Change(w, object, func(o *v1alpha1.GatewayToken) { o.Spec.Suspend = false })
			w.Advance(10 * time.Minute)
			w.WantReady(object)
		})
	}
}

// No token is issued without a copy of the credentials, however old the cache is.
func TestNoMintWithoutCopy(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Vendor.Causely().Create(causely.DemoClientID, "somebody else's"); err != nil {
		t.Fatal(err)
	}
	issuer, first := w.Publish()
	w.Advance(time.Minute)
	w.FreezeCache("Secret")
	w.Remove(first)
	w.Advance(2 * time.Minute)
	if copyOf(w, issuer) != nil {
		t.Fatal("the copy is not gone with the last token")
	}
	before, happened := once(func(e harness.Effect) bool { return e.Is(harness.Mint, harness.VendorToken) }, func() {
		if copyOf(w, issuer) == nil {
			t.Error("a token is issued without a copy of the credentials")
		}
	})
	w.Interfere(harness.Interference{Before: before})
	second := w.Token("second")
	w.Create(second)
	w.Advance(2 * time.Minute)
	wantHappened(t, happened)
	w.WantReady(second)
}

// What a vendor asks of some credentials does not hold back others.
func TestPaceOfCredentialsBefore(t *testing.T) {
	w := newWorld(t)
	issuer, _ := w.Publish()
	next := causely.Account{ClientID: "second-client", Secret: "second-secret-0123456789", ProjectID: causely.DemoProjectID, Admin: true}
	if err := w.Vendor.Causely().AddAccount(next); err != nil {
		t.Fatal(err)
	}
	w.Fault(causely.RouteCreate, stage.Status, func(f *simulator.Fault) { f.Status, f.RetryAfter = 429, "3600" })
	w.Create(w.Token("second"))
	w.Advance(10 * time.Minute)
	use(w, next)
	w.Advance(6 * time.Minute)
	if got := string(copyOf(w, issuer).Data["clientID"]); got != next.ClientID {
		t.Errorf("the copy is of %s: the new credentials were not tried", got)
	}
}

// Where both sets of credentials are refused, nobody is woken for that again and again.
func TestBothCredentialsRefused(t *testing.T) {
	w := newWorld(t)
	_, _ = w.Publish()
	harness.Change(w, w.SecretIn(w.System, harness.CredentialsName), func(s *corev1.Secret) { s.Data["clientSecret"] = []byte("wrong") })
	w.Advance(22 * time.Minute)
	if err := w.Vendor.Causely().DisableAccount(causely.DemoClientID); err != nil {
		t.Fatal(err)
	}
	w.Advance(30 * time.Minute)
	planned, logins := strings.Count(w.Story(), "planned"), w.Calls(causely.RouteLogin)
	w.Advance(time.Hour)
	if again := strings.Count(w.Story(), "planned") - planned; again > 0 {
		t.Errorf("the GatewayToken was looked at %d times in an hour in which nothing changed", again)
	}
	if more := w.Calls(causely.RouteLogin) - logins; more > 30 {
		t.Errorf("%d logins in an hour", more)
	}
}

// The same credentials are not tried twice because the copy has another CA bundle.
func TestSameCredentialsOnce(t *testing.T) {
	w := newWorld(t)
	_, _ = w.Publish()
	harness.Change(w, w.CA(w.System), func(c *corev1.ConfigMap) { c.Data["ca.crt"] += "\n" })
	if err := w.Vendor.Causely().DisableAccount(causely.DemoClientID); err != nil {
		t.Fatal(err)
	}
	logins := w.Calls(causely.RouteLogin)
	w.Advance(5 * time.Second)
	if more := w.Calls(causely.RouteLogin) - logins; more != 1 {
		t.Errorf("%d logins, want 1", more)
	}
}

// The kept credentials go on serving after a restart.
func TestRestartOnKeptCredentials(t *testing.T) {
	w := newWorld(t)
	issuer, object := w.Publish()
	harness.Change(w, w.SecretIn(w.System, harness.CredentialsName), func(s *corev1.Secret) { s.Data["clientSecret"] = []byte("wrong") })
	w.Advance(30*time.Minute + 30*time.Second)
	w.Restart()
	w.Settle()
	w.Want(issuer, v1alpha1.ConditionVendorReachable, metav1.ConditionTrue, v1alpha1.ReasonUsingLastGoodCredentials)
	w.Remove(object)
	w.Advance(2 * time.Minute)
	if !w.Gone(object) {
		t.Error("it is not gone: the revocation waits though the kept credentials could be used")
	}
}

// Grants are nothing to ask the vendor about.
func TestGrantsEdited(t *testing.T) {
	w := newWorld(t)
	issuer, _ := w.Publish()
	w.Advance(time.Minute)
	lists := w.Calls(causely.RouteList)
	for range 5 {
		harness.Change(w, issuer, func(i *v1alpha1.ClusterTokenIssuer) {
			i.Spec.Grants = append(i.Spec.Grants, v1alpha1.Grant{Namespaces: v1alpha1.NamespaceGrant{Names: []string{"x"}}})
		})
		w.Settle()
	}
	if more := w.Calls(causely.RouteList) - lists; more > 0 {
		t.Errorf("%d lists for five edits of the grants", more)
	}
	w.Fault(causely.RouteList, stage.Status, harness.Always)
	w.Advance(30 * time.Minute)
	harness.Change(w, issuer, func(i *v1alpha1.ClusterTokenIssuer) { i.Spec.Grants = i.Spec.Grants[:1] })
	w.Settle()
	w.Want(issuer, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonCredentialsAccepted)
}

// The issuer was made anew, without a status and for another account: a token that is known and not listed is not let go.
func TestIssuerRecreatedForAnotherAccount(t *testing.T) {
	w := newWorld(t)
	issuer, object := w.Publish()
	other := causely.Account{ClientID: "other", Secret: "other-secret-0123456789", ProjectID: "another-project", Admin: true}
	if err := w.Vendor.Causely().AddAccount(other); err != nil {
		t.Fatal(err)
	}
	deleteByForce(t, w, issuer)
	harness.Change(w, w.SecretIn(w.System, harness.CredentialsName), func(s *corev1.Secret) {
		s.StringData = map[string]string{"clientId": other.ClientID, "clientSecret": other.Secret}
	})
	w.Create(w.ClusterIssuer())
	w.Advance(6 * time.Minute)
	w.WantReady(object)
	w.WantCreates(1)
	w.Remove(object)
	w.Advance(10 * time.Minute)
	if w.Gone(object) {
		t.Error("released, though its token is active in another account")
	}
	w.WantActive(1)
}

// An issuer that was deleted by force leaves a copy of its credentials as long as a token may need it, and no longer.
func TestKeptCredentialsOfVanishedIssuer(t *testing.T) {
	for name, restart := range map[string]bool{"same process": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			issuer, object := w.Publish()
			deleteByForce(t, w, issuer)
			w.Advance(10 * time.Minute)
			copied := v1alpha1.LastGoodSecretPrefix + "clustertokenissuer-" + issuer.Name
			if w.SecretIn(w.System, copied) == nil {
				t.Error("the copy is gone while a token may need it")
			}
			w.WantReady(object)
			w.Remove(object)
			w.Advance(time.Minute)
			if w.Gone(object) {
				t.Fatal("released without a revocation")
			}
			if restart {
				w.Restart()
			}
			harness.Change(w, object, func(o *v1alpha1.GatewayToken) {
				o.Annotations = map[string]string{v1alpha1.AnnotationSkipRevocation: string(o.UID)}
			})
			w.Advance(time.Minute)
			if !w.Gone(object) {
				t.Error("it is not gone")
			}
			if kept := w.SecretIn(w.System, copied); kept != nil {
				t.Errorf("the copy is left behind with finalizers %v", kept.Finalizers)
			}
		})
	}
}

// It may come back: then its tokens are revoked as if nothing had happened.
func TestVanishedIssuerComesBack(t *testing.T) {
	w := newWorld(t)
	issuer, object := w.Publish()
	deleteByForce(t, w, issuer)
	w.Remove(object)
	w.Advance(10 * time.Minute)
	if w.Gone(object) {
		t.Fatal("released without a revocation")
	}
	w.Want(object, v1alpha1.ConditionRevocationPending, metav1.ConditionTrue, v1alpha1.ReasonIssuerNotFound)
	w.Create(w.ClusterIssuer())
	w.Advance(time.Minute)
	if !w.Gone(object) {
		t.Error("it is not gone")
	}
	w.WantActive(0)
	w.CheckRest()
}

// A namespace that lost its grant keeps its Secret and the revocation of its token, and gets nothing new.
func TestGrantLost(t *testing.T) {
	w := newWorld(t)
	issuer, object := w.Publish()
	grants := issuer.Spec.Grants
	harness.Change(w, issuer, func(i *v1alpha1.ClusterTokenIssuer) { i.Spec.Grants = nil })
	w.Advance(10 * time.Minute)
	w.WantReady(object)
	late := w.Token("late")
	w.Create(late)
	w.Advance(10 * time.Minute)
	w.Want(late, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNotGranted)
	w.RevokeByHand(object.Status.Current.ID)
	w.Advance(10 * time.Minute)
	w.Want(object, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNotGranted)
	w.WantCreates(1)
	harness.Change(w, issuer, func(i *v1alpha1.ClusterTokenIssuer) { i.Spec.Grants = grants })
	w.Advance(time.Minute)
	w.WantReady(object)
	w.WantReady(late)
	w.WantCreates(3)
	harness.Change(w, issuer, func(i *v1alpha1.ClusterTokenIssuer) { i.Spec.Grants = nil })
	w.Remove(object, late)
	w.Advance(2 * time.Minute)
	if !w.Gone(object) || !w.Gone(late) {
		t.Error("they are not gone")
	}
	w.WantActive(0)
	w.CheckRest()
}

// Two issuers of one account share nothing but the account: no token is counted as an orphan of the other.
func TestTwoIssuersOfOneAccount(t *testing.T) {
	w := newWorld(t)
	issuer, object := w.Publish()
	w.Provide(w.Tenant)
	other, mine := w.NamespacedIssuer(), w.Token("mine", harness.FromNamespacedIssuer)
	w.Create(other, mine)
	w.Advance(10 * time.Minute)
	w.WantReady(object)
	w.WantReady(mine)
	for _, of := range []v1alpha1.Issuer{issuer, other} {
		w.Refresh(of)
		if got, want := *of.IssuerStatus().Inventory, (v1alpha1.Inventory{Active: 2, Owned: 2}); got != want {
			t.Errorf("%s: %+v, want %+v", of.Ref(), got, want)
		}
	}
	w.CheckRest()
}

// A tenant who imitates the operator's Secrets gains nothing by it.
func TestForgedKeptCredentials(t *testing.T) {
	w := newWorld(t)
	w.Provide(w.Tenant)
	issuer, object := w.NamespacedIssuer(), w.Token("mediator", harness.FromNamespacedIssuer)
	w.Create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Tenant, Name: v1alpha1.LastGoodSecretPrefix + "tokenissuer-causely"},
		StringData: map[string]string{"clientID": "forged", "clientSecret": "forged", "caBundle": "forged", "extra": "forged"},
	})
	w.Create(issuer, object)
	w.Advance(time.Minute)
	w.WantReady(object)
	w.Remove(object)
	w.Advance(2 * time.Minute)
	if !w.Gone(object) {
		t.Error("it is not gone")
	}
	w.WantActive(0)
}
