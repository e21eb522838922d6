package causely

import (
	"encoding/json"
	"net/http"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

type connectRequest struct {
	Value string `json:"value"`
}

type consoleCreate struct {
	ClientID string `json:"clientID"`
	Name     string `json:"name"`
}

type projectChange struct {
	ProjectID string `json:"projectID"`
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
	mux.Handle("GET /sim/causely/secrets", stage.Admin(func(*http.Request, none) (revealed, error) {
		return revealed{Secrets: v.Secrets()}, nil
	}))
}

// RegisterAdmin adds the vendor's part of the admin API to the mux, under /sim/causely/.
func (v *Vendor) RegisterAdmin(mux *http.ServeMux) {
	mux.Handle("GET /sim/causely/truth", stage.Admin(func(*http.Request, none) (Truth, error) {
		return v.Truth(), nil
	}))
	mux.Handle("POST /sim/causely/check", stage.Admin(func(_ *http.Request, in connectRequest) (Connection, error) {
		return v.Check(in.Value), nil
	}))
	mux.Handle("POST /sim/causely/tokens", stage.Admin(func(_ *http.Request, in consoleCreate) (identity, error) {
		id, err := v.Create(in.ClientID, in.Name)
		return identity{ID: id}, err
	}))
	mux.Handle("POST /sim/causely/tokens/{id}/revoke", stage.Admin(func(r *http.Request, _ none) (none, error) {
		return none{}, v.Revoke(r.PathValue("id"))
	}))
	mux.Handle("POST /sim/causely/accounts", stage.Admin(func(_ *http.Request, in Account) (none, error) {
		return none{}, v.AddAccount(in)
	}))
	mux.Handle("DELETE /sim/causely/accounts/{clientID}", stage.Admin(func(r *http.Request, _ none) (none, error) {
		return none{}, v.DisableAccount(r.PathValue("clientID"))
	}))
	mux.Handle("POST /sim/causely/accounts/{clientID}/project",
		stage.Admin(func(r *http.Request, in projectChange) (none, error) {
			return none{}, v.SwitchProject(r.PathValue("clientID"), in.ProjectID)
		}))
	mux.Handle("POST /sim/causely/expire-bearers", stage.Admin(func(*http.Request, none) (none, error) {
		v.ExpireBearers()
		return none{}, nil
	}))
	mux.Handle("GET /sim/causely/switches", stage.Admin(func(*http.Request, none) (Switches, error) {
		return v.Switches(), nil
	}))
	mux.Handle("PUT /sim/causely/switches", stage.Admin(v.putSwitches))
}

// putSwitches changes the switches that the body names and leaves the others.
func (v *Vendor) putSwitches(_ *http.Request, in json.RawMessage) (Switches, error) {
	switches, err := stage.Merge(v.Switches(), in)
	if err != nil {
		return Switches{}, err
	}
	return switches, v.SetSwitches(switches)
}
