package pingone

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

// The routes, as faults and counters call them.
const (
	RouteLogin       = "pingone.login"
	RouteList        = "pingone.list"
	RouteCreate      = "pingone.create"
	RouteGet         = "pingone.get"
	RouteRevoke      = "pingone.revoke"
	RouteEnvironment = "pingone.environment"
	RouteGateways    = "pingone.gateways"
	RouteGateway     = "pingone.gateway"
)

// Register adds the vendor's API to the mux, at the paths where the vendor has it.
func (v *Vendor) Register(mux *http.ServeMux) {
	const (
		environmentPath = "/v1/environments/{environment}"
		gatewaysPath    = environmentPath + "/gateways"
		gatewayPath     = gatewaysPath + "/{gateway}"
		credentialsPath = gatewayPath + "/credentials"
		credentialPath  = credentialsPath + "/{credential}"

		hollow = `{"id":"","credential":""}`
	)
	routes := map[string]stage.Route{
		"POST /{environment}/as/token": {
			Name: RouteLogin, Prepare: v.prepareLogin, Refuse: refuseLogin, Grows: "access_token",
			Hollow: `{"access_token":""}`, Kinds: []stage.Kind{stage.EmptyValue},
		},
		"GET " + credentialsPath: {
			Name: RouteList, Prepare: v.entered(v.inGateway(v.prepareList)), Grows: "id", Row: `"credentials":[{`,
			Hollow: `{"_embedded":{"credentials":[{"id":""}]},"count":1,"size":1}`,
			Kinds:  []stage.Kind{stage.EmptyList, stage.EventualList, stage.StaleList},
		},
		"POST " + credentialsPath: {
			Name: RouteCreate, Prepare: v.entered(v.inGateway(v.prepareCreate)), Grows: "credential", Hollow: hollow,
			Kinds: []stage.Kind{stage.EmptyValue},
		},
		"GET " + credentialPath: {
			Name: RouteGet, Prepare: v.entered(v.inGateway(v.prepareGet)), Grows: "id", Hollow: hollow,
		},
		"DELETE " + credentialPath: {
			Name: RouteRevoke, Prepare: v.entered(v.inGateway(v.prepareRevoke)), Grows: "id", Hollow: hollow,
		},
		"GET " + environmentPath: {
			Name: RouteEnvironment, Prepare: v.entered(v.prepareEnvironment), Grows: "id", Hollow: hollow,
		},
		"GET " + gatewaysPath: {
			Name: RouteGateways, Prepare: v.entered(v.prepareGateways), Grows: "id", Row: `"gateways":[{`,
			Hollow: `{"_embedded":{"gateways":[{"id":""}]},"count":1,"size":1}`,
		},
		"GET " + gatewayPath: {
			Name: RouteGateway, Prepare: v.entered(v.inGateway(v.prepareGateway)), Grows: "id", Hollow: hollow,
		},
	}
	for pattern, route := range routes {
		if route.Refuse == nil {
			route.Refuse = refuse
		}
		mux.Handle(pattern, v.stage.Handler(route))
	}
}

// scene is a call of something in a gateway that is there.
type scene struct {
	account *account
	gateway *gateway
	call    stage.Call
	now     time.Time
}

// inGateway asks for the gateway in the path when the call is carried out.
func (v *Vendor) inGateway(next func(scene) stage.Answer) prepare {
	return func(a *account, call stage.Call) stage.Commit {
		return func(now time.Time) stage.Answer {
			e := v.environments[call.Request.PathValue("environment")]
			if e == nil || e.deleted {
				return v.goneEnvironment()
			}
			g := e.gateways[call.Request.PathValue("gateway")]
			if g == nil || g.deleted {
				return refuse(http.StatusNotFound, "There is no such gateway.")
			}
			return next(scene{account: a, gateway: g, call: call, now: now})
		}
	}
}

func (v *Vendor) goneEnvironment() stage.Answer {
	return refuse(v.switches.GoneEnvironmentStatus, "The environment cannot be used.")
}

func (v *Vendor) prepareEnvironment(_ *account, call stage.Call) stage.Commit {
	return func(time.Time) stage.Answer {
		id := call.Request.PathValue("environment")
		if e := v.environments[id]; e == nil || e.deleted {
			return refuse(http.StatusNotFound, "There is no such environment.")
		}
		return stage.JSON(http.StatusOK, environmentObject{Links: v.selfOf(call), ID: id, Name: "Environment", Type: "SANDBOX"})
	}
}

func (v *Vendor) prepareGateways(_ *account, call stage.Call) stage.Commit {
	return func(time.Time) stage.Answer {
		e := v.environments[call.Request.PathValue("environment")]
		if e == nil || e.deleted {
			return v.goneEnvironment()
		}
		rows := []gatewayObject{}
		for _, id := range slices.Sorted(maps.Keys(e.gateways)) {
			if g := e.gateways[id]; !g.deleted {
				rows = append(rows, v.gatewayObject(g, v.linkTo(call, "/"+id)))
			}
		}
		return page(list{Links: v.selfOf(call), Count: len(rows), Size: len(rows)}, "gateways", rows)
	}
}

func (v *Vendor) prepareGateway(s scene) stage.Answer {
	return stage.JSON(http.StatusOK, v.gatewayObject(s.gateway, v.selfOf(s.call).Self))
}

func (v *Vendor) gatewayObject(g *gateway, self link) gatewayObject {
	object := gatewayObject{
		Links: &links{Self: self}, ID: g.ID, Environment: reference{ID: g.EnvironmentID}, Name: g.Name, Type: g.Type,
		Enabled: true, Credentials: []credentialObject{},
	}
	for _, c := range v.of(g) {
		object.Credentials = append(object.Credentials, v.switches.object(c))
	}
	return object
}

// selfOf is the link to what was asked for.
func (v *Vendor) selfOf(call stage.Call) *links { return &links{Self: v.linkTo(call, "")} }

// linkTo is a link, with the host in it, to something below what was asked for.
func (v *Vendor) linkTo(call stage.Call, below string) link {
	host := call.Request.Host
	if v.switches.LinksTo != "" {
		host = v.switches.LinksTo
	}
	return link{Href: "https://" + host + call.Request.URL.Path + below}
}

// page is a list whose rows are called so.
func page[T any](l list, name string, rows []T) stage.Answer {
	text, err := json.Marshal(rows)
	if err != nil {
		panic(err) // plain structs
	}
	l.Embedded = map[string]json.RawMessage{name: text}
	return stage.JSON(http.StatusOK, l)
}

// prepareList answers with a page of the gateway's credentials, oldest first.
func (v *Vendor) prepareList(s scene) stage.Answer {
	query := s.call.Request.URL.Query()
	limit, after, ok := v.switches.wanted(query)
	if !ok {
		return refuse(http.StatusBadRequest, "The limit or the cursor is not valid.")
	}
	listed := v.listed(s)
	rest := slices.DeleteFunc(slices.Clone(listed), func(c *credential) bool { return !c.createdAt.After(after) })
	shown := rest[:min(limit, len(rest))]
	rows := []credentialObject{}
	for _, c := range shown {
		row := v.switches.object(c)
		row.Links = &links{Self: v.linkTo(s.call, "/"+c.id)}
		rows = append(rows, row)
	}
	l := list{Links: v.selfOf(s.call), Count: len(listed), Size: len(rows)}
	if len(rest) > limit {
		next := url.Values{"limit": {strconv.Itoa(limit)}, "cursor": {cursorAt(shown[limit-1].createdAt)}}
		l.Links.Next = &link{Href: l.Links.Self.Href + "?" + next.Encode()}
	}
	return page(l, "credentials", rows)
}

// listed are the credentials that a list under the call's fault shows.
func (v *Vendor) listed(s scene) []*credential {
	var found []*credential
	for _, c := range v.credentials {
		listed, over := s.call.Fault.Sees(c.createdAt, c.deletedAt, s.now)
		young := c.createdAt.After(s.now.Add(-v.switches.listLag()))
		if c.gateway == s.gateway && listed && !over && !young {
			found = append(found, c)
		}
	}
	return found
}

// wanted reads the query of a list: how many rows, and what the caller has already.
func (s Switches) wanted(query url.Values) (limit int, after time.Time, ok bool) {
	limit = s.PageSize
	if text := query.Get("limit"); text != "" {
		asked, err := strconv.Atoi(text)
		if err != nil || asked < 1 {
			return 0, after, false
		}
		limit = min(limit, asked)
	}
	cursor := query.Get("cursor")
	if cursor == "" {
		return limit, after, true
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	nanoseconds, badNumber := strconv.ParseInt(string(text), 10, 64)
	return limit, time.Unix(0, nanoseconds), err == nil && badNumber == nil
}

func cursorAt(at time.Time) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(at.UnixNano(), 10)))
}

// prepareCreate needs no body, and reads none.
func (v *Vendor) prepareCreate(s scene) stage.Answer {
	if len(v.of(s.gateway)) >= v.switches.MaxCredentials {
		return v.switches.refuseMore()
	}
	c, value := v.add(s.gateway, s.account.ClientID, s.now)
	return stage.JSON(http.StatusCreated, v.switches.created(c, value, s.call.Fault.Kind))
}

// named is the credential whose ID is in the path; nil if there is none.
func (v *Vendor) named(s scene) *credential {
	credentials := v.of(s.gateway)
	at := slices.IndexFunc(credentials, func(c *credential) bool { return c.id == s.call.Request.PathValue("credential") })
	if at < 0 {
		return nil
	}
	return credentials[at]
}

func (v *Vendor) prepareGet(s scene) stage.Answer {
	c := v.named(s)
	if c == nil {
		return refuse(http.StatusNotFound, "There is no such credential.")
	}
	row := v.switches.object(c)
	row.Links = v.selfOf(s.call)
	return stage.JSON(http.StatusOK, row)
}

func (v *Vendor) prepareRevoke(s scene) stage.Answer {
	c := v.named(s)
	switch {
	case c != nil:
		c.deletedAt = s.now
	case v.switches.SecondDeleteStatus == http.StatusNotFound:
		return refuse(http.StatusNotFound, "There is no such credential.")
	}
	if v.switches.DeleteStatus == http.StatusOK {
		return stage.JSON(http.StatusOK, struct{}{})
	}
	return stage.Empty(http.StatusNoContent)
}
