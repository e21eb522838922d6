package pingone

import (
	"encoding/json"
	"net/http"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

type connectRequest struct {
	Value string `json:"value"`
}

type consoleCreate struct {
	EnvironmentID string `json:"environmentID"`
	GatewayID     string `json:"gatewayID"`
}

type roleChange struct {
	Admin bool `json:"admin"`
}

type identity struct {
	ID string `json:"id"`
}

type revealed struct {
	Secrets []string `json:"secrets"`
}

type none = stage.Nothing

// RegisterSecrets adds to the mux the one route that tells secrets in clear, and lets the vendor keep what it needs for
// that.
func (v *Vendor) RegisterSecrets(mux *http.ServeMux) {
	v.RevealSecrets()
	mux.Handle("GET /sim/pingone/secrets", stage.Admin(func(*http.Request, none) (revealed, error) {
		return revealed{Secrets: v.Secrets()}, nil
	}))
}

// RegisterAdmin adds the vendor's part of the admin API to the mux, under /sim/pingone/.
func (v *Vendor) RegisterAdmin(mux *http.ServeMux) {
	mux.Handle("GET /sim/pingone/truth", stage.Admin(func(*http.Request, none) (Truth, error) {
		return v.Truth(), nil
	}))
	mux.Handle("POST /sim/pingone/check", stage.Admin(func(_ *http.Request, in connectRequest) (Connection, error) {
		return v.Check(in.Value), nil
	}))
	mux.Handle("POST /sim/pingone/connect", stage.Admin(func(_ *http.Request, in connectRequest) (Connection, error) {
		return v.Connect(in.Value), nil
	}))
	mux.Handle("POST /sim/pingone/credentials", stage.Admin(func(_ *http.Request, in consoleCreate) (identity, error) {
		id, err := v.Create(in.EnvironmentID, in.GatewayID)
		return identity{ID: id}, err
	}))
	mux.Handle("POST /sim/pingone/credentials/{id}/revoke", stage.Admin(func(r *http.Request, _ none) (none, error) {
		return none{}, v.Revoke(r.PathValue("id"))
	}))
	mux.Handle("POST /sim/pingone/gateways", stage.Admin(func(_ *http.Request, in Gateway) (none, error) {
		return none{}, v.AddGateway(in)
	}))
	mux.Handle("DELETE /sim/pingone/environments/{id}/gateways/{gateway}",
		stage.Admin(func(r *http.Request, _ none) (none, error) {
			return none{}, v.DeleteGateway(r.PathValue("id"), r.PathValue("gateway"))
		}))
	mux.Handle("DELETE /sim/pingone/environments/{id}", stage.Admin(func(r *http.Request, _ none) (none, error) {
		return none{}, v.DeleteEnvironment(r.PathValue("id"))
	}))
	mux.Handle("POST /sim/pingone/accounts", stage.Admin(func(_ *http.Request, in Account) (none, error) {
		return none{}, v.AddAccount(in)
	}))
	mux.Handle("DELETE /sim/pingone/accounts/{clientID}", stage.Admin(func(r *http.Request, _ none) (none, error) {
		return none{}, v.DisableAccount(r.PathValue("clientID"))
	}))
	mux.Handle("POST /sim/pingone/accounts/{clientID}/role", stage.Admin(func(r *http.Request, in roleChange) (none, error) {
		return none{}, v.SetAdmin(r.PathValue("clientID"), in.Admin)
	}))
	mux.Handle("POST /sim/pingone/expire-bearers", stage.Admin(func(*http.Request, none) (none, error) {
		v.ExpireBearers()
		return none{}, nil
	}))
	mux.Handle("GET /sim/pingone/switches", stage.Admin(func(*http.Request, none) (Switches, error) {
		return v.Switches(), nil
	}))
	mux.Handle("PUT /sim/pingone/switches", stage.Admin(v.putSwitches))
}

// putSwitches changes the switches that the body names and leaves the others.
func (v *Vendor) putSwitches(_ *http.Request, in json.RawMessage) (Switches, error) {
	switches, err := stage.Merge(v.Switches(), in)
	if err != nil {
		return Switches{}, err
	}
	return switches, v.SetSwitches(switches)
}
