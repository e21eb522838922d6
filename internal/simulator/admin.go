package simulator

import (
	"fmt"
	"net/http"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

// faultObject is a fault in the admin API.
type faultObject struct {
	ID    string     `json:"id,omitempty"`
	Route string     `json:"route"`
	Kind  stage.Kind `json:"kind"`
	// Times is 1 when left out, 0 until the fault is removed.
	Times *int `json:"times"`
	After int  `json:"after"`
	// Delay is a duration as Go writes it: "2s".
	Delay      string `json:"delay,omitempty"`
	Status     int    `json:"status,omitempty"`
	RetryAfter string `json:"retryAfter,omitempty"`
	Hits       int    `json:"hits"`
}

// callCounts counts the calls of all vendors by route, and those that were carried out and whose client does not know it.
type callCounts struct {
	Calls   map[string]int `json:"calls"`
	Unheard map[string]int `json:"unheard"`
}

type identity struct {
	ID string `json:"id"`
}

type none = stage.Nothing

// registerAdmin adds what is the same for all vendors.
func (s *Server) registerAdmin(mux *http.ServeMux) {
	mux.Handle("GET /sim/healthz", stage.Admin(func(*http.Request, none) (none, error) { return none{}, nil }))
	mux.Handle("GET /sim/calls", stage.Admin(func(*http.Request, none) (callCounts, error) {
		calls, _ := s.stage.Calls("")
		return callCounts{Calls: calls, Unheard: s.stage.Unheard()}, nil
	}))
	mux.Handle("GET /sim/transcript", stage.Admin(func(*http.Request, none) ([]Entry, error) {
		return s.Transcript(), nil
	}))
	mux.Handle("GET /sim/faults", stage.Admin(func(*http.Request, none) ([]faultObject, error) {
		return faultObjects(s.Faults().List()), nil
	}))
	mux.Handle("POST /sim/faults", stage.Admin(func(_ *http.Request, in faultObject) (identity, error) {
		fault, err := in.fault()
		if err != nil {
			return identity{}, err
		}
		id, err := s.Faults().Add(fault)
		return identity{ID: id}, err
	}))
	mux.Handle("DELETE /sim/faults", stage.Admin(func(*http.Request, none) (none, error) {
		s.Faults().Clear()
		return none{}, nil
	}))
	mux.Handle("DELETE /sim/faults/{id}", stage.Admin(func(r *http.Request, _ none) (none, error) {
		return none{}, s.Faults().Remove(r.PathValue("id"))
	}))
	mux.Handle("/sim/", stage.Admin(func(r *http.Request, _ none) (none, error) {
		return none{}, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, stage.ErrNotFound)
	}))
}

func (o faultObject) fault() (stage.Fault, error) {
	fault := stage.Fault{
		Route: o.Route, Kind: o.Kind, Times: 1, After: o.After, Status: o.Status, RetryAfter: o.RetryAfter,
	}
	if o.Times != nil {
		fault.Times = *o.Times
	}
	if o.Delay == "" {
		return fault, nil
	}
	delay, err := time.ParseDuration(o.Delay)
	if err != nil {
		return fault, fmt.Errorf("delay: %w", err)
	}
	fault.Delay = delay
	return fault, nil
}

func faultObjects(states []stage.FaultState) []faultObject {
	objects := make([]faultObject, 0, len(states))
	for _, state := range states {
		object := faultObject{
			ID: state.ID, Route: state.Route, Kind: state.Kind, Times: &state.Times, After: state.After,
			Status: state.Status, RetryAfter: state.RetryAfter, Hits: state.Hits,
		}
		if state.Delay != 0 {
			object.Delay = state.Delay.String()
		}
		objects = append(objects, object)
	}
	return objects
}
