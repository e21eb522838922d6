package v1alpha1_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// resolved is what the accessors of a GatewayToken return.
type resolved struct {
	Issuer             string
	TokenBaseName      string
	SecretName         string
	SecretType         string
	Labels             map[string]string
	Annotations        map[string]string
	Data               map[string]string
	Adopt              v1alpha1.AdoptPolicy
	Overlap            time.Duration
	DeletionPolicy     v1alpha1.DeletionPolicy
	OnRemoteRevocation v1alpha1.OnRemoteRevocation
	Effective          *v1alpha1.EffectiveSettings
}

func TestGatewayTokenDefaults(t *testing.T) {
	const floor = 2 * time.Minute
	cases := map[string]struct {
		reason string
		spec   v1alpha1.GatewayTokenSpec
		want   resolved
	}{
		"nothing but an issuer": {
			reason: "everything left out has a value, and status shows it",
			spec:   v1alpha1.GatewayTokenSpec{IssuerRef: v1alpha1.IssuerReference{Name: "causely"}},
			want: resolved{
				Issuer:             "TokenIssuer/causely",
				TokenBaseName:      "shop-mediator",
				SecretName:         "mediator",
				SecretType:         "Opaque",
				Labels:             map[string]string{},
				Annotations:        map[string]string{},
				Data:               map[string]string{"token": "{{ .Token }}"},
				Adopt:              v1alpha1.AdoptNever,
				Overlap:            24 * time.Hour,
				DeletionPolicy:     v1alpha1.DeletionRevoke,
				OnRemoteRevocation: v1alpha1.RemoteRevocationReissue,
				Effective: &v1alpha1.EffectiveSettings{
					TokenName: "shop-mediator", Overlap: &metav1.Duration{Duration: 24 * time.Hour}, SecretType: "Opaque",
					Adopt: v1alpha1.AdoptNever, DeletionPolicy: v1alpha1.DeletionRevoke,
					OnRemoteRevocation: v1alpha1.RemoteRevocationReissue,
				},
			},
		},
		"everything": {
			reason: "what the spec says is taken, and status does not repeat it",
			spec: v1alpha1.GatewayTokenSpec{
				IssuerRef: v1alpha1.IssuerReference{Kind: v1alpha1.KindClusterTokenIssuer, Name: "causely"},
				TokenName: "my token",
				Secret: &v1alpha1.SecretTemplate{
					Name: "causely-token", Type: "example.com/token",
					Labels:      map[string]v1alpha1.LabelValue{"a": "b"},
					Annotations: map[string]v1alpha1.AnnotationValue{"c": "d"},
					Data:        map[string]v1alpha1.DataTemplate{"TOKEN": "{{.Token}}"},
					Adopt:       v1alpha1.AdoptIfUnowned,
				},
				Rotation:           &v1alpha1.Rotation{Overlap: &metav1.Duration{Duration: time.Hour}},
				DeletionPolicy:     v1alpha1.DeletionRetain,
				OnRemoteRevocation: v1alpha1.RemoteRevocationReport,
			},
			want: resolved{
				Issuer: "ClusterTokenIssuer/causely", TokenBaseName: "my token",
				SecretName: "causely-token", SecretType: "example.com/token",
				Labels: map[string]string{"a": "b"}, Annotations: map[string]string{"c": "d"},
				Data: map[string]string{"TOKEN": "{{.Token}}"}, Adopt: v1alpha1.AdoptIfUnowned,
				Overlap: time.Hour, DeletionPolicy: v1alpha1.DeletionRetain,
				OnRemoteRevocation: v1alpha1.RemoteRevocationReport,
			},
		},
		"empty blocks and an overlap below the floor": {
			reason: "an empty block is as good as none; a raised overlap is shown although the spec names one",
			spec: v1alpha1.GatewayTokenSpec{
				IssuerRef:          v1alpha1.IssuerReference{Kind: v1alpha1.KindTokenIssuer, Name: "causely"},
				TokenName:          "x",
				Secret:             &v1alpha1.SecretTemplate{Type: "Opaque", Adopt: v1alpha1.AdoptNever},
				Rotation:           &v1alpha1.Rotation{Overlap: &metav1.Duration{Duration: time.Second}},
				DeletionPolicy:     v1alpha1.DeletionRevoke,
				OnRemoteRevocation: v1alpha1.RemoteRevocationReissue,
			},
			want: resolved{
				Issuer: "TokenIssuer/causely", TokenBaseName: "x", SecretName: "mediator", SecretType: "Opaque",
				Labels: map[string]string{}, Annotations: map[string]string{},
				Data: map[string]string{"token": "{{ .Token }}"}, Adopt: v1alpha1.AdoptNever,
				Overlap: time.Second, DeletionPolicy: v1alpha1.DeletionRevoke,
				OnRemoteRevocation: v1alpha1.RemoteRevocationReissue,
				Effective:          &v1alpha1.EffectiveSettings{Overlap: &metav1.Duration{Duration: floor}},
			},
		},
		"negative overlap": {
			reason: "the API server refuses it, and what is left of it is nothing",
			spec: v1alpha1.GatewayTokenSpec{
				IssuerRef: v1alpha1.IssuerReference{Name: "causely"}, TokenName: "x",
				Secret:             &v1alpha1.SecretTemplate{Type: "Opaque", Adopt: v1alpha1.AdoptNever},
				Rotation:           &v1alpha1.Rotation{Overlap: &metav1.Duration{Duration: -time.Hour}},
				DeletionPolicy:     v1alpha1.DeletionRevoke,
				OnRemoteRevocation: v1alpha1.RemoteRevocationReissue,
			},
			want: resolved{
				Issuer: "TokenIssuer/causely", TokenBaseName: "x", SecretName: "mediator", SecretType: "Opaque",
				Labels: map[string]string{}, Annotations: map[string]string{},
				Data: map[string]string{"token": "{{ .Token }}"}, Adopt: v1alpha1.AdoptNever,
				DeletionPolicy: v1alpha1.DeletionRevoke, OnRemoteRevocation: v1alpha1.RemoteRevocationReissue,
				Effective: &v1alpha1.EffectiveSettings{Overlap: &metav1.Duration{Duration: floor}},
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			token := &v1alpha1.GatewayToken{
				ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "mediator"}, Spec: tc.spec,
			}
			got := resolved{
				Issuer: token.IssuerRef().String(), TokenBaseName: token.TokenBaseName(),
				SecretName: token.SecretName(), SecretType: token.SecretType(),
				Labels: token.SecretLabels(), Annotations: token.SecretAnnotations(), Data: token.SecretData(),
				Adopt: token.AdoptPolicy(), Overlap: token.Overlap(), DeletionPolicy: token.DeletionPolicy(),
				OnRemoteRevocation: token.OnRemoteRevocation(), Effective: token.EffectiveSettings(floor),
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestSecretMapsAreCopies(t *testing.T) {
	token := &v1alpha1.GatewayToken{Spec: v1alpha1.GatewayTokenSpec{Secret: &v1alpha1.SecretTemplate{
		Labels: map[string]v1alpha1.LabelValue{"a": "b"},
	}}}
	token.SecretLabels()["a"] = "changed"
	if got := token.SecretLabels()["a"]; got != "b" {
		t.Errorf("a label of the spec was changed to %q through a copy; objects of a cache must not change", got)
	}
}

func TestIssuerDefaults(t *testing.T) {
	type values struct {
		Vendor                        v1alpha1.Vendor
		Rate                          int32
		Interval                      time.Duration
		API, Login, ID, Secret, CAKey string
	}
	rate := int32(7)
	cases := map[string]struct {
		reason string
		spec   v1alpha1.TokenIssuerSpec
		want   values
	}{
		"minimal": {
			reason: "Causely's own addresses and the documented keys",
			spec:   v1alpha1.TokenIssuerSpec{Causely: &v1alpha1.CauselyIssuer{}, CABundle: &v1alpha1.CABundle{}},
			want: values{
				v1alpha1.VendorCausely, 5, 5 * time.Minute,
				"https://api.causely.app", "https://auth.causely.app/frontegg/identity/resources/auth/v2/api-token",
				"clientId", "clientSecret", "ca.crt",
			},
		},
		"everything": {
			reason: "what the spec says is taken",
			spec: v1alpha1.TokenIssuerSpec{
				Causely: &v1alpha1.CauselyIssuer{
					URL: "https://a", AuthURL: "https://b",
					CredentialsSecretRef: v1alpha1.ClientCredentialsReference{ClientIDKey: "id", ClientSecretKey: "secret"},
				},
				CABundle:          &v1alpha1.CABundle{ConfigMapRef: v1alpha1.ConfigMapKeyReference{Key: "bundle.pem"}},
				RequestsPerSecond: &rate, InventoryInterval: &metav1.Duration{Duration: time.Minute},
			},
			want: values{v1alpha1.VendorCausely, 7, time.Minute, "https://a", "https://b", "id", "secret", "bundle.pem"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			credentials := tc.spec.Causely.CredentialsSecretRef.Resolved()
			got := values{
				tc.spec.Vendor(), tc.spec.RequestRate(), tc.spec.ListInterval(),
				tc.spec.Causely.APIURL(), tc.spec.Causely.LoginURL(),
				credentials.ClientIDKey, credentials.ClientSecretKey, tc.spec.CABundle.ConfigMapRef.Resolved().Key,
			}
			if got != tc.want {
				t.Errorf("%s:\ngot  %+v\nwant %+v", tc.reason, got, tc.want)
			}
		})
	}
}

func TestNoVendor(t *testing.T) {
	if got := (&v1alpha1.TokenIssuerSpec{}).Vendor(); got != v1alpha1.VendorNone {
		t.Errorf("an empty issuer is of vendor %q", got)
	}
}
