package pingone

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/login"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

// AuthMethod is how a worker application identifies itself at the token endpoint. PingOne takes only the one that the
// application is set to.
type AuthMethod string

// The methods of client credentials with a secret.
const (
	// ClientSecretBasic puts ID and secret into the Authorization header.
	ClientSecretBasic AuthMethod = "client_secret_basic"
	// ClientSecretPost puts them into the form.
	ClientSecretPost AuthMethod = "client_secret_post"
)

// loginAnswer is the answer of RFC 6749, 5.1. What has no field is not decoded.
type loginAnswer struct {
	AccessToken string      `json:"access_token"`
	TokenType   string      `json:"token_type"`
	ExpiresIn   json.Number `json:"expires_in"`
}

// bearer is empty where the answer has none that can be used as one.
func (a loginAnswer) bearer() token.Value {
	if a.TokenType != "" && !strings.EqualFold(a.TokenType, "Bearer") {
		return token.Value{}
	}
	return token.NewValue(a.AccessToken)
}

// loginCall has the credentials in clear where its body is, and lives no longer than the login.
func (c *Client) loginCall() rest.Call {
	form := url.Values{"grant_type": {"client_credentials"}}
	call := rest.Call{Operation: "log in", Method: http.MethodPost, Harmless: true, ContentType: rest.Form, Want: http.StatusOK}
	switch c.method {
	case ClientSecretPost:
		form.Set("client_id", c.clientID.Reveal())
		form.Set("client_secret", c.clientSecret.Reveal())
	case ClientSecretBasic:
		// RFC 6749, 2.3.1: each is encoded like a form's before they are joined by a colon.
		call.Basic = rest.Basic{User: escaped(c.clientID), Password: escaped(c.clientSecret)}
	}
	call.Body = []byte(form.Encode())
	return call
}

func escaped(secret token.Value) token.Value { return token.NewValue(url.QueryEscape(secret.Reveal())) }

// login exchanges the client credentials for a bearer.
func (c *Client) login(ctx context.Context) (token.Value, time.Duration, error) {
	answer, _, err := rest.Object[loginAnswer](ctx, c.auth, c.loginCall())
	if err != nil {
		return token.Value{}, 0, err
	}
	if bearer := answer.bearer(); bearer.Usable() {
		return bearer, login.Life(answer.ExpiresIn), nil
	}
	return token.Value{}, 0, login.Unusable(http.StatusOK)
}
