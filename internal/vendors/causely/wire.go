package causely

import (
	"net/http"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// createRequest is the body of a create: a name is all that can be chosen.
type createRequest struct {
	Name string `json:"name"`
}

// row is a token as the vendor shows it, without its value: what has no field is not decoded.
type row struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	State      string `json:"state"`
	MediatorID string `json:"mediatorId"`
	ProjectID  string `json:"projectId"`
	CreatedAt  string `json:"createdAt"`
	RevokedAt  string `json:"revokedAt"`
}

// rowWithValue is a token as the vendor shows it. It is decoded where a value was asked for, and only there.
type rowWithValue struct {
	row
	TokenValue string `json:"tokenValue"`
}

func (r rowWithValue) value() token.Value { return token.NewValue(r.TokenValue) }

// token reads a row. It is not ok where the ID cannot be one or the account is garbled: what tells tokens and accounts
// apart must not be guessed. Everything else may be missing.
func (r row) token() (token.Token, bool) {
	if !plain(r.ID) || (r.ProjectID != "" && !plain(r.ProjectID)) {
		return token.Token{}, false
	}
	read := token.Token{
		ID: token.ID(r.ID), Name: r.Name, State: token.Active, Account: r.ProjectID,
		IssuedAt: instant(r.CreatedAt), RevokedAt: instant(r.RevokedAt),
	}
	if r.State == string(token.Revoked) {
		read.State = token.Revoked
	}
	if plain(r.MediatorID) {
		read.MediatorID = r.MediatorID
	}
	return read, true
}

// issued judges the answer to a create. Whatever is wrong with it, the vendor said 201, so that there is a token.
func (r rowWithValue) issued(operation, name string) (token.Issued, error) {
	fail := func(class token.Class, cause token.Cause, stray token.ID) (token.Issued, error) {
		return token.Issued{}, &token.Failure{
			Operation: operation, Class: class, Cause: cause, Status: http.StatusCreated, Stray: stray,
		}
	}
	if !plain(r.ID) {
		return fail(token.Ambiguous, token.CauseUnexpected, "")
	}
	created, ok := r.token()
	switch {
	case r.Name != name:
		return fail(token.Invalid, token.CauseNameAltered, token.ID(r.ID))
	case !ok, r.State != string(token.Active):
		return fail(token.Ambiguous, token.CauseUnexpected, token.ID(r.ID))
	case !r.value().Usable():
		return fail(token.Ambiguous, token.CauseEmptyValue, token.ID(r.ID))
	}
	return token.Issued{Token: created, Value: r.value()}, nil
}

// instant reads RFC 3339; zero where it is not one.
func instant(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// maxID bounds identifiers; the vendor's are UUIDs.
const maxID = 128

// plain tells whether a text may be used as an identifier in a path, in a name and in a message.
func plain(text string) bool {
	if text == "" || len(text) > maxID || text == "." || text == ".." {
		return false
	}
	for i := range len(text) {
		if !plainByte(text[i]) {
			return false
		}
	}
	return true
}

func plainByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '-' || c == '_' || c == '.'
}
