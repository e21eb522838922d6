package pingone

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

// login is what a worker application says of itself.
type login struct {
	clientID, method string
	secrets          []string // as it can be read: any of them may be right
}

// prepareLogin is the token endpoint of an environment.
func (v *Vendor) prepareLogin(call stage.Call) stage.Commit {
	contentType, _, err := mime.ParseMediaType(call.Request.Header.Get("Content-Type"))
	form, badForm := url.ParseQuery(string(call.Body))
	if err != nil || badForm != nil || contentType != "application/x-www-form-urlencoded" {
		return stage.Always(refuseLogin(http.StatusBadRequest, "the body must be a form"))
	}
	said := loginOf(call.Request, form)
	return func(now time.Time) stage.Answer {
		environmentID := call.Request.PathValue("environment")
		if e := v.environments[environmentID]; e == nil || e.deleted {
			return refuse(http.StatusNotFound, "There is no such environment.")
		}
		if form.Get("grant_type") != "client_credentials" {
			return refuseLoginAs(http.StatusBadRequest, "unsupported_grant_type", "only client_credentials is known")
		}
		a := v.accounts[said.clientID]
		if problem := a.refuses(said, environmentID); problem != "" {
			return refuseLoginAs(v.switches.LoginRefusedStatus, "invalid_client", problem)
		}
		return v.bear(a, call.Fault.Kind, now)
	}
}

// loginOf reads a login in either way. What is in the header should be encoded like a form, which not all clients do.
func loginOf(r *http.Request, form url.Values) login {
	clientID, secret, basic := r.BasicAuth()
	if !basic {
		return login{clientID: form.Get("client_id"), secrets: form["client_secret"], method: ClientSecretPost}
	}
	said := login{clientID: clientID, secrets: []string{secret}, method: ClientSecretBasic}
	if decoded, err := url.QueryUnescape(secret); err == nil {
		said.secrets = append(said.secrets, decoded)
	}
	return said
}

// refuses says why the application, nil if there is none, does not log in so; nothing if it does.
func (a *account) refuses(said login, environmentID string) string {
	switch {
	case a == nil || a.disabled || a.EnvironmentID != environmentID:
		return "invalid client credentials"
	case a.AuthMethod != said.method:
		return "unsupported authentication method"
	case !slices.Contains(said.secrets, a.Secret):
		return "invalid client credentials"
	}
	return ""
}

// bear gives out a bearer.
func (v *Vendor) bear(a *account, fault stage.Kind, now time.Time) stage.Answer {
	answer := loginAnswer{TokenType: "Bearer", ExpiresIn: v.switches.BearerSeconds}
	if fault != stage.EmptyValue {
		// In whole seconds, as it says of itself.
		expires := now.Add(time.Duration(v.switches.BearerSeconds) * time.Second).Truncate(time.Second)
		answer.AccessToken = v.bearerFor(a, now, expires)
		v.bearers[digestOf(answer.AccessToken)] = bearer{clientID: a.ClientID, expires: expires}
		v.logins++
		v.reveal(answer.AccessToken)
	}
	given := stage.JSON(http.StatusOK, answer)
	given.Header = http.Header{"Cache-Control": {"no-store"}}
	return given
}

// prepare is a route behind a login.
type prepare func(*account, stage.Call) stage.Commit

// entered asks for a live bearer of an application that has the role, and that everybody knows to have it.
func (v *Vendor) entered(next prepare) func(stage.Call) stage.Commit {
	return func(call stage.Call) stage.Commit {
		value, _ := strings.CutPrefix(call.Request.Header.Get("Authorization"), "Bearer ")
		held, known := v.bearers[digestOf(value)]
		if !known || !call.Now.Before(held.expires) || v.accounts[held.clientID].disabled {
			return stage.Always(refuse(http.StatusUnauthorized, "The access token is not valid."))
		}
		a := v.accounts[held.clientID]
		if !a.Admin || a.unknown > 0 {
			a.unknown = max(0, a.unknown-1)
			return stage.Always(refuse(http.StatusForbidden, "The application does not have the role for this."))
		}
		return v.called(next(a, call))
	}
}

// called gives answers the type that the platform calls them.
func (v *Vendor) called(commit stage.Commit) stage.Commit {
	return func(now time.Time) stage.Answer {
		answer := commit(now)
		if v.switches.HALContentType && answer.Header == nil {
			answer.Header = http.Header{"Content-Type": {"application/hal+json;charset=UTF-8"}}
		}
		return answer
	}
}
