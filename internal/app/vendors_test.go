package app

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/issuer"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// Who may be called is decided by the operator's flags and by the kind of the issuer.
func TestConnect(t *testing.T) {
	causely := func(url string) *v1alpha1.TokenIssuerSpec {
		return &v1alpha1.TokenIssuerSpec{Causely: &v1alpha1.CauselyIssuer{URL: url, AuthURL: url + "/login"}}
	}
	credentials := map[string]token.Value{issuer.ClientID: token.NewValue("id"), issuer.ClientSecret: token.NewValue("secret")}
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	const refused, allowed = token.CauseAddressRefused, token.CauseConnect
	tests := map[string]struct {
		reason     string
		options    Options
		connection issuer.Connection
		// fails: no client can be made; else what a call ends with, at an address where nobody listens.
		fails bool
		want  token.Cause
	}{
		"loopback":              {"refused unless it is named", Options{}, issuer.Connection{Spec: causely("https://127.0.0.1:1"), Credentials: credentials}, false, refused},
		"loopback, named":       {"the demo does so", Options{AllowCIDRs: loopback}, issuer.Connection{Spec: causely("https://127.0.0.1:1"), Credentials: credentials}, false, allowed},
		"metadata":              {"never", Options{AllowCIDRs: loopback}, issuer.Connection{Spec: causely("https://169.254.169.254"), Credentials: credentials}, false, refused},
		"private, for a tenant": {"what tenants write reaches nothing inside", Options{}, issuer.Connection{Spec: causely("https://10.255.255.1"), Credentials: credentials, Namespaced: true}, false, refused},
		"plain http":            {"credentials would travel in clear", Options{AllowCIDRs: loopback}, issuer.Connection{Spec: causely("http://127.0.0.1:1"), Credentials: credentials}, true, 0},
		"plain http, allowed":   {"a flag says so", Options{AllowCIDRs: loopback, AllowHTTP: true}, issuer.Connection{Spec: causely("http://127.0.0.1:1"), Credentials: credentials}, false, allowed},
		"no vendor":             {"the API server refuses it, too", Options{}, issuer.Connection{Spec: &v1alpha1.TokenIssuerSpec{}, Credentials: credentials}, true, 0},
		"no credentials":        {"nothing could be asked", Options{}, issuer.Connection{Spec: causely("https://api.example.com")}, true, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			tc.options.RequestTimeout = 10 * time.Second
			clock := clocktesting.NewFakePassiveClock(time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC))
			client, err := Connect(tc.options, clock.Now, nil)(tc.connection)
			if (err != nil) != tc.fails {
				t.Fatalf("error %v, want one %t: %s", err, tc.fails, tc.reason)
			}
			if tc.fails {
				if client != nil {
					t.Error("a client and an error")
				}
				return
			}
			if client.Capabilities().MaxNameLength == 0 {
				t.Error("a client without capabilities")
			}
			err = client.Revoke(t.Context(), "id")
			if f := token.AsFailure(err); f == nil || f.Cause != tc.want {
				t.Errorf("error %v (%+v), want cause %d: %s", err, f, tc.want, tc.reason)
			}
		})
	}
}

// Authorities of a file are trusted where an issuer names none, beside the public ones. An issuer that names some trusts those alone.
func TestAuthorities(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "ca.crt")
	pemOf := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, pemOf, 0o600); err != nil {
		t.Fatal(err)
	}
	const flags = "--cluster-resource-namespace=system --allow-cidrs=127.0.0.0/8"
	tests := map[string]struct {
		reason string
		flags  string
		own    *x509.CertPool
		trusts bool
	}{
		"none":                    {"a server that nobody vouches for is not trusted", flags, nil, false},
		"of a file":               {"the file vouches for it", flags + " --ca-file=" + file, nil, true},
		"an issuer that has some": {"whoever names authorities names all", flags + " --ca-file=" + file, x509.NewCertPool(), false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			options, err := parse(t, strings.Fields(tc.flags)...)
			if err != nil {
				t.Fatal(err)
			}
			spec := &v1alpha1.TokenIssuerSpec{RackGateway: &v1alpha1.RackGatewayIssuer{URL: server.URL}}
			clock := clocktesting.NewFakePassiveClock(time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC))
			client, err := Connect(options, clock.Now, nil)(issuer.Connection{
				Spec: spec, Credentials: map[string]token.Value{issuer.Token: token.NewValue("rgw_token")}, RootCAs: tc.own,
			})
			if err != nil {
				t.Fatal(err)
			}
			err = client.Revoke(t.Context(), "5f0c1c3e-8a52-4d0a-9a52-0d5f4a1f6c11")
			if f := token.AsFailure(err); f == nil || (f.Cause != token.CauseCertificate) != tc.trusts {
				t.Errorf("error %v (%+v), want trust %t: %s", err, f, tc.trusts, tc.reason)
			}
		})
	}
	options, err := parse(t, strings.Fields(flags+" --ca-file="+file)...)
	public, sysErr := x509.SystemCertPool()
	if err != nil || sysErr != nil {
		t.Fatal(err, sysErr)
	}
	if public.AddCert(server.Certificate()); !options.Authorities.Equal(public) {
		t.Error("the public authorities are not beside that of the file")
	}
}
