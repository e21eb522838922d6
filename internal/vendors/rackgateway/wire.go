package rackgateway

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

// What the gateway has room for. It answers 500 to more.
const (
	roomForName   = 150  // characters
	roomForRights = 4000 // bytes of JSON
)

// valuePrefix begins every value.
const valuePrefix = "rgw_"

// nameTaken is all that tells a name that is taken from other refusals. It decides between two classes of which both mean that
// nothing was made: a gateway that words it otherwise costs a less precise message.
const nameTaken = "token name already exists"

// createRequest is the body of a create. A role is a shortcut that is not sent where permissions are.
type createRequest struct {
	Name        string   `json:"name"`
	Role        string   `json:"role,omitempty"`
	Permissions []string `json:"permissions,omitempty"`
}

func newCreateRequest(request vendors.Request) createRequest {
	if len(request.Rights) > 0 {
		return createRequest{Name: request.Name, Permissions: request.Rights}
	}
	return createRequest{Name: request.Name, Role: request.Role}
}

// updateRequest leaves the name as it is.
type updateRequest struct {
	Permissions []string `json:"permissions"`
}

// row is a token as the gateway shows it. It never has the value.
type row struct {
	Number      int64    `json:"id"`
	ID          string   `json:"public_id"`
	Name        string   `json:"name"`
	Permissions []string `json:"permissions"`
	CreatedAt   string   `json:"created_at"`
	ExpiresAt   string   `json:"expires_at"`
	LastUsedAt  string   `json:"last_used_at"`
}

// createAnswer has the value beside the row. What it repeats of the row is not looked at.
type createAnswer struct {
	Token string `json:"token"`
	Row   row    `json:"api_token"`
}

type catalogueAnswer struct {
	Permissions []string `json:"permissions"`
	Roles       []struct {
		Name        string   `json:"name"`
		Permissions []string `json:"permissions"`
	} `json:"roles"`
}

// refusal is the body of an error.
type refusal struct {
	Error string `json:"error"`
}

// token reads a row. It is not ok where the ID cannot be one. Everything else may be missing.
func (r row) token() (token.Token, bool) {
	if !wellFormedID(r.ID) {
		return token.Token{}, false
	}
	read := token.Token{
		ID: token.ID(r.ID), Name: r.Name, State: token.Active, Rights: inOrder(r.Permissions),
		IssuedAt: instant(r.CreatedAt), ExpiresAt: instant(r.ExpiresAt), LastUsedAt: instant(r.LastUsedAt),
	}
	if r.Number > 0 {
		read.AuditID = strconv.FormatInt(r.Number, 10)
	}
	return read, true
}

// issued judges the answer to a create. Whatever is wrong with it, the gateway said 200, so that there is a token.
func (a createAnswer) issued(operation, name string) (token.Issued, error) {
	fail := func(class token.Class, cause token.Cause, stray token.ID) (token.Issued, error) {
		return token.Issued{}, &token.Failure{
			Operation: operation, Class: class, Cause: cause, Status: http.StatusOK, Stray: stray,
		}
	}
	created, ok := a.Row.token()
	value := token.NewValue(a.Token)
	switch {
	case !ok:
		return fail(token.Ambiguous, token.CauseUnexpected, "")
	case created.Name != name:
		return fail(token.Invalid, token.CauseNameAltered, created.ID)
	case !wellFormed(value):
		return fail(token.Ambiguous, token.CauseEmptyValue, created.ID)
	}
	return token.Issued{Token: created, Value: value}, nil
}

// catalogue is not ok where the answer is something else.
func (a catalogueAnswer) catalogue() (vendors.Catalogue, bool) {
	if len(a.Permissions) == 0 {
		return vendors.Catalogue{}, false
	}
	read := vendors.Catalogue{Rights: inOrder(a.Permissions), Roles: map[string][]string{}}
	for _, role := range a.Roles {
		if _, twice := read.Roles[role.Name]; twice || role.Name == "" || len(role.Permissions) == 0 {
			return vendors.Catalogue{}, false
		}
		read.Roles[role.Name] = inOrder(role.Permissions)
	}
	return read, true
}

// refusedCreate finds out whether the name is taken.
func refusedCreate(class token.Class, body []byte) (token.Class, token.Cause) {
	if class == token.Invalid && errorIn(body) == nameTaken {
		return token.Conflict, token.CauseStatus
	}
	return class, token.CauseStatus
}

// refusedForOne looks who says that there is no such token. That is proof that it is gone, so that it must come from the gateway
// and not from whatever stands before it while it is away.
func refusedForOne(class token.Class, body []byte) (token.Class, token.Cause) {
	if class == token.NotFound && errorIn(body) == "" {
		return token.Unavailable, token.CauseUnexpected
	}
	return class, token.CauseStatus
}

// errorIn is empty where the body is not the gateway's way to refuse.
func errorIn(body []byte) string {
	var read refusal
	if body == nil || json.Unmarshal(body, &read) != nil {
		return ""
	}
	return read.Error
}

// inOrder gives permissions sorted, none twice; nil for nil.
func inOrder(permissions []string) []string {
	ordered := slices.Clone(permissions)
	slices.Sort(ordered)
	return slices.Compact(ordered)
}

// storableName tells whether the gateway keeps a name, as it is.
func storableName(name string) bool {
	return name != "" && utf8.ValidString(name) && utf8.RuneCountInString(name) <= roomForName && strings.TrimSpace(name) == name
}

// storable tells whether the gateway has room for permissions.
func storable(permissions []string) bool {
	text, err := json.Marshal(permissions)
	return err == nil && len(text) <= roomForRights
}

// wellFormed tells whether a value can be one of the gateway's. The document says how it begins; the rest is not taken at its
// word, for its own example is shorter than it says.
func wellFormed(value token.Value) bool {
	return value.Usable() && len(value.Reveal()) > len(valuePrefix) && strings.HasPrefix(value.Reveal(), valuePrefix)
}

// instant reads RFC 3339; zero where it is not one.
func instant(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

var idPattern = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// wellFormedID tells whether a text can be an ID: a UUID as the gateway writes it. It stumbles over anything else.
func wellFormedID(text string) bool { return idPattern.MatchString(text) }
