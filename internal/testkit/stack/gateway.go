package stack

import (
	"context"
	"net/http"
	"slices"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
)

// Gateway is a gateway of PingOne's, in the environment that a simulator has at first. Its methods are what a person does and sees
// in the console.
type Gateway struct {
	Platform Platform
	ID       string
}

// Add adds the gateway.
func (g Gateway) Add(ctx context.Context) error {
	return g.Platform.call(ctx, http.MethodPost, "gateways", pingone.Gateway{ID: g.ID, EnvironmentID: pingone.DemoEnvironmentID}, nil)
}

// Create makes a credential, and returns its ID.
func (g Gateway) Create(ctx context.Context) (string, error) {
	var made struct {
		ID string `json:"id"`
	}
	err := g.Platform.call(ctx, http.MethodPost, "credentials", map[string]string{"environmentID": pingone.DemoEnvironmentID, "gatewayID": g.ID}, &made)
	return made.ID, err
}

// Credentials are all that it ever had, oldest first.
func (g Gateway) Credentials(ctx context.Context) ([]Token, error) {
	all, err := g.Platform.Tokens(ctx)
	return slices.DeleteFunc(all, func(t Token) bool { return t.Place != g.ID }), err
}
