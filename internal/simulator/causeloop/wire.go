package causeloop

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

// The wire types are written from the vendor's API description alone and shared with no client, so that a wrong belief
// of a client's is not confirmed here.

// createRequest is the body of all routes that make something.
type createRequest struct {
	Name          string     `json:"name"`
	Description   string     `json:"description"`
	Scopes        []string   `json:"scopes"`
	ExpiresAt     *time.Time `json:"expires_at"`
	ExpiresInDays *int       `json:"expires_in_days"`
}

// tokenObject is a token of any kind. One of Secret and Token is there where the value is shown.
type tokenObject struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Scopes     []string   `json:"scopes"`
	ExpiresAt  *time.Time `json:"expires_at"`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
	RevokedAt  *time.Time `json:"revoked_at"`
	Secret     *string    `json:"secret,omitempty"`
	Token      *string    `json:"token,omitempty"`
}

// machineObject is a service account.
type machineObject struct {
	ID          string         `json:"id"`
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Scopes      []string       `json:"scopes"`
	CreatedAt   time.Time      `json:"created_at"`
	Tokens      *[]tokenObject `json:"tokens,omitempty"`
}

type scopeObject struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// page is a list, Page being absent where there is all of it.
type page struct {
	Data any         `json:"data"`
	Page *pageObject `json:"page,omitempty"`
}

type pageObject struct {
	NextCursor *string `json:"next_cursor"`
	HasMore    bool    `json:"has_more"`
	Total      int     `json:"total"`
}

type errorAnswer struct {
	Error errorObject `json:"error"`
}

type errorObject struct {
	Code    string            `json:"code"`
	Message string            `json:"message"`
	TraceID string            `json:"trace_id,omitempty"`
	Details map[string]string `json:"details,omitempty"`
}

const requestID = "X-Request-Id"

// refuse is an error whose code is the usual one of its status.
func refuse(status int, message string) stage.Answer {
	codes := map[int]string{
		http.StatusBadRequest:          "validation_error",
		http.StatusUnauthorized:        "unauthorized",
		http.StatusForbidden:           "forbidden",
		http.StatusNotFound:            "not_found",
		http.StatusConflict:            "conflict",
		http.StatusUnprocessableEntity: "unprocessable",
		http.StatusTooManyRequests:     "rate_limited",
	}
	code, known := codes[status]
	if !known {
		code = "internal_error"
	}
	return refuseAs(status, code, message, nil)
}

// refuseAs is an error of any code. What stands before the API and counts calls knows no trace.
func refuseAs(status int, code, message string, details map[string]string) stage.Answer {
	object := errorObject{Code: code, Message: message, Details: details}
	if status == http.StatusTooManyRequests {
		object.Message = "Too many requests"
		return stage.JSON(status, errorAnswer{Error: object})
	}
	object.TraceID = uuid.NewString()
	answer := stage.JSON(status, errorAnswer{Error: object})
	answer.Header = http.Header{requestID: {object.TraceID}}
	return answer
}

// invalid is an error of one field.
func invalid(field, message string) stage.Answer {
	return refuseAs(http.StatusBadRequest, "validation_error", "The request is not valid.", map[string]string{field: message})
}

// object is the token as the API shows it, without its value.
func (t *token) object() tokenObject {
	return tokenObject{
		ID:         t.id,
		Name:       t.name,
		Scopes:     append([]string{}, t.scopes...),
		ExpiresAt:  storedIfAny(t.expiresAt),
		CreatedAt:  stored(t.createdAt),
		LastUsedAt: storedIfAny(t.lastUsedAt),
		RevokedAt:  storedIfAny(t.revokedAt),
	}
}

// shown is the token with its value, which the call's fault may leave empty.
func (s Switches) shown(t *token, value string, fault stage.Kind) tokenObject {
	if fault == stage.EmptyValue {
		value = ""
	}
	object := t.object()
	if s.SecretField == FieldToken {
		object.Token = &value
	} else {
		object.Secret = &value
	}
	return object
}

func (m *machine) object() machineObject {
	return machineObject{
		ID:          m.id,
		Name:        m.name,
		Description: m.description,
		Scopes:      append([]string{}, m.scopes...),
		CreatedAt:   stored(m.createdAt),
	}
}

// stored is a time as the vendor's database keeps it.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func storedIfAny(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	kept := stored(t)
	return &kept
}
