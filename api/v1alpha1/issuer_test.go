package v1alpha1_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

func TestIssuersAreTreatedAlike(t *testing.T) {
	namespaced := &v1alpha1.TokenIssuer{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "causely"}}
	cluster := &v1alpha1.ClusterTokenIssuer{ObjectMeta: metav1.ObjectMeta{Name: "causely"}}
	for want, issuer := range map[string]v1alpha1.Issuer{
		"TokenIssuer/causely": namespaced, "ClusterTokenIssuer/causely": cluster,
	} {
		t.Run(want, func(t *testing.T) {
			if got := issuer.Ref().String(); got != want {
				t.Errorf("Ref() = %s", got)
			}
			issuer.IssuerSpec().Causely = &v1alpha1.CauselyIssuer{}
			issuer.IssuerStatus().Account = "project"
		})
	}
	if namespaced.Spec.Causely == nil || cluster.Spec.Causely == nil {
		t.Error("IssuerSpec is a copy; a change through it must reach the object")
	}
	if namespaced.Status.Account == "" || cluster.Status.Account == "" {
		t.Error("IssuerStatus is a copy; a change through it must reach the object")
	}
}

func TestGranted(t *testing.T) {
	shop := &metav1.ObjectMeta{Name: "shop", Labels: map[string]string{"team": "a"}}
	names := func(names ...string) v1alpha1.Grant {
		return v1alpha1.Grant{Namespaces: v1alpha1.NamespaceGrant{Names: names}}
	}
	selector := func(selector metav1.LabelSelector) v1alpha1.Grant {
		return v1alpha1.Grant{Namespaces: v1alpha1.NamespaceGrant{Selector: &selector}}
	}
	broken := selector(metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "team", Operator: "Like"}}})

	cases := map[string]struct {
		reason  string
		issuer  v1alpha1.Issuer
		grants  []v1alpha1.Grant
		want    bool
		wantErr bool
	}{
		"no grants":         {reason: "nothing is granted by default", want: false},
		"named":             {reason: "the second grant names it", grants: []v1alpha1.Grant{names("ci"), names("x", "shop")}, want: true},
		"not named":         {reason: "a part of a name is no name", grants: []v1alpha1.Grant{names("shop-2", "sho")}, want: false},
		"empty grant":       {reason: "a grant of nothing grants nothing, even if the API server let it pass", grants: []v1alpha1.Grant{{}}, want: false},
		"selected":          {reason: "the label matches", grants: []v1alpha1.Grant{selector(metav1.LabelSelector{MatchLabels: map[string]string{"team": "a"}})}, want: true},
		"not selected":      {reason: "the label does not match", grants: []v1alpha1.Grant{selector(metav1.LabelSelector{MatchLabels: map[string]string{"team": "b"}})}, want: false},
		"all selected":      {reason: "an empty selector selects all", grants: []v1alpha1.Grant{selector(metav1.LabelSelector{})}, want: true},
		"broken":            {reason: "a selector that cannot be understood grants nothing and is told", grants: []v1alpha1.Grant{broken}, wantErr: true},
		"broken, but named": {reason: "another grant covers it", grants: []v1alpha1.Grant{broken, names("shop")}, want: true},
		"own namespace": {
			reason: "a TokenIssuer serves its own namespace",
			issuer: &v1alpha1.TokenIssuer{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}}, want: true,
		},
		"another's namespace": {
			reason: "and no other",
			issuer: &v1alpha1.TokenIssuer{ObjectMeta: metav1.ObjectMeta{Namespace: "ci"}}, want: false,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.issuer == nil {
				tc.issuer = &v1alpha1.ClusterTokenIssuer{Spec: v1alpha1.ClusterTokenIssuerSpec{Grants: tc.grants}}
			}
			got, err := v1alpha1.Granted(tc.issuer.Grants(), shop)
			if got != tc.want || (err != nil) != tc.wantErr {
				t.Errorf("%s: got %t, %v", tc.reason, got, err)
			}
		})
	}
}
