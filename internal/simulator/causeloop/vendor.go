// Package causeloop simulates Causeloop's personal API tokens and service accounts: paths and methods as its documents
// have them, lists, errors and limits as its API describes them in general. Where they are silent a switch chooses
// (Switches).
//
// A value is shown once, and only its SHA-256 is kept. A personal token belongs to a member and ends with him; a service
// account belongs to its workspace. Service accounts have no personal tokens (403).
package causeloop

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

// The accounts that a simulator has when nobody names others: a member, and a service account.
const (
	DemoName         = "operator"
	DemoValue        = "clp_pat_demo-0123456789abcdef0123456789abcdef"
	DemoMachineName  = "operator-machine"
	DemoMachineValue = "clp_sat_demo-0123456789abcdef0123456789abcdef"
	DemoWorkspaceID  = "ws_demo"
)

// State is whether a token opens the API.
type State string

// The states of a token, and the first two of a service account.
const (
	Active  State = "active"
	Revoked State = "revoked"
	Expired State = "expired"
)

// Account is who calls the API: a member of a workspace with a personal token, or a service account with a token.
type Account struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	// WorkspaceID is where the member or service account is.
	WorkspaceID string `json:"workspaceID"`
	// Machine makes it a service account.
	Machine bool `json:"machine"`
	// Admin gives it all scopes, workspace:admin among them; without it has those for data.
	Admin bool `json:"admin"`
}

// DemoAccount is the member that a simulator has when nobody names others.
func DemoAccount() Account {
	return Account{Name: DemoName, Value: DemoValue, WorkspaceID: DemoWorkspaceID, Admin: true}
}

// DemoMachine is the service account that a simulator has when nobody names others.
func DemoMachine() Account {
	return Account{Name: DemoMachineName, Value: DemoMachineValue, WorkspaceID: DemoWorkspaceID, Machine: true, Admin: true}
}

// Truth is what the vendor knows. It never holds a value in clear.
type Truth struct {
	// Accounts are all accounts ever added, by name.
	Accounts []AccountTruth `json:"accounts"`
	// ServiceAccounts are all that were made over the API or by hand, oldest first, but not the accounts that are some.
	ServiceAccounts []ServiceAccountTruth `json:"serviceAccounts"`
	// Calls and Refused count by route: all calls, and those answered with an error that changed nothing.
	Calls   map[string]int `json:"calls"`
	Refused map[string]int `json:"refused"`
}

// AccountTruth is an account and the personal tokens of the member that it is, oldest first, but for its own.
type AccountTruth struct {
	Name        string `json:"name"`
	ID          string `json:"id"`
	WorkspaceID string `json:"workspaceID"`
	Machine     bool   `json:"machine,omitempty"`
	Admin       bool   `json:"admin"`
	// Disabled: its own value was revoked. Deleted: the member has left, or the service account was deleted.
	Disabled bool         `json:"disabled,omitempty"`
	Deleted  bool         `json:"deleted,omitempty"`
	Tokens   []TokenTruth `json:"tokens"`
}

// ServiceAccountTruth is a service account and its tokens, oldest first.
type ServiceAccountTruth struct {
	ID          string       `json:"id"`
	Name        string       `json:"name"`
	Description string       `json:"description"`
	WorkspaceID string       `json:"workspaceID"`
	Scopes      []string     `json:"scopes"`
	State       State        `json:"state"`
	CreatedAt   time.Time    `json:"createdAt"`
	DeletedAt   time.Time    `json:"deletedAt,omitzero"`
	Tokens      []TokenTruth `json:"tokens"`
}

// TokenTruth is one token. Times are in whole seconds, UTC.
type TokenTruth struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Scopes     []string  `json:"scopes"`
	State      State     `json:"state"`
	CreatedAt  time.Time `json:"createdAt"`
	ExpiresAt  time.Time `json:"expiresAt,omitzero"`
	LastUsedAt time.Time `json:"lastUsedAt,omitzero"`
	RevokedAt  time.Time `json:"revokedAt,omitzero"`
	// ValueSHA256 is of the value, RolledSHA256 of those that it had before, oldest first; lower-case hexadecimal.
	ValueSHA256  string   `json:"valueSHA256"`
	RolledSHA256 []string `json:"rolledSHA256,omitempty"`
}

// Connection is what the API says to somebody who comes with a value. Known tells that a token has or had it.
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
	machines []*machine // oldest first, the accounts' own and deleted ones included
	tokens   []*token   // oldest first, the accounts' own and revoked ones included
	windows  map[string]window
	replays  map[string]replay
	// revealing keeps in revealed the values that were given out, for Secrets.
	revealing bool
	revealed  []string
}

type account struct {
	Account
	id                string
	disabled, deleted bool
	machine           *machine // nil for a member
}

// machine is a service account.
type machine struct {
	id, name, description string
	workspaceID           string
	scopes                []string // replaced as a whole, never changed: copies share it
	own                   bool     // an account's own
	createdAt, deletedAt  time.Time
}

// token is a personal one, of a member, or one of a service account. It stays in the workspace where it was made.
type token struct {
	id, name    string
	workspaceID string
	digest      string   // SHA-256 of the value, lower-case hexadecimal
	rolled      []string // digests of values that it had
	scopes      []string // replaced as a whole, never changed: copies share it
	member      *account // nil for a service account's
	machine     *machine // nil for a personal one
	own         bool     // an account's own
	// All but the first are zero until they happen; expiresAt where a token does not expire.
	createdAt, expiresAt, lastUsedAt, revokedAt time.Time
}

// New returns a vendor on the stage that knows the accounts.
func New(s *stage.Stage, accounts ...Account) (*Vendor, error) {
	v := &Vendor{
		stage: s, switches: DefaultSwitches(),
		accounts: map[string]*account{}, windows: map[string]window{}, replays: map[string]replay{},
	}
	for _, a := range accounts {
		if err := v.AddAccount(a); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// Truth is a consistent view of accounts and tokens; the counters, read after them, may be ahead by calls that came
// meanwhile, never behind.
func (v *Vendor) Truth() Truth {
	truth := Truth{Accounts: []AccountTruth{}, ServiceAccounts: []ServiceAccountTruth{}}
	v.stage.Do(func(now time.Time) {
		for _, name := range slices.Sorted(maps.Keys(v.accounts)) {
			truth.Accounts = append(truth.Accounts, v.accountTruth(v.accounts[name], now))
		}
		for _, m := range v.machines {
			if !m.own {
				truth.ServiceAccounts = append(truth.ServiceAccounts, v.machineTruth(m, now))
			}
		}
	})
	truth.Calls, truth.Refused = v.stage.Calls("causeloop.")
	return truth
}

func (v *Vendor) accountTruth(a *account, now time.Time) AccountTruth {
	return AccountTruth{
		Name:        a.Name,
		ID:          a.id,
		WorkspaceID: a.WorkspaceID,
		Machine:     a.Machine,
		Admin:       a.Admin,
		Disabled:    a.disabled,
		Deleted:     a.deleted,
		Tokens:      v.tokenTruths(func(t *token) bool { return t.member == a && !t.own }, now),
	}
}

func (v *Vendor) machineTruth(m *machine, now time.Time) ServiceAccountTruth {
	state := Active
	if !m.deletedAt.IsZero() {
		state = Revoked
	}
	return ServiceAccountTruth{
		ID:          m.id,
		Name:        m.name,
		Description: m.description,
		WorkspaceID: m.workspaceID,
		Scopes:      slices.Clone(m.scopes),
		State:       state,
		CreatedAt:   m.createdAt.Truncate(time.Second),
		DeletedAt:   m.deletedAt.Truncate(time.Second),
		Tokens:      v.tokenTruths(func(t *token) bool { return t.machine == m }, now),
	}
}

func (v *Vendor) tokenTruths(which func(*token) bool, now time.Time) []TokenTruth {
	truths := []TokenTruth{}
	for _, t := range v.tokens {
		if which(t) {
			truths = append(truths, t.truth(now))
		}
	}
	return truths
}

// Check says what would happen to somebody who comes with the value, and changes nothing.
func (v *Vendor) Check(value string) Connection {
	var connection Connection
	v.stage.Do(func(now time.Time) { connection = v.connection(value, now) })
	return connection
}

// Connect lets somebody use the value: where it opens the API, the token's last use is now.
func (v *Vendor) Connect(value string) Connection {
	var connection Connection
	v.stage.Do(func(now time.Time) {
		if connection = v.connection(value, now); connection.Active {
			v.holder(value).lastUsedAt = now
		}
	})
	return connection
}

func (v *Vendor) connection(value string, now time.Time) Connection {
	if t := v.holder(value); t != nil {
		return Connection{Known: true, Active: t.state(now) == Active, ID: t.id, Name: t.name}
	}
	was := slices.IndexFunc(v.tokens, func(t *token) bool { return slices.Contains(t.rolled, digestOf(value)) })
	if was < 0 {
		return Connection{}
	}
	return Connection{Known: true, ID: v.tokens[was].id, Name: v.tokens[was].name}
}

// RevealSecrets lets Secrets tell from now on what must never be seen anywhere: for a search of logs and the like.
func (v *Vendor) RevealSecrets() {
	v.stage.Do(func(time.Time) { v.revealing = true })
}

// Secrets returns in clear the values of all accounts, which whoever added them knows, and the values that were given
// out since RevealSecrets was called; nothing when it was not.
func (v *Vendor) Secrets() []string {
	secrets := []string{}
	v.stage.Do(func(time.Time) {
		if !v.revealing {
			return
		}
		for _, name := range slices.Sorted(maps.Keys(v.accounts)) {
			secrets = append(secrets, v.accounts[name].Value)
		}
		secrets = append(secrets, v.revealed...)
	})
	return secrets
}

// Create makes a personal token as the member does in the web interface, and returns its ID. The scopes are issues:read
// when left out.
func (v *Vendor) Create(member, name string, scopes ...string) (id string, err error) {
	v.stage.Do(func(now time.Time) {
		var a *account
		if a, err = v.memberNamed(member); err != nil {
			return
		}
		if name == "" || v.nameTaken(a, name) {
			err = errors.New("name must not be empty, nor taken")
			return
		}
		t, _ := v.add(token{name: name, member: a, scopes: orReading(scopes)}, now)
		id = t.id
	})
	return id, err
}

// CreateServiceAccount makes a service account as an admin does in the web interface, and returns its ID. The scopes are
// issues:read when left out.
func (v *Vendor) CreateServiceAccount(workspaceID, name string, scopes ...string) (id string, err error) {
	v.stage.Do(func(now time.Time) {
		if name == "" || workspaceID == "" || v.machineNameTaken(workspaceID, name) {
			err = errors.New("workspaceID and name must not be empty, nor the name taken")
			return
		}
		id = v.addMachine(machine{name: name, workspaceID: workspaceID, scopes: orReading(scopes)}, now).id
	})
	return id, err
}

// Issue makes a token of a service account as an admin does in the web interface, and returns its ID.
func (v *Vendor) Issue(serviceAccountID, name string) (id string, err error) {
	if name == "" {
		return "", errors.New("name must not be empty")
	}
	err = v.changeMachine(serviceAccountID, func(m *machine, now time.Time) {
		t, _ := v.add(token{name: name, machine: m, scopes: m.scopes}, now)
		id = t.id
	})
	return id, err
}

// Revoke revokes a token of any kind as a person does in the web interface. A revoked one stays as it is.
func (v *Vendor) Revoke(id string) error {
	err := fmt.Errorf("token %q: %w", id, stage.ErrNotFound)
	v.stage.Do(func(now time.Time) {
		for _, t := range v.tokens {
			if t.id == id && !t.own {
				t.revoke(now)
				err = nil
			}
		}
	})
	return err
}

// ChangeScopes gives a service account other scopes, as an admin does in the web interface. Its tokens keep theirs.
func (v *Vendor) ChangeScopes(serviceAccountID string, scopes ...string) error {
	return v.changeMachine(serviceAccountID, func(m *machine, _ time.Time) { m.scopes = slices.Clone(scopes) })
}

// DeleteServiceAccount deletes a service account, and revokes its tokens, as an admin does in the web interface.
func (v *Vendor) DeleteServiceAccount(id string) error {
	return v.changeMachine(id, func(m *machine, now time.Time) { v.deleteMachine(m, now) })
}

// AddAccount adds an account, or replaces the one of the same name: it is there again, with its value. What the account
// has made stays its.
func (v *Vendor) AddAccount(a Account) (err error) {
	if a.Name == "" || a.Value == "" || a.WorkspaceID == "" {
		return errors.New("name, value and workspaceID must not be empty")
	}
	v.stage.Do(func(now time.Time) {
		known := v.accounts[a.Name]
		if v.isAnothers(a.Value, known, now) {
			err = errors.New("the value is another token's")
			return
		}
		if known == nil {
			known = &account{id: v.newID("mbr")}
			v.accounts[a.Name] = known
		}
		v.endAccount(known, now)
		v.endMachine(known, now)
		*known = account{Account: a, id: known.id}
		own := token{name: "bootstrap " + a.Name, member: known, scopes: dataScopes(), own: true}
		if a.Admin {
			own.scopes = allScopes()
		}
		if a.Machine {
			known.machine = v.addMachine(machine{name: a.Name, workspaceID: a.WorkspaceID, scopes: own.scopes, own: true}, now)
			own.member, own.machine = nil, known.machine
		}
		t, _ := v.add(own, now)
		t.digest = digestOf(a.Value)
	})
	return err
}

// DisableAccount revokes the account's own value. What it has made lives on.
func (v *Vendor) DisableAccount(name string) error {
	return v.changeAccount(name, func(a *account, now time.Time) {
		a.disabled = true
		v.endAccount(a, now)
	})
}

// DeleteAccount lets the member leave the workspace, with all his personal tokens; a service account is deleted. What
// service accounts a member has made live on.
func (v *Vendor) DeleteAccount(name string) error {
	return v.changeAccount(name, func(a *account, now time.Time) {
		a.deleted = true
		v.endMachine(a, now)
		v.revokeAll(func(t *token) bool { return t.member == a }, now)
	})
}

// endAccount ends the account's own token.
func (v *Vendor) endAccount(a *account, now time.Time) {
	v.revokeAll(func(t *token) bool { return t.own && t.ownedBy(a) }, now)
}

// endMachine ends the service account that the account is, if it is one.
func (v *Vendor) endMachine(a *account, now time.Time) {
	if a.machine != nil && a.machine.deletedAt.IsZero() {
		v.deleteMachine(a.machine, now)
	}
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

func (v *Vendor) changeAccount(name string, change func(*account, time.Time)) error {
	err := fmt.Errorf("account %q: %w", name, stage.ErrNotFound)
	v.stage.Do(func(now time.Time) {
		if a := v.accounts[name]; a != nil {
			change(a, now)
			err = nil
		}
	})
	return err
}

// changeMachine changes a service account that is there.
func (v *Vendor) changeMachine(id string, change func(*machine, time.Time)) error {
	err := fmt.Errorf("service account %q: %w", id, stage.ErrNotFound)
	v.stage.Do(func(now time.Time) {
		for _, m := range v.machines {
			if m.id == id && !m.own && m.deletedAt.IsZero() {
				change(m, now)
				err = nil
			}
		}
	})
	return err
}

func (v *Vendor) memberNamed(name string) (*account, error) {
	if a := v.accounts[name]; a != nil && !a.Machine && !a.deleted {
		return a, nil
	}
	return nil, fmt.Errorf("member %q: %w", name, stage.ErrNotFound)
}

// holder is the token that has the value: the last one, where an account got an old value back.
func (v *Vendor) holder(value string) *token {
	digest := digestOf(value)
	for _, t := range slices.Backward(v.tokens) {
		if t.digest == digest {
			return t
		}
	}
	return nil
}

// isAnothers says whether a living token has the value that is not the account's own.
func (v *Vendor) isAnothers(value string, a *account, now time.Time) bool {
	t := v.holder(value)
	if t == nil || t.state(now) != Active {
		return false
	}
	return a == nil || !t.own || !t.ownedBy(a)
}

// add makes the token and returns its value, which nobody knows from now on.
func (v *Vendor) add(made token, now time.Time) (t *token, value string) {
	prefix := "tok"
	if made.machine != nil {
		prefix, made.workspaceID = "sat", made.machine.workspaceID
	} else {
		made.workspaceID = made.member.WorkspaceID
	}
	made.id, made.createdAt = v.newID(prefix), now
	value = v.newValue(&made)
	v.tokens = append(v.tokens, &made)
	return &made, value
}

// newValue gives the token a value and returns it.
func (v *Vendor) newValue(t *token) string {
	random := v.stage.Random(32)
	prefix := "clp_pat_"
	if t.machine != nil {
		prefix = "clp_sat_"
	}
	value := prefix + base64.RawURLEncoding.EncodeToString(random)
	if v.revealing && !t.own {
		v.revealed = append(v.revealed, value)
	}
	t.digest = digestOf(value)
	return value
}

func (v *Vendor) addMachine(made machine, now time.Time) *machine {
	made.id, made.createdAt = v.newID("sa"), now
	v.machines = append(v.machines, &made)
	return &made
}

func (v *Vendor) deleteMachine(m *machine, now time.Time) {
	m.deletedAt = now
	v.revokeAll(func(t *token) bool { return t.machine == m }, now)
}

func (v *Vendor) revokeAll(which func(*token) bool, now time.Time) {
	for _, t := range v.tokens {
		if which(t) {
			t.revoke(now)
		}
	}
}

func (v *Vendor) newID(prefix string) string {
	if v.switches.IDs == IDsUUID {
		return uuid.Must(uuid.NewV7()).String() // fails only without random numbers, which never happens
	}
	return prefix + "_" + hex.EncodeToString(v.stage.Random(12))
}

func (t *token) ownedBy(a *account) bool {
	return t.member == a || (t.machine != nil && t.machine == a.machine)
}

func (t *token) state(now time.Time) State {
	switch {
	case !t.revokedAt.IsZero():
		return Revoked
	case !t.expiresAt.IsZero() && !now.Before(t.expiresAt):
		return Expired
	default:
		return Active
	}
}

func (t *token) revoke(now time.Time) {
	if t.revokedAt.IsZero() {
		t.revokedAt = now
	}
}

func (t *token) truth(now time.Time) TokenTruth {
	return TokenTruth{
		ID:           t.id,
		Name:         t.name,
		Scopes:       slices.Clone(t.scopes),
		State:        t.state(now),
		CreatedAt:    t.createdAt.Truncate(time.Second),
		ExpiresAt:    t.expiresAt.Truncate(time.Second),
		LastUsedAt:   t.lastUsedAt.Truncate(time.Second),
		RevokedAt:    t.revokedAt.Truncate(time.Second),
		ValueSHA256:  t.digest,
		RolledSHA256: slices.Clone(t.rolled),
	}
}

func digestOf(value string) string {
	digest := sha256.Sum256([]byte(value))
	return hex.EncodeToString(digest[:])
}

func orReading(scopes []string) []string {
	if len(scopes) == 0 {
		return []string{"issues:read"}
	}
	return slices.Clone(scopes)
}
