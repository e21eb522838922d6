// Package causely simulates Causely's gateway token API and the login before it: paths, methods, statuses, fields and
// quirks as the vendor describes them. Where its documents are silent a switch chooses (Switches).
//
// Revoked tokens stay in the list for ever; active ones show their value again in every list.
package causely

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

// The account that a simulator has when nobody names another.
const (
	DemoClientID  = "demo-client"
	DemoSecret    = "demo-secret-0123456789abcdef"
	DemoProjectID = "5f0c2f52-6a0e-4a5e-9a34-0d6f6f4f7c11"
)

// State is whether a token opens the gateway.
type State string

// The states of a token.
const (
	Active  State = "active"
	Revoked State = "revoked"
)

// Account is a credential for the API, and what it leads to. Several credentials may lead to one project.
type Account struct {
	ClientID  string `json:"clientID"`
	Secret    string `json:"secret"`
	ProjectID string `json:"projectID"`
	// Admin is the role that the token routes ask for (403 without it).
	Admin bool `json:"admin"`
}

// DemoAccount is the account that a simulator has when nobody names another.
func DemoAccount() Account {
	return Account{ClientID: DemoClientID, Secret: DemoSecret, ProjectID: DemoProjectID, Admin: true}
}

// Truth is what the vendor knows. It never holds a value in clear.
type Truth struct {
	// Accounts are all credentials ever added, by client ID.
	Accounts []AccountTruth `json:"accounts"`
	// Calls and Refused count by route: all calls, and those answered with an error that changed nothing.
	Calls   map[string]int `json:"calls"`
	Refused map[string]int `json:"refused"`
	// Logins counts the bearers given out.
	Logins int `json:"logins"`
}

// AccountTruth is a credential and the tokens created with it, oldest first: each token of the simulator is in exactly
// one account, also after the account was switched to another project or disabled.
type AccountTruth struct {
	ClientID  string       `json:"clientID"`
	ProjectID string       `json:"projectID"`
	Admin     bool         `json:"admin"`
	Disabled  bool         `json:"disabled,omitempty"`
	Tokens    []TokenTruth `json:"tokens"`
}

// TokenTruth is one token. Times are in whole seconds, UTC.
type TokenTruth struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	ProjectID   string    `json:"projectID"`
	State       State     `json:"state"`
	CreatedAt   time.Time `json:"createdAt"`
	RevokedAt   time.Time `json:"revokedAt,omitzero"`
	RevokedBy   string    `json:"revokedBy,omitempty"`
	ValueSHA256 string    `json:"valueSHA256"` // lower-case hexadecimal
}

// Connection is what the platform says to a mediator that connects with a value.
type Connection struct {
	Known  bool   `json:"known"`
	Active bool   `json:"active"`
	ID     string `json:"id"`
	Name   string `json:"name"`
}

// Vendor is the simulated platform. The stage's mutex guards all its fields; methods in lower case expect it held.
type Vendor struct {
	stage    *stage.Stage
	switches Switches
	accounts map[string]*account
	tokens   []*token // oldest first
	bearers  map[string]bearer
	logins   int
	// revealing keeps in revealed what logins gave out, for Secrets.
	revealing bool
	revealed  []string
}

type account struct {
	Account
	disabled bool
}

type token struct {
	id, name, value           string
	clientID, projectID       string
	createdBy, createdByEmail string
	revokedBy                 string
	createdAt, revokedAt      time.Time // revokedAt is zero while the token is active
}

type bearer struct {
	clientID string
	expires  time.Time
}

// New returns a vendor on the stage that knows the accounts.
func New(s *stage.Stage, accounts ...Account) (*Vendor, error) {
	v := &Vendor{stage: s, switches: DefaultSwitches(), accounts: map[string]*account{}, bearers: map[string]bearer{}}
	for _, a := range accounts {
		if err := v.AddAccount(a); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// Truth is a consistent view of accounts, tokens and logins; the counters, read after them, may be ahead by calls that
// came meanwhile, never behind.
func (v *Vendor) Truth() Truth {
	truth := Truth{Accounts: []AccountTruth{}}
	v.stage.Do(func(time.Time) {
		tokens := map[string][]TokenTruth{}
		for _, t := range v.tokens {
			tokens[t.clientID] = append(tokens[t.clientID], t.truth())
		}
		for _, id := range slices.Sorted(maps.Keys(v.accounts)) {
			a := v.accounts[id]
			truth.Accounts = append(truth.Accounts, AccountTruth{
				ClientID:  id,
				ProjectID: a.ProjectID,
				Admin:     a.Admin,
				Disabled:  a.disabled,
				Tokens:    append([]TokenTruth{}, tokens[id]...),
			})
		}
		truth.Logins = v.logins
	})
	truth.Calls, truth.Refused = v.stage.Calls("causely.")
	return truth
}

// Check says what happens to a mediator that connects with the value.
func (v *Vendor) Check(value string) Connection {
	var connection Connection
	v.stage.Do(func(time.Time) {
		at := slices.IndexFunc(v.tokens, func(t *token) bool { return t.value == value })
		if at >= 0 {
			t := v.tokens[at]
			connection = Connection{Known: true, Active: t.state() == Active, ID: t.id, Name: t.name}
		}
	})
	return connection
}

// RevealSecrets lets Secrets tell from now on what must never be seen anywhere: for a search of logs and the like.
func (v *Vendor) RevealSecrets() {
	v.stage.Do(func(time.Time) { v.revealing = true })
}

// Secrets returns in clear the secrets of all credentials, the values of all tokens, and what logins gave out since
// RevealSecrets was called; nothing when it was not.
func (v *Vendor) Secrets() []string {
	secrets := []string{}
	v.stage.Do(func(time.Time) {
		if !v.revealing {
			return
		}
		for _, id := range slices.Sorted(maps.Keys(v.accounts)) {
			secrets = append(secrets, v.accounts[id].Secret)
		}
		for _, t := range v.tokens {
			secrets = append(secrets, t.value)
		}
		secrets = append(secrets, v.revealed...)
	})
	return secrets
}

// Create makes a token as a person does in the vendor's console, in the project of the client ID, and returns its ID.
func (v *Vendor) Create(clientID, name string) (id string, err error) {
	if name == "" {
		return "", errors.New("name must not be empty")
	}
	v.stage.Do(func(now time.Time) {
		var a *account
		if a, err = v.account(clientID); err == nil {
			id = v.add(a, name, person(), now).id
		}
	})
	return id, err
}

// Revoke revokes a token of any project as a person does in the vendor's console. A revoked one stays as it is.
func (v *Vendor) Revoke(id string) error {
	err := fmt.Errorf("token %q: %w", id, stage.ErrNotFound)
	v.stage.Do(func(now time.Time) {
		if t := v.token(id); t != nil {
			t.revoke(person().id, now)
			err = nil
		}
	})
	return err
}

// AddAccount adds a credential, or replaces the one of the same client ID and enables it again.
func (v *Vendor) AddAccount(a Account) error {
	if a.ClientID == "" || a.Secret == "" || a.ProjectID == "" {
		return errors.New("clientID, secret and projectID must not be empty")
	}
	v.stage.Do(func(time.Time) { v.accounts[a.ClientID] = &account{Account: a} })
	return nil
}

// DisableAccount lets the credential's logins and bearers get 401.
func (v *Vendor) DisableAccount(clientID string) error {
	return v.change(clientID, func(a *account) { a.disabled = true })
}

// SwitchProject lets the credential, and bearers already given out, lead to another project from now on.
func (v *Vendor) SwitchProject(clientID, projectID string) error {
	if projectID == "" {
		return errors.New("projectID must not be empty")
	}
	return v.change(clientID, func(a *account) { a.ProjectID = projectID })
}

// ExpireBearers lets all bearers given out so far get 401.
func (v *Vendor) ExpireBearers() {
	v.stage.Do(func(time.Time) { clear(v.bearers) })
}

// Switches returns how the switches stand.
func (v *Vendor) Switches() (switches Switches) {
	v.stage.Do(func(time.Time) { switches = v.switches })
	return switches
}

// SetSwitches sets all switches.
func (v *Vendor) SetSwitches(switches Switches) error {
	if err := switches.check(); err != nil {
		return err
	}
	v.stage.Do(func(time.Time) { v.switches = switches })
	return nil
}

func (v *Vendor) change(clientID string, change func(*account)) (err error) {
	v.stage.Do(func(time.Time) {
		var a *account
		if a, err = v.account(clientID); err == nil {
			change(a)
		}
	})
	return err
}

func (v *Vendor) account(clientID string) (*account, error) {
	if a := v.accounts[clientID]; a != nil {
		return a, nil
	}
	return nil, fmt.Errorf("account %q: %w", clientID, stage.ErrNotFound)
}

func (v *Vendor) token(id string) *token {
	at := slices.IndexFunc(v.tokens, func(t *token) bool { return t.id == id })
	if at < 0 {
		return nil
	}
	return v.tokens[at]
}

func (v *Vendor) add(a *account, name string, by user, now time.Time) *token {
	t := &token{
		id:             v.stage.NewUUID(),
		name:           name,
		value:          v.newJWT(a.ProjectID, now),
		clientID:       a.ClientID,
		projectID:      a.ProjectID,
		createdBy:      by.id,
		createdByEmail: by.email,
		createdAt:      now,
	}
	v.tokens = append(v.tokens, t)
	return t
}

// activeIn yields the active tokens of a project.
func (v *Vendor) activeIn(projectID string) []*token {
	var active []*token
	for _, t := range v.tokens {
		if t.projectID == projectID && t.state() == Active {
			active = append(active, t)
		}
	}
	return active
}

func (t *token) state() State {
	if t.revokedAt.IsZero() {
		return Active
	}
	return Revoked
}

func (t *token) revoke(by string, now time.Time) {
	if t.state() == Active {
		t.revokedAt, t.revokedBy = now, by
	}
}

func (t *token) truth() TokenTruth {
	digest := sha256.Sum256([]byte(t.value))
	return TokenTruth{
		ID:          t.id,
		Name:        t.name,
		ProjectID:   t.projectID,
		State:       t.state(),
		CreatedAt:   t.createdAt.Truncate(time.Second),
		RevokedAt:   t.revokedAt.Truncate(time.Second),
		RevokedBy:   t.revokedBy,
		ValueSHA256: hex.EncodeToString(digest[:]),
	}
}

// user is somebody who creates and revokes tokens.
type user struct{ id, email string }

// person is who acts in the vendor's console.
func person() user { return user{id: stableUUID("person"), email: "user@example.com"} }

func (a *account) user() user {
	return user{id: stableUUID("user/" + a.ClientID), email: a.ClientID + "@example.com"}
}

// mediatorID is per project: all tokens of the documented list share one.
func mediatorID(projectID string) string { return stableUUID("mediator/" + projectID) }

func stableUUID(of string) string { return uuid.NewSHA1(uuid.NameSpaceURL, []byte(of)).String() }

// newJWT looks like a JWT signed with RS256; the signature is random and the only secret part.
func (v *Vendor) newJWT(subject string, now time.Time) string {
	signature := v.stage.Random(256)
	claims := fmt.Sprintf(`{"sub":%q,"jti":%q,"iat":%d}`, subject, v.stage.NewUUID(), now.Unix())
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode([]byte(claims)) + "." + encode(signature)
}
