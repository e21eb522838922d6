package named

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/accounts"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/wake"
)

// patience bounds a wait for the API server; it is no measure of anything.
const patience = time.Minute

// value is in Secrets of these tests; annotated stands for the copy of it that kubectl apply leaves in an annotation.
const (
	value     = "a-value-that-nobody-may-read"
	annotated = "a-value-that-nobody-may-keep"
)

// Issuers of these tests.
var (
	first  = accounts.Key{Kind: v1alpha1.KindTokenIssuer, Namespace: "a", Name: "first"}
	second = accounts.Key{Kind: v1alpha1.KindClusterTokenIssuer, Name: "second"}
)

// stage is a namespace with watches in it.
type stage struct {
	t         *testing.T
	namespace string
	wire      *wire
	watches   *Watches
	logged    *lines
	end       context.CancelFunc
	ended     chan struct{}

	mu    sync.Mutex
	woken map[accounts.Key]int
}

// newStage makes watches as somebody, the administrator where no name is said; they are not started.
func newStage(t *testing.T, as string) *stage {
	t.Helper()
	namespace, err := admin.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "named-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, namespace: namespace.Name, wire: &wire{open: map[*http.Request]context.CancelFunc{}}, logged: &lines{}, woken: map[accounts.Key]int{}}
	config := plane.RESTConfig()
	config.Impersonate = rest.ImpersonationConfig{UserName: as}
	config.Wrap(s.wire.around)
	client, err := metadata.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	queues := map[string]*wake.Queue{}
	for _, kind := range []string{first.Kind, second.Kind} {
		queues[kind] = &wake.Queue{}
		if err := queues[kind].Source().Start(t.Context(), &queue{stage: s, kind: kind}); err != nil {
			t.Fatal(err)
		}
	}
	s.watches = New(client, queues)
	return s
}

// start runs the watches until the test ends, or stop.
func (s *stage) start() {
	s.t.Helper()
	ctx, end := context.WithCancel(log.IntoContext(s.t.Context(), s.logged.logger()))
	s.end, s.ended = end, make(chan struct{})
	go func() {
		defer close(s.ended)
		if err := s.watches.Start(ctx); err != nil {
			s.t.Error(err)
		}
	}()
	s.t.Cleanup(s.stop)
}

func (s *stage) stop() {
	s.end()
	<-s.ended
}

// queue counts who is woken.
type queue struct {
	workqueue.TypedRateLimitingInterface[reconcile.Request]
	stage *stage
	kind  string
}

func (q *queue) Add(request reconcile.Request) {
	q.stage.mu.Lock()
	defer q.stage.mu.Unlock()
	q.stage.woken[accounts.Key{Kind: q.kind, Namespace: request.Namespace, Name: request.Name}]++
}

// forget begins to count anew.
func (s *stage) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.woken)
}

// wokenNow gives who was woken since.
func (s *stage) wokenNow() map[accounts.Key]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.woken)
}

func (s *stage) await(what string, holds func() error) {
	s.t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(s.t.Context(), 10*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		last = holds()
		return last == nil, nil
	})
	if err != nil {
		s.t.Fatalf("%s: %v\nlog:\n%s", what, errors.Join(err, last), s.logged)
	}
}

// awaitWoken waits until exactly these were woken, and forgets it.
func (s *stage) awaitWoken(why string, want ...accounts.Key) {
	s.t.Helper()
	s.await(why, func() error {
		woken := s.wokenNow()
		for _, issuer := range want {
			if woken[issuer] == 0 {
				return fmt.Errorf("%s is not woken", issuer)
			}
			delete(woken, issuer)
		}
		if len(woken) > 0 {
			s.t.Fatalf("%s: these are woken, too: %v", why, woken)
		}
		return nil
	})
	s.forget()
}

func (s *stage) awaitWatched(objects ...Object) {
	s.t.Helper()
	s.await("they are watched", func() error {
		if !s.watches.Watched(objects...) {
			return errors.New("they are not")
		}
		return nil
	})
}

func (s *stage) secret(name string) Object { return Secret(s.namespace, name) }

func (s *stage) create(name string) {
	s.t.Helper()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: annotated}},
		StringData: map[string]string{"key": value},
	}
	if _, err := admin.CoreV1().Secrets(s.namespace).Create(s.t.Context(), secret, metav1.CreateOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) change(name, to string) {
	s.t.Helper()
	secret, err := admin.CoreV1().Secrets(s.namespace).Get(s.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	secret.Data["key"] = []byte(to)
	if _, err := admin.CoreV1().Secrets(s.namespace).Update(s.t.Context(), secret, metav1.UpdateOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) remove(name string) {
	s.t.Helper()
	if err := admin.CoreV1().Secrets(s.namespace).Delete(s.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

// wire is the way to the API server: it knows what is asked on it, and can be cut.
type wire struct {
	mu   sync.Mutex
	open map[*http.Request]context.CancelFunc
	cut  bool
	// asked has every request, without what differs each time.
	asked []string
	// came is all that was answered.
	came bytes.Buffer
}

func (w *wire) around(next http.RoundTripper) http.RoundTripper {
	return answers(func(request *http.Request) (*http.Response, error) {
		ctx, end := context.WithCancel(request.Context())
		request = request.WithContext(ctx)
		if !w.began(request, end) {
			end()
			return nil, errors.New("the wire is cut")
		}
		context.AfterFunc(ctx, func() { w.over(request) })
		response, err := next.RoundTrip(request)
		if err == nil {
			response.Body = &heard{response.Body, w}
		}
		return response, err
	})
}

// heard is an answer that the wire remembers.
type heard struct {
	io.ReadCloser
	wire *wire
}

func (h *heard) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	h.wire.mu.Lock()
	defer h.wire.mu.Unlock()
	h.wire.came.Write(p[:n])
	return n, err
}

type answers func(*http.Request) (*http.Response, error)

func (a answers) RoundTrip(request *http.Request) (*http.Response, error) { return a(request) }

func (w *wire) began(request *http.Request, end context.CancelFunc) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		return false
	}
	query := request.URL.Query()
	told := request.URL.Path + " " + query.Get("fieldSelector")
	if query.Get("watch") != "" {
		w.open[request] = end
		told = "watch " + told
	}
	w.asked = append(w.asked, told)
	return true
}

func (w *wire) over(request *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, request)
}

// sever ends all that is under way, and lets nothing through until it is mended.
func (w *wire) sever() {
	w.mu.Lock()
	w.cut = true
	under := slices.Collect(maps.Values(w.open))
	w.mu.Unlock()
	for _, end := range under {
		end()
	}
}

func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = false
}

// watching gives the field selectors of the watches that are open.
func (w *wire) watching() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for request := range w.open {
		names = append(names, request.URL.Query().Get("fieldSelector"))
	}
	slices.Sort(names)
	return names
}

// lines is a log at its highest verbosity.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) logger() logr.Logger {
	return funcr.New(func(prefix, args string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.text = append(l.text, prefix+" "+args)
	}, funcr.Options{Verbosity: 5})
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.text, "\n")
}

// refused counts the lines at level 0 that tell of a refusal.
func (l *lines) refused() int {
	return strings.Count(l.String(), "cannot be watched")
}

// What happens to an object wakes those who refer to it, and nobody else.
func TestWake(t *testing.T) {
	s := newStage(t, "")
	s.create("shared")
	s.create("nobody")
	s.start()
	ca := ConfigMap(s.namespace, "shared")
	s.watches.Refer(first, s.secret("shared"), ca)
	s.watches.Refer(second, s.secret("shared"), s.secret("later"))
	s.awaitWatched(s.secret("shared"), ca, s.secret("later"))
	s.awaitWoken("what is watched from now on may have changed before", first, second)

	s.change("nobody", "new")
	s.change("shared", "new")
	s.awaitWoken("it was changed", first, second)
	s.create("later")
	s.awaitWoken("it was created", second)
	s.remove("later")
	s.awaitWoken("it was deleted", second)
	s.create("later")
	s.awaitWoken("it came back", second)
	if _, err := admin.CoreV1().ConfigMaps(s.namespace).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "shared"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	s.awaitWoken("a ConfigMap is no Secret of the same name", first)

	want := []string{"metadata.name=later", "metadata.name=shared", "metadata.name=shared"}
	if diff := cmp.Diff(want, s.wire.watching()); diff != "" {
		t.Errorf("there is one watch of each object (-want +got):\n%s", diff)
	}
	s.wire.mu.Lock()
	defer s.wire.mu.Unlock()
	if came := s.wire.came.String(); strings.Contains(came, value) || !strings.Contains(came, annotated) {
		t.Errorf("it is not metadata, and metadata only, that came:\n%q", came)
	}
	for _, asked := range s.wire.asked {
		if !strings.Contains(asked, " metadata.name=") {
			t.Errorf("not by name: %s", asked)
		}
	}
}

// A watch ends with the last reference, and begins again with the next.
func TestReferences(t *testing.T) {
	s := newStage(t, "")
	watching := func(what string, names ...string) {
		t.Helper()
		s.await(what, func() error {
			var want []string
			for _, name := range names {
				want = append(want, "metadata.name="+name)
			}
			if diff := cmp.Diff(want, s.wire.watching()); diff != "" {
				return errors.New(diff)
			}
			return nil
		})
	}
	s.watches.Refer(first, s.secret("early"))
	if s.watches.Watched(s.secret("early")) {
		t.Error("it is watched before the start")
	}
	s.start()
	watching("what was referred to before the start is watched", "early")
	s.watches.Refer(first, s.secret("early"))
	s.watches.Refer(second, s.secret("early"), s.secret("other"))
	watching("one watch of each", "early", "other")
	s.watches.Refer(first)
	watching("somebody refers to it still", "early", "other")
	s.watches.Refer(second, s.secret("other"))
	watching("nobody refers to it any more", "other")
	if s.watches.Watched(s.secret("early")) {
		t.Error("it is watched, and nobody refers to it")
	}
	s.watches.Refer(first, s.secret("early"))
	watching("somebody refers to it again", "early", "other")
	s.awaitWatched(s.secret("early"), s.secret("other"))
	s.forget()
	s.create("early")
	s.awaitWoken("the watch is a new one", first)
	s.stop()
	watching("the manager has stopped")
	s.watches.Refer(first, s.secret("late"))
	if s.watches.Watched(s.secret("late")) || s.watches.Watched(s.secret("other")) {
		t.Error("it is watched after the end")
	}
	if !s.watches.Watched() {
		t.Error("nothing must be looked for, where nothing is referred to")
	}
}

// Nothing is left running, whatever was begun and ended, by several workers at once.
func TestNoGoroutineIsLeft(t *testing.T) {
	s := newStage(t, "")
	s.start()
	var workers sync.WaitGroup
	for worker := range 4 {
		workers.Go(func() {
			issuer := accounts.Key{Kind: v1alpha1.KindTokenIssuer, Namespace: s.namespace, Name: fmt.Sprint(worker)}
			for round := range 25 {
				s.watches.Refer(issuer, s.secret(fmt.Sprint("shared-", round%3)), s.secret(fmt.Sprint("own-", worker, "-", round%2)))
				s.watches.Watched(s.secret("shared-0"))
			}
			if worker%2 == 0 {
				s.watches.Refer(issuer)
			}
		})
	}
	workers.Wait()
	s.create("shared-0")
	s.awaitWatched(s.secret("shared-0"))
	s.stop()
	s.await("all informers have ended", func() error {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		for _, stack := range strings.Split(string(stacks), "\n\n") {
			if strings.Contains(stack, "k8s.io/client-go/tools/cache.") || strings.Contains(stack, "named.(*Watches)") {
				return errors.New(stack)
			}
		}
		return nil
	})
}

// While the API server is away nothing wakes; what changed meanwhile is told when it is back.
func TestConnectionLost(t *testing.T) {
	s := newStage(t, "")
	s.create("changed")
	s.create("deleted")
	s.create("same")
	s.start()
	third := accounts.Key{Kind: v1alpha1.KindTokenIssuer, Namespace: "a", Name: "third"}
	s.watches.Refer(first, s.secret("changed"))
	s.watches.Refer(second, s.secret("deleted"))
	s.watches.Refer(third, s.secret("same"))
	s.awaitWatched(s.secret("changed"), s.secret("deleted"), s.secret("same"))
	s.awaitWoken("they are watched", first, second, third)

	s.wire.sever()
	s.change("changed", "new")
	s.remove("deleted")
	s.await("it is tried again", func() error {
		if !strings.Contains(s.logged.String(), "begun again") {
			return errors.New("nothing is logged")
		}
		return nil
	})
	s.wire.mend()
	s.awaitWoken("it changed while nobody could tell", first, second)
	if s.logged.refused() > 0 {
		t.Errorf("a refusal is logged:\n%s", s.logged)
	}
	s.change("same", "new")
	s.awaitWoken("it is watched as before", third)
}

// Without the right to watch, what must be looked for is known, and is logged once. When the right is given, or taken, whoever
// refers to the object looks at it again.
func TestNoRight(t *testing.T) {
	const limited = "limited"
	s := newStage(t, limited)
	s.create("credentials")
	s.start()
	s.watches.Refer(first, s.secret("credentials"))
	s.await("it is tried more than once", func() error {
		s.wire.mu.Lock()
		defer s.wire.mu.Unlock()
		if len(s.wire.asked) < 3 {
			return fmt.Errorf("asked %v", s.wire.asked)
		}
		return nil
	})
	if s.watches.Watched(s.secret("credentials")) || len(s.wokenNow()) > 0 {
		t.Errorf("it is watched, or somebody woken (%v), without the right to", s.wokenNow())
	}
	if told := s.logged.refused(); told != 1 {
		t.Errorf("a refusal is logged %d times, want once:\n%s", told, s.logged)
	}

	meta := metav1.ObjectMeta{Namespace: s.namespace, Name: limited}
	role := &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"list", "watch"}}}}
	if _, err := admin.RbacV1().Roles(s.namespace).Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: limited},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: limited}},
	}
	if _, err := admin.RbacV1().RoleBindings(s.namespace).Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	s.awaitWatched(s.secret("credentials"))
	s.awaitWoken("it is watched from now on", first)
	s.change("credentials", "new")
	s.awaitWoken("it was changed", first)

	if err := admin.RbacV1().RoleBindings(s.namespace).Delete(t.Context(), limited, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	s.await("the right is taken", func() error {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: limited, ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: s.namespace, Verb: "watch", Resource: "secrets"},
		}}
		asked, err := admin.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{})
		if err == nil && asked.Status.Allowed {
			err = errors.New("it is there still")
		}
		return err
	})
	// A watch that is under way goes on; the next one is refused.
	s.wire.sever()
	s.wire.mend()
	s.awaitWoken("it is looked for from now on", first)
	if s.watches.Watched(s.secret("credentials")) {
		t.Error("it counts as watched")
	}
	s.stop()
	if text := s.logged.String(); strings.Contains(text, value) || strings.Contains(text, annotated) {
		t.Errorf("a value is logged:\n%s", text)
	}
}

// Nothing of an object is kept but what tells it from another and from an older one.
func TestStrip(t *testing.T) {
	meta := metav1.ObjectMeta{
		Namespace: "a", Name: "b", UID: "c", ResourceVersion: "1",
		Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: annotated}, Labels: map[string]string{"d": "e"},
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "f"}}, Finalizers: []string{"g"},
	}
	kept, err := strip(&metav1.PartialObjectMetadata{ObjectMeta: meta})
	if err != nil {
		t.Fatal(err)
	}
	want := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "b", UID: "c", ResourceVersion: "1"}}
	if diff := cmp.Diff(want, kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}
