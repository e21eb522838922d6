package conformance

import (
	"crypto/sha256"
	"errors"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

// ordinaryCases: nothing goes wrong.
func ordinaryCases() []testCase {
	return []testCase{
		{name: "CreateListRevoke", anywhere: true, run: life},
		{name: "CreatedValueIsAccepted", run: acceptedValue},
		{name: "ReadValue", anywhere: true, run: readValue},
		{name: "ReadValueOfNoToken", anywhere: true, run: readValueOfNoToken},
		{name: "CapabilitiesAgreeWithTheClient", anywhere: true, run: capabilities},
		{name: "RowsSayTheAccount", anywhere: true, run: account},
		{name: "ListShowsWhatOthersMade", run: othersTokens},
		{name: "LastUseIsShown", run: lastUse},
	}
}

func life(t *trial) {
	client := t.open(Setup{})
	before := t.list(client)
	issued := t.create(client)
	if !issued.Value.Usable() || issued.ID == "" || issued.State != token.Active {
		t.Fatalf("issued %+v", issued)
	}
	if client.Capabilities().Listable {
		row, ok := t.list(client)[issued.ID]
		if !ok {
			t.Fatalf("token %s is not listed", issued.ID)
		}
		if diff := cmp.Diff(issued.Token, row); diff != "" {
			t.Errorf("row as created -listed +created:\n%s", diff)
		}
	}
	if err := client.Revoke(t.Context(), issued.ID); err != nil {
		t.Fatalf("revoke: %v", err)
	}
	after := t.list(client)
	t.expectRevoked(client, after, issued.ID)
	delete(after, issued.ID)
	if diff := cmp.Diff(before, after); t.sim != nil && diff != "" {
		t.Errorf("other tokens changed -before +after:\n%s", diff)
	}
}

func acceptedValue(t *trial) {
	if t.sim.Accepts == nil {
		t.Skip("does not apply: the simulator cannot tell what a value is good for")
	}
	client := t.open(Setup{})
	issued := t.create(client)
	if id, live := t.sim.Accepts(issued.Value); !live || id != issued.ID {
		t.Errorf("the vendor takes the value of %s for one of %q, live %t", issued.ID, id, live)
	}
	if err := client.Revoke(t.Context(), issued.ID); err != nil {
		t.Fatalf("revoke: %v", err)
	}
	if _, live := t.sim.Accepts(issued.Value); live {
		t.Error("the vendor takes the value of a revoked token")
	}
}

func readValue(t *trial) {
	client := t.open(Setup{})
	reader := valueReader(t, client)
	other, issued := t.create(client), t.create(client)
	value, err := reader.ReadValue(t.Context(), issued.ID)
	if err != nil || sha256.Sum256([]byte(value.Reveal())) != sha256.Sum256([]byte(issued.Value.Reveal())) {
		t.Errorf("the value of %s is not the one that was issued: %v", issued.ID, err)
	}
	if err := client.Revoke(t.Context(), other.ID); err != nil {
		t.Fatalf("revoke: %v", err)
	}
	_, err = reader.ReadValue(t.Context(), other.ID)
	t.expect(err, token.NotFound, token.CauseStatus)
}

func readValueOfNoToken(t *trial) {
	reader := valueReader(t, t.open(Setup{}))
	_, err := reader.ReadValue(t.Context(), noSuchToken)
	t.expect(err, token.NotFound, token.CauseStatus)
}

// noSuchToken is of a form that every vendor takes for an ID.
const noSuchToken token.ID = "00000000-0000-4000-8000-000000000000"

func valueReader(t *trial, client vendors.Vendor) vendors.ValueReader {
	t.Helper()
	reader, ok := client.(vendors.ValueReader)
	if !ok {
		t.Skip("does not apply: the vendor shows a value once")
	}
	return reader
}

func capabilities(t *trial) {
	client := t.open(Setup{})
	can := client.Capabilities()
	if _, reads := client.(vendors.ValueReader); reads != can.ValueReadable {
		t.Errorf("ValueReadable is %t, but ReadValue is there: %t", can.ValueReadable, reads)
	}
	if _, finds := client.(vendors.Finder); finds != can.GetByID {
		t.Errorf("GetByID is %t, but Find is there: %t", can.GetByID, finds)
	}
	if _, updates := client.(vendors.Updater); updates != can.UpdateInPlace {
		t.Errorf("UpdateInPlace is %t, but Update is there: %t", can.UpdateInPlace, updates)
	}
	if _, rolls := client.(vendors.Roller); rolls != can.Roll {
		t.Errorf("Roll is %t, but Roll is there: %t", can.Roll, rolls)
	}
	if can.Named && can.MaxNameLength <= 0 {
		t.Errorf("names are bounded by nothing")
	}
	if diff := cmp.Diff(can, client.Capabilities()); diff != "" {
		t.Errorf("capabilities change:\n%s", diff)
	}
}

func account(t *trial) {
	client := t.open(Setup{})
	issued := t.create(client)
	row := t.list(client)[issued.ID]
	if row.Account != issued.Account {
		t.Errorf("the list says account %q, the create %q", row.Account, issued.Account)
	}
	if t.sim != nil && row.Account != t.sim.Truth().Account {
		t.Errorf("the row says account %q, want %q", row.Account, t.sim.Truth().Account)
	}
}

func othersTokens(t *trial) {
	t.sim.Seed("by-hand", "by hand, ünïcode", "conformance-gwt-not-a-marker")
	client := t.open(Setup{})
	rows := t.list(client)
	for _, want := range t.sim.Truth().Tokens {
		if row := rows[want.ID]; row.Name != want.Name || row.State != token.Active {
			t.Errorf("%s is listed as %q, %q; want %q, active", want.ID, row.Name, row.State, want.Name)
		}
	}
	first := t.sim.Truth().Tokens[0].ID
	t.sim.Withdraw(first)
	t.expectRevoked(client, t.list(client), first)
}

// expectRevoked fails if a list shows a revoked token as another, or lacks it at a vendor that keeps them. One that does not
// promise that may keep them all the same.
func (t *trial) expectRevoked(client vendors.Vendor, rows map[token.ID]token.Token, id token.ID) {
	t.Helper()
	row, listed := rows[id]
	if (!listed && client.Capabilities().KeepsRevoked) || (listed && row.State != token.Revoked) {
		t.Errorf("revoked token %s is listed: %t, as %q", id, listed, row.State)
	}
}

// lastUse: what nobody has used says so, and what somebody uses shows it.
func lastUse(t *trial) {
	client := t.open(Setup{})
	t.needs(client.Capabilities().ShowsLastUse, "the vendor does not show when a token was used")
	t.needs(t.sim.Use != nil, "the simulator has no consumers")
	used, idle := t.create(client), t.create(client)
	if !used.LastUsedAt.IsZero() {
		t.Errorf("a new token was used at %s", used.LastUsedAt)
	}
	t.sim.Use(used.Value)
	rows := t.list(client)
	if at := rows[used.ID].LastUsedAt; at.IsZero() || at.Before(rows[used.ID].IssuedAt) {
		t.Errorf("a token that was issued at %s and used is listed with a last use at %v", rows[used.ID].IssuedAt, at)
	}
	if at := rows[idle.ID].LastUsedAt; !at.IsZero() {
		t.Errorf("a token that nobody uses was used at %s", at)
	}
}

var errEnough = errors.New("enough")
