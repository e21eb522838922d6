package causeloop

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// The values of the switches that have more than two, or need a name.
const (
	FieldSecret = "secret"
	FieldToken  = "token"

	ListPages = "pages"
	ListData  = "data"
	ListArray = "array"

	SecondRevokeNotFound = "notFound"
	SecondRevokeSame     = "same"
	SecondRevokeConflict = "conflict"

	ExpiresAt     = "expires_at"
	ExpiresInDays = "expires_in_days"

	ExpiryAccepted = "accepted"
	ExpiryIgnored  = "ignored"
	ExpiryRefused  = "refused"

	IDsPrefixed = "prefixed"
	IDsUUID     = "uuid"

	ScopesAsObjects = "objects"
	ScopesAsStrings = "strings"

	LimitPerClient = "client"
	LimitPerToken  = "token"
)

// Switches are the answers that we assume to questions which the vendor's documents leave open. What works with a
// client must work whichever way they stand.
type Switches struct {
	// SecretField is what the value is called where it is shown: secret or token.
	SecretField string `json:"secretField"`
	// CreateStatus is the answer to whatever makes something: 201 or 200.
	CreateStatus int `json:"createStatus"`
	// DeleteStatus is the answer to whatever ends something: 204, or 200 and the object.
	DeleteStatus int `json:"deleteStatus"`
	// SecondRevoke is the answer to the end of what has ended: notFound (404), same (as the first) or conflict (409).
	SecondRevoke string `json:"secondRevoke"`
	// ListShape of lists: pages (data, and page with a cursor), data (all rows in data) or array (all rows and nothing
	// around them).
	ListShape string `json:"listShape"`
	// PageSize is how many rows a page has when nobody asks for a number, MaxPageSize what it has at most whatever is
	// asked for.
	PageSize    int `json:"pageSize"`
	MaxPageSize int `json:"maxPageSize"`
	// RevokedListed goes on listing revoked tokens, with revoked_at.
	RevokedListed bool `json:"revokedListed"`
	// ExpiredListed goes on listing expired tokens.
	ExpiredListed bool `json:"expiredListed"`
	// OthersListed shows the personal tokens of all members of the workspace; without it, only the caller's own.
	OthersListed bool `json:"othersListed"`
	// AccountsListed shows the accounts' own tokens, and the service accounts that they belong to, among the others, as
	// ones that were made in the same way. Without it they are neither listed nor found by their ID.
	AccountsListed bool `json:"accountsListed"`
	// RevokedNameFree lets the name of what has ended be used again.
	RevokedNameFree bool `json:"revokedNameFree"`
	// NamesFold takes names of personal tokens that differ in case only for the same. Those of service accounts always
	// are.
	NamesFold bool `json:"namesFold"`
	// RollKeepsID lets a rolled token keep its ID; without it the old one is revoked and another one has its name.
	RollKeepsID bool `json:"rollKeepsID"`
	// ExpiryField is the field of a create that says when a token ends: expires_at (a time) or expires_in_days. The
	// other one is ignored.
	ExpiryField string `json:"expiryField"`
	// AccountTokenExpiry is what becomes of that field when a service account's token is issued: accepted, ignored or
	// refused (400).
	AccountTokenExpiry string `json:"accountTokenExpiry"`
	// AccountTokensEmbedded shows the tokens of a service account in the list of service accounts; without it nothing
	// lists them.
	AccountTokensEmbedded bool `json:"accountTokensEmbedded"`
	// AccountTokenNamesUnique refuses (409) a name that a token of the same service account has.
	AccountTokenNamesUnique bool `json:"accountTokenNamesUnique"`
	// ScopesWithinCaller refuses (403) scopes that the caller does not have.
	ScopesWithinCaller bool `json:"scopesWithinCaller"`
	// ScopesAs is the form of the catalogue's rows: objects (with name and description) or strings.
	ScopesAs string `json:"scopesAs"`
	// MachineAdmin lets a service account's token with workspace:admin manage service accounts; without it only members
	// can (403).
	MachineAdmin bool `json:"machineAdmin"`
	// MFARequired refuses (403, mfa_required) members' tokens where service accounts are managed.
	MFARequired bool `json:"mfaRequired"`
	// IdempotencyReplay answers a second call with the Idempotency-Key of a first one, made within a day, as the first;
	// without it the header is ignored.
	IdempotencyReplay bool `json:"idempotencyReplay"`
	// IDs are prefixed (with what they are of) or plain UUIDs.
	IDs string `json:"ids"`
	// CallsPerMinute refuses (429) more calls; 0 means no limit and no headers of one. LimitPer says whose calls are counted: those of a client's
	// address, or of a token.
	CallsPerMinute int    `json:"callsPerMinute"`
	LimitPer       string `json:"limitPer"`
}

// DefaultSwitches are the most likely answers, but that accounts are not listed, which would be in everybody's way.
func DefaultSwitches() Switches {
	return Switches{
		SecretField:           FieldSecret,
		CreateStatus:          http.StatusCreated,
		DeleteStatus:          http.StatusNoContent,
		SecondRevoke:          SecondRevokeNotFound,
		ListShape:             ListPages,
		PageSize:              25,
		MaxPageSize:           100,
		ExpiredListed:         true,
		RevokedNameFree:       true,
		RollKeepsID:           true,
		ExpiryField:           ExpiresAt,
		AccountTokenExpiry:    ExpiryAccepted,
		AccountTokensEmbedded: true,
		ScopesWithinCaller:    true,
		ScopesAs:              ScopesAsObjects,
		MachineAdmin:          true,
		IDs:                   IDsPrefixed,
		CallsPerMinute:        600,
		LimitPer:              LimitPerClient,
	}
}

func (s Switches) check() error {
	choices := []struct {
		name, value string
		allowed     []string
	}{
		{"secretField", s.SecretField, []string{FieldSecret, FieldToken}},
		{"secondRevoke", s.SecondRevoke, []string{SecondRevokeNotFound, SecondRevokeSame, SecondRevokeConflict}},
		{"listShape", s.ListShape, []string{ListPages, ListData, ListArray}},
		{"expiryField", s.ExpiryField, []string{ExpiresAt, ExpiresInDays}},
		{"accountTokenExpiry", s.AccountTokenExpiry, []string{ExpiryAccepted, ExpiryIgnored, ExpiryRefused}},
		{"scopesAs", s.ScopesAs, []string{ScopesAsObjects, ScopesAsStrings}},
		{"ids", s.IDs, []string{IDsPrefixed, IDsUUID}},
		{"limitPer", s.LimitPer, []string{LimitPerClient, LimitPerToken}},
	}
	for _, c := range choices {
		if !slices.Contains(c.allowed, c.value) {
			return fmt.Errorf("%s is %q, must be one of %q", c.name, c.value, c.allowed)
		}
	}
	switch {
	case s.CreateStatus != http.StatusCreated && s.CreateStatus != http.StatusOK:
		return errors.New("createStatus must be 201 or 200")
	case s.DeleteStatus != http.StatusNoContent && s.DeleteStatus != http.StatusOK:
		return errors.New("deleteStatus must be 204 or 200")
	case s.PageSize < 1 || s.MaxPageSize < 1 || s.CallsPerMinute < 0:
		return errors.New("pageSize and maxPageSize must be positive, callsPerMinute not negative")
	}
	return nil
}
