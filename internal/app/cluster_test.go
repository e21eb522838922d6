package app

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"
)

// TestDecide: who the operator is in a cluster, and when a person is asked.
func TestDecide(t *testing.T) {
	known := clusterRecord{Base: "c", ClusterID: "c", Prints: []string{"ca:1", "key:1"}}
	elsewhere := []string{"ca:2", "key:2"}
	is := printOf(elsewhere)
	tests := map[string]struct {
		reason string
		record *clusterRecord
		base   string
		seen   []string
		word   string
		want   clusterRecord
		asks   bool
	}{
		"first start":          {"nothing is known", nil, "c", known.Prints, "", known, false},
		"same":                 {"nothing changed", &known, "c", known.Prints, "", known, false},
		"authority rotated":    {"the keys are the same", &known, "c", []string{"ca:2", "key:1"}, "", clusterRecord{Base: "c", ClusterID: "c", Prints: []string{"ca:2", "key:1"}}, false},
		"keys rotated":         {"the authority is the same", &known, "c", []string{"ca:1", "key:2"}, "", clusterRecord{Base: "c", ClusterID: "c", Prints: []string{"ca:1", "key:2"}}, false},
		"keys not readable":    {"those before are kept", &known, "c", []string{"ca:1"}, "", known, false},
		"nothing readable":     {"nothing tells of a difference", &known, "c", nil, "", known, false},
		"another kind":         {"they cannot be compared", &clusterRecord{Base: "c", ClusterID: "c", Prints: []string{"ca:1"}}, "c", []string{"key:1"}, "", clusterRecord{Base: "c", ClusterID: "c", Prints: []string{"ca:1"}}, false},
		"copied":               {"neither is the same", &known, "c", elsewhere, "", known, true},
		"another word":         {"it was about another copy", &known, "c", elsewhere, "keep/abcdefabcdef", known, true},
		"a bare word":          {"it says nothing about this copy", &known, "c", elsewhere, "keep", known, true},
		"kept":                 {"the earlier one is gone", &known, "c", elsewhere, "keep/" + is, clusterRecord{Base: "c", ClusterID: "c", Prints: elsewhere}, false},
		"new":                  {"the earlier one lives", &known, "c", elsewhere, "new/" + is, clusterRecord{Base: "c", ClusterID: "c/" + is, Former: []string{"c"}, Prints: elsewhere}, false},
		"restored elsewhere":   {"another cluster signs otherwise", &known, "d", elsewhere, "", clusterRecord{Base: "d", ClusterID: "d", Former: []string{"c"}, Prints: elsewhere}, false},
		"moved back to a copy": {"it keeps the name that a person gave it", &clusterRecord{Base: "d", ClusterID: "d", Former: []string{"c", "c/" + is}, Prints: elsewhere}, "c", elsewhere, "", clusterRecord{Base: "c", ClusterID: "c/" + is, Former: []string{"c", "d"}, Prints: elsewhere}, false},
		"moved back":           {"a cluster is not its own former", &clusterRecord{Base: "d", ClusterID: "d", Former: []string{"c"}, Prints: elsewhere}, "c", known.Prints, "", clusterRecord{Base: "c", ClusterID: "c", Former: []string{"d"}, Prints: known.Prints}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			next, asks := decide(tc.record, tc.base, tc.seen, tc.word)
			if diff := cmp.Diff(tc.want, next); diff != "" || asks != tc.asks {
				t.Errorf("%s: asks %t, want %t; record (-want +got):\n%s", tc.reason, asks, tc.asks, diff)
			}
		})
	}
}

// TestDecideOnACopyOfACopy: the copy that was given an identity of its own is asked again, and has both former ones then.
func TestDecideOnACopyOfACopy(t *testing.T) {
	first, second := []string{"ca:2"}, []string{"ca:3"}
	record, _ := decide(&clusterRecord{Base: "c", ClusterID: "c", Prints: []string{"ca:1"}}, "c", first, "new/"+printOf(first))
	if _, asks := decide(&record, "c", second, "new/"+printOf(first)); !asks {
		t.Error("the word for the first copy was taken for the second")
	}
	again, _ := decide(&record, "c", second, "new/"+printOf(second))
	if again.ClusterID == record.ClusterID || !slices.Equal(again.Former, []string{"c", record.ClusterID}) {
		t.Errorf("after %+v: %+v", record, again)
	}
}

// TestPrintsOfKeys: what a key is called does not matter, and what cannot be read gives nothing.
func TestPrintsOfKeys(t *testing.T) {
	one := printsOfKeys([]byte(`{"keys":[{"kid":"a","kty":"RSA","n":"n1","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"x","y":"y"}]}`))
	same := printsOfKeys([]byte(`{"keys":[{"kid":"b","use":"sig","kty":"RSA","n":"n1","e":"AQAB"}]}`))
	if len(one) != 2 || len(same) != 1 || one[0] != same[0] || one[0] == one[1] {
		t.Errorf("%v, %v", one, same)
	}
	if none := printsOfKeys([]byte("<html>")); none != nil {
		t.Errorf("%v of no keys", none)
	}
}

// TestKeysAreAskedForAgain: an API server that is not ready for a moment does not look like another one; one that refuses is not asked again.
func TestKeysAreAskedForAgain(t *testing.T) {
	before := keyRetries
	keyRetries.Duration = time.Millisecond
	t.Cleanup(func() { keyRetries = before })
	for name, tc := range map[string]struct{ fails, code, want, calls int }{
		"not ready twice": {fails: 2, code: http.StatusServiceUnavailable, want: 1, calls: 3},
		"never ready":     {fails: 100, code: http.StatusServiceUnavailable, calls: before.Steps},
		"refused":         {fails: 100, code: http.StatusForbidden, calls: 1},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if calls++; calls <= tc.fails {
					w.WriteHeader(tc.code)
					return
				}
				_, _ = w.Write([]byte(`{"keys":[{"kty":"RSA","n":"n1","e":"AQAB"}]}`))
			}))
			defer server.Close()
			if read := prints(t.Context(), &rest.Config{Host: server.URL}, server.Client()); len(read) != tc.want || calls != tc.calls {
				t.Errorf("%v after %d calls, want %d keys after %d", read, calls, tc.want, tc.calls)
			}
		})
	}
}
