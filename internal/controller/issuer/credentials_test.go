package issuer

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// Every URL that credentials go to is judged, the first of them is what templates see, and every vendor's credentials are read.
func TestWhatAnIssuerNames(t *testing.T) {
	tests := map[string]struct {
		spec   v1alpha1.TokenIssuerSpec
		urls   []string
		secret string
		keys   map[string]string
	}{
		"Causely": {
			spec: v1alpha1.TokenIssuerSpec{Causely: &v1alpha1.CauselyIssuer{
				URL: "https://a", AuthURL: "https://b", CredentialsSecretRef: v1alpha1.ClientCredentialsReference{Name: "api"},
			}},
			urls: []string{"https://a", "https://b"}, secret: "api", keys: map[string]string{ClientID: "clientId", ClientSecret: "clientSecret"},
		},
		"Causeloop": {
			spec: v1alpha1.TokenIssuerSpec{Causeloop: &v1alpha1.CauseloopIssuer{TokenSecretRef: v1alpha1.SecretKeyReference{Name: "api"}}},
			urls: []string{"https://api.causeloop.ai"}, secret: "api", keys: map[string]string{Token: "token"},
		},
		"Rack Gateway": {
			spec: v1alpha1.TokenIssuerSpec{RackGateway: &v1alpha1.RackGatewayIssuer{
				URL: "https://a", TokenSecretRef: v1alpha1.SecretKeyReference{Name: "api", Key: "key"},
			}},
			urls: []string{"https://a"}, secret: "api", keys: map[string]string{Token: "key"},
		},
		"PingOne": {
			spec: v1alpha1.TokenIssuerSpec{PingOne: &v1alpha1.PingOneIssuer{
				Region: v1alpha1.PingOneEU, EnvironmentID: "AB",
				CredentialsSecretRef: v1alpha1.ClientCredentialsReference{Name: "api", ClientIDKey: "id", ClientSecretKey: "secret"},
			}},
			urls: []string{"https://api.pingone.eu/v1", "https://auth.pingone.eu/ab/as/token"}, secret: "api",
			keys: map[string]string{ClientID: "id", ClientSecret: "secret"},
		},
		"nobody": {},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.urls, urls(&tc.spec)); diff != "" {
				t.Errorf("URLs (-want +got):\n%s", diff)
			}
			secret, keys := credentialKeys(&tc.spec)
			if diff := cmp.Diff(tc.keys, keys); diff != "" || secret != tc.secret {
				t.Errorf("Secret %s, keys (-want +got):\n%s", secret, diff)
			}
		})
	}
}
