package controller_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/app"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/issuer"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/canary"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// guarded makes clients as the operator does where no flag allows any address.
func guarded(wire harness.Wire) issuer.Connect {
	return app.Connect(app.Options{RequestTimeout: wire.Timeout, HostPerSecond: 50}, wire.Now, wire.Sleep)
}

// TestIssuerLeadsInside holds that the URL of a TokenIssuer reaches nothing that its author could not reach himself: whatever spelling
// of an address inside it has, no connection is made.
func TestIssuerLeadsInside(t *testing.T) {
	t.Parallel()
	w := harness.New(t, plane, guarded)
	server := newLiar(t)
	listening, err := url.Parse(server.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	port := listening.Port()
	tests := map[string]struct{ host, why string }{
		"loopback":             {"127.0.0.1", "what listens on the node"},
		"loopback-elsewhere":   {"127.255.255.254", "all of 127.0.0.0/8 is"},
		"loopback-six":         {"[::1]", "the same"},
		"loopback-by-name":     {"localhost", "a name is judged by what it leads to"},
		"mapped":               {"[::ffff:127.0.0.1]", "IPv4 as IPv6"},
		"mapped-hex":           {"[::ffff:7f00:1]", "in another spelling"},
		"compatible":           {"[::127.0.0.1]", "an older way"},
		"translated":           {"[64:ff9b::127.0.0.1]", "NAT64 leads there"},
		"translated-metadata":  {"[64:ff9b::a9fe:a9fe]", "NAT64 leads there"},
		"translated-private":   {"[64:ff9b::10.0.0.1]", "NAT64 leads there"},
		"translated-stateless": {"[::ffff:0:127.0.0.1]", "SIIT leads there"},
		"six-to-four":          {"[2002:7f00:1::]", "a tunnel leads there"},
		"unspecified":          {"0.0.0.0", "it is the own host"},
		"unspecified-six":      {"[::]", "it is the own host"},
		"link-local":           {"169.254.1.1", "neighbours of the node"},
		"link-local-six":       {"[fe80::1]", "neighbours of the node"},
		"metadata":             {"169.254.169.254", "the cloud's credentials of the node"},
		"metadata-aws-six":     {"[fd00:ec2::254]", "the same"},
		"metadata-alibaba":     {"100.100.100.200", "the same"},
		"metadata-azure":       {"168.63.129.16", "the same"},
		"private-ten":          {"10.96.0.1", "Services of the cluster, the API server first"},
		"private-172":          {"172.20.0.1", "the same"},
		"private-192":          {"192.168.1.1", "the same"},
		"carrier-nat":          {"100.64.0.1", "pods of some clusters"},
		"unique-local":         {"[fd12:3456::1]", "the same by IPv6"},
		"multicast":            {"224.0.0.251", "no host at all"},
		"broadcast":            {"255.255.255.255", "no host at all"},
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		tc := tests[name]
		made, credentials, ca := server.issuer(w.Tenant, name)
		made.Spec.Causely.URL, made.Spec.Causely.AuthURL = "https://"+tc.host+":"+port, "https://"+tc.host+":"+port+"/login"
		w.Create(made, credentials, ca)
	}
	w.Advance(time.Minute)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			object := &v1alpha1.TokenIssuer{ObjectMeta: metav1.ObjectMeta{Namespace: w.Tenant, Name: name}}
			condition := w.Condition(object, v1alpha1.ConditionReady)
			if condition.Status != metav1.ConditionFalse || condition.Reason != v1alpha1.ReasonAddressRefused {
				t.Errorf("%s: %s %s (%s), want that the address is refused: %s", tc.host, condition.Status, condition.Reason, condition.Message, tc.why)
			}
		})
	}
	if calls := server.calls(); calls > 0 {
		t.Errorf("the server heard %d calls", calls)
	}
}

// TestRedirectsLeadNowhere holds that a server cannot send the operator, and with it credentials, to another host or path.
func TestRedirectsLeadNowhere(t *testing.T) {
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		for _, route := range []string{"POST /login", "GET /api/tokens", "POST /api/tokens"} {
			t.Run(fmt.Sprintf("%d at %s", status, strings.ReplaceAll(route, "/", " ")), func(t *testing.T) {
				w := newWorldOf(t, status == http.StatusFound)
				server, other := newLiar(t), newLiar(t)
				server.lies(route, status, "text/html", "gone elsewhere", "Location", other.server.URL+"/login")
				asksLiar(w, server)
				w.Advance(5 * time.Minute)
				if server.calls() == 0 {
					t.Error("the server heard nothing")
				}
				if calls := other.calls(); calls > 0 {
					t.Errorf("the other server heard %d calls: %s", calls, other.text())
				}
			})
		}
	}
}

// asksLiar asks a server for a token by a TokenIssuer of the tenant's.
func asksLiar(w *harness.World, server *liar) (*v1alpha1.TokenIssuer, *v1alpha1.GatewayToken) {
	made, credentials, ca := server.issuer(w.Tenant, "own")
	object := w.Token("mediator", func(o *v1alpha1.GatewayToken) { o.Spec.IssuerRef = v1alpha1.IssuerReference{Name: "own"} })
	w.Create(made, credentials, ca, object)
	return made, object
}

// reflected is in everything that the server says. Nobody but the server has any use for it.
const reflected = "REFLECTED-8c1d7a54e0b94f33-REFLECTED"

// TestNothingIsReflected holds that what a server says beside IDs and names of tokens is in nothing that the operator puts out:
// what somebody reads in a condition, or in a log on a terminal, are the operator's own words.
func TestNothingIsReflected(t *testing.T) {
	const page, object = "text/html; charset=utf-8", "application/json"
	ansi, html := "\x1b[2J\x1b]0;"+reflected+"\x07", "<script>"+reflected+"</script>"
	quoted := strings.NewReplacer("\x1b", `\u001b`, "\x07", `\u0007`).Replace(ansi)
	lies := map[string]struct {
		status            int
		contentType, text string
	}{
		"a page":               {http.StatusOK, page, html},
		"an error page":        {http.StatusInternalServerError, page, html},
		"a refusal":            {http.StatusBadRequest, object, `{"error":"` + reflected + `","message":"` + quoted + `"}`},
		"no right":             {http.StatusForbidden, object, `{"error":"` + reflected + `"}`},
		"no login":             {http.StatusUnauthorized, object, `{"errors":["` + reflected + `"]}`},
		"too many":             {http.StatusTooManyRequests, object, `{"error":"` + reflected + `"}`},
		"terminal commands":    {http.StatusOK, object, ansi},
		"a field of commands":  {http.StatusOK, object, `{"access_token":"` + quoted + `","id":"` + quoted + `","name":"` + quoted + `"}`},
		"a row of commands":    {http.StatusOK, object, `[{"id":"` + quoted + `","name":"` + quoted + `","projectId":"` + quoted + `"}]`},
		"a row of another's":   {http.StatusOK, object, `[{"id":"11111111-2222-4333-8444-555555555555","name":"` + reflected + `","projectId":"p","state":"active"}]`},
		"a wrong type":         {http.StatusOK, object, `[{"id":{"` + reflected + `":1}}]`},
		"a wrong number":       {http.StatusOK, object, `{"access_token":"a","expires_in":"` + reflected + `"}`},
		"a long text":          {http.StatusOK, object, `{"` + strings.Repeat(reflected, 20_000) + `":1}`},
		"a wrong content type": {http.StatusOK, reflected, `{}`},
		"no answer in a made":  {http.StatusCreated, object, `{"id":"` + reflected + ` ","name":"` + reflected + `"}`},
		"an own status":        {499, object, `{"error":"` + reflected + `"}`},
	}
	for name, lie := range lies {
		for _, route := range []string{"POST /login", "GET /api/tokens", "POST /api/tokens"} {
			t.Run(name+" at "+strings.ReplaceAll(route, "/", " "), func(t *testing.T) {
				w := newWorldOf(t, name == "a refusal")
				server := newLiar(t)
				server.lies(route, lie.status, lie.contentType, lie.text, "Retry-After", reflected, "Server", reflected, "WWW-Authenticate", reflected)
				made, object := asksLiar(w, server)
				w.Advance(10 * time.Minute)
				w.Remove(object)
				w.Advance(10 * time.Minute)
				if server.calls() < 2 && route != "POST /login" {
					t.Error("the server was not asked")
				}
				wantPrintable(t, w.Condition(made, v1alpha1.ConditionReady).Message)
				search := canary.Of(reflected, strings.Repeat("<script>", 3))
				for channel, text := range w.Channels() {
					for _, hit := range search.Text(channel, []byte(text)) {
						t.Errorf("%s repeats what the server said, in the form %s", hit.File, hit.Encoding)
					}
					if strings.ContainsAny(text, "\x1b\x07") {
						t.Errorf("%s has terminal commands in it", channel)
					}
				}
				for channel, text := range w.Channels() {
					if hits := canary.Of("credential-of-the-tenant-0123456789", "bearer-of-the-liar-0123456789").Text(channel, []byte(text)); len(hits) > 0 {
						t.Errorf("%s has credentials in it", channel)
					}
				}
			})
		}
	}
}
