package modelapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// remembered is how many updates are remembered, by all servers of the same schemas together. Many worlds begin alike, and the same update of
// the same object has the same result: merging, defaults, validation and managed fields need not be worked out again.
const remembered = 20_000

// digest tells an object from others, and an update of one. Objects of one digest are equal but for their versions.
type digest [sha256.Size]byte

// digestOf is the digest of an object that did not come of an update.
func digestOf(object client.Object) digest {
	unversioned := copyOf(object)
	unversioned.SetResourceVersion("")
	data, err := json.Marshal(unversioned)
	if err != nil {
		panic(err)
	}
	return sha256.Sum256(data)
}

// demand is what an update asks for.
type demand struct {
	verb string
	body []byte
	// force: fields of others are taken over. creates: the object is made where none is there.
	force, creates bool
}

// digestOfUpdate is the digest of an update, and of what it makes of an object.
func (s *Server) digestOfUpdate(c call, asked demand, old client.Object) digest {
	version := ""
	if bytes.Contains(asked.body, []byte("resourceVersion")) {
		version = old.GetResourceVersion()
	}
	sum, before := sha256.New(), s.digests[old.GetUID()]
	fmt.Fprintf(sum, "%x %s %q %q %q %t %d %q\n", before, c.kind, c.sub, c.manager, asked.verb, asked.force, s.now().Unix(), version)
	sum.Write(asked.body)
	return digest(sum.Sum(nil))
}

// recall gives what an update makes of an object, if that was worked out before. It may be changed.
func (s *Server) recall(update digest, old client.Object) client.Object {
	if s.schemas.updates == nil || s.flaw != flawless {
		return nil
	}
	found, ok := s.schemas.updates.Get(update)
	if !ok {
		return nil
	}
	known, ok := found.(client.Object)
	if !ok {
		return nil
	}
	object := copyOf(known)
	object.SetResourceVersion(old.GetResourceVersion())
	return object
}

func (s *Server) remember(update digest, object client.Object) {
	if s.schemas.updates != nil && s.flaw == flawless {
		s.schemas.updates.Add(update, copyOf(object))
	}
}
