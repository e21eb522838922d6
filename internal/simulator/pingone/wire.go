package pingone

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

// The wire types are written from the vendor's API description alone and shared with no client, so that a wrong belief
// of a client's is not confirmed here.

type loginAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"` // seconds
}

type loginError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// createdObject has the value once, in Credential or Token.
type createdObject struct {
	ID         string  `json:"id"`
	CreatedAt  string  `json:"createdAt"`
	Credential *string `json:"credential,omitempty"`
	Token      *string `json:"token,omitempty"`
}

// credentialObject is a credential in all other answers.
type credentialObject struct {
	Links      *links `json:"_links,omitempty"`
	ID         string `json:"id"`
	CreatedAt  string `json:"createdAt"`
	LastUsedAt string `json:"lastUsedAt,omitempty"`
}

type environmentObject struct {
	Links *links `json:"_links"`
	ID    string `json:"id"`
	Name  string `json:"name"`
	Type  string `json:"type"`
}

type gatewayObject struct {
	Links       *links             `json:"_links"`
	ID          string             `json:"id"`
	Environment reference          `json:"environment"`
	Name        string             `json:"name"`
	Type        string             `json:"type"`
	Enabled     bool               `json:"enabled"`
	Credentials []credentialObject `json:"credentials"`
}

type reference struct {
	ID string `json:"id"`
}

// list is a page of a list. Count is of all rows, Size of those here.
type list struct {
	Links    *links                     `json:"_links"`
	Embedded map[string]json.RawMessage `json:"_embedded"`
	Count    int                        `json:"count"`
	Size     int                        `json:"size"`
}

type links struct {
	Self link  `json:"self"`
	Next *link `json:"next,omitempty"`
}

type link struct {
	Href string `json:"href"`
}

// errorObject is what goes wrong with any route but the login.
type errorObject struct {
	ID      string        `json:"id"`
	Code    string        `json:"code"`
	Message string        `json:"message"`
	Details []errorDetail `json:"details,omitempty"`
}

type errorDetail struct {
	Code    string `json:"code"`
	Target  string `json:"target"`
	Message string `json:"message"`
}

// refuseLogin is an error of the login.
func refuseLogin(status int, description string) stage.Answer {
	words := map[int]string{
		http.StatusUnauthorized:    "invalid_client",
		http.StatusForbidden:       "unauthorized_client",
		http.StatusTooManyRequests: "temporarily_unavailable",
	}
	word, known := words[status]
	if !known {
		word = "invalid_request"
	}
	return refuseLoginAs(status, word, description)
}

func refuseLoginAs(status int, word, description string) stage.Answer {
	return stage.JSON(status, loginError{Error: word, Description: description})
}

// refuse is an error whose code is the usual one of its status.
func refuse(status int, message string) stage.Answer {
	codes := map[int]string{
		http.StatusBadRequest:      "INVALID_DATA",
		http.StatusUnauthorized:    "ACCESS_FAILED",
		http.StatusForbidden:       "ACCESS_FAILED",
		http.StatusNotFound:        "NOT_FOUND",
		http.StatusConflict:        "UNIQUENESS_VIOLATION",
		http.StatusTooManyRequests: "REQUEST_LIMITED",
	}
	code, known := codes[status]
	if !known {
		code = "UNEXPECTED_ERROR"
	}
	return stage.JSON(status, errorObject{ID: uuid.NewString(), Code: code, Message: message})
}

// refuseMore is the answer to one credential too many.
func (s Switches) refuseMore() stage.Answer {
	const invalid = "The data of the request is not valid."
	detail := errorDetail{Code: "CONSTRAINT_VIOLATION", Target: "credentials", Message: "The gateway has all it may have."}
	switch s.TooManyStatus {
	case http.StatusBadRequest:
		return stage.JSON(s.TooManyStatus, errorObject{
			ID: uuid.NewString(), Code: "INVALID_DATA", Message: invalid, Details: []errorDetail{detail},
		})
	default:
		return refuse(s.TooManyStatus, detail.Message)
	}
}

// created is a new credential, whose value the call's fault may leave empty.
func (s Switches) created(c *credential, value string, fault stage.Kind) createdObject {
	if fault == stage.EmptyValue {
		value = ""
	}
	object := createdObject{ID: c.id, CreatedAt: timestamp(c.createdAt)}
	if s.ValueField == FieldToken {
		object.Token = &value
	} else {
		object.Credential = &value
	}
	return object
}

// object is the credential with its metadata.
func (s Switches) object(c *credential) credentialObject {
	object := credentialObject{ID: c.id, CreatedAt: timestamp(c.createdAt)}
	if s.LastUsedShown && !c.lastUsedAt.IsZero() {
		object.LastUsedAt = timestamp(c.lastUsedAt)
	}
	return object
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }
