//go:build sabotage

package sabotage

import "fmt"

// Rules that are not kept.
var (
	// BelieveHints takes what is not signed for proof of what is ours.
	BelieveHints bool
	// ForgetPredecessors leaves what was replaced out of the ledger.
	ForgetPredecessors bool
	// BelieveAbsence takes a token for gone that one list lacks, whatever list it is.
	BelieveAbsence bool
	// MintUnseen makes a token without having seen in a list that there is none.
	MintUnseen bool
	// WriteBlindly writes the Secret whatever has become of it since it was read.
	WriteBlindly bool
	// RevokeUnlisted revokes strays that no ledger lists.
	RevokeUnlisted bool
	// LeaveStrays does nothing about tokens that nobody needs.
	LeaveStrays bool
	// ReleaseAtOnce releases an object without a last list.
	ReleaseAtOnce bool
	// TrustEverybody takes tokens that another operator made for our own.
	TrustEverybody bool
)

// Mistakes that somebody could make.
var (
	// MintAgain forgets a token whose value could not be written, and makes another.
	MintAgain bool
	// RevokeFirst revokes a token before its successor is published.
	RevokeFirst bool
	// DropFinalizer releases an object whose tokens cannot be revoked.
	DropFinalizer bool
	// SkipOverlap revokes what was replaced as soon as no pod holds it.
	SkipOverlap bool
	// IgnorePods revokes what was replaced after its overlap, whoever holds it.
	IgnorePods bool
	// BelieveStatus makes another token where the status does not name the one in use.
	BelieveStatus bool
	// TellValues writes a token's value into an event.
	TellValues bool
	// RepeatCreates asks once more at once for a token whose create was not answered.
	RepeatCreates bool
	// OverwriteForeign takes somebody else's Secret for the object's own.
	OverwriteForeign bool
)

// chosen is committed from the start; the linker sets it.
var chosen string

func init() {
	if chosen != "" {
		if err := Commit(chosen); err != nil {
			panic(err)
		}
	}
}

// Act is one way to break a rule.
type Act struct {
	Name string
	// Rule is the rule that is not kept; empty for a mistake.
	Rule string
	on   *bool
}

// Acts are all of them.
func Acts() []Act {
	return []Act{
		{"BelieveHints", "proof", &BelieveHints},
		{"ForgetPredecessors", "ledger", &ForgetPredecessors},
		{"BelieveAbsence", "snapshot", &BelieveAbsence},
		{"MintUnseen", "mint gate", &MintUnseen},
		{"WriteBlindly", "publish", &WriteBlindly},
		{"RevokeUnlisted", "fence", &RevokeUnlisted},
		{"LeaveStrays", "sweep", &LeaveStrays},
		{"ReleaseAtOnce", "release", &ReleaseAtOnce},
		{"TrustEverybody", "foreign writer", &TrustEverybody},
		{"MintAgain", "", &MintAgain},
		{"RevokeFirst", "", &RevokeFirst},
		{"DropFinalizer", "", &DropFinalizer},
		{"SkipOverlap", "", &SkipOverlap},
		{"IgnorePods", "", &IgnorePods},
		{"BelieveStatus", "", &BelieveStatus},
		{"TellValues", "", &TellValues},
		{"RepeatCreates", "", &RepeatCreates},
		{"OverwriteForeign", "", &OverwriteForeign},
	}
}

// Commit does one of them from now on, and no other.
func Commit(name string) error {
	found := false
	for _, act := range Acts() {
		*act.on = act.Name == name
		found = found || *act.on
	}
	if !found {
		return fmt.Errorf("nothing is called %q", name)
	}
	return nil
}
