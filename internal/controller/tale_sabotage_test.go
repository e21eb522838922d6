//go:build sabotage

package controller_test

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatewaytoken/gateway-token-operator/internal/sabotage"
)

// unseen are acts that tales have no eyes for: there are no pods in them, and nobody looks at how long what was replaced stays, or whether
// something is tried too often. The campaign of test/crash has.
func unseen() map[string]bool {
	return map[string]bool{"SkipOverlap": true, "IgnorePods": true}
}

// Whoever breaks a rule of the operator's is caught by a tale.
func TestTalesCatch(t *testing.T) {
	always(t, map[string]string{"rapid.checks": "30"})
	for _, act := range sabotage.Acts() {
		t.Run(act.Name, func(t *testing.T) {
			if err := sabotage.Commit(act.Name); err != nil {
				t.Fatal(err)
			}
			for _, at := range scenes() {
				found := &recorder{}
				found.check(func(t *rapid.T) { tell(t, at, func(*tale) {}, (*tale).end) })
				if found.failed {
					t.Log(regexp.MustCompile(`(?s)a tale at .*`).FindString(found.text()))
					return
				}
			}
			if !unseen()[act.Name] {
				t.Error("nothing was found")
			}
		})
	}
}
