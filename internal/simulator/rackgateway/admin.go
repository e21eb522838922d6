package rackgateway

import (
	"encoding/json"
	"net/http"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

type connectRequest struct {
	Value string `json:"value"`
}

type personCreate struct {
	Email       string   `json:"email"`
	Name        string   `json:"name"`
	Permissions []string `json:"permissions"`
}

type personChange struct {
	Name        string   `json:"name"`
	Permissions []string `json:"permissions"`
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
	mux.Handle("GET /sim/rackgateway/secrets", stage.Admin(func(*http.Request, none) (revealed, error) {
		return revealed{Secrets: v.Secrets()}, nil
	}))
}

// RegisterAdmin adds the vendor's part of the admin API to the mux, under /sim/rackgateway/.
func (v *Vendor) RegisterAdmin(mux *http.ServeMux) {
	mux.Handle("GET /sim/rackgateway/truth", stage.Admin(func(*http.Request, none) (Truth, error) {
		return v.Truth(), nil
	}))
	mux.Handle("POST /sim/rackgateway/check", stage.Admin(func(_ *http.Request, in connectRequest) (Connection, error) {
		return v.Check(in.Value), nil
	}))
	mux.Handle("POST /sim/rackgateway/connect", stage.Admin(func(_ *http.Request, in connectRequest) (Connection, error) {
		return v.Connect(in.Value), nil
	}))
	mux.Handle("POST /sim/rackgateway/tokens", stage.Admin(func(_ *http.Request, in personCreate) (identity, error) {
		id, err := v.Create(in.Email, in.Name, in.Permissions...)
		return identity{ID: id}, err
	}))
	mux.Handle("PUT /sim/rackgateway/tokens/{id}", stage.Admin(func(r *http.Request, in personChange) (none, error) {
		return none{}, v.Change(r.PathValue("id"), in.Name, in.Permissions...)
	}))
	mux.Handle("POST /sim/rackgateway/tokens/{id}/revoke", stage.Admin(func(r *http.Request, _ none) (none, error) {
		return none{}, v.Revoke(r.PathValue("id"))
	}))
	mux.Handle("POST /sim/rackgateway/accounts", stage.Admin(func(_ *http.Request, in Account) (none, error) {
		return none{}, v.AddAccount(in)
	}))
	mux.Handle("DELETE /sim/rackgateway/accounts/{email}", stage.Admin(func(r *http.Request, _ none) (none, error) {
		return none{}, v.DisableAccount(r.PathValue("email"))
	}))
	mux.Handle("POST /sim/rackgateway/accounts/{email}/delete", stage.Admin(func(r *http.Request, _ none) (none, error) {
		return none{}, v.DeleteAccount(r.PathValue("email"))
	}))
	mux.Handle("GET /sim/rackgateway/switches", stage.Admin(func(*http.Request, none) (Switches, error) {
		return v.Switches(), nil
	}))
	mux.Handle("PUT /sim/rackgateway/switches", stage.Admin(v.putSwitches))
}

// putSwitches changes the switches that the body names and leaves the others.
func (v *Vendor) putSwitches(_ *http.Request, in json.RawMessage) (Switches, error) {
	switches, err := stage.Merge(v.Switches(), in)
	if err != nil {
		return Switches{}, err
	}
	return switches, v.SetSwitches(switches)
}
