package lifecycle

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// seen adds a token without a name to the list.
func seen(id token.ID, state token.State) func(*Observation) {
	return func(o *Observation) { o.Snapshot.Rows[id] = token.Token{ID: id, State: state} }
}

// Without names, a Secret that is put back hides what was made since from everything but the copy of the ledger in the status.
func TestPutBack(t *testing.T) {
	listed := func(o *Observation) { o.Issuer.Capabilities = token.Capabilities{Listable: true, GetByID: true} }
	unlisted := func(o *Observation) {
		o.Issuer.Capabilities, o.Snapshot = token.Capabilities{RevokeConfirms: true, MaxNameLength: 64}, token.Snapshot{}
	}
	copied := func(current ledger.Entry, retiring ...ledger.Entry) func(*Observation) {
		return func(o *Observation) {
			o.Object.Record = &ledger.Ledger{Incarnation: o.Object.Marker.Incarnation, Account: "project", Current: current, Retiring: retiring}
		}
	}
	one, two := ledger.Entry{ID: "T1", Sequence: 1}, ledger.Entry{ID: "T2", Sequence: 2}
	published := two
	published.Published = true
	tests := map[string]struct {
		reason   string
		changes  []func(*Observation)
		retiring []ledger.Entry
		usable   bool
	}{
		"the copy is as old": {reason: "it says nothing else", changes: []func(*Observation){listed, holds("T1", 1), seen("T1", token.Active), copied(one)}, usable: true},
		"the copy is older":  {reason: "the Secret counts", changes: []func(*Observation){listed, holds("T2", 2), seen("T1", token.Active), seen("T2", token.Active), copied(one)}, usable: true},
		"the copy is newer": {
			reason: "what it has in use was published", changes: []func(*Observation){listed, holds("T1", 1), seen("T1", token.Active), seen("T2", token.Active), copied(two, one)},
			retiring: []ledger.Entry{published}, usable: true,
		},
		"the copy is newer, its token revoked": {
			reason: "nothing is left to be revoked", changes: []func(*Observation){listed, holds("T1", 1), seen("T1", token.Active), seen("T2", token.Revoked), copied(two, one)}, usable: true,
		},
		"tokens have names": {
			reason: "the list tells whose they are", changes: []func(*Observation){holds("T1", 1), row("T1", 1, token.Active), row("T2", 2, token.Active), copied(two, one)}, usable: true,
			retiring: []ledger.Entry{{ID: "T2", Sequence: 2}},
		},
		"nothing lists, and it waits for its revocation": {
			reason: "it works until then", changes: []func(*Observation){unlisted, holds("T1", 1), copied(two, one)}, retiring: []ledger.Entry{published}, usable: true,
		},
		"nothing lists, and it was struck off": {
			reason: "it was revoked", changes: []func(*Observation){unlisted, holds("T1", 1), copied(two)}, retiring: []ledger.Entry{published},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			v := newView(observed(t, tc.changes...))
			if v.usable() != tc.usable {
				t.Errorf("usable: %t: %s", v.usable(), tc.reason)
			}
			next := v.nextLedger(v.proof.Current)
			var got []ledger.Entry
			for _, entry := range next.Retiring {
				got = append(got, ledger.Entry{ID: entry.ID, Sequence: entry.Sequence, Published: entry.Published})
			}
			if diff := cmp.Diff(tc.retiring, got); diff != "" {
				t.Errorf("%s: retiring (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// No number is used twice: what a create leaves would be taken for what had its number before.
func TestNumberAfterPutBack(t *testing.T) {
	for name, tc := range map[string]struct {
		copied, want int
	}{"the copy is newer": {copied: 5, want: 6}, "the copy is older": {copied: 1, want: 3}} {
		t.Run(name, func(t *testing.T) {
			o := observed(t, holds("T2", 2), func(o *Observation) {
				o.Issuer.Capabilities, o.Snapshot = token.Capabilities{RevokeConfirms: true, MaxNameLength: 64}, token.Snapshot{}
				o.Object.Record = &ledger.Ledger{Current: ledger.Entry{ID: "T5", Sequence: tc.copied}}
				o.Object.HintID, o.Object.HintSequence = "T2", 2
			})
			if got, _ := Next(o); got != tc.want {
				t.Errorf("the next number is %d, want %d", got, tc.want)
			}
		})
	}
}

// What the status alone names is told to a person, once, and nothing more is done about it.
func TestUnproved(t *testing.T) {
	hinted := func(o *Observation) {
		o.Issuer.Capabilities = token.Capabilities{Listable: true, GetByID: true}
		o.Secret.Trust, o.Object.HintID, o.Object.HintSequence = ledger.Hint, "T1", 1
	}
	tests := map[string]struct {
		reason  string
		changes []func(*Observation)
		want    token.ID
	}{
		"the key was lost":        {reason: "nothing else tells of it", changes: []func(*Observation){holds("T1", 1), seen("T1", token.Active), hinted}, want: "T1"},
		"and it is being deleted": {reason: "it would be forgotten", changes: []func(*Observation){holds("T1", 1), seen("T1", token.Active), hinted, deleted}, want: "T1"},
		"told before": {reason: "once is enough", changes: []func(*Observation){holds("T1", 1), seen("T1", token.Active), hinted, func(o *Observation) {
			o.Issuer.Reported = map[token.ID]bool{"T1": true}
		}}},
		"revoked":           {reason: "it is of no use to anybody", changes: []func(*Observation){holds("T1", 1), seen("T1", token.Revoked), hinted}},
		"with a key":        {reason: "the ledger says whose it is", changes: []func(*Observation){holds("T1", 1), seen("T1", token.Active), hinted, func(o *Observation) { o.Secret.Trust = ledger.Proof }}},
		"tokens have names": {reason: "the list says whose it is", changes: []func(*Observation){holds("T1", 1), row("T1", 1, token.Active), hinted, func(o *Observation) { o.Issuer.Capabilities.Named = true }}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var got token.ID
			if report, ok := Plan(observed(t, tc.changes...)).Decision.(Report); ok && report.Unproved != nil {
				got = report.Unproved.ID
			}
			if got != tc.want {
				t.Errorf("reported %q, want %q: %s", got, tc.want, tc.reason)
			}
		})
	}
}
