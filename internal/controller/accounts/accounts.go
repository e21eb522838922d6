// Package accounts is what this process knows of the vendor accounts behind issuers. The issuer controller writes it, the
// GatewayToken controller reads it.
package accounts

import (
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/inventory"
)

// ReleaseMemory is how long a released object is remembered, so that a token that its vendor commits late is revoked.
const ReleaseMemory = 24 * time.Hour

// Key names an issuer.
type Key struct{ Kind, Namespace, Name string }

// KeyOf names an issuer object.
func KeyOf(issuer v1alpha1.Issuer) Key {
	return Key{Kind: issuer.Ref().Kind, Namespace: issuer.GetNamespace(), Name: issuer.GetName()}
}

// KeyFor names the issuer that a GatewayToken refers to.
func KeyFor(object *v1alpha1.GatewayToken) Key {
	ref := object.IssuerRef()
	key := Key{Kind: ref.Kind, Name: ref.Name}
	if ref.Kind == v1alpha1.KindTokenIssuer {
		key.Namespace = object.Namespace
	}
	return key
}

// Request is what the issuer's controller is woken with.
func (k Key) Request() reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: k.Namespace, Name: k.Name}}
}

// String is used to index GatewayTokens by their issuer.
func (k Key) String() string { return k.Kind + "/" + k.Namespace + "/" + k.Name }

// Scope is the inventory of one pool of one issuer object; another object of the same name has another. Pool is empty at a vendor
// without pools.
func Scope(uid types.UID, pool string) inventory.Scope {
	return inventory.Scope(string(uid) + "/" + pool)
}

// Account is one vendor account as it was last found.
type Account struct {
	// UID is the issuer object's.
	UID types.UID
	// Generation is that of the spec that was looked at: of a newer one nothing is known.
	Generation int64
	// Vendor is nil where no client could be made.
	Vendor vendors.Vendor
	// CanMint, CanList and CanRevoke: what the account can be used for now; Problem says why not for more.
	CanMint, CanList, CanRevoke bool
	Problem                     lifecycle.Problem
	// Disputed: somebody else makes tokens with our marker. Missing: many are gone at once. ListDoubted: lists just do not show some of these.
	Disputed, Missing, ListDoubted bool
	// Limited: the user's own credentials cannot be used; the last accepted ones are, to list and revoke.
	Limited bool
	// ID is the vendor account that the issuer is pinned to; empty while none is known.
	ID string
	// Gone: what held the tokens does not exist any more. Only of a pool (In).
	Gone bool
	// URL is the vendor's, for templates.
	URL string
	// Pools are those that GatewayTokens use; nil at a vendor without pools.
	Pools map[string]Pool
}

// Pool is what was found of one pool of an account.
type Pool struct {
	Vendor vendors.Vendor
	// Gone: the vendor says that the place does not exist any more.
	Gone bool
	// Problem is why it cannot be listed; without a reason where it can.
	Problem lifecycle.Problem
}

// In gives the account as far as one pool is concerned, and whether that pool has been looked at.
func (a Account) In(pool string) (Account, bool) {
	if a.Pools == nil {
		return a, true
	}
	found, looked := a.Pools[pool]
	a.Vendor, a.Gone = found.Vendor, found.Gone && a.CanList
	if a.CanList && (found.Problem.Reason != "" || !looked) {
		a.CanMint, a.CanList, a.CanRevoke, a.Problem = false, false, false, found.Problem
	}
	return a, looked
}

// same tells whether those who wait would see no difference, whatever pool they need.
func (a Account) same(b Account) bool {
	return a.UID == b.UID && a.Generation == b.Generation && a.CanMint == b.CanMint && a.CanList == b.CanList && a.CanRevoke == b.CanRevoke &&
		a.Problem.Reason == b.Problem.Reason && a.Disputed == b.Disputed && a.Missing == b.Missing && a.ListDoubted == b.ListDoubted && a.ID == b.ID && a.URL == b.URL && (!b.CanList || a.Vendor == b.Vendor)
}

// otherPools are the names of the pools of which those who need them would see a difference.
func (a Account) otherPools(b Account) []string {
	var others []string
	for _, name := range slices.Sorted(maps.Keys(union(a.Pools, b.Pools))) {
		before, knew := a.Pools[name]
		after, knows := b.Pools[name]
		same := knew == knows && before.Vendor == after.Vendor && before.Gone == after.Gone && before.Problem.Reason == after.Problem.Reason
		if !same {
			others = append(others, name)
		}
	}
	return others
}

func union(a, b map[string]Pool) map[string]Pool {
	both := maps.Clone(a)
	if both == nil {
		both = map[string]Pool{}
	}
	maps.Copy(both, b)
	return both
}

// Book holds the accounts. It is safe for concurrent use.
type Book struct {
	mu       sync.Mutex
	accounts map[Key]Account
	waiting  map[Key]map[types.NamespacedName]struct{}
	released map[token.Marker]release
	holds    map[inventory.Scope]hold
	creates  map[inventory.Scope]time.Time
	altered  map[types.UID]int64
}

// NewBook makes an empty book.
func NewBook() *Book {
	return &Book{
		accounts: map[Key]Account{},
		waiting:  map[Key]map[types.NamespacedName]struct{}{},
		released: map[token.Marker]release{},
		holds:    map[inventory.Scope]hold{},
		creates:  map[inventory.Scope]time.Time{},
		altered:  map[types.UID]int64{},
	}
}

// Get gives the account of an issuer object, and whether this process has looked at that very object.
func (b *Book) Get(issuer v1alpha1.Issuer) (Account, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	account, ok := b.accounts[KeyOf(issuer)]
	if !ok || account.UID != issuer.GetUID() {
		return Account{}, false
	}
	return account, true
}

// Put notes what was found, and gives it as it stands: a first token may have told meanwhile that the issuer is pinned to another
// account. It tells whether anything changed for all who wait, and else for those who need which pools.
func (b *Book) Put(key Key, account Account) (standing Account, changed bool, pools []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before, known := b.accounts[key]
	if known && before.UID == account.UID && before.ID != "" && before.ID != account.ID {
		account.CanMint, account.CanList, account.CanRevoke = false, false, false
		account.ID = before.ID
		account.Problem = lifecycle.Problem{Reason: lifecycle.ReasonAccountChanged, Message: "The credentials were changed to another vendor account while the first token was issued. Put back credentials of the account that the token is in."}
	}
	b.accounts[key] = account
	return account, !known || !before.same(account), before.otherPools(account)
}

// Forget drops an issuer, and gives what was known of it.
func (b *Book) Forget(key Key) (Account, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	account, known := b.accounts[key]
	delete(b.accounts, key)
	return account, known
}

// Pin notes the vendor account that the first token of an issuer is in, and gives the one that the issuer is pinned to: another
// where that was found meanwhile.
func (b *Book) Pin(key Key, id string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	account, known := b.accounts[key]
	if known && account.ID == "" {
		account.ID = id
		b.accounts[key] = account
	}
	return account.ID
}

// ForbidMints stops mints with an issuer until it is looked at again.
func (b *Book) ForbidMints(key Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if account, known := b.accounts[key]; known {
		account.CanMint = false
		account.Problem = lifecycle.Problem{Reason: lifecycle.ReasonIssuerNotReady, Message: "The issuer is being released."}
		b.accounts[key] = account
	}
}

// AddWaiting notes that a GatewayToken waits for the issuer's next list.
func (b *Book) AddWaiting(key Key, object types.NamespacedName) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting[key] == nil {
		b.waiting[key] = map[types.NamespacedName]struct{}{}
	}
	b.waiting[key][object] = struct{}{}
}

// TakeWaiting gives and forgets those who wait.
func (b *Book) TakeWaiting(key Key) []reconcile.Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	var requests []reconcile.Request
	for object := range b.waiting[key] {
		requests = append(requests, reconcile.Request{NamespacedName: object})
	}
	delete(b.waiting, key)
	return requests
}

// release is what is remembered of an object that is gone for good.
type release struct {
	at   time.Time
	kept token.ID
	// from is where its tokens were, where no list tells whose they are.
	from Place
}

// Place is one pool of an issuer.
type Place struct {
	Issuer Key
	Pool   string
}

// Release notes that an object is gone for good, and which of its tokens is left at the vendor on purpose. from is where its tokens
// were, where no list tells whose they are; else zero.
func (b *Book) Release(marker token.Marker, kept token.ID, from Place, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for old, was := range b.released {
		if now.Sub(was.at) > ReleaseMemory {
			delete(b.released, old)
		}
	}
	b.released[marker.WithSequence(0)] = release{at: now, kept: kept, from: from}
}

// ReleasedFrom tells where the tokens of an object were that is gone for good; false where a list tells whose they are.
func (b *Book) ReleasedFrom(marker token.Marker) (Place, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	from := b.released[marker.WithSequence(0)].from
	return from, from != Place{}
}

// Released tells whether a token belongs to an object that is gone for good, and is not the one left on purpose.
func (b *Book) Released(row token.Token, now time.Time) bool {
	marker, ok := row.Marker()
	return ok && b.Gone(marker, row.ID, now)
}

// Gone tells whether an object is gone for good, and the token not one that was left on purpose.
func (b *Book) Gone(marker token.Marker, id token.ID, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	was, ok := b.released[marker.WithSequence(0)]
	return ok && now.Sub(was.at) <= ReleaseMemory && id != was.kept
}

// hold is the place where an object's create may be under way.
type hold struct {
	by    types.UID
	until time.Time
}

// TryHold keeps all others from creating at a place until then; false where another does so to us.
func (b *Book) TryHold(place inventory.Scope, by types.UID, now, until time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if held, ok := b.holds[place]; ok && held.by != by && held.until.After(now) {
		return false
	}
	b.holds[place] = hold{by: by, until: until}
	return true
}

// Unhold lets others create again.
func (b *Book) Unhold(place inventory.Scope, by types.UID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.holds[place].by == by {
		delete(b.holds, place)
	}
}

// NoteCreate notes that a create at a place has ended, however it did.
func (b *Book) NoteCreate(place inventory.Scope, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.creates[place] = now
}

// LastCreate tells when the latest create at a place ended; zero for none.
func (b *Book) LastCreate(place inventory.Scope) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.creates[place]
}

// HeldUntil tells until when another keeps an object from creating at a place; zero for nobody.
func (b *Book) HeldUntil(place inventory.Scope, by types.UID) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if held := b.holds[place]; held.by != by {
		return held.until
	}
	return time.Time{}
}

// NoteAltered notes that the vendor stored a token under another name than the one asked for: with this generation of the
// issuer no token is created any more.
func (b *Book) NoteAltered(uid types.UID, generation int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.altered[uid] = generation
}

// Altered tells whether that happened.
func (b *Book) Altered(uid types.UID, generation int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	noted, ok := b.altered[uid]
	return ok && noted == generation
}
