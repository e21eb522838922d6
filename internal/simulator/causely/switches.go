package causely

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// The values of the switches that have more than two.
const (
	SpellingSnake = "snake"
	SpellingCamel = "camel"

	SecondRevokeSame     = "same"
	SecondRevokeConflict = "conflict"
	SecondRevokeNotFound = "notFound"

	NewestFirst = "newestFirst"
	OldestFirst = "oldestFirst"
)

// Switches are the answers that we assume to questions which the vendor's documents leave open. What works with a
// client must work whichever way they stand.
type Switches struct {
	// LoginSpelling of the fields of the login answer: snake (access_token) or camel (accessToken). Both were seen.
	LoginSpelling string `json:"loginSpelling"`
	// SecondRevoke is the answer to the revocation of a revoked token: same (200 and the token object), conflict (409)
	// or notFound (404).
	SecondRevoke string `json:"secondRevoke"`
	// NamesUnique refuses (409) a name that an active token of the project has.
	NamesUnique bool `json:"namesUnique"`
	// ListOrder is newestFirst, as in the documented example, or oldestFirst.
	ListOrder string `json:"listOrder"`
	// TwoActivePerMediator allows any number of active tokens; without it a second one is refused (409).
	TwoActivePerMediator bool `json:"twoActivePerMediator"`
	// BearerSeconds is how long a bearer lives.
	BearerSeconds int `json:"bearerSeconds"`
	// EmptyValueForNonAdmin lets the default token's route answer 200 with an empty value to a credential without the
	// admin role; without it the answer is 403.
	EmptyValueForNonAdmin bool `json:"emptyValueForNonAdmin"`
	// RevokeNeedsQuery refuses (400) a revocation that does not repeat the ID in the query, as the document does. One
	// that repeats another ID is always refused.
	RevokeNeedsQuery bool `json:"revokeNeedsQuery"`
	// MaxNameLength refuses (400) longer names, in bytes; 0 means no limit.
	MaxNameLength int `json:"maxNameLength"`
}

// DefaultSwitches are the most likely answers.
func DefaultSwitches() Switches {
	return Switches{
		LoginSpelling:         SpellingSnake,
		SecondRevoke:          SecondRevokeSame,
		ListOrder:             NewestFirst,
		TwoActivePerMediator:  true,
		BearerSeconds:         86400,
		EmptyValueForNonAdmin: true,
		RevokeNeedsQuery:      true,
	}
}

// bearerEnd is when a bearer given out now dies: in whole seconds, as the login answer tells it.
func (s Switches) bearerEnd(now time.Time) time.Time {
	return now.Add(time.Duration(s.BearerSeconds) * time.Second).Truncate(time.Second)
}

func (s Switches) check() error {
	choices := []struct {
		name, value string
		allowed     []string
	}{
		{"loginSpelling", s.LoginSpelling, []string{SpellingSnake, SpellingCamel}},
		{"secondRevoke", s.SecondRevoke, []string{SecondRevokeSame, SecondRevokeConflict, SecondRevokeNotFound}},
		{"listOrder", s.ListOrder, []string{NewestFirst, OldestFirst}},
	}
	for _, c := range choices {
		if !slices.Contains(c.allowed, c.value) {
			return fmt.Errorf("%s is %q, must be one of %q", c.name, c.value, c.allowed)
		}
	}
	if s.BearerSeconds < 1 || s.MaxNameLength < 0 {
		return errors.New("bearerSeconds must be positive, maxNameLength not negative")
	}
	return nil
}
