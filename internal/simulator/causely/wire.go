package causely

import (
	"net/http"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

// The wire types are written from the vendor's API description alone and shared with no client, so that a wrong belief
// of a client's is not confirmed here.

type loginRequest struct {
	ClientID string `json:"clientId"`
	Secret   string `json:"secret"`
}

// snakeLogin is the login answer as version 2 of the authentication service spells it.
type snakeLogin struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int    `json:"expires_in"` // seconds
	Expires      string `json:"expires"`    // an HTTP date
}

// camelLogin is the login answer as version 1 of the authentication service spells it.
type camelLogin struct {
	AccessToken  string `json:"accessToken"`
	RefreshToken string `json:"refreshToken"`
	ExpiresIn    int    `json:"expiresIn"`
	Expires      string `json:"expires"`
}

type createRequest struct {
	Name string `json:"name"`
}

// tokenObject is a gateway token in the answers of create, list and revoke. Only active tokens have a tokenValue, only
// revoked ones revokedAt and revokedBy.
type tokenObject struct {
	ID             string  `json:"id"`
	Name           string  `json:"name"`
	TokenValue     *string `json:"tokenValue,omitempty"`
	MediatorID     string  `json:"mediatorId"`
	ProjectID      string  `json:"projectId"`
	CreatedBy      string  `json:"createdBy"`
	CreatedByEmail string  `json:"createdByEmail"`
	State          State   `json:"state"`
	RevokedAt      string  `json:"revokedAt,omitempty"`
	RevokedBy      string  `json:"revokedBy,omitempty"`
	CreatedAt      string  `json:"createdAt"`
}

type defaultToken struct {
	TokenValue string `json:"tokenValue"`
}

type tokenError struct {
	Error string `json:"error"`
}

type loginErrors struct {
	Errors []string `json:"errors"`
}

func refuseToken(status int, message string) stage.Answer {
	return stage.JSON(status, tokenError{Error: message})
}

func refuseLogin(status int, message string) stage.Answer {
	return stage.JSON(status, loginErrors{Errors: []string{message}})
}

// object is the token as the API shows it; withValue where the answer carries the value of an active token.
func (t *token) object(withValue bool) tokenObject {
	object := tokenObject{
		ID:             t.id,
		Name:           t.name,
		MediatorID:     mediatorID(t.projectID),
		ProjectID:      t.projectID,
		CreatedBy:      t.createdBy,
		CreatedByEmail: t.createdByEmail,
		State:          t.state(),
		RevokedBy:      t.revokedBy,
		CreatedAt:      timestamp(t.createdAt),
	}
	if !t.revokedAt.IsZero() {
		object.RevokedAt = timestamp(t.revokedAt)
	}
	if withValue && object.State == Active {
		object.TokenValue = &t.value
	}
	return object
}

// login is the login answer in the spelling that is switched on.
func (s Switches) login(bearer, refresh string, now time.Time) stage.Answer {
	answer := snakeLogin{
		AccessToken:  bearer,
		RefreshToken: refresh,
		ExpiresIn:    s.BearerSeconds,
		Expires:      s.bearerEnd(now).UTC().Format(http.TimeFormat),
	}
	if s.LoginSpelling == SpellingCamel {
		return stage.JSON(http.StatusOK, camelLogin(answer))
	}
	return stage.JSON(http.StatusOK, answer)
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
