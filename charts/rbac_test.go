package charts_test

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/controlplane"
)

// Who is asked about. The four people are bound to Kubernetes' own roles, in the
// namespace shop or, for amy, in the whole cluster.
const (
	operator = "system:serviceaccount:" + namespace + ":gateway-token-operator"
	viewer   = "vera"
	editor   = "edith"
	admin    = "adam"
	amy      = "amy"
)

// access is a question to the API server: may this user do that?
type access struct {
	reason    string
	user      string
	verbs     []string
	group     string
	resource  string // with the subresource after a slash
	namespace string // empty: in all of them
	want      bool
}

// TestRights asks a real API server what the roles allow and what they do not.
func TestRights(t *testing.T) {
	plane, err := controlplane.Start(t.Context(), controlplane.Options{CRDs: []string{"../config/crd/bases"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	c, err := client.New(plane.RESTConfig(), client.Options{Scheme: scheme.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	install(t, c)

	// Roles are aggregated and take effect after a while: what is allowed is awaited,
	// and what is not is asked for when all that is allowed has come true.
	questions := questions()
	for _, want := range []bool{true, false} {
		for _, name := range slices.Sorted(maps.Keys(questions)) {
			question := questions[name]
			if question.want != want {
				continue
			}
			t.Run(name, func(t *testing.T) {
				for _, verb := range question.verbs {
					if got := allowed(t, c, question, verb); got != want {
						t.Errorf("%s may %s %s: %t, though %s", question.user, verb, question.resource, got, question.reason)
					}
				}
			})
		}
	}
}

func questions() map[string]access {
	const (
		own    = "gatewaytoken.io"
		core   = ""
		events = "events.k8s.io"
		lease  = "coordination.k8s.io"
		rbac   = "rbac.authorization.k8s.io"
	)
	read := []string{"get", "list", "watch"}
	write := []string{"create", "update", "patch", "delete", "deletecollection"}
	return map[string]access{
		"operator: its kinds":           {reason: "it watches them and sets finalizers", user: operator, verbs: []string{"get", "list", "watch", "patch"}, group: own, resource: "gatewaytokens", want: true},
		"operator: its cluster kind":    {reason: "it watches them and sets finalizers", user: operator, verbs: []string{"get", "list", "watch", "patch"}, group: own, resource: "clustertokenissuers", want: true},
		"operator: status":              {reason: "it writes status", user: operator, verbs: []string{"patch"}, group: own, resource: "tokenissuers/status", want: true},
		"operator: making its kinds":    {reason: "people make and delete them", user: operator, verbs: []string{"create", "update", "delete", "deletecollection"}, group: own, resource: "gatewaytokens"},
		"operator: Secrets":             {reason: "it publishes tokens", user: operator, verbs: []string{"get", "list", "watch", "create", "patch", "delete"}, group: core, resource: "secrets", want: true},
		"operator: Secrets as a whole":  {reason: "it applies fields and deletes one by one", user: operator, verbs: []string{"update", "deletecollection"}, group: core, resource: "secrets"},
		"operator: CA bundles":          {reason: "it reads the named ones, and lists and watches them by their names", user: operator, verbs: read, group: core, resource: "configmaps", want: true},
		"operator: pods":                {reason: "who holds a value that was replaced is asked before it is revoked", user: operator, verbs: []string{"list"}, group: core, resource: "pods", want: true},
		"operator: one pod":             {reason: "what a pod does is not its business", user: operator, verbs: []string{"get", "watch", "create", "delete", "patch"}, group: core, resource: "pods"},
		"operator: changing CA bundles": {reason: "they are not its business", user: operator, verbs: write, group: core, resource: "configmaps"},
		"operator: namespaces":          {reason: "grants select them", user: operator, verbs: read, group: core, resource: "namespaces", want: true},
		"operator: changing namespaces": {reason: "they are not its business", user: operator, verbs: write, group: core, resource: "namespaces"},
		"operator: events":              {reason: "it tells what it did", user: operator, verbs: []string{"create", "patch"}, group: events, resource: "events", want: true},
		"operator: core events":         {reason: "the leader election tells what it did", user: operator, verbs: []string{"create"}, group: core, resource: "events", want: true},
		"operator: its lease":           {reason: "one of them leads", user: operator, verbs: []string{"get", "create", "update"}, group: lease, resource: "leases", namespace: namespace, want: true},
		"operator: other leases":        {reason: "nodes and controllers of others have theirs", user: operator, verbs: []string{"get", "create", "update"}, group: lease, resource: "leases", namespace: "kube-system"},
		"operator: restarts":            {reason: "it restarts who holds a value that was replaced", user: operator, verbs: []string{"list", "patch"}, group: "apps", resource: "statefulsets", want: true},
		"operator: workloads":           {reason: "beside that it has no business with them", user: operator, verbs: []string{"get", "watch", "create", "update", "delete", "deletecollection"}, group: "apps", resource: "deployments"},
		"operator: tokens of accounts":  {reason: "it could become anybody", user: operator, verbs: []string{"create"}, group: core, resource: "serviceaccounts/token"},
		"operator: rights":              {reason: "it could become anybody", user: operator, verbs: []string{"get", "create", "update", "patch", "bind", "escalate"}, group: rbac, resource: "clusterroles"},
		"operator: becoming others":     {reason: "it could become anybody", user: operator, verbs: []string{"impersonate"}, group: core, resource: "users"},

		"viewer: reading tokens":    {reason: "they hold no secret", user: viewer, verbs: read, group: own, resource: "gatewaytokens", namespace: "shop", want: true},
		"viewer: reading issuers":   {reason: "they hold no secret", user: viewer, verbs: read, group: own, resource: "tokenissuers", namespace: "shop", want: true},
		"viewer: writing":           {reason: "view is for reading", user: viewer, verbs: write, group: own, resource: "gatewaytokens", namespace: "shop"},
		"viewer: Secrets":           {reason: "view does not show Secrets", user: viewer, verbs: read, group: core, resource: "secrets", namespace: "shop"},
		"viewer: another namespace": {reason: "the binding is for shop", user: viewer, verbs: read, group: own, resource: "gatewaytokens", namespace: "default"},

		"editor: tokens":          {reason: "whoever edits a namespace asks for its tokens", user: editor, verbs: append(read, write...), group: own, resource: "gatewaytokens", namespace: "shop", want: true},
		"editor: issuers":         {reason: "a vendor account of one's own", user: editor, verbs: append(read, write...), group: own, resource: "tokenissuers", namespace: "shop", want: true},
		"editor: status":          {reason: "the operator believes it", user: editor, verbs: append(read, write...), group: own, resource: "gatewaytokens/status", namespace: "shop"},
		"editor: issuer's status": {reason: "the operator believes it", user: editor, verbs: append(read, write...), group: own, resource: "tokenissuers/status", namespace: "shop"},
		"editor: cluster issuers": {reason: "they grant accounts to namespaces", user: editor, verbs: write, group: own, resource: "clustertokenissuers"},

		"admin: tokens":                 {reason: "admin can all that edit can", user: admin, verbs: append(read, write...), group: own, resource: "gatewaytokens", namespace: "shop", want: true},
		"admin: status":                 {reason: "the operator believes it", user: admin, verbs: append(read, write...), group: own, resource: "gatewaytokens/status", namespace: "shop"},
		"admin: cluster issuers":        {reason: "the admin of a namespace must not grant accounts to it", user: admin, verbs: append(read, write...), group: own, resource: "clustertokenissuers"},
		"cluster's admin: issuers":      {reason: "an admin of the whole cluster grants accounts", user: amy, verbs: append(read, write...), group: own, resource: "clustertokenissuers", want: true},
		"cluster's admin: their status": {reason: "the operator believes it", user: amy, verbs: append(read, write...), group: own, resource: "clustertokenissuers/status"},
	}
}

// allowed asks the API server, and again while the answer is not the wanted yes.
func allowed(t *testing.T, c client.Client, question access, verb string) bool {
	t.Helper()
	resource, subresource, _ := strings.Cut(question.resource, "/")
	var got bool
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: question.user,
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Verb: verb, Group: question.group, Version: "*", Namespace: question.namespace,
				Resource: resource, Subresource: subresource,
			},
		}}
		if err := c.Create(ctx, review); err != nil {
			return false, err
		}
		got = review.Status.Allowed
		return got || !question.want, nil
	})
	if err != nil && !wait.Interrupted(err) {
		t.Fatal(err)
	}
	return got
}

// install creates what config/rbac has, and binds people to Kubernetes' own roles.
func install(t *testing.T, c client.Client) {
	t.Helper()
	paths, err := filepath.Glob("../config/rbac/*_*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	created := []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}},
		bind("view", viewer), bind("edit", editor), bind("admin", admin),
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: amy},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "admin"},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: amy}},
		},
	}
	for _, path := range paths {
		created = append(created, configured(t, filepath.Join("rbac", filepath.Base(path))))
	}
	for _, object := range created {
		if err := c.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

// bind gives a user one of Kubernetes' own roles in the namespace shop.
func bind(role, user string) client.Object {
	return &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}
}
