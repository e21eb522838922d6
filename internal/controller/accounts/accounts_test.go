package accounts

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
)

// Whom a look at an issuer tells something: all who wait, or those who need a pool of which something else is found.
func TestPut(t *testing.T) {
	trouble := lifecycle.Problem{Reason: "Trouble"}
	before := Account{UID: "uid", CanList: true, Pools: map[string]Pool{"a": {}, "b": {}}}
	tests := map[string]struct {
		reason string
		change func(*Account)
		all    bool
		pools  []string
	}{
		"nothing":         {reason: "nobody is woken", change: func(*Account) {}},
		"another word":    {reason: "a message is no difference", change: func(a *Account) { a.Pools["a"] = Pool{Problem: lifecycle.Problem{Message: "other"}} }},
		"credentials":     {reason: "it concerns all", change: func(a *Account) { a.CanList = false }, all: true},
		"pool in trouble": {reason: "it concerns those who need it", change: func(a *Account) { a.Pools["b"] = Pool{Problem: trouble} }, pools: []string{"b"}},
		"pool gone":       {reason: "it concerns those who need it", change: func(a *Account) { a.Pools["a"] = Pool{Gone: true} }, pools: []string{"a"}},
		"new pools":       {reason: "they were not looked at before", change: func(a *Account) { a.Pools["c"], a.Pools["d"] = Pool{}, Pool{} }, pools: []string{"c", "d"}},
		"pool dropped":    {reason: "who still needs it must wait", change: func(a *Account) { delete(a.Pools, "a") }, pools: []string{"a"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			book, key := NewBook(), Key{Kind: "TokenIssuer", Name: "issuer"}
			if _, all, _ := book.Put(key, before); !all {
				t.Error("who waits for an issuer that was never looked at is not told of it")
			}
			after := before
			after.Pools = map[string]Pool{"a": {}, "b": {}}
			tc.change(&after)
			_, all, pools := book.Put(key, after)
			if diff := cmp.Diff(tc.pools, pools); diff != "" || all != tc.all {
				t.Errorf("%s: all %t, pools (-want +got):\n%s", tc.reason, all, diff)
			}
		})
	}
}
