package causely

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

// The routes, as faults and counters call them.
const (
	RouteLogin   = "causely.login"
	RouteCreate  = "causely.create"
	RouteList    = "causely.list"
	RouteRevoke  = "causely.revoke"
	RouteDefault = "causely.default"
)

// Register adds the vendor's API to the mux, at the paths where the vendor has it.
func (v *Vendor) Register(mux *http.ServeMux) {
	login := v.stage.Handler(stage.Route{
		Name: RouteLogin, Prepare: v.prepareLogin, Refuse: refuseLogin, Grows: "access_token",
		Kinds: []stage.Kind{stage.EmptyValue},
	})
	mux.Handle("POST /frontegg/identity/resources/auth/v2/api-token", login)
	mux.Handle("POST /identity/resources/auth/v2/api-token", login)
	mux.Handle("POST /api/tokens", v.stage.Handler(stage.Route{
		Name: RouteCreate, Prepare: v.authorized(v.prepareCreate), Refuse: refuseToken, Grows: "tokenValue",
		Kinds: []stage.Kind{stage.EmptyValue, stage.AlteredName},
	}))
	mux.Handle("GET /api/tokens", v.stage.Handler(stage.Route{
		Name: RouteList, Prepare: v.authorized(v.prepareList), Refuse: refuseToken, Grows: "name",
		Kinds: []stage.Kind{stage.EmptyValue, stage.EmptyList, stage.EventualList, stage.StaleList},
	}))
	mux.Handle("POST /api/tokens/{id}/revoke", v.stage.Handler(stage.Route{
		Name: RouteRevoke, Prepare: v.authorized(v.prepareRevoke), Refuse: refuseToken, Grows: "name",
	}))
	mux.Handle("GET /api/tokens/default", v.stage.Handler(stage.Route{
		Name: RouteDefault, Prepare: v.authenticated(v.prepareDefault), Refuse: refuseToken, Grows: "tokenValue",
		Kinds: []stage.Kind{stage.EmptyValue},
	}))
}

func (v *Vendor) prepareLogin(call stage.Call) stage.Commit {
	var request loginRequest
	if err := decode(call, &request); err != nil {
		return stage.Always(refuseLogin(http.StatusBadRequest, err.Error()))
	}
	return func(now time.Time) stage.Answer {
		a := v.accounts[request.ClientID]
		if a == nil || a.disabled || a.Secret != request.Secret {
			return refuseLogin(http.StatusUnauthorized, "invalid client ID or secret")
		}
		if call.Fault.Kind == stage.EmptyValue {
			return v.switches.login("", "", now)
		}
		value := v.newJWT(a.ClientID, now)
		v.bearers[value] = bearer{clientID: a.ClientID, expires: v.switches.bearerEnd(now)}
		v.logins++
		refresh := v.stage.NewUUID()
		if v.revealing {
			v.revealed = append(v.revealed, value, refresh)
		}
		return v.switches.login(value, refresh, now)
	}
}

// prepare is a route behind a login.
type prepare func(*account, stage.Call) stage.Commit

// authenticated asks for a live bearer of an enabled account.
func (v *Vendor) authenticated(next prepare) func(stage.Call) stage.Commit {
	return func(call stage.Call) stage.Commit {
		value, _ := strings.CutPrefix(call.Request.Header.Get("Authorization"), "Bearer ")
		held, known := v.bearers[value]
		if !known || !call.Now.Before(held.expires) || v.accounts[held.clientID].disabled {
			return stage.Always(refuseToken(http.StatusUnauthorized, "invalid or expired access token"))
		}
		return next(v.accounts[held.clientID], call)
	}
}

// authorized asks for the admin role as well.
func (v *Vendor) authorized(next prepare) func(stage.Call) stage.Commit {
	return v.authenticated(func(a *account, call stage.Call) stage.Commit {
		if !a.Admin {
			return stage.Always(refuseToken(http.StatusForbidden, "the admin role is required"))
		}
		return next(a, call)
	})
}

func (v *Vendor) prepareCreate(a *account, call stage.Call) stage.Commit {
	var request createRequest
	if err := decode(call, &request); err != nil {
		return stage.Always(refuseToken(http.StatusBadRequest, err.Error()))
	}
	return func(now time.Time) stage.Answer {
		if status, err := v.checkName(a.ProjectID, request.Name); err != nil {
			return refuseToken(status, err.Error())
		}
		if call.Fault.Kind == stage.AlteredName {
			request.Name += "-altered"
		}
		created := v.add(a, request.Name, a.user(), now).object(true)
		if call.Fault.Kind == stage.EmptyValue {
			created.TokenValue = new(string)
		}
		return stage.JSON(http.StatusCreated, created)
	}
}

// checkName says with which status a name is refused.
func (v *Vendor) checkName(projectID, name string) (int, error) {
	active := v.activeIn(projectID)
	taken := slices.ContainsFunc(active, func(t *token) bool { return t.name == name })
	switch {
	case name == "":
		return http.StatusBadRequest, errors.New("name is required")
	case v.switches.MaxNameLength > 0 && len(name) > v.switches.MaxNameLength:
		return http.StatusBadRequest, fmt.Errorf("name is longer than %d", v.switches.MaxNameLength)
	case v.switches.NamesUnique && taken:
		return http.StatusConflict, errors.New("a token of this name exists")
	case !v.switches.TwoActivePerMediator && len(active) > 0:
		return http.StatusConflict, errors.New("the mediator has an active token")
	}
	return 0, nil
}

func (v *Vendor) prepareList(a *account, call stage.Call) stage.Commit {
	return func(now time.Time) stage.Answer {
		var shown []token // copies: they are written to the client outside the mutex
		for _, t := range v.tokens {
			if row, ok := t.seenThrough(call.Fault, now); ok && t.projectID == a.ProjectID {
				shown = append(shown, row)
			}
		}
		if v.switches.ListOrder == NewestFirst {
			slices.Reverse(shown)
		}
		return stage.Rows(http.StatusOK, objects(shown))
	}
}

// objects yields the rows of a list.
func objects(tokens []token) iter.Seq[tokenObject] {
	return func(yield func(tokenObject) bool) {
		for i := range tokens {
			if !yield(tokens[i].object(true)) {
				return
			}
		}
	}
}

// seenThrough is a copy of the token as a list under the fault shows it, if it does.
func (t *token) seenThrough(fault stage.Hit, now time.Time) (row token, ok bool) {
	row = *t
	if fault.Kind == stage.EmptyValue {
		row.value = ""
	}
	ok, over := fault.Sees(t.createdAt, t.revokedAt, now)
	if !over {
		row.revokedAt, row.revokedBy = time.Time{}, ""
	}
	return row, ok
}

func (v *Vendor) prepareRevoke(a *account, call stage.Call) stage.Commit {
	id := call.Request.PathValue("id")
	repeated := call.Request.URL.Query().Get("tokenId")
	return func(now time.Time) stage.Answer {
		if repeated != id && (repeated != "" || v.switches.RevokeNeedsQuery) {
			return refuseToken(http.StatusBadRequest, "tokenId must repeat the ID in the path")
		}
		t := v.token(id)
		if t == nil || t.projectID != a.ProjectID {
			return refuseToken(http.StatusNotFound, "token not found")
		}
		if t.state() == Revoked {
			switch v.switches.SecondRevoke {
			case SecondRevokeConflict:
				return refuseToken(http.StatusConflict, "token is already revoked")
			case SecondRevokeNotFound:
				return refuseToken(http.StatusNotFound, "token not found")
			}
		}
		t.revoke(a.user().id, now)
		return stage.JSON(http.StatusOK, t.object(false))
	}
}

// prepareDefault answers with the value of the oldest active token of the project's only mediator.
func (v *Vendor) prepareDefault(a *account, call stage.Call) stage.Commit {
	wanted := call.Request.URL.Query().Get("mediator")
	return func(time.Time) stage.Answer {
		active := v.activeIn(a.ProjectID)
		switch {
		case !a.Admin && !v.switches.EmptyValueForNonAdmin:
			return refuseToken(http.StatusForbidden, "cannot fetch default mediator token")
		case len(active) == 0 || (wanted != "" && wanted != mediatorID(a.ProjectID)):
			return refuseToken(http.StatusNotFound, "mediator not found")
		case !a.Admin || call.Fault.Kind == stage.EmptyValue:
			return stage.JSON(http.StatusOK, defaultToken{})
		}
		return stage.JSON(http.StatusOK, defaultToken{TokenValue: active[0].value})
	}
}

// decode reads a JSON body, which must be called so. Unknown fields are ignored, as services of this kind do.
func decode(call stage.Call, into any) error {
	contentType, _, err := mime.ParseMediaType(call.Request.Header.Get("Content-Type"))
	if err != nil || contentType != "application/json" {
		return errors.New("Content-Type must be application/json")
	}
	if err := json.Unmarshal(call.Body, into); err != nil {
		return errors.New("the body is not the JSON expected")
	}
	return nil
}
