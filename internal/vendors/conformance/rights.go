package conformance

import (
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

// rightsCases: what a token may do is what was asked for, and can be changed where the vendor says so.
func rightsCases() []testCase {
	cases := []testCase{
		{name: "RightsAreShown", anywhere: true, run: rightsAreShown},
		{name: "RoleStandsForRights", anywhere: true, run: roleStandsForRights},
		{name: "RightsWinOverRole", anywhere: true, run: rightsWinOverRole},
		{name: "WrongRightsAreRefused", anywhere: true, run: wrongRights},
		{name: "Catalogue", anywhere: true, run: catalogue},
		{name: "CatalogueFails", run: catalogueFails},
		{name: "Update", anywhere: true, run: update},
		{name: "UpdateUnknown", anywhere: true, run: updateUnknown},
		{name: "UpdateOddID", run: updateOddID},
	}
	for _, tc := range singleFaults() {
		cases = append(cases, testCase{name: "Update" + tc.name, run: func(t *trial) {
			client := t.open(Setup{})
			updater := t.updater(client)
			issued := t.create(client)
			tc.fault.Route = Update
			t.inject(tc.fault)
			t.expect(updater.Update(t.Context(), issued.ID, t.bench.OtherRights), tc.class, tc.cause)
			t.expectCalls(Update, 1)
			if err := updater.Update(t.Context(), issued.ID, t.bench.OtherRights); err != nil {
				t.Errorf("after it: %v", err)
			}
			t.expectRights(client, issued.ID, t.bench.OtherRights)
			t.accepted(issued)
		}})
	}
	return cases
}

func (t *trial) updater(client vendors.Vendor) vendors.Updater {
	t.Helper()
	updater, ok := client.(vendors.Updater)
	t.needs(ok, "the vendor changes no token in place")
	t.needs(len(t.bench.OtherRights) > 0, "there are no other rights to ask for")
	return updater
}

// expectRights fails unless list and, where there is one, the call for one token show exactly these rights.
func (t *trial) expectRights(client vendors.Vendor, id token.ID, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, t.list(client)[id].Rights); diff != "" {
		t.Errorf("rights in the list -want +got:\n%s", diff)
	}
	finder, ok := client.(vendors.Finder)
	if !ok {
		return
	}
	got, err := finder.Find(t.Context(), id)
	if diff := cmp.Diff(want, got.Rights); err != nil || diff != "" {
		t.Errorf("rights of the token: %v, -want +got:\n%s", err, diff)
	}
}

func rightsAreShown(t *trial) {
	t.needs(len(t.bench.Request.Rights) > 0, "a token's rights cannot be chosen")
	client := t.open(Setup{})
	issued := t.create(client)
	if diff := cmp.Diff(t.bench.Request.Rights, issued.Rights); diff != "" {
		t.Errorf("rights as created -asked for +given:\n%s", diff)
	}
	t.expectRights(client, issued.ID, t.bench.Request.Rights)
}

// roleStandsForRights: what a role stands for is what the catalogue says.
func roleStandsForRights(t *trial) {
	t.needs(t.bench.Role != "", "the vendor has no roles")
	client := t.open(Setup{})
	known, err := t.cataloguer(client).Catalogue(t.Context())
	if err != nil {
		t.Fatalf("catalogue: %v", err)
	}
	issued := t.ask(client, vendors.Request{Name: t.name(), Role: t.bench.Role})
	if diff := cmp.Diff(known.Roles[t.bench.Role], issued.Rights); diff != "" || len(issued.Rights) == 0 {
		t.Errorf("rights of a role -as in the catalogue +as created:\n%s", diff)
	}
	t.expectRights(client, issued.ID, issued.Rights)
}

func rightsWinOverRole(t *trial) {
	t.needs(t.bench.Role != "" && len(t.bench.Request.Rights) > 0, "the vendor has no roles beside rights")
	client := t.open(Setup{})
	request := t.request(t.name())
	request.Role = t.bench.Role
	issued := t.ask(client, request)
	t.expectRights(client, issued.ID, request.Rights)
}

// wrongRights: a refusal that asking again does not help, and no doubt.
func wrongRights(t *trial) {
	t.needs(len(t.bench.Refused) > 0, "no request is known that the vendor finds wrong")
	client := t.open(Setup{})
	for what, request := range t.bench.Refused {
		request.Name = t.name()
		issued, err := client.Create(t.Context(), request)
		if err == nil {
			t.tidy(client, issued.ID)
		}
		if failure := token.AsFailure(err); err == nil || failure.Class != token.Invalid || failure.Stray != "" {
			t.Errorf("%s: %v, want it refused as Invalid", what, err)
		}
		if _, there := found(t.list(client), request.Name); there {
			t.Errorf("%s: there is a token", what)
		}
	}
	if t.sim != nil {
		t.expectTokens(0, 0)
	}
}

func (t *trial) cataloguer(client vendors.Vendor) vendors.Cataloguer {
	t.Helper()
	cataloguer, ok := client.(vendors.Cataloguer)
	t.needs(ok, "the vendor does not tell which rights it knows")
	return cataloguer
}

func catalogue(t *trial) {
	known, err := t.cataloguer(t.open(Setup{})).Catalogue(t.Context())
	if err != nil {
		t.Fatalf("catalogue: %v", err)
	}
	for _, right := range slices.Concat(t.bench.Request.Rights, t.bench.OtherRights) {
		if !slices.Contains(known.Rights, right) {
			t.Errorf("%s is not in the catalogue", right)
		}
	}
	if _, there := known.Roles[t.bench.Role]; t.bench.Role != "" && !there {
		t.Errorf("the role %s is not in the catalogue", t.bench.Role)
	}
	lists := map[string][]string{"all": known.Rights}
	for role, rights := range known.Roles {
		lists["role "+role] = rights
	}
	for of, rights := range lists {
		if !slices.IsSorted(rights) || len(slices.Compact(slices.Clone(rights))) != len(rights) {
			t.Errorf("%s: rights are not sorted, or some are there twice", of)
		}
	}
}

func catalogueFails(t *trial) {
	cataloguer := t.cataloguer(t.open(Setup{}))
	for i, tc := range singleFaults() {
		tc.fault.Route = Catalogue
		t.inject(tc.fault)
		_, err := cataloguer.Catalogue(t.Context())
		t.expect(err, tc.class, tc.cause)
		t.expectCalls(Catalogue, i+1)
	}
}

// update changes what a token may do, as often as it is asked, and nothing else.
func update(t *trial) {
	client := t.open(Setup{})
	updater := t.updater(client)
	other, issued := t.create(client), t.create(client)
	for _, rights := range [][]string{t.bench.OtherRights, t.bench.OtherRights, t.bench.Request.Rights} {
		if err := updater.Update(t.Context(), issued.ID, rights); err != nil {
			t.Fatalf("update: %v", err)
		}
		t.expectRights(client, issued.ID, rights)
		want := issued.Token
		want.Rights = rights
		if diff := cmp.Diff(want, t.list(client)[issued.ID]); diff != "" {
			t.Errorf("the row -want +got:\n%s", diff)
		}
		if t.sim != nil {
			t.accepted(issued)
		}
	}
	t.expectRights(client, other.ID, t.bench.Request.Rights)
}

func updateUnknown(t *trial) {
	updater := t.updater(t.open(Setup{}))
	t.expect(updater.Update(t.Context(), noSuchToken, t.bench.OtherRights), token.NotFound, token.CauseStatus)
}

func updateOddID(t *trial) {
	updater := t.updater(t.open(Setup{}))
	for _, id := range oddIDs() {
		t.expect(updater.Update(t.Context(), id, t.bench.OtherRights), token.Invalid, token.CauseUnexpected)
	}
	t.expectCalls(Update, 0)
}
