package gatewaytoken

import (
	"strings"
	"testing"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

func TestUnknownRights(t *testing.T) {
	scopes := vendors.Catalogue{Rights: []string{"issues:read", "issues:write"}}
	roles := vendors.Catalogue{Rights: []string{"convox:app:list", "convox:app:read"}, Roles: map[string][]string{
		"viewer": {"convox:app:list", "convox:app:read"}, "ops": {"convox:app:read"},
	}}
	tests := map[string]struct {
		reason    string
		catalogue vendors.Catalogue
		role      string
		rights    []string
		want      lifecycle.Reason
		says      []string
	}{
		"known":               {reason: "all is well", catalogue: scopes, rights: []string{"issues:read"}},
		"misspelt":            {reason: "what is meant may be among those", catalogue: scopes, rights: []string{"issues:raed", "issues:read"}, want: v1alpha1.ReasonInvalidScope, says: []string{"know issues:raed.", "issues:read, issues:write"}},
		"several":             {reason: "all are told at once", catalogue: scopes, rights: []string{"a", "b"}, want: v1alpha1.ReasonInvalidScope, says: []string{"a, b"}},
		"an asterisk":         {reason: "catalogues have what it stands for", catalogue: roles, rights: []string{"convox:app:*", "*:*:*"}},
		"an empty catalogue":  {reason: "it says nothing", catalogue: vendors.Catalogue{}, rights: []string{"a"}},
		"role":                {reason: "all is well", catalogue: roles, role: "ops"},
		"role of another one": {reason: "an older version has fewer", catalogue: roles, role: "cicd", want: v1alpha1.ReasonInvalidRole, says: []string{"no role cicd", "ops, viewer"}},
		"role, and rights":    {reason: "the rights win", catalogue: roles, role: "cicd", rights: []string{"convox:app:read"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			problem := unknownRights(tc.catalogue, tc.role, tc.rights)
			if problem == nil {
				problem = &lifecycle.Problem{}
			}
			if problem.Reason != tc.want {
				t.Errorf("%s: %q, want %q", tc.reason, problem.Reason, tc.want)
			}
			for _, text := range tc.says {
				if !strings.Contains(problem.Message, text) {
					t.Errorf("%s: the message lacks %q: %s", tc.reason, text, problem.Message)
				}
			}
		})
	}
}
