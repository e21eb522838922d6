package main

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// noon is when the stories of these tests begin.
func noon(seconds int) time.Time {
	return time.Date(2026, 3, 1, 12, 0, seconds, 0, time.UTC)
}

func at(seconds int, id, group string) made {
	return made{id: id, kind: "causely", group: group, at: noon(seconds)}
}

// holding is what a Secret's ledger says.
func holding(t *testing.T, incarnation, current string, retiring ...ledger.Entry) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"ledger": ledger.Ledger{Incarnation: incarnation, Current: ledger.Entry{ID: token.ID(current)}, Retiring: retiring}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestReckon(t *testing.T) {
	one := func(b *books) { b.begins("a", life{kind: "causely", name: "team/token", group: "a"}) }
	tests := map[string]struct {
		reason    string
		happened  func(*books)
		published []string
		made      []made
		unheard   int
		want      int
	}{
		"None":    {reason: "nothing was made"},
		"First":   {reason: "a GatewayToken needs one", happened: one, published: []string{"1"}, made: []made{at(0, "1", "a")}},
		"Second":  {reason: "a second one was for nothing", happened: one, published: []string{"1", "2"}, made: []made{at(0, "1", "a"), at(9, "2", "a")}, want: 1},
		"Unknown": {reason: "nobody asked for it", happened: one, made: []made{at(0, "1", "b")}, want: 1},
		"Requested": {reason: "a person asked for another", published: []string{"1", "2"}, made: []made{at(0, "1", "a"), at(9, "2", "a")}, happened: func(b *books) {
			one(b)
			b.needs("a", requested)
		}},
		"RequestedOfAnother": {reason: "what was asked of another GatewayToken is no cause", published: []string{"1", "2"}, made: []made{at(0, "1", "a"), at(9, "2", "a")}, want: 1,
			happened: func(b *books) {
				one(b)
				b.begins("b", life{kind: "causely", group: "b"})
				b.needs("b", requested)
			}},
		"PublishedTwiceForALostAnswer": {reason: "a lost answer is no cause to publish one more", happened: one, published: []string{"1", "2"}, unheard: 1,
			made: []made{at(0, "1", "a"), at(9, "2", "a")}, want: 1},
		"AnswerLost": {reason: "one whose answer got lost, and the next", happened: one, published: []string{"2"}, unheard: 1, made: []made{at(0, "1", "a"), at(9, "2", "a")}},
		"TwoAnswers": {reason: "one answer got lost, not two", happened: one, published: []string{"3"}, unheard: 1, want: 1,
			made: []made{at(0, "1", "a"), at(5, "2", "a"), at(9, "3", "a")}},
		"Killed": {reason: "a process had it in hand when it was killed", published: []string{"2"}, made: []made{at(3, "1", "a"), at(9, "2", "a")}, happened: func(b *books) {
			one(b)
			b.startsSpan(noon(0))
			b.endsSpan(noon(4), true, false)
		}},
		"KilledWithTwo": {reason: "it has one in hand for each GatewayToken", published: []string{"3"}, want: 1, made: []made{at(2, "1", "a"), at(3, "2", "a"), at(9, "3", "a")},
			happened: func(b *books) {
				one(b)
				b.startsSpan(noon(0))
				b.endsSpan(noon(4), true, false)
			}},
		"KilledLongAfter": {reason: "it had time enough to publish it", published: []string{"2"}, want: 1, made: []made{at(3, "1", "a"), at(29, "2", "a")},
			happened: func(b *books) {
				one(b)
				b.startsSpan(noon(0))
				b.endsSpan(noon(20), true, false)
			}},
		"KilledLongAfterAndUnwell": {reason: "the API server took no writes", published: []string{"2"}, made: []made{at(3, "1", "a"), at(29, "2", "a")},
			happened: func(b *books) {
				one(b)
				b.startsSpan(noon(0))
				b.endsSpan(noon(20), true, true)
			}},
		"KilledLater": {reason: "it was not that process", published: []string{"2"}, want: 1, made: []made{at(3, "1", "a"), at(9, "2", "a")}, happened: func(b *books) {
			one(b)
			b.startsSpan(noon(5))
			b.endsSpan(noon(8), true, false)
		}},
		"ToldToStop": {reason: "a process that is told to stop publishes what it has in hand", published: []string{"2"}, want: 1, made: []made{at(3, "1", "a"), at(9, "2", "a")},
			happened: func(b *books) {
				one(b)
				b.startsSpan(noon(0))
				b.endsSpan(noon(4), false, false)
			}},
		"DeletedBeforePublication": {reason: "its GatewayToken had a cause, and was deleted", made: []made{at(0, "1", "a")}, happened: func(b *books) {
			one(b)
			b.ends(noon(1), func(string) bool { return true })
		}},
		"NeverPublished": {reason: "whoever has a cause has what was made for it", happened: one, made: []made{at(0, "1", "a")}, want: 1},
		"Aged": {reason: "it was about to expire", published: []string{"1", "2", "3"}, made: []made{at(0, "1", "a"), at(15, "2", "a"), at(29, "3", "a")}, happened: func(b *books) {
			b.begins("a", life{kind: "causely", group: "a", renewAfter: 15 * time.Second})
		}},
		"Young": {reason: "it was not about to expire yet", published: []string{"1", "2"}, want: 1, made: []made{at(0, "1", "a"), at(9, "2", "a")}, happened: func(b *books) {
			b.begins("a", life{kind: "causely", group: "a", renewAfter: 15 * time.Second})
		}},
		"WithoutNames": {reason: "two GatewayTokens of one gateway, and a process that had one of each in hand", published: []string{"3", "4"},
			made: []made{at(2, "1", "g"), at(3, "2", "g"), at(9, "3", "g"), at(9, "4", "g")}, happened: func(b *books) {
				b.begins("a", life{kind: "causely", group: "g"})
				b.begins("b", life{kind: "causely", group: "g"})
				b.startsSpan(noon(0))
				b.endsSpan(noon(4), true, false)
			}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBooks()
			if tc.happened != nil {
				tc.happened(b)
			}
			owner := "a"
			for _, id := range tc.published {
				b.reads(holding(t, owner, id))
				if name == "WithoutNames" {
					owner = "b"
				}
			}
			var needless []string
			for _, r := range b.reckon(tc.made, map[string]int{"causely": tc.unheard}) {
				needless = append(needless, r.needless...)
			}
			if len(needless) != tc.want {
				t.Errorf("%s: %d needless, want %d: %v", tc.reason, len(needless), tc.want, needless)
			}
		})
	}
}

func TestExcuse(t *testing.T) {
	tests := map[string]struct {
		reason   string
		happened func(*books)
		refused  int
		want     string
	}{
		"None":    {reason: "nothing happened to it", refused: 9},
		"Revoked": {reason: "a person did that", refused: 9, happened: func(b *books) { b.revokes("1", noon(8)) }, want: "a person revoked it"},
		"Later":   {reason: "a person did that later", refused: 7, happened: func(b *books) { b.revokes("1", noon(8)) }},
		"Another": {reason: "a person revoked another", refused: 9, happened: func(b *books) { b.revokes("2", noon(8)) }},
		"Deleted": {reason: "nobody wants it any more", refused: 9, happened: func(b *books) { b.ends(noon(8), func(name string) bool { return name == "team/token" }) }, want: "its GatewayToken is deleted"},
		"Elsewhere": {reason: "another was deleted", refused: 9, happened: func(b *books) {
			b.ends(noon(8), func(name string) bool { return name == "team/other" })
		}},
		"Leaked": {reason: "it is older than the leak", refused: 9, want: "it has leaked", happened: func(b *books) {
			b.note("a", func(l *life) { l.leaks = append(l.leaks, noon(8)) })
		}},
		"LeakedBefore": {reason: "it is younger than the leak", refused: 9, happened: func(b *books) {
			b.note("a", func(l *life) { l.leaks = append(l.leaks, noon(1)) })
		}},
		"Cut": {reason: "its spec says so", refused: 9, want: "it is replaced in a way that cuts off", happened: func(b *books) {
			b.note("a", func(l *life) { l.cut = noon(8) })
		}},
		"Unnoted": {reason: "all that told of it is gone", refused: 9, want: "its Secret was deleted before anything else told of it", happened: func(b *books) { b.unnotes("1", noon(8)) }},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBooks()
			b.begins("a", life{kind: "causely", name: "team/token", group: "a"})
			b.reads(holding(t, "a", "1"))
			if tc.happened != nil {
				tc.happened(b)
			}
			if got := b.excuse("1", noon(2), noon(tc.refused)); got != tc.want {
				t.Errorf("%s: %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

func TestReads(t *testing.T) {
	b := newBooks()
	b.begins("a", life{group: "a"})
	b.begins("b", life{group: "b"})
	var readers sync.WaitGroup // as watches are
	for _, text := range []string{
		holding(t, "a", "3", ledger.Entry{ID: "2", Published: true}, ledger.Entry{ID: "1"}), holding(t, "unknown", "4"), "no ledger", "",
	} {
		readers.Go(func() { b.reads(text) })
	}
	readers.Wait()
	b.reads(holding(t, "b", "3")) // whoever says so later
	if diff := cmp.Diff(map[string]string{"3": "a", "2": "a"}, b.published); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}

func TestMadeBy(t *testing.T) {
	b := newBooks()
	b.makers["worker"] = true
	marker := token.Identity{ClusterID: "c"}.Marker("team", "token", "uid").WithSequence(1)
	b.begins(marker.Incarnation, life{kind: "causely", group: marker.Incarnation})
	b.begins("other", life{kind: "pingone", group: "gateway"})
	tests := map[string]struct {
		reason string
		vendor stack.Vendor
		token  stack.Token
		ours   bool
		group  string
		kind   string
	}{
		"Marked":   {reason: "its name has our marker", vendor: stack.Causely, token: stack.Token{Name: marker.Name("base", 100)}, ours: true, group: marker.Incarnation, kind: "causely"},
		"Foreign":  {reason: "somebody else's name", vendor: stack.Causely, token: stack.Token{Name: foreign}},
		"Maker":    {reason: "our credentials made it", vendor: stack.PingOne, token: stack.Token{Maker: "worker", Place: "gateway"}, ours: true, group: "gateway", kind: "pingone"},
		"Console":  {reason: "a person made it", vendor: stack.PingOne, token: stack.Token{Maker: "console", Place: "gateway"}},
		"Nobody's": {reason: "ours, of no GatewayToken that there was", vendor: stack.Causely, token: stack.Token{Name: strings.Replace(marker.Name("base", 100), marker.Incarnation, "aaaaaa", 1)}, ours: true, group: "aaaaaa", kind: "causely, of nobody known"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, ours := b.madeBy(tc.vendor, tc.token)
			if ours != tc.ours || got.group != tc.group || got.kind != tc.kind {
				t.Errorf("%s: %+v, ours: %t", tc.reason, got, ours)
			}
		})
	}
}

func TestReports(t *testing.T) {
	b := newBooks()
	b.reports([]v1alpha1.PossibleOrphan{{ID: "1"}, {Name: "asked for"}})
	b.reports(nil) // the issuer is gone, or a person has decided
	for id, want := range map[string]bool{"1": true, "asked for": true, "2": false} {
		if got := b.isReported(id); got != want {
			t.Errorf("%q is reported: %t, want %t", id, got, want)
		}
	}
}

func TestPulse(t *testing.T) {
	answered := func(tenths ...int) (beats []int) { return tenths }
	tests := map[string]struct {
		reason string
		// beats are when it was asked and answered, in tenths of a second; so are since, when the process began, and now.
		beats      []int
		since, now int
		want       bool
	}{
		"Well":     {reason: "it always answered", beats: answered(10, 15, 20, 25), since: 10, now: 30},
		"Slow":     {reason: "it was away for two seconds", beats: answered(10, 30, 35), since: 15, now: 40, want: true},
		"Before":   {reason: "it was away before", beats: answered(10, 30, 35), since: 32, now: 40},
		"Still":    {reason: "it is away", beats: answered(10, 15), since: 10, now: 30, want: true},
		"Restarts": {reason: "it was away when the process began, too", beats: answered(10, 30, 35), since: 20, now: 40, want: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			after := func(tenths int) time.Time { return noon(0).Add(time.Duration(tenths) * 100 * time.Millisecond) }
			p := &pulse{}
			for _, beat := range tc.beats {
				p.at(after(beat), true)
			}
			if got := p.failedSince(after(tc.since), after(tc.now)); got != tc.want {
				t.Errorf("%s: %t, want %t", tc.reason, got, tc.want)
			}
		})
	}
}
