package pingone

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// The values of the switches that have more than two, or need a name.
const (
	FieldCredential = "credential"
	FieldToken      = "token"

	ClaimsShort = "short"
	ClaimsLong  = "long"
)

// Switches are the answers that we assume to questions which the vendor's documents leave open. What works with a
// client must work whichever way they stand.
type Switches struct {
	// ValueField is what the value of a new credential is called: credential, as in the examples, or token, as in the
	// description of the fields.
	ValueField string `json:"valueField"`
	// Claims of a value are those of the example (short), or those of the description (long).
	Claims string `json:"claims"`
	// MaxCredentials is how many credentials a gateway has at most, which is documented, and TooManyStatus the answer to
	// one more, which is not: 400, 403 or 409.
	MaxCredentials int `json:"maxCredentials"`
	TooManyStatus  int `json:"tooManyStatus"`
	// PageSize is how many rows a page of any list has at most.
	PageSize int `json:"pageSize"`
	// LinksTo is the host, with its port, that the links in answers lead to; the one that was asked when empty.
	LinksTo string `json:"linksTo"`
	// ListLagSeconds is how long a new credential is not listed yet.
	ListLagSeconds int `json:"listLagSeconds"`
	// LastUsedShown shows when a credential was last used.
	LastUsedShown bool `json:"lastUsedShown"`
	// DeleteStatus is the answer to the deletion of a credential: 204, or 200 and an empty object.
	DeleteStatus int `json:"deleteStatus"`
	// SecondDeleteStatus is the answer to the deletion of a credential that is not there: 404, or 204.
	SecondDeleteStatus int `json:"secondDeleteStatus"`
	// GoneEnvironmentStatus is the answer to whatever is asked of an environment that is not there: 400, 401, 403 or
	// 404. Of the environment itself it is always 404.
	GoneEnvironmentStatus int `json:"goneEnvironmentStatus"`
	// TransientForbidden is how many calls a worker application gets refused (403) after its role was given, until
	// everybody knows of it. It counts for roles that are given from now on.
	TransientForbidden int `json:"transientForbidden"`
	// LoginRefusedStatus is the answer to a login with a wrong secret, or in the wrong way: 401 or 400.
	LoginRefusedStatus int `json:"loginRefusedStatus"`
	// BearerSeconds is how long a bearer lives.
	BearerSeconds int `json:"bearerSeconds"`
	// HALContentType calls answers application/hal+json; without it application/json.
	HALContentType bool `json:"halContentType"`
}

// DefaultSwitches are the most likely answers.
func DefaultSwitches() Switches {
	return Switches{
		ValueField:            FieldCredential,
		Claims:                ClaimsShort,
		MaxCredentials:        5,
		TooManyStatus:         http.StatusBadRequest,
		PageSize:              100,
		LastUsedShown:         true,
		DeleteStatus:          http.StatusNoContent,
		SecondDeleteStatus:    http.StatusNotFound,
		GoneEnvironmentStatus: http.StatusForbidden,
		LoginRefusedStatus:    http.StatusUnauthorized,
		BearerSeconds:         3600,
	}
}

// listLag is how long a new credential is not listed yet.
func (s Switches) listLag() time.Duration { return time.Duration(s.ListLagSeconds) * time.Second }

func (s Switches) check() error {
	words := []struct {
		name, value string
		allowed     []string
	}{
		{"valueField", s.ValueField, []string{FieldCredential, FieldToken}},
		{"claims", s.Claims, []string{ClaimsShort, ClaimsLong}},
	}
	for _, c := range words {
		if !slices.Contains(c.allowed, c.value) {
			return fmt.Errorf("%s is %q, must be one of %q", c.name, c.value, c.allowed)
		}
	}
	statuses := []struct {
		name    string
		value   int
		allowed []int
	}{
		{"tooManyStatus", s.TooManyStatus, []int{400, 403, 409}},
		{"deleteStatus", s.DeleteStatus, []int{204, 200}},
		{"secondDeleteStatus", s.SecondDeleteStatus, []int{404, 204}},
		{"goneEnvironmentStatus", s.GoneEnvironmentStatus, []int{400, 401, 403, 404}},
		{"loginRefusedStatus", s.LoginRefusedStatus, []int{401, 400}},
	}
	for _, c := range statuses {
		if !slices.Contains(c.allowed, c.value) {
			return fmt.Errorf("%s is %d, must be one of %d", c.name, c.value, c.allowed)
		}
	}
	if s.MaxCredentials < 1 || s.PageSize < 1 || s.BearerSeconds < 1 || s.ListLagSeconds < 0 || s.TransientForbidden < 0 {
		return errors.New("maxCredentials, pageSize and bearerSeconds must be positive, the other numbers not negative")
	}
	return nil
}
