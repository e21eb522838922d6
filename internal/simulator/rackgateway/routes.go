package rackgateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

// The routes, as faults and counters call them.
const (
	RouteList        = "rackgateway.list"
	RouteCreate      = "rackgateway.create"
	RouteGet         = "rackgateway.get"
	RouteUpdate      = "rackgateway.update"
	RouteRevoke      = "rackgateway.revoke"
	RoutePermissions = "rackgateway.permissions"
)

// What the gateway's database has room for.
const (
	maxName        = 150  // characters
	maxPermissions = 4000 // bytes of JSON
)

// Register adds the vendor's API to the mux, at the paths where the vendor has it.
func (v *Vendor) Register(mux *http.ServeMux) {
	const one = "/api/v1/api-tokens/{id}"
	routes := map[string]stage.Route{
		"GET /api/v1/api-tokens": {
			Name: RouteList, Prepare: v.entered("gateway:api_token:read", v.prepareList), Grows: "name",
			Kinds: []stage.Kind{stage.EmptyList, stage.EventualList, stage.StaleList},
		},
		"POST /api/v1/api-tokens": {
			Name: RouteCreate, Prepare: v.entered("gateway:api_token:create", v.prepareCreate), Grows: "token",
			Kinds: []stage.Kind{stage.EmptyValue, stage.AlteredName},
		},
		"GET " + one: {
			Name: RouteGet, Prepare: v.entered("gateway:api_token:read", v.prepareGet), Grows: "name",
		},
		"PUT " + one: {
			Name: RouteUpdate, Prepare: v.entered("gateway:api_token:update", v.prepareUpdate), Grows: "name",
		},
		"DELETE " + one: {
			Name: RouteRevoke, Prepare: v.entered("gateway:api_token:delete", v.prepareRevoke), Grows: "name",
		},
		"GET /api/v1/api-tokens/permissions": {
			Name: RoutePermissions, Prepare: v.entered("", v.preparePermissions), Grows: "name",
		},
	}
	for pattern, route := range routes {
		route.Refuse = refuse
		mux.Handle(pattern, v.stage.Handler(route))
	}
}

func (v *Vendor) preparePermissions(caller *token, _ stage.Call) stage.Commit {
	return func(time.Time) stage.Answer { return permissionsOf(caller.owner) }
}

// prepareList answers with the tokens of all users, newest first; with null instead of an empty list.
func (v *Vendor) prepareList(_ *token, call stage.Call) stage.Commit {
	return func(now time.Time) stage.Answer {
		var shown []tokenObject
		for _, t := range slices.Backward(v.tokens) {
			if listed, over := call.Fault.Sees(t.createdAt, t.deletedAt, now); listed && !over && v.shows(t) {
				shown = append(shown, t.object())
			}
		}
		if shown == nil {
			return stage.JSON(http.StatusOK, nil)
		}
		return stage.Rows(http.StatusOK, slices.Values(shown))
	}
}

// shows says whether the token routes know of the token.
func (v *Vendor) shows(t *token) bool { return !t.own || v.switches.AccountsListed }

func (v *Vendor) prepareCreate(caller *token, call stage.Call) stage.Commit {
	if refusal, refused := v.limited(call.Now); refused {
		return stage.Always(refusal)
	}
	var request createRequest
	if err := decode(call, &request); err != nil {
		return stage.Always(refuse(http.StatusBadRequest, err.Error()))
	}
	if request.Name == "" {
		return stage.Always(refuse(http.StatusBadRequest,
			"Key: 'CreateAPITokenRequest.Name' Error:Field validation for 'Name' failed on the 'required' tag"))
	}
	request.Name = strings.TrimSpace(request.Name)
	if err := request.resolveRole(); err != nil {
		return stage.Always(refuse(http.StatusBadRequest, err.Error()))
	}
	return func(now time.Time) stage.Answer {
		owner, refusal := v.ownerOf(request, caller)
		if owner == nil {
			return refusal
		}
		return v.create(request, owner, caller.owner, call.Fault.Kind, now)
	}
}

// resolveRole gives the request the permissions of its role, unless it names its own.
func (r *createRequest) resolveRole() error {
	name := strings.ToLower(strings.TrimSpace(r.Role))
	if name != "" && len(r.Permissions) == 0 {
		if r.Permissions = rolePermissions(name); r.Permissions == nil {
			return fmt.Errorf("invalid role: %s (valid roles: viewer, ops, deployer, cicd, admin)", name)
		}
	}
	if len(r.Permissions) == 0 {
		return errors.New("permissions required - specify --role or --permission")
	}
	return nil
}

// ownerOf is the user whom a token is made for; else what the create is refused with.
func (v *Vendor) ownerOf(request createRequest, caller *token) (owner *account, refusal stage.Answer) {
	if request.UserEmail == "" && !v.switches.OwnerMustBeNamed {
		return caller.owner, refusal
	}
	owner, err := v.account(request.UserEmail)
	switch {
	case err == nil:
		return owner, refusal
	case request.UserEmail == "" || v.switches.UnknownOwner == UnknownOwnerNotFound:
		return nil, refuse(http.StatusNotFound, "user not found")
	default:
		return nil, stage.Empty(http.StatusInternalServerError)
	}
}

func (v *Vendor) create(request createRequest, owner, creator *account, fault stage.Kind, now time.Time) stage.Answer {
	if refusal, refused := v.beyond(owner, request.Permissions); refused {
		return refusal
	}
	if err := v.checkName(request.Name, nil); err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	if !fits(request.Name, request.Permissions) {
		return refuse(http.StatusInternalServerError, "failed to create token")
	}
	made := token{name: request.Name, owner: owner, creator: creator, permissions: request.Permissions}
	if fault == stage.AlteredName {
		made.name += "-altered"
	}
	if v.switches.ExpiresAtKept && request.ExpiresAt != nil {
		made.expiresAt = *request.ExpiresAt
	}
	t, value := v.add(made, now)
	if fault == stage.EmptyValue {
		value = ""
	}
	object := t.object()
	return stage.JSON(http.StatusOK, createAnswer{
		Token: value, ID: object.ID, Name: object.Name, Permissions: object.Permissions, APIToken: object,
	})
}

// beyond refuses permissions that the owner's role does not include.
func (v *Vendor) beyond(owner *account, permissions []string) (refusal stage.Answer, refused bool) {
	if !v.switches.PermissionsWithinOwner {
		return refusal, false
	}
	for _, permission := range permissions {
		if !grant(owner.permissions(), permission) {
			message := "token permissions cannot exceed the owner's role: " + permission
			return refuse(http.StatusForbidden, message), true
		}
	}
	return refusal, false
}

// checkName says why a token cannot have the name. But is the token that has it now.
func (v *Vendor) checkName(name string, but *token) error {
	if name == "" {
		return errors.New("token name is required")
	}
	if t := v.find(func(t *token) bool { return t.name == name }); t != nil && t != but {
		return errors.New("token name already exists")
	}
	return nil
}

func fits(name string, permissions []string) bool {
	text, err := json.Marshal(permissions)
	return err == nil && len(text) <= maxPermissions && utf8.RuneCountInString(name) <= maxName
}

func (v *Vendor) prepareGet(_ *token, call stage.Call) stage.Commit {
	return func(time.Time) stage.Answer {
		t, wellFormed := v.named(call)
		switch {
		case t != nil:
			return stage.JSON(http.StatusOK, t.object())
		case wellFormed && v.switches.UnknownGet == UnknownGetNull:
			return stage.JSON(http.StatusOK, nil)
		default:
			return refuse(http.StatusNotFound, "token not found")
		}
	}
}

// named is the token whose ID is in the path, if it is there, and whether the ID is one at all.
func (v *Vendor) named(call stage.Call) (t *token, wellFormed bool) {
	id, err := uuid.Parse(strings.TrimSpace(call.Request.PathValue("id")))
	if err != nil {
		return nil, false
	}
	if t = v.token(id.String()); t == nil || !v.shows(t) {
		return nil, true
	}
	return t, true
}

// changeNamed carries out a change of the token whose ID is in the path.
func (v *Vendor) changeNamed(call stage.Call, change func(*token, time.Time) stage.Answer) stage.Commit {
	return func(now time.Time) stage.Answer {
		t, wellFormed := v.named(call)
		switch {
		case !wellFormed:
			return refuse(http.StatusInternalServerError, "failed to load token")
		case t == nil:
			return refuse(http.StatusNotFound, "token not found")
		}
		return change(t, now)
	}
}

func (v *Vendor) prepareUpdate(_ *token, call stage.Call) stage.Commit {
	var request updateRequest
	if err := decode(call, &request); err != nil {
		return stage.Always(refuse(http.StatusBadRequest, err.Error()))
	}
	request.Name = strings.TrimSpace(request.Name)
	return v.changeNamed(call, func(t *token, _ time.Time) stage.Answer {
		name, permissions := t.name, t.permissions
		if request.Name != "" {
			name = request.Name
		}
		if request.Permissions != nil {
			permissions = request.Permissions
		}
		if err := v.checkName(name, t); err != nil {
			return refuse(http.StatusBadRequest, err.Error())
		}
		if !fits(name, nil) {
			return refuse(http.StatusInternalServerError, "failed to update token name")
		}
		if !fits("", permissions) {
			return refuse(http.StatusInternalServerError, "failed to update token permissions")
		}
		if refusal, refused := v.beyond(t.owner, permissions); refused {
			return refusal
		}
		t.name, t.permissions = name, permissions
		return stage.JSON(http.StatusOK, t.object())
	})
}

func (v *Vendor) prepareRevoke(_ *token, call stage.Call) stage.Commit {
	return v.changeNamed(call, func(t *token, now time.Time) stage.Answer {
		t.deletedAt = now
		return stage.Empty(http.StatusNoContent)
	})
}

// decode reads a JSON body, whatever it is called. Unknown fields are ignored, and what follows the first value.
func decode(call stage.Call, into any) error {
	return json.NewDecoder(bytes.NewReader(call.Body)).Decode(into)
}
