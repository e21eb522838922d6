package rackgateway

import (
	"errors"
	"fmt"
	"slices"
)

// The values of the switches that have more than two, or need a name.
const (
	UnknownGetNull     = "null"
	UnknownGetNotFound = "notFound"

	UnknownOwnerCrash    = "crash"
	UnknownOwnerNotFound = "notFound"
)

// DemoDomain is the domain that the gateway of a simulator has when nobody names another.
const DemoDomain = "gateway.example.com"

// Switches are the answers that we assume to questions which are open, or which releases of the gateway answer in
// different ways. What works with a client must work whichever way they stand.
type Switches struct {
	// HostCheck refuses (400) calls to any other host than the domain, localhost and 127.0.0.1.
	HostCheck bool `json:"hostCheck"`
	// Domain is the host name that the gateway has.
	Domain string `json:"domain"`
	// RolesEnforced refuses (403) the token routes to tokens without the permission for them. Older releases let any
	// token do anything there.
	RolesEnforced bool `json:"rolesEnforced"`
	// UnknownGet is the answer to a token that is not there, by a well-formed ID: null (200 and a body of null) or
	// notFound (404).
	UnknownGet string `json:"unknownGet"`
	// UnknownOwner is the answer to a create for a user whom nobody knows: crash (500 without a body) or notFound (404).
	UnknownOwner string `json:"unknownOwner"`
	// OwnerMustBeNamed refuses (404) a create by a token that does not say for which user. Without it the user who owns
	// the calling token owns the new one.
	OwnerMustBeNamed bool `json:"ownerMustBeNamed"`
	// PermissionsWithinOwner refuses (403) permissions that the role of the token's owner does not include.
	PermissionsWithinOwner bool `json:"permissionsWithinOwner"`
	// ExpiresAtKept stores and enforces expires_at of a create; without it the field is ignored.
	ExpiresAtKept bool `json:"expiresAtKept"`
	// AccountsListed shows the accounts' own tokens among the others, as a gateway does that made them like any other.
	// Without it they are neither listed nor found by their ID, and a list can be empty.
	AccountsListed bool `json:"accountsListed"`
	// CreatesPerSecond refuses (429) creates beyond CreateBurst at once and this rate; 0 means no limit. A gateway that
	// nobody has configured has 10 and 20.
	CreatesPerSecond int `json:"createsPerSecond"`
	CreateBurst      int `json:"createBurst"`
}

// DefaultSwitches are the most likely answers, but for two that would be in everybody's way: accounts are not listed, and
// creates are not limited.
func DefaultSwitches() Switches {
	return Switches{
		HostCheck:     true,
		Domain:        DemoDomain,
		RolesEnforced: true,
		UnknownGet:    UnknownGetNull,
		UnknownOwner:  UnknownOwnerCrash,
		CreateBurst:   20,
	}
}

func (s Switches) check() error {
	choices := []struct {
		name, value string
		allowed     []string
	}{
		{"unknownGet", s.UnknownGet, []string{UnknownGetNull, UnknownGetNotFound}},
		{"unknownOwner", s.UnknownOwner, []string{UnknownOwnerCrash, UnknownOwnerNotFound}},
	}
	for _, c := range choices {
		if !slices.Contains(c.allowed, c.value) {
			return fmt.Errorf("%s is %q, must be one of %q", c.name, c.value, c.allowed)
		}
	}
	if s.Domain == "" || s.CreatesPerSecond < 0 || s.CreateBurst < 1 {
		return errors.New("domain must not be empty, createsPerSecond not negative, createBurst positive")
	}
	return nil
}
