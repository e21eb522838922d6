package modelapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// remembered is how many writes are remembered, by all servers of the same schemas together. Many worlds begin alike, and the same update of
// the same object has the same result: merging, defaults, validation and managed fields need not be worked out again.
const remembered = 20_000

// form is how the object of a digest is stored: as it is read again. bare: it was written without defaults that only reading adds.
type form struct {
	object client.Object
	bare   bool
}

// form gives how an object of a digest is stored. It must not be changed.
func (s *Server) form(k *kind, object client.Object, mark digest) (form, error) {
	remembers := s.schemas.forms != nil && s.flaw == flawless
	if remembers {
		if known, ok := s.schemas.forms.Get(mark); ok {
			if of, ok := known.(form); ok {
				return of, nil
			}
		}
	}
	stored, err := canonical(k, copyOf(object))
	if err != nil {
		return form{}, err
	}
	of := form{object: stored, bare: !equality.Semantic.DeepEqual(object, stored)}
	if remembers {
		s.schemas.forms.Add(mark, of)
	}
	return of, nil
}

// digest tells an object from others, and an update of one. Objects of one digest are equal but for their versions.
type digest [sha256.Size]byte

// digestOf is the digest of an object that came of something else than a write.
func digestOf(k *kind, object client.Object) digest {
	unversioned := copyOf(object)
	unversioned.SetResourceVersion("")
	data, err := json.Marshal(unversioned)
	if err != nil {
		panic(err)
	}
	return sha256.Sum256(append([]byte(k.String()), data...))
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

// digestOfCreation is the digest of an object that a demand makes.
func (s *Server) digestOfCreation(c call, asked demand) digest {
	sum := sha256.New()
	fmt.Fprintf(sum, "new %s %q %q %q %t %t %t %q %d %d %d\n", c.kind, c.key.Namespace, c.key.Name, c.manager, c.posted, c.dryRun, asked.force, asked.verb, s.name, s.made, s.now().Unix())
	sum.Write(asked.body)
	return digest(sum.Sum(nil))
}

// recall gives what a write makes of an object, if that was worked out before. It may be changed; its version is that of another time.
func (s *Server) recall(write digest) client.Object {
	if s.schemas.updates == nil || s.flaw != flawless {
		return nil
	}
	found, ok := s.schemas.updates.Get(write)
	if !ok {
		return nil
	}
	known, ok := found.(client.Object)
	if !ok {
		return nil
	}
	return copyOf(known)
}

func (s *Server) remember(write digest, object client.Object) {
	if s.schemas.updates != nil && s.flaw == flawless {
		s.schemas.updates.Add(write, copyOf(object))
	}
}
