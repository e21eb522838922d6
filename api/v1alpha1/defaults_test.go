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
					Strategy:  v1alpha1.StrategyOverlap,
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
				Rotation:           &v1alpha1.Rotation{Strategy: v1alpha1.StrategyOverlap, Overlap: &metav1.Duration{Duration: time.Hour}},
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
				Rotation:           &v1alpha1.Rotation{Strategy: v1alpha1.StrategyOverlap, Overlap: &metav1.Duration{Duration: time.Second}},
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
				Rotation:           &v1alpha1.Rotation{Strategy: v1alpha1.StrategyOverlap, Overlap: &metav1.Duration{Duration: -time.Hour}},
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

func TestVendor(t *testing.T) {
	for want, spec := range map[v1alpha1.Vendor]v1alpha1.TokenIssuerSpec{
		v1alpha1.VendorNone:        {},
		v1alpha1.VendorCausely:     {Causely: &v1alpha1.CauselyIssuer{}},
		v1alpha1.VendorCauseloop:   {Causeloop: &v1alpha1.CauseloopIssuer{}},
		v1alpha1.VendorRackGateway: {RackGateway: &v1alpha1.RackGatewayIssuer{}},
		v1alpha1.VendorPingOne:     {PingOne: &v1alpha1.PingOneIssuer{}},
	} {
		if got := spec.Vendor(); got != want {
			t.Errorf("the issuer of %q is of %q", want, got)
		}
		if want.Title() == string(want) {
			t.Errorf("people know %q by another name", want)
		}
	}
	all := v1alpha1.GatewayTokenSpec{
		Causeloop: &v1alpha1.CauseloopToken{}, RackGateway: &v1alpha1.RackGatewayToken{}, PingOne: &v1alpha1.PingOneToken{},
	}
	if diff := cmp.Diff([]v1alpha1.Vendor{v1alpha1.VendorCauseloop, v1alpha1.VendorRackGateway, v1alpha1.VendorPingOne}, all.Vendors()); diff != "" {
		t.Errorf("blocks of a GatewayToken (-want +got):\n%s", diff)
	}
	if got := (&v1alpha1.GatewayTokenSpec{}).Vendors(); got != nil {
		t.Errorf("nothing is asked of %v", got)
	}
}

// Whoever moves one of these moves credentials to another server.
func TestAddresses(t *testing.T) {
	type addresses struct{ API, Login string }
	region := func(region v1alpha1.PingOneRegion) addresses {
		issuer := v1alpha1.PingOneIssuer{Region: region, EnvironmentID: "AB"}
		return addresses{issuer.APIURL(), issuer.LoginURL()}
	}
	own := v1alpha1.PingOneIssuer{URL: "https://a/v1", AuthURL: "https://b"}
	for name, tc := range map[string]struct{ got, want addresses }{
		"Causeloop":         {addresses{API: (&v1alpha1.CauseloopIssuer{}).APIURL()}, addresses{API: "https://api.causeloop.ai"}},
		"Causeloop, own":    {addresses{API: (&v1alpha1.CauseloopIssuer{URL: "https://a"}).APIURL()}, addresses{API: "https://a"}},
		"PingOne NA":        {region(v1alpha1.PingOneNA), addresses{"https://api.pingone.com/v1", "https://auth.pingone.com/ab/as/token"}},
		"PingOne EU":        {region(v1alpha1.PingOneEU), addresses{"https://api.pingone.eu/v1", "https://auth.pingone.eu/ab/as/token"}},
		"PingOne AP":        {region(v1alpha1.PingOneAP), addresses{"https://api.pingone.asia/v1", "https://auth.pingone.asia/ab/as/token"}},
		"PingOne AU":        {region(v1alpha1.PingOneAU), addresses{"https://api.pingone.com.au/v1", "https://auth.pingone.com.au/ab/as/token"}},
		"PingOne CA":        {region(v1alpha1.PingOneCA), addresses{"https://api.pingone.ca/v1", "https://auth.pingone.ca/ab/as/token"}},
		"PingOne SG":        {region(v1alpha1.PingOneSG), addresses{"https://api.pingone.sg/v1", "https://auth.pingone.sg/ab/as/token"}},
		"PingOne, nowhere":  {region(""), addresses{"https://api.pingone.invalid/v1", "https://auth.pingone.invalid/ab/as/token"}},
		"PingOne, own URLs": {addresses{own.APIURL(), own.LoginURL()}, addresses{"https://a/v1", "https://b"}},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: got %+v, want %+v", name, tc.got, tc.want)
		}
	}
}

func TestVendorDefaults(t *testing.T) {
	issuer := &v1alpha1.PingOneIssuer{EnvironmentID: "AB"}
	for name, tc := range map[string]struct{ got, want string }{
		"key of a token":         {v1alpha1.SecretKeyReference{Name: "api"}.Resolved().Key, "token"},
		"key as it is said":      {v1alpha1.SecretKeyReference{Name: "api", Key: "API"}.Resolved().Key, "API"},
		"authentication":         {string(issuer.AuthMethod()), "client_secret_basic"},
		"authentication as said": {string((&v1alpha1.PingOneIssuer{TokenEndpointAuthMethod: v1alpha1.ClientSecretPost}).AuthMethod()), "client_secret_post"},
		"environment":            {(&v1alpha1.PingOneToken{GatewayID: "CD"}).Environment(issuer), "ab"},
		"environment as said":    {(&v1alpha1.PingOneToken{EnvironmentID: "EF"}).Environment(issuer), "ef"},
		"gateway":                {(&v1alpha1.PingOneToken{GatewayID: "CD"}).Gateway(), "cd"},
		"no kind":                {string((&v1alpha1.CauseloopToken{}).Kind()), ""},
		"no account":             {string((&v1alpha1.CauseloopToken{ServiceAccount: &v1alpha1.CauseloopServiceAccount{}}).Kind()), ""},
		"no life":                {(*v1alpha1.CauseloopToken)(nil).Life().String(), "0s"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: got %q, want %q", name, tc.got, tc.want)
		}
	}
}

func TestRenewBefore(t *testing.T) {
	const life = 720 * time.Hour
	cases := map[string]struct {
		reason   string
		rotation *v1alpha1.Rotation
		life     time.Duration
		want     time.Duration
	}{
		"left out":            {"a third of the life", nil, life, 240 * time.Hour},
		"an empty block":      {"a third of the life", &v1alpha1.Rotation{}, life, 240 * time.Hour},
		"said":                {"what the spec says", &v1alpha1.Rotation{RenewBefore: &metav1.Duration{Duration: time.Hour}}, life, time.Hour},
		"as long as the life": {"it would be replaced at once, and its successor too", &v1alpha1.Rotation{RenewBefore: &metav1.Duration{Duration: life}}, life, 240 * time.Hour},
		"negative":            {"the API server refuses it, and after the expiry is too late", &v1alpha1.Rotation{RenewBefore: &metav1.Duration{Duration: -time.Hour}}, life, 240 * time.Hour},
		"already expired":     {"nothing is left of it", nil, -time.Hour, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			token := &v1alpha1.GatewayToken{Spec: v1alpha1.GatewayTokenSpec{Rotation: tc.rotation}}
			if got := token.RenewBefore(tc.life); got != tc.want {
				t.Errorf("%s, want %s: %s", got, tc.want, tc.reason)
			}
		})
	}
}

// Status shows when an expiring token is replaced, where the spec does not say it.
func TestEffectiveRenewBefore(t *testing.T) {
	expiring := &v1alpha1.CauseloopToken{Personal: &v1alpha1.CauseloopPersonal{}, ExpiresAfter: &metav1.Duration{Duration: 3 * time.Hour}}
	hour := &metav1.Duration{Duration: time.Hour}
	for name, tc := range map[string]struct {
		spec v1alpha1.GatewayTokenSpec
		want *metav1.Duration
	}{
		"it expires":     {v1alpha1.GatewayTokenSpec{Causeloop: expiring}, hour},
		"the spec says":  {v1alpha1.GatewayTokenSpec{Causeloop: expiring, Rotation: &v1alpha1.Rotation{RenewBefore: hour}}, nil},
		"it lives on":    {v1alpha1.GatewayTokenSpec{Causeloop: &v1alpha1.CauseloopToken{}}, nil},
		"another vendor": {v1alpha1.GatewayTokenSpec{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := (&v1alpha1.GatewayToken{Spec: tc.spec}).EffectiveSettings(0).RenewBefore
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
