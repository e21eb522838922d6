package token

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The rows of one object are found among those of others, sorted or not.
func TestSnapshotOf(t *testing.T) {
	identity := Identity{ClusterID: "cluster"}
	mine, before, other := identity.Marker("ns", "mine", "uid"), identity.Marker("ns", "mine", "uid before"), identity.Marker("ns", "other", "uid")
	rows, sorted := map[ID]Token{"nameless": {ID: "nameless"}}, map[string][]ID{}
	for id, marker := range map[ID]Marker{
		"first": mine.WithSequence(1), "second": mine.WithSequence(2), "former": before.WithSequence(1), "other": other.WithSequence(1),
	} {
		rows[id] = Token{ID: id, Name: marker.Name("base", 100)}
		sorted[marker.Object] = append(sorted[marker.Object], id)
	}
	for name, snapshot := range map[string]Snapshot{"not sorted": {Rows: rows}, "sorted": {Rows: rows, ByObject: sorted}} {
		t.Run(name, func(t *testing.T) {
			got := snapshot.Of(mine)
			slices.SortFunc(got, func(a, b Token) int { return strings.Compare(string(a.ID), string(b.ID)) })
			if diff := cmp.Diff([]Token{rows["first"], rows["second"]}, got); diff != "" {
				t.Errorf("rows of the object (-want +got):\n%s", diff)
			}
		})
	}
}

// Where rows are sorted, those of others are not so much as read: with thousands of objects each would read the names of all.
func TestSnapshotOfReadsItsOwn(t *testing.T) {
	object := Identity{ClusterID: "cluster"}.Marker("ns", "mine", "uid")
	snapshot := Snapshot{
		Rows:     map[ID]Token{"left out": {ID: "left out", Name: object.WithSequence(1).Name("base", 100)}},
		ByObject: map[string][]ID{},
	}
	if got := snapshot.Of(object); len(got) != 0 {
		t.Errorf("a row was read that is not sorted under the object: %+v", got)
	}
}
