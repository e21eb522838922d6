// Package rackgateway simulates Rack Gateway's API tokens: paths, methods, statuses, fields and quirks as its server has
// them. Where that is uncertain, or differs between its releases, a switch chooses (Switches).
//
// A token's value is shown once, and only its SHA-256 is kept. Names are unique on the whole gateway; a deleted token is
// gone, and its name free again.
package rackgateway

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

// The account that a simulator has when nobody names another.
const (
	DemoEmail = "operator@example.com"
	DemoValue = "rgw_ZGVtby1ib290c3RyYXAtdG9rZW4tMDEyMzQ1Njc4OWE="
)

// State is whether a token opens the gateway.
type State string

// The states of a token. The gateway itself knows only tokens that are there; truth remembers the others.
const (
	Active  State = "active"
	Deleted State = "deleted"
)

// Account is a user of the gateway, and the token that he made for a machine which is to make others.
type Account struct {
	Email string `json:"email"`
	// Value of the user's own token, with the prefix rgw_; empty for a user who has none and can only own others.
	Value string `json:"value"`
	// Admin is the role that the token routes ask for (403 without it).
	Admin bool `json:"admin"`
}

// DemoAccount is the account that a simulator has when nobody names another.
func DemoAccount() Account { return Account{Email: DemoEmail, Value: DemoValue, Admin: true} }

// Truth is what the vendor knows, and what it has forgotten. It never holds a value in clear.
type Truth struct {
	// Accounts are all users ever added, by email.
	Accounts []AccountTruth `json:"accounts"`
	// Calls and Refused count by route: all calls, and those answered with an error that changed nothing.
	Calls   map[string]int `json:"calls"`
	Refused map[string]int `json:"refused"`
}

// AccountTruth is a user and the tokens that he owns or owned, oldest first, but for the account's own: each token is in
// exactly one account.
type AccountTruth struct {
	Email    string       `json:"email"`
	UserID   int64        `json:"userID"`
	Admin    bool         `json:"admin"`
	Disabled bool         `json:"disabled,omitempty"`
	Deleted  bool         `json:"deleted,omitempty"`
	Tokens   []TokenTruth `json:"tokens"`
}

// TokenTruth is one token. ID is the public ID, Number the one in logs. Times are in whole seconds, UTC.
type TokenTruth struct {
	ID          string    `json:"id"`
	Number      int64     `json:"number"`
	Name        string    `json:"name"`
	Owner       string    `json:"owner"`
	Permissions []string  `json:"permissions"`
	State       State     `json:"state"`
	CreatedAt   time.Time `json:"createdAt"`
	ExpiresAt   time.Time `json:"expiresAt,omitzero"`
	LastUsedAt  time.Time `json:"lastUsedAt,omitzero"`
	DeletedAt   time.Time `json:"deletedAt,omitzero"`
	ValueSHA256 string    `json:"valueSHA256"` // lower-case hexadecimal
}

// Connection is what the gateway says to somebody who comes with a value. Known tells that it is the value of a token
// that there is or was.
type Connection struct {
	Known  bool   `json:"known"`
	Active bool   `json:"active"`
	ID     string `json:"id"`
	Name   string `json:"name"`
}

// Vendor is the simulated gateway. The stage's mutex guards all its fields; methods in lower case expect it held.
type Vendor struct {
	stage    *stage.Stage
	switches Switches
	accounts map[string]*account
	tokens   []*token // oldest first, the accounts' own and deleted ones included
	users    int64
	creates  bucket
	// revealing keeps in revealed the values that were given out, for Secrets.
	revealing bool
	revealed  []string
}

type account struct {
	Account
	userID            int64
	disabled, deleted bool
}

type token struct {
	number         int64
	id, name       string
	digest         string // SHA-256 of the value, lower-case hexadecimal
	owner, creator *account
	permissions    []string // replaced as a whole, never changed: copies share it
	own            bool     // the account's own token
	createdAt      time.Time
	// These are zero until they happen; expiresAt where a token does not expire.
	expiresAt, lastUsedAt, deletedAt time.Time
}

// New returns a vendor on the stage that knows the accounts.
func New(s *stage.Stage, accounts ...Account) (*Vendor, error) {
	v := &Vendor{stage: s, switches: DefaultSwitches(), accounts: map[string]*account{}}
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
	truth := Truth{Accounts: []AccountTruth{}}
	v.stage.Do(func(time.Time) {
		tokens := map[string][]TokenTruth{}
		for _, t := range v.tokens {
			if !t.own {
				tokens[t.owner.Email] = append(tokens[t.owner.Email], t.truth())
			}
		}
		for _, email := range slices.Sorted(maps.Keys(v.accounts)) {
			a := v.accounts[email]
			truth.Accounts = append(truth.Accounts, AccountTruth{
				Email:    email,
				UserID:   a.userID,
				Admin:    a.Admin,
				Disabled: a.disabled,
				Deleted:  a.deleted,
				Tokens:   append([]TokenTruth{}, tokens[email]...),
			})
		}
	})
	truth.Calls, truth.Refused = v.stage.Calls("rackgateway.")
	return truth
}

// Check says what would happen to somebody who comes with the value, and changes nothing.
func (v *Vendor) Check(value string) Connection {
	var connection Connection
	v.stage.Do(func(now time.Time) { connection = v.connection(value, now) })
	return connection
}

// Connect lets somebody use the value: where it opens the gateway, the token's last use is now.
func (v *Vendor) Connect(value string) Connection {
	var connection Connection
	v.stage.Do(func(now time.Time) {
		if connection = v.connection(value, now); connection.Active {
			v.live(digestOf(value)).lastUsedAt = now
		}
	})
	return connection
}

func (v *Vendor) connection(value string, now time.Time) Connection {
	digest := digestOf(value)
	t := v.live(digest)
	if t == nil {
		at := slices.IndexFunc(v.tokens, func(t *token) bool { return t.digest == digest })
		if at < 0 {
			return Connection{}
		}
		t = v.tokens[at]
	}
	return Connection{Known: true, Active: t.problem(now) == "", ID: t.id, Name: t.name}
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
		for _, email := range slices.Sorted(maps.Keys(v.accounts)) {
			if value := v.accounts[email].Value; value != "" {
				secrets = append(secrets, value)
			}
		}
		secrets = append(secrets, v.revealed...)
	})
	return secrets
}

// Create makes a token as a person does in the gateway's web interface, for the user, and returns its public ID. The
// permissions are those of the role viewer when left out.
func (v *Vendor) Create(email, name string, permissions ...string) (id string, err error) {
	if len(permissions) == 0 {
		permissions = rolePermissions("viewer")
	}
	v.stage.Do(func(now time.Time) {
		var owner *account
		if owner, err = v.account(email); err != nil {
			return
		}
		if err = v.checkName(name, nil); err == nil {
			t, _ := v.add(token{name: name, owner: owner, creator: owner, permissions: slices.Clone(permissions)}, now)
			id = t.id
		}
	})
	return id, err
}

// Revoke deletes a token as a person does in the gateway's web interface.
func (v *Vendor) Revoke(id string) error {
	return v.change(id, func(t *token, now time.Time) { t.deletedAt = now })
}

// Change gives a token another name, unless it is empty, and other permissions, unless there are none, as a person does
// in the gateway's web interface.
func (v *Vendor) Change(id, name string, permissions ...string) (err error) {
	found := v.change(id, func(t *token, _ time.Time) {
		if name != "" {
			if err = v.checkName(name, t); err != nil {
				return
			}
			t.name = name
		}
		if len(permissions) > 0 {
			t.permissions = slices.Clone(permissions)
		}
	})
	return errors.Join(found, err)
}

// AddAccount adds a user, or replaces the one of the same email: he is there again, with one token of his own.
func (v *Vendor) AddAccount(a Account) (err error) {
	if a.Email == "" {
		return errors.New("email must not be empty")
	}
	v.stage.Do(func(now time.Time) {
		known := v.accounts[a.Email]
		if t := v.live(digestOf(a.Value)); t != nil && (!t.own || t.owner != known) {
			err = errors.New("the value is another token's")
			return
		}
		if known == nil {
			v.users++
			known = &account{userID: v.users}
			v.accounts[a.Email] = known
		}
		*known = account{Account: a, userID: known.userID}
		v.deleteTokens(func(t *token) bool { return t.owner == known && t.own }, now)
		if a.Value == "" {
			return
		}
		own := token{name: "bootstrap " + a.Email, owner: known, creator: known, permissions: known.permissions(), own: true}
		t, _ := v.add(own, now)
		t.digest = digestOf(a.Value)
	})
	return err
}

// DisableAccount suspends the user: all his tokens get 401 until he is added again.
func (v *Vendor) DisableAccount(email string) (err error) {
	v.stage.Do(func(time.Time) {
		var a *account
		if a, err = v.account(email); err == nil {
			a.disabled = true
		}
	})
	return err
}

// DeleteAccount deletes the user, and with him all tokens that he owns.
func (v *Vendor) DeleteAccount(email string) (err error) {
	v.stage.Do(func(now time.Time) {
		var a *account
		if a, err = v.account(email); err == nil {
			a.deleted = true
			v.deleteTokens(func(t *token) bool { return t.owner == a }, now)
		}
	})
	return err
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
	v.stage.Do(func(time.Time) {
		v.switches = switches
		v.creates = bucket{}
	})
	return nil
}

// change changes a token that is there.
func (v *Vendor) change(id string, change func(*token, time.Time)) error {
	err := fmt.Errorf("token %q: %w", id, stage.ErrNotFound)
	v.stage.Do(func(now time.Time) {
		if t := v.token(id); t != nil && !t.own {
			change(t, now)
			err = nil
		}
	})
	return err
}

func (v *Vendor) account(email string) (*account, error) {
	if a := v.accounts[email]; a != nil && !a.deleted {
		return a, nil
	}
	return nil, fmt.Errorf("account %q: %w", email, stage.ErrNotFound)
}

// token finds a token that is there by its public ID.
func (v *Vendor) token(id string) *token {
	return v.find(func(t *token) bool { return t.id == id })
}

// live finds a token that is there by the digest of its value.
func (v *Vendor) live(digest string) *token {
	return v.find(func(t *token) bool { return t.digest == digest })
}

func (v *Vendor) find(is func(*token) bool) *token {
	at := slices.IndexFunc(v.tokens, func(t *token) bool { return t.deletedAt.IsZero() && is(t) })
	if at < 0 {
		return nil
	}
	return v.tokens[at]
}

// add makes the token and returns its value, which nobody knows from now on.
func (v *Vendor) add(made token, now time.Time) (t *token, value string) {
	random := v.stage.Random(32)
	value = "rgw_" + base64.URLEncoding.EncodeToString(random)
	if v.revealing && !made.own {
		v.revealed = append(v.revealed, value)
	}
	made.number, made.id = int64(len(v.tokens)+1), v.stage.NewUUID()
	made.digest, made.createdAt = digestOf(value), now
	v.tokens = append(v.tokens, &made)
	return &made, value
}

func (v *Vendor) deleteTokens(which func(*token) bool, now time.Time) {
	for _, t := range v.tokens {
		if t.deletedAt.IsZero() && which(t) {
			t.deletedAt = now
		}
	}
}

// problem says why a token does not open the gateway, in the gateway's words; nothing when it does.
func (t *token) problem(now time.Time) string {
	switch {
	case !t.deletedAt.IsZero():
		return "invalid API token: invalid token"
	case !t.expiresAt.IsZero() && now.After(t.expiresAt):
		return "invalid API token: token has expired"
	case t.owner.disabled:
		return "token owner is suspended"
	}
	return ""
}

func (t *token) truth() TokenTruth {
	state := Active
	if !t.deletedAt.IsZero() {
		state = Deleted
	}
	return TokenTruth{
		ID:          t.id,
		Number:      t.number,
		Name:        t.name,
		Owner:       t.owner.Email,
		Permissions: slices.Clone(t.permissions),
		State:       state,
		CreatedAt:   t.createdAt.Truncate(time.Second),
		ExpiresAt:   t.expiresAt.Truncate(time.Second),
		LastUsedAt:  t.lastUsedAt.Truncate(time.Second),
		DeletedAt:   t.deletedAt.Truncate(time.Second),
		ValueSHA256: t.digest,
	}
}

func digestOf(value string) string {
	digest := sha256.Sum256([]byte(value))
	return hex.EncodeToString(digest[:])
}
