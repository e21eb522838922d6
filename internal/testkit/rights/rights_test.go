package rights

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
)

func TestOf(t *testing.T) {
	tests := map[string]struct {
		method, url string
		want        Right
	}{
		"get":                {"GET", "/api/v1/namespaces/shop/secrets/x", "get /secrets"},
		"list":               {"GET", "/api/v1/secrets?labelSelector=a%3Db", "list /secrets"},
		"list in a place":    {"GET", "/api/v1/namespaces/shop/pods", "list /pods"},
		"watch":              {"GET", "/apis/gatewaytoken.io/v1alpha1/gatewaytokens?watch=true", "watch gatewaytoken.io/gatewaytokens"},
		"watch of one":       {"GET", "/api/v1/namespaces/shop/secrets?fieldSelector=metadata.name%3Dx&watch=1", "watch /secrets"},
		"create":             {"POST", "/api/v1/namespaces/shop/secrets", "create /secrets"},
		"update":             {"PUT", "/apis/coordination.k8s.io/v1/namespaces/system/leases/x", "update coordination.k8s.io/leases"},
		"patch of a status":  {"PATCH", "/apis/gatewaytoken.io/v1alpha1/clustertokenissuers/x/status", "patch gatewaytoken.io/clustertokenissuers/status"},
		"delete":             {"DELETE", "/api/v1/namespaces/shop/secrets/x", "delete /secrets"},
		"delete all":         {"DELETE", "/api/v1/namespaces/shop/secrets", "deletecollection /secrets"},
		"a namespace":        {"GET", "/api/v1/namespaces/kube-system", "get /namespaces"},
		"all namespaces":     {"GET", "/api/v1/namespaces", "list /namespaces"},
		"a namespace's part": {"PUT", "/api/v1/namespaces/shop/finalize", "update /namespaces/finalize"},
		"discovery":          {"GET", "/apis/gatewaytoken.io/v1alpha1", ""},
		"version":            {"GET", "/version", ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			at, err := url.Parse(tc.url)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := Of(tc.method, at); got != tc.want || ok != (tc.want != "") {
				t.Errorf("%q, %t, want %q", got, ok, tc.want)
			}
		})
	}
}

func TestWithout(t *testing.T) {
	rules := []rbacv1.PolicyRule{{APIGroups: []string{"", "g"}, Resources: []string{"a", "b/c"}, Verbs: []string{"get", "list"}}}
	want := []Right{"get /a", "get /b/c", "get g/a", "get g/b/c", "list /a", "list /b/c", "list g/a"}
	if diff := cmp.Diff(want, Granted(Without(rules, "list g/b/c"))); diff != "" {
		t.Error(diff)
	}
}

type answering int

func (a answering) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: int(a), Body: http.NoBody}, nil
}

func TestRecorder(t *testing.T) {
	var told []Right
	recorder := &Recorder{New: func(right Right, _ bool) { told = append(told, right) }}
	for _, status := range []answering{200, 200, 403, 403} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://server/api/v1/pods", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := recorder.Wrap(status).RoundTrip(request)
		if err != nil || response.StatusCode != int(status) {
			t.Fatalf("%v, %v", response, err)
		}
		_ = response.Body.Close()
		if forbidden := len(recorder.Forbidden()) > 0; forbidden != (status == 403) {
			t.Errorf("forbidden: %t after %d", forbidden, status)
		}
	}
	if diff := cmp.Diff([]Right{"list /pods", "list /pods"}, told); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Right{"list /pods"}, recorder.Used()); diff != "" {
		t.Error(diff)
	}
}
