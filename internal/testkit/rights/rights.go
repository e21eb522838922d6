// Package rights compares what somebody is granted with what he asks the API server for.
package rights

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	rbacv1 "k8s.io/api/rbac/v1"
)

// Right is a verb and what it is for: group/resource or group/resource/subresource, as in "list /secrets".
type Right string

// Granted are the rights that rules grant. Wildcards stand for themselves.
func Granted(rules []rbacv1.PolicyRule) []Right {
	granted := map[Right]bool{}
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					granted[Right(verb+" "+group+"/"+resource)] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(granted))
}

// Without are the rules but for one right.
func Without(rules []rbacv1.PolicyRule, right Right) []rbacv1.PolicyRule {
	var left []rbacv1.PolicyRule
	for _, granted := range Granted(rules) {
		if granted == right {
			continue
		}
		verb, of, _ := strings.Cut(string(granted), " ")
		group, resource, _ := strings.Cut(of, "/")
		left = append(left, rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: []string{verb}})
	}
	return left
}

// Recorder notes the rights that requests need. It is safe for concurrent use.
type Recorder struct {
	mu              sync.Mutex
	used, forbidden map[Right]bool
	// New is called for every right that was not used before, and for every one that is refused for the first time; nil for nobody.
	New func(right Right, refused bool)
}

// Wrap is for rest.Config.Wrap.
func (r *Recorder) Wrap(next http.RoundTripper) http.RoundTripper { return &recorded{next, r} }

// Used are the rights that requests needed, Forbidden those of them that the API server refused.
func (r *Recorder) Used() []Right { return r.sorted(&r.used) }

// Forbidden are the rights that the API server refused.
func (r *Recorder) Forbidden() []Right { return r.sorted(&r.forbidden) }

func (r *Recorder) sorted(of *map[Right]bool) []Right {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(*of))
}

type recorded struct {
	next http.RoundTripper
	to   *Recorder
}

// RoundTrip implements http.RoundTripper.
func (t *recorded) RoundTrip(request *http.Request) (*http.Response, error) {
	right, asks := Of(request.Method, request.URL)
	response, err := t.next.RoundTrip(request)
	if asks {
		t.to.note(right, err == nil && response.StatusCode == http.StatusForbidden)
	}
	return response, err
}

func (r *Recorder) note(right Right, refused bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.used == nil {
		r.used, r.forbidden = map[Right]bool{}, map[Right]bool{}
	}
	news := !r.used[right] || (refused && !r.forbidden[right])
	r.used[right] = true
	if refused {
		r.forbidden[right] = true
	}
	if news && r.New != nil {
		r.New(right, refused)
	}
}

// Of gives the right that a request needs; false for one that is for no resource, such as discovery.
func Of(method string, at *url.URL) (right Right, ok bool) {
	parts := strings.Split(strings.Trim(at.Path, "/"), "/")
	var group string
	switch {
	case len(parts) >= 3 && parts[0] == "api":
		parts = parts[2:]
	case len(parts) >= 4 && parts[0] == "apis":
		group, parts = parts[1], parts[3:]
	default:
		return "", false
	}
	if parts[0] == "namespaces" && len(parts) >= 3 && parts[2] != "status" && parts[2] != "finalize" {
		parts = parts[2:]
	}
	resource, named := parts[0], len(parts) > 1
	if len(parts) > 2 {
		resource += "/" + parts[2]
	}
	return Right(verbOf(method, named, at.Query().Get("watch")) + " " + group + "/" + resource), true
}

func verbOf(method string, named bool, watch string) string {
	switch method {
	case http.MethodPost:
		return "create"
	case http.MethodPut:
		return "update"
	case http.MethodPatch:
		return "patch"
	case http.MethodDelete:
		if named {
			return "delete"
		}
		return "deletecollection"
	}
	switch {
	case watch == "1" || watch == "true":
		return "watch"
	case named:
		return "get"
	default:
		return "list"
	}
}
