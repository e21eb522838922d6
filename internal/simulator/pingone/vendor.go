// Package pingone simulates PingOne's gateway credentials, and the login of worker applications before them: paths,
// methods, statuses and fields as the vendor describes them. Where its documents are silent a switch chooses (Switches).
//
// It has two bases: the API is below /v1, and the login of an environment at its ID below the root.
//
// A credential is a signed JWT. It has no name, its value is shown once and only its SHA-256 is kept, and a gateway has
// five at most. A deleted one is gone.
package pingone

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

// The worker application and the gateway that a simulator has when nobody names others.
const (
	DemoClientID      = "3d6a2a52-7f0e-4d7b-8a34-1c2d3e4f5a6b"
	DemoSecret        = "demo-secret~0123456789.abcdef_0123456789"
	DemoEnvironmentID = "9c1f2c52-6a0e-4a5e-9a34-0d6f6f4f7c22"
	DemoGatewayID     = "b7e1a8d0-5d0c-4a47-8f5e-2f3a4b5c6d7e"
)

// The ways in which a worker application authenticates itself.
const (
	ClientSecretBasic = "CLIENT_SECRET_BASIC"
	ClientSecretPost  = "CLIENT_SECRET_POST"
)

// State is whether a credential opens the platform for a gateway.
type State string

// The states of a credential. The platform itself knows only those that are there; truth remembers the others.
const (
	Active  State = "active"
	Deleted State = "deleted"
)

// Account is a worker application.
type Account struct {
	ClientID string `json:"clientID"`
	Secret   string `json:"secret"`
	// EnvironmentID is where the application is and logs in. Its roles are good for all environments.
	EnvironmentID string `json:"environmentID"`
	// AuthMethod is how it says its secret; CLIENT_SECRET_BASIC when empty.
	AuthMethod string `json:"authMethod"`
	// Admin is the role of an environment's administrator, which all routes ask for (403 without it).
	Admin bool `json:"admin"`
}

// Gateway is a gateway of an environment.
type Gateway struct {
	ID            string `json:"id"`
	EnvironmentID string `json:"environmentID"`
	// Name and Type are LDAP's when empty.
	Name string `json:"name"`
	Type string `json:"type"`
}

// DemoAccount is the worker application that a simulator has when nobody names others.
func DemoAccount() Account {
	return Account{ClientID: DemoClientID, Secret: DemoSecret, EnvironmentID: DemoEnvironmentID, Admin: true}
}

// DemoGateway is the gateway that a simulator has when nobody names others. It has no credential.
func DemoGateway() Gateway { return Gateway{ID: DemoGatewayID, EnvironmentID: DemoEnvironmentID} }

// Truth is what the vendor knows, and what it has forgotten. It never holds a value in clear.
type Truth struct {
	// Accounts are all worker applications ever added, by client ID; Environments all environments, by ID.
	Accounts     []AccountTruth     `json:"accounts"`
	Environments []EnvironmentTruth `json:"environments"`
	// Calls and Refused count by route: all calls, and those answered with an error that changed nothing.
	Calls   map[string]int `json:"calls"`
	Refused map[string]int `json:"refused"`
	// Logins counts the bearers given out.
	Logins int `json:"logins"`
}

// AccountTruth is a worker application.
type AccountTruth struct {
	ClientID      string `json:"clientID"`
	EnvironmentID string `json:"environmentID"`
	AuthMethod    string `json:"authMethod"`
	Admin         bool   `json:"admin"`
	Disabled      bool   `json:"disabled,omitempty"`
}

// EnvironmentTruth is an environment and the gateways that it has or had, by ID.
type EnvironmentTruth struct {
	ID       string         `json:"id"`
	Deleted  bool           `json:"deleted,omitempty"`
	Gateways []GatewayTruth `json:"gateways"`
}

// GatewayTruth is a gateway and the credentials that it has or had, oldest first: each credential is in exactly one
// gateway.
type GatewayTruth struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Type        string            `json:"type"`
	Deleted     bool              `json:"deleted,omitempty"`
	Credentials []CredentialTruth `json:"credentials"`
}

// CredentialTruth is one credential. Times are in milliseconds, UTC.
type CredentialTruth struct {
	ID         string    `json:"id"`
	State      State     `json:"state"`
	CreatedBy  string    `json:"createdBy"` // a client ID, or "console"
	CreatedAt  time.Time `json:"createdAt"`
	LastUsedAt time.Time `json:"lastUsedAt,omitzero"`
	DeletedAt  time.Time `json:"deletedAt,omitzero"`
	// ValueSHA256 is lower-case hexadecimal.
	ValueSHA256 string `json:"valueSHA256"`
}

// Connection is what the platform says to a gateway that connects with a value. Known tells that it is the value of a
// credential that there is or was.
type Connection struct {
	Known     bool   `json:"known"`
	Active    bool   `json:"active"`
	ID        string `json:"id"`
	GatewayID string `json:"gatewayID"`
}

// Vendor is the simulated platform. The stage's mutex guards all its fields; methods in lower case expect it held.
type Vendor struct {
	stage        *stage.Stage
	switches     Switches
	accounts     map[string]*account
	environments map[string]*environment
	credentials  []*credential     // oldest first, deleted ones included
	bearers      map[string]bearer // by the SHA-256 of their value
	logins       int
	// revealing keeps in revealed what was given out, for Secrets.
	revealing bool
	revealed  []string
}

type account struct {
	Account
	disabled bool
	// unknown is how many calls are still refused because not everybody knows of the role.
	unknown int
}

type environment struct {
	id       string
	deleted  bool
	gateways map[string]*gateway
}

type gateway struct {
	Gateway
	deleted bool
}

type credential struct {
	id, digest, createdBy string
	gateway               *gateway
	// All but the first are zero until they happen.
	createdAt, lastUsedAt, deletedAt time.Time
}

type bearer struct {
	clientID string
	expires  time.Time
}

// New returns a vendor on the stage that has the gateways, with their environments, and knows the accounts.
func New(s *stage.Stage, gateways []Gateway, accounts ...Account) (*Vendor, error) {
	v := &Vendor{
		stage: s, switches: DefaultSwitches(),
		accounts: map[string]*account{}, environments: map[string]*environment{}, bearers: map[string]bearer{},
	}
	for _, g := range gateways {
		if err := v.AddGateway(g); err != nil {
			return nil, err
		}
	}
	for _, a := range accounts {
		if err := v.AddAccount(a); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// Truth is a consistent view of accounts, gateways and logins; the counters, read after them, may be ahead by calls that
// came meanwhile, never behind.
func (v *Vendor) Truth() Truth {
	truth := Truth{Accounts: []AccountTruth{}, Environments: []EnvironmentTruth{}}
	v.stage.Do(func(time.Time) {
		for _, id := range slices.Sorted(maps.Keys(v.accounts)) {
			a := v.accounts[id]
			truth.Accounts = append(truth.Accounts, AccountTruth{
				ClientID: id, EnvironmentID: a.EnvironmentID, AuthMethod: a.AuthMethod, Admin: a.Admin, Disabled: a.disabled,
			})
		}
		for _, id := range slices.Sorted(maps.Keys(v.environments)) {
			truth.Environments = append(truth.Environments, v.environmentTruth(v.environments[id]))
		}
		truth.Logins = v.logins
	})
	truth.Calls, truth.Refused = v.stage.Calls("pingone.")
	return truth
}

func (v *Vendor) environmentTruth(e *environment) EnvironmentTruth {
	truth := EnvironmentTruth{ID: e.id, Deleted: e.deleted, Gateways: []GatewayTruth{}}
	for _, id := range slices.Sorted(maps.Keys(e.gateways)) {
		g := e.gateways[id]
		credentials := []CredentialTruth{}
		for _, c := range v.credentials {
			if c.gateway == g {
				credentials = append(credentials, c.truth())
			}
		}
		truth.Gateways = append(truth.Gateways, GatewayTruth{
			ID: id, Name: g.Name, Type: g.Type, Deleted: g.deleted, Credentials: credentials,
		})
	}
	return truth
}

// Check says what would happen to a gateway that connects with the value, and changes nothing.
func (v *Vendor) Check(value string) Connection {
	var connection Connection
	v.stage.Do(func(time.Time) { connection, _ = v.connection(value) })
	return connection
}

// Connect lets a gateway connect with the value: where it opens the platform, the credential's last use is now.
func (v *Vendor) Connect(value string) Connection {
	var connection Connection
	v.stage.Do(func(now time.Time) {
		var c *credential
		if connection, c = v.connection(value); connection.Active {
			c.lastUsedAt = now
		}
	})
	return connection
}

func (v *Vendor) connection(value string) (Connection, *credential) {
	digest := digestOf(value)
	at := slices.IndexFunc(v.credentials, func(c *credential) bool { return c.digest == digest })
	if at < 0 {
		return Connection{}, nil
	}
	c := v.credentials[at]
	return Connection{Known: true, Active: c.deletedAt.IsZero(), ID: c.id, GatewayID: c.gateway.ID}, c
}

// RevealSecrets lets Secrets tell from now on what must never be seen anywhere: for a search of logs and the like.
func (v *Vendor) RevealSecrets() {
	v.stage.Do(func(time.Time) { v.revealing = true })
}

// Secrets returns in clear the secrets of all accounts, and the values and bearers that were given out since
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
		secrets = append(secrets, v.revealed...)
	})
	return secrets
}

// Create makes a credential as a person does in the vendor's console, who may have as few as everybody, and returns its
// ID.
func (v *Vendor) Create(environmentID, gatewayID string) (id string, err error) {
	v.stage.Do(func(now time.Time) {
		var g *gateway
		if g, err = v.gatewayIn(environmentID, gatewayID); err != nil {
			return
		}
		if len(v.of(g)) >= v.switches.MaxCredentials {
			err = errors.New("the gateway has all the credentials that it may have")
			return
		}
		c, _ := v.add(g, "console", now)
		id = c.id
	})
	return id, err
}

// Revoke deletes a credential as a person does in the vendor's console.
func (v *Vendor) Revoke(id string) error {
	err := fmt.Errorf("credential %q: %w", id, stage.ErrNotFound)
	v.stage.Do(func(now time.Time) {
		for _, c := range v.credentials {
			if c.id == id && c.deletedAt.IsZero() {
				c.deletedAt = now
				err = nil
			}
		}
	})
	return err
}

// AddGateway adds a gateway, and its environment if there is none of this ID. One that was deleted is there again, without
// credentials.
func (v *Vendor) AddGateway(g Gateway) error {
	if g.ID == "" || g.EnvironmentID == "" {
		return errors.New("id and environmentID must not be empty")
	}
	g.Name, g.Type = cmp.Or(g.Name, "LDAP gateway"), cmp.Or(g.Type, "LDAP")
	v.stage.Do(func(time.Time) {
		e := v.environment(g.EnvironmentID)
		known := e.gateways[g.ID]
		if known == nil {
			known = &gateway{}
			e.gateways[g.ID] = known
		}
		*known = gateway{Gateway: g}
	})
	return nil
}

// DeleteGateway deletes a gateway, and its credentials with it.
func (v *Vendor) DeleteGateway(environmentID, gatewayID string) (err error) {
	v.stage.Do(func(now time.Time) {
		var g *gateway
		if g, err = v.gatewayIn(environmentID, gatewayID); err == nil {
			v.deleteGateway(g, now)
		}
	})
	return err
}

// DeleteEnvironment deletes an environment, and all that is in it.
func (v *Vendor) DeleteEnvironment(id string) error {
	err := fmt.Errorf("environment %q: %w", id, stage.ErrNotFound)
	v.stage.Do(func(now time.Time) {
		e := v.environments[id]
		if e == nil || e.deleted {
			return
		}
		err = nil
		e.deleted = true
		for _, g := range e.gateways {
			v.deleteGateway(g, now)
		}
	})
	return err
}

// AddAccount adds a worker application, and its environment if there is none of this ID, or replaces the one of the same
// client ID, and gives it its role.
func (v *Vendor) AddAccount(a Account) error {
	a.AuthMethod = cmp.Or(a.AuthMethod, ClientSecretBasic)
	switch {
	case a.ClientID == "" || a.Secret == "" || a.EnvironmentID == "":
		return errors.New("clientID, secret and environmentID must not be empty")
	case a.AuthMethod != ClientSecretBasic && a.AuthMethod != ClientSecretPost:
		return fmt.Errorf("authMethod must be %s or %s", ClientSecretBasic, ClientSecretPost)
	}
	v.stage.Do(func(time.Time) {
		v.environment(a.EnvironmentID)
		v.accounts[a.ClientID] = &account{Account: a, unknown: v.switches.TransientForbidden}
	})
	return nil
}

// DisableAccount lets the application's logins and bearers be refused (401).
func (v *Vendor) DisableAccount(clientID string) error {
	return v.changeAccount(clientID, func(a *account) { a.disabled = true })
}

// SetAdmin gives the application the role, or takes it away.
func (v *Vendor) SetAdmin(clientID string, admin bool) error {
	return v.changeAccount(clientID, func(a *account) { a.Admin, a.unknown = admin, v.switches.TransientForbidden })
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

func (v *Vendor) changeAccount(clientID string, change func(*account)) error {
	err := fmt.Errorf("account %q: %w", clientID, stage.ErrNotFound)
	v.stage.Do(func(time.Time) {
		if a := v.accounts[clientID]; a != nil {
			change(a)
			err = nil
		}
	})
	return err
}

// environment is the one of the ID, which is made if there is none.
func (v *Vendor) environment(id string) *environment {
	e := v.environments[id]
	if e == nil {
		e = &environment{id: id, gateways: map[string]*gateway{}}
		v.environments[id] = e
	}
	e.deleted = false
	return e
}

// gatewayIn finds a gateway that is there.
func (v *Vendor) gatewayIn(environmentID, id string) (*gateway, error) {
	if e := v.environments[environmentID]; e != nil && e.gateways[id] != nil && !e.gateways[id].deleted {
		return e.gateways[id], nil
	}
	return nil, fmt.Errorf("gateway %q: %w", id, stage.ErrNotFound)
}

// of are the credentials that the gateway has, oldest first.
func (v *Vendor) of(g *gateway) []*credential {
	var found []*credential
	for _, c := range v.credentials {
		if c.gateway == g && c.deletedAt.IsZero() {
			found = append(found, c)
		}
	}
	return found
}

// add makes the credential and returns its value, which nobody knows from now on.
func (v *Vendor) add(g *gateway, by string, now time.Time) (c *credential, value string) {
	c = &credential{id: v.stage.NewUUID(), createdBy: by, gateway: g, createdAt: now}
	value = v.valueOf(c)
	c.digest = digestOf(value)
	v.credentials = append(v.credentials, c)
	v.reveal(value)
	return c, value
}

func (v *Vendor) reveal(value string) {
	if v.revealing {
		v.revealed = append(v.revealed, value)
	}
}

func (v *Vendor) deleteGateway(g *gateway, now time.Time) {
	g.deleted = true
	for _, c := range v.of(g) {
		c.deletedAt = now
	}
}

func (c *credential) truth() CredentialTruth {
	state := Active
	if !c.deletedAt.IsZero() {
		state = Deleted
	}
	return CredentialTruth{
		ID:          c.id,
		State:       state,
		CreatedBy:   c.createdBy,
		CreatedAt:   c.createdAt.Truncate(time.Millisecond),
		LastUsedAt:  c.lastUsedAt.Truncate(time.Millisecond),
		DeletedAt:   c.deletedAt.Truncate(time.Millisecond),
		ValueSHA256: c.digest,
	}
}

func digestOf(value string) string {
	digest := sha256.Sum256([]byte(value))
	return hex.EncodeToString(digest[:])
}
