package causely

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/login"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

// loginRequest is the vendor's wire format. It has the credentials in clear and lives no longer than its encoding.
type loginRequest struct {
	ClientID string `json:"clientId"`
	Secret   string `json:"secret"`
}

// loginAnswer takes the answer in every spelling that the vendor's own clients take.
type loginAnswer struct {
	SnakeToken string      `json:"access_token"`
	CamelToken string      `json:"accessToken"`
	PlainToken string      `json:"token"`
	SnakeLife  json.Number `json:"expires_in"`
	CamelLife  json.Number `json:"expiresIn"`
}

func (a loginAnswer) bearer() token.Value {
	for _, spelled := range []string{a.SnakeToken, a.CamelToken, a.PlainToken} {
		if spelled != "" {
			return token.NewValue(spelled)
		}
	}
	return token.Value{}
}

func (a loginAnswer) life() time.Duration {
	if a.SnakeLife != "" {
		return login.Life(a.SnakeLife)
	}
	return login.Life(a.CamelLife)
}

// login exchanges the client credentials for a bearer.
func (c *Client) login(ctx context.Context) (token.Value, time.Duration, error) {
	body, err := json.Marshal(loginRequest{ClientID: c.clientID.Reveal(), Secret: c.clientSecret.Reveal()})
	if err != nil {
		return token.Value{}, 0, &token.Failure{Operation: "log in", Class: token.Invalid, Cause: token.CauseUnexpected}
	}
	answer, _, err := rest.Object[loginAnswer](ctx, c.auth, rest.Call{
		Operation: "log in", Method: http.MethodPost, Harmless: true, Body: body, Want: http.StatusOK,
	})
	if err != nil {
		return token.Value{}, 0, err
	}
	if bearer := answer.bearer(); bearer.Usable() {
		return bearer, answer.life(), nil
	}
	return token.Value{}, 0, login.Unusable(http.StatusOK)
}
