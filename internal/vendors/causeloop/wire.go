package causeloop

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// tokenRequest is the body of a create of a personal token.
type tokenRequest struct {
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"`
	// ExpiresAt is RFC 3339; left out for a token without an expiry.
	ExpiresAt string `json:"expires_at,omitempty"`
}

// accountRequest is the body of a create of a service account.
type accountRequest struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Scopes      []string `json:"scopes"`
}

// issueRequest is the body of a create of a service account's token.
type issueRequest struct {
	Name string `json:"name"`
}

// reference is as much of an answer as tells what it is about.
type reference struct {
	ID string `json:"id"`
}

// row is a token or a service account as the vendor shows it, without a value: what has no field is not decoded.
type row struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Scopes     []string `json:"scopes"`
	CreatedAt  string   `json:"created_at"`
	ExpiresAt  string   `json:"expires_at"`
	LastUsedAt string   `json:"last_used_at"`
	RevokedAt  string   `json:"revoked_at"`
}

// rowWithValue is a token as the vendor shows it once.
type rowWithValue struct {
	row
	Secret string `json:"secret"`
	Token  string `json:"token"`
}

func (r rowWithValue) value() token.Value {
	if r.Secret != "" {
		return token.NewValue(r.Secret)
	}
	return token.NewValue(r.Token)
}

// token reads a row. It is not ok where the ID cannot be one: what tells tokens apart must not be guessed. Everything else may be
// missing.
func (r row) token() (token.Token, bool) {
	if !plain(r.ID) {
		return token.Token{}, false
	}
	read := token.Token{
		ID: token.ID(r.ID), Name: r.Name, State: token.Active, IssuedAt: instant(r.CreatedAt), ExpiresAt: instant(r.ExpiresAt),
		RevokedAt: instant(r.RevokedAt), LastUsedAt: instant(r.LastUsedAt), Rights: rights(r.Scopes),
	}
	// A time that cannot be read is one all the same.
	if r.RevokedAt != "" {
		read.State = token.Revoked
	}
	return read, true
}

// made is an answer that says that something was made. Whatever is wrong with it, there is something now.
type made struct {
	operation string
	status    int
}

func (m made) failure(class token.Class, cause token.Cause, stray token.ID) error {
	return &token.Failure{Operation: m.operation, Class: class, Cause: cause, Status: m.status, Stray: stray}
}

// created reads what was made.
func (m made) created(read row) (token.Token, error) {
	created, ok := read.token()
	switch {
	case !ok:
		return token.Token{}, m.failure(token.Ambiguous, token.CauseUnexpected, "")
	case created.State != token.Active:
		return token.Token{}, m.failure(token.Ambiguous, token.CauseUnexpected, created.ID)
	}
	return created, nil
}

// named is created for what was to have a name of ours.
func (m made) named(read row, name string) (token.Token, error) {
	created, err := m.created(read)
	if err == nil && created.Name != name {
		return token.Token{}, m.failure(token.Invalid, token.CauseNameAltered, created.ID)
	}
	return created, err
}

// issued adds the value to what was made.
func (m made) issued(created token.Token, read rowWithValue) (token.Issued, error) {
	if !read.value().Usable() {
		return token.Issued{}, m.failure(token.Ambiguous, token.CauseEmptyValue, created.ID)
	}
	return token.Issued{Token: created, Value: read.value()}, nil
}

// errorAnswer is the body of an error. What it says is not looked at, only that it is the vendor's.
type errorAnswer struct {
	Error struct {
		Code string `json:"code"`
	} `json:"error"`
}

// refusal tells a vendor that does not know a token from somebody else who does not know the path, such as an ingress whose
// API is away: where there is no list to look at, the former is the end of the token.
func refusal(class token.Class, body []byte) (token.Class, token.Cause) {
	var said errorAnswer
	if class == token.NotFound && (json.Unmarshal(body, &said) != nil || said.Error.Code == "") {
		return token.Unavailable, token.CauseUnexpected
	}
	return class, token.CauseStatus
}

// scope is a row of the catalogue: a name, or an object that has one.
type scope struct{ name string }

// UnmarshalJSON implements json.Unmarshaler.
func (s *scope) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &s.name) == nil {
		return nil
	}
	var object struct {
		Name  string `json:"name"`
		Scope string `json:"scope"`
	}
	if err := json.Unmarshal(text, &object); err != nil {
		return err
	}
	if s.name = object.Name; s.name == "" {
		s.name = object.Scope
	}
	return nil
}

// rights reads scopes. What cannot be one makes all of them as good as not shown.
func rights(scopes []string) []string {
	if scopes == nil || !allOf(scopes, plainRight) {
		return nil
	}
	sorted := slices.Clone(scopes)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

// instant reads RFC 3339, and the same without a zone, which is UTC; zero where it is neither.
func instant(text string) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}

// maxID bounds identifiers; the vendor's are a prefix and a UUID at most.
const maxID = 128

// plain tells whether a text may be used as an identifier in a path, in a name and in a message.
func plain(text string) bool {
	return text != "" && len(text) <= maxID && text != "." && text != ".." && allOf([]byte(text), plainByte)
}

// plainRight tells whether a text may be shown as the name of a right.
func plainRight(text string) bool {
	return text != "" && len(text) <= maxID && allOf([]byte(text), func(c byte) bool { return plainByte(c) || c == ':' || c == '*' })
}

func plainByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '-' || c == '_' || c == '.'
}

func allOf[T any](all []T, ok func(T) bool) bool {
	return !slices.ContainsFunc(all, func(one T) bool { return !ok(one) })
}
