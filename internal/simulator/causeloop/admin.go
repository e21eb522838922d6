package causeloop

import (
	"encoding/json"
	"net/http"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

type connectRequest struct {
	Value string `json:"value"`
}

type personCreate struct {
	// Member for a personal token, ServiceAccount for one of a service account.
	Member         string   `json:"member"`
	ServiceAccount string   `json:"serviceAccount"`
	Name           string   `json:"name"`
	Scopes         []string `json:"scopes"`
}

type personCreateAccount struct {
	WorkspaceID string   `json:"workspaceID"`
	Name        string   `json:"name"`
	Scopes      []string `json:"scopes"`
}

type scopeChange struct {
	Scopes []string `json:"scopes"`
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
	mux.Handle("GET /sim/causeloop/secrets", stage.Admin(func(*http.Request, none) (revealed, error) {
		return revealed{Secrets: v.Secrets()}, nil
	}))
}

// RegisterAdmin adds the vendor's part of the admin API to the mux, under /sim/causeloop/.
func (v *Vendor) RegisterAdmin(mux *http.ServeMux) {
	mux.Handle("GET /sim/causeloop/truth", stage.Admin(func(*http.Request, none) (Truth, error) {
		return v.Truth(), nil
	}))
	mux.Handle("POST /sim/causeloop/check", stage.Admin(func(_ *http.Request, in connectRequest) (Connection, error) {
		return v.Check(in.Value), nil
	}))
	mux.Handle("POST /sim/causeloop/connect", stage.Admin(func(_ *http.Request, in connectRequest) (Connection, error) {
		return v.Connect(in.Value), nil
	}))
	mux.Handle("POST /sim/causeloop/tokens", stage.Admin(func(_ *http.Request, in personCreate) (identity, error) {
		if in.ServiceAccount != "" {
			id, err := v.Issue(in.ServiceAccount, in.Name)
			return identity{ID: id}, err
		}
		id, err := v.Create(in.Member, in.Name, in.Scopes...)
		return identity{ID: id}, err
	}))
	mux.Handle("POST /sim/causeloop/tokens/{id}/revoke", stage.Admin(func(r *http.Request, _ none) (none, error) {
		return none{}, v.Revoke(r.PathValue("id"))
	}))
	mux.Handle("POST /sim/causeloop/service-accounts",
		stage.Admin(func(_ *http.Request, in personCreateAccount) (identity, error) {
			id, err := v.CreateServiceAccount(in.WorkspaceID, in.Name, in.Scopes...)
			return identity{ID: id}, err
		}))
	mux.Handle("DELETE /sim/causeloop/service-accounts/{id}", stage.Admin(func(r *http.Request, _ none) (none, error) {
		return none{}, v.DeleteServiceAccount(r.PathValue("id"))
	}))
	mux.Handle("PUT /sim/causeloop/service-accounts/{id}", stage.Admin(func(r *http.Request, in scopeChange) (none, error) {
		return none{}, v.ChangeScopes(r.PathValue("id"), in.Scopes...)
	}))
	mux.Handle("POST /sim/causeloop/accounts", stage.Admin(func(_ *http.Request, in Account) (none, error) {
		return none{}, v.AddAccount(in)
	}))
	mux.Handle("DELETE /sim/causeloop/accounts/{name}", stage.Admin(func(r *http.Request, _ none) (none, error) {
		return none{}, v.DisableAccount(r.PathValue("name"))
	}))
	mux.Handle("POST /sim/causeloop/accounts/{name}/delete", stage.Admin(func(r *http.Request, _ none) (none, error) {
		return none{}, v.DeleteAccount(r.PathValue("name"))
	}))
	mux.Handle("GET /sim/causeloop/switches", stage.Admin(func(*http.Request, none) (Switches, error) {
		return v.Switches(), nil
	}))
	mux.Handle("PUT /sim/causeloop/switches", stage.Admin(v.putSwitches))
}

// putSwitches changes the switches that the body names and leaves the others.
func (v *Vendor) putSwitches(_ *http.Request, in json.RawMessage) (Switches, error) {
	switches, err := stage.Merge(v.Switches(), in)
	if err != nil {
		return Switches{}, err
	}
	return switches, v.SetSwitches(switches)
}
