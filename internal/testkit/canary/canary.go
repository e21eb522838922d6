// Package canary searches what a program puts out for secrets that it must never put out: as they are, encoded, and in
// fragments. All tests that look for secrets look with it: worlds on a fake clock, the operator as a process, the demo.
package canary

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// FragmentLength is the length of the shortest piece of a secret, in characters, that is found.
const FragmentLength = 16

// Secret is one value that must not be seen.
type Secret struct {
	// Name says in a report whose secret it is.
	Name string
	// Value is the secret as it is. Of a signed token (three parts with dots between) the signature alone counts as
	// secret: header and claims say nothing that other tokens and identifiers do not say.
	Value string
}

// Hit is a place where a secret was found.
type Hit struct {
	// Secret and Encoding say what was found; File and Offset where.
	Secret, Encoding, File string
	Offset                 int
}

// Search knows what to look for. It does not change once it is made.
type Search struct {
	// fragments are all pieces of all encodings; maybe has a bit for the first eight bytes of each, so that almost
	// every place of a file is passed over without a look into the map.
	fragments map[[FragmentLength]byte]origin
	maybe     []bool
	shift     uint
}

type origin struct{ secret, encoding string }

// many is from how many secrets on a search is coarse, unless it is made to be fine.
const many = 64

// New makes a search for the secrets. Whatever piece of FragmentLength characters of whichever of them is put out, it finds.
func New(secrets ...Secret) *Search { return search(1, secrets) }

// Of makes a search for values that need no names. For more than a few of them it is a coarse one, which finds pieces of twice that
// length for certain and costs a small part: for worlds with thousands of tokens.
func Of(values ...string) *Search {
	var secrets []Secret
	for i, value := range values {
		secrets = append(secrets, Secret{Name: "secret " + strconv.Itoa(i+1), Value: value})
	}
	if len(values) > many {
		return search(FragmentLength, secrets)
	}
	return search(1, secrets)
}

// search makes a search for those pieces that begin at every so many characters of a secret.
func search(stride int, secrets []Secret) *Search {
	s := &Search{fragments: map[[FragmentLength]byte]origin{}}
	for _, secret := range secrets {
		for encoding, text := range Encodings(secretPart(secret.Value)) {
			s.add(text, stride, origin{secret: secret.Name, encoding: encoding})
		}
	}
	// The fragments fill a small part of the filter.
	filter := bits.Len(uint(len(s.fragments))) + 4
	s.shift, s.maybe = uint(64-filter), make([]bool, 1<<filter)
	for fragment := range s.fragments {
		s.maybe[s.sum(fragment[:])] = true
	}
	return s
}

// secretPart is the signature of a signed token, and all of any other value.
func secretPart(value string) string {
	if parts := strings.Split(value, "."); len(parts) == 3 && strings.HasPrefix(value, "eyJ") {
		return parts[2]
	}
	return value
}

// Encodings are the forms in which a secret could be put out, by name.
func Encodings(secret string) map[string]string {
	encodings := map[string]string{
		"plain": secret, "quoted": strconv.Quote(secret), "hex": hex.EncodeToString([]byte(secret)),
		"upper hex": strings.ToUpper(hex.EncodeToString([]byte(secret))), "bytes": strings.Trim(fmt.Sprintf("%d", []byte(secret)), "[]"),
		"URL query": url.QueryEscape(secret), "URL path": url.PathEscape(secret),
	}
	for _, escapeHTML := range []bool{true, false} {
		if !utf8.ValidString(secret) {
			continue // nobody could recognise it in JSON
		}
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(escapeHTML)
		if err := encoder.Encode(secret); err == nil { // strings always can be encoded
			encodings["JSON "+strconv.FormatBool(escapeHTML)] = strings.Trim(text.String(), "\"\n")
		}
	}
	// Base64 of a text that has the secret in it looks different for each of three positions. What shares a group with
	// neighbours is left out.
	for shift := range 3 {
		for name, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			text := encoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + secret))
			first, last := []int{0, 2, 3}[shift], len(text)
			if (shift+len(secret))%3 != 0 {
				last--
			}
			encodings[name+" "+strconv.Itoa(shift)] = text[min(first, last):last]
		}
	}
	return encodings
}

func (s *Search) add(text string, stride int, from origin) {
	for at := 0; at+FragmentLength <= len(text); at += stride {
		fragment := [FragmentLength]byte([]byte(text[at : at+FragmentLength]))
		if _, known := s.fragments[fragment]; !known {
			s.fragments[fragment] = from
		}
	}
}

// Fragments is the number of different pieces that are looked for.
func (s *Search) Fragments() int { return len(s.fragments) }

// Text searches a text and returns the first hit of each secret in each encoding.
func (s *Search) Text(file string, text []byte) []Hit {
	var hits []Hit
	for at := 0; at+FragmentLength <= len(text); at++ {
		if !s.maybe[s.sum(text[at:])] {
			continue
		}
		from, found := s.fragments[[FragmentLength]byte(text[at:at+FragmentLength])]
		if !found || slices.ContainsFunc(hits, func(h Hit) bool { return h.Secret == from.secret && h.Encoding == from.encoding }) {
			continue
		}
		hits = append(hits, Hit{Secret: from.secret, Encoding: from.encoding, File: file, Offset: at})
	}
	return hits
}

// Files searches files and says how many bytes they had.
func (s *Search) Files(paths ...string) (hits []Hit, size int, err error) {
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, 0, err
		}
		size += len(text)
		hits = append(hits, s.Text(path, text)...)
	}
	return hits, size, nil
}

// None is an error for each secret that is found in files, and says how many bytes were searched.
func (s *Search) None(paths ...string) (size int, err error) {
	hits, size, err := s.Files(paths...)
	for _, hit := range hits {
		err = errors.Join(err, fmt.Errorf("expected no secret in %s, found %s (%s) at byte %d", hit.File, hit.Secret, hit.Encoding, hit.Offset))
	}
	return size, err
}

// planted is how much of a secret the control looks for: as much as is left of a value that somebody has cut.
const planted = 20

// Control is the positive control of a search: it is an error when the last part of the secret is not found, in each form that is long
// enough, between other text.
func (s *Search) Control(secret Secret, around []byte) error {
	for encoding, text := range Encodings(secret.Value[max(0, len(secret.Value)-planted):]) {
		if len(text) < FragmentLength {
			continue
		}
		if hits := s.Text("planted", slices.Concat(around, []byte(text), around)); len(hits) == 0 {
			return fmt.Errorf("expected the search to find %s, in the form %s, found nothing", secret.Name, encoding)
		}
	}
	return nil
}

// sum mixes the first eight bytes into a place of the filter.
func (s *Search) sum(text []byte) uint64 {
	return binary.LittleEndian.Uint64(text) * 0x9e3779b97f4a7c15 >> s.shift
}
