package modelapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/endpoints/handlers/fieldmanager"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Server is one API server with its store. It may be used by several goroutines.
type Server struct {
	schemas *Schemas
	clock   clock.PassiveClock
	// name is what UIDs begin with.
	name uint32

	mu sync.Mutex
	// objects are never changed, but replaced.
	objects map[*kind]map[client.ObjectKey]client.Object
	// digests are those of the objects, by UID.
	digests map[types.UID]digest
	// bare tells of objects whether the store lacks defaults that they are read with, so that the next write writes, whatever it says.
	bare map[types.UID]bool
	// version is the latest resource version, made counts the objects that were ever made.
	version, made int64
	pages         map[string]page
	// decoded are the objects as Go types, by UID, as far as somebody has asked for them.
	decoding sync.Mutex
	decoded  map[types.UID]decoded
	// owned and ending tell whether there may be anything to collect: objects with owners, namespaces that end.
	owned, ending bool
	flaw          flaw
}

// flaw is something that a server does wrong, in tests that something notices.
type flaw int

const (
	flawless flaw = iota
	ignoresUID
	ignoresVersion
	countsEveryWrite
	forgetsFinalizers
	keepsDroppedKeys
	alwaysForces
	leavesDependents
)

// NewServer makes a server that has the namespaces that every cluster has. Servers of one name give the same UIDs, others give others.
func (s *Schemas) NewServer(clock clock.PassiveClock, name string) *Server {
	server := &Server{
		schemas: s, clock: clock, name: crc32.ChecksumIEEE([]byte(name)), objects: map[*kind]map[client.ObjectKey]client.Object{}, digests: map[types.UID]digest{}, bare: map[types.UID]bool{},
		pages: map[string]page{}, decoded: map[types.UID]decoded{},
	}
	for _, k := range s.kinds {
		server.objects[k] = map[client.ObjectKey]client.Object{}
	}
	for _, name := range []string{metav1.NamespaceDefault, metav1.NamespaceSystem} {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if err := server.Connect("kube-apiserver").Create(context.Background(), namespace); err != nil {
			panic(err)
		}
	}
	return server
}

// call is one request.
type call struct {
	kind *kind
	key  client.ObjectKey
	// sub is the subresource, empty for the object itself.
	sub string
	// manager is whoever asks, as managed fields have it.
	manager string
	dryRun  bool
	// posted: the object is created, and not applied. An apply may name a version of what is not there.
	posted bool
}

func (c call) context() context.Context {
	return request.WithNamespace(context.Background(), c.key.Namespace)
}

func (c call) notFound() error { return apierrors.NewNotFound(c.kind.group(), c.key.Name) }

func (s *Server) now() metav1.Time {
	return metav1.NewTime(s.clock.Now().Truncate(time.Second).Local())
}

// get gives an object, which must not be changed.
func (s *Server) get(c call) (client.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	object := s.objects[c.kind][c.key]
	if object == nil {
		return nil, c.notFound()
	}
	return object, nil
}

// create makes an object from JSON.
func (s *Server) create(c call, data []byte) (client.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.posted = true
	return s.insert(c, demand{verb: "create", body: data}, func() (client.Object, error) {
		object, err := c.kind.rules.read(data)
		if err != nil {
			return nil, err
		}
		live, err := s.blank(c)
		if err != nil {
			return nil, err
		}
		return s.manage(c, live, object), nil
	})
}

// blank is an object of which nothing is known but its kind.
func (*Server) blank(c call) (client.Object, error) {
	maker, ok := c.kind.rules.(runtime.ObjectCreater)
	if !ok {
		return nil, fmt.Errorf("no %s can be made", c.kind.Kind)
	}
	made, err := maker.New(c.kind.GroupVersionKind)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what failed
	}
	return asObject(made), nil
}

// manage brings the managed fields up to date after anything but an apply.
func (s *Server) manage(c call, live, object client.Object) client.Object {
	known := append(live.GetManagedFields(), object.GetManagedFields()...)
	managed := asObject(c.kind.managers[c.sub].UpdateNoErrors(copyOf(live), object, c.manager))
	s.stamp(managed, known)
	return managed
}

// stamp puts the server's time where the library has put that of the machine: into all entries but those that were known before. Then they
// are in another order.
func (s *Server) stamp(object client.Object, known []metav1.ManagedFieldsEntry) {
	times := map[int64]bool{}
	for _, entry := range known {
		if entry.Time != nil {
			times[entry.Time.UnixNano()] = true
		}
	}
	entries, now := object.GetManagedFields(), s.now()
	for i := range entries {
		if entries[i].Time != nil && !times[entries[i].Time.UnixNano()] {
			entries[i].Time = &now
		}
	}
	slices.SortStableFunc(entries, func(a, b metav1.ManagedFieldsEntry) int {
		return cmp.Or(cmp.Compare(a.Operation, b.Operation), cmp.Compare(seconds(a), seconds(b)), cmp.Compare(a.Manager, b.Manager),
			cmp.Compare(a.APIVersion, b.APIVersion), cmp.Compare(a.Subresource, b.Subresource))
	})
	object.SetManagedFields(entries)
}

func seconds(of metav1.ManagedFieldsEntry) int64 {
	if of.Time == nil {
		return 0
	}
	return of.Time.Unix()
}

// insert checks and stores an object that there is none of yet.
func (s *Server) insert(c call, asked demand, read func() (client.Object, error)) (client.Object, error) {
	creation := s.digestOfCreation(c, asked)
	object := s.recall(creation)
	known := object != nil
	if !known {
		var err error
		if object, err = read(); err != nil {
			return nil, err
		}
	}
	if base := object.GetGenerateName(); base != "" && object.GetName() == "" {
		object.SetName(base + fmt.Sprintf("%05d", s.made+1))
	}
	c.key.Name = object.GetName()
	if err := s.admit(c); err != nil {
		return nil, err
	}
	s.made++
	if !known {
		if err := s.begin(c, object); err != nil {
			return nil, err
		}
		s.remember(creation, object)
	}
	if s.objects[c.kind][c.key] != nil {
		return nil, apierrors.NewAlreadyExists(c.kind.group(), c.key.Name)
	}
	return s.keep(c, object, creation)
}

// begin gives a new object what a server gives it, and checks it.
func (s *Server) begin(c call, object client.Object) error {
	rest.WipeObjectMetaSystemFields(object)
	object.SetUID(types.UID(fmt.Sprintf("%08x-0000-4000-8000-%012x", s.name, s.made)))
	object.SetCreationTimestamp(s.now())
	if err := rest.BeforeCreate(strategy{c.kind, c.sub}, c.context(), object); err != nil {
		return err
	}
	if object.GetResourceVersion() != "" && c.posted && !c.dryRun {
		return answered(errors.New("resourceVersion should not be set on objects to be created"))
	}
	return nil
}

// admit refuses what would be new in a namespace that is not there, or ends.
func (s *Server) admit(c call) error {
	if !c.kind.namespaced {
		return nil
	}
	namespaces, err := s.schemas.kind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err != nil {
		return err
	}
	namespace := s.objects[namespaces][client.ObjectKey{Name: c.key.Namespace}]
	if namespace == nil {
		return apierrors.NewNotFound(namespaces.group(), c.key.Namespace)
	}
	if namespace.GetDeletionTimestamp() == nil {
		return nil
	}
	refused := apierrors.NewForbidden(c.kind.group(), c.key.Name,
		fmt.Errorf("unable to create new content in namespace %s because it is being terminated", c.key.Namespace))
	refused.ErrStatus.Details.Causes = append(refused.ErrStatus.Details.Causes, metav1.StatusCause{
		Type: corev1.NamespaceTerminatingCause, Message: fmt.Sprintf("namespace %s is being terminated", c.key.Namespace), Field: "metadata.namespace",
	})
	return refused
}

// store keeps an object that was made or changed by other means than an update.
func (s *Server) store(c call, object client.Object) (client.Object, error) {
	return s.keep(c, object, digestOf(c.kind, object))
}

// keep keeps an object with its digest, and does what follows from that. A dry run keeps nothing.
func (s *Server) keep(c call, object client.Object, mark digest) (client.Object, error) {
	stored, err := s.form(c.kind, object, mark)
	if err != nil {
		return nil, err
	}
	version := object.GetResourceVersion()
	object = copyOf(stored.object)
	if object.SetResourceVersion(version); c.dryRun {
		return object, nil
	}
	s.bare[object.GetUID()] = stored.bare
	s.version++
	object.SetResourceVersion(strconv.FormatInt(s.version, 10))
	s.objects[c.kind][c.key] = object
	s.digests[object.GetUID()] = mark
	s.owned = s.owned || len(object.GetOwnerReferences()) > 0
	s.collect()
	return object, nil
}

// remove removes an object, and does what follows from that.
func (s *Server) remove(c call) {
	if c.dryRun {
		return
	}
	s.version++
	delete(s.objects[c.kind], c.key)
	s.collect()
}

// change is what an update makes of the object that is there, which it may change; of a blank one where none is there.
type change func(live client.Object) (client.Object, error)

// update changes an object, or makes one where none is there and creating is allowed.
func (s *Server) update(c call, asked demand, change change) (client.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.kind.managers[c.sub] == nil {
		return nil, apierrors.NewGenericServerResponse(http.StatusNotFound, "patch", c.kind.group(), c.key.Name, "the server could not find the requested resource", 0, true)
	}
	old := s.objects[c.kind][c.key]
	if old == nil {
		return s.updateNothing(c, asked, change)
	}
	update := s.digestOfUpdate(c, asked, old)
	object := s.recall(update)
	if object != nil {
		object.SetResourceVersion(old.GetResourceVersion())
	} else {
		var err error
		if object, err = change(copyOf(old)); err != nil {
			return nil, answered(err)
		}
		if object, err = s.successor(c, object, old); err != nil {
			return nil, err
		}
		s.remember(update, object)
	}
	return s.replace(c, object, old, update)
}

// updateNothing is an update of an object that is not there.
func (s *Server) updateNothing(c call, asked demand, change change) (client.Object, error) {
	if !asked.creates {
		return nil, c.notFound()
	}
	return s.insert(c, asked, func() (client.Object, error) {
		blank, err := s.blank(c)
		if err != nil {
			return nil, err
		}
		object, err := change(blank)
		if err != nil {
			return nil, answered(err)
		}
		if object.GetUID() != "" {
			return nil, apierrors.NewConflict(c.kind.group(), c.key.Name,
				fmt.Errorf("uid mismatch: the provided object specified uid %s, and no existing object was found", object.GetUID()))
		}
		return object, c.fits(object)
	})
}

// answered is an error as it reaches a client: what is no answer yet is a server's own fault.
func answered(err error) error {
	var known apierrors.APIStatus
	if errors.As(err, &known) {
		return err
	}
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusInternalServerError, Reason: metav1.StatusReasonUnknown, Message: err.Error(),
	}}
}

// fits tells whether an object is the one that was asked for.
func (c call) fits(object client.Object) error {
	if err := rest.EnsureObjectNamespaceMatchesRequestNamespace(c.key.Namespace, object); err != nil {
		return err
	}
	if object.GetName() != c.key.Name {
		return apierrors.NewBadRequest(fmt.Sprintf("the name of the object (%s) does not match the name on the URL (%s)", object.GetName(), c.key.Name))
	}
	return nil
}

// successor is what becomes of an object, checked.
func (s *Server) successor(c call, object, old client.Object) (client.Object, error) {
	if err := c.fits(object); err != nil {
		return nil, err
	}
	if err := s.checkVersion(c, object, old); err != nil {
		return nil, err
	}
	if s.flaw == ignoresUID {
		object.SetUID(old.GetUID())
	}
	if err := rest.BeforeUpdate(strategy{c.kind, c.sub}, c.context(), object, copyOf(old)); err != nil {
		return nil, err
	}
	same, err := fieldmanager.IgnoreManagedFieldsTimestampsTransformer(c.context(), object, old)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	return canonical(c.kind, asObject(same))
}

// replace stores what becomes of an object.
func (s *Server) replace(c call, object, old client.Object, update digest) (client.Object, error) {
	if finished(object, old) {
		s.remove(c)
		return object, nil
	}
	if s.flaw != countsEveryWrite && equality.Semantic.DeepEqual(object, old) && !s.bare[old.GetUID()] {
		return object, nil
	}
	return s.keep(c, object, update)
}

// checkVersion is the optimistic lock.
func (s *Server) checkVersion(c call, object, old client.Object) error {
	version := object.GetResourceVersion()
	if version == "" && !c.kind.unconditional {
		kind := schema.GroupKind{Group: c.kind.Group, Kind: c.kind.resource.Resource}
		return apierrors.NewInvalid(kind, c.key.Name, field.ErrorList{
			field.Invalid(field.NewPath("metadata", "resourceVersion"), 0, "must be specified for an update"),
		})
	}
	if version != "" && version != old.GetResourceVersion() && s.flaw != ignoresVersion {
		return apierrors.NewConflict(c.kind.group(), c.key.Name,
			errors.New("the object has been modified; please apply your changes to the latest version and try again"))
	}
	object.SetResourceVersion(old.GetResourceVersion())
	return nil
}

// finished tells whether an update leaves nothing that a deletion waits for.
func finished(object, old client.Object) bool {
	grace := old.GetDeletionGracePeriodSeconds()
	_, isNamespace := object.(*corev1.Namespace)
	return len(object.GetFinalizers()) == 0 && old.GetDeletionTimestamp() != nil && (grace == nil || *grace == 0) && !isNamespace
}

// Snapshot keeps everything that the server has, as a backup of its store does, and gives what puts it back. What was made since is gone then.
// Versions go on from where they are.
func (s *Server) Snapshot() (restore func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, bare, digests := s.copied(s.objects), maps.Clone(s.bare), maps.Clone(s.digests)
	owned, ending := s.owned, s.ending
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.objects, s.bare, s.digests, s.owned, s.ending = s.copied(kept), maps.Clone(bare), maps.Clone(digests), owned, ending
	}
}

// Copy makes another server of everything that this one has: another cluster that began as a copy of this one. What is made there has UIDs of its
// own.
func (s *Server) Copy(name string) *Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Server{
		schemas: s.schemas, clock: s.clock, name: crc32.ChecksumIEEE([]byte(name)), version: s.version, made: s.made,
		objects: s.copied(s.objects), bare: maps.Clone(s.bare), digests: maps.Clone(s.digests), pages: map[string]page{}, decoded: map[types.UID]decoded{}, owned: s.owned, ending: s.ending,
	}
}

// copied copies what holds the objects. The objects are never changed.
func (*Server) copied(objects map[*kind]map[client.ObjectKey]client.Object) map[*kind]map[client.ObjectKey]client.Object {
	copied := map[*kind]map[client.ObjectKey]client.Object{}
	for of, those := range objects {
		copied[of] = maps.Clone(those)
	}
	return copied
}
