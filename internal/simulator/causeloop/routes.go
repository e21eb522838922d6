package causeloop

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

// The routes, as faults and counters call them: those of personal tokens, and those of service accounts.
const (
	RouteList   = "causeloop.list"
	RouteCreate = "causeloop.create"
	RouteRoll   = "causeloop.roll"
	RouteRevoke = "causeloop.revoke"
	RouteScopes = "causeloop.scopes"

	RouteListAccounts  = "causeloop.listAccounts"
	RouteCreateAccount = "causeloop.createAccount"
	RouteDeleteAccount = "causeloop.deleteAccount"
	RouteIssue         = "causeloop.issue"
	RouteWithdraw      = "causeloop.withdraw"
)

// Register adds the vendor's API to the mux, at the paths where the vendor has it.
func (v *Vendor) Register(mux *http.ServeMux) {
	const (
		onePage = `{"data":[{"name":""}],"page":{"next_cursor":null,"has_more":false,"total":1}}`
		hollow  = `{"name":"","secret":""}`
	)
	makes := []stage.Kind{stage.EmptyValue, stage.AlteredName}
	lists := []stage.Kind{stage.EmptyList, stage.EventualList, stage.StaleList}
	routes := map[string]stage.Route{
		"GET /v1/api-tokens": {
			Name: RouteList, Prepare: v.entered(member(v.prepareList)), Kinds: lists,
			Grows: "name", Row: `"data":[{`, Hollow: onePage,
		},
		"POST /v1/api-tokens": {
			Name: RouteCreate, Prepare: v.entered(member(v.prepareCreate)), Kinds: makes, Grows: "secret", Hollow: hollow,
		},
		"POST /v1/api-tokens/{id}/roll": {
			Name: RouteRoll, Prepare: v.entered(member(v.prepareRoll)), Kinds: makes[:1], Grows: "secret", Hollow: hollow,
		},
		"DELETE /v1/api-tokens/{id}": {
			Name: RouteRevoke, Prepare: v.entered(member(v.prepareRevoke)), Grows: "name", Hollow: hollow,
		},
		"GET /v1/api-tokens/scopes": {
			Name: RouteScopes, Prepare: v.entered(v.prepareScopes), Grows: "name", Row: `"data":[{`, Hollow: `{"data":[{"name":""}]}`,
		},
		"GET /v1/service-accounts": {
			Name: RouteListAccounts, Prepare: v.entered(v.admin(v.prepareListAccounts)), Kinds: lists,
			Grows: "name", Row: `"data":[{`, Hollow: onePage,
		},
		"POST /v1/service-accounts": {
			Name: RouteCreateAccount, Prepare: v.entered(v.admin(v.prepareCreateAccount)), Kinds: makes[1:], Grows: "name", Hollow: hollow,
		},
		"DELETE /v1/service-accounts/{id}": {
			Name: RouteDeleteAccount, Prepare: v.entered(v.admin(v.prepareDeleteAccount)), Grows: "name", Hollow: hollow,
		},
		"POST /v1/service-accounts/{id}/tokens": {
			Name: RouteIssue, Prepare: v.entered(v.admin(v.prepareIssue)), Kinds: makes, Grows: "secret", Hollow: hollow,
		},
		"DELETE /v1/service-accounts/{id}/tokens/{token}": {
			Name: RouteWithdraw, Prepare: v.entered(v.admin(v.prepareWithdraw)), Grows: "name", Hollow: hollow,
		},
	}
	for pattern, route := range routes {
		route.Refuse = v.refuseFault
		mux.Handle(pattern, v.stage.Handler(route))
	}
}

func (v *Vendor) prepareScopes(*token, stage.Call) stage.Commit {
	return func(time.Time) stage.Answer {
		if v.switches.ScopesAs == ScopesAsStrings {
			return stage.JSON(http.StatusOK, page{Data: allScopes()})
		}
		found := []scopeObject{}
		for _, scope := range allScopes() {
			thing, right, _ := strings.Cut(scope, ":")
			found = append(found, scopeObject{Name: scope, Description: "The right " + right + " on " + thing})
		}
		return stage.JSON(http.StatusOK, page{Data: found})
	}
}

func (v *Vendor) prepareCreate(caller *token, call stage.Call) stage.Commit {
	request, refusal, refused := v.request(call)
	if refused {
		return stage.Always(refusal)
	}
	return func(now time.Time) stage.Answer {
		if refusal, refused := v.checkScopes(caller, request.Scopes); refused {
			return refusal
		}
		expires, refusal, refused := v.switches.expiry(request, now)
		switch {
		case refused:
			return refusal
		case v.nameTaken(caller.member, request.Name):
			return refuse(http.StatusConflict, "A token of this name exists.")
		}
		made := token{name: request.nameUnder(call.Fault), member: caller.member, scopes: request.Scopes, expiresAt: expires}
		t, value := v.add(made, now)
		return stage.JSON(v.switches.CreateStatus, v.switches.shown(t, value, call.Fault.Kind))
	}
}

// request reads the body of a call that makes something, which must have a name.
func (v *Vendor) request(call stage.Call) (request createRequest, refusal stage.Answer, refused bool) {
	if err := decode(call, &request); err != nil {
		return request, refuse(http.StatusBadRequest, err.Error()), true
	}
	if request.Name == "" {
		return request, invalid("name", "must not be empty"), true
	}
	return request, refusal, false
}

// nameUnder is the name that is stored.
func (r createRequest) nameUnder(fault stage.Hit) string {
	if fault.Kind == stage.AlteredName {
		return r.Name + "-altered"
	}
	return r.Name
}

func (v *Vendor) checkScopes(caller *token, scopes []string) (refusal stage.Answer, refused bool) {
	if len(scopes) == 0 {
		return invalid("scopes", "must not be empty"), true
	}
	for _, scope := range scopes {
		switch {
		case !slices.Contains(allScopes(), scope):
			return invalid("scopes", "unknown scope "+scope), true
		case v.switches.ScopesWithinCaller && !slices.Contains(caller.scopes, scope):
			return refuse(http.StatusForbidden, "The caller does not have the scope "+scope+"."), true
		}
	}
	return refusal, false
}

// expiry is when a token is to end; zero for never.
func (s Switches) expiry(request createRequest, now time.Time) (expires time.Time, refusal stage.Answer, refused bool) {
	if s.ExpiryField == ExpiresInDays {
		switch days := request.ExpiresInDays; {
		case days == nil:
			return expires, refusal, false
		case *days < 1:
			return expires, invalid(ExpiresInDays, "must be positive"), true
		default:
			return now.AddDate(0, 0, *days), refusal, false
		}
	}
	switch {
	case request.ExpiresAt == nil:
		return expires, refusal, false
	case !request.ExpiresAt.After(now):
		return expires, invalid(ExpiresAt, "must lie in the future"), true
	default:
		return *request.ExpiresAt, refusal, false
	}
}

// nameTaken says whether the member cannot have a personal token of the name.
func (v *Vendor) nameTaken(of *account, name string) bool {
	return slices.ContainsFunc(v.tokens, func(t *token) bool {
		same := t.name == name || (v.switches.NamesFold && strings.EqualFold(t.name, name))
		return t.member == of && same && (t.revokedAt.IsZero() || !v.switches.RevokedNameFree)
	})
}

// machineNameTaken says whether the workspace cannot have a service account of the name.
func (v *Vendor) machineNameTaken(workspaceID, name string) bool {
	return slices.ContainsFunc(v.machines, func(m *machine) bool {
		same := strings.EqualFold(m.name, name)
		return m.workspaceID == workspaceID && same && (m.deletedAt.IsZero() || !v.switches.RevokedNameFree)
	})
}

// personal is the caller's token whose ID is in the path, a revoked one included; nil if there is none.
func (v *Vendor) personal(caller *token, call stage.Call) *token {
	return v.named(call.Request.PathValue("id"), func(t *token) bool {
		return t.member == caller.member && t.workspaceID == caller.workspaceID
	})
}

func (v *Vendor) named(id string, and func(*token) bool) *token {
	at := slices.IndexFunc(v.tokens, func(t *token) bool {
		return t.id == id && (!t.own || v.switches.AccountsListed) && and(t)
	})
	if at < 0 {
		return nil
	}
	return v.tokens[at]
}

func (v *Vendor) prepareRoll(caller *token, call stage.Call) stage.Commit {
	return func(now time.Time) stage.Answer {
		t := v.personal(caller, call)
		if t == nil || !t.revokedAt.IsZero() {
			return refuse(http.StatusNotFound, "There is no such token.")
		}
		if !v.switches.RollKeepsID {
			t.revoke(now)
			made, value := v.add(token{name: t.name, member: t.member, scopes: t.scopes, expiresAt: t.expiresAt}, now)
			return stage.JSON(http.StatusOK, v.switches.shown(made, value, call.Fault.Kind))
		}
		t.rolled = append(slices.Clip(t.rolled), t.digest)
		value := v.newValue(t)
		return stage.JSON(http.StatusOK, v.switches.shown(t, value, call.Fault.Kind))
	}
}

func (v *Vendor) prepareRevoke(caller *token, call stage.Call) stage.Commit {
	return func(now time.Time) stage.Answer {
		return v.end(v.personal(caller, call), now)
	}
}

// end revokes a token and says so; nil is a token that there is not.
func (v *Vendor) end(t *token, now time.Time) stage.Answer {
	if t == nil {
		return refuse(http.StatusNotFound, "There is no such token.")
	}
	if refusal, refused := v.switches.again(t.revokedAt); refused {
		return refusal
	}
	t.revoke(now)
	return v.switches.ended(t.object())
}

// again says with what the end of what has ended is refused, if it is.
func (s Switches) again(ended time.Time) (refusal stage.Answer, refused bool) {
	switch {
	case ended.IsZero() || s.SecondRevoke == SecondRevokeSame:
		return refusal, false
	case s.SecondRevoke == SecondRevokeConflict:
		return refuse(http.StatusConflict, "It is revoked already."), true
	default:
		return refuse(http.StatusNotFound, "There is no such thing."), true
	}
}

// ended is the answer to the end of something.
func (s Switches) ended(object any) stage.Answer {
	if s.DeleteStatus == http.StatusNoContent {
		return stage.Empty(http.StatusNoContent)
	}
	return stage.JSON(s.DeleteStatus, object)
}

func (v *Vendor) prepareCreateAccount(caller *token, call stage.Call) stage.Commit {
	request, refusal, refused := v.request(call)
	if refused {
		return stage.Always(refusal)
	}
	return func(now time.Time) stage.Answer {
		if refusal, refused := v.checkScopes(caller, request.Scopes); refused {
			return refusal
		}
		if v.machineNameTaken(caller.workspaceID, request.Name) {
			return refuse(http.StatusConflict, "A service account of this name exists.")
		}
		m := v.addMachine(machine{
			name: request.nameUnder(call.Fault), description: request.Description, workspaceID: caller.workspaceID,
			scopes: request.Scopes,
		}, now)
		return stage.JSON(v.switches.CreateStatus, v.withTokens(m, stage.Hit{}, now))
	}
}

// machine is the service account whose ID is in the path, a deleted one included; nil if there is none.
func (v *Vendor) machine(caller *token, call stage.Call) *machine {
	id := call.Request.PathValue("id")
	at := slices.IndexFunc(v.machines, func(m *machine) bool {
		return m.id == id && m.workspaceID == caller.workspaceID && (!m.own || v.switches.AccountsListed)
	})
	if at < 0 {
		return nil
	}
	return v.machines[at]
}

func (v *Vendor) prepareDeleteAccount(caller *token, call stage.Call) stage.Commit {
	return func(now time.Time) stage.Answer {
		m := v.machine(caller, call)
		if m == nil {
			return refuse(http.StatusNotFound, "There is no such service account.")
		}
		if refusal, refused := v.switches.again(m.deletedAt); refused {
			return refusal
		}
		if m.deletedAt.IsZero() {
			v.deleteMachine(m, now)
		}
		return v.switches.ended(m.object())
	}
}

func (v *Vendor) prepareIssue(caller *token, call stage.Call) stage.Commit {
	request, refusal, refused := v.request(call)
	if refused {
		return stage.Always(refusal)
	}
	return func(now time.Time) stage.Answer {
		m := v.machine(caller, call)
		if m == nil || !m.deletedAt.IsZero() {
			return refuse(http.StatusNotFound, "There is no such service account.")
		}
		expires, refusal, refused := v.switches.issuedExpiry(request, now)
		switch {
		case refused:
			return refusal
		case v.switches.AccountTokenNamesUnique && v.issuedNameTaken(m, request.Name):
			return refuse(http.StatusConflict, "The service account has a token of this name.")
		}
		t, value := v.add(token{name: request.nameUnder(call.Fault), machine: m, scopes: m.scopes, expiresAt: expires}, now)
		return stage.JSON(v.switches.CreateStatus, v.switches.shown(t, value, call.Fault.Kind))
	}
}

// issuedExpiry is expiry for a service account's token.
func (s Switches) issuedExpiry(request createRequest, now time.Time) (expires time.Time, refusal stage.Answer, refused bool) {
	asked := request.ExpiresAt != nil || request.ExpiresInDays != nil
	switch {
	case !asked || s.AccountTokenExpiry == ExpiryIgnored:
		return expires, refusal, false
	case s.AccountTokenExpiry == ExpiryRefused:
		return expires, invalid(s.ExpiryField, "is not allowed here"), true
	default:
		return s.expiry(request, now)
	}
}

func (v *Vendor) issuedNameTaken(m *machine, name string) bool {
	return slices.ContainsFunc(v.tokens, func(t *token) bool {
		return t.machine == m && t.name == name && (t.revokedAt.IsZero() || !v.switches.RevokedNameFree)
	})
}

func (v *Vendor) prepareWithdraw(caller *token, call stage.Call) stage.Commit {
	return func(now time.Time) stage.Answer {
		m := v.machine(caller, call)
		if m == nil {
			return refuse(http.StatusNotFound, "There is no such service account.")
		}
		return v.end(v.named(call.Request.PathValue("token"), func(t *token) bool { return t.machine == m }), now)
	}
}

// decode reads a JSON body, which must be called so. Unknown fields are ignored.
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
